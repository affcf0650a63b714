"""What a ref says of itself, and its views by other names."""

from __future__ import annotations

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

import haliax_refs
from tests.refs.grids import X, Y, contents, grid, named_grid
from tests.refs.spelling import base_array, bracket
from tests.refs.strategies import Chain, Step, chains, steps


pytestmark = pytest.mark.usefixtures("unoptimized")


def test_what_a_ref_says_of_itself() -> None:
    ref = grid()
    assert ref.axes == (X, Y)
    assert ref.shape == {"x": 4, "y": 3} == named_grid().shape
    assert ref.named_shape == ref.shape
    assert ref.dtype == jnp.float32
    assert ref.ndim == 2
    assert ref.size == 12
    view = ref.slice({"x": slice(1, 3)})
    assert (view.shape, view.ndim, view.size) == ({"x": 2, "y": 3}, 2, 6)
    raw = jax.new_ref(jnp.zeros((4, 3)))
    assert ref.sharding == raw.sharding
    assert isinstance(ref.unsafe_buffer_pointer(), int)


def test_resolve_axis() -> None:
    view = grid().slice({"x": slice(1, 3)})
    assert view.resolve_axis("x") == X.resize(2)
    assert view.resolve_axis(Y) == Y
    with pytest.raises(ValueError, match=r"x.*4.*2|x.*2.*4"):
        view.resolve_axis(X)
    with pytest.raises(ValueError, match=r"'z'.*x.*y"):
        view.resolve_axis("z")


def test_unsliced_is_the_whole_again() -> None:
    ref = grid()
    view = ref.slice({"x": slice(1, 3)}).slice({"x": jnp.int32(0), "y": [2, 0]})
    whole = view.unsliced()
    assert whole.axes == ref.axes
    whole[...] = 0.0
    assert not contents(ref).any()
    assert ref.unsliced() is ref


def test_rename_is_a_view_of_the_same_buffer() -> None:
    ref = grid()
    renamed = ref.rename({"x": "row"})
    assert renamed.axes == (hax.Axis("row", 4), Y)
    renamed[{"row": 1, "y": 0}] = -1.0
    assert contents(ref)[1, 0] == -1.0
    view = ref.slice({"x": slice(1, 3)}).rename({"x": "row", "y": "x"})
    assert view.axes == (hax.Axis("row", 2), hax.Axis("x", 3))
    view[{"row": 1, "x": 2}] = -2.0
    assert contents(ref)[2, 2] == -2.0
    swapped = ref.rename({"x": "y", "y": "x"})
    assert swapped.axes == (hax.Axis("y", 4), hax.Axis("x", 3))
    assert swapped[{"y": 2, "x": 2}].item() == -2.0
    gathered = ref.slice({"x": hax.named(jnp.array([2, 1]), "i")}).rename({"i": "k"})
    assert gathered[{"k": 0, "y": 2}].item() == -2.0
    with pytest.raises(ValueError, match=r"y"):
        ref.rename({"x": "y"})
    with pytest.raises(ValueError, match=r"'z'"):
        ref.rename({"z": "w"})


@given(chains(), st.data())
def test_a_renamed_view_is_indexed_by_its_new_names(chain: Chain, data: st.DataObject) -> None:
    """Renaming and indexing commute."""
    view = haliax_refs.new_ref(base_array(chain))
    for step in chain.steps:
        view = view.slice(bracket(step))
    new = {name: f"{name}_" for name in chain.view.names if data.draw(st.booleans())}
    last = data.draw(steps(chain.view.sizes))
    fixed = {n: s for n, s in last.selectors.items() if s.spelling not in ("named", "named mask")}
    before = Step(fixed, chain.view.sizes)
    after = Step(
        {new.get(n, n): s for n, s in fixed.items()}, {new.get(n, n): size for n, size in chain.view.sizes.items()}
    )
    want = view[bracket(before)]
    got = view.rename(new)[bracket(after)]
    assert [axis.name for axis in got.axes] == [new.get(axis.name, axis.name) for axis in want.axes]
    np.testing.assert_array_equal(np.asarray(got.array), np.asarray(want.array))
