"""A program in which some nodes take the place of others, made beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from .._kinds import KIND_OF
from .ir import BOUND, CONST, PARAM, Layout, Op, Program, Region
from .ops import ADD, DIV, MUL, NEG, POW, UNSIGNED


_LEAVES = (PARAM, BOUND)
_MADE = frozenset({ADD, MUL, DIV, NEG, POW, UNSIGNED})


class Rewriting:
    """New nodes beside those of a program, each distinct one once, and what they stand for.

    The nodes of the program keep their numbers, and new ones have the numbers after them, until `finish`: there each
    new node comes before the old one for which it was made, and the order of all others stays.

    Attributes:
        old: the number of nodes that the program has itself.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.ops, self.args, self.data = list(program.ops), list(program.args), list(program.data)
        self.deps, self.kinds = list(program.deps), list(program.kinds)
        self.old = len(self.ops)
        self._at = self.old
        self._table: dict[Any, int] = {}
        self._answers: dict[Any, int] = {}  # of `op.kinds`
        for node, op in enumerate(self.ops):
            if op in _MADE:
                self._table[op, self.args[node], self.data[node]] = node
            elif op is CONST and node not in program.large:
                self._table[CONST, type(self.data[node]), repr(self.data[node])] = node
        self._places: list[int] = []  # for each new node, the old one before which it stands
        self._instead: dict[int, int] = {}
        self._unsigned: dict[int, int] = {}

    # -- nodes -------------------------------------------------------------------------------------------------------

    def begin(self, node: int) -> None:
        """What is made from now on stands before this old node, and uses nothing that comes later."""
        self._at = node

    def _is_before(self, node: int) -> bool:
        """Is it computed before what is made now?"""
        return (node if node < self.old else self._places[node - self.old] - 1) < self._at

    def apply(self, op: Op, *args: int, data: Any = None) -> int:
        """The node `op(args)`, of numbers."""
        key = (op, args, data)
        known = self._table.get(key)
        if known is not None and self._is_before(known):
            return known
        deps = 0
        for a in args:
            deps |= self.deps[a]
        of_args = tuple([self.kinds[a] for a in args])
        kinds = self._answers.get((op, of_args))
        if kinds is None:
            kinds = self._answers[op, of_args] = op.kinds(of_args)
        return self._new(key, op, args, data, deps, kinds)

    def const(self, value: bool | int | float | complex) -> int:
        """A constant that arrays have."""
        key = (CONST, type(value), repr(value))
        known = self._table.get(key)
        if known is not None and self._is_before(known):
            return known
        return self._new(key, CONST, (), value, 0, KIND_OF[type(value)])

    def _new(self, key: Any, op: Op, args: tuple[int, ...], data: Any, deps: int, kinds: int) -> int:
        self._table[key] = node = len(self.ops)
        self._places.append(self._at)
        self.ops.append(op)
        self.args.append(args)
        self.data.append(data)
        self.deps.append(deps)
        self.kinds.append(kinds)
        return node

    def undo(self, count: int) -> None:
        """Take back all nodes but the first `count`."""
        for node in range(count, len(self.ops)):
            op, data = self.ops[node], self.data[node]
            self._table.pop((CONST, type(data), repr(data)) if op is CONST else (op, self.args[node], data), None)
        for facts in (self.ops, self.args, self.data, self.deps, self.kinds):
            del facts[count:]
        del self._places[count - self.old :]

    # -- what stands for what ----------------------------------------------------------------------------------------

    def replace(self, old: int, new: int, loses_sign: bool) -> None:
        """Have `new` where `old` was. `loses_sign`: `old` was never -0.0, as far as one knows, and `new` may be."""
        self._instead[old] = new
        if loses_sign:
            self._unsigned[old] = self.apply(UNSIGNED, new, self.const(0), data=(False, False))

    def _replaced(self, node: int) -> tuple[int, ...]:
        args, instead = self.args[node], self._instead
        if self._unsigned.keys().isdisjoint(args):
            return tuple([instead.get(a, a) for a in args])
        looks = [a in self._unsigned and _looks_at_zeros(self.ops[node], i) for i, a in enumerate(args)]
        return tuple(
            [self._unsigned[a] if at_sign else instead.get(a, a) for a, at_sign in zip(args, looks, strict=True)]
        )

    @cached_property
    def _order(self) -> list[int]:
        """All nodes, each new one before the old one for which it was made."""
        made: dict[int, list[int]] = {}
        for i, place in enumerate(self._places):
            made.setdefault(place, []).append(self.old + i)
        order: list[int] = []
        done = 0
        for place in sorted(made):
            order += range(done, place)
            order += made[place]
            done = place
        return [*order, *range(done, self.old)]

    @cached_property
    def _operands(self) -> list[tuple[int, ...]]:
        untouched = self._instead.keys().isdisjoint
        return [args if untouched(args) else self._replaced(node) for node, args in enumerate(self.args)]

    @cached_property
    def _needed(self) -> bytearray:
        """For each node, whether a result needs it; asked when all is replaced."""
        needed, operands = bytearray(len(self.ops)), self._operands
        for node in self.program.results:
            needed[self._instead.get(node, node)] = 1
        for node in reversed(self._order):
            if needed[node]:
                for a in operands[node]:
                    needed[a] = 1
        return needed

    def saved(self, users: Sequence[int], cost: Callable[[Op, Sequence[int], Any], float]) -> float:
        """What is not needed any more costs so much more than what is new; `users` are those of the program."""
        needed, found = self._needed, 0.0
        for node, args in enumerate(self.args):
            if args and (not needed[node] and users[node] if node < self.old else needed[node]):
                one = cost(self.ops[node], args, self.data[node])
                found += one if node < self.old else -one
        return found

    def finish(self) -> Program:
        """The program, without what nothing needs any more."""
        program, instead = self.program, self._instead
        order, operands, needed = self._order, self._operands, self._needed
        kept = [node for node in order if needed[node] or self.ops[node] in _LEAVES]
        number = [-1] * len(self.ops)
        for i, node in enumerate(kept):
            number[node] = i

        def renumbered(data: Any) -> Any:
            return Region(tuple([number[b] for b in data.bound]), data.extra) if type(data) is Region else data

        def arranged(layout: Layout) -> Layout:
            if layout.kind == "node":
                return Layout("node", number[instead.get(layout.node, layout.node)])
            return Layout(layout.kind, items=tuple(map(arranged, layout.items)), keys=layout.keys)

        ranks = [*program.rank, *[0] * (len(self.ops) - self.old)]
        return Program(
            program.parameters,
            [self.ops[node] for node in kept],
            [tuple([number[a] for a in operands[node]]) for node in kept],
            [renumbered(self.data[node]) for node in kept],
            [self.deps[node] for node in kept],
            [self.kinds[node] for node in kept],
            [ranks[node] for node in kept],
            arranged(program.layout),
            program.parameter_ranks,
            {number[node]: value for node, value in program.large.items() if number[node] >= 0},
        )


def _looks_at_zeros(op: Op, position: int) -> bool:
    """May the sign of a zero in this operand decide? Not where NumPy has a function of one number: these have none
    that asks for it; nor in arithmetic, in which whoever asks looks at the result."""
    if op is DIV:
        return position == 1
    return op is POW or (op.form == "call" and (op.ufunc is None or op.ufunc.nin > 1))


def users_of(program: Program) -> Sequence[int]:
    """How often each node is an operand of what is needed, or a result; 0 for what is not needed."""
    counts = [0] * len(program.ops)
    for node in program.results:
        counts[node] += 1
    for node in range(len(counts) - 1, -1, -1):  # an operand has a smaller number than its user
        if counts[node]:
            for a in program.args[node]:
                counts[a] += 1
    return counts
