"""Where a ref was made, which says where it may be frozen; whether a loop condition is being traced; whether vmap maps.

jax can be asked which trace is current, but not which one a tracer belongs to, so both are noted as they happen.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax

from ._indexing.layout import Layout


try:
    from jax.extend.core import get_opaque_trace_state
except ImportError:  # jax 0.8 and 0.9 have it in jax.core
    from jax.core import get_opaque_trace_state

with jax.ensure_compile_time_eval():  # so that importing inside a traced function does no harm
    _NO_TRACE = get_opaque_trace_state(convention="nnx")

# the id of a traced `jax.Ref` -> a weak reference to it, which removes the entry, and the trace that made it
_MADE: dict[int, tuple[Any, Any]] = {}

# while a loop condition is being traced: the refs made in it, by id; they are kept alive, so that no id is used again
_CONDITION: ContextVar[dict[int, Any] | None] = ContextVar("condition", default=None)
condition = _CONDITION.get


def is_eager() -> bool:
    """Whether nothing is being traced, so that what is computed is computed now."""
    return bool(get_opaque_trace_state(convention="nnx") == _NO_TRACE)


def made(raw: Any) -> Any:
    """Note that the `jax.Ref` was made here and now, and return it."""
    if isinstance(raw, jax.core.Tracer):
        key = id(raw)
        forget = weakref.ref(raw, lambda _: _MADE.pop(key, None))
        _MADE[key] = forget, get_opaque_trace_state(convention="nnx")
    arrived(raw)
    return raw


def arrived(raw: Any) -> None:
    """Note that a `jax.Ref` became an argument of a function that is traced within a loop condition, if one is."""
    inside = _CONDITION.get()
    if inside is not None:
        inside[id(raw)] = raw


def may_freeze(raw: Any) -> bool:
    """Whether the `jax.Ref` was made in the trace that is current, or outside all of them if none is."""
    if not isinstance(raw, jax.core.Tracer):
        return is_eager()
    alive, scope = _MADE.get(id(raw), (None, None))
    return alive is not None and alive() is raw and bool(scope == get_opaque_trace_state(convention="nnx"))


def is_in_condition(raw: Any) -> bool:
    """Whether a loop condition is being traced that did not make the `jax.Ref` itself."""
    inside = _CONDITION.get()
    return inside is not None and inside.get(id(raw)) is not raw


def as_condition(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, the condition of a loop: while it is traced, `is_in_condition` says which refs it did not make."""

    @functools.wraps(function)
    def condition(*args: Any) -> Any:
        token = _CONDITION.set({})
        try:
            return function(*args)
        finally:
            _CONDITION.reset(token)

    return condition


_MAPPING = ContextVar("mapping", default=False)
is_mapping = _MAPPING.get


def as_mapping(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which vmap made: while it runs, `is_mapping()`."""

    @functools.wraps(function)
    def mapping(*args: Any, **kwargs: Any) -> Any:
        token = _MAPPING.set(True)
        try:
            return function(*args, **kwargs)
        finally:
            _MAPPING.reset(token)

    return mapping


def explain(error: Exception, dtype: Any, layout: Layout) -> Exception | None:
    """An error of jax's about a ref in our words, with the axes and the way out; None where it has said enough.

    jax has no type of its own for these errors. Where its words change, they pass through as they are.
    """
    text = str(error)
    base = ", ".join(f"{axis.name}={axis.size}" for axis in layout.base)
    if "unbatched array reference" in text:
        return ValueError(
            f"cannot write to a {dtype} ref of ({base}) under vmap: the ref is not mapped, so each instance would "
            "write the same cells; pass the ref to hax.vmap as an argument that has the mapped axis, or return the "
            "value and write it outside"
        )
    if "non-differentiated array reference" in text:
        return ValueError(
            f"cannot write a differentiated value to a {dtype} ref of ({base}): the ref is not differentiated; "
            "write jax.lax.stop_gradient(value), or make the ref inside the function"
        )
    return None
