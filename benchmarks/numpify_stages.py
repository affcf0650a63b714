"""Where the time of compiling goes, and that of a call with few elements.

python -m benchmarks.numpify_stages [--clock cpu]

Each stage from an expression to the first result is timed alone, given what the stage before it made; and a call of
ten elements beside the bare ufuncs that it comes to.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from numpify_ctx._execution.entry import Entry
from numpify_ctx._lowering.rules import RULES
from numpify_ctx._lowering.walk import lower
from numpify_ctx._program.promotion import promoted
from numpify_ctx._program.shared import shortened
from numpify_ctx._program.signs import without_signs
from numpify_ctx._symbolic.names import call_signature

from ._timing import CLOCKS, in_turn, use_clock
from .numpify_peers import POLYNOMIAL, TRIG, Work, lambdified, many, numpified, x, y


def stages(work: Work) -> dict[str, Callable[[], Any]]:
    """What the stages do, one after the other, and all of it together."""
    signature = call_signature(work.arguments)
    point = work.point()
    lowered = lower(work.expr, signature, RULES, {})
    short = shortened(lowered)
    program = without_signs(promoted(short))
    return {
        "lambdify and its first call": lambda: lambdified(work)(*point),
        "all": lambda: numpified(work, native=False)(*point),
        "lowering": lambda: lower(work.expr, signature, RULES, {}),
        "Horner, common factors, shared products": lambda: shortened(lowered),
        "promotion, and minus signs": lambda: without_signs(promoted(short)),
        "source for numbers, and the first call": lambda: Entry(program)(*point),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    use_clock(parser.parse_args().clock)
    for work, rounds in ((TRIG, 60), (POLYNOMIAL, 60), (many(), 15)):
        times = in_turn(stages(work), rounds=rounds)
        for name in times.seconds:
            ratio = times.ratio(name, "lambdify and its first call").median
            print(f"{work.name}: {name}: {1e6 * times.best(name):.0f} us, {ratio:.3f} of lambdify's")
    a = np.linspace(0.1, 1.1, 10)
    for expr, bare in ((x + y, lambda: np.add(a, a)), (x * y + x, lambda: np.add(np.multiply(a, a), a))):
        ours, theirs = numpified(Work(str(expr), expr, (x, y)), native=False), sp.lambdify((x, y), expr)
        times = in_turn({"ufuncs": bare, "lambdify": lambda f=theirs: f(a, a), "numpify": lambda f=ours: f(a, a)})
        print(f"{expr}, 10 elements: " + ", ".join(f"{n} {1e9 * times.best(n):.0f} ns" for n in times.seconds))


if __name__ == "__main__":
    main()
