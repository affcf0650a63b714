"""The shortest ways to kernels give what all other ways give: by dtype, shape, `out`, and size of integers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

from numpify_ctx import numpify

from .native_forms import both, check_same


pytest.importorskip("llvmlite")
x, y, z = sp.symbols("x y z")

WHOLE = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4"]
POLYNOMIAL = x**2 + 3 * x * y - y + 7


def few(dtype, shape=5, low=0):
    """Small whole numbers, which every dtype has."""
    values = np.random.default_rng(1).integers(low, 3, shape)
    return values.astype(dtype)


def by_a_quick_way(entry, *args, out=None):
    """The result by the second such call, which goes the quick way; None if there is none."""
    entry(*args)
    entry(*args)
    found = [quick.function(args, out) for quick in entry.native.quicks]
    return next((result for result in found if result is not None), None)


@pytest.fixture(scope="module")
def polynomial():
    return both(POLYNOMIAL, [x, y])


@pytest.mark.parametrize("dtype", [*WHOLE, "f4", "f8", "c8", "c16"])
def test_arrays_of_each_dtype_go_to_the_kernel(dtype):
    native, plain = both(POLYNOMIAL, [x, y])
    args = few(dtype), few(dtype)[::-1]
    found = by_a_quick_way(native, *args)
    assert found is not None
    check_same(found, plain(*args))


@pytest.mark.parametrize("dtype", ["u8", "f2", ">f8", "O"])
def test_arrays_that_need_more_do_not(polynomial, dtype):
    native, plain = polynomial
    args = few(dtype), few(dtype)
    assert by_a_quick_way(native, *args) is None
    check_same(native(*args), plain(*args))


@pytest.mark.parametrize(
    "dtypes", [("i4", "f8"), ("i1", "i8"), ("i8", "c16"), ("f4", "f8"), ("f4", "c8"), ("i2", "f4")]
)
def test_arrays_of_different_dtypes(dtypes):
    native, plain = both(POLYNOMIAL, [x, y])
    args = tuple(map(few, dtypes))
    native(*args)
    check_same(native(*args), plain(*args))


@pytest.mark.parametrize(
    ("dtype", "number"),
    [("f8", 0.5), ("f8", np.float64(0.5)), ("f8", 2), ("f4", 0.1), ("i8", 2), ("i4", 2**40), ("c16", 0.5), ("c16", 1j),
     ("c8", 0.1), ("c8", 0.1j), ("i8", 0.5), ("f4", np.float64(0.1)), ("f4", 2), ("f8", True), ("i8", 2**63),
     ("f8", 2**70)],
)  # fmt: skip
def test_numbers_beside_arrays(dtype, number):
    native, plain = both(POLYNOMIAL, [x, y])
    args = few(dtype), number
    for _ in range(3):
        check_same(native(*args), plain(*args))
    other = few(dtype), type(number)(1)
    check_same(native(*other), plain(*other))


def test_each_way_is_kept_beside_the_others(polynomial):
    native, plain = polynomial
    for _ in range(3):
        for dtype in ("f8", "i8", "f4"):
            args = few(dtype), few(dtype)
            check_same(native(*args), plain(*args))
            assert by_a_quick_way(native, *args) is not None


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40), st.sampled_from([1, 2**32, 2**34, 2**40]))
@settings(deadline=None, max_examples=60)
def test_integers_that_might_overflow_leave_the_kernel(numbers, shrink):
    native, plain = both_polynomials()
    args = tuple(np.array([n // shrink for n in order]) for order in (numbers, numbers[::-1]))
    for _ in range(2):
        check_same(native(*args), plain(*args))


def both_polynomials():
    if not _MADE:
        native, plain = both(POLYNOMIAL, [x, y])
        native(few("i8"), few("i8"))
        assert native.native.quicks
        _MADE.extend((native, plain))
    return _MADE


_MADE: list = []


@pytest.mark.parametrize("place", [0, 1, 7, 40, 99])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("step", [1, -2])
def test_one_large_integer_anywhere(place, sign, step):
    native, plain = both_polynomials()
    a, b = few("i8", 200), few("i8", 200)
    a[place] = sign * 2**40
    args = a[::step], b[::step]
    check_same(native(*args), plain(*args))


def test_the_bound_on_integers_is_that_of_the_program():
    """The largest that fit go the quick way, and are right; the next ones do not."""
    native, plain = both(x * y + y, [x, y])
    bits = native.native.compiler._bounds.most_bits(3)
    assert bits == 30
    native(few("i8"), few("i8"))
    for value, fits in [(2**bits - 1, True), (-(2**bits), True), (2**bits, False), (-(2**bits) - 1, False)]:
        args = np.full(9, value), np.full(9, value)
        assert (native.native.quicks[0].function(args, None) is not None) == fits
        check_same(native(*args), plain(*args))


def test_nothing_is_warned_of_in_a_kernel_that_gives_up():
    """2**40 * 2**24 overflows to 0 there, and the division would be one by zero."""
    native, plain = both(1 / (x * y + 1 - 1 / x), [x, y])
    small = np.array([2, 3]), np.array([5, 7])
    native(*small)
    large = np.array([2**40, 3]), np.array([2**24, 7])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            check_same(native(*large), plain(*large))


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "c16"])
@pytest.mark.parametrize("shapes", [((3, 1), (1, 4)), ((4,), (3, 4)), ((1,), (7,)), ((0,), (1,)), ((2, 1), ())])
def test_small_arrays_that_broadcast(dtype, shapes):
    native, plain = both(POLYNOMIAL, [x, y])
    full = few(dtype, 3), few(dtype, 3)
    args = tuple(few(dtype, shape) for shape in shapes)
    native(*full)
    check_same(native(*args), plain(*args))
    assert by_a_quick_way(native, *args) is not None or () in shapes


def test_arrays_that_do_not_broadcast_are_refused_as_ever():
    native, plain = both(POLYNOMIAL, [x, y])
    native(few("f8"), few("f8"))
    with pytest.raises(ValueError, match="broadcast") as wanted:
        plain(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="broadcast") as found:
        native(np.ones(2), np.ones(3))
    assert str(found.value) == str(wanted.value)


@pytest.mark.parametrize("dtype", ["f8", "i8", "f4"])
def test_out(dtype):
    native, plain = both(POLYNOMIAL, [x, y])
    args = few(dtype, 9), few(dtype, 9)
    wanted = plain(*args)
    for _ in range(3):
        out = np.zeros_like(wanted)
        assert native(*args, out=out) is out
        check_same(out, wanted)
        native(*args)
    read_only = np.zeros_like(wanted)
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        native(*args, out=read_only)
    with pytest.raises(ValueError, match="broadcast"):
        native(*args, out=np.zeros(3, wanted.dtype))
    own = few(dtype, 9)
    native(own, args[1], out=own)  # over an argument
    check_same(own, wanted)


@pytest.mark.parametrize("expr", [POLYNOMIAL, sp.erf(x) * sp.cos(y) + x * y * y, sp.sqrt(x) * sp.sqrt(x - y)], ids=str)
@pytest.mark.parametrize("dtype", ["f8", "i8", "i4", "f4", "c16"])
def test_calls_that_all_have_out_are_learned_too(expr, dtype):
    native, plain = both(expr, [x, y])
    args = few(dtype, 9, 1), few(dtype, 9, 1)[::-1].copy()
    with np.errstate(all="ignore"):
        wanted = plain(*args)
        for other in ("c16", "f8", "c8", wanted.dtype):
            for _ in range(3):
                out = np.zeros(9, other)
                try:
                    assert native(*args, out=out) is out
                except TypeError:
                    assert not np.can_cast(wanted.dtype, other, "same_kind")
                    continue
                np.testing.assert_allclose(out, wanted, rtol=1e-6 if dtype == "f4" or other == "c8" else 1e-14)
        if expr is POLYNOMIAL:
            [quick] = native.native.quicks
            assert quick.function(args, np.zeros_like(wanted)) is not None
        check_same(native(*args), wanted)
        check_same(native(*args), wanted)


def test_large_integers_into_an_array_that_only_came_with_out():
    native, plain = both(x * y + y, [x, y])
    out = np.zeros(5, int)
    for _ in range(3):
        native(few("i8"), few("i8"), out=out)
    assert native.native.quicks
    a, before = np.full(5, 2**40), out.copy()
    with pytest.raises(TypeError, match="cannot write"):
        native(a, a, out=out)
    np.testing.assert_array_equal(out, before)
    floats = np.zeros(5)
    check_same(native(a, a, out=floats), plain(a, a))


def test_large_integers_into_an_argument():
    native, plain = both(x * y + y, [x, y])
    native(few("i8"), few("i8"))
    a, b = np.full(4, 2**31), np.full(4, 2)
    wanted = plain(a, b)
    assert native(a, b, out=a) is a
    check_same(a, wanted)


def test_a_result_that_only_complex_numbers_lead_to_is_found_by_every_call():
    """The quick way once left these out from the second call on."""
    f = numpify(sp.sqrt(x) * sp.sqrt(x - 5), native=True)
    values = -np.arange(1.0, 5.0)
    with np.errstate(invalid="ignore"):
        for _ in range(4):
            np.testing.assert_allclose(f(values), -np.sqrt(values * (values - 5)))
            assert np.isnan(f(np.array([1.0, np.nan]))).all()
            assert f(values[:, None] - [0, 1]).shape == (4, 2)


def test_what_may_be_completed_goes_a_quick_way_too():
    native, plain = both(sp.sqrt(x) * sp.sqrt(x - y), [x, y])
    for args in ((np.array([7.0, 8.0]), np.array([1.0, 2.0])), (np.array([-1.0, 2.0]), np.array([1.0, 3.0]))):
        with np.errstate(invalid="ignore"):
            check_same(by_a_quick_way(native, *args), plain(*args))
            out = np.zeros(2)
            check_same(native(*args, out=out), plain(*args))
            check_same(native(-2.0, np.array([1.0, 3.0])), plain(-2.0, np.array([1.0, 3.0])))


@pytest.mark.parametrize("size", [3, 8192, 8193, 50_000])
def test_a_single_element_that_only_complex_numbers_lead_to(size):
    f = numpify(sp.sqrt(x) * sp.sqrt(x - 5), native=True)
    values = np.linspace(6.0, 7.0, size)
    for place in (0, size // 2, size - 1):
        values[place] = -4.0
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(f(values)[place], -6.0)
            assert np.isnan(f(np.where(values < 0, np.nan, values))[place])
            for step in (2, -1):  # such are copied piece by piece
                apart = np.full(abs(step) * size, 6.0)[::step]
                apart[:] = values
                np.testing.assert_array_equal(f(apart), f(values))
            np.testing.assert_allclose(f(values.astype(np.float32))[place], -6.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "int8", "int64", "complex64", "bool"])
@pytest.mark.parametrize("shape", [5, 300_000, (3, 100_000)])
def test_several_threads_go_a_quick_way_too(dtype, shape):
    """Pieces of arrays of short integers are made longer in the kernel: never the arrays as a whole."""
    native, plain = both(3 * x * y + x if dtype != "bool" else sp.And(x, y), [x, y], threads=2)
    a, b = few(dtype, shape), few(dtype, shape)[..., ::-1]
    native(a, b)
    check_same(by_a_quick_way(native, a, b), plain(a, b))
    number = {"float64": 2.5, "int64": 7, "complex64": 1j}.get(dtype)
    if number is not None:
        native(a, number)
        check_same(by_a_quick_way(native, a, number), plain(a, number))
    out = np.empty_like(plain(a, b))
    assert native(a, b, out=out) is out
    check_same(out, plain(a, b))


def test_a_large_integer_on_one_of_several_threads():
    native, plain = both(x * y, [x, y], threads=2)
    a = np.arange(300_000)
    native(a, a)
    a[-1] = 2**40
    b = np.where(a == 2**40, a, 1)
    check_same(native(a, b), plain(a, b))


def test_booleans_are_read_as_they_are():
    """They count as integers, but are never made longer in memory; any byte but 0 is true, as it is to NumPy."""
    odd = np.array([0, 1, 2, 255] * 40, np.uint8).view(bool)
    for expr in (sp.And(x, sp.Not(y)), x + y, 3 * x * y - x):
        native, plain = both(expr, [x, y])
        for a, b in ((odd, odd[::-1]), (odd[:5], odd[1:6]), (odd[3], odd)):
            native(a, b)
            check_same(native(a, b), plain(a, b))
        assert any(kernel.ufunc.types[0].startswith("??->") for kernel in native.native.compiler.kernels)
