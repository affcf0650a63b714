"""Infinite sums and products that converge too slowly to be added term by term.

Two extrapolations in double precision, each believed only if it gives the same number from two different places:

- signs that alternate: algorithm 1 of Cohen, Rodriguez Villegas and Zagier (Experimental Mathematics 9, 2000);
- terms that are smooth in k: Gregory's formula, the integral of the tail with differences at its beginning.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


_AGREE = 1e-11  # relative
_HEADS = (64, 150)  # so many terms are added before the extrapolation begins
_TERMS = 26  # of the alternating series
_DIFFERENCES = 9


def _gregory(count: int) -> list[float]:
    """Gregory's coefficients 1/2, 1/12, 1/24, 19/720, ... without signs."""
    found = [1.0]  # x/log(1 + x), term by term
    for n in range(1, count + 1):
        found.append(-sum((-1) ** k * found[n - k] / (k + 1) for k in range(1, n + 1)))
    return [abs(c) for c in found[1:]]


def alternating(terms: Any) -> Any:
    """The sum of terms whose signs alternate, from the first ones, to about 5.8**-n.

    >>> round(float(alternating((-1.0) ** np.arange(26) / np.arange(1, 27))), 14) == round(math.log(2), 14)
    True
    """
    n = len(terms)
    d = (3 + math.sqrt(8)) ** n
    d = (d + 1 / d) / 2
    b, c, total = -1.0, -d, 0.0
    for k, term in enumerate(terms * (-1.0) ** np.arange(n)):
        c = b - c
        total = total + c * term
        b = b * (k + n) * (k - n) / ((k + 0.5) * (k + 1))
    return total / d


def extrapolated(reduction: Any, body: Any, captured: Any, begin: Any, step: int) -> Any:
    """The infinite sum or product for one element, or None if it does not converge so that it can be seen."""
    product = reduction.slow == "product"

    def at(n: Any) -> Any:
        values = np.broadcast_to(np.asarray(body(begin + step * n, *captured)).reshape(-1), np.shape(n))
        return np.log(values) if product else values

    with np.errstate(all="ignore"):
        head = np.asarray(at(np.arange(_HEADS[1] + _TERMS)))
        if product:
            factors = np.exp(head) if np.iscomplexobj(head) else None
            if factors is None and np.isnan(head[: _HEADS[0]]).any():
                return None
        if not np.isfinite(head).all():
            return None
        ways = (_by_alternation, _by_integral)
        for way in ways:
            found = [way(at, head, start) for start in _HEADS]
            if all(f is not None for f in found):
                one, other = found
                if product:
                    one, other = np.exp(one), np.exp(other)
                if abs(one - other) <= _AGREE * abs(other):
                    return other
    return None


def _by_alternation(at: Any, head: Any, start: int) -> Any:
    tail = head[start : start + _TERMS]
    if np.iscomplexobj(tail) or not np.all(tail[1:] * tail[:-1] < 0) or not np.all(np.diff(np.abs(tail)) <= 0):
        return None
    return head[:start].sum() + alternating(tail)


def _by_integral(at: Any, head: Any, start: int) -> Any:
    from .quadrature import whole_tail

    probe = np.asarray(at(start + np.array([0.25, 0.5, 1.75, 1000.5])))
    if not np.isfinite(probe).all():
        return None
    area = whole_tail(at, float(start))
    if area is None:
        return None
    total = head[:start].sum() + area
    difference = np.asarray(head[start : start + _DIFFERENCES])
    for j, weight in enumerate(_gregory(_DIFFERENCES)):
        total = total + (weight * difference[0] if j % 2 == 0 else -weight * difference[0])
        difference = np.diff(difference)
    return total
