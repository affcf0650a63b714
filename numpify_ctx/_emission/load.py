"""Source to function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .listing import new_filename, show


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
    filename = new_filename()
    # The text holds checked names, numbers and words of ours, and what it can reach is in its namespace: no builtins.
    exec(compile(source.text, filename, "exec"), source.namespace)
    function: Callable[..., Any] = source.namespace[source.name]
    show(filename, source.text, function)
    return function
