"""Refs of arrays that two processes share: this starts both, and each checks the shards that it holds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import pytest


PROGRAM = Path(__file__).with_name("two_processes.py")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="written for the meshes of jax 0.10")
def test_two_processes_share_refs_of_global_arrays(tmp_path: Path) -> None:
    pytest.importorskip("orbax.checkpoint")
    port, environment = free_port(), os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(port), str(number), str(tmp_path)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(2)
    ]
    try:
        said = [process.communicate(timeout=300)[0] for process in both]
    finally:
        for process in both:
            process.kill()
    for number, (process, text) in enumerate(zip(both, said, strict=True)):
        assert process.returncode == 0, text[-6000:]
        assert f"process {number} of 2: all shards agree" in text
