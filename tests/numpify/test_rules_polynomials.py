"""Orthogonal polynomials and spherical harmonics: what SymPy expands them to, and between orders mpmath."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy.functions.special.polynomials import chebyshevt_root, chebyshevu_root, hermite_prob
from sympy.functions.special.spherical_harmonics import Ynm, Znm

from numpify_ctx import numpify
from tests.numpify.evalf_oracle import check


n, x, a, b, m, phi = sp.symbols("n x a b m phi")
ORDERS = (0, 1, 2, 3, 7, 20)
POINTS = np.array([-1.5, -0.9, -0.3, 0.0, 0.4, 1.0, 2.5])
PLANE = np.array([0.5 + 0.3j, -1.2 + 0.7j])

FAMILIES = {
    sp.legendre: (), sp.chebyshevt: (), sp.chebyshevu: (), sp.hermite: (), hermite_prob: (), sp.laguerre: (),
    sp.assoc_laguerre: (0.75,), sp.gegenbauer: (0.75,), sp.jacobi: (0.25, -0.5),
}  # fmt: skip


@pytest.mark.parametrize("function", FAMILIES)
@pytest.mark.parametrize("order", ORDERS)
def test_an_integer_order_is_the_polynomial_that_sympy_has(function, order):
    parameters = [sp.Rational(p) for p in FAMILIES[function]]
    polynomial = function(order, *parameters, x)
    expr = function(n, *parameters, x)
    for points in (POINTS, PLANE, POINTS[4]):
        check(expr, [n, x], [order, points], rtol=2e-12, atol=1e-13, meaning=polynomial)


@pytest.mark.parametrize("function", FAMILIES)
def test_orders_broadcast_and_float32_stays(function):
    parameters = FAMILIES[function]
    f = numpify(function(n, *parameters, x), [n, x])
    grid = f(np.array(ORDERS)[:, None], POINTS)
    assert grid.shape == (len(ORDERS), len(POINTS))
    for row, order in zip(grid, ORDERS, strict=True):
        np.testing.assert_array_equal(row, f(order, POINTS))
        np.testing.assert_array_equal(row, f(float(order), POINTS))
    assert numpify(function(n, *parameters, x).subs(n, a), [a, x])(2, np.float32(POINTS)).dtype == np.float32
    assert isinstance(f(3, 0.5), float)


@pytest.mark.parametrize("function", [sp.legendre, sp.chebyshevt, sp.hermite, sp.gegenbauer, sp.jacobi])
def test_between_the_orders_they_are_continued(function):
    known = {
        sp.legendre: mpmath.legendre, sp.chebyshevt: mpmath.chebyt, sp.hermite: mpmath.hermite,
        sp.gegenbauer: mpmath.gegenbauer, sp.jacobi: mpmath.jacobi,
    }[function]  # fmt: skip
    parameters = FAMILIES[function]
    f = numpify(function(n, *parameters, x), [n, x])
    for order in (0.5, 2.25):
        with mpmath.workdps(30):
            want = [float(mpmath.re(known(order, *parameters, v))) for v in (0.4, 0.9)]
        np.testing.assert_allclose(f(order, np.array([0.4, 0.9])), want, rtol=1e-13)


@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_associated_legendre_functions_have_the_phase_of_sympy(order):
    f = sp.assoc_legendre(n, m, x)
    for upper in range(-order, order + 1):
        meaning = sp.assoc_legendre(order, upper, x)
        check(f, [n, m, x], [order, upper, POINTS], rtol=2e-12, atol=1e-14, meaning=meaning)
        check(f, [n, m, x], [order, upper, PLANE], rtol=2e-12, meaning=meaning)
    assert numpify(f, [n, m, x])(1, 2, 0.5) == 0.0


@pytest.mark.parametrize("order", [0, 1, 2, 4])
def test_spherical_harmonics(order):
    theta, turn = np.array([0.0, 0.4, 2.5])[:, None], np.array([-2.0, 0.7])
    for upper in range(-order, order + 1):
        with mpmath.workdps(30):
            want = np.vectorize(lambda t, p, u=upper: complex(mpmath.spherharm(order, u, t, p)))(theta, turn)
        got = numpify(Ynm(n, m, x, phi), [n, m, x, phi])(order, upper, theta, turn)
        assert got.dtype == np.complex128
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-16)
        expanded = sp.expand_func(Ynm(order, upper, x, phi))
        check(
            Ynm(n, m, x, phi),
            [n, m, x, phi],
            [order, upper, 0.4, 0.7],
            rtol=1e-12,
            meaning=expanded,
            complex_numbers=True,
        )
        real = numpify(Znm(n, m, x, phi), [n, m, x, phi])(order, upper, theta, turn)
        parts = {0: want.real, 1: math.sqrt(2) * want.real, -1: math.sqrt(2) * want.imag}
        assert real.dtype == np.float64
        np.testing.assert_allclose(real, parts[np.sign(upper)], rtol=1e-12, atol=1e-16)


def test_high_orders_by_the_reference():
    f = numpify(Ynm(n, m, x, phi), [n, m, x, phi])
    with mpmath.workdps(60):
        want = complex(mpmath.spherharm(200, 150, 1.2, 0.4))
    assert f(200, 150, 1.2, 0.4) == pytest.approx(want, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("function", "last", "formula"),
    [
        (chebyshevt_root, sp.chebyshevt, sp.cos(sp.pi * (2 * m + 1) / (2 * n))),
        (chebyshevu_root, sp.chebyshevu, sp.cos(sp.pi * (m + 1) / (n + 1))),
    ],
)
def test_roots_of_chebyshev_polynomials(function, last, formula):
    expr = function(n, m, evaluate=False)
    got = check(expr, [n, m], [5, np.arange(5)], rtol=1e-14, atol=1e-16, meaning=formula)
    assert got[2] == 0.0
    np.testing.assert_allclose([float(last(5, v)) for v in got], 0, atol=1e-14)
    roots = numpify(expr, [n, m])
    assert np.isnan(roots(5, np.array([-1, 5]))).all()
    assert np.isnan(roots(5, 7))


def test_no_scipy_is_needed(monkeypatch):
    monkeypatch.setattr("numpify_ctx._runtime.special.pointwise.scipy_special", lambda: None)
    f = numpify(sp.legendre(n, x), [n, x], cache=False)
    np.testing.assert_allclose(f(2, np.array([0.5, 1.0])), [-0.125, 1.0], rtol=1e-15)


@pytest.mark.parametrize("order", [-1, -2, -3])
def test_negative_orders_are_what_sympy_says(order):
    for v in (-3.0, 1e-9, 0.7):
        want = float(sp.laguerre(order, sp.Float(v, 30)))
        assert numpify(sp.laguerre(n, x), [n, x])(order, v) == pytest.approx(want, rel=1e-13)
    assert numpify(sp.gegenbauer(n, a, x), [n, a, x])(order, 0.5, 0.5) == 0


@pytest.mark.parametrize("family", ["legendre", "chebyshevt", "chebyshevu"])
def test_high_orders_are_those_of_scipys_recurrence(family):
    # T(n) of cos(t) is cos(n t), U(n) sin((n + 1) t)/sin(t), P(n) goes like DLMF 18.15.12.
    order, angle = 100_000, 1.1
    got = numpify(getattr(sp, family)(n, x), [n, x])(float(order), math.cos(angle))
    leading = math.sqrt(2 / (math.pi * order * math.sin(angle))) * math.cos((order + 0.5) * angle - math.pi / 4)
    want = {"chebyshevt": math.cos(order * angle), "chebyshevu": math.sin((order + 1) * angle) / math.sin(angle)}
    assert got == pytest.approx(want.get(family, leading), rel=2e-5, abs=1e-9)
