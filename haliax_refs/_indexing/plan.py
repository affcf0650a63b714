"""What an index selects from a layout, checked before anything is read or written, and remembered.

Most indices are ints, slices and 0-d integers. For these the layout that results depends on very little, which makes a
key; the values beside it go to the program as they are. All else is parsed, and so is whatever has no key yet.
`tests/refs/test_positions.py` holds the two to the same answers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from haliax import NamedArray

from .._types import Index
from .layout import Layout, remember
from .selectors import Collector, parse
from .views import Expr, Strided


_POINT = object()  # stands for any static int in a key of a lifted layout
_DYNAMIC = object()  # stands for any 0-d integer array in a key
_BOUND = frozenset({int, type(None)})

_INTEGERS = frozenset(np.dtype(code) for code in "bhilqBHILQ")

Guards = tuple[tuple[Expr, int], ...]


class Plan(NamedTuple):
    """What an index selects, checked; nothing has been read or written yet.

    Attributes:
        layout: the part that is selected; lifted if `eager`.
        scalars, operands: the values that it numbers.
        guards: for `mode="drop"` and `mode="fill"`: the positions that may be out of bounds, and of which size.
        eager: run a compiled program, and not inline.
    """

    layout: Layout
    scalars: tuple[int, ...]
    operands: tuple[Any, ...]
    guards: Guards
    eager: bool


def plan(layout: Layout, operands: tuple[Any, ...], idx: Index, *, guard: bool, eager: bool) -> Plan:
    """What `idx` selects from `layout`.

    Args:
        guard: indices that are not static may be out of bounds.
        eager: nothing is being traced: make one layout of all that differ in static positions only.
    """
    # Under a trace it is the caller's program that is compiled: static positions stay in the layout.
    whole, scalars = layout.lifted() if eager else (layout, ())
    collector = Collector(len(scalars), len(operands), lift=eager, guard=guard)
    part = _select(whole, idx, collector, layout)
    if collector.new_scalars:
        scalars = (*scalars, *collector.new_scalars)
    if collector.new_operands:
        operands = (*operands, *collector.new_operands)
    return Plan(part, scalars, operands, tuple(collector.guards), eager)


def plan_view(layout: Layout, operands: tuple[Any, ...], idx: Index) -> tuple[Layout, tuple[Any, ...]]:
    """The layout and the operands of the view that `idx` selects from `layout`."""
    collector = Collector(operands=len(operands))
    part = _select(layout, idx, collector, layout)
    return part, (*operands, *collector.new_operands) if collector.new_operands else operands


def _select(layout: Layout, idx: Index, collector: Collector, described: Layout) -> Layout:
    """What `idx` selects from `layout`, which errors describe as `described`; `collector` takes the values."""
    # Guards are values that a memo of layouts does not hold.
    key = None if collector.guard else key_of(layout, idx, collector)
    if key is not None:
        found = layout.memo.get(key)
        if found is not None:
            return found
        # `key_of` has filled the collector; `parse` is about to do so again.
        collector.new_scalars.clear()
        collector.new_operands.clear()
    # Not `layout`: a lifted one shows numbered scalars where a user wants to read positions. Sizes are the same.
    selections = parse(idx, described, collector)
    operands = collector.operands + len(collector.new_operands)
    part = layout.select(selections, operands, collector.scalars + len(collector.new_scalars))
    if key is not None:
        remember(layout.memo, key, part)
    return part


def key_of(layout: Layout, idx: Index, collector: Collector) -> tuple[Any, ...] | None:
    """All that the outcome depends on, where that is simple; `collector` takes the values in the order of `parse`.

    None where it is not simple. What is out of bounds is for `parse` to refuse.
    """
    # By exact type: a Mapping of the user's, or a NamedTuple, is left to `parse`.
    if type(idx) is dict:
        names, selectors = tuple(idx), tuple(idx.values())
    elif type(idx) is tuple and len(idx) % 2 == 0:
        names, selectors = idx[::2], idx[1::2]
    else:
        return None
    # Names in their order: it decides in which order scalars and operands are numbered.
    parts: list[Any] = [collector.lift, names]
    for name, raw in zip(names, selectors, strict=True):
        size = layout.shape.get(name) if type(name) is str else None
        if not size:  # unknown, empty, or given as an Axis, which is to be compared with ours
            return None
        part = _part(raw, size, collector)
        if part is None:
            return None
        parts.append(part)
    return tuple(parts)


def _part_of_slice(raw: slice, size: int, collector: Collector) -> Any:
    if type(raw.start) not in _BOUND or type(raw.stop) not in _BOUND or type(raw.step) not in _BOUND or raw.step == 0:
        return None
    positions = range(size)[raw]
    if len(positions) == 1:
        positions = Strided("", positions).positions  # its step means nothing, and may be of any size
    # As in `parse`: what has no free start is part of the structure. A range hashes by its positions.
    if not collector.lift or len(positions) in (0, size):
        return positions
    collector.new_scalars.append(positions.start)
    return (len(positions), positions.step)


def _part(raw: Any, size: int, collector: Collector) -> Any:
    kind = type(raw)
    if kind is int:
        if not collector.lift:
            return raw
        # For `parse` to refuse. (Unlifted, the int itself is in the key, and only a checked one is remembered.)
        if not -size <= raw < size:
            return None
        collector.new_scalars.append(raw + size if raw < 0 else raw)
        return _POINT
    if kind is slice:
        return _part_of_slice(raw, size, collector)
    if kind is NamedArray:
        if raw.axes:
            return None
        raw = raw.array
    if isinstance(raw, jax.Array) and raw.ndim == 0 and raw.dtype in _INTEGERS:
        collector.new_operands.append(raw)
        return _DYNAMIC
    return None
