"""The logarithm of the gamma function: SciPy's, but near its zeros 1 and 2, at the poles, and next to 0."""

from __future__ import annotations

import math
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np

from ..numbers import is_finite
from ..types import Value
from .direct import Direct, count_nonzero
from .pointwise import Fast, Pointwise, is_whole, of_scipy


# Of P and Q, from the highest power on.
_P = (
    -0.0005567335455138689, -0.018221395026517907, -0.15719521902183597, -0.5124331191648361,
    -0.6523839882533498, -0.14373492162234913, 0.28661799458506104, 0.15049904458014518,
)  # fmt: skip
_Q = (
    0.0011388694012923522, 0.044652006785070905, 0.5052462881198855, 2.428067506864359,
    5.750590987295515, 7.0312768988707965, 4.245723935986845, 1.0,
)  # fmt: skip
# As arrays of rank 0: of a number NumPy makes one in each operation, which takes half the time of a few elements.
_FIRST_P, *_REST_P = map(np.array, _P)
_FIRST_Q, *_REST_Q = map(np.array, _Q)
_CHUNK = 1 << 13  # elements of which a few arrays stay in the cache
_FEW = 12  # elements that take less time one by one
_LOW, _HIGH = 0.7, 2.0  # from 2 on SciPy's is right


def _between_zeros(x: Any) -> Any:
    """log(Gamma(x)) for 0.7 < x < 2.3, to 3 units in the last place: (x - 1)*(x - 2)*(1/2 + P(t)/Q(t)), t = x - 3/4.

    The zeros 1 and 2 are factors, so that nothing cancels near them. P/Q is a least-squares fit to the rest, at 80 of
    Chebyshev's points and with 90 digits; its error is 4e-17 of the whole.
    """
    t = x - 0.75
    p, q = _FIRST_P * t, _FIRST_Q * t
    add, multiply = np.add, np.multiply
    for a, b in zip(_REST_P[:-1], _REST_Q[:-1], strict=True):
        add(p, a, p)
        multiply(p, t, p)
        add(q, b, q)
        multiply(q, t, q)
    add(p, _REST_P[-1], p)
    add(q, _REST_Q[-1], q)
    p /= q
    p += 0.5
    p *= (x - 1) * (x - 2)
    p += 0.0  # no zero is negative
    return p


def _number_between_zeros(x: float) -> float:
    """The same of a number, by the same operations."""
    t = x - 0.75
    a, b, c, d, e, f, g, h = _P
    p = ((((((a * t + b) * t + c) * t + d) * t + e) * t + f) * t + g) * t + h
    a, b, c, d, e, f, g, h = _Q
    q = ((((((a * t + b) * t + c) * t + d) * t + e) * t + f) * t + g) * t + h
    return (p / q + 0.5) * ((x - 1) * (x - 2)) + 0.0


def _loggamma_fast(special: ModuleType, x: Value) -> Any:
    """SciPy's real form is right to the last digits but near the zeros 1 and 2, at the poles, and next to 0."""
    if not np.ndim(x):
        return np.float64(_loggamma_of_number(special, float(x)))  # as of arrays, NumPy's
    if x.size and x.item(x.argmin()) >= _HIGH:
        return special.loggamma(x)
    if x.ndim == 1 and x.size <= _CHUNK:
        return _of_chunk(special, x)
    flat = x.reshape(-1)
    value = np.empty(flat.shape)
    for i in range(0, flat.size, _CHUNK):
        value[i : i + _CHUNK] = _of_chunk(special, flat[i : i + _CHUNK])
    return value.reshape(x.shape)


def _of_chunk(special: ModuleType, x: Value) -> Any:
    if x.size <= _FEW:
        value = special.loggamma(x)
        for i, number in enumerate(x.tolist()):
            if _LOW < number < _HIGH:
                value[i] = _number_between_zeros(number)
    else:
        near = (x > _LOW) & (x < _HIGH)
        count = int(count_nonzero(near))
        value = _between_zeros(x) if count == x.size else _of_both(special, x, near, count)
    if not is_finite(value):
        value[(x <= 0) & is_whole(x)] = np.inf
        tiny = (x > 0) & (x < 1e-300)
        value[tiny] = -np.log(x[tiny])
    return value


def _of_both(special: ModuleType, x: Value, near: Value, count: int) -> Any:
    """Values of which `count`, those at `near`, are between the zeros."""
    which = np.flatnonzero(near)
    if count <= _FEW:
        value = special.loggamma(x)
        for i in which.tolist():
            value[i] = _number_between_zeros(x.item(i))
        return value
    value = np.empty(x.shape)
    others = np.flatnonzero(~near)
    value[which], value[others] = _between_zeros(x[which]), special.loggamma(x[others])
    return value


def _loggamma_of_number(special: ModuleType, x: float) -> Any:
    if _LOW < x < _HIGH:
        return _number_between_zeros(x)
    if 0 < x < 1e-300:
        return -np.log(x)
    return np.inf if x <= 0 and is_whole(x) else special.loggamma(x)


LOGGAMMA = Pointwise(
    "loggamma",
    lambda mp, z: mp.loggamma(z),
    Fast(
        _loggamma_fast,
        keep_nan=True,
        direct=Direct(attrgetter("loggamma"), ((math.nextafter(_HIGH, 0.0), np.inf),), rest=_loggamma_fast),
    ),
    Fast(of_scipy("loggamma")),
)
