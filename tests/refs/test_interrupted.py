"""What a signal leaves of refs and of trees of them, each in a process of its own.

jax itself is not made for signals whose handler raises: they may leave its settings and its trace as they are within a
call, and then every later test of the process is of another jax.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("what", ["refs", "trees"])
def test_whatever_a_signal_interrupts_the_contents_are_old_or_new(what: str, pytestconfig: pytest.Config) -> None:
    file = Path(__file__).with_name(f"interrupted_{what}.py")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", str(file)]
    done = subprocess.run(
        command, cwd=pytestconfig.rootpath, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
