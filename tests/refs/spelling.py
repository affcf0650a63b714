"""From the selectors and values that are drawn to the objects that a ref is given."""

from __future__ import annotations

import ctypes
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas as pl

from tests.refs.oracles import Index, Mask, NamedOracle, Point, Take, Window, same_by_name
from tests.refs.strategies import Chain, Spelled, SpelledValue, Step


# From the data of a dynamic selector to the jax array to use: `jax.device_put`, as `jnp.asarray` compiles for each
# shape.
Lift = Callable[[np.ndarray], Any]


def collecting(into: list[np.ndarray]) -> Lift:
    """Remember the dynamic data, in order, to pass it to a jitted function."""

    def lift(data: np.ndarray) -> jax.Array:
        into.append(data)
        return jax.device_put(data)

    return lift


def replaying(arguments: Iterable[jax.Array]) -> Lift:
    """Use these (traced) arrays in place of the dynamic data, in the same order."""
    left: Iterator[jax.Array] = iter(arguments)
    return lambda _: next(left)


def spell(selector: Spelled, axis: hax.Axis, lift: Lift = jax.device_put) -> Any:  # noqa: C901  one flat match
    """The selector as it is written between brackets, for this axis."""

    def array(positions: Any) -> np.ndarray:
        return np.asarray(positions).astype(selector.dtype)

    match selector.meaning, selector.spelling:
        case (slice() | range()) as plain, "slice" | "range":
            return plain
        case Point(at), "int":
            return at
        case Point(at), "numpy":
            return array(at)[()]
        case Point(at), "0-d":
            return array(at)
        case Point(at), "jax":
            return lift(array(at))
        case Point(at), "named":
            return hax.named(lift(array(at)), ())
        case Window(start, size), "hax.ds":
            return hax.ds(start, size)
        case Window(start, size), "hax.ds jax":
            return hax.ds(lift(array(start)), size)
        case Window(start, size, stride), "pl.ds":
            return pl.ds(start, size, stride)
        case Window(start, size, stride), "pl.ds jax":
            return pl.ds(lift(array(start)), size, stride)
        case Take(positions), "list":
            return positions.tolist()
        case Take(positions), "numpy":
            return array(positions)
        case Take(positions), "jax":
            return lift(array(positions))
        case Mask(keep), "list mask":
            return keep.tolist()
        case Mask(keep), "numpy mask":
            return keep
        case Mask(keep), "jax mask":
            with jax.ensure_compile_time_eval():  # a mask must be concrete, under jit too
                return jnp.asarray(keep)
        case Mask(keep), "named mask":
            with jax.ensure_compile_time_eval():
                return hax.named(jnp.asarray(keep), axis)
        case Index(names, positions), "named":
            return hax.named(lift(array(positions)), names)
    raise AssertionError(f"{selector} has no such spelling")


def bracket(step: Step, lift: Lift = jax.device_put) -> Any:
    """What stands between the brackets."""
    by_key: dict[Any, Any] = {}
    for name, selector in step.selectors.items():
        axis = hax.Axis(name, step.sizes[name])
        by_key[axis if name in step.axis_keys else name] = spell(selector, axis, lift)
    if step.form == "dict":
        return by_key
    pairs = tuple(part for pair in by_key.items() for part in pair)
    return (*pairs, ...) if step.form == "pairs..." else pairs


def spell_value(value: SpelledValue, lift: Lift = jax.device_put) -> Any:
    """The value as it is written."""
    data = value.meaning.data
    match value.spelling:
        case "python":
            return data.item()
        case "numpy":
            return data
        case "array":
            return lift(data)
        case "named":
            assert value.meaning.names is not None
            return hax.named(lift(data), value.meaning.names)
    raise AssertionError(value.spelling)


def forget() -> None:
    """Let go of what jax has compiled, a megabyte or two for each structure: a long sweep never asks for one again.

    What is freed lies scattered, so glibc has to be asked to give it back.
    """
    jax.clear_caches()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


_chains = itertools.count(1)


def base_array(chain: Chain) -> hax.NamedArray:
    if next(_chains) % 200 == 0:
        forget()
    return hax.named(jax.device_put(chain.base), tuple(hax.Axis(n, s) for n, s in chain.axes.items()))


def base_oracle(chain: Chain) -> NamedOracle:
    return NamedOracle.of(chain.axes, chain.base)


def names(array: Any) -> tuple[str, ...]:
    """The names of the axes, in order."""
    return tuple(axis.name for axis in array.axes)


def check(got: hax.NamedArray, want: NamedOracle) -> None:
    """`got` is a NamedArray with just what the oracle shows: axes, order, dtype, values."""
    assert isinstance(got, hax.NamedArray)
    assert same_by_name(names(got), np.asarray(got.array), want), f"{got}, not {want.array} over {want.view.sizes}"
    assert names(got) == want.view.names
    assert np.asarray(got.array).dtype == want.buffer.dtype
