"""The error of an expression that cannot be compiled."""

from __future__ import annotations

from .._errors import CompileError
from .text import describe


def refuse(expr: object, fact: str) -> CompileError:
    """The error of an expression that cannot be compiled: `raise refuse(expr, "why; the way out")`.

    >>> import sympy as sp
    >>> raise refuse(sp.Symbol("x") + 1, "it has no value")
    Traceback (most recent call last):
        ...
    numpify_ctx.CompileError: cannot compile x + 1: it has no value
    """
    return CompileError(f"cannot compile {describe(expr)}: {fact}")
