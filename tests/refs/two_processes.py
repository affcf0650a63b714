"""One of two processes that share arrays: `python two_processes.py PORT NUMBER FOLDER`; a test starts both.

Each has two CPU devices, so that the mesh has four, and "batch" is divided by all of them: each process holds the
shards of one half. Both run the same lines, as jax asks, and each checks its own shards against NumPy.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


if __name__ == "__main__":  # before jax looks
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import haliax as hax
import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

import haliax_refs  # noqa: F401  # opts in


BATCH, TIME = hax.make_axes(batch=8, time=3)


def global_array(values: np.ndarray, divided: NamedSharding) -> hax.NamedArray:
    """An array of all processes; each makes the shards that it holds."""
    array = jax.make_array_from_callback(values.shape, divided, lambda index: values[index])
    assert not array.is_fully_addressable
    return hax.named(array, (BATCH, TIME))


def check(array: Any, expected: np.ndarray) -> None:
    """That the shards of this process are those of `expected`."""
    shards = array.addressable_shards
    assert shards
    for shard in shards:
        np.testing.assert_array_equal(np.asarray(shard.data), expected[shard.index])


def views(ref: hax.NamedRef, values: np.ndarray) -> None:
    """Written through views, outside of jit: of the divided axis and of the other one, and of both in steps."""
    ref["time", 1] = 5.0
    values[:, 1] = 5.0
    for position in (2, 6):  # one of each process
        row = ref.slice({"batch": position})
        row["time", 0] += 10.0
        values[position, 0] += 10.0
    ref.slice({"time": slice(None, None, -1)}).slice({"batch": slice(1, 7, 2)})["time", 0] = -1.0
    values[1:7:2, 2] = -1.0
    check(ref[...].array, values)
    check(ref["time", 0].array, values[:, 0])
    assert len(ref[...].array.addressable_shards) == 2


@jax.jit
def step(ref: hax.NamedRef, momentum: hax.NamedRef, at: jax.Array) -> hax.NamedArray:
    momentum[...] = 0.5 * momentum[...] + 1.0
    ref["time", at] += momentum["time", at]
    return hax.mean(ref[...])


def steps(ref: hax.NamedRef, momentum: hax.NamedRef, values: np.ndarray) -> None:
    """Stepped in jit, at a traced position; the mean is over the shards of both processes."""
    speed = np.zeros_like(values)
    for at in (0, 2):
        mean = step(ref, momentum, at)
        speed = 0.5 * speed + 1.0
        values[:, at] += speed[:, at]
        np.testing.assert_allclose(np.asarray(mean.array), values.mean(), rtol=1e-6)
    check(ref[...].array, values)
    check(momentum[...].array, speed)


def checkpoint(tree: dict[str, hax.NamedRef], expected: dict[str, np.ndarray], folder: Path) -> None:
    """Saved by orbax, each process its own shards, and restored in place into refs that hold something else."""
    ocp = pytest.importorskip("orbax.checkpoint")
    other = {name: hax.new_ref(hax.zeros_like(ref[...])) for name, ref in tree.items()}
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder / "step", hax.ref.values_of(tree))
        checkpointer.wait_until_finished()
        hax.ref.update(other, checkpointer.restore(folder / "step", hax.ref.values_of(other)))
    for name, ref in other.items():
        check(ref[...].array, expected[name])
        assert ref.sharding.is_equivalent_to(tree[name].sharding, 2)


def main(port: int, number: int, folder: Path) -> None:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=number)
    assert (jax.process_count(), jax.device_count(), jax.local_device_count()) == (2, 4, 2)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
    divided = NamedSharding(mesh, P("data", None))
    values = np.arange(24.0, dtype=np.float32).reshape(8, 3)
    with jax.set_mesh(mesh), hax.axis_mapping({"batch": "data"}):
        ref = hax.new_ref(global_array(values, divided))
        momentum = hax.new_ref(global_array(np.zeros_like(values), divided))
        views(ref, values)
        steps(ref, momentum, values)
        assert ref.sharding.is_equivalent_to(divided, 2)
        checkpoint(
            {"momentum": momentum, "weights": ref}, {"momentum": np.full((8, 3), 1.5), "weights": values}, folder
        )
        check(hax.freeze(ref).array, values)
    print(f"process {number} of 2: all shards agree")
    jax.distributed.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
