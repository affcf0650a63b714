"""Sine, cosine and tangent, and their inverses.

Up to 2**40, multiples of pi/2 are taken off in three parts, with the error of each product (Cody and Waite; a fused
multiplication makes the first step exact). Beyond, which is rare, a branch computes the fraction of x*2/pi in
integers of 256 bits (Payne and Hanek, "Radian reduction for trigonometric functions", 1983). The polynomials are on
[-pi/4, pi/4], with the low part of the argument (as in Sun's fdlibm).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import coefficients as c
from .pairs import Pair, quick_sum, two_product, two_sum
from .vectors import DOUBLE, INT, Text, Vector, absolute, fma, literal, polynomial, rarely, sqrt, where, with_sign_of


LARGE = 2.0**40
_ROUND = 1.5 * 2.0**52
_TAN_PI_8 = math.tan(math.pi / 8)


# -- reduction -------------------------------------------------------------------------------------------------------


def _reduced(x: Vector) -> tuple[Vector, Pair]:
    """The nearest multiple of pi/2, in the lowest bits, and what is left; for |x| <= LARGE."""
    shifted = fma(x, 2.0 / math.pi, _ROUND)
    n = shifted - _ROUND
    first = fma(n, -c.PI_2[0], x)  # exact: both are multiples of the last bit of pi/2, and the result is below 1
    product = two_product(n, n.like(-c.PI_2[1]))
    total = two_sum(first, product.high)
    low = fma(n, -c.PI_2[2], total.low + product.low)
    return shifted.bits(), quick_sum(total.high, low)


def _sine_parts(r: Pair) -> Pair:
    """sin(r), |r| <= pi/4, as a number and what is small beside it."""
    z = r.high * r.high
    cube = z * r.high
    series = polynomial(z, c.SIN[1:])
    return Pair(r.high, -((z * (0.5 * r.low - cube * series) - r.low) - cube * c.SIN[0]))


def _cosine_parts(r: Pair) -> Pair:
    """cos(r), |r| <= pi/4, as a number and what is small beside it."""
    z = r.high * r.high
    half = 0.5 * z
    series = z * polynomial(z, c.COS)
    rough = 1.0 - half
    return Pair(rough, ((1.0 - rough) - half) + (z * series - r.high * r.low))


def _sine_kernel(r: Pair) -> Vector:
    return _sum(_sine_parts(r))


def _cosine_kernel(r: Pair) -> Vector:
    return _sum(_cosine_parts(r))


def _sum(parts: Pair) -> Vector:
    return parts.high + parts.low


def _turned(quadrant: Vector, value: Vector) -> Vector:
    """`value`, negative in the quadrants 2 and 3."""
    # Bit 1 of the quadrant becomes the sign bit.
    return (value.bits() ^ ((quadrant & 2) << 62)).double()


def _sine(n: Vector, r: Pair) -> Vector:
    odd = (n & 1).equals(1)
    return _turned(n, where(odd, _cosine_kernel(r), _sine_kernel(r)))


def _cosine(n: Vector, r: Pair) -> Vector:
    odd = (n & 1).equals(1)
    # cos is negative in the quadrants 1 and 2: those of n + 1 are 2 and 3.
    return _turned(n + 1, where(odd, _sine_kernel(r), _cosine_kernel(r)))


def _tangent(n: Vector, r: Pair) -> Vector:
    odd = (n & 1).equals(1)
    sine, cosine = quick_sum(*_sine_parts(r)), quick_sum(*_cosine_parts(r))
    # In odd quadrants, tan(r + pi/2) = -cos(r)/sin(r).
    above = _chosen(odd, cosine, sine)
    below = _chosen(odd, Pair(-sine.high, -sine.low), cosine)
    inverse = 1.0 / below.high
    quotient = above.high * inverse
    # What the rounded inverse has left over, and the low parts.
    rest = fma(-quotient, below.high, above.high) + (above.low - quotient * below.low)
    return fma(rest, inverse, quotient)


_KERNELS: dict[str, Callable[[Vector, Pair], Vector]] = {"sin": _sine, "cos": _cosine, "tan": _tangent}


def _circular(name: str, x: Vector) -> Vector:
    large = absolute(x) > LARGE
    # Large lanes are replaced below; 0 keeps them within the range of this reduction.
    n, r = _reduced(where(large, 0.0, x))
    value = _KERNELS[name](n, r)
    if name != "cos":
        value = where(absolute(x) < 2.0**-27, x, value)  # also -0.0, whose sign the sums above lose
    return rarely(name, large, value, x)


def sin(x: Vector) -> Vector:
    """The sine."""
    return _circular("sin", x)


def cos(x: Vector) -> Vector:
    """The cosine."""
    return _circular("cos", x)


def tan(x: Vector) -> Vector:
    """The tangent."""
    return _circular("tan", x)


def large_function(name: str, width: int, declared: set[str]) -> str:
    """What `sin`, `cos` or `tan` calls where arguments are large."""
    text = Text(width, declared)
    x = text.argument("x")
    n, high, low = (Vector(text, f"%{part}", kind) for part, kind in (("n", INT), ("hi", DOUBLE), ("lo", DOUBLE)))
    value = _KERNELS[name](n, Pair(high, low))
    value = where(absolute(x) < math.inf, value, math.nan)
    vector, integers = f"<{width} x double>", f"<{width} x i64>"
    lines = "\n".join(text.lines)
    function = f"""
define {vector} @{name}.rare.{width}({vector} %x) #1 {{
entry:
  %xs = alloca {vector}, align 64
  %ns = alloca {integers}, align 64
  %his = alloca {vector}, align 64
  %los = alloca {vector}, align 64
  store {vector} %x, ptr %xs, align 64
  br label %lane
lane:
  %i = phi i64 [ 0, %entry ], [ %next, %lane ]
  %px = getelementptr double, ptr %xs, i64 %i
  %pn = getelementptr i64, ptr %ns, i64 %i
  %phi = getelementptr double, ptr %his, i64 %i
  %plo = getelementptr double, ptr %los, i64 %i
  %one = load double, ptr %px, align 8
  call void @reduce(double %one, ptr %pn, ptr %phi, ptr %plo)
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, {width}
  br i1 %more, label %lane, label %done
done:
  %n = load {integers}, ptr %ns, align 64
  %hi = load {vector}, ptr %his, align 64
  %lo = load {vector}, ptr %los, align 64
{lines}
  ret {vector} {value.name}
}}"""
    return "\n".join([_TABLE, _REDUCTION, function])


_ZEROS = 64  # bits before the point of 2/pi, for arguments that are not so large
_BITS = 1280 + _ZEROS
_WORDS = ", ".join(f"i64 {(c.TWO_OVER_PI >> 64 * i) & (2**64 - 1)}" for i in range(_BITS // 64))
_TABLE = f"@two_over_pi = internal constant [{_BITS // 64 + 2} x i64] [{_WORDS}, i64 0, i64 0], align 8"

# x = m*2**e. Of 2/pi, the bits that m*2**e makes multiples of 4 are dropped, the 192 bits behind them kept; their
# product with m has the quadrant in its two highest bits, then the fraction, which is rounded to the nearest multiple
# by taking it for a signed number, and then made two doubles: its 53 highest bits, and the 53 below.
_REDUCTION = f"""
declare i192 @llvm.ctlz.i192(i192, i1)
define internal void @reduce(double %x, ptr %pn, ptr %phi, ptr %plo) #1 {{
entry:
  %bits = bitcast double %x to i64
  %biased0 = lshr i64 %bits, 52
  %biased = and i64 %biased0, 2047
  %usual0 = icmp ugt i64 %biased, 1023
  %finite = icmp ult i64 %biased, 2047
  %usual = and i1 %usual0, %finite
  br i1 %usual, label %large, label %other
other:
  store i64 0, ptr %pn, align 8
  store double 0.0, ptr %phi, align 8
  store double 0.0, ptr %plo, align 8
  ret void
large:
  %fraction = and i64 %bits, {2**52 - 1}
  %m64 = or i64 %fraction, {2**52}
  %m = zext i64 %m64 to i192
  %dropped = sub i64 %biased, 1077
  %shift = sub i64 {_BITS - _ZEROS - 192}, %dropped
  %byte = lshr i64 %shift, 3
  %bit64 = and i64 %shift, 7
  %bit = zext i64 %bit64 to i256
  %where = getelementptr i8, ptr @two_over_pi, i64 %byte
  %raw = load i256, ptr %where, align 1
  %moved = lshr i256 %raw, %bit
  %window = trunc i256 %moved to i192
  %product = mul i192 %m, %window
  %quadrant192 = lshr i192 %product, 190
  %quadrant = trunc i192 %quadrant192 to i64
  %scaled = shl i192 %product, 2
  %up192 = lshr i192 %scaled, 191
  %up = trunc i192 %up192 to i64
  %n0 = add i64 %quadrant, %up
  %isup = icmp eq i64 %up, 1
  %flipped = sub i192 0, %scaled
  %size = select i1 %isup, i192 %flipped, i192 %scaled
  %zeros192 = call i192 @llvm.ctlz.i192(i192 %size, i1 false)
  %normal = shl i192 %size, %zeros192
  %zeros = trunc i192 %zeros192 to i64
  %top192 = lshr i192 %normal, 139
  %top = trunc i192 %top192 to i64
  %rest192 = lshr i192 %normal, 86
  %rest0 = trunc i192 %rest192 to i64
  %rest = and i64 %rest0, {2**53 - 1}
  %a = sitofp i64 %top to double
  %b = sitofp i64 %rest to double
  %e1 = sub i64 {1023 - 53}, %zeros
  %e1s = shl i64 %e1, 52
  %s1 = bitcast i64 %e1s to double
  %e2 = sub i64 {1023 - 106}, %zeros
  %e2s = shl i64 %e2, 52
  %s2 = bitcast i64 %e2s to double
  %f1 = fmul double %a, %s1
  %f2 = fmul double %b, %s2
  %p = fmul double %f1, PI0
  %np = fneg double %p
  %perr = call double @llvm.fma.f64(double %f1, double PI0, double %np)
  %p2 = call double @llvm.fma.f64(double %f1, double PI1, double %perr)
  %p3 = call double @llvm.fma.f64(double %f2, double PI0, double %p2)
  %hi0 = fadd double %p, %p3
  %back = fsub double %hi0, %p
  %lo0 = fsub double %p3, %back
  %negative = icmp slt i64 %bits, 0
  %turn = xor i1 %negative, %isup
  %hin = fneg double %hi0
  %lon = fneg double %lo0
  %hi = select i1 %turn, double %hin, double %hi0
  %lo = select i1 %turn, double %lon, double %lo0
  %nn = sub i64 0, %n0
  %n = select i1 %negative, i64 %nn, i64 %n0
  store i64 %n, ptr %pn, align 8
  store double %hi, ptr %phi, align 8
  store double %lo, ptr %plo, align 8
  ret void
}}
declare double @llvm.fma.f64(double, double, double)
""".replace("PI0", literal(c.PI_2[0], DOUBLE)).replace("PI1", literal(c.PI_2[1], DOUBLE))


# -- inverses --------------------------------------------------------------------------------------------------------


def _arctangent(above: Pair, below: Vector) -> Pair:
    """atan(above/below) for 0 <= above <= below, below > 0, in two parts."""
    # atan(q) = pi/4 + atan((q - 1)/(q + 1)): so the polynomial is on [-tan(pi/8), tan(pi/8)].
    far = above.high > _TAN_PI_8 * below
    difference, total = two_sum(above.high, -below), two_sum(above.high, below)
    numerator = where(far, difference.high, above.high)
    numerator_low = where(far, difference.low, above.low)
    denominator = where(far, total.high, below)
    denominator_low = where(far, total.low, 0.0)
    q = numerator / denominator
    rest = (fma(-q, denominator, numerator) + (numerator_low - q * denominator_low)) / denominator
    z = q * q
    tail = fma(q * z, polynomial(z, c.ATAN), rest)
    start = where(far, q.like(c.PI_2[0] / 2), q.like(0.0))
    result = quick_sum(start, q)
    return Pair(result.high, result.low + tail + where(far, q.like(c.PI_2[1] / 2), q.like(0.0)))


def _from_right_angle(angle: Pair, multiple: int) -> Pair:
    """multiple*pi/2 - angle."""
    start = angle.high.like(c.PI_2[0] * multiple)
    first = two_sum(start, -angle.high)
    return Pair(first.high, first.low + (c.PI_2[1] * multiple - angle.low))


def atan(x: Vector) -> Vector:
    """The inverse tangent."""
    size = absolute(x)
    steep = size > 1.0
    # Beyond, 1/x is nothing beside pi/2.
    huge = size > 2.0**60
    safe = where(huge, 2.0**60, size)
    angle = _arctangent(Pair(where(steep, 1.0, safe), x.like(0.0)), where(steep, safe, 1.0))
    value = _sum(_chosen(steep, _from_right_angle(angle, 1), angle))
    value = where(size < 2.0**-28, size, value)
    return with_sign_of(where(x.is_nan(), x, value), x)


def _chosen(condition: Vector, one: Pair, other: Pair) -> Pair:
    return Pair(where(condition, one.high, other.high), where(condition, one.low, other.low))


def atan2(y: Vector, x: Vector) -> Vector:
    """The angle of the point (x, y), in [-pi, pi]; the signs of zeros count."""
    above, below = absolute(y), absolute(x)
    steep = above > below
    large, small = where(steep, above, below), where(steep, below, above)
    # By powers of two to where nothing overflows or is lost; two infinities are as two ones, zeros as 0/1.
    infinite = large.equals(math.inf)
    small = where(infinite, where(small.equals(math.inf), 1.0, small.like(0.0)), small)
    large = where(infinite, 1.0, large)
    large = where(large.equals(0.0), 1.0, large)
    ratio = small / large
    scale = where(large > 2.0**500, large.like(2.0**-600), where(large < 2.0**-500, large.like(2.0**500), 1.0))
    large, small = large * scale, small * scale
    angle = _arctangent(Pair(small, x.like(0.0)), large)
    angle = _chosen(steep, _from_right_angle(angle, 1), angle)
    left = x.bits() < 0
    # So small an angle is the ratio itself, also where that is subnormal.
    tiny = ~steep & ~left & (ratio < 2.0**-500)
    value = _sum(_chosen(left, _from_right_angle(angle, 2), angle))
    value = where(tiny, ratio, value)
    return where(x.is_nan() | y.is_nan(), x + y, with_sign_of(value, y))


def _arcsine_series(t: Vector) -> Vector:
    z = t * t
    return z * polynomial(z, c.ASIN)


def _far_from_zero(size: Vector) -> tuple[Pair, Vector]:
    """s = sqrt((1 - size)/2) in two parts, and the rest of asin(s)/s, which is 1 + rest; for size in [1/2, 1]."""
    z = fma(size, -0.5, 0.5)  # exact
    high = sqrt(z)
    low = where(high > 0.0, fma(-high, high, z) / (high + high), 0.0)
    return Pair(high, low), z * polynomial(z, c.ASIN)


def asin(x: Vector) -> Vector:
    """The inverse sine; nan beyond 1."""
    size = absolute(x)
    near = size < 0.5
    s, rest = _far_from_zero(where(size < 1.0, where(near, 1.0, size), 1.0))
    # asin(x) = pi/2 - 2*asin(sqrt((1 - x)/2)) for x >= 1/2.
    twice = Pair(-2.0 * s.high, -2.0 * fma(s.high, rest, s.low))
    first = two_sum(x.like(c.PI_2[0]), twice.high)
    far = first.high + (first.low + (twice.low + c.PI_2[1]))
    inner = where(near, size, 0.0)
    value = where(near, fma(inner, _arcsine_series(inner), inner), far)
    value = where(size > 1.0, math.nan, value)
    return with_sign_of(where(x.is_nan(), x, value), x)


def acos(x: Vector) -> Vector:
    """The inverse cosine; nan beyond 1."""
    size = absolute(x)
    near = size < 0.5
    s, rest = _far_from_zero(where(size < 1.0, where(near, 1.0, size), 1.0))
    tail = 2.0 * fma(s.high, rest, s.low)
    # acos(x) = 2*asin(sqrt((1 - x)/2)) for x >= 1/2; of -x, it is pi less that.
    right = fma(s.high, 2.0, tail)
    first = two_sum(x.like(2.0 * c.PI_2[0]), -2.0 * s.high)
    left = first.high + (first.low + (2.0 * c.PI_2[1] - tail))
    inner = where(near, x, 0.0)
    # acos(x) = pi/2 - asin(x) around 0.
    middle = two_sum(x.like(c.PI_2[0]), -inner)
    between = middle.high + (middle.low + (c.PI_2[1] - inner * _arcsine_series(inner)))
    value = where(near, between, where(x < 0.0, left, right))
    value = where(size > 1.0, math.nan, value)
    return where(x.is_nan(), x, value)
