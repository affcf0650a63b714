"""What kernels leave to NumPy: functions that its own loops compute faster, where a kernel of all would lose."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from numpify_ctx._emission.native import costs

from .native_forms import both, check_same, is_native


pytest.importorskip("llvmlite")
x, y = sp.symbols("x y")


@pytest.fixture(params=[True, False], ids=["vectors", "scalars"])
def numpy_has_vectors(request, monkeypatch):
    monkeypatch.setattr(costs, "numpy_has_vectors", lambda: request.param)
    return request.param


def values_of(expr, dtype):
    rng = np.random.default_rng(0)
    return [rng.uniform(0.1, 0.9, 200).astype(dtype) for _ in expr.free_symbols]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("expr", [sp.tan(x), sp.sinh(x), sp.asin(x), x**y, x ** sp.Rational(1, 3)], ids=str)
def test_what_numpy_is_faster_at_is_left_to_it_where_it_has_vectors(expr, dtype, numpy_has_vectors):
    native, plain = both(expr, sorted(expr.free_symbols, key=str))
    values = values_of(expr, dtype)
    check_same(native(*values), plain(*values))
    assert is_native(native, *values) is not numpy_has_vectors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("expr", [sp.sin(x), sp.cos(x) * y, sp.sqrt(x), x * y + 1], ids=str)
def test_what_kernels_are_faster_at_is_theirs(expr, dtype, numpy_has_vectors):
    native, plain = both(expr, sorted(expr.free_symbols, key=str))
    values = values_of(expr, dtype)
    check_same(native(*values), plain(*values))
    assert is_native(native, *values)
    assert "in a program that NumPy runs" not in native.explain(*values)


def test_what_is_won_on_the_arithmetic_around_pays_for_a_function(numpy_has_vectors):
    expr = sp.tan(x) * sp.sin(x) + x**3 * y - y / (1 + x**2)
    native, plain = both(expr, [x, y])
    values = values_of(expr, np.float64)
    check_same(native(*values), plain(*values))
    assert "in a program that NumPy runs" not in native.explain(*values)


def test_between_functions_that_are_left_the_arithmetic_is_fused(monkeypatch):
    monkeypatch.setattr(costs, "numpy_has_vectors", lambda: True)
    expr = sp.tan(x * y + 1) * sp.atan(x - 2 * y) + x
    native, plain = both(expr, [x, y])
    values = values_of(expr, np.float32)
    check_same(native(*values), plain(*values), ulps=64)
    assert "in a program that NumPy runs" in native.explain(*values)


def test_powers_of_one_base_share_its_logarithm(numpy_has_vectors):
    expr = x ** sp.Rational(13, 10) + x ** sp.Rational(1, 3)
    native, plain = both(expr, [x])
    values = values_of(expr, np.float64)
    check_same(native(*values), plain(*values))
    assert is_native(native, *values)
