"""Refs over eight devices. `test_sharding.py` runs this file in a process of its own, since jax counts devices once.

Axes: batch is divided by four devices, embed by two, time by none. The oracle is NumPy; what moves between devices is
read from the compiled program.

Long: another file would be another process that starts jax and makes eight devices.
"""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import NamedArray
from haliax.state_dict import (
    from_state_dict,
    load_state_dict,
    save_state_dict,
    to_numpy_state_dict,
    to_state_dict,
)
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

import haliax_refs
from haliax_refs import NamedRef, _compat
from haliax_refs._recent import Recent


B, T, E = hax.make_axes(batch=8, time=6, embed=4)
MAPPING = {"batch": "data", "embed": "model"}
VALUES = np.arange(192.0, dtype=np.float32).reshape(8, 6, 4)
SPEC = P("data", None, "model")


@pytest.fixture(autouse=True)
def mesh() -> Any:
    assert jax.device_count() == 8
    mesh = jax.make_mesh((4, 2), ("data", "model"), axis_types=(AxisType.Auto,) * 2)
    with jax.set_mesh(mesh):
        yield mesh


def sharded() -> NamedRef:
    return hax.new_ref(hax.shard(hax.named(jnp.asarray(VALUES), (B, T, E)), MAPPING))


def moved(function: Callable[..., Any], *args: Any) -> list[int]:
    """The sizes of what the compiled program brings together from several devices; the buffer has size 192."""
    text = jax.jit(function).lower(*args).compile().as_text()
    shapes = re.findall(r"= \(?\w+\[([\d,]*)\]\S* (?:all-gather|all-reduce|all-to-all)(?:-start)?\(", text)
    return [math.prod(map(int, shape.split(","))) if shape else 1 for shape in shapes]


# each index by name and of NumPy, with `i` that is traced
INDICES: dict[str, tuple[Any, Any]] = {
    "whole": (lambda i: {}, np.s_[:]),
    "time": (lambda i: {"time": i}, np.s_[:, 2]),
    "time window": (lambda i: {"time": hax.ds(i, 3)}, np.s_[:, 2:5]),
    "time list": (lambda i: {"time": [5, 0]}, np.s_[:, [5, 0]]),
    "row": (lambda i: {"batch": i}, np.s_[2]),
    "static row": (lambda i: {"batch": 3}, np.s_[3]),
    "rows": (lambda i: {"batch": hax.ds(i, 2)}, np.s_[2:4]),
    "static rows": (lambda i: {"batch": slice(3, 5)}, np.s_[3:5]),
    "row, reversed": (lambda i: {"batch": i, "time": slice(None, None, -1)}, np.s_[2, ::-1]),
    "row of array": (lambda i: {"batch": hax.named(jnp.array([6, 1]), "batch")}, np.s_[[6, 1]]),
    "row and column": (lambda i: {"batch": i, "embed": hax.ds(i - 1, 2), "time": 1}, np.s_[2, 1, 1:3]),
}


def test_created_sharded() -> None:
    ref = sharded()
    assert ref.sharding.spec == SPEC
    assert ref[...].array.sharding.spec == SPEC
    like = hax.new_ref(hax.zeros_like(ref[...]))
    assert like.sharding.spec == SPEC


@pytest.mark.parametrize("name", INDICES)
def test_read_and_written(name: str) -> None:
    """Eagerly, under jit, and under jit within `hax.axis_mapping`: the same cells, and the sharding stays."""
    index, numpy_index = INDICES[name]
    shown = VALUES[numpy_index]
    eager, plain, mapping = sharded(), sharded(), sharded()
    new = jnp.cos(jnp.asarray(shown))

    def update(ref: Any, i: Any, new: Any) -> NamedArray:
        old = ref[index(i)]
        axes = old.axes
        ref[index(i)] = hax.named(new, axes)
        haliax_refs.addupdate(ref, index(i), 1.0)
        kept = haliax_refs.swap(ref, index(i), ref[index(i)] * 2.0)
        return old * 1000.0 + kept

    outs = [update(eager, jnp.int32(2), new), jax.jit(update)(plain, 2, new)]
    with hax.axis_mapping(MAPPING):
        outs.append(jax.jit(lambda *args: update(*args))(mapping, 2, new))
    want = VALUES.copy()
    want[numpy_index] = 2 * (np.asarray(new) + 1)
    for ref, out in zip((eager, plain, mapping), outs, strict=True):
        np.testing.assert_allclose(out.array, shown * 1000 + np.asarray(new) + 1, rtol=1e-6)
        np.testing.assert_allclose(ref[...].array, want, rtol=1e-6)
        assert ref.sharding.spec == SPEC


@pytest.mark.parametrize("name", INDICES)
def test_nothing_is_gathered_to_write(name: str) -> None:
    index, numpy_index = INDICES[name]
    size = VALUES[numpy_index].size

    def within(function: Callable[..., None]) -> Callable[..., None]:
        def run(*args: Any) -> None:
            with hax.axis_mapping(MAPPING):
                function(*args)

        return run

    assert moved(within(lambda ref, i: haliax_refs.set(ref, index(i), 1.0)), sharded(), 2) == []
    # jax adds to a static row by reading that row
    added = moved(within(lambda ref, i: haliax_refs.addupdate(ref, index(i), 1.0)), sharded(), 2)
    assert all(moved_size <= (size if name == "static row" else 0) for moved_size in added)


@pytest.mark.parametrize("name", INDICES)
def test_no_more_than_what_is_shown_is_gathered_to_read(name: str) -> None:
    index, numpy_index = INDICES[name]

    def read(ref: Any, i: Any) -> Any:
        with hax.axis_mapping(MAPPING):
            return ref[index(i)].array

    assert all(size <= VALUES[numpy_index].size for size in moved(read, sharded(), 2))


@pytest.mark.parametrize("name", ["time", "row", "rows", "static rows"])
def test_eager_operations_gather_no_more(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs that are run without jit, by what each compiles to."""
    index, numpy_index = INDICES[name]
    compiled: list[list[int]] = []
    original = haliax_refs._access.programs.jitted

    def program(*key: Any) -> Any:
        jitted = original(*key)

        def run(*args: Any) -> Any:
            compiled.append(moved(jitted, *args))
            return jitted(*args)

        return run

    monkeypatch.setattr(haliax_refs._access.programs, "jitted", program)
    monkeypatch.setattr(haliax_refs._access.programs, "_COMPILED", Recent(16))
    ref, i = sharded(), jnp.int32(2)
    haliax_refs.set(ref, index(i), 1.0)
    haliax_refs.addupdate(ref, index(i), 1.0)
    assert compiled == [[], []]
    compiled.clear()
    haliax_refs.get(ref, index(i))
    assert len(compiled) == 1
    assert all(size <= VALUES[numpy_index].size for size in compiled[0])


def test_views() -> None:
    ref = sharded()
    view = ref.slice({"time": slice(4, 1, -1)}).slice({"batch": hax.ds(jnp.int32(2), 4)})
    view["time", 0] *= -1.0
    want = VALUES.copy()
    want[2:6, 4] *= -1
    np.testing.assert_array_equal(ref[...].array, want)
    assert moved(lambda view: view.at["time", 0].multiply(2.0), ref.slice("time", slice(4, 1, -1))) == []
    assert view.sharding.spec == SPEC


@pytest.mark.parametrize("how", ["vmap", "foreach", "foreach over batch"])
def test_transformations(how: str) -> None:
    ref = sharded()

    def run(ref: Any) -> None:
        with hax.axis_mapping(MAPPING):
            match how:
                case "vmap":
                    hax.vmap(lambda row: row.at["time", 1].add(1.0), "batch")(ref)
                case "foreach":
                    hax.ref.foreach("time", ref.slice("time", slice(1, 2)))(lambda step: step.at[...].add(1.0))
                case _:
                    hax.ref.foreach("batch", ref)(lambda row: row.at["time", 1].add(1.0))

    if how != "foreach over batch":
        assert moved(run, ref) == []
    jax.jit(run)(ref)
    want = VALUES.copy()
    want[:, 1] += 1
    np.testing.assert_array_equal(ref[...].array, want)
    assert ref.sharding.spec == SPEC


@pytest.mark.parametrize("given", [{}, {"in_axis_resources": MAPPING, "out_axis_resources": MAPPING}])
def test_named_jit(given: Any) -> None:
    @hax.named_jit(axis_resources=MAPPING, **given)
    def step(state: Any, view: Any, x: NamedArray) -> NamedArray:
        state["ref"]["time", 0] = x
        view[...] += 1.0
        return x + view["batch", 0]

    ref, other = sharded(), sharded()
    x = hax.shard(hax.ones((B, E)), MAPPING)
    out = step({"ref": ref}, other.slice("time", [3, 1]).slice("time", jnp.int32(1)), x)
    assert out.array.sharding.spec == P("data", "model")
    np.testing.assert_array_equal(out.array, 1 + np.broadcast_to(VALUES[0, 1] + 1, (8, 4)))
    want = VALUES.copy()
    want[:, 0] = 1
    np.testing.assert_array_equal(ref[...].array, want)
    want = VALUES.copy()
    want[:, 1] += 1
    np.testing.assert_array_equal(other[...].array, want)
    assert ref.sharding.spec == other.sharding.spec == SPEC


def test_shard_map_takes_a_ref_under_jit(mesh: Any) -> None:
    """Inside, the axes have the sizes of the part that the device has."""
    ref, shapes = sharded(), []

    def local(ref: Any, x: Any) -> Any:
        shapes.append(ref.shape)
        ref["time", 0, "batch", 1] = x[0]
        return ref["time", 1].array

    specs = {"in_specs": (SPEC, P("data", "model")), "out_specs": P("data", "model")}
    out = jax.jit(lambda ref, x: jax.shard_map(local, mesh=mesh, **specs)(ref, x))(ref, jnp.ones((4, 4)))
    assert shapes[0] == {"batch": 2, "time": 6, "embed": 2}
    np.testing.assert_array_equal(out, VALUES[:, 1])
    want = VALUES.copy()
    want[1::2, 0] = 1
    np.testing.assert_array_equal(ref[...].array, want)


def test_shard_map_takes_no_view(mesh: Any) -> None:
    mapped = jax.shard_map(lambda ref: ref[...].array, mesh=mesh, in_specs=SPEC, out_specs=P())
    with pytest.raises(ValueError, match=r"this is a view.* shape \(2, 6, 2\) here.*take the view inside"):
        jax.jit(mapped)(sharded().slice({"time": slice(0, 4)}))


@pytest.mark.skipif(not hasattr(hax, "shard_map"), reason="this haliax has no shard_map")
@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
@pytest.mark.parametrize("given", [{}, {"out_specs": SPEC}, {"in_specs": (P(None, None, "data"), P("data"))}])
def test_haliax_shard_map(kind: AxisType, given: dict[str, Any]) -> None:
    """The specs that are left out are those of the names; nothing is written where they are found."""
    shapes = []

    def local(ref: NamedRef, x: NamedArray) -> NamedArray:
        shapes.append(ref.shape)
        ref["time", 0] += x
        return ref[...] + x

    with jax.set_mesh(jax.make_mesh((4, 2), ("data", "model"), axis_types=(kind,) * 2)):
        if "in_specs" in given:  # other than those of the names
            array, mapping, part = jax.device_put(VALUES, P(None, None, "data")), {"embed": "data"}, (8, 6, 1)
            x = hax.named(jax.device_put(jnp.arange(4.0), P("data")), E)
        else:
            array, mapping, part = jax.device_put(VALUES, SPEC), MAPPING, (2, 6, 2)
            x = hax.named(jax.device_put(jnp.arange(4.0), P("model")), E)
        ref = hax.new_ref(array, (B, T, E))
        out = jax.jit(hax.shard_map(local, axis_mapping=mapping, **given))(ref, x)
        want = VALUES.copy()
        want[:, 0] += np.arange(4)
        np.testing.assert_array_equal(ref[...].array, want)
        np.testing.assert_array_equal(out.rearrange((B, T, E)).array, want + np.arange(4))
        assert {tuple(shape.values()) for shape in shapes} == {part}

        @hax.shard_map(axis_mapping=mapping)
        def clear(tree: dict[str, NamedRef], *, value: float) -> None:
            tree["cache"][...] = value

        jax.jit(lambda tree: clear(tree, value=2.0))({"cache": ref})
        assert np.all(np.asarray(ref[...].array) == 2)


@pytest.mark.skipif(not hasattr(hax, "shard_map"), reason="this haliax has no shard_map")
def test_what_haliax_shard_map_refuses() -> None:
    ref = sharded()
    mapped = hax.shard_map(lambda ref: ref[...], axis_mapping=MAPPING)
    with pytest.raises(NotImplementedError, match=r"batch=8.*hax\.shard_map outside of jax\.jit"):
        mapped(ref)
    with pytest.raises(ValueError, match=r"view with axes \(batch=8, time=2, embed=4\).*take the view inside"):
        jax.jit(mapped)(ref.slice({"time": slice(0, 2)}))
    closed = hax.shard_map(lambda x: x + ref["time", 0, "batch", 0, "embed", 0], axis_mapping=MAPPING)
    for call in (closed, jax.jit(closed)):
        with pytest.raises(NotImplementedError, match=r"cannot close over a ref in hax\.shard_map"):
            call(hax.ones(E))


def test_refs_inside_of_shard_map(mesh: Any) -> None:
    def local(x: Any) -> Any:
        ref = hax.new_ref(x, ("batch", "embed"))
        ref["batch", 0] = 0.0
        return hax.freeze(ref).array

    specs = {"in_specs": (P("data", "model"),), "out_specs": P("data", "model")}
    out = jax.jit(jax.shard_map(local, mesh=mesh, **specs))(jnp.ones((8, 4)))
    np.testing.assert_array_equal(out, np.arange(8)[:, None] % 2 * np.ones(4))


# --- saved and restored ---------------------------------------------------------------------------------------------


def _equinox(path: Any, tree: Any, restored: Any) -> None:
    eqx.tree_serialise_leaves(path / "model.eqx", tree)
    eqx.tree_deserialise_leaves(path / "model.eqx", restored)


def _numpy(path: Any, tree: Any, restored: Any) -> None:
    np.savez(path / "model.npz", **to_state_dict(tree))
    with np.load(path / "model.npz") as saved:
        from_state_dict(restored, saved)


def _safetensors(path: Any, tree: Any, restored: Any) -> None:
    pytest.importorskip("safetensors")
    save_state_dict(to_numpy_state_dict(tree), str(path / "model.safetensors"))
    from_state_dict(restored, load_state_dict(str(path / "model.safetensors")))


def _orbax(path: Any, tree: Any, restored: Any) -> None:
    ocp = pytest.importorskip("orbax.checkpoint")
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path / "model", haliax_refs.values_of(tree))
        checkpointer.wait_until_finished()
        values = checkpointer.restore(path / "model", haliax_refs.values_of(restored))
        assert values["a"].array.sharding.spec == SPEC
        haliax_refs.update(restored, values)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("save", [_equinox, _numpy, _safetensors, _orbax])
def test_saved_and_restored(save: Callable[..., None], tmp_path: Any) -> None:
    ref, restored = sharded(), haliax_refs.refs_of(hax.zeros_like(sharded()[...]))
    count = hax.new_ref(3.0)
    save(tmp_path, {"a": ref, "n": count}, {"a": restored, "n": (other := hax.new_ref(0.0))})
    np.testing.assert_array_equal(restored[...].array, VALUES)
    assert other[...].item() == 3.0
    assert restored.sharding.spec == restored[...].array.sharding.spec == SPEC
    restored["time", 0] = 1.0
    jax.jit(lambda ref: ref.at["time", 1].add(1.0))(restored)
    assert restored.sharding.spec == SPEC


def test_stepped_in_place() -> None:
    optax = pytest.importorskip("optax")
    adam, values = optax.adam(0.1), {"a": sharded()[...]}
    params, state = haliax_refs.refs_of(values), haliax_refs.refs_of(adam.init(values))
    haliax_refs.step(adam, params, state, values)
    updates, _ = adam.update(values, adam.init(values), values)
    np.testing.assert_allclose(params["a"][...].array, VALUES + updates["a"].array, rtol=1e-6)
    assert params["a"].sharding.spec == SPEC
    assert state[0].mu["a"].sharding.spec == SPEC


def test_copied() -> None:
    assert copy.deepcopy(sharded()).sharding.spec == SPEC


def test_pickled() -> None:
    """Divided as it was, on a mesh that has those axes; on another, and where none is set, all is on each device."""
    ref = sharded()
    ref["time", 1] = 7.0
    want, saved = np.array(ref[...].array), pickle.dumps((ref, ref.slice({"time": 1}), ref._ref))
    others = [
        jax.make_mesh((2, 4), ("model", "data"), axis_types=(AxisType.Auto,) * 2),  # batch by 4, embed by 2
        jax.make_mesh((1, 8), ("data", "model"), axis_types=(AxisType.Auto,) * 2),  # which does not divide embed
        jax.make_mesh((8,), ("other",), axis_types=(AxisType.Auto,)),
    ]

    def check(expected: P | None) -> None:
        whole, row, raw = pickle.loads(saved)
        np.testing.assert_array_equal(whole[...].array, want)
        row[...] = 3.0
        jax.jit(lambda ref: ref.at["batch", 0].set(1.0))(whole)
        assert row[...].array.tolist() == [[1.0] * 4, *[[3.0] * 4] * 7]
        assert raw is whole._ref
        assert getattr(whole.sharding, "spec", None) == expected

    check(SPEC)
    for mesh, expected in zip(others, (SPEC, P(), P()), strict=True):
        with jax.set_mesh(mesh):
            check(expected)
    key = pickle.loads(pickle.dumps(hax.new_ref(jnp.float32(2.0))))
    assert (key[...] + ref["time", 0]).array.sharding.mesh.size == 8
    assert copy.deepcopy(ref).sharding.spec == SPEC


# --- Explicit axes ---------------------------------------------------------------------------------------------------

PARTS: dict[str, Any] = {
    "all": ...,
    "int": {"x": 3},
    "int beside": {"y": 1},
    "ints": {"x": -1, "y": 1},
    "slice": {"x": slice(0, 4)},
    "slice beside": {"y": slice(0, 2)},
    "stride": {"x": slice(1, 8, 2)},
    "backwards": {"x": slice(None, None, -1), "y": slice(2, 0, -1)},
    "list": {"x": [0, 5, 5]},
    "list beside": {"y": [2, 0]},
    "list and int": {"x": [0, 5], "y": 1},
    "window": {"x": hax.ds(jnp.int32(1), 4)},
    "traced": {"x": jnp.int32(3)},
    "named": {"x": hax.named(jnp.array([0, 5]), "t")},
}
ON_PARTS: dict[str, Callable[[Any, Any], Any]] = {
    "get": lambda ref, at: ref[at],
    "set": lambda ref, at: haliax_refs.set(ref, at, 1.0),
    "set an array": lambda ref, at: haliax_refs.set(ref, at, ref[at] + 1.0),
    "addupdate": lambda ref, at: haliax_refs.addupdate(ref, at, 1.0),
    "swap": lambda ref, at: haliax_refs.swap(ref, at, 2.0),
    "multiply": lambda ref, at: ref.at[at].multiply(2.0),
}


@pytest.mark.parametrize("how", ["eager", "jit"])
@pytest.mark.parametrize("what", ON_PARTS)
def test_explicit_axes_take_every_index(what: str, how: str) -> None:
    values = np.arange(32, dtype=np.float32).reshape(8, 4)

    def every(ref: Any) -> list[Any]:
        read = [ON_PARTS[what](ref, at) for at in PARTS.values()]
        return [part.array for part in read if part is not None]

    plain = hax.new_ref(jnp.asarray(values), ("x", "y"))
    want = every(plain)
    explicit = jax.make_mesh((4, 2), ("d", "e"), axis_types=(AxisType.Explicit,) * 2)
    with jax.set_mesh(explicit):
        ref = hax.new_ref(jax.device_put(jnp.asarray(values), NamedSharding(explicit, P("d", None))), ("x", "y"))
        got = (every if how == "eager" else jax.jit(every))(ref)
        assert ref.sharding.spec == P("d", None)
        np.testing.assert_array_equal(jax.device_get(ref[...].array), plain[...].array)
    for mine, right in zip(got, want, strict=True):
        np.testing.assert_array_equal(jax.device_get(mine), right)
    if what == "get":
        assert got[0].sharding.spec == P("d", None)


OUTSIDE: dict[str, Any] = {
    "array": {"x": jnp.array([1, 9, -1])},
    "array beside": {"y": jnp.array([1, 9, 0])},
    "paired": {"x": hax.named(jnp.array([1, 9]), "k"), "y": hax.named(jnp.array([0, 3]), "k")},
    "int": {"x": jnp.int32(9)},
    "window": {"x": hax.ds(jnp.int32(6), 4)},
}


def beside_plain(every: Callable[[Any], Any], spec: Any) -> None:
    """What a jitted function reads and leaves of a ref on a mesh with explicit axes, beside a ref on one device."""
    values = np.arange(32, dtype=np.float32).reshape(8, 4)
    plain = hax.new_ref(jnp.asarray(values), ("x", "y"))
    want = jax.jit(every)(plain)
    explicit = jax.make_mesh((4, 2), ("d", "e"), axis_types=(AxisType.Explicit,) * 2)
    with jax.set_mesh(explicit):
        ref = hax.new_ref(jax.device_put(jnp.asarray(values), NamedSharding(explicit, spec)), ("x", "y"))
        got = jax.jit(every)(ref)
        np.testing.assert_array_equal(jax.device_get(ref[...].array), plain[...].array)
        assert ref.sharding.spec == spec
    for mine, right in zip(got, want, strict=True):
        np.testing.assert_array_equal(jax.device_get(mine), right)


@pytest.mark.parametrize("spec", [P("d", None), P("d", "e"), P(None, None)], ids=str)
@pytest.mark.parametrize("mode", ["drop", "clip"])
def test_explicit_axes_take_every_mode(mode: str, spec: Any) -> None:
    fill = {"mode": "fill", "fill_value": -5.0} if mode == "drop" else {"mode": mode}

    def every(ref: Any) -> list[Any]:
        read = []
        for at in OUTSIDE.values():
            read.append(haliax_refs.get(ref, at, **fill).array)
            haliax_refs.set(ref, at, 2.5, mode=mode)
            ref.at[at].add(1.0, mode=mode)
            ref.at[at].multiply(2.0, mode=mode)
            ref.at[at].apply(lambda x: x * 2 + 1, mode=mode)
            read.append(haliax_refs.swap(ref, at, 0.5, **fill).array)
        return read

    beside_plain(every, spec)


def _read(ref: Any, at: Any, mode: str | None) -> Any:
    return haliax_refs.get(ref, at, mode=mode, **({"fill_value": -5.0} if mode == "fill" else {}))


def _swap(ref: Any, at: Any, mode: str | None) -> Any:
    return haliax_refs.swap(ref, at, 2.5, mode=mode, **({"fill_value": -5.0} if mode == "fill" else {}))


# whatever may be done to a part of a ref, in a mode
IN_A_MODE: dict[str, Callable[[Any, Any, str | None], Any]] = {
    "get": _read,
    "set": lambda ref, at, mode: haliax_refs.set(ref, at, 2.5, mode=mode),
    "addupdate": lambda ref, at, mode: haliax_refs.addupdate(ref, at, 1.5, mode=mode),
    "swap": _swap,
    "apply": lambda ref, at, mode: ref.at[at].apply(lambda x: x * 2 + 1, mode=mode),
    **{
        name: lambda ref, at, mode, name=name: getattr(ref.at[at], name)(2.0, mode=mode)
        for name in ("multiply", "divide", "power", "min", "max")
    },
}
MORE_OUTSIDE: dict[str, Any] = OUTSIDE | {
    "window beside": {"y": hax.ds(jnp.int32(3), 2)},
    "array and int": {"x": jnp.array([0, 8]), "y": jnp.int32(9)},
    "named": {"x": hax.named(jnp.array([7, 20]), "k")},
    "stride": {"x": slice(1, 7, 2)},
}


def eagerly_beside_plain(operations: list[str], modes: list[Any], parts: dict[str, Any], spec: Any) -> None:
    values = np.arange(32, dtype=np.float32).reshape(8, 4)
    explicit = jax.make_mesh((4, 2), ("d", "e"), axis_types=(AxisType.Explicit,) * 2)
    for what, mode, (name, at) in itertools.product(operations, modes, parts.items()):
        plain = hax.new_ref(jnp.asarray(values), ("x", "y"))
        want = IN_A_MODE[what](plain, at, mode)
        with jax.set_mesh(explicit):
            ref = hax.new_ref(jax.device_put(values, NamedSharding(explicit, spec)), ("x", "y"))
            got = IN_A_MODE[what](ref, at, mode)
            case = f"{what} {name}, mode {mode}"
            np.testing.assert_array_equal(jax.device_get(ref[...].array), plain[...].array, err_msg=case)
            assert ref.sharding.spec == spec
        if want is not None:
            np.testing.assert_array_equal(jax.device_get(got.array), want.array, err_msg=case)


def test_explicit_axes_take_what_is_out_of_bounds_outside_of_jit() -> None:
    """XLA divides what is read as the buffer is, and does not clamp a window of which each device has a part."""
    eagerly_beside_plain(["get", "set"], [None], OUTSIDE, P("d", None))
    eagerly_beside_plain(["swap", "multiply"], ["clip"], {"window": OUTSIDE["window"]}, P("d", "e"))


@pytest.mark.slow
@pytest.mark.parametrize("spec", [P("d", None), P(None, "e"), P("d", "e"), P(("d", "e"), None)], ids=str)
@pytest.mark.parametrize("what", IN_A_MODE)
def test_explicit_axes_take_all_in_every_mode_outside_of_jit(what: str, spec: Any) -> None:
    eagerly_beside_plain([what], [None, "clip", "drop", "fill"], MORE_OUTSIDE, spec)


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
@pytest.mark.parametrize("spec", [P("d", "e"), P(("d", "e"), None)], ids=str)
def test_a_position_is_clamped_on_a_divided_axis(kind: AxisType, spec: Any) -> None:
    """XLA drops an update of size 1 there, whose start is out of bounds; no tracer says that its array is divided."""

    def every(ref: Any, at: Any) -> list[Any]:
        haliax_refs.set(ref, {"x": at[0]}, 2.5)
        haliax_refs.set(ref, {"y": at[1]}, -2.5)
        haliax_refs.addupdate(ref, {"x": at[0], "y": at[2]}, 1.5)
        haliax_refs.set(ref, {"x": hax.ds(at[3], 1)}, 7.0)
        haliax_refs.set(ref, {"x": hax.ds(at[4], 2), "y": hax.ds(at[1], 1)}, 9.0)
        ref.at[{"x": at[3]}].multiply(2.0)
        kept = haliax_refs.swap(ref, {"x": at[0]}, ref["x", at[0]] * 2.0).array
        return [kept, ref["x", hax.ds(at[0], 4)].array, ref["x", hax.ds(at[3], 4), "y", hax.ds(at[1], 2)].array]

    positions = [9, 4, -20, -9, 100]
    mesh = jax.make_mesh((4, 2), ("d", "e"), axis_types=(kind,) * 2)
    plain = hax.new_ref(jnp.asarray(VALUES[:, 0]), ("x", "y"))
    want = jax.jit(every)(plain, positions)
    with jax.set_mesh(mesh):
        at = [jnp.int32(position) for position in positions]
        for how in (jax.jit(every), every):
            ref = hax.new_ref(jax.device_put(VALUES[:, 0], NamedSharding(mesh, spec)), ("x", "y"))
            got = how(ref, at)
            np.testing.assert_array_equal(jax.device_get(ref[...].array), plain[...].array)
            for mine, right in zip(got, want, strict=True):
                np.testing.assert_array_equal(jax.device_get(mine), right)


def test_what_a_clamped_position_read_has_a_gradient(mesh: Any) -> None:
    def read(x: Any, i: Any) -> Any:
        return (hax.new_ref(x, ("x", "y"))["x", i] ** 2).sum().scalar()

    divided = NamedSharding(mesh, P("data"))
    gradient = jax.jit(jax.grad(read), out_shardings=divided)(jax.device_put(VALUES[:, 0], divided), 9)
    want = np.zeros((8, 4), np.float32)
    want[7] = 2 * VALUES[7, 0]
    np.testing.assert_array_equal(gradient, want)


def test_the_first_ref_may_be_made_where_a_mesh_is_set(mesh: Any) -> None:
    # How an array is copied is found out with an array that lies on all devices then.
    _compat._array_copier.cache_clear()
    _compat._eager_maker.cache_clear()
    for kind in (AxisType.Auto, AxisType.Explicit):
        with jax.set_mesh(jax.make_mesh((4, 2), ("d", "e"), axis_types=(kind,) * 2)):
            assert hax.new_ref(hax.ones({"x": 2}))[...].array.tolist() == [1, 1]
            assert _compat._array_copier() is not None


def test_shard_map_takes_a_stride_beside_an_int(mesh: Any) -> None:
    ref = hax.new_ref(jax.device_put(jnp.zeros((8, 4)), NamedSharding(mesh, P("data"))), ("x", "y"))

    def write(ref: Any) -> Any:
        ref["x", 0, "y", 0::2] = 1.0
        return ref["x", 0, "y", 0::2].array[None]

    out = jax.jit(jax.shard_map(write, mesh=mesh, in_specs=P("data"), out_specs=P("data")))(ref)
    assert out.tolist() == [[1, 1]] * 4
    assert ref[...].array.tolist() == [[1, 0, 1, 0], [0, 0, 0, 0]] * 4
