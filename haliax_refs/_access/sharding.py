"""Which dimensions of a buffer are divided among devices, so that an access does not gather them.

XLA slices along a divided dimension by gathering all of it on every device, but reads and writes at index arrays where
the entries are. So along such a dimension windows and positions become index arrays (`index`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import haliax.partitioning as partitioning
import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from .._compat import JAX_VERSION, Tracer, has_axis_mapping, in_kernel, varied, varies_over
from .._indexing.layout import Layout
from .._indexing.views import Strided, Window


_REFS = (Tracer, jax.Ref)  # of a tracer it is quicker to tell


def explicit_sharding(ref: jax.Ref) -> NamedSharding | None:
    """The sharding that is part of a ref's type, where a mesh with explicit axes divides it (an old jax: has it)."""
    if not isinstance(ref, _REFS):  # a part of a kernel's
        return None
    aval = jax.typeof(ref)
    # The type of a ref wraps that of what it holds.
    sharding = getattr(getattr(aval, "inner_aval", aval), "sharding", None)
    # The mesh first: without one the spec says nothing, and takes longer to look through.
    if not isinstance(sharding, NamedSharding) or not sharding.mesh.axis_names:
        return None
    if any(sharding.spec):
        return sharding
    # An old jax refuses to write what lies on no mesh into what lies, undivided, on one with explicit axes.
    return sharding if JAX_VERSION < (0, 10) and _is_explicit(sharding) else None


def _is_explicit(sharding: NamedSharding) -> bool:
    return any(kind == AxisType.Explicit for kind in sharding.mesh.axis_types)


def sharding_of_part(layout: Layout, sharding: NamedSharding) -> NamedSharding:
    """How what is read of a buffer is divided: as the buffer, along each axis that comes in equal parts.

    >>> import jax, numpy as np
    >>> from haliax import Axis
    >>> from jax.sharding import Mesh
    >>> mesh = Mesh(np.array(jax.devices()[:1]), ("data",))
    >>> divided = NamedSharding(mesh, PartitionSpec("data"))
    >>> sharding_of_part(Layout.whole((Axis("x", 4),)), divided) == divided
    True
    """
    parts: dict[str, Any] = {}
    for view, names in zip(layout.views, sharding.spec, strict=False):
        if names is not None and isinstance(view, Strided | Window):
            devices = math.prod(sharding.mesh.shape[name] for name in (names if isinstance(names, tuple) else (names,)))
            # jax refuses a sharding that leaves parts of different sizes; such an axis is not divided.
            if layout.shape[view.axis] % devices == 0:
                # Two dimensions that are paired show one axis, which can be divided in one way only: the first.
                parts.setdefault(view.axis, names)
    return NamedSharding(sharding.mesh, PartitionSpec(*(parts.get(axis.name) for axis in layout.axes)))


def is_manual() -> bool:
    """Whether this is traced within `jax.shard_map`.

    >>> is_manual()
    False
    """
    return bool(getattr(jax.sharding.get_abstract_mesh(), "manual_axes", ()))


def beyond(ref: jax.Ref, parts: Iterable[Any]) -> tuple[str, ...]:
    """The mesh axes over which one of `parts` varies, and a ref within `jax.shard_map` does not."""
    return tuple(sorted(frozenset().union(*map(varies_over, parts)) - varies_over(ref)))


def varying_copy(ref: jax.Ref, names: tuple[str, ...]) -> jax.Ref:
    """A ref of the same contents that varies over these mesh axes, too: to be read at positions that do."""
    return jax.new_ref(varied(ref[tuple(slice(0, size) for size in ref.shape)], names))


def is_in_kernel(ref: Any) -> bool:
    """Whether it is a ref of a Pallas kernel, or a part of one, for which `.at` has no type of its own."""
    whole = ref if isinstance(ref, _REFS) else ref.ref
    # Outside of a kernel, `new_ref` takes a memory space, too.
    return getattr(jax.typeof(whole), "memory_space", None) is not None and in_kernel()


WHOLE: frozenset[int] = frozenset()


def divided_by(sharding: Any) -> frozenset[int]:
    """The dimensions that a sharding divides.

    >>> import jax, numpy as np
    >>> from jax.sharding import Mesh, PartitionSpec
    >>> mesh = Mesh(np.array(jax.devices()[:1]), ("data",))
    >>> divided_by(NamedSharding(mesh, PartitionSpec(None, "data")))
    frozenset({1})
    """
    if not isinstance(sharding, NamedSharding):
        return WHOLE
    return frozenset(dim for dim, names in enumerate(sharding.spec) if names is not None)


def divided_by_mapping(layout: Layout) -> frozenset[int]:
    """The dimensions of a traced buffer that `hax.axis_mapping` divides, if there is one: a tracer has no sharding.

    >>> from haliax import Axis
    >>> divided_by_mapping(Layout.whole((Axis("x", 4),)))
    frozenset()
    """
    if not has_axis_mapping():
        return WHOLE
    return frozenset(
        dim for dim, axis in enumerate(layout.base) if partitioning.physical_axis_name(axis.name) is not None
    )
