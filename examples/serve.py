"""Serve many requests at once from a small language model, with a paged key-value cache that is updated in place.

Requests arrive over time, each with a prompt and a length to reach. The cache is two NamedRefs of axes (layer, page,
slot, head, head_size): far fewer pages than all requests together would fill. `_paging.py` decides which page is whose,
also in NamedRefs: prompts that begin alike share pages, pages nobody uses are evicted when others need them, and when
even that is not enough the youngest request has to start over.

All of this, the scheduler included, is one jitted step of fixed shapes, traced once: requests come and go, grow and are
preempted, as data. Inside the fold over layers `keys.slice({"layer": i})`, with a traced index, is one layer's
part of the cache; `layer.at[{"page": page, "slot": slot}].set(key, mode="drop")` puts the keys of several tokens of
several requests on their pages.

The printed check: each request's text is the one that the model writes for it alone, without a cache. The figure shows
the pages, step by step.

    python examples/serve.py            # about a minute and a half on two cores; writes out/serve.png
    python examples/serve.py --quick    # seconds; the check still holds, the text is gibberish
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import equinox as eqx
import haliax as hax
import jax
import numpy as np
from _model import Block, Config, Text, Transformer, attend, train
from _paging import NOWHERE, STATISTICS, Batch, Incoming, Paging, commit, schedule, submit
from haliax import Axis, NamedArray
from tqdm import tqdm

from haliax_refs import NamedRef


TEMPERATURE = 0.7
# With and without a cache the same sums are taken in another order. Where the two best tokens are closer than this,
# it may be either; the rest of that text is then another one, and not compared.
TIE = 1e-4
COUNTED = ("computed", "running", "in_use", "shared")  # of a `Report`


class Cache(eqx.Module):
    """The keys and the values of every layer, on every page: (layer, page, slot, head, head_size)."""

    keys: NamedRef
    values: NamedRef

    @staticmethod
    def empty(config: Config, page: Axis, slot: Axis) -> Cache:
        axes = (config.layer, page, slot, config.head, config.head_size)
        return Cache(hax.new_ref(hax.zeros(axes)), hax.new_ref(hax.zeros(axes)))


def forward(model: Transformer, cache: Cache, paging: Paging, batch: Batch, chunk: Axis) -> NamedArray:
    """Logits (seq, vocab) after the last token that `batch` asks for; the keys and values of all of them are cached."""
    offset = hax.arange(chunk)
    # (seq, chunk). Where fewer tokens are asked for, the last of a chunk are computed too, but of no use.
    position = batch.start.broadcast_axis(chunk) + offset
    block, slot = position // paging.slot.size, position % paging.slot.size
    page = hax.where(offset < batch.count.broadcast_axis(chunk), batch.page, NOWHERE)  # not written
    pages = paging.table[{"request": batch.request}]  # (seq, block)
    key_position = hax.arange(Axis("key_position", paging.block.size * paging.slot.size))
    visible = model.visible(key_position, position)

    def layer(x: NamedArray, weights: Block, i: NamedArray) -> NamedArray:
        query, key, value = weights.project(x, position)
        seen = []
        for ref, new in ((cache.keys, key), (cache.values, value)):
            layer_ref = ref.slice({"layer": i})
            layer_ref.at[{"page": page, "slot": slot}].set(new, mode="drop")
            # All pages of each request, (seq, block, slot, head, head_size). Where a row of the table is NOWHERE, this
            # reads some page, but no query of that request sees so far.
            own = layer_ref[{"page": pages}]
            seen.append(own.flatten_axes(("block", "slot"), "position"))
        return weights.finish(x, attend(query, *seen, visible))

    x = model.embed(paging.tokens[{"request": batch.request, "block": block, "slot": slot}])
    x = hax.fold(layer, "layer")(x, model.blocks, hax.arange(model.config.layer))
    return model.logits(x[{"chunk": hax.maximum(batch.count - 1, 0)}])


def scores(key: jax.Array, logits: NamedArray, number: NamedArray, position: NamedArray) -> NamedArray:
    """What the token at `position` of a request maximizes: a draw from the sharpened `logits`.

    The draw depends on the request's number and the position alone, so that nobody's text depends on who else
    is served.
    """
    key = jax.random.fold_in(jax.random.fold_in(key, number.scalar()), position.scalar())
    return logits / TEMPERATURE + hax.random.gumbel(key, logits.axes)


class Report(eqx.Module):
    """What a step did."""

    done: NamedArray  # (request): whether it is complete
    computed: NamedArray  # how many tokens went through the model
    running: NamedArray  # how many requests have pages
    in_use: NamedArray  # how many pages they have
    shared: NamedArray  # how many of these belong to more than one


@dataclass(frozen=True)
class Request:
    number: int  # they are served in this order
    prompt: np.ndarray
    goal: int  # how many tokens there are to be, the prompt included
    arrives: int  # at which step


@dataclass
class Server:
    """A cache, a scheduler, and the step that moves both on."""

    model: Transformer
    key: jax.Array  # of all draws
    seq: Axis  # how many requests are served in a step
    chunk: Axis  # how many tokens of each
    request: Axis  # how many requests the scheduler knows, those that wait included
    block: Axis  # how many pages a request can have
    page: Axis
    slot: Axis
    traces: int = 0
    reports: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cache = Cache.empty(self.model.config, self.page, self.slot)
        self.paging = Paging.empty(self.request, self.block, self.page, self.slot)
        self.rows: list[Request | None] = [None] * self.request.size
        self.jitted = jax.jit(self.traced_step)
        self.step(None)  # compiles; there is nothing to do yet
        self.reports.clear()

    def traced_step(self, model: Transformer, cache: Cache, paging: Paging, incoming: Incoming) -> Report:
        self.traces += 1  # this line runs while tracing, and not again
        submit(paging, incoming)
        batch = schedule(paging, self.seq, self.chunk.size)
        begun, uses = paging.table["block", 0] != NOWHERE, paging.uses[...]
        logits = forward(model, cache, paging, batch, self.chunk)
        number, position = paging.arrival[{"request": batch.request}], batch.start + batch.count
        drawn = hax.vmap(lambda *of_one: scores(self.key, *of_one), self.seq)(logits, number, position)
        done = commit(paging, batch, hax.argmax(drawn, "vocab"))
        return Report(done, *(hax.sum(x) for x in (batch.count, begun, uses > 0, uses > 1)))

    def step(self, request: Request | None) -> dict[int, np.ndarray]:
        """One step, in which `request` arrives. Returns the tokens of the requests that it completes, by number."""
        report = jax.device_get(self.jitted(self.model, self.cache, self.paging, self.incoming(request)))
        self.reports.append(report)
        if request is not None:
            self.rows[self.rows.index(None)] = request  # the first empty one, as `submit` does
        finished = {}
        for row in np.flatnonzero(report.done.array):
            request, self.rows[row] = self.rows[row], None
            tokens = self.paging.tokens["request", row].rearrange((self.block, self.slot)).array
            finished[request.number] = np.asarray(tokens).reshape(-1)[: request.goal]
        return finished

    def incoming(self, request: Request | None) -> Incoming:
        prompt = request.prompt if request else np.zeros(0, np.int32)
        tokens = np.zeros((self.block.size, self.slot.size), np.int32)
        tokens.reshape(-1)[: len(prompt)] = prompt
        numbers = (len(prompt), request.goal, request.number) if request else (0, 0, 0)
        return Incoming(hax.named(tokens, (self.block, self.slot)), *(hax.named(np.int32(n), ()) for n in numbers))

    def serve(self, requests: list[Request], every: int) -> dict[int, np.ndarray]:
        """All texts, by number. Prints a line every so many steps."""
        arriving, texts = deque(sorted(requests, key=lambda request: request.arrives)), {}
        while len(texts) < len(requests):
            now = len(self.reports)
            comes = arriving and arriving[0].arrives <= now and None in self.rows
            texts |= self.step(arriving.popleft() if comes else None)
            if now % every == 0:
                report, known = self.reports[-1], sum(row is not None for row in self.rows)
                running, in_use, shared = (int(x.array) for x in (report.running, report.in_use, report.shared))
                line = f"step {now:4}: {len(texts):3} done, {running:2} running, {max(known - running, 0):2} waiting, "
                print(line + f"{in_use:3} of {self.page.size} pages in use, {shared:2} of them shared", flush=True)
        return texts


class Alone:
    """The same model without a cache: for each token, all that come before it are run."""

    def __init__(self, model: Transformer, key: jax.Array, position: Axis):
        self.model, self.key, self.position = model, key, position
        self.next_token = jax.jit(self.traced_next_token)
        self.next_token(model, hax.zeros(position, dtype=np.int32), 0, 0)  # compiles

    def traced_next_token(self, model: Transformer, tokens: NamedArray, number: int, t: int) -> tuple[NamedArray, ...]:
        """The token after the first `t`, and by how much it is better than the next best."""
        number, t = hax.named(number, ()), hax.named(t, ())
        best, second = hax.top_k(scores(self.key, model(tokens)["position", t - 1], number, t), "vocab", 2)
        return second["vocab", 0], best["vocab", 0] - best["vocab", 1]

    def write(self, request: Request) -> tuple[np.ndarray, np.ndarray]:
        """The text, and for each of its tokens by how much it was better than the next best."""
        tokens, margins = np.zeros(self.position.size, np.int32), np.full(self.position.size, np.inf)
        tokens[: len(request.prompt)] = request.prompt
        for t in range(len(request.prompt), request.goal):
            token, margin = self.next_token(self.model, hax.named(tokens, self.position), request.number, t)
            tokens[t], margins[t] = token.array, margin.array
        return tokens[: request.goal], margins[: request.goal]


def agree(served: np.ndarray, alone: np.ndarray, margins: np.ndarray) -> bool:
    """Whether both texts are the same, up to the first place where it could have been either token."""
    if len(served) != len(alone):
        return False
    differ = np.flatnonzero(served != alone)
    return len(differ) == 0 or bool(margins[differ[0]] < TIE)


def make_requests(text: Text, options: argparse.Namespace) -> list[Request]:
    """Requests at random times, for texts of random lengths, of which many begin alike."""
    rng = np.random.default_rng(options.seed)
    openings = ("In the beginning God created ", "And God said unto Noah, ", "And the LORD said unto Abram, ", "")
    arrives = np.cumsum(rng.exponential(1 / options.rate, options.requests)).astype(int)
    requests = []
    for number in range(options.requests):
        begin = rng.integers(len(text.characters) - options.positions)
        own = text.characters[begin : begin + rng.integers(1, options.positions // 4)]
        prompt = text.encode(rng.choice(openings) + own)[: options.positions // 2]
        goal = int(rng.integers(len(prompt) + 1, options.positions + 1))
        requests.append(Request(number, prompt, goal, int(arrives[number])))
    return requests


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=40, help="how many requests to serve")
    parser.add_argument("--rate", type=float, default=0.2, help="how many of them arrive in a step, on average")
    parser.add_argument("--positions", type=int, default=160, help="length of the longest text, prompt included")
    parser.add_argument("--pages", type=int, default=56, help="how many pages the cache has")
    parser.add_argument("--page-size", type=int, default=8, help="how many positions a page has")
    parser.add_argument("--seqs", type=int, default=8, help="how many requests are served in a step")
    parser.add_argument("--chunk", type=int, default=4, help="how many tokens of each at most")
    parser.add_argument("--steps", type=int, default=600, help="training steps at most")
    parser.add_argument("--seconds", type=float, default=30, help="training time at most")
    parser.add_argument("--seed", type=int, default=0, help="of the weights, the batches, the requests and the draws")
    parser.add_argument("--figure", type=Path, default=Path("out/serve.png"), help="where the figure goes")
    parser.add_argument("--quick", action="store_true", help="a smaller model, few steps, short texts: for tests")
    options = parser.parse_args(arguments)
    if options.quick:
        options.steps, options.requests = min(options.steps, 10), min(options.requests, 10)
        options.positions, options.page_size, options.pages = 48, 4, 16
        options.seqs, options.rate = min(options.seqs, 4), max(options.rate, 0.5)
    counts = (options.requests, options.rate, options.page_size, options.seqs, options.chunk, options.steps)
    if min(*counts, options.seconds) <= 0:
        parser.error("every number but --seed must be positive")
    if options.positions % options.page_size or options.positions < 8:
        parser.error(f"--positions {options.positions} is no multiple of --page-size {options.page_size}, from 8 on")
    if options.pages * options.page_size < options.positions:
        parser.error(f"--pages {options.pages} hold fewer than the --positions {options.positions} of one request")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    text = Text()
    config = Config(text.vocab)
    if options.quick:
        config = Config(text.vocab, layer=Axis("layer", 2), embed=Axis("embed", 32), head_size=Axis("head_size", 8))
    model = Transformer.init(config, jax.random.key(options.seed))
    batches = text.batches(Axis("batch", 8), Axis("position", config.window), options.seed)
    model, loss = train(model, batches, steps=options.steps, seconds=options.seconds)
    print(f"trained to {loss:.3f} nats a character (knowing nothing: {np.log(text.vocab.size):.3f})\n")

    requests, key = make_requests(text, options), jax.random.key(options.seed + 1)
    server = Server(
        model,
        key,
        seq=Axis("seq", options.seqs),
        chunk=Axis("chunk", options.chunk),
        request=Axis("request", 2 * options.seqs),
        block=Axis("block", options.positions // options.page_size),
        page=Axis("page", options.pages),
        slot=Axis("slot", options.page_size),
    )
    begin = time.perf_counter()
    served = server.serve(requests, every=25)
    served_seconds = time.perf_counter() - begin

    single = Alone(model, key, Axis("position", options.positions))
    begin = time.perf_counter()
    bar = tqdm(requests, desc="each alone, without a cache", unit="request", disable=None)  # on a terminal only
    alone = {request.number: single.write(request) for request in bar}
    alone_seconds = time.perf_counter() - begin

    for request in requests[:3]:
        written = text.decode(served[request.number])
        prompt, rest = written[: len(request.prompt)], written[len(request.prompt) :]
        print(f"\n  [{prompt}]{rest}".replace("\n", "\n  "))
    draw(server, options.figure)
    print(f"\ndrawn to {options.figure}")
    report_pages(server)
    generated = sum(request.goal - len(request.prompt) for request in requests)
    print(f"served together    {generated / served_seconds:9,.0f} tokens/s")
    print(f"alone, no cache    {generated / alone_seconds:9,.0f} tokens/s")
    if options.quick:
        print("(a model so small costs less than the bookkeeping; without --quick serving together is faster)")
    return 0 if report_check(served, alone) and server.traces == 1 else 1


def draw(server: Server, path: Path) -> None:
    """Pages and requests, step by step."""
    import matplotlib

    matplotlib.use("Agg")  # draws to a file: no display is needed
    from matplotlib import pyplot as plt

    counted = {name: np.array([int(getattr(report, name).array) for report in server.reports]) for name in COUNTED}
    step = np.arange(1, len(server.reports) + 1)
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 5.4), sharex=True, layout="constrained")
    above.fill_between(step, counted["in_use"], step="mid", color="#9fa8da", label="in use")
    above.fill_between(step, counted["shared"], step="mid", color="#3f51b5", label="shared by several requests")
    above.axhline(server.page.size, color="black", linewidth=1, linestyle="--", label="all there are")
    above.set(
        ylabel="pages",
        ylim=(0, 1.4 * server.page.size),
        title=f"{server.page.size} pages, for {server.seq.size} requests a step",
    )
    below.step(step, counted["running"], where="mid", color="#c44e52", label="requests that have pages")
    below.step(step, counted["computed"], where="mid", color="#b0b0b0", label="tokens computed")
    below.set(xlabel="step", ylim=(0, None))
    for axes in (above, below):
        axes.legend(loc="upper right", fontsize="small", ncols=3)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_xlim(step[0], step[-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def report_pages(server: Server) -> None:
    reports, page, dense = server.reports, server.page.size, server.seq.size * server.block.size
    in_use = [int(report.in_use.array) for report in reports]
    computed = sum(int(report.computed.array) for report in reports)
    counts = dict(zip(STATISTICS, server.paging.statistics[...].array.tolist(), strict=True))
    traces = f"traced {server.traces} time{'' if server.traces == 1 else 's'}"
    print(f"\n{counts['admitted'] - counts['preempted']} requests in {len(reports)} steps of one program, {traces}")
    print(f"pages in use       {np.mean(in_use):.1f} on average, {max(in_use)} at most, of {page}", end="")
    print(f" (whole rows for {server.seq.size} requests would take {dense})")
    print(f"pages shared       {counts['shared']} taken over as another request had filled them", end="")
    print(f" ({counts['shared'] * server.slot.size:,} tokens not computed again, {computed:,} computed); ", end="")
    print(f"{counts['merged']} merged with a page of the same text")
    print(f"pages evicted      {counts['evicted']}; requests preempted {counts['preempted']}")


def report_check(served: dict[int, np.ndarray], alone: dict[int, tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether all texts agree."""
    wrong = [number for number in alone if not agree(served[number], *alone[number])]
    ties = sum(not np.array_equal(served[number], text) for number, (text, _) in alone.items()) - len(wrong)
    line = f"texts as if alone  {len(alone) - len(wrong)} of {len(alone)}"
    print(line + (f", {ties} of them up to a tie" if ties else "") + (f"; DIFFER: {wrong}" if wrong else ""))
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
