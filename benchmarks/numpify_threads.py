"""Large arrays on two threads beside one: by the clock on the wall, and only of use while the processors are idle."""

from __future__ import annotations

from ._report import Finding, rows
from ._timing import in_turn, wall_clock
from .numpify_peers import OSCILLATOR, POLYNOMIAL, TRIG, numpified


SUITE = "numpify.threads"
SIZE = 10**7


def measure(scale: float) -> list[Finding]:
    found: list[Finding] = []
    for work in (TRIG, POLYNOMIAL, OSCILLATOR):
        values = work.sweep(SIZE)
        for name, native in (("NumPy", False), ("native", True)):
            one, two = numpified(work, native=native), numpified(work, threads=2, native=native)
            calls = {"one thread": lambda f=one, v=values: f(*v), "two threads": lambda f=two, v=values: f(*v)}
            with wall_clock():
                times = in_turn(calls, rounds=max(3, round(20 * scale)), warm=1)
            found += rows(SUITE, f"{work.name}, 1e7 elements, {name}", times, "one thread", {"two threads": 0.6})
    return found
