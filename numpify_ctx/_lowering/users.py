"""Functions of the user's: what they are given for, and whether they fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from .._errors import CompileError
from .._symbolic.refusal import refuse
from .._symbolic.text import describe, plural, without_address


def class_of(key: object) -> type:
    """The class that a key of `functions` means: itself, or that of an application such as f(x).

    Raises:
        CompileError: it is no function of SymPy's.

    >>> f, x = sp.Function("f"), sp.Symbol("x")
    >>> class_of(f) == class_of(f(x)) == f
    True
    """
    if isinstance(key, type) and issubclass(key, sp.Basic):
        return key
    if isinstance(key, sp.Function):
        return type(key)
    if isinstance(key, str):
        raise CompileError(
            f"cannot use {key!r} as a key of functions: they are told apart by class, not by name; "
            f"pass sp.Function({key!r}), or the class of SymPy's that is called so"
        )
    raise CompileError(
        f"cannot use {describe(key)} as a key of functions: it is no function class of SymPy's; pass e.g. "
        "sp.Function('f')"
    )


def check_arity(expr: sp.Basic, function: Callable[..., Any]) -> None:
    """Whether a function can be called as `expr` calls it.

    Raises:
        CompileError: it takes another number of arguments.
    """
    if isinstance(function, np.ufunc):
        # What else it takes by position is where to write the result.
        fits, takes = function.nin == len(expr.args), plural(function.nin, "argument")
    else:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # a builtin
            return
        takes = without_address(str(signature))
        try:
            # Nothing is called: `bind` knows of defaults and of *args, which a count of parameters does not.
            signature.bind(*expr.args)
            fits = True
        except TypeError:
            fits = False
    if not fits:
        raise refuse(expr, f"its function {describe(function)} takes {takes}, not {plural(len(expr.args), 'argument')}")
