"""What keeps the gradient of a write right: entries that do not stay in the buffer carry none.

jax takes the cotangent of what is written from the cells that it was written to. But of entries that share a cell only
the last one stays, and one out of bounds (`mode="drop"`) is nowhere; jax gives them a cell's cotangent all the same.

Which entries share a cell is found while tracing, from indices that are known then. For those that are not, it would
take equations that a hand-written write does not have: there the gradient is as `jax.Ref` has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._compat import Tracer
from .._indexing.compose import axes_of, positions_of
from .._indexing.layout import Layout
from .._indexing.views import Expr, Gather, Iota, Operand, Pick, Point, Scalar
from .evaluate import Evaluator
from .index import Access, gathered_axes


class _NotKnownError(Exception):
    """A position is known only when the program runs."""


@dataclass(slots=True, eq=False)
class _KnownEvaluator(Evaluator):
    """An evaluator of only what is known while tracing, by NumPy."""

    def evaluate(self, expr: Expr) -> Any:
        match expr:
            case Iota(axis, size):
                return self.align(np.arange(size), (axis,))
            case Scalar():
                raise _NotKnownError
            case Operand(slot) | Pick(Operand(slot), _) if not isinstance(self.operands[slot], np.ndarray):
                raise _NotKnownError
        return Evaluator.evaluate(self, expr)


def staying(layout: Layout, operands: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    """Which entries of a write stay, aligned with the axes of the index arrays; None where all do, or it is not known.

    Of the entries that share a cell, the last one stays.

    >>> import haliax as hax, haliax_refs
    >>> view = hax.new_ref(hax.zeros({"x": 4})).slice("x", [2, 0, 2])
    >>> staying(view._layout, view._operands)
    array([False,  True,  True])
    """
    gathered = gathered_axes(layout)
    if not gathered:
        return None
    known = _KnownEvaluator(None, operands, tuple(axis.name for axis in layout.axes if axis.name in gathered))
    # Entries share a cell only by what index arrays say: along slices, different entries are different cells.
    by_array = [
        (positions_of(view), axis.size)
        for axis, view in zip(layout.base, layout.views, strict=True)
        if isinstance(view, Gather) or any(name in gathered for name, _ in axes_of(view))
    ]
    if all(isinstance(view, Point) for view in layout.views):
        return None
    try:
        positions = [known.evaluate(expr) for expr, _ in by_array]
    except _NotKnownError:
        return None
    shape = tuple(layout.shape[name] for name in known.axes)
    # Several index arrays name one cell together: as one number, equal cells are equal numbers.
    cells = np.ravel_multi_index([np.broadcast_to(at, shape) for at in positions], [size for _, size in by_array])
    # `np.unique` gives the first of equal ones; backwards, that is the last written.
    _, last = np.unique(cells.ravel()[::-1], return_index=True)
    # No cell is named twice.
    if len(last) == cells.size:
        return None
    stays = np.zeros(cells.size, bool)
    stays[cells.size - 1 - last] = True
    return stays.reshape(shape)


def without_lost(value: Any, where: Access, layout: Layout, stays: np.ndarray[Any, Any] | None) -> Any:
    """`value`, as it is written by `where`, with no gradient for the entries that do not stay in the buffer."""
    if where.mask is None and stays is None:
        return value
    if not isinstance(value, Tracer) or not jnp.issubdtype(value.dtype, jnp.inexact):
        return value
    gathered = gathered_axes(layout)
    missing = [i for i, name in enumerate(where.axes) if name not in gathered]
    for mask, dims in ((where.mask, missing if where.mask_axes else ()), (stays, missing)):
        if mask is not None:
            # The same value on both sides: only the gradient is cut.
            value = jnp.where(jnp.expand_dims(mask, dims), value, lax.stop_gradient(value))
    return value
