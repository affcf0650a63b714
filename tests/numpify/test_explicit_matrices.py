"""Matrices given by their entries: sparse ones, those of a number for each argument, and cases of matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify


x, y = sp.symbols("x y")


@pytest.mark.parametrize("kind", [sp.SparseMatrix, sp.ImmutableSparseMatrix])
@pytest.mark.parametrize("entries", [{(0, 1): x, (3, 4): y**2}, {(0, 0): x, (9, 9): sp.pi}, {(2, 2): 1}, {}])
def test_a_sparse_matrix_is_what_a_dense_one_is(kind, entries):
    sparse, dense = numpify(kind(10, 10, entries), [x, y]), numpify(sp.Matrix(kind(10, 10, entries)), [x, y])
    assert "scattered" in sparse.source
    short = np.float32([1, 2]), np.float32(2)
    for args in ((1, 2), (1.5, 2.0), short, (np.ones(40_000), 2.0), (np.arange(3), 1j), (True, np.int8(3))):
        got, want = sparse(*args), dense(*args)
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype


def test_where_the_entries_are_is_part_of_what_is_cached():
    one, other = (numpify(sp.SparseMatrix(10, 10, {place: x}), [x]) for place in ((0, 1), (1, 0)))
    np.testing.assert_array_equal(one(2.0), other(2.0).T)
    assert one(2.0)[0, 1] == 2.0


@pytest.mark.parametrize("kind", [sp.SparseMatrix, sp.ImmutableSparseMatrix])
def test_what_is_not_there_costs_nothing(kind):
    matrix = kind(2000, 2000, {(0, 0): x, (1999, 5): x**2})
    f = numpify(matrix)
    assert len(f._origin.compiled.program.ops) < 10  # of four million entries, two are nodes
    repr(f)
    got = f(3.0)
    assert got.shape == (2000, 2000)
    assert (got.sum(), got[1999, 5]) == (12.0, 9.0)


ARMS = {
    "plain": (lambda a, b, t: a, lambda a, b, t: b),
    "guarded": (lambda a, b, t: a, lambda a, b, t: 2 * a),
    "varying": (lambda a, b, t: t * a, lambda a, b, t: a @ b),
}


@pytest.mark.parametrize("arms", ARMS)
@pytest.mark.parametrize("rest", [(), (3,), (2, 1)], ids=str)
def test_cases_of_matrices(arms, rest):
    first, second = ARMS[arms]
    a, b, t = sp.MatrixSymbol("a", 2, 2), sp.MatrixSymbol("b", 2, 2), sp.Symbol("t")
    f = numpify(sp.Piecewise((first(a, b, t), t > 0), (second(a, b, t), True)), [a, b, t], cache=False)
    one = np.arange(4.0).reshape(2, 2)
    other = np.random.default_rng(5).normal(size=(2, 2, *rest))
    for at in np.array([[1.0, -1.0, 2.0], [1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]]):
        got = f(one, other, at)
        full = np.broadcast_shapes(rest, (3,))
        spread = np.broadcast_to(other if rest else other[..., None], (2, 2, *full))
        assert got.shape == (2, 2, *full)
        for index in np.ndindex(*full):
            arm = first if at[index[-1]] > 0 else second
            np.testing.assert_allclose(got[(..., *index)], arm(one, spread[(..., *index)], at[index[-1]]))
    assert f(one, other, 1.0).shape == (2, 2, *rest)


MADE_OF_NUMBERS = [
    sp.Matrix([[x, sp.sin(y)], [2, sp.pi]]),
    sp.Matrix([[1, 2], [3, 4]]),
    sp.Matrix([sp.floor(x), y]),
    sp.Matrix([sp.Piecewise((x, y > 0), (1, True)), 7]),
    sp.Matrix([sp.I * x, y]),
    sp.Matrix([sp.sqrt(x), sp.gamma(y)]),
    sp.Matrix(0, 0, []),
    [sp.Matrix([x, y]), x * y, sp.Matrix([x, y])],
    sp.Array([[x, y], [x * y, 1 / y]]),
]


@pytest.mark.parametrize("expr", MADE_OF_NUMBERS, ids=str)
@pytest.mark.parametrize("args", [(0.5, 1.25), (-0.5, 3.0), (2.0, -1.5), (0.0, 0.25)], ids=str)
def test_an_array_of_floats_is_what_arrays_of_one_element_give(expr, args):
    f = numpify(expr, [x, y], cache=False, native=False)
    with np.errstate(all="ignore"):
        want = f(*[np.array([v]) for v in args])
        for _ in range(2):
            got = f(*args)
            for one, other in zip(*(v if isinstance(v, list) else [v] for v in (got, want)), strict=True):
                one, other = np.asarray(one), np.asarray(other)[..., 0]
                assert one.dtype.kind == other.dtype.kind
                assert one.flags.writeable
                assert one.shape == other.shape
                np.testing.assert_allclose(one, other, rtol=1e-15)
        again = f(*args)
        if isinstance(got, np.ndarray) and got.size:
            got[...] = 0  # it is the caller's own
            np.testing.assert_array_equal(f(*args), again)


def test_a_matrix_of_numbers_may_be_real_by_way_of_complex_ones():
    f = numpify(sp.Matrix([sp.sqrt(x) * sp.sqrt(x + 1), y]), [x, y], cache=False, native=False)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(f(-2.5, 3.0), [[-math.sqrt(3.75)], [3.0]], rtol=1e-15)
