"""Rules of sums, products, powers and named constants."""

from __future__ import annotations

from typing import Any

import sympy as sp

from .._builder import Builder
from .._lower import Rule
from ._elementary import EXP


def _pow(b: Builder, expr: Any, base: int, exponent: int) -> int:
    if expr.base is sp.E:
        return b.apply(EXP, exponent)
    return b.pow(base, exponent)


RULES: dict[type, Rule] = {
    sp.Add: Rule(lambda b, e, *terms: b.add(*terms)),
    sp.Mul: Rule(lambda b, e, *factors: b.mul(*factors)),
    sp.Pow: Rule(_pow),
}

CONSTANTS = (sp.pi, sp.E, sp.EulerGamma, sp.GoldenRatio, sp.TribonacciConstant, sp.Catalan, sp.I, sp.zoo, sp.nan, sp.oo)
RULES |= {type(c): Rule(lambda b, e: b.const(e)) for c in CONSTANTS}
