"""By-name indexing in plain NumPy: what every view of a ref must show and touch.

A view is an array of flat positions in the base buffer, with a name for each of its axes. Selecting from a view
rearranges those positions; reading, writing and adding go through them. There is no algebra of starts, strides and
windows here, and nothing of haliax or of the package, so that a mistake in either cannot hide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray


Cells = NDArray[np.intp]
Mode = Literal["drop", "fill"]
NOWHERE = -1  # the cell of an entry that `mode` lets fall outside the view


@dataclass(frozen=True)
class Point:
    """One position; the axis goes away. A traced one cannot raise, so it is clamped into the view."""

    position: int
    traced: bool = False


@dataclass(frozen=True)
class Window:
    """`size` positions, `stride` apart; the axis stays. A traced start is clamped so that the window fits."""

    start: int
    size: int
    stride: int = 1
    traced: bool = False


@dataclass(frozen=True, eq=False)
class Take:
    """Positions without a name: the axis keeps its name, with a new size.

    A list keeps the axis in its place too. An array is an index with the axis as its own, and goes where those go.
    """

    positions: Cells
    traced: bool = False
    array: bool = False


@dataclass(frozen=True, eq=False)
class Mask:
    """The positions where a concrete 1-D mask is true: the axis keeps its name and place."""

    keep: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Index:
    """Positions with named axes of their own, which replace the indexed axis. Axes of one name are one axis."""

    names: tuple[str, ...]
    positions: Cells
    traced: bool = False

    @property
    def sizes(self) -> dict[str, int]:
        return dict(zip(self.names, self.positions.shape, strict=True))


Selector = Point | slice | range | Window | Take | Mask | Index
Selectors = Mapping[str, Selector]


@dataclass(frozen=True, eq=False)
class View:
    """Named axes over flat positions of a base."""

    names: tuple[str, ...]
    cells: Cells

    @staticmethod
    def whole(axes: Mapping[str, int]) -> View:
        """Every cell of a base with these axes, in row-major order."""
        return View(tuple(axes), np.arange(prod(axes.values())).reshape(tuple(axes.values())))

    @property
    def sizes(self) -> dict[str, int]:
        return dict(zip(self.names, self.cells.shape, strict=True))

    def select(self, selectors: Selectors, mode: Mode | None = None) -> View:
        """What is left after selecting by name.

        First, each axis that stays in its place (a slice, range, window, list or mask) is cut down on its own.
        Then points and named indices act together on what is left: an index with an axis that stayed runs along it.
        """
        for name in selectors:
            if name not in self.names:
                raise ValueError(f"no axis {name!r} among {self.names}")
        selectors = {
            n: Index((n,), s.positions, s.traced) if isinstance(s, Take) and s.array else s
            for n, s in selectors.items()
        }
        along = {n: _along(selectors.get(n, slice(None)), size, mode) for n, size in self.sizes.items()}
        indices = {n: s for n, s in selectors.items() if isinstance(s, Index)}
        stays = [n for n in self.names if not isinstance(selectors.get(n), Index | Point)]
        paired = [n for n in stays if any(n in index.names for index in indices.values())]

        axes = _broadcast([i.sizes for i in indices.values()] + [{n: len(along[n])} for n in paired])
        order = _order(self.names, stays, paired, tuple(axes), bool(indices))
        sizes = axes | {n: len(along[n]) for n in stays}

        # Every axis gets an array of positions over all the axes of the result, so that NumPy's own rules for where
        # the axes of an advanced index go never come into it.
        where = []
        for name in self.names:
            own = indices[name].names if name in indices else (name,) if name in stays else ()
            where.append(_spread(own, along[name], {n: sizes[n] for n in order}))
        shape = tuple(sizes[n] for n in order)
        if not where:
            return self
        if self.cells.size == 0:
            return View(order, np.full(shape, NOWHERE))
        inside = np.logical_and.reduce([w != NOWHERE for w in where])
        cells = np.where(inside, self.cells[tuple(np.where(inside, w, 0) for w in where)], NOWHERE)
        return View(order, cells.reshape(shape))


def _along(selector: Selector, size: int, mode: Mode | None) -> Cells:
    """The positions a selector takes of an axis, in its own shape; NOWHERE for what `mode` lets fall outside."""
    match selector:
        case slice():
            return np.arange(size)[selector]
        case range():
            return _inside(np.array(list(selector), dtype=np.intp), size, False, mode)
        case Point(position, traced):
            return _inside(np.array(position), size, traced, mode)
        case Take(positions, traced, _) | Index(_, positions, traced):
            return _inside(positions, size, traced, mode)
        case Mask(keep):
            if keep.shape != (size,):
                raise IndexError(f"a mask of shape {keep.shape} on an axis of size {size}")
            return np.flatnonzero(keep)
        case Window(start, count, stride, traced):
            return _window(start, count, stride, size, traced, mode)
    assert_never(selector)


def _inside(positions: Cells, size: int, traced: bool, mode: Mode | None) -> Cells:
    positions = positions.astype(np.int64)
    positions = np.where(positions < 0, positions + size, positions)
    outside = (positions < 0) | (positions >= size)
    if mode is not None:
        return np.where(outside, NOWHERE, positions)
    if outside.any() and (size == 0 or not traced):
        raise IndexError(f"{positions[outside]} is outside an axis of size {size}")
    return np.clip(positions, 0, max(size - 1, 0))


def _window(start: int, count: int, stride: int, size: int, traced: bool, mode: Mode | None) -> Cells:
    if mode is not None:
        return _inside(start + stride * np.arange(count), size, traced, mode)
    start = start + size if start < 0 else start
    last = size - (stride * (count - 1) + 1 if count else 0)  # the last start at which the window fits
    if last < 0:
        raise IndexError(f"a window of {count} by {stride} is larger than an axis of size {size}")
    if traced:
        start = min(max(start, 0), last)
    if not 0 <= start <= last:
        raise IndexError(f"a window of {count} by {stride} at {start} is outside an axis of size {size}")
    return start + stride * np.arange(count)


def _broadcast(shapes: list[dict[str, int]]) -> dict[str, int]:
    """The axes of several indices together, in NamedArray's order.

    From the largest to the smallest (ties: as given), each adds the axes that are new. The smaller of the two
    puts its new axes before those of the larger one, so that the larger one need not move.
    """
    result: dict[str, int] = {}
    for shape in sorted(shapes, key=lambda s: -prod(s.values())):
        for name in shape.keys() & result.keys():
            if shape[name] != result[name]:
                raise ValueError(f"axis {name!r} has size {shape[name]} in one index and {result[name]} in another")
        small, large = (shape, result) if prod(result.values()) >= prod(shape.values()) else (result, shape)
        if not result or not shape or list(shape) == list(result):
            result = dict(result or shape)
        else:
            result = {n: s for n, s in small.items() if n not in large} | large
    return result


def _order(
    names: tuple[str, ...], stays: list[str], paired: list[str], axes: tuple[str, ...], indexed: bool
) -> tuple[str, ...]:
    """The order of the axes of the result, as NumPy and NamedArray have it.

    With a named index, points count as advanced, and so do axes that an index runs along. If the advanced ones are
    neighbours, the axes of the indices take their place; if not, they come first. Everything else keeps its place.
    """
    plain = [n for n in stays if n not in paired]
    if not indexed:
        return tuple(plain)
    advanced = [i for i, n in enumerate(names) if n not in plain]
    neighbours = advanced == list(range(advanced[0], advanced[-1] + 1))
    before = [n for n in names[: advanced[0]] if n in plain] if neighbours else []
    return (*before, *axes, *(n for n in plain if n not in before))


def _spread(own: tuple[str, ...], data: NDArray, sizes: Mapping[str, int]) -> NDArray:
    """`data`, whose axes are `own`, over all of `sizes`."""
    if extra := [n for n in own if n not in sizes]:
        raise ValueError(f"axes {extra} are not among {list(sizes)}")
    for name, size in zip(own, data.shape, strict=True):
        if sizes[name] != size:
            raise ValueError(f"axis {name!r} has size {size}, not {sizes[name]}")
    there = [n for n in sizes if n in own]
    data = np.transpose(data, [own.index(n) for n in there])
    data = data.reshape([sizes[n] if n in own else 1 for n in sizes])
    return np.broadcast_to(data, tuple(sizes.values()))


@dataclass(frozen=True, eq=False)
class Value:
    """What is written: data with named axes, or without (names is None): a scalar, or exactly as the view is."""

    names: tuple[str, ...] | None
    data: NDArray

    def over(self, view: View) -> NDArray:
        """The value for each cell of a view.

        Raises:
            ValueError: it has other axes, or without names, another shape.
        """
        if self.names is not None:
            return _spread(self.names, self.data, view.sizes)
        if self.data.ndim and self.data.shape != view.cells.shape:
            raise ValueError(f"shape {self.data.shape} for a view of shape {view.cells.shape}")
        return np.broadcast_to(self.data, view.cells.shape)


@dataclass(eq=False)
class NamedOracle:
    """A base buffer, and the view through which it is seen; views made of it share the buffer.

    `rivals` holds, for each cell written, what its last write put there: more than one value if the write hit it more
    than once, for which of them stays is nobody's promise.
    """

    view: View
    buffer: NDArray  # flat
    rivals: dict[int, set] = field(default_factory=dict)

    @staticmethod
    def of(axes: Mapping[str, int], array: NDArray) -> NamedOracle:
        """A new base, with a copy of `array`."""
        assert array.shape == tuple(axes.values())
        return NamedOracle(View.whole(axes), array.flatten())

    def slice(self, *chain: Selectors) -> NamedOracle:
        view = self.view
        for selectors in chain:
            view = view.select(selectors)
        return NamedOracle(view, self.buffer, self.rivals)

    def read(self, selectors: Selectors | None = None, mode: Mode | None = None, fill: object = 0) -> NamedOracle:
        """What a read gives: a base of its own, that later writes leave alone."""
        view = self.view.select(selectors or {}, mode)
        there = np.where(view.cells == NOWHERE, 0, view.cells)
        if self.buffer.size:
            data = np.where(view.cells == NOWHERE, np.asarray(fill).astype(self.buffer.dtype), self.buffer[there])
        else:
            data = np.full(view.cells.shape, fill, self.buffer.dtype)
        return NamedOracle.of(view.sizes, data)

    @property
    def array(self) -> NDArray:
        """What the view shows, in its own order of axes."""
        return self.buffer[self.view.cells]

    def write(self, selectors: Selectors, value: Value, mode: Mode | None = None) -> None:
        view = self.view.select(selectors, mode)
        data = value.over(view).astype(self.buffer.dtype)
        hits: dict[int, set] = {}
        for cell, new in zip(view.cells.flat, data.flat, strict=True):
            if cell != NOWHERE:
                hits.setdefault(int(cell), set()).add(new.item())
                self.buffer[cell] = new
        self.rivals.update(hits)

    def swap(self, selectors: Selectors, value: Value, mode: Mode | None = None, fill: object = 0) -> NamedOracle:
        old = self.read(selectors, mode, fill)
        self.write(selectors, value, mode)
        return old

    def update(self, ufunc: np.ufunc, selectors: Selectors, value: Value, mode: Mode | None = None) -> None:
        """`ufunc` of each cell and its value; a cell that is there twice is updated twice."""
        view = self.view.select(selectors, mode)
        data = value.over(view).astype(self.buffer.dtype)
        inside = view.cells != NOWHERE
        for cell, new in zip(view.cells[inside].flat, data[inside].flat, strict=True):
            self.buffer[cell] = ufunc(self.buffer[cell], new)
            self.rivals.pop(int(cell), None)

    def explains(self, base: NDArray) -> bool:
        """Whether a real base could hold `base` after the same writes."""
        return base.size == self.buffer.size and all(
            got == want or (len(rivals := self.rivals.get(cell, set())) > 1 and got in rivals)
            for cell, (got, want) in enumerate(zip(base.flatten().tolist(), self.buffer.tolist(), strict=True))
        )


def same_by_name(names: tuple[str, ...], array: NDArray, oracle: NamedOracle) -> bool:
    """Whether an array with these axes is what the oracle shows, whatever the order of the axes."""
    if sorted(names) != sorted(oracle.view.names):
        return False
    array = np.transpose(array, [names.index(n) for n in oracle.view.names])
    return array.shape == oracle.array.shape and bool(np.array_equal(array, oracle.array))
