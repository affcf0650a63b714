"""Shapes that most rules have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sympy as sp

from ..._kinds import BOOL, COMPLEX, INT, Kinds, arithmetic, floating, promote
from ..._program.builder import Builder
from ..._program.ir import Math, Numpy, Op
from ..._runtime.special.pointwise import Pointwise, scipy_special
from ..._runtime.special.whole import Whole
from ..._symbolic.refusal import refuse
from ..polar import refusing
from ..rule import Rule


def call(op: Op, real: bool = False) -> Rule:
    """A node that is one call of `op` on its operands; `real`: on real numbers only.

    >>> rule = call(ufunc("sin"))
    """
    # Both must know: the rule refuses what is complex, and below the operation `promotion` wants nothing complex.
    made = replace(op, real=True) if real and not op.real else op
    return Rule(lambda b, e, *nodes: b.apply(made, *nodes), real=real)


def ufunc(
    name: str,
    math: str | Callable[..., Any] | None = None,
    kinds: Kinds = floating,
    cut: Callable[..., Any] | None = None,
    positive: bool = False,
    leaves: bool = False,
) -> Op:
    """A function of NumPy's; `math` is its name in the module math, if it is there and raises where NumPy warns.

    Kernels know it by NumPy's name, if they do. `leaves`: see `Op`.
    """
    scalar = Math(math) if isinstance(math, str) else math
    return Op(name, Numpy(name), scalar, native=name, cut=cut, kinds=kinds, positive=positive, leaves=leaves)


def runtime(
    function: Callable[..., Any],
    math: Callable[..., Any] | None = None,
    kinds: Kinds = floating,
    native: str | None = None,
) -> Op:
    """A function of our own, which broadcasts as a ufunc does; `native`: see `Op`."""
    return Op(function.__name__, function, math, native, kinds=kinds)


def reciprocal(op: Op) -> Rule:
    """One over `op`: sec, coth."""
    # By `div`, which takes the sign off a computed 0: a pole is +inf, however it was reached.
    return Rule(lambda b, e, x: b.div(b.const(1), b.apply(op, x)))


def of_reciprocal(op: Op) -> Rule:
    """`op` of one over the operand: asec, acoth."""
    return Rule(lambda b, e, x: b.apply(op, b.div(b.const(1), x)))


def rewritten(how: Callable[[Any], Any]) -> Rule:
    """A node that means the same as `how(node)`, which is lowered in its place."""

    def operands(b: Builder, expr: sp.Basic) -> list[Any]:
        result = how(expr)
        # It would be rewritten for ever.
        if type(result) is type(expr):
            raise refuse(expr, "SymPy has no other form of it with these arguments")
        return [result]

    return Rule(lambda b, e, node: node, operands)


def _no_value(b: Builder, expr: sp.Basic) -> int:
    raise refuse(expr, "this constant has no numerical value")


# A node that is a number, whatever is inside it: CRootOf.
number = Rule(_no_value, operands=lambda b, e: ())


# -- functions of numbers, element by element ---


def needs_scipy(expr: sp.Basic) -> None:
    """Raise unless SciPy is there."""
    if scipy_special() is None:
        name = type(expr).__name__
        way_out = "pip install scipy, or 'haliax-refs[scipy]'"
        raise refuse(expr, f"{name} comes from SciPy, which is not installed; {way_out}")


def always_complex(_: Sequence[int]) -> int:
    """Kinds of a function that is complex also for real arguments."""
    return COMPLEX


def op_of(function: Pointwise, math: Math | Callable[..., Any] | None = None) -> Op:
    """The operation that computes `function`."""
    kinds: Kinds = always_complex if function.complex_valued else floating
    leaves = not function.complex_valued
    # What leaves the reals is nan of Python's numbers, too; only NumPy's form can look again in complex.
    of_numbers = function.of_numbers if leaves and math is None else math
    return Op(function.name, function, of_numbers, kinds=kinds, leaves=leaves)


def _at_order(b: Builder, given: Callable[[float], Pointwise | None], nodes: Sequence[int]) -> Op | None:
    """The operation on what is behind the first node, if that is a number for which there is one."""
    order = b.value(nodes[0]) if b.is_const(nodes[0]) else None
    if not isinstance(order, int | float) or not abs(order) < 2**53:
        return None
    function = given(float(order))
    return None if function is None else _known_op(function)


@lru_cache(maxsize=512)
def _known_op(function: Pointwise) -> Op:
    # Operations are compared by identity.
    return op_of(function)


def pointwise(
    function: Pointwise, math: Math | Callable[..., Any] | None = None, *defaults: Any, arity: int = 0
) -> Rule:
    """The rule of a class whose arguments are those of `function`, of which the last may be left out.

    Args:
        function: what computes it; it needs SciPy if a fast form does.
        math: what computes it for Python scalars, if that is something else.
        defaults: values of the last arguments.
        arity: how many arguments there are with the defaults.
    """
    op = op_of(function, math)
    scipy = any(form is not None and form.scipy for form in (function.real, function.complex))

    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        # Not when the table is made: whoever compiles none of these needs no SciPy.
        if scipy:
            needs_scipy(expr)
        left_out = max(arity - len(nodes), 0)
        known = None if function.given is None else _at_order(b, function.given, nodes)
        if known is not None:
            return b.apply(known, *nodes[1:])
        return b.apply(op, *nodes, *map(b.const, defaults[len(defaults) - left_out :]))

    # Unless a rule knows better, an angle beyond the principal branch is refused: a wrong branch would not show.
    return refusing(Rule(lower))


def whole(function: Whole, *defaults: Any, arity: int = 0, kinds: Kinds = arithmetic) -> Rule:
    """The rule of a class whose arguments are those of `function`, of which the last may be left out."""
    op = Op(function.name, function, kinds=kinds, leaves=True)

    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        left_out = max(arity - len(nodes), 0)
        return b.apply(op, *nodes, *map(b.const, defaults[len(defaults) - left_out :]))

    return Rule(lower)


def rational(kinds: Sequence[int]) -> int:
    """Kinds of a function whose values at integers need not be integers, but may be."""
    # The harmonic number of 1 is an integer, that of 2 is 3/2: only the values tell the dtype.
    return floating(kinds) | (promote(kinds) & (BOOL | INT) and INT)


def by_count(rules: dict[int, Rule]) -> Rule:
    """The rule for as many arguments as there are."""
    return Rule(lambda b, e, *nodes: rules[len(nodes)].lower(b, e, *nodes))
