"""Parameters that nest: several are passed as one, as a list, a tuple or an array."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st

from numpify_ctx import DYNAMIC_PARAMETER, BindingError, Parameters, numpify
from numpify_ctx._symbolic.arguments import leaves


t, x, v, k, p, q = symbols = sp.symbols("t x v k p q")
weighted = sum(10**n * s for n, s in enumerate(symbols))
rhs = numpify([v, -k * x], [t, (x, v), k])


def nests(depth=2):
    """Ways to put all symbols into brackets, in order."""

    def split(items):
        if len(items) < 2:
            return st.just(list(items))
        cut = st.integers(1, len(items) - 1)
        return cut.flatmap(
            lambda n: st.tuples(grouped(items[:n]), grouped(items[n:])).map(lambda halves: halves[0] + halves[1])
        )

    def grouped(items):
        return st.one_of(st.just(list(items)), st.just([list(items)]), split(items).map(lambda inner: [inner]))

    return split(list(symbols))


def values_like(nest, values, make):
    """The values in the same brackets."""
    values = iter(values)

    def fill(item):
        return make([fill(inner) for inner in item]) if isinstance(item, list) else next(values)

    return [fill(item) for item in nest]


@given(nests(), st.sampled_from([list, tuple]), st.sampled_from([float, int, np.float64, np.ones(3).__mul__]))
def test_brackets_change_nothing_but_how_values_are_passed(nest, make, number):
    f = numpify(weighted, nest)
    flat = numpify(weighted, list(leaves(tuple(map(_frozen, nest)))))
    values = [number(n + 1) for n in range(len(symbols))]
    np.testing.assert_array_equal(f(*values_like(nest, values, make)), flat(*values))
    assert f.parameters == flat.parameters
    assert len(inspect.signature(f).parameters) == len(nest)
    by_name = dict(zip(f.parameter_names, values, strict=True))
    np.testing.assert_array_equal(f(**by_name), flat(*values))


def _frozen(nest):
    return tuple(map(_frozen, nest)) if isinstance(nest, list) else nest


@given(nests(), st.sets(st.sampled_from(symbols)), st.sets(st.sampled_from(symbols)))
def test_what_is_bound_is_left_out_of_the_brackets(nest, frozen, dynamic):
    f = numpify(weighted, nest)
    numbers = {s: float(n + 1) for n, s in enumerate(symbols)}
    bound = f.freeze({s: numbers[s] for s in frozen}).freeze(dict.fromkeys(dynamic, DYNAMIC_PARAMETER))
    bound = bound.set_parameter_context(Parameters(numbers))
    left = _left(nest, set(symbols) - frozen - dynamic)
    free = [numbers[s] for s in symbols if s in set(symbols) - frozen - dynamic]
    assert bound(*values_like(left, free, list)) == f(*values_like(nest, numbers.values(), list)) == 654321.0


def _left(nest, free):
    kept = []
    for item in nest:
        if isinstance(item, list):
            inner = _left(item, free)
            kept += [inner] * bool(inner)
        else:
            kept += [item] * (item in free)
    return kept


@pytest.mark.parametrize(
    "y",
    [
        [1.0, 2.0],
        (1.0, 2.0),
        np.array([1.0, 2.0]),
        np.array([1, 2]),
        np.array([[1.0], [2.0]]),
        iter([1.0, 2.0]),
        np.array([1.0, 2.0], object),
    ],
    ids=lambda value: type(value).__name__,
)
def test_several_are_passed_as_any_sequence(y):
    velocity, force = rhs(0.0, y, 3.0)
    assert (velocity, force) == (2.0, -3.0)


def test_rows_of_an_array_are_the_values():
    y = np.arange(6.0).reshape(2, 3)
    velocity, force = rhs(0.0, y, 2.0)
    np.testing.assert_array_equal(velocity, y[1])
    np.testing.assert_array_equal(force, -2.0 * y[0])
    velocity[:] = 7.0
    assert y[1].tolist() == [3.0, 4.0, 5.0], "no result is a view of an argument"


def test_short_floats_stay_short():
    y = np.array([1.0, 2.0], np.float32)
    assert {value.dtype for value in map(np.asarray, numpify([v * 2, x], [(x, v)])(y))} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "several", [[x, v], sp.Tuple(x, v), sp.Matrix([x, v]), sp.Matrix([[x, v]]), sp.Array([x, v]), np.array([x, v])]
)
def test_several_are_listed_as_any_sequence(several):
    assert numpify(x + 10 * v + t, [t, several])(100.0, [1.0, 2.0]) == 121.0


def test_a_matrix_of_symbols_takes_its_rows():
    matrix = sp.Matrix([[x, v], [p, q]])
    f = numpify(x + 10 * v + 100 * p + 1000 * q, [matrix])
    assert f(np.array([[1.0, 2.0], [3.0, 4.0]])) == f([[1.0, 2.0], [3.0, 4.0]]) == 4321.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: rhs(0.0, [1.0], 3.0),
            r"expected 2 values \(x, v\), got 1; it takes 3 arg.* t, \(x, v\), k",
        ),
        (lambda: rhs(0.0, np.zeros(3), 3.0), r"cannot pass x_v: expected 2 values \(x, v\), got 3"),
        (lambda: rhs(0.0, 1.0, 3.0), r"cannot pass x_v: expected 2 values \(x, v\), got 1.0, of type float"),
        (
            lambda: rhs(0.0, {1.0, 2.0}, 3.0),
            r"expected 2 values \(x, v\), got {1.0, 2.0}, of type set",
        ),
        (lambda: rhs(0.0, {"x": 1.0, "v": 2.0}, 3.0), "of type dict"),
        (lambda: rhs(0.0, "ab", 3.0), "of type str"),
        (lambda: rhs(0.0, [1.0, 2.0], 3.0, x=1.0), "cannot pass x twice"),
        (lambda: rhs(0.0, [1.0, 2.0], 3.0, x_v=[1.0, 2.0]), "cannot pass x, v twice"),
        (lambda: rhs(0.0, k=3.0, x=1.0), r"no value for v; it takes 3 arguments: t, \(x, v\), k"),
        (lambda: rhs.freeze(x=1.0)(0.0, [1.0, 2.0], 3.0), r"expected 1 value \(v\), got 2; .* frozen: x"),
        (lambda: rhs.freeze(x_v=[1.0, 2.0]), "cannot bind 'x_v': it stands for several parameters; use x, v"),
        (lambda: rhs.freeze(x=1.0, v=2.0)(0.0, [1.0, 2.0], 3.0), "cannot call with 3 arguments: it takes 2"),
    ],
)
def test_what_does_not_fit_is_told_by_name(call, message):
    with pytest.raises(BindingError, match=message):
        call()


def test_how_it_is_displayed():
    assert repr(rhs) == "<NumpifiedFunction (t, (x, v), k) -> [v, -k*x]>"
    assert repr(rhs.freeze(v=1.0)) == "<BoundNumpifiedFunction (t, (x), k) -> [v, -k*x]; v=1.0>"
    assert str(inspect.signature(rhs)) == "(t, x_v, k)"
    assert str(inspect.signature(rhs.freeze(x=1.0, v=1.0))) == "(t, k)"
    assert r"\left(t, (x, v), k\right)" in rhs._repr_latex_()


def test_a_name_for_several_is_no_parameters_name():
    taken = sp.Symbol("x_v")
    f = numpify(x + v + taken, [(x, v), taken])
    assert tuple(inspect.signature(f).parameters) == ("x_v__0", "x_v")
    assert f([1.0, 2.0], 4.0) == f(x_v__0=[1.0, 2.0], x_v=4.0) == 7.0


def test_pickles_keep_the_brackets():
    back = pickle.loads(pickle.dumps(rhs.freeze(k=3.0)))
    assert back(0.0, [1.0, 2.0]) == [2.0, -3.0]
    assert repr(back) == repr(rhs.freeze(k=3.0))


def test_nothing_among_the_brackets():
    f = numpify(x + 1, [x, ()])
    assert f(1.0, []) == f(1.0, ()) == 2.0
    with pytest.raises(BindingError, match="expected no values"):
        f(1.0, [1.0])


def test_solvers_and_optimisers_need_no_wrapper():
    optimize, integrate = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.integrate")
    solution = integrate.solve_ivp(rhs, (0.0, 1.0), [1.0, 0.0], args=(4.0,), rtol=1e-10, atol=1e-12)
    assert solution.y[0, -1] == pytest.approx(np.cos(2.0), abs=1e-8)
    vectorized = integrate.solve_ivp(
        rhs, (0.0, 1.0), [1.0, 0.0], args=(4.0,), method="BDF", vectorized=True, rtol=1e-8, atol=1e-10
    )
    assert vectorized.y[0, -1] == pytest.approx(np.cos(2.0), abs=1e-5)
    rosenbrock = (1 - x) ** 2 + 100 * (v - x**2) ** 2
    value, slope = numpify(rosenbrock, [(x, v)]), numpify([rosenbrock.diff(x), rosenbrock.diff(v)], [(x, v)])
    assert optimize.minimize(value, [0.0, 0.0], jac=slope).x == pytest.approx([1.0, 1.0], abs=1e-4)
