"""Donated arguments beside refs of the same shape and dtype: a ref's memory is its own, and the call runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import pytest
from haliax import NamedArray

from haliax_refs import NamedRef, new_ref


X = hax.Axis("x", 4)
JITS: dict[str, Callable[[Any], Any]] = {
    "jax.jit": lambda step: jax.jit(step, donate_argnums=(1,)),
    "named_jit": lambda step: hax.named_jit(step, donate_args=(False, True)),
    "filter_jit": lambda step: eqx.filter_jit(step, donate="all"),
}


@pytest.mark.parametrize("returns", [False, True])
@pytest.mark.parametrize("jit", list(JITS))
def test_a_donated_array_beside_refs_of_its_shape(jit: str, returns: bool) -> None:
    """An output that takes the donated memory gets it; where there is none but the refs', the array is kept."""
    passed, closed_over, y = new_ref(hax.zeros(X)), new_ref(hax.zeros(X)), hax.ones(X)

    def step(ref: NamedRef, y: NamedArray) -> NamedArray | None:
        ref[...] += y
        closed_over[...] += 2.0 * y
        return 3.0 * y if returns else None

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some donated buffers")
        out = JITS[jit](step)(passed, y)
    assert passed[...].array.tolist() == [1.0] * 4
    assert closed_over[...].array.tolist() == [2.0] * 4
    assert (None if out is None else out.array.tolist()) == ([3.0] * 4 if returns else None)
    assert y.array.is_deleted() == returns


@pytest.mark.parametrize("writes", [False, True])
def test_a_donated_ref_is_used_as_any(writes: bool) -> None:
    """It is overwritten in place anyway, and is there afterwards."""
    ref = new_ref(hax.ones(X))

    def step(state: dict[str, NamedRef], y: NamedArray) -> NamedArray:
        if writes:
            state["ref"][...] += y
        return state["ref"][...] * 3.0

    for _ in range(2):
        out = jax.jit(step, donate_argnums=(0,))({"ref": ref}, hax.ones(X))
    assert ref[...].array.tolist() == [3.0 if writes else 1.0] * 4
    assert out.array.tolist() == [9.0 if writes else 3.0] * 4


def test_a_donated_array_that_no_output_can_take_is_warned_of() -> None:
    ref = new_ref(hax.zeros(X))
    with pytest.warns(UserWarning, match=r"donated buffers were not usable: float32\[4\]"):
        jax.jit(lambda ref, y: ref.at[...].add(y), donate_argnums=(1,))(ref, hax.ones(X))
    assert ref[...].array.tolist() == [1.0] * 4
