"""Sweeps over arrays: numpify beside lambdify and numexpr, with numba and jax.jit for reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ._report import Fact, Finding, Row, rows
from ._timing import Times, in_turn
from .numpify_limits import peak_memory
from .numpify_peers import (
    DECAY,
    INTEGERS,
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
    works = (TRIG, POLYNOMIAL, OSCILLATOR, DECAY, INTEGERS, REPEATING, many())
    sweeps = [(work, size) for size in TARGETS for work in works if size <= work.sized]
    found: list[Finding] = []
    for work, size in sweeps:
        found += _sweep(work, size, scale)
    found += [*_freezing(scale), *_memory()]
    # Last, as jax and numba leave an allocator behind that hands less memory back to the system: then what takes much
    # of it, as lambdify does, has fewer pages to pay for.
    for work, size in sweeps:
        found += _references(work, size, scale)
    return found


def _rounds(size: int, scale: float) -> int:
    return max(3, round(scale * (12 if size > 10**6 else 40)))


def _task(work: Work, size: int) -> str:
    return f"{work.name}, 1e{len(str(size)) - 1} elements"


def _sweep(work: Work, size: int, scale: float) -> list[Finding]:
    values = work.sweep(size)
    ours, theirs, with_cse = numpified(work, native=False), lambdified(work), lambdified(work, cse=True)
    calls: dict[str, Callable[[], Any]] = {
        "lambdify": lambda: theirs(*values),
        "numpify": lambda: ours(*values),
        "lambdify, cse": lambda: with_cse(*values),
    }
    numexpr = by_numexpr(work, values)
    if numexpr is not None:
        calls["numexpr"] = numexpr
    times = in_turn(calls, rounds=_rounds(size, scale), warm=1)
    to_lambdify, to_numexpr = TARGETS[size].get(work.name, (None, None))
    task = _task(work, size)
    found: list[Finding] = [_row(task, times, "numpify", "lambdify", to_lambdify)]
    if numexpr is not None:
        found.append(_row(task, times, "numpify", "numexpr", to_numexpr))
    return [*found, _row(task, times, "lambdify, cse", "lambdify", None)]


def _references(work: Work, size: int, scale: float) -> list[Finding]:
    """What compiles to machine code takes of what numpify takes."""
    values = work.sweep(size)
    ours = numpified(work, native=False)
    possible = {"numba": by_numba(work, values), "jax.jit": by_jax(work, values)}
    calls: dict[str, Callable[[], Any]] = {"numpify": lambda: ours(*values)}
    calls |= {name: call for name, call in possible.items() if call is not None}
    times = in_turn(calls, rounds=_rounds(size, scale), warm=1)
    return [*rows(SUITE, _task(work, size), times, "numpify")]


def _row(task: str, times: Times, who: str, peer: str, target: float | None) -> Row:
    return Row(SUITE, task, who, peer, times.ratio(who, peer), times.best(who), times.best(peer), target)


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
        ours = _peak(numpified(OSCILLATOR, threads=threads, native=False), values)
        text = f"{ours / 2**20:.1f} MiB, {ours / theirs:.2g} of lambdify's"
        found.append(
            Fact(SUITE, f"{task}, numpify on {threads} thread{'s' * (threads > 1)}", text, ours <= 0.25 * theirs)
        )
    return found


def _peak(function: Callable[..., Any], values: Any) -> int:
    function(*values)
    return peak_memory(lambda: function(*values))
