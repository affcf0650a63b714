"""The function behind a call: an emission chosen by what is passed, and the result given its shape.

- Numbers that are Python's in all but type run over `math`; where `math` refuses them, over NumPy.
- Small arrays, and all that the other ways do not take, run in plain NumPy; where some are integers, in a form that
  checks them for overflow.
- Large arrays run in blocks, see `blocks`.
- What has been computed long enough runs as machine code, see `native`.

Whichever it is, the numbers are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._memo import Memo
from .._program.bounds import NO_INTEGERS, Bounds, Integers
from .._program.ir import Program
from .._program.promotion import promoted
from .._symbolic.text import short
from . import pieces
from .arguments import PLAIN, Prepared, Shape, of_doubles, prepare
from .blocks import SIZES, Blocks, Sizes
from .company import Company, is_in_company
from .completion import Completion
from .exactly import Exactly
from .explain import explained
from .finding import way_of
from .forms import Forms
from .learning import plain_quick
from .narrow import Narrow
from .native import Native
from .quick import Quick, Recurring, passed_as
from .results import Results, described, is_of_scalars
from .threads import Threads
from .ways import MOST_TYPES, NUMBERS, Call, Way


# What `math` and Python's operators raise where NumPy gives nan or inf, or takes complex numbers; and NumPy where it
# is given an integer beyond its own: arctan2 looks for a method of that name.
REFUSALS = (ArithmeticError, AttributeError, ValueError, TypeError)
_SHORT = 64  # nodes: longer programs compute for so long in blocks that a quick way there is no quicker


class Entry:
    """The compiled function of one program.

    Attributes:
        program: what it computes.
        forms: its program as source, emitted on demand.
        blocks: what computes large arrays.
        native: what computes arrays by machine code; None if nothing does.
        gives_numbers: are the results of scalars all scalars, and no parameter a matrix?
        takes_floats: or else arrays of scalars? Then `forms.floats` serves.
        results: how they are handed back.
        foreign: is there a function of the user's in it?
        leaves: may real numbers have complex values?
        bounds: what its integers can come to.
        completion: the second look at results that may be real by way of complex numbers; None if there is no such way.
        parts: what `fixed` makes of it, by which arguments are fixed.
        quicks: the quick ways that were found, those to kernels first; another tuple when there are others.
    """

    __slots__ = (
        "__weakref__", "_company", "_complex", "_exactly", "_in_pieces", "_known", "_narrow", "_options",
        "_plain_quicks", "_recurring", "_taken", "blocks", "bounds", "completion", "foreign", "forms", "gives_numbers",
        "leaves", "native", "parts", "program", "quicks", "results", "takes_floats",
    )  # fmt: skip

    # What only arrays need, and what few numbers do, is made where it is first asked for: see `__getattr__`.
    blocks: Blocks
    native: Native | None
    bounds: Bounds
    completion: Completion | None
    parts: Memo[Any, Any]
    _company: Company
    _exactly: Exactly
    _in_pieces: bool
    _narrow: Narrow
    _known: Memo[tuple[type, ...], Way | None]
    _taken: Memo[tuple[type, ...], Callable[..., Any]]
    _recurring: Recurring

    def __init__(
        self, program: Program, threads: Threads = 1, sizes: Sizes = SIZES, native: bool | None = False
    ) -> None:
        self.program = program
        self._options = threads, sizes, native
        self.forms = Forms(program)
        is_of_arrays = any(program.parameter_ranks)
        self.gives_numbers = not is_of_arrays and not any([program.rank[n] for n in program.results])  # noqa: C419
        self.takes_floats = not is_of_arrays and all(is_of_scalars(program, n) for n in program.results)
        self.results = Results(program)
        ops = set(program.ops)
        self.foreign = any([op.foreign for op in ops])  # noqa: C419  a list is quicker
        self.leaves = any([op.leaves for op in ops])  # noqa: C419
        self._plain_quicks: tuple[Quick, ...] = ()  # those to plain NumPy
        self.quicks: tuple[Quick, ...] = ()
        # By which arguments are complex; None for this one: a cycle would keep it, and what is bound to it. Two threads
        # may both make an entry; they are equal, and either may stay.
        self._complex: dict[int, Entry | None] = {}

    def __getattr__(self, name: str) -> Any:
        # Python asks here for a slot that is empty, and no more once it is filled. Two threads may both come; what they
        # make is equal, and either may stay.
        if name not in _LATER:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = _LATER[name](self, *self._options)
        setattr(self, name, value)
        return value

    def __call__(self, *args: Any, out: Any = None) -> Any:
        if len(args) != len(self.program.parameters):
            raise TypeError(f"{len(self.program.parameters)} arguments expected, {len(args)} given")
        for result in (quick.function(args, out) for quick in self.quicks):
            if result is not None:
                return result
        return self.apply(args, out)

    @property
    def source(self) -> str:
        """The plain NumPy source, one `def`."""
        return self.forms.source().text

    @property
    def plain(self) -> Callable[..., Any]:
        """The function of that source."""
        return self.forms.arrays(NO_INTEGERS)

    def apply(self, args: tuple[Any, ...], out: Any = None) -> Any:
        """The results for one value per parameter, by the whole way."""
        try:
            if out is not None:
                return self._call_into(out, args)
            for a in args:
                if type(a) not in PLAIN:
                    if type(a) is np.ndarray and a.ndim:
                        return self._call_arrays(args)
                    return self._call_others(args)
            return self._call_scalars(args)
        except (TypeError, ValueError) as error:
            # What a function of the user's raises is not ours to explain, nor what the arguments' own operators do.
            better = None if self.foreign or is_in_company(args) else explained(error, self.program, args)
            if better is None:
                raise
            try:
                raise better from error
            finally:
                del better  # its traceback knows this frame: a cycle, which would keep the arguments

    def explain(self, *args: Any) -> str:
        """Which form these arguments take, and why."""
        if is_in_company(args):
            return "the arguments' own operators: they carry more than numbers"
        if all(type(a) in PLAIN for a in args):
            return "scalars over Python's math; NumPy where it refuses them"
        way = self.way(tuple(map(type, args)))
        if way is not None and way.is_over_cmath:
            return "complex numbers over Python's cmath; NumPy where it refuses them"
        values, mask, complex_mask, shape, precision, _ = self.prepared(args)
        why = "not native: native=False" if self.native is None else "not native: these are no arrays"
        if self.native is not None and shape:
            why = self.native.explain(values, self.bounds.integers(values, mask, complex_mask), shape)
            if why.startswith("native:"):
                return why
        numpy = "NumPy in blocks" if self.blocks.pays(shape, precision) else "plain NumPy"
        return f"{numpy}; {why}"

    def prepared(self, args: Sequence[Any]) -> Prepared:
        """The arguments, as what the generated code computes with."""
        return prepare(args, self.program.parameter_ranks, not self.foreign)

    def _call_others(self, args: Sequence[Any]) -> Any:
        """Arguments some of which are neither Python's numbers nor, as far as is known, arrays of some dimension."""
        numbers = [a[()] if type(a) is np.ndarray and not a.ndim else a for a in args]
        types = tuple(map(type, numbers))
        found = self._taken.get(types)
        if found is None and (way := self.way(types)) is not None:
            found = self._taken.put(types, way.taking(types, self.program.parameters))
        if found is not None:
            try:
                return found(*numbers)
            except REFUSALS:
                return self._call_arrays(args)
        return self._call_scalars(numbers) if PLAIN.keys() >= set(types) else self._call_arrays(args)

    def way(self, types: tuple[type, ...]) -> Way | None:
        """How numbers of these types are computed; None if more than the types decides that."""
        if not NUMBERS.issuperset(types):
            return None
        found = self._known.get(types)
        if found is None and types not in self._known:
            found = self._known.put(types, way_of(self, types))
        return found

    def _call_scalars(self, args: Sequence[Any]) -> Any:
        plain = [PLAIN[type(a)](a) for a in args]
        try:
            if self.takes_floats and all([type(value) is float for value in plain]):  # noqa: C419  a list is quicker
                return self.forms.floats()(*plain)
            result = self.forms.scalars()(*plain)
        except REFUSALS:
            return self._call_arrays(args)
        return self.results.of_scalars(result, plain)

    def _call_arrays(self, args: Sequence[Any]) -> Any:
        found = of_doubles(args, self.program.parameter_ranks)
        if found is not None:
            values, shape = found
            if self.native is not None or self.blocks.pays(shape, None):
                return self._computed(args, values, shape, NO_INTEGERS, None, doubles=True)
            # What `_computed` would come to, in half the time.
            result = self.forms.arrays(NO_INTEGERS)(*values)
            if self.completion is not None:
                result = self.completion.completed(result, values, NO_INTEGERS, shape)
            self._learn_plain(Call(args, values, NO_INTEGERS, shape, None), result)
            return self.results.of_arrays(result, values, shape, None)
        if is_in_company(args):
            return self.results.arranged(self._company.compute(args))
        if self._in_pieces:
            # A kernel reads short integers as they are.
            narrow = None if self.native is not None and self.native.off is None else self._narrow
            found = pieces.computed(self, args, self.blocks.threads, narrow)
            if found is not None:
                return found
        values, mask, complex_mask, shape, precision, beyond = self.prepared(args)
        if self.leaves and complex_mask and (entry := self.in_complex(complex_mask)) is not self:
            return entry._call_arrays(args)
        if beyond:
            results = self._exactly.computed_beyond(self._of_columns, args, values, mask, beyond, shape)
            if results is not None:
                return self.results.of_arrays(results, values, shape, precision)
        integers = self.bounds.integers(values, mask, complex_mask)
        return self._computed(args, values, shape, integers, None if self.foreign else precision, doubles=False)

    def _computed(
        self,
        args: Sequence[Any],
        values: Sequence[Any],
        shape: Shape,
        integers: Integers,
        precision: Any,
        doubles: bool,
    ) -> Any:
        """The results of prepared arguments, by the first form that takes them; `args` are they as they were passed."""
        checks = integers.mask and (integers.checked or self.program.large)
        results = self.native.compute(values, integers, shape, doubles=doubles) if shape and self.native else None
        by_kernel = results
        # Blocks do not tell which elements left the integers.
        in_blocks = self.blocks.pays(shape, precision) and not (checks and self._exactly.matters(integers))
        if results is None and in_blocks and not self.bounds.are_raw(integers.mask, args):
            results = self.blocks.compute(values, integers, shape)
        if results is not None:
            if self.completion is not None:
                results = self.completion.all_completed(results, values, integers, shape)
            found = self.results.of_arrays(results if len(results) > 1 else results[0], values, shape, precision)
            # Where what a kernel gave is handed back as it is, such calls need nothing but the kernel.
            if self.native is not None and by_kernel is not None and self.results.are_handed_back(by_kernel, found):
                self._learn(self.native, Call(args, values, integers, shape, precision), by_kernel)
            elif doubles and by_kernel is None and len(self.program.ops) < _SHORT:
                self._learn_plain(Call(args, values, integers, shape, precision), found)
            return found
        result = self._in_numpy(values, integers, shape)
        if shape and not checks:
            self._learn_plain(Call(args, values, integers, shape, precision), result)
        return self.results.of_arrays(result, values, shape, precision)

    def _in_numpy(self, values: Sequence[Any], integers: Integers, shape: Shape) -> Any:
        form = self.forms.arrays(integers)
        checks = integers.mask and (integers.checked or self.program.large)
        result = self._exactly.computed(form, values, integers, shape) if checks else form(*values)
        return result if self.completion is None else self.completion.completed(result, values, integers, shape)

    def _of_columns(self, *values: Any) -> Any:
        """What NumPy gives for prepared numbers, or arrays of one axis, of any dtypes."""
        kinds = [value.dtype.kind for value in values]
        mask, complex_mask = (sum(1 << i for i, kind in enumerate(kinds) if kind in wanted) for wanted in ("iub", "c"))
        return self._in_numpy(values, self.bounds.integers(values, mask, complex_mask), values[0].shape)

    def _learn_plain(self, call: Call, result: Any) -> None:
        """Make a quick way for arguments like these, which plain NumPy has just taken, its integers unchecked."""
        if self._recurring.is_full or self.foreign:
            return
        native = self.native
        if native is not None and native.is_refused(call.values, call.integers, call.shape):
            native = None
        key = passed_as(call.args), native is None
        if any(self.program.parameter_ranks) or (native is not None and not native.is_counting):
            return
        if not self._recurring.is_due(key):
            return
        found = plain_quick(self, call, result, native)
        if found is not None:
            self._plain_quicks = (*self._plain_quicks, found)
            self._gather_quicks()

    def _gather_quicks(self) -> None:
        native = self.native
        if native is not None and not native.is_counting:
            self._plain_quicks = tuple([quick for quick in self._plain_quicks if "computed" not in quick.words])
        quicks = (*(() if native is None else native.quicks), *self._plain_quicks)
        if quicks != self.quicks:
            self.quicks = quicks

    def _learn(self, native: Native, call: Call, given: Sequence[Any] | None) -> None:
        """Make a quick way for arguments like these, of which a kernel has just given results; None: into `out`."""
        if self.foreign:
            return  # it may not be asked twice for the same
        completion, before = self.completion, native.quicks
        completes = completion is not None and completion.may_fill
        if not completes or (self.results.is_ordinary and not call.integers.mask):
            complete = completion.of_passed if completion is not None and completes else None
            native.learn(call, given, complete)
        if native.quicks is not before:
            self._gather_quicks()

    def in_complex(self, mask: int) -> Entry:
        """The entry for arguments of which these are complex: real ones may then have complex roots and logarithms."""
        if mask not in self._complex:
            program = promoted(self.program, mask)
            other = None if program is self.program else Entry(program, self.blocks.threads, self.blocks.sizes)
            self._complex[mask] = other
        return self._complex[mask] or self

    def _call_into(self, out: Any, args: Sequence[Any]) -> Any:
        if is_in_company(args):
            self._company.refuse_out(args)
        values, mask, complex_mask, shape, precision, beyond = self.prepared(args)
        if self.leaves and complex_mask and (entry := self.in_complex(complex_mask)) is not self:
            return entry._call_into(out, args)
        if not beyond and self.results.takes(out, values, shape):
            integers = self.bounds.integers(values, mask, complex_mask)
            if self._fill(out, Call(args, values, integers, shape, precision)):
                return out
        result = self._call_arrays(args)
        try:
            np.copyto(out, result, casting="same_kind")
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"cannot write {described(result)} into out={short(out)}: {error}") from error
        return out

    def _fill(self, out: Any, call: Call) -> bool:
        """Write the result there, if a form does that; else False."""
        _, values, integers, shape, precision = call
        results = self.native.compute(values, integers, shape, out) if shape and self.native else None
        by_kernel = results is not None
        checks = integers.mask and (integers.checked or self.program.large)
        if results is None and self.blocks.pays(shape, precision) and not checks:
            results = self.blocks.compute(values, integers, shape, out)
        if results is None or results[0] is not out:
            return False
        if self.completion is not None:
            (result,) = self.completion.all_completed([out], values, integers, shape)
            if result is not out:
                np.copyto(out, result)
                return True
        # Into other dtypes a result may be written that would first be shortened.
        if self.native is not None and by_kernel and precision in (None, out.dtype):
            self._learn(self.native, call, None)
        return True


_LATER: Mapping[str, Callable[[Entry, Threads, Sizes, bool | None], Any]] = {
    "blocks": lambda entry, threads, sizes, _: Blocks(entry.program, threads, sizes),
    "native": lambda e, threads, sizes, native: None if native is False else Native(e.program, threads, native, sizes),
    "bounds": lambda entry, *_: Bounds(entry.program),
    "completion": lambda entry, *_: Completion(entry.program) if entry.leaves else None,
    "parts": lambda *_: Memo(MOST_TYPES),
    "_company": lambda entry, *_: Company(entry.program),
    "_exactly": lambda entry, *_: Exactly(entry.program, entry.forms, REFUSALS),
    "_narrow": lambda entry, *_: Narrow(entry.program, entry.bounds, entry.forms),
    "_in_pieces": lambda entry, *_: pieces.takes(entry.program),
    "_known": lambda *_: Memo(MOST_TYPES),
    "_taken": lambda *_: Memo(MOST_TYPES),
    "_recurring": lambda *_: Recurring(),
}
