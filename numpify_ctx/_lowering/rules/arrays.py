"""Rules of indexed arrays and of array expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.tensor.array import ArrayComprehension, ArrayComprehensionMap
from sympy.tensor.array.expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArrayElement,
    ArrayElementwiseApplyFunc,
    ArrayTensorProduct,
    OneArray,
    PermuteDims,
    Reshape,
    ZeroArray,
)  # fmt: skip

from ..._kinds import COMPLEX, INT, REAL, arithmetic, promote
from ..._program.builder import Builder
from ..._program.ir import PARAM, Op
from ..._runtime import arrays as rt
from ..._symbolic.nodes import rank_of
from ..._symbolic.refusal import refuse
from ..example import VALUES, A, B, C, D, i, u, x
from ..rule import Body, Rule, Under
from .matrices import ADD, APPLIED, ELEMENT, ONES, ZEROS, as_lambda, entrywise, matrix_op


# One operation for products, contractions and diagonals: they differ in which subscripts are equal, and kept.
EINSUM = Op("einsum", rt.einsum, kinds=arithmetic, elementwise=False)
PERMUTE = matrix_op(rt.permute, promote, rank=None)
RESHAPE = Op("reshape", rt.reshape, kinds=lambda kinds: kinds[0], elementwise=False)


# -- elements --------------------------------------------------------------------------------------------------------


def _indexed(b: Builder, expr: sp.Basic, base: int, *indices: int) -> int:
    rank = len(indices)
    # How many axes an IndexedBase without a shape has, its first use tells; all others must agree.
    if b.ops[base] is PARAM and not b.set_rank(base, rank):
        raise refuse(expr, f"it has {rank} indices, elsewhere {expr.args[0]} has {b.rank[base]}")
    if b.rank[base] != rank:
        raise refuse(expr, f"it has {rank} indices for {b.rank[base]} axes")
    return b.apply(ELEMENT, base, *indices, data=(rank,))


def _index_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    """An Idx that is not an argument itself stands for its label."""
    return [expr.label]


def _array_element(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    return [expr.args[0], *expr.indices]


# -- contraction -----------------------------------------------------------------------------------------------------


def _factors(expr: sp.Basic) -> tuple[Sequence[Any], list[int]]:
    """The arrays that an expression is a tensor product of, and their ranks."""
    arrays = expr.args if isinstance(expr, ArrayTensorProduct) else [expr]
    return arrays, [rank_of(a) for a in arrays]


def _einsum(b: Builder, nodes: Sequence[int], subscripts: Sequence[int], result: Sequence[int]) -> int:
    # One list of subscripts for all operands: the ranks say how many are whose.
    counts = tuple(b.rank[n] for n in nodes)
    return b.apply(EINSUM, *nodes, data=(tuple(subscripts), counts, tuple(result)), rank=len(result))


def _tensor_product(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    # All subscripts differ and all are kept: nothing is summed.
    everything = range(sum(b.rank[n] for n in nodes))
    return _einsum(b, nodes, everything, everything)


def _inner(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    # The factors of the product inside are operands: it is contracted without ever being made as a whole.
    return _factors(expr.expr)[0]


def _joined(count: int, groups: Sequence[Any]) -> list[int]:
    """Axis numbers, those of a group all the same."""
    numbers = list(range(count))
    for group in groups:
        for axis in group:
            # The first axis of a group gives its number to all of them, which einsum pairs by it.
            numbers[int(axis)] = int(group[0])
    return numbers


def _contraction(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    subscripts = _joined(sum(b.rank[n] for n in nodes), expr.contraction_indices)
    # What is paired and not in the result is summed over.
    gone = {int(axis) for group in expr.contraction_indices for axis in group}
    return _einsum(b, nodes, subscripts, [n for n in range(len(subscripts)) if n not in gone])


def _diagonal(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    """Axes of a group become one, behind all the others."""
    subscripts = _joined(sum(b.rank[n] for n in nodes), expr.diagonal_indices)
    gone = {int(axis) for group in expr.diagonal_indices for axis in group}
    kept = [n for n in range(len(subscripts)) if n not in gone]
    return _einsum(b, nodes, subscripts, [*kept, *(int(group[0]) for group in expr.diagonal_indices)])


def _permuted(b: Builder, expr: sp.Basic, array: int) -> int:
    order = tuple(int(i) for i in expr.permutation.array_form)
    # As np.transpose has it: axis i of the result is axis order[i] of the operand.
    return b.apply(PERMUTE, array, data=(order,))


def _reshape_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    return [expr.expr, *expr.shape]


def _reshaped(b: Builder, expr: sp.Basic, array: int, *sizes: int) -> int:
    # The old rank says how many axes are reshaped; what broadcasts lies behind them, and stays.
    return b.apply(RESHAPE, array, *sizes, data=(b.rank[array],), rank=len(sizes))


def _applied_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    function = as_lambda(expr.function, 1)
    return [expr.expr, Under(function.expr, tuple(function.variables), INT | REAL | COMPLEX)]


def _applied(b: Builder, expr: sp.Basic, array: int, body: Body) -> int:
    rank = b.rank[array]
    return b.region(APPLIED, b.const(rank), array, body=body.node, bound=body.bound, rank=rank)


def _filled(op: Op) -> Rule:
    # Integers, which make no float of what they meet.
    return Rule(lambda b, e, *sizes: b.apply(op, *sizes, rank=len(sizes)), folds=False)


def _done(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    # Written out for limits that are integers; as it was, it would be lowered for ever.
    result = expr.doit()
    if type(result) is type(expr):
        raise refuse(expr, "its limits are not known")
    return [result]


def _first(b: Builder, expr: sp.Basic, node: int, *others: int) -> int:
    return node


TITLE = "Indexed and array expressions"

RULES: dict[type, Rule] = {
    sp.Indexed: Rule(_indexed, folds=False, ranked=True).with_example(lambda: u[1] * x),
    sp.Idx: Rule(_first, _index_operands).with_example(
        lambda: sp.Sum(u[sp.Idx("i", 3)], (sp.Idx("i", 3), 0, 2)), meaning=lambda: u[0] + u[1] + u[2]
    ),
    ArrayElement: Rule(_indexed, _array_element, folds=False, ranked=True).with_example(
        lambda: C[0, 1] * x, meaning=lambda: VALUES[A][0, 1] * VALUES[x]
    ),
    ArrayTensorProduct: Rule(_tensor_product, folds=False, ranked=True).with_example(
        lambda: ArrayTensorProduct(C, D), meaning=lambda: np.multiply.outer(VALUES[A], VALUES[B])
    ),
    ArrayContraction: Rule(_contraction, _inner, folds=False, ranked=True).with_example(
        lambda: ArrayContraction(ArrayTensorProduct(C, D), (1, 2)), meaning=lambda: VALUES[A] @ VALUES[B]
    ),
    ArrayDiagonal: Rule(_diagonal, _inner, folds=False, ranked=True).with_example(
        lambda: ArrayDiagonal(C, (0, 1)), meaning=lambda: np.diagonal(VALUES[A])
    ),
    ArrayAdd: entrywise(ADD).with_example(lambda: ArrayAdd(C, D), meaning=lambda: VALUES[A] + VALUES[B]),
    PermuteDims: Rule(_permuted, lambda b, e: [e.expr], folds=False, ranked=True).with_example(
        lambda: PermuteDims(C, [1, 0]), meaning=lambda: VALUES[A].T
    ),
    Reshape: Rule(_reshaped, _reshape_operands, folds=False, ranked=True).with_example(
        lambda: Reshape(C, (4,)), meaning=lambda: VALUES[A].ravel()
    ),
    ArrayElementwiseApplyFunc: Rule(_applied, _applied_operands, folds=False, ranked=True).with_example(
        lambda: ArrayElementwiseApplyFunc(sp.exp, C), meaning=lambda: np.exp(VALUES[A])
    ),
    ZeroArray: _filled(ZEROS).with_example(
        lambda: ArrayTensorProduct(C, ZeroArray(2), evaluate=False), meaning=lambda: np.zeros((2, 2, 2))
    ),
    OneArray: _filled(ONES).with_example(
        lambda: ArrayTensorProduct(C, OneArray(2)), meaning=lambda: np.multiply.outer(VALUES[A], [1.0, 1.0])
    ),
    ArrayComprehension: Rule(_first, _done, folds=False, ranked=True).with_example(
        lambda: ArrayComprehension(x * i, (i, 1, 3))
    ),
    ArrayComprehensionMap: Rule(_first, _done, folds=False, ranked=True).with_example(
        lambda: ArrayComprehensionMap(lambda i: 2 * i, (i, 1, 3))
    ),
}
