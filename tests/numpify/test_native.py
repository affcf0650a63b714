"""Machine code gives what NumPy gives: values, dtypes and shapes, for every function and kind of number."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

from numpify_ctx._emission.native.types import CALLS
from numpify_ctx._lowering.example import VALUES
from numpify_ctx._lowering.rules import RULES
from numpify_ctx._program.ir import Op

from .native_forms import both, check_same, is_native


pytest.importorskip("llvmlite")
x, y, z, w = sp.symbols("x y z w")


# -- every function --------------------------------------------------------------------------------------------------


def spread_out(value):
    """An example's value as 5 values along an axis behind its own."""
    factors = 1 + 0.01 * np.arange(5)
    array = np.asarray(value)
    if array.dtype.kind == "i":
        return array[..., None] + np.arange(5) % 3
    return array[..., None] * factors


@pytest.mark.parametrize("cls", RULES, ids=lambda cls: cls.__name__)
def test_every_function_is_the_same_among_arithmetic(cls):
    """Alone it may be left to NumPy; between other operations, what can be fused is."""
    found = RULES[cls].example
    expr = cls(x) if found is None and issubclass(cls, sp.Function) else None
    if expr is None:
        if found is None or found.refused:
            pytest.skip("no example that compiles")
        expr = found.expr()
    free = set(expr.free_symbols) | (expr.atoms(sp.Symbol, sp.IndexedBase) if isinstance(expr, sp.Basic) else set())
    arguments = [a for a in VALUES if a in free or (isinstance(expr, sp.Basic) and expr.has(a))]
    if not arguments:
        pytest.skip("a constant")
    if getattr(expr, "is_scalar", False) or (isinstance(expr, sp.Expr) and not expr.is_Matrix):
        a = next((a for a in arguments if isinstance(a, sp.Symbol)), None)
        if a is not None and not getattr(expr, "shape", ()):
            expr = sp.Add(sp.Mul(expr, sp.cos(a), evaluate=False), sp.Mul(2, a, evaluate=False), evaluate=False)
    values = [spread_out(VALUES[a]) for a in arguments]
    try:
        native, plain = both(expr, arguments)
    except ImportError:
        pytest.skip("SciPy is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_same(native(*values), plain(*values), ulps=4000)


def test_the_names_of_native_forms_are_known_or_left_to_numpy():
    """What a rule calls native and no kernel knows, NumPy computes; this is the list of these."""
    import gc

    gc.unfreeze()  # the table is made on import, and `conftest.py` takes that out of the collector's lists
    named = {op.native for op in gc.get_objects() if type(op) is Op and op.native is not None}
    assert named >= {"sin", "exp", "power", "minimum", "floor"}
    assert named - CALLS.keys() == {"logaddexp2"}


ELEMENTARY = [
    sp.sin(x) ** 2 * sp.cos(x) + x**3 - 2 * x + 1,
    sp.exp(-x / 3) * sp.log(x + 2) + sp.tan(x) / (1 + x**2),
    sp.sqrt(x + 1) * sp.atan(x) - sp.asin(x / 9) + sp.acos(x / 9),
    sp.sinh(x) * sp.tanh(x) / sp.cosh(x) + sp.asinh(x) - sp.acosh(x + 1) * sp.atanh(x / 9),
    x ** sp.Rational(13, 10) + sp.atan2(x, x + 1) + sp.Abs(x - 2) + sp.Min(x, 1) * sp.Max(x, 2),
    sp.Piecewise((x**2, x < 1), (sp.sin(x), x < 3), (sp.exp(-x), True)),
    sp.sign(x - 2) + sp.floor(x) + sp.Heaviside(x - 1, sp.Rational(1, 2)),
]


@pytest.mark.parametrize("expr", ELEMENTARY, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_elementary_expressions_in_each_precision(expr, dtype):
    native, plain = both(expr, [x])
    values = np.random.default_rng(0).uniform(0.01, 8, 1003).astype(dtype)
    check_same(native(values), plain(values), ulps=64)
    assert is_native(native, values)


@pytest.mark.parametrize(
    "expr",
    [3 * x**5 - 2 * x**4 + x**3 / 3 - x + 7, 1 / sp.sqrt((y**2 - x**2) ** 2 + (x * y) ** 2), (x - y) / (x + y) / 3],
    ids=str,
)
def test_arithmetic_is_the_same_to_the_last_bit(expr):
    native, plain = both(expr, [x, y])
    rng = np.random.default_rng(1)
    for dtype in (np.float64, np.float32):
        a, b = (rng.normal(size=517).astype(dtype) for _ in range(2))
        np.testing.assert_array_equal(native(a, b), plain(a, b))
        assert is_native(native, a, b)


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
def test_complex_numbers(dtype):
    rng = np.random.default_rng(2)
    a, b = ((rng.normal(size=301) + 1j * rng.normal(size=301)).astype(dtype) for _ in range(2))
    expr = sp.exp(x) * y / (1 + x * y) + sp.Abs(x) - sp.conjugate(y) * sp.re(x) + sp.im(y)
    native, plain = both(expr, [x, y])
    check_same(native(a, b), plain(a, b), ulps=400)
    assert is_native(native, a, b)


# -- integers --------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20), st.sampled_from([1, 2**20, 2**40]))
@settings(deadline=None, max_examples=20)
def test_integers_are_exact_or_floats_as_ever(numbers, shrink):
    native, plain = INTEGERS
    a = np.array(numbers) // shrink
    wanted = plain(a, a[::-1])
    found = native(a, a[::-1])
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


INTEGERS = both(x**2 + 3 * x * y - y + 7, [x, y])


def test_integers_that_fit_are_computed_by_kernels():
    native, plain = INTEGERS
    a = np.arange(-500, 500)
    for values in [(a, a), (a.astype(np.int8), a), (a, 3), (a > 0, a)]:
        check_same(native(*values), plain(*values))
        assert is_native(native, *values)
    assert not is_native(native, a * 2**50, a)


ARMS = sp.Piecewise(
    (sp.sin(x) * sp.Piecewise((sp.log(x + 2), x < y), (sp.exp(y), True)), x < 0),
    (sp.Piecewise((sp.cos(x) + y, y > 1), (sp.log(x + 2), True)), x < 1),
    (sp.exp(y) * x, True),
) + sp.cos(x)


@pytest.mark.parametrize("low", [-1, 0, 1])
@pytest.mark.parametrize("expr", [ARMS, ARMS * ARMS.subs(x, y), [ARMS, sp.exp(y), sp.Piecewise((sp.sin(x), y > 1))]])
def test_arms_that_some_lanes_select_and_some_do_not(expr, low):
    native, plain = both(expr, [x, y])
    rng = np.random.default_rng(11)
    a = rng.uniform(low, 2, 203)
    b = rng.uniform(-1, 3, 203)
    for values in [(a, b), (np.sort(a), b), (np.full(40, -0.5), np.linspace(0, 2, 40)), (a, 2.0)]:
        check_same(native(*values), plain(*values))
    assert is_native(native, a, b)


def test_booleans():
    native, plain = both((x < y) & (x > sp.Rational(1, 3)) | sp.Eq(y, 1), [x, y])
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=77), rng.normal(size=77)
    a[3] = b[4] = np.nan
    b[5] = 1
    check_same(native(a, b), plain(a, b))
    assert is_native(native, a, b)
