"""Functions that kernels make of elementary ones: edges and warnings of the plain form, and how far from the truth."""

from __future__ import annotations

import warnings

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from sympy.codegen import numpy_nodes

from .native_forms import all_in_kernels as all_in_kernels, both, check_same, is_native


pytest.importorskip("llvmlite")
pytestmark = pytest.mark.usefixtures("all_in_kernels")
x, y = sp.symbols("x y")

SIZES = [0.0, 5e-324, 1e-300, 0.5, 1.0, np.pi, 20.0, 710.4, 711.0]
EDGES = np.array(
    [*SIZES, *(-size for size in SIZES), 1e22, 1.7976931348623157e308, -1.7976931348623157e308, np.inf, -np.inf, np.nan]
)
# The function, its truth, where it is looked at, and units in the last place beside that.
OF_ONE = {
    sp.sinc(x): (mp.sinc, (-50, 50), 4),
    sp.acot(x): (lambda v: mp.atan(1 / v), (-9, 9), 2),
    sp.acoth(x): (mp.acoth, (1.000001, 1.5), 3),
    sp.sech(x): (mp.sech, (-700, 700), 3),
    sp.csch(x): (mp.csch, (-700, 700), 3),
    sp.asec(x): (mp.asec, (1.5, 90), 3),
    sp.acsc(x): (mp.acsc, (1.5, 90), 4),
}
QUOTIENTS = [sp.floor(x / 3), sp.frac(x / 7), sp.Mod(x / 3, 2), sp.ceiling(2 * x / 5 + sp.Rational(1, 3))]


def told(entry, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = entry(*args)
    return result, {str(w.message).split(" encountered")[0] for w in caught}


@pytest.mark.parametrize("expr", [*OF_ONE, sp.arg(x), *QUOTIENTS], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_the_edges_are_those_of_the_plain_form(expr, dtype):
    native, plain = both(expr, [x])
    values = np.arange(-5, 6) if dtype is np.int64 else EDGES
    with np.errstate(all="ignore"):
        values = values.astype(dtype)
        found, wanted = native(values), plain(values)
    assert found.dtype == wanted.dtype
    if wanted.dtype.kind == "i":
        np.testing.assert_array_equal(found, wanted)
        return
    for value, one, other in zip(values, found, wanted, strict=True):
        np.testing.assert_allclose(
            one, other, rtol=4 * float(np.finfo(wanted.dtype).eps), atol=1e-44, err_msg=str(value)
        )
        assert np.signbit(one) == np.signbit(other) or np.isnan(one), value


@pytest.mark.parametrize("expr", [*OF_ONE, *QUOTIENTS], ids=str)
def test_the_warnings_are_those_of_the_plain_form(expr):
    native, plain = both(expr, [x])
    for value in EDGES[np.abs(EDGES) < 1e300]:
        assert told(native, np.full(3, value))[1] == told(plain, np.full(3, value))[1], value


@pytest.mark.parametrize("expr", OF_ONE, ids=str)
def test_how_far_it_is_from_the_truth(expr):
    truth, (low, high), ulps = OF_ONE[expr]
    native, _ = both(expr, [x])
    values = np.random.default_rng(4).uniform(low, high, 2000)
    found = native(values)
    assert is_native(native, values)
    with mp.workdps(40):
        exact = np.array([float(truth(mp.mpf(v))) for v in values])
    # Beside its own zeros, sin(x)/x has the error of one sine; all others are to the last places everywhere.
    assert np.max(np.abs(found - exact) / np.spacing(np.abs(exact))) < ulps


def _pairs():
    rng = np.random.default_rng(5)
    first, second = (a.ravel() for a in np.meshgrid(EDGES, EDGES))
    size = np.exp2(rng.uniform(-1074, 1023, (2, 20_000))) * rng.choice([-1.0, 1.0], (2, 20_000))
    near = rng.uniform(-1e3, 1e3, (2, 20_000))
    whole = np.round(near[1]) * np.round(near[0])
    return [(first, second), tuple(size), tuple(near), (whole, np.round(near[0])), (np.nextafter(whole, 0), near[0])]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_remainders_are_numpys_to_the_last_bit(dtype):
    native, plain = both(sp.Mod(x, y), [x, y])
    for pair in _pairs():
        with np.errstate(all="ignore"):
            args = tuple(a.astype(dtype) for a in pair)
            found, wanted = native(*args), plain(*args)
        np.testing.assert_array_equal(found, wanted)
        signed = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(found[signed]), np.signbit(wanted[signed]))


@pytest.mark.parametrize(
    "args", [(1.0, 0.0), (np.inf, 2.0), (1e300, 1e-300), (5.0, np.nan), (-1.0, np.inf), (5e-324, 3.0)]
)
def test_remainders_warn_as_numpy_does(args):
    native, plain = both(sp.Mod(x, y), [x, y])
    arrays = [np.full(4, a) for a in args]
    assert told(native, *arrays)[1] == told(plain, *arrays)[1]


def test_integers_keep_their_own_remainders():
    native, plain = both(sp.Mod(x, y) + x, [x, y])
    args = np.array([7, -7, 2**62, 5]), np.array([3, 3, 7, 0])
    with np.errstate(all="ignore"):
        check_same(native(*args), plain(*args))


def test_logarithms_of_sums():
    native, plain = both(numpy_nodes.logaddexp(x, y), [x, y])
    for args in ((EDGES, EDGES[::-1]), (EDGES, EDGES), (np.linspace(-3, 3, 50), np.linspace(2, -9, 50))):
        with np.errstate(all="ignore"):
            check_same(native(*args), plain(*args))


def test_acoth_keeps_its_digits_next_to_one():
    """A reciprocal rounded before would lose as many as 1/x has of 1."""
    for form in both(sp.acoth(x), [x]):
        for distance in (2.0**-20, 2.0**-40, 2.0**-52):
            value = np.array([1 + distance, -1 - distance])
            with mp.workprec(200):
                wanted = float(mp.acoth(mp.mpf(1 + distance)))
            np.testing.assert_allclose(form(value) * [1, -1], wanted, rtol=5e-16)
