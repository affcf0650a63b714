"""Where each node of a program is computed: at once, under a guard, or within a loop.

Law: a node that every path through a selection needs is computed before it, once; any other is computed inside
the arms that use it, also if several do. So sharing never takes a node out of its guard, and a guard never hides
what is needed anyway. (And and Or need none of their operands, as another one may decide.) What does not depend on
the variable of a loop is computed before the loop.

And which nodes are computed with warnings silenced: those that only operands of And and Or need. Any of these may
decide alone, SymPy orders them as it likes, and so none may complain about elements that another one decides.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from .bounds import may_overflow
from .ir import BOUND, CONST, PARAM, Op, Program, Region
from .ops import ADD, AND, MUL, NOT, OR
from .walk import reach


DEEP_GUARDS = 24  # selections nested deeper are computed by evaluating all their arms: no nesting overflows a stack
CHEAP_ARMS = 24  # arms of no more cheap operations than this are computed everywhere and selected from
_LEAVES = (CONST, PARAM, BOUND)
_GATES = (AND, OR)
_TESTS = ("compare", "logic")
_QUIET_FORMS = (*_TESTS, "negative")


class Placement:
    """The plan for one program, for scalars or for arrays.

    For scalars a guard is an `if`, and always worth it; for arrays one pass over memory is cheaper than a guard.
    """

    def __init__(self, program: Program, kinds: Sequence[int], scalars: bool, checked: bool = True) -> None:
        self.program = program
        self.kinds = kinds
        self.scalars = scalars
        self.checked = checked
        self.has_deep = False
        self._depth: list[int] = []  # how deep guards nest at and below each node
        self._cheap: list[int] = []  # how many operations it takes, if all are cheap; else more than CHEAP_ARMS
        self._needs: dict[int, tuple[int, ...]] = {}  # where that is not simply the operands
        ops = set(program.ops)
        self.is_straight = not any(op.lazy for op in ops) and Region not in set(map(type, program.data))
        self._has_gates = any(gate in ops for gate in _GATES)
        if self.is_straight:
            return  # there is nothing that anything could be placed inside of
        for node, op in enumerate(program.ops):
            self._measure(node)
            if op.lazy:
                self._needs[node] = self._needs_of_selection(node)
            elif type(program.data[node]) is Region:
                self._needs[node] = self._needs_of_region(node)

    def needs(self, node: int) -> tuple[int, ...]:
        """What is computed before `node`, whatever the values are."""
        return self._needs[node] if node in self._needs else self.program.args[node]

    def inner(self, node: int) -> tuple[int, ...]:
        """The operands of `node` that are placed inside it: the arms of a selection, the body of a sum."""
        if self.is_straight:
            return ()
        if type(self.program.data[node]) is Region:
            return self.program.args[node][-1:]
        if not self.program.ops[node].lazy or self.is_deep(node):
            return ()
        # For scalars the first condition is inside, too: it is written in the `if` itself.
        return self.program.args[node][0 if self.scalars else 1 :]

    def is_deep(self, node: int) -> bool:
        """Is this selection nested too deeply to be guarded? Then its warnings must be silenced."""
        return self._depth[node] > DEEP_GUARDS

    def is_cheap(self, node: int) -> bool:
        """Are the arms of this selection not worth a guard?"""
        return not self.scalars and self._cheap[node] <= CHEAP_ARMS

    def depth(self, node: int) -> int:
        """How deep guards nest at and below `node`."""
        return self._depth[node]

    def closure(self, roots: Iterable[int], known: Container[int] = ()) -> set[int]:
        """What must be computed to have `roots`, short of `known` and of what is placed inside other nodes."""
        return reach(roots, self.needs if self._needs else self.program.args.__getitem__, known)

    def captured(self, roots: Iterable[int], at_hand: Container[int]) -> list[int]:
        """The nodes `at_hand` that are used on the way to `roots`, guarded or not; constants are not counted."""
        args, needs = self.program.args, self._needs

        def operands(node: int) -> tuple[int, ...]:
            # A nested selection may need a node that its operands reach only through one that is at hand.
            return () if node in at_hand else needs.get(node, ()) + args[node]

        return sorted(n for n in reach(roots, operands) if n in at_hand and self.program.ops[n] is not CONST)

    def reads(self, node: int, at_hand: Container[int]) -> list[int]:
        """What a node reads of what is `at_hand`: its operands, or what those placed inside it read."""
        inner, direct = self.inner(node), self.program.args[node]
        if not inner:
            return list(direct)
        return [*direct[: len(direct) - len(inner)], *self.captured(inner, at_hand)]

    def may_warn(self, roots: Iterable[int], known: Container[int]) -> bool:
        """Can the cheap operations on the way to `roots` overflow?"""
        return any(self.program.ops[n] in (ADD, MUL) for n in reach(roots, self.program.args.__getitem__, known))

    def only_compares(self, root: int, known: Container[int]) -> bool:
        """Are there but comparisons, and logic, on the way to `root`? They cost little, and never warn."""
        ops = [self.program.ops[n] for n in reach((root,), self.program.args.__getitem__, known)]
        return all(op in _LEAVES or op is NOT or op.form in _TESTS for op in ops)

    def silenced(self, local: Iterable[int], deciders: Iterable[int], known: Container[int] = ()) -> set[int]:
        """Which of the nodes `local` may warn of what decides nothing about `deciders`, and the gates that use them."""
        if not self._has_gates:
            return set()
        ops, args = self.program.ops, self.program.args
        deciding = reach(deciders, self._decisive_operands, known)
        found: set[int] = set()
        # In the order of numbers: operands are judged before their users.
        for node in sorted(local):
            shaded = node not in deciding
            if (shaded and self._is_noisy(ops[node])) or (
                (shaded or ops[node] in _GATES) and not found.isdisjoint(args[node])
            ):
                found.add(node)
        return found

    def _is_noisy(self, op: Op) -> bool:
        """May it warn?"""
        if op in _LEAVES or op is NOT or op.form in _QUIET_FORMS:
            return False
        # What Python computes by itself raises instead, and the call is made anew over arrays.
        return not self.scalars or (op.form == "call" and op.math is None)

    def _measure(self, node: int) -> None:
        op, args = self.program.ops[node], self.program.args[node]
        if not args:
            self._cheap.append(0 if op in _LEAVES else CHEAP_ARMS + 1)
            self._depth.append(0)
            return
        count = 1
        below = 0
        for a in args:
            count += self._cheap[a]
            below = max(below, self._depth[a])
        # What is checked for overflow must see no element that is not selected: one alone makes all of them floats.
        checked = not self.scalars and may_overflow(self.program, self.kinds, node, self.checked)
        cheap = (op.cheap and not checked) or (op.lazy and not self.scalars and count <= CHEAP_ARMS)
        self._cheap.append(min(count, CHEAP_ARMS + 1) if cheap else CHEAP_ARMS + 1)
        if op.lazy and not self.is_cheap(node):
            below = max(self._depth[args[0]], 1 + max(self._depth[a] for a in args[1:]))
            self.has_deep |= below > DEEP_GUARDS
        self._depth.append(below)

    def _needs_of_selection(self, node: int) -> tuple[int, ...]:
        """The first condition, and what every path through the arms computes."""
        args = self.program.args[node]
        if self.is_deep(node):
            return args
        first = args[:1]
        if self.scalars:
            # The test itself stands in the `if`, so what it is made of is computed before.
            first = tuple(a for a in self.program.args[args[0]] if self.program.args[a])
        # Each path needs the tests up to its own, and its value; what is in all paths is computed before.
        tested: set[int] = set()
        common: set[int] | None = None
        for test, value in zip((None, *args[2:-1:2], None), (*args[1:-1:2], args[-1]), strict=False):
            if test is not None:
                tested = tested | self._decisive(test)
            path = tested | self._decisive(value)
            common = path if common is None else common & path
            if not common:
                break
        return (*first, *sorted(n for n in common or () if self.program.args[n]))

    def _decisive(self, node: int) -> set[int]:
        """What any computation of `node` needs: not the operands of And and Or, of which one may decide alone."""
        return reach((node,), self._decisive_operands)

    def _decisive_operands(self, node: int) -> tuple[int, ...]:
        return () if self.program.ops[node] in _GATES else self.needs(node)

    def _needs_of_region(self, node: int) -> tuple[int, ...]:
        """The other operands, and what in the body does not depend on the bound variables."""
        *others, body = self.program.args[node]
        bound = 0
        for variable in self.program.data[node].bound:
            bound |= self.program.deps[variable]
        deps, args = self.program.deps, self.program.args
        reached = reach((body,), lambda inside: self.needs(inside) if deps[inside] & bound else ())
        return (*others, *sorted(n for n in reached if args[n] and not deps[n] & bound))
