"""Products as monomials: powers of bases, which are nodes that are no products themselves, or constants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .ir import CONST, Program
from .ops import ADD, DIV, MUL, POW
from .rewriting import Rewriting


PRODUCTS = frozenset({MUL, DIV, POW})
_MOST = 64  # bases of a monomial, and the greatest power: what has more is a base itself, so that sums nest no deeper
_NESTED = 8  # products within products that are one monomial
_COST = {DIV: 2.0, POW: 20.0}  # of one operation, in passes over memory, where it is not 1

Monomial = dict[int, int]  # from base to power; a base that divides is `~node`


def cost_of(program: Program | Rewriting, nodes: Iterable[int]) -> float:
    """What these nodes cost: their operations, of which a division and a power count more."""
    ops, args, data, found = program.ops, program.args, program.data, 0.0
    for node in nodes:
        op = ops[node]
        if op is MUL:
            found += len(args[node]) - 1
        elif op is ADD:
            found += len(args[node]) - 1 + data[node][0]
        elif args[node]:
            found += _COST.get(op, 1.0) * (len(args[node]) - 1 or 1)
    return found


class Monomials:
    """The monomials of one program, each found when it is first asked for.

    Attributes:
        costs: of each product that was read, with what it is made of.
        shares: what a user of such a product costs by it: who uses it shares in its cost.
    """

    def __init__(self, program: Program, users: Sequence[int], is_shared: bool) -> None:
        self.program, self.users, self.is_shared = program, users, is_shared
        self.costs: dict[int, float] = {}
        self.shares: dict[int, float] = {}
        self._known: dict[int, Monomial] = {}

    def of(self, node: int, depth: int = 0) -> Monomial:
        """The node as a monomial, `depth` products within another one; what it costs is noted on the way."""
        found = self._known.get(node)
        if found is not None:
            return found
        program = self.program
        op, args = program.ops[node], program.args[node]
        if op not in PRODUCTS or depth > _NESTED or program.rank[node]:
            return {node: 1}
        if op is POW:
            cost = _COST[POW]
            base, power = self._as_power(node)
            powers = {base: power}
        elif op is MUL:
            cost, powers = self._multiply(args, depth)
        else:
            cost, powers = self._divide(args, depth)
        if len(powers) > _MOST or max(powers.values()) > _MOST:
            powers = {node: 1}
        users = self.users[node]
        self.costs[node] = cost
        self.shares[node] = cost if users == 1 else cost / users if self.is_shared else 0.0
        self._known[node] = powers
        return powers

    def _multiply(self, factors: Sequence[int], depth: int) -> tuple[float, Monomial]:
        """What a product costs, and its powers."""
        ops, known = self.program.ops, self._known
        cost = len(factors) - 1.0
        powers: Monomial = {}
        for a in factors:
            if ops[a] not in PRODUCTS:
                powers[a] = powers[a] + 1 if a in powers else 1
                continue
            for base, power in (known.get(a) or self.of(a, depth + 1)).items():
                powers[base] = powers[base] + power if base in powers else power
            cost += self.shares.get(a, 0.0)
        return cost, powers

    def _divide(self, args: Sequence[int], depth: int) -> tuple[float, Monomial]:
        """What a quotient costs, and its powers."""
        above, below = args
        # A quotient in a denominator is a base.
        its_powers = self.of(below, depth + 1)
        powers = {} if _is_one(self.program, above) else self.of(above, depth + 1).copy()
        for base, power in its_powers.items() if min(its_powers) >= 0 else ((below, 1),):
            powers[~base] = powers[~base] + power if ~base in powers else power
        return _COST[DIV] + self.shares.get(above, 0.0) + self.shares.get(below, 0.0), powers

    def _as_power(self, node: int) -> tuple[int, int]:
        """A power that is no product: its base, if the exponent is whole and not too large, else itself."""
        base, exponent = self.program.args[node]
        value = self.program.data[exponent]
        is_whole = self.program.ops[exponent] is CONST and type(value) is int and 1 < value <= _MOST
        return (base, value) if is_whole else (node, 1)


def _is_one(program: Program, node: int) -> bool:
    return program.ops[node] is CONST and type(program.data[node]) is int and program.data[node] == 1
