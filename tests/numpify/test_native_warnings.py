"""Machine code warns of what NumPy warns of, and of nothing else; infinities, nan and zeros are NumPy's."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import sympy as sp

from .native_forms import both, check_same


pytest.importorskip("llvmlite")
x, y = sp.symbols("x y")


def warned(function, *args):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function(*args)
    return {re.sub(" encountered.*", "", str(w.message)) for w in found}


INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    ("expr", "value", "kinds"),
    [
        (1 / x + x, 0.0, {"divide by zero"}),
        (sp.log(x) * 2, 0.0, {"divide by zero"}),
        (sp.log(x) * 2, -1.0, {"invalid value"}),
        (sp.sqrt(x) + 1, -1.0, {"invalid value"}),
        (sp.exp(x) + 1, 1e3, {"overflow"}),
        (1 / (1 + sp.exp(x)), 1e3, {"overflow"}),
        (x * x * x + 1, 1e200, {"overflow"}),
        (sp.sinh(x) + 1, 1e3, {"overflow"}),
        (x ** sp.Float(2.5) + 1, 1e200, {"overflow"}),
        (sp.atanh(x) + 1, 1.0, {"divide by zero"}),
        (sp.sin(x) + 1, INF, {"invalid value"}),
        (sp.Add(x, y) * x, INF, {"invalid value"}),
    ],
    ids=str,
)
def test_what_numpy_warns_of(expr, value, kinds):
    arguments = sorted(expr.free_symbols, key=str)
    native, plain = both(expr, arguments)
    values = [np.where(np.arange(37) == 11, value, 0.5) for _ in arguments]
    values[1:] = [-v for v in values[1:]]
    assert warned(plain, *values) >= kinds
    assert warned(native, *values) == kinds
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        native(*values)


@pytest.mark.parametrize(
    "expr",
    [
        *(f(x) + x for f in (sp.sin, sp.cos, sp.tan, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.exp)),
        sp.atan2(x, y) + 1, sp.Piecewise((1 / x, sp.Abs(x) > 1), (x * y, True)), (x < y) | (y > 2), sp.Max(x, y) + 1,
        sp.Piecewise((sp.log(x), x > 1), (0, True)),
    ],
    ids=str,
)  # fmt: skip
def test_nothing_is_warned_of_that_numpy_does_not(expr):
    arguments = sorted(expr.free_symbols, key=str)
    native, plain = both(expr, arguments)
    special = np.array([0.0, -0.0, 5e-324, -1e-310, 1e-200, 0.5, -0.5, 1.0, 700.0, 1e16, 1e22, 1e300, NAN])
    values = [np.resize(special, 40)] * len(arguments)
    found, wanted = warned(native, *values), warned(plain, *values)
    assert found <= wanted
    with np.errstate(all="ignore"):
        check_same(native(*values), plain(*values))


def test_the_edges_of_each_function_are_numpys():
    """Infinities, nan, zeros of both signs, subnormal numbers: value and sign."""
    edges = np.array([0.0, -0.0, INF, -INF, NAN, 5e-324, -5e-324, 1.0, -1.0, 2.0, 0.5, 1e22, 1e308, -1e308, 1e-308])
    functions = [
        sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh, sp.atanh,
        sp.exp, sp.log, sp.codegen.cfunctions.expm1, sp.codegen.cfunctions.log1p, sp.codegen.cfunctions.exp2,
        sp.codegen.cfunctions.log2, sp.codegen.cfunctions.log10, sp.codegen.cfunctions.Cbrt,
    ]  # fmt: skip
    native, plain = both([f(x) for f in functions], [x])
    with np.errstate(all="ignore"):
        for f, one, other in zip(functions, native(edges), plain(edges), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-15, atol=5e-324, err_msg=str(f))
            signs = (np.signbit(v) & ~np.isnan(v) for v in (one, other))
            np.testing.assert_array_equal(*signs, err_msg=str(f))
    a, b = (v.ravel() for v in np.meshgrid(edges, edges))
    native, plain = both([sp.atan2(x, y), x**y, sp.codegen.cfunctions.hypot(x, y), sp.Min(x, y)], [x, y])
    with np.errstate(all="ignore"):
        for one, other in zip(native(a, b), plain(a, b), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-15, atol=5e-324)
