"""What a caller lists as parameters, in which order, and how they nest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set as AbstractSet
from typing import TypeAlias

import numpy as np
import sympy as sp

from .._errors import CompileError
from .nodes import AppliedUndef, Boolean, MatrixElement
from .text import describe


Nest: TypeAlias = "tuple[sp.Basic | Nest, ...]"
"""Parameters in call order. A tuple among them is passed as one argument: a list, tuple or array of so many values."""


_SYMBOLS = frozenset({sp.Symbol, sp.Dummy})


def ordered_arguments(args: object) -> Nest:
    """What the caller listed as parameters: one symbol, or an ordered collection of them, which may nest.

    Raises:
        CompileError: a string (never read as names), a set or mapping (no order), or no collection at all.

    >>> x, y, z = sp.symbols("x y z")
    >>> ordered_arguments(x), ordered_arguments([x, (y, z)]), ordered_arguments(sp.Matrix([x, y]))
    ((x,), (x, (y, z)), (x, y))
    """
    match args:
        # Before Basic, which immutable matrices and arrays are, too: their entries are meant.
        case sp.MatrixBase():
            return tuple(args.flat())
        case sp.NDimArray():
            return tuple(sp.flatten(args.tolist()))
        case sp.Basic() if not isinstance(args, sp.FiniteSet | sp.Tuple):
            return (args,)
        # Before Iterable, which would take its letters for parameters.
        case str():
            raise CompileError(
                f"cannot take args={args!r}: strings are never read as names; pass the symbols themselves"
            )
        # The order of a set is that of hashes, and another in the next process.
        case AbstractSet() | Mapping() | sp.FiniteSet() | sp.Dict():
            raise CompileError(
                f"cannot take args of type {type(args).__name__}: it has no order; pass a list, or no args at all"
            )
        case Iterable():
            return _nested(args)
        case _:
            raise CompileError(
                f"cannot take args={describe(args)}: it is of type {type(args).__name__}; pass a list of symbols"
            )


def listed_arguments(expr: object, args: object) -> Nest:
    """The parameters that were listed for `expr`.

    Raises:
        CompileError: as `ordered_arguments`; or the two were swapped, by those who come from lambdify.
    """
    # Symbols are no expression, whichever came first; and most that is listed is no more.
    if isinstance(args, list | tuple) and _SYMBOLS.issuperset(map(type, args)):
        return tuple(args)
    several = isinstance(expr, list | tuple | sp.Tuple)
    symbols = expr if isinstance(expr, list | tuple | sp.Tuple) else [expr]
    listed = args if several and isinstance(args, list | tuple) else [args]
    # Nothing but symbols to compile, and something composed among the parameters: that is lambdify's order.
    if all(isinstance(symbol, sp.Symbol) for symbol in symbols) and any(map(_is_composed, listed)):
        raise CompileError(f"cannot take {describe(args)} as args: the expression comes first, numpify(expr, args)")
    return ordered_arguments(args)


def _is_composed(arg: object) -> bool:
    """Whether it is an expression that can be no parameter."""
    # Not all that is composed is meant: f(t), its derivative and A[0, 1] can be passed.
    parameters = (sp.AtomicExpr, sp.Indexed, sp.Derivative, AppliedUndef, sp.MatrixExpr, MatrixElement)
    return isinstance(arg, sp.Expr | Boolean | sp.MatrixBase) and not isinstance(arg, parameters)


def _nested(args: Iterable[object]) -> Nest:
    """The parameters in a collection; of a matrix in it its rows, of a column or row of numbers its entries."""
    found: list[sp.Basic | Nest] = []
    for arg in args:
        match arg:
            case list() | tuple() | sp.Tuple():
                found.append(_nested(arg))
            case sp.MatrixBase():
                found.append(_nested(arg.flat() if 1 in arg.shape else arg.tolist()))
            case sp.NDimArray() | np.ndarray():
                # Of an array without axes, `tolist` gives the entry itself.
                found.append(_nested(arg.tolist()) if len(arg.shape) else arg.tolist())
            case _:
                found.append(arg)  # what can be no parameter is refused when it is named
    return tuple(found)


def leaves(nest: Nest) -> Iterator[sp.Basic]:
    """The parameters of a nest, in order.

    >>> x, y, z = sp.symbols("x y z")
    >>> list(leaves((x, (y, z))))
    [x, y, z]
    """
    for item in nest:
        if isinstance(item, tuple):
            yield from leaves(item)
        else:
            yield item
