"""Functions of complex numbers on their branch cuts, where SymPy's value is one side's and a float's zero has a sign.

SymPy has one zero. A complex float has four, by the signs of its parts, and C's functions take the sign of a zero for
the side of the cut on which the number lies: log(-1 - 0j) is -pi*1j. But whether a zero comes out as -0.0 depends on
how it was computed, -(2*x) or (-2)*x, and on the machine, not on mathematics. So here a zero part of a complex number
says nothing; the number lies on the cut, and the value there is SymPy's, which is C's on one side of it:

=====================  ==========================  =====================================
function               cut                         value: that of the neighbours
=====================  ==========================  =====================================
log, sqrt, power, arg  below 0                     above (imaginary part +0)
acosh                  below 1                     above
asin, acos, atanh      beyond -1 and beyond 1      above the left one, below the right
atan, asinh            beyond -1j and beyond 1j    left of the lower one, right of the upper
=====================  ==========================  =====================================

asec, acsc, asech, acoth, acsch and acot are these functions of 1/z, and follow. All take real numbers as well, which
have no parts: a real -0.0 keeps its sign, as in NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np


Value = Any  # an array or a NumPy scalar


def above(z: Value) -> Value:
    """`z` with no negative zero in its parts: seen from above the real axis, and from the right of the imaginary one.

    >>> above(np.complex128(complex(-1, -0.0)))
    np.complex128(-1+0j)
    """
    return z + 0j if np.iscomplexobj(z) else z


def _signed(zero: Value, like: Value) -> Value:
    """`zero`, where it is 0 with the sign of `like`."""
    return np.where(zero == 0, np.copysign(0.0, like), zero)


def beside_real_cuts(z: Value) -> Value:
    """A number on the real axis seen from above where it is negative, and from below where it is positive.

    >>> beside_real_cuts(np.array([-2 - 0j, 2 + 0j])).imag
    array([ 0., -0.])
    """
    if not np.iscomplexobj(z):
        return z
    seen = np.array(z)
    seen.imag = _signed(seen.imag, -seen.real)
    return seen[()]


def beside_imaginary_cuts(z: Value) -> Value:
    """A number on the imaginary axis seen from the left where it is below 0, and from the right where it is above."""
    if not np.iscomplexobj(z):
        return z
    seen = np.array(z)
    seen.real = _signed(seen.real, seen.imag)
    return seen[()]


def log(z: Value) -> Value:
    """The logarithm.

    >>> log(np.complex128(complex(-1, -0.0)))
    np.complex128(3.141592653589793j)
    """
    return np.log(above(z))


def log1p(z: Value) -> Value:
    """The logarithm of 1 + z."""
    return np.log1p(above(z))


def log2(z: Value) -> Value:
    """The logarithm to base 2."""
    return np.log2(above(z))


def log10(z: Value) -> Value:
    """The logarithm to base 10."""
    return np.log10(above(z))


def sqrt(z: Value) -> Value:
    """The square root."""
    return np.sqrt(above(z))


def power(base: Value, exponent: Value) -> Value:
    """base**exponent; only the base has a cut."""
    return np.power(above(base), exponent)


def angle(z: Value) -> Value:
    """The argument, in (-pi, pi]."""
    return np.angle(above(z))


def arcsin(z: Value) -> Value:
    """The inverse sine."""
    return np.arcsin(beside_real_cuts(z))


def arccos(z: Value) -> Value:
    """The inverse cosine."""
    return np.arccos(beside_real_cuts(z))


def arctanh(z: Value) -> Value:
    """The inverse hyperbolic tangent."""
    return np.arctanh(beside_real_cuts(z))


def arctan(z: Value) -> Value:
    """The inverse tangent."""
    return np.arctan(beside_imaginary_cuts(z))


def arcsinh(z: Value) -> Value:
    """The inverse hyperbolic sine."""
    return np.arcsinh(beside_imaginary_cuts(z))


def arccosh(z: Value) -> Value:
    """The inverse hyperbolic cosine."""
    return np.arccosh(above(z))
