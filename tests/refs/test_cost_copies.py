"""No eager write copies its buffer, as its program says, and what was read before does not change."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import haliax as hax
import jax.numpy as jnp
import pytest

from haliax_refs import NamedRef
from haliax_refs._access import programs
from haliax_refs._recent import Recent


def _write(ref: NamedRef, index: Any) -> None:
    ref[index] = 2.0


WRITES: dict[str, Callable[[NamedRef], Any]] = {
    "row": lambda ref: _write(ref, {"row": 7}),
    "part of a row": lambda ref: _write(ref.slice({"row": 7}), {"column": slice(3, 9)}),
    "rows": lambda ref: _write(ref, {"row": slice(3, 9, 2)}),
    "rows backwards": lambda ref: _write(ref, {"row": slice(9, 3, -2)}),
    "window": lambda ref: _write(ref, {"row": hax.ds(jnp.int32(5), 3)}),
    "scatter": lambda ref: _write(ref, {"row": jnp.array([5, 1])}),
    "scatter into a view": lambda ref: _write(ref.slice({"row": slice(5, 20)}), {"row": jnp.array([5, 1])}),
    "swap": lambda ref: hax.swap(ref, {"row": 3}, 1.0),
    "addupdate": lambda ref: hax.ref.addupdate(ref, {"row": 3}, 1.0),
    "scatter-add": lambda ref: hax.ref.addupdate(ref, {"row": jnp.array([3, 3])}, 1.0),
    "drop": lambda ref: ref.at["row", jnp.array([3, 9999])].set(1.0, mode="drop"),
    "multiply": lambda ref: ref.at["row", 3].multiply(2.0),
}
ROWS, COLUMNS = 1000, 64


@pytest.mark.parametrize("operation", WRITES)
def test_an_eager_write_copies_no_buffer(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_COMPILED", Recent(16))
    ref = hax.new_ref(hax.ones({"row": ROWS, "column": COLUMNS}))
    pointer = ref.unsafe_buffer_pointer()
    WRITES[operation](ref)
    assert ref.unsafe_buffer_pointer() == pointer
    assert programs._COMPILED
    for program in programs._COMPILED.values():
        if not program.donates:
            continue  # it reads
        memory, buffer = program.compiled.memory_analysis(), ROWS * COLUMNS * 4
        assert memory.alias_size_in_bytes == buffer
        assert memory.temp_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes < buffer / 10
        assert re.findall(rf"f32\[{ROWS},{COLUMNS}\][^ ]* copy\(", program.compiled.as_text()) == []


def test_what_was_read_is_no_view_of_the_buffer() -> None:
    # Writing in place must not change what has been read.
    ref = hax.new_ref(hax.zeros({"row": ROWS, "column": COLUMNS}))
    whole, part = ref[...], ref["row", 3]
    ref[...] = 1.0
    assert float(hax.sum(whole).array) == 0.0
    assert float(hax.sum(part).array) == 0.0
