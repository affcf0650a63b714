"""The decoding loop of `examples/decode.py` with its cache kept in other ways: the peers it is measured against.

Each function takes and returns what `decode.write` does, but for the cache:

- `write_functional`: NamedArrays, updated with `.at[...].set`, threaded through both scans and returned; donate them.
- `write_raw`: bare `jax.Ref`s, read and written by position, as one would by hand.

The model and the choice of tokens are the same functions in all of them.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))  # the examples are scripts, not a package

import haliax as hax
import jax
from _model import Block, Config, Transformer, attend
from decode import choose
from haliax import Axis, NamedArray


FunctionalCache = tuple[NamedArray, NamedArray]
RawCache = tuple[jax.Ref, jax.Ref]


def cache_axes(config: Config, batch: Axis, position: Axis) -> tuple[Axis, ...]:
    """The axes of the keys, and of the values, in the order in which they lie in memory."""
    return (config.layer, batch, position, config.head, config.head_size)


def functional_cache(config: Config, batch: Axis, position: Axis) -> FunctionalCache:
    axes = cache_axes(config, batch, position)
    return hax.zeros(axes), hax.zeros(axes)


def raw_cache(config: Config, batch: Axis, position: Axis) -> RawCache:
    keys, values = functional_cache(config, batch, position)
    return jax.new_ref(keys.array), jax.new_ref(values.array)


@functools.partial(jax.jit, donate_argnums=1)
def write_functional(
    model: Transformer, cache: FunctionalCache, given: NamedArray, key: jax.Array
) -> tuple[NamedArray, NamedArray, FunctionalCache]:
    """Tokens, logits of each step, and the cache as it is afterwards."""
    position = given.resolve_axis("position")
    key_position = hax.arange(position.alias("key_position"))

    def step(carry: tuple[NamedArray, FunctionalCache], t: NamedArray):
        tokens, cache = carry
        visible = model.visible(key_position, t)

        def layer(carry: tuple[NamedArray, FunctionalCache], block: Block, i: NamedArray):
            x, (keys, values) = carry
            query, key, value = block.project(x, t)
            keys = keys.at[{"layer": i, "position": t}].set(key)
            values = values.at[{"layer": i, "position": t}].set(value)
            x = block.finish(x, attend(query, keys["layer", i], values["layer", i], visible))
            return x, (keys, values)

        x = model.embed(tokens["position", t])
        x, cache = hax.fold(layer, "layer")((x, cache), model.blocks, hax.arange(model.config.layer))
        logits = model.logits(x)
        tokens = tokens.at["position", t + 1].set(choose(logits, given, t, key))
        return (tokens, cache), logits

    steps = Axis("step", position.size - 1)
    (tokens, cache), logits = hax.scan(step, steps)((hax.maximum(given, 0), cache), hax.arange(steps))
    return tokens, logits, cache


@jax.jit
def write_raw(model: Transformer, cache: RawCache, given: NamedArray, key: jax.Array) -> tuple[NamedArray, NamedArray]:
    """Tokens, and the logits of each step."""
    keys, values = cache
    position = given.resolve_axis("position")
    key_position = hax.arange(position.alias("key_position"))
    batch = given.resolve_axis("batch")
    token_axes = (batch, model.config.head, model.config.head_size)
    layer_axes = (batch, position, model.config.head, model.config.head_size)

    def step(tokens: NamedArray, t: NamedArray):
        visible = model.visible(key_position, t)

        def layer(x: NamedArray, block: Block, i: NamedArray) -> NamedArray:
            query, key, value = block.project(x, t)
            keys[i.array, :, t.array] = key.rearrange(token_axes).array
            values[i.array, :, t.array] = value.rearrange(token_axes).array
            layer_keys = hax.named(keys[i.array], layer_axes)
            layer_values = hax.named(values[i.array], layer_axes)
            return block.finish(x, attend(query, layer_keys, layer_values, visible))

        x = model.embed(tokens["position", t])
        logits = model.logits(hax.fold(layer, "layer")(x, model.blocks, hax.arange(model.config.layer)))
        return tokens.at["position", t + 1].set(choose(logits, given, t, key)), logits

    steps = Axis("step", position.size - 1)
    return hax.scan(step, steps)(hax.maximum(given, 0), hax.arange(steps))
