"""Bernoulli, Euler, Genocchi, Andre and harmonic numbers: exact for integers, continued by zeta functions.

Where a formula comes from is said as DLMF and the number of the equation (https://dlmf.nist.gov).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from mpmath.libmp import bernfrac, eulernum

from ..types import MPContext, MPNumber
from .pointwise import Fast, Pointwise
from .whole import Undefined, Whole


def _alternating(n: int) -> float:
    """Beyond all floats: infinite for even n, with the sign of (-1)**(n/2), and 0 for odd n."""
    return 0.0 if n % 2 else -math.inf if n % 4 else math.inf


def _bernoulli(n: int) -> Any:
    """B(n), with B(1) = 1/2."""
    if n < 0:
        return _zeta_at(n)
    return Fraction(1, 2) if n == 1 else Fraction(*map(int, bernfrac(n)))


def _zeta_at(n: int) -> float:
    return float(_BERNOULLI.at((float(n),), real=True))


def _bernoulli_function(mp: MPContext, n: MPNumber, x: MPNumber = 1) -> Any:
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
BERNOULLI = Whole(
    "bernoulli", _bernoulli, _BERNOULLI, largest=1000, beyond=lambda n: -_alternating(n) if n > 0 else math.nan
)
BERNOULLI_POLYNOMIAL = Pointwise("bernoulli", _bernoulli_function, reach=(1e4, 1e8))


def _euler_function(mp: MPContext, n: MPNumber, x: MPNumber = None) -> Any:
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
    "euler",
    lambda n: int(eulernum(n)) if n >= 0 else float(_EULER.at((float(n),), True)),
    _EULER,
    largest=1000,
    beyond=lambda n: _alternating(n) if n > 0 else math.nan,
)
EULER_POLYNOMIAL = Pointwise("euler", _euler_function, reach=(1e4, 1e8))


def _genocchi_function(mp: MPContext, n: MPNumber, x: MPNumber = 1) -> Any:
    """2 (B(n, x) - 2**n B(n, (x + 1)/2))."""
    return 2 * (_bernoulli_function(mp, n, x) - mp.mpf(2) ** n * _bernoulli_function(mp, n, (x + mp.one) / 2))


_GENOCCHI = Pointwise("genocchi", _genocchi_function, reach=(1e4,))


def _genocchi(n: int) -> Any:
    return 2 * (1 - 2**n) * _bernoulli(n) if n >= 0 else float(_GENOCCHI.at((float(n),), True))


GENOCCHI = Whole(
    "genocchi", _genocchi, _GENOCCHI, largest=1000, beyond=lambda n: _alternating(n) if n > 0 else math.nan
)
GENOCCHI_POLYNOMIAL = Pointwise("genocchi", _genocchi_function, reach=(1e4, 1e8))


def _andre_function(mp: MPContext, s: MPNumber) -> Any:
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


ANDRE = Whole("andre", _andre, _ANDRE, largest=500, beyond=lambda n: math.inf if n > 0 else math.nan)


def _harmonic(n: int, m: int = 1) -> Any:
    """The sum of k**-m for k from 1 to n; for m <= 0 a polynomial in n."""
    if n < 0:
        if m > 0:
            raise Undefined
        return -sum(k**-m for k in range(n + 1, 1))
    return sum((Fraction(k) ** -m for k in range(1, n + 1)), Fraction(0))


def _harmonic_function(mp: MPContext, n: MPNumber, m: MPNumber = 1) -> Any:
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
