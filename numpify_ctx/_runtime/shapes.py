"""Arguments that are matrices or arrays: their shapes checked, the sizes that symbols stand for read off.

The leading axes are those of the symbol; what follows broadcasts with the other arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .types import Value


def shaped(name: str, value: Value, *sizes: Value) -> Any:
    """`value` as an array whose first axes have these sizes (-1: any size); a vector may stand for a matrix of one
    row or column.

    >>> shaped("v", np.array([1.0, 2.0]), 2, 1).shape
    (2, 1)
    >>> shaped("A", np.zeros((2, 3)), 3, 3)
    Traceback (most recent call last):
        ...
    ValueError: cannot take a value of shape (2, 3) for 'A': its first axes must be (3, 3)
    """
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.shape[: len(sizes)] == sizes:
        return array
    want = tuple(int(n) for n in sizes)
    if array.ndim == 1 and len(want) == 2 and 1 in want:
        array = array.reshape((1, -1) if want[0] == 1 and want[1] != 1 else (-1, 1))
    found = array.shape[: len(want)]
    if len(found) < len(want) or any(n not in (m, -1) for n, m in zip(want, found, strict=True)):
        shown = "(" + ", ".join("any" if n == -1 else str(n) for n in want) + ("," if len(want) == 1 else "") + ")"
        raise ValueError(f"cannot take a value of shape {np.shape(value)} for {name!r}: its first axes must be {shown}")
    return array


def extent(name: str, axis: int, rank: int, value: Value) -> int:
    """The size of an axis of an argument of the given rank."""
    shape = np.shape(value)
    if len(shape) == 1 and rank == 2:
        return int(shape[0])
    if axis >= len(shape):
        raise ValueError(f"cannot take a value of shape {shape} for {name!r}: it has {rank} axes")
    return int(shape[axis])


def widened(value: Value) -> Any:
    """Small integers, which the constant matrices are made of lest they upcast anything, as int64."""
    return value.astype(np.int64) if value.dtype.kind in "iub" else value
