"""The value of an expression in a program: where expressions meet their operands."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._compat import Tracer
from .._indexing.compose import positions_of
from .._indexing.selectors import INDEX_DTYPE
from .._indexing.views import Affine, Expr, Fit, Iota, Narrow, Operand, Pick, Scalar, Strided, View


Position: TypeAlias = "int | np.ndarray[Any, Any] | np.integer[Any] | jax.Array"

_ARRAYS = (Tracer, jax.Array)


def is_array(value: object) -> TypeGuard[jax.Array]:
    """Whether it is an array of jax's. Of a tracer it is quicker to tell by its own class first."""
    return isinstance(value, _ARRAYS)


@dataclass(slots=True, eq=False)  # one for each access; frozen, it would take three times as long to make
class Evaluator:
    """The values of scalars and operands, and the axes that index arrays are aligned with, a dimension each."""

    scalars: Any
    operands: Sequence[Any]
    axes: tuple[str, ...]

    def evaluate(self, expr: Expr) -> Any:
        """The value of an expression: a 0-d integer, or an array with a dimension (of size 1 or more) for each axis."""
        match expr:  # what comes most often first: a class is asked for in turn
            case Narrow(of, low, high):
                return narrow(self.evaluate(of), low, high)
            case Operand(slot):
                return self.operands[slot]
            case int():
                return expr
            case Scalar(slot):
                return self.scalars[slot]
            case Iota(axis, size):
                return self.align(arange(size), (axis,))
            case Pick(source, dims):
                return self.pick(self.operands[source.slot], dims)
            case Fit(Narrow(of), size, room):  # one clamp, in the dtype that is given, does both
                return fit(self.evaluate(of), size, room)
            case Fit(of, size, room):
                return fit(self.evaluate(of), size, room)
            case Affine(of, start, step):
                return self.affine(self.evaluate(of), self.evaluate(start), step)
        assert_never(expr)

    def affine(self, of: Position, start: Position, step: int) -> Any:
        # Both are in bounds, so that they fit the index dtype; what is negative is added must be signed.
        if step < 0 or not isinstance(start, int):
            of, start = signed(of), signed(start)
        scaled = of if step == 1 else of * step
        return scaled if isinstance(start, int) and start == 0 else scaled + start

    def align(self, array: Any, names: tuple[str, ...]) -> Any:
        """`array`, whose dimensions are `names`, with a dimension for each of `self.axes`."""
        # Shapes: (names, in their order) -> (self.axes), with 1 where `names` has none of them.
        order = sorted(range(len(names)), key=lambda i: self.axes.index(names[i]))
        if order != list(range(len(names))):
            array = array.transpose(order)
        if len(names) == len(self.axes):
            return array
        missing = tuple(i for i, name in enumerate(self.axes) if name not in names)
        return np.expand_dims(array, missing) if isinstance(array, np.ndarray) else lax.expand_dims(array, missing)

    def pick(self, array: Any, dims: tuple[View, ...]) -> Any:
        names = tuple(dim.axis for dim in dims if isinstance(dim, Strided))
        shape = tuple(dim.positions for dim in dims if isinstance(dim, Strided))
        # All of the array, each dimension along an axis of its own: nothing to index.
        if len(set(names)) == len(dims) and shape == tuple(range(n) for n in array.shape):
            return self.align(array, names)
        index = tuple(self.evaluate(positions_of(dim)) for dim in dims)
        # NumPy would ask a traced index for its value.
        if isinstance(array, np.ndarray) and any(isinstance(i, jax.Array) for i in index):
            array = jnp.asarray(array)
        return array[index]


def arange(size: int) -> jax.Array:
    return jnp.arange(size, dtype=INDEX_DTYPE)


def widen(value: Position) -> Any:
    """`value` in a dtype in which sums with an axis' size do not wrap round."""
    if isinstance(value, int) or value.dtype.itemsize >= 4:
        return value
    return value.astype(INDEX_DTYPE)


def signed(value: Position) -> Any:
    """`value`, which fits the index dtype, in it where it is unsigned, so that it may be added to what is negative."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.unsignedinteger):
        return value.astype(INDEX_DTYPE)
    return value


def narrow(value: Position, low: int, high: int) -> Any:
    """`value` in the index dtype, with what is outside of `low` to `high` at the nearer of them."""
    if isinstance(value, int):
        return min(max(value, low), high)
    dtype = value.dtype
    # Nothing to cut down: all its values are in the index dtype.
    if dtype == INDEX_DTYPE:
        return value
    if dtype.itemsize < 4:
        return widen(value)
    # An unsigned dtype holds no negative bound; its values have none below 0.
    low = max(low, 0) if jnp.issubdtype(dtype, jnp.unsignedinteger) else low
    if isinstance(value, jax.Array):
        value = lax.clamp(dtype.type(low), value, dtype.type(high))
    else:
        value = np.clip(value, dtype.type(low), dtype.type(high))
    return value.astype(INDEX_DTYPE)


def fit(value: Position, size: int, room: int) -> Any:
    """`Fit`: negative values count from the end of `size`, then all is clamped into `range(room)`."""
    value = widen(value)
    if isinstance(value, jax.Array):
        return _fit_traced(value, size, room)
    return np.clip(np.where(np.less(value, 0), np.add(value, size), value), 0, room - 1)


@functools.partial(jax.jit, static_argnums=(1, 2), inline=False)
def _fit_traced(value: jax.Array, size: int, room: int) -> jax.Array:
    """One equation where it is traced."""
    if jnp.issubdtype(value.dtype, jnp.signedinteger):
        value = lax.select(value < 0, value + size, value)
    fitted = lax.clamp(value.dtype.type(0), value, value.dtype.type(room - 1))
    return fitted.astype(INDEX_DTYPE) if value.dtype.itemsize == 8 else fitted
