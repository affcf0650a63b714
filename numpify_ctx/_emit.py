"""A program as Python source: one `def`, in statements that stay readable, for Python scalars or for arrays.

A *block* is a straight run of statements. The nodes it needs are found from its results (`_Block.plan`), computed in the order
of the program, inlined where they are used once and stay short, and else assigned to temporaries. What is evaluated under a guard, or
many times, becomes a small function of the values it needs from around it; such functions stand side by side at the
top of the one `def`, so that neither nested Piecewise nor nested sums nest the source.

Nothing of the expression itself is written: names are those of the parameters, already checked, and the emitter's own.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _runtime as rt
from ._program import ANY, BOOL, BOUND, COMPLEX, CONST, INT, PARAM, REAL, Op, Program, Region


_WIDE = 76  # an expression longer than this is assigned to a temporary
_MANY = 16  # so many terms of a sum or factors of a product in one statement
_DEEP_GUARDS = (
    24  # Piecewise nested deeper is evaluated everywhere, its warnings silenced, rather than overflow the stack
)
_CHEAP = 24  # arms of no more cheap operations than this are computed everywhere and selected from

# Precedences of Python's operators, as far as the emitter writes them.
_LAMBDA, _IF, _OR, _AND, _COMPARE, _BITOR, _BITXOR, _BITAND, _SUM, _PRODUCT, _UNARY, _ATOM = range(12)
_LOGIC = {"&": ("&", _BITAND, "and", _AND), "|": ("|", _BITOR, "or", _OR), "^": ("^", _BITXOR, "^", _BITXOR)}

Text = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Source:
    """Source text, the name of its function, and what its global names stand for."""

    text: str
    name: str
    namespace: dict[str, Any]


def emit_arrays(program: Program, parameter_kinds: Sequence[int]) -> Source:
    """Source over NumPy, for arguments of the given kinds; integer operations that could overflow are checked ones."""
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
            kinds.append(op.kinds([kinds[a] for a in args]))
    return kinds


class _Names:
    """Names that are neither a parameter's nor used before."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = {*taken, "np", "math", "out", *keyword.kwlist}
        self.last: dict[str, int] = {}

    def numbered(self, stem: str) -> str:
        """stem0, stem1, ..."""
        number = self.last.get(stem, -1) + 1
        while f"{stem}{number}" in self.taken:
            number += 1
        self.last[stem] = number
        return f"{stem}{number}"

    def plain(self, stem: str) -> str:
        """stem itself, if it is free."""
        if stem in self.taken:
            return self.numbered(stem + "_")
        self.taken.add(stem)
        return stem


@dataclass(slots=True)
class _Block:
    """Statements under construction: `text[node]` is how to write a node that is at hand."""

    lines: list[str]
    indent: str
    text: dict[int, Text]
    depth: int = 0
    named: set[int] = field(default_factory=set)

    def inner(self, lines: list[str] | None = None) -> _Block:
        """A block inside this one, which sees what this one has, but not the reverse."""
        return _Block(
            self.lines if lines is None else lines, self.indent + "    ", dict(self.text), self.depth, set(self.named)
        )


class _Emitter:
    def __init__(self, program: Program, parameter_kinds: Sequence[int], scalars: bool) -> None:
        self.program = program
        self.ops, self.args, self.data = program.ops, program.args, program.data
        self.kinds = infer_kinds(program, parameter_kinds)
        self.scalars = scalars
        self.names = _Names(program.parameters)
        self.namespace: dict[str, Any] = {"__builtins__": {}, "np": np}
        if scalars:
            self.namespace["math"] = math
        self.injected: dict[int, str] = {}
        self.functions: list[str] = []
        self.guard_depth: list[int] = []
        self.cheap: list[int] = []
        self.strict: dict[int, tuple[int, ...]] = {}
        self._survey()

    # -- what is evaluated where -----------------------------------------------------------------------------------------

    def _survey(self) -> None:
        """For each node: how deep its guards nest, how many cheap operations it takes, and what it needs at once."""
        for node, (op, args) in enumerate(zip(self.ops, self.args, strict=True)):
            depth = max((self.guard_depth[a] for a in args), default=0)
            cheap = sum(self.cheap[a] for a in args) + (not (op is CONST or op is PARAM or op is BOUND))
            arms_cheap = op.lazy and sum(self.cheap[a] for a in args[1:]) <= _CHEAP
            self.cheap.append(min(cheap, _CHEAP + 1) if op.cheap or arms_cheap else _CHEAP + 1)
            if op.lazy and not (arms_cheap and not self.scalars):
                depth = 1 + max((self.guard_depth[a] for a in args[1:]), default=0)
            self.guard_depth.append(depth)
        for node, op in enumerate(self.ops):
            if op.lazy:
                self.strict[node] = self._strict_of_select(node)
            elif type(self.data[node]) is Region:
                self.strict[node] = self._strict_of_region(node)

    def _needs(self, node: int) -> tuple[int, ...]:
        return self.strict[node] if node in self.strict else self.args[node]

    def _is_eager(self, node: int) -> bool:
        """Is a selection computed by evaluating all of its arms?"""
        if self.guard_depth[node] > _DEEP_GUARDS:
            return True
        return not self.scalars and sum(self.cheap[a] for a in self.args[node][1:]) <= _CHEAP

    def _strict_of_select(self, node: int) -> tuple[int, ...]:
        """The first condition, and what every path through the selection computes anyway."""
        args = self.args[node]
        tested: set[int] = set()
        paths: list[set[int]] = []
        for i in range(1, len(args), 2):
            if i > 1:
                tested = tested | self._closure((args[i - 1],), ())
            paths.append(tested | self._closure((args[i],), ()))
        if len(args) % 2:
            paths.append(tested | self._closure((args[-1],), ()))
        common = set.intersection(*paths)
        return (args[0], *sorted(n for n in common if self.args[n]))

    def _strict_of_region(self, node: int) -> tuple[int, ...]:
        """The other operands, and what does not depend on the bound variables."""
        *others, body = self.args[node]
        bound = 0
        for b in self.data[node].bound:
            bound |= self.program.deps[b]
        invariant: list[int] = []
        seen: set[int] = set()
        todo = [body]
        while todo:
            n = todo.pop()
            if n in seen:
                continue
            seen.add(n)
            if self.program.deps[n] & bound:
                todo.extend(self._needs(n))
            elif self.args[n]:
                invariant.append(n)
        return (*others, *invariant)

    def _closure(self, roots: Iterable[int], known: Any) -> set[int]:
        """What must be computed to have `roots`, short of `known` and of what is guarded."""
        found: set[int] = set()
        todo = list(roots)
        while todo:
            n = todo.pop()
            if n not in found and n not in known:
                found.add(n)
                todo.extend(self._needs(n))
        return found

    def _captured(self, roots: Iterable[int], at_hand: Any) -> list[int]:
        """The nodes of `at_hand` that are used on the way to `roots`, guarded or not, in order."""
        found: set[int] = set()
        seen: set[int] = set()
        todo = list(roots)
        while todo:
            n = todo.pop()
            if n in seen:
                continue
            seen.add(n)
            if n in at_hand:
                if self.ops[n] is not CONST:
                    found.add(n)
            else:
                todo.extend(self.args[n])
        return sorted(found)

    def _inner_roots(self, node: int) -> tuple[int, ...]:
        """The operands of a node that become functions, or parts of a selection."""
        return self.args[node][-1:] if type(self.data[node]) is Region else self.args[node][1:]

    # -- blocks ----------------------------------------------------------------------------------------------------------

    def source(self) -> Source:
        """The whole."""
        results = self.program.results
        name = self.names.plain("f")
        block = _Block([], "    ", {})
        for node, op in enumerate(self.ops):
            if op is PARAM:
                block.text[node] = self.program.parameters[self.data[node]], _ATOM
        self._run(block, results)
        texts = [block.text[n][0] for n in results]
        self._fill(block, f"return {texts[0] if len(texts) == 1 else self._join(texts)}")
        head = f"def {name}({', '.join(self.program.parameters)}):"
        return Source("\n".join([head, *self.functions, *block.lines]) + "\n", name, self.namespace)

    def _run(self, block: _Block, roots: Sequence[int]) -> None:
        """Add to a block what computes `roots`; afterwards it has the text of each."""
        local = self._closure(roots, block.text)
        uses = dict.fromkeys(local, 0)
        for n in roots:
            if n in uses:
                uses[n] += 1
        for n in local:
            for a in self._needs(n) if n not in self.strict else self.args[n][: 1 if self.ops[n].lazy else -1]:
                if a in uses:
                    uses[a] += 1
            if n in self.strict:
                at_hand = local | block.text.keys()
                for a in self._captured(self._inner_roots(n), at_hand):
                    if a in uses:
                        uses[a] += 2
        for n in sorted(local):
            if self.ops[n] is CONST:
                block.text[n] = self._constant(self.data[n])
                continue
            text = self._write(block, n)
            if uses[n] > 1 or (len(text[0]) > _WIDE and text[1] != _LAMBDA):
                text = self._assign(block, text[0])
            block.text[n] = text

    def _assign(self, block: _Block, text: str) -> Text:
        name = self.names.numbered("t")
        block.lines.append(f"{block.indent}{name} = {text}")
        return name, _ATOM

    def _fill(self, block: _Block, line: str) -> None:
        block.lines.append(block.indent + line)

    def _function(self, stem: str, parameters: Sequence[Text], outer: _Block, captured: Sequence[int], roots: Sequence[int],
                  bound: Sequence[tuple[int, str]] = ()) -> str:  # fmt: skip
        """The text of a function of `bound` and `captured` that gives `roots[0]`: a lambda if it can be."""
        inner = _Block([], "        ", {n: outer.text[n] for n in captured}, outer.depth + 1)
        for node, name in bound:
            inner.text[node] = name, _ATOM
        self._run(inner, roots)
        names = ", ".join([*(name for _, name in bound), *(text for text, _ in parameters)])
        result = inner.text[roots[0]][0]
        if not inner.lines:
            return f"lambda {names}: {result}"
        name = self.names.numbered(stem)
        self.functions += [f"    def {name}({names}):", *inner.lines, f"        return {result}"]
        return name

    # -- nodes -----------------------------------------------------------------------------------------------------------

    def _write(self, block: _Block, node: int) -> Text:
        """The text of a node whose operands are at hand."""
        op = self.ops[node]
        if type(self.data[node]) is Region:
            return self._region(block, node)
        if op.exact is not None and not self.scalars and self.kinds[node] & INT:
            return self._exact(block, node)
        match op.form:
            case "call":
                return self._call(op, [block.text[a][0] for a in self.args[node]], self.data[node])
            case "sum":
                return self._sum(block, node)
            case "product":
                return self._nary(
                    block, [self._in(block, a, _PRODUCT + (i > 0)) for i, a in enumerate(self.args[node])], "*"
                )
            case "quotient":
                a, b = self.args[node]
                return f"{self._in(block, a, _PRODUCT)}/{self._in(block, b, _UNARY)}", _PRODUCT
            case "negative":
                return "-" + self._in(block, self.args[node][0], _PRODUCT), _UNARY
            case "compare":
                a, b = self.args[node]
                return f"{self._in(block, a, _COMPARE + 1)} {op.numpy} {self._in(block, b, _COMPARE + 1)}", _COMPARE
            case "logic":
                return self._logic(block, node)
            case "select":
                return self._select(block, node)
        raise AssertionError(f"no form {op.form!r} of {op}")

    def _in(self, block: _Block, node: int, precedence: int) -> str:
        text, own = block.text[node]
        return text if own >= precedence else f"({text})"

    def _call(self, op: Op, operands: list[str], data: Any) -> Text:
        target = op.math if self.scalars and op.math is not None else op.numpy
        extra = [self._literal(item) for item in data] if isinstance(data, tuple) else []
        return f"{self._target(op, target)}({', '.join(extra + operands)})", _ATOM

    def _target(self, op: Op, target: str | Callable[..., Any]) -> str:
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
            return self._join([self._literal(i) for i in item])
        return self._constant(item)[0] if type(item) in (bool, int, float, complex) else self._inject("data", item)

    def _join(self, texts: Sequence[str]) -> str:
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"

    def _constant(self, value: bool | int | float | complex) -> Text:
        prefix = "math" if self.scalars else "np"
        match value:
            case float() if value != value:
                return f"{prefix}.nan", _ATOM
            case float() if math.isinf(value):
                return (f"{prefix}.inf", _ATOM) if value > 0 else (f"-{prefix}.inf", _UNARY)
            case complex() if not (math.isfinite(value.real) and math.isfinite(value.imag)) or repr(value).startswith(
                "-0"
            ):
                return self._inject("z", value), _ATOM
        text = repr(value)
        return text, _UNARY if text.startswith("-") else _ATOM

    def _sum(self, block: _Block, node: int) -> Text:
        parts: list[str] = []
        for a, negative in zip(self.args[node], self.data[node], strict=True):
            text = self._in(block, a, _SUM + negative) if parts or not negative else "-" + self._in(block, a, _PRODUCT)
            parts.append(f" {'-' if negative else '+'} {text}" if parts else text)
        return self._nary(block, parts, "")

    def _nary(self, block: _Block, parts: list[str], joint: str) -> Text:
        """A long chain is cut into statements: neither parser nor reader gets too much at once."""
        precedence = _PRODUCT if joint else _SUM
        text = parts[0]
        pending = 1
        for part in parts[1:]:
            if pending == _MANY or len(text) > 2 * _WIDE:
                text, pending = self._assign(block, text)[0], 1
            text += joint + part
            pending += 1
        return text, precedence

    def _logic(self, block: _Block, node: int) -> Text:
        symbol, precedence, word, word_precedence = _LOGIC[str(self.ops[node].numpy)]
        if self.scalars:
            symbol, precedence = word, word_precedence
        parts = [self._in(block, a, precedence + 1) for a in self.args[node]]
        return self._nary(block, [parts[0], *(f" {symbol} {p}" for p in parts[1:])], "")[0], precedence

    def _exact(self, block: _Block, node: int) -> Text:
        op = self.ops[node]
        assert op.exact is not None
        data = (self.data[node],) if op.form == "sum" else ()
        target = self._inject(op.exact.__name__, op.exact)
        texts = [self._literal(d) for d in data] + [block.text[a][0] for a in self.args[node]]
        return f"{target}({', '.join(texts)})", _ATOM

    def _region(self, block: _Block, node: int) -> Text:
        *others, body = self.args[node]
        data: Region = self.data[node]
        captured = self._captured((body,), block.text.keys() - set(data.bound))
        bound = [(b, self.names.numbered("k")) for b in data.bound]
        live = [block.text[n] for n in captured]
        function = self._function("body", live, block, captured, (body,), bound)
        texts = [function, self._join([text for text, _ in live]), *(block.text[a][0] for a in others)]
        op = self.ops[node]
        target = self._target(op, op.math if self.scalars and op.math is not None else op.numpy)
        return f"{target}({', '.join(texts + [self._literal(e) for e in data.extra])})", _ATOM

    # -- selection -------------------------------------------------------------------------------------------------------

    def _select(self, block: _Block, node: int) -> Text:
        if self.scalars:
            return self._select_scalar(block, node)
        return self._select_everywhere(block, node) if self._is_eager(node) else self._select_guarded(block, node)

    def _select_everywhere(self, block: _Block, node: int) -> Text:
        """All arms, then np.where; what they warn of is silenced, for it need not be what is selected."""
        args = self.args[node]
        inside = block.inner(lines=[])
        self._run(inside, args)
        texts = [inside.text[a][0] for a in args]
        text = texts[-1]
        for i in range(len(args) - 3, -1, -2):
            text = f"np.where({texts[i]}, {texts[i + 1]}, {text})"
        if not inside.lines and all(self.ops[a] is CONST or a in block.text for a in args[1:]):
            return text, _ATOM
        self._fill(block, 'with np.errstate(all="ignore"):')
        block.lines += inside.lines
        name, precedence = self._assign(inside, text)
        block.lines.append(inside.lines[-1])
        return name, precedence

    def _select_guarded(self, block: _Block, node: int) -> Text:
        """Each arm a function of the elements that it is selected for."""
        args = self.args[node]
        captured = self._captured(args[1:], block.text)
        live = [block.text[n] for n in captured]
        texts = [block.text[args[0]][0]]
        for a in args[1:]:
            if self.ops[a] is CONST:
                texts.append(self._constant(self.data[a])[0])
            else:
                texts.append(self._function("arm", live, block, captured, (a,)))
        ranks = tuple(self.program.rank[n] for n in captured)
        samples = self._join(self._samples(block, node))
        call = self._inject("piecewise", rt.piecewise)
        return f"{call}({', '.join([self._join([t for t, _ in live]), self._literal(ranks), samples, *texts])})", _ATOM

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
            found |= {
                block.text[n][0]: None for n in self._captured((a,), block.text) if self.kinds[n] & kinds == kinds
            }
            if not kinds & (BOOL | INT):
                found["0.0"] = None
        return list(found)

    def _select_scalar(self, block: _Block, node: int) -> Text:
        args = self.args[node]
        if self._is_eager(node):
            self._run(block, args)
            return self._if_else([block.text[a] for a in args])
        trial = _Block([], "", dict(block.text), block.depth)
        if len(args) <= 2 * _MANY and self.guard_depth[node] <= 3:
            saved = len(self.functions), dict(self.names.last)
            for a in args:
                self._run(trial, (a,))
            if not trial.lines and len(self.functions) == saved[0]:
                text = self._if_else([trial.text[a] for a in args])
                if len(text[0]) <= 2 * _WIDE:
                    return text
            del self.functions[saved[0] :]
            self.names.last = saved[1]
        captured = self._captured(args, block.text)
        names = ", ".join(block.text[n][0] for n in captured)
        inner = _Block([], "        ", {n: block.text[n] for n in captured}, block.depth + 1)
        for i in range(0, len(args) - 1, 2):
            self._run(inner, (args[i],))
            self._fill(inner, f"if {inner.text[args[i]][0]}:")
            arm = inner.inner()
            self._run(arm, (args[i + 1],))
            self._fill(arm, f"return {arm.text[args[i + 1]][0]}")
        self._run(inner, (args[-1],))
        name = self.names.numbered("choose")
        self.functions += [
            f"    def {name}({names}):", *inner.lines, f"        return {inner.text[args[-1]][0]}"
        ]  # fmt: skip
        return f"{name}({names})", _ATOM

    def _if_else(self, texts: Sequence[Text]) -> Text:
        wrapped = [f"({text})" if own <= _IF else text for text, own in texts]
        pieces = [f"{wrapped[i + 1]} if {wrapped[i]} else " for i in range(0, len(wrapped) - 1, 2)]
        return "".join([*pieces, wrapped[-1]]), _IF
