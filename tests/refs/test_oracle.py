"""The oracle against NumPy, and against NamedArray indexing wherever that is right."""

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.refs.oracles import Index, Mask, NamedOracle, Point, Take, Value, View, Window
from tests.refs.spelling import names
from tests.refs.strategies import chains, slices


pytestmark = pytest.mark.usefixtures("unoptimized")
SIZES = {"x": 4, "y": 3, "z": 2}
BASE = np.arange(24).reshape(4, 3, 2)


def read(**selectors: object) -> np.ndarray:
    return NamedOracle.of(SIZES, BASE).read(selectors).array


@given(st.data())
def test_slices_are_numpys(data: st.DataObject) -> None:
    x, z = data.draw(slices(4)).meaning, data.draw(slices(2)).meaning
    np.testing.assert_array_equal(read(x=x, z=z), BASE[x, :, z])


def test_points_windows_and_lists_act_each_on_their_own_axis() -> None:
    np.testing.assert_array_equal(read(x=Point(-1)), BASE[-1])
    np.testing.assert_array_equal(read(y=Point(1), x=Window(1, 2)), BASE[1:3, 1])
    np.testing.assert_array_equal(read(x=Window(0, 2, 3)), BASE[[0, 3]])
    np.testing.assert_array_equal(read(x=Take(np.array([3, 0])), z=Take(np.array([-1]))), BASE[[3, 0]][:, :, [-1]])
    np.testing.assert_array_equal(read(y=Mask(np.array([True, False, True]))), BASE[:, [0, 2]])
    np.testing.assert_array_equal(read(x=range(2, -1, -1)), BASE[2::-1])


def test_named_indices_pair_along_the_axes_they_share() -> None:
    i = Index(("i",), np.array([3, 1]))
    np.testing.assert_array_equal(read(x=i, y=Index(("i",), np.array([0, 2]))), BASE[[3, 1], [0, 2]])
    np.testing.assert_array_equal(
        read(x=i, y=Index(("j",), np.array([0, 2]))), BASE[[[3], [1]], [[0, 2]]].swapaxes(0, 1)
    )
    # y stays, and the index runs along it.
    np.testing.assert_array_equal(read(x=Index(("y",), np.array([2, 0, 1]))), BASE[[2, 0, 1], [0, 1, 2]])
    # y is cut down first, and the index runs along what is left.
    diagonal = read(x=Index(("y",), np.array([2, 0])), y=slice(None, 0, -1))
    np.testing.assert_array_equal(diagonal, BASE[[2, 0], [2, 1]])


def test_what_is_outside() -> None:
    for bad in (Point(4), Point(-5), Take(np.array([0, 4])), Window(3, 2), range(5)):
        with pytest.raises(IndexError):
            read(x=bad)
    np.testing.assert_array_equal(read(x=Point(9, traced=True)), BASE[3])
    np.testing.assert_array_equal(read(x=Point(-9, traced=True)), BASE[0])
    np.testing.assert_array_equal(read(x=Window(3, 2, traced=True)), BASE[2:4])
    np.testing.assert_array_equal(read(x=Window(-1, 2, traced=True)), BASE[2:4])
    oracle = NamedOracle.of(SIZES, BASE)
    got = oracle.read({"x": Take(np.array([1, 4]))}, mode="fill", fill=-9).array
    np.testing.assert_array_equal(got, np.stack([BASE[1], np.full((3, 2), -9)]))
    oracle.write({"x": Take(np.array([1, 4]))}, Value(None, np.array(7)), mode="drop")
    want = BASE.copy()
    want[1] = 7
    np.testing.assert_array_equal(oracle.array, want)


def test_writes_broadcast_by_name_and_updates_add_up() -> None:
    oracle = NamedOracle.of(SIZES, BASE)
    oracle.slice({"x": slice(1, 3)}).write({"z": Point(0)}, Value(("y",), np.array([7, 8, 9])))
    want = BASE.copy()
    want[1:3, :, 0] = [7, 8, 9]
    np.testing.assert_array_equal(oracle.array, want)
    oracle.update(np.add, {"x": Take(np.array([0, 0, 3]))}, Value(None, np.array(10)))
    want[0] += 20
    want[3] += 10
    np.testing.assert_array_equal(oracle.array, want)
    with pytest.raises(ValueError, match="among"):
        oracle.write({}, Value(("q",), np.zeros(3)))


def test_the_cells_that_a_write_hits_twice_may_hold_either_value() -> None:
    oracle = NamedOracle.of({"x": 3}, np.zeros(3))
    oracle.write({"x": Take(np.array([1, 1, 2]))}, Value(("x",), np.array([7, 8, 9])))
    assert oracle.explains(np.array([0, 7, 9]))
    assert oracle.explains(np.array([0, 8, 9]))
    assert not oracle.explains(np.array([0, 9, 9]))
    assert not oracle.explains(np.array([0, 8, 8]))


@st.composite
def where_named_array_is_right(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, object]]:
    """Points, slices and named indices, with no slice on an axis that an index carries."""
    chain = draw(chains(max_depth=1, large=False))
    selectors = {
        n: s.meaning for n, s in chain.steps[0].selectors.items() if isinstance(s.meaning, slice | Point | Index)
    }
    carried = {name for s in selectors.values() if isinstance(s, Index) for name in s.names}
    kept = {n: s for n, s in selectors.items() if not (isinstance(s, slice) and n in carried)}
    # An axis whose slice or other selector went away has its whole size again, for which the index may not be made.
    sizes = chain.axes
    wrong = any(
        n in sizes and (n not in kept or isinstance(kept[n], slice)) and size != sizes[n]
        for s in kept.values()
        if isinstance(s, Index)
        for n, size in s.sizes.items()
    )
    return dict(sizes), {} if wrong else kept


@given(where_named_array_is_right())
def test_named_array_agrees_where_it_is_right(case: tuple[dict[str, int], dict[str, object]]) -> None:
    sizes, selectors = case
    want = NamedOracle.of(sizes, View.whole(sizes).cells).read(selectors)
    array = hax.named(jnp.asarray(View.whole(sizes).cells), tuple(hax.Axis(n, s) for n, s in sizes.items()))

    def spelled(selector: object) -> object:
        match selector:
            case Point(at):
                return at
            case Index(own, positions):
                return hax.named(jnp.asarray(positions), own)
        return selector

    index = {n: spelled(s) for n, s in selectors.items()}
    got = array[index]
    assert names(got) == want.view.names
    assert names(jax.eval_shape(lambda a: a[index], array)) == want.view.names
    np.testing.assert_array_equal(np.asarray(got.array), want.array)
