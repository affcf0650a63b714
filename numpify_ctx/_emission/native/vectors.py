"""Straight-line LLVM IR, written as formulas: `Vector` overloads Python's operators, `Text` keeps the lines.

Every value is a vector of `width` elements, one for each lane of the processor. There is no "fast math": an operation
is the one correctly rounded operation of IEEE 754 that it says, `fma` one rounding for a product and a sum. So results
are the same on every processor, and arithmetic is what NumPy gives, bit for bit.

The names in the text are numbers of our own; nothing of an expression is ever in it but numbers.

>>> text = Text(width=4)
>>> x = text.argument("x")
>>> _ = x * x + 1.0
>>> print(*text.lines, sep="\\n")
%v1 = fmul <4 x double> %x, %x
%v2 = fadd <4 x double> %v1, splat (double 0x3FF0000000000000)
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence


DOUBLE, FLOAT, INT, WORD, FLAG = "double", "float", "i64", "i32", "i1"  # the types of an element

_SHORT = {DOUBLE: "f64", FLOAT: "f32", INT: "i64", WORD: "i32"}  # in the names of intrinsics
_COMPARE = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}


class Text:
    """Lines of one function, and the intrinsics that they call."""

    def __init__(self, width: int, declared: set[str] | None = None) -> None:
        self.width = width
        self.lines: list[str] = []
        # Shared by all functions of a module, which declares each intrinsic once.
        self.declared = set() if declared is None else declared
        self.block = "entry"  # the label that the current line stands under
        self._numbers = itertools.count(1)

    def new_name(self, stem: str = "") -> str:
        """A name that is not used yet, without the % before it."""
        return f"{stem}{next(self._numbers)}"

    def halved(self) -> Text:
        """What writes vectors of half the width among the same lines."""
        half = Text(self.width // 2, self.declared)
        half.lines, half._numbers = self.lines, self._numbers
        return half

    def type_of(self, kind: str) -> str:
        """The type of a vector of such elements."""
        return f"<{self.width} x {kind}>"

    def let(self, kind: str, operation: str) -> Vector:
        """A new value."""
        name = f"%{self.new_name('v')}"
        self.lines.append(f"{name} = {operation}")
        return Vector(self, name, kind)

    def argument(self, name: str, kind: str = DOUBLE) -> Vector:
        """A value that is there from the start."""
        return Vector(self, f"%{name}", kind)

    def number(self, value: float, kind: str = DOUBLE) -> Vector:
        """The same number in all lanes."""
        return Vector(self, f"splat ({kind} {literal(value, kind)})", kind)

    def call(self, function: str, kind: str, *operands: Vector) -> Vector:
        """A call of a function of our own."""
        given = ", ".join(f"{o.type} {o.name}" for o in operands)
        return self.let(kind, f"call {self.type_of(kind)} @{function}({given})")

    def scalar(self, operation: str) -> str:
        """The name of a new value that is no vector."""
        return self.let("", operation).name

    def intrinsic(self, name: str, *operands: Vector) -> Vector:
        """A call of an intrinsic of LLVM's, of operands of one type."""
        first = operands[0]
        function = f"llvm.{name}.v{self.width}{_SHORT[first.kind]}"
        self.declared.add(f"declare {first.type} @{function}({', '.join([first.type] * len(operands))})")
        return self.call(function, first.kind, *operands)

    def any_of(self, flags: Vector) -> str:
        """The name of one flag: is any lane true?"""
        # One bit for each lane: seen as one integer, all are compared at once.
        bits = self.scalar(f"bitcast {flags.type} {flags.name} to i{self.width}")
        return self.scalar(f"icmp ne i{self.width} {bits}, 0")

    def begin(self, label: str) -> None:
        """The lines that follow stand under this label."""
        self.lines.append(f"{label}:")
        self.block = label


class Vector:
    """A value: its name in the text, and the type of its elements."""

    __slots__ = ("kind", "name", "text")

    def __init__(self, text: Text, name: str, kind: str) -> None:
        self.text = text
        self.name = name
        self.kind = kind

    @property
    def type(self) -> str:
        """As it is written."""
        return self.text.type_of(self.kind)

    def like(self, value: Vector | float) -> Vector:
        """A number as a vector of this type."""
        return value if isinstance(value, Vector) else self.text.number(value, self.kind)

    def operation(self, name: str, other: Vector | float) -> Vector:
        """An instruction of two operands of this type."""
        return self.text.let(self.kind, f"{name} {self.type} {self.name}, {self.like(other).name}")

    def _arithmetic(self, name: str, other: Vector | float) -> Vector:
        return self.operation(name if self.kind in (INT, WORD) else f"f{name}", other)

    def __add__(self, other: Vector | float) -> Vector:
        return self._arithmetic("add", other)

    def __radd__(self, other: float) -> Vector:
        return self.like(other) + self

    def __sub__(self, other: Vector | float) -> Vector:
        return self._arithmetic("sub", other)

    def __rsub__(self, other: float) -> Vector:
        return self.like(other) - self

    def __mul__(self, other: Vector | float) -> Vector:
        return self._arithmetic("mul", other)

    def __rmul__(self, other: float) -> Vector:
        return self.like(other) * self

    def __truediv__(self, other: Vector | float) -> Vector:
        return self.operation("fdiv", other)

    def __rtruediv__(self, other: float) -> Vector:
        return self.like(other) / self

    def __neg__(self) -> Vector:
        if self.kind in (INT, WORD):
            return self.like(0) - self
        # Not 0 - x, which is +0.0 for x = 0.0.
        return self.text.let(self.kind, f"fneg {self.type} {self.name}")

    def __and__(self, other: Vector | int) -> Vector:
        return self.operation("and", other)

    def __or__(self, other: Vector | int) -> Vector:
        return self.operation("or", other)

    def __xor__(self, other: Vector | int) -> Vector:
        return self.operation("xor", other)

    def __lshift__(self, count: int) -> Vector:
        return self.operation("shl", count)

    def __rshift__(self, count: int) -> Vector:
        """Of the bits as they are: zeros come in from the left."""
        return self.operation("lshr", count)

    def __invert__(self) -> Vector:
        # All bits of the type: a flag has one.
        return self ^ (1 if self.kind == FLAG else -1)

    def compare(self, symbol: str, other: Vector | float) -> Vector:
        """A relation, false where one side is nan; but != is true there."""
        word = _COMPARE[symbol]
        if self.kind in (INT, WORD, FLAG):
            # Integers of LLVM's have no sign; relations say how they read them, and equality need not.
            sign = "" if symbol in ("==", "!=") else "s"
            operation = f"icmp {sign}{word}"
        else:
            # Ordered relations are false of nan; != has to be true, as the negation of ==.
            operation = f"fcmp {'u' if symbol == '!=' else 'o'}{word}"
        return self.text.let(FLAG, f"{operation} {self.type} {self.name}, {self.like(other).name}")

    def below(self, other: int) -> Vector:
        """Of integers without a sign: are they less?"""
        return self.text.let(FLAG, f"icmp ult {self.type} {self.name}, {self.like(other).name}")

    def __lt__(self, other: Vector | float) -> Vector:
        return self.compare("<", other)

    def __gt__(self, other: Vector | float) -> Vector:
        return self.compare(">", other)

    def __ge__(self, other: Vector | float) -> Vector:
        return self.compare(">=", other)

    def __le__(self, other: Vector | float) -> Vector:
        return self.compare("<=", other)

    def equals(self, other: Vector | float) -> Vector:
        """Are they equal?"""
        return self.compare("==", other)

    def is_nan(self) -> Vector:
        """Is it nan?"""
        return self.is_unordered(self)

    def is_unordered(self, other: Vector) -> Vector:
        """Is one of the two nan?"""
        return self.text.let(FLAG, f"fcmp uno {self.type} {self.name}, {other.name}")

    def bits(self) -> Vector:
        """A float or a double, seen as an integer of as many bits."""
        kind = WORD if self.kind == FLOAT else INT
        return self.text.let(kind, f"bitcast {self.type} {self.name} to {self.text.type_of(kind)}")

    def double(self) -> Vector:
        """An integer, seen as a double."""
        return self.text.let(DOUBLE, f"bitcast {self.type} {self.name} to {self.text.type_of(DOUBLE)}")

    def single(self) -> Vector:
        """An integer of 32 bits, seen as a float."""
        return self.text.let(FLOAT, f"bitcast {self.type} {self.name} to {self.text.type_of(FLOAT)}")

    def halves(self) -> list[Vector]:
        """The first and the second half of the lanes."""
        half = self.text.halved()
        count = half.width
        return [
            half.let(self.kind, f"shufflevector {self.type} {self.name}, {self.type} poison, {mask_of(places)}")
            for places in (range(count), range(count, 2 * count))
        ]

    def converted(self, kind: str) -> Vector:
        """The same number as another type."""
        if kind == self.kind:
            return self
        operation = _CONVERSIONS[self.kind, kind]
        return self.text.let(kind, f"{operation} {self.type} {self.name} to {self.text.type_of(kind)}")


# A flag converts as unsigned: as a signed number of one bit, true would be -1.
_CONVERSIONS = {
    (FLAG, INT): "zext", (FLAG, DOUBLE): "uitofp", (FLAG, FLOAT): "uitofp", (INT, DOUBLE): "sitofp",
    (INT, FLOAT): "sitofp", (WORD, FLOAT): "sitofp", (FLOAT, DOUBLE): "fpext", (DOUBLE, FLOAT): "fptrunc",
}  # fmt: skip


def literal(value: float, kind: str) -> str:
    """A number as LLVM reads it: floats by the bits of the double that they are.

    >>> literal(1.0, DOUBLE), literal(3, INT), literal(True, FLAG)
    ('0x3FF0000000000000', '3', 'true')
    """
    if kind == FLAG:
        return "true" if value else "false"
    if kind in (INT, WORD):
        return str(int(value))
    if kind == FLOAT:
        # LLVM refuses the literal of a float whose bits no float has.
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def mask_of(places: Sequence[int]) -> str:
    """Places of elements, as `shufflevector` takes them."""
    return f"<{len(places)} x i32> <{', '.join(f'i32 {p}' for p in places)}>"


def where(condition: Vector, one: Vector | float, other: Vector | float) -> Vector:
    """`one` where the condition is true, else `other`; two numbers are doubles."""
    if not isinstance(one, Vector):
        one = other.like(one) if isinstance(other, Vector) else condition.text.number(one)
    other = one.like(other)
    return one.text.let(
        one.kind, f"select {condition.type} {condition.name}, {one.type} {one.name}, {other.type} {other.name}"
    )


def absolute(x: Vector) -> Vector:
    """|x|."""
    return x.text.intrinsic("fabs", x)


def sqrt(x: Vector) -> Vector:
    """The square root, correctly rounded."""
    return x.text.intrinsic("sqrt", x)


def fma(x: Vector, y: Vector | float, z: Vector | float) -> Vector:
    """x*y + z, rounded once."""
    return x.text.intrinsic("fma", x, x.like(y), x.like(z))


def with_sign_of(x: Vector, sign: Vector) -> Vector:
    """|x|, with the sign of `sign`, also where that is -0.0."""
    return x.text.intrinsic("copysign", x, sign)


def rarely(name: str, lanes: Vector, value: Vector, *operands: Vector) -> Vector:
    """`value`, but in these lanes, which are rare, what the function `name` of the library gives: behind a branch."""
    text = value.text
    before, inside, after = text.block, text.new_name("rare"), text.new_name("all")
    text.lines.append(f"br i1 {text.any_of(lanes)}, label %{inside}, label %{after}, !prof !0")
    text.begin(inside)
    function = f"{name}.rare.{text.width}"
    text.declared.add(f"declare {value.type} @{function}({', '.join(o.type for o in operands)})")
    # All lanes are passed: those that are not rare keep their value, whatever the function makes of them.
    other = where(lanes, text.call(function, value.kind, *operands), value)
    text.lines.append(f"br label %{after}")
    text.begin(after)
    return text.let(value.kind, f"phi {value.type} [ {value.name}, %{before} ], [ {other.name}, %{inside} ]")


def polynomial(z: Vector, coefficients: Sequence[float]) -> Vector:
    """The polynomial in z; the coefficients in ascending order. Horner, the odd and the even powers side by side."""
    if len(coefficients) < 6:
        return _horner(z, coefficients)
    squared = z * z
    return fma(_horner(squared, coefficients[1::2]), z, _horner(squared, coefficients[::2]))


def _horner(z: Vector, coefficients: Sequence[float]) -> Vector:
    result = z.like(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result = fma(result, z, coefficient)
    return result
