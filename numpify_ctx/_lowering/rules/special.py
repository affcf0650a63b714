"""Rules of the special functions: error, gamma, exponential integrals, Bessel, elliptic, zeta, hypergeometric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import mpmath
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
from ..._runtime.special import (
    bessel as bessel,
    elliptic as elliptic,
    gamma as gamma,
    integrals as integrals,
    loggamma as loggamma,
    zeta as zeta,
)
from ..._runtime.special.pointwise import Pointwise
from ..._runtime.types import MPContext, MPNumber
from ..._symbolic.budget import has_affordable_series, is_affordable_meijerg
from ..._symbolic.nodes import scipy_nodes
from ..._symbolic.refusal import refuse
from .. import polar
from ..example import NAN, POLE, k, n, x, y, z
from ..rule import Rule
from .common import by_count, needs_scipy, op_of, pointwise
from .elementary import EXP


def _product_of_gammas(expr: sp.Basic) -> Any:
    """multigamma as SymPy defines it."""
    # The product in DLMF 35.3.
    x, p = expr.args
    k = sp.Dummy("k", integer=True)
    return sp.pi ** (p * (p - 1) / 4) * sp.Product(sp.gamma(x + (1 - k) / 2), (k, 1, p))


def _beta_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    """beta(x) is beta(x, x)."""
    return [expr.args[0], expr.args[-1]]


# -- the Lambert function: which branch it is decides whether it can be real -------------------------------------------

_LAMBERTW, _LAMBERTW_BRANCH = op_of(zeta.LAMBERTW), op_of(zeta.LAMBERTW_BRANCH)
_LAMBERTW_PRINCIPAL = op_of(zeta.LAMBERTW_PRINCIPAL)


def _lambertw(b: Builder, expr: sp.Basic, z: int, *branch: int) -> int:
    needs_scipy(expr)
    k = branch[0] if branch else b.const(0)
    if b.is_const(k) and b.value(k) == 0:
        return b.apply(_LAMBERTW_PRINCIPAL, z)
    # Only the branches 0 and -1 are real anywhere.
    real = b.is_const(k) and b.value(k) in (0, -1)
    return b.apply(_LAMBERTW if real else _LAMBERTW_BRANCH, z, k)


# -- hypergeometric functions: their parameters are lists --------------------------------------------------------------


@cache
def _hyper_op(p: int, q: int) -> Op:
    def reference(mp: MPContext, *numbers: MPNumber) -> Any:
        if not has_affordable_series(numbers[:p], numbers[p : p + q], numbers[-1]):
            raise ValueError("its series is too long")  # no value
        return mp.hyper(numbers[:p], numbers[p : p + q], numbers[-1])

    # One for each pair of counts: operations are compared by identity, and equal nodes must have the same one.
    return op_of(Pointwise("hyper", reference))


def _hyper(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    p, q = len(expr.ap), len(expr.bq)
    # 0F0 is exp.
    if p == q == 0:
        return b.apply(EXP, nodes[-1])
    return b.apply(_hyper_op(p, q), *nodes)


def _hyper_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    return [*expr.ap, *expr.bq, expr.argument]


@cache
def _meijerg_op(counts: tuple[int, int, int, int], angle: sp.Expr) -> Op:
    """A G function of its parameters and z, whose angle is `angle` more than that of the number z."""
    turned = angle != 0
    # G(w**n), of a root of z whose angle is principal: mpmath's r is 1/n.
    n = int(abs(angle) / sp.pi) + 2 if turned else 1

    def reference(mp: MPContext, *numbers: MPNumber) -> Any:
        lists, start = [], 0
        for count in counts:
            lists.append(list(numbers[start : start + count]))
            start += count
        above, below = lists[0] + lists[1], lists[2] + lists[3]
        count = len(lists[2] if len(above) <= len(below) else lists[0])
        if not is_affordable_meijerg(above, below, numbers[-1], count):
            raise ValueError("its series are too long")  # no value
        if not turned:
            return mp.meijerg(lists[:2], lists[2:], numbers[-1])
        more = mp.mpc(0, angle.evalf(mp.dps + 5)._to_mpmath(mp.prec))
        return mp.meijerg(lists[:2], lists[2:], mp.exp((mp.log(numbers[-1]) + more) / n), r=mp.mpf(1) / n)

    return op_of(Pointwise("meijerg", reference, complex_valued=turned))


def _meijerg(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    found = polar.angle_of(expr.argument)
    angle = sp.S.Zero if found is None else found[1]
    return b.apply(_meijerg_op(tuple(map(len, (expr.an, expr.aother, expr.bm, expr.bother))), angle), *nodes)


def _meijerg_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    found = polar.angle_of(expr.argument)
    if found is not None and not (found[1].is_number and found[1].is_real):
        raise refuse(expr, f"its value at an angle of {found[1]} is on a branch that is not known")
    return [*expr.an, *expr.aother, *expr.bm, *expr.bother, expr.argument if found is None else found[0]]


def _appellf1(mp: MPContext, *numbers: MPNumber) -> Any:
    """By a series of 2F1; where that is long, near x = 1 or y = 1, by its integral (DLMF 16.15.1), cut at 1/2."""
    a, b, c, d, x, y = numbers
    is_long = min(abs(x), abs(y)) > _LONG and all(mp.im(v) or v < 1 for v in (x, y))
    if not (is_long and 0 < mp.re(a) < mp.re(d)):
        return mp.appellf1(*numbers)

    def weight(t: MPNumber, rest: MPNumber) -> Any:  # rest = 1 - t, with all its digits
        return t ** (a - 1) * rest ** (d - a - 1) * (1 - x + x * rest) ** -b * (1 - y + y * rest) ** -c

    half = mp.mpf(1) / 2
    halves = mp.quad(lambda t: weight(t, 1 - t), [0, half]) + mp.quad(lambda rest: weight(1 - rest, rest), [0, half])
    return mp.gammaprod([d], [a, d - a]) * halves


_LONG = 0.8  # the smaller argument of a series that takes hundreds of terms
_APPELLF1 = Pointwise("appellf1", _appellf1)


def _no_norm(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    name = type(expr).__name__
    raise refuse(
        expr,
        f"SymPy says which equation {name} solves, but not with which norm, so it has "
        f"no value; pass functions={{{name}: a NumPy function}}",
    )


def _mathieu(cls: Any) -> Rule:
    return Rule(_no_norm).with_example(lambda: cls(x, y, z), "SymPy gives it no norm", refused=True)


# -- other definitions of two functions for which SymPy has no values --------------------------------------------------


def _marcumq_value(a: float, b: float) -> float:
    """Q_1 by its integral."""
    return float(mpmath.quad(lambda t: t * mpmath.exp(-(t**2 + a**2) / 2) * mpmath.besseli(0, a * t), [b, 5, 20]))


def _appellf1_value(a: float, b: float, c: float, d: float, x: float, y: float) -> float:
    """F1 by its integral (DLMF 16.15.1), with t = s**2 to smooth the end at 0."""
    inner = mpmath.quad(
        lambda s: 2 * s ** (2 * a - 1) * (1 - s * s) ** (d - a - 1) * (1 - x * s * s) ** -b * (1 - y * s * s) ** -c,
        [0, 0.5, 1],
    )
    return float(inner * mpmath.gamma(d) / mpmath.gamma(a) / mpmath.gamma(d - a))


TITLE = "Special functions"

RULES: dict[type, Rule] = {
    # error functions
    sp.erf: pointwise(gamma.ERF, Math("erf")),
    sp.erfc: pointwise(gamma.ERFC, Math("erfc")),
    sp.erfi: pointwise(gamma.ERFI),
    sp.erf2: pointwise(gamma.ERF2).with_example(lambda: sp.erf2(x, y), meaning=lambda: sp.erf(y) - sp.erf(x)),
    sp.erfinv: pointwise(gamma.ERFINV).with_example(lambda: sp.erfinv(x), "real, in [-1, 1]"),
    sp.erfcinv: pointwise(gamma.ERFCINV).with_example(
        lambda: sp.erfcinv(x), "real, in [0, 2]", lambda: sp.erfinv(1 - x)
    ),
    sp.erf2inv: pointwise(gamma.ERF2INV).with_example(
        lambda: sp.erf2inv(x, z / 2), "real", lambda: sp.erfinv(sp.erf(x) + z / 2)
    ),
    sp.fresnels: pointwise(gamma.FRESNELS),
    sp.fresnelc: pointwise(gamma.FRESNELC),
    # gamma functions
    sp.gamma: pointwise(gamma.GAMMA, Math("gamma")).with_example(lambda: sp.gamma(x), POLE),
    sp.loggamma: pointwise(loggamma.LOGGAMMA).with_example(lambda: sp.loggamma(x), f"{NAN}: left of 0"),
    digamma: pointwise(gamma.DIGAMMA).with_example(
        lambda: digamma(x, evaluate=False), POLE, lambda: sp.polygamma(0, x)
    ),
    trigamma: pointwise(gamma.TRIGAMMA).with_example(
        lambda: trigamma(x, evaluate=False), POLE, lambda: sp.polygamma(1, x)
    ),
    sp.polygamma: pointwise(gamma.POLYGAMMA).with_example(lambda: sp.polygamma(2, x), f"all orders; {POLE}"),
    multigamma: Rule(lambda b, e, x: x, lambda b, e: [_product_of_gammas(e)]).with_example(
        lambda: multigamma(y, 2, evaluate=False), "orders that are integers", lambda: multigamma(y, 2)
    ),
    sp.lowergamma: polar.continued(pointwise(gamma.LOWERGAMMA), polar.lowergamma).with_example(
        lambda: sp.lowergamma(x, y), f"{NAN}; {POLE}"
    ),
    sp.uppergamma: polar.continued(pointwise(gamma.UPPERGAMMA), polar.uppergamma).with_example(
        lambda: sp.uppergamma(x, y), NAN
    ),
    sp.beta: replace(pointwise(gamma.BETA), operands=_beta_operands).with_example(lambda: sp.beta(x, y), POLE),
    sp.betainc: pointwise(gamma.BETAINC).with_example(lambda: sp.betainc(x, y, 0, z), NAN),
    sp.betainc_regularized: pointwise(gamma.BETAINC_REGULARIZED).with_example(
        lambda: sp.betainc_regularized(x, y, 0, z), NAN
    ),
    # exponential and trigonometric integrals
    sp.Ei: polar.continued(pointwise(integrals.EI), polar.ei).with_example(lambda: sp.Ei(x)),
    sp.expint: polar.continued(pointwise(integrals.EXPINT), polar.expint).with_example(
        lambda: sp.expint(x, y), f"all orders; {NAN}"
    ),
    sp.li: pointwise(integrals.LI).with_example(lambda: sp.li(x), NAN),
    sp.Li: pointwise(integrals.LI_OFFSET).with_example(lambda: sp.Li(x), NAN),
    sp.Si: pointwise(integrals.SI),
    sp.Ci: pointwise(integrals.CI).with_example(lambda: sp.Ci(x), NAN),
    sp.Shi: pointwise(integrals.SHI),
    sp.Chi: pointwise(integrals.CHI).with_example(lambda: sp.Chi(x), NAN),
    # Bessel functions, Hankel, Airy and spherical ones
    sp.besselj: pointwise(bessel.BESSELJ).with_example(lambda: sp.besselj(2, x), f"all orders; {NAN}"),
    sp.bessely: pointwise(bessel.BESSELY).with_example(lambda: sp.bessely(2, x), f"all orders; {NAN}"),
    sp.besseli: pointwise(bessel.BESSELI).with_example(lambda: sp.besseli(2, x), f"all orders; {NAN}"),
    sp.besselk: pointwise(bessel.BESSELK).with_example(lambda: sp.besselk(2, x), f"all orders; {NAN}"),
    hankel1: pointwise(bessel.HANKEL1).with_example(
        lambda: hankel1(2, x), "complex always", lambda: sp.besselj(2, x) + sp.I * sp.bessely(2, x)
    ),
    hankel2: pointwise(bessel.HANKEL2).with_example(
        lambda: hankel2(2, x), "complex always", lambda: sp.besselj(2, x) - sp.I * sp.bessely(2, x)
    ),
    jn: pointwise(bessel.JN).with_example(
        lambda: jn(n, x), "no cut for integer orders", lambda: sp.expand_func(jn(4, x))
    ),
    yn: pointwise(bessel.YN).with_example(
        lambda: yn(n, x), "no cut for integer orders", lambda: sp.expand_func(yn(4, x))
    ),
    hn1: pointwise(bessel.HN1).with_example(
        lambda: hn1(n, x), "complex always", lambda: sp.expand_func(jn(4, x) + sp.I * yn(4, x))
    ),
    hn2: pointwise(bessel.HN2).with_example(
        lambda: hn2(n, x), "complex always", lambda: sp.expand_func(jn(4, x) - sp.I * yn(4, x))
    ),
    marcumq: pointwise(bessel.MARCUMQ).with_example(
        lambda: marcumq(1, x, y), "arguments to 1000", lambda: _marcumq_value(0.7, 1.6)
    ),
    airyai: pointwise(bessel.AIRYAI),
    airyaiprime: pointwise(bessel.AIRYAIPRIME),
    airybi: pointwise(bessel.AIRYBI),
    airybiprime: pointwise(bessel.AIRYBIPRIME),
    # elliptic integrals
    sp.elliptic_k: polar.continued(pointwise(elliptic.ELLIPTIC_K), polar.within_the_unit_circle()).with_example(
        lambda: sp.elliptic_k(x), "the parameter m, not the modulus; nan for m > 1"
    ),
    sp.elliptic_f: pointwise(elliptic.ELLIPTIC_F).with_example(
        lambda: sp.elliptic_f(y, x), "F(z, m); nan beyond a singularity"
    ),
    sp.elliptic_e: by_count(
        {1: pointwise(elliptic.ELLIPTIC_E), 2: pointwise(elliptic.ELLIPTIC_E_INCOMPLETE)}
    ).with_example(lambda: sp.elliptic_e(y, x), "E(m) and E(z, m); nan beyond a singularity"),
    sp.elliptic_pi: by_count(
        {2: pointwise(elliptic.ELLIPTIC_PI), 3: pointwise(elliptic.ELLIPTIC_PI_INCOMPLETE)}
    ).with_example(lambda: sp.elliptic_pi(z, y, x), "Pi(n, m) and Pi(n, z, m); nan beyond a singularity"),
    # zeta functions
    sp.zeta: by_count({1: pointwise(zeta.ZETA), 2: pointwise(zeta.HURWITZ)}).with_example(
        lambda: sp.zeta(y), "zeta(s) and zeta(s, a); inf at 1"
    ),
    sp.dirichlet_eta: by_count({1: pointwise(zeta.ETA), 2: pointwise(zeta.GENERAL_ETA)}).with_example(
        lambda: sp.dirichlet_eta(x), "eta(s) and eta(s, a)"
    ),
    sp.polylog: polar.continued(pointwise(zeta.POLYLOG), polar.within_the_unit_circle()).with_example(
        lambda: sp.polylog(3, x), f"{NAN}: right of 1"
    ),
    sp.lerchphi: polar.continued(pointwise(zeta.LERCHPHI), polar.within_the_unit_circle(0), 0).with_example(
        lambda: sp.lerchphi(x, y, z), "arguments to 1000"
    ),
    sp.stieltjes: pointwise(zeta.STIELTJES, None, 1, arity=2).with_example(
        lambda: sp.stieltjes(k), "indices that are integers", lambda: sp.stieltjes(2)
    ),
    sp.riemann_xi: pointwise(zeta.XI).with_example(
        lambda: sp.riemann_xi(x), "1/2 at 0 and 1", lambda: sp.riemann_xi(x).rewrite(sp.zeta)
    ),
    sp.LambertW: polar.refusing(Rule(_lambertw)).with_example(
        lambda: sp.LambertW(x), "branches 0 and -1 real where they can be, others complex"
    ),
    # hypergeometric functions
    sp.hyper: polar.continued(Rule(_hyper, _hyper_operands), polar.hyper).with_example(
        lambda: sp.hyper([x, 1], [y], z), f"any number of parameters; {NAN}"
    ),
    sp.meijerg: Rule(_meijerg, _meijerg_operands).with_example(
        lambda: sp.meijerg([[], []], [[x], []], z), f"any number of parameters; {NAN}"
    ),
    appellf1: pointwise(_APPELLF1).with_example(
        lambda: appellf1(x, 1, 2, y, z, z / 2), NAN, lambda: _appellf1_value(0.7, 1, 2, 1.6, 0.35, 0.175)
    ),
    # no values
    **{cls: _mathieu(cls) for cls in (mathieus, mathieuc, mathieusprime, mathieucprime)},
    # what SymPy's code generation rewrites into
    scipy_nodes.cosm1: pointwise(gamma.COSM1).with_example(lambda: scipy_nodes.cosm1(x), meaning=lambda: sp.cos(x) - 1),
    scipy_nodes.powm1: pointwise(gamma.POWM1).with_example(lambda: scipy_nodes.powm1(x, y), meaning=lambda: x**y - 1),
}
