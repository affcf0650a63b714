"""How numbers are computed, by their types; and of a call with arrays, what others like it may be known by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .._emission.namespace import bare_namespace
from .._program.bounds import Integers
from .._runtime.numbers import numpy_alone
from .arguments import PLAIN, Shape


# Numbers of which the types alone say how they are computed.
FLOATING = frozenset({float, complex, np.float16, np.float32, np.float64, np.complex64, np.complex128})
DOUBLE = {float: float, np.float64: float, complex: complex, np.complex128: complex}  # and Python's own of each
NUMBERS = FLOATING | PLAIN.keys()
MOST_TYPES = 64  # combinations of types for which that is remembered


@dataclass(frozen=True, slots=True)
class Way:
    """How numbers of certain types are computed.

    Attributes:
        form: what computes them. It may raise what says that NumPy is to be asked.
        conversions: what makes each of them what `form` takes.
        final: types of results that need nothing but to be made Python's, if `precision` is None; None: any.
        precision: as in `prepare`; None for Python's numbers, too.
        behind: what the form takes besides, behind the others.
        whole: what computes all that such numbers may be, if `form` may refuse some.
    """

    form: Callable[..., Any]
    conversions: tuple[Callable[[Any], Any], ...]
    final: tuple[type, ...] | None
    precision: Any = None
    behind: tuple[Any, ...] = ()
    whole: Way | None = None

    def taking(self, types: Sequence[type], fixed: Mapping[int, Any] = MappingProxyType({})) -> Callable[..., Any]:
        """The function of numbers of these types, with nothing between; it raises where results are not final.

        Args:
            types: of all the numbers.
            fixed: those that are known, by their place: the function takes the others.
        """
        words = [f"a{i}" if i in fixed else _word(f"a{i}", *pair) for i, pair in enumerate(self._pairs(types))]
        if self.final is None and not fixed and not self.behind and words == [f"a{i}" for i in range(len(words))]:
            return self.form
        given = [f"a{i}" for i in range(len(words)) if i not in fixed]
        namespace = bare_namespace(
            form=self.form, behind=self.behind, final=frozenset(self.final or ()), rest=numpy_alone, **_CONVERTING,
            **{f"a{i}": self.conversions[i](value) for i, value in fixed.items()},
            **{f"a{i}_as": convert for i, convert in enumerate(self.conversions)},
        )  # fmt: skip
        exec(_compiled(self._text(given, [*words, *["*behind"] * bool(self.behind)])), namespace)
        made: Callable[..., Any] = namespace.pop("way")
        return made

    def _pairs(self, types: Sequence[type]) -> list[tuple[type, Callable[[Any], Any]]]:
        return list(zip(types, self.conversions, strict=True))

    def _text(self, given: Sequence[str], words: Sequence[str]) -> str:
        head, call = f"def way({', '.join(given)}):", f"form({', '.join(words)})"
        if self.final is None:
            return f"{head}\n    return {call}\n"
        lines = [head, f"    found = {call}", "    kind = type(found)"]
        if self.precision is None and np.float64 in self.final:
            lines += ["    if kind is complex128:", "        return to_complex(found)"]
            lines += ["    return to_float(found) if kind is float64 else rest()"]
        else:
            lines += ["    return found if kind in final else rest()"]
        return "\n".join(lines) + "\n"


# The quickest that gives the same, to the sign of a zero and the kind of a nan. NumPy's own types take 150 ns for a
# Python number, and 200 for `item`; to add -0.0 changes nothing, and takes 40.
_CONVERTING = {
    "type": type, "int": int, "to_float": float, "float64": np.float64, "complex128": np.complex128,
    "float_zero": np.float64(-0.0), "complex_zero": np.complex128(complex(-0.0, -0.0)),
    "to_complex": complex(-0.0, -0.0).__add__,
}  # fmt: skip
_WORDS: Mapping[tuple[Any, Any], str] = {
    (np.float64, float): "to_float({0})",
    (bool, int): "+{0}",
    (float, np.float64): "{0} + float_zero",
    (complex, np.complex128): "{0} + complex_zero",
    (np.complex128, complex): "to_complex({0})",
}


def _word(name: str, kind: type, convert: Callable[[Any], Any]) -> str:
    if kind is convert:
        return name
    return _WORDS.get((kind, convert), "int({0})" if convert is int else "{0}_as({0})").format(name)


@lru_cache(maxsize=256)
def _compiled(text: str) -> CodeType:
    """Code that is alike for many functions, of which it holds nothing but the number of arguments."""
    return compile(text, "<numpify ways>", "exec", dont_inherit=True)


class Ways:
    """What computes numbers, by their types: of one number its type, of several a tuple; None for the whole way.

    Attributes:
        known: what was asked for. It is a plain dict, in which Python looks up faster than in a dict of a kind of its
            own.

    >>> ways = Ways(lambda types: Way(max, (float, float), (float,)), {1: 2.0})
    >>> ways.find(np.float64)(np.float64(3.0)), ways.find(str), list(ways.known)
    (3.0, None, [<class 'numpy.float64'>])
    """

    __slots__ = ("_find", "_fixed", "known")

    def __init__(self, find: Callable[[tuple[type, ...]], Way | None], fixed: Mapping[int, Any]) -> None:
        self._find = find
        self._fixed = fixed
        # Several threads may share it, as a `Memo`: to look up, to enter and to clear are single operations.
        self.known: dict[Any, Callable[..., Any] | None] = {}

    def find(self, kinds: Any) -> Callable[..., Any] | None:
        """What was not asked for before."""
        given = kinds if type(kinds) is tuple else (kinds,)
        if not _KNOWN.issuperset(given):
            return None  # not kept: a class of the user's would be, too
        rest = iter(given)
        count = len(given) + len(self._fixed)
        types = tuple([type(self._fixed[i]) if i in self._fixed else next(rest) for i in range(count)])
        way = self._find(types) if NUMBERS.issuperset(types) else None
        if len(self.known) >= MOST_TYPES:
            self.known.clear()
        found = self.known[kinds] = None if way is None else way.taking(types, self._fixed)
        return found


_KNOWN = NUMBERS | {np.ndarray}


class Call(NamedTuple):
    """A call with arrays.

    Attributes:
        args: the arguments as they were passed.
        values: the same, prepared, see `Prepared`.
        integers: what is known of those that are integers.
        shape: see `Prepared`.
        precision: likewise.
    """

    args: Sequence[Any]
    values: Sequence[Any]
    integers: Integers
    shape: Shape
    precision: Any
