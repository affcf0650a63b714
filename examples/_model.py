"""A small character-level transformer in Haliax, shared by the examples and the benchmarks.

Every tensor has named axes and every layer's parameters are stacked along the axis "layer", so that one `hax.fold` runs
the network. What a layer does is split where a cache has to step in: `Block.project` gives the queries, keys and values
of the new positions, `attend` mixes the values, `Block.finish` does the rest. `Transformer.__call__` joins them
without a cache; `decode.py` and its companions join them around one.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from haliax import Axis, NamedArray
from tqdm import tqdm


TEXT = Path(__file__).parent / "data" / "genesis.txt"


@dataclass(frozen=True)
class Config:
    """The sizes of a model, as axes."""

    vocab: Axis
    layer: Axis = Axis("layer", 4)
    embed: Axis = Axis("embed", 128)
    head: Axis = Axis("head", 4)
    head_size: Axis = Axis("head_size", 32)
    mlp: Axis = Axis("mlp", 384)
    window: int = 128  # how many positions back a token sees, itself included


class Block(eqx.Module):
    """One layer of the network; with an axis "layer" in front of each parameter, all of them."""

    attention_norm: NamedArray  # (embed,)
    query: NamedArray  # (embed, head, head_size), as are key and value
    key: NamedArray
    value: NamedArray
    output: NamedArray  # (head, head_size, embed)
    mlp_norm: NamedArray  # (embed,)
    up: NamedArray  # (embed, mlp)
    down: NamedArray  # (mlp, embed)

    @staticmethod
    def init(config: Config, key: jax.Array) -> Block:
        """All layers at once: normal weights that keep the variance, the residual branches scaled down with depth."""
        keys = iter(jax.random.split(key, 6))
        embed, heads = config.embed, (config.head, config.head_size)

        def normal(ins: tuple[Axis, ...], outs: tuple[Axis, ...], scale: float = 1.0) -> NamedArray:
            fan_in = hax.axis.axis_size(ins)
            return hax.random.normal(next(keys), (config.layer, *ins, *outs)) * (scale * fan_in**-0.5)

        residual = (2 * config.layer.size) ** -0.5
        return Block(
            attention_norm=hax.ones((config.layer, embed)),
            query=normal((embed,), heads),
            key=normal((embed,), heads),
            value=normal((embed,), heads),
            output=normal(heads, (embed,), residual),
            mlp_norm=hax.ones((config.layer, embed)),
            up=normal((embed,), (config.mlp,)),
            down=normal((config.mlp,), (embed,), residual),
        )

    def project(self, x: NamedArray, position: NamedArray) -> tuple[NamedArray, NamedArray, NamedArray]:
        """Queries, keys and values of `x`, which stands at `position`; queries and keys are rotated by it."""
        normed = rms_norm(x) * self.attention_norm
        query, key, value = (hax.dot(normed, w, axis="embed") for w in (self.query, self.key, self.value))
        return rotate(query, position), rotate(key, position), value

    def finish(self, x: NamedArray, attended: NamedArray) -> NamedArray:
        """What the layer passes on: `x` plus its attention, plus the MLP of both."""
        x = x + hax.dot(attended, self.output, axis=("head", "head_size"))
        hidden = hax.nn.gelu(hax.dot(rms_norm(x) * self.mlp_norm, self.up, axis="embed"))
        return x + hax.dot(hidden, self.down, axis="mlp")


class Transformer(eqx.Module):
    """A causal language model."""

    config: Config = eqx.field(static=True)
    embedding: NamedArray  # (vocab, embed)
    blocks: Block  # stacked along "layer"
    norm: NamedArray  # (embed,)
    readout: NamedArray  # (embed, vocab)

    @staticmethod
    def init(config: Config, key: jax.Array) -> Transformer:
        embedding_key, block_key = jax.random.split(key)
        return Transformer(
            config,
            embedding=hax.random.normal(embedding_key, (config.vocab, config.embed)),
            blocks=Block.init(config, block_key),
            norm=hax.ones(config.embed),
            readout=hax.zeros((config.embed, config.vocab)),
        )

    def embed(self, tokens: NamedArray) -> NamedArray:
        return self.embedding.take("vocab", tokens)

    def visible(self, key_position: NamedArray, position: NamedArray) -> NamedArray:
        """Whether a token at `position` sees the key at `key_position`: its own and earlier ones, up to the window."""
        distance = position.broadcast_axis(key_position.axes) - key_position
        return (distance >= 0) & (distance < self.config.window)

    def logits(self, x: NamedArray) -> NamedArray:
        return hax.dot(rms_norm(x) * self.norm, self.readout, axis="embed")

    def __call__(self, tokens: NamedArray) -> NamedArray:
        """Logits of the token after each position of `tokens`, which has an axis "position" and any others."""
        position = hax.arange(tokens.resolve_axis("position"))
        visible = self.visible(position.rename({"position": "key_position"}), position)

        def layer(x: NamedArray, block: Block) -> NamedArray:
            query, key, value = block.project(x, position)
            return block.finish(x, attend(query, key, value, visible))

        return self.logits(hax.fold(layer, "layer")(self.embed(tokens), self.blocks))


def rms_norm(x: NamedArray) -> NamedArray:
    """`x` scaled to unit mean square along "embed"."""
    return x * hax.rsqrt(hax.mean(hax.square(x), "embed") + 1e-6)


def rotate(x: NamedArray, position: NamedArray) -> NamedArray:
    """Rotary position embedding: each pair of features turned by an angle that grows with `position`."""
    head_size = x.resolve_axis("head_size")
    pair, half = Axis("pair", 2), Axis("half", head_size.size // 2)
    frequency = hax.exp(hax.arange(half) * (-math.log(10_000.0) / half.size))
    angle = hax.dot(frequency, position, axis=())
    cos, sin = hax.cos(angle), hax.sin(angle)
    a, b = x.unflatten_axis("head_size", (pair, half)).unbind("pair")
    turned = hax.stack(pair, (a * cos - b * sin, a * sin + b * cos))
    return turned.flatten_axes((pair, half), head_size).rearrange(x.axes)


def attend(query: NamedArray, key: NamedArray, value: NamedArray, visible: NamedArray) -> NamedArray:
    """Attention of each query to the keys that are `visible` to it.

    `key` and `value` lie along "position"; `visible` calls that axis "key_position".
    """
    key, value = key.rename({"position": "key_position"}), value.rename({"position": "key_position"})
    scores = hax.dot(query, key, axis="head_size") * query.axis_size("head_size") ** -0.5
    weights = hax.nn.softmax(hax.where(visible, scores, -jnp.inf), axis="key_position")
    return hax.dot(weights, value, axis="key_position")


class Text:
    """The training text as tokens: one for each character that occurs in it."""

    def __init__(self, path: Path = TEXT):
        self.characters = path.read_text(encoding="utf-8")

    @cached_property
    def alphabet(self) -> str:
        return "".join(sorted(set(self.characters)))

    @property
    def vocab(self) -> Axis:
        return Axis("vocab", len(self.alphabet))

    def encode(self, text: str) -> np.ndarray:
        return np.array([self.alphabet.index(c) for c in text], dtype=np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        return "".join(self.alphabet[t] for t in tokens)

    def batches(self, batch: Axis, position: Axis, seed: int) -> Iterator[NamedArray]:
        """Windows of the text at random, one token longer than `position`: the last of each is only a target."""
        tokens = self.encode(self.characters)
        rng = np.random.default_rng(seed)
        window = np.arange(position.size + 1)
        while True:
            starts = rng.integers(0, len(tokens) - position.size, batch.size)
            yield hax.named(jnp.asarray(tokens[starts[:, None] + window]), (batch, position.resize(position.size + 1)))


def next_token_loss(model: Transformer, tokens: NamedArray) -> jax.Array:
    """Mean cross entropy, in nats a token, of predicting each token of `tokens` from those before it."""
    last = tokens.axis_size("position") - 1
    logits = model(tokens["position", :last])
    targets = tokens["position", 1:]
    losses = hax.nn.logsumexp(logits, "vocab") - hax.take(logits, "vocab", targets)
    return hax.mean(losses).scalar()


def train(
    model: Transformer, batches: Iterator[NamedArray], *, steps: int, seconds: float
) -> tuple[Transformer, float]:
    """`model` after `steps` steps of Adam, or as many as fit into `seconds` once compiled, and its recent mean loss.

    The learning rate falls along a cosine of whichever of the two runs out first, so that it ends near zero on slow
    machines too; where time is not short, the result depends on the seeds alone.
    """
    peak_rate, warmup = 3e-3, min(20, 1 + steps // 10)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(b2=0.98))

    @jax.jit
    def update(model: Transformer, state: optax.OptState, tokens: NamedArray, rate: float):
        loss, gradient = jax.value_and_grad(next_token_loss)(model, tokens)
        direction, state = optimizer.update(gradient, state)
        return jax.tree.map(lambda p, d: p - rate * d, model, direction), state, loss

    state = optimizer.init(model)
    recent: deque[float] = deque(maxlen=20)
    with Progress() as progress:
        for step, tokens in zip(range(steps), batches, strict=False):
            if step <= 1:  # the first step compiles
                begin = time.perf_counter()
            done = max(step / steps, (time.perf_counter() - begin) / seconds)
            if done >= 1:
                break
            rate = peak_rate * min(1, (step + 1) / warmup) * (1 + math.cos(math.pi * done)) / 2
            model, state, loss = update(model, state, tokens, rate)
            recent.append(float(loss))
            progress.show(step + 1, done, sum(recent) / len(recent))
    return model, sum(recent) / len(recent)


class Progress:
    """A bar on a terminal; a line every few seconds where the output is a file or a log."""

    def __init__(self, every: float = 5.0):
        self.every = every
        self.next_line = time.perf_counter()
        self.bar = tqdm(total=100, unit="%", disable=None, bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}")

    def show(self, step: int, done: float, loss: float) -> None:
        line = f"training: step {step}, loss {loss:.3f}"
        self.bar.set_description_str(line, refresh=False)
        self.bar.update(100 * done - self.bar.n)
        if self.bar.disable and time.perf_counter() >= self.next_line:
            print(f"{line} ({done:.0%})", flush=True)
            self.next_line = time.perf_counter() + self.every

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self.bar.update(100 - self.bar.n)
        self.bar.close()
