"""jax's derivatives of `jax.ref.addupdate` and `jax.new_ref`, right for a ref that is not differentiated.

jax takes it for granted that the ref has a tangent: to add a constant to a counter in a function under `jax.grad` is a
TypeError about a type of jax's own; and from jax 0.12 on, to make a counter under `jax.vmap` of `jax.jvp` is an
AttributeError about another. What is put in their place leaves all else to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from .._compat import (
    CAN_MAKE_INTEGERS_IN_FORWARD_MODE,
    UNDIFFERENTIATED_WRITE,
    ZeroTangent,
    addupdate_p,
    new_ref_p,
    primitive_jvps,
)
from .._types import PyTree


_original = primitive_jvps[addupdate_p]


def _jvp(primals: Sequence[Any], tangents: Sequence[Any], **params: PyTree) -> tuple[list[Any], list[Any]]:
    of_ref, of_value = tangents[:2]
    if not isinstance(of_ref, ZeroTangent):
        result: tuple[list[Any], list[Any]] = _original(primals, tangents, **params)
        return result
    if not isinstance(of_value, ZeroTangent):
        fact = f"cannot add a differentiated value to a {UNDIFFERENTIATED_WRITE} of type {jax.typeof(primals[0])}"
        raise ValueError(f"{fact}; write jax.lax.stop_gradient(value), or make the ref inside the function")
    addupdate_p.bind(*primals, **params)
    return [], []


def _jvp_of_new_ref(original: Callable[..., Any]) -> Callable[..., Any]:
    """The derivative of making a ref: one of integers has no tangent, as it has where it comes from outside."""

    def jvp(primals: Sequence[Any], tangents: Sequence[Any], **params: PyTree) -> Any:
        (tangent,) = tangents
        if not isinstance(tangent, ZeroTangent) or tangent.aval.dtype != jax.dtypes.float0:
            return original(primals, tangents, **params)
        ref = new_ref_p.bind(*primals, **params)
        return ref, ZeroTangent(jax.typeof(ref).to_tangent_aval())

    return jvp


# Made once, so that what is put into jax is always the same object.
IN_JAX: tuple[tuple[Any, Any, Any], ...] = (
    (primitive_jvps, addupdate_p, _jvp),
    *(
        ()
        if CAN_MAKE_INTEGERS_IN_FORWARD_MODE or new_ref_p is None
        else ((primitive_jvps, new_ref_p, _jvp_of_new_ref(primitive_jvps[new_ref_p])),)
    ),
)
