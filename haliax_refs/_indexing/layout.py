"""What a `NamedRef` shows of its buffer: a view for each of the buffer's axes, and the order of what they show.

A `Layout` is structure, never data: what is traced or an array is numbered in it, and kept beside it. Layouts are
interned, one object for each content, so they compare and hash by identity, which every jitted call does.
"""

from __future__ import annotations

import functools
import itertools
import math
import threading
import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from haliax import Axis

from .selectors import Selector, unknown_axis
from .views import Expr, Gather, Point, Scalar, Strided, View, Window, axes_of, compose, lift, rename


_INTERNED: weakref.WeakValueDictionary[Any, Layout] = weakref.WeakValueDictionary()
_LOCK = threading.RLock()  # reentrant: what the garbage collector ends meanwhile may use refs when it is finalized
_LIMIT = 16384  # selections that all layouts remember together; a loop over static positions fills it
_remembered = 0  # since they last forgot

Selections = tuple[tuple[str, Selector], ...]


class Layout:
    """The views of a buffer's axes. Make one with `of` or `whole`; equal contents give the same object.

    Attributes:
        base: the buffer's axes.
        views: for each of them, what it shows.
        axes: what is shown, in the order in which it is read and written.
        operands: how many dynamic operands the views number.
        scalars: likewise for static integers that are passed as arguments (`lifted`).
        size: how many entries are shown.
        base_shape: the buffer's shape.
        remembered: what simple indices show of this, see `_plan`.
    """

    base: tuple[Axis, ...]
    views: tuple[View, ...]
    axes: tuple[Axis, ...]
    operands: int
    scalars: int
    shape: dict[str, int]
    size: int
    base_shape: tuple[int, ...]
    remembered: dict[Any, Layout]
    _memo: dict[Selections, Layout]
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
                found.remembered, found._memo, found._lifted = {}, {}, None
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
        parts = [f"{axis.name}={showing(view, axis.size)}" for axis, view in zip(self.base, self.views, strict=True)]
        return ", ".join(parts)

    @property
    def is_whole(self) -> bool:
        return self is Layout.whole(self.base)

    def describe(self, name: str) -> str:
        """What is known of an axis, for errors: its size and what it shows, or why there is none."""
        if name in self.shape:
            text = f"size {self.shape[name]}"
            for axis, view in zip(self.base, self.views, strict=True):
                shown = [shown for shown, _ in axes_of(view)]
                if name in shown and view != Strided(name, range(axis.size)):
                    of = "" if axis.name == name else f" of {axis.name!r}"
                    text += f", showing {showing(view, axis.size)}{of}"
            return text
        for axis, view in zip(self.base, self.views, strict=True):
            if axis.name == name:
                left = ", ".join(f"{ax.name}={ax.size}" for ax in self.axes) or "none"
                how = f"fixed it at {showing(view, axis.size)}" if isinstance(view, Point) else "replaced it"
                return f"an earlier index {how}; axes left are {left}"
        return unknown_axis(name, self.axes)

    def select(self, selections: Selections, operands: int, scalars: int) -> Layout:
        """The layout that shows `selections` of this one.

        Args:
            selections: for each axis selected from, a checked selector.
            operands: how many operands there are, those of `selections` included.
            scalars: likewise for scalars.
        Raises:
            ValueError: two selectors, or a selector and a kept axis, give one axis different sizes.
        """
        if not selections:
            return self
        found = self._memo.get(selections)
        if found is None:
            inner = {name: selector.view for name, selector in selections}
            views = tuple(compose(view, inner) for view in self.views)
            axes = _order(self.axes, selections)
            _check_sizes(views, axes, selections)
            found = Layout.of(self.base, views, axes, operands, scalars)
            remember(self._memo, selections, found)
        return found

    def renamed(self, names: Mapping[str, str]) -> Layout:
        views = tuple(rename(view, names) for view in self.views)
        axes = tuple(Axis(names.get(axis.name, axis.name), axis.size) for axis in self.axes)
        return Layout.of(self.base, views, axes, self.operands, self.scalars)

    def without(self, dims: Collection[int]) -> Layout | None:
        """What is left of this layout when its buffer loses these dimensions; None where it shows one but in part.

        >>> from haliax import Axis
        >>> Layout.whole((Axis("x", 4), Axis("y", 3))).without([0])
        y=3
        """
        lost = {axis.name for dim in dims for axis in self._shown_whole(dim)}
        kept = [dim for dim in range(len(self.base)) if dim not in dims]
        views = tuple(self.views[dim] for dim in kept)
        if len(lost) < len(dims) or any(name in lost for view in views for name, _ in axes_of(view)):
            return None
        axes = tuple(axis for axis in self.axes if axis.name not in lost)
        return Layout.of(tuple(self.base[dim] for dim in kept), views, axes, self.operands, self.scalars)

    def _shown_whole(self, dim: int) -> tuple[Axis, ...]:
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
        if self.operands or lost < 0:
            return self
        if lost == 0:
            sizes = zip(self.base, shape, strict=True)
            return Layout.whole(tuple(Axis(axis.name, n) for axis, n in sizes)) if self.is_whole else self
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


def remember(memo: dict[Any, Layout], key: Any, shown: Layout) -> None:
    """Note in a layout's memo what an index shows of it.

    What is shown has memos of its own, so that one limit for each would bound nothing: at one for all, all forget.
    """
    global _remembered
    with _LOCK:
        if _remembered >= _LIMIT:
            for layout in list(_INTERNED.values()):
                layout.remembered.clear()
                layout._memo.clear()
            _remembered = 0
        _remembered += 1
        memo[key] = shown


def _check_sizes(views: Sequence[View], axes: Sequence[Axis], selections: Selections) -> None:
    sizes = {axis.name: axis.size for axis in axes}
    for view in views:
        for name, size in axes_of(view):
            if sizes[name] != size:
                asked = ", ".join(selected for selected, _ in selections)
                raise ValueError(
                    f"cannot pair along axis {name!r}: an index of {asked} gives it size {size} where the result has "
                    f"{sizes[name]}; slice both alike, or rename the index array's axis"
                )


def _order(axes: tuple[Axis, ...], selections: Selections) -> tuple[Axis, ...]:
    """The axes of a selection in NamedArray's order.

    Axes that are sliced stay where they are. Ints, index arrays and the axes that index arrays share with what they
    index are advanced indices: where these are adjacent, the index arrays' axes take their place, else they come first.
    """
    by_name = dict(selections)
    kept: list[tuple[Axis, ...] | None] = []  # for each axis what stays in its place; None where it is advanced
    arrays: list[tuple[Axis, ...]] = []
    carried: set[str] = set()
    for _, selector in selections:
        if isinstance(selector.view, Gather) and not selector.in_place:
            shown = _distinct(selector.view)
            arrays.append(shown)
            carried.update(axis.name for axis in shown)
    for axis in axes:
        own = by_name.get(axis.name)
        if own is None:
            stays: tuple[Axis, ...] | None = (axis,)
        elif isinstance(own.view, Point) or (isinstance(own.view, Gather) and not own.in_place):
            stays = None
        else:
            stays = _distinct(own.view)
        if stays is not None and any(ax.name in carried for ax in stays):
            arrays.append(stays)
            stays = None
        kept.append(stays)
    rest = [axis for stays in kept if stays is not None for axis in stays]
    names = [axis.name for axis in rest]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"cannot show axis {twice[0]!r} twice: two selectors put it in place; rename one")
    if not arrays:
        return tuple(rest)
    new = _broadcast_order(arrays)
    advanced = [i for i, stays in enumerate(kept) if stays is None]
    if advanced != list(range(advanced[0], advanced[-1] + 1)):
        return (*new, *rest)
    before = [axis for stays in kept[: advanced[0]] if stays is not None for axis in stays]
    return (*before, *new, *rest[len(before) :])


def _distinct(view: View) -> tuple[Axis, ...]:
    return tuple(Axis(name, size) for name, size in dict(axes_of(view)).items())


def _broadcast_order(arrays: list[tuple[Axis, ...]]) -> tuple[Axis, ...]:
    """Haliax's order for broadcast index arrays: the larger keeps its order, the smaller's other axes come in front."""
    by_size = sorted(arrays, key=lambda axes: -math.prod(axis.size for axis in axes))
    full: tuple[Axis, ...] = by_size[0]
    for axes in by_size[1:]:
        if not axes or not full:
            full = axes or full
            continue
        if math.prod(ax.size for ax in full) < math.prod(ax.size for ax in axes):
            full, axes = axes, full
        names = {axis.name for axis in full}
        full = tuple(axis for axis in axes if axis.name not in names) + full
    return full


def showing(view: View, size: int) -> str:
    """What a view shows of an axis of that size, in a few characters.

    >>> showing(Strided("x", range(2, 10, 2)), 24), showing(Strided("x", range(4)), 4), showing(Point(3), 24)
    ('2:10:2 of 24', '4', '3')
    """
    match view:
        case Point(int(position)):
            return str(position)
        case Point():
            return "<traced>"
        case Strided(_, positions):
            if positions == range(size):
                return str(size)
            stop = positions.stop if positions.stop >= 0 else ""
            step = "" if positions.step == 1 else f":{positions.step}"
            return f"{positions.start}:{stop}{step} of {size}"
        case Window(_, _, length, stride):
            return f"<{length} from a traced start{'' if stride == 1 else f', {stride} apart'}> of {size}"
        case Gather():
            axes = ", ".join(f"{name}={n}" for name, n in dict(axes_of(view)).items())
            return f"<gathered by ({axes})> of {size}"
