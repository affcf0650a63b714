"""Saving trees of refs and restoring them in place, by equinox, orbax, safetensors and NumPy, each as it is.

The oracle is the same tree of arrays: its files are those of refs, and each restores the other.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax.nn import Stacked
from haliax.state_dict import (
    from_state_dict,
    from_torch_compatible_state_dict,
    load_state_dict,
    save_state_dict,
    to_numpy_state_dict,
    to_state_dict,
    to_torch_compatible_state_dict,
)

import haliax_refs
from haliax_refs import NamedRef, refs_of, update, values_of


X, Y = hax.make_axes(x=2, y=3)


class Model(eqx.Module):
    weight: Any
    mean: Any
    step: Any
    raw: Any
    parts: list[Any]
    name: str = eqx.field(static=True, default="model")


def arrays(start: float = 0.0) -> Model:
    return Model(
        hax.named(jnp.arange(6.0).reshape(2, 3) + start, (X, Y)),
        hax.named(jnp.arange(3, dtype=jnp.bfloat16) + jnp.bfloat16(start), Y),
        hax.named(jnp.int32(start), ()),
        jnp.arange(2.0) + start,
        [hax.named(jnp.array([True, False]) ^ bool(start), X), hax.ones(X) * start],
    )


def refs(start: float = 0.0) -> Any:
    return refs_of(arrays(start))


def equal(tree: Any, want: Any) -> bool:
    """Equal leaves, of equal dtypes."""
    left, right = (jax.tree.leaves(values_of(t)) for t in (tree, want))
    return len(left) == len(right) and all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(left, right, strict=True)
    )


def pointers(tree: Any) -> list[int]:
    return [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Ref)]


# --- each way to save, by one line ----------------------------------------------------------------------------------

Save = Callable[[Path, Any], None]


def orbax_save(path: Path, tree: Any) -> None:
    ocp = pytest.importorskip("orbax.checkpoint")
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path, values_of(tree))


def orbax_restore(path: Path, tree: Any) -> None:
    ocp = pytest.importorskip("orbax.checkpoint")
    with ocp.StandardCheckpointer() as checkpointer:
        update(tree, checkpointer.restore(path, values_of(tree)))


def manager_save(path: Path, tree: Any) -> None:
    ocp = pytest.importorskip("orbax.checkpoint")
    with ocp.CheckpointManager(path) as manager:
        manager.save(3, args=ocp.args.StandardSave(values_of(tree)))


def manager_restore(path: Path, tree: Any) -> None:
    ocp = pytest.importorskip("orbax.checkpoint")
    with ocp.CheckpointManager(path) as manager:
        update(tree, manager.restore(3, args=ocp.args.StandardRestore(values_of(tree))))


def safetensors_save(path: Path, tree: Any) -> None:
    pytest.importorskip("safetensors")
    save_state_dict(to_numpy_state_dict(tree), str(path))


def numpy_restore(path: Path, tree: Any) -> None:
    with open(path, "rb") as file, np.load(file) as saved:
        from_state_dict(tree, saved)


WAYS: dict[str, tuple[Save, Save]] = {
    "equinox": (eqx.tree_serialise_leaves, lambda path, tree: eqx.tree_deserialise_leaves(path, tree) and None),
    "orbax": (orbax_save, orbax_restore),
    "orbax's manager": (manager_save, manager_restore),
    "safetensors": (safetensors_save, lambda path, tree: from_state_dict(tree, load_state_dict(str(path))) and None),
    "NumPy": (
        lambda path, tree: np.savez(path, **to_state_dict(tree)),
        numpy_restore,
    ),
    "pickle": (
        lambda path, tree: path.write_bytes(pickle.dumps(tree)) and None,
        lambda path, tree: update(tree, values_of(pickle.loads(path.read_bytes()))),
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("way", WAYS)
def test_saved_and_restored_in_place(way: str, tmp_path: Path) -> None:
    save, restore = WAYS[way]
    path = tmp_path / "saved.npz"
    save(path, refs(1.0))
    tree = refs()
    before = pointers(tree)
    restore(path, tree)
    assert equal(tree, arrays(1.0))
    assert pointers(tree) == before or way == "orbax"
    tree.weight["x", 0] = 7.0  # what is restored can be written, also through jit
    jax.jit(lambda ref: ref.at["x", 1].add(1.0))(tree.weight)
    assert tree.weight[...].array.tolist() == [[7.0] * 3, [5.0, 6.0, 7.0]]


# What does not fit what was saved, and nothing of the tree is changed by it.
WRONG: dict[str, Callable[[Model], Any]] = {
    "another size": lambda m: eqx.tree_at(lambda m: m.weight, m, hax.zeros({"x": 2, "y": 4})),
    "another rank": lambda m: eqx.tree_at(lambda m: m.weight, m, hax.zeros({"x": 2})),
    "another dtype": lambda m: eqx.tree_at(lambda m: m.parts[1], m, hax.zeros(X, dtype=jnp.int32)),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("way", ["equinox", "safetensors", "NumPy"])
def test_what_does_not_fit_changes_nothing(way: str, wrong: str, tmp_path: Path) -> None:
    save, restore = WAYS[way]
    save(tmp_path / "saved.npz", refs(1.0))
    tree = refs_of(WRONG[wrong](arrays()))
    before = values_of(tree)
    with pytest.raises((ValueError, TypeError, RuntimeError), match=r"at |changed"):
        restore(tmp_path / "saved.npz", tree)
    assert equal(tree, before)


@pytest.mark.parametrize("way", ["equinox", "safetensors", "NumPy"])
def test_a_ref_too_many_changes_nothing(way: str, tmp_path: Path) -> None:
    save, restore = WAYS[way]
    save(tmp_path / "saved.npz", {"a": hax.new_ref(hax.ones(X))})
    tree = {"a": hax.new_ref(hax.zeros(X)), "b": hax.new_ref(hax.zeros(X))}
    with pytest.raises((KeyError, RuntimeError, EOFError, ValueError)):
        restore(tmp_path / "saved.npz", tree)
    assert not any(ref[...].array.any() for ref in tree.values())


@pytest.mark.parametrize("way", ["equinox", "safetensors", "NumPy"])
def test_a_file_cut_off_changes_nothing(way: str, tmp_path: Path) -> None:
    save, restore = WAYS[way]
    path = tmp_path / "saved.npz"
    save(path, refs(1.0))
    path.write_bytes(path.read_bytes()[:-40])
    tree = refs()
    with pytest.raises(Exception, match=r".") as caught:
        restore(path, tree)
    assert not isinstance(caught.value, AssertionError)
    assert equal(tree, arrays())


# --- Equinox --------------------------------------------------------------------------------------------------------


def serialised(tree: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    eqx.tree_serialise_leaves(file, tree, **options)
    return file.getvalue()


def test_a_file_of_refs_is_one_of_arrays() -> None:
    assert serialised(refs(1.0)) == serialised(arrays(1.0))
    tree = refs()
    out = eqx.tree_deserialise_leaves(io.BytesIO(serialised(arrays(1.0))), tree)
    assert equal(tree, arrays(1.0))
    assert out.weight is tree.weight
    assert out.raw is tree.raw
    assert equal(eqx.tree_deserialise_leaves(io.BytesIO(serialised(refs(1.0))), arrays()), arrays(1.0))


def test_arrays_beside_refs_and_files_after_one_another() -> None:
    file = io.BytesIO()
    mixed = {"ref": hax.new_ref(hax.ones(X)), "array": hax.ones(X), "number": 2.5, "text": "t"}
    eqx.tree_serialise_leaves(file, mixed)
    eqx.tree_serialise_leaves(file, refs(1.0))
    file.seek(0)
    like = {"ref": hax.new_ref(hax.zeros(X)), "array": hax.zeros(X), "number": 0.0, "text": "u"}
    out, tree = eqx.tree_deserialise_leaves(file, like), refs()
    eqx.tree_deserialise_leaves(file, tree)
    assert out["ref"] is like["ref"]
    assert out["ref"][...].array.tolist() == [1.0, 1.0] == out["array"].array.tolist()
    assert (out["number"], out["text"]) == (2.5, "u")
    assert equal(tree, arrays(1.0))


def test_of_views_the_buffer_is_saved_once() -> None:
    def views(start: float) -> dict[str, Any]:
        cache = hax.new_ref(hax.named(jnp.arange(600.0).reshape(2, 300) + start, ("x", "y")))
        return {"a": cache.slice({"x": 0}), "b": cache, "c": cache.slice({"y": slice(None, None, -1)}), "d": cache._ref}

    saved = serialised(views(1.0))
    assert len(saved) < 1.5 * 600 * 4
    tree = views(0.0)
    eqx.tree_deserialise_leaves(io.BytesIO(saved), tree)
    assert equal(tree, views(1.0))
    state = to_state_dict(views(1.0))
    assert list(state) == ["a"]
    assert state["a"].shape == (2, 300)
    other = views(0.0)
    from_state_dict(other, state)
    assert equal(other, views(1.0))
    # Where the tree has other buffers than what was saved, nothing is written.
    apart = {name: hax.new_ref(hax.zeros({"x": 2, "y": 300})) for name in "abcd"}
    with pytest.raises(RuntimeError):
        eqx.tree_deserialise_leaves(io.BytesIO(saved), apart)
    with pytest.raises(KeyError, match="'b'"):
        from_state_dict(apart, state)
    assert not any(ref[...].array.any() for ref in apart.values())
    two = [hax.new_ref(0.0), hax.new_ref(1.0)]
    with pytest.raises(RuntimeError, match=r"cannot restore the ref at \[3\].*buffer 1 .*buffer 0"):
        eqx.tree_deserialise_leaves(io.BytesIO(serialised([*two, two[0], two[0]])), [*two, two[0], two[1]])


@pytest.mark.parametrize(
    "array",
    [
        jax.random.split(jax.random.key(0), 2),
        jax.random.split(jax.random.key(0, impl="rbg"), 2),
        jnp.array([1, -3]).astype(jnp.int4),
        jnp.array([1, 2], jnp.float8_e4m3fn),
        jnp.array([1 + 2j, 3]),
        jnp.array([1, 2], jnp.uint8),
        jnp.array([1, 2], jnp.bfloat16),
        jnp.zeros(2, jnp.float16),
    ],
    ids=lambda array: str(array.dtype),
)
@pytest.mark.parametrize("way", ["equinox", "NumPy", "pickle"])
def test_every_dtype(way: str, array: Any, tmp_path: Path) -> None:
    """Also those of which equinox and NumPy do not save arrays."""
    save, restore = WAYS[way]
    save(tmp_path / "saved.npz", {"a": hax.new_ref(array, X)})
    tree = {"a": hax.new_ref(array[::-1], X)}
    restore(tmp_path / "saved.npz", tree)
    assert tree["a"].dtype == array.dtype
    assert (tree["a"][...].array == array).all()


def test_filters_of_the_user() -> None:
    """They are given arrays, as for a tree of arrays; is_leaf may keep a ref for them."""

    def skip(f: Any, x: Any) -> None:
        if getattr(x, "ndim", 0) != 2:
            eqx.default_serialise_filter_spec(f, x)

    def unskip(f: Any, x: Any) -> Any:
        return x if getattr(x, "ndim", 0) == 2 else eqx.default_deserialise_filter_spec(f, x)

    assert serialised(refs(1.0), filter_spec=skip) == serialised(arrays(1.0), filter_spec=skip)
    tree = refs()
    eqx.tree_deserialise_leaves(io.BytesIO(serialised(refs(1.0), filter_spec=skip)), tree, filter_spec=unskip)
    assert equal(tree, eqx.tree_at(lambda m: m.weight, arrays(1.0), arrays().weight))

    def prefix(spec: Any, tree: Any) -> Any:
        return jax.tree.map(lambda _: spec, tree)

    assert serialised(refs(), filter_spec=prefix(eqx.default_serialise_filter_spec, refs())) == serialised(refs())

    def own(f: Any, x: Any) -> None:
        np.save(f, x[...].array if isinstance(x, NamedRef) else x)

    kept = {"a": hax.new_ref(hax.ones(X))}
    by_hand = serialised(kept, filter_spec=own, is_leaf=lambda x: isinstance(x, NamedRef))
    assert by_hand == serialised(kept)


def test_frozen_refs_are_not_saved(tmp_path: Path) -> None:
    tree = refs()
    haliax_refs.freeze(tree.weight)
    for way in ("equinox", "NumPy", "safetensors"):
        with pytest.raises(RuntimeError, match="frozen"):
            WAYS[way][0](tmp_path / "saved.npz", tree)
        assert not list(tmp_path.iterdir())


class Interrupted(BaseException):
    """What a signal may raise."""


@pytest.mark.parametrize("error", [Interrupted, OSError])
def test_where_writing_is_interrupted_the_old_file_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    path = tmp_path / "model.eqx"
    eqx.tree_serialise_leaves(tmp_path / "model", refs(1.0))  # the suffix is equinox's
    old = path.read_bytes()
    save, calls = np.save, 0

    def failing(*args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise error
        save(*args, **kwargs)

    monkeypatch.setattr(np, "save", failing)
    monkeypatch.setattr(jnp, "save", failing)
    with pytest.raises(error if error is Interrupted else RuntimeError):
        eqx.tree_serialise_leaves(path, refs(2.0))
    assert calls == 4
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["model.eqx"]
    monkeypatch.undo()
    eqx.tree_serialise_leaves(path, refs(2.0))
    assert equal(eqx.tree_deserialise_leaves(path, refs()), arrays(2.0))


# --- Haliax's state dicts -------------------------------------------------------------------------------------------


def test_a_state_dict_of_refs_is_one_of_arrays() -> None:
    for function in (to_state_dict, to_numpy_state_dict, to_torch_compatible_state_dict):
        ours, theirs = function(refs(1.0), prefix="m"), function(arrays(1.0), prefix="m")
        assert list(ours) == list(theirs)
        assert all(np.array_equal(ours[key], theirs[key]) for key in theirs)
    tree = refs()
    out = from_state_dict(tree, to_state_dict(arrays(1.0), prefix="m"), prefix="m")
    assert out.weight._ref is tree.weight._ref
    assert equal(tree, arrays(1.0))


class Block(eqx.Module):
    weight: Any
    count: Any

    @staticmethod
    def init(weight: Any) -> Block:
        return Block(weight, hax.named(0.0, ()))

    def __call__(self, x: Any) -> Any:
        return x * self.weight


def test_stacked_layers_and_flattened_ones() -> None:
    layers = hax.Axis("layer", 3)
    stack = Stacked.init(layers, Block)(weight=hax.named(jnp.arange(3.0), layers))
    tree = refs_of(stack)
    state = to_state_dict(tree)
    want = to_state_dict(stack)
    assert list(state) == list(want)
    assert all(np.array_equal(state[key], want[key]) for key in want)
    other = refs_of(jax.tree.map(lambda x: -x - 1, stack))
    from_state_dict(other, state)
    assert equal(other, stack)
    linear = hax.nn.Linear.init((X, Y), hax.Axis("z", 4), key=jax.random.key(0))
    flat = to_torch_compatible_state_dict(refs_of(linear))
    assert {key: value.shape for key, value in flat.items()} == {
        key: value.shape for key, value in to_torch_compatible_state_dict(linear).items()
    }
    empty = refs_of(jax.tree.map(jnp.zeros_like, linear))
    out = from_torch_compatible_state_dict(empty, flat)
    assert out.weight is empty.weight
    assert equal(empty, linear)


def test_a_state_dict_needs_names() -> None:
    with pytest.raises(ValueError, match="prefix"):
        to_state_dict(hax.new_ref(0.0))
    with pytest.raises(ValueError, match="prefix"):
        from_state_dict(hax.new_ref(0.0), {})
    with pytest.raises(KeyError, match=r"no 'step'"):
        from_state_dict({"step": hax.new_ref(0.0)}, {"other": 1.0})
