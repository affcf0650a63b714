"""The algebra: what is left of a view after indexing it through another one. Plain Python on hashable records.

Law: `x[compose(a, b)] == x[a][b]`, and `compose` is associative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import assert_never

from .views import (
    Affine,
    Expr,
    Fit,
    Gather,
    Iota,
    Narrow,
    Operand,
    Pick,
    Point,
    Scalar,
    Selection,
    Strided,
    View,
    Window,
)


def compose(outer: View, inner: Selection) -> View:
    """The one view that does what `outer` and then `inner` do, all entries of `inner` at once.

    Law: `x[compose(a, b)] == x[a][b]` for every `x` that `a` can index; and it is associative.

    Args:
        outer: view of a base axis.
        inner: for each axis of `outer` that is selected from, a view of it, checked against its size.
            Axes that `outer` does not have are passed over.
    Returns:
        A view of the base axis, along the axes of `outer` that `inner` leaves alone and those of `inner`.

    >>> compose(Strided("x", range(2, 10, 2)), {"x": Point(3)})
    Point(position=8)
    >>> compose(Strided("x", range(2, 10, 2)), {"x": Strided("x", range(3, -1, -1))})
    Strided(axis='x', positions=range(8, 0, -2))
    >>> compose(Strided("x", range(10, 20)), {"x": Window("x", Operand(0), 4, 1)})
    Window(axis='x', start=Affine(of=Operand(slot=0), start=10, step=1), size=4, stride=1)
    """
    match outer:
        case Point():
            return outer
        case Strided(axis, positions):
            return _along(inner.get(axis), outer, positions.start, positions.step)
        case Window(axis, start, _, stride):
            return _along(inner.get(axis), outer, start, stride)
        case Gather(positions):
            return _gathered(select(positions, inner))
    assert_never(outer)


def _along(inner: View | None, outer: Strided | Window, start: Expr, stride: int) -> View:
    """`inner` of `outer`, in which coordinate `i` stands at `start + stride * i`."""
    match inner:
        case None:
            return outer
        case Point(position):
            return Point(affine(position, start, stride))
        case Strided(axis, positions):
            if isinstance(outer, Strided):
                return Strided(axis, _of_range(outer.positions, positions))
            # Static steps within a window leave a window; they may run backwards, so a stride may be negative.
            return Window(axis, affine(positions.start, start, stride), len(positions), stride * positions.step)
        case Window(axis, inner_start, size, step):
            # The inner start is confined to the outer view, so the sum needs no `Fit` of its own.
            return Window(axis, affine(inner_start, start, stride), size, stride * step)
        case Gather(entries):
            return Gather(affine(entries, start, stride))
    assert_never(inner)


def _of_range(outer: range, inner: range) -> range:
    """`outer[inner]`, entry by entry; `inner` lies in bounds, so the ends need no clipping."""
    if len(inner) == 0:
        return range(0)
    # Not `outer[inner.start : inner.stop : inner.step]`: a stop of -1 would count from the end.
    start, step = outer[inner[0]], outer.step * inner.step
    return range(start, start + step * len(inner), step)


def _gathered(positions: Expr) -> View:
    # An index array of which every axis was fixed is one position.
    return Gather(positions) if next(axes_of(positions), None) is not None else Point(positions)


def affine(of: Expr, start: Expr, step: int) -> Expr:
    """`start + step * of`, with what is known folded in.

    >>> affine(affine(Operand(0), 1, 2), 10, 3)
    Affine(of=Operand(slot=0), start=13, step=6)
    """
    match of, start:
        case int(), int():
            return start + step * of
        # A known coordinate of what starts at an expression: it goes into the base, so chains of slices stay flat.
        case int(), Affine(inner, int(base), inner_step):
            return Affine(inner, base + step * of, inner_step)
        case int(), _:
            return start if of == 0 else Affine(start, step * of, 1)
        # start + step * (base + inner_step * inner); the recursion folds further where `inner` is an Affine, too.
        case Affine(inner, int(base), inner_step), int():
            return affine(inner, start + step * base, step * inner_step)
        case _, 0 if step == 1:
            return of
    return Affine(of, start, step)


def fit(of: Expr, size: int, room: int) -> Expr:
    """`Fit`, worked out where `of` is known.

    >>> fit(-1, 5, 5), fit(9, 5, 3)
    (4, 2)
    """
    # As in `Fit`: from the end first, then clamped.
    if isinstance(of, int):
        return min(max(of + size if of < 0 else of, 0), room - 1)
    return Fit(of, size, room)


def select(expr: Expr, inner: Selection) -> Expr:
    """`expr` with a selection applied to the axes it mentions."""
    match expr:
        case int() | Scalar() | Operand():
            return expr
        case Iota(axis, size):
            # An iota is the identity view of its own axis: it becomes `inner` itself.
            return expr if axis not in inner else positions_of(compose(Strided(axis, range(size)), inner))
        case Pick(source, dims):
            return Pick(source, tuple(compose(dim, inner) for dim in dims))
        case Narrow(of, low, high):
            return Narrow(select(of, inner), low, high)
        case Fit(of, size, room):
            return fit(select(of, inner), size, room)
        case Affine(of, start, step):
            return affine(select(of, inner), select(start, inner), step)
    assert_never(expr)


def positions_of(view: View) -> Expr:
    """The positions of any view as one expression, for where an axis is paired with an index array's.

    >>> positions_of(Strided("x", range(4, 8)))
    Affine(of=Iota(axis='x', size=4), start=4, step=1)
    """
    match view:
        case Point(position):
            return position
        case Strided(axis, positions):
            return affine(Iota(axis, len(positions)), positions.start, positions.step)
        case Window(axis, start, size, stride):
            return affine(Iota(axis, size), start, stride)
        case Gather(positions):
            return positions
    assert_never(view)


def axes_of(thing: View | Expr) -> Iterator[tuple[str, int]]:
    """The axes of a view or an expression, with their sizes; one that is mentioned twice comes twice."""
    match thing:
        case Point() | int() | Scalar() | Operand():
            return
        case Strided(axis, positions):
            yield axis, len(positions)
        case Window(axis, _, size, _) | Iota(axis, size):
            yield axis, size
        case Gather(positions):
            yield from axes_of(positions)
        case Pick(_, dims):
            for dim in dims:
                yield from axes_of(dim)
        case Narrow(of, _, _) | Fit(of, _, _):
            yield from axes_of(of)
        case Affine(of, start, _):
            yield from axes_of(of)
            yield from axes_of(start)
        case _:
            assert_never(thing)


def rename(view: View, names: Mapping[str, str]) -> View:
    """`view` with its axes renamed.

    >>> rename(Strided("x", range(3)), {"x": "y"})
    Strided(axis='y', positions=range(0, 3))
    """
    # To rename an axis is to take all of it under another name.
    whole = {axis: Strided(names[axis], range(size)) for axis, size in axes_of(view) if axis in names}
    return compose(view, whole)


def lift(view: View, size: int, scalar: Callable[[int], Expr]) -> View:
    """`view` with each static position replaced by `scalar(position)`, so that views that differ in these only are one.

    The whole axis, forwards or backwards, and no part of it at all have no position to lift.

    >>> lift(Strided("x", range(3, 7, 2)), 24, lambda position: Scalar(0))
    Window(axis='x', start=Scalar(slot=0), size=2, stride=2)
    """
    match view:
        case Point(position):
            return Point(_lift_expr(position, scalar))
        case Strided(axis, positions):
            if len(positions) == 0 or positions in (range(size), range(size)[::-1]):
                return view
            return Window(axis, scalar(positions.start), len(positions), positions.step)
        case Window(axis, start, length, stride):
            return Window(axis, _lift_expr(start, scalar), length, stride)
        case Gather(positions):
            return Gather(_lift_expr(positions, scalar))
    assert_never(view)


def _lift_expr(expr: Expr, scalar: Callable[[int], Expr]) -> Expr:
    match expr:
        case int():
            return scalar(expr)
        case Scalar() | Operand() | Iota():
            return expr
        case Pick(source, dims):
            # How long the dimensions of an index array are is not known here; most are shown whole, from 0 on.
            return Pick(source, tuple(lift(dim, _extent(dim), scalar) for dim in dims))
        case Narrow(of, low, high):
            return Narrow(_lift_expr(of, scalar), low, high)
        case Fit(of, size, room):
            return Fit(_lift_expr(of, scalar), size, room)
        case Affine(of, start, step):
            return Affine(_lift_expr(of, scalar), _lift_expr(start, scalar), step)
    assert_never(expr)


def _extent(dim: View) -> int:
    return len(dim.positions) if isinstance(dim, Strided) else 0
