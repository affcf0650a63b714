"""Refs in `eqx.filter_vmap`: mapped along their first axis, as arrays are, by contents that are written back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from .._compat import FilterVmap, filter_vmap_function, filter_vmap_is_default, with_filter_vmap_function
from .._functions import new_ref
from .._indexing.describe import listed
from .._refs import NamedRef
from .made import made_as_contents, made_of_contents
from .walk import put_back, refuse_returned, taken_out


_NAME = "vmap"  # of the axis that refs have which a mapped function made: equinox maps axes without names


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, slots=True)
class _Contents:
    """The contents of the `number`-th ref, an array along whose first axis equinox maps."""

    number: int
    array: Any

    def tree_flatten(self) -> tuple[tuple[Any], int]:
        return (self.array,), self.number

    @classmethod
    def tree_unflatten(cls, number: int, children: tuple[Any]) -> _Contents:
        return cls(number, *children)


def _call(original: Callable[..., Any]) -> Callable[..., Any]:
    """The call of what `eqx.filter_vmap` returns: it takes refs, and the function may make refs and return them."""

    @functools.wraps(original)
    def __call__(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        function = filter_vmap_function(self)
        refs: list[NamedRef] = []
        args = taken_out(args, refs)
        if refs and not filter_vmap_is_default(self):
            raise ValueError(
                f"cannot map NamedRefs with axes {', '.join(listed(ref.axes) for ref in refs)} by in_axes of "
                "eqx.filter_vmap: leave it out, which maps the first axis, or use hax.vmap, which maps by name"
            )
        given = put_back(args, lambda slot: _Contents(slot.number, refs[slot.number][...].array))

        @functools.wraps(function)
        def of_contents(*args: Any, **kwargs: Any) -> tuple[Any, dict[int, Any]]:
            inner: dict[int, NamedRef] = {}

            def place(contents: _Contents) -> NamedRef:
                ref = new_ref(contents.array, refs[contents.number].axes[1:])
                inner[contents.number] = ref
                return ref

            out = function(*put_back(args, place, (_Contents,)), **kwargs)
            made = made_as_contents(out, lambda ref: refuse_returned(ref, "eqx.filter_vmap"))
            return made, {number: ref[...].array for number, ref in inner.items()}

        out, after = original(with_filter_vmap_function(self, of_contents), *given, **kwargs)
        for number, array in after.items():
            refs[number][...] = array
        return made_of_contents(out, _NAME)

    return __call__


# Made once, so that what is put into equinox is always the same object.
IN_EQUINOX: tuple[tuple[Any, str, Any], ...] = ((FilterVmap, "__call__", _call(FilterVmap.__call__)),)
