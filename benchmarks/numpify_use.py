"""Calls as programs make them: numbers of all types, matrices, solvers and fits, special functions, bound calls.

Without the extra `fast` there are only the rows of NumPy. The peer of a row is the faster of `lambdify` and
`lambdify(cse=True)`, or what the row names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify

from ._report import Finding, Row
from ._timing import in_turn
from .numpify_peers import TRIG, lambdified, numpified, optional


SUITE = "numpify.use"
Calls = dict[str, Callable[[], Any]]

x, y = sp.symbols("x y")
# What is passed for x -> the module of lambdify that is the peer, and the most that we accept of what it takes.
NUMBERS: Mapping[str, tuple[Any, str, float]] = {
    "float": (0.25, "math", 1.3), "int": (3, "math", 2.0), "bool": (True, "math", 2.0),
    "float64": (np.float64(0.25), "math", 2.0), "complex": (0.25 + 0.5j, "numpy", 1.5),
    "float32": (np.float32(0.25), "numpy", 1.5), "rank 0": (np.array(0.25), "numpy", 1.5),
}  # fmt: skip
SPECIAL = {"erf": sp.erf(x), "gamma": sp.gamma(x), "besselj": sp.besselj(0, x), "loggamma": sp.loggamma(x)}
SIZES_OF_SPECIAL = {10: 2.0, 10**3: 1.1, 10**5: 1.05}


def measure(scale: float) -> list[Finding]:
    return [
        *_numbers(scale), *_matrices(scale), *_solving(scale), *_fitting(scale), *_special(scale), *_bound(scale),
    ]  # fmt: skip


def _fastest(task: str, calls: Calls, ours: str, target: float | None, scale: float) -> Row:
    """A row of ours beside the fastest of the other calls."""
    with np.errstate(all="ignore"):
        times = in_turn(calls, rounds=max(5, round(40 * scale)))
    peer = min((name for name in calls if name != ours), key=times.best)
    return Row(SUITE, task, ours, peer, times.ratio(ours, peer), times.best(ours), times.best(peer), target)


def _numbers(scale: float) -> list[Finding]:
    found: list[Finding] = []
    ours = numpified(TRIG)
    for name, (value, module, target) in NUMBERS.items():
        theirs, shared = lambdified(TRIG, modules=module), lambdified(TRIG, modules=module, cse=True)
        calls: Calls = {
            "numpify": lambda v=value: ours(v),
            f"lambdify, {module}": lambda f=theirs, v=value: f(v),
            f"lambdify, {module}, cse": lambda f=shared, v=value: f(v),
        }
        found.append(_fastest(f"call with {name}", calls, "numpify", target, scale))
    five = sp.symbols("a:5")
    expr = five[0] * five[1] + five[2] * sp.sin(five[3]) - five[4] ** 2
    mixed = (0.5, 2, np.float64(0.25), True, 3)
    f, g = numpify(expr, list(five), cache=False), sp.lambdify(five, expr, "math")
    calls = {"numpify": lambda: f(*mixed), "lambdify, math": lambda: g(*mixed)}
    found.append(_fastest("call with float, int, float64 and bool", calls, "numpify", 2.0, scale))
    if optional("numba") is not None:
        import numba

        compiled = numba.njit(lambdified(TRIG, modules="math", cse=True))
        calls = {"numpify": lambda: ours(0.25), "numba": lambda: compiled(0.25)}
        found.append(_fastest("call with float", calls, "numpify", 2.0, scale))
    return found


def rotation(size: int) -> tuple[list[sp.Symbol], sp.Matrix]:
    """Angles, and the product of turns by each in one plane after the other."""
    angles = list(sp.symbols(f"q:{size}"))
    total = sp.eye(size)
    for i in range(size - 1):
        c, s = sp.cos(angles[i]), sp.sin(angles[i])
        turn = sp.eye(size)
        turn[i, i], turn[i, i + 1], turn[i + 1, i], turn[i + 1, i + 1] = c, -s, s, c
        total = total * turn
    return angles, total


def _matrices(scale: float) -> list[Finding]:
    found: list[Finding] = []
    for size in (3, 6, 12):
        angles, matrix = rotation(size)
        point = [0.1 * (i + 1) for i in range(size)]
        f, g = numpify(matrix, angles, cache=False), sp.lambdify(angles, matrix)
        h = sp.lambdify(angles, matrix, cse=True)
        calls: Calls = {
            "numpify": lambda f=f, p=point: f(*p),
            "lambdify": lambda f=g, p=point: f(*p),
            "lambdify, cse": lambda f=h, p=point: f(*p),
        }
        found.append(_fastest(f"matrix of numbers, {size}x{size}", calls, "numpify", 1.0, scale))
    return found


def _solving(scale: float) -> list[Finding]:
    """A pendulum through SciPy's solver, which passes an array of float64 for the state."""
    if optional("scipy") is None:
        return []
    from scipy.integrate import solve_ivp

    t, q, p, damping = sp.symbols("t q p c")
    right = [p, -sp.sin(q) - damping * p + sp.cos(t) * sp.exp(-t / 10)]
    forms = {
        "numpify": numpify(right, [t, (q, p), damping], cache=False),
        "lambdify": sp.lambdify([t, (q, p), damping], right),
        "lambdify, cse": sp.lambdify([t, (q, p), damping], right, cse=True),
    }
    calls: Calls = {
        name: lambda f=f: solve_ivp(f, (0, 20), [1.0, 0.0], args=(0.1,), rtol=1e-8) for name, f in forms.items()
    }
    return [_fastest("solve_ivp", calls, "numpify", 1.0, scale / 2)]


def _fitting(scale: float) -> list[Finding]:
    if optional("scipy") is None:
        return []
    from scipy.optimize import curve_fit

    found: list[Finding] = []
    a, b, w = sp.symbols("a b w")
    expr = a * sp.exp(-(((x - b) / w) ** 2)) + 1
    for size in (50, 1000, 10_000):
        at = np.linspace(-3, 3, size)
        forms: dict[str, Any] = {
            "numpify": numpify(expr, [x, a, b, w], cache=False),
            "lambdify": sp.lambdify([x, a, b, w], expr),
            "lambdify, cse": sp.lambdify([x, a, b, w], expr, cse=True),
        }
        data = forms["lambdify"](at, 2.0, 0.5, 1.2)
        calls: Calls = {
            name: lambda f=f, at=at, data=data: curve_fit(f, at, data, p0=(1.0, 0.1, 1.0)) for name, f in forms.items()
        }
        found.append(_fastest(f"curve_fit, {size} points", calls, "numpify", 1.0, scale / 2))
    return found


def _special(scale: float) -> list[Finding]:
    if optional("scipy") is None:
        return []
    from scipy import special

    of_scipy: dict[str, Callable[[Any], Any]] = {
        "erf": special.erf, "gamma": special.gamma, "besselj": lambda v: special.jv(0, v),
        "loggamma": special.loggamma,
    }  # fmt: skip
    found: list[Finding] = []
    for name, expr in SPECIAL.items():
        for size, target in SIZES_OF_SPECIAL.items():
            values = np.random.default_rng(size).uniform(0.5, 3, size)
            f, ufunc = numpify(expr, [x], cache=False), of_scipy[name]
            calls: Calls = {"numpify": lambda f=f, v=values: f(v), "SciPy's ufunc": lambda f=ufunc, v=values: f(v)}
            found.append(_fastest(f"{name}, {size} elements", calls, "numpify", target, scale))
    return found


def _bound(scale: float) -> list[Finding]:
    """Two parameters frozen, one dynamic, beside the unbound `lambdify`."""
    a, b, c = sp.symbols("a b c")
    expr = a * sp.exp(-(((x - b) / c) ** 2)) + a * x
    symbols = (x, a, b, c)
    f = numpify(expr, list(symbols), cache=False).freeze({a: 1.5, c: 2.5, b: DYNAMIC_PARAMETER})
    bound = f.set_parameter_context(Parameters({b: 2.0}))
    g, h = sp.lambdify(symbols, expr), sp.lambdify(symbols, expr, cse=True)
    found: list[Finding] = []
    for size, target in ((0, 2.0), (10, 1.0), (10**4, 1.0)):
        value: Any = 0.5 if not size else np.linspace(0.1, 1.1, size)
        calls: Calls = {
            "numpify": lambda v=value: bound(v),
            "lambdify": lambda v=value: g(v, 1.5, 2.0, 2.5),
            "lambdify, cse": lambda v=value: h(v, 1.5, 2.0, 2.5),
        }
        found.append(
            _fastest(f"bound call, {size} elements" if size else "bound call, numbers", calls, "numpify", target, scale)
        )
    return found
