"""The integral of one element that double exponential quadrature and bisection do not settle: waves over an infinite
range, and ends that are singular elsewhere than at 0, by extrapolation; what is left, by mpmath.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..types import Value
from .acceleration import alternating, epsilon
from .elements import Array, Body
from .kronrod import interval_sums


Function = Callable[[Array], Array]


def single(body: Body, low: Value, high: Value) -> Any:
    """The integral for one element; nan if there is none."""
    if body.rank or low != low or high != high:
        return np.nan
    if isinstance(low, complex) or isinstance(high, complex):
        return _slowly(body, low, high)
    if low > high:
        return -single(body, high, low)
    if math.isinf(low) and math.isinf(high):
        return single(body, low, 0.0) + single(body, 0.0, high)

    def function(x: Array) -> Array:
        return body.along(x.reshape(-1), body.captured).reshape(x.shape)

    with np.errstate(all="ignore"):
        if math.isinf(low) or math.isinf(high):
            omega = None if body.slow is None else body.slow.frequency(body.symbols)
            if omega is not None:
                begin, sign = (low, 1.0) if math.isinf(high) else (high, -1.0)
                found = _waves(lambda u: function(begin + sign * u), math.pi / omega)
                return np.nan if found is None else found  # mpmath would not see the waves, and find a wrong number
        else:
            middle = 0.5 * (low + high)
            left = _to_end(lambda u: function(low + u), middle - low)
            right = _to_end(lambda u: function(high - u), high - middle)
            if left is not None and right is not None:
                return left + right
    return _slowly(body, low, high)


def _slowly(body: Body, low: Value, high: Value) -> Any:
    return np.nan if body.slow is None else body.slow("integral", body.symbols, low, high)


def _waves(function: Function, period: float) -> Any:
    """From 0 to infinity: the half waves alternate, and their sum is extrapolated; None if that does not settle."""
    parts = interval_sums(function, period * np.arange(0, 72.25, 0.25))[0].reshape(-1, 4).sum(axis=1)
    found = [parts[:start].sum() + alternating(parts[start : start + 26]) for start in (24, 41)]
    # The first piece may be singular at 0.
    begin = _to_end(function, period)
    if begin is None or not np.all(np.isfinite(found)):
        return None
    one, other = (v - parts[0] + begin for v in found)
    return other if abs(one - other) <= 1e-10 * abs(other) + 1e-14 else None


def _to_end(function: Function, width: float) -> Any:
    """From 0, where it may be singular, to `width`: in halves of halves, extrapolated; None if it does not settle."""
    edges = width * 2.0 ** -np.arange(0.0, 34.0)[::-1]
    parts, errors = interval_sums(function, np.sort(np.concatenate([edges, np.sqrt(edges[1:] * edges[:-1])])))
    parts = parts.reshape(-1, 2).sum(axis=1)[::-1]
    if not np.isfinite(parts).all() or errors.sum() > 1e-7 * np.abs(parts).sum():
        return None  # there is a singularity within
    sums = np.cumsum(parts)
    one, other = epsilon(sums[5:24]), epsilon(sums[5:28])
    return other if abs(one - other) <= 1e-9 * np.abs(parts).sum() else None
