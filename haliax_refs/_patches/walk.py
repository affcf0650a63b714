"""The refs of a tree: found, taken out, and put back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from haliax import Axis, NamedArray

from .._indexing.describe import listed
from .._indexing.layout import Layout
from .._refs import NamedRef, as_named_ref, is_named_ref
from .._types import PyTree


def refs_in(tree: PyTree) -> Iterator[NamedRef]:
    """The refs of a tree, in its order; those of upstream's class as ours.

    What `jax.tree.map` or `eqx.partition` put in place of a `jax.Ref`, in what is still a `NamedRef`, is not one.
    """
    for leaf in jax.tree.leaves(tree, is_leaf=is_named_ref):
        if is_named_ref(leaf) and isinstance(leaf._ref, jax.Ref):
            yield as_named_ref(leaf)


@jax.tree_util.register_static
@dataclass(frozen=True, slots=True)
class Slot:
    """The place of the `number`-th ref in arguments: a pytree without leaves, so that nothing maps it."""

    number: int


def taken_out(tree: PyTree, refs: list[NamedRef]) -> Any:
    """`tree` with a `Slot` for each ref, which is appended to `refs`."""

    def take(leaf: PyTree) -> Any:
        if not is_named_ref(leaf):
            return leaf
        refs.append(as_named_ref(leaf))
        return Slot(len(refs) - 1)

    return jax.tree.map(take, tree, is_leaf=is_named_ref)


def put_back(tree: PyTree, place: Callable[[Any], Any], kinds: tuple[type, ...] = (Slot,)) -> Any:
    """`tree` with `place` of each `Slot`, or each of `kinds`."""
    is_place = functools.partial(_is_of, kinds)
    return jax.tree.map(lambda leaf: place(leaf) if is_place(leaf) else leaf, tree, is_leaf=is_place)


def _is_of(kinds: tuple[type, ...], leaf: PyTree) -> bool:
    return isinstance(leaf, kinds)


def is_named_array(leaf: PyTree) -> bool:
    return isinstance(leaf, NamedArray)


def shared_size(arrays: Sequence[NamedRef | NamedArray], name: str, axis: Axis | str) -> int | None:
    """The size of the axis in the refs and arrays that have it; None where none does, and `axis` is a name only."""
    sizes = {array.shape[name] for array in arrays if name in array.shape}
    if isinstance(axis, Axis):
        sizes.add(axis.size)
    if len(sizes) > 1:
        raise ValueError(f"cannot map axis {name!r}: it has sizes {sorted(sizes)} in the axis and the arguments")
    return sizes.pop() if sizes else None


def refuse_without_axis(fact: str, leaves: Sequence[Any], refs: Sequence[NamedRef]) -> None:
    """Refuse an axis that no ref has, unless an array without names is among the other arguments: it may have it."""
    if all(is_named_array(leaf) or not np.ndim(leaf) for leaf in leaves):
        raise ValueError(f"{fact}; the axes of the refs are {', '.join(listed(ref.axes) for ref in refs)}")


def refuse_returned(tree: PyTree, where: str) -> None:
    """Refuse a ref in what a function returns that is traced once and run many times: jax cannot return it."""
    for ref in refs_in(tree):
        raise ValueError(
            f"cannot return a NamedRef with axes {listed(ref.axes)} from {where}: what is written to it is seen "
            "outside, so return nothing, or what it reads, ref[...]"
        )


def whole_of_shape(shape: Sequence[int]) -> Layout:
    """The layout of a whole buffer whose names are not known: of a ref that was closed over."""
    return Layout.whole(tuple(Axis(f"dim{dim}", size) for dim, size in enumerate(shape)))
