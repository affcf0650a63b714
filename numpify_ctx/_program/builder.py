"""Making a program: each distinct node once, facts inferred, constants folded, arithmetic in its best form."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sympy as sp

from .._kinds import ANY, BOOL, COMPLEX, INT, KIND_OF, REAL, is_int64
from .._symbolic.exact import evaluate, nearest, quotient
from .ir import BOUND, CONST, PARAM, Layout, Op, Program, Region
from .nodes import Nodes
from .ops import ADD, DIV, MUL, NE, NEG, NOT, POW, SELECT, SQRT, UNSIGNED
from .powers import LONGEST_CHAIN, factors_of_power


class Builder(Nodes):
    """Makes the nodes of one program: each distinct one once, constants folded.

    The methods take and give node numbers. `apply` makes any node; `const`, `add`, `mul`, `div`, `neg`, `pow`,
    `select` and `compare` also simplify what costs nothing to simplify. Constants keep their exact SymPy value
    (`exact`), so that what is folded is folded once, at full precision, however many constants meet.
    """

    def __init__(self, parameters: Sequence[str]) -> None:
        super().__init__()
        self.parameters = tuple(parameters)
        self.exact: dict[int, Any] = {}
        self.large: dict[int, int] = {}  # constants that are integers beyond int64
        self.parameter_ranks = [0] * len(self.parameters)
        # By operation, so that a key is made of numbers alone: the garbage collector lets go of those, and has little
        # to look through, however many nodes there are.
        self._table: dict[Op, dict[Any, int]] = defaultdict(dict)
        self._integers: dict[int, int] = {}  # value -> node
        self._leaves = len(self.parameters)

    # -- nodes -------------------------------------------------------------------------------------------------------

    def apply(self, op: Op, *args: int, data: Any = None, kinds: int | None = None, rank: int | None = None) -> int:
        """The node `op(args)`; `data` is hashable and part of its identity."""
        table = self._table[op]
        key = args if data is None else (args, data)
        known = table.get(key)
        if known is not None:
            return known
        all_deps, all_kinds, all_ranks = self.deps, self.kinds, self.rank
        deps = highest = 0
        for a in args:
            deps |= all_deps[a]
            if all_ranks[a] > highest:
                highest = all_ranks[a]
        # Bound variables of the body are the region's own: outside it depends on none of them.
        if type(data) is Region:
            deps = all_deps[args[-1]]
            for bound in data.bound:
                deps &= ~all_deps[bound]
            for a in args[:-1]:
                deps |= all_deps[a]
        if kinds is None:
            question: Any = (op, *map(all_kinds.__getitem__, args))
            kinds = self._answers.get(question)
            if kinds is None:
                kinds = self._answers[question] = op.kinds(question[1:])
        if rank is None:
            rank = highest if op.rank is None else op.rank([all_ranks[a] for a in args])
        table[key] = number = self._new(op, args, data, deps, kinds, rank)
        return number

    def param(self, index: int, rank: int = 0) -> int:
        """Parameter `index`, an array with `rank` leading axes."""
        table = self._table[PARAM]
        known = table.get(index)
        if known is None:
            self.parameter_ranks[index] = rank
            known = table[index] = self._new(PARAM, (), index, 1 << index, ANY, rank)
        return known

    def set_rank(self, node: int, rank: int) -> bool:
        """Settle how many leading axes a parameter has, which only its use can tell; False if it had others."""
        assert self.ops[node] is PARAM
        index = self.data[node]
        if self.parameter_ranks[index] not in (0, rank):
            return False
        self.parameter_ranks[index] = self.rank[node] = rank
        return True

    def bound(self, key: Any, kinds: int) -> int:
        """The bound variable called `key`: the same node for the same key."""
        table = self._table[BOUND]
        known = table.get((key, kinds))
        if known is None:
            leaf = self._leaves
            self._leaves += 1
            known = table[key, kinds] = self._new(BOUND, (), leaf, 1 << leaf, kinds, 0)
        return known

    def region(
        self,
        op: Op,
        *args: int,
        body: int,
        bound: tuple[int, ...],
        extra: tuple[Any, ...] = (),
        rank: int | None = None,
    ) -> int:
        """The node of an operation that evaluates `body` as a function of the bound variables; see `Region`."""
        return self.apply(op, *args, body, data=Region(bound, extra), rank=rank)

    def const(self, value: Any) -> int:
        """A constant: a SymPy number, or a Python bool, int, float or complex."""
        exact = value
        if isinstance(value, sp.Integer):
            value = value.p
        if type(value) is not int:
            return self._const(value)
        known = self._integers.get(value)
        if known is None:
            is_large = not is_int64(value)
            data = quotient(value, 1) if is_large else value  # NumPy has no such integer
            known = self._integers[value] = self._new(CONST, (), data, 0, KIND_OF[type(data)], 0)
            self.exact[known] = sp.Integer(value) if exact is value else exact
            if is_large:
                self.large[known] = value
        return known

    def _const(self, value: Any) -> int:
        """A constant that is not written as an integer."""
        exact = value
        if isinstance(value, sp.Basic):
            found = nearest(value)
            assert found is not None, f"not a number: {value!r}"
            value = found
        elif isinstance(value, bool):
            exact = sp.true if value else sp.false
        if isinstance(value, int) and not isinstance(value, bool):
            return self.const(int(value))
        # 1.0 and True are equal, 0.0 and -0.0 too, nan is not equal to itself: only the text tells all apart.
        key = repr(value)
        table = self._table[CONST]
        known = table.get(key)
        if known is None:
            known = table[key] = self._new(CONST, (), value, 0, KIND_OF[type(value)], 0)
            self.exact[known] = exact
        return known

    def is_const(self, node: int) -> bool:
        """Is this node a constant?"""
        return self.ops[node] is CONST

    def value(self, node: int) -> Any:
        """The Python value of a constant node."""
        return self.data[node]

    def finish(self, layout: Layout) -> Program:
        """The program that gives `layout`."""
        return Program(
            self.parameters, self.ops, self.args, self.data, self.deps, self.kinds, self.rank, layout,
            tuple(self.parameter_ranks), self.large,
        )  # fmt: skip

    # -- arithmetic --------------------------------------------------------------------------------------------------

    def add(self, *terms: int) -> int:
        """The sum; constants are added exactly, negated terms are subtracted."""
        constant, rest = self._fold(terms, sp.Add, 0)
        signed = [self._unsigned(term) for term in rest]
        if constant is not None:
            signed.append(self._unsigned(constant))
        if not signed:
            return self.const(0)
        if len(signed) == 1:
            term, negative = signed[0]
            return self.neg(term) if negative else term
        if signed[0][1]:  # begin with a term that is added, so that no negation is needed
            first = next((i for i, (_, negative) in enumerate(signed) if not negative), 0)
            signed.insert(0, signed.pop(first))
        return self.apply(ADD, *(t for t, _ in signed), data=tuple(negative for _, negative in signed))

    def sub(self, a: int, b: int) -> int:
        """a - b."""
        return self.add(a, self.neg(b))

    def neg(self, a: int) -> int:
        """-a."""
        if self.is_const(a):
            return self.const(-self.exact[a])
        if self.ops[a] is NEG:
            return self.args[a][0]
        return self.apply(NEG, a)

    def mul(self, *factors: int) -> int:
        """The product; constants are multiplied exactly, and one over something becomes a denominator."""
        constant, rest = self._fold(factors, sp.Mul, 1)
        above: list[int] = []
        below: list[int] = []
        negative = False
        ops, args = self.ops, self.args
        for factor in rest:
            if ops[factor] is NEG:
                negative = not negative
                factor = args[factor][0]
            # a * (1/b) is rounded twice, a/b once.
            if ops[factor] is DIV and self._is_one(args[factor][0]):
                below.append(args[factor][1])
            else:
                above.append(factor)
        if constant is not None:
            term, minus = self._unsigned(constant)
            negative ^= minus
            if (above or below) and self._is_quotient(term):
                # x/49 is rounded once; the float nearest to 1/49 is rounded before it meets x.
                ratio = self.exact[term]
                above[:0] = [] if ratio.p == 1 else [self.const(ratio.p)]
                below.insert(0, self.const(ratio.q))
            elif not (self._is_one(term) and (above or below)):
                above.insert(0, term)
        top = self._product(above)
        result = self._div(top, self._product(below)) if below else top
        return self.neg(result) if negative else result

    def div(self, a: int, b: int) -> int:
        """a / b, as a true division, which does not look at the sign of a zero that was computed."""
        return self._div(a, self.unsigned(b))

    def _div(self, a: int, b: int) -> int:
        if self.is_const(a) and self.is_const(b) and self.value(b) != 0:
            value = evaluate(self.exact[a] / self.exact[b])
            if value is not None:
                return self.const(value)
        return self.apply(DIV, a, b)

    def pow(self, base: int, exponent: int) -> int:
        """base**exponent: products for small integers, roots for halves, a division for what is negative."""
        is_plain = not self.is_const(base) and self.rank[base] == 0
        power = self.exact.get(exponent)
        if is_plain and power is not None and type(n := self.data[exponent]) is int and abs(n) <= LONGEST_CHAIN:
            return self._whole_power(base, n)  # most powers, without a look at what SymPy knows of their exponents
        if not isinstance(power, sp.Expr) or power.is_extended_negative is not False:
            base = self.unsigned(base)  # 0 to a negative power is a division by 0
        if isinstance(power, sp.Rational | sp.Float) and is_plain:
            twice = 2 * self.value(exponent)  # exactly, as far as it is whole and small
            # What is near a half or a whole number, and rounded to it, is none.
            if power.is_Rational and power.q > 2:
                twice = math.nan
            if twice == twice and abs(twice) <= 2 * LONGEST_CHAIN and twice == int(twice):
                n, half = divmod(abs(int(twice)), 2)
                result = self._chain(base, n, bool(half))
                if isinstance(power, sp.Float) and not half:
                    result = self.mul(self.const(1.0), result)  # a float, also of an integer
                return self._div(self.const(1), result) if power < 0 else result
            if power.is_Integer and power < 0:
                return self._div(self.const(1), self.apply(POW, base, self.const(-power)))
        if self.ops[exponent] is NEG and self.kinds[base] == INT and self.is_const(base):
            # A denominator, which stays an integer, where the quotient of the whole may be a number and this one be 0.
            return self._div(self.const(1), self.pow(base, self.args[exponent][0]))
        return self.apply(POW, base, exponent)

    def _whole_power(self, base: int, power: int) -> int:
        """base**power, by products."""
        if power >= 0:
            return self._chain(base, power, half=False)
        # 0 to a negative power is a division by 0.
        return self._div(self.const(1), self._chain(self.unsigned(base), -power, half=False))

    def unsigned(self, a: int) -> int:
        """The same number; if it is 0, and was computed, +0.0.

        Law: a zero that was computed has no sign where a division, a negative power, atan2 or arg looks at it. SymPy
        has none, and which one a float gets depends on the order of the operations, so on the form. A zero that was
        given as -0.0 is the caller's own, and counts as in NumPy. (Complex numbers see `_runtime.cuts`.)
        """
        return self.apply(UNSIGNED, a, self.const(0), data=(False, False)) if self._may_be_minus_zero(a) else a

    def _may_be_minus_zero(self, a: int) -> bool:
        op, args = self.ops[a], self.args[a]
        if op in (PARAM, CONST, BOUND, UNSIGNED) or not self.kinds[a] & (REAL | COMPLEX):
            return False
        if op is ADD:
            # Only -0.0 - 0.0 is -0.0: what cancels is +0.0, and so is -0.0 + 0.0.
            added = [term for term, negative in zip(args, self.data[a], strict=True) if not negative]
            return not any(self.is_const(t) for t in args) and not any(map(self._is_positive, added))
        return not self._is_positive(a)

    def _is_positive(self, a: int) -> bool:
        """Is the sign bit of this never set, if it is real? Looks a few nodes deep: a pass over memory is at stake."""
        todo, looked = [a], 0
        while todo:
            node = todo.pop()
            looked += 1
            op, args = self.ops[node], self.args[node]
            if op is CONST:
                if type(self.data[node]) is complex or self.data[node] < 0:
                    return False
            elif looked > _LOOKED or (op is ADD and any(self.data[node])):
                return False
            elif op is MUL:
                todo += [factor for factor in set(args) if args.count(factor) % 2]
            elif op in (ADD, DIV, SQRT):
                todo += args
            elif not op.positive:
                return False
        return True

    def sqrt(self, a: int) -> int:
        """The square root."""
        return self.apply(SQRT, a)

    def compare(self, op: Op, a: int, b: int) -> int:
        """A relation: `LT`, `LE`, `GT`, `GE`, `EQ` or `NE` of `_ops`."""
        return self.apply(op, a, b)

    def truth(self, a: int) -> int:
        """Is `a` true? A number is if it is not 0."""
        return a if self.kinds[a] == BOOL else self.apply(NE, a, self.const(0))

    def logic(self, op: Op, *nodes: int) -> int:
        """`AND`, `OR`, `XOR` or `NOT` of the truth of `nodes`."""
        if len(nodes) == 1 and op is not NOT:
            return self.truth(nodes[0])
        return self.apply(op, *map(self.truth, nodes))

    def select(self, *operands: int) -> int:
        """condition, value, condition, value, ..., value: the value of the first true condition, else the last.

        Conditions that are known settle it here; only what is left is evaluated, each under its guard.
        """
        kept: list[int] = []
        last = operands[-1]
        for condition, value in zip(operands[:-1:2], operands[1::2], strict=True):
            if self.is_const(condition):
                if self.value(condition):
                    last = value
                    break
                continue
            kept += [self.truth(condition), value]
        while kept and kept[-1] == last:
            del kept[-2:]
        return self.apply(SELECT, *kept, last) if kept else last

    # -- helpers -----------------------------------------------------------------------------------------------------

    def _fold(self, nodes: Sequence[int], combine: Any, neutral: int) -> tuple[int | None, list[int]]:
        """One constant for all the constants of a sum or product (None if it is neutral), and the other operands."""
        constants = [n for n in nodes if n in self.exact]
        if not constants:
            return None, list(nodes)
        rest = [n for n in nodes if n not in self.exact]
        if len(constants) == 1:
            folded = constants[0]
        else:
            value = evaluate(combine(*(self.exact[n] for n in constants)))
            if value is None:
                return None, list(nodes)
            folded = self.const(value)
        found = self.value(folded)
        # Only the integer is left out: 0.0 and 1.0 make a float of what they meet.
        return (None if rest and type(found) is int and found == neutral else folded), rest

    def _unsigned(self, node: int) -> tuple[int, bool]:
        """A node and whether to negate it, such that no minus sign is left in the node itself."""
        op = self.ops[node]
        if op is NEG:
            return self.args[node][0], True
        if op is CONST:
            value = self.data[node]
            if type(value) is int and value < 0:
                return self.const(-value), True
            if type(value) is float and value < 0:
                return self.const(-self.exact[node]), True
        return node, False

    def _is_quotient(self, node: int) -> bool:
        """Is this constant a quotient of small integers, and no float?"""
        if type(self.data[node]) is int:
            return False
        value = self.exact[node]
        if not isinstance(value, sp.Rational) or value.q & (value.q - 1) == 0:
            return False
        return bool(abs(value.p) < _SMALL_NUMERATOR and value.q < 2**53)

    def _is_one(self, node: int) -> bool:
        return self.ops[node] is CONST and type(self.data[node]) is int and self.data[node] == 1

    def _product(self, factors: list[int]) -> int:
        if not factors:
            return self.const(1)
        return factors[0] if len(factors) == 1 else self.apply(MUL, *factors)

    def _chain(self, base: int, n: int, half: bool) -> int:
        """base**n, or base**(n + 1/2), by repeated squaring: the squares are shared with other powers."""
        factors = factors_of_power(base, n, lambda square: self.apply(MUL, square, square))
        return self._product([*factors, self.sqrt(base)] if half else factors)


_SMALL_NUMERATOR = 2**20  # what is multiplied by it overflows 2**20 times earlier, and integers sooner
_LOOKED = 16  # nodes that are looked at to find whether something can be negative
