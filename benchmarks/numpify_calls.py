"""What it takes to compile, and to call with numbers: numpify beside lambdify."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from typing import Any

import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify

from ._report import Finding, rows
from ._timing import in_turn
from .numpify_peers import REPEATING, TRIG, lambdified, many, numpified, wide


SUITE = "numpify.calls"


def measure(scale: float) -> list[Finding]:
    return [*_compile(scale), *_numbers(scale), *_bound(scale)]


def _compile(scale: float) -> list[Finding]:
    """Compiling and the first call, with numbers; nothing comes from a cache."""
    found: list[Finding] = []
    for work, rounds, target in ((TRIG, 60, 0.35), (many(), 12, 0.15), (wide(), 6, 0.15)):
        point = work.point()
        calls = {
            "lambdify": lambda work=work, point=point: lambdified(work)(*point),
            "numpify": lambda work=work, point=point: numpified(work)(*point),
            "numpify, cached": lambda work=work, point=point: numpify(work.expr, list(work.arguments))(*point),
        }
        # Without a deeper stack, lambdify ends in a RecursionError on the wide sum.
        times = _deep(lambda calls=calls, rounds=rounds: in_turn(calls, rounds=max(3, round(rounds * scale)), warm=1))
        name = "a small expression" if work is TRIG else work.name
        found += rows(SUITE, f"compile {name}", times, "lambdify", {"numpify": target})
    return found


def _deep(call: Callable[[], Any]) -> Any:
    """What `call` gives with a stack for deep recursion."""
    found: list[Any] = []
    context = contextvars.copy_context()
    limit, size = sys.getrecursionlimit(), threading.stack_size(512 * 2**20)
    sys.setrecursionlimit(200_000)
    try:
        worker = threading.Thread(target=lambda: found.append(context.run(call)))
        worker.start()
        worker.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    return found[0]


def _numbers(scale: float) -> list[Finding]:
    found: list[Finding] = []
    for work, target in ((TRIG, 1.0), (REPEATING, 0.3), (many(), 0.15)):
        point = work.point()
        ours, theirs, with_math = numpified(work), lambdified(work), lambdified(work, modules="math")
        with_cse = lambdified(work, cse=True)
        calls = {
            "lambdify": lambda f=theirs, p=point: f(*p),
            "numpify": lambda f=ours, p=point: f(*p),
            "lambdify, cse": lambda f=with_cse, p=point: f(*p),
            "lambdify, math": lambda f=with_math, p=point: f(*p),
        }
        times = in_turn(calls, rounds=round(60 * scale) or 1)
        found += rows(SUITE, f"call with numbers: {work.name}", times, "lambdify", {"numpify": target})
    return found


def _bound(scale: float) -> list[Finding]:
    """Five parameters: two frozen, one dynamic, two passed."""
    x, y, a, b, c = symbols = sp.symbols("x y a b c")
    expr = a * x**2 + b * x + c * y
    theirs: Callable[..., Any] = sp.lambdify(symbols, expr)
    f = numpify(expr, list(symbols), cache=False).freeze({a: 1.5, c: 2.5, b: DYNAMIC_PARAMETER})
    knobs, mapping = f.set_parameter_context(Parameters({b: 2.0})), f.set_parameter_context({b: 2.0})
    frozen = f.freeze({b: 2.0})
    calls = {
        "lambdify": lambda: theirs(0.25, 0.5, 1.5, 2.0, 2.5),
        "numpify": lambda: knobs(0.25, 0.5),
        "numpify, a dict as context": lambda: mapping(0.25, 0.5),
        "numpify, all frozen": lambda: frozen(0.25, 0.5),
    }
    times = in_turn(calls, rounds=round(100 * scale) or 1)
    return [*rows(SUITE, "bound call", times, "lambdify", {"numpify": 3.0})]
