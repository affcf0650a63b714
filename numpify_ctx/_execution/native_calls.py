"""How a program that is compiled to machine code is called: by kernels alone, or by NumPy with kernels in it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._emission import emit_arrays
from .._emission.load import load
from .._emission.native.machine import Kernel
from .._emission.native.types import Types
from .._program.bounds import Integers
from .._program.ir import PARAM, Program
from .._program.ops import STACK
from .blocks import Blocks
from .quick import Quick, are_alike, are_any, bits_of, handed_back, indented, places_of_arrays, tests_of
from .quick_plain import Plain
from .threads import Threads, number_of, share


PIECE = 1 << 16  # elements that a thread takes at a time, at least
SMALL = 4096  # elements of a result that is computed as a whole, whatever broadcasts


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel, the parameters that it is given, and the nodes that it gives."""

    kernel: Kernel
    parameters: tuple[int, ...]
    outputs: tuple[int, ...]


class Pure:
    """A program that kernels compute as a whole."""

    def __init__(
        self, program: Program, threads: Threads, types: Types, calls: tuple[Call, ...], described: str,
        bits: int | None,
    ) -> None:  # fmt: skip
        self.program = program
        self.threads = threads
        self.types = types
        self.calls = calls
        self.described = described
        self.bits = bits  # of integers, beside the sign, that the kernels take
        results = self.program.results
        self.single = len(results) == 1 and calls[0].outputs == results
        self.computed = {node for call in calls for node in call.outputs}
        self.parameters = calls[0].parameters
        self.ufunc = calls[0].kernel.ufunc
        self.dtype = self._dtype(calls[0].outputs[0])

    def __call__(self, values: Sequence[Any], shape: tuple[int, ...], integers: Integers, out: Any) -> Any:
        if not self.single or self.threads != 1:
            return self._placed(values, shape, out)
        if out is not None and out.dtype == self.dtype:
            return (self.ufunc(*[values[i] for i in self.parameters], out=out),)
        found = self.ufunc(*[values[i] for i in self.parameters])
        if found.shape == shape:
            return (found,)
        return (np.broadcast_to(found, shape).copy(),)  # an argument is not used

    def quick(self, passed: Sequence[Any], dtypes: Sequence[Any], complete: Any = None) -> Quick | None:
        """What takes arguments like some to the kernel with nothing between; None if they need more.

        Args:
            passed: of each argument as it was passed, its dtype if it was an array, else its type.
            dtypes: those that they were given before they came here.
            complete: as for `Native.learn`.
        """
        if not self.single or sorted(self.parameters) != list(range(len(passed))):
            return None
        found = tests_of(passed, dtypes)
        if found is None:
            return None
        tests, words = found
        checks = self.bits is not None and any(
            not isinstance(kind, np.dtype) or bits_of(kind) > self.bits
            for kind, dtype in zip(passed, dtypes, strict=True)
            if dtype == np.int64
        )
        words |= {
            "kernel": self.ufunc if self.threads == 1 else self._in_threads,
            "counter": self.calls[0].kernel.counter, "nans": self.calls[0].kernel.nans,
            "held": self.calls, "complete": complete,
        }  # fmt: skip
        is_direct = not checks and complete is None
        # On several threads a result is written piece by piece, which must not be over what is still to be read.
        writes = self.dtype if self.threads == 1 or not is_direct else None
        lines = (
            self._direct(passed, writes is not None)
            if is_direct
            else self._looked_at(passed, checks, complete is not None)
        )
        return Quick(tuple(passed), tests, tuple(lines), words, writes, tuple(dtypes))

    def _direct(self, passed: Sequence[Any], writes: bool) -> list[str]:
        """Statements of a quick way, for a kernel that gives the result."""
        call, arrays, small = self._words_of(passed)
        is_one = sum(map(bool, self.program.args)) == 1 and self.threads == 1
        alike = are_any(arrays) if is_one else are_alike(arrays)
        lines = [f"if {alike}:", "    if out is None:", f"        return {call}"]
        if writes:
            lines.append(f"    return {call[:-1]}, out)")
        if len(arrays) > 1 and not is_one:
            taken = ["    _found = " + call, "    if _type(_found) is _array:", "        return _found"]
            lines += [f"elif out is None and {small}:", *taken]
        return lines

    def _looked_at(self, passed: Sequence[Any], checks: bool, completes: bool) -> list[str]:
        """Likewise, for one that may give up on integers, or gives nan where only complex numbers lead to the result.

        It has written then, so that it is not given `out`, which may be an argument.
        """
        call, arrays, small = self._words_of(passed)
        test = "_type(_found) is _array" + " and {counter}.value == _before" * checks
        back = handed_back()
        if completes:
            given = "".join(f"{{{i}}}, " for i in range(len(passed)))
            back = ["if {nans}.value != _nans:", f"    _found = {{complete}}(_found, ({given}))", *back]
        return [
            f"if {are_alike(arrays)}{f' or {small}' * (len(arrays) > 1)}:",
            *["    _before = {counter}.value"] * checks,
            *["    _nans = {nans}.value"] * completes,
            f"    _found = {call}",
            f"    if {test}:",
            *indented(indented(back)),
        ]

    def _words_of(self, passed: Sequence[Any]) -> tuple[str, list[str], str]:
        """The call of the kernel, the arrays, and the test whether what they broadcast to is small.

        The product of their sizes is no less than the result's.
        """
        arrays = [f"{{{place}}}" for place in places_of_arrays(passed)]
        small = f"{' * '.join(f'{name}.size' for name in arrays)} < {SMALL}"
        return f"{{kernel}}({', '.join(f'{{{i}}}' for i in self.parameters)})", arrays, small

    def _in_threads(self, *given: Any) -> Any:
        """The only result, of arrays of one shape, or so small that they are one piece."""
        shape = next(value.shape for value in given if type(value) is np.ndarray)
        pieces = self._pieces(shape)
        if pieces == 1:
            return self.ufunc(*given)
        found = np.empty(shape, self.dtype)

        def compute(part: slice) -> None:
            self.ufunc(*[v[part] if type(v) is np.ndarray else v for v in given], out=found[part])

        self._share(compute, shape[0], pieces)
        return found

    def _pieces(self, shape: tuple[int, ...]) -> int:
        """How many the first axis is cut into."""
        threads = 1 if self.threads == 1 else number_of(self.threads)
        if threads == 1 or not shape:
            return 1
        return max(min(shape[0], 4 * threads, math.prod(shape) // PIECE), 1)

    def _share(self, compute: Callable[[slice], None], length: int, pieces: int) -> None:
        """Compute all pieces of the first axis, on the threads."""
        cuts = [slice(length * i // pieces, length * (i + 1) // pieces) for i in range(pieces)]

        def work() -> None:
            while cuts:
                try:
                    part = cuts.pop()
                except IndexError:  # another thread took the last one
                    return
                compute(part)

        share(work, min(number_of(self.threads), pieces))

    def _placed(self, values: Sequence[Any], shape: tuple[int, ...], out: Any) -> list[Any]:
        """Results into arrays that are made first."""
        program = self.program
        places: dict[int, Any] = {}
        copies: list[tuple[Any, int]] = []
        found = []
        for node in program.results:
            if program.ops[node] is STACK:
                entries = program.args[node]
                dtype = np.result_type(*[self._dtype(e) for e in entries]) if entries else np.dtype(float)
                whole = np.empty((*program.data[node][0], *shape), dtype)
                found.append(whole)
                rows = whole.reshape(len(entries), *shape)
                for i, entry in enumerate(entries):
                    if entry in self.computed and entry not in places:
                        places[entry] = rows[i]
                    else:
                        copies.append((rows[i], entry))
            elif node not in self.computed:
                found.append(self._leaf(node, values))
            elif node in places:
                found.append(np.empty(shape, self._dtype(node)))
                copies.append((found[-1], node))
            else:
                places[node] = self._made(node, shape, out)
                found.append(places[node])
        self._run(values, places, shape)
        for place, entry in copies:
            np.copyto(place, places[entry] if entry in places else self._leaf(entry, values))
        return found

    def _made(self, node: int, shape: tuple[int, ...], out: Any) -> Any:
        dtype = self._dtype(node)
        return out if out is not None and out.dtype == dtype else np.empty(shape, dtype)

    def _leaf(self, node: int, values: Sequence[Any]) -> Any:
        data = self.program.data[node]
        return values[data] if self.program.ops[node] is PARAM else data

    def _dtype(self, node: int) -> Any:
        kind = self.types.of[node]
        return np.dtype(np.int64 if kind == "q" else kind) if type(kind) is str else kind

    def _run(self, values: Sequence[Any], places: dict[int, Any], shape: tuple[int, ...]) -> None:
        pieces = self._pieces(shape)
        if pieces == 1:
            for call in self.calls:
                call.kernel.ufunc(*[values[i] for i in call.parameters], out=tuple([places[n] for n in call.outputs]))
            return
        spread = [np.broadcast_to(v, shape) if v.ndim and v.shape != shape else v for v in values]

        def compute(part: slice) -> None:
            for call in self.calls:
                given = [spread[i][part] if spread[i].ndim else spread[i] for i in call.parameters]
                call.kernel.ufunc(*given, out=tuple([places[n][part] for n in call.outputs]))

        self._share(compute, shape[0], pieces)


class Mixed:
    """A program that NumPy runs, with kernels in it."""

    def __init__(self, program: Program, kernels: tuple[Kernel, ...], blocks: Blocks | None, described: str) -> None:
        self.program = program
        self.kernels = kernels  # what the ufuncs in the program stand on
        self.blocks = blocks
        self.described = described
        # By which arguments are integers. Two threads may both make one; they are equal, and either may stay.
        self.functions: dict[Integers, Callable[..., Any]] = {}

    def __call__(self, values: Sequence[Any], shape: tuple[int, ...], integers: Integers, out: Any) -> Any:
        if self.blocks is not None and self.blocks.pays(shape, None):
            results = self.blocks.compute(values, integers, shape, out)
            if results is not None:
                return results
        function = self.functions.get(integers)
        if function is None:
            function = self.functions[integers] = self._function(integers)
        results = function(*values)
        return (results,) if len(self.program.results) == 1 else results

    def _function(self, integers: Integers, doubles: bool = False) -> Callable[..., Any]:
        kinds = integers.kinds(len(self.program.parameters))
        return load(emit_arrays(self.program, kinds, checked=integers.checked, doubles=doubles))

    def quick(
        self, passed: Sequence[Any], values: Sequence[Any], integers: Integers, dtype: Any, complete: Any = None
    ) -> Quick | None:
        """What takes arguments like some to NumPy with nothing between; None if they need more.

        Args:
            passed, values: as for `Plain.quick`.
            integers: what is known of those that are integers.
            dtype: that of the result.
            complete: as for `Native.learn`.
        """
        if not integers.are_none or len(self.program.results) != 1 or self.program.rank[self.program.results[0]]:
            return None
        form = self._function(integers, all(value.dtype == np.float64 for value in values))
        least = sys.maxsize if self.blocks is None else self.blocks.least(None)
        return Plain(form, dtype, least, complete, None).quick(passed, values)
