"""Sums and products in fewer operations: what is the same, what it costs, and how it reads."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, strategies as st

from numpify_ctx import numpify
from numpify_ctx._program.factored import factored
from numpify_ctx._program.ir import CONST
from numpify_ctx._program.shared import shared, shortened
from numpify_ctx._program.walk import reach

from .forms import in_blocks, plain
from .sharing import BASES, EPS, SYMBOLS, as_it_is, as_it_was, lowered, operations, sums


x, y, z, w = SYMBOLS


# -- expressions -------------------------------------------------------------------------------------------------------


@st.composite
def products(draw):
    """A product of a few bases, some of which others have, too."""
    return sp.prod(draw(st.lists(st.sampled_from(BASES), min_size=2, max_size=5)))


POLYNOMIALS = sums([x, y, z], st.sampled_from([1, -1, 2, -3, 5, 11]))


@given(st.lists(st.one_of(sums(), sums(least=-2)), min_size=1, max_size=4))
def test_there_are_never_more_operations(exprs):
    before = lowered(exprs)
    assert operations(shared(factored(before))) <= operations(before)


@pytest.mark.parametrize(
    ("expr", "before", "after"),
    [
        (sum(k * x**k for k in range(1, 9)), 22, 15),
        (sp.expand(sp.legendre(8, x)), 12, 9),
        (sp.expand((x + 2 * y + 3) ** 3), 24, 17),
        (w * x**2 + y * x + z, 5, 4),
        (sp.sin(x) ** 3 + 2 * sp.sin(x) ** 2 + 3 * sp.sin(x), 7, 5),
        ([x * y * z, x * y * w, x * y], 5, 3),
        (x / y + z / y + w / y, 8, 4),
    ],
)
def test_how_many_operations_there_are(expr, before, after):
    raw = lowered(expr)
    assert (operations(raw), operations(shared(factored(raw)))) == (before, after)


@given(st.lists(st.one_of(sums(), sums(least=-2), products()), min_size=1, max_size=4))
def test_in_one_go_it_is_the_same(exprs):
    """`shortened` makes the products of the new sums share their factors, as `shared` does with a finished program."""
    raw = lowered(exprs)
    assert operations(shortened(raw)) == operations(shared(factored(raw)))
    assert (shortened(raw) is raw) == (shared(factored(raw)) is raw)


@given(st.lists(sums(least=-2), min_size=1, max_size=3))
def test_nothing_is_made_that_nothing_needs(exprs):
    raw = lowered(exprs)
    made = shortened(raw)
    if made is not raw:
        needed = reach(made.results, made.args.__getitem__)
        assert {node for node, args in enumerate(made.args) if args or made.ops[node] is CONST} <= needed


@pytest.mark.parametrize("expr", [x * y + z, x + x**2, x + x * y, sp.sin(x) + sp.cos(y) * x, 2 * x + 2 * y, x * y])
def test_what_gains_nothing_stays_the_same_program(expr):
    raw = lowered(expr)
    assert shortened(raw) is raw


# -- values ------------------------------------------------------------------------------------------------------------

FLOATS = st.one_of(
    st.floats(-4, 4),
    st.floats(-1e20, 1e20),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-170, 5e-324, 1e-310, 1 - 2**-53, 1 + 2**-52]),
)


@given(
    sums([x, y, z], st.sampled_from([1, -1, 2, -3, sp.Rational(1, 3), sp.Rational(-5, 7), 0.3])),
    st.tuples(*[FLOATS] * 4),
)
@example(x**6 * z**2 + y, (5.038595439907093e17, 0.0, 8.86034300088415e-215, 0.0))
def test_only_rounding_differs(expr, point):
    point = dict(zip(SYMBOLS, point, strict=True))
    exact = {s: sp.Rational(*value.as_integer_ratio()) for s, value in point.items()}
    terms = [sp.nsimplify(term, rational=True).xreplace(exact) for term in sp.Add.make_args(expr)]
    scale = float(sum(map(abs, terms))) + 2.0**-1060
    degree = 13 * len(terms)
    got = as_it_is(expr)(*point.values())
    # What is lost where a partial product is below all floats is multiplied by the other factors.
    lost = 2.0**-1074 * sum(map(_growth, sp.Add.make_args(expr), [point] * len(terms)))
    assert abs(sp.Rational(*float(got).as_integer_ratio()) - sum(terms)) <= degree * (2 * EPS * scale + lost)


def _growth(term, point):
    """The product of those factors that make others larger."""
    powers = term.as_powers_dict()
    return float(np.prod([max(1.0, abs(value)) ** int(powers.get(symbol, 0)) for symbol, value in point.items()]))


def test_horner_rounds_no_more_than_powers():
    points = np.concatenate([np.linspace(-2, 2, 1501), np.linspace(1 - 1e-6, 1 + 1e-6, 100)])
    for degree in (3, 5, 8, 12):
        coefficients = [Fraction((-1) ** k * (k + 1), k + 2) for k in range(degree + 1)]
        expr = sum(sp.Rational(c.numerator, c.denominator) * x**k for k, c in enumerate(coefficients))
        exact = [[c * Fraction(p) ** k for k, c in enumerate(coefficients)] for p in points.tolist()]
        scale = np.array([float(sum(map(abs, terms))) for terms in exact])
        worst = []
        for entry in (as_it_was(expr, [x]), as_it_is(expr, [x])):
            errors = [float(Fraction(g) - sum(terms)) for g, terms in zip(entry(points).tolist(), exact, strict=True)]
            worst.append(np.abs(errors / scale).max() / (2 * EPS))
        assert worst[1] <= max(1.1 * worst[0], 1.0)


@given(POLYNOMIALS, st.tuples(*[st.integers(-(2**70), 2**70)] * 4))
def test_integers_of_pythons_are_exact(expr, point):
    assert as_it_is(expr)(*point) == int(expr.subs(dict(zip(SYMBOLS, point, strict=True))))


WHOLE = st.sampled_from(["int8", "int16", "uint8", "int32", "int64", "bool"])


@given(POLYNOMIALS, WHOLE, st.randoms(use_true_random=False))
def test_arrays_of_integers_are_as_they_were(expr, dtype, random):
    limits = np.iinfo(dtype) if dtype != "bool" else np.array([0, 1])
    low, high = (int(limits.min), int(limits.max)) if dtype != "bool" else (0, 1)
    # Few bits, which never leave int64; many, which may.
    bits = random.choice([5, 14, 63])
    values = [
        np.array([max(low, min(high, random.randint(-(2**bits), 2**bits))) for _ in range(6)] + [1], dtype)
        for _ in SYMBOLS
    ]
    before, after = as_it_was(expr)(*values), as_it_is(expr)(*values)
    assert after.dtype == before.dtype
    np.testing.assert_array_equal(after, before)


@given(POLYNOMIALS)
def test_integers_are_bounded_as_they_were(expr):
    """What fits into int64 without a look still does."""
    mask = 15
    assert as_it_is(expr).bounds.most_bits(mask) == as_it_was(expr).bounds.most_bits(mask)


EDGES = st.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.5, -3.0])


@given(st.one_of(sums([x, y, z]), sums([x, y, z], least=-2)), st.lists(st.tuples(*[EDGES] * 4), min_size=1, max_size=8))
def test_no_number_becomes_nan_and_no_warning_is_new(expr, points):
    columns = [np.array(column) for column in zip(*points, strict=True)]
    results, told = [], []
    for entry in (as_it_was(expr), as_it_is(expr)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            results.append(np.broadcast_to(entry(*columns), len(points)))
        told.append({str(warning.message) for warning in caught})
    before, after = results
    assert not np.isnan(after[~np.isnan(before)]).any()
    np.testing.assert_array_equal(after[np.isinf(before)], before[np.isinf(before)])
    assert not np.isinf(after[np.isfinite(before)]).any()
    if not np.isnan(before).any():
        assert told[1] <= told[0]


@pytest.mark.parametrize(
    "below",
    [x**2 * y + x**2 * z, x + 2 * x**2 + 3 * x**3, x**3 * y + 5 * x**2 * y + x * y, x**4 + 2 * x**2 + 5 * x**6],
)
def test_a_zero_that_was_computed_has_no_sign(below):
    points = np.array([-0.0, 0.0])
    for expr in (1 / below, sp.atan2(below, -1), below**-2):
        with np.errstate(divide="ignore"):
            one, other = (entry(points, 1.0, 2.0, 3.0) for entry in (as_it_was(expr), as_it_is(expr)))
        np.testing.assert_array_equal(one, other)


def test_products_overflow_no_more_often():
    """Factors of any magnitudes: as many results are finite as before."""
    a, b, c, d = SYMBOLS
    exprs = [a * b * c * d, a * c * d, b * c * d, a * b * d]
    random = np.random.default_rng(3)
    values = [10.0 ** random.uniform(-140, 140, 20_000) for _ in SYMBOLS]
    with np.errstate(all="ignore"):
        before, after = (np.isfinite(entry(*values)).sum() for entry in (as_it_was(exprs), as_it_is(exprs)))
    assert after >= before - 0.005 * 4 * 20_000


def test_what_leaves_the_reals_and_cancels_is_still_found():
    expr = sp.sqrt(x) * y + sp.sqrt(x) * z
    with np.errstate(invalid="ignore"):
        assert as_it_was(expr)(-1.0, 2.0, -2.0, 0.0) == as_it_is(expr)(-1.0, 2.0, -2.0, 0.0) == 0


def test_an_arm_is_computed_where_it_was():
    """What stands in an arm stays in it: no logarithm of what is negative, no warning."""
    expr = sp.Piecewise((sp.log(x) * y + sp.log(x) * z + x * y * z, x > 0), (x * y * w + x * y, True))
    values = np.array([-2.0, -0.5, 0.5, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, other = (entry(values, 2.0, 3.0, 4.0) for entry in (as_it_was(expr), as_it_is(expr)))
    np.testing.assert_allclose(other, one, rtol=1e-14)


@given(sums(most=8))
def test_all_forms_agree(expr):
    found = as_it_is(expr)
    values = [np.linspace(0.1, 1.7, 40) * k for k in (1.0, 0.7, 1.3, 0.2)]
    np.testing.assert_array_equal(in_blocks(found.program)(*values), plain(found, values))


@given(POLYNOMIALS)
def test_numbers_are_computed_as_arrays_are(expr):
    point = (0.3, -1.7, 2.9, 0.1)
    found = as_it_is(expr)
    assert found(*point) == found(*[np.array([p]) for p in point])[0]


def test_numbers_meet_each_other_before_they_meet_arrays():
    """A power of what may be a number is not taken apart to be multiplied with what may be an array."""
    expr = y * x**3 + 2 * x**2 + x
    raw = lowered(expr)
    assert factored(raw) is raw


def test_many_factors_nest_no_deeper_than_python():
    symbols = sp.symbols("q:300")
    products, product = [], sp.S.One
    for symbol in symbols:
        product = product * symbol
        products.append(product)
    expr = sp.Add(*products)
    values = np.linspace(0.9, 1.1, 300)
    assert as_it_is(expr, symbols)(*values) == pytest.approx(sum(np.cumprod(values)), rel=1e-13)


def test_every_process_makes_the_same_program():
    code = (
        "import sympy as sp; from numpify_ctx import numpify; x, y, z = sp.symbols('x y z');"
        "print(numpify([sp.expand((x + 2*y - z)**4), sp.sin(x)*y*z/(1 + x) + sp.sin(x)*y, x*y*z]).source)"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1]


# -- how it reads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (3 * x**3 - 2 * x**2 + x - 5, "x*(x*(3*x - 2) + 1) - 5"),
        (5 - 2 * x - 3 * x**2, "5 - x*(3*x + 2)"),
        (w * x**2 + y * x + z, "x*(w*x + y) + z"),
        (x**2 / 3 + x / 7 + 1, "x*(x/3 + 0.14285714285714285) + 1"),
        (x / y + z / y, "(x + z)/y"),
        (-x * y - x * z, "-x*(y + z)"),
        (2 * x * y * z + 2 * x * y * w, "2*x*y*(w + z)"),
    ],
)
def test_horners_form_can_be_read(expr, text):
    assert numpify(expr).source.splitlines()[-1].strip() == f"return {text}"
