"""The opt-in: what `import haliax_refs` puts into haliax and jax, and how it comes out again."""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import haliax
import jax

from .._compat import MISSING_IN_HALIAX, leave_out_of_tracebacks
from .._locks import new_lock
from .._pickling import reduced
from .._tracebacks import PACKAGE
from . import (
    checkpoint,
    derivatives,
    donation,
    filter_jit,
    filter_vmap,
    haliax_guards,
    jax_guards,
    loops,
    pullbacks,
    ref_checks,
    saving,
    shard_map,
    slicing,
    trees,
    vmap,
)
from .code import replacing_code
from .upstream import IN_HALIAX, accept_upstream, ref_module


# Once, and for good: it concerns the frames of this package alone.
leave_out_of_tracebacks(PACKAGE)

_LOCK = new_lock()
_ABSENT = object()

# What there was before: (object, attribute or key, old value); empty while not installed. Changed while _LOCK is held.
_REPLACED: list[tuple[Any, Any, Any]] = []
_MODULE_BEFORE: Any = _ABSENT

# Functions of haliax and what takes their place, wherever its modules refer to them.
_IN_PLACE_OF: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = (
    *loops.IN_PLACE_OF,
    *vmap.IN_PLACE_OF,
    *trees.IN_PLACE_OF,
    *shard_map.IN_PLACE_OF,
    *haliax_guards.IN_PLACE_OF,
)

# Attributes of modules and classes of jax, equinox and haliax, and what they become.
_ATTRIBUTES: tuple[tuple[Any, str, Any], ...] = (
    *jax_guards.IN_JAX,
    *shard_map.IN_JAX,
    *checkpoint.IN_JAX,
    *derivatives.IN_JAX,
    *pullbacks.IN_JAX,
    *filter_jit.IN_EQUINOX,
    *filter_vmap.IN_EQUINOX,
    *slicing.IN_HALIAX,
    *MISSING_IN_HALIAX,
)


def install() -> None:
    """Put `hax.NamedRef, new_ref, freeze, swap` and the module `hax.ref` into haliax. Idempotent.

    `import haliax_refs` does this. A `haliax.ref` of haliax's own is replaced; refs that it made are accepted by ours.
    `hax.vmap`, `scan`, `fold`, `map`, `named_jit` and the functions of `hax.tree_util` then take refs, and some
    functions of jax say what is wrong where a `NamedRef` makes them fail: see "What the opt-in puts in" in
    docs/transforms.md.

    >>> import haliax_refs, haliax as hax
    >>> haliax_refs.install()
    >>> hax.new_ref is haliax_refs.new_ref
    True
    """
    global _MODULE_BEFORE
    with _LOCK:
        if is_installed():
            return
        accept_upstream()
        module = ref_module()
        _MODULE_BEFORE = sys.modules.get("haliax.ref", _ABSENT)
        sys.modules["haliax.ref"] = module
        _replace(haliax, "ref", module)
        for name in IN_HALIAX:
            _replace(haliax, name, getattr(module, name))
        names = getattr(haliax, "__all__", None)
        if names is not None:
            _replace(haliax, "__all__", [*names, *(name for name in (*IN_HALIAX, "ref") if name not in names)])
        for old, new in _IN_PLACE_OF:
            for owner, name in _places_of(old):
                _replace(owner, name, new)
        for owner, name, new in _ATTRIBUTES:
            _replace(owner, name, new)
        _replace(copyreg.dispatch_table, jax.Ref, reduced)
        for function, new in (*saving.IN_CODE_OF, *ref_checks.IN_CODE_OF, *donation.IN_CODE_OF):
            for name, value in [*replacing_code(function, new)]:
                _replace(function, name, value)


def uninstall() -> None:
    """Put back exactly what haliax and jax had. Idempotent. Refs go on working.

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
            if isinstance(owner, dict):
                owner.pop(name) if old is _ABSENT else owner.update({name: old})
            elif old is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, old)
        for original, replacement in _IN_PLACE_OF:
            for module, name in _places_of(replacement):  # in modules of haliax that were imported since
                setattr(module, name, original)
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


def _places_of(function: Callable[..., Any]) -> list[tuple[ModuleType, str]]:
    """Where haliax's modules, which import from each other, refer to a function."""
    modules = [module for name, module in list(sys.modules.items()) if name == "haliax" or name.startswith("haliax.")]
    return [(module, name) for module in modules for name, value in vars(module).items() if value is function]


def _replace(owner: object, name: Any, new: object) -> None:
    """Put `new` in place of an attribute, or of an entry of a dict."""
    if isinstance(owner, dict):
        _REPLACED.append((owner, name, owner.get(name, _ABSENT)))
        owner[name] = new
        return
    # What a function's code is made of is in no `vars`.
    old = getattr(owner, name, _ABSENT) if isinstance(owner, FunctionType) else vars(owner).get(name, _ABSENT)
    _REPLACED.append((owner, name, old))
    setattr(owner, name, new)
