"""Refs over a mesh of eight CPU devices: `sharded.py`, run in a process that has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="written for the meshes and the shard_map of jax 0.10")
def test_on_eight_devices(request: pytest.FixtureRequest) -> None:
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8",
    }
    file = Path(__file__).with_name("sharded.py")
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(file)]
    run += ["--long"] if request.config.getoption("--long") else []
    done = subprocess.run(run, env=environment, capture_output=True, text=True, cwd=file.parents[2], check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
