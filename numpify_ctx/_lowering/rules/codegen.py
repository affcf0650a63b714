"""Rules of the functions that SymPy's code generation rewrites into."""

from __future__ import annotations

import sympy as sp

from ..._kinds import boolean
from ..._program.builder import Builder
from ..._runtime import cuts
from ..._symbolic.nodes import cfunctions, numpy_nodes
from ..example import NAN, x, y, z
from ..rule import Rule
from .common import call, ufunc
from .elementary import MAXIMUM, MINIMUM, extremum


def _fma(b: Builder, expr: object, x: int, y: int, z: int) -> int:
    # Rounded twice: NumPy has no fused operation.
    return b.add(b.mul(x, y), z)


# They leave the reals below -1 or 0; on that cut, a complex operand gets SymPy's value (see `cuts`).
LOG1P = ufunc("log1p", "log1p", cut=cuts.log1p, leaves=True)
LOG2 = ufunc("log2", "log2", cut=cuts.log2, leaves=True)
LOG10 = ufunc("log10", "log10", cut=cuts.log10, leaves=True)

TITLE = "Functions of code generation"

RULES: dict[type, Rule] = {
    cfunctions.expm1: call(ufunc("expm1", "expm1")),
    cfunctions.log1p: call(LOG1P).with_example(lambda: cfunctions.log1p(x), NAN),
    cfunctions.exp2: call(ufunc("exp2")),
    cfunctions.log2: call(LOG2).with_example(lambda: cfunctions.log2(x), NAN),
    cfunctions.log10: call(LOG10).with_example(lambda: cfunctions.log10(x), NAN),
    # By the builder, as a power of 1/2 is: where both occur they are one node.
    cfunctions.Sqrt: Rule(lambda b, e, x: b.sqrt(x)).with_example(lambda: cfunctions.Sqrt(x), NAN, lambda: sp.sqrt(x)),
    # NumPy's is the real root of a negative number, as C has it, and takes no complex ones.
    cfunctions.Cbrt: call(ufunc("cbrt"), real=True).with_example(
        lambda: cfunctions.Cbrt(x), meaning=lambda: sp.cbrt(x)
    ),
    # Not by math.hypot: of large numbers that is inf in silence, where NumPy warns of an overflow.
    cfunctions.hypot: call(ufunc("hypot"), real=True).with_example(lambda: cfunctions.hypot(x, y)),
    cfunctions.fma: Rule(_fma).with_example(lambda: cfunctions.fma(x, y, z), meaning=lambda: x * y + z),
    cfunctions.isinf: call(ufunc("isinf", kinds=boolean)).with_example(
        lambda: cfunctions.isinf(x), meaning=lambda: sp.false
    ),
    cfunctions.isnan: call(ufunc("isnan", kinds=boolean)).with_example(
        lambda: cfunctions.isnan(x), meaning=lambda: sp.false
    ),
    # NumPy has these for real numbers alone.
    numpy_nodes.logaddexp: call(ufunc("logaddexp"), real=True).with_example(lambda: numpy_nodes.logaddexp(x, y)),
    numpy_nodes.logaddexp2: call(ufunc("logaddexp2"), real=True).with_example(lambda: numpy_nodes.logaddexp2(x, y)),
    numpy_nodes.maximum: extremum(MAXIMUM).with_example(
        lambda: numpy_nodes.maximum(x, y), meaning=lambda: sp.Max(x, y)
    ),
    numpy_nodes.minimum: extremum(MINIMUM).with_example(
        lambda: numpy_nodes.minimum(x, y), meaning=lambda: sp.Min(x, y)
    ),
}
