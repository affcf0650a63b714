"""`examples/train_inplace.py` against optax, which knows nothing of refs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import haliax as hax
import jax
import numpy as np
import optax
import pytest
import train_inplace
from _model import Config, Transformer, next_token_loss
from haliax import Axis, NamedArray
from train_inplace import Memory, Run, Training, leaves, report, step_in_place

from haliax_refs import values_of


PART, BATCH, POSITION = Axis("part", 3), Axis("batch", 2), Axis("position", 8)
RATE = optax.linear_schedule(3e-2, 1e-2, 4)


@pytest.fixture(scope="module")
def model() -> Transformer:
    config = Config(
        vocab=Axis("vocab", 7),
        layer=Axis("layer", 2),
        embed=Axis("embed", 16),
        head=Axis("head", 2),
        head_size=Axis("head_size", 8),
        mlp=Axis("mlp", 24),
    )
    return Transformer.init(config, jax.random.key(0))


@pytest.fixture(scope="module")
def batches() -> list[NamedArray]:
    rng = np.random.default_rng(0)
    shape = (PART.size, BATCH.size, POSITION.size)
    return [hax.named(rng.integers(0, 7, shape).astype(np.int32), (PART, BATCH, POSITION)) for _ in range(4)]


@pytest.mark.usefixtures("unoptimized_here")
def test_steps_in_place_are_those_of_optax_on_the_whole_batch(model: Transformer, batches: list[NamedArray]) -> None:
    """Parameters and both moments after a few steps; the oracle takes each batch as a whole, not in parts."""
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(RATE, b1=0.9, b2=0.98))
    training = Training.start(model, Axis("step", len(batches)))
    before = [ref.unsafe_buffer_pointer() for ref in leaves(training.parameters)]
    in_place = jax.jit(lambda training, parts: step_in_place(training, parts, RATE))
    expected, state = model, optimizer.init(model)
    grad = jax.jit(jax.value_and_grad(next_token_loss))
    losses, norms = [], []
    for parts in batches:
        in_place(training, parts)
        loss, gradient = grad(expected, parts.flatten_axes((PART, BATCH), "batch"))
        update, state = optimizer.update(gradient, state)
        expected = optax.apply_updates(expected, update)
        losses.append(loss)
        norms.append(np.sqrt(sum((np.asarray(g) ** 2).sum() for g in jax.tree.leaves(gradient))))

    metrics = values_of(training.metrics)
    assert metrics.step.item() == len(batches)
    np.testing.assert_allclose(metrics.loss.array, losses, rtol=1e-5)
    np.testing.assert_allclose(metrics.gradient_norm.array, norms, rtol=1e-4)
    adam = state[1][0]
    for refs, arrays in ((training.parameters, expected), (training.means, adam.mu), (training.squares, adam.nu)):
        for ref, array in zip(leaves(refs), leaves(arrays), strict=True):
            assert ref.axes == array.axes
            np.testing.assert_allclose(ref[...].array, array.array, rtol=1e-3, atol=1e-5)
    assert [ref.unsafe_buffer_pointer() for ref in leaves(training.parameters)] == before
    moved = [abs(a.array - b.array).max() for a, b in zip(leaves(model), leaves(expected), strict=True)]
    assert max(moved) > 1e-2


def test_a_step_makes_no_second_state(model: Transformer, batches: list[NamedArray]) -> None:
    """Every byte of the parameters and the moments is an argument that the program changes where it is."""
    training = Training.start(model, Axis("step", 1))
    in_place = jax.jit(lambda training, parts: step_in_place(training, parts, RATE))
    found = in_place.lower(training, batches[0]).compile().memory_analysis()
    state = 3 * sum(p.size for p in jax.tree.leaves(model)) * 4
    assert found.alias_size_in_bytes >= state
    assert found.output_size_in_bytes - found.alias_size_in_bytes < 1024
    assert in_place._cache_size() == 0  # lowering alone runs nothing
    assert all((ref[...].array == 0).all() for ref in leaves(training.means))


@pytest.mark.usefixtures("unoptimized_here")
def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = tmp_path / "training.png"
    assert train_inplace.main(["--quick", "--steps", "8", "--figure", str(figure)]) == 0
    printed = capsys.readouterr().out
    assert "losses agree" in printed
    assert "memory in place is less" in printed
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_the_check_can_fail(capsys: pytest.CaptureFixture[str]) -> None:
    losses = np.linspace(4, 3, 5)
    in_place = Run(losses, Memory(state=300, results=0, temporary=200), seconds=1.0)
    functional = Run(losses + 1e-5, Memory(state=300, results=300, temporary=0), seconds=1.0)
    assert report({"in place": in_place, "functional": functional})
    assert "losses agree: by 1.0e-05" in capsys.readouterr().out
    assert not report({"in place": functional, "functional": in_place})
    assert "memory in place is NOT LESS: by -20%" in capsys.readouterr().out
    other = replace(functional, losses=np.where(np.arange(5) == 3, 5.0, losses))
    assert not report({"in place": in_place, "functional": other})
    assert "losses DIFFER: by 0.0e+00 in the first step, 1.8e+00 at most" in capsys.readouterr().out


def test_numbers_that_make_no_sense_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        train_inplace.main(["--parts", "0"])
    assert "--steps, --parts, --batch and --positions must be positive" in capsys.readouterr().err
