"""Sums of integers with whole coefficients, exact also where they leave int64: two halves of each number at a time.

A number is h*2**32 + l. The halves of a sum are the sums of the halves, which leave nothing; together they say whether
the sum fits into int64, and if not, they round once to the nearest double.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._program.ir import CONST, PARAM, Program
from .._program.ops import ADD, MUL, NEG


_HALF = 32
_MASK = (1 << _HALF) - 1
_PIECE = 1 << 14  # elements at a time, which stay in the cache
_MOST = 1 << 20  # of coefficients together: so that the high half of a sum is a double, with all its digits


class Sum(NamedTuple):
    """A constant, and how many times each parameter."""

    constant: int
    terms: Mapping[int, int]

    @property
    def weight(self) -> int:
        """How many times as large as its largest term it may be."""
        return sum(map(abs, self.terms.values())) + (abs(self.constant) >> 63) + 1


def sums_of(program: Program) -> list[Sum] | None:
    """The results as sums of the parameters; None if one is something else, or might be too large for two halves."""
    found: list[Sum] = []
    for node, (op, args) in enumerate(zip(program.ops, program.args, strict=True)):
        data, of_args = program.data[node], [found[a] for a in args]
        if op is PARAM:
            total = Sum(0, {data: 1})
        elif op is CONST and type(data) is int:
            total = Sum(data, {})
        elif op is ADD or op is NEG:
            signs = [-1 if negative else 1 for negative in data] if op is ADD else [-1]
            total = _total(of_args, signs)
        elif op is MUL and sum([1 for one in of_args if one.terms]) < 2:
            factor = 1
            for one in of_args:
                factor *= 1 if one.terms else one.constant
            total = _total([one for one in of_args if one.terms] or [Sum(1, {})], [factor])
        else:
            return None
        if total.weight >= _MOST:
            return None
        found.append(total)
    results = [found[node] for node in program.results]
    return results if all(one.terms for one in results) else None


def _total(sums: Sequence[Sum], factors: Sequence[int]) -> Sum:
    terms: dict[int, int] = {}
    for one, factor in zip(sums, factors, strict=True):
        for parameter, coefficient in one.terms.items():
            terms[parameter] = terms.get(parameter, 0) + factor * coefficient
    return Sum(sum([factor * one.constant for one, factor in zip(sums, factors, strict=True)]), terms)


def computed(wanted: Sum, columns: Sequence[Any], size: int) -> Any:
    """The sum of integers in arrays of one length: int64 if all of them fit, else the nearest doubles.

    >>> computed(Sum(1, {0: 2}), [np.array([2**62, -5])], 2)
    array([ 9.22337204e+18, -9.00000000e+00])
    """
    parts = [_piece(wanted, columns, slice(i, min(i + _PIECE, size))) for i in range(0, size, _PIECE)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _piece(wanted: Sum, columns: Sequence[Any], piece: slice) -> Any:
    high: Any = np.int64(wanted.constant >> _HALF)
    low: Any = np.int64(wanted.constant & _MASK)
    for parameter, coefficient in wanted.terms.items():
        column = columns[parameter][piece]
        above, below = column >> _HALF, column & _MASK
        if coefficient != 1:
            above *= coefficient
            below *= coefficient
        high = np.add(above, high, out=above)
        low = np.add(below, low, out=below)
    high += low >> _HALF
    low &= _MASK
    if high.min() >= -(2**31) and high.max() < 2**31:
        high <<= _HALF
        high += low
        return high
    # Both are doubles with all their digits: only the sum rounds.
    return high * 2.0**_HALF + low
