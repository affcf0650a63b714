"""exp, log, sin and cos of floats in single precision: twice as many lanes, and shorter polynomials, as of doubles.

What is rare - an infinity, nan, a number that is not normal, a large angle, a result beyond the range of floats - is
computed by the function of doubles, whose result is rounded once. So every edge is the edge of that one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import coefficients as c
from .vectors import FLOAT, Vector, absolute, fma, polynomial, rarely, where


_ROUND = 1.5 * 2.0**23  # added, and subtracted again, it leaves the nearest integer, which is also in the lowest bits
_LEAST_NORMAL = 2.0**-126
_HALF_ROOT = 0x3F3504F3  # the bits of sqrt(1/2)
_MANTISSA = 0x007FFFFF
_LARGE = 2.0**16  # beyond, three parts of pi/2 are not enough for the angles that are next to a multiple
_SAFE = 87.0  # exp of it, and of its negative, is a normal number


# -- exponentials ----------------------------------------------------------------------------------------------------


def _exp(x: Vector) -> Vector:
    """e**x for |x| <= 87."""
    shifted = fma(x, c.LOG2E[0], _ROUND)
    k = shifted - _ROUND
    r = fma(k, -c.LN2_SHORT[1], fma(k, -c.LN2_SHORT[0], x))
    power = ((shifted.bits() + 127) << 23).single()
    return power * (1.0 + fma(r * r, polynomial(r, c.EXP_SHORT), r))


def exp(x: Vector) -> Vector:
    """e**x."""
    rare = ~(absolute(x) <= _SAFE)
    # What is rare must not overflow here, of which the processor would tell.
    return rarely("exp.short", rare, _exp(where(rare, 0.0, x)), x)


# -- logarithms ------------------------------------------------------------------------------------------------------


def _split(x: Vector) -> tuple[Vector, Vector]:
    """m - 1, of m in [sqrt(1/2), sqrt(2)), and k: x = m*2**k, for normal x > 0."""
    bits = x.bits() - _HALF_ROOT
    k = x.text.let(bits.kind, f"ashr {bits.type} {bits.name}, splat (i32 23)").converted(FLOAT)
    return ((bits & _MANTISSA) + _HALF_ROOT).single() - 1.0, k


def _of_mantissa(f: Vector, rest: Vector) -> Vector:
    """log(1 + f) + rest, where the rest is small beside it or f is."""
    # A quotient, as doubles have it, would take longer than two more terms.
    square = f * f
    return f + fma(square, -0.5, fma(square * f, polynomial(f, c.LOG_SHORT), rest))


def _is_rare(x: Vector) -> Vector:
    return ~((x >= _LEAST_NORMAL) & (x < math.inf))


def log(x: Vector) -> Vector:
    """The natural logarithm."""
    f, k = _split(x)
    value = fma(k, c.LN2_SHORT[0], _of_mantissa(f, k * c.LN2_SHORT[1]))
    return rarely("log.short", _is_rare(x), value, x)


# -- sines -----------------------------------------------------------------------------------------------------------


def _reduced(x: Vector) -> tuple[Vector, Vector]:
    """The nearest multiple of pi/2, in the lowest bits, and what is left; for |x| <= _LARGE."""
    shifted = fma(x, 2.0 / math.pi, _ROUND)
    n = shifted - _ROUND
    # The first step is exact, as all its numbers are multiples of 2**-23; of the others each rounds once.
    r = fma(n, -c.PI_2_SHORT[0], x)
    return shifted.bits(), fma(n, -c.PI_2_SHORT[2], fma(n, -c.PI_2_SHORT[1], r))


def _circular(name: str, x: Vector, turn: int) -> Vector:
    rare = ~(absolute(x) <= _LARGE)
    n, r = _reduced(where(rare, 0.0, x))
    if turn:
        n = n + turn
    z = r * r
    sine = fma(r * z, polynomial(z, c.SIN_SHORT), r)
    cosine = fma(z * z, polynomial(z, c.COS_SHORT), fma(z, -0.5, 1.0))
    value = where((n & 1).equals(1), cosine, sine)
    # Bit 1 of the quadrant becomes the sign bit.
    value = (value.bits() ^ ((n & 2) << 30)).single()
    return rarely(f"{name}.short", rare, value, x)


def sin(x: Vector) -> Vector:
    """The sine."""
    value = _circular("sin", x, 0)
    return where(x.equals(0.0), x, value)  # -0.0, whose sign the sums lose


def cos(x: Vector) -> Vector:
    """The cosine: the sine a quadrant further."""
    return _circular("cos", x, 1)


SINGLE: dict[str, Callable[[Vector], Vector]] = {"exp": exp, "log": log, "sin": sin, "cos": cos}
