"""Sums with common factors taken out, and polynomials in Horner's form: the same sums in fewer operations.

Law: a sum is rewritten only where that takes fewer operations, and its value changes by no more than rounding, relative
to the sum of the magnitudes of its terms. No number becomes nan: of infinities the new form knows more than the old
one, as inf*(inf - 1) has a value where inf*inf - inf has none. Integers stay integers, and nothing on the way is
larger in magnitude than the terms together, but for a factor of 0.

A term is a *monomial*: powers of *bases*, which are nodes that are no products themselves, or constants. It is a dict
from base to power; a base that divides is `~node`. The base that most terms have is taken out of them, by Horner's rule
where it has several powers; what is left of the terms are sums of fewer bases, for which the same is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from .._kinds import COMPLEX
from .ir import CONST, Program
from .monomials import PRODUCTS, Monomial, Monomials, cost_of
from .ops import ADD, DIV, MUL, NEG, POW
from .powers import LONGEST_CHAIN, factors_of_power
from .promotion import leaving
from .rewriting import Rewriting, users_of


_FEW = 64  # nodes of a product that are looked at before it is read

Signed = tuple[bool, int]  # whether to subtract, and what
# A term of a sum: whether it is subtracted, its node, that as a monomial, and those of the bases that other terms have
# too, the most frequent one first. Plain tuples, as there are very many.
Term = tuple[bool, int, Monomial, list[int]]


def factored(program: Program) -> Program:
    """The same program, with sums in fewer operations; itself, if there are none.

    >>> from .builder import Builder
    >>> from .ir import Layout
    >>> b = Builder(("x",))
    >>> x = b.param(0)
    >>> square = b.mul(x, x)
    >>> cubic = b.add(b.mul(b.const(3), square, x), b.mul(b.const(2), square), x)
    >>> found = factored(b.finish(Layout("node", cubic)))
    >>> [f"{op.name}{args}" for op, args in zip(found.ops, found.args) if args]
    ['mul(1, 0)', 'add(3, 2)', 'mul(0, 4)', 'add(5, 6)', 'mul(0, 7)']
    """
    new = rewritten(program)
    return program if new is None else new.finish()


def rewritten(program: Program) -> Rewriting | None:
    """What makes that program, settled; None if there is nothing to gain."""
    candidates = [node for node, op in enumerate(program.ops) if op is ADD and _may_share(program, node)]
    if not candidates:
        return None
    users = users_of(program)
    for is_shared in (True, False):
        new = _Factoring(program, users, is_shared).run(candidates)
        if new is None:
            return None
        new.settle()
        # What several sums share is gone only where all of them are made anew.
        gone, made = new.changes(users)
        if cost_of(program, gone) > cost_of(new, made):
            return new
    return None


def _may_share(program: Program, node: int) -> bool:
    """May two products among the terms have a base in common? Else there is nothing to gain, and most sums end here."""
    ops, args = program.ops, program.args
    products = [a for a in args[node] if ops[a] in PRODUCTS]
    if len(products) < 2:
        return False
    seen: set[int] = set()
    for product in products:
        met, todo = {product}, list(args[product])
        while todo:
            current = todo.pop()
            if current in met or ops[current] is CONST:
                continue
            if current in seen or len(met) > _FEW:
                return True
            met.add(current)
            if ops[current] in PRODUCTS:
                todo += args[current]
        seen |= met
    return False


class _Factoring:
    def __init__(self, program: Program, users: Sequence[int], is_shared: bool) -> None:
        self.program, self.users = program, users
        self.constants = {node for node, op in enumerate(program.ops) if op is CONST}
        self.constants.update([~node for node in self.constants])
        self.products = Monomials(program, users, is_shared)

    def run(self, candidates: Sequence[int]) -> Rewriting | None:
        """Make those sums anew for which it pays; None, if there are none."""
        found = [(node, terms) for node in candidates if (terms := self._terms(node))]
        if not found:
            return None
        self.new = Rewriting(self.program)
        self.leaving = leaving(self.program)
        is_new = [self._rewrite(node, terms) for node, terms in found]
        return self.new if any(is_new) else None

    def _rewrite(self, node: int, terms: Sequence[Term]) -> bool:
        """Make a sum anew, if that takes fewer operations."""
        new = self.new
        new.begin(node)
        count = len(new.ops)
        negative, root = self._sum(terms, 0)
        if negative:
            root = new.apply(NEG, (root,))
        made = range(count, len(new.ops))
        saved = self._cost(node) - cost_of(new, made)
        # What depends on everything may be an array where its parts are none: not more is lost then than won else.
        if root == node or saved <= 0 or self._more_on_all(node, made) > saved:
            new.undo(count)
            return False
        # What a constant is added to is no -0.0.
        is_anchored = new.ops[root] is ADD and new.ops[new.args[root][-1]] is CONST and not new.data[root][-1]
        new.replace(node, root, loses_sign=not is_anchored)
        return True

    # -- reading -----------------------------------------------------------------------------------------------------

    def _terms(self, node: int) -> list[Term]:
        """The terms of a sum; none, if no two products of them have a base in common."""
        program, constants = self.program, self.constants
        if not self.users[node] or program.rank[node] or program.kinds[node] == COMPLEX:
            return []
        args = program.args[node]
        ops, monomial = program.ops, self.products.of
        monomials = [monomial(a) if ops[a] in PRODUCTS else {a: 1} for a in args]
        having: dict[int, list[int]] = {}
        for i, powers in enumerate(monomials):
            for base in powers:
                if base in having:
                    having[base].append(i)
                else:
                    having[base] = [i]
        # A stable sort: of the equally frequent the first, so that each process finds the same. Constants come last.
        frequent = [base for base, its_terms in having.items() if len(its_terms) > 1]
        if constants.issuperset(frequent):
            return []
        frequent.sort(key=lambda base: (base in constants, -len(having[base])))
        common: list[list[int]] = [[] for _ in args]
        for base in frequent:
            for i in having[base]:
                common[i].append(base)
        return list(zip(program.data[node], args, monomials, common, strict=True))

    # -- costs -------------------------------------------------------------------------------------------------------

    def _cost(self, node: int) -> float:
        shares = self.products.shares
        return cost_of(self.program, [node]) + sum([shares.get(a, 0.0) for a in self.program.args[node]])

    def _more_on_all(self, node: int, made: Iterable[int]) -> int:
        """How many more operations there are now on what depends on all that the sum depends on."""
        deps, args = self.new.deps, self.new.args
        wanted = deps[node]
        if wanted & (wanted - 1) == 0:
            return 0
        found, todo, costs, users = [node], [node], self.products.costs, self.users
        while todo:
            inner = [a for a in args[todo.pop()] if deps[a] == wanted and a in costs and users[a] == 1]
            found += inner
            todo += inner
        # Of two operands, there is one operation.
        before, after = (
            sum([1 if len(args[i]) == 2 else _steps_on(args[i], deps, wanted) for i in nodes if deps[i] == wanted])
            for nodes in (found, made)
        )
        return after - before

    # -- sums of terms -----------------------------------------------------------------------------------------------

    def _sum(self, terms: Sequence[Term], depth: int, added: Signed | None = None) -> Signed:
        """The sum of the terms over the first `depth` of the bases they have in common, and of what is added to it."""
        parts: list[Signed] = [] if added is None else [added]
        if len(terms) > 1:
            terms = self._without_groups(terms, depth, parts)
        if depth:
            parts += [(term[0], self._node(term, depth)) for term in terms]
        else:
            parts += [(negative, node) for negative, node, _, _ in terms]
        if len(parts) == 1:
            return parts[0]
        # Constants last, and first what is added, as the builder has it.
        constants = self.constants
        if not constants.isdisjoint([node for _, node in parts[:-1]]):
            parts.sort(key=lambda part: part[1] in constants)
        turn = False
        if parts[0][0]:
            first = next((i for i, (negative, _) in enumerate(parts) if not negative), -1)
            turn = first < 0
            if not turn:
                parts.insert(0, parts.pop(first))
        nodes = [node for _, node in parts]
        return turn, self.new.apply(ADD, tuple(nodes), tuple([negative and not turn for negative, _ in parts]))

    def _without_groups(self, terms: Sequence[Term], depth: int, parts: list[Signed]) -> Sequence[Term]:
        """What is left of the terms, after those that have a base in common became parts."""
        having: dict[int, list[Term]] = {}
        rest: list[Term] = []
        for term in terms:
            common = term[3]
            if len(common) > depth:
                having.setdefault(common[depth], []).append(term)
            else:
                rest.append(term)
        for base, group in having.items():
            if len(group) > 1 and self._is_worth(base, group, depth):
                parts.append(self._horner(base, group, depth))
            else:
                rest += group
        return rest

    def _is_worth(self, base: int, group: Sequence[Term], depth: int) -> bool:
        """Does it take fewer products with the base taken out of the terms, by Horner's rule?"""
        if base in self.constants and depth == 0:
            # A constant alone is left where it is: sums of multiples of integers have a way of their own.
            return False
        powers = [its_powers[base] for _, _, its_powers, _ in group]
        alone = [power for power, term in zip(powers, group, strict=True) if len(term[2]) == depth + 1]
        distinct = tuple(sorted(set(powers)))
        gain = len(group) - len(alone) - len(distinct)
        if base >= 0 and distinct[-1] in alone and powers.count(distinct[-1]) == 1:
            gain += 1  # the highest power times 1 is no product
        if distinct[-1] > 1:
            gain += _won_by_steps(distinct)
        return gain > 0 and self._may_take(base, group, depth)

    def _may_take(self, base: int, terms: Sequence[Term], depth: int) -> bool:
        """Not what may leave the reals out of what does not: their product is never looked at, as their sum is."""
        may_leave = self.leaving
        if may_leave is None or not may_leave[max(base, ~base)]:
            return True
        return any(
            may_leave[max(other, ~other)]
            for _, _, powers, common in terms
            for other in powers
            if other not in common[: depth + 1]
        )

    def _horner(self, base: int, group: Sequence[Term], depth: int) -> Signed:
        """The sum of terms that all have the base, by its powers from the highest on."""
        by_power: dict[int, list[Term]] = {}
        for term in group:
            by_power.setdefault(term[2][base], []).append(term)
        if len(by_power) == 1:
            return self._common_factor(group, depth)
        powers = sorted(by_power, reverse=True)
        [*others, last] = by_power[powers[0]]
        if others:
            negative, node = self._sum(by_power[powers[0]], depth + 1)
            node = self._times(base, powers[0] - powers[1], node)
        else:
            negative, node = last[0], self._node(last, depth, powers[1])
        apply = self.new.apply
        for power, lower in zip(powers[1:], [*powers[2:], 0], strict=True):
            here = by_power[power]
            if len(here) > 1:
                negative, node = self._sum(here, depth + 1, (negative, node))
            else:
                minus, added = here[0][0], self._node(here[0], depth + 1)
                if negative and not minus:
                    negative, node = False, apply(ADD, (added, node), (False, True))
                else:
                    node = apply(ADD, (node, added), (False, minus != negative))
            node = self._times(base, power - lower, node)
        return negative, node

    def _common_factor(self, group: Sequence[Term], depth: int) -> Signed:
        """The sum of terms that all have one power of a base: that comes out, and whatever else they all have."""
        _, _, powers, common = group[0]
        taken: list[tuple[int, int]] = []
        for base in common[depth:]:
            power = powers[base]
            if [1 for term in group if term[3][depth : depth + 1] != [base] or term[2][base] != power]:
                break
            taken.append((base, power))
            depth += 1
        taken.sort(key=lambda pair: pair[0] not in self.constants)
        negative, inner = self._sum(group, depth)
        return negative, self._product(taken, inner)

    # -- products ----------------------------------------------------------------------------------------------------

    def _node(self, term: Term, depth: int, lower: int = 0) -> int:
        """A term over the first `depth` of its common bases, and over the power `lower` of the next one."""
        _, node, powers, common = term
        if not depth and not lower:
            return node
        left = powers.copy()
        for base in common[:depth]:
            del left[base]
        if lower:
            left[common[depth]] -= lower
        if len(left) == 1:
            [(base, power)] = left.items()
            if base >= 0:
                return base if power == 1 else self._power(base, power)
        if self.constants.issuperset(left) and min(left, default=0) < 0:
            # A constant that is added is rounded once, as the quotient would be.
            value, data = 1, self.program.data
            for base in left:
                value = value * data[base] if base >= 0 else value / data[~base]
            return self.new.const(value)
        return self._product(left.items())

    def _times(self, base: int, power: int, factor: int) -> int:
        """The product of a power and another factor."""
        if base < 0:
            return self._product([(base, power)], factor)
        return self.new.apply(MUL, (base if power == 1 else self._power(base, power), factor))

    def _product(self, powers: Iterable[tuple[int, int]], factor: int = -1) -> int:
        """The product of powers, and of another factor."""
        above: list[int] = []
        below: list[int] = []
        for base, power in powers:
            if base >= 0:
                above.append(base if power == 1 else self._power(base, power))
            else:
                below.append(~base if power == 1 else self._power(~base, power))
        if factor >= 0:
            above.append(factor)
        top = self._multiplied(above)
        return self.new.apply(DIV, (top, self._multiplied(below))) if below else top

    def _multiplied(self, factors: Sequence[int]) -> int:
        if not factors:
            return self.new.const(1)
        return factors[0] if len(factors) == 1 else self.new.apply(MUL, tuple(factors))

    def _power(self, base: int, power: int) -> int:
        """The base to a power, by squares that are shared, as the builder makes it."""
        if power > LONGEST_CHAIN:
            return self.new.apply(POW, (base, self.new.const(power)))
        return self._multiplied(factors_of_power(base, power, self._squared))

    def _squared(self, base: int) -> int:
        return self.new.apply(MUL, (base, base))


@lru_cache(256)
def _won_by_steps(powers: Sequence[int]) -> int:
    """How many products less it takes to go from each of these powers to the next, than to have them all."""
    return _chain(powers) - _chain([high - low for low, high in zip([0, *powers], powers, strict=False)])


def _chain(powers: Iterable[int]) -> int:
    """How many products it takes to have these powers, of which squares are shared."""
    needed = {power for power in powers if power > 1}
    squares = {i for power in needed for i in range(1, power.bit_length())}
    return len(squares) + sum([power.bit_count() - 1 for power in needed])


def _steps_on(args: Sequence[int], deps: Sequence[int], wanted: int) -> int:
    """How many of the operations on these operands, from left to right, are on what depends on all that is wanted."""
    found = so_far = 0
    for i, a in enumerate(args):
        so_far |= deps[a]
        if so_far == wanted and i:
            return len(args) - i
    return found
