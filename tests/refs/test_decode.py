"""`examples/decode.py` runs as a user runs it, and what it prints of its check holds and can fail."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import decode
import equinox as eqx
import haliax as hax
import jax
import numpy as np
import pytest
from _model import Config, Transformer
from haliax import Axis, NamedArray

from benchmarks.decode_variants import functional_cache, raw_cache, write_functional, write_raw
from haliax_refs import NamedRef


pytestmark = pytest.mark.usefixtures("unoptimized")
EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str, cwd: Path) -> str:
    """What `python examples/name arguments` prints; it has to exit with 0 and without a warning of ours."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_decode(tmp_path: Path) -> None:
    printed = run("decode.py", "--quick", "--prompt", "In the ", cwd=tmp_path)
    assert "trained to" in printed
    assert "logits with and without cache, 47 steps: agree" in printed
    assert len(re.findall(r"^In the ", printed, flags=re.MULTILINE)) == 2
    with_cache, without = (int(n.replace(",", "")) for n in re.findall(r"([\d,]+) tokens/s", printed))
    assert min(with_cache, without) > 0
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == ["out/decode.png"]
    assert (tmp_path / "out" / "decode.png").read_bytes().startswith(b"\x89PNG")


def test_what_an_accelerator_runs_of_them_needs_no_matplotlib() -> None:
    """`benchmarks.device` takes parts of them, where there may be jax alone."""
    code = "import sys; sys.modules['matplotlib'] = None; import decode, paged_attention, serve"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    subprocess.run(command, check=True, cwd=EXAMPLES, timeout=300)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tokens", "3", "--prompt", "abc"], "--tokens 3 leaves no room after a prompt of 3 characters"),
        (["--batch", "0"], "--steps, --seconds and --batch must be positive"),
        (["--prompt", "1611"], "the text has no '1'"),
    ],
)
def test_decode_refuses_what_it_cannot_do(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        decode.main(arguments)
    assert message in capsys.readouterr().err


class Problem(NamedTuple):
    model: Transformer
    given: NamedArray
    batch: Axis
    position: Axis
    key: jax.Array

    def write(self, cache: decode.Cache | None, given: NamedArray) -> tuple[NamedArray, NamedArray]:
        return decode.write(self.model, cache, given, self.key)

    def empty_cache(self) -> decode.Cache:
        return decode.empty_cache(self.model.config, self.batch, self.position)


@pytest.fixture
def problem() -> Problem:
    """Texts longer than the model's window (12 and 5 positions), and a random readout that tells tokens apart."""
    config = Config(
        vocab=Axis("vocab", 11),
        layer=Axis("layer", 3),
        embed=Axis("embed", 16),
        head=Axis("head", 2),
        head_size=Axis("head_size", 4),
        mlp=Axis("mlp", 8),
        window=5,
    )
    model = Transformer.init(config, jax.random.key(0))
    readout = hax.random.normal(jax.random.key(1), (config.embed, config.vocab))
    batch, position = Axis("batch", 2), Axis("position", 12)
    given = np.full((2, 12), -1, np.int32)
    given[:, :3] = [[1, 2, 3], [4, 5, 6]]
    return Problem(
        eqx.tree_at(lambda m: m.readout, model, readout),
        hax.named(given, (batch, position)),
        batch,
        position,
        jax.random.key(2),
    )


def test_every_way_to_keep_the_cache_gives_the_logits_of_none(problem: Problem) -> None:
    tokens, logits = problem.write(problem.empty_cache(), problem.given)
    same_tokens, expected = problem.write(None, tokens)
    np.testing.assert_array_equal(tokens.array, same_tokens.array)
    np.testing.assert_allclose(logits.array, expected.array, rtol=0, atol=decode.TOLERANCE)
    assert np.ptp(expected.array) > 1

    sizes = (problem.model.config, problem.batch, problem.position)
    for peer_tokens, peer_logits, *_ in (
        write_raw(problem.model, raw_cache(*sizes), problem.given, problem.key),
        write_functional(problem.model, functional_cache(*sizes), problem.given, problem.key),
    ):
        np.testing.assert_array_equal(peer_tokens.array, tokens.array)
        np.testing.assert_allclose(peer_logits.array, logits.array, rtol=0, atol=decode.TOLERANCE)


def test_the_cache_is_written_in_place_and_can_be_used_again(problem: Problem) -> None:
    cache = problem.empty_cache()
    first, _ = problem.write(cache, problem.given)
    keys = np.asarray(cache[0].value().array)  # (layer, batch, position, head, head_size)
    assert np.all(np.any(keys[:, :, :-1] != 0, axis=(3, 4)))
    assert np.all(keys[:, :, -1] == 0)  # nothing comes after the last token, so nothing looks it up
    again, _ = problem.write(cache, problem.given)
    np.testing.assert_array_equal(first.array, again.array)


def test_a_cache_off_by_one_position_is_seen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_right = NamedRef.__setitem__

    def write_before(ref: NamedRef, idx: dict, value: NamedArray) -> None:
        write_right(ref, {"position": idx["position"] - 1}, value)

    monkeypatch.setattr(NamedRef, "__setitem__", write_before)
    monkeypatch.setattr(decode, "write", jax.jit(decode.write.__wrapped__))
    assert decode.main(["--quick", "--tokens", "24", "--figure", str(tmp_path / "cache.png")]) == 1
    difference = re.search(r"steps: DIFFER, largest difference (\S+)", capsys.readouterr().out)
    assert difference is not None
    assert float(difference[1]) > 100 * decode.TOLERANCE
