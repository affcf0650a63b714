"""Refs as arguments of `hax.vmap`.

jax itself must map the buffer: a `NamedArray` of the `jax.Ref` tells Haliax which dimension. Where a view does not show
the mapped axis whole, its contents are mapped as a buffer of its own and written back. Where jax has no rule for what
the function does with a mapped ref (a branch, a window, before jax 0.12 a loop), the function is mapped as one of the
refs' contents (`_pure`), which are written back.

A ref that the function makes and returns is returned as its contents; outside, a ref of them all is made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import haliax
import jax
from haliax import Axis, NamedArray
from haliax.axis import axis_spec_to_tuple

from .._access.errors import explain
from .._compat import CAN_VMAP, UNBATCHED_WRITE, has_no_vmap_rule, without_refs
from .._functions import new_ref
from .._indexing.describe import listed
from .._indexing.layout import Layout
from .._lifetime import is_eager
from .._refs import NamedRef, make
from .._types import Axes, Passed, PyTree
from .made import made_as_contents, made_of_contents
from .tracing import trace
from .walk import (
    Slot,
    is_named_array,
    put_back,
    refuse_returned,
    refuse_without_axis,
    shared_size,
    taken_out,
    whole_of_shape,
)


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, slots=True)
class _Mapped:
    """The `number`-th ref in arguments as vmap maps it: a `NamedArray` of its `jax.Ref`."""

    number: int
    buffer: Any

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any], ...], int]:
        return ((jax.tree_util.GetAttrKey("buffer"), self.buffer),), self.number

    @classmethod
    def tree_unflatten(cls, number: int, children: PyTree) -> _Mapped:
        return cls(number, *children)


@dataclass(frozen=True, slots=True)
class _Buffer:
    """A buffer that vmap maps.

    Args:
        carrier: the `jax.Ref` in a `NamedArray`, in which the mapped dimension, and no other, has the mapped name.
        inside: the layout where the dimension is gone.
        operands: of `inside`.
    """

    carrier: NamedArray
    inside: Layout
    operands: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Map:
    """A `hax.vmap` of one axis, called with refs.

    Args:
        original: Haliax's own `vmap`.
        function: what is mapped.
        axis: or its name.
        options: of `hax.vmap`.
    """

    original: Callable[..., Any]
    function: Callable[..., Any]
    axis: Axis | str
    options: dict[str, Any]

    @property
    def name(self) -> str:
        return self.axis.name if isinstance(self.axis, Axis) else self.axis

    @property
    def what(self) -> str:
        return f"a function mapped over {self.name!r}"

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any], refs: list[NamedRef]) -> Any:
        """The call with `refs`, which were taken out of `args` and `kwargs`."""
        self._refuse_shared(refs)
        size = shared_size(refs, self.name, self.axis)
        leaves = jax.tree.leaves((args, kwargs), is_leaf=is_named_array)
        if size is None and not any(is_named_array(leaf) and self.name in leaf.shape for leaf in leaves):
            refuse_without_axis(f"cannot map over axis {self.name!r}: no argument has it", leaves, refs)
        if not CAN_VMAP:
            raise NotImplementedError(
                f"cannot pass refs to {self.what}: jax {jax.__version__} reads and writes the wrong elements; use jax "
                "0.10, or a loop: hax.map, hax.scan or hax.ref.foreach"
            )
        with _buffers(refs, self.name) as buffers:
            program = _rehearsed(functools.partial(self._mapped, args, kwargs, refs, buffers))
            if program is not None:
                return program()
        return self._by_contents(args, kwargs, refs)

    def _mapped(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], refs: Sequence[NamedRef], buffers: Sequence[_Buffer | None]
    ) -> Any:
        """The call in which jax maps the buffers."""

        def carry(slot: Slot) -> Slot | _Mapped:
            buffer = buffers[slot.number]
            return slot if buffer is None else _Mapped(slot.number, buffer.carrier)

        def instance(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            def place(slot: Any) -> NamedRef:
                buffer = buffers[slot.number]
                return refs[slot.number] if buffer is None else make(slot.buffer.array, buffer.inside, buffer.operands)

            args, kwargs = put_back((args, kwargs), place, (Slot, _Mapped))
            return self._returned(self.function(*args, **kwargs))

        args, kwargs = put_back((args, kwargs), carry)
        return self._vmap(instance, refs)(*args, **kwargs)

    def _by_contents(self, args: tuple[Any, ...], kwargs: dict[str, Any], refs: Sequence[NamedRef]) -> Any:
        """The call in which jax maps the contents of the refs, which are written back."""
        mapped = [number for number, ref in enumerate(refs) if self.name in ref.shape]

        def carry(slot: Slot) -> Slot | _Mapped:
            number = slot.number
            return _Mapped(number, refs[number][...]) if number in mapped else slot

        def instance(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            def function() -> tuple[Any, list[NamedArray]]:
                inner: dict[int, NamedRef] = {}

                def place(slot: Any) -> NamedRef:
                    if isinstance(slot, Slot):
                        return refs[slot.number]
                    inner[slot.number] = new_ref(slot.buffer)
                    return inner[slot.number]

                given, named = put_back((args, kwargs), place, (Slot, _Mapped))
                out = self._returned(self.function(*given, **named))
                return out, [inner[number][...] for number in mapped]

            return _pure(function, refs)

        args, kwargs = put_back((args, kwargs), carry)
        out, after = self._vmap(instance, refs)(*args, **kwargs)
        for number, value in zip(mapped, after, strict=True):
            refs[number][...] = value
        return out

    def _vmap(self, instance: Callable[[Any, Any], Any], refs: Sequence[NamedRef]) -> Callable[..., Any]:
        """Haliax's vmap of `instance`, which takes the function's arguments as a tuple and a dict."""
        size = shared_size(refs, self.name, self.axis)

        @functools.wraps(self.function)
        def body(*args: Passed, **kwargs: Passed) -> Any:
            return instance(args, kwargs)

        axis = self.axis if size is None else Axis(self.name, size)
        mapped: Callable[..., Any] = self.original(body, axis, **self.options)
        return mapped

    def run_without_refs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The call without refs among its arguments: it may make some, and return them."""
        return self._vmap(lambda args, kwargs: self._returned(self.function(*args, **kwargs)), ())(*args, **kwargs)

    def _returned(self, out: PyTree) -> Any:
        """What the function returns, with their contents in place of the refs that it made."""
        return made_as_contents(out, lambda ref: refuse_returned(ref, self.what))

    def _refuse_shared(self, refs: Sequence[NamedRef]) -> None:
        """Refuse two refs of one buffer: where it is copied, the writes through one of them would be lost."""
        first: dict[int, NamedRef] = {}
        for ref in refs:
            other = first.get(id(ref._ref))
            if other is None:
                first[id(ref._ref)] = ref
            elif self.name in ref.shape or self.name in other.shape:
                raise ValueError(
                    f"cannot pass a ref twice to {self.what}: those with axes {listed(other.axes)} and "
                    f"{listed(ref.axes)} share a buffer; pass one that shows both, and take views of it inside"
                )


def _rehearsed(call: Callable[[], Any]) -> Callable[[], Any] | None:
    """What does what `call` does, having been traced; None where jax has no rule for it.

    It is traced before anything runs, so that nothing has been written when jax refuses. Within a trace, that is no
    second tracing of Python: what was traced is played back.
    """
    try:
        return trace(call).run
    except Exception as error:
        if has_no_vmap_rule(error):
            return None
        if is_eager():  # values that are concrete here are not while tracing, and the function may need them
            return call
        raise


def _pure(function: Callable[[], Any], refs: Sequence[NamedRef]) -> Any:
    """`function()`, in which refs that it makes are arrays to jax. Refs from outside are read only: none is mapped."""
    traced = trace(function)
    consts = traced.consts
    for number in traced.written:
        layout = next((ref._layout for ref in refs if ref._ref is consts[number]), whole_of_shape(consts[number].shape))
        error = explain(Exception(UNBATCHED_WRITE), consts[number].dtype, layout)
        assert error is not None
        try:
            raise error
        finally:
            del error  # its traceback knows this frame: a cycle
    pure = without_refs(traced.closed, consts, ())
    if pure is None:
        raise NotImplementedError(
            f"jax {jax.__version__} cannot map a loop or a branch over a ref; use jax 0.10.2, hax.map or hax.scan"
        )
    return traced.read_only(pure)


@contextmanager
def _buffers(refs: Sequence[NamedRef], name: str) -> Iterator[list[_Buffer | None]]:
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
    carrier = NamedArray(cast(Any, ref._ref), axes)  # haliax maps what has names, and takes any leaf for an array
    return _Buffer(carrier, inside, ref._operands)


def _vmap(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.vmap` that takes refs, too."""

    @functools.wraps(original)
    def vmap(fn: Callable[..., Any], axis: Axes, **options: Passed) -> Callable[..., Any]:
        plain: Callable[..., Any] = original(fn, axis, **options)
        axes = axis_spec_to_tuple(axis)
        if len(axes) != 1:
            return plain  # it calls this function for each axis
        call = _Map(original, fn, axes[0], options)

        @functools.wraps(fn)
        def mapped(*args: Passed, **kwargs: Passed) -> Any:
            refs: list[NamedRef] = []
            args, kwargs = taken_out((args, kwargs), refs)
            out = call.run(args, kwargs, refs) if refs else call.run_without_refs(args, kwargs)
            return made_of_contents(out, call.name)

        return mapped

    return vmap


# Made once, so that what is put into haliax is always the same object.
IN_PLACE_OF: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = ((haliax.vmap, _vmap(haliax.vmap)),)
