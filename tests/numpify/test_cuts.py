"""Branch cuts and the sign of zero: SymPy's value in every form, for every size, and both signs of a zero part."""

from __future__ import annotations

import cmath
import math
import warnings

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, settings, strategies as st
from sympy.codegen import cfunctions

from numpify_ctx import numpify

from . import forms


x, y, z, w = sp.symbols("x y z w")
J = sp.I
SIZES = (1, 7, 33)  # 33 is some blocks of 16


def values(expr, arguments, point):
    """The value at one point, by each form: NumPy's scalar, and arrays in one piece and in blocks."""
    blocks = forms.compiled(expr, arguments)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield "scalar", blocks(*point)
        yield "numpy scalar", blocks(*(np.asarray(v)[()] for v in point))
        for size in SIZES:
            arrays = [np.full(size, v) for v in point]
            yield f"plain {size}", np.asarray(forms.plain(blocks, arrays))[-1]
            yield f"blocks {size}", np.asarray(blocks(*arrays))[-1]


def both_zeros(exact):
    """A complex float for an exact number on an axis, with either sign of the part that is 0."""
    number = complex(exact)
    for zero in (0.0, -0.0):
        yield complex(number.real, zero) if number.imag == 0 else complex(zero, number.imag)


# -- the table: function by point by form ----------------------------------------------------------------------------

FUNCTIONS = [
    sp.log, sp.sqrt, sp.cbrt, lambda v: v ** sp.Rational(-3, 2), lambda v: v**sp.pi, sp.asin, sp.acos, sp.atan,
    sp.asinh, sp.acosh, sp.atanh, sp.acot, sp.acoth, sp.asec, sp.acsc, sp.asech, sp.acsch, sp.arg, sp.LambertW,
    sp.loggamma, sp.Ei, sp.Ci, sp.Chi, sp.E1, cfunctions.log1p, cfunctions.log2, cfunctions.log10,
]  # fmt: skip
POINTS = [sp.Rational(*p) * unit for unit in (1, J) for p in ((-5, 2), (-3, 5), (2, 5), (5, 2))]


@pytest.mark.parametrize("function", FUNCTIONS, ids=[str(f(x)) for f in FUNCTIONS])
def test_on_its_cuts_a_function_has_sympys_value(function):
    for exact in POINTS:
        want = complex(function(exact).evalf(25))
        for point in both_zeros(exact):
            for form, got in values(function(x), [x], [point]):
                assert abs(complex(got) - want) <= 1e-12 * max(abs(want), 1e-3), (exact, point, form, got, want)


@pytest.mark.parametrize(
    "expr",
    [
        sp.sqrt(-x), sp.log(-2 * x), (-x) ** sp.Rational(1, 3), sp.acosh(-x), sp.LambertW(-x), sp.arg(-x),
        sp.sqrt(-x - 1), sp.log(-(x**2) - 1), sp.asin(-x), sp.atanh(-3 * x), sp.atan(-J * x), sp.asinh(-J * x),
        sp.log(-x / 3), sp.acosh(-x / 3), sp.sqrt(-1 / x), sp.asec(-x / 7), sp.sqrt(sp.conjugate(-x)),
        sp.log(x * (x - 3)),
    ],
    ids=str,
)  # fmt: skip
def test_what_comes_to_lie_on_a_cut_has_sympys_value(expr):
    want = complex(expr.subs(x, 2).evalf(25))
    for point in (2 + 0j, complex(2, -0.0)):
        for form, got in values(expr, [x], [point]):
            assert abs(complex(got) - want) <= 1e-12 * abs(want), (form, point, got, want)


@pytest.mark.parametrize(
    ("expr", "at", "want"),
    [
        (sp.atan2(-y, x), (-1, 0), math.pi),
        (sp.atan2(-y, x), (-1.0, 0.0), math.pi),
        (sp.atan2(-2 * x * y, -1), (0, 1.0), math.pi),
        (sp.atan2(y, -x), (0.0, 1), math.pi / 2),
        (sp.atan2(y * sp.sin(-x), -1), (0.0, 1.0), math.pi),
        (sp.atan2(sp.floor(x), y), (-0.0, -1.0), math.pi),
        (sp.arg(-x * y), (2.0, 3.0), math.pi),
        (sp.log(-1 - J * x), (0.0, 1.0), math.pi * 1j),
        (sp.log(-1 - J * x * y), (0, 1), math.pi * 1j),
        (1 / sp.sqrt(-x / y**2), (0, 1.0), math.inf),
        (1 / sp.sin(-x), (0.0, 1.0), -math.inf),  # SymPy takes the sign out: -1/sin(x)
        (1 / (sp.sin(x) - y), (-0.0, 0.0), math.inf),
        (sp.Pow(sp.floor(x), -1, evaluate=False), (-0.0, 1.0), math.inf),
    ],
    ids=str,
)
def test_a_computed_zero_has_no_sign(expr, at, want):
    for form, got in values(expr, [x, y], at):
        assert got == pytest.approx(want), form


def test_the_imaginary_part_of_a_root_is_that_of_sympy():
    for expr in (sp.im(sp.sqrt(-x)), sp.im(sp.log(-x)), sp.arg(sp.sqrt(-x) * y)):
        want = float(expr.subs({x: 4, y: 1}).evalf())
        for form, got in values(expr, [x, y], (4.0 + 0j, 1.0)):
            assert got == pytest.approx(want), (expr, form)
    for form, got in values(sp.im(sp.sqrt(-x)), [x], (4.0,)):
        assert got == pytest.approx(2.0), form


@pytest.mark.parametrize(
    ("expr", "ufunc"),
    [
        (sp.atan2(x, y), np.arctan2),
        (1 / x + 0 * y, lambda x, y: 1 / x),
        (1 / (x * y), lambda x, y: 1 / (x * y)),
        (x**-3 * y, lambda x, y: y / (x * x * x)),
        (sp.arg(x) + 0 * y, lambda x, y: np.angle(x)),
        (-x * y, lambda x, y: -x * y),
    ],
    ids=lambda value: str(value) if isinstance(value, sp.Basic) else "",
)
def test_a_zero_that_was_given_keeps_its_sign_in_real_arithmetic(expr, ufunc):
    for at in ((-0.0, -1.0), (0.0, -1.0), (-0.0, 2.0), (0.0, 2.0), (2.0, -0.0), (-2.0, -0.0), (-2.0, 0.0)):
        with np.errstate(all="ignore"):
            want = ufunc(*map(np.float64, at))
        for form, got in values(expr, [x, y], at):
            assert (got, math.copysign(1, got)) == (want, math.copysign(1, want)), (at, form)


# -- the law at random -----------------------------------------------------------------------------------------------

AXES = st.sampled_from([sp.Integer(n) * unit for n in (-3, -2, -1, 1, 2, 3) for unit in (1, J)])
INNER = st.sampled_from([
    -x, x, -2 * x, x / 3, -x / 3, x - 4, 4 - x, x**2, -(x**2), x * y, -x * y, x + J * y, sp.conjugate(x)
])  # fmt: skip
OUTER = st.sampled_from([sp.log, sp.sqrt, sp.asin, sp.acos, sp.atan, sp.asinh, sp.acosh, sp.atanh, sp.arg, sp.cbrt])


@given(OUTER, INNER, AXES, st.sampled_from([-2, -1, 1, 2]), st.sampled_from([0.0, -0.0]))
@settings(deadline=None)
def test_cuts_are_where_sympy_has_them(function, inner, exact, real, zero):
    inside = inner.subs({x: exact, y: real})
    want = function(inside)
    if want.has(sp.zoo, sp.nan, sp.oo):
        return
    want = complex(want.evalf(25))
    number = complex(exact)
    point = complex(number.real, zero) if number.imag == 0 else complex(zero, number.imag)
    for form, got in values(function(inner), [x, y], (point, float(real))):
        assert cmath.isclose(complex(got), want, rel_tol=1e-11, abs_tol=1e-11), (form, got, want)


def test_a_folded_value_is_the_computed_one():
    f = numpify(sp.asin(x) - sp.asin(sp.Rational(5, 2)), [x])
    assert abs(f(2.5 + 0j)) < 1e-12


@pytest.mark.parametrize(
    ("first", "second"), [(2.5, 0.7), (1.5, -0.5), (5.0, 0.125), (1.5, 1.25), (0.5, 1.5), (-0.5, 1.5), (3.0, 2.0)]
)
def test_the_complete_pi_on_its_cuts_is_that_of_sympy(first, second) -> None:
    n, m = sp.symbols("n m")
    f = numpify(sp.elliptic_pi(n, m), [n, m])
    want = complex(sp.elliptic_pi(sp.Rational(first), sp.Rational(second)).evalf())
    assert abs(want.imag) > 1e-3
    for size in (None, 1, 40):
        for point in ((complex(first), second), (first, complex(second)), (complex(first, -0.0), complex(second))):
            got = f(*point) if size is None else f(*(np.full(size, v) for v in point))[-1]
            assert got == pytest.approx(want, rel=1e-10)


@given(*[st.complex_numbers(max_magnitude=5, allow_nan=False, allow_infinity=False)] * 2)
@example(2 - 1j, 3 + 1j)  # the roots of 1 - n and of 1 - m on different sides
@settings(max_examples=20, deadline=None)
def test_the_complete_pi_is_the_integral(first, second) -> None:
    n, m = sp.symbols("n m")
    f = numpify(sp.elliptic_pi(n, m), [n, m])
    # Near a singularity the quadrature, which is exact for smooth periodic functions, is no oracle.
    if any(abs(v - max(1, v.real)) < 0.25 for v in (first, second)):
        return
    square = np.sin(np.linspace(0, np.pi / 2, 2001)) ** 2
    want = np.trapezoid(1 / (1 - first * square) / np.sqrt(1 - second * square), dx=np.pi / 4000)
    assert f(first, second) == pytest.approx(want, rel=1e-8)
