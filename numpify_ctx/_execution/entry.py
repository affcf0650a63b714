"""The function behind a call: an emission chosen by what is passed, and the result given its shape.

- Numbers that are Python's in all but type run over `math`; where `math` refuses them, over NumPy.
- Small arrays, and all that the other ways do not take, run in plain NumPy; where some are integers, in a form that
  checks them for overflow.
- Large arrays run in blocks, see `_blocks`.

Whichever it is, the numbers are the same but for rounding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._emission import Source, emit_arrays, emit_floats, emit_scalars
from .._emission.load import load
from .._kinds import COMPLEX, INT, REAL
from .._program.bounds import NO_INTEGERS, Bounds, Integers
from .._program.ir import Layout, Program, infer_kinds
from .._runtime.numbers import number
from .._symbolic.text import short
from .arguments import PLAIN, Shape, of_doubles, prepare, shortened, spread
from .blocks import LARGE, Blocks
from .explain import explained
from .threads import Threads


# What `math` and Python's operators raise where NumPy gives nan or inf, or takes complex numbers; and NumPy where it
# is given an integer beyond its own: arctan2 looks for a method of that name.
REFUSALS = (ArithmeticError, AttributeError, ValueError, TypeError)
_SHORT = 600  # characters of a form that may stand in a wrapper, where every bound function has its own
_MOST_FORMS = 8  # that check integers, for one program; then one that expects them everywhere


@dataclass(frozen=True, slots=True)
class Inline:
    """Statements that return the results, their global names, and all names in them but the parameters'."""

    body: tuple[str, ...]
    namespace: dict[str, Any]
    reserved: frozenset[str]


class Entry:
    """The compiled function of one program. Its forms are emitted when they are first needed.

    Two threads may both emit one; they get equal functions, and either may stay.
    """

    __slots__ = (
        "__weakref__", "_blocks", "_bounds", "_final", "_floats", "_floats_text", "_foreign", "_lightness", "_ordinary",
        "_plain", "_rank", "_result_kinds", "_scalars", "_single", "_source", "gives_numbers", "program",
    )  # fmt: skip

    def __init__(self, program: Program, threads: Threads = 1) -> None:
        self.program = program
        # Are the results of scalars all scalars, and no parameter a matrix? Then there is `floats`.
        ranks = [program.rank[node] for node in program.results]
        self.gives_numbers = not any(program.parameter_ranks) and not any(ranks)
        self._single = program.layout.kind == "node"  # one result, of that rank
        self._rank = ranks[0] if self._single else 0
        self._ordinary = self._single and not self._rank
        # What the form for scalars gives of these types is the result as it is.
        is_complex = any(program.kinds[node] == COMPLEX for node in program.results)
        self._final = (complex,) if is_complex else (bool, float, complex)
        self._foreign = any(op.foreign for op in program.ops)
        self._source: Source | None = None
        self._plain: dict[Integers, Callable[..., Any]] = {}
        self._scalars: Callable[..., Any] | None = None
        self._result_kinds: dict[tuple[int, ...], list[int]] = {}
        self._floats: Callable[..., Any] | None = None
        self._floats_text: Source | None = None
        self._blocks = Blocks(program, threads)
        operations = itertools.islice(filter(None, program.args), 4)
        self._lightness = 4 // max(len(list(operations)), 1)  # 1 from three operations on
        self._bounds = Bounds(program)

    def __call__(self, *args: Any, out: Any = None) -> Any:
        if len(args) != len(self.program.parameters):
            raise TypeError(f"{len(self.program.parameters)} arguments expected, {len(args)} given")
        return self.apply(args, out)

    def apply(self, args: tuple[Any, ...], out: Any = None) -> Any:
        """The results for one value per parameter."""
        try:
            if out is not None:
                return self._call_into(out, args)
            for a in args:
                if type(a) not in PLAIN:
                    return self._call_arrays(args)
            return self._call_scalars(args)
        except (TypeError, ValueError) as error:
            # What a function of the user's raises is not ours to explain.
            program = self.program
            better = None if self._foreign else explained(error, program.parameters, program.parameter_ranks, args)
            if better is None:
                raise
            raise better from error

    @property
    def source(self) -> str:
        """The plain NumPy source, one `def`."""
        return self._plain_source().text

    def floats(self) -> Callable[..., Any]:
        """The function for arguments all of which are of type float: it gives the final results, or one of `REFUSALS`.

        Only where `gives_numbers`.
        """
        if self._floats is None:
            self._floats = load(self._floats_source())
        return self._floats

    def short_floats(self) -> Inline | None:
        """The statements of `floats`, if they are few enough to stand where they are needed."""
        source = self._floats_source()
        body = source.text.splitlines()[1:]
        if len(source.text) > _SHORT or any(line.startswith("    def ") for line in body):
            return None
        assigned = [line.split()[0] for line in body if " = " in line]
        names = {name: value for name, value in source.namespace.items() if not name.startswith("__")}
        return Inline(tuple(body), names, frozenset([*names, *assigned]))

    def _floats_source(self) -> Source:
        if self._floats_text is None:
            self._floats_text = emit_floats(self.program)
        return self._floats_text

    # -- scalars -----------------------------------------------------------------------------------------------------

    def _call_scalars(self, args: Sequence[Any]) -> Any:
        plain = [PLAIN[type(a)](a) for a in args]
        floats = True
        for value in plain:
            if type(value) is not float:
                floats = False
                break
        try:
            if floats and self.gives_numbers:
                return self.floats()(*plain)
            if self._scalars is None:
                self._scalars = load(emit_scalars(self.program))
            result = self._scalars(*plain)
        except REFUSALS:
            return self._call_arrays(args)
        if self._ordinary:
            if type(result) in self._final:
                return result
        elif self._single and type(result) is np.ndarray and result.ndim == self._rank:
            return result
        finished = []
        kinds = self._kinds_of_results(plain)
        for value, node, kind in zip(self._several(result), self.program.results, kinds, strict=True):
            rank = self.program.rank[node]
            value = spread(value, rank, ())
            finished.append(value if rank else number(value, kind))
        return self._arranged(finished)

    def _kinds_of_results(self, plain: Sequence[Any]) -> list[int]:
        """The kinds of the results for Python numbers of these types."""
        given = tuple([REAL if type(value) is float else INT for value in plain])
        kinds = self._result_kinds.get(given)
        if kinds is None:
            inferred = infer_kinds(self.program, given)
            kinds = [inferred[node] for node in self.program.results]
            if len(self._result_kinds) < _MOST_FORMS:
                self._result_kinds[given] = kinds
        return kinds

    # -- arrays ------------------------------------------------------------------------------------------------------

    def _call_arrays(self, args: Sequence[Any]) -> Any:
        found = of_doubles(args, self.program.parameter_ranks)
        if found is None:
            values, mask, shape, precision = prepare(args, self.program.parameter_ranks)
            integers = self._bounds.integers(values, mask)
            if self._foreign:
                precision = None
        else:
            values, shape = found
            integers, precision = NO_INTEGERS, None
        if self._is_large(shape, precision):
            results = self._blocks.compute(values, integers, shape)
            if results is not None:
                if self._ordinary and precision is None:
                    return results[0]
                return self._arranged(self._owned(results, (), shape, precision))
        result = self._function(integers)(*values)
        if (
            self._single
            and type(result) is np.ndarray
            and (precision is None or result.dtype == precision)
            and result.base is None
            and (found := result.shape)
            and (found[self._rank :] if self._rank else found) == shape
            and not _is_one_of(result, values)
        ):
            return result
        return self._arranged(self._owned(self._several(result), values, shape, precision))

    def _call_into(self, out: Any, args: Sequence[Any]) -> Any:
        values, mask, shape, precision = prepare(args, self.program.parameter_ranks)
        if (
            self._ordinary
            and self._is_large(shape, precision)
            and type(out) is np.ndarray
            and out.shape == shape
            and out.flags.writeable
            and not any(np.may_share_memory(out, value) for value in values)
        ):
            results = self._blocks.compute(values, self._bounds.integers(values, mask), shape, out)
            if results is not None:
                return out
        result = self._call_arrays(args)
        try:
            np.copyto(out, result, casting="same_kind")
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"cannot write {_what(result)} into out={short(out)}: {error}") from error
        return out

    def _is_large(self, shape: Shape, precision: Any) -> bool:
        """Is this for blocks? Of shorter floats, as many as take the memory of so many doubles."""
        least = LARGE * self._lightness
        return math.prod(shape) >= (least if precision is None else least * 8 // np.dtype(precision).itemsize)

    def _owned(self, results: Sequence[Any], values: Sequence[Any], shape: Shape, precision: Any = None) -> list[Any]:
        """The results in their shapes and precision, and the caller's: neither an argument nor an array twice."""
        owned: list[Any] = []
        seen: set[int] = set()
        for result, node in zip(results, self.program.results, strict=True):
            if precision is not None:
                result = shortened(result, precision)
            value = spread(result, self.program.rank[node], shape)
            if isinstance(value, np.ndarray):
                if id(value) in seen or _is_one_of(value, values) or _shares(value, values):
                    value = value.copy()
                seen.add(id(value))
            owned.append(value)
        return owned

    def _plain_source(self) -> Source:
        if self._source is None:
            self._source = emit_arrays(self.program, NO_INTEGERS.kinds(len(self.program.parameters)))
        return self._source

    def _function(self, integers: Integers) -> Callable[..., Any]:
        """The plain form for arguments of which these are integers."""
        function = self._plain.get(integers)
        if function is None:
            if not integers.mask:
                source = self._plain_source()
            else:
                count = len(self.program.parameters)
                if len(self._plain) >= _MOST_FORMS:
                    integers = Integers((1 << count) - 1, integers.checked)
                    if integers in self._plain:
                        return self._plain[integers]
                source = emit_arrays(self.program, integers.kinds(count), checked=integers.checked)
            function = self._plain[integers] = load(source)
        return function

    # -- results -----------------------------------------------------------------------------------------------------

    def _several(self, result: Any) -> Sequence[Any]:
        return (result,) if len(self.program.results) == 1 else result

    def _arranged(self, results: Sequence[Any]) -> Any:
        if self.program.layout.kind == "node":
            return results[0]
        return _arrange(self.program.layout, iter(results))


def _what(result: Any) -> str:
    """A result, for messages."""
    if isinstance(result, np.ndarray | np.generic):
        return f"a result of shape {result.shape} and dtype {result.dtype}"
    return f"a result of type {type(result).__name__}"


def _is_one_of(result: Any, values: Sequence[Any]) -> bool:
    # `any` would take twice as long.
    for value in values:  # noqa: SIM110
        if value is result:
            return True
    return False


def _shares(result: Any, values: Sequence[Any]) -> bool:
    return result.base is not None and any(np.may_share_memory(result, value) for value in values)


def _arrange(layout: Layout, values: Any) -> Any:
    match layout.kind:
        case "node":
            return next(values)
        case "list":
            return [_arrange(item, values) for item in layout.items]
        case "tuple":
            return tuple([_arrange(item, values) for item in layout.items])
    return {key: _arrange(item, values) for key, item in zip(layout.keys, layout.items, strict=True)}
