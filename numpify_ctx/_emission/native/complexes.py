"""Arithmetic of complex numbers, as pairs of vectors, by the formulas that NumPy has."""

from __future__ import annotations

import math
from typing import Any

from .exponential import hypot
from .vectors import DOUBLE, FLOAT, Vector, absolute, where


Complex = tuple[Vector, ...]


def multiply(x: Complex, y: Complex) -> Complex:
    """x*y."""
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def divide(x: Complex, y: Complex) -> Complex:
    """x/y, by Smith's method: nothing overflows on the way but where the result does, or nearly."""
    flat = absolute(y[0]) >= absolute(y[1])
    large, small = where(flat, y[0], y[1]), where(flat, y[1], y[0])
    # Both parts of y are 0: each part of x is divided by +0, as NumPy does it.
    zero = large.equals(0.0) & small.equals(0.0)
    # At most 1 in magnitude, so that no part of y is ever squared.
    ratio = where(zero, small, small / where(zero, 1.0, large))
    scale = 1.0 / (large + small * ratio)
    real = where(flat, x[0] + x[1] * ratio, x[0] * ratio + x[1])
    imaginary = where(flat, x[1] - x[0] * ratio, x[1] * ratio - x[0])
    size = absolute(large)
    return where(zero, x[0] / size, real * scale), where(zero, x[1] / size, imaginary * scale)


def size(x: Complex, short: bool) -> Vector:
    """|x|."""
    parts = [part.converted(DOUBLE) for part in x]
    # hypot is of doubles; of floats it is rounded once, at the end.
    return hypot(*parts).converted(FLOAT if short else DOUBLE)


def exp(body: Any, x: Complex, short: bool) -> Complex:
    """e**x; where the real part is so large that e to it overflows, in two steps."""
    real, imaginary = (part.converted(DOUBLE) for part in x)
    # exp(710) is infinite; times a small cosine, the result need not be.
    far = (real > 700.0) & (real < math.inf)
    growth = body.function("exp", where(far, real - 700.0, real))
    back = where(far, math.exp(700.0), real.like(1.0))
    cosine, sine = body.function("cos", imaginary), body.function("sin", imaginary)
    flat = imaginary.equals(0.0)
    # e to minus infinity is 0 whatever the angle; and infinity times the sine of 0 is 0, as in C.
    gone = real.equals(-math.inf)
    endless = real.equals(math.inf) & ~(absolute(imaginary) < math.inf)
    one = where(gone, 0.0, where(endless, math.inf, growth * cosine * back))
    other = where(gone, 0.0, where(flat, imaginary, growth * sine * back))
    goal = FLOAT if short else DOUBLE
    return one.converted(goal), other.converted(goal)
