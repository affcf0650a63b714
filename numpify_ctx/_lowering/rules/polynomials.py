"""Rules of the orthogonal polynomials and of spherical harmonics."""

from __future__ import annotations

import sympy as sp
from sympy.functions import Ynm, Znm, chebyshevt_root, chebyshevu_root, hermite_prob

from ..._kinds import real
from ..._runtime.special import polynomials as rt
from ..rule import Rule
from .common import call, pointwise, runtime


RULES: dict[type, Rule] = {
    sp.legendre: pointwise(rt.LEGENDRE),
    sp.assoc_legendre: pointwise(rt.ASSOC_LEGENDRE),
    sp.chebyshevt: pointwise(rt.CHEBYSHEVT),
    sp.chebyshevu: pointwise(rt.CHEBYSHEVU),
    chebyshevt_root: call(runtime(rt.chebyshevt_root, kinds=real)),
    chebyshevu_root: call(runtime(rt.chebyshevu_root, kinds=real)),
    sp.hermite: pointwise(rt.HERMITE),
    hermite_prob: pointwise(rt.HERMITE_PROB),
    sp.laguerre: pointwise(rt.LAGUERRE),
    sp.assoc_laguerre: pointwise(rt.ASSOC_LAGUERRE),
    sp.gegenbauer: pointwise(rt.GEGENBAUER),
    sp.jacobi: pointwise(rt.JACOBI),
    Ynm: pointwise(rt.YNM),
    Znm: pointwise(rt.ZNM),
}
