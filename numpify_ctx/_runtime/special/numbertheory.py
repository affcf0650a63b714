"""Functions of number theory, by SymPy's own, and the remainder that keeps the sign of the dividend."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..integers import by_modulus
from ..types import Value
from .whole import Undefined, Whole


_SMALL_PRIMES = 1 << 15
_HARDEST = 80  # bits of a product of two large primes that is still taken apart


def _has_few_factors(n: int) -> bool:
    """Can SymPy take n apart within a second or so? What is left by small primes must be a prime, or short."""
    if n.bit_length() <= _HARDEST:
        return True
    return all(p.bit_length() <= _HARDEST or sp.isprime(p) for p in sp.factorint(n, limit=_SMALL_PRIMES))


def _infinite(n: int) -> float:
    return float("inf") if n > 0 else float("nan")


def _by_sympy(
    name: str, largest: float = float("inf"), factors: bool = False, beyond: Callable[..., float] | None = None
) -> Whole:
    """SymPy's own function of integers, each one once; `factors`: it takes the first one apart."""

    @lru_cache(maxsize=4096)
    def exact(*numbers: int) -> int:
        if factors and not _has_few_factors(abs(numbers[0])):
            raise Undefined(*numbers)
        try:
            return int(getattr(sp.functions, name)(*numbers))
        except (TypeError, ValueError) as refused:
            raise Undefined(*numbers) from refused

    return Whole(name, exact, largest=largest, beyond=beyond)


TOTIENT, REDUCED_TOTIENT = _by_sympy("totient", factors=True), _by_sympy("reduced_totient", factors=True)
DIVISOR_SIGMA, UDIVISOR_SIGMA = _by_sympy("divisor_sigma", factors=True), _by_sympy("udivisor_sigma", factors=True)
MOBIUS, PRIMENU, PRIMEOMEGA = (
    _by_sympy("mobius", factors=True),
    _by_sympy("primenu", factors=True),
    _by_sympy("primeomega", factors=True),
)
LEGENDRE_SYMBOL, JACOBI_SYMBOL = _by_sympy("legendre_symbol"), _by_sympy("jacobi_symbol")
KRONECKER_SYMBOL = _by_sympy("kronecker_symbol")
# Counted or by a recurrence: beyond the bound that takes minutes, and the result is nan.
PRIMEPI, PARTITION, MOTZKIN = (
    _by_sympy("primepi", 1e10),
    _by_sympy("partition", 1e6, beyond=_infinite),
    _by_sympy("motzkin", 2000, beyond=_infinite),
)


def remainder(p: Value, q: Value) -> Any:
    """p modulo q, with the sign of p; nan modulo the integer 0.

    >>> remainder(np.array([-7, 7]), np.array([4, -4]))
    array([-3,  3])
    """
    return by_modulus(np.fmod, p, q)
