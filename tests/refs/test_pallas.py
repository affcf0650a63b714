"""Named refs inside Pallas kernels: what `examples/paged_attention.py` computes, and that names cost nothing there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import paged_attention
import pytest
from haliax import Axis, NamedArray
from jax.experimental import pallas as pl
from paged_attention import RunningSoftmax, example, plain_attention, scores_of


pytestmark = pytest.mark.usefixtures("unoptimized")
X, Y, Z = Axis("x", 6), Axis("y", 8), Axis("z", 4)
SEQ, AXES = Axis("seq", 5), (Axis("block", 3), Axis("page", 7), Axis("slot", 4), Axis("head", 2), Axis("head_size", 8))

Kernel = Callable[..., None]


def kernel_jaxpr(traced: Callable[..., Any], *arguments: Any) -> str:
    """The jaxpr of the one kernel that `traced` calls."""
    kernels = []

    def look_in(value: Any) -> None:
        value = getattr(value, "jaxpr", value)
        for equation in getattr(value, "eqns", ()):
            if equation.primitive.name == "pallas_call":
                kernels.append(equation.params["jaxpr"])
            else:
                for parameter in equation.params.values():
                    look_in(parameter)

    look_in(jax.make_jaxpr(traced)(*arguments))
    (kernel,) = kernels
    return str(kernel)


def by_positions(query: np.ndarray, keys: np.ndarray, values: np.ndarray, table: np.ndarray, length: int) -> np.ndarray:
    """Attention of one query (head, head_size), in float64, one position after the other."""
    size = keys.shape[1]
    seen = [(table[t // size], t % size) for t in range(length)]
    scores = np.array([(query * keys[at]).sum(-1) for at in seen], np.float64) / np.sqrt(query.shape[-1])  # (t, head)
    weights = np.exp(scores - scores.max(0))
    weights /= weights.sum(0)
    return sum(w[:, None] * values[at] for w, at in zip(weights, seen, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_paged_attention_is_attention(seed: int) -> None:
    given = example(seed, SEQ, *AXES)
    out = paged_attention.paged_attention(*given, seq=SEQ)
    assert out.axes == given[0].axes
    query, keys, values, table, length = (np.asarray(array.array) for array in given)
    expected = [by_positions(query[s], keys, values, table[s], length[s]) for s in range(SEQ.size)]
    np.testing.assert_allclose(out.array, expected, atol=1e-5)
    np.testing.assert_allclose(plain_attention(*given).rearrange(out.axes).array, expected, atol=1e-5)


def test_what_lies_beyond_the_length_is_not_read() -> None:
    query, keys, values, table, length = example(0, SEQ, *AXES)
    block, slot = AXES[0], AXES[2]
    beyond = (hax.arange(block).broadcast_axis(length.axes) * slot.size) >= length
    poisoned = hax.where(beyond, 2**30, table).rearrange(table.axes)
    length = hax.minimum(length, block.size * slot.size - slot.size)
    one, other = (
        paged_attention.paged_attention(query, keys, values, t, length, seq=SEQ).array for t in (table, poisoned)
    )
    np.testing.assert_array_equal(one, other)


def test_the_layout_of_the_cache_is_free() -> None:
    """The kernel says what it loads by name, so a cache whose heads come first is the same to it."""
    query, keys, values, table, length = example(1, SEQ, *AXES)
    _, page, slot, head, head_size = AXES
    other = (keys.rearrange((head, page, slot, head_size)), values.rearrange((slot, head_size, page, head)))
    expected = paged_attention.paged_attention(query, keys, values, table, length, seq=SEQ)
    out = paged_attention.paged_attention(query, *other, table, length, seq=SEQ)
    np.testing.assert_allclose(out.array, expected.array, atol=1e-6)


def test_the_whole_kernel_is_the_one_written_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    given = example(0, SEQ, *AXES)
    call = partial(paged_attention.paged_attention.__wrapped__, seq=SEQ)
    named = kernel_jaxpr(call, *given)
    _, _, slot, head, head_size = AXES

    def by_hand(axes: Any, query: Any, keys: Any, values: Any, table: Any, length: Any, out: Any) -> None:
        asking = hax.named(query[...], (head, head_size))
        until = hax.named(length[...], ())

        def add_page(i: jax.Array, softmax: RunningSoftmax) -> RunningSoftmax:
            p = table[i]
            key = hax.named(keys[p], (slot, head, head_size))
            scores = scores_of(asking, key, hax.named(i * slot.size, ()), until)
            return softmax.add(scores, hax.named(values[p], (slot, head, head_size)))

        pages = pl.cdiv(until.scalar(), slot.size)
        softmax = jax.lax.fori_loop(0, pages, add_page, RunningSoftmax.empty(head, head_size))
        out[...] = (softmax.mixed / softmax.total).array

    monkeypatch.setattr(paged_attention, "kernel", by_hand)
    assert named == kernel_jaxpr(call, *given)
    assert named.count("<- ") >= 4  # loads: the query, the length, and in the loop the table, a key and a value page
    assert "while" in named


def wrapped(kernel: Kernel) -> Kernel:
    """The kernel, called with refs that have names."""

    def positional(source: Any, at: Any, out: Any) -> None:
        kernel(hax.ref.wrap(source, (X, Y, Z)), at[0], hax.ref.wrap(out, (X, Y, Z)))

    return positional


def load_a_row(source: Any, i: Any, out: Any) -> None:
    out["x", 1] = source["x", i]


def load_a_row_by_hand(source: Any, i: Any, out: Any) -> None:
    out[1] = source[i[0]]


def load_a_window(source: Any, i: Any, out: Any) -> None:
    out["y", hax.ds(i, 3)] = source["y", hax.ds(i, 3)]


def load_a_window_by_hand(source: Any, i: Any, out: Any) -> None:
    start = i[0]
    out[:, pl.ds(start, 3)] = source[:, pl.ds(start, 3)]


def every_other(source: Any, i: Any, out: Any) -> None:
    # A traced int would have a clamp here: beside a stride, jax drops what it would write out of bounds.
    out["x", 1, "y", slice(0, 8, 2)] = source["x", i, "y", slice(1, 8, 2)]


def every_other_by_hand(source: Any, i: Any, out: Any) -> None:
    at = i[0]
    out[np.int32(1), pl.ds(0, 4, 2)] = source[at, pl.ds(1, 4, 2)]


def through_views(source: Any, i: Any, out: Any) -> None:
    source.slice({"y": slice(2, 6)})  # a view that is not used costs nothing
    out.slice({"x": i}).slice({"y": slice(2, 6)})["z", 1:3] = source.slice({"x": i}).slice({"y": slice(4, 8)})["z", 0:2]


def through_views_by_hand(source: Any, i: Any, out: Any) -> None:
    at = i[0]
    out[at, 2:6, 1:3] = source[at, 4:8, 0:2]


def accumulate(source: Any, i: Any, out: Any) -> None:
    out["x", i] += source["x", 0]


def accumulate_by_hand(source: Any, i: Any, out: Any) -> None:
    at = i[0]
    out[at] += source[0]


def gather_rows(source: Any, i: Any, out: Any) -> None:
    rows = hax.named(jnp.arange(2) + i, "row")
    out["x", 0:2] = source["x", rows].rename({"row": "x"})


def gather_rows_by_hand(source: Any, i: Any, out: Any) -> None:
    at = i[0]
    out[0:2] = source[jnp.arange(2) + at]


def transpose(source: Any, i: Any, out: Any) -> None:
    """The value's axes stand in another order: names say where they go, and by hand one has to."""
    page = source["x", i]
    out["x", 0] = (page * 2.0).rearrange(("z", "y"))


def transpose_by_hand(source: Any, i: Any, out: Any) -> None:
    page = hax.named(source[i[0]], (Y, Z))
    out[0] = (page * 2.0).rearrange(("z", "y")).array.T


PAIRS = [
    (load_a_row, load_a_row_by_hand),
    (load_a_window, load_a_window_by_hand),
    (every_other, every_other_by_hand),
    (through_views, through_views_by_hand),
    (accumulate, accumulate_by_hand),
    (gather_rows, gather_rows_by_hand),
    (transpose, transpose_by_hand),
]


@pytest.mark.parametrize(("named", "by_hand"), PAIRS, ids=lambda kernel: kernel.__name__)
def test_loads_and_stores_are_those_written_by_hand(named: Kernel, by_hand: Kernel) -> None:
    source = jnp.arange(X.size * Y.size * Z.size, dtype=jnp.float32).reshape(X.size, Y.size, Z.size)
    at = jnp.array([2])

    def call(kernel: Kernel) -> Callable[..., jax.Array]:
        shape = jax.ShapeDtypeStruct(source.shape, source.dtype)
        # The output starts as a copy of the source, so that what is not written is defined too.
        return pl.pallas_call(kernel, out_shape=shape, interpret=True, input_output_aliases={0: 0})

    assert kernel_jaxpr(call(wrapped(named)), source, at) == kernel_jaxpr(call(by_hand), source, at)
    np.testing.assert_array_equal(call(wrapped(named))(source, at), call(by_hand)(source, at))


def through_a_positional_view(source: Any, i: Any, out: Any) -> None:
    part = hax.ref.wrap(source.at[pl.ds(2, 4)], (X.resize(4), Y, Z))
    hax.ref.wrap(out, (X, Y, Z))["x", 0] = part.slice({"y": slice(None, None, -1)})["x", i[0]]


def at_a_known_list(source: Any, i: Any, out: Any) -> None:
    source, out = (hax.ref.wrap(ref, (X, Y, Z)) for ref in (source, out))
    out["x", [4, 1]] = source["x", [0, 5]] + 100.0
    out["y", [7, 0], "x", 2] = source["y", i[0], "x", 3]
    out["x", [3, 3]] = hax.named(jnp.arange(2.0), "x")  # of the two either may stay, and is all of the row


def changed_by(kernel: Kernel) -> tuple[np.ndarray, np.ndarray]:
    """What the kernel is given, and what it makes of a copy."""
    source = np.arange(X.size * Y.size * Z.size, dtype=np.float32).reshape(X.size, Y.size, Z.size)
    shape = jax.ShapeDtypeStruct(source.shape, source.dtype)
    call = pl.pallas_call(kernel, out_shape=shape, interpret=True, input_output_aliases={0: 0})
    return source, np.asarray(call(jnp.asarray(source), jnp.array([2])))


def test_a_view_that_at_made() -> None:
    """It is no `jax.Ref`, and has no type of its own."""
    source, got = changed_by(through_a_positional_view)
    want = source.copy()
    want[0] = source[4, ::-1]
    np.testing.assert_array_equal(got, want)


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="this jax does not say of a ref that it is a kernel's")
def test_an_index_that_is_known() -> None:
    """A kernel takes no constant arrays."""
    source, got = changed_by(at_a_known_list)
    want = source.copy()
    want[[4, 1]] = source[[0, 5]] + 100
    want[2, [7, 0]] = source[3, 2]
    assert got[3].min() == got[3].max() in (0, 1)
    want[3] = got[3]
    np.testing.assert_array_equal(got, want)


def test_names_that_do_not_fit_are_refused_in_the_kernel() -> None:
    def kernel(source: Any, out: Any) -> None:
        hax.ref.wrap(source, ("x", "y", "z"))

    with pytest.raises(ValueError, match=r"axes \(x, y, z\) do not fit.* shape \(6, 8\)"):
        pl.pallas_call(kernel, out_shape=jax.ShapeDtypeStruct((6, 8), jnp.float32), interpret=True)(jnp.zeros((6, 8)))


def test_the_example_checks_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figure = tmp_path / "pages.png"
    assert paged_attention.main(["--figure", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "kernel and plain attention: agree" in capsys.readouterr().out

    def off_by_one(query: Any, keys: Any, values: Any, table: Any, length: NamedArray) -> NamedArray:
        return plain_attention(query, keys, values, table, hax.maximum(length - 1, 1))

    monkeypatch.setattr(paged_attention, "plain_attention", off_by_one)
    assert paged_attention.main(["--figure", str(figure)]) == 1
    assert "DIFFER" in capsys.readouterr().out
