"""Machine code by every way to call: lengths, memory, broadcasting, `out`, several results, what NumPy does between."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import sympy as sp

from numpify_ctx._compile import compile_expression
from numpify_ctx._execution.entry import Entry

from .native_forms import both, check_same, is_native


pytest.importorskip("llvmlite")
x, y, z = sp.symbols("x y z")


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


@pytest.mark.parametrize("count", [45, 63, 64, 65, 150])
def test_more_operands_than_a_ufunc_takes(count, recwarn):
    """A ufunc of NumPy's has 64 operands at most: what has more is divided, and the widest sums are left to NumPy."""
    symbols = sp.symbols(f"a:{count}")
    sums = [sp.sin(sp.Add(*symbols[i : i + 9])) * sp.exp(-(symbols[i] ** 2)) for i in range(0, count, 5)]
    values = [np.linspace(i % 7, i % 7 + 1, 11) for i in range(count)]
    for expr in (sp.Add(*sums), sp.Add(*(s * s for s in symbols)), [s * symbols[0] + 1 for s in symbols[:30]]):
        native, plain = both(expr, list(symbols))
        check_same(native(*values), plain(*values))
        check_same(native(*values), plain(*values))
    divided, _ = both(sp.Add(*sums), list(symbols))
    divided(*values)
    assert is_native(divided, *values)
    assert not recwarn.list


def test_more_results_of_numpy_than_a_kernel_takes():
    special = pytest.importorskip("scipy.special")
    native, _ = both(sp.Add(*(k * sp.sin(sp.erf(x + k)) for k in range(70))), [x])
    values = np.linspace(0, 1, 11)
    check_same(native(values), np.sum([k * np.sin(special.erf(values + k)) for k in range(70)], axis=0))
