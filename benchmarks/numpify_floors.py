"""What NumPy alone takes at least, where numpify without machine code can hardly do better.

python -m benchmarks.numpify_floors [--clock cpu]

A sum of short integers that is to be int64, beside the sum in the type itself; and `sin` and `cos` by the tangent of
half the angle, which NumPy has in vectors, with the largest error of each in units in the last place.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._timing import CLOCKS, in_turn, use_clock


SIZES = (10**5, 10**6)
ANGLES = 1 << 15
_HALF_PI = np.pi / 2
_REST = 6.123233995736766e-17  # pi/2 less the double next to it


def by_tangent(x: Any) -> Any:
    """sin(x) = 2t/(1 + t*t) with t = tan(x/2)."""
    t = np.tan(0.5 * x)
    return 2 * t / (1 + t * t)


def shifted(x: Any) -> Any:
    """cos(x) = sin(x + pi/2), of a sum in two parts."""
    high = x + _HALF_PI
    back = high - x
    low = (x - (high - back)) + (_HALF_PI - back) + _REST
    t = np.tan(0.5 * high)
    square = t * t
    return (2 * t + low * (1 - square)) / (1 + square)


def within_two(x: Any) -> Any:
    """sin(x) to less than 2 units: near 1 it is 1 less something small, else 2t less something."""
    t = np.tan(0.5 * x)
    size = np.abs(t)
    size = np.minimum(size, 1 / size)
    square = size * size
    below = 1 + square
    small = 2 * size - 2 * size * (square / below)
    rest = 1 - size
    return np.copysign(np.where(size > 0.5, 1 - rest * rest / below, small), t)


def ulps(function: Callable[[Any], Any], exact: Callable[[Any], Any], x: Any) -> float:
    """The largest error; `longdouble` has 11 bits more, where it is no double itself."""
    wanted = exact(x.astype(np.longdouble))
    return float(np.max(np.abs(function(x) - wanted) / np.spacing(np.abs(wanted.astype(float)))))


def sums(dtype: str, size: int) -> Sequence[tuple[str, float]]:
    """Times in units of the sum of the short type."""
    x, y = np.random.default_rng(0).integers(1, 50, (2, size)).astype(dtype)
    longer = {"int8": "int16", "int16": "int32", "int32": "int64"}[dtype]

    def filled() -> None:
        np.empty(size, np.int64).fill(1)

    times = in_turn({
        "x + y": lambda: x + y,
        "to fill an array of int64": filled,
        f'np.add(x, y, out=int64, dtype="{longer}")': lambda: np.add(x, y, np.empty(size, np.int64), dtype=longer),
        'np.add(x, y, dtype="int64")': lambda: np.add(x, y, dtype="int64"),
    })  # fmt: skip
    return [(name, times.ratio(name, "x + y").median) for name in times.seconds if name != "x + y"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    use_clock(parser.parse_args().clock)
    warm = np.ones(4 * 10**6)
    del warm
    for dtype in ("int8", "int16", "int32"):
        for size in SIZES:
            for name, ratio in sums(dtype, size):
                print(f"{dtype}, {size:.0e} elements: {name} takes {ratio:.1f} of x + y")
    x = np.random.default_rng(0).uniform(-20, 20, ANGLES)
    many = np.random.default_rng(1).uniform(-20, 20, 10**6)
    ways = {"np.sin": np.sin, "sin by tan": by_tangent, "sin by tan, to 2 ulp": within_two, "cos by tan": shifted}
    times = in_turn({name: lambda f=f: f(x) for name, f in ways.items()})
    for name, function in ways.items():
        exact = np.cos if name.startswith("cos") else np.sin
        nanoseconds = times.best(name) / ANGLES * 1e9
        print(f"{name}: {nanoseconds:.1f} ns an element, {ulps(function, exact, many):.2f} ulp at most")


if __name__ == "__main__":
    main()
