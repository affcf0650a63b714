"""Sweeps over arrays: numpify beside lambdify and numexpr, with numba and jax.jit for reference."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

from ._report import Fact, Finding, Row, rows
from ._timing import Times, in_turn, wall_clock
from .numpify_peers import (
    DECAY,
    OSCILLATOR,
    POLYNOMIAL,
    REPEATING,
    TRIG,
    Work,
    by_jax,
    by_numba,
    by_numexpr,
    lambdified,
    many,
    numpified,
)


SUITE = "numpify.arrays"

# size -> expression -> the most that we accept, of what lambdify takes and of what numexpr takes on one thread
TARGETS: Mapping[int, Mapping[str, tuple[float, float | None]]] = {
    10**3: {"trig and polynomial": (1.1, None), "2000 operations": (0.2, None)},
    10**5: {
        "trig and polynomial": (0.95, 1.0),
        "polynomial": (0.65, 0.8),
        "damped oscillator": (0.6, 0.5),
        "50 repeating terms": (0.15, 0.5),
        "2000 operations": (0.15, 1.0),
    },
    10**7: {"trig and polynomial": (0.9, 1.0), "polynomial": (0.45, 0.7), "damped oscillator": (0.2, 0.5)},
}


def measure(scale: float) -> list[Finding]:
    found: list[Finding] = []
    for size in TARGETS:
        for work in (TRIG, POLYNOMIAL, OSCILLATOR, DECAY, REPEATING, many()):
            if size <= work.sized:
                found += _sweep(work, size, scale)
    return [*found, *_threads(scale), *_freezing(scale), *_memory()]


def _rounds(size: int, scale: float) -> int:
    return max(3, round(scale * (12 if size > 10**6 else 40)))


def _sweep(work: Work, size: int, scale: float) -> list[Finding]:
    values = work.sweep(size)
    ours, theirs, with_cse = numpified(work), lambdified(work), lambdified(work, cse=True)
    possible: dict[str, Callable[[], Any] | None] = {
        "lambdify": lambda: theirs(*values),
        "numpify": lambda: ours(*values),
        "lambdify, cse": lambda: with_cse(*values),
        "numexpr": by_numexpr(work, values),
        "numba": by_numba(work, values),
        "jax.jit": by_jax(work, values),
    }
    calls = {name: call for name, call in possible.items() if call is not None}
    times = in_turn(calls, rounds=_rounds(size, scale), warm=1)
    to_lambdify, to_numexpr = TARGETS[size].get(work.name, (None, None))
    task = f"{work.name}, 1e{len(str(size)) - 1} elements"
    found = rows(SUITE, task, times, "lambdify", {} if to_lambdify is None else {"numpify": to_lambdify})
    if "numexpr" in calls:
        found.insert(1, _row(task, times, "numpify", "numexpr", to_numexpr))
    return [*found]


def _row(task: str, times: Times, who: str, peer: str, target: float | None) -> Row:
    return Row(SUITE, task, who, peer, times.ratio(who, peer), times.best(who), times.best(peer), target)


def _threads(scale: float) -> list[Finding]:
    """Always by the clock on the wall: processor time is not less on two threads."""
    found: list[Finding] = []
    for work in (TRIG, POLYNOMIAL, OSCILLATOR):
        values = work.sweep(10**7)
        one, two = numpified(work), numpified(work, threads=2)
        calls = {"one thread": lambda f=one, v=values: f(*v), "two threads": lambda f=two, v=values: f(*v)}
        with wall_clock():
            times = in_turn(calls, rounds=_rounds(10**7, scale), warm=1)
        found += rows(SUITE, f"{work.name}, 1e7 elements", times, "one thread", {"two threads": 0.7})
    return found


def _freezing(scale: float) -> list[Finding]:
    """What depends on frozen numbers alone is computed once: less is left for the sweep."""
    import sympy as sp

    from numpify_ctx import numpify

    x, a, b = sp.symbols("x a b")
    f = numpify(x * sp.sin(a) ** 2 + sp.exp(a * b) * x**2, [x, a, b], cache=False)
    (values,) = TRIG.sweep(10**5)
    spread = values * 0 + 0.5
    frozen = f.freeze({a: 0.5, b: 0.5})
    calls = {"all arrays": lambda: f(values, spread, spread), "frozen": lambda: frozen(values)}
    return [*rows(SUITE, "two of three parameters frozen, 1e5 elements", in_turn(calls, rounds=30), "all arrays")]


def _memory() -> list[Finding]:
    """Memory beside the arguments and the result, at its peak."""
    values = OSCILLATOR.sweep(10**7)
    theirs = _peak(lambdified(OSCILLATOR), values)
    task = "damped oscillator, 1e7 elements: memory beside the result"
    found: list[Finding] = [Fact(SUITE, f"{task}, lambdify", f"{theirs / 2**20:.1f} MiB")]
    for threads in (1, 2):
        ours = _peak(numpified(OSCILLATOR, threads=threads), values)
        text = f"{ours / 2**20:.1f} MiB, {ours / theirs:.2g} of lambdify's"
        found.append(
            Fact(SUITE, f"{task}, numpify on {threads} thread{'s' * (threads > 1)}", text, ours <= 0.25 * theirs)
        )
    return found


def _peak(function: Callable[..., Any], values: Any) -> int:
    function(*values)
    tracemalloc.start()
    try:
        result = function(*values)
        return tracemalloc.get_traced_memory()[1] - int(result.nbytes)
    finally:
        tracemalloc.stop()
