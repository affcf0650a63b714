"""Loops, branches and windows in `hax.vmap`, over any axis; and functions that make the refs that they return.

The oracle is a loop over NumPy arrays.
"""

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
from haliax.nn.scan import Stacked

import haliax_refs
from haliax_refs import NamedRef, _compat


pytestmark = [
    pytest.mark.skipif(not _compat.CAN_VMAP, reason="this jax does not vmap refs rightly"),
    pytest.mark.usefixtures("unoptimized"),
]
SIZES = {"layer": 3, "batch": 2, "position": 4}
ORDERS = [("batch", "layer", "position"), ("layer", "batch", "position"), ("layer", "position", "batch")]
STARTS = hax.named(jnp.array([0, 2]), "batch")


def start_ref(order: tuple[str, ...]) -> NamedRef:
    shape = [SIZES[name] for name in order]
    return hax.new_ref(hax.named(jnp.arange(24.0).reshape(shape), order))


def fold(cache: NamedRef, start: NamedArray) -> Any:
    def step(n: Any, layer: NamedRef) -> Any:
        layer["position", start] += 1.0 + n
        return n + 1

    return hax.fold(step, "layer")(0, cache)


def fori(cache: NamedRef, start: NamedArray) -> Any:
    def step(i: Any, n: Any) -> Any:
        cache["layer", i, "position", start] += 1.0 + n
        return n + 1

    return jax.lax.fori_loop(0, 3, step, 0)


def cond(cache: NamedRef, start: NamedArray) -> Any:
    def write() -> None:
        for i in range(3):
            cache["layer", i, "position", 2] += 1.0 + i

    def other() -> None:
        for i in range(3):
            cache["layer", i, "position", 0] += 1.0 + i

    jax.lax.cond(start.array > 0, write, other)
    return 3


def window(cache: NamedRef, start: NamedArray) -> Any:
    @jax.jit
    def write(cache: NamedRef, start: NamedArray) -> None:
        at = {"position": hax.ds(start.array, 1)}
        cache[at] = cache[at] + hax.named(jnp.arange(3.0) + 1, "layer")

    write(cache, start)
    return 3


CONTROLS: dict[str, Callable[..., Any]] = {f.__name__: f for f in (fold, fori, cond, window)}


@pytest.mark.parametrize("jit", [True, False], ids=["jit", "eager"])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("name", CONTROLS)
def test_control_flow_over_every_axis(name: str, order: tuple[str, ...], jit: bool) -> None:
    if jit or order != ORDERS[0] or name in ("fold", "cond"):
        ref = start_ref(order)
        want = np.moveaxis(np.array(ref[...].array), [order.index(n) for n in SIZES], range(3)).copy()
        mapped = hax.vmap(CONTROLS[name], "batch")
        out = (jax.jit(mapped) if jit else mapped)(ref, STARTS)
        for i in range(3):
            for b, start in enumerate((0, 2)):
                want[i, b, start] += 1 + i
        np.testing.assert_array_equal(ref[...].rearrange(tuple(SIZES)).array, want)
        assert np.asarray(getattr(out, "array", out)).tolist() in ([3, 3], 3)


def test_a_view_and_a_ref_that_is_only_read() -> None:
    ref, factor = start_ref(ORDERS[1]), hax.new_ref(hax.named(jnp.array([1.0, 10.0, 100.0]), "layer"))
    want = np.array(ref[...].array)

    def step(cache: NamedRef, start: NamedArray) -> None:
        hax.fold(lambda n, c, f: (c.at["position", start].add(f[...]), n)[1], "layer")(0, cache, factor)

    jax.jit(hax.vmap(step, "batch"))(ref.slice("batch", slice(None, None, -1)), STARTS)
    for b, start in enumerate((2, 0)):
        want[:, b, start] += [1, 10, 100]
    np.testing.assert_array_equal(ref[...].array, want)


@pytest.mark.parametrize("jit", [True, False], ids=["jit", "eager"])
def test_an_unmapped_ref_is_not_written_in_a_branch(jit: bool) -> None:
    ref, total = start_ref(ORDERS[0]), hax.new_ref(hax.zeros({"x": 2}))
    before = np.array(ref[...].array)

    def step(cache: NamedRef, start: NamedArray) -> None:
        cache[...] += 1.0
        jax.lax.cond(start.array > 0, lambda: total.at["x", 0].add(1.0), lambda: None)

    mapped = hax.vmap(step, "batch")
    with pytest.raises(ValueError, match=r"cannot write to a float32 NamedRef.*under vmap"):
        (jax.jit(mapped) if jit else mapped)(ref, STARTS)
    np.testing.assert_array_equal(ref[...].array, before)
    assert total[...].array.tolist() == [0, 0]


def test_gradients_through_a_branch() -> None:
    """Of a function that makes its refs, mapped with a branch in it."""

    def f(x: NamedArray) -> Any:
        ref = hax.new_ref(x)

        def instance(cell: NamedRef, start: NamedArray) -> None:
            jax.lax.cond(start.array > 0, lambda: cell.at[...].multiply(cell[...]), lambda: None)

        hax.vmap(instance, "batch")(ref, STARTS)
        return hax.sum(hax.freeze(ref)).array

    x = hax.named(jnp.array([3.0, 5.0]), "batch")
    assert jax.jit(jax.grad(f))(x).array.tolist() == [1, 10]


# --- Refs that a mapped function makes --------------------------------------------------------------------------------


class Block(eqx.Module):
    weight: NamedArray
    count: NamedRef
    cache: NamedRef
    row: NamedRef

    @staticmethod
    def init(weight: NamedArray) -> Block:
        cache = hax.new_ref(hax.zeros({"e": 2, "f": 3}) + weight)
        return Block(weight, hax.new_ref(0), cache, cache.slice("f", slice(0, 2)))

    def __call__(self, x: NamedArray) -> NamedArray:
        self.count[...] += 1
        self.row["f", 1] = x
        return x * self.weight


LAYERS = hax.Axis("layer", 3)
WEIGHTS = hax.named(jnp.array([2.0, 3.0, 4.0]), LAYERS)


@pytest.mark.parametrize("policy", [False, True, "nested"])
def test_a_stack_of_blocks_with_state(policy: Any) -> None:
    stack = Stacked.init(LAYERS, Block, gradient_checkpointing=policy)(weight=WEIGHTS)
    block = stack.stacked
    assert block.count.axes == (LAYERS,)
    assert block.count.dtype == jnp.int32
    assert block.cache.shape == {"layer": 3, "e": 2, "f": 3}
    assert block.row.shape == {"layer": 3, "e": 2, "f": 2}
    for _ in range(2):
        assert jax.jit(lambda x: stack.fold(x))(hax.ones({"e": 2})).array.tolist() == [24, 24]
    assert block.count[...].array.tolist() == [2, 2, 2]
    assert block.cache["e", 0].array.tolist() == [[2, 1, 2], [3, 2, 3], [4, 6, 4]]  # written through `row`
    assert block.row["e", 0, "f", 1].array.tolist() == [1, 2, 6]


def test_made_in_nested_maps_and_within_jit() -> None:
    @jax.jit
    def f(x: NamedArray) -> NamedArray:
        made = hax.vmap(lambda x: {"ref": hax.new_ref(x), "other": hax.new_ref(1.0)}, ("a", "b"))(x)
        made["ref"]["a", 0] = 7.0
        made["other"][...] += made["ref"][...]
        return made["other"][...].rearrange(("a", "b"))

    x = hax.named(jnp.arange(4.0).reshape(2, 2), ("a", "b"))
    assert f(x).array.tolist() == [[8, 8], [3, 4]]


def test_only_refs_that_were_made_are_returned() -> None:
    outer = hax.new_ref(hax.zeros({"x": 2}))
    for f in (lambda x: outer, lambda x: {"a": hax.new_ref(x), "b": outer.slice("x", 0)}):
        with pytest.raises(ValueError, match=r"cannot return a NamedRef with axes .* from a function mapped over 'i'"):
            hax.vmap(f, "i")(hax.arange({"i": 3}))
    with pytest.raises(ValueError, match=r"view with axes \(\).*whole ref"):
        hax.vmap(lambda i: hax.new_ref(hax.zeros({"x": 4})).slice("x", i), "i")(hax.arange({"i": 3}))


def test_the_keys_of_a_ref_that_was_made() -> None:
    keys = hax.vmap(lambda i: haliax_refs.new_ref(jax.random.key(i.array)), "i")(hax.arange({"i": 2}))
    assert keys.shape == {"i": 2}
    assert jax.random.key_data(keys["i", 1].array).tolist() == jax.random.key_data(jax.random.key(1)).tolist()
