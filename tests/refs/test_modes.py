"""`mode`, and `at[...]`: what is dropped, filled or clipped where an index is out of bounds, and updates in place."""

from __future__ import annotations

from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs
from tests.refs.grids import X, Y, contents, grid, named_grid


pytestmark = pytest.mark.usefixtures("unoptimized")


def test_drop_and_fill() -> None:
    ref = grid()
    view = ref.slice({"x": slice(1, 3)})
    array = view[...]
    index = {"x": jnp.array([0, 5, -1, -3])}
    want = array.at[{"x": hax.named(index["x"], "x")}]
    for got in (
        haliax_refs.get(view, index, mode="fill", fill_value=-7.0),
        view.at[index].get(mode="fill", fill_value=-7.0),
        jax.jit(lambda view, i: haliax_refs.get(view, {"x": i}, mode="fill", fill_value=-7.0))(view, index["x"]),
    ):
        np.testing.assert_array_equal(got.array, want.get(mode="fill", fill_value=-7.0).array)
    np.testing.assert_array_equal(haliax_refs.get(view, index, mode="fill").array, want.get(mode="fill").array)
    ints = grid(jnp.int32)
    np.testing.assert_array_equal(
        haliax_refs.get(ints, index, mode="fill").array, named_grid(jnp.int32).at[index].get(mode="fill").array
    )

    whole = contents(ref)
    haliax_refs.set(view, index, -1.0, mode="drop")
    whole[1:3] = -1
    np.testing.assert_array_equal(contents(ref), whole)
    haliax_refs.addupdate(view, {"x": jnp.array([7, 1, 1])}, 1.0, mode="drop")
    whole[2] += 2
    np.testing.assert_array_equal(contents(ref), whole)
    old = haliax_refs.swap(view, {"x": jnp.array([7, 0])}, 9.0, mode="drop")
    assert old.axes == (X.resize(2), Y)
    assert old.array[1].tolist() == [-1, -1, -1]
    whole[1] = 9
    np.testing.assert_array_equal(contents(ref), whole)


@pytest.mark.parametrize("spelled", [7, -5, np.int32(7), jnp.int32(7)], ids=repr)
def test_a_single_row_outside_is_dropped_or_filled(spelled: Any) -> None:
    ref = grid()
    view = ref.slice({"x": slice(1, 3)})
    before = contents(ref)
    haliax_refs.set(view, {"x": spelled}, -1.0, mode="drop")
    haliax_refs.addupdate(view, {"x": spelled}, -1.0, mode="drop")
    view.at[{"x": spelled}].multiply(2.0, mode="drop")
    np.testing.assert_array_equal(contents(ref), before)
    assert haliax_refs.get(view, {"x": spelled}, mode="fill", fill_value=4.0).array.tolist() == [4, 4, 4]


@pytest.mark.parametrize("far", [2**31, 2**32, 2**40 + 1, -(2**32)])
@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_a_position_beyond_32_bits_is_dropped_or_filled(far: int, jitted: bool) -> None:
    def operate(ref: Any, index: Any) -> Any:
        ref.at["x", index].set(50.0, mode="drop")
        return ref.at["x", index].get(mode="fill").array

    for index in (far, [far, 1], np.array([far, 1]), hax.ds(far, 2)):
        ref = grid()
        got = np.array(jax.jit(lambda ref, index=index: operate(ref, index))(ref) if jitted else operate(ref, index))
        rows = 1 if isinstance(index, int) else 2
        want = np.full((rows, 3), np.nan)
        cells = np.arange(12.0).reshape(4, 3)
        if isinstance(index, list | np.ndarray):
            want[1] = cells[1] = 50.0
        np.testing.assert_array_equal(got.reshape(rows, 3), want)
        np.testing.assert_array_equal(contents(ref), cells)


def test_a_window_that_sticks_out_is_dropped_or_filled_there() -> None:
    ref = grid()
    view = ref.slice({"x": slice(1, 3)})
    got = haliax_refs.get(view, {"x": hax.ds(jnp.int32(1), 2), "y": 0}, mode="fill", fill_value=-7.0)
    assert got.array.tolist() == [6, -7]
    haliax_refs.set(view, {"x": hax.ds(jnp.int32(1), 2), "y": 0}, -1.0, mode="drop")
    assert contents(ref)[:, 0].tolist() == [0, 3, -1, 9]


UPDATES = {
    "add": np.add,
    "multiply": np.multiply,
    "mul": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "min": np.minimum,
    "max": np.maximum,
}


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_at_updates_in_place(name: str, jitted: bool) -> None:
    """As `NamedArray.at` does, duplicates included, but into the buffer."""
    index = {"x": jnp.array([2, 0, 2]), "y": slice(None, None, -1)}
    value = hax.named(jnp.array([2.0, 3.0, 4.0]), "y")
    ref = grid()
    view = ref.slice({"x": slice(1, 4)})
    operation = lambda view, index: getattr(view.at[index], name)(value)  # noqa: E731
    assert (
        jax.jit(lambda view, i: operation(view, index | {"x": i})) if jitted else lambda view, i: operation(view, index)
    )(view, index["x"]) is None
    want = np.arange(12.0).reshape(4, 3)
    for row in (3, 1, 3):
        want[row] = UPDATES[name](want[row], np.array([4.0, 3.0, 2.0]))
    np.testing.assert_allclose(contents(ref), want, rtol=1e-6)


def test_at_get_set_and_apply() -> None:
    ref = grid()
    view = ref.slice({"x": slice(1, 4)})
    assert view.at[{"x": 0}].get().array.tolist() == [3, 4, 5]
    view.at[{"x": 0}].set(hax.named(jnp.arange(3.0), "y"))
    view.at["x", 1].apply(lambda v: v * v)
    want = np.arange(12.0).reshape(4, 3)
    want[1] = np.arange(3)
    want[2] **= 2
    np.testing.assert_array_equal(contents(ref), want)
    view.at[...].apply(jnp.negative)
    want[1:] *= -1
    np.testing.assert_array_equal(contents(ref), want)
    jax.jit(lambda ref, i: ref.at[{"x": i}].apply(jnp.square))(view, jnp.int32(0))
    want[1] **= 2
    np.testing.assert_array_equal(contents(ref), want)


def test_the_mode_of_an_update_is_known() -> None:
    ref = grid()
    for mode in ("nonsense", "wrap?"):
        with pytest.raises(ValueError, match=mode.replace("?", r"\?")):
            haliax_refs.set(ref, {"x": 0}, 1.0, mode=mode)
        with pytest.raises(ValueError, match=mode.replace("?", r"\?")):
            ref.at[{"x": 0}].add(1.0, mode=mode)
    np.testing.assert_array_equal(contents(ref), np.arange(12.0).reshape(4, 3))
