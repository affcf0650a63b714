"""`examples/serve.py`: many requests on few pages write what each writes alone, in one program that copies no cache."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import equinox as eqx
import haliax as hax
import jax
import numpy as np
import pytest
import serve
from _model import Config, Transformer
from _paging import STATISTICS
from haliax import Axis
from serve import Alone, Request, Server, agree


BLOCK, PAGE, SLOT = Axis("block", 6), Axis("page", 8), Axis("slot", 3)
KEY = jax.random.key(7)


@pytest.fixture(scope="module")
def model() -> Transformer:
    """Its window is shorter than the texts, and its readout tells tokens apart (that of a new model is zero)."""
    config = Config(
        vocab=Axis("vocab", 5),
        layer=Axis("layer", 3),
        embed=Axis("embed", 16),
        head=Axis("head", 2),
        head_size=Axis("head_size", 8),
        mlp=Axis("mlp", 24),
        window=10,
    )
    new = Transformer.init(config, jax.random.key(0))
    readout = hax.random.normal(jax.random.key(1), new.readout.axes)
    return eqx.tree_at(lambda model: model.readout, new, readout)


@pytest.fixture(scope="module")
def server(model: Transformer) -> Server:
    seq, request = Axis("seq", 3), Axis("request", 5)
    return Server(model, KEY, seq=seq, chunk=Axis("chunk", 2), request=request, block=BLOCK, page=PAGE, slot=SLOT)


@pytest.fixture
def requests() -> Iterator[list[Request]]:
    rng = np.random.default_rng(3)
    opening = rng.integers(0, 5, 8)
    requests = []
    for number in range(12):
        parts = opening[: rng.integers(1, 9)], rng.integers(0, 5, rng.integers(0, 5))
        prompt = np.concatenate(parts).astype(np.int32)
        goal = int(rng.integers(len(prompt) + 1, BLOCK.size * SLOT.size + 1))
        requests.append(Request(number, prompt, goal, arrives=2 * number))
    return requests


def statistics(server: Server) -> dict[str, int]:
    return dict(zip(STATISTICS, server.paging.statistics[...].array.tolist(), strict=True))


def test_texts_are_those_written_alone(model: Transformer, server: Server, requests: list[Request]) -> None:
    before = statistics(server)
    texts = server.serve(requests, every=10**9)
    counts = {name: n - before[name] for name, n in statistics(server).items()}
    alone = Alone(model, KEY, Axis("position", BLOCK.size * SLOT.size))
    assert sorted(texts) == [request.number for request in requests]
    for request in requests:
        expected, margins = alone.write(request)
        assert agree(texts[request.number], expected, margins), request
    # The test means something: there was too little room, there was something to share, and the cache was read.
    assert counts["admitted"] == len(requests) + counts["preempted"]
    assert min(counts.values()) > 0, counts
    assert server.traces == 1
    assert not server.paging.uses[...].array.any()


def test_texts_depend_on_the_cache(server: Server, requests: list[Request]) -> None:
    """Were it not so, the other test would prove little."""
    requests = requests[:3]
    expected = server.serve(requests, every=10**9)
    for request in requests:
        server.step(request)
    texts = {}
    while len(texts) < len(requests):
        server.cache.values[...] = 0.0
        texts |= server.step(None)
    assert any((texts[number] != expected[number]).any() for number in texts)
    # Pages with wrong contents may lie there still; nobody is to find them.
    server.__post_init__()


def test_a_step_changes_the_cache_where_it_is(server: Server) -> None:
    """Not once is the cache, or the part of a layer, copied: all of its bytes are arguments changed in place."""
    arguments = (server.model, server.cache, server.paging, server.incoming(None))
    compiled = server.jitted.lower(*arguments).compile()
    whole = server.cache.keys.size * server.cache.keys.dtype.itemsize
    assert compiled.memory_analysis().alias_size_in_bytes >= 2 * whole
    shape = ",".join(str(axis.size) for axis in server.cache.keys.axes)
    assert re.search(rf"f32\[{shape}\]\S* scatter\(", compiled.as_text())
    assert not re.search(rf"f32\[{shape}\]\S* copy\(", compiled.as_text())


def test_ties_end_the_comparison() -> None:
    one, other = np.array([1, 2, 3, 4]), np.array([1, 2, 0, 0])
    assert agree(one, one, np.full(4, 0.0))
    assert agree(one, other, np.array([np.inf, 1.0, 1e-6, 1.0]))
    assert not agree(one, other, np.array([np.inf, 1e-6, 1.0, 1e-6]))
    assert not agree(one, one[:3], np.full(4, 0.0))


@pytest.mark.usefixtures("unoptimized_here")
def test_the_example_runs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "deep" / "pages.png"
    assert serve.main(["--quick", "--steps", "2", "--figure", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "10 requests in " in printed
    assert "of one program, traced 1 time\n" in printed
    assert "texts as if alone  10 of 10\n" in printed
    counts = re.search(r"(\d+) taken over(?:.|\n)*evicted +(\d+); requests preempted (\d+)", printed)
    assert counts is not None
    assert min(int(n) for n in counts.groups()) > 0


def test_the_check_can_fail(capsys: pytest.CaptureFixture[str]) -> None:
    text, margins = np.arange(4), np.ones(4)
    tie = np.where(np.arange(4) == 2, 0.0, 1.0)
    alone = {4: (text, margins), 5: (text, margins), 6: (text, tie)}
    other = np.array([0, 1, 0, 3])
    assert not serve.report_check({4: text, 5: other, 6: other}, alone)
    assert capsys.readouterr().out == "texts as if alone  2 of 3, 1 of them up to a tie; DIFFER: [5]\n"
    assert serve.report_check({4: text, 5: text, 6: other}, alone)
    assert capsys.readouterr().out == "texts as if alone  3 of 3, 1 of them up to a tie\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seqs", "0"], "every number but --seed must be positive"),
        (["--page-size", "7"], "--positions 160 is no multiple of --page-size 7"),
        (["--pages", "19"], "--pages 19 hold fewer than the --positions 160 of one request"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        serve.main(arguments)
    assert message in capsys.readouterr().err
