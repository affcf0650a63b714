"""A program over arrays, as plain NumPy: what `source` shows, and what small arrays run."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .._kinds import BOOL, COMPLEX, INT, REAL
from .._program.bounds import may_overflow
from .._program.ir import CONST, Program, is_real_constant
from .._program.ops import NE
from .._program.walk import in_turn
from .._runtime.complexes import divided_by_real
from .._runtime.selection import piecewise, piecewise_of_rank, where
from .._runtime.special.pointwise import Pointwise
from .common import AT_ONCE, ATOM, BITAND, BITOR, BITXOR, MANY, PRECEDENCE, Emitter, as_tuple, broken, symbol
from .suites import Source, Suite, Text
from .temporaries import recycled
from .turns import Turn, turns


_DTYPES = {INT: "int64", REAL: "float64", COMPLEX: "complex128"}
_LOGIC = {"&": BITAND, "|": BITOR, "^": BITXOR}


def emit_arrays(
    program: Program,
    parameter_kinds: Sequence[int],
    roots: Sequence[int] | None = None,
    checked: bool = True,
    given: Sequence[int] | None = None,
    doubles: bool = False,
) -> Source:
    """Source over NumPy.

    Args:
        program: what is written.
        parameter_kinds: the kinds of the arguments.
        roots: the nodes that the function gives, as a tuple; None for the results, a single one as it is.
        checked: whether operations on integers look for overflow.
        given: the nodes whose values the function takes; None for the parameters.
        doubles: whether all arguments are doubles: then constants are arrays of rank 0, which combine with arrays in
            less time than Python's numbers, and are not weak.
    """
    return (DoubleEmitter if doubles else ArrayEmitter)(program, parameter_kinds, checked).source(roots, given)


class ArrayEmitter(Emitter):
    """Writes NumPy expressions."""

    scalars = False
    module = "np"

    def __init__(self, program: Program, parameter_kinds: Sequence[int], checked: bool = True) -> None:
        super().__init__(program, parameter_kinds, checked)
        self.has_complex = max(self.kinds, default=0) >= COMPLEX  # may any number be complex?

    def source(self, roots: Sequence[int] | None = None, given: Sequence[int] | None = None) -> Source:
        """The whole."""
        results = self.program.results if roots is None else roots
        at_hand = self.parameters() if given is None else self.named(given)
        parameters = self.program.parameters if given is None else [name for name, _ in at_hand.values()]
        suite = Suite([], "    ", at_hand)
        body = suite
        if self.place.has_deep:
            # Where guards nest too deeply all arms are computed, so that warnings would be of elements nobody selected.
            body = suite.inside()
            body.silent = True
        self.run(body, results, self.program.results if given is None else None)
        texts = [body.text[n][0] for n in results]
        body.add(f"return {texts[0] if len(texts) == 1 and roots is None else as_tuple(texts)}")
        lines, _ = recycled(body.lines)
        if body is not suite:
            lines = ['    with np.errstate(all="ignore"):', *lines]
        head = f"def {self.name}({', '.join(parameters)}):"
        return Source("\n".join([head, *self.functions, *lines]) + "\n", self.name, self.namespace)

    def turns(
        self, suite: Suite, roots: Sequence[int], uses: Mapping[int, int]
    ) -> tuple[Iterable[Turn], Container[int]]:
        args, ops = self.args, self.ops
        wide = [n for n in uses if len(args[n]) > MANY and ops[n].form in PRECEDENCE and not self.is_checked(n)]
        if not wide:
            return super().turns(suite, roots, uses)
        suite.text |= {n: self.const(n) for n in uses if ops[n] is CONST}
        order = sorted(uses.keys() - suite.text.keys())
        # The first term may have the highest number, as it is the one that is not negative.
        if any(args[n][0] > args[n][1] and args[n][0] not in suite.text for n in wide):
            at_hand = uses.keys() | suite.text.keys()
            order = in_turn([*roots, *order], lambda n: [o for o in self.place.reads(n, at_hand) if o in uses])
        users = {a: n for n in wide for a in args[n] if uses.get(a) == 1}
        steps = {n: [args[n][i : i + AT_ONCE] for i in range(0, len(args[n]), AT_ONCE)] for n in wide}
        return turns(order, steps, users, suite.text), users

    def write(self, suite: Suite, node: int) -> Text:
        op, args = self.ops[node], self.args[node]
        if op.exact is not None and may_overflow(self.program, self.kinds, node, self.checked):
            return self._checked(suite, node, op.exact)
        if op is NE and self.kinds[args[0]] == BOOL and self.data[args[1]] == 0 and self.ops[args[1]] is CONST:
            return suite.text[args[0]]  # to compare it with an integer, NumPy would make it one
        special = self._of_complex(suite, node) if self.has_complex else None
        return super().write(suite, node) if special is None else special

    def _of_complex(self, suite: Suite, node: int) -> Text | None:
        """The text of a node for which it matters that an operand may be complex; None if it does not."""
        op, args = self.ops[node], self.args[node]
        if self.may_be_on_a_cut(node):
            assert op.cut is not None
            return f"{self.inject(op.cut.__name__, op.cut)}({', '.join([suite.text[a][0] for a in args])})", ATOM
        if self.is_over_real(node):
            divide = self.inject(divided_by_real.__name__, divided_by_real)
            return f"{divide}({suite.text[args[0]][0]}, {suite.text[args[1]][0]})", ATOM
        if op.form == "quotient" and COMPLEX in (self.kinds[args[0]], self.kinds[args[1]]):
            # 1j*x is Python's number where x is a scalar of NumPy's, and Python divides nothing by zero.
            return f"np.divide({suite.text[args[0]][0]}, {suite.text[args[1]][0]})", ATOM
        return None

    def may_be_on_a_cut(self, node: int) -> bool:
        """May an operand be complex, so that the sign of a zero part would choose the side of a branch cut?"""
        return self.ops[node].cut is not None and any(self.kinds[a] & COMPLEX for a in self.args[node])

    def is_over_real(self, node: int) -> bool:
        """Are these complex numbers over a constant that is real, and not 0?"""
        if self.ops[node].form != "quotient":
            return False
        above, below = self.args[node]
        return self.kinds[above] == COMPLEX and is_real_constant(self.program, below)

    def is_checked(self, node: int) -> bool:
        """May this be an operation on integers that could overflow?"""
        return may_overflow(self.program, self.kinds, node, self.checked)

    def _checked(self, suite: Suite, node: int, function: Callable[..., Any]) -> Text:
        data = self.data[node]
        # The data of a sum are its signs, which are one argument; of all else each item is one.
        extra = [self.literal(data)] if self.ops[node].form == "sum" else [self.literal(item) for item in data or ()]
        texts = extra + [suite.text[a][0] for a in self.args[node]]
        return f"{self.inject(function.__name__, function)}({', '.join(texts)})", ATOM

    def logic(self, suite: Suite, node: int) -> Text:
        sign = symbol(self.ops[node])
        precedence = _LOGIC[sign]
        parts = [self.within(suite, a, precedence + 1) for a in self.args[node]]
        return self.chain(suite, [parts[0], *(f" {sign} {p}" for p in parts[1:])]), precedence

    # -- selection ---------------------------------------------------------------------------------------------------

    def select(self, suite: Suite, node: int) -> Text:
        if self.place.is_deep(node):
            return self._where(suite, node)
        return self._select_cheap(suite, node) if self.place.is_cheap(node) else self._select_guarded(suite, node)

    def _where(self, suite: Suite, node: int) -> Text:
        texts = [suite.text[a][0] for a in self.args[node]]
        rank = self.program.rank[node]
        # NumPy would pair axes from the right; a matrix has its own on the left.
        begin = f"{self.inject('where', where)}({rank}, " if rank else "np.where("
        text = texts[-1]
        # From the last condition to the first, so that the first true one is outermost and decides.
        for i in range(len(texts) - 3, -1, -2):
            text = f"{begin}{texts[i]}, {texts[i + 1]}, {text})"
        return text, ATOM

    def _select_cheap(self, suite: Suite, node: int) -> Text:
        """All arms, then np.where; overflow is silenced, for it need not be in what is selected."""
        args = self.args[node]
        if suite.silent or not self.place.may_warn(args[1:], suite.text):
            self.run(suite, args)
            return self._where(suite, node)
        inside = suite.inside()
        inside.silent = True
        self.run(inside, args)
        text = self.assign(inside, self._where(inside, node)[0])
        suite.add('with np.errstate(all="ignore"):')
        suite.lines += inside.lines
        return text

    def _select_guarded(self, suite: Suite, node: int) -> Text:
        """Each arm a function of the elements that it is selected for."""
        args = self.args[node]
        captured = self.place.captured(args[1:], suite.text)
        texts = [
            as_tuple(self.live(suite, captured)),
            self.literal(tuple(self.program.rank[n] for n in captured)),
            as_tuple(self._samples(suite, node)),
            suite.text[args[0]][0],
        ]
        for i, a in enumerate(args[1:], 1):
            # A constant arm needs no function: it is the same for all elements.
            if self.ops[a] is CONST:
                texts.append(self.constant(self.data[a])[0])
            elif not i % 2 and i < len(args) - 1 and self.place.only_compares(a, suite.text):
                # To compare all elements costs less than to pick those that are left.
                self.run(suite, (a,))
                texts.append(suite.text[a][0])
            else:
                texts.append(self.function(suite, captured, a))
        rank = self.program.rank[node]
        if rank:
            return broken(suite, self.inject("piecewise_of_rank", piecewise_of_rank), [str(rank), *texts]), ATOM
        return broken(suite, self.inject("piecewise", piecewise), texts), ATOM

    def _samples(self, suite: Suite, node: int) -> list[str]:
        """Values whose common dtype is the least that the selection has, whatever arms are evaluated."""
        found: dict[str, None] = {}
        for arm in _values_of_selection(self.args[node]):
            kinds = self.kinds[arm]
            least = {BOOL: "False", INT: "0", COMPLEX: "0j"}.get(kinds, "" if kinds & (BOOL | INT) else "0.0")
            if kinds == INT and self.ops[arm] is not CONST:
                least = "np.int64(0)"  # what is computed is not weak
            if kinds not in (BOOL, INT):
                found |= dict.fromkeys(self._sources_of_dtype(suite, arm))
            if least:
                found[least] = None
        return list(found)

    def _sources_of_dtype(self, suite: Suite, arm: int) -> Iterator[str]:
        """What is at hand whose precision the arm has: not what only conditions depend on, nor floats behind integers.

        A complex number is taken by its real part, where what is made of it is real.
        """
        todo, seen = [(arm, False, False)], set()
        while todo:
            node, real, whole = todo.pop()
            kinds = self.kinds[node]
            # Both facts only grow on the way down, so each node is looked at four times at most.
            real |= not kinds & COMPLEX
            whole |= not kinds & (REAL | COMPLEX)
            if (node, real, whole) in seen or kinds == BOOL or self.ops[node] is CONST:
                continue
            seen.add((node, real, whole))
            if node in suite.text:
                if not (whole and kinds & (REAL | COMPLEX)):
                    text, precedence = suite.text[node]
                    text = text if precedence == ATOM else f"({text})"
                    yield f"{text}.real" if real and kinds & COMPLEX else text
                continue
            values: Sequence[int] = self.args[node]
            if self.ops[node].form == "select":
                values = _values_of_selection(values)
                if all(self.ops[a] is CONST for a in values):  # an array of them is not weak any more
                    yield f"np.{'float64' if real and kinds == COMPLEX else _DTYPES[kinds]}(0)"
            todo += [(a, real, whole) for a in values]


_NEGATIVE = re.compile(r"-(c\d+)\b")
_BOXING = frozenset({"sum", "product", "quotient", "compare"})


class DoubleEmitter(ArrayEmitter):
    """Knows that all arguments are doubles: a constant that meets nothing else may be a double, too.

    Functions of SciPy are called as they are, where they need no second look.
    """

    def __init__(self, program: Program, parameter_kinds: Sequence[int], checked: bool = True) -> None:
        super().__init__(program, parameter_kinds, checked)
        self.boxes: dict[str, str] = {}
        self.unboxed: set[int] = set()
        all_constants = {node for node, op in enumerate(self.ops) if op is CONST}
        for op, args in zip(self.ops, self.args, strict=True):
            if all_constants.isdisjoint(args):
                continue
            constants = all_constants.intersection(args)
            if op.form not in _BOXING or any([self.kinds[a] != REAL for a in args if a not in constants]):  # noqa: C419
                self.unboxed |= constants
        self.unboxed.update(program.results)

    def const(self, node: int) -> Text:
        value = self.data[node]
        if node in self.unboxed or type(value) not in (int, float):
            return super().const(node)
        return self._box(float(value)), ATOM

    def _box(self, value: float) -> str:
        text = repr(value)  # 0.0 equals -0.0
        name = self.boxes.get(text)
        if name is None:
            name = self.boxes[text] = self.names.numbered("c")
            self.namespace[name] = np.array(value)
        return name

    def write(self, suite: Suite, node: int) -> Text:
        op, args = self.ops[node], self.args[node]
        if isinstance(op.numpy, Pointwise) and all(self.kinds[a] == REAL and self.ops[a] is not CONST for a in args):
            function = op.numpy.of_doubles
            if function is not None and getattr(function, "nin", len(args)) == len(args):
                return f"{self.inject(op.name, function)}({', '.join([suite.text[a][0] for a in args])})", ATOM
        text, precedence = super().write(suite, node)
        # Of a number in the text, Python takes the negative when it compiles; of a name, NumPy would in each call.
        if text.startswith("-c") and (begins := _NEGATIVE.match(text)) and begins[1] in self.boxes.values():
            text = self._box(-float(self.namespace[begins[1]])) + text[begins.end() :]
        return text, precedence


def _values_of_selection(args: Sequence[int]) -> list[int]:
    """What may be selected, of condition, value, ..., condition, value, value."""
    return [*args[1::2], args[-1]]
