"""The algebra: what one axis of a buffer shows, and what is left after showing it through another view.

A *view* maps coordinates along named axes to positions on one axis of a base buffer:

- `Point`: no axis, one position;
- `Strided`: one axis, the positions of a `range`;
- `Window`: one axis of static size whose first position is known only when the program runs;
- `Gather`: any number of axes, one position for each combination of coordinates.

Two views that mention the same axis are paired along it, which is what indexing by name means.
Whatever is not known while planning is an *expression* over numbered operands: `Scalar` (a small integer),
`Operand` (an integer array), and what arithmetic makes of them. So everything here is plain Python on
hashable values: no ref, no array, no jax operation. `_lower` evaluates expressions when it runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never


@dataclass(frozen=True, slots=True)
class Scalar:
    """The `slot`-th static integer of a lifted view: known now, but passed to the program as an argument."""

    slot: int


@dataclass(frozen=True, slots=True)
class Operand:
    """The `slot`-th dynamic operand: an integer array, or a 0-d one."""

    slot: int


@dataclass(frozen=True, slots=True)
class Iota:
    """The coordinate along `axis` itself: 0, 1, ... `size` - 1."""

    axis: str
    size: int


@dataclass(frozen=True, slots=True)
class Pick:
    """The entries of the index array `source` that `dims`, one view for each of its dimensions, show."""

    source: Operand
    dims: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """`of` confined to an axis: negative values count from the end of `size`, then all is clamped into `range(room)`.

    `room` is smaller than `size` where `of` is the start of a window, which must fit as a whole.
    """

    of: Expr
    size: int
    room: int


@dataclass(frozen=True, slots=True)
class Affine:
    """`start + step * of`."""

    of: Expr
    start: Expr
    step: int


Expr: TypeAlias = int | Scalar | Operand | Iota | Pick | Fit | Affine


@dataclass(frozen=True, slots=True)
class Point:
    """One position: the axis is not shown.

    >>> compose(Strided("x", range(2, 10, 2)), {"x": Point(3)})
    Point(position=8)
    """

    position: Expr


@dataclass(frozen=True, slots=True)
class Strided:
    """The positions of a range, shown along `axis`. An empty one is `range(0)`.

    >>> compose(Strided("x", range(2, 10, 2)), {"x": Strided("x", range(3, -1, -1))})
    Strided(axis='x', positions=range(8, 0, -2))
    """

    axis: str
    positions: range

    def __post_init__(self) -> None:
        if len(self.positions) == 0 and self.positions != range(0):
            object.__setattr__(self, "positions", range(0))

    @property
    def size(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True)
class Window:
    """`size` positions, `stride` apart, from a start that only the program knows; shown along `axis`.

    The start is in bounds as it stands (`Fit`), so what is composed with a window stays inside it.
    """

    axis: str
    start: Expr
    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class Gather:
    """A position for each combination of coordinates along the axes that `positions` mentions."""

    positions: Expr


View: TypeAlias = Point | Strided | Window | Gather
Selection: TypeAlias = Mapping[str, View]


def compose(outer: View, inner: Selection) -> View:
    """The one view that does what `outer` and then `inner` do, all entries of `inner` at once.

    Law: `x[compose(a, b)] == x[a][b]` for every `x` that `a` can index; and it is associative.

    Args:
        outer: view of a base axis.
        inner: for each axis of `outer` that is selected from, a view of it, checked against its size.
            Axes that `outer` does not show are passed over.
    Returns:
        A view of the base axis; it shows the axes of `outer` that `inner` leaves alone, and those `inner` shows.

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
    """What `inner` shows of `outer`, in which coordinate `i` stands at `start + stride * i`."""
    match inner:
        case None:
            return outer
        case Point(position):
            return Point(affine(position, start, stride))
        case Strided(axis, positions):
            if isinstance(outer, Strided):
                return Strided(axis, _of_range(outer.positions, positions))
            return Window(axis, affine(positions.start, start, stride), len(positions), stride * positions.step)
        case Window(axis, inner_start, size, step):
            return Window(axis, affine(inner_start, start, stride), size, stride * step)
        case Gather(entries):
            return Gather(affine(entries, start, stride))
    assert_never(inner)


def _of_range(outer: range, inner: range) -> range:
    """`outer[inner]`, entry by entry; `inner` lies in bounds, so the ends need no clipping."""
    if len(inner) == 0:
        return range(0)
    start, step = outer[inner[0]], outer.step * inner.step
    return range(start, start + step * len(inner), step)


def _gathered(positions: Expr) -> View:
    return Gather(positions) if next(axes_of(positions), None) is not None else Point(positions)


def affine(of: Expr, start: Expr, step: int) -> Expr:
    """`start + step * of`, with what is known folded in.

    >>> affine(affine(Operand(0), 1, 2), 10, 3)
    Affine(of=Operand(slot=0), start=13, step=6)
    """
    match of, start:
        case int(), int():
            return start + step * of
        case int(), Affine(inner, int(base), inner_step):
            return Affine(inner, base + step * of, inner_step)
        case int(), _:
            return start if of == 0 else Affine(start, step * of, 1)
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
    if isinstance(of, int):
        return min(max(of + size if of < 0 else of, 0), room - 1)
    return Fit(of, size, room)


def select(expr: Expr, inner: Selection) -> Expr:
    """`expr` with a selection applied to the axes it mentions."""
    match expr:
        case int() | Scalar() | Operand():
            return expr
        case Iota(axis, size):
            # An iota is the identity view of its own axis: what it shows through `inner` is `inner` itself.
            return expr if axis not in inner else positions_of(compose(Strided(axis, range(size)), inner))
        case Pick(source, dims):
            return Pick(source, tuple(compose(dim, inner) for dim in dims))
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
    """The axes that a view or an expression shows, with their sizes; one that is mentioned twice comes twice."""
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
        case Fit(of, _, _):
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
    # Renaming is showing each axis, whole, under another name.
    whole = {axis: Strided(names[axis], range(size)) for axis, size in axes_of(view) if axis in names}
    return compose(view, whole)


def lift(view: View, size: int, scalar: Callable[[int], Expr]) -> View:
    """`view` with each static position replaced by `scalar(position)`, so that views that differ in these only are one.

    What shows the whole axis, forwards or backwards, and what shows nothing has no position to lift.

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
        case Fit(of, size, room):
            return Fit(_lift_expr(of, scalar), size, room)
        case Affine(of, start, step):
            return Affine(_lift_expr(of, scalar), _lift_expr(start, scalar), step)
    assert_never(expr)


def _extent(dim: View) -> int:
    return len(dim.positions) if isinstance(dim, Strided) else 0
