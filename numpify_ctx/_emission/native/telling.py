"""What a kernel tells of its results: where nan, infinities and poles came from, and integers that are too large.

NumPy warns of what the processor's flags tell after the loop. A vector computes more than is selected, so that the
flags are put right at the end: invalid is raised where a result is nan and no argument is; division by zero and
overflow as they happened, but in a kernel that selects only where a result is infinite and no argument is; underflow
is not told. Most vectors have nothing to tell: one instruction on the results sees that, the rest is behind a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .functions import SHORT
from .vectors import DOUBLE, FLOAT, INT, Text, Vector, absolute


INVALID, DIVIDE, OVERFLOW = 1, 4, 8  # as x86 has them in its control word
LARGE = 1 << 16  # an integer has too many bits

_BYTES = {DOUBLE: 8, FLOAT: 4, INT: 8}  # of an element in a register

Value = tuple[Vector, ...]  # one vector, or the real and the imaginary part


class Body:
    """The text of the loop, and what is known while it is written."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.poles: Vector | None = None  # lanes in which a function was infinite at a finite number
        self.excused: Vector | None = None  # lanes in which a constant that is infinite or nan is selected
        self.selects = False
        self.called: list[str] = []
        self.untold: set[int] = set()  # places of outputs that are not computed here, of which nothing is to be told

    def excuse(self, lanes: Vector) -> None:
        """Lanes of whose results nothing is to be told."""
        self.excused = lanes if self.excused is None else self.excused | lanes

    def function(self, name: str, *operands: Vector) -> Vector:
        """A call of an elementary function, on doubles; on floats, if there is one for them."""
        kind = operands[0].kind
        pole = _POLES.get(name)
        if pole is not None:
            flags = pole(*operands)
            self.poles = flags if self.poles is None else self.poles | flags
        name += SHORT if kind == FLOAT else ""
        self.called.append(name)
        return self.text.call(name, kind, *operands)


# At a pole a function of ours may give infinity without a division, of which the processor's flags would tell.
_POLES: dict[str, Callable[..., Vector]] = {
    "log": lambda x: x.equals(0.0),
    "log2": lambda x: x.equals(0.0),
    "log10": lambda x: x.equals(0.0),
    "log1p": lambda x: x.equals(-1.0),
    "arctanh": lambda x: absolute(x).equals(1.0),
    "power": lambda x, y: x.equals(0.0) & (y < 0.0),
}


def tell(
    body: Body,
    values: Sequence[Value],
    results: Sequence[Value],
    limits: Sequence[tuple[Vector, int]],
    register: int,
) -> str:
    """The name of a number whose bits are what there is to tell, of these lanes and in `%told` of those before.

    Args:
        body: the text so far.
        values: of the arguments.
        results: of what is computed from them.
        limits: integers among the arguments, and how many bits they may have beside the sign.
        register: the bits of one.
    """
    beyond = _beyond(limits)
    floats = [part for result in results for part in result if part.kind in (DOUBLE, FLOAT)]
    suspect = _suspect(body, floats, beyond, register)
    return "0" if suspect is None else _if_suspect(body, suspect, values, floats, beyond)


def _suspect(body: Body, floats: Sequence[Vector], beyond: Vector | None, register: int) -> str | None:
    """The name of one flag: may there be anything to tell of these lanes? As few instructions as can be.

    None if there never is.
    """
    found: list[str] = []
    for kind in (DOUBLE, FLOAT):
        parts = [part for part in floats if part.kind == kind]
        # x - x is nan of an infinity, too.
        parts = [part - part for part in parts] if body.selects else parts
        if body.excused is not None and parts:
            # As often as not it is these lanes that are nan, and a branch that is taken costs more.
            found.append(body.text.any_of(_any(parts, Vector.is_nan) & ~body.excused))
            continue
        pieces = [piece for part in parts for piece in _registers(part, register)]
        # Is one of two nan? That is one instruction.
        pairs = zip(pieces[::2], pieces[1::2] + pieces[-1:], strict=False)
        found += [one.text.any_of(one.is_unordered(other)) for one, other in pairs]
    if body.poles is not None and not body.selects:
        found.append(body.text.any_of(body.poles))
    if beyond is not None:
        one, *others = _registers(beyond, register)
        for other in others:
            one = one | other
        found.append(one.text.any_of(one.compare("!=", 0)))
    if not found:
        return None
    total = found[0]
    for flag in found[1:]:
        total = body.text.scalar(f"or i1 {total}, {flag}")
    return total


def _registers(vector: Vector, register: int) -> list[Vector]:
    """A vector in the pieces that the processor has registers for."""
    pieces = [vector]
    while pieces[0].text.width * _BYTES[vector.kind] * 8 > register:
        pieces = [half for piece in pieces for half in piece.halves()]
    return pieces


def _if_suspect(
    body: Body, suspect: str, values: Sequence[Value], floats: Sequence[Vector], beyond: Vector | None
) -> str:
    """Behind a branch, what there is to tell of these lanes; the name of that, with what was told before."""
    text = body.text
    before, inside, after = text.block, text.new_name("tell"), text.new_name("told")
    text.lines.append(f"br i1 {suspect}, label %{inside}, label %{after}, !prof !0")
    text.begin(inside)
    total = "%told"
    for bit, flags in _told(body, values, floats, beyond):
        more = text.scalar(f"select i1 {text.any_of(flags)}, i32 {bit}, i32 0")
        total = text.scalar(f"or i32 {total}, {more}")
    text.lines.append(f"br label %{after}")
    text.begin(after)
    return text.scalar(f"phi i32 [ %told, %{before} ], [ {total}, %{inside} ]")


def _told(
    body: Body, values: Sequence[Value], floats: Sequence[Vector], beyond: Vector | None
) -> list[tuple[int, Vector]]:
    """Flags, and the lanes that raise them: nan, poles, in a kernel that selects infinities, and large integers."""
    told = []
    given = [part for value in values for part in value if part.kind in (DOUBLE, FLOAT)]
    if floats:
        told.append((INVALID, _new(floats, given, Vector.is_nan)))
    # Lanes that are not selected are computed, too, so what happened in them must not be told.
    if body.selects:
        if floats:
            told.append((DIVIDE | OVERFLOW, _new(floats, given, _is_infinite)))
    elif body.poles is not None:
        told.append((DIVIDE, body.poles))
    if body.excused is not None:
        told = [(bit, flags & ~body.excused) for bit, flags in told]
    if beyond is not None:
        told.append((LARGE, beyond.compare("!=", 0)))
    return told


def _beyond(limits: Sequence[tuple[Vector, int]]) -> Vector | None:
    """Of each lane, not 0 if an integer there has too many bits; None if all are allowed."""
    found: Vector | None = None
    for value, bits in limits:
        # From -2**bits up to 2**bits, a sum with 2**bits that wraps is below 2**(bits + 1).
        beyond = (value + (1 << bits)) & -(2 << bits)
        found = beyond if found is None else found | beyond
    return found


def _is_infinite(x: Vector) -> Vector:
    return absolute(x).equals(float("inf"))


def _new(results: Sequence[Vector], given: Sequence[Vector], test: Callable[[Vector], Vector]) -> Vector:
    """Lanes where the test holds for a result, and for no argument."""
    found = _any(results, test)
    # nan in, nan out is no invalid operation.
    return found & ~_any(given, test) if given else found


def _any(parts: Sequence[Vector], test: Callable[[Vector], Vector]) -> Vector:
    found = test(parts[0])
    for part in parts[1:]:
        found = found | test(part)
    return found
