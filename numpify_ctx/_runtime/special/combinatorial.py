"""Factorials, binomials, and the sequences and functions of number theory, over integers and, where SymPy has them,
over all numbers.

The exact forms take and give Python integers. `Undefined` means that SymPy has no finite value there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from mpmath.libmp import bernfrac, eulernum, ifib

from .pointwise import Fast, Pointwise
from .whole import Undefined, Whole


_FAR = 5000  # factorials and their kin beyond this are infinite as floats, and are not written out as integers


def _sign(n: int) -> int:
    """(-1)**n."""
    return -1 if n % 2 else 1


# -- factorials --------------------------------------------------------------------------------------------------------


def _factorial(n: int) -> Any:
    if n < 0:
        raise Undefined
    return math.factorial(n) if n <= _FAR else math.inf


def _factorial_fast(special: Any, x: Any) -> Any:
    """x Gamma(x): unlike Gamma(x + 1), it rounds no argument."""
    return np.where(np.abs(x) < 1e-150, 1.0, x * special.gamma(x))


FACTORIAL = Whole(
    "factorial",
    _factorial,
    Pointwise(
        "factorial",
        lambda mp, z: mp.factorial(z),
        Fast(_factorial_fast, keep_nan=True),
        Fast(lambda s, z: s.gamma(z + 1)),
    ),
)


def _factorial2(n: int) -> Any:
    """n!!; downwards from -1 by n!! = (n + 2)!!/(n + 2)."""
    if n >= 0:
        return math.prod(range(n, 0, -2)) if n <= _FAR else math.inf
    if n % 2 == 0:
        raise Undefined
    return Fraction(_sign((n + 1) // 2), math.prod(range(-n - 2, 0, -2))) if -n <= _FAR else 0.0


FACTORIAL2 = Whole("factorial2", _factorial2)


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


def _rising(x: int, k: int) -> Any:
    if abs(k) > _FAR and abs(x) > 1:
        return _rising_far(x, k)
    if k >= 0:
        return math.prod(range(x, x + k))
    product = math.prod(range(x + k, x))
    if not product:
        raise Undefined
    return Fraction(1, product)


def _rising_far(x: int, k: int) -> Any:
    if k > 0:
        return 0 if x <= 0 < x + k else math.inf if x > 0 else math.inf * _sign(k)
    if x + k <= 0 < x:
        raise Undefined
    return 0.0


def _falling(x: int, k: int) -> Any:
    return _rising(x - k + 1, k)


def _moderate(*values: Any) -> Any:
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
        Fast(lambda s, x, k: s.gamma(x + k) / s.gamma(x), where=lambda x, k: _moderate(x, x + k)),
    ),
)
FALLING = Whole(
    "falling_factorial",
    _falling,
    Pointwise(
        "falling_factorial",
        lambda mp, x, k: mp.ff(x, k),
        Fast(lambda s, x, k: s.gamma(x + 1) / s.gamma(x - k + 1), where=lambda x, k: _moderate(x + 1, x - k + 1)),
    ),
)


def _binomial(n: int, k: int) -> Any:
    """(n choose k) for all integers: 0 for k < 0, and by reflection for n < 0, as SymPy has it."""
    if k < 0:
        return 0
    if n < 0:
        value = _binomial(k - n - 1, k)
        return -value if k % 2 else value
    if min(k, n - k) > _FAR:
        return math.inf
    return math.comb(n, k)


def _general_binomial(mp: Any, n: Any, k: Any) -> Any:
    if mp.isint(k):
        if mp.re(k) < 0:
            return mp.mpf(0)
        if mp.re(k) < 200:
            return mp.ff(n, k) / mp.factorial(k)
    return mp.gamma(n + 1) * mp.rgamma(k + 1) * mp.rgamma(n - k + 1)


BINOMIAL = Whole(
    "binomial",
    _binomial,
    Pointwise(
        "binomial",
        _general_binomial,
        Fast(
            lambda s, n, k: s.gamma(n + 1) / (s.gamma(k + 1) * s.gamma(n - k + 1)),
            where=lambda n, k: _moderate(n + 1, k + 1, n - k + 1),
        ),
    ),
)

# -- sequences by recurrences ------------------------------------------------------------------------------------------


def _fibonacci(n: int) -> Any:
    if abs(n) > 10**5:
        return math.inf if n > 0 else math.inf * _sign(n + 1)
    value = int(ifib(abs(n)))
    return value if n > 0 else _sign(n + 1) * value


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
)
LUCAS = Whole(
    "lucas",
    lambda n: _fibonacci(n + 1) + _fibonacci(n - 1),
    # Binet's formula, as SymPy writes it; not real except at integers.
    Pointwise("lucas", lambda mp, z: ((1 + mp.sqrt(5)) ** z + (1 - mp.sqrt(5)) ** z) / mp.mpf(2) ** z),
)


def _polynomials(name: str, compute: Callable[[int, Any], Any]) -> Whole:
    """A polynomial in the last argument, its order the first: one recurrence for integers and for others."""

    def reference(mp: Any, n: Any, x: Any) -> Any:
        if not mp.isint(n):
            raise Undefined
        return compute(int(mp.re(n)), x)

    return Whole(name, compute, Pointwise(name, reference))


def _fibonacci_polynomial(n: int, x: Any) -> Any:
    if not 1 <= n <= _FAR:
        raise Undefined
    before, now = 0, 1
    for _ in range(n - 1):
        before, now = now, x * now + before
    return now


def _tribonacci_polynomial(n: int, x: Any) -> Any:
    if not 0 <= n <= _FAR:
        raise Undefined
    a, b, c = 0, 1, x * x
    for _ in range(n):
        a, b, c = b, c, x * x * c + x * b + a
    return a


FIBONACCI_POLYNOMIAL = _polynomials("fibonacci", _fibonacci_polynomial)
TRIBONACCI = Whole("tribonacci", lambda n: _tribonacci_polynomial(n, 1))
TRIBONACCI_POLYNOMIAL = _polynomials("tribonacci", _tribonacci_polynomial)


@lru_cache(maxsize=512)
def _stirling2(n: int) -> tuple[int, ...]:
    """Stirling numbers of the second kind, S(n, 0) to S(n, n) (DLMF 26.8.22)."""
    row = [1]
    for _ in range(n):
        row = [0, *(k * s + t for k, (s, t) in enumerate(zip([*row[1:], 0], row, strict=True), 1))]
    return tuple(row)


def _touchard(n: int, x: Any) -> Any:
    if not 0 <= n <= 1000:
        raise Undefined
    total: Any = 0
    for coefficient in reversed(_stirling2(n)):
        total = total * x + coefficient
    return total


BELL = Whole("bell", lambda n: _touchard(n, 1))
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


def _bell_reference(mp: Any, n: Any, k: Any, *xs: Any) -> Any:
    if not (mp.isint(n) and mp.isint(k)):
        raise Undefined
    return _incomplete_bell(int(mp.re(n)), int(mp.re(k)), xs)


INCOMPLETE_BELL = Whole("bell", lambda n, k, *xs: _incomplete_bell(n, k, xs), Pointwise("bell", _bell_reference))


def _catalan(n: int) -> Any:
    if n < 0:
        return Fraction(-1, 2) if n == -1 else 0
    return math.comb(2 * n, n) // (n + 1) if n <= _FAR else math.inf


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
)


# -- Bernoulli, Euler and their kin ------------------------------------------------------------------------------------


def _bernoulli(n: int) -> Any:
    """B(n), with B(1) = 1/2."""
    if n < 0:
        return _zeta_at(n)
    return Fraction(1, 2) if n == 1 else Fraction(*map(int, bernfrac(n)))


def _zeta_at(n: int) -> float:
    return float(_BERNOULLI.at((float(n),), real=True))


def _bernoulli_function(mp: Any, n: Any, x: Any = 1) -> Any:
    """-n zeta(1 - n, x): the polynomials at integers (DLMF 25.11.14)."""
    if n == 0:
        return mp.mpf(1)
    if n == 1:
        return x - mp.mpf(0.5)
    if mp.isint(n) and mp.re(n) > 0:
        return mp.bernoulli(int(mp.re(n))) if x == 1 else mp.bernpoly(int(mp.re(n)), x)
    if mp.isint(x) and mp.re(x) <= 0:
        raise Undefined
    return -n * mp.zeta(1 - n, x)


_BERNOULLI = Pointwise("bernoulli", _bernoulli_function, reach=(1e5,))
BERNOULLI = Whole("bernoulli", _bernoulli, _BERNOULLI, largest=1000)
BERNOULLI_POLYNOMIAL = Pointwise("bernoulli", _bernoulli_function, reach=(1e4, 1e8))


def _euler_function(mp: Any, n: Any, x: Any = None) -> Any:
    """The polynomials, between integers two zeta functions (DLMF 24.2.6, 25.11.35); as numbers 2**n E(n, 1/2)."""
    if mp.isint(n) and mp.re(n) >= 0:
        order = int(mp.re(n))
        return mp.eulernum(order) if x is None else mp.eulerpoly(order, x)
    if n == -1:
        return mp.pi / 2 if x is None else mp.digamma((x + 1) / 2) - mp.digamma(x / 2)
    y = mp.mpf(0.5) if x is None else x
    value = 2 * (mp.zeta(-n, y) - mp.mpf(2) ** (n + 1) * mp.zeta(-n, (y + 1) / 2))
    return value * mp.mpf(2) ** n if x is None else value


_EULER = Pointwise("euler", _euler_function, reach=(1e4,))
EULER = Whole(
    "euler", lambda n: int(eulernum(n)) if n >= 0 else float(_EULER.at((float(n),), True)), _EULER, largest=1000
)
EULER_POLYNOMIAL = Pointwise("euler", _euler_function, reach=(1e4, 1e8))


def _genocchi_function(mp: Any, n: Any, x: Any = 1) -> Any:
    """2 (B(n, x) - 2**n B(n, (x + 1)/2))."""
    return 2 * (_bernoulli_function(mp, n, x) - mp.mpf(2) ** n * _bernoulli_function(mp, n, (x + mp.one) / 2))


_GENOCCHI = Pointwise("genocchi", _genocchi_function, reach=(1e4,))


def _genocchi(n: int) -> Any:
    return 2 * (1 - 2**n) * _bernoulli(n) if n >= 0 else float(_GENOCCHI.at((float(n),), True))


GENOCCHI = Whole("genocchi", _genocchi, _GENOCCHI, largest=1000)
GENOCCHI_POLYNOMIAL = Pointwise("genocchi", _genocchi_function, reach=(1e4, 1e8))


def _andre_function(mp: Any, s: Any) -> Any:
    """2 L(-s) with the character that turns by i, as SymPy defines it."""
    sine, cosine = mp.sinpi(s / 2), mp.cospi(s / 2)
    return 2 * mp.dirichlet(-s, (-sine, cosine, sine, -cosine))


_ANDRE = Pointwise("andre", _andre_function, reach=(1e4,))


def _andre(n: int) -> Any:
    """Half the alternating permutations, by the boustrophedon of Seidel."""
    if n < 0:
        return float(_ANDRE.at((float(n),), True))
    row = [1]
    for _ in range(n):
        total, following = 0, [0]
        for value in reversed(row):
            total += value
            following.append(total)
        row = following
    return row[-1]


ANDRE = Whole("andre", _andre, _ANDRE, largest=500)


def _harmonic(n: int, m: int = 1) -> Any:
    """The sum of k**-m for k from 1 to n; for m <= 0 a polynomial in n."""
    if n < 0:
        if m > 0:
            raise Undefined
        return -sum(k**-m for k in range(n + 1, 1))
    return sum((Fraction(k) ** -m for k in range(1, n + 1)), Fraction(0))


def _harmonic_function(mp: Any, n: Any, m: Any = 1) -> Any:
    if mp.isint(n) and mp.re(n) < 0 and not (mp.isint(m) and mp.re(m) <= 0):
        raise Undefined
    return mp.harmonic(n) if m == 1 else mp.zeta(m) - mp.zeta(m, n + 1)


HARMONIC = Whole(
    "harmonic",
    _harmonic,
    Pointwise(
        "harmonic",
        _harmonic_function,
        Fast(lambda s, x: s.psi(x + 1) + np.euler_gamma, where=lambda x: x > 0.5),
    ),
    largest=300,
)
GENERAL_HARMONIC = Whole(
    "harmonic", _harmonic, Pointwise("harmonic", _harmonic_function, reach=(1e8, 1e4)), largest=300
)

# -- number theory, by SymPy -------------------------------------------------------------------------------------------


def _by_sympy(name: str, largest: float = float("inf")) -> Whole:
    """SymPy's own function of integers, each one once."""

    @lru_cache(maxsize=4096)
    def exact(*numbers: int) -> int:
        try:
            return int(getattr(sp.functions, name)(*numbers))
        except (TypeError, ValueError) as refused:
            raise Undefined(*numbers) from refused

    return Whole(name, exact, largest=largest)


TOTIENT, REDUCED_TOTIENT = _by_sympy("totient"), _by_sympy("reduced_totient")
DIVISOR_SIGMA, UDIVISOR_SIGMA = _by_sympy("divisor_sigma"), _by_sympy("udivisor_sigma")
MOBIUS, PRIMENU, PRIMEOMEGA = _by_sympy("mobius"), _by_sympy("primenu"), _by_sympy("primeomega")
LEGENDRE_SYMBOL, JACOBI_SYMBOL = _by_sympy("legendre_symbol"), _by_sympy("jacobi_symbol")
KRONECKER_SYMBOL = _by_sympy("kronecker_symbol")
# Counted or by a recurrence: beyond the bound that takes minutes, and the result is nan.
PRIMEPI, PARTITION, MOTZKIN = _by_sympy("primepi", 1e10), _by_sympy("partition", 1e6), _by_sympy("motzkin", 2000)


def remainder(p: Any, q: Any) -> Any:
    """p modulo q, with the sign of p; nan modulo the integer 0.

    >>> remainder(np.array([-7, 7]), np.array([4, -4]))
    array([-3,  3])
    """
    if np.asarray(q).dtype.kind in "iub" and np.any(np.equal(q, 0)):
        q = np.asarray(q, np.float64)[()]
    return np.fmod(p, q)
