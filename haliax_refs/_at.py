"""`ref.at[idx]`: reads and in-place updates of the part of a ref that an index selects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from haliax import NamedArray

from ._access.operations import Mode, add, apply, read, reduce, write
from ._handle import Handle
from ._tracebacks import short_traceback
from ._types import Array, Index, Value


class At:
    """`ref.at`, to be indexed: `ref.at[idx]` is an `AtIndex`. See `NamedRef.at`."""

    __slots__ = ("_ref",)

    def __init__(self, ref: Handle) -> None:
        self._ref = ref

    def __getitem__(self, idx: Index) -> AtIndex:
        return AtIndex(self._ref, idx)

    def __setitem__(self, idx: Index, value: Value) -> NoReturn:
        raise TypeError("'ref.at' does not support item assignment; write ref[idx] = value")

    def __repr__(self) -> str:
        return f"<{self._ref!r}.at>"


class AtIndex:
    """The part of a ref that an index selects, to be read or updated in place; see `NamedRef.at`.

    Every update takes a value as `haliax_refs.set` does, raises what that raises, and returns None. A position that an
    index array mentions twice is updated twice; of two that are `set`, the last stays.

    Each method takes the hints of `NamedArray.at`, `unique_indices` and `indices_are_sorted`, so that code may serve
    both. They change no result; `jax.Ref`, to which most operations go, has no use for them.
    """

    __slots__ = ("_idx", "_ref")

    def __init__(self, ref: Handle, idx: Index) -> None:
        self._ref, self._idx = ref, idx

    def __repr__(self) -> str:
        return f"<{self._ref!r}.at[{self._idx!r}]>"

    @short_traceback
    def get(
        self,
        *,
        mode: Mode = None,
        unique_indices: bool = False,
        indices_are_sorted: bool = False,
        fill_value: Array | None = None,
    ) -> NamedArray:
        """As `haliax_refs.get`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", [2, 7]].get(mode="fill", fill_value=0.0).array.tolist()
        [3.0, 0.0]
        """
        return read(self._ref, self._idx, mode, fill_value)

    @short_traceback
    def set(
        self, value: Value, *, mode: Mode = None, unique_indices: bool = False, indices_are_sorted: bool = False
    ) -> None:
        """As `haliax_refs.set`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", [2, 7]].set(9.0, mode="drop")
        >>> ref[...].array.tolist()
        [1.0, 2.0, 9.0]
        """
        write(self._ref, self._idx, value, mode)

    @short_traceback
    def add(
        self, value: Value, *, mode: Mode = None, unique_indices: bool = False, indices_are_sorted: bool = False
    ) -> None:
        """As `haliax_refs.addupdate`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", [2, 2]].add(1.0)
        >>> ref[...].array.tolist()
        [1.0, 2.0, 5.0]
        """
        add(self._ref, self._idx, value, mode)

    @short_traceback
    def multiply(
        self, value: Value, *, mode: Mode = None, unique_indices: bool = False, indices_are_sorted: bool = False
    ) -> None:
        """Multiply what is there by `value`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", 1:].multiply(10.0)
        >>> ref[...].array.tolist()
        [1.0, 20.0, 30.0]
        """
        reduce("multiply", self._ref, self._idx, value, mode)

    mul = multiply

    @short_traceback
    def divide(
        self, value: Value, *, mode: Mode = None, unique_indices: bool = False, indices_are_sorted: bool = False
    ) -> None:
        """Divide what is there by `value`; TypeError where the ref holds integers.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", 1:].divide(2.0)
        >>> ref[...].array.tolist()
        [1.0, 1.0, 1.5]
        """
        reduce("divide", self._ref, self._idx, value, mode)

    @short_traceback
    def power(
        self, value: Value, *, mode: Mode = None, unique_indices: bool = False, indices_are_sorted: bool = False
    ) -> None:
        """Raise what is there to the power of `value`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", 1:].power(2.0)
        >>> ref[...].array.tolist()
        [1.0, 4.0, 9.0]
        """
        reduce("power", self._ref, self._idx, value, mode)

    @short_traceback
    def min(
        self, value: Value, *, mode: Mode = None, unique_indices: bool = False, indices_are_sorted: bool = False
    ) -> None:
        """Replace what is there by the lesser of it and `value`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at[...].min(2.0)
        >>> ref[...].array.tolist()
        [1.0, 2.0, 2.0]
        """
        reduce("min", self._ref, self._idx, value, mode)

    @short_traceback
    def max(
        self, value: Value, *, mode: Mode = None, unique_indices: bool = False, indices_are_sorted: bool = False
    ) -> None:
        """Replace what is there by the greater of it and `value`.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at[...].max(2.0)
        >>> ref[...].array.tolist()
        [2.0, 2.0, 3.0]
        """
        reduce("max", self._ref, self._idx, value, mode)

    @short_traceback
    def apply(
        self,
        function: Callable[[Any], Any],
        *,
        mode: Mode = None,
        unique_indices: bool = False,
        indices_are_sorted: bool = False,
    ) -> None:
        """Replace what is there by `function` of it; the result is cast as a value that is written is.

        Args:
            function: takes a jax array and gives one of its shape, entry by entry. The axes that it sees have no names
                and no order to rely on.
        Raises:
            TypeError: `function` is not callable.
            ValueError: its result has another shape.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.named([1.0, 2.0, 3.0], "x"))
        >>> ref.at["x", 1:].apply(lambda x: -x)
        >>> ref[...].array.tolist()
        [1.0, -2.0, -3.0]
        """
        apply(function, self._ref, self._idx, mode)
