"""Run an operation on what a layout shows: inline under a trace, else through a cached compiled program.

Outside a trace a raw `jax.Ref` write copies the whole buffer, and each new static position compiles anew. Here a
program is compiled once for each structure: positions and index arrays are its arguments, and it updates in place.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import SingleDeviceSharding

from .._compat import Tracer
from .._indexing.layout import Layout
from .._indexing.plan import Plan
from .._indexing.selectors import INDEX_DTYPE
from .._indexing.views import Expr
from .._recent import Recent
from .errors import explain
from .gradients import staying, without_lost
from .index import ARRAYS, Access, access
from .sharding import divided_by, divided_by_mapping
from .values import bounds, check_cast, is_keys


Reduction: TypeAlias = Literal["add", "multiply", "divide", "power", "min", "max", "apply"]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """What to do with the shown part of a buffer, but for its values: structure, like a layout.

    Make one with `operation_of`: equal contents give the same object, so it compares and hashes by identity.

    Args:
        kind: read, write, write and return what was there, accumulate, or reduce with what is there.
        value_axes: the names of the value's axes, in its order; None where there is no value.
        guards: the indices of a `mode="drop"` or `mode="fill"` access, which may be out of bounds.
        fill: what such a read gives out of bounds; None for the default of `jax.numpy`.
        reduction: what `kind="reduce"` does.
        function: what `reduction="apply"` calls.
    """

    kind: Literal["get", "set", "swap", "addupdate", "reduce"]
    value_axes: tuple[str, ...] | None = None
    guards: tuple[tuple[Expr, int], ...] = ()
    fill: Any = None
    reduction: Reduction | None = None
    function: Callable[[Any], Any] | None = None


_OPERATIONS: Recent[Any, Operation] = Recent(4096)
_APPLIED: Recent[Any, Operation] = Recent(16)  # a function may hold anything; most are made where they are passed


def operation_of(
    kind: Literal["get", "set", "swap", "addupdate", "reduce"],
    value_axes: tuple[str, ...] | None = None,
    guards: tuple[tuple[Expr, int], ...] = (),
    fill: Any = None,
    reduction: Reduction | None = None,
    function: Callable[[Any], Any] | None = None,
) -> Operation:
    """The `Operation` with these contents."""
    if isinstance(fill, Tracer):  # then it runs inline, and no program is looked up
        return Operation(kind, value_axes, guards, fill, reduction, function)
    fill_key = None
    if fill is not None:
        # By its bytes: 0.0 and -0.0 are equal, and NaN is not even equal to itself.
        dtype = getattr(fill, "dtype", None)
        known = np.asarray(jax.random.key_data(fill) if is_keys(dtype) else fill)
        fill_key = (type(fill), dtype or known.dtype, known.tobytes())
    key = (kind, value_axes, guards, fill_key, reduction, function)
    operations = _OPERATIONS if function is None else _APPLIED
    found = operations.get(key)
    if found is None:
        found = operations.remember(key, Operation(kind, value_axes, guards, fill, reduction, function))
    return found


def run(operation: Operation, ref: Any, planned: Plan, value: Any = None) -> Any:
    """Do `operation` on what `planned` shows of `ref`, a `jax.Ref`, and return what it reads, if it reads."""
    if planned.eager:
        if operation.kind != "swap":
            return _call(operation, ref, planned, value)
        # In one program, XLA would copy the buffer to keep what was there: by hand as well as here.
        with _alone(operation, ref):
            old = _call(operation_of("get", None, operation.guards, operation.fill), ref, planned, None)
            _call(operation_of("set", operation.value_axes, operation.guards), ref, planned, value)
        return old
    operands = [_known(operand) for operand in planned.operands]
    try:
        return _run_traced(operation, ref, planned.layout, operands, value)
    except Exception as error:
        explained = explain(error, ref.dtype, planned.layout)
        if explained is None:
            raise
        raise explained from error


def _run_traced(operation: Operation, ref: Any, layout: Layout, operands: Sequence[Any], value: Any) -> Any:
    divided = divided_by_mapping(layout)
    try:
        return _run(operation, ref, layout, None, operands, value, divided=divided)
    except NotImplementedError:
        # vmap has no rule for a window whose start is mapped.
        if not layout.operands:
            raise
        return _run(operation, ref, layout, None, operands, value, mapped=True, divided=divided)


def _known(operand: Any) -> Any:
    """An operand that is concrete while tracing, as NumPy: jax.Ref does not take a concrete jax array everywhere."""
    if isinstance(operand, Tracer) or not isinstance(operand, jax.Array):  # quicker to tell of a tracer
        return operand
    return np.asarray(operand)


# dtypes of less than a byte: a compiled program refuses the layout that jax gives a NumPy argument of these
_NARROW = frozenset(
    np.dtype(getattr(jnp, name)) for name in ("int2", "uint2", "int4", "uint4", "float4_e2m1fn") if hasattr(jnp, name)
)

# Of what is compiled only the executable is kept, some 0.2 MB: `jax.jit` would keep 1.3 MB more of what it came from.
_COMPILED: Recent[Any, Callable[..., Any]] = Recent(1024)
_COMPILED_APPLIED: Recent[Any, Callable[..., Any]] = Recent(16)  # these hold the function, see `_APPLIED`
_JITTED: Recent[Any, Any] = Recent(256)  # for refs that are on several devices


def _call(operation: Operation, ref: Any, planned: Plan, value: Any) -> Any:
    """Run the compiled program of an operation.

    A ref is nearly always on one device. Then what is compiled is called itself: through `jax.jit` costs twice that.
    """
    # An operation is one step, with nothing of the caller's to look into.
    if jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        with jax.disable_jit(False):
            return _call(operation, ref, planned, value)
    layout, arguments = planned.layout, [*planned.operands]
    if planned.scalars:
        arguments.append(np.array(planned.scalars, INDEX_DTYPE))
    if operation.value_axes is not None:
        arguments.append(value if isinstance(value, jax.Array) else np.asarray(value, ref.dtype))
    sharding = ref.sharding
    if type(sharding) is not SingleDeviceSharding or ref.dtype in _NARROW:
        called = _jitted(operation, layout, divided_by(sharding))
        with _alone(operation, ref):
            return called(ref, *arguments)
    known = _COMPILED if operation.function is None else _COMPILED_APPLIED
    key = (operation, layout, ref.dtype, sharding, *map(_signature, arguments))
    compiled = known.get(key)
    if compiled is None:
        compiled = known.remember(key, _program(operation, layout).lower(ref, *arguments).compile())
    with _alone(operation, ref):
        return compiled(ref, *arguments)


# A few for all refs, by id: two that share one only wait for each other. Reentrant, as finalizers may use refs.
_LOCKS = tuple(threading.RLock() for _ in range(64))


def _alone(operation: Operation, ref: Any) -> AbstractContextManager[Any]:
    """While no other thread uses the ref: a program takes the buffer out of it and puts one in, to read as well.

    A function that is applied may call back, from a thread of jax's, what uses a ref; it must not wait for us.
    """
    return _LOCKS[id(ref) // 64 % len(_LOCKS)] if operation.function is None else nullcontext()


def alone(refs: Sequence[Any]) -> list[AbstractContextManager[Any]]:
    """The locks under which no other thread uses any of these refs, in the order in which every thread takes them."""
    return [_LOCKS[number] for number in sorted({id(ref) // 64 % len(_LOCKS) for ref in refs})]


def _signature(argument: Any) -> tuple[Any, ...]:
    """What a program that is compiled for this argument takes instead of it."""
    if isinstance(argument, jax.Array):
        return argument.shape, argument.dtype, argument.sharding, argument.committed
    # What jax takes a NumPy dtype of 64 bits for depends on whether `jax.enable_x64` is on.
    wide = argument.dtype.itemsize == 8
    return argument.shape, jax.dtypes.canonicalize_dtype(argument.dtype) if wide else argument.dtype


def _jitted(*key: Any) -> Any:
    found = _JITTED.get(key)
    return _JITTED.remember(key, _program(*key)) if found is None else found


def _program(operation: Operation, layout: Layout, divided: frozenset[int] = frozenset()) -> Any:
    def program(ref: Any, *arguments: Any) -> Any:
        operands, rest = arguments[: layout.operands], [*arguments[layout.operands :]]
        scalars = rest.pop(0) if layout.scalars else None
        return _run(operation, ref, layout, scalars, operands, rest.pop() if rest else None, divided=divided)

    program.__name__ = program.__qualname__ = f"named_ref_{operation.kind}"  # which jax's errors and profiles show
    return jax.jit(program)


def _run(
    operation: Operation,
    ref: Any,
    layout: Layout,
    scalars: Any,
    operands: Sequence[Any],
    value: Any,
    mapped: bool = False,
    divided: frozenset[int] = frozenset(),
) -> Any:
    kind = operation.kind
    if layout.size == 0 or 0 in layout.base_shape:  # nothing to do, and jax.Ref refuses some empty slices
        return _filled(layout, ref.dtype, operation) if kind in ("get", "swap") else None
    write, arrays, kernel = kind != "get", kind == "reduce", _is_in_kernel(ref)
    where = access(
        layout,
        scalars,
        operands,
        operation.guards,
        write=write,
        arrays=arrays,
        mapped=mapped,
        divided=divided,
        kernel=kernel,
    )
    if kind == "get":
        return _shown(ref[where.index], where, layout, operation)
    if kind == "reduce":
        return _reduce(ref, where, layout, operation, value)
    assert operation.value_axes is not None
    stays = None if kind == "addupdate" or kernel else staying(layout, operands)
    raw = without_lost(_raw(value, operation.value_axes, where, layout, ref.dtype), where, layout, stays)
    if kind == "set":
        ref[where.index] = raw
        return None
    if kind == "swap" and (stays is not None or where.mask is not None):
        old = ref[where.index]  # jax's own swap would lose a part of the gradient of what was there
        ref[where.index] = raw
        return _shown(old, where, layout, operation)
    if kind == "swap":
        return _shown(jax.ref.swap(ref, where.index, raw), where, layout, operation)
    jax.ref.addupdate(ref, where.index, raw)
    return None


_REFS = (Tracer, jax.Ref)  # of a tracer it is quicker to tell


def _is_in_kernel(ref: Any) -> bool:
    # What `.at` makes of one has no type of its own.
    whole = ref if isinstance(ref, _REFS) else ref.ref
    return getattr(jax.typeof(whole), "memory_space", None) is not None


def _shown(raw: Any, where: Access, layout: Layout, operation: Operation) -> Any:
    """What was read, in the order of the layout's axes."""
    if where.flips:
        raw = lax.rev(raw, where.flips)
    if where.lone is not None:
        raw = raw.squeeze(where.lone)
    if where.order is not None:
        raw = lax.transpose(raw, where.order)
    if where.mask is None:
        return raw
    missing = [i for i, axis in enumerate(layout.axes) if axis.name not in where.mask_axes]
    return jnp.where(jnp.expand_dims(where.mask, missing), raw, _fill_value(raw.dtype, operation.fill))


def _filled(layout: Layout, dtype: Any, operation: Operation) -> Any:
    """What reads where no entry is in bounds, if there is one at all."""
    shape = [axis.size for axis in layout.axes]
    return jnp.full(shape, _fill_value(dtype, operation.fill)) if layout.size else jnp.zeros(shape, dtype)


def _fill_value(dtype: Any, fill: Any) -> Any:
    if fill is not None:
        return fill if is_keys(dtype) else jnp.asarray(fill, dtype)
    if jnp.issubdtype(dtype, jnp.inexact):
        return jnp.asarray(jnp.nan, dtype)
    if jnp.issubdtype(dtype, jnp.signedinteger):
        return jnp.asarray(bounds(dtype)[0], dtype)
    if jnp.issubdtype(dtype, jnp.unsignedinteger):
        return jnp.asarray(bounds(dtype)[1], dtype)
    return jnp.asarray(True, dtype)


def _raw(value: Any, value_axes: tuple[str, ...], where: Access, layout: Layout, dtype: Any) -> Any:
    """A value to write, cast, broadcast by name and permuted to the shape of `ref[where.index]`."""
    if not isinstance(value, ARRAYS):
        value = np.asarray(value, dtype) if np.ndim(value) == 0 else jnp.asarray(value, dtype)
    elif value.dtype != dtype:
        value = lax.convert_element_type(value, dtype)
    order, shape, dims = _placement(value_axes, where.axes, layout)
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


_ELEMENTWISE: dict[Reduction, Callable[[Any, Any], Any]] = {
    "add": jnp.add,
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "power": jnp.power,
    "min": jnp.minimum,
    "max": jnp.maximum,
}


def _reduce(ref: Any, where: Access, layout: Layout, operation: Operation, value: Any) -> None:
    """`ref.at[...].multiply` and its kin, which act once for each mention of an index that is mentioned twice."""
    reduction = operation.reduction
    assert reduction is not None
    update = None
    function = None if operation.function is None else _checked(operation.function, ref.dtype)
    if operation.value_axes is not None:
        update = _raw(value, operation.value_axes, where, layout, ref.dtype)
    if any(np.ndim(entry) for entry in where.index if not isinstance(entry, slice)):
        whole = tuple(slice(None) for _ in layout.base)
        at = ref[whole].at[where.index]
        ref[whole] = (at.apply(function) if function else getattr(at, reduction)(update)).astype(ref.dtype)
        return
    old = ref[where.index]
    new = function(old) if function else _ELEMENTWISE[reduction](old, update)
    ref[where.index] = new.astype(ref.dtype)


def _checked(function: Callable[[Any], Any], dtype: Any) -> Callable[[Any], Any]:
    """`function`, whose result must be of the shape of its argument, and may be cast to `dtype`."""

    def checked(old: Any) -> Any:
        new = function(old)
        name = getattr(function, "__name__", repr(function))
        if not isinstance(new, jax.Array | np.ndarray | np.generic | bool | int | float | complex):
            raise TypeError(f"cannot apply {name}: it gives {type(new).__name__}; it acts on an array, elementwise")
        if np.shape(new) != old.shape:
            fact = f"it gives shape {np.shape(new)} where {old.shape} is shown"
            raise ValueError(f"cannot apply {name}: {fact}; it acts on an array, elementwise")
        check_cast(new, dtype)
        return jnp.asarray(new, dtype)

    return checked
