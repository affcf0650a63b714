"""Indices that vmap maps: each instance indexes as it would alone, windows included."""

from __future__ import annotations

from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs


pytestmark = [
    pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="this jax does not vmap refs rightly"),
    pytest.mark.usefixtures("unoptimized"),
]

B, X, Y, Z = hax.make_axes(b=3, x=4, y=3, z=5)
ARRAY = np.arange(180.0).reshape(3, 4, 3, 5)
STARTS = np.array([2, 0, 1])

# Each index as the ref takes it, with a mapped integer `i`, and what NumPy shows of one instance, its axes in order.
INDICES: dict[str, tuple[Any, Any]] = {
    "int": (lambda i: {"x": i}, lambda a, i: a[i]),
    "window": (lambda i: {"x": hax.ds(i, 2)}, lambda a, i: a[i : i + 2]),
    "strided window": (lambda i: {"z": hax.dslice(i, 2)}, lambda a, i: a[:, :, i : i + 2]),
    "two windows": (lambda i: {"x": hax.ds(i, 2), "z": hax.ds(2 - i, 3)}, lambda a, i: a[i : i + 2, :, 2 - i : 5 - i]),
    "window, int": (lambda i: {"x": hax.ds(i, 2), "y": i}, lambda a, i: a[i : i + 2, i]),
    "window, reversed": (lambda i: {"y": hax.ds(i, 1), "z": slice(None, None, -2)}, lambda a, i: a[:, i : i + 1, ::-2]),
    "window, list": (lambda i: {"x": hax.ds(i, 2), "z": [4, 0, 0]}, lambda a, i: a[i : i + 2][:, :, [4, 0, 0]]),
    "two arrays": (
        lambda i: {"x": hax.named(i + jnp.arange(2), "p"), "y": hax.named((i + jnp.arange(2)) % 3, "q")},
        lambda a, i: a[np.ix_([i, i + 1], [i % 3, (i + 1) % 3])].swapaxes(0, 1),  # haliax puts q first
    ),
    "paired arrays": (
        lambda i: {"x": hax.named(i + jnp.arange(2), "p"), "z": hax.named(i + jnp.arange(2), "p")},
        lambda a, i: a[[i, i + 1], :, [i, i + 1]],
    ),
    "array, int": (lambda i: {"x": hax.named(jnp.array([3, 1]), "p"), "y": i}, lambda a, i: a[[3, 1], i]),
}


@pytest.mark.parametrize("name", INDICES)
def test_each_instance_reads_as_alone(name: str) -> None:
    index, shown = INDICES[name]
    ref = hax.new_ref(hax.named(jnp.asarray(ARRAY), (B, X, Y, Z)))
    whole = ref.slice("b", 1)
    starts = hax.named(jnp.asarray(STARTS), "b")
    own, shared = hax.vmap(lambda ref, i: (ref[index(i.array)], whole[index(i.array)]), "b")(ref, starts)
    np.testing.assert_array_equal(own.array, [shown(ARRAY[b], i) for b, i in enumerate(STARTS)])
    np.testing.assert_array_equal(shared.array, [shown(ARRAY[1], i) for i in STARTS])


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("kind", ["set", "swap", "addupdate"])
def test_each_instance_writes_as_alone(name: str, kind: str) -> None:
    index, shown = INDICES[name]
    ref = hax.new_ref(hax.named(jnp.asarray(ARRAY), (B, X, Y, Z)))
    cells = [shown(np.arange(60).reshape(4, 3, 5), i) for i in STARTS]
    value = 1000.0 + np.arange(float(cells[0].size)).reshape(cells[0].shape)

    def write(ref: Any, i: Any) -> Any:
        axes = jax.eval_shape(lambda: ref[index(i.array)]).axes
        return getattr(haliax_refs, kind)(ref, index(i.array), hax.named(jnp.asarray(value), axes) + i)

    old = hax.vmap(write, "b")(ref, hax.named(jnp.asarray(STARTS), "b"))
    want = ARRAY.copy().reshape(3, 60)
    for b, (i, where) in enumerate(zip(STARTS, cells, strict=True)):
        if kind == "swap":
            np.testing.assert_array_equal(old.array[b], want[b][where])
        if kind == "addupdate":
            np.add.at(want[b], where, value + i)
        elif "list" in name:  # of the cells written twice, either value may stay
            got = np.asarray(ref["b", b].array).reshape(60)
            assert set(got[where[..., 1]].flat) <= set((value + i)[..., 1:].flat)
            want[b][where] = got[where]
            np.testing.assert_array_equal(got[where[..., 0]], value[..., 0] + i)
        else:
            want[b][where] = value + i
    np.testing.assert_array_equal(ref[...].array, want.reshape(ARRAY.shape))


def test_a_mapped_window_is_clamped_into_its_view() -> None:
    ref = hax.new_ref(hax.named(jnp.asarray(ARRAY), (B, X, Y, Z)))
    view = ref.slice({"z": slice(1, 4)})
    starts = hax.named(jnp.array([-9, 1, 9]), "b")
    got = hax.vmap(lambda view, i: view["z", hax.ds(i.array, 2)], "b")(view, starts)
    np.testing.assert_array_equal(got.array, [ARRAY[0, :, :, 1:3], ARRAY[1, :, :, 2:4], ARRAY[2, :, :, 2:4]])
    hax.vmap(lambda view, i: view.at["z", hax.ds(i.array, 2)].set(-1.0), "b")(view, starts)
    want = ARRAY.copy()
    want[0, :, :, 1:3] = want[1:, :, :, 2:4] = -1
    np.testing.assert_array_equal(ref[...].array, want)


def test_a_view_of_a_mapped_window() -> None:
    """The start is a leaf of the view, and mapped with it or not."""
    ref = hax.new_ref(hax.named(jnp.asarray(ARRAY), (B, X, Y, Z)))

    def shift(ref: Any, i: Any) -> Any:
        window = ref.slice("z", hax.ds(i.array, 3)).slice("z", slice(None, None, -1))
        window["z", hax.ds(jnp.int32(0), 1)] += 100.0
        return window["x", 0, "y", 0]

    got = hax.vmap(shift, "b")(ref, hax.named(jnp.asarray(STARTS), "b"))
    want = ARRAY.copy()
    for b, i in enumerate(STARTS):
        want[b, :, :, i + 2] += 100
        np.testing.assert_array_equal(got.array[b], want[b, 0, 0, i : i + 3][::-1])
    np.testing.assert_array_equal(ref[...].array, want)


def test_plain_vmap_takes_the_dimension_that_the_shape_tells() -> None:
    ref = hax.new_ref(hax.named(jnp.asarray(ARRAY), (B, X, Y, Z)))
    for axis, name in ((1, "x"), (3, "z")):
        shapes = []
        jax.vmap(lambda ref, shapes=shapes: shapes.append(ref[...].axes), in_axes=axis)(ref)
        assert [ax.name for ax in shapes[0]] == [n for n in "bxyz" if n != name]
    square = hax.new_ref(hax.zeros((B, Y)))
    with pytest.raises(ValueError, match=r"b=3, y=3.*\(3,\).*hax\.vmap"):
        jax.vmap(lambda ref: ref[...].array)(square)
    cells = []
    jax.vmap(jax.vmap(lambda ref: cells.append(ref[...].axes)))(square)  # both are gone, so nothing is in doubt
    assert cells == [()]


def test_views_are_mapped_by_name_only() -> None:
    ref = hax.new_ref(hax.named(jnp.asarray(ARRAY), (B, X, Y, Z)))
    view = ref.slice({"x": slice(1, 3)})
    with pytest.raises(ValueError, match=r"x=4.*\(3, 3, 5\).*hax\.vmap"):
        jax.vmap(lambda view: view[...].array, in_axes=1)(view)
    with pytest.raises(ValueError, match=r"x=4.*\(3, 3, 5\).*hax\.vmap"):
        jax.vmap(lambda view: view.slice("z", 0), in_axes=1)(view)


@pytest.mark.parametrize("jitted", ["outside", "inside", "not"])
@pytest.mark.parametrize(
    "index",
    [
        lambda i: {"x": 1, "y": i},
        lambda i: {"x": i, "z": -1},
        lambda i: {"x": slice(0, 2), "y": i, "z": 2},
        lambda i: {"x": jnp.int32(1), "y": i, "z": 0},
        lambda i: {"x": i, "z": jnp.array([4, 0, 3])},
        lambda i: {"x": 2, "y": i, "z": np.array([-1, 3])},
    ],
)
@pytest.mark.parametrize("mapped", ["ref", "index", "both"])
def test_a_static_position_beside_a_mapped_one(index: Any, mapped: str, jitted: str) -> None:
    """jax 0.10 lowers a Python int beside an index that vmap maps to something that it then refuses."""
    sizes = {"x": 3, "y": 4, "z": 5}
    array = hax.named(jnp.arange(120).reshape(2, 3, 4, 5), ("b", *sizes))
    ref = hax.new_ref(array if mapped != "index" else array["b", 0])
    i = jnp.array([2, 1], jnp.int32)

    def body(ref: Any, i: Any) -> Any:
        before = ref[index(i)]
        if mapped != "index":
            haliax_refs.addupdate(ref, index(i), 1000)
        return before, ref[index(i)]

    if jitted == "inside":
        body = jax.jit(body)
    over: Any = hax.vmap(lambda ref, i: body(ref, i.array), hax.Axis("b", 2))
    if jitted == "outside":
        over = jax.jit(over)
    before, after = over(ref, hax.named(i, "b") if mapped != "ref" else hax.named(i[0], ()))
    for b in range(2):
        one = index(int(i[b] if mapped != "ref" else i[0]))
        want = np.asarray(array["b", b if mapped != "index" else 0].array)[
            tuple(one.get(n, slice(None)) for n in sizes)
        ]
        np.testing.assert_array_equal(before["b", b].array, want)
        np.testing.assert_array_equal(after["b", b].array, want + (1000 if mapped != "index" else 0))


@pytest.mark.parametrize("how", ["jit inside", "scan inside", "jit outside"])
def test_a_static_position_beside_one_that_jaxs_own_vmap_maps(how: str) -> None:
    array = hax.named(jnp.arange(60.0).reshape(3, 4, 5), ("x", "y", "z"))
    ref = hax.new_ref(array)

    def one(i: Any) -> Any:
        return ref["x", 1, "y", i].array

    def scanned(i: Any) -> Any:
        return jax.lax.scan(lambda carry, _: (carry, one(i)), 0, None, length=1)[1][0]

    i = jnp.array([2, 0], jnp.int32)
    got = {
        "jit inside": lambda: jax.vmap(jax.jit(one))(i),
        "scan inside": lambda: jax.vmap(scanned)(i),
        "jit outside": lambda: jax.jit(jax.vmap(one))(i),
    }[how]()
    np.testing.assert_array_equal(got, np.asarray(array.array)[1][np.asarray(i)])
