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

from .series import extrapolated
from .slow import Slow


BLOCK = 1 << 15  # terms computed at once
CHUNK = 1 << 12  # elements computed at once, where there are many
_LOOP = 300  # so many terms are added one by one where all values are Python numbers
_CANCELLED = 1e3  # the sum of absolute values over the sum: more than so much, and digits are lost
_MOST_TERMS = 1 << 13  # of an infinite series, before the slow way is taken

Body = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Elements:
    """The values that a body captures, their broadcasting axes flattened.

    Attributes:
        values: scalars, or arrays of shape (leading axes, size).
        shape: the broadcasting axes before that.
    """

    values: tuple[Any, ...]
    ranks: tuple[int, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[Any], ranks: Sequence[int]) -> Elements:
        """All values flattened to their common shape."""
        shape = np.broadcast_shapes(*(np.shape(v)[r:] for v, r in zip(values, ranks, strict=True)))
        flat = tuple(_flat(v, r, shape) for v, r in zip(values, ranks, strict=True))
        return cls(flat, tuple(ranks), shape)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    def take(self, which: Any) -> tuple[Any, ...]:
        """The values at the elements `which`, an index array or slice."""
        return tuple(v[..., which] if np.ndim(v) > r else v for v, r in zip(self.values, self.ranks, strict=True))


def _flat(value: Any, rank: int, shape: tuple[int, ...]) -> Any:
    found = np.shape(value)
    if len(found) == rank:
        return value
    if len(found) - rank < len(shape):
        value = np.reshape(value, found[:rank] + (1,) * (len(shape) - len(found) + rank) + found[rank:])
    return np.broadcast_to(value, found[:rank] + shape).reshape(*found[:rank], -1)


def settled_dtype(dtype: Any, inputs: Sequence[Any]) -> Any:
    """`dtype` in single precision if that is what all inputs promote to: the variable is a number, not an array."""
    wanted = np.result_type(*inputs) if inputs else np.dtype(np.float64)
    if wanted in (np.float32, np.complex64) and dtype.kind in "fc":
        return np.dtype(np.complex64 if dtype.kind == "c" else np.float32)
    return dtype


# -- reductions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """Sum or product: how terms are put together, and what becomes of them where the limits are reversed."""

    ufunc: np.ufunc
    neutral: int
    combine: Callable[[Any, Any], Any]
    reverse: Callable[[Any], Any]
    slow: str

    def along(self, terms: Any, axis: int) -> Any:
        """The terms put together along an axis; integers that would overflow, as floats."""
        if terms.dtype.kind == "b":
            terms = terms.astype(np.int64)
        if terms.dtype.kind in "iu" and not _fits(self.ufunc.reduce(np.abs(terms), axis=axis, dtype=np.float64)):
            terms = terms.astype(np.float64)
        return self.ufunc.reduce(terms, axis=axis)

    def pieces(self, terms: Any, starts: Any) -> Any:
        """The terms of each piece put together, along the last axis; a piece ends where the next begins."""
        if terms.dtype.kind == "b":
            terms = terms.astype(np.int64)
        if terms.dtype.kind in "iu":
            size = self.ufunc.reduceat(np.abs(terms).astype(np.float64), starts, axis=-1)
            if not _fits(size):
                terms = terms.astype(np.float64)
        return self.ufunc.reduceat(terms, starts, axis=-1)

    def joined(self, one: Any, other: Any) -> Any:
        """Two partial results put together."""
        if all(np.asarray(v).dtype.kind in "iu" for v in (one, other)):
            size = self.combine(np.abs(np.asarray(one, np.float64)), np.abs(np.asarray(other, np.float64)))
            if not _fits(size):
                return self.combine(np.asarray(one, np.float64), other)
        return self.combine(one, other)


def _fits(size: Any) -> bool:
    return bool(np.all(size < 9.2e18))


def _negated(value: Any) -> Any:
    return -value


def _inverted(value: Any) -> Any:
    return np.true_divide(1, value)


SUM = Reduction(np.add, 0, lambda a, b: a + b, _negated, "sum")
PRODUCT = Reduction(np.multiply, 1, lambda a, b: a * b, _inverted, "product")


def sum_over(body: Body, captured: Any, ranks: Any, low: Any, high: Any, *free: Any) -> Any:
    """The sum of body(k) for k = low, low + 1, ... up to high; where high < low - 1, minus the sum of what lies
    between, as SymPy has it.

    `free` ends with the rank of the body and the slow way for infinite sums; before are the values that it needs.

    >>> sum_over(lambda k, x: x**k, (np.array([1.0, 2.0]),), (0,), 0, np.array([3, 4]), 0, None)
    array([ 4., 31.])
    """
    return reduced(SUM, body, captured, ranks, low, high, free)


def product_over(body: Body, captured: Any, ranks: Any, low: Any, high: Any, *free: Any) -> Any:
    """The product of body(k) for k = low, low + 1, ... up to high; where high < low - 1, one over the product of
    what lies between, as SymPy has it.

    >>> product_over(lambda k: k, (), (), 1, np.array([0, 3, 5]), 0, None)
    array([  1,   6, 120])
    """
    return reduced(PRODUCT, body, captured, ranks, low, high, free)


def reduced(
    reduction: Reduction, body: Body, captured: Any, ranks: Any, low: Any, high: Any, free: Sequence[Any]
) -> Any:
    """See `sum_over`."""
    *values, rank, slow = free
    if np.iscomplexobj(low) or np.iscomplexobj(high):
        raise ValueError(f"cannot take a {reduction.slow} from {low} to {high}: the limits are complex numbers")
    inputs = [*captured, low, high]
    low, high = np.asarray(low), np.asarray(high)
    if low.ndim == high.ndim == 0 and np.isfinite(low) and np.isfinite(high):
        start, count, back = _span(low, high)
        result = _uniform(reduction, body, captured, ranks, start[()], int(count), rank)
        if back:
            result = reduction.reverse(result)
    else:
        all_ = Elements.of([*captured, low, high, *values], [*ranks, 0, 0, *([0] * len(values))])
        result = _differing(reduction, body, all_, len(captured), rank, slow)
    result = np.asarray(result)
    return result.astype(settled_dtype(result.dtype, inputs), copy=False)[()]


def _span(low: Any, high: Any) -> tuple[Any, Any, Any]:
    """The first k, how many there are, and whether the limits are reversed, for finite limits."""
    whole = np.all(low == np.floor(low))
    if low.dtype.kind == high.dtype.kind == "i":
        count = high - low + 1
    else:
        distance = np.asarray(high, np.float64) - low
        near = np.rint(distance)
        distance = np.where(np.abs(distance - near) <= 1e-9 * np.maximum(1.0, np.abs(near)), near, np.floor(distance))
        count = distance.astype(np.int64) + 1
    low = low.astype(np.int64) if whole else low.astype(np.float64)
    back = count < 0
    return np.where(back, low + count, low), np.abs(count), back


def _uniform(reduction: Reduction, body: Body, captured: Any, ranks: Any, start: Any, count: int, rank: int) -> Any:
    """All elements with the same limits: k on an axis of its own, in front of those that broadcast."""
    shape = np.broadcast_shapes(*(np.shape(v)[r:] for v, r in zip(captured, ranks, strict=True)))
    size = math.prod(shape)
    if size > 4 * CHUNK and count > 1:
        return _chunked(reduction, body, Elements.of(captured, ranks), start, count, rank)
    step = max(1, BLOCK // max(size, 1))
    result: Any = None
    for begin in range(0, max(count, 1), step):
        k = start + np.arange(begin, min(begin + step, count))
        terms = np.asarray(body(k.reshape(-1, *([1] * len(shape))), *captured))
        lead, rest = terms.shape[:rank], terms.shape[rank:]
        if len(rest) <= len(shape) or rest[0] != len(k):
            missing = (1,) * (len(shape) + 1 - len(rest))
            terms = np.broadcast_to(terms.reshape(lead + missing + rest), (*lead, len(k), *(missing + rest)[1:]))
        part = reduction.along(terms, rank)
        result = part if result is None else reduction.joined(result, part)
    return result


def _chunked(reduction: Reduction, body: Body, elements: Elements, start: Any, count: int, rank: int) -> Any:
    parts = []
    for i in range(0, elements.size, CHUNK):
        chosen = slice(i, min(i + CHUNK, elements.size))
        part = _uniform(reduction, body, elements.take(chosen), elements.ranks, start, count, rank)
        # The terms of a guarded body may depend on no array where only some arms are selected.
        parts.append(np.broadcast_to(part, (*part.shape[:rank], chosen.stop - i)))
    joined = np.concatenate(parts, axis=-1)
    return joined.reshape(joined.shape[:-1] + elements.shape)


def _differing(reduction: Reduction, body: Body, all_: Elements, captured: int, rank: int, slow: Slow | None) -> Any:
    """Elements with limits of their own."""
    low, high = (np.broadcast_to(v, (all_.size,)) for v in all_.values[captured : captured + 2])
    elements = Elements(all_.values[:captured], all_.ranks[:captured], all_.shape)
    finite = np.isfinite(low) & np.isfinite(high)
    start, count, back = _span(np.where(finite, low, 0), np.where(finite, high, -1))
    result = _ragged(reduction, body, elements, start, count, rank)
    if back.any():
        floats = result if result.dtype.kind in "fc" or reduction is SUM else result.astype(np.float64)
        result = floats.copy()
        result[..., back] = reduction.reverse(floats[..., back])
    if not finite.all():
        if result.dtype.kind not in "fc":
            result = result.astype(np.float64)
        for i in np.flatnonzero(~finite):
            values = tuple(v if np.ndim(v) == 0 else v[i] for v in all_.values[captured + 2 :])
            value = infinite(reduction, body, elements.take(slice(i, i + 1)), low[i], high[i], rank, slow, values)
            if np.iscomplexobj(value) and result.dtype.kind == "f":
                result = result.astype(np.complex128)
            result[..., i] = value
    return result.reshape(result.shape[:-1] + all_.shape)


def _ragged(reduction: Reduction, body: Body, elements: Elements, start: Any, count: Any, rank: int) -> Any:
    empty = np.asarray(body(np.empty(0, start.dtype), *elements.take(slice(0, 0))))
    lead = empty.shape[:rank]
    result: Any = np.full((*lead, elements.size), reduction.neutral, reduction.along(empty[..., None], -1).dtype)
    ends = np.cumsum(count)
    i = 0
    while i < elements.size:
        before = ends[i] - count[i]
        j = max(i + 1, int(np.searchsorted(ends, before + BLOCK, side="right")))
        if j == i + 1 and count[i] > BLOCK:
            part = _uniform(
                reduction, body, elements.take(slice(i, j)), elements.ranks, start[i], int(count[i]), rank
            ).reshape(*lead, 1)
            where: Any = slice(i, j)
        else:
            where = i + np.flatnonzero(count[i:j])
            if not len(where):
                i = j
                continue
            counts = count[where]
            starts = np.cumsum(counts) - counts
            which = np.repeat(where, counts)
            k = np.arange(len(which)) + np.repeat(start[where] - starts, counts)
            terms = np.asarray(body(k, *elements.take(which)))
            terms = np.broadcast_to(terms.reshape(terms.shape[:rank] + (terms.shape[rank:] or (1,))), (*lead, len(k)))
            part = reduction.pieces(terms, starts)
        if part.dtype != result.dtype:
            result = result.astype(np.result_type(result, part))
        result[..., where] = part
        i = j
    return result


# -- infinite limits -------------------------------------------------------------------------------------------------


def infinite(
    reduction: Reduction, body: Body, captured: Any, low: Any, high: Any, rank: int, slow: Slow | None, values: Any
) -> Any:
    """One element whose limits are not both finite: nan where that converges to nothing."""
    if np.isnan(low) or np.isnan(high):
        return np.nan
    if low > high:  # reversed
        return np.nan
    if low == high:
        return np.nan
    if np.isinf(low) and np.isinf(high):
        one = _tail(reduction, body, captured, 0, 1, rank, slow, values)
        other = _tail(reduction, body, captured, -1, -1, rank, slow, values)
        return reduction.combine(one, other)
    begin, step = (low, 1) if np.isinf(high) else (high, -1)
    begin = int(begin) if begin == np.floor(begin) else float(begin)
    return _tail(reduction, body, captured, begin, step, rank, slow, values)


def _tail(
    reduction: Reduction, body: Body, captured: Any, begin: Any, step: int, rank: int, slow: Slow | None, values: Any
) -> Any:
    """body(begin), body(begin + step), ... put together: directly where terms vanish fast, else by extrapolation."""
    result: Any = None
    total: Any = 0.0
    done, size = 0, 64
    with np.errstate(all="ignore"):
        while done < _MOST_TERMS:
            k = begin + step * np.arange(done, done + size)
            terms = np.asarray(body(k, *captured))
            terms = np.broadcast_to(
                terms.reshape(terms.shape[:rank] + (terms.shape[rank:] or (1,))), (*terms.shape[:rank], size)
            )
            part = reduction.along(terms, -1)
            result = part if result is None else reduction.joined(result, part)
            rest = np.abs(terms - reduction.neutral)
            total = total + rest.sum(axis=-1)
            if not np.all(np.isfinite(rest)):
                if rank == 0 and _grows(rest):
                    return np.copysign(np.inf, terms[0]) if reduction is SUM and _one_sign(terms) else np.nan
                break
            if _vanish(rest, np.abs(result)):
                if reduction is SUM and rank == 0 and np.any(total > _CANCELLED * np.abs(result)) and slow is not None:
                    break  # what is left is rounding: digits must be added, not terms
                return result
            done += size
            size = min(2 * size, 2048)
        else:
            if rank == 0 and _persists(rest):
                return np.copysign(np.inf, terms[-1]) if reduction is SUM and _one_sign(terms) else np.nan
    if rank == 0:
        if reduction is SUM and _diverges(terms.real if np.iscomplexobj(terms) else terms, done):
            return np.copysign(np.inf, terms[-1])
        found = extrapolated(reduction, body, captured, begin, step)
        if found is not None:
            return found
    if slow is not None and rank == 0:
        return slow(reduction.slow, values, begin, step)
    return np.nan


def _one_sign(terms: Any) -> bool:
    return not np.iscomplexobj(terms) and bool(np.all(terms > 0) or np.all(terms < 0))


def _grows(rest: Any) -> bool:
    """Did the terms grow until they overflowed?"""
    finite = rest[: np.argmin(np.isfinite(rest))]
    return bool(np.all(np.isinf(rest[len(finite) :])) and (len(finite) == 0 or finite[-1] >= finite.max()))


def _persists(rest: Any) -> bool:
    """Do the terms not fall at all?"""
    part = len(rest) // 4
    return bool(rest[-part:].max() >= rest[:part].max() * 0.995)


def _vanish(rest: Any, scale: Any) -> bool:
    """Do the terms fall so fast that what follows cannot be seen?"""
    size = rest.shape[-1]
    first, second = rest[..., : size // 2].max(axis=-1), rest[..., size // 2 :].max(axis=-1)
    last = rest[..., -size // 8 :].max(axis=-1)
    return bool(np.all((second == 0) | ((last <= 1e-17 * scale) & (second <= 1e-3 * first))))


def _diverges(last: Any, done: int) -> bool:
    """Do the last terms, all of one sign, not even fall as 1/k?"""
    if not _one_sign(last):
        return False
    rate = np.abs(last)
    return bool(rate[-1] * done >= rate[len(rate) // 2] * (done - len(rate) // 2) * (1 - 1e-9))


# -- scalars ---------------------------------------------------------------------------------------------------------


def _python_range(low: Any, high: Any, rank: int) -> tuple[range, bool]:
    if rank or low != int(low):
        raise ValueError("left to NumPy")
    distance = high - low
    if not -_LOOP < distance < _LOOP or distance != int(distance):
        raise ValueError("left to NumPy")
    low, high = int(low), int(high)
    return (range(low, high + 1), False) if high >= low - 1 else (range(high + 1, low), True)


def math_sum_over(body: Body, captured: Any, ranks: Any, low: Any, high: Any, *free: Any) -> Any:
    """The sum for Python numbers, if it is short."""
    numbers, back = _python_range(low, high, free[-2])
    terms = [body(k, *captured) for k in numbers]
    if not terms:
        raise ValueError("left to NumPy")  # which knows the type of nothing
    total = math.fsum(terms) if type(terms[0]) is float else sum(terms)
    return -total if back else total


def math_product_over(body: Body, captured: Any, ranks: Any, low: Any, high: Any, *free: Any) -> Any:
    """The product for Python numbers, if it is short."""
    numbers, back = _python_range(low, high, free[-2])
    if not numbers:
        raise ValueError("left to NumPy")
    result = math.prod(body(k, *captured) for k in numbers)
    if type(result) is float and not math.isfinite(result):
        raise OverflowError("left to NumPy")
    return 1 / result if back else result
