"""No nan where SymPy has a real number: densities and distribution functions, integrals, equations of physics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from sympy import Rational as R, stats

from numpify_ctx import numpify


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
y = sp.Symbol("y")
a, b, x, t = sp.symbols("a b x t", positive=True)
POINTS = (R(3, 5), R(3, 10), R(-1, 2), R(5, 2))


def check(formula, symbol, points=POINTS):
    """At each point where SymPy has a real number, numpify has it; elsewhere it has none or the complex one."""
    f = numpify(formula, [symbol])
    compared = 0
    for point in points:
        want = complex(formula.subs(symbol, point).evalf(20))
        if math.isnan(want.real) or abs(want.imag) > 1e-15 * abs(want):
            continue
        compared += 1
        for got in (f(float(point)), f(np.full(7, float(point)))[-1]):
            assert got == pytest.approx(want.real, rel=1e-9, abs=1e-12), (formula, point)
    assert compared


DENSITIES = {
    "Arcsin": (0, 2), "Benini": (1, 2, R(1, 2)), "Beta": (R(3, 2), R(5, 2)), "BetaPrime": (2, 3), "Cauchy": (0, 2),
    "Chi": (3,), "ChiSquared": (3,), "Dagum": (2, 3, 1), "Erlang": (2, R(3, 2)), "Exponential": (2,),
    "FDistribution": (3, 4), "FisherZ": (2, 3), "Frechet": (2, 1, 0), "Gamma": (R(3, 2), 2), "GammaInverse": (2, 3),
    "Gompertz": (1, 2), "Gumbel": (1, 2), "Kumaraswamy": (2, 3), "Laplace": (0, 1), "Levy": (0, 1),
    "Logistic": (0, 1), "LogNormal": (0, 1), "Maxwell": (2,), "Nakagami": (2, 1), "Normal": (0, 1),
    "Pareto": (R(1, 4), 3), "PowerFunction": (2, 0, 3), "QuadraticU": (0, 2), "RaisedCosine": (0, 2),
    "Rayleigh": (2,), "StudentT": (3,), "Trapezoidal": (0, 1, 2, 3), "Triangular": (0, 2, 1), "Uniform": (0, 2),
    "VonMises": (0, 1), "Weibull": (2, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", DENSITIES)
def test_densities(name):
    check(stats.density(getattr(stats, name)("X", *DENSITIES[name]))(y), y)


# Those of which SymPy has the distribution function within a moment.
@pytest.mark.parametrize(
    "name",
    ["Arcsin", "Cauchy", "Chi", "Dagum", "Erlang", "Exponential", "Frechet", "Gamma", "Kumaraswamy", "Laplace", "Levy",
     "Logistic", "LogNormal", "Maxwell", "Nakagami", "Normal", "Pareto", "Rayleigh", "StudentT", "Uniform", "Weibull"],
)  # fmt: skip
def test_distribution_functions(name):
    check(stats.cdf(getattr(stats, name)("X", *DENSITIES[name]))(y), y)


def test_a_distribution_function_by_a_turn_of_a_hypergeometric_one():
    found = stats.cdf(stats.Beta("X", R(3, 2), 2.5))(y)
    want = float(sp.betainc_regularized(R(3, 2), R(5, 2), 0, R(3, 10)).evalf(20))
    assert numpify(found, [y])(0.3) == pytest.approx(want, rel=1e-10)


# What SymPy's integrals come out as: Piecewise, expint, meijerg, incomplete gamma functions, polar numbers.
INTEGRALS = [
    lambda: sp.integrate(sp.exp(-t) / t, (t, x, sp.oo)),
    lambda: sp.integrate(sp.exp(-x * t) / (1 + t), (t, 0, sp.oo)),
    lambda: sp.integrate(sp.log(t) * sp.exp(-x * t), (t, 0, sp.oo)),
    lambda: sp.integrate(t ** R(1, 3) * sp.exp(-t), (t, 0, x)),
    lambda: sp.integrate(sp.exp(-(t**3)), (t, 0, x)),
    lambda: sp.integrate(sp.sin(t) / t, (t, 0, x)),
    lambda: sp.integrate(sp.cos(t**2), (t, 0, x)),
    lambda: sp.integrate(1 / sp.sqrt(1 - t**4), (t, 0, x / 4)),
    lambda: sp.integrate(t**a, (t, 1, 2)).subs(a, x),
    lambda: sp.meijerg([[], [R(1, 2)]], [[0, 0], []], x),
    lambda: sp.expint(R(5, 2), x) + sp.expint(3, x),
    lambda: sp.integrate(sp.exp(t**2), (t, 0, x)),
]


@pytest.mark.parametrize("index", range(len(INTEGRALS)))
def test_integrals(index):
    check(INTEGRALS[index](), x, (R(3, 5), R(7, 5), R(5, 2)))


names = sp.symbols("m m0 v c q1 q2 eps r theta n lam d h k T omega F x1 x2 I0 G")
m, m0, v, c, q1, q2, eps, r, theta, n, lam, d, h, k, T, omega, F, x1, x2, I0, G = names
FEYNMAN = [
    sp.exp(-(theta**2) / 2) / sp.sqrt(2 * sp.pi), sp.sqrt((x2 - x1) ** 2 + (q2 - q1) ** 2),
    m0 / sp.sqrt(1 - v**2 / c**2), q1 * q2 / (4 * sp.pi * eps * r**2), G * m * m0 / r**2,
    (x1 - v * T) / sp.sqrt(1 - v**2 / c**2), (v + d) / (1 + v * d / c**2), sp.asin(n * sp.sin(theta)),
    sp.asin(lam / (n * d)), I0 * sp.sin(n * theta / 2) ** 2 / sp.sin(theta / 2) ** 2,
    sp.sqrt(x1**2 + x2**2 - 2 * x1 * x2 * sp.cos(theta)), (1 + v / c) / sp.sqrt(1 - v**2 / c**2) * omega,
    h * omega**3 / (sp.pi**2 * c**2 * (sp.exp(h * omega / (k * T)) - 1)), k * T * sp.log(x2 / x1),
    1 / (sp.exp(h * omega / (k * T)) - 1), m * sp.tanh(theta * d / (k * T)), 2 * F * (1 - sp.cos(k * d)),
    I0 * (sp.exp(q1 * v / (k * T)) - 1), sp.acos(v / c), m * c**2 / sp.sqrt(1 - v**2 / c**2),
]  # fmt: skip


def test_equations_of_physics():
    rng = np.random.default_rng(0)
    for formula in FEYNMAN:
        symbols = sorted(formula.free_symbols, key=str)
        f = numpify(formula, symbols)
        points = {s: rng.uniform(1, 2, 7) for s in symbols}
        for s in (v, d, lam, theta):
            if s in points:
                points[s] = rng.uniform(0.1, 0.4, 7)
        got = f(*points.values())
        for i in range(7):
            want = complex(formula.subs({s: sp.Float(float(p[i]), 30) for s, p in points.items()}).evalf(20))
            if not want.imag:
                assert got[i] == pytest.approx(want.real, rel=1e-11)
