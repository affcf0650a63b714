"""The cache of compiled code: what determines it, as one flat key, and the most recent entries by that key.

A key is a list of all distinct nodes, each as its class and the numbers of its parts, so that neither making nor
hashing nor comparing it ever recurses, however deep an expression is. It tells apart what SymPy's `==` does not
(1 and 1.0, two undefined functions of one name), and holds functions by identity: a changed `F.f_numpy` is another key.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MethodType
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar, cast

import sympy as sp


MAXSIZE = 256

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class CacheInfo(NamedTuple):
    """What `cache_info` tells, as the caches of `functools` do."""

    hits: int
    misses: int
    maxsize: int
    currsize: int


@dataclass(frozen=True, slots=True)
class Key:
    """What determines compiled code. `alive` holds what `content` knows by its id, so that no id comes again."""

    content: Hashable
    alive: tuple[Any, ...] = field(compare=False, repr=False)


class _CannotKey(Exception):
    """Something that has no key: it is compiled anew each time."""


def key_of(
    expr: Any,
    call_signature: Sequence[tuple[Any, str]],
    functions: Mapping[Any, Callable[..., Any]],
    *options: Hashable,
) -> Key | None:
    """The key of what is asked for; None if there is something in it that we cannot tell apart from its like.

    >>> x = sp.Symbol("x")
    >>> key_of(x + 1, [(x, "x")], {}) == key_of(1 + x, [(x, "x")], {})
    True
    >>> key_of(x + 1, [(x, "x")], {}) == key_of(x + 1.0, [(x, "x")], {})
    False
    """
    flat = _Flat()
    try:
        root = flat.number(expr)
        arguments = tuple([(flat.number(symbol), name) for symbol, name in call_signature])
        given = frozenset([(flat.identity(_class(key)), flat.function(f)) for key, f in functions.items()])
        content = tuple(flat.table), root, arguments, given, options
        hash(content)
    except _CannotKey:
        return None
    return Key(content, tuple(flat.alive.values()))


def _class(key: Any) -> Any:
    return key if isinstance(key, type) else type(key)


class _Flat:
    """The distinct nodes of expressions, parts before wholes, numbered in the order of `table`."""

    def __init__(self) -> None:
        self.table: dict[Hashable, int] = {}
        self.alive: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}  # id of a node -> its number
        self._classes: dict[int, Hashable] = {}  # by id, as SymPy takes two undefined functions of one name for equal
        self._kept: list[Any] = []  # so that ids stay what they are, for now

    def identity(self, thing: Any) -> int:
        """A name for a thing that nothing else has, as long as the key is there."""
        self.alive[id(thing)] = thing
        return id(thing)

    def function(self, function: Any) -> Hashable:
        """A name for a function; a bound method is made anew each time that it is asked for."""
        if isinstance(function, MethodType):
            return self.identity(function.__func__), self.identity(function.__self__)
        return self.identity(function)

    def number(self, root: Any) -> int:
        """The number of a node, after those of its parts."""
        numbers, table = self._numbers, self.table
        begun: dict[int, tuple[Hashable, Sequence[Any]]] = {}
        todo = [root]
        while todo:
            node = todo[-1]
            key = id(node)
            if key in numbers:
                todo.pop()
                continue
            entry = begun.pop(key, None)
            if entry is None:
                entry = self._entry(node)
                self._kept.append(entry[1])
                waiting = [part for part in entry[1] if id(part) not in numbers]
                if waiting:
                    begun[key] = entry
                    todo.extend(waiting)
                    continue
            todo.pop()
            head, parts = entry
            line = (head, *[numbers[id(part)] for part in parts]) if parts else head
            numbers[key] = table.setdefault(line, len(table))
        self._kept.append(root)
        return numbers[id(root)]

    def _entry(self, node: Any) -> tuple[Hashable, Sequence[Any]]:
        """What tells a node apart from others with the same parts, and its parts."""
        cls = type(node)
        if isinstance(node, sp.Basic):
            parts = node.args
            if not parts:
                return self._leaf(node), ()
            known = self._classes.get(id(cls))
            return self._class_entry(cls) if known is None else known, parts
        if cls in (int, float, complex, bool):
            return (cls, repr(node)), ()  # 1, 1.0 and True are equal
        if isinstance(node, list | tuple):
            return (cls, ()), node
        if cls is dict:
            return (dict, tuple([self._dict_key(key) for key in node])), list(node.values())
        if isinstance(node, sp.SparseMatrix):
            entries = sorted(node.todok().items())
            return (cls, node.shape, tuple([place for place, _ in entries])), [entry for _, entry in entries]
        if isinstance(node, sp.MatrixBase):
            return (cls, node.shape), node.flat()
        if isinstance(node, sp.NDimArray):
            return (cls, node.shape), list(node.reshape(len(node)))
        raise _CannotKey

    def _dict_key(self, key: Any) -> Hashable:
        if isinstance(key, sp.Symbol) or type(key) in (str, int, float, bool):
            return type(key), key
        raise _CannotKey

    def _leaf(self, node: Any) -> Hashable:
        cls = self._class_entry(type(node))
        if isinstance(node, sp.Rational):
            return cls, node.p, node.q
        if isinstance(node, sp.Float):
            return cls, node._mpf_, node._prec
        return cls, node

    def _class_entry(self, cls: type) -> Hashable:
        """A class by identity, and the function that it brings along."""
        known = self._classes.get(id(cls))
        if known is None:
            known = self._classes[id(cls)] = self._new_class_entry(cls)
        return known

    def _new_class_entry(self, cls: type) -> Hashable:
        own = [getattr(cls, name, None) for name in ("f_numpy", "_imp_")]
        if own == [None, None]:
            return self.identity(cls)
        return self.identity(cls), *map(self.function, own)


@dataclass(slots=True)
class Cache:
    """The most recent values by key, for all threads."""

    maxsize: int
    _values: OrderedDict[Key, Any] = field(default_factory=OrderedDict)
    _lock: Any = field(default_factory=threading.RLock)  # reentrant: the finalizer of what is dropped may come here
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
        """How it fares."""
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


class Cached(Protocol[P, R]):
    """A function that shows the cache it uses, as those of `functools.lru_cache` do."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @staticmethod
    def cache_info() -> CacheInfo: ...

    @staticmethod
    def cache_clear() -> None: ...


def shows_cache(function: Callable[P, R]) -> Cached[P, R]:
    """The same function, with `cache_info` and `cache_clear`."""
    shown = cast(Cached[P, R], function)
    shown.cache_info, shown.cache_clear = cache_info, cache_clear  # type: ignore[method-assign]  # that is the point
    return shown
