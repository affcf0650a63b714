"""The operations: a closed set of records, each of which says all that a program depends on but for its `Target`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import jax
import numpy as np

from .._compat import Tracer
from .dtypes import is_keys


Array: TypeAlias = "jax.Array | np.ndarray[Any, Any] | np.generic | bool | int | float | complex"
Reduction: TypeAlias = Literal["multiply", "divide", "power", "min", "max"]


@dataclass(frozen=True, slots=True)
class Fill:
    """What is read out of bounds, compared by its bytes: 0.0 and -0.0 are equal, and NaN is not even equal to itself.

    Attributes:
        value: None for the default of `jax.numpy`. A traced one is no key: what is traced is run at once.
    """

    value: Any = field(compare=False)
    bytes: Any

    @staticmethod
    def of(value: Any) -> Fill:
        if value is None or isinstance(value, Tracer):
            return DEFAULT if value is None else Fill(value, None)
        dtype = getattr(value, "dtype", None)
        known = np.asarray(jax.random.key_data(value) if dtype is not None and is_keys(dtype) else value)
        return Fill(value, (type(value), dtype or known.dtype, known.tobytes()))


DEFAULT = Fill(None, None)


@dataclass(frozen=True, slots=True)
class Get:
    """Read."""

    fill: Fill = DEFAULT


GET = Get()


@dataclass(frozen=True, slots=True)
class Set:
    """Write."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Write, and return what was there."""

    fill: Fill = DEFAULT


@dataclass(frozen=True, slots=True)
class Add:
    """Add, as `jax.ref.addupdate` does."""


@dataclass(frozen=True, slots=True)
class Reduce:
    """Combine with what is there by a ufunc, once for each mention of an index that is mentioned twice."""

    name: Reduction


@dataclass(frozen=True, slots=True)
class Apply:
    """Replace what is there by a function of it."""

    function: Callable[[jax.Array], Array]


Operation: TypeAlias = Get | Set | Swap | Add | Reduce | Apply
