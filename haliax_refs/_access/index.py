"""A layout -> the index tuple that `jax.Ref` takes, and the flips and the transposition around it.

What jax.Ref does by itself is left to it: it confines an int, or the start of a window, to its axis, so such a `Fit`
costs nothing where the view below it is a whole axis.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeGuard

import jax.numpy as jnp
import numpy as np
from haliax import Axis
from jax import lax
from jax.experimental import pallas as pl

from .._indexing.compose import affine, axes_of, positions_of
from .._indexing.layout import Layout
from .._indexing.plan import Guards
from .._indexing.selectors import INDEX_DTYPE, MAX_INDEX
from .._indexing.views import Expr, Fit, Gather, Point, Scalar, Strided, View, Window
from .evaluate import Evaluator, fit, is_array, widen


class Target(NamedTuple):
    """What is accessed, but for the values, and how it must be: made by the caller, and the key of what is made for it.

    Attributes:
        layout: the part of the buffer.
        guards: for each index of a guarded selection its expression and the size of its axis. Where one is out of
            bounds, a write goes to a position that no axis has, which jax.Ref drops; a read is masked by the caller.
        value_axes: of a write the names of the value's axes, in its order.
        write: whether it is written.
        clip: confine every index array, also on a whole axis, where jax.Ref would drop what it writes out of bounds.
        index_arrays: where there are any, make one of each window too, so that the index suits a `jax.Array`.
        divided: the dimensions along which positions and windows become index arrays, see `sharding`.
        partitioned: XLA may divide the buffer, along whichever dimension: confine each position, and each window. There
            it does not clamp where the slice begins of which each device has a part, or an update of size 1.
        kernel: in a kernel of Pallas, which takes no constant arrays, and broadcasts index arrays by itself.
        typed_ints: write static ints as NumPy's: jax refuses a Python int beside what vmap maps.
        manual: within `shard_map`, whose rules for refs take no constant arrays: jax makes one of a slice with a stride
            beside an int.
        vmapped: use only what vmap has a rule for: make an index array of each window.
    """

    layout: Layout
    guards: Guards = ()
    value_axes: tuple[str, ...] | None = None
    write: bool = False
    clip: bool = False
    index_arrays: bool = False
    divided: frozenset[int] = frozenset()
    partitioned: bool = False
    kernel: bool = False
    typed_ints: bool = False
    manual: bool = False
    vmapped: bool = False


@dataclass(slots=True, eq=False)  # made for each access, as `Evaluator`; never changed
class Access:
    """How to read or write a part of a buffer.

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


def access(target: Target, scalars: Sequence[Any] | None, operands: Sequence[Any]) -> Access:
    """How to read or write the target, given the values that its layout numbers."""
    form = _form(target)
    # Nothing depends on a value here, as with static views under a trace.
    if form.fixed is not None:
        return form.fixed
    base, guards = target.layout.base, target.guards
    values = Evaluator(scalars, [_spelled(operand) for operand in operands] if target.kernel else operands, form.paired)
    index = list(form.entries)
    for i, view, first in form.open:
        size = base[i].size
        index[i] = _slice(values, view, first, size) if isinstance(view, Window) else _integers(values, first, size)
    mask = _mask(values, guards) if guards else None
    # One position out of bounds is enough for jax.Ref to drop an entry: the first advanced dimension has it.
    if target.write and mask is not None:
        first = form.advanced[0]
        index[first] = jnp.where(mask, index[first], np.int32(base[first].size))
    # Positions without axes get one of size 1, so that jax makes an index array of them; `perform` takes it off again.
    if form.lone is not None:
        index[form.advanced[0]] = jnp.reshape(index[form.advanced[0]], 1)
    if form.paired and not target.kernel:
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
def _form(target: Target) -> _Form:
    """The form of an access to `target`.

    Long: one pass over the views, of which every later fact needs the lists that it fills.
    """
    layout, masked = target.layout, bool(target.write and target.guards)
    paired = _paired(target)
    _check_reach(target, paired)
    # An axis that is paired is read by an index array, even if its own view is a slice.
    advanced = [i for i, view in enumerate(layout.views) if isinstance(view, Point | Gather) or view.axis in paired]
    slices = [view for view in layout.views if isinstance(view, Strided | Window) and view.axis not in paired]
    kept = [view.axis for view in slices]
    unit = _is_unit(layout)
    entries = _entries(target, advanced, unit)
    # A mask, or a position on a divided dimension, needs an index array; there is one already if axes are paired.
    lone = not paired and (masked or any(_is_moving(layout.views[dim]) for dim in target.divided))
    block = paired or (("",) if lone else ())
    # Adjacent advanced indices are replaced in place by the axes of the index arrays; others come in front.
    at = advanced[0] if advanced and advanced[-1] - advanced[0] == len(advanced) - 1 else 0
    # The name "" stands for the lone axis, and is taken out again below.
    blocked = (*kept[:at], *block, *kept[at:])
    axes = tuple(name for name in blocked if name)
    # `axes` is the order of what jax reads; the layout's is the one that the user sees.
    order = tuple(axes.index(axis.name) for axis in layout.axes)
    beside = bool(paired or lone) or not unit
    form = _Form(
        entries=tuple(entries),
        open=tuple(
            (i, *_open(layout.views[i], layout.base[i].size, i in advanced, target, beside))
            for i, entry in enumerate(entries)
            if entry is None
        ),
        advanced=tuple(advanced),
        paired=paired,
        axes=axes,
        order=None if order == tuple(range(len(order))) else order,
        # jax.Ref takes no negative steps: it is read forwards, and flipped afterwards.
        flips=tuple(blocked.index(view.axis) for view in slices if _stride(view) < 0),
        lone=at if lone else None,
        fixed=None,
    )
    # What needs values cannot be settled once for all.
    if form.open or masked or target.vmapped or layout.operands:
        return form
    return replace(form, fixed=Access(form.entries, form.axes, form.order, form.flips, None, None, ()))


def _check_reach(target: Target, paired: tuple[str, ...]) -> None:
    """Refuse what jax would cut down to an int32, and read or write elsewhere: positions on axes of 2**31 and more."""
    views = target.layout.views
    alone = not paired and not any(isinstance(view, Point | Gather) for view in views)
    unit = _is_unit(target.layout)
    for axis, view in zip(target.layout.base, views, strict=True):
        # All positions of such an axis fit an int32.
        if axis.size <= MAX_INDEX + 1:
            continue
        match view:
            case Strided(name, positions):
                # jax reads static slices by 64 bits, if there is nothing else in the index
                low = unit and (not positions or max(positions[0], positions[-1]) <= MAX_INDEX)
                fits = not _is_part(view, axis.size) or low or (alone and not target.write)
                fits = fits and name not in paired
            case Point(int(position)):
                fits = unit and not paired and position <= MAX_INDEX
            case Window(_, start, _, _) | Point(start):
                fits = unit and not paired and isinstance(start, Scalar)  # which fits, or is refused as it is passed
            case _:
                fits = False
        if not fits:
            raise too_far(axis)


def too_far(axis: Axis) -> OverflowError:
    """The error for a position that jax would not take as it is."""
    fact = f"axis {axis.name!r} has size {axis.size}, and jax takes positions as int32"
    return OverflowError(f"{fact}; use ints and slices below {MAX_INDEX + 1} without a step, or split the axis in two")


def _paired(target: Target) -> tuple[str, ...]:
    """The axes that index arrays are aligned with."""
    layout = target.layout
    gathered = gathered_axes(layout)
    if target.divided:
        parts = ((layout.views[dim], layout.base[dim].size) for dim in target.divided)
        gathered |= {
            view.axis for view, size in parts if isinstance(view, Window) or (target.write and _is_part(view, size))
        }
    # vmap has no rule for a slice whose start is mapped, but has one for index arrays.
    if target.vmapped or (target.index_arrays and gathered):
        gathered |= {view.axis for view in layout.views if isinstance(view, Window)}
    if target.manual and any(isinstance(view, Point) for view in layout.views):
        gathered |= {
            view.axis for view in layout.views if isinstance(view, Strided | Window) and abs(_stride(view)) > 1
        }
    return tuple(axis.name for axis in layout.axes if axis.name in gathered)


def _is_unit(layout: Layout) -> bool:
    """Whether no slice or window of it has a stride."""
    return all(abs(_stride(view)) == 1 for view in layout.views if isinstance(view, Strided | Window))


def _entries(target: Target, advanced: Sequence[int], unit: bool) -> list[Any]:
    """The entries of the index, without whole slices at the end; None where a value is needed.

    Args:
        advanced: which are ints or index arrays.
        unit: no slice has a stride.
    """
    entries = [_entry(view, i in advanced) for i, view in enumerate(target.layout.views)]
    if unit and (not target.typed_ints or None not in entries):
        # A Python int is the quickest to trace, but jax refuses it beside a strided slice, and beside what vmap maps.
        entries = [int(entry) if isinstance(entry, np.int32) else entry for entry in entries]
    return _without_trailing(entries, target.layout)


def _entry(view: View, advanced: bool) -> Any:
    """An entry of the index; None where a value is needed."""
    if isinstance(view, Point) and isinstance(view.position, int):
        return np.int32(view.position)
    if isinstance(view, Strided) and not advanced:
        # Reversed, it covers the same positions forwards: `flips` puts the order right.
        positions = view.positions[::-1] if view.positions.step < 0 else view.positions
        return slice(positions.start, positions.stop, positions.step)
    return None


def _without_trailing(entries: list[Any], layout: Layout) -> list[Any]:
    """The entries without whole slices at the end, over which jax.Ref takes time."""
    trailing = len(entries)
    while trailing and entries[trailing - 1] == slice(0, layout.base[trailing - 1].size, 1):
        trailing -= 1
    return entries[:trailing] or entries  # `vjp` has no rule for a read without any


def _stride(view: Strided | Window) -> int:
    return view.positions.step if isinstance(view, Strided) else view.stride


def _is_part(view: View, size: int) -> TypeGuard[Strided]:
    return isinstance(view, Strided) and view.positions not in (range(size), range(size)[::-1])


def _is_moving(view: View) -> bool:
    return isinstance(view, Point) and not isinstance(view.position, int)


@functools.lru_cache(maxsize=4096)
def gathered_axes(layout: Layout) -> frozenset[str]:
    """The axes along which positions are read from index arrays: an index array has them, or two views are paired."""
    count = Counter(name for view in layout.views for name in {axis for axis, _ in axes_of(view)})
    by_array = {name for view in layout.views if isinstance(view, Gather) for name, _ in axes_of(view)}
    return frozenset(by_array | {name for name, n in count.items() if n > 1})


def _open(view: View, size: int, advanced: bool, target: Target, beside: bool) -> tuple[Window | None, Expr]:
    """What is to be evaluated for an axis of `size`: the first entry of a window, or the positions of any other view.

    jax.Ref fits an int and a window to the axis by itself. But `beside` index arrays, or slices with a stride, it makes
    an index array of each, fits those entry by entry, which tears a window apart, and drops what it would write out of
    bounds. And where XLA divides the buffer, see `Target.partitioned`, also a read is fitted here: its gradient is an
    update at the same position.
    """
    if advanced or not isinstance(view, Window):
        positions = positions_of(view)
        fits = not (target.clip if isinstance(view, Gather) else target.partitioned or (target.write and beside))
        if fits and isinstance(positions, Fit) and positions.size == positions.room == size:
            positions = positions.of
        return None, positions
    # Of a window that runs backwards, the lowest position is the last one.
    first = affine(view.start, (view.size - 1) * view.stride, 1) if view.stride < 0 else view.start
    fits = abs(view.stride) == 1 and not beside and not target.partitioned
    if fits and isinstance(first, Fit) and (first.size, first.room) == (size, size - view.size + 1):
        first = first.of
    return view, first


def _integers(values: Evaluator, positions: Expr, size: int) -> Any:
    """Positions on an axis, as jax.Ref takes them: it fits a traced one into the axis, but not a known one."""
    value = values.evaluate(positions)
    if is_array(value):
        return widen(value)
    if np.ndim(value) == 0:
        return np.int32(fit(np.int64(value), size, size))
    return jnp.asarray(value)


def _broadcast(value: Any, shape: tuple[int, ...]) -> Any:
    rank = np.ndim(value)
    if np.shape(value) == shape:
        return value
    value = value if is_array(value) else np.asarray(value, INDEX_DTYPE)
    return lax.broadcast_in_dim(value, shape, tuple(range(len(shape) - rank, len(shape))))


def _slice(values: Evaluator, view: Window, first: Expr, size: int) -> Any:
    """The slice that a window is of an axis of `size`, always forwards."""
    stride = abs(view.stride)
    start = values.evaluate(first)
    if is_array(start):
        return pl.ds(widen(start), view.size, stride)
    # Known after all: a static slice must fit as it stands.
    start = int(fit(np.int64(start), size, size - (view.size - 1) * stride))
    return slice(start, start + (view.size - 1) * stride + 1, stride)


def _mask(values: Evaluator, guards: Guards) -> Any:
    """Which positions are in bounds, aligned with the evaluator's axes."""
    mask = None
    for expr, size in guards:
        value = values.evaluate(expr)
        inside = jnp.logical_and(value >= -size, value < size)
        mask = inside if mask is None else jnp.logical_and(mask, inside)
    return mask


def _spelled(operand: Any) -> Any:
    """An index array that is known, put together from its entries: a kernel takes numbers, but no constant arrays."""
    if not isinstance(operand, np.ndarray) or operand.ndim == 0 or operand.size == 0:
        return operand
    parts = [lax.broadcast(entry, (1,)) for entry in operand.astype(INDEX_DTYPE).ravel()]
    return lax.reshape(lax.concatenate(parts, 0), operand.shape)
