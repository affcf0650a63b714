"""Where sympy.lambdify gives a wrong number in silence, crashes, or does not finish: what happens here instead.

Each case was seen to fail with lambdify on SymPy 1.14; the numbers are those of SymPy's own issues.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

from numpify_ctx._compile import compile_expression
from tests.numpify.evalf_oracle import check


x, y, z = sp.symbols("x y z")
A = np.arange(3)


def run(expr, arguments, *values):
    return compile_expression(expr, [(a, f"p{i}") for i, a in enumerate(arguments)])(*values)


def test_a_constant_has_the_shape_of_the_argument():  # 5642, 18347, 24036, 27632
    assert run(sp.Integer(5), [x], A).tolist() == [5, 5, 5]
    assert run(sp.Matrix([[x, 1]]), [x], A).tolist() == [[[0, 1, 2], [1, 1, 1]]]
    assert run(x, [x, y], 1.0, A).tolist() == [1.0, 1.0, 1.0]


def test_shared_subexpressions_do_not_blow_up():
    expr = x
    for _ in range(64):
        expr = sp.sin(expr) + sp.cos(expr)
    found = compile_expression(expr, ((x, "x"),))
    assert len(found.program.ops) == 3 * 64 + 1  # of 2**64 in all
    assert -2 < found(0.5) < 2


@pytest.mark.parametrize("count", [200, 3000])
def test_no_recursion_error(count):  # 24673
    nested = x
    for _ in range(count):
        nested = sp.sqrt(1 + nested, evaluate=False)
    wide = sp.Add(*(sp.Mul(k, x**k, evaluate=False) for k in range(count)), evaluate=False)
    assert np.isfinite(run(nested, [x], 0.5))
    assert np.isfinite(run(wide, [x], 0.5))


@pytest.mark.parametrize(
    "name", ["pi", "e", "E", "nan", "inf", "I", "sin", "select", "array", "reduce", "range", "np", "numpy", "math"]
)
def test_an_argument_may_be_called_like_a_function_or_a_constant(name):
    symbol = sp.Symbol(name)
    check(symbol * sp.pi + sp.sin(symbol) + sp.E, [symbol], [np.array([0.5, 1.5])])


def test_names_that_look_alike_are_different_symbols():
    pairs = [("x_{1}", "x_1"), ("lambda", "lambda_"), ("ſ", "s"), ("ﬁ", "fi"), ("x", "x ")]
    for one, other in pairs:
        a, b = sp.Symbol(one), sp.Symbol(other)
        assert run(a + 10 * b, [a, b], 1, 2) == 21
        with pytest.raises(ValueError, match="is not an argument"):
            run(a + b, [a], 1)
    a, b = sp.Symbol("x"), sp.Symbol("x", real=True)
    assert run(a + 10 * b, [a, b], 1, 2) == 21


def test_the_condition_of_ite_is_boolean():
    got = run(sp.ITE(x > 1, y > 1, y < 1), [x, y], A, A)
    assert got.dtype == bool
    assert got.tolist() == [True, False, True]


def test_an_unbound_symbol_is_refused_while_compiling():
    with pytest.raises(ValueError, match="cannot compile y: it is not an argument"):
        run(x + y, [x], A)


def test_integers_do_not_wrap():
    assert run(x**20, [x], np.array([10])).tolist() == [1e20]
    assert run(-x, [x], np.array([1], np.uint8)).tolist() == [-1]
    assert run(x - 1, [x], np.array([0], np.uint8)).tolist() == [-1]
    assert run(x + 1, [x], np.array([255], np.uint8)).tolist() == [256]
    assert run(x * y, [x, y], np.array([2**32]), np.array([2**32])).tolist() == [2.0**64]


def test_integers_to_a_negative_power():
    assert run(x**y, [x, y], np.array([2]), np.array([-2])).tolist() == [0.25]
    assert run(x**-2, [x], np.array([2])).tolist() == [0.25]


def test_constants_beyond_int64():
    check(2**70 * x, [x], [np.array([1, 2])])
    check(10**30 + x, [x], [np.array([1, 2])])


def test_logic_and_extrema_of_arrays_and_scalars():
    a = np.array([[-1.0], [2.0]])
    check(sp.And(x > 0, y > 0), [x, y], [a, 1.0])
    check(sp.Or(x > 0, y > 0), [x, y], [a, np.array([1.0, -1.0, 0.0])])
    check(sp.Max(x, y), [x, y], [a, 0.5])
    check(sp.Min(x, y, 0), [x, y], [a, np.array([1.0, -1.0, 0.5])])


def test_what_lambdify_cannot_print():
    check(sp.KroneckerDelta(x, y), [x, y], [A, 1])
    check(sp.LeviCivita(x, y, z), [x, y, z], [A, 1, 0])
    check(sp.Contains(x, sp.Interval(0, 1)), [x], [A])
    assert np.isinf(run(sp.zoo, [x], A)).all()
    assert math.isnan(run(sp.nan, [x], 1.0))


def test_constants_are_computed_once_and_do_not_upcast():
    expr = sp.sqrt(2) * sp.sin(1) * sp.zeta(3) * x
    found = compile_expression(expr, ((x, "x"),))
    assert found.source == f"def f(x):\n    return {float(sp.N(expr / x, 40))!r}*x\n"
    assert found(A.astype(np.float32)).dtype == np.float32


def test_unselected_branches_do_not_warn():  # 11306, 14789
    check(sp.Piecewise((sp.log(x), x > 0), (0, True)), [x], [np.array([-1.0, 0.0, 1.0])])
    got = run(sp.Piecewise((sp.log(x), x > 0), (0, True)), [x], -1.0)
    assert not isinstance(got, np.ndarray)


def test_reciprocals_are_divisions_and_powers_are_products():
    assert compile_expression(1 / x, ((x, "x"),)).source == "def f(x):\n    return 1/x\n"
    assert compile_expression(x**3, ((x, "x"),)).source == "def f(x):\n    return x*x*x\n"


def test_a_dummy_and_a_name_that_is_code():
    evil = sp.Symbol("x; import os")
    dummy = sp.Dummy()
    assert run(evil + 10 * dummy, [evil, dummy], 1, 2) == 21
