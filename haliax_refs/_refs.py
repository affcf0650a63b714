"""`NamedRef`, a mutable `jax.Ref` that keeps its named axes, as users see it.

Each operation plans, then acts: `_indexing.selectors` checks the index, `Layout.select` composes it with the view, the
value is checked against that; only then `_access.run` touches the buffer.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import jax
import numpy as np
from haliax import Axis, NamedArray
from jax.sharding import Sharding

from ._access.operations import read, write
from ._at import At
from ._explicit import UPSTREAM
from ._handle import Handle, described
from ._indexing.describe import listed
from ._indexing.drawing import table
from ._indexing.layout import Layout
from ._indexing.plan import plan_view
from ._lifetime import is_frozen, loop_condition, note_argument, note_axes, note_made, why_invalid
from ._pickling import buffer_of
from ._tracebacks import hide_frames, short_traceback
from ._types import Index, Passed, PyTree, Value


@jax.tree_util.register_pytree_with_keys_class
class NamedRef(Handle):
    """A mutable array reference with named axes, or a view of a part of one.

    Made by `new_ref`, `wrap`, `empty_ref`, and by `slice` from another. Reading gives a `NamedArray`; writing takes
    one, broadcasts it by name and changes the buffer in place, which is seen through every view of it.

    Indexing is by name: a mapping from axis (or its name) to selector, the pairs form `"x", 1, "y", slice(2, 5)`, or
    `...`. A selector is an int, a 0-d integer array (it may be traced), a slice of any step, a `range`, `hax.ds` or
    `pl.ds` (the start may be traced), a list, a 1-D array, a `NamedArray` of any rank, or a concrete boolean mask.

    Laws: `ref.slice(a).slice(b)[c]` is `array[a][b][c]`, by name. Nothing done through a view touches a cell outside
    it: a static index out of its bounds raises IndexError, a traced one is clamped into it.

    A whole ref is a pytree with one leaf, the `jax.Ref`. Axes, ints and slices are structure; traced starts and index
    arrays are leaves, so that another index never retraces.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.zeros({"x": 2, "y": 3}))
    >>> row = ref.slice({"x": 1})
    >>> row["y", 0:2] = 7.0
    >>> ref[...].array.tolist()
    [[0.0, 0.0, 0.0], [7.0, 7.0, 0.0]]
    """

    __slots__ = ()

    def __init__(self, *args: Passed, **kwargs: Passed) -> None:
        raise TypeError("NamedRef cannot be instantiated directly; use new_ref(value, axes), or wrap(raw_ref, axes)")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of this ref, in the order in which it is read.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).slice({"x": 0}).axes
        (Axis(name='y', size=3),)
        """
        return self._layout.axes

    @property
    def shape(self) -> dict[str, int]:
        """The size of each axis by its name, as in `NamedArray.shape`.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).slice({"y": slice(1, None)}).shape
        {'x': 2, 'y': 2}
        """
        return dict(self._layout.shape)

    @property
    def named_shape(self) -> dict[str, int]:
        """The size of each axis by its name: `shape`, under the name that says so.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).named_shape
        {'x': 2, 'y': 3}
        """
        return dict(self._layout.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the buffer: what a read has, and what a value that is written is cast to.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2})).dtype
        dtype('float32')
        """
        dtype: np.dtype[Any] = self._ref.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """The number of axes of this ref.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).slice({"x": 0}).ndim
        1
        """
        return len(self._layout.axes)

    @property
    def size(self) -> int:
        """The number of entries of this ref: the product of its axes' sizes.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).slice({"x": 0}).size
        3
        """
        return self._layout.size

    @property
    def sharding(self) -> Sharding:
        """The sharding of the whole buffer, also where this is a view of a part: that of what the ref was made of.

        >>> import haliax as hax, haliax_refs
        >>> value = hax.zeros({"x": 2})
        >>> hax.new_ref(value).sharding == value.array.sharding
        True
        """
        sharding: Sharding = self._ref.sharding
        return sharding

    def unsafe_buffer_pointer(self) -> int:
        """The address, in bytes, of the whole buffer, as `jax.Ref` gives it; it stays the same through every write.

        Raises:
            RuntimeError: the ref is no longer valid.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.zeros({"x": 2}))
        >>> before = ref.unsafe_buffer_pointer()
        >>> ref["x", 0] = 1.0
        >>> ref.unsafe_buffer_pointer() == before
        True
        """
        self._check_usable()
        pointer: int = self._ref.unsafe_buffer_pointer()
        return pointer

    @short_traceback
    def resolve_axis(self, axis: Axis | str) -> Axis:
        """The axis of that name.

        Raises:
            ValueError: there is none, or one of another size than `axis`.
            TypeError: `axis` is neither an Axis nor a name.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).resolve_axis("y")
        Axis(name='y', size=3)
        """
        return self._axis(axis, "resolve")

    def _axis(self, axis: Axis | str, verb: str) -> Axis:
        name = axis.name if isinstance(axis, Axis) else axis
        if not isinstance(name, str):
            raise TypeError(f"expected an Axis or the name of one to {verb}, got {axis!r}")
        size = self._layout.shape.get(name)
        if size is None:
            raise ValueError(self._layout.unknown(name))
        if isinstance(axis, Axis) and axis.size != size:
            note = self._layout.view_note(name)
            raise ValueError(f"cannot {verb} axis {name!r} of size {axis.size}: it has size {size} here{note}")
        return Axis(name, size)

    @short_traceback
    def value(self) -> NamedArray:
        """The contents of this ref, now: `ref[...]`, a `NamedArray` that later writes do not change.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.zeros({"x": 2}))
        >>> before = ref.value()
        >>> ref["x", 0] = 1.0
        >>> before.array.tolist(), ref.value().array.tolist()
        ([0.0, 0.0], [1.0, 0.0])
        """
        return self[...]

    def slice(self, idx: Index | str | Axis = ..., *pairs: object) -> NamedRef:
        """A view: the part of this ref that `idx` selects, sharing its buffer.

        Law: `ref.slice(a).slice(b)[c]` is `array[a][b][c]`. Axes come in the order of `NamedArray` indexing, except
        that a `hax.ds` keeps its axis in place, as a slice does.

        Args:
            idx: what an index may be; `*pairs` is the rest of the pairs form.
        Raises:
            IndexError: a static index is out of bounds.
            ValueError: an axis is unknown, named twice, or has another size.
            TypeError: something is not a selector.
            RuntimeError: the ref is no longer valid.

        >>> import haliax as hax, haliax_refs
        >>> cache = hax.new_ref(hax.zeros({"layer": 24, "head": 8}))
        >>> window = cache.slice({"layer": slice(4, 8)})
        >>> window[{"layer": 0, "head": 3}] = 1.0
        >>> cache["layer", 4, "head", 3].item(), window.slice("layer", 1).shape
        (1.0, {'head': 8})
        """
        try:
            index: Any = (idx, *pairs) if pairs else idx
            self._check_usable()
            return make(self._ref, *plan_view(self._layout, self._operands, index))
        except Exception:
            hide_frames()
            raise

    def unsliced(self) -> NamedRef:
        """The whole ref that this is a view of, under its first axis names.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.zeros({"x": 2, "y": 3}))
        >>> ref.slice({"x": 0}).unsliced().axes == ref.axes
        True
        """
        whole = Layout.whole(self._layout.base)
        return self if self._layout is whole else make(self._ref, whole, ())

    @short_traceback
    def rename(self, renames: Mapping[Any, Any]) -> NamedRef:
        """A view of the same entries with some axes renamed.

        Args:
            renames: from axis or name to a new one. A new `Axis` must have the old one's size.
        Raises:
            ValueError: an axis is unknown, its size differs, or two axes would share a name.
            TypeError: `renames` is not a mapping, or a new name is neither an Axis nor a name.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).rename({"x": "row"}).shape
        {'row': 2, 'y': 3}
        """
        self._check_usable()
        if not isinstance(renames, Mapping):
            raise TypeError(f"expected a mapping from axis, or name, to a new one, got {renames!r}")
        names: dict[str, str] = {}
        for old, new in renames.items():
            axis = self._axis(old, "rename")
            if axis.name in names:
                raise ValueError(f"cannot rename {axis.name!r} twice: to {names[axis.name]!r} and to {new!r}; keep one")
            if not isinstance(new, Axis | str):
                raise TypeError(f"cannot rename {axis.name!r} to {new!r}: expected an Axis or a name")
            if isinstance(new, Axis) and new.size != axis.size:
                raise ValueError(f"cannot rename axis {axis} to {new}: the sizes differ; give the new name only")
            names[axis.name] = new.name if isinstance(new, Axis) else new
        after = [names.get(axis.name, axis.name) for axis in self.axes]
        if len(dict.fromkeys(after)) != len(after):
            raise ValueError(f"cannot rename {names} of axes {list(self.shape)}: two axes would share a name")
        return make(self._ref, self._layout.renamed(names), self._operands)

    @property
    def at(self) -> At:
        """`ref.at[idx]` updates in place what `idx` selects: `get, set, add, multiply, divide, power, min, max, apply`.

        Each but `get` takes a value as `set` does and returns None. Each takes `mode`: by default an index that is not
        static is clamped into the view; `"drop"` leaves out what is out of bounds, and `"fill"` reads `fill_value`
        there. A position that an index array mentions twice is updated twice.

        >>> import haliax as hax, haliax_refs, jax.numpy as jnp
        >>> ref = hax.new_ref(hax.zeros({"x": 4}))
        >>> ref.at["x", jnp.array([0, 0, 9])].add(1.0, mode="drop")
        >>> ref[...].array.tolist()
        [2.0, 0.0, 0.0, 0.0]
        """
        return At(self)

    # Not by `short_traceback`, a call more: these are the most frequent operations.
    def __getitem__(self, idx: Index) -> NamedArray:
        try:
            return read(self, idx)
        except Exception:
            hide_frames()
            raise

    def __setitem__(self, idx: Index, value: Value) -> None:
        try:
            write(self, idx, value)
        except Exception:
            hide_frames()
            raise

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any], ...], Layout]:
        self._check_valid()
        if self._holds_ref():
            note_axes(self._ref, listed(self._layout.base))  # jax asks for keys only to say where something is
        keys: list[Any] = [jax.tree_util.GetAttrKey("ref")]
        keys += [jax.tree_util.GetAttrKey(f"operand{i}") for i in range(len(self._operands))]
        return tuple(zip(keys, (self._ref, *self._operands), strict=True)), self._layout

    def tree_flatten(self) -> tuple[tuple[Any, ...], Layout]:
        if is_frozen(self._ref) or loop_condition() is not None:  # jax flattens twice in every jitted call
            self._check_valid()
            self._check_not_in_condition()
        return (self._ref, *self._operands), self._layout

    @classmethod
    def tree_unflatten(cls, layout: Layout, leaves: PyTree) -> NamedRef:
        ref, *operands = leaves
        if isinstance(ref, jax.Ref):
            note_argument(ref)
            if ref.shape != layout.base_shape:
                layout = layout.fitted(ref.shape)
        return make(ref, layout, tuple(operands))

    def __reduce__(self) -> tuple[Any, ...]:
        self._check_valid()
        held = buffer_of(self._ref) if self._holds_ref() else self._ref
        return make, (held, self._layout, self._operands)

    def __copy__(self) -> NamedRef:
        self._check_valid()
        return make(self._ref, self._layout, self._operands)

    def __repr__(self) -> str:
        state = f" ({why_invalid(self._ref)})" if is_frozen(self._ref) else ""
        if not self._holds_ref():  # see `_check_holds_ref`
            return f"NamedRef({self._layout}) (not a ref: holds {described(self._ref)})"
        dtype = getattr(self._ref, "dtype", None)
        return f"NamedRef({'' if dtype is None else f'{dtype}: '}{self._layout}){state}"

    def _repr_html_(self) -> str:
        """What a notebook shows: which part of its buffer this is. Nothing is read."""
        layout = self._layout
        sharding = "" if is_frozen(self._ref) or not self._holds_ref() else f"<br>{escape(str(self.sharding))}"
        return f"<div><strong>{escape(repr(self))}</strong>{sharding}{table(layout.base, layout.views)}</div>"

    def __treescope_repr__(self, path: str | None, subtree_renderer: Any) -> Any:
        """As treescope shows an array: with its contents, which are read."""
        import treescope  # only treescope calls this

        if is_frozen(self._ref) or not self._holds_ref():
            return treescope.rendering_parts.text(repr(self))
        return treescope.repr_lib.render_object_constructor(
            object_type=type(self), attributes={"value": self[...]}, path=path, subtree_renderer=subtree_renderer
        )


def make(ref: Any, layout: Layout, operands: tuple[Any, ...]) -> NamedRef:
    """The view of a `jax.Ref` that a layout and its operands describe."""
    new = object.__new__(NamedRef)
    new._ref, new._layout, new._operands, new._fits = ref, layout, operands, False
    return new


def is_named_ref(value: object) -> bool:
    """Whether `value` is one of ours, or upstream's."""
    return isinstance(value, (NamedRef, *UPSTREAM))


def as_named_ref(ref: Any) -> NamedRef:
    """`ref` as one of ours: itself, or upstream's NamedRef with what it has staged."""
    if isinstance(ref, NamedRef):
        return ref
    if type(ref) in UPSTREAM:
        whole = make(note_made(ref._ref), Layout.whole(ref._axes), ())
        staged = {axis: sel for axis, sel in zip(ref._axes, ref._prefix, strict=True) if sel != slice(None)}
        return whole.slice(staged) if staged else whole
    if isinstance(ref, jax.Ref):
        raise TypeError("expected a NamedRef, got jax.Ref; name its axes: hax.ref.wrap(ref, axes)")
    raise TypeError(f"expected a NamedRef, got {type(ref).__name__}; make one with hax.new_ref(value)")
