"""What of a program is computed before its blocks, once, and what is computed in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from .ir import CONST, PARAM, Program, Region, infer_kinds
from .placement import Placement
from .walk import reach


_LEAVES = (PARAM, CONST)


class Partition(NamedTuple):
    """The nodes to compute before the blocks, in one piece; and the roots that are left for the blocks."""

    before: list[int]
    roots: list[int]


def partition(
    program: Program, parameter_kinds: Sequence[int], roots: Sequence[int], inside: Sequence[bool], checked: bool = True
) -> Partition | None:
    """What to compute before the blocks, and in them; None if nothing is left for them.

    Law: a node computed in blocks has elements that depend on no other element of its operands, as many of them as
    the result, and none of the axes of a matrix; whatever it reads is an argument, a constant, or computed before.

    Args:
        program: what all are nodes of.
        parameter_kinds: as for `emit_arrays`.
        roots: what is wanted in the end.
        inside: for each node, whether its values are many enough for blocks.
        checked: as for `emit_arrays`.
    """
    place = Placement(program, infer_kinds(program, parameter_kinds), scalars=False, checked=checked)
    top = place.closure(roots)
    # Arguments are cut into blocks where they are read, and never computed.
    many = [inside[n] or program.ops[n] is PARAM for n in range(len(inside))]
    # What a node reads is computed before it, so all below the few and the whole ones is before the blocks, too.
    before = place.closure([n for n in top if not many[n] or _is_whole(program, place, n, top)])
    left = top - before
    if not any(program.args[node] for node in left):
        return None
    # Of what comes before, only what blocks read, or what is itself a result, has to be kept.
    used = {operand for node in left for operand in place.reads(node, top)} | set(roots)
    return Partition(
        sorted(n for n in used & before if program.ops[n] not in _LEAVES),
        [root for root in dict.fromkeys(roots) if root in left and program.ops[root] not in _LEAVES],
    )


def _is_whole(program: Program, place: Placement, node: int, top: Collection[int]) -> bool:
    """Must this be computed in one piece: has it axes of its own, or do its elements depend on others?"""
    if not program.ops[node].elementwise or type(program.data[node]) is Region:
        return True
    if any(program.rank[n] for n in (node, *program.args[node])):
        return True
    inner = place.inner(node)
    if not inner:
        return False
    captured = place.captured(inner, top)
    return any(program.rank[n] for n in captured) or _is_mixed(program, inner, captured)


def _is_mixed(program: Program, inner: Sequence[int], captured: Sequence[int]) -> bool:
    """Is there an operation within a guard that is not elementwise?"""
    return any(
        not program.ops[node].elementwise or type(program.data[node]) is Region or program.rank[node]
        for node in reach(inner, program.args.__getitem__, set(captured))
    )
