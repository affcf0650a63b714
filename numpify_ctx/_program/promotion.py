"""Where a value is wanted that may be complex, and the program that gives it.

Law: where a result is complex anyway, and below re, im, Abs, arg and conjugate, a function of real numbers that has no
real value is computed in complex: `I*sqrt(x)` at -2 is -sqrt(2). What is real throughout stays real: `sqrt(x)` at -2 is
nan, as NumPy has it.

A result is *complex anyway* if it is so for real arguments, as there is an I in it; or if an argument that it depends
on is complex. The first is known when compiling; for the second, a program of its own is made at the first such call.

What is complex may be wanted on the way from a result down to a node; relations and functions of real numbers alone
(atan2, Mod) end that way: what they look at stays real. A node to which both kinds of ways lead becomes two.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from .._kinds import BOOL, COMPLEX, INT, REAL
from .._runtime.complexes import Beyond
from .ir import CONST, Layout, Numpy, Op, Program, Region, infer_kinds
from .ops import ADD, DIV, MUL, NEG, POW, UNSIGNED


_COUNTED = INT | BOOL


def promoted(program: Program, complex_parameters: int = 0, everywhere: bool = False) -> Program:
    """The program that computes in complex where it has to; the same one, if that is nowhere.

    Args:
        program: the program.
        complex_parameters: a bit mask of the parameters that are complex numbers.
        everywhere: results are wanted in complex, also those that are real for real arguments.
    """
    # Of most programs it takes one look to see that no node leaves the reals, whatever the arguments are.
    if not [1 for node, op in enumerate(program.ops) if op.leaves and not _is_safe_power(program, node)]:
        return program
    # Nothing is complex for real arguments, and nobody asks for a part of what might be.
    is_real = not (everywhere or complex_parameters or COMPLEX in program.kinds)
    if is_real and not [1 for op in set(program.ops) if op.exposes]:
        return program
    count = len(program.parameters)
    kinds = infer_kinds(program, [COMPLEX if complex_parameters >> i & 1 else BOOL | INT | REAL for i in range(count)])
    leaving = [may_leave(program, kinds, node) for node in range(len(program.ops))]
    if not any(leaving):
        return program
    roots = {
        node: _COMPLEX if everywhere or program.deps[node] & complex_parameters else _REAL for node in program.results
    }
    wanted = _wanted(program, kinds, roots)
    if not any(leaves and ways & _COMPLEX for leaves, ways in zip(leaving, wanted, strict=True)):
        return program
    return _Copy(program, kinds, leaving, wanted).finish(roots)


def may_cancel(program: Program, complex_parameters: int = 0) -> list[bool]:
    """May a node, of real arguments but for those parameters in the bit mask, be real though what leads to it is not?

    Not if there is but one function that leaves the reals on the way, and the rest is its multiples and sums with real
    numbers: `2*sqrt(x) + 1` is complex where sqrt(x) is.
    """
    count = len(program.parameters)
    kinds = infer_kinds(program, [COMPLEX if complex_parameters >> i & 1 else BOOL | INT | REAL for i in range(count)])
    linear, beyond = 1, 2  # in a function that leaves the reals; in several of them, or in another way
    found: list[int] = []
    for node, (op, args) in enumerate(zip(program.ops, program.args, strict=True)):
        on_the_way = [a for a in args if found[a]]
        if may_leave(program, kinds, node):
            found.append(beyond if on_the_way else linear)
        elif not on_the_way:
            found.append(0)
        else:
            is_linear = op in (ADD, MUL, NEG, UNSIGNED) or (op is DIV and args[0] == on_the_way[0])
            found.append(linear if is_linear and len(on_the_way) == 1 and found[on_the_way[0]] == linear else beyond)
    return [state == beyond and kind != COMPLEX for state, kind in zip(found, kinds, strict=True)]


def may_leave(program: Program, kinds: Sequence[int], node: int) -> bool:
    """May this node have a complex value for operands that may be real?"""
    op, args = program.ops[node], program.args[node]
    if not op.leaves or any(kinds[a] == COMPLEX for a in args):
        return False
    if op is POW:
        return not (_is_safe_power(program, node) or not kinds[args[1]] & ~_COUNTED)
    return True


def leaving(program: Program) -> list[bool] | None:
    """Which nodes are made of what may leave the reals, of real arguments; None if nothing does."""
    if not any([op.leaves for op in set(program.ops)]):  # noqa: C419  a list is quicker
        return None
    found: list[bool] = []
    for node, (op, args) in enumerate(zip(program.ops, program.args, strict=True)):
        found.append((op.leaves and not _is_safe_power(program, node)) or any(found[a] for a in args))
    return found


def _is_safe_power(program: Program, node: int) -> bool:
    """Is it a power that is real of real numbers: of a constant that is not negative, or with a whole exponent?"""
    if program.ops[node] is not POW:
        return False
    base, exponent = program.args[node]
    if program.ops[base] is CONST and type(program.data[base]) in (int, float, bool) and program.data[base] >= 0:
        return True
    value = program.data[exponent]
    return program.ops[exponent] is CONST and type(value) in (int, float, bool) and value == value // 1


# The ways that lead to a node: a bit for each kind.
_REAL, _COMPLEX = 1, 2


def _wanted(program: Program, kinds: Sequence[int], roots: dict[int, int]) -> list[int]:
    """By which kinds of ways each node is reached from the results."""
    ways = [0] * len(program.ops)
    for node, way in roots.items():
        ways[node] |= way
    for node in range(len(ways) - 1, -1, -1):  # an operand has a smaller number than its user
        for way in (_REAL, _COMPLEX):
            if ways[node] & way:
                for position, a in enumerate(program.args[node]):
                    ways[a] |= below(program, kinds, node, position, way)
        if ways[node] and isinstance(region := program.data[node], Region):
            for variable in region.bound:  # the body need not depend on it
                ways[variable] |= _REAL
    return ways


def below(program: Program, kinds: Sequence[int], node: int, position: int, way: int) -> int:
    """The way on from a node, reached by `way`, to its operand at `position`."""
    op = program.ops[node]
    if op.real or kinds[node] == BOOL:
        return _REAL
    if type(program.data[node]) is Region and position < len(program.args[node]) - 1:
        return _REAL  # limits are real numbers
    return _COMPLEX if way == _COMPLEX or kinds[node] == COMPLEX or op.exposes else _REAL


class _Copy:
    """A program with a node for each node and way, where these differ."""

    def __init__(self, program: Program, kinds: Sequence[int], leaving: Sequence[bool], wanted: Sequence[int]) -> None:
        self.program, self.kinds, self.leaving = program, kinds, leaving
        self.ops: list[Op] = []
        self.args: list[tuple[int, ...]] = []
        self.old: list[int] = []
        self.new: dict[tuple[int, int], int] = {}
        for node, ways in enumerate(wanted):
            for way in (_REAL, _COMPLEX):
                if ways & way:
                    self._add(node, way)

    def _add(self, node: int, way: int) -> None:
        program = self.program
        op = program.ops[node]
        args = tuple(
            self.new[a, below(program, self.kinds, node, position, way)]
            for position, a in enumerate(program.args[node])
        )
        if way == _COMPLEX:
            op = in_complex(op, data_of(program.data[node])) if self.leaving[node] else op
            # Both ways came to the same computation: one node does for both.
            twin = self.new.get((node, _REAL))
            if twin is not None and self.ops[twin] is op and self.args[twin] == args:
                self.new[node, way] = twin
                return
        self.new[node, way] = len(self.ops)
        self.ops.append(op)
        self.args.append(args)
        self.old.append(node)

    def finish(self, roots: dict[int, int]) -> Program:
        """The new program; bound variables are the same nodes for both ways."""
        program, old = self.program, self.old
        data = [self._data(program.data[node]) for node in old]
        kinds: list[int] = []
        for op, args, node in zip(self.ops, self.args, old, strict=True):
            # Kinds that nothing changed are kept: a rule may have given them, and the operation infers others.
            changed = op is not program.ops[node] or any(kinds[a] != program.kinds[old[a]] for a in args)
            kinds.append(op.kinds([kinds[a] for a in args]) if changed else program.kinds[node])
        return Program(
            program.parameters,
            self.ops,
            self.args,
            data,
            [program.deps[node] for node in old],
            kinds,
            [program.rank[node] for node in old],
            self._layout(program.layout, roots),
            program.parameter_ranks,
            {number: program.large[node] for number, node in enumerate(old) if node in program.large},
        )

    def _data(self, data: object) -> object:
        if not isinstance(data, Region):
            return data
        return Region(tuple(self.new[b, _REAL] for b in data.bound), data.extra)

    def _layout(self, layout: Layout, roots: dict[int, int]) -> Layout:
        if layout.kind == "node":
            return Layout("node", self.new[layout.node, roots[layout.node]])
        return Layout(layout.kind, items=tuple(self._layout(i, roots) for i in layout.items), keys=layout.keys)


def data_of(data: object) -> int:
    """How many arguments that are no values a node with this data gives to its function."""
    return len(data) if isinstance(data, tuple) else 0


@cache
def in_complex(op: Op, data: int = 0) -> Op:
    """The operation that gives a complex number whatever it is given; `data`: see `Beyond`."""
    function = op.exact or (op.numpy.function if isinstance(op.numpy, Numpy) else op.numpy)
    assert callable(function)
    return Op(f"complex_{op.name}", Beyond(function, op.cut, data), kinds=lambda _: COMPLEX, elementwise=op.elementwise)
