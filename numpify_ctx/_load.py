"""Source to function."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable
from typing import Any, Protocol


_serial = itertools.count()


class Loadable(Protocol):
    """Source text, the name of its function, and what its global names stand for."""

    @property
    def text(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> dict[str, Any]: ...


def load(source: Loadable) -> Callable[..., Any]:
    """The function of a source; tracebacks and debuggers see the text, as long as the function lives."""
    filename = f"<numpify {next(_serial)}>"
    exec(compile(source.text, filename, "exec"), source.namespace)
    function: Callable[..., Any] = source.namespace[source.name]
    lines = source.text.splitlines(keepends=True)
    linecache.cache[filename] = (len(source.text), None, lines, filename)
    weakref.finalize(function, linecache.cache.pop, filename, None).atexit = False
    return function
