"""A `jax.Ref` with what is seen of it, and whether it may be used: all that an access needs to know of a `NamedRef`."""

from __future__ import annotations

from typing import Any

import jax

from ._compat import Tracer, is_traced_ref
from ._explicit import ExplicitReads
from ._indexing.describe import listed
from ._indexing.layout import Layout
from ._lifetime import is_frozen, is_in_condition, may_freeze, why_invalid


class Handle(ExplicitReads):
    """The base of `NamedRef`: the buffer, the layout of the view, and the operands that the layout numbers."""

    __slots__ = ("__weakref__", "_fits", "_layout", "_operands", "_ref")

    _ref: jax.Ref
    _layout: Layout
    _operands: tuple[Any, ...]
    _fits: bool  # the buffer is known to be a ref of the layout's shape, neither of which changes

    def _check_valid(self) -> None:
        if is_frozen(self._ref):
            fact = (
                f"this NamedRef {listed(self._layout.base)} is no longer valid: its buffer was {why_invalid(self._ref)}"
            )
            raise RuntimeError(
                f"{fact}, which invalidates every view of it; keep what freeze() returned, or make a new ref "
                "with new_ref()"
            )

    def _holds_ref(self) -> bool:
        """Whether the buffer is one: `jax.tree.map` puts what its function returns in place of the `jax.Ref`."""
        held = self._ref
        if _is_ref(held):
            return True
        # What `.at` makes of a ref in a kernel is of a class of jax's own.
        return hasattr(held, "ref") and hasattr(held, "__setitem__") and not isinstance(held, jax.Array)

    def _check_holds_ref(self) -> None:
        if not self._holds_ref():
            raise TypeError(
                f"this NamedRef {listed(self._layout.base)} holds {described(self._ref)} instead of a jax.Ref, as "
                "jax.tree.map over refs leaves it: take hax.ref.values_of(tree), map over the values, and make refs of "
                "what comes out with hax.ref.refs_of(tree)"
            )

    def _check_usable(self) -> None:
        self._check_valid()
        if not self._fits:
            self._check_fits()
        self._check_not_in_condition()

    def _check_fits(self) -> None:
        if not _is_ref(self._ref):
            self._check_holds_ref()
        layout = self._layout
        if self._ref.shape != layout.base_shape:
            asked = f"cannot use this NamedRef with axes {listed(layout.base)}"
            if len(self._ref.shape) == len(layout.base):
                raise ValueError(
                    f"{asked}, of which this is a view: its buffer has shape {self._ref.shape} here, a part, as in "
                    "shard_map, and a view of a part is not known; pass the ref whole, and take the view inside"
                )
            raise ValueError(
                f"{asked}: jax mapped a dimension of its buffer, which has shape {self._ref.shape} here, and does not "
                "say which; map it by name, with hax.vmap, hax.scan or hax.ref.foreach"
            )
        self._fits = True

    def _check_not_in_condition(self) -> None:
        if is_in_condition(self._ref):
            fact = f"cannot use a NamedRef with axes {listed(self._layout.base)} in the condition of a while_loop"
            raise ValueError(
                f"{fact}: jax reads it once, before the loop, which may then never end; carry the value, and read the "
                "ref in the body"
            )

    def _check_made_here(self, verb: str) -> None:
        self._check_usable()
        if not may_freeze(self._ref):
            fact = f"cannot {verb} a NamedRef with axes {listed(self._layout.base)} here"
            raise ValueError(
                f"{fact}: it is from outside of the function that jax is tracing; "
                f"{verb} it where it was made, and return ref[...] from here"
            )


def _is_ref(held: object) -> bool:
    return is_traced_ref(held) if isinstance(held, Tracer) else isinstance(held, jax.Ref)


def described(value: object) -> str:
    """What stands where a ref should, for errors and `repr`: an array by its dtype and shape, else the type."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"an array {value.dtype}[{','.join(map(str, value.shape))}]"
    return "None" if value is None else f"a {type(value).__name__}"
