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


def test_a_part_that_fails_is_told_by_name_and_the_others_run(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(scale: device.Scale) -> list[device.Finding]:
        raise MemoryError("RESOURCE_EXHAUSTED: out of memory\nand more")

    found = device.findings_of([breaks, device.equal_programs], SCALE, minutes=1.0)
    assert [finding.met for finding in found] == [False, True]
    assert "| device: breaks" in device.table(found)
    assert "FAILED: MemoryError: RESOURCE_EXHAUSTED: out of memory MISSED" in device.table(found)
    assert "Traceback" in capsys.readouterr().err


def test_no_part_begins_when_the_time_is_over() -> None:
    (found,) = device.findings_of([device.laws], SCALE, minutes=-1.0)
    assert not found.met
    assert "laws" in device.table([found])


@pytest.mark.parametrize(("gigabytes", "positions"), [(80, 65536), (16, 65536), (8, 32768), (4, 16384)])
def test_the_cache_is_as_large_as_fits(gigabytes: int, positions: int) -> None:
    scale = device.scale_of(small=False, memory=gigabytes * 10**9)
    assert scale.positions == positions
    assert scale.layers * scale.heads * 128 * 65536 * 2 > 4e9
