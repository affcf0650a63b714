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
from ..rule import Rule


def _entries(b: Builder, expr: Any) -> Sequence[Any]:
    return [sp.sympify(entry, strict=True) for entry in (expr.flat() if isinstance(expr, sp.MatrixBase) else expr)]


def _elements(b: Builder, expr: Any) -> Sequence[Any]:
    if expr.shape == ():
        return [expr[()]]
    return [expr[expr._get_tuple_index(i)] for i in range(len(expr))]


def _stack(b: Builder, expr: Any, *entries: int) -> int:
    return b.apply(STACK, *entries, data=(tuple(int(n) for n in expr.shape),), rank=len(expr.shape))


def _is_sparse(expr: Any) -> bool:
    """Is it worth keeping apart what is not 0?"""
    size = expr.rows * expr.cols
    return bool(size >= 64 and 4 * expr.nnz() <= size)


def _sparse_entries(b: Builder, expr: Any) -> Sequence[Any]:
    if not _is_sparse(expr):
        return _entries(b, expr)
    return [sp.sympify(entry, strict=True) for _, entry in sorted(expr.todok().items())]


def _scatter(b: Builder, expr: Any, *entries: int) -> int:
    if not _is_sparse(expr):
        return _stack(b, expr, *entries)
    places = Places(int(expr.rows), int(expr.cols), tuple(sorted(expr.todok())))
    return b.apply(_SCATTERED, *entries, data=(places,), rank=2)


_SCATTERED = Op("scattered", scattered, kinds=lambda kinds: promote([INT, *kinds]), elementwise=False)

_matrix = Rule(_stack, _entries, folds=False)
_sparse = Rule(_scatter, _sparse_entries, folds=False)
_array = Rule(_stack, _elements, folds=False)

RULES: dict[type, Rule] = {
    **dict.fromkeys((sp.Matrix, sp.ImmutableMatrix), _matrix),
    **dict.fromkeys((sp.SparseMatrix, sp.ImmutableSparseMatrix), _sparse),
    **dict.fromkeys(
        (sp.MutableDenseNDimArray, sp.ImmutableDenseNDimArray, sp.MutableSparseNDimArray, sp.ImmutableSparseNDimArray),
        _array,
    ),
}
