"""Rules of explicit matrices and arrays: their entries computed, then stacked on leading axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from .._builder import Builder
from .._lower import Rule
from .._ops import STACK


def _entries(b: Builder, expr: Any) -> Sequence[Any]:
    return [sp.sympify(entry, strict=True) for entry in (expr.flat() if isinstance(expr, sp.MatrixBase) else expr)]


def _elements(b: Builder, expr: Any) -> Sequence[Any]:
    if expr.shape == ():
        return [expr[()]]
    return [expr[expr._get_tuple_index(i)] for i in range(len(expr))]


def _stack(b: Builder, expr: Any, *entries: int) -> int:
    return b.apply(STACK, *entries, data=(tuple(int(n) for n in expr.shape),), rank=len(expr.shape))


_matrix = Rule(_stack, _entries, folds=False)
_array = Rule(_stack, _elements, folds=False)

RULES: dict[type, Rule] = {
    **dict.fromkeys((sp.Matrix, sp.ImmutableMatrix, sp.SparseMatrix, sp.ImmutableSparseMatrix), _matrix),
    **dict.fromkeys(
        (sp.MutableDenseNDimArray, sp.ImmutableDenseNDimArray, sp.MutableSparseNDimArray, sp.ImmutableSparseNDimArray),
        _array,
    ),
}
