"""Refs in Haliax's modules and trees, and through `named_jit`."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import Axis, NamedArray

from haliax_refs import NamedRef
from tests.refs.grids import X, Y, Z, contents, cube as base
from tests.refs.modules import Cache, cache


pytestmark = pytest.mark.usefixtures("unoptimized")
SIZES = (4, 3, 2)


# --- named_jit ------------------------------------------------------------------------------------------------------


def test_named_jit() -> None:
    traces = []

    @hax.named_jit
    def run(state: dict[str, Any], row: NamedRef, value: float) -> NamedArray:
        traces.append(value)
        row["z", 0] = state["a"]["y", 0] + value
        return row[...]

    ref, other = base(), base()
    for i, value in ((3, 5.0), (1, 5.0)):
        out = run({"a": other["x", 0, "z", 0]}, ref.slice({"x": jnp.int32(i), "y": [2, 1]}), value)
        assert out.axes == (Axis("y", 2), Z)
    want = np.arange(24.0).reshape(SIZES)
    want[[3, 1], 1:, 0] = 5
    np.testing.assert_array_equal(contents(ref), want)
    count = len(traces)
    run({"a": base()["x", 0, "z", 0]}, base().slice({"x": jnp.int32(0), "y": [1, 1]}), 5.0)
    assert len(traces) == count  # neither another ref nor another index is another program


def test_named_jit_of_a_module_that_closes_over_refs() -> None:
    module = cache(hax.ones(()))

    @hax.named_jit(donate_args=(False, True))
    def run(module: Cache, x: NamedArray) -> NamedArray:
        module.keys[...] = x
        return x + 1.0

    assert run(module, hax.ones((X, Y, Z))).array.sum() == 48
    assert contents(module.keys).sum() == 24
    lowered = run.lower(module, hax.ones((X, Y, Z)))
    assert "func" in lowered.as_text()


# --- Trees ----------------------------------------------------------------------------------------------------------


def test_refs_are_leaves_of_haliax_trees() -> None:
    arrays = {"a": hax.arange(X), "b": (hax.ones((X, Y)), 3)}
    refs = hax.tree_util.tree_map(lambda leaf: hax.new_ref(leaf) if isinstance(leaf, NamedArray) else leaf, arrays)
    assert isinstance(refs["a"], NamedRef)
    assert hax.tree_util.tree_leaves(refs) == [refs["a"], refs["b"][0], 3]
    leaves, structure = hax.tree_util.tree_flatten(refs)
    assert structure == hax.tree_util.tree_structure(refs)
    assert hax.tree_util.tree_unflatten(structure, leaves)["a"] is refs["a"]
    module = hax.tree_util.tree_map(lambda leaf: leaf, cache(hax.ones(())))
    assert isinstance(module.keys, NamedRef)
    pairs = hax.tree_util.tree_map(lambda ref, array: (ref.axes, array), refs["b"][0], arrays["b"][0])
    assert pairs == ((X, Y), arrays["b"][0])
    stop = hax.tree_util.tree_map(type, refs, is_leaf=lambda leaf: isinstance(leaf, tuple))
    assert stop == {"a": NamedRef, "b": tuple}
    frozen = hax.tree_util.tree_map(lambda leaf: hax.freeze(leaf) if isinstance(leaf, NamedRef) else leaf, refs)
    assert frozen["a"].array.tolist() == [0, 1, 2, 3]
    assert frozen["b"][1] == 3
    assert hax.tree_util.tree_leaves(frozen, is_leaf=lambda leaf: isinstance(leaf, tuple))[1] is frozen["b"]


def test_jax_trees_see_the_jax_ref() -> None:
    ref = base()
    (leaf,) = jax.tree.leaves(ref)
    assert isinstance(leaf, jax.Ref)
    assert jax.tree.map(lambda leaf: leaf, ref).axes == ref.axes
    assert jax.tree.map(lambda leaf: leaf.shape, ref)._ref == SIZES


# --- Haliax's own modules -------------------------------------------------------------------------------------------


def test_a_stack_of_layers_writes_to_its_cache() -> None:
    """`Stacked` passes each block its layer of a ref: what serving a model does."""

    class Block(eqx.Module):
        weight: NamedArray

        @staticmethod
        def init(weight: NamedArray) -> Block:
            return Block(weight)

        def __call__(self, x: NamedArray, cache: NamedRef, position: jax.Array) -> NamedArray:
            cache["position", position] = x * self.weight
            return x + hax.sum(cache[...], "position")

    Layers, Position = Axis("layers", 3), Axis("position", 5)
    weights = hax.named(jnp.array([2.0, 3.0, 5.0]), Layers)
    stack = hax.nn.Stacked.init(Layers, Block)(weights)
    state = hax.new_ref(hax.ones((Layers, Position, Z)))

    @jax.jit
    def run(stack: Any, x: NamedArray, state: NamedRef, position: jax.Array) -> NamedArray:
        return stack.fold(x, state, position=position)

    out = run(stack, hax.named(jnp.array([1.0, 10.0]), Z), state, jnp.int32(2))
    x, want = np.array([1.0, 10.0]), np.ones((3, 5, 2))
    for layer, weight in enumerate((2, 3, 5)):
        want[layer, 2] = x * weight
        x = x + want[layer].sum(0)
    np.testing.assert_allclose(out.array, x, rtol=1e-6)
    np.testing.assert_allclose(contents(state), want, rtol=1e-6)
