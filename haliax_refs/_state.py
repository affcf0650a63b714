"""Trees of refs: made of trees of values, read, written and frozen as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias, cast, overload

import jax
import jax.numpy as jnp
import numpy as np
from haliax import NamedArray
from jax.tree_util import keystr

from . import _functions
from ._access.operations import write_all
from ._access.values import checked
from ._compat import Tracer, fits_axes
from ._explicit import is_ref
from ._functions import freezing, new_ref
from ._indexing.describe import listed
from ._lifetime import is_eager, new_raw
from ._locks import holding
from ._pickling import nameless
from ._refs import NamedRef, as_named_ref, is_named_ref
from ._tracebacks import hide_frames, short_traceback
from ._types import PyTree, Value


Path: TypeAlias = tuple[Any, ...]
Filter: TypeAlias = Any  # a function of a leaf, a bool, or a tree of these: a prefix of the tree that is filtered


# Of one ref a type says it. Of a tree it would say too much: `dict[str, NamedArray]` is none of optax's types, though
# optax takes it. (Given Any, pyright takes neither sort of ref for it, since there are two.)
@overload
def refs_of(tree: NamedArray) -> NamedRef: ...
@overload
def refs_of(tree: jax.Array) -> jax.Ref: ...
@overload
def refs_of(tree: PyTree, *, filter: Filter = None) -> Any: ...
@short_traceback
def refs_of(tree: PyTree, *, filter: Filter = None) -> Any:
    """The tree with a new ref in place of each array.

    Law: `values_of(refs_of(tree))` is `tree`, with its arrays as jax's.

    Args:
        tree: any pytree: a module, a dict, a dataclass, the state of an optimizer.
        filter: which arrays: a function of a leaf, as `eqx.is_inexact_array`, or a tree of such functions and bools
            that is a prefix of `tree`, as `eqx.partition` takes it. A NamedArray is selected where the function says
            so of it or of the array in it. By default all are.
    Returns:
        The tree with a `NamedRef` for each NamedArray, and a `jax.Ref` for each array without names, that is
        selected, those included that stand in a NamedArray whose axes they do not fit. All else stays as it is, the
        refs that it holds included: views of one buffer stay views of one buffer. An array that stands in two places
        becomes two refs, since arrays are values.

    >>> import equinox as eqx, haliax as hax, haliax_refs
    >>> refs = hax.ref.refs_of({"w": hax.ones({"x": 2}), "step": hax.named(0, ()), "name": "model"})
    >>> refs
    {'name': 'model', 'step': NamedRef(int32: ), 'w': NamedRef(float32: x=2)}
    >>> refs["w"]["x", 0] = 5.0
    >>> hax.ref.values_of(refs)["w"].array.tolist()
    [5.0, 1.0]
    >>> hax.ref.refs_of({"w": hax.ones({"x": 2}), "step": hax.named(0, ())}, filter=eqx.is_inexact_array)["step"].item()
    0
    """
    specs = True if filter is None else filter
    return jax.tree.map(_refs_where, specs, tree, is_leaf=lambda spec: isinstance(spec, NamedArray))


def _refs_where(spec: PyTree, tree: PyTree) -> Any:
    """`tree` with refs where `spec`, which is one function or bool, selects."""
    selects: Any = spec.array if isinstance(spec, NamedArray) else spec
    if not callable(selects) and not isinstance(selects, bool | np.bool_):
        raise TypeError(f"filter: expected a function of a leaf, a bool, or a tree of these, got {selects!r}")

    def ref_of(leaf: PyTree) -> Any:
        value = _whole_value(leaf) if is_named_ref(leaf) else leaf
        array = value.array if isinstance(value, NamedArray) else value
        if not _is_array(array):
            return leaf
        if callable(selects):
            selected = bool(selects(value)) or (array is not value and bool(selects(array)))
        else:
            selected = bool(selects)
        if not selected:
            return leaf
        if isinstance(value, NamedArray):
            return new_ref(value)
        return new_raw(array if isinstance(array, jax.Array) else jnp.asarray(array))

    return jax.tree.map(ref_of, tree, is_leaf=is_value_or_ref)


def _is_array(leaf: PyTree) -> bool:
    if isinstance(leaf, np.ndarray):
        return bool(leaf.dtype == np.bool_ or jnp.issubdtype(leaf.dtype, jnp.number))
    return isinstance(leaf, jax.Array) and not is_ref(leaf)


def is_value_or_ref(node: object) -> bool:
    """Whether a node of a tree is a leaf here: a NamedArray or a ref.

    Optimizers put arrays of other shapes into NamedArrays, as adafactor does, which then are no more than a node.
    """
    if not isinstance(node, NamedArray):
        return is_ref(node)
    return not is_ref(node.array) and fits_axes(node)


@overload
def values_of(tree: NamedRef) -> NamedArray: ...
@overload
def values_of(tree: jax.Ref) -> jax.Array: ...
@overload
def values_of(tree: PyTree) -> Any: ...
@short_traceback
def values_of(tree: PyTree) -> Any:
    """The tree with the contents of each ref in its place: a NamedArray for a `NamedRef`, an array for a `jax.Ref`.

    Each is a copy, which later writes do not change; inside `jit` it costs nothing. All are read at one moment, between
    what other threads do to the tree as a whole. What is no ref stays as it is. A
    `NamedRef` in which `jax.tree.map` has put an array gives that array, with the ref's axes.

    Raises:
        RuntimeError: a ref was frozen or freed.

    >>> import haliax as hax, haliax_refs
    >>> cache = hax.new_ref(hax.zeros({"layer": 2, "x": 3}))
    >>> hax.ref.values_of({"whole": cache, "part": cache.slice({"layer": 0})})["part"].axes
    (Axis(name='x', size=3),)
    """
    if not is_eager():
        return jax.tree.map(_value_of, tree, is_leaf=is_ref)
    found = []
    raws = [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Ref)]
    # all locked, so that no other thread updates the tree, or freezes it, when a part of it is read
    holding(raws, lambda: found.append(jax.tree.map(_value_of, tree, is_leaf=is_ref)))
    return found[0]


def _value_of(leaf: PyTree) -> Any:
    if is_named_ref(leaf):
        ref = as_named_ref(leaf)
        return ref[...] if ref._holds_ref() else _whole_value(ref)
    return named(leaf)[...].array if isinstance(leaf, jax.Ref) else leaf


def _whole_value(ref: NamedRef) -> Any:
    """What stands in a `NamedRef` in place of its ref, by name if it is an array that fits; `ref` if it has its ref."""
    ref = as_named_ref(ref)
    held, layout = ref._ref, ref._layout
    if ref._holds_ref():
        return ref
    if not isinstance(held, jax.Array | np.ndarray | jax.ShapeDtypeStruct):
        return held
    if not layout.is_whole or held.shape != layout.base_shape:
        ref._check_usable()  # which says what it holds
    return NamedArray(cast(Any, held), layout.axes)  # haliax takes any leaf for an array


def named(raw: jax.Ref) -> NamedRef:
    """A `NamedRef` of a `jax.Ref` without names: its axes are dim0, dim1 and so on."""
    ref: NamedRef = nameless(NamedRef, raw)
    return ref


def refs_in(tree: PyTree) -> Iterator[tuple[Path, NamedRef]]:
    """The refs of a tree, with their paths; a `jax.Ref` by itself as `named` gives it.

    Raises:
        TypeError: a `NamedRef` holds something else than a ref.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree, is_leaf=is_ref):
        if is_named_ref(leaf):
            yield path, as_named_ref(leaf)
        elif isinstance(leaf, jax.Ref):
            yield path, named(leaf)


@short_traceback
def update(refs: PyTree, values: PyTree) -> None:
    """Write the values of one tree to the refs of another, in place: what `values_of(refs)` then gives.

    All of it is checked before anything is written; outside of `jit`, whatever is raised, by a signal too, all refs
    have their old contents or all the new ones. If two refs show the same cells, what comes last stays.

    Args:
        refs: a tree, or one ref. What is no ref in it stays as it is.
        values: a tree of the same structure, with a NamedArray for each `NamedRef`, of its axes in any order, or an
            array of its shape; cast as a write casts ("same_kind").
    Raises:
        ValueError: the trees differ, or a value has other axes, or another shape.
        TypeError: the cast would lose the value's kind, or a value is a ref or no array.
        RuntimeError: a ref was frozen or freed, or a value was deleted.

    >>> import haliax as hax, haliax_refs
    >>> refs = hax.ref.refs_of({"w": hax.zeros({"x": 2}), "b": hax.zeros({"y": 2})})
    >>> hax.ref.update(refs, {"w": hax.ones({"x": 2}), "b": hax.ones({"y": 3})})
    Traceback (most recent call last):
    ...
    ValueError: cannot update the ref (y=2) at ['b'] with a value of axes (y=3): ...
    >>> hax.ref.update(refs, {"w": hax.ones({"x": 2}), "b": hax.ones({"y": 2})})
    >>> refs["w"][...].array.tolist(), refs["b"][...].array.tolist()
    ([1.0, 1.0], [1.0, 1.0])
    """
    given = _leaves_like(refs, values)
    writes = []
    for (path, leaf), value in zip(_leaves(refs), given, strict=True):
        if is_ref(leaf):
            ref = as_named_ref(leaf) if is_named_ref(leaf) else named(leaf)
            writes.append((ref, checked_value(ref, value, keystr(path) or "the root")))
    write_all(writes)


def _leaves(tree: PyTree) -> list[tuple[Path, Any]]:
    leaves: list[tuple[Path, Any]] = jax.tree_util.tree_leaves_with_path(tree, is_leaf=is_value_or_ref)
    return leaves


def _leaves_like(refs: PyTree, values: PyTree) -> list[Any]:
    """The leaves of `values`, which is of the structure of `refs`, in the order of that."""
    structure: object = jax.tree.structure(refs, is_leaf=is_value_or_ref)
    given: object = jax.tree.structure(values, is_leaf=is_value_or_ref)
    if structure != given:
        have = {keystr(path) for path, _ in _leaves(values)}
        want = {keystr(path) for path, _ in _leaves(refs)}
        found = "".join(
            f"; {what} {', '.join(sorted(paths)[:5])}{', ...' if len(paths) > 5 else ''}"
            for what, paths in (("no value at", want - have), ("no ref at", have - want))
            if paths
        )
        raise ValueError(
            f"cannot update refs with values of another tree structure{found or f': {given} for {structure}'}"
        )
    return jax.tree.leaves(values, is_leaf=is_value_or_ref)


def checked_value(ref: NamedRef, value: Value, place: str) -> Any:
    """`value`, which may be written to all that `ref` shows without being broadcast; `place` says in errors where."""
    ref._check_usable()
    asked = f"cannot update the ref {listed(ref.axes)} at {place}"
    if is_ref(value):
        raise TypeError(f"{asked} with a {type(value).__name__}: reads are explicit; pass values_of(tree)")
    if isinstance(value, NamedArray):
        if dict(value.shape) != ref.shape:
            raise ValueError(f"{asked} with a value of axes {listed(value.axes)}: expected {listed(ref.axes)}")
    elif not isinstance(value, jax.Array | np.ndarray | np.generic | bool | int | float | complex):
        raise TypeError(f"{asked} with {type(value).__name__}: expected a NamedArray or an array")
    elif np.shape(value) != tuple(ref.shape.values()):
        raise ValueError(f"{asked} with an array of shape {np.shape(value)}: expected {tuple(ref.shape.values())}")
    if is_deleted(value):
        raise RuntimeError(f"{asked}: the array was deleted, as by donating it; pass one that is still there")
    try:
        checked(value, ref._layout, ref._ref.dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise type(error)(f"{asked}: {error}") from error
    return _beside(ref, value)


def is_deleted(value: Value) -> bool:
    """Whether the array was deleted, or donated, so that there is nothing to be written."""
    array = value.array if isinstance(value, NamedArray) else value
    return isinstance(array, jax.Array) and not isinstance(array, Tracer) and array.is_deleted()


def _beside(ref: NamedRef, value: Value) -> Any:
    """`value` where the buffer is: a program takes no arguments that are committed to different devices."""
    if not is_eager() or not ref._layout.is_whole:
        return value
    array = value.array if isinstance(value, NamedArray) else value
    if not isinstance(array, jax.Array) or array.sharding == ref.sharding:
        return value
    if isinstance(value, NamedArray):
        return NamedArray(jax.device_put(value.rearrange(ref.axes).array, ref.sharding), ref.axes)
    return jax.device_put(array, ref.sharding)


@overload
def freeze(tree: NamedRef) -> NamedArray: ...
@overload
def freeze(tree: jax.Ref) -> jax.Array: ...
@overload
def freeze(tree: PyTree) -> Any: ...
def freeze(tree: PyTree) -> Any:
    """The contents of each ref of a tree, which is then invalid: any later use, through any view, raises RuntimeError.

    All or none: if one of them cannot be frozen, or a signal interrupts this, none is.

    Args:
        tree: a `NamedRef`, or a tree with refs; several may be views of one buffer.
    Returns:
        A NamedArray; of a tree, the tree that `values_of` gives.
    Raises:
        RuntimeError: a ref was frozen or freed already.
        ValueError: within a traced function that did not make it.
        TypeError: there is no ref in the tree.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.arange({"x": 3}))
    >>> view = ref.slice({"x": slice(1, None)})
    >>> hax.freeze(view).array.tolist()
    [1, 2]
    >>> ref[...]
    Traceback (most recent call last):
    ...
    RuntimeError: this NamedRef (x=3) is no longer valid: its buffer was frozen, ...
    >>> hax.freeze({"a": hax.new_ref(0.0), "b": hax.new_ref(hax.ones({"x": 2}))})["b"].array.tolist()
    [1.0, 1.0]
    """
    try:
        return _frozen(tree)
    except Exception:
        hide_frames()  # not by `short_traceback`, in whose call a signal would lose what this returns
        raise


def _frozen(tree: PyTree) -> Any:
    if is_named_ref(tree):
        return _functions.freeze(tree)
    refs = [ref for _, ref in refs_in(tree) if ref._holds_ref()]
    if not refs:
        return _functions.freeze(tree)  # which says that it is no ref

    def contents() -> Any:
        values = values_of(tree)
        if not is_eager():
            for raw in {id(ref._ref): ref._ref for ref in refs}.values():
                jax.freeze(raw)
        return values

    return freezing(refs, contents)
