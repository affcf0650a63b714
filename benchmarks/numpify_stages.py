"""Where the time of compiling goes, and that of a call with few elements.

python -m benchmarks.numpify_stages [--clock cpu]

Each stage from an expression to the first result is timed alone, given what the stage before it made; and a call of
ten elements beside the bare ufuncs that it comes to, also with `out=`, and of a few special functions beside SciPy's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from numpify_ctx import numpify
from numpify_ctx._execution.entry import Entry
from numpify_ctx._lowering.rules import RULES
from numpify_ctx._lowering.walk import lower
from numpify_ctx._program.promotion import promoted
from numpify_ctx._program.shared import shortened
from numpify_ctx._program.signs import without_signs
from numpify_ctx._symbolic.names import call_signature

from ._timing import CLOCKS, in_turn, use_clock
from .numpify_peers import POLYNOMIAL, TRIG, Work, lambdified, many, numpified, optional, x, y


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


def few_elements() -> None:
    """Calls of ten elements: beside the ufuncs, with `out`, and of special functions that take several looks."""
    a, out = np.linspace(0.1, 1.1, 10), np.empty(10)
    for expr, bare in ((x + y, lambda: np.add(a, a)), (x * y + x, lambda: np.add(np.multiply(a, a), a))):
        ours, theirs = numpified(Work(str(expr), expr, (x, y)), native=False), sp.lambdify((x, y), expr)
        calls: dict[str, Callable[[], Any]] = {"ufuncs": bare, "lambdify": lambda f=theirs: f(a, a)}
        calls |= {"numpify": lambda f=ours: f(a, a), "numpify, out=": lambda f=ours: f(a, a, out=out)}
        times = in_turn(calls)
        print(f"{expr}, 10 elements: " + ", ".join(f"{n} {1e9 * times.best(n):.0f} ns" for n in times.seconds))
    special = optional("scipy.special")
    if special is None:
        return
    for expr, name in (
        (sp.beta(x, y), "beta"),
        (sp.binomial(x, y), "binom"),
        (sp.erfc(x), "erfc"),
        (sp.erfi(x), "erfi"),
    ):
        args = [a + i for i in range(len(expr.free_symbols))][::-1]
        ours, ufunc = numpify(expr, sorted(expr.free_symbols, key=str)), getattr(special, name)
        times = in_turn({"SciPy": lambda f=ufunc, v=args: f(*v), "numpify": lambda f=ours, v=args: f(*v)})
        print(f"{expr}, 10 elements: {times.ratio('numpify', 'SciPy').median:.1f} of SciPy's ufunc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    use_clock(parser.parse_args().clock)
    for work, rounds in ((TRIG, 60), (POLYNOMIAL, 60), (many(), 15)):
        times = in_turn(stages(work), rounds=rounds)
        for name in times.seconds:
            ratio = times.ratio(name, "lambdify and its first call").median
            print(f"{work.name}: {name}: {1e6 * times.best(name):.0f} us, {ratio:.3f} of lambdify's")
    few_elements()


if __name__ == "__main__":
    main()
