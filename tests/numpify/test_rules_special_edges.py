"""Special functions where they are hard: poles, nan, digits that get lost, what SciPy or mpmath have wrong."""

from __future__ import annotations

import math
import sys
import threading

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy.functions.special import bessel

from numpify_ctx import CompileError, numpify
from numpify_ctx._lowering.rules import common
from numpify_ctx._runtime.special import combinatorial, integrals
from numpify_ctx._runtime.special.pointwise import Pointwise


pytest.importorskip("scipy")

x, y, z = sp.symbols("x y z")


def test_without_scipy_the_error_names_the_extra(monkeypatch):
    common.scipy_special()  # what it finds is kept: for the tests that come after this one, let it find SciPy
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setattr(common, "scipy_special", lambda: None)
    with pytest.raises(
        CompileError, match=r"cannot compile besselj\(1, x\): besselj comes from SciPy.*haliax-refs\[scipy\]"
    ):
        numpify(sp.besselj(1, x), cache=False)
    with pytest.raises(CompileError, match=r"LambertW\(x\).*haliax-refs\[scipy\]"):
        numpify(sp.LambertW(x), cache=False)
    assert numpify(sp.hyper([1], [2], x), cache=False)(0.0) == 1.0


def test_what_mpmath_gets_wrong_is_noticed():
    """At one precision mpmath's E_n loses all its digits far out, and says nothing; DLMF 8.19.21 bounds it."""
    point = (54.0, 240.0)
    value = integrals.EXPINT.at(point, real=True)
    scaled = value * math.exp(240.0)
    assert 1 / 294 < scaled < 1 / 293
    third = 2.0**-230 / 3
    lost = Pointwise("lost", lambda mp, t: (t + mp.ldexp(mp.one / 3, -230)) - t)
    assert lost.at((1.0,), real=True) == pytest.approx(third, rel=1e-15, abs=0)
    vanished = Pointwise("vanished", lambda mp, t: (t + mp.ldexp(mp.one / 3, -400)) - t)
    assert vanished.at((1.0,), real=True) == pytest.approx(2.0**-400 / 3, rel=1e-15, abs=0)
    zero = Pointwise("zero", lambda mp, t: t - t)
    assert zero.at((1.0,), real=True) == 0.0


def test_what_has_no_value_is_nan_at_once():
    assert np.isnan(numpify(sp.polygamma(x, y))(1e15, 0.5))
    assert np.isnan(numpify(sp.lerchphi(x, y, z))(-1e300, 0.5, 0.5))
    for function in (sp.gamma, sp.besselk, sp.zeta):
        args = (1,) if function is sp.besselk else ()
        assert np.isnan(numpify(function(*args, x))(np.array([np.nan, 1.5]))[0])


def test_threads_share_the_reference():
    f = numpify(sp.hyper([x], [2.5], y), [x, y])
    points = np.linspace(0.1, 0.9, 9)
    want = f(0.5, points)
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(f(0.5, points))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, want)


def test_the_precision_that_others_set_does_not_matter():
    with mpmath.workprec(10):
        assert numpify(sp.hyper([1], [2], x))(1.0) == pytest.approx(math.e - 1, rel=1e-15, abs=0)


def test_no_digits_are_lost_to_float32_constants():
    f = numpify(sp.besselj(sp.Rational(1, 3), x))
    single = f(np.array([0.5, 2.0], np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, f(np.array([0.5, 2.0])), rtol=1e-7)


def test_lower_gamma_of_negative_numbers():
    """By its integral: real for whole orders, and mpmath's own way to it never ends."""
    f = numpify(sp.lowergamma(x, y), [x, y])
    for order in (1, 3, 30):
        want = float(mpmath.quad(lambda t, n=order: t ** (n - 1) * mpmath.exp(-t), [0, -1, -2, -3]))
        assert f(order, -3) == pytest.approx(want, rel=1e-13)
        assert f(order, -3.0 + 0j) == pytest.approx(want, rel=1e-13)
    assert np.isnan(f(2.5, -3.0))
    assert f(2.5, -3.0 + 0j) == pytest.approx(complex(sp.lowergamma(2.5, -3).n(20)), rel=1e-12)


def test_orders_beyond_32_bits():
    f = numpify(sp.expint(x, y), [x, y])
    for order in (10**9, 10**10, 1e12, 2**70):
        assert f(order, 3.0) == pytest.approx(float(mpmath.exp(-3) / (order + 3)), rel=1e-8)


def test_the_incomplete_beta_function_at_zero_and_zero_has_no_value():
    assert np.isnan(numpify(sp.betainc_regularized(x, y, -2, 1.5), [x, y])(0, 0))


@pytest.mark.parametrize(
    ("constant", "low", "high"),
    [
        # x + n - 1 < exp(-x)/E_n(x) < x + n (DLMF 8.19.21); one evaluation at 40 digits has none of them right
        (sp.expint(54, 240), math.exp(-240) / 294, math.exp(-240) / 293),
        (1e100 * sp.expint(54, 240), 1e100 * math.exp(-240) / 294, 1e100 * math.exp(-240) / 293),
    ],
)
def test_constants_of_special_functions_do_not_lose_their_digits(constant, low, high):
    value = numpify(constant, [], cache=False)()
    assert low < value < high


def test_constants_of_special_functions_have_all_their_digits():
    for constant in (sp.zeta(3), sp.besselj(2, 100), sp.LambertW(1), sp.Ei(-30), sp.airyai(-100), sp.polylog(3, 2)):
        want = complex(constant.n(60))
        assert numpify(constant, [], cache=False)() == (want if want.imag else want.real)


@pytest.mark.parametrize("constant", [sp.lerchphi(1, 2, -sp.oo), sp.lowergamma(2.5, -3, evaluate=False)])
def test_constants_for_which_mpmath_gives_up_are_left_to_the_call(constant):
    """It raised NoConvergence, or recursed without end, when compiling."""
    assert isinstance(numpify(constant + x, [x], cache=False)(1.0), (float, complex))


@pytest.mark.parametrize("name", ["besselj", "bessely", "besseli", "besselk", "hankel1", "hankel2"])
def test_bessel_functions_of_tiny_numbers(name):
    """SciPy has 0 for I, and infinities for Y and K of subnormal numbers, whose values are no such thing."""
    orders, points = np.array([0.0, 0.1, 0.5]), np.array([[1e-310], [1e-300], [1e-8], [2.5]])
    f = numpify(getattr(sp, name)(x, y), [x, y])
    got = f(orders, points)
    with mpmath.workdps(40):
        want = np.array([[complex(getattr(mpmath, name)(n, p)) for n in orders] for (p,) in points])
    for part in (np.real, np.imag):  # each to full precision, however small it is beside the other
        np.testing.assert_allclose(part(got), part(want), rtol=1e-12)
        assert part(f(0.5, 1e-300)) == pytest.approx(part(want)[1, 2], rel=1e-12)
    np.testing.assert_allclose(f(orders, points[2:] + 0j), want[2:], rtol=1e-12)


OF_AN_ORDER = [
    (2, (sp.legendre, sp.chebyshevt, sp.chebyshevu, sp.hermite, sp.laguerre, sp.functions.hermite_prob)),
    (3, (sp.assoc_laguerre, sp.gegenbauer, sp.assoc_legendre, bessel.marcumq, sp.lerchphi)),
    (4, (sp.jacobi, sp.functions.Ynm, sp.functions.Znm, sp.betainc)),
    (2, (sp.besselj, sp.bessely, sp.besseli, sp.besselk, bessel.hankel1, bessel.hankel2, sp.jn, sp.yn)),
    (2, (bessel.hn1, bessel.hn2, sp.expint, sp.polygamma, sp.lowergamma, sp.uppergamma, sp.beta, sp.zeta, sp.polylog)),
]


@pytest.mark.parametrize(("cls", "count"), [(cls, count) for count, classes in OF_AN_ORDER for cls in classes])
def test_nan_in_is_nan_out_whatever_else_is_given(cls, count):
    """Law: where one argument is nan the result is, though the others alone may decide it: P(0, x) is 1 for all x."""
    symbols = sp.symbols(f"a:{count}")
    function = numpify(cls(*symbols), symbols)
    for place in range(count):
        for others in ((0.0,) * 4, (1.0,) * 4, (0.5, 2.0, 1.0, 0.0)):
            numbers = [math.nan if i == place else others[i] for i in range(count)]
            for form in (float, np.float32, complex, lambda n: np.array([n, n]), lambda n: np.array([n + 0j])):
                found = function(*map(form, numbers))
                assert np.isnan(found).all(), (numbers, found)


def test_numbers_beside_nan_keep_their_values():
    n, found = np.array([np.nan, 0.0, 2.0, 0.0]), np.array([0.5, np.nan, 0.5, 0.5])
    np.testing.assert_array_equal(numpify(sp.legendre(x, y), [x, y])(n, found), [np.nan, np.nan, -0.125, 1.0])


def test_beta_of_one_number_is_that_of_it_twice():
    assert numpify(sp.beta(x, evaluate=False))(2.5) == numpify(sp.beta(x, x))(2.5)


@pytest.mark.parametrize("at", [4, -4, 4j, 10**0.5, complex(12**0.5, 1e-12), complex(18**0.5, -1e-9)])
def test_fresnel_integrals_where_the_series_of_scipy_divides_by_zero(at):
    for function in (sp.fresnels, sp.fresnelc):
        f = numpify(function(x), [x])
        want = complex(function(sp.Rational(complex(at).real) + sp.I * sp.Rational(complex(at).imag)).evalf(30))
        for got in (f(complex(at)), f(np.full(3, complex(at)))[1]):
            assert abs(got - want) <= 1e-13 * abs(want)


def in_the_last_place(got, want):
    return np.abs(got - want) / np.spacing(np.abs(want))


@pytest.mark.parametrize("size", [1, 10, 3000])
def test_loggamma_is_right_to_the_last_places_of_its_zeros_and_between_them(size):
    rng = np.random.default_rng(size)
    near = np.concatenate([z + rng.choice([-1, 1], size) * 10.0 ** rng.uniform(-15, -1, size) for z in (1, 2)])
    points = np.concatenate([near, rng.uniform(0.6, 2.5, size), 10.0 ** rng.uniform(-308, 305, size)])
    f = numpify(sp.loggamma(x), [x], native=False)
    for values in (points, rng.uniform(0.7, 2.3, size), rng.uniform(3, 30, size), points[: 2 * size].reshape(2, -1)):
        got = f(values)
        with mpmath.workdps(40):
            want = np.array([float(mpmath.loggamma(v)) for v in values.ravel().tolist()]).reshape(values.shape)
        assert in_the_last_place(got, want).max() <= 6
        assert [f(v) for v in values.ravel()[:20].tolist()] == got.ravel()[:20].tolist()  # whatever the size
    edges = np.array([1.0, 2.0, 0.0, -0.0, -3.0, -2.5, np.inf, np.nan, 5e-324])
    want = [0.0, 0.0, np.inf, np.inf, np.inf, np.nan, np.inf, np.nan, 744.4400719213812]
    np.testing.assert_array_equal(f(edges), want)
    np.testing.assert_array_equal(f(np.tile(edges, 3)), want * 3)
    assert not np.signbit(f(edges)).any()


TAILS = [
    (sp.erfc(x), np.linspace(26.2, 27.4, 41), mpmath.erfc),
    (sp.erf2(x, x + 1), np.linspace(26.2, 27.4, 41), lambda v: mpmath.erfc(v) - mpmath.erfc(v + 1)),
    (sp.gamma(x), np.linspace(-185.05, -169.05, 41), mpmath.gamma),
    (sp.besselk(0, x), np.linspace(690, 750, 41), lambda v: mpmath.besselk(0, v)),
    (sp.besselk(sp.Float(2.3), x), np.linspace(690, 750, 41), lambda v: mpmath.besselk(2.3, v)),
    (sp.airyai(x), np.linspace(102, 109, 41), mpmath.airyai),
    (sp.airyaiprime(x), np.linspace(102, 109, 41), lambda v: mpmath.airyai(v, derivative=1)),
    (sp.expint(1, x), np.linspace(690, 750, 41), mpmath.e1),
    (sp.expint(3, x), np.linspace(690, 750, 41), lambda v: mpmath.expint(3, v)),
]


@pytest.mark.parametrize(("expr", "points", "meaning"), TAILS, ids=lambda v: str(v) if isinstance(v, sp.Basic) else "")
def test_a_tail_ends_where_the_numbers_end(expr, points, meaning):
    """SciPy's functions give 0 for what is smaller than the normal numbers, 2.2e-308; there are numbers to 5e-324."""
    f = numpify(expr, [x], native=False)
    with mpmath.workdps(30):
        want = np.array([float(mpmath.re(meaning(mpmath.mpf(v)))) for v in points.tolist()])
    assert ((np.abs(want) > 0) & (np.abs(want) < 1e-309)).any()
    for given in (points, points[-30:].reshape(2, 15)):
        got = f(given)
        np.testing.assert_allclose(got.ravel(), want[-got.size :], rtol=1e-11, atol=1.5e-323)
    np.testing.assert_allclose([f(v) for v in points.tolist()], want, rtol=1e-11, atol=1.5e-323)
    mixed = f(np.append(points, np.nan))
    np.testing.assert_array_equal(mixed[:-1], f(points))
    assert np.isnan(mixed[-1])


def test_binomials_of_numbers_that_are_not_whole_need_no_mpmath(monkeypatch):
    rng = np.random.default_rng(3)
    near = 10.0 ** rng.uniform(-12, -2, 40)
    n = np.concatenate([rng.uniform(-30, 30, 200), -rng.integers(1, 20, 40) + near, rng.uniform(-20, 20, 80)])
    k = np.concatenate([rng.uniform(-30, 30, 200), rng.uniform(-9, 9, 40), rng.integers(-3, 20, 40), n[:40] + 3 - near])
    general = combinatorial.BINOMIAL.continued.reference
    with mpmath.workdps(50):
        want = np.array([float(general(mpmath, mpmath.mpf(a), mpmath.mpf(b))) for a, b in zip(n, k, strict=True)])
    monkeypatch.setattr(Pointwise, "at", None)
    f = numpify(sp.binomial(x, y), [x, y], native=False)
    got = f(n, k)
    np.testing.assert_allclose(got, want, rtol=1e-12)
    assert [f(a, b) for a, b in zip(n.tolist(), k.tolist(), strict=True)] == got.tolist()
    np.testing.assert_array_equal(f(np.array([-2.0, 0.5]), np.array([0.5, -2.0])), [np.nan, 0.0])


w = sp.Symbol("w")
# Each by mpmath, with digits enough for what cancels.
LOST_BY_SCIPY = [
    (sp.erfi(x), [(v,) for v in (26.5, 26.65, 26.71, -26.7)], mpmath.erfi),
    (
        sp.erf2inv(x, y),
        [(1.5e-14, -2e-19), (-1.2e-17, 1.0), (2.8e-236, -0.0), (-16.0, 9.5e-125), (3.0, -1e-5), (-3.0, 0.5)],
        lambda a, b: mpmath.erfinv(mpmath.erf(a) + b),
    ),
    (sp.besseli(2, x), [(v,) for v in (1.8e-116, -3e-147, 1.6e-137)], lambda v: v**2 / 8),
    (sp.besseli(5, x), [(v,) for v in (-4e-54, 6.2e-56, 1e-62)], lambda v: v**5 / 3840),
    (sp.besselj(5, x), [(v,) for v in (-1.75e-61, 5.7e-63)], lambda v: v**5 / 3840),
    (sp.besselj(x, y), [(400.0, 41.5), (150.0, 0.9), (300.0, 12.0)], mpmath.besselj),
    (sp.legendre(x, y), [(-6.0, 2e-178), (-4.0, 1e-60), (-3.0, 1e-60), (5.0, 2e-178)], None),
    (
        sp.gegenbauer(x, y, z),
        [(5.0, c, v) for c, v in ((3.1e-8, 0.17), (2.5e-9, -3.0), (-2e-12, 9.7), (1.7e-15, 7.0), (2e-17, -8e-12))],
        mpmath.gegenbauer,
    ),
    (sp.assoc_laguerre(x, y, z), [(5.0, -0.9999999998698704, -8.0), (5.0, -0.99987, -5.0)], mpmath.laguerre),
    (
        sp.jacobi(w, x, y, z),
        [
            (5.0, 8e-16, 0.0, -2.2e-10),
            (5.0, -0.9999999999968694, 0.06, -0.55),
            (5.0, 0.0, 8.3e-11, -2.5e-20),
            (5.0, -0.9999, -0.9999, 0.3),
            (1.0, -1e-13, 7e-17, 3e-15),
        ],
        mpmath.jacobi,
    ),
]


@pytest.mark.parametrize(
    ("expr", "points", "meaning"), LOST_BY_SCIPY, ids=lambda v: str(v) if isinstance(v, sp.Basic) else ""
)
def test_digits_that_scipy_or_mpmath_loses(expr, points, meaning):
    symbols = [s for s in (w, x, y, z) if s in expr.free_symbols]
    if meaning is None:  # P(-1 - n) is P(n), and the slope of P(5) at 0 is 15/8
        meaning = {5: lambda t: 15 * t / 8, 3: lambda t: -3 * t / 2, 2: lambda t: -mpmath.mpf(1) / 2}
        with mpmath.workdps(50):
            want = [float(meaning[-1 - p[0] if p[0] < 0 else p[0]](mpmath.mpf(p[1]))) for p in points]
    else:
        with mpmath.workdps(360):
            want = [float(mpmath.re(meaning(*map(mpmath.mpf, p)))) for p in points]
    f = numpify(expr, symbols, native=False, cache=False)
    columns = [np.array(column) for column in zip(*points, strict=True)]
    for _ in range(3):
        np.testing.assert_allclose(f(*columns), want, rtol=1e-12, atol=1e-323)
    np.testing.assert_allclose([f(*p) for p in points], want, rtol=1e-12, atol=1e-323)
