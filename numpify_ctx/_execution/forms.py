"""The forms of one program, each emitted when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._emission import Source, emit_arrays, emit_complex, emit_floats, emit_integers, emit_scalars
from .._emission.load import load
from .._kinds import BOOL
from .._program.bounds import NO_INTEGERS, Integers
from .._program.ir import PARAM, Program
from .._program.ops import ADD
from .._runtime.special.direct import Direct
from .._runtime.special.pointwise import Pointwise


_SHORT = 600  # characters of a form that may stand in a wrapper, where every bound function has its own
_MOST = 8  # forms that check integers, for one program; then one that expects them everywhere


@dataclass(frozen=True, slots=True)
class Inline:
    """Statements that return the results, and their global names."""

    body: tuple[str, ...]
    namespace: dict[str, Any]


def inline(source: Source) -> Inline | None:
    """The statements of a source, if they are few enough to stand where they are needed."""
    body = source.text.splitlines()[1:]
    if len(source.text) > _SHORT or any(line.startswith("    def ") for line in body):
        return None
    names = {name: value for name, value in source.namespace.items() if name != source.name and name[:2] != "__"}
    return Inline(tuple(body), names)


class Forms:
    """The forms for numbers, for floats, and for arrays of which some hold integers.

    Two threads may both emit one; they get equal functions, and either may stay.
    """

    __slots__ = (
        "_arrays", "_arrays_source", "_booleans", "_doubles", "_floats", "_floats_source", "_integers",
        "_integers_source", "_program", "_scalars", "_scalars_source",
    )  # fmt: skip

    def __init__(self, program: Program) -> None:
        self._program = program
        self._arrays: dict[Integers, Callable[..., Any]] = {}
        self._arrays_source: Source | None = None
        self._booleans: Callable[..., Any] | None = None
        self._doubles: Callable[..., Any] | None = None
        self._scalars: Callable[..., Any] | None = None
        self._scalars_source: Source | None = None
        self._floats: Callable[..., Any] | None = None
        self._floats_source: Source | None = None
        self._integers: Callable[..., Any] | None = None
        self._integers_source: Source | None = None

    def ufunc(self, of_doubles: bool) -> np.ufunc | None:
        """The ufunc that is the whole program, of real arrays in the order of the parameters; None if it is more.

        Args:
            of_doubles: whether all are doubles.
        """
        program = self._program
        node = program.results[0]
        op, data = program.ops[node], program.data[node]
        order = [program.data[a] if program.ops[a] is PARAM else None for a in program.args[node]]
        found = op.ufunc
        if of_doubles and isinstance(op.numpy, Pointwise):
            found = op.numpy.ufunc_of_doubles
        if found is None or found.nin != len(order) or order != list(range(len(program.parameters))):
            return None
        if op is ADD and data == (False, True):
            return np.subtract
        return None if data and any(data) else found

    def direct(self) -> tuple[Direct, Callable[..., Any]] | None:
        """What is the whole program, of one array of doubles as they mostly are, and who computes it; None: nothing."""
        program = self._program
        node = program.results[0]
        function = program.ops[node].numpy
        if not isinstance(function, Pointwise) or len(program.parameters) != 1 or program.data[node]:
            return None
        found = function.direct if [program.ops[a] for a in program.args[node]] == [PARAM] else None
        return None if found is None else (found[0], found[0].of(found[1]))

    def scalars(self) -> Callable[..., Any]:
        """The function for Python numbers of any types."""
        if self._scalars is None:
            self._scalars = load(self._source_of_scalars())
        return self._scalars

    def floats(self) -> Callable[..., Any]:
        """The function for numbers all of which are of type float: it gives the final results."""
        if self._floats is None:
            self._floats = load(self._source_of_floats())
        return self._floats

    def integers(self) -> Callable[..., Any]:
        """The function for numbers all of which are of type int: it gives the final results."""
        if self._integers is None:
            self._integers = load(self._source_of_integers())
        return self._integers

    def complexes(self, kinds: Sequence[int]) -> Callable[..., Any] | None:
        """The function for numbers that are `complex`, `float` or `int` by their kinds, if there is one."""
        source = emit_complex(self._program, kinds)
        return None if source is None else load(source)

    def short_floats(self) -> Inline | None:
        """The statements of `floats`, if they are few enough to stand where they are needed."""
        return inline(self._source_of_floats())

    def short_scalars(self) -> Inline | None:
        """Those of `scalars`, likewise."""
        return inline(self._source_of_scalars()) if self._is_short else None

    def short_integers(self) -> Inline | None:
        """Those of `integers`, likewise."""
        return inline(self._source_of_integers()) if self._is_short else None

    def short_arrays(self, integers: Integers) -> Inline | None:
        """Those of `arrays`, likewise."""
        return inline(self._source_with(integers)) if self._is_short else None

    @property
    def _is_short(self) -> bool:
        return len(self._program.ops) < _SHORT // 8  # else it is not worth the while to emit it

    def source(self) -> Source:
        """The plain NumPy source, for arrays of floats."""
        if self._arrays_source is None:
            self._arrays_source = emit_arrays(self._program, NO_INTEGERS.kinds(len(self._program.parameters)))
        return self._arrays_source

    def arrays(self, integers: Integers) -> Callable[..., Any]:
        """The function in plain NumPy for arguments of which these are integers."""
        found = self._arrays.get(integers)
        return self._new_arrays(integers) if found is None else found

    def booleans(self) -> Callable[..., Any]:
        """The function in plain NumPy for arrays of booleans, as such."""
        if self._booleans is None:
            self._booleans = load(emit_arrays(self._program, [BOOL] * len(self._program.parameters)))
        return self._booleans

    def doubles(self) -> Callable[..., Any]:
        """The function in plain NumPy for arguments that are all doubles, as arrays of any rank."""
        if self._doubles is None:
            plain = self.source()
            source = emit_arrays(self._program, NO_INTEGERS.kinds(len(self._program.parameters)), doubles=True)
            # Without constants and functions of SciPy the two are the same.
            is_plain = source.text == plain.text and all(
                value is plain.namespace[name] for name, value in source.namespace.items() if name[0] != "_"
            )
            self._doubles = self.arrays(NO_INTEGERS) if is_plain else load(source)
        return self._doubles

    def _new_arrays(self, integers: Integers) -> Callable[..., Any]:
        if integers != NO_INTEGERS and len(self._arrays) >= _MOST:  # 2**count combinations would each be compiled
            everything = (1 << len(self._program.parameters)) - 1
            integers = Integers(everything, integers.checked, everything)
            if integers in self._arrays:
                return self._arrays[integers]
        function = self._arrays[integers] = load(self._source_with(integers))
        return function

    def _source_with(self, integers: Integers) -> Source:
        if integers == NO_INTEGERS:
            return self.source()
        kinds = integers.kinds(len(self._program.parameters))
        return emit_arrays(self._program, kinds, checked=integers.checked)

    def _source_of_floats(self) -> Source:
        if self._floats_source is None:
            self._floats_source = emit_floats(self._program)
        return self._floats_source

    def _source_of_scalars(self) -> Source:
        if self._scalars_source is None:
            self._scalars_source = emit_scalars(self._program)
        return self._scalars_source

    def _source_of_integers(self) -> Source:
        if self._integers_source is None:
            self._integers_source = emit_integers(self._program)
        return self._integers_source
