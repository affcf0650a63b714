"""`eqx.filter_jit` of refs: they are traced, as arrays are, and may come back.

Equinox takes for a constant what is no array. A `jax.Ref` then is one, and another would be traced anew. Here the refs
among the arguments, and in the function, are passed to the compiled function in a tuple of their own: each buffer once,
so that views of one buffer may stand in several places, and apart from what is donated. What comes back of them are the
refs that were passed; a ref that was made inside is refused, where equinox would give out its tracer.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import jax

from .._compat import EQUINOX_EVAL_SHAPE, EQUINOX_JIT, Tracer
from .._indexing.describe import listed
from .._refs import as_named_ref, is_named_ref
from .._types import Function, Passed, PyTree


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of the `number`-th ref: a leaf that equinox takes for a constant."""

    number: int


def _is_raw(leaf: PyTree) -> bool:
    # `isinstance(leaf, jax.Ref)` by itself takes 2 us of what is neither
    return type(leaf) is jax.Ref or (isinstance(leaf, Tracer) and isinstance(leaf, jax.Ref))


def _placed(tree: PyTree, refs: list[jax.Ref]) -> Any:
    """The tree with a `_Place` for each `jax.Ref`, which is appended to `refs` unless it is there."""
    numbers = {id(ref): number for number, ref in enumerate(refs)}

    def place(leaf: PyTree) -> Any:
        if not _is_raw(leaf):
            return leaf
        number = numbers.setdefault(id(leaf), len(refs))
        if number == len(refs):
            refs.append(leaf)
        return _Place(number)

    return jax.tree.map(place, tree)


def _put_back(tree: PyTree, refs: list[jax.Ref] | tuple[jax.Ref, ...]) -> Any:
    return jax.tree.map(lambda leaf: refs[leaf.number] if type(leaf) is _Place else leaf, tree)


def _run(fun: Function, first: tuple[Any, ...], *rest: PyTree, **kwargs: Passed) -> Any:
    """What is compiled: the function with the refs in their places, and places for those that it returns."""
    refs, *given = first
    fun, args, kwargs = _put_back((fun, (*given, *rest), kwargs), refs)
    out, returned = fun(*args, **kwargs), list(refs)
    out = _placed(out, returned)
    _refuse_made(_put_back(out, returned), returned[len(refs) :])
    return out


def _refuse_made(out: PyTree, made: list[jax.Ref]) -> None:
    """Refuse to return refs that the function has made."""
    if not any(isinstance(ref, Tracer) for ref in made):
        return
    for leaf in jax.tree.leaves(out, is_leaf=is_named_ref):
        held: Any = as_named_ref(leaf)._ref if is_named_ref(leaf) else leaf
        if isinstance(held, Tracer) and any(held is ref for ref in made):
            axes = listed(as_named_ref(leaf).axes) if is_named_ref(leaf) else f"of shape {held.shape}"
            raise ValueError(
                f"cannot return a ref {axes} that is made inside of eqx.filter_jit: jax returns no refs; return its "
                "value, ref[...], and make the ref outside, hax.ref.refs_of(out)"
            )


def _any_signature(*args: Passed, **kwargs: Passed) -> None: ...


_ANY = inspect.signature(_any_signature)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A call of a jitted function with its refs in front: what equinox reads of its wrapper, and the arguments."""

    wrapper: SimpleNamespace
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    refs: list[jax.Ref]


def _prepared(wrapper: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Prepared | None:
    """None where there are no refs."""
    parts = (args, kwargs, wrapper._dynamic_fun, wrapper._static_fun[0])
    if not any(map(_is_raw, jax.tree.leaves(parts))):
        return None
    bound = wrapper._signature.bind(*args, **kwargs)
    refs: list[jax.Ref] = []
    fun, args, kwargs = _placed((wrapper.__wrapped__, bound.args, bound.kwargs), refs)
    dynamic_fun, static_fun = EQUINOX_JIT.hashable_partition(jax.tree_util.Partial(_run, fun), EQUINOX_JIT.is_array)
    # The refs are not donated, and equinox donates all of the first argument, or none of it.
    apart = wrapper.donate_first or not args
    first = (tuple(refs),) if apart else (tuple(refs), args[0])
    wrapper = SimpleNamespace(
        _signature=_ANY,
        _dynamic_fun=dynamic_fun,
        _static_fun=static_fun,
        _cached=wrapper._cached,
        filter_warning=wrapper.filter_warning,
        donate_first=False,
        donate_rest=wrapper.donate_rest,
    )
    return _Prepared(wrapper, (first, *(args if apart else args[1:])), kwargs, refs)


def _call(original: Callable[..., Any]) -> Callable[..., Any]:
    """What runs a function of `eqx.filter_jit`, or lowers it."""

    @functools.wraps(original)
    def call(wrapper: Any, is_lower: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        prepared = _prepared(wrapper, args, kwargs)
        if prepared is None:
            return original(wrapper, is_lower, args, kwargs)
        out = original(prepared.wrapper, is_lower, prepared.args, prepared.kwargs)
        return _lowered(wrapper, out) if is_lower else _put_back(out, prepared.refs)

    return call


def _lowered(wrapper: Any, lowered: Any) -> Any:
    """What equinox lowered, to be called with the arguments of `wrapper`."""
    called = threading.local()

    def preprocess(info: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        prepared = _prepared(wrapper, args, kwargs)
        if prepared is None:
            raise TypeError("this function was lowered for refs; call it with refs in their places")
        called.refs, inner = prepared.refs, prepared.wrapper
        info = (inner._signature, inner._dynamic_fun, inner._static_fun, inner.donate_first, inner.donate_rest)
        return lowered.preprocess(info, prepared.args, prepared.kwargs)

    def postprocess(out: PyTree) -> Any:
        return _put_back(lowered.postprocess(out), called.refs)

    return type(lowered)(lowered.lowered, None, preprocess, postprocess)


def _divide(original: Callable[..., Any]) -> Callable[..., Any]:
    """How `filter_jit` divides what it is given: the refs that are in front are traced."""

    @functools.wraps(original)
    def divide(tree: PyTree, filter_spec: Callable[[Any], bool]) -> Any:
        return original(tree, lambda leaf: filter_spec(leaf) or _is_raw(leaf))

    return divide


def _partition_returned(original: Callable[..., Any]) -> Callable[..., Any]:
    """How `filter_jit` divides what a function returns."""

    @functools.wraps(original)
    def partition(tree: PyTree, filter_spec: PyTree, *args: Passed, **kwargs: Passed) -> Any:
        found: list[jax.Ref] = []
        _placed(tree, found)
        _refuse_made(tree, found)
        return original(tree, filter_spec, *args, **kwargs)

    return partition


def _partition_shapes(original: Callable[..., Any]) -> Callable[..., Any]:
    """How `filter_eval_shape` divides arguments and results: of a traced ref, the shape is that of its contents."""

    @functools.wraps(original)
    def partition(tree: PyTree, filter_spec: PyTree, *args: Passed, **kwargs: Passed) -> Any:
        read = jax.tree.map(lambda leaf: leaf[...] if isinstance(leaf, Tracer) and _is_raw(leaf) else leaf, tree)
        return original(read, filter_spec, *args, **kwargs)

    return partition


# Made once, so that what is put into equinox is always the same object.
IN_EQUINOX: tuple[tuple[ModuleType, str, Any], ...] = (
    (EQUINOX_JIT, "_call", _call(EQUINOX_JIT._call)),
    (EQUINOX_JIT, "hashable_filter", _divide(EQUINOX_JIT.hashable_filter)),
    (EQUINOX_JIT, "hashable_partition", _divide(EQUINOX_JIT.hashable_partition)),
    (EQUINOX_JIT, "partition", _partition_returned(EQUINOX_JIT.partition)),
    (EQUINOX_EVAL_SHAPE, "partition", _partition_shapes(EQUINOX_EVAL_SHAPE.partition)),
)
