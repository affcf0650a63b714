"""Machine code gives what NumPy gives: values, dtypes, shapes, warnings, for every function and every way to call."""

from __future__ import annotations

import re
import tracemalloc
import warnings

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

from numpify_ctx._compile import compile_expression
from numpify_ctx._emission.native.types import CALLS
from numpify_ctx._execution.entry import Entry
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


# -- ways to call ----------------------------------------------------------------------------------------------------


EXPR = sp.exp(-x) * y + x / (1 + y**2) + z


@pytest.fixture(scope="module")
def three():
    return both(EXPR, [x, y, z])


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 16, 63, 64, 65, 1000, 5000])
def test_any_length(three, n):
    native, plain = three
    rng = np.random.default_rng(n)
    for values in [
        (rng.normal(size=n), rng.normal(size=n), 0.5),
        (rng.normal(size=3 * n)[::3], rng.normal(size=n)[::-1], rng.normal(size=n)),
    ]:
        check_same(native(*values), plain(*values))


@pytest.mark.parametrize(
    "shapes",
    [
        [(5, 1), (1, 7), ()],
        [(40, 40), (40, 40), (40, 40)],
        [(3, 1, 50), (4, 1), (50,)],
        [(100,), (1,), (100,)],
        [(0, 3), (3,), ()],
        [(300, 1), (1, 30), (300, 30)],
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_arguments_that_broadcast(three, shapes, order):
    native, plain = three
    rng = np.random.default_rng(4)
    values = [np.asarray(rng.normal(size=shape), order=order) for shape in shapes]
    check_same(native(*values), plain(*values))


def test_memory_that_is_odd(three):
    native, plain = three
    rng = np.random.default_rng(5)
    base = rng.normal(size=(2, 60))
    unaligned = np.frombuffer(b"\0" + rng.normal(size=33).tobytes(), np.uint8)[1:].view(np.float64)
    swapped = rng.normal(size=33).astype(">f8")
    readonly = rng.normal(size=33)
    readonly.flags.writeable = False
    for values in [
        (base[0, :33], base[1, 3:36], 1.0),
        (np.broadcast_to(2.0, 33), readonly, readonly),
        (unaligned, readonly, unaligned),
        (swapped, readonly, swapped),
    ]:
        check_same(native(*values), plain(*values))


def test_unused_parameters_count_for_the_shape():
    native, plain = both(sp.exp(x) * x, [x, y])
    values = np.linspace(0, 1, 5), np.ones((3, 1))
    check_same(native(*values), plain(*values))


@pytest.mark.parametrize("threads", [1, 2])
def test_out(threads):
    native, plain = both(EXPR, [x, y, z], threads=threads)
    rng = np.random.default_rng(6)
    a, b, c = rng.normal(size=(3, 400))
    wanted = plain(a, b, c)
    out = np.empty(400)
    assert native(a, b, c, out=out) is out
    check_same(out, wanted)
    buffer = np.zeros(401)
    buffer[1:] = a
    native(buffer[1:], b, c, out=buffer[:-1])  # overlaps the argument
    check_same(buffer[:-1], wanted)
    short = np.empty(400, np.float32)
    check_same(native(a, b, c, out=short), wanted.astype(np.float32))
    with pytest.raises(TypeError, match="out="):
        native(a, b, c, out=np.empty(400, int))


def test_matrices_and_lists():
    matrix = sp.Matrix([[sp.cos(x), -sp.sin(x) * y], [2, x]])
    rng = np.random.default_rng(7)
    values = rng.normal(size=50), rng.normal(size=50)
    for expr in (matrix, [x, sp.exp(y) * x, 3, [x + y, x + y]], (matrix, x * y)):
        native, plain = both(expr, [x, y])
        check_same(native(*values), plain(*values))
        assert is_native(native, *values)


def test_many_results_are_several_kernels():
    native, plain = both([sp.sin(x) * x + k for k in range(30)], [x])
    values = np.linspace(0, 1, 20)
    check_same(native(values), plain(values))
    assert "2 kernels" in native.explain(values)


def test_results_are_the_callers_own():
    native, _ = both([x, x + y, x + y], [x, y])
    a, b = np.ones(20), np.ones(20)
    first, second, third = native(a, b)
    assert not np.shares_memory(first, a)
    assert not np.shares_memory(second, third)


def test_what_has_no_native_form_runs_in_numpy():
    pytest.importorskip("scipy")
    rng = np.random.default_rng(8)
    a, b = rng.uniform(0.1, 1, 900), rng.uniform(0.1, 1, 900)
    f = sp.Function("f")
    k = sp.Symbol("k", integer=True)
    cases = [
        (sp.erf(sp.sin(x) * y) * sp.cos(y) + x * y + 1, None),
        (f(x * y + 1) * sp.exp(y) + f(x), {f: lambda v: np.sort(v)}),
        (sp.Sum(x**k * sp.sin(k * y + 1), (k, 1, 5)) * sp.exp(x) * y, None),
        (sp.Piecewise((sp.gamma(x * y + 1) * sp.exp(x), x < y), (sp.log(x) * sp.sin(y), True)) * sp.cos(x * y), None),
    ]
    for expr, functions in cases:
        native, plain = both(expr, [x, y], functions=functions)
        check_same(native(a, b), plain(a, b), ulps=100)
        assert "in a program that NumPy runs" in native.explain(a, b)


class Labelled(np.ndarray):
    """A subclass, which computes in its own way."""


def test_a_subclass_is_left_alone(three):
    native, plain = three
    values = np.ones(5).view(Labelled)
    assert type(native(values, 1.0, 2.0)) is type(plain(values, 1.0, 2.0))


@pytest.mark.parametrize("special", [False, True])
def test_memory_beside_the_result_is_a_few_blocks(special):
    if special:
        pytest.importorskip("scipy")
    expr = (sp.erf(sp.sin(x) * y) if special else sp.sin(x) * y) * sp.cos(y) + x * y + 1
    found = compile_expression(expr, [(x, "x"), (y, "y")], cache=False)
    native = Entry(found.program, native=True)
    a = np.random.default_rng(12).uniform(0.1, 1, 2**20)
    native(a, a)
    tracemalloc.start()
    try:
        result = native(a, a)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - result.nbytes < 2 * 2**20


# -- warnings --------------------------------------------------------------------------------------------------------


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
