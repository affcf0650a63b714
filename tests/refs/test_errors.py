"""What is refused: the type of the error, the values in its message, and that nothing was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import pallas as pl

import haliax_refs


pytestmark = pytest.mark.usefixtures("unoptimized")
Layer, Head, Key = hax.make_axes(layer=24, head=8, key=3)


def cache() -> haliax_refs.NamedRef:
    return haliax_refs.new_ref(hax.named(jnp.arange(24.0 * 8 * 3).reshape(24, 8, 3), (Layer, Head, Key)))


class Nonsense:
    """Not an index, and not even hashable."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Nonsense()"


# What is asked of a view of layers 2 to 4, the error, and the facts in its message.
REFUSED: dict[str, tuple[Any, type[Exception] | tuple[type[Exception], ...], str]] = {
    "a position past the end": ({"layer": 5}, IndexError, r"5.*'layer'.*\b3\b.*2:5.*24"),
    "a position before the start": ({"layer": -4}, IndexError, r"-4.*'layer'.*\b3\b"),
    "an entry past the end": ({"layer": [0, 7]}, IndexError, r"7.*'layer'.*\b3\b"),
    "an entry of an array past the end": ({"layer": np.array([0, -9])}, IndexError, r"-9.*'layer'.*\b3\b"),
    "an entry of a range past the end": ({"layer": range(1, 5)}, IndexError, r"'layer'.*\b3\b"),
    "a window past the end": ({"layer": hax.ds(2, 2)}, IndexError, r"2.*'layer'.*\b3\b"),
    "a strided window past the end": ({"layer": pl.ds(0, 2, 3)}, IndexError, r"'layer'.*\b3\b"),
    "a window that is too large": ({"layer": hax.ds(0, 4)}, (IndexError, ValueError), r"4.*'layer'.*\b3\b"),
    "a window of negative size": ({"layer": hax.ds(0, -1)}, (IndexError, ValueError), r"-1.*'layer'|'layer'.*-1"),
    "a float": ({"layer": 1.0}, TypeError, r"1\.0.*'layer'|'layer'.*1\.0"),
    "a NumPy float": ({"layer": np.float32(1)}, TypeError, r"'layer'.*float|float.*'layer'"),
    "an array of floats": ({"layer": np.array([0.0, 1.0])}, TypeError, r"'layer'.*float|float.*'layer'"),
    "a jax array of floats": ({"layer": jnp.array([0.0])}, TypeError, r"'layer'.*float|float.*'layer'"),
    "a NamedArray of floats": (
        {"layer": hax.named(jnp.array([0.0]), "i")},
        TypeError,
        r"'layer'.*float|float.*'layer'",
    ),
    "a list of floats": ({"layer": [0.0, 1.0]}, TypeError, r"'layer'.*float|float.*'layer'|0\.0.*'layer'"),
    "True": ({"layer": True}, TypeError, r"True.*'layer'|'layer'.*True"),
    "a NumPy bool": ({"layer": np.True_}, TypeError, r"True.*'layer'|'layer'.*(True|bool)|bool.*'layer'"),
    "a 0-d bool": ({"layer": jnp.array(True)}, TypeError, r"'layer'.*bool|bool.*'layer'"),
    "None": ({"layer": None}, TypeError, r"None.*'layer'|'layer'.*None"),
    "a string": ({"layer": "head"}, TypeError, r"head.*'layer'|'layer'.*head"),
    "nonsense": ({"layer": Nonsense()}, TypeError, r"Nonsense.*'layer'|'layer'.*Nonsense"),
    "a ragged list": ({"layer": [[0], [1, 2]]}, TypeError, r"axis 'layer' with \[\[0\], \[1, 2\]\].*length"),
    "a nested list": ({"layer": [[0, 1], [1, 2]]}, (TypeError, ValueError, IndexError), r"'layer'"),
    "an unnamed array of two axes": (
        {"layer": jnp.zeros((2, 2), int)},
        (TypeError, ValueError),
        r"'layer'.*2|2.*'layer'",
    ),
    "a mask of another size": ({"layer": np.array([True, False])}, IndexError, r"'layer'.*\b2\b.*\b3\b"),
    "a mask over another axis": (
        {"layer": hax.named(jnp.ones(8, bool), Head)},
        (IndexError, TypeError, ValueError),
        r"'layer'.*head|head.*'layer'",
    ),
    "a slice with a step of 0": ({"layer": slice(None, None, 0)}, ValueError, r"'layer'.*(0|zero)|(0|zero).*'layer'"),
    "a slice with a float": ({"layer": slice(0.5, None)}, TypeError, r"0\.5.*'layer'|'layer'.*0\.5"),
    "an unknown axis": ({"haed": 0}, ValueError, r"'haed'.*did you mean 'head'"),
    "an axis of another size": ({Layer: 0}, ValueError, r"layer.*24.*\b3\b|layer.*\b3\b.*24"),
    "an axis twice": (("layer", 0, "layer", 1), ValueError, r"'layer'.*twice|twice.*'layer'"),
    "an axis and its name": ({"head": 0, Head: 1}, ValueError, r"'head'.*twice|twice.*'head'"),
    "an odd number of parts": (("layer", 0, "head"), ValueError, r"head|3|pairs"),
    "an ellipsis in the middle": (("layer", 0, ..., "head", 1), (ValueError, TypeError), r"\.\.\.|llipsis"),
    "an ellipsis first": ((..., "head", 1), ValueError, r"'\.\.\.' must come last"),
    "a bare slice of all": (slice(None), TypeError, r"the slice ':'"),
    "a bare int": (0, TypeError, r"\b0\b|int"),
    "a bare slice": (slice(0, 2), TypeError, r"0:2"),
    "an unhashable key": ([("layer", 0)], TypeError, r"list|layer"),
    "a key that names nothing": ({0: 1}, (TypeError, ValueError), r"\b0\b"),
    "indices that do not pair": (
        {"layer": hax.named(jnp.array([0, 1]), "i"), "head": hax.named(jnp.array([0, 1, 2]), "i")},
        ValueError,
        r"'?i'?\b.*(2.*3|3.*2)",
    ),
    "an index along an axis of another size": (
        {"layer": hax.named(jnp.array([0, 1]), "key")},
        ValueError,
        r"key.*(2.*3|3.*2)",
    ),
}


def operations(index: Any) -> dict[str, Callable[[Any], Any]]:
    return {
        "read": lambda view: view[index],
        "slice": lambda view: view.slice(index),
        "write": lambda view: view.__setitem__(index, -1.0),
        "swap": lambda view: haliax_refs.swap(view, index, -1.0),
        "addupdate": lambda view: haliax_refs.addupdate(view, index, -1.0),
        "at": lambda view: view.at[index].set(-1.0),
    }


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, jitted: bool) -> None:
    index, error, message = REFUSED[case]
    ref = cache()
    view = ref.slice({"layer": slice(2, 5)})
    before = np.asarray(ref[...].array)
    for name, operation in operations(index).items():
        with pytest.raises(error, match=message):
            (jax.jit(operation) if jitted else operation)(view)
        np.testing.assert_array_equal(np.asarray(ref[...].array), before, err_msg=name)


def test_an_axis_that_an_earlier_index_took() -> None:
    view = cache().slice({"head": 3})
    with pytest.raises(ValueError, match=r"'head'.*\b3\b.*layer.*24.*key.*3"):
        view[{"head": 0}]
    with pytest.raises(ValueError, match=r"'head'.*layer.*24.*key.*3"):
        cache().slice({"head": jnp.int32(3)})[{"head": 0}]


def test_unknown_axes_are_listed_where_none_is_close() -> None:
    with pytest.raises(ValueError, match=r"'zzz'.*layer.*head.*key"):
        cache()[{"zzz": 0}]


def test_a_traced_mask_has_no_static_size() -> None:
    ref = cache()
    for mask in (lambda keep: keep, lambda keep: hax.named(keep, "key")):
        with pytest.raises((TypeError, IndexError), match=r"'key'.*mask|mask.*'key'"):
            jax.jit(lambda ref, keep, mask=mask: ref[{"key": mask(keep)}])(ref, jnp.array([True, False, True]))


def test_a_traced_size_is_refused() -> None:
    for window in (hax.ds, pl.ds):
        with pytest.raises((TypeError, ValueError), match=r"'key'.*size|size.*'key'"):
            jax.jit(lambda ref, n, window=window: ref[{"key": window(0, n)}])(cache(), jnp.int32(2))
        with pytest.raises((TypeError, ValueError), match=r"'key'.*size|size.*'key'"):
            cache()[{"key": window(0, 1.5)}]


def test_a_traced_slice_bound_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"'key'[\s\S]*ds"):
        jax.jit(lambda ref, n: ref[{"key": slice(0, n)}])(cache(), jnp.int32(2))


def test_no_position_of_an_empty_axis_exists() -> None:
    """Not even a traced one: there is nothing to clamp to."""
    ref = haliax_refs.new_ref(hax.zeros((hax.Axis("x", 0), Key)))
    for index in ({"x": 0}, {"x": -1}, {"x": [0]}, {"x": hax.ds(0, 1)}):
        with pytest.raises((IndexError, ValueError), match=r"'x'.*\b0\b"):
            ref[index]
    for index in (lambda i: i, lambda i: i[None], lambda i: hax.named(i[None], "i"), lambda i: hax.ds(i, 1)):
        with pytest.raises((IndexError, ValueError), match=r"'x'.*\b0\b"):
            jax.jit(lambda ref, i, index=index: ref[{"x": index(i)}])(ref, jnp.int32(0))
    assert ref[{"x": []}].axes == ref.axes
    assert ref[{"x": hax.named(jnp.zeros(0, int), "i")}].axes == (hax.Axis("i", 0), Key)


def test_a_ref_is_no_number() -> None:
    """Reads are explicit, and the error says how."""
    ref = cache()
    for operation in (
        lambda: ref + 1,
        lambda: 1 + ref,
        lambda: ref * ref,
        lambda: -ref,
        lambda: ref / 2,
        lambda: 2.0 - ref,
        lambda: ref @ ref,
        lambda: ref < 1,
        lambda: abs(ref),
        lambda: ref + jnp.ones(3),
        lambda: ref + hax.ones(Key),
    ):
        with pytest.raises(TypeError, match=r"ref\[\.\.\.\]"):
            operation()
    with pytest.raises(TypeError, match=r"ref\[\.\.\.\] \+ 1"):
        ref + 1


def test_a_read_of_a_ref_is_never_implicit() -> None:
    ref = haliax_refs.new_ref(hax.named(jnp.arange(3.0), "x"))
    for operation in (lambda: float(ref), lambda: int(ref), lambda: list(ref), lambda: 1.0 in ref):
        with pytest.raises(TypeError):
            operation()


def test_an_augmented_write_reads_and_writes_the_same_cells() -> None:
    ref = cache()
    ref[{"layer": 1, "head": slice(None, None, -1)}] += 1.0
    want = np.arange(24.0 * 8 * 3).reshape(24, 8, 3)
    want[1] += 1
    np.testing.assert_array_equal(np.asarray(ref[...].array), want)


def test_attributes_of_a_ref_cannot_be_set() -> None:
    ref = cache()
    with pytest.raises(AttributeError):
        ref.axes = ()
    with pytest.raises(AttributeError):
        ref.some_new_attribute = 1
