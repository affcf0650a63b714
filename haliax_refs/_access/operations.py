"""Reading, writing and updating what an index selects of a ref: planned and checked first, then run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from haliax import NamedArray
from jax.lax import GatherScatterMode

from .._compat import Tracer, named_array
from .._handle import Handle
from .._indexing.plan import Plan, plan
from .._lifetime import is_eager
from .._types import Index
from .dtypes import is_keys
from .operation import GET, Add, Apply, Array, Fill, Get, Operation, Reduce, Reduction, Set, Swap
from .run import run, run_all
from .values import checked, checked_fill


Value = Any  # a NamedArray, an array, a scalar or whatever NumPy makes an array of
Mode = str | GatherScatterMode | None


def read(ref: Handle, idx: Index, mode: Mode = None, fill_value: Array | None = None) -> NamedArray:
    name = _mode_name(mode)
    planned = _plan(ref, idx, name)
    fill = checked_fill(fill_value, ref._ref.dtype, name, bool(planned.guards))
    return named_array(run(GET if fill is None else Get(Fill.of(fill)), ref, planned), planned.layout.axes)


def write(ref: Handle, idx: Index, value: Value, mode: Mode = None) -> None:
    name = _mode_name(mode)
    planned = _plan(ref, idx, name)
    _run_with_value(Set(), ref, planned, value, name)


def write_all(writes: Sequence[tuple[Handle, Value]]) -> None:
    """Write to all that each ref shows: outside of a trace to all of them, or to none."""
    planned = []
    for ref, value in writes:
        plan = _plan(ref, ..., None)
        planned.append((ref, plan, *checked(value, plan.layout, ref._ref.dtype)))
    run_all(planned)


def swap(ref: Handle, idx: Index, value: Value, mode: Mode = None, fill_value: Array | None = None) -> NamedArray:
    name = _mode_name(mode)
    planned = _plan(ref, idx, name)
    fill = checked_fill(fill_value, ref._ref.dtype, name, bool(planned.guards))
    old = _run_with_value(Swap(Fill.of(fill)), ref, planned, value, name)
    return named_array(old, planned.layout.axes)


def add(ref: Handle, idx: Index, value: Value, mode: Mode = None) -> None:
    name = _mode_name(mode)
    planned = _plan(ref, idx, name)
    _check_numbers(ref._ref.dtype, "add")
    # jax adds bools along a slice, but not at an index array; by name the sum is "or" everywhere
    operation = Reduce("max") if ref._ref.dtype == np.bool_ else Add()
    _run_with_value(operation, ref, planned, value, name)


def reduce(reduction: Reduction, ref: Handle, idx: Index, value: Value, mode: Mode = None) -> None:
    name = _mode_name(mode)
    planned, dtype = _plan(ref, idx, name), ref._ref.dtype
    _check_numbers(dtype, reduction)
    if reduction == "divide" and not jnp.issubdtype(dtype, jnp.inexact):
        raise TypeError(f"cannot divide in place: the NamedRef holds {dtype}; use .apply(lambda x: x // value)")
    if reduction == "multiply" and dtype == np.bool_:  # likewise "and"
        reduction = "min"
    _run_with_value(Reduce(reduction), ref, planned, value, name)


def apply(function: Callable[[jax.Array], Array], ref: Handle, idx: Index, mode: Mode = None) -> None:
    if not callable(function):
        raise TypeError(f"expected a function, got {function!r}")
    name = _mode_name(mode)
    run(Apply(function), ref, _plan(ref, idx, name), clip=name == "clip")


def _run_with_value(operation: Operation, ref: Handle, planned: Plan, value: Value, mode: str | None) -> Any:
    array, value_axes = checked(value, planned.layout, ref._ref.dtype)
    return run(operation, ref, planned, array, value_axes, clip=mode == "clip")


def _check_numbers(dtype: np.dtype[Any], verb: str) -> None:
    if is_keys(dtype):
        raise TypeError(
            f"cannot {verb} in place: the NamedRef holds {dtype}, and keys are not numbers; write ref[idx] = keys"
        )


def _mode_name(mode: Mode) -> str | None:
    """A mode as `jax.numpy` takes it: a name, or a `GatherScatterMode`, for which `NamedArray.at` is typed."""
    if isinstance(mode, GatherScatterMode):
        mode = _NAMES.get(mode, mode)
    if mode is None or mode in ("clip", "promise_in_bounds", "drop", "fill"):
        return mode
    raise ValueError(f"unknown mode {mode!r}; the modes are 'clip', 'drop', 'fill' and 'promise_in_bounds'")


_NAMES = {
    GatherScatterMode.CLIP: "clip",
    GatherScatterMode.FILL_OR_DROP: "fill",
    GatherScatterMode.PROMISE_IN_BOUNDS: "promise_in_bounds",
}


def _plan(ref: Handle, idx: Index, mode: str | None) -> Plan:
    ref._check_usable()
    eager = not isinstance(ref._ref, Tracer) and is_eager()
    return plan(ref._layout, ref._operands, idx, guard=mode in ("drop", "fill"), eager=eager)
