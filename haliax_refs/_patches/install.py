"""The opt-in: what `import haliax_refs` puts into haliax, and how it comes out again."""

from __future__ import annotations

import sys
import threading
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import haliax

from .. import _explicit, _functions, _refs, _state
from . import jax_guards as _restrictions, transforms as _transforms, trees as _trees


_LOCK = threading.RLock()
_ABSENT = object()

# what there was before: (object, attribute, old value); empty while not installed
_REPLACED: list[tuple[Any, str, Any]] = []
_MODULE_BEFORE: Any = _ABSENT

# What haliax has and what takes its place, wherever its modules refer to it.
IN_PLACE_OF = (*_transforms.IN_PLACE_OF, *_trees.IN_PLACE_OF)

IN_HALIAX = ("NamedRef", "new_ref", "freeze", "swap")
IN_HALIAX_REF = (
    "NamedRef",
    "addupdate",
    "empty_ref",
    "foreach",
    "free_ref",
    "freeze",
    "get",
    "new_ref",
    "refs_of",
    "set",
    "swap",
    "update",
    "values_of",
    "wrap",
)


def install() -> None:
    """Put `hax.NamedRef, new_ref, freeze, swap` and the module `hax.ref` into haliax. Does nothing where it has.

    `import haliax_refs` does this. A `haliax.ref` of haliax's own is replaced; refs that it made are accepted by ours.
    `hax.vmap`, `scan`, `fold`, `map`, `named_jit` and the functions of `hax.tree_util` learn to take refs, and
    `jax.lax.while_loop` to refuse a condition that reads one, which may never end; `jax.grad` and its kin say why they
    do not differentiate by one; while `jax.vmap` maps, positions are traced as it needs them.

    >>> import haliax_refs, haliax as hax
    >>> haliax_refs.install()
    >>> hax.new_ref is haliax_refs.new_ref
    True
    """
    global _MODULE_BEFORE
    with _LOCK:
        if is_installed():
            return
        upstream = getattr(haliax, "ref", None)
        own = getattr(upstream, "NamedRef", None)
        if isinstance(own, type) and own not in _explicit.UPSTREAM:
            _explicit.UPSTREAM.append(own)
        module = ModuleType("haliax.ref", "Named, composable, mutable references: see `haliax_refs`.")
        for name in IN_HALIAX_REF:
            setattr(module, name, _ours(name))
        module.__dict__["__all__"] = list(IN_HALIAX_REF)
        module.__spec__ = ModuleSpec("haliax.ref", None)
        _MODULE_BEFORE = sys.modules.get("haliax.ref", _ABSENT)
        sys.modules["haliax.ref"] = module
        _replace(haliax, "ref", module)
        for name in IN_HALIAX:
            _replace(haliax, name, _ours(name))
        names = getattr(haliax, "__all__", None)
        if names is not None:
            _replace(haliax, "__all__", [*names, *(name for name in (*IN_HALIAX, "ref") if name not in names)])
        for old, new in IN_PLACE_OF:
            for module, name in _places_of(old):
                _replace(module, name, new)
        for owner, name, new in _restrictions.IN_JAX:
            _replace(owner, name, new)


def uninstall() -> None:
    """Put back exactly what haliax had. Does nothing where `install` has not been called. Refs go on working.

    >>> import haliax_refs, haliax as hax
    >>> haliax_refs.uninstall()
    >>> getattr(hax, "new_ref", None) is haliax_refs.new_ref
    False
    >>> haliax_refs.install()
    """
    global _MODULE_BEFORE
    with _LOCK:
        if not is_installed():
            return
        while _REPLACED:
            owner, name, old = _REPLACED.pop()
            if old is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, old)
        for old, new in IN_PLACE_OF:
            for module, name in _places_of(new):  # in modules of haliax that were imported since
                setattr(module, name, old)
        if _MODULE_BEFORE is _ABSENT:
            sys.modules.pop("haliax.ref", None)
        else:
            sys.modules["haliax.ref"] = _MODULE_BEFORE


def is_installed() -> bool:
    """Whether haliax has our refs now.

    >>> import haliax_refs
    >>> haliax_refs.is_installed()
    True
    """
    return bool(_REPLACED)


def _ours(name: str) -> Any:
    owners = {"foreach": _transforms, "NamedRef": _refs}
    owners |= dict.fromkeys(("freeze", "refs_of", "update", "values_of"), _state)
    return getattr(owners.get(name, _functions), name)


def _places_of(function: Any) -> list[tuple[ModuleType, str]]:
    """Where haliax's modules, which import from each other, refer to a function."""
    modules = [module for name, module in list(sys.modules.items()) if name == "haliax" or name.startswith("haliax.")]
    return [(module, name) for module in modules for name, value in vars(module).items() if value is function]


def _replace(owner: Any, name: str, new: Any) -> None:
    _REPLACED.append((owner, name, owner.__dict__.get(name, _ABSENT)))
    setattr(owner, name, new)
