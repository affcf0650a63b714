"""Rules of the special functions: error, gamma, exponential integrals, Bessel, elliptic, zeta, hypergeometric."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sympy as sp
from sympy.codegen import scipy_nodes
from sympy.functions.special.bessel import (
    airyai,
    airyaiprime,
    airybi,
    airybiprime,
    hankel1,
    hankel2,
    hn1,
    hn2,
    jn,
    marcumq,
    yn,
)
from sympy.functions.special.gamma_functions import digamma, multigamma, trigamma
from sympy.functions.special.hyper import appellf1
from sympy.functions.special.mathieu_functions import mathieuc, mathieucprime, mathieus, mathieusprime

from .._builder import Builder
from .._errors import CompileError
from .._lower import Rule, describe
from .._program import Op
from . import _special_runtime as rt
from ._elementary import EXP
from ._pointwise import Pointwise, needs_scipy, op_of, pointwise


def by_count(rules: dict[int, Rule]) -> Rule:
    """The rule for as many arguments as there are."""
    return Rule(lambda b, e, *nodes: rules[len(nodes)].lower(b, e, *nodes))


def _product_of_gammas(expr: Any) -> Any:
    """multigamma as SymPy defines it."""
    x, p = expr.args
    k = sp.Dummy("k", integer=True)
    return sp.pi ** (p * (p - 1) / 4) * sp.Product(sp.gamma(x + (1 - k) / 2), (k, 1, p))


# -- the Lambert function: which branch it is decides whether it can be real -------------------------------------------

_LAMBERTW, _LAMBERTW_BRANCH = op_of(rt.LAMBERTW), op_of(rt.LAMBERTW_BRANCH)


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
    raise CompileError(
        f"cannot compile {describe(expr)}: SymPy says which equation {name} solves, but not with which norm, so it has "
        f"no value; pass functions={{{name}: a NumPy function}}"
    )


_mathieu = Rule(_no_norm)


RULES: dict[type, Rule] = {
    # error functions
    sp.erf: pointwise(rt.ERF, "math.erf"),
    sp.erfc: pointwise(rt.ERFC, "math.erfc"),
    sp.erfi: pointwise(rt.ERFI),
    sp.erf2: pointwise(rt.ERF2),
    sp.erfinv: pointwise(rt.ERFINV),
    sp.erfcinv: pointwise(rt.ERFCINV),
    sp.erf2inv: pointwise(rt.ERF2INV),
    sp.fresnels: pointwise(rt.FRESNELS),
    sp.fresnelc: pointwise(rt.FRESNELC),
    # gamma functions
    sp.gamma: pointwise(rt.GAMMA, "math.gamma"),
    sp.loggamma: pointwise(rt.LOGGAMMA),
    digamma: pointwise(rt.DIGAMMA),
    trigamma: pointwise(rt.TRIGAMMA),
    sp.polygamma: pointwise(rt.POLYGAMMA),
    multigamma: Rule(lambda b, e, x: x, lambda b, e: [_product_of_gammas(e)]),
    sp.lowergamma: pointwise(rt.LOWERGAMMA),
    sp.uppergamma: pointwise(rt.UPPERGAMMA),
    sp.beta: pointwise(rt.BETA),
    sp.betainc: pointwise(rt.BETAINC),
    sp.betainc_regularized: pointwise(rt.BETAINC_REGULARIZED),
    # exponential and trigonometric integrals
    sp.Ei: pointwise(rt.EI),
    sp.expint: pointwise(rt.EXPINT),
    sp.li: pointwise(rt.LI),
    sp.Li: pointwise(rt.LI_OFFSET),
    sp.Si: pointwise(rt.SI),
    sp.Ci: pointwise(rt.CI),
    sp.Shi: pointwise(rt.SHI),
    sp.Chi: pointwise(rt.CHI),
    # Bessel functions and their kin
    sp.besselj: pointwise(rt.BESSELJ),
    sp.bessely: pointwise(rt.BESSELY),
    sp.besseli: pointwise(rt.BESSELI),
    sp.besselk: pointwise(rt.BESSELK),
    hankel1: pointwise(rt.HANKEL1),
    hankel2: pointwise(rt.HANKEL2),
    jn: pointwise(rt.JN),
    yn: pointwise(rt.YN),
    hn1: pointwise(rt.HN1),
    hn2: pointwise(rt.HN2),
    marcumq: pointwise(rt.MARCUMQ),
    airyai: pointwise(rt.AIRYAI),
    airyaiprime: pointwise(rt.AIRYAIPRIME),
    airybi: pointwise(rt.AIRYBI),
    airybiprime: pointwise(rt.AIRYBIPRIME),
    # elliptic integrals
    sp.elliptic_k: pointwise(rt.ELLIPTIC_K),
    sp.elliptic_f: pointwise(rt.ELLIPTIC_F),
    sp.elliptic_e: by_count({1: pointwise(rt.ELLIPTIC_E), 2: pointwise(rt.ELLIPTIC_E_INCOMPLETE)}),
    sp.elliptic_pi: by_count({2: pointwise(rt.ELLIPTIC_PI), 3: pointwise(rt.ELLIPTIC_PI_INCOMPLETE)}),
    # zeta functions
    sp.zeta: by_count({1: pointwise(rt.ZETA), 2: pointwise(rt.HURWITZ)}),
    sp.dirichlet_eta: by_count({1: pointwise(rt.ETA), 2: pointwise(rt.GENERAL_ETA)}),
    sp.polylog: pointwise(rt.POLYLOG),
    sp.lerchphi: pointwise(rt.LERCHPHI),
    sp.stieltjes: pointwise(rt.STIELTJES, None, 1, arity=2),
    sp.riemann_xi: pointwise(rt.XI),
    sp.LambertW: Rule(_lambertw),
    # hypergeometric functions
    sp.hyper: Rule(_hyper, _hyper_operands),
    sp.meijerg: Rule(_meijerg, _meijerg_operands),
    appellf1: pointwise(_APPELLF1),
    # no values
    **dict.fromkeys((mathieus, mathieuc, mathieusprime, mathieucprime), _mathieu),
    # what SymPy's code generation rewrites into
    scipy_nodes.cosm1: pointwise(rt.COSM1),
    scipy_nodes.powm1: pointwise(rt.POWM1),
}
