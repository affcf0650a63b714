"""Products that share factors: a pair of factors that several of them have is multiplied once.

Law: no more operations than before, and the same products but for rounding: the order of their factors is not the one
that was written. Integers stay integers, and no partial product is larger in magnitude than the whole, but for a factor
of 0.

Greedily, the most frequent pair first. Numbers are multiplied with each other before they meet an array, as they come
first in a product. A pair that might take one out of such a beginning must occur three times, so that it is worth it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush

from .._kinds import COMPLEX
from .factored import rewritten
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
    # Most programs have no product of more than two factors.
    if not any([op is MUL and len(args) > 2 for op, args in zip(program.ops, program.args, strict=True)]):  # noqa: C419
        return program
    new = _share(program, [node for node, count in enumerate(users_of(program)) if count])
    return program if new is None else new.finish()


def shortened(program: Program) -> Program:
    """The same program, `factored` and then `shared`."""
    new = rewritten(program)
    if new is None:
        return shared(program)
    _share(new, new.order)
    return new.finish()


def _share(program: Program | Rewriting, nodes: Sequence[int]) -> Rewriting | None:
    """Share the factors of these nodes; None if there is nothing to gain."""
    products, frequent = _products(program, nodes)
    if not products:
        return None
    sharing = _Sharing(program, products, frequent)
    if not sharing.run():
        return None
    sharing.new.settle()
    return sharing.new


def _products(program: Program | Rewriting, nodes: Sequence[int]) -> tuple[dict[int, list[int]], set[int]]:
    """The factors of those of the nodes that are products with two factors that others have, too; and such factors."""
    ops, args, rank, kinds = program.ops, program.args, program.rank, program.kinds
    products = [node for node in nodes if ops[node] is MUL and not rank[node] and kinds[node] != COMPLEX]
    if not any([len(args[node]) > 2 for node in products]):  # noqa: C419  a list is quicker
        return {}, set()
    met: set[int] = set()
    frequent: set[int] = set()
    for node in products:
        factors = set(args[node])
        frequent |= met & factors
        met |= factors
    found = {node: list(args[node]) for node in products if len([1 for f in args[node] if f in frequent]) > 1}
    return (found, frequent) if any([len(factors) > 2 for factors in found.values()]) else ({}, set())  # noqa: C419


class _Sharing:
    def __init__(self, program: Program | Rewriting, products: dict[int, list[int]], frequent: set[int]) -> None:
        self.program, self.products, self.frequent = program, products, frequent
        self.queue: list[tuple[int, int, Pair]] = []
        self.pairs = {node: self._pairs(node) for node in self.products}
        met: set[Pair] = set()
        several: set[Pair] = set()
        for pairs in self.pairs.values():
            several.update(met.intersection(pairs))
            met.update(pairs)
        # Of the pairs that several products have, these; in order, as a set has another one in each process.
        self.having: dict[Pair, dict[int, None]] = {}
        for node, pairs in self.pairs.items() if several else ():
            for pair in pairs:
                if pair in several:
                    self.having.setdefault(pair, {})[node] = None

    @cached_property
    def new(self) -> Rewriting:
        """What is made; most programs of products need none."""
        if isinstance(self.program, Program):
            return Rewriting(self.program)
        self.program.resume()
        return self.program

    def run(self) -> bool:
        """Share all pairs that are worth it; are there any?"""
        queue = self.queue = [(-len(nodes), i, pair) for i, (pair, nodes) in enumerate(self.having.items())]
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
            product = factors[0] if len(factors) == 1 else self.new.apply(MUL, tuple(factors))
            if product != node:
                self.new.replace(node, product, loses_sign=False)
        return bool(changed)

    def _pairs(self, node: int) -> Sequence[Pair]:
        found = [factor for factor in dict.fromkeys(self.products[node]) if factor in self.frequent]
        if not 1 < len(found) <= _MOST:
            return ()
        return [(a, b) if a < b else (b, a) for i, b in enumerate(found) for a in found[:i]]

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
        self.new.begin(self.new.first(nodes))
        both = self.new.apply(MUL, tuple(sorted(pair, key=self.products[nodes[0]].index)))
        self.frequent.add(both)
        having = self.having
        for node in nodes:
            for other in self.pairs[node]:
                if other in having:
                    del having[other][node]
            factors = self.products[node]
            one, other_one = sorted(factors.index(factor) for factor in pair)
            factors[other_one] = both
            del factors[one]
            self.pairs[node] = self._pairs(node)
            for found in self.pairs[node]:
                if both in found or found in having:
                    having.setdefault(found, {})[node] = None
                    if both in found and len(having[found]) == 2:
                        heappush(self.queue, (-2, len(having), found))
