"""Which nodes of a program go into which kernel, and the program in which kernels stand for them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from ..._kinds import Kinds
from ..._program.ir import CONST, PARAM, Layout, Op, Program
from ..._program.walk import reach
from .functions import DEAR
from .types import KIND_OF_TYPE, Types


_FASTER = frozenset({"sin", "cos"})  # than NumPy's, by themselves
MOST_OPERANDS = 64  # of one of NumPy's ufuncs, with its results
_WORTH = 2  # operations of a kernel inside a program that NumPy runs; fewer gain nothing


class Cluster(NamedTuple):
    """The nodes that a kernel computes, those it is given, and those it gives."""

    order: list[int]
    inputs: list[int]
    outputs: list[int]


class Result(NamedTuple):
    """What a kernel gives: a node, or several along an axis of their own.

    Attributes:
        nodes: which they are; constants and arguments may be among several.
        type: the one that all have.
        length: of an axis of their own; 0: it is one node, without.
    """

    nodes: tuple[int, ...]
    type: str
    length: int = 0


def cluster(program: Program, types: Types, outputs: Sequence[int], given: Collection[int] = ()) -> Cluster:
    """The kernel for `outputs`: all native nodes below them, but for what is `given`."""
    wanted = {n for n in outputs if program.ops[n] not in (CONST, PARAM)}

    def below(node: int) -> Sequence[int]:
        return program.args[node] if node in wanted or (types.native[node] and node not in given) else ()

    found = reach(outputs, below, ())
    order = sorted(n for n in found if n in wanted or (types.native[n] and n not in given))
    inside = set(order)
    inputs = sorted(n for n in found if n not in inside and program.ops[n] is not CONST)
    return Cluster(order, inputs, list(outputs))


def pure(program: Program, types: Types, wanted: Sequence[int]) -> bool:
    """Can kernels compute everything wanted from the arguments alone?"""
    leaves = (CONST, PARAM)
    for node in reach(wanted, program.args.__getitem__, ()):
        if program.ops[node] not in leaves and not types.native[node]:
            return False
        if program.ops[node] is PARAM and types.of[node] is None:
            return False
    return True


def parts(
    program: Program, types: Types, wanted: Sequence[int], few: Sequence[bool], most: int = MOST_OPERANDS - 1
) -> list[Cluster]:
    """The kernels in a program of which NumPy computes the rest: one for each native node that something else uses.

    `few` tells of each node whether it has so few elements that it is computed by itself; `most`, how many nodes a
    kernel may be given. What has more operands than that is native no longer.
    """
    used = reach(wanted, program.args.__getitem__, ())
    outputs = {n for n in wanted if types.native[n]}
    for node in used:
        for operand in program.args[node]:
            # A kernel ends where NumPy goes on, and where the number of elements changes.
            if types.native[operand] and (not types.native[node] or few[operand] != few[node]):
                outputs.add(operand)
    found = [cluster(program, types, [n], outputs) for n in sorted(outputs)]
    # What several of them would compute is computed once, if it is dear.
    counted = Counter(node for part in found for node in part.order)
    shared = {n for n, count in counted.items() if count > 1 and program.ops[n].native in DEAR}
    outputs |= shared
    if shared or any(len(part.inputs) > most for part in found):
        while _narrowed(program, types, sorted(used), outputs, most):
            pass  # a kernel that ends sooner is one more operand of those that went on from there
        found = [cluster(program, types, [n], outputs) for n in sorted(outputs)]
    return [c for c in found if len(c.order) >= _WORTH or program.ops[c.outputs[0]].native in _FASTER]


def _narrowed(program: Program, types: Types, order: Sequence[int], outputs: set[int], most: int) -> bool:
    """Let kernels that would be given too much end sooner, by more `outputs`; was there any?"""
    before = len(outputs), sum(types.native)
    given: dict[int, frozenset[int]] = {}  # of a native node, what a kernel of it is given
    for node in order:
        if not types.native[node]:
            continue
        operands = {a: given.get(a, frozenset([a])) for a in program.args[node] if program.ops[a] is not CONST}
        for a in sorted(operands, key=lambda a: -len(operands[a])):
            if len(_union(operands.values())) <= most:
                break
            if a in given:
                outputs.add(a)
                operands[a] = frozenset([a])
        found = _union(operands.values())
        if len(found) > most:
            types.native[node] = False
            outputs.discard(node)
            outputs.update(a for a in operands if types.native[a])
        elif node not in outputs:
            given[node] = found
    return (len(outputs), sum(types.native)) != before


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset(itertools.chain.from_iterable(sets))


def with_kernels(program: Program, types: Types, kernels: Sequence[tuple[Cluster, Callable[..., Any]]]) -> Program:
    """The program in which ufuncs compute the outputs of clusters; what only these used is not reached any more."""
    ops, args, data = list(program.ops), list(program.args), list(program.data)
    for (_, inputs, outputs), ufunc in kernels:
        [node] = outputs
        ops[node] = Op("kernel", ufunc, kinds=_always(KIND_OF_TYPE[types.of[node]]))
        args[node], data[node] = tuple(inputs), None
    layout: Layout = program.layout
    return Program(
        program.parameters, ops, args, data, program.deps, program.kinds, program.rank, layout, program.parameter_ranks
    )


def _always(kind: int) -> Kinds:
    return lambda _: kind
