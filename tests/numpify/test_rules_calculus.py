"""Sums, products, integrals, derivatives, limits: against exact sums, mpmath, and integrals with a closed form."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st
from sympy.functions.elementary.integers import frac

from numpify_ctx import CompileError, numpify
from numpify_ctx._runtime.calculus import elements as runtime
from numpify_ctx._runtime.calculus.slow import Slow


x, y, a, b, n, m, t = sp.symbols("x y a b n m t")
k, j = sp.symbols("k j", integer=True)
A = np.array([0.5, 1.5, -0.25])
HALF = sp.Rational(1, 2)
oo = sp.oo


def run(expr, *values, args=None, **options):
    return numpify(expr, args, cache=False, **options)(*values)


# -- sums and products of finite length ------------------------------------------------------------------------------


def karr(term, low, high, product=False):
    """The sum or product by definition, with SymPy's meaning of reversed limits."""
    if high < low - 1:
        inner = karr(term, high + 1, low - 1, product)
        return 1 / inner if product else -inner
    values = [term(i) for i in range(low, high + 1)]
    return math.prod(values, start=Fraction(1)) if product else sum(values, start=Fraction(0))


@pytest.mark.parametrize("product", [False, True])
def test_limits_in_any_order(product):
    node = (sp.Product if product else sp.Sum)(k**2 + 1, (k, n, m))
    lows, highs = np.array([[-3], [0], [2]]), np.arange(-5, 6)
    want = [[float(karr(lambda i: Fraction(i * i + 1), int(i), int(h), product)) for h in highs] for (i,) in lows]
    for make in (np.asarray, lambda v: v.astype(float), lambda v: v.astype(np.int8)):
        np.testing.assert_allclose(run(node, make(lows), make(highs), args=[n, m]), want, rtol=1e-14)
    for i, (low,) in enumerate(lows.tolist()):
        for h, high in enumerate(highs.tolist()):
            assert run(node, low, high, args=[n, m]) == pytest.approx(want[i][h], rel=1e-14)
            assert run(node, float(low), float(high), args=[n, m]) == pytest.approx(want[i][h], rel=1e-14)


def test_reversed_limits_are_sympys():
    for low, high in itertools.product(range(-2, 3), repeat=2):
        for kind in (sp.Sum, sp.Product):
            exact = kind(k**2 + 2, (k, low, high)).doit()
            assert run(kind(k**2 + 2, (k, n, m)), low, high, args=[n, m]) == pytest.approx(float(exact), rel=1e-14)


def test_a_sum_of_integers_is_exact():
    assert run(sp.Sum(k, (k, 1, n)), 4) == 10
    assert type(run(sp.Sum(k, (k, 1, n)), 4)) is int
    got = run(sp.Sum(k**3, (k, 1, n)), np.array([10, 1000, 30000]))
    assert got.dtype == np.int64
    assert got.tolist() == [(v * (v + 1) // 2) ** 2 for v in (10, 1000, 30000)]
    big = run(sp.Product(k, (k, 1, n)), np.array([20, 25]))
    np.testing.assert_allclose(big, [float(math.factorial(20)), float(math.factorial(25))], rtol=1e-14)
    assert run(sp.Product(k, (k, 1, n)), 25) == pytest.approx(math.factorial(25))
    np.testing.assert_allclose(run(sp.Sum(2**k, (k, 0, n)), np.array([70])), 2.0**71 - 1)


@pytest.mark.parametrize("count", [0, 1, 5, 300, 70_000])
def test_blocks_of_terms(count):
    got = run(sp.Sum(1 / (k + x) ** 2, (k, 1, n)), np.array([0.0, 0.5]), count, args=[x, n])
    want = [math.fsum(1 / (i + v) ** 2 for i in range(1, count + 1)) for v in (0.0, 0.5)]
    np.testing.assert_allclose(got, want, rtol=1e-13)
    got = run(sp.Sum(1 / (k + x) ** 2, (k, 1, n)), 0.5, np.array([count, 3, 0]), args=[x, n])
    np.testing.assert_allclose(got, [want[1], 1 / 2.25 + 1 / 6.25 + 1 / 12.25, 0], rtol=1e-13)


def test_memory_is_bounded_and_many_elements_are_chunked(monkeypatch):
    sizes = []

    def note(values):
        sizes.append(np.size(values))
        return np.sin(values)

    f = sp.Function("f")
    at = np.linspace(0, 1, 50_000)
    got = run(sp.Sum(f(k * x), (k, 1, 20)), at, functions={f: note}, args=[x])
    np.testing.assert_allclose(got, sum(np.sin(i * at) for i in range(1, 21)), rtol=1e-12, atol=1e-13)
    counts = np.arange(50_000) % 20
    got = run(sp.Sum(f(k * x), (k, 1, n)), at, counts, functions={f: note}, args=[x, n])
    want = np.array([math.fsum(math.sin(i * v) for i in range(1, c + 1)) for v, c in zip(at, counts, strict=True)])
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)
    assert max(sizes) <= 2 * runtime.BLOCK


def test_terms_that_no_element_asks_for_are_not_computed():
    expr = sp.Sum(sp.log(k), (k, n, m))  # a warning is an error here
    got = run(expr, np.array([1, 5, 3]), np.array([3, 4, 2]), args=[n, m])
    np.testing.assert_allclose(got, [math.log(6), 0, 0])
    guarded = sp.Sum(sp.Piecewise((sp.log(k - x), k > x), (0, True)), (k, 0, n))
    np.testing.assert_allclose(run(guarded, np.array([3, 0]), 0.5, args=[n, x]), [math.log(0.5 * 1.5 * 2.5), 0])


@pytest.mark.parametrize(
    ("expr", "args"),
    [
        (sp.Sum(x**k, (k, 0, n)), [x, n]),
        (sp.Sum(k * x, (k, 0, 4), (j, 0, k)), None),
        (sp.Sum(j * x + k, (j, 0, k), (k, 0, n)), [x, n]),
        (sp.Sum(sp.Product(x + j, (j, 1, k)), (k, 0, n)), [x, n]),
        (sp.Product(sp.Sum(x**j, (j, 0, k)) + 2, (k, 0, n)), [x, n]),
        (sp.Sum(sp.KroneckerDelta(k, 2) * x + k, (k, 0, n)), [x, n]),
        (sp.Sum(sp.binomial(n, k) * x**k, (k, 0, n)), [x, n]),
        (sp.Sum(sp.Piecewise((x, sp.Eq(k, 1)), (k, True)), (k, 0, n)), [x, n]),
        (sp.Sum(sp.Max(x, k), (k, -2, n)), [x, n]),
        (sp.Sum(x, (k, 1, n)), [x, n]),
        (sp.Product(x, (k, 1, n)), [x, n]),
        (sp.Sum(sp.exp(sp.I * k * x), (k, -n, n)), [x, n]),
        (sp.Sum((-1) ** k / sp.factorial(k) * x ** (2 * k), (k, 0, n)), [x, n]),
        (sp.Sum(sp.LegendrePoly(k, x) if hasattr(sp, "LegendrePoly") else sp.legendre(k, x), (k, 0, n)), [x, n]),
    ],
)
def test_sums_against_sympy(expr, args):
    if args is None:
        with pytest.raises(CompileError, match="is not an argument"):
            numpify(expr, [x])
        return
    counts = np.array([[0], [1], [4]])
    got = run(expr, A, counts, args=args)
    assert got.shape == (3, 3)
    for i, e in np.ndindex(3, 3):
        point = {x: sp.Rational(A[e]), n: int(counts[i, 0])}
        want = complex(expr.subs(point).doit().doit().evalf(25))
        assert got[i, e] == pytest.approx(want, rel=1e-12)
        alone = run(expr, float(A[e]), int(counts[i, 0]), args=args)
        assert alone == pytest.approx(want, rel=1e-12)
        assert np.ndim(alone) == 0
        assert not isinstance(alone, np.ndarray)


def test_a_bound_variable_may_be_called_like_an_argument():
    assert run(sp.Sum(x * y, (x, 1, 3)) + x, 10.0, 2.0, args=[x, y]) == 22.0
    assert run(sp.Sum(x, (x, 1, x)), 4) == 10
    assert run(sp.Sum(sp.Sum(k, (k, 1, k)), (k, 1, 3)), args=[]) == 10
    same = sp.Symbol("k")
    assert run(sp.Sum(k * same, (k, 1, 3)), 2.0, args=[same]) == 12.0
    assert run(sp.Integral(x * y, (x, 0, x)), 2.0, 3.0, args=[x, y]) == pytest.approx(6.0)


def test_sums_keep_single_precision():
    got = run(sp.Sum(x**k, (k, 0, 3)), np.array([0.5, 2.0], np.float32))
    assert got.dtype == np.float32
    assert got.tolist() == [1.875, 15.0]
    assert run(sp.Integral(x * t, (t, 0, 1)), np.array([0.5, 2.0], np.float32)).dtype == np.float32
    got = run(sp.Sum(x**k, (k, 0, 3)), np.array([1j], np.complex64))
    assert got.dtype == np.complex64


def test_the_dtype_does_not_depend_on_the_limits():
    for counts in ([0], [3], [-4], [3, -4, 0]):
        assert run(sp.Sum(x / (k - HALF), (k, 1, n)), 1.0, np.array(counts), args=[x, n]).dtype == np.float64


def test_limits_that_are_no_whole_numbers():
    """k goes in steps of one from the lower limit, as far as the upper one."""
    assert run(sp.Sum(k, (k, x, y)), 0.5, 3.2, args=[x, y]) == pytest.approx(0.5 + 1.5 + 2.5)
    assert run(sp.Sum(k, (k, 0, y)), 2.7) == 3
    assert run(sp.Sum(k, (k, 0, y)), 30 * 0.1) == 6
    assert run(sp.Sum(k, (k, 0, y)), 0.1 * 3 / 0.1) == 6  # 3.0000000000000004


def test_limits_that_are_no_numbers():
    assert math.isnan(run(sp.Sum(x, (k, 0, n)), 1.0, math.nan, args=[x, n]))
    with pytest.raises(ValueError, match="the limits are complex numbers"):
        run(sp.Sum(x, (k, 0, n)), 1.0, 1j, args=[x, n])
    with pytest.raises(CompileError, match="has no two limits"):
        numpify(sp.Integral(x**2, x), [x])


@given(
    st.lists(st.integers(-30, 30), min_size=1, max_size=5),
    st.lists(st.integers(-30, 30), min_size=1, max_size=5),
    st.booleans(),
)
def test_a_sum_is_split_at_any_place(lows, highs, floats):
    """sum(a..b) + sum(b + 1..c) = sum(a..c), for limits in any order."""
    kind = float if floats else int
    f = numpify(sp.Sum(k**2 + x, (k, a, b)), [x, a, b])
    low, high = np.array(lows, kind)[:, None], np.array(highs, kind)
    left, right = f(2.0, low, 5), f(2.0, 6, high)
    np.testing.assert_allclose(left + right, f(2.0, low, high), rtol=1e-12, atol=1e-9)


# -- infinite sums ---------------------------------------------------------------------------------------------------


INFINITE = [
    (x**k / sp.factorial(k), 0, [0.5, -3.0, 20.0, -30.0], lambda v: mpmath.exp(v)),
    (x**k, 0, [0.5, -0.9, 0.99], lambda v: 1 / (1 - mpmath.mpf(v))),
    (x**k / k, 1, [0.5, -1.0, -0.99], lambda v: -mpmath.log(1 - mpmath.mpf(v))),
    (k ** (-x), 1, [1.5, 2.0, 2.5, 7.0], mpmath.zeta),
    (1 / (k**2 + x**2), 1, [0.5, 2.0], lambda v: (v * mpmath.pi * mpmath.coth(v * mpmath.pi) - 1) / (2 * v**2)),
    ((-1) ** k / (2 * k + x), 0, [1.0, 3.0], lambda v: (mpmath.psi(0, (v + 2) / 4) - mpmath.psi(0, v / 4)) / 4),
    ((-1) ** (k + 1) / sp.sqrt(k + x), 1, [0.0], lambda v: (1 - mpmath.sqrt(2)) * mpmath.zeta(0.5)),
    (sp.exp(-x * k**2), 0, [0.1, 1.0], lambda v: (mpmath.jtheta(3, 0, mpmath.exp(-v)) + 1) / 2),
    (1 / (k + x) / (k + x + 1), 0, [0.5, 2.0], lambda v: 1 / mpmath.mpf(v)),
    (sp.log(k) / k**x, 1, [2.0, 3.0], lambda v: -mpmath.zeta(v, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("term", "low", "points", "meaning"), INFINITE)
def test_infinite_sums(term, low, points, meaning):
    f = numpify(sp.Sum(term, (k, low, oo)), [x])
    with mpmath.workdps(25):
        want = [float(meaning(p)) for p in points]
    np.testing.assert_allclose(f(np.array(points)), want, rtol=2e-12)
    assert f(points[0]) == pytest.approx(want[0], rel=2e-12)


def test_sums_to_infinity_in_both_directions():
    got = run(sp.Sum(sp.exp(-x * k**2), (k, -oo, oo)), np.array([0.3, 1.0]))
    np.testing.assert_allclose(got, [float(mpmath.jtheta(3, 0, mpmath.exp(-v))) for v in (0.3, 1.0)], rtol=1e-13)
    assert run(sp.Sum(x**k, (k, -oo, 0)), 2.0) == pytest.approx(2.0)
    assert run(sp.Sum(x**k, (k, 0, n)), 0.5, np.array([2, np.inf]), args=[x, n]).tolist() == pytest.approx([1.75, 2.0])


def test_what_does_not_converge_is_no_number():
    assert run(sp.Sum(1 / k, (k, 1, oo)), args=[]) == math.inf
    assert run(sp.Sum(x**k, (k, 0, oo)), 2.0) == math.inf
    assert run(sp.Sum(-(x**k), (k, 0, oo)), 1.0) == -math.inf
    assert math.isnan(run(sp.Sum(x**k, (k, 0, oo)), -2.0))
    assert math.isnan(run(sp.Sum(sp.cos(k), (k, 0, oo)), args=[]))


def test_infinite_products():
    at = np.array([0.5, 0.25, 1.5, 2.5])
    got = run(sp.Product(1 - x**2 / k**2, (k, 1, oo)), at)
    np.testing.assert_allclose(got, np.sin(np.pi * at) / (np.pi * at), rtol=1e-11)
    got = run(sp.Product(1 + x**k, (k, 1, oo)), np.array([0.5, -0.5]))
    want = [float(mpmath.nprod(lambda i, v=v: 1 + v**i, [1, mpmath.inf])) for v in (0.5, -0.5)]
    np.testing.assert_allclose(got, want, rtol=1e-12)


# -- integrals -------------------------------------------------------------------------------------------------------


INTEGRALS = [
    (sp.exp(-x * t), (t, 0, 1), lambda v: (1 - np.exp(-v)) / v),
    (sp.exp(-(t**2) * x), (t, -oo, oo), lambda v: np.sqrt(np.pi / v)),
    (sp.exp(-t * x), (t, 0, oo), lambda v: 1 / v),
    (sp.exp(t * x), (t, -oo, 0), lambda v: 1 / v),
    (1 / (1 + x * t**2), (t, -oo, oo), lambda v: np.pi / np.sqrt(v)),
    (1 / (1 + t**2), (t, x, oo), lambda v: np.pi / 2 - np.arctan(v)),
    (t**x, (t, 0, 1), lambda v: 1 / (1 + v)),
    (t ** (x - HALF), (t, 0, 2), lambda v: 2 ** (v + 0.5) / (v + 0.5)),
    (sp.log(t) * x, (t, 0, 1), lambda v: -v),
    (1 / sp.sqrt(t * (1 - t)) * x, (t, 0, 1), lambda v: np.pi * v),
    (sp.sqrt(x**2 - t**2), (t, -x, x), lambda v: np.pi * v**2 / 2),
    (sp.Abs(t - x), (t, 0, 1), lambda v: np.where(v < 1, (v**2 + (1 - np.minimum(v, 1)) ** 2) / 2, v - 0.5)),
    (sp.Heaviside(t - x), (t, 0, 4), lambda v: 4 - v),
    (sp.floor(t) * x, (t, 0, 4), lambda v: 6 * v),
    (sp.Piecewise((t, t < x), (x, True)), (t, 0, 4), lambda v: v**2 / 2 + v * (4 - v)),
    (sp.sin(100 * x * t), (t, 0, 3), lambda v: (1 - np.cos(300 * v)) / (100 * v)),
    (sp.sin(x * t) / t, (t, 0, oo), lambda v: np.full_like(v, np.pi / 2)),
    (sp.cos(x * t) / (1 + t**2), (t, 0, oo), lambda v: np.pi / 2 * np.exp(-v)),
    (sp.exp(-t) * sp.sin(x * t), (t, 0, oo), lambda v: v / (1 + v**2)),
    (x, (t, 0, 3), lambda v: 3 * v),
    (t * x, (t, 3, 1), lambda v: -4 * v),
    (t * x, (t, 2, 2), lambda v: 0 * v),
    (sp.exp(-((t - x) ** 2) / 2) / sp.sqrt(2 * sp.pi), (t, -oo, oo), lambda v: np.ones_like(v)),
    (1 / (t**2 + x**2 / 10**6), (t, -1, 1), lambda v: 2 / (v * 1e-3) * np.arctan(1 / (v * 1e-3))),
]  # fmt: skip


def short(value):
    return None if callable(value) else str(value)[:40]


@pytest.mark.parametrize(("body", "limit", "closed"), INTEGRALS, ids=short)
def test_integrals(body, limit, closed):
    f = numpify(sp.Integral(body, limit), [x], cache=False)
    at = np.array([0.5, 1.0, 2.25])
    np.testing.assert_allclose(f(at), closed(at), rtol=3e-11, atol=1e-13)
    np.testing.assert_allclose(f(at[:, None]), closed(at)[:, None], rtol=3e-11, atol=1e-13)
    assert f(1.0) == pytest.approx(closed(np.array(1.0)), rel=3e-11, abs=1e-13)
    assert not isinstance(f(1.0), np.ndarray)


ROOT_PI = math.sqrt(math.pi)


@pytest.mark.parametrize(
    ("body", "limit", "at", "want"),
    [
        (sp.exp(-((t - x) ** 2)), (t, -oo, oo), [0.0, 50.0, -1000.0], [ROOT_PI] * 3),
        (sp.exp(-((t - x) ** 2)), (t, 0, oo), [50.0, 1000.0], [ROOT_PI] * 2),
        (1 / (t**2 + x**2), (t, -1, 1), [1e-4, 1e-6], [2e4 * math.atan(1e4), 2e6 * math.atan(1e6)]),
        (sp.exp(-(10**8) * (t - x) ** 2), (t, 0, 1), [0.5, 0.123, 0.987], [ROOT_PI * 1e-4] * 3),
        (sp.cos(x * t), (t, 0, 1), [1e3, 1e4], [math.sin(1e3) / 1e3, math.sin(1e4) / 1e4]),
        (x * t**2, (t, 0, 1), [0.0, 3.0], [0.0, 1.0]),
    ],
    ids=short,
)
def test_integrals_of_peaks_and_waves_between_the_points_of_the_rules(body, limit, at, want):
    f = numpify(sp.Integral(body, limit), [x], cache=False)
    np.testing.assert_allclose(f(np.array(at)), want, rtol=1e-9)
    assert [f(v) for v in at] == pytest.approx(want, rel=1e-9)


def test_the_slow_way_believes_no_rule_that_misses_a_peak():
    assert math.isnan(Slow(sp.exp(-((t - 50) ** 2)), t, ())("integral", (), 0.0, math.inf))
    assert math.isnan(Slow(1 / (t**2 + sp.Float("1e-12")), t, ())("integral", (), -1.0, 1.0))
    assert Slow(sp.exp(-((t - 1) ** 2)), t, ())("integral", (), 1.0, math.inf) == pytest.approx(ROOT_PI / 2)
    assert Slow(sp.sin(t), t, ())("integral", (), -1.0, 1.0) == pytest.approx(0.0, abs=1e-20)


def test_integrals_with_arrays_for_limits():
    got = run(sp.Integral(t * x, (t, a, b)), A, np.array([[0.0], [1.0]]), np.array([[2.0], [-1.0]]), args=[x, a, b])
    np.testing.assert_allclose(got, [2 * A, 0 * A], atol=1e-14)
    got = run(sp.Integral(sp.exp(-t), (t, 0, b)), np.array([1.0, np.inf]))
    np.testing.assert_allclose(got, [1 - math.exp(-1), 1.0], rtol=1e-13)


def test_nested_integrals():
    assert run(sp.Integral(x * y * t, (y, 0, t), (t, 0, x)), 2.0) == pytest.approx(2 * 16 / 8)
    disc = sp.Integral(1, (y, -sp.sqrt(1 - t**2), sp.sqrt(1 - t**2)), (t, -1, 1))
    assert run(disc, args=[]) == pytest.approx(math.pi, rel=1e-12)
    gauss = sp.Integral(sp.exp(-(t**2) - x * y**2), (t, -oo, oo), (y, -oo, oo))
    np.testing.assert_allclose(run(gauss, np.array([1.0, 4.0])), [math.pi, math.pi / 2], rtol=1e-12)


def test_complex_integrals():
    np.testing.assert_allclose(run(sp.Integral(sp.exp(sp.I * x * t), (t, 0, 1)), A), (np.exp(1j * A) - 1) / (1j * A))
    assert run(sp.Integral(t**2, (t, 0, x)), 1 + 1j) == pytest.approx((1 + 1j) ** 3 / 3)
    assert run(sp.Integral(1 / t, (t, 1, x)), 1j) == pytest.approx(1j * math.pi / 2)


def test_what_has_no_integral_is_no_number():
    for body, limit in [(1 / t, (t, 0, 1)), (1 / t, (t, -1, 1)), (1 / t, (t, 1, oo)), (sp.Integer(1), (t, 0, oo)),
                        (1 / (1 - t), (t, 0, 1)), (sp.exp(t), (t, 0, oo))]:  # fmt: skip
        got = run(sp.Integral(body, limit), args=[])
        assert not math.isfinite(got), (body, limit, got)


def test_a_users_function_in_an_integral():
    f = sp.Function("f")
    got = run(sp.Integral(f(t * x), (t, 0, 1)), A, functions={f: np.cos})
    np.testing.assert_allclose(got, np.sin(A) / A, rtol=1e-13)


def test_sums_of_integrals_and_the_reverse():
    both = sp.Sum(sp.Integral(t**k * x, (t, 0, 1)), (k, 0, n))
    np.testing.assert_allclose(run(both, A, 3, args=[x, n]), A * (1 + 1 / 2 + 1 / 3 + 1 / 4), rtol=1e-13)
    both = sp.Integral(sp.Sum(t**k * x, (k, 0, n)), (t, 0, 1))
    np.testing.assert_allclose(run(both, A, 3, args=[x, n]), A * (1 + 1 / 2 + 1 / 3 + 1 / 4), rtol=1e-13)


# -- derivatives, substitutions, limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expr",
    [
        sp.Derivative(sp.sin(x) * y, x),
        sp.Derivative(sp.exp(x * y), x, y),
        sp.Derivative(sp.exp(x * y), (x, 3)),
        sp.Derivative(sp.besselj(0, x * y), x),
        sp.Derivative(sp.Piecewise((x**2, x > 0), (-x, True)), x),
        sp.Derivative(sp.Derivative(x**3 * y**2, x), y),
        sp.Derivative(sp.Integral(sp.exp(t * y), (t, 0, x)), x),
        sp.Derivative(sp.Sum(x**k * y, (k, 0, 3)), x),
        sp.Subs(sp.Derivative(sp.sin(t) * y, t), t, x),
        sp.Subs(t**2 + x, t, y),
        sp.Derivative(sp.LambertW(x + 2), x) + sp.Derivative(y**2, y),
    ],
)
def test_derivatives(expr):
    got = run(expr, A, 2.0, args=[x, y])
    meaning = expr.doit()
    want = [float(meaning.subs({x: sp.Rational(v), y: 2}).doit().evalf(25)) for v in A]
    np.testing.assert_allclose(got, want, rtol=1e-11)


def test_derivatives_of_what_is_not_known():
    f = sp.Function("f")
    with pytest.raises(CompileError, match=r"Derivative\(f\(x\), x\): the derivative of 'f' is not known"):
        numpify(f(x).diff(x), [x], functions={f: np.sin})
    with pytest.raises(CompileError, match="the derivative of 'f' is not known"):
        numpify(sp.Subs(f(t).diff(t), t, x), [x], functions={f: np.sin})
    assert run(f(x).diff(x) * x + f(x), 2.0, 3.0, 5.0, args=[x, f(x), f(x).diff(x)]) == 13.0
    product = sp.Derivative(f(x) * x, x)
    assert run(product, 2.0, 3.0, 5.0, args=[x, f(x), f(x).diff(x)]) == 13.0


def test_limits():
    np.testing.assert_allclose(run(sp.Limit(sp.sin(x * t) / t, t, 0), A), A)
    assert run(sp.Limit((1 + x / t) ** t, t, oo), 1.0) == pytest.approx(math.e)
    with pytest.raises(CompileError, match="SymPy finds no such limit"):
        numpify(sp.Limit(sp.sin(1 / t), t, 0) * x, [x])


def test_a_limit_may_come_from_a_matrix():
    matrix = sp.MatrixSymbol("M", 2, 2)
    assert run(sp.Sum(k, (k, 0, sp.Trace(matrix))), np.eye(2)) == 3


def test_sums_over_roots():
    expr = sp.RootSum(t**3 + t + 1, sp.Lambda(t, t * sp.log(x - t)))
    roots = np.roots([1, 0, 1, 1])
    at = np.array([0.5, 2.0])
    np.testing.assert_allclose(run(expr, at), (roots[:, None] * np.log(at - roots[:, None])).sum(axis=0), rtol=1e-12)
    with pytest.raises(CompileError, match="its roots depend on other symbols"):
        numpify(sp.RootSum(t**3 + t + y, sp.Lambda(t, sp.exp(t)), t, auto=False), [y])


def test_polynomials():
    assert run(sp.Poly(x**2 + y * x, x), 2.0, np.array([1.0, 3.0]), args=[x, y]).tolist() == [6, 10]


def test_a_body_whose_parts_are_shared():
    """The tree of this body has 2^80 nodes."""
    body = k + x
    want = np.array([1.5, 2.5])
    for _ in range(80):
        body = sp.Mul(sp.Add(body, body, evaluate=False), sp.Rational(1, 2), evaluate=False)
    shared = sp.Sum.__new__(sp.Sum, k, (k, 1, 2))
    shared = sp.core.basic.Basic.__new__(sp.Sum, body, *shared.args[1:])
    assert run(shared, 0.5, args=[x]) == pytest.approx(want.sum())


def test_an_idx_is_a_variable():
    index = sp.Idx("i", (0, 3))
    assert run(sp.Sum(index * x, (index, 0, 3)), 2.0, args=[x]) == 12.0
    free = sp.Idx("i")
    assert run(sp.Sum(1 / (free + x) ** 2, (free, 1, oo)), 0.0, args=[x]) == pytest.approx(math.pi**2 / 6)
    assert run(sp.Sum(index * k, (k, 0, 3)), 2, args=[index]) == 12


# -- along the real axis ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "of",
    [
        sp.re, sp.im, sp.conjugate, sp.Abs, sp.arg, sp.sign, lambda v: sp.Abs(sp.sin(v)), lambda v: sp.exp(-sp.Abs(v)),
        lambda v: sp.re(v**2 + sp.I * v), lambda v: sp.Abs(v**2 - 3) * v, lambda v: sp.sqrt(sp.re(v) ** 2 + 1),
    ],
    ids=["re", "im", "conjugate", "Abs", "arg", "sign", "Abs(sin)", "exp(-Abs)", "re of", "Abs of", "sqrt(re)"],
)  # fmt: skip
def test_derivatives_of_what_has_one_only_of_real_numbers(of, order):
    """SymPy has them for symbols that are real, and leaves them undone for others."""
    t = sp.Symbol("t", real=True)
    at = np.array([-1.5, 0.25, 2.0])
    got = numpify(sp.diff(of(x), x, order), [x])(at)
    want = [float(sp.diff(of(t), t, order).subs(t, sp.Float(v)).doit()) for v in at]
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)
    assert got.dtype.kind == "f"
    beyond = numpify(sp.diff(of(x), x, order), [x])(np.array([2.0, 1 + 1j]))
    assert beyond[0] == pytest.approx(want[2])
    assert np.isnan(beyond[1])


def test_derivatives_of_steps():
    at = np.array([-1.5, 0.25, 2.0])
    for step, want in ((sp.floor(x), [0, 0, np.nan]), (sp.ceiling(x), [0, 0, np.nan]), (frac(x), [1, 1, np.nan])):
        np.testing.assert_array_equal(numpify(sp.diff(step, x), [x])(at), want)
        want = np.multiply(want, 0)
        np.testing.assert_array_equal(numpify(sp.diff(step, x, 2), [x])(at), want)
    inner = sp.diff(x * sp.floor(2 * x), x)  # a Subs of a derivative
    np.testing.assert_array_equal(numpify(inner, [x])(at + 0.1), [-3, 0, 4])


@pytest.mark.parametrize("reduced", [sp.Sum, sp.Product])
def test_a_guarded_body_may_depend_on_no_array_in_some_chunks(reduced):
    body = sp.Piecewise((2, sp.sin(k) < 2 + x), (sp.gamma(x + 10), True))
    f = numpify(reduced(body, (k, 0, 3)), [x])
    values = np.repeat([0.0, -5.0, 1.0], 30_000)
    want = np.where(values < -3, f(-5.0), f(0.0))
    np.testing.assert_array_equal(f(values), want)
    np.testing.assert_array_equal(f(values.reshape(3, -1)), want.reshape(3, -1))
