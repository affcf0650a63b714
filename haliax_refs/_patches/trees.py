"""Refs in Haliax's own trees: leaves of `hax.tree_util`, and arguments of `hax.named_jit`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import equinox
import haliax
import jax
import jax.numpy as jnp
import numpy as np
from haliax import NamedArray
from jax.sharding import NamedSharding, PartitionSpec

from .. import _compat
from .._refs import NamedRef, is_named_ref, make
from .._types import Array, Function, Passed, PyTree
from .walk import Slot, put_back, refs_in, taken_out


def _or_ref(is_leaf: Callable[[Any], bool] | None) -> Callable[[Any], bool]:
    return is_named_ref if is_leaf is None else lambda leaf: is_named_ref(leaf) or is_leaf(leaf)


def _tree_map(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.tree_util.tree_map` in which a ref is a leaf, as a NamedArray is."""

    @functools.wraps(original)
    def tree_map(fn: Callable[..., Any], tree: PyTree, *rest: PyTree, is_leaf: Function | None = None) -> Any:
        return original(fn, tree, *rest, is_leaf=_or_ref(is_leaf))

    return tree_map


def _tree_function(original: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, of `jax.tree_util`, in which a NamedArray or a ref is a leaf."""

    @functools.wraps(original)
    def of_tree(tree: PyTree, is_leaf: Function | None = None) -> Any:
        is_ref_or_leaf = _or_ref(is_leaf)
        return function(tree, is_leaf=lambda leaf: isinstance(leaf, NamedArray) or is_ref_or_leaf(leaf))

    return of_tree


def _hashable_partition(original: Callable[..., Any]) -> Callable[..., Any]:
    """Haliax's division of arguments into dynamic and static, by which a `jax.Ref` would be static."""

    @functools.wraps(original)
    def hashable_partition(pytree: PyTree, filter_spec: PyTree) -> Any:
        if filter_spec is not equinox.is_array:
            return original(pytree, filter_spec)
        return original(_with_jax_operands(pytree), lambda leaf: equinox.is_array(leaf) or isinstance(leaf, jax.Ref))

    return hashable_partition


def _with_jax_operands(tree: PyTree) -> Any:
    """`tree` with the NumPy index arrays of its views as jax arrays, which are dynamic."""
    if not any(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(tree)):
        return tree

    def convert(leaf: PyTree) -> Any:
        return (
            make(leaf._ref, leaf._layout, tuple(map(jnp.asarray, leaf._operands))) if type(leaf) is NamedRef else leaf
        )

    return jax.tree.map(convert, tree, is_leaf=is_named_ref)


def _infer_resource_partitions(original: Callable[..., Any]) -> Callable[..., Any]:
    """Haliax's shardings for arguments, in which a ref has the one that it has: to move it would be to copy it."""

    @functools.wraps(original)
    def infer_resource_partitions(tree: PyTree, *args: Passed, **kwargs: Passed) -> Any:
        refs: list[NamedRef] = []
        shardings = original(taken_out(tree, refs), *args, **kwargs)

        def place(slot: Slot) -> NamedRef:
            ref = refs[slot.number]
            sharding = getattr(ref._ref, "sharding", None)
            whole = NamedSharding(sharding.mesh, PartitionSpec()) if isinstance(sharding, NamedSharding) else sharding
            return make(sharding, ref._layout, (whole,) * len(ref._operands))

        return put_back(shardings, place)

    return infer_resource_partitions


def _of_arrays(original: Callable[..., Any]) -> Callable[..., Any]:
    """How Haliax calls a reduction, or a function along axes: but not on a ref, whose `jax.Ref` it would pass on."""

    @functools.wraps(original)
    def call(fn: Function, a: Array, *args: Passed, **kwargs: Passed) -> Any:
        if not isinstance(a, NamedArray):
            for ref in refs_in(a):
                ref._no_value()
        return original(fn, a, *args, **kwargs)

    return call


IN_PLACE_OF: tuple[tuple[Any, Any], ...] = (
    (haliax.tree_util.tree_map, _tree_map(haliax.tree_util.tree_map)),
    (haliax.tree_util.tree_flatten, _tree_function(haliax.tree_util.tree_flatten, jax.tree_util.tree_flatten)),
    (haliax.tree_util.tree_leaves, _tree_function(haliax.tree_util.tree_leaves, jax.tree_util.tree_leaves)),
    (haliax.tree_util.tree_structure, _tree_function(haliax.tree_util.tree_structure, jax.tree_util.tree_structure)),
    (_compat.hashable_partition, _hashable_partition(_compat.hashable_partition)),
    (_compat.infer_resource_partitions, _infer_resource_partitions(_compat.infer_resource_partitions)),
    (_compat.wrap_reduction_call, _of_arrays(_compat.wrap_reduction_call)),
    (_compat.wrap_axiswise_call, _of_arrays(_compat.wrap_axiswise_call)),
)
