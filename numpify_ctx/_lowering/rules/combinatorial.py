"""Rules of the functions of combinatorics and number theory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.functions import Rem, udivisor_sigma

from ..._kinds import real_part
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._runtime.special import combinatorial as rt
from ..._runtime.special.pointwise import Pointwise
from ..._runtime.special.whole import Whole
from ..rule import Rule
from .common import by_count, call, op_of, rational, runtime, whole
from .elementary import FLOOR


def _function(function: Pointwise) -> Rule:
    """A function of numbers by mpmath, which needs no SciPy."""
    return call(op_of(function))


_BELL = Op("bell", rt.INCOMPLETE_BELL, kinds=real_part)


def _bell(b: Builder, expr: Any, *nodes: int) -> int:
    match len(expr.args):
        case 1:
            return _numbers.lower(b, expr, *nodes)
        case 2:
            return _touchard.lower(b, expr, *nodes)
    return b.apply(_BELL, *nodes)


def _bell_operands(b: Builder, expr: Any) -> Sequence[Any]:
    return [*expr.args[:2], *expr.args[2]] if len(expr.args) == 3 else expr.args


_numbers, _touchard = whole(rt.BELL), whole(rt.TOUCHARD)
_PRIMEPI = Op("primepi", rt.PRIMEPI, kinds=real_part)


def _symbol(function: Whole) -> Rule:
    return whole(function, kinds=real_part)


RULES: dict[type, Rule] = {
    # factorials
    sp.factorial: whole(rt.FACTORIAL),
    sp.factorial2: whole(rt.FACTORIAL2),
    sp.subfactorial: whole(rt.SUBFACTORIAL),
    sp.RisingFactorial: whole(rt.RISING),
    sp.FallingFactorial: whole(rt.FALLING),
    sp.binomial: whole(rt.BINOMIAL),
    # sequences
    sp.fibonacci: by_count({1: whole(rt.FIBONACCI), 2: whole(rt.FIBONACCI_POLYNOMIAL)}),
    sp.lucas: whole(rt.LUCAS),
    sp.tribonacci: by_count({1: whole(rt.TRIBONACCI), 2: whole(rt.TRIBONACCI_POLYNOMIAL)}),
    sp.bell: Rule(_bell, _bell_operands),
    sp.catalan: whole(rt.CATALAN),
    sp.motzkin: whole(rt.MOTZKIN),
    sp.partition: whole(rt.PARTITION),
    sp.bernoulli: by_count({1: whole(rt.BERNOULLI, kinds=rational), 2: _function(rt.BERNOULLI_POLYNOMIAL)}),
    sp.euler: by_count({1: whole(rt.EULER, kinds=rational), 2: _function(rt.EULER_POLYNOMIAL)}),
    sp.genocchi: by_count({1: whole(rt.GENOCCHI), 2: _function(rt.GENOCCHI_POLYNOMIAL)}),
    sp.andre: whole(rt.ANDRE, kinds=rational),
    sp.harmonic: by_count({1: whole(rt.HARMONIC, kinds=rational), 2: whole(rt.GENERAL_HARMONIC, kinds=rational)}),
    # number theory
    sp.totient: _symbol(rt.TOTIENT),
    sp.reduced_totient: _symbol(rt.REDUCED_TOTIENT),
    sp.divisor_sigma: whole(rt.DIVISOR_SIGMA, 1, arity=2),
    udivisor_sigma: whole(rt.UDIVISOR_SIGMA, 1, arity=2),
    sp.mobius: _symbol(rt.MOBIUS),
    sp.primenu: _symbol(rt.PRIMENU),
    sp.primeomega: _symbol(rt.PRIMEOMEGA),
    sp.primepi: Rule(lambda b, e, x: b.apply(_PRIMEPI, b.apply(FLOOR, x))),
    sp.legendre_symbol: _symbol(rt.LEGENDRE_SYMBOL),
    sp.jacobi_symbol: _symbol(rt.JACOBI_SYMBOL),
    sp.kronecker_symbol: _symbol(rt.KRONECKER_SYMBOL),
    Rem: call(runtime(rt.remainder, kinds=real_part), real=True),
}
