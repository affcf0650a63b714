"""Elementary functions of complex numbers in kernels: their accuracy, edges, cuts, and what they warn of."""

from __future__ import annotations

import itertools
import warnings

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify
from numpify_ctx._emission.native import complexes

from .native_forms import all_in_kernels as all_in_kernels, both, check_same, is_native


pytest.importorskip("llvmlite")
native_accuracy = pytest.importorskip("benchmarks.native_accuracy", reason="the benchmarks are not beside these tests")
x, y = sp.symbols("x y")

FUNCTIONS = [sp.exp, sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh, sp.log, sp.sqrt, sp.arg, sp.Abs]
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 1e-310, 709.5, 712.0, -745.0, 1.7e308]
PLANE = np.array([complex(a, b) for a, b in itertools.product(EDGES, EDGES)])
# Largest errors of each part, in units in its last place; tan and tanh are quotients, as they are in the C library.
LIMITS = {"tan": 5.5, "tanh": 5.5}


def test_there_are_domains_for_all_functions():
    assert native_accuracy.COMPLEX_DOMAINS.keys() == complexes.FUNCTIONS.keys()


@pytest.mark.parametrize("name", complexes.FUNCTIONS)
def test_each_part_is_right_in_its_own_last_places(name):
    rng = np.random.default_rng(7)
    for points in native_accuracy.COMPLEX_DOMAINS[name]:
        z = np.empty(60, np.complex128)
        z.real, z.imag = points(rng, 60)
        error, at = native_accuracy.worst_complex_at(name, z)
        assert error <= LIMITS.get(name, 3.0), at


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_edges_are_those_of_numpy(function, all_in_kernels):
    native, plain = both(function(x), [x])
    with np.errstate(all="ignore"):
        found, wanted = native(PLANE), plain(PLANE)
    assert is_native(native, PLANE)
    for one, other in ((found.real, wanted.real), (found.imag, wanted.imag)):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        ordinary = np.isfinite(other)
        np.testing.assert_array_equal(one[~ordinary], other[~ordinary])
        # Each part by itself: however small it is beside the other, it is right.
        np.testing.assert_allclose(one[ordinary], other[ordinary], rtol=2e-15, atol=0)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_any_number_of_elements_and_any_steps(function, dtype, all_in_kernels):
    rng = np.random.default_rng(3)
    z = (rng.uniform(-2, 2, 70) + 1j * rng.uniform(-2, 2, 70)).astype(dtype)
    native, plain = both(function(x), [x])
    for part in (z, z[:1], z[:33], z[::-3], z.reshape(7, 10).T):
        check_same(native(part), plain(part))
    assert is_native(native, z)


@pytest.mark.parametrize("function", [sp.log, sp.sqrt, sp.arg], ids=lambda f: f.__name__)
def test_a_zero_has_no_sign_on_a_cut(function):
    """SymPy's value from above, whichever zero the imaginary part is."""
    native, _ = both(function(x), [x])
    cut = np.array([complex(a, b) for a in (-4.0, -0.5, -1e-200, -1e200) for b in (0.0, -0.0)])
    found = native(cut)
    for value, point in zip(found, cut, strict=True):
        wanted = complex(function(sp.Float(point.real, 40)).evalf(30))
        np.testing.assert_allclose(complex(value), wanted, rtol=1e-15)


def test_roots_of_squares_are_exact():
    native, _ = both(sp.sqrt(x), [x])
    roots = np.array([complex(a, b) for a in range(1, 30) for b in range(-29, 30)])
    np.testing.assert_array_equal(native(roots * roots), roots)


def test_a_logarithm_next_to_the_unit_circle_keeps_its_digits():
    """3/5 + 4/5*i, as doubles, is so close to the circle that |z| is 1."""
    native, _ = both(sp.log(x), [x])
    z = np.array([0.6 + 0.8j, -0.8 + 0.6j, 5 / 13 - 12j / 13, 1 + 1e-20j, 1e-9 + 1j])
    with mp.workprec(400):
        for value, point in zip(native(z), z, strict=True):
            wanted = mp.log(abs(mp.mpmathify(complex(point))))
            assert abs(mp.mpf(float(value.real)) - wanted) <= 2e-16 * abs(wanted)


@pytest.mark.parametrize(
    ("function", "value", "told"),
    [
        (sp.log, 0j, "divide by zero"), (sp.sinh, 1000 + 1j, "overflow"), (sp.cos, 1 + 1000j, "overflow"),
        (sp.sin, complex(np.inf, 1), "invalid value"), (sp.sqrt, 1e308 + 1e308j, None), (sp.log, 1e308 + 1e308j, None),
        (sp.tanh, 1000 + 1j, None), (sp.cosh, complex(np.nan, 1), None), (sp.tan, 1 + 1e300j, None),
    ],
)  # fmt: skip
def test_they_warn_as_numpy_does(function, value, told, all_in_kernels):
    native, plain = both(function(x), [x])
    z = np.full(5, value)
    for form in (native, plain):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            form(z)
        messages = [str(w.message) for w in caught]
        assert bool(messages) == (told is not None), messages
        assert all(told in message for message in messages)


def test_what_computes_them_is_fused_with_the_arithmetic_around():
    f = numpify(sp.sin(x) * sp.cos(y) + sp.sqrt(x), [x, y], native=True, cache=False)
    z = np.linspace(0.1, 2, 50) * (1 + 1j)
    np.testing.assert_allclose(f(z, z), np.sin(z) * np.cos(z) + np.sqrt(z), rtol=1e-14)
    assert f.explain(z, z).startswith("native: a kernel of 5 operations,")


@pytest.mark.parametrize("function", [sp.Min, sp.Max])
def test_a_kernel_takes_complex_numbers_that_numpy_orders(function):
    expr, plane = sp.exp(sp.Abs(y)) + sp.exp(function(1, 1 / x)), np.array([1 + 2j, 0.5, 3])
    native, plain = both(expr, [x, y])
    check_same(native(plane, np.array([1, 2, 3])), plain(plane, np.array([1, 2, 3])))
