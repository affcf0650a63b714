"""Floors of roots and logarithms: of integers exact, and of floats not below a whole number that the value is.

`64**(1/3)` is 3.9999999999999996 in floats, and `log(64)/log(2)` may be 5.999999999999999: their floors are those of
other numbers. The nearest whole number r settles it, by r**q or b**r, in integers where the argument is one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy as sp

from . import cuts
from .complexes import floor_of_parts
from .integers import is_integer
from .types import Value


_NEAR = 1e-12  # of the size of a root: what rounding may have done, and more
_MOST = 2.0**64 * (1 - 2.0**-50)


def floor_root(index: int, up: bool, x: Value) -> Any:
    """The floor of the root of that index, or the ceiling if `up`.

    >>> floor_root(3, False, np.array([64, 63, 2**62])), floor_root(3, True, 65.0)
    (array([      4,       3, 1664510]), np.float64(5.0))
    """
    if np.iscomplexobj(x):
        value = cuts.sqrt(x) if index == 2 else cuts.power(x, 1 / index)
        return -floor_of_parts(-value) if up else floor_of_parts(value)
    value = np.sqrt(x) if index == 2 else np.power(np.asarray(x, np.result_type(x, 1.0)), 1 / index)
    nearest = np.rint(value)
    if not is_integer(x):
        with np.errstate(over="ignore", invalid="ignore"):
            close = np.abs(value - nearest) <= _NEAR * np.maximum(nearest, 1)
            power = np.power(nearest, index)
        if up:
            return np.where(close, nearest + (power < x), np.ceil(value))[()]
        return np.where(close, nearest - (power > x), np.floor(value))[()]
    x = np.asarray(x, np.int64)
    negative = x < 0
    whole = np.where(negative, 0, nearest).astype(np.uint64)
    size = whole.astype(float) ** index
    power = np.where(size < _MOST, whole, 0) ** np.uint64(index)
    known = np.where(negative, 0, x).astype(np.uint64)
    if up:  # the least r whose power is not smaller
        found = whole + ((size < _MOST) & (power < known)).astype(np.uint64)
    else:
        found = whole - ((size >= _MOST) | (power > known)).astype(np.uint64)
    found = found.astype(np.int64)
    return np.where(negative, np.nan, found)[()] if np.any(negative) else found[()]


def math_floor_root(index: int, up: bool, x: Any) -> Any:
    """`floor_root` of Python numbers; integers of any size."""
    if type(x) is int:
        if x < 0:
            raise ValueError("the root of a negative number")
        root, is_exact = sp.integer_nthroot(x, index)
        return int(root) + (up and not is_exact)
    value = math.sqrt(x) if index == 2 else math.pow(x, 1 / index)
    if value == 0:
        return 0.0 if up else value  # -0.0 has the floor -0.0, as in NumPy
    nearest = float(round(value))
    if abs(value - nearest) <= _NEAR * max(nearest, 1.0):
        power = nearest**index
        return nearest + (power < x) if up else nearest - (power > x)
    return float(math.ceil(value) if up else math.floor(value))


def floor_log(base: int, up: bool, x: Value) -> Any:
    """The floor of the logarithm to that base, or the ceiling if `up`.

    >>> floor_log(10, False, np.array([999, 1000, 10**18 - 1])), floor_log(2, True, 64.0)
    (array([ 2.,  3., 17.]), np.float64(6.0))
    """
    value = np.log(x) / math.log(base)
    if np.iscomplexobj(value):
        return -floor_of_parts(-value) if up else floor_of_parts(value)
    nearest = np.rint(value)
    other = np.ceil(value) if up else np.floor(value)
    close = np.flatnonzero(np.abs(value - nearest) < 1e-9 * np.maximum(np.abs(value), 1.0))
    if not len(close):
        return other
    # Few are so close: Python's integers, and fractions below 1, tell on which side they are.
    flat, result = np.broadcast_to(x, np.shape(value)).reshape(-1), np.array(other, copy=True).reshape(-1)
    for i in close.tolist():
        result[i] = _settled(base, up, flat[i].item(), int(nearest.reshape(-1)[i]) if value.ndim else int(nearest))
    return result.reshape(np.shape(value))[()]


def _settled(base: int, up: bool, x: Any, whole: int) -> int:
    # x and base**whole, both times base**-whole where that is a fraction; a float is a ratio of integers.
    top, bottom = x.as_integer_ratio()
    left: int
    right: int
    left, right = (top, base**whole * bottom) if whole >= 0 else (top * base**-whole, bottom)
    if up:
        return whole + (left > right)
    return whole - (left < right)


def math_floor_log(base: int, up: bool, x: Any) -> Any:
    """`floor_log` of Python numbers; integers of any size."""
    value = math.log(x) / math.log(base)
    nearest = round(value)
    if abs(value - nearest) < 1e-9 * max(abs(value), 1.0):
        return float(_settled(base, up, x, nearest))
    return float(math.ceil(value) if up else math.floor(value))
