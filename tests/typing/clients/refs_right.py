"""A client of `haliax_refs`, by way of `hax` as the README writes it: no error, and the types that it says."""

from typing import Any, Protocol, assert_type

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from haliax import Axis, NamedArray

import haliax_refs


Layer, Position, Head = hax.make_axes(layer=4, position=8, head=2)

cache = hax.new_ref(hax.zeros((Layer, Position, Head)))
assert_type(cache, hax.NamedRef)
assert_type(cache, haliax_refs.NamedRef)
assert_type(cache, hax.ref.NamedRef)

# everything that can be made a ref of
assert_type(hax.new_ref(0.0), hax.NamedRef)
assert_type(hax.new_ref(jnp.zeros((2, 3)), ("x", "y")), hax.NamedRef)
assert_type(hax.new_ref(np.zeros(3), Axis("x", 3)), hax.NamedRef)
assert_type(hax.new_ref(np.zeros(3), {"x": 3}, memory_space=None, kind=None), hax.NamedRef)
assert_type(hax.ref.empty_ref({"x": 2, "y": 3}, jnp.bfloat16), hax.NamedRef)
assert_type(hax.ref.wrap(jax.new_ref(jnp.zeros((2, 3))), ("x", "y")), hax.NamedRef)

# what a ref says of itself
assert_type(cache.axes, tuple[Axis, ...])
assert_type(cache.shape, dict[str, int])
assert_type(cache.named_shape, dict[str, int])
assert_type(cache.size, int)
assert_type(cache.ndim, int)
assert_type(cache.resolve_axis("layer"), Axis)
assert_type([axis.size for axis in cache.axes], list[int])

# views
layer = cache.slice({Layer: 2})
assert_type(layer, hax.NamedRef)
assert_type(cache.slice("layer", 2, "position", slice(1, None)).slice({"head": [0, 1]}), hax.NamedRef)
assert_type(layer.unsliced(), hax.NamedRef)
assert_type(layer.rename({"head": "h", Position: Axis("p", 8)}), hax.NamedRef)

# reads
assert_type(cache.value(), NamedArray)
assert_type(cache[...], NamedArray)
assert_type(cache[{"layer": 0, Position: hax.ds(0, 2)}], NamedArray)
assert_type(cache["layer", jnp.array(1), "position", range(3)], NamedArray)
assert_type(cache["layer", hax.arange({"picked": 3})], NamedArray)
assert_type(hax.ref.get(cache, {"layer": 0}, mode="fill", fill_value=0.0), NamedArray)
assert_type(hax.swap(layer, ..., 1.0), NamedArray)
assert_type(hax.ref.swap(layer, {"head": 0}, 1.0, mode="drop", fill_value=-1), NamedArray)
assert_type(cache.at["layer", 9].get(mode="fill", fill_value=0.0), NamedArray)

# writes
cache["layer", 2, "position", 3] = hax.ones(Head)
cache[...] = 0
cache["layer", 2] += 1.0
hax.ref.set(cache, {"layer": 1}, jnp.zeros((8, 2)))
hax.ref.addupdate(cache, {"layer": [0, 0]}, 1.0, mode="drop")
cache.at["layer", 0].set(1.0)
cache.at[{"layer": jnp.array([0, 9])}].add(hax.ones(Head), mode="drop")
cache.at["layer", 0].multiply(2.0)
cache.at[...].apply(jnp.sqrt)


@jax.jit
def write(ref: hax.NamedRef, position: jax.Array) -> None:
    ref["position", position] = hax.ones(Head)


def takes_ours(ref: haliax_refs.NamedRef) -> NamedArray:
    return ref["layer", 0]


def takes_theirs(ref: hax.ref.NamedRef) -> hax.NamedRef:
    return ref


write(takes_theirs(cache), jnp.array(0))
assert_type(takes_ours(cache), NamedArray)


@hax.ref.foreach(Layer, cache, hax.arange(Layer))
def _(cell: hax.NamedRef, number: NamedArray) -> None:
    cell[...] = number


# several at once
both = {"layer": layer, "cache": cache}
assert_type(haliax_refs.values_of(layer), NamedArray)
assert_type(haliax_refs.values_of(both), Any)
assert_type(haliax_refs.refs_of(hax.ones(Head)), hax.NamedRef)
assert_type(haliax_refs.refs_of(haliax_refs.values_of(both)), Any)
assert_type(cache.dtype, np.dtype[Any])
assert_type(cache.sharding, jax.sharding.Sharding)


class Buffer(Protocol):
    """What a library may ask of a ref, or of a stand-in for one."""

    @property
    def axes(self) -> tuple[Axis, ...]: ...
    def slice(self, *index: Any) -> "Buffer": ...
    def __getitem__(self, index: Any, /) -> NamedArray: ...
    def __setitem__(self, index: Any, value: Any, /) -> None: ...


buffer: Buffer = cache


class Signs:
    """An optimizer of one's own, that takes nothing besides."""

    def init(self, params: Any) -> tuple[()]:
        return ()

    def update(self, updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(jnp.sign, updates), state


raw = haliax_refs.refs_of(jnp.zeros(3))
assert_type(raw, jax.Ref)
assert_type(haliax_refs.values_of(raw), jax.Array)
assert_type(hax.freeze(raw), jax.Array)
weights = haliax_refs.refs_of({"w": hax.ones(Head)})
for optimizer in (optax.adam(0.1), optax.chain(optax.clip(1.0), optax.sgd(0.1)), Signs()):
    state = haliax_refs.refs_of(optimizer.init(haliax_refs.values_of(weights)))
    haliax_refs.step(optimizer, weights, state, haliax_refs.values_of(weights))
print(hax.freeze(weights)["w"])

# the end
assert_type(hax.freeze(cache), NamedArray)
assert_type(hax.ref.freeze(hax.new_ref(0.0)), NamedArray)
hax.ref.free_ref(hax.new_ref(0.0))
haliax_refs.uninstall()
haliax_refs.install()
assert_type(haliax_refs.is_installed(), bool)

# and the rest of haliax is as it was
assert_type(hax.named(jnp.zeros(3), "x"), NamedArray)
assert_type(hax.ds(0, 2).size, int)
assert_type(Layer.resize(3), Axis)
