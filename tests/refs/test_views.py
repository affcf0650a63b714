"""`compose` alone: plain integers against NumPy indexing, all the small cases and random chains of the rest."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from haliax_refs._indexing.compose import affine, axes_of, compose, fit, lift, positions_of, rename, select
from haliax_refs._indexing.views import (
    Affine,
    Fit,
    Gather,
    Iota,
    Operand,
    Pick,
    Point,
    Scalar,
    Strided,
    Window,
)


def positions(  # noqa: C901  two flat matches over closed sets
    view: Any, operands: list[np.ndarray], coordinates: dict[str, int], scalars: tuple[int, ...] = ()
) -> int:
    """The position that a view stands for at some coordinates: an interpreter that shares no code with it."""

    def value(expr: Any) -> int:
        match expr:
            case int():
                return expr
            case Scalar(slot):
                return scalars[slot]
            case Operand(slot):
                return int(operands[slot])
            case Iota(axis, size):
                assert coordinates[axis] < size
                return coordinates[axis]
            case Pick(source, dims):
                return int(operands[source.slot][tuple(at(dim) for dim in dims)])
            case Fit(of, size, room):
                i = value(of)
                return int(np.clip(i + size if i < 0 else i, 0, room - 1))
            case Affine(of, start, step):
                return value(start) + step * value(of)
        raise AssertionError(expr)

    def at(shown: Any) -> int:
        match shown:
            case Point(position):
                return value(position)
            case Strided(axis, steps):
                return steps[coordinates[axis]]
            case Window(axis, start, size, stride):
                assert coordinates[axis] < size
                return value(start) + stride * coordinates[axis]
            case Gather(entries):
                return value(entries)
        raise AssertionError(shown)

    return at(view)


def shown(view: Any, operands: list[np.ndarray], scalars: tuple[int, ...] = ()) -> np.ndarray:
    axes = dict(axes_of(view))
    out = np.empty(tuple(axes.values()), int)
    for index in np.ndindex(*axes.values()):
        out[index] = positions(view, operands, dict(zip(axes, index, strict=True)), scalars)
    return out


BOUNDS = (None, -6, -2, -1, 0, 1, 3, 6)
STEPS = (None, -3, -1, 1, 2)


def ranges(size: int) -> set[range]:
    found = {range(size)[slice(*bounds)] for bounds in itertools.product(BOUNDS, BOUNDS, STEPS)}
    return {r if len(r) else range(0) for r in found}


@pytest.mark.parametrize("size", range(5))
def test_every_slice_of_every_slice(size: int) -> None:
    base = np.arange(size)
    for outer in ranges(size):
        once = base[list(outer)]
        for inner in ranges(len(outer)):
            composed = compose(Strided("x", outer), {"x": Strided("x", inner)})
            assert isinstance(composed, Strided)
            assert base[list(composed.positions)].tolist() == once[list(inner)].tolist()
            if len(inner):
                assert min(composed.positions) >= 0  # a range that counts from the end would wrap round


@pytest.mark.parametrize("size", range(1, 5))
def test_every_int_of_every_slice(size: int) -> None:
    base = np.arange(size)
    for outer in ranges(size):
        for i in range(len(outer)):
            assert compose(Strided("x", outer), {"x": Point(i)}) == Point(int(base[list(outer)][i]))


@st.composite
def chains(draw: st.DrawFn) -> tuple[int, list[Any], list[np.ndarray]]:
    """A base size, a chain of views each drawn for what the last one shows along "x", and the operands they number."""
    size = current = draw(st.integers(1, 7))
    chain: list[Any] = []
    operands: list[np.ndarray] = []
    for depth in range(draw(st.integers(1, 4))):
        kind = draw(
            st.sampled_from(["strided", "window", "gather", "point"] if depth else ["strided", "window", "gather"])
        )
        if kind == "strided":
            steps = draw(st.sampled_from(sorted(ranges(current), key=repr)))
            chain.append(Strided("x", steps))
            current = len(steps)
        elif kind == "window":
            length = draw(st.integers(1, current))
            stride = draw(st.integers(1, max(1, (current - 1) // max(1, length - 1))))
            room = current - (length - 1) * stride
            operands.append(np.array(draw(st.integers(-2 * current, 2 * current))))
            chain.append(Window("x", fit(Operand(len(operands) - 1), current, room), length, stride))
            current = length
        elif kind == "gather":
            entries = draw(st.lists(st.integers(0, current - 1), min_size=1, max_size=5))
            operands.append(np.array(entries))
            chain.append(Gather(Pick(Operand(len(operands) - 1), (Strided("x", range(len(entries))),))))
            current = len(entries)
        else:
            chain.append(Point(draw(st.integers(0, current - 1))))
            break
        if current == 0:
            break
    return size, chain, operands


@given(chains())
def test_a_composed_chain_shows_what_the_chain_shows(drawn: tuple[int, list[Any], list[np.ndarray]]) -> None:
    size, chain, operands = drawn
    expected = np.arange(size)
    for view in chain:
        expected = expected[shown(view, operands)]
    composed: Any = Strided("x", range(size))
    for view in chain:
        composed = compose(composed, {"x": view})
    assert np.array_equal(shown(composed, operands), expected)


@given(chains())
def test_composition_is_associative(drawn: tuple[int, list[Any], list[np.ndarray]]) -> None:
    size, chain, operands = drawn
    whole: Any = Strided("x", range(size))
    from_the_left: Any = whole
    for view in chain:
        from_the_left = compose(from_the_left, {"x": view})
    from_the_right: Any = chain[-1]
    for view in reversed(chain[:-1]):
        from_the_right = compose(view, {"x": from_the_right})
    from_the_right = compose(whole, {"x": from_the_right})
    assert np.array_equal(shown(from_the_left, operands), shown(from_the_right, operands))


@given(chains())
def test_lifting_moves_positions_into_scalars_and_changes_nothing(
    drawn: tuple[int, list[Any], list[np.ndarray]],
) -> None:
    size, chain, operands = drawn
    composed: Any = Strided("x", range(size))
    for view in chain:
        composed = compose(composed, {"x": view})
    scalars: list[int] = []

    def scalar(value: int) -> Scalar:
        scalars.append(value)
        return Scalar(len(scalars) - 1)

    lifted = lift(composed, size, scalar)
    assert np.array_equal(shown(lifted, operands, tuple(scalars)), shown(composed, operands))


@given(chains())
def test_positions_as_an_expression_are_the_view(drawn: tuple[int, list[Any], list[np.ndarray]]) -> None:
    size, chain, operands = drawn
    view = compose(Strided("x", range(size)), {"x": chain[0]})
    assert np.array_equal(shown(Gather(positions_of(view)), operands), shown(view, operands))


def test_a_selection_is_simultaneous() -> None:
    # x by an index over y, y by an index over x: one after the other, the second would select from the first's axis.
    table, rows, columns = np.arange(12).reshape(3, 4), np.array([3, 0]), np.array([2, 0, 1])
    view = Gather(Pick(Operand(0), (Strided("x", range(3)), Strided("y", range(4)))))
    swapped = compose(
        view,
        {
            "x": Gather(Pick(Operand(1), (Strided("y", range(3)),))),
            "y": Gather(Pick(Operand(2), (Strided("x", range(2)),))),
        },
    )
    got = shown(swapped, [table, columns, rows])
    assert dict(axes_of(swapped)) == {"y": 3, "x": 2}
    assert got.tolist() == table[columns[:, None], rows[None, :]].tolist()


def test_paired_axes_are_named_twice_and_sized_once() -> None:
    view = Gather(Affine(Iota("x", 3), Pick(Operand(0), (Strided("x", range(3)),)), 2))
    assert list(axes_of(view)) == [("x", 3), ("x", 3)]
    assert shown(view, [np.array([5, 6, 7])]).tolist() == [5, 8, 11]
    assert select(view.positions, {"x": Point(2)}) == Affine(Pick(Operand(0), (Point(2),)), 4, 1)


@pytest.mark.parametrize(("value", "expected"), [(-9, 0), (-5, 0), (-1, 2), (0, 0), (2, 2), (4, 2), (99, 2)])
def test_fit_counts_from_the_end_and_then_clamps(value: int, expected: int) -> None:
    assert fit(value, 5, 3) == expected


def test_affine_folds_what_is_known() -> None:
    assert affine(3, 10, 2) == 16
    assert affine(Operand(0), 0, 1) == Operand(0)
    assert affine(0, Operand(0), 5) == Operand(0)
    assert affine(2, affine(Operand(0), 1, 3), 5) == Affine(Operand(0), 11, 3)


def test_an_empty_range_has_one_form() -> None:
    assert Strided("x", range(3, 3)) == Strided("x", range(9, 2)) == Strided("x", range(0))


def test_rename_swaps_names() -> None:
    view = Gather(Pick(Operand(0), (Strided("x", range(2)), Strided("y", range(3)))))
    assert dict(axes_of(rename(view, {"x": "y", "y": "x"}))) == {"y": 2, "x": 3}
