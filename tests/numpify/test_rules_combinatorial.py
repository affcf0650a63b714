"""Factorials, sequences and number theory: exact over integers, continued where SymPy continues them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st
from sympy.functions.combinatorial import numbers as sequences
from sympy.functions.elementary.miscellaneous import Rem

from numpify_ctx import numpify
from tests.numpify.evalf_oracle import check


n, k, x = sp.symbols("n k x")

INTEGRAL = [
    sp.factorial, sp.factorial2, sp.subfactorial, sp.fibonacci, sp.lucas, sp.tribonacci, sp.bell, sp.catalan,
    sp.partition, sp.genocchi, sp.euler,
]  # fmt: skip
ARITHMETIC = [
    sequences.totient, sequences.reduced_totient, sequences.divisor_sigma, sequences.udivisor_sigma, sequences.mobius,
    sequences.primenu, sequences.primeomega, sequences.primepi,
]  # fmt: skip


@pytest.mark.parametrize("function", INTEGRAL)
def test_a_sequence_is_exact_in_int64(function):
    index = np.arange(16)
    f = numpify(function(n))
    got = f(index)
    assert got.dtype == np.int64
    assert got.tolist() == [int(function(int(i))) for i in index]
    assert f(index.astype(np.uint8).reshape(4, 4)).tolist() == got.reshape(4, 4).tolist()
    assert [f(int(i)) for i in index] == got.tolist()
    floats = f(index.astype(float))
    assert floats.dtype == np.float64
    assert floats.tolist() == got.tolist()
    assert f(np.float32(index)).dtype == np.float32


@pytest.mark.parametrize("function", [sp.factorial, sp.fibonacci, sp.lucas, sp.catalan, sp.bell, sp.subfactorial])
def test_what_does_not_fit_is_a_float_in_arrays_and_exact_for_python_integers(function):
    f = numpify(function(n))
    got = f(np.array([1, 120]))
    assert got.dtype == np.float64
    assert got[1] == float(function(120))
    assert f(120) == int(function(120))
    assert type(f(120)) is int


@pytest.mark.parametrize("function", [sp.bernoulli, sp.harmonic, sequences.andre])
def test_a_sequence_of_rationals(function):
    check(function(n), [n], [np.arange(12)], rtol=1e-15, kind="f" if function is not sequences.andre else None)
    check(function(n), [n], [7], rtol=1e-15)


@pytest.mark.parametrize("function", ARITHMETIC)
def test_number_theory(function):
    index = np.array([1, 2, 12, 30, 97, 360, 1001])
    got = numpify(function(n))(index)
    assert got.dtype == np.int64
    assert got.tolist() == [int(function(int(i))) for i in index]
    assert numpify(function(n))(360) == int(function(360))
    assert numpify(function(n))(360.0) == int(function(360))
    if function is not sequences.primepi:
        outside = numpify(function(n))(np.array([12, 0, -3]))
        assert np.isnan(outside[1:]).all()
        assert np.isnan(numpify(function(n))(2.5))


def test_number_theory_by_counting():
    """Another implementation than SymPy's."""
    top = np.arange(1, 61)
    divisors = [[d for d in range(1, i + 1) if i % d == 0] for i in top]
    assert numpify(sequences.totient(n))(top).tolist() == [
        sum(math.gcd(i, j) == 1 for j in range(1, i + 1)) for i in top
    ]
    for power in (0, 1, 3):
        f = numpify(sequences.divisor_sigma(n, k), [n, k])
        assert f(top, power).tolist() == [sum(d**power for d in found) for found in divisors]
    primes = [i for i, found in zip(top, divisors, strict=True) if len(found) == 2]
    assert numpify(sequences.primepi(n))(top).tolist() == [sum(p <= i for p in primes) for i in top]
    assert numpify(sequences.primepi(x))(np.array([-3.5, 1.9, 2.5, 10.99])).tolist() == [0.0, 0.0, 1.0, 4.0]


def test_symbols_of_residues():
    numbers, odd = np.arange(-7, 8)[:, None], np.array([1, 3, 9, 15])
    got = numpify(sequences.jacobi_symbol(n, k), [n, k])(numbers, odd)
    want = [[int(sequences.jacobi_symbol(int(i), int(j))) for j in odd] for i in numbers[:, 0]]
    assert got.tolist() == want
    legendre = numpify(sequences.legendre_symbol(n, k), [n, k])(numbers, 7)
    squares = {i * i % 7 for i in range(1, 7)}
    assert legendre[:, 0].tolist() == [0 if i % 7 == 0 else 1 if i % 7 in squares else -1 for i in numbers[:, 0]]
    assert numpify(sequences.kronecker_symbol(n, k), [n, k])(3, np.array([-2, 4, 7])).tolist() == [-1, 1, -1]
    assert np.isnan(numpify(sequences.legendre_symbol(n, k), [n, k])(2, 9))


def test_motzkin_counts_as_sympy_does():
    """That is from 1: SymPy's motzkin(5) is what others call the fourth."""
    f = numpify(sequences.motzkin(n, evaluate=False))
    assert f(np.arange(1, 9)).tolist() == [int(sequences.motzkin(i)) for i in range(1, 9)]


@given(st.integers(-40, 80), st.integers(-40, 80))
def test_binomials_of_integers_are_those_of_sympy(first, second):
    value = numpify(sp.binomial(n, k), [n, k])(first, second)
    assert value == int(sp.binomial(first, second))


def test_binomials_obey_pascal_in_int64():
    top, low = np.arange(1, 60)[:, None], np.arange(0, 61)
    f = numpify(sp.binomial(n, k) - sp.binomial(n - 1, k) - sp.binomial(n - 1, k - 1), [n, k])
    got = f(top, low)
    assert got.dtype == np.int64
    assert not got.any()


@pytest.mark.parametrize("function", [sp.RisingFactorial, sp.FallingFactorial])
def test_rising_and_falling_factorials_of_integers(function):
    f = numpify(function(n, k), [n, k])
    for first, second in itertools.product(range(-5, 7), range(-4, 8)):
        want = function(first, second)
        got = f(first, second)
        assert np.isnan(got) if want is sp.zoo else got == float(want), (first, second, got, want)
    assert f(np.array([3, 4]), np.array([[2], [0]])).dtype == np.int64


REAL = [
    (sp.factorial, [-3.5, -0.5, 0.0, 0.5, 4.0, 30.25]), (sp.catalan, [-1.5, -0.25, 0.5, 4.0, 30.25]),
    (sp.fibonacci, [-3.5, -1e-9, 0.5, 4.0, 30.25]), (sp.harmonic, [-3.5, -0.5, 1e-9, 0.5, 4.0, 1234.5]),
    (sp.bernoulli, [-3.5, -2.0, 0.5, 4.0, 7.25]), (sp.euler, [-3.5, -1.0, 0.5, 4.0, 7.25]),
    (sp.genocchi, [-3.5, -2.0, 0.5, 4.0, 7.25]), (sequences.andre, [-3.5, -2.0, 0.5, 4.0]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "points"), REAL, ids=lambda v: getattr(v, "__name__", ""))
def test_continued_to_real_numbers(function, points):
    check(function(x), [x], [np.array(points)], rtol=1e-12)
    check(function(x), [x], [points[0]], rtol=1e-12)
    assert check(function(x), [x], [np.array(points, np.float32)], rtol=3e-6).dtype == np.float32


def test_catalan_numbers_far_out():
    check(sp.catalan(x), [x], [np.array([126.5, 160.5, 300.25])], rtol=1e-12)


@pytest.mark.parametrize("function", [f for f, _ in REAL])
def test_continued_to_complex_numbers(function):
    check(function(x), [x], [np.array([0.5 + 0.3j, -1.2 + 0.7j, 2.5 - 1j])], rtol=1e-12)


@pytest.mark.parametrize("function", [sp.factorial2, sp.bell, sp.tribonacci, sp.partition])
def test_what_is_not_continued_is_nan_between_integers(function):
    assert np.isnan(numpify(function(x))(np.array([2.5, -0.5]))).all()
    assert numpify(function(x))(np.array([4.0, 2.5]))[0] == int(function(4))


def test_outside_the_domain():
    assert np.isnan(numpify(sp.factorial2(n))(-4))
    assert numpify(sp.factorial2(n))(np.array([-1, -3, -5])).tolist() == [1.0, -1.0, 1 / 3]
    assert np.isnan(numpify(sp.factorial(n))(np.array([-1, 3]))[0])
    assert numpify(sp.catalan(n))(np.array([-1, -2])).tolist() == [-0.5, 0.0]
    assert numpify(sp.factorial(n))(np.array([3, 200]))[1] == np.inf


def test_binomials_and_factorials_of_real_numbers():
    tops, lows = np.array([-2.6, 0.5, 7.25, 120.5])[:, None], np.array([-1.0, 0.0, 2.0, 0.5, 3.25])
    for function in (sp.binomial, sp.RisingFactorial, sp.FallingFactorial):
        if function is sp.binomial:
            check(function(n, k), [n, k], [tops, lows], rtol=1e-12, meaning=None)
        else:
            meaning = (
                sp.gamma(n + k) / sp.gamma(n)
                if function is sp.RisingFactorial
                else sp.gamma(n + 1) / sp.gamma(n - k + 1)
            )
            check(function(n, k), [n, k], [tops, lows], rtol=1e-12, meaning=meaning)
    check(sp.binomial(n, k), [n, k], [2.5 + 1j, 3], rtol=1e-12, meaning=n * (n - 1) * (n - 2) / 6)


@pytest.mark.parametrize("function", [sp.fibonacci, sp.tribonacci, sp.bell, sp.bernoulli, sp.euler, sp.genocchi])
@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_polynomials(function, order):
    meaning = function(order, x)
    f = function(n, x)
    for points in (np.array([-1.5, 0.3, 2.5]), np.array([0.5 + 0.3j]), 0.75):
        check(f, [n, x], [order, points], rtol=1e-12, meaning=meaning)
    if function in (sp.fibonacci, sp.tribonacci, sp.bell):
        check(f, [n, x], [order, np.array([-2, 3])], kind="i", meaning=meaning)


def test_harmonic_numbers_of_other_orders():
    check(sp.harmonic(n, k), [n, k], [np.arange(6), 2], rtol=1e-14)
    check(sp.harmonic(n, k), [n, k], [np.arange(6), np.array([-2] * 6)], rtol=1e-14)
    check(sp.harmonic(x, k), [x, k], [np.array([0.5, 4.25]), 2.5], rtol=1e-12)


def test_incomplete_bell_polynomials():
    a, b, c = sp.symbols("a b c")
    points = [np.array([0.5, 2.0]), 1.5, -0.75]
    for order, part in ((4, 2), (3, 1), (3, 3), (2, 3), (0, 0)):
        meaning = sp.bell(order, part, (a, b, c)) if (order, part) not in ((2, 3), (0, 0)) else sp.Integer(part == 0)
        check(sp.bell(n, k, (a, b, c)), [n, k, a, b, c], [order, part, *points], rtol=1e-14, meaning=meaning + 0 * a)


def test_lucas_and_subfactorial_of_complex_numbers_follow_their_formulas():
    z = np.array([0.5 + 0.3j, 2.5 - 1j])
    check(sp.lucas(x), [x], [z], rtol=1e-12, meaning=sp.lucas(x).rewrite(sp.sqrt))
    check(sp.subfactorial(x), [x], [z], rtol=1e-12, meaning=sp.subfactorial(x).rewrite(sp.uppergamma))
    assert np.isnan(numpify(sp.lucas(x))(0.5))


def test_remainders_have_the_sign_of_the_dividend():
    p, q = np.array([-7, 7, -6, 5])[:, None], np.array([3, -3, 4])
    check(Rem(n, k), [n, k], [p, q], kind="i", meaning=n - k * sp.sign(n / k) * sp.floor(sp.Abs(n / k)))
    with np.errstate(invalid="ignore"):
        assert np.isnan(numpify(Rem(n, k), [n, k])(np.array([5, 7]), 0)).all()
    assert numpify(Rem(n, k), [n, k])(-5.5, 2.0) == -1.5


def test_no_scipy_is_needed(monkeypatch):
    monkeypatch.setattr("numpify_ctx._runtime.special.pointwise.scipy_special", lambda: None)
    assert numpify(sp.factorial(n), cache=False)(np.array([0.5, 3.0])) == pytest.approx([math.gamma(1.5), 6.0])
    assert numpify(sp.binomial(n, k), cache=False)(k=2, n=np.array([4.5]))[0] == pytest.approx(7.875)
