"""The shortest ways, to plain NumPy and to kernels, give what the whole way gives, and exact integers."""

from __future__ import annotations

import importlib.util
import itertools
import threading

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify
from numpify_ctx._compile import compile_expression
from numpify_ctx._execution.entry import Entry

from .forms import SMALL


x, y, z = sp.symbols("x y z")
FORMS = [False, *[True] * (importlib.util.find_spec("llvmlite") is not None)]
SHORT = [np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32]


def entry_of(expr, arguments, native=False):
    found = compile_expression(expr, [(a, str(a)) for a in arguments], cache=False)
    return Entry(found.program, native=native)


def twice(entry, *args):
    """The result of a second call, which makes the quick way."""
    entry(*args)
    return entry(*args)


def quickly(entry, *args, out=None):
    """The result by the quick way alone; None if there is none for these."""
    found = [quick.function(args, out) for quick in entry.quicks]
    return next((result for result in found if result is not None), None)


# -- integers --------------------------------------------------------------------------------------------------------


def extremes(dtype):
    """The ends of a dtype, and numbers around 0."""
    info = np.iinfo(dtype)
    numbers = {info.min, info.min + 1, info.max - 1, info.max, *[n for n in (-2, -1, 0, 1, 2) if info.min <= n]}
    a, b = np.array(list(itertools.product(sorted(numbers), repeat=2))).T
    return np.resize(a, 203).astype(dtype), np.resize(b, 203).astype(dtype)


ARITHMETIC = [x + y, x * y, x - y, -x, x + 1, 3 * x - 7, sp.Max(x, y), x**2 + 3 * x * y - y + 7]
COMPARISONS = [x < y, x <= y, sp.Eq(x, y), sp.Ne(x, y), x > 3, x < 10**6, sp.Ge(x, -(2**40)), (x < y) & (y > 0)]


@pytest.mark.parametrize("native", FORMS)
@pytest.mark.parametrize("expr", [*ARITHMETIC, *COMPARISONS], ids=str)
def test_integers_that_are_short_in_memory_are_exact(expr, native):
    arguments = sorted(expr.free_symbols, key=str)
    entry = entry_of(expr, arguments, native)
    exactly = sp.lambdify(arguments, expr, [{"Max": max}, "math"])
    for dtype in SHORT:
        args = extremes(dtype)[: len(arguments)]
        wanted = [int(exactly(*row)) for row in zip(*(a.tolist() for a in args), strict=True)]
        whole = entry(*args)  # the first such call takes the whole way, the next ones the quick one
        largest = max(map(abs, wanted))
        assert largest >= 2**62 or whole.dtype.kind != "f"
        assert largest < 2**63 or whole.dtype.kind == "f"
        for found in (whole, entry(*args), entry(*[np.ascontiguousarray(a[::-1]) for a in args])[::-1]):
            assert found.dtype == whole.dtype
            if found.dtype.kind == "f":
                np.testing.assert_allclose(found, np.array(wanted, float), rtol=1e-15)
            else:
                assert [int(v) for v in found] == wanted


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_comparisons_take_integers_as_they_are(dtype):
    entry = entry_of(x < y, [x, y])
    a, b = np.arange(50, dtype=dtype), np.arange(50, dtype=dtype)[::-1].copy()
    twice(entry, a, b)
    np.testing.assert_array_equal(quickly(entry, a, b), np.arange(50) < np.arange(50)[::-1])


LOOKED_AT = [x + y, x - y, x * y, 3 * x - 7 * y, x**2 + 3 * x * y - y + 7, sp.Abs(x) + y, sp.Max(x, y) * x, x**5 - y]


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64])
@pytest.mark.parametrize("expr", LOOKED_AT, ids=str)
def test_integers_are_quick_up_to_the_limit_of_the_program(expr, dtype):
    """The largest that fit go the quick way, and are right; the next ones do not, nor do they overflow."""
    entry = entry_of(expr, [x, y])
    exactly = sp.lambdify([x, y], expr, [{"Max": max, "Abs": abs}, "math"])
    few = np.arange(12).reshape(3, 4).astype(dtype)
    twice(entry, few, few)
    twice(entry, few, 7)
    limit = 2 ** entry.bounds.most_bits(3)
    info = np.iinfo(dtype)
    for number in {limit - 1, -limit, limit, -limit - 1, info.max, info.min}:
        if not info.min <= number <= info.max:
            continue
        fits = -limit <= number < limit or info.max < limit
        for place in range(12):
            one = few.copy()
            one.flat[place] = number
            for args in [(one, few), (few, one), (one[:, ::-2], few[:, ::-2]), (one.T, few.T), (one, 7), (few, number)]:
                found = quickly(entry, *args)
                is_there = any(number in np.asarray(a) for a in args)
                assert (found is not None) == (fits or not is_there)
                wanted = [exactly(*map(int, row)) for row in zip(*(v.flat for v in np.broadcast_arrays(*args)))]  # noqa: B905
                got = entry(*args)
                if got.dtype.kind == "i":
                    assert got.ravel().tolist() == wanted
                else:
                    assert found is None
                    np.testing.assert_allclose(got.ravel(), np.array(wanted, float), rtol=1e-14)


def test_integers_that_leave_int64_take_the_whole_way():
    entry = entry_of(x + y, [x, y])
    a = np.array([2**62, 1])
    twice(entry, a, a)
    assert not entry.quicks
    for small in (np.array([2, 1]), np.array([], int)):
        assert twice(entry, small, small).dtype == np.int64
    assert quickly(entry, a, a) is None
    assert entry(a, a).dtype.kind == "f"


@pytest.mark.parametrize("number", [2**61, 2**62, -(2**63), 2**63, 2**70, -(2**70)])
def test_large_numbers_that_are_frozen_are_looked_at(number):
    f = numpify(x + 3 * y, [x, y], native=False, cache=False)
    a = np.array([2**61, 5])
    for _ in range(3):
        f(a >> 10, 2)
        f(a.astype(float), 2)
    bound = f.freeze({y: number})
    for args in (a >> 10, a, a.astype(float)):
        found, wanted = bound(args), f._origin.compiled.apply((args, number))
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


def test_an_int_beside_floats_of_two_precisions_is_an_int64():
    """Python's own int would leave a product with float32 in float32."""
    entry = entry_of(x * sp.floor(3 * y) + z, [x, y, z])
    args = (np.linspace(0.1, 2, 7, dtype=np.float32), 2, np.linspace(1, 2, 7))
    wanted = entry.apply(args)
    twice(entry, *args)
    found = quickly(entry, *args)
    assert found is not None
    assert found.tobytes() == wanted.tobytes()


def test_large_arrays_of_short_integers_are_left_to_what_cuts_them():
    entry = entry_of(x + y, [x, y])
    large = np.arange(70_000, dtype=np.int32)
    twice(entry, large[:100], large[:100])
    assert quickly(entry, large[:100], large[:100]) is not None
    assert quickly(entry, large, large) is None


@pytest.mark.parametrize("expr", [x * y + 1, sp.sin(x) * y, x + y**2], ids=str)
def test_whole_numbers_beside_arrays_of_floats_go_a_quick_way(expr):
    entry, other = entry_of(expr, [x, y]), entry_of(expr, [x, y])
    a = np.linspace(0.5, 2, 7)
    for number in (2, -3, 0, 2**53 + 1, 2**61, -(2**62)):
        wanted = other.apply((a, number))
        found = twice(entry, a, number)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    assert quickly(entry, a, 3) is not None
    for other_kind in (True, 2**62, 2**70, np.int64(3)):
        assert quickly(entry, a, other_kind) is None


# -- floats ----------------------------------------------------------------------------------------------------------


EXPR = sp.sin(x) * y + x


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128])
def test_arrays_of_one_dtype(dtype):
    entry, other = entry_of(EXPR, [x, y]), entry_of(EXPR, [x, y])
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 6, 5)).astype(dtype)
    wanted = other(a, b)
    twice(entry, a, b)
    found = quickly(entry, a, b)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(quickly(entry, a[0], b[0]), wanted[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_beside_arrays_take_their_precision(dtype):
    entry = entry_of(x * y**3 + x, [x, y])
    a = np.linspace(0, 1, 20).astype(dtype)
    wanted = twice(entry, a, 0.1)
    found = quickly(entry, a, 0.1)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, wanted)


ALONG = [
    x * y + sp.exp(x) * y**2 - x,
    sp.sqrt(x - 1) * y + x / y,
    x * sp.sin(y) / 3 + 2,
    sp.Piecewise((x * y, x > y), (x, True)),
    (x + y) * sp.erf(y) - sp.sign(x),
    x * y / sp.gamma(x) - sp.Max(x, y) * 3,
]


@pytest.mark.parametrize("expr", ALONG, ids=str)
def test_large_arrays_go_a_quick_way_to_blocks(expr):
    arguments = sorted(expr.free_symbols, key=str)
    entry = Entry(entry_of(expr, arguments).program, sizes=SMALL)
    rng = np.random.default_rng(5)
    kinds = [(rng.uniform(-2, 2, 100), rng.uniform(1, 2, 100)), (rng.uniform(1, 2, 100), 1.5)]
    with np.errstate(all="ignore"):
        for one, other in kinds:
            for _ in range(3):
                entry(one, other)
            for size in (1, 2, 15, 16, 17, 33, 100):
                args = one[:size], other if isinstance(other, float) else other[:size]
                wanted = entry.apply(args)
                found = quickly(entry, *args)
                if found is not None:
                    assert found.dtype == wanted.dtype
                    assert found.base is None or not any(np.shares_memory(found, a) for a in args if np.ndim(a))
                    np.testing.assert_array_equal(found, wanted)
                np.testing.assert_array_equal(entry(*args), wanted)
            assert found is not None
        one, other = kinds[0]
        grids = [a.reshape(10, 10) for a in (one, other)]
        wanted = entry.apply(tuple(grids))
        np.testing.assert_array_equal(quickly(entry, *grids), wanted)
        for args in (
            (one[::2], other[::2]),
            (grids[0].T, grids[1].T),
            (grids[0], other[:10]),
            (one[:50], one[50:].copy()),
        ):
            np.testing.assert_array_equal(entry(*args), entry.apply(args))
        out = np.empty(100)
        assert entry(one, other, out=out) is out
        np.testing.assert_array_equal(out, entry.apply((one, other)))


def test_what_is_of_other_kinds_is_for_the_whole_way():
    entry = entry_of(EXPR, [x, y])
    a = np.ones(8)
    twice(entry, a, a)
    assert quickly(entry, a, a) is not None
    others = [
        (a, np.ones((8, 8))), (a, a[:1]), (np.float64(1), 1.0), (1.0, 1.0), (a.astype("f4"), a), (a.view(np.matrix), a),
        (a.astype(">f8"), a), (np.array(1.0), np.array(1.0)), (np.ones((10**6, 1)), np.ones(10**6)),
    ]  # fmt: skip
    for args in others:
        assert quickly(entry, *args) is None
    assert quickly(entry, a, a, out=np.empty(8, "f4")) is None
    assert quickly(entry, a, a, out=np.empty(7).view(np.matrix)) is None


@pytest.mark.parametrize("expr", [x, sp.Abs(x), sp.re(x), sp.Piecewise((x, x > 0), (2 * x, True))], ids=str)
def test_results_are_the_callers_own(expr):
    entry = entry_of(expr, [x])
    a = np.ones(9)
    for _ in range(3):
        found = entry(a)
        assert not np.shares_memory(found, a)


def test_what_only_complex_numbers_lead_to_is_found_by_the_quick_way_too():
    expr = sp.Mul(sp.sqrt(x), sp.sqrt(sp.Add(x, 0, evaluate=False), evaluate=False), evaluate=False)
    entry, other = entry_of(expr, [x]), entry_of(expr, [x])
    a, b = np.array([4.0, 9.0]), np.array([4.0, -9.0])
    twice(entry, a)
    assert quickly(entry, a) is not None
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(entry(b), other(b))
        np.testing.assert_array_equal(other(b), b)


def test_errors_are_explained_as_ever():
    entry = entry_of(EXPR, [x, y])
    twice(entry, np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="broadcast"):
        twice(entry, np.ones(3), np.ones(4))


def test_threads_that_call_at_once():
    f = numpify(sp.sin(x) * y + 3, [x, y], cache=False)
    a = {dtype: np.linspace(-2, 2, 50).astype(dtype) for dtype in ("f8", "f4", "c16", "i8")}
    wanted = {dtype: f._origin.compiled.apply((v, v)) for dtype, v in a.items()}
    wrong = []

    def work(dtypes):
        for _ in range(20):
            for dtype in dtypes:
                found = f(a[dtype], a[dtype])
                if found.tobytes() != wanted[dtype].tobytes():
                    wrong.append(dtype)

    order = list(a)
    threads = [threading.Thread(target=work, args=(order[i:] + order[:i],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_a_way_may_be_learnt_of_no_elements(shape):
    f = numpify(x**2 + x * y + y**2 + 1, [x, y], native=False, cache=False)
    for second in (np.zeros(shape), 2.0):
        for bound in (f, f.freeze(y=2.0)):
            for _ in range(4):
                args = (np.zeros(shape), second)[: len(bound.free_parameters)]
                assert bound(*args).shape == shape
            many = np.full(200_000, 3.0)
            assert bound(*(many, 2.0)[: len(bound.free_parameters)])[-1] == 20.0
