"""Where Haliax takes an axis off the leaves of a tree: a ref is a leaf, of which that is a view."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import haliax
from haliax import Axis
from haliax.nn.scan import BlockSeq, Stacked

from .._compat import SLICE_OUT, slice_out
from .._refs import NamedRef, as_named_ref, is_named_ref
from .walk import Slot, put_back, taken_out


def _part(ref: NamedRef, axis: Axis, position: int) -> NamedRef:
    """What `ref` shows at a position of an axis; the whole where it has no such axis."""
    return ref.slice({axis.name: position}) if haliax.selects_axis(ref.axes, axis) else ref


def _slice_out(original: Callable[[Axis, int, Any], Any]) -> Callable[[Axis, int, Any], Any]:
    """How `BlockSeq` takes one block's part of an argument."""

    @functools.wraps(original)
    def part(block: Axis, position: int, leaf: Any) -> Any:
        if is_named_ref(leaf):
            return _part(as_named_ref(leaf), block, position)
        return original(block, position, leaf)

    return part


def _get_layer(original: Callable[[Stacked, int], Any]) -> Callable[[Stacked, int], Any]:
    """`Stacked.get_layer`, which gives a view of each ref."""

    @functools.wraps(original)
    def get_layer(self: Stacked, index: int) -> Any:
        refs: list[NamedRef] = []
        without = dataclasses.replace(self, stacked=taken_out(self.stacked, refs))
        return put_back(original(without, index), lambda slot: _part(refs[slot.number], self.Block, index))

    return get_layer


def _unstacked(original: Callable[[Stacked], Sequence[Any]]) -> Callable[[Stacked], Sequence[Any]]:
    """`Stacked.unstacked`, which gives views of each ref."""

    @functools.wraps(original)
    def unstacked(self: Stacked) -> Sequence[Any]:
        refs: list[NamedRef] = []
        layers = original(dataclasses.replace(self, stacked=taken_out(self.stacked, refs)))
        if not refs:
            return layers

        def part_at(position: int) -> Callable[[Slot], NamedRef]:
            return lambda slot: _part(refs[slot.number], self.Block, position)

        if not layers:  # it zips the leaves, of which there are none but refs
            layers = [taken_out(self.stacked, []) for _ in range(self.Block.size)]
        return tuple(put_back(layer, part_at(position)) for position, layer in enumerate(layers))

    return unstacked


# Made once, so that what is put into haliax is always the same object.
IN_HALIAX: tuple[tuple[Any, str, Any], ...] = (
    *(() if slice_out is None else ((BlockSeq, SLICE_OUT, staticmethod(_slice_out(slice_out))),)),
    # Early haliax 1.4 has no such method.
    *(((Stacked, "get_layer", _get_layer(Stacked.get_layer)),) if hasattr(Stacked, "get_layer") else ()),
    (Stacked, "unstacked", _unstacked(Stacked.unstacked)),
)
