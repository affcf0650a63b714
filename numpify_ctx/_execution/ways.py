"""How numbers are computed, by their types; and of a call with arrays, what others like it may be known by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .._emission.namespace import bare_namespace
from .._program.bounds import Integers
from .._runtime.numbers import numpy_alone
from .arguments import PLAIN, Shape
from .forms import Inline


# Numbers of which the types alone say how they are computed.
_OTHERS = frozenset({complex, np.float16, np.float32, np.complex64, np.complex128})
DOUBLE = {float: float, np.float64: float, complex: complex, np.complex128: complex}  # and Python's own of each
NUMBERS = _OTHERS | PLAIN.keys()
# What the types are called in generated code.
TYPES = {kind: f"_{'np_' * issubclass(kind, np.generic)}{kind.__name__}" for kind in NUMBERS}
MOST_TYPES = 64  # combinations of types for which that is remembered


@dataclass(frozen=True, slots=True)
class Way:
    """How numbers of certain types are computed.

    Attributes:
        form: makes what computes them. That may raise what says that NumPy is to be asked.
        conversions: what makes each of them what `form` takes.
        final: types of results that need nothing but to be made Python's, if `precision` is None; None: any.
        precision: as in `prepare`; None for Python's numbers, too.
        behind: what the form takes besides, behind the others.
        whole: what computes all that such numbers may be, if `form` may refuse some.
        short: the statements of the form, if they are few.
        is_over_cmath: are these complex numbers of Python's?
    """

    form: Callable[[], Callable[..., Any]]
    conversions: tuple[Callable[[Any], Any], ...]
    final: tuple[type, ...] | None
    precision: Any = None
    behind: tuple[Any, ...] = ()
    whole: Way | None = None
    short: Inline | None = None
    is_over_cmath: bool = False

    def taking(
        self, types: Sequence[type], names: Sequence[str], fixed: Mapping[int, Any] = MappingProxyType({})
    ) -> Callable[..., Any]:
        """The function of numbers of these types, with nothing between; it raises where results are not final.

        Args:
            types: of all the numbers.
            names: of the parameters, for which `short` is written.
            fixed: those that are known, by their place: the function takes the others.
        """
        lines = self.statements(types, names, fixed)
        if self.final is None and lines == self._returning(names) and not (fixed or self.behind or self.whole):
            return self.form()
        given = ", ".join([name for place, name in enumerate(names) if place not in fixed])
        if self.whole is not None:
            inner = ["    " + line for line in lines]
            lines = ["    try:", *inner, "    except _left:", f"        return _whole({given})"]
        text = "\n".join([f"def _way({given}):", *lines])
        namespace = bare_namespace(
            **self.words(),
            _whole=None if self.whole is None else _later(self.whole, self.conversions, names, fixed),
            **{names[place]: self.conversions[place](value) for place, value in fixed.items()},
            **{f"_as_{name}": convert for name, convert in zip(names, self.conversions, strict=True)},
        )  # fmt: skip
        exec(_compiled(text), namespace)
        found: Callable[..., Any] = namespace.pop("_way")
        return found

    @property
    def stands(self) -> Inline | None:
        """The statements of the form, if they can stand where the result is looked at: one line gives it then."""
        if self.short is None or self.final is None or self.short.body[-1].startswith("    return "):
            return self.short
        return None

    def statements(
        self, types: Sequence[type], names: Sequence[str], fixed: Collection[int] = frozenset()
    ) -> list[str]:
        """Statements that return the result, or raise where it is not final."""
        pairs = enumerate(zip(names, types, self.conversions, strict=True))
        words = {name: _word(name, kind, convert) for place, (name, kind, convert) in pairs if place not in fixed}
        made = [f"    {name} = {word}" for name, word in words.items() if word != name]
        return [*made, *self._returning(names)]

    def words(self) -> dict[str, Any]:
        """The global names in these, but for conversions to types of NumPy's."""
        if self.stands is not None:
            words = _CONVERTING | self.stands.namespace
        else:
            words = {**_CONVERTING, "_form": self.form(), "_behind": self.behind}
        return words if self.final is None else {**words, "_final": self.final, "_first": self.final[0]}

    def _returning(self, names: Sequence[str]) -> list[str]:
        """Statements that return what the form gives, which stand here if they are few."""
        given = ", ".join([*names, *["*_behind"] * bool(self.behind)])
        lines = [f"    return _form({given})"] if self.stands is None else list(self.stands.body)
        if self.final is None:
            return lines
        lines[-1] = "    _found = " + lines[-1].removeprefix("    return ")
        if self.precision is None and np.float64 in self.final:
            return [
                *lines,
                "    if _type(_found) is _complex128:",
                "        return _to_complex(_found)",
                "    return _float(_found) if _type(_found) is _float64 else _rest()",
            ]
        # Mostly it is the first of these types.
        return [*lines, "    return _found if _type(_found) is _first or _type(_found) in _final else _rest()"]


def _later(way: Way, types: Sequence[Any], names: Sequence[str], fixed: Mapping[int, Any]) -> Callable[..., Any]:
    """The function of a way, made when it is first called."""
    made: list[Callable[..., Any]] = []  # several threads may each add one; they are equal

    def called(*numbers: Any) -> Any:
        if not made:
            made.append(way.taking(types, names, fixed))
        return made[0](*numbers)

    return called


# The quickest that gives the same, to the sign of a zero and the kind of a nan. NumPy's own types take 150 ns for a
# Python number, and 200 for `item`; to add -0.0 changes nothing, and takes 40.
_CONVERTING = {
    "_type": type, "_int": int, "_float": float, "_float64": np.float64, "_complex128": np.complex128,
    "_float_zero": np.float64(-0.0), "_complex_zero": np.complex128(complex(-0.0, -0.0)),
    "_float32_zero": np.float32(-0.0), "_complex64_zero": np.complex64(complex(-0.0, -0.0)),
    "_to_complex": complex(-0.0, -0.0).__add__, "_rest": numpy_alone, "_left": (ArithmeticError, ValueError),
}  # fmt: skip
_WORDS: Mapping[tuple[Any, Any], str] = {
    (np.float64, float): "_float({0})",
    (bool, int): "+{0}",
    (float, np.float64): "{0} + _float_zero",
    (complex, np.complex128): "{0} + _complex_zero",
    (float, np.float32): "{0} + _float32_zero",
    (complex, np.complex64): "{0} + _complex64_zero",
    (np.complex128, complex): "_to_complex({0})",
}


def _word(name: str, kind: type, convert: Callable[[Any], Any]) -> str:
    if kind is convert:
        return name
    return _WORDS.get((kind, convert), "_int({0})" if convert is int else "_as_{0}({0})").format(name)


@lru_cache(maxsize=256)
def _compiled(text: str) -> CodeType:
    """Code that may be alike for many functions: bound ones, and those of forms too long to stand in it."""
    return compile(text, "<numpify ways>", "exec", dont_inherit=True)


class Ways:
    """What computes numbers, by their types: of one number its type, of several a tuple; None for the whole way.

    Attributes:
        known: what was asked for. It is a plain dict, in which Python looks up faster than in a dict of a kind of its
            own.

    >>> ways = Ways(lambda types: Way(lambda: max, (float, float), (float,)), ("x", "y"), {1: 2.0})
    >>> ways.find(np.float64)(np.float64(3.0)), ways.find(str), list(ways.known)
    (3.0, None, [<class 'numpy.float64'>])
    """

    __slots__ = ("_find", "_fixed", "_names", "known")

    def __init__(
        self, find: Callable[[tuple[type, ...]], Way | None], names: Sequence[str], fixed: Mapping[int, Any]
    ) -> None:
        self._find = find
        self._names = names
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
        found = self.known[kinds] = None if way is None else way.taking(types, self._names, self._fixed)
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
