"""Which refs are frozen; where one was made, so that it may be frozen there; whether a loop condition is traced.

jax can be asked which trace is current, but not which one a tracer belongs to, so both are noted as they happen.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from ._compat import Tracer, new_eager_ref, trace_state
from ._types import Passed


R = TypeVar("R")
V = TypeVar("V")

with jax.ensure_compile_time_eval():  # so that importing inside a traced function does no harm
    _NO_TRACE = trace_state()

# the id of a `jax.Ref`, a weak reference to it, and what was done to it
Invalidation: TypeAlias = tuple[int, weakref.ref[Any], str]

# the id of an invalid `jax.Ref` -> what says so, whose weak reference removes the entry; entered, looked up and removed
# by single operations, which threads need no lock for, also without Python's own
_FROZEN: dict[int, Invalidation] = {}

# the id of a traced `jax.Ref` -> a weak reference to it, which removes the entry, and the trace that made it;
# only the thread that traces has that ref, and to enter, look up and remove are single operations
_MADE: dict[int, tuple[Any, Any]] = {}

_any_made = False  # set once, by whichever thread is the first

# the id of a `jax.Ref` -> a weak reference to it, which removes the entry, and its buffer's axes, for errors of jax's;
# single operations again, and of two threads that note the same, either entry may stay
_AXES: dict[int, tuple[Any, str]] = {}

# while a loop condition is being traced: the refs made in it, by id; they are kept alive, so that no id is used again
_CONDITION: ContextVar[dict[int, Any] | None] = ContextVar("condition", default=None)
loop_condition = _CONDITION.get


def is_eager() -> bool:
    """Whether nothing is being traced, so that what is computed is computed now."""
    return bool(trace_state() == _NO_TRACE)


def is_frozen(raw: jax.Ref) -> bool:
    """Whether the `jax.Ref` was frozen or freed."""
    found = _FROZEN.get(id(raw))
    return found is not None and found[1]() is raw


def why_invalid(raw: jax.Ref) -> str:
    """What was done to a `jax.Ref` that is no longer valid: "frozen" or "freed"."""
    return _FROZEN[id(raw)][2]


def invalidation(raw: jax.Ref, how: str) -> Invalidation:
    """What says of a `jax.Ref` that it was "frozen" or "freed", once it is noted."""
    key = id(raw)
    # Without a line of Python: what a signal raises within a callback of a weak reference would be lost.
    return key, weakref.ref(raw, functools.partial(_FROZEN.pop, key)), how


def invalidate(of: Invalidation) -> None:
    """Note that a `jax.Ref` is no longer valid."""
    _FROZEN[of[0]] = of


def undo_invalidation(of: Invalidation) -> None:
    """Take a `jax.Ref` for valid again, unless another thread has invalidated it since."""
    if _FROZEN.get(of[0]) is of:
        del _FROZEN[of[0]]


def new_raw(array: Any, **options: Any) -> jax.Ref:
    """A new `jax.Ref` that holds a copy of an array, made here and now."""
    if is_eager() and getattr(array, "weak_type", False):
        # A buffer has a dtype of its own: what is read of float32 must not be computed with in bfloat16.
        array = jnp.asarray(array, array.dtype)
    raw: jax.Ref = note_made(new_eager_ref(array, **options) if is_eager() else jax.new_ref(array, **options))
    return raw


def note_made(raw: jax.Ref) -> Any:
    """Note that the `jax.Ref` was made here and now, and return it."""
    global _any_made
    _any_made = True
    if isinstance(raw, Tracer):
        key = id(raw)
        forget = weakref.ref(raw, functools.partial(_MADE.pop, key))
        _MADE[key] = forget, trace_state()
    note_argument(raw)
    return raw


def have_refs_been_made() -> bool:
    """Whether this process has made a named ref at all: if not, no function can have captured one."""
    return _any_made


def note_axes(raw: jax.Ref, axes: str) -> None:
    """Note the axes of a buffer, in words."""
    key = id(raw)
    known = _AXES.get(key)
    if known is None or known[1] != axes:
        _AXES[key] = weakref.ref(raw, functools.partial(_AXES.pop, key)), axes


def axes_of(raw: jax.Ref) -> str | None:
    """The axes that were noted of a buffer."""
    alive, axes = _AXES.get(id(raw), (None, None))
    return axes if alive is not None and alive() is raw else None


def note_argument(raw: jax.Ref) -> None:
    """Note that a `jax.Ref` became an argument of a function that is traced within a loop condition, if one is."""
    inside = _CONDITION.get()
    if inside is not None:
        inside[id(raw)] = raw


def may_freeze(raw: jax.Ref) -> bool:
    """Whether the `jax.Ref` was made in the trace that is current, or outside all of them if none is."""
    if not isinstance(raw, Tracer):
        return is_eager()
    alive, scope = _MADE.get(id(raw), (None, None))
    return alive is not None and alive() is raw and bool(scope == trace_state())


def is_in_condition(raw: jax.Ref) -> bool:
    """Whether a loop condition is being traced that did not make the `jax.Ref` itself."""
    inside = _CONDITION.get()
    return inside is not None and inside.get(id(raw)) is not raw


def during(variable: ContextVar[V], value: V, function: Callable[..., R], *args: Passed, **kwargs: Passed) -> R:
    """Call `function` while a variable has a value; whatever interrupts this, it has the one before afterwards.

    No token is kept, as `ContextVar.reset` takes it: a signal between the two leaves a value that nothing takes back.

    >>> variable = ContextVar("variable", default=0)
    >>> during(variable, 1, variable.get), variable.get()
    (1, 0)
    """
    before = variable.get()
    try:
        variable.set(value)
        return function(*args, **kwargs)
    finally:
        variable.set(before)


def as_condition(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, the condition of a loop: while it is traced, `is_in_condition` says which refs it did not make."""

    @functools.wraps(function)
    def condition(*args: Passed) -> Any:
        return during(_CONDITION, {}, function, *args)

    return condition


_MAPPING = ContextVar("mapping", default=False)
is_mapping = _MAPPING.get


def as_mapping(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which vmap made: while it runs, `is_mapping()`."""

    @functools.wraps(function)
    def mapping(*args: Passed, **kwargs: Passed) -> Any:
        return during(_MAPPING, True, function, *args, **kwargs)

    return mapping
