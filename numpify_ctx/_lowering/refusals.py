"""What cannot be compiled, why, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set as AbstractSet

import sympy as sp

from .._errors import CompileError
from .._program.builder import Builder
from .._symbolic.names import own_name
from .._symbolic.nodes import AppliedUndef
from .._symbolic.refusal import refuse
from .._symbolic.text import describe, some


def missing(expr: sp.Basic) -> CompileError:
    """The error of an expression whose class has no rule.

    >>> str(missing(sp.Interval(0, 1)))
    'cannot compile Interval(0, 1): it is a set; for whether x is in it, write Contains(x, Interval(0, 1))'
    """
    # The nearest class first: a FiniteSet is a Set, too.
    for kind in type(expr).__mro__:
        fact = _INSTEAD.get(kind.__name__)
        # A class of the user's may be called Set or Point, and mean something else.
        if fact is not None and kind.__module__.startswith("sympy."):
            return refuse(expr, fact(expr))
    name = type(expr).__name__
    way_out = f"; pass functions={{{name}: a NumPy function}}" if isinstance(expr, sp.Function) else ""
    return refuse(expr, f"there is no NumPy form of {name!r}{way_out}")


def _of_unit(expr: sp.Basic) -> str:
    kind = "a physical constant with a unit" if getattr(expr, "is_physical_constant", False) else "a unit"
    return f"it is {kind}, and results are numbers; divide the expression by its unit first, or list it in args"


def _of_set(expr: sp.Basic) -> str:
    return f"it is a set; for whether x is in it, write Contains(x, {describe(expr)})"


# By name, so that no part of SymPy is imported for the sake of what it may hold.
_INSTEAD: Mapping[str, Callable[[sp.Basic], str]] = {
    "Lambda": lambda expr: "it is a function, not a value; pass its expr, with its signature as args",
    "Order": lambda expr: "it stands for the terms that a series leaves out; call .removeO() first",
    "FiniteSet": lambda expr: "a set has no order; pass a list, or for membership write Contains(x, the set)",
    "Set": _of_set,
    "Quantity": _of_unit,
    "Prefix": _of_unit,
    "Dimension": _of_unit,
    "BasisDependent": lambda expr: "it is a vector; pass its components, .to_matrix(system)",
    "Point": lambda expr: "it is a point; pass its coordinates, list(point)",
    "GeometryEntity": lambda expr: "it is a figure, not a value; pass its equation() or its points",
    "RandomSymbol": lambda expr: "it is a random variable; pass what is computed of it, such as density(X)(x)",
    "AccumulationBounds": lambda expr: "it is a range of values, not one",
}


def no_form(b: Builder, expr: sp.Basic, *operands: int) -> int:
    """The rule of what has a value only if it is constant."""
    raise missing(expr)


def unknown(expr: sp.Basic, arguments: Sequence[sp.Basic], whole: object) -> CompileError:
    """The error of a symbol, or what stands for one, that is no argument.

    Args:
        expr: the symbol.
        arguments: the arguments there are.
        whole: all that is compiled.
    """
    listed = some(map(str, arguments)) or "none"
    what = f"it is not an argument (the arguments are {listed})"
    # The most telling fact first: an equation, another type, an unknown function, other assumptions.
    if any(equation.lhs == expr for equation in _equations(whole)):
        return refuse(expr, f"{what}; of an equation that gives its value, pass the right-hand side, .rhs")
    # To a reader it is the same symbol: what differs, and does not show in print, has to be said.
    same = [argument for argument in arguments if own_name(argument) == own_name(expr)]
    kind = type(expr).__name__
    other = next((argument for argument in same if type(argument) is not type(expr)), None)
    if other is not None and not isinstance(expr, AppliedUndef):
        make = f"sp.{kind}({own_name(expr)!r})" if isinstance(expr, sp.IndexedBase) else f"the {kind} itself"
        return refuse(
            expr,
            f"{what}; here it is of type {kind}, and the argument {other} is of type {type(other).__name__}; pass "
            f"{make} in args",
        )
    if isinstance(expr, AppliedUndef):
        return refuse(expr, f"{what}; add it to args, or pass functions={{{kind}: a NumPy function}}")
    if same:
        return refuse(expr, f"{what}; the argument {same[0]} prints the same but has different assumptions")
    return refuse(expr, f"{what}; add it to args")


def _equations(whole: object) -> Iterable[sp.Eq]:
    """The equations in what is compiled, as `dsolve` and `solve` give them."""
    # One level deep, as solvers give their solutions.
    for item in whole if isinstance(whole, list | tuple | sp.Tuple | AbstractSet) else [whole]:
        if isinstance(item, sp.Eq):
            yield item


def as_sympy(expr: object) -> sp.Basic:
    """An expression that was given, as SymPy has it: strings are never read.

    Raises:
        CompileError: it is none.
    """
    # SymPy would evaluate it: to sympify, a string is code.
    if isinstance(expr, str):
        raise CompileError(
            f"cannot compile the string {expr[:40]!r}: strings are never evaluated; pass a SymPy expression"
        )
    # Its order is that of hashes, which differ from one process to the next.
    if isinstance(expr, AbstractSet):
        raise CompileError(f"cannot compile a {type(expr).__name__}: it has no order; pass a list")
    if isinstance(expr, type) and issubclass(expr, sp.Basic):
        raise refuse(expr, f"it is a function, not a value; apply it to its arguments, {expr.__name__}(x)")
    try:
        return sp.sympify(expr, strict=True)
    except sp.SympifyError:
        # The vectors of sympy.physics.vector are no expressions, but have components that are.
        way_out = "; pass its components, .to_matrix(frame)" if hasattr(expr, "to_matrix") else ""
        raise CompileError(
            f"cannot compile {type(expr).__name__} {describe(expr)}: it is not a SymPy expression{way_out}"
        ) from None
