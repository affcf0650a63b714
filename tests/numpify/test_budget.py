"""It ends: what would take more than the budget is left to floats, or is nan; and sequences beyond all floats."""

from __future__ import annotations

import math
import sys

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy.functions import appellf1, hn1

from numpify_ctx import numpify
from numpify_ctx._runtime.mp import MP
from numpify_ctx._symbolic.budget import is_affordable


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
x, k, n = sp.symbols("x k n")
nine, ten = sp.Integer(9), sp.Integer(10)


def power(base, exponent):
    return sp.Pow(base, exponent, evaluate=False)


HUGE = {
    sp.sin(sp.exp(sp.exp(20))): math.nan,
    power(nine, power(nine, power(nine, nine))): math.inf,
    sp.sin(power(ten, ten**6), evaluate=False): math.nan,
    sp.cos(power(ten, ten**8), evaluate=False): math.nan,
    sp.exp(-sp.exp(sp.exp(20))): 0.0,
    sp.gamma(sp.exp(50), evaluate=False): math.inf,
    sp.erf(sp.exp(sp.exp(30)), evaluate=False): 1.0,
    sp.factorial(ten**9, evaluate=False): math.inf,
    sp.tanh(sp.exp(sp.exp(20))): 1.0,
}


@pytest.mark.parametrize("constant", HUGE, ids=lambda c: type(c).__name__)
def test_constants_beyond_the_budget_are_left_to_floats(constant):
    assert not is_affordable(constant)
    np.testing.assert_equal(numpify(x * constant, [x])(1.0), HUGE[constant])


def test_what_is_large_but_within_the_budget_is_exact():
    assert numpify(x * sp.sin(power(ten, sp.Integer(50)), evaluate=False), [x])(1.0) == pytest.approx(
        float(sp.sin(ten**50).evalf(20)), rel=1e-15
    )
    assert numpify(x * power(ten, sp.Integer(300)), [x])(1.0) == 1e300


def test_integrands_and_terms_beyond_the_budget_end():
    for formula in (
        sp.Integral(sp.sin(sp.exp(k)), (k, 0, sp.oo)) * x,
        sp.Integral(sp.sin(sp.exp(k * x)), (k, 0, sp.oo)),
        sp.Sum(sp.sin(sp.exp(sp.exp(k))), (k, 1, sp.oo)) * x,
    ):
        assert np.isnan(numpify(formula, [x])(1.0))


def test_factorings_beyond_the_budget_are_nan():
    hard = (2**61 - 1) * (2**89 - 1)
    for function in (sp.totient, sp.divisor_sigma, sp.mobius, sp.primenu, sp.primeomega, sp.reduced_totient):
        f = numpify(function(n), [n])
        assert np.isnan(f(hard))
    assert numpify(sp.totient(n), [n])(2**89 - 1) == 2**89 - 2
    assert numpify(sp.primeomega(n), [n])(6**50) == 100


@pytest.mark.parametrize(
    ("sequence", "at", "want"),
    [
        (sp.bell(n), 2000, math.inf), (sp.euler(n), 20_000, math.inf), (sp.euler(n), 20_002, -math.inf),
        (sp.euler(n), 20_001, 0.0), (sp.partition(n), 10**8, math.inf), (sp.genocchi(n), 20_002, -math.inf),
        (sp.bernoulli(n), 200_002, math.inf), (sp.bernoulli(n), 200_000, -math.inf), (sp.andre(n), 20_000, math.inf),
        (sp.factorial(n), 10**7, math.inf), (sp.fibonacci(n), 10**9, math.inf), (sp.fibonacci(n), -(10**9), -math.inf),
        (sp.catalan(n), 10**9, math.inf), (sp.binomial(2 * n, n), 10**9, math.inf), (sp.lucas(n), 10**9, math.inf),
    ],
    ids=str,
)  # fmt: skip
def test_sequences_beyond_all_floats_are_infinite(sequence, at, want):
    f = numpify(sequence, [n])
    assert f(at) == want
    for size in (1, 7):
        values = np.full(size, 4)
        values[0] = at
        assert f(values)[0] == want
        assert f(values.astype(float))[0] == want


def test_pythons_integers_are_exact_far_beyond_floats():
    for formula, at, want in [
        (sp.factorial(n), 6000, math.factorial(6000)),
        (sp.factorial2(n), 6001, math.prod(range(6001, 0, -2))),
        (sp.binomial(2 * n, n), 8000, math.comb(16_000, 8000)),
        (sp.RisingFactorial(3, n), 6000, math.factorial(6002) // 2),
        (sp.FallingFactorial(6000, n), 6000, math.factorial(6000)),
        (sp.fibonacci(n), 200_000, int(sp.fibonacci(200_000))),
        (sp.lucas(n), 150_000, int(sp.lucas(150_000))),
        (sp.catalan(n), 6000, math.comb(12_000, 6000) // 6001),
    ]:
        assert numpify(formula, [n])(at) == want, formula


def test_reciprocals_of_what_overflows_are_0():
    for function in (sp.sech, sp.csch):
        f = numpify(function(x), [x])
        for value in (800 + 1j, -800 + 2j, 1000j + 900):
            assert f(value) == 0
            assert f(np.array([value, 1]))[0] == 0
        assert f(0.5) == pytest.approx(float(function(0.5)))
        assert f(0.5 + 1j) == pytest.approx(complex(function(0.5 + 1j * sp.S.One)))


@pytest.mark.parametrize(
    ("above", "below", "at"),
    [
        ([1e15], [1.5], 0.5), ([1e15], [1.5], -3.0), ([], [1, 1], 1e300), ([1], [1.5, 2, 2], -1e300),
        ([1e8, 1], [1.5], -3.0), ([0.5, 1e8], [2e8], 0.999), ([1e300, 0.5, 1], [2, 1.5], 0.5),
        ([-1e5 - 0.5, 1], [1.5], 0.5),
    ],
)  # fmt: skip
def test_a_hypergeometric_series_without_end_is_nan(above, below, at):
    """Not evaluated: each of these took minutes, as a call and, exactly, as a constant."""
    z, parameters = sp.Symbol("z"), sp.symbols(f"p:{len(above)}")
    f = numpify(sp.hyper(parameters, below, z), [*parameters, z])
    assert np.isnan(f(*above, at))
    assert np.isnan(f(*(np.full(3, v) for v in (*above, at)))).all()
    exact = sp.hyper([sp.Rational(a) for a in above], [sp.Rational(b) for b in below], sp.Rational(at))
    assert not is_affordable(exact)
    assert np.isnan(numpify(z * exact, [z])(1.0))


def test_a_hypergeometric_series_within_the_budget_has_its_value():
    z, a = sp.symbols("z a")
    for above, below, at in [
        ([a], [1.5], (1e5, 0.5)), ([0.5], [a], (1e8, -3.0)), ([a, 1], [1.5], (1e3, 0.5)), ([], [a], (1.5, -1e10)),
        ([a], [1.5, 2], (0.5, -1e10)), ([a, 1], [1.5], (0.5, -1e10)),
    ]:  # fmt: skip
        exact = [sp.hyper(*[[sp.sympify(v).subs(a, sp.Rational(at[0])) for v in vs] for vs in (above, below)], at[1])]
        assert numpify(sp.hyper(above, below, z), [a, z])(*at) == pytest.approx(complex(exact[0].evalf(30)), rel=1e-10)


def test_a_meijer_function_far_out_is_nan_where_its_series_cancel():
    z = sp.Symbol("z")
    assert np.isnan(numpify(sp.meijerg([[], [1]], [[0, 0], []], z), [z])(1e6))
    assert numpify(sp.meijerg([[], []], [[0], []], z), [z])(100.0) == pytest.approx(np.exp(-100.0))


def clausen(a, b, at):
    """3F2(2a, 2b, a + b; 2a + 2b, a + b + 1/2; z) and what it is by Clausen's formula (DLMF 16.12.2)."""
    z = sp.Symbol("z")
    half = a + b + sp.Rational(1, 2)
    f = numpify(sp.hyper([2 * a, 2 * b, a + b], [2 * a + 2 * b, half], z), [z])
    with mpmath.workprec(200):
        return f, complex(mpmath.hyp2f1(*[mpmath.mpf(v.p) / v.q for v in (a, b, half)], mpmath.mpmathify(at)) ** 2)


NEAR_ONE = (0.9999, 1 - 2.0**-50, -0.99999, 1.0001 + 0j, 1 + 1e-6j, 1.05 - 1e-3j, 0.96 - 0.28j)


@pytest.mark.parametrize("at", NEAR_ONE)
def test_a_hypergeometric_function_about_its_circle_takes_few_terms(at):
    """It took as many as z is close to the circle, or was extrapolated: a second for one value, and up to a minute."""
    f, want = clausen(sp.Rational(1, 5), sp.Rational(3, 14), at)
    with MP.budget(150_000):
        assert f(at) == pytest.approx(want, rel=1e-14)
        assert f(np.full(9, at))[-1] == pytest.approx(want, rel=1e-14)


def test_a_hypergeometric_sum_at_1_takes_few_terms():
    z = sp.Symbol("z")
    half = sp.Rational(1, 2)
    with MP.budget(20_000):
        assert numpify(sp.hyper([1] * 4, [2] * 3, z), [z])(1.0) == pytest.approx(float(sp.zeta(3)), rel=1e-15)
        # Dixon's sum, DLMF 16.4.4.
        assert numpify(sp.hyper([half] * 3, [1, 1], z), [z])(1.0) == pytest.approx(
            math.pi / math.gamma(0.75) ** 4, rel=1e-14
        )
    assert numpify(sp.hyper([1, 1, 1], [half, 2], z), [z])(1.0) == math.inf


def test_a_series_that_converges_nowhere_takes_few_terms():
    """It was integrated numerically, Borel's integral, in a second or in half a minute, and wrong right of 0."""
    z = sp.Symbol("z")
    above, below = [0.5, 1.0, 1.3], [0.75]
    f = numpify(sp.hyper(above, below, z), [z])
    with MP.budget(30_000):
        for at in (-3.0, -1 / 30, 2 - 1j, -0.5j):
            want = mpmath.quad(
                lambda t, at=at: mpmath.exp(-t) * mpmath.hyper(above, [*below, 1], at * t), [0, 1, mpmath.inf]
            )
            assert f(at) == pytest.approx(complex(want), rel=1e-8)
        assert f(0.0) == f(1e-300) == 1
        for at in (0.05, 10.0):  # on its cut, the limit from above, as of 2F0
            assert f(at + 0j) == pytest.approx(f(at + 1e-13j), rel=1e-10)


HALF = sp.Rational(1, 2)
BEYOND = (
    (sp.betainc(2, 1e10, sp.sqrt(2), x), 0.35), (sp.meijerg([[0.7], [10]], [[1e8 + 0.5], [100]], x), 0.707),
    (hn1(-HALF, x), 1e300j),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "at"), BEYOND, ids=lambda v: type(v).__name__)
def test_what_takes_more_work_than_its_budget_is_nan(expr, at):
    """Each took many seconds, or did not end. Work is counted: calls of functions, of which a series has one a term."""
    f = numpify(expr, [x])
    for value in (at, np.full(3, at)):
        calls = 0

        def count(frame, event, arg):
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count)
        try:
            found = f(value)
        finally:
            sys.setprofile(None)
        assert np.isnan(found).all()
        assert calls < 3_000_000


def test_sums_and_products_of_more_terms_than_there_is_time_for_are_nan():
    """As were their sizes in bytes, or in int64; an element among others is no other."""
    for made in (sp.Sum(sp.sin(k), (k, 1, n)), sp.Product(1 + 1 / k**2, (k, 1, n)), sp.Sum(k / x, (k, n, 3))):
        f = numpify(made.subs(x, 3), [n])
        for at in (1e10, 1e19, -1e300, 2**62, -(2**62), 10**30):
            assert np.isnan(f(at))
            if abs(at) < 2**63 or isinstance(at, float):
                found = f(np.array([at, 2]))
                assert np.isnan(found[0])
                assert found[1] == pytest.approx(f(2))
    few = numpify(sp.Sum(k * x, (k, n, n + 3)), [n, x])
    for at in (1e15, 1e19, 1e300, -1e300):
        assert few(np.array([at, 2.0]), 1.0).tolist() == [few(at, 1.0), 14.0]


def test_a_sequence_at_the_edge_of_floats_is_infinite_on_its_side():
    f = numpify(sp.lucas(n), [n])
    for at, want in ((1e5, math.inf), (-1e5, math.inf), (-100_001, -math.inf), (-99_999.0, -math.inf)):
        found = f(np.array([at, 3]))
        assert found.tolist() == [want, 4]


def test_an_incomplete_elliptic_integral_of_complex_numbers_takes_few_points():
    """mpmath makes sure of its branch by an integral in all digits. The values are those of evalf(30)."""
    f = numpify(sp.elliptic_pi(x, k, n), [x, k, n])
    with MP.budget(100_000):
        assert f(0.5, 4.0, 2 + 1j) == pytest.approx(4.359323271599690991884662 + 3.248450345438994551779566j, rel=1e-14)
        for phi in (0.3 + 0.2j, 1.2 - 0.7j):  # where no branch is near, along a straight line
            want = mpmath.quad(
                lambda t, phi=phi: (
                    phi / ((1 - 0.3j * mpmath.sin(t * phi) ** 2) * mpmath.sqrt(1 - 0.4 * mpmath.sin(t * phi) ** 2))
                ),
                [0, 1],
            )
            assert f(0.3j, phi, 0.4) == pytest.approx(complex(want), rel=1e-12)


def test_an_appell_function_near_1_takes_few_points():
    """The values are those of evalf: its series took seconds."""
    f = numpify(appellf1(0.5, 0.3, 0.2, 1.5, x, k), [x, k])
    with MP.budget(150_000):
        assert f(0.97, 0.98) == pytest.approx(1.42800387452693, rel=1e-13)
        assert f(0.93 + 0.2j, 0.95) == pytest.approx(1.30605265654616 + 0.104549606977752j, rel=1e-13)
        assert f(2 + 1j, 0.95) == pytest.approx(1.13280558000524 + 0.336088010227535j, rel=1e-13)


def test_products_of_as_many_factors_as_there_is_time_for_are_written_out():
    rising = numpify(sp.RisingFactorial(x, n), [x, n])
    for at, want in (((1.0, 1e10), math.inf), ((0.0, 1e10), 0.0), ((-1, 10**10), 0), ((2.0, -1e10), math.nan)):
        np.testing.assert_equal(rising(*at), want)
        np.testing.assert_equal(rising(*(np.full(3, v) for v in at)), np.full(3, want))
    assert rising(1, 6000) == math.factorial(6000)
