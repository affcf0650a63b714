"""A program in two parts, each in its forms: what some of the arguments decide alone, and the rest."""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .._program.bounds import NO_INTEGERS
from .._program.decided import Decided, decided
from .._program.ir import CONST, PARAM, Program, infer_kinds
from .._program.ops import ADD, DIV, MUL, NEG, UNSIGNED
from .._program.walk import reach
from .forms import Forms
from .quick_plain import Late


_NUMBERS = (float, int)
_LARGEST = sys.float_info.max
_MOST_NODES = 300  # of a longer program, what a few numbers decide is little beside the rest, and a form takes longer


class Parts:
    """What is computed first, and the rest; for all functions in which the same arguments decide."""

    def __init__(self, parts: Decided) -> None:
        self.count = len(parts.first.results)
        self.names = parts.rest.parameters[len(parts.first.parameters) :]
        self.program = parts.rest
        self.decided = parts.first
        self.first = Forms(parts.first)
        self.rest = Forms(parts.rest)


def arithmetic(program: Program, given: Sequence[Any]) -> list[float] | None:
    """The results of sums, products, quotients and signs of floats, without a form; None if there is more to it.

    Args:
        program: all that leads to its results is looked at.
        given: the arguments; those that it does not look at may be anything.
    """
    found: dict[int, Any] = {}
    for node in sorted(reach(program.results, program.args.__getitem__)):
        op, data = program.ops[node], program.data[node]
        operands = [found[a] for a in program.args[node]]
        if op is PARAM:
            value = given[data]
        elif op is CONST:
            value = data
        elif op is NEG:
            value = -operands[0]
        elif op is MUL:
            value = functools.reduce(operator.mul, operands)
        elif op is DIV and operands[1]:
            value = operands[0] / operands[1]
        elif op is ADD or op is UNSIGNED:
            value = functools.reduce(
                operator.add, [-v if minus else v for v, minus in zip(operands, data, strict=True)]
            )
        else:
            return None
        # What is not finite has a warning of NumPy's, or an error of Python's.
        if type(value) not in _NUMBERS or not -_LARGEST <= value <= _LARGEST:
            return None
        found[node] = value
    return [float(found[node]) for node in program.results]


def late_of(program: Program, numbers: Sequence[int]) -> Late | None:
    """What those of the arguments that are floats decide beside arrays of doubles, over Python's operators.

    Args:
        program: all of whose arguments are floats or such arrays.
        numbers: the places of the floats.
    """
    if not numbers or len(program.ops) > _MOST_NODES:
        return None
    kinds = infer_kinds(program, NO_INTEGERS.kinds(len(program.parameters)))
    found = decided(program, kinds, sum([1 << i for i in numbers]), exact=True)
    if found is None:
        return None
    parts = Parts(found)
    rest = parts.program
    used = [rest.data[node] for node in reach(rest.results, rest.args.__getitem__) if rest.ops[node] is PARAM]
    return Late(parts.first.floats(), parts.count, parts.rest.doubles(), frozenset(used), rest)


def of_doubles_with(
    program: Program, forms: Forms, are_numbers: Sequence[bool]
) -> tuple[Callable[..., Any], Late | None]:
    """The form for arrays of doubles and floats, and what the floats, those of `are_numbers`, decide for it."""
    late = late_of(program, [place for place, is_number in enumerate(are_numbers) if is_number])
    return (forms.doubles(), None) if late is None else (late.form, late)
