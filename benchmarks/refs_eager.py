"""Reads and writes outside a trace, beside a bare `jax.Ref` and haliax's own named one."""

from __future__ import annotations

from itertools import count

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np

import haliax_refs

from ._report import Finding, rows
from ._timing import in_turn
from .refs_peers import FEATURE, small, with_upstream


SUITE = "refs.eager"
SMALL = 0.4  # of a bare jax.Ref
LARGE = 0.01  # likewise, where that copies its buffer
ROWS, COLUMNS = 10_000, 1_024  # 40 MB of float32
FEW, MANY = 100, 1_000  # refs in a tree


def measure(scale: float) -> list[Finding]:
    found = [*_small(round(60 * scale)), *_large(round(20 * scale)), *_growth(round(60 * scale))]
    return [*found, *_made(round(20 * scale)), *_trees(round(10 * scale))]


def _small(rounds: int) -> list[Finding]:
    raw, ours, theirs = small()
    value = hax.ones(FEATURE)
    array = value.array
    spans = {"layer": slice(2, 6)}, {"position": slice(1, 9)}
    view = ours.slice(spans[0]).slice(spans[1])

    def raw_write() -> None:
        raw[3, 5] = array

    def write() -> None:
        ours["layer", 3, "position", 5] = value

    def write_view() -> None:
        view["layer", 1, "position", 4] = value

    def write_new_view() -> None:
        ours.slice(spans[0]).slice(spans[1])["layer", 1, "position", 4] = value

    def their_write() -> None:
        theirs[{"layer": 3, "position": 5}] = value

    reads = {
        "jax.Ref": lambda: raw[3, 5],
        "NamedRef": lambda: ours["layer", 3, "position", 5],
        "view of a view": lambda: view["layer", 1, "position", 4],
        "both slices and the read": lambda: ours.slice(spans[0]).slice(spans[1])["layer", 1, "position", 4],
    }
    writes = {
        "jax.Ref": raw_write,
        "NamedRef": write,
        "view of a view": write_view,
        "both slices and the write": write_new_view,
    }
    found: list[Finding] = []
    for task, calls, call in (
        ("read a row", reads, lambda: theirs[{"layer": 3, "position": 5}]),
        ("write a row", writes, their_write),
    ):
        times = in_turn(with_upstream(calls, theirs, call), rounds=rounds)
        targets = dict.fromkeys(calls, SMALL)
        found += rows(SUITE, task, times, "jax.Ref", targets)
    return found


def _large(rounds: int) -> list[Finding]:
    raw = jax.new_ref(jnp.zeros((ROWS, COLUMNS)))
    ours = haliax_refs.new_ref(hax.zeros({"row": ROWS, "column": COLUMNS}))
    value = hax.ones({"column": COLUMNS})
    array = value.array

    def bare() -> None:
        raw[77] = array
        raw[77].block_until_ready()

    def named() -> None:
        ours["row", 77] = value
        ours["row", 77].array.block_until_ready()

    times = in_turn({"jax.Ref": bare, "NamedRef": named}, rounds=rounds)
    return [*rows(SUITE, "write and read a row of 40 MB", times, "jax.Ref", {"NamedRef": LARGE})]


def _growth(rounds: int) -> list[Finding]:
    """The same row of a buffer a thousand times as large."""
    value = hax.ones({"column": COLUMNS})
    short = haliax_refs.new_ref(hax.zeros({"row": ROWS // 1000, "column": COLUMNS}))
    tall = haliax_refs.new_ref(hax.zeros({"row": ROWS, "column": COLUMNS}))

    def use(ref: haliax_refs.NamedRef) -> None:
        ref["row", 7] = value
        ref["row", 7].array.block_until_ready()

    times = in_turn({"40 kB": lambda: use(short), "40 MB": lambda: use(tall)}, rounds=rounds)
    return [*rows(SUITE, "write and read a row, by the buffer's size", times, "40 kB", {"40 MB": 1.1})]


def _made(rounds: int) -> list[Finding]:
    """A ref of a known shape, and one of a shape that was not there before, for which jax compiles a copy.

    For the known one it has the program, and is to be no quicker by much.
    """
    array = jnp.zeros(16)
    value = hax.named(array, "x")
    sizes = count(17)

    def fresh() -> jax.Array:
        return jax.device_put(np.zeros(next(sizes), np.float32))

    found: list[Finding] = []
    for task, calls in (
        ("make a ref", {"jax.Ref": lambda: jax.new_ref(array), "NamedRef": lambda: haliax_refs.new_ref(value)}),
        (
            "make a ref of a new shape",
            {
                "jax.Ref": lambda: jax.new_ref(fresh()),
                "NamedRef": lambda: haliax_refs.new_ref(hax.named(fresh(), "x")),
            },
        ),
    ):
        times = in_turn(calls, rounds=rounds)
        targets = {"NamedRef": 1.0 if "new" in task else 1.5}
        found += rows(SUITE, task, times, "jax.Ref", targets)
    return found


def _trees(rounds: int) -> list[Finding]:
    """Trees of refs are made, read, written and frozen: a thousand beside bare ones, and ten times a hundred."""

    def named(number: int) -> None:
        refs = haliax_refs.refs_of([value] * number)
        haliax_refs.update(refs, haliax_refs.values_of(refs))
        haliax_refs.freeze(refs)

    def bare() -> None:
        refs = [jax.new_ref(value.array) for _ in range(MANY)]
        for ref in refs:
            ref[...] = ref[...]
        for ref in refs:
            jax.freeze(ref)

    value = hax.ones({"x": 16})
    times = in_turn({"jax.Ref": bare, "NamedRef": lambda: named(MANY)}, rounds=rounds)
    found = [*rows(SUITE, f"make, read, write and freeze {MANY} refs", times, "jax.Ref", {"NamedRef": 1.0})]

    def tens() -> None:
        for _ in range(MANY // FEW):
            named(FEW)

    once, parts = f"{MANY} in one tree", f"{FEW} in each of {MANY // FEW} trees"
    times = in_turn({parts: tens, once: lambda: named(MANY)}, rounds=rounds)
    return [*found, *rows(SUITE, "trees of refs, by their number", times, parts, {once: 1.1})]
