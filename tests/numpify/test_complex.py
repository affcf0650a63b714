"""Real and complex: what leaves the reals is computed in complex where that is wanted, and only there.

Law: where a result is complex anyway (an I, a complex argument), and below re, im, Abs, arg and conjugate, a function
of real numbers that has no real value has its complex one. A result that is real though what leads to it is not comes
out real. What is real throughout stays real: nan, as NumPy has it.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
x, y, p, q, k = sp.symbols("x y p q k")

# A function of one real number, and where it has no real value.
LEAVING = {
    sp.sqrt: -2.0, sp.cbrt: -8.0, sp.log: -3.0, sp.asin: 1.5, sp.acos: -1.25, sp.acosh: 0.25, sp.atanh: 2.5,
    sp.asec: 0.5, sp.acsc: -0.25, sp.asech: 1.75, sp.acoth: 0.25,
    (lambda t: t ** sp.Rational(2, 5)): -1.5, (lambda t: t**0.6): -1.0, (lambda t: sp.Rational(-1, 2) ** t): 0.75,
    (lambda t: sp.besselk(1, t)): -1.5, (lambda t: sp.bessely(0, t)): -2.0, (lambda t: sp.Ci(t)): -1.0,
    (lambda t: sp.expint(2, t)): -0.75, sp.li: -2.0, sp.LambertW: -0.75, sp.elliptic_k: 1.5, sp.loggamma: -1.5,
    (lambda t: sp.polylog(2, t)): 1.75, (lambda t: sp.uppergamma(sp.Rational(1, 3), t)): -1.25,
    (lambda t: sp.hyper([1, 1], [2], t)): 1.5,
}  # fmt: skip
SIZES = (None, (), 1, 7, 1000)


def at(function, point, size):
    """The value of the function at a point, alone or among others, which are 0.5."""
    if size is None:
        return function(point)
    if size == ():
        return function(np.array(point))
    values = np.full(size, 0.5)
    values[-1] = point
    return function(values)[-1]


@pytest.mark.parametrize(("function", "point"), LEAVING.items(), ids=lambda v: getattr(v, "__name__", str(v)))
def test_what_leaves_the_reals_is_complex_below_its_parts_and_beside_i(function, point):
    want = complex(function(sp.Float(point, 30)).evalf(20))
    assert abs(want.imag) > 1e-3
    expr = function(x)
    upper = {  # on its cut NumPy's side of a function need not be SymPy's: the size does not depend on it
        sp.re(expr): want.real,
        sp.Abs(sp.im(expr)): abs(want.imag),
        sp.Abs(expr): abs(want),
        sp.Abs(sp.arg(expr)): abs(np.angle(want)),
        sp.re(sp.conjugate(expr) + sp.I): want.real,
        sp.re(sp.I + 2 * expr): 2 * want.real,
    }
    for formula, value in upper.items():
        compiled = numpify(formula, [x])
        for size in SIZES[:3]:
            got = at(compiled, point, size)
            assert np.isrealobj(got), formula
            assert got == pytest.approx(value, rel=1e-9), (formula, size)
    beside = numpify(sp.I + expr, [x])
    assert np.iscomplexobj(beside(np.array([0.5])))  # whatever the values
    assert np.isnan(numpify(expr, [x])(point))
    assert not np.iscomplexobj(numpify(expr, [x])(np.array([point])))


@pytest.mark.parametrize("size", SIZES)
def test_no_element_depends_on_its_neighbours(size):
    for formula in (sp.I * sp.sqrt(x), sp.I + x ** sp.Rational(1, 3), sp.Abs(sp.log(x)), sp.exp(sp.I * x) * sp.acos(x)):
        compiled = numpify(formula, [x])
        for point in (-2.0, 0.25):
            want = complex(formula.subs(x, point).evalf())
            np.testing.assert_allclose(at(compiled, point, size), want, rtol=1e-12)


def test_a_complex_argument_makes_complex_what_depends_on_it():
    for formula, point, want in [
        (x * sp.sqrt(sp.re(x)), -1 + 1j, -1 - 1j),
        (x * sp.log(sp.re(x)), -1 + 1j, (-1 + 1j) * 1j * np.pi),
        (sp.sqrt(sp.im(x)), 1 - 1j, 1j),
        (sp.acosh(sp.Abs(x) / 10), 3 + 4j, complex(sp.acosh(sp.Rational(1, 2)))),
    ]:
        compiled = numpify(formula, [x])
        for size in SIZES:
            got = compiled(point) if size is None else np.asarray(compiled(np.full(size, point))).reshape(-1)[-1]
            assert got == pytest.approx(want, rel=1e-13)
    both = numpify([x * sp.sqrt(y), sp.sqrt(y)], [x, y])
    product, root = both(1j, np.array([-4.0, 4.0]))
    np.testing.assert_allclose(product, [-2, 2j])
    assert root.dtype == np.float64  # it depends on nothing complex
    np.testing.assert_array_equal(root, [np.nan, 2.0])
    out = np.empty(2, complex)
    numpify(x * sp.sqrt(y), [x, y])(1j, np.array([-4.0, 4.0]), out=out)
    np.testing.assert_allclose(out, [-2, 2j])


def test_relations_and_functions_of_real_numbers_look_at_real_values():
    formula = sp.Piecewise((sp.I * sp.sqrt(x), sp.sqrt(x) > 1), (sp.I * x, True))
    np.testing.assert_allclose(numpify(formula, [x])(np.array([-2.0, 4.0, 0.25])), [-2j, 2j, 0.25j])
    assert numpify(sp.I + sp.atan2(sp.sqrt(x), 1), [x])(1.0) == pytest.approx(np.pi / 4 + 1j)
    with np.errstate(invalid="ignore"):
        assert np.isnan(numpify(sp.I + sp.atan2(sp.sqrt(x), 1), [x])(-1.0))


def test_bound_variables_and_their_limits():
    inside = sp.Sum(sp.I * sp.sqrt(x - k), (k, 0, 3))
    np.testing.assert_allclose(numpify(inside, [x])(1.5), complex(inside.subs(x, 1.5).doit().evalf()))
    size = sp.Integral(sp.Abs(sp.sqrt(k)), (k, x, 1))
    assert numpify(size, [x])(-1.0) == pytest.approx(4 / 3)
    fixed = sp.Sum(sp.I, (k, 1, sp.floor(sp.sqrt(x))))
    assert numpify(fixed, [x])(10.0) == 3j


@pytest.mark.parametrize("size", SIZES)
def test_real_results_of_complex_intermediates_come_out_real(size):
    for formula in (
        sp.sqrt(x) * sp.sqrt(x - 1), sp.log(x) * sp.log(x - 1) + sp.log(x) ** 2, sp.cosh(sp.sqrt(x)), sp.exp(sp.Ci(x)),
    ):  # fmt: skip
        compiled = numpify(formula, [x])
        want = complex(formula.subs(x, sp.Rational(-7, 4)).evalf(20))
        got = at(compiled, -1.75, size)
        assert np.isrealobj(got)
        if abs(want.imag) < 1e-15:
            assert got == pytest.approx(want.real, rel=1e-12)
        else:
            assert np.isnan(got)
    assert np.isnan(at(numpify(sp.sqrt(x) * sp.sqrt(x - 1), [x]), np.nan, size))
    assert np.isnan(at(numpify(sp.sqrt(x) * sp.sqrt(x + 9), [x]), -1.75, size))  # not real


OWN_CONJUGATE = [
    sp.exp(sp.I * x) + sp.exp(-sp.I * x), (sp.exp(sp.I * x) - sp.exp(-sp.I * x)) / (2 * sp.I), (x + sp.I) * (x - sp.I),
    1 / (1 + sp.I * x) + 1 / (1 - sp.I * x), sp.erf(sp.I * x) / sp.I, sp.gamma(x + sp.I) * sp.gamma(x - sp.I),
    sp.I * (sp.tan(x + sp.I) - sp.tan(x - sp.I)), sp.sin(x + sp.I * y) * sp.sin(x - sp.I * y),
    (x - sp.I) ** 3 + (x + sp.I) ** 3,
]  # fmt: skip
NOT_SO = [sp.exp(sp.I * x), x + sp.I, sp.I * sp.sqrt(x), sp.log(sp.exp(sp.I * x)), (x + sp.I) ** y * (x - sp.I) ** y]


@pytest.mark.parametrize("size", [None, (), 1, 1000, 200_000])
@pytest.mark.parametrize("formula", OWN_CONJUGATE, ids=str)
def test_what_is_its_own_conjugate_is_real(formula, size):
    compiled = numpify(formula, [x, y])
    want = complex(formula.subs({x: sp.Rational(-7, 4), y: sp.Rational(1, 2)}).evalf(20))
    assert abs(want.imag) < 1e-15
    got = at(lambda point: compiled(point, 0.5), -1.75, size)
    assert type(got) is (np.float64 if size else float)
    assert got == pytest.approx(want.real, rel=1e-13)
    # Of complex numbers it is not.
    assert np.iscomplexobj(compiled(np.array([1 + 1j]), 0.5))
    assert np.iscomplexobj(numpify(formula.subs(x, x * y), [x, y])(0.5, 1 + 1j))
    want = complex(formula.subs({x: 1 + sp.I, y: sp.Rational(1, 2)}).evalf(20))
    assert compiled(1 + 1j, 0.5) == pytest.approx(want, rel=1e-13)


def test_what_is_its_own_conjugate_whatever_the_arguments_is_real_for_complex_ones_too():
    bar = sp.conjugate
    for formula in (x * bar(x), x * bar(y) + y * bar(x), sp.exp(x) + sp.exp(bar(x))):
        compiled = numpify(formula, [x, y])
        want = complex(formula.subs({x: 1 + 2 * sp.I, y: 3 - sp.I}).evalf())
        for got in (compiled(1 + 2j, 3 - 1j), compiled(np.full(50, 1 + 2j), 3 - 1j)[-1]):
            assert np.isrealobj(got)
            assert got == pytest.approx(want.real)
    assert np.iscomplexobj(numpify(x - sp.conjugate(x), [x])(1j))


@pytest.mark.parametrize("formula", NOT_SO, ids=str)
def test_what_is_real_for_some_arguments_only_is_complex_for_all(formula):
    compiled = numpify(formula, [x, y])
    assert compiled(np.array([0.0, 1.0]), 2.0).dtype == np.complex128
    assert type(compiled(0.0, 2.0)) is complex


def test_only_what_is_small_is_looked_at():
    shared = sp.exp(sp.I * x)
    for _ in range(60):
        shared = shared * shared + sp.exp(shared)
    assert type(numpify(shared, [x]).freeze(x=0.0)).__name__ == "BoundNumpifiedFunction"  # it ends


def test_a_real_result_may_be_one_of_many_and_a_matrix():
    roots = [sp.sqrt(x) * sp.sqrt(x - 1), x]
    given = np.array([-1.75, 2.0])
    want = [-np.sqrt(1.75 * 2.75), np.sqrt(2.0)]
    np.testing.assert_allclose(numpify(roots, [x])(given)[0], want)
    np.testing.assert_allclose(numpify(sp.Matrix(roots), [x])(given)[0, 0], want)
    out = np.empty(200_000)
    numpify(roots[0], [x])(np.full(200_000, -1.75), out=out)
    np.testing.assert_allclose(out, want[0])


@pytest.mark.parametrize("degree", [3, 4])
def test_all_roots_of_cubics_and_quartics_have_their_values(degree):
    rng = np.random.default_rng(degree)
    polynomial = x**degree + p * x + q + (k * x**2 if degree == 4 else 0)
    roots = sp.solve(polynomial, x)
    compiled = [numpify(root, [p, q, k]) for root in roots]
    for _ in range(5):
        values = rng.uniform(-3, 3, 3)
        want = np.roots([1, 0, values[0], values[1]] if degree == 3 else [1, 0, values[2], values[0], values[1]])
        got = [complex(root(*map(float, values))) for root in compiled]
        real = [root.real for root in want if abs(root.imag) < 1e-9]
        for root in real:  # a root without an I gives nan where it is not real, as it is real in, real out
            assert min(abs(g - root) for g in got if g == g) < 1e-7


def test_a_look_for_nan_warns_of_nothing():
    x, y = sp.symbols("x y")
    f = numpify(sp.I * x**y + sp.sqrt(x) * sp.sqrt(y), [x, y], cache=False, native=False)
    large = np.array([1e200, 4.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            assert f(large, np.array([1.25, 0.5])).imag.tolist() == [1e200**1.25, 2.0]


def test_a_number_alone_is_completed_as_arrays_are():
    """acoth(0) is pi*I/2, whose cosine and square are real."""
    for expr, want in ((sp.cos(sp.acoth(x)), math.cosh(math.pi / 2)), (sp.acoth(x) ** 2, -(math.pi**2) / 4)):
        f = numpify(expr, [x])
        for got in (f(0), f(0.0), f(np.zeros(3))[0], f(np.zeros(3, int))[0]):
            assert got == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize(
    ("function", "limit"), [(sp.Si, complex(0, math.inf)), (sp.Ci, complex(math.inf, math.pi / 2))]
)
def test_integral_sine_and_cosine_at_complex_infinities(function, limit):
    f = numpify(function(x), [x])
    for got in (f(complex(0, math.inf)), f(np.full(3, complex(0, math.inf)))[0], f(complex(0, -math.inf)).conjugate()):
        assert got == limit
    assert np.isnan(f(complex(math.inf, math.inf)))
