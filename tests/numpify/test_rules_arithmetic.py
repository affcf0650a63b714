"""Sums, products, powers and constants against evalf, and integers that lambdify wraps, refuses or rounds."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st

from numpify_ctx._compile import compile_expression
from numpify_ctx._symbolic.exact import nearest
from tests.numpify.evalf_oracle import check


x, y, z = sp.symbols("x y z")
A = np.array([-2.5, -1.5, 0.25, 3.0])
R = sp.Rational


def run(expr, *values):
    names = sp.symbols("x y z")[: len(values)]
    return compile_expression(expr, [(s, s.name) for s in names])(*values)


@pytest.mark.parametrize(
    "expr",
    [
        x + y, x - y, -x - y, -(x + y), x * y, -x * y, x / y, 1 / x, -1 / x, x / y / (x + 1), (x + y) / (x - 4 * y),
        2 * x - 3 * y,
        x - R(7, 3) * y, x / 3, x**2, x**3, x**7, x**16, x**17, x**-1, x**-2, x**-5, x**-17, x**2 / y**3, x * y**-2 * 3,
        sp.pi * x, sp.E * x + sp.EulerGamma, sp.GoldenRatio - x, sp.Catalan * x, sp.sqrt(2) * x * sp.pi,
        x + sp.sqrt(2) + sp.pi,
        x**2 - 2 * x * y + y**2, (x - y) ** 20, x * (y + 1) - (x + 1) * y, sp.Add(x, x, evaluate=False),
        sp.UnevaluatedExpr(x) + x,
        sp.Mul(2, sp.Add(x, 1, evaluate=False), evaluate=False), sp.Float("0.1", 30) * x, x + sp.Float(0.5), 1.5 * x**2,
        x**2.0, x**-2.0, 3 * x ** sp.Float(4), sp.TribonacciConstant + x,
        sp.CRootOf(sp.Symbol("s") ** 5 - sp.Symbol("s") + 1, 0) * x,
    ],
)  # fmt: skip
def test_real_arithmetic(expr):
    b = np.array([[0.5], [2.0], [-1.25]])
    check(expr, [x, y], [A, b], kind="f", rtol=1e-12, atol=1e-14)
    check(expr, [x, y], [2.25, -0.5], kind="f", rtol=1e-12, atol=1e-14)
    check(expr, [x, y], [0.75 + 1.5j, -0.5], rtol=1e-12, complex_numbers=True)


@pytest.mark.parametrize(
    "exponent",
    [R(1, 2), R(3, 2), R(-1, 2), R(-5, 2), R(1, 3), R(-2, 3), sp.pi, R(33, 2), sp.Float(0.5), sp.Float(-2.75)],
)
def test_fractional_powers(exponent):
    check(x**exponent, [x], [np.array([0.25, 1.0, 7.5])])
    check(x**exponent, [x], [7.5])
    check(x**exponent, [x], [np.array([0.25 + 1j, -7.5 - 2j])], rtol=1e-12)
    check(x**exponent, [x], [np.array([1, 2, 9])], kind="f")


@pytest.mark.parametrize("base", [2, R(1, 3), sp.pi, sp.E, 10])
def test_constants_to_a_power(base):
    check(sp.Integer(1) * base**x, [x], [A], kind="f")
    check(sp.Integer(1) * base**x, [x], [3.5], kind="f")


def test_powers_of_negative_numbers_are_real_or_nan():
    with np.errstate(invalid="ignore"):
        check(x ** R(1, 3), [x], [np.array([-8.0, 8.0])])
        check(sp.sqrt(x), [x], [np.array([-4.0, 4.0])])
        check(x ** R(1, 3), [x], [-8.0])
        check(x**y, [x, y], [np.array([-8.0, -2.0]), np.array([0.5, 3.0])])
        check(x**y, [x, y], [-8.0, 0.5])
    check(x ** R(1, 3), [x], [np.array([-8.0 + 0j, 8.0])], kind="c")  # who wants the complex root asks for it
    check((-8) ** R(1, 3) * x, [x], [A], kind="c", complex_numbers=True)  # what SymPy knows to be complex, is


def test_zero_to_the_power_zero_is_one():
    assert run(x**y, 0.0, 0.0) == 1
    assert run(x**y, 0, 0) == 1
    assert run(x**y, np.zeros(2), np.zeros(2)).tolist() == [1.0, 1.0]
    assert run(sp.Pow(x, 0, evaluate=False), np.zeros(2)).tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8, np.uint8, np.uint64, np.bool_])
@pytest.mark.parametrize(
    "expr", [-x, x - 5, 3 * x - 7, x**2 - 1, x * y, -x * y - 300, x**20, 2**x, sp.Abs(x - 3), x / 2, 1 / (x + 1)]
)
def test_small_integers_do_not_wrap(expr, dtype):
    values = np.array([0, 1, 7]).astype(dtype)
    kind = "f" if expr.has(sp.S.Half) or expr == 1 / (x + 1) or (expr == x**20 and dtype is not np.bool_) else "i"
    check(expr, [x, y], [values, np.array([0, 1, 2]).astype(dtype)], kind=None if kind == "f" else "i")
    check(expr, [x, y], [values[-1], values[-1]])


def test_integers_are_exact_while_they_fit_and_floats_beyond():
    big = 2**62
    assert run(x + y, np.array([big - 5]), np.array([7])).tolist() == [big + 2]
    assert run(x + y, np.array([big]), np.array([big])).tolist() == [2.0**63]
    assert run(x * y, np.array([2**40]), np.array([2**40])).tolist() == [2.0**80]
    assert run(x * y, np.array([2**31]), np.array([2**31])).tolist() == [2**62]
    assert run(x**20, np.array([3, 10])).tolist() == [3.0**20, 1e20]
    assert run(x**39, np.array([3])).tolist() == [3**39]
    assert run(-x, np.array([-(2**63)])).tolist() == [2.0**63]
    assert run(sp.Abs(x), np.array([-(2**63), 3])).tolist() == [2.0**63, 3.0]
    assert run(x**20 - y, np.int64(10), np.int64(1)) == 10**20 - 1
    assert run(x**100, 7) == 7**100  # Python integers have no limit


def test_powers_of_integers():
    assert run(x**y, np.array([2, 3]), np.array([-1, 2])).tolist() == [0.5, 9.0]
    assert run(x**y, np.array([2, 3]), np.array([5, 2])).tolist() == [32, 9]
    assert run(x**y, np.array([2, 3]), np.array([5, 2])).dtype.kind == "i"
    assert run(x**y, 2, -1) == 0.5
    assert run(x**y, np.array([2, 3]), 70).tolist() == [2.0**70, 3.0**70]
    assert run((-1) ** x, np.array([0, 1, 2, -3])).tolist() == [1, -1, 1, -1]
    assert run((-1) ** x, 7) == -1
    assert run(x**-1, np.array([2, 4])).tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    "expr", [2**70 * x, 10**30 + x, x - 2**64, x * 2**63, x + 2**63 - 1, sp.Integer(10) ** 400 * x]
)
def test_constants_beyond_int64(expr):
    if expr.has(sp.Integer(10) ** 400):
        assert run(expr, np.array([1.0])).tolist() == [math.inf]
        return
    check(expr, [x], [np.array([1, 2, 3])])
    check(expr, [x], [np.array([1.5, 2.5])])
    check(expr, [x], [3])


def test_division_by_zero_is_numpys():
    with np.errstate(divide="ignore", invalid="ignore"):
        assert run(1 / x, np.array([0.0, 2.0])).tolist() == [math.inf, 0.5]
        assert run(1 / x, 0.0) == math.inf
        assert run(1 / x, 0) == math.inf
        assert math.isnan(run(x / y, 0.0, 0.0))
        assert run(sp.log(x), 0.0) == -math.inf


def test_constants_do_not_upcast():
    a32 = A.astype(np.float32)
    for expr in (
        sp.sqrt(2) * x,
        x + sp.pi,
        x / 3,
        x**2.0 + R(1, 7),
        sp.exp(1) * x - sp.zeta(3),
        sp.sin(y) * x + sp.log(y),
    ):
        assert run(expr, a32, 2.0).dtype == np.float32
        assert run(expr, a32, 2).dtype == np.float32
        assert type(run(expr, np.float32(2.5), 2)) is np.float32
        assert run(expr, A.astype(np.float16), 2.0).dtype == np.float16
    assert run(sp.I * x, a32).dtype == np.complex64


@pytest.mark.parametrize(
    "expr",
    [
        R(1, 3), sp.sqrt(2), sp.pi, sp.E, sp.pi**2 / 6, sp.exp(sp.pi) - sp.pi, sp.sin(1), sp.zeta(3),
        R(10**40 + 1, 3 * 10**40),
        sp.sqrt(2) + sp.sqrt(3) - sp.sqrt(5 + 2 * sp.sqrt(6)) + R(1, 10**20), sp.Integer(2) ** R(1, 12),
        sp.gamma(R(1, 3)),
        sp.Float("0.1"), sp.Float("0.1", 50), R(1, 2**1074), R(3, 2**1076), sp.besselj(0, 1), sp.LambertW(1),
    ],
)  # fmt: skip
def test_constants_are_the_nearest_double(expr):
    found = run(expr + 0 * x, 1.0)
    digits = sp.N(expr, 60, maxn=1000)
    want = Fraction(int(sp.Rational(digits).p), int(sp.Rational(digits).q))
    error = abs(Fraction(found) - want)
    assert error <= abs(Fraction(math.nextafter(found, math.inf)) - want)
    assert error <= abs(Fraction(math.nextafter(found, -math.inf)) - want)
    assert isinstance(found, float)


@given(st.integers(), st.integers(min_value=1))
def test_rationals_are_the_nearest_double(p, q):
    value = nearest(sp.Rational(p, q))
    want = Fraction(p, q)
    assert value == (p // q if want.denominator == 1 else float(want))


@pytest.mark.parametrize(
    ("expr", "want"),
    [
        (sp.oo, math.inf),
        (-sp.oo, -math.inf),
        (sp.nan, math.nan),
        (sp.I, 1j),
        (2 + 3 * sp.I, 2 + 3j),
        (sp.Integer(5), 5),
        (sp.true, True),
    ],
)
def test_constant_results_have_the_shape_of_the_arguments(expr, want):
    for value, shape in [(1.0, ()), (np.arange(3), (3,)), (np.ones((2, 1)), (2, 1)), ([1.0, 2.0], (2,))]:
        got = run(expr, value)
        assert np.shape(got) == shape
        assert type(np.asarray(got).reshape(-1)[0].item()) is type(want)
        np.testing.assert_array_equal(got, np.full(shape, want))


def test_complex_infinity_is_infinite_and_has_no_direction():
    got = run(sp.zoo, np.arange(2.0))
    assert np.isinf(got).all()
    assert np.isnan(got).all()


def test_what_is_deep_is_cut_not_evaluated_for_ever():
    deep = sp.Integer(1)
    for _ in range(300):
        deep = sp.sin(sp.Add(deep, 1, evaluate=False), evaluate=False)
    want = 1.0
    for _ in range(300):
        want = math.sin(want + 1)
    assert run(x * deep, 2.0) == pytest.approx(2 * want, rel=1e-13)
