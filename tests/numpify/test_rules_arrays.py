"""Indexed arrays and array expressions against NumPy, and against SymPy's own explicit arrays."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st
from sympy.tensor.array.array_comprehension import ArrayComprehension
from sympy.tensor.array.expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArrayElementwiseApplyFunc,
    ArraySymbol,
    ArrayTensorProduct,
    PermuteDims,
    Reshape,
)  # fmt: skip
from sympy.tensor.array.expressions.array_expressions import OneArray, ZeroArray

from numpify_ctx import CompileError, numpify


x, y = sp.symbols("x y")
i, j, k, n, m = sp.symbols("i j k n m", integer=True)
P, Q = sp.IndexedBase("P"), sp.IndexedBase("Q")
rng = np.random.default_rng(11)
ONE, TWO = rng.normal(size=5), rng.normal(size=(4, 5))


def run(expr, arguments, *values, **options):
    return numpify(expr, arguments, cache=False, **options)(*values)


# -- elements --------------------------------------------------------------------------------------------------------


def test_indices_may_be_numbers_arrays_and_expressions():
    assert run(P[2], [P], ONE) == ONE[2]
    assert run(P[i] * x, [P, i, x], ONE, 3, 2.0) == 2 * ONE[3]
    np.testing.assert_array_equal(run(P[i + 1], [P, i], ONE, np.array([[0], [2]])), ONE[[[1], [3]]])
    np.testing.assert_array_equal(run(Q[i, j], [Q, i, j], TWO, np.array([[0], [2]]), np.arange(5)), TWO[[0, 2]])
    np.testing.assert_array_equal(run(P[i], [P, i], ONE, np.array([1.0, 4.0])), ONE[[1, 4]])
    np.testing.assert_array_equal(run(P[2 * i], [P, i], list(ONE), np.array([0, 2], np.uint8)), ONE[[0, 4]])
    np.testing.assert_array_equal(run(P[Q[i, 0]], [P, Q, i], ONE, np.array([[3], [1]]), np.array([0, 1])), ONE[[3, 1]])


def test_negative_indices_count_from_the_end():
    assert run(P[-1], [P], ONE) == ONE[-1]
    assert run(P[i], [P, i], ONE, np.array([-1, -5])).tolist() == [ONE[-1], ONE[0]]


def test_axes_behind_the_indices_broadcast():
    """An array of more axes than indices has a value for each element of the others."""
    np.testing.assert_array_equal(run(P[1] * x, [P, x], TWO, np.arange(5.0)), TWO[1] * np.arange(5.0))
    np.testing.assert_array_equal(run(P[i], [P, i], TWO, np.array([0, 1, 2, 3, 0])), TWO[[0, 1, 2, 3, 0], np.arange(5)])
    total = sp.Sum(P[i] * x, (i, 0, 3))
    np.testing.assert_allclose(run(total, [P, x], TWO, 2.0), 2 * TWO.sum(axis=0))


def test_indices_that_do_not_exist():
    with pytest.raises(IndexError, match="out of bounds"):
        run(P[i], [P, i], ONE, 5)
    with pytest.raises(IndexError, match=r"cannot use 0\.5 as an index"):
        run(P[i], [P, i], ONE, np.array([0.5]))
    with pytest.raises(IndexError, match="2 indices of an array of shape"):
        run(Q[i, i], [Q, i], ONE, 1)
    with pytest.raises(CompileError, match="indices, elsewhere Q has"):
        numpify(Q[i, i] + Q[i], [Q, i])
    with pytest.raises(CompileError, match="P: it is not an argument"):
        numpify(P[i] + Q[i], [Q, i])


def test_a_base_with_a_shape():
    base = sp.IndexedBase("S", shape=(n, m))
    total = sp.Sum(base[i, j] * (i + 1), (i, 0, n - 1), (j, 0, m - 1))
    assert run(total, [base], TWO) == pytest.approx((TWO.sum(axis=1) * np.arange(1, 5)).sum())
    assert run(total, [base, n], TWO, 4) == pytest.approx((TWO.sum(axis=1) * np.arange(1, 5)).sum())
    with pytest.raises(ValueError, match=r"cannot take a value of shape \(4, 5\) for 'S'"):
        run(total, [base, n], TWO, 3)
    fixed = sp.IndexedBase("F", shape=(3,))
    with pytest.raises(ValueError, match=r"its first axes must be \(3,\)"):
        run(fixed[0], [fixed], ONE)


def test_idx():
    row = sp.Idx("i", (0, 3))
    assert run(sp.Sum(P[row] * row, (row, 0, 3)), [P], ONE) == pytest.approx((ONE[:4] * np.arange(4)).sum())
    assert run(P[row] + row, [P, row], ONE, 2) == ONE[2] + 2
    assert run(P[sp.Idx(k, 5)], [P, k], ONE, 3) == ONE[3]
    column = sp.Idx("j", 5)
    got = run(
        sp.Sum(Q[row, column] * P[column], (column, column.lower, column.upper)), [Q, P, row], TWO, ONE, np.arange(4)
    )
    np.testing.assert_allclose(got, TWO @ ONE)


@pytest.mark.parametrize(
    ("expr", "want"),
    [
        (sp.Sum(P[i], (i, 0, n)), np.cumsum(ONE)),
        (sp.Sum(P[i] * P[n - i], (i, 0, n)), np.convolve(ONE, ONE)[:5]),
        (sp.Product(P[i], (i, 0, n)), np.cumprod(ONE)),
        (sp.Sum(P[i] * x**i, (i, 0, n)), np.cumsum(ONE * 0.5 ** np.arange(5))),
        (sp.Sum(sp.KroneckerDelta(i, 2) * P[i], (i, 0, n)), np.where(np.arange(5) >= 2, ONE[2], 0)),
        (sp.Sum(Q[i, j], (i, 0, 3), (j, 0, n)), np.cumsum(TWO.sum(axis=0))),
        (sp.Sum(sp.Sum(Q[j, i], (i, 0, j)), (j, 0, 3)) + 0 * n, np.full(5, np.tril(TWO).sum())),
        (sp.Max(*(P[c] for c in range(5))) + n, ONE.max() + np.arange(5)),
    ],
)
def test_sums_over_indices(expr, want):
    arguments = [a for a in (P, Q, x, n) if expr.has(a)]
    values = {P: ONE, Q: TWO, x: 0.5, n: np.arange(5)}
    got = run(expr, arguments, *(values[a] for a in arguments))
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    values[n] = 3
    alone = run(expr, arguments, *(values[a] for a in arguments))
    assert alone == pytest.approx(want[3])


def test_explicit_arrays_and_matrices_may_be_indexed():
    array = sp.Array([[1, x], [y, 4]])
    got = run(array[i, j], [x, y, i, j], 2.0, 3.0, np.array([0, 1, 1]), np.array([1, 0, 1]))
    assert got.tolist() == [2, 3, 4]
    matrix = sp.Matrix([[1, x], [y, 4]])
    assert run(matrix[i, j], [x, y, i, j], 2.0, 3.0, 1, np.array([0, 1])).tolist() == [3, 4]


def test_an_element_may_be_an_argument():
    assert run(P[0] + P[i], [P[0], P[i]], 1.0, 2.0) == 3.0


# -- array expressions -----------------------------------------------------------------------------------------------


X, Y, Z = ArraySymbol("X", (2, 3, 3)), ArraySymbol("Y", (3, 2)), ArraySymbol("Z", (2, 3, 3))
M = sp.MatrixSymbol("M", 3, 3)
EXPRESSIONS = [
    ArrayTensorProduct(X, Y), ArrayTensorProduct(Y, M), ArrayTensorProduct(x, Y), ArrayTensorProduct(Y, Y, M),
    ArrayContraction(X, (1, 2)), ArrayContraction(ArrayTensorProduct(X, Y), (0, 4), (1, 3)),
    ArrayContraction(ArrayTensorProduct(Y, M), (0, 2)), ArrayContraction(ArrayTensorProduct(X, Y, M), (2, 3), (1, 5)),
    ArrayContraction(ArrayTensorProduct(M, M), (0, 3), (1, 2)), ArrayContraction(M, (0, 1)),
    ArrayDiagonal(X, (1, 2)), ArrayDiagonal(ArrayTensorProduct(X, Y), (1, 3)), ArrayDiagonal(M, (0, 1)),
    ArrayDiagonal(ArrayTensorProduct(M, M), (0, 2), (1, 3)), ArrayDiagonal(ArrayTensorProduct(X, M), (1, 3)),
    ArrayAdd(X, Z), ArrayAdd(M, M), PermuteDims(X, [2, 0, 1]), PermuteDims(ArrayTensorProduct(Y, M), [3, 1, 0, 2]),
    PermuteDims(M, [1, 0]), Reshape(X, (6, 3)), Reshape(M, (9,)), X[0, 1, 2] + x, M * x, ZeroArray(2, 3), OneArray(2),
    ArrayElementwiseApplyFunc(sp.Lambda(k, sp.sin(k) * x), X), ArrayAdd(ZeroArray(2, 3, 3), X),
    ArrayContraction(ArrayTensorProduct(OneArray(3), M), (0, 1)),
]  # fmt: skip


def sample(symbol, rest=()):
    return rng.normal(size=(*map(int, symbol.shape), *rest))


def arguments_of(expr):
    return [a for a in (X, Y, Z, M, x) if a in expr.atoms(ArraySymbol, sp.MatrixSymbol, sp.Symbol)]


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=lambda e: str(e)[:70])
def test_array_expressions(expr):
    arguments = arguments_of(expr)
    values = [sample(a) if a is not x else 0.75 for a in arguments]
    exact = {a: sp.ImmutableDenseNDimArray(v.tolist()) if isinstance(a, ArraySymbol) else
             sp.ImmutableMatrix(v.tolist()) if a is M else sp.Float(v, 30)
             for a, v in zip(arguments, values, strict=True)}  # fmt: skip
    explicit = expr.as_explicit() if hasattr(expr, "as_explicit") else expr
    elements = {a[index]: sp.Float(v[index], 30) for a, v in zip(arguments, values, strict=True) if a is not x
                for index in np.ndindex(v.shape)}  # fmt: skip
    found = explicit.subs(elements).subs({x: exact[x]} if x in exact else {})
    if isinstance(expr, ArrayElementwiseApplyFunc):
        found = found.applyfunc(lambda e: e.doit().evalf(25))
    want = np.array(found.tolist() if hasattr(found, "tolist") else found, dtype=float)
    got = run(expr, arguments, *values)
    assert np.shape(got) == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=lambda e: str(e)[:70])
def test_every_element_of_what_broadcasts_is_on_its_own(expr):
    arguments = arguments_of(expr)
    if not arguments:
        return
    rests = [(4,), (2, 1), (), (1, 4)]
    ranks = [0 if a is x else len(a.shape) for a in arguments]
    values = [sample(a, rests[p % 4]) if a is not x else rng.normal(size=rests[p % 4]) for p, a in enumerate(arguments)]
    rest = np.broadcast_shapes(*(v.shape[r:] for v, r in zip(values, ranks, strict=True)))
    f = numpify(expr, arguments, cache=False)
    got = f(*values)
    assert got.shape[got.ndim - len(rest) :] == rest
    full = [np.broadcast_to(v.reshape(v.shape[:r] + (1,) * (len(rest) - v.ndim + r) + v.shape[r:]), v.shape[:r] + rest)
            for v, r in zip(values, ranks, strict=True)]  # fmt: skip
    for index in np.ndindex(rest):
        alone = f(*(v[(..., *index)] for v in full))
        np.testing.assert_allclose(got[(..., *index)], alone, rtol=1e-12, atol=1e-13)


def test_shapes_of_arrays_are_checked():
    with pytest.raises(ValueError, match=r"shape \(2, 3\) for 'Y': its first axes must be \(3, 2\)"):
        run(ArrayTensorProduct(Y, M), [Y, M], np.ones((2, 3)), np.eye(3))
    free = ArraySymbol("W", (n, n))
    assert run(ArrayContraction(free, (0, 1)), [free], np.eye(4)) == 4
    with pytest.raises(ValueError, match="for 'W'"):
        run(ArrayContraction(free, (0, 1)), [free], np.ones((4, 3)))
    with pytest.raises(CompileError, match="W: it is not an argument"):
        numpify([ArrayContraction(free, (0, 1)), x], [x])


# -- explicit arrays, lists, dicts -----------------------------------------------------------------------------------


KINDS = (
    sp.ImmutableDenseNDimArray, sp.MutableDenseNDimArray, sp.ImmutableSparseNDimArray, sp.MutableSparseNDimArray,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_explicit_arrays(kind):
    array = kind([[[1, x], [y, x * y]], [[0, 2], [sp.sin(x), 3]]])
    got = run(array, [x, y], np.array([0.5, 1.5, 2.5]), 2.0)
    assert got.shape == (2, 2, 2, 3)
    np.testing.assert_allclose(got[0, 1, 1], [1, 3, 5])
    np.testing.assert_allclose(got[1, 1, 0], np.sin([0.5, 1.5, 2.5]))
    assert got[0, 0, 0].tolist() == [1, 1, 1]
    assert run(kind([x, 1]), [x], 2.0).tolist() == [2, 1]
    assert run(kind([], (0,)), [x], 2.0).shape == (0,)
    assert run(kind([], (0, 3)), [x], 2.0).shape == (0, 3)
    assert run(kind([x], ()), [x], 2.0) == 2.0


def test_derivatives_and_products_of_arrays():
    field = sp.Array([x**2 * y, sp.sin(x)])
    jacobian = sp.derive_by_array(field, [x, y])
    got = run(jacobian, [x, y], np.array([0.5, 1.0]), 2.0)
    np.testing.assert_allclose(got, [[[2, 4], np.cos([0.5, 1.0])], [[0.25, 1], [0, 0]]])
    outer = sp.tensorproduct(field, field)
    value = np.array([0.5, np.sin(0.5)])
    np.testing.assert_allclose(run(outer, [x, y], 0.5, 2.0), np.multiply.outer(value, value))


@pytest.mark.parametrize(("entry", "kind"), [(2**20, "i"), (2**40, "f")])
def test_contractions_of_integers_do_not_wrap(entry, kind):
    values = np.full((3, 3), entry)
    contracted = run(ArrayContraction(ArrayTensorProduct(M, M), (1, 2)), [M], values)
    assert contracted.dtype.kind == kind
    assert contracted.tolist() == [[3 * entry**2] * 3] * 3
    assert run(ArrayContraction(M, (0, 1)), [M], np.full((3, 3), 2**62)) == 3 * 2**62


def test_comprehensions():
    assert run(ArrayComprehension(k * 2, (k, 1, 4)), []).tolist() == [2, 4, 6, 8]
    assert run(ArrayComprehension(k * x, (k, 1, 3)), [x], 2.0).tolist() == [2, 4, 6]
    with pytest.raises(CompileError, match="its limits are not known"):
        numpify(ArrayComprehension(k * x, (k, 1, n)), [x, n])


def test_lists_tuples_and_dicts_of_everything():
    tree = {
        "matrix": sp.Matrix([[x, 1], [0, y]]),
        "list": [sp.sin(x), (P[0] * x, sp.Array([x, y])), []],
        "trace": sp.Trace(M) + sp.sin(x),
        3: {"deep": [sp.Sum(P[i], (i, 0, 4))], "constant": sp.pi},
    }
    got = run(tree, [x, y, P, M], 0.5, 2.0, ONE, np.eye(3))
    assert list(got) == ["matrix", "list", "trace", 3]
    assert got["matrix"].tolist() == [[0.5, 1], [0, 2]]
    assert got["list"][0] == pytest.approx(np.sin(0.5))
    assert isinstance(got["list"][1], tuple)
    assert got["list"][1][1].tolist() == [0.5, 2]
    assert got["list"][2] == []
    assert got["trace"] == pytest.approx(3 + np.sin(0.5))
    assert got[3]["deep"] == [pytest.approx(ONE.sum())]
    assert got[3]["constant"] == np.pi
    source = numpify(tree, [x, y, P, M]).source
    assert source.count("np.sin(x)") == 1


@st.composite
def shapes_and_indices(draw):
    shape = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    index = st.lists(st.integers(0, 4), min_size=len(shape), max_size=len(shape))
    return shape, draw(st.lists(index, min_size=1, max_size=4))


@given(shapes_and_indices())
def test_elements_are_numpys(drawn):
    """A[i, j, ...] for arrays of indices is NumPy's, and an error where NumPy has one."""
    shape, picks = drawn
    base = sp.IndexedBase("A")
    letters = sp.symbols("a b c", integer=True)[: len(shape)]
    values = rng.normal(size=shape)
    columns = [np.array(c) for c in zip(*picks, strict=True)]
    f = numpify(base[letters], [base, *letters])
    if all(c.max() < s for c, s in zip(columns, shape, strict=True)):
        np.testing.assert_array_equal(f(values, *columns), values[tuple(columns)])
    else:
        with pytest.raises(IndexError):
            f(values, *columns)
