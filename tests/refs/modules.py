"""A module that holds refs."""

from __future__ import annotations

from typing import Any

import equinox as eqx
from haliax import NamedArray

from tests.refs.grids import cube


class Cache(eqx.Module):
    """State as a module holds it: refs among arrays and static fields."""

    keys: Any
    values: Any
    scale: NamedArray
    name: str = eqx.field(static=True)


def cache(scale: NamedArray) -> Cache:
    return Cache(cube(), cube().slice({"x": slice(None, None, -1)}), scale, "cache")
