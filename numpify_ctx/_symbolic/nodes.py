"""The names of SymPy that no package of SymPy exports, each with what is done without it. No other file takes one.

What a package of SymPy lists in `__all__` is imported as usual, from that package. The rest may move or go with any
release, as `get_rank` does in 1.15, and then nothing else may break: a class is found by an instance of it, where
public functions make one; is looked up where it is today, where they do not; and where there is none any more, an
`Absent` class stands for it, of which nothing is an instance, and whose rule is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import sympy as sp


class Absent:
    """Stands for a class that this SymPy lacks: nothing is an instance of its subclasses."""


def is_absent(found: Any) -> bool:
    """Whether this SymPy lacks what was looked up.

    >>> is_absent(Names("sympy.codegen.cfunctions").expm1), is_absent(Names("sympy.codegen.cfunctions").expm9)
    (False, True)
    """
    return isinstance(found, type) and issubclass(found, Absent)


class Names:
    """A module of SymPy whose missing names, all of them if it is missing itself, are `Absent` classes."""

    def __init__(self, module: str) -> None:
        try:
            self._module: Any = import_module(module)
        except ImportError:
            self._module = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name, None)
        if found is None:
            found = type(name, (Absent,), {"__doc__": f"{name}, which this SymPy lacks."})
            setattr(self, name, found)  # the same one each time
        return found


# -- classes of what public functions make -----------------------------------------------------------------------------

# of f, in `f = Function("f")`, and of f(x)
UndefinedFunction: Any = type(sp.Function("f"))
AppliedUndef: Any = sp.Function("f").__base__

# of an entry of a matrix of symbols, and of true and false
MatrixElement: Any = type(sp.MatrixSymbol("M", 1, 1)[0, 0])
BooleanAtom: Any = type(sp.true).__base__

# of whatever is a truth value, or could be one
Boolean: Any = next(kind for kind in type(sp.true).__mro__ if issubclass(sp.Symbol, kind))

# of sums, products, integrals and the like
ExprWithLimits: Any = next(
    kind for kind in sp.Sum.__mro__ if issubclass(sp.Integral, kind) and issubclass(sp.Product, kind)
)

# -- classes that are looked up: without one, what is made of it cannot have come here ---------------------------------

cfunctions = Names("sympy.codegen.cfunctions")
numpy_nodes = Names("sympy.codegen.numpy_nodes")
scipy_nodes = Names("sympy.codegen.scipy_nodes")
matrix_nodes = Names("sympy.codegen.matrix_nodes")
boolalg = Names("sympy.logic.boolalg")
applyfunc = Names("sympy.matrices.expressions.applyfunc")
factorizations = Names("sympy.matrices.expressions.factorizations")
fourier = Names("sympy.matrices.expressions.fourier")

# -- functions ---------------------------------------------------------------------------------------------------------

_array_expressions = Names("sympy.tensor.array.expressions.array_expressions")


def rank_of(expr: Any) -> int:
    """The number of axes of an array expression.

    >>> from sympy.tensor.array.expressions import ArraySymbol
    >>> rank_of(ArraySymbol("A", (2, 3, 4))), rank_of(sp.MatrixSymbol("M", 2, 3)), rank_of(sp.Symbol("x"))
    (3, 2, 0)
    """
    for name in ("get_ndim", "get_rank"):  # the new name, from SymPy 1.15 on; the old one warns there
        if not is_absent(function := getattr(_array_expressions, name)):
            return int(function(expr))
    return len(getattr(expr, "shape", ()))


def log1p(x: Any) -> Any:
    """log(1 + x), precise for small x; where SymPy has no such node, as SymPy writes it, and as precise as that."""
    function = cfunctions.log1p
    return sp.log(1 + x) if is_absent(function) else function(x)


def implemented_function(name: str, implementation: Callable[..., Any], **assumptions: Any) -> Any:
    """An undefined function that calls `implementation` on numbers, as SymPy's `implemented_function` makes it.

    >>> implemented_function("f", lambda x: x + 1)(sp.Symbol("t"))
    f(t)
    """
    return UndefinedFunction(name, _imp_=staticmethod(implementation), **assumptions)
