"""Large arrays in blocks that stay in the cache, on one thread or several.

A program is computed in two steps. What is computed once comes first, in plain NumPy: what depends on scalars alone or
on arrays much smaller than the result, and whatever is not elementwise. The rest runs block by block: a generated
function (`_emit.blocks`) fills one block of the results from one block of the arguments, and all that it needs besides
is a few buffers of a block's size, whatever the size of the arrays.

How the axes lie is settled here: axes that lie alike in all arrays become one, so that most calls are a loop over one
axis; an argument that lacks an axis keeps it as an axis of size 1, and is never spread out.
"""

from __future__ import annotations

import contextvars
import itertools
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ._emit import BlockSource, emit_arrays, emit_blocks, outside
from ._emit.blocks import NotInBlocks
from ._load import load
from ._ops import STACK
from ._program import ANY, COMPLEX, CONST, PARAM, REAL, Program


# Measured by `python -m benchmarks.numpify_constants`; see docs/benchmarks.md. A block of 16k doubles is 128 KiB, so
# that the few that an expression has in use fit into a second-level cache of 512 KiB to 2 MiB; half of that costs
# more in calls, and from 64k on the cache is missed. Threads hold the interpreter's lock between two ufuncs, so that
# they want longer ones.
BLOCK = 1 << 14
BLOCK_OF_THREADS = 1 << 15
LARGE = 1 << 15  # fewer elements than this are computed in plain NumPy
_FEW = 16  # what is so many times smaller than the result is computed beforehand
_MOST_PLANS = 32  # kept for one program; each is for other dtypes or other ways to broadcast
_MOST_WORKERS = 64

Threads = int | Literal["auto"]


def checked_threads(threads: Any) -> Threads:
    """A number of threads, or "auto".

    >>> checked_threads(0)
    Traceback (most recent call last):
        ...
    ValueError: cannot compile for 0 threads: at least one is needed; pass threads=1, more, or "auto"
    """
    if threads == "auto":
        return "auto"
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer):
        raise TypeError(f'cannot compile for {threads!r} threads: that is no whole number; pass a number or "auto"')
    if threads < 1:
        raise ValueError(
            f'cannot compile for {threads} threads: at least one is needed; pass threads=1, more, or "auto"'
        )
    return int(threads)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# -- one program -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kernel:
    source: BlockSource
    function: Callable[..., None]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is computed before the blocks, what by them; a kernel for each way in which the former may come out."""

    before: tuple[int, ...]
    function: Callable[..., Sequence[Any]] | None
    roots: tuple[int, ...]
    kernels: dict[Any, _Kernel | None] = field(default_factory=dict)


class Blocks:
    """Computes one program in blocks, with plans that are made when they are first needed."""

    def __init__(self, program: Program, threads: Threads) -> None:
        self.program = program
        self.threads = threads
        self.parameters = [node for node, op in enumerate(program.ops) if op is PARAM]
        self.wanted: list[int] = []  # the nodes to compute: results, and the entries of results that are stacked
        for node in program.results:
            self.wanted += program.args[node] if program.ops[node] is STACK else (node,)
        self._plans: dict[Any, _Plan | None] = {}

    def compute(self, values: Sequence[Any], integers: int, shape: tuple[int, ...], out: Any = None) -> Any:
        """The results in order, or None if this program is not one for blocks.

        Args:
            values: of the parameters, from `prepare`.
            integers: which of them are.
            shape: to which they broadcast.
            out: where to put the only result.
        """
        if not all(type(v) in (np.ndarray, np.memmap) or isinstance(v, np.generic) for v in values):
            return None  # a subclass may compute in its own way
        given = {}
        patterns = {}
        for node in self.parameters:
            if not self.program.rank[node]:
                value = given[node] = values[self.program.data[node]]
                patterns[node] = _pattern(value, len(shape))
        plan = self._plan(values, integers, shape, tuple(patterns.values()))
        if plan is None:
            return None
        if plan.function is not None:
            for node, value in zip(plan.before, plan.function(*values), strict=True):
                given[node] = value
                patterns[node] = _pattern(value, len(shape))
        kernel = self._kernel(plan, integers, given, patterns, _full(shape))
        if kernel is None:
            return None
        return _Run(self, plan, kernel, given, patterns, shape).results(out)

    def _plan(self, values: Sequence[Any], integers: int, shape: tuple[int, ...], patterns: Any) -> _Plan | None:
        unions = {0}
        for pattern in set(patterns):
            unions |= {union | pattern for union in unions}
        size = math.prod(shape)
        few = frozenset(p for p in unions if _size(p, shape) * _FEW <= size)
        key = integers, patterns, few, tuple([v.dtype for v in values])
        if key in self._plans:
            return self._plans[key]
        plan = self._new_plan(integers, patterns, few)
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        self._plans[key] = plan
        return plan

    def _new_plan(self, integers: int, patterns: Any, few: Any) -> _Plan | None:
        program = self.program
        of_node = dict(zip([n for n in self.parameters if not program.rank[n]], patterns, strict=True))
        inside: list[bool] = []
        all_patterns: list[int] = []
        for node, args in enumerate(program.args):
            pattern = of_node.get(node, 0)
            for a in args:
                pattern |= all_patterns[a]
            all_patterns.append(pattern)
            inside.append(pattern not in few)
        kinds = self._kinds(integers)
        found = outside(program, kinds, self.wanted, inside)
        if found is None:
            return None
        before, roots = found
        function = load(emit_arrays(program, kinds, before)) if before else None
        return _Plan(tuple(before), function, tuple(roots))

    def _kinds(self, integers: int) -> list[int]:
        return [ANY if integers >> i & 1 else REAL | COMPLEX for i in range(len(self.program.parameters))]

    def _kernel(self, plan: _Plan, integers: int, given: Any, patterns: Any, full: int) -> _Kernel | None:
        key = tuple([(patterns[n], _dtype(given[n])) for n in plan.before])
        if key in plan.kernels:
            return plan.kernels[key]
        samples = {node: (patterns[node], _sample(value, patterns[node])) for node, value in given.items()}
        kernel = None
        try:
            source = emit_blocks(self.program, self._kinds(integers), plan.roots, samples, full)
            kernel = _Kernel(source, load(source))
        except NotInBlocks:
            pass
        if len(plan.kernels) >= _MOST_PLANS:
            plan.kernels.clear()
        plan.kernels[key] = kernel
        return kernel


def _pattern(value: Any, rank: int) -> int:
    """Which of the `rank` axes of the result a value varies along."""
    shape = np.shape(value)
    pattern = 0
    for axis, size in enumerate(shape, rank - len(shape)):
        if size != 1:
            pattern |= 1 << axis
    return pattern


def _full(shape: Sequence[int]) -> int:
    return sum([1 << axis for axis, size in enumerate(shape) if size != 1])


def _size(pattern: int, shape: Sequence[int]) -> int:
    return math.prod([size for axis, size in enumerate(shape) if pattern >> axis & 1])


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
        self.order = _axis_order(self.inputs, shape)

    def results(self, out: Any) -> list[Any]:
        """All results, filled."""
        dtypes = dict(zip(self.plan.roots, self.kernel.source.outputs, strict=True))
        places: dict[int, Any] = {}  # root -> where the blocks put it
        copies: list[tuple[Any, Any]] = []  # (place, root or value), afterwards
        found = []
        for node in self.program.results:
            stacked = self.program.ops[node] is STACK
            entries = self.program.args[node] if stacked else (node,)
            values = [np.ones(1, dtypes[e]) if e in dtypes else self._value(e) for e in entries]
            result = self._empty(len(entries), np.result_type(*values) if values else np.dtype(float))
            if out is not None:
                result = out[None]
            for i, entry in enumerate(entries):
                if entry in dtypes and entry not in places and (dtypes[entry] == result.dtype or out is not None):
                    places[entry] = result[i]
                else:
                    copies.append((result[i], entry))
            lead = self.program.data[node][0] if stacked else ()
            found.append(result.reshape((*lead, *self.shape)) if stacked else result[0] if out is None else out)
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
        back = np.argsort(self.order) + 1
        return made.transpose(0, *back.tolist())

    def _fill(self, outputs: Sequence[Any]) -> None:
        source = self.kernel.source
        axes = _merged_axes(self.inputs, outputs, self.order, self.shape)
        sizes = [math.prod([self.shape[a] for a in group]) for group in axes]
        threads = _processors() if self.blocks.threads == "auto" else self.blocks.threads
        width = max([d.itemsize for d in source.outputs] + [d.itemsize for d, _ in source.buffers])
        length = max((BLOCK if threads == 1 else BLOCK_OF_THREADS) * 8 // max(width, 8), 1)
        grid = list(_grid(sizes, length))
        views = [_view(v, p, axes, self.shape) if p else np.asarray(v).reshape(()) for v, p in self.inputs]
        masks = [_mask(p, axes) for _, p in self.inputs]
        full = _full(self.shape)
        outs = [_view(o, full, axes, self.shape) for o in outputs]
        work = _Work(self.kernel.function, views, masks, [(d, _mask(p, axes)) for d, p in source.buffers], outs,
                     source.outputs, grid)  # fmt: skip
        share(work, min(threads, max(len(grid) // 2, 1)))


Mask = tuple[bool, ...]
Index = tuple[slice, ...]
_ALL = slice(None)


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What one thread, or several, do: `function` for each block of `grid` that no other has taken."""

    function: Callable[..., None]
    inputs: Sequence[Any]
    masks: Sequence[Mask]
    buffers: Sequence[tuple[np.dtype[Any], Mask]]
    outputs: Sequence[Any]
    dtypes: Sequence[np.dtype[Any]]
    grid: Sequence[Index]
    taken: Iterator[int] = field(default_factory=itertools.count)
    stop: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> None:
        """Take blocks until there are no more."""
        extents: dict[Any, Any] = {}
        memory: list[Any] = []
        distinct = list(dict.fromkeys(self.masks))
        which = [distinct.index(mask) for mask in self.masks]
        none = (False,) * len(self.grid[0])
        cast = [o.dtype != d for o, d in zip(self.outputs, self.dtypes, strict=True)]
        kinds = [*self.buffers, *((d, (True,) * len(none)) for d, c in zip(self.dtypes, cast, strict=True) if c)]
        try:
            for i in self.taken:
                if i >= len(self.grid) or self.stop.is_set():
                    return
                index = self.grid[i]
                extent = tuple([s.stop - s.start for s in index])
                shaped = extents.get(extent)
                if shaped is None:
                    shaped = extents[extent] = _shaped(memory, kinds, extent)
                at = [tuple([s if has else _ALL for s, has in zip(index, mask, strict=True)]) for mask in distinct]
                inputs = [a if distinct[w] == none else a[at[w]] for a, w in zip(self.inputs, which, strict=True)]
                outputs = [o[index] for o in self.outputs]
                if any(cast):
                    own = iter(shaped[len(self.buffers) :])
                    filled = [next(own) if c else o for o, c in zip(outputs, cast, strict=True)]
                    self.function(*inputs, *shaped[: len(self.buffers)], *filled)
                    for o, f in zip(outputs, filled, strict=True):
                        if o is not f:
                            np.copyto(o, f, casting="same_kind")
                else:
                    self.function(*inputs, *shaped, *outputs)
        except BaseException:
            self.stop.set()
            raise


def _shaped(memory: list[Any], kinds: Sequence[tuple[np.dtype[Any], Mask]], extent: tuple[int, ...]) -> list[Any]:
    """A buffer of each kind for a block of this extent, all in the same memory as those for other extents."""
    shapes = [tuple([n if has else 1 for n, has in zip(extent, mask, strict=True)]) for _, mask in kinds]
    if not memory:
        memory += [np.empty(math.prod(shape), dtype) for (dtype, _), shape in zip(kinds, shapes, strict=True)]
    for i, shape in enumerate(shapes):
        if memory[i].size < math.prod(shape):
            memory[i] = np.empty(math.prod(shape), kinds[i][0])
    return [m[: math.prod(shape)].reshape(shape) for m, shape in zip(memory, shapes, strict=True)]


# -- axes ------------------------------------------------------------------------------------------------------------


def _axis_order(inputs: Sequence[tuple[Any, int]], shape: tuple[int, ...]) -> list[int]:
    """The axes as they lie in memory, the one with the longest strides first, as NumPy orders its results."""
    axes = list(range(len(shape)))
    leaders = [value for value, pattern in inputs if pattern == _full(shape)]
    if not leaders or all(v.flags.c_contiguous for v in leaders):
        return axes
    leader = leaders[0]
    strides = [0] * (len(shape) - leader.ndim) + [abs(stride) for stride in leader.strides]
    return sorted(axes, key=lambda axis: -strides[axis])


def _merged_axes(
    inputs: Sequence[tuple[Any, int]], outputs: Sequence[Any], order: Sequence[int], shape: tuple[int, ...]
) -> list[list[int]]:
    """Groups of axes that may be seen as one axis, in all arrays; axes of size 1 are left out."""
    full = _full(shape)
    arrays = [(v, p) for v, p in inputs if p] + [(o, full) for o in outputs]
    groups: list[list[int]] = []
    for axis in order:
        if shape[axis] == 1:
            continue
        if groups and all(_lie_alike(a, p, groups[-1][-1], axis, shape) for a, p in arrays):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def _lie_alike(array: Any, pattern: int, outer: int, inner: int, shape: tuple[int, ...]) -> bool:
    has_outer, has_inner = pattern >> outer & 1, pattern >> inner & 1
    if not (has_outer and has_inner):
        return has_outer == has_inner
    missing = len(shape) - array.ndim
    return bool(array.strides[outer - missing] == array.strides[inner - missing] * shape[inner])


def _view(array: Any, pattern: int, axes: Sequence[Sequence[int]], shape: tuple[int, ...]) -> Any:
    """The array with one axis for each group, of size 1 where it does not vary."""
    missing = len(shape) - array.ndim
    sizes, strides = [], []
    for group in axes:
        has = pattern >> group[0] & 1
        sizes.append(math.prod([shape[axis] for axis in group]) if has else 1)
        strides.append(array.strides[group[-1] - missing] if has else 0)
    return np.lib.stride_tricks.as_strided(array, sizes, strides)


def _mask(pattern: int, axes: Sequence[Sequence[int]]) -> Mask:
    return tuple([bool(pattern >> group[0] & 1) for group in axes])


def _grid(sizes: Sequence[int], length: int) -> Iterator[Index]:
    """The blocks: whole inner axes, as many as fit into `length` elements, and even parts of the next one."""
    axis, inner = len(sizes), 1
    while axis and inner * sizes[axis - 1] <= length:
        axis -= 1
        inner *= sizes[axis]
    whole = [slice(0, size) for size in sizes[axis:]]
    if not axis:
        yield tuple(whole)
        return
    size = sizes[axis - 1]
    parts = -(-size // max(length // inner, 1))
    bounds = [size * i // parts for i in range(parts + 1)]
    for outer in itertools.product(*(range(n) for n in sizes[: axis - 1])):
        before = [slice(i, i + 1) for i in outer]
        for start, stop in itertools.pairwise(bounds):
            yield (*before, slice(start, stop), *whole)


# -- threads ---------------------------------------------------------------------------------------------------------


_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


def _executor() -> ThreadPoolExecutor:
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_MOST_WORKERS, thread_name_prefix="numpify")
        return _pool


def _forget_pool() -> None:
    """A forked process has none of its parent's threads."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def share(work: Callable[[], None], threads: int) -> None:
    """Run `work` on this thread and on others, each in the context (errstate, context variables) of this one.

    A worker that has not begun when this thread has finished is not waited for: all of the work is done then.
    """
    others = [_executor().submit(contextvars.copy_context().run, work) for _ in range(min(threads, _MOST_WORKERS) - 1)]
    try:
        work()
    finally:
        errors = [other.exception() for other in others if not other.cancel()]
    for error in errors:
        if error is not None:
            raise error
