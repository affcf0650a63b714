"""Wrong calls and odd arguments, as a user makes them: the error is ours, says what was given, and nothing changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs
from haliax_refs import NamedRef


pytestmark = pytest.mark.usefixtures("unoptimized")
X, Y = hax.make_axes(x=4, y=3)
STRUCT = jax.ShapeDtypeStruct((4, 3), jnp.float32)
RAGGED = [[1.0], [1.0, 2.0]]


def grid(dtype: Any = jnp.float32) -> NamedRef:
    return haliax_refs.new_ref(hax.named(jnp.arange(12).reshape(4, 3).astype(dtype), (X, Y)))


def keys() -> NamedRef:
    return haliax_refs.new_ref(hax.named(jax.random.split(jax.random.key(0), 4), "x"))


# --- Values ----------------------------------------------------------------------------------------------------------

NO_VALUES: dict[str, tuple[Any, type[Exception], str]] = {
    "None": (None, TypeError, "None"),
    "a string": ("head", TypeError, "'head'"),
    "bytes": (b"head", TypeError, "b'head'"),
    "an array of strings": (np.array(["a", "b", "c"]), TypeError, "array.*'b'"),
    "an array of objects": (np.array([[None] * 3] * 4), TypeError, "array.*None"),
    "a mapping": ({"x": 1}, TypeError, r"\{'x': 1\}"),
    "a date": (np.datetime64(0, "s"), TypeError, "datetime64"),
    "an axis": (X, TypeError, "x"),
    "a shape": (STRUCT, TypeError, "ShapeDtypeStruct"),
    "a named shape": (hax.NamedArray(STRUCT, (X, Y)), TypeError, "ShapeDtypeStruct"),
    "a function": (len, TypeError, "len"),
    "a ragged list": (RAGGED, ValueError, r"\[\[1\.0\], \[1\.0, 2\.0\]\]"),
}


@pytest.mark.parametrize("operation", ["set", "swap", "addupdate", "multiply"])
@pytest.mark.parametrize("what", NO_VALUES)
def test_what_is_no_value(what: str, operation: str) -> None:
    value, kind, fact = NO_VALUES[what]
    ref = grid()
    before = np.asarray(ref[...].array)
    change = ref.at[...].multiply if operation == "multiply" else partial(getattr(haliax_refs, operation), ref, ...)
    with pytest.raises(kind, match=rf"(?s)cannot write.*{fact}.*number"):
        change(value)
    np.testing.assert_array_equal(ref[...].array, before)


@pytest.mark.parametrize("what", NO_VALUES)
def test_no_ref_of_what_is_no_value(what: str) -> None:
    value, kind, fact = NO_VALUES[what]
    with pytest.raises(kind, match=rf"(?s)cannot make a ref.*{fact}.*number"):
        haliax_refs.new_ref(value)


def test_an_integer_that_is_too_large() -> None:
    with pytest.raises(OverflowError, match=r"1000000000000.*int"):
        haliax_refs.new_ref(10**30)


def test_a_list_of_lists_is_an_array() -> None:
    ref = grid()
    ref[...] = [[1, 2, 3]] * 4
    ref["x", 0] = (7.0, 8.0, 9.0)
    assert ref[...].array.tolist() == [[7, 8, 9], *[[1, 2, 3]] * 3]
    with pytest.raises(ValueError, match=r"shape \(2,\) to a NamedRef with axes \(y=3\)"):
        ref["x", 0] = [1, 2]
    jitted = jax.jit(lambda ref, a: ref.at["x", 1].set([a, 0.0, a + 1]))
    jitted(ref, 5.0)
    assert ref["x", 1].array.tolist() == [5, 0, 6]


# --- Keys ------------------------------------------------------------------------------------------------------------


def data(array: Any) -> Any:
    return np.asarray(jax.random.key_data(array.array)).tolist()


OUTSIDE = {"x": jnp.array([0, 9])}


@pytest.mark.parametrize("jitted", [False, True])
def test_keys_are_filled_by_a_key(jitted: bool) -> None:
    def read(ref: NamedRef, index: Any, key: Any) -> Any:
        return haliax_refs.get(ref, index, mode="fill", fill_value=key)

    ref, key = keys(), jax.random.key(7)
    filled = (jax.jit(read) if jitted else read)(ref, OUTSIDE, key)
    assert data(filled) == [data(ref["x", 0]), jax.random.key_data(key).tolist()]
    again = (jax.jit(read) if jitted else read)(ref, OUTSIDE, jax.random.key(8))
    assert data(again)[1] == jax.random.key_data(jax.random.key(8)).tolist()
    named = read(ref, OUTSIDE, hax.named(key, ()))
    assert data(named) == data(filled)


@pytest.mark.parametrize("mode", ["fill", "drop"])
@pytest.mark.parametrize("operation", ["get", "swap"])
def test_keys_have_no_default_to_be_filled_by(operation: str, mode: str) -> None:
    ref = keys()
    before = data(ref[...])
    more = (jax.random.key(3),) if operation == "swap" else ()
    for fill_value in (None, 0):
        with pytest.raises(TypeError, match=r"cannot fill.*key<fry>.*fill_value=jax\.random\.key"):
            getattr(haliax_refs, operation)(ref, OUTSIDE, *more, mode=mode, fill_value=fill_value)
    assert data(ref[...]) == before


def test_keys_are_swapped_and_dropped() -> None:
    ref, key = keys(), jax.random.key(3)
    first, last = data(ref["x", 0]), data(ref["x", 3])
    old = haliax_refs.swap(ref, OUTSIDE, key, mode="drop", fill_value=jax.random.key(1))
    assert data(old) == [first, jax.random.key_data(jax.random.key(1)).tolist()]
    assert data(ref["x", [0, 3]]) == [jax.random.key_data(key).tolist(), last]


@pytest.mark.parametrize("what", ["addupdate", "add", "multiply", "min", "power", "divide"])
def test_keys_are_no_numbers(what: str) -> None:
    ref, key = keys(), jax.random.key(3)
    with pytest.raises(TypeError, match=r"key<fry>.*keys are not numbers"):
        haliax_refs.addupdate(ref, {"x": 0}, key) if what == "addupdate" else getattr(ref.at["x", 0], what)(key)


def test_keys_and_numbers_do_not_mix() -> None:
    with pytest.raises(TypeError, match=r"int32 to a NamedRef of key<fry>.*jax\.random"):
        keys()["x", 0] = 0
    with pytest.raises(TypeError, match=r"key<fry> to a NamedRef of float32.*jax\.random\.key_data"):
        grid()["x", 0, "y", 0] = jax.random.key(0)


# --- Filling ---------------------------------------------------------------------------------------------------------


def test_what_fills_is_one_value() -> None:
    ref = grid()
    for fill_value in (jnp.ones(3), hax.ones(Y), [1.0, 2.0]):
        with pytest.raises(ValueError, match=r"must be a scalar, got an array of shape \(\d,\)"):
            ref.at[OUTSIDE].get(mode="fill", fill_value=fill_value)
    for nothing in ("a", object()):
        with pytest.raises(TypeError, match=r"cannot fill with .*number"):
            ref.at[OUTSIDE].get(mode="fill", fill_value=nothing)
    filled = ref.at[OUTSIDE].get(mode="fill", fill_value=hax.named(jnp.float32(2), ()))
    assert filled["x", 1].array.tolist() == [2, 2, 2]
    with pytest.raises(OverflowError, match=r"300 is out of bounds for int8, which holds -128 to 127"):
        grid(jnp.int8).at[OUTSIDE].get(mode="fill", fill_value=300)


@pytest.mark.parametrize("mode", [None, "clip"])
def test_what_fills_needs_the_mode(mode: str | None) -> None:
    with pytest.raises(ValueError, match=r"fill_value=7.*mode='fill'"):
        haliax_refs.get(grid(), OUTSIDE, mode=mode, fill_value=7)


# --- Making, wrapping, renaming --------------------------------------------------------------------------------------

CALLS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "axes that are an int": (lambda: haliax_refs.new_ref(np.ones((4, 3)), 3), TypeError, "axes.* 3"),
    "an axis of no name": (lambda: haliax_refs.new_ref(np.ones((4, 3)), (None, "y")), TypeError, "None"),
    "empty axes that are an int": (lambda: haliax_refs.empty_ref(3), TypeError, "axes.* 3"),
    "the class": (lambda: NamedRef(np.ones(3), "x"), TypeError, "new_ref"),  # type: ignore[call-arg]
    "wrap None": (lambda: haliax_refs.wrap(None, "x"), TypeError, "jax.Ref, got NoneType"),
    "wrap a number": (lambda: haliax_refs.wrap(1.0, ()), TypeError, "jax.Ref, got float"),
    "jax.Ref, got list": (lambda: haliax_refs.wrap([1.0], "x"), TypeError, "jax.Ref, got list"),
    "wrap a shape": (lambda: haliax_refs.wrap(STRUCT, ("x", "y")), TypeError, "jax.Ref, got ShapeDtypeStruct"),
    "wrap an array": (lambda: haliax_refs.wrap(jnp.ones(3), "x"), TypeError, r"jax.Ref, got \w*.*hax\.new_ref"),
    "an axis of negative size": (lambda: haliax_refs.empty_ref({"x": -1}), ValueError, "x.*-1.*negative"),
    "rename an unknown axis": (lambda: grid().rename({"z": "w"}), ValueError, "unknown axis 'z'.*x=4, y=3"),
    "rename by a name": (lambda: grid().rename("x"), TypeError, "mapping.*'x'"),  # type: ignore[arg-type]
    "rename to an int": (lambda: grid().rename({"x": 3}), TypeError, r"'x'.* 3.*name"),
    "rename to None": (lambda: grid().rename({"x": None}), TypeError, "'x'.*None"),
    "rename twice": (lambda: grid().rename({"x": "a", X: "b"}), ValueError, "'x' twice"),
    "resolve an int": (lambda: grid().resolve_axis(0), TypeError, "Axis.* 0"),  # type: ignore[arg-type]
    "resolve a tuple": (lambda: grid().resolve_axis(("x",)), TypeError, r"\('x',\)"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", CALLS)
def test_wrong_calls(what: str) -> None:
    call, kind, fact = CALLS[what]
    with pytest.raises(kind, match=rf".*{fact}"):
        call()


def test_a_frozen_ref_has_no_address() -> None:
    ref = grid()
    view = ref.slice("x", 0)
    haliax_refs.freeze(view)
    with pytest.raises(RuntimeError, match=r"\(x=4, y=3\).*frozen"):
        ref.unsafe_buffer_pointer()


def test_at_says_what_it_is() -> None:
    ref = grid().slice("x", slice(0, 2))
    assert re.fullmatch(r"<NamedRef\(float32: x=0:2 of 4, y=3\)\.at>", repr(ref.at))
    assert re.fullmatch(r"<NamedRef\(float32: x=0:2 of 4, y=3\)\.at\[\('y', 1\)\]>", repr(ref.at["y", 1]))
    with pytest.raises(TypeError, match=r"item assignment.*ref\[idx\] = value"):
        ref.at["y", 1] = 2.0


# --- Applying --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [{"x": 0}, {"x": [0, 2]}, {"x": slice(0, 2)}, {"x": jnp.array([0, 0])}])
def test_a_function_that_is_not_elementwise(index: Any) -> None:
    ref = grid()
    before = np.asarray(ref[...].array)
    with pytest.raises(ValueError, match=r"elementwise.* shape \(.*\) for shape \(.*\)"):
        ref.at[index].apply(lambda x: jnp.ones((7, *x.shape)))
    with pytest.raises(TypeError, match=r"elementwise.* NoneType"):
        ref.at[index].apply(lambda x: None)
    with pytest.raises(TypeError, match=r"a function, got 3"):
        ref.at[index].apply(3)  # type: ignore[arg-type]
    np.testing.assert_array_equal(ref[...].array, before)


@pytest.mark.parametrize("index", [{"x": 0}, {"x": [0, 2]}])
def test_what_a_function_gives_keeps_its_kind(index: Any) -> None:
    ints = grid(jnp.int32)
    with pytest.raises(TypeError, match=r"float32 to a NamedRef of int32.*same_kind.*astype"):
        ints.at[index].apply(lambda x: x / 2)
    ints.at[index].apply(lambda x: x.astype(jnp.int8) + 1)
    assert ints["x", 0].array.tolist() == [1, 2, 3]


# --- Loops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [hax.ones({"x": 3}), {"a": hax.ones({"y": 3, "x": 5})}])
def test_a_loop_over_arrays_of_another_size(other: Any) -> None:
    ref = grid()
    with pytest.raises(ValueError, match=r"axis 'x'.*sizes \[(3, 4|4, 5)\]"):
        haliax_refs.foreach("x", ref, other)(lambda ref, a: ref.at[...].set(0.0))
    with pytest.raises(ValueError, match=r"axis 'x'.*sizes \[(3, 4|4, 5)\]"):
        hax.scan(lambda c, ref, a: (c, None), "x")(0, ref, other)
    assert ref["x", 1, "y", 0].item() == 3
    # what is not scanned may have any size
    loop = hax.fold(lambda c, row, a: c + hax.sum(row[...]).array, "x", is_scanned=lambda x: isinstance(x, NamedRef))
    if isinstance(other, hax.NamedArray):
        assert loop(0.0, ref, other) == 66


LOOPS: dict[str, Callable[[NamedRef], Any]] = {
    "foreach": lambda ref: haliax_refs.foreach("z", ref, hax.ones(Y))(lambda ref, a: None),
    "map": lambda ref: hax.map(lambda ref: None, "z")(ref),
    "scan": lambda ref: hax.scan(lambda c, ref, a: (c, None), "z")(0, ref, hax.ones(Y)),
    "fold": lambda ref: hax.fold(lambda c, ref: c, "z")(0, {"state": ref}),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_over_an_axis_that_nothing_has(loop: str) -> None:
    with pytest.raises(ValueError, match=r"cannot loop over axis 'z'.*x=4, y=3"):
        LOOPS[loop](grid())


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="this jax does not vmap refs rightly")
def test_vmap_over_an_axis_that_nothing_has() -> None:
    with pytest.raises(ValueError, match=r"cannot map over axis 'z': no argument has it; .*x=4, y=3"):
        hax.vmap(lambda ref, a, text: None, "z")(grid(), hax.ones(Y), "text")
    three = hax.vmap(lambda ref, i: ref["x", i, "y", 0], "z")
    assert three(grid(), hax.arange({"z": 3})).array.tolist() == [0, 3, 6]
    assert three(grid(), jnp.arange(3)).array.tolist() == [0, 3, 6]


def test_a_loop_over_an_axis_that_only_an_array_has() -> None:
    ref = grid()
    assert haliax_refs.foreach("z", ref, jnp.arange(2))(lambda ref, i: i).tolist() == [0, 1]
    assert haliax_refs.foreach("z", ref, hax.arange({"z": 2}))(lambda ref, i: i).array.tolist() == [0, 1]
    assert haliax_refs.foreach(hax.Axis("z", 2), ref)(lambda ref: ref["x", 1, "y", 0]).array.tolist() == [3, 3]
    with pytest.raises(TypeError, match=r"cannot loop over 3"):
        haliax_refs.foreach(3, ref)(lambda ref: None)
