"""The pages of `examples/serve.py` under random arrivals, lengths, evictions and disconnections.

The oracle is `Plain`, the same policy over dicts and lists, in which a page *is* the text up to its end: it can't be
shared by accident. Beside it, a memory with the pages of a cache holds for each position a number that stands for the
whole text up to there: whatever a request finds on its pages must be its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import haliax as hax
import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from _paging import FREE, NOWHERE, PRIVATE, ROOT, STATISTICS, Batch, Incoming, Paging, commit, release, retire


from _paging import schedule, submit  # isort: skip
from haliax import Axis, NamedArray
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from haliax_refs import NamedRef


pytestmark = pytest.mark.usefixtures("unoptimized")


# Small and awkward: a chunk does not divide a page, nor a page a text; two long texts don't fit beside each other.
REQUEST, BLOCK, PAGE, SLOT = Axis("request", 5), Axis("block", 4), Axis("page", 6), Axis("slot", 3)
SEQ, CHUNK = Axis("seq", 3), Axis("chunk", 2)
POSITIONS = BLOCK.size * SLOT.size
TRACES: Counter[str] = Counter()

Text = tuple[int, ...]


def numbers(texts: NamedArray) -> NamedArray:
    """For each position of `texts` (request, block, slot) a number that stands for the text up to it."""
    flat = texts.flatten_axes((BLOCK, SLOT), "position")
    return hax.cumsum((flat + 1) * 3 ** hax.arange(flat.resolve_axis("position")), "position")


def number(text: Text) -> int:
    return sum((token + 1) * 3**i for i, token in enumerate(text))


def remember(paging: Paging, memory: NamedRef, batch: Batch) -> None:
    """Write what a model would write: at each position, what depends on the text up to there."""
    offset = hax.arange(CHUNK)
    position = batch.start.broadcast_axis(CHUNK) + offset
    page = hax.where(offset < batch.count.broadcast_axis(CHUNK), batch.page, NOWHERE)
    texts = numbers(paging.tokens[{"request": batch.request}])
    new = texts[{"position": hax.minimum(position, POSITIONS - 1)}]
    memory.at[{"page": page, "slot": position % SLOT.size}].set(new, mode="drop")


def contents(paging: Paging) -> dict[str, NamedArray]:
    return {name: ref[...] for name, ref in vars(paging).items()}


@jax.jit
def step(paging: Paging, memory: NamedRef, incoming: Incoming, sampled: NamedArray) -> tuple[Batch, NamedArray, dict]:
    TRACES["step"] += 1
    submit(paging, incoming)
    batch = schedule(paging, SEQ, CHUNK.size)
    remember(paging, memory, batch)
    done = commit(paging, batch, sampled)
    return batch, done, contents(paging)


@jax.jit
def disturb(paging: Paging, row: NamedArray, gone: NamedArray) -> dict[str, NamedArray]:
    TRACES["disturb"] += 1
    jax.lax.cond(gone.scalar(), lambda: retire(paging, row), lambda: release(paging, row))
    return contents(paging)


@dataclass
class Client:
    """A request, as the oracle knows it."""

    row: int
    text: list[int]
    goal: int
    cached: int = 0
    full: list[Text] = field(default_factory=list)  # its full pages
    private: bool = False  # whether it has one more, that is being filled

    @property
    def begun(self) -> bool:
        return bool(self.full) or self.private


@dataclass
class Plain:
    """Which texts are on pages, who uses them and when they were last given up."""

    clients: dict[int, Client] = field(default_factory=dict)
    users: dict[Text, set[int]] = field(default_factory=dict)
    given_up: dict[Text, int] = field(default_factory=dict)
    clock: int = 0
    statistics: Counter[str] = field(default_factory=Counter)

    @property
    def free(self) -> int:
        return PAGE.size - len(self.users) - sum(client.private for client in self.clients.values())

    @property
    def idle(self) -> list[Text]:
        return [text for text, users in self.users.items() if not users]

    def release(self, number: int) -> None:
        client = self.clients[number]
        self.clock += 1
        for text in client.full:
            self.users[text].remove(number)
            self.given_up[text] = self.clock
        client.full, client.private, client.cached = [], False, 0

    def retire(self, number: int) -> None:
        self.release(number)
        del self.clients[number]

    def new_page(self, number: int) -> bool:
        if not self.free and not self.idle:
            youngest = max(n for n, client in self.clients.items() if client.begun or n == number)
            if youngest > number:
                self.release(youngest)
                self.statistics["preempted"] += 1
        if not self.free:
            if not self.idle:
                return False
            # The one given up first; of those given up together, the one furthest from the beginning.
            del self.users[min(self.idle, key=lambda text: (self.given_up[text], -len(text)))]
            self.statistics["evicted"] += 1
        self.clients[number].private = True
        return True

    def schedule(self) -> dict[int, tuple[int, int]]:
        """For each request that is served, from where on and how many tokens."""
        work: dict[int, tuple[int, int]] = {}
        waiting = False
        for number in sorted(self.clients)[: SEQ.size]:
            client = self.clients[number]
            begins, before = not client.begun, client.cached
            if begins and waiting:
                continue
            while not client.private and client.cached + SLOT.size < len(client.text):
                ahead = tuple(client.text[: client.cached + SLOT.size])
                if ahead not in self.users:
                    break
                self.users[ahead].add(number)
                client.full.append(ahead)
                client.cached += SLOT.size
            left = len(client.text) - client.cached
            room = self.free + len(self.idle)
            if begins and left > room * SLOT.size:
                self.release(number)
                waiting = True
                continue
            shared = (client.cached - before) // SLOT.size
            if not client.private and not self.new_page(number):
                waiting = True
                continue
            self.statistics["admitted"] += begins
            self.statistics["shared"] += shared
            work[number] = client.cached, min(left, CHUNK.size, SLOT.size - client.cached % SLOT.size)
        return work

    def commit(self, work: dict[int, tuple[int, int]], sampled: list[int]) -> list[int]:
        done = []
        for (number, (start, count)), token in zip(work.items(), sampled, strict=True):
            client = self.clients[number]
            client.cached = start + count
            if client.cached % SLOT.size == 0:
                text = tuple(client.text[: client.cached])
                client.private = False
                self.statistics["merged"] += text in self.users
                self.users.setdefault(text, set()).add(number)
                client.full.append(text)
            if client.cached == len(client.text):
                client.text.append(token)
            if len(client.text) == client.goal:
                done.append(number)
                self.retire(number)
        return done


tokens = st.integers(0, 1)  # of so few that many texts begin alike


class Serving(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.paging = Paging.empty(REQUEST, BLOCK, PAGE, SLOT)
        self.memory = hax.new_ref(hax.zeros((PAGE, SLOT), dtype=np.int32))
        self.seen = {name: np.asarray(value.array) for name, value in contents(self.paging).items()}
        self.plain = Plain()
        self.arrived = 0

    def advance(self, incoming: Incoming, sampled: list[int]) -> None:
        batch, done, seen = jax.device_get(step(self.paging, self.memory, incoming, hax.named(np.int32(sampled), SEQ)))
        self.seen = {name: value.array for name, value in seen.items()}
        oldest = sorted(self.plain.clients)[: SEQ.size]
        rows = {number: client.row for number, client in self.plain.clients.items()}
        work = self.plain.schedule()
        finished = self.plain.commit(work, [sampled[oldest.index(number)] for number in work])
        assert [rows[number] for number in oldest] == batch.request.array[: len(oldest)].tolist()
        planned = [work.get(number, (None, 0)) for number in oldest]
        assert [count for _, count in planned] == batch.count.array[: len(oldest)].tolist()
        assert not batch.count.array[len(oldest) :].any()
        for (start, count), asked in zip(planned, batch.start.array, strict=False):
            assert count == 0 or start == asked
        assert sorted(rows[number] for number in finished) == np.flatnonzero(done.array).tolist()

    @rule(prompt=st.lists(tokens, min_size=1, max_size=POSITIONS - 1), extra=st.integers(1, 6), data=st.data())
    def arrive(self, prompt: list[int], extra: int, data: st.DataObject) -> None:
        taken = {client.row for client in self.plain.clients.values()}
        if len(taken) == REQUEST.size:
            return
        goal, row = min(len(prompt) + extra, POSITIONS), min(set(range(REQUEST.size)) - taken)
        self.plain.clients[self.arrived] = Client(row, list(prompt), goal)
        self.advance(incoming(prompt, goal, self.arrived), data.draw(st.tuples(tokens, tokens, tokens)))
        self.arrived += 1

    @rule(sampled=st.lists(st.tuples(tokens, tokens, tokens), min_size=1, max_size=8))
    def go_on(self, sampled: list[list[int]]) -> None:
        for row in sampled:
            self.advance(incoming([], 0, 0), row)
            self.every_page_is_accounted_for()
            self.the_oracle_agrees()

    @precondition(lambda self: self.plain.clients)
    @rule(data=st.data(), gone=st.booleans())
    def lose(self, data: st.DataObject, gone: bool) -> None:
        """Take a request's pages, at random; and, if it is `gone`, forget it."""
        number = data.draw(st.sampled_from(sorted(self.plain.clients)))
        row = hax.named(np.int32(self.plain.clients[number].row), ())
        seen = jax.device_get(disturb(self.paging, row, hax.named(gone, ())))
        self.seen = {name: value.array for name, value in seen.items()}
        (self.plain.retire if gone else self.plain.release)(number)

    @invariant()
    def every_page_is_accounted_for(self) -> None:
        """None is leaked, given back twice, or written by one request and held by another."""
        table, uses, parent, stamp = (self.seen[name] for name in ("table", "uses", "parent", "stamp"))
        np.testing.assert_array_equal(uses, np.bincount(table[table != NOWHERE], minlength=PAGE.size))
        assert (uses[parent == PRIVATE] <= 1).all()
        assert (stamp[(uses == 0) & (parent == PRIVATE)] == FREE).all()
        full = np.flatnonzero(parent >= 0)
        assert (parent[parent[full]] != PRIVATE).all()  # a page is kept as long as those that continue it
        assert (uses[parent[full]] >= uses[full]).all()
        idle = full[uses[parent[full]] == 0]
        assert (stamp[idle] < stamp[parent[idle]]).all()

    @invariant()
    def the_oracle_agrees(self) -> None:
        seen, plain = self.seen, self.plain
        pages = {page: self.text_up_to(page) for page in np.flatnonzero(seen["parent"] != PRIVATE)}
        assert Counter(pages.values()) == Counter(plain.users.keys())
        assert {text: seen["uses"][page] for page, text in pages.items()} == {t: len(u) for t, u in plain.users.items()}
        assert dict(zip(STATISTICS, seen["statistics"], strict=True)) == {s: plain.statistics[s] for s in STATISTICS}

        memory = np.asarray(self.memory[...].array)
        # (not called `number`: CPython 3.12.1 then takes the function of that name, below, for this variable)
        rows = {client.row: (key, client) for key, client in plain.clients.items()}
        assert set(np.flatnonzero(seen["arrival"] != NOWHERE)) == set(rows)
        for row, (arrival, client) in rows.items():
            assert (seen["arrival"][row], seen["goal"][row], seen["cached"][row], seen["length"][row]) == (
                arrival,
                client.goal,
                client.cached,
                len(client.text),
            )
            assert seen["tokens"][row].reshape(-1)[: len(client.text)].tolist() == client.text
            held = [page for page in seen["table"][row] if page != NOWHERE]
            assert [pages[page] for page in held[: len(client.full)]] == client.full
            assert len(held) == len(client.full) + client.private
            found = [memory[held[t // SLOT.size], t % SLOT.size] for t in range(client.cached)]
            assert found == [number(tuple(client.text[: t + 1])) for t in range(client.cached)]

    def text_up_to(self, page: int) -> Text:
        before = self.seen["parent"][page]
        return (*(() if before == ROOT else self.text_up_to(before)), *self.seen["content"][page].tolist())

    def teardown(self) -> None:
        """Let everybody finish: no one waits forever, and no page is held when all are gone."""
        if not hasattr(self, "plain"):
            return
        for _ in range(2 * POSITIONS * (len(self.plain.clients) + 1)):
            if not self.plain.clients:
                break
            self.advance(incoming([], 0, 0), [0, 1, 0])
        assert not self.plain.clients
        assert not self.seen["uses"].any()
        assert TRACES["step"] == 1
        assert TRACES["disturb"] <= 1


def incoming(prompt: list[int], goal: int, arrival: int) -> Incoming:
    padded = np.zeros(POSITIONS, np.int32)
    padded[: len(prompt)] = prompt
    scalars = (hax.named(np.int32(n), ()) for n in (len(prompt), goal, arrival))
    return Incoming(hax.named(padded.reshape(BLOCK.size, SLOT.size), (BLOCK, SLOT)), *scalars)


TestServing = Serving.TestCase
TestServing.settings = settings(stateful_step_count=25)


def test_fewer_pages_than_one_request_needs_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot serve requests of 4 pages from 3: one would wait forever"):
        Paging.empty(REQUEST, BLOCK, Axis("page", 3), SLOT)
