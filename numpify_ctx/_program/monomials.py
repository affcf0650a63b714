"""Products as monomials: powers of bases, which are nodes that are no products themselves, or constants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .ir import CONST, Op, Program
from .ops import ADD, DIV, MUL, POW


PRODUCTS = frozenset({MUL, DIV, POW})
_MOST = 64  # bases of a monomial, and the greatest power: what has more is a base itself, so that sums nest no deeper
_NESTED = 8  # products within products that are one monomial
_COST = {DIV: 2.0, POW: 20.0}  # of one operation, in passes over memory, where it is not 1

Monomial = dict[int, int]  # from base to power; a base that divides is `~node`


def cost_of(op: Op, args: Sequence[int], data: Any) -> float:
    """What a node with operands costs: its operations, of which a division and a power count more."""
    if op is ADD:
        return len(args) - 1 + float(data[0])
    return _COST.get(op, 1.0) * (len(args) - 1 or 1)


class Monomials:
    """The monomials of one program, each found when it is first asked for.

    Attributes:
        costs: of each product that was read, with what it is made of.
    """

    def __init__(self, program: Program, users: Sequence[int], is_shared: bool) -> None:
        self.program, self.users, self.is_shared = program, users, is_shared
        self.costs: dict[int, float] = {}
        self._known: dict[int, Monomial] = {}

    def of(self, node: int, depth: int = 0) -> Monomial:
        """The node as a monomial, `depth` products within another one; what it costs is noted on the way."""
        found = self._known.get(node)
        if found is not None:
            return found
        program = self.program
        op = program.ops[node]
        if op not in PRODUCTS or depth > _NESTED or program.rank[node]:
            return {node: 1}
        powers = self._read(op, node, depth)
        if len(powers) > _MOST or max(powers.values()) > _MOST:
            powers = {node: 1}
        self._known[node] = powers
        return powers

    def _read(self, op: Op, node: int, depth: int) -> Monomial:
        ops, args = self.program.ops, self.program.args[node]
        powers: Monomial = {}
        cost = _COST.get(op, 1.0) * (len(args) - 1)
        if op is POW:
            base, power = self._as_power(node)
            powers[base] = power
        for a in () if op is POW else args if op is MUL else args[:1]:
            if ops[a] in PRODUCTS:
                for base, power in self.of(a, depth + 1).items():
                    powers[base] = powers.get(base, 0) + power
                cost += self.share(a)
            elif op is MUL or not _is_one(self.program, a):
                powers[a] = powers.get(a, 0) + 1
        if op is DIV:
            for base, power in self._below(args[1], depth):
                powers[~base] = powers.get(~base, 0) + power
            cost += self.share(args[1])
        self.costs[node] = cost
        return powers

    def _as_power(self, node: int) -> tuple[int, int]:
        """A power that is no product: its base, if the exponent is whole and not too large, else itself."""
        base, exponent = self.program.args[node]
        value = self.program.data[exponent]
        is_whole = self.program.ops[exponent] is CONST and type(value) is int and 1 < value <= _MOST
        return (base, value) if is_whole else (node, 1)

    def _below(self, node: int, depth: int) -> Iterable[tuple[int, int]]:
        """The powers of a denominator; a quotient is a base."""
        powers = self.of(node, depth + 1)
        return powers.items() if min(powers) >= 0 else ((node, 1),)

    def share(self, node: int) -> float:
        """What a user of a node costs by it: who uses it shares in its cost."""
        cost, users = self.costs.get(node, 0.0), self.users[node]
        return cost if users == 1 else cost / users if self.is_shared else 0.0


def _is_one(program: Program, node: int) -> bool:
    return program.ops[node] is CONST and type(program.data[node]) is int and program.data[node] == 1
