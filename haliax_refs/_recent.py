"""What is remembered, in bounds: a long run meets any number of structures, and each may hold a compiled program."""

from __future__ import annotations

from typing import TypeVar

from ._locks import new_lock


K = TypeVar("K")
V = TypeVar("V")


class Recent(dict[K, V]):
    """A dict that `remember`s at most `limit` entries, the last ones that it was given.

    Threads share it: to look up is one operation, and to enter takes its lock.

    >>> recent = Recent(2)
    >>> for key in "abc":
    ...     _ = recent.remember(key, key.upper())
    >>> recent
    {'b': 'B', 'c': 'C'}
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self._lock = new_lock()

    def remember(self, key: K, value: V) -> V:
        """Note `value`, and return it; or what another thread has noted since this one looked."""
        with self._lock:
            found = self.setdefault(key, value)
            while len(self) > self.limit:
                del self[next(iter(self))]
            return found
