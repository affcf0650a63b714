"""How a ref is pickled and copied: by its contents, once for all views of its buffer.

jax pickles a `jax.Ref` by its parts, which from jax 0.11 on gives a ref that cannot be written.
"""

from __future__ import annotations

import weakref
from typing import Any

import jax
import jax.numpy as jnp
from haliax import Axis
from jax.sharding import NamedSharding, PartitionSpec

from ._access.operations import read
from ._compat import mesh_that_is_set
from ._handle import Handle
from ._indexing.layout import Layout
from ._lifetime import is_eager, new_raw
from ._locks import new_lock
from ._types import Array


class Buffer:
    """Stands for a `jax.Ref` while it is pickled or copied, and comes back as a new one.

    It is one object for one buffer as long as anything holds it, as pickle's memo does: so the views of a buffer, and
    the `jax.Ref` itself, share what comes back.
    """

    __slots__ = ("__weakref__", "raw")

    def __init__(self, raw: jax.Ref) -> None:
        self.raw = raw

    def __reduce__(self) -> tuple[Any, ...]:
        if not is_eager():
            raise TypeError(
                f"cannot pickle a ref of shape {self.raw.shape} within a function that jax traces: it has no contents "
                "there; pickle it outside"
            )
        array = contents(self.raw)
        return unpickled, (array, _kind(self.raw), getattr(array.sharding, "spec", None))

    def __deepcopy__(self, memo: dict[int, Any]) -> jax.Ref:
        # not by pickle, so that the sharding is kept, and that it works while tracing
        return rebuilt(contents(self.raw), _kind(self.raw))


# the id of a `jax.Ref` -> its `Buffer`, which keeps it alive, so that the id is its own; looked up and entered under a
# lock, or two threads that pickle at once might each have one, and views of one buffer come back as of two
_BUFFERS: weakref.WeakValueDictionary[int, Buffer] = weakref.WeakValueDictionary()
_BUFFERS_LOCK = new_lock()


def buffer_of(raw: jax.Ref) -> Buffer:
    """The one `Buffer` of a `jax.Ref`."""
    with _BUFFERS_LOCK:
        return _BUFFERS.setdefault(id(raw), Buffer(raw))


def rebuilt(array: Array, kind: str | None) -> jax.Ref:
    """A new `jax.Ref` with these contents."""
    options = {} if kind is None else {"kind": kind}
    return new_raw(jnp.asarray(array), **options)


def unpickled(array: jax.Array, kind: str | None, spec: PartitionSpec | None) -> jax.Ref:
    """A new `jax.Ref` with these contents, which jax has put on one device: from there to the mesh that is set.

    They are divided as they were, if that mesh has the axes of `spec` and they divide the shape; else each device has
    all. Where no mesh is set, they stay where they are: a program for one device takes them, and no program for more.
    """
    mesh = mesh_that_is_set() if is_eager() else None
    if mesh is None or mesh.empty:
        return rebuilt(array, kind)
    whole = NamedSharding(mesh, PartitionSpec())
    try:
        placed = jax.device_put(array, NamedSharding(mesh, spec) if spec is not None else whole)
    except ValueError:
        placed = jax.device_put(array, whole)
    return rebuilt(placed, kind)


def contents(raw: jax.Ref) -> jax.Array:
    """What a `jax.Ref` holds, by the programs of a named one, of which a bounded number is kept.

    Raises:
        RuntimeError: it was frozen or freed.
    """
    array: jax.Array = read(nameless(Handle, raw), ...).array
    return array


def nameless(kind: type[Handle], raw: jax.Ref) -> Any:
    """A handle, of this class, of a `jax.Ref` without names: its axes are dim0, dim1 and so on."""
    handle = object.__new__(kind)
    handle._ref, handle._operands, handle._fits = raw, (), False
    handle._layout = Layout.whole(tuple(Axis(f"dim{i}", size) for i, size in enumerate(raw.shape)))
    return handle


def reduced(raw: jax.Ref) -> tuple[Any, ...]:
    """How a `jax.Ref` by itself is pickled, while the package is installed."""
    return itself, (buffer_of(raw),)


def itself(raw: jax.Ref | Buffer) -> jax.Ref:
    """The `jax.Ref` that came back; or, of a shallow copy, the one that is copied."""
    return raw.raw if isinstance(raw, Buffer) else raw


def _kind(raw: jax.Ref) -> str | None:
    return getattr(jax.typeof(raw), "kind", None)
