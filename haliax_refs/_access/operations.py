"""Reading, writing and updating what an index shows of a ref: planned and checked first, then run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray
from jax.lax import GatherScatterMode

from .._indexing.plan import Plan, plan
from .run import Reduction, operation_of, run
from .values import checked, checked_fill, is_keys


if TYPE_CHECKING:
    from .._refs import NamedRef


def read(ref: NamedRef, idx: Any, mode: str | None, fill_value: Any) -> NamedArray:
    mode = _mode(mode)
    planned = _plan(ref, idx, mode)
    fill = checked_fill(fill_value, ref._ref.dtype, mode, bool(planned.guards))
    out = run(operation_of("get", None, planned.guards, fill), ref._ref, planned)
    return NamedArray(out, planned.layout.axes)


# jax adds and multiplies bools along a slice, but not at an index array; by name they are these everywhere
_OF_BOOLS: dict[Reduction, Reduction] = {"add": "max", "multiply": "min"}


def write(
    kind: Any, ref: NamedRef, idx: Any, value: Any, mode: str | None, fill_value: Any = None
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


def reduce(reduction: Reduction, ref: NamedRef, idx: Any, value: Any, mode: str | None) -> None:
    planned = _plan(ref, idx, _mode(mode))
    dtype = ref._ref.dtype
    _check_numbers(dtype, reduction)
    array, value_axes = checked(value, planned.layout, dtype)
    if reduction == "divide" and not jnp.issubdtype(dtype, jnp.inexact):
        raise TypeError(f"cannot divide in place: the ref holds {dtype}; take .apply(lambda x: x // value)")
    if dtype == np.bool_:
        reduction = _OF_BOOLS.get(reduction, reduction)
    run(operation_of("reduce", value_axes, planned.guards, None, reduction), ref._ref, planned, array)


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


def _plan(ref: NamedRef, idx: Any, mode: str | None) -> Plan:
    ref._check_usable()
    traced = isinstance(ref._ref, jax.core.Tracer)
    return plan(ref._layout, ref._operands, idx, guard=mode in ("drop", "fill"), traced=traced)


class At:
    """`ref.at`, to be indexed: `ref.at[idx]` is an `AtIndex`. See `NamedRef.at`."""

    __slots__ = ("_ref",)

    def __init__(self, ref: NamedRef) -> None:
        self._ref = ref

    def __getitem__(self, idx: Any) -> AtIndex:
        return AtIndex(self._ref, idx)

    def __setitem__(self, idx: Any, value: Any) -> NoReturn:
        raise TypeError("cannot assign to ref.at[...]: it is there to be updated; write ref[idx] = value")

    def __repr__(self) -> str:
        return f"<{self._ref!r}.at>"


class AtIndex:
    """The part of a ref that an index shows, to be read or updated in place; see `NamedRef.at`.

    Every update takes a value as `haliax_refs.set` does, raises what that raises, and returns None. A position that an
    index array mentions twice is updated twice; of two that are `set`, the last stays.
    """

    __slots__ = ("_idx", "_ref")

    def __init__(self, ref: NamedRef, idx: Any) -> None:
        self._ref, self._idx = ref, idx

    def __repr__(self) -> str:
        return f"<{self._ref!r}.at[{self._idx!r}]>"

    def get(self, *, mode: str | None = None, fill_value: Any = None) -> NamedArray:
        """As `haliax_refs.get`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", [2, 7]].get(mode="fill", fill_value=0.0).array.tolist()
        [3.0, 0.0]
        """
        return read(self._ref, self._idx, mode, fill_value)

    def set(self, value: Any, *, mode: str | None = None) -> None:
        """As `haliax_refs.set`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", [2, 7]].set(9.0, mode="drop")
        >>> ref[...].array.tolist()
        [1.0, 2.0, 9.0]
        """
        write("set", self._ref, self._idx, value, mode)

    def add(self, value: Any, *, mode: str | None = None) -> None:
        """As `haliax_refs.addupdate`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", [2, 2]].add(1.0)
        >>> ref[...].array.tolist()
        [1.0, 2.0, 5.0]
        """
        write("addupdate", self._ref, self._idx, value, mode)

    def multiply(self, value: Any, *, mode: str | None = None) -> None:
        """Multiply what is shown by `value`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", 1:].multiply(10.0)
        >>> ref[...].array.tolist()
        [1.0, 20.0, 30.0]
        """
        reduce("multiply", self._ref, self._idx, value, mode)

    mul = multiply

    def divide(self, value: Any, *, mode: str | None = None) -> None:
        """Divide what is shown by `value`; TypeError where the ref holds integers.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", 1:].divide(2.0)
        >>> ref[...].array.tolist()
        [1.0, 1.0, 1.5]
        """
        reduce("divide", self._ref, self._idx, value, mode)

    def power(self, value: Any, *, mode: str | None = None) -> None:
        """Raise what is shown to the power of `value`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", 1:].power(2.0)
        >>> ref[...].array.tolist()
        [1.0, 4.0, 9.0]
        """
        reduce("power", self._ref, self._idx, value, mode)

    def min(self, value: Any, *, mode: str | None = None) -> None:
        """Replace what is shown by the lesser of it and `value`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at[...].min(2.0)
        >>> ref[...].array.tolist()
        [1.0, 2.0, 2.0]
        """
        reduce("min", self._ref, self._idx, value, mode)

    def max(self, value: Any, *, mode: str | None = None) -> None:
        """Replace what is shown by the greater of it and `value`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at[...].max(2.0)
        >>> ref[...].array.tolist()
        [2.0, 2.0, 3.0]
        """
        reduce("max", self._ref, self._idx, value, mode)

    def apply(self, function: Callable[[Any], Any], *, mode: str | None = None) -> None:
        """Replace what is shown by `function` of it; the result is cast as a value that is written is.

        Args:
            function: takes a jax array and gives one of its shape, entry by entry. The axes that it sees have no names
                and no order to rely on.
        Raises:
            TypeError: `function` is none.
            ValueError: its result has another shape.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", 1:].apply(lambda x: -x)
        >>> ref[...].array.tolist()
        [1.0, -2.0, -3.0]
        """
        if not callable(function):
            raise TypeError(f"cannot apply {function!r}: it is no function")
        planned = _plan(self._ref, self._idx, _mode(mode))
        run(operation_of("reduce", None, planned.guards, None, "apply", function), self._ref._ref, planned)
