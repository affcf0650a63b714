"""Memory for the buffers of blocks, which each thread keeps from one call to the next."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._memo import Memo


Memory = tuple[np.dtype[Any], int]  # so many elements of this dtype

_KEPT = 1 << 23  # bytes that a thread keeps for its next call, so that it need not ask the system for them again
_ALIGNED = 64


@dataclass(slots=True)
class _Slab:
    """Memory for the buffers of one call at a time, and how it was cut up before."""

    memory: Any
    cuts: Memo[tuple[Memory, ...], list[Any]] = field(default_factory=lambda: Memo(64))

    def arrays(self, wanted: tuple[Memory, ...]) -> list[Any]:
        """Arrays of these dtypes and sizes."""
        found = self.cuts.get(wanted)
        if found is None:
            found, start = [], 0
            for dtype, size in wanted:
                found.append(self.memory[start : start + dtype.itemsize * size].view(dtype))
                start += _rounded(dtype.itemsize * size)
            self.cuts.put(wanted, found)
        return found


def _rounded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


_own = threading.local()  # of each thread


class Buffers:
    """Buffers for the time of a `with` block; a call within a block gets others.

    >>> with Buffers(((np.dtype(float), 3), (np.dtype(bool), 2))) as (numbers, flags):
    ...     numbers.shape, flags.dtype
    ((3,), dtype('bool'))
    """

    __slots__ = ("_slab", "_wanted")

    def __init__(self, wanted: tuple[Memory, ...]) -> None:
        self._wanted = wanted
        self._slab: _Slab | None = None

    def __enter__(self) -> list[Any]:
        needed = sum([_rounded(dtype.itemsize * size) for dtype, size in self._wanted])
        slab: _Slab | None = getattr(_own, "slab", None)
        _own.slab = None
        if slab is None or slab.memory.size < needed:
            memory = np.empty(needed + _ALIGNED, np.uint8)
            start = -memory.ctypes.data % _ALIGNED
            slab = _Slab(memory[start : start + needed])
        self._slab = slab
        return slab.arrays(self._wanted)

    def __exit__(self, *_: object) -> None:
        if self._slab is not None and self._slab.memory.size <= _KEPT:
            _own.slab = self._slab
