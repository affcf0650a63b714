"""Sums and products of integers beyond int64, exactly, at a few passes over memory.

A program of sums and products gives the same modulo 2**64 in integers that wrap. Beside that, floats give the value
to within a bound; where that is below 2**62, the two have but one integer in common, `wrapped + 2**64 * turns`. It is
rounded once, as three floats whose sum has no other rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._program.ir import CONST, PARAM, Program
from .._program.ops import ADD, NEG
from .._program.walk import reach


_TURN = 2.0**64
_LARGEST = 2.0**100  # of magnitudes: their rounding, of 1024 operations, is below 2**57, and 105 bits are three floats
_MOST_NODES = 1024
_PIECE = 1 << 14  # elements whose arrays, three for each node, are held at a time


def computed(program: Program, columns: Sequence[Any], size: int) -> tuple[list[Any], Any] | None:
    """The results of int64 columns: int64 if all are within it, else the floats next to them.

    Args:
        program: of sums, products and integers.
        columns: one for each parameter, all of `size` elements.
    Returns:
        The results, and which elements are too large for them; None if the program is too long.
    """
    if len(program.ops) > _MOST_NODES:
        return None
    wrapped = [np.empty(size, np.int64) for _ in program.results]
    turns = [np.empty(size) for _ in program.results]
    large = np.zeros(size, bool)
    order = sorted(reach(program.results, program.args.__getitem__))
    for start in range(0, size, _PIECE):
        piece = slice(start, start + _PIECE)
        with np.errstate(over="ignore", invalid="ignore"):
            nodes = _of_nodes(program, order, [column[piece] for column in columns])
        for node, whole, turn in zip(program.results, wrapped, turns, strict=True):
            whole[piece], near, magnitude = nodes[node]
            large[piece] |= ~(magnitude < _LARGEST)
            with np.errstate(over="ignore", invalid="ignore"):
                turn[piece] = np.rint((near - whole[piece]) / _TURN)
    return [rounded(whole, turn, ~large) for whole, turn in zip(wrapped, turns, strict=True)], large


def _of_nodes(program: Program, order: Sequence[int], columns: Sequence[Any]) -> dict[int, tuple[Any, Any, Any]]:
    """Of each node the integer that wraps, the float near it, and the sum of the magnitudes of all that it adds."""
    found: dict[int, tuple[Any, Any, Any]] = {}
    for node in order:
        op, args, data = program.ops[node], program.args[node], program.data[node]
        if op is PARAM:
            near = columns[data].astype(np.float64)
            found[node] = columns[data], near, np.abs(near)
        elif op is CONST:
            found[node] = np.int64(data), np.float64(data), np.abs(np.float64(data))
        elif op is NEG:
            whole, near, magnitude = found[args[0]]
            found[node] = -whole, -near, magnitude
        else:
            signs = data if op is ADD else (False,) * len(args)
            total = found[args[0]]
            if signs[0]:
                total = -total[0], -total[1], total[2]
            for a, minus in zip(args[1:], signs[1:], strict=True):
                total = _joined(op is ADD, minus, total, found[a])
            found[node] = total
    return found


def _joined(adds: bool, minus: bool, one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    if not adds:
        return one[0] * other[0], one[1] * other[1], one[2] * other[2]
    if minus:
        return one[0] - other[0], one[1] - other[1], one[2] + other[2]
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def rounded(wrapped: Any, turns: Any, known: Any) -> Any:
    """The integers, or, if some are beyond int64, the floats next to them."""
    if not np.any(turns[known]):
        return wrapped
    with np.errstate(over="ignore", invalid="ignore"):
        high, middle = turns * _TURN, (wrapped >> 32).astype(np.float64) * 2.0**32
        low = (wrapped & 0xFFFFFFFF).astype(np.float64)
        # What the sum of two floats is rounded by is a float (Knuth, The Art of Computer Programming 2, 4.2.2, B); it
        # is a multiple of 2**32 of less than 53 bits with what is below it, so that only the last sum is rounded.
        total = high + middle
        back = total - high
        return total + (((high - (total - back)) + (middle - back)) + low)
