"""What generated code may name: nothing but what it is given."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any


_IMPORTABLE = frozenset({"numpy", "scipy", "warnings"})


class NoBuiltins(dict[str, Any]):
    """An empty mapping of builtins, which still lets the C code that runs below import what it needs.

    C code imports through the builtins of the Python function that called it: NumPy where it first needs a module of
    its own, and CPython 3.13 where it shows a warning, division by zero for one. With plain `{}` both would end in a
    KeyError for `__import__`. They get these few packages; no generated source ever holds that name.
    """

    __slots__ = ()

    def __missing__(self, name: str) -> Any:
        # C code looks builtins up as items of this mapping, which asks here for what is missing.
        if name == "__import__":
            return _import
        raise KeyError(name)


def bare_namespace(**names: Any) -> dict[str, Any]:
    """The globals of a generated function: these names, and no builtins.

    >>> exec("def f(x): return len(x)", found := bare_namespace())
    >>> found["f"]("ab")
    Traceback (most recent call last):
        ...
    NameError: name 'len' is not defined
    """
    # Without this key, exec would put Python's own there.
    return {"__builtins__": NoBuiltins(), **names}


def _import(
    name: str,
    namespace: Mapping[str, Any] | None = None,
    scope: Mapping[str, Any] | None = None,
    wanted: Sequence[str] = (),
    level: int = 0,
) -> ModuleType:
    """What `__import__` is to C code, which then takes the module itself from `sys.modules`."""
    # A relative import is one from a package, which generated code is not in.
    if level or name.partition(".")[0] not in _IMPORTABLE:
        raise ImportError(f"import of {name!r} below generated code: there, only {sorted(_IMPORTABLE)} can be imported")
    return importlib.import_module(name)
