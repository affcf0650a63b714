"""The check of an accelerator, `python -m benchmarks.device`, in small: what it can see without one."""

import dataclasses

import numpy as np
import pytest

import haliax_refs
from benchmarks import device


SCALE = dataclasses.replace(device.scale_of(small=True), chains=3)


@pytest.mark.parametrize("part", [device.laws, device.equal_programs], ids=lambda part: part.__name__)
def test_what_it_checks_holds_here(part) -> None:
    found = part(SCALE)
    assert found
    assert [finding.task for finding in found if not finding.met] == []


def test_it_sees_a_write_outside_of_a_view(monkeypatch: pytest.MonkeyPatch) -> None:
    write = haliax_refs.NamedRef.__setitem__

    def everywhere(ref, idx, value) -> None:
        write(ref, idx, value)
        write(ref.unsliced(), ..., -1.0)

    monkeypatch.setattr(haliax_refs.NamedRef, "__setitem__", everywhere)
    assert not device.chain_holds(np.random.default_rng(0), jit=False)


def test_programs_are_compared_but_for_where_their_lines_came_from() -> None:
    one, other = 'HloModule a\n\nFileNames\n1 "x.py"\n\nadd(p), metadata={op_name=1}\n', "HloModule b\n\nadd(p)\n"
    assert device.program(one).split() == device.program(other).split()
    assert device.program(one) != device.program(other.replace("add", "sub"))
