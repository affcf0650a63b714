"""The shortest way from a call to what computes it, for arguments that came before: generated tests, and one call.

A quick way is for arguments of certain types. It looks whether these are such, and gives the result, or None if they
are of other kinds; then the whole way is taken, which knows everything.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from .._emission import Source
from .._emission.load import load
from .._emission.namespace import bare_namespace
from .._memo import Memo


# Of the tuple of all arguments as they were passed, and of `out`: the result, or None if they are of other kinds.
Quick = Callable[[tuple[Any, ...], Any], Any]

MOST = 8  # ways of one function: they are tried in turn

FLOATS = frozenset({float, np.float64})
_WHOLE = f"type({{0}}) is int and {-(2**62)} < {{0}} < {2**62}"
# How numbers beside arrays are told, by the dtype that they are to have and the type that they were passed as.
_TESTS: dict[str, dict[Any, str]] = {
    "d": dict.fromkeys(FLOATS, "type({0}) in floats"),
    "f": {float: "type({0}) is float"},
    "D": {complex: "type({0}) is complex"},
    "F": {complex: "type({0}) is complex"},
    np.dtype(np.int64).char: {int: _WHOLE},
}


class Recurring:
    """The kinds of calls that came twice: most functions are called but once, and are given no quick way.

    >>> kinds = Recurring()
    >>> kinds.is_due("floats"), kinds.is_due("floats"), kinds.is_due("floats"), "floats" in kinds
    (False, True, False, True)
    """

    __slots__ = ("_due", "_seen")

    def __init__(self) -> None:
        self._due: set[Any] = set()  # only added to; two threads may each try what neither has found here
        self._seen: Memo[Any, bool] = Memo(64)

    def __contains__(self, kind: object) -> bool:
        """Was it due before?"""
        return kind in self._due

    @property
    def is_full(self) -> bool:
        """Were as many due as there may be?"""
        return len(self._due) >= MOST

    def is_due(self, kind: Any) -> bool:
        """Is this the second call of the kind, so that a quick way is to be made now? It is asked at each call."""
        if kind in self._due or self.is_full:
            return False
        if kind not in self._seen:
            self._seen.put(kind, True)
            return False
        self._due.add(kind)
        return True


def passed_as(args: Sequence[Any]) -> tuple[Any, ...]:
    """Of each argument its dtype if it is an array, else its type."""
    return tuple([a.dtype if type(a) is np.ndarray and a.ndim else type(a) for a in args])


def bits_of(dtype: Any) -> int:
    """How many bits an integer of this dtype has beside the sign."""
    return int(8 * dtype.itemsize - (dtype.kind == "i"))


def test(name: str, kind: Any, dtype: Any) -> str | None:
    """The test for an argument that was passed as `kind`, a dtype or a type, and is to have the dtype; None: none."""
    if not isinstance(kind, np.dtype):
        return _TESTS[dtype.char][kind].format(name) if kind in _TESTS.get(dtype.char, {}) else None
    # NumPy itself makes short integers longer, piece by piece.
    if kind == dtype or (dtype == np.int64 and np.can_cast(kind, dtype)):
        return f"type({name}) is array and {name}.dtype is {name}_dtype"
    return None


@dataclass(frozen=True, slots=True)
class Late:
    """What numbers beside arrays decide alone, computed over Python's operators in each call.

    Attributes:
        first: gives it, as a tuple of floats; it takes all arguments, and looks at no array.
        count: how many these are.
        form: takes them behind the others.
    """

    first: Callable[..., Any]
    count: int
    form: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Plain:
    """What a quick way to plain NumPy needs to know.

    Attributes:
        form: the function in plain NumPy.
        result: the dtype of what it gives.
        least: a result of so many elements is not for it.
        complete: of the result and the arguments as they were passed, the result to hand back; None: as it is.
        count: of the elements of a call, whether so much has been computed that this way is not to be taken any more.
        fresh: is the result an array of that shape and dtype, and new, whatever the values are?
        late: what the numbers beside the arrays decide, of which `form` is that form then; None: nothing.
    """

    form: Callable[..., Any]
    result: Any
    least: int
    complete: Callable[[Any, Sequence[Any]], Any] | None
    count: Callable[[int], bool] | None
    fresh: bool = False
    late: Late | None = None

    def quick(
        self, passed: Sequence[Any], values: Sequence[Any], fixed: Mapping[int, Any] = MappingProxyType({})
    ) -> Quick | None:
        """What takes arguments like some to the form, with nothing between; None if they need more.

        Args:
            passed: of each argument as it was passed, its dtype if it was an array, else its type.
            values: what they became, for the form to compute with.
            fixed: what the form takes besides, by its place.
        """
        names = [f"a{i}" for i in range(len(passed))]
        tests = [test(n, kind, value.dtype) for n, kind, value in zip(names, passed, values, strict=True)]
        arrays = [n for n, kind in zip(names, passed, strict=True) if isinstance(kind, np.dtype)]
        if None in tests or not arrays:
            return None
        # NumPy scalars and arrays of the right dtype are what the form computes with, as they are.
        converted = [n for n, kind, v in zip(names, passed, values, strict=True) if kind != v.dtype]
        namespace = bare_namespace(
            type=type, array=np.ndarray, floats=FLOATS, int=int, float=float, complex=complex, form=self.form,
            result=self.result, complete=self.complete, count=self.count, late=self.late and self.late.first,
            as_array=np.array, errors=ArithmeticError,
            **{f"{name}_dtype": kind for name, kind in zip(names, passed, strict=True)},
            **{f"fixed{place}": value for place, value in fixed.items()},
            **{f"float{place}": float(value) for place, value in fixed.items() if not value.ndim},
            **{f"{n}_as": _conversion(v, n in arrays) for n, v in zip(names, values, strict=True) if n in converted},
        )  # fmt: skip
        return load(Source(self._text(names, tests, arrays, converted, fixed), "quick", namespace))

    def _text(
        self,
        names: Sequence[str],
        tests: Sequence[Any],
        arrays: Sequence[str],
        converted: Collection[str],
        fixed: Collection[int],
    ) -> str:
        rest = iter([f"{name}_as({name})" if name in converted else name for name in names])
        given = [f"fixed{i}" if i in fixed else next(rest) for i in range(len(names) + len(fixed))]
        # An operation may hand back an argument, or a view of one, which is not to be the caller's.
        fresh = " and ".join(["found.base is None", *(f"found is not {name}" for name in arrays)])
        lines = [
            "def quick(args, out):",
            f"    [{', '.join(names)}] = args",
            f"    if not (out is None and {' and '.join(tests)}):",
            "        return None",
            *self._tests_of_shape(arrays),
        ]
        if self.late is not None:
            lines += self._late_lines(self.late, names, arrays, fixed)
            given += [f"as_array(late{i})" for i in range(self.late.count)]
        call = f"form({', '.join(given)})"
        if self.fresh:
            return "\n".join([*lines, f"    return {call if self.complete is None else f'complete({call}, args)'}\n"])
        lines += [
            f"    found = {call}",
            f"    if type(found) is array and found.dtype is result and found.shape == shape and {fresh}:",
            "        return found" if self.complete is None else "        return complete(found, args)",
            "    return None",
        ]
        return "\n".join(lines) + "\n"

    def _tests_of_shape(self, arrays: Sequence[str]) -> list[str]:
        first = arrays[0]
        if self.fresh and len(arrays) == 1:
            lines = [f"    if not {first}.ndim:"]
        else:
            alike = " and ".join(["shape", *(f"{name}.shape == shape" for name in arrays[1:])])
            lines = [f"    shape = {first}.shape", f"    if not ({alike}):"]
        lines.append("        return None")
        if self.least < sys.maxsize:
            lines += [f"    if {first}.size >= {self.least}:", "        return None"]
        if self.count is not None:
            lines += [f"    if count({first}.size):", "        return None"]
        return lines

    @staticmethod
    def _late_lines(late: Late, names: Sequence[str], arrays: Sequence[str], fixed: Collection[int]) -> list[str]:
        numbers = iter([name if name in arrays else f"float({name})" for name in names])
        floats = [f"float{i}" if i in fixed else next(numbers) for i in range(len(names) + len(fixed))]
        results = [f"late{i}" for i in range(late.count)]
        return [
            "    try:",
            f"        [{', '.join(results)}] = late({', '.join(floats)})",
            "    except errors:",
            "        return None",
            # What is not finite has a warning of NumPy's.
            f"    if not ({' and '.join(f'{name} - {name} == 0.0' for name in results)}):",
            "        return None",
        ]


def _conversion(value: Any, is_array: bool) -> Callable[[Any], Any]:
    """What makes an argument what the form computes with."""
    if is_array:
        return operator.methodcaller("astype", value.dtype)
    # Of doubles, arrays of rank 0 combine with arrays in half the time that a float takes.
    kind: Callable[[Any], Any] = np.array if value.dtype == np.float64 else value.dtype.type
    return kind
