"""What a kernel computes: the nodes of a program, one after the other, as operations on vectors."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._program.ir import CONST, Operator, Program, is_real_constant
from . import complexes, division
from .arms import Arm, dear_arms
from .clusters import Result
from .composed import COMPOSED, GUARDED, QUOTIENTS
from .frame import BIT, ELEMENTS, Operand, Target, kernel_text
from .functions import FUNCTIONS
from .single import SINGLE
from .telling import Body, Value
from .types import Types, strong
from .vectors import Vector, absolute, where


_LONG = 100  # operations
_COMPLEX = ("F", "D")
_ROOM = {
    BIT: 1,
    "b": 7,
    "B": 8,
    "h": 15,
    "H": 16,
    "i": 31,
    "I": 32,
    "q": 63,
}  # bits of integers in memory, beside the sign


def cluster_text(
    program: Program,
    types: Types,
    order: Sequence[int],
    inputs: Sequence[int],
    scalars: Sequence[bool],
    results: Sequence[Result],
    target: Target,
    bits: int | None = None,
    short: Mapping[int, str] | None = None,
) -> str:
    """The module of a kernel.

    Args:
        program: what all are nodes of.
        types: theirs.
        order: the nodes that it computes, each after its operands.
        inputs: the nodes that it is given.
        scalars: which of these are one number for all elements.
        results: what it gives.
        target: what processor it is for.
        bits: of the integers that it is given, how many there may be beside the sign; None for all.
        short: of inputs that are shorter integers in memory than int64, their types there.
    """
    in_memory, is_long = short or {}, len(order) > _LONG
    outputs = [(node, result.type) for result in results for node in result.nodes]

    def write(body: Body, values: list[Value]) -> list[Value]:
        computed = set(order)
        body.untold.update(i for i, (node, _) in enumerate(outputs) if node not in computed)
        always, arms = dear_arms(program, order, [node for node, _ in outputs if node in computed])
        writer = _Writer(program, types, body, dict(zip(inputs, values, strict=True)), arms)
        if not is_long:
            writer.varying = _varying(program, order, [n for n, s in zip(inputs, scalars, strict=True) if not s])
        for node in always:
            writer.write(node)
        return [writer.converted(node, kind) for node, kind in outputs]

    operands = [
        Operand(in_memory.get(n, types.of[n]), scalar, _limit(bits, in_memory.get(n, types.of[n])))
        for n, scalar in zip(inputs, scalars, strict=True)
    ]
    kinds, counts = [kind for _, kind in outputs], [result.length for result in results]
    return kernel_text(operands, kinds, write, target, is_long, counts)


def _varying(program: Program, order: Sequence[int], arrays: Sequence[int]) -> set[int]:
    """The nodes that are not one number for all elements."""
    found = set(arrays)
    for node in order:
        if not found.isdisjoint(program.args[node]):
            found.add(node)
    return found


def _limit(bits: int | None, kind: str) -> int | None:
    """How many bits an integer in memory may have beside the sign, if it has room for more."""
    if bits is None or kind not in _ROOM or _ROOM[kind] <= bits:
        return None
    return bits


class _Writer:
    def __init__(
        self, program: Program, types: Types, body: Body, values: dict[int, Value], arms: dict[Arm, list[int]]
    ) -> None:
        self.program = program
        self.types = types.of
        self.body = body
        self.values = values
        self.arms = arms
        # Nodes that are computed for each element; those of a long program are not looked at, which saves compiling.
        self.varying: set[int] = set()

    def write(self, node: int) -> None:
        """One node, whose operands are there."""
        op = self.program.ops[node]
        self.values[node] = getattr(self, f"_{op.form}")(node)

    # -- operands ----------------------------------------------------------------------------------------------------

    def converted(self, node: int, kind: str) -> Value:
        """A node that was written, an argument or a constant, in a type that holds it."""
        # A constant is written in the type in which it is met: it is weak, and has none of its own.
        if self.program.ops[node] is CONST:
            return self._constant(self.program.data[node], kind)
        return _converted(self.values[node], self.types[node], kind)

    def _constant(self, value: Any, kind: str) -> Value:
        text, element = self.body.text, ELEMENTS[kind][0]
        if kind in "FD":
            return text.number(value.real, element), text.number(complex(value).imag, element)
        return (text.number(value, element),)

    def _operands(self, node: int) -> tuple[str, list[Value]]:
        """The common type of all operands, and each converted to it."""
        args = self.program.args[node]
        kind = strong([self.types[a] for a in args])
        assert kind is not None
        return kind, [self.converted(a, kind) for a in args]

    # -- forms -------------------------------------------------------------------------------------------------------

    def _chain(self, node: int, step: Callable[[int, str, Value, Value], Value]) -> Value:
        """From the left, each step in the common type of what there is and the next operand."""
        args = self.program.args[node]
        kind: Any = self.types[args[0]]
        total: Value | None = None
        for i, a in enumerate(args[1:], 1):
            common = strong([kind, self.types[a]])
            assert common is not None
            left = self.converted(args[0], common) if total is None else _converted(total, kind, common)
            total = step(i, common, left, self.converted(a, common))
            kind = common
        if total is None:
            total, kind = self.converted(args[0], self.types[node]), self.types[node]
        return total

    def _sum(self, node: int) -> Value:
        negative = self.program.data[node]
        first = self.program.args[node][0]

        def step(i: int, kind: str, left: Value, right: Value) -> Value:
            # A sign before the first term goes with the first step, in the common type.
            if i == 1 and negative[0]:
                left = tuple(-part for part in left)
            return tuple(x - y if negative[i] else x + y for x, y in zip(left, right, strict=True))

        if len(negative) == 1:
            return tuple(-part if negative[0] else part for part in self.converted(first, self.types[node]))
        return self._chain(node, step)

    def _product(self, node: int) -> Value:
        def step(i: int, kind: str, left: Value, right: Value) -> Value:
            return complexes.multiply(left, right) if kind in "FD" else (left[0] * right[0],)

        return self._chain(node, step)

    def _quotient(self, node: int) -> Value:
        kind = self.types[node]
        first, second = self.program.args[node]
        above, below = self.converted(first, kind), self.converted(second, kind)
        if is_real_constant(self.program, second):
            divisor = self.program.data[second]
            if first in self.varying and division.has_quick_form(divisor, above[0].kind):
                return division.divided(above, divisor)
            return tuple(part / below[0] for part in above)
        return complexes.divide(above, below) if kind in "FD" else (above[0] / below[0],)

    def _negative(self, node: int) -> Value:
        return tuple(-part for part in self.converted(self.program.args[node][0], self.types[node]))

    def _compare(self, node: int) -> Value:
        kind, (left, right) = self._operands(node)
        operator = self.program.ops[node].numpy
        assert isinstance(operator, Operator)
        parts = [x.compare(operator.symbol, y) for x, y in zip(left, right, strict=True)]
        if kind in "FD":
            return (parts[0] & parts[1] if operator.symbol == "==" else parts[0] | parts[1],)
        return (parts[0],)

    def _logic(self, node: int) -> Value:
        operator = self.program.ops[node].numpy
        assert isinstance(operator, Operator)
        name = {"&": "and", "|": "or", "^": "xor"}[operator.symbol]
        parts = [self.converted(a, "?")[0] for a in self.program.args[node]]
        total = parts[0]
        for part in parts[1:]:
            total = total.operation(name, part)
        return (total,)

    def _select(self, node: int) -> Value:
        self.body.selects = True
        args, kind = self.program.args[node], self.types[node]
        conditions = [self.converted(a, "?")[0] for a in args[:-1:2]]
        # Lanes that no condition before has selected; None while that is all of them.
        undecided: Vector | None = None
        values = []
        for i, arm in enumerate((*args[1::2], args[-1])):
            place = (node, min(2 * i + 1, len(args) - 1))
            lanes = undecided
            if i < len(conditions):
                lanes = conditions[i] if undecided is None else conditions[i] & undecided
                undecided = ~conditions[i] if undecided is None else undecided & ~conditions[i]
            if lanes is not None and _is_no_number(self.types[arm]):
                self.body.excuse(lanes)
            if lanes is not None and place in self.arms:
                values.append(self._guarded(place, lanes, arm, kind))
            else:
                values.append(self.converted(arm, kind))
        result = values.pop()
        # From the last to the first: the first true condition has the last word.
        for condition, value in zip(reversed(conditions), reversed(values), strict=True):
            result = tuple(where(condition, x, y) for x, y in zip(value, result, strict=True))
        return result

    def _guarded(self, place: Arm, lanes: Vector, arm: int, kind: str) -> Value:
        """An arm, computed if one of these lanes selects it."""
        # Vectors made inside the branch exist only there: what is used after it has to go through a phi.
        text, poles, excused = self.body.text, self.body.poles, self.body.excused
        before, inside, after = text.block, text.new_name("arm"), text.new_name("all")
        text.lines.append(f"br i1 {text.any_of(lanes)}, label %{inside}, label %{after}")
        text.begin(inside)
        for node in self.arms[place]:
            self.write(node)
        value = self.converted(arm, kind)
        end = text.block
        text.lines.append(f"br label %{after}")
        text.begin(after)
        self.body.poles = poles  # what is selected tells of these
        if self.body.excused is not excused:
            assert self.body.excused is not None
            self.body.excused = self._merged(self.body.excused, end, excused, before)
        return tuple(self._merged(part, end, None, before) for part in value)

    def _merged(self, one: Vector, end: str, other: Vector | None, before: str) -> Vector:
        """The one value, if the block that ends with `end` was run, else the other."""
        name = "zeroinitializer" if other is None else other.name
        return self.body.text.let(one.kind, f"phi {one.type} [ {one.name}, %{end} ], [ {name}, %{before} ]")

    # -- functions ---------------------------------------------------------------------------------------------------

    def _call(self, node: int) -> Value:
        name = self.program.ops[node].native
        assert name is not None
        kind = self.types[node]
        self.body.selects |= name in GUARDED
        special = _SPECIAL.get(name)
        if special is not None:
            operand_kind, operands = self._operands(node)
            return special(operand_kind, *operands)
        if kind in "FD":
            operand = self.converted(self.program.args[node][0], kind)
            return _converted(complexes.FUNCTIONS[name](self.body, _converted(operand, kind, "D")), "D", kind)
        if name == "angle" and self.types[self.program.args[node][0]] in _COMPLEX:
            operand = self.converted(self.program.args[node][0], "D")
            return _converted((complexes.angle(self.body, operand),), "d", kind)
        if name == "sqrt":
            return (self.body.text.intrinsic("sqrt", self.converted(self.program.args[node][0], kind)[0]),)
        if name == "heaviside":
            x, at_zero = (self.converted(a, kind)[0] for a in self.program.args[node])
            step = where(x > 0.0, 1.0, where(x < 0.0, x.like(0.0), at_zero))
            return (where(x.is_nan(), x, step),)
        if kind == "f" and name in SINGLE:
            return (self.body.function(name, *self.converted(self.program.args[node][0], kind)),)
        # Any other float is computed as a double, whose rounding to a float is the right one but in rare cases.
        if name in QUOTIENTS:
            doubles = [_converted((operand,), kind, "d")[0] for operand in self._quotient_of_sum(node, kind)]
            return _converted((QUOTIENTS[name](self.body, *doubles),), "d", kind)
        doubles = [_converted(self.converted(a, kind), kind, "d")[0] for a in self.program.args[node]]
        if name in COMPOSED:
            return _converted((COMPOSED[name](self.body, *doubles),), "d", kind)
        return _converted((self.body.function(name, *doubles),), "d", kind)

    def _quotient_of_sum(self, node: int, kind: str) -> tuple[Vector, Vector]:
        """The numerator, a sum of terms with whole coefficients, and the denominator; see `_runtime.quotients`."""
        coefficients, constant, denominator = self.program.data[node]
        total: Vector | None = None
        for coefficient, a in zip(coefficients, self.program.args[node], strict=True):
            [term] = self.converted(a, kind)
            product = term if coefficient == 1 else term * coefficient
            total = product if total is None else total + product
        assert total is not None
        return (total + constant if constant else total), total.like(denominator)


def _is_no_number(constant: Any) -> bool:
    """Is this the value of a constant, and infinite or nan?"""
    return type(constant) in (float, complex) and not cmath.isfinite(constant)


def _converted(value: Value, kind: str, goal: str) -> Value:
    """The same number as another type, which holds it."""
    if kind == goal:
        return value
    element = ELEMENTS[goal][0]
    parts = [part.converted(element) for part in value]
    if goal in "FD" and len(parts) == 1:
        # A real number has the imaginary part +0, as NumPy gives it.
        parts.append(parts[0].like(0.0))
    return tuple(parts)


def _extremum(symbol: str) -> Callable[..., Value]:
    """NumPy's minimum and maximum: nan where one is nan."""

    def choose(kind: str, x: Value, y: Value) -> Value:
        first = x[0].compare(symbol, y[0])
        if kind in "fd":
            # A comparison with nan is false: nan in y falls through to y, nan in x is chosen here.
            first = first | x[0].is_nan()
        return (where(first, x[0], y[0]),)

    return choose


def _abs(kind: str, x: Value) -> Value:
    if kind in "FD":
        return (complexes.size(x, kind == "F"),)
    if kind == "q":
        # -2**63 has no positive, but never comes here: the bounds on a kernel's integers leave it out.
        return (where(x[0] < 0, -x[0], x[0]),)
    return (absolute(x[0]),)


def _sign(kind: str, x: Value) -> Value:
    # Both relations are false of nan, which is its own sign.
    one, zero = x[0].like(1), x[0].like(0)
    result = where(x[0] > 0, one, where(x[0] < 0, x[0].like(-1), zero))
    return (where(x[0].is_nan(), x[0], result) if kind in "fd" else result,)


def _floor(kind: str, x: Value) -> Value:
    return x if kind == "q" else (x[0].text.intrinsic("floor", x[0]),)


_SPECIAL: dict[str, Callable[..., Value]] = {
    "minimum": _extremum("<="),
    "maximum": _extremum(">="),
    "abs": _abs,
    "sign": _sign,
    "floor": _floor,
    "real": lambda kind, x: x[:1],
    "imag": lambda kind, x: x[1:],
    "conjugate": lambda kind, x: (x[0], -x[1]) if kind in "FD" else x,
    "logical_not": lambda kind, x: (~x[0],),
    "isnan": lambda kind, x: (x[0].is_nan(),),
    "isinf": lambda kind, x: (absolute(x[0]).equals(math.inf),),
}
assert not _SPECIAL.keys() & FUNCTIONS.keys()
