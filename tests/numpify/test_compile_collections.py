"""What is compiled, and its parameters, in collections: NumPy arrays of expressions; what has no order is refused."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import CompileError, numpify


x, y = sp.symbols("x y")


@pytest.mark.parametrize(
    ("array", "want"),
    [
        (np.array([x, y**2, 1]), [1.0, 9.0, 1.0]),
        (np.array([[x, 2], [0, x * y]]), [[1.0, 2.0], [0.0, 3.0]]),
        (np.array(x + y), 4.0),
        (np.array([1.5, 2.0]), [1.5, 2.0]),
        (np.arange(3), [0, 1, 2]),
        (np.array([], object), []),
    ],
)
def test_a_numpy_array_of_expressions(array, want):
    assert np.asarray(numpify(array, [x, y])(1.0, 3.0)).tolist() == want
    assert np.shape(numpify(array, [x, y])(np.ones(2), 3.0)) == (*array.shape, 2)
    assert numpify([array, x], [x, y])(1.0, 3.0)[1] == 1.0
    assert set(numpify(array).parameters) == {s for entry in array.flat for s in sp.sympify(entry).free_symbols}


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (sp.Lambda((x, y), x + y), r"Lambda\(\(x, y\), x \+ y\): it is a function, not a value; pass its expr, with"),
        (sp.FiniteSet(x, y), "{x, y}: a set has no order; pass a list"),
        ({x, y}, "cannot compile a set: it has no order; pass a list"),
        ([x, frozenset({y})], "cannot compile a frozenset: it has no order; pass a list"),
        (np.array([x, None]), "NoneType None: it is not a SymPy expression"),
        (np.array(["2020-01-01"], "M8"), "it is not a SymPy expression"),
    ],
)
def test_what_is_no_value_or_has_no_order_is_refused(expr, message):
    with pytest.raises(CompileError, match=message):
        numpify(expr, [x, y])


@pytest.mark.parametrize("several", [sp.Array([x, y]), sp.Tuple(x, y), sp.Matrix([x, y]), np.array([x, y])])
def test_parameters_in_any_ordered_collection(several):
    assert numpify(x + 10 * y, several)(1, 2) == 21


def test_parameters_in_a_set_are_refused():
    for unordered in ({x, y}, sp.FiniteSet(x, y)):
        with pytest.raises(CompileError, match="it has no order; pass a list"):
            numpify(x + y, unordered)
