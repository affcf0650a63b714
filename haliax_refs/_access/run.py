"""Run an operation on the part of a ref that was planned: inline under a trace, else through a compiled program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from .._compat import Tracer, has_several_devices, holder_of
from .._handle import Handle
from .._indexing.plan import Plan
from .._indexing.selectors import INDEX_DTYPE
from .._lifetime import is_mapping
from .._locks import lock_of
from .errors import explain, unvarying
from .index import Target, too_far
from .operation import Apply, Get, Operation, Reduce, Set, Swap
from .perform import NoBatchingRuleError, perform_anywhere
from .programs import find, load, store
from .sharding import beyond, divided_by, divided_by_mapping, is_in_kernel, is_manual, varying_copy
from .together import Write, jitted_anyway, store_all


_OF_OLD = (Reduce, Apply)  # what they write depends on what is there


def run(
    operation: Operation,
    handle: Handle,
    planned: Plan,
    value: jax.Array | None = None,
    value_axes: tuple[str, ...] | None = None,
    clip: bool = False,
) -> Any:
    """Do `operation` on what was planned, and return what it reads, if it reads.

    Args:
        value: what is written, checked; `value_axes` are the names of its axes.
        clip: see `Target`.
    """
    layout, raw = planned.layout, handle._ref
    write, index_arrays = not isinstance(operation, Get), isinstance(operation, _OF_OLD)
    if planned.eager:
        divided = divided_by(raw.sharding)
        target = Target(layout, planned.guards, value_axes, write, clip, index_arrays, divided)
        return jitted_anyway(_run_eager, operation, handle, target, planned, value)
    divided, kernel = divided_by_mapping(layout), is_in_kernel(raw)
    target = Target(
        layout, planned.guards, value_axes, write, clip, index_arrays, divided,
        # Where it may be, no tracer says whether it is.
        partitioned=layout.operands > 0 and not kernel and has_several_devices(),
        kernel=kernel,
        typed_ints=is_mapping(),
        manual=is_manual(),
    )  # fmt: skip
    operands = [_known(operand) for operand in planned.operands]
    if target.manual and not target.kernel:
        raw = _varying(raw, target, [*operands, *([] if value is None else [value])])
    try:
        return _run_traced(operation, raw, target, operands, value)
    except Exception as error:
        explained = explain(error, raw.dtype, layout)
        if explained is None:
            raise
        try:
            raise explained from error
        finally:
            del explained  # its traceback knows this frame, and so the ref: a cycle


def _run_traced(
    operation: Operation, raw: jax.Ref, target: Target, operands: Sequence[Any], value: jax.Array | None
) -> Any:
    try:
        return perform_anywhere(operation, raw, target, None, operands, value)
    except NoBatchingRuleError as error:
        if not target.layout.operands:
            raise error.__cause__ or error from None
    # Index arrays have a rule; they cost more, and are put together for windows that vmap maps only.
    return perform_anywhere(operation, raw, target._replace(vmapped=True), None, operands, value)


def _varying(raw: jax.Ref, target: Target, parts: Sequence[Any]) -> jax.Ref:
    """What to work on within `jax.shard_map`: jax reads at a position that varies over the mesh only what does, too."""
    names = beyond(raw, parts)
    if names and target.write:
        raise unvarying(raw.dtype, target.layout, names)
    return varying_copy(raw, names) if names else raw


def _known(operand: jax.Array) -> Any:
    """An operand that is concrete while tracing, as NumPy: jax.Ref does not take a concrete jax array everywhere."""
    if isinstance(operand, Tracer) or not isinstance(operand, jax.Array):  # quicker to tell of a tracer
        return operand
    return np.asarray(operand)


def _run_eager(operation: Operation, handle: Handle, target: Target, planned: Plan, value: jax.Array | None) -> Any:
    raw, layout = handle._ref, planned.layout
    if layout.size == 0 and target.write and not isinstance(operation, Swap):
        return None
    arguments = _positions(planned)
    if isinstance(operation, Get):
        return load(handle, operation, target, arguments)
    whole = arguments if target.value_axes is None else [*arguments, _written(value, raw)]
    if isinstance(operation, Swap):
        # In one program, XLA would copy the buffer to keep what was there: by hand as well as here.
        with lock_of(raw):
            reading = target._replace(write=False, value_axes=None)
            # Both within the lock: no other thread may write between them.
            old = load(handle, Get(operation.fill), reading, arguments)
            if layout.size:
                store(handle, Set(), target, whole)
        return old
    store(handle, operation, target, whole)
    return None


def _positions(planned: Plan) -> list[Any]:
    """What a program takes besides the buffer and what is written: the operands, and all scalars as one array."""
    if not planned.scalars:
        return [*planned.operands]
    try:
        return [*planned.operands, np.array(planned.scalars, INDEX_DTYPE)]
    except OverflowError as error:
        raise too_far(max(planned.layout.base, key=lambda axis: axis.size)) from error


def _written(value: Any, raw: jax.Ref) -> Any:
    return value if isinstance(value, jax.Array) else np.asarray(value, raw.dtype)


def run_all(writes: Sequence[tuple[Handle, Plan, Any, tuple[str, ...]]]) -> None:
    """Write each value, checked and with the names of its axes, to what was planned of its ref.

    Outside of a trace all of them are written, or none: all that may fail does so before the first.
    """
    if not all(planned.eager for _, planned, *_ in writes):
        for handle, planned, value, value_axes in writes:
            run(Set(), handle, planned, value, value_axes)
        return
    jitted_anyway(_store_all, [write for write in writes if write[1].layout.size])


def _store_all(writes: Sequence[tuple[Handle, Plan, Any, tuple[str, ...]]]) -> None:
    store_all([_prepared(*write) for write in writes])


def _prepared(handle: Handle, planned: Plan, value: Any, value_axes: tuple[str, ...]) -> Write:
    raw = handle._ref
    target = Target(planned.layout, planned.guards, value_axes, True, False, False, divided_by(raw.sharding))
    arguments = [*_positions(planned), _written(value, raw)]
    return Write(handle, find(Set(), target, holder_of(raw)._buf, arguments), arguments)
