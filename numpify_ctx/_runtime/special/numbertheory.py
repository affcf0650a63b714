"""Functions of number theory, by SymPy's own, and the remainder that keeps the sign of the dividend."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..integers import by_modulus
from ..types import Value
from .whole import Undefined, Whole


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


def remainder(p: Value, q: Value) -> Any:
    """p modulo q, with the sign of p; nan modulo the integer 0.

    >>> remainder(np.array([-7, 7]), np.array([4, -4]))
    array([-3,  3])
    """
    return by_modulus(np.fmod, p, q)
