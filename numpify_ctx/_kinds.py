"""Kinds of number, and what NumPy's promotion makes of them.

A value may be of several kinds as far as is known before a call, so that what is known is a set of kinds, written as a
mask: `INT | REAL` is an integer or a float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache


BOOL, INT, REAL, COMPLEX = 1, 2, 4, 8
NUMBER = INT | REAL | COMPLEX
ANY = BOOL | NUMBER
KIND_OF = {bool: BOOL, int: INT, float: REAL, complex: COMPLEX}  # of Python's numbers, by type

LEAST_INT, MOST_INT = -(2**63), 2**63 - 1  # of int64

Kinds = Callable[[Sequence[int]], int]


def is_int64(value: int) -> bool:
    """Has int64 this integer? If not, it is a float wherever it is a result.

    >>> is_int64(-(2**63)), is_int64(2**63)
    (True, False)
    """
    return LEAST_INT <= value <= MOST_INT


def promote(kinds: Iterable[int]) -> int:
    """The kinds that NumPy's promotion may give for one operand of each of `kinds`.

    >>> promote([INT, INT | REAL]) == INT | REAL, promote([REAL, INT]) == REAL
    (True, True)
    """
    return _promoted(frozenset(kinds))


@lru_cache(1024)  # few distinct questions are asked, for each expression anew
def _promoted(kinds: frozenset[int]) -> int:
    union = lowest = 0
    for mask in kinds:
        union |= mask
        lowest = max(lowest, mask & -mask)
    return union & ~(lowest - 1) if lowest else union


def arithmetic(kinds: Sequence[int]) -> int:
    """Kinds of a sum or product: promotion, in which booleans count as integers."""
    kind = promote(kinds)
    return (kind & ~BOOL) | INT if kind & BOOL else kind


def floating(kinds: Sequence[int]) -> int:
    """Kinds of a function that gives a float for an integer: sin, exp, division."""
    kind = promote(kinds)
    return (REAL if kind & ~COMPLEX else 0) | (kind & COMPLEX)


def real_part(kinds: Sequence[int]) -> int:
    """Kinds of a function that keeps the kind but gives a real number: abs, re, floor."""
    kind = arithmetic(kinds)
    return kind if not kind & COMPLEX else (kind & ~COMPLEX) | REAL


def real(_: Sequence[int]) -> int:
    """Always a real float: arg, atan2."""
    return REAL


def integer(_: Sequence[int]) -> int:
    """Always an integer, by value and by dtype: LeviCivita."""
    return INT


def boolean(_: Sequence[int]) -> int:
    """Always a boolean: relations, And."""
    return BOOL
