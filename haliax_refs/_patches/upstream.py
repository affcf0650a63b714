"""haliax's own `hax.ref`, where it has one, and the module that takes its place."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import haliax

from .. import _explicit


# The public names of the package that opt in and out of it; all others are `hax.ref`'s, too.
_OPT_IN = frozenset({"install", "is_installed", "uninstall"})

# What `hax` itself has of them.
IN_HALIAX = ("NamedRef", "new_ref", "freeze", "swap")


def accept_upstream() -> None:
    """From now on, take the `NamedRef`s that haliax's own `hax.ref` made for refs."""
    own = getattr(getattr(haliax, "ref", None), "NamedRef", None)
    if isinstance(own, type) and own not in _explicit.UPSTREAM:
        _explicit.UPSTREAM.append(own)


def ref_module() -> ModuleType:
    """The module `haliax.ref`: every public name of this package but those of the opt-in."""
    # By its entry in sys.modules: the package imports this file, and calls `install` once it has all its names.
    package = sys.modules[__name__.partition(".")[0]]
    names = [name for name in package.__all__ if name not in _OPT_IN]
    module = ModuleType("haliax.ref", "Named, composable, mutable references: see `haliax_refs`.")
    vars(module).update({name: getattr(package, name) for name in names}, __all__=names)
    module.__spec__ = ModuleSpec("haliax.ref", None)
    return module
