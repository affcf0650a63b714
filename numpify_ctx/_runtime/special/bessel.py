"""Bessel, Hankel, Airy and related functions, each with its reference and its fast forms.

Where a formula comes from is said as DLMF and the number of the equation (https://dlmf.nist.gov).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np

from ..types import MPContext, MPNumber, Value
from .direct import ANY, Direct, part_of
from .orders import at_order
from .pointwise import SHIFT, Fast, Pointwise, all_below, is_whole, of_scipy, replaced


def _not_real(n: Value, x: Value) -> Any:
    """Functions with a branch point at 0 are not real on the left of it."""
    return x < 0


def _not_real_between(n: Value, x: Value) -> Any:
    """... unless the order is an integer."""
    return (x < 0) & ~is_whole(n)


def _not_tiny(n: Value, x: Value) -> Any:
    """SciPy gives 0, inf or nan for arguments whose square, or the number itself, is no normal number."""
    return (np.abs(x) >= 1e-150) | (x == 0)


def _reflected(function: str, sign: int) -> Callable[..., Any]:
    """J or I: an integer order below 0 is one above it (DLMF 10.4.1, 10.27.1), where the series begins late."""

    def reference(mp: MPContext, n: MPNumber, z: MPNumber) -> Any:
        if mp.isint(n) and mp.re(n) < 0:
            return sign ** int(-mp.re(n)) * getattr(mp, function)(-n, z)
        return getattr(mp, function)(n, z)

    return reference


def _hankel(function: str) -> Callable[..., Any]:
    """J and Y cancel off the real axis, by as many digits as the result is smaller than they."""

    def reference(mp: MPContext, n: MPNumber, z: MPNumber) -> Any:
        with mp.extraprec(int(min(4 * abs(mp.im(z)), 4000))):
            return getattr(mp, function)(n, z)

    return reference


def _of_both_kinds(name: str, sign: int) -> Callable[..., Any]:
    """A Hankel function of real numbers: SciPy's own is right as a complex number, not in the smaller of its parts."""

    def function(s: ModuleType, n: Value, x: Value) -> Any:
        whole = np.asarray(getattr(s, name)(n, x))
        right = np.broadcast_to(np.asarray(x) > 0, whole.shape)
        whole.real = np.where(right, s.jv(n, x), whole.real)
        whole.imag = np.where(right, sign * s.yv(n, x), whole.imag)
        return whole[()]

    return function


def _by_series(special: ModuleType, of: str, n: Value, x: Value) -> Any:
    """J or I where it is small beside 1: DLMF 10.2.2 and 10.25.2, of as many terms as that needs."""
    sign = np.where((n < 0) & (n % 2 == 1) & (of == "jv"), -1.0, 1.0)
    n, half = np.abs(n), x / 2
    square = half * half * (-1 if of == "jv" else 1)
    term = total = np.ones_like(half)
    for k in range(1, 30):
        term = term * square / (k * (n + k))
        total = total + term
    few = np.minimum(n, 170.0)  # of which the factorial is a number
    logarithm = (n - few) * np.log(np.abs(half)) - (special.gammaln(n + 1) - special.gammaln(few + 1))
    return sign * half**few / special.gamma(few + 1) * np.exp(logarithm) * total


def _of_low_orders(of: str, names: tuple[str, str]) -> Callable[..., Any]:
    """SciPy's function of any order, and for real numbers those of the orders 0 and 1, which take a fiftieth."""

    def function(s: ModuleType, n: Value, x: Value) -> Any:
        if not np.ndim(n) and n in (0, 1):
            return getattr(s, names[int(n)])(x)
        value = getattr(s, of)(n, x)
        # SciPy gives 0 for what is smaller than the normal numbers, but of these orders.
        if of == "kv" and not all_below(690, x):
            value = replaced(value, value == 0, lambda n, x: s.kve(n, x) * np.exp(SHIFT - x) * np.exp(-SHIFT), n, x)
        # And, for tiny numbers, of what is far from that.
        if of in ("jv", "iv"):
            value = replaced(value, (value == 0) & (x != 0), lambda n, x: _by_series(s, of, n, x), n, x)
        if not np.ndim(n):
            return value
        value = np.asarray(value)
        for order, name in enumerate(names):
            if (where := np.broadcast_to(np.equal(n, order), value.shape)).any():
                value[where] = getattr(s, name)(np.broadcast_to(x, value.shape)[where])
        return value

    return function


def _by_order(function: Callable[[], Pointwise], of: str) -> Callable[[float], Pointwise]:
    """The function of a number alone, for each order."""

    @lru_cache(maxsize=256)
    def of_order(n: float) -> Pointwise:
        if n in (0, 1):
            # There SciPy has the right value also where its function of any order has none, as of tiny numbers.
            within = (1e-300, np.inf) if of == "kv" else ANY
            low = Direct(attrgetter(f"{of[0]}{n:.0f}"), (within,), no_nan=of != "kv")
            return at_order(function(), n, low)
        # Of what begins at 0, and where K is tiny, that is told before anything is computed; of J and I by the value 0.
        within = (1e-150, 690.0 if of == "kv" else np.inf)
        is_first = of in ("jv", "iv")
        direct = Direct(lambda s: partial(getattr(s, of), np.array(n)), (within,), no_nan=of != "kv", no_zero=is_first)
        return at_order(function(), n, direct)

    return of_order


def _first_kind(name: str, of: str, sign: int) -> Pointwise:
    """J or I, which are real left of 0 for an integer order; SciPy calls it `of`."""
    names = (of[0] + "0", of[0] + "1")
    fast = Fast(_of_low_orders(of, names), _not_tiny, _not_real_between)
    found = Pointwise(
        name, _reflected(name, sign), fast, Fast(of_scipy(of), _not_tiny), (0,), given=_by_order(lambda: found, of)
    )
    return found


def _second_kind(name: str, of: str) -> Pointwise:
    """Y or K, which are not real left of 0."""

    def reference(mp: MPContext, n: MPNumber, z: MPNumber) -> Any:
        return getattr(mp, name)(n, z)

    names = (of[0] + "0", of[0] + "1")
    fast = Fast(_of_low_orders(of, names), _not_tiny, _not_real)
    found = Pointwise(name, reference, fast, Fast(of_scipy(of), _not_tiny), (0,), given=_by_order(lambda: found, of))
    return found


BESSELJ, BESSELI = _first_kind("besselj", "jv", -1), _first_kind("besseli", "iv", 1)
BESSELY, BESSELK = _second_kind("bessely", "yv"), _second_kind("besselk", "kv")
HANKEL1, HANKEL2 = (
    Pointwise(
        name,
        _hankel(name),
        Fast(_of_both_kinds(name, sign), _not_tiny),
        Fast(of_scipy(name), _not_tiny),
        (0,),
        complex_valued=True,
        reach=(1e4, 1e6),
    )
    for name, sign in (("hankel1", 1), ("hankel2", -1))
)


def _jn(mp: MPContext, n: MPNumber, z: MPNumber) -> Any:
    """DLMF 10.47.3; at 0 its limit. Divided by sqrt(z), not sqrt(1/z): for integer orders it has no cut."""
    if z == 0 and mp.re(n) >= 0:
        return mp.mpf(n == 0)
    return mp.sqrt(mp.pi / 2) / mp.sqrt(z) * mp.besselj(n + 0.5, z)


def _yn(mp: MPContext, n: MPNumber, z: MPNumber) -> Any:
    """DLMF 10.47.4."""
    return mp.sqrt(mp.pi / 2) / mp.sqrt(z) * mp.bessely(n + 0.5, z)


def _hn1(mp: MPContext, n: MPNumber, z: MPNumber) -> Any:
    return _jn(mp, n, z) + mp.j * _yn(mp, n, z)


def _hn2(mp: MPContext, n: MPNumber, z: MPNumber) -> Any:
    return _jn(mp, n, z) - mp.j * _yn(mp, n, z)


def _order(n: Value) -> Any:
    """Spherical orders for SciPy: integers from 0, others replaced."""
    return np.where(is_whole(n) & (n >= 0), n, 0).astype(np.int64)


def _spherical(n: Value, z: Value) -> Any:
    return is_whole(n) & (n >= 0) & (z != 0)


JN = Pointwise(
    "jn",
    _jn,
    Fast(lambda s, n, x: s.spherical_jn(_order(n), x), where=_spherical),
    Fast(lambda s, n, z: s.spherical_jn(_order(n), z), where=_spherical),
    (0,),
)
YN = Pointwise(
    "yn",
    _yn,
    Fast(lambda s, n, x: s.spherical_yn(_order(n), x), where=_spherical),
    Fast(lambda s, n, z: s.spherical_yn(_order(n), z), where=_spherical),
    (0,),
)


def _hankel_fast(sign: int) -> Callable[..., Any]:
    return lambda s, n, x: s.spherical_jn(_order(n), x) + sign * 1j * s.spherical_yn(_order(n), x)


HN1 = Pointwise("hn1", _hn1, Fast(_hankel_fast(1), where=_spherical), complex_valued=True)
HN2 = Pointwise("hn2", _hn2, Fast(_hankel_fast(-1), where=_spherical), complex_valued=True)


def _marcumq(mp: MPContext, m: MPNumber, a: MPNumber, b: MPNumber) -> Any:
    """A Poisson mixture of incomplete gamma functions: all terms have one sign. (DLMF 8.11, Marcum 1950.)"""
    half, bound = a * a / 2, b * b / 2
    if 0 < abs(m) < 1e-12:
        raise ValueError(f"the order {m} is too near to 0")
    weight = mp.exp(-half)
    total = mp.mpf(0)
    k = 0
    while True:
        total += weight * mp.gammainc(m + k, bound, mp.inf, regularized=True)
        k += 1
        weight = weight * half / k
        if k > abs(half) and abs(weight) < abs(total) * mp.eps:
            return total
        if k > 20000:
            raise ValueError("no convergence")


MARCUMQ = Pointwise("marcumq", _marcumq, reach=(1e3, 1e3, 1e3))


def _airy(i: int) -> Callable[..., Any]:
    def far(s: ModuleType, x: Value) -> Any:
        return s.airye(x)[i] * np.exp(SHIFT - 2 / 3 * x * np.sqrt(x)) * np.exp(-SHIFT)

    def function(s: ModuleType, x: Value) -> Any:
        """SciPy gives 0 for what is smaller than the normal numbers."""
        value = s.airy(x)[i]
        if i > 1 or all_below(100, x):
            return value
        return replaced(value, (value == 0) & (x < 110), lambda x: far(s, x), x)

    return function


AIRYAI, AIRYAIPRIME, AIRYBI, AIRYBIPRIME = (
    Pointwise(
        name,
        reference,
        Fast(_airy(i), where=lambda x: x > -100, direct=part_of("airy", i, (-100.0, 100.0))),
        Fast(lambda s, z, i=i: s.airy(z)[i], where=lambda z: np.abs(z) < 100),
    )
    for i, (name, reference) in enumerate(
        [
            ("airyai", lambda mp, z: mp.airyai(z)),
            ("airyaiprime", lambda mp, z: mp.airyai(z, derivative=1)),
            ("airybi", lambda mp, z: mp.airybi(z)),
            ("airybiprime", lambda mp, z: mp.airybi(z, derivative=1)),
        ]
    )
)
