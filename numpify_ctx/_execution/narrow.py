"""Sums, products and the like of short integers in a type into which all of them fit; NumPy's int64 is longer.

Law: no node leaves that type, so that each value is the integer that it would be in int64, which results become at the
end. Which type that is, the dtypes of the arguments tell, or else their largest and smallest elements. One operation
takes the arguments as they are: NumPy converts them, and its result, in its own short buffers. And logic of booleans is
computed in booleans, which elsewhere count as the integers 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._memo import Memo
from .._program.bounds import Bounds, Integers, bits_of_dtype, bits_of_values
from .._program.ir import CONST, PARAM, Op, Program
from .._program.ops import NE, NOT
from .._runtime.integers import LARGEST
from .forms import Forms


_INT64 = np.dtype(np.int64)
# By the largest magnitude that may be in them.
_TYPES = {2**15 - 1: np.dtype(np.int16), 2**31 - 1: np.dtype(np.int32), LARGEST: _INT64}
_SHORTEST = _TYPES[2**15 - 1]
_BOOL = np.dtype(bool)
_MOST = 64  # answers remembered for one program


class Narrow:
    """The narrow way of one program, whose only result is elementwise."""

    __slots__ = ("_bounds", "_dtypes", "_forms", "_integers", "_is_logic", "_is_one_step", "_settled", "_ufunc")

    def __init__(self, program: Program, bounds: Bounds, forms: Forms) -> None:
        self._bounds, self._forms = bounds, forms
        self._integers = Integers((1 << len(program.parameters)) - 1, checked=False)
        self._is_one_step = sum([len(args) - 1 for args in program.args if len(args) > 1]) < 2
        self._is_logic = all(map(_is_of_logic, program.ops, program.data))
        self._ufunc = forms.ufunc(False)
        self._dtypes: Memo[tuple[int, ...], Any] = Memo(_MOST)
        # The type by the dtypes of arguments, where their values are not, or no more, looked at.
        self._settled: Memo[tuple[Any, ...], Any] = Memo(_MOST)

    def computed(self, values: Sequence[Any]) -> Any:
        """The result of arrays and scalars, in a type shorter than int64; None if there is no such way for them."""
        dtype = self._dtype(values)
        if dtype is None or dtype is _INT64:
            return None
        if dtype is _BOOL:
            return self._forms.booleans()(*values)
        given = [v.astype(dtype, copy=False) if type(v) is np.ndarray else dtype.type(v) for v in values]
        return self._forms.arrays(self._integers)(*given)

    def at_once(self, values: Sequence[Any], size: int) -> Any:
        """The result in int64 of arrays of so many elements, and scalars, by one operation; None if it takes more."""
        dtype = None if self._ufunc is None else self._dtype(values)
        if self._ufunc is None or dtype is None or dtype is _BOOL:
            return None
        return self._ufunc(*values, np.empty(size, _INT64), dtype=dtype)

    def _dtype(self, values: Sequence[Any]) -> Any:
        """The type that they are computed in; None if there is none."""
        kinds = tuple([value.dtype if type(value) is np.ndarray else type(value) for value in values])
        return self._settled[kinds] if kinds in self._settled else self._new_dtype(kinds, values)

    def _new_dtype(self, kinds: tuple[Any, ...], values: Sequence[Any]) -> Any:
        if self._is_logic and all([kind is _BOOL for kind in kinds]):  # noqa: C419  a list is quicker
            return self._settled.put(kinds, _BOOL)
        bits = [_room(value) for value in values]
        if None in bits:
            return self._settled.put(kinds, None)
        by_kind = self._shortest(bits)
        # To look at all elements costs less than to make them longer, or than two operations on int64.
        if by_kind is not _SHORTEST and not (self._is_one_step and by_kind in (None, _INT64)):
            dtype = self._shortest([bits_of_values(np.asarray(value)) for value in values])
            if dtype is not by_kind:
                return dtype
        # Where a look was in vain, there is no other.
        if all(type(value) is np.ndarray for value in values):
            self._settled.put(kinds, by_kind)
        return by_kind

    def _shortest(self, bits: Sequence[Any]) -> Any:
        """The shortest type for integers of so many bits beside the sign; None if they may leave int64."""
        key = tuple(bits)
        if key not in self._dtypes:
            largest = self._bounds.largest(key)
            fitting = [dtype for limit, dtype in _TYPES.items() if largest <= limit]
            self._dtypes.put(key, fitting[0] if fitting else None)
        return self._dtypes[key]


def _is_of_logic(op: Op, data: Any) -> bool:
    """Is this logic, a parameter, or the question whether one is not 0?"""
    return op in (PARAM, NOT, NE) or op.form == "logic" or (op is CONST and type(data) is int and data == 0)


def _room(value: Any) -> int | None:
    """How many bits it may have beside the sign; None if it is no integer, or one of uint64."""
    if type(value) is np.ndarray:
        return bits_of_dtype(value.dtype)
    return int(value).bit_length() if isinstance(value, int | np.integer | np.bool_) else None
