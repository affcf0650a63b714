"""Sums with rational coefficients over one denominator, for rules that ask which integer is how near.

floor(n/49) asks where n/49 lies among the integers. In floats n/49 is rounded first, and at 49 times some number the
rounding has answered already. Over the common denominator it is a question about integers: with n = 49*a + r, the
floor of (c*n + d)/49 is c*a plus that of (c*r + d)/49, in which nothing is large but the result. Floats ask for their
remainder, which is exact too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import sympy as sp

from ..._kinds import arithmetic, boolean
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._runtime import quotients as rt


LARGEST = 1 << 31  # of numerators and denominators: their products with remainders stay far below 2**63

FLOOR = Op("floor_quotient", rt.floor, rt.math_floor, "floor_quotient", kinds=arithmetic)
FLOOR_OF_RATIO = Op("floor_of_ratio", rt.floor_of_ratio, rt.math_floor_of_ratio, kinds=arithmetic)
FRAC_OF_RATIO = Op("frac_of_ratio", rt.frac_of_ratio, rt.math_frac_of_ratio)
IS_MULTIPLE = Op("is_multiple", rt.is_multiple, rt.math_is_multiple, kinds=boolean)
REMAINDER = Op("remainder", rt.remainder, rt.math_remainder, "remainder", kinds=arithmetic)


class Quotient(NamedTuple):
    """(coefficients[0]*terms[0] + ... + constant) / denominator, all numbers in it integers; the terms have none."""

    terms: tuple[sp.Expr, ...]
    coefficients: tuple[int, ...]
    constant: int
    denominator: int

    @property
    def data(self) -> tuple[Any, ...]:
        """What a node of `FLOOR` or `REMAINDER` has beside its operands."""
        return self.coefficients, self.constant, self.denominator

    def negated(self) -> Quotient:
        """The negative of it."""
        return Quotient(self.terms, tuple([-c for c in self.coefficients]), -self.constant, self.denominator)

    def modulo(self, modulus: int) -> Quotient:
        """What has the remainder of the numerator modulo `modulus` denominators."""
        return Quotient(self.terms, self.coefficients, self.constant, modulus * self.denominator)

    def numerator(self, b: Builder, nodes: Sequence[int], scale: int = 1) -> int:
        """The node of the numerator, `scale` times."""
        products = [b.mul(b.const(scale * c), node) for c, node in zip(self.coefficients, nodes, strict=True)]
        return b.add(*products, b.const(scale * self.constant))


@lru_cache(maxsize=256)
def quotient_of(expr: sp.Expr) -> Quotient | None:
    """`expr` over a denominator greater than 1; None if it has none, or if its numbers are large.

    >>> n = sp.Symbol("n")
    >>> quotient_of(7 * n / 100 + sp.Rational(1, 3))
    Quotient(terms=(n,), coefficients=(21,), constant=100, denominator=300)
    """
    if not isinstance(expr, sp.Add | sp.Mul):
        return None
    pairs = [term.as_coeff_Mul() for term in sp.Add.make_args(expr)]
    rationals = [coefficient for coefficient, _ in pairs]
    if not all(isinstance(c, sp.Rational) for c in rationals):
        return None
    denominator = math.lcm(*(int(c.q) for c in rationals))
    # Integers alone need no care.
    if denominator == 1:
        return None
    # Exact: the denominator is a multiple of each q.
    scaled = [int(c.p) * (denominator // int(c.q)) for c in rationals]
    if denominator > LARGEST or any(abs(c) > LARGEST for c in scaled):
        return None
    constant = sum([c for c, (_, term) in zip(scaled, pairs, strict=True) if term is sp.S.One])
    kept = [(c, term) for c, (_, term) in zip(scaled, pairs, strict=True) if term is not sp.S.One]
    if not kept:
        return None
    return Quotient(tuple([term for _, term in kept]), tuple([c for c, _ in kept]), constant, denominator)


def ratio_of(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """Numerator and denominator of a product that is divided by what is no constant, like n/k.

    >>> n, k = sp.symbols("n k")
    >>> ratio_of(3 * n / (2 * k)), ratio_of(n / 2)
    ((3*n, 2*k), None)
    """
    # Only by integer powers: a root in the denominator is no integer.
    if not any(isinstance(f, sp.Pow) and f.exp.is_Integer and f.exp < 0 for f in sp.Mul.make_args(expr)):
        return None
    top, bottom = sp.fraction(expr)
    return (top, bottom) if bottom.free_symbols else None


def terms_of(expr: sp.Expr) -> tuple[sp.Expr, ...]:
    """What is lowered of an operand: the terms of its quotient, or all of it."""
    found = quotient_of(expr)
    return (expr,) if found is None else found.terms


def over_one_denominator(b: Builder, exprs: Sequence[sp.Expr], nodes: Sequence[int]) -> tuple[int, list[int]]:
    """A denominator, and the nodes of the numerators over it; `nodes` are those of the `terms_of` all `exprs`."""
    found = [quotient_of(expr) for expr in exprs]
    denominator = math.lcm(*(1 if quotient is None else quotient.denominator for quotient in found))
    left = list(nodes)
    numerators = []
    for quotient in found:
        if quotient is None:
            node = left.pop(0)
            numerators.append(node if denominator == 1 else b.mul(b.const(denominator), node))
        else:
            # The nodes come in one list, as many for each expression as `terms_of` gave.
            own, left = left[: len(quotient.terms)], left[len(quotient.terms) :]
            numerators.append(quotient.numerator(b, own, denominator // quotient.denominator))
    return denominator, numerators
