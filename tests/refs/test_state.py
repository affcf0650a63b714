"""Trees of refs: `refs_of`, `values_of`, `update` and `freeze` of a tree; the oracle is the tree of arrays itself."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import NamedArray
from hypothesis import given, strategies as st

import haliax_refs
from haliax_refs import NamedRef


X, Y = hax.make_axes(x=2, y=3)


class Norm(eqx.Module):
    scale: Any
    count: Any
    axis: str = eqx.field(static=True)
    function: Callable[..., Any] = jax.nn.relu


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Pair:
    left: Any
    right: Any


VALUES: dict[str, Callable[[], Any]] = {
    "floats": lambda: hax.named(jnp.arange(6.0).reshape(2, 3), (X, Y)),
    "ints": lambda: hax.named(jnp.arange(3), Y),
    "bools": lambda: hax.named(jnp.array([True, False]), X),
    "bfloat16": lambda: hax.named(jnp.ones(2, jnp.bfloat16), X),
    "no axes": lambda: hax.named(jnp.float32(2.5), ()),
    "keys": lambda: hax.named(jax.random.split(jax.random.key(1), 2), X),
    "array": lambda: jnp.arange(4.0),
    "scalar array": lambda: jnp.int32(7),
    "NumPy array": lambda: np.arange(3, dtype=np.float32),
    "key": lambda: jax.random.key(3),
    "number": lambda: 1.5,
    "text": lambda: "relu",
    "function": lambda: jax.nn.gelu,
    "nothing": lambda: None,
    "structure": lambda: jax.ShapeDtypeStruct((2,), jnp.float32),
    "text in an array": lambda: np.array(["a", "b"]),
}
leaves = st.sampled_from(sorted(VALUES)).map(lambda kind: VALUES[kind]())
trees = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3),
        st.lists(parts, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("abc"), parts, max_size=3),
        st.builds(Pair, parts, parts),
        st.builds(Norm, parts, parts, st.just("x")),
    ),
    max_leaves=8,
)


def is_array(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind != "U"
    return isinstance(leaf, NamedArray | jax.Array)


def stops(leaf: Any) -> bool:
    return isinstance(leaf, NamedArray | NamedRef)


def flat(tree: Any) -> tuple[list[Any], Any]:
    return jax.tree.flatten(tree, is_leaf=stops)


def assert_same(left: Any, right: Any) -> None:
    """The same tree, of equal leaves."""
    (ours, structure), (theirs, want) = flat(left), flat(right)
    assert structure == want
    for a, b in zip(ours, theirs, strict=True):
        if not is_array(b):
            assert a is b
            continue
        assert isinstance(a, NamedArray) == isinstance(b, NamedArray)
        if isinstance(b, NamedArray):
            assert a.axes == b.axes
            a, b = a.array, b.array
        assert a.dtype == b.dtype
        if jnp.issubdtype(b.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)


@given(trees)
def test_there_and_back(tree: Any) -> None:
    refs = haliax_refs.refs_of(tree)
    for ref, value in zip(flat(refs)[0], flat(tree)[0], strict=True):
        assert (type(ref) is NamedRef) == isinstance(value, NamedArray)
        assert (type(ref) is jax.Ref) == (is_array(value) and not isinstance(value, NamedArray))
        assert is_array(value) or ref is value
    assert_same(haliax_refs.values_of(refs), tree)
    for first, again in zip(flat(refs)[0], flat(haliax_refs.refs_of(refs))[0], strict=True):
        assert again is first
    haliax_refs.update(refs, tree)
    assert_same(haliax_refs.values_of(refs), tree)
    if any(is_array(leaf) for leaf in flat(tree)[0]):
        assert_same(haliax_refs.freeze(refs), tree)
        for ref in flat(refs)[0]:
            if type(ref) is NamedRef:
                with pytest.raises(RuntimeError, match="frozen"):
                    ref[...]


def test_a_ref_is_a_copy() -> None:
    value = {"a": hax.ones(X), "b": jnp.ones(2)}
    refs = haliax_refs.refs_of(value)
    refs["a"][...] = 0.0
    refs["b"][...] = jnp.zeros(2)
    read = haliax_refs.values_of(refs)
    refs["a"][...] = 5.0
    assert value["a"].array.tolist() == [1.0, 1.0] == value["b"].tolist()
    assert read["a"].array.tolist() == [0.0, 0.0] == read["b"].tolist()


# --- filters --------------------------------------------------------------------------------------------------------


def mixed() -> dict[str, Any]:
    return {"w": hax.ones(X), "n": hax.arange(X), "raw": jnp.ones(2), "count": jnp.int32(0), "name": "m"}


FILTERS: dict[str, tuple[Any, set[str]]] = {
    "none": (None, {"w", "n", "raw", "count"}),
    "inexact arrays, of equinox": (eqx.is_inexact_array, {"w", "raw"}),
    "NamedArrays": (lambda leaf: isinstance(leaf, NamedArray), {"w", "n"}),
    "by rank": (lambda leaf: leaf.ndim == 0, {"count"}),
    "by dtype": (lambda leaf: leaf.dtype == jnp.int32, {"n", "count"}),
    "all": (True, {"w", "n", "raw", "count"}),
    "no": (False, set()),
    "a tree of bools": ({"w": True, "n": False, "raw": False, "count": True, "name": True}, {"w", "count"}),
    "a tree of both": (
        {"w": eqx.is_inexact_array, "n": eqx.is_inexact_array, "raw": False, "count": True, "name": False},
        {"w", "count"},
    ),
    "a tree of its own structure": (jax.tree.map(eqx.is_inexact_array, mixed()), {"w", "raw"}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters(name: str) -> None:
    spec, chosen = FILTERS[name]
    refs = haliax_refs.refs_of(mixed(), filter=spec)
    assert {key for key, leaf in refs.items() if isinstance(leaf, NamedRef | jax.Ref)} == chosen
    assert_same(haliax_refs.values_of(refs), mixed())


def test_a_filter_is_asked_of_a_module_part_by_part() -> None:
    model = {"body": Norm(hax.ones(X), jnp.int32(0), "x"), "head": Norm(hax.ones(Y), jnp.int32(0), "y")}
    refs = haliax_refs.refs_of(model, filter={"body": eqx.is_inexact_array, "head": False})
    assert type(refs["body"].scale) is NamedRef
    assert refs["body"].count is model["body"].count
    assert refs["head"].scale is model["head"].scale
    assert refs["body"].axis == "x"


@pytest.mark.parametrize("wrong", ["float", 3, {"w": 1.0, "n": True, "raw": True, "count": True, "name": True}])
def test_what_is_no_filter(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"filter: expected a function|Expected"):
        haliax_refs.refs_of(mixed(), filter=wrong)


# --- aliases --------------------------------------------------------------------------------------------------------


def test_views_of_one_buffer_stay_such() -> None:
    cache = hax.new_ref(hax.zeros((X, Y)))
    tree = [cache, cache.slice({"x": 1}), hax.ones(Y)]
    refs = haliax_refs.refs_of(tree)
    assert refs[0] is cache
    assert refs[1] is tree[1]
    haliax_refs.update(refs, [hax.zeros((X, Y)), hax.ones(Y), hax.zeros(Y)])
    assert cache[...].array.tolist() == [[0.0] * 3, [1.0] * 3]  # what comes last stays
    frozen = haliax_refs.freeze(refs)
    assert frozen[0].array.tolist() == [[0.0] * 3, [1.0] * 3]
    assert frozen[1].array.tolist() == [1.0] * 3
    for ref in refs:
        with pytest.raises(RuntimeError, match="frozen"):
            ref[...]


def test_one_array_in_two_places_becomes_two_refs() -> None:
    zeros = hax.zeros(X)
    refs = haliax_refs.refs_of({"mean": zeros, "square": zeros})
    refs["mean"][...] = 1.0
    assert refs["square"][...].array.tolist() == [0.0, 0.0]


def test_of_a_ref_by_itself() -> None:
    ref = haliax_refs.refs_of(hax.ones(X))
    haliax_refs.update(ref, hax.named(jnp.array([1.0, 2.0]), X))
    assert haliax_refs.values_of(ref).array.tolist() == [1.0, 2.0]
    raw = haliax_refs.refs_of(jnp.ones(2))
    haliax_refs.update(raw, jnp.zeros(2))
    assert haliax_refs.freeze(raw).tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match="frozen"):
        haliax_refs.values_of(raw)


# --- update: all or nothing -----------------------------------------------------------------------------------------


def state() -> dict[str, Any]:
    refs: dict[str, Any] = haliax_refs.refs_of(
        {"a": hax.zeros((X, Y)), "b": [hax.zeros(Y), jnp.zeros(2)], "n": hax.named(0, ()), "name": "m"}
    )
    return refs


def good() -> dict[str, Any]:
    return {"a": hax.ones((X, Y)), "b": [hax.ones(Y), jnp.ones(2)], "n": hax.named(1, ()), "name": "m"}


def without(tree: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key != name}


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "other axes": (lambda: good() | {"b": [hax.ones(X), jnp.ones(2)]}, ValueError, r"\(y=3\) at \['b'\]\[0\].*\(x=2\)"),
    "an axis missing": (lambda: good() | {"a": hax.ones(Y)}, ValueError, r"\(x=2, y=3\) at \['a'\].*axes \(y=3\)"),
    "other size": (lambda: good() | {"b": [hax.ones({"y": 4}), jnp.ones(2)]}, ValueError, r"y=4"),
    "other shape": (lambda: good() | {"b": [hax.ones(Y), jnp.ones(3)]}, ValueError, r"\['b'\]\[1\].*\(3,\).*\(2,\)"),
    "a scalar": (lambda: good() | {"b": [0.0, jnp.ones(2)]}, ValueError, r"\(y=3\) at \['b'\]\[0\].*shape \(\)"),
    "a kind lost": (lambda: good() | {"n": hax.named(0.5, ())}, TypeError, r"at \['n'\].*float32.*int32"),
    "text": (lambda: good() | {"n": "1"}, TypeError, r"at \['n'\].*str"),
    "a ref": (lambda: good() | {"n": hax.new_ref(0)}, TypeError, r"at \['n'\].*values_of"),
    "nothing": (lambda: good() | {"n": None}, ValueError, r"no value at \['n'\]"),
    "one less": (lambda: without(good(), "n"), ValueError, r"no value at \['n'\]"),
    "one more": (lambda: good() | {"z": hax.ones(X)}, ValueError, r"no ref at \['z'\]"),
    "a tuple for a list": (lambda: good() | {"b": tuple(good()["b"])}, ValueError, "another tree structure"),
}


@pytest.mark.parametrize("case", WRONG)
def test_nothing_is_written_where_something_does_not_fit(case: str) -> None:
    values, kind, match = WRONG[case]
    refs = state()
    before = haliax_refs.values_of(refs)
    with pytest.raises(kind, match=match):
        haliax_refs.update(refs, values())
    assert_same(haliax_refs.values_of(refs), before)
    haliax_refs.update(refs, good())
    assert_same(haliax_refs.values_of(refs), good())


def test_nothing_is_written_where_one_is_frozen() -> None:
    refs = state()
    haliax_refs.freeze(refs["b"][0])
    with pytest.raises(RuntimeError, match="frozen"):
        haliax_refs.update(refs, good())
    assert not refs["a"][...].array.any()


def test_axes_come_in_any_order_and_are_cast_as_writes_are() -> None:
    refs = state()
    new = hax.named(np.arange(6).reshape(3, 2), (Y, X))
    haliax_refs.update(refs, good() | {"a": new})
    np.testing.assert_array_equal(refs["a"][...].array, np.arange(6.0).reshape(3, 2).T)


def test_in_jit_nothing_is_added() -> None:
    """The equations are those of reads and writes by hand."""
    refs = without(state(), "name")

    def trees(refs: Any) -> None:
        haliax_refs.update(refs, jax.tree.map(lambda x: 2 * x, haliax_refs.values_of(refs)))

    def by_hand(refs: Any) -> None:
        a, b, c, n = refs["a"][...] * 2, refs["b"][0][...] * 2, refs["b"][1][...] * 2, refs["n"][...] * 2
        refs["a"][...] = a
        refs["b"][0][...] = b
        refs["b"][1][...] = c
        refs["n"][...] = n

    ours, theirs = (jax.make_jaxpr(jax.jit(f))(refs).eqns[0].params["jaxpr"].eqns for f in (trees, by_hand))
    assert sorted(str(e.primitive) for e in ours) == sorted(str(e.primitive) for e in theirs)


# --- freeze: all or none --------------------------------------------------------------------------------------------


def test_none_is_frozen_where_one_cannot_be() -> None:
    refs = state()
    haliax_refs.freeze(refs["b"][0])
    with pytest.raises(RuntimeError, match="frozen"):
        haliax_refs.freeze(refs)
    refs["a"][...] = 1.0
    assert refs["a"][...].array.all()
    outside = hax.new_ref(hax.zeros(X))

    def function(x: Any) -> Any:
        inside = hax.new_ref(x)
        with pytest.raises(ValueError, match="outside of the function"):
            haliax_refs.freeze({"inside": inside, "outside": outside})
        view = inside.slice({"x": 0})
        return haliax_refs.freeze({"inside": inside, "view": view})

    out = jax.jit(function)(hax.ones(X))
    assert out["inside"].array.tolist() == [1.0, 1.0]
    assert out["view"].item() == 1.0
    outside[...] = 1.0


@pytest.mark.parametrize("tree", [{}, {"a": hax.ones(X)}, 3.0, None, [jnp.ones(2)]])
def test_a_tree_without_refs_is_not_frozen(tree: Any) -> None:
    with pytest.raises(TypeError, match="NamedRef"):
        haliax_refs.freeze(tree)


def test_of_threads_that_freeze_a_tree_one_has_it() -> None:
    """The trees share a buffer, in another order."""
    for _ in range(20):
        a, b = hax.new_ref(hax.zeros(X)), hax.new_ref(hax.zeros(Y))
        barrier, got, failed = threading.Barrier(3), [], []

        def run(tree: Any, barrier: threading.Barrier = barrier, got: list[Any] = got, failed: Any = failed) -> None:
            barrier.wait()
            try:
                got.append(haliax_refs.freeze(tree))
            except RuntimeError as error:
                failed.append(error)

        trees = ({"a": a, "b": b}, {"a": b, "b": a}, [a, a.slice({"x": 0}), b])
        threads = [threading.Thread(target=run, args=(tree,)) for tree in trees]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(got), len(failed)) == (1, 2)
