"""Each elementary function against evalf: floats, scalars, integers, complex numbers, and the edges."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy.codegen import cfunctions, numpy_nodes
from sympy.functions.elementary.integers import frac
from sympy.functions.elementary.miscellaneous import Rem

from numpify_ctx import CompileError, numpify
from numpify_ctx._compile import compile_expression
from tests.numpify.evalf_oracle import check


x, y, z = sp.symbols("x y z")

ANYWHERE = [-2.5, -1.0, -0.3, 0.2, 0.9, 1.0, 3.7]
INSIDE = [-0.99, -0.3, 0.2, 0.7]
OUTSIDE = [-5.5, -1.25, 1.25, 7.0]
POSITIVE = [1e-3, 0.5, 1.0, 2.0, 40.0]
UNARY = [
    (sp.exp, ANYWHERE), (sp.log, POSITIVE), (sp.sqrt, POSITIVE), (sp.cbrt, POSITIVE),
    (sp.sin, ANYWHERE), (sp.cos, ANYWHERE), (sp.tan, ANYWHERE),
    (sp.sec, ANYWHERE), (sp.csc, ANYWHERE), (sp.cot, ANYWHERE),
    (sp.asin, INSIDE), (sp.acos, INSIDE), (sp.atan, ANYWHERE),
    (sp.asec, OUTSIDE), (sp.acsc, OUTSIDE), (sp.acot, ANYWHERE), (sp.sinc, ANYWHERE),
    (sp.sinh, ANYWHERE), (sp.cosh, ANYWHERE), (sp.tanh, ANYWHERE), (sp.sech, ANYWHERE), (sp.csch, ANYWHERE),
    (sp.coth, ANYWHERE), (sp.asinh, ANYWHERE), (sp.acosh, [1.25, 2.0, 7.0]), (sp.atanh, INSIDE), (sp.asech, [0.2, 0.7]),
    (sp.acsch, ANYWHERE), (sp.acoth, OUTSIDE),
    (sp.Abs, ANYWHERE), (sp.sign, ANYWHERE), (sp.re, ANYWHERE), (sp.im, ANYWHERE), (sp.arg, ANYWHERE),
    (sp.conjugate, ANYWHERE), (sp.floor, ANYWHERE), (sp.ceiling, ANYWHERE), (frac, ANYWHERE),
    (sp.Heaviside, ANYWHERE), (sp.DiracDelta, ANYWHERE),
    (cfunctions.expm1, ANYWHERE), (cfunctions.log1p, POSITIVE), (cfunctions.exp2, ANYWHERE),
    (cfunctions.log2, POSITIVE),
    (cfunctions.log10, POSITIVE),
]  # fmt: skip


@pytest.mark.parametrize(("function", "points"), UNARY, ids=lambda v: getattr(v, "__name__", ""))
def test_a_function_of_one_number(function, points):
    check(function(x), [x], [np.array(points)], rtol=1e-14)
    for point in points:
        check(function(x), [x], [point], rtol=1e-14)
    check(function(x), [x], [np.array(points, np.float32)], rtol=3e-6)


@pytest.mark.parametrize(
    "function",
    [
        sp.exp, sp.log, sp.sqrt, sp.sin, sp.cos, sp.tan, sp.sec, sp.csc, sp.cot, sp.sinh, sp.cosh,
        sp.tanh, sp.sech, sp.csch, sp.coth, sp.asin, sp.acos, sp.atan, sp.acot, sp.asec, sp.acsc, sp.asinh, sp.acosh,
        sp.atanh,
        sp.asech, sp.acsch, sp.acoth,
        sp.Abs, sp.sign, sp.re, sp.im, sp.arg, sp.conjugate, sp.floor, sp.ceiling, frac, sp.sinc,
    ],
)  # fmt: skip
def test_a_function_of_a_complex_number(function):
    points = [0.5 + 0.25j, -0.5 + 0.75j, -1.5 - 2.5j, 2.0 - 0.5j]
    check(function(x), [x], [np.array(points)], rtol=1e-13)
    check(function(x), [x], [points[0]], rtol=1e-13)


@pytest.mark.parametrize(
    "function",
    [sp.exp, sp.sin, sp.sqrt, sp.atan, sp.Abs, sp.sign, sp.floor, sp.ceiling, sp.re, sp.im, sp.sinc, sp.Heaviside],
)
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.bool_])
def test_integers_and_booleans_are_numbers(function, dtype):
    points = np.array([0, 1, 3]).astype(dtype)
    check(function(x), [x], [points], rtol=1e-14)
    check(function(x), [x], [points[2]], rtol=1e-14)


@pytest.mark.parametrize(("value", "want"), [(0.0, sp.pi / 2), (-0.0, sp.pi / 2), (np.inf, 0), (-np.inf, 0)])
def test_acot_at_its_edges(value, want):
    check(sp.acot(x), [x], [np.array([value])])
    check(sp.acot(x), [x], [value])


def test_sinc_at_zero_and_far_out():
    check(sp.sinc(x), [x], [np.array([0.0, np.inf, 1e-200, 31415.926535897932])], rtol=1e-14)
    check(sp.sinc(x), [x], [0.0])


@pytest.mark.parametrize("pair", [(5.5, 3.0), (-5.5, 3.0), (5.5, -3.0), (-7, 3), (7, -3), (-6, 3), (2.0, 0.25)])
def test_mod_has_the_sign_of_the_divisor(pair):
    check(sp.Mod(x, y), [x, y], list(pair))
    check(sp.Mod(x, y), [x, y], [np.array([pair[0]]), pair[1]])


def test_an_integer_modulo_zero_is_nan():
    f = compile_expression(sp.Mod(x, y), ((x, "x"), (y, "y")))
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(f(np.array([5, 7]), np.array([0, 4])), [np.nan, 3.0])


@pytest.mark.parametrize("values", [(1.5, -2.0), (-1.5, -2.0), (0.0, -1.0), (-1.0, 0.0)])
def test_atan2(values):
    check(sp.atan2(x, y), [x, y], list(values))
    check(sp.atan2(x, y), [x, y], [np.array([values[0]]), values[1]])


@pytest.mark.parametrize("function", [sp.Min, sp.Max])
def test_extrema_broadcast(function):
    a = np.array([-1.5, 0.5, 4.0])
    check(function(x, y, z, 1), [x, y, z], [a, a[:, None] * 2, 0.25])
    check(function(x, 3), [x], [a])
    check(function(x, y), [x, y], [2.0, -3.5])
    check(function(x, y), [x, y], [2, 7], kind="i")
    check(function(*sp.symbols("a:40")), sp.symbols("a:40"), list(np.linspace(-1, 1, 40)))


def test_heaviside_takes_its_value_at_zero_from_the_expression():
    check(sp.Heaviside(x), [x], [np.array([-1.0, 0.0, 1.0])])
    check(sp.Heaviside(x, y), [x, y], [np.array([-1.0, 0.0, 1.0]), 0.75])


def test_dirac_delta_is_infinite_at_zero():
    f = compile_expression(sp.DiracDelta(x), ((x, "x"),))
    assert f(np.array([-1.0, 0.0, 2.0])).tolist() == [0.0, np.inf, 0.0]
    assert f(0.0) == np.inf
    assert f(1) == 0


def test_singularity_functions():
    check(sp.SingularityFunction(x, 1, 2), [x], [np.array([-1.0, 0.5, 1.5, 3.0])])
    check(sp.SingularityFunction(x, y, 0), [x, y], [np.array([-1.0, 0.5, 1.5, 3.0]), 1.0])


def test_levi_civita_and_kronecker():
    i = np.array([0, 1, 2, 1])
    check(sp.LeviCivita(x, y, z), [x, y, z], [i, i[:, None], 2], kind="i")
    check(sp.LeviCivita(x, y, z), [x, y, z], [0.0, 2.0, 1.0])
    check(sp.KroneckerDelta(x, y), [x, y], [i, i[:, None]], kind="i")
    check(sp.KroneckerDelta(x, y), [x, y], [2, 2], kind="i")
    check(sp.KroneckerDelta(x, y, (0, 1)), [x, y], [i, i], kind="i")


def test_functions_of_two_numbers_of_code_generation():
    a, b = np.array([0.5, 2.0]), np.array([[1.0], [3.0]])
    for function in (cfunctions.hypot, numpy_nodes.logaddexp, numpy_nodes.logaddexp2):
        check(function(x, y), [x, y], [a, b])
    check(cfunctions.fma(x, y, z), [x, y, z], [a, b, 2.0], meaning=x * y + z)
    check(cfunctions.Sqrt(x), [x], [a], meaning=sp.sqrt(x))
    check(cfunctions.Cbrt(x), [x], [a], meaning=sp.cbrt(x))


@pytest.mark.parametrize(
    "expr",
    [
        sp.Mod(x, sp.I), sp.Mod(sp.I * x, 2), sp.real_root(x, sp.I), sp.atan2(x, sp.zoo), sp.atan2(sp.I, x),
        sp.Heaviside(sp.I * x), sp.Heaviside(x, sp.I), Rem(x, sp.I), cfunctions.Cbrt(sp.I * x),
        cfunctions.hypot(x, 1 + sp.I), numpy_nodes.logaddexp(x, sp.I),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_of_real_numbers_takes_no_complex_ones(expr):
    with pytest.raises(CompileError, match="is of real numbers, and one of its operands is complex"):
        compile_expression(expr, ((x, "x"),))


@pytest.mark.parametrize("expr", [sp.Max(x, y), sp.Min(x, y), sp.Max(x, 0), sp.Min(0, x)], ids=str)
def test_of_two_zeros_all_forms_choose_the_same(expr):
    f = numpify(expr, [x, y])
    for pair in ((0.0, -0.0), (-0.0, 0.0)):
        for size in (1, 7, 1000):
            assert np.signbit(f(*(np.full(size, v) for v in pair))[-1]) == np.signbit(f(*pair))


@pytest.mark.parametrize("expr", [sp.Max(x, 0), sp.Min(x, 0), sp.Max(x, 3, y), sp.Min(x, 3, y)], ids=str)
def test_an_integer_that_is_chosen_beside_a_float_is_one(expr):
    f = numpify(expr, [x, y])
    for pair in ((1.5, 2), (-1.5, 2), (-1, 7.5), (4, 5), (4.5, 3)):
        alone, array = f(*pair), f(*([v] for v in pair))
        assert type(alone) is (int if array.dtype.kind == "i" else float)
        assert alone == array[0]
    assert numpify(sp.Max(x, 1), [x])(10**400) == 10**400
