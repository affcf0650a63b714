"""Laws 1 to 4 of the design, each on its own; of the fifth is `test_laws_structure.py`."""

from __future__ import annotations

from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st
from jax.experimental import pallas as pl

import haliax_refs
from tests.refs.grids import X, Y, Z, contents, cube as grid
from tests.refs.oracles import Index, Take
from tests.refs.spelling import base_array, base_oracle, bracket, check, collecting, replaying
from tests.refs.strategies import Chain, Step, chains, steps


pytestmark = pytest.mark.usefixtures("unoptimized")
# --- 1. Composition -------------------------------------------------------------------------------------------------


@given(chains(min_depth=3))
def test_composition_is_associative(chain: Chain) -> None:
    """It makes no difference where a chain is cut by a read: `ref[a][b][c]`, however it is grouped."""
    first, second, *rest = (bracket(step) for step in chain.steps)
    ref = haliax_refs.new_ref(base_array(chain))
    whole = ref.slice(first).slice(second)
    cut_early = haliax_refs.new_ref(ref[first]).slice(second)
    cut_late = haliax_refs.new_ref(ref.slice(first)[second])
    want = base_oracle(chain).slice(*(step.meaning for step in chain.steps)).read()
    for view in (whole, cut_early, cut_late):
        for index in rest:
            view = view.slice(index)
        check(view[...], want)


@given(chains(max_depth=2))
def test_a_view_of_everything_is_the_view(chain: Chain) -> None:
    view = haliax_refs.new_ref(base_array(chain))
    for step in chain.steps:
        view = view.slice(bracket(step))
    want = view[...]
    for nothing in ({}, ..., {axis.name: slice(None) for axis in view.axes}, {axis: slice(None) for axis in view.axes}):
        same = view.slice(nothing)
        assert same.axes == view.axes
        np.testing.assert_array_equal(np.asarray(same[...].array), np.asarray(want.array))


def test_order_of_keys_does_not_matter() -> None:
    ref = grid()
    parts = {"x": slice(1, 3), "y": [2, 0], "z": 1}
    forward, backward = ref[parts], ref[dict(reversed(parts.items()))]
    assert forward.axes == backward.axes
    np.testing.assert_array_equal(forward.array, backward.array)


# --- 2. Confinement -------------------------------------------------------------------------------------------------


@st.composite
def a_view_and_a_wild_index(draw: st.DrawFn) -> tuple[Chain, Step]:
    chain = draw(chains(max_depth=2))
    return chain, draw(steps(chain.view.sizes, least=1, wild=True))


def arrays_outside(step: Step) -> bool:
    """Does an index array have a position that its axis lacks?"""
    arrays = {name: s.positions for name, s in step.meaning.items() if isinstance(s, Take | Index)}
    return any(((p < -step.sizes[name]) | (p >= step.sizes[name])).any() for name, p in arrays.items())


@given(a_view_and_a_wild_index())
def test_traced_indices_stay_inside_the_view(case: tuple[Chain, Step]) -> None:
    """Whatever a traced index says, what is read comes from the view, and no cell outside it changes."""
    chain, wild = case
    base = haliax_refs.new_ref(base_array(chain))
    view = base
    for step in chain.steps:
        view = view.slice(bracket(step))
    data: list[np.ndarray] = []
    bracket(wild, collecting(data))

    def touch(view: Any, arguments: Any) -> Any:
        read = view[bracket(wild, replaying(arguments))]
        view[bracket(wild, replaying(arguments))] = -5
        haliax_refs.addupdate(view, bracket(wild, replaying(arguments)), -5)
        return read, haliax_refs.swap(view, bracket(wild, replaying(arguments)), -5)

    read, _ = jax.jit(touch)(view, data)
    inside = np.isin(np.arange(chain.base.size), chain.view.cells)
    assert np.isin(np.asarray(read.array), chain.base.flatten()[inside]).all()
    after = contents(base).flatten()
    np.testing.assert_array_equal(after[~inside], chain.base.flatten()[~inside])
    assert (after[inside] <= chain.base.flatten()[inside]).all()
    if not arrays_outside(wild):  # whose writes may be dropped
        assert (after < 0).any() == bool(read.array.size)


STATIC_OUTSIDE = [
    {"x": 2},
    {"x": -3},
    {"x": np.int64(2)},
    {"x": np.uint8(200)},
    {"x": np.array(5)},
    {"x": [0, 2]},
    {"x": [-3]},
    {"x": np.array([0, 9])},
    {"x": range(1, 4)},
    {"x": hax.ds(1, 2)},
    {"x": hax.ds(-3, 1)},
    {"x": hax.ds(0, 3)},
    {"x": pl.ds(0, 2, 2)},
    {"y": 0, "x": 7},
]


@pytest.mark.parametrize("index", STATIC_OUTSIDE, ids=str)
def test_static_indices_outside_the_view_raise_and_change_nothing(index: Any) -> None:
    """The view has two rows of four: these are all inside the base, or nearly."""
    ref = grid()
    view = ref.slice({"x": slice(1, 3)})
    before = contents(ref)

    def attempts(view: Any) -> list[Any]:
        return [
            lambda: view[index],
            lambda: view.slice(index),
            lambda: view.__setitem__(index, 0.0),
            lambda: haliax_refs.swap(view, index, 0.0),
            lambda: haliax_refs.addupdate(view, index, 1.0),
            lambda: view.at[index].set(0.0),
        ]

    for attempt in attempts(view):
        with pytest.raises(IndexError, match=r"'x'.*\b2\b"):
            attempt()
    for n in range(6):
        with pytest.raises(IndexError, match=r"'x'.*\b2\b"):
            jax.jit(lambda view, n=n: attempts(view)[n]())(view)
    np.testing.assert_array_equal(contents(ref), before)


def test_traced_windows_are_moved_to_fit_the_view() -> None:
    ref = grid()
    view = ref.slice({"x": slice(1, 4)})

    @jax.jit
    def read(view: Any, start: jax.Array) -> Any:
        return view[{"x": hax.ds(start, 2), "y": 0, "z": 0}].array

    for start, rows in ((0, (1, 2)), (1, (2, 3)), (2, (2, 3)), (50, (2, 3)), (-1, (2, 3)), (-3, (1, 2)), (-50, (1, 2))):
        assert read(view, jnp.int32(start)).tolist() == [6 * row for row in rows], start


def test_traced_rows_of_a_view_do_not_reach_its_neighbours() -> None:
    """The failure that clamping into the buffer has: a write past the view lands beside it."""
    ref = grid()
    view = ref.slice({"x": slice(1, 3)})

    @jax.jit
    def write(view: Any, i: jax.Array) -> None:
        view[{"x": i}] = -1.0

    for i, row in ((0, 1), (1, 2), (2, 2), (99, 2), (-1, 2), (-2, 1), (-99, 1)):
        ref[...] = 0.0
        write(view, jnp.int32(i))
        assert contents(ref)[:, 0, 0].tolist() == [-1.0 if r == row else 0.0 for r in range(4)], i


# --- 3. Writes ------------------------------------------------------------------------------------------------------


def test_values_broadcast_by_name_and_are_permuted_into_place() -> None:
    ref = grid()
    value = hax.named(jnp.arange(6.0).reshape(2, 3) + 100, ("z", "y"))
    ref[{"x": slice(1, 3)}] = value
    want = np.arange(24.0).reshape(4, 3, 2)
    want[1:3] = np.asarray(value.array).T
    np.testing.assert_array_equal(contents(ref), want)
    ref[{"x": 0}] = hax.named(jnp.array([7.0, 8.0]), "z")
    want[0] = [7, 8]
    np.testing.assert_array_equal(contents(ref), want)
    ref[{"y": 1}] = 5
    want[:, 1] = 5
    np.testing.assert_array_equal(contents(ref), want)
    ref[{"y": 1, "z": [1, 0]}] = np.arange(8.0).reshape(4, 2)
    want[:, 1, ::-1] = np.arange(8.0).reshape(4, 2)
    np.testing.assert_array_equal(contents(ref), want)


WRONG_VALUES = {
    "an axis that the view has not": (hax.zeros((hax.Axis("q", 2), Y, Z)), r"q.*2"),
    "the axis that the index removes": (hax.zeros((X, Y, Z)), r"\bx\b"),
    "another size": (hax.zeros((hax.Axis("y", 5), Z)), r"\by\b.*5|5.*\by\b"),
    "an unnamed array of too few axes": (jnp.zeros(2), r"2"),
    "an unnamed array to be transposed": (jnp.zeros((2, 3)), r"2.*3"),
    "an unnamed array to be stretched": (np.zeros((1, 2)), r"1.*2"),
}


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("case", WRONG_VALUES)
def test_values_that_do_not_fit_raise_and_change_nothing(case: str, jitted: bool) -> None:
    value, message = WRONG_VALUES[case]
    ref = grid()
    before = contents(ref)
    operations = {
        "set": lambda ref: ref.__setitem__({"x": 1}, value),
        "swap": lambda ref: haliax_refs.swap(ref, {"x": 1}, value),
        "addupdate": lambda ref: haliax_refs.addupdate(ref, {"x": 1}, value),
        "view": lambda ref: ref.slice({"x": 1}).__setitem__(..., value),
        "at": lambda ref: ref.at[{"x": 1}].add(value),
    }
    for name, operation in operations.items():
        with pytest.raises(ValueError, match=message):
            (jax.jit(operation) if jitted else operation)(ref)
        np.testing.assert_array_equal(contents(ref), before, err_msg=name)


CASTS = ["bool", "uint8", "int8", "int16", "int32", "float16", "bfloat16", "float32", "complex64"]


@pytest.mark.parametrize("into", CASTS)
def test_values_are_cast_as_numpy_casts_in_place(into: str) -> None:
    """Same kind, or a TypeError that says how to ask for the cast."""
    for of in CASTS:
        ref = haliax_refs.new_ref(jnp.zeros(3, into), X.resize(3))
        value = jnp.ones(3, of)
        kind = {"bfloat16": "float16"}  # NumPy has no bfloat16: it is as another 16-bit float
        if np.can_cast(kind.get(of, of), kind.get(into, into), "same_kind"):
            ref[...] = value
            assert ref.dtype == jnp.dtype(into)
            np.testing.assert_array_equal(np.asarray(ref[...].array), np.ones(3, jnp.dtype(into)))
        else:
            with pytest.raises(TypeError, match=rf"{of}[\s\S]*{into}[\s\S]*\.astype|{into}[\s\S]*{of}[\s\S]*\.astype"):
                ref[...] = value
            assert not np.asarray(ref[...].array).any()


def test_python_numbers_are_cast_by_kind_alone() -> None:
    ints = haliax_refs.new_ref(jnp.zeros(3, jnp.uint8), X.resize(3))
    ints[{"x": 0}] = 7
    ints[{"x": 1}] = True
    assert ints[...].array.tolist() == [7, 1, 0]
    for operation in (
        lambda: ints.__setitem__({"x": 2}, 2.5),
        lambda: ints.__setitem__({"x": 2}, 2.0),
        lambda: haliax_refs.swap(ints, {"x": 2}, 2.5),
        lambda: haliax_refs.addupdate(ints, {"x": 2}, 2.5),
        lambda: ints.at[{"x": 2}].multiply(2.5),
    ):
        with pytest.raises(TypeError, match=r"float[\s\S]*uint8[\s\S]*\.astype"):
            operation()
    assert ints[...].array.tolist() == [7, 1, 0]
    floats = haliax_refs.new_ref(jnp.zeros(3), X.resize(3))
    floats[{"x": 0}] = 7
    with pytest.raises(TypeError, match=r"complex[\s\S]*float32[\s\S]*\.astype"):
        floats[{"x": 0}] = 1j
    assert floats[...].array.tolist() == [7, 0, 0]


# --- 4. Freezing ----------------------------------------------------------------------------------------------------


USES = {
    "read": lambda ref: ref[...],
    "value": lambda ref: ref.value(),
    "write": lambda ref: ref.__setitem__(..., 0.0),
    "swap": lambda ref: haliax_refs.swap(ref, ..., 0.0),
    "addupdate": lambda ref: haliax_refs.addupdate(ref, ..., 0.0),
    "get": lambda ref: haliax_refs.get(ref),
    "at": lambda ref: ref.at[...].add(1.0),
    "read of a view": lambda ref: ref.slice({"y": 0})[...],
    "freeze": lambda ref: haliax_refs.freeze(ref),
}


@pytest.mark.parametrize("use", USES)
def test_nothing_can_be_done_with_a_frozen_ref(use: str) -> None:
    ref = grid()
    other = ref.slice({"x": slice(0, 2)}).slice({"y": 1})
    view = ref.slice({"x": slice(1, 3)})
    views = (ref, view, view.unsliced(), ref.rename({"x": "row"}))
    frozen = haliax_refs.freeze(view)
    assert isinstance(frozen, hax.NamedArray)
    assert frozen.axes == (X.resize(2), Y, Z)
    np.testing.assert_array_equal(np.asarray(frozen.array), np.arange(24.0).reshape(4, 3, 2)[1:3])
    for dead in views:
        with pytest.raises((RuntimeError, ValueError, TypeError), match="frozen"):
            USES[use](dead)
        with pytest.raises((RuntimeError, ValueError, TypeError), match="frozen"):
            jax.jit(USES[use])(dead)
    with pytest.raises((RuntimeError, ValueError, TypeError), match="frozen"):
        other[...]
    assert frozen.array.size == 12  # what was read lives on


def test_freezing_inside_a_trace_makes_the_ref_invalid_there() -> None:
    @jax.jit
    def read_after(x: jax.Array) -> Any:
        ref = haliax_refs.new_ref(x, X)
        view = ref.slice({"x": 1})
        haliax_refs.freeze(ref)
        return view[...]

    with pytest.raises((RuntimeError, ValueError, TypeError), match="frozen"):
        read_after(jnp.arange(4.0))

    @jax.jit
    def use_before(x: jax.Array) -> Any:
        ref = haliax_refs.new_ref(x, X)
        ref[{"x": 1}] = 9.0
        return haliax_refs.freeze(ref)

    assert use_before(jnp.arange(4.0)).array.tolist() == [0, 9, 2, 3]


def test_a_frozen_ref_still_says_what_it_was() -> None:
    ref = grid()
    haliax_refs.freeze(ref)
    assert ref.axes == (X, Y, Z)
    assert ref.shape == {"x": 4, "y": 3, "z": 2}
    assert "frozen" in repr(ref)
