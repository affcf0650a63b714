"""Rules of the functions that SymPy's code generation rewrites into."""

from __future__ import annotations

from ..._kinds import boolean
from ..._program.builder import Builder
from ..._symbolic.nodes import cfunctions, numpy_nodes
from ..rule import Rule
from .common import call, ufunc
from .elementary import MAXIMUM, MINIMUM, extremum


def _fma(b: Builder, expr: object, x: int, y: int, z: int) -> int:
    return b.add(b.mul(x, y), z)


RULES: dict[type, Rule] = {
    cfunctions.expm1: call(ufunc("expm1", "expm1")),
    cfunctions.log1p: call(ufunc("log1p", "log1p")),
    cfunctions.exp2: call(ufunc("exp2")),
    cfunctions.log2: call(ufunc("log2", "log2")),
    cfunctions.log10: call(ufunc("log10", "log10")),
    cfunctions.Sqrt: Rule(lambda b, e, x: b.sqrt(x)),
    cfunctions.Cbrt: call(ufunc("cbrt"), real=True),
    cfunctions.hypot: call(ufunc("hypot"), real=True),
    cfunctions.fma: Rule(_fma),
    cfunctions.isinf: call(ufunc("isinf", kinds=boolean)),
    cfunctions.isnan: call(ufunc("isnan", kinds=boolean)),
    numpy_nodes.logaddexp: call(ufunc("logaddexp"), real=True),
    numpy_nodes.logaddexp2: call(ufunc("logaddexp2"), real=True),
    numpy_nodes.maximum: extremum(MAXIMUM),
    numpy_nodes.minimum: extremum(MINIMUM),
}
