"""One operation on a `jax.Ref` that is being traced: the index is put together, and the value put into its shape."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._compat import note_as_users
from .._indexing.layout import Layout
from .dtypes import check_cast, fill_of
from .evaluate import is_array
from .gradients import staying, without_lost
from .index import Access, Target, access
from .operation import Add, Apply, Fill, Get, Operation, Reduce, Reduction, Set, Swap
from .sharding import WHOLE, explicit_sharding, sharding_of_part


R = TypeVar("R")


def perform_anywhere(
    operation: Operation,
    ref: jax.Ref,
    target: Target,
    scalars: Sequence[Any] | None,
    operands: Sequence[Any],
    value: Any = None,
) -> Any:
    """`perform`, also where the ref's type says how a mesh with explicit axes divides it.

    jax takes no ints, nor slices of divided axes, of such a ref. So what it holds is read whole, worked on where XLA
    divides as it sees fit, and written whole; XLA makes one update in place of the three.
    """
    sharding = explicit_sharding(ref)
    if sharding is None or target.layout.size == 0:
        return perform(operation, ref, target, scalars, operands, value)
    # Within, the buffer is one array: XLA finds by itself how to divide the work.
    inner = target._replace(divided=WHOLE, partitioned=True)
    whole = tuple(slice(0, size) for size in target.layout.base_shape)
    reads, writes = isinstance(operation, Get | Swap), not isinstance(operation, Get)

    def automatic(
        buffer: jax.Array, scalars: Sequence[Any] | None, operands: Sequence[Any], value: Any
    ) -> list[jax.Array]:
        raw = jax.new_ref(buffer)
        read = perform(operation, raw, inner, scalars, operands, value)
        return [*([read] if reads else []), *([jax.freeze(raw)] if writes else [])]

    shardings = [*([sharding_of_part(target.layout, sharding)] if reads else []), *([sharding] if writes else [])]
    with jax.sharding.use_abstract_mesh(sharding.mesh):  # type: ignore[arg-type]  # a type has an abstract one
        results = jax.sharding.auto_axes(automatic, out_sharding=shardings)(ref[whole], scalars, operands, value)
    if writes:
        ref[whole] = results[-1]
    return results[0] if reads else None


class NoBatchingRuleError(Exception):
    """vmap has no rule for this index: that of a window whose start is mapped. `__cause__` is what jax said."""


def perform(
    operation: Operation,
    ref: jax.Ref,
    target: Target,
    scalars: Sequence[Any] | None,
    operands: Sequence[Any],
    value: Any = None,
) -> Any:
    """Do `operation` on `target` of `ref` and return what it reads, if it reads.

    Args:
        ref: a `jax.Ref`, traced or in a kernel.
        scalars, operands: the values that the layout numbers.
        value: what is written, unless the operation has its own.
    """
    layout = target.layout
    if layout.size == 0 or 0 in layout.base_shape:  # nothing to do, and jax.Ref refuses some empty slices
        return _filled(layout, ref.dtype, operation.fill) if isinstance(operation, Get | Swap) else None
    where = access(target, scalars, operands)
    if isinstance(operation, Get):
        return _result(_load(ref, where), where, layout, operation.fill)
    # Before `_placed`, as there is no value to place: the function makes it of what is read.
    if isinstance(operation, Apply):
        return _apply(ref, where, layout, operation.function)
    new = _placed(value, target, where, ref.dtype)
    match operation:
        case Set():
            return _store(ref, where, without_lost(new, where, layout, _staying(target, operands)))
        case Add():
            return _cells(jax.ref.addupdate, ref, where.index, without_lost(new, where, layout, None))
        case Reduce(name):
            return _reduce(ref, where, layout, name, new)
        case Swap(fill):
            stays = _staying(target, operands)
            new = without_lost(new, where, layout, stays)
            # Nothing is known to be lost, so jax's one primitive may do both.
            if stays is None and where.mask is None:
                return _result(_cells(jax.ref.swap, ref, where.index, new), where, layout, fill)
            old = _load(ref, where)  # jax's own swap would lose a part of the gradient of what was there
            _store(ref, where, new)
            return _result(old, where, layout, fill)
    assert_never(operation)


def _staying(target: Target, operands: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    return None if target.kernel else staying(target.layout, operands)


def _cells(primitive: Callable[..., R], *args: Any) -> R:
    """What jax does to the cells of a ref, apart from what a user's function does."""
    try:
        return primitive(*args)
    except NotImplementedError as error:
        raise NoBatchingRuleError from error


def _load(ref: jax.Ref, where: Access) -> Any:
    try:
        return ref[where.index]
    except NotImplementedError as error:
        raise NoBatchingRuleError from error


def _store(ref: jax.Ref, where: Access, value: Any) -> None:
    try:
        ref[where.index] = value
    except NotImplementedError as error:
        raise NoBatchingRuleError from error


def _result(raw: jax.Array, where: Access, layout: Layout, fill: Fill) -> Any:
    """What was read, in the order of the layout's axes."""
    if where.flips:
        raw = lax.rev(raw, where.flips)
    if where.lone is not None:
        raw = raw.squeeze(where.lone)
    if where.order is not None:
        raw = lax.transpose(raw, where.order)
    if where.mask is None:
        return raw
    # The mask has the axes of the index arrays only: it is the same all along the others.
    missing = [i for i, axis in enumerate(layout.axes) if axis.name not in where.mask_axes]
    return jnp.where(jnp.expand_dims(where.mask, missing), raw, fill_of(raw.dtype, fill.value))


def _filled(layout: Layout, dtype: np.dtype[Any], fill: Fill) -> Any:
    """What reads where no entry is in bounds, if there is one at all."""
    shape = [axis.size for axis in layout.axes]
    return jnp.full(shape, fill_of(dtype, fill.value)) if layout.size else jnp.zeros(shape, dtype)


def _placed(value: Any, target: Target, where: Access, dtype: np.dtype[Any]) -> Any:
    """A value to write, cast, broadcast by name and permuted to the shape of `ref[where.index]`."""
    assert target.value_axes is not None
    if not is_array(value):
        value = np.asarray(value, dtype) if np.ndim(value) == 0 else jnp.asarray(value, dtype)
    elif value.dtype != dtype:
        value = lax.convert_element_type(value, dtype)
    # The reverse of `_result`, in reverse: transposed, broadcast, made wider by the lone axis, flipped.
    order, shape, dims = _placement(target.value_axes, where.axes, target.layout)
    if order is not None:
        value = lax.transpose(value, order)
    if len(dims) < len(shape):
        value = lax.broadcast_in_dim(value, shape, dims)
    if where.lone is not None:
        value = lax.expand_dims(value, [where.lone])
    if where.flips:
        value = lax.rev(value, where.flips)
    return value


@functools.lru_cache(maxsize=4096)
def _placement(
    value_axes: tuple[str, ...], axes: tuple[str, ...], layout: Layout
) -> tuple[tuple[int, ...] | None, tuple[int, ...], tuple[int, ...]]:
    """For a value in the shape of `axes`: its dimensions in that order, the shape, and where they stand in it."""
    order = tuple(sorted(range(len(value_axes)), key=lambda i: axes.index(value_axes[i])))
    shape = tuple(layout.shape[name] for name in axes)
    dims = tuple(axes.index(value_axes[i]) for i in order)
    return None if order == tuple(range(len(order))) else order, shape, dims


_UFUNCS: dict[Reduction, Callable[[Any, Any], Any]] = {
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "power": jnp.power,
    "min": jnp.minimum,
    "max": jnp.maximum,
}


def _reduce(ref: jax.Ref, where: Access, layout: Layout, name: Reduction, update: jax.Array) -> None:
    if _has_index_arrays(where):
        _at_array(ref, where, layout, lambda at: getattr(at, name)(update))
    else:
        _store(ref, where, _UFUNCS[name](_load(ref, where), update).astype(ref.dtype))


def _apply(ref: jax.Ref, where: Access, layout: Layout, function: Callable[[Any], Any]) -> None:
    applied = _checked(function, ref.dtype)
    if _has_index_arrays(where):
        _at_array(ref, where, layout, lambda at: at.apply(applied))
    else:
        _store(ref, where, applied(_load(ref, where)).astype(ref.dtype))


def _has_index_arrays(where: Access) -> bool:
    return any(np.ndim(entry) for entry in where.index if not isinstance(entry, slice))


def _at_array(ref: jax.Ref, where: Access, layout: Layout, update: Callable[[Any], Any]) -> None:
    """Update what index arrays select, as `jax.Array.at` does: once for each mention of a position."""
    whole = tuple(slice(None) for _ in layout.base)
    ref[whole] = update(ref[whole].at[where.index]).astype(ref.dtype)


def _checked(function: Callable[[Any], Any], dtype: np.dtype[Any]) -> Callable[[Any], Any]:
    """`function`, whose result must be of the shape of its argument, and may be cast to `dtype`."""

    def checked(old: jax.Array) -> Any:
        try:
            new = function(old)
        except NotImplementedError as error:
            note_as_users(error)
            raise
        name = getattr(function, "__name__", repr(function))
        if not isinstance(new, jax.Array | np.ndarray | np.generic | bool | int | float | complex):
            raise TypeError(f"{name} must act on an array, elementwise: it returned {type(new).__name__}")
        if np.shape(new) != old.shape:
            fact = f"it returned shape {np.shape(new)} for shape {old.shape}"
            raise ValueError(f"{name} must act on an array, elementwise: {fact}")
        check_cast(new, dtype)
        return jnp.asarray(new, dtype)

    return checked
