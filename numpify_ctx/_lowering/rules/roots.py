"""Roots and logarithms below floor and ceiling, which ask for them whole: see `_runtime.roots`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from ..._kinds import COMPLEX, arithmetic
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._runtime import radicals as radicals_rt, roots as rt
from . import quotients


FLOOR_ROOT = Op("floor_root", rt.floor_root, rt.math_floor_root, kinds=arithmetic, leaves=True)
FLOOR_LOG = Op("floor_log", rt.floor_log, rt.math_floor_log, leaves=True)


def _kinds_of_numbers(kinds: Sequence[int]) -> int:
    # Of a root of integers the floor is an integer; the value may be complex where the numbers are not.
    return arithmetic(kinds[2:]) | (kinds[0] & COMPLEX)


FLOOR_RADICAL = Op("floor_radical", radicals_rt.floor_radical, radicals_rt.math_floor_radical, kinds=_kinds_of_numbers)
FRACTION_RADICAL = Op(
    "fraction_radical", radicals_rt.fraction_radical, radicals_rt.math_fraction_radical, kinds=lambda kinds: kinds[0]
)

Modulo = Callable[[int, int], int]

_LARGEST = 16  # indices of roots and ...
_LARGEST_BASE = 1000  # ... bases of logarithms that anyone asks for


def whole_of(expr: sp.Expr) -> tuple[Op, int, sp.Expr] | None:
    """The operation that gives the floor of a root or a logarithm, its index or base, and what it is of; else None.

    >>> n = sp.Symbol("n")
    >>> whole_of(sp.cbrt(n)), whole_of(sp.log(n, 10)), whole_of(n**2)
    ((<floor_root>, 3, n), (<floor_log>, 10, n), None)
    """
    match expr:
        case sp.Pow(args=(base, sp.Rational(p=1, q=index))) if 1 < index <= _LARGEST and base.free_symbols:
            return FLOOR_ROOT, int(index), base
        case sp.Mul(args=(sp.Pow(args=(sp.log(args=(sp.Integer() as base,)), sp.S.NegativeOne)), sp.log(args=(of,)))):
            if 1 < base <= _LARGEST_BASE and of.free_symbols:
                return FLOOR_LOG, int(base), of
    return None


def lowered(b: Builder, expr: sp.Expr, node: int, *, up: bool) -> int:
    """The node of the floor of `expr`, of which `whole_of` tells; `node` is what that is of; or of the ceiling."""
    found = whole_of(expr)
    assert found is not None
    op, number, _ = found
    return b.apply(op, node, data=(number, up))


def radical_operands(expr: sp.Expr) -> tuple[sp.Expr, ...] | None:
    """What the floor of a sum or product of roots is told of: `expr`, the size of its terms, and its symbols; or None.

    >>> n = sp.Symbol("n")
    >>> radical_operands(sp.sqrt(n) + sp.sqrt(n + 1)), radical_operands(sp.sin(n)), radical_operands(n + 1)
    ((sqrt(n) + sqrt(n + 1), sqrt(n) + sqrt(n + 1), n), None, None)
    """
    symbols = sorted(expr.free_symbols, key=lambda s: (s.name, s.sort_key()))
    if not symbols or not _is_radical(expr) or not any(_is_irrational(node) for node in sp.preorder_traversal(expr)):
        return None
    if len(expr.args) > _MOST_TERMS or expr.count_ops() > _MOST_OPERATIONS:
        return None
    return (expr, _size_of(expr), *symbols)


_MOST_TERMS, _MOST_OPERATIONS = 8, 40  # of which rounding is still told by their size


def _is_irrational(node: sp.Basic) -> bool:
    return isinstance(node, sp.NumberSymbol) or (isinstance(node, sp.Pow) and not node.exp.is_Integer)


def _is_radical(expr: sp.Basic) -> bool:
    """Is it made of symbols, rational numbers and constants by sums, products and rational powers?"""
    if type(expr) is sp.Symbol or isinstance(expr, sp.Rational | sp.NumberSymbol):
        return True
    if isinstance(expr, sp.Pow):
        return isinstance(expr.exp, sp.Rational) and abs(expr.exp) <= _LARGEST and _is_radical(expr.base)
    return isinstance(expr, sp.Add | sp.Mul) and all(_is_radical(arg) for arg in expr.args)


def _size_of(expr: sp.Expr) -> sp.Expr:
    """What has the size of the terms; `expr` itself where no term can be negative.

    A root that is real is not negative.
    """
    terms = sp.Add.make_args(expr)
    factors = [sp.Mul.make_args(term) for term in terms]
    if len(terms) == 1 or all(_is_positive(f) for term in factors for f in term):
        return expr
    return sp.Add(*[sp.Mul(*[f if _is_positive(f) else sp.Abs(f) for f in term]) for term in factors], evaluate=False)


def _is_positive(factor: sp.Expr) -> bool:
    return _is_irrational(factor) or bool(isinstance(factor, sp.Rational) and factor > 0)


def floor_radical(b: Builder, expr: sp.Expr, nodes: Sequence[int], *, up: bool) -> int:
    """The node of the floor of `expr`, or the ceiling if `up`; `nodes` are those of its `radical_operands`."""
    operands = radical_operands(expr)
    assert operands is not None
    return b.apply(FLOOR_RADICAL, *nodes, data=(radicals_rt.Radical(expr, operands[2:], up),))


def remainder_operands(expr: sp.Expr, modulus: sp.Expr) -> tuple[sp.Expr, ...] | None:
    """What the remainder of a sum or product of roots by a whole number is told of, as `radical_operands`; or None.

    >>> n = sp.Symbol("n")
    >>> remainder_operands((sp.sqrt(n) + 1) / 3, sp.S.One), remainder_operands(n / 3, sp.S.One)
    ((sqrt(n) + 1, sqrt(n) + 1, n), None)
    """
    if quotients.ratio_of(expr) is not None or not isinstance(modulus, sp.Integer):
        return None
    if not 0 < modulus * _denominator(expr) <= _LARGEST_MODULUS:
        return None
    return radical_operands(_numerator(expr))


_LARGEST_MODULUS = 2**31


def _denominator(expr: sp.Expr) -> int:
    found = quotients.quotient_of(expr)
    return 1 if found is None else found.denominator


def _numerator(expr: sp.Expr) -> sp.Expr:
    found = quotients.quotient_of(expr)
    if found is None:
        return expr
    return sp.Add(found.constant, *[c * t for c, t in zip(found.coefficients, found.terms, strict=True)])


def remainder(b: Builder, plain: Modulo, expr: sp.Expr, modulus: sp.Expr, nodes: Sequence[int]) -> int:
    """The node of `expr` modulo `modulus`; `nodes` are those of its `remainder_operands`.

    Floats have the remainder that `plain` gives of a node and a whole number.
    """
    operands = remainder_operands(expr, modulus)
    assert operands is not None
    over = _denominator(expr)
    whole = int(modulus) * over
    found = plain(nodes[0], whole)
    if over > 1:
        found = b.div(found, b.const(over))
    radical = radicals_rt.Radical(expr / modulus, operands[2:], False)
    return b.apply(FRACTION_RADICAL, found, *nodes, data=(radical, whole, over))
