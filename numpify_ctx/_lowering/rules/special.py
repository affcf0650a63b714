"""Rules of the special functions: error, gamma, exponential integrals, Bessel, elliptic, zeta, hypergeometric."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sympy as sp
from sympy.functions import (
    airyai,
    airyaiprime,
    airybi,
    airybiprime,
    appellf1,
    digamma,
    hankel1,
    hankel2,
    hn1,
    hn2,
    jn,
    marcumq,
    mathieuc,
    mathieucprime,
    mathieus,
    mathieusprime,
    multigamma,
    trigamma,
    yn,
)

from ..._program.builder import Builder
from ..._program.ir import Math, Op
from ..._runtime.special import bessel as bessel, elliptic as elliptic, gamma as gamma, zeta as zeta
from ..._runtime.special.pointwise import Pointwise
from ..._symbolic.nodes import scipy_nodes
from ..._symbolic.text import refuse
from ..rule import Rule
from .common import by_count, needs_scipy, op_of, pointwise
from .elementary import EXP


def _product_of_gammas(expr: Any) -> Any:
    """multigamma as SymPy defines it."""
    x, p = expr.args
    k = sp.Dummy("k", integer=True)
    return sp.pi ** (p * (p - 1) / 4) * sp.Product(sp.gamma(x + (1 - k) / 2), (k, 1, p))


# -- the Lambert function: which branch it is decides whether it can be real -------------------------------------------

_LAMBERTW, _LAMBERTW_BRANCH = op_of(zeta.LAMBERTW), op_of(zeta.LAMBERTW_BRANCH)


def _lambertw(b: Builder, expr: Any, z: int, *branch: int) -> int:
    needs_scipy(expr)
    k = branch[0] if branch else b.const(0)
    real = b.is_const(k) and b.value(k) in (0, -1)
    return b.apply(_LAMBERTW if real else _LAMBERTW_BRANCH, z, k)


# -- hypergeometric functions: their parameters are lists --------------------------------------------------------------


@cache
def _hyper_op(p: int, q: int) -> Op:
    def reference(mp: Any, *numbers: Any) -> Any:
        return mp.hyper(numbers[:p], numbers[p : p + q], numbers[-1])

    return op_of(Pointwise("hyper", reference))


def _hyper(b: Builder, expr: Any, *nodes: int) -> int:
    p, q = len(expr.ap), len(expr.bq)
    if p == q == 0:
        return b.apply(EXP, nodes[-1])
    return b.apply(_hyper_op(p, q), *nodes)


def _hyper_operands(b: Builder, expr: Any) -> Sequence[Any]:
    return [*expr.ap, *expr.bq, expr.argument]


@cache
def _meijerg_op(counts: tuple[int, int, int, int]) -> Op:
    def reference(mp: Any, *numbers: Any) -> Any:
        lists, start = [], 0
        for count in counts:
            lists.append(list(numbers[start : start + count]))
            start += count
        return mp.meijerg(lists[:2], lists[2:], numbers[-1])

    return op_of(Pointwise("meijerg", reference))


def _meijerg(b: Builder, expr: Any, *nodes: int) -> int:
    return b.apply(_meijerg_op(tuple(map(len, (expr.an, expr.aother, expr.bm, expr.bother)))), *nodes)


def _meijerg_operands(b: Builder, expr: Any) -> Sequence[Any]:
    return [*expr.an, *expr.aother, *expr.bm, *expr.bother, expr.argument]


_APPELLF1 = Pointwise("appellf1", lambda mp, *numbers: mp.appellf1(*numbers))


def _no_norm(b: Builder, expr: Any, *nodes: int) -> int:
    name = type(expr).__name__
    raise refuse(
        expr,
        f"SymPy says which equation {name} solves, but not with which norm, so it has "
        f"no value; pass functions={{{name}: a NumPy function}}",
    )


_mathieu = Rule(_no_norm)


RULES: dict[type, Rule] = {
    # error functions
    sp.erf: pointwise(gamma.ERF, Math("erf")),
    sp.erfc: pointwise(gamma.ERFC, Math("erfc")),
    sp.erfi: pointwise(gamma.ERFI),
    sp.erf2: pointwise(gamma.ERF2),
    sp.erfinv: pointwise(gamma.ERFINV),
    sp.erfcinv: pointwise(gamma.ERFCINV),
    sp.erf2inv: pointwise(gamma.ERF2INV),
    sp.fresnels: pointwise(gamma.FRESNELS),
    sp.fresnelc: pointwise(gamma.FRESNELC),
    # gamma functions
    sp.gamma: pointwise(gamma.GAMMA, Math("gamma")),
    sp.loggamma: pointwise(gamma.LOGGAMMA),
    digamma: pointwise(gamma.DIGAMMA),
    trigamma: pointwise(gamma.TRIGAMMA),
    sp.polygamma: pointwise(gamma.POLYGAMMA),
    multigamma: Rule(lambda b, e, x: x, lambda b, e: [_product_of_gammas(e)]),
    sp.lowergamma: pointwise(gamma.LOWERGAMMA),
    sp.uppergamma: pointwise(gamma.UPPERGAMMA),
    sp.beta: pointwise(gamma.BETA),
    sp.betainc: pointwise(gamma.BETAINC),
    sp.betainc_regularized: pointwise(gamma.BETAINC_REGULARIZED),
    # exponential and trigonometric integrals
    sp.Ei: pointwise(gamma.EI),
    sp.expint: pointwise(gamma.EXPINT),
    sp.li: pointwise(gamma.LI),
    sp.Li: pointwise(gamma.LI_OFFSET),
    sp.Si: pointwise(gamma.SI),
    sp.Ci: pointwise(gamma.CI),
    sp.Shi: pointwise(gamma.SHI),
    sp.Chi: pointwise(gamma.CHI),
    # Bessel functions and their kin
    sp.besselj: pointwise(bessel.BESSELJ),
    sp.bessely: pointwise(bessel.BESSELY),
    sp.besseli: pointwise(bessel.BESSELI),
    sp.besselk: pointwise(bessel.BESSELK),
    hankel1: pointwise(bessel.HANKEL1),
    hankel2: pointwise(bessel.HANKEL2),
    jn: pointwise(bessel.JN),
    yn: pointwise(bessel.YN),
    hn1: pointwise(bessel.HN1),
    hn2: pointwise(bessel.HN2),
    marcumq: pointwise(bessel.MARCUMQ),
    airyai: pointwise(bessel.AIRYAI),
    airyaiprime: pointwise(bessel.AIRYAIPRIME),
    airybi: pointwise(bessel.AIRYBI),
    airybiprime: pointwise(bessel.AIRYBIPRIME),
    # elliptic integrals
    sp.elliptic_k: pointwise(elliptic.ELLIPTIC_K),
    sp.elliptic_f: pointwise(elliptic.ELLIPTIC_F),
    sp.elliptic_e: by_count({1: pointwise(elliptic.ELLIPTIC_E), 2: pointwise(elliptic.ELLIPTIC_E_INCOMPLETE)}),
    sp.elliptic_pi: by_count({2: pointwise(elliptic.ELLIPTIC_PI), 3: pointwise(elliptic.ELLIPTIC_PI_INCOMPLETE)}),
    # zeta functions
    sp.zeta: by_count({1: pointwise(zeta.ZETA), 2: pointwise(zeta.HURWITZ)}),
    sp.dirichlet_eta: by_count({1: pointwise(zeta.ETA), 2: pointwise(zeta.GENERAL_ETA)}),
    sp.polylog: pointwise(zeta.POLYLOG),
    sp.lerchphi: pointwise(zeta.LERCHPHI),
    sp.stieltjes: pointwise(zeta.STIELTJES, None, 1, arity=2),
    sp.riemann_xi: pointwise(zeta.XI),
    sp.LambertW: Rule(_lambertw),
    # hypergeometric functions
    sp.hyper: Rule(_hyper, _hyper_operands),
    sp.meijerg: Rule(_meijerg, _meijerg_operands),
    appellf1: pointwise(_APPELLF1),
    # no values
    **dict.fromkeys((mathieus, mathieuc, mathieusprime, mathieucprime), _mathieu),
    # what SymPy's code generation rewrites into
    scipy_nodes.cosm1: pointwise(gamma.COSM1),
    scipy_nodes.powm1: pointwise(gamma.POWM1),
}
