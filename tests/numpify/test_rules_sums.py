"""Sums and products, of finite length and infinite, against closed forms and SymPy."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st

from numpify_ctx import CompileError, numpify
from numpify_ctx._runtime.calculus import elements as runtime

from .calculus import HALF, A, a, b, j, k, m, n, oo, run, t, x, y


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
