"""`step`: what an optimizer of optax does to a tree of parameters, in place."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from haliax import NamedArray
from jax import stages
from jax.sharding import SingleDeviceSharding
from jax.tree_util import keystr

from ._access.operations import write_all
from ._access.programs import Program, calls_python, is_debugging, is_in_own_memory, signature
from ._access.together import jitted_anyway, run_on_all
from ._compat import compiled_in_place, holder_of
from ._explicit import is_ref
from ._indexing.describe import listed
from ._lifetime import is_eager, new_raw
from ._recent import Recent
from ._refs import NamedRef
from ._state import checked_value, is_value_or_ref, named, refs_in, update, values_of
from ._tracebacks import short_traceback
from ._types import Passed, PyTree


class Optimizer(Hashable, Protocol):
    """An `optax.GradientTransformation`, or what has its `update`, which may take other things besides."""

    @property
    def update(self) -> Callable[..., tuple[Any, Any]]: ...


@short_traceback
def step(optimizer: Optimizer, params: PyTree, state: PyTree, gradients: PyTree, **extra: Passed) -> None:
    """Step parameters and the state of an optimizer in place: `optimizer.update` and `optax.apply_updates` in one.

    Law: `values_of(params)` and `values_of(state)` are then what optax gives for the values before. There are no new
    parameters or moments beside the old ones: each buffer is overwritten where it is, under `jit` as well as outside,
    where one compiled program runs. A buffer keeps its dtype. Outside, whatever is raised, by a signal too, all refs
    are stepped or none; and but for sm3, adadelta and `apply_if_finite`, XLA needs three leaves' worth besides at most.

    Args:
        optimizer: any of optax, or anything with its `update`. Outside of `jit` make it once: another one is compiled.
        params: a tree with refs. What is no ref in it, and what has None for a gradient, is not stepped.
        state: of refs: `refs_of(optimizer.init(values_of(params)))`.
        gradients: of the structure of `params`, values or refs; None where nothing is to be stepped.
        extra: what this optimizer's `update` takes besides, as `value=` and `value_fn=`.
    Raises:
        TypeError: the state holds arrays in place of refs, or a part of it that changes is no ref.
        ValueError: the trees differ, or one buffer stands in two places. Nothing is written then.

    >>> import haliax as hax, haliax_refs, jax, optax
    >>> optimizer = optax.adam(0.1)
    >>> params = hax.ref.refs_of({"w": hax.ones({"x": 2})})
    >>> state = hax.ref.refs_of(optimizer.init(hax.ref.values_of(params)))
    >>> @jax.jit
    ... def train(params, state):
    ...     gradients = jax.grad(lambda p: hax.sum(p["w"] ** 2).scalar())(hax.ref.values_of(params))
    ...     hax.ref.step(optimizer, params, state, gradients)
    >>> train(params, state)
    >>> params["w"][...].array.round(2), haliax_refs.values_of(state[0].count).item()
    (Array([0.9, 0.9], dtype=float32), 1)
    """
    _check_apart(params, state, gradients)
    _check_state(state)
    given = (params, state, gradients, extra)
    if not is_eager():
        _step(optimizer, *given)
        return
    jitted_anyway(_step_eagerly, optimizer, given)


class _Buffer(NamedTuple):
    """Stands for a ref among the leaves that are static: its number among the buffers."""

    number: int


class _Argument(NamedTuple):
    """Stands for an array among the leaves that are static: its number among the arguments."""

    number: int


# Of what is compiled only the executable is kept.
_PROGRAMS: Recent[Any, Program] = Recent(64)


def _step_eagerly(optimizer: Optimizer, given: PyTree) -> None:
    """Step by one compiled program: as a signal finds the refs, all of them are stepped, or none."""
    leaves, structure = jax.tree.flatten(given)
    refs: list[NamedRef] = []
    numbers: dict[int, _Buffer] = {}
    arguments: list[Any] = []
    static: list[Any] = []
    for leaf in leaves:
        if isinstance(leaf, jax.Ref):
            if id(leaf) not in numbers:
                numbers[id(leaf)] = _Buffer(len(refs))
                refs.append(named(leaf))
            static.append(numbers[id(leaf)])
        elif isinstance(leaf, jax.Array | np.ndarray | np.generic | float):
            arguments.append(np.asarray(leaf) if isinstance(leaf, np.generic) else leaf)
            static.append(_Argument(len(arguments) - 1))
        else:
            static.append(leaf)
    for ref in refs:
        ref._check_usable()
    buffers = [holder_of(ref._ref)._buf for ref in refs]
    key = (optimizer, structure, *static, is_debugging(), *map(_signature, buffers), *map(_signature, arguments))
    program = _PROGRAMS.get(key)
    if program is None:
        program = _PROGRAMS.remember(key, _compiled(optimizer, structure, static, buffers, arguments))
    run_on_all(program, refs, [arguments])


def _signature(argument: Any) -> Any:
    return float if isinstance(argument, float) else signature(argument)


def _compiled(
    optimizer: Optimizer, structure: PyTree, static: list[Any], buffers: list[Any], arguments: list[Any]
) -> Program:
    """The program of a step: from the contents of refs, and arrays, to the new contents."""

    def named_ref_step(buffers: list[Any], arguments: list[Any]) -> list[jax.Array]:
        raws = [new_raw(buffer) for buffer in buffers]

        def leaf_of(fixed: object) -> Any:
            if isinstance(fixed, _Buffer):
                return raws[fixed.number]
            return arguments[fixed.number] if isinstance(fixed, _Argument) else fixed

        _step(optimizer, *jax.tree.unflatten(structure, [leaf_of(fixed) for fixed in static]))
        return [jax.freeze(raw) for raw in raws]

    # XLA may choose where a result is, and would then give another ref than there was.
    places = [
        None if isinstance(array.sharding, SingleDeviceSharding) and is_in_own_memory(array) else array.sharding
        for array in buffers
    ]

    def trace(donates: bool) -> stages.Traced:
        donated = (0,) if donates else ()
        return jax.jit(named_ref_step, out_shardings=places, donate_argnums=donated).trace(buffers, arguments)

    # Nothing is donated where the old contents may be wanted: where a result is refused, and by what is called back.
    donates = not is_debugging()
    traced = trace(donates)
    calls_back = calls_python(traced.jaxpr.jaxpr)
    if calls_back and donates:
        donates, traced = False, trace(False)
    return Program(compiled_in_place(traced.lower(), buffers), donates=donates, calls_back=calls_back)


def _step(optimizer: Optimizer, params: PyTree, state: PyTree, gradients: PyTree, extra: dict[str, Any]) -> None:
    leaves = jax.tree.leaves(params, is_leaf=is_value_or_ref)
    structure: Any = jax.tree.structure(params, is_leaf=is_value_or_ref)
    found = values_of(gradients)
    try:
        grads = structure.flatten_up_to(found)
    except ValueError as error:
        raise ValueError(
            f"cannot step: the gradients have another tree structure than the parameters: {error}"
        ) from error
    stepped = [is_ref(leaf) and bool(jax.tree.leaves(grad)) for leaf, grad in zip(leaves, grads, strict=True)]

    def only(values: list[Any]) -> Any:
        # What has no gradient is as empty as its gradient is, None or a NamedArray of None: so is it in the state.
        kept = [value if steps else grad for value, grad, steps in zip(values, grads, stepped, strict=True)]
        return jax.tree.unflatten(structure, kept)

    values, before = only([values_of(leaf) for leaf in leaves]), values_of(state)
    updates, after = optimizer.update(only(grads), before, values, **extra)
    _check_unchanged(before, after, state)
    new = structure.flatten_up_to(jax.tree.map(_applied, values, updates))
    of_refs = [
        value if steps else None for value, leaf, steps in zip(new, leaves, stepped, strict=True) if is_ref(leaf)
    ]
    writes = [
        (ref, checked_value(ref, value, keystr(path) or "the root"))
        for (path, ref), value in zip(refs_in(params), of_refs, strict=True)
        if value is not None
    ]
    update(state, after)
    write_all(writes)


def _applied(value: Any, change: PyTree) -> Any:
    """As `optax.apply_updates` does."""
    return jnp.asarray(value + change).astype(value.dtype)


def _check_apart(params: PyTree, state: PyTree, gradients: PyTree) -> None:
    """Refuse a buffer that stands in two places: what is computed for one would be overwritten by the other."""
    seen: dict[int, str] = {}
    for name, tree in (("params", params), ("state", state), ("gradients", gradients)):
        for path, ref in refs_in(tree):
            place = name + keystr(path)
            if ref._holds_ref() and (first := seen.setdefault(id(ref._ref), place)) != place:
                raise ValueError(
                    f"cannot step the ref {listed(ref.axes)} at {place}: its buffer is also at {first}; leave one out, "
                    "and add up the gradients of both"
                )


def _check_state(state: PyTree) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(state, is_leaf=is_value_or_ref):
        is_filled = isinstance(leaf, NamedRef) and not leaf._holds_ref()
        if is_filled or (not is_ref(leaf) and isinstance(leaf, NamedArray | jax.Array | np.ndarray)):
            raise TypeError(
                f"expected a state of refs, got {type(leaf).__name__} at state{keystr(path)}: take "
                "hax.ref.refs_of(optimizer.init(hax.ref.values_of(params)))"
            )


def _check_unchanged(before: PyTree, after: PyTree, state: PyTree) -> None:
    """What is no ref in the state has nowhere to go if the optimizer changes it."""
    leaves = jax.tree.leaves(state, is_leaf=is_value_or_ref)
    structure: Any = jax.tree.structure(state, is_leaf=is_value_or_ref)
    old, new = structure.flatten_up_to(before), structure.flatten_up_to(after)
    for leaf, was, now in zip(leaves, old, new, strict=True):
        if not is_ref(leaf) and was is not now and not (isinstance(now, bool | int | float | str) and was == now):
            raise TypeError(f"cannot step: the optimizer's state has {was!r} where a ref should be, and changes it")
