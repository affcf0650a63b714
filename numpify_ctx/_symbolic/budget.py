"""What an exact evaluation would take, told from magnitudes, before anything is evaluated.

A number of n bits before the point takes n bits to reduce by pi, and a power may have more digits than there is memory.
What is beyond the budget is left to floats, in which it is infinite, or nan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import sympy as sp


MOST_BITS = 1 << 25  # of an integer
MOST_BITS_OF_AN_ARGUMENT = 1 << 16  # before the point: so many digits of pi, or of log(2), its reduction takes
_DEEP = 1000  # 2.0**_DEEP bits are infinitely many

_GROWING = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch, sp.exp)
_FACTORIALS = (sp.gamma, sp.factorial, sp.loggamma)
_LIKE_LOGARITHMS = (sp.log, sp.asinh, sp.acosh)
_PARTS = (sp.Abs, sp.re, sp.im, sp.conjugate, sp.floor, sp.ceiling, sp.sign, sp.arg)


def is_affordable(expr: sp.Basic, values: Mapping[sp.Basic, sp.Basic] | None = None) -> bool:
    """Can `expr` be evaluated exactly within the budget, with numbers for its symbols?

    >>> is_affordable(sp.sin(sp.Integer(10) ** 50)), is_affordable(sp.sin(sp.exp(sp.exp(20))))
    (True, False)
    """
    known: dict[int, float] = {}
    keep: list[sp.Basic] = []  # ids may come again
    todo = [expr]
    while todo:
        node = todo[-1]
        if id(node) in known:
            todo.pop()
            continue
        node_ = node if values is None else values.get(node, node)
        waiting = [] if node_ is not node else [arg for arg in node.args if id(arg) not in known]
        if waiting:
            todo += waiting
            continue
        todo.pop()
        keep.append(node)
        bits = _bits(node_, [known[id(arg)] for arg in node_.args] if node_ is node else [])
        if bits == math.inf:
            return False
        known[id(node)] = bits
    return True


def _bits(node: sp.Basic, parts: list[float]) -> float:  # noqa: C901  one flat list of cases
    """At most so many bits has a number before its point, or 0 behind it; infinite beyond the budget.

    A large number alone takes nothing, as its exponent is short; an integer, a factorial, and what is reduced does.

    Sums may cancel: what is below 1 by cancellation is not seen, and costs no more than its terms.
    """
    if isinstance(node, sp.Rational):
        return float(max(abs(int(node.p)).bit_length(), int(node.q).bit_length()))
    if isinstance(node, sp.Float):
        _, mantissa, exponent, bits = node._mpf_
        return float(abs(exponent + bits)) + 1 if mantissa else 1.0
    most = max(parts, default=2.0)
    if isinstance(node, sp.Add):
        return most + math.log2(len(parts))
    if isinstance(node, sp.Mul):
        return sum(parts)
    if isinstance(node, sp.Pow):
        return _integer(_raised(parts[0], parts[1])) if _is_integer(node) else _raised(parts[0], parts[1])
    if isinstance(node, _GROWING):
        return _raised(1.5, most)
    if isinstance(node, _FACTORIALS):
        return _integer(_raised(most, most))
    if isinstance(node, _LIKE_LOGARITHMS):
        return math.log2(1 + most) + 1
    if isinstance(node, _PARTS):
        return most
    if isinstance(node, sp.Function):
        return 64.0 if most <= MOST_BITS_OF_AN_ARGUMENT else math.inf
    return most


def _raised(factor: float, exponent: float) -> float:
    """Of a power, by the bits of its exponent."""
    return factor * 2.0**exponent if exponent < _DEEP else math.inf


def _integer(bits: float) -> float:
    return bits if bits <= MOST_BITS else math.inf


def _is_integer(power: sp.Basic) -> bool:
    """Is it a power that SymPy would write out?"""
    return not power.has(sp.Float) and isinstance(power.base, sp.Rational | sp.Pow)
