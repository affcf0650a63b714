"""Train a small language model whose parameters, Adam moments and metrics all live in NamedRefs, updated in place.

A step takes its batch in parts. The backward pass of each part adds its gradients to refs that live as long as the
step, so there is never a part's gradient beside the sum. Then Adam moves parameters and moments where they are. A step
returns nothing at all: what the host wants to know is in the refs, and it looks when it likes. There are no old and new
parameters beside each other, and nothing to donate.

The printed check: the loss of every step is that of the functional loop, with the optimizer of optax, to rounding; and
the step needs less memory. The figure shows both.

    python examples/train_inplace.py            # a minute or so on two cores; writes out/train_inplace.png
    python examples/train_inplace.py --quick    # seconds
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
from _model import Config, Text, Transformer, next_token_loss
from haliax import Axis, NamedArray
from tqdm import tqdm

from haliax_refs import NamedRef, refs_of, values_of


matplotlib.use("Agg")  # draws to a file: no display is needed
import matplotlib.pyplot as plt


MEAN_DECAY, SQUARE_DECAY, EPSILON, LARGEST_NORM = 0.9, 0.98, 1e-8, 1.0
PEAK_RATE = 1e-3
# Both loops compute the same, but are compiled to programs that round differently. At this rate the losses stay within
# 1e-6 of each other; at three times this rate training is chaotic, and whatever differs in the last digit grows.
TOLERANCE = 1e-4


class Metrics(eqx.Module):
    """What is known of the training, step by step."""

    step: NamedRef  # how many are done
    loss: NamedRef  # (step)
    gradient_norm: NamedRef  # (step), before it is clipped


class Training(eqx.Module):
    """The state of a training, every part of it a NamedRef. A `Transformer` of refs is as good as one of arrays."""

    parameters: Transformer
    means: Transformer  # Adam's first moments
    squares: Transformer  # and second
    metrics: Metrics

    @staticmethod
    def start(model: Transformer, step: Axis) -> Training:
        metrics = Metrics(*(hax.new_ref(x) for x in (hax.named(0, ()), hax.zeros(step), hax.zeros(step))))
        zeros = jax.tree.map(jnp.zeros_like, model)
        return Training(refs_of(model), refs_of(zeros), refs_of(zeros), metrics)


def leaves(tree: Any) -> list[Any]:
    return jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, NamedRef | NamedArray))


def step_in_place(training: Training, parts: NamedArray, rate: Callable[[Any], Any]) -> None:
    """One step of Adam on the mean gradient of `parts` (part, batch, position)."""
    metrics, count = training.metrics, parts.axis_size("part")
    now = metrics.step[...]
    gradients = refs_of(jax.tree.map(jnp.zeros_like, values_of(training.parameters)))

    def add_gradient(_: None, tokens: NamedArray) -> None:
        model = values_of(training.parameters)
        loss, backward = jax.vjp(lambda model: next_token_loss(model, tokens), model)
        # Adds to the refs where `backward(...)` would return. jax wants them in the tree of the argument, with a
        # `jax.Ref` in place of each array.
        sums = jax.tree.unflatten(jax.tree.structure(model), jax.tree.leaves(gradients))
        backward.with_refs(sums)(1 / count)
        metrics.loss["step", now] += loss / count

    hax.fold(add_gradient, "part")(None, parts)

    norm = jnp.sqrt(sum(hax.sum(hax.square(total[...])).scalar() for total in leaves(gradients)))
    metrics.gradient_norm["step", now] = norm
    metrics.step[...] += 1
    of_each = (leaves(tree) for tree in (training.parameters, training.means, training.squares, gradients))
    for parameter, mean, square, total in zip(*of_each, strict=True):
        gradient = hax.freeze(total)
        gradient = hax.where(norm < LARGEST_NORM, gradient, gradient / norm * LARGEST_NORM)
        mean[...] = MEAN_DECAY * mean[...] + (1 - MEAN_DECAY) * gradient
        square[...] = SQUARE_DECAY * square[...] + (1 - SQUARE_DECAY) * hax.square(gradient)
        # The moments begin at zero: what they lack of a mean over all steps is known.
        steps = (now + 1).scalar()
        direction = mean[...] / (1 - MEAN_DECAY**steps)
        size = hax.sqrt(square[...] / (1 - SQUARE_DECAY**steps))
        parameter[...] -= rate(now.scalar()) * direction / (size + EPSILON)


def step_functional(
    optimizer: optax.GradientTransformation, model: Transformer, state: optax.OptState, parts: NamedArray
) -> tuple[Transformer, optax.OptState, jax.Array]:
    """The same with optax: takes the parameters and the state of the optimizer, and returns new ones."""
    count = parts.axis_size("part")

    def add_gradient(total: tuple[jax.Array, Transformer], tokens: NamedArray) -> tuple[jax.Array, Transformer]:
        part = jax.value_and_grad(next_token_loss)(model, tokens)
        return jax.tree.map(lambda a, b: a + b / count, total, part)

    start = jnp.zeros(()), jax.tree.map(jnp.zeros_like, model)
    loss, gradient = hax.fold(add_gradient, "part")(start, parts)
    update, state = optimizer.update(gradient, state)
    return optax.apply_updates(model, update), state, loss


@dataclass(frozen=True)
class Memory:
    """Bytes that a compiled step holds while it runs.

    The results' room serves for temporaries before the results are there. What a step in place saves is therefore less
    than its results: it is the gradient of a part, which donation does not save, nor the functional step.
    """

    state: int  # its arguments
    results: int  # what it returns, beside its arguments
    temporary: int  # activations, gradients

    @staticmethod
    def of(compiled: Any) -> Memory:
        found = compiled.memory_analysis()
        results = found.output_size_in_bytes - found.alias_size_in_bytes
        return Memory(found.argument_size_in_bytes, results, found.temp_size_in_bytes)

    @property
    def peak(self) -> int:
        return self.state + self.results + self.temporary


@dataclass(frozen=True)
class Run:
    """What came of a training."""

    losses: np.ndarray
    memory: Memory
    seconds: float


def run_in_place(model: Transformer, batches: Iterator[NamedArray], steps: int, rate: Callable[[Any], Any]) -> Run:
    training = Training.start(model, Axis("step", steps))
    first = next(batches)
    compiled = jax.jit(lambda training, parts: step_in_place(training, parts, rate)).lower(training, first).compile()
    values_of(training.metrics)  # compiles the reads, which are no part of the training
    begin = time.perf_counter()
    for parts, _ in zip(prepend(first, batches), progress(steps), strict=False):
        compiled(training, parts)
    metrics = values_of(training.metrics)  # has to wait until all steps are done
    seconds = time.perf_counter() - begin
    assert metrics.step.item() == steps
    return Run(np.asarray(metrics.loss.array), Memory.of(compiled), seconds)


def run_functional(
    model: Transformer, batches: Iterator[NamedArray], steps: int, rate: Callable[[Any], Any], donate: bool
) -> Run:
    optimizer = optax.chain(
        optax.clip_by_global_norm(LARGEST_NORM),
        optax.adam(rate, b1=MEAN_DECAY, b2=SQUARE_DECAY, eps=EPSILON),
    )
    model = jax.tree.map(jnp.copy, model)  # donated to the first step, and the caller wants to keep it
    state, first = optimizer.init(model), next(batches)
    step = jax.jit(lambda *state: step_functional(optimizer, *state), donate_argnums=(0, 1) if donate else ())
    compiled = step.lower(model, state, first).compile()
    losses = []
    begin = time.perf_counter()
    for parts, _ in zip(prepend(first, batches), progress(steps), strict=False):
        model, state, loss = compiled(model, state, parts)
        losses.append(loss)
    losses = np.array(losses)  # has to wait until all steps are done
    return Run(losses, Memory.of(compiled), time.perf_counter() - begin)


def progress(steps: int) -> Iterator[int]:
    """Counts the steps, with a bar on a terminal."""
    return iter(tqdm(range(steps), unit="step", disable=None, leave=False))


def prepend(first: NamedArray, rest: Iterator[NamedArray]) -> Iterator[NamedArray]:
    yield first
    yield from rest


def draw(runs: dict[str, Run], path: Path) -> None:
    """Losses on the left, one over the other; memory on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", width_ratios=(3, 2))
    for (name, run), style in zip(runs.items(), ("-", "--", ":"), strict=True):
        left.plot(np.arange(1, len(run.losses) + 1), run.losses, style, label=name, linewidth=2)
    left.set(xlabel="step", ylabel="loss (nats a character)", title="The same training")
    left.legend()
    names, bottom = [name.replace(", ", ",\n") for name in runs], np.zeros(len(runs))
    for part, colour in (("state", "#4c72b0"), ("results", "#c44e52"), ("temporary", "#b0b0b0")):
        heights = np.array([getattr(run.memory, part) for run in runs.values()]) / 2**20
        label = {"state": "parameters, moments, batch", "results": "new parameters and moments"}.get(part, part)
        right.bar(names, heights, bottom=bottom, label=label, color=colour, width=0.6)
        bottom += heights
    right.set(ylabel="MiB", title="Memory of one step", ylim=(0, bottom.max() * 1.35))
    right.bar_label(right.containers[-1], labels=[f"{total:.1f}" for total in bottom], padding=2)
    right.legend(loc="upper right", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    if jax.__version_info__ < (0, 10):
        parser.error(f"jax 0.10 or later is needed, for jax.vjp(...).with_refs; this is jax {jax.__version__}")
    parser.add_argument("--steps", type=int, default=100, help="training steps")
    parser.add_argument("--parts", type=int, default=4, help="in how many parts a batch is taken")
    parser.add_argument("--batch", type=int, default=1, help="how many pieces of text a part has")
    parser.add_argument("--positions", type=int, default=64, help="length of each")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the batches")
    parser.add_argument("--figure", type=Path, default=Path("out/train_inplace.png"), help="where the figure goes")
    parser.add_argument("--quick", action="store_true", help="a smaller model and few steps: for tests")
    options = parser.parse_args(arguments)
    if options.quick:
        options.steps, options.positions = min(options.steps, 12), min(options.positions, 16)
    if min(options.steps, options.parts, options.batch, options.positions) <= 0:
        parser.error("--steps, --parts, --batch and --positions must be positive")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    text = Text()
    # Wide, and short texts: where activations are most of the memory, it matters little what the rest is.
    config = Config(text.vocab, embed=Axis("embed", 256), head_size=Axis("head_size", 64), mlp=Axis("mlp", 768))
    if options.quick:
        config = Config(text.vocab, layer=Axis("layer", 2), embed=Axis("embed", 64), head_size=Axis("head_size", 16))
    model = Transformer.init(config, jax.random.key(options.seed))
    size = sum(p.size for p in jax.tree.leaves(model))
    print(f"{size:,} parameters of {size * 4 / 2**20:.1f} MiB, {options.steps} steps", flush=True)
    rate = optax.warmup_cosine_decay_schedule(PEAK_RATE / 10, PEAK_RATE, max(options.steps // 10, 1), options.steps)

    def batches() -> Iterator[NamedArray]:
        part, batch = Axis("part", options.parts), Axis("batch", options.batch)
        together = Axis("all", part.size * batch.size)
        for tokens in text.batches(together, Axis("position", options.positions), options.seed):
            yield tokens.unflatten_axis("all", (part, batch))

    ways = {
        "in place": run_in_place,
        "functional": partial(run_functional, donate=False),
        "functional, donated": partial(run_functional, donate=True),
    }
    runs = {}
    for name, run in ways.items():
        print(f"training: {name}", flush=True)
        runs[name] = run(model, batches(), options.steps, rate)
    draw(runs, options.figure)
    print(f"drawn to {options.figure}")
    return 0 if report(runs) else 1


def report(runs: dict[str, Run]) -> bool:
    """Whether the first run has the losses of the second, and needs less memory."""
    print("\nmemory of a step: its state (parameters, moments, batch), its results (new parameters and moments), and")
    print("what is temporary (activations, gradients)")
    for name, run in runs.items():
        speed, memory = len(run.losses) / run.seconds, run.memory
        line = f"{name:20} loss {run.losses[0]:.3f} to {run.losses[-1]:.3f}, {speed:6.1f} steps/s, "
        parts = (memory.peak, memory.state, memory.results, memory.temporary)
        text = "a step needs {:6.1f} MiB: {:.1f} state + {:.1f} results + {:.1f} temporary"
        print(line + text.format(*(part / 2**20 for part in parts)))
    in_place, functional, *_ = runs.values()
    difference = np.abs(in_place.losses - functional.losses)
    agree = bool(difference.max() <= TOLERANCE)
    print(f"losses {'agree' if agree else 'DIFFER'}: by {difference[0]:.1e} in the first step, ", end="")
    print(f"{difference.max():.1e} at most (tolerance {TOLERANCE:.0e})")
    saved = 1 - in_place.memory.peak / functional.memory.peak
    print(f"memory in place is {'less' if saved > 0 else 'NOT LESS'}: by {saved:.0%}")
    return agree and saved > 0


if __name__ == "__main__":
    sys.exit(main())
