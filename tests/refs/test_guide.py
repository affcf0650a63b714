"""What the guide to mutable references shows a user, step by step."""

from __future__ import annotations

from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs


pytestmark = pytest.mark.usefixtures("unoptimized")
Batch, Feature = hax.make_axes(Batch=4, Feature=8)
Layer, Head = hax.make_axes(layer=24, head=8)


def test_the_package_opts_in_when_it_is_imported() -> None:
    assert hax.new_ref is haliax_refs.new_ref


def test_creating() -> None:
    weights = hax.random.normal(jax.random.PRNGKey(0), (Batch, Feature))
    ref = hax.new_ref(weights)
    assert ref.axes == weights.axes
    assert ref.shape == {"Batch": 4, "Feature": 8}
    assert hax.new_ref(weights.array, (Batch, Feature)).axes == weights.axes


def test_a_ref_inside_a_pure_function() -> None:
    @jax.jit
    def center(x: hax.NamedArray) -> hax.NamedArray:
        ref = hax.new_ref(x)
        ref[{"Batch": slice(None)}] = ref[{"Batch": slice(None)}] - hax.mean(x, axis=Batch)
        return ref[...]

    x = hax.random.normal(jax.random.PRNGKey(1), (Batch, Feature))
    out = center(x)
    assert out.axes == x.axes
    np.testing.assert_allclose(out.array, x.array - x.array.mean(0), rtol=1e-6)
    np.testing.assert_allclose(hax.mean(out, axis=Batch).array, 0, atol=1e-6)


def test_reading_and_writing() -> None:
    ref = hax.new_ref(hax.zeros((Batch, Feature)))
    row = ref[{"Batch": 0}]
    assert isinstance(row, hax.NamedArray)
    assert row.axes == (Feature,)
    new = hax.random.uniform(jax.random.PRNGKey(1), row.axes)
    ref[{"Batch": 0}] = new
    np.testing.assert_array_equal(ref[{"Batch": 0}].array, new.array)
    assert not row.array.any(), "what was read before the write stays"
    ref[{"Batch": 1}] = jnp.ones(8)
    ref[{"Batch": 2, "Feature": 0}] = 5
    np.testing.assert_array_equal(hax.ref.get(ref, {"Batch": 1}).array, np.ones(8))
    assert ref.value().array[2].tolist() == [5, 0, 0, 0, 0, 0, 0, 0]


def test_slice_refs() -> None:
    cache = hax.new_ref(hax.zeros((Layer, Head)))
    window = cache.slice({"layer": slice(4, 8)})
    window[{"layer": 0, "head": 3}] = 1.0
    assert cache[{"layer": 4, "head": 3}].item() == 1.0
    assert float(cache.value().array.sum()) == 1.0
    assert window.value().axes == (Layer.resize(4), Head)
    assert window.value().array[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]

    cache.slice({"layer": slice(1, 4)}).slice({"layer": 0})[...] = 2.0
    assert cache.value().array[1].tolist() == [2.0] * 8
    assert window.unsliced().axes == cache.axes


def test_slice_refs_take_what_the_guide_says_they_do_not() -> None:
    """NamedArrays and lists fold into the prefix, where the guide still sends them to the call."""
    cache = hax.new_ref(hax.zeros((Layer, Head)))
    pages = cache.slice({"layer": hax.named(jnp.array([3, 1]), "page")}).slice({"head": [0, 5]})
    assert pages.axes == (hax.Axis("page", 2), Head.resize(2))
    pages[{"page": 1}] = 4.0
    want = np.zeros((24, 8))
    want[1, [0, 5]] = 4
    np.testing.assert_array_equal(cache.value().array, want)


def test_ellipsis_pairs_and_conflicts() -> None:
    cache = hax.new_ref(hax.named(jnp.arange(24.0 * 8).reshape(24, 8), (Layer, Head)))
    np.testing.assert_array_equal(cache["layer", 3, ...].array, cache[{"layer": 3}].array)
    np.testing.assert_array_equal(cache["layer", 3, "head", 1:4].array, cache[{"layer": 3}].array[1:4])
    np.testing.assert_array_equal(
        cache.slice(("layer", 3, "head", slice(1, 4)))[...].array, cache.value().array[3, 1:4]
    )
    with pytest.raises(ValueError, match="layer"):
        cache["layer", 3, "layer", 4]
    with pytest.raises(ValueError, match="layer"):
        cache.slice({"layer": 3})[{"layer": 4}]


def test_refs_in_trees() -> None:
    state = {"cache": hax.new_ref(hax.zeros((Layer, Head))), "step": jnp.int32(0)}
    leaves, structure = jax.tree_util.tree_flatten(state)
    assert len(leaves) == 2
    again = jax.tree_util.tree_unflatten(structure, leaves)
    again["cache"][{"layer": 0}] = 1.0
    assert float(state["cache"].value().array.sum()) == 8.0
    mapped = jax.tree_util.tree_map(lambda leaf: leaf, state)
    assert mapped["cache"].axes == (Layer, Head)

    traces = []

    @jax.jit
    def step(state: Any) -> Any:
        traces.append(None)
        state["cache"][{"layer": state["step"]}] += 1.0
        return state["step"] + 1

    for _ in range(3):
        state["step"] = step(state)
    assert len(traces) == 1
    assert state["cache"].value().array[:, 0].tolist() == [2.0, 1.0, 1.0] + [0.0] * 21


def test_statistics_that_do_not_touch_the_gradient() -> None:
    def loss(x: hax.NamedArray, stats: Any) -> jax.Array:
        y = hax.sin(x)
        stats[{"Batch": slice(None)}] += jax.lax.stop_gradient(y)
        return hax.sum(y).scalar()

    x = hax.random.normal(jax.random.PRNGKey(2), (Batch, Feature))
    stats = hax.new_ref(hax.zeros((Batch, Feature)))
    grad = jax.jit(jax.grad(loss))(x, stats)
    np.testing.assert_allclose(grad.array, jnp.cos(x.array), rtol=1e-5)
    np.testing.assert_allclose(stats.value().array, jnp.sin(x.array), rtol=1e-5)


def test_gradients_through_a_ref_inside_a_pure_function() -> None:
    def through_a_ref(x: hax.NamedArray) -> jax.Array:
        ref = hax.new_ref(x)
        ref[{"Batch": 1}] = ref[{"Batch": 0}] * 3.0
        ref.slice({"Feature": slice(2, 5)})[{"Batch": 2}] += 1.0
        return hax.sum(ref[...] * ref[...]).scalar()

    def without(x: hax.NamedArray) -> jax.Array:
        a = x.array.at[1].set(x.array[0] * 3.0).at[2, 2:5].add(1.0)
        return (a * a).sum()

    x = hax.random.normal(jax.random.PRNGKey(4), (Batch, Feature))
    np.testing.assert_allclose(jax.grad(through_a_ref)(x).array, jax.grad(without)(x).array, rtol=1e-5)


def test_freezing() -> None:
    cache = hax.new_ref(hax.ones((Layer, Head)))
    final = hax.freeze(cache)
    assert isinstance(final, hax.NamedArray)
    assert final.axes == (Layer, Head)
    assert float(final.array.sum()) == 24 * 8


def test_swapping() -> None:
    cache = hax.new_ref(hax.zeros((Layer, Head)))
    before = hax.swap(cache, {"layer": slice(0, 2)}, hax.ones((Layer.resize(2), Head)))
    assert before.axes == (Layer.resize(2), Head)
    assert not before.array.any()
    assert cache.value().array[:, 0].tolist() == [1.0, 1.0] + [0.0] * 22
    row = hax.swap(cache.slice({"layer": 1}), {"head": slice(0, 2)}, 5.0)
    assert row.array.tolist() == [1.0, 1.0]
    assert cache.value().array[1].tolist() == [5, 5, 1, 1, 1, 1, 1, 1]


def test_what_jax_refuses() -> None:
    cache = hax.new_ref(hax.zeros((Layer, Head)))
    with pytest.raises(ValueError, match="reference"):
        jax.jit(lambda ref: ref)(cache)
    with pytest.raises(ValueError, match="reference"):
        jax.jit(lambda a, b: a[...] + b[...])(cache, cache)
