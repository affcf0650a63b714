"""Arrays that have `rank` axes of their own, before those along which they broadcast.

NumPy aligns shapes at the end, so that arrays with different numbers of broadcasting axes need ones between the two
kinds of axes before they can meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .types import Value


def pad(rank: int, value: Value, axes: int) -> Any:
    """`value` with ones put in behind its first `rank` axes, so that at least `axes` axes broadcast.

    >>> pad(1, np.zeros((3, 2)), 2).shape, pad(2, np.zeros((3, 2)), 1).shape, pad(1, np.zeros((3, 2, 5)), 1).shape
    ((3, 1, 2), (3, 2, 1), (3, 2, 5))
    """
    shape = np.shape(value)
    missing = axes + rank - len(shape)
    return np.reshape(value, shape[:rank] + (1,) * missing + shape[rank:]) if missing > 0 else value


def broadcast(rank: int, value: Value, shape: tuple[int, ...]) -> Any:
    """`value` with its broadcasting axes in full size.

    >>> broadcast(1, np.array([[1], [2]]), (3,))
    array([[1, 1, 1],
           [2, 2, 2]])
    """
    return np.broadcast_to(pad(rank, value, len(shape)), np.shape(value)[:rank] + shape)


def flatten(rank: int, value: Value, shape: tuple[int, ...]) -> Any:
    """`value` with its broadcasting axes made one, of full size; what has none stays what it is.

    >>> flatten(0, np.array([1, 2]), (2, 2)), flatten(1, np.array([1, 2]), (2, 2))
    (array([1, 2, 1, 2]), array([1, 2]))
    """
    if np.ndim(value) == rank:
        return value
    return broadcast(rank, value, shape).reshape(*np.shape(value)[:rank], -1)


def take(rank: int, value: Value, which: Value) -> Any:
    """The elements `which`, a mask, slice or index array, of a value that `flatten` gave.

    >>> take(0, np.array([5, 6, 7]), slice(0, 2)), take(1, np.array([5, 6, 7]), slice(0, 2))
    (array([5, 6]), array([5, 6, 7]))
    """
    return value[..., which] if np.ndim(value) > rank else value


def aligned(rank: int, arrays: Sequence[Any]) -> list[Any]:
    """Arrays of the same number of axes, each with `rank` of its own."""
    arrays = [np.asarray(a) for a in arrays]
    most = max((a.ndim for a in arrays), default=rank)
    return [pad(rank, a, most - rank) for a in arrays]


def broadcast_shape(values: Sequence[Any], ranks: Sequence[int]) -> tuple[int, ...]:
    """The common shape of what lies behind the axes that each value has for its own."""
    return np.broadcast_shapes(*(np.shape(v)[r:] for v, r in zip(values, ranks, strict=True)))
