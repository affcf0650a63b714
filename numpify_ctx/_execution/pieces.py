"""Large arrays of short integers and booleans, piece by piece, as plain NumPy would make all of them longer first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._program.ir import Program
from .narrow import Narrow
from .threads import Threads, number_of, share


PIECE = 1 << 15  # elements: as int64, some arrays of so many fit into the cache
NARROW = (1 << 16) - 1  # and as shorter integers; fewer than LEAST, so that no piece is cut again
LEAST = 1 << 16  # elements of arrays that are cut
_INT64 = np.dtype(np.int64)


def takes(program: Program) -> bool:
    """Does element i of the only result, which is of scalars, depend on elements i of the arguments alone?"""
    if len(program.results) != 1 or any(program.rank) or any(program.parameter_ranks):
        return False
    return all(op.elementwise and not op.foreign for op in program.ops)


def computed(
    call: Callable[..., Any],
    args: Sequence[Any],
    threads: Threads,
    narrow: Narrow | None = None,
) -> Any:
    """What `call` gives of all, from what it gives of pieces; None for other arguments, or if pieces differ in dtype.

    Law: `call` is elementwise, so that pieces of one dtype together are the result; where some left the integers and
    others did not, only a call with all of them tells what they become.

    Args:
        call: computes pieces of the arguments.
        args: all of them.
        threads: to share the pieces.
        narrow: computes one operation at once, and pieces of more in shorter integers, where it does.
    """
    flat = _flattened(args)
    if flat is None:
        return None
    size, shape, values = flat
    whole = narrow.at_once(values, size) if narrow is not None and threads == 1 else None
    if whole is None:
        whole = _in_pieces(call, values, size, threads, narrow)
    return None if whole is None else whole.reshape(shape)


def _in_pieces(
    call: Callable[..., Any], values: Sequence[Any], size: int, threads: Threads, narrow: Narrow | None
) -> Any:
    """What `computed` gives, of arrays of so many elements with one axis, and scalars."""

    def some(part: slice) -> tuple[Any, ...]:
        return tuple([v[part] if type(v) is np.ndarray else v for v in values])

    def piece(part: slice) -> Any:
        found = None if narrow is None else narrow.computed(some(part))
        return call(*some(part)) if found is None else found

    cuts = _cuts(size, NARROW)
    first = None if narrow is None else narrow.computed(some(cuts[0]))
    if first is None:  # nor is any other piece for it
        narrow, cuts = None, _cuts(size, PIECE)
        first = piece(cuts[0])
    if type(first) is not np.ndarray or first.shape != (cuts[0].stop,) or first.dtype == object:
        return None
    whole = np.empty(size, _widened(first.dtype))
    whole[cuts[0]] = first
    left = cuts[:0:-1]
    differs: list[slice] = []

    def work() -> None:
        while left and not differs:
            try:
                part = left.pop()
            except IndexError:  # another thread took the last one
                return
            found = piece(part)
            if _widened(found.dtype) != whole.dtype:
                differs.append(part)
                return
            whole[part] = found

    share(work, 1 if threads == 1 else min(number_of(threads), len(cuts)))
    return None if differs else whole


def _cuts(size: int, most: int) -> list[slice]:
    count = -(-size // most)
    return [slice(size * i // count, size * (i + 1) // count) for i in range(count)]


def _widened(dtype: Any) -> Any:
    """As results have it, which hold no shorter integers."""
    return _INT64 if dtype.kind == "i" else dtype


def _flattened(args: Sequence[Any]) -> tuple[int, tuple[int, ...], list[Any]] | None:
    """The size and shape of the arrays among the arguments, and all of them with one axis; None if it is not for us."""
    if not any([type(a) is np.ndarray and a.size >= LEAST for a in args]):  # noqa: C419  a list is quicker
        return None
    shape: tuple[int, ...] | None = None
    is_short = False
    values = []
    for a in args:
        if type(a) is np.ndarray and a.ndim:
            if (shape is not None and a.shape != shape) or not (a.ndim == 1 or a.flags.c_contiguous):
                return None
            shape = a.shape
            is_short = is_short or (a.dtype.kind in "iub" and a.dtype != _INT64)
            a = a.reshape(-1)
        elif type(a) is np.ndarray or not isinstance(a, int | float | complex | np.generic):
            return None
        values.append(a)
    size = next((v.size for v in values if type(v) is np.ndarray), 0)
    return (size, shape, values) if shape is not None and is_short and size >= LEAST else None
