"""jax's own errors about refs, said in the words of named axes."""

from __future__ import annotations

from typing import Any

from .._compat import UNBATCHED_WRITE, UNDIFFERENTIATED_WRITE, VARIED_BY
from .._indexing.describe import listed
from .._indexing.layout import Layout


def explain(error: Exception, dtype: Any, layout: Layout) -> Exception | None:
    """An error of jax's about a ref in our words, with the axes and the way out; None where it has said enough.

    jax has no type of its own for these errors. Where its words change, they pass through as they are.
    """
    text = str(error)
    found = f"a {dtype} NamedRef with axes {listed(layout.base)}"
    if UNBATCHED_WRITE in text:
        return ValueError(
            f"cannot write to {found} under vmap: it is not mapped, so each instance would "
            "write the same cells; pass the ref to hax.vmap as an argument that has the mapped axis, or return the "
            "value and write it outside"
        )
    if UNDIFFERENTIATED_WRITE in text:
        return ValueError(
            f"cannot write a differentiated value to {found}, which is not differentiated; "
            "write jax.lax.stop_gradient(value), or make the ref inside the function"
        )
    return None


def unvarying(dtype: Any, layout: Layout, names: tuple[str, ...]) -> ValueError:
    """A write of, or at, what differs from device to device to what is the same on all of them."""
    return ValueError(
        f"cannot write what varies over the mesh axes {', '.join(map(repr, names))} to a {dtype} NamedRef with axes "
        f"{listed(layout.base)}, which is the same over them; within jax.shard_map, make the ref of "
        f"{VARIED_BY.format(names)}, or pass it with in_specs that divide it"
    )
