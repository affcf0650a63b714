"""Every kind of selector upon every other, one small case of each: what chance might take long to draw.

The base has two axes. The outer selector acts on x; then each inner one acts on each axis of what is left, through a
view, all in one compiled program per outer kind; and, behind `--long`, each third one on top of each pair.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest

import haliax_refs
from haliax_refs._indexing import selectors
from tests.refs.oracles import Index, Mask, Point, Take, Value, View, Window
from tests.refs.spelling import Lift, base_array, base_oracle, bracket, check, collecting, replaying
from tests.refs.strategies import Chain, Spelled, Step


pytestmark = pytest.mark.usefixtures("unoptimized")

AXES = {"x": 11, "y": 3}


def positions(size: int, *shape: int) -> np.ndarray:
    """Positions of an axis, from both ends, in no order, with repeats where there are more than it has."""
    count = int(np.prod(shape))
    found = (np.arange(count) * 5 + 1) % size
    return np.where(np.arange(count) % 3 == 1, found - size, found).reshape(shape)


# From the size of an axis, and the axes and sizes of the view, to a selector of it. All fit any size from 1 on.
KINDS: dict[str, Callable[[int, str, dict[str, int]], Spelled]] = {
    "int": lambda n, name, view: Spelled(Point(n // 2), "int"),
    "negative int": lambda n, name, view: Spelled(Point(-1), "numpy", "int8"),
    "traced int": lambda n, name, view: Spelled(Point(n // 3, True), "jax"),
    "0-d NamedArray": lambda n, name, view: Spelled(Point(-n, True), "named", "int16"),
    "slice": lambda n, name, view: Spelled(slice(1 if n > 1 else 0, 100), "slice"),
    "strided slice": lambda n, name, view: Spelled(slice(n > 1, None, 2), "slice"),
    "reversed slice": lambda n, name, view: Spelled(slice(None, None, -1), "slice"),
    "strided reversed slice": lambda n, name, view: Spelled(slice(-1, None, -2), "slice"),
    "empty slice": lambda n, name, view: Spelled(slice(n, n), "slice"),
    "range": lambda n, name, view: Spelled(range(n - 1, -1, -3), "range"),
    "window": lambda n, name, view: Spelled(Window(n // 4, n - n // 4), "hax.ds"),
    "strided window": lambda n, name, view: Spelled(Window((n + 1) % 2, (n + 1) // 2, 2), "pl.ds"),
    "traced window": lambda n, name, view: Spelled(Window(n // 4, n - n // 4, traced=True), "hax.ds jax"),
    "traced strided window": lambda n, name, view: Spelled(Window((n + 1) % 2, (n + 1) // 2, 2, True), "pl.ds jax"),
    "list": lambda n, name, view: Spelled(Take(positions(n, 4)), "list"),
    "NumPy array": lambda n, name, view: Spelled(Take(positions(n, 3), array=True), "numpy", "int8"),
    "array": lambda n, name, view: Spelled(Take(positions(n, 5), True, array=True), "jax"),
    "mask": lambda n, name, view: Spelled(Mask(np.arange(n) % 3 != 1), "numpy mask"),
    "NamedArray": lambda n, name, view: Spelled(Index((fresh(view, 0),), positions(n, 4), True), "named"),
    "NamedArray of its axis": lambda n, name, view: Spelled(Index((name,), positions(n, 4), True), "named"),
    "NamedArray of two axes": lambda n, name, view: Spelled(
        Index((fresh(view, 0), fresh(view, 1)), positions(n, 2, 3), True), "named"
    ),
    "NamedArray along another axis": lambda n, name, view: Spelled(along_another(n, name, view), "named"),
}


def fresh(view: dict[str, int], which: int) -> str:
    return [name for name in "ijklmnop" if name not in view][which]


def along_another(n: int, name: str, view: dict[str, int]) -> Index:
    """An index with the last other axis of the view, which it runs along, and one more."""
    others = [other for other in view if other != name]
    if not others:
        return Index((fresh(view, 0),), positions(n, 2), True)
    shape = (2, view[others[-1]])
    return Index((fresh(view, 0), others[-1]), positions(n, *shape), True)


def step_upon(view: View, name: str, kind: str) -> Step:
    return Step({name: KINDS[kind](view.sizes[name], name, view.sizes)}, view.sizes)


def steps_upon(view: View) -> Iterator[Step]:
    """Every kind on every axis that has a position."""
    for name, size in view.sizes.items():
        if size:
            yield from (step_upon(view, name, kind) for kind in KINDS)


def run(prefix: list[Step], last: list[Step], ref: Any, lift: Lift) -> list[Any]:
    """Read each of the last steps through the view, and then add 1 through each."""
    for step in prefix:
        ref = ref.slice(bracket(step, lift))
    indices = [bracket(step, lift) for step in last]
    reads = [ref[index] for index in indices]
    for index in indices:
        haliax_refs.addupdate(ref, index, 1)
    return reads


def check_all(prefix: list[Step], jitted: bool) -> None:
    chain = Chain(AXES, "int32", prefix)
    last = list(steps_upon(chain.view))
    ref = haliax_refs.new_ref(base_array(chain))
    if jitted:
        data: list[np.ndarray] = []
        for step in [*prefix, *last]:
            bracket(step, collecting(data))
        got = jax.jit(lambda ref, data: run(prefix, last, ref, replaying(data)))(ref, data)
    else:
        got = run(prefix, last, ref, jax.device_put)

    oracle = base_oracle(chain).slice(*(step.meaning for step in prefix))
    for step, array in zip(last, got, strict=True):
        check(array, oracle.read(step.meaning))
    for step in last:
        oracle.update(np.add, step.meaning, Value(None, np.array(1)))
    assert oracle.explains(np.asarray(ref[...].array))


def test_each_kind_of_selector_that_is_taken_is_paired() -> None:
    """Else a new one would pass by all laws, and nothing would say so."""
    [match] = [node for node in ast.walk(ast.parse(inspect.getsource(selectors))) if isinstance(node, ast.Match)]
    taken = [case for case in match.cases if not isinstance(case.body[0], ast.Raise)]
    whole = View.whole(AXES)
    written = [bracket(step_upon(whole, "x", kind))["x"] for kind in KINDS]
    for case in taken:
        patterns = [node.cls for node in ast.walk(case.pattern) if isinstance(node, ast.MatchClass)]
        classes = tuple(eval(ast.unparse(cls), vars(selectors)) for cls in patterns)
        assert any(isinstance(raw, classes) for raw in written), f"no entry of KINDS is one of {classes}"


@pytest.mark.parametrize("outer", KINDS)
def test_pairs_under_jit(outer: str) -> None:
    check_all([step_upon(View.whole(AXES), "x", outer)], jitted=True)


# Each pair is a program of its own here: a view that folds and one that gathers, and all others behind `--long`.
EAGER = [pytest.param(k, marks=[] if k in ("traced strided window", "NamedArray") else pytest.mark.slow) for k in KINDS]


@pytest.mark.parametrize("outer", EAGER)
def test_pairs(outer: str) -> None:
    check_all([step_upon(View.whole(AXES), "x", outer)], jitted=False)


@pytest.mark.slow
@pytest.mark.parametrize("middle", KINDS)
@pytest.mark.parametrize("outer", KINDS)
def test_triples_under_jit(outer: str, middle: str) -> None:
    """The middle one acts on the first axis that the outer one leaves."""
    first = step_upon(View.whole(AXES), "x", outer)
    view = View.whole(AXES).select(first.meaning)
    name = next((name for name, size in view.sizes.items() if size), None)
    assert name is not None
    check_all([first, step_upon(view, name, middle)], jitted=True)
