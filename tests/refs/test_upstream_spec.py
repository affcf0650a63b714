"""What Haliax's own tests ask of its NamedRef, in behaviour; its private attributes are its own.

One thing differs on purpose: after `freeze`, a ref is invalid here, where upstream lets it be read.
"""

from __future__ import annotations

from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import pallas as pl

import haliax_refs


@pytest.fixture(autouse=True)
def _opted_in() -> None:
    """These tests speak of `hax.new_ref` and other names, which the import of the package provides."""
    assert hax.new_ref is haliax_refs.new_ref


def test_the_names_that_haliax_has() -> None:
    assert hax.NamedRef is hax.ref.NamedRef is haliax_refs.NamedRef
    assert hax.freeze is hax.ref.freeze
    assert hax.swap is hax.ref.swap
    assert callable(hax.ref.get)


def test_get_and_set() -> None:
    Row, Col = hax.make_axes(row=4, col=3)
    array = hax.random.uniform(jax.random.PRNGKey(3), (Row, Col))
    ref = hax.new_ref(array)
    assert ref.shape == array.shape
    assert ref.axes == array.axes
    middle = ref[{"row": slice(1, 3)}]
    assert middle.axes == (Row.resize(2), Col)
    ref[{"row": slice(1, 3)}] = hax.full_like(middle, 2.0)
    want = np.asarray(array.array).copy()
    want[1:3] = 2.0
    np.testing.assert_array_equal(ref.value().array, want)


def test_a_single_cell() -> None:
    ref = hax.new_ref(hax.zeros(hax.Axis("row", 5)))
    ref[{"row": 2}] = 3.14
    assert ref.value()[{"row": 2}].item() == pytest.approx(3.14)
    assert float(ref.value().array.sum()) == pytest.approx(3.14)


def test_a_view_of_a_view_writes_to_the_base() -> None:
    Layer, Head = hax.make_axes(layer=6, head=8)
    cache = hax.new_ref(hax.zeros((Layer, Head)))
    some = cache.slice({"layer": slice(1, 4)})
    assert some.axes == (Layer.resize(3), Head)
    some[{"layer": 0}] = hax.arange(Head).astype(jnp.float32)
    assert cache.value().array[1].tolist() == list(range(8))
    one = some.slice({"layer": 0})
    assert one.axes == (Head,)
    one[{"head": 0}] = 7.0
    assert cache[{"layer": 1, "head": 0}].item() == 7.0


def test_a_window_as_a_view() -> None:
    Layer, Head = hax.make_axes(layer=10, head=4)
    cache = hax.new_ref(hax.zeros((Layer, Head)))
    some = cache.slice({"layer": hax.ds(3, 3)})
    assert some.axes == (Layer.resize(3), Head)
    some[{"layer": 1, "head": slice(None)}] = hax.ones(Head)
    assert cache.value().array.sum(axis=1).tolist() == [0, 0, 0, 0, 4, 0, 0, 0, 0, 0]


X10 = hax.Axis("x", 10)
SEL = hax.named(jnp.arange(2), "sel")


@pytest.mark.parametrize(
    ("chain", "want"),
    [
        ([hax.ds(2, 5), slice(1, 3)], [3, 4]),
        ([hax.ds(2, 5), hax.ds(1, 2)], [3, 4]),
        ([pl.ds(2, 5), pl.ds(1, 2)], [3, 4]),
        ([hax.ds(2, 5), 1], 3),
        ([hax.ds(2, 5), -1], 6),
        ([hax.ds(2, 5), [0, 2]], [2, 4]),
        ([hax.ds(2, 5), jnp.array([0, 1])], [2, 3]),
        ([hax.ds(2, 5), jnp.array([0, 1]), jnp.array([0])], [2]),
        ([hax.ds(2, 5), SEL], [2, 3]),
        ([slice(1, 9, 2), slice(1, 3)], [3, 5]),
        ([slice(1, 9, 2), [0, 1]], [1, 3]),
        ([slice(1, 9, 2), jnp.array([0, 1])], [1, 3]),
        ([slice(1, 9, 2), SEL], [1, 3]),
        ([slice(1, 9, 2), range(0, 4, 2)], [1, 5]),
    ],
    ids=str,
)
def test_combinations_of_windows_slices_and_arrays(chain: list[Any], want: Any) -> None:
    ref = hax.new_ref(hax.arange(X10))
    for selector in chain:
        ref = ref.slice({"x": selector})
    assert ref[...].array.tolist() == want


def test_a_named_index_upon_a_named_index() -> None:
    """Upstream raises NotImplementedError here, or indexes an axis that is no longer there."""
    ref = hax.new_ref(hax.arange(X10)).slice({"x": hax.ds(2, 5)}).slice({"x": SEL})
    again = ref.slice({"sel": hax.named(jnp.array([1]), "sel")})
    assert again.axes == (hax.Axis("sel", 1),)
    assert again[...].array.tolist() == [3]


def test_value_and_unsliced() -> None:
    Row, Col = hax.make_axes(row=6, col=3)
    base = hax.new_ref(hax.arange((Row, Col)))
    view = base.slice({"row": slice(2, 5)})
    want = base.value()[{"row": slice(2, 5)}]
    assert view.value().axes == want.axes
    np.testing.assert_array_equal(view.value().array, want.array)
    view[{"row": 0}] = hax.zeros(Col).astype(view.dtype)
    assert base.value().array[2].tolist() == [0, 0, 0]
    whole = view.unsliced()
    assert whole is not view
    assert whole.axes == base.axes
    np.testing.assert_array_equal(whole.value().array, base.value().array)
    (leaf,), (base_leaf,) = jax.tree_util.tree_leaves(whole), jax.tree_util.tree_leaves(base)
    assert leaf is base_leaf


def test_freeze_gives_a_named_array() -> None:
    ref = hax.new_ref(hax.arange(hax.Axis("x", 3)))
    frozen = hax.freeze(ref)
    assert isinstance(frozen, hax.NamedArray)
    assert frozen.axes == ref.axes
    assert frozen.array.tolist() == [0, 1, 2]


def test_swap_gives_what_was_there() -> None:
    X = hax.Axis("x", 4)
    ref = hax.new_ref(hax.zeros(X))
    before = hax.swap(ref, {"x": slice(1, 3)}, hax.ones(X.resize(2)))
    assert isinstance(before, hax.NamedArray)
    assert before.axes == (X.resize(2),)
    assert not before.array.any()
    assert ref.value().array.tolist() == [0, 1, 1, 0]


def test_a_ref_as_an_argument_of_jit() -> None:
    ref = hax.new_ref(hax.zeros(hax.Axis("x", 5)))

    @jax.jit
    def run(ref: Any) -> hax.NamedArray:
        ref[{"x": 1}] = 4.2
        return ref[{"x": 1}]

    out = run(ref)
    assert isinstance(out, hax.NamedArray)
    assert out.axes == ()
    assert out.item() == pytest.approx(4.2)
    assert ref.value().array.tolist() == pytest.approx([0, 4.2, 0, 0, 0])


def test_a_view_by_a_traced_position_in_a_scan() -> None:
    X = hax.Axis("x", 5)
    ref = hax.new_ref(hax.zeros(X))

    @jax.jit
    def run(ref: Any, xs: jax.Array) -> Any:
        def step(_: None, x: jax.Array) -> tuple[None, jax.Array]:
            cell = ref.slice({"x": x})
            cell[...] = (x * x).astype(cell.dtype)
            return None, x * 2

        return hax.scan(step, X)(None, xs)[1]

    out = run(ref, jnp.arange(5))
    assert ref.value().array.tolist() == [0, 1, 4, 9, 16]
    assert np.asarray(out).tolist() == [0, 2, 4, 6, 8]


def test_a_gradient_through_a_ref_that_a_scan_fills() -> None:
    X = hax.Axis("x", 4)

    def total(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(hax.zeros(X))

        def step(_: None, i: jax.Array) -> tuple[None, None]:
            ref.slice({"x": i})[...] = jnp.sin(x * i)
            return None, None

        hax.scan(step, X)(None, jnp.arange(4))
        return ref[...].sum().scalar()

    assert jax.grad(total)(1.0) == pytest.approx(float((np.cos(np.arange(4)) * np.arange(4)).sum()), rel=1e-6)
