"""Law 1: whatever is selected, through however many views, is what the same selections by name give in NumPy.

Each property draws a base and a chain of brackets; all but the last bracket become views. What is read is compared in
values, dtype and order of axes, and after a write the whole base is, cell by cell, so that a cell outside the view
which changes is found too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import haliax_refs
from tests.refs.oracles import NamedOracle
from tests.refs.spelling import Lift, base_array, base_oracle, bracket, check, collecting, replaying, spell_value
from tests.refs.strategies import COMPILES, Chain, SpelledValue, Step, Wild, chains, values


pytestmark = pytest.mark.usefixtures("unoptimized")

LONG = settings(max_examples=2000, derandomize=False)


@st.composite
def chains_and_values(draw: st.DrawFn, *, wild: Wild = False, min_depth: int = 1) -> tuple[Chain, SpelledValue]:
    chain = draw(chains(wild=wild, min_depth=min_depth))
    return chain, draw(values(chain.view.sizes, chain.dtype))


def view(ref: Any, steps: list[Step], lift: Lift = jax.device_put) -> Any:
    for step in steps:
        ref = ref.slice(bracket(step, lift))
    return ref


def read(chain: Chain, ref: Any, value: None, lift: Lift, staged: int) -> Any:
    *prefix, last = chain.steps[staged:]
    return view(ref, prefix, lift)[bracket(last, lift)]


def write(chain: Chain, ref: Any, value: SpelledValue, lift: Lift, staged: int) -> None:
    seen, index, spelled = parts(chain, ref, value, lift, staged)
    seen[index] = spelled


def swap(chain: Chain, ref: Any, value: SpelledValue, lift: Lift, staged: int) -> Any:
    return haliax_refs.swap(*parts(chain, ref, value, lift, staged))


def addupdate(chain: Chain, ref: Any, value: SpelledValue, lift: Lift, staged: int) -> None:
    haliax_refs.addupdate(*parts(chain, ref, value, lift, staged))


def parts(chain: Chain, ref: Any, value: SpelledValue, lift: Lift, staged: int) -> tuple[Any, Any, Any]:
    """The view, the index and the value, made in this order, which is that of the arguments under jit."""
    *prefix, last = chain.steps[staged:]
    return view(ref, prefix, lift), bracket(last, lift), spell_value(value, lift)


Operation = Callable[[Chain, Any, Any, Lift, int], Any]


def under_jit(operation: Operation) -> Operation:
    """The operation under `jax.jit`, with every jax array of it, and the ref or a view of it, as an argument."""

    def run(chain: Chain, ref: Any, value: SpelledValue | None, lift: Lift, staged: int) -> Any:
        data: list[np.ndarray] = []
        for step in chain.steps[staged:]:
            bracket(step, collecting(data))
        if value is not None:
            spell_value(value, collecting(data))
        jitted = jax.jit(lambda ref, arguments: operation(chain, ref, value, replaying(arguments), staged))
        return jitted(ref, data)

    return run


def check_operation(operation: Operation, kind: str, chain: Chain, value: SpelledValue | None, staged: int = 0) -> None:
    """Run it on a ref, of which the first `staged` views are made beforehand, and on the oracle; compare."""
    base = haliax_refs.new_ref(base_array(chain))
    oracle = base_oracle(chain)
    *prefix, last = [step.meaning for step in chain.steps]
    got = operation(chain, view(base, chain.steps[:staged]), value, jax.device_put, staged)

    seen = oracle.slice(*prefix)
    old = seen.read(last)
    match kind:
        case "write" | "swap":
            assert value is not None
            seen.write(last, value.meaning)
        case "addupdate":
            assert value is not None
            seen.update(np.add, last, value.meaning)
    if kind in ("read", "swap"):
        check(got, old)
    else:
        assert got is None
    after = np.asarray(base[...].array)
    assert after.dtype == oracle.buffer.dtype
    assert oracle.explains(after), f"{after.flatten()} where the oracle has {oracle.buffer}"


OPERATIONS = {"write": write, "swap": swap, "addupdate": addupdate}


@COMPILES
@given(chains())
def test_read(chain: Chain) -> None:
    check_operation(read, "read", chain, None)


@pytest.mark.parametrize("kind", OPERATIONS)
@COMPILES
@given(case=chains_and_values())
def test_change(kind: str, case: tuple[Chain, SpelledValue]) -> None:
    check_operation(OPERATIONS[kind], kind, *case)


@COMPILES
@given(chains())
def test_read_under_jit(chain: Chain) -> None:
    check_operation(under_jit(read), "read", chain, None)


@pytest.mark.parametrize("kind", OPERATIONS)
@COMPILES
@given(case=chains_and_values())
def test_change_under_jit(kind: str, case: tuple[Chain, SpelledValue]) -> None:
    check_operation(under_jit(OPERATIONS[kind]), kind, *case)


@pytest.mark.parametrize("kind", OPERATIONS)
@COMPILES
@given(case=chains_and_values(min_depth=2), data=st.data())
def test_change_through_a_view_that_is_an_argument(
    kind: str, case: tuple[Chain, SpelledValue], data: st.DataObject
) -> None:
    chain, value = case
    staged = data.draw(st.integers(1, len(chain.steps) - 1))
    check_operation(under_jit(OPERATIONS[kind]), kind, chain, value, staged)


@COMPILES
@given(chains())
def test_value_and_shape_of_a_view(chain: Chain) -> None:
    """What a view says of itself is what it reads, and `unsliced` is the whole again."""
    base = haliax_refs.new_ref(base_array(chain))
    seen = view(base, list(chain.steps))
    oracle = base_oracle(chain).slice(*(step.meaning for step in chain.steps))
    want = oracle.read()
    check(seen.value(), want)
    check(seen[...], want)
    check(seen[{}], want)
    assert seen.axes == seen.value().axes
    assert dict(seen.shape) == dict(seen.named_shape) == want.view.sizes
    assert seen.ndim == want.array.ndim
    assert seen.size == want.array.size
    assert seen.dtype == want.array.dtype
    assert seen.unsliced().axes == base.axes
    check(seen.unsliced()[...], base_oracle(chain))


@COMPILES
@given(chains_and_values())
def test_what_was_written_is_read(case: tuple[Chain, SpelledValue]) -> None:
    """A write through a view is seen at once through every other view of the base, made before or after."""
    chain, value = case
    base = haliax_refs.new_ref(base_array(chain))
    before = view(base, list(chain.steps))
    write(chain, base, value, jax.device_put, 0)
    after = view(base, list(chain.steps))
    now = NamedOracle.of(chain.axes, np.asarray(base[...].array))
    want = now.slice(*(step.meaning for step in chain.steps)).read()
    check(before[...], want)
    check(after[...], want)


@pytest.mark.slow
@LONG
@given(chains())
def test_read_long(chain: Chain) -> None:
    check_operation(read, "read", chain, None)


@pytest.mark.slow
@LONG
@given(chains(min_depth=4))
def test_read_under_jit_long(chain: Chain) -> None:
    check_operation(under_jit(read), "read", chain, None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", OPERATIONS)
@LONG
@given(case=chains_and_values())
def test_change_long(kind: str, case: tuple[Chain, SpelledValue]) -> None:
    check_operation(OPERATIONS[kind], kind, *case)


@pytest.mark.slow
@pytest.mark.parametrize("kind", OPERATIONS)
@LONG
@given(case=chains_and_values(min_depth=4))
def test_change_under_jit_long(kind: str, case: tuple[Chain, SpelledValue]) -> None:
    check_operation(under_jit(OPERATIONS[kind]), kind, *case)


def test_the_order_of_the_axes_is_named_arrays() -> None:
    """With points, slices and named indices alone, haliax itself says where each axis goes."""
    X, Y, Z = hax.make_axes(x=2, y=3, z=4)
    array = hax.named(jnp.arange(24).reshape(2, 3, 4), (X, Y, Z))
    i = hax.named(jnp.array([0, 1]), "i")
    ij = hax.named(jnp.array([[0, 1, 0], [1, 1, 0]]), ("i", "j"))
    for index in (
        {"y": i},
        {"x": 0, "z": i},
        {"z": i, "x": 1},
        {"x": i, "z": i},
        {"x": ij, "y": 0},
        {"x": i, "y": ij},
        {"y": ij, "x": i},
        {"x": hax.named(jnp.array([0, 1, 1]), "y")},
        {"z": hax.named(jnp.array([[0], [3]]), ("x", "j"))},
    ):
        want = jax.eval_shape(lambda a, index=index: a[index], array).axes
        assert haliax_refs.new_ref(array)[index].axes == want, index
        assert haliax_refs.new_ref(array).slice(index).axes == want, index


def test_a_window_keeps_its_axis_in_place() -> None:
    X, Y, Z = hax.make_axes(x=2, y=3, z=4)
    ref = haliax_refs.new_ref(hax.named(jnp.arange(24).reshape(2, 3, 4), (X, Y, Z)))
    assert ref[{"z": hax.ds(1, 2)}].axes == (X, Y, Z.resize(2))
    assert ref[{"z": 0, "y": hax.ds(jnp.int32(1), 2)}].axes == (X, Y.resize(2))
    assert ref[{"y": hax.ds(0, 1), "z": hax.named(jnp.array([0]), "i"), "x": 0}].axes[1:] == (Y.resize(1),)


def test_an_int8_index_does_not_overflow() -> None:
    """A negative position of a long axis, and positions times a stride, do not fit in the dtype of the index."""
    ref = haliax_refs.new_ref(hax.named(jnp.arange(600), hax.Axis("x", 600)))
    assert ref[{"x": jnp.int8(-1)}].item() == 599
    assert ref[{"x": np.int8(-1)}].item() == 599
    assert ref.slice({"x": slice(300, None)})[{"x": jnp.uint8(200)}].item() == 500
    assert ref.slice({"x": slice(None, None, 3)})[{"x": jnp.array([150, 199], jnp.uint8)}].array.tolist() == [450, 597]
    assert ref.slice({"x": slice(None, None, 3)})[{"x": hax.ds(jnp.uint8(150), 2)}].array.tolist() == [450, 453]
    jitted = jax.jit(lambda ref, i: ref.slice({"x": slice(590, 200, -2)})[{"x": i}].array)
    assert jitted(ref, jnp.uint8(190)) == 210
    assert jitted(ref, jnp.int8(-1)) == 202
