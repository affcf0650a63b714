"""Refs and views through Haliax's transformations: the mapped axis disappears inside, writes land in the right cells.

The oracle is a Python loop over NumPy arrays. Each view is written down twice: as `slice` takes it, and as the cells of
the base that it shows, found by NumPy's own indexing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import Axis, NamedArray

import haliax_refs
from haliax_refs import NamedRef
from tests.refs.grids import X, Y, Z, contents, cube as base
from tests.refs.modules import Cache, cache


pytestmark = pytest.mark.usefixtures("unoptimized")
needs_vmap = pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="this jax does not vmap refs rightly")
vmap = pytest.param("vmap", marks=needs_vmap)

SIZES = (4, 3, 2)
CELLS = np.arange(24).reshape(SIZES)


@dataclass(frozen=True)
class View:
    """A view of `base()`, the cells that it shows and the names of their dimensions."""

    of: Callable[[NamedRef], NamedRef]
    cells: np.ndarray
    names: tuple[str, ...] = ("x", "y", "z")


PAGES = hax.named(jnp.array([[3, 0], [1, 2]]), ("x", "page"))
ALONG_X = hax.named(jnp.array([0, 2, 1, 0]), "x")
VIEWS = {
    "whole": View(lambda ref: ref, CELLS),
    "slice": View(lambda ref: ref.slice({"x": slice(1, 4, 2)}), CELLS[1:4:2]),
    "reversed": View(lambda ref: ref.slice({"x": slice(None, None, -1)}), CELLS[::-1]),
    "window": View(lambda ref: ref.slice({"x": hax.ds(jnp.int32(1), 3)}), CELLS[1:4]),
    "list": View(lambda ref: ref.slice({"x": [2, 0]}), CELLS[[2, 0]]),
    "array": View(lambda ref: ref.slice({"x": jnp.array([2, 0, 3])}), CELLS[[2, 0, 3]]),
    "view of a view": View(lambda ref: ref.slice("x", slice(1, 4)).slice("x", [2, 0]), CELLS[1:4][[2, 0]]),
    "renamed": View(lambda ref: ref.slice("x", 2).rename({"y": "x"}), CELLS[2], ("x", "z")),
    "hidden namesake": View(lambda ref: ref.rename({"x": "y", "y": "x"}).slice("y", 3), CELLS[3], ("x", "z")),
    "index of the axis": View(lambda ref: ref.slice("y", ALONG_X), CELLS[range(4), [0, 2, 1, 0]], ("x", "z")),
    "pages": View(lambda ref: ref.slice("x", PAGES), CELLS[[[3, 0], [1, 2]]], ("x", "page", "y", "z")),
}


def step(row: NamedRef, factor: NamedArray | jax.Array) -> NamedArray:
    """Read the row, write to all of it and then to a part, and return what was read."""
    old = row[...]
    row[...] = old * factor + 100.0
    row["z", 0] += 1000.0
    return old


def looped(view: View, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """What the base holds after `step` at each position of the view, with factor i + 2, and what the steps returned."""
    flat = np.arange(24.0)
    dim = view.names.index(axis)
    olds = []
    for i in range(view.cells.shape[dim]):
        cells = view.cells.take(i, dim)
        olds.append(flat[cells])
        flat[cells] = flat[cells] * (i + 2) + 100
        flat[cells[..., 0]] += 1000  # z comes last
    return flat.reshape(SIZES), np.stack(olds)


def run_vmap(ref: NamedRef, factors: NamedArray, axis: Any) -> NamedArray:
    return hax.vmap(step, axis)(ref, factors)


def run_map(ref: NamedRef, factors: NamedArray, axis: Any) -> NamedArray:
    return hax.map(lambda pair: step(*pair), axis)((ref, factors))


def run_scan(ref: NamedRef, factors: NamedArray, axis: Any) -> NamedArray:
    _count, out = hax.scan(lambda n, ref, factor: (n + 1, step(ref, factor)), axis)(0, ref, factor=factors)
    return out


def run_remat_scan(ref: NamedRef, factors: NamedArray, axis: Any) -> NamedArray:
    return hax.scan(lambda n, ref, factor: (n, step(ref, factor)), axis, remat=True)(None, ref, factors)[1]


def run_foreach(ref: NamedRef, factors: NamedArray, axis: Any) -> NamedArray:
    out: NamedArray = hax.ref.foreach(axis, ref, factors)(step)
    return out


RUNS = {"vmap": run_vmap, "map": run_map, "scan": run_scan, "remat scan": run_remat_scan, "foreach": run_foreach}


@pytest.mark.parametrize(
    ("name", "how"),
    [(name, "scan") for name in VIEWS]
    + [pytest.param(name, "vmap", marks=needs_vmap) for name in VIEWS]
    + [("list", how) for how in ("map", "remat scan", "foreach")],
)
def test_every_view_through_every_transformation(name: str, how: str) -> None:
    view = VIEWS[name]
    ref = base()
    axis = Axis("x", view.cells.shape[0])

    @jax.jit
    def run(shown: NamedRef, factors: NamedArray) -> NamedArray:
        return RUNS[how](shown, factors, axis if how == "map" else "x")

    out = run(view.of(ref), hax.arange(axis, start=2).astype(float))
    want, olds = looped(view, "x")
    np.testing.assert_array_equal(contents(ref), want)
    assert [axis.name for axis in out.axes] == list(view.names)
    np.testing.assert_array_equal(out.array, olds)


@pytest.mark.parametrize("how", [vmap, "foreach"])
@pytest.mark.parametrize("view", [VIEWS["whole"], View(lambda ref: ref.slice({"y": [1, 0]}), CELLS[:, [1, 0]])])
def test_without_jit(how: str, view: View) -> None:
    ref = base()
    axis = Axis("y", view.cells.shape[1])
    out = RUNS[how](view.of(ref), hax.arange(axis, start=2).astype(float), axis)
    want, olds = looped(view, "y")
    np.testing.assert_array_equal(contents(ref), want)
    assert out.axes[0] == axis
    np.testing.assert_array_equal(out.array, olds)


def test_a_loop_over_nothing() -> None:
    ref = base()
    out = hax.ref.foreach("x", ref.slice("x", slice(2, 2)))(lambda row: (row.at[...].set(-1.0), row["y", 0])[1])
    assert out.axes == (Axis("x", 0), Z)
    np.testing.assert_array_equal(contents(ref), np.arange(24.0).reshape(SIZES))


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_a_loop_over_an_axis_of_size_0(jitted: bool) -> None:
    ref, total = hax.new_ref(hax.zeros({"y": 3, "x": 0, "z": 2})), hax.new_ref(0.0)

    def body(carry: jax.Array, row: NamedRef) -> tuple[jax.Array, NamedArray]:
        row["y", 1:3] = 1.0
        total[...] += 1.0
        return carry + 1, row["z", 0]

    def run(ref: NamedRef) -> Any:
        return hax.scan(body, "x")(0, ref), hax.map(lambda row: row["y", 0, "z", 1], "x")(ref.slice({"z": [1, 0]}))

    (carry, out), mapped = (jax.jit(run) if jitted else run)(ref)
    assert (int(carry), out.axes, mapped.axes) == (0, (Axis("x", 0), Y.resize(3)), (Axis("x", 0),))
    assert total[...].item() == 0


@needs_vmap
def test_narrowed_beside_the_mapped_axis() -> None:
    ref = base()
    view = ref.slice({"y": slice(2, 0, -1), "z": jnp.int32(1)})
    hax.vmap(lambda row, i: row.at["y", 0].add(100.0 * i), "x")(view, hax.arange(X))
    want = np.arange(24.0).reshape(SIZES)
    want[:, 2, 1] += 100 * np.arange(4)
    np.testing.assert_array_equal(contents(ref), want)


def write(cache: Cache, new: NamedArray) -> NamedArray:
    assert cache.name == "cache"
    assert cache.keys.axes == cache.values.axes == (Y, Z)
    cache.keys["y", 1] = new * cache.scale
    cache.values["z", 1] = new["z", 0]
    return hax.sum(cache.keys[...])


@pytest.mark.parametrize("how", [vmap, "scan", "fold", "map", "foreach"])
def test_refs_in_modules_and_pytrees(how: str) -> None:
    state = {"cache": cache(hax.arange(X) + 1.0), "unused": None}
    new = hax.named(jnp.arange(8.0).reshape(4, 2), (X, Z))

    @jax.jit
    def run(state: Any, new: NamedArray) -> Any:
        body = lambda state, new: write(state["cache"], new)  # noqa: E731
        match how:
            case "vmap":
                return hax.vmap(body, X)(state, new)
            case "scan":
                return hax.scan(lambda c, state, new: (c, body(state, new)), X)(None, state, new)[1]
            case "fold":
                return hax.fold(lambda c, state, new: c + body(state, new), X)(hax.named(0.0, ()), state, new)
            case "map":
                return hax.map(lambda both: body(*both), X)((state, new))
            case _:
                return hax.ref.foreach(X, state, new)(body)

    out = run(state, new)
    keys, values = np.arange(24.0).reshape(SIZES), np.arange(24.0).reshape(SIZES)
    written = np.arange(8.0).reshape(4, 2)
    keys[:, 1] = written * np.arange(1, 5)[:, None]
    values[::-1, :, 1] = written[:, :1]
    np.testing.assert_array_equal(contents(state["cache"].keys), keys)
    np.testing.assert_array_equal(contents(state["cache"].values), values)
    sums = keys.sum((1, 2))
    np.testing.assert_array_equal(out.array, sums.sum() if how == "fold" else sums)


@pytest.mark.parametrize("how", [vmap, "scan"])
def test_a_ref_without_the_axis_is_passed_whole(how: str) -> None:
    table = hax.new_ref(hax.named(jnp.arange(6.0).reshape(3, 2), (Y, Z)))
    out = hax.new_ref(hax.zeros((X, Y)))

    def row(out: NamedRef, table: NamedRef, i: NamedArray) -> None:
        assert table.axes == (Y, Z)
        out[...] = table["z", 1] + 10.0 * i

    if how == "vmap":
        hax.vmap(row, X)(out, table, hax.arange(X))
    else:
        hax.scan(lambda c, *args: (c, row(*args)), X)(None, out, table, hax.arange(X))
    np.testing.assert_array_equal(contents(out), np.array([1, 3, 5]) + 10 * np.arange(4.0)[:, None])


@needs_vmap
def test_only_refs_and_only_writes() -> None:
    """With an axis given by name, its size is known from the refs alone; nothing need be returned."""
    ref = base()
    assert hax.vmap(lambda row: row.at["y", 0].set(-1.0), "x")(ref) is None
    assert hax.fold(lambda c, row: (row.at["y", 1].set(-2.0), c)[1], "x")(None, ref) is None
    want = np.arange(24.0).reshape(SIZES)
    want[:, 0], want[:, 1] = -1, -2
    np.testing.assert_array_equal(contents(ref), want)


@needs_vmap
def test_several_axes_are_mapped_in_turn() -> None:
    ref = base().slice({"y": [2, 0]})
    factors = hax.arange(X) * 10.0 + hax.arange(Axis("y", 2)).broadcast_axis(X)

    def cell(cell: NamedRef, factor: NamedArray) -> NamedArray:
        assert cell.axes == (Z,)
        cell["z", 0] = factor
        return cell["z", 1]

    out = hax.vmap(cell, (X, Axis("y", 2)))(ref, factors)
    want = np.arange(24.0).reshape(SIZES)
    np.testing.assert_array_equal(out.rearrange((X, Axis("y", 2))).array, want[:, [2, 0], 1])
    want[:, [2, 0], 0] = 10 * np.arange(4)[:, None] + np.arange(2)
    np.testing.assert_array_equal(contents(ref), want)


@needs_vmap
def test_nested_transformations() -> None:
    """Scan within vmap within scan, each over an axis of the same ref."""
    ref, total = base(), hax.new_ref(hax.zeros(X))

    def cell(carry: NamedArray, cell: NamedRef) -> tuple[NamedArray, NamedArray]:
        cell[...] += carry
        return carry + 1.0, cell[...]

    def row(row: NamedRef, total: NamedRef) -> NamedArray:
        _, out = hax.scan(cell, Z)(hax.named(0.0, ()), row)
        total[...] += hax.sum(out)
        return out

    _, out = jax.jit(lambda ref, total: hax.scan(lambda c, ref: (c, hax.vmap(row, X)(ref, total)), Y)(None, ref))(
        ref, total
    )
    want = np.arange(24.0).reshape(SIZES) + np.arange(2.0)
    np.testing.assert_array_equal(contents(ref), want)
    np.testing.assert_array_equal(contents(total), want.sum((1, 2)))
    np.testing.assert_array_equal(out.rearrange((X, Y, Z)).array, want)


def test_reverse_and_carries_that_depend_on_the_refs() -> None:
    ref = hax.new_ref(hax.arange(X).astype(float))

    def body(carry: NamedArray, cell: NamedRef) -> tuple[NamedArray, NamedArray]:
        new = carry * 2.0 + cell[...]
        cell[...] = carry
        return new, new

    carry, ys = hax.scan(body, X, reverse=True)(hax.named(1.0, ()), ref)
    want, carries, outs, state = [0.0] * 4, [], [0.0] * 4, 1.0
    for i in (3, 2, 1, 0):
        want[i], state = state, state * 2 + i
        outs[i] = state
        carries.append(state)
    assert carry.item() == carries[-1]
    assert ys.array.tolist() == outs
    assert contents(ref).tolist() == want


def test_is_scanned_may_leave_a_ref_whole() -> None:
    ref, other = base(), base()

    def body(carry: NamedArray, ref: NamedRef, other: NamedRef, i: NamedArray) -> tuple[NamedArray, None]:
        assert ref.axes == (X, Y, Z)
        assert other.axes == (Y, Z)
        ref["x", i, "y", 0] = other["y", 1]
        return carry, None

    hax.scan(body, X, is_scanned=lambda leaf: leaf is not ref)(None, ref, other, hax.arange(X))
    np.testing.assert_array_equal(contents(ref)[:, 0], np.arange(24.0).reshape(SIZES)[:, 1])


def test_views_of_one_buffer_in_a_loop() -> None:
    """A loop runs in order, so that two views of one buffer mean something, and are allowed."""
    ref = base()
    hax.ref.foreach("x", ref.slice("y", 0), ref.slice("y", 1))(lambda a, b: b.at["z", 0].set(a["z", 1]))
    want = np.arange(24.0).reshape(SIZES)
    want[:, 1, 0] = want[:, 0, 1]
    np.testing.assert_array_equal(contents(ref), want)


def test_foreach_is_a_loop_when_given_no_arguments() -> None:
    ref = base()

    @hax.ref.foreach(X, reverse=True, unroll=2)
    def fill(row: NamedRef, value: NamedArray, *, scale: float) -> NamedArray:
        row["y", 0] = value * scale
        return value

    out = fill(ref, hax.arange(X), scale=3.0)
    assert out.array.tolist() == [0, 1, 2, 3]
    assert contents(ref)[:, 0].tolist() == [[0, 0], [3, 3], [6, 6], [9, 9]]
    assert fill.__name__ == "fill"
    assert haliax_refs.foreach is hax.ref.foreach


def test_foreach_reads_an_unnamed_array_along_its_first_dimension() -> None:
    ref = hax.new_ref(hax.zeros(X))
    out = hax.ref.foreach(X, ref, jnp.arange(8.0).reshape(4, 2))(lambda cell, row: (cell.at[...].set(row[1]), row)[1])
    assert contents(ref).tolist() == [1, 3, 5, 7]
    np.testing.assert_array_equal(out, np.arange(8.0).reshape(4, 2))


def test_sizes_must_agree() -> None:
    ref = base()
    transforms: tuple[Any, ...] = (hax.vmap, lambda f, axis: hax.ref.foreach(axis)(f))
    for transform in transforms:
        with pytest.raises(ValueError, match=r"'x'.*\[2, 4\]"):
            transform(lambda a, b: None, "x")(ref, base().slice("x", slice(2)))
        with pytest.raises(ValueError, match=r"'x'.*\[4, 7\]"):
            transform(lambda a: None, Axis("x", 7))(ref)
    np.testing.assert_array_equal(contents(ref), np.arange(24.0).reshape(SIZES))
