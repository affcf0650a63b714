"""Machine code: when it is compiled, and for which arguments.

A kernel is for arguments of certain dtypes, some of them scalars. It is compiled when the work done so far says that
it will pay, and then takes all such calls. Programs that kernels can compute as a whole call them at once, on pieces of
the arrays if there are threads; in others, NumPy runs what is left, with kernels for the arithmetic between.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._memo import Memo
from .._program.bounds import Integers
from .._program.ir import Program
from .blocks import SIZES, Sizes, few_patterns
from .grid import full_pattern, pattern_of
from .native_calls import SMALL, Mixed, Pure
from .native_compiling import Compiler, Form, Key, NoForm
from .native_quick import kernel_quick
from .quick import Quick, passed_as
from .threads import Threads, executor
from .ways import Call


PAYS = 10_000_000  # elements times operations, computed before a kernel is compiled: some 10 ms of work
_MOST_FORMS = 8  # of one program, each for other dtypes

# How long it takes to compile, and what one operation on one element takes before: measured, to compare the two.
_SECONDS_A_KERNEL, _SECONDS_AN_OPERATION, _SECONDS_TO_IMPORT = 0.025, 40e-6, 0.2
_SECONDS_AN_ELEMENT = 0.5e-9

_TYPES = {np.dtype(t): char for char, t in zip("?qfdFD", ("?", "i8", "f4", "f8", "c8", "c16"), strict=True)}


@dataclass(slots=True)
class _Waiting:
    """Not yet.

    Attributes:
        work: elements times operations computed so far.
        process: which process is compiling, if one is.
    """

    work: float = 0.0
    process: int = 0


class Native:
    """The native forms of one program.

    Args:
        program: what they compute.
        threads: for large arrays.
        setting: True to compile at the first call; None to wait until it pays.
        sizes: see `Blocks`.
    """

    def __init__(
        self, program: Program, threads: Threads = 1, setting: bool | None = None, sizes: Sizes = SIZES
    ) -> None:
        self.setting = setting
        self._ranks = program.parameter_ranks
        self.compiler = Compiler(program, threads, sizes)
        self.operations = self.compiler.operations
        self.off = _why_not_here()
        self._forms: Memo[Any, Form | NoForm | _Waiting] = Memo(_MOST_FORMS)
        self._of_doubles: Memo[int, Form] = Memo(_MOST_FORMS)  # for arrays and scalars of doubles, by which are arrays
        # How many elements so far, as long as nothing else is known of the calls.
        self.computed: list[float] = [0 if setting is None else math.inf]
        # The shortest ways to kernels, by what was passed; they are tried in turn, so there are few.
        self.quicks: tuple[Quick, ...] = ()
        self._tried: set[tuple[Any, ...]] = set()

    def compute(
        self,
        values: Sequence[Any],
        integers: Integers,
        shape: tuple[int, ...],
        out: Any = None,
        doubles: bool = False,
    ) -> Any:
        """The results in order; None if there is no native form for these arguments, or not yet.

        Args:
            values: of the parameters, from `prepare`.
            integers: which of them are, and whether they may overflow.
            shape: to which they broadcast, which is not that of scalars.
            out: where to put the only result, of that shape.
            doubles: the values are from `of_doubles`.
        """
        if self.is_counting:
            self.count(math.prod(shape))
            return None
        if self.off is not None:
            return None
        mask = 0
        if doubles:
            for value in values:
                mask += mask + (value.ndim > 0)
            known = self._of_doubles.get(mask)
            if known is not None:
                return known(values, shape, integers, out)
        key = self._key(values, integers, shape)
        if key is None:
            return None
        form = self._forms.get(key)
        if form is None or type(form) is _Waiting:
            form = self._awaited(key, form, shape)
        if form is None or isinstance(form, NoForm | _Waiting):
            return None
        if doubles:
            self._of_doubles.put(mask, form)
        return form(values, shape, integers, out)

    @property
    def is_counting(self) -> bool:
        """Has so little been computed that nothing is known of the arguments?

        Most functions never come to so much: to know what the arguments are would hold up their calls.
        """
        return self.computed[0] < self.limit

    def count(self, elements: int) -> None:
        """Add what a call computes."""
        self.computed[0] += elements

    @property
    def limit(self) -> float:
        """How many elements are computed before."""
        return PAYS / self.operations

    def learn(
        self, call: Call, given: Sequence[Any] | None, complete: Callable[[Any, Sequence[Any]], Any] | None = None
    ) -> None:
        """Make a quick way for arguments like these, which a native form has just taken and given the result.

        Args:
            call: its arguments.
            given: what it gave, in order; None if that was written into an array of the caller's.
            complete: of the result and the arguments as they were passed, the result to hand back; None: as it is.
        """
        passed = passed_as(call.args)
        if passed in self._tried or len(self._tried) >= _MOST_FORMS:
            return
        key = self._key(call.values, call.integers, call.shape)
        form = self._forms.get(key)
        if given is None and not isinstance(form, Pure):
            return  # the result tells more, in a call that hands it back
        self._tried.add(passed)
        found: Quick | None = None
        # Where arguments broadcast, a form may be for these shapes alone.
        if isinstance(form, Pure) and type(key) is tuple:
            form = self.compiler.shortened(form, key, passed, call.values)
            found = kernel_quick(form, passed, call.values, call.precision, given or (), complete)
        elif isinstance(form, Mixed) and type(key) is tuple and given is not None and not any(self._ranks):
            found = form.quick(passed, call.values, call.integers, given, complete)
        if found is not None:
            self.quicks = (*self.quicks, found)

    def is_refused(self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...]) -> bool:
        """Is it settled that there is no native form for arguments like these?"""
        if self.off is not None:
            return True
        key = self._key(values, integers, shape)
        return key is None or (type(key) is tuple and type(self._forms.get(key)) is NoForm)

    def explain(self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...]) -> str:
        """Which form these arguments take, and why: the native one, or why not."""
        key = self._key(values, integers, shape)
        if key is None:
            return "not native: an argument is no array of booleans, int64, float32, float64, complex64 or complex128"
        if self.off is not None:
            return f"not native: {self.off}"
        form = self._forms.get(key)
        match form:
            case NoForm(why=reason):
                return f"not native: {reason}"
            case None | _Waiting():
                if self.setting:
                    return "not native yet: the first such call compiles it"
                return f"not native yet: {self._until(form)}"
        return f"native: {getattr(form, 'described', 'compiled')}"

    def _until(self, form: _Waiting | None) -> str:
        """What a form waits for, that is not asked for at once."""
        if form is None:
            form = self._first()
        if form.process == os.getpid():
            return "it is being compiled, beside the calls"
        if form.work >= PAYS:
            return "the next such call compiles it"
        return (
            f"it is compiled after {PAYS:.3g} elements times operations, of which {form.work:.3g} were computed; "
            "native=True compiles at once"
        )

    def _first(self) -> _Waiting:
        """The state of a form before its first call; what was done before is that of the first one."""
        return _Waiting(self.computed[0] * self.operations if not self._forms else 0.0)

    @property
    def source(self) -> str:
        """The text of the kernels that were compiled by now."""
        return "\n".join(kernel.text for kernel in self.compiler.kernels)

    def _key(self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...]) -> Any:
        """What the form depends on."""
        types = ""
        alike = True
        for value, rank in zip(values, self._ranks, strict=True):
            kind = _TYPES.get(value.dtype)
            if kind is None:
                return None
            if value.ndim == rank:
                types += kind + "0"
            elif type(value) is np.ndarray or type(value) is np.memmap:
                types += kind
                alike = alike and value.shape[rank:] == shape
            else:
                return None  # a subclass may compute in its own way
        if alike or math.prod(shape) < SMALL:  # of small arrays, to compute a thing again costs less than a call
            return types, integers
        patterns = tuple([_pattern(value, rank, shape) for value, rank in zip(values, self._ranks, strict=True)])
        return Key(types, integers, patterns, few_patterns(patterns, shape))

    # -- when --------------------------------------------------------------------------------------------------------

    def _awaited(self, key: Any, form: _Waiting | None, shape: tuple[int, ...]) -> Any:
        """The form, if it is time to compile it here."""
        if form is None:
            form = self._first()
            self._forms.put(key, form)
        if self.setting:
            return self._forms.put(key, self.compiler.form(key))  # what fails is the caller's to know
        work = math.prod(shape) * self.operations
        form.work += work
        if form.work < PAYS or form.process == os.getpid():
            return None
        form.process = os.getpid()
        importing = 0.0 if "llvmlite.binding" in sys.modules else _SECONDS_TO_IMPORT
        if importing + _SECONDS_A_KERNEL + _SECONDS_AN_OPERATION * self.operations > _SECONDS_AN_ELEMENT * work:
            executor().submit(self._make, key, form)
            return None
        return self._make(key, form)

    def _make(self, key: Any, form: _Waiting) -> Form | NoForm:
        """The form, or why there is none: a failure must not end a call that works without."""
        made: Form | NoForm
        try:
            made = self.compiler.form(key)
        except Exception as error:
            made = NoForm(f"it could not be compiled: {error}")
            self._forms.put(key, made)
            warnings.warn(f"numpify could not compile machine code: {error}", RuntimeWarning, stacklevel=2)
            return made
        except BaseException:
            form.process = 0  # interrupted: the next call may try again
            raise
        self._forms.put(key, made)
        return made


def _pattern(value: Any, rank: int, shape: tuple[int, ...]) -> int:
    """Which axes a value varies along, behind its own; of an array with axes of its own, all, if any."""
    if not rank:
        return pattern_of(value, len(shape))
    return full_pattern(shape) if value.ndim > rank else 0


@functools.cache
def _why_not_here() -> str | None:
    """Why there can be no native form, as far as can be told without importing llvmlite."""
    if "llvmlite" in sys.modules or importlib.util.find_spec("llvmlite") is not None:
        return None
    return "llvmlite is not installed; pip install llvmlite, or 'haliax-refs[fast]'"
