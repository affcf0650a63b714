"""Machine code gives what NumPy gives: values, dtypes, shapes, warnings, for every function and every way to call."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

from numpify_ctx._compile import compile_expression
from numpify_ctx._emission.native.types import KNOWN
from numpify_ctx._execution import native as execution
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

    named = {op.native for op in gc.get_objects() if type(op) is Op and op.native is not None}
    assert named >= {"sin", "exp", "power", "minimum", "floor"}
    assert named - KNOWN == {"logaddexp2"}


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


# -- when ------------------------------------------------------------------------------------------------------------


def entry_of(expr, arguments, native):
    found = compile_expression(expr, [(a, str(a)) for a in arguments], cache=False)
    return Entry(found.program, native=native)


def test_a_kernel_is_compiled_when_it_pays(monkeypatch):
    entry = entry_of(sp.sin(x) * x + 1, [x], None)
    values = np.linspace(0, 1, 1000)
    entry(values)
    assert "not native yet" in entry.explain(values)
    assert entry.native.source == ""
    monkeypatch.setattr(execution, "PAYS", 10_000)
    monkeypatch.setattr(execution, "_SECONDS_AN_ELEMENT", 1.0)  # so that it is compiled by this thread
    for _ in range(4):
        entry(values)
    assert is_native(entry, values)
    assert "define void @kernel" in entry.native.source


def test_a_kernel_that_would_hold_up_the_call_is_compiled_beside_it(monkeypatch):
    entry = entry_of(sp.sin(x) * x + 2, [x], None)
    values = np.linspace(0, 1, 100)
    monkeypatch.setattr(execution, "PAYS", 100)
    pending = []
    monkeypatch.setattr(execution, "executor", lambda: type("Pool", (), {"submit": lambda _, *a: pending.append(a)})())
    entry(values)
    entry(values)
    assert len(pending) == 1
    assert not is_native(entry, values)
    function, *args = pending[0]
    function(*args)
    assert is_native(entry, values)


def test_what_fails_is_left_to_numpy_and_told(monkeypatch):
    entry = entry_of(sp.sin(x) * x + 3, [x], None)
    values = np.linspace(0, 1, 100)
    monkeypatch.setattr(execution, "PAYS", 100)
    monkeypatch.setattr(execution, "_SECONDS_AN_ELEMENT", 1.0)

    def fail(*args):
        raise AssertionError("no such operation")

    monkeypatch.setattr(execution, "cluster_text", fail)
    entry(values)
    with pytest.warns(RuntimeWarning, match="could not compile machine code: no such operation"):
        found = entry(values)
    np.testing.assert_array_equal(found, np.sin(values) * values + 3)
    assert "no such operation" in entry.explain(values)
    entry(values)  # told once


def test_an_interrupt_leaves_the_next_call_to_compile(monkeypatch):
    entry = entry_of(sp.sin(x) * x + 4, [x], None)
    values = np.linspace(0, 1, 100)
    monkeypatch.setattr(execution, "PAYS", 100)
    monkeypatch.setattr(execution, "_SECONDS_AN_ELEMENT", 1.0)

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(execution, "cluster_text", interrupt)
        entry(values)
        with pytest.raises(KeyboardInterrupt):
            entry(values)
    entry(values)
    assert is_native(entry, values)


def test_native_false_never_compiles():
    entry = entry_of(sp.sin(x) * x, [x], False)
    assert entry.native is None
    assert "native=False" in entry.explain(np.ones(3))


def test_forms_are_bounded(monkeypatch):
    monkeypatch.setattr(execution, "_MOST_FORMS", 2)
    entry = entry_of(x * y + 1, [x, y], True)
    a = np.ones(4)
    for values in [(a, a), (a, 1.0), (1.0, a), (a.astype(np.float32), a)]:
        entry(*values)
    assert len(entry.native._forms) <= 8
    assert len(entry.native.kernels) <= 4 * 2 + 1


def test_a_program_too_large_for_a_kernel_is_left_to_numpy(monkeypatch):
    monkeypatch.setattr(execution, "_LARGEST", 3)
    entry = entry_of(sp.sin(x) * x + sp.cos(x) / 3, [x], True)
    check_same(entry(np.ones(3)), np.sin(np.ones(3)) + np.cos(np.ones(3)) / 3)
    assert "more than a kernel takes" in entry.explain(np.ones(3))


# -- processes and threads -------------------------------------------------------------------------------------------


def test_threads_share_the_work_and_give_the_same(monkeypatch):
    monkeypatch.setattr("numpify_ctx._execution.native_calls.PIECE", 100)
    for expr in (EXPR, [EXPR, x * y], sp.Matrix([x * y, EXPR])):
        native, plain = both(expr, [x, y, z], threads=2)
        rng = np.random.default_rng(9)
        for values in [rng.normal(size=(3, 1001)), (rng.normal(size=(40, 30)), rng.normal(size=30), 2.0)]:
            check_same(native(*values), plain(*values))


def test_many_callers_at_once(three):
    native, plain = three
    rng = np.random.default_rng(10)
    cases = [(v, plain(*v)) for v in rng.normal(size=(4, 3, 2000))]
    failures = []

    def call(values, wanted):
        failures.extend(values for _ in range(20) if not np.allclose(native(*values), wanted))

    callers = [threading.Thread(target=call, args=case) for case in cases]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_calls_and_compiles():
    code = """
import os, sys, numpy as np, sympy as sp
from numpify_ctx._compile import compile_expression
from numpify_ctx._execution.entry import Entry
x = sp.Symbol("x")
def entry(e): return Entry(compile_expression(e, [(x, "x")], cache=False).program, native=True)
f = entry(sp.sin(x)*x); a = np.ones(50); before = f(a)
pid = os.fork()
if pid == 0:
    ok = np.array_equal(f(a), before) and entry(sp.cos(x)*x)(a).shape == (50,)
    os._exit(0 if ok else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_function_that_was_dropped_takes_its_kernel_along():
    import gc
    import weakref

    entry = entry_of(sp.exp(x) * x + 5, [x], True)
    entry(np.ones(9))
    kernel = weakref.ref(entry.native.kernels[0])
    del entry
    gc.collect()
    assert kernel() is None


# -- safety ----------------------------------------------------------------------------------------------------------


HOSTILE = ['x") ret void ; define', "%v1", "@kernel", "}\ndefine void @main()", "!0", '" #1 asm "']


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_an_expression_is_in_the_text(name):
    """The text has numbers and our own identifiers: it is the same whatever the parameters are called."""
    symbol, other = sp.Symbol(name), sp.Symbol("x")
    texts = []
    for s in (symbol, other):
        found = compile_expression(sp.sin(s) * s + sp.Rational(1, 3), [(s, "x")], cache=False)
        entry = Entry(found.program, native=True)
        entry(np.ones(3))
        texts.append(entry.native.source)
    assert texts[0] == texts[1]


def test_the_text_is_of_our_own_words():
    native, _ = both(sp.Piecewise((sp.sin(x) ** y, x < y), (sp.log(x) + sp.I * y, True)), [x, y])
    with np.errstate(all="ignore"):
        native(np.ones(9), np.ones(9))
    text = native.native.source
    assert text
    names = set(re.findall(r"[%@]([A-Za-z0-9_.$-]+)", text))
    assert all(re.fullmatch(r"[a-z0-9.]+", name) for name in names)
    assert "asm" not in text
    assert "inttoptr" not in text
    called = set(re.findall(r"call [^@]*@([\w.]+)\(", text))
    ours = {"loop", *(f"{p}{s}" for p in ("pack", "unpack") for s in (1, 4, 8, 16)), *KNOWN}
    assert all(name in ours or name.startswith("llvm.") or ".rare." in name for name in called)


def test_the_option_of_numpify():
    from numpify_ctx import DYNAMIC_PARAMETER, numpify

    f = numpify(sp.sin(x) * x + y, [x, y], native=True, cache=False)
    a = np.ones(5)
    assert "not native yet" in f.explain(a, 2.0)
    assert f(a, 2.0).shape == (5,)
    assert f.explain(a, y=2.0).startswith("native: a kernel")
    assert "@kernel" in f.native_source
    bound = f.freeze(y=DYNAMIC_PARAMETER).set_parameter_context({y: 3.0})
    assert bound.explain(a).startswith("native")
    with pytest.raises(TypeError, match="native must be True, False or None, got 'yes'"):
        numpify(x, native="yes")


def test_without_llvmlite_everything_works_and_says_so():
    code = """
import sys
sys.modules["llvmlite"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "llvmlite" else found(name, *rest)
del sys.modules["llvmlite"]
import numpy as np, sympy as sp
from numpify_ctx import CompileError, numpify
x = sp.Symbol("x")
f = numpify(sp.sin(x) * x)
for _ in range(3): f(np.ones(4_000_000))
assert "not installed" in f.explain(np.ones(3)), f.explain(np.ones(3))
assert "llvmlite" not in sys.modules
sys.modules["llvmlite"] = None
try: numpify(x, native=True)
except CompileError as error: assert "haliax-refs[fast]" in str(error)
else: raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_pickled_function_compiles_anew():
    from numpify_ctx import numpify

    f = numpify(sp.sin(x) * x, [x])
    a = np.ones(5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))(a), f(a))
