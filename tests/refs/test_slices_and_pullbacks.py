"""Haliax's and equinox's own paths to a ref: blocks, layers, filter_vmap; derivatives of functions that make refs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import NamedArray
from haliax.nn.scan import BlockSeq, Stacked

import haliax_refs
from haliax_refs import NamedRef, _compat


pytestmark = pytest.mark.usefixtures("unoptimized")
LAYER, E = hax.make_axes(layer=3, e=2)
WEIGHTS = hax.named(jnp.array([2.0, 3.0, 4.0]), LAYER)
needs_vmap = pytest.mark.skipif(not _compat.CAN_VMAP, reason="this jax does not vmap refs rightly")


class Block(eqx.Module):
    weight: NamedArray
    state: Any = None

    @staticmethod
    def init(weight: NamedArray, state: Any = None) -> Block:
        return Block(weight, state)

    def __call__(self, x: NamedArray, cache: NamedRef, total: NamedRef, *more: Any) -> NamedArray:
        cache[...] = x
        total[...] += 1.0
        return x * self.weight


@pytest.mark.parametrize("order", [(LAYER, E), (E, LAYER)])
@pytest.mark.parametrize("kind", [Stacked, BlockSeq])
def test_every_stack_gives_a_block_its_part(kind: Any, order: Any) -> None:
    cache, total = hax.new_ref(hax.zeros(order)), hax.new_ref(0.0)
    blocks = kind.init(LAYER, Block)(weight=WEIGHTS)
    view = cache.slice("layer", slice(None, None, -1))
    for shown in (cache, view):
        assert blocks.fold(hax.ones(E), shown, total).array.tolist() == [24, 24]
        assert shown["e", 0].array.tolist() == [1, 2, 6]
    assert total[...].item() == 6


def test_layers_of_a_stack() -> None:
    cache, total = hax.new_ref(hax.arange(LAYER).broadcast_axis(E)), hax.new_ref(0)
    stack = Stacked(Block(WEIGHTS, {"cache": cache, "total": total}), LAYER, hax.ScanCheckpointPolicy())
    for layers in (stack.unstacked(), [stack.get_layer(i) for i in range(3)]):
        for i, layer in enumerate(layers):
            assert layer.weight.item() == i + 2
            assert layer.state["cache"].axes == (E,)
            assert layer.state["total"].axes == ()
            layer.state["cache"]["e", 0] += 10
    assert cache["e", 0].array.tolist() == [20, 21, 22]
    only = Stacked(Block(None, cache), LAYER, hax.ScanCheckpointPolicy()).unstacked()  # type: ignore[arg-type]
    assert [layer.state["e", 0].item() for layer in only] == [20, 21, 22]


# --- eqx.filter_vmap --------------------------------------------------------------------------------------------------


@needs_vmap
@pytest.mark.parametrize("jit", [False, True])
def test_filter_vmap_maps_the_first_axis(jit: bool) -> None:
    ref = hax.new_ref(hax.named(jnp.arange(6.0).reshape(3, 2), (LAYER, E)))
    factor = hax.new_ref(2.0)

    def f(row: NamedRef, x: jax.Array) -> jax.Array:
        def write() -> None:
            row["e", 0] += x * factor[...]

        write()
        return row["e", 1].array

    mapped = eqx.filter_vmap(f)
    out = (eqx.filter_jit(mapped) if jit else mapped)(ref, jnp.array([1.0, 2.0, 3.0]))
    assert out.tolist() == [1, 3, 5]
    assert ref[...].array.tolist() == [[2, 1], [6, 3], [10, 5]]
    with pytest.raises(ValueError, match=r"\(layer=3, e=2\).*in_axes.*hax\.vmap"):
        eqx.filter_vmap(f, in_axes=(0, 0))(ref, jnp.ones(3))


@needs_vmap
def test_filter_vmap_of_what_makes_refs() -> None:
    made = eqx.filter_vmap(lambda x: Block(hax.named(x, E), (hax.new_ref(0), hax.new_ref(x, E))))(jnp.ones((3, 2)))
    count, cache = made.state
    assert (count.shape, cache.shape) == ({"vmap": 3}, {"vmap": 3, "e": 2})
    eqx.filter_vmap(lambda block, x: block.state[1].at["e", 0].add(x))(made, jnp.arange(3.0))
    assert cache["e", 0].array.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match=r"cannot return a NamedRef with axes \(vmap=3\) from eqx\.filter_vmap"):
        eqx.filter_vmap(lambda x: count)(jnp.ones(3))


@needs_vmap
def test_filter_vmap_without_refs_is_as_before() -> None:
    module = eqx.filter_vmap(eqx.nn.Linear(2, 2, key=jax.random.key(0)))
    assert len(jax.tree.leaves(eqx.filter(module, eqx.is_array))) == 2
    assert eqx.filter_vmap(in_axes={"a": None})(lambda a, b: a + b)(1.0, jnp.ones(2)).tolist() == [2, 2]


# --- Derivatives ------------------------------------------------------------------------------------------------------


def makes_a_ref(x: jax.Array) -> jax.Array:
    ref = hax.new_ref(hax.named(x, "x"))
    count = hax.new_ref(0)
    ref.at["x", 1:].multiply(ref["x", 0])
    count[...] += 2
    return (hax.sum(hax.freeze(ref) ** 2) * count[...]).array


def by_arrays(x: jax.Array) -> jax.Array:
    return 2 * jnp.sum(x.at[1:].multiply(x[0]) ** 2)


DERIVATIVES: dict[str, Callable[[Any], Any]] = {
    "jacfwd": jax.jacfwd,
    "jacrev": jax.jacrev,
    "hessian": lambda f: jax.hessian(f),
    "of grad": lambda f: jax.jacfwd(jax.grad(f)),
    "of jit": lambda f: jax.jit(jax.jacfwd(jax.jit(f))),
    "vmap of jvp": lambda f: lambda x: jax.vmap(lambda t: jax.jvp(f, (x,), (t,))[1])(jnp.eye(x.size)),
    "with aux": lambda f: jax.jacfwd(lambda x: (f(x), x), has_aux=True),
    "of checkpoint": lambda f: jax.hessian(jax.checkpoint(f)),
}


@needs_vmap
@pytest.mark.parametrize("how", DERIVATIVES)
def test_derivatives_in_forward_mode(how: str) -> None:
    x = jnp.arange(3.0) + 1
    got, want = (jax.tree.leaves(DERIVATIVES[how](f)(x)) for f in (makes_a_ref, by_arrays))
    np.testing.assert_allclose(got[0], want[0], rtol=1e-5)


@needs_vmap
def test_forward_mode_reads_refs_from_outside() -> None:
    factor = hax.new_ref(3.0)

    def f(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(x)
        ref[...] *= ref[...] * factor[...]
        return ref[...].array

    assert jax.jacfwd(f)(2.0) == 12
    with pytest.raises(ValueError, match=r"under vmap|not mapped"):
        jax.jacfwd(lambda x: (factor.at[...].set(1.0), f(x))[1])(2.0)
    assert factor[...].item() == 3


@needs_vmap
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("scanned", [True, False])
def test_gradients_as_values_and_into_refs(first: bool, scanned: bool) -> None:
    a, b = (hax.named(jnp.asarray(np.random.RandomState(i).randn(3, 2), jnp.float32), (LAYER, E)) for i in (0, 1))

    def loss(a: NamedArray, b: NamedArray) -> Any:
        def step(h: NamedArray, w: NamedArray, v: NamedArray) -> NamedArray:
            return hax.sin(h * w) + v

        if scanned:
            return hax.sum(hax.fold(step, LAYER)(hax.ones(E), a, b)).array
        return hax.sum(step(a, b, a * b)).array

    want = jax.grad(loss, (0, 1))(a, b)
    buffer = jax.new_ref(jnp.ones((3, 2)))
    specs = [hax.NamedArray(jax.ad.GradValue(), a.axes), hax.NamedArray(buffer, b.axes)]
    got = jax.vjp(loss, a, b)[1].with_refs(*(specs if first else specs[::-1]))(1.0)
    np.testing.assert_allclose(got[not first].array, want[not first].array, rtol=1e-5)
    np.testing.assert_allclose(buffer[...] - 1, want[first].array, rtol=1e-5, atol=1e-6)


@needs_vmap
def test_pulling_back_to_a_ref_without_a_place() -> None:
    ref = hax.new_ref(hax.ones(E))
    with pytest.raises((TypeError, ValueError), match=r"gradient.*accumulated.*ref"):
        jax.vjp(lambda ref: hax.sum(ref[...]).array, ref)[1](1.0)
    assert haliax_refs.get(ref).array.tolist() == [1, 1]


# --- Functions of arrays ----------------------------------------------------------------------------------------------

OF_ARRAYS: dict[str, Callable[[NamedRef], Any]] = {
    "where": lambda ref: hax.where(hax.ones(E) > 0, ref, ref),
    "where a ref": lambda ref: hax.where(ref, 1.0, 0.0),
    "ravel": lambda ref: hax.ravel(ref, "new"),
    "flatten": lambda ref: hax.flatten(ref, "new"),
    "flatten_axes": lambda ref: hax.flatten_axes(ref, ("e",), "new"),
    "dot": lambda ref: hax.dot(ref, ref, axis="e"),
}


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_a_ref_is_not_an_array(name: str) -> None:
    with pytest.raises(TypeError, match=r"NamedRef is not an array.*ref\[\.\.\.\]"):
        OF_ARRAYS[name](hax.new_ref(hax.ones(E)))


def test_shard_map_outside_of_jit() -> None:
    ref = hax.new_ref(hax.ones(E))
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("d",))
    spec = jax.sharding.PartitionSpec("d")
    mapped = jax.shard_map(lambda ref: ref.at[...].add(1.0), mesh=mesh, in_specs=spec, out_specs=None)
    with pytest.raises(NotImplementedError, match=r"\(e=2\).*outside of jax\.jit.*jax\.jit\(jax\.shard_map"):
        mapped(ref)
    assert ref[...].array.tolist() == [1, 1]
    jax.jit(mapped)(ref)
    assert ref[...].array.tolist() == [2, 2]


@pytest.mark.parametrize("jit", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_shard_map_that_closes_over_a_ref(jit: Any) -> None:
    ref = hax.new_ref(hax.ones(E))
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("d",))
    spec = jax.sharding.PartitionSpec("d")

    def add(x: jax.Array) -> jax.Array:
        ref[...] += 1.0
        return x

    mapped = jit(jax.shard_map(add, mesh=mesh, in_specs=spec, out_specs=spec))
    with pytest.raises(NotImplementedError, match=r"cannot close over a ref in jax\.shard_map.*pass it as an argument"):
        mapped(jnp.ones(2))
    assert ref[...].array.tolist() == [1, 1]


def test_shard_map_passes_on_the_errors_of_its_function() -> None:
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("d",))
    spec = jax.sharding.PartitionSpec("d")

    def fail(x: jax.Array) -> jax.Array:
        raise AssertionError

    with pytest.raises(AssertionError):
        jax.shard_map(fail, mesh=mesh, in_specs=spec, out_specs=spec)(jnp.ones(2))


def test_typeof_a_ref() -> None:
    with pytest.raises(TypeError, match=r"NamedRef with axes \(e=2\) is not an array.*ref\[\.\.\.\]"):
        jax.typeof(hax.new_ref(hax.ones(E)))


WITH_AUX: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: jax.grad(f, has_aux=True)(2.0)[1],
    "value_and_grad": lambda f: jax.value_and_grad(f, has_aux=True)(2.0)[0][1],
    "jacrev": lambda f: jax.jacrev(f, has_aux=True)(2.0)[1],
    "vjp": lambda f: jax.vjp(f, 2.0, has_aux=True)[2],
    "jvp": lambda f: jax.jvp(f, (2.0,), (1.0,), has_aux=True)[2],
    "filter_grad": lambda f: eqx.filter_grad(f, has_aux=True)(jnp.float32(2.0))[1],
    "filter_value_and_grad": lambda f: eqx.filter_value_and_grad(f, has_aux=True)(jnp.float32(2.0))[0][1],
}


def doubled_in_a_ref(x: Any) -> tuple[jax.Array, hax.NamedRef]:
    ref = hax.new_ref(hax.ones(E) * x)
    ref[...] *= x
    return ref[...].sum().array, ref


@pytest.mark.parametrize("name", WITH_AUX)
def test_a_ref_that_is_made_and_returned_beside_a_derivative(name: str) -> None:
    """It holds what the function left in it, and is a ref as others are, eager and within a trace."""
    ref = WITH_AUX[name](doubled_in_a_ref)
    assert ref[...].array.tolist() == [4, 4]
    ref[...] += 1.0
    assert hax.freeze(ref).array.tolist() == [5, 5]
    used = jax.jit(lambda: WITH_AUX[name](doubled_in_a_ref)[...].array + 1.0)
    assert used().tolist() == [5, 5]
    with pytest.raises(ValueError, match=r"\(e=2\).*is passed once and not returned.*ref\[\.\.\.\]"):
        jax.jit(lambda: WITH_AUX[name](doubled_in_a_ref))()


@pytest.mark.parametrize("derivative", [jax.jacfwd, jax.hessian])
def test_a_ref_that_is_made_is_not_returned_in_forward_mode(derivative: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot return a NamedRef with axes \(e=2\).*ref\[\.\.\.\]"):
        derivative(doubled_in_a_ref, has_aux=True)(2.0)
