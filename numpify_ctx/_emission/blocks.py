"""A program over one block of arrays: ufuncs that write into buffers, which are used again as soon as they are free.

Every node of the straight run becomes one statement or a few, `np.multiply(x, b0, out=b1)`; a buffer is free after
the last statement that reads it, and a sum takes each term as soon as it is there (see `turns`). What is no ufunc (a
selection under guards, a function of our own) is written as in plain NumPy, and allocates; it may hand back one of its
operands, so that their buffers stay taken as long as it is needed.

The dtype of each node, and so of each buffer, is what NumPy itself gives, on samples of one element. A *pattern* is
a bit mask of the axes of the result along which a value varies.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._kinds import INT
from .._program.ir import CONST, Program
from .._program.walk import in_turn, reach
from .._runtime.complexes import divided_by_real
from .arrays import ArrayEmitter
from .common import ATOM
from .suites import Suite
from .temporaries import recycled
from .turns import Turn, turns


# Whose operands all become one dtype, so that a Python constant may be put into an array of it beforehand.
_UNIFORM = frozenset({
    np.add, np.subtract, np.multiply, np.divide, np.negative, np.power, np.minimum, np.maximum, np.arctan2,
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor,
})  # fmt: skip

_FLOATS = frozenset("bfc")  # kinds of dtypes: with booleans, and complex numbers

Buffer = tuple[np.dtype[Any], int]  # dtype and pattern


@dataclass(frozen=True, slots=True)
class BlockSource:
    """Source of a function of inputs, buffers and outputs, in this order; it fills the outputs.

    Attributes:
        inputs: the nodes whose values it takes.
        buffers: the buffers that it needs.
        outputs: the dtype of each output.
        width: bytes of an element, where it is longest.
    """

    text: str
    name: str
    namespace: dict[str, Any]
    inputs: tuple[int, ...]
    buffers: tuple[Buffer, ...]
    outputs: tuple[np.dtype[Any], ...]
    width: int


class NotInBlocks(Exception):
    """What was asked for is not the same block by block."""


def emit_blocks(
    program: Program,
    parameter_kinds: Sequence[int],
    roots: Sequence[int],
    given: Mapping[int, int],
    samples: Mapping[int, Any],
    full: int,
    checked: bool = True,
) -> BlockSource:
    """Source that computes `roots` in blocks.

    Args:
        program: what they are nodes of.
        parameter_kinds: as for `emit_arrays`.
        roots: one node for each output.
        given: the pattern of each node that is computed outside.
        samples: one element of each node, with its dtype.
        full: the pattern of the outputs.
        checked: as for `emit_arrays`.
    Raises:
        NotInBlocks: integers may become floats, in one block and not in another.
    """
    return _BlockEmitter(program, parameter_kinds, given, samples, roots, full, checked).block_source()


@dataclass(frozen=True, slots=True)
class _Step:
    """One call of a ufunc, or of what has an `out`. An operand is a node, or None for what the step before gave."""

    ufunc: Callable[..., Any]
    operands: tuple[int | None, ...]


@dataclass(slots=True)
class _InPlace:
    """A node that is computed by steps: what each of them gives, and where what came of them so far is."""

    steps: Sequence[_Step]
    dtypes: Sequence[np.dtype[Any]]
    value: str = ""
    pattern: int = 0

    def reads(self) -> list[list[int]]:
        """The operands of each step."""
        return [[operand for operand in step.operands if operand is not None] for step in self.steps]


class _BlockEmitter(ArrayEmitter):
    def __init__(
        self,
        program: Program,
        parameter_kinds: Sequence[int],
        given: Mapping[int, int],
        samples: Mapping[int, Any],
        roots: Sequence[int],
        full: int,
        checked: bool,
    ) -> None:
        super().__init__(program, parameter_kinds, checked)
        self.roots = roots
        self.full = full
        self.samples = samples
        self.patterns = dict(given)
        self.given = self.named(given)
        inside = self.place.closure(roots, self.given)
        at_hand = self.given.keys() | inside
        self.reads = {node: self.place.reads(node, at_hand) for node in sorted(inside)}
        # Not as they are numbered: the first term of a sum may have the highest number, as it is the one not negative.
        self.order = in_turn(roots, lambda node: [n for n in self.reads[node] if n in inside])
        self.outputs = {root: self.names.numbered("out") for root in roots}
        self.buffers: dict[str, Buffer] = {}
        self.places: dict[str, Buffer] = {}  # the buffers, and an output that serves as one
        self.free: dict[Buffer, list[str]] = {}
        self.held: dict[int, str] = {}  # node -> its buffer
        self.boxes: dict[Any, str] = {}
        # What may be integers in one block and floats in another fits no buffer of integers; nor does what it leads to.
        below = reach(roots, self.args.__getitem__, self.given)
        self.kinds_in_place = _FLOATS if any(map(self._is_unsteady, below)) else _FLOATS | {"i"}
        self._infer_patterns()

    def block_source(self) -> BlockSource:
        """The whole."""
        # One block would hold integers and the next one floats, in one output.
        if any(self.samples[r].dtype.kind in "iu" for r in self.roots) and self.kinds_in_place == _FLOATS:
            raise NotInBlocks
        self._lend_output()
        with np.errstate(all="ignore"):  # each ufunc is tried on the samples
            suite = Suite([], "    ", dict(self.given), self.place.has_deep)
            head = []
            if suite.silent:
                head = ['    with np.errstate(all="ignore"):']
                suite.indent += "    "
            written = self._statements(suite)
        for root, output in self.outputs.items():
            if root not in written:
                suite.add(f"np.copyto({output}, {suite.text[root][0]})")
        read = {operand for reads in self.reads.values() for operand in reads}
        inputs = [node for node in self.given if node in read]
        names = [*(self.given[node][0] for node in inputs), *self.buffers, *self.outputs.values()]
        lines = [f"def {self.name}({', '.join(names)}):", *self.functions, *head, *recycled(suite.lines, few=0)[0]]
        dtypes = tuple(self.samples[r].dtype for r in self.outputs)
        buffers = tuple(self.buffers.values())
        # The widest element is what blocks are sized by; a pattern of 0 is one element, whatever the block.
        used = [self.samples[node].dtype for node in inputs if self.patterns[node]]
        width = max(dtype.itemsize for dtype in [*used, *dtypes, *(dtype for dtype, _ in buffers), np.dtype(np.int32)])
        text = "\n".join(lines) + "\n"
        return BlockSource(text, self.name, self.namespace, tuple(inputs), buffers, dtypes, width)

    def _is_unsteady(self, node: int) -> bool:
        """Are these integers that become floats if some are too large, or are no integers at some points?"""
        if self.is_checked(node):
            return True
        op = self.ops[node]
        return op.form == "call" and bool(self.kinds[node] & INT) and not op.within and op.ufunc is None

    # -- facts -------------------------------------------------------------------------------------------------------

    def _infer_patterns(self) -> None:
        for node in self.order:
            pattern = 0
            for operand in self.reads[node]:
                pattern |= self.patterns[operand]
            self.patterns[node] = pattern

    def _last_reads(self, order: Sequence[Turn], steps: Mapping[int, Sequence[Sequence[int]]]) -> dict[int, int]:
        """In which turn each value is read last.

        What is not computed in place may be one of its operands, or a view of it: then these are read with it.
        """
        # The roots are read after all nodes.
        last: dict[int, int] = dict.fromkeys(self.roots, len(order))
        # Backwards: users come before their operands, and hand their own last reads down.
        for i in range(len(order) - 1, -1, -1):
            node, begin, end = order[i]
            is_in_place = node in steps
            until = i if is_in_place else max(i, last.get(node, i))
            read = itertools.chain(*steps[node][begin:end]) if is_in_place else self.reads[node]
            for operand in read:
                last[operand] = max(until, last.get(operand, 0))
        return last

    # -- statements --------------------------------------------------------------------------------------------------

    def _statements(self, suite: Suite) -> set[int]:
        """Write all nodes; which of the roots are in their outputs then."""
        in_place = {node: found for node in self.order if (found := self._in_place(node))}
        steps = {node: found.reads() for node, found in in_place.items()}
        constants = [node for node in self.order if self.ops[node] is CONST]
        suite.text |= {node: self.constant(self.data[node]) for node in constants}
        uses = Counter(itertools.chain(*self.reads.values(), self.roots))
        users = {a: node for node, its_steps in steps.items() for step in its_steps for a in step if uses[a] == 1}
        order = list(turns(self.order, steps, users, [*self.given, *constants]))
        last = self._last_reads(order, steps)
        ending: dict[int, list[int]] = {}
        for operand, turn in last.items():
            ending.setdefault(turn, []).append(operand)
        written: set[int] = set()
        silenced = set() if suite.silent else self.place.silenced(self.order, self.program.results)
        outer, quiet = suite, None
        for i, (node, begin, end) in enumerate(order):
            if self.ops[node] is CONST:
                continue
            if silenced:
                suite = quiet = self.turned(outer, quiet, node in silenced)
            if node in in_place:
                dying = set(ending.get(i, ()))
                name = self._write_steps(suite, node, in_place[node], range(begin, end), dying)
                suite.text[node] = name, ATOM
                if name == self.outputs.get(node) and end == len(in_place[node].steps):
                    written.add(node)
            else:
                # What is within a guard may read buffers that others will write to: none of it stays at hand.
                inner = Suite(suite.lines, suite.indent, dict(suite.text), suite.silent)
                suite.text[node] = self.assign(inner, self.write(inner, node)[0])
            for operand in ending.get(i, ()):
                self._release(operand)
        self.turned(outer, quiet, False)
        return written

    def _in_place(self, node: int) -> _InPlace | None:
        """The calls that compute a node; None if it is not made of ufuncs, or of integers that may overflow."""
        steps = self._steps(node)
        if steps is None or (self.is_checked(node) and all(map(self._is_whole, self.args[node]))):
            return None
        dtypes = self._dtypes(steps)
        return _InPlace(steps, dtypes) if all(dtype.kind in self.kinds_in_place for dtype in dtypes) else None

    def _is_whole(self, node: int) -> bool:
        """Is this an integer?"""
        return bool(np.asarray(self.samples[node]).dtype.kind in "biu")

    def _dtypes(self, steps: Sequence[_Step]) -> list[np.dtype[Any]]:
        """What each step gives."""
        found: list[np.dtype[Any]] = []
        value: Any = None
        for step in steps:
            value = step.ufunc(*(value if a is None else self.samples[a] for a in step.operands))
            found.append(value.dtype)
        return found

    def _steps(self, node: int) -> list[_Step] | None:
        op, args, data = self.ops[node], self.args[node], self.data[node]
        if self.may_be_on_a_cut(node):
            return None
        if self.is_over_real(node):
            return [_Step(divided_by_real, args)]
        match op.form:
            case "sum":
                return _sum_steps(args, data)
            case "product":
                return _chain(np.multiply, args)
            case "logic" if op.ufunc is not None:
                return _chain(op.ufunc, args)
            case "quotient" | "negative" | "compare" | "call" if op.ufunc is not None and not data:
                return [_Step(op.ufunc, args)]
        return None

    def _write_steps(self, suite: Suite, node: int, found: _InPlace, which: range, dying: set[int]) -> str:
        """The statements of some steps of a node; where its value is then."""
        steps, dtypes = found.steps, found.dtypes
        final: Buffer = dtypes[-1], self.patterns[node]
        goal = self.outputs.get(node) if final[1] == self.full else None
        value, pattern = found.value, found.pattern
        last = {operand: i for i in which for operand in steps[i].operands if operand is not None}
        for i in which:
            step = steps[i]
            for operand in step.operands:
                pattern |= 0 if operand is None else self.patterns[operand]
            # Freed before the step that reads it last, which may write to it: ufuncs go element by element.
            for operand in step.operands:
                if operand is not None and operand in dying and last[operand] == i:
                    self._release(operand)
            samples = [np.ones(1, dtypes[i - 1]) if a is None else self.samples[a] for a in step.operands]
            texts = [value if a is None else self._operand(suite, a, step, samples) for a in step.operands]
            kind: Buffer = dtypes[i], pattern
            # Lent as a buffer, the output may hold what a later step still reads; after the last step there is none.
            if goal is not None and kind == final and (goal not in self.places or i == len(steps) - 1):
                target = goal
            elif self.places.get(value) == kind:
                target = value
            else:
                target = self._acquire(kind)
            if target != value:
                self._free(value)
            suite.add(f"{self._function_name(step.ufunc)}({', '.join(texts)}, out={target})")
            value = target
        found.value, found.pattern = value, pattern
        if value in self.places:
            self.held[node] = value
        return value

    def _operand(self, suite: Suite, node: int, step: _Step, samples: Sequence[Any]) -> str:
        """How a step writes an operand: a constant as an array of the dtype in which NumPy would compute."""
        if self.ops[node] is not CONST:
            return suite.text[node][0]
        # Once for all blocks: a ufunc converts a Python number at each call.
        if step.ufunc in _UNIFORM:
            dtype = np.result_type(*samples)
            if dtype.kind in "fc":
                return self._box(self.data[node], dtype)
        return suite.text[node][0]

    def _box(self, value: Any, dtype: np.dtype[Any]) -> str:
        # By its text, as 0.0 equals -0.0, and nan not even itself.
        key = (repr(value), dtype)
        if key not in self.boxes:
            name = self.boxes[key] = self.names.numbered("c")
            self.namespace[name] = np.array(value, dtype)
        return self.boxes[key]

    def _function_name(self, ufunc: Callable[..., Any]) -> str:
        return f"np.{ufunc.__name__}" if getattr(np, ufunc.__name__, None) is ufunc else self.inject("ufunc", ufunc)

    # -- buffers -----------------------------------------------------------------------------------------------------

    def _lend_output(self) -> None:
        """Let the only output be a buffer until it is filled, by the last node; it overlaps no input."""
        if len(self.outputs) == 1:
            [(root, output)] = self.outputs.items()
            # A smaller result is broadcast into its output at the end, which is no buffer for it.
            if self.patterns[root] == self.full:
                self.places[output] = self.samples[root].dtype, self.full
                self._free(output)

    def _acquire(self, kind: Buffer) -> str:
        free = self.free.get(kind)
        if free:
            # The one that was freed last, which is still in the cache.
            return free.pop()
        name = self.names.numbered("b")
        self.buffers[name] = self.places[name] = kind
        return name

    def _free(self, name: str) -> None:
        if name in self.places:
            self.free.setdefault(self.places[name], []).append(name)

    def _release(self, node: int) -> None:
        self._free(self.held.pop(node, ""))


def _chain(ufunc: np.ufunc, args: Sequence[int]) -> list[_Step] | None:
    if len(args) < 2:
        return None
    return [_Step(ufunc, (args[0], args[1])), *(_Step(ufunc, (None, a)) for a in args[2:])]


def _sum_steps(terms: Sequence[int], negative: Sequence[bool]) -> list[_Step] | None:
    """As NumPy would from the left; but -a + b is b - a, which is the same number."""
    if len(terms) < 2:
        return None
    match negative[0], negative[1]:
        case (True, True):
            steps = [_Step(np.negative, (terms[0],)), _Step(np.subtract, (None, terms[1]))]
        case (True, False):
            steps = [_Step(np.subtract, (terms[1], terms[0]))]
        case (False, minus):
            steps = [_Step(np.subtract if minus else np.add, (terms[0], terms[1]))]
    for term, minus in zip(terms[2:], negative[2:], strict=True):
        steps.append(_Step(np.subtract if minus else np.add, (None, term)))
    return steps
