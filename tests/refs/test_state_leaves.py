"""What jax puts in a `NamedRef`, what many refs cost, and the paths of leaves."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import Axis

import haliax_refs


X, Y = hax.make_axes(x=2, y=3)


# --- what jax.tree.map leaves ---------------------------------------------------------------------------------------

USES: dict[str, Callable[[Any], Any]] = {
    "read": lambda ref: ref[...],
    "write": lambda ref: ref.__setitem__(("x", 0), 1.0),
    "add": lambda ref: haliax_refs.addupdate(ref, {"x": 0}, 1.0),
    "at": lambda ref: ref.at["x", 0].multiply(2.0),
    "apply": lambda ref: ref.at["x", 0].apply(jnp.sin),
    "swap": lambda ref: haliax_refs.swap(ref, {"x": 0}, 1.0),
    "slice": lambda ref: ref.slice({"x": 0}),
    "rename": lambda ref: ref.rename({"x": "z"}),
    "freeze": haliax_refs.freeze,
    "free": haliax_refs.free_ref,
    "pointer": lambda ref: ref.unsafe_buffer_pointer(),
    "update": lambda ref: haliax_refs.update(ref, hax.ones(X)),
    "foreach": lambda ref: hax.ref.foreach("x", ref)(lambda cell: cell[...]),
    "vmap": lambda ref: hax.vmap(lambda cell: cell[...], "x")(ref),
}
HELD: dict[str, Any] = {"array": lambda _: jnp.ones(2), "None": lambda _: None, "bool": lambda _: True}


@pytest.mark.parametrize(
    ("use", "held"), [(use, held) for use in USES for held in HELD if use != "foreach" or held == "array"]
)
def test_what_jax_puts_in_a_named_ref_is_not_used_as_one(use: str, held: str) -> None:
    ref = hax.new_ref(hax.zeros(X))
    USES["write"](ref)  # so that the program exists
    mine = HELD[held](None)
    filled = jax.tree.map(lambda _: mine, {"w": ref}, is_leaf=lambda x: x is None)["w"]
    with pytest.raises(TypeError, match=r"NamedRef \(x=2\) holds .*values_of.*refs_of"):
        USES[use](filled)
    assert "not a ref: holds" in repr(filled)
    if held == "array":
        assert mine.tolist() == [1.0, 1.0]
        traced = jax.jit(lambda ref: USES[use](jax.tree.map(lambda r: jnp.ones(r.shape), ref)))
        with pytest.raises(TypeError, match="values_of"):
            traced(ref)


def test_values_and_refs_of_what_jax_puts_in_a_named_ref() -> None:
    refs = haliax_refs.refs_of({"w": hax.ones(X), "n": jnp.ones(3)})
    moments = jax.tree.map(jnp.zeros_like, refs)
    values = haliax_refs.values_of(moments)
    assert values["w"].axes == (X,)
    made = haliax_refs.refs_of(moments)
    made["w"]["x", 0] = 1.0
    assert made["w"][...].array.tolist() == [1.0, 0.0]
    assert haliax_refs.values_of(jax.tree.map(lambda _: None, refs))["w"] is None
    view = jax.tree.map(lambda _: jnp.ones(2), refs["w"].slice({"x": 0}))
    with pytest.raises(TypeError, match="holds an array"):
        haliax_refs.values_of(view)


def test_a_thousand_refs_cost_a_thousand_of_each() -> None:
    """Counted: reads, writes and flattenings grow with the number of refs, not faster."""

    def calls(count: int) -> int:
        tree = [hax.ones(Axis("x", 2)) for _ in range(count)]
        seen = 0

        def count_call(*_: Any) -> None:
            nonlocal seen
            seen += 1

        refs = haliax_refs.refs_of(tree)
        haliax_refs.update(refs, haliax_refs.values_of(refs))
        sys.setprofile(count_call)
        try:
            refs = haliax_refs.refs_of(tree)
            haliax_refs.update(refs, haliax_refs.values_of(refs))
            haliax_refs.freeze(refs)
        finally:
            sys.setprofile(None)
        return seen

    few, many = calls(100), calls(1000)
    assert many < 11 * few


def test_paths_of_leaves_are_names() -> None:
    """What logs, masks and checkpoints key on."""
    tree = {"cache": hax.new_ref(hax.zeros((X, Y))).slice({"x": jnp.int32(1)})}
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
    assert paths == ["['cache'].ref", "['cache'].operand0"]
    simple = [
        jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in jax.tree_util.tree_leaves_with_path(tree)
    ]
    assert simple == ["cache.ref", "cache.operand0"]


def test_a_ref_of_a_new_shape_compiles_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """jax compiles a program that copies, for each shape, and keeps it."""
    arrays = [np.ones(size, np.float32) for size in range(71, 76)]
    values = [jnp.asarray(array) for array in arrays]
    hax.new_ref(jnp.ones(2), X)
    with jax.log_compiles(True):
        refs = [hax.new_ref(value, "x") for value in values] + [haliax_refs.refs_of(array) for array in arrays]
    assert not [record for record in caplog.records if "Compiling" in record.getMessage()]
    values[0].delete()
    arrays[0][:] = 5.0
    assert haliax_refs.values_of(refs[0]).array.tolist() == [1.0] * 71
    assert haliax_refs.values_of(refs[5]).tolist() == [1.0] * 71
