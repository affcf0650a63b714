"""Pickles and copies of refs: the contents, each buffer once, and views of one buffer stay views of one buffer."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs
from haliax_refs import NamedRef


pytestmark = pytest.mark.usefixtures("unoptimized")
X, Y = hax.make_axes(x=4, y=3)


class Model(eqx.Module):
    cache: NamedRef
    row: NamedRef
    raw: Any


def pickled(value: Any, protocol: int) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


HOW: dict[str, Callable[[Any], Any]] = {
    **{f"pickle {number}": lambda value, number=number: pickled(value, number) for number in (2, 4, 5)},
    "deepcopy": copy.deepcopy,
    "pickle of a pickle": lambda value: pickled(pickled(value, 5), 5),
}


def model() -> Model:
    cache = hax.new_ref(hax.named(jnp.arange(12.0).reshape(4, 3), (X, Y)))
    return Model(cache, cache.slice({"x": slice(None, None, -2)}).slice({"x": jnp.int32(1)}), cache._ref)


@pytest.mark.parametrize("how", HOW)
def test_views_of_one_buffer_come_back_as_such(how: str) -> None:
    old = model()
    new = HOW[how](old)
    assert new.cache.axes == old.cache.axes
    assert new.row[...].array.tolist() == [3.0, 4.0, 5.0]
    new.row[...] = -1.0
    new.cache["x", 0] = 9.0  # what is restored can be written, also through jit
    jax.jit(lambda ref: ref.at["x", 2].add(1.0))(new.cache)
    want = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(old.cache[...].array, want)
    want[1], want[0], want[2] = -1, 9, want[2] + 1
    np.testing.assert_array_equal(new.cache[...].array, want)
    np.testing.assert_array_equal(haliax_refs.values_of(new.raw), want)
    assert new.raw is new.cache._ref is new.row._ref


def test_a_shallow_copy_is_the_same_buffer() -> None:
    old = model()
    assert copy.copy(old.cache)._ref is old.cache._ref
    assert copy.copy(old.raw) is old.raw


@pytest.mark.parametrize(
    "array",
    [
        jnp.arange(4, dtype=jnp.bfloat16),
        jnp.arange(4).astype(jnp.int4),
        jnp.array([True, False, True, True]),
        jax.random.split(jax.random.key(0), 4),
        jnp.zeros(4, jnp.float8_e4m3fn),
    ],
    ids=lambda array: str(array.dtype),
)
@pytest.mark.parametrize("how", ["pickle 5", "deepcopy"])
def test_dtypes(how: str, array: Any) -> None:
    old = hax.new_ref(array, X)
    new = HOW[how](old)
    assert new.dtype == old.dtype
    new["x", 1] = old["x", 2].array
    assert new["x", 1].array == old["x", 2].array


def test_the_buffer_is_pickled_once() -> None:
    big = hax.new_ref(hax.zeros({"x": 4096, "y": 4}))
    views = [big.slice({"x": i}) for i in range(50)]
    assert len(pickle.dumps((big, views, big._ref))) < 1.3 * 4096 * 4 * 4


def test_frozen_and_filled_and_traced() -> None:
    ref = hax.new_ref(hax.ones(X))
    filled = jax.tree.map(jnp.zeros_like, ref)
    assert haliax_refs.values_of(pickled(filled, 5)).array.tolist() == [0.0] * 4

    def function(ref: Any) -> Any:
        with pytest.raises(TypeError, match="within a function that jax traces"):
            pickle.dumps(ref)
        other = copy.deepcopy(ref)
        other["x", 0] = 5.0
        return other[...]

    assert jax.jit(function)(ref).array.tolist() == [5.0, 1.0, 1.0, 1.0]
    assert ref[...].array.tolist() == [1.0] * 4
    haliax_refs.freeze(ref)
    for how in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(RuntimeError, match="frozen"):
            how(ref)
    with pytest.raises(RuntimeError, match="frozen"):
        pickle.dumps(ref._ref)


@pytest.mark.skipif(jax.__version_info__ < (0, 9), reason="jax 0.8 has no kinds")
def test_the_kind_of_a_ref_is_kept() -> None:
    ref = hax.new_ref(hax.ones(X), kind="no_grad_no_remat")
    for how in ("pickle 5", "deepcopy"):
        assert jax.typeof(HOW[how](ref)._ref).kind == "no_grad_no_remat"
