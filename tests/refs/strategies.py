"""What to index and how: axes, chains of selectors that fit, values that fit, and selectors that must be refused.

Everything here is data: a `Spelled` selector says what it means (for the oracle) and in which of its spellings it is
to be written; `tests.refs.spelling` turns it into the object that a ref is given. Dependent data is drawn in order,
each selector against the sizes that the one before it leaves, so that nothing is filtered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from hypothesis import settings, strategies as st

from tests.refs.oracles import Index, Mask, Point, Selector, Take, Value, View, Window


# For a property each of whose examples is a structure of its own, so that several programs are compiled for it: that is
# most of the time of these tests, and the same property is there behind `--long`, with thousands of examples.
COMPILES = settings(max_examples=max(settings.default.max_examples // 2, 5))

AXES = ("x", "y", "z", "w")
FRESH = ("i", "j", "k", "l", "m", "n", "o", "p")
SIZES = (3, 2, 4, 5, 1)
LARGE = (8, 17, 130, 200)  # past what an int8 holds, and with a negative entry, a uint8
MAX_CELLS = 300
MAX_RANK = 5


@dataclass(frozen=True, eq=False)
class Spelled:
    """A selector, and one of the ways to write it.

    `dtype` is that of its positions, where it has an array or a NumPy scalar. The spellings in `DYNAMIC` are jax
    arrays: arguments, when the operation is under jit.
    """

    meaning: Selector
    spelling: str
    dtype: str = "int32"

    @property
    def dynamic(self) -> bool:
        return self.spelling in DYNAMIC


DYNAMIC = frozenset({"jax", "named", "hax.ds jax", "pl.ds jax"})


@dataclass(frozen=True, eq=False)
class Step:
    """One bracket: selectors by name in the order they are written, and the form of the bracket."""

    selectors: Mapping[str, Spelled]
    sizes: Mapping[str, int]  # of the view that is indexed
    form: str = "dict"  # dict, pairs, pairs...
    axis_keys: frozenset[str] = frozenset()

    @property
    def meaning(self) -> dict[str, Selector]:
        return {name: spelled.meaning for name, spelled in self.selectors.items()}


@dataclass(frozen=True, eq=False)
class Chain:
    """A base and the brackets to go through, the last of which is where to read or write."""

    axes: Mapping[str, int]
    dtype: str
    steps: Sequence[Step]

    @property
    def base(self) -> np.ndarray:
        """Distinct values, none of which is 0 or anything that `values` draws."""
        return (np.arange(prod(self.axes.values())) + 1).reshape(tuple(self.axes.values())).astype(self.dtype)

    @property
    def view(self) -> View:
        """What the whole chain leaves."""
        view = View.whole(self.axes)
        for step in self.steps:
            view = view.select(step.meaning)
        return view


@st.composite
def axes(draw: st.DrawFn, *, max_rank: int = 4, sizes: Sequence[int] = SIZES, large: bool = True) -> dict[str, int]:
    """One to four named sizes of few cells together, in any order of names."""
    names = draw(st.permutations(AXES))[: draw(st.integers(1, max_rank))]
    result: dict[str, int] = {}
    for name in names:
        room = MAX_CELLS // max(prod(result.values()), 1)
        choice = [s for s in (*sizes, *(LARGE if large and len(names) <= 2 else ())) if s <= room]
        result[name] = draw(st.sampled_from(choice or [1]))
    return result


def _dtype(draw: st.DrawFn, positions: Sequence[int]) -> str:
    """An integer dtype that holds the positions, whether or not it holds the size of the axis."""
    low, high = min((*positions, 0)), max((*positions, 0))
    fits = [d for d in ("int32", "int8", "uint8", "int16", "uint16", "uint32") if _holds(d, low, high)]
    return draw(st.sampled_from(fits))


def _holds(dtype: str, low: int, high: int) -> bool:
    return np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max


# Which traced indices may be out of bounds: none, all, or only ints and windows. What an index array writes out of
# bounds is dropped on a whole axis, as jax.Ref drops it, and clamped into a proper part of one.
Wild = Literal[False, True, "but arrays"]


def position(size: int, *, wild: bool = False) -> st.SearchStrategy[int]:
    """A position of an axis, counted from either end; if wild, possibly outside."""
    if size == 0:
        return st.nothing()
    inside = st.integers(0, size - 1) | st.integers(-size, -1)
    return inside | st.sampled_from([size, size + 3, 100, -size - 1, -size - 5, -100]) if wild else inside


@st.composite
def points(draw: st.DrawFn, size: int, *, wild: Wild = False) -> Spelled:
    spelling = draw(st.sampled_from(["int", "jax", "numpy", "0-d", "named"]))
    traced = spelling in DYNAMIC
    at = draw(position(size, wild=bool(wild) and traced))
    return Spelled(Point(at, traced), spelling, _dtype(draw, [at]))


@st.composite
def slices(draw: st.DrawFn, size: int, *, least: int = 0) -> Spelled:
    """Any slice: every step but 0, and bounds that may be wild."""
    step = draw(st.none() | st.sampled_from([1, 2, 3, -1, -2, -3, 100, -100]))
    bound = st.none() | st.integers(-size - 3, size + 3) | st.sampled_from([-100, 100])
    if size and (least or draw(st.booleans())):
        first, last = draw(position(size)) % size, draw(position(size)) % size
        first, last = sorted((first, last), reverse=step is not None and step < 0)
        after = last + 1 if step is None or step > 0 else last - 1 if last else None
        return Spelled(slice(first - size * draw(st.booleans()), after, step), "slice")
    return Spelled(slice(draw(bound), draw(bound), step), "slice")


@st.composite
def ranges(draw: st.DrawFn, size: int, *, least: int = 0) -> Spelled:
    """Positions counted from the start, all inside, as a range: up, down, or none."""
    start = draw(st.integers(0, max(size - 1, 0)))
    step = draw(st.sampled_from([1, 2, 3, -1, -2]))
    most = len(range(start, size, step)) if step > 0 else len(range(start, -1, step))
    count = most - draw(st.integers(0, most - least)) if size else 0
    return Spelled(range(start, start + count * step, step), "range")


@st.composite
def windows(draw: st.DrawFn, size: int, *, least: int = 0, wild: Wild = False) -> Spelled:
    count = size - draw(st.integers(0, max(size - least, 0)))
    most = (size - 1) // (count - 1) if count > 1 else 2
    stride = draw(st.integers(1, max(most, 1)))
    spelling = draw(st.sampled_from(["hax.ds", "hax.ds jax", "pl.ds", "pl.ds jax"])) if stride == 1 else None
    spelling = spelling or draw(st.sampled_from(["pl.ds", "pl.ds jax"]))
    last = size - (stride * (count - 1) + 1 if count else 0)
    traced = spelling in DYNAMIC
    start = draw(st.integers(0, last))
    if wild and traced:
        start = draw(st.integers(-size - 2, size + 2))
    elif draw(st.booleans()) and start:  # counted from the end
        start -= size if start < size else 0
    return Spelled(Window(start, count, stride, traced), spelling, _dtype(draw, [start]))


@st.composite
def takes(draw: st.DrawFn, size: int, *, least: int = 0, wild: Wild = False) -> Spelled:
    spelling = draw(st.sampled_from(["list", "jax", "numpy"]))
    traced = spelling in DYNAMIC
    count = draw(st.integers(least, 4)) if size else 0
    entries = draw(st.lists(position(size, wild=wild is True and traced), min_size=count, max_size=count))
    return Spelled(Take(np.array(entries, dtype=np.intp), traced, spelling != "list"), spelling, _dtype(draw, entries))


@st.composite
def masks(draw: st.DrawFn, size: int, *, least: int = 0) -> Spelled:
    keep = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    if size and least:
        keep[draw(st.integers(0, size - 1))] = True
    # An empty list does not say that it is a mask; as an empty selection it means the same.
    spelling = draw(st.sampled_from(["numpy mask", "jax mask", "named mask", "list mask"]))
    return Spelled(Mask(np.array(keep, dtype=bool)), spelling)


def staying(size: int, *, least: int = 0, wild: Wild = False) -> st.SearchStrategy[Spelled]:
    """Selectors that keep the axis, with at least so many positions if it has any."""
    return st.one_of(
        slices(size, least=least),
        ranges(size, least=least),
        windows(size, least=least, wild=wild),
        takes(size, least=least, wild=wild),
        masks(size, least=least),
    )


@st.composite
def steps(draw: st.DrawFn, sizes: Mapping[str, int], *, least: int = 0, wild: Wild = False) -> Step:
    """Selectors for some of the axes, in any order.

    Axes of the indices come from one pool for the whole step, so that indices share them; the pool holds new names,
    names of axes that stay (an index runs along them) and names of axes that go away (free to be used again).
    """
    chosen = (
        draw(st.permutations(list(sizes)))[: draw(st.sampled_from([1, *range(1, len(sizes) + 1), 0]))] if sizes else []
    )
    kind = st.sampled_from(["stay", "index", "stay", "point", "index", "stay"])  # after a point, an axis is used up
    kinds = {n: draw(kind) if sizes[n] else "stay" for n in chosen}
    selectors = {n: draw(staying(sizes[n], least=least, wild=wild)) for n in chosen if kinds[n] == "stay"}
    selectors |= {n: draw(points(sizes[n], wild=wild)) for n in chosen if kinds[n] == "point"}

    indexed = [n for n in chosen if kinds[n] == "index"]
    if indexed:
        left = View.whole(sizes).select({n: s.meaning for n, s in selectors.items()}).sizes
        pool = {n: s for n, s in left.items() if n not in indexed}
        free = [n for n in FRESH if n not in sizes] + [n for n in chosen if kinds[n] in ("point", "index")]
        room = MAX_RANK - len(pool)
        for name in draw(st.permutations(free))[: draw(st.integers(0, min(2, max(room, 0))))]:
            space = MAX_CELLS // max(prod(pool.values()), 1)
            pool[name] = draw(st.sampled_from([s for s in range(4, least - 1, -1) if s <= space] or [1]))
        for name in indexed:
            selectors[name] = draw(indices(sizes[name], pool, wild=wild))

    # A form with `...` or without; axes by name or as Axis.
    form = draw(st.sampled_from(["dict", "pairs", "pairs..."]))
    keys = frozenset(n for n in chosen if draw(st.booleans()))
    return Step({n: selectors[n] for n in chosen}, dict(sizes), form if chosen else "dict", keys)


@st.composite
def indices(draw: st.DrawFn, size: int, pool: Mapping[str, int], *, wild: Wild = False) -> Spelled:
    """A named index with up to three of the axes of the pool, in any order."""
    names = tuple(draw(st.permutations(list(pool)))[: draw(st.integers(0, min(3, len(pool))))])
    shape = tuple(pool[n] for n in names)
    count = prod(shape)
    entries = draw(st.lists(position(size, wild=wild is True), min_size=count, max_size=count)) if count < 40 else None
    if entries is None:  # too many to draw one by one
        entries = np.random.default_rng(draw(st.integers(0, 9))).integers(-size, size, count).tolist()
    return Spelled(
        Index(names, np.array(entries, dtype=np.intp).reshape(shape), traced=True), "named", _dtype(draw, entries)
    )


@st.composite
def chains(
    draw: st.DrawFn,
    *,
    min_depth: int = 1,
    max_depth: int = 4,
    wild: Wild = False,
    last_wild: Wild | None = None,
    large: bool = True,
) -> Chain:
    """A base and up to `max_depth` brackets, each drawn for the view that those before it leave.

    The last is as wild as `last_wild` says, the others as `wild` does. One in four may be empty somewhere: an empty
    view says little about what comes after it.
    """
    least = min(draw(st.integers(0, 3)), 1)
    base = draw(axes(sizes=SIZES if least else (*SIZES, 0), large=large))
    view = View.whole(base)
    result = []
    brackets = draw(st.integers(min_depth, max_depth))
    for depth in range(brackets):
        if not view.sizes and depth >= min_depth:
            break
        is_last = depth == brackets - 1 and last_wild is not None
        step = draw(steps(view.sizes, least=least, wild=last_wild if is_last else wild))
        view = view.select(step.meaning)
        result.append(step)
    return Chain(base, draw(st.sampled_from(["int32", "float32"])), result)


CASTS = {
    "float32": ("float32", "int32", "float16", "int8", "bool"),
    "int32": ("int32", "int8", "uint8", "int16", "bool"),
}


@dataclass(frozen=True, eq=False)
class SpelledValue:
    """A value to write, and how: a Python number, an unnamed array, or a NamedArray."""

    meaning: Value
    spelling: str  # python, array, numpy, named


@st.composite
def values(draw: st.DrawFn, sizes: Mapping[str, int], dtype: str) -> SpelledValue:
    """Anything that can be written to a view with these axes of this dtype: distinct numbers where that is possible."""
    spelling = draw(st.sampled_from(["named", "python", "array", "numpy"]))
    if spelling == "python":
        number = draw(st.sampled_from([-1, -7, True] + [-2.5] * (dtype == "float32")))
        return SpelledValue(Value(None, np.array(number)), "python")
    cast = draw(st.sampled_from(CASTS[dtype]))
    if spelling == "named":
        names = tuple(draw(st.permutations(list(sizes)))[: draw(st.integers(0, len(sizes)))])
    else:
        names = tuple(sizes) if draw(st.booleans()) else ()
    shape = tuple(sizes[n] for n in names)
    count = np.arange(prod(shape))
    data = (count % 2 if cast == "bool" else count % 100 if cast in ("int8", "uint8") else count + 1000).astype(cast)
    return SpelledValue(Value(names if spelling == "named" else None, data.reshape(shape)), spelling)
