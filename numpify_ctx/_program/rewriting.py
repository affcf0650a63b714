"""A program in which some nodes take the place of others, made beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

from .._kinds import KIND_OF
from .ir import BOUND, CONST, PARAM, Layout, Op, Program, Region
from .nodes import Nodes
from .ops import DIV, POW, UNSIGNED


_LEAVES = frozenset({PARAM, BOUND})


class Rewriting(Nodes):
    """New nodes beside those of a program, each distinct one once, and what they stand for.

    The nodes of the program keep their numbers, and new ones have the numbers after them, until `finish`: there each
    new node comes before the node for which it was made, and the order of all others stays. There may be several
    rounds: `settle` ends one, `resume` begins another, in which what was made before may be replaced as well.

    Attributes:
        order: the nodes that are needed, in their order, as of the last `settle`.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.program = program
        count = self._old = len(self.ops)  # of what there was before this round
        self.order: list[int] = []
        self._all: list[int] = []  # with what is not needed
        self._needed = bytearray()  # for each node, whether a result needs it, as of the last `settle`
        # Where each node is computed: at even places, and what is new between them.
        self._places = list(range(0, 2 * count, 2))
        self._before = 2 * count
        # With leaves and constants, which nobody looks for here: so no loop of Python's makes it.
        self._table: dict[Any, int] = dict(
            zip(zip(self.ops, self.args, self.data, strict=True), range(count), strict=True)
        )
        self._constants: dict[tuple[type, str], int] | None = None
        self._results = {node: node for node in program.results}
        self._instead: dict[int, int] = {}
        self._signless: set[int] = set()

    # -- nodes -------------------------------------------------------------------------------------------------------

    def begin(self, node: int) -> None:
        """What is made from now on stands before this node, and uses nothing that comes later."""
        self._before = self._places[node]

    def first(self, nodes: Iterable[int]) -> int:
        """Which of the nodes comes first."""
        return min(nodes, key=self._places.__getitem__)

    def apply(self, op: Op, args: tuple[int, ...], data: Any = None) -> int:
        """The node `op(args)`, of numbers."""
        key = op, args, data
        known = self._table.get(key)
        if known is not None and self._places[known] < self._before:
            return known
        deps, all_deps = 0, self.deps
        for a in args:
            deps |= all_deps[a]
        question: Any = (op, *map(self.kinds.__getitem__, args))
        kinds = self._answers.get(question)
        if kinds is None:
            kinds = self._answers[question] = op.kinds(question[1:])
        return self._made(key, deps, kinds)

    def const(self, value: bool | int | float | complex) -> int:
        """A constant that arrays have."""
        found = self._constants
        if found is None:
            found = self._constants = {}
            for node, op in enumerate(self.program.ops):
                if op is CONST and node not in self.program.large:
                    found[type(self.data[node]), repr(self.data[node])] = node
        key = type(value), repr(value)
        known = found.get(key)
        if known is None or self._places[known] >= self._before:
            known = found[key] = self._made((CONST, (), value), 0, KIND_OF[type(value)])
        return known

    def _made(self, key: tuple[Op, tuple[int, ...], Any], deps: int, kinds: int) -> int:
        op, args, data = key
        self._table[key] = node = self._new(op, args, data, deps, kinds, 0)
        self._places.append(self._before - 1)
        return node

    def undo(self, count: int) -> None:
        """Take back all nodes but the first `count`."""
        for node in range(count, len(self.ops)):
            op, data = self.ops[node], self.data[node]
            self._table.pop((op, self.args[node], data), None)
            if op is CONST and self._constants is not None:
                self._constants.pop((type(data), repr(data)), None)
        for facts in (self.ops, self.args, self.data, self.deps, self.kinds, self.rank, self._places):
            del facts[count:]

    # -- what stands for what ----------------------------------------------------------------------------------------

    def replace(self, old: int, new: int, loses_sign: bool) -> None:
        """Have `new` where `old` was. `loses_sign`: `old` was never -0.0, as far as one knows, and `new` may be."""
        self._instead[old] = new
        if loses_sign:
            self._signless.add(old)

    def _replaced(self, node: int) -> tuple[int, ...]:
        op, args, instead = self.ops[node], self.args[node], self._instead
        if self._signless.isdisjoint(args):
            return tuple([instead.get(a, a) for a in args])
        return tuple(
            [
                self._unsigned(a) if a in self._signless and _looks_at_zeros(op, i) else instead.get(a, a)
                for i, a in enumerate(args)
            ]
        )

    def _unsigned(self, old: int) -> int:
        """What stands for an old node, of which a zero has no sign."""
        self.begin(old)
        return self.apply(UNSIGNED, (self._instead[old], self.const(0)), (False, False))

    def settle(self) -> None:
        """End a round: what was replaced is used by nothing any more."""
        all_args, instead = self.args, self._instead
        untouched = instead.keys().isdisjoint
        # In the first round, users have greater numbers than their operands.
        candidates = self.order or range(min(instead) + 1, self._old)
        for node in [*candidates, *range(self._old, len(all_args))]:
            if not untouched(all_args[node]):
                all_args[node] = self._replaced(node)
        for result, node in self._results.items():
            self._results[result] = instead.get(node, node)
        needed = bytearray(len(all_args))
        todo = list(self._results.values())
        while todo:
            node = todo.pop()
            if not needed[node]:
                needed[node] = 1
                todo += all_args[node]
        self._old, self._instead, self._signless, self._needed = len(needed), {}, set(), needed
        # A stable sort: what was made for one node stays in the order in which it was made.
        self._all = sorted(range(len(needed)), key=self._places.__getitem__)
        self.order = list(compress(self._all, map(needed.__getitem__, self._all)))

    def resume(self) -> None:
        """Begin another round."""
        for place, node in enumerate(self._all):
            self._places[node] = 2 * place

    def changes(self, users: Sequence[int]) -> tuple[Iterable[int], Iterable[int]]:
        """What the results do not need any more, and what they need that is new; `users` are those of the program."""
        needed = self._needed
        gone = [node for node, count in enumerate(users) if count and not needed[node]]
        return gone, compress(range(len(users), len(needed)), needed[len(users) :])

    def finish(self) -> Program:
        """The program, without what nothing needs any more, as of the last `settle`."""
        program, needed, kept = self.program, self._needed, self.order
        leaves = [node for node, op in enumerate(program.ops) if op in _LEAVES and not needed[node]]
        if leaves:
            kept = sorted([*leaves, *kept], key=self._places.__getitem__)
        number = dict(zip(kept, range(len(kept)), strict=True))
        at = number.__getitem__
        all_args, data = self.args, list(map(self.data.__getitem__, kept))
        return Program(
            program.parameters,
            list(map(self.ops.__getitem__, kept)),
            [tuple(map(at, all_args[node])) for node in kept],
            [Region(tuple(map(at, d.bound)), d.extra) if type(d) is Region else d for d in data],
            list(map(self.deps.__getitem__, kept)),
            list(map(self.kinds.__getitem__, kept)),
            list(map(self.rank.__getitem__, kept)),
            _arranged(program.layout, {result: number[node] for result, node in self._results.items()}),
            program.parameter_ranks,
            {number[node]: value for node, value in program.large.items() if node in number},
        )


def _arranged(layout: Layout, number: Mapping[int, int]) -> Layout:
    """A layout of other nodes."""
    if layout.kind == "node":
        return Layout("node", number[layout.node])
    return Layout(layout.kind, items=tuple([_arranged(i, number) for i in layout.items]), keys=layout.keys)


def _looks_at_zeros(op: Op, position: int) -> bool:
    """May the sign of a zero in this operand decide? Not where NumPy has a function of one number: these have none
    that asks for it; nor in arithmetic, in which whoever asks looks at the result."""
    if op is DIV:
        return position == 1
    return op is POW or (op.form == "call" and (op.ufunc is None or op.ufunc.nin > 1))


def users_of(program: Program) -> Sequence[int]:
    """How often each node is an operand of what is needed, or a result; 0 for what is not needed."""
    counts = [0] * len(program.ops)
    all_args = program.args
    for node in program.results:
        counts[node] += 1
    for node in range(len(counts) - 1, -1, -1):  # an operand has a smaller number than its user
        if counts[node]:
            for a in all_args[node]:
                counts[a] += 1
    return counts
