"""The walk from a SymPy expression to a program: every node once, no recursion, no sorting, no look at what prints
it.

Rules are found by the exact class of a node. A rule (`Rule`) says what to lower first, usually `expr.args`, and
then makes program nodes from the results. Constant subexpressions are not lowered: the largest ones are evaluated
whole, at 40 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
from sympy.tensor.array.expressions import ArraySymbol

from .._kinds import COMPLEX, INT, arithmetic
from .._program.builder import Builder
from .._program.ir import Layout, Op, Program
from .._program.ops import EXTENT, SHAPED, STACK, WIDENED
from .._runtime.numbers import foreign
from .._symbolic.budget import is_affordable
from .._symbolic.exact import evaluate
from .._symbolic.nodes import AppliedUndef, BooleanAtom, UndefinedFunction
from .._symbolic.refusal import refuse
from .._symbolic.text import describe
from .physics import rule_of_physics
from .reality import as_real
from .refusals import as_sympy, missing, no_form, unknown
from .rule import Body, Rule, Under
from .users import check_arity, class_of


_DEEP = 6  # constants nested deeper are cut to 40 digits on the way, so that SymPy never recurses far

_NUMBERS = (sp.Number, sp.NumberSymbol, BooleanAtom)
_RATIONAL = frozenset({sp.Integer, sp.Rational, *map(type, (sp.S.Zero, sp.S.One, sp.S.NegativeOne, sp.S.Half))})


@dataclass(slots=True, eq=False)  # not frozen: that doubles the time to make one, and there are many
class Constant:
    """A constant subexpression with operands that is not a node yet; one without is known by its expression alone.

    Attributes:
        expr: the expression, or one that is worth the same to 40 digits.
        rule: the rule of its class, if it has operands still.
        parts: its operands, constants themselves.
        depth: how deep `expr` is nested.
        cut: `expr` is not the original.
    """

    expr: sp.Basic
    rule: Rule | None = None
    parts: tuple[Constant | sp.Basic, ...] = ()
    depth: int = 0
    cut: bool = False


@dataclass(slots=True)
class Scope:
    """What symbols stand for, and what was lowered, under one set of bound variables."""

    leaves: dict[Any, int]
    types: set[type]
    bound: tuple[int, ...] = ()  # the nodes of the variables bound here, not further out
    depth: int = 0
    # id of an expression -> node, Constant, or the expression itself, if that is a number. Of very many numbers and
    # operands nothing is made but what is here: each object would be one more for the garbage collector to look at.
    done: dict[int, Any] = field(default_factory=dict)
    begun: dict[int, tuple[Rule, Sequence[Any]]] = field(default_factory=dict)
    inner: dict[tuple[Any, ...], Scope] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)  # what `done` knows by id must not be collected


def lower(
    expr: sp.Basic,
    call_signature: Sequence[tuple[Any, str]],
    rules: Mapping[type, Rule],
    functions: Mapping[Any, Callable[..., Any]],
) -> Program:
    """The program of `expr`, a SymPy expression or a list, tuple, dict or NumPy array of such.

    Raises:
        CompileError: a node has no rule, a symbol is no argument, or a constant has no value.
    """
    return _Lowering(call_signature, rules, functions).run(expr)


class _Lowering:
    def __init__(
        self,
        call_signature: Sequence[tuple[Any, str]],
        rules: Mapping[type, Rule],
        functions: Mapping[Any, Callable[..., Any]],
    ) -> None:
        self.builder = Builder([name for _, name in call_signature])
        self.arguments = [argument for argument, _ in call_signature]
        self.rules = rules
        self.functions = {class_of(key): function for key, function in functions.items()}
        self.user_ops: dict[Any, Op] = {}
        self.whole: object = None
        self._known: dict[type, Rule] = {}  # of the classes that came, those that bring no function of the user's
        shapes = [_shape_of(argument) for argument in self.arguments]
        leaves = {
            argument: self.builder.param(index, len(shape))
            for index, (argument, shape) in enumerate(zip(self.arguments, shapes, strict=True))
        }
        self.root = Scope(leaves, {type(argument) for argument in self.arguments})
        self._check_shapes(call_signature, shapes)

    def _check_shapes(self, call_signature: Sequence[tuple[Any, str]], shapes: Sequence[tuple[Any, ...]]) -> None:
        """Have matrices and arrays checked at the call. A symbol that is a size, and no argument, is read off."""
        b, leaves = self.builder, self.root.leaves
        for (argument, name), shape in zip(call_signature, shapes, strict=True):
            for axis, size in enumerate(shape):
                if isinstance(size, sp.Symbol) and size not in leaves:
                    # One shape is enough to read a size off: the others are checked against it below.
                    leaves[size] = b.apply(EXTENT, leaves[argument], data=(name, axis, len(shape)), rank=0)
                    self.root.types.add(type(size))
        for (argument, name), shape in zip(call_signature, shapes, strict=True):
            if shape:
                sizes = [self._size(size) for size in shape]
                leaves[argument] = b.apply(SHAPED, leaves[argument], *sizes, data=(name,), rank=len(shape))

    def _size(self, size: sp.Basic) -> int:
        """The node of a size; -1 if it has a symbol that nothing settles."""
        if size.free_symbols - self.root.leaves.keys():
            return self.builder.const(-1)
        return self.node(size, self.root)

    def run(self, expr: sp.Basic) -> Program:
        self.whole = expr
        return self.builder.finish(self._layout(expr))

    def _layout(self, expr: sp.Basic) -> Layout:
        match expr:
            case dict():
                return Layout("dict", items=tuple(map(self._layout, expr.values())), keys=tuple(expr))
            case list():
                return Layout("list", items=tuple(map(self._layout, expr)))
            case tuple() | sp.Tuple():
                return Layout("tuple", items=tuple(map(self._layout, expr)))
            case sp.Dict():
                return Layout("dict", items=tuple(self._layout(v) for v in expr.values()), keys=tuple(expr.keys()))
            case np.ndarray():
                # Entries are checked here: SymPy would evaluate strings among them.
                expr = sp.ImmutableDenseNDimArray([as_sympy(entry) for entry in expr.flat], expr.shape)
        expr = as_sympy(expr)
        node = self.node(expr, self.root)
        # Constant matrices are made of small integers, which must not be seen in a result.
        if self.builder.rank[node] and self.builder.kinds[node] == INT and self.builder.ops[node] is not STACK:
            node = self.builder.apply(WIDENED, node)
        return Layout("node", as_real(self.builder, node, expr, self.arguments))

    # -- the walk ----------------------------------------------------------------------------------------------------

    def node(self, expr: sp.Basic, scope: Scope) -> int:
        """The node of `expr`, by an explicit stack: an entry is visited twice, before and after its operands."""
        todo, scopes = [expr], [scope]  # two stacks, as pairs would be so many objects more
        while todo:
            current, scope_ = todo[-1], scopes[-1]
            if type(current) is Under:
                current, scope_ = self._operand(current, scope_)
            key = id(current)
            # Pushed by several parents before it was done: the first visit has done it.
            if key in scope_.done:
                todo.pop()
                scopes.pop()
                continue
            # Rules may make operands anew each time: what was asked for is remembered until the node is combined.
            begun = scope_.begun.pop(key, None)
            if begun is None:
                leaf = self._leaf(current, scope_)
                if leaf is not None:
                    self._finish(current, scope_, leaf)
                    todo.pop()
                    scopes.pop()
                    continue
                rule = self._rule(current)
                operands = current.args if rule.operands is None else rule.operands(self.builder, current)
                done = scope_.done
                waiting = [o for o in operands if id(o) not in done and not self._is_done_at_once(o, scope_)]
                if waiting:
                    scope_.begun[key] = (rule, operands)
                    # Reversed, as the stack gives back the last first: operands are numbered in their own order.
                    todo.extend(reversed(waiting))
                    scopes.extend([scope_] * len(waiting))
                    continue
                begun = rule, operands
            todo.pop()
            scopes.pop()
            rule, operands = begun
            scope_.done[key] = self._combine(rule, current, scope_, operands)
            scope_.alive.append(current)
        return self._force(scope.done[id(expr)])

    def _is_done_at_once(self, expr: Any, scope: Scope) -> bool:
        """Is it one of most leaves, an argument or a rational number? They are done without a turn of their own."""
        kind = type(expr)
        if kind is Under:
            body, inner = self._operand(expr, scope)
            return id(body) in inner.done or self._is_done_at_once(body, inner)
        if kind in scope.types:
            node = scope.leaves.get(expr)
            if node is None:
                return False
            self._finish(expr, scope, node)
            return True
        if kind in _RATIONAL and kind not in self.rules:
            self._finish(expr, scope, expr)
            return True
        return False

    def _finish(self, expr: sp.Basic, scope: Scope, result: Any) -> None:
        scope.done[id(expr)] = result
        scope.alive.append(expr)

    def _leaf(self, expr: sp.Basic, scope: Scope) -> Any:
        kind = type(expr)
        # To look up an expression hashes all of it; its class says at once that most are no leaves.
        if kind in scope.types:
            node = scope.leaves.get(expr)
            if node is not None:
                return node
        # Before numbers: a class that has a rule of its own is lowered by it, not evaluated.
        if kind in self.rules:
            return None
        if isinstance(expr, _NUMBERS):
            return expr
        if isinstance(expr, sp.Symbol):
            raise unknown(expr, self.arguments, self.whole)
        return None

    def _rule(self, expr: sp.Basic) -> Rule:
        kind = type(expr)
        rule = self._known.get(kind)
        if rule is not None:
            return rule
        if self.functions or isinstance(kind, UndefinedFunction) or hasattr(kind, "f_numpy"):
            op = self._user_op(expr)
            if op is not None:
                return Rule(lambda b, e, *nodes: b.apply(op, *nodes), folds=False, ranked=True)
        rule = self.rules.get(kind)
        if rule is not None:
            self._known[kind] = rule
            return rule
        rule = rule_of_physics(kind)
        if rule is not None:
            return rule
        if isinstance(expr, AppliedUndef | sp.MatrixSymbol | ArraySymbol | sp.IndexedBase):
            raise unknown(expr, self.arguments, self.whole)
        if isinstance(expr, sp.Function):
            return Rule(no_form)  # of a constant, it is a constant: SymPy knows more functions than we do
        raise missing(expr)

    def _user_op(self, expr: sp.Basic) -> Op | None:
        """The user's own function for this class: passed in, or an attribute of the class."""
        cls = type(expr)
        # The user's own come first: passed in, then the class's attribute, then what SymPy attaches.
        found = self.functions.get(cls)
        if found is None:
            found = getattr(cls, "f_numpy", None)
        if found is None and isinstance(expr, AppliedUndef):
            found = getattr(cls, "_imp_", None)  # what SymPy's implemented_function leaves
        if found is None:
            return None
        if not callable(found):
            raise refuse(expr, f"its function {describe(found)} is not callable")
        check_arity(expr, found)
        op = self.user_ops.get(cls)
        if op is None:
            # Only of a ufunc do we know that an element depends on no other: np.cumsum is a function, too.
            elementwise = isinstance(found, np.ufunc) and found.signature is None
            # What SymPy applies an undefined function to, it takes for a number: the norm of a matrix.
            rank = None if elementwise else lambda ranks: 0
            op = self.user_ops[cls] = Op(
                cls.__name__, foreign(found), kinds=arithmetic, rank=rank, elementwise=elementwise, foreign=True
            )
        return op

    def _operand(self, operand: Under, scope: Scope) -> tuple[Any, Scope]:
        key = (*operand.symbols, operand.kinds)
        inner = scope.inner.get(key)
        if inner is None:
            # The depth tells apart two nested sums over the same symbol; sums side by side may share their variable.
            bound = tuple(self.builder.bound((symbol, scope.depth), operand.kinds) for symbol in operand.symbols)
            leaves = scope.leaves | dict(zip(operand.symbols, bound, strict=True))
            types = scope.types | {type(symbol) for symbol in operand.symbols}
            inner = scope.inner[key] = Scope(leaves, types, bound, scope.depth + 1)
        return operand.expr, inner

    def _combine(self, rule: Rule, expr: sp.Basic, scope: Scope, operands: Sequence[Any]) -> Any:
        folds, done = rule.folds, scope.done
        parts: list[Any] = []
        bodies: dict[int, tuple[int, ...]] = {}
        for i, operand in enumerate(operands):
            if type(operand) is Under:
                # A body of bound variables is a function, and never a constant, even if it depends on none of them.
                body, inner = self._operand(operand, scope)
                part, folds, bodies[i] = inner.done[id(body)], False, inner.bound
            else:
                part = done[id(operand)]
                if type(part) is int:
                    folds = False
            parts.append(part)
        if folds:
            constant = self._constant(rule, expr, parts)
            if constant is not None:
                return constant
        force, builder = self._force, self.builder
        nodes: list[Any] = [part if type(part) is int else force(part) for part in parts]
        # Broadcasting would pair the axes of a matrix with those of an argument, without an error.
        if not rule.ranked and any([builder.rank[node] for node in nodes]):  # noqa: C419  a list is quicker
            raise refuse(expr, f"{type(expr).__name__} is of numbers, and one of its operands is a matrix or array")
        for i, bound in bodies.items():
            nodes[i] = Body(nodes[i], bound)
        if rule.real:
            self._check_real(expr, nodes)
        return rule.lower(builder, expr, *nodes)

    def _constant(self, rule: Rule, expr: sp.Basic, parts: Sequence[Any]) -> Constant | None:
        """The constant that `expr` is, of constant parts; None if it has to be computed."""
        composed = [part for part in parts if type(part) is Constant]
        depth = 1 + max([part.depth for part in composed], default=0)
        cut = any([part.cut for part in composed])  # noqa: C419  a list is quicker
        # Kept as an expression: the largest constant is evaluated as a whole, and rounded once.
        if depth <= _DEEP:
            whole = expr.func(*map(_expression, parts)) if cut else expr
            return Constant(whole, rule, tuple(parts), depth, cut)
        # Too deep: the parts become numbers of 40 digits, and the whole is flat again.
        values = [evaluate(_expression(part)) for part in parts]
        if all(value is not None for value in values) and is_affordable(expr):
            return Constant(expr.func(*values), cut=True)
        return None

    def _check_real(self, expr: sp.Basic, nodes: Sequence[int]) -> None:
        for node in nodes:
            if self.builder.kinds[node] == COMPLEX:
                raise refuse(expr, f"{type(expr).__name__} is of real numbers, and one of its operands is complex")

    def _force(self, part: Any) -> int:
        """The node of a lowered operand: a constant is evaluated now; what has no value is computed at each call."""
        if type(part) is int:
            return part
        # A rational need not be evaluated: the builder takes it as it is, and keeps it exact.
        if type(part) in _RATIONAL:
            return self.builder.const(part)
        expr = _expression(part)
        value = expr if isinstance(expr, sp.Rational) else evaluate(expr)
        if value is not None:
            return self.builder.const(value)
        if type(part) is not Constant or part.rule is None:
            raise refuse(expr, "this constant has no numerical value")
        # Recursion is safe: constants nest no deeper than `_DEEP`.
        nodes = [self._force(operand) for operand in part.parts]
        if part.rule.real:
            self._check_real(part.expr, nodes)
        return part.rule.lower(self.builder, part.expr, *nodes)


def _expression(part: Constant | sp.Basic) -> Any:
    return part.expr if type(part) is Constant else part


def _shape_of(argument: sp.Basic) -> tuple[Any, ...]:
    """The sizes of the leading axes that an argument has, as SymPy has them: none for a number."""
    if isinstance(argument, sp.MatrixSymbol | ArraySymbol | sp.IndexedBase):
        return tuple(argument.shape or ())
    return ()
