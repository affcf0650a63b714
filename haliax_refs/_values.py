"""What may be written to a ref: checked against what the layout shows before anything is written."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray

from ._explicit import is_ref
from ._layout import Layout


def checked(value: Any, layout: Layout, dtype: Any) -> tuple[Any, tuple[str, ...]]:
    """A value that may be written to what `layout` shows, and the names of its axes."""
    if isinstance(value, NamedArray):
        array, names = value.array, tuple(axis.name for axis in value.axes)
        if not hasattr(array, "dtype"):
            array = jnp.asarray(array)
        for axis in value.axes:
            if layout.shape.get(axis.name) != axis.size:
                raise ValueError(f"cannot write axes {listed(value.axes)}: those shown are {listed(layout.axes)}")
    elif is_ref(value):
        raise TypeError(f"cannot write a {type(value).__name__}: reads are explicit; write other[...]")
    else:
        array, names = value if _is_scalar(value) or hasattr(value, "dtype") else np.asarray(value), ()
        shape = tuple(axis.size for axis in layout.axes)
        if np.ndim(array) and np.shape(array) != shape:
            way_out = "name its axes and it is broadcast: hax.named(value, axes)"
            raise ValueError(f"cannot write an array of shape {np.shape(array)} to {listed(layout.axes)}: {way_out}")
        if np.ndim(array):
            names = tuple(axis.name for axis in layout.axes)
    _check_cast(array, dtype)
    return array, names


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float | complex)


_KINDS = (jnp.bool_, jnp.unsignedinteger, jnp.signedinteger, jnp.floating, jnp.complexfloating)


@functools.lru_cache(maxsize=256)
def _kind(dtype: Any) -> int | None:
    return next((rank for rank, kind in enumerate(_KINDS) if jnp.issubdtype(dtype, kind)), None)


def _check_cast(value: Any, dtype: Any) -> None:
    """NumPy's "same_kind", for jax's dtypes; a Python int fits any integer dtype that holds its value."""
    weak = _is_scalar(value)
    given = jax.dtypes.canonicalize_dtype(type(value)) if weak else value.dtype
    if given == dtype:
        return
    have, want = _kind(given), _kind(dtype)
    weak = weak or getattr(value, "weak_type", False)
    if have is None or want is None or (have > want and not (weak and have == 2 and want == 1)):
        raise TypeError(f"cannot write {given} to a ref of {dtype}: it would lose its kind; cast it, .astype({dtype})")
    if isinstance(value, int) and want in (1, 2):
        least, greatest = bounds(dtype)
        if not least <= value <= greatest:
            raise OverflowError(f"cannot write {value} to a ref of {dtype}: it holds {least} to {greatest}")


def bounds(dtype: Any) -> tuple[int, int]:
    """The least and the greatest value of an integer dtype; NumPy does not know those of 4 bits and fewer."""
    info = jnp.iinfo(dtype)  # type: ignore[no-untyped-call]
    return int(info.min), int(info.max)


def listed(axes: tuple[Axis, ...]) -> str:
    return "(" + ", ".join(f"{axis.name}={axis.size}" for axis in axes) + ")"
