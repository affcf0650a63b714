"""No child of a fork finds a lock of ours held."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import numpify_ctx


FORK = """
import os, threading
import sympy as sp
from numpify_ctx import Parameters, numpify, _locks
from numpify_ctx._runtime import mp
x = sp.Symbol("x")
held, done = threading.Event(), threading.Event()
def hold():
    for lock in _locks._ALL:
        lock.acquire()
    mp.MP.prec = 500
    held.set()
    done.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    Parameters({x: 1.0})[x] = 2.0
    with mp.LOCK:
        assert mp.MP.prec == mp.BITS
    assert numpify(2 * x, threads=2)(1.0) == 2.0
    assert numpify(3 * x, threads=2)(1.0) == 3.0
    os._exit(0)
_, status = os.waitpid(child, 0)
done.set()
thread.join()
raise SystemExit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_of_a_fork_finds_no_lock_held() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=120)


def test_every_lock_is_made_by_the_helper() -> None:
    """All but that of the compiler of kernels, which the thread that forks holds while it does."""
    package = Path(numpify_ctx.__file__).parent
    makes_one = re.compile(r"threading\.(R?Lock|Condition|Semaphore|Event)\b")
    made = {path.name for path in package.rglob("*.py") if makes_one.search(path.read_text())}
    assert made == {"_locks.py", "machine.py"}
