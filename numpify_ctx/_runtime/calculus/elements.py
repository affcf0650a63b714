"""What sums and integrals are computed from: the body as a function of its variable, and the elements that it has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..ranked import broadcast, broadcast_shape, flatten, take
from .slow import Slow


BLOCK = 1 << 15  # values of a body computed at once

Array = Any  # a NumPy array or scalar, of whatever dtype the body gives


@dataclass(frozen=True, slots=True)
class Elements:
    """Values whose broadcasting axes are flattened to one.

    Attributes:
        values: scalars, or arrays of shape (leading axes, size).
        ranks: how many leading axes each has.
        shape: the broadcasting axes before that.
    """

    values: tuple[Array, ...]
    ranks: tuple[int, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[Array], ranks: Sequence[int]) -> Elements:
        """All values flattened to their common shape."""
        shape = broadcast_shape(values, ranks)
        flat = tuple(flatten(r, v, shape) for v, r in zip(values, ranks, strict=True))
        return cls(flat, tuple(ranks), shape)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    def take(self, which: Array | slice) -> tuple[Array, ...]:
        """The values at the elements `which`, an index array or slice."""
        return tuple(take(r, v, which) for v, r in zip(self.values, self.ranks, strict=True))

    def split(self, *counts: int) -> list[Elements]:
        """The first values, the next, ..., each with all the elements; the last group has what is left."""
        groups, begin = [], 0
        for count in (*counts, len(self.values) - sum(counts)):
            end = begin + count
            groups.append(Elements(self.values[begin:end], self.ranks[begin:end], self.shape))
            begin = end
        return groups


class Body(NamedTuple):
    """The body of a sum or integral, as generated code hands it over.

    Attributes:
        function: `(variable, *captured) -> value`, which broadcasts.
        captured: the values from outside that it needs.
        ranks: how many leading axes each of those has before the axes that broadcast.
        rank: how many leading axes the value has.
        slow: the body for mpmath, which takes what does not yield to double precision. None: it has no such form.
        symbols: the values of the symbols that `slow` needs.
    """

    function: Callable[..., Array]
    captured: tuple[Array, ...]
    ranks: tuple[int, ...]
    rank: int = 0
    slow: Slow | None = None
    symbols: tuple[Array, ...] = ()

    def elements(self, low: Array, high: Array) -> tuple[Elements, Array, Array, Elements]:
        """With limits that broadcast: the captured values, the limits, and the symbols, flattened together."""
        outer = (low, high, *self.symbols)
        together = Elements.of([*self.captured, *outer], [*self.ranks, *([0] * len(outer))])
        captured, limits, symbols = together.split(len(self.captured), 2)
        low, high = (np.broadcast_to(v, (together.size,)) for v in limits.values)
        return captured, low, high, symbols

    def along(self, points: Array, captured: Sequence[Array]) -> Array:
        """The values at points of shape (n,), where what is captured is of one element, or of n: (leading axes, n)."""
        values = np.asarray(self.function(points, *captured))
        # What depends on nothing that varies has its own axes alone.
        return broadcast(self.rank, values, np.shape(points))


def settled_dtype(dtype: Any, inputs: Sequence[Array]) -> Any:
    """`dtype` in single precision if that is what all inputs promote to: the variable is a number, not an array."""
    wanted = np.result_type(*inputs) if inputs else np.dtype(np.float64)
    if wanted in (np.float32, np.complex64) and dtype.kind in "fc":
        return np.dtype(np.complex64 if dtype.kind == "c" else np.float32)
    return dtype
