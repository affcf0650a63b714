"""Exponential and trigonometric integrals, each with its reference and its fast forms.

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
from .direct import FROM_0, POSITIVE, Direct, part_of
from .orders import at_order, is_order
from .pointwise import SHIFT, Fast, Pointwise, all_below, is_whole, of_scipy, replaced


_EI_ZERO, _LI_ZERO = 0.37250741078136663, 1.4513692348833811


def _off(zero: float) -> Callable[..., Any]:
    """Not so near to a zero that SciPy, right to an absolute error, has wrong digits."""
    return lambda z: np.abs(z - zero) > 0.01


EI = Pointwise(
    "Ei",
    lambda mp, z: mp.ei(z),
    Fast(of_scipy("expi"), where=_off(_EI_ZERO), direct=Direct(attrgetter("expi"), ((_EI_ZERO + 0.011, np.inf),))),
    Fast(of_scipy("expi"), where=_off(_EI_ZERO)),
)


def _is_small_order(n: Value) -> Any:
    """SciPy makes 32-bit integers of orders."""
    return is_whole(n) & (n >= 0) & (n < 2**31)


def _expint_n(special: ModuleType, n: Value, x: Value) -> Any:
    """SciPy gives 0 for what is smaller than the normal numbers, but of order 1."""
    orders = np.where(_is_small_order(n), n, 0).astype(np.float64)
    if np.ndim(n):
        value = np.where(n == 1, special.exp1(x), special.expn(orders, x))
    else:
        value = special.exp1(x) if n == 1 else special.expn(orders, x)
    return value if all_below(700, x) else replaced(value, (value == 0) & (x < 750), _expint_far, n, x)


def _expint_far(n: Value, x: Value) -> Any:
    """DLMF 8.20.6, of as many terms as these numbers have digits."""
    m = x + n
    terms = 1 + n / m**2 * (1 + (n - 2 * x) / m**2 * (1 + (6 * x * x - 8 * n * x + n * n) / ((n - 2 * x) * m**2)))
    return terms / m * np.exp(SHIFT - x) * np.exp(-SHIFT)


@lru_cache(maxsize=256)
def _expint_of_order(n: float) -> Pointwise | None:
    of: Callable[[ModuleType], Callable[..., Any]]
    of = attrgetter("exp1") if n == 1 else lambda s: partial(s.expn, np.array(n))
    return at_order(EXPINT, n, Direct(of, (POSITIVE,), no_zero=True)) if is_order(n) else None


EXPINT: Pointwise = Pointwise(
    "expint",
    lambda mp, n, z: mp.expint(n, z),
    Fast(
        _expint_n,
        where=lambda n, x: _is_small_order(n) & (x > 0),
        outside=lambda n, x: is_whole(n) & (n >= 1) & (x < 0),
    ),
    Fast(lambda s, n, z: s.exp1(z), where=lambda n, z: (n == 1) & (np.imag(z) != 0)),
    orders=(0,),
    given=_expint_of_order,
)


def _li(mp: MPContext, z: MPNumber) -> Any:
    return mp.li(z) if z else mp.zero


LI = Pointwise(
    "li",
    _li,
    Fast(
        lambda s, x: s.expi(np.log(x)),
        where=lambda x: (x > 0) & _off(_LI_ZERO)(x),
        outside=lambda x: x < 0,
        direct=Direct(lambda s: lambda x: s.expi(np.log(x)), ((_LI_ZERO + 0.011, np.inf),)),
    ),
    Fast(lambda s, z: s.expi(np.log(z)), where=lambda z: (np.imag(z) != 0) & (np.abs(z - 1) > 0.5)),
)
LI_OFFSET = Pointwise(
    "Li",
    lambda mp, z: _li(mp, z) - mp.li(2),
    Fast(
        lambda s, x: s.expi(np.log(x)) - 1.0451637801174927848,
        where=lambda x: (x > 0) & (np.abs(x - 2) > 1),
        outside=lambda x: x < 0,
        direct=Direct(lambda s: lambda x: s.expi(np.log(x)) - 1.0451637801174927848, ((3.0, np.inf),)),
    ),
)


def _si(mp: MPContext, z: MPNumber) -> Any:
    # mpmath fails at infinite imaginary parts. Along the imaginary axis there is a limit, and nowhere else.
    if mp.isinf(mp.im(z)):
        return mp.mpc(mp.nan, mp.nan) if mp.re(z) else mp.mpc(0, mp.im(z))
    return mp.si(z)


def _ci(mp: MPContext, z: MPNumber) -> Any:
    if mp.isinf(mp.im(z)):
        return mp.mpc(mp.nan, mp.nan) if mp.re(z) else mp.mpc(mp.inf, mp.sign(mp.im(z)) * mp.pi / 2)
    return mp.ci(z)


SI = Pointwise("Si", _si, Fast(lambda s, x: s.sici(x)[0], direct=part_of("sici", 0)), Fast(lambda s, z: s.sici(z)[0]))
CI = Pointwise(
    "Ci",
    _ci,
    Fast(lambda s, x: s.sici(x)[1], outside=lambda x: x < 0, direct=part_of("sici", 1, FROM_0)),
    Fast(lambda s, z: s.sici(z)[1]),
)
SHI = Pointwise(
    "Shi",
    lambda mp, z: mp.shi(z),
    Fast(lambda s, x: s.shichi(x)[0], direct=part_of("shichi", 0)),
    Fast(lambda s, z: s.shichi(z)[0]),
)
CHI = Pointwise(
    "Chi",
    lambda mp, z: mp.chi(z),
    Fast(lambda s, x: s.shichi(x)[1], outside=lambda x: x < 0, direct=part_of("shichi", 1, FROM_0)),
    Fast(lambda s, z: s.shichi(z)[1]),
)
