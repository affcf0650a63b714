"""No nan where SymPy has a real number: densities and distribution functions, integrals, equations of physics."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sympy as sp
from sympy import Rational as R, stats
from sympy.stats import frv_types

from numpify_ctx import numpify

from .feynman import FEYNMAN, RANGES, RANGES_OF


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
    "VonMises": (0, 1), "Weibull": (2, 1), "BetaNoncentral": (2, 3, 1), "BoundedPareto": (2, R(1, 5), 2),
    "ChiNoncentral": (3, 2), "Davis": (R(5, 2), 3, R(1, 5)), "ExGaussian": (0, 1, 1), "ExponentialPower": (0, 1, 3),
    "GaussianInverse": (1, 2), "LogCauchy": (0, 1), "LogLogistic": (1, 2), "LogitNormal": (0, 1), "Lomax": (1, 2),
    "Moyal": (0, 1), "Reciprocal": (R(1, 5), 2), "ShiftedGompertz": (1, 2), "UniformSum": (3,),
    "WignerSemicircle": (2,),
}  # fmt: skip


@pytest.mark.parametrize("name", DENSITIES)
def test_densities(name):
    check(stats.density(getattr(stats, name)("X", *DENSITIES[name]))(y), y)


# Those of which SymPy has the distribution function within a moment.
@pytest.mark.parametrize(
    "name",
    ["Arcsin", "Cauchy", "Chi", "Dagum", "Erlang", "Exponential", "Frechet", "Gamma", "Kumaraswamy", "Laplace", "Levy",
     "Logistic", "LogNormal", "Maxwell", "Nakagami", "Normal", "Pareto", "Rayleigh", "StudentT", "Uniform", "Weibull",
     "ExGaussian", "ExponentialPower", "GaussianInverse", "LogCauchy", "LogLogistic", "LogitNormal", "Moyal", "Gumbel",
     "GammaInverse", "Benini", "BoundedPareto", "Lomax"],
)  # fmt: skip
def test_distribution_functions(name):
    check(stats.cdf(getattr(stats, name)("X", *DENSITIES[name]))(y), y)


k = sp.Symbol("k", integer=True)
# The support of all but Skellam begins at 0 or 1.
DISCRETE = {
    "Poisson": (R(5, 2),), "Geometric": (R(1, 3),), "NegativeBinomial": (3, R(1, 3)), "Logarithmic": (R(1, 3),),
    "Zeta": (R(5, 2),), "YuleSimon": (R(5, 2),), "FlorySchulz": (R(1, 3),), "Skellam": (1, 2), "Hermite": (1, R(1, 2)),
}  # fmt: skip
FINITE = {
    "Binomial": (6, R(1, 3)), "BetaBinomial": (6, 2, R(3, 2)), "Hypergeometric": (20, 7, 5), "Bernoulli": (R(1, 3),),
    "Die": (6,), "DiscreteUniform": ((-1, 2, 5),), "Rademacher": (), "IdealSoliton": (6,),
}  # fmt: skip


def check_integers(formula, numbers):
    """At each integer where SymPy has a number, all forms have it: of an int, a float, and arrays of both."""
    f = numpify(formula, [k])
    with np.errstate(all="ignore"):
        forms = [f(np.array(numbers)), f(np.array(numbers, float)), f(np.array(numbers * 20))]
    compared = 0
    for i, number in enumerate(numbers):
        want = formula.subs(k, number).doit().evalf(20)
        if not want.is_real:
            continue
        compared += 1
        for got in (f(number), f(float(number)), *(form[i] for form in forms)):
            assert got == pytest.approx(float(want), rel=1e-11, abs=1e-15), (formula, number)
    assert compared > len(numbers) // 2


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_of_integers(name):
    variable = getattr(stats, name)("X", *DISCRETE[name])
    check_integers(stats.density(variable)(k), [1, 2, 3, 7, 12, 40])
    if name not in ("Skellam", "Hermite"):  # the one has no distribution function in SymPy, the other a sum of sums
        check_integers(stats.cdf(variable)(k), [-3, 0, 1, 2, 3, 7, 12, 40])


@pytest.mark.parametrize("name", FINITE)
def test_probabilities_of_finitely_many_integers(name):
    found = stats.cdf(getattr(stats, name)("X", *FINITE[name]))
    numbers = sorted(found)
    steps = [(0, k < numbers[0]), *((found[i], k < j) for i, j in itertools.pairwise(numbers)), (1, True)]
    check_integers(sp.Piecewise(*steps), [-3, -1, 0, 1, 2, 3, 5, 6, 7, 40])
    if name not in ("DiscreteUniform", "BetaBinomial"):  # whose probabilities are numbers, or have poles
        pmf = getattr(frv_types, f"{name}Distribution")(
            *(*FINITE[name], *{"Binomial": (1, 0), "Bernoulli": (1, 0)}.get(name, ()))
        )
        check_integers(pmf.pmf(k), [0, 1, 2, 3, 5, 6])


def test_binomial_probabilities_with_all_parameters_free():
    n, p = sp.Symbol("n", integer=True, positive=True), sp.Symbol("p", positive=True)
    f = numpify(frv_types.BinomialDistribution(n, p, 1, 0).pmf(k), [k, n, p])
    for number in range(7):
        want = math.comb(6, number) * 0.25**number * 0.75 ** (6 - number)
        assert f(number, 6, 0.25) == pytest.approx(want, rel=1e-13)
        assert f(np.full(50, number), 6, np.full(50, 0.25))[-1] == pytest.approx(want, rel=1e-13)


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


def points_of(lecture):
    """Three numbers for each symbol of an equation."""
    rng = np.random.default_rng(int.from_bytes(lecture.encode(), "little"))
    ranges = RANGES | RANGES_OF.get(lecture, {})
    symbols = sorted(FEYNMAN[lecture].free_symbols, key=str)
    return {s: rng.uniform(*ranges.get(s, (1.0, 2.0)), 3) for s in symbols}


@pytest.mark.parametrize("lecture", FEYNMAN)
def test_equations_of_physics(lecture):
    formula, points = FEYNMAN[lecture], points_of(lecture)
    f = numpify(formula, list(points))
    small, large = f(*points.values()), f(*(np.tile(p, 40) for p in points.values()))
    for i in range(3):
        point = [float(p[i]) for p in points.values()]
        want = formula.evalf(20, subs={s: sp.Float(p, 40) for s, p in zip(points, point, strict=True)})
        assert want.is_real
        for got in (f(*point), small[i], large[i], large[117 + i]):
            assert got == pytest.approx(float(want), rel=1e-12, abs=0)


def test_there_are_a_hundred_equations():
    assert len(FEYNMAN) == 100
