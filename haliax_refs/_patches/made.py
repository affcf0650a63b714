"""Refs that a mapped function makes and returns: returned as contents, of which refs are made outside."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from haliax import Axis, NamedArray

from .._compat import names_of
from .._functions import new_ref
from .._indexing.describe import listed
from .._indexing.layout import Layout
from .._indexing.views import Strided
from .._lifetime import may_freeze
from .._refs import NamedRef, as_named_ref, is_named_ref, make
from .._types import PyTree


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, slots=True)
class _Made:
    """A ref that was made.

    Args:
        number: of its buffer.
        layout: the view of that.
        contents: of the whole buffer; None where another ref with this number has them.
    """

    number: int
    layout: Layout
    contents: NamedArray | None

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any], ...], tuple[int, Layout]]:
        return ((jax.tree_util.GetAttrKey("contents"), self.contents),), (self.number, self.layout)

    @classmethod
    def tree_unflatten(cls, structure: tuple[int, Layout], children: PyTree) -> _Made:
        return cls(*structure, *children)


def made_as_contents(tree: PyTree, refuse: Callable[[NamedRef], None]) -> Any:
    """`tree` with contents in place of refs. `refuse` raises for a ref that was not made here and now."""
    numbers: dict[int, int] = {}

    def contents(leaf: PyTree) -> Any:
        if not is_named_ref(leaf) or not isinstance(leaf._ref, jax.Ref):
            return leaf
        ref = as_named_ref(leaf)
        if not may_freeze(ref._ref):
            refuse(ref)
        if ref._operands:
            raise ValueError(
                f"cannot return a view with axes {listed(ref.axes)} whose positions are arrays: return the whole ref, "
                "and take the view outside"
            )
        number = numbers.get(id(ref._ref))
        if number is not None:
            return _Made(number, ref._layout, None)
        numbers[id(ref._ref)] = len(numbers)
        return _Made(len(numbers) - 1, ref._layout, ref.unsliced()[...])

    return jax.tree.map(contents, tree, is_leaf=is_named_ref)


def made_of_contents(tree: PyTree, name: str) -> Any:
    """`tree` with refs in place of contents, which have got the mapped axis in front. Those that shared a buffer do.

    Args:
        name: of the mapped axis, where it has none.
    """
    if not any(_is_made(leaf) for leaf in jax.tree.leaves(tree, is_leaf=_is_made)):
        return tree
    buffers: dict[int, NamedRef] = {}

    def ref(leaf: PyTree) -> Any:
        if not _is_made(leaf):
            return leaf
        if leaf.contents is not None:
            buffers[leaf.number] = new_ref(_with_axis(leaf.contents, name))
        whole = buffers[leaf.number]
        layout, axis = leaf.layout, whole.axes[0]
        mapped = Layout.of(
            (axis, *layout.base),
            (Strided(axis.name, range(axis.size)), *layout.views),
            (axis, *layout.axes),
            layout.operands,
            layout.scalars,
        )
        return make(whole._ref, mapped, ())

    return jax.tree.map(ref, tree, is_leaf=_is_made)


def _with_axis(contents: NamedArray, name: str) -> NamedArray:
    """Contents with the mapped axis: Haliax has named it, equinox has not."""
    taken, shape = names_of(contents), contents.array.shape
    if len(shape) == len(taken):
        return contents
    names = itertools.chain([name], (f"{name}{i}" for i in itertools.count(1)))
    free = next(other for other in names if other not in taken)
    return NamedArray(contents.array, tuple(map(Axis, (free, *taken), shape)))


def _is_made(leaf: PyTree) -> bool:
    return isinstance(leaf, _Made)
