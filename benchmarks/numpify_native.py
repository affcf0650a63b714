"""Machine code beside what runs in NumPy, and beside what else compiles: the extra `fast` is needed.

The allocator is warm: an array of 30 MB was freed before, as in any process that has worked for a while, so that what
takes much memory has no fresh pages to pay for. That is the better state for lambdify.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from ._report import Fact, Finding, Row, beside_fastest, rows
from ._timing import in_turn
from .numpify_peers import (
    DECAY,
    INTEGERS,
    OSCILLATOR,
    PEERS,
    POLYNOMIAL,
    REPEATING,
    TRIG,
    Work,
    absent,
    lambdified,
    many,
    numpified,
    x,
    y,
)


SUITE = "numpify.native"
OURS, THEIRS = "numpify, native", "lambdify, cse"
SIZES = (10, 10**3, 10**5, 10**6)
LARGEST = 10**7  # of the works that are measured there, too
# By size: at most so much of what lambdify with cse takes, and of what the fastest peer that compiles takes.
TARGETS = {10: (1.0, 1.2), 10**3: (1.0, 1.2), 10**5: (1.0, 1.3), 10**6: (1.0, 1.3), LARGEST: (0.9, 1.1)}
MEDIANS = {10**5: (0.35, 1.0), 10**6: (0.35, 1.0)}  # of all works, likewise

# What a peer has no form of, or takes minutes to compile.
_WITHOUT = {
    ("three arms", "numexpr"), ("Max, Min, Abs", "numexpr"), ("three arms", "casadi"),
    ("cheap arms", "numexpr"), ("cheap arms", "casadi"), ("cheap arms", "heyoka"),
    ("Max, Min, Abs", "casadi"), ("Max, Min, Abs", "heyoka"), ("three arms", "heyoka"),
}  # fmt: skip

# A peer that takes longer to make ready for so many elements than all others to compute.
_MOST = {"casadi": 10**3, "symengine": 10**6, "heyoka": 10**6}

PRODUCT = Work("product and sum", x * y + x, (x, y))
LOGARITHMS = Work("exp and log", sp.log(1 + sp.exp(-x)) + sp.exp(-(x**2) / 2) * sp.log(x + 2), (x,))
POWER = Work("two powers", x ** sp.Rational(13, 10) + x ** sp.Rational(1, 3), (x,))
GENERAL_POWER = Work("x**y", x**y, (x, y))
PIECES = Work("three arms", sp.Piecewise((x**2, x < 0.4), (sp.sin(x), x < 0.8), (sp.exp(-x), True)), (x,))
DENSE = Work("polynomial of degree 12", sp.Add(*((k + 1) * x**k for k in range(13))), (x,))
HALVES = Work("x**(3/2) + x**(-1/2)", x ** sp.Rational(3, 2) + 1 / sp.sqrt(x), (x,))
DIVISIONS = Work("quotients", 1 / (1 + x) + x / (2 + x**2) + (x + y) / (x - y + 3) + x / 3, (x, y))
CHEAP = Work("cheap arms", sp.Piecewise((x, x < 0.5), (1 - x, True)), (x,))
EXTREMA = Work("Max, Min, Abs", sp.Max(x, y) + sp.Min(x, 2 * y) + sp.Abs(y - x), (x, y))


def measure(scale: float) -> list[Finding]:
    from numpify_ctx._emission.native.machine import why_unavailable

    why = why_unavailable()
    if why is not None:
        return [Fact(SUITE, "machine code", f"none: {why}")]
    warm = np.ones(4 * 10**6)
    del warm
    works = [
        TRIG, POLYNOMIAL, DENSE, OSCILLATOR, DECAY, PRODUCT, LOGARITHMS, POWER, HALVES, GENERAL_POWER, DIVISIONS,
        CHEAP, PIECES, EXTREMA, INTEGERS,
    ]  # fmt: skip
    found: list[Finding] = [Fact(SUITE, f"beside {name}", "absent: it is not installed") for name in absent()]
    for work in [*works, REPEATING, many()]:
        found.append(_compiling(work))
        for size in (*SIZES, *((LARGEST,) if work in (TRIG, POLYNOMIAL) else ())):
            if size <= work.sized:
                found += _sweep(work, size, scale)
    return [*found, *_medians(found)]


def _medians(found: list[Finding]) -> list[Finding]:
    """Of all works, the median ratio to lambdify and to the fastest of the peers."""
    medians: list[Finding] = []
    for size, targets in MEDIANS.items():
        of_ours = [row for row in found if isinstance(row, Row) and row.size == size and row.who == OURS]
        to_lambdify = [row.ratio.median for row in of_ours if row.peer == THEIRS]
        to_peers = [row.ratio.median for row in of_ours if row.peer != THEIRS]
        for name, ratios, target in zip((THEIRS, "the fastest peer"), (to_lambdify, to_peers), targets, strict=True):
            if ratios:
                median = statistics.median(ratios)
                task = f"median of {len(ratios)} works, {size:.0e} elements: {OURS} to {name}"
                medians.append(Fact(SUITE, task, f"{median:.2f}", median <= target))
    return medians


def _compiling(work: Work) -> Finding:
    """How long the kernel took."""
    function = numpified(work, native=True)
    begun = time.process_time()
    function(*work.sweep(10))
    return Fact(SUITE, f"{work.name}: the first call, which compiles", f"{1000 * (time.process_time() - begun):.0f} ms")


def _sweep(work: Work, size: int, scale: float) -> list[Finding]:
    values = work.sweep(size)
    theirs = lambdified(work, cse=True)
    ours = {OURS: numpified(work, native=True), "numpify, NumPy": numpified(work, native=False)}
    calls: dict[str, Callable[[], Any]] = {THEIRS: lambda: theirs(*values)}
    calls |= {name: lambda f=f: f(*values) for name, f in ours.items()}
    for name, peer in PEERS.items():
        if (work.name, name) not in _WITHOUT and size <= _MOST.get(name, size):
            call = peer(work, values)
            if call is not None:
                calls[name] = call
    times = in_turn(calls, rounds=max(3, round(scale * (20 if size < LARGEST else 6))), warm=2)
    to_lambdify, to_peer = TARGETS[size]
    task = f"{work.name}, {size:.0e} elements"
    found: list[Finding] = [*rows(SUITE, task, times, THEIRS, {OURS: to_lambdify}, work.name, size)]
    peers = [name for name in PEERS if name in calls]
    return [*found, *beside_fastest(SUITE, task, times, OURS, peers, to_peer, work.name, size)]
