"""What an index shows of what a layout shows, checked before anything is read or written, and remembered.

Most indices are ints, slices and 0-d integers. For these the layout that results depends on very little, which makes a
key; the values beside it go to the program as they are. All else is parsed, and so is whatever has no key yet.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from haliax import NamedArray

from .._lifetime import is_eager
from .layout import Layout, remember
from .selectors import Frame, Showing, parse
from .views import Expr


_POINT = object()  # stands for any static int in a key of a lifted layout
_DYNAMIC = object()  # stands for any 0-d integer array in a key
_BOUND = frozenset({int, type(None)})

_INTEGERS = frozenset(np.dtype(code) for code in "bhilqBHILQ")


class Plan(NamedTuple):
    """What an index shows of a ref, checked; nothing has been read or written yet.

    Attributes:
        layout: what is shown; lifted if `eager`.
        scalars, operands: the values that it numbers.
        guards: see `Operation`.
        eager: run a compiled program, and not inline.
    """

    layout: Layout
    scalars: tuple[int, ...]
    operands: tuple[Any, ...]
    guards: tuple[tuple[Expr, int], ...]
    eager: bool


def plan(layout: Layout, operands: tuple[Any, ...], idx: Any, *, guard: bool, traced: bool) -> Plan:
    """What `idx` shows of what `layout` shows.

    Args:
        guard: indices that are not static may be out of bounds, see `Operation`.
        traced: the ref itself is being traced.
    """
    eager = not traced and is_eager()
    whole, scalars = layout.lifted() if eager else (layout, ())
    frame = Frame(len(scalars), len(operands), lift=eager, guard=guard)
    shown = _select(whole, idx, frame, layout.describe)
    if frame.new_scalars:
        scalars = (*scalars, *frame.new_scalars)
    if frame.new_operands:
        operands = (*operands, *frame.new_operands)
    return Plan(shown, scalars, operands, tuple(frame.guards), eager)


def plan_view(layout: Layout, operands: tuple[Any, ...], idx: Any) -> tuple[Layout, tuple[Any, ...]]:
    """The layout and the operands of the view that `idx` shows of what `layout` shows."""
    frame = Frame(operands=len(operands))
    shown = _select(layout, idx, frame, layout.describe)
    return shown, (*operands, *frame.new_operands) if frame.new_operands else operands


def _select(layout: Layout, idx: Any, frame: Frame, showing: Showing) -> Layout:
    """What `idx` shows of `layout`; `frame` takes the values, and `showing` describes the axes in errors."""
    key = None if frame.guard else _key(layout, idx, frame)
    if key is not None:
        found = layout.remembered.get(key)
        if found is not None:
            return found
        frame.new_scalars.clear()
        frame.new_operands.clear()
    selections = parse(idx, layout.axes, frame, showing)
    operands, scalars = frame.operands + len(frame.new_operands), frame.scalars + len(frame.new_scalars)
    shown = layout.select(selections, operands, scalars)
    if key is not None:
        remember(layout.remembered, key, shown)
    return shown


def _key(layout: Layout, idx: Any, frame: Frame) -> tuple[Any, ...] | None:
    """All that the outcome depends on, where that is simple; `frame` takes the values in the order `parse` finds them.

    None where it is not simple. What is out of bounds is for `parse` to refuse.
    """
    if type(idx) is dict:
        names, selectors = tuple(idx), tuple(idx.values())
    elif type(idx) is tuple and len(idx) % 2 == 0:
        names, selectors = idx[::2], idx[1::2]
    else:
        return None
    parts: list[Any] = [frame.lift, names]
    for name, raw in zip(names, selectors, strict=True):
        size = layout.shape.get(name) if type(name) is str else None
        if not size:  # unknown, empty, or given as an Axis, which is to be compared with ours
            return None
        part = _part(raw, size, frame)
        if part is None:
            return None
        parts.append(part)
    return tuple(parts)


def _part(raw: Any, size: int, frame: Frame) -> Any:
    kind = type(raw)
    if kind is int:
        if not frame.lift:
            return raw
        if not -size <= raw < size:
            return None
        frame.new_scalars.append(raw + size if raw < 0 else raw)
        return _POINT
    if kind is slice:
        if type(raw.start) not in _BOUND or type(raw.stop) not in _BOUND or type(raw.step) not in _BOUND:
            return None
        if raw.step == 0:
            return None
        positions = range(size)[raw]
        if not frame.lift or len(positions) in (0, size):
            return positions
        frame.new_scalars.append(positions.start)
        return (len(positions), positions.step)
    if kind is NamedArray:
        if raw.axes:
            return None
        raw = raw.array
    if isinstance(raw, jax.Array) and raw.ndim == 0 and raw.dtype in _INTEGERS:
        frame.new_operands.append(raw)
        return _DYNAMIC
    return None
