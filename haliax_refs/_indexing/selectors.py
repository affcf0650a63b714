"""What may stand between the brackets of a `NamedRef`, checked: one selector for each named axis.

`parse` turns an index expression into `Selector`s, views of the axes they select from, and puts into a `Collector`
whatever is not static. Everything that can be wrong about an index by itself is found here, before anything is read
or written; whether selectors fit together is the business of `Layout.select`.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray
from haliax.axis import dslice

from .._compat import PallasSlice, Tracer
from .._types import Index
from .compose import affine, fit
from .describe import text_of
from .layout import Layout
from .views import Expr, Gather, Iota, Narrow, Operand, Pick, Point, Scalar, Selections, Selector, Strided, Window


INDEX_DTYPE = np.dtype(np.int32)
MAX_INDEX = 2**31 - 1


@dataclass(slots=True)
class Collector:
    """What a selection leaves to be known when the program runs, in the order in which expressions number it.

    Args:
        scalars: how many scalars are numbered already, by the view that is selected from.
        operands: likewise for operands.
        lift: number static ints and starts as scalars too, so that one compiled program serves them all.
        guard: do not confine indices by an error, but note each for `mode="drop"` and `mode="fill"`.
    """

    scalars: int = 0
    operands: int = 0
    lift: bool = False
    guard: bool = False
    new_scalars: list[int] = field(default_factory=list)
    new_operands: list[Any] = field(default_factory=list)
    guards: list[tuple[Expr, int]] = field(default_factory=list)

    def scalar(self, value: int) -> Expr:
        if not self.lift:
            return value
        self.new_scalars.append(value)
        return Scalar(self.scalars + len(self.new_scalars) - 1)

    def operand(self, value: np.ndarray[Any, Any] | jax.Array) -> Operand:
        self.new_operands.append(value)
        return Operand(self.operands + len(self.new_operands) - 1)

    def confine(self, of: Expr, size: int, room: int) -> Expr:
        if self.guard:
            self.guards.append((of, size))
        return fit(of, size, room)


def parse(idx: Index, layout: Layout, collector: Collector) -> Selections:
    """The checked selectors of an index expression, by axis name, in the order given.

    Args:
        idx: a mapping from axis (or its name) to selector, the pairs form, or `...`.
        layout: what is selected from; its axes, and for errors how they came to be.
        collector: takes what is not static.
    Raises:
        IndexError: something static is out of bounds.
        ValueError: an axis is unknown, named twice, or has another size.
        TypeError: something is not a selector.
    """
    selectors: dict[str, Selector] = {}
    seen: dict[str, Any] = {}
    for key, raw in _pairs(idx):
        name = _axis_name(key, layout)
        if name in seen:
            raise ValueError(f"axis {name!r} is indexed twice, by {text_of(seen[name])} and by {text_of(raw)}")
        seen[name] = raw
        selector = _selector(name, raw, layout, collector)
        if selector is not None:
            selectors[name] = selector
    return tuple(selectors.items())


def _pairs(idx: Index) -> list[tuple[Any, Any]]:
    # `ref[{...},]` and `ref[...,]` mean what is in the tuple.
    if isinstance(idx, tuple) and len(idx) == 1:
        (idx,) = idx
    if isinstance(idx, EllipsisType):
        return []
    if isinstance(idx, Mapping):
        return list(idx.items())
    if isinstance(idx, tuple):
        entries = idx[:-1] if idx and isinstance(idx[-1], EllipsisType) else idx
        if any(isinstance(entry, EllipsisType) for entry in entries):
            raise ValueError("'...' must come last in an index of a NamedRef: named axes have no order")
        if len(entries) % 2:
            raise ValueError(f"expected pairs of an axis and a selector, got {len(entries)} entries")
        return list(zip(entries[::2], entries[1::2], strict=True))
    found = f"the slice '{text_of(idx)}'" if isinstance(idx, slice) else text_of(idx)
    raise TypeError(f"cannot index a NamedRef with {found}: use {{axis: selector}}, 'axis', selector pairs, or '...'")


def _axis_name(key: object, layout: Layout) -> str:
    if isinstance(key, Axis):
        size = layout.shape.get(key.name)
        # Only a known axis can have another size; one that is unknown is refused below, in the same words as a name.
        if size is not None and size != key.size:
            raise ValueError(f"axis {key.name!r} has size {size} here, not {key.size}; give its name only")
        key = key.name
    if not isinstance(key, str):
        raise TypeError(f"expected an Axis or the name of one, got {text_of(key)}")
    if key not in layout.shape:
        raise ValueError(layout.unknown(key))
    return key


def _selector(  # noqa: C901  one flat match over all that there is
    name: str, raw: Any, layout: Layout, collector: Collector
) -> Selector | None:
    """The checked selector, or None where it is the whole axis as it is."""
    axis = _AxisOfSize(name, layout.shape[name], layout, collector)
    match raw:
        # Before int: Python's bool is one.
        case bool() | np.bool_():
            raise axis.error(
                TypeError, raw, "a bool is not an index", "use an int, or a mask with one entry per position"
            )
        case int() | np.integer():
            return axis.at(int(raw))
        case slice():
            return axis.slice(raw)
        case range():
            return axis.range(raw)
        case dslice():
            return axis.window(raw, raw.start, raw.size, 1)
        case PallasSlice():
            return axis.window(raw, raw.start, raw.size, raw.stride)
        case NamedArray():
            return axis.array(raw.array, tuple((ax.name, ax.size) for ax in raw.axes), keeps_place=False)
        case list() | tuple():
            return axis.list(raw)
        case np.ndarray() | jax.Array():
            return axis.unnamed(raw)
    # What has a shape is an array of some kind, and no int, even if it has `__index__`.
    if hasattr(raw, "__index__") and not hasattr(raw, "shape"):
        return axis.at(operator.index(raw))
    way_out = f"use int({raw!r})" if isinstance(raw, float) else "see NamedRef for those that are"
    if hasattr(raw, "astype"):
        way_out = "convert it with .astype(int)"
    raise axis.error(TypeError, raw, f"{type(raw).__name__} is not a valid selector", way_out)


@dataclass(frozen=True, slots=True)
class _AxisOfSize:
    """The axis that is selected from; a method for each kind of selector."""

    name: str
    size: int
    layout: Layout
    collector: Collector

    def error(self, kind: type[Exception], raw: Any, fact: str, way_out: str) -> Exception:
        return kind(f"cannot index axis {self.name!r} with {text_of(raw)}: {fact}; {way_out}")

    def outside(self, raw: Any) -> Exception:
        found = f"index {raw}" if isinstance(raw, int) else text_of(raw)
        note = self.layout.view_note(self.name)
        return IndexError(f"{found} is out of bounds for axis {self.name!r} with size {self.size}{note}")

    def at(self, i: int) -> Selector:
        if self.collector.guard:
            return self.array(self.guarded([i]).reshape(()), (), keeps_place=False)
        if not -self.size <= i < self.size:
            raise self.outside(i)
        # From the end is settled here, as the size is static: the scalar of a `Point` is never negative.
        return Selector(Point(self.collector.scalar(i + self.size if i < 0 else i)), keeps_place=False)

    def slice(self, raw: slice) -> Selector | None:
        try:
            # A range clips as NumPy does, and refuses what is no int.
            positions = range(self.size)[raw]
        except (TypeError, jax.errors.TracerIntegerConversionError) as e:
            way_out = "for a traced start and a static size, use hax.ds(start, size)"
            raise self.error(TypeError, raw, "the bounds of a slice are static ints", way_out) from e
        except ValueError as e:
            raise ValueError(f"slice step cannot be zero: axis {self.name!r} is indexed with {text_of(raw)}") from e
        return self.strided(positions)

    def strided(self, positions: range) -> Selector | None:
        if positions == range(self.size):
            return None
        view = Strided(self.name, positions)
        positions = view.positions
        # Empty and reversed whole axes have but one start each for their size, so to lift it would save no program.
        if not self.collector.lift or len(positions) == 0 or positions == range(self.size)[::-1]:
            return Selector(view, keeps_place=True)
        start = self.collector.scalar(positions.start)
        return Selector(Window(self.name, start, len(positions), positions.step), keeps_place=True)

    def range(self, raw: range) -> Selector | None:
        if not raw:
            return self.strided(range(0))
        low, high = min(raw[0], raw[-1]), max(raw[0], raw[-1])
        if self.collector.guard:
            return self.unnamed(self.guarded(raw), keeps_place=True)
        if low < -self.size or high >= self.size:
            raise self.outside(raw)
        if low < 0 <= high:  # from the end and from the start: not the positions of any range
            return self.list(raw)
        # All are from the end, or none is: one shift makes a range of positions of them.
        base = self.size if high < 0 else 0
        return self.strided(range(raw[0] + base, raw[-1] + base + (1 if raw.step > 0 else -1), raw.step))

    def window(self, raw: Any, start: Any, size: Any, stride: int) -> Selector | None:
        start = start.array if isinstance(start, NamedArray) else start
        self.check_window(raw, start, size, stride)
        size = int(size)
        # Of one position or none the stride means nothing, and must not enter the span.
        stride = 1 if size < 2 else stride
        span = (size - 1) * stride + 1
        # A tracer is a jax.Array as well.
        dynamic = isinstance(start, jax.Array)
        if self.collector.guard:
            return self.guarded_window(raw, start, size, stride, dynamic)
        if span > self.size:
            raise self.outside(raw)
        if size == 0:
            return self.strided(range(0))
        # The number of starts at which the whole window is in bounds.
        room = self.size - span + 1
        if dynamic:
            if room == 1 and stride == 1:
                return None  # it fits in one way only
            where = self.collector.confine(self.dynamic(start), self.size, room)
            return Selector(Window(self.name, where, size, stride), keeps_place=True)
        # As with ints, a negative start counts from the end.
        first = int(start) + self.size if start < 0 else int(start)
        if not 0 <= first < room:
            raise self.outside(raw)
        return self.strided(range(first, first + span, stride))

    def check_window(self, raw: Any, start: Any, size: Any, stride: int) -> None:
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise self.error(TypeError, raw, "the size of a window is a static int", "only its start may be traced")
        if isinstance(start, bool) or getattr(start, "shape", ()) != () or not _is_integer(start):
            raise self.error(TypeError, raw, "a window starts at an int", "use start + arange as an index array")
        if size < 0 or stride < 1:
            raise self.error(ValueError, raw, f"got size {size} and stride {stride}", "use size >= 0 and stride >= 1")

    def guarded_window(self, raw: Any, start: Any, size: int, stride: int, dynamic: bool) -> Selector:
        # A start that is further outside than the window is long leaves all of it outside, as the nearest such start.
        far = self.size + max(size - 1, 0) * stride + 1
        if far > MAX_INDEX // 2:
            raise self.too_large(raw)
        index = (
            Narrow(self.collector.operand(start), -far, far)
            if dynamic
            else self.collector.scalar(min(max(int(start), -far), far))
        )
        # Each position is guarded by itself, as only a part of the window may be in bounds: a gather, not a `Window`.
        steps = affine(Iota(self.name, size), index, stride)
        return Selector(Gather(self.collector.confine(steps, self.size, max(self.size, 1))), keeps_place=True)

    def list(self, raw: Sequence[Any]) -> Selector:
        # NumPy would ask a tracer for its value.
        if any(isinstance(entry, Tracer) for entry in raw):
            return self.unnamed(jnp.stack([jnp.asarray(entry) for entry in raw]), keeps_place=True)
        try:
            # NumPy makes floats of an empty list.
            values = np.asarray(raw if len(raw) else np.zeros(0, INDEX_DTYPE))
        except ValueError as e:
            way_out = "name the axes of an index of several: hax.named(index, axes)"
            raise self.error(TypeError, raw, "its parts differ in length", way_out) from e
        if values.ndim == 1 and values.dtype.kind in "Of" and all(_is_int(entry) for entry in raw):
            values = self.integers(raw)  # NumPy has no integer dtype that holds them all
        return self.unnamed(values, keeps_place=True)

    def integers(self, raw: Sequence[Any]) -> np.ndarray[Any, Any]:
        """Ints of any size as an array, checked here: those out of bounds may fit in no dtype."""
        if self.collector.guard:
            return self.guarded([int(entry) for entry in raw])
        for entry in raw:
            if not -self.size <= entry < self.size:
                raise self.outside(int(entry))
        return np.array([int(entry) for entry in raw], np.int64)

    def guarded(self, raw: Sequence[int]) -> np.ndarray[Any, Any]:
        """Ints of any size, of which those out of bounds may be anywhere out of bounds."""
        return np.array([i if -self.size <= i < self.size else self.size for i in raw], np.int64)

    def unnamed(self, values: np.ndarray[Any, Any] | jax.Array, keeps_place: bool = False) -> Selector:
        if values.ndim > 1:
            way_out = "name its axes: hax.named(index, axes)"
            raise self.error(TypeError, values, f"an unnamed index array has one axis, not {values.ndim}", way_out)
        return self.array(values, tuple((self.name, n) for n in values.shape), keeps_place)

    def array(self, values: Any, axes: tuple[tuple[str, int], ...], keeps_place: bool) -> Selector:
        # A mask is the list of the places where it is true, which is one axis, of the name of the mask's.
        if values.dtype == np.bool_:
            values = self.mask(values, axes)
            axes, keeps_place = ((axes[0][0], len(values)),), True
        if not jnp.issubdtype(values.dtype, jnp.integer):
            fact = f"an index is an integer, not {values.dtype}"
            raise self.error(TypeError, values, fact, "convert it with .astype(int)")
        # An axis of size 0 has no position into which a traced index could be clamped.
        if self.size == 0 and values.size > 0 and not self.collector.guard:
            raise self.outside(values if values.ndim or isinstance(values, jax.Array) else int(values))
        if isinstance(values, np.ndarray | np.generic):
            values = np.asarray(values)
            bad = np.asarray((values < -self.size) | (values >= self.size))
            if bad.any() and not self.collector.guard:
                raise self.outside(values[bad].flat[0].item())
            # A known array of 0 dimensions is an int, so that it is lifted as one.
            if not axes and not self.collector.guard:
                return self.at(int(values))
            # int64 first: a uint8 could not hold a negative, nor a sum with the axis' size
            wide = np.where(bad, 0, values).astype(np.int64)
            # Under a guard all that is out of bounds becomes `size`, so that it stays so in the index dtype.
            positions = np.where(bad, self.size, np.where(wide < 0, wide + self.size, wide))
            if positions.size and positions.max() > MAX_INDEX:
                raise self.too_large(values)
            values = positions.astype(INDEX_DTYPE)
        dims = tuple(Strided(name, range(n)) for name, n in axes)
        # These positions were checked above: nothing is to be confined when the program runs.
        if isinstance(values, np.ndarray) and not self.collector.guard:
            return Selector(Gather(Pick(self.collector.operand(values), dims)), keeps_place)
        where = self.collector.confine(self.dynamic(values, dims), self.size, max(self.size, 1))
        return Selector(Gather(where) if dims else Point(where), keeps_place)

    def dynamic(self, values: np.ndarray[Any, Any] | jax.Array, dims: tuple[Strided, ...] = ()) -> Expr:
        """Positions that only the program knows, in the index dtype; what is out of bounds stays so."""
        # `size` itself must fit the index dtype, for it stands for what is out of bounds.
        if self.size >= MAX_INDEX:
            raise self.too_large(values)
        operand = self.collector.operand(values)
        return Narrow(Pick(operand, dims) if dims else operand, -self.size - 1, self.size)

    def too_large(self, raw: Any) -> Exception:
        way_out = "use static slices below 2147483648, or split the axis in two"
        fact = f"with size {self.size} its positions do not fit the int32 in which jax takes them"
        return self.error(OverflowError, raw, fact, way_out)

    def mask(self, values: Any, axes: tuple[tuple[str, int], ...]) -> np.ndarray[Any, Any]:
        if isinstance(values, Tracer):
            way_out = "its count would be a traced size; read all and use hax.where, or index with mode='drop'"
            raise self.error(TypeError, values, "a mask must be concrete", way_out)
        if len(axes) == 0:
            way_out = "use an int, or a mask with one entry per position"
            raise self.error(TypeError, values, "a bool is not an index", way_out)
        if len(axes) != 1 or axes[0][1] != self.size:
            shape = ", ".join(f"{name}={n}" for name, n in axes)
            way_out = f"it needs one entry for each of the {self.size} positions"
            raise self.error(IndexError, values, f"a mask over ({shape}) does not fit size {self.size}", way_out)
        # The count is static, so a mask has to be known; what is traced was refused above.
        return np.flatnonzero(np.asarray(values)).astype(INDEX_DTYPE)


def _is_int(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    if isinstance(value, int | np.integer):
        return True
    return isinstance(value, np.ndarray | jax.Array) and bool(jnp.issubdtype(value.dtype, jnp.integer))
