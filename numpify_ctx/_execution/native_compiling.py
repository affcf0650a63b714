"""How machine code is compiled: the form of a program for arguments of certain dtypes, some of them scalars.

A program that kernels can compute as a whole becomes calls of kernels; another one is partitioned, and NumPy runs what
is left of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from .._emission.native.clusters import MOST_OPERANDS, Cluster, Result, cluster, parts, pure, with_kernels
from .._emission.native.costs import left_to_numpy
from .._emission.native.frame import BIT
from .._emission.native.machine import Kernel, Unavailable, compiled, machine
from .._emission.native.types import KIND_OF_TYPE, Types, common_type
from .._emission.native.writer import cluster_text
from .._program.bounds import Bounds, Integers
from .._program.ir import CONST, PARAM, Program
from .._program.ops import STACK
from .._program.walk import reach
from .blocks import Blocks, Sizes
from .native_calls import Call, Mixed, Piece, Pure
from .threads import Threads


_OUTPUTS = 24  # of one kernel
_LARGEST = 20_000  # operations of a kernel
_MOST_KERNELS = 32  # whose text is kept, to be shown
_MOST_SHORTENED = 50  # operations of one that is compiled once more for integers that are short in memory
# Of what is shorter in memory than the int64 that it counts as, the type that a kernel reads.
_SHORT = {d: d.char for d in map(np.dtype, ("i1", "i2", "i4", "u1", "u2", "u4"))} | {np.dtype("?"): BIT}
_NONE: Mapping[int, str] = MappingProxyType({})

Form = Callable[[Sequence[Any], tuple[int, ...], Integers, Any], Any]


@dataclass(frozen=True, slots=True)
class NoForm:
    """There is no native form, for this reason."""

    why: str


@dataclass(frozen=True, slots=True)
class Key:
    """What a form is for: the types of the arguments, which are scalars, which of them vary along the same axes."""

    types: str
    integers: Integers
    patterns: tuple[int, ...]
    few: frozenset[int]


class Compiler:
    """Compiles the native forms of one program.

    Args:
        program: what they compute.
        threads: for large arrays.
        sizes: see `Blocks`.
    """

    def __init__(self, program: Program, threads: Threads, sizes: Sizes) -> None:
        self.program = program
        self.threads = threads
        self.sizes = sizes
        self.operations = sum([max(len(args) - 1, 1) for args in program.args if args]) or 1
        self.wanted: list[int] = []
        for node in program.results:
            self.wanted += program.args[node] if program.ops[node] is STACK else (node,)
        self._bounds = Bounds(program)
        self.kernels: list[Kernel] = []  # for its text to be shown; two threads may each add one, in any order

    def form(self, key: Any) -> Form | NoForm:
        """The form of a key, or why there is none."""
        if self.operations > _LARGEST:
            return NoForm(f"{self.operations} operations are more than a kernel takes, {_LARGEST}")
        try:
            machine()
        except Unavailable as error:
            return NoForm(str(error))
        begun = time.perf_counter()
        types, integers, patterns = self._of_key(key)
        program = self.program
        array = self._arrays_of(patterns)
        kinds = [KIND_OF_TYPE[t] for t in types]
        of_nodes = Types(program, types, kinds, integers.checked)
        for node in left_to_numpy(program, of_nodes, self.wanted):
            of_nodes.native[node] = False
        few = self._few_nodes(key, patterns)
        given = sum([op is PARAM for op in self.program.ops])
        if not any(few) and given < MOST_OPERANDS and pure(program, of_nodes, self.wanted):
            bits = None if integers.checked else self._bounds.most_bits(integers.mask)
            form: Form | NoForm = self._pure_form(of_nodes, array, begun, bits)
        else:
            form = self._mixed_form(of_nodes, array, few, begun)
        return form

    def _of_key(self, key: Any) -> tuple[list[str], Integers, tuple[int, ...]]:
        marked, integers = (key.types, key.integers) if isinstance(key, Key) else key
        types: list[str] = []
        patterns: list[int] = []
        for char in marked:
            if char == "0":
                patterns[-1] = 0
            else:
                types.append(char)
                patterns.append(1)
        return types, integers, key.patterns if isinstance(key, Key) else tuple(patterns)

    @staticmethod
    def _arrays_of(patterns: Sequence[int]) -> int:
        """A bit mask of the arguments that are arrays."""
        return sum([(pattern != 0) << i for i, pattern in enumerate(patterns)])

    def _few_nodes(self, key: Any, patterns: tuple[int, ...]) -> list[bool]:
        """Of each node, whether it has arrays of few elements, for which it is computed by itself."""
        if not isinstance(key, Key):
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
        self, types: Types, part: Cluster, array: int, results: Sequence[Result] = (), bits: int | None = None,
        short: Mapping[int, str] = _NONE,
    ) -> Kernel:  # fmt: skip
        """The kernel of a part, and what it gives; by default, each output by itself."""
        program, target = self.program, machine().target
        scalars = [not program.deps[n] & array for n in part.inputs]
        results = results or [Result((n,), types.of[n]) for n in part.outputs]
        text = cluster_text(program, types, part.order, part.inputs, scalars, results, target, bits, short)
        inputs = [short.get(n, types.of[n]) for n in part.inputs]
        kernel = compiled(text, inputs, [r.type for r in results], [r.length for r in results])
        self.kernels.append(kernel)
        del self.kernels[:-_MOST_KERNELS]
        return kernel

    def shortened(self, form: Pure, key: Any, passed: Sequence[Any], values: Sequence[Any]) -> Pure:
        """The same form for integers that are shorter in memory, which NumPy would else make longer, at some cost."""
        short = {
            i: _SHORT[kind]
            for i, (kind, value) in enumerate(zip(passed, values, strict=True))
            if isinstance(kind, np.dtype) and kind in _SHORT and value.dtype == np.int64
        }
        if not short or not form.single or self.operations > _MOST_SHORTENED:
            return form
        types, array = form.types, self._arrays_of(self._of_key(key)[2])
        part = cluster(self.program, types, self.program.results)
        nodes = {n: short[self.program.data[n]] for n in part.inputs if self.program.data[n] in short}
        kernel = self._kernel(types, part, array, bits=form.bits, short=nodes)
        [call] = form.calls
        return Pure(self.program, self.threads, types, (replace(call, kernel=kernel),), form.described, form.bits)

    def _pure_form(self, types: Types, array: int, begun: float, bits: int | None) -> Form | NoForm:
        program = self.program
        if all(program.ops[n] in (CONST, PARAM) for n in self.wanted):
            return NoForm("there is nothing to compute")
        of_stacks: dict[int, str] = {}
        for node in program.results:
            if program.ops[node] is STACK:
                kind = common_type([types.of[entry] for entry in program.args[node]])
                if kind is None:
                    return NoForm("entries of one array have a type in common that kernels have not")
                of_stacks[node] = kind
        calls = []
        for pieces in self._pieces():
            results = [
                Result(program.args[p.node][p.first : p.first + p.count], of_stacks[p.node], p.count)
                if p.count
                else Result((p.node,), types.of[p.node])
                for p in pieces
            ]
            part = cluster(program, types, [n for result in results for n in result.nodes])
            if not part.inputs:  # constants alone: as many as anything else has elements
                part = part._replace(inputs=[program.ops.index(PARAM)])
            kernel = self._kernel(types, part, array, results, bits)
            calls.append(Call(kernel, tuple([program.data[n] for n in part.inputs]), tuple(pieces)))
        described = f"{_counted(len(calls))} of {self.operations} operations, compiled in {_since(begun)}"
        return Pure(self.program, self.threads, types, tuple(calls), described, bits)

    def _pieces(self) -> list[list[Piece]]:
        """What each kernel gives: the results in order, but for constants and arguments; arrays entry by entry."""
        program = self.program
        counts = {n: len(program.args[n]) for n in program.results if program.ops[n] is STACK}
        sizes = {n: counts.get(n, 1) for n in program.results if program.ops[n] not in (CONST, PARAM)}
        most = min(_OUTPUTS, MOST_OPERANDS - sum([op is PARAM for op in program.ops]))
        total = sum(sizes.values())
        most = -(total // -max(-(total // -most), 1))  # the fewer arrays a kernel writes at a time, the better
        found: list[list[Piece]] = []
        room = 0
        for node, left in sizes.items():
            first = 0
            while left:
                if not room:
                    found.append([])
                    room = most
                taken = min(left, room)
                found[-1].append(Piece(node, first, taken if node in counts else 0))
                first, left, room = first + taken, left - taken, room - taken
        return found

    def _mixed_form(self, types: Types, array: int, few: Sequence[bool], begun: float) -> Form | NoForm:
        program = self.program
        found = parts(program, types, self.wanted, few)
        if not found:
            return NoForm("NumPy has to compute all of it, or is faster at it, but for an operation here and there")
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
