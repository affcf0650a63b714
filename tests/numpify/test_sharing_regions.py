"""Sums and products in fewer operations within arms, sums and users' functions, and of frozen parameters."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
import sympy as sp
from hypothesis import given, strategies as st

from numpify_ctx import numpify
from numpify_ctx._lowering.rules import RULES
from numpify_ctx._lowering.walk import lower
from numpify_ctx._program.shared import shortened

from .sharing import EPS, SYMBOLS, operations, sums


x, y, z, w = SYMBOLS

RATIONAL = st.sampled_from([1, -1, 2, -3, 5, sp.Rational(1, 3), sp.Rational(-5, 7)])
POINTS = st.tuples(*[st.sampled_from([0.5, -0.5, 0.75, -1.25, 2.0, -3.0, 1.0 + 2**-20])] * 4)
k = sp.Symbol("k", integer=True)
USER = sp.Function("user")


def by_users(value):
    return value * value - 3 * value


class Told:
    """An exact value, and the sum of the magnitudes of the terms that lead to it."""

    def __init__(self, value, size=None):
        self.value, self.size = Fraction(value), abs(Fraction(value)) if size is None else size

    def __add__(self, other):
        return Told(self.value + other.value, self.size + other.size)

    def __mul__(self, other):
        return Told(self.value * other.value, self.size * other.size)


def told(expr, point):
    """What `expr` is at a point, of rational numbers, by its definition."""
    if expr in point:
        return point[expr]
    if expr.is_Rational:
        return Told(Fraction(int(expr.p), int(expr.q)))
    if isinstance(expr, sp.Sum):
        [(index, low, high)] = expr.limits
        terms = [told(expr.function, point | {index: Told(i)}) for i in range(int(low), int(high) + 1)]
        return functools.reduce(Told.__add__, terms)
    if isinstance(expr, sp.Piecewise):
        return next(told(value, point) for value, test in expr.args if holds(test, point))
    parts = [told(arg, point) for arg in expr.args]
    if expr.func == USER:
        [part] = parts
        # What is subtracted adds to what can be lost.
        return Told(by_users(part.value), part.size * part.size + 3 * part.size)
    if expr.is_Add:
        return functools.reduce(Told.__add__, parts)
    if expr.is_Mul:
        return functools.reduce(Told.__mul__, parts)
    base, power = parts[0], int(expr.exp)
    return functools.reduce(Told.__mul__, [base] * power) if power else Told(1)


def holds(test, point):
    return bool(test.xreplace({s: sp.Rational(*one.value.as_integer_ratio()) for s, one in point.items()}))


@st.composite
def nested(draw):
    """Sums in the arms of a selection, in a sum over k, and in a user's function; and around these."""
    inner = draw(sums([x, y, z], RATIONAL, most=5))
    other = draw(sums([x, y, w], RATIONAL, most=5))
    base = draw(
        st.sampled_from(
            [
                sp.Piecewise((inner, x > 0), (other * inner, y > 0), (other, True)),
                sp.Sum(k * inner + k**2 * x + k * y * x + other, (k, 1, 3)),
                USER(inner),
                USER(other) * sp.Piecewise((inner, y > 0), (x * y * z + x * y, True)),
            ]
        )
    )
    around = draw(sums([x, base, y], RATIONAL, most=4))
    return draw(st.sampled_from([base, around, x * base + y * base + inner]))


def is_near(got, expected):
    return abs(Fraction(float(got)) - expected.value) <= 256 * Fraction(EPS) * expected.size


@given(nested(), POINTS)
def test_within_arms_sums_and_functions_only_rounding_differs(expr, values):
    point = {s: Told(value) for s, value in zip(SYMBOLS, values, strict=True)}
    expected = told(expr, point)
    f = numpify(expr, SYMBOLS, functions={USER: by_users}, cache=False, native=False)
    assert is_near(f(*values), expected)
    [alone] = f(*[np.array([value]) for value in values])
    assert is_near(alone, expected)


@given(nested(), POINTS, st.sets(st.sampled_from(SYMBOLS), min_size=1, max_size=3))
def test_frozen_or_passed_it_is_the_same(expr, values, frozen):
    """To the bit: what frozen numbers decide alone is the part of the program that it was."""
    f = numpify(expr, SYMBOLS, functions={USER: by_users}, cache=False, native=False)
    by_symbol = dict(zip(SYMBOLS, values, strict=True))
    g = f.freeze({symbol: by_symbol[symbol] for symbol in frozen})
    rest = [value for symbol, value in by_symbol.items() if symbol not in frozen]
    assert g(*rest) == f(*values)
    arrays = [np.full(3, value) for value in rest]
    passed = [by_symbol[symbol] if symbol in frozen else np.full(3, by_symbol[symbol]) for symbol in SYMBOLS]
    for _ in range(2):  # the second call may take a quick way
        np.testing.assert_array_equal(g(*arrays), f(*passed))


@given(nested())
def test_within_regions_there_are_never_more_operations(expr):
    raw = lower(expr, [(a, a.name) for a in SYMBOLS], RULES, {USER: by_users})
    assert operations(shortened(raw)) <= operations(raw)
