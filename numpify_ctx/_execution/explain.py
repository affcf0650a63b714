"""Why a call cannot be computed, in the words of its parameters: NumPy's own errors name none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._runtime.numbers import numeric
from .._symbolic.text import short


def explained(error: Exception, names: Sequence[str], ranks: Sequence[int], args: Sequence[Any]) -> Exception | None:
    """A better error than the one that a call with `args` raised; None if no argument is to blame.

    >>> explained(TypeError("no common DType"), ["x", "y"], (0, 0), ["a", 1.0])
    TypeError("cannot take 'a' for 'x': it is of type str; pass a number or an array of numbers")
    """
    arrays = []
    for name, value in zip(names, args, strict=True):
        array = _array_of_numbers(value)
        if array is None:
            return TypeError(
                f"cannot take {short(value)} for {name!r}: it is {_what(value)}; pass a number or an array of numbers"
            )
        arrays.append(array)
    if isinstance(error, TypeError) and "not supported for the input types" in str(error):
        complex_ones = [repr(name) for name, array in zip(names, arrays, strict=True) if array.dtype.kind == "c"]
        if complex_ones:
            return TypeError(
                f"cannot take complex numbers for {', '.join(complex_ones)}: the expression has a function of real "
                f"numbers ({str(error).split(' not supported')[0]})"
            )
    shapes = [array.shape[rank:] for array, rank in zip(arrays, ranks, strict=True)]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(f"{name!r} has {shape}" for name, shape in zip(names, shapes, strict=True) if shape)
        return ValueError(f"cannot broadcast the arguments together: of their shapes, {listed}")
    return None


def _array_of_numbers(value: Any) -> Any:
    try:
        array = np.asarray(numeric(value))
        if array.dtype.kind == "O":
            for entry in array.flat:
                complex(entry)
        return array if array.dtype.kind in "biufcO" else None
    except (TypeError, ValueError):  # no number, or lists of several lengths
        return None


def _what(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} that makes no array of numbers"
    if isinstance(value, np.ndarray):
        return f"of dtype {value.dtype}"
    return f"of type {type(value).__name__}"
