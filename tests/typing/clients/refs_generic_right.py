"""Helper functions over refs, typed as libraries do: TypeVar, ParamSpec, TypeGuard, Protocol, Callable, overload."""

from __future__ import annotations

import copy
import functools
import pickle
from collections.abc import Callable, Iterable, Mapping
from types import EllipsisType
from typing import Concatenate, Generic, Literal, ParamSpec, TypeAlias, TypeGuard, TypeVar, assert_type

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, AxisSelector, NamedArray
from haliax.ref import NamedRef, addupdate, empty_ref, get, new_ref, swap
from jax.experimental import pallas as pl

import haliax_refs


P = ParamSpec("P")
R = TypeVar("R")
Tree: TypeAlias = "NamedRef | NamedArray | dict[str, Tree] | list[Tree]"


def is_ref(x: object) -> TypeGuard[NamedRef]:
    return isinstance(x, NamedRef)


def counted(count: NamedRef) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def decorator(f: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(f)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            count[...] += 1
            return f(*args, **kwargs)

        return wrapped

    return decorator


def with_ref(f: Callable[Concatenate[NamedRef, P], R], ref: NamedRef) -> Callable[P, R]:
    return functools.partial(f, ref)


def at(ref: NamedRef, idx: Mapping[str, int] | EllipsisType = ...) -> NamedArray:
    return ref[idx]


def fill(ref: NamedRef, value: float | np.ndarray | jax.Array | NamedArray) -> NamedRef:
    ref[...] = value
    return ref


def add_all(ref: NamedRef, entries: Iterable[tuple[int, float]], axis: str | Axis) -> None:
    for i, v in entries:
        addupdate(ref, {axis: i}, v)
        ref[{axis: i}] += v
        ref[axis, i] = v


class Box(Generic[R]):
    def __init__(self, held: R) -> None:
        self.held = held


def walk(tree: Tree) -> int:
    if isinstance(tree, NamedRef):
        return tree.size
    if isinstance(tree, NamedArray):
        return len(tree.axes)
    if isinstance(tree, dict):
        return sum(map(walk, tree.values()))
    return sum(map(walk, tree))


n = new_ref(0, ())
x = hax.new_ref(hax.zeros({"x": 4, "y": 3}), kind=None)
assert_type(Box(x).held, NamedRef)


@counted(n)
def double(a: int, *, b: int = 2) -> int:
    return a * b


assert_type(double(1, b=3), int)
assert_type(with_ref(at, x)(), NamedArray)
assert_type(fill(x, np.zeros(())), NamedRef)
add_all(x, [(0, 1.0), (1, 2.0)], "y")
add_all(x, {0: 1.0}.items(), Axis("y", 3))
walk({"a": x, "b": [x, x[...]]})
assert_type(copy.copy(x), NamedRef)
assert_type(copy.deepcopy(x), NamedRef)
again: NamedRef = pickle.loads(pickle.dumps(x))
mode: Literal["drop", "clip", "fill"] = "drop"
swap(x, {"x": 9}, 0.0, mode=mode)
get(x, {"x": [9]}, mode="fill", fill_value=jnp.nan)
x.at["x", 0, "y", 1].add(1.0)
assert_type(x.at["x", 0].get(), NamedArray)
x.at["x", jnp.arange(2)].max(3.0, mode="drop")
assert_type(empty_ref((Axis("a", 2), Axis("b", 3))), NamedRef)
assert_type(empty_ref({"a": 2}, jnp.int32), NamedRef)
assert_type(empty_ref(Axis("a", 2), dtype="float32"), NamedRef)
assert_type(x.slice("x", pl.ds(0, 2)), NamedRef)
assert_type(x.slice("x", np.int64(1), "y", np.array([True, False, True])), NamedRef)
assert_type(x.slice({"x": range(0, 4, 2), "y": (0, 1)}), NamedRef)
sel: AxisSelector = "x"
assert_type(x.resolve_axis(sel), Axis)
assert_type(x.rename({"x": "z", "y": "w"}), NamedRef)
assert_type(x.rename({Axis("x", 4): "z"}), NamedRef)
names: list[str] = [axis.name for axis in x.axes]
assert_type(x.shape["x"], int)
spec = x.sharding
raw: jax.Ref = jax.new_ref(jnp.zeros(3))
assert_type(hax.ref.wrap(raw, "x"), NamedRef)
assert_type(hax.ref.wrap(raw, [Axis("x", 3)]), NamedRef)
if is_ref(x):
    assert_type(x, NamedRef)
match x:
    case NamedRef():
        pass
refs = [hax.new_ref(v) for v in (1.0, np.float32(2), jnp.zeros(()), hax.zeros(()))]
sorted(refs, key=lambda r: r.size)
f: Callable[[NamedRef], NamedArray] = hax.freeze
print(haliax_refs.__version__.upper(), repr(x), str(x), f"{x}")
jax.jit(at)(x)
