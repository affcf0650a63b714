"""The decoding loop of `examples/decode.py`, its key-value cache kept in four ways: tokens per second and memory.

By name in `NamedRef`s, by hand in bare `jax.Ref`s, in arrays that are threaded through, donated and returned, and in
haliax's own named refs. The model has fresh weights: what it writes is gibberish, at the speed of any other text.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import decode
import haliax as hax
import jax
import numpy as np
from _model import Block, Config, Transformer, attend
from haliax import Axis, NamedArray

from ._report import Fact, Finding, rows
from ._timing import in_turn
from .decode_variants import cache_axes, functional_cache, raw_cache, write_functional, write_raw
from .refs_peers import upstream


SUITE = "refs.decode"
TARGET = 1.03  # of bare refs, written by hand
BATCH, POSITION = Axis("batch", 4), Axis("position", 256)


def measure(scale: float) -> list[Finding]:
    config = Config(Axis("vocab", 64))
    model = Transformer.init(config, jax.random.key(0))
    given = hax.named(np.where(np.arange(POSITION.size) < 16, 1, -1).astype(np.int32), POSITION)
    given = given.broadcast_axis(BATCH)
    key = jax.random.key(1)
    caches = {
        "NamedRef": decode.empty_cache(config, BATCH, POSITION),
        "jax.Ref": raw_cache(config, BATCH, POSITION),
    }
    compiled: dict[str, Any] = {
        "NamedRef": decode.write.lower(model, caches["NamedRef"], given, key).compile(),
        "jax.Ref": write_raw.lower(model, caches["jax.Ref"], given, key).compile(),
    }
    theirs = upstream()
    if theirs is not None:
        caches["haliax.ref"] = _their_cache(theirs, config)
        compiled["haliax.ref"] = _write_theirs.lower(model, caches["haliax.ref"], given, key).compile()
    calls: dict[str, Callable[[], Any]] = {
        name: lambda name=name: jax.block_until_ready(compiled[name](model, caches[name], given, key)[0].array)
        for name in compiled
    }
    threaded = [functional_cache(config, BATCH, POSITION)]
    compiled["donated arrays"] = write_functional.lower(model, threaded[0], given, key).compile()

    def donated() -> None:
        tokens, _, threaded[0] = compiled["donated arrays"](model, threaded[0], given, key)
        jax.block_until_ready(tokens.array)

    calls["donated arrays"] = donated
    times = in_turn(calls, rounds=max(3, round(20 * scale)), warm=1)
    tokens = BATCH.size * (POSITION.size - 1)
    task = f"write {BATCH.size} texts of {POSITION.size} tokens"
    found: list[Finding] = [*rows(SUITE, task, times, "jax.Ref", {"NamedRef": TARGET})]
    found += [Fact(SUITE, f"tokens a second, {name}", f"{tokens / times.best(name):,.0f}") for name in calls]
    cache_bytes = 2 * 4 * int(np.prod([axis.size for axis in cache_axes(config, BATCH, POSITION)]))
    by_hand = _peak(compiled["jax.Ref"])
    for name, program in compiled.items():
        peak = _peak(program)
        # A second copy would show: the cache is large beside what else differs.
        met = name != "NamedRef" or peak < by_hand + cache_bytes / 10
        found.append(Fact(SUITE, f"peak memory, {name}", f"{peak / 2**20:.2f} MiB", met))
    return [*found, Fact(SUITE, "the cache itself", f"{cache_bytes / 2**20:.2f} MiB")]


def _peak(compiled: Any) -> int:
    """Arguments, results and temporary buffers, less what is updated in place."""
    memory = compiled.memory_analysis()
    used = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    return int(used - memory.alias_size_in_bytes)


def _their_cache(theirs: ModuleType, config: Config) -> tuple[Any, Any]:
    zeros = hax.zeros(cache_axes(config, BATCH, POSITION))
    return theirs.new_ref(zeros), theirs.new_ref(zeros)


@jax.jit
def _write_theirs(model: Transformer, cache: Any, given: NamedArray, key: jax.Array) -> tuple[NamedArray, NamedArray]:
    """`decode.write`, but no view of a layer is taken: haliax's own cannot be indexed at a traced layer once more."""
    keys, values = cache
    position = given.resolve_axis("position")
    key_position = hax.arange(position.alias("key_position"))

    def step(tokens: NamedArray, t: NamedArray) -> tuple[NamedArray, NamedArray]:
        visible = model.visible(key_position, t)

        def layer(x: NamedArray, block: Block, i: NamedArray) -> NamedArray:
            query, key, value = block.project(x, t)
            order = ("batch", "head", "head_size")  # it does not permute what it writes
            keys[{"layer": i, "position": t}] = key.rearrange(order)
            values[{"layer": i, "position": t}] = value.rearrange(order)
            return block.finish(x, attend(query, keys[{"layer": i}], values[{"layer": i}], visible))

        x = model.embed(tokens["position", t])
        logits = model.logits(hax.fold(layer, "layer")(x, model.blocks, hax.arange(model.config.layer)))
        return tokens.at["position", t + 1].set(decode.choose(logits, given, t, key)), logits

    steps = Axis("step", position.size - 1)
    return hax.scan(step, steps)(hax.maximum(given, 0), hax.arange(steps))
