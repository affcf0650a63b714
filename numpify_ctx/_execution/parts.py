"""A program in two parts, each in its forms: what some of the arguments decide alone, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._program.bounds import NO_INTEGERS
from .._program.decided import Decided, decided
from .._program.ir import PARAM, Program, infer_kinds
from .._program.walk import reach
from .forms import Forms
from .quick_plain import Late


_MOST_NODES = 300  # of a longer program, what a few numbers decide is little beside the rest, and a form takes longer


class Parts:
    """What is computed first, and the rest; for all functions in which the same arguments decide."""

    def __init__(self, parts: Decided) -> None:
        self.count = len(parts.first.results)
        self.names = parts.rest.parameters[len(parts.first.parameters) :]
        self.program = parts.rest
        self.first = Forms(parts.first)
        self.rest = Forms(parts.rest)


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
