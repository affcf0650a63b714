"""Which dimensions of a buffer are divided among devices, so that an access does not gather them.

XLA slices along a divided dimension by gathering all of it on every device, but reads and writes at index arrays where
the entries are. So along such a dimension windows and positions become index arrays (`index`).
"""

from __future__ import annotations

from typing import Any

import haliax.partitioning as partitioning
import jax
from jax.sharding import NamedSharding

from .._compat import Tracer, has_axis_mapping
from .._indexing.layout import Layout


_REFS = (Tracer, jax.Ref)  # of a tracer it is quicker to tell


def is_in_kernel(ref: Any) -> bool:
    """Whether it is a ref of a Pallas kernel, or a part of one, for which `.at` has no type of its own."""
    whole = ref if isinstance(ref, _REFS) else ref.ref
    return getattr(jax.typeof(whole), "memory_space", None) is not None


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
