"""Rules of matrix expressions: symbols, explicit matrices and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.expressions import (
    BlockDiagMatrix,
    CompanionMatrix,
    DiagMatrix,
    DiagonalMatrix,
    DiagonalOf,
    DotProduct,
    HadamardPower,
    HadamardProduct,
    KroneckerProduct,
    MatAdd,
    MatMul,
    MatPow,
    MatrixPermute,
    MatrixSlice,
    OneMatrix,
    Permanent,
    PermutationMatrix,
)  # fmt: skip

from ..._kinds import COMPLEX, INT, REAL, Kinds, arithmetic, floating, promote
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._runtime import arrays as arrays, matrices as rt
from ..._runtime.numbers import numpy_alone
from ..._symbolic.nodes import MatrixElement, applyfunc, factorizations, fourier, matrix_nodes
from ..._symbolic.refusal import refuse
from ..example import VALUES, A, B, i, j, t, v, w, x, y
from ..rule import Body, Rule, Under


def matrix_op(function: Callable[..., Any], kinds: Kinds = arithmetic, rank: int | None = 2, name: str = "") -> Op:
    """An operation on whole matrices, whose result has the given rank."""
    # Not elementwise: an entry may depend on all others, so that no block may cut a matrix apart.
    ranks = None if rank is None else lambda _: rank
    return Op(name or function.__name__, function, kinds=kinds, rank=ranks, elementwise=False)


def _whole(_: Sequence[int]) -> int:
    return INT


def _complex(_: Sequence[int]) -> int:
    return COMPLEX


def _power_kinds(kinds: Sequence[int]) -> int:
    # A negative power of integers is none, and a root may need the root of a negative eigenvalue.
    return arithmetic(kinds) | REAL | COMPLEX


# With rank=None the rank is that of the operands: arrays of any rank use these, too.
ADD = matrix_op(rt.add, rank=None)
MULTIPLY = matrix_op(rt.multiply, rank=None)
SCALE = matrix_op(rt.scale, rank=None)
MATMUL = matrix_op(rt.matmul)
SOLVE = matrix_op(rt.solve, floating)
SOLVE_RIGHT = matrix_op(rt.solve_right, floating)
INVERSE = matrix_op(rt.inverse, floating)
POWER = matrix_op(rt.matrix_power, _power_kinds)
TRANSPOSE = matrix_op(rt.transpose, promote)
ADJOINT = matrix_op(rt.adjoint, promote)
TRACE = matrix_op(rt.trace, rank=0)
DETERMINANT = matrix_op(rt.determinant, floating, rank=0)
PERMANENT = matrix_op(rt.permanent, rank=0)
HADAMARD_POWER = matrix_op(rt.hadamard_power, _power_kinds)
KRONECKER = matrix_op(rt.kronecker)
BLOCK = matrix_op(rt.block, promote)
BLOCK_DIAGONAL = matrix_op(rt.block_diagonal, promote)
IDENTITY = matrix_op(rt.identity, _whole)
ZEROS = matrix_op(rt.zeros, _whole)
ONES = matrix_op(rt.ones, _whole)
PERMUTATION = matrix_op(rt.permutation, _whole)
PERMUTED = matrix_op(rt.permuted, promote)
SLICED = matrix_op(rt.sliced, lambda kinds: kinds[0])
FOURIER = matrix_op(rt.fourier, _complex)
CHOLESKY = matrix_op(rt.cholesky, floating)
QR = matrix_op(rt.qr, floating)
DOT = matrix_op(rt.dot, rank=0)
ELEMENT = matrix_op(arrays.element, lambda kinds: kinds[0], rank=0)
# The kinds of the entries are those of the body, which is the last operand of a region.
APPLIED = Op("applied", rt.applied, numpy_alone, kinds=lambda kinds: arithmetic(kinds[-1:]), elementwise=False)
FROM_FUNCTION = Op(
    "from_function", rt.from_function, numpy_alone, kinds=lambda kinds: arithmetic(kinds[-1:]), elementwise=False
)


def _call(op: Op, data: tuple[Any, ...] | None = None) -> Rule:
    """A function of matrices alone."""

    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        # What a function of the user's gives counts as a number, also where SymPy takes it for a matrix.
        if any(b.rank[n] != 2 for n in nodes):
            raise refuse(expr, "one of its operands is no matrix")
        return b.apply(op, *nodes, data=data)

    return Rule(lower, folds=False, ranked=True)


def entrywise(op: Op) -> Rule:
    """A sum or product of arrays of the same leading axes."""

    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        # NumPy would broadcast arrays of other ranks, and pair the wrong axes.
        ranks = {b.rank[n] for n in nodes}
        if len(ranks) > 1:
            raise refuse(expr, f"its operands have {sorted(ranks)} axes")
        return nodes[0] if len(nodes) == 1 else b.apply(op, *nodes, data=(ranks.pop(),))

    return Rule(lower, folds=False, ranked=True)


# -- products --------------------------------------------------------------------------------------------------------


def _is_inverse(factor: sp.Basic) -> bool:
    # SymPy has both forms: the second is what an unevaluated power leaves.
    return isinstance(factor, sp.Inverse) or (type(factor) is MatPow and factor.exp == -1)


def _factors(expr: sp.Basic) -> tuple[list[Any], list[Any]]:
    scalars = [a for a in expr.args if not getattr(a, "is_Matrix", False)]
    return scalars, [a for a in expr.args if getattr(a, "is_Matrix", False)]


def _matmul_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    """Scalars, then matrices; of an inverse that is multiplied, the matrix."""
    scalars, matrices = _factors(expr)
    # An inverse that meets another factor is solved, not computed: it is more exact, and takes fewer operations.
    if len(matrices) > 1:
        matrices = [m.args[0] if _is_inverse(m) else m for m in matrices]
    return [*scalars, *matrices]


def _matmul(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    """The product, from the side where the vector is: solving beats inverting, and thin beats square."""
    scalars, matrices = _factors(expr)
    if not matrices:
        return b.mul(*nodes)
    factors = list(zip(nodes[len(scalars) :], map(_is_inverse, matrices), strict=True))
    if len(factors) == 1:
        result = factors[0][0]
    # From the right where a column ends the product, or an inverse begins it: each step is thin, or a solve.
    elif matrices[-1].shape[1] == 1 or factors[0][1]:
        # The last factor has nothing to be solved for: an inverse there is computed.
        result, inverted = factors.pop()
        if inverted:
            result = b.apply(INVERSE, result)
        for node, inverted in reversed(factors):
            result = b.apply(SOLVE if inverted else MATMUL, node, result)
    else:
        # The first is no inverse here, or the other branch had it.
        result, inverted = factors.pop(0)
        for node, inverted in factors:
            result = b.apply(SOLVE_RIGHT if inverted else MATMUL, result, node)
    # Scalars are multiplied among themselves, so that they meet the matrix in one pass over it.
    return b.apply(SCALE, b.mul(*nodes[: len(scalars)]), result, data=(2,)) if scalars else result


def _matpow(b: Builder, expr: sp.Basic, base: int, exponent: int) -> int:
    if expr.args[1] == -1:
        # Not a power: that might be complex, and an inverse of real numbers is real.
        return b.apply(INVERSE, base)
    return b.apply(POWER, base, exponent)


def _hadamard_power(b: Builder, expr: sp.Basic, base: int, exponent: int) -> int:
    # Either side may be a number: the ranks tell which axes are a matrix's own.
    return b.apply(HADAMARD_POWER, base, exponent, data=(b.rank[base], b.rank[exponent]))


def _solve(b: Builder, expr: sp.Basic, a: int, x: int) -> int:
    return b.apply(SOLVE, a, x)


# -- blocks, elements ------------------------------------------------------------------------------------------------


def _blocks(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    grid = expr.blocks
    return [grid[i, j] for i in range(grid.rows) for j in range(grid.cols)]


def _block(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    # The blocks come row by row; the number of columns says where a row ends.
    return b.apply(BLOCK, *nodes, data=(int(expr.blocks.cols),))


def _element(b: Builder, expr: sp.Basic, matrix: int, *indices: int) -> int:
    return b.apply(ELEMENT, matrix, *indices, data=(len(indices),))


def _slice_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    # Start, stop and step are operands, as symbols among them are known at the call only.
    return [expr.parent, *expr.rowslice, *expr.colslice]


def _sizes(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    return expr.shape  # type: ignore[no-any-return]  # SymPy is not typed


def _permutation(b: Builder, expr: sp.Basic) -> int:
    return b.apply(PERMUTATION, data=tuple(int(i) for i in expr.args[0].array_form))


def _permuted_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    return expr.args[:1]  # type: ignore[no-any-return]  # SymPy is not typed


def _permuted(b: Builder, expr: sp.Basic, a: int) -> int:
    permutation, axis = expr.args[1], int(expr.args[2])
    # Row i of the result is row p(i), as P*A has it for the matrix of p.
    return b.apply(PERMUTED, a, data=(axis, tuple(int(i) for i in permutation.array_form)))


# -- functions of entries --------------------------------------------------------------------------------------------


def as_lambda(function: sp.Basic, arity: int) -> Any:
    """A SymPy Lambda that means the same as a Lambda or function class."""
    if isinstance(function, sp.Lambda):
        return function
    # Dummies, so that they are no symbol of the expression, whatever that is called.
    variables = [sp.Dummy(f"k{i}") for i in range(arity)]
    return sp.Lambda(tuple(variables), function(*variables))


def _applied_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    function = as_lambda(expr.function, 1)
    # An entry may be any number, and so may the variable that stands for it.
    return [expr.expr, Under(function.expr, tuple(function.variables), INT | REAL | COMPLEX)]


def _applied(b: Builder, expr: sp.Basic, a: int, body: Body) -> int:
    if b.rank[body.node]:
        raise refuse(expr, "the function gives a matrix for a number")
    # Tells the runtime how many axes are the array's own; the others broadcast.
    size = b.const(b.rank[a])
    return b.region(APPLIED, size, a, body=body.node, bound=body.bound, rank=b.rank[a])


def _from_function_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    function = as_lambda(expr.lamda, 2)
    return [*expr.shape, Under(function.expr, tuple(function.variables))]


def _from_function(b: Builder, expr: sp.Basic, rows: int, columns: int, body: Body) -> int:
    return b.region(FROM_FUNCTION, rows, columns, body=body.node, bound=body.bound, rank=2)


def _signs() -> Any:
    """The signs that NumPy gives the diagonal of R: SymPy's are positive."""
    return np.sign(np.diag(np.linalg.qr(VALUES[A])[1]))


TITLE = "Matrix expressions"

RULES: dict[type, Rule] = {
    MatAdd: entrywise(ADD).with_example(lambda: A + B),
    MatMul: Rule(_matmul, _matmul_operands, folds=False, ranked=True).with_example(lambda: A * B),
    MatPow: Rule(_matpow, folds=False, ranked=True).with_example(lambda: A**3, "integer powers"),
    sp.Inverse: Rule(_matpow, folds=False, ranked=True).with_example(lambda: A.I),
    matrix_nodes.MatrixSolve: Rule(_solve, folds=False, ranked=True).with_example(
        lambda: matrix_nodes.MatrixSolve(A, vector=v), meaning=lambda: A.I * v
    ),
    sp.Transpose: _call(TRANSPOSE).with_example(lambda: A.T),
    sp.Adjoint: _call(ADJOINT).with_example(lambda: sp.Adjoint(A)),
    sp.Trace: _call(TRACE).with_example(lambda: sp.Trace(A)),
    sp.Determinant: _call(DETERMINANT).with_example(lambda: sp.Determinant(A)),
    Permanent: _call(PERMANENT).with_example(lambda: sp.Permanent(A)),
    HadamardProduct: entrywise(MULTIPLY).with_example(lambda: sp.HadamardProduct(A, B)),
    HadamardPower: Rule(_hadamard_power, folds=False, ranked=True).with_example(lambda: sp.HadamardPower(A, 2)),
    KroneckerProduct: _call(KRONECKER).with_example(lambda: sp.KroneckerProduct(A, B)),
    sp.BlockMatrix: Rule(_block, _blocks, folds=False, ranked=True).with_example(
        lambda: sp.BlockMatrix([[A, B], [B, A]])
    ),
    BlockDiagMatrix: _call(BLOCK_DIAGONAL).with_example(lambda: sp.BlockDiagMatrix(A, B)),
    DiagMatrix: _call(matrix_op(rt.diagonal_matrix, promote)).with_example(lambda: DiagMatrix(v)),
    DiagonalMatrix: _call(matrix_op(rt.only_diagonal, promote)).with_example(
        lambda: DiagonalMatrix(A), meaning=lambda: sp.Matrix([[A[0, 0], 0], [0, A[1, 1]]])
    ),
    DiagonalOf: _call(matrix_op(rt.diagonal_of, promote)).with_example(
        lambda: DiagonalOf(A), meaning=lambda: np.diag(VALUES[A])[:, None]
    ),
    # Lowered as the explicit matrix: its entries are coefficients, in which there may be symbols.
    CompanionMatrix: Rule(
        lambda b, e, node: node, lambda b, e: [e.as_explicit()], folds=False, ranked=True
    ).with_example(lambda: CompanionMatrix(sp.Poly([1, x, y], t)), meaning=lambda: sp.Matrix([[0, -y], [1, -x]])),
    sp.Identity: Rule(lambda b, e, *sizes: b.apply(IDENTITY, *sizes), _sizes, folds=False).with_example(
        lambda: A + sp.Identity(2)
    ),
    sp.ZeroMatrix: Rule(lambda b, e, *sizes: b.apply(ZEROS, *sizes), _sizes, folds=False).with_example(
        lambda: sp.BlockMatrix([[A, sp.ZeroMatrix(2, 2)]])
    ),
    OneMatrix: Rule(lambda b, e, *sizes: b.apply(ONES, *sizes), _sizes, folds=False).with_example(
        lambda: A + sp.OneMatrix(2, 2)
    ),
    PermutationMatrix: Rule(_permutation, lambda b, e: (), folds=False).with_example(
        lambda: A * PermutationMatrix(sp.combinatorics.Permutation([1, 0]))
    ),
    MatrixPermute: Rule(_permuted, _permuted_operands, folds=False, ranked=True).with_example(
        lambda: MatrixPermute(A, sp.combinatorics.Permutation([1, 0]))
    ),
    MatrixElement: Rule(_element, folds=False, ranked=True).with_example(lambda: A[0, 1] * x),
    MatrixSlice: Rule(
        lambda b, e, *nodes: b.apply(SLICED, *nodes), _slice_operands, folds=False, ranked=True
    ).with_example(lambda: A[0:1, 0:2]),
    DotProduct: _call(DOT).with_example(lambda: sp.DotProduct(v, w)),
    # The sign of the exponent: exp(-2*pi*i*j*k/n) here, the other one in the inverse; SymPy divides both by sqrt(n).
    fourier.DFT: Rule(
        lambda b, e, n: b.apply(FOURIER, n, data=(-1,)), lambda b, e: e.args[:1], folds=False
    ).with_example(lambda: fourier.DFT(2) * A),
    fourier.IDFT: Rule(
        lambda b, e, n: b.apply(FOURIER, n, data=(1,)), lambda b, e: e.args[:1], folds=False
    ).with_example(lambda: fourier.IDFT(2) * A),
    factorizations.LofCholesky: _call(CHOLESKY, (False,)).with_example(
        lambda: factorizations.LofCholesky(A * A.T), meaning=lambda: np.linalg.cholesky(VALUES[A] @ VALUES[A].T)
    ),
    factorizations.UofCholesky: _call(CHOLESKY, (True,)).with_example(
        lambda: factorizations.UofCholesky(A * A.T), meaning=lambda: np.linalg.cholesky(VALUES[A] @ VALUES[A].T).T
    ),
    factorizations.QofQR: _call(QR, (False,)).with_example(
        lambda: factorizations.QofQR(A), meaning=lambda: np.linalg.qr(VALUES[A])[0] * _signs()
    ),
    factorizations.RofQR: _call(QR, (True,)).with_example(
        lambda: factorizations.RofQR(A), meaning=lambda: _signs()[:, None] * np.linalg.qr(VALUES[A])[1]
    ),
    applyfunc.ElementwiseApplyFunction: Rule(_applied, _applied_operands, folds=False, ranked=True).with_example(
        lambda: applyfunc.ElementwiseApplyFunction(sp.exp, A)
    ),
    sp.FunctionMatrix: Rule(_from_function, _from_function_operands, folds=False, ranked=True).with_example(
        lambda: A + sp.FunctionMatrix(2, 2, sp.Lambda((i, j), i + 2 * j))
    ),
}
