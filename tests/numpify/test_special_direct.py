"""What SciPy gives at once, with a look or two, is what the whole way gives: for all functions and all doubles."""

import itertools
import math

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify
from numpify_ctx._runtime.special import bessel, combinatorial, elliptic, gamma, integrals, loggamma, polynomials, zeta
from numpify_ctx._runtime.special.pointwise import Pointwise
from numpify_ctx._runtime.special.whole import Whole
from numpify_ctx._symbolic.nodes import scipy_nodes


special = pytest.importorskip("scipy.special")

EDGES = [
    0.0, -0.0, 5e-324, -5e-324, 1e-310, 1e-300, 1e-200, 1e-155, -1e-155, 1e-150, 2e-150, 1e-20, 0.1, 0.3, 0.9999, 1.0,
    -0.01, -0.3, -0.31, -0.5, -1.0, -2.0, -2.5, 1.0001, 1.4625, 2.0, 2.5, 3.0, 0.383, 10.0, 74.9, 75.5, 99.5, 169.5,
    171.5, 300.0, 699.0, 701.0, 740.0, 760.0, -170.3, -99.0, -120.0, -184.5, 26.4, 26.6, 27.2, 1e4, 1e8, 3e9, 1e100,
    1e300, -1e300, np.inf, -np.inf, np.nan,
]  # fmt: skip
ORDERS = [0, 1, 2, 3, 7, 20, 0.5, 1 / 3, 2.75, -1, -0.5]
MODULES = (bessel, combinatorial, elliptic, gamma, integrals, loggamma, polynomials, zeta)


def functions():
    """Each function that SciPy may give at once, by a name; those of an order for some orders."""
    for module in MODULES:
        for name, found in vars(module).items():
            function = found.continued if isinstance(found, Whole) else found
            if not isinstance(function, Pointwise) or function.complex_valued:
                continue
            if function.direct is not None:
                yield pytest.param(function, id=name)
            for order in ORDERS if function.given else ():
                other = function.given(float(order))
                if other is not None and other.direct is not None and other is not gamma.DIGAMMA:
                    yield pytest.param(other, id=f"{name}-{order:.3g}")


def points_of(function):
    direct, _ = function.direct
    count = max(1, len(direct.within))
    if type(direct.of(special)) is np.ufunc:
        count = direct.of(special).nin
    if count == 1:
        return [(v,) for v in EDGES]
    rng = np.random.default_rng(count)
    few = [0.25, 0.5, 0.9, 1.5, 3.25, 20.0, -0.5, -0.0, 0.0, 1.0, 2.0, 80.0, 1e-200, np.inf, np.nan]
    drawn = [tuple(rng.choice(EDGES, count).tolist()) for _ in range(150)]
    return [*itertools.islice(itertools.product(few, repeat=count), 0, 4000, max(1, len(few) ** count // 225)), *drawn]


def of_none(*args):
    return None


@pytest.mark.parametrize("function", [*functions()])
def test_what_is_had_at_once_is_what_the_whole_way_gives(function):
    direct, module = function.direct
    at_once, of_number = direct.of_arrays(module, of_none), direct.of_numbers(module, of_none)
    taken = []
    for point in points_of(function):
        given = [np.array([v]) for v in point]
        with np.errstate(all="raise", under="ignore"):
            found, number = at_once(*given), of_number(*point)
        if found is None and number is None:
            continue
        with np.errstate(all="ignore"):
            whole = function.compute(given)
        for value in ([] if found is None else [found[0]]) + ([] if number is None else [number]):
            np.testing.assert_allclose(value, whole[0], rtol=2e-15, atol=3e-322, err_msg=str(point))
            assert math.isnan(value) or np.signbit(value) == np.signbit(whole[0]) or value == 0
        if found is not None:
            taken.append(point)
    if not taken:
        return  # of one that takes numbers of which these are too few
    columns = [np.array(column) for column in zip(*taken, strict=True)]
    together = at_once(*columns)
    assert together is not None
    np.testing.assert_array_equal(together, [at_once(*[np.array([v]) for v in point])[0] for point in taken])


x, n = sp.symbols("x n")


def test_orders_that_are_numbers_are_orders_of_the_expression():
    points = np.array([0.3, 1.7, 12.5])
    for cls in (sp.besselj, sp.bessely, sp.besseli, sp.besselk, sp.expint, sp.polygamma, sp.polylog):
        general = numpify(cls(n, x), [n, x], native=False)
        for order in (0, 1, 2, 5):
            alone, given = numpify(cls(order, x), [x], native=False), points * (-1 if cls is sp.polylog else 1)
            np.testing.assert_allclose(alone(given), general(float(order), given), rtol=1e-15)
            np.testing.assert_allclose(alone(given), general(np.full(3, float(order)), given), rtol=1e-13)
            numbers = given.tolist()
            np.testing.assert_allclose([general(order, v) for v in numbers], [alone(v) for v in numbers], rtol=1e-15)


def test_nan_in_is_nan_out_of_what_is_had_at_once():
    """Also where SciPy has a value: x**0 is 1, and so is a polynomial of degree 0."""
    for expr in (scipy_nodes.powm1(x, n), sp.legendre(n, x), sp.hermite(n, x), sp.beta(x, n), sp.zeta(n, x)):
        f = numpify(expr, [n, x], native=False)
        for _ in range(3):
            assert np.isnan(f(0.0, np.array([np.nan, 0.5]))[0])
            assert np.isnan(f(np.array([np.nan, 2.0]), np.array([1.0, 0.5]))[0])
        assert math.isnan(f(0.0, math.nan))


def test_no_element_depends_on_its_neighbours():
    for expr in (sp.gamma(x), sp.erfc(x), sp.digamma(x), sp.besselj(2, x), sp.besselk(2, x), sp.loggamma(x), sp.Ei(x)):
        f = numpify(expr, [x], native=False)
        points = np.array([v for v in EDGES if abs(v) < 1e8])
        together = f(points)
        for _ in range(3):
            np.testing.assert_array_equal([f(points[i : i + 1])[0] for i in range(len(points))], together)
