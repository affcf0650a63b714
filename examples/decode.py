"""Train a small language model, then let it write, with a key-value cache that is updated in place.

The cache is two `NamedRef`s, for keys and values, each with axes (layer, batch, position, head, head_size). The scan
over layers hands each layer its index as a traced number; `keys.slice({"layer": i})` is that layer's part of the cache,
and `layer_keys[{"position": t}] = key` writes one position of it. Nothing is threaded through or returned.

The printed check compares the logits of every step with those of the same model run without a cache. The figure shows
what the cache then holds.

    python examples/decode.py            # a minute or so on two cores; writes out/decode.png
    python examples/decode.py --quick    # seconds; the check still holds, the text is gibberish
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import haliax as hax
import jax
import numpy as np
from _model import Block, Config, Text, Transformer, attend, train
from haliax import Axis, NamedArray

from haliax_refs import NamedRef


# Both ways compute the same float32 sums in another order. Their logits, of size 10 or so, differ by about 1e-5; those
# of a cache that is off by one position differ by more than 1.
TOLERANCE = 2e-4
SHOWN = 3  # texts that are printed
DRAWN = 64  # positions of the first one that are drawn

Cache = tuple[NamedRef, NamedRef]
NextLogits = Callable[[NamedArray, NamedArray], NamedArray]  # tokens so far, a position -> logits of the token after it


def empty_cache(config: Config, batch: Axis, position: Axis) -> Cache:
    """Room for the keys and for the values of every layer at every position."""
    axes = (config.layer, batch, position, config.head, config.head_size)
    return hax.new_ref(hax.zeros(axes)), hax.new_ref(hax.zeros(axes))


def with_cache(model: Transformer, cache: Cache) -> NextLogits:
    """The model, run on one position a step: the keys and values of earlier ones are in `cache`."""
    keys, values = cache
    key_position = hax.arange(keys.resolve_axis("position").alias("key_position"))

    def next_logits(tokens: NamedArray, t: NamedArray) -> NamedArray:
        visible = model.visible(key_position, t)

        def layer(x: NamedArray, block: Block, i: NamedArray) -> NamedArray:
            query, key, value = block.project(x, t)
            layer_keys, layer_values = keys.slice({"layer": i}), values.slice({"layer": i})
            layer_keys[{"position": t}] = key
            layer_values[{"position": t}] = value
            return block.finish(x, attend(query, layer_keys[...], layer_values[...], visible))

        x = model.embed(tokens["position", t])
        return model.logits(hax.fold(layer, "layer")(x, model.blocks, hax.arange(model.config.layer)))

    return next_logits


def without_cache(model: Transformer) -> NextLogits:
    """The model, run on all positions at every step."""
    return lambda tokens, t: model(tokens)["position", t]


def choose(logits: NamedArray, given: NamedArray, t: NamedArray, key: jax.Array) -> NamedArray:
    """The token after position `t`: the given one, or if that is negative, one drawn from the sharpened `logits`."""
    drawn = hax.random.categorical(jax.random.fold_in(key, t.scalar()), logits / 0.7, axis="vocab")
    wanted = given["position", t + 1]
    return hax.where(wanted >= 0, wanted, drawn)


@jax.jit
def write(model: Transformer, cache: Cache | None, given: NamedArray, key: jax.Array) -> tuple[NamedArray, NamedArray]:
    """All tokens, and the logits of each step: what is negative in `given` is drawn from the model."""
    next_logits = without_cache(model) if cache is None else with_cache(model, cache)

    def step(tokens: NamedArray, t: NamedArray) -> tuple[NamedArray, NamedArray]:
        logits = next_logits(tokens, t)
        return tokens.at["position", t + 1].set(choose(logits, given, t, key)), logits

    steps = Axis("step", given.axis_size("position") - 1)
    return hax.scan(step, steps)(hax.maximum(given, 0), hax.arange(steps))


def timed_write(*arguments: Any) -> tuple[NamedArray, NamedArray, float]:
    """What `write` returns, and how many seconds it takes once compiled."""
    compiled = write.lower(*arguments).compile()
    begin = time.perf_counter()
    tokens, logits = jax.block_until_ready(compiled(*arguments))
    return tokens, logits, time.perf_counter() - begin


def draw(keys: NamedRef, text: str, given: int, path: Path) -> None:
    """How large the keys are in the cache: a row for each head of each layer, a column for each character of `text`.

    Args:
        keys: with axes (layer, position, head, head_size), a view of one text.
        given: how many characters are the prompt.
    """
    import matplotlib

    matplotlib.use("Agg")  # draws to a file: no display is needed
    from matplotlib import pyplot as plt

    drawn = keys.slice({"position": slice(0, DRAWN)})  # clipped, where there are fewer
    norms = hax.sqrt(hax.sum(drawn[...] ** 2, "head_size")).flatten_axes(("layer", "head"), "row")
    layers, heads = keys.shape["layer"], keys.shape["head"]
    figure, axes = plt.subplots(figsize=(11, 0.24 * layers * heads + 1.4), layout="constrained")
    image = axes.imshow(norms.rearrange(("row", "position")).array, aspect="auto", cmap="viridis", vmin=0)
    axes.set_xticks(range(norms.axis_size("position")), text[: norms.axis_size("position")].replace("\n", " "))
    axes.set_yticks(np.arange(layers) * heads + (heads - 1) / 2, [f"layer {i}" for i in range(layers)])
    axes.set_yticks(np.arange(1, layers) * heads - 0.5, minor=True)
    axes.tick_params(which="both", length=0)
    axes.grid(which="minor", axis="y", color="white", linewidth=2)
    axes.axvline(given - 0.5, color="white", linestyle="--", linewidth=1.5)
    axes.set_title("How large each head's key is in the cache: of the prompt and, behind the line, of what was written")
    figure.colorbar(image, ax=axes, pad=0.01)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def parse(arguments: list[str] | None, alphabet: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=900, help="training steps at most")
    parser.add_argument("--seconds", type=float, default=50, help="training time at most")
    parser.add_argument("--tokens", type=int, default=256, help="length of each text, prompt included")
    parser.add_argument("--batch", type=int, default=4, help="how many texts to write")
    parser.add_argument("--prompt", default="And God said unto ", help="what each text begins with")
    parser.add_argument("--seed", type=int, default=0, help="of the weights, the batches and the texts")
    parser.add_argument("--figure", type=Path, default=Path("out/decode.png"), help="where the figure goes")
    parser.add_argument("--quick", action="store_true", help="a smaller model, few steps, short texts: for tests")
    options = parser.parse_args(arguments)
    if options.quick:
        options.steps = min(options.steps, 60)
        options.tokens = min(options.tokens, 48)
        options.batch = min(options.batch, 2)
    if min(options.steps, options.seconds, options.batch, len(options.prompt)) <= 0:
        parser.error("--steps, --seconds and --batch must be positive, and the prompt not empty")
    if options.tokens <= len(options.prompt):
        parser.error(f"--tokens {options.tokens} leaves no room after a prompt of {len(options.prompt)} characters")
    if unknown := set(options.prompt).difference(alphabet):
        parser.error(f"--prompt {options.prompt!r}: the text has no {min(unknown)!r}")
    return options


def main(arguments: list[str] | None = None) -> int:
    text = Text()
    options = parse(arguments, text.alphabet)
    config = Config(text.vocab)
    if options.quick:
        config = Config(text.vocab, layer=Axis("layer", 2), embed=Axis("embed", 32), head_size=Axis("head_size", 8))

    model = Transformer.init(config, jax.random.key(options.seed))
    parameters = sum(p.size for p in jax.tree.leaves(model))
    print(f"{parameters:,} parameters, {len(text.characters):,} characters of text")
    batches = text.batches(Axis("batch", 8), Axis("position", config.window), options.seed)
    model, loss = train(model, batches, steps=options.steps, seconds=options.seconds)
    print(f"trained to {loss:.3f} nats a character (knowing nothing: {np.log(text.vocab.size):.3f})\n")

    batch, position = Axis("batch", options.batch), Axis("position", options.tokens)
    prompt = np.full((batch.size, position.size), -1, np.int32)
    prompt[:, : len(options.prompt)] = text.encode(options.prompt)
    key = jax.random.key(options.seed + 1)
    cache = empty_cache(config, batch, position)
    tokens, logits, cached_seconds = timed_write(model, cache, hax.named(prompt, (batch, position)), key)
    # The same tokens again, so that one close draw between two characters cannot send the two ways apart.
    _, expected, plain_seconds = timed_write(model, None, tokens, key)

    if batch.size > SHOWN:
        print(f"{SHOWN} of the {batch.size} texts:\n")
    for row in np.asarray(tokens.rearrange((batch, position)).array)[:SHOWN]:
        print(text.decode(row).replace("\n", "\n  "), end="\n\n")
    first = text.decode(np.asarray(tokens["batch", 0].array))
    draw(cache[0].slice({"batch": 0}), first, len(options.prompt), options.figure)
    print(f"drawn to {options.figure}")
    steps = position.size - 1
    worst, largest = (float(hax.max(hax.abs(x)).array) for x in (logits - expected, expected))
    agree = worst <= TOLERANCE
    written = batch.size * steps
    print(f"logits with and without cache, {steps} steps: {'agree' if agree else 'DIFFER'}, ", end="")
    print(f"largest difference {worst:.1e} (tolerance {TOLERANCE:.0e}; logits reach {largest:.1f})")
    print(f"with the cache     {written / cached_seconds:9,.0f} tokens/s")
    print(f"without the cache  {written / plain_seconds:9,.0f} tokens/s")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
