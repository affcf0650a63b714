"""Rules of explicit matrices and arrays: their entries computed, then stacked on leading axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from ..._kinds import INT, promote
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._program.ops import STACK
from ..._runtime.arrays import Places, scattered
from ..example import x, y
from ..rule import Rule


def _entries(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    # Strict: an entry that is a string is refused, never read as code.
    return [sp.sympify(entry, strict=True) for entry in (expr.flat() if isinstance(expr, sp.MatrixBase) else expr)]


def _elements(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    if expr.shape == ():
        # No axes, one element: there is no index to count.
        return [expr[()]]
    # By flat index: to iterate over an array of several axes gives its slices.
    return [expr[expr._get_tuple_index(i)] for i in range(len(expr))]


def _stack(b: Builder, expr: sp.Basic, *entries: int) -> int:
    # `rank` counts the new axes, which lead; the axes to which the entries broadcast come behind.
    return b.apply(STACK, *entries, data=(tuple(int(n) for n in expr.shape),), rank=len(expr.shape))


def _is_sparse(expr: sp.Basic) -> bool:
    """Is it worth keeping apart what is not 0?"""
    # Asked for the operands and again for the node: the answer must depend on nothing but the expression.
    size = expr.rows * expr.cols
    return bool(size >= 64 and 4 * expr.nnz() <= size)


def _sparse_entries(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    if not _is_sparse(expr):
        return _entries(b, expr)
    # Sorted, as `todok` has them in the order in which they were set: equal matrices are to give equal programs.
    return [sp.sympify(entry, strict=True) for _, entry in sorted(expr.todok().items())]


def _scatter(b: Builder, expr: sp.Basic, *entries: int) -> int:
    if not _is_sparse(expr):
        return _stack(b, expr, *entries)
    places = Places(int(expr.rows), int(expr.cols), tuple(sorted(expr.todok())))
    return b.apply(_SCATTERED, *entries, data=(places,), rank=2)


# INT takes part, as all other entries are the integer 0.
_SCATTERED = Op("scattered", scattered, kinds=lambda kinds: promote([INT, *kinds]), elementwise=False)


def _matrix(rule: Rule, cls: Any, note: str = "") -> Rule:
    # `note` marks the sparse ones, whose example has one more 0 to leave out.
    return rule.with_example(lambda: cls([[x, 0 if note else 1], [0, y]]), note)


def _array(cls: Any, note: str = "") -> Rule:
    return Rule(_stack, _elements, folds=False).with_example(lambda: cls([x, y]), note)


# folds=False: a matrix of constants is constant, but no number that evalf could give.
_DENSE, _SPARSE = Rule(_stack, _entries, folds=False), Rule(_scatter, _sparse_entries, folds=False)

TITLE = "Explicit matrices and arrays"

RULES: dict[type, Rule] = {
    sp.Matrix: _matrix(_DENSE, sp.Matrix),
    sp.ImmutableMatrix: _matrix(_DENSE, sp.ImmutableMatrix),
    sp.SparseMatrix: _matrix(_SPARSE, sp.SparseMatrix, "dense in NumPy"),
    sp.ImmutableSparseMatrix: _matrix(_SPARSE, sp.ImmutableSparseMatrix, "dense in NumPy"),
    sp.MutableDenseNDimArray: _array(sp.MutableDenseNDimArray),
    sp.ImmutableDenseNDimArray: _array(sp.ImmutableDenseNDimArray),
    sp.MutableSparseNDimArray: _array(sp.MutableSparseNDimArray, "dense in NumPy"),
    sp.ImmutableSparseNDimArray: _array(sp.ImmutableSparseNDimArray, "dense in NumPy"),
}
