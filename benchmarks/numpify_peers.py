"""The expressions that numpify is measured on, and the same functions by its peers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import sympy as sp

from numpify_ctx import numpify


x, y = sp.symbols("x y")
t, tau, omega, omega0, gamma = sp.symbols("t tau omega omega_0 gamma", positive=True)


@dataclass(frozen=True, slots=True)
class Work:
    """An expression, its arguments, and for each whether it is an array in the sweeps, or a number.

    `sized`: the greatest size at which it is measured. `whole`: the arrays are of integers.
    """

    name: str
    expr: Any
    arguments: tuple[Any, ...]
    numbers: tuple[float, ...] = ()
    sized: int = 10**7
    whole: bool = False

    def point(self) -> tuple[float, ...]:
        """Arguments that are all numbers."""
        return (*(0.25 + 0.5 * i for i in range(len(self.arguments) - len(self.numbers))), *self.numbers)

    def sweep(self, size: int) -> tuple[Any, ...]:
        """Arguments of which the first ones are arrays."""
        rng = np.random.default_rng(size)
        count = len(self.arguments) - len(self.numbers)
        arrays = [rng.integers(-1000, 1000, size) if self.whole else rng.uniform(0.1, 1.1, size) for _ in range(count)]
        return (*arrays, *self.numbers)


TRIG = Work("trig and polynomial", sp.sin(x) ** 2 * sp.cos(x) + x**3 - 2 * x + 1, (x,))
POLYNOMIAL = Work("polynomial", 3 * x**5 - 2 * x**4 + x**3 / 3 - x + 7, (x,))
OSCILLATOR = Work(  # how far it swings, by the frequency that drives it
    "damped oscillator",
    1 / sp.sqrt((omega0**2 - omega**2) ** 2 + (omega * gamma) ** 2),
    (omega, omega0, gamma),
    (2.0, 0.3),
)
DECAY = Work("damped oscillator in time", sp.exp(-t / tau) * sp.cos(omega * t), (t, omega, tau), (2.0, 3.0))
INTEGERS = Work("polynomial of integers", x**2 + 3 * x * y - y + 7, (x, y), whole=True)
REPEATING = Work(
    "50 repeating terms",
    sp.Add(*(k * sp.sin(x * y) * sp.exp(-(x**2)) / (k + x**2) for k in range(1, 51))),
    (x, y),
    sized=10**5,
)


def many() -> Work:
    """What comes of deriving: about 2000 operations, of which many are the same."""
    expr = sp.sin(x * y) * sp.exp(-(x**2) / 2) / (1 + x**2)
    while sp.count_ops(expr) < 2000:
        expr = sp.diff(expr, x)
    return Work("2000 operations", expr, (x, y), sized=10**5)


def wide() -> Work:
    """A sum of 3000 terms, on which SymPy's printer recurses."""
    return Work("a sum of 3000 terms", sp.Add(*(k * sp.sin(k * x) for k in range(1, 3001))), (x,))


def optional(name: str) -> ModuleType | None:
    """A peer that may not be installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def lambdified(work: Work, **options: Any) -> Callable[..., Any]:
    """By SymPy, for NumPy."""
    function: Callable[..., Any] = sp.lambdify(work.arguments, work.expr, **{"modules": "numpy"} | options)
    return function


def numpified(work: Work, **options: Any) -> Callable[..., Any]:
    """By us, not from the cache."""
    return numpify(work.expr, list(work.arguments), cache=False, **options)


def by_numexpr(work: Work, values: Sequence[Any]) -> Callable[[], Any] | None:
    """By numexpr on one thread, called again with the same values."""
    numexpr = optional("numexpr")
    if numexpr is None:
        return None
    numexpr.set_num_threads(1)
    names = {argument: sp.Symbol(f"v{i}") for i, argument in enumerate(work.arguments)}
    text = str(work.expr.xreplace(names))
    given = {name.name: value for name, value in zip(names.values(), values, strict=True)} | {"I": 1j}
    try:
        numexpr.evaluate(text, local_dict=given, global_dict={})
    except (MemoryError, RecursionError, ValueError):
        return None  # it takes no expression of so many operations
    return lambda: numexpr.evaluate(text, local_dict=given, global_dict={})


def by_numba(work: Work, values: Sequence[Any]) -> Callable[[], Any] | None:
    """By numba, a loop in machine code for these types, on one thread; the result has the type that numba infers."""
    numba = optional("numba")
    if numba is None:
        return None
    # `cmath` knows fewer functions than numba's NumPy.
    is_complex = any(np.iscomplexobj(value) for value in values)
    body = numba.njit(lambdified(work, modules="numpy" if is_complex else "math", cse=True))
    body(*[value[0] if np.ndim(value) else value for value in values])
    dtype = numba.np.numpy_support.as_dtype(body.nopython_signatures[0].return_type)
    numbers = len(work.numbers)

    if numbers:

        @numba.njit
        def loop(a: Any, p: Any, q: Any) -> Any:
            out = np.empty(a.size, dtype)
            for i in range(a.size):
                out[i] = body(a[i], p, q)
            return out

    elif len(work.arguments) == 1:

        @numba.njit
        def loop(a: Any) -> Any:
            out = np.empty(a.size, dtype)
            for i in range(a.size):
                out[i] = body(a[i])
            return out

    else:

        @numba.njit
        def loop(a: Any, b: Any) -> Any:
            out = np.empty(a.size, dtype)
            for i in range(a.size):
                out[i] = body(a[i], b[i])
            return out

    return lambda: loop(*values)


def by_jax(work: Work, values: Sequence[Any]) -> Callable[[], Any] | None:
    """By jax.jit on the CPU, in double precision, from arrays that are JAX's already to one that is computed."""
    jax = optional("jax")
    if jax is None:
        return None
    function = jax.jit(lambdified(work, modules="jax", cse=True))
    with jax.enable_x64(True):
        given = [jax.numpy.asarray(value) for value in values]

    def call() -> Any:
        with jax.enable_x64(True):
            return function(*given).block_until_ready()

    return call


def by_symengine(work: Work, values: Sequence[Any]) -> Callable[[], Any] | None:
    """By symengine's own compiler, through LLVM; from one array that holds the arguments side by side."""
    symengine = optional("symengine")
    if symengine is None:
        return None
    function = symengine.Lambdify(list(work.arguments), [work.expr], backend="llvm")
    given = np.ascontiguousarray(np.stack(np.broadcast_arrays(*values), axis=-1), np.float64)
    return lambda: function(given)


def by_heyoka(work: Work, values: Sequence[Any]) -> Callable[[], Any] | None:
    """By heyoka.py, a loop in vectors through LLVM; from one array with a row for each argument."""
    heyoka = optional("heyoka")
    if heyoka is None:
        return None
    names = {argument: sp.Symbol(f"v{i}") for i, argument in enumerate(work.arguments)}
    try:
        fractions = {r: sp.Float(r, 17) for r in work.expr.atoms(sp.Rational) if not r.is_Integer}
        expr = heyoka.from_sympy(work.expr.xreplace({**names, **fractions}))
    except (TypeError, ValueError):
        return None  # it has no Piecewise, and no Max
    function = heyoka.cfunc([expr], vars=[heyoka.make_vars(name.name) for name in names.values()])
    given = np.ascontiguousarray(np.stack(np.broadcast_arrays(*values)), np.float64)
    out = np.empty((1, given.shape[1]))
    return lambda: function(inputs=given, outputs=out)


def by_casadi(work: Work, values: Sequence[Any]) -> Callable[[], Any] | None:
    """By casadi's virtual machine, element by element; from matrices that are its own already."""
    casadi = optional("casadi")
    if casadi is None:
        return None
    symbols = [casadi.SX.sym(f"v{i}") for i in range(len(work.arguments))]
    expr = lambdified(work, modules=[{"Piecewise": None}, casadi])(*symbols)
    size = max(np.size(value) for value in values)
    function = casadi.Function("f", symbols, [expr]).map(size)
    given = [casadi.DM(np.broadcast_to(value, (1, size))) for value in values]
    return lambda: function(*given)


PEERS: dict[str, Callable[[Work, Sequence[Any]], Callable[[], Any] | None]] = {
    "numexpr": by_numexpr, "numba": by_numba, "jax.jit": by_jax, "symengine": by_symengine, "heyoka": by_heyoka,
    "casadi": by_casadi,
}  # fmt: skip


def absent() -> list[str]:
    """The names of peers that are not installed."""
    return [name for name in PEERS if optional(name.partition(".")[0]) is None]
