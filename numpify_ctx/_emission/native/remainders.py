"""Remainders: exact, however much larger one number is than the other, but for the one rounding that NumPy has.

x - trunc(x/y)*y is a double, so a fused multiplication and addition gives it without an error; where the quotient was
rounded up to the next integer, it gives that less y, a double too. A quotient too large for that is taken in steps of
some 51 bits, by y times a power of two.
"""

from __future__ import annotations

from .vectors import DOUBLE, Vector, absolute, fma, rarely, where, with_sign_of


_LARGE = 2.0**-50  # of x, beside y: quotients of more bits than that are taken in steps
_BITS = 51  # of a quotient, in one step: so many that two factors reach, and that a subnormal x is one step from y
_LEAST_NORMAL = 2.0**-1022


def mod(x: Vector, y: Vector) -> Vector:
    """x modulo y, with the sign of y, as NumPy has it: x - floor(x/y)*y; nan where y is 0 or x infinite."""
    # In these lanes and where y is 0 or nan nothing may be divided: an overflow on the way would be told of.
    rare = ~(absolute(x) * _LARGE < absolute(y))
    return rarely("mod", rare, _signed(_truncated(where(rare, 0.0, x), where(rare, 1.0, y)), y), x, y)


def _truncated(x: Vector, y: Vector) -> Vector:
    """x - trunc(x/y)*y, of quotients below 2**50."""
    quotient = x.text.intrinsic("trunc", x / y)
    # Nothing times an infinite y is nothing.
    rest = where(quotient.equals(0.0), x, fma(-quotient, y, x))
    # Rounded up to the next integer, the quotient leaves a rest on the other side of 0.
    beyond = ((rest < 0.0) & (x > 0.0)) | ((rest > 0.0) & (x < 0.0))
    return where(beyond, rest + with_sign_of(y, x), rest)


def _signed(rest: Vector, y: Vector) -> Vector:
    """A rest with the sign of x, moved to that of y."""
    moved = where(rest < 0.0, y > 0.0, y < 0.0)
    return where(rest.equals(0.0), with_sign_of(rest, y), where(moved, rest + y, rest))


def any_mod(x: Vector, y: Vector) -> Vector:
    """The same of any numbers."""
    text, size = x.text, absolute(y)
    fine = (size > 0.0) & (absolute(x) * 0.0).equals(0.0)  # y may be infinite, x not
    start, below = where(fine, absolute(x), 0.0), where(fine, size, 1.0)
    tiny = below < _LEAST_NORMAL
    place = _exponent(where(tiny, below * 2.0**54, below)) - where(tiny, size.bits().like(54), 0)
    before, again, done = text.block, text.new_name("again"), text.new_name("done")
    text.lines.append(f"br label %{again}")
    text.begin(again)
    line = len(text.lines)
    left = text.let(DOUBLE, "phi")
    # How much larger it is, as a power of two, in two factors: one alone may be no double.
    steps = _exponent(left) - place - _BITS
    steps = where(steps > 0, steps, 0)
    half = steps >> 1
    scaled = below * _power_of_two(half) * _power_of_two(steps - half)
    rest = _truncated(left, scaled)
    text.lines[line] = f"{left.name} = phi {left.type} [ {start.name}, %{before} ], [ {rest.name}, %{again} ]"
    more = text.any_of(rest >= below)
    text.lines.append(f"br i1 {more}, label %{again}, label %{done}")
    text.begin(done)
    result = _signed(with_sign_of(rest, x), y)
    return where(fine, result, float("nan"))


def _exponent(x: Vector) -> Vector:
    """The exponent of a normal number x >= 0, with an offset of 1023."""
    return x.bits() >> 52


def _power_of_two(k: Vector) -> Vector:
    return ((k + 1023) << 52).double()


RARE = {"mod": any_mod}
