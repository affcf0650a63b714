"""The shortest way from a call to what computes it, for arguments that came before: statements in the wrapper itself.

A quick way is for arguments of certain types. Its statements look whether these are such, and return the result. What
they are not for, and what fails in them, comes to what stands behind them, and in the end goes the whole way, which
knows everything.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._emission import Source
from .._emission.load import load
from .._emission.namespace import bare_namespace
from .._memo import Memo


MOST_QUICK = 8  # ways of one function: they are tried in turn

FLOATS = frozenset({float, np.float64})
_WHOLE = f"_type({{0}}) is _int and {-(2**62)} < {{0}} < {2**62}"
# How numbers beside arrays are told, by the dtype that they are to have and the type that they were passed as.
_TESTS: dict[str, dict[Any, str]] = {
    "d": dict.fromkeys(FLOATS, "_type({0}) in _doubles"),
    "f": {float: "_type({0}) is _float"},
    "D": {complex: "_type({0}) is _complex"},
    "F": {complex: "_type({0}) is _complex"},
    np.dtype(np.int64).char: {int: _WHOLE},
}

WORDS: Mapping[str, Any] = {
    "_ArithmeticError": ArithmeticError,
    "_TypeError": TypeError,
    "_ValueError": ValueError,
    "_array": np.ndarray,
    "_as_array": np.array,
    "_complex": complex,
    "_doubles": FLOATS,
    "_float": float,
    "_int": int,
    "_np_float64": np.float64,
    "_type": type,
}
"""What the words stand for that all quick ways share."""


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
        return len(self._due) >= MOST_QUICK

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


@dataclass(frozen=True, eq=False)
class Quick:
    """A quick way.

    Attributes:
        passed: for which arguments, as `passed_as` tells them.
        tests: of each argument, what it has to be, with {0} for its name.
        lines: statements for arguments that are, with {0}, {1}, ... for the names, and {word} for words of its own.
        words: what these stand for.
        writes: the dtype that `out` may have; None: it may not be there.
        dtypes: those that numbers are given which are the same in all calls; None: they stay what they are.
    """

    passed: tuple[Any, ...]
    tests: tuple[str, ...]
    lines: tuple[str, ...]
    words: Mapping[str, Any]
    writes: Any = None
    dtypes: tuple[Any, ...] | None = None

    @functools.cached_property
    def function(self) -> Callable[[tuple[Any, ...], Any], Any]:
        """The way alone: of the tuple of all arguments, and of `out`; None if they are of other kinds."""
        names = [f"a{place}" for place in range(len(self.passed))]
        lines, namespace = statements([(self, names, {})])
        text = "\n".join(["def quick(args, out):", f"    [{', '.join(names)}] = args", *lines, "    return None\n"])
        return load(Source(text, "quick", bare_namespace(**WORDS, **namespace)))

    def written(self, names: Sequence[str], fixed: Collection[int], mark: str) -> list[str]:
        """The statements.

        Args:
            names: of the arguments.
            fixed: places of numbers that are the same in all calls.
            mark: what its own words begin with.
        """
        words = {word: mark + word for word in self.words}
        tests = ["out is None"]
        if self.writes is not None:
            words["writes"] = f"{mark}writes"
            tests = [f"(out is None or _type(out) is _array and out.dtype is {mark}writes)"]
        others = places_of_arrays(self.passed)[1:]  # of the first array the type is known
        for place, (test, name) in enumerate(zip(self.tests, names, strict=True)):
            tests += [f"_type({name}) is _array"] * (place in others)
            tests += [test.format(name, **words)] * (place not in fixed)
        return [f"if {' and '.join(tests)}:", *indented([line.format(*names, **words) for line in self.lines])]


# A quick way, the names of its arguments, and the values of those that are fixed, by their place.
Named = tuple[Quick, Sequence[str], Mapping[int, Any]]


def statements(ways: Sequence[Named]) -> tuple[list[str], dict[str, Any]]:
    """Statements of a function that try these ways in turn, and what their words stand for, beside `WORDS`."""
    groups: dict[str, list[str]] = {}  # by the name of the first array, of which the type so is looked at once
    namespace: dict[str, Any] = {}
    for number, (way, names, fixed) in enumerate(ways):
        kinds = [(way.passed[place], kind) for place, kind in zip(fixed, passed_as([*fixed.values()]), strict=True)]
        if any(isinstance(one, np.dtype) is not isinstance(other, np.dtype) or one != other for one, other in kinds):
            continue  # a type is equal to its dtype
        mark = f"_quick{number}_"
        own = [f"{mark}fixed{place}" if place in fixed else name for place, name in enumerate(names)]
        arrays = places_of_arrays(way.passed)
        namespace |= {mark + word: value for word, value in way.words.items()} | {f"{mark}writes": way.writes}
        for i, value in fixed.items():
            namespace[own[i]] = value if way.dtypes is None or i in arrays else np.array(value, way.dtypes[i])
        suite = way.written(own, fixed.keys() - arrays, mark)
        groups.setdefault(own[arrays[0]] if arrays else "", []).extend(suite)
    lines: list[str] = []
    for first, group in groups.items():
        lines += [f"if _type({first}) is _array:", *indented(group)] if first else group
    if lines:
        # The whole way says what is wrong.
        lines = ["try:", *indented(lines), "except (_TypeError, _ValueError):", "    pass"]
    return indented(lines), namespace


def indented(lines: Sequence[str]) -> list[str]:
    """The lines one level deeper."""
    return ["    " + line for line in lines]


def places_of_arrays(passed: Sequence[Any]) -> list[int]:
    """Which of the arguments are arrays, of those that were passed as these kinds."""
    return [place for place, kind in enumerate(passed) if isinstance(kind, np.dtype)]


def tests_of(passed: Sequence[Any], dtypes: Sequence[Any]) -> tuple[tuple[str, ...], dict[str, Any]] | None:
    """The tests for arguments that were passed as some, and are to have the dtypes; and what their words stand for.

    None if there is none for one of them, or no array among them.
    """
    tests = []
    # A float takes the precision of the arrays beside it, while a double of NumPy's gives them its own.
    is_short = any(isinstance(kind, np.dtype) and kind.char in "efF" for kind in passed)
    for place, (kind, dtype) in enumerate(zip(passed, dtypes, strict=True)):
        if not isinstance(kind, np.dtype):
            test = _TESTS.get(dtype.char, {}).get(kind)
            if test is None:
                return None
            if kind in FLOATS and is_short:
                test = f"_type({{0}}) is {'_float' if kind is float else '_np_float64'}"
        # NumPy itself makes short integers longer, piece by piece.
        elif kind == dtype or (dtype == np.int64 and np.can_cast(kind, dtype)):
            test = f"{{0}}.dtype is {{kind{place}}}"
        else:
            return None
        tests.append(test)
    kinds = {f"kind{place}": passed[place] for place in places_of_arrays(passed)}
    return (tuple(tests), kinds) if kinds else None


# Arrays of the same size, below these by how many they are, broadcast to no more than 4096 elements.
_FEW = {2: 64, 3: 16}


def are_alike(arrays: Sequence[str], broadcast: bool = True) -> str:
    """The test whether arrays have one shape, which is not that of a scalar; or broadcast, to few elements.

    Shapes are tuples, which are made when they are asked for: to ask for sizes takes a quarter of the time.
    """
    first = arrays[0]
    if len(arrays) == 1:
        return f"{first}.ndim"
    sizes = " == ".join([f"(_size := {first}.size)", *(f"{name}.size" for name in arrays[1:])])
    flat = " == ".join([*(f"{name}.ndim" for name in arrays), "1"])
    few = f"_size < {_FEW[len(arrays)]} or " if broadcast and len(arrays) in _FEW else ""
    shapes = " == ".join(f"{name}.shape" for name in arrays)
    return f"(1 < {sizes} and ({few}{flat}) or {first}.ndim and {shapes})"


def are_any(arrays: Sequence[str]) -> str:
    """The test for one operation, which computes nothing twice whatever broadcasts: whether it gives an array."""
    return f"({' or '.join(f'{name}.ndim' for name in arrays)})"


def handed_back() -> list[str]:
    """Statements that hand back `_found`, which is new."""
    return ["if out is None:", "    return _found", "out[...] = _found", "return out"]
