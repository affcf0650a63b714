"""Several results over arrays: lists of expressions and matrices, beside lambdify and a loop compiled by numba.

lambdify(cse=True) gives a list of arrays. A matrix comes to it as the list of its entries, as it makes no array of
entries of which some are constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from numpify_ctx import numpify

from ._report import Finding, rows
from ._timing import in_turn
from .numpify_peers import optional


SUITE = "numpify.several"
OURS, THEIRS = "numpify, NumPy", "lambdify, cse"
SIZES = (10, 10**3, 10**5)
# By size: at most so much of lambdify's time, with the extra `fast` and without.
TARGETS = {10: (1.0, 1.25), 10**3: (1.0, 1.25), 10**5: (1.0, 1.1)}

x, y, z = sp.symbols("x y z")


def works() -> dict[str, Any]:
    """The expressions, of three variables."""
    value = sp.exp(-(x**2 + y**2) / 2) * sp.cos(z) + x * y * z
    gradient = [sp.diff(value, v) for v in (x, y, z)]
    second = [sp.diff(value, v, w) for i, v in enumerate((x, y, z)) for w in (x, y, z)[i:]]
    about = sp.rot_axis3(z) * sp.rot_axis2(y) * sp.rot_axis1(x)
    return {
        "x*y and x + z": [x * y, x + z],
        "value and gradient": [value, *gradient],
        "value, gradient and Hessian": [value, *gradient, *second],
        "3x3 rotation": about,
        "Jacobian of a turned point": (about * sp.Matrix([x, y, z])).jacobian([x, y, z]),
    }


def measure(scale: float) -> list[Finding]:
    from numpify_ctx._emission.native.machine import why_unavailable

    warm = np.ones(4 * 10**6)
    del warm
    found: list[Finding] = []
    for name, expr in works().items():
        entries = list(expr)
        ours: dict[str, Callable[..., Any]] = {OURS: numpify(expr, [x, y, z], cache=False, native=False)}
        if why_unavailable() is None:
            ours["numpify, native"] = numpify(expr, [x, y, z], cache=False, native=True)
        theirs = sp.lambdify([x, y, z], entries, cse=True)
        loop = _by_numba(entries)
        for size in SIZES:
            stacked = np.random.default_rng(size).uniform(0.1, 1.1, (3, size))
            values = list(stacked)
            calls: dict[str, Callable[[], Any]] = {THEIRS: lambda f=theirs, v=values: f(*v)}
            calls |= {who: lambda f=f, v=values: f(*v) for who, f in ours.items()}
            if loop is not None:
                calls["numba"] = lambda f=loop, v=stacked: f(v)
            times = in_turn(calls, rounds=max(5, round(40 * scale)), warm=3)
            with_fast, without = TARGETS[size]
            targets = {"numpify, native": with_fast, OURS: without}
            found += rows(SUITE, f"{name}, {size:.0e} elements", times, THEIRS, targets, name, size)
    return found


def _by_numba(entries: Sequence[Any]) -> Callable[[Any], Any] | None:
    """A loop over points, from an array with a row for each variable to one with a row for each result."""
    numba = optional("numba")
    if numba is None:
        return None
    floats = tuple([sp.sympify(entry) + sp.Float(0) for entry in entries])
    body = numba.njit(sp.lambdify([x, y, z], floats, "math", cse=True))
    count = len(entries)

    @numba.njit
    def loop(a: Any) -> Any:
        out = np.empty((count, a.shape[1]))
        for i in range(a.shape[1]):
            found = body(a[0, i], a[1, i], a[2, i])
            for k in range(count):
                out[k, i] = found[k]
        return out

    compiled: Callable[[Any], Any] = loop
    return compiled
