"""How arrays are cut into blocks, and the loop over the blocks.

Axes that lie alike in all arrays become one, so that most calls loop over one axis; an argument that lacks an axis
keeps it as an axis of size 1, and is never spread out. The *pattern* of a value is a bit mask of the axes of the
result along which it varies.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._emission import BlockSource
from .buffers import Buffers, Memory


Mask = tuple[bool, ...]
Index = tuple[slice, ...]
MOST_TILINGS = 8  # kept for one function
_ALL = slice(None)


# -- axes ------------------------------------------------------------------------------------------------------------


def pattern_of(value: Any, rank: int) -> int:
    """Which of the `rank` axes of the result a value varies along.

    >>> bin(pattern_of(np.ones((3, 1, 5)), 3)), pattern_of(2.0, 3)
    ('0b101', 0)
    """
    shape = getattr(value, "shape", ())
    pattern = 0
    for axis, size in enumerate(shape, rank - len(shape)):
        if size != 1:
            pattern |= 1 << axis
    return pattern


def full_pattern(shape: Sequence[int]) -> int:
    """The pattern of the result itself."""
    return sum([1 << axis for axis, size in enumerate(shape) if size != 1])


def size_of(pattern: int, shape: Sequence[int]) -> int:
    """How many elements a value of this pattern has."""
    return math.prod([size for axis, size in enumerate(shape) if pattern >> axis & 1])


def axis_order(inputs: Sequence[tuple[Any, int]], shape: tuple[int, ...]) -> list[int]:
    """The axes as they lie in memory, the one with the longest strides first, as NumPy orders its results."""
    axes = list(range(len(shape)))
    full = full_pattern(shape)
    leaders = [value for value, pattern in inputs if pattern == full]
    if not leaders or all(v.flags.c_contiguous for v in leaders):
        return axes
    leader = leaders[0]
    strides = [0] * (len(shape) - leader.ndim) + [abs(stride) for stride in leader.strides]
    return sorted(axes, key=lambda axis: -strides[axis])


def merged_axes(
    inputs: Sequence[tuple[Any, int]], outputs: Sequence[Any], order: Sequence[int], shape: tuple[int, ...]
) -> list[list[int]]:
    """Groups of axes that may be seen as one axis, in all arrays; axes of size 1 are left out."""
    full = full_pattern(shape)
    arrays = [(v, p) for v, p in inputs if p] + [(o, full) for o in outputs]
    groups: list[list[int]] = []
    for axis in order:
        if shape[axis] == 1:
            continue
        if groups and all(_lie_alike(a, p, groups[-1][-1], axis, shape) for a, p in arrays):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def _lie_alike(array: Any, pattern: int, outer: int, inner: int, shape: tuple[int, ...]) -> bool:
    has_outer, has_inner = pattern >> outer & 1, pattern >> inner & 1
    if not (has_outer and has_inner):
        return has_outer == has_inner
    missing = len(shape) - array.ndim
    return bool(array.strides[outer - missing] == array.strides[inner - missing] * shape[inner])


def view(array: Any, pattern: int, axes: Sequence[Sequence[int]], shape: tuple[int, ...]) -> Any:
    """The array with one axis for each group, of size 1 where it does not vary."""
    missing = len(shape) - array.ndim
    sizes, strides = [], []
    for group in axes:
        has = pattern >> group[0] & 1
        sizes.append(math.prod([shape[axis] for axis in group]) if has else 1)
        strides.append(array.strides[group[-1] - missing] if has else 0)
    return np.lib.stride_tricks.as_strided(array, sizes, strides)


def mask_of(pattern: int, axes: Sequence[Sequence[int]]) -> Mask:
    """Along which of the groups a value of this pattern varies."""
    return tuple([bool(pattern >> group[0] & 1) for group in axes])


def cut(sizes: Sequence[int], length: int) -> tuple[tuple[int, ...], list[Index]]:
    """The blocks: whole inner axes, as many as fit into `length` elements, and even parts of the next one.

    Returns:
        The extent of the largest block, and all blocks.

    >>> cut((3, 4), 8)
    ((2, 4), [(slice(0, 1, None), slice(0, 4, None)), (slice(1, 3, None), slice(0, 4, None))])
    """
    axis, inner = len(sizes), 1
    while axis and inner * sizes[axis - 1] <= length:
        axis -= 1
        inner *= sizes[axis]
    whole = [slice(0, size) for size in sizes[axis:]]
    if not axis:
        return tuple(sizes), [tuple(whole)]
    size = sizes[axis - 1]
    parts = -(-size // max(length // inner, 1))
    bounds = [size * i // parts for i in range(parts + 1)]
    found: list[Index] = []
    for outer in itertools.product(*(range(n) for n in sizes[: axis - 1])):
        before = [slice(i, i + 1) for i in outer]
        found += [(*before, slice(start, stop), *whole) for start, stop in itertools.pairwise(bounds)]
    return (*[1] * (axis - 1), -(-size // parts), *sizes[axis:]), found


# -- the loop --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Tiling:
    """How the arrays of a call are cut into blocks: all but where they lie.

    Attributes:
        masks: for each input, along which axes it varies.
        buffers: dtype and mask of each.
        casts: for each output, the dtype of what is computed for it, if that is not its own.
        extent: of the largest block.
        grid: all blocks.
    """

    masks: Sequence[Mask]
    buffers: Sequence[tuple[np.dtype[Any], Mask]]
    casts: Sequence[np.dtype[Any] | None]
    extent: tuple[int, ...]
    grid: Sequence[Index]
    kinds: Sequence[tuple[np.dtype[Any], Mask]] = field(init=False)  # of the buffers, then of what will be cast
    memory: tuple[Memory, ...] = field(init=False)

    def __post_init__(self) -> None:
        everywhere = (True,) * len(self.extent)
        kinds = (*self.buffers, *((dtype, everywhere) for dtype in self.casts if dtype is not None))
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "memory", tuple([(d, math.prod(_shape(self.extent, mask))) for d, mask in kinds]))


def tiled(
    source: BlockSource,
    patterns: Sequence[int],
    axes: Sequence[Sequence[int]],
    sizes: Sequence[int],
    casts: Sequence[Any],
    most: int,
) -> Tiling:
    """Blocks of up to so many elements, for inputs of these patterns; the groups of axes have these sizes."""
    buffers = [(dtype, mask_of(p, axes)) for dtype, p in source.buffers]
    return Tiling([mask_of(p, axes) for p in patterns], buffers, casts, *cut(sizes, most))


@dataclass(slots=True, eq=False)
class Work:
    """What one thread, or several, do: `function` for each block that no other has taken.

    Attributes:
        function: takes a block of each input, the buffers, and a block of each output, which it fills.
        tiling: the blocks.
        inputs: arrays with as many axes as a block, of size 1 where they do not vary; or scalars.
        outputs: arrays of full size.
    """

    function: Callable[..., None]
    tiling: Tiling
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    taken: Iterator[int] = field(default_factory=itertools.count)
    failed: bool = False

    def __call__(self) -> None:
        """Take blocks until there are no more."""
        tiling = self.tiling
        step = self._flat if len(tiling.extent) == 1 and len(tiling.kinds) == len(tiling.buffers) else self._general
        try:
            with Buffers(tiling.memory) as buffers:
                step(buffers)
        except BaseException:
            self.failed = True
            raise

    def _blocks(self) -> Iterator[Index]:
        grid = self.tiling.grid
        for i in self.taken:  # no two threads get the same: a count is atomic, also where Python has no lock of its own
            if i >= len(grid) or self.failed:
                return
            yield grid[i]

    def _flat(self, buffers: list[Any]) -> None:
        """The loop over one axis: a few slices for each block."""
        function, outputs, tiling = self.function, self.outputs, self.tiling
        inputs = [(a, mask[0]) for a, mask in zip(self.inputs, tiling.masks, strict=True)]
        whole, shaped = tiling.extent[0], buffers
        for (part,) in self._blocks():
            size = part.stop - part.start
            if size != whole:
                whole = size
                shaped = [b[:size] if mask[0] else b for b, (_, mask) in zip(buffers, tiling.kinds, strict=True)]
            function(*[a[part] if v else a for a, v in inputs], *shaped, *[o[part] for o in outputs])

    def _general(self, buffers: list[Any]) -> None:
        tiling = self.tiling
        own = len(tiling.buffers)
        distinct = list(dict.fromkeys(tiling.masks))
        inputs = [(a, distinct.index(mask), any(mask)) for a, mask in zip(self.inputs, tiling.masks, strict=True)]
        extents: dict[Any, list[Any]] = {}
        for index in self._blocks():
            extent = tuple([s.stop - s.start for s in index])
            shaped = extents.get(extent)
            if shaped is None:
                shapes = [_shape(extent, mask) for _, mask in tiling.kinds]
                shaped = [b[: math.prod(shape)].reshape(shape) for b, shape in zip(buffers, shapes, strict=True)]
                extents[extent] = shaped
            at = [tuple([s if has else _ALL for s, has in zip(index, mask, strict=True)]) for mask in distinct]
            outputs = [o[index] for o in self.outputs]
            casting = iter(shaped[own:])
            filled = [o if dtype is None else next(casting) for o, dtype in zip(outputs, tiling.casts, strict=True)]
            self.function(*[a[at[i]] if v else a for a, i, v in inputs], *shaped[:own], *filled)
            for o, f in zip(outputs, filled, strict=True):
                if o is not f:
                    np.copyto(o, f, casting="same_kind")


def _shape(extent: tuple[int, ...], mask: Mask) -> tuple[int, ...]:
    return tuple([n if has else 1 for n, has in zip(extent, mask, strict=True)])
