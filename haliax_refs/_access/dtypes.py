"""What a dtype may hold: the ranks by which casts are judged, the bounds of integers, what fills a gap."""

from __future__ import annotations

import functools
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from .._compat import Tracer
from .._types import Array


_NUMBERS = (bool, int, float, complex)  # a tuple is twice as quick to ask as a union

# The order is that of "same_kind": a cast may go up, or stay, but not down.
BOOL, UNSIGNED, SIGNED, FLOATING, COMPLEX = range(5)
_KINDS = (jnp.bool_, jnp.unsignedinteger, jnp.signedinteger, jnp.floating, jnp.complexfloating)


@functools.lru_cache(maxsize=256)
def kind_of(dtype: DTypeLike) -> int | None:
    """The rank of a dtype in NumPy's "same_kind" order; None where it is not one of numbers.

    >>> kind_of(np.dtype("uint8")) == UNSIGNED, kind_of(np.dtype(object))
    (True, None)
    """
    return next((rank for rank, kind in enumerate(_KINDS) if jnp.issubdtype(dtype, kind)), None)


def is_keys(dtype: DTypeLike) -> bool:
    """Whether these are PRNG keys, or another dtype of jax's own, with which there is no arithmetic."""
    return bool(jnp.issubdtype(dtype, jax.dtypes.extended))


def is_scalar(value: object) -> TypeGuard[bool | int | float | complex]:
    """Whether it is a Python number, which has no dtype of its own."""
    return isinstance(value, _NUMBERS)


def check_cast(value: Any, dtype: np.dtype[Any]) -> None:
    """NumPy's "same_kind", for jax's dtypes; a Python int fits any integer dtype that holds its value."""
    weak = not isinstance(value, Tracer) and is_scalar(value)
    # A Python number has no dtype; jax gives it the default one, by whether 64 bits are enabled.
    given = jax.dtypes.canonicalize_dtype(type(value)) if weak else value.dtype
    if given == dtype and not weak and not isinstance(value, np.ndarray | np.generic):
        return
    have, want = kind_of(given), kind_of(dtype)
    if want is not None and jax.dtypes.canonicalize_dtype(dtype) != dtype:  # jax would make 32 bits of the value
        fact = "64-bit types are disabled (jax_enable_x64 is off)"
        raise TypeError(f"cannot write {given} to a NamedRef of {dtype}: {fact}; write within jax.enable_x64(True)")
    # Also where the dtypes agree: the default dtype of an int need not hold its value.
    if isinstance(value, int) and want in (UNSIGNED, SIGNED):
        check_bounds(value, dtype)
    if given == dtype:
        return
    weak = weak or getattr(value, "weak_type", False)
    if want is None:
        way_out = "make keys of its kind with jax.random.key, split or wrap_key_data"
        raise TypeError(f"cannot write {given} to a NamedRef of {dtype}; {way_out}")
    if have is None:
        raise TypeError(f"cannot write {given} to a NamedRef of {dtype}: keys are not numbers; use jax.random.key_data")
    # Weak integers take the dtype of what they meet; their values were checked above if they are known.
    if have > want and not (weak and have == SIGNED and want == UNSIGNED):
        way_out = f"convert explicitly with .astype({dtype})"
        raise TypeError(f"cannot write {given} to a NamedRef of {dtype}: the cast is not 'same_kind'; {way_out}")


def check_bounds(value: int | np.integer[Any], dtype: np.dtype[Any]) -> None:
    """Refuse an int that an integer dtype does not hold."""
    least, greatest = bounds(dtype)
    if not least <= value <= greatest:
        raise OverflowError(f"Python integer {value} is out of bounds for {dtype}, which holds {least} to {greatest}")


def bounds(dtype: DTypeLike) -> tuple[int, int]:
    """The least and the greatest value of an integer dtype; NumPy does not know those of 4 bits and fewer."""
    info = jnp.iinfo(dtype)  # type: ignore[no-untyped-call]
    return int(info.min), int(info.max)


def fill_of(dtype: np.dtype[Any], fill: Array | None) -> Any:
    """What reads out of bounds: `fill`, or what `jax.numpy` takes for the dtype where that is None."""
    if fill is not None:
        return fill if is_keys(dtype) else jnp.asarray(fill, dtype)
    # jax's own defaults: the least signed integer, the greatest unsigned one, True, nan.
    match kind_of(dtype):
        case k if k == SIGNED:
            return jnp.asarray(bounds(dtype)[0], dtype)
        case k if k == UNSIGNED:
            return jnp.asarray(bounds(dtype)[1], dtype)
        case k if k == BOOL:
            return jnp.asarray(True, dtype)
    return jnp.asarray(jnp.nan, dtype)
