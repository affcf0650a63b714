"""Products that share factors: a pair of factors that several of them have is multiplied once.

Law: no more operations than before, and the same products but for rounding: the order of their factors is not the one
that was written. Integers stay integers, and no partial product is larger in magnitude than the whole, but for a factor
of 0.

Greedily, the most frequent pair first. Numbers are multiplied with each other before they meet an array, as they come
first in a product. A pair that might take one out of such a beginning must occur three times, so that it is worth it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush

from .._kinds import COMPLEX
from .ir import Program
from .ops import MUL
from .rewriting import Rewriting, users_of


_MOST = 16  # factors of a product that are looked at in pairs
_ENOUGH = 3  # products that share a pair which may be an array where its parts need not be

Pair = tuple[int, int]


def shared(program: Program) -> Program:
    """The same program, with the pairs of factors that its products share; itself, if there are none.

    >>> from .builder import Builder
    >>> from .ir import Layout
    >>> b = Builder(("x", "y", "z"))
    >>> x, y, z = map(b.param, range(3))
    >>> both = [b.mul(x, y, z), b.mul(x, y, b.const(2))]
    >>> found = shared(b.finish(Layout("list", items=tuple(Layout("node", node) for node in both))))
    >>> [args for args in found.args if args]
    [(0, 1), (3, 2), (5, 3)]
    """
    if not [args for op, args in zip(program.ops, program.args, strict=True) if op is MUL and len(args) > 2]:
        return program
    users = users_of(program)
    products = {
        node: list(program.args[node])
        for node, op in enumerate(program.ops)
        if op is MUL and users[node] and not program.rank[node] and program.kinds[node] != COMPLEX
    }
    occurring: dict[int, int] = {}
    for factors in products.values():
        for factor in set(factors):
            occurring[factor] = occurring.get(factor, 0) + 1
    products = {node: factors for node, factors in products.items() if sum([occurring[f] > 1 for f in factors]) > 1}
    if not any(len(factors) > 2 for factors in products.values()):
        return program
    return _Sharing(program, products, {f for f, count in occurring.items() if count > 1}).run()


class _Sharing:
    def __init__(self, program: Program, products: dict[int, list[int]], frequent: set[int]) -> None:
        self.program, self.products, self.frequent = program, products, frequent
        self.having: dict[Pair, dict[int, None]] = {}  # in order, as a set has another one in each process
        self.queue: list[tuple[int, int, Pair]] = []
        for node in products:
            self._enter(node)

    @cached_property
    def new(self) -> Rewriting:
        """What is made; most programs of products need none."""
        return Rewriting(self.program)

    def run(self) -> Program:
        queue = self.queue = [(-len(nodes), i, p) for i, (p, nodes) in enumerate(self.having.items()) if len(nodes) > 1]
        heapify(queue)
        changed: dict[int, None] = {}
        while queue:
            count, order, pair = heappop(queue)
            nodes = list(self.having[pair])
            if len(nodes) != -count:  # others have taken factors since
                if len(nodes) > 1:
                    heappush(queue, (-len(nodes), order, pair))
                continue
            if len(nodes) < _ENOUGH and not all(self._is_harmless(node, pair) for node in nodes):
                continue
            self._take(pair, nodes)
            changed.update(dict.fromkeys(nodes))
        for node in changed:
            factors = self.products[node]
            self.new.begin(node)
            product = factors[0] if len(factors) == 1 else self.new.apply(MUL, *factors)
            if product != node:
                self.new.replace(node, product, loses_sign=False)
        return self.new.finish() if changed else self.program

    def _pairs(self, node: int) -> Iterator[Pair]:
        found = [factor for factor in dict.fromkeys(self.products[node]) if factor in self.frequent]
        if len(found) <= _MOST:
            for i, one in enumerate(found):
                for other in found[:i]:
                    yield (other, one) if other < one else (one, other)

    def _enter(self, node: int) -> None:
        for pair in self._pairs(node):
            self.having.setdefault(pair, {})[node] = None

    def _is_harmless(self, node: int, pair: Pair) -> bool:
        """Does the later of the two have no more elements than what comes before it, if others do?"""
        factors, deps = self.products[node], self.new.deps
        end = max(map(factors.index, pair))
        before = [deps[factor] for factor in factors[:end]]
        together = 0
        for one in before:
            together |= one
        return sum(map(bool, before)) < 2 or not deps[factors[end]] & ~together

    def _take(self, pair: Pair, nodes: Sequence[int]) -> None:
        """Make one factor of two, in all these products."""
        self.new.begin(min(nodes))
        both = self.new.apply(MUL, *sorted(pair, key=self.products[nodes[0]].index))
        self.frequent.add(both)
        for node in nodes:
            for other in self._pairs(node):
                del self.having[other][node]
            factors = self.products[node]
            one, other_one = sorted(factors.index(factor) for factor in pair)
            factors[other_one] = both
            del factors[one]
            for found in self._pairs(node):
                self.having.setdefault(found, {})[node] = None
                if both in found and len(self.having[found]) == 2:
                    heappush(self.queue, (-2, len(self.having), found))
