"""Functions of whole numbers: exact where the result fits, continued to other numbers where SymPy continues them.

Conventions, for every function of this kind:

- Integers in: the exact values, as int64 if all of them are integers that fit, else as float64. Python integers in,
  a Python integer out, however large.
- Floats in: floats out. A float that is a whole number counts as that number; another one has a value only where
  SymPy's definition has a continuation, else it is nan.
- Complex in, complex out.
- Outside the domain (a negative index, an even modulus), nan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..._kinds import is_int64
from ..._symbolic.exact import quotient
from ..integers import OVERFLOW
from ..numbers import FLOAT64
from ..types import Value
from .direct import count_nonzero
from .pointwise import Array, Pointwise, delivered, result_dtype


_INFINITE = (float("inf"), float("-inf"))
_EXACT_FLOATS = 2.0**53  # whole floats from here on may stand for other numbers


class Undefined(ValueError):
    """The function has no value at these integers."""


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A function of integers, perhaps continued, that broadcasts as a ufunc does.

    Attributes:
        name: for people.
        exact: `(*Python ints) -> int, Fraction or float`; raises `Undefined` where there is no value.
        continued: what computes it for other numbers; None if nothing does.
        whole: which arguments must be integers for `exact`; the others are passed as floats. None: all.
        largest: `exact` is not asked for integers beyond this, where it would take long; `continued` is.
        beyond: `(*Python ints) -> float`: what lies further out than both reach. None: nan.
        far: `exact` takes a keyword `far`, beyond which it need not write out a number; for Python's integers, this.

    >>> square = Whole("square", lambda n: n * n)
    >>> square(np.array([1, 2])), square(10**20), square(np.array([3.0, 0.5])), square(np.array([2**40]))
    (array([1, 4]), 10000000000000000000000000000000000000000, array([ 9., nan]), array([1.20892582e+24]))
    """

    name: str
    exact: Callable[..., Any]
    continued: Pointwise | None = None
    whole: tuple[int, ...] | None = None
    largest: float = float("inf")
    beyond: Callable[..., float] | None = None
    far: int | None = None

    def __call__(self, *args: Value) -> Any:
        if self.continued is not None and self.whole is None and any([_are_no_whole(a) for a in args]):  # noqa: C419
            return self.continued(*args)  # most calls of arrays of doubles
        if all(type(a) is int or type(a) is bool for a in args):
            value = self._at(tuple(map(int, args)), {} if self.far is None else {"far": self.far})
            return float(value) if isinstance(value, Fraction) else value
        if all(_is_integer(a) for a in args):
            return self._of_integers(args)
        return self._of_floats(args)

    def _of_integers(self, args: Sequence[Any]) -> Any:
        arrays = [np.asarray(a) for a in np.broadcast_arrays(*args)]
        points, where = _distinct(arrays)
        values = [self._at(point) for point in points]
        fits = all(type(v) is int and is_int64(v) for v in values)
        if not fits and any((type(v) is int and not is_int64(v)) or v in _INFINITE for v in values):
            OVERFLOW.seen = True
        table = np.array(values if fits else [_as_float(v) for v in values], np.int64 if fits else np.float64)
        return table[where].reshape(arrays[0].shape)[()]

    def _of_floats(self, args: Sequence[Any]) -> Any:
        dtype = result_dtype(args)
        plain = all(type(a) in (bool, int, float, complex) for a in args)
        arrays = [np.asarray(a, np.complex128 if np.iscomplexobj(a) else np.float64) for a in args]
        arrays = list(np.broadcast_arrays(*arrays))
        result = np.full(arrays[0].shape, np.nan, np.complex128 if dtype.kind == "c" else np.float64)
        whole = self._are_whole(arrays)
        if not whole.all() and self.continued is not None:
            with np.errstate(all="ignore"):
                result[~whole] = self.continued.compute([a[~whole] for a in arrays])
        if self.beyond is not None and len(arrays) == 1 and np.isrealobj(arrays[0]):
            far = ~whole & np.isnan(result) & (np.floor(arrays[0]) == arrays[0]) & (np.abs(arrays[0]) > self.largest)
            result[far] = [self.beyond(int(v)) if np.isfinite(v) else np.nan for v in arrays[0][far].tolist()]
        if whole.any():
            columns = [self._column(i, a[whole]) for i, a in enumerate(arrays)]
            points, where = _distinct(columns)
            result[whole] = np.array([_as_float(self._at(point)) for point in points], result.dtype)[where]
        with np.errstate(all="ignore"):
            return delivered(result, dtype, plain)

    def _are_whole(self, arrays: Sequence[Array]) -> Any:
        found = np.ones(arrays[0].shape, bool)
        bound = min(_EXACT_FLOATS, self.largest)
        for i, a in enumerate(arrays):
            if self.whole is None or i in self.whole:
                found &= (np.real(a) == np.floor(np.real(a))) & (np.imag(a) == 0) & (np.abs(a) <= bound)
            else:
                found &= np.isfinite(a)
        return found

    def _column(self, index: int, values: Value) -> Any:
        return np.real(values).astype(np.int64) if self.whole is None or index in self.whole else values

    def _at(self, point: tuple[Any, ...], how: dict[str, int] | None = None) -> Any:
        if all(abs(p) <= self.largest for p in point):
            try:
                value = self.exact(*point, **(how or {}))
            except (Undefined, ZeroDivisionError):
                return float("nan")
            return int(value) if isinstance(value, Fraction) and value.denominator == 1 else value
        value = float("nan")
        if self.continued is not None:
            with np.errstate(all="ignore"):
                value = self.continued.compute([np.float64(quotient(p, 1)) for p in point]).item()
        return self.beyond(*point) if value != value and self.beyond is not None else value


def _distinct(arrays: Sequence[Any]) -> tuple[list[tuple[Any, ...]], Any]:
    """The distinct points of arrays of one shape, and for each element (in flat order) which of them it is."""
    if len(arrays) == 1:
        values, where = np.unique(arrays[0].ravel(), return_inverse=True)
        return [(value,) for value in values.tolist()], where
    found: dict[tuple[Any, ...], int] = {}
    points = zip(*(a.ravel().tolist() for a in arrays), strict=True)
    where = np.array([found.setdefault(point, len(found)) for point in points], np.intp)
    return list(found), where


def _are_no_whole(value: Value) -> bool:
    """Are these doubles none of which is a whole number?"""
    if type(value) is np.ndarray:
        return value.dtype is FLOAT64 and not count_nonzero(np.floor(value) == value)
    return type(value) is float and not value.is_integer()


def _is_integer(value: Value) -> bool:
    return value.dtype.kind in "iub" if hasattr(value, "dtype") else type(value) in (int, bool)


def _as_float(value: Value) -> Any:
    """The nearest float; an integer beyond all floats is infinite."""
    if isinstance(value, complex):
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
