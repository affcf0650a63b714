"""What an exact evaluation would take, told from magnitudes, before anything is evaluated.

A number of n bits before the point takes n bits to reduce by pi, and a power may have more digits than there is memory.
What is beyond the budget is left to floats, in which it is infinite, or nan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import sympy as sp


MOST_BITS = 1 << 25  # of an integer
MOST_BITS_OF_AN_ARGUMENT = 1 << 16  # before the point: so many digits of pi, or of log(2), its reduction takes
MOST_TERMS = 20_000  # of a hypergeometric series before its terms begin to fall
MOST_OF_A_PARAMETER = 10_000  # where a series is continued beyond its circle, or by an asymptotic one
_INNER, _OUTER = 0.9, 1.1  # about the circle where a series of as many parameters below, and one, ends
_DEEP = 1000  # 2.0**_DEEP bits are infinitely many

_ASYMPTOTIC = {(0, 1), (1, 1), (1, 2), (2, 2), (2, 3)}  # (p, q) for which mpmath has an expansion for large z

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
    if isinstance(node, sp.hyper | sp.meijerg) and not _is_affordable_hypergeometric(node):
        return math.inf
    if isinstance(node, sp.Function):
        return 64.0 if most <= MOST_BITS_OF_AN_ARGUMENT else math.inf
    return most


def has_affordable_series(above: Sequence[complex], below: Sequence[complex], z: complex) -> bool:
    """Do the terms of pFq(above; below; z) begin to fall within the budget, or is there another way to its value?

    The ratio of neighbouring terms is told at the indices 1, 2, 4, ..., from DLMF 16.2.1.

    >>> has_affordable_series([0.5], [1.5], 1e300), has_affordable_series([1e15], [1.5], 0.5)
    (True, False)
    """
    p, q, size = len(above), len(below), abs(z)
    largest = max([abs(a) for a in (*above, *below)], default=0.0)
    if p > q:
        # Beyond the circle by transformations, all of whose series have parameters as large.
        if size > 0.5 or p > q + 1:
            return largest <= MOST_OF_A_PARAMETER
    elif (p, q) in _ASYMPTOTIC and largest <= MOST_OF_A_PARAMETER / 10:
        return True
    k = 1
    while k <= MOST_TERMS:
        ratio = size / (k + 1)
        for a in above:
            ratio *= abs(a + k)
        for b in below:
            ratio /= abs(b + k) or 1.0  # at a pole, which is found by whoever sums
        if ratio < 1:
            return True
        k *= 2
    return False


def _is_affordable_hypergeometric(node: sp.hyper | sp.meijerg) -> bool:
    """Of rational numbers and floats; what else stands in it is small, as its own parts were asked before."""
    numbers = [v for v in (*node.ap, *node.bq, node.argument) if not isinstance(v, sp.Rational | sp.Float)]
    if numbers:
        return True
    above, below = ([_float(v) for v in values] for values in (node.ap, node.bq))
    z = _float(node.argument)
    # As many series as there are parameters on one side, each with one less below, in z or in 1/z.
    p, q = len(above), len(below) - isinstance(node, sp.meijerg)
    if (p > q + 1 and isinstance(node, sp.hyper)) or (p == q + 1 > 2 and _INNER < abs(z) < _OUTER):
        return False  # SymPy has no other way than mpmath's, by integrals and extrapolations; floats have
    if isinstance(node, sp.meijerg):
        return is_affordable_meijerg(above, below, z, len(node.bm if len(above) <= len(below) else node.an))
    return has_affordable_series(above, below, z)


def _float(number: sp.Number) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def is_affordable_meijerg(above: Sequence[complex], below: Sequence[complex], z: complex, count: int = 1) -> bool:
    """A G function is a sum of `count` series with one parameter less on one side (DLMF 16.17.2).

    Several cancel, by as many digits as there are terms before they fall.
    """
    if len(above) > len(below):  # G(z) with p > q is one of 1/z with both exchanged
        above, below, z = below, above, 1 / z if z else math.inf
    order = len(below) - len(above)
    if count > 1 and order and order * abs(z) ** (1 / order) > MOST_TERMS / 10:
        return False
    return has_affordable_series(above, below[1:], z)


def _raised(factor: float, exponent: float) -> float:
    """Of a power, by the bits of its exponent."""
    return factor * 2.0**exponent if exponent < _DEEP else math.inf


def _integer(bits: float) -> float:
    return bits if bits <= MOST_BITS else math.inf


def _is_integer(power: sp.Basic) -> bool:
    """Is it a power that SymPy would write out?"""
    return not power.has(sp.Float) and isinstance(power.base, sp.Rational | sp.Pow)
