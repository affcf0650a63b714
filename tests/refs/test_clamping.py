"""Law 2, for what is traced: an index outside the view is clamped into it, whatever stands beside it.

So a read and a write through the same index touch the same cells; but what an index array of a whole axis would write
outside is dropped, as jax.Ref drops it: a clamp there would be an equation that nobody writes by hand. With `mode`,
what the last bracket has outside is dropped or filled instead; the views before it were made without a mode, and clamp.
"""

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
from tests.refs.oracles import Value
from tests.refs.spelling import base_array, base_oracle, bracket, check, collecting, replaying, spell_value
from tests.refs.strategies import COMPILES, Chain, SpelledValue, chains, values
from tests.refs.test_chains import LONG, OPERATIONS, chains_and_values, check_operation, read, under_jit


pytestmark = pytest.mark.usefixtures("unoptimized")


@COMPILES
@given(chains(wild=True))
def test_read(chain: Chain) -> None:
    check_operation(read, "read", chain, None)


@COMPILES
@given(chains(wild=True))
def test_read_under_jit(chain: Chain) -> None:
    check_operation(under_jit(read), "read", chain, None)


@pytest.mark.parametrize("kind", OPERATIONS)
@COMPILES
@given(case=chains_and_values(wild="but arrays"))
def test_change(kind: str, case: tuple[Chain, SpelledValue]) -> None:
    check_operation(OPERATIONS[kind], kind, *case)


@pytest.mark.parametrize("kind", OPERATIONS)
@COMPILES
@given(case=chains_and_values(wild="but arrays"))
def test_change_under_jit(kind: str, case: tuple[Chain, SpelledValue]) -> None:
    check_operation(under_jit(OPERATIONS[kind]), kind, *case)


@pytest.mark.slow
@LONG
@given(chains(wild=True, min_depth=4))
def test_read_under_jit_long(chain: Chain) -> None:
    check_operation(under_jit(read), "read", chain, None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", OPERATIONS)
@LONG
@given(case=chains_and_values(wild="but arrays", min_depth=4))
def test_change_under_jit_long(kind: str, case: tuple[Chain, SpelledValue]) -> None:
    check_operation(under_jit(OPERATIONS[kind]), kind, *case)


@st.composite
def dropping(draw: st.DrawFn) -> tuple[Chain, SpelledValue]:
    chain = draw(chains(wild="but arrays", last_wild=True, max_depth=3, large=False))
    return chain, draw(values(chain.view.sizes, chain.dtype))


@COMPILES
@given(dropping())
def test_drop_and_fill_against_the_oracle(case: tuple[Chain, SpelledValue]) -> None:
    """The mode is of the last bracket alone: the views before it clamp, as they do without."""
    chain, value = case
    *prefix, last = chain.steps
    base = haliax_refs.new_ref(base_array(chain))
    data: list[np.ndarray] = []
    for step in chain.steps:
        bracket(step, collecting(data))

    def run(ref: Any, arguments: Any) -> Any:
        lift = replaying(arguments)
        for step in prefix:
            ref = ref.slice(bracket(step, lift))
        index = bracket(last, lift)
        read = haliax_refs.get(ref, index, mode="fill", fill_value=-9)
        haliax_refs.addupdate(ref, index, 1, mode="drop")
        haliax_refs.set(ref, index, spell_value(value), mode="drop")
        return read

    oracle = base_oracle(chain)
    view = oracle.slice(*(step.meaning for step in prefix))
    want = view.read(last.meaning, "fill", -9)
    view.update(np.add, last.meaning, Value(None, np.array(1)), "drop")
    view.write(last.meaning, value.meaning, "drop")
    check(jax.jit(run)(base, data), want)
    assert oracle.explains(np.asarray(base[...].array))


OUTSIDE = {
    "an int": lambda i: {"x": i},
    "an int beside an array": lambda i: {"x": i, "y": jnp.array([0, 1, 2])},
    "an array": lambda i: {"x": i[None]},
    "a NamedArray": lambda i: {"x": hax.named(i[None], "i")},
    "an int beside a slice with a stride": lambda i: {"x": i, "y": slice(None, None, 2)},
    "a window": lambda i: {"x": hax.ds(i, 1)},
    "a window beside an array": lambda i: {"x": hax.ds(i, 1), "y": jnp.array([0, 1, 2])},
}


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("part", [False, True], ids=["whole", "part"])
@pytest.mark.parametrize("spelled", OUTSIDE)
def test_a_write_outside_lands_on_the_nearest_row_or_is_dropped(spelled: str, part: bool, jitted: bool) -> None:
    """Alike eager and under jit, in whichever way it is written."""

    def write(view: Any, i: jax.Array) -> None:
        view[OUTSIDE[spelled](i)] = -1.0

    first, size = (1, 2) if part else (0, 4)
    for position in (7, -7, -1, -2, 1):
        ref = haliax_refs.new_ref(jnp.zeros((4, 3)), ("x", "y"))
        view = ref.slice({"x": slice(1, 3)}) if part else ref
        row = first + min(max(position + size * (position < 0), 0), size - 1)
        (jax.jit(write) if jitted else write)(view, jnp.int32(position))
        want = np.zeros((4, 3))
        dropped = spelled in ("an array", "a NamedArray") and not part and not -size <= position < size
        want[row, :: 2 if "stride" in spelled else 1] = 0 if dropped else -1
        np.testing.assert_array_equal(ref[...].array, want)


BESIDE = {
    "nothing": dict,
    "an int": lambda: {"y": 1},
    "a slice": lambda: {"y": slice(None, None, -1)},
    "a slice with a stride": lambda: {"y": slice(None, None, 2)},
    "an array": lambda: {"y": jnp.array([1, 0])},
    "a NamedArray": lambda: {"y": hax.named(jnp.array([1, 0]), "i")},
    "a mask": lambda: {"y": np.array([True, False, True])},
}


@pytest.mark.parametrize("beside", BESIDE)
def test_a_window_is_moved_as_a_whole(beside: str) -> None:
    """It shows neighbours, each once, also where something beside it makes a gather of the whole."""
    ref = haliax_refs.new_ref(jnp.arange(12).reshape(4, 3), ("x", "y"))
    want = np.asarray(ref[{"x": slice(2, 4), **BESIDE[beside]()}].array)
    for start in (2, 3, 50, -1):
        index = {"x": hax.ds(jnp.int32(start), 2), **BESIDE[beside]()}
        np.testing.assert_array_equal(ref[index].array, want)
        jitted = jax.jit(lambda ref, start: ref[{"x": hax.ds(start, 2), **BESIDE[beside]()}])
        np.testing.assert_array_equal(jitted(ref, jnp.int32(start)).array, want)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_a_fill_reads_what_is_inside_for_every_dtype_of_the_index(dtype: str) -> None:
    ref = haliax_refs.new_ref(jnp.arange(4.0), "x")
    for index in (jnp.asarray(2, dtype), jnp.array([2], dtype)):
        got = haliax_refs.get(ref, {"x": index}, mode="fill", fill_value=-9.0)
        assert np.asarray(got.array).reshape(-1).tolist() == [2.0]


def test_wrap_takes_references_only() -> None:
    with pytest.raises(TypeError, match=r"expected a jax.Ref, got"):
        haliax_refs.wrap(jnp.zeros((4, 3)), ("x", "y"))


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("dtype", ["uint32", "uint64"])
@pytest.mark.parametrize("start", [3, 90, -1])
def test_positions_of_an_unsigned_dtype(dtype: str, start: int, jitted: bool) -> None:
    """No sum with what is signed makes floats of them, or brings one from far outside back in."""
    with jax.enable_x64(dtype == "uint64"):
        ref = haliax_refs.new_ref(hax.arange({"x": 20}))
        at = jnp.asarray(np.asarray(start).astype(dtype))  # -1 is the greatest
        cells = np.arange(20)[2:18][::-1]
        shown = min(start % 2**32, 16)

        def run(ref: Any, at: jax.Array) -> tuple[hax.NamedArray, ...]:
            view = ref.slice({"x": slice(2, 18)}).slice({"x": slice(None, None, -1)})
            return (
                view["x", at],
                view["x", pl.ds(at, 3, 2)],
                ref.slice({"x": [9, 8, 7, 6]})["x", hax.ds(at, 2)],
                view.at["x", hax.ds(at, 3)].get(mode="fill", fill_value=-1),
            )

        point, strided, gathered, filled = (jax.jit(run) if jitted else run)(ref, at)
        assert point.item() == cells[min(shown, 15)]
        first = min(shown, 11)
        assert strided.array.tolist() == cells[first : first + 5 : 2].tolist()
        first = min(shown, 2)
        assert gathered.array.tolist() == [9, 8, 7, 6][first : first + 2]
        assert filled.array.tolist() == (cells[3:6].tolist() if start == 3 else [-1, -1, -1])


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="this jax does not vmap refs rightly")
@pytest.mark.parametrize(("at", "row"), [(9, 3), (-9, 0), (-1, 3)])
def test_what_is_known_is_clamped_while_vmap_maps(at: int, row: int) -> None:
    """jax.Ref fits a position that is traced, but takes one that is known at its word."""
    ref = haliax_refs.new_ref(hax.named(jnp.arange(12.0).reshape(4, 3), ("x", "y")))
    view = ref.slice({"x": jnp.int32(at)})
    for known in (jnp.int32(at), hax.named(jnp.int32(at), ())):
        assert hax.vmap(lambda column: column["x", known], "y")(ref).array.tolist() == [3.0 * row + y for y in range(3)]  # noqa: B023
        hax.vmap(lambda column: column.at["x", known].add(1.0), "y")(ref)  # noqa: B023
        hax.vmap(lambda cell: cell.at[...].add(-1.0), "y")(view)
    assert ref[...].array.tolist() == np.arange(12.0).reshape(4, 3).tolist()
