"""The function behind a call is made when it is first needed, as most bound functions are made to be bound again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from weakref import ref

from .._emission.scalars import is_exact
from .._execution.entry import Entry
from .._execution.fixed import Fixed, decided_by_floats
from .._execution.forms import Forms
from .._execution.quick import FLOATS, Named, Quick, statements
from .._execution.ways import NUMBERS, TYPES, Way, Ways
from .._runtime.numbers import numeric
from .ambient import holds_parameters
from .bindings import Bindings
from .call import Lookup, Shape, wrapper
from .context import Parameters, is_ours


_MOST_KINDS = 2  # combinations of types of numbers that the function behind the call looks at first


class Making:
    """What a function calls until it is called first: it makes the function behind the call, and puts it in its place.

    It knows whose place that is by a weak reference, and what it makes does not know it at all: a function that is
    dropped, and what was frozen into it, is gone at once.

    Args:
        entry: the compiled function.
        bindings: what is bound to what.
        owner: the object whose `__call__` it is.
    """

    __slots__ = (
        "_bindings", "_entry", "_fixed", "_has_floats", "_has_numbers", "_has_out", "_kinds", "_owner", "_quicks",
    )  # fmt: skip

    def __init__(self, entry: Entry, bindings: Bindings, owner: object) -> None:
        self._entry = entry
        self._bindings = bindings
        self._fixed: Fixed | None = None
        self._owner = ref(owner)
        self._quicks: tuple[tuple[Quick, ...], ...] = ((), ())  # those that stand in the function behind the call
        self._has_floats = False  # did floats come?
        self._has_numbers = False  # and other numbers? Most functions are called with floats, or arrays, alone
        self._has_out = False  # and `out`?
        self._kinds: tuple[tuple[type, ...], ...] = ()  # types of other numbers that came, the first few

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        if self._bindings.dynamic and self._bindings.context is None:
            raise self._bindings.no_context()
        types = tuple(map(type, args))
        with_floats = {float}.issuperset(types)
        if not with_floats and NUMBERS.issuperset(types) and len(types) == len(self._bindings.roster.names):
            self._has_numbers = True
            self._note(types)
        return self._put(with_floats)(*args, **keywords)

    def _note(self, types: tuple[type, ...]) -> bool:
        """Is the way of numbers of these types to stand in the function behind the call? It is, of the first few."""
        is_new = len(self._kinds) < _MOST_KINDS and types not in self._kinds and not self._bindings.frozen
        if not types or not is_new or not NUMBERS.issuperset(types) or {float}.issuperset(types):
            return False
        self._kinds = (*self._kinds, types)  # two threads may lose one, which has its way in the table
        return True

    def _first_floats(self, *values: float) -> Any:
        """The first call with floats, after others."""
        self._put(True)
        return self._entry(*values)

    def _note_out(self) -> None:
        """`out` has come: most functions are called without."""
        self._has_out = True
        self._put(False)

    def _whole(self, args: tuple[Any, ...], out: Any = None) -> Any:
        """The whole way; where that finds quick ways, these go into the function behind the call, as do numbers."""
        fixed = self._fixed
        result = (self._entry if fixed is None else fixed).apply(args, out)
        of_all, of_free = self._quicks
        if self._entry.quicks is not of_all or (fixed is not None and fixed.quicks is not of_free):
            self._put(False)
        elif not self._has_numbers and out is None and NUMBERS.issuperset(map(type, args)):
            self._has_numbers = True
            self._note(tuple(map(type, args)))
            self._put(False)
        return result

    def _found(self) -> tuple[tuple[Quick, ...], ...]:
        """The quick ways by now: of all arguments, and of those that are not frozen."""
        return self._entry.quicks, () if self._fixed is None else self._fixed.quicks

    def _put(self, with_floats: bool) -> Callable[..., Any]:
        self._has_floats |= with_floats
        found = self._found()
        call = self._wrapped(self._has_floats, *found)
        owner = self._owner()
        if owner is not None:  # else only its `__call__` is left
            # Two threads may both come here; they put equal functions.
            object.__setattr__(owner, "__call__", call)
        self._quicks = found
        return call

    def _wrapped(self, with_floats: bool, of_all: Sequence[Quick], of_free: Sequence[Quick]) -> Callable[..., Any]:
        """The function behind the call, with the form for floats, or with what makes it when it is asked for."""
        bindings, entry = self._bindings, self._entry
        names = bindings.roster.names
        frozen = {names[symbol]: numeric(value) for symbol, value in bindings.frozen.items()}
        fixed = _placed(bindings, frozen)
        takes_floats = entry.takes_floats and _are_like_floats(entry, fixed)
        self._fixed = self._fixed or (Fixed(entry, fixed) if fixed else None)
        quick, quick_names = self._quick_ways(of_all, of_free, fixed)
        of_floats, decided = _of_floats(entry, fixed) if takes_floats and with_floats else (None, {})
        floats = None if of_floats is None else of_floats.short_floats()
        bodies, names_of_bodies = self._bodies({} if floats is None else floats.namespace)
        shape = Shape(
            tuple(names.values()),
            tuple(map(bindings.role, names)),
            _lookup_of(bindings.context),
            _reading_of(bindings),
            takes_floats,
            () if floats is None else floats.body,
            bodies,
            self._has_numbers and _takes_numbers(entry, frozen),
            bindings.places(),
            tuple(decided),
            tuple(quick),
            self._has_out,
        )
        return wrapper(
            shape,
            call=self._whole,
            # Nothing where the form stands in the wrapper itself.
            floats=None if floats else self._first_floats if of_floats is None else of_floats.floats(),
            ways=Ways(self._finding(fixed, takes_floats), list(names.values()), fixed),
            fit=bindings.arguments,
            absent=bindings.absent,
            note_out=self._note_out,
            frozen=frozen,
            symbols={names[symbol]: symbol for symbol in bindings.dynamic},
            context=bindings.context,
            body_names=names_of_bodies,
            decided=decided,
            quick_names=quick_names,
        )

    def _bodies(self, words: Mapping[str, Any]) -> tuple[tuple[tuple[Any, Any], ...], Mapping[str, Any]]:
        """By the types of numbers that came, the statements of their ways; and all their global names, with `words`."""
        names = tuple(self._bindings.roster.names.values())
        bodies = []
        for types in self._kinds:
            way = self._entry.way(types)
            if way is None or way.stands is None:
                continue
            its, lines = way.words(), way.statements(types, names)
            # No name may mean two things; and what makes numbers NumPy's is in the table of ways only.
            is_apart = all(words[word] is its[word] for word in words.keys() & its.keys())
            if is_apart and not any("_as_" in line for line in lines):
                words = {**words, **its}
                bodies.append((tuple([TYPES[kind] for kind in types]), tuple(lines)))
        return tuple(bodies), words

    def _finding(self, fixed: Mapping[int, Any], takes_floats: bool) -> Callable[[tuple[type, ...]], Way | None]:
        """As `Entry.way`, where what the fixed numbers decide alone is known to the form for floats.

        The first ways of numbers that come go into the function behind the call.
        """
        entry = self._entry

        def way(types: tuple[type, ...]) -> Way | None:
            if takes_floats and fixed and all(kind in FLOATS or i in fixed for i, kind in enumerate(types)):
                forms, decided = _of_floats(entry, fixed)
                return Way(forms.floats, (float,) * len(types), None, behind=tuple(decided.values()))
            if self._note(types):
                self._put(False)
            return entry.way(types)

        return way

    def _quick_ways(
        self, of_all: Sequence[Quick], of_free: Sequence[Quick], fixed: Mapping[int, Any]
    ) -> tuple[list[str], dict[str, Any]]:
        """The statements of quick ways, of all arguments and of those that are not frozen, and their names."""
        if not of_all and not of_free:  # most of the first calls
            return [], {}
        names = tuple(self._bindings.roster.names.values())
        free = [place for place in range(len(names)) if place not in fixed]
        native = self._entry.native
        kernels = [] if native is None else [quick for quick in of_all if quick in native.quicks]
        known = {quick.passed for quick in of_free}  # what computes once what is frozen goes first
        ways: list[Named] = [(quick, names, fixed) for quick in kernels]
        ways += [(quick, [names[place] for place in free], {}) for quick in of_free]
        ways += [
            (quick, names, fixed)
            for quick in of_all
            if quick not in kernels and tuple([quick.passed[place] for place in free]) not in known
        ]
        return statements(ways)


def _of_floats(entry: Entry, fixed: Mapping[int, Any]) -> tuple[Forms, Mapping[str, float]]:
    """The forms of what is left for floats, and what the fixed numbers, as floats, decide alone."""
    once = decided_by_floats(entry, {place: float(value) for place, value in fixed.items()}) if fixed else None
    return (entry.forms, {}) if once is None else once


def _takes_numbers(entry: Entry, frozen: Mapping[str, Any]) -> bool:
    """Are numbers of any types computed by the table of ways?"""
    return not any(entry.program.parameter_ranks) and NUMBERS.issuperset(map(type, frozen.values()))


def _placed(bindings: Bindings, frozen: Mapping[str, Any]) -> dict[int, Any]:
    """What is frozen, by its place instead of its name."""
    return {place: frozen[name] for place, name in enumerate(bindings.roster.names.values()) if name in frozen}


def explaining(entry: Entry, bindings: Bindings) -> Callable[..., str]:
    """What takes the arguments of a call, and tells which form they take."""
    if bindings.dynamic and bindings.context is None:
        raise bindings.no_context()
    names = bindings.roster.names
    frozen = {names[symbol]: numeric(value) for symbol, value in bindings.frozen.items()}
    fixed = Fixed(entry, _placed(bindings, frozen))
    return wrapper(
        Shape(
            tuple(names.values()), tuple(map(bindings.role, names)), _lookup_of(bindings.context),
            places=bindings.places(), takes_out=True,
        ),
        call=lambda args, out: entry.explain(*fixed.filled(args)),
        floats=None,
        fit=bindings.arguments,
        absent=bindings.absent,
        note_out=None,
        frozen={},
        symbols={names[symbol]: symbol for symbol in bindings.dynamic},
        context=bindings.context,
    )  # fmt: skip


def _lookup_of(context: object) -> Lookup:
    """How the values in a context are found."""
    if type(context) is Parameters:
        return "cells"
    if type(context) is dict:
        return "dict"
    return "attribute" if context is None or holds_parameters(context) else "mapping"


def _reading_of(bindings: Bindings) -> Literal["value", "_value"]:
    """The attribute of a `Parameter` that a call reads: the slot itself, unless a subclass may have a `value`."""
    context = bindings.context
    held = context._found(bindings.dynamic) if type(context) is Parameters else None
    return "value" if held is None or not all(map(is_ours, held[1])) else "_value"


def _are_like_floats(entry: Entry, fixed: Mapping[int, Any]) -> bool:
    """May floats stand for what is frozen, beside floats? Not for integers of which alone a result is an integer."""
    if not all(map(_is_like_a_float, fixed.values())):
        return False
    if int not in map(type, fixed.values()):
        return True
    floats = [0.0] * len(entry.program.parameters)
    given = [fixed[i] if type(fixed.get(i)) is int else 0.0 for i in range(len(floats))]
    return entry.results.kinds_of(given) == entry.results.kinds_of(floats)


def _is_like_a_float(value: object) -> bool:
    """Is a frozen value a number that is the same as a float?

    >>> _is_like_a_float(2.5), _is_like_a_float(3), _is_like_a_float(2**60), _is_like_a_float(2j)
    (True, True, False, False)
    """
    return type(value) in FLOATS or is_exact(value)
