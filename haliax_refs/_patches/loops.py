"""Refs as arguments of `hax.scan`, and so of `hax.fold`, `hax.map` and `foreach`, which call it.

Haliax carries NamedArrays through a loop by itself, and a ref rides on what it carries: an index. Each step takes its
part of the ref, which the body closes over, so that any view will do and nothing is copied. Only where a step is
checkpointed, its part of a ref is read before it and written back after.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import haliax
import jax
import jax.numpy as jnp
from haliax import Axis, ScanCheckpointPolicy

from .._compat import is_scanned_by_default
from .._functions import empty_ref
from .._indexing.describe import listed
from .._indexing.views import Operand, Point, Selector
from .._refs import NamedRef, make
from .._types import Passed, PyTree
from .checkpoint import CapturedTooError, by_contents
from .walk import is_named_array, put_back, refs_in, refuse_returned, refuse_without_axis, shared_size, taken_out


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

    def run(self, init: PyTree, args: tuple[Any, ...], kwargs: dict[str, Any], refs: list[NamedRef]) -> Any:
        """The loop with `refs`, which were taken out of `args` and `kwargs`."""
        name = self.name
        moving = [name in ref.shape and bool(self.wanted(ref)) for ref in refs]
        policy = _policy(self.options.get("remat", False))
        # The checkpoint goes around what a step shows of the refs, not around the body that takes it (`_step`).
        options = {**self.options, "remat": dataclasses.replace(policy, disable=True)}
        size = self._size([ref for ref, moves in zip(refs, moving, strict=True) if moves], args, kwargs, refs)
        body = functools.wraps(self.function)(functools.partial(self._step, policy, refs, moving, size))
        if size is None:  # no ref has the axis: Haliax finds its size in the arrays
            loop = self.original(body, self.axis, is_scanned=self.wanted, **options)
            return loop(init, *args, **kwargs)
        index = jnp.arange(size)  # without a name: haliax takes no step of a named axis of size 0
        is_scanned = functools.partial(_is_scanned, index, self.wanted)
        loop = self.original(body, Axis(name, size), is_scanned=is_scanned, **options)
        return loop(init, *args, **kwargs, **{_INDEX: index})

    def _size(
        self, moving: Sequence[NamedRef], args: tuple[Any, ...], kwargs: dict[str, Any], refs: Sequence[NamedRef]
    ) -> int | None:
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
        policy: ScanCheckpointPolicy,
        refs: Sequence[NamedRef],
        moving: Sequence[bool],
        size: int | None,
        carry: PyTree,
        /,
        *args: Passed,
        **kwargs: Passed,
    ) -> Any:
        """The body that Haliax is given: `function` of the parts of `refs` at the index that comes with `kwargs`."""
        index = kwargs.pop(_INDEX) if size is not None else None
        parts = [
            ref if not moves else _at(ref, self.name, index) if size else _never_reached(ref, self.name)
            for ref, moves in zip(refs, moving, strict=True)
        ]
        if policy.disable:
            return self._call(parts, carry, args, kwargs)
        return self._checkpointed(policy, parts, carry, args, kwargs)

    def _call(self, parts: Sequence[NamedRef], carry: PyTree, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = put_back((args, kwargs), lambda slot: parts[slot.number])
        out = self.function(carry, *args, **kwargs)
        refuse_returned(out, f"the body of a loop over {self.name!r}")
        return out

    def _checkpointed(
        self,
        policy: ScanCheckpointPolicy,
        parts: list[NamedRef],
        carry: PyTree,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """`_call`, checkpointed: only what the parts show is kept for the backward pass, not the whole buffers."""
        carry_name, input_name = (f"scan({self.name})__{kind}" for kind in ("carry", "input"))  # as Haliax has them
        times = Counter(id(part._ref) for part in parts)
        alone = [number for number, part in enumerate(parts) if times[id(part._ref)] == 1]

        def function(contents: Sequence[NamedRef], carry: PyTree, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            carry = haliax.tree_checkpoint_name(carry, carry_name)
            args, kwargs = haliax.tree_checkpoint_name((args, kwargs), input_name)
            by_number = dict(zip(alone, contents, strict=True))
            return self._call([by_number.get(i, part) for i, part in enumerate(parts)], carry, args, kwargs)

        checkpoint = functools.partial(policy.checkpoint, carry_name, input_name)
        try:
            return by_contents(checkpoint, function, [parts[number] for number in alone], carry, args, kwargs)
        except CapturedTooError:  # then each buffer as a whole
            alone = []
            return by_contents(checkpoint, function, [], carry, args, kwargs)


def _policy(remat: Any) -> ScanCheckpointPolicy:
    return remat if isinstance(remat, ScanCheckpointPolicy) else ScanCheckpointPolicy.from_bool_or_str(remat)


def _at(ref: NamedRef, name: str, index: object) -> NamedRef:
    """The view of `ref` at a traced index of an axis, which is known to be in bounds."""
    layout, slot = ref._layout, len(ref._operands)
    point = Selector(Point(Operand(slot)), keeps_place=False)
    return make(ref._ref, layout.select(((name, point),), slot + 1, 0), (*ref._operands, index))


def _never_reached(ref: NamedRef, name: str) -> NamedRef:
    """Stands for `ref` in a loop over nothing, whose body is traced and never run: jax takes no entry of nothing."""
    return empty_ref(tuple(axis for axis in ref.axes if axis.name != name), ref.dtype)


def _is_scanned(index: jax.Array, wanted: Callable[[Any], bool], leaf: PyTree) -> bool:
    return leaf is index or bool(wanted(leaf))


def _refuse_carried(init: PyTree, name: str) -> None:
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
        **options: Passed,
    ) -> Callable[..., Any]:
        plain = original(f, axis, is_scanned=is_scanned, **options)
        wanted = is_scanned if callable(is_scanned) else lambda _: is_scanned
        loop = _Loop(original, f, axis, wanted, options)

        def scanned(init: PyTree, *args: Passed, **kwargs: Passed) -> Any:
            refs: list[NamedRef] = []
            args, kwargs = taken_out((args, kwargs), refs)
            _refuse_carried(init, loop.name)
            return loop.run(init, args, kwargs, refs) if refs else plain(init, *args, **kwargs)

        return scanned

    return scan


# Made once, so that what is put into haliax is always the same object.
scan = _scan(haliax.scan)
IN_PLACE_OF: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = ((haliax.scan, scan),)
