"""Roots and logarithms below floor and ceiling, which ask for them whole: see `_runtime.roots`."""

from __future__ import annotations

import sympy as sp

from ..._kinds import arithmetic
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._runtime import roots as rt


FLOOR_ROOT = Op("floor_root", rt.floor_root, rt.math_floor_root, kinds=arithmetic, leaves=True)
FLOOR_LOG = Op("floor_log", rt.floor_log, rt.math_floor_log, leaves=True)

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
