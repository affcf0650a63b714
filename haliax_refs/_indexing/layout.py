"""The part of a buffer that a `NamedRef` is: a view of each of the buffer's axes, and the axes that result.

A `Layout` is structure, never data: what is traced or an array is numbered in it, and kept beside it. Layouts are
interned, one object for each content, so they compare and hash by identity, which every jitted call does.
"""

from __future__ import annotations

import functools
import itertools
import math
import weakref
from collections.abc import Collection, Mapping
from typing import Any

from haliax import Axis

from .._locks import new_lock
from .compose import axes_of, compose, lift, rename
from .describe import listed, unknown_axis, view_text
from .order import check_sizes, order_of
from .views import Expr, Point, Scalar, Selections, Strided, View


# Looked up, entered and gone through while _LOCK is held. What a layout's `memo` has is looked up without it, by one
# operation of a dict, and entered while it is held.
_INTERNED: weakref.WeakValueDictionary[Any, Layout] = weakref.WeakValueDictionary()
_LOCK = new_lock()
_LIMIT = 16384  # selections that all layouts remember together; a loop over static positions fills it
_remembered = 0  # since they last forgot


class Layout:
    """The views of a buffer's axes. Make one with `of` or `whole`; equal contents give the same object.

    Attributes:
        base: the buffer's axes.
        views: one for each of them.
        axes: those that result, in the order in which they are read and written.
        operands: how many dynamic operands the views number.
        scalars: likewise for static integers that are passed as arguments (`lifted`).
        size: how many entries it has.
        base_shape: the buffer's shape.
        memo: what has been selected from it, by the selections and, for simple indices, by the key of `plan`.
    """

    base: tuple[Axis, ...]
    views: tuple[View, ...]
    axes: tuple[Axis, ...]
    operands: int
    scalars: int
    shape: dict[str, int]
    size: int
    base_shape: tuple[int, ...]
    memo: dict[Any, Layout]
    _lifted: tuple[Layout | None, tuple[int, ...]] | None

    @staticmethod
    def of(
        base: tuple[Axis, ...], views: tuple[View, ...], axes: tuple[Axis, ...], operands: int, scalars: int
    ) -> Layout:
        key = (base, views, axes, operands, scalars)
        with _LOCK:
            found = _INTERNED.get(key)
            if found is None:
                found = object.__new__(Layout)
                found.base, found.views, found.axes = base, views, axes
                found.operands, found.scalars = operands, scalars
                found.shape = {axis.name: axis.size for axis in axes}
                found.size = math.prod(found.shape.values())
                found.base_shape = tuple(axis.size for axis in base)
                found.memo, found._lifted = {}, None
                # The lock is held from the look-up on, so two threads cannot make two objects of equal contents.
                return _INTERNED.setdefault(key, found)
            return found

    @staticmethod
    @functools.lru_cache(maxsize=1024)
    def whole(axes: tuple[Axis, ...]) -> Layout:
        """All of a buffer with these axes."""
        names = [axis.name for axis in axes]
        if len(set(names)) != len(names):
            raise ValueError(f"cannot name a buffer's axes {names}: names are unique; rename one")
        return Layout.of(axes, tuple(Strided(axis.name, range(axis.size)) for axis in axes), axes, 0, 0)

    def __reduce__(self) -> tuple[Any, ...]:
        return Layout.of, (self.base, self.views, self.axes, self.operands, self.scalars)

    def __repr__(self) -> str:
        parts = [f"{axis.name}={_of(view, axis.size)}" for axis, view in zip(self.base, self.views, strict=True)]
        return ", ".join(parts)

    @property
    def is_whole(self) -> bool:
        return self is Layout.whole(self.base)

    def view_note(self, name: str) -> str:
        """Which part of the buffer an axis is a view of, in parentheses; nothing where it is all of it.

        >>> from haliax_refs._indexing.views import Selector
        >>> part = Selector(Strided("x", range(7, 0, -2)), keeps_place=True)
        >>> Layout.whole((Axis("x", 8),)).select((("x", part),), 0, 0).view_note("x")
        ' (this view is 7::-2 of an axis of size 8)'
        """
        for axis, view in zip(self.base, self.views, strict=True):
            if any(own == name for own, _ in axes_of(view)) and view != Strided(name, range(axis.size)):
                of = "an axis" if axis.name == name else f"axis {axis.name!r}"
                return f" (this view is {view_text(view)} of {of} of size {axis.size})"
        return ""

    def unknown(self, name: str) -> str:
        """Why there is no axis of that name."""
        for axis, view in zip(self.base, self.views, strict=True):
            if axis.name == name:
                how = f"fixed it at {view_text(view)}" if isinstance(view, Point) else "replaced it"
                left = listed(self.axes)[1:-1] or "none"
                return f"unknown axis {name!r}: an earlier index {how}; the axes left are {left}"
        return unknown_axis(name, self.axes)

    def select(self, selections: Selections, operands: int, scalars: int) -> Layout:
        """The layout that `selections` leave of this one.

        Args:
            selections: for each axis selected from, a checked selector.
            operands: how many operands there are, those of `selections` included.
            scalars: likewise for scalars.
        Raises:
            ValueError: two selectors, or a selector and a kept axis, give one axis different sizes.
        """
        if not selections:
            return self
        found = self.memo.get(selections)
        if found is None:
            inner = {name: selector.view for name, selector in selections}
            # Each view takes all selections at once: an axis that one of them brings must not meet the next one.
            views = tuple(compose(view, inner) for view in self.views)
            axes = order_of(self.axes, selections)
            # Only now, as it needs the axes that result: sizes must agree wherever two views mention one axis.
            check_sizes(views, axes, selections)
            found = Layout.of(self.base, views, axes, operands, scalars)
            remember(self.memo, selections, found)
        return found

    def renamed(self, names: Mapping[str, str]) -> Layout:
        views = tuple(rename(view, names) for view in self.views)
        axes = tuple(Axis(names.get(axis.name, axis.name), axis.size) for axis in self.axes)
        return Layout.of(self.base, views, axes, self.operands, self.scalars)

    def without(self, dims: Collection[int]) -> Layout | None:
        """What is left of this layout when its buffer loses these dimensions; None where it has one but in part.

        >>> from haliax import Axis
        >>> Layout.whole((Axis("x", 4), Axis("y", 3))).without([0])
        y=3
        """
        # Fewer than `dims` if one of them is seen in part, or not as an axis at all, or if two are paired.
        lost = {axis.name for dim in dims for axis in self._whole_axis(dim)}
        kept = [dim for dim in range(len(self.base)) if dim not in dims]
        views = tuple(self.views[dim] for dim in kept)
        # A lost axis must be mentioned by no other view: those paired with it would be left without its coordinate.
        if len(lost) < len(dims) or any(name in lost for view in views for name, _ in axes_of(view)):
            return None
        axes = tuple(axis for axis in self.axes if axis.name not in lost)
        return Layout.of(tuple(self.base[dim] for dim in kept), views, axes, self.operands, self.scalars)

    def _whole_axis(self, dim: int) -> tuple[Axis, ...]:
        view, size = self.views[dim], self.base[dim].size
        return (Axis(view.axis, size),) if isinstance(view, Strided) and view.positions == range(size) else ()

    def fitted(self, shape: tuple[int, ...]) -> Layout:
        """This layout where a jax transformation has changed the buffer's shape; itself where that is not clear.

        `jax.vmap` and `jax.lax.scan` take dimensions away without naming them. The shape that is left may say which.
        `shard_map` leaves a part of each.

        >>> from haliax import Axis
        >>> Layout.whole((Axis("x", 4), Axis("y", 3))).fitted((3,))
        y=3
        >>> Layout.whole((Axis("x", 3), Axis("y", 3))).fitted((3,))
        x=3, y=3
        """
        lost = len(self.base) - len(shape)
        # Operands may have been mapped, too, and then mean something else.
        if self.operands or lost < 0:
            return self
        if lost == 0:
            sizes = zip(self.base, shape, strict=True)
            return Layout.whole(tuple(Axis(axis.name, n) for axis, n in sizes)) if self.is_whole else self
        # Several choices of dimensions may leave the same shape; then nobody can say which were taken.
        found = [
            dims
            for dims in itertools.combinations(range(len(self.base)), lost)
            if tuple(n for dim, n in enumerate(self.base_shape) if dim not in dims) == shape
        ]
        return (self.without(found[0]) or self) if len(found) == 1 else self

    def lifted(self) -> tuple[Layout, tuple[int, ...]]:
        """This layout with its static positions as numbered scalars, and their values.

        Layouts that differ in positions only lift to one, so that one compiled program serves them all.
        """
        if self._lifted is None:
            values: list[int] = []

            def scalar(value: int) -> Expr:
                values.append(value)
                return Scalar(len(values) - 1)

            views = tuple(lift(view, axis.size, scalar) for axis, view in zip(self.base, self.views, strict=True))
            lifted = Layout.of(self.base, views, self.axes, self.operands, len(values))
            # A layout that lifts to itself must not hold itself: it would never be freed.
            self._lifted = (None if lifted is self else lifted, tuple(values))
        lifted_or_self, scalars = self._lifted
        return lifted_or_self or self, scalars


def _of(view: View, size: int) -> str:
    if isinstance(view, Strided) and view.positions == range(size):
        return str(size)
    return view_text(view) if isinstance(view, Point) else f"{view_text(view)} of {size}"


def remember(memo: dict[Any, Layout], key: object, selected: Layout) -> None:
    """Note in a layout's memo what an index selects from it.

    Every layout has its own memo, so a limit for each would not bound the total: at a global limit all are cleared.
    """
    global _remembered
    with _LOCK:
        if _remembered >= _LIMIT:
            for layout in list(_INTERNED.values()):
                layout.memo.clear()
            _remembered = 0
        _remembered += 1
        memo[key] = selected
