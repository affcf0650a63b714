"""Minus signs before quotients and products, given to an operand that is a number: -(u/3) is u/(-3).

Law: the results are the same to the bit, and there is one operation less on arrays. Division and multiplication by a
real number round the magnitude alone, and the sign of a zero or an infinity is that of both operands together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import replace
from itertools import chain

from .._kinds import COMPLEX
from .ir import CONST, Program, is_real_constant
from .ops import DIV, MUL, NEG


def without_signs(program: Program) -> Program:
    """The program, where minus signs are given to the numbers in it.

    >>> from .builder import Builder
    >>> from .ir import Layout
    >>> build = Builder(("x",))
    >>> node = build.neg(build.div(build.param(0), build.const(3)))
    >>> program = without_signs(build.finish(Layout("node", node)))
    >>> [(program.ops[n], program.data[n]) for n in (*program.args[node], node)]
    [(<param>, 0), (<const>, -3), (<div>, None)]
    """
    if NEG not in program.ops:
        return program
    numbers = {n for n, op in enumerate(program.ops) if op is CONST and is_real_constant(program, n)}
    numbers.difference_update(program.large)
    return signs_inside(program, numbers)[0] if numbers else program


def signs_inside(
    program: Program, numbers: Container[int], kinds: Sequence[int] | None = None
) -> tuple[Program, set[int]]:
    """-(u/d) as u/(-d), and so of products, where d is one of these numbers; and the nodes that are such -d.

    -d takes the place of the quotient, as it stands behind d and before what reads it.

    Args:
        program: in which the signs are.
        numbers: nodes that are real numbers.
        kinds: of the nodes, if u is to be real: NumPy makes d complex beside complex numbers, unless it is a constant,
            and its second zero may change the sign of theirs.
    """
    readers: Counter[int] | None = None
    ops, args, data = list(program.ops), list(program.args), list(program.data)
    deps, known = list(program.deps), list(program.kinds)
    negatives: set[int] = set()
    for node, op in enumerate(program.ops):
        if op is not NEG:
            continue
        [inner] = args[node]
        is_left = program.rank[inner] or (kinds is not None and kinds[inner] & COMPLEX)
        if is_left or ops[inner] not in (MUL, DIV) or _has_number(program, args[inner][0]):
            continue
        if readers is None:
            readers = Counter(chain(program.results, chain.from_iterable(program.args)))
        found = next((i for i, d in enumerate(args[inner]) if d in numbers), None)
        if found is None or readers[inner] > 1:
            continue
        d = args[inner][found]
        ops[node], args[node] = ops[inner], (*args[inner][:found], inner, *args[inner][found + 1 :])
        ops[inner], args[inner], deps[inner], known[inner] = NEG, (d,), deps[d], known[d]
        if ops[d] is CONST:
            ops[inner], args[inner], data[inner] = CONST, (), -data[d]
        negatives.add(inner)
    if not negatives:
        return program, negatives
    return replace(program, ops=ops, args=args, data=data, deps=deps, kinds=known), negatives


def _has_number(program: Program, node: int) -> bool:
    """Is this a product with a constant, to which emitters give the sign: -3*x/7 is -3 times x?"""
    return program.ops[node] is MUL and CONST in [program.ops[a] for a in program.args[node]]
