"""Matrix expressions against SymPy's own explicit matrices; and each element of what broadcasts on its own."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st
from sympy.codegen.matrix_nodes import MatrixSolve
from sympy.combinatorics import Permutation
from sympy.matrices.expressions import (
    BlockDiagMatrix,
    CompanionMatrix,
    DiagonalMatrix,
    DiagonalOf,
    DotProduct,
    HadamardPower,
    KroneckerProduct,
    MatMul,
    MatrixPermute,
    OneMatrix,
    Permanent,
    PermutationMatrix,
    hadamard_product,
)  # fmt: skip
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.factorizations import LofCholesky, QofQR, RofQR, UofCholesky
from sympy.matrices.expressions.fourier import DFT, IDFT

from numpify_ctx import CompileError, numpify


x, y, i, j = sp.symbols("x y i j")
n, m = sp.symbols("n m", integer=True)
A, B = sp.MatrixSymbol("A", 3, 3), sp.MatrixSymbol("B", 3, 3)
R = sp.MatrixSymbol("R", 2, 3)
v, w, r = sp.MatrixSymbol("v", 3, 1), sp.MatrixSymbol("w", 3, 1), sp.MatrixSymbol("r", 1, 3)
C, D = sp.MatrixSymbol("C", n, n), sp.MatrixSymbol("D", n, m)
E = sp.ImmutableMatrix([[1, 2, 3], [4, 5, 6], [7, 8, 10]])
rng = np.random.default_rng(7)
SIZES = {n: 3, m: 2}


def sample(symbol, rest=()):
    """A well-conditioned value for a matrix symbol, with axes that broadcast behind."""
    shape = tuple(int(sp.sympify(s).subs(SIZES)) for s in symbol.shape)
    values = rng.uniform(0.5, 1.5, size=(*shape, *rest))
    if shape[0] == shape[1]:
        values += 2 * np.eye(shape[0]).reshape(shape + (1,) * len(rest))
    return values


def meaning(expr, arguments, values):
    """What SymPy makes of the expression with explicit numbers in it."""
    exact = {a: sp.ImmutableMatrix(value.tolist()) if np.ndim(value) else sp.Float(value, 30)
             for a, value in zip(arguments, values, strict=True)}  # fmt: skip
    result = expr.subs(SIZES).subs({a.subs(SIZES): value for a, value in exact.items()}).doit()
    if hasattr(result, "as_explicit"):
        result = result.as_explicit()
    return np.array(result.tolist() if hasattr(result, "tolist") else result, dtype=complex)


def run(expr, arguments, *values):
    return numpify(expr, arguments, cache=False)(*values)


EXPRESSIONS = [
    A + B, A - 2 * B + E, A * B, x * A * B, A * B * v, r * A, r * v, A.T * B + A.T, -A, A / 2, 2 * E * A,
    A.I, A.inverse() * v, A**-1 * B, B * A**-1, r * A**-1 * B, A**-1 * B**-1 * v, (A * B).I, A**2, A**3, A**-2, A**0,
    sp.MatPow(A, x + 1 - x), x * sp.Identity(3) + A, sp.ZeroMatrix(3, 3) + A, OneMatrix(3, 3) * A, sp.Adjoint(A),
    sp.Trace(A * B) * x, sp.Determinant(A) * sp.sin(x), sp.det(A * B), sp.trace(A.I), Permanent(A),
    hadamard_product(A, B, A), HadamardPower(A, 2), HadamardPower(A, x), HadamardPower(A, B), HadamardPower(x, A),
    KroneckerProduct(A, R), KroneckerProduct(A, B, v), sp.BlockMatrix([[A, B], [R, sp.ZeroMatrix(2, 3)]]),
    sp.BlockMatrix([[A, v]]), BlockDiagMatrix(A, R), BlockDiagMatrix(A), DiagMatrix(v), DiagMatrix(r),
    A[0, 1] * x, A[2, 0] + A[1, 1], A[:2, 1:],
    A[1, :], A.T[0, 2], (A * B)[1, 2], A.applyfunc(sp.sin), A.applyfunc(sp.Lambda(i, i * x + 1)),
    (A * B).applyfunc(sp.exp), sp.FunctionMatrix(3, 2, sp.Lambda((i, j), i + j * x)),
    sp.FunctionMatrix(3, 3, sp.Lambda((i, j), 1 / (i + j + 1))), PermutationMatrix(Permutation([1, 2, 0])),
    PermutationMatrix(Permutation([1, 2, 0])) * A, MatrixPermute(A, Permutation([1, 2, 0])),
    MatrixPermute(A, Permutation([2, 0, 1]), 1), DotProduct(v, w), DotProduct(v, r), DotProduct(r, r),
    DFT(4), IDFT(3), sp.Matrix([[x, 1], [y, x * y]]),
    sp.ImmutableMatrix([[x, 1], [y, x * y]]) * sp.Matrix([1, x]), MatMul(E, E), E * v, sp.Matrix([A[0, 0], v[1, 0]]),
    sp.Sum(A[i, i], (i, 0, 2)), sp.Sum(A[i, j] * v[j, 0], (j, 0, 2), (i, 0, 2)),
    sp.Piecewise((A[0, 0], x > 1), (x, True)),
    C + sp.Identity(n), C * D, C**2 * D, sp.ZeroMatrix(n, m) + D, D.T * C, OneMatrix(n, n) + C, sp.Trace(C) * n,
    sp.Sum(C[i, i], (i, 0, n - 1)), sp.FunctionMatrix(n, m, sp.Lambda((i, j), i - j)) + D,
]  # fmt: skip


def arguments_of(expr):
    found = sorted(expr.atoms(sp.MatrixSymbol), key=str)
    return found + [s for s in (x, y) if s in expr.free_symbols]


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=lambda e: str(e)[:60].replace("\n", " "))
def test_matrix_expressions(expr):
    arguments = arguments_of(expr)
    values = [sample(a) if isinstance(a, sp.MatrixSymbol) else 0.75 for a in arguments]
    want = meaning(expr, arguments, values)
    got = run(expr, arguments, *values)
    assert np.shape(got) == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
    assert want.shape or not isinstance(got, np.ndarray)
    for a, value in zip(arguments, values, strict=True):
        assert not isinstance(a, sp.MatrixSymbol) or not np.shares_memory(got, value)


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=lambda e: str(e)[:60].replace("\n", " "))
def test_every_element_of_what_broadcasts_is_on_its_own(expr):
    """Law: f(A, x)[..., k, l] = f(A[..., l], x[k, l]), the axes of the matrix first."""
    arguments = arguments_of(expr)
    if not arguments:
        return
    rests = [(4,), (), (2, 1), (1, 4)]
    values = [
        sample(a, rests[p % 4]) if isinstance(a, sp.MatrixSymbol) else rng.uniform(0.5, 1.5, rests[(p + 2) % 4])
        for p, a in enumerate(arguments)
    ]
    f = numpify(expr, arguments, cache=False)
    got = f(*values)
    rest = np.broadcast_shapes(
        *(np.shape(u)[2:] if isinstance(a, sp.MatrixSymbol) else np.shape(u)
          for a, u in zip(arguments, values, strict=True))
    )  # fmt: skip
    lead = got.shape[: got.ndim - len(rest)]
    assert got.shape == lead + rest
    full = [
        np.broadcast_to(u.reshape(u.shape[:2] + (1,) * (len(rest) - u.ndim + 2) + u.shape[2:]), u.shape[:2] + rest)
        if isinstance(a, sp.MatrixSymbol) else np.broadcast_to(u, rest)
        for a, u in zip(arguments, values, strict=True)
    ]  # fmt: skip
    for index in np.ndindex(rest):
        alone = f(*(u[(..., *index)] for u in full))
        np.testing.assert_allclose(got[(..., *index)], alone, rtol=1e-11, atol=1e-12)


def test_what_sympy_cannot_make_explicit():
    """Its diagonals take no explicit matrix, and it counts the rows of A[::2, :] wrong."""
    a, b = sample(A), sample(R)
    cases = [
        (DiagonalMatrix(A), np.diag(np.diag(a))), (DiagonalOf(A), np.diag(a)[:, None]), (A[::2, :], a[::2]),
    ]  # fmt: skip
    for expr, want in cases:
        np.testing.assert_array_equal(run(expr, [A], a), want)
        np.testing.assert_array_equal(run(expr, [A], np.stack([a, 2 * a], -1)), np.stack([want, 2 * want], -1))
    assert run(DiagonalMatrix(R), [R], b).tolist() == [[b[0, 0], 0, 0], [0, b[1, 1], 0]]
    assert run(DiagonalOf(R), [R], b).tolist() == [[b[0, 0]], [b[1, 1]]]
    companion = CompanionMatrix(sp.Poly([1, x, 3, y], i))
    assert run(companion, [x, y], 5.0, 7.0).tolist() == [[0, 0, -7], [1, 0, -3], [0, 1, -5]]


def test_an_inverse_that_is_multiplied_is_solved():
    source = numpify(A**-1 * v, [A, v]).source
    assert "solve(" in source
    assert "inverse(" not in source
    hilbert = sp.MatrixSymbol("H", 10, 10)
    u = sp.MatrixSymbol("u", 10, 1)
    matrix = np.array([[1 / (p + q + 1) for q in range(10)] for p in range(10)])
    right = matrix @ np.ones((10, 1))
    residual = matrix @ run(hilbert**-1 * u, [hilbert, u], matrix, right) - right
    assert np.abs(residual).max() < 1e-14
    np.testing.assert_allclose(run(MatrixSolve(A, v), [A, v], np.eye(3) * 2, np.ones((3, 1))), np.full((3, 1), 0.5))


def test_a_vector_may_be_passed_with_one_axis():
    value = np.array([1.0, 2.0, 3.0])
    assert run(A * v, [A, v], np.eye(3), value).tolist() == [[1], [2], [3]]
    assert run(r * A, [A, r], np.eye(3), value).tolist() == [[1, 2, 3]]
    u = sp.MatrixSymbol("u", n, 1)
    assert run(u.T * u, [u], value).tolist() == [[14]]


def test_powers_that_are_no_whole_numbers():
    value = sample(A)
    root = run(sp.MatPow(A, sp.Rational(1, 2)), [A], value)
    np.testing.assert_allclose(root @ root, value, atol=1e-12)
    both = run(sp.MatPow(A, x), [A, x], value, np.array([2.0, -1.0, 0.5]))
    np.testing.assert_allclose(both[..., 0], value @ value, rtol=1e-12)
    np.testing.assert_allclose(both[..., 1] @ value, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(both[..., 2], root, atol=1e-12)
    jordan = np.array([[1.0, 1, 0], [0, 1, 1], [0, 0, 1]])
    with pytest.raises(np.linalg.LinAlgError, match="no basis of eigenvectors"):
        run(sp.MatPow(A, sp.Rational(1, 2)), [A], jordan)


def test_factorizations():
    value = sample(A)
    spd = value @ value.T
    lower, upper = run(LofCholesky(A), [A], spd), run(UofCholesky(A), [A], spd)
    np.testing.assert_allclose(lower @ lower.T, spd, rtol=1e-12)
    np.testing.assert_allclose(upper, lower.T)
    q, triangle = run(QofQR(A), [A], value), run(RofQR(A), [A], value)
    np.testing.assert_allclose(q @ triangle, value, rtol=1e-12)
    exact_q, exact_r = sp.Matrix(value.tolist()).QRdecomposition()
    np.testing.assert_allclose(q, np.array(exact_q.tolist(), float), rtol=1e-10)
    np.testing.assert_allclose(triangle, np.array(exact_r.tolist(), float), rtol=1e-10, atol=1e-14)


# -- dtypes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expr", [A * B, A + sp.Identity(3), 2 * A.T, A**-1 * B, sp.Trace(A) * A, hadamard_product(A, B), A.I,
             sp.BlockMatrix([[A, sp.ZeroMatrix(3, 3)]]), A.applyfunc(sp.sin)]
)  # fmt: skip
def test_single_precision_stays(expr):
    arguments = arguments_of(expr)
    for dtype in (np.float16, np.float32, np.complex64):
        assert run(expr, arguments, *(sample(a).astype(dtype) for a in arguments)).dtype == dtype


@pytest.mark.parametrize(
    "expr",
    [A.I, A.I * B, sp.Determinant(A), A**-2, A ** sp.Rational(1, 2), LofCholesky(A), QofQR(A)],
)
def test_half_precision_is_that_of_the_numbers_not_of_lapack(expr):
    arguments = arguments_of(expr)
    value = (np.eye(3) * 3 + 0.5).astype(np.float16)
    got = run(expr, arguments, *[value] * len(arguments))
    want = run(expr, arguments, *[value.astype(float)] * len(arguments))
    assert np.asarray(got).dtype == np.float16
    np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-3)


def test_whole_numbers_stay_exact():
    ones = np.full((3, 3), 2**20)
    got = run(A * B + A, [A, B], ones, ones)
    assert got.dtype == np.int64
    assert got[0, 0] == 3 * 2**40 + 2**20
    np.testing.assert_allclose(run(A * B, [A, B], ones * 2**13, ones * 2**13), 3 * 2.0**66)
    np.testing.assert_allclose(run(A**5, [A], ones), 81 * 2.0**100)
    assert run(A**2, [A], np.eye(3, dtype=np.int8) * 100).dtype == np.int64
    assert run(sp.Identity(3) * 1, []).dtype == np.int64
    assert run(200 * sp.Identity(3), [])[0, 0] == 200
    assert run(x * sp.Identity(3), [x], 300)[0, 0] == 300
    assert run(A + A, [A], np.full((3, 3), 2**62)).tolist() == [[2.0**63] * 3] * 3
    assert run(sp.Trace(A), [A], np.full((3, 3), 2**62)) == 3 * 2.0**62
    assert run(sp.KroneckerProduct(A, A), [A], np.full((3, 3), 2**40)).tolist() == [[2.0**80] * 9] * 9
    assert run(A + A + x * sp.Identity(3), [A, x], np.full((3, 3), 2**62), 0.0).tolist() == [[2.0**63] * 3] * 3
    assert run(Permanent(A), [A], np.full((3, 3), 2**30)) == 6 * 2.0**90
    assert run(Permanent(A), [A], np.full((3, 3), 2**10)) == 6 * 2**30
    assert run(DotProduct(v, v), [v], np.full((3, 1), 2**40)) == 3 * 2.0**80
    assert run(DotProduct(v, v), [v], np.full((3, 1), 2**20)) == 3 * 2**40


def test_matrices_of_booleans_count():
    assert run(A * B, [A, B], np.ones((3, 3), bool), np.ones((3, 3), bool)).tolist() == [[3] * 3] * 3


# -- errors ----------------------------------------------------------------------------------------------------------


def test_shapes_are_checked_at_the_call():
    with pytest.raises(ValueError, match=r"shape \(2, 3\) for 'A': its first axes must be \(3, 3\)"):
        run(A * B, [A, B], np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"shape \(\) for 'A'"):
        run(A, [A], 1.0)
    with pytest.raises(ValueError, match=r"shape \(4, 2\) for 'D': its first axes must be \(3, 2\)"):
        run(C * D, [C, D], np.ones((3, 3)), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"shape \(3, 2\) for 'C': its first axes must be \(3, 3\)"):
        run(C * C, [C], np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"shape \(3, 3\) for 'C': its first axes must be \(4, 4\)"):
        run(C * n, [C, n], np.ones((3, 3)), 4)
    shifted = sp.MatrixSymbol("S", n + 1, n)
    assert run(shifted.T * shifted * n, [shifted, n], np.ones((4, 3)), 3).tolist() == [[12.0] * 3] * 3
    with pytest.raises(ValueError, match=r"shape \(3, 3\) for 'S'"):
        run(shifted.T * shifted * n, [shifted, n], np.ones((3, 3)), 3)
    with pytest.raises(ValueError, match="sizes are whole numbers"):
        run(sp.Identity(n), [n], 2.5)


def test_a_singular_matrix_is_an_error():
    with pytest.raises(np.linalg.LinAlgError):
        run(A.I, [A], np.zeros((3, 3)))


def test_indices_out_of_range_are_an_error():
    with pytest.raises(IndexError):
        run(A[i, j], [A, i, j], np.eye(3), 3, 0)
    with pytest.raises(IndexError, match=r"cannot use 1\.5 as an index"):
        run(A[i, j], [A, i, j], np.eye(3), 1.5, 0)
    assert run(A[i, j], [A, i, j], np.eye(3), np.array([0.0, 1.0]), 1).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (sp.Function("f")(x) * A, "f"),
        (A * sp.MatrixSymbol("Z", 3, 3), "Z: it is not an argument"),
        (sp.matrices.expressions.factorizations.UofSVD(A), "'UofSVD'"),
        (sp.exp(A), "matrix or array|'exp'|NumPy form"),
        (sp.Matrix([[sp.Function("g")(x)]]), "g"),
    ],
)
def test_what_has_no_value_is_refused(expr, message):
    with pytest.raises(CompileError, match=message):
        numpify(expr, [A, x])


def test_a_users_function_takes_a_matrix():
    norm = sp.Function("norm")
    got = numpify(norm(A) * x, [A, x], functions={norm: np.linalg.norm})(np.eye(3), 2.0)
    assert got == pytest.approx(2 * np.sqrt(3))


def test_results_share_temporaries():
    f = numpify([A * B, {"trace": sp.Trace(A * B)}, (A * B + A,)], [A, B])
    assert f.source.count("matmul(") == 1
    a, b = sample(A), sample(B)
    product, trace, (total,) = f(a, b)
    np.testing.assert_allclose(product, a @ b)
    assert trace["trace"] == pytest.approx(np.trace(a @ b))
    np.testing.assert_allclose(total, a @ b + a)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.lists(st.integers(1, 3), max_size=2))
def test_products_of_any_size(rows, inner, columns, rest):
    left, right = sp.MatrixSymbol("L", n, m), sp.MatrixSymbol("R", m, sp.Symbol("p"))
    one, other = rng.normal(size=(rows, inner, *rest)), rng.normal(size=(inner, columns))
    want = np.einsum("ij...,jk->ik...", one, other)
    np.testing.assert_allclose(run(left * right, [left, right], one, other), want, atol=1e-13)
    np.testing.assert_allclose(run((left * right).T, [left, right], one, other), np.swapaxes(want, 0, 1), atol=1e-13)
