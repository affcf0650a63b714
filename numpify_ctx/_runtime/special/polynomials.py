"""Orthogonal polynomials and spherical harmonics: polynomials of real numbers by SciPy, else all by their recurrences,
which need no more than NumPy; between integer orders, and for parameters where a recurrence is not stable, by mpmath.

Where a formula comes from is said as DLMF and the number of the equation (https://dlmf.nist.gov).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import numpy as np

from ..types import MPContext, MPNumber, Value
from .direct import ANY, Direct
from .orders import at_order
from .pointwise import Fast, Pointwise, replaced, scipy_special


_HIGHEST = 2000  # order up to which recurrences run
_HIGHEST_OF_SCIPY = 10**6  # and those of SciPy's, in C


def _is_order(n: Value, highest: int = _HIGHEST) -> Any:
    return (n >= 0) & (n <= highest) & (np.floor(n) == n)


def _climb(n: Value, first: Value, second: Value, step: Callable[[int, Any, Any], Any]) -> Any:
    """Element n of the sequence `first`, `second`, ..., `step(k, element k - 1, element k - 2)`.

    >>> _climb(np.array([0.0, 1.0, 5.0]), 0.0, 1.0, lambda k, a, b: a + b)
    array([0., 1., 5.])
    """
    n = np.where(_is_order(n), n, 0)
    shape = np.broadcast_shapes(np.shape(n), np.shape(first), np.shape(second))
    before, now = np.broadcast_to(first, shape), np.broadcast_to(second, shape)
    result = np.where(n == 0, before, now)
    for k in range(2, int(np.max(n, initial=0)) + 1):
        before, now = now, step(k, now, before)
        result = np.where(n == k, now, result)
    return result


def _three_terms(
    name: str,
    scipy: str,
    reference: Callable[..., Any],
    climb: Callable[..., Any],
    least: float = -math.inf,
    weak: Callable[..., Any] | None = None,
    strong: tuple[tuple[float, float], ...] = (ANY,),
    guarded: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
) -> Pointwise:
    """A family `(n, *parameters, x)` by its recurrence, where n is an order and the parameters allow it.

    Args:
        name: for people.
        scipy: the function of SciPy's, which has the same recurrence in C, for real numbers.
        reference: by mpmath, for all numbers.
        climb: by NumPy, for complex numbers, and where there is no SciPy.
        least: the recurrence is stable for parameters above this.
        weak: `(*parameters, x) -> bool array`: where SciPy's is not, though ours is.
        strong: for each of these, numbers between which it is nowhere weak.
        guarded: SciPy's function for these as one that raises a ValueError where it is weak nevertheless.
    """

    def real(special: ModuleType, n: Value, *rest: Value) -> Any:
        if special is None:
            return climb(n, *rest)
        # Integers choose the recurrence: for floats SciPy sums a hypergeometric series, which loses digits.
        value = getattr(special, scipy)(np.where(_is_order(n, _HIGHEST_OF_SCIPY), n, 0).astype(np.int64), *rest)
        return value if weak is None else replaced(value, _is_order(n) & weak(*rest), climb, n, *rest)

    def is_stable(order: Value, known: Sequence[Value]) -> Any:
        found = functools.reduce(np.logical_and, [p > least for p in known], order)
        # Jacobi's divides by k + alpha + beta.
        return found & (known[0] + known[1] > 2 * least + 0.1) if len(known) == 2 else found

    def allowed(n: Value, *rest: Value) -> Any:
        return is_stable(_is_order(n), rest[:-1])

    def allowed_real(n: Value, *rest: Value) -> Any:
        order = _is_order(n, _HIGHEST if scipy_special() is None else _HIGHEST_OF_SCIPY)
        return is_stable(order, rest[:-1])

    parameters = climb.__code__.co_argcount - 1

    @lru_cache(maxsize=256)
    def given(n: float) -> Pointwise | None:
        if not n or not _is_order(n, _HIGHEST_OF_SCIPY):  # of order 0 it is 1, even of nan
            return None
        direct = Direct(lambda s: guarded(partial(getattr(s, scipy), np.int64(n))), strong, no_nan=True)
        return at_order(found, n, direct)

    found = Pointwise(
        name,
        reference,
        Fast(real, where=allowed_real, scipy=False, optional=True),
        Fast(lambda special, *arrays: climb(*arrays), where=allowed, scipy=False),
        tuple(range(parameters)),
        reach=(1e4,) * parameters,
        given=given,
    )
    return found


def _legendre(n: Value, x: Value) -> Any:
    """DLMF 18.9.1 and table 18.9.1."""
    return _climb(n, np.ones_like(x), x, lambda k, a, b: ((2 * k - 1) * x * a - (k - 1) * b) / k)


def _chebyshev(second: int) -> Callable[..., Any]:
    def climb(n: Value, x: Value) -> Any:
        """DLMF table 18.9.1."""
        return _climb(n, np.ones_like(x), second * x, lambda k, a, b: 2 * x * a - b)

    return climb


def _hermite(n: Value, x: Value) -> Any:
    return _climb(n, np.ones_like(x), 2 * x, lambda k, a, b: 2 * x * a - 2 * (k - 1) * b)


def _hermite_prob(n: Value, x: Value) -> Any:
    return _climb(n, np.ones_like(x), x, lambda k, a, b: x * a - (k - 1) * b)


def _laguerre(n: Value, x: Value) -> Any:
    return _assoc_laguerre(n, 0.0, x)


def _assoc_laguerre(n: Value, alpha: Value, x: Value) -> Any:
    return _climb(
        n, np.ones_like(x), 1 + alpha - x, lambda k, a, b: ((2 * k - 1 + alpha - x) * a - (k - 1 + alpha) * b) / k
    )


def _gegenbauer(n: Value, c: Value, x: Value) -> Any:
    return _climb(n, np.ones_like(x), 2 * c * x, lambda k, a, b: (2 * x * (k - 1 + c) * a - (k - 2 + 2 * c) * b) / k)


def _jacobi(n: Value, alpha: Value, beta: Value, x: Value) -> Any:
    """DLMF 18.9.2."""
    both = alpha + beta

    def step(k: int, a: Value, b: Value) -> Any:
        twice = 2 * k + both
        middle = (twice - 1) * (twice * (twice - 2) * x + (alpha - beta) * both)
        return (middle * a - 2 * (k + alpha - 1) * (k + beta - 1) * twice * b) / (2 * k * (k + both) * (twice - 2))

    return _climb(n, np.ones_like(x), (alpha - beta) / 2 + (both + 2) / 2 * x, step)


def _legendre_between(mp: MPContext, n: MPNumber, x: MPNumber) -> Any:
    """mpmath has x for all tiny x and odd n; it is the slope there, n P(n - 1) of 0 (DLMF 18.9.17)."""
    if mp.isint(n) and mp.isfinite(x) and x and mp.mag(x) < -mp.prec:
        n = n if n >= 0 else -1 - n
        return n * mp.legendre(n - 1, 0) * x if n % 2 else mp.legendre(n, 0)
    return mp.legendre(n, x)


LEGENDRE = _three_terms("legendre", "eval_legendre", _legendre_between, _legendre)
CHEBYSHEVT = _three_terms("chebyshevt", "eval_chebyt", lambda mp, n, x: mp.chebyt(n, x), _chebyshev(1))
CHEBYSHEVU = _three_terms("chebyshevu", "eval_chebyu", lambda mp, n, x: mp.chebyu(n, x), _chebyshev(2))
HERMITE = _three_terms("hermite", "eval_hermite", lambda mp, n, x: mp.hermite(n, x), _hermite)
HERMITE_PROB = _three_terms(
    "hermite_prob",
    "eval_hermitenorm",
    lambda mp, n, x: mp.mpf(2) ** (-n / 2) * mp.hermite(n, x / mp.sqrt(2)),  # DLMF 18.7.11
    _hermite_prob,
)
# DLMF 13.6.19, which mpmath's own laguerre leaves for 0 where n is a negative integer.
LAGUERRE = _three_terms("laguerre", "eval_laguerre", lambda mp, n, x: mp.hyp1f1(-n, 1, x), _laguerre)
ASSOC_LAGUERRE = _three_terms(
    "assoc_laguerre",
    "eval_genlaguerre",
    lambda mp, n, a, x: mp.laguerre(n, a, x),
    _assoc_laguerre,
    -1,
    lambda a, x: a < -0.99,
    ((-0.99, math.inf), ANY),
)


def _of_unequal(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of two parameters that are numbers, and not nearly equal, and of x; a ValueError of others."""

    def checked(a: Value, b: Value, x: Value) -> Any:
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) or b - 1e-3 < a < b + 1e-3:
            raise ValueError(f"{a} and {b} are not known to be apart")
        return function(a, b, x)

    return checked


def _gegenbauer_between(mp: MPContext, n: MPNumber, c: MPNumber, x: MPNumber) -> Any:
    """Zero for negative integers, as SymPy has it."""
    return mp.zero if mp.isint(n) and n < 0 else mp.gegenbauer(n, c, x)


GEGENBAUER = _three_terms(
    "gegenbauer",
    "eval_gegenbauer",
    _gegenbauer_between,
    _gegenbauer,
    -0.5,
    lambda c, x: np.abs(c) < 0.05,
    ((0.05, math.inf), ANY),
)
JACOBI = _three_terms(
    "jacobi",
    "eval_jacobi",
    lambda mp, n, a, b, x: mp.jacobi(n, a, b, x),
    _jacobi,
    -1,
    # Near the zero at 0, which they have for equal parameters and odd orders.
    lambda a, b, x: (a < -0.99) | (b < -0.99) | ((np.abs(x) < 1e-3) & (np.abs(a - b) < 1e-3)),
    ((-0.99, math.inf), (-0.99, math.inf), ANY),
    _of_unequal,
)

# -- associated Legendre functions and spherical harmonics -------------------------------------------------------------


_ODD = np.array([1.0, *np.cumprod(np.arange(1.0, 300.0, 2.0))])  # (2 m - 1)!!
_FACTORIALS = np.array([math.factorial(n) for n in range(171)], float)


def _ferrers(n: Value, m: Value, x: Value, root: Value) -> Any:
    """P(n, m) of x for integers 0 <= m <= n, with `root`**2 = 1 - x**2 and Condon and Shortley's phase (DLMF 14.10.3).

    The recurrence climbs from P(m, m), so that its index is n - m.
    """
    lowest = np.where(m % 2, -1.0, 1.0) * _ODD[np.clip(m, 0, len(_ODD) - 1).astype(int)] * root**m
    return _climb(
        n - m, lowest, (2 * m + 1) * x * lowest, lambda k, a, b: ((2 * (k + m) - 1) * x * a - (k + 2 * m - 1) * b) / k
    )


def _orders(n: Value, m: Value) -> Any:
    """Orders for which `_ferrers`, and the factorials around it, do not overflow."""
    return _is_order(n) & (np.floor(m) == m) & (np.abs(m) <= n) & (n + np.abs(m) < 150)


def _ratio(n: Value, m: Value) -> Any:
    """(n - m)!/(n + m)!."""
    last = len(_FACTORIALS) - 1
    return _FACTORIALS[np.clip(n - m, 0, last).astype(int)] / _FACTORIALS[np.clip(n + m, 0, last).astype(int)]


def _assoc_legendre(special: ModuleType, n: Value, m: Value, x: Value) -> Any:
    n, m = np.where(_orders(n, m), n, 0), np.where(_orders(n, m), m, 0)
    size = np.abs(m)
    value = _ferrers(n, size, x, np.sqrt((1 - x) * (1 + x)))
    return np.where(m < 0, np.where(size % 2, -1.0, 1.0) * _ratio(n, size) * value, value)


def _assoc_legendre_reference(mp: MPContext, n: MPNumber, m: MPNumber, x: MPNumber) -> Any:
    """(1 - x**2)**(m/2) times derivative m of P(n) (DLMF 14.7.10), where the orders are integers."""
    if mp.isint(n) and mp.isint(m) and mp.re(n) >= 0:
        size = abs(int(mp.re(m)))
        if size > n:
            return mp.mpf(0)
        value = (
            (-1) ** size * mp.fac2(2 * size - 1) * mp.sqrt(1 - x * x) ** size
            * mp.gegenbauer(n - size, size + mp.mpf(0.5), x)
        )  # fmt: skip
        return value if mp.re(m) >= 0 else (-1) ** size * mp.fac(n - size) / mp.fac(n + size) * value
    return mp.legenp(n, m, x)


_FERRERS = Fast(_assoc_legendre, where=lambda n, m, x: _orders(n, m), scipy=False)
ASSOC_LEGENDRE = Pointwise("assoc_legendre", _assoc_legendre_reference, _FERRERS, _FERRERS, (0, 1), reach=(1e4, 1e4))


def _harmonic(special: ModuleType, n: Value, m: Value, theta: Value, phi: Value) -> Any:
    """DLMF 14.30.1, with |sin(theta)|."""
    n, m = np.where(_orders(n, m), n, 0), np.where(_orders(n, m), m, 0)
    size = np.abs(m)
    sine = np.sin(theta)
    part = _ferrers(n, size, np.cos(theta), np.sqrt(sine * sine)) * np.exp(1j * m * phi)
    part = np.where(m < 0, np.where(size % 2, -1.0, 1.0) * part, part)
    return np.sqrt((2 * n + 1) / (4 * np.pi) * _ratio(n, size)) * part


_YNM = Fast(_harmonic, where=lambda n, m, theta, phi: _orders(n, m), scipy=False)
YNM = Pointwise(
    "Ynm",
    lambda mp, n, m, theta, phi: mp.spherharm(n, m, theta, phi),
    _YNM,
    _YNM,
    (0, 1),
    complex_valued=True,
    reach=(1e3, 1e3, 1e3),
)


def _real_harmonic(mp: MPContext, n: MPNumber, m: MPNumber, theta: MPNumber, phi: MPNumber) -> Any:
    """sqrt(2) times the real part of Y(n, m) for m > 0, the imaginary part for m < 0."""
    value = mp.spherharm(n, m, theta, phi)
    if m == 0:
        return value
    other = mp.conj(value)
    return (value + other) / mp.sqrt(2) if mp.re(m) > 0 else (value - other) / (mp.sqrt(2) * mp.j)


def _znm(special: ModuleType, n: Value, m: Value, theta: Value, phi: Value) -> Any:
    value = _harmonic(special, n, m, theta, phi)
    return np.where(m == 0, np.real(value), np.sqrt(2) * np.where(m > 0, np.real(value), np.imag(value)))


ZNM = Pointwise(
    "Znm", _real_harmonic, Fast(_znm, where=lambda n, m, theta, phi: _orders(n, m), scipy=False), reach=(1e3, 1e3, 1e3)
)


def chebyshevt_root(n: Value, k: Value) -> Any:
    """Zero k of T(n), cos(pi (2 k + 1)/(2 n)), exactly 0 in the middle; nan unless 0 <= k < n.

    >>> chebyshevt_root(3, np.array([0, 1, 3]))
    array([0.8660254, 0.       ,       nan])
    """
    with np.errstate(all="ignore"):
        return np.where((k >= 0) & (k < n), np.sin(np.pi / 2 * np.divide(n - 2 * k - 1, n)), np.nan)[()]


def chebyshevu_root(n: Value, k: Value) -> Any:
    """Zero k of U(n), cos(pi (k + 1)/(n + 1)), exactly 0 in the middle; nan unless 0 <= k < n.

    >>> chebyshevu_root(3, np.array([0, 1, 3]))
    array([0.70710678, 0.        ,        nan])
    """
    with np.errstate(all="ignore"):
        return np.where((k >= 0) & (k < n), np.sin(np.pi / 2 * np.divide(n - 2 * k - 1, n + 1)), np.nan)[()]
