"""Factorials, binomials, and sequences by recurrences, over integers and, where SymPy has them, over all numbers.

The exact forms take and give Python integers. `Undefined` means that SymPy has no finite value there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import numpy as np
from mpmath.libmp import ifib

from ..types import MPContext, MPNumber, Value
from .direct import Direct
from .pointwise import Fast, Pointwise, is_whole, replaced
from .whole import Undefined, Whole


_FAR = 5000  # products of more factors are infinite as floats, and are not written out as integers


def _sign(n: int) -> int:
    """(-1)**n."""
    return -1 if n % 2 else 1


# -- factorials --------------------------------------------------------------------------------------------------------


def _factorial(n: int, far: int = _FAR) -> Any:
    if n < 0:
        raise Undefined
    return math.factorial(n) if n <= far else math.inf


def _factorial_fast(special: ModuleType, x: Value) -> Any:
    """x Gamma(x): unlike Gamma(x + 1), it rounds no argument."""
    return np.where(np.abs(x) < 1e-150, 1.0, x * special.gamma(x))


FACTORIAL = Whole(
    "factorial",
    _factorial,
    Pointwise(
        "factorial",
        lambda mp, z: mp.factorial(z),
        Fast(_factorial_fast, keep_nan=True, direct=Direct(lambda s: lambda x: x * s.gamma(x), ((1e-150, 170.0),))),
        Fast(lambda s, z: s.gamma(z + 1)),
    ),
    far=1_800_000,
)


def _factorial2(n: int, far: int = _FAR) -> Any:
    """n!!; downwards from -1 by n!! = (n + 2)!!/(n + 2)."""
    if n >= 0:
        return _product(range(n, 0, -2)) if n <= far else math.inf
    if n % 2 == 0:
        raise Undefined
    return Fraction(_sign((n + 1) // 2), _product(range(-n - 2, 0, -2))) if -n <= far else 0.0


FACTORIAL2 = Whole("factorial2", _factorial2, far=3_500_000)


def _subfactorial(n: int) -> Any:
    if n < 0:
        raise Undefined
    if n > _FAR:
        return math.inf
    value = 1
    for k in range(1, n + 1):
        value = k * value + _sign(k)
    return value


SUBFACTORIAL = Whole(
    "subfactorial",
    _subfactorial,
    # Gamma(z + 1, -1)/e; not real except at integers.
    Pointwise("subfactorial", lambda mp, z: mp.gammainc(z + 1, -1, mp.inf) / mp.e),
)


def _rising(x: int, k: int, far: int = _FAR) -> Any:
    if abs(k) * (abs(x) + abs(k)).bit_length() > 16 * far:
        return _rising_far(x, k)
    if k >= 0:
        return _product(range(x, x + k))
    product = _product(range(x + k, x))
    if not product:
        raise Undefined
    return Fraction(1, product)


def _rising_far(x: int, k: int) -> Any:
    if k > 0:
        return 0 if x <= 0 < x + k else math.inf if x > 0 else math.inf * _sign(k)
    if x + k <= 0 < x:
        raise Undefined
    return 0.0


def _falling(x: int, k: int, far: int = _FAR) -> Any:
    return _rising(x - k + 1, k, far)


def _product(factors: range) -> int:
    """The product, of halves of the range: of numbers of equal length, which are multiplied in less time."""
    if len(factors) < 32:
        return math.prod(factors)
    middle = len(factors) // 2
    return _product(factors[:middle]) * _product(factors[middle:])


def _moderate(*values: Value) -> Any:
    """Gamma of all of these is positive and finite, and correct nearly to the last digit."""
    found: Any = True
    for value in values:
        found = found & (value > 0) & (value < 150)
    return found


RISING = Whole(
    "rising_factorial",
    _rising,
    Pointwise(
        "rising_factorial",
        lambda mp, x, k: mp.rf(x, k),
        Fast(
            lambda s, x, k: s.gamma(x + k) / s.gamma(x),
            where=lambda x, k: _moderate(x, x + k),
            direct=Direct(lambda s: lambda x, k: s.gamma(x + k) / s.gamma(x), ((1e-150, 75.0), (0.0, 75.0))),
        ),
    ),
    far=2_000_000,
)
FALLING = Whole(
    "falling_factorial",
    _falling,
    Pointwise(
        "falling_factorial",
        lambda mp, x, k: mp.ff(x, k),
        Fast(lambda s, x, k: s.gamma(x + 1) / s.gamma(x - k + 1), where=lambda x, k: _moderate(x + 1, x - k + 1)),
    ),
    far=2_000_000,
)


def _binomial(n: int, k: int, far: int = _FAR) -> Any:
    """(n choose k) for all integers: 0 for k < 0, and by reflection for n < 0, as SymPy has it."""
    if k < 0:
        return 0
    if n < 0:
        value = _binomial(k - n - 1, k, far)
        return -value if k % 2 else value
    least = min(k, n - k)
    if least > 0 and least * (math.log2(n) - math.log2(least) + math.log2(math.e)) > far:  # bits, by Stirling
        return math.inf
    return math.comb(n, k)


def _general_binomial(mp: MPContext, n: MPNumber, k: MPNumber) -> Any:
    if mp.isint(k):
        if mp.re(k) < 0:
            return mp.mpf(0)
        if mp.re(k) < 200:
            return mp.ff(n, k) / mp.factorial(k)
    return mp.gamma(n + 1) * mp.rgamma(k + 1) * mp.rgamma(n - k + 1)


def _binomial_fast(special: ModuleType, n: Value, k: Value) -> Any:
    """Gamma(n + 1)/(Gamma(k + 1) Gamma(n - k + 1))."""
    difference = n - k
    value = special.gamma(n + 1) / (special.gamma(k + 1) * special.gamma(difference + 1))
    # There the denominator may be at a pole, or next to one.
    left = np.minimum(k, difference) < -0.998
    return replaced(value, left, lambda n, k: _binomial_left(special, n, k), n, k)


def _binomial_within(special: ModuleType, n: Value, k: Value) -> Any:
    """`_binomial_fast` of numbers none of which comes near to a pole, for which there is the last look here."""
    difference = np.subtract(n, k)
    if difference.size and not difference.item(difference.argmin()) > -0.5:
        raise ValueError("n - k is near a pole of Gamma(n - k + 1)")
    return special.gamma(n + 1) / (special.gamma(k + 1) * special.gamma(difference + 1))


def _binomial_left(special: ModuleType, n: Value, k: Value) -> Any:
    """The same by 1/Gamma, which has zeros where Gamma has poles, with what the difference n - k lost."""
    difference = n - k
    back = difference - n
    lost = (n - (difference - back)) - (k + back)  # exactly, by Knuth's sum of two numbers
    off = difference - np.rint(difference)
    # Next to its zeros, 1/Gamma is linear.
    scale = np.where((difference < -0.9) & (np.abs(off) < 0.1) & (off != 0), 1 + lost / off, 1.0)
    return special.gamma(n + 1) * special.rgamma(k + 1) * (special.rgamma(difference + 1) * scale)


def _binomial_stands(n: Value, k: Value) -> Any:
    """Are the three factors numbers, and is n - k no integer that is one by rounding?"""
    stands = np.maximum(np.abs(n), np.abs(k)) < 80
    difference = n - k
    if np.any(difference < -0.5):
        stands &= (difference > -0.5) | ~is_whole(difference) | (is_whole(n) & is_whole(k))
    return stands if np.all(stands) else stands | _moderate(n + 1, k + 1, difference + 1)


def _is_at_a_pole(n: Value, k: Value) -> Any:
    negative = np.less(n, 0)
    return negative & is_whole(n) & ~is_whole(k) if np.any(negative) else negative


BINOMIAL = Whole(
    "binomial",
    _binomial,
    Pointwise(
        "binomial",
        _general_binomial,
        Fast(
            _binomial_fast,
            where=_binomial_stands,
            outside=_is_at_a_pole,
            direct=Direct(lambda s: partial(_binomial_within, s), ((-0.9, 79.0), (-0.9, 79.0))),
        ),
    ),
    far=1 << 25,
)

# -- sequences by recurrences ------------------------------------------------------------------------------------------


def _fibonacci(n: int, far: int = 10**5) -> Any:
    if abs(n) > far:
        return math.inf if n > 0 else math.inf * _sign(n + 1)
    value = int(ifib(abs(n)))
    return value if n > 0 else _sign(n + 1) * value


def _lucas(n: int, far: int = 10**5) -> Any:
    if abs(n) + 1 > far:  # one of the two would be infinite, and the other too long to be added
        return math.inf if n > 0 else math.inf * _sign(n)
    return _fibonacci(n + 1, far) + _fibonacci(n - 1, far)


_PHI = (1 + math.sqrt(5)) / 2
FIBONACCI = Whole(
    "fibonacci",
    _fibonacci,
    Pointwise(
        "fibonacci",
        lambda mp, z: mp.fib(z),
        Fast(
            lambda s, x: (_PHI**x - np.cos(np.pi * (x % 2)) * _PHI**-x) / math.sqrt(5),
            where=lambda x: (x > 1) & (x < 100),
        ),
    ),
    far=48_000_000,
)
LUCAS = Whole(
    "lucas",
    _lucas,
    # Binet's formula, as SymPy writes it; not real except at integers.
    Pointwise("lucas", lambda mp, z: ((1 + mp.sqrt(5)) ** z + (1 - mp.sqrt(5)) ** z) / mp.mpf(2) ** z),
    far=48_000_000,
)


def _polynomials(name: str, compute: Callable[[int, Any], Any]) -> Whole:
    """A polynomial in the last argument, its order the first: one recurrence for integers and for others."""

    def reference(mp: MPContext, n: MPNumber, x: MPNumber) -> Any:
        if not mp.isint(n):
            raise Undefined
        return compute(int(mp.re(n)), x)

    return Whole(name, compute, Pointwise(name, reference))


def _fibonacci_polynomial(n: int, x: Value) -> Any:
    if not 1 <= n <= _FAR:
        raise Undefined
    before, now = 0, 1
    for _ in range(n - 1):
        before, now = now, x * now + before
    return now


def _tribonacci_polynomial(n: int, x: Value) -> Any:
    if not 0 <= n <= _FAR:
        raise Undefined
    a, b, c = 0, 1, x * x
    for _ in range(n):
        a, b, c = b, c, x * x * c + x * b + a
    return a


FIBONACCI_POLYNOMIAL = _polynomials("fibonacci", _fibonacci_polynomial)
TRIBONACCI = Whole("tribonacci", lambda n: _tribonacci_polynomial(n, 1))
TRIBONACCI_POLYNOMIAL = _polynomials("tribonacci", _tribonacci_polynomial)


def _infinite_from_0(n: int) -> float:
    return math.inf if n >= 0 else math.nan


@lru_cache(maxsize=512)
def _stirling2(n: int) -> tuple[int, ...]:
    """Stirling numbers of the second kind, S(n, 0) to S(n, n) (DLMF 26.8.22)."""
    row = [1]
    for _ in range(n):
        row = [0, *(k * s + t for k, (s, t) in enumerate(zip([*row[1:], 0], row, strict=True), 1))]
    return tuple(row)


def _touchard(n: int, x: Value) -> Any:
    if not 0 <= n <= 1000:
        raise Undefined
    total: Any = 0
    for coefficient in reversed(_stirling2(n)):
        total = total * x + coefficient
    return total


BELL = Whole("bell", lambda n: _touchard(n, 1), largest=1000, beyond=_infinite_from_0)
TOUCHARD = _polynomials("bell", _touchard)


def _incomplete_bell(n: int, k: int, xs: tuple[Any, ...]) -> Any:
    """B(n, k) by B(n, k) = sum((n - 1 choose m - 1) x_m B(n - m, k - 1)), rows from k = 0."""
    if not 0 <= n <= 200 or k < 0:
        raise Undefined
    if k > n:
        return 0
    if k and n - k + 1 > len(xs):
        raise Undefined
    row = [1] + [0] * n
    for j in range(1, k + 1):
        following: list[Any] = [0] * (n + 1)
        for i in range(j, n - k + j + 1):
            for m in range(1, i - j + 2):
                following[i] = following[i] + math.comb(i - 1, m - 1) * xs[m - 1] * row[i - m]
        row = following
    return row[n]


def _bell_reference(mp: MPContext, n: MPNumber, k: MPNumber, *xs: MPNumber) -> Any:
    if not (mp.isint(n) and mp.isint(k)):
        raise Undefined
    return _incomplete_bell(int(mp.re(n)), int(mp.re(k)), xs)


INCOMPLETE_BELL = Whole("bell", lambda n, k, *xs: _incomplete_bell(n, k, xs), Pointwise("bell", _bell_reference))


def _catalan(n: int, far: int = _FAR) -> Any:
    if n < 0:
        return Fraction(-1, 2) if n == -1 else 0
    return math.comb(2 * n, n) // (n + 1) if n <= far else math.inf


CATALAN = Whole(
    "catalan",
    _catalan,
    Pointwise(
        "catalan",
        lambda mp, z: mp.mpf(4) ** z * mp.gamma(z + 0.5) * mp.rgamma(z + 2) / mp.sqrt(mp.pi),
        Fast(
            lambda s, x: 4**x * s.gamma(x + 0.5) / (math.sqrt(math.pi) * s.gamma(x + 2)),
            where=lambda x: _moderate(x + 0.5, x + 45),
        ),
    ),
    far=1_000_000,
)
