"""What some of the parameters decide alone, so that it is computed once where these are fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from .._kinds import REAL
from .ir import CONST, PARAM, Layout, Op, Program, Region
from .ops import ADD, DIV, MUL, NEG, UNSIGNED
from .signs import signs_inside
from .walk import reach


class Decided(NamedTuple):
    """A program in two parts.

    Attributes:
        first: gives what some parameters decide, as a tuple; it takes all the parameters.
        rest: gives the results; what `first` gives are parameters of it, behind the others.
    """

    first: Program
    rest: Program


# Of doubles, Python and NumPy give the same, to the bit; but Python raises where it divides by 0.
_EXACT = (ADD, MUL, DIV, NEG, UNSIGNED)


def decided(program: Program, kinds: Sequence[int], parameters: int, exact: bool = False) -> Decided | None:
    """The two parts, for the parameters in the bit mask; None if these decide nothing by themselves.

    What is handed over are real numbers only: of an integer or a truth value more would have to be known than that it
    is a number, and little is won.

    >>> from .ir import infer_kinds
    >>> from .builder import Builder
    >>> build = Builder(("x", "a"))
    >>> program = build.finish(Layout("node", build.mul(build.param(0), build.sqrt(build.param(1)))))
    >>> parts = decided(program, infer_kinds(program, [REAL, REAL]), 0b10)
    >>> parts.first.results, parts.rest.parameters
    ((2,), ('x', 'a', '_decided0'))
    """
    settled = _settled(program, parameters, exact)
    done = {
        node
        for node, is_settled in enumerate(settled)
        if is_settled and program.deps[node] and program.args[node] and not kinds[node] & ~REAL
    }
    # To negate one number in each call would cost what it saves.
    numbers = [] if exact else [n for n, op in enumerate(program.ops) if op is PARAM and settled[n]]
    program, negatives = signs_inside(program, done.union([n for n in numbers if kinds[n] == REAL]), kinds)
    done |= negatives
    rest = reach(program.results, program.args.__getitem__, stop=done)
    used = chain(program.results, *[program.args[node] for node in rest])
    cut = done.intersection(used)
    return _parts(program, sorted(cut)) if cut else None


def _settled(program: Program, parameters: int, exact: bool) -> list[bool]:
    """Of each node, whether these parameters alone decide it, by operations of our own."""
    settled: list[bool] = []
    for node, (op, args) in enumerate(zip(program.ops, program.args, strict=True)):
        if op is PARAM:
            settled.append(bool(parameters >> program.data[node] & 1))
        elif args:
            settled.append(_is_simple(program, node, exact) and all(settled[a] for a in args))
        else:
            settled.append(op is CONST)
    return settled


def _is_simple(program: Program, node: int, exact: bool) -> bool:
    """Is this one number, made of numbers by an operation of our own?"""
    op = program.ops[node]
    if exact and op not in _EXACT:
        return False
    return op.elementwise and not op.foreign and not program.rank[node] and type(program.data[node]) is not Region


def _parts(program: Program, cut: Sequence[int]) -> Decided:
    ops: list[Op] = list(program.ops)
    args, data = list(program.args), list(program.data)
    names = list(program.parameters)
    first = sum([name.startswith("_decided") for name in names])  # such are no names of parameters
    for number, node in enumerate(cut):
        # `deps` keeps naming the parameters behind it: the bits after theirs are those of bound variables.
        ops[node], args[node], data[node] = PARAM, (), len(names)
        names.append(f"_decided{first + number}")
    ranks = (*program.parameter_ranks, *[0] * len(cut))
    return Decided(
        replace(program, layout=Layout("tuple", items=tuple(Layout("node", node) for node in cut))),
        replace(program, ops=ops, args=args, data=data, parameters=tuple(names), parameter_ranks=ranks),
    )
