"""Integrals with kinks, jumps, peaks and waves: intervals in t are halved where Gauss's and Kronrod's rules differ."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .elements import BLOCK, Array
from .integrand import END, LOOK, TINY, Integrand
from .kronrod import W10, W21, X21


_ROUNDS, _MOST = 60, 4000  # of bisection; intervals an element may ask for
_CLOSELY = np.union1d(np.linspace(-END, END, 4001)[1:-1], LOOK)
_AROUND = np.array([-64, -16, -4, -1, 0, 1, 4, 16, 64])  # points of these, from the highest: where pieces end


def bisected(integrand: Integrand) -> tuple[Array, Array]:
    """Values, and which elements are missing."""
    peaks, vanishes = _looked_at_closely(integrand)
    edges = np.concatenate([np.tile(np.linspace(-END, END, 17), (integrand.count, 1)), peaks], axis=1)
    edges.sort(axis=1)
    pieces = edges.shape[1] - 1
    owner = np.repeat(np.arange(integrand.count), pieces)
    halving = Halving(integrand, np.full(integrand.count, pieces))
    left, right = edges[:, :-1].ravel(), edges[:, 1:].ravel()
    for _ in range(_ROUNDS):
        owner, left, right = halving.round(owner, left, right)
        if not len(owner):
            break
    else:
        halving.failed[owner] = True
    return halving.total, halving.missing() | ~vanishes


@dataclass(slots=True)
class Halving:
    """What was settled so far, of all elements.

    Attributes:
        integrand: what is integrated.
        asked: how many intervals each element has had.
        failed: which elements have no value.
        total: the integral over settled intervals.
        size: the same of the absolute value.
        error: the sum of what the rules differ by there.
        whole: the integral of the absolute value over all intervals, as far as it is known.
    """

    integrand: Integrand
    asked: Array
    failed: Array = field(init=False)
    total: Array = field(init=False)
    size: Array = field(init=False)
    error: Array = field(init=False)
    whole: Array = field(init=False)

    def __post_init__(self) -> None:
        count = self.integrand.count
        self.failed = np.zeros(count, bool)
        self.total, self.size, self.error, self.whole = (np.zeros(count) for _ in range(4))

    def round(self, owner: Array, left: Array, right: Array) -> tuple[Array, Array, Array]:
        """Look at intervals and settle those that are fine; the halves of the others."""
        value, error, size = _kronrod(self.integrand, left, right, owner)
        count = self.integrand.count
        # Anew in each round: the first pieces may have missed a peak, or have taken it for all of a piece.
        self.whole = self.size + np.bincount(owner, size, count)
        middle = 0.5 * (left + right)
        unsettled = ~np.isfinite(error)
        self.failed[owner[unsettled & (right - left <= 1e-10)]] = True
        too_short = right - left <= 1e-13 * (1 + np.abs(middle))
        fine = (error <= 1e-14 * self.whole[owner] + TINY) | too_short | self.failed[owner]
        self._settle(owner[fine], value[..., fine], error[fine], size[fine])
        self.asked += 2 * np.bincount(owner[~fine], minlength=count)
        self.failed |= self.asked > _MOST
        going_on = ~fine & ~self.failed[owner]
        owner, left, middle, right = (v[going_on] for v in (owner, left, middle, right))
        return np.repeat(owner, 2), np.stack([left, middle], 1).ravel(), np.stack([middle, right], 1).ravel()

    def _settle(self, owner: Array, value: Array, error: Array, size: Array) -> None:
        count = self.integrand.count
        if self.total.ndim < value.ndim or self.total.dtype != value.dtype:
            total = np.zeros((*value.shape[:-1], count), np.result_type(self.total, value))
            total[...] = self.total
            self.total = total
        for lead in np.ndindex(value.shape[:-1]):
            good = value[lead]
            np.add.at(self.total[lead], owner, np.where(np.isfinite(good), good, 0))
        self.size += np.bincount(owner, size, count)
        self.error += np.bincount(owner, np.where(np.isfinite(error), error, 0), count)

    def missing(self) -> Array:
        """Which elements have no value that can be trusted."""
        return self.failed | ~(self.error <= 1e-10 * self.whole + TINY)


def _looked_at_closely(integrand: Integrand) -> tuple[Array, Array]:
    """Points around where the integrand is largest, for each element, and whether it vanishes at its ends."""
    highest, vanishes = np.empty(integrand.count, np.intp), np.empty(integrand.count, bool)
    step = max(1, BLOCK // len(_CLOSELY))
    for i in range(0, integrand.count, step):
        values, outside = integrand.weighted(_CLOSELY[:, None], np.arange(i, min(i + step, integrand.count)))
        highest[i : i + step] = np.argmax(integrand.size(values), axis=0)
        vanishes[i : i + step] = integrand.vanishes(values, outside)
    around = highest[:, None] + _AROUND
    return _CLOSELY[np.clip(around, 0, len(_CLOSELY) - 1)], vanishes


def _kronrod(integrand: Integrand, left: Array, right: Array, which: Array) -> tuple[Array, Array, Array]:
    """The integral over each interval, what it may be wrong by, and the integral of the absolute value."""
    half, middle = 0.5 * (right - left), 0.5 * (left + right)
    step = max(1, BLOCK // 21)
    parts = []
    for i in range(0, len(left), step):
        s = slice(i, i + step)
        values, _ = integrand.weighted(middle[s] + half[s] * X21[:, None], which[s])
        value = half[s] * np.tensordot(values, W21, ([-2], [0]))
        coarse = half[s] * np.tensordot(values, W10, ([-2], [0]))
        size = half[s] * np.tensordot(integrand.size(values), W21, ([0], [0]))
        # The difference is the error of Gauss's rule; Kronrod's is much smaller where both are small.
        difference = integrand.size(value - coarse)
        error = np.where(size > 0, size * np.minimum(1, (200 * difference / np.where(size > 0, size, 1)) ** 1.5), 0)
        error = np.where(np.isfinite(difference), np.minimum(error, difference), np.inf)
        parts.append((value, error, size))
    value, error, size = (np.concatenate(p, axis=-1) for p in zip(*parts, strict=True))
    return value, error, np.where(np.isfinite(size), size, 0)
