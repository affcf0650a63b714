"""What all emissions share: suites of statements, temporaries, functions, and the text of operators.

A *suite* is a straight run of statements: the nodes that its results need, in the order of the program, inlined
where they are used once and stay short, and else assigned to temporaries. What `_place` puts inside a node, an arm
of a Piecewise or the body of a sum, becomes a function of the values it uses from around it. Such functions stand
side by side at the top of the one `def`, each once, so that nothing nests in the source however deep it nests in
the expression.

Nothing of the expression itself is written: names are the parameters', already checked, and the emitter's own.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any, ClassVar

import numpy as np

from .._kinds import REAL
from .._program.ir import CONST, PARAM, Numpy, Op, Operator, Program, Region, infer_kinds
from .._program.placement import Placement
from .namespace import bare_namespace
from .suites import NOTHING, Chain, Names, Suite, Text, Trial
from .temporaries import recycled
from .turns import Turn


WIDE = 76  # an expression longer than this is assigned to a temporary, a call longer than this is broken
MANY = 16  # so many terms of a sum or factors of a product in one statement
AT_ONCE = 4  # so many are taken together, as they are there, by a sum or product of more than MANY

# Precedences of Python's operators, as far as the emitter writes them.
IF, OR, AND, COMPARE, BITOR, BITXOR, BITAND, SUM, PRODUCT, UNARY, ATOM = range(11)

PRECEDENCE = {"sum": SUM, "product": PRODUCT}  # by the form of an operation


class Emitter:
    """Writes one program for one kind of values; `scalars.py`, `arrays.py` and `blocks.py` say how they differ."""

    scalars: ClassVar[bool]
    module: ClassVar[str]  # where nan and inf are

    def __init__(self, program: Program, parameter_kinds: Sequence[int], checked: bool = True) -> None:
        self.program = program
        self.checked = checked
        self.ops, self.args, self.data = program.ops, program.args, program.data
        self.kinds = infer_kinds(program, parameter_kinds)
        self.place = Placement(program, self.kinds, self.scalars, checked)
        self.names = Names(program.parameters)
        self.name = self.names.plain("f")
        self.namespace = bare_namespace(np=np)
        self.injected: dict[int, str] = {}
        self.functions: list[str] = []
        self.known_functions: dict[Any, str] = {}
        self.begun: dict[int, Chain] = {}  # wide sums and products that have not come to their end

    def parameters(self) -> dict[int, Text]:
        """The parameters' nodes, which are at hand from the start."""
        names = self.program.parameters
        return {node: (names[self.data[node]], ATOM) for node, op in enumerate(self.ops) if op is PARAM}

    def named(self, given: Iterable[int]) -> dict[int, Text]:
        """Names for nodes that are at hand from the start: the parameters' own, and new ones for what is computed."""
        names = self.program.parameters
        return {
            node: (names[self.data[node]] if self.ops[node] is PARAM else self.names.numbered("s"), ATOM)
            for node in given
        }

    # -- suites and functions ----------------------------------------------------------------------------------------

    def run(self, suite: Suite, roots: Sequence[int], deciders: Sequence[int] | None = None) -> None:
        """Add to a suite what computes `roots`; afterwards it has them at hand.

        `deciders` are the nodes for whose sake it is done, if they are not the roots.
        """
        local = self.place.closure(roots, suite.text)
        uses = self.count_uses(suite, local, roots)
        last = set(roots)
        silenced = set() if suite.silent else self.place.silenced(local, deciders or roots, suite.text)
        here, quiet = suite, None
        order, at_once = self.turns(suite, roots, uses)
        for node, _, end in order:
            if self.ops[node] is CONST:
                suite.text[node] = self.const(node)
                continue
            if silenced:
                here = quiet = self.turned(suite, quiet, node in silenced)
            if end:
                self.extend(here, node, end * AT_ONCE)
                if end * AT_ONCE < len(self.args[node]):
                    continue
                text = self.begun.pop(node).text, PRECEDENCE[self.ops[node].form]
            else:
                text = self.write(here, node)
            # Used outside, a gate must be computed inside.
            is_gate = node in silenced and (node in last or self.ops[node].form == "logic")
            is_long = len(text[0]) > WIDE and node not in last and node not in at_once
            if uses[node] > 1 or is_gate or is_long:
                text = self.assign(here, text[0])
            suite.text[node] = text
        self.turned(suite, quiet, False)

    def turns(
        self, suite: Suite, roots: Sequence[int], uses: Mapping[int, int]
    ) -> tuple[Iterable[Turn], Container[int]]:
        """The turns of all nodes that are used, and those that a wide sum or product takes at once."""
        # In the order of the program, in which operands come before their users.
        return zip(sorted(uses), repeat(0), repeat(0)), ()

    def turned(self, suite: Suite, quiet: Suite | None, silent: bool) -> Suite:
        """Where the next statement goes: into `suite`, or into a part of it in which nothing warns.

        `quiet` is where the last one went.
        """
        if quiet is not None and quiet is not suite and not silent and quiet.lines:
            suite.add('with np.errstate(all="ignore"):')
            suite.lines += quiet.lines
        if not silent:
            return suite
        return quiet if quiet is not None and quiet is not suite else Suite([], suite.indent + "    ", suite.text, True)

    def count_uses(self, suite: Suite, local: set[int], roots: Sequence[int]) -> dict[int, int]:
        """How often each node is written; what is handed to a function counts twice, for it needs a name."""
        uses = dict.fromkeys(local, 0)
        for root in roots:
            if root in uses:
                uses[root] += 1
        at_hand: set[int] | None = None
        is_straight = self.place.is_straight
        for node in local:
            inner = () if is_straight else self.place.inner(node)
            operands = self.args[node]
            if inner:
                operands = operands[: len(operands) - len(inner)]
                if at_hand is None:
                    at_hand = local | suite.text.keys()
                for captured in self.place.captured(inner, at_hand):
                    if captured in uses:
                        uses[captured] += 2
            for operand in operands:
                if operand in uses:
                    uses[operand] += 1
        return uses

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """Emit something to see how it comes out; functions and names that it made are taken back unless kept."""
        trial = Trial()
        functions, known, numbers = len(self.functions), len(self.known_functions), dict(self.names.next)
        yield trial
        if not trial.kept:
            del self.functions[functions:]
            while len(self.known_functions) > known:  # those made last
                self.known_functions.popitem()
            self.names.next = numbers

    def assign(self, suite: Suite, text: str) -> Text:
        """A new temporary."""
        name = self.names.numbered("t")
        suite.add(f"{name} = {text}")
        return name, ATOM

    def live(self, suite: Suite, captured: Sequence[int]) -> list[str]:
        """Names for the values that a function takes; what was inlined so far is assigned now."""
        for node in captured:
            text = suite.text[node][0]
            # The function's parameter is called as the value is here, so the value needs a name.
            if not text.isidentifier():
                suite.text[node] = self.assign(suite, text)
        return [suite.text[node][0] for node in captured]

    def function(self, suite: Suite, captured: Sequence[int], root: int, bound: Sequence[int] = ()) -> str:
        """A function of `bound` and `captured` that gives `root`: a lambda if it is short, else the name of a `def`."""
        # The same body of the same values is one function, however many selections use it.
        key = (root, tuple(captured), tuple(bound))
        known = self.known_functions.get(key)
        if known is not None:
            return known
        inner = Suite([], "        ", {n: suite.text[n] for n in captured}, suite.silent)
        variables = [self.names.numbered("k") for _ in bound]
        inner.text |= {node: (name, ATOM) for node, name in zip(bound, variables, strict=True)}
        self.run(inner, (root,))
        parameters = ", ".join([*variables, *(suite.text[n][0] for n in captured)])
        lines, result = recycled(inner.lines, inner.text[root][0])
        text = f"lambda {parameters}: {result}"
        if lines or len(result) > WIDE:
            text = self.define("body" if bound else "arm", parameters, [*lines, f"        return {result}"])
        self.known_functions[key] = text
        return text

    def define(self, stem: str, parameters: str, lines: list[str]) -> str:
        """The name of a new function at the top of the one `def`."""
        name = self.names.numbered(stem)
        self.functions += [f"    def {name}({parameters}):", *lines]
        return name

    # -- nodes -------------------------------------------------------------------------------------------------------

    def write(self, suite: Suite, node: int) -> Text:
        """The text of a node whose operands are at hand."""
        op, args, data = self.ops[node], self.args[node], self.data[node]
        if type(data) is Region:
            return self.region(suite, node, data)
        match op.form:
            case "call":
                return self.call(node, [suite.text[a][0] for a in args])
            case "product":
                return self.chain(suite, self.factors(suite, args, 0)), PRODUCT
            case "sum":
                return self.chain(suite, self.terms(suite, args, data, 0)), SUM
            case "quotient":
                # a/(b*c) needs its brackets, a*b/c does not.
                return f"{self.within(suite, args[0], PRODUCT)}/{self.within(suite, args[1], UNARY)}", PRODUCT
            case "negative":
                return self.negative(suite, node)
            case "compare":
                # Python chains a < b < c: a relation that is an operand of one needs brackets.
                left, right = (self.within(suite, a, COMPARE + 1) for a in args)
                return f"{left} {symbol(op)} {right}", COMPARE
            case "logic":
                return self.logic(suite, node)
            case "select":
                return self.select(suite, node)
        raise AssertionError(f"no form {op.form!r} of {op}")

    def negative(self, suite: Suite, node: int) -> Text:
        """The negative of an operand."""
        [operand] = self.args[node]
        # Python gives the minus to the first factor: -a*b is a product, and needs brackets in 1/(-a*b).
        product = suite.text[operand][1] == PRODUCT
        if product and self.kinds[node] != REAL:
            # Of integers and complex numbers, -a*b may have another zero than -(a*b): 0 is no -0.0.
            return f"-{self.within(suite, operand, UNARY)}", UNARY
        return "-" + self.within(suite, operand, PRODUCT), PRODUCT if product else UNARY

    def logic(self, suite: Suite, node: int) -> Text:
        """AND, OR or XOR of the operands."""
        raise NotImplementedError

    def select(self, suite: Suite, node: int) -> Text:
        """The selection of one of several values, each under its guard."""
        raise NotImplementedError

    def target(self, op: Op) -> str:
        """What is called for `op`: a name of NumPy's or of math's, or an injected one."""
        return f"np.{op.numpy.name}" if isinstance(op.numpy, Numpy) else self.inject(op.name, op.numpy)

    def within(self, suite: Suite, node: int, precedence: int) -> str:
        """An operand, in brackets if it binds less tightly than `precedence`."""
        text, own = suite.text[node]
        return text if own >= precedence else f"({text})"

    def call(self, node: int, operands: list[str]) -> Text:
        """A call of the node's operation."""
        extra = [self.literal(item) for item in self.data[node] or ()]
        return f"{self.target(self.ops[node])}({', '.join(extra + operands)})", ATOM

    def inject(self, stem: str, value: Any) -> str:
        """A global name for a value; a name of ours, whatever the stem."""
        name = self.injected.get(id(value))
        if name is None:
            # A stem may be what the user calls a class: nothing of it but a plain word may come into the text.
            name = self.names.plain(stem if stem.isidentifier() and stem.isascii() and stem[0] != "_" else "function")
            self.injected[id(value)] = name
            self.namespace[name] = value
        return name

    def literal(self, item: Any) -> str:
        """Static data of a node."""
        if isinstance(item, tuple):
            return as_tuple([self.literal(i) for i in item])
        return self.constant(item)[0] if type(item) in (bool, int, float, complex) else self.inject("data", item)

    def const(self, node: int) -> Text:
        """A constant node."""
        return self.constant(self.data[node])

    def constant(self, value: bool | int | float | complex) -> Text:
        """A constant; of infinities and nan, the name."""
        if isinstance(value, float) and not math.isfinite(value):
            name = "nan" if value != value else "inf"
            text = f"{'-' if value < 0 else ''}{self.module}.{name}"
        elif isinstance(value, complex) and not (math.isfinite(value.real) and math.isfinite(value.imag)):
            return self.inject("constant", value), ATOM
        else:
            # The shortest text that is read back as the same number.
            text = repr(value)
            if isinstance(value, complex) and text.startswith("-"):
                return f"(0{text})", ATOM  # `-1j` is read as -(0 + 1j), of which the real part is -0.0
        return text, UNARY if text.startswith("-") else ATOM

    def parts(self, suite: Suite, node: int, start: int, end: int) -> list[str]:
        """Some operands of a sum, some of which are subtracted, or of a product, each with the sign before it."""
        operands = self.args[node][start:end]
        if self.ops[node].form == "product":
            return self.factors(suite, operands, start)
        return self.terms(suite, operands, self.data[node][start:end], start)

    def factors(self, suite: Suite, operands: Sequence[int], start: int) -> list[str]:
        """Factors, behind `start` others."""
        found: list[str] = []
        texts = suite.text
        for factor in operands:
            text, own = texts[factor]
            # Only the first factor may do without brackets: a*(b*c) is rounded otherwise than a*b*c.
            if found or start:
                found.append(f"*{text}" if own > PRODUCT else f"*({text})")
            else:
                found.append(text if own >= PRODUCT else f"({text})")
        return found

    def terms(self, suite: Suite, operands: Sequence[int], signs: Sequence[bool], start: int) -> list[str]:
        """Terms, behind `start` others; what has a sign is subtracted."""
        found: list[str] = []
        texts = suite.text
        for term, negative in zip(operands, signs, strict=True):
            text, own = texts[term]
            if found or start:
                text = text if own > SUM else f"({text})"
                found.append(f" - {text}" if negative else f" + {text}")
            else:
                text = text if own >= (PRODUCT if negative else SUM) else f"({text})"
                found.append(f"-{text}" if negative else text)
        return found

    def chain(self, suite: Suite, parts: Sequence[str]) -> str:
        """One expression; a long one is cut into statements, too much at once for neither parser nor reader."""
        whole = "".join(parts)
        is_short = len(parts) <= MANY and len(whole) <= 2 * WIDE
        return whole if is_short else self.chained(suite, parts, NOTHING).text

    def chained(self, suite: Suite, parts: Iterable[str], begun: Chain) -> Chain:
        """The same behind what was begun."""
        text, pending, name, taken = begun
        for part in parts:
            # The cut keeps the order of the operations: a temporary is what stood to the left.
            if pending == MANY or len(text) > 2 * WIDE:
                # One name for all of them, so that what stood there is gone.
                name = name or self.names.numbered("t")
                suite.add(f"{name} = {text}")
                text, pending = name, 1
            text += part
            pending += 1
            taken += 1
        return Chain(text, pending, name, taken)

    def extend(self, suite: Suite, node: int, end: int) -> None:
        """Take the operands of a sum or product that come before number `end`."""
        begun = self.begun.get(node, NOTHING)
        self.begun[node] = self.chained(suite, self.parts(suite, node, begun.taken, end), begun)

    def region(self, suite: Suite, node: int, data: Region) -> Text:
        """A node that evaluates its last operand as a function of bound variables."""
        *others, body = self.args[node]
        # Bound variables are given by the loop, not captured from around it.
        captured = self.place.captured((body,), suite.text.keys() - set(data.bound))
        live = as_tuple(self.live(suite, captured))
        function = self.function(suite, captured, body, data.bound)
        ranks = self.literal(tuple(self.program.rank[n] for n in captured))
        texts = [function, live, ranks, *(self.literal(e) for e in data.extra), *(suite.text[a][0] for a in others)]
        return broken(suite, self.target(self.ops[node]), texts), ATOM


def symbol(op: Op) -> str:
    """The operator by which `op` is written over arrays."""
    assert isinstance(op.numpy, Operator)
    return op.numpy.symbol


def as_tuple(texts: Sequence[str]) -> str:
    """A tuple of expressions."""
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def broken(suite: Suite, function: str, texts: Sequence[str]) -> str:
    """A call, over several lines if it is long."""
    call = f"{function}({', '.join(texts)})"
    if len(call) <= WIDE:
        return call
    inner = suite.indent + "    "
    return f"{function}(\n" + "".join(f"{inner}{text},\n" for text in texts) + f"{suite.indent})"
