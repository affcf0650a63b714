"""What may stand between the brackets of a `NamedRef`, checked: one selector for each named axis.

`parse` turns an index expression into `Selector`s, views of the axes they select from, and collects in a `Frame`
whatever is not static. Everything that can be wrong about an index by itself is found here, before anything is read
or written; whether selectors fit together is the business of `Layout.select`.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray
from haliax.axis import dslice

from .._compat import PallasSlice, Tracer
from .views import Expr, Gather, Iota, Operand, Pick, Point, Scalar, Strided, View, Window, affine, fit


INDEX_DTYPE = np.dtype(np.int32)

FAR = 2**30  # outside of any axis, and with a window's entries added still in the index dtype


@dataclass(frozen=True, slots=True)
class Selector:
    """A view of one axis, and whether what it shows takes that axis' place in the order of the axes.

    Slices, lists and masks keep their axis in place. Ints and index arrays are advanced indices, as in NumPy:
    the axes of index arrays may come to the front (`_layout` has the rule).
    """

    view: View
    in_place: bool


@dataclass(slots=True)
class Frame:
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

    def operand(self, value: Any) -> Operand:
        self.new_operands.append(value)
        return Operand(self.operands + len(self.new_operands) - 1)

    def confine(self, of: Expr, size: int, room: int) -> Expr:
        if self.guard:
            self.guards.append((of, size))
        return fit(of, size, room)


Showing = Callable[[str], str]


def parse(idx: Any, axes: Sequence[Axis], frame: Frame, showing: Showing) -> tuple[tuple[str, Selector], ...]:
    """The checked selectors of an index expression, by axis name, in the order given.

    Args:
        idx: a mapping from axis (or its name) to selector, the pairs form, or `...`.
        axes: what may be selected from.
        frame: takes what is not static.
        showing: describes an axis, or says why there is none of that name; for errors.
    """
    sizes = {axis.name: axis.size for axis in axes}
    selectors: dict[str, Selector] = {}
    seen: set[str] = set()
    for key, raw in _pairs(idx):
        name = _axis_name(key, sizes, raw, showing)
        if name in seen:
            raise ValueError(f"cannot index axis {name!r} twice: it has {raw!r} and an earlier selector; merge them")
        seen.add(name)
        selector = _selector(name, sizes[name], raw, frame, showing)
        if selector is not None:
            selectors[name] = selector
    return tuple(selectors.items())


def _pairs(idx: Any) -> list[tuple[Any, Any]]:
    if isinstance(idx, tuple) and len(idx) == 1:
        (idx,) = idx
    if idx is None or isinstance(idx, EllipsisType):
        return []
    if isinstance(idx, Mapping):
        return list(idx.items())
    if isinstance(idx, tuple):
        entries = idx[:-1] if idx and isinstance(idx[-1], EllipsisType) else idx
        if any(isinstance(entry, EllipsisType) for entry in entries):
            raise ValueError(
                "cannot index with '...' before a selector: named axes have no order; put it last or leave it out"
            )
        if len(entries) % 2:
            raise ValueError(f"cannot index by {len(entries)} entries: the pairs form alternates axis and selector")
        return list(zip(entries[::2], entries[1::2], strict=True))
    shown = f"the slice '{show(idx)}'" if isinstance(idx, slice) else show(idx)
    raise TypeError(f"cannot index by {shown}: a named ref takes {{axis: selector}}, 'axis', selector pairs, or '...'")


def _axis_name(key: Any, sizes: Mapping[str, int], raw: Any, showing: Showing) -> str:
    if isinstance(key, Axis):
        if key.name in sizes and sizes[key.name] != key.size:
            raise ValueError(
                f"cannot index axis {key.name!r} as {key}: it has size {sizes[key.name]} here; name it {key.name!r}"
            )
        key = key.name
    if not isinstance(key, str):
        raise TypeError(f"cannot index axis {show(key)}: an axis is an Axis or its name")
    if key not in sizes:
        raise ValueError(f"cannot index axis {key!r}: {showing(key)}")
    return key


def unknown_axis(name: str, axes: Sequence[Axis]) -> str:
    """Why there is no axis of that name, and which one may have been meant."""
    near = difflib.get_close_matches(name, [axis.name for axis in axes], n=1)
    listed = ", ".join(f"{axis.name}={axis.size}" for axis in axes) or "none"
    return f"the axes are {listed}" + (f"; did you mean {near[0]!r}?" if near else "")


def _selector(name: str, size: int, raw: Any, frame: Frame, showing: Showing) -> Selector | None:
    """The checked selector, or None where it shows the whole axis as it is."""
    axis = _AxisOfSize(name, size, frame, showing)
    match raw:
        case bool() | np.bool_():
            raise axis.error(TypeError, raw, "a bool is no index", "give an int, or a mask with an entry per position")
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
            return axis.array(raw.array, tuple((ax.name, ax.size) for ax in raw.axes), in_place=False)
        case list() | tuple():
            return axis.list(raw)
        case np.ndarray() | jax.Array():
            return axis.unnamed(raw)
    if hasattr(raw, "__index__") and not hasattr(raw, "shape"):
        return axis.at(operator.index(raw))
    way_out = f"take int({raw!r})" if isinstance(raw, float) else "see NamedRef.slice"
    if hasattr(raw, "astype"):
        way_out = "take it .astype(int)"
    raise axis.error(TypeError, raw, f"{type(raw).__name__} is no selector", way_out)


@dataclass(frozen=True, slots=True)
class _AxisOfSize:
    """The axis that is selected from; a method for each kind of selector."""

    name: str
    size: int
    frame: Frame
    showing: Showing

    def error(self, kind: type[Exception], raw: Any, fact: str, way_out: str) -> Exception:
        return kind(f"cannot take {show(raw)} of axis {self.name!r}: {fact}; {way_out}")

    def outside(self, raw: Any) -> Exception:
        return IndexError(f"cannot take {show(raw)} of axis {self.name!r}: this view has {self.showing(self.name)}")

    def at(self, i: int) -> Selector:
        if self.frame.guard:
            return self.unnamed(np.asarray(i))
        if not -self.size <= i < self.size:
            raise self.outside(i)
        return Selector(Point(self.frame.scalar(i + self.size if i < 0 else i)), in_place=False)

    def slice(self, raw: slice) -> Selector | None:
        try:
            positions = range(self.size)[raw]
        except (TypeError, jax.errors.TracerIntegerConversionError) as e:
            way_out = "for a traced start and a static size, take hax.ds(start, size)"
            raise self.error(TypeError, raw, "the bounds of a slice are static ints", way_out) from e
        except ValueError as e:
            raise self.error(
                ValueError, raw, "a slice's step is not zero", "leave it out to take every position"
            ) from e
        return self.strided(positions)

    def strided(self, positions: range) -> Selector | None:
        if positions == range(self.size):
            return None
        reverse = range(self.size)[::-1]
        if not self.frame.lift or len(positions) == 0 or positions == reverse:
            return Selector(Strided(self.name, positions), in_place=True)
        start = self.frame.scalar(positions.start)
        return Selector(Window(self.name, start, len(positions), positions.step), in_place=True)

    def range(self, raw: range) -> Selector | None:
        if len(raw) == 0:
            return self.strided(range(0))
        low, high = min(raw[0], raw[-1]), max(raw[0], raw[-1])
        if self.frame.guard or low < 0 <= high:
            return self.list(raw)
        if low < -self.size or high >= self.size:
            raise self.outside(raw)
        base = self.size if high < 0 else 0
        return self.strided(range(raw[0] + base, raw[0] + base + raw.step * len(raw), raw.step))

    def window(self, raw: Any, start: Any, size: Any, stride: int) -> Selector | None:
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise self.error(TypeError, raw, "the size of a window is a static int", "only its start may be traced")
        if isinstance(start, NamedArray):
            start = start.array
        if isinstance(start, bool) or getattr(start, "shape", ()) != () or not _is_integer(start):
            raise self.error(TypeError, raw, "a window starts at an int", "take start + arange as an index array")
        if size < 0 or stride < 1:
            raise self.error(ValueError, raw, f"size {size} or stride {stride} is too small", "take size>=0, stride>=1")
        size = int(size)
        span = (size - 1) * stride + 1
        dynamic = isinstance(start, jax.Array)
        if self.frame.guard:
            index = self.frame.operand(start) if dynamic else self.frame.scalar(min(max(int(start), -FAR), FAR))
            steps = affine(Iota(self.name, size), index, stride)
            return Selector(Gather(self.frame.confine(steps, self.size, max(self.size, 1))), in_place=True)
        if span > self.size:
            raise self.outside(raw)
        if size == 0:
            return self.strided(range(0))
        room = self.size - span + 1
        if dynamic:
            if room == 1 and stride == 1:
                return None  # it fits in one way only
            where = self.frame.confine(self.frame.operand(start), self.size, room)
            return Selector(Window(self.name, where, size, stride), in_place=True)
        first = int(start) + self.size if start < 0 else int(start)
        if not 0 <= first < room:
            raise self.outside(raw)
        return self.strided(range(first, first + span, stride))

    def list(self, raw: Sequence[Any]) -> Selector:
        if any(isinstance(entry, Tracer) for entry in raw):
            values = jnp.stack([jnp.asarray(entry) for entry in raw])
        else:
            try:
                values = np.asarray(raw if len(raw) else np.zeros(0, INDEX_DTYPE))  # type: ignore[assignment]
            except ValueError as e:
                way_out = "name the axes of an index of several: hax.named(index, axes)"
                raise self.error(TypeError, raw, "its parts differ in length", way_out) from e
        return self.unnamed(values, in_place=True)

    def unnamed(self, values: Any, in_place: bool = False) -> Selector:
        if values.ndim > 1:
            way_out = "name its axes: hax.named(index, axes)"
            raise self.error(TypeError, values, f"an unnamed index array has one axis, not {values.ndim}", way_out)
        return self.array(values, tuple((self.name, n) for n in values.shape), in_place)

    def array(self, values: Any, axes: tuple[tuple[str, int], ...], in_place: bool) -> Selector:
        if values.dtype == np.bool_:
            values, axes, in_place = self.mask(values, axes), ((axes[0][0] if axes else self.name, -1),), True
            axes = ((axes[0][0], len(values)),)
        if not jnp.issubdtype(values.dtype, jnp.integer):
            raise self.error(TypeError, values, f"an index is an integer, not {values.dtype}", "take it .astype(int)")
        if self.size == 0 and values.size > 0 and not self.frame.guard:
            raise self.outside(values)
        dims = tuple(Strided(name, range(n)) for name, n in axes)
        if isinstance(values, np.ndarray) and not self.frame.guard:
            bad = (values < -self.size) | (values >= self.size)
            if bad.any():
                raise self.outside(values[bad].flat[0].item())
            if not axes:
                return self.at(int(values))
            # int64 first: a uint8 could not hold a negative, nor a sum with the axis' size
            wrapped = np.where(values < 0, values.astype(np.int64) + self.size, values).astype(INDEX_DTYPE)
            return Selector(Gather(Pick(self.frame.operand(wrapped), dims)), in_place)
        if isinstance(values, np.ndarray):
            # 64 bits may be cut down to 32, which would bring a position far outside back in
            values = np.where((values < -self.size) | (values >= self.size), self.size, values).astype(INDEX_DTYPE)
        operand = self.frame.operand(values)
        where = self.frame.confine(Pick(operand, dims) if dims else operand, self.size, max(self.size, 1))
        return Selector(Gather(where) if dims else Point(where), in_place)

    def mask(self, values: Any, axes: tuple[tuple[str, int], ...]) -> np.ndarray[Any, Any]:
        if isinstance(values, Tracer):
            way_out = "its count would be a traced size; read all and use hax.where, or index with mode='drop'"
            raise self.error(TypeError, values, "a mask must be concrete", way_out)
        if len(axes) == 0:
            raise self.error(
                TypeError, values, "a bool is no index", "give an int, or a mask with an entry per position"
            )
        if len(axes) != 1 or axes[0][1] != self.size:
            shape = ", ".join(f"{name}={n}" for name, n in axes)
            fact = f"a mask over ({shape}) does not fit its size {self.size}"
            raise self.error(IndexError, values, fact, f"give one entry for each of its {self.size} positions")
        return np.flatnonzero(np.asarray(values)).astype(INDEX_DTYPE)


def _is_integer(value: Any) -> bool:
    if isinstance(value, int | np.integer):
        return True
    return isinstance(value, np.ndarray | jax.Array) and jnp.issubdtype(value.dtype, jnp.integer)


def show(raw: Any) -> str:
    match raw:
        case Tracer():
            return f"a traced {raw.dtype}{list(raw.shape)}"
        case NamedArray():
            return f"NamedArray({raw.dtype}{dict(raw.shape)})"
        case dslice():
            return f"hax.ds({show(raw.start)}, {show(raw.size)})"
        case PallasSlice():
            return f"pl.ds({show(raw.start)}, {show(raw.size)}, {raw.stride})"
        case slice():
            parts = (raw.start, raw.stop) if raw.step is None else (raw.start, raw.stop, raw.step)
            return ":".join("" if part is None else show(part) for part in parts)
    text = repr(raw)
    return text if len(text) <= 80 else text[:77] + "..."
