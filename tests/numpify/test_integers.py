"""Integer arguments: exact as Python's integers wherever int64 holds them, and checked only where it might not."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st

from numpify_ctx import numpify
from numpify_ctx._compile import compile_expression
from numpify_ctx._program.bounds import Bounds, Integers

from . import forms


S = x, y, z = sp.symbols("x y z")

# Near every power of two at which a sum, a product or a square stops to fit, and small.
EDGES = [0, 1, 2, 3, 7] + [2**b + d for b in (15, 20, 30, 31, 32, 40, 61, 62) for d in (-1, 0, 1)] + [2**63 - 1]
integers = st.one_of(st.integers(-9, 9), st.sampled_from(EDGES).flatmap(lambda n: st.sampled_from([n, -n])))


def expressions():
    leaves = st.sampled_from([x, y, z, *map(sp.Integer, (-3, 2, 5, 2**20))])
    return st.recursive(
        leaves,
        lambda e: st.one_of(
            st.builds(lambda a, b: a + b, e, e),
            st.builds(lambda a, b: a - b, e, e),
            st.builds(lambda a, b: a * b, e, e),
            st.builds(lambda a, n: a**n, e, st.integers(2, 4)),
            st.builds(lambda a, b: sp.Max(a, b, evaluate=False), e, e),
            st.builds(lambda a, b: sp.Min(a, b, evaluate=False), e, e),
            st.builds(lambda a: sp.Abs(a, evaluate=False), e),
            st.builds(lambda a, b: sp.Piecewise((a, x < y), (b, True)), e, e),
        ),
        max_leaves=8,
    )


def exact(expr, point):  # noqa: C901  one flat match
    """Python's integers, node by node: no rounding, no limit, and nothing of NumPy or of the package."""
    values = [exact(a, point) for a in expr.args] if not isinstance(expr, sp.Piecewise) else []
    match expr:
        case sp.Symbol():
            return point[expr]
        case sp.Integer():
            return int(expr)
        case sp.Add():
            return sum(values)
        case sp.Mul():
            return math.prod(values)
        case sp.Pow():
            return values[0] ** values[1]
        case sp.Max():
            return max(values)
        case sp.Min():
            return min(values)
        case sp.Abs():
            return abs(values[0])
        case sp.Piecewise():
            for arm, condition in expr.args:
                if condition == True or bool(condition.xreplace(point)):  # noqa: E712  (SymPy's true)
                    return exact(arm, point)
    raise AssertionError(expr)


def largest(expr, point):
    """The largest magnitude that the value of any node can have, whatever cancels."""
    values = [largest(a, point) for a in expr.args if not a.is_Boolean] if not isinstance(expr, sp.Piecewise) else []
    match expr:
        case sp.Symbol() | sp.Integer():
            return abs(exact(expr, point))
        case sp.Add():
            return sum(values)
        case sp.Mul():
            return math.prod(max(v, 1) for v in values)
        case sp.Pow():
            return max(values[0], 1) ** int(expr.exp)
        case sp.Piecewise():
            return max(largest(arm, point) for arm, _ in expr.args)
    return max(values)


@given(expressions(), st.lists(st.tuples(integers, integers, integers), min_size=1, max_size=40), st.booleans())
def test_integers_are_pythons_wherever_int64_holds_them(expr, points, blocks):
    points = points * 30 if blocks else points
    columns = [np.array(column, np.int64) for column in zip(*points, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of floats that overflow
        got = forms.compiled(expr, S, sizes=forms.SMALL if blocks else forms.NO_BLOCKS)(*columns)
    want = [exact(expr, dict(zip(S, map(int, point), strict=True))) for point in points]
    if got.dtype == np.int64:
        assert got.tolist() == want
    else:
        assert got.dtype == np.float64
        # Only an intermediate result that left int64 makes floats of what comes after it.
        limits = [largest(expr, dict(zip(S, map(int, point), strict=True))) for point in points]
        assert max(limits) >= 2**62
        for value, w, limit in zip(got.tolist(), want, limits, strict=True):
            assert not math.isfinite(value) or abs(Fraction(value) - w) <= Fraction(limit) / 10**12
            assert math.isfinite(value) or limit > 10**300


@given(st.tuples(integers, integers), st.floats(-4, 4), st.booleans())
def test_integers_among_floats_do_not_wrap(pair, number, swap):
    a, b = (np.array([n, 1]) for n in pair)
    c = np.array([number, 0.5])
    for expr, want in (
        (x + y + z, lambda p, q, r: float(p + q) + r),
        (x * y * z, lambda p, q, r: float(p * q) * r),
        (x**2 + y - z, lambda p, q, r: float(p * p + q) - r),
        (3 * x + 5 * y + sp.sin(z), lambda p, q, r: float(3 * p + 5 * q) + np.sin(r)),
    ):
        args = [x, y, z] if not swap else [y, x, z]
        got = numpify(expr, args)(*((a, b) if not swap else (b, a)), c)
        expected = [want(int(p), int(q), float(r)) for p, q, r in zip(a, b, c, strict=True)]
        np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-13 * max(map(abs, pair)))


def form(expr, *values):
    """The text of what arguments like these run."""
    found = compile_expression(expr, [(s, s.name) for s in S[: len(values)]], cache=False)
    mask = sum(1 << i for i, v in enumerate(values) if np.asarray(v).dtype.kind == "i")
    chosen = Bounds(found.program).integers([np.asarray(v)[()] for v in values], mask)
    return chosen, found


@pytest.mark.parametrize(
    ("expr", "values", "checked"),
    [
        (x + y, (2**60 - 1, 2**60 - 1), False),
        (x + y, (2**62, 1), True),
        (x * y, (2**30, 2**31), True),  # 31 and 32 bits: 2**63
        (x * y, (2**30 - 1, 2**31 - 1), False),
        (x * y, ([1, -(2**31)], [5, 2**31]), True),
        (x**3, (2**20 - 1,), False),
        (x**3, (2**21,), True),
        (x**4000, (2,), True),
        (x**2 + x * y * sp.pi, (10, 20), False),
        (-x, (-(2**63),), True),
        (-x, (-(2**61 - 1),), False),
        (sp.Abs(x) + 1, (-(2**63),), True),
        (x + 2**61, (5,), False),
        (x + 2**62, (5,), True),
        (sp.Max(x, y) * 4, (5, 2**40), False),
        (sp.Piecewise((x, y > 3), (2**60, True)) * 8, (1, 1), True),
        (sp.Piecewise((x, y > 3), (2**50, True)) * 8, (1, 1), False),
        (x + y + z, (2**62, 2**62, 0.5), True),
        (x + y + z, (2**40, 2**40, 0.5), False),
        (x * y * z, (2**40, 2**40, 0.5), True),
        (sp.Mod(x, y) + x, (3, 4), True),  # of no bounded result: what uses it looks
        (sp.sin(x), (2**62,), False),  # nothing to look for
        (x / 2 + sp.sqrt(y), (2**62, 2**62), False),
        (x + y, (0.5, 2**62), False),
    ],
)
def test_what_is_looked_at(expr, values, checked):
    chosen, _ = form(expr, *(np.asarray(v) for v in values))
    assert chosen.checked == checked


def test_nothing_is_checked_twice():
    expr = x**2 + 3 * x * y - y + 7
    small, large = np.arange(5), np.full(5, 2**31)
    found = compile_expression(expr, [(x, "x"), (y, "y")], cache=False)
    f = found
    assert f(small, small).tolist() == [n**2 + 3 * n * n - n + 7 for n in range(5)]
    assert f(large, large).tolist() == [float(2**62 + 3 * 2**62 - 2**31 + 7)] * 5
    assert f(small, 2**62).dtype == np.float64
    quick, careful = (f.forms.arrays(Integers(3, checked)) for checked in (False, True))
    assert "exact" not in " ".join(quick.__code__.co_names)
    assert "exact" in " ".join(careful.__code__.co_names)


def test_empty_arrays_and_every_width_of_integers():
    f = numpify(x * y + 1, [x, y])
    assert f(np.array([], np.int64), np.array([], np.int64)).dtype == np.int64
    for dtype in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
        top = np.iinfo(dtype).max
        got = f(np.array([top, 1], dtype), np.array([top, 1], dtype))
        assert got[0] == (top * top + 1 if top < 2**31 else float(top * top + 1))
        assert got.dtype == (np.int64 if top < 2**31 else np.float64), dtype
    assert f(np.array([True, False]), np.array([True, True])).tolist() == [2, 1]


def test_the_symbol_of_levi_civita_does_not_wrap_around():
    f = numpify(sp.LeviCivita(x, 1, y), [x, y])
    want = float(sp.LeviCivita(-(2**63), 1, 2**63 - 1))
    assert f(np.array([-(2**63)]), np.array([2**63 - 1]))[0] == pytest.approx(want, rel=1e-15)
    assert f(0, 2) == f(np.array([0]), np.array([2]))[0] == 1
