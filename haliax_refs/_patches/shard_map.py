"""`jax.shard_map`, and `hax.shard_map` of marin-haliax, of refs: names give the specs, and errors say what is wrong."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import equinox
import jax
from haliax import NamedArray
from jax.sharding import PartitionSpec

from .._compat import HAX_SHARD_MAP, PASSED_REF, UNPLACED_REF, pspec_for
from .._functions import new_ref
from .._indexing.describe import listed
from .._lifetime import is_eager
from .._refs import NamedRef
from .._types import PyTree
from .walk import put_back, refs_in, taken_out


# What jax raises of a function that closes over a ref, by version, and whether it is traced.
_FAILURES = (AssertionError, AttributeError, ValueError)


def _shard_map(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.shard_map`, but a `NamedRef` argument outside of `jax.jit`, and a ref that is closed over, raise."""

    @functools.wraps(original)
    def shard_map(*function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        if not function:
            return functools.partial(shard_map, **options)
        plain = original(*function, **options)

        @functools.wraps(plain)
        def mapped(*args: Any, **kwargs: Any) -> Any:
            _refuse_eager((args, kwargs), "jax")
            return _telling(lambda: plain(*args, **kwargs), "jax")

        return mapped

    return shard_map


def _refuse_eager(tree: PyTree, module: str) -> None:
    for ref in refs_in(tree) if is_eager() else ():
        raise NotImplementedError(
            f"cannot pass a NamedRef with axes {listed(ref.axes)} to {module}.shard_map outside of jax.jit; write "
            f"jax.jit({module}.shard_map(...))(ref)"
        )


def _telling(call: Callable[[], Any], module: str) -> Any:
    """What `call` returns; where it fails because the mapped function closes over a ref, an error that says so."""
    try:
        return call()
    except _FAILURES as error:
        if not _is_of_closed_over_ref(error, call):
            raise
        raise NotImplementedError(
            f"cannot close over a ref in {module}.shard_map: jax has no in_specs for it; pass it as an argument, "
            f"within jax.jit: jax.jit({module}.shard_map(...))(ref)"
        ) from error


def _is_of_closed_over_ref(error: Exception, call: Callable[[], Any]) -> bool:
    """Whether `call` failed as it closes over a ref: jax's error tells where it is traced."""
    if UNPLACED_REF in str(error):
        return True
    if not is_eager() or not (str(error) == "" or PASSED_REF in str(error)):
        return False
    try:
        jax.make_jaxpr(call)()
    except _FAILURES as traced:
        return UNPLACED_REF in str(traced)
    return False


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, slots=True)
class _Contents:
    """The contents of a ref, in its place."""

    value: NamedArray

    def tree_flatten(self) -> tuple[tuple[NamedArray], None]:
        return (self.value,), None

    @classmethod
    def tree_unflatten(cls, _: None, children: tuple[NamedArray]) -> _Contents:
        return cls(*children)


def _hax_shard_map(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.shard_map` that takes refs: their specs are those of their axes, and so are those of what is returned.

    To find these, Haliax traces the function once more; then it is given new refs, so that nothing is written.
    """

    @functools.wraps(original)
    def shard_map(f: Callable[..., Any] | None = None, **options: Any) -> Callable[..., Any]:
        if f is None:
            return functools.partial(shard_map, **options)
        function, plain = f, original(f, **options)

        @functools.wraps(plain)
        def mapped(*args: Any, **kwargs: Any) -> Any:
            given = (args, kwargs)
            if not any(True for _ in refs_in(given)):
                return _telling(lambda: plain(*args, **kwargs), "hax")
            _refuse_eager(given, "hax")
            specs = _specs(original, function, given, options)
            return _telling(lambda: original(_unpacked(function), **specs)(*given), "hax")

        return mapped

    return shard_map


def _unpacked(function: Callable[..., Any]) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    return lambda args, kwargs: function(*args, **kwargs)


def _specs(
    original: Callable[..., Any],
    function: Callable[..., Any],
    given: tuple[tuple[Any, ...], dict[str, Any]],
    options: dict[str, Any],
) -> dict[str, Any]:
    """The options of a `hax.shard_map` of `_unpacked(function)`, with specs where they were left out."""
    refs: list[NamedRef] = []
    slots = taken_out(given, refs)
    for ref in refs:
        if not ref._layout.is_whole:
            raise ValueError(
                f"cannot pass a view with axes {listed(ref.axes)} to hax.shard_map: jax divides its buffer "
                f"{listed(ref._layout.base)} among devices; pass the whole ref, and take the view inside"
            )
    mapping, in_specs = options.get("axis_mapping"), options.get("in_specs")
    if in_specs is None:
        of_refs = [pspec_for(ref[...], mapping) for ref in refs]
        in_specs = put_back(pspec_for(slots, mapping), lambda slot: of_refs[slot.number])
    else:
        in_specs = (in_specs, {})
    specs = {**options, "in_specs": in_specs}
    if options.get("out_specs") is None:

        def of_contents(args: Any, kwargs: Any) -> Any:
            return _unpacked(function)(*put_back((args, kwargs), lambda of_ref: new_ref(of_ref.value), (_Contents,)))

        contents = put_back(slots, lambda slot: _Contents(refs[slot.number][...]))
        shapes = equinox.filter_eval_shape(original(of_contents, **specs), *contents)
        found = pspec_for(shapes, mapping)
        specs["out_specs"] = PartitionSpec() if found is None else found  # of no result; None is to look for them again
    return specs


IN_JAX: tuple[tuple[ModuleType, str, Any], ...] = ((jax, "shard_map", _shard_map(jax.shard_map)),)
IN_PLACE_OF: tuple[tuple[Any, Any], ...] = (
    () if HAX_SHARD_MAP is None else ((HAX_SHARD_MAP, _hax_shard_map(HAX_SHARD_MAP)),)
)
