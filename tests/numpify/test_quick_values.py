"""Quick ways give what the whole way gives, whatever values come after those that they were learnt of."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify

from .test_quick import FORMS, entry_of


x, y = sp.symbols("x y")

CHOOSING = [
    sp.sign(sp.Piecewise((sp.sqrt(sp.sin(y)), sp.sin(y) >= 0), (sp.sin(x), True))),
    2 * sp.Piecewise((sp.erf(y), y > 1), (sp.sin(x) * sp.exp(x), y > 0), (sp.gamma(x), True)),
    sp.Piecewise((sp.log(y), y > 0), (sp.exp(x), True)) + sp.cos(y),
    [x * y, sp.tan(sp.Piecewise((sp.exp(y), y > 0), (sp.sin(x), True)))],
    sp.Matrix([sp.sin(sp.Piecewise((sp.exp(sp.sin(y)), y > 0), (sp.sin(sp.exp(x)), True))), y]),
    sp.Max(sp.Piecewise((sp.atan(x * sp.exp(x)), x >= y), (sp.exp(y / 2), True)), sp.Abs(sp.erfc(1 / y))),
    3 * sp.Piecewise((sp.erf(y), x > y), (sp.gamma(y), x < -y), (sp.sin(x) * sp.exp(x), True)),
]


@pytest.mark.parametrize("native", FORMS)
@pytest.mark.parametrize("numbers", [(1.5, 1.5, 1.5, -1.5, 0.5), (-1.5, -1.5, -1.5, 1.5), (0.3, 1.3, -1.3, 0.3, 1.5)])
@pytest.mark.parametrize("expr", CHOOSING, ids=str)
def test_what_a_number_chooses_has_the_shape_of_all(expr, numbers, native):
    for a in (np.linspace(-1, 1, 6).reshape(2, 3), np.linspace(-1, 1, 7), np.linspace(0.1, 1, 70_000)):
        f = numpify(expr, [x, y], native=native, cache=False)
        with np.errstate(all="ignore"):
            for number in numbers:
                wanted = f._origin.compiled.apply((a, number))
                for found in (f(a, number), f.freeze(y=number)(a)):
                    several = found if isinstance(found, list) else [found]
                    for one, other in zip(several, wanted if isinstance(found, list) else [wanted], strict=True):
                        assert one.shape[one.ndim - a.ndim :] == a.shape
                        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("native", FORMS)
@pytest.mark.parametrize(
    "expr", [x / 3 + y / 7, x / (x**2 + 1) + y, sp.Piecewise((x, y > 0), (y, True)) / (x - 2)], ids=str
)
def test_a_complex_number_beside_an_array_is_divided_as_an_array_is(expr, native):
    f = numpify(expr, [x, y], native=native, cache=False)
    rng = np.random.default_rng(2)
    for kind in (np.int32, np.float64, np.float32):
        a = (100 * rng.normal(size=5)).astype(kind)
        for z in (rng.normal(size=40) + 1j * rng.normal(size=40)).tolist():
            wanted = f._origin.compiled.apply((z, a))
            found = f(z, a)
            assert found.dtype == wanted.dtype
            assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("native", FORMS)
@pytest.mark.parametrize(
    "expr", [-x, sp.Abs(x), -sp.Abs(x), sp.Max(-x, y), sp.Min(sp.Abs(x), -y), sp.Max(x, y)], ids=str
)
def test_the_least_integer_has_no_negative(expr, native):
    """-2**63 leaves int64, and no other integer does."""
    arguments = sorted(expr.free_symbols, key=str)
    entry = entry_of(expr, arguments, native)
    small = [np.array([1, -2, 3, 4])] * len(arguments)
    for _ in range(4):
        entry(*small)
    exactly = sp.lambdify(arguments, expr, [{"Max": max, "Min": min}, "math"])
    for least in (-(2**62), -(2**62) - 1, -(2**63) + 1, -(2**63)):
        args = [np.array([least, 5, -(2**62), 2**62])] * len(arguments)
        wanted = [exactly(*[int(v)] * len(arguments)) for v in args[0]]
        found = entry(*args)
        if max(map(abs, wanted)) < 2**63:
            assert found.dtype == np.int64
            assert found.tolist() == wanted
        else:
            np.testing.assert_array_equal(found, np.array(wanted, float))


@pytest.mark.parametrize("native", FORMS)
@pytest.mark.parametrize(
    "expr",
    [sp.atan(sp.gamma(sp.Max(sp.Mod(x, y), sp.gamma(sp.Rational(1, 3))))), sp.sqrt(x) * sp.sqrt(x) / sp.Mod(x, y)],
)
def test_integers_are_integers_at_the_second_look_too(expr, native):
    """A remainder by 0 is nan; NumPy's of integers is 0."""
    for kind in (np.int64, np.int32, bool):
        f = numpify(expr, [x, y], native=native, cache=False)
        a, b = np.array([-7, -3, 5, 4]), np.array([1, 0, 0, 3]).astype(kind)
        with np.errstate(all="ignore"):
            wanted = f._origin.compiled.apply((a, b))
            assert np.isnan(wanted).any()
            for _ in range(4):
                np.testing.assert_array_equal(f(a, b), wanted)
                np.testing.assert_array_equal(f.freeze(y=b)(a), wanted)
                np.testing.assert_array_equal(f.freeze(y=0)(a), f._origin.compiled.apply((a, 0)))
