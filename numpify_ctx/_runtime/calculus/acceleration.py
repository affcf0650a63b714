"""Limits of sequences from their beginnings.

Sources: algorithm 1 of Cohen, Rodriguez Villegas and Zagier (Experimental Mathematics 9, 2000) for signs that
alternate; Wynn's epsilon algorithm (MTAC 10, 1956) for what approaches its limit geometrically; Gregory's formula for
the difference between a sum and an integral.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..types import Value


def alternating(terms: Value) -> Any:
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


def epsilon(sums: Value) -> Any:
    """Wynn's extrapolation of partial sums: of all even columns, the entry that moves least.

    >>> float(epsilon(np.cumsum(0.5 ** np.arange(12))))
    2.0
    """
    before, here = np.zeros(len(sums) + 1, sums.dtype), sums
    best, moved = here[-1], abs(here[-1] - here[-2])
    column = 0
    while len(here) > 1:
        step = np.diff(here)
        if np.any(np.abs(step) <= 1e-18 * np.abs(here[1:])):
            break  # the limit is reached, and the next column would be rounding
        before, here = here, before[1 : len(here)] + 1 / step
        column += 1
        # Odd columns are intermediate results that grow without bound.
        if column % 2 == 0 and len(here) > 1 and abs(here[-1] - here[-2]) < moved:
            best, moved = here[-1], abs(here[-1] - here[-2])
    return best


def gregory(values: Value) -> Any:
    """The sum of values at 0, 1, 2, ... less the integral from 0, from the first few: by differences at the end.

    >>> round(float(gregory(np.exp(-0.1 * np.arange(9.0)))), 9) == round(1 / (1 - math.exp(-0.1)) - 10, 9)
    True
    """
    total: Any = 0.0
    difference = np.asarray(values)
    for j, weight in enumerate(_coefficients(len(difference))):
        total = total + (weight * difference[0] if j % 2 == 0 else -weight * difference[0])
        difference = np.diff(difference)
    return total


def _coefficients(count: int) -> list[float]:
    """Gregory's coefficients 1/2, 1/12, 1/24, 19/720, ... without signs."""
    found = [1.0]  # x/log(1 + x), term by term
    for n in range(1, count + 1):
        found.append(-sum((-1) ** k * found[n - k] / (k + 1) for k in range(1, n + 1)))
    return [abs(c) for c in found[1:]]
