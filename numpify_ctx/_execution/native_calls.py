"""How a program that is compiled to machine code is called: by kernels alone, or by NumPy with kernels in it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._emission import emit_arrays
from .._emission.load import load
from .._emission.native.machine import Kernel
from .._emission.native.types import Types, common_type
from .._program.bounds import Integers
from .._program.ir import PARAM, Program
from .._program.ops import STACK
from .blocks import Blocks
from .quick import Quick, places_of_arrays
from .quick_plain import Plain
from .quick_several import handed_back_together
from .threads import Threads, number_of, share


PIECE = 1 << 16  # elements that a thread takes at a time, at least
SMALL = 4096  # elements of a result that is computed as a whole, whatever broadcasts


@dataclass(frozen=True, slots=True)
class Piece:
    """What a kernel gives as one: a result, or some entries of one that is an array of its own.

    Attributes:
        node: the result.
        first: of the entries.
        count: how many entries there are; 0: the result has no axes of its own.
    """

    node: int
    first: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel, the parameters that it is given, and what it gives."""

    kernel: Kernel
    parameters: tuple[int, ...]
    pieces: tuple[Piece, ...]

    def __call__(self, values: Sequence[Any], places: Sequence[Any] = ()) -> Sequence[Any]:
        """What it gives for the values of all parameters, in places for these pieces, or in new arrays."""
        found = self.kernel.ufunc(*[values[i] for i in self.parameters], *places)
        return found if len(self.pieces) > 1 else (found,)


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
        results = program.results
        self.stacks = tuple(dict.fromkeys([n for n in results if program.ops[n] is STACK]))
        self.single = program.layout.kind == "node" and not self.stacks
        self.dtypes = {piece.node: self._dtype(piece.node) for call in calls for piece in call.pieces}
        self.parameters = calls[0].parameters
        self.ufunc = calls[0].kernel.ufunc
        self.dtype = self.dtypes[calls[0].pieces[0].node]

    def __call__(self, values: Sequence[Any], shape: tuple[int, ...], integers: Integers, out: Any) -> Any:
        pieces = self._pieces(shape)
        found: dict[int, Any] = {}
        if self.stacks or pieces > 1:
            found = self._placed(values, shape, out, pieces)
        elif self.single and out is not None and out.dtype == self.dtype:
            return (self.ufunc(*[values[i] for i in self.parameters], out=out),)
        else:
            for call in self.calls:
                found |= {piece.node: one for piece, one in zip(call.pieces, call(values), strict=True)}
        # Constants, and arguments as they are, become results where they are handed back, as do shapes.
        return [found[node] if node in found else self._leaf(node, values) for node in self.program.results]

    def in_threads(self, *given: Any) -> Any:
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

    def _placed(self, values: Sequence[Any], shape: tuple[int, ...], out: Any, pieces: int) -> dict[int, Any]:
        """The results that kernels give, in arrays that are made first, in so many pieces of the first axis."""
        found: dict[int, Any] = {}
        rows: dict[int, Any] = {}  # with an own axis, which comes last
        places: list[list[Any]] = []
        for call in self.calls:
            places.append([])
            for piece in call.pieces:
                node = piece.node
                if node in self.stacks and node not in found:
                    found[node] = np.empty((*self.program.data[node][0], *shape), self.dtypes[node])
                    rows[node] = rows_of(found[node].reshape(len(self.program.args[node]), *shape))
                elif node not in found:
                    dtype = self.dtypes[node]
                    found[node] = out if out is not None and out.dtype == dtype else np.empty(shape, dtype)
                own = slice(piece.first, piece.first + piece.count)
                places[-1].append(rows[node][..., own] if piece.count else found[node])
        self._run(values, places, shape, pieces)
        return found

    def _leaf(self, node: int, values: Sequence[Any]) -> Any:
        data = self.program.data[node]
        return values[data] if self.program.ops[node] is PARAM else data

    def _dtype(self, node: int) -> Any:
        is_stack = node in self.stacks
        kind = common_type([self.types.of[e] for e in self.program.args[node]]) if is_stack else self.types.of[node]
        return np.dtype(np.int64 if kind == "q" else kind)

    def _run(self, values: Sequence[Any], places: Sequence[Sequence[Any]], shape: tuple[int, ...], pieces: int) -> None:
        if pieces == 1:
            for call, its in zip(self.calls, places, strict=True):
                call(values, its)
            return
        spread = [np.broadcast_to(v, shape) if v.ndim and v.shape != shape else v for v in values]

        def compute(part: slice) -> None:
            given = [v[part] if v.ndim else v for v in spread]
            for call, its in zip(self.calls, places, strict=True):
                call(given, [place[part] for place in its])

        self._share(compute, shape[0], pieces)


def rows_of(stack: Any) -> Any:
    """An array with one axis of its own, which comes first, seen with that axis last."""
    return stack.T if stack.ndim == 2 else np.moveaxis(stack, 0, -1)


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
        self,
        passed: Sequence[Any],
        values: Sequence[Any],
        integers: Integers,
        given: Sequence[Any],
        complete: Any = None,
    ) -> Quick | None:
        """What takes arguments like some to NumPy with nothing between; None if they need more.

        Args:
            passed, values: as for `Plain.quick`.
            integers: what is known of those that are integers.
            given: the results of this form for them, which are handed back as they are, but for copies.
            complete: as for `Native.learn`.
        """
        if not integers.are_none or any(type(result) is not np.ndarray for result in given[:1]):
            return None
        back = None
        if self.program.layout.kind != "node" or self.program.rank[self.program.results[0]]:
            places = places_of_arrays(passed)
            back = handed_back_together(self.program, given, values, places, [False] * len(given))
            if back is None:
                return None
        form = self._function(integers, all(value.dtype == np.float64 for value in values))
        least = sys.maxsize if self.blocks is None else self.blocks.least(None)
        dtype = given[0].dtype if back is None else None
        found = Plain(form, dtype, least, complete, None, back=back).quick(passed, values)
        # The kernels live as long as the way to them, also where this form is forgotten.
        return None if found is None else replace(found, words={**found.words, "held": self.kernels})
