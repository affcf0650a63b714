"""Integrals against closed forms: of waves, peaks and kinks, nested, complex, with arrays for limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify
from numpify_ctx._runtime.calculus.slow import Slow

from .calculus import HALF, A, a, b, k, n, oo, run, t, x, y


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
