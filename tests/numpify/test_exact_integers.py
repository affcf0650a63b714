"""Integers: scalar and array agree in value and dtype, and no element depends on its neighbours or on the size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, settings, strategies as st

from numpify_ctx import numpify
from numpify_ctx._execution import wrapped


x, y, n, m = sp.symbols("x y n m")
SIZES = (1, 7, 1000, 200_000)

# Formulas in the last digits of integers, and what they are in Python's.
FORMULAS = {
    sp.Mod(x**2 + y, 1000): lambda a, b: (a * a + b) % 1000,
    x**2 - y**2: lambda a, b: a * a - b * b,
    sp.Mod(x**7, 11) + sp.Mod(y, 3): lambda a, b: a**7 % 11 + b % 3,
    sp.Piecewise((1, x**3 > y**3), (0, True)): lambda a, b: int(a**3 > b**3),
    sp.Mod(2**70 + x, 7) + y: lambda a, b: (2**70 + a) % 7 + b,
    sp.Mod(x * y, 2**61 - 1): lambda a, b: a * b % (2**61 - 1),
    sp.Abs(x**3 - y**3): lambda a, b: abs(a**3 - b**3),
}
COMPILED = {formula: numpify(formula, [x, y]) for formula in FORMULAS}
large = st.integers(-(2**62), 2**62)


def nearest(value):
    """An int64 if it is one, else the nearest float."""
    return value if -(2**63) <= value < 2**63 else float(value)


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
@given(st.lists(st.tuples(large | st.integers(-5, 5), large | st.integers(-5, 5)), min_size=1, max_size=6))
@example([(10**10 + 3, 5), (7, 6)])
@example([(2**62, 2**62), (0, 0)])
def test_the_last_digits_are_those_of_pythons_integers(formula, points):
    function, exact = COMPILED[formula], FORMULAS[formula]
    want = [exact(*point) for point in points]
    a, b = (np.array(column) for column in zip(*points, strict=True))
    together = function(a, b)
    for i, point in enumerate(points):
        assert function(*point) == pytest.approx(nearest(want[i]), rel=1e-15, abs=0)
        alone = function(a[i : i + 1], b[i : i + 1])
        assert alone[0] == together[i] == pytest.approx(nearest(want[i]), rel=1e-15, abs=0)
    fit = all(-(2**63) <= value < 2**63 for value in want)
    assert (together.dtype == np.int64) or not fit or any(abs(v) > 2**62 for v in want)


@pytest.mark.parametrize("size", SIZES)
def test_no_element_depends_on_the_size(size):
    first, others = (10**10 + 3, 10**10 + 4), (5, 6)
    a, b = (np.full(size, value) for value in others)
    a[0], b[0] = first
    for formula, exact in FORMULAS.items():
        got = COMPILED[formula](a, b)
        assert got[0] == nearest(exact(*first)), formula
        assert np.all(got[1:] == exact(*others)), formula


@pytest.mark.parametrize("size", SIZES)
def test_one_modulus_of_0_changes_nothing_for_the_others(size):
    f = numpify(sp.Mod(n, m), [n, m])
    numbers, moduli = np.full(size, 2**62 + 1), np.full(size, 3)
    assert f(numbers, moduli).dtype == np.int64
    moduli[-1] = 0
    got = f(numbers, moduli)
    assert np.isnan(got[-1])
    assert np.all(got[:-1] == (2**62 + 1) % 3)
    ones = numpify(1 / sp.Mod(1, x), [x])
    with np.errstate(divide="ignore"):
        assert ones(np.array([-1]))[0] == ones(np.array([-1, 0]))[0] == math.inf


def test_powers_of_pythons_integers_are_exact_and_infinite_where_they_are_too_long():
    f = numpify(x**n, [x, n])
    assert f(2, 9000) == 2**9000
    assert f(-3, 10_001) == (-3) ** 10_001
    assert numpify(x**20, [x])(10**400) == 10**8000
    assert (f(2, 2**26), f(-2, 2**26 + 1), f(7, 10**30)) == (math.inf, -math.inf, math.inf)
    assert (f(1, 10**30), f(0, 10**30), f(-1, 10**30 + 1), f(0, 0)) == (1, 0, -1, 1)
    assert (f(2, -3), f(-2, -3)) == (0.125, -0.125)


@pytest.mark.parametrize("size", SIZES)
def test_the_parity_of_an_exponent_beyond_all_floats_digits(size):
    f = numpify((-1) ** n, [n])
    for exponent, want in ((10**18 + 1, -1), (10**18, 1), (-(10**18) - 1, -1)):
        assert f(exponent) == want
        given_ = np.full(size, 2)
        given_[0] = exponent
        assert f(given_)[0] == want
    mixed = numpify(x**n, [x, n])(np.full(size, 3), np.where(np.arange(size) == 0, 34, -1))
    assert mixed[0] == 3**34


def test_quotients_of_integers_beyond_all_floats():
    birthdays = numpify(sp.factorial(365) / sp.factorial(365 - n) / 365**n, [n])
    want = [float(sp.Rational(math.factorial(365), math.factorial(365 - k) * 365**k)) for k in (200, 23, 2)]
    assert [birthdays(k) for k in (200, 23, 2)] == pytest.approx(want, rel=1e-14)
    for size in SIZES[:3]:
        np.testing.assert_allclose(birthdays(np.full(size, 200)), want[0], rtol=1e-14)
    np.testing.assert_allclose(birthdays(np.array([200, 23, 2])), want, rtol=1e-14)


RING = [x + y, 3 * x - 7 * y + 5, -x - y, x + y + 2**62, x * y + 1, x**3 - y, (x + y) * (x - y) + 1, [x + y, x * y]]


@pytest.mark.parametrize("expr", RING, ids=str)
@pytest.mark.parametrize("count", [0, 1, 17, 300, 2**14 + 3])
def test_sums_and_products_that_leave_int64_are_those_of_pythons_integers(expr, count):
    """Numbers whose digits a double has not: sums of doubles would be others in most elements."""
    rng = np.random.default_rng(count)
    a = 2**62 + rng.integers(0, 2**62, count)
    b = 2**62 + rng.integers(0, 2**62, count)
    function, exact = numpify(expr, [x, y], native=False), sp.lambdify([x, y], expr, "math")
    for _ in range(2):
        wanted = [exact(int(p), int(q)) for p, q in zip(a, b, strict=True)]
        found = function(a, b)
        for i in range(len(expr) if isinstance(expr, list) else 1):
            column = [float(row[i] if isinstance(expr, list) else row) for row in wanted]
            assert list(map(float, (found[i] if isinstance(expr, list) else found).tolist())) == column
        # Neighbours that fit change none of them.
        a[::7] = b[::7] = 1


BEYOND = st.sampled_from([2**63, 2**63 - 1, 2**64 - 1, 2**62 + 1, 2**53 + 1, 0, 1, 7, 10**9])
LARGER = BEYOND | st.sampled_from([2**70, -(2**63), -(2**63) - 1, 10**23 + 7, -1])
WATCHED = [
    n - m, sp.Mod(n, 7), sp.Mod(n, m + 1), sp.floor(n / 10) + m, n < m, sp.Eq(n, m + 1),
    sp.Abs(n - m) + sp.Rational(1, 2), [n * n - m * m, {"rest": sp.frac(n / 3)}], (-1) ** n,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # a remainder by 0
@pytest.mark.parametrize("expr", WATCHED, ids=str)
@given(data=st.data())
@settings(deadline=None)
def test_integers_beyond_int64_in_arrays_are_exact_as_they_are_alone(expr, data):
    f = numpify(expr, [n, m])
    holders = ((BEYOND, [lambda v: np.array(v, np.uint64)]), (LARGER, [list, lambda v: np.array(v, object)]))
    for entries, hold in holders:
        one, other = (data.draw(st.lists(entries, min_size=5, max_size=5)) for _ in range(2))
        want = [flat(f(a, b)) for a, b in zip(one, other, strict=True)]
        for held in hold:
            assert_agree(flat(f(held(one), held(other))), want)
        assert_agree(flat(f(held(one), other[0])), [flat(f(a, other[0])) for a in one])
        assert_agree(flat(f(np.arange(5), other[0])), [flat(f(a, other[0])) for a in range(5)])


def flat(result):
    return [result[0], result[1]["rest"]] if isinstance(result, list) else [result]


def assert_agree(arrays, rows):
    """Each element of the arrays is the exact number, or the float nearest to it."""
    for array, column in zip(arrays, zip(*rows, strict=True), strict=True):
        for got, want in zip(array.tolist(), column, strict=True):
            exact = float(want) if type(got) is float else want
            assert got == exact or (got != got and exact != exact)


def test_integers_beyond_int64_beside_other_arguments():
    f = numpify(sp.Mod(n, 10) + m, [n, m])
    many = np.full(20, 2**62 + 1, np.uint64)
    many[3] = 2**64 - 1
    many[4] = 12  # among the others
    assert f(many, 0).tolist() == [5] * 4 + [2] + [5] * 15
    assert f(many.reshape(4, 5), np.float32(0.5)).dtype == np.float64
    assert f(many[:, None], np.array([0, 1])).tolist() == [[5, 6]] * 4 + [[2, 3]] + [[5, 6]] * 15
    out = np.empty(20, np.int64)
    assert f(many, 1, out=out) is out
    assert out.tolist() == [6] * 4 + [3] + [6] * 15


RINGS = [
    x + y,
    x - y,
    -x - y,
    x * y + x - y,
    x**2 + 3 * x * y - y + 7,
    (x + y) * (x - y) - x * y,
    x**3 - y,
    2**62 * x - y,
]
NEAR = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(-(2**34), 2**34)
    | st.builds(
        lambda bits, off, sign: max(-(2**63), min(2**63 - 1, sign * (2**bits + off))),
        st.integers(0, 63), st.integers(-2, 2), st.sampled_from([1, -1]),
    )
)  # fmt: skip


@given(st.sampled_from(RINGS), st.lists(st.tuples(NEAR, NEAR), min_size=20, max_size=24))
def test_sums_and_products_beyond_int64_are_rounded_once(expr, points):
    f = numpify(expr, [x, y], native=False)
    columns = [np.array(column, np.int64) for column in zip(*points, strict=True)]
    exactly = sp.lambdify([x, y], expr, "math")
    want = [int(exactly(*point)) for point in points]
    with np.errstate(all="ignore"):
        got = f(*columns)
    if all(-(2**63) <= value < 2**63 for value in want):
        assert got.dtype == np.int64
        assert got.tolist() == want
    else:
        assert got.dtype == np.float64
        assert got.tolist() == [float(value) for value in want]


@given(st.integers(54, 104), st.integers(2**52, 2**53 - 1), st.sampled_from([-1, 0, 1]), st.sampled_from([1, -1]))
def test_what_lies_halfway_between_two_floats_is_rounded_by_its_last_digit(bits, digits, off, sign):
    value = sign * ((2 * digits + 1) * 2 ** (bits - 54) + off)  # of `bits` bits, the last but a few of them 0
    low = (value + 2**63) % 2**64 - 2**63
    turns = (value - low) // 2**64
    found = wrapped.rounded(np.array([low, 0]), np.array([turns, 1], float), np.array([True, True]))
    assert found[0] == float(value)
