"""The same small cache as a bare `jax.Ref`, as our `NamedRef` and as haliax's own."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
from haliax import Axis

import haliax_refs


LAYER, POSITION, FEATURE = Axis("layer", 8), Axis("position", 16), Axis("feature", 32)
AXES = (LAYER, POSITION, FEATURE)


def upstream() -> ModuleType | None:
    """Haliax's own `hax.ref`, where this haliax has one."""
    haliax_refs.uninstall()
    try:
        return getattr(hax, "ref", None)
    finally:
        haliax_refs.install()


def small() -> tuple[Any, Any, Any]:
    """Refs of zeros: bare, ours, and haliax's or None."""
    zeros = hax.zeros(AXES)
    theirs = upstream()
    return (
        jax.new_ref(jnp.zeros(zeros.array.shape)),
        haliax_refs.new_ref(zeros),
        None if theirs is None else theirs.new_ref(zeros),
    )


def with_upstream(calls: dict[str, Any], theirs: Any, call: Any) -> dict[str, Any]:
    """`calls`, and haliax's own if it is there."""
    return calls if theirs is None else calls | {"haliax.ref": call}
