"""A compiled function some of whose arguments are fixed: what these decide alone is computed once, not at each call.

Law: the values are those of the function that is given all arguments, to the bit. What the fixed numbers decide is
computed by the same form as the rest, over `math` for numbers and over NumPy for arrays; and only if that raises
nothing and warns of nothing, which would else be told of at every call. Arrays that are fixed are not looked into: they
are kept without a copy, so that what is written to them later counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._kinds import REAL
from .._program.bounds import Integers
from .._program.decided import decided
from .._program.ir import infer_kinds
from .arguments import prepare
from .entry import REFUSALS, Entry
from .forms import Forms
from .learning import along_of
from .native import Native
from .parts import Parts, arithmetic, late_of
from .quick import FLOATS, MOST_QUICK, Quick, Recurring, passed_as
from .quick_plain import Plain


_NUMBERS = FLOATS | {int}


def parts_of(entry: Entry, fixed: int, integers: Integers | None) -> Parts | None:
    """The parts of a program some of whose arguments, in the bit mask, are fixed; None if these decide nothing alone.

    Args:
        entry: of the program.
        fixed: which arguments are.
        integers: which of all are integers, if NumPy computes; None if `math` does, of floats alone.
    """
    key = fixed, integers
    if key not in entry.parts:
        count = len(entry.program.parameters)
        kinds = infer_kinds(entry.program, [REAL] * count if integers is None else integers.kinds(count))
        found = decided(entry.program, kinds, fixed)
        entry.parts.put(key, None if found is None else Parts(found))
    parts: Parts | None = entry.parts[key]
    return parts


def decided_by_floats(entry: Entry, fixed: Mapping[int, float]) -> tuple[Forms, dict[str, float]] | None:
    """The forms of the rest, and by name what the fixed ones decide; None if that is nothing, or no floats."""
    parts = parts_of(entry, sum([1 << i for i in fixed]), None)
    if parts is None:
        return None
    given = [fixed.get(i) for i in range(len(entry.program.parameters))]
    values: Any = arithmetic(parts.decided, given)
    if values is None:
        try:
            values = parts.first.floats()(*given)
        except REFUSALS:
            return None  # of the call, which gives it to NumPy
    if not all(type(value) is float for value in values):
        return None
    return parts.rest, dict(zip(parts.names, values, strict=True))


class Fixed:
    """The function of the arguments that are not fixed.

    Args:
        entry: the function of all.
        fixed: values by the place of the argument.
    """

    __slots__ = ("_entry", "_fixed", "_free", "_recurring", "quicks")

    def __init__(self, entry: Entry, fixed: Mapping[int, Any]) -> None:
        self._entry = entry
        self._fixed = dict(fixed)
        self._free = [i for i in range(len(entry.program.parameters)) if i not in self._fixed]
        self.quicks: tuple[Quick, ...] = ()
        self._recurring = Recurring()

    def filled(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """All the arguments."""
        return _filled(self._free, self._fixed, args)

    def apply(self, args: tuple[Any, ...], out: Any = None) -> Any:
        """The results for one value per argument that is not fixed."""
        given = self.filled(args)
        result = self._entry.apply(given, out)
        if type(result) is np.ndarray and result.dtype == np.float64:
            self._learn(args, given, result)
        return result

    def _learn(self, args: Sequence[Any], given: Sequence[Any], result: Any) -> None:
        """Make a quick way for arguments like these, if they are doubles that plain NumPy computes with."""
        entry = self._entry
        if not (entry.results.is_ordinary and entry.gives_numbers):
            return
        passed = passed_as(args)
        native = entry.native
        key = passed, native is None or native.is_counting
        if key in self._recurring or entry.foreign or not _are_doubles(args, passed, result.shape):
            return
        if not self._recurring.is_due(key):
            return
        if not all(type(value) in _NUMBERS for value in self._fixed.values()):
            return
        values, mask, complex_mask, shape, _, beyond = prepare(given, entry.program.parameter_ranks)
        integers = entry.bounds.integers(values, mask, complex_mask)
        if native is not None and native.is_refused(values, integers, shape):
            native = None
        if beyond or (native is not None and not native.is_counting):
            self.quicks = ()  # there are kernels, or there will be
            return
        made = self._made(passed, values, integers, native)
        if made is not None and len(self.quicks) < MOST_QUICK:
            self.quicks = (*self.quicks, made)

    def _made(
        self, passed: Sequence[Any], values: Sequence[Any], integers: Integers, native: Native | None
    ) -> Quick | None:
        """The quick way for values that were passed so."""
        entry = self._entry
        program, forms = entry.program, entry.forms
        fixed = {i: values[i] for i in self._fixed}
        parts = parts_of(entry, sum([1 << i for i in fixed]), integers)
        if parts is not None:
            once = _once(parts, values, integers)
            if once is not None:
                program, forms = parts.program, parts.rest
                fixed |= {len(values) + i: value for i, value in enumerate(once)}
        completion = entry.completion
        complete: Callable[[Any, Sequence[Any]], Any] | None = None
        if completion is not None and completion.may_fill:
            complete = _completing(completion.of_passed, self._free, self._fixed)
        numbers = [i for i, kind in zip(self._free, passed, strict=True) if kind in FLOATS]
        late = None if integers.mask or not numbers else late_of(program, [*numbers, *fixed])
        form = forms.arrays(integers) if integers.mask else forms.doubles() if late is None else late.form
        arrays = [i for i, kind in zip(self._free, passed, strict=True) if kind not in FLOATS]
        [fresh] = entry.results.fresh(arrays) if not integers.mask else [False]
        every = [fixed[i] if i in fixed else values[i] for i in range(len(program.parameters))]
        along = None if integers.mask else along_of(entry.blocks, program, every, late)
        way = Plain(form, np.dtype(np.float64), entry.blocks.least(None), complete, native, fresh, late, along=along)
        # Of doubles, arrays of rank 0 combine with arrays in half the time that a number takes.
        ready = {i: np.array(value) if value.dtype == np.float64 else value for i, value in fixed.items()}
        return way.quick(passed, [values[i] for i in self._free], ready)


def _once(parts: Parts, values: Sequence[Any], integers: Integers) -> Sequence[Any] | None:
    """What the fixed numbers decide; None if that is not numbers, or NumPy would warn of it."""
    plain = arithmetic(parts.decided, [float(v) if type(v) is np.float64 else v for v in values])
    if plain is not None:
        return list(map(np.float64, plain))
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise", under="ignore"):
            found = parts.first.arrays(integers)(*values)
    except (FloatingPointError, *REFUSALS):
        return None
    found = (found,) if parts.count == 1 else found
    return found if all(isinstance(value, np.float64) for value in found) else None


def _filled(free: Sequence[int], fixed: Mapping[int, Any], args: Sequence[Any]) -> tuple[Any, ...]:
    values = {**dict(zip(free, args, strict=True)), **fixed}
    return tuple([values[i] for i in range(len(values))])


def _completing(
    of_passed: Callable[..., Any], free: Sequence[int], fixed: Mapping[int, Any]
) -> Callable[[Any, Sequence[Any]], Any]:
    """The second look at a result, from the arguments that are not fixed. It knows no `Fixed`: a cycle."""
    return lambda found, args: of_passed(found, _filled(free, fixed, args))


def _are_doubles(args: Sequence[Any], passed: Sequence[Any], shape: tuple[int, ...]) -> bool:
    """Are these arrays of doubles of that shape, and floats?"""
    return all(
        a.shape == shape if kind == np.float64 and type(a) is np.ndarray else kind in FLOATS
        for a, kind in zip(args, passed, strict=True)
    )
