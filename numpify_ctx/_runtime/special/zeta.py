"""Zeta functions and the Lambert function, each with its reference and its fast forms.

Where a formula comes from is said as DLMF and the number of the equation (https://dlmf.nist.gov).
"""

from __future__ import annotations

import math
from functools import lru_cache
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np

from ..types import MPContext, MPNumber, Value
from .direct import POSITIVE, Direct
from .orders import at_order
from .pointwise import Fast, Pointwise, is_whole, of_scipy


# -- zeta functions ----------------------------------------------------------------------------------------------------


def _zeta(mp: MPContext, s: MPNumber) -> Any:
    return mp.zeta(s)


ZETA = Pointwise("zeta", _zeta, Fast(of_scipy("zeta"), keep_nan=True))


def _hurwitz(mp: MPContext, s: MPNumber, a: MPNumber) -> Any:
    # At 0 it is smooth, but mpmath would take as many bits as 1 + s has.
    return mp.zeta(s if abs(s) > 1e-60 else 0, a)


HURWITZ = Pointwise(
    "zeta",
    _hurwitz,
    Fast(
        of_scipy("zeta"),
        where=lambda s, a: (s > 1) & (a > 0),
        direct=Direct(attrgetter("zeta"), ((1.0, np.inf), POSITIVE), no_nan=True),
    ),
    reach=(1e4, 1e8),
)
ETA = Pointwise("dirichlet_eta", lambda mp, s: mp.altzeta(s))


def _general_eta(mp: MPContext, s: MPNumber, a: MPNumber) -> Any:
    """sum((-1)**n / (n + a)**s), by two zeta functions (DLMF 25.11.35)."""
    if a == 1:
        return mp.altzeta(s)
    if s == 1:
        return (mp.digamma((a + 1) / 2) - mp.digamma(a / 2)) / 2
    return (mp.zeta(s, a / 2) - mp.zeta(s, (a + 1) / 2)) / mp.mpf(2) ** s


GENERAL_ETA = Pointwise("dirichlet_eta", _general_eta, reach=(1e4, 1e8))


@lru_cache(maxsize=1)
def _polylog_of_order(order: float) -> Pointwise | None:
    direct = Direct(lambda s: lambda z: s.spence(1 - z), ((-1e300, -0.01),))
    return at_order(POLYLOG, 2, direct) if order == 2 else None


POLYLOG: Pointwise = Pointwise(
    "polylog",
    lambda mp, s, z: mp.polylog(s, z),
    Fast(
        lambda s, n, z: s.spence(1 - z),
        where=lambda n, z: (n == 2) & (z < -0.01),
        outside=lambda n, z: (n == 2) & (z > 1),
    ),
    reach=(1e3, np.inf),
    given=_polylog_of_order,
)


def _lerchphi(mp: MPContext, z: MPNumber, s: MPNumber, a: MPNumber) -> Any:
    return mp.lerchphi(z, s, a) if abs(z) > 1e-60 else a ** (-s)


LERCHPHI = Pointwise("lerchphi", _lerchphi, reach=(1e3, 1e3, 1e3))


def _index(mp: MPContext, n: MPNumber) -> int:
    """A non-negative integer, or no value."""
    if not mp.isint(n) or mp.re(n) < 0:
        raise ValueError(f"{n} is no index")
    return int(mp.re(n))


STIELTJES = Pointwise("stieltjes", lambda mp, n, a: mp.stieltjes(_index(mp, n), a), reach=(1e3, 1e4))


def _xi(mp: MPContext, s: MPNumber) -> Any:
    """s (s - 1) Gamma(s/2) zeta(s) / (2 pi**(s/2)) (DLMF 25.4.4), by the side of its symmetry without poles."""
    if mp.re(s) < 0.5:
        s = 1 - s
    residue = mp.mpf(1) if s == 1 else (s - 1) * mp.zeta(s)
    return residue * mp.gamma(s / 2 + 1) * mp.pi ** (-s / 2)


XI = Pointwise("riemann_xi", _xi)

# -- the Lambert function ----------------------------------------------------------------------------------------------

_TIP = -math.exp(-1.0)


def _lambertw(mp: MPContext, z: MPNumber, k: MPNumber) -> Any:
    return mp.lambertw(z, int(mp.re(k)))


def _lambertw_complex(special: ModuleType, z: Value, k: Value) -> Any:
    return special.lambertw(z, np.real(k).astype(np.int64))


def _away_from_the_tip(z: Value, k: Value) -> Any:
    """SciPy loses digits near the branch point at -1/e, and near the zero at 0."""
    return (np.abs(z - _TIP) > 0.05) & is_whole(np.real(k))


LAMBERTW = Pointwise(
    "lambertw",
    _lambertw,
    Fast(
        lambda s, x, k: s.lambertw(x, k.astype(np.int64)).real,
        where=lambda x, k: _away_from_the_tip(x, k) & (((k == 0) & (x > _TIP)) | ((k == -1) & (x > _TIP) & (x < 0))),
        outside=lambda x, k: (x < -0.4) | ((k == -1) & (x > 0)) | ~((k == 0) | (k == -1)),
    ),
    Fast(_lambertw_complex, where=_away_from_the_tip),
    (1,),
)
LAMBERTW_PRINCIPAL = Pointwise(
    "lambertw",
    lambda mp, z: mp.lambertw(z),
    Fast(
        lambda s, x: s.lambertw(x).real,
        where=lambda x: x > _TIP + 0.05,
        outside=lambda x: x < -0.4,
        direct=Direct(lambda s: lambda x: s.lambertw(x).real, ((_TIP + 0.051, 1e300),)),
    ),
    Fast(lambda s, z: s.lambertw(z), where=lambda z: np.abs(z - _TIP) > 0.05),
)
# A branch that is not real anywhere: complex also for real arguments.
LAMBERTW_BRANCH = Pointwise(
    "lambertw",
    _lambertw,
    Fast(_lambertw_complex, where=_away_from_the_tip),
    Fast(_lambertw_complex, where=_away_from_the_tip),
    (1,),
    complex_valued=True,
)
