"""Rules of the functions of combinatorics and number theory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.functions import Rem, udivisor_sigma

from ..._kinds import arithmetic, real_part
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._runtime.special import bernoulli, combinatorial as rt, numbertheory
from ..._runtime.special.pointwise import Pointwise
from ..example import POLE, k, n, x, y
from ..rule import Rule
from .common import by_count, call, op_of, rational, runtime, whole
from .elementary import FLOOR


def _function(function: Pointwise) -> Rule:
    """A function of numbers by mpmath, which needs no SciPy."""
    return call(op_of(function))


_BELL = Op("bell", rt.INCOMPLETE_BELL, kinds=arithmetic)


def _bell(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    # Three functions under one name: numbers, Touchard's polynomials and the incomplete ones.
    match len(expr.args):
        case 1:
            return _numbers.lower(b, expr, *nodes)
        case 2:
            return _touchard.lower(b, expr, *nodes)
    return b.apply(_BELL, *nodes)


def _bell_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    # In bell(n, k, (x_1, ...)) the tuple is no expression: its entries are lowered.
    return [*expr.args[:2], *expr.args[2]] if len(expr.args) == 3 else expr.args


_numbers, _touchard = whole(rt.BELL), whole(rt.TOUCHARD)
_PRIMEPI = Op("primepi", numbertheory.PRIMEPI, kinds=arithmetic)


TITLE = "Combinatorics and number theory"

RULES: dict[type, Rule] = {
    # factorials
    sp.factorial: whole(rt.FACTORIAL).with_example(lambda: sp.factorial(n), f"x Gamma(x) for other numbers; {POLE}"),
    sp.factorial2: whole(rt.FACTORIAL2).with_example(lambda: sp.factorial2(n), "integers but negative even ones"),
    sp.subfactorial: whole(rt.SUBFACTORIAL).with_example(
        lambda: sp.subfactorial(n), "integers from 0; complex numbers by Gamma(z + 1, -1)/e"
    ),
    sp.RisingFactorial: whole(rt.RISING).with_example(lambda: sp.RisingFactorial(x, k), f"all numbers; {POLE}"),
    sp.FallingFactorial: whole(rt.FALLING).with_example(lambda: sp.FallingFactorial(x, k), f"all numbers; {POLE}"),
    sp.binomial: whole(rt.BINOMIAL).with_example(lambda: sp.binomial(n, k), "all numbers; 0 for k < 0"),
    # sequences
    sp.fibonacci: by_count({1: whole(rt.FIBONACCI), 2: whole(rt.FIBONACCI_POLYNOMIAL)}).with_example(
        lambda: sp.fibonacci(n), "all numbers; polynomials of orders from 1"
    ),
    sp.lucas: whole(rt.LUCAS).with_example(lambda: sp.lucas(n), "integers and complex numbers"),
    sp.tribonacci: by_count({1: whole(rt.TRIBONACCI), 2: whole(rt.TRIBONACCI_POLYNOMIAL)}).with_example(
        lambda: sp.tribonacci(n), "integers from 0; polynomials"
    ),
    sp.bell: Rule(_bell, _bell_operands).with_example(
        lambda: sp.bell(n), "integers from 0; polynomials, and the incomplete ones"
    ),
    sp.catalan: whole(rt.CATALAN).with_example(lambda: sp.catalan(n), "all numbers"),
    sp.motzkin: whole(numbertheory.MOTZKIN).with_example(
        lambda: sp.motzkin(n, evaluate=False),
        "integers from 1 to 2000, counted as SymPy counts them",
        lambda: sp.motzkin(4),
    ),
    sp.partition: whole(numbertheory.PARTITION).with_example(lambda: sp.partition(n), "integers to 10**6"),
    # With a second argument a polynomial, in any number; without one, a rational number for each integer.
    sp.bernoulli: by_count(
        {1: whole(bernoulli.BERNOULLI, kinds=rational), 2: _function(bernoulli.BERNOULLI_POLYNOMIAL)}
    ).with_example(lambda: sp.bernoulli(n), "all numbers; B(1) = 1/2"),
    sp.euler: by_count(
        {1: whole(bernoulli.EULER, kinds=rational), 2: _function(bernoulli.EULER_POLYNOMIAL)}
    ).with_example(lambda: sp.euler(n), "all numbers"),
    sp.genocchi: by_count({1: whole(bernoulli.GENOCCHI), 2: _function(bernoulli.GENOCCHI_POLYNOMIAL)}).with_example(
        lambda: sp.genocchi(n), "all numbers"
    ),
    sp.andre: whole(bernoulli.ANDRE, kinds=rational).with_example(lambda: sp.andre(n), "all numbers"),
    sp.harmonic: by_count(
        {1: whole(bernoulli.HARMONIC, kinds=rational), 2: whole(bernoulli.GENERAL_HARMONIC, kinds=rational)}
    ).with_example(lambda: sp.harmonic(n), f"all numbers; {POLE}"),
    # number theory
    sp.totient: whole(numbertheory.TOTIENT).with_example(lambda: sp.totient(n), "integers from 1"),
    sp.reduced_totient: whole(numbertheory.REDUCED_TOTIENT).with_example(
        lambda: sp.reduced_totient(n), "integers from 1"
    ),
    # Without an order, the sum of the divisors themselves.
    sp.divisor_sigma: whole(numbertheory.DIVISOR_SIGMA, 1, arity=2).with_example(
        lambda: sp.divisor_sigma(n, k), "integers from 1"
    ),
    udivisor_sigma: whole(numbertheory.UDIVISOR_SIGMA, 1, arity=2).with_example(
        lambda: udivisor_sigma(n, k), "integers from 1"
    ),
    sp.mobius: whole(numbertheory.MOBIUS).with_example(lambda: sp.mobius(n), "integers from 1"),
    sp.primenu: whole(numbertheory.PRIMENU).with_example(lambda: sp.primenu(n), "integers from 1"),
    sp.primeomega: whole(numbertheory.PRIMEOMEGA).with_example(lambda: sp.primeomega(n), "integers from 1"),
    # It jumps at integers only, so that what answers for integers does for all real numbers.
    sp.primepi: Rule(lambda b, e, x: b.apply(_PRIMEPI, b.apply(FLOOR, x))).with_example(
        lambda: sp.primepi(n), "real numbers to 10**10"
    ),
    sp.legendre_symbol: whole(numbertheory.LEGENDRE_SYMBOL).with_example(
        lambda: sp.legendre_symbol(n, 7), "integers modulo an odd prime"
    ),
    sp.jacobi_symbol: whole(numbertheory.JACOBI_SYMBOL).with_example(
        lambda: sp.jacobi_symbol(n, 15), "integers modulo an odd one"
    ),
    sp.kronecker_symbol: whole(numbertheory.KRONECKER_SYMBOL).with_example(
        lambda: sp.kronecker_symbol(n, k), "integers"
    ),
    # The remainder of truncated division; sp.Mod is that of floored division.
    Rem: call(runtime(numbertheory.remainder, kinds=real_part), real=True).with_example(
        lambda: Rem(y, x), "the sign of the dividend", lambda: y - x * sp.floor(y / x)
    ),
}
