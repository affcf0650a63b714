"""The logarithm of the gamma function: SciPy's, but near its zeros 1 and 2, at the poles, and next to 0."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from ..numbers import is_finite
from ..types import Value
from .pointwise import Fast, Pointwise, is_whole, of_scipy


_ABOVE = (
    -0.0005567335455138689, -0.018221395026517907, -0.15719521902183597, -0.5124331191648361,
    -0.6523839882533498, -0.14373492162234913, 0.28661799458506104, 0.15049904458014518,
)  # fmt: skip
_BELOW = (
    0.0011388694012923522, 0.044652006785070905, 0.5052462881198855, 2.428067506864359,
    5.750590987295515, 7.0312768988707965, 4.245723935986845, 1.0,
)  # fmt: skip
_COEFFICIENTS = tuple(zip(_ABOVE[1:-1], _BELOW[1:-1], strict=True))
_CHUNK = 1 << 13  # elements of which a few arrays stay in the cache
_FEW = 16  # elements that take less time one by one


def _between_zeros(x: Any) -> Any:
    """log(Gamma(x)) for 0.7 < x < 2.3, to 3 units in the last place: (x - 1)*(x - 2)*(1/2 + P(t)/Q(t)), t = x - 3/4.

    The zeros 1 and 2 are factors, so that nothing cancels near them. P/Q is a least-squares fit to the rest, at 80 of
    Chebyshev's points and with 90 digits; its error is 4e-17 of the whole.
    """
    t = x - 0.75
    p, q = _ABOVE[0] * t, _BELOW[0] * t  # arrays of our own, which the operators below change in place
    for above, below in _COEFFICIENTS:
        p += above
        p *= t
        q += below
        q *= t
    p += _ABOVE[-1]
    q += _BELOW[-1]
    p /= q
    p += 0.5
    p *= (x - 1) * (x - 2)
    p += 0.0  # no zero is negative
    return p


def _loggamma_fast(special: ModuleType, x: Value) -> Any:
    """SciPy's real form is right to the last digits but near the zeros 1 and 2, at the poles, and next to 0."""
    if not np.ndim(x):
        return np.float64(_loggamma_of_number(special, float(x)))  # as of arrays, NumPy's
    flat = x.reshape(-1)
    value = np.empty(flat.shape)
    for i in range(0, flat.size, _CHUNK):
        _put_loggamma(special, flat[i : i + _CHUNK], value[i : i + _CHUNK])
    return value.reshape(x.shape)


def _put_loggamma(special: ModuleType, x: Value, out: Value) -> None:
    is_short = x.size <= _FEW
    near = is_short or (x > 0.7) & (x < 2.3)
    count = 0 if is_short else np.count_nonzero(near)
    if not count:
        special.loggamma(x, out=out)
    elif count == x.size:
        out[...] = _between_zeros(x)
    else:
        which, others = np.flatnonzero(near), np.flatnonzero(~near)
        out[which], out[others] = _between_zeros(x[which]), special.loggamma(x[others])
    for i, number in enumerate(x.tolist() if is_short else ()):
        if 0.7 < number < 2.3:
            out[i] = _between_zeros(number)
    if not is_finite(out):
        out[(x <= 0) & is_whole(x)] = np.inf
        tiny = (x > 0) & (x < 1e-300)
        out[tiny] = -np.log(x[tiny])


def _loggamma_of_number(special: ModuleType, x: float) -> Any:
    if 0.7 < x < 2.3:
        return _between_zeros(x)
    if 0 < x < 1e-300:
        return -np.log(x)
    return np.inf if x <= 0 and is_whole(x) else special.loggamma(x)


LOGGAMMA = Pointwise(
    "loggamma",
    lambda mp, z: mp.loggamma(z),
    Fast(_loggamma_fast, keep_nan=True, always=_loggamma_fast),
    Fast(of_scipy("loggamma")),
)
