"""jax's derivative of `jax.ref.addupdate`, right for a ref that is not differentiated.

jax takes it for granted that the ref has a tangent: to add a constant to a counter in a function under `jax.grad` is a
TypeError about a type of jax's own. What is put in its place leaves all else to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from .._compat import UNDIFFERENTIATED_WRITE, ZeroTangent, addupdate_p, primitive_jvps
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


# Made once, so that what is put into jax is always the same object.
IN_JAX: tuple[tuple[Any, Any, Any], ...] = ((primitive_jvps, addupdate_p, _jvp),)
