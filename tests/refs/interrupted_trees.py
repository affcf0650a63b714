"""After a signal or an error, the refs of a tree have all their old or all their new contents.

Run by `test_interrupted.py`.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax.state_dict import from_state_dict, to_state_dict

from haliax_refs import NamedRef, freeze, refs_of, step, update, values_of
from haliax_refs._patches import saving
from tests.refs.faults import strike


optax = pytest.importorskip("optax")
X = hax.Axis("x", 64)


class Model(eqx.Module):
    """Refs of several dtypes, one of them without names; a view stands for half of a buffer."""

    first: Any
    rest: list[Any]
    upper: Any = None

    @staticmethod
    def of(number: float) -> Model:
        rest = [
            jnp.full(4, number, jnp.bfloat16),
            hax.full(X, int(number), jnp.int32),
            hax.named(jnp.full(3, number), "y"),
        ]
        return Model(hax.full(X, number), [*rest, hax.full(X, number)], hax.full(X, number))

    @staticmethod
    def refs() -> Model:
        model = refs_of(Model.of(0))
        return eqx.tree_at(lambda m: m.upper, model, model.upper.slice({"x": slice(None, None, -1)}))


def seen(tree: Any) -> str:
    """Which one number all refs of a tree hold."""
    try:
        values = jax.tree.leaves(values_of(tree))
    except RuntimeError:
        return "lost"
    numbers = {float(number) for value in values for number in np.asarray(value, np.float32).ravel()}
    return f"all {numbers.pop():g}" if len(numbers) == 1 else "torn"


def restored() -> Callable[[Model, int], None]:
    files = {}
    for number in (1, 2):
        file = io.BytesIO()
        eqx.tree_serialise_leaves(file, refs_of(Model.of(number)))
        files[number] = file.getvalue()

    def restore(model: Model, number: int) -> None:
        eqx.tree_deserialise_leaves(io.BytesIO(files[number]), model)

    return restore


def from_dict() -> Callable[[Model, int], None]:
    dicts = {number: to_state_dict(refs_of(Model.of(number)), "m") for number in (1, 2)}

    def restore(model: Model, number: int) -> None:
        from_state_dict(model, dicts[number], "m")

    return restore


def updated() -> Callable[[Model, int], None]:
    values = {number: Model.of(number) for number in (1, 2)}
    return lambda model, number: update(model, values[number])


WRITES = {"update": updated, "tree_deserialise_leaves": restored, "from_state_dict": from_dict}


@pytest.mark.parametrize("name", WRITES)
def test_a_signal_leaves_all_the_old_or_all_the_new_contents(name: str) -> None:
    model, write = Model.refs(), WRITES[name]()
    numbers = itertools.cycle((1, 2))
    for _ in range(4):
        write(model, next(numbers))
    found = strike(lambda: write(model, next(numbers)), lambda: seen(model), 300)
    assert set(found) <= {"all 1", "all 2"}
    write(model, 1)  # no lock is held
    assert seen(model) == "all 1"


@pytest.mark.parametrize("number", [1, 5])
def test_a_signal_leaves_refs_valid_or_gives_what_they_held(number: int) -> None:
    value, stock = hax.full(X, 1.0), []
    refs: list[NamedRef] = []
    got: list[Any] = []

    def make() -> None:
        while len(stock) < 40:
            stock.append([hax.new_ref(value) for _ in range(number)])

    def call() -> None:
        nonlocal refs, got
        refs, got = (stock.pop() if stock else []), []  # at once, or a signal would find the refs of the call before
        got.append(freeze(refs if number > 1 else refs[0]))

    def look() -> str:
        states = set()
        for ref in refs:
            try:
                ref["x", 0]
                states.add("valid")
            except RuntimeError:
                states.add("frozen")
        make()
        return f"{'/'.join(sorted(states))}, {len(got)} got"

    make()
    found = strike(call, look, 500)
    assert set(found) <= {"valid, 0 got", "frozen, 1 got", ", 1 got"}
    assert found["valid, 0 got"] > 100


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_signal_leaves_a_step_done_or_not_begun(name: str) -> None:
    """Each step of this gradient moves all numbers of a parameter and of a moment by the same amount."""
    optimizer = optax.sgd(1.0, momentum=0.5) if name == "sgd" else optax.adam(0.5)
    values = {key: hax.full(X, 0.0) for key in "abcdef"}
    params, state = refs_of(values), refs_of(optimizer.init(values))
    grads = {key: hax.full(X, 1.0) for key in "abcdef"}

    def look() -> str:
        try:
            found = values_of([*params.values()]), values_of(state)
        except RuntimeError:
            return "lost"
        rows = {np.asarray(value.array).tobytes() for value in found[0]}
        moments = [leaf for leaf in jax.tree.leaves(found[1]) if leaf.ndim]
        whole = len(rows) == 1 and len({np.asarray(moment).tobytes() for moment in moments}) == len(moments) // 6
        return "whole" if whole else "torn"

    step(optimizer, params, state, grads)
    assert look() == "whole"
    assert set(strike(lambda: step(optimizer, params, state, grads), look, 300)) == {"whole"}


@pytest.mark.parametrize("name", ["update", "step"])
def test_debug_nans_leaves_all_the_old_contents(name: str) -> None:
    optimizer = optax.sgd(1.0, momentum=0.5)
    values = {key: hax.full(X, 2.0) for key in "abc"}
    params, state = refs_of(values), refs_of(optimizer.init(values))
    bad = {key: hax.full(X, np.nan if key == "b" else 1.0) for key in "abc"}
    write = (lambda: update(params, bad)) if name == "update" else lambda: step(optimizer, params, state, bad)
    with jax.debug_nans(True), pytest.raises(FloatingPointError, match=r"nan.*NamedRef"):
        write()
    assert seen(params) == "all 2"
    assert seen(state) == "all 0"
    with jax.debug_nans(True):
        update(params, {key: hax.full(X, 3.0) for key in "abc"})
        step(optimizer, params, state, {key: hax.full(X, 1.0) for key in "abc"})
    assert (seen(params), seen(state)) == ("all 2", "all 1")


def test_a_value_that_was_deleted_is_refused_before_anything_is_written() -> None:
    refs = refs_of({key: hax.full(X, 2.0) for key in "ab"})
    values = {key: hax.full(X, 3.0) for key in "ab"}
    values["b"].array.delete()
    with pytest.raises(RuntimeError, match=r"\['b'\].*deleted"):
        update(refs, values)
    assert seen(refs) == "all 2"


def test_a_signal_does_not_leave_a_state_dict_half_read() -> None:
    """The values that were read are kept aside until all are; the next call must not add its own to them."""
    ref = hax.new_ref(hax.zeros(X))
    saved = {"of": jnp.zeros(64)}

    def read() -> None:
        from_state_dict(ref, saved, "of")
        to_state_dict(ref, "of")

    def look() -> str:
        return f"{saving._RESTORED.get()} {saving._SAVED.get()}"

    assert set(strike(read, look, 1500)) == {"None None"}
