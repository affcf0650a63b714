"""What `jax.vjp` returns, before jax 0.11: gradients into refs beside values, and an error in our words."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from .._compat import CAN_MIX_GRADIENTS, PULLED_WITHOUT_REFS, Pullback, gradients
from .._refs import NamedRef


def _call(original: Callable[..., Any]) -> Callable[..., Any]:
    """A pullback's `__call__`, but without `with_refs` where an argument is a ref it says so."""

    @functools.wraps(original)
    def __call__(self: Any, *cotangents: Any) -> Any:
        try:
            return original(self, *cotangents)
        except AttributeError as error:
            if PULLED_WITHOUT_REFS not in str(error):
                raise
            raise TypeError(
                "cannot return the gradient with respect to a ref: it is accumulated in another ref, "
                "jax.vjp(f, ref)[1].with_refs(gradients)(cotangent)"
            ) from error

    return __call__


def _with_refs(original: Callable[..., Any]) -> Callable[..., Any]:
    """A pullback's `with_refs`; gradients that go into refs are values first where others are values.

    jax adds to a ref within a loop, and takes the other gradients for it.
    """

    @functools.wraps(original)
    def with_refs(self: Any, *given: Any) -> Callable[..., Any]:
        # A `NamedRef` stands for the gradient with respect to a ref, which jax has no value for.
        leaves, tree = jax.tree.flatten(given, is_leaf=lambda leaf: isinstance(leaf, NamedRef) or _is_value(leaf))
        into = [number for number, leaf in enumerate(leaves) if isinstance(leaf, jax.Ref)]
        if not into or not any(_is_value(leaf) for leaf in leaves):
            return original(self, *given)  # type: ignore[no-any-return]
        as_values = [gradients.GradValue() if number in into else leaf for number, leaf in enumerate(leaves)]

        def pull(*cotangents: Any) -> Any:
            values = original(self, *jax.tree.unflatten(tree, as_values))(*cotangents)
            found = list(tree.flatten_up_to(values))  # type: ignore[attr-defined]
            for number in into:
                ref = leaves[number]
                jax.ref.addupdate(ref, tuple(slice(None) for _ in ref.shape), found[number])
                found[number] = gradients.GradRef()
            return jax.tree.unflatten(tree, found)

        return pull

    return with_refs


def _is_value(leaf: Any) -> bool:
    return isinstance(leaf, gradients.GradValue)


# Made once, so that what is put into jax is always the same object.
IN_JAX: tuple[tuple[Any, str, Any], ...] = (
    ()
    if CAN_MIX_GRADIENTS or Pullback is None
    else ((Pullback, "__call__", _call(Pullback.__call__)), (Pullback, "with_refs", _with_refs(Pullback.with_refs)))
)
