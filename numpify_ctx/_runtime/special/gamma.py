"""Error and gamma functions, each with its reference and its fast forms.

Where a formula comes from is said as DLMF and the number of the equation (https://dlmf.nist.gov).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np

from ..types import MPContext, MPNumber, Value
from .direct import FROM_0, POSITIVE, Direct, count_nonzero, part_of
from .orders import at_order
from .pointwise import SHIFT, Fast, Pointwise, is_whole, of_scipy, replaced


def _finite(value: Value) -> Any:
    """nan, which the reference replaces, for what overflows."""
    return np.where(np.isfinite(value), value, np.nan)


def _or_nan(value: Value, zero: Value) -> Any:
    """nan, which the reference replaces, for what underflows where it is not `zero`."""
    return np.where((value == 0) & ~zero, np.nan, value)


# -- error functions ---------------------------------------------------------------------------------------------------

ERF = Pointwise("erf", lambda mp, z: mp.erf(z), Fast(of_scipy("erf"), keep_nan=True), Fast(of_scipy("erf")))


def _erfc_fast(special: ModuleType, x: Value) -> Any:
    """SciPy gives 0 for what is smaller than the normal numbers; `math.erfc` does not."""
    value = special.erfc(x)
    if count_nonzero(value) == value.size:
        return value
    return replaced(value, (value == 0) & (x < 27.3), lambda x: _erfc_far(special, x), x)


def _erfc_far(special: ModuleType, x: Value) -> Any:
    """exp(-x**2) erfcx(x) (DLMF 7.2.7), with x in two parts, so that no square is rounded before it is a power."""
    head = x.astype(np.float32).astype(np.float64)
    tail = np.exp((head - x) * (head + x))
    return special.erfcx(x) * tail * np.exp(SHIFT - head * head) * np.exp(-SHIFT)


ERFC = Pointwise(
    "erfc",
    lambda mp, z: mp.erfc(z),
    Fast(_erfc_fast, keep_nan=True, direct=Direct(attrgetter("erfc"), no_zero=True, rest=_erfc_fast)),
    Fast(of_scipy("erfc")),
)


def _erfi_fast(special: ModuleType, x: Value) -> Any:
    """SciPy overflows a little too soon, where exp(x**2) does."""
    value = special.erfi(x)
    return replaced(value, np.isinf(value) & (np.abs(x) < 26.8), lambda x: _erfi_far(special, x), x)


def _erfi_far(special: ModuleType, x: Value) -> Any:
    """2/sqrt(pi) exp(x**2) dawsn(x) (DLMF 7.5.1), as `_erfc_far`."""
    head = x.astype(np.float32).astype(np.float64)
    tail = np.exp((x - head) * (x + head))
    return special.dawsn(x) * (2 / math.sqrt(math.pi)) * tail * np.exp(head * head - SHIFT) * np.exp(SHIFT)


ERFI = Pointwise(
    "erfi",
    lambda mp, z: mp.erfi(z),
    Fast(_erfi_fast, keep_nan=True, direct=Direct(attrgetter("erfi"), ((-26.6, 26.6),))),
    Fast(of_scipy("erfi")),
)


def _erf2(mp: MPContext, x: MPNumber, y: MPNumber) -> Any:
    """erf(y) - erf(x), by the complements where both are near 1 or both near -1."""
    if mp.re(x) > 1 and mp.re(y) > 1:
        return mp.erfc(x) - mp.erfc(y)
    if mp.re(x) < -1 and mp.re(y) < -1:
        return mp.erfc(-y) - mp.erfc(-x)
    return mp.erf(y) - mp.erf(x)


def _erf2_fast(special: ModuleType, x: Value, y: Value) -> Any:
    def tail(sign: int, x: Value, y: Value) -> Any:
        return sign * (_erfc_fast(special, np.abs(x)) - _erfc_fast(special, np.abs(y)))

    value = special.erf(y) - special.erf(x)
    for sign in (1, -1):
        value = replaced(value, (sign * x > 0) & (sign * y > 0), lambda x, y, sign=sign: tail(sign, x, y), x, y)
    return value


def _far_apart(x: Value, y: Value) -> Any:
    """Does erf(y) - erf(x) lose no more than a digit?"""
    return (np.abs(y - x) > 0.25) | (x == y)


ERF2 = Pointwise("erf2", _erf2, Fast(_erf2_fast, where=_far_apart))
ERFINV = Pointwise("erfinv", lambda mp, x: mp.erfinv(x), Fast(of_scipy("erfinv"), keep_nan=True))
ERFCINV = Pointwise("erfcinv", lambda mp, x: mp.erfinv(1 - x), Fast(of_scipy("erfcinv"), keep_nan=True))


def _erf2inv_fast(special: ModuleType, x: Value, y: Value) -> Any:
    """z such that erf(z) - erf(x) = y; far from 0 by the complement, which is smaller."""

    def right(x: Value, y: Value) -> Any:
        """z by 1 - erf(x) - y, of which no part is rounded that is much larger."""
        near = np.where(x > 0.5, special.erfc(x) - y, (1 - y) - special.erf(x))
        return special.erfcinv(np.where(x < -0.5, (2 - y) - special.erfc(-x), near))

    total = special.erf(x) + y
    far = np.where(total > 0, right(x, y), -right(-x, -y))
    return np.where(np.abs(total) < 0.5, special.erfinv(total), far)


def _erf2inv(mp: MPContext, x: MPNumber, y: MPNumber) -> Any:
    with mp.extraprec(1100 if mp.isfinite(x) and mp.isfinite(y) else 0):  # erf(x) + y may be as near to 1 as erfc(26)
        return mp.erfinv(mp.erf(x) + y)


ERF2INV = Pointwise("erf2inv", _erf2inv, Fast(_erf2inv_fast, keep_nan=True))


def _fresnel_fast(i: int) -> Callable[..., Any]:
    """S, i = 0, or C, i = 1, of complex numbers.

    Where one overflows, SciPy has the signs wrong; and between 2.5 and 4.5 it divides by sin(pi*z**2/2) or the cosine,
    which may be 0: by error functions there (DLMF 7.5.8 to 7.5.10).
    """

    def function(special: ModuleType, z: Value) -> Any:
        value = np.asarray(_finite(special.fresnel(z)[i]))
        if (near := (np.abs(z) > 2.4) & (np.abs(z) < 4.6)).any():
            w = np.asarray(z)[near] * np.sqrt(np.pi) / 2
            left, right = special.erf((1 + 1j) * w), 1j * special.erf((1 - 1j) * w)
            value[near] = (1 - 1j) / 4 * (left + right) if i else (1 + 1j) / 4 * (left - right)
        return value

    return function


_FRESNEL = tuple(
    (Fast(lambda s, x, i=i: s.fresnel(x)[i], direct=part_of("fresnel", i, no_nan=True)), Fast(_fresnel_fast(i)))
    for i in (0, 1)
)
FRESNELS = Pointwise("fresnels", lambda mp, z: mp.fresnels(z), *_FRESNEL[0])
FRESNELC = Pointwise("fresnelc", lambda mp, z: mp.fresnelc(z), *_FRESNEL[1])

# -- gamma functions ---------------------------------------------------------------------------------------------------


def _gamma_fast(special: ModuleType, x: Value) -> Any:
    """SciPy gives 0 for what is smaller than the normal numbers; `math.gamma` does not."""
    value = special.gamma(x)
    if count_nonzero(value) == value.size:
        return value
    return replaced(value, (value == 0) & (x > -185), lambda x: _gamma_far(special, x), x)


def _gamma_far(special: ModuleType, x: Value) -> Any:
    """Gamma(x + 20)/((x + 19)...(x + 1) x) (DLMF 5.5.1), from the largest factor on, so that the last one rounds."""
    value = special.gamma(x + 20)
    for k in range(19, -1, -1):
        value /= x + k
    return value


GAMMA = Pointwise(
    "gamma",
    lambda mp, z: mp.gamma(z),
    Fast(_gamma_fast, keep_nan=True, direct=Direct(attrgetter("gamma"), no_zero=True, rest=_gamma_fast)),
    Fast(of_scipy("gamma")),
)


def _digamma_fast(special: ModuleType, x: Value) -> Any:
    """SciPy has an infinity at the pole 0, and nan at the others."""
    value = special.psi(x)
    return value if count_nonzero(x) == x.size else replaced(value, x == 0, lambda x: np.nan, x)


DIGAMMA = Pointwise(
    "digamma",
    lambda mp, z: mp.digamma(z),
    Fast(_digamma_fast, keep_nan=True, direct=Direct(attrgetter("psi"), no_zeros=True, rest=_digamma_fast)),
    Fast(of_scipy("psi")),
)


def _polygamma(mp: MPContext, n: MPNumber, z: MPNumber) -> Any:
    """Derivative n of digamma; for other n Espinosa and Moll's continuation, which is SymPy's."""
    if mp.isint(n) and mp.re(n) >= 0:
        return mp.psi(int(mp.re(n)), z)
    slope = mp.zeta(n + 1, z, 1)
    return (slope + (mp.euler + mp.digamma(-n)) * mp.zeta(n + 1, z)) * mp.rgamma(-n)


@lru_cache(maxsize=256)
def _polygamma_of_order(n: float) -> Pointwise | None:
    """DLMF 5.15.1, where neither the zeta function nor its product with the factorial overflows."""
    if not 0 <= n < 150 or n != int(n):
        return None
    if n == 0:
        return DIGAMMA
    factor = float((-1) ** int(n + 1) * math.factorial(int(n)))

    def of(special: ModuleType) -> Callable[..., Any]:
        return lambda x: factor * special.zeta(n + 1, x)

    # zeta(n + 1, x) is nearly x**(-n - 1) for small x, and x**-n/n for large ones.
    reach = (abs(factor) * 1e-290) ** (1 / (n + 1)), 1e290 ** (1 / n)
    return at_order(POLYGAMMA, n, Direct(of, (reach,)))


POLYGAMMA: Pointwise = Pointwise(
    "polygamma",
    _polygamma,
    Fast(
        # DLMF 5.15.1
        lambda s, n, x: np.where(n == 0, s.psi(x), np.where(n % 2, 1, -1) * s.gamma(n + 1) * s.zeta(n + 1, x)),
        where=lambda n, x: is_whole(n) & (n >= 0) & (n < 150) & (x > 0),
        outside=lambda n, x: is_whole(n) & (n >= 0) & is_whole(x) & (x <= 0),
    ),
    reach=(1e3, 1e4),
    given=_polygamma_of_order,
)


def _trigamma(special: ModuleType, x: Value) -> Any:
    """DLMF 5.15.1, and for negative numbers 5.15.6."""
    positive = special.zeta(2.0, np.where(x > 0, x, 1 - x))
    return np.where(x > 0, positive, (np.pi / np.sin(np.pi * (x % 2))) ** 2 - positive)


_ZETA_2 = Direct(lambda s: partial(s.zeta, 2.0), (POSITIVE,))
TRIGAMMA = Pointwise(
    "trigamma",
    lambda mp, z: mp.psi(1, z),
    Fast(_trigamma, outside=lambda x: is_whole(x) & (x <= 0), direct=_ZETA_2),
    reach=(1e4,),
)


def _lowergamma(mp: MPContext, a: MPNumber, z: MPNumber) -> Any:
    if mp.isint(a) and mp.re(a) <= 0:
        return mp.inf
    if mp.re(z) < 0:
        # DLMF 8.5.1: one series, where mpmath's two parts cancel, or turn to one another for ever.
        return z**a / a * mp.hyp1f1(a, a + 1, -z)
    return mp.gammainc(a, 0, z)


_OF_GAMMA = (1e-300, 170.0), FROM_0  # where gamma(a) is finite
LOWERGAMMA = Pointwise(
    "lowergamma",
    _lowergamma,
    Fast(
        lambda s, a, x: _or_nan(s.gammainc(a, x), x == 0) * s.gamma(a),
        where=lambda a, x: (a > 0) & (a < 170) & (x >= 0),
        direct=Direct(lambda s: lambda a, x: s.gammainc(a, x) * s.gamma(a), (_OF_GAMMA[0], POSITIVE), no_zero=True),
    ),
)


def _uppergamma_fast(special: ModuleType, a: Value, x: Value) -> Any:
    value = special.gammaincc(a, x) * special.gamma(a)
    return np.where(zero, special.exp1(x), value) if np.any(zero := np.equal(a, 0)) else value


def _uppergamma(mp: MPContext, a: MPNumber, z: MPNumber) -> Any:
    return mp.gammainc(a, z, mp.inf)


UPPERGAMMA = Pointwise(
    "uppergamma",
    _uppergamma,
    Fast(
        _uppergamma_fast,
        where=lambda a, x: ((a > 0) & (a < 170) & (x >= 0)) | ((a == 0) & (x >= 0)),
        direct=Direct(lambda s: lambda a, x: s.gammaincc(a, x) * s.gamma(a), _OF_GAMMA),
    ),
)
BETA = Pointwise(
    "beta",
    lambda mp, x, y: mp.beta(x, y),
    Fast(
        of_scipy("beta"),
        where=lambda x, y: (x > 0) & (y > 0) & (x + y < 150),
        direct=Direct(attrgetter("beta"), ((0.0, 75.0), (0.0, 75.0))),
    ),
)


def _betainc(mp: MPContext, a: MPNumber, b: MPNumber, x1: MPNumber, x2: MPNumber) -> Any:
    return mp.betainc(a, b, x1, x2)


def _betainc_regularized(mp: MPContext, a: MPNumber, b: MPNumber, x1: MPNumber, x2: MPNumber) -> Any:
    if a == 0 and b == 0:
        raise ValueError("infinity over infinity, and the limit depends on the way there")
    return mp.betainc(a, b, x1, x2, regularized=True)


def _regularized_fast(special: ModuleType, a: Value, b: Value, x1: Value, x2: Value) -> Any:
    return special.betainc(a, b, x2) - special.betainc(a, b, x1)


def _no_cancellation(a: Value, b: Value, x1: Value, x2: Value) -> Any:
    """A proper interval from 0: nothing is subtracted."""
    return (a > 0) & (b > 0) & (x1 == 0) & (x2 >= 0) & (x2 <= 1)


_PROPER = POSITIVE, POSITIVE, (-5e-324, 5e-324), (-5e-324, math.nextafter(1.0, 2.0))
BETAINC = Pointwise(
    "betainc",
    _betainc,
    Fast(lambda s, a, b, x, y: _regularized_fast(s, a, b, x, y) * s.beta(a, b), where=_no_cancellation),
)
BETAINC_REGULARIZED = Pointwise(
    "betainc_regularized",
    _betainc_regularized,
    Fast(
        _regularized_fast,
        where=_no_cancellation,
        direct=Direct(lambda s: lambda a, b, _, x: s.betainc(a, b, x), _PROPER),
    ),
)

# -- small differences -------------------------------------------------------------------------------------------------

COSM1 = Pointwise("cosm1", lambda mp, z: -2 * mp.sin(z / 2) ** 2, Fast(of_scipy("cosm1")))
# x**0 is 1 for SciPy, even of nan.
_POWM1 = Direct(attrgetter("powm1"), ((0.0, 1e300), (-1e300, 1e300)))
POWM1 = Pointwise(
    "powm1", lambda mp, x, y: mp.powm1(x, y), Fast(lambda s, x, y: s.powm1(x, y), keep_nan=True, direct=_POWM1)
)
