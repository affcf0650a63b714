"""Positions of any dtype and size: what is out of bounds stays so, in every operation and mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

import haliax_refs
from haliax_refs import NamedRef
from haliax_refs._indexing.layout import Layout
from haliax_refs._indexing.plan import key_of
from haliax_refs._indexing.selectors import Collector, parse
from tests.refs.strategies import COMPILES


pytestmark = pytest.mark.usefixtures("unoptimized")
SIZE = 6
DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
START = np.arange(SIZE, dtype=np.float32) * 10

# Those just inside and just outside, and those that come back in when they are cut down to 32 bits or fewer.
EDGES = [i + far for far in (0, 2**8, 2**16, 2**31, 2**32, 2**62, 2**63) for i in (-SIZE - 1, -SIZE, -1, 0, 1, SIZE)]
EDGES += [-i for i in EDGES] + [2**64 - 1, 2**32 - 1]


def positions_of(dtype: str) -> st.SearchStrategy[list[int]]:
    info = np.iinfo(dtype)
    edges = sorted({i for i in EDGES if info.min <= i <= info.max})
    return st.lists(st.sampled_from(edges), min_size=2, max_size=2)


def wrapped(i: int, size: int) -> int:
    return i + size if i < 0 else i


def oracle(what: str, at: list[int], part: slice, mode: str | None) -> tuple[np.ndarray, list[float] | None]:
    """What NumPy holds afterwards, and what was read, by Python's own integers of any size."""
    held = START.copy()
    view = held[part]
    size, read = len(view), []
    inside = [-size <= i < size for i in at]
    for i, ok in zip(at, inside, strict=True):
        clipped = min(max(wrapped(i, size), 0), size - 1)
        read.append(view[clipped] if ok or mode != "fill" else -1.0)
    for i, ok in zip(at, inside, strict=True):
        # With no mode, an index array of a whole axis is dropped where it writes out of bounds, as jax.Ref does.
        dropped = not ok and (mode in ("fill", "drop") or (mode is None and size == SIZE and len(at) > 1))
        if what != "get" and not dropped:
            clipped = min(max(wrapped(i, size), 0), size - 1)
            view[clipped] = view[clipped] + 1 if what == "add" else 1
    return held, read if what in ("get", "swap") else None


def run(what: str, ref: NamedRef, at: Any, part: slice, mode: str | None) -> Any:
    here = ref.slice({"x": part})
    fill = {"fill_value": -1.0} if mode == "fill" else {}
    index = {"x": at}
    match what:
        case "get":
            return haliax_refs.get(here, index, mode=mode, **fill).array
        case "set":
            haliax_refs.set(here, index, 1.0, mode=mode)
        case "swap":
            return haliax_refs.swap(here, index, 1.0, mode=mode, **fill).array
        case "add":
            haliax_refs.addupdate(here, index, 1.0, mode=mode)
    return jnp.zeros(())


RUNS: dict[Any, Callable[..., Any]] = {}


def jitted(what: str, part: slice, mode: str | None) -> Callable[..., Any]:
    """Jitted once for each structure and dtype, and not for each example."""

    def function(ref: NamedRef, at: Any) -> Any:
        return run(what, ref, at, part, mode)

    return RUNS.setdefault((what, part.start, mode), jax.jit(function))


@pytest.mark.parametrize("mode", [None, "clip", "fill"])
@pytest.mark.parametrize("part", [slice(None), slice(1, 5)], ids=["whole", "part"])
@pytest.mark.parametrize("rank", [0, 1])
@COMPILES
@given(data=st.data())
def test_what_is_out_of_bounds_stays_so(mode: str | None, part: slice, rank: int, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(DTYPES))
    what = data.draw(st.sampled_from(["get", "set", "swap", "add"]))
    at = data.draw(positions_of(dtype))
    at = at if rank else at[:1]
    with jax.enable_x64(True):
        index = jnp.asarray(np.array(at if rank else at[0], dtype))
        held, read = oracle(what, at, part, mode)
        for call in (run, None):
            ref = hax.new_ref(jnp.asarray(START), "x")
            got = run(what, ref, index, part, mode) if call else jitted(what, part, mode)(ref, index)
            if what == "swap" and mode is None and rank and part == slice(None):
                pass  # jax.Ref reads the last cell there, and writes none
            elif read is not None and not (what == "swap" and len(set(at)) < len(at)):
                np.testing.assert_array_equal(np.ravel(got), read)
            np.testing.assert_array_equal(ref[...].array, held)


@given(start=st.sampled_from(sorted({i for i in EDGES if -(2**63) <= i < 2**63})))
def test_a_window_of_64_bits_is_clamped_as_a_whole(start: int) -> None:
    with jax.enable_x64(True):
        ref = hax.new_ref(jnp.asarray(START), "x")
        for dtype in ("int64", "uint64"):
            if np.iinfo(dtype).min <= start <= np.iinfo(dtype).max:
                first = min(max(wrapped(start, SIZE), 0), SIZE - 3)
                got = ref["x", hax.ds(jnp.asarray(np.array(start, dtype)), 3)].array
                np.testing.assert_array_equal(got, START[first : first + 3])
                got = haliax_refs.get(ref, {"x": hax.ds(jnp.asarray(np.array(start, dtype)), 3)}, mode="fill")
                want = [START[i] if -SIZE <= i < SIZE else np.nan for i in range(start, start + 3)]
                np.testing.assert_array_equal(got.array, want)


# --- Static positions of any size ------------------------------------------------------------------------------------

LARGE = [0, 1, 3, SIZE, 2**31, 2**63, 2**70]
ANY = st.sampled_from([None, *LARGE, *(-i for i in LARGE if i)])


@given(start=ANY, stop=ANY, step=ANY.filter(lambda step: step != 0))
def test_slices_of_any_size_are_those_of_numpy(start: int | None, stop: int | None, step: int | None) -> None:
    ref, index = hax.new_ref(jnp.asarray(START), "x"), slice(start, stop, step)
    want = START.copy()
    np.testing.assert_array_equal(ref["x", index].array, START[index])
    assert jax.eval_shape(lambda: haliax_refs.new_ref(jnp.asarray(START), "x")["x", index]).size == len(START[index])
    ref["x", index] = 1.0
    want[index] = 1
    np.testing.assert_array_equal(ref[...].array, want)


@pytest.mark.parametrize("index", [2**70, -(2**70), [0, 2**70], [2**63, -1], range(2**70, 2**70 + 2), hax.ds(2**70, 2)])
def test_positions_of_any_size_are_out_of_bounds(index: Any) -> None:
    ref = hax.new_ref(jnp.asarray(START), "x")
    with pytest.raises(IndexError, match="out of bounds for axis 'x' with size 6"):
        ref["x", index]
    with pytest.raises(IndexError, match=r"with size 4 \(this view is 1:5 of an axis of size 6\)"):
        ref.slice({"x": slice(1, 5)})["x", index] = 1.0
    ref.at["x", index].set(1.0, mode="drop")
    want = START.copy()
    want[[i for i in index if -SIZE <= i < SIZE] if isinstance(index, list) else []] = 1
    np.testing.assert_array_equal(ref[...].array, want)


def test_an_index_is_not_none() -> None:
    ref = hax.new_ref(jnp.asarray(START), "x")
    with pytest.raises(TypeError, match=r"None.*\.\.\."):
        ref[None]


# --- Axes of 2**31 and more ------------------------------------------------------------------------------------------

HUGE = hax.Axis("x", 3 * 10**9)
FAR = 2**31 + 5


def on_huge(function: Callable[[NamedRef], Any]) -> Any:
    """Traced only: there is no memory for it."""
    return jax.eval_shape(lambda: function(haliax_refs.empty_ref((HUGE, hax.Axis("y", 2)), jnp.int8)))


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        ({"x": 5}, {"y": 2}),
        ({"x": slice(0, 4)}, {"x": 4, "y": 2}),
        ({"x": slice(FAR, FAR + 4)}, {"x": 4, "y": 2}),
        ({"x": slice(None, None, -1)}, {"x": HUGE.size, "y": 2}),
        ({"y": 1}, {"x": HUGE.size}),
    ],
)
def test_what_can_be_read_of_a_huge_axis(index: Any, shape: dict[str, int]) -> None:
    assert on_huge(lambda ref: ref[index]).shape == shape


@pytest.mark.parametrize(
    "index",
    [FAR, -1, slice(FAR, FAR + 4), slice(0, None, 2), [0, FAR], [-1], jnp.int32(3), jnp.array([1, 2]), hax.ds(FAR, 2)],
)
def test_what_jax_would_write_elsewhere_on_a_huge_axis_is_refused(index: Any) -> None:
    with pytest.raises(OverflowError, match=r"'x'.* size 3000000000.*int32.*split the axis"):
        on_huge(lambda ref: haliax_refs.set(ref, {"x": index}, 1))
    with pytest.raises(OverflowError, match=r"'x'.* size 3000000000.*int32.*split the axis"):
        on_huge(lambda ref: ref.slice({"x": slice(FAR, None)})["y", 0, "x", 2])


# --- The two readers of an index -------------------------------------------------------------------------------------

SIMPLE = st.one_of(
    st.integers(-SIZE, SIZE - 1),
    st.builds(slice, ANY, ANY, ANY.filter(lambda step: step != 0)),
    st.integers(0, 3).map(jnp.int32),
    st.just(hax.named(jnp.int32(2), ())),
)
VIEWS = st.sampled_from([{}, {"x": slice(None, None, -1)}, {"x": slice(1, 5, 2)}, {"y": slice(2, 0, -1)}])


@given(view=VIEWS, index=st.dictionaries(st.sampled_from(["x", "y"]), SIMPLE), lift=st.booleans(), pairs=st.booleans())
def test_a_key_and_the_parser_agree(view: Any, index: Any, lift: bool, pairs: bool) -> None:
    """The key takes the values that the parser takes, and equal keys stand for equal layouts."""
    whole = Layout.whole((hax.Axis("x", SIZE), hax.Axis("y", 3)))
    outer = Collector()
    layout = whole.select(parse(view, whole, outer), 0, 0)
    layout, scalars = layout.lifted() if lift else (layout, ())
    idx = tuple(entry for pair in index.items() for entry in pair) if pairs else index
    by_key, by_parser = Collector(len(scalars), lift=lift), Collector(len(scalars), lift=lift)
    try:
        selections = parse(idx, layout, by_parser)
    except IndexError:
        return
    key = key_of(layout, idx, by_key)
    if key is None:
        assert any(not layout.shape[name] for name in index)
        return
    operands = len(by_parser.new_operands)
    part = layout.select(selections, operands, len(scalars) + len(by_parser.new_scalars))
    assert by_key.new_scalars == by_parser.new_scalars
    assert [np.asarray(value).tolist() for value in by_key.new_operands] == [
        np.asarray(value).tolist() for value in by_parser.new_operands
    ]
    assert SEEN.setdefault((layout, key), part) is part


SEEN: dict[Any, Layout] = {}


# --- What a read is does not depend on other refs --------------------------------------------------------------------


def test_no_read_is_weakly_typed_whatever_other_refs_were_made_of() -> None:
    made_of_weak, strong = hax.new_ref(hax.full({"x": 4}, 1.0)), hax.new_ref(hax.zeros({"x": 4}))
    raw = jax.new_ref(jnp.full(4, 1.0))  # which is weakly typed
    weak = haliax_refs.wrap(raw, "x")
    assert weak[...].array.weak_type == raw[...].weak_type  # from jax 0.12 on, a ref is never of a weak type
    for ref in (made_of_weak, strong):
        ref["x", 0] = 1.001
        haliax_refs.addupdate(ref, {"x": 1}, 2.0)
        for read in (ref[...], ref["x", 0], ref["x", 0:2], haliax_refs.swap(ref, {"x": 0}, 1.0)):
            assert not read.array.weak_type
        assert not jax.jit(lambda ref: ref[...])(ref).array.weak_type
    assert not hax.new_ref(0.0)[...].array.weak_type
    assert (strong[...] * hax.ones({"x": 4}, dtype=jnp.bfloat16)).dtype == jnp.float32


def test_a_memory_space_makes_no_kernel() -> None:
    # In a kernel, what duplicates overwrite is not looked for: it would take constant arrays.
    def loss(values: Any, space: Any) -> Any:
        ref = haliax_refs.new_ref(jnp.zeros(3), "x", memory_space=space)
        ref["x", [0, 0]] = values
        return ref["x", 0].array

    for space in (None, jax.memory.Space.Device):
        grad = jax.jit(jax.grad(loss), static_argnums=1)(jnp.array([1.0, 2.0]), space)
        assert grad.tolist() == [0, 1]


def test_hints_of_named_arrays_are_taken() -> None:
    ref = hax.new_ref(jnp.asarray(START), "x")
    at, hints = ref.at["x", jnp.array([1, 2])], {"unique_indices": True, "indices_are_sorted": True}
    at.set(1.0, **hints)
    at.add(1.0, **hints)
    at.multiply(3.0, **hints)
    at.apply(jnp.negative, **hints)
    assert at.get(**hints).array.tolist() == [-6, -6]
