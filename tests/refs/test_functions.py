"""The functions around refs: making, wrapping, reading, changing, ending, copying them."""

from __future__ import annotations

import copy
import inspect
import pickle
import threading
from functools import partial
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import Axis, NamedArray

import haliax_refs
from tests.refs.grids import X, Y, contents, grid, named_grid
from tests.refs.oracles import Point, Take, Window
from tests.refs.spelling import base_array, base_oracle, check
from tests.refs.strategies import Chain


pytestmark = pytest.mark.usefixtures("unoptimized")


# --- new_ref, wrap, empty_ref ---------------------------------------------------------------------------------------


def test_a_new_ref_of_a_named_array_has_its_axes_and_a_copy_of_its_data() -> None:
    array = named_grid()
    ref = haliax_refs.new_ref(array)
    assert isinstance(ref, haliax_refs.NamedRef)
    assert ref.axes == (X, Y)
    ref[...] = 0.0
    np.testing.assert_array_equal(np.asarray(array.array), np.arange(12.0).reshape(4, 3))


@pytest.mark.parametrize("axes", [(X, Y), ("x", "y"), (X, "y"), {"x": 4, "y": 3}], ids=str)
def test_a_new_ref_of_an_array_takes_axes(axes: Any) -> None:
    for array in (jnp.arange(12.0).reshape(4, 3), np.arange(12, dtype=np.float32).reshape(4, 3)):
        ref = haliax_refs.new_ref(array, axes)
        assert ref.axes == (X, Y)
        np.testing.assert_array_equal(contents(ref), np.arange(12.0).reshape(4, 3))


def test_a_new_ref_of_a_scalar() -> None:
    ref = haliax_refs.new_ref(2.5)
    assert ref.axes == ()
    assert ref.ndim == 0
    assert ref.size == 1
    assert ref.dtype == jnp.float32
    ref[...] = 3
    assert ref[...].item() == 3.0
    ref[{}] += 1
    assert ref.value().item() == 4.0
    for scalar in (jnp.float32(1), np.float32(1), hax.named(jnp.float32(1), ())):
        assert haliax_refs.new_ref(scalar).axes == ()
    assert haliax_refs.new_ref(jnp.zeros(4), X).axes == (X,)
    assert haliax_refs.new_ref(jnp.zeros(4), "x").axes == (X,)


def test_axes_given_for_a_named_array_are_checked() -> None:
    assert haliax_refs.new_ref(named_grid(), (X, Y)).axes == (X, Y)
    with pytest.raises(ValueError, match=r"y.*5|5.*y"):
        haliax_refs.new_ref(named_grid(), (X, Y.resize(5)))


@pytest.mark.parametrize(
    ("value", "axes", "message"),
    [
        (np.zeros((4, 3)), None, r"\(4, 3\)[\s\S]*axes"),
        (np.zeros((4, 3)), (X,), r"\(4, 3\)|x"),
        (np.zeros((4, 3)), (Y, X), r"4[\s\S]*3|3[\s\S]*4"),
        (np.zeros((4, 4)), (X, X), r"'?x'?"),
    ],
)
def test_axes_that_do_not_fit_are_refused(value: Any, axes: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        haliax_refs.new_ref(value, axes)


def test_new_ref_passes_memory_space_and_kind_on() -> None:
    assert haliax_refs.new_ref(jnp.zeros(4), X, memory_space=None, kind=None).axes == (X,)
    if "kind" not in inspect.signature(jax.new_ref).parameters:  # before jax 0.9
        with pytest.raises(NotImplementedError, match="kind='anselm_ref'"):
            haliax_refs.new_ref(jnp.zeros(4), X, kind="anselm_ref")
        return
    (raw,) = jax.tree_util.tree_leaves(haliax_refs.new_ref(jnp.zeros(4), X, kind="anselm_ref"))
    assert jax.typeof(raw).kind == "anselm_ref"


def test_wrap_gives_a_jax_ref_names() -> None:
    raw = jax.new_ref(jnp.arange(12.0).reshape(4, 3))
    ref = haliax_refs.wrap(raw, (X, Y))
    assert ref.axes == (X, Y)
    ref[{"x": 0}] = -1.0
    assert raw[0, 0] == -1.0
    assert haliax_refs.wrap(raw, ("x", "y")).axes == (X, Y)
    with pytest.raises(ValueError, match=r"4[\s\S]*3"):
        haliax_refs.wrap(raw, (Y, X))
    with pytest.raises((ValueError, TypeError), match=r"x"):
        haliax_refs.wrap(raw, X)


def test_an_empty_ref_holds_what_is_written() -> None:
    def run() -> Any:
        ref = haliax_refs.empty_ref((X, Y), jnp.float32)
        assert ref.axes == (X, Y)
        assert ref.dtype == jnp.float32
        ref[...] = 2.0
        ref[{"x": 1}] = 3.0
        return ref[...]

    want = np.full((4, 3), 2.0)
    want[1] = 3.0
    for got in (run(), jax.jit(run)()):
        np.testing.assert_array_equal(np.asarray(got.array), want)


def test_a_ref_that_was_freed_is_gone() -> None:
    ref = grid()
    haliax_refs.free_ref(ref)
    with pytest.raises((RuntimeError, ValueError, TypeError), match="freed"):
        ref[...]
    with pytest.raises((RuntimeError, ValueError, TypeError), match="freed"):
        ref[...] = 0.0

    @jax.jit
    def run(x: jax.Array) -> jax.Array:
        scratch = haliax_refs.empty_ref((X,), jnp.float32)
        scratch[...] = x
        result = scratch[...].array
        haliax_refs.free_ref(scratch)
        return result

    np.testing.assert_array_equal(run(jnp.arange(4.0)), np.arange(4.0))


def test_key_dtypes() -> None:
    keys = jax.random.split(jax.random.key(0), 4)
    ref = haliax_refs.new_ref(hax.named(keys, X))
    assert ref.dtype == keys.dtype
    one = ref[{"x": 1}]
    assert jax.random.key_data(one.array).tolist() == jax.random.key_data(keys[1]).tolist()
    ref[{"x": 0}] = keys[3]
    ref.slice({"x": slice(1, 3)})[{"x": jnp.int32(1)}] = keys[0]
    got = jax.random.key_data(ref[...].array)
    want = jax.random.key_data(keys[jnp.array([3, 1, 0, 3])])
    np.testing.assert_array_equal(got, want)
    with pytest.raises(TypeError, match="key"):
        ref[{"x": 0}] = 1

    @jax.jit
    def step(ref: Any, i: jax.Array) -> jax.Array:
        key, new = jax.random.split(ref[{"x": i}].array)
        ref[{"x": i}] = new
        return jax.random.uniform(key)

    assert step(ref, jnp.int32(1)) != step(ref, jnp.int32(1))


@pytest.mark.parametrize("dtype", [jnp.int4, jnp.uint4], ids=["int4", "uint4"])
def test_dtypes_of_less_than_a_byte(dtype: Any) -> None:
    ref = haliax_refs.new_ref(hax.zeros((X, Y), dtype=dtype))
    ref["x", 0] = 1
    ref["x", 1] = np.full(3, 2).astype(dtype)
    haliax_refs.addupdate(ref, {"y": [0, 0]}, 1)
    assert ref[...].array.astype(int).tolist() == [[3, 1, 1], [4, 2, 2], [2, 0, 0], [2, 0, 0]]
    least_or_greatest = ref.at["x", jnp.array([9])].get(mode="fill")["x", 0, "y", 0]
    assert int(least_or_greatest.array) == (-8 if dtype == jnp.int4 else 15)
    with pytest.raises(OverflowError, match=r"99 is out of bounds for u?int4, which holds"):
        ref["x", 0] = 99


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("index", [[0, 2, 2], slice(0, 3), 2, jnp.array([2, 0])], ids=["list", "slice", "int", "array"])
def test_bools_are_added_and_multiplied_as_numpy_does(index: Any, jitted: bool) -> None:
    """The sum of two is whether either is true, the product whether both are, also at an index array."""
    want = np.array([False, True, False, True])
    ref = haliax_refs.new_ref(hax.named(jnp.asarray(want), X))

    def run(ref: haliax_refs.NamedRef) -> None:
        haliax_refs.addupdate(ref, {"x": index}, True)
        ref.at["x", 1:].multiply(hax.named(jnp.array([True, False, True]), "x"))
        ref.at["x", [3, 0, 3]].multiply(False)

    (jax.jit(run) if jitted else run)(ref)
    np.add.at(want, index, True)
    want[1:] *= np.array([True, False, True])
    np.multiply.at(want, [3, 0, 3], False)
    assert ref[...].array.tolist() == want.tolist()


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("index", [{"x": jnp.array([0, -1])}, {"x": [0, 1]}, {"x": hax.ds(jnp.int32(0), 2)}])
def test_all_is_out_of_bounds_of_a_buffer_of_nothing(index: Any, jitted: bool) -> None:
    ref = haliax_refs.new_ref(hax.zeros({"x": 0, "y": 3}))

    def run(ref: haliax_refs.NamedRef) -> tuple[NamedArray, NamedArray]:
        ref.at[index].add(1.0, mode="drop")
        ref.at[index].multiply(2.0, mode="drop")
        read = ref.at[index].get(mode="fill", fill_value=7.0)
        return read, haliax_refs.swap(ref, index, 1.0, mode="drop")

    read, old = (jax.jit(run) if jitted else run)(ref)
    assert read.axes == old.axes == (Axis("x", 2), Y)
    assert (read.array == 7).all()
    assert jnp.isnan(old.array).all()
    if not isinstance(index["x"], hax.dslice):
        with pytest.raises(IndexError, match=r"axis 'x'.*size 0"):
            ref[index]


def test_a_mode_may_be_a_member_of_the_enumeration() -> None:
    """As `NamedArray.at` takes it."""
    modes, outside = jax.lax.GatherScatterMode, {"x": hax.named(jnp.array([1, 9]), "i")}
    ref, value = haliax_refs.new_ref(hax.arange(X)), hax.arange(X)
    ref.at[outside].set(-1, mode=modes.FILL_OR_DROP)
    ref.at[outside].multiply(2, mode=modes.FILL_OR_DROP)
    ref.at[outside].apply(lambda x: x - 1, mode=modes.FILL_OR_DROP)
    assert ref[...].array.tolist() == [0, -3, 2, 3]
    read = ref.at[outside].get(mode=modes.FILL_OR_DROP, fill_value=-7)
    assert read.array.tolist() == [-3, value.at[outside].get(mode=modes.FILL_OR_DROP, fill_value=-7).array[1]]
    assert haliax_refs.get(ref, {"x": jnp.int32(9)}, mode=modes.CLIP).item() == 3
    with pytest.raises(ValueError, match=r"mode .*ONE_HOT.*clip"):
        haliax_refs.get(ref, {"x": 0}, mode=modes.ONE_HOT)


def test_an_int_beyond_the_default_int() -> None:
    ref = haliax_refs.new_ref(hax.arange(X))
    with pytest.raises(OverflowError, match=r"2147483648 is out of bounds for int32, which holds -2147483648 to"):
        ref["x", 0] = 2**31


# --- What jax is told meanwhile -------------------------------------------------------------------------------------


def test_a_program_of_one_x64_mode_is_not_called_in_the_other() -> None:
    ref = haliax_refs.new_ref(hax.zeros(X))
    for enabled in (False, True, False):
        with jax.enable_x64(enabled):
            ref.at["x", [1, 9]].add(1.0, mode="drop")
            ref.at["x", 7].set(5.0, mode="drop")
            assert ref.at["x", np.array([1, 9])].get(mode="fill", fill_value=-1).array[1] == -1
    assert ref[...].array.tolist() == [0.0, 3.0, 0.0, 0.0]


def test_a_ref_of_64_bits_where_they_are_off() -> None:
    with jax.enable_x64(True):
        ref, value = haliax_refs.new_ref(np.arange(4.0), "x"), jnp.float64(0.1)
    ref["x", 0] = value
    assert np.asarray(ref["x", ::-1].array).tolist() == [3.0, 2.0, 1.0, 0.1]
    jitted = partial(jax.jit(lambda ref, v: ref.at[...].set(v)), ref)
    for narrow in (0.1, np.float64(0.1), np.ones(4), jnp.float32(0.1)):
        for change in (ref.at[...].set, ref.at[...].add, ref.at[...].multiply, jitted):
            with pytest.raises(TypeError, match=r"float\d\d to a NamedRef of float64: 64-bit.*enable_x64"):
                change(narrow)
    assert np.asarray(ref[...].array).tolist() == [0.1, 1.0, 2.0, 3.0]


def test_refs_work_while_jit_is_disabled() -> None:
    ref = haliax_refs.new_ref(hax.zeros((X, Y)))
    with jax.disable_jit():
        ref["x", jnp.int32(2)] = 4.0
        ref.at["x", [2, 2]].multiply(0.5)
        assert haliax_refs.swap(ref, {"x": 2, "y": 0}, 7.0).item() == 1.0
        assert haliax_refs.freeze(ref.slice({"x": slice(None, 1, -1)})).array.tolist() == [[0, 0, 0], [7, 1, 1]]


def test_threads_may_share_a_ref() -> None:
    """Each operation takes the buffer out of the ref and puts one in; another thread must not find it gone."""
    ref = haliax_refs.new_ref(hax.zeros((X, Y)))
    start, failed = threading.Barrier(4), []

    def use(i: int) -> None:
        try:
            start.wait(timeout=30)
            for _ in range(100):
                haliax_refs.addupdate(ref, {"x": i}, 1.0)
                ref["x", i].array.block_until_ready()
                haliax_refs.swap(ref.slice({"x": [i]}), ..., ref["x", i])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=use, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not failed
    assert ref[...].array.tolist() == [[100.0] * 3] * 4


# --- The functional forms -------------------------------------------------------------------------------------------


def test_functional_forms_are_the_methods() -> None:
    for module in (haliax_refs, hax.ref):
        ref = grid()
        np.testing.assert_array_equal(module.get(ref).array, ref[...].array)
        np.testing.assert_array_equal(module.get(ref, {"x": 1}).array, ref[{"x": 1}].array)
        assert module.set(ref, {"x": 1}, -1.0) is None
        assert contents(ref)[1].tolist() == [-1, -1, -1]
        old = module.swap(ref, {"x": 1}, hax.named(jnp.arange(3.0), Y))
        assert old.axes == (Y,)
        assert old.array.tolist() == [-1, -1, -1]
        assert module.addupdate(ref, {"x": 1}, 10) is None
        assert contents(ref)[1].tolist() == [10, 11, 12]
        frozen = module.freeze(ref)
        assert isinstance(frozen, hax.NamedArray)
        assert frozen.array[1].tolist() == [10, 11, 12]


def test_addupdate_adds_up_over_duplicates() -> None:
    ref = haliax_refs.new_ref(jnp.zeros(4), X)
    haliax_refs.addupdate(ref, {"x": [1, 1, 3]}, 1.0)
    haliax_refs.addupdate(
        ref, {"x": hax.named(jnp.array([[1, 0], [0, 0]]), ("i", "j"))}, hax.named(jnp.array([1.0, 5.0]), "i")
    )
    assert contents(ref).tolist() == [11, 3, 0, 1]
    jax.jit(lambda ref, i: haliax_refs.addupdate(ref.slice({"x": i}), ..., 1.0))(ref, jnp.array([2, 2, 2]))
    assert contents(ref).tolist() == [11, 3, 3, 1]


# --- Copies ---------------------------------------------------------------------------------------------------------


def test_copies_and_pickles_are_as_those_of_a_jax_ref() -> None:
    """Whatever jax makes of its own ref (an alias, or another buffer), with the same view of it."""
    for duplicate in (copy.copy, copy.deepcopy, lambda ref: pickle.loads(pickle.dumps(ref))):
        raw = jax.new_ref(jnp.arange(12.0).reshape(4, 3))
        ref = grid()
        view = ref.slice({"x": slice(1, 3)}).slice({"y": jnp.int32(2)})
        raw_twin, twin = duplicate(raw), duplicate(view)
        assert isinstance(twin, haliax_refs.NamedRef)
        assert twin.axes == view.axes
        np.testing.assert_array_equal(twin[...].array, view[...].array)
        raw_twin[1] = -jnp.ones(3)
        twin[{"x": 0}] = -1.0
        assert (contents(ref)[1, 2] == -1.0) == bool(raw[...][1, 2] == -1.0)


def test_refs_are_not_returned_from_jit() -> None:
    for refused in (lambda: jax.jit(lambda ref: ref)(grid()), lambda: jax.jit(lambda: grid())()):
        with pytest.raises(ValueError, match="ref"):
            refused()


def test_oracle_selectors_are_used() -> None:
    """A point, a window and a list through one chain, worked out by hand."""
    chain = Chain({"x": 4, "y": 3}, "int32", [])
    oracle = base_oracle(chain).slice({"x": Window(1, 3)}, {"x": Take(np.array([2, 0])), "y": Point(-1)})
    assert oracle.array.tolist() == [12, 6]
    ref = haliax_refs.new_ref(base_array(chain))
    check(ref.slice({"x": hax.ds(1, 3)})[{"x": [2, 0], "y": -1}], oracle.read())
