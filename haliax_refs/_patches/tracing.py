"""A call traced before it runs: to see what it does to refs, and to run it once it is known to work."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from .._compat import evaluate, without_refs, written_consts
from .._indexing.describe import listed
from .walk import refs_in


@dataclass(frozen=True, slots=True)
class Traced:
    """What a call without arguments traces to; what it uses from outside, refs among it, is closed over.

    Attributes:
        closed: its jaxpr.
        rest: the leaves of its result, None where they are arrays, which the jaxpr gives.
        is_array: which those are.
        tree: the structure of the result.
    """

    closed: Any
    rest: Sequence[Any]
    is_array: Sequence[bool]
    tree: Any

    @property
    def consts(self) -> Sequence[Any]:
        return list(self.closed.consts)

    @property
    def refs(self) -> list[int]:
        """Which of the constants are refs."""
        return [number for number, const in enumerate(self.closed.consts) if isinstance(const, jax.Ref)]

    @property
    def written(self) -> list[int]:
        """Which of the constants are refs that it writes to."""
        return sorted(written_consts(self.closed))

    def run(self) -> Any:
        """The result; this does what the call does."""
        return self.result(evaluate(self.closed, self.consts, ()))

    def read_only(self, program: Callable[..., list[Any]]) -> Any:
        """The result by `without_refs` of this, where the refs that are closed over are only read."""
        refs = self.refs
        given = [const[...] if number in refs else const for number, const in enumerate(self.closed.consts)]
        arrays = program(*given)
        return self.result(arrays[: len(arrays) - len(refs)])

    def result(self, arrays: Sequence[Any]) -> Any:
        """The call's result with these arrays."""
        given = iter(arrays)
        leaves = [next(given) if here else leaf for here, leaf in zip(self.is_array, self.rest, strict=True)]
        return jax.tree.unflatten(self.tree, leaves)


def trace(call: Callable[[], Any]) -> Traced:
    """Trace a call. It may return arrays and anything else, in a tree."""
    results: list[Traced] = []

    def arrays() -> list[Any]:
        leaves, tree = jax.tree.flatten(call())
        is_array = [hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in leaves]
        rest = [None if here else leaf for here, leaf in zip(is_array, leaves, strict=True)]
        results.append(Traced(None, rest, is_array, tree))
        return [leaf for here, leaf in zip(is_array, leaves, strict=True) if here]

    closed = jax.make_jaxpr(arrays)()
    (result,) = results
    return Traced(closed, result.rest, result.is_array, result.tree)


def without_own_refs(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, in which the refs that it makes are arrays to jax; it is as pure as before."""

    @functools.wraps(function)
    def pure(*args: Any, **kwargs: Any) -> Any:
        def call() -> Any:
            out = function(*args, **kwargs)
            for ref in refs_in(out):
                raise ValueError(
                    f"cannot return a NamedRef with axes {listed(ref.axes)} from a function that is differentiated in "
                    "forward mode: jax maps it; return what it holds, ref[...], and make a ref of that outside"
                )
            return out

        traced = trace(call)
        program = None if traced.written else without_refs(traced.closed, traced.consts, ())
        return traced.run() if program is None else traced.read_only(program)

    return pure
