"""Numbers as the unevaluated sum of two doubles, 106 bits: what a result is made of that is to be right to the last.

The algorithms are Dekker's and Knuth's, with a fused multiplication and addition for the error of a product; see
Hida, Li and Bailey, "Library for double-double and quad-double arithmetic" (2007).
"""

from __future__ import annotations

from typing import NamedTuple

from .vectors import Vector, fma


class Pair(NamedTuple):
    """high + low, where low is at most half a unit in the last place of high."""

    high: Vector
    low: Vector


def two_sum(x: Vector, y: Vector) -> Pair:
    """x + y exactly."""
    # Knuth's: it takes six operations, and no look at which is larger.
    total = x + y
    back = total - x
    return Pair(total, (x - (total - back)) + (y - back))


def quick_sum(x: Vector, y: Vector) -> Pair:
    """x + y exactly, where |x| >= |y| or x is 0."""
    # Dekker's: three operations, as the larger comes first.
    total = x + y
    return Pair(total, y - (total - x))


def two_product(x: Vector, y: Vector) -> Pair:
    """x*y exactly."""
    # The fma rounds once, after the subtraction: what it gives is just what the product lost (unless that underflows).
    product = x * y
    return Pair(product, fma(x, y, -product))
