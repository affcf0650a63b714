"""Integers: exact while they fit in int64, else floats; of Python's own numbers, exact without limit.

These functions take arrays or scalars in any mix and broadcast as NumPy does. None of them keeps state.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

from . import cuts
from .types import Value


LARGEST = 2.0**62  # magnitude for bounds on whole programs, whose rounding adds up
MOST_BITS = 1 << 25  # of an integer of Python's; a larger one is infinite
_LIMIT = 2.0**63 * (1 - 2.0**-40)  # with room for the rounding of a bound, and of a sum of thousands of terms


class _Overflow(threading.local):
    """Whether integers had to become floats since this was last set: `_execution.exactly` asks."""

    seen = False


OVERFLOW = _Overflow()


def fits(size: Value) -> bool:
    """Are integers whose magnitudes are at most `size`, floats, safely inside int64?

    >>> fits(np.array([1.0, 9.2e18])), fits(2.0**63), fits(np.nan)
    (True, False, False)
    """
    if np.all(np.abs(size) < _LIMIT):
        return True
    OVERFLOW.seen = True
    return False


def is_integer(value: Value) -> bool:
    return value.dtype.kind in "iu" if isinstance(value, np.ndarray | np.generic) else type(value) is int


def _plain(value: Value) -> Any:
    """Booleans count as numbers."""
    kind = getattr(value, "dtype", None)
    if kind is not None and kind.kind == "b":
        return value.astype(np.int64)
    return int(value) if type(value) is bool else value


def _float(value: Value) -> Any:
    return np.asarray(value, dtype=np.float64)[()]


def exact_add(negative: tuple[bool, ...], *terms: Value) -> Any:
    """The sum of `terms`, each subtracted where `negative` says so; integers that would overflow are added as floats.

    >>> exact_add((False, False), np.int64(2**62), np.int64(2**62))
    np.float64(9.223372036854776e+18)
    >>> exact_add((False, True), np.uint8(3), np.int64(5))
    np.int64(-2)
    """
    plain = [_plain(t) for t in terms]
    whole = [t for t in plain if is_integer(t)]
    if len(whole) > 1 or len(plain) == 1:
        with np.errstate(all="ignore"):
            size = sum(np.abs(_float(t)) for t in whole)
        if not fits(size):
            plain = [_float(t) if is_integer(t) else t for t in plain]
    total = -plain[0] if negative[0] else plain[0]
    for term, minus in zip(plain[1:], negative[1:], strict=True):
        total = total - term if minus else total + term
    return total


def exact_multiply(*factors: Value) -> Any:
    """The product of `factors`; integers that would overflow are multiplied as floats.

    >>> exact_multiply(np.int64(3), np.array([5, 7])), exact_multiply(np.int64(2**40), np.int64(2**40))
    (array([15, 21]), np.float64(1.2089258196146292e+24))
    """
    result = _plain(factors[0])
    for factor in factors[1:]:
        other = _plain(factor)
        if is_integer(result) and is_integer(other):
            with np.errstate(all="ignore"):
                size = _float(result) * _float(other)
                result = result * other if fits(size) else _exact_where_it_fits(size, np.multiply(result, other))
        else:
            result = result * other
    return result


def _exact_where_it_fits(size: Value, exact: Value) -> Any:
    """Floats, and among them those integers that fit, as an element's value must not depend on the others."""
    return np.asarray(np.where(np.abs(size) < _LIMIT, exact, size))[()]


def exact_negate(value: Value) -> Any:
    """-value; a boolean counts as an integer, and -(-2**63) is a float."""
    return exact_add((True,), value)


def exact_power(base: Value, exponent: Value) -> Any:
    """base**exponent; integers stay integers where no exponent is negative and the result fits in int64.

    >>> exact_power(np.array([2, 3]), np.int64(3)), exact_power(np.int64(2), np.array([-1, 1]))
    (array([ 8, 27]), array([0.5, 2. ]))
    """
    base, exponent = _plain(base), _plain(exponent)
    if is_integer(base) and is_integer(exponent):
        if np.all(np.asarray(exponent) >= 0):
            with np.errstate(all="ignore"):
                size = _float_power(base, exponent)
                exact = np.power(base, exponent)
            return exact if fits(size) else _exact_where_it_fits(size, exact)
        safe = np.where(np.asarray(exponent) >= 0, exponent, 0)
        with np.errstate(all="ignore"):
            size = _float_power(base, exponent)
            whole = np.where(np.asarray(exponent) >= 0, _exact_where_it_fits(size, np.power(base, safe)), size)
        return _warned(base, exponent, whole)
    return cuts.power(base, exponent)


def _float_power(base: Value, exponent: Value) -> Any:
    """base**exponent of integers as floats, with the right sign where an odd exponent is no float."""
    negative = (np.asarray(base) < 0) & (np.mod(exponent, 2) == 1)
    return np.power(np.abs(_float(base)), exponent) * np.where(negative, -1, 1)


def _warned(base: Value, exponent: Value, result: Value) -> Any:
    """The result, with NumPy's warning of a division by zero where one is."""
    if np.any((np.asarray(base) == 0) & (np.asarray(exponent) < 0)):
        np.true_divide(1.0, 0.0)
    return np.asarray(result)[()]


def by_modulus(function: np.ufunc, x: Value, y: Value) -> Any:
    """A remainder of `x` by `y`; nan, not 0, by the integer 0, which changes nothing for the other elements.

    >>> by_modulus(np.mod, np.array([2**62 + 1, 5]), np.array([3, 0]))
    array([ 2., nan])
    """
    if is_integer(y) and np.any(zero := np.equal(y, 0)):
        if is_integer(x) or getattr(getattr(x, "dtype", None), "kind", "") == "b":
            return np.where(zero, np.nan, function(x, np.where(zero, 1, y)))[()]
        y = _float(y)
    return function(x, y)


def math_power(base: Value, exponent: Value) -> Any:
    """base**exponent of Python numbers, exact for integers; raises where NumPy would give nan or inf."""
    if type(base) is int and type(exponent) is int:
        if -1 <= base <= 1 and (base or exponent > 0):
            value = base if exponent % 2 else base * base
            return value if exponent >= 0 else float(value)  # as of arrays, some of whose powers are fractions
        if exponent >= 0:
            if (base.bit_length() - 1) * exponent > MOST_BITS:
                return -math.inf if base < 0 and exponent % 2 else math.inf
            return base**exponent
        return 1 / base**-exponent if base.bit_length() * -exponent <= 2000 else math.pow(base, exponent)
    return math.pow(base, exponent)
