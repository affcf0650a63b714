"""Which results are real though an I or a conjugate leads to them: what equals its own conjugate.

Law: `exp(I*x) + exp(-I*x)` of real numbers is real, and `x*conjugate(x)` of any. Whether an expression is so is settled
when compiling, for all values at once, since a dtype depends on no value; what is real for some values only, a root
of a cubic for one, is complex for all.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from .._kinds import COMPLEX
from .._program.builder import Builder
from .._program.ir import Op
from .._runtime.complexes import real_of_real
from .._symbolic.flatten import Flat
from .rules.elementary import CONJUGATE, RE


def _kinds_of(kinds: Sequence[int]) -> int:
    value, *arguments = kinds
    possible = 0
    if any(kind & COMPLEX for kind in arguments):
        possible |= value
    if all(kind & ~COMPLEX for kind in arguments):
        possible |= RE.kinds([value])
    return possible


REAL_OF_REAL = Op("real_of_real", real_of_real, kinds=_kinds_of, exposes=True)

_LARGEST = 120  # nodes, each counted as often as it is written: SymPy's conjugate sees a shared one as often
# Where these are conjugated is known for all values: none has a cut, at which that would be another value.
_CUTLESS = frozenset({
    sp.Add, sp.Mul, sp.Pow, sp.exp, sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc, sp.sinh, sp.cosh, sp.tanh, sp.coth,
    sp.erf, sp.erfc, sp.erfi, sp.gamma, sp.conjugate, sp.re, sp.im, sp.Abs,
})  # fmt: skip
_NUMBERS = (sp.Number, sp.NumberSymbol, type(sp.I))


def as_real(b: Builder, node: int, expr: sp.Basic, arguments: Sequence[sp.Basic]) -> int:
    """The node of `expr`, without the imaginary part that it has not; for complex arguments it may have one.

    Args:
        b: where the node is.
        node: a result.
        expr: the expression that it is the value of.
        arguments: the parameters.
    """
    if not b.kinds[node] & COMPLEX or b.is_const(node) or len(b.ops) > _LARGEST:
        return node
    conjugates = CONJUGATE in b.ops
    if not (conjugates or b.kinds[node] == COMPLEX) or not (_is_small(expr) and _has_no_cut(expr, arguments)):
        return node
    if conjugates and _is_own_conjugate(expr, arguments, real=False):
        return b.apply(RE, node)
    if b.kinds[node] == COMPLEX and _is_own_conjugate(expr, arguments, real=True):
        of = [i for i in range(len(b.parameters)) if b.deps[node] >> i & 1]
        return b.apply(REAL_OF_REAL, node, *map(b.param, of))
    return node


def _is_small(expr: sp.Basic) -> bool:
    flat = Flat()
    flat.number(expr)
    sizes: list[int] = []
    for parts in flat.parts:
        sizes.append(1 + sum(sizes[part] for part in parts))
    return sizes[-1] <= _LARGEST


def _has_no_cut(expr: sp.Basic, arguments: Sequence[sp.Basic]) -> bool:
    todo = [expr]
    while todo:
        node = todo.pop()
        if node in arguments or isinstance(node, _NUMBERS):
            continue
        # A power that is not of a whole number of times has a cut.
        if type(node) not in _CUTLESS or (isinstance(node, sp.Pow) and not node.exp.is_Integer):
            return False
        todo += node.args
    return True


def _is_own_conjugate(expr: sp.Basic, arguments: Sequence[sp.Basic], *, real: bool) -> bool:
    plain = expr.xreplace({a: sp.Dummy(real=True) if real else sp.Dummy() for a in arguments})
    other = sp.conjugate(plain)
    return bool(other == plain or sp.expand_mul(other - plain) == 0)
