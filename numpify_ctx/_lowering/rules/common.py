"""Shapes that most rules have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._kinds import Kinds, floating
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._symbolic.text import refuse
from ..rule import Rule


def call(op: Op, real: bool = False) -> Rule:
    """A node that is one call of `op` on its operands; `real`: on real numbers only.

    >>> rule = call(ufunc("sin"))
    """
    return Rule(lambda b, e, *nodes: b.apply(op, *nodes), real=real)


def ufunc(name: str, math: str | Callable[..., Any] | None = None, kinds: Kinds = floating) -> Op:
    """A function of NumPy's; `math` is its name in the module math, if it is there and raises where NumPy warns."""
    return Op(name, f"np.{name}", f"math.{math}" if isinstance(math, str) else math, kinds=kinds)


def runtime(function: Callable[..., Any], math: str | Callable[..., Any] | None = None, kinds: Kinds = floating) -> Op:
    """A function of our own, which broadcasts as a ufunc does."""
    return Op(function.__name__, function, math, kinds=kinds)


def reciprocal(op: Op) -> Rule:
    """One over `op`: sec, coth."""
    return Rule(lambda b, e, x: b.div(b.const(1), b.apply(op, x)))


def of_reciprocal(op: Op) -> Rule:
    """`op` of one over the operand: asec, acoth."""
    return Rule(lambda b, e, x: b.apply(op, b.div(b.const(1), x)))


def rewritten(how: Callable[[Any], Any]) -> Rule:
    """A node that means the same as `how(node)`, which is lowered in its place."""

    def operands(b: Builder, expr: Any) -> list[Any]:
        result = how(expr)
        if type(result) is type(expr):
            raise refuse(expr, "SymPy has no other form of it with these arguments")
        return [result]

    return Rule(lambda b, e, node: node, operands)


def _no_value(b: Builder, expr: Any) -> int:
    raise refuse(expr, "this constant has no numerical value")


# A node that is a number, whatever is inside it: CRootOf.
number = Rule(_no_value, operands=lambda b, e: ())
