"""Refs as arguments of `hax.vmap`, `hax.scan` and their kin, and `foreach`.

Haliax carries NamedArrays through these by itself, and a ref rides on what it carries. In a loop that is an index: each
step takes its part of the ref, which the body closes over, so that any view will do and nothing is copied. Under vmap
jax itself must map the buffer: a `NamedArray` of the `jax.Ref` tells it which dimension. Where a view shows the mapped
axis in another way than whole, what it shows is mapped as a buffer of its own and written back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import haliax
import haliax._src.scan
import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray
from haliax.axis import axis_spec_to_tuple

from .._functions import empty_ref, new_ref
from .._indexing.describe import listed
from .._indexing.layout import Layout
from .._indexing.selectors import Selector
from .._indexing.views import Operand, Point
from .._refs import NamedRef, as_named_ref, is_named_ref, make
from .trees import Slot, put_back, taken_out


# Before jax 0.10, an index into a ref that vmap maps may read or write other cells than it says, without an error.
_CAN_VMAP = jax.__version_info__ >= (0, 10)

_INDEX = "__haliax_refs_index__"  # the keyword by which a loop's index reaches its body


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, slots=True)
class _Mapped:
    """The `number`-th ref in arguments as vmap maps it: a `NamedArray` of its `jax.Ref`."""

    number: int
    buffer: Any

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any], ...], int]:
        return ((jax.tree_util.GetAttrKey("buffer"), self.buffer),), self.number

    @classmethod
    def tree_unflatten(cls, number: int, children: Any) -> _Mapped:
        return cls(number, *children)


def _refuse_returned(tree: Any, what: str) -> None:
    for leaf in jax.tree.leaves(tree, is_leaf=is_named_ref):
        if is_named_ref(leaf):
            axes = listed(as_named_ref(leaf).axes)
            raise ValueError(
                f"cannot return a ref of {axes} from {what}: refs are not results; what is written to it is seen "
                "outside, so return nothing, or what it reads, ref[...]"
            )


def _refuse_twice(refs: list[NamedRef], name: str, what: str) -> None:
    first: dict[int, int] = {}
    for i, ref in enumerate(refs):
        before = first.setdefault(id(ref._ref), i)
        other = refs[before]
        if before != i and (name in ref.shape or name in other.shape):
            raise ValueError(
                f"cannot pass a ref twice to {what}: those of {listed(other.axes)} and {listed(ref.axes)} share a "
                "buffer; pass one that shows both, and take views of it inside"
            )


def _shared_size(refs: Sequence[Any], name: str, axis: Axis | str) -> int | None:
    """The size of the axis in the refs, and arrays, that have it; None where none does."""
    sizes = {ref.shape[name] for ref in refs if name in ref.shape}
    if isinstance(axis, Axis):
        sizes.add(axis.size)
    if len(sizes) > 1:
        raise ValueError(f"cannot map axis {name!r}: it has sizes {sorted(sizes)} in the axis and the arguments")
    return sizes.pop() if sizes else None


def _at(ref: NamedRef, name: str, index: Any) -> NamedRef:
    """The view of `ref` at a traced index of an axis, which is known to be in bounds."""
    layout, slot = ref._layout, len(ref._operands)
    point = Selector(Point(Operand(slot)), in_place=False)
    return make(ref._ref, layout.select(((name, point),), slot + 1, 0), (*ref._operands, index))


def _never_reached(ref: NamedRef, name: str) -> NamedRef:
    """Stands for `ref` in a loop over nothing, whose body is traced and never run: jax takes no entry of nothing."""
    return empty_ref(tuple(axis for axis in ref.axes if axis.name != name), ref.dtype)


def _refuse_nowhere(fact: str, leaves: Sequence[Any], refs: Sequence[NamedRef]) -> None:
    """Refuse an axis that no ref has, unless an array without names is among the other arguments: it may."""
    if all(_is_named_array(leaf) or not np.ndim(leaf) for leaf in leaves):
        shown = ", ".join(listed(ref.axes) for ref in refs)
        raise ValueError(f"{fact} has it; the refs have {shown}")


def _scan(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.scan` that takes refs, too; `hax.fold` and `hax.map` call it."""
    default = haliax._src.scan.is_named_or_shaped_array_like

    @functools.wraps(original)
    def scan(f: Callable[..., Any], axis: Any, *, is_scanned: Any = default, **options: Any) -> Callable[..., Any]:
        plain = original(f, axis, is_scanned=is_scanned, **options)
        name = axis.name if isinstance(axis, Axis) else axis
        what = f"the body of a loop over {name!r}"

        def scanned(init: Any, *args: Any, **kwargs: Any) -> Any:
            refs: list[NamedRef] = []
            args, kwargs = taken_out((args, kwargs), refs)
            _refuse_carried(init, what)
            if not refs:
                return plain(init, *args, **kwargs)
            wanted = is_scanned if callable(is_scanned) else lambda _: is_scanned
            moves = [name in ref.shape and bool(wanted(ref)) for ref in refs]
            moving = [ref for ref, moved in zip(refs, moves, strict=True) if moved]
            leaves = jax.tree.leaves((args, kwargs), is_leaf=_is_named_array)
            arrays = [leaf for leaf in leaves if _is_named_array(leaf) and name in leaf.shape and wanted(leaf)]
            # To haliax, an array whose axis of this name has another size is one that has no such axis.
            size = _shared_size([*moving, *arrays] if moving else [], name, axis)
            if size is None and not arrays:
                _refuse_nowhere(f"cannot loop over axis {name!r}: no argument that is scanned", leaves, refs)

            @functools.wraps(f)
            def body(carry: Any, *args: Any, **kwargs: Any) -> Any:
                index = kwargs.pop(_INDEX) if size is not None else None

                def place(slot: Any) -> NamedRef:
                    ref: NamedRef = refs[slot.number]
                    if not moves[slot.number]:
                        return ref
                    return _at(ref, name, index) if size else _never_reached(ref, name)

                args, kwargs = put_back((args, kwargs), place)
                out = f(carry, *args, **kwargs)
                _refuse_returned(out, what)
                return out

            if size is None:
                return original(body, axis, is_scanned=is_scanned, **options)(init, *args, **kwargs)
            index = jnp.arange(size)  # without a name: haliax takes no step of a named axis of size 0
            over = functools.partial(_is_scanned, index, wanted)
            return original(body, Axis(name, size), is_scanned=over, **options)(
                init, *args, **kwargs, **{_INDEX: index}
            )

        return scanned

    return scan


def _is_named_array(leaf: Any) -> bool:
    return isinstance(leaf, NamedArray)


def _is_scanned(index: Any, wanted: Callable[[Any], bool], leaf: Any) -> bool:
    return leaf is index or bool(wanted(leaf))


def _refuse_carried(init: Any, what: str) -> None:
    for leaf in jax.tree.leaves(init, is_leaf=is_named_ref):
        if is_named_ref(leaf):
            axes = listed(as_named_ref(leaf).axes)
            raise ValueError(
                f"cannot carry a ref of {axes} through {what}: a carry is returned, which refs are not; pass it as an "
                "argument, or close over it: it is written in place"
            )


def _vmap(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.vmap` that takes refs, too."""

    @functools.wraps(original)
    def vmap(fn: Callable[..., Any], axis: Any, **options: Any) -> Callable[..., Any]:
        plain: Callable[..., Any] = original(fn, axis, **options)
        axes = axis_spec_to_tuple(axis)
        if len(axes) != 1:
            return plain  # it calls this function for each axis
        (axis,) = axes
        name: str = axis.name if isinstance(axis, Axis) else axis
        what = f"a function mapped over {name!r}"

        @functools.wraps(fn)
        def mapped(*args: Any, **kwargs: Any) -> Any:
            refs: list[NamedRef] = []
            args, kwargs = taken_out((args, kwargs), refs)
            if not refs:
                return plain(*args, **kwargs)
            _refuse_twice(refs, name, what)
            size = _shared_size(refs, name, axis)
            leaves = jax.tree.leaves((args, kwargs), is_leaf=_is_named_array)
            if size is None and not any(_is_named_array(leaf) and name in leaf.shape for leaf in leaves):
                _refuse_nowhere(f"cannot map over axis {name!r}: no argument", leaves, refs)
            if not _CAN_VMAP:
                raise NotImplementedError(
                    f"cannot pass refs to {what}: jax {jax.__version__} mistakes their cells; take jax 0.10, or a "
                    "loop: hax.map, hax.scan or hax.ref.foreach"
                )
            with _buffers(refs, name) as buffers:

                def carry(slot: Any) -> Any:
                    buffer = buffers[slot.number]
                    return slot if buffer is None else _Mapped(slot.number, buffer.carrier)

                @functools.wraps(fn)
                def body(*args: Any, **kwargs: Any) -> Any:
                    def place(slot: Any) -> NamedRef:
                        ref, buffer = refs[slot.number], buffers[slot.number]
                        return ref if buffer is None else make(slot.buffer.array, buffer.inside, buffer.operands)

                    args, kwargs = put_back((args, kwargs), place, (Slot, _Mapped))
                    out = fn(*args, **kwargs)
                    _refuse_returned(out, what)
                    return out

                args, kwargs = put_back((args, kwargs), carry)
                over = axis if size is None else Axis(name, size)
                return original(body, over, **options)(*args, **kwargs)

        return mapped

    return vmap


@dataclass(frozen=True, slots=True)
class _Buffer:
    """A buffer that vmap maps.

    Args:
        carrier: the `jax.Ref` in a `NamedArray`, in which the mapped dimension, and no other, has the mapped name.
        inside: what is shown of it where the dimension is gone.
        operands: of `inside`.
    """

    carrier: NamedArray
    inside: Layout
    operands: tuple[Any, ...]


@contextmanager
def _buffers(refs: list[NamedRef], name: str) -> Iterator[list[_Buffer | None]]:
    """For each ref the buffer to map; None where it has no axis of that name."""
    copies: list[tuple[NamedRef, NamedRef]] = []
    buffers: list[_Buffer | None] = []
    for ref in refs:
        ref._check_usable()
        if name not in ref.shape:
            buffers.append(None)
            continue
        buffer = _mapped_buffer(ref, name)
        if buffer is None:
            copy = new_ref(ref[...].rearrange((name, ...)))
            copies.append((ref, copy))
            buffer = _mapped_buffer(copy, name)
        buffers.append(buffer)
    yield buffers
    for ref, copy in copies:
        ref[...] = copy[...]


def _mapped_buffer(ref: NamedRef, name: str) -> _Buffer | None:
    layout = ref._layout
    dims = [dim for dim, view in enumerate(layout.views) if getattr(view, "axis", None) == name]
    inside = layout.without(dims) if len(dims) == 1 else None
    if inside is None:
        return None
    sizes = enumerate(layout.base_shape)
    axes = tuple(Axis(name if dim in dims else f"{name}.{dim}", size) for dim, size in sizes)
    return _Buffer(NamedArray(ref._ref, axes), inside, ref._operands)


def foreach(axis: Any, *args: Any, reverse: bool = False, unroll: int = 1) -> Callable[..., Any]:
    """A decorator that runs a function for each position along an axis, in order: a loop written as a function.

    With arguments, the loop runs at once and the function's name is bound to what it returned, stacked along the axis.
    Without, the decorated function is the loop, to be called with them.

    Args:
        axis: the axis, or its name.
        args: pytrees of refs, views and NamedArrays. Each that has the axis is passed without it: an array's entry, a
            view of a ref, through which writes land in the ref. The others are passed as they are. The first
            dimension of an array without names is the axis.
        reverse: from the last position to the first; results are stacked in the same order all the same.
        unroll: how many steps are compiled into one.
    Returns:
        The decorator.
    Raises:
        ValueError: the axis has different sizes in the arguments, or the function returns a ref.
        TypeError: `axis` is neither an Axis nor a name.

    >>> import haliax as hax, haliax_refs
    >>> total = hax.new_ref(0.0)
    >>> cache = hax.new_ref(hax.zeros({"layer": 3, "head": 2}))
    >>> @hax.ref.foreach("layer", cache, hax.arange({"layer": 3}))
    ... def doubled(layer, i):
    ...     layer["head", 0] = i
    ...     total[...] += i
    ...     return 2 * i
    >>> doubled.array.tolist(), total[...].item(), cache["head", 0].array.tolist()
    ([0, 2, 4], 3.0, [0.0, 1.0, 2.0])
    """

    if not isinstance(axis, Axis | str):
        raise TypeError(f"cannot loop over {axis!r}: an axis is an Axis or its name")

    def decorator(body: Callable[..., Any]) -> Any:
        def step(carry: None, /, *args: Any, **kwargs: Any) -> tuple[None, Any]:
            return carry, body(*args, **kwargs)

        @functools.wraps(body)
        def loop(*args: Any, **kwargs: Any) -> Any:
            return scan(step, axis, reverse=reverse, unroll=unroll)(None, *args, **kwargs)[1]

        return loop(*args) if args else loop

    return decorator


# Made once, so that what is put into haliax is always the same object.
scan = _scan(haliax.scan)
IN_PLACE_OF: tuple[tuple[Any, Any], ...] = ((haliax.scan, scan), (haliax.vmap, _vmap(haliax.vmap)))
