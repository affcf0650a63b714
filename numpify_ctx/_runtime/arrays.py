"""Arrays of any rank, their own axes first, and those that broadcast behind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .integers import fits
from .numbers import FLOAT64
from .ranked import broadcast
from .types import Value


def element(rank: int, array: Value, *indices: Value) -> Any:
    """array[indices], where the indices broadcast with each other and with the axes behind the first `rank`.

    Indices are whole numbers; negative ones count from the end, as NumPy's do.

    >>> element(1, np.array([5.0, 6.0, 7.0]), np.array([2, 0]))
    array([7., 5.])
    >>> element(1, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 0]))
    array([3., 2.])
    """
    array = np.asarray(array)
    if array.ndim == rank and _INTS.issuperset(map(type, indices)):
        return array[indices]
    whole = tuple(_index(i) for i in indices)
    if array.ndim < rank:
        raise IndexError(f"cannot take {rank} indices of an array of shape {array.shape}")
    if all(np.ndim(i) == 0 for i in whole) or array.ndim == rank:
        return array[whole]
    rest = np.broadcast_shapes(array.shape[rank:], *(np.shape(i) for i in whole))
    grid = np.ogrid[tuple(slice(n) for n in rest)]
    full = broadcast(rank, array, rest)
    return full[(*(np.broadcast_to(i, rest) for i in whole), *grid)]


_INTS = frozenset({int, np.int64})


def _index(index: Value) -> Any:
    if isinstance(index, int | np.integer):
        return index
    array = np.asarray(index)
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    if array.dtype.kind == "f" and np.all(array == np.floor(array)):
        return array.astype(np.int64)[()]
    shown = array.reshape(-1)[0] if array.size else array
    raise IndexError(f"cannot use {shown} as an index: it is not a whole number")


def einsum(subscripts: tuple[int, ...], counts: tuple[int, ...], result: tuple[int, ...], *arrays: Value) -> Any:
    """np.einsum with numbers for letters: `counts` says how many of the subscripts each array takes.

    Integers that would overflow are multiplied and added as floats.

    >>> einsum((0, 1, 1, 2), (2, 2), (0, 2), np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])
    """
    operands: list[Any] = []
    begin = 0
    sizes: dict[int, int] = {}
    whole, largest = 0, 1.0
    for array, count in zip(arrays, counts, strict=True):
        array = np.asarray(array)
        if array.dtype.kind in "biu":
            array = array.astype(np.int64)
            whole += 1
            largest *= float(np.abs(array.astype(np.float64)).max(initial=0))
        letters = subscripts[begin : begin + count]
        sizes.update(zip(letters, array.shape, strict=False))
        operands += [array, [*letters, ...]]
        begin += count
    terms = math.prod(size for letter, size in sizes.items() if letter not in result)
    if whole and (whole > 1 or terms > 1) and not fits(largest * terms):
        operands[::2] = [array.astype(np.float64) if array.dtype.kind == "i" else array for array in operands[::2]]
    return np.einsum(*operands, [*result, ...], optimize=len(arrays) > 2)


def permute(order: tuple[int, ...], array: Value) -> Any:
    """The leading axes in another order: axis i of the result is axis order[i]."""
    return np.transpose(array, (*order, *range(len(order), np.ndim(array))))


def reshape(rank: int, array: Value, *shape: Value) -> Any:
    """The leading `rank` axes in another shape, rows first."""
    return np.reshape(array, tuple(int(n) for n in shape) + np.shape(array)[rank:])


@dataclass(frozen=True, slots=True)
class Places:
    """Where the entries of a sparse matrix are."""

    rows: int
    cols: int
    entries: tuple[tuple[int, int], ...]


def scattered(places: Places, *entries: Value) -> Any:
    """A matrix of `entries` in their places and 0 elsewhere, its axes before those to which the entries broadcast.

    >>> scattered(Places(2, 2, ((0, 1),)), 0.5)
    array([[0. , 0.5],
           [0. , 0. ]])
    """
    common = np.broadcast_shapes(*(np.shape(entry) for entry in entries))
    result = np.zeros((places.rows, places.cols, *common), np.result_type(0, *entries))
    for place, entry in zip(places.entries, entries, strict=True):
        result[place] = entry
    return result


_PYTHON = {float, int}
_ARRAYS = {np.ndarray}


def _shape_of_doubles(entries: Sequence[Value]) -> tuple[int, ...] | None:
    """The shape of arrays of doubles that have one, among Python's numbers; None of others, which take more time."""
    common: tuple[int, ...] | None = None
    for entry in entries:
        kind = type(entry)
        if kind is np.ndarray and entry.dtype is FLOAT64 and (common is None or entry.shape == common):
            common = entry.shape
        elif kind is not float and kind is not int:
            return None
    return common


def stack(shape: tuple[int, ...], *entries: Value) -> Any:
    """An array of `entries`, its leading axes of the given shape, the others those to which the entries broadcast
    together.

    >>> stack((2,), 1, np.array([2.0, 3.0]))
    array([[1., 1.],
           [2., 3.]])
    """
    if float in (kinds := set(map(type, entries))) and kinds <= _PYTHON:
        return np.array(entries, np.float64).reshape(shape)
    if kinds == _ARRAYS:
        own = entries[0].shape
        if all([entry.shape == own for entry in entries]):  # noqa: C419  a list is quicker
            return np.array(entries).reshape(shape + own)  # half of the time, where none is to be spread
    common = _shape_of_doubles(entries)
    dtype = FLOAT64
    if common is None:
        common = np.broadcast_shapes(*(np.shape(e) for e in entries))
        dtype = np.result_type(*entries) if entries else FLOAT64
    result = np.empty((len(entries), *common), dtype)
    for i, entry in enumerate(entries):
        result[i] = entry
    return result.reshape(shape + common)
