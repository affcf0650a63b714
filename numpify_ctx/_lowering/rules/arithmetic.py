"""Rules of sums, products, powers and named constants."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..._program.builder import Builder
from .. import polar
from ..example import t, x, y
from ..rule import Rule
from .common import number
from .elementary import EXP


def _pow(b: Builder, expr: sp.Basic, base: int, exponent: int) -> int:
    return b.apply(EXP, exponent) if expr.args[0] is sp.E else b.pow(base, exponent)


_CONSTANTS = (sp.pi, sp.E, sp.EulerGamma, sp.GoldenRatio, sp.TribonacciConstant, sp.Catalan)


def _constant(value: Any) -> Rule:
    return number.with_example(lambda: x * value, "a constant")


TITLE = "Arithmetic and constants"

RULES: dict[type, Rule] = {
    sp.Add: Rule(lambda b, e, *terms: b.add(*terms)).with_example(lambda: x + y, "exact for integers"),
    sp.Mul: Rule(lambda b, e, *factors: b.mul(*factors)).with_example(lambda: x * y, "exact for integers"),
    sp.Pow: polar.continued(Rule(_pow), polar.power, 0).with_example(
        lambda: x**y, "exact for integers; nan for a root of a negative number"
    ),
    sp.UnevaluatedExpr: Rule(lambda b, e, x: x, ranked=True).with_example(lambda: sp.UnevaluatedExpr(x) + 1),
    sp.CRootOf: number.with_example(lambda: x * sp.CRootOf(t**5 - t - 1, 0), "a constant"),
    sp.AlgebraicNumber: number.with_example(lambda: x * sp.AlgebraicNumber(sp.sqrt(2)), "a constant"),
    **{type(value): _constant(value) for value in _CONSTANTS},
    type(sp.I): number.with_example(lambda: x + sp.I, "a constant; the result is complex"),
    type(sp.zoo): number.with_example(
        lambda: sp.Piecewise((sp.zoo, x > 1), (x, True)), "a constant: complex(inf, nan)"
    ),
}
