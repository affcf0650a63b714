"""Python's numbers: computed as mathematics does, whatever types NumPy or a user's function gives on the way."""

from __future__ import annotations

import cmath
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify

from .evalf_oracle import check


x, y = sp.symbols("x y")
h = sp.Function("h")
P = sp.Piecewise


@pytest.mark.parametrize(
    "expr",
    [
        sp.conjugate(x) + sp.conjugate(y),
        sp.conjugate(x) * sp.sign(y),
        sp.re(x) * sp.re(y) - sp.im(x),
        sp.LeviCivita(x, y, 1) * x,
        sp.arg(x) + 1,
    ],
)
@pytest.mark.parametrize("values", [(2**62, 2**62), (-(2**63), 3), (2**70, 2**70), (3, 2)])
def test_integers_of_numpys_do_not_wrap(expr, values):
    check(expr, [x, y], values)


DETERMINANT = sp.Determinant(sp.ImmutableMatrix([[sp.I * x, 1], [2, y]]))


@pytest.mark.parametrize(
    "expr",
    [
        sp.exp(DETERMINANT),
        sp.acos(sp.Trace(sp.Inverse(sp.ImmutableMatrix([[sp.I * x, 1], [2, y]])))),
        sp.sin(sp.sinc(sp.I * x + y)),
        sp.cos(sp.floor(sp.I * x + y / 2)),
        sp.sqrt(DETERMINANT) + sp.exp(-sp.sinc(sp.I * x)),
    ],
)
@pytest.mark.parametrize("values", [(1.0, 2.0), (1, 2), (np.float64(0.5), 3)])
def test_nothing_loses_its_imaginary_part(expr, values):
    check(expr, [x, y], values, kind="c")


INTEGERS = [np.int8(100), np.int32(2**30), np.int64(2**40), np.uint8(200), np.uint64(2**63), np.array(2**40), True]


@pytest.mark.parametrize("value", INTEGERS, ids=lambda value: str(getattr(value, "dtype", "bool")))
@pytest.mark.parametrize("argument", [2, 2.0, np.float32(2), np.array([2.0, 3.0]), np.array([2, 3])], ids=repr)
def test_integers_of_a_users_function_do_not_wrap(value, argument):
    f = numpify([h(x) ** 2, -h(x), h(x) + h(x)], [x], functions={h: lambda t: value})
    n = int(value)
    for got, want in zip(f(argument), [n * n, -n, 2 * n], strict=True):
        assert np.shape(got) == np.shape(argument)
        assert np.allclose(np.asarray(got, float), float(want), rtol=1e-15)


def test_booleans_of_a_users_function_are_numbers_in_double_precision():
    f = numpify([h(x) + h(x), sp.sin(h(x)), -h(x), P((1, h(x) > 0), (2, True))], [x], functions={h: lambda t: t > 0})
    for value in (1.5, np.float64(1.5), np.array([1.5, 1.5]), np.full(1 << 17, 1.5)):
        for got, want in zip(f(value), (2, math.sin(1), -1, 1), strict=True):
            assert np.shape(got) == np.shape(value)
            assert np.ravel(got)[-1] == pytest.approx(want, rel=1e-15)


@pytest.mark.parametrize("value", [sp.pi, [sp.pi, 1], (3, 1), Fraction(1, 2)], ids=str)
def test_other_numbers_of_a_users_function_are_numbers(value):
    want = np.array(value, float)
    got = numpify(sp.sin(h(x)) + 1, [x], functions={h: lambda t: value})(np.arange(2.0))
    np.testing.assert_allclose(got, np.sin(want) + np.ones(2), rtol=1e-15)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("a", TypeError, "cannot give .*'a'.* as a result: it is of type str_; pass numbers or arrays"),
        (None, TypeError, "cannot give None as a result: it is of type NoneType; pass numbers or arrays"),
        (np.zeros(7), ValueError, r"cannot give a result of shape \(7,\): the arguments broadcast to shape "),
        (np.zeros((2, 2)), ValueError, r"cannot give a result of shape \(2, 2\): the arguments broadcast to shape "),
    ],
    ids=repr,
)
@pytest.mark.parametrize("argument", [1.0, 1, np.arange(2.0)], ids=repr)
def test_what_a_users_function_gives_must_be_a_result(value, error, message, argument):
    with pytest.raises(error, match=f"^{message}"):
        numpify(h(x), [x], functions={h: lambda t: value})(argument)


def test_objects_of_a_users_function_are_numbers():
    gamma = np.frompyfunc(math.gamma, 1, 1)
    f = numpify([h(x), sp.sqrt(h(x))], [x], functions={h: gamma})
    for value in (4.0, np.array([4.0, 5.0])):
        whole, root = f(value)
        assert np.asarray(whole).dtype == np.asarray(root).dtype == float
        assert np.ravel(whole)[0] == 6


@pytest.mark.parametrize("value", [2j, np.complex128(2j), np.complex64(2j), np.array(2j)], ids=repr)
def test_complex_numbers_of_a_users_function_stay_complex(value):
    f = numpify(sp.sin(h(x)) + sp.exp(h(x)), [x], functions={h: lambda t: value})
    assert f(1.0) == pytest.approx(cmath.sin(2j) + cmath.exp(2j), rel=1e-6)
    assert f(1) == pytest.approx(f(1.0), rel=1e-15)


@pytest.mark.parametrize(
    "expr", [P((x, x > 0), (sp.I * x, True)), P((1, x > 0), (sp.I, True)), [P((2, x > 0), (sp.zoo, True)), x]]
)
def test_a_choice_among_complex_numbers_is_one(expr):
    f = numpify(expr, [x])
    for value in (1.0, 1, True, np.float64(1)):
        first = np.atleast_1d(np.asarray(f(value), object))[0]
        assert type(first) is complex
        assert type(f.freeze(x=value)()) is type(f(value))
        of_array = np.ravel(f(np.array([value]))[0])
        assert first == of_array[0]
        assert of_array.dtype == complex


@pytest.mark.parametrize("expr", [sp.I / x, 1 / (sp.I * x), sp.I * y / x, (x + sp.I * y) / (x * y), 1 / (x - x * sp.I)])
@pytest.mark.parametrize("zero", [0, 0.0, np.float64(0), np.float32(0), np.array(0.0)], ids=repr)
def test_complex_numbers_are_divided_by_zero_as_numpy_divides(expr, zero):
    f = numpify(expr, [x, y])
    with np.errstate(all="ignore"):
        got = f(zero, 2.0), f.freeze(x=zero)(2.0), f(np.array([zero]), 2.0)[0], f(np.full(1 << 17, zero), 2.0)[-1]
    assert all(not np.isfinite(value) for value in got)


@pytest.mark.parametrize("expr", [sp.acot(x), sp.acot(x**2), sp.sinc(x), sp.Heaviside(x), sp.atan2(x, y), sp.arg(x)])
@pytest.mark.parametrize("number", [2**63, -(2**70)])
def test_functions_of_numpys_take_integers_beyond_its_own(expr, number):
    f = numpify(expr, [x, y])
    assert f(number, 1) == pytest.approx(f(float(number), 1.0), rel=1e-15, abs=1e-15)


BEYOND = 10**400  # all floats


@pytest.mark.parametrize("beside", [0.5, np.float64(0.5), np.float32(0.5), np.array([0.5]), np.array([2])], ids=repr)
def test_an_integer_beyond_all_floats_is_infinite_among_them(beside):
    f = numpify(x * y, [x, y])
    assert np.all(f(BEYOND, beside) == math.inf)
    assert np.all(f(-BEYOND, beside) == -math.inf)
    assert f([BEYOND, 4], beside).tolist() == [math.inf, np.ravel(4 * beside)[0]]
    assert f(BEYOND, 2) == 2 * BEYOND


@pytest.mark.parametrize("value", ["a", b"a", np.array(["a", "b"]), ["a", 1]], ids=repr)
def test_text_is_no_number_whatever_the_expression(value):
    for expr in (x, x + 1, sp.sin(x), sp.Integer(2), sp.Eq(x, y)):
        with pytest.raises(TypeError, match=r"^cannot take .*a.* for 'x': it is .*; pass a number or an array of numb"):
            numpify(expr, [x, y])(value, 1.0)


def test_the_imaginary_part_of_what_is_no_real_number_is_that_of_its_complex_value():
    f = numpify(sp.im(sp.acosh(x)), [x])
    for value in (-1.0, np.float64(-1), np.array([-1.0]), np.full(1 << 17, -1.0)):
        np.testing.assert_array_equal(f(value), np.pi)
    assert f(np.array([-1.0 + 0j])) == np.pi
    assert f(2.0) == 0


def test_an_imaginary_part_is_the_callers_own():
    for values in (np.arange(3), np.arange(3.0), np.arange(3) + 1j, np.arange(1 << 17)):
        result = numpify(sp.im(x), [x])(values)
        assert result.flags.writeable
        assert not np.shares_memory(result, values)
