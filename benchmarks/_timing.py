"""Time callables in turn, so that what slows the machine down slows all of them, and compare them by ratios.

One round times a block of calls of each, in an order that rotates; a ratio is taken within a round, never across.
Two ratios are reported. The one of the fastest rounds says what the code costs, as noise only ever adds; a tenth of
the rounds is taken, since a single one may be a stroke of luck. The median of the ratios within each round says what is
seen in use; its quartiles say how far to trust it.
"""

from __future__ import annotations

import contextlib
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass


Call = Callable[[], object]

# What is read before and after a block. The processor time of all threads leaves out what other programs take: that
# is the one to compare by on a machine that is not idle.
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
_CLOCK: ContextVar[str] = ContextVar("clock", default="wall")


def use_clock(name: str) -> None:
    """Measure by this one of `CLOCKS` from now on."""
    _CLOCK.set(name)


@contextlib.contextmanager
def wall_clock() -> Iterator[None]:
    """Measure by the clock on the wall in this block, whatever is chosen: for what runs on several threads."""
    token = _CLOCK.set("wall")
    try:
        yield
    finally:
        _CLOCK.reset(token)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How long one callable takes in units of another.

    Attributes:
        best: of the times of the fastest rounds.
        median, low, high: of the rounds' ratios, the median and the quartiles.
    """

    best: float
    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.best:.3g} (median {self.median:.3g}, {self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds for one call, for each callable a list with an entry for each round."""

    seconds: Mapping[str, list[float]]

    def best(self, name: str) -> float:
        """The mean over the fastest tenth of the rounds."""
        fastest = sorted(self.seconds[name])
        return statistics.fmean(fastest[: max(1, len(fastest) // 10)])

    def ratio(self, name: str, to: str) -> Ratio:
        """How long `name` takes in units of `to`."""
        ratios = [a / b for a, b in zip(self.seconds[name], self.seconds[to], strict=True)]
        low, median, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        return Ratio(self.best(name) / self.best(to), median, low, high)


def in_turn(calls: Mapping[str, Call], *, rounds: int = 60, block: float = 0.004, warm: int = 3) -> Times:
    """Time every call in every round.

    Args:
        block: how many seconds the calls of one block take together, about; a call that takes longer is a block.
        warm: how often each is called before, so that what compiles has compiled.
    """
    repeats = {}
    for name, call in calls.items():
        for _ in range(warm):
            call()
        once = min(_block(call, 1) for _ in range(3))
        repeats[name] = max(1, round(block / once))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    with _no_collection():
        for round_ in range(rounds):
            turn = round_ % len(names)
            for name in names[turn:] + names[:turn]:
                seconds[name].append(_block(calls[name], repeats[name]))
            gc.collect(0)
    return Times(seconds)


def _block(call: Call, repeats: int) -> float:
    clock = CLOCKS[_CLOCK.get()]
    begin = clock()
    for _ in range(repeats):
        call()
    return (clock() - begin) / repeats


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
