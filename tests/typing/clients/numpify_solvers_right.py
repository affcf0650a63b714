"""SciPy solvers, fits, quadrature and minimisation with numpified functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, assert_type

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy import integrate, optimize

from numpify_ctx import BindingError, BoundNumpifiedFunction, CompileError, NumpifiedFunction, numpify


Vector = npt.NDArray[np.float64]
t, x, v, k, a, b = sp.symbols("t x v k a b", real=True)
F = sp.Function("F")

rhs = numpify([v, -k * x], [t, (x, v), k])
jacobian = numpify(sp.Matrix([v, -k * x]).jacobian([x, v]), [t, (x, v), k])
assert_type(rhs, NumpifiedFunction)
held = rhs.freeze({k: 4.0})
solution = integrate.solve_ivp(held, (0.0, 1.0), [1.0, 0.0], rtol=1e-8)
solution = integrate.solve_ivp(rhs, (0.0, 1.0), [1.0, 0.0], args=(4.0,))
integrate.solve_ivp(rhs.freeze(k=4.0), (0.0, 1.0), [1.0, 0.0], method="Radau", jac=jacobian.freeze(k=4.0))
area, err = integrate.quad(numpify(sp.exp(-(x**2)), [x]), 0.0, 1.0)
area, err = integrate.quad(numpify(sp.exp(-a * x**2), [x, a]), 0.0, 1.0, args=(2.0,))
model = numpify(a * sp.exp(-b * t), [t, a, b])
ts = np.linspace(0.0, 1.0, 20)
best, cov = optimize.curve_fit(model, ts, model(ts, 2.0, 1.0), p0=[1.0, 0.5])
found = optimize.minimize(
    numpify((x - 1) ** 2 + (v + 2) ** 2, [(x, v)]), np.zeros(2), jac=numpify([2 * (x - 1), 2 * (v + 2)], [(x, v)])
)
root = optimize.brentq(numpify(x**2 - 2), 0.0, 2.0)


def residuals(p: Sequence[float], f: NumpifiedFunction | BoundNumpifiedFunction, at: Vector, seen: Vector) -> Vector:
    out: Vector = f(at, *p) - seen
    return out


optimize.least_squares(residuals, [1.0, 0.5], args=(model, ts, model(ts, 2.0, 1.0)))


class Scalar(Protocol):
    def __call__(self, x: float, /) -> float: ...


class Field(Protocol):
    def __call__(self, t: float, y: Vector, /) -> Vector: ...


one: Scalar = numpify(x**2)
field: Field = held
table: dict[str, Scalar] = {"square": numpify(x**2), "cube": numpify(x**3)}
fs: list[Callable[[float], float]] = [numpify(x**n) for n in range(3)]
composed: Callable[[Vector], Vector] = np.vectorize(numpify(x**2))
values: Vector = numpify(x**2)(ts)
buffer = np.empty_like(ts)
numpify(x**2)(ts, out=buffer)
g = numpify(F(x) + 1, [x], functions={F: lambda z: z * 2.0})
g = numpify(F(x) + 1, [x], functions={F: np.sin}, native=False, threads="auto", cache=True, name="g")
h = numpify({"a": x, "b": [x**2, v]}, [x, v])
out: dict[str, Any] = h(1.0, 2.0)
try:
    numpify(sp.Function("q")(x))
except CompileError as error:
    print(error.args[0])
try:
    model(1.0)
except BindingError as error:
    print(str(error))
print(model.__name__, model.source.splitlines(), model.parameter_names[0].upper(), model.symbolic)
for symbol in model.free_parameters:
    print(symbol)
print(model.explain(1.0, 2.0, 3.0).upper())
print(list(map(numpify(x + 1), [1.0, 2.0])), sorted([3.0, 1.0], key=numpify(-x)))
