"""Refs as arguments of `hax.scan`, and so of `hax.fold`, `hax.map` and `foreach`, which call it.

Haliax carries NamedArrays through a loop by itself, and a ref rides on what it carries: an index. Each step takes its
part of the ref, which the body closes over, so that any view will do and nothing is copied.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import haliax
import jax
import jax.numpy as jnp
from haliax import Axis

from .._compat import is_scanned_by_default
from .._functions import empty_ref
from .._indexing.describe import listed
from .._indexing.views import Operand, Point, Selector
from .._refs import NamedRef, make
from .walk import Slot, is_named_array, put_back, refs_in, refuse_returned, refuse_without_axis, shared_size, taken_out


_INDEX = "__haliax_refs_index__"  # the keyword by which a loop's index reaches its body


@dataclass(frozen=True, slots=True)
class _Loop:
    """A call of `hax.scan` that refs are passed to.

    Args:
        original: Haliax's own `scan`.
        function: the body.
        axis: of the loop, or its name.
        wanted: whether a leaf that has the axis is to be passed without it.
        options: of `hax.scan`.
    """

    original: Callable[..., Any]
    function: Callable[..., Any]
    axis: Axis | str
    wanted: Callable[[Any], bool]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        return self.axis.name if isinstance(self.axis, Axis) else self.axis

    def run(self, init: Any, args: Any, kwargs: Any, refs: list[NamedRef]) -> Any:
        """The loop with `refs`, which were taken out of `args` and `kwargs`."""
        name = self.name
        moving = [name in ref.shape and bool(self.wanted(ref)) for ref in refs]
        size = self._size([ref for ref, moves in zip(refs, moving, strict=True) if moves], args, kwargs, refs)
        body = functools.wraps(self.function)(functools.partial(self._step, refs, moving, size))
        if size is None:  # no ref has the axis: Haliax finds its size in the arrays
            loop = self.original(body, self.axis, is_scanned=self.wanted, **self.options)
            return loop(init, *args, **kwargs)
        index = jnp.arange(size)  # without a name: haliax takes no step of a named axis of size 0
        is_scanned = functools.partial(_is_scanned, index, self.wanted)
        loop = self.original(body, Axis(name, size), is_scanned=is_scanned, **self.options)
        return loop(init, *args, **kwargs, **{_INDEX: index})

    def _size(self, moving: Sequence[NamedRef], args: Any, kwargs: Any, refs: Sequence[NamedRef]) -> int | None:
        """The size of the axis in the refs; None where none of them has it."""
        leaves = jax.tree.leaves((args, kwargs), is_leaf=is_named_array)
        arrays = [leaf for leaf in leaves if is_named_array(leaf) and self.name in leaf.shape and self.wanted(leaf)]
        # haliax treats an array whose axis has a different size as not having the axis.
        size = shared_size([*moving, *arrays] if moving else [], self.name, self.axis)
        if size is None and not arrays:
            refuse_without_axis(f"cannot loop over axis {self.name!r}: no argument to scan has it", leaves, refs)
        return size

    def _step(
        self,
        refs: Sequence[NamedRef],
        moving: Sequence[bool],
        size: int | None,
        carry: Any,
        /,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        index = kwargs.pop(_INDEX) if size is not None else None

        def place(slot: Slot) -> NamedRef:
            ref = refs[slot.number]
            if not moving[slot.number]:
                return ref
            return _at(ref, self.name, index) if size else _never_reached(ref, self.name)

        args, kwargs = put_back((args, kwargs), place)
        out = self.function(carry, *args, **kwargs)
        refuse_returned(out, f"the body of a loop over {self.name!r}")
        return out


def _at(ref: NamedRef, name: str, index: Any) -> NamedRef:
    """The view of `ref` at a traced index of an axis, which is known to be in bounds."""
    layout, slot = ref._layout, len(ref._operands)
    point = Selector(Point(Operand(slot)), keeps_place=False)
    return make(ref._ref, layout.select(((name, point),), slot + 1, 0), (*ref._operands, index))


def _never_reached(ref: NamedRef, name: str) -> NamedRef:
    """Stands for `ref` in a loop over nothing, whose body is traced and never run: jax takes no entry of nothing."""
    return empty_ref(tuple(axis for axis in ref.axes if axis.name != name), ref.dtype)


def _is_scanned(index: jax.Array, wanted: Callable[[Any], bool], leaf: Any) -> bool:
    return leaf is index or bool(wanted(leaf))


def _refuse_carried(init: Any, name: str) -> None:
    for ref in refs_in(init):
        raise ValueError(
            f"cannot carry a NamedRef with axes {listed(ref.axes)} through a loop over {name!r}: a carry is returned, "
            "which a ref cannot be; pass it as an argument, or close over it: it is written in place"
        )


def _scan(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.scan` that takes refs, too; `hax.fold` and `hax.map` call it."""

    @functools.wraps(original)
    def scan(
        f: Callable[..., Any],
        axis: Axis | str,
        *,
        is_scanned: bool | Callable[[Any], bool] = is_scanned_by_default,
        **options: Any,
    ) -> Callable[..., Any]:
        plain = original(f, axis, is_scanned=is_scanned, **options)
        wanted = is_scanned if callable(is_scanned) else lambda _: is_scanned
        loop = _Loop(original, f, axis, wanted, options)

        def scanned(init: Any, *args: Any, **kwargs: Any) -> Any:
            refs: list[NamedRef] = []
            args, kwargs = taken_out((args, kwargs), refs)
            _refuse_carried(init, loop.name)
            return loop.run(init, args, kwargs, refs) if refs else plain(init, *args, **kwargs)

        return scanned

    return scan


# Made once, so that what is put into haliax is always the same object.
scan = _scan(haliax.scan)
IN_PLACE_OF: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = ((haliax.scan, scan),)
