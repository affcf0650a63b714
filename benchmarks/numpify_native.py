"""Machine code beside what runs in NumPy, and beside what else compiles: the extra `fast` is needed.

The allocator is warm: an array of 30 MB was freed before, as in any process that has worked for a while, so that what
takes much memory has no fresh pages to pay for. That is the better state for lambdify.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from ._report import Fact, Finding, rows
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
SIZES = (10, 10**3, 10**5, 10**6)
# At most so much of what lambdify with cse takes, by size.
TARGETS = {10: 1.0, 10**3: 1.0, 10**5: 1.0, 10**6: 1.0}

# What a peer has no form of, or takes minutes to compile.
_WITHOUT = {
    ("three arms", "numexpr"), ("Max, Min, Abs", "numexpr"), ("three arms", "casadi"),
    ("Max, Min, Abs", "casadi"), ("Max, Min, Abs", "heyoka"), ("three arms", "heyoka"),
}  # fmt: skip

# A peer that takes longer to make ready for so many elements than all others to compute.
_MOST = {"casadi": 10**3}

PRODUCT = Work("product and sum", x * y + x, (x, y))
LOGARITHMS = Work("exp and log", sp.log(1 + sp.exp(-x)) + sp.exp(-(x**2) / 2) * sp.log(x + 2), (x,))
POWER = Work("two powers", x ** sp.Rational(13, 10) + x ** sp.Rational(1, 3), (x,))
GENERAL_POWER = Work("x**y", x**y, (x, y))
PIECES = Work("three arms", sp.Piecewise((x**2, x < 0.4), (sp.sin(x), x < 0.8), (sp.exp(-x), True)), (x,))
EXTREMA = Work("Max, Min, Abs", sp.Max(x, y) + sp.Min(x, 2 * y) + sp.Abs(y - x), (x, y))


def measure(scale: float) -> list[Finding]:
    from numpify_ctx._emission.native.machine import why_unavailable

    why = why_unavailable()
    if why is not None:
        return [Fact(SUITE, "machine code", f"none: {why}")]
    warm = np.ones(4 * 10**6)
    del warm
    works = [TRIG, POLYNOMIAL, OSCILLATOR, DECAY, PRODUCT, LOGARITHMS, POWER, GENERAL_POWER, PIECES, EXTREMA, INTEGERS]
    found: list[Finding] = [Fact(SUITE, f"beside {name}", "absent: it is not installed") for name in absent()]
    for work in [*works, REPEATING, many()]:
        found.append(_compiling(work))
        for size in SIZES:
            if size <= 10 * work.sized:
                found += _sweep(work, size, scale)
    return found


def _compiling(work: Work) -> Finding:
    """How long the kernel took."""
    function = numpified(work, native=True)
    begun = time.process_time()
    function(*work.sweep(10))
    return Fact(SUITE, f"{work.name}: the first call, which compiles", f"{1000 * (time.process_time() - begun):.0f} ms")


def _sweep(work: Work, size: int, scale: float) -> list[Finding]:
    values = work.sweep(size)
    theirs = lambdified(work, cse=True)
    ours = {"numpify, native": numpified(work, native=True), "numpify, NumPy": numpified(work, native=False)}
    calls: dict[str, Callable[[], Any]] = {"lambdify, cse": lambda: theirs(*values)}
    calls |= {name: lambda f=f: f(*values) for name, f in ours.items()}
    for name, peer in PEERS.items():
        if (work.name, name) not in _WITHOUT and size <= _MOST.get(name, size):
            call = peer(work, values)
            if call is not None:
                calls[name] = call
    times = in_turn(calls, rounds=max(3, round(scale * 20)), warm=2)
    targets = {"numpify, native": TARGETS[size]}
    return [*rows(SUITE, f"{work.name}, {size:.0e} elements", times, "lambdify, cse", targets, work.name, size)]
