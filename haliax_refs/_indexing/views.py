"""The records: what one axis of a buffer contributes to a view, and the expressions that say at which positions.

A *view* maps coordinates along named axes to positions on one axis of a base buffer:

- `Point`: no axis, one position;
- `Strided`: one axis, the positions of a `range`;
- `Window`: one axis of static size whose first position is known only when the program runs;
- `Gather`: any number of axes, one position for each combination of coordinates.

Two views that mention the same axis are paired along it, which is what indexing by name means.
Whatever is not known while planning is an *expression* over numbered operands: `Scalar` (a small integer),
`Operand` (an integer array), and what arithmetic makes of them. Both are closed sets of hashable values, so a function
on them is a `match` that ends in `assert_never`: see `compose`. `_access.evaluate` evaluates expressions in a program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


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
    """The part of the index array `source` that `dims`, one view for each of its dimensions, select."""

    source: Operand
    dims: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Narrow:
    """`of`, which only the program knows and which may be of any integer dtype, in the index dtype.

    A value outside of `low` to `high` becomes the nearer of the two, both of which are out of bounds: to cut it down to
    32 bits might bring it back in.
    """

    of: Expr
    low: int
    high: int


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


Expr: TypeAlias = int | Scalar | Operand | Iota | Pick | Narrow | Fit | Affine


@dataclass(frozen=True, slots=True)
class Point:
    """One position: the axis is gone."""

    position: Expr


@dataclass(frozen=True, slots=True)
class Strided:
    """The positions of a range along `axis`, in one spelling: the same positions are the same range.

    >>> Strided("x", range(4, 4)), Strided("x", range(3, 4, 2**70))
    (Strided(axis='x', positions=range(0, 0)), Strided(axis='x', positions=range(3, 4)))
    """

    axis: str
    positions: range

    def __post_init__(self) -> None:
        # Of no position the start means nothing, and slicing by it would wrap round; of one, the step means nothing,
        # and may be larger than any integer of jax's.
        if len(self.positions) < 2:
            start = self.positions[0] if self.positions else 0
            object.__setattr__(self, "positions", range(start, start + len(self.positions)))

    @property
    def size(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True)
class Window:
    """`size` positions, `stride` apart, along `axis`, from a start that only the program knows.

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


@dataclass(frozen=True, slots=True)
class Selector:
    """A view of one axis, and whether what it leaves takes that axis' place in the order of the axes.

    Slices, lists and masks keep the place of their axis. Ints and index arrays are advanced indices, as in NumPy:
    the axes of index arrays may come to the front (`order` has the rule).
    """

    view: View
    keeps_place: bool


Selections: TypeAlias = tuple[tuple[str, Selector], ...]
