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


CHOSEN = sp.Piecewise((1 / x, x < 1), (sp.sqrt(2 - x), True))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize(
    ("exprs", "value", "kinds"),
    [
        ([sp.sqrt(x - 1) * x], 0.25, {"invalid value"}),
        ([x + 1, 1 / sp.sqrt(x - 1), x * x], 0.25, {"invalid value"}),
        ([x * x - x], INF, {"invalid value"}),
        ([x * x], NAN, set()),
        ([1 / (x - 1)], 1.0, {"divide by zero"}),
        ([CHOSEN], 0.0, {"divide by zero"}),
        ([x + 1, CHOSEN], 3.0, {"invalid value"}),
        ([CHOSEN], NAN, set()),
        ([sp.Piecewise((1 / x, x > 0), (x, True))], 0.0, set()),
        ([sp.Piecewise((sp.nan, x < 1), (x, True))], 0.5, set()),
        ([sp.Piecewise((sp.nan, x < 1), (1 / (x - 2), True))], 2.0, {"divide by zero"}),
    ],
    ids=str,
)
def test_one_element_is_told_of_wherever_it_is(exprs, value, kinds, dtype):
    """In whichever register of a vector, and in the rest at the end."""
    native, _ = both(exprs if len(exprs) > 1 else exprs[0], [x])
    values = np.full(37, 1.5, dtype)
    assert warned(native, values) == set()
    for place in range(len(values)):
        values[place] = value
        assert warned(native, values) == kinds, place
        values[place] = 1.5


def test_one_complex_number_is_told_of_wherever_it_is():
    native, _ = both([x + 1, x * (x + 1)], [x])
    values = np.full(37, 1.5 + 2j)
    for place in range(len(values)):
        values[place] = complex(INF, INF)
        assert warned(native, values) == {"invalid value"}, place
        values[place] = 1.5


def test_one_integer_that_is_too_large_is_met_wherever_it_is():
    native, _ = both(x * y + 3, [x, y])
    values = np.full((2, 37), 7)
    native(*values)
    for which, place in np.ndindex(values.shape):
        values[which, place] = 2**62
        result = native(*values)
        assert result[place] == 7 * 2.0**62
        assert result[place - 1] == 52
        values[which, place] = 7
