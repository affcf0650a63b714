"""Locks that no child of `os.fork` finds held: what another thread had locked would stay locked there for ever."""

from __future__ import annotations

import os
import threading


# Only appended to, which is one operation of a list, with and without Python's own lock.
_ALL: list[threading.RLock] = []


def new_lock() -> threading.RLock:
    """A reentrant lock that is free in a child.

    >>> with new_lock():
    ...     pass
    """
    lock = threading.RLock()
    _ALL.append(lock)
    return lock


def _free_all() -> None:
    for lock in _ALL:
        lock._at_fork_reinit()  # type: ignore[attr-defined]  # as `threading` and `logging` do it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all)
