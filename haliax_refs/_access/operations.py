"""Reading, writing and updating what an index shows of a ref: planned and checked first, then run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray
from jax.lax import GatherScatterMode

from .._compat import Tracer
from .._handle import Handle
from .._indexing.plan import Plan, plan
from .run import Reduction, operation_of, run
from .values import checked, checked_fill, is_keys


def read(ref: Handle, idx: Any, mode: str | None, fill_value: Any) -> NamedArray:
    mode = _mode(mode)
    planned = _plan(ref, idx, mode)
    fill = checked_fill(fill_value, ref._ref.dtype, mode, bool(planned.guards))
    out = run(operation_of("get", None, planned.guards, fill), ref._ref, planned)
    return NamedArray(out, planned.layout.axes)


# jax adds and multiplies bools along a slice, but not at an index array; by name they are these everywhere
_OF_BOOLS: dict[Reduction, Reduction] = {"add": "max", "multiply": "min"}


def write(
    kind: Any, ref: Handle, idx: Any, value: Any, mode: str | None, fill_value: Any = None
) -> tuple[Any, tuple[Axis, ...]]:
    mode = _mode(mode)
    planned, dtype = _plan(ref, idx, mode), ref._ref.dtype
    if kind == "addupdate":
        _check_numbers(dtype, "add")
    fill = checked_fill(fill_value, dtype, mode, bool(planned.guards)) if kind == "swap" else None
    array, value_axes = checked(value, planned.layout, dtype)
    if kind == "addupdate" and dtype == np.bool_:
        operation = operation_of("reduce", value_axes, planned.guards, None, _OF_BOOLS["add"])
    else:
        operation = operation_of(kind, value_axes, planned.guards, fill)
    return run(operation, ref._ref, planned, array), planned.layout.axes


def reduce(reduction: Reduction, ref: Handle, idx: Any, value: Any, mode: str | None) -> None:
    planned = _plan(ref, idx, _mode(mode))
    dtype = ref._ref.dtype
    _check_numbers(dtype, reduction)
    array, value_axes = checked(value, planned.layout, dtype)
    if reduction == "divide" and not jnp.issubdtype(dtype, jnp.inexact):
        raise TypeError(f"cannot divide in place: the ref holds {dtype}; take .apply(lambda x: x // value)")
    if dtype == np.bool_:
        reduction = _OF_BOOLS.get(reduction, reduction)
    run(operation_of("reduce", value_axes, planned.guards, None, reduction), ref._ref, planned, array)


def apply(function: Callable[[Any], Any], ref: Handle, idx: Any, mode: str | None) -> None:
    if not callable(function):
        raise TypeError(f"cannot apply {function!r}: it is no function")
    planned = _plan(ref, idx, _mode(mode))
    run(operation_of("reduce", None, planned.guards, None, "apply", function), ref._ref, planned)


def _check_numbers(dtype: Any, verb: str) -> None:
    if is_keys(dtype):
        raise TypeError(
            f"cannot {verb} in place: the ref holds {dtype}, and keys are no numbers; write ref[idx] = keys"
        )


def _mode(mode: Any) -> str | None:
    """A mode as `jax.numpy` takes it: a name, or a `GatherScatterMode`, for which `NamedArray.at` is typed."""
    if mode is None:
        return None
    if isinstance(mode, GatherScatterMode):
        mode = _NAMES.get(mode, mode)
    if mode not in ("clip", "promise_in_bounds", "drop", "fill"):
        raise ValueError(f"cannot index with mode={mode!r}: the modes are 'clip', 'drop', 'fill'")
    name: str | None = mode
    return name


_NAMES = {
    GatherScatterMode.CLIP: "clip",
    GatherScatterMode.FILL_OR_DROP: "fill",
    GatherScatterMode.PROMISE_IN_BOUNDS: "promise_in_bounds",
}


def _plan(ref: Handle, idx: Any, mode: str | None) -> Plan:
    ref._check_usable()
    traced = isinstance(ref._ref, Tracer)
    return plan(ref._layout, ref._operands, idx, guard=mode in ("drop", "fill"), traced=traced)
