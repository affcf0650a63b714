"""Rules of sums, products, powers and named constants."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..._program.builder import Builder
from ..._symbolic.nodes import cfunctions, is_absent
from .. import polar
from ..example import t, x, y
from ..rule import Rule
from .common import number
from .elementary import EXP


def _pow(b: Builder, expr: sp.Basic, base: int, exponent: int) -> int:
    # An unevaluated E**x: exp rounds once, where a power of the float nearest to e would be off from the start.
    return b.apply(EXP, exponent) if expr.args[0] is sp.E else b.pow(base, exponent)


def _factors(b: Builder, expr: sp.Basic) -> tuple[sp.Basic, ...]:
    """Of log(x)/log(2) one logarithm: the quotient of two rounded ones is not 6 for 64. Likewise to base 10."""
    if sp.log not in map(type, expr.args):
        return expr.args  # type: ignore[no-any-return]
    for below in expr.args:
        if type(below) is sp.Pow and below.args[1] is sp.S.NegativeOne and type(below.args[0]) is sp.log:
            known = _LOGARITHMS.get(below.args[0].args[0])
            above = next((f for f in expr.args if type(f) is sp.log and f.free_symbols), None)
            if known is not None and above is not None and not above.has(sp.exp_polar, sp.polar_lift):
                return known(above.args[0]), *[f for f in expr.args if f is not below and f is not above]
    return expr.args  # type: ignore[no-any-return]


_LOGARITHMS = {
    sp.Integer(base): kind for base, kind in ((2, cfunctions.log2), (10, cfunctions.log10)) if not is_absent(kind)
}


# Each of these is the only instance of its own class, by which its rule is found like any other.
_CONSTANTS = (sp.pi, sp.E, sp.EulerGamma, sp.GoldenRatio, sp.TribonacciConstant, sp.Catalan)


def _constant(value: Any) -> Rule:
    # In a function, as a lambda keeps the variable, not its value: made in a loop, all would have the last one.
    return number.with_example(lambda: x * value, "a constant")


TITLE = "Arithmetic and constants"

RULES: dict[type, Rule] = {
    sp.Add: Rule(lambda b, e, *terms: b.add(*terms)).with_example(lambda: x + y, "exact for integers"),
    sp.Mul: Rule(lambda b, e, *factors: b.mul(*factors), _factors).with_example(lambda: x * y, "exact for integers"),
    # Position 0: an angle matters in the base, which has the branches, and not in the exponent.
    sp.Pow: polar.continued(Rule(_pow), polar.power, 0).with_example(
        lambda: x**y, "exact for integers; nan for a root of a negative number"
    ),
    # It only keeps SymPy from evaluating what is inside, which may be a matrix.
    sp.UnevaluatedExpr: Rule(lambda b, e, x: x, ranked=True).with_example(lambda: sp.UnevaluatedExpr(x) + 1),
    # The variable of its polynomial is bound, so that nothing inside is lowered: evalf finds the root.
    sp.CRootOf: number.with_example(lambda: x * sp.CRootOf(t**5 - t - 1, 0), "a constant"),
    sp.AlgebraicNumber: number.with_example(lambda: x * sp.AlgebraicNumber(sp.sqrt(2)), "a constant"),
    **{type(value): _constant(value) for value in _CONSTANTS},
    type(sp.I): number.with_example(lambda: x + sp.I, "a constant; the result is complex"),
    type(sp.zoo): number.with_example(
        lambda: sp.Piecewise((sp.zoo, x > 1), (x, True)), "a constant: complex(inf, nan)"
    ),
}
