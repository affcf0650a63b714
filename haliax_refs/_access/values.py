"""What may be written to a ref: checked against the view before anything is written."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from haliax import NamedArray

from .._compat import Tracer
from .._explicit import is_ref
from .._indexing.describe import listed, text_of
from .._indexing.layout import Layout
from .._types import Value
from .dtypes import SIGNED, UNSIGNED, check_bounds, check_cast, is_keys, is_scalar, kind_of


_ARRAYS = (Tracer, jax.Array, np.ndarray, np.generic)  # of a tracer it is quicker to tell by its own class first


def checked(value: Any, layout: Layout, dtype: np.dtype[Any]) -> tuple[Any, tuple[str, ...]]:
    """A value that may be written to what `layout` selects, and the names of its axes.

    Raises:
        ValueError: it has axes, or a shape, that the view has not.
        TypeError: it is not an array, or the cast to `dtype` is not "same_kind".
        OverflowError: an int that `dtype` does not hold.
    """
    if isinstance(value, NamedArray):
        array, names = array_of(value.array, "write"), tuple(axis.name for axis in value.axes)
        for axis in value.axes:
            # Fewer axes than the view has are broadcast by name; more, or of other sizes, are not.
            if layout.shape.get(axis.name) != axis.size:
                theirs, ours = listed(value.axes), listed(layout.axes)
                raise ValueError(f"cannot write a value with axes {theirs} to a NamedRef with axes {ours}")
    elif is_ref(value):
        raise TypeError(f"cannot write a {type(value).__name__}: it is not an array; read it first, other[...]")
    else:
        array, names = array_of(value, "write"), ()
        shape = tuple(axis.size for axis in layout.axes)
        # Without names there is nothing to broadcast by: a scalar, or all of the view.
        if np.ndim(array) and np.shape(array) != shape:
            way_out = "name its axes to broadcast it: hax.named(value, axes)"
            ours = listed(layout.axes)
            raise ValueError(
                f"cannot write an array of shape {np.shape(array)} to a NamedRef with axes {ours}; {way_out}"
            )
        if np.ndim(array):
            names = tuple(axis.name for axis in layout.axes)
    check_cast(array, dtype)
    return array, names


def checked_fill(fill: Value | None, dtype: np.dtype[Any], mode: str | None, guarded: bool) -> Any:
    """What reads out of bounds: one value; None for the dtype's default.

    Args:
        guarded: there are indices that may be out of bounds.
    """
    if fill is None:
        if guarded and is_keys(dtype):
            raise _no_filling_key(fill, dtype)
        return None
    if mode not in ("drop", "fill"):
        raise ValueError(f"got fill_value={text_of(fill)} with mode={mode!r}; fill_value needs mode='fill'")
    value = array_of(fill.array if isinstance(fill, NamedArray) else fill, "fill with")
    if np.ndim(value):
        raise ValueError(f"fill_value must be a scalar, got an array of shape {np.shape(value)}")
    # Keys of another implementation have another dtype, and cannot be cast.
    if is_keys(dtype) and getattr(value, "dtype", None) != dtype:
        raise _no_filling_key(fill, dtype)
    if isinstance(value, int | np.integer) and kind_of(dtype) in (UNSIGNED, SIGNED):
        check_bounds(value, dtype)
    return value


def _no_filling_key(fill: Value | None, dtype: np.dtype[Any]) -> TypeError:
    return TypeError(
        f"cannot fill what is out of bounds with {text_of(fill)}: the NamedRef holds {dtype}, and keys have no "
        "default; pass a key of its kind, fill_value=jax.random.key(0)"
    )


def array_of(value: Any, verb: str) -> Any:
    """`value` as an array of numbers or keys; a Python scalar as it is. `verb` says in errors what is to be done."""
    if not isinstance(value, _ARRAYS) and is_scalar(value):
        return value
    if isinstance(value, _ARRAYS):
        array = value
    elif hasattr(value, "__jax_array__"):
        array = jnp.asarray(value)
    else:
        try:
            # NumPy, not jax: it keeps 64 bits, so that the check of the cast sees the values as they were given.
            array = np.asarray(value)
        except jax.errors.TracerArrayConversionError:  # a list of traced numbers
            array = jnp.asarray(value)
        except ValueError as e:
            raise ValueError(
                f"cannot {verb} {text_of(value)}: it is not an array of numbers, as its parts differ in shape"
            ) from e
    if kind_of(array.dtype) is None and not is_keys(array.dtype):
        raise TypeError(f"cannot {verb} {text_of(value)}: it is not an array of numbers, but of {array.dtype}")
    return array
