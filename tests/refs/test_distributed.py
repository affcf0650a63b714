"""Refs of arrays that two processes share: this starts both, and each checks the shards that it holds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import jax
import pytest


PROGRAM = Path(__file__).with_name("two_processes.py")
LONGEST = 900  # seconds; only so that nothing waits for ever


@contextmanager
def held_port() -> Iterator[int]:
    """A port that the coordinator may take, which asks to share it, and nothing else until this ends.

    A port that is merely free may be anybody's before the coordinator starts.
    """
    with socket.socket() as held:
        if shared := getattr(socket, "SO_REUSEPORT", None):
            held.setsockopt(socket.SOL_SOCKET, shared, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        if not shared:
            held.close()  # it is free, if nothing else is quicker
        yield port


def wait_for(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until all have ended, or one has failed, for which the others would wait; then none is left."""
    with ThreadPoolExecutor(len(processes)) as waiting:
        ends = [waiting.submit(process.wait, LONGEST) for process in processes]
        try:
            for end in as_completed(ends):
                if end.result() != 0:
                    break
        finally:
            for process in processes:
                process.kill()
                process.wait()


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="written for the meshes of jax 0.10")
def test_two_processes_share_refs_of_global_arrays(tmp_path: Path) -> None:
    pytest.importorskip("orbax.checkpoint")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    logs = [tmp_path / f"said_by_{number}.txt" for number in range(2)]  # files, since a pipe that is full blocks
    both = []
    with held_port() as port:
        for number, log in enumerate(logs):
            with log.open("wb") as out:
                command = [sys.executable, str(PROGRAM), str(port), str(number), str(tmp_path)]
                both.append(subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT))
        wait_for(both)
    said = [log.read_text(errors="replace")[-6000:] for log in logs]
    assert [process.returncode for process in both] == [0, 0], "\n\n".join(said)
    for number, text in enumerate(said):
        assert f"process {number} of 2: all shards agree" in text
