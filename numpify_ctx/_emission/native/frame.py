"""The frame of a kernel: what makes a loop of vectors out of the inner loop that NumPy calls.

NumPy hands over pointers, a length and steps in bytes. `@loop` is the only place where anything is computed: it takes
whole vectors that lie side by side. Where operands lie otherwise, and for the rest at the end, `@kernel` copies some
elements into buffers on the stack, repeats the last one to fill a vector, and copies the results back. Operands that
are one number for all elements are read once.

A result may be several outputs, along an axis of its own: NumPy hands over one pointer to all of them, and the step in
bytes from one to the next.

Integers of which only so many bits are allowed, as more might overflow, are looked at on the way: a kernel that meets a
larger one adds 1 to the first counter of its data, warns of nothing, and its results are void. One that gives nan where
no argument is adds 1 to the second.

What there is to warn of is in `telling`; the processor's flags are put right at the end, see `flags`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .copies import copies
from .flags import OF_ARM, OF_X86, set_flags
from .functions import definitions, library_function
from .telling import Body, Value, tell
from .vectors import DOUBLE, FLAG, FLOAT, INT, Text, Vector, mask_of


_STACK = 1 << 15  # bytes of a kernel's buffers
_MANY_CALLS = 24  # more calls of elementary functions than this are not written out

BIT = "1"
# Of NumPy's types by their characters: the elements in registers, in memory, and their bytes.
ELEMENTS = {
    "?": (FLAG, "i8", 1), "q": (INT, "i64", 8), "f": (FLOAT, "float", 4), "d": (DOUBLE, "double", 8),
    "F": (FLOAT, "float", 8), "D": (DOUBLE, "double", 16),
    # Short integers are only read: what is computed of them is int64.
    "b": (INT, "i8", 1), "h": (INT, "i16", 2), "i": (INT, "i32", 4),
    "B": (INT, "i8", 1), "H": (INT, "i16", 2), "I": (INT, "i32", 4),
    # And booleans that count as integers, 0 and 1; NumPy has no character for these.
    BIT: (INT, "i8", 1),
}  # fmt: skip
_WIDENED = {**dict.fromkeys("bhi", "sext"), **dict.fromkeys("BHI", "zext"), BIT: "icmp"}


@dataclass(frozen=True, slots=True)
class Operand:
    """An input or output.

    Attributes:
        type: by NumPy's character.
        scalar: is it one number for all elements?
        bits: of an integer, how many there may be beside the sign; None for all.
    """

    type: str
    scalar: bool = False
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What the text depends on beside the program.

    Attributes:
        bits: of a vector register.
        x86: does the processor have the control word of SSE?
    """

    bits: int
    x86: bool


def kernel_text(
    inputs: Sequence[Operand],
    outputs: Sequence[str],
    write: Callable[[Body, list[Value]], list[Value]],
    target: Target,
    is_long: bool = False,
    lengths: Sequence[int] = (),
) -> str:
    """The text of a module with the function `@kernel`, an inner loop for NumPy.

    Args:
        inputs: the operands that are read.
        outputs: the types of those that are written.
        write: writes what is computed from the inputs of one vector.
        target: what processor it is for.
        is_long: there are many operations.
        lengths: of each result, how many of the outputs it holds along an axis of its own; 0: it is one. Without any,
            each output is a result.
    """
    width = _width(inputs, outputs, target, is_long)
    declared: set[str] = set()
    body = Body(Text(width, declared))
    loop = _loop(body, inputs, outputs, write, target)
    inline = len(body.called) <= _MANY_CALLS
    parts = [
        definitions(body.called, width, declared, inline),
        loop,
        copies({ELEMENTS[i.type][2] for i in inputs if not i.scalar}, {ELEMENTS[kind][2] for kind in outputs}),
        _kernel(
            inputs,
            outputs,
            lengths,
            width,
            set_flags(target.x86, body.selects, any(i.bits is not None for i in inputs)),
        ),
        *sorted(declared),
        *(OF_X86 if target.x86 else OF_ARM),
        *_attributes(target),
    ]
    return "\n".join(parts) + "\n"


def _width(inputs: Sequence[Operand], outputs: Sequence[str], target: Target, is_long: bool) -> int:
    """How many elements a vector has."""
    if all(kind == "?" for kind in outputs) and all(i.type in _WIDENED and not i.scalar for i in inputs):
        # LLVM compares short integers as they are: then a register of them is one vector.
        return target.bits // (8 * max([ELEMENTS[i.type][2] for i in inputs]))
    # Two registers of doubles: what one waits for, the other may do. Many operations need not wait, but to compile.
    return max(target.bits // (64 if is_long else 32), 4)


def library_text(name: str, width: int, target: Target) -> str:
    """The module of what a function calls in kernels of this width where arguments are rare."""
    declared: set[str] = set()
    return "\n".join([library_function(name, width, declared), *sorted(declared), *_attributes(target)]) + "\n"


def _attributes(target: Target) -> list[str]:
    vectors = f'"prefer-vector-width"="{target.bits}" "min-legal-vector-width"="{target.bits}"'
    return [
        f"attributes #1 = {{ nounwind noinline {vectors} }}",
        f"attributes #2 = {{ nounwind alwaysinline {vectors} }}",
        '!0 = !{!"branch_weights", i32 1, i32 100000}',
    ]


# -- the loop --------------------------------------------------------------------------------------------------------


def _loop(body: Body, inputs: Sequence[Operand], outputs: Sequence[str], write: Any, target: Target) -> str:
    text = body.text
    text.block = "loop"
    values = [_read(text, i, operand) for i, operand in enumerate(inputs)]
    head = _scalars(text, inputs, values)
    results = write(body, values)
    limits = [(value[0], i.bits) for i, value in zip(inputs, values, strict=True) if i.bits is not None]
    computed = [result for i, result in enumerate(results) if i not in body.untold]
    told = tell(body, values, computed, limits, target.bits)
    for i, (kind, result) in enumerate(zip(outputs, results, strict=True)):
        _store(text, i, kind, result)
    pointers = ", ".join([f"ptr %a{i}" for i in range(len(inputs))] + [f"ptr %o{i}" for i in range(len(outputs))])
    lines = [
        f"define internal i32 @loop(i64 %count, {pointers}) #1 {{", "entry:", *head, "br label %loop", "loop:",
        f"%i = phi i64 [ 0, %entry ], [ %next, %{text.block} ]",
        f"%told = phi i32 [ 0, %entry ], [ {told}, %{text.block} ]", *text.lines,
        f"%next = add nuw nsw i64 %i, {text.width}", "%more = icmp ult i64 %next, %count",
        "br i1 %more, label %loop, label %done", "done:", f"ret i32 {told}", "}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _read(text: Text, i: int, operand: Operand) -> Value:
    kind, memory, _ = ELEMENTS[operand.type]
    parts = 2 if operand.type in "FD" else 1
    if operand.scalar:
        return tuple(text.argument(f"s{i}.{p}", kind) for p in range(parts))
    width = text.width
    at = text.scalar(f"getelementptr {_in_memory(operand.type)}, ptr %a{i}, i64 %i")
    # Complex numbers lie as re, im, re, im: one load, then the even and the odd places.
    vector = f"<{width * parts} x {memory}>"
    loaded = text.scalar(f"load {vector}, ptr {at}, align 1")
    if parts == 2:
        return tuple(
            text.let(kind, f"shufflevector {vector} {loaded}, {vector} poison, {mask_of(range(p, 2 * width, 2))}")
            for p in range(2)
        )
    if kind == FLAG or operand.type == BIT:
        # Any byte but 0 is true: a view of other bytes as booleans holds such.
        flag = text.let(FLAG, f"icmp ne {vector} {loaded}, zeroinitializer")
        return (flag.converted(kind),)
    if operand.type in _WIDENED:
        return (text.let(INT, f"{_WIDENED[operand.type]} {vector} {loaded} to {text.type_of(INT)}"),)
    return (Vector(text, loaded, kind),)


def _in_memory(kind: str) -> str:
    memory = ELEMENTS[kind][1]
    return f"[2 x {memory}]" if kind in "FD" else memory


def _scalars(text: Text, inputs: Sequence[Operand], values: list[Value]) -> list[str]:
    """Lines that read the operands that are one number for all."""
    lines = []
    for i, operand in enumerate(inputs):
        if not operand.scalar:
            continue
        kind, memory, _ = ELEMENTS[operand.type]
        for p, value in enumerate(values[i]):
            # Read before the loop and spread over all lanes once.
            name = f"{i}.{p}"
            lines.append(f"%p{name} = getelementptr {memory}, ptr %a{i}, i64 {p}")
            lines.append(f"%l{name} = load {memory}, ptr %p{name}, align 1")
            one = f"%l{name}"
            if kind == FLAG:
                one = f"%b{name}"
                lines.append(f"{one} = icmp ne i8 %l{name}, 0")
            lines.append(f"%e{name} = insertelement {value.type} poison, {kind} {one}, i32 0")
            zeros = f"<{text.width} x i32> zeroinitializer"
            lines.append(f"{value.name} = shufflevector {value.type} %e{name}, {value.type} poison, {zeros}")
    return lines


def _store(text: Text, i: int, kind: str, result: Value) -> None:
    memory = ELEMENTS[kind][1]
    width = text.width
    value = result[0].name
    at = text.scalar(f"getelementptr {_in_memory(kind)}, ptr %o{i}, i64 %i")
    vector = f"<{width} x {memory}>"
    if kind in "FD":
        one, other = result
        vector = f"<{2 * width} x {memory}>"
        # The reverse of `_read`: re and im of each lane side by side.
        places = [p for lane in range(width) for p in (lane, width + lane)]
        value = text.scalar(f"shufflevector {one.type} {one.name}, {other.type} {other.name}, {mask_of(places)}")
    elif kind == "?":
        value = text.scalar(f"zext {result[0].type} {value} to {vector}")
    text.lines.append(f"store {vector} {value}, ptr {at}, align 1")


# -- around the loop -------------------------------------------------------------------------------------------------


def _kernel(inputs: Sequence[Operand], outputs: Sequence[str], lengths: Sequence[int], width: int, flags: str) -> str:
    """The function that NumPy calls, around `@loop`.

    Long: it is one text, read best as the LLVM function that it is.
    """
    operands = [*inputs, *(Operand(kind) for kind in outputs)]
    sizes = [ELEMENTS[operand.type][2] for operand in operands]
    # Elements that fit the buffers on the stack, in whole vectors.
    chunk = max(_STACK // max(sum(sizes), 1) // width * width, width)
    setup, straight = _operands(operands, sizes, chunk, _pointers(len(inputs), lengths or [0] * len(outputs)))
    direct = ", ".join(f"ptr %a{i}" for i in range(len(operands)))
    pieces, packed, unpacked = _pieces(operands, sizes, len(inputs))
    return f"""
define void @kernel(ptr %args, ptr %dims, ptr %steps, ptr %data) #1 {{
entry:
%csr = alloca i32, align 4
%n = load i64, ptr %dims, align 8
%one = icmp eq i64 %n, 1
{setup}
%chunk = select i1 %uniform, i64 {chunk}, i64 1
%none = icmp eq i64 %n, 0
br i1 %none, label %end, label %begin
begin:
%whole0 = and i64 %n, {-width}
%whole = select i1 {straight}, i64 %whole0, i64 0
%empty = icmp eq i64 %whole, 0
br i1 %empty, label %rest, label %direct
direct:
%told0 = call i32 @loop(i64 %whole, {direct})
br label %rest
rest:
%first = phi i32 [ 0, %begin ], [ %told0, %direct ]
%ready = icmp eq i64 %whole, %n
br i1 %ready, label %flags, label %chunks
chunks:
%start = phi i64 [ %whole, %rest ], [ %start.next, %chunks ]
%told1 = phi i32 [ %first, %rest ], [ %told3, %chunks ]
%left = sub i64 %n, %start
%less = icmp ult i64 %left, %chunk
%m = select i1 %less, i64 %left, i64 %chunk
%bumped = add i64 %m, {width - 1}
%padded = and i64 %bumped, {-width}
%exact = icmp eq i64 %padded, %m
{packed}
%told2 = call i32 @loop(i64 %padded, {pieces})
%told3 = or i32 %told1, %told2
{unpacked}
%start.next = add i64 %start, %m
%more = icmp ult i64 %start.next, %n
br i1 %more, label %chunks, label %flags
flags:
%told = phi i32 [ %first, %rest ], [ %told3, %chunks ]
{flags}
br label %end
end:
ret void
}}
"""


def _pointers(count: int, lengths: Sequence[int]) -> list[tuple[int, list[str]]]:
    """Of each operand, the number of NumPy's that it is in, and lines that read its pointer.

    Args:
        count: of the inputs.
        lengths: as for `kernel_text`.
    """
    numbers = [*range(count), *(count + place for place, held in enumerate(lengths) for _ in range(held or 1))]
    lines = [
        [f"%ap{i} = getelementptr ptr, ptr %args, i64 {number}", f"%a{i} = load ptr, ptr %ap{i}, align 8"]
        for i, number in enumerate(numbers)
    ]
    i, step = count, count + len(lengths)  # the steps along own axes come behind all others
    for held in lengths:
        for place in range(1, held):
            lines[i + place] = [
                f"%kp{i + place} = getelementptr i64, ptr %steps, i64 {step}",
                f"%k{i + place} = load i64, ptr %kp{i + place}, align 8",
                f"%w{i + place} = mul i64 %k{i + place}, {place}",
                f"%a{i + place} = getelementptr i8, ptr %a{i}, i64 %w{i + place}",
            ]
        i, step = i + (held or 1), step + (held > 0)
    return list(zip(numbers, lines, strict=True))


def _operands(
    operands: Sequence[Operand], sizes: Sequence[int], chunk: int, pointers: Sequence[tuple[int, list[str]]]
) -> tuple[str, str]:
    """Lines that read pointers and steps, and make room; and the name of: does everything lie side by side?"""
    lines: list[str] = []
    regular = "true"
    for i, (operand, (number, its)) in enumerate(zip(operands, pointers, strict=True)):
        lines += [
            *its,
            f"%sp{i} = getelementptr i64, ptr %steps, i64 {number}", f"%s{i} = load i64, ptr %sp{i}, align 8",
            f"%c{i} = icmp eq i64 %s{i}, {0 if operand.scalar else sizes[i]}",
        ]  # fmt: skip
        if operand.scalar:
            lines.append(f"%u{i} = and i1 {regular}, %c{i}")
            regular = f"%u{i}"
        else:
            # The last elements are repeated four at a time.
            lines.append(f"%b{i} = alloca [{(chunk + 4) * sizes[i]} x i8], align 64")
    lines.append(f"%uniform = or i1 %one, {regular}")
    # Two conditions: scalars do not move (`uniform`), and everything else lies side by side (`straight`).
    straight = "%uniform"
    for i, operand in enumerate(operands):
        if not operand.scalar:
            lines.append(f"%d{i} = and i1 {straight}, %c{i}")
            straight = f"%d{i}"
    return "\n".join(lines), straight


def _pieces(operands: Sequence[Operand], sizes: Sequence[int], count: int) -> tuple[str, str, str]:
    """What the loop is called with for some elements; lines that fill buffers with them, and that copy them back.

    An operand that lies side by side, in whole vectors, needs no buffer.
    """
    names, packed, unpacked = [], [], []
    for i, operand in enumerate(operands):
        packed.append(f"%m{i} = mul i64 %start, %s{i}")
        packed.append(f"%q{i} = getelementptr i8, ptr %a{i}, i64 %m{i}")
        if operand.scalar:
            names.append(f"ptr %q{i}")
            continue
        names.append(f"ptr %p{i}")
        packed += [
            f"%side{i} = and i1 %exact, %c{i}", f"%p{i} = select i1 %side{i}, ptr %q{i}, ptr %b{i}",
            f"%n{i} = select i1 %side{i}, i64 0, i64 %m",
        ]  # fmt: skip
        if i >= count:
            unpacked.append(f"call void @unpack{sizes[i]}(ptr %q{i}, i64 %s{i}, ptr %b{i}, i64 %n{i})")
        else:
            packed.append(f"call void @pack{sizes[i]}(ptr %b{i}, ptr %q{i}, i64 %s{i}, i64 %n{i}, i64 %padded)")
    return ", ".join(names), "\n".join(packed), "\n".join(unpacked)
