"""A paged KV cache: dataclasses, NamedTuple, generics, of refs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar, assert_type, overload

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray

from haliax_refs import NamedRef


Layer: Final = Axis("layer", 2)
Page: Final = Axis("page", 4)
Slot: Final = Axis("slot", 8)
Head: Final = Axis("head", 2)


class Pages(NamedTuple):
    keys: NamedRef
    values: NamedRef


@dataclass(frozen=True)
class Cache:
    keys: NamedRef
    values: NamedRef
    lengths: dict[str, int] = field(default_factory=dict)

    @classmethod
    def empty(cls, *axes: Axis, dtype: jnp.dtype | None = None) -> Cache:
        made = [hax.new_ref(hax.zeros(axes, dtype=jnp.float32)) for _ in range(2)]
        return cls(made[0], made[1])

    def layer(self, i: int | jax.Array | NamedArray) -> Pages:
        return Pages(self.keys.slice({"layer": i}), self.values.slice({Layer: i}))

    @property
    def shape(self) -> dict[str, int]:
        return self.keys.shape

    def __iter__(self) -> Iterator[NamedRef]:
        yield from (self.keys, self.values)


def write(pages: Pages, page: NamedArray, slot: NamedArray, key: NamedArray, value: NamedArray) -> None:
    pages.keys[{"page": page, "slot": slot}] = key
    pages.values["page", page, "slot", slot] = value
    pages.keys.at[{"page": page}].set(key, mode="drop")
    pages.keys[{Page: 0, "slot": slice(0, 4)}] *= 2.0
    pages.keys[{"page": hax.ds(0, 2)}] -= 1


def read(pages: Pages, table: np.ndarray) -> tuple[NamedArray, NamedArray]:
    a, b = (ref[{"page": table}] for ref in pages)
    return a, b


@overload
def contents(ref: NamedRef) -> NamedArray: ...
@overload
def contents(ref: Sequence[NamedRef]) -> list[NamedArray]: ...
def contents(ref: NamedRef | Sequence[NamedRef]) -> NamedArray | list[NamedArray]:
    if isinstance(ref, NamedRef):
        return ref[...]
    return [one[...] for one in ref]


T = TypeVar("T", NamedRef, NamedArray)


def first(it: T) -> T:
    return it


@contextmanager
def borrowed(cache: Cache, layer: int) -> Iterator[Pages]:
    yield cache.layer(layer)


cache = Cache.empty(Layer, Page, Slot, Head)
assert_type(cache.layer(0).keys, NamedRef)
with borrowed(cache, 1) as pages:
    assert_type(pages, Pages)
    write(pages, hax.arange({"seq": 2}), hax.arange({"seq": 2}), hax.ones(Head), hax.ones(Head))
assert_type(contents(cache.keys), NamedArray)
assert_type(contents([cache.keys]), list[NamedArray])
assert_type(first(cache.keys), NamedRef)
assert_type(first(cache.keys[...]), NamedArray)
assert_type([ref.size for ref in cache], list[int])
total: float = sum(float(ref[...].array.sum()) for ref in cache)
by_name: Mapping[str, NamedRef] = {"keys": cache.keys, "values": cache.values}
index: dict[str, int | slice] = {"layer": 0, "page": slice(None)}
assert_type(cache.keys[index], NamedArray)
index2: dict[Axis, jax.Array] = {Layer: jnp.array(0)}
assert_type(cache.keys[index2], NamedArray)
assert_type(cache.keys.slice(index), NamedRef)
old = hax.swap(cache.keys, {"layer": 0, "page": [0, 1]}, hax.zeros(Head))
assert_type(old, NamedArray)
read(cache.layer(jnp.array(0)), np.array([0, 1]))
if cache.keys is not cache.values and cache.keys != cache.values:
    print(hash(cache.keys), {cache.keys: 1}, cache.keys == cache.keys)
key: NamedArray = cache.keys["layer", 0, "page", 1, "slot", slice(None, None, -1), "head", 1]
dt: np.dtype = np.dtype(cache.keys.dtype)
opt: NamedRef | None = cache.keys
if opt is not None:
    opt[...] = 1
