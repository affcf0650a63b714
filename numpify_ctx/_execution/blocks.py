"""Large arrays in blocks that stay in the cache, on one thread or several.

A program is computed in two steps. What is computed once comes first, in plain NumPy: what depends on scalars alone or
on arrays much smaller than the result, and whatever is not elementwise. The rest runs block by block: a generated
function (`_emission.blocks`) fills one block of the results from one block of the arguments, and all that it needs
besides is a few buffers of a block's size, whatever the size of the arrays.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._emission import BlockSource, NotInBlocks, emit_arrays, emit_blocks
from .._emission.load import load
from .._memo import Memo
from .._program.bounds import Integers
from .._program.ir import CONST, PARAM, Numpy, Operator, Program
from .._program.ops import STACK
from .._program.partition import partition
from .along import Along
from .grid import MOST_TILINGS, Tiling, Work, axis_order, full_pattern, merged_axes, pattern_of, size_of, tiled, view
from .samples import sample_nodes
from .threads import Threads, number_of, share


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of elements, measured by `python -m benchmarks.numpify_constants`; see docs/benchmarks.md.

    Longer blocks are fewer calls: with 4k elements they take a quarter more, and from 64k on there is nothing to win.
    But what one block touches has to fit into the caches at hand, 256k doubles. Threads hold the interpreter's lock
    between two ufuncs, so that theirs are long whatever they touch. Up to 64k elements, plain NumPy's temporaries fit
    into the cache as they are, and a call in blocks costs some 5 us besides its work.

    Attributes:
        block: of the longest block.
        at_hand: what all arrays that one block touches may have together.
        shortest: a block has these, whatever it touches.
        large: fewer elements than this are computed in plain NumPy.
        few: likewise, of one or two operations: NumPy writes what the second gives over what the first gave, so there
            is no more memory than the result. Three take a tenth less there as well, if the allocator is warm; but if
            it is not, ten times as much, as each temporary has fresh pages to pay for.
        single: fewer elements than this, if all there is to compute is one ufunc of NumPy's: that has no temporaries.
    """

    block: int = 1 << 16
    at_hand: int = 1 << 18
    shortest: int = 1 << 14
    large: int = 1 << 16
    few: int = 3 << 18
    single: int = sys.maxsize

    def longest(self, source: BlockSource, inputs: int, threads: int) -> int:
        """The most elements of a block of what computes this from so many arrays and numbers."""
        arrays = inputs + len(source.buffers) + len(source.outputs)
        length = self.block if threads > 1 else min(self.block, max(self.at_hand // arrays, self.shortest))
        return max(length * 8 // source.width, 1)


SIZES = Sizes()
_FEW = 16  # what is so many times smaller than the result is computed beforehand
_MOST_PLANS = 32  # kept for one program; each is for other dtypes or other ways to broadcast


@dataclass(frozen=True, slots=True)
class _Kernel:
    """A function for blocks, and how arrays of one axis were cut for it before."""

    source: BlockSource
    function: Callable[..., None]
    tilings: Memo[Any, Tiling] = field(default_factory=lambda: Memo(MOST_TILINGS))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is computed before the blocks, what by them; a kernel for each way in which the former may come out."""

    before: tuple[int, ...]
    function: Callable[..., Sequence[Any]] | None
    roots: tuple[int, ...]
    kernels: Memo[Any, _Kernel | None] = field(default_factory=lambda: Memo(_MOST_PLANS))


class Blocks:
    """Computes one program in blocks, with plans that are made when they are first needed."""

    def __init__(self, program: Program, threads: Threads = 1, sizes: Sizes = SIZES) -> None:
        self.program = program
        self.threads = threads
        self.sizes = sizes
        operations = len(list(itertools.islice(filter(None, program.args), 4)))
        # Threads gain more by blocks.
        is_short = threads == 1 and operations < 3
        self._least = sizes.few if is_short else sizes.large * (4 // max(operations, 1))
        if threads == 1 and operations == 1 and _is_one_ufunc(program):
            self._least = sizes.single
        self.results = program.results
        self.parameters = [(node, program.data[node]) for node, op in enumerate(program.ops) if op is PARAM]
        self.is_ranked = any(program.parameter_ranks)
        self.wanted: list[int] = []  # the nodes to compute: results, and the entries of results that are stacked
        for node in self.results:
            self.wanted += program.args[node] if program.ops[node] is STACK else (node,)
        self._plans: Memo[Any, _Plan | None] = Memo(_MOST_PLANS)

    def pays(self, shape: tuple[int, ...], precision: Any) -> bool:
        """Is a result of this shape for blocks? Of shorter floats, as many as take the memory of so many doubles."""
        return math.prod(shape) >= self.least(precision)

    def least(self, precision: Any) -> int:
        """From how many elements on a result is for blocks."""
        return self._least if precision is None else self._least * 8 // int(np.dtype(precision).itemsize)

    def compute(self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...], out: Any = None) -> Any:
        """The results in order, or None if this program is not one for blocks.

        Args:
            values: of the parameters, from `prepare`.
            integers: which of them are, and whether they may overflow.
            shape: to which they broadcast.
            out: where to put the only result.
        """
        if not all(type(v) in (np.ndarray, np.memmap) or isinstance(v, np.generic) for v in values):
            return None  # a subclass may compute in its own way
        flat = shape
        if len(shape) > 1 and not self.is_ranked and self._are_alike(values, shape, out):
            # Most calls: all arrays lie in one piece, and may be seen as having one axis.
            flat = (math.prod(shape),)
            values = [v if not v.ndim else v.reshape(-1) for v in values]
            out = None if out is None else out.reshape(-1)
        results = self._computed(values, integers, flat, out)
        if results is None or flat is shape:
            return results
        return [self._unflattened(r, n, shape) for r, n in zip(results, self.results, strict=True)]

    def _are_alike(self, values: Sequence[Any], shape: tuple[int, ...], out: Any) -> bool:
        arrays = [v for v in values if v.ndim]
        if out is not None:
            arrays.append(out)
        return all(v.shape == shape and v.flags.c_contiguous for v in arrays)

    def _unflattened(self, result: Any, node: int, shape: tuple[int, ...]) -> Any:
        rank = self.program.rank[node]
        return result.reshape(result.shape[:rank] + shape) if np.ndim(result) > rank else result

    def _computed(self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...], out: Any) -> Any:
        given: dict[int, Any] = {}
        patterns: dict[int, int] = {}
        for node, index in self.parameters:
            if not self.program.rank[node]:
                value = given[node] = values[index]
                patterns[node] = pattern_of(value, len(shape)) if value.ndim else 0
        plan = self._plan(values, integers, shape, tuple(patterns.values()))
        if plan is None:
            return None
        if plan.function is not None:
            for node, value in zip(plan.before, plan.function(*values), strict=True):
                given[node] = value
                patterns[node] = pattern_of(value, len(shape))
        kernel = self._kernel(plan, integers, given, patterns, full_pattern(shape))
        if kernel is None:
            return None
        return _Run(self, plan, kernel, given, patterns, shape).results(out)

    def along(self, values: Sequence[Any], integers: Integers) -> Along | None:
        """What computes arrays and numbers of these dtypes, if but numbers are needed before the blocks; else None."""
        if self.threads != 1 or self.is_ranked or len(self.results) != 1 or self.program.rank[self.results[0]]:
            return None
        if not all(value.size for value in values):
            return None  # of nothing there is no sample
        given = {node: values[i].reshape(-1) if values[i].ndim else values[i] for node, i in self.parameters}
        patterns = {node: int(value.ndim > 0) for node, value in given.items()}
        plan = self._plan(list(given.values()), integers, _LINE, tuple(patterns.values()))
        if plan is None or plan.roots != self.results:
            return None
        if plan.function is not None:
            with np.errstate(all="ignore"):
                given |= dict(zip(plan.before, plan.function(*values), strict=True))
            if any(map(np.ndim, [given[node] for node in plan.before])):
                return None
            patterns |= dict.fromkeys(plan.before, 0)
        kernel = self._kernel(plan, integers, given, patterns, full_pattern(_LINE))
        if kernel is None:
            return None
        places = {**dict(self.parameters), **{node: len(values) + i for i, node in enumerate(plan.before)}}
        inputs = [(places[node], patterns[node]) for node in kernel.source.inputs]
        arrays = [i for node, i in self.parameters if patterns[node]]
        most = self.sizes.longest(kernel.source, len(inputs), 1)
        return Along(kernel.source, kernel.function, plan.function, inputs, arrays, most)

    # -- plans -------------------------------------------------------------------------------------------------------

    def _plan(
        self, values: Sequence[Any], integers: Integers, shape: tuple[int, ...], patterns: tuple[int, ...]
    ) -> _Plan | None:
        few = few_patterns(patterns, shape)
        key = integers, patterns, few, tuple([v.dtype for v in values])
        if key in self._plans:
            return self._plans[key]
        return self._plans.put(key, self._new_plan(integers, patterns, few))

    def _new_plan(self, integers: Integers, patterns: tuple[int, ...], few: frozenset[int]) -> _Plan | None:
        program = self.program
        of_node = dict(zip([n for n, _ in self.parameters if not program.rank[n]], patterns, strict=True))
        inside: list[bool] = []
        all_patterns: list[int] = []
        for node, args in enumerate(program.args):
            pattern = of_node.get(node, 0)
            for a in args:
                pattern |= all_patterns[a]
            all_patterns.append(pattern)
            inside.append(pattern not in few)
        kinds = integers.kinds(len(program.parameters))
        found = partition(program, kinds, self.wanted, inside, integers.checked)
        if found is None:
            return None
        before, roots = found
        function = load(emit_arrays(program, kinds, before, integers.checked)) if before else None
        return _Plan(tuple(before), function, tuple(roots))

    def _kernel(self, plan: _Plan, integers: Integers, given: Any, patterns: Any, full: int) -> _Kernel | None:
        key = tuple([(patterns[n], _dtype(given[n])) for n in plan.before])
        if key in plan.kernels:
            return plan.kernels[key]
        samples = {n: _sample(value, patterns[n]) for n, value in given.items()}
        source = self.source(plan.roots, integers, samples, patterns, full)
        return plan.kernels.put(key, None if source is None else _Kernel(source, load(source)))

    def source(
        self,
        roots: Sequence[int],
        integers: Integers,
        given: Mapping[int, Any],
        patterns: Mapping[int, int],
        full: int,
    ) -> BlockSource | None:
        """The source of what computes these nodes in blocks, from samples of what is given; None if nothing does."""
        program, kinds = self.program, integers.kinds(len(self.program.parameters))
        try:
            samples = sample_nodes(program, kinds, roots, given, integers.checked)
            known = {node: patterns[node] for node in given}
            return emit_blocks(program, kinds, roots, known, samples, full, integers.checked)
        except NotInBlocks:
            return None


def _is_one_ufunc(program: Program) -> bool:
    """Is all there is to compute one call of a ufunc, on floats or complex numbers as they are?"""
    nodes = list(itertools.islice(((op, args) for op, args in zip(program.ops, program.args, strict=True) if args), 2))
    if len(nodes) != 1:
        return False
    [(op, args)] = nodes
    if len(args) > 2 or not isinstance(op.numpy, Numpy | Operator):
        return False
    return isinstance(op.numpy.function, np.ufunc) and not any(program.rank)


def few_patterns(patterns: Sequence[int], shape: tuple[int, ...]) -> frozenset[int]:
    """Which patterns, of arguments and of what is made of several, have few elements in comparison with the result."""
    if len(shape) == 1:
        return _NOTHING
    unions = {0}
    for pattern in set(patterns):
        unions |= {union | pattern for union in unions}
    size = math.prod(shape)
    return frozenset(p for p in unions if size_of(p, shape) * _FEW <= size)


_NOTHING = frozenset({0})
_LINE = (2,)  # a shape of one axis along which there is more than one element


def _dtype(value: Any) -> Any:
    return value.dtype if isinstance(value, np.ndarray | np.generic) else type(value)


def _sample(value: Any, pattern: int) -> Any:
    """One element, with a dtype as strong or weak; of integers 1, which overflows nowhere."""
    if not isinstance(value, np.ndarray | np.generic):
        return value
    sample = np.ones(1, value.dtype)
    if value.dtype.kind in "fc":
        sample[0] = np.asarray(value)[(0,) * value.ndim]
    return sample if pattern else sample[0]


# -- one call --------------------------------------------------------------------------------------------------------


class _Run:
    """The arrays of one call, seen with as few axes as possible."""

    def __init__(
        self, blocks: Blocks, plan: _Plan, kernel: _Kernel, given: Any, patterns: Any, shape: tuple[int, ...]
    ) -> None:
        self.blocks = blocks
        self.program = blocks.program
        self.plan = plan
        self.kernel = kernel
        self.given = given
        self.shape = shape
        self.inputs = [(given[n], patterns[n]) for n in kernel.source.inputs]
        self.order = [0] if len(shape) == 1 else axis_order(self.inputs, shape)

    def results(self, out: Any) -> list[Any]:
        """All results, filled."""
        if self.plan.roots == tuple(self.blocks.results):
            outputs = [self._empty(1, dtype)[0] for dtype in self.kernel.source.outputs] if out is None else [out]
            self._fill(outputs)
            return outputs
        dtypes = dict(zip(self.plan.roots, self.kernel.source.outputs, strict=True))
        places: dict[int, Any] = {}  # root -> where the blocks put it
        copies: list[tuple[Any, int]] = []  # place, node; afterwards
        found = []
        for node in self.blocks.results:
            stacked = self.program.ops[node] is STACK
            entries = self.program.args[node] if stacked else (node,)
            values = [np.ones(1, dtypes[e]) if e in dtypes else self._value(e) for e in entries]
            result = self._empty(len(entries), np.result_type(*values) if values else np.dtype(float))
            for i, entry in enumerate(entries):
                if entry in dtypes and entry not in places and dtypes[entry] == result.dtype:
                    places[entry] = result[i]
                else:
                    copies.append((result[i], entry))
            lead = self.program.data[node][0] if stacked else ()
            found.append(result.reshape((*lead, *self.shape)) if stacked else result[0])
        for root in dtypes.keys() - places.keys():
            places[root] = self._empty(1, dtypes[root])[0]
        self._fill([places[root] for root in self.plan.roots])
        for place, entry in copies:
            np.copyto(place, places[entry] if entry in places else self._value(entry))
        return found

    def _value(self, node: int) -> Any:
        return self.program.data[node] if self.program.ops[node] is CONST else self.given[node]

    def _empty(self, count: int, dtype: Any) -> Any:
        """`count` arrays of the result's shape, which lie in memory as the arguments do."""
        made = np.empty((count, *[self.shape[axis] for axis in self.order]), dtype)
        if len(self.shape) == 1:
            return made
        back = np.argsort(self.order) + 1
        return made.transpose(0, *back.tolist())

    def _fill(self, outputs: Sequence[Any]) -> None:
        source, shape = self.kernel.source, self.shape
        threads = 1 if self.blocks.threads == 1 else number_of(self.blocks.threads)
        casts = tuple([d if o.dtype != d else None for o, d in zip(outputs, source.outputs, strict=True)])
        if len(shape) == 1:
            views = [v if p else np.asarray(v).reshape(()) for v, p in self.inputs]
            outs = outputs
            key = shape[0], threads == 1, casts
            tiling = self.kernel.tilings.get(key)
            if tiling is None:
                tiling = self.kernel.tilings.put(key, self._tiling([[0]], casts, threads))
        else:
            axes = merged_axes(self.inputs, outputs, self.order, shape)
            views = [view(v, p, axes, shape) if p else np.asarray(v).reshape(()) for v, p in self.inputs]
            outs = [view(o, full_pattern(shape), axes, shape) for o in outputs]
            tiling = self._tiling(axes, casts, threads)
        work = Work(self.kernel.function, tiling, views, outs)
        share(work, min(threads, max(len(tiling.grid) // 2, 1)))

    def _tiling(self, axes: Sequence[Sequence[int]], casts: Sequence[Any], threads: int) -> Tiling:
        sizes = [math.prod([self.shape[axis] for axis in group]) for group in axes]
        most = self.blocks.sizes.longest(self.kernel.source, len(self.inputs), threads)
        return tiled(self.kernel.source, [p for _, p in self.inputs], axes, sizes, casts, most)
