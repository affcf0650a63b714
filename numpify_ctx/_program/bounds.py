"""Whether the integers of a call can leave int64, from the largest magnitude of each argument.

Integer arithmetic is exact: what would overflow is computed as floats (see `_runtime.exact_add`). To look at every
result of every operation costs several passes over the arrays, to look at the arguments once costs two: a bound on
each argument gives one on each node, and where none is too large, nothing else needs to be looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._kinds import ANY, BOOL, COMPLEX, INT, REAL
from .._memo import Memo
from .._runtime.integers import LARGEST
from .ir import CONST, PARAM, Program, infer_kinds
from .ops import ADD, MUL, NEG, POW


_WHOLE = INT | BOOL
_MOST = 256  # answers remembered for one program
_ANY_BITS = 62  # of integers whose dtype does not tell it, though nothing may overflow
_FEW = 48  # entries at which Python looks in less time than a reduction takes to start


class Integers(NamedTuple):
    """Which arguments of a call are integers, and which are complex.

    Attributes:
        mask: a bit for each integer.
        checked: whether their arithmetic is to look for overflow.
        complex: a bit for each complex number.
    """

    mask: int
    checked: bool
    complex: int = 0

    @property
    def are_none(self) -> bool:
        """Are all arguments floats?"""
        return not (self.mask or self.complex)

    def kinds(self, count: int) -> list[int]:
        """The kinds of `count` parameters."""
        of_bits = (REAL, BOOL | INT | REAL, COMPLEX, ANY)  # integers beyond int64 are floats
        return [of_bits[(self.mask >> i & 1) + 2 * (self.complex >> i & 1)] for i in range(count)]


NO_INTEGERS = Integers(0, True)


class Bounds:
    """What the arguments of one program can lead to; remembers its answers by the numbers of bits of the arguments."""

    __slots__ = ("_fits", "_matters", "_most", "_program")

    def __init__(self, program: Program) -> None:
        self._program = program
        # Threads share these without a lock: to look up and to enter are single operations, and two threads that work
        # out the same answer may each enter it.
        self._matters: dict[int, bool] = {}
        self._fits: Memo[tuple[int, ...], bool] = Memo(_MOST)
        self._most: dict[int, int | None] = {}

    def integers(self, values: Sequence[Any], mask: int, complex_mask: int = 0) -> Integers:
        """Whether these arguments, of which those in the mask are integers, are so small that nothing can overflow."""
        if not mask:
            return Integers(0, True, complex_mask) if complex_mask else NO_INTEGERS
        return Integers(mask, not self._fit(values, mask), complex_mask)

    def _fit(self, values: Sequence[Any], mask: int) -> bool:
        matters = self._matters.get(mask)
        if matters is None:
            matters = self._matters[mask] = any(self._exact(self._kinds(mask)))
        if not matters:
            return True
        bits = tuple([bits_of_values(value) if mask >> i & 1 else -1 for i, value in enumerate(values)])
        fit = self._fits.get(bits)
        if fit is None:
            fit = self._fits.put(bits, self._all_fit(bits, self._kinds(mask)))
        return fit

    def looks(self, mask: int, args: Sequence[Any]) -> dict[int, int] | None:
        """Which of these arguments, those in the mask being integers, have to be looked at, lest anything overflow.

        By its place, how many bits each of them may have beside the sign; None if a look does not tell. Of arrays of
        other integers the dtype tells.
        """
        if not mask:
            return {}
        if mask not in self._most:
            self._most[mask] = self.most_bits(mask)
        most = self._most[mask]
        if most == 0:
            return None
        asked = _ANY_BITS if most is None else most
        rooms = {
            i: bits_of_dtype(a.dtype) if type(a) is np.ndarray else None for i, a in enumerate(args) if mask >> i & 1
        }
        return {i: asked for i, room in rooms.items() if room is None or (most is not None and room > most)}

    def only_compares(self) -> bool:
        """Are all parameters met only by comparisons with one another, and with whole numbers?"""
        program, compares = self._program, False
        for op, args in zip(program.ops, program.args, strict=True):
            of_leaves = [program.ops[a] is PARAM or type(program.data[a]) is int for a in args]
            if any(program.ops[a] is PARAM for a in args):
                compares = op.form == "compare" and all(of_leaves)
                if not compares:
                    return False
        return compares

    def are_raw(self, mask: int, args: Sequence[Any]) -> bool:
        """Are integers of these only compared, by one operation? They need not be made longer first, nor cut."""
        if not mask or not self.only_compares() or sum(map(bool, self._program.args)) > 1:
            return False
        return all(type(a) is np.ndarray for a in args)

    def most_bits(self, mask: int) -> int | None:
        """How many bits beside the sign each integer in the mask may have, so that nothing can overflow; None for any.

        An integer of so many bits that is negative may be -2**bits.
        """
        kinds = self._kinds(mask)
        if not any(self._exact(kinds)):
            return None
        count = len(self._program.parameters)
        bits = _ANY_BITS
        # What fits with some bits fits with fewer.
        while bits and not self._all_fit([bits] * count, kinds):
            bits -= 1
        return bits

    def _kinds(self, mask: int) -> Sequence[int]:
        count = len(self._program.parameters)
        return infer_kinds(self._program, [INT if mask >> i & 1 else REAL | COMPLEX for i in range(count)])

    def _exact(self, kinds: Sequence[int]) -> list[bool]:
        """The nodes that are checked, and need not be if the arguments are small."""
        nodes = range(len(self._program.ops))
        return [may_overflow(self._program, kinds, n, True) and is_bounded(self._program, n) for n in nodes]

    def largest(self, bits: Sequence[int]) -> float:
        """A bound on the magnitude of every node, for arguments that are all integers of so many bits beside the sign.

        Infinite where bounds on the operands give none on the result, and so where something is no integer.
        """
        kinds = self._kinds((1 << len(self._program.parameters)) - 1)
        return max(self._magnitudes(bits, kinds), default=0.0)

    def _all_fit(self, bits: Sequence[int], kinds: Sequence[int]) -> bool:
        # A product of two int32 comes to 2**62 at most, half of what there is.
        magnitudes = self._magnitudes(bits, kinds)
        return all(bound <= LARGEST or not exact for bound, exact in zip(magnitudes, self._exact(kinds), strict=False))

    def _magnitudes(self, bits: Sequence[int], kinds: Sequence[int]) -> Iterator[float]:
        """A bound on each node's magnitude, one after the other."""
        program = self._program
        bounds: list[float] = []  # of what is no integer, 1
        for node, op in enumerate(program.ops):
            bound = math.inf
            if op is PARAM:
                # An integer of n bits is below 2**n in magnitude.
                bound = 2.0 ** bits[program.data[node]]
            elif op is CONST:
                bound = _magnitude(program.data[node])
            elif is_bounded(program, node):
                bound = _bound(program, node, bounds)
            yield bound
            bounds.append(bound if kinds[node] & _WHOLE else 1.0)


def may_overflow(program: Program, kinds: Sequence[int], node: int, checked: bool) -> bool:
    """Must this node look at its integers? `checked`: whether also those must that `Bounds` can vouch for."""
    if program.ops[node].exact is None:
        return False
    if not kinds[node] & INT and sum([1 for a in program.args[node] if kinds[a] & _WHOLE]) < 2:
        return False  # nor are there two integers among floats, which are combined before they meet a float
    return checked or not is_bounded(program, node)


def is_bounded(program: Program, node: int) -> bool:
    """Do bounds on the operands give one on the result?"""
    op = program.ops[node]
    if op is POW:
        exponent = program.args[node][1]
        return program.ops[exponent] is CONST and type(program.data[exponent]) is int and program.data[exponent] >= 0
    return op in (ADD, MUL, NEG) or op.within


def _bound(program: Program, node: int, bounds: Sequence[float]) -> float:
    op, args = program.ops[node], program.args[node]
    # Of a selection, the values count, not the conditions.
    if op.lazy:
        args = (*args[1::2], args[-1])
    of_args = [bounds[a] for a in args]
    if op is ADD:
        return sum(of_args)
    # inf*0 would be nan, of which `max` makes anything.
    if op is MUL:
        return math.inf if math.inf in of_args else math.prod(of_args)
    if op is POW:
        try:
            return float(of_args[0] ** float(program.data[args[1]]))
        except OverflowError:
            return math.inf
    return max(of_args, default=0.0)


def _magnitude(value: Any) -> float:
    return float(abs(value)) if type(value) is int and abs(value) < LARGEST else math.inf


def bits_of_dtype(dtype: Any) -> int | None:
    """The number of bits that integers of a dtype have beside the sign; None of anything else, and uint64."""
    kind, bits = dtype.kind, 8 * dtype.itemsize
    return None if kind not in ("i", "u", "b") or (kind, bits) == ("u", 64) else bits - (kind == "i")


def bits_of_values(value: Any) -> int:
    """The number of bits of the largest magnitude in an array of integers, or a scalar.

    >>> bits_of_values(np.array([3, -8])), bits_of_values(np.array([], int)), bits_of_values(np.int64(-1))
    (4, 0, 1)
    """
    if not value.ndim:
        return int(value).bit_length()
    if value.size <= _FEW:
        entries: list[int] = [0, *value.ravel().tolist()]
        return max(max(entries), -min(entries)).bit_length()
    largest = int(np.maximum.reduce(value, axis=None))
    smallest = int(np.minimum.reduce(value, axis=None)) if value.dtype.kind == "i" else 0
    return max(largest, -smallest).bit_length()
