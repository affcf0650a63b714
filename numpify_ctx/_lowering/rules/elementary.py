"""Rules of the elementary functions: exponential, trigonometric, hyperbolic, and those of the parts of a number."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from ..._kinds import BOOL, INT, arithmetic, real, real_part
from ..._program.builder import Builder
from ..._program.ir import Numpy, Op
from ..._runtime import cuts
from ..._runtime.special import elementary as rt
from .. import polar
from ..example import NAN, k, m, n, x, y
from ..rule import Rule
from . import quotients, roots
from .common import call, of_reciprocal, reciprocal, rewritten, runtime, ufunc


EXP = ufunc("exp", "exp", positive=True)
SIN, COS, TAN = ufunc("sin", "sin"), ufunc("cos", "cos"), ufunc("tan", "tan")
SINH, COSH, TANH = ufunc("sinh", "sinh"), ufunc("cosh", "cosh", positive=True), ufunc("tanh", "tanh")
# Where the real line is not all of the domain, they leave the reals: arctan and arcsinh do not.
ARCSIN = ufunc("arcsin", "asin", cut=cuts.arcsin, leaves=True)
ARCCOS = ufunc("arccos", "acos", cut=cuts.arccos, leaves=True)
ARCTAN = ufunc("arctan", "atan", cut=cuts.arctan)
ARCSINH = ufunc("arcsinh", "asinh", cut=cuts.arcsinh)
ARCCOSH = ufunc("arccosh", "acosh", cut=cuts.arccosh, leaves=True)
ARCTANH = ufunc("arctanh", "atanh", cut=cuts.arctanh, leaves=True)
ARCCOTH = replace(runtime(rt.acoth, rt.math_acoth, native="acoth"), leaves=True)
ARCTAN2 = replace(ufunc("arctan2", "atan2", kinds=real), real=True)
# These expose a complex operand: what they give is real, so that nothing else tells that it is wanted whole.
ANGLE = Op("angle", Numpy("angle"), cmath.phase, "angle", cut=cuts.angle, kinds=real, exposes=True)

RE = Op("real", Numpy("real"), native="real", kinds=real_part, exposes=True)
CONJUGATE = Op(
    "conjugate", Numpy("conjugate"), rt.math_conjugate, "conjugate", kinds=lambda kinds: kinds[0], exposes=True
)
ABS = Op(
    "abs", Numpy("abs"), abs, "abs", exact=rt.exact_abs, kinds=real_part, cheap=True, positive=True, within=True,
    exposes=True,
)  # fmt: skip
MOD = Op("mod", Numpy("mod"), rt.math_mod, "mod", exact=rt.exact_mod, kinds=real_part, real=True)
FLOOR = Op("floor", rt.floor, rt.math_floor, native="floor", kinds=arithmetic)
MINIMUM = Op(
    "minimum", Numpy("minimum"), rt.math_minimum, "minimum", kinds=arithmetic, cheap=True, within=True, real=True
)
MAXIMUM = Op(
    "maximum", Numpy("maximum"), rt.math_maximum, "maximum", kinds=arithmetic, cheap=True, within=True, real=True
)


def extremum(op: Op) -> Rule:
    """A tree of binary operations, so that many operands do not nest deeply."""

    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        level = list(nodes)
        while len(level) > 1:
            pairs = [b.apply(op, x, y) for x, y in zip(level[::2], level[1::2], strict=False)]
            level = pairs + level[2 * len(pairs) :]
        return level[0]

    return Rule(lower)


def _atan2(b: Builder, expr: sp.Basic, y: int, x: int) -> int:
    # The sign of a zero that was computed must not choose the half plane.
    return b.apply(ARCTAN2, b.unsigned(y), b.unsigned(x))


def _quotient_operands(b: Builder, expr: sp.Basic) -> tuple[sp.Basic, ...]:
    return quotients.ratio_of(expr.args[0]) or quotients.terms_of(expr.args[0])


def _floor_operands(b: Builder, expr: sp.Basic) -> tuple[sp.Basic, ...]:
    root = _only_term(expr.args[0])
    found = None if root is None else roots.whole_of(root)
    if found is not None:
        return (found[2],)
    return _radical_operands(expr) or _quotient_operands(b, expr)


def _radical_operands(expr: sp.Basic) -> tuple[sp.Basic, ...] | None:
    return None if quotients.ratio_of(expr.args[0]) is not None else roots.radical_operands(expr.args[0])


def _only_term(expr: sp.Basic) -> sp.Basic | None:
    """t of (t + c)/d: as c and d > 0 are integers, its floor is that of (floor(t) + c)/d, and so is its ceiling."""
    found = quotients.quotient_of(expr)
    if found is None:
        return expr
    return found.terms[0] if found.coefficients == (1,) else None


def _whole_root(b: Builder, expr: sp.Basic, node: int, *, up: bool) -> int | None:
    """The floor or ceiling of a root or a logarithm, which are exact."""
    root = _only_term(expr.args[0])
    return None if root is None or roots.whole_of(root) is None else roots.lowered(b, root, node, up=up)


def _floor(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    whole = _whole_root(b, expr, nodes[0], up=False)
    if whole is not None:
        found = quotients.quotient_of(expr.args[0])
        return whole if found is None else b.apply(quotients.FLOOR, whole, data=found.data)
    if _radical_operands(expr) is not None:
        return roots.floor_radical(b, expr.args[0], nodes, up=False)
    if quotients.ratio_of(expr.args[0]) is not None:
        return _floor_of_ratio(b, *nodes)
    found = quotients.quotient_of(expr.args[0])
    # A quotient is floored by its numerator and denominator: rounded first, it may already be the next integer.
    return b.apply(FLOOR, *nodes) if found is None else b.apply(quotients.FLOOR, *nodes, data=found.data)


def _floor_of_ratio(b: Builder, top: int, bottom: int) -> int:
    # Of integers, which alone need it: what is a float already is rounded, and blocks and kernels know its division.
    if not b.kinds[top] & b.kinds[bottom] & (BOOL | INT):
        return b.apply(FLOOR, b.div(top, bottom))
    return b.apply(quotients.FLOOR_OF_RATIO, top, b.unsigned(bottom))


def _ceiling(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    # ceiling(x) = -floor(-x)
    whole = _whole_root(b, expr, nodes[0], up=True)
    if whole is not None:
        found = quotients.quotient_of(expr.args[0])
        return whole if found is None else b.neg(b.apply(quotients.FLOOR, whole, data=found.negated().data))
    if _radical_operands(expr) is not None:
        return roots.floor_radical(b, expr.args[0], nodes, up=True)
    if quotients.ratio_of(expr.args[0]) is not None:
        return b.neg(_floor_of_ratio(b, b.neg(nodes[0]), nodes[1]))
    found = quotients.quotient_of(expr.args[0])
    if found is None:
        return b.neg(b.apply(FLOOR, b.neg(nodes[0])))
    return b.neg(b.apply(quotients.FLOOR, *nodes, data=found.negated().data))


def _frac_operands(b: Builder, expr: sp.Basic) -> Sequence[sp.Basic]:
    return roots.remainder_operands(expr.args[0], sp.S.One) or _quotient_operands(b, expr)


def _frac(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    if roots.remainder_operands(expr.args[0], sp.S.One) is not None:
        return roots.remainder(b, lambda v, by: _frac_by(b, v, by), expr.args[0], sp.S.One, nodes)
    if quotients.ratio_of(expr.args[0]) is not None:
        if b.kinds[nodes[0]] & b.kinds[nodes[1]] & (BOOL | INT):
            return b.apply(quotients.FRAC_OF_RATIO, nodes[0], b.unsigned(nodes[1]))
        ratio = b.div(*nodes)
        return b.sub(ratio, b.apply(FLOOR, ratio))
    found = quotients.quotient_of(expr.args[0])
    if found is None:
        return b.sub(nodes[0], b.apply(FLOOR, nodes[0]))
    # The remainder is exact, where x - floor(x) has lost the bits that x lost.
    return b.div(b.apply(quotients.REMAINDER, *nodes, data=found.data), b.const(found.denominator))


def _frac_by(b: Builder, value: int, modulus: int) -> int:
    """Modulo a whole number, as frac: of complex numbers, too."""
    if modulus == 1:
        return b.sub(value, b.apply(FLOOR, value))
    return b.apply(quotients.REMAINDER, value, data=((1,), 0, modulus))


def _mod_operands(b: Builder, expr: sp.Basic) -> Sequence[sp.Basic]:
    ratio = quotients.ratio_of(expr.args[0])
    if ratio is not None:
        return *ratio, expr.args[1]
    if (of_roots := roots.remainder_operands(*expr.args)) is not None:
        return of_roots
    return [term for operand in expr.args for term in quotients.terms_of(operand)]


def _mod(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    """Of quotients, modulo an integer or another quotient: the numerators over one denominator leave the remainder."""
    if roots.remainder_operands(*expr.args) is not None:
        return roots.remainder(b, lambda v, by: b.apply(MOD, v, b.const(by)), expr.args[0], expr.args[1], nodes)
    if quotients.ratio_of(expr.args[0]) is not None:
        above, below, times = nodes  # n/m modulo k is the remainder of n by k*m, divided by m
        below = b.unsigned(below)
        if isinstance(expr.args[1], sp.Rational):
            times, scale = (b.const(sp.Integer(number)) for number in expr.args[1].as_numer_denom())
            above, over = b.mul(scale, above), b.mul(scale, below)
        else:
            over = below
        return b.div(b.apply(MOD, above, b.mul(times, below)), over)
    top = quotients.quotient_of(expr.args[0])
    modulus = expr.args[1]
    if top is not None and isinstance(modulus, sp.Integer) and 0 < modulus * top.denominator < quotients.LARGEST:
        rest = b.apply(quotients.REMAINDER, *nodes[:-1], data=top.modulo(int(modulus)).data)
        return b.div(rest, b.const(top.denominator))
    over, numerators = quotients.over_one_denominator(b, expr.args, nodes)
    rest = b.apply(MOD, *numerators)
    return rest if over == 1 else b.div(rest, b.const(over))


TITLE = "Elementary functions"

RULES: dict[type, Rule] = {
    sp.exp: call(EXP),
    sp.exp_polar: rewritten(lambda e: sp.exp(e.args[0])).with_example(
        lambda: x * sp.exp_polar(2 * sp.I * sp.pi), "below functions with branches, another branch", lambda: x
    ),
    sp.polar_lift: Rule(lambda b, e, z: z).with_example(lambda: sp.polar_lift(x), "the number itself", lambda: x),
    sp.log: polar.continued(call(ufunc("log", "log", cut=cuts.log, leaves=True)), polar.log, 0).with_example(
        lambda: sp.log(x), NAN
    ),
    # trigonometric
    sp.sin: call(SIN),
    sp.cos: call(COS),
    sp.tan: call(TAN),
    sp.sec: reciprocal(COS),
    sp.csc: reciprocal(SIN),
    sp.cot: reciprocal(TAN),
    sp.sinc: call(runtime(rt.sinc, rt.math_sinc, native="sinc")).with_example(lambda: sp.sinc(x), "1 at 0"),
    sp.asin: call(ARCSIN).with_example(lambda: sp.asin(x), NAN),
    sp.acos: call(ARCCOS).with_example(lambda: sp.acos(x), NAN),
    sp.atan: call(ARCTAN),
    sp.asec: of_reciprocal(ARCCOS).with_example(lambda: sp.asec(y), NAN),
    sp.acsc: of_reciprocal(ARCSIN).with_example(lambda: sp.acsc(y), NAN),
    sp.acot: call(runtime(rt.acot, native="acot")).with_example(lambda: sp.acot(x), "in (-pi/2, pi/2]"),
    sp.atan2: Rule(_atan2, real=True).with_example(lambda: sp.atan2(x, y)),
    # hyperbolic
    sp.sinh: call(SINH),
    sp.cosh: call(COSH),
    sp.tanh: call(TANH),
    sp.sech: call(runtime(rt.sech, rt.math_sech, native="sech")),
    sp.csch: call(runtime(rt.csch, rt.math_csch, native="csch")),
    sp.coth: reciprocal(TANH),
    sp.asinh: call(ARCSINH),
    sp.acosh: call(ARCCOSH).with_example(lambda: sp.acosh(y), NAN),
    sp.atanh: call(ARCTANH).with_example(lambda: sp.atanh(x), NAN),
    sp.asech: of_reciprocal(ARCCOSH).with_example(lambda: sp.asech(x), NAN),
    sp.acsch: of_reciprocal(ARCSINH),
    sp.acoth: call(ARCCOTH).with_example(lambda: sp.acoth(y), NAN),
    # parts of a number
    sp.Abs: call(ABS),
    sp.sign: call(ufunc("sign", rt.math_sign, kinds=lambda kinds: kinds[0])),
    sp.re: call(RE),
    sp.im: call(Op("imag", rt.imag, rt.math_imag, "imag", kinds=real_part, exposes=True)),
    sp.arg: Rule(lambda b, e, z: b.apply(ANGLE, b.unsigned(z))),
    sp.conjugate: call(CONJUGATE),
    sp.adjoint: call(CONJUGATE).with_example(lambda: sp.adjoint(x, evaluate=False), "the conjugate, of a number"),
    sp.transpose: Rule(lambda b, e, x: x).with_example(
        lambda: sp.transpose(x, evaluate=False), "the number itself", lambda: x
    ),
    sp.floor: Rule(_floor, _floor_operands).with_example(lambda: sp.floor(y), "of a complex number, of both parts"),
    sp.ceiling: Rule(_ceiling, _floor_operands).with_example(
        lambda: sp.ceiling(y), "of a complex number, of both parts"
    ),
    sp.frac: Rule(_frac, _frac_operands).with_example(lambda: sp.frac(y)),
    # several numbers
    sp.Mod: Rule(_mod, _mod_operands, real=True).with_example(lambda: sp.Mod(y, x), "the sign of the divisor"),
    sp.Min: extremum(MINIMUM).with_example(lambda: sp.Min(x, y)),
    sp.Max: extremum(MAXIMUM).with_example(lambda: sp.Max(x, y)),
    # steps, pulses and singularities
    sp.Heaviside: call(ufunc("heaviside", kinds=real), real=True).with_example(
        lambda: sp.Heaviside(x), "1/2 at 0, or the second argument"
    ),
    sp.DiracDelta: call(runtime(rt.dirac_delta, kinds=real)).with_example(lambda: sp.DiracDelta(x), "0, inf at 0"),
    sp.SingularityFunction: rewritten(lambda e: e.rewrite(sp.Piecewise)).with_example(
        lambda: sp.SingularityFunction(y, 1, 2)
    ),
    sp.LeviCivita: call(runtime(rt.levi_civita, kinds=arithmetic)).with_example(
        lambda: sp.LeviCivita(n, k, m), "of integers", lambda: sp.Integer(-3)
    ),
}
