"""Arithmetic of complex numbers, as pairs of vectors, by the formulas that NumPy has; and their elementary functions.

The functions are of doubles, made of those of real numbers, so that each part is right to some units in its own last
place, however small it is beside the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import coefficients as c
from .composed import Functions
from .exponential import decay, log1p_of_pair
from .hypot import hypot
from .pairs import Pair, quick_sum, two_product, two_sum
from .vectors import DOUBLE, FLOAT, Vector, absolute, fma, sqrt as root, where, with_sign_of


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
    real, imaginary = x
    if not short:
        return hypot(real, imaginary)
    # Squares of floats are doubles, without an error or an overflow.
    real, imaginary = real.converted(DOUBLE), imaginary.converted(DOUBLE)
    value = root(fma(real, real, imaginary * imaginary))
    infinite = absolute(real).equals(math.inf) | absolute(imaginary).equals(math.inf)
    return where(infinite, math.inf, value).converted(FLOAT)


def exp(body: Functions, x: Complex) -> Complex:
    """e**x; where the real part is so large that e to it overflows, in two steps."""
    real, imaginary = x
    # exp(710) is infinite; times a small cosine, the result need not be.
    far = (real > 700.0) & (real < math.inf)
    growth = body.function("exp", where(far, real - 700.0, real))
    back = where(far, math.exp(700.0), real.like(1.0))
    cosine, sine = body.function("cos", imaginary), body.function("sin", imaginary)
    flat = imaginary.equals(0.0)
    # e to minus infinity is 0 whatever the angle; and infinity times the sine of 0 is 0, as in C.
    gone = real.equals(-math.inf)
    endless = real.equals(math.inf) & ~(absolute(imaginary) < math.inf)
    one = where(gone, 0.0, where(endless, math.inf, growth * (cosine * back)))
    other = where(gone, 0.0, where(flat, imaginary, growth * (sine * back)))
    return one, other


# -- circular and hyperbolic functions: what is infinite or nan is as in C99, Annex G ---------------------------------


def _hyperbolic(body: Functions, x: Vector) -> tuple[Vector, Vector, Vector]:
    """sinh(x), cosh(x), and a factor that both are still to be multiplied by, lest they overflow too soon."""
    size = absolute(x)
    far = (size > 700.0) & (size < math.inf)
    # There e**-|x| is nothing beside e**|x|, so that both are half of e**|x|, but for the sign.
    half = body.function("exp", where(far, size - 700.0, 0.0)) * 0.5
    near = where(far, 0.0, x)
    sine, cosine = body.function("sinh", near), body.function("cosh", near)
    back = where(far, math.exp(700.0), x.like(1.0))
    return where(far, with_sign_of(half, x), sine), where(far, half, cosine), back


def sinh(body: Functions, x: Complex) -> Complex:
    """sinh(a)*cos(b) + i*cosh(a)*sin(b)."""
    real, imaginary = x
    sine, cosine, back = _hyperbolic(body, real)
    one = sine * (body.function("cos", imaginary) * back)
    other = cosine * (body.function("sin", imaginary) * back)
    # Nothing of an infinite angle is nothing; infinity at no angle that is known is infinite.
    unknown = ~(absolute(imaginary) < math.inf)
    one = where(unknown & real.equals(0.0), real, one)
    one = where(unknown & absolute(real).equals(math.inf), math.inf, one)
    return one, where(imaginary.equals(0.0), imaginary, other)


def cosh(body: Functions, x: Complex) -> Complex:
    """cosh(a)*cos(b) + i*sinh(a)*sin(b)."""
    real, imaginary = x
    sine, cosine, back = _hyperbolic(body, real)
    one = cosine * (body.function("cos", imaginary) * back)
    other = sine * (body.function("sin", imaginary) * back)
    unknown = ~(absolute(imaginary) < math.inf)
    one = where(unknown & absolute(real).equals(math.inf), math.inf, one)
    other = where(unknown & real.equals(0.0), real, other)
    return one, where(imaginary.equals(0.0), imaginary * with_sign_of(real.like(1.0), real), other)


def tanh(body: Functions, x: Complex) -> Complex:
    """((1 - q**2) + 4*i*q*sin(b)*cos(b))/((1 - q)**2 + 4*q*cos(b)**2), q = e**(-2*a): below, nothing cancels."""
    real, imaginary = x
    size = absolute(real)
    less, q = decay(size + size)
    sine, cosine = body.function("sin", imaginary), body.function("cos", imaginary)
    square = fma(less.high, less.high, (less.high + less.high) * less.low)
    below = fma(4.0 * q * cosine, cosine, square)
    one = with_sign_of(fma(less.high, q, less.high) / below, real)
    other = 4.0 * q * (sine * cosine) / below
    # Nothing, and 1 at infinity, whatever the angle.
    unknown = ~(absolute(imaginary) < math.inf)
    settled = where(size.equals(math.inf), with_sign_of(real.like(1.0), real), real)
    one = where(unknown & (real.equals(0.0) | size.equals(math.inf)), settled, one)
    other = where(unknown & size.equals(math.inf), 0.0, other)
    return one, where(imaginary.equals(0.0), imaginary, other)


def _turned(function: Callable[[Functions, Complex], Complex]) -> Callable[[Functions, Complex], Complex]:
    """f(x) = -i*g(i*x), of an odd g: sin of sinh, and tan of tanh."""

    def turned(body: Functions, x: Complex) -> Complex:
        # g(b + i*a) is the mirror image of g(-b + i*a), so that the two parts only change places.
        one, other = function(body, (x[1], x[0]))
        return other, one

    return turned


def cos(body: Functions, x: Complex) -> Complex:
    """cosh(i*x)."""
    return cosh(body, (-x[1], x[0]))


# -- functions with a branch cut: a zero part has no sign there, see `_runtime.cuts` -----------------------------------


def _above(x: Complex) -> Complex:
    """With no negative zero: seen from above the cut."""
    return x[0] + 0.0, x[1] + 0.0


_LARGEST, _SMALLEST, _SCALE = 2.0**1000, 2.0**-480, 600


def log(body: Functions, x: Complex) -> Complex:
    """log|x| + i*arg(x)."""
    real, imaginary = _above(x)
    angle = body.function("arctan2", imaginary, real)
    a, b = absolute(real), absolute(imaginary)
    large = where(a < b, b, a)
    # Near the unit circle, where |x| rounded would leave nothing of its logarithm, the square less 1 is what counts.
    close = (large > 0.25) & (large < 3.0)
    small = 0.5 * log1p_of_pair(_square_less_one(where(close, a, 1.0), where(close, b, 0.0)))
    # |x| itself may overflow, or lose its last bits; what is nan is so whichever it is.
    big, tiny = large > _LARGEST, large < _SMALLEST
    scale = where(big, 2.0**-_SCALE, where(tiny, 2.0**_SCALE, real.like(1.0)))
    steps = where(big, float(_SCALE), where(tiny, -float(_SCALE), real.like(0.0)))
    value = body.function("log", where(close, 1.0, hypot(real * scale, imaginary * scale)))
    return where(close, small, fma(steps, math.log(2.0), value)), angle


def _square_less_one(a: Vector, b: Vector) -> Pair:
    """a**2 + b**2 - 1, to twice the bits of a double and more."""
    swapped = a < b
    square = two_product(where(swapped, b, a), where(swapped, b, a))
    other = two_product(where(swapped, a, b), where(swapped, a, b))
    # Each sum is exact, down to the last, which has nothing to cancel any more.
    begun = two_sum(square.high, a.like(-1.0))
    first = two_sum(begun.high, other.high)
    second = two_sum(first.low, square.low + begun.low)
    third = two_sum(second.high, other.low)
    total = two_sum(first.high, third.high)
    return quick_sum(total.high, total.low + (second.low + third.low))


def _to_base(factor: tuple[float, float]) -> Callable[[Functions, Complex], Complex]:
    """The logarithm to another base, of whose natural logarithm this is the reciprocal, in two doubles."""

    def scaled(body: Functions, x: Complex) -> Complex:
        one, other = (fma(part, factor[0], part * factor[1]) for part in log(body, x))
        return one, other

    return scaled


def sqrt(body: Functions, x: Complex) -> Complex:
    """The root in the right half plane: t + i*b/(2*t), t = sqrt((|a| + |x|)/2), or turned where a < 0."""
    real, imaginary = _above(x)
    a, b = absolute(real), absolute(imaginary)
    large = where(a < b, b, a)
    big, tiny = large > _LARGEST, large < _SMALLEST
    scale = where(big, 2.0**-_SCALE, where(tiny, 2.0**_SCALE, real.like(1.0)))
    back = where(big, 2.0 ** (_SCALE // 2), where(tiny, 2.0 ** -(_SCALE // 2), real.like(1.0)))
    first = root((a * scale + hypot(a * scale, b * scale)) * 0.5) * back
    zero = a.equals(0.0) & b.equals(0.0)
    second = where(zero, 0.0, b / where(zero, 1.0, first + first))
    left = real < 0.0
    one, other = where(left, second, first), with_sign_of(where(left, first, second), imaginary)
    return _edges_of_root(real, imaginary, one, other)


def _edges_of_root(real: Vector, imaginary: Vector, one: Vector, other: Vector) -> Complex:
    """`one` and `other`, but where a part is infinite or nan."""
    upward, sideways = absolute(imaginary).equals(math.inf), absolute(real).equals(math.inf)
    negative = real < 0.0
    flat = where(imaginary.is_nan(), imaginary, with_sign_of(real.like(0.0), imaginary))
    endless = with_sign_of(absolute(real), imaginary)
    one = where(sideways, where(negative, absolute(flat), real), one)
    other = where(sideways, where(negative, endless, flat), other)
    return where(upward, math.inf, one), where(upward, imaginary, other)


def angle(body: Functions, x: Complex) -> Vector:
    """The argument, in (-pi, pi]."""
    real, imaginary = _above(x)
    return body.function("arctan2", imaginary, real)


# Of doubles, by NumPy's names.
FUNCTIONS: dict[str, Callable[[Functions, Complex], Complex]] = {
    "exp": exp, "sin": _turned(sinh), "cos": cos, "tan": _turned(tanh), "sinh": sinh, "cosh": cosh, "tanh": tanh,
    "log": log, "log2": _to_base(c.LOG2E), "log10": _to_base(c.LOG10E), "sqrt": sqrt,
}  # fmt: skip
