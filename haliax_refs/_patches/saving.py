"""Saving and restoring of trees with refs: by their contents, each buffer once, and in place.

Equinox skips leaves that are no arrays, in silence; Haliax's state dicts refuse them. Here a ref is written as the
array that it holds, so files of refs and of arrays are the same, and one restores the other. Of several views of a
buffer, the first in the tree stands for it. All that is read is checked before the first ref is written.
"""

from __future__ import annotations

import functools
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO

import equinox
import haliax.state_dict
import jax
import jax.numpy as jnp
import numpy as np
from haliax import NamedArray
from jax.tree_util import keystr

from .._access.operations import write_all
from .._explicit import is_ref
from .._lifetime import during
from .._pickling import contents
from .._refs import NamedRef, as_named_ref, is_named_ref
from .._state import checked_value, named
from .._types import Function, Passed, PyTree
from .code import copy_of


# --- What stands for a ref ------------------------------------------------------------------------------------------


def _held(leaf: PyTree) -> jax.Ref | None:
    """The `jax.Ref` of a leaf that is a ref; None of all else, and of a `NamedRef` that `jax.tree.map` filled."""
    if is_named_ref(leaf):
        ref = as_named_ref(leaf)
        return ref._ref if ref._holds_ref() else None
    return leaf if isinstance(leaf, jax.Ref) else None


def _has_refs(tree: PyTree) -> bool:
    return any(isinstance(leaf, jax.Ref) for leaf in jax.tree.leaves(tree))


class _Once:
    """Numbers buffers in the order in which they come up, in one call and so in one thread."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def number(self, raw: jax.Ref) -> int | None:
        """The number of a buffer that has come up before; None if this is the first time."""
        before = len(self._numbers)
        number = self._numbers.setdefault(id(raw), before)
        return None if number == before else number


def _is_key(dtype: Any) -> bool:
    return bool(jnp.issubdtype(dtype, jax.dtypes.prng_key))


def _as_saved(raw: jax.Ref) -> Any:
    """What a ref holds, as an array of numbers: of keys, their data."""
    array = contents(raw)
    return jax.random.key_data(array) if _is_key(array.dtype) else array


def _from_saved(raw: jax.Ref, array: np.ndarray[Any, Any]) -> Any:
    """The inverse of `_as_saved`, also of what NumPy has read back as void, as it does dtypes that it does not know."""
    if _is_key(raw.dtype):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(contents(raw)))
    if getattr(array, "dtype", None) is not None and np.dtype(array.dtype).kind == "V" and array.dtype != raw.dtype:
        array = np.asarray(array)
        return array.view(raw.dtype) if array.dtype.itemsize == np.dtype(raw.dtype).itemsize else array
    return array


def _write_all(restored: list[tuple[str, jax.Ref, Any]]) -> None:
    """Write to each buffer, once all of it is checked: nothing is cast, as a file that fits needs no cast."""
    writes = []
    for place, raw, saved in restored:
        whole = named(raw)
        value = _from_saved(raw, saved)
        dtype = getattr(value, "dtype", None)
        if dtype != raw.dtype:
            raise TypeError(f"cannot restore the ref at {place}: it holds {raw.dtype}, and what was saved is {dtype}")
        writes.append((whole, checked_value(whole, value, place)))
    write_all(writes)


# --- Equinox --------------------------------------------------------------------------------------------------------


def _as_numbers(raw: jax.Ref) -> Any:
    """As `_as_saved`, and the bytes of a dtype that NumPy's files do not hold; equinox reads bfloat16 itself."""
    array = _as_saved(raw)
    return np.asarray(array).view(np.uint8) if _is_foreign(array.dtype) else array


def _is_foreign(dtype: Any) -> bool:
    return bool(np.dtype(dtype).kind == "V" and dtype != jnp.bfloat16)


def _like(raw: jax.Ref) -> Any:
    """What equinox reads `_as_numbers` as."""
    if _is_foreign_ref(raw):
        return np.empty(raw.shape, np.uint8)
    held = jax.ShapeDtypeStruct(raw.shape, raw.dtype)
    return jax.eval_shape(jax.random.key_data, held) if _is_key(raw.dtype) else held


def _is_foreign_ref(raw: jax.Ref) -> bool:
    return not _is_key(raw.dtype) and _is_foreign(raw.dtype)


def _with_arrays(tree: PyTree, array_of: Callable[[jax.Ref], Any], is_leaf: Callable[[Any], bool] | None) -> Any:
    """The tree with an array for each buffer; where a buffer comes again, its number, so that a file tells of it."""
    once = _Once()

    def replace(leaf: PyTree) -> Any:
        raw = None if is_leaf is not None and is_leaf(leaf) else _held(leaf)
        if raw is None:
            return leaf
        number = once.number(raw)
        return array_of(raw) if number is None else np.array(number, np.int32)

    return jax.tree.map(replace, tree, is_leaf=_stops(is_leaf))


def _stops(is_leaf: Callable[[Any], bool] | None) -> Callable[[Any], bool]:
    return is_ref if is_leaf is None else lambda node: is_ref(node) or is_leaf(node)


def _specs(filter_spec: PyTree) -> Any:
    """A tree of filters that has the structure of a tree with refs, of the structure that it has without."""

    def spec_of(node: PyTree) -> Any:
        return as_named_ref(node)._ref if is_named_ref(node) else node

    return jax.tree.map(spec_of, filter_spec, is_leaf=is_named_ref)


def _serialise(original: Callable[..., Any]) -> Callable[..., Any]:
    """`eqx.tree_serialise_leaves`, which writes what refs hold; to a path, whole or not at all."""

    @functools.wraps(original)
    def tree_serialise_leaves(
        path_or_file: object,
        pytree: PyTree,
        filter_spec: PyTree = equinox.default_serialise_filter_spec,
        is_leaf: Function | None = None,
    ) -> None:
        if not _has_refs(pytree):
            original(path_or_file, pytree, filter_spec, is_leaf)
            return
        arrays, specs = _with_arrays(pytree, _as_numbers, is_leaf), _specs(filter_spec)
        if not isinstance(path_or_file, str | Path):
            original(path_or_file, arrays, specs, is_leaf)
            return
        path = Path(path_or_file)
        with aside(path if path.suffix else path.with_suffix(".eqx")) as file:  # the suffix that equinox gives it
            original(file, arrays, specs, is_leaf)

    return tree_serialise_leaves


@contextmanager
def aside(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of the one at `path` when all of it is written; until then the old one stands."""
    path = path.resolve()
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _deserialise(original: Callable[..., Any]) -> Callable[..., Any]:
    """`eqx.tree_deserialise_leaves`, which writes what it reads to the refs of `like`, and returns these."""

    @functools.wraps(original)
    def tree_deserialise_leaves(
        path_or_file: object,
        like: PyTree,
        filter_spec: PyTree = equinox.default_deserialise_filter_spec,
        is_leaf: Function | None = None,
    ) -> Any:
        if not _has_refs(like):
            return original(path_or_file, like, filter_spec, is_leaf)
        # A filter of the user's may look at the array, or return it.
        is_default = filter_spec is equinox.default_deserialise_filter_spec
        arrays = _with_arrays(like, _like if is_default else _as_numbers, is_leaf)
        found = original(path_or_file, arrays, _specs(filter_spec), is_leaf)
        out, restored, once = [], [], _Once()
        for path, leaf, asked, new in _together(like, _stops(is_leaf), arrays, found):
            raw = None if asked is leaf else _held(leaf)
            out.append(new if raw is None else leaf)
            if raw is None or new is asked:
                continue
            number = once.number(raw)
            if number is None:
                restored.append((path, raw, np.asarray(new).view(raw.dtype) if _is_foreign_ref(raw) else new))
            elif int(new) != number:
                raise RuntimeError(
                    f"cannot restore the ref at {path}: it is a view of buffer {number} of this tree, and what was "
                    f"saved is one of buffer {int(new)}"
                )
        _write_all(restored)
        return jax.tree.unflatten(jax.tree.structure(like, is_leaf=_stops(is_leaf)), out)

    return tree_deserialise_leaves


def _together(tree: PyTree, is_leaf: Callable[[Any], bool], *others: PyTree) -> Iterator[tuple[Any, ...]]:
    """The path of each leaf of a tree, the leaf, and what the others have there."""
    structure: Any = jax.tree.structure(tree, is_leaf=is_leaf)
    leaves = jax.tree_util.tree_leaves_with_path(tree, is_leaf=is_leaf)
    for (path, leaf), *rest in zip(leaves, *(structure.flatten_up_to(other) for other in others), strict=True):
        yield keystr(path) or "the root", leaf, *rest


# --- Haliax's state dicts -------------------------------------------------------------------------------------------

_SAVED: ContextVar[_Once | None] = ContextVar("saved", default=None)
_RESTORED: ContextVar[list[tuple[str, jax.Ref, Any]] | None] = ContextVar("restored", default=None)


def _to_state_dict(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.state_dict.to_state_dict`, which has for each buffer the array that it holds, under its first name.

    It calls itself, by way of modules' own methods, for each part of a tree.
    """

    @functools.wraps(original)
    def to_state_dict(tree: PyTree, prefix: str | None = None) -> dict[str, Any]:
        once = _SAVED.get()
        if once is None:
            saved: dict[str, Any] = during(_SAVED, _Once(), to_state_dict, tree, prefix)
            return saved
        raw = _held(tree)
        if raw is None:
            state: dict[str, Any] = original(tree, prefix)
            return state
        if prefix is None:
            raise ValueError(f"cannot make a state dict of {tree!r}: it has no name; pass prefix=")
        return {prefix: _as_saved(raw)} if once.number(raw) is None else {}

    return to_state_dict


def _from_state_dict(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.state_dict.from_state_dict`, which writes to the refs of the tree in place."""

    @functools.wraps(original)
    def from_state_dict(tree: PyTree, state_dict: Mapping[str, Any], prefix: str | None = None) -> Any:
        restored = _RESTORED.get()
        if restored is None:
            restored = []
            out = during(_RESTORED, restored, from_state_dict, tree, state_dict, prefix)
            _write_all(restored)
            return out
        raw = _held(tree)
        if raw is None:
            return original(tree, state_dict, prefix)
        if prefix is None:
            raise ValueError(f"cannot read {tree!r} from a state dict: it has no name; pass prefix=")
        if all(raw is not other for _, other, _ in restored):
            if prefix not in state_dict:
                raise KeyError(f"cannot restore {tree!r}: the state dict has no {prefix!r}")
            restored.append((prefix, raw, state_dict[prefix]))
        return tree

    return from_state_dict


def _of_arrays(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a state dict of a tree, given one with arrays in place of refs."""

    @functools.wraps(original)
    def of_arrays(tree: PyTree, *args: Passed, **kwargs: Passed) -> Any:
        return original(_values_once(tree), *args, **kwargs) if _has_refs(tree) else original(tree, *args, **kwargs)

    return of_arrays


def _values_once(tree: PyTree) -> Any:
    """The tree with what each buffer holds, by name, and with None where a buffer comes again."""
    once = _Once()

    def value(leaf: PyTree) -> Any:
        raw = _held(leaf)
        if raw is None:
            return leaf
        if once.number(raw) is not None:
            return None
        saved = _as_saved(raw)
        if not saved.ndim:
            saved = np.asarray(saved)  # Haliax leaves a scalar as it is, and safetensors takes NumPy's only
        is_named = isinstance(leaf, NamedRef) and not _is_key(raw.dtype)
        return NamedArray(saved, leaf._layout.base) if is_named else saved

    return jax.tree.map(value, tree, is_leaf=is_ref)


def _from_torch(original: Callable[..., Any]) -> Callable[..., Any]:
    """`hax.state_dict.from_torch_compatible_state_dict`, which writes to the refs of the tree in place."""

    @functools.wraps(original)
    def from_torch_compatible_state_dict(tree: PyTree, state_dict: PyTree, **options: Passed) -> Any:
        if not _has_refs(tree):
            return original(tree, state_dict, **options)
        found = original(_values_once(tree), state_dict, **options)
        out, restored = [], []
        for path, leaf, new in _together(tree, is_ref, found):
            raw = _held(leaf)
            out.append(new if raw is None else leaf)
            if raw is not None and new is not None:
                restored.append((path, raw, new.array if isinstance(new, NamedArray) else new))
        _write_all(restored)
        return jax.tree.unflatten(jax.tree.structure(tree, is_leaf=is_ref), out)

    return from_torch_compatible_state_dict


_EQUINOX: Any = equinox
_STATE: Any = haliax.state_dict
# Of these the code is replaced, so that a name that was imported before this package, `from equinox import ...`, has
# the new one too: it would go on saving nothing of a ref, in silence.
IN_CODE_OF: tuple[tuple[Any, Callable[..., Any]], ...] = tuple(
    (function, wrapper(copy_of(function)))
    for function, wrapper in (
        (_EQUINOX.tree_serialise_leaves, _serialise),
        (_EQUINOX.tree_deserialise_leaves, _deserialise),
        (_STATE.to_state_dict, _to_state_dict),
        (_STATE.from_state_dict, _from_state_dict),
        (_STATE.to_numpy_state_dict, _of_arrays),
        (_STATE.to_torch_compatible_state_dict, _of_arrays),
        (_STATE.from_torch_compatible_state_dict, _from_torch),
    )
)
