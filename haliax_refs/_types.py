"""What parameters are: the types that signatures share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import Any, TypeAlias

import jax
import numpy as np
from haliax import Axis, NamedArray


# One thing that holds numbers or keys: what `jnp.asarray` takes, without names.
Array: TypeAlias = "jax.Array | np.ndarray[Any, Any] | np.generic | bool | int | float | complex"

# What may be written: broadcast by name if it has names, else of exactly the shape, or a scalar.
Value: TypeAlias = "NamedArray | Array | Sequence[Any]"

# What may stand for one axis. `object` for `hax.ds` and `pl.ds`, whose classes are not public.
Selector: TypeAlias = "int | slice[Any, Any, Any] | range | Sequence[int] | Array | NamedArray | object"

# What may stand between the brackets: a mapping, the pairs form, `...`. No axis or slice alone: it says too little.
# (The keys of a mapping are names or axes, or both; a mapping is invariant in its keys, so that no type says it.)
Selectors: TypeAlias = "Mapping[Any, Selector]"
Index: TypeAlias = "Selectors | tuple[Any, ...] | EllipsisType"

# A tree of whatever JAX takes for one. (`jaxtyping.PyTree`, for a type checker, is of unknown type.)
PyTree: TypeAlias = Any

Axes: TypeAlias = "Axis | str | Sequence[Axis | str] | Mapping[str, int]"
DType: TypeAlias = "jax.typing.DTypeLike | np.dtype[Any]"
Function: TypeAlias = Callable[..., Any]

# What jax and haliax hand through: as many, and of whatever kind, as the wrapped function takes.
Passed: TypeAlias = object
