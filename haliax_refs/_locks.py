"""Locks that no child of `os.fork` finds held, and the lock of each buffer.

Only the thread that forks lives on in the child. What another thread had locked would stay locked there for ever.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

import jax


# Only appended to, which is one operation of a list, with and without Python's own lock.
_ALL: list[threading.RLock] = []


def new_lock() -> threading.RLock:
    """A lock that is free in a child. Reentrant: the finalizer of what is dropped meanwhile may use refs.

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


# A few for all buffers, by id: two that share one only wait for each other.
_OF_BUFFERS = tuple(new_lock() for _ in range(64))


def lock_of(raw: jax.Ref) -> threading.RLock:
    """The lock of a `jax.Ref`: whoever holds it is alone in taking the buffer out, putting one in, or freezing it."""
    return _OF_BUFFERS[_number(raw)]


def holding(raws: Sequence[jax.Ref], function: Callable[[], None]) -> None:
    """Call `function` with the locks of several buffers held.

    Every thread takes them in one order, so no two wait for each other.
    """
    _holding([_OF_BUFFERS[number] for number in sorted({_number(raw) for raw in raws})], function)


def _holding(locks: Sequence[threading.RLock], function: Callable[[], None]) -> None:
    if not locks:
        function()
        return
    # One `with` for each, not an `ExitStack`: between taking a lock and noting that it is taken, that runs code of
    # Python's, in which a signal would leave it taken for ever.
    with locks[0]:
        _holding(locks[1:], function)


def _number(raw: jax.Ref) -> int:
    return id(raw) // 64 % len(_OF_BUFFERS)
