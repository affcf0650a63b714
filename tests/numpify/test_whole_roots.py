"""Floors and ceilings of roots and logarithms: exact for integers, and of floats those of the numbers that they are."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, strategies as st

from numpify_ctx import numpify


n, x = sp.symbols("n x")
ROOTS = {
    (index, up): numpify((sp.ceiling if up else sp.floor)(n ** sp.Rational(1, index)), [n])
    for index in (2, 3, 5)
    for up in (False, True)
}
LOGARITHMS = {
    (base, up): numpify((sp.ceiling if up else sp.floor)(sp.log(n, base)), [n])
    for base in (2, 3, 10)
    for up in (False, True)
}
INT64 = st.integers(1, 2**63 - 1) | st.integers(1, 100)
SIZES = (1, 40)


def values(f, number):
    """By each form, of a number that is an int or a float."""
    yield f(number)
    if type(number) is float or number < 2**63:
        for size in SIZES:
            yield f(np.full(size, number))[-1]


def near(data, power):
    """An int64 at or beside a power, or any."""
    return data.draw(st.sampled_from([m for m in (power - 1, power, power + 1) if 0 < m < 2**63]) | INT64)


@given(st.data())
@pytest.mark.parametrize(("index", "up"), ROOTS)
def test_the_floor_of_a_root_is_exact(index, up, data):
    root = data.draw(st.integers(1, int(2 ** (63 / index))))
    number = near(data, root**index)
    want = int(sp.integer_nthroot(number, index)[0])
    want += up and want**index < number
    for got in values(ROOTS[index, up], number):
        assert got == want
        assert isinstance(got, int | np.int64)
    if number < 2**53:
        for got in values(ROOTS[index, up], float(number)):
            assert got == want
            assert isinstance(got, float)


def test_the_floor_of_a_root_of_any_of_pythons_integers():
    assert ROOTS[2, False](10**60 - 1) == 10**30 - 1
    assert ROOTS[3, True](10**60 + 1) == 10**20 + 1


def test_other_numbers_have_the_floors_that_they_have():
    assert ROOTS[2, False](np.array([4.5, np.inf, 0.0])).tolist() == [2.0, np.inf, 0.0]
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(ROOTS[2, False](np.array([-4, 4])), [np.nan, 2])
    assert ROOTS[2, True](-8 + 0j) == 3j
    assert ROOTS[3, False](np.float32(27)) == 3


@pytest.mark.parametrize(
    ("expr", "by_hand"),
    [
        (sp.floor((sp.sqrt(8 * n + 1) - 1) / 2), lambda v: (math.isqrt(8 * v + 1) - 1) // 2),
        (sp.ceiling((sp.sqrt(n) + 1) / 3), lambda v: -(-(math.isqrt(v - 1) + 2) // 3)),
    ],
    ids=["floor", "ceiling"],
)
@given(value=st.integers(1, 2**59))
@example(value=2**55 * (2**4 - 1))
def test_sums_with_integers_and_quotients_of_a_root_are_as_exact(expr, by_hand, value):
    for got in values(numpify(expr, [n]), value):
        assert got == by_hand(value)


@given(st.data())
@pytest.mark.parametrize(("base", "up"), LOGARITHMS)
def test_the_floor_of_a_logarithm_is_exact(base, up, data):
    exponent = data.draw(st.integers(0, int(63 / math.log2(base))))
    number = near(data, base**exponent)
    want = round(math.log(number, base))
    want = want + (base**want < number) if up else want - (base**want > number)
    for got in values(LOGARITHMS[base, up], number):
        assert got == want
    small = Fraction(1, base**exponent)
    if base == 2:
        for got in values(LOGARITHMS[base, up], float(small)):
            assert got == -exponent


def test_a_logarithm_to_base_2_or_10_is_rounded_once():
    for base, most in ((2, 1023), (10, 22)):
        f = numpify(sp.log(n, base), [n])
        powers = [float(base**e) for e in range(most)]
        assert [f(power) for power in powers] == f(np.array(powers)).tolist() == list(range(most))
    assert numpify(sp.log(n, 2), [n])(-4 + 0j) == pytest.approx(complex(sp.log(-4, 2)))
    assert numpify(3 * sp.log(n) / sp.log(10) + n, [n])(1000.0) == 1009.0


RADICALS = [
    n ** sp.Rational(3, 2), n ** sp.Rational(2, 3), sp.sqrt(n) + sp.sqrt(n + 1), sp.sqrt(n) + sp.cbrt(n),
    sp.sqrt(2) * n, n * (1 + sp.sqrt(5)) / 2, 2 * sp.sqrt(n) - 3, sp.sqrt(n + 1) - sp.sqrt(n), n * sp.sqrt(n + 1),
    sp.pi * n - sp.sqrt(n), (sp.sqrt(n) + sp.sqrt(n + 2)) / 3,
]  # fmt: skip
FLOORS = {(expr, up): numpify((sp.ceiling if up else sp.floor)(expr), [n]) for expr in RADICALS for up in (False, True)}
# Where roots are whole, or sums of them nearly, and their neighbours.
WHOLE = [
    0,
    1,
    2,
    8,
    27,
    64,
    10**14 - 1,
    9007199515875288,
    3037000499**2,
    3037000499**2 - 1,
    2**62 + 1,
    10**30,
    10**30 - 1,
]


@pytest.mark.parametrize(("expr", "up"), FLOORS, ids=str)
def test_the_floor_of_sums_and_products_of_roots_is_exact(expr, up):
    """SymPy's is certified. What is too large for int64 is the nearest float in arrays, and Python's integer alone."""
    f = FLOORS[expr, up]
    for number in WHOLE:
        want = int((sp.ceiling if up else sp.floor)(expr.subs(n, number)))
        alone = f(number)
        assert alone == want
        assert type(alone) is int
        if number < 2**63:
            for size in SIZES:
                found = f(np.full(size, number))
                assert found[-1] == (want if abs(want) < 2**63 else float(want))
                assert found.dtype.kind == ("i" if abs(want) < 2**63 else "f")


def test_floors_of_roots_of_other_numbers_are_those_of_floats():
    f = FLOORS[sp.sqrt(n) + sp.cbrt(n), False]
    assert f(64.0) == 12.0
    assert isinstance(f(64.0), float)
    assert f(-4 + 0j) == 3j  # 2I + (-4)**(1/3)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(f(np.array([-64, 64])), [np.nan, 12])
    k = sp.Symbol("k")
    cancelling = numpify(sp.floor(n * sp.sqrt(k) - k), [n, k])
    assert cancelling(np.array([-3, 3]), 4).tolist() == [-10, 2]


REMAINDERS = [
    *(sp.frac(expr) for expr in RADICALS), sp.frac(sp.sqrt(n)), sp.frac(-sp.sqrt(n)), sp.frac((sp.sqrt(n) + 1) / 3),
    sp.Mod(sp.sqrt(n), 1), sp.Mod(sp.sqrt(n), 3), sp.Mod(sp.sqrt(n) / 3 + sp.sqrt(n + 1) / 2, 2), sp.Mod(sp.pi * n, 7),
]  # fmt: skip


@pytest.mark.parametrize("expr", REMAINDERS, ids=str)
def test_fractions_of_roots_are_exact_next_to_whole_numbers(expr):
    """Half of the digits hold, wherever a float leaves fewer; the forms agree to the last bit."""
    f = numpify(expr, [n])
    for number in WHOLE:
        of, modulus = expr.args[0].subs(n, number), expr.args[1] if len(expr.args) > 1 else 1
        rest = of - modulus * sp.floor(of / modulus)
        want = float(rest.evalf(25)) if rest != 0 else 0.0
        got = f(number)
        assert got == pytest.approx(want, rel=2**-26, abs=0)
        if number > 10**20:
            assert got == want
        elif number < 2**63:
            assert all(f(np.full(size, number))[-1] == got for size in SIZES)


def test_fractions_of_roots_of_other_numbers_are_those_of_floats():
    f = numpify(sp.frac(sp.sqrt(n)), [n])
    assert f(9007199515875288.0) == math.sqrt(9007199515875288.0) % 1
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(f(np.array([2, -3, 4])), [math.sqrt(2) % 1, np.nan, 0.0])
    assert f(-2 + 0j) == pytest.approx((math.sqrt(2) - 1) * 1j)
    assert f(np.array([2.0], np.float32)).dtype == np.float32
    with pytest.raises(TypeError, match=r"complex numbers for 'n'.*Mod"):
        numpify(sp.Mod(sp.sqrt(n), 1), [n])(-2 + 0j)


@pytest.mark.parametrize(("index", "up"), ROOTS)
def test_the_floor_of_a_root_of_negative_zero_has_one_sign_in_all_forms(index, up):
    for zero in (0.0, -0.0):
        signs = {math.copysign(1, got) for got in values(ROOTS[index, up], zero)}
        assert len(signs) == 1


def _floor(z):
    return np.floor(z.real) + 1j * np.floor(z.imag)


NEGATIVE = {
    sp.Abs(sp.floor(x ** sp.Rational(1, 3))): lambda z: abs(_floor(z ** (1 / 3))),
    sp.Abs(sp.ceiling(sp.sqrt(x))): lambda z: abs(-_floor(-np.sqrt(z))),
    sp.re(sp.floor(sp.log(x, 10))) + sp.im(sp.floor(sp.log(x, 10))): lambda z: (
        (1 + 0j) * _floor(np.log(z) / np.log(10)).real + _floor(np.log(z) / np.log(10)).imag
    ),
}


@pytest.mark.parametrize("expr", NEGATIVE, ids=str)
def test_of_negative_numbers_where_complex_ones_are_wanted(expr):
    f = numpify(expr, [x], cache=False)
    values = np.array([-8.5, 70.0, -1.5, 30.0, 2.0, -1000.5])
    with np.errstate(invalid="ignore"):
        for _ in range(3):
            for part in (values, values[:1], values.reshape(2, 3)):
                np.testing.assert_allclose(f(part), NEGATIVE[expr](part.astype(complex)).real, rtol=1e-14)
        for value in values:
            np.testing.assert_allclose(f(float(value)), NEGATIVE[expr](complex(value)).real, rtol=1e-14)
