"""Both parts of a complex number, to the bit, with the signs of zeros: each form gives what every other one gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, settings, strategies as st

from numpify_ctx import numpify

from . import forms


x = sp.Symbol("x")
J = sp.I
POINTS = {
    float: [2.0, -2.0, 0.5, 0.0, -0.0],
    complex: [2 + 0j, -2 + 0j, complex(-2, -0.0), complex(2, -0.0), 1j, complex(-0.0, 1), complex(0, -1), 1 + 1j],
}
# Arithmetic and functions whose parts have no rounding of their own at these points.
EXPRESSIONS = [
    -J / x, J / x, -J * x, x - J, x + J, (x - J) * (x + J), x / 3, -x / 3, J * x / 3, 3 * x / 7, x**2 * J,
    1 / (x + 2 * J), sp.conjugate(x),
    sp.floor(J * x), sp.floor(x / 3 + J), J * sp.sqrt(x), sp.re(x) - J, -J * sp.Abs(x),
]  # fmt: skip


def in_each_form(expr, value):
    """The value as a Python number, as one of NumPy's, and in arrays: in one piece, with steps, in blocks."""
    found = forms.compiled(expr, [x])
    dtype = np.result_type(type(value))
    yield "number", found(value)
    yield "NumPy's number", found(dtype.type(value))
    yield "array", forms.plain(found, [np.full(9, value)])[3]
    yield "array with steps", forms.plain(found, [np.full(18, value)[::2]])[3]
    yield "blocks", found(np.full(99, value))[70]


def bits(number):
    """Both parts as text, which tells -0.0 from 0.0."""
    return repr(complex(number))


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("kind", POINTS, ids=lambda kind: kind.__name__)
def test_both_parts_are_the_same_in_each_form(expr, kind):
    for value in POINTS[kind]:
        if value == 0 and expr.subs(x, 0).has(sp.zoo, sp.nan):
            continue
        found = {form: bits(number) for form, number in in_each_form(expr, value)}
        assert len(set(found.values())) == 1, (value, found)


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("kind", POINTS, ids=lambda kind: kind.__name__)
def test_both_parts_are_the_same_in_kernels(expr, kind):
    pytest.importorskip("llvmlite")
    values = np.array([v for v in POINTS[kind] if v or not expr.subs(x, 0).has(sp.zoo, sp.nan)])
    kernel = numpify(expr, [x], native=True)(values)
    plain = forms.plain(forms.compiled(expr, [x]), [values])
    assert [bits(v) for v in kernel] == [bits(v) for v in plain]


PARTS = st.floats(allow_nan=False)


@given(PARTS, PARTS)
@example(-2.0, -0.0)
@example(1.0, math.inf)
@settings(deadline=None)
def test_a_complex_number_over_a_real_one_is_two_divisions_rounded_once(real, imaginary):
    want = bits(complex(real / 49, imaginary / 49))
    for form, got in in_each_form(x / 49, complex(real, imaginary)):
        assert bits(got) == want, form


def test_a_negative_imaginary_constant_has_no_negative_zero_beside_it():
    """`-1j` in Python's source is -(0 + 1j), of which the real part is -0.0."""
    assert bits(numpify(-J + 0 * x, [x])(1.0)) == "-1j"
    assert bits(numpify(x - J, [x])(0.0)) == "-1j"
    assert bits(numpify(-J / x, [x])(np.array([2.0]))[0]) == "-0.5j"


def test_the_floor_of_an_infinite_part_leaves_the_other_part():
    assert numpify(sp.floor(x), [x])(complex(1.5, math.inf)) == complex(1, math.inf)
    assert numpify(sp.floor(x / 3), [x])(np.array([complex(4.5, math.inf)]))[0] == complex(1, math.inf)
