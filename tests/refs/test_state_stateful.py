"""A tree of refs under random operations, saves, restores and faults, against a twin of NumPy arrays.

Few shapes, so that few programs are compiled; a fault is an exception that a save, a write or a restore runs into.
"""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax.state_dict import from_state_dict, to_state_dict
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import haliax_refs


pytestmark = pytest.mark.usefixtures("unoptimized")
X, Y = hax.make_axes(x=3, y=2)
small = st.integers(-9, 9).map(float)
rows = st.integers(0, 2)


class Broken(Exception):
    """What a file raises."""


class BrokenFile(io.BytesIO):
    """A file that fails after some bytes, to be written as to be read."""

    def __init__(self, limit: int, data: bytes = b"") -> None:
        super().__init__(data)
        self.limit = limit

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self.limit:
            raise Broken
        return super().write(data)

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self.limit:
            raise Broken
        return super().read(size)


class Trees(RuleBasedStateMachine):
    """`refs` has a buffer, a view of it, a scalar and a ref without names; `twin` the same in NumPy."""

    @initialize()
    def make(self) -> None:
        cache = hax.new_ref(hax.zeros((X, Y)))
        self.refs: dict[str, Any] = {"cache": cache, "row": cache.slice({"x": jnp.int32(1)})}
        self.refs |= haliax_refs.refs_of({"n": hax.named(0.0, ()), "raw": jnp.zeros(2)})
        self.twin: dict[str, Any] = {"cache": np.zeros((3, 2)), "n": np.zeros(()), "raw": np.zeros(2)}
        self.saved: list[tuple[bytes, dict[str, Any]]] = []

    def tree(self, value: float) -> dict[str, Any]:
        return {
            "cache": hax.full((X, Y), value),
            "row": hax.full(Y, value + 1),
            "n": hax.named(jnp.float32(value), ()),
            "raw": jnp.full(2, value),
        }

    @rule(row=rows, value=small)
    def write(self, row: int, value: float) -> None:
        self.refs["cache"]["x", row] = value
        self.twin["cache"][row] = value

    @rule(value=small)
    def add_to_the_row(self, value: float) -> None:
        haliax_refs.addupdate(self.refs["row"], {"y": 0}, value)
        self.twin["cache"][1, 0] += value

    @rule(row=rows, value=small)
    def write_in_jit(self, row: int, value: float) -> None:
        _written(self.refs, row, value)
        self.twin["cache"][row] += value
        self.twin["n"] += value

    @rule(value=small)
    def update(self, value: float) -> None:
        haliax_refs.update(self.refs, self.tree(value))
        # in the order of the keys: the row is written after the buffer
        self.twin = {"cache": np.full((3, 2), value), "n": np.full((), value), "raw": np.full(2, value)}
        self.twin["cache"][1] = value + 1

    @rule(value=small, wrong=st.sampled_from(["cache", "row", "n", "raw"]))
    def update_with_what_does_not_fit(self, value: float, wrong: str) -> None:
        with pytest.raises(ValueError, match="cannot update"):
            haliax_refs.update(self.refs, self.tree(value) | {wrong: hax.zeros({"z": 5})})

    @rule()
    def save(self) -> None:
        file = io.BytesIO()
        eqx.tree_serialise_leaves(file, self.refs)
        self.saved = [*self.saved[-2:], (file.getvalue(), copy.deepcopy(self.twin))]

    @rule(limit=st.integers(0, 300))
    def save_to_a_broken_file(self, limit: int) -> None:
        with pytest.raises(RuntimeError):
            eqx.tree_serialise_leaves(BrokenFile(limit), self.refs)

    @rule(which=st.integers(0, 2))
    def restore(self, which: int) -> None:
        if self.saved:
            data, twin = self.saved[which % len(self.saved)]
            out = eqx.tree_deserialise_leaves(io.BytesIO(data), self.refs)
            assert out["cache"] is self.refs["cache"]
            self.twin = copy.deepcopy(twin)

    @rule(which=st.integers(0, 2), share=st.floats(0, 0.95))
    def restore_from_a_broken_file(self, which: int, share: float) -> None:
        if self.saved:
            data, _ = self.saved[which % len(self.saved)]
            with pytest.raises(RuntimeError):
                eqx.tree_deserialise_leaves(io.BytesIO(data[: int(share * len(data))]), self.refs)

    @rule()
    def by_a_state_dict(self) -> None:
        state = to_state_dict(self.refs)
        haliax_refs.update(self.refs, self.tree(7.0))
        from_state_dict(self.refs, {key: np.asarray(value) for key, value in state.items()})

    @rule(how=st.sampled_from([copy.deepcopy, lambda tree: pickle.loads(pickle.dumps(tree))]))
    def copied(self, how: Any) -> None:
        old, self.refs = self.refs, how(self.refs)
        haliax_refs.update(old, self.tree(-1.0))  # which the copy does not see

    @rule()
    def frozen_and_made_anew(self) -> None:
        old = self.refs
        values = haliax_refs.freeze(old)
        cache = hax.new_ref(values["cache"])
        self.refs = {"cache": cache, "row": cache.slice({"x": jnp.int32(1)})}
        self.refs |= haliax_refs.refs_of({"n": values["n"], "raw": values["raw"]})
        with pytest.raises(RuntimeError):
            haliax_refs.values_of(old)

    @rule()
    def freezing_fails(self) -> None:
        ended = hax.new_ref(0.0)
        haliax_refs.freeze(ended)
        with pytest.raises(RuntimeError):
            haliax_refs.freeze({**self.refs, "z": ended})

    @invariant()
    def same(self) -> None:
        values = haliax_refs.values_of(self.refs)
        assert values["cache"].axes == (X, Y)
        np.testing.assert_array_equal(values["cache"].array, self.twin["cache"])
        np.testing.assert_array_equal(values["row"].array, self.twin["cache"][1])
        np.testing.assert_array_equal(values["n"].array, self.twin["n"])
        np.testing.assert_array_equal(values["raw"], self.twin["raw"])


@jax.jit
def _add(cache: Any, n: Any, row: Any, value: Any) -> None:
    cache["x", row] += value
    n[...] += value


def _written(refs: dict[str, Any], row: int, value: float) -> None:
    _add(refs["cache"], refs["n"], jnp.int32(row), jnp.float32(value))


TestTrees = Trees.TestCase
TestTrees.settings = settings(stateful_step_count=20)
