"""exp and log, powers, and the hyperbolic functions and their inverses, which are made of them.

Exponentials reduce by multiples of log(2) in two parts (Cody and Waite, "Software manual for the elementary
functions", 1980), logarithms by the series of log((1 + s)/(1 - s)) (as in Sun's fdlibm). Where the result would lose
bits, the logarithm is taken to 106 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import coefficients as c
from .pairs import Pair, quick_sum, two_product, two_sum
from .vectors import DOUBLE, Vector, absolute, fma, polynomial, rarely, sqrt, where, with_sign_of


_ROUND = 1.5 * 2.0**52  # added, and subtracted again, it leaves the nearest integer, which is also in the lowest bits
_LEAST_NORMAL = 2.0**-1022
_HALF_ROOT = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
_MANTISSA = 0x000FFFFFFFFFFFFF
_TINY = 2.0**-26


# -- exponentials ----------------------------------------------------------------------------------------------------


def _power_of_two(shifted: Vector, more: int = 0) -> Vector:
    """2**(k + more), where `shifted` is k + _ROUND, and it is a normal number."""
    return ((shifted.bits() + (1023 + more)) << 52).double()


def _scaled(value: Vector, shifted: Vector) -> Vector:
    """value*2**k, where `shifted` is k + _ROUND: in two steps, as 2**k may be no normal number."""
    # Half of k, rounded by the same trick, and the rest: both are exponents of normal numbers.
    half = fma(shifted - _ROUND, 0.5, _ROUND)
    rest = ((shifted.bits() - half.bits() + 1023) << 52).double()
    return (value * _power_of_two(half)) * rest


def _clamped(x: Vector, low: float, high: float) -> Vector:
    x = where(x > high, high, x)
    return where(x < low, low, x)


def _fraction(r: Vector, low: Vector | None = None) -> Vector:
    """exp(r + low) - 1 for |r| <= log(2)/2."""
    tail = r * r * polynomial(r, c.EXP)
    if low is not None:
        tail = tail + fma(low, r + tail, low)
    return r + tail


def _reduced(x: Vector) -> tuple[Vector, Vector, Vector]:
    """k + _ROUND, and x - k*log(2) in two parts."""
    shifted = fma(x, c.LOG2E[0], _ROUND)
    k = shifted - _ROUND
    first = fma(k, -c.LN2_DD[0], x)  # exact
    low = k * -c.LN2_DD[1]
    r = quick_sum(first, low)
    return shifted, r.high, r.low


def exp(x: Vector) -> Vector:
    """e**x."""
    infinite = x.equals(math.inf)
    result = _finite_exp(where(infinite, 0.0, x))
    return where(infinite, math.inf, result)


def _finite_exp(x: Vector) -> Vector:
    """e**x for x < inf: infinity is an overflow, of which the processor tells."""
    # Beyond, the result is 0 or infinite anyway, and k stays in the range of `_scaled`.
    x = _clamped(x, -746.0, 710.0)
    shifted = fma(x, c.LOG2E[0], _ROUND)
    k = shifted - _ROUND
    r = fma(k, -c.LN2_DD[1], fma(k, -c.LN2_DD[0], x))
    return _scaled(1.0 + _fraction(r), shifted)


def exp2(x: Vector) -> Vector:
    """2**x."""
    infinite = x.equals(math.inf)
    x = _clamped(where(infinite, 0.0, x), -1076.0, 1025.0)
    shifted = x + _ROUND
    rest = x - (shifted - _ROUND)
    high = two_product(rest, x.like(c.LN2_DD[0]))
    result = _scaled(1.0 + _fraction(high.high, fma(rest, c.LN2_DD[1], high.low)), shifted)
    return where(infinite, math.inf, result)


def expm1(x: Vector) -> Vector:
    """e**x - 1."""
    infinite = x.equals(math.inf)
    clamped = _clamped(where(infinite, 0.0, x), -40.0, 710.0)
    shifted, r, low = _reduced(clamped)
    half = _power_of_two(shifted, -1)  # half of 2**k: for the largest x, 2**k itself is infinite
    result = fma(half, _fraction(r, low), half - 0.5)
    # So small that x itself is the result: -0.0 stays -0.0.
    return where(infinite | (absolute(x) < 2.0**-54), x, result + result)


def decay(x: Vector) -> tuple[Pair, Vector]:
    """1 - e**-x to some bits more than a double has, and e**-x; for x >= 0."""
    shifted, r, low = _reduced(where(x > 746.0, -746.0, -x))
    tail = r * r * polynomial(r, c.EXP)
    fraction = quick_sum(r, tail + fma(low, r + tail, low))
    # From there on 1 - e**-x is 1, and the power of two need be no normal number.
    gone = x > 50.0
    scale = _power_of_two(where(gone, x.like(_ROUND), shifted))
    rest = two_sum(1.0 - scale, -(scale * fraction.high))
    less = Pair(where(gone, 1.0, rest.high), where(gone, 0.0, rest.low - scale * fraction.low))
    return less, _scaled(1.0 + fraction.high, shifted)


def exp_of_pair(x: Pair) -> Vector:
    """e**x of a number of 106 bits."""
    high = _clamped(x.high, -746.0, 711.0)
    shifted, r, low = _reduced(high)
    inside = absolute(x.high) < 800.0
    return _scaled(1.0 + _fraction(r, low + where(inside, x.low, 0.0)), shifted)


def _half_exp(x: Vector) -> Vector:
    """e**x / 2, for x >= 0: no infinity while half of e**x is none."""
    infinite = x.equals(math.inf)
    shifted, r, low = _reduced(where(infinite, 0.0, where(x > 711.0, 711.0, x)))
    return where(infinite, math.inf, _scaled(1.0 + _fraction(r, low), shifted - 1.0))


def sinh(x: Vector) -> Vector:
    """The hyperbolic sine."""
    size = absolute(x)
    half = _half_exp(size)
    near = where(size < 1.0, size, 0.0)
    z = near * near
    small = fma(near * z, polynomial(z, c.SINH), near)
    return with_sign_of(where(size < 1.0, small, half - 0.25 / half), x)


def cosh(x: Vector) -> Vector:
    """The hyperbolic cosine."""
    half = _half_exp(absolute(x))
    return half + 0.25 / half


def tanh(x: Vector) -> Vector:
    """The hyperbolic tangent."""
    size = absolute(x)
    near = where(size < 0.55, size, 0.0)
    z = near * near
    small = fma(near * z, polynomial(z, c.TANH), near)
    # Beyond 20, tanh is 1 to the last bit.
    doubled = where(size > 20.0, 40.0, size + size)
    large = 1.0 - 2.0 / (_finite_exp(doubled) + 1.0)
    result = where(size < 0.55, small, large)
    return with_sign_of(where(x.is_nan(), x, result), x)


# -- logarithms ------------------------------------------------------------------------------------------------------


def _split(x: Vector) -> tuple[Vector, Vector]:
    """m in [sqrt(1/2), sqrt(2)) and k: x = m*2**k, for normal x > 0; of other x, some such numbers."""
    bits = x.bits() - _HALF_ROOT
    k = x.text.let(bits.kind, f"ashr {bits.type} {bits.name}, splat (i64 52)").converted(DOUBLE)
    return ((bits & _MANTISSA) + _HALF_ROOT).double(), k


def _split_any(x: Vector) -> tuple[Vector, Vector]:
    """The same, also of subnormal x > 0."""
    tiny = x < _LEAST_NORMAL
    m, k = _split(where(tiny, x * 2.0**54, x))
    return m, where(tiny, k - 54.0, k)


def _is_normal(x: Vector) -> Vector:
    """Is it positive, finite and not subnormal?"""
    return (x >= _LEAST_NORMAL) & (x < math.inf)


def _edges_of_log(x: Vector, result: Vector) -> Vector:
    """`result` where x is positive and finite; else what log is there."""
    result = where(x < math.inf, result, x)  # nan, inf
    result = where(x < 0.0, math.nan, result)
    return where(x.equals(0.0), -math.inf, result)


def _of_mantissa(m: Vector, rest: Vector) -> Vector:
    """log(m) + rest, for m in [sqrt(1/2), sqrt(2)) and what is small beside it."""
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    half = 0.5 * f * f
    return f - (half - fma(s, half + z * polynomial(z, c.LOG), rest))


def log(x: Vector) -> Vector:
    """The natural logarithm."""
    return rarely("log", ~_is_normal(x), _log(*_split(x)), x)


def log2(x: Vector) -> Vector:
    """The logarithm to base 2; of a power of two, exactly its exponent."""
    return rarely("log2", ~_is_normal(x), _log2(*_split(x)), x)


def log10(x: Vector) -> Vector:
    """The logarithm to base 10."""
    return rarely("log10", ~_is_normal(x), _log10(*_split(x)), x)


def _log(m: Vector, k: Vector) -> Vector:
    return fma(k, c.LN2[0], _of_mantissa(m, k * c.LN2[1]))


def _log2(m: Vector, k: Vector) -> Vector:
    return fma(_of_mantissa(m, m.like(0.0)), c.LOG2E[0], k)


def _log10(m: Vector, k: Vector) -> Vector:
    rest = fma(_of_mantissa(m, m.like(0.0)), c.LOG10E[0], k * c.LOG10_2[1])
    return fma(k, c.LOG10_2[0], rest)


def _log1p(x: Vector, low: Vector) -> Vector:
    """log(1 + x + low) for finite x > -1."""
    # 1 + x is rounded; what it lost comes back as log(1 + lost/(1 + x)), to first order.
    total = two_sum(x.like(1.0), x)
    m, k = _split(total.high)
    tail = (total.low + low) / total.high
    return fma(k, c.LN2[0], _of_mantissa(m, fma(k, c.LN2[1], tail)))


def log1p_of_pair(x: Pair) -> Vector:
    """log(1 + x) of a number of 106 bits, -1 < x < inf."""
    return where(absolute(x.high) < 2.0**-54, x.high, _log1p(x.high, x.low))


def log1p(x: Vector) -> Vector:
    """log(1 + x)."""
    result = where(absolute(x) < 2.0**-54, x, _log1p(x, x.like(0.0)))
    return rarely("log1p", ~((x > -1.0) & (x < math.inf)), result, x)


def _log1p_at_edges(x: Vector) -> Vector:
    """log(1 + x) where that is not positive and finite."""
    return _edges_of_log(x + 1.0, x)


def asinh(x: Vector) -> Vector:
    """The inverse hyperbolic sine: log(1 + x + x**2/(1 + sqrt(1 + x**2))), and for large x, log(x) + log(2)."""
    size = absolute(x)
    # There sqrt(x**2 + 1) is x to the last bit; the square of a larger one might overflow.
    large = size > 2.0**28
    safe = where(large, 1.0, size)
    square = safe * safe
    argument = two_sum(safe, square / (1.0 + sqrt(fma(safe, safe, 1.0))))
    value = where(large, _log(*_split(size)) + math.log(2.0), _log1p(argument.high, argument.low))
    value = where(size < _TINY, fma(safe * square, -1.0 / 6.0, size), value)
    return with_sign_of(where(size < math.inf, value, x), x)


def acosh(x: Vector) -> Vector:
    """The inverse hyperbolic cosine: log(1 + t + sqrt(2*t + t**2)), t = x - 1; for large x, log(x) + log(2)."""
    # There sqrt(x**2 - 1) is x to the last bit.
    large = x > 2.0**28
    t = where(large, 1.0, where(x > 1.0, x - 1.0, 1.0))
    argument = two_sum(t, sqrt(fma(t, t, t + t)))
    value = where(large, _log(*_split(x)) + math.log(2.0), _log1p(argument.high, argument.low))
    value = where(x.equals(1.0), 0.0, value)
    value = where(x < 1.0, math.nan, value)
    return where(x < math.inf, value, x)


def atanh(x: Vector) -> Vector:
    """The inverse hyperbolic tangent: log(1 + 2*x/(1 - x))/2; infinite at 1, nan beyond."""
    size = absolute(x)
    safe = where(size < 1.0, size, 0.5)
    # 1 - x loses bits of a small x, which the pair keeps.
    below = two_sum(x.like(1.0), -safe)
    quotient = (safe + safe) / below.high
    rest = fma(-quotient, below.high, safe + safe) - quotient * below.low
    value = 0.5 * _log1p(quotient, rest / below.high)
    value = where(size < _TINY, fma(safe * safe * safe, 1.0 / 3.0, size), value)
    value = where(size.equals(1.0), math.inf, value)
    value = where(size > 1.0, math.nan, value)
    return with_sign_of(where(x.is_nan(), x, value), x)


# -- powers ----------------------------------------------------------------------------------------------------------


def _precise_log(m: Vector, k: Vector) -> Pair:
    """log(x) to 64 bits, x = m*2**k: the first two terms of the series are pairs, the rest is not."""
    f = m - 1.0  # exact
    below = quick_sum(m.like(2.0), f)
    inverse = 1.0 / below.high
    s = f * inverse
    s_low = (fma(-s, below.high, f) - s * below.low) * inverse
    z = s * s
    z_low = fma(s, s, -z) + (s + s) * s_low
    rest = z * polynomial(z, c.LOG_REST)
    factor = quick_sum(z.like(c.TWO_THIRDS[0]), rest)
    factor_low = factor.low + c.TWO_THIRDS[1]
    cube = z * s
    cube_low = fma(z, s, -cube) + fma(z_low, s, z * s_low)
    cubic = cube * factor.high
    cubic_low = fma(cube, factor.high, -cubic) + fma(cube, factor_low, cube_low * factor.high)
    series = quick_sum(s + s, cubic)
    total = quick_sum(k * c.LN2[0], series.high)
    return Pair(total.high, total.low + (series.low + (s_low + s_low + cubic_low + k * c.LN2[1])))


def power(x: Vector, y: Vector) -> Vector:
    """x**y: exp(y*log(x)), the logarithm to 64 bits."""
    # The quick way: no zero, sign, infinity or overflow. All else is `_any_power`, in a branch.
    moderate = _is_normal(x) & (absolute(y) < 2.0**60)
    exponent = where(moderate, y, 0.0)
    logarithm = _precise_log(*_split(x))
    high = logarithm.high * exponent
    ordinary = moderate & (absolute(high) < 700.0)
    high = where(ordinary, high, 0.0)
    low = fma(logarithm.high, exponent, -high) + logarithm.low * exponent
    shifted, r, rest = _reduced(high)
    value = (1.0 + _fraction(r, rest + where(ordinary, low, 0.0))) * _power_of_two(shifted)
    return rarely("power", ~ordinary, value, x, y)


def _any_power(x: Vector, y: Vector) -> Vector:
    """x**y: exp(y*log|x|), the logarithm to 64 bits; of a negative x, only for whole y."""
    size = absolute(x)
    ordinary = (size > 0.0) & (size < math.inf)
    logarithm = _precise_log(*_split_any(where(ordinary, size, 1.0)))
    # An infinite y times a logarithm of 0 is nan: infinite exponents are settled below.
    exponent = _clamped(where(absolute(y).equals(math.inf), 1.0, y), -(2.0**70), 2.0**70)
    high = logarithm.high * exponent
    low = fma(logarithm.high, exponent, -high) + logarithm.low * exponent
    value = exp_of_pair(quick_sum(_clamped(high, -1000.0, 1000.0), where(absolute(high) < 1000.0, low, 0.0)))
    value = where(size.equals(0.0), where(y < 0.0, math.inf, 0.0), value)
    value = where(size.equals(math.inf), where(y < 0.0, 0.0, math.inf), value)
    # Beyond 2**53 every double is even, beyond 2**52 whole.
    whole = y.text.intrinsic("floor", y).equals(y)
    halved = y * 0.5
    odd = whole & (y.text.intrinsic("floor", halved) < halved)
    value = where(odd, with_sign_of(value, x), value)
    value = where((x < 0.0) & ~whole & (size < math.inf), math.nan, value)
    # An infinite exponent, and nan; but 1**y and x**0 are 1 whatever the other is.
    grows = (size > 1.0) & (y > 0.0) | (size < 1.0) & (y < 0.0)
    infinite = where(size.equals(1.0), 1.0, where(grows, y.like(math.inf), y.like(0.0)))
    value = where(absolute(y).equals(math.inf), infinite, value)
    value = where(x.is_nan() | y.is_nan(), x + y, value)
    return where(x.equals(1.0) | y.equals(0.0), 1.0, value)


def cbrt(x: Vector) -> Vector:
    """The real cube root: a step of Halley's from a polynomial, and one of Newton's with the exact residue."""
    size = absolute(x)
    ordinary = (size > 0.0) & (size < math.inf)
    m, k = _split_any(where(ordinary, size, 1.0))
    # k = 3*j + rest, so that x = m*2**rest * (2**j)**3.
    shifted = fma(k, 1.0 / 3.0, _ROUND)
    rest = fma(shifted - _ROUND, -3.0, k)  # -1, 0 or 1
    target = m * where(rest > 0.5, 2.0, where(rest < -0.5, 0.5, m.like(1.0)))
    start = where(rest > 0.5, 2.0 ** (1 / 3), where(rest < -0.5, 0.5 ** (1 / 3), m.like(1.0)))
    y = start * polynomial(m, c.CBRT)
    cube = y * y * y
    y = y * (cube + target + target) / (cube + cube + target)
    square = two_product(y, y)
    residue = fma(square.high, y, -target) + square.low * y
    y = y - residue / (3.0 * square.high)
    return where(ordinary, with_sign_of(y * _power_of_two(shifted), x), x)


# What is called where arguments are rare.
RARE: dict[str, Callable[..., Vector]] = {
    "log": lambda x: _edges_of_log(x, _log(*_split_any(x))),
    "log2": lambda x: _edges_of_log(x, _log2(*_split_any(x))),
    "log10": lambda x: _edges_of_log(x, _log10(*_split_any(x))),
    "log1p": _log1p_at_edges,
    "power": _any_power,
}
