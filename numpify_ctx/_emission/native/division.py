"""Division by a whole number: two operations give what a division gives, correctly rounded, in a third of its time.

x/d is fma(x, h, x*l), where h is 1/d rounded towards 0, and l is 1/d - h rounded; see Brisebarre, Muller and Raina,
"Accelerating correctly rounded floating-point division when the divisor is known in advance" (2004).

Why it is right, for p bits and d = Y*2**e, where Y is odd and below 2**(p - 4). Let u be a unit in the last
place of x/d. Half way between two neighbours there is m = M*u/2, where M is odd and has p + 1 bits. Both x and m*d are
multiples of 2**e*u/2, and they differ, as M*Y is odd and has more than p bits. So x/d is at least u/(2*Y) from m.
What is rounded at the end, x*h + x*l, is wrong by at most 2**(2 - 2*p) of x/d: h + l by half of that, and x*l by the
other half. That is 2**(2 - p)*u, less than u/(2*Y), so that it is rounded to the same neighbour as x/d.

h and l have one sign, so that a zero keeps its own, and infinities do not cancel. Where x*l might be below all normal
numbers, and so be wrong by more than that, x is divided after all: behind a branch. Above 2**-767 it is not, nor is
what it is wrong by, if l is tiny: 2**-1075 is far less than u/(2*Y).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from .vectors import DOUBLE, Vector, fma


_BITS = 53  # of a double
_LEAST_LONG = 2.0**49  # Y has to be below
_TINY = 2 * 0x1000_0000_0000_0000 - 1  # of the bits of 2**-767, as `_any_tiny` has them


def has_quick_form(divisor: float, kind: str) -> bool:
    """May numbers of this type be divided by this one so? Not floats, of which a division takes half the time."""
    if kind != DOUBLE or type(divisor) is not int or not 0 < abs(divisor) < 2**_BITS:
        return False
    # By a power of two, one multiplication is enough, as LLVM knows.
    odd = abs(divisor) // (divisor & -divisor)
    return 1 < odd < _LEAST_LONG


def divided(parts: Sequence[Vector], divisor: int) -> tuple[Vector, ...]:
    """Each of these over a number that has a quick form."""
    text = parts[0].text
    high, low = constants(divisor)
    quick = [fma(part, high, part * low) for part in parts]
    before, inside, after = text.block, text.new_name("rare"), text.new_name("all")
    text.lines.append(f"br i1 {_any_tiny(parts)}, label %{inside}, label %{after}, !prof !0")
    text.begin(inside)
    slow = [part / divisor for part in parts]
    text.lines.append(f"br label %{after}")
    text.begin(after)
    return tuple(
        text.let(DOUBLE, f"phi {one.type} [ {one.name}, %{before} ], [ {other.name}, %{inside} ]")
        for one, other in zip(quick, slow, strict=True)
    )


def _any_tiny(parts: Sequence[Vector]) -> str:
    """The name of one flag: is any number below 2**-767 in magnitude, and not 0?"""
    # Without the sign and less 1, 0 is the largest of unsigned integers. Half a vector is a register: one comparison.
    keys = [(bits + bits) - 1 for part in parts for half in part.halves() for bits in [half.bits()]]
    least = keys[0]
    for key in keys[1:]:
        least = least.text.intrinsic("umin", least, key)
    return least.text.any_of(least.below(_TINY))


def constants(divisor: int) -> tuple[float, float]:
    """h and l."""
    size = abs(divisor)
    # 1/d has its first bit at 2**-size.bit_length(), as it is no power of two.
    scale = _BITS - 1 + size.bit_length()
    high = math.copysign(math.ldexp((1 << scale) // size, -scale), divisor)
    return high, float(Fraction(1, divisor) - Fraction(high))
