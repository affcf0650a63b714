"""Whole powers as products, by repeated squaring: the squares are shared with other powers."""

from __future__ import annotations

from collections.abc import Callable


LONGEST_CHAIN = 16  # x**n is multiplied out up to here: two or three roundings, where a power costs 30 multiplications


def factors_of_power(base: int, power: int, squared: Callable[[int], int]) -> list[int]:
    """The factors of a node to a power, the highest square first; `squared` makes the square of a node.

    >>> factors_of_power(3, 5, lambda node: node * node)
    [81, 3]
    """
    factors: list[int] = []
    square = base
    while power:
        if power & 1:
            factors.append(square)
        power >>= 1
        if power:
            square = squared(square)
    return factors[::-1]
