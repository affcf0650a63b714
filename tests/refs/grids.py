"""Refs that count from 0, of two axes or three, and what their buffers hold."""

from __future__ import annotations

from typing import Any

import haliax as hax
import jax.numpy as jnp
import numpy as np

import haliax_refs


X, Y, Z = hax.make_axes(x=4, y=3, z=2)


def grid(dtype: Any = jnp.float32) -> haliax_refs.NamedRef:
    return haliax_refs.new_ref(named_grid(dtype))


def named_grid(dtype: Any = jnp.float32) -> hax.NamedArray:
    return hax.named(jnp.arange(12, dtype=dtype).reshape(4, 3), (X, Y))


def cube(dtype: Any = jnp.float32) -> haliax_refs.NamedRef:
    return haliax_refs.new_ref(hax.named(jnp.arange(24, dtype=dtype).reshape(4, 3, 2), (X, Y, Z)))


def contents(ref: Any) -> np.ndarray:
    return np.array(ref.unsliced()[...].array)
