"""The cache of compiled code: the most recent entries, by all that determines them (`_symbolic.key`)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ._locks import new_lock
from ._symbolic.key import Key


MAXSIZE = 256


class CacheInfo(NamedTuple):
    """What `cache_info` returns, as the caches of `functools` do."""

    hits: int
    misses: int
    maxsize: int
    currsize: int


@dataclass(slots=True)
class Cache:
    """The most recent values by key, for all threads."""

    maxsize: int
    _values: OrderedDict[Key, Any] = field(default_factory=OrderedDict)
    _lock: Any = field(default_factory=new_lock)  # reentrant: the finalizer of what is dropped may come here
    _hits: int = 0
    _misses: int = 0

    def get(self, key: Key) -> Any:
        """The value, or None."""
        with self._lock:
            value = self._values.get(key)
            if value is None:
                self._misses += 1
                return None
            self._hits += 1
            self._values.move_to_end(key)
            return value

    def put(self, key: Key, value: Any) -> Any:
        """Keep a value; where another thread was faster, its value is the one to use."""
        with self._lock:
            value = self._values.setdefault(key, value)
            self._values.move_to_end(key)
            while len(self._values) > self.maxsize:
                self._values.popitem(last=False)
            return value

    def info(self) -> CacheInfo:
        """How often it was asked, and how much it holds."""
        with self._lock:
            return CacheInfo(self._hits, self._misses, self.maxsize, len(self._values))

    def clear(self) -> None:
        """Forget all, the counts as well."""
        with self._lock:
            self._values.clear()
            self._hits = self._misses = 0


CACHE = Cache(MAXSIZE)


def cache_info() -> CacheInfo:
    """How often `numpify` found compiled code in its cache, how often not, and how much it holds.

    >>> import sympy as sp
    >>> from numpify_ctx import cache_clear, cache_info, numpify
    >>> x = sp.Symbol("x")
    >>> cache_clear()
    >>> f, g = numpify(x + 1), numpify(x + 1)
    >>> cache_info()
    CacheInfo(hits=1, misses=1, maxsize=256, currsize=1)
    """
    return CACHE.info()


def cache_clear() -> None:
    """Forget all compiled code; functions that were made of it go on working.

    >>> from numpify_ctx import cache_clear, cache_info
    >>> cache_clear()
    >>> cache_info().currsize
    0
    """
    CACHE.clear()
