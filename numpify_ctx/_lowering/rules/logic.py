"""Rules of relations, of logic, of Piecewise, and of what is defined by cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from ..._kinds import COMPLEX
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._program.ops import AND, EQ, GE, GT, LE, LT, NE, NOT, OR, XOR
from ..._symbolic.nodes import boolalg
from ..._symbolic.refusal import refuse
from ..._symbolic.text import describe
from ..example import k, n, x, y
from ..rule import Rule
from . import quotients
from .elementary import ABS, FLOOR, MOD, RULES as ELEMENTARY


def relation(op: Op) -> Rule:
    """Both sides over one denominator: x/49 >= 1 asks for x >= 49, which no rounding decides."""

    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        # A float stands for itself: it was rounded before it came here, and there is no denominator to find.
        if expr.has(sp.Float):
            return b.compare(op, *nodes)
        _, sides = quotients.over_one_denominator(b, expr.args, nodes)
        return b.compare(op, *sides)

    def operands(b: Builder, expr: sp.Basic) -> list[sp.Basic]:
        if expr.has(sp.Float):
            return list(expr.args)
        return [term for side in expr.args for term in quotients.terms_of(side)]

    return Rule(lower, operands)


def logic(op: Op, negated: bool = False) -> Rule:
    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        result = b.logic(op, *nodes)
        # One NOT around the whole: taken inside, by De Morgan, it would be one for each operand.
        return b.logic(NOT, result) if negated else result

    return Rule(lower)


def _pairs(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    # SymPy has (value, condition); `select` takes the condition first.
    return [part for pair in expr.args for part in (pair.args[1], pair.args[0])]


def _piecewise(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    # No condition holds: nan, as SymPy has it.
    return b.select(*nodes, b.const(sp.nan))


def _ite(b: Builder, expr: sp.Basic, condition: int, yes: int, no: int) -> int:
    # A symbol among the arms may be bound to a number, of which its truth is meant.
    return b.select(condition, b.truth(yes), b.truth(no))


def _implies(b: Builder, expr: sp.Basic, premise: int, conclusion: int) -> int:
    return b.logic(OR, b.logic(NOT, premise), conclusion)


def _equivalent(b: Builder, expr: sp.Basic, first: int, *others: int) -> int:
    # All agree if each agrees with the first.
    equal = [b.compare(EQ, b.truth(first), b.truth(other)) for other in others]
    return b.logic(AND, *equal)


def _kronecker(b: Builder, expr: sp.Basic, i: int, j: int, *limits: int) -> int:
    equal = b.compare(EQ, i, j)
    if limits:
        # Outside its range of indices it is 0. As i == j is asked as well, i alone has to be within.
        low, high = limits
        equal = b.logic(AND, equal, b.compare(GE, i, low), b.compare(LE, i, high))
    return b.select(equal, b.const(1), b.const(0))


def _kronecker_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    return [*expr.args[:2], *(limit for pair in expr.args[2:] for limit in pair)]


# The sets of integers that are told by their least element; None if there is none.
_LEAST: dict[Any, Any] = {sp.S.Integers: None, sp.S.Naturals: 1, sp.S.Naturals0: 0}


def _contains_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    """The element, where membership is computed here; else the condition that SymPy has for it."""
    element, domain = expr.args
    if domain in _LEAST:
        return quotients.ratio_of(element) or quotients.terms_of(element)
    if domain in (sp.S.Reals, sp.S.Complexes):
        return [element]
    if isinstance(domain, sp.Range):
        return [element, *domain.args]
    condition = domain.contains(element)
    if isinstance(condition, sp.Contains):
        raise refuse(expr, f"SymPy has no condition for membership in {describe(domain)}")
    # What has an imaginary part is in no subset of the reals, whatever the condition makes of it.
    if not element.is_extended_real and domain.is_subset(sp.S.Reals):
        return [sp.And(condition, sp.Eq(sp.im(element), 0))]
    return [condition]


def _contains(b: Builder, expr: sp.Basic, *nodes: int) -> int:
    element, domain = expr.args
    # The questions of `_contains_operands` in the same order: they say which nodes these are.
    if domain in _LEAST and quotients.ratio_of(element) is not None:
        return _contains_ratio(b, domain, *nodes)
    if domain in _LEAST and (found := quotients.quotient_of(element)) is not None:
        return _contains_quotient(b, domain, found, nodes)
    return _contains_number(b, expr, *nodes)


def _contains_ratio(b: Builder, domain: sp.Basic, top: int, bottom: int) -> int:
    whole = b.apply(quotients.IS_MULTIPLE, top, bottom)
    least = _LEAST[domain]
    if least is None:
        return whole
    # What is whole is rounded to no smaller integer; of a complex number, the real part is all there is.
    value = ELEMENTARY[sp.re].lower(b, domain, b.div(top, bottom))
    return b.logic(AND, whole, b.compare(GE, value, b.const(least)))


def _contains_quotient(b: Builder, domain: sp.Basic, found: quotients.Quotient, nodes: Sequence[int]) -> int:
    """Membership among the integers: of the real parts, if the imaginary one is 0."""
    parts = [ELEMENTARY[sp.re].lower(b, term, node) for term, node in zip(found.terms, nodes, strict=True)]
    # Of the imaginary part, all that counts is whether it is 0: its numerator will do.
    rest = ELEMENTARY[sp.im].lower(b, found.terms[0], found.numerator(b, nodes))
    tests = [b.compare(EQ, b.apply(quotients.REMAINDER, *parts, data=found.data), b.const(0))]
    tests.append(b.compare(EQ, rest, b.const(0)))
    if (least := _LEAST[domain]) is not None:
        tests.append(b.compare(GE, found.numerator(b, parts), b.const(least * found.denominator)))
    return b.logic(AND, *tests)


def _contains_number(b: Builder, expr: sp.Basic, node: int, *limits: int) -> int:
    """Membership; of a number that may be complex, that of its real part, if that is all of it."""
    element, domain = expr.args
    if domain is sp.S.Complexes:
        # The modulus is finite only if both parts are.
        return _is_finite(b, b.apply(ABS, node))
    if not (b.kinds[node] & COMPLEX) or element.is_extended_real:
        return _contains_real(b, domain, node, *limits)
    part, rest = (ELEMENTARY[of].lower(b, element, node) for of in (sp.re, sp.im))
    return b.logic(AND, b.compare(EQ, rest, b.const(0)), _contains_real(b, domain, part, *limits))


def _is_finite(b: Builder, node: int) -> int:
    """Neither infinite nor nan: infinity is no number of SymPy's sets."""
    return b.logic(AND, b.compare(GT, node, b.const(-sp.oo)), b.compare(LT, node, b.const(sp.oo)))


def _contains_real(b: Builder, domain: sp.Basic, node: int, *limits: int) -> int:
    if domain is sp.S.Reals:
        return _is_finite(b, node)
    if domain in _LEAST:
        # Infinity is its own floor, and no integer.
        whole = b.logic(AND, _is_finite(b, node), b.compare(EQ, b.apply(FLOOR, node), node))
        least = _LEAST[domain]
        return whole if least is None else b.logic(AND, whole, b.compare(GE, node, b.const(least)))
    if isinstance(domain, sp.Range):
        start, stop, step = limits
        # The sign of the step may be known at the call only.
        back = b.compare(LT, step, b.const(0))
        begun = b.select(back, b.compare(LE, node, start), b.compare(GE, node, start))
        goes_on = b.select(back, b.compare(GT, node, stop), b.compare(LT, node, stop))
        return b.logic(AND, begun, goes_on, b.compare(EQ, b.apply(MOD, b.sub(node, start), step), b.const(0)))
    return node


TITLE = "Relations, logic, cases"

RULES: dict[type, Rule] = {
    sp.StrictLessThan: relation(LT).with_example(lambda: x < y),
    sp.LessThan: relation(LE).with_example(lambda: x <= y),
    sp.StrictGreaterThan: relation(GT).with_example(lambda: x > y),
    sp.GreaterThan: relation(GE).with_example(lambda: x >= y),
    sp.Equality: relation(EQ).with_example(lambda: sp.Eq(x, y)),
    sp.Unequality: relation(NE).with_example(lambda: sp.Ne(x, y)),
    sp.And: logic(AND).with_example(lambda: sp.And(x < 1, y > 1)),
    sp.Or: logic(OR).with_example(lambda: sp.Or(x < 1, y > 1)),
    sp.Not: logic(NOT).with_example(lambda: sp.Not(sp.And(x < 1, y > 1), evaluate=False)),
    sp.Xor: logic(XOR).with_example(lambda: sp.Xor(x < 1, y > 1)),
    sp.Nand: logic(AND, negated=True).with_example(lambda: sp.Nand(x < 1, y > 1, evaluate=False)),
    sp.Nor: logic(OR, negated=True).with_example(lambda: sp.Nor(x < 1, y > 1, evaluate=False)),
    boolalg.Xnor: logic(XOR, negated=True).with_example(lambda: boolalg.Xnor(x < 1, y > 1, evaluate=False)),
    sp.Implies: Rule(_implies).with_example(lambda: sp.Implies(x < 1, y > 1, evaluate=False)),
    sp.Equivalent: Rule(_equivalent).with_example(lambda: sp.Equivalent(x < 1, y > 1)),
    sp.ITE: Rule(_ite).with_example(lambda: sp.ITE(x < 1, y > 1, y > 2)),
    sp.Piecewise: Rule(_piecewise, _pairs, ranked=True).with_example(
        lambda: sp.Piecewise((sp.sqrt(x), x > 0), (0, True)), "an arm is evaluated only where it is selected"
    ),
    sp.KroneckerDelta: Rule(_kronecker, _kronecker_operands).with_example(lambda: sp.KroneckerDelta(n, k)),
    sp.Contains: Rule(_contains, _contains_operands).with_example(
        lambda: sp.Contains(x, sp.Interval(0, y), evaluate=False)
    ),
}
