"""A program over Python numbers: the functions of `math`, and conditional expressions for guards."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

import numpy as np

from .._kinds import ANY, COMPLEX, INT, REAL
from .._program.ir import BOUND, CONST, PARAM, Layout, Math, Numpy, Op, Operator, Program, Region
from .._program.ops import POW, STACK
from .._runtime import numbers
from .._runtime.numbers import FLOAT64
from .._runtime.special.pointwise import Pointwise
from .common import AND, ATOM, BITXOR, IF, MANY, OR, WIDE, Emitter, as_tuple
from .suites import Source, Suite, Text


_ARITHMETIC = frozenset({"sum", "product", "quotient", "compare"})
_LOGIC = {"and": AND, "or": OR, "^": BITXOR}


def emit_scalars(program: Program) -> Source:
    """Source over `math`, for Python numbers; raises where NumPy would warn. Gives the results, one or a tuple."""
    return ScalarEmitter(program, [ANY] * len(program.parameters)).source()


def emit_floats(program: Program) -> Source:
    """As `emit_scalars`, for arguments all of which are floats; gives the results as the caller is to have them."""
    return FloatEmitter(program, [REAL] * len(program.parameters)).source()


def emit_integers(program: Program) -> Source:
    """As `emit_floats`, for arguments all of which are Python integers."""
    return IntegerEmitter(program, [INT] * len(program.parameters)).source()


def is_exact(value: Any) -> bool:
    """Is this an integer up to which every integer is a float?

    >>> is_exact(-3), is_exact(2**53 + 1), is_exact(3.0)
    (True, False, False)
    """
    return type(value) is int and abs(value) <= 2**53


class ScalarEmitter(Emitter):
    """Writes Python expressions."""

    scalars = True
    module = "math"

    def __init__(self, program: Program, parameter_kinds: Sequence[int]) -> None:
        super().__init__(program, parameter_kinds)
        self.namespace["math"] = math

    def source(self) -> Source:
        """The whole."""
        suite = Suite([], "    ", self.parameters())
        self.run(suite, self.program.results)
        suite.add(f"return {self.returned(suite)}")
        head = f"def {self.name}({', '.join(self.program.parameters)}):"
        return Source("\n".join([head, *self.functions, *suite.lines]) + "\n", self.name, self.namespace)

    def returned(self, suite: Suite) -> str:
        """What the function gives."""
        texts = [suite.text[n][0] for n in self.program.results]
        return texts[0] if len(texts) == 1 else as_tuple(texts)

    def target(self, op: Op) -> str:
        if op.math is None:
            return super().target(op)
        if isinstance(op.math, Math):
            return f"math.{op.math.name}"
        if isinstance(op.numpy, Pointwise) and op.math == op.numpy.of_numbers:
            return self.inject(op.name, op.numpy.of_floats)
        return self.inject(op.name, op.math)

    def const(self, node: int) -> Text:
        large = self.program.large.get(node)
        # Not as text: an integer of more than 4,300 digits has none.
        return super().const(node) if large is None else (self.inject("large", large), ATOM)

    def call(self, node: int, operands: list[str]) -> Text:
        # What NumPy computes is a number of NumPy's, which would draw its promotion and warnings into all that follows.
        text = super().call(node, operands)
        made = None if self.ops[node].math is not None else self.made_python(node)
        return text if made is None else (f"{self.inject(made.__name__, made)}({text[0]})", ATOM)

    def made_python(self, node: int) -> Callable[[Any], Any] | None:
        """What makes a Python number of what a function of NumPy's gives; None for an array."""
        return None if self.program.rank[node] else numbers.python_scalar

    def logic(self, suite: Suite, node: int) -> Text:
        operator = self.ops[node].numpy
        assert isinstance(operator, Operator)
        word, precedence = operator.word, _LOGIC[operator.word]
        parts = [self.within(suite, a, precedence + 1) for a in self.args[node]]
        return self.chain(suite, [parts[0], *(f" {word} {p}" for p in parts[1:])]), precedence

    # -- selection ---------------------------------------------------------------------------------------------------

    def select(self, suite: Suite, node: int) -> Text:
        """A conditional expression if it is short, else a function that returns from the arm it comes to."""
        args = self.args[node]
        if self.place.is_deep(node):
            return self._conditional([self.arm(suite, node, a) for a in args])
        # Tried only where it may come out short: each trial emits the arms once more, and nested ones double the work.
        if len(args) <= MANY and self.place.depth(node) <= 2:
            with self.trial() as trial:
                tried = Suite([], "", dict(suite.text))
                self.run(tried, args)
                text = self._conditional([self.arm(tried, node, a) for a in args])
                if not tried.lines and len(text[0]) <= WIDE:
                    trial.keep()
                    return text
        captured = self.place.captured(args, suite.text)
        parameters = ", ".join(self.live(suite, captured))
        key = (node, tuple(captured))
        name = self.known_functions.get(key)
        if name is None:
            name = self.known_functions[key] = self._choosing(suite, node, captured, parameters)
        return f"{name}({parameters})", ATOM

    def _choosing(self, suite: Suite, node: int, captured: Sequence[int], parameters: str) -> str:
        """The name of a new function of `captured` that returns from the arm it comes to."""
        args = self.args[node]
        inner = Suite([], "        ", {n: suite.text[n] for n in captured})
        for condition, value in zip(args[:-1:2], args[1::2], strict=True):
            self.run(inner, (condition,))
            inner.add(f"if {inner.text[condition][0]}:")
            # What an arm computes is at hand in that arm only; what a condition computes is at hand in all that follow.
            arm = inner.inside()
            self.run(arm, (value,))
            arm.add(f"return {self.arm(arm, node, value)[0]}")
            inner.lines += arm.lines
        self.run(inner, args[-1:])
        inner.add(f"return {self.arm(inner, node, args[-1])[0]}")
        return self.define("choose", parameters, inner.lines)

    def arm(self, suite: Suite, node: int, operand: int) -> Text:
        """An operand of a selection."""
        return suite.text[operand]

    def _conditional(self, texts: Sequence[Text]) -> Text:
        wrapped = [f"({text})" if own <= IF else text for text, own in texts]
        pieces = [f"{value} if {test} else " for test, value in zip(wrapped[:-1:2], wrapped[1::2], strict=True)]
        return "".join([*pieces, wrapped[-1]]), IF


class FloatEmitter(ScalarEmitter):
    """Knows that all arguments are floats: which powers are real, and which results are floats already.

    `sure[node]`: at run time the value is of the Python type that its kind says, float for REAL. That holds of what
    `math` gives, and not of a function of the user's, or of a selection that may choose an integer.
    """

    def __init__(self, program: Program, parameter_kinds: Sequence[int]) -> None:
        super().__init__(program, parameter_kinds)
        self.packing: dict[int, Callable[..., bytes]] = {}
        self.floating: set[int] | None = None
        self.sure: list[bool] = []
        for node, op in enumerate(program.ops):
            self.sure.append(self._is_sure(node, op))

    def _is_sure(self, node: int, op: Op) -> bool:
        args = self.args[node]
        if not args:
            return op is CONST or op is PARAM or op is BOUND
        for a in args:
            if not self.sure[a]:
                return False
        # Sums and integrals give what their runtime gives, which may be NumPy's number.
        if type(self.data[node]) is Region:
            return False
        if op.lazy:
            # A selection gives an arm as it is: it is sure if all arms are of one type.
            kind = self.kinds[node]
            return all(self.kinds[a] == kind or self._becomes_float(node, a) for a in (*args[1::2], args[-1]))
        return op.form != "call" or op.math is not None or self._is_made_float(node)

    def _is_made_float(self, node: int) -> bool:
        op = self.ops[node]
        return op.math is None and isinstance(op.numpy, Numpy) and op.form == "call" and self.kinds[node] == REAL

    def _becomes_float(self, node: int, arm: int) -> bool:
        # A constant 0 among floats is written 0.0, and the selection always gives a float.
        return self.kinds[node] == REAL and self.ops[arm] is CONST and self.kinds[arm] == INT

    def const(self, node: int) -> Text:
        if self.floating is None:
            self.floating = self._meeting_floats()
        value = self.data[node]  # it meets floats
        return self.constant(float(value) if node in self.floating else value)

    def _meeting_floats(self) -> set[int]:
        """Integer constants that meet nothing but floats, in operations that make them floats first.

        Python multiplies two floats in a third of the time that it takes for an integer and a float.
        """
        data, kinds, ops = self.data, self.kinds, self.ops
        found = {n for n, op in enumerate(ops) if op is CONST and is_exact(data[n])}
        floats = [kind == REAL and sure for kind, sure in zip(kinds, self.sure, strict=True)]
        for n in found:
            floats[n] = True
        others = set(self.program.results)
        for node, args in enumerate(self.args):
            if found.isdisjoint(args):
                continue
            # Where all operands are such constants, the result is an integer. A list is quicker than a generator.
            if ops[node].form not in _ARITHMETIC or kinds[node] == INT or not all([floats[a] for a in args]):  # noqa: C419
                others.update(args)
        return found - others

    def call(self, node: int, operands: list[str]) -> Text:
        op, args = self.ops[node], self.args[node]
        if op is STACK and self._is_of_floats(node):
            # A third of what it takes to make an array of a tuple, whose entries NumPy looks at twice.
            [shape] = self.data[node]
            memory = f"{self.inject('buffer', bytearray)}({self._packing(len(args))}({', '.join(operands)}))"
            return f"{self.inject('array', np.ndarray)}({shape!r}, {self.inject('double', FLOAT64)}, {memory})", ATOM
        if op is POW and self.kinds[node] == REAL and all(self.kinds[a] & (INT | REAL) == self.kinds[a] for a in args):
            # Of real numbers math.pow needs no look at types, and where the power is not real it raises, as it has to.
            return f"math.pow({', '.join(operands)})", ATOM
        return super().call(node, operands)

    def _is_of_floats(self, node: int) -> bool:
        """Is this an array of numbers that are floats at run time, or constants beside such?"""
        return self.kinds[node] == REAL and all(
            self.sure[a] and self.kinds[a] in (REAL, INT) and (self.kinds[a] == REAL or self.ops[a] is CONST)
            for a in self.args[node]
        )

    def _packing(self, count: int) -> str:
        if count not in self.packing:
            self.packing[count] = Struct(f"{count}d").pack
        return self.inject("packed", self.packing[count])

    def made_python(self, node: int) -> Callable[[Any], Any] | None:
        return float if self._is_made_float(node) else super().made_python(node)

    def arm(self, suite: Suite, node: int, operand: int) -> Text:
        return self.constant(float(self.data[operand])) if self._becomes_float(node, operand) else suite.text[operand]

    def returned(self, suite: Suite) -> str:
        return self._arranged(suite, self.program.layout)

    def _arranged(self, suite: Suite, layout: Layout) -> str:
        match layout.kind:
            case "node":
                return self._finished(suite, layout.node)
            case "list":
                return f"[{', '.join([self._arranged(suite, item) for item in layout.items])}]"
            case "tuple":
                return as_tuple([self._arranged(suite, item) for item in layout.items])
        items = zip(layout.keys, layout.items, strict=True)
        return f"{{{', '.join([f'{self._key(key)}: {self._arranged(suite, item)}' for key, item in items])}}}"

    def _key(self, key: Any) -> str:
        return self.inject("key", key)

    def _finished(self, suite: Suite, node: int) -> str:
        text, kind = suite.text[node][0], self.kinds[node]
        if self.program.rank[node]:
            return text
        # One kind, and surely of its Python type: there is nothing to convert.
        if self.sure[node] and kind in (REAL, INT, COMPLEX, 1):
            return text
        return f"{self.inject('number', numbers.number)}({text}, {kind})"


class IntegerEmitter(FloatEmitter):
    """Knows that all arguments are integers, which are exact however large: constants are not made floats."""

    def const(self, node: int) -> Text:
        # A float would round an integer beyond 2**53.
        return ScalarEmitter.const(self, node)

    def call(self, node: int, operands: list[str]) -> Text:
        return ScalarEmitter.call(self, node, operands)

    def _finished(self, suite: Suite, node: int) -> str:
        # Constants beyond int64 are real to arrays; among Python's integers they are exact, and so is what they give.
        if self.program.large and self.kinds[node] == REAL and not self.program.rank[node]:
            return f"{self.inject('number', numbers.number)}({suite.text[node][0]}, {REAL | INT})"
        return super()._finished(suite, node)
