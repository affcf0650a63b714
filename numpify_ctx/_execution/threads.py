"""The threads that share the blocks of large arrays: one pool for all functions, made when it is first needed."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np

from .._locks import new_lock
from .._symbolic.text import short


Threads = int | Literal["auto"]

_MOST_WORKERS = 64


def checked_threads(threads: Any) -> Threads:
    """A number of threads, or "auto".

    >>> checked_threads(0)
    Traceback (most recent call last):
        ...
    ValueError: cannot compile for 0 threads: at least one is needed; pass threads=1, more, or "auto"
    """
    if threads == "auto":
        return "auto"
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer):
        raise TypeError(
            f'cannot compile for {short(threads)} threads: that is no whole number; pass a number or "auto"'
        )
    if threads < 1:
        raise ValueError(
            f'cannot compile for {threads} threads: at least one is needed; pass threads=1, more, or "auto"'
        )
    return int(threads)


def number_of(threads: Threads) -> int:
    """How many threads that is: "auto" is one for each processor that this process may use."""
    if threads != "auto":
        return threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_pool: ThreadPoolExecutor | None = None
_pool_lock = new_lock()


def executor() -> ThreadPoolExecutor:
    """The pool."""
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_MOST_WORKERS, thread_name_prefix="numpify")
        return _pool


def _forget_pool() -> None:
    """A forked process has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def share(work: Callable[[], None], threads: int) -> None:
    """Run `work` on this thread and on others, each in the context (errstate, context variables) of this one.

    A worker that has not begun when this thread has finished is not waited for: all of the work is done then. So a
    call within a worker never waits for a place in the pool.
    """
    if threads < 2:
        return work()
    others = [executor().submit(contextvars.copy_context().run, work) for _ in range(min(threads, _MOST_WORKERS) - 1)]
    try:
        work()
    finally:
        errors = [other.exception() for other in others if not other.cancel()]
    for error in errors:
        if error is not None:
            try:
                raise error
            finally:
                del error, errors, others  # its traceback knows this frame: a cycle, which would keep what `work` holds
    return None
