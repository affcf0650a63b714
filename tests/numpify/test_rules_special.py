"""Each special function against evalf: real, complex, integer and float32 arguments, broadcasting, and the edges.

Where SymPy has no value for a function, `meaning` is what it is defined to be.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy.codegen.scipy_nodes import cosm1, powm1
from sympy.functions.special import bessel, gamma_functions, hyper
from sympy.functions.special.mathieu_functions import mathieuc, mathieucprime, mathieus, mathieusprime

from numpify_ctx import CompileError, numpify
from tests.numpify.evalf_oracle import check


pytest.importorskip("scipy")

x, y, z, w = sp.symbols("x y z w")

ANYWHERE = [-3.7, -1.5, -0.4, 0.3, 0.8, 2.5, 7.25]
POSITIVE = [1e-3, 0.3, 0.8, 2.5, 7.25, 31.5]
PLANE = [0.5 + 0.3j, -1.2 + 0.7j, 2.2 - 1.5j, -2.4 - 0.6j]

ONE = [
    (sp.erf, ANYWHERE), (sp.erfc, ANYWHERE), (sp.erfi, ANYWHERE), (sp.fresnels, ANYWHERE), (sp.fresnelc, ANYWHERE),
    (sp.gamma, ANYWHERE), (sp.loggamma, [*POSITIVE, 0.9999, 2.0001, -1.5]), (gamma_functions.digamma, ANYWHERE),
    (gamma_functions.trigamma, ANYWHERE),
    (sp.Ei, [*ANYWHERE, 0.3725]), (sp.li, [*POSITIVE, 1.4514]), (sp.Li, [*POSITIVE, 2.0001]),
    (sp.Si, ANYWHERE), (sp.Ci, ANYWHERE), (sp.Shi, ANYWHERE), (sp.Chi, ANYWHERE),
    (bessel.airyai, [*ANYWHERE, -120.5]), (bessel.airyaiprime, ANYWHERE), (bessel.airybi, ANYWHERE),
    (bessel.airybiprime, ANYWHERE),
    (sp.elliptic_k, [-3.7, 0.3, 0.999, 1.5]), (sp.elliptic_e, [-3.7, 0.3, 0.999, 1.5]),
    (sp.zeta, [*ANYWHERE, 1.0001]), (sp.dirichlet_eta, [*ANYWHERE, 1.0001]), (sp.riemann_xi, [0.3, 0.8, 2.5, 7.25]),
    (sp.LambertW, [-0.367, -0.3, *ANYWHERE]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "points"), ONE, ids=lambda v: getattr(v, "__name__", ""))
def test_a_function_of_one_real_number(function, points):
    check(function(x), [x], [np.array(points)], rtol=1e-12)
    check(function(x), [x], [points[-1]], rtol=1e-12)
    got = check(function(x), [x], [np.array(points, np.float32)], rtol=1e-6)
    assert got.dtype == np.float32
    assert numpify(function(x))(np.float32(points[1])).dtype == np.float32


COMPLEX = [f for f, _ in ONE if f is not sp.riemann_xi]


@pytest.mark.parametrize("function", COMPLEX)
def test_a_function_of_one_complex_number(function):
    got = check(function(x), [x], [np.array(PLANE)], rtol=1e-12)
    assert got.dtype == np.complex128
    check(function(x), [x], [PLANE[1]], rtol=1e-12)
    assert numpify(function(x))(np.array(PLANE, np.complex64)).dtype == np.complex64


@pytest.mark.parametrize("function", [sp.erf, sp.erfi, sp.gamma, sp.Ei, sp.zeta, bessel.airyai, sp.LambertW, sp.Si])
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_integers_are_real_numbers(function, dtype):
    points = np.array([2, 3, 5]).astype(dtype)
    assert check(function(x), [x], [points], rtol=1e-12).dtype == np.float64
    check(function(x), [x], [points[1]], rtol=1e-12)


TWO = [
    (sp.besselj, [0, 1, 2.5, -1.5, -2], [-2.5, 0.3, 7.25]),
    (sp.bessely, [0, 1, 2.5, -1.5, -2], [0.3, 7.25]),
    (sp.besseli, [0, 1, 2.5, -1.5, -2], [-2.5, 0.3, 7.25]),
    (sp.besselk, [0, 1, 2.5, -1.5, -2], [0.3, 7.25]),
    (bessel.jn, [0, 1, 2, 5], [0.3, 7.25]),
    (bessel.yn, [0, 1, 2, 5], [0.3, 7.25]),
    (sp.polygamma, [0, 1, 2, 7, 0.6, -1.5], [-1.3, 0.3, 7.25]),
    (sp.lowergamma, [0.3, 1, 100, 2.5, -1.5], [0.1, 2.5, 40.0]),
    (sp.uppergamma, [0, 0.3, 1, 2.5, -1.5, -2], [0.1, 2.5, 40.0]),
    (sp.beta, [0.3, 2, 90.5, -1.5], [-0.4, 0.7, 100.25]),
    (sp.expint, [0, 1, 2, 5, 0.6, -1.5, -2], [0.1, 2.5, 12.0]),
    (sp.zeta, [2, 3.5, -1.5, -2], [0.3, 1, 7.25]),
    (sp.polylog, [2, 3, 0.6, -1.5], [-2.5, -0.4, 0.3, 0.9, 1.5]),
    (sp.elliptic_f, [-0.4, 0.8, 2.5], [-2.5, 0.3, 0.9]),
    (sp.elliptic_e, [-0.4, 0.8, 2.5], [-2.5, 0.3, 0.9, 1.5]),
    (sp.elliptic_pi, [-2.5, -0.4, 0.3, 0.9], [-2.5, 0.3, 0.9]),
]  # fmt: skip


MEANING = {  # where the oracle wants an order to be an Integer, or has no value
    bessel.jn: sp.sqrt(sp.pi / (2 * y)) * sp.besselj(x + sp.Rational(1, 2), y),
    bessel.yn: sp.sqrt(sp.pi / (2 * y)) * sp.bessely(x + sp.Rational(1, 2), y),
}


@pytest.mark.parametrize(("function", "firsts", "seconds"), TWO, ids=lambda v: getattr(v, "__name__", ""))
def test_a_function_of_two_real_numbers(function, firsts, seconds):
    first, second = np.array(firsts, float)[:, None], np.array(seconds, float)
    meaning = MEANING.get(function)
    check(function(x, y), [x, y], [first, second], rtol=1e-12, meaning=meaning)
    check(function(x, y), [x, y], [first[0, 0], second[0]], rtol=1e-12, meaning=meaning)
    narrow = check(function(x, y), [x, y], [np.float32(first[-1:]), np.float32(second)], rtol=2e-6, meaning=meaning)
    assert narrow.dtype == np.float32


def test_the_alternating_hurwitz_function():
    """dirichlet_eta(s, a), which SymPy has only since 1.13: a sum, accelerated by mpmath."""
    f = numpify(sp.dirichlet_eta(x, y), [x, y])
    for s in (0.6, 1, 2.5):
        for a in (0.3, 1, 7.25):
            with mpmath.workdps(25):
                want = mpmath.nsum(lambda n, s=s, a=a: (-1) ** int(n) / (n + a) ** s, [0, mpmath.inf])
            assert f(s, a) == pytest.approx(float(want), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("function", "first"),
    [
        (sp.besselj, 0.6), (sp.bessely, 2), (sp.besseli, 0.6), (sp.besselk, 2), (bessel.hankel1, 0.6),
        (bessel.hankel2, 2), (bessel.jn, 2), (bessel.yn, 1), (sp.polygamma, 2), (sp.lowergamma, 0.6),
        (sp.uppergamma, 0.6), (sp.beta, 0.6), (sp.expint, 1), (sp.expint, 2), (sp.zeta, 0.6), (sp.polylog, 2),
        (sp.elliptic_f, 0.6), (sp.elliptic_e, 0.6), (sp.elliptic_pi, 0.6),
    ],
)  # fmt: skip
def test_a_function_of_a_real_and_a_complex_number(function, first):
    check(function(x, y), [x, y], [first, np.array(PLANE)], rtol=1e-12, complex_numbers=True)
    check(function(first, y), [y], [np.array(PLANE)], rtol=1e-12, complex_numbers=True)


def test_complex_orders():
    for function in (sp.besselj, sp.bessely, sp.besseli, sp.besselk):
        check(function(x, y), [x, y], [0.6 + 0.5j, np.array([0.5, 2.5])], rtol=1e-12, complex_numbers=True)


@pytest.mark.parametrize("function", [bessel.hankel1, bessel.hankel2, bessel.hn1, bessel.hn2])
def test_hankel_functions_are_complex_for_real_numbers_too(function):
    sign = 1 if function in (bessel.hankel1, bessel.hn1) else -1
    first, second = (sp.besselj, sp.bessely) if function in (bessel.hankel1, bessel.hankel2) else (bessel.jn, bessel.yn)
    meaning = first(x, y) + sign * sp.I * second(x, y)
    meaning = meaning.xreplace({k(x, y): v for k, v in MEANING.items()})
    n, points = np.array([0.0, 1.0, 3.0])[:, None], np.array([0.3, 7.25])
    got = check(function(x, y), [x, y], [n, points], rtol=1e-12, meaning=meaning, complex_numbers=True)
    assert got.dtype == np.complex128
    assert isinstance(numpify(function(x, y))(1, 2.5), complex)
    assert numpify(function(1, y))(np.float32(points)).dtype == np.complex64


def test_spherical_bessel_functions_have_no_cut():
    """SymPy's evalf writes them with sqrt(1/z), and has the sign wrong on the left; their polynomial form has not."""
    points = np.array([-7.25, -0.4, 0.4])
    for n in (-3, -2, 0, 1, 2, 3):
        check(bessel.jn(y, x), [y, x], [n, points], rtol=1e-12, meaning=sp.expand_func(bessel.jn(n, x)))
        check(bessel.yn(y, x), [y, x], [n, points], rtol=1e-12, meaning=sp.expand_func(bessel.yn(n, x)))
    assert numpify(bessel.jn(x, y), [x, y])(np.array([0, 1, 4]), 0.0).tolist() == [1.0, 0.0, 0.0]


def test_hankel_functions_far_off_the_axis_keep_their_digits():
    """Where J and Y cancel; an independent value by the integral DLMF 10.9.10."""
    got = numpify(bessel.hankel1(x, y), [x, y])(2, 1.5 + 40j)
    with mpmath.workdps(60):
        # DLMF 10.27.8
        want = complex(
            2
            / (mpmath.pi * mpmath.j)
            * mpmath.exp(-mpmath.j * mpmath.pi)
            * mpmath.besselk(2, -1j * mpmath.mpc(1.5, 40))
        )
    assert got == pytest.approx(want, rel=1e-13, abs=0)


def test_error_functions_of_two_numbers_and_inverses():
    a, b = np.array([-6.0, -0.4, 0.3, 5.0])[:, None], np.array([-5.5, 0.31, 2.0, 5.25])
    check(sp.erf2(x, y), [x, y], [a, b], rtol=1e-12, meaning=sp.erf(y) - sp.erf(x))
    inside = np.array([-0.999, -0.5, 0.0, 1e-9, 0.5, 0.75])
    for value in (inside, inside.astype(np.float32)):
        roots = numpify(sp.erfinv(x))(value)
        assert roots.dtype == value.dtype
        np.testing.assert_allclose(
            [math.erf(r) for r in roots.tolist()], value, rtol=1e-6 if value.itemsize < 8 else 1e-14
        )
    both = np.array([1e-200, 1e-9, 0.5, 1.0, 1.75])
    np.testing.assert_allclose([math.erfc(r) for r in numpify(sp.erfcinv(x))(both)], both, rtol=1e-12)
    start, step = np.array([0.1, 3.0, -3.0]), np.array([0.25, -1e-5, 1e-5])
    ends = numpify(sp.erf2inv(x, y))(start, step)
    tails = [math.erf(e) - math.erf(s) for e, s in zip(ends, start, strict=True)]
    np.testing.assert_allclose(tails, step, rtol=1e-10)
    assert np.isnan(numpify(sp.erfinv(x))(1.5))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.4), (0.3, 0.7), (0.7, 0.70001)])
def test_incomplete_beta_functions(low, high):
    a, b = np.array([0.5, 2.0, 8.25])[:, None], np.array([0.75, 3.0])

    def part(a, b):
        with mpmath.workdps(25):
            return float(mpmath.quad(lambda t: t ** (a - 1) * (1 - t) ** (b - 1), [low, (low + high) / 2, high]))

    want = np.vectorize(part)(a, b)
    whole = numpify(sp.beta(x, y), [x, y])(a, b)
    np.testing.assert_allclose(numpify(sp.betainc(x, y, z, w), [x, y, z, w])(a, b, low, high), want, rtol=1e-11)
    regular = numpify(sp.betainc_regularized(x, y, z, w), [x, y, z, w])(a, b, low, high)
    np.testing.assert_allclose(regular, want / whole, rtol=1e-11)


def test_multigamma_is_the_product_it_is_defined_to_be():
    expr = gamma_functions.multigamma(x, y, evaluate=False)
    for p in (1, 3):
        meaning = gamma_functions.multigamma(x, p)
        check(expr.subs(y, p), [x], [np.array([2.5, 4.0])], rtol=1e-12, meaning=meaning)


def test_marcum_q():
    """Against its defining integral, DLMF style: tail of a noncentral chi distribution."""
    f = numpify(bessel.marcumq(x, y, z), [x, y, z])
    for m, a, b in ((1, 0.5, 1.5), (2, 2.0, 0.7), (1.5, 1.0, 3.0), (4, 0.0, 2.0), (1, 3.0, 0.0)):
        with mpmath.workdps(30):
            if a:
                want = mpmath.quad(
                    lambda t, m=m, a=a: (
                        t * (t / a) ** (m - 1) * mpmath.exp(-(t * t + a * a) / 2) * mpmath.besseli(m - 1, a * t)
                    ),
                    [b, b + 5, b + 12, b + 40],
                )
            else:
                want = mpmath.gammainc(m, b * b / 2.0, regularized=True)
        assert f(m, a, b) == pytest.approx(float(want), rel=1e-12, abs=0)


def test_complete_and_incomplete_elliptic_integrals_of_the_third_kind():
    n, m = np.array([-2.5, 0.3, 0.9])[:, None], np.array([-1.5, 0.3, 0.9])
    for angle in (-0.8, 0.6, 1.5, 2.5, 7.0):
        got = numpify(sp.elliptic_pi(x, y, z), [x, y, z])(n, angle, m)
        want = np.vectorize(lambda n, m, t=angle: float(_third(n, t, m)))(n, m)
        np.testing.assert_allclose(got, want, rtol=1e-12)
    assert np.isnan(numpify(sp.elliptic_pi(x, y))(1.5, 0.5))
    assert numpify(sp.elliptic_pi(x, y))(1.0, 0.5) == np.inf


def _third(n, angle, m):
    with mpmath.workdps(25):
        turns = mpmath.linspace(0, angle, 9)
        return mpmath.quad(
            lambda t: 1 / ((1 - n * mpmath.sin(t) ** 2) * mpmath.sqrt(1 - m * mpmath.sin(t) ** 2)), turns
        )


def test_elliptic_integrals_beyond_m_1_are_real_before_the_singularity():
    for function in (sp.elliptic_f, sp.elliptic_e):
        check(function(x, y), [x, y], [np.array([-0.3, 0.4]), 4.0], rtol=1e-12)
        assert np.isnan(numpify(function(x, y))(1.2, 4.0))
    assert numpify(sp.elliptic_f(x, y))(-2.0, 1.0) == -np.inf


def test_branches_of_the_lambert_function():
    check(sp.LambertW(x, -1), [x], [np.array([-0.3, -0.01, -0.367879])], rtol=1e-12)
    for k in (-2, 1, 2):
        got = check(sp.LambertW(x, k), [x], [np.array([-2.5, 0.3, 7.25])], rtol=1e-12, complex_numbers=True)
        assert got.dtype == np.complex128
    check(sp.LambertW(x, -1), [x], [np.array(PLANE)], rtol=1e-12)
    assert np.isnan(numpify(sp.LambertW(x))(-0.5))
    assert np.isnan(numpify(sp.LambertW(x, -1))(0.5))
    tip = np.array([-0.36787944117144233, -0.3678794411, -0.36])
    check(sp.LambertW(x), [x], [tip], rtol=1e-12)


def test_lerchphi_and_stieltjes():
    check(sp.lerchphi(x, y, z), [x, y, z], [np.array([-0.5, 0.3, 0.9]), 2.5, 0.7], rtol=1e-12)
    check(sp.stieltjes(x, y), [x, y], [np.array([0, 1, 3]), 1.5], rtol=1e-12)
    check(sp.stieltjes(x), [x], [np.array([0, 1, 2, 7])], rtol=1e-12)
    assert np.isnan(numpify(sp.stieltjes(x))(0.5))


def test_values_at_removable_singularities():
    assert numpify(sp.dirichlet_eta(x))(1.0) == pytest.approx(math.log(2), rel=1e-15, abs=0)
    np.testing.assert_allclose(
        numpify(sp.riemann_xi(x))(np.array([0.0, 1.0, -2.0])), [0.5, 0.5, 0.5739398940467555], rtol=1e-14
    )
    assert numpify(sp.li(x))(0.0) == 0.0
    assert numpify(sp.zeta(x, y))(0.0, 0.25) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("ap", "bq", "points"),
    [
        ([], [1.5], [-2.5, 0.3]),
        ([0.5], [1.5], [-20.5, 0.3, 7.25]),
        ([0.5], [], [-2.5, 0.3]),
        ([0.5, 1.25], [2.5], [-2.5, 0.3, 0.99]),
        ([0.5, 1, 2], [2.5, 3], [-2.5, 0.3]),
        ([-3, 2.5], [0.5], [-2.5, 7.25]),
        ([], [], [-2.5, 0.3]),
    ],
)
def test_hypergeometric_functions(ap, bq, points):
    check(sp.hyper(ap, bq, x), [x], [np.array(points)], rtol=1e-12)
    check(sp.hyper(ap, bq, x), [x], [np.array([0.3 + 0.4j])], rtol=1e-12)


def test_parameters_of_hypergeometric_functions_broadcast():
    a = np.array([0.5, 1.25])[:, None]
    check(sp.hyper([x, 1], [y], z), [x, y, z], [a, 2.5, np.array([0.3, -0.7])], rtol=1e-12)
    check(sp.meijerg([[], []], [[x], []], z), [x, z], [a, np.array([0.3, 2.0])], rtol=1e-12)
    check(sp.meijerg([[0.5], [1.5]], [[0.25, 1], [x]], z), [x, z], [a, np.array([0.3, 2.0])], rtol=1e-12)
    assert np.isnan(numpify(sp.hyper([1, 1], [2], x))(1.5))  # complex: on the cut


def test_appell_f1():
    f = numpify(hyper.appellf1(x, 0.5, 1.5, 2.5, y, z), [x, y, z])
    # DLMF 16.15.1, by quadrature
    with mpmath.workdps(25):
        c = mpmath.gamma(2.5) / (mpmath.gamma(1.25) * mpmath.gamma(1.25))
        want = c * mpmath.quad(
            lambda t: (t * (1 - t)) ** 0.25 * (1 - 0.3 * t) ** -0.5 * (1 + 0.6 * t) ** -1.5, [0, 0.5, 1]
        )
    assert f(1.25, np.array([0.3]), -0.6)[0] == pytest.approx(float(want), rel=1e-12, abs=0)


def test_small_differences():
    check(cosm1(x), [x], [np.array([1e-9, 0.3, 2.5])], rtol=1e-14, meaning=-2 * sp.sin(x / 2) ** 2)
    check(powm1(x, y), [x, y], [np.array([0.3, 2.5]), 1e-9], rtol=1e-12, meaning=sp.exp(y * sp.log(x)) - 1)


@pytest.mark.parametrize("function", [mathieus, mathieuc, mathieusprime, mathieucprime])
def test_mathieu_functions_have_no_norm_and_so_no_value(function):
    with pytest.raises(CompileError, match=rf"{function.__name__}\(x, y, z\): .* not with which norm.*functions="):
        numpify(function(x, y, z))
    assert numpify(function(x, y, z), functions={function: lambda a, q, t: a + q + t})(1, 2, 3) == 6


@pytest.mark.parametrize("function", [sp.besselj, sp.bessely, sp.besseli, sp.besselk])
@pytest.mark.parametrize("order", [0, 1])
def test_the_orders_0_and_1_are_what_all_orders_are(function, order):
    points = np.array([1e-200, 1e-3, 0.5, 2.0, 11.0, 300.0])
    n = sp.Symbol("n")
    alone = numpify(function(order, x), [x], native=False)(points)
    among = numpify(function(n, x), [n, x], native=False)(np.array([order, 2])[:, None], points)[0]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(alone, among, rtol=1e-13)
    want = [float(sp.N(function(order, sp.Float(p, 40)), 30)) for p in points[1:5]]
    np.testing.assert_allclose(alone[1:5], want, rtol=1e-13)


def test_arrays_in_which_all_is_well_give_what_others_give():
    x_, y_ = sp.symbols("x y")
    for expr in (sp.erf(x_), sp.beta(x_, y_), sp.Ei(x_), sp.digamma(x_), sp.zeta(x_), sp.airyai(x_), sp.gamma(x_)):
        arguments = sorted(expr.free_symbols, key=str)
        f = numpify(expr, arguments, native=False)
        values = [np.linspace(1.25 + i, 3.5 + i, 6) for i in range(len(arguments))]
        whole = f(*values)
        assert whole.dtype == np.float64
        for bad in (np.nan, -0.5):  # what the short way does not take
            mixed = [np.append(v, bad) for v in values]
            np.testing.assert_array_equal(f(*mixed)[:-1], whole)
            assert not np.isnan(f(*mixed)[-1]) or np.isnan(bad) or expr.func in (sp.beta,)
