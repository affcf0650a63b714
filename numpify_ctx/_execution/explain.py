"""Why a call cannot be computed, in the words of its parameters: NumPy's own errors name none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._kinds import ANY, COMPLEX
from .._program.ir import Program, infer_kinds
from .._runtime.numbers import numeric
from .._symbolic.text import short
from .arguments import Guests


def explained(error: Exception, program: Program, args: Sequence[Any]) -> Exception | None:
    """A better error than the one that a call with `args` raised; None if no argument is to blame."""
    names = program.parameters
    if isinstance(error, Guests):
        return TypeError(f"cannot take {short(args[error.index])} for {names[error.index]!r}: it is {error}")
    arrays = []
    for name, value in zip(names, args, strict=True):
        array = _array_of_numbers(value)
        if array is None:
            return TypeError(
                f"cannot take {short(value)} for {name!r}: it is {_what(value)}; pass a number or an array of numbers"
                f"{_hint(value)}"
            )
        arrays.append(array)
    if isinstance(error, TypeError) and (ufunc := re.match(r"ufunc '(\w+)' not supported for the inp", str(error))):
        at_fault = _complex_operands(ufunc[1], program, [array.dtype.kind == "c" for array in arrays])
        if at_fault:
            listed = ", ".join(repr(names[index]) for index in at_fault)
            return TypeError(
                f"cannot take complex numbers for {listed}: {_IN_SYMPY.get(ufunc[1], ufunc[1])} is a function of real "
                "numbers"
            )
    shapes = [array.shape[rank:] for array, rank in zip(arrays, program.parameter_ranks, strict=True)]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(f"{name!r} has {shape}" for name, shape in zip(names, shapes, strict=True) if shape)
        return ValueError(f"cannot broadcast the arguments together: of their shapes, {listed}")
    return None


_IN_SYMPY = {"remainder": "Mod", "arctan2": "atan2", "heaviside": "Heaviside"}


def _complex_operands(ufunc: str, program: Program, are_complex: Sequence[bool]) -> list[int]:
    """Which complex parameters a ufunc of real numbers is given something of."""
    kinds = infer_kinds(program, [COMPLEX if is_complex else ANY & ~COMPLEX for is_complex in are_complex])
    reached = 0
    for node, op in enumerate(program.ops):
        if op.ufunc is not None and op.ufunc.__name__ == ufunc:
            for operand in program.args[node]:
                if kinds[operand] & COMPLEX:
                    reached |= program.deps[operand]
    return [index for index, is_complex in enumerate(are_complex) if is_complex and reached >> index & 1]


def _array_of_numbers(value: Any) -> Any:
    try:
        array = np.asarray(numeric(value))
        if array.dtype.kind == "O":
            for entry in array.flat:
                complex(entry)
        return array if array.dtype.kind in "biufcO" else None
    except (TypeError, ValueError):  # no number, or lists of several lengths
        return None


def _hint(value: object) -> str:
    """The way out for sliders and the like, which stand in a context and not among frozen values."""
    if getattr(getattr(value, "dtype", None), "kind", "") == "m":
        return ": value / numpy.timedelta64(1, 's')"
    if not callable(value) and not hasattr(value, "value") and not hasattr(value, "val"):
        return ""
    return ", or bind it to DYNAMIC_PARAMETER and hold this in the parameter context, to have it read at every call"


def _what(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} that makes no array of numbers"
    if isinstance(value, np.ndarray):
        return f"of dtype {value.dtype}"
    return f"of type {type(value).__name__}"
