"""What may be written to a ref: checked against what the layout shows before anything is written."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from haliax import NamedArray

from .._explicit import is_ref
from .._indexing.describe import listed
from .._indexing.layout import Layout
from .._indexing.selectors import show


def checked(value: Any, layout: Layout, dtype: Any) -> tuple[Any, tuple[str, ...]]:
    """A value that may be written to what `layout` shows, and the names of its axes."""
    if isinstance(value, NamedArray):
        array, names = array_of(value.array, "write"), tuple(axis.name for axis in value.axes)
        for axis in value.axes:
            if layout.shape.get(axis.name) != axis.size:
                raise ValueError(f"cannot write axes {listed(value.axes)}: those shown are {listed(layout.axes)}")
    elif is_ref(value):
        raise TypeError(f"cannot write a {type(value).__name__}: reads are explicit; write other[...]")
    else:
        array, names = array_of(value, "write"), ()
        shape = tuple(axis.size for axis in layout.axes)
        if np.ndim(array) and np.shape(array) != shape:
            way_out = "name its axes and it is broadcast: hax.named(value, axes)"
            raise ValueError(f"cannot write an array of shape {np.shape(array)} to {listed(layout.axes)}: {way_out}")
        if np.ndim(array):
            names = tuple(axis.name for axis in layout.axes)
    check_cast(array, dtype)
    return array, names


def checked_fill(fill: Any, dtype: Any, mode: str | None, guarded: bool) -> Any:
    """What reads out of bounds: one value; None for the dtype's default.

    Args:
        guarded: there are indices that may be out of bounds.
    """
    if fill is None:
        if guarded and is_keys(dtype):
            raise _no_filling_key(fill, dtype)
        return None
    if mode not in ("drop", "fill"):
        raise ValueError(f"cannot fill with {show(fill)}: mode={mode!r} leaves nothing out of bounds; pass mode='fill'")
    value = array_of(fill.array if isinstance(fill, NamedArray) else fill, "fill with")
    if np.ndim(value):
        raise ValueError(f"cannot fill with an array of shape {np.shape(value)}: it is one value for all")
    if is_keys(dtype) and getattr(value, "dtype", None) != dtype:
        raise _no_filling_key(fill, dtype)
    if isinstance(value, int | np.integer) and _kind(dtype) in (1, 2):
        _check_bounds(value, dtype, f"cannot fill with {value}: {dtype}")
    return value


def _no_filling_key(fill: Any, dtype: Any) -> TypeError:
    return TypeError(
        f"cannot fill what is out of bounds with {show(fill)}: the ref holds {dtype}, and keys have no default; "
        "pass a key of its kind, fill_value=jax.random.key(0)"
    )


def array_of(value: Any, asked: str) -> Any:
    """`value` as an array of numbers or keys; a Python scalar as it is. `asked` says in errors what is to be done."""
    if _is_scalar(value):
        return value
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        array = value
    elif hasattr(value, "__jax_array__"):
        array = jnp.asarray(value)
    else:
        try:
            array = np.asarray(value)
        except jax.errors.TracerArrayConversionError:  # a list of traced numbers
            array = jnp.asarray(value)
        except ValueError as e:
            raise ValueError(
                f"cannot {asked} {show(value)}: its parts differ in shape, so it is no array of numbers"
            ) from e
    if _kind(array.dtype) is None and not is_keys(array.dtype):
        raise TypeError(f"cannot {asked} {show(value)}: it is no number, nor an array of numbers")
    return array


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float | complex)


_KINDS = (jnp.bool_, jnp.unsignedinteger, jnp.signedinteger, jnp.floating, jnp.complexfloating)


@functools.lru_cache(maxsize=256)
def _kind(dtype: Any) -> int | None:
    return next((rank for rank, kind in enumerate(_KINDS) if jnp.issubdtype(dtype, kind)), None)


def is_keys(dtype: Any) -> bool:
    """Whether these are PRNG keys, or another dtype of jax's own, with which there is no arithmetic."""
    return bool(jnp.issubdtype(dtype, jax.dtypes.extended))


def check_cast(value: Any, dtype: Any) -> None:
    """NumPy's "same_kind", for jax's dtypes; a Python int fits any integer dtype that holds its value."""
    weak = _is_scalar(value)
    given = jax.dtypes.canonicalize_dtype(type(value)) if weak else value.dtype
    if given == dtype and not weak and not isinstance(value, np.ndarray | np.generic):
        return
    have, want = _kind(given), _kind(dtype)
    if want is not None and jax.dtypes.canonicalize_dtype(dtype) != dtype:  # jax would make 32 bits of the value
        way_out = "write within jax.enable_x64(True), as it was made, or make a ref of 32 bits"
        raise TypeError(f"cannot write {given} to a ref of {dtype}: 64 bits are off here; {way_out}")
    if isinstance(value, int) and want in (1, 2):
        _check_bounds(value, dtype, f"cannot write {value} to a ref of {dtype}: it")
    if given == dtype:
        return
    weak = weak or getattr(value, "weak_type", False)
    if want is None:
        way_out = "it takes keys of its kind; make them with jax.random.key, split or wrap_key_data"
        raise TypeError(f"cannot write {given} to a ref of {dtype}: {way_out}")
    if have is None:
        raise TypeError(f"cannot write {given} to a ref of {dtype}: keys are no numbers; take jax.random.key_data(key)")
    if have > want and not (weak and have == 2 and want == 1):
        raise TypeError(f"cannot write {given} to a ref of {dtype}: it would lose its kind; cast it, .astype({dtype})")


def _check_bounds(value: Any, dtype: Any, text: str) -> None:
    least, greatest = bounds(dtype)
    if not least <= value <= greatest:
        raise OverflowError(f"{text} holds {least} to {greatest}")


def bounds(dtype: Any) -> tuple[int, int]:
    """The least and the greatest value of an integer dtype; NumPy does not know those of 4 bits and fewer."""
    info = jnp.iinfo(dtype)  # type: ignore[no-untyped-call]
    return int(info.min), int(info.max)
