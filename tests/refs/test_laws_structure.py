"""Law 5 of the design: what of a ref is structure, and what are leaves."""

from __future__ import annotations

import re
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import pallas as pl

import haliax_refs
from tests.refs.grids import contents, cube as grid


def structure(tree: Any) -> Any:
    return jax.tree_util.tree_structure(tree)


def test_a_whole_ref_is_one_leaf() -> None:
    ref = grid()
    (leaf,) = jax.tree_util.tree_leaves(ref)
    assert isinstance(leaf, jax.Ref)
    again = jax.tree_util.tree_unflatten(structure(ref), [leaf])
    assert isinstance(again, haliax_refs.NamedRef)
    assert again.axes == ref.axes
    again[{"x": 0}] = -1.0
    assert contents(ref)[0].max() == -1.0


STATIC = [
    {"x": 1},
    {"x": slice(1, 3)},
    {"y": slice(None, None, -1)},
    {"x": range(2)},
    {"x": hax.ds(1, 2)},
    {"x": np.int8(1)},
]
DYNAMIC = {
    "0-d": lambda n: {"x": jnp.int32(n)},
    "hax.ds": lambda n: {"x": hax.ds(jnp.int32(n), 2)},
    "pl.ds": lambda n: {"x": pl.ds(jnp.int32(n), 2, 2)},
    "array": lambda n: {"x": jnp.array([n, 0])},
    "NamedArray": lambda n: {"x": hax.named(jnp.array([n, 1]), "i")},
    "shared": lambda n: {"x": hax.named(jnp.array([n, 1]), "i"), "y": hax.named(jnp.array([0, 1]), "i")},
}


@pytest.mark.parametrize("index", STATIC, ids=str)
def test_static_selectors_are_structure(index: Any) -> None:
    ref = grid()
    view = ref.slice(index)
    assert len(jax.tree_util.tree_leaves(view)) == 1
    assert structure(view) == structure(ref.slice(index))
    assert hash(structure(view)) == hash(structure(ref.slice(index)))
    assert structure(view) != structure(ref)
    assert structure(view) == structure(grid().slice(index)), "another buffer does not make another structure"


def test_other_static_selectors_are_other_structure() -> None:
    ref = grid()
    structures = [structure(ref.slice(index)) for index in ({"x": 0}, {"x": 1}, {"x": slice(0, 2)}, {"y": 0}, {})]
    assert len(set(structures)) == len(structures)
    assert structure(ref) != structure(ref.rename({"x": "row"}))
    assert structure(ref.slice({"x": slice(0, 2)}).slice({"x": 1})) == structure(ref.slice({"x": 1}))


@pytest.mark.parametrize("kind", DYNAMIC)
def test_dynamic_selectors_are_leaves(kind: str) -> None:
    ref = grid()
    one, two = (ref.slice(DYNAMIC[kind](n)) for n in (0, 1))
    assert len(jax.tree_util.tree_leaves(one)) > 1
    assert sum(isinstance(leaf, jax.Ref) for leaf in jax.tree_util.tree_leaves(one)) == 1
    assert structure(one) == structure(two)
    assert hash(structure(one)) == hash(structure(two))
    again = jax.tree_util.tree_map(lambda leaf: leaf, two)
    assert again.axes == two.axes
    np.testing.assert_array_equal(np.asarray(again[...].array), np.asarray(two[...].array))


@pytest.mark.parametrize("kind", DYNAMIC)
def test_other_values_of_dynamic_selectors_do_not_trace_again(kind: str) -> None:
    ref = grid()
    traces = []

    @jax.jit
    def read(view: Any) -> Any:
        traces.append(view)
        return view[{"z": 0}]

    for n in (0, 1, 0, 1):
        view = ref.slice(DYNAMIC[kind](n))
        np.testing.assert_array_equal(np.asarray(read(view).array), np.asarray(view[{"z": 0}].array))
    assert len(traces) == 1


def test_a_view_shows_in_its_repr_what_it_shows_of_the_base() -> None:
    ref = grid()
    assert re.search(r"x.*4.*y.*3.*z.*2", repr(ref))
    text = repr(ref.slice({"x": slice(1, 4, 2), "y": 2}))
    assert "float32" in text
    for part in (r"x", r"\b1:[45]:2", r"y", r"\b2\b", r"z"):
        assert re.search(part, text), (part, text)
