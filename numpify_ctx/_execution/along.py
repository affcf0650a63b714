"""Blocks of arrays of one shape, each in one piece, of known dtypes: nothing is found out any more, see `blocks`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._emission import BlockSource
from .._memo import Memo
from .grid import MOST_TILINGS, Tiling, Work, tiled


class Along:
    """Computes the only result of one function for blocks.

    Args:
        source: of the function.
        function: what it is.
        before: what computes numbers from all arguments, that come behind them; None if there are none.
        inputs: of each of its inputs, which argument that is, and 1 for an array, or 0 for a number.
        arrays: the places of all arguments that are arrays.
        most: elements of a block.
    """

    __slots__ = ("_arrays", "_before", "_dtype", "_function", "_inputs", "_most", "_source", "_tilings")

    def __init__(
        self,
        source: BlockSource,
        function: Callable[..., None],
        before: Callable[..., Sequence[Any]] | None,
        inputs: Sequence[tuple[int, int]],
        arrays: Sequence[int],
        most: int,
    ) -> None:
        self._source, self._function, self._before = source, function, before
        self._inputs, self._arrays, self._most = inputs, arrays, most
        [self._dtype] = source.outputs
        self._tilings: Memo[int, Tiling] = Memo(MOST_TILINGS)

    def __call__(self, *values: Any) -> Any:
        """The result, which is new; None if some array is not in one piece."""
        for place in self._arrays:
            if not values[place].flags.c_contiguous:
                return None
        if self._before is not None:
            values = (*values, *map(np.asarray, self._before(*values)))
        first = values[self._arrays[0]]
        tiling = self._tilings.get(first.size)
        if tiling is None:
            made = tiled(self._source, [p for _, p in self._inputs], [[0]], [first.size], (None,), self._most)
            tiling = self._tilings.put(first.size, made)
        result = np.empty(first.shape, self._dtype)
        inputs = [values[place].reshape(-1) if pattern else values[place] for place, pattern in self._inputs]
        Work(self._function, tiling, inputs, [result.reshape(-1)])()
        return result
