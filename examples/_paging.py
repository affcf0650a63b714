"""Which page of a key-value cache belongs to whom: the bookkeeping of `serve.py`, all of it in NamedRefs.

A cache of a fixed number of pages, each of a few positions, serves requests that come and go. A request in flight has a
row of `table`, the pages of its tokens in order. Two requests whose text begins alike share the pages of what they have
in common; a page is given up by whoever used it last, but kept for the next request that begins so, until its place is
needed. `schedule` gives pages to the oldest requests, `commit` takes note of what was computed; both are ordinary
functions of refs, and are traced into the one jitted step of the server. Nothing is threaded through or returned.

    uses  parent    a page is
    0     PRIVATE   free
    1     PRIVATE   being filled by one request, that alone reads and writes it
    n     a page    full, read by n requests, and written by none
    0     a page    idle: full, of use to nobody now, and the first to go

Laws, which `tests/refs/test_paging_stateful.py` checks:
- `uses` counts the places of `table` where a page occurs. None is leaked, none is given back twice.
- Full pages form a tree. The parent of a page holds the tokens before it, or is ROOT; no two pages have the same parent
  and the same tokens. So the path to a page is the whole text up to its end, and who finds it may use it.
- Idle pages go in the order of `stamp`, which is lower for a page than for its parent: leaves go first.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import haliax as hax
import jax
import numpy as np
from haliax import Axis, NamedArray

from haliax_refs import NamedRef


ROOT = -1  # the parent of a first page
PRIVATE = -2  # the parent of a page that is not full
FREE = -1  # the stamp of a page that holds nothing
# "No page", "no request". It has to lie beyond every axis: an update with mode="drop" leaves it out, and a read with
# mode="fill" fills it in. A -1 would mean the last one, as everywhere in NumPy.
NOWHERE = np.int32(2**30)

STATISTICS = ("admitted", "preempted", "shared", "merged", "evicted")


class Incoming(eqx.Module):
    """A request to add; `length` 0 is none."""

    tokens: NamedArray  # (block, slot)
    length: NamedArray  # how many of them are given
    goal: NamedArray  # how many there are to be in the end
    arrival: NamedArray  # a number that grows from request to request; the sampling depends on it too


class Batch(eqx.Module):
    """What to compute in a step, an entry for each of the requests that are served: `count` tokens from `start` on."""

    request: NamedArray  # (seq), as are the others
    start: NamedArray
    count: NamedArray  # 0 where there is nothing to do
    page: NamedArray  # where their keys and values go; all of them on one page


class Paging(eqx.Module):
    """Pages, and the requests that use them."""

    # requests in flight
    arrival: NamedRef  # (request); NOWHERE where there is none
    tokens: NamedRef  # (request, block, slot)
    length: NamedRef  # (request): how many tokens there are
    goal: NamedRef  # (request): how many there are to be
    cached: NamedRef  # (request): how many have their keys and values in the cache
    table: NamedRef  # (request, block): on which page; NOWHERE where on none yet
    # pages
    uses: NamedRef  # (page)
    parent: NamedRef  # (page)
    content: NamedRef  # (page, slot): the tokens of a full page
    stamp: NamedRef  # (page)
    # the rest
    clock: NamedRef  # counts how often pages were given back; good for 2**30 stamps
    statistics: NamedRef  # (statistic)

    @staticmethod
    def empty(request: Axis, block: Axis, page: Axis, slot: Axis) -> Paging:
        if page.size < block.size:
            raise ValueError(f"cannot serve requests of {block.size} pages from {page.size}: one would wait forever")

        def full(value: int, *axes: Axis) -> NamedRef:
            return hax.new_ref(hax.full(axes, value, dtype=np.int32))

        return Paging(
            arrival=full(NOWHERE, request),
            tokens=full(0, request, block, slot),
            length=full(0, request),
            goal=full(0, request),
            cached=full(0, request),
            table=full(NOWHERE, request, block),
            uses=full(0, page),
            parent=full(PRIVATE, page),
            content=full(0, page, slot),
            stamp=full(FREE, page),
            clock=full(0),
            statistics=full(0, Axis("statistic", len(STATISTICS))),
        )

    @property
    def block(self) -> Axis:
        return self.table.resolve_axis("block")

    @property
    def slot(self) -> Axis:
        return self.tokens.resolve_axis("slot")

    def count(self, statistic: str, by: NamedArray | int = 1) -> None:
        self.statistics["statistic", STATISTICS.index(statistic)] += by


def submit(paging: Paging, incoming: Incoming) -> None:
    """Put `incoming` into an empty row. The caller sees to it that there is one."""
    row = hax.argmax(paging.arrival[...], "request")
    row = hax.where(incoming.length > 0, row, NOWHERE)
    for ref, value in (
        (paging.arrival, incoming.arrival),
        (paging.tokens, incoming.tokens),
        (paging.length, incoming.length),
        (paging.goal, incoming.goal),
    ):
        ref.at[{"request": row}].set(value, mode="drop")


def schedule(paging: Paging, seq: Axis, chunk: int) -> Batch:
    """Give pages to the oldest requests, and say what to compute of each: at most `chunk` tokens, all on one page.

    In order of age: a request takes over whatever pages hold its next tokens already. For the rest it takes a free
    page, or the idle page that was used longest ago, or preempts the youngest request that has pages. A request that
    has none yet does not begin before there is room for all of its tokens; it never preempts others. When one has to
    wait, so do all younger ones that have not begun, or it might wait forever.
    """
    oldest_first = hax.argsort(paging.arrival[...], "request")["request", : seq.size]

    def serve(waiting: NamedArray, request: NamedArray) -> tuple[NamedArray, Batch]:
        row = {"request": request}
        begins = paging.table[{**row, "block": 0}] == NOWHERE
        exists, before = paging.arrival[row] != NOWHERE, paging.cached[row]
        _take_over(paging, request, exists & ~(begins & waiting))
        start, length = paging.cached[row], paging.length[row]

        on_boundary = start % paging.slot.size == 0
        room = hax.sum(paging.uses[...] == 0)
        too_big = -(-(length - start) // paging.slot.size) > room
        held_off = exists & begins & (waiting | too_big)
        when(held_off, lambda: release(paging, request))
        page = paging.table[{**row, "block": start // paging.slot.size}]  # NOWHERE on a boundary: not taken yet

        served = exists & ~held_off
        page = cond(served & on_boundary, lambda: _new_page(paging, request, start // paging.slot.size), page)
        served &= page != NOWHERE
        paging.count("admitted", (served & begins).astype(np.int32))
        paging.count("shared", hax.where(served, (start - before) // paging.slot.size, 0))
        left = hax.minimum(length - start, paging.slot.size - start % paging.slot.size)
        count = hax.where(served, hax.minimum(left, chunk), 0)
        return waiting | (exists & ~served), Batch(request, start, count, hax.where(served, page, NOWHERE))

    _, batch = hax.scan(serve, seq)(hax.named(False, ()), oldest_first.rename({"request": seq.name}))
    return batch


def commit(paging: Paging, batch: Batch, sampled: NamedArray) -> NamedArray:
    """Note that `batch` is computed; `sampled` (seq) are the tokens after it. Returns which requests are done.

    A sampled token counts where it is the next one, and not a token of the prompt. The tokens of a request that is done
    stay in their row until another takes it.
    """
    done = hax.new_ref(hax.zeros(paging.arrival.axes, dtype=bool))

    def settle(_: None, served: tuple[Batch, NamedArray]) -> None:
        work, token = served
        row = {"request": work.request}
        cached = work.start + work.count
        paging.cached[row] = hax.where(work.count > 0, cached, paging.cached[row])
        when((work.count > 0) & (cached % paging.slot.size == 0), lambda: _publish(paging, work))

        def extend() -> None:
            at = {**row, "block": cached // paging.slot.size, "slot": cached % paging.slot.size}
            paging.tokens.at[at].set(token, mode="drop")
            paging.length[row] += 1

        when((work.count > 0) & (cached == paging.length[row]), extend)

        def finish() -> None:
            retire(paging, work.request)
            done[row] = True

        when((work.count > 0) & (paging.length[row] == paging.goal[row]), finish)

    hax.fold(settle, batch.request.axes[0])(None, (batch, sampled))
    return done[...]


def release(paging: Paging, request: NamedArray) -> None:
    """Take all pages from a request. A full one stays, idle, for whoever begins with the same text."""
    page = paging.table[{"request": request}]  # (block), NOWHERE at the end
    paging.clock[...] += 1
    latest = paging.clock[...] * paging.block.size - hax.arange(paging.block)
    private = paging.parent.at[{"page": page}].get(mode="fill", fill_value=PRIVATE) == PRIVATE
    paging.stamp.at[{"page": page}].set(hax.where(private, FREE, latest), mode="drop")
    paging.uses.at[{"page": page}].add(-1, mode="drop")
    paging.table[{"request": request}] = NOWHERE
    paging.cached[{"request": request}] = 0


def retire(paging: Paging, request: NamedArray) -> None:
    """Forget a request, because it is done or nobody waits for it any more."""
    release(paging, request)
    paging.arrival[{"request": request}] = NOWHERE


def _take_over(paging: Paging, request: NamedArray, wanted: NamedArray) -> None:
    """Let a request share the pages that hold its next tokens, as long as there are any."""
    row, size = {"request": request}, paging.slot.size

    def find(wanted: NamedArray) -> tuple[NamedArray, NamedArray]:
        cached = paging.cached[row]
        # The last token has to be computed in any case: its logits give the next one.
        fits = (cached % size == 0) & (cached + size < paging.length[row])
        page = _find(paging, request, cached // size)
        return wanted & fits & (page != NOWHERE), page

    def share(found: tuple[NamedArray, NamedArray]) -> tuple[NamedArray, NamedArray]:
        _, page = found
        paging.table[{**row, "block": paging.cached[row] // size}] = page
        paging.uses[{"page": page}] += 1
        paging.cached[row] += size
        return find(hax.named(True, ()))

    # The condition of a while loop sees refs as they were before it: all that it looks at is carried.
    jax.lax.while_loop(lambda found: found[0].scalar(), share, find(wanted))


def _find(paging: Paging, request: NamedArray, block: NamedArray) -> NamedArray:
    """The full page that holds this block of the request's tokens, after all that come before it; or NOWHERE."""
    same_tokens = paging.content[...] == paging.tokens[{"request": request, "block": block}]
    same = hax.all(same_tokens, "slot") & (paging.parent[...] == _page_before(paging, request, block))
    return hax.where(hax.any(same), hax.argmax(same, "page"), NOWHERE)


def _page_before(paging: Paging, request: NamedArray, block: NamedArray) -> NamedArray:
    return hax.where(block == 0, ROOT, paging.table[{"request": request, "block": hax.maximum(block - 1, 0)}])


def _new_page(paging: Paging, request: NamedArray, block: NamedArray) -> NamedArray:
    """A page for the request alone; or NOWHERE, if even preempting another one has freed none."""

    def none_left() -> NamedArray:
        return hax.all(paging.uses[...] > 0)

    when(none_left(), lambda: _preempt(paging, request))

    def take() -> NamedArray:
        page = hax.argmin(hax.where(paging.uses[...] == 0, paging.stamp[...], NOWHERE), "page")
        paging.count("evicted", (paging.stamp[{"page": page}] != FREE).astype(np.int32))
        paging.parent[{"page": page}] = PRIVATE
        paging.uses[{"page": page}] = 1
        paging.table[{"request": request, "block": block}] = page
        return page

    return cond(~none_left(), take, hax.named(NOWHERE, ()))


def _preempt(paging: Paging, request: NamedArray) -> None:
    """Take the pages of the youngest request that has any, if it is younger than this one."""
    begun = paging.table["block", 0] != NOWHERE
    age = hax.where(begun, paging.arrival[...], -1)
    youngest = hax.argmax(age, "request")

    def preempt() -> None:
        release(paging, youngest)
        paging.count("preempted")

    when(hax.max(age) > paging.arrival[{"request": request}], preempt)


def _publish(paging: Paging, work: Batch) -> None:
    """Let others find the page that `work` has filled. If there is one like it, use that one and free this."""
    block = work.start // paging.slot.size
    twin = _find(paging, work.request, block)

    def publish() -> None:
        paging.parent[{"page": work.page}] = _page_before(paging, work.request, block)
        paging.content[{"page": work.page}] = paging.tokens[{"request": work.request, "block": block}]

    def merge() -> None:
        paging.table[{"request": work.request, "block": block}] = twin
        paging.uses[{"page": twin}] += 1
        paging.uses[{"page": work.page}] -= 1
        paging.stamp[{"page": work.page}] = FREE
        paging.count("merged")

    jax.lax.cond((twin == NOWHERE).scalar(), publish, merge)


def when(condition: NamedArray, action: Callable[[], None]) -> None:
    """`if condition: action()`, for a condition that is traced. What `action` does to refs happens only then."""
    jax.lax.cond(condition.scalar(), action, lambda: None)


def cond(condition: NamedArray, then: Callable[[], NamedArray], otherwise: NamedArray) -> NamedArray:
    """`then() if condition else otherwise`, for a condition that is traced."""
    return jax.lax.cond(condition.scalar(), then, lambda: otherwise)
