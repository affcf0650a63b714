"""Rules of the elementary functions."""

from __future__ import annotations

import sympy as sp

from .._lower import Rule
from .._program import Op, real_part


def unary(name: str, math: bool = True) -> Op:
    """A function of one number that NumPy and `math` call by the same name."""
    return Op(name, f"np.{name}", f"math.{name}" if math else None)


def call(op: Op) -> Rule:
    """A node that is one call of `op` on its operands."""
    return Rule(lambda b, e, *nodes: b.apply(op, *nodes))


EXP = unary("exp")
RULES: dict[type, Rule] = {
    sp.exp: call(EXP),
    sp.log: call(unary("log")),
    sp.sin: call(unary("sin")),
    sp.cos: call(unary("cos")),
    sp.tan: call(unary("tan")),
    sp.Abs: call(Op("abs", "np.abs", "math.fabs", kinds=real_part)),
}
