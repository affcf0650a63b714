"""In which order the axes of a selection come, and whether they fit together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from haliax import Axis

from .compose import axes_of
from .views import Gather, Point, Selections, View


def check_sizes(views: Sequence[View], axes: Sequence[Axis], selections: Selections) -> None:
    # `order_of` gives each name one size; any other that a view gives it is the conflict.
    sizes = {axis.name: axis.size for axis in axes}
    for view in views:
        for name, size in axes_of(view):
            if sizes[name] != size:
                asked = ", ".join(selected for selected, _ in selections)
                raise ValueError(
                    f"cannot pair along axis {name!r}: an index of {asked} gives it size {size} where the result has "
                    f"{sizes[name]}; slice both alike, or rename the index array's axis"
                )


def order_of(axes: tuple[Axis, ...], selections: Selections) -> tuple[Axis, ...]:
    """The axes of a selection in NamedArray's order.

    Axes that are sliced stay where they are. Ints, index arrays and the axes that index arrays share with what they
    index are advanced indices: where these are adjacent, the index arrays' axes take their place, else they come first.
    """
    by_name = dict(selections)
    kept: list[tuple[Axis, ...] | None] = []  # for each axis what stays in its place; None where it is advanced
    arrays: list[tuple[Axis, ...]] = []
    carried: set[str] = set()
    for _, selector in selections:
        if isinstance(selector.view, Gather) and not selector.keeps_place:
            own_axes = _distinct(selector.view)
            arrays.append(own_axes)
            carried.update(axis.name for axis in own_axes)
    for axis in axes:
        own = by_name.get(axis.name)
        if own is None:
            stays: tuple[Axis, ...] | None = (axis,)
        elif isinstance(own.view, Point) or (isinstance(own.view, Gather) and not own.keeps_place):
            stays = None
        else:
            stays = _distinct(own.view)
        # This axis is paired with an index array's, so it is itself an index array in NumPy's terms.
        if stays is not None and any(ax.name in carried for ax in stays):
            arrays.append(stays)
            stays = None
        kept.append(stays)
    rest = [axis for stays in kept if stays is not None for axis in stays]
    names = [axis.name for axis in rest]
    # Two selectors that keep their places cannot share an axis: there is one place too many.
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"axis {twice[0]!r} would appear twice in the result: two selectors keep it; rename one")
    if not arrays:
        return tuple(rest)
    new = _broadcast_order(arrays)
    advanced = [i for i, stays in enumerate(kept) if stays is None]
    # NumPy's rule: advanced indices that are not side by side have no one place, so their axes come first.
    if advanced != list(range(advanced[0], advanced[-1] + 1)):
        return (*new, *rest)
    # Nothing before the first advanced axis is gone, so the new axes come right behind what is kept there.
    before = [axis for stays in kept[: advanced[0]] if stays is not None for axis in stays]
    return (*before, *new, *rest[len(before) :])


def _distinct(view: View) -> tuple[Axis, ...]:
    return tuple(Axis(name, size) for name, size in dict(axes_of(view)).items())


def _broadcast_order(arrays: list[tuple[Axis, ...]]) -> tuple[Axis, ...]:
    """Haliax's order for broadcast index arrays: the larger keeps its order, the smaller's other axes come in front."""
    # Python's sort is stable, so of arrays of equal size the first given stays first. What is put together from the
    # first ones is never smaller than the next, unless it has no entries, and then the next has none either.
    by_size = sorted(arrays, key=lambda axes: -math.prod(axis.size for axis in axes))
    full: tuple[Axis, ...] = by_size[0]
    for axes in by_size[1:]:
        # A 0-d index array has no axes to put in an order.
        if not axes or not full:
            full = axes or full
            continue
        names = {axis.name for axis in full}
        full = tuple(axis for axis in axes if axis.name not in names) + full
    return full
