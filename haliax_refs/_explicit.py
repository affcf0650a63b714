"""Reads are explicit: what Python, NumPy, jax and Haliax do with arrays, refused with the advice to read `ref[...]`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NoReturn

import jax
import numpy as np
from haliax import NamedArray

from ._types import Passed


_OF_ARRAYS = frozenset(field.name for field in dataclasses.fields(NamedArray)) | frozenset(dir(NamedArray))

# upstream's own class, where this haliax has one; `install` finds it, and appends it while it holds its lock
UPSTREAM: list[Any] = []


def is_ref(value: object) -> bool:
    """Whether `value` is a ref: one of ours, of upstream's, or of jax's."""
    return isinstance(value, (ExplicitReads, jax.Ref, *UPSTREAM))


class ExplicitReads:
    """The base of what holds values but is not an array.

    NumPy and jax ask an operand for `__array__` and `__jax_array__`, and Haliax's operators ask jax; so these speak
    where the array stands on the left, too.
    """

    __slots__ = ()

    __array_priority__ = 1000  # so that NumPy leaves `array + ref` to our error

    def __eq__(self, other: object) -> bool:
        is_array = isinstance(other, NamedArray | np.ndarray | np.generic | jax.Array) and not isinstance(
            other, jax.Ref
        )
        if is_array or isinstance(other, bool | int | float | complex):
            raise TypeError(
                f"cannot compare a NamedRef with {type(other).__name__}: a ref is equal to itself only; "
                "compare its contents, ref[...] == other"
            )
        return self is other or NotImplemented

    def _no_value(self, *args: Passed, **kwargs: Passed) -> NoReturn:
        raise TypeError("a NamedRef is not an array; read it first: pass ref[...]")

    if TYPE_CHECKING:
        # What is refused is not there for a type checker, which then says so where it is written. These are:

        __iter__: None  # or `for x in ref` is taken for one over ref[0], ref[1], ...

        def __hash__(self) -> int: ...

    else:
        __hash__ = object.__hash__

        def _no_arithmetic(self, *args: Passed) -> NoReturn:
            raise TypeError("a NamedRef is not an array; read it first: write ref[...] + 1, or ref[...] += 1")

        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _no_arithmetic
        __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = (
            _no_arithmetic
        )
        __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __lshift__ = __rshift__ = _no_arithmetic
        __rlshift__ = __rrshift__ = __divmod__ = __rdivmod__ = __round__ = _no_arithmetic
        __neg__ = __pos__ = __abs__ = __invert__ = __lt__ = __le__ = __gt__ = __ge__ = _no_arithmetic

        __bool__ = __float__ = __int__ = __complex__ = __len__ = __contains__ = __reversed__ = _no_value
        __array__ = __jax_array__ = _no_value

        def __iter__(self) -> NoReturn:
            raise TypeError("a NamedRef is not iterable: its axes have no order; read ref[...], or index by name")

        def __getattr__(self, name: str) -> NoReturn:
            fact = f"'{type(self).__name__}' object has no attribute {name!r}"
            if name in _OF_ARRAYS and not name.startswith("_"):
                fact = f"a NamedRef is not an array and has no .{name}; read it first: ref[...].{name}"
            raise AttributeError(fact, name=name, obj=self)
