"""Rules of sums, products, powers and named constants."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..._program.builder import Builder
from ..rule import Rule
from .common import number
from .elementary import EXP


def _pow(b: Builder, expr: Any, base: int, exponent: int) -> int:
    return b.apply(EXP, exponent) if expr.args[0] is sp.E else b.pow(base, exponent)


_CONSTANTS = (sp.pi, sp.E, sp.EulerGamma, sp.GoldenRatio, sp.TribonacciConstant, sp.Catalan, sp.I, sp.zoo)

RULES: dict[type, Rule] = {
    sp.Add: Rule(lambda b, e, *terms: b.add(*terms)),
    sp.Mul: Rule(lambda b, e, *factors: b.mul(*factors)),
    sp.Pow: Rule(_pow),
    sp.UnevaluatedExpr: Rule(lambda b, e, x: x, ranked=True),
    sp.CRootOf: number,
    sp.AlgebraicNumber: number,
    **{type(constant): number for constant in _CONSTANTS},
}
