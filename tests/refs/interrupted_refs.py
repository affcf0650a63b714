"""After a signal, a ref has its old or its new contents, whole. Run by `test_interrupted.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import haliax as hax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs
from haliax_refs import NamedRef
from haliax_refs._access import programs
from haliax_refs._recent import Recent
from tests.refs.faults import bombard


X = hax.Axis("x", 64)


def whole(ref: NamedRef) -> str:
    """Whether each write to `ref`, of one number to all of a part, is seen in all of it or in none."""
    try:
        values = np.asarray(ref[...].array)
    except RuntimeError:
        return "lost"
    return "whole" if len(set(values[:32])) == 1 and len(set(values[32:])) == 1 else "torn"


INTERRUPTED: dict[str, Callable[[NamedRef], Any]] = {
    "read": lambda ref: ref["x", 3],
    "write": lambda ref: haliax_refs.set(ref, {"x": slice(0, 32)}, 1.0),
    "add": lambda ref: haliax_refs.addupdate(ref, {"x": slice(32, 64)}, 1.0),
    "swap": lambda ref: haliax_refs.swap(ref, {"x": slice(0, 32)}, 2.0),
    "multiply": lambda ref: ref.at["x", 0:32].multiply(2.0),
    "drop": lambda ref: ref.at["x", jnp.arange(32, 72)].set(1.0, mode="drop"),
    "apply": lambda ref: ref.at["x", 0:32].apply(jnp.negative),
}


@pytest.mark.parametrize("what", INTERRUPTED)
def test_a_signal_leaves_the_old_or_the_new_contents(what: str) -> None:
    ref = hax.new_ref(hax.zeros(X))
    INTERRUPTED[what](ref)
    seen = bombard(lambda: INTERRUPTED[what](ref), lambda: whole(ref), 600)
    assert set(seen) == {"whole"}
    ref[...] = 0.0  # no lock is held
    assert not ref[...].array.any()


def test_a_signal_in_the_first_call_of_a_program_leaves_the_old_or_the_new_contents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The first call goes through jax's Python code, so it is made anew each time.
    ref = hax.new_ref(hax.zeros(X))

    def call() -> None:
        for program in programs._COMPILED.values():
            program.warm = False
        haliax_refs.addupdate(ref, {"x": slice(0, 32)}, 1.0)

    monkeypatch.setattr(programs, "_COMPILED", Recent(16))
    call()
    assert set(bombard(call, lambda: whole(ref), 200)) == {"whole"}
