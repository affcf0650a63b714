"""Within `jax.shard_map`: what is the same on all devices, and what varies over the mesh, meet in refs."""

from __future__ import annotations

from collections.abc import Callable

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec as P

from haliax_refs import _compat


pytestmark = pytest.mark.usefixtures("unoptimized")


def on_a_mesh(function: Callable[[jax.Array], jax.Array]) -> np.ndarray:
    """`function` of [0, 1, 2], which varies over the one axis of a mesh of one device: jax looks at types alone."""
    mesh = jax.make_mesh((1,), ("devices",), axis_types=(AxisType.Auto,))
    mapped = jax.shard_map(function, mesh=mesh, in_specs=P("devices"), out_specs=P("devices"))
    return np.asarray(jax.jit(mapped)(jnp.arange(3.0)))


def position(varying: jax.Array) -> jax.Array:
    return varying[1].astype(int)


WRITES: dict[str, Callable[[hax.NamedRef, jax.Array], object]] = {
    "a cell": lambda ref, x: ref.__setitem__(("z", 0), x[0]),
    "all": lambda ref, x: ref.__setitem__(..., x),
    "cells": lambda ref, x: hax.ref.set(ref, {"z": [2, 0]}, x[:2]),
    "through a view": lambda ref, x: ref.slice({"z": slice(None, None, -1)}).__setitem__(("z", 0), x[0]),
    "to be added": lambda ref, x: hax.ref.addupdate(ref, {"z": 0}, x[0]),
    "by swap": lambda ref, x: hax.swap(ref, {"z": 0}, x[0]),
    "the greater": lambda ref, x: ref.at["z", 0].max(x[0]),
    "at a position that varies": lambda ref, x: ref.__setitem__(("z", position(x)), 1.0),
    "to a view at one": lambda ref, x: ref.slice({"z": position(x)}).__setitem__(..., 1.0),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_varies_is_not_written_to_what_does_not(write: Callable[[hax.NamedRef, jax.Array], object]) -> None:
    def plain(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(hax.zeros({"z": 3}))
        write(ref, x)
        return ref[...].array

    with pytest.raises(ValueError, match=r"'devices'.*float32 NamedRef with axes \(z=3\).*in_specs"):
        on_a_mesh(plain)


def test_it_is_written_to_what_varies() -> None:
    """By all of these writes, to a ref that is made as the error says."""

    def varying(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(_compat.varied(jnp.zeros(3), ("devices",)), "z")
        out = []
        for write in WRITES.values():
            write(ref, x)
            out.append(ref[...].array)
        return jnp.stack(out)

    expected = [[0, 0, 0], [0, 1, 2], [1, 1, 0], [1, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]]
    np.testing.assert_array_equal(on_a_mesh(varying), expected)


def test_what_does_not_vary_is_read_at_positions_that_do() -> None:
    """jax itself fails at the end of the mapped function, as it takes what it reads so for the same on all devices."""

    def read(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(hax.arange({"z": 3}) + 5.0)
        view = ref.slice({"z": position(x)})
        ref["z", 1] = 9.0
        cells = [ref["z", position(x)], view[...], ref["z", position(x) + jnp.array([-1, 0])]]
        return jnp.concatenate([jnp.ravel(cell.array) for cell in cells])

    np.testing.assert_array_equal(on_a_mesh(read), [9, 9, 5, 9])
