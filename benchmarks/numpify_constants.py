"""Where the constants of `numpify_ctx/_execution/blocks.py` come from: the time of a sweep, by the length of a block.

python -m benchmarks.numpify_constants [--clock cpu]

For each expression a table of ns an element at 1e6 elements, by block; then, by the size of the array, what blocks
take of what plain NumPy takes, which says from where on they pay.
"""

from __future__ import annotations

import argparse
import contextlib
import functools

from numpify_ctx._execution.blocks import Sizes
from numpify_ctx._execution.entry import Entry

from ._timing import CLOCKS, in_turn, use_clock, wall_clock
from .numpify_peers import OSCILLATOR, POLYNOMIAL, REPEATING, TRIG, Work, numpified


WORKS = (TRIG, POLYNOMIAL, OSCILLATOR, REPEATING)
LENGTHS = [1 << k for k in range(11, 18)]
SIZES = [1 << k for k in range(11, 19)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    use_clock(parser.parse_args().clock)
    for threads in (1, 2):
        print(f"ns an element at 1e6 elements on {threads} thread{'s' * (threads > 1)}, by elements a block")
        print(f"{'':24}" + "".join(f"{length:>9}" for length in LENGTHS))
        for work in WORKS:
            print(f"{work.name:24}" + "".join(f"{time:9.2f}" for time in by_length(work, threads)))
    print("time in blocks, in units of plain NumPy, by elements in all")
    print(f"{'':24}" + "".join(f"{size:>9}" for size in SIZES))
    for work in WORKS:
        print(f"{work.name:24}" + "".join(f"{against_plain(work, size):9.2f}" for size in SIZES))


def entry(work: Work, threads: int, sizes: Sizes) -> Entry:
    """The function of `work`, in blocks of these sizes."""
    return Entry(numpified(work)._origin.compiled.program, threads, sizes)


def by_length(work: Work, threads: int) -> list[float]:
    """Milliseconds for 1e6 elements, for each of LENGTHS."""
    values = work.sweep(10**6)
    calls = {
        str(length): functools.partial(entry(work, threads, Sizes(block=length, at_hand=1 << 60)), *values)
        for length in LENGTHS
    }
    with wall_clock() if threads > 1 else contextlib.nullcontext():
        times = in_turn(calls, rounds=15, warm=1)
    return [times.best(name) * 1e3 for name in calls]


def against_plain(work: Work, size: int) -> float:
    """What blocks take of what plain NumPy takes."""
    values = work.sweep(size)
    calls = {
        name: functools.partial(entry(work, 1, Sizes(large=large)), *values)
        for name, large in (("plain", 1 << 60), ("blocks", 0))
    }
    return in_turn(calls, rounds=30).ratio("blocks", "plain").best


if __name__ == "__main__":
    main()
