"""Refs within `jax.checkpoint`: written once, and the gradient is that of the contents that the function saw.

jax runs a checkpointed function again in the backward pass, with its writes, on what its refs hold by then. Here the
function is given the contents instead. What it captures is known once it is traced (`jax.make_jaxpr` finds refs that
jitted functions close over, too); then

- each ref's contents are read before, and are an argument, which jax keeps for the backward pass;
- inside, arrays take the place of refs, by jax's own lowering of them (`without_refs`), those that are made inside
  included; what they hold at the end is returned;
- what was written to is written back once, outside.

Nothing of this depends on whether the function is differentiated, which can't be known while it is traced.
`eqx.filter_checkpoint`, `hax.scan(remat=...)`, `hax.fold` and `Stacked(gradient_checkpointing=...)` call
`jax.checkpoint`, so they are right by this alone; `_loops` only keeps it from reading more than a step needs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax

from .._compat import evaluate, without_refs, written_consts
from .._functions import new_ref
from .._lifetime import have_refs_been_made
from .._refs import NamedRef, make
from .._types import Passed, PyTree
from .walk import refs_in, whole_of_shape


# The buffers, by id, whose views `by_contents` has replaced in the checkpointed function that is being traced.
_REPLACED: ContextVar[frozenset[int]] = ContextVar("replaced", default=frozenset())


class CapturedTooError(Exception):
    """A checkpointed function uses a buffer by a view that was replaced, and by another path as well."""


@contextmanager
def replaced(refs: Iterable[NamedRef]) -> Iterator[None]:
    """While the contents of `refs` stand in for them: raise `CapturedTooError` where their buffers are used, too."""
    before = _REPLACED.get()
    try:  # without a token: see `during`
        _REPLACED.set(before | {id(ref._ref) for ref in refs})
        yield
    finally:
        _REPLACED.set(before)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of a checkpointed function.

    Args:
        checkpoint: jax's own `checkpoint`, with its options but those about static arguments.
        function: takes `leaves` in place of its arguments.
        leaves: the arguments' leaves, some of them refs.
        named: the refs among the arguments, whose names errors show.
    """

    checkpoint: Callable[..., Any]
    function: Callable[[Sequence[Any]], Any]
    leaves: Sequence[Any]
    named: Sequence[NamedRef]

    def run(self) -> Any:
        is_ref = [isinstance(leaf, jax.Ref) for leaf in self.leaves]
        arrays = [leaf for leaf, skip in zip(self.leaves, is_ref, strict=True) if not skip]

        def of_arrays(*arrays: PyTree) -> Any:
            # Refs are closed over, however they were passed: then each buffer is one constant.
            rest = iter(arrays)
            return self.function([leaf if skip else next(rest) for leaf, skip in zip(self.leaves, is_ref, strict=True)])

        closed, shapes = jax.make_jaxpr(of_arrays, return_shape=True)(*arrays)
        consts = list(closed.consts)
        refs = {number: self._ref_of(const) for number, const in enumerate(consts) if isinstance(const, jax.Ref)}
        if any(id(ref._ref) in _REPLACED.get() for ref in refs.values()):
            raise CapturedTooError
        written = [number for number in refs if number in written_consts(closed)]
        contents = [refs[number][...].array if number in refs else const for number, const in enumerate(consts)]

        program = _of_contents(closed, consts, arrays, written)
        out, after = self.checkpoint(program)(contents, arrays)
        for number, value in zip(written, after, strict=True):
            refs[number][...] = value
        return jax.tree.unflatten(jax.tree.structure(shapes), out)

    def _ref_of(self, raw: jax.Ref) -> NamedRef:
        """The whole `NamedRef` of a buffer; of one that was closed over, the names are not known."""
        for ref in self.named:
            if ref._ref is raw:
                return ref.unsliced()
        return make(raw, whole_of_shape(raw.shape), ())


def _of_contents(
    closed: Any, consts: Sequence[Any], args: Sequence[Any], written: Sequence[int]
) -> Callable[[Sequence[Any], Sequence[Any]], tuple[list[Any], list[Any]]]:
    """A jaxpr as a function of `consts`, with contents in place of refs, and `args`.

    It returns what the jaxpr does, and what those refs hold at the end that are `written` to.
    """
    refs = [number for number, const in enumerate(consts) if isinstance(const, jax.Ref)]
    pure = without_refs(closed, consts, args) if refs or closed.effects else None

    def without(contents: Sequence[Any], args: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        assert pure is not None
        results = pure(*contents, *args)
        after = dict(zip(refs, results[len(results) - len(refs) :], strict=True))
        return results[: len(results) - len(refs)], [after[number] for number in written]

    def within(contents: Sequence[Any], args: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        inner = [jax.new_ref(const) if number in refs else const for number, const in enumerate(contents)]
        return evaluate(closed, inner, args), [jax.freeze(inner[number]) for number in written]

    return within if pure is None else without


@dataclass(frozen=True, slots=True)
class _Static:
    """Which arguments of a checkpointed function are not traced: `static_argnums` and `static_argnames`."""

    numbers: tuple[int, ...]
    names: tuple[str, ...]

    @staticmethod
    def of(numbers: int | Sequence[int], names: str | Iterable[str]) -> _Static:
        return _Static(
            (numbers,) if isinstance(numbers, int) else tuple(numbers),
            (names,) if isinstance(names, str) else tuple(names),
        )

    def divide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Callable[[Any], Any]]:
        """The traced arguments, and what puts the static ones beside them again."""
        static = {number % len(args) for number in self.numbers} if args else set()
        traced = (
            [arg for number, arg in enumerate(args) if number not in static],
            {name: value for name, value in kwargs.items() if name not in self.names},
        )

        def merge(traced: tuple[list[Any], dict[str, Any]]) -> tuple[list[Any], dict[str, Any]]:
            rest = iter(traced[0])
            merged = [arg if number in static else next(rest) for number, arg in enumerate(args)]
            return merged, {**kwargs, **traced[1]}

        return traced, merge


def _checkpoint(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.checkpoint`, but what the function writes to refs from outside of it is written once, and read as it was."""

    @functools.wraps(original)
    def checkpoint(fun: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        plain = original(fun, **options)
        rest = dict(options)
        static = _Static.of(rest.pop("static_argnums", ()), rest.pop("static_argnames", ()))
        if not isinstance(rest.get("prevent_cse", True), bool):
            rest["prevent_cse"] = any(rest["prevent_cse"])  # it is by argument, which are others now

        @functools.wraps(plain)
        def checkpointed(*args: Passed, **kwargs: Passed) -> Any:
            if not have_refs_been_made():
                # Refs that are made within, for the first time in this process, need what follows, too.
                try:
                    out = plain(*args, **kwargs)
                except Exception:
                    if not have_refs_been_made():
                        raise
                else:
                    if not have_refs_been_made():
                        return out
            traced, merge = static.divide(args, kwargs)
            leaves, tree = jax.tree.flatten(traced)

            def function(leaves: Sequence[Any]) -> Any:
                args, kwargs = merge(jax.tree.unflatten(tree, leaves))
                return fun(*args, **kwargs)

            named = list(refs_in((args, kwargs)))
            return _Call(functools.partial(original, **rest), function, leaves, named).run()

        return checkpointed

    return checkpoint


def by_contents(
    checkpoint: Callable[[Callable[..., Any]], Callable[..., Any]],
    function: Callable[..., Any],
    refs: Sequence[NamedRef],
    *args: Passed,
) -> Any:
    """`checkpoint(function)(refs, *args)`, where only what the views `refs` show is read and written back.

    Args:
        refs: of buffers that differ from each other.
    Raises:
        CapturedTooError: the function uses one of their buffers by another path, too. Nothing has run then.
    """

    def of_contents(contents: Sequence[Any], *args: Passed) -> tuple[Any, list[Any]]:
        inner = [new_ref(value) for value in contents]
        return function(inner, *args), [ref[...] for ref in inner]

    with replaced(refs):
        out, after = checkpoint(of_contents)([ref[...] for ref in refs], *args)
    for ref, value in zip(refs, after, strict=True):
        ref[...] = value
    return out


# Made once, so that what is put into jax is always the same object.
IN_JAX: tuple[tuple[Any, str, Any], ...] = tuple(
    (jax, name, _checkpoint(getattr(jax, name))) for name in ("checkpoint", "remat")
)
