"""Derivatives, substitutions, limits and roots, and what has any of these for its body."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from sympy.functions.elementary.integers import frac

from numpify_ctx import CompileError, numpify

from .calculus import A, k, oo, run, t, x, y


# -- derivatives, substitutions, limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expr",
    [
        sp.Derivative(sp.sin(x) * y, x),
        sp.Derivative(sp.exp(x * y), x, y),
        sp.Derivative(sp.exp(x * y), (x, 3)),
        sp.Derivative(sp.besselj(0, x * y), x),
        sp.Derivative(sp.Piecewise((x**2, x > 0), (-x, True)), x),
        sp.Derivative(sp.Derivative(x**3 * y**2, x), y),
        sp.Derivative(sp.Integral(sp.exp(t * y), (t, 0, x)), x),
        sp.Derivative(sp.Sum(x**k * y, (k, 0, 3)), x),
        sp.Subs(sp.Derivative(sp.sin(t) * y, t), t, x),
        sp.Subs(t**2 + x, t, y),
        sp.Derivative(sp.LambertW(x + 2), x) + sp.Derivative(y**2, y),
    ],
)
def test_derivatives(expr):
    got = run(expr, A, 2.0, args=[x, y])
    meaning = expr.doit()
    want = [float(meaning.subs({x: sp.Rational(v), y: 2}).doit().evalf(25)) for v in A]
    np.testing.assert_allclose(got, want, rtol=1e-11)


def test_derivatives_of_what_is_not_known():
    f = sp.Function("f")
    with pytest.raises(CompileError, match=r"Derivative\(f\(x\), x\): the derivative of 'f' is not known"):
        numpify(f(x).diff(x), [x], functions={f: np.sin})
    with pytest.raises(CompileError, match="the derivative of 'f' is not known"):
        numpify(sp.Subs(f(t).diff(t), t, x), [x], functions={f: np.sin})
    assert run(f(x).diff(x) * x + f(x), 2.0, 3.0, 5.0, args=[x, f(x), f(x).diff(x)]) == 13.0
    product = sp.Derivative(f(x) * x, x)
    assert run(product, 2.0, 3.0, 5.0, args=[x, f(x), f(x).diff(x)]) == 13.0


def test_limits():
    np.testing.assert_allclose(run(sp.Limit(sp.sin(x * t) / t, t, 0), A), A)
    assert run(sp.Limit((1 + x / t) ** t, t, oo), 1.0) == pytest.approx(math.e)
    with pytest.raises(CompileError, match="SymPy finds no such limit"):
        numpify(sp.Limit(sp.sin(1 / t), t, 0) * x, [x])


def test_a_limit_may_come_from_a_matrix():
    matrix = sp.MatrixSymbol("M", 2, 2)
    assert run(sp.Sum(k, (k, 0, sp.Trace(matrix))), np.eye(2)) == 3


def test_sums_over_roots():
    expr = sp.RootSum(t**3 + t + 1, sp.Lambda(t, t * sp.log(x - t)))
    roots = np.roots([1, 0, 1, 1])
    at = np.array([0.5, 2.0])
    np.testing.assert_allclose(run(expr, at), (roots[:, None] * np.log(at - roots[:, None])).sum(axis=0), rtol=1e-12)
    with pytest.raises(CompileError, match="its roots depend on other symbols"):
        numpify(sp.RootSum(t**3 + t + y, sp.Lambda(t, sp.exp(t)), t, auto=False), [y])


def test_polynomials():
    assert run(sp.Poly(x**2 + y * x, x), 2.0, np.array([1.0, 3.0]), args=[x, y]).tolist() == [6, 10]


def test_a_body_whose_parts_are_shared():
    """The tree of this body has 2^80 nodes."""
    body = k + x
    want = np.array([1.5, 2.5])
    for _ in range(80):
        body = sp.Mul(sp.Add(body, body, evaluate=False), sp.Rational(1, 2), evaluate=False)
    shared = sp.Sum.__new__(sp.Sum, k, (k, 1, 2))
    shared = sp.core.basic.Basic.__new__(sp.Sum, body, *shared.args[1:])
    assert run(shared, 0.5, args=[x]) == pytest.approx(want.sum())


def test_an_idx_is_a_variable():
    index = sp.Idx("i", (0, 3))
    assert run(sp.Sum(index * x, (index, 0, 3)), 2.0, args=[x]) == 12.0
    free = sp.Idx("i")
    assert run(sp.Sum(1 / (free + x) ** 2, (free, 1, oo)), 0.0, args=[x]) == pytest.approx(math.pi**2 / 6)
    assert run(sp.Sum(index * k, (k, 0, 3)), 2, args=[index]) == 12


# -- along the real axis ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "of",
    [
        sp.re, sp.im, sp.conjugate, sp.Abs, sp.arg, sp.sign, lambda v: sp.Abs(sp.sin(v)), lambda v: sp.exp(-sp.Abs(v)),
        lambda v: sp.re(v**2 + sp.I * v), lambda v: sp.Abs(v**2 - 3) * v, lambda v: sp.sqrt(sp.re(v) ** 2 + 1),
    ],
    ids=["re", "im", "conjugate", "Abs", "arg", "sign", "Abs(sin)", "exp(-Abs)", "re of", "Abs of", "sqrt(re)"],
)  # fmt: skip
def test_derivatives_of_what_has_one_only_of_real_numbers(of, order):
    """SymPy has them for symbols that are real, and leaves them undone for others."""
    t = sp.Symbol("t", real=True)
    at = np.array([-1.5, 0.25, 2.0])
    got = numpify(sp.diff(of(x), x, order), [x])(at)
    want = [float(sp.diff(of(t), t, order).subs(t, sp.Float(v)).doit()) for v in at]
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)
    assert got.dtype.kind == "f"
    beyond = numpify(sp.diff(of(x), x, order), [x])(np.array([2.0, 1 + 1j]))
    assert beyond[0] == pytest.approx(want[2])
    assert np.isnan(beyond[1])


def test_derivatives_of_steps():
    at = np.array([-1.5, 0.25, 2.0])
    for step, want in ((sp.floor(x), [0, 0, np.nan]), (sp.ceiling(x), [0, 0, np.nan]), (frac(x), [1, 1, np.nan])):
        np.testing.assert_array_equal(numpify(sp.diff(step, x), [x])(at), want)
        want = np.multiply(want, 0)
        np.testing.assert_array_equal(numpify(sp.diff(step, x, 2), [x])(at), want)
    inner = sp.diff(x * sp.floor(2 * x), x)  # a Subs of a derivative
    np.testing.assert_array_equal(numpify(inner, [x])(at + 0.1), [-3, 0, 4])


@pytest.mark.parametrize("reduced", [sp.Sum, sp.Product])
def test_a_guarded_body_may_depend_on_no_array_in_some_chunks(reduced):
    body = sp.Piecewise((2, sp.sin(k) < 2 + x), (sp.gamma(x + 10), True))
    f = numpify(reduced(body, (k, 0, 3)), [x])
    values = np.repeat([0.0, -5.0, 1.0], 30_000)
    want = np.where(values < -3, f(-5.0), f(0.0))
    np.testing.assert_array_equal(f(values), want)
    np.testing.assert_array_equal(f(values.reshape(3, -1)), want.reshape(3, -1))
