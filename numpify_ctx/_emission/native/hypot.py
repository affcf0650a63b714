"""sqrt(x**2 + y**2) without overflow in between: the larger is scaled by a power of two, the root corrected once."""

from __future__ import annotations

import math

from .pairs import quick_sum, two_product
from .vectors import Vector, absolute, fma, sqrt, where


def hypot(x: Vector, y: Vector) -> Vector:
    """sqrt(x**2 + y**2), without overflow in between."""
    a, b = absolute(x), absolute(y)
    swapped = a < b
    large, small = where(swapped, b, a), where(swapped, a, b)
    # Scaled by a power of two, so that the larger one is in [1, 16).
    exponent = large.bits() & 0x7FC0000000000000
    down = ((exponent * -1) + 0x7FE0000000000000).double()
    up = where(exponent.equals(0), 0.0, 1.0)
    return _hypot(x, y, large, small, down, exponent.double(), up)


def _hypot(x: Vector, y: Vector, large: Vector, small: Vector, down: Vector, back: Vector, normal: Vector) -> Vector:
    tiny = normal.equals(0.0)
    down, back = where(tiny, 2.0**600, down), where(tiny, 2.0**-600, back)
    a, b = large * down, small * down
    square, other = two_product(a, a), two_product(b, b)
    total = quick_sum(square.high, other.high)
    high = sqrt(total.high)
    rest = fma(-high, high, total.high) + (total.low + (square.low + other.low))
    value = high + where(high > 0.0, rest / (high + high), 0.0)
    value = value * back
    value = where(x.is_nan() | y.is_nan(), x + y, value)
    infinite = absolute(x).equals(math.inf) | absolute(y).equals(math.inf)
    return where(infinite, math.inf, value)
