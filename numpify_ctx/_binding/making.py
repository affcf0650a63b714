"""The function behind a call is made when it is first needed, as most bound functions are made to be bound again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any
from weakref import ref

import numpy as np

from .._execution.entry import Entry
from .._execution.fixed import Fixed, decided_by_floats
from .._execution.forms import Forms
from .._runtime.numbers import numeric
from .ambient import holds_parameters
from .bindings import Bindings
from .call import Lookup, Shape, wrapper
from .context import Parameters


class Making:
    """What a function calls until it is called first: it makes the function behind the call, and puts it in its place.

    It knows whose place that is by a weak reference, and what it makes does not know it at all: a function that is
    dropped, and what was frozen into it, is gone at once.

    Args:
        entry: the compiled function.
        bindings: what is bound to what.
        owner: the object whose `__call__` it is.
    """

    __slots__ = ("_bindings", "_entry", "_is_mixed", "_owner", "_wanted")

    def __init__(self, entry: Entry, bindings: Bindings, owner: object) -> None:
        self._entry = entry
        self._bindings = bindings
        self._owner = ref(owner)
        self._is_mixed = False
        self._wanted: frozenset[type] = frozenset()  # the types of number that came, float and int

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        if self._bindings.dynamic and self._bindings.context is None:
            raise self._bindings.no_context()
        types = set(map(type, args))
        self._is_mixed |= {float, int} <= types
        call = self._put(types if len(types) == 1 else {float} - types)
        return call(*args, **keywords)

    def _first_floats(self, *values: float) -> Any:
        """The first call with floats, after others."""
        self._put({float})
        return self._entry(*values)

    def _first_integers(self, *values: int) -> Any:
        """The first call with integers, after others."""
        self._put({int})
        return self._entry(*values)

    def _put(self, types: Set[type]) -> Callable[..., Any]:
        self._wanted |= types
        call = self._wrapped(self._wanted)
        owner = self._owner()
        if owner is not None:  # else only its `__call__` is left
            # Two threads may both come here; they put equal functions.
            object.__setattr__(owner, "__call__", call)
        return call

    def _wrapped(self, wanted: frozenset[type]) -> Callable[..., Any]:
        """The function behind the call, with the forms for the types of number that are wanted; for others, with what
        makes them when they are asked for."""
        bindings, entry = self._bindings, self._entry
        forms, names = entry.forms, bindings.roster.names
        frozen = {names[symbol]: numeric(value) for symbol, value in bindings.frozen.items()}
        takes_floats = entry.takes_floats and all(map(_is_like_a_float, frozen.values()))
        takes_integers = takes_floats and entry.gives_numbers and not frozen
        fixed = _placed(bindings, frozen)
        of_floats, decided = _of_floats(entry, fixed) if takes_floats and float in wanted else (None, {})
        of_integers = forms if takes_integers and int in wanted else None
        floats = None if of_floats is None else of_floats.short_floats()
        integers = None if of_integers is None else of_integers.short_integers()
        if floats and integers and not floats.agrees(integers):
            integers = None
        shape = Shape(
            tuple(names.values()),
            tuple(map(bindings.role, names)),
            _lookup_of(bindings.context),
            takes_floats,
            () if floats is None else floats.body,
            takes_integers,
            () if integers is None else integers.body,
            takes_integers and entry.gives_float,
            bindings.places(),
            tuple(decided),
        )
        return wrapper(
            shape,
            call=Fixed(entry, fixed).apply if fixed else entry.apply,
            # Nothing where the form stands in the wrapper itself.
            floats=None if floats else self._first_floats if of_floats is None else of_floats.floats(),
            integers=None if integers else self._first_integers if of_integers is None else of_integers.integers(),
            scalars=forms.scalars() if self._is_mixed else forms.scalars_later,
            fit=bindings.arguments,
            absent=bindings.absent,
            frozen=frozen,
            symbols={names[symbol]: symbol for symbol in bindings.dynamic},
            context=bindings.context,
            body_names=(floats.namespace if floats else {}) | (integers.namespace if integers else {}),
            decided=decided,
        )


def _of_floats(entry: Entry, fixed: Mapping[int, Any]) -> tuple[Forms, Mapping[str, float]]:
    """The forms of what is left for floats, and what the fixed numbers, as floats, decide alone."""
    once = decided_by_floats(entry, {place: float(value) for place, value in fixed.items()}) if fixed else None
    return (entry.forms, {}) if once is None else once


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
            places=bindings.places(),
        ),
        call=lambda args: entry.explain(*fixed.filled(args)),
        floats=None,
        fit=bindings.arguments,
        absent=bindings.absent,
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


def _is_like_a_float(value: object) -> bool:
    """Is a frozen value a number that is the same as a float?

    >>> _is_like_a_float(2.5), _is_like_a_float(3), _is_like_a_float(2**60), _is_like_a_float(np.float32(2))
    (True, True, False, False)
    """
    return type(value) in (float, np.float64) or (type(value) is int and abs(value) <= 2**53)
