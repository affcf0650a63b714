"""Sums and products over a range, computed as arrays.

The terms of many values of k, and of many elements of the arguments, are computed by one call. Where all elements
have the same limits k gets an axis of its own; where they differ, the pairs of an element and a k are laid out one
after the other. Either way no more than `BLOCK` terms are in memory at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..integers import fits
from ..numbers import LeftToNumPy
from ..ranked import broadcast_shape
from ..types import Value
from .elements import BLOCK, Array, Body, Elements, settled_dtype
from .slow import Slow
from .tails import infinite


_LARGEST = 2.0**62  # of a first k: those that follow are int64, too
CHUNK = 1 << 13  # elements computed at once, where there are many: with 4k or 16k they take a third more
_MOST_TERMS = 1 << 30  # of one sum, some seconds of them; one of more terms has no value
_LOOP = 300  # so many terms are added one by one where all values are Python numbers


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """Sum or product: how terms are put together, and what becomes of them where the limits are reversed.

    Attributes:
        name: the field's word for it.
        ufunc: what puts two results together.
        neutral: the result of no terms.
        reverse: of the terms between reversed limits, what SymPy makes of their result.
    """

    name: str
    ufunc: np.ufunc
    neutral: int
    reverse: Callable[[Any], Any]

    @property
    def product(self) -> bool:
        """Is it a product?"""
        return self.neutral == 1

    def along(self, terms: Array, axis: int) -> Array:
        """The terms put together along an axis; integers that would overflow, as floats."""
        terms = _counted(terms)
        if terms.dtype.kind in "iu" and not fits(self.ufunc.reduce(np.abs(terms), axis=axis, dtype=np.float64)):
            terms = terms.astype(np.float64)
        return self.ufunc.reduce(terms, axis=axis)

    def pieces(self, terms: Array, starts: Array) -> Array:
        """The terms of each piece put together, along the last axis; a piece ends where the next begins."""
        terms = _counted(terms)
        if terms.dtype.kind in "iu" and not fits(
            self.ufunc.reduceat(np.abs(terms).astype(np.float64), starts, axis=-1)
        ):
            terms = terms.astype(np.float64)
        return self.ufunc.reduceat(terms, starts, axis=-1)

    def joined(self, one: Array, other: Array) -> Array:
        """Two partial results put together."""
        if all(np.asarray(v).dtype.kind in "iu" for v in (one, other)):
            size = self.ufunc(np.abs(np.asarray(one, np.float64)), np.abs(np.asarray(other, np.float64)))
            if not fits(size):
                return self.ufunc(np.asarray(one, np.float64), other)
        return self.ufunc(one, other)


def _counted(terms: Array) -> Array:
    """Booleans count as integers."""
    return terms.astype(np.int64) if terms.dtype.kind == "b" else terms


SUM = Reduction("sum", np.add, 0, np.negative)
PRODUCT = Reduction("product", np.multiply, 1, lambda value: np.true_divide(1, value))


def sum_over(
    function: Any, captured: Value, ranks: Value, rank: int, slow: Slow | None, low: Value, high: Value, *symbols: Value
) -> Any:
    """The sum of function(k) for k = low, low + 1, ... up to high; where high < low - 1, minus the sum of what lies
    between, as SymPy has it. Of more than 2**30 terms, nan.

    >>> sum_over(lambda k, x: x**k, (np.array([1.0, 2.0]),), (0,), 0, None, 0, np.array([3, 4]))
    array([ 4., 31.])
    """
    return reduced(SUM, Body(function, captured, ranks, rank, slow, symbols), low, high)


def product_over(
    function: Any, captured: Value, ranks: Value, rank: int, slow: Slow | None, low: Value, high: Value, *symbols: Value
) -> Any:
    """The product of function(k) for k = low, low + 1, ... up to high; where high < low - 1, one over the product of
    what lies between, as SymPy has it.

    >>> product_over(lambda k: k, (), (), 0, None, 1, np.array([0, 3, 5]))
    array([  1,   6, 120])
    """
    return reduced(PRODUCT, Body(function, captured, ranks, rank, slow, symbols), low, high)


def reduced(reduction: Reduction, body: Body, low: Value, high: Value) -> Any:
    """See `sum_over`."""
    if np.iscomplexobj(low) or np.iscomplexobj(high):
        raise ValueError(f"cannot take a {reduction.name} from {low} to {high}: the limits are complex numbers")
    inputs = [*body.captured, low, high]
    low, high = np.asarray(low), np.asarray(high)
    if low.ndim == high.ndim == 0 and _is_short(low, high):
        start, count, back = _span(low, high)
        result = _uniform(reduction, body, start[()], int(count))
        if back:
            result = reduction.reverse(result)
    else:
        result = _differing(reduction, body, low, high)
    result = np.asarray(result)
    return result.astype(settled_dtype(result.dtype, inputs), copy=False)[()]


def _is_short(low: Array, high: Array) -> Any:
    """Are there few enough terms to be added?"""
    with np.errstate(invalid="ignore", over="ignore"):  # from an infinity to itself
        distance = np.abs(np.asarray(high, np.float64) - low)
    return distance < _MOST_TERMS


def _span(low: Array, high: Array) -> tuple[Any, Any, Any]:
    """The first k, how many there are, and whether the limits are reversed, for finite limits."""
    whole = np.all((low == np.floor(low)) & (np.abs(np.asarray(low, np.float64)) < _LARGEST))
    if low.dtype.kind == high.dtype.kind == "i":
        count = high - low + 1
    else:
        distance = np.asarray(high, np.float64) - low
        near = np.rint(distance)
        # Limits that are results of arithmetic: 0.1 to 0.1 + 3 are four terms, whatever rounding made of it.
        distance = np.where(np.abs(distance - near) <= 1e-9 * np.maximum(1.0, np.abs(near)), near, np.floor(distance))
        count = distance.astype(np.int64) + 1
    low = low.astype(np.int64) if whole else low.astype(np.float64)
    back = count < 0
    return np.where(back, low + count, low), np.abs(count), back


def _uniform(reduction: Reduction, body: Body, start: Value, count: int) -> Array:
    """All elements with the same limits: k on an axis of its own, in front of those that broadcast."""
    shape = broadcast_shape(body.captured, body.ranks)
    size = math.prod(shape)
    if size > 4 * CHUNK and count > 1:
        return _chunked(reduction, body, start, count)
    rank = body.rank
    step = max(1, BLOCK // max(size, 1))
    result: Any = None
    for begin in range(0, max(count, 1), step):
        k = start + np.arange(begin, min(begin + step, count))
        terms = np.asarray(body.function(k.reshape(-1, *([1] * len(shape))), *body.captured))
        lead, rest = terms.shape[:rank], terms.shape[rank:]
        if len(rest) <= len(shape) or rest[0] != len(k):  # the terms do not depend on k
            missing = (1,) * (len(shape) + 1 - len(rest))
            terms = np.broadcast_to(terms.reshape(lead + missing + rest), (*lead, len(k), *(missing + rest)[1:]))
        part = reduction.along(terms, rank)
        result = part if result is None else reduction.joined(result, part)
    return result


def _chunked(reduction: Reduction, body: Body, start: Value, count: int) -> Array:
    elements = Elements.of(body.captured, body.ranks)
    parts = []
    for i in range(0, elements.size, CHUNK):
        chosen = slice(i, min(i + CHUNK, elements.size))
        part = _uniform(reduction, body._replace(captured=elements.take(chosen)), start, count)
        # The terms of a guarded body may depend on no array where only some arms are selected.
        parts.append(np.broadcast_to(part, (*part.shape[: body.rank], chosen.stop - i)))
    joined = np.concatenate(parts, axis=-1)
    return joined.reshape(joined.shape[:-1] + elements.shape)


def _differing(reduction: Reduction, body: Body, low: Array, high: Array) -> Array:
    """Elements with limits of their own."""
    elements, low, high, symbols = body.elements(low, high)
    short = _is_short(low, high)
    usual = short & (np.abs(np.asarray(low, np.float64)) < _LARGEST)
    start, count, back = _span(np.where(usual, low, 0), np.where(usual, high, -1))
    result = _ragged(reduction, body, elements, start, count)
    if back.any():
        floats = result if result.dtype.kind in "fc" or not reduction.product else result.astype(np.float64)
        result = floats.copy()
        result[..., back] = reduction.reverse(floats[..., back])
    if not usual.all():
        if result.dtype.kind not in "fc":
            result = result.astype(np.float64)
        for i in np.flatnonzero(~usual):
            one = body._replace(captured=elements.take(slice(i, i + 1)), symbols=symbols.take(i))
            value = _unusual(reduction, one, low[i], high[i])
            if np.iscomplexobj(value) and result.dtype.kind == "f":
                result = result.astype(np.complex128)
            result[..., i] = value
    return result.reshape(result.shape[:-1] + elements.shape)


def _unusual(reduction: Reduction, one: Body, low: Any, high: Any) -> Any:
    """One element whose limits are infinite, far from each other, or beyond int64."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return infinite(reduction, one, low, high)
    if not _is_short(low, high):
        return np.nan
    start, count, back = _span(low, high)
    value = np.asarray(_uniform(reduction, one, start[()], int(count)))
    if value.ndim > one.rank:
        value = value[..., 0]
    return reduction.reverse(value) if back else value


def _ragged(reduction: Reduction, body: Body, elements: Elements, start: Array, count: Array) -> Array:
    """The pairs of an element and a k one after the other, in runs of as many elements as fit into a block."""
    empty = np.asarray(body.function(np.empty(0, start.dtype), *elements.take(slice(0, 0))))
    lead = empty.shape[: body.rank]
    result: Any = np.full((*lead, elements.size), reduction.neutral, reduction.along(empty[..., None], -1).dtype)
    ends = np.cumsum(count)
    i = 0
    while i < elements.size:
        begin = ends[i] - count[i]
        j = max(i + 1, int(np.searchsorted(ends, begin + BLOCK, side="right")))
        if j == i + 1 and count[i] > BLOCK:
            one = body._replace(captured=elements.take(slice(i, j)))
            where: Any = slice(i, j)
            part = _uniform(reduction, one, start[i], int(count[i])).reshape(*lead, 1)
        else:
            where = i + np.flatnonzero(count[i:j])
            part = _pairs(reduction, body, elements, where, start[where], count[where]) if len(where) else None
        if part is not None:
            result = result.astype(np.result_type(result, part), copy=False)
            result[..., where] = part
        i = j
    return result


def _pairs(reduction: Reduction, body: Body, elements: Elements, where: Array, start: Array, count: Array) -> Array:
    """The elements `where`, each with `count` > 0 terms from `start` on, by one call."""
    starts = np.cumsum(count) - count
    which = np.repeat(where, count)
    k = np.arange(len(which)) + np.repeat(start - starts, count)
    return reduction.pieces(body.along(k, elements.take(which)), starts)


# -- scalars ---------------------------------------------------------------------------------------------------------


def _python_range(low: Value, high: Value, rank: int) -> tuple[range, bool]:
    if rank or low != int(low):
        raise LeftToNumPy
    distance = high - low
    if not -_LOOP < distance < _LOOP or distance != int(distance):
        raise LeftToNumPy
    low, high = int(low), int(high)
    return (range(low, high + 1), False) if high >= low - 1 else (range(high + 1, low), True)


def math_sum_over(
    function: Any, captured: Sequence[Any], ranks: Value, rank: int, slow: Any, low: Value, high: Value, *symbols: Value
) -> Any:
    """The sum for Python numbers, if it is short."""
    numbers, back = _python_range(low, high, rank)
    terms = [function(k, *captured) for k in numbers]
    if not terms:
        raise LeftToNumPy  # which knows the type of nothing
    total = math.fsum(terms) if type(terms[0]) is float else sum(terms)
    return -total if back else total


def math_product_over(
    function: Any, captured: Sequence[Any], ranks: Value, rank: int, slow: Any, low: Value, high: Value, *symbols: Value
) -> Any:
    """The product for Python numbers, if it is short."""
    numbers, back = _python_range(low, high, rank)
    if not numbers:
        raise LeftToNumPy
    result = math.prod(function(k, *captured) for k in numbers)
    if type(result) is float and not math.isfinite(result):
        raise LeftToNumPy
    return 1 / result if back else result
