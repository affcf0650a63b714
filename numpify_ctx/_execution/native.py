"""Machine code: when it is compiled, and how it is called.

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
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from .._emission.native.clusters import Cluster, cluster, parts, pure, with_kernels
from .._emission.native.costs import left_to_numpy
from .._emission.native.machine import Kernel, Unavailable, compiled, machine
from .._emission.native.types import Types
from .._emission.native.writer import cluster_text
from .._kinds import BOOL, COMPLEX, INT, REAL
from .._memo import Memo
from .._program.bounds import Bounds, Integers
from .._program.ir import CONST, PARAM, Program
from .._program.ops import STACK
from .._program.walk import reach
from .blocks import SIZES, Blocks, Sizes, few_patterns
from .grid import full_pattern, pattern_of
from .native_calls import SMALL, Call, Mixed, Pure
from .quick import Quick, passed_as
from .threads import Threads, executor


PAYS = 10_000_000  # elements times operations, computed before a kernel is compiled: some 10 ms of work
_MOST_FORMS = 8  # of one program, each for other dtypes
_OUTPUTS = 24  # of one kernel
_LARGEST = 20_000  # operations of a kernel
_MOST_SHORTENED = 50  # operations of one that is compiled once more for integers that are short in memory
_SHORT = frozenset(map(np.dtype, ("i1", "i2", "i4", "u1", "u2", "u4")))
_NONE: Mapping[int, str] = MappingProxyType({})

# How long it takes to compile, and what one operation on one element takes before: measured, to compare the two.
_SECONDS_A_KERNEL, _SECONDS_AN_OPERATION, _SECONDS_TO_IMPORT = 0.025, 40e-6, 0.2
_SECONDS_AN_ELEMENT = 0.5e-9

_TYPES = {np.dtype(t): char for char, t in zip("?qfdFD", ("?", "i8", "f4", "f8", "c8", "c16"), strict=True)}
_KINDS = {"?": BOOL, "q": INT, "f": REAL, "d": REAL, "F": COMPLEX, "D": COMPLEX}

Form = Callable[[Sequence[Any], tuple[int, ...], Integers, Any], Any]


@dataclass(frozen=True, slots=True)
class _Not:
    """There is no native form, for this reason."""

    why: str


@dataclass(slots=True)
class _Waiting:
    """Not yet.

    Attributes:
        work: elements times operations computed so far.
        process: which process is compiling, if one is.
    """

    work: float = 0.0
    process: int = 0


@dataclass(frozen=True, slots=True)
class _Key:
    """What a form is for: the types of the arguments, which are scalars, which of them vary along the same axes."""

    types: str
    integers: Integers
    patterns: tuple[int, ...]
    few: frozenset[int]


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
        self.program = program
        self.threads = threads
        self.setting = setting
        self.sizes = sizes
        self.operations = sum([max(len(args) - 1, 1) for args in program.args if args])
        self.wanted: list[int] = []
        for node in program.results:
            self.wanted += program.args[node] if program.ops[node] is STACK else (node,)
        self.off = _why_not_here()
        self._bounds = Bounds(program)
        self._forms: Memo[Any, Form | _Not | _Waiting] = Memo(_MOST_FORMS)
        self._of_doubles: Memo[int, Form] = Memo(_MOST_FORMS)  # for arrays and scalars of doubles, by which are arrays
        self.work = 0.0 if setting is None else math.inf
        self.kernels: list[Kernel] = []  # for its text to be shown; two threads may each add one, in any order
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
        if form is None or isinstance(form, _Not | _Waiting):
            return None
        if doubles:
            self._of_doubles.put(mask, form)
        return form(values, shape, integers, out)

    @property
    def is_counting(self) -> bool:
        """Has so little been computed that nothing is known of the arguments?

        Most functions never come to so much: to know what the arguments are would hold up their calls.
        """
        return self.work < PAYS

    def count(self, elements: int) -> bool:
        """Add what a call computes; was that enough to look at the arguments from the next one on?"""
        self.work += elements * self.operations
        return self.work >= PAYS

    def learn(
        self,
        args: Sequence[Any],
        values: Sequence[Any],
        integers: Integers,
        shape: tuple[int, ...],
        complete: Callable[[Any, Sequence[Any]], Any] | None = None,
    ) -> None:
        """Make a quick way for arguments like these, which a native form has just taken and given the result.

        Args:
            args: as they were passed.
            values, integers, shape: as for `compute`.
            complete: of the result and the arguments as they were passed, the result to hand back; None: as it is.
        """
        passed = passed_as(args)
        if passed in self._tried or len(self._tried) >= _MOST_FORMS:
            return
        self._tried.add(passed)
        key = self._key(values, integers, shape)
        form = self._forms.get(key)
        # Where arguments broadcast, a form may be for these shapes alone.
        if isinstance(form, Pure) and type(key) is tuple:
            form = self._shortened(form, key, passed, values)
            found = form.quick(passed, [value.dtype for value in values], complete)
            if found is not None:
                self.quicks = (*self.quicks, found)

    def is_refused(self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...]) -> bool:
        """Is it settled that there is no native form for arguments like these?"""
        if self.off is not None:
            return True
        key = self._key(values, integers, shape)
        return key is None or (type(key) is tuple and type(self._forms.get(key)) is _Not)

    def explain(self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...]) -> str:
        """Which form these arguments take, and why: the native one, or why not."""
        key = self._key(values, integers, shape)
        if key is None:
            return "not native: an argument is no array of booleans, int64, float32, float64, complex64 or complex128"
        if self.off is not None:
            return f"not native: {self.off}"
        form = self._forms.get(key)
        match form:
            case _Not(why=reason):
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
        return _Waiting(self.work if not self._forms else 0.0)

    @property
    def source(self) -> str:
        """The text of the kernels that were compiled by now."""
        return "\n".join(kernel.text for kernel in self.kernels)

    def _key(self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...]) -> Any:
        """What the form depends on."""
        types = ""
        alike = True
        for value, rank in zip(values, self.program.parameter_ranks, strict=True):
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
        ranks = self.program.parameter_ranks
        patterns = tuple([_pattern(value, rank, shape) for value, rank in zip(values, ranks, strict=True)])
        return _Key(types, integers, patterns, few_patterns(patterns, shape))

    # -- when --------------------------------------------------------------------------------------------------------

    def _awaited(self, key: Any, form: _Waiting | None, shape: tuple[int, ...]) -> Any:
        """The form, if it is time to compile it here."""
        if form is None:
            form = self._first()
            self._forms.put(key, form)
        if self.setting:
            return self._forms.put(key, self._made(key))  # what fails is the caller's to know
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

    def _make(self, key: Any, form: _Waiting) -> Form | _Not:
        """The form, or why there is none: a failure must not end a call that works without."""
        made: Form | _Not
        try:
            made = self._made(key)
        except Exception as error:
            made = _Not(f"it could not be compiled: {error}")
            self._forms.put(key, made)
            warnings.warn(f"numpify could not compile machine code: {error}", RuntimeWarning, stacklevel=2)
            return made
        except BaseException:
            form.process = 0  # interrupted: the next call may try again
            raise
        self._forms.put(key, made)
        return made

    # -- compiling ---------------------------------------------------------------------------------------------------

    def _made(self, key: Any) -> Form | _Not:
        if self.operations > _LARGEST:
            return _Not(f"{self.operations} operations are more than a kernel takes, {_LARGEST}")
        try:
            machine()
        except Unavailable as error:
            return _Not(str(error))
        begun = time.perf_counter()
        types, integers, patterns = self._of_key(key)
        program = self.program
        array = self._arrays_of(patterns)
        kinds = [_KINDS[t] for t in types]
        of_nodes = Types(program, types, kinds, integers.checked)
        for node in left_to_numpy(program, of_nodes, self.wanted):
            of_nodes.native[node] = False
        few = self._few_nodes(key, patterns)
        if not any(few) and pure(program, of_nodes, self.wanted):
            bits = None if integers.checked else self._bounds.most_bits(integers.mask)
            form: Form | _Not = self._pure_form(of_nodes, array, begun, bits)
        else:
            form = self._mixed_form(of_nodes, array, few, begun)
        return form

    def _of_key(self, key: Any) -> tuple[list[str], Integers, tuple[int, ...]]:
        marked, integers = (key.types, key.integers) if isinstance(key, _Key) else key
        types: list[str] = []
        patterns: list[int] = []
        for char in marked:
            if char == "0":
                patterns[-1] = 0
            else:
                types.append(char)
                patterns.append(1)
        return types, integers, key.patterns if isinstance(key, _Key) else tuple(patterns)

    @staticmethod
    def _arrays_of(patterns: Sequence[int]) -> int:
        """A bit mask of the arguments that are arrays."""
        return sum([(pattern != 0) << i for i, pattern in enumerate(patterns)])

    def _few_nodes(self, key: Any, patterns: tuple[int, ...]) -> list[bool]:
        """Of each node, whether it has arrays of few elements, for which it is computed by itself."""
        if not isinstance(key, _Key):
            return [False] * len(self.program.ops)
        found: list[int] = []
        for op, args, data in zip(self.program.ops, self.program.args, self.program.data, strict=True):
            pattern = patterns[data] if op is PARAM else 0
            for a in args:
                pattern |= found[a]
            found.append(pattern)
        return [
            bool(pattern) and pattern in key.few and bool(args)
            for pattern, args in zip(found, self.program.args, strict=True)
        ]

    def _kernel(
        self, types: Types, part: Cluster, array: int, bits: int | None = None, short: Mapping[int, str] = _NONE
    ) -> Kernel:
        program, target = self.program, machine().target
        scalars = [not program.deps[n] & array for n in part.inputs]
        text = cluster_text(program, types, part.order, part.inputs, scalars, part.outputs, target, bits, short)
        inputs = [short.get(n, types.of[n]) for n in part.inputs]
        kernel = compiled(text, inputs, [types.of[n] for n in part.outputs])
        self.kernels.append(kernel)
        del self.kernels[: -4 * _MOST_FORMS]
        return kernel

    def _shortened(self, form: Pure, key: Any, passed: Sequence[Any], values: Sequence[Any]) -> Pure:
        """The same form for integers that are shorter in memory, which NumPy would else make longer, at some cost."""
        short = {
            i: kind.char
            for i, (kind, value) in enumerate(zip(passed, values, strict=True))
            if isinstance(kind, np.dtype) and kind in _SHORT and value.dtype == np.int64
        }
        if not short or not form.single or self.operations > _MOST_SHORTENED:
            return form
        types, array = form.types, self._arrays_of(self._of_key(key)[2])
        part = cluster(self.program, types, form.calls[0].outputs)
        nodes = {n: short[self.program.data[n]] for n in part.inputs if self.program.data[n] in short}
        kernel = self._kernel(types, part, array, form.bits, nodes)
        [call] = form.calls
        return Pure(self.program, self.threads, types, (replace(call, kernel=kernel),), form.described, form.bits)

    def _pure_form(self, types: Types, array: int, begun: float, bits: int | None) -> Form | _Not:
        program = self.program
        nodes = [n for n in dict.fromkeys(self.wanted) if program.ops[n] not in (CONST, PARAM)]
        if not nodes:
            return _Not("there is nothing to compute")
        calls = []
        for i in range(0, len(nodes), _OUTPUTS):
            part = cluster(program, types, nodes[i : i + _OUTPUTS])
            kernel = self._kernel(types, part, array, bits)
            calls.append(Call(kernel, tuple([program.data[n] for n in part.inputs]), tuple(part.outputs)))
        described = f"{_counted(len(calls))} of {self.operations} operations, compiled in {_since(begun)}"
        return Pure(self.program, self.threads, types, tuple(calls), described, bits)

    def _mixed_form(self, types: Types, array: int, few: Sequence[bool], begun: float) -> Form | _Not:
        program = self.program
        found = parts(program, types, self.wanted, few)
        if not found:
            return _Not("NumPy has to compute all of it, or is faster at it, but for an operation here and there")
        kernels = [self._kernel(types, part, array) for part in found]
        changed = with_kernels(program, types, [(p, k.ufunc) for p, k in zip(found, kernels, strict=True)])
        outputs = {part.outputs[0] for part in found}
        reached = reach(self.wanted, changed.args.__getitem__)
        is_small = not any(program.args[n] and n not in outputs and not few[n] for n in reached)
        inside = sum(len(part.order) for part in found)
        described = (
            f"{_counted(len(kernels))} of {inside} operations in a program that NumPy runs, compiled in {_since(begun)}"
        )
        # Where all that NumPy computes is small, there is nothing to keep in the cache.
        blocks = None if is_small and self.threads == 1 else Blocks(changed, self.threads, self.sizes)
        return Mixed(changed, tuple(kernels), blocks, described)


def _counted(kernels: int) -> str:
    return "a kernel" if kernels == 1 else f"{kernels} kernels"


def _since(begun: float) -> str:
    return f"{1000 * (time.perf_counter() - begun):.0f} ms"


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
