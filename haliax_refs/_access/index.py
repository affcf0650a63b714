"""A layout -> the index tuple that `jax.Ref` takes, and the flips and the transposition around it.

Here expressions meet their operands. What jax.Ref does by itself is left to it: it confines an int, or the start of a
window, to its axis, so such a `Fit` costs nothing where the view below it is a whole axis.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import pallas as pl

from .._compat import Tracer
from .._indexing.layout import Layout
from .._indexing.selectors import FAR, INDEX_DTYPE
from .._indexing.views import (
    Affine,
    Expr,
    Fit,
    Gather,
    Iota,
    Operand,
    Pick,
    Point,
    Scalar,
    Strided,
    View,
    Window,
    affine,
    axes_of,
    positions_of,
)
from .._lifetime import is_mapping


ARRAYS = (Tracer, jax.Array)  # of a tracer it is quicker to tell


@dataclass(frozen=True, slots=True)
class Access:
    """How to read or write what a layout shows.

    Attributes:
        index: what goes between the brackets of the `jax.Ref`.
        axes: the names of the axes of `ref[index]`, in its order.
        order: the dimensions of `ref[index]` in the order of the layout's axes; None where they are in that order.
        flips: the dimensions of `ref[index]` that run backwards.
        lone: the position of an extra axis of size 1 in `ref[index]`, if there is one.
        mask: which entries of a guarded access are in bounds, aligned with `mask_axes`; None if all are.
    """

    index: tuple[Any, ...]
    axes: tuple[str, ...]
    order: tuple[int, ...] | None
    flips: tuple[int, ...]
    lone: int | None
    mask: Any
    mask_axes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The values of scalars and operands, and the axes that index arrays are aligned with, a dimension each."""

    scalars: Any
    operands: Sequence[Any]
    axes: tuple[str, ...]

    def evaluate(self, expr: Expr) -> Any:
        """The value of an expression: a 0-d integer, or an array with a dimension (of size 1 or more) for each axis."""
        match expr:
            case int():
                return expr
            case Scalar(slot):
                return self.scalars[slot]
            case Operand(slot):
                return self.operands[slot]
            case Iota(axis, size):
                return self._align(_arange(size), (axis,))
            case Pick(source, dims):
                return self._pick(self.operands[source.slot], dims)
            case Fit(of, size, room):
                return _fit(self.evaluate(of), size, room)
            case Affine(of, start, step):
                return self._affine(_widen(self.evaluate(of)), _signed(self.evaluate(start)), step)
        assert_never(expr)

    def _affine(self, of: Any, start: Any, step: int) -> Any:
        if step < 0 or (not isinstance(of, int) and of.dtype.itemsize == 8):
            of = _signed(of)
        scaled = of if step == 1 else of * step
        return scaled if isinstance(start, int) and start == 0 else scaled + start

    def _align(self, array: Any, names: tuple[str, ...]) -> Any:
        """`array`, whose dimensions are `names`, with a dimension for each of `self.axes`."""
        order = sorted(range(len(names)), key=lambda i: self.axes.index(names[i]))
        if order != list(range(len(names))):
            array = array.transpose(order)
        if len(names) == len(self.axes):
            return array
        missing = tuple(i for i, name in enumerate(self.axes) if name not in names)
        return np.expand_dims(array, missing) if isinstance(array, np.ndarray) else lax.expand_dims(array, missing)

    def _pick(self, array: Any, dims: tuple[View, ...]) -> Any:
        names = tuple(dim.axis for dim in dims if isinstance(dim, Strided))
        shape = tuple(dim.positions for dim in dims if isinstance(dim, Strided))
        if len(set(names)) == len(dims) and shape == tuple(range(n) for n in array.shape):
            return self._align(array, names)
        index = tuple(self.evaluate(positions_of(dim)) for dim in dims)
        if isinstance(array, np.ndarray) and any(isinstance(i, jax.Array) for i in index):
            array = jnp.asarray(array)
        return array[index]


def access(
    layout: Layout,
    scalars: Any,
    operands: Sequence[Any],
    guards: Sequence[tuple[Expr, int]] = (),
    *,
    write: bool,
    arrays: bool = False,
    mapped: bool = False,
    divided: frozenset[int] = frozenset(),
    kernel: bool = False,
) -> Access:
    """How to read (or `write`) what `layout` shows, given the values that it numbers.

    Args:
        guards: for each index of a guarded selection its expression and the size of its axis. Where one is out of
            bounds, a write goes to a position that no axis has, which jax.Ref drops; a read is masked by the caller.
        arrays: where there are index arrays, make one of each window too, so that `index` suits a `jax.Array`.
        mapped: use only what vmap has a rule for: make an index array of each window.
        divided: the dimensions along which positions and windows become index arrays, see `_sharding`.
        kernel: in a kernel of Pallas, which takes no constant arrays, and broadcasts index arrays by itself.
    """
    form = _form(layout, arrays, mapped, write and bool(guards), write, divided, is_mapping())
    if form.fixed is not None:
        return form.fixed
    frame = Frame(scalars, [_spelled(operand) for operand in operands] if kernel else operands, form.paired)
    index = list(form.entries)
    for i, view, first in form.open:
        size = layout.base[i].size
        index[i] = _slice(frame, view, first, size) if isinstance(view, Window) else _integers(frame, first, size)
    mask = _mask(frame, guards) if guards else None
    if write and mask is not None:
        first = form.advanced[0]
        index[first] = jnp.where(mask, index[first], np.int32(layout.base[first].size))
    if form.lone is not None:
        index[form.advanced[0]] = jnp.reshape(index[form.advanced[0]], 1)
    if form.paired and not kernel:
        # jax would do so by a primitive of its own, which is made for kernels, and for which vmap has no rule.
        shape = np.broadcast_shapes(*(np.shape(index[i]) for i in form.advanced))
        for i in form.advanced:
            index[i] = _broadcast(index[i], shape)
    mask_axes = form.paired if mask is not None and mask.ndim else ()
    return Access(tuple(index), form.axes, form.order, form.flips, form.lone, mask, mask_axes)


@dataclass(frozen=True, slots=True)
class _Form:
    """What an access is, whatever the values: worked out once for a layout.

    Attributes:
        entries: of the index; None where a value is needed.
        open: these, with the window, or None for ints and index arrays, and the expression of its start or of them.
        advanced: the entries that are ints or index arrays.
        paired: the axes that index arrays are aligned with.
        fixed: the access itself, where it needs no values.
        axes, order, flips, lone: see `Access`.
    """

    entries: tuple[Any, ...]
    open: tuple[tuple[int, Window | None, Expr], ...]
    advanced: tuple[int, ...]
    paired: tuple[str, ...]
    axes: tuple[str, ...]
    order: tuple[int, ...] | None
    flips: tuple[int, ...]
    lone: int | None
    fixed: Access | None


@functools.lru_cache(maxsize=4096)
def _form(
    layout: Layout, arrays: bool, mapped: bool, masked: bool, write: bool, divided: frozenset[int], mapping: bool
) -> _Form:
    gathered = gathered_axes(layout)
    if divided:
        parts = ((layout.views[dim], layout.base[dim].size) for dim in divided)
        gathered |= {view.axis for view, size in parts if isinstance(view, Window) or (write and _is_part(view, size))}
    if mapped or (arrays and gathered):
        gathered |= {view.axis for view in layout.views if isinstance(view, Window)}
    names = tuple(axis.name for axis in layout.axes)
    paired = tuple(name for name in names if name in gathered)
    entries: list[Any] = []
    kept: list[str] = []
    flips: list[str] = []
    advanced: list[int] = []
    for i, view in enumerate(layout.views):
        entry: Any = None
        if isinstance(view, Point | Gather) or view.axis in gathered:
            advanced.append(i)
            if isinstance(view, Point) and isinstance(view.position, int):
                entry = np.int32(view.position)
        else:
            kept.append(view.axis)
            stride = view.positions.step if isinstance(view, Strided) else view.stride
            if stride < 0:
                flips.append(view.axis)
            if isinstance(view, Strided):
                positions = view.positions[::-1] if stride < 0 else view.positions
                entry = slice(positions.start, positions.stop, positions.step)
        entries.append(entry)
    unit = all(
        abs(view.positions.step if isinstance(view, Strided) else view.stride) == 1
        for view in layout.views
        if isinstance(view, Strided | Window)
    )
    if unit and (not mapping or None not in entries):
        # A Python int is the quickest to trace, but jax refuses it beside a strided slice, and beside what vmap maps.
        entries = [int(entry) if isinstance(entry, np.int32) else entry for entry in entries]
    trailing = len(entries)
    while trailing and entries[trailing - 1] == slice(0, layout.base[trailing - 1].size, 1):
        trailing -= 1
    # jax.Ref takes less time over slices that are left out; but `vjp` has no rule for a read without any.
    entries = entries[:trailing] or entries
    lone = not paired and (masked or any(_is_moving(layout.views[dim]) for dim in divided))
    block = paired or (("",) if lone else ())
    at = advanced[0] if advanced and advanced[-1] - advanced[0] == len(advanced) - 1 else 0
    blocked = (*kept[:at], *block, *kept[at:])
    axes = tuple(name for name in blocked if name)
    order = tuple(axes.index(name) for name in names)
    form = _Form(
        entries=tuple(entries),
        open=tuple(
            (i, *_open(view, axis.size, i in advanced, write=write, beside=bool(paired or lone) or not unit))
            for i, (axis, view) in enumerate(zip(layout.base, layout.views, strict=True))
            if i < len(entries) and entries[i] is None
        ),
        advanced=tuple(advanced),
        paired=paired,
        axes=axes,
        order=None if order == tuple(range(len(order))) else order,
        flips=tuple(blocked.index(name) for name in flips),
        lone=at if lone else None,
        fixed=None,
    )
    if form.open or masked or mapped or layout.operands:
        return form
    return replace(form, fixed=Access(form.entries, form.axes, form.order, form.flips, None, None, ()))


def _is_part(view: View, size: int) -> TypeGuard[Strided]:
    return isinstance(view, Strided) and view.positions not in (range(size), range(size)[::-1])


def _is_moving(view: View) -> bool:
    return isinstance(view, Point) and not isinstance(view.position, int)


@functools.lru_cache(maxsize=4096)
def gathered_axes(layout: Layout) -> frozenset[str]:
    """The axes along which positions are read from index arrays, because an index array says so or views are paired."""
    count = Counter(name for view in layout.views for name in {shown for shown, _ in axes_of(view)})
    by_array = {name for view in layout.views if isinstance(view, Gather) for name, _ in axes_of(view)}
    return frozenset(by_array | {name for name, n in count.items() if n > 1})


def _open(view: View, size: int, advanced: bool, *, write: bool, beside: bool) -> tuple[Window | None, Expr]:
    """What is to be evaluated for an axis of `size`: the first entry of a window, or the positions of any other view.

    jax.Ref fits an int and a window to the axis by itself. But `beside` index arrays, or slices with a stride, it makes
    an index array of each, fits those entry by entry, which tears a window apart, and drops what it would write out of
    bounds.
    """
    if advanced or not isinstance(view, Window):
        positions = positions_of(view)
        fits = isinstance(view, Gather) or not (write and beside)
        if fits and isinstance(positions, Fit) and positions.size == positions.room == size:
            positions = positions.of
        return None, positions
    first = affine(view.start, (view.size - 1) * view.stride, 1) if view.stride < 0 else view.start
    fits = abs(view.stride) == 1 and not beside
    if fits and isinstance(first, Fit) and (first.size, first.room) == (size, size - view.size + 1):
        first = first.of
    return view, first


def _integers(frame: Frame, positions: Expr, size: int) -> Any:
    """Positions on an axis, as jax.Ref takes them: it fits a traced one into the axis, but not a known one."""
    value = frame.evaluate(positions)
    if isinstance(value, ARRAYS):
        return _widen(value)
    if np.ndim(value) == 0:
        return np.int32(_fit(np.int64(value), size, size))
    return jnp.asarray(value)


def _broadcast(value: Any, shape: tuple[int, ...]) -> Any:
    rank = np.ndim(value)
    if np.shape(value) == shape:
        return value
    value = value if isinstance(value, jax.Array) else np.asarray(value, INDEX_DTYPE)
    return lax.broadcast_in_dim(value, shape, tuple(range(len(shape) - rank, len(shape))))


def _slice(frame: Frame, view: Window, first: Expr, size: int) -> Any:
    """The slice that a window shows of an axis of `size`, always forwards."""
    stride = abs(view.stride)
    start = frame.evaluate(first)
    if isinstance(start, jax.Array):
        # jax adds multiples of the stride to the start, which would make a float of a uint64
        start = _signed(start) if start.dtype.itemsize == 8 else _widen(start)
        return pl.ds(start, view.size, stride)
    start = int(_fit(np.int64(start), size, size - (view.size - 1) * stride))
    return slice(start, start + (view.size - 1) * stride + 1, stride)


def _mask(frame: Frame, guards: Sequence[tuple[Expr, int]]) -> Any:
    mask = None
    for expr, size in guards:
        value = _widen(frame.evaluate(expr))
        inside = value < size
        if not jnp.issubdtype(value.dtype, jnp.unsignedinteger):  # -size would wrap round
            inside = jnp.logical_and(value >= -size, inside)
        mask = inside if mask is None else jnp.logical_and(mask, inside)
    return mask


def _spelled(operand: Any) -> Any:
    """An index array that is known, put together from its entries: a kernel takes numbers, but no constant arrays."""
    if not isinstance(operand, np.ndarray) or operand.ndim == 0 or operand.size == 0:
        return operand
    parts = [lax.broadcast(entry, (1,)) for entry in operand.astype(INDEX_DTYPE).ravel()]
    return lax.reshape(lax.concatenate(parts, 0), operand.shape)


def _arange(size: int) -> Any:
    return jnp.arange(size, dtype=INDEX_DTYPE)


def _widen(value: Any) -> Any:
    """`value` in a dtype in which sums with an axis' size do not wrap round."""
    if isinstance(value, int) or value.dtype.itemsize >= 4:
        return value
    return value.astype(INDEX_DTYPE)


def _signed(value: Any) -> Any:
    """`value` in a dtype in which it may be added to what is signed; what is far out of bounds stays so."""
    value = _widen(value)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.unsignedinteger):
        value = lax.min(value, value.dtype.type(FAR)).astype(INDEX_DTYPE)
    return value


def _fit(value: Any, size: int, room: int) -> Any:
    value = _widen(value)
    if isinstance(value, jax.Array):
        return _fit_traced(value, size, room)
    return np.clip(np.where(np.less(value, 0), np.add(value, size), value), 0, room - 1)


@functools.partial(jax.jit, static_argnums=(1, 2), inline=False)
def _fit_traced(value: jax.Array, size: int, room: int) -> jax.Array:
    """One equation where it is traced."""
    if jnp.issubdtype(value.dtype, jnp.signedinteger):
        value = lax.select(value < 0, value + size, value)
    return lax.clamp(value.dtype.type(0), value, value.dtype.type(room - 1))
