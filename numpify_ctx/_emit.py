"""A program as Python source: one `def`, in statements that stay readable, for Python scalars or for arrays.

A *block* is a straight run of statements: the nodes that its results need, in the order of the program, inlined
where they are used once and stay short, and else assigned to temporaries. What `_place` puts inside a node, an arm
of a Piecewise or the body of a sum, becomes a function of the values it uses from around it. Such functions stand
side by side at the top of the one `def`, each once, so that nothing nests in the source however deep it nests in
the expression.

Nothing of the expression itself is written: names are the parameters', already checked, and the emitter's own.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _runtime as rt
from ._place import Placement
from ._program import ANY, BOOL, BOUND, COMPLEX, CONST, INT, PARAM, REAL, Op, Program, Region


_WIDE = 76  # an expression longer than this is assigned to a temporary, a call longer than this is broken
_MANY = 16  # so many terms of a sum or factors of a product in one statement

# Precedences of Python's operators, as far as the emitter writes them.
_LAMBDA, _IF, _OR, _AND, _COMPARE, _BITOR, _BITXOR, _BITAND, _SUM, _PRODUCT, _UNARY, _ATOM = range(12)
_LOGIC = {"&": (_BITAND, "and", _AND), "|": (_BITOR, "or", _OR), "^": (_BITXOR, "^", _BITXOR)}

Text = tuple[str, int]  # how a node is written, and the precedence of its outermost operator


@dataclass(frozen=True, slots=True)
class Source:
    """Source text, the name of its function, and what its global names stand for."""

    text: str
    name: str
    namespace: dict[str, Any]


def emit_arrays(program: Program, parameter_kinds: Sequence[int]) -> Source:
    """Source over NumPy, for arguments of the given kinds; integer operations are checked for overflow."""
    return _Emitter(program, parameter_kinds, scalars=False).source()


def emit_scalars(program: Program) -> Source:
    """Source over `math`, for Python numbers; raises where NumPy would warn."""
    return _Emitter(program, [ANY] * len(program.parameters), scalars=True).source()


def infer_kinds(program: Program, parameter_kinds: Sequence[int]) -> Sequence[int]:
    """The kinds of all nodes, given those of the parameters."""
    if all(kind == ANY for kind in parameter_kinds):
        return program.kinds
    kinds: list[int] = []
    for op, args, data, known in zip(program.ops, program.args, program.data, program.kinds, strict=True):
        if op is PARAM:
            kinds.append(parameter_kinds[data])
        elif op is BOUND or op is CONST:
            kinds.append(known)
        else:
            kinds.append(op.kinds([kinds[a] for a in args]) & known or known)
    return kinds


class _Names:
    """Names that are neither a parameter's nor used before."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {*taken, "np", "math", "out", *keyword.kwlist}
        self.next: dict[str, int] = {}

    def numbered(self, stem: str) -> str:
        """stem0, stem1, ..."""
        number = self.next.get(stem, 0)
        while f"{stem}{number}" in self._taken:
            number += 1
        self.next[stem] = number + 1
        return f"{stem}{number}"

    def plain(self, stem: str) -> str:
        """stem itself, if it is free."""
        name = self.numbered(f"{stem}_") if stem in self._taken else stem
        self._taken.add(name)
        return name


@dataclass(slots=True)
class _Block:
    """Statements under construction: `text[node]` is how to write a node that is at hand."""

    lines: list[str]
    indent: str
    text: dict[int, Text]
    silent: bool = False

    def add(self, line: str) -> None:
        """One more statement."""
        self.lines.append(self.indent + line)

    def inside(self) -> _Block:
        """A block one level further in, with lines of its own; it sees what this one has, but not the reverse."""
        return _Block([], self.indent + "    ", dict(self.text), self.silent)


class _Emitter:
    def __init__(self, program: Program, parameter_kinds: Sequence[int], scalars: bool) -> None:
        self.program = program
        self.ops, self.args, self.data = program.ops, program.args, program.data
        self.kinds = infer_kinds(program, parameter_kinds)
        self.place = Placement(program, self.kinds, scalars)
        self.scalars = scalars
        self.names = _Names(program.parameters)
        self.name = self.names.plain("f")
        self.namespace: dict[str, Any] = {"__builtins__": {}, "np": np}
        if scalars:
            self.namespace["math"] = math
        self.injected: dict[int, str] = {}
        self.functions: list[str] = []
        self.known_functions: dict[Any, str] = {}

    def source(self) -> Source:
        """The whole."""
        results = self.program.results
        block = _Block([], "    ", {})
        for node, op in enumerate(self.ops):
            if op is PARAM:
                block.text[node] = self.program.parameters[self.data[node]], _ATOM
        body = block
        if self.place.has_deep and not self.scalars:
            body = block.inside()
            body.silent = True
        self._run(body, results)
        texts = [body.text[n][0] for n in results]
        body.add(f"return {texts[0] if len(texts) == 1 else _tuple(texts)}")
        lines = body.lines if body is block else ['    with np.errstate(all="ignore"):', *body.lines]
        head = f"def {self.name}({', '.join(self.program.parameters)}):"
        return Source("\n".join([head, *self.functions, *lines]) + "\n", self.name, self.namespace)

    # -- blocks and functions ----------------------------------------------------------------------------------------

    def _run(self, block: _Block, roots: Sequence[int]) -> None:
        """Add to a block what computes `roots`; afterwards it has them at hand."""
        local = self.place.closure(roots, block.text)
        uses = self._count_uses(block, local, roots)
        for node in sorted(local):
            if self.ops[node] is CONST:
                block.text[node] = self._constant(self.data[node])
                continue
            text = self._write(block, node)
            if uses[node] > 1 or (len(text[0]) > _WIDE and node not in roots):
                text = self._assign(block, text[0])
            block.text[node] = text

    def _count_uses(self, block: _Block, local: set[int], roots: Sequence[int]) -> dict[int, int]:
        """How often each node is written; what is handed to a function counts twice, for it needs a name."""
        uses = dict.fromkeys(local, 0)
        for root in roots:
            if root in uses:
                uses[root] += 1
        at_hand: set[int] | None = None
        for node in local:
            inner = self.place.inner(node)
            operands = self.args[node]
            if inner:
                operands = operands[: len(operands) - len(inner)]
                if at_hand is None:
                    at_hand = local | block.text.keys()
                for captured in self.place.captured(inner, at_hand):
                    if captured in uses:
                        uses[captured] += 2
            for operand in operands:
                if operand in uses:
                    uses[operand] += 1
        return uses

    def _assign(self, block: _Block, text: str) -> Text:
        name = self.names.numbered("t")
        block.add(f"{name} = {text}")
        return name, _ATOM

    def _live(self, block: _Block, captured: Sequence[int]) -> list[str]:
        """Names for the values that a function takes; what was inlined so far is assigned now."""
        for node in captured:
            text = block.text[node][0]
            if not text.isidentifier():
                block.text[node] = self._assign(block, text)
        return [block.text[node][0] for node in captured]

    def _function(self, block: _Block, captured: Sequence[int], root: int, bound: Sequence[int] = ()) -> str:
        """A function of `bound` and `captured` that gives `root`: a lambda if it is short, else the name of a `def`."""
        key = (root, tuple(captured), tuple(bound))
        known = self.known_functions.get(key)
        if known is not None:
            return known
        inner = _Block([], "        ", {n: block.text[n] for n in captured}, block.silent)
        variables = [self.names.numbered("k") for _ in bound]
        inner.text |= {node: (name, _ATOM) for node, name in zip(bound, variables, strict=True)}
        self._run(inner, (root,))
        parameters = ", ".join([*variables, *(block.text[n][0] for n in captured)])
        result = inner.text[root][0]
        text = f"lambda {parameters}: {result}"
        if inner.lines or len(result) > _WIDE:
            text = self._define("body" if bound else "arm", parameters, [*inner.lines, f"        return {result}"])
        self.known_functions[key] = text
        return text

    def _define(self, stem: str, parameters: str, lines: list[str]) -> str:
        name = self.names.numbered(stem)
        self.functions += [f"    def {name}({parameters}):", *lines]
        return name

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _write(self, block: _Block, node: int) -> Text:
        """The text of a node whose operands are at hand."""
        op, args, data = self.ops[node], self.args[node], self.data[node]
        if type(data) is Region:
            return self._region(block, node, data)
        if op.exact is not None and not self.scalars and self.kinds[node] & INT:
            return self._checked(block, node, op.exact)
        match op.form:
            case "call":
                return self._call(op, [block.text[a][0] for a in args], data)
            case "sum":
                return self._sum(block, node)
            case "product":
                factors = [self._in(block, a, _PRODUCT + (i > 0)) for i, a in enumerate(args)]
                return self._chain(block, [factors[0], *("*" + f for f in factors[1:])]), _PRODUCT
            case "quotient":
                return f"{self._in(block, args[0], _PRODUCT)}/{self._in(block, args[1], _UNARY)}", _PRODUCT
            case "negative":
                return "-" + self._in(block, args[0], _PRODUCT), _UNARY
            case "compare":
                left, right = (self._in(block, a, _COMPARE + 1) for a in args)
                return f"{left} {op.numpy} {right}", _COMPARE
            case "logic":
                return self._logic(block, node)
            case "select":
                return self._select(block, node)
        raise AssertionError(f"no form {op.form!r} of {op}")

    def _in(self, block: _Block, node: int, precedence: int) -> str:
        text, own = block.text[node]
        return text if own >= precedence else f"({text})"

    def _call(self, op: Op, operands: list[str], data: Any) -> Text:
        extra = [self._literal(item) for item in data or ()]
        return f"{self._target(op)}({', '.join(extra + operands)})", _ATOM

    def _target(self, op: Op) -> str:
        """What is called for `op`: a name of NumPy's or of math's, or an injected one."""
        target = op.math if self.scalars and op.math is not None else op.numpy
        return target if isinstance(target, str) else self._inject(op.name, target)

    def _inject(self, stem: str, value: Any) -> str:
        """A global name for a value; a name of ours, whatever the stem."""
        name = self.injected.get(id(value))
        if name is None:
            name = self.names.plain(stem if stem.isidentifier() and stem.isascii() else "function")
            self.injected[id(value)] = name
            self.namespace[name] = value
        return name

    def _literal(self, item: Any) -> str:
        if isinstance(item, tuple):
            return _tuple([self._literal(i) for i in item])
        return self._constant(item)[0] if type(item) in (bool, int, float, complex) else self._inject("data", item)

    def _constant(self, value: bool | int | float | complex) -> Text:
        prefix = "math" if self.scalars else "np"
        if isinstance(value, float) and not math.isfinite(value):
            text = f"{prefix}.nan" if value != value else f"{prefix}.inf" if value > 0 else f"-{prefix}.inf"
        elif isinstance(value, complex) and not (math.isfinite(value.real) and math.isfinite(value.imag)):
            return self._inject("constant", value), _ATOM
        else:
            text = repr(value)
        return text, _UNARY if text.startswith("-") else _ATOM

    def _sum(self, block: _Block, node: int) -> Text:
        parts: list[str] = []
        for term, negative in zip(self.args[node], self.data[node], strict=True):
            if parts:
                parts.append(f" {'-' if negative else '+'} {self._in(block, term, _SUM + 1)}")
            else:
                parts.append("-" + self._in(block, term, _PRODUCT) if negative else self._in(block, term, _SUM))
        return self._chain(block, parts), _SUM

    def _chain(self, block: _Block, parts: list[str]) -> str:
        """One expression; a long one is cut into statements, too much at once for neither parser nor reader."""
        text, pending = parts[0], 1
        for part in parts[1:]:
            if pending == _MANY or len(text) > 2 * _WIDE:
                text, pending = self._assign(block, text)[0], 1
            text += part
            pending += 1
        return text

    def _logic(self, block: _Block, node: int) -> Text:
        symbol = str(self.ops[node].numpy)
        precedence, word, word_precedence = _LOGIC[symbol]
        if self.scalars:
            symbol, precedence = word, word_precedence
        parts = [self._in(block, a, precedence + 1) for a in self.args[node]]
        return self._chain(block, [parts[0], *(f" {symbol} {p}" for p in parts[1:])]), precedence

    def _checked(self, block: _Block, node: int, function: Callable[..., Any]) -> Text:
        data = self.data[node]
        extra = [self._literal(data)] if self.ops[node].form == "sum" else [self._literal(item) for item in data or ()]
        texts = extra + [block.text[a][0] for a in self.args[node]]
        return f"{self._inject(function.__name__, function)}({', '.join(texts)})", _ATOM

    def _region(self, block: _Block, node: int, data: Region) -> Text:
        *others, body = self.args[node]
        captured = self.place.captured((body,), block.text.keys() - set(data.bound))
        live = _tuple(self._live(block, captured))
        function = self._function(block, captured, body, data.bound)
        ranks = self._literal(tuple(self.program.rank[n] for n in captured))
        texts = [function, live, ranks, *(block.text[a][0] for a in others), *(self._literal(e) for e in data.extra)]
        return _broken(block, self._target(self.ops[node]), texts), _ATOM

    # -- selection ---------------------------------------------------------------------------------------------------

    def _select(self, block: _Block, node: int) -> Text:
        if self.scalars:
            return self._select_scalar(block, node)
        if self.place.is_deep(node):
            return self._where([block.text[a][0] for a in self.args[node]])
        return self._select_cheap(block, node) if self.place.is_cheap(node) else self._select_guarded(block, node)

    def _where(self, texts: Sequence[str]) -> Text:
        text = texts[-1]
        for i in range(len(texts) - 3, -1, -2):
            text = f"np.where({texts[i]}, {texts[i + 1]}, {text})"
        return text, _ATOM

    def _select_cheap(self, block: _Block, node: int) -> Text:
        """All arms, then np.where; overflow is silenced, for it need not be in what is selected."""
        args = self.args[node]
        if block.silent or not self.place.may_warn(args[1:], block.text):
            self._run(block, args)
            return self._where([block.text[a][0] for a in args])
        inside = block.inside()
        inside.silent = True
        self._run(inside, args)
        text = self._assign(inside, self._where([inside.text[a][0] for a in args])[0])
        block.add('with np.errstate(all="ignore"):')
        block.lines += inside.lines
        return text

    def _select_guarded(self, block: _Block, node: int) -> Text:
        """Each arm a function of the elements that it is selected for."""
        args = self.args[node]
        captured = self.place.captured(args[1:], block.text)
        texts = [
            _tuple(self._live(block, captured)),
            self._literal(tuple(self.program.rank[n] for n in captured)),
            _tuple(self._samples(block, node)),
            block.text[args[0]][0],
        ]
        for a in args[1:]:
            constant = self.ops[a] is CONST
            texts.append(self._constant(self.data[a])[0] if constant else self._function(block, captured, a))
        return _broken(block, self._inject("piecewise", rt.piecewise), texts), _ATOM

    def _samples(self, block: _Block, node: int) -> list[str]:
        """Values whose common dtype is the least that the selection has, whatever arms are evaluated."""
        found: dict[str, None] = {}
        args = self.args[node]
        for a in [*args[1::2], args[-1]]:
            kinds = self.kinds[a]
            definite = {BOOL: "False", INT: "0", REAL: "0.0", COMPLEX: "0j"}.get(kinds)
            if definite is not None:
                found[definite] = None
                continue
            used = self.place.captured((a,), block.text)
            found |= {block.text[n][0]: None for n in used if self.kinds[n] & kinds == kinds}
            if not kinds & (BOOL | INT):
                found["0.0"] = None
        return list(found)

    def _select_scalar(self, block: _Block, node: int) -> Text:
        """A conditional expression if it is short, else a function that returns from the arm it comes to."""
        args = self.args[node]
        if self.place.is_deep(node):
            return self._conditional([block.text[a] for a in args])
        captured = self.place.captured(args, block.text)
        if len(args) <= _MANY and self.place.depth(node) <= 2:
            trial = _Block([], "", dict(block.text))
            before = len(self.functions), len(self.known_functions), dict(self.names.next)
            self._run(trial, args)
            text = self._conditional([trial.text[a] for a in args])
            if not trial.lines and len(text[0]) <= _WIDE:
                return text
            del self.functions[before[0] :]
            while len(self.known_functions) > before[1]:
                self.known_functions.popitem()
            self.names.next = before[2]
        parameters = ", ".join(self._live(block, captured))
        key = (node, tuple(captured))
        name = self.known_functions.get(key)
        if name is None:
            inner = _Block([], "        ", {n: block.text[n] for n in captured})
            for condition, value in zip(args[:-1:2], args[1::2], strict=True):
                self._run(inner, (condition,))
                inner.add(f"if {inner.text[condition][0]}:")
                arm = inner.inside()
                self._run(arm, (value,))
                arm.add(f"return {arm.text[value][0]}")
                inner.lines += arm.lines
            self._run(inner, args[-1:])
            inner.add(f"return {inner.text[args[-1]][0]}")
            name = self.known_functions[key] = self._define("choose", parameters, inner.lines)
        return f"{name}({parameters})", _ATOM

    def _conditional(self, texts: Sequence[Text]) -> Text:
        wrapped = [f"({text})" if own <= _IF else text for text, own in texts]
        pieces = [f"{value} if {test} else " for test, value in zip(wrapped[:-1:2], wrapped[1::2], strict=True)]
        return "".join([*pieces, wrapped[-1]]), _IF


def _tuple(texts: Sequence[str]) -> str:
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def _broken(block: _Block, function: str, texts: Sequence[str]) -> str:
    """A call, over several lines if it is long."""
    call = f"{function}({', '.join(texts)})"
    if len(call) <= _WIDE:
        return call
    inner = block.indent + "    "
    return f"{function}(\n" + "".join(f"{inner}{text},\n" for text in texts) + f"{block.indent})"
