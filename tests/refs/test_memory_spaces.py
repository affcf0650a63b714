"""Refs whose buffer is in another memory than the device's own: they work as others do, and stay where they are."""

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs  # noqa: F401  # opts in


def in_host_memory() -> hax.NamedRef:
    """A ref of [0, 1, 2, 3] in the host's memory, where this jax makes such outside of jit."""
    if jax.__version_info__ < (0, 12):
        pytest.skip("jax 0.12 is the first that makes refs in host memory outside of jit")
    array = jax.device_put(jnp.arange(4.0), jax.memory.Space.Host)
    if array.sharding.memory_kind == jax.devices()[0].default_memory().kind:
        pytest.skip("this device has one kind of memory")
    return hax.new_ref(hax.named(array, "x"))


def place(ref: hax.NamedRef) -> str | None:
    return ref.sharding.memory_kind


def test_writes_of_every_kind_keep_a_buffer_in_host_memory() -> None:
    """Each of them ended the process: a donated buffer in host memory came back in the device's."""
    ref = in_host_memory()
    where = place(ref)
    ref["x", 1] = 9.0
    ref.slice({"x": slice(None, None, -1)})["x", 0] = -1.0
    hax.ref.addupdate(ref, {"x": 0}, 2.0)
    assert hax.swap(ref, {"x": 2}, 7.0).item() == 2.0
    ref.at["x", [0, 1]].multiply(2.0)
    np.testing.assert_array_equal(ref[...].array, [4.0, 18.0, 7.0, -1.0])
    ref.at[...].apply(jnp.negative)
    np.testing.assert_array_equal(ref[...].array, [-4.0, -18.0, -7.0, 1.0])
    ref[...] = 0.5
    assert place(ref) == where
    np.testing.assert_array_equal(hax.freeze(ref).array, [0.5] * 4)


def test_a_compiled_function_and_a_tree_of_values_write_to_it() -> None:
    ref = in_host_memory()
    where = place(ref)

    @jax.jit
    def write(ref: hax.NamedRef, position: jax.Array) -> hax.NamedArray:
        ref["x", position] = 7.0
        return ref["x", 3]

    assert write(ref, 1).item() == 3.0
    assert place(ref) == where
    hax.ref.update({"ref": ref}, {"ref": ref[...] + 1.0})
    assert place(ref) == where
    np.testing.assert_array_equal(ref[...].array, [1.0, 8.0, 3.0, 4.0])
