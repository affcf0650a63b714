"""Quick ways to plain NumPy: which arguments they look at, what they convert, and how they hand the result back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from .._emission.into import writing
from .._program.ir import Program
from .._runtime.special.direct import Direct, count_nonzero
from .quick import FLOATS, Quick, are_alike, are_any, handed_back, indented, places_of_arrays, tests_of
from .quick_several import Back


@dataclass(frozen=True, slots=True)
class Late:
    """What numbers beside arrays decide alone, computed over Python's operators in each call.

    Attributes:
        first: gives it, as a tuple of floats; it takes all arguments, and looks at no array.
        count: how many these are.
        form: takes them behind the others.
        used: the arguments that `form` looks at.
        program: that of `form`.
    """

    first: Callable[..., Any]
    count: int
    form: Callable[..., Any]
    used: frozenset[int]
    program: Program


class Counting(Protocol):
    """What adds up elements in the only item of `computed`, as long as they are below `limit`."""

    computed: list[float]

    @property
    def limit(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Plain:
    """What a quick way to plain NumPy needs to know.

    Attributes:
        form: the function in plain NumPy.
        result: the dtype of what it gives.
        least: a result of so many elements is not for it, but for `along`.
        complete: of the result and the arguments as they were passed, the result to hand back; None: as it is.
        native: where what is computed adds up, until it is so much that this way is not to be taken any more.
        fresh: is the result an array of that dtype, new, and of all arrays, whatever the values are?
        late: what the numbers beside the arrays decide, of which `form` is that form then; None: nothing.
        ufunc: what is all of `form`, where it is given arrays alone, which it makes longer; None: it is more.
        direct: what is all of it for one array of doubles as they mostly are, and how that is told.
        looks: how many bits beside the sign integers may have, by the place of what the dtypes do not tell it of.
        back: how results are handed back that are several, or have axes of their own, of which `result` is None.
        along: takes what `form` does, and gives the result, or None; None: the whole way takes so many elements.
    """

    form: Callable[..., Any]
    result: Any
    least: int
    complete: Callable[[Any, Sequence[Any]], Any] | None
    native: Counting | None
    fresh: bool = False
    late: Late | None = None
    ufunc: np.ufunc | None = None
    direct: tuple[Direct, Callable[..., Any]] | None = None
    looks: Mapping[int, int] = field(default_factory=dict)
    back: Back | None = None
    along: Callable[..., Any] | None = None

    def quick(
        self, passed: Sequence[Any], values: Sequence[Any], fixed: Mapping[int, Any] = MappingProxyType({})
    ) -> Quick | None:
        """What takes arguments like some to the form, with nothing between; None if they need more.

        Args:
            passed: of each argument as it was passed, its dtype if it was an array, else its type.
            values: what they became, for the form to compute with.
            fixed: what the form takes besides, by its place.
        """
        found = tests_of(passed, [value.dtype for value in values])
        if found is None:
            return None
        tests, words = found
        places = [i for i in range(len(passed) + len(fixed)) if i not in fixed]
        # Arrays and NumPy scalars of the right dtype are what the form computes with, as they are; but of doubles,
        # arrays of rank 0 combine with arrays in half the time that a number takes.
        converted = [
            i
            for i, (kind, value, place) in enumerate(zip(passed, values, places, strict=True))
            # An int is equal to int64, but counts for less beside floats; and Python divides complex numbers otherwise.
            if kind in (int, complex)
            or kind != value.dtype
            or (kind in FLOATS and (self.late is None or place in self.late.used))
        ]
        words |= {f"as{i}": _conversion(values[i], isinstance(passed[i], np.dtype)) for i in converted}
        words |= {f"fixed{i}": value for i, value in fixed.items()}
        form = self.form if self.ufunc is None else self.ufunc
        # Where nothing is looked at afterwards, an array of the caller's is written at once.
        into = None
        if self.ufunc is None and self.complete is None and self.back is None:
            into = writing(self.form)
        words |= {"form": form, "result": self.result, "complete": self.complete, "into": into, "along": self.along}
        words |= {} if self.back is None else self.back.words
        if self.direct is not None:
            words |= {"direct": self.direct[1], "count": count_nonzero}
        if self.native is not None:
            words |= {"computed": self.native.computed, "limit": self.native.limit}
        if self.late is not None:
            words["late"] = self.late.first
            words |= {f"float{i}": float(value) for i, value in fixed.items() if not value.ndim}
        lines = self._lines(passed, converted, fixed, into is not None)
        return Quick(tuple(passed), tests, tuple(lines), words, self.result)

    def _lines(
        self, passed: Sequence[Any], converted: Collection[int], fixed: Collection[int], writes: bool
    ) -> list[str]:
        names = [f"{{{i}}}" for i in range(len(passed))]
        arrays = [names[i] for i in places_of_arrays(passed)]
        call = self._call(names, arrays, converted, fixed)
        lines = self._handing_back(call, names, arrays, writes)
        if self.along is not None:
            lines = self._by_size(call, names, arrays[0], lines)
        is_of_any = self.ufunc is not None and self.least == sys.maxsize
        alike = are_any(arrays) if is_of_any else are_alike(arrays, self.fresh)
        if self.late is not None:
            lines = self._late_lines(self.late, [n if n in arrays else f"_float({n})" for n in names], fixed, lines)
        if self.native is not None:
            lines = [f"{{computed}}[0] += {arrays[0]}.size", "if {computed}[0] < {limit}:", *indented(lines)]
        if self.direct is not None and self.ufunc is None:
            few = [f"if {arrays[0]}.size < {self.least}:", *indented(lines)]
            lines = [*self._direct_lines(self.direct[0]), *few]
        elif self.least < sys.maxsize and self.along is None:
            alike += f" and {arrays[0]}.size < {self.least}"
        # A fixed number is looked at, too: these are no tests of its type. The extremes of no elements are an error.
        small = [_is_within(names[i], passed[i], bits) for i, bits in self.looks.items()]
        return [f"if {' and '.join([alike, *small])}:", *indented(lines)]

    def _handing_back(self, call: str, names: Sequence[str], arrays: Sequence[str], writes: bool) -> list[str]:
        """Statements that hand back what the call gives, or write it into `out`: at once, if a form does that."""
        if self.ufunc is not None:
            return ["if out is None:", f"    return {call}", f"return {call[:-1]}, out=out)"]
        lines = [f"_found = {call}"]
        if self.back is not None:
            return [*lines, *self.back.lines]
        into = ["if out is not None:", f"    return {call.replace('{form}', '{into}')[:-1]}, out)"] if writes else []
        if self.fresh and writes:
            return [*into, f"return {call}"]
        back = [*self._second_look(names), *(["return _found"] if writes else handed_back())]
        if not self.fresh:
            # An operation may hand back an argument, or a view of one, which is not to be the caller's.
            own = " and ".join(["_found.base is None", *(f"_found is not {name}" for name in arrays)])
            kind = "_type(_found) is _array and _found.dtype is {result}"
            back = [f"if {kind} and _found.shape == {arrays[0]}.shape and {own}:", *indented(back)]
        return [*into, *lines, *back]

    def _second_look(self, names: Sequence[str]) -> list[str]:
        """Statements that complete what was found."""
        if self.complete is None:
            return []
        # The cheapest look that warns of nothing: where there are nans, the first one is the largest.
        return [
            "_largest = _found.item(_found.argmax()) if _found.size else 0.0",
            "if _largest != _largest:",
            f"    _found = {{complete}}(_found, ({''.join(f'{name}, ' for name in names)}))",
        ]

    def _by_size(self, call: str, names: Sequence[str], array: str, few: Sequence[str]) -> list[str]:
        """These statements for few elements, and for many what computes them in blocks, but where there is `out`."""
        many = [f"_found = {call.replace('{form}', '{along}')}", "if _found is not None:"]
        many += indented([*self._second_look(names), "return _found"])
        return [f"if {array}.size < {self.least}:", *indented(few), "elif out is None:", *indented(many)]

    def _call(
        self, names: Sequence[str], arrays: Sequence[str], converted: Collection[int], fixed: Collection[int]
    ) -> str:
        """The call of the form, of arguments as it takes them."""

        def converting(i: int, name: str) -> str:
            if i not in converted:
                return name
            if name not in arrays:
                return f"{{as{i}}}({name})"
            # NumPy's own cast takes a third less time by its name than through a function. A ufunc needs none.
            return f"{name}.astype({{as{i}}})" if self.ufunc is None else name

        rest = iter([converting(i, name) for i, name in enumerate(names)])
        given = [f"{{fixed{i}}}" if i in fixed else next(rest) for i in range(len(names) + len(fixed))]
        given += [] if self.late is None else [f"_as_array(_late{i})" for i in range(self.late.count)]
        if self.ufunc is not None and any(names[i] in arrays for i in converted):
            given.append("dtype={result}")
        return f"{{form}}({', '.join(given)})"

    @staticmethod
    def _direct_lines(direct: Direct) -> list[str]:
        after = direct.tests_of_value("_found", "{count}")
        back = [f"if {' and '.join(after)}:", *indented(handed_back())] if after else handed_back()
        lines = ["_found = {direct}({0})", *back]
        tests = direct.tests("{0}")
        return [f"if {' and '.join(tests)}:", *indented(lines)] if tests else lines

    @staticmethod
    def _late_lines(late: Late, names: Sequence[str], fixed: Collection[int], lines: Sequence[str]) -> list[str]:
        numbers = iter(names)
        floats = [f"{{float{i}}}" if i in fixed else next(numbers) for i in range(len(names) + len(fixed))]
        results = [f"_late{i}" for i in range(late.count)]
        return [
            "try:",
            f"    [{', '.join(results)}] = {{late}}({', '.join(floats)})",
            # What is not finite has a warning of NumPy's.
            f"    _finite = {' and '.join(f'{name} - {name} == 0.0' for name in results)}",
            "except _ArithmeticError:",
            "    _finite = False",
            "if _finite:",
            *indented(lines),
        ]


def _is_within(name: str, kind: Any, bits: int) -> str:
    """The test that an integer, or all those of an array, have no more bits than this beside the sign."""
    low, high = -(2**bits), 2**bits
    if not isinstance(kind, np.dtype):
        return f"{low} <= {name} < {high}"
    # To look for the places of the extremes takes a third of the time of a reduction.
    above = f"{name}.item({name}.argmax()) < {high}"
    return above if kind.kind == "u" else f"{above} and {low} <= {name}.item({name}.argmin())"


def _conversion(value: Any, is_array: bool) -> Any:
    """What makes an argument what the form computes with: the dtype of an array, what takes a number."""
    if is_array:
        return value.dtype
    kind: Callable[[Any], Any] = np.array if value.dtype == np.float64 else value.dtype.type
    return kind
