"""Sums and products without end, one element at a time: term by term, by extrapolation, by mpmath; else nan."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np

from ..types import Value
from .elements import Array, Body
from .series import extrapolated


_CANCELLED = 1e3  # the sum of absolute values over the sum: more than so much, and digits are lost
_MOST_TERMS = 1 << 13  # before another way is taken


class Reduction(Protocol):
    """What is done with the terms: `sums.SUM` or `sums.PRODUCT`."""

    @property
    def name(self) -> str: ...
    @property
    def product(self) -> bool: ...
    @property
    def neutral(self) -> int: ...
    @property
    def ufunc(self) -> np.ufunc: ...
    def along(self, terms: Array, axis: int) -> Array: ...
    def joined(self, one: Array, other: Array) -> Array: ...


class Verdict(Enum):
    """What adding terms one after the other tells."""

    CONVERGED = "the terms vanish, and the result is there"
    DIVERGES = "the terms do not fall"
    UNDECIDED = "the terms fall, but slowly, or cancel"


@dataclass(slots=True)
class Partial:
    """What was put together so far.

    Attributes:
        result: the sum or product of the terms.
        sizes: the sum of the absolute values of the terms.
        terms: the terms of the last round.
        done: how many terms there were before the last round.
    """

    result: Any = None
    sizes: Any = 0.0
    terms: Any = field(default_factory=lambda: np.zeros(0))
    done: int = 0


def infinite(reduction: Reduction, body: Body, low: Value, high: Value) -> Any:
    """One element whose limits are not both finite: nan where that converges to nothing, or the limits are reversed."""
    if not low < high:
        return np.nan
    if np.isinf(low) and np.isinf(high):
        return reduction.ufunc(_tail(reduction, body, 0, 1), _tail(reduction, body, -1, -1))
    begin, step = (low, 1) if np.isinf(high) else (high, -1)
    begin = int(begin) if begin == np.floor(begin) else float(begin)
    return _tail(reduction, body, begin, step)


def _tail(reduction: Reduction, body: Body, begin: Value, step: int) -> Any:
    """body(begin), body(begin + step), ... put together."""
    with np.errstate(all="ignore"):
        verdict, partial = _added(reduction, body, begin, step)
    if verdict is Verdict.CONVERGED:
        return partial.result
    if verdict is Verdict.DIVERGES:
        return np.copysign(np.inf, partial.terms[-1]) if not reduction.product and _one_sign(partial.terms) else np.nan
    if body.rank:
        return np.nan  # of matrices, only what vanishes fast
    found = extrapolated(body, body.captured, begin, step, reduction.product)
    if found is None and body.slow is not None:
        found = body.slow(reduction.name, body.symbols, begin, step)
    return np.nan if found is None else found


def _added(reduction: Reduction, body: Body, begin: Value, step: int) -> tuple[Verdict, Partial]:
    """Terms put together in rounds that double, until they vanish, overflow or are too many."""
    partial, size = Partial(), 64
    number = body.rank == 0
    while partial.done < _MOST_TERMS:
        k = begin + step * np.arange(partial.done, partial.done + size)
        terms = partial.terms = body.along(k, body.captured)
        part = reduction.along(terms, -1)
        partial.result = part if partial.result is None else reduction.joined(partial.result, part)
        rest = np.abs(terms - reduction.neutral)
        partial.sizes = partial.sizes + rest.sum(axis=-1)
        if not np.all(np.isfinite(rest)):
            return (Verdict.DIVERGES if number and _grows(rest) else Verdict.UNDECIDED), partial
        if _vanish(rest, np.abs(partial.result)):
            lost = not reduction.product and number and np.any(partial.sizes > _CANCELLED * np.abs(partial.result))
            # Where most of it cancelled, what is left is rounding: digits must be added, not terms.
            return (Verdict.UNDECIDED if lost and body.slow is not None else Verdict.CONVERGED), partial
        partial.done += size
        size = min(2 * size, 2048)
    slowly = number and (_persists(rest) or (not reduction.product and _diverges(np.real(terms), partial.done)))
    return (Verdict.DIVERGES if slowly else Verdict.UNDECIDED), partial


def _one_sign(terms: Array) -> bool:
    return not np.iscomplexobj(terms) and bool(np.all(terms > 0) or np.all(terms < 0))


def _grows(rest: Array) -> bool:
    """Did the terms grow until they overflowed?"""
    finite = rest[: np.argmin(np.isfinite(rest))]
    return bool(np.all(np.isinf(rest[len(finite) :])) and (len(finite) == 0 or finite[-1] >= finite.max()))


def _persists(rest: Array) -> bool:
    """Do the terms not fall at all?"""
    part = len(rest) // 4
    return bool(rest[-part:].max() >= rest[:part].max() * 0.995)


def _vanish(rest: Array, scale: Array) -> bool:
    """Do the terms fall so fast that what follows cannot be seen?"""
    size = rest.shape[-1]
    first, second = rest[..., : size // 2].max(axis=-1), rest[..., size // 2 :].max(axis=-1)
    last = rest[..., -size // 8 :].max(axis=-1)
    return bool(np.all((second == 0) | ((last <= 1e-17 * scale) & (second <= 1e-3 * first))))


def _diverges(last: Array, done: int) -> bool:
    """Do the last terms, all of one sign, not even fall as 1/k?"""
    if not _one_sign(last):
        return False
    rate = np.abs(last)
    return bool(rate[-1] * done >= rate[len(rate) // 2] * (done - len(rate) // 2) * (1 - 1e-9))
