"""Remembering answers within a bound."""

from __future__ import annotations

from typing import TypeVar


K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """A dict that forgets everything where it would hold more than `most` entries.

    To look up costs what it costs in a dict: nothing is kept in order of use. For answers that are few as a rule and
    quickly found again; compiled code has the cache of `_cache`, which forgets the least recently used.

    Threads may share one without a lock, also where Python has none: to look up, to enter and to forget are single
    operations. Two threads may find the same answer, either of which may stay; and each may enter one more than `most`.

    >>> memo = Memo(2)
    >>> memo.put("a", 1), memo.put("b", 2), memo.put("c", 3), memo
    (1, 2, 3, {'c': 3})
    """

    __slots__ = ("most",)

    def __init__(self, most: int) -> None:
        self.most = most  # to leave an empty dict as it is takes half the time of `super().__init__()`

    def put(self, key: K, value: V) -> V:
        """Remember the answer, and give it back."""
        if len(self) >= self.most:
            self.clear()
        self[key] = value
        return value
