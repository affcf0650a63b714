"""Rational coefficients: rounded once, and below floor, ceiling, frac, Mod, Contains and relations not at all."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, settings, strategies as st

from numpify_ctx import numpify

from . import forms


n, m, x, y = sp.symbols("n m x y")
S = sp.S

NUMERATORS = st.integers(-40, 40).filter(bool)
DENOMINATORS = st.integers(2, 300)
LARGE = st.integers(-(10**12), 10**12)
INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000)


def exact_floor(value: Fraction) -> int:
    return value.numerator // value.denominator


def results(expr, point):
    """By each form: Python's numbers, arrays in one piece and in blocks; floats where they hold the integers."""
    arguments = (n, m)[: len(point)]
    found = forms.compiled(expr, arguments)
    yield "scalar", found(*point)
    if all(-(2**63) <= p < 2**63 for p in point):
        arrays = [np.full(33, p) for p in point]
        yield "array", forms.plain(found, arrays)[7]
        yield "blocks", found(*arrays)[7]
    if all(abs(p) < 2**30 for p in point):
        yield "floats", found(*map(float, point))
        yield "array of floats", forms.plain(found, [np.full(33, float(p)) for p in point])[7]
        yield "blocks of floats", found(*[np.full(33, float(p)) for p in point])[7]


@given(NUMERATORS, DENOMINATORS, st.integers(-9, 9), DENOMINATORS, INT64)
@example(1, 49, 0, 2, 49)
@example(7, 100, 0, 2, -3000)
@example(1, 3, 1, 3, 2**63 - 1)
@settings(deadline=None)
def test_floor_ceiling_and_frac_of_a_quotient_are_exact_for_any_int64(p, q, c, d, value):
    inner = sp.Rational(p, q) * n + sp.Rational(c, d)
    exact = Fraction(p, q) * value + Fraction(c, d)
    for function, want in (
        (sp.floor, exact_floor(exact)),
        (sp.ceiling, -exact_floor(-exact)),
    ):
        for form, got in results(function(inner), (value,)):
            if -(2**63) <= want < 2**63:
                assert got == want, (function, form)
            else:
                assert float(got) == pytest.approx(float(want), rel=1e-15), (function, form)
    fraction = exact - exact_floor(exact)
    for form, got in results(sp.frac(inner), (value,)):
        assert got == float(fraction), form


@given(st.integers(2, 10**6), st.integers(0, 10**40))
@settings(deadline=None)
def test_floor_of_a_quotient_is_exact_for_any_python_integer(q, value):
    f = numpify(sp.floor(n / q), [n])
    assert f(value) == value // q
    assert f(-value) == -value // q
    assert numpify(sp.ceiling(n / q), [n])(value) == -(-value // q)


def test_floor_of_ten_to_the_23():
    assert numpify(sp.floor(n / 10), [n])(10**23 + 7) == 10**22


@given(NUMERATORS, DENOMINATORS, st.integers(1, 12), INT64)
@settings(deadline=None)
def test_mod_of_a_quotient_is_exact(p, q, modulus, value):
    exact = Fraction(p, q) * value
    want = exact - modulus * exact_floor(exact / modulus)
    for form, got in results(sp.Mod(sp.Rational(p, q) * n, modulus), (value,)):
        assert got == float(want), form


@given(NUMERATORS, DENOMINATORS, NUMERATORS, DENOMINATORS, LARGE, LARGE)
@example(1, 49, 1, 49, 49, 49)
@settings(deadline=None)
def test_relations_of_quotients_are_those_of_the_numbers(p, q, r, s, one, other):
    left, right = Fraction(p, q) * one, Fraction(r, s) * other
    relations = (sp.Lt, left < right), (sp.Ge, left >= right), (sp.Eq, left == right), (sp.Ne, left != right)
    for relation, want in relations:
        expr = relation(sp.Rational(p, q) * n, sp.Rational(r, s) * m)
        if expr in (sp.true, sp.false):
            continue
        for form, got in results(expr, (one, other)):
            assert bool(got) == want, (relation, form)


@given(DENOMINATORS, st.integers(-(10**9), 10**9), st.sampled_from([S.Integers, S.Naturals, S.Naturals0]))
@settings(deadline=None)
def test_a_quotient_is_an_integer_where_it_is(q, value, domain):
    want = value % q == 0 and (domain is S.Integers or value // q >= (domain is S.Naturals))
    for form, got in results(sp.Contains(n / q, domain), (value,)):
        assert bool(got) == want, form
    assert bool(numpify(sp.Contains(n / q, domain), [n])(complex(value, 1))) is False


@given(NUMERATORS, DENOMINATORS, st.integers(-(2**31), 2**31))
@settings(deadline=None)
def test_a_rational_coefficient_is_one_correctly_rounded_division(p, q, value):
    want = float(Fraction(p, q) * value)
    for form, got in results(sp.Rational(p, q) * n, (value,)):
        assert got == want, form


@given(DENOMINATORS, st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_a_float_is_divided_once(q, value):
    want = value / q
    found = forms.compiled(x / q, [x])
    for got in (found(value), forms.plain(found, [np.full(9, value)])[3], found(np.full(33, value))[3]):
        assert got == want


def test_powers_of_two_stay_multiplications():
    assert "0.125*x" in numpify(x / 8).source
    assert "/49" in numpify(x / 49).source.replace(" ", "")
    assert "/49" in numpify(-3 * x / 49).source.replace(" ", "")


def test_what_is_no_number_stays_none():
    f = numpify(sp.floor(x / 3), [x])
    with np.errstate(all="ignore"):
        for value in (math.inf, -math.inf):
            assert f(value) == value
            assert f(np.array([value, 7.0])).tolist() == [value, 2.0]
        assert np.isnan(f(math.nan))
    assert f(7.5 + 10j) == 2 + 3j
    assert f(np.array([-0.5])).tolist() == [-1.0]
    assert math.copysign(1, f(-0.0)) == math.copysign(1, f(np.array([-0.0]))[0])


@given(INT64, st.integers(-300, 300) | INT64)
@example(2**62 + 1, -7)
@example(-(2**63), -1)
@example(2**63 - 1, 0)
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # by 0, as NumPy warns
def test_integers_are_divided_in_integers_by_an_argument_too(top, bottom):
    questions = [(sp.floor(n / m), lambda q: exact_floor(q)), (sp.ceiling(n / m), lambda q: -exact_floor(-q))]
    questions += [(sp.floor(3 * n / (2 * m)), lambda q: exact_floor(q * Fraction(3, 2)))] * (abs(top) < 2**61)
    for expr, of in questions if abs(bottom) < 2**61 else questions[:2]:
        for form, got in results(expr, (top, bottom)):
            if bottom == 0:
                assert not np.isfinite(got), (expr, form)
            elif -(2**63) <= (want := of(Fraction(top, bottom))) < 2**63:
                assert got == want, (expr, form)
            else:
                assert float(got) == float(want), (expr, form)
    parts = {sp.frac(n / m): 1, sp.Mod(n / m, 3): 3, sp.Mod(n / m, sp.Rational(-2, 5)): Fraction(-2, 5)}
    for expr, modulus in parts.items() if abs(top) < 2**59 and abs(bottom) < 2**59 else ():
        for form, got in results(expr, (top, bottom)):
            want = math.nan if bottom == 0 else float(Fraction(top, bottom) % modulus)
            assert got == pytest.approx(want, rel=1e-15, abs=0, nan_ok=True), (expr, form)
    for domain, least in ((S.Integers, -(2**64)), (S.Naturals, 1), (S.Naturals0, 0)):
        want = bottom != 0 and top % bottom == 0 and top // bottom >= least
        for form, got in results(sp.Contains(n / m, domain), (top, bottom)):
            assert bool(got) == want, (domain, form)


def test_what_is_no_integer_is_divided_as_floats():
    for function, want in ((sp.floor, [3.0, -4.0, np.inf]), (sp.ceiling, [4.0, -3.0, np.inf])):
        with np.errstate(divide="ignore"):
            got = numpify(function(n / m), [n, m])(np.array([7.5, 7.5, 1.0]), np.array([2, -2, 0]))
        np.testing.assert_array_equal(got, want)
        assert numpify(function(n / m), [n, m])(10**40 + 7, 2) in (5 * 10**39 + 3, 5 * 10**39 + 4)
    assert numpify(sp.floor(n / m), [n, m])(7 + 5j, 2) == 3 + 2j
    assert not numpify(sp.Contains(n / m, S.Integers), [n, m])(3 + 3j, 2)
    assert numpify(sp.Contains(n / m, S.Integers), [n, m])(3 + 3j, 1 + 1j)


@pytest.mark.parametrize("divisor", [3, 7, 49, 10**6 + 3, sp.Float(0.3), -5])
@pytest.mark.parametrize("native", [False, True])
def test_the_negative_of_a_quotient_is_the_quotient_by_the_negative(divisor, native):
    if native:
        pytest.importorskip("llvmlite")
    edges = [0.0, -0.0, 1.0, -2.5, np.pi, 1e308, -1e308, 5e-324, -3e-308, np.inf, -np.inf]
    positive = numpify([x / divisor, sp.exp(x * y) / divisor], cache=False, native=native)
    negative = numpify([-x / divisor, -sp.exp(x * y) / divisor], cache=False, native=native)
    values = [np.repeat(edges, 11), np.tile(edges, 11)]
    whole = [np.arange(-60, 60), np.arange(120) % 7 - 3]
    turned = [np.linspace(-2, 3, 11) + 1j * np.linspace(-1, 2, 11)[::-1], np.linspace(1, 2, 11)]
    with np.errstate(all="ignore"):
        for args in (values, [v.astype(np.float32) for v in values], whole, [w.astype(np.int8) for w in whole], turned):
            for got, want in zip(negative(*args), positive(*args), strict=True):
                assert got.dtype == want.dtype
                np.testing.assert_array_equal(got, -want)
                assert (np.signbit(got.real) == np.signbit(-want.real))[~np.isnan(want)].all()
        for point in zip(values[0], values[1] % 2, strict=True):
            assert list(map(str, negative(*map(float, point)))) == [str(-v) for v in positive(*map(float, point))]
