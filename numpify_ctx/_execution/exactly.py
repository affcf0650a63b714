"""Integers that leave int64, in arrays: each element as exact as the same number alone.

Arithmetic that would overflow is done in floats, which is right for a product but not for what looks at its last
digits: a remainder, a relation, a difference. Elements in which that happens are computed one by one, by Python's
integers; which they are is found by halving, so that no element depends on its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from .._kinds import INT, LEAST_INT, MOST_INT, is_int64
from .._program.bounds import NO_INTEGERS, Integers
from .._program.ir import CONST, PARAM, Program, Region, infer_kinds
from .._program.ops import ADD, DIV, MUL, NEG, POW
from .._runtime.integers import OVERFLOW
from .._runtime.numbers import number
from .._runtime.ranked import flatten
from .._symbolic.exact import quotient
from . import linear, wrapped
from .arguments import Shape, large_integers
from .forms import Forms
from .linear import Sum, sums_of


_UNKNOWN = object()
_FEW = 16  # elements that are not halved any more
_FEW_OBJECTS = 256  # likewise where they are computed together, as Python's integers in one array


class Exactly:
    """The exact way of one program."""

    __slots__ = ("_forms", "_kinds", "_possible", "_program", "_refusals", "_sums")

    def __init__(self, program: Program, forms: Forms, refusals: tuple[type[Exception], ...]) -> None:
        self._program, self._forms, self._refusals = program, forms, refusals
        self._sums: Any = _UNKNOWN
        self._possible: bool | None = None  # not known until integers come: most programs never see any
        # By which arguments are integers, and which of them are beyond int64. Two threads may both work it out, and get
        # the same.
        self._kinds: dict[tuple[int, int], tuple[list[int], bool]] = {}

    @property
    def _is_possible(self) -> bool:
        if self._possible is None:
            program = self._program
            self._possible = (
                not any(program.rank)
                and all(op.elementwise and not op.foreign for op in program.ops)
                and not any(isinstance(data, Region) for data in program.data)
            )
        return self._possible

    def _linear(self) -> list[Sum] | None:
        """The results as sums of the arguments, if they are."""
        if self._sums is _UNKNOWN:
            self._sums = sums_of(self._program)
        sums: list[Sum] | None = self._sums
        return sums

    def matters(self, integers: Integers) -> bool:
        """Does anything but products look at what may leave the integers?"""
        return self._is_possible and self._matters(integers.mask)[1]

    def computed_beyond(
        self, call: Callable[..., Any], args: Sequence[Any], values: Sequence[Any], mask: int, beyond: int, shape: Shape
    ) -> Any:
        """The results where arguments are integers of which some are beyond int64; None if floats do as well.

        Args:
            call: computes columns of numbers that are not beyond it.
            args: the arguments as they were passed.
            values: the same, as `prepare` gives them.
            mask: which of them are integers.
            beyond: which of them are those that came to be floats.
            shape: the broadcast shape.
        """
        if not (shape and self._is_possible and self._matters(mask | beyond, beyond)[1]):
            return None
        size = math.prod(shape)
        columns = []
        large = np.zeros(size, bool)
        for i, (arg, value) in enumerate(zip(args, values, strict=True)):
            if beyond >> i & 1:
                given = arg if isinstance(arg, np.ndarray) and arg.dtype == np.uint64 else _of_objects(arg)
                given = np.broadcast_to(given, shape).reshape(size)
                large |= np.asarray((given > MOST_INT) | (given < LEAST_INT), bool)
                columns.append(given)
            else:
                columns.append(np.broadcast_to(value, shape).reshape(size))
        rest = ~large
        kinds, _ = self._matters(mask | beyond, beyond)
        few = [column[rest].astype(np.int64 if beyond >> i & 1 else column.dtype) for i, column in enumerate(columns)]
        usual = call(*few) if rest.any() else None
        parts = self._one_by_one(call, [column[large] for column in columns], kinds)
        several = [usual] * len(parts) if usual is None or len(parts) == 1 else usual
        joined = [_merged(large, part, other).reshape(shape) for part, other in zip(parts, several, strict=True)]
        return joined[0] if len(joined) == 1 else joined

    def computed(self, form: Callable[..., Any], values: Sequence[Any], integers: Integers, shape: Shape) -> Any:
        """What the form that checks integers gives; where it had to leave them, computed exactly instead."""
        if not self._is_possible:
            return form(*values)
        sums = self._linear()
        if sums is not None and shape and all(value.dtype == np.int64 for value in values):
            flat = [np.broadcast_to(value, shape).reshape(-1) for value in values]
            found = [linear.computed(one, flat, math.prod(shape)).reshape(shape) for one in sums]
            return found[0] if len(found) == 1 else found
        OVERFLOW.seen = bool(self._program.large)
        # Where floats overflow or digits go, a second look has the value, and what there is to warn of.
        matters = self._matters(integers.mask)[1]
        with np.errstate(all="ignore") if matters and OVERFLOW.seen else nullcontext():
            result = form(*values)
        if not OVERFLOW.seen or not matters:
            return result
        flat = [flatten(0, value, shape) if shape else np.asarray(value)[None] for value in values]
        size = math.prod(shape)
        columns = [value if value.ndim else np.broadcast_to(value, (size,)) for value in flat]
        parts = self._in_halves(form, columns, integers, size)
        joined = [_joined([part[i] for part in parts]).reshape(shape)[()] for i in range(len(self._program.results))]
        return joined[0] if len(joined) == 1 else joined

    def _in_halves(
        self, form: Callable[..., Any], columns: Sequence[Any], integers: Integers, size: int
    ) -> list[list[Any]]:
        """The results of pieces in which nothing left the integers, or every element was computed alone."""
        found: list[list[Any]] = []
        # Of sums and products, NumPy runs Python's own operators over an array, in a twentieth of the time.
        together = _is_ring(self._program) and all(column.dtype.kind == "i" for column in columns)
        if together and (exact := self._by_wrapping(columns, size)) is not None:
            return [exact]
        todo = [slice(0, size)]
        while todo:
            piece = todo.pop()
            count = piece.stop - piece.start
            part = [column[piece] for column in columns]
            if together and count <= _FEW_OBJECTS:
                found.append(self._as_objects(part, count))
                continue
            if count <= _FEW:
                found.append(self._one_by_one(form, part, self._matters(integers.mask)[0]))
                continue
            OVERFLOW.seen = bool(self._program.large)
            with np.errstate(all="ignore"):
                result = form(*part)
            if not OVERFLOW.seen:
                several = [result] if len(self._program.results) == 1 else result
                found.append([np.broadcast_to(np.asarray(r), (count,)) for r in several])
                continue
            middle = piece.start + count // 2
            todo += [slice(middle, piece.stop), slice(piece.start, middle)]
        return found

    def _by_wrapping(self, columns: Sequence[Any], size: int) -> list[Any] | None:
        """The results of sums and products, all but the largest by integers that wrap."""
        found = wrapped.computed(self._program, columns, size)
        if found is None:
            return None
        results, large = found
        if not large.any():
            return results
        parts = self._as_objects([column[large] for column in columns], int(np.count_nonzero(large)))
        return [_merged(large, part, result[~large]) for part, result in zip(parts, results, strict=True)]

    def _as_objects(self, columns: Sequence[Any], count: int) -> list[Any]:
        """The results of sums and products of integers, in Python's."""
        result = self._forms.arrays(NO_INTEGERS)(*(column.astype(object) for column in columns))
        several = [result] if len(self._program.results) == 1 else result
        return [_as_array(np.broadcast_to(np.asarray(r, object), (count,)).tolist()) for r in several]

    def _one_by_one(self, form: Callable[..., Any], columns: Sequence[Any], kinds: Sequence[int]) -> list[Any]:
        rows = []
        for point in zip(*(column.tolist() for column in columns), strict=True):
            try:
                result = self._forms.scalars()(*point)
            except self._refusals:
                result = form(*(_as_scalar(column.dtype, v) for column, v in zip(columns, point, strict=True)))
            several = [result] if len(kinds) == 1 else result
            rows.append([number(value, kind) for value, kind in zip(several, kinds, strict=True)])
        return [_as_array([row[i] for row in rows]) for i in range(len(kinds))]

    def _matters(self, mask: int, beyond: int = 0) -> tuple[list[int], bool]:
        """The kinds of the results, and whether anything but products looks at what may overflow, or is beyond."""
        known = self._kinds.get((mask, beyond))
        if known is None:
            program = self._program
            given = [INT if mask >> i & 1 else ~INT for i in range(len(program.parameters))]
            kinds = infer_kinds(program, given)
            looked_at = _is_looked_at(program, kinds, beyond)
            known = self._kinds[mask, beyond] = [kinds[node] for node in program.results], looked_at
        return known


def _is_ring(program: Program) -> bool:
    """Whether it consists of sums, products and integers that arrays hold."""
    return not program.large and all(
        op in (PARAM, ADD, MUL, NEG) or (op is CONST and type(data) is int)
        for op, data in zip(program.ops, program.data, strict=True)
    )


def _is_looked_at(program: Program, kinds: Sequence[int], beyond: int) -> bool:
    large = {node for node, op in enumerate(program.ops) if op is PARAM and beyond >> program.data[node] & 1}
    large.update(program.large)
    for node, (op, args) in enumerate(zip(program.ops, program.args, strict=True)):
        for a in args:
            whole = kinds[a] & INT and program.ops[a].exact is not None
            if (whole or a in large) and op not in (MUL, POW, NEG, DIV):
                return True
        if op is POW and args[1] in large:
            return True  # (-1)**n asks whether n is even
        if op is DIV and any(a in large for a in args):
            return True  # it may be infinite as a float, and the quotient finite
        if op not in (MUL, POW, NEG) and op.exact is not None and kinds[node] & INT:
            return True
    return False


def _as_array(values: Sequence[Any]) -> Any:
    """An array of Python numbers: of int64, if they are integers that fit; integers beyond all floats are infinite."""
    if all(type(value) is int for value in values) and all(map(is_int64, values)):
        return np.array(values, np.int64)
    return np.array([quotient(value, 1) if type(value) is int else value for value in values])


def _of_objects(arg: Any) -> Any:
    """Python's integers, of whatever came to be floats."""
    return arg if type(arg) is int else large_integers(arg)


def _as_scalar(dtype: Any, value: Any) -> Any:
    """A number of a column as NumPy's; a float of integers that NumPy has not."""
    if type(value) is int and not is_int64(value):
        return np.float64(quotient(value, 1))
    return np.int64(value) if dtype.kind in "Ou" else dtype.type(value)


def _merged(large: Any, part: Any, other: Any) -> Any:
    """The elements of `part` where `large` says so, and those of `other` elsewhere."""
    if other is None:
        return part
    found = np.empty(len(large), np.result_type(part, other))
    found[large], found[~large] = part, other
    return found


def _joined(parts: Sequence[Any]) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
