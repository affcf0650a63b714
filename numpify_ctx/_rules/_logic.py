"""Rules of relations, booleans and Piecewise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from .._builder import Builder
from .._lower import Rule
from .._ops import AND, EQ, GE, GT, LE, LT, NE, NOT, OR
from .._program import Op


def relation(op: Op) -> Rule:
    return Rule(lambda b, e, x, y: b.compare(op, x, y))


def logic(op: Op) -> Rule:
    return Rule(lambda b, e, *nodes: b.apply(op, *nodes))


def _pairs(b: Builder, expr: Any) -> Sequence[Any]:
    return [part for pair in expr.args for part in (pair.cond, pair.expr)]


def _piecewise(b: Builder, expr: Any, *nodes: int) -> int:
    return b.select(*nodes, b.const(sp.nan))


RULES: dict[type, Rule] = {
    sp.StrictLessThan: relation(LT),
    sp.LessThan: relation(LE),
    sp.StrictGreaterThan: relation(GT),
    sp.GreaterThan: relation(GE),
    sp.Equality: relation(EQ),
    sp.Unequality: relation(NE),
    sp.And: logic(AND),
    sp.Or: logic(OR),
    sp.Not: logic(NOT),
    sp.Piecewise: Rule(_piecewise, operands=_pairs),
}
