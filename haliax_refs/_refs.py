"""`NamedRef`, a mutable `jax.Ref` that keeps its named axes, and the functions on it: the summary of the package.

Each operation plans, then acts: `_selectors` checks the index, `Layout.select` composes it with what the ref shows,
the value is checked against that; only then `_execute.run` touches the buffer.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import haliax
import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray

from ._access.operations import At, read, write
from ._access.values import array_of, listed
from ._explicit import UPSTREAM, ExplicitReads, is_ref
from ._indexing.layout import Layout
from ._indexing.plan import plan_view
from ._lifetime import arrived, condition, is_eager, is_in_condition, made, may_freeze


# the id of a `jax.Ref` that has ended -> a weak reference to it, which removes the entry; every use of a ref looks here
_FROZEN: dict[int, Any] = {}


def _is_frozen(ref: Any) -> bool:
    ended = _FROZEN.get(id(ref))
    return ended is not None and ended() is ref


def _end(ref: Any) -> None:
    key = id(ref)
    _FROZEN[key] = weakref.ref(ref, lambda _: _FROZEN.pop(key, None))


@dataclass(frozen=True, slots=True)
class _RefKey:
    """The path to the `jax.Ref` of a `NamedRef`: jax's errors about refs show it, so it says what they leave out."""

    axes: str

    def __str__(self) -> str:
        return f".ref{self.axes[:-1]}; a ref is passed once and not returned: return ref[...])"


@jax.tree_util.register_pytree_with_keys_class
class NamedRef(ExplicitReads):
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

    __slots__ = ("__weakref__", "_layout", "_operands", "_ref")

    _ref: Any
    _layout: Layout
    _operands: tuple[Any, ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("cannot make a NamedRef by its class: take new_ref(value, axes), or wrap(raw_ref, axes)")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes that this ref shows, in the order in which it is read.

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
    def dtype(self) -> Any:
        """The dtype of the buffer: what a read has, and what a value that is written is cast to.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2})).dtype
        dtype('float32')
        """
        return self._ref.dtype

    @property
    def ndim(self) -> int:
        """The number of axes that this ref shows.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).slice({"x": 0}).ndim
        1
        """
        return len(self._layout.axes)

    @property
    def size(self) -> int:
        """The number of entries that this ref shows: the product of its axes' sizes.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).slice({"x": 0}).size
        3
        """
        return self._layout.size

    @property
    def sharding(self) -> Any:
        """The sharding of the whole buffer, also where this is a view of a part: that of what the ref was made of.

        >>> import haliax as hax, haliax_refs
        >>> value = hax.zeros({"x": 2})
        >>> hax.new_ref(value).sharding == value.array.sharding
        True
        """
        return self._ref.sharding

    def unsafe_buffer_pointer(self) -> int:
        """The address, in bytes, of the whole buffer, as `jax.Ref` gives it; it stays the same through every write.

        Raises:
            RuntimeError: the ref has ended.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.zeros({"x": 2}))
        >>> before = ref.unsafe_buffer_pointer()
        >>> ref["x", 0] = 1.0
        >>> ref.unsafe_buffer_pointer() == before
        True
        """
        self._check_alive()
        pointer: int = self._ref.unsafe_buffer_pointer()
        return pointer

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
            raise TypeError(f"cannot {verb} axis {axis!r}: an axis is an Axis or its name")
        size = self._layout.shape.get(name)
        if size is None or (isinstance(axis, Axis) and axis.size != size):
            raise ValueError(f"cannot {verb} axis {axis!r}: {self._layout.describe(name)}")
        return Axis(name, size)

    def value(self) -> NamedArray:
        """What this ref shows, now: `ref[...]`, a `NamedArray` that later writes do not change.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.zeros({"x": 2}))
        >>> before = ref.value()
        >>> ref["x", 0] = 1.0
        >>> before.array.tolist(), ref.value().array.tolist()
        ([0.0, 0.0], [1.0, 0.0])
        """
        return self[...]

    def slice(self, idx: Any = ..., *pairs: Any) -> NamedRef:
        """A view: the part of this ref that `idx` shows, sharing its buffer.

        Law: `ref.slice(a).slice(b)[c]` is `array[a][b][c]`. Axes come in the order of `NamedArray` indexing, except
        that a `hax.ds` keeps its axis in place, as a slice does.

        Args:
            idx: what an index may be; `*pairs` is the rest of the pairs form.
        Raises:
            IndexError: a static index is out of bounds.
            ValueError: an axis is unknown, named twice, or has another size.
            TypeError: something is no selector.
            RuntimeError: the ref has ended.

        >>> import haliax as hax, haliax_refs
        >>> cache = hax.new_ref(hax.zeros({"layer": 24, "head": 8}))
        >>> window = cache.slice({"layer": slice(4, 8)})
        >>> window[{"layer": 0, "head": 3}] = 1.0
        >>> cache["layer", 4, "head", 3].item(), window.slice("layer", 1).shape
        (1.0, {'head': 8})
        """
        if pairs:
            idx = (idx, *pairs)
        self._check_usable()
        return _make(self._ref, *plan_view(self._layout, self._operands, idx))

    def unsliced(self) -> NamedRef:
        """The whole ref that this is a view of, under its first axis names.

        >>> import haliax as hax, haliax_refs
        >>> ref = hax.new_ref(hax.zeros({"x": 2, "y": 3}))
        >>> ref.slice({"x": 0}).unsliced().axes == ref.axes
        True
        """
        whole = Layout.whole(self._layout.base)
        return self if self._layout is whole else _make(self._ref, whole, ())

    def rename(self, renames: Mapping[Any, Any]) -> NamedRef:
        """A view of the same entries with some axes renamed.

        Args:
            renames: from axis or name to a new one. A new `Axis` must have the old one's size.
        Raises:
            ValueError: an axis is unknown, its size differs, or two axes would share a name.
            TypeError: `renames` is no mapping, or a new name is neither an Axis nor a name.

        >>> import haliax as hax, haliax_refs
        >>> hax.new_ref(hax.zeros({"x": 2, "y": 3})).rename({"x": "row"}).shape
        {'row': 2, 'y': 3}
        """
        self._check_alive()
        if not isinstance(renames, Mapping):
            raise TypeError(f"cannot rename by {renames!r}: it takes a mapping from axis, or name, to a new one")
        names: dict[str, str] = {}
        for old, new in renames.items():
            axis = self._axis(old, "rename")
            if axis.name in names:
                raise ValueError(f"cannot rename {axis.name!r} twice: to {names[axis.name]!r} and to {new!r}; keep one")
            if not isinstance(new, Axis | str):
                raise TypeError(f"cannot rename {axis.name!r} to {new!r}: the new one is an Axis or a name")
            if isinstance(new, Axis) and new.size != axis.size:
                raise ValueError(f"cannot rename axis {axis} to {new}: the sizes differ; give the new name only")
            names[axis.name] = new.name if isinstance(new, Axis) else new
        after = [names.get(axis.name, axis.name) for axis in self.axes]
        if len(dict.fromkeys(after)) != len(after):
            raise ValueError(f"cannot rename {names} of axes {list(self.shape)}: two axes would share a name")
        return _make(self._ref, self._layout.renamed(names), self._operands)

    @property
    def at(self) -> At:
        """`ref.at[idx]` updates in place what `idx` shows: `get, set, add, multiply, divide, power, min, max, apply`.

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

    def __getitem__(self, idx: Any) -> NamedArray:
        return get(self, idx)

    def __setitem__(self, idx: Any, value: Any) -> None:
        set(self, idx, value)

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any], ...], Layout]:
        self._check_alive()
        keys: list[Any] = [_RefKey(listed(self.axes))]
        keys += [jax.tree_util.GetAttrKey(f"operand{i}") for i in range(len(self._operands))]
        return tuple(zip(keys, (self._ref, *self._operands), strict=True)), self._layout

    def tree_flatten(self) -> tuple[tuple[Any, ...], Layout]:
        if id(self._ref) in _FROZEN or condition() is not None:  # jax flattens twice in every jitted call
            self._check_alive()
            self._check_not_in_condition()
        return (self._ref, *self._operands), self._layout

    @classmethod
    def tree_unflatten(cls, layout: Layout, leaves: Any) -> NamedRef:
        ref, *operands = leaves
        if isinstance(ref, jax.Ref):
            arrived(ref)
            if ref.shape != layout.base_shape:
                layout = layout.fitted(ref.shape)
        return _make(ref, layout, tuple(operands))

    def __reduce__(self) -> tuple[Any, ...]:
        self._check_alive()
        return _make, (self._ref, self._layout, self._operands)

    def __repr__(self) -> str:
        state = " (frozen)" if _is_frozen(self._ref) else ""
        dtype = getattr(self._ref, "dtype", None)
        return f"NamedRef({'' if dtype is None else f'{dtype}: '}{self._layout}){state}"

    def _check_alive(self) -> None:
        if _is_frozen(self._ref):
            names = ", ".join(f"{axis.name}={axis.size}" for axis in self._layout.base)
            raise RuntimeError(
                f"cannot use this ref of ({names}): it was frozen, or freed, which ended every view of its buffer; "
                "keep what freeze() returned, or make a new ref of it with new_ref()"
            )

    def _check_usable(self) -> None:
        self._check_alive()
        layout = self._layout
        if self._ref.shape != layout.base_shape:
            asked = f"cannot use this ref of {listed(layout.base)}"
            if len(self._ref.shape) == len(layout.base):
                raise ValueError(
                    f"{asked}, of which this is a view: here is a part of its buffer, of shape {self._ref.shape}, as "
                    "in shard_map, and what a view shows of that is not known; pass the ref whole, and take the view "
                    "inside"
                )
            raise ValueError(
                f"{asked}: jax mapped a dimension of its buffer, which has shape {self._ref.shape} here, and does not "
                "say which; map it by name, with hax.vmap, hax.scan or hax.ref.foreach"
            )
        self._check_not_in_condition()

    def _check_not_in_condition(self) -> None:
        if is_in_condition(self._ref):
            raise ValueError(
                f"cannot use a ref of {listed(self._layout.base)} in the condition of a while_loop: jax reads it once, "
                "before the loop, which may then never end; carry the value, and read the ref in the body"
            )

    def _check_ends_here(self, verb: str) -> None:
        self._check_usable()
        if not may_freeze(self._ref):
            raise ValueError(
                f"cannot {verb} a ref of {listed(self._layout.base)} here: it came from outside of the function that "
                f"jax is tracing; {verb} it where it was made, and return ref[...] from here"
            )


def _make(ref: Any, layout: Layout, operands: tuple[Any, ...]) -> NamedRef:
    made = object.__new__(NamedRef)
    made._ref, made._layout, made._operands = ref, layout, operands
    return made


def new_ref(value: Any, axes: Any = None, *, memory_space: Any = None, kind: str | None = None) -> NamedRef:
    """A new mutable buffer that holds a copy of `value`.

    Args:
        value: a `NamedArray`, an array, or a scalar.
        axes: the axes of an array that is not named: axes, names, or a mapping from name to size, in its order.
        memory_space: as `jax.new_ref` takes it.
        kind: as `jax.new_ref` takes it, from jax 0.9 on.
    Returns:
        A `NamedRef` of the value's axes, dtype and sharding. A Python number has the dtype that jax gives it.
    Raises:
        ValueError: the axes do not fit the shape of `value`.
        TypeError: `value` has no axes and is no scalar, is no number, or is a ref itself.
        OverflowError: `value` is an int that jax's default integer dtype does not hold.
        NotImplementedError: a `kind`, where jax has none.

    >>> import haliax as hax, haliax_refs, jax.numpy as jnp
    >>> hax.new_ref(hax.ones({"x": 2})), hax.new_ref(jnp.zeros((2, 3)), ("x", "y")), hax.new_ref(0.0)
    (NamedRef(float32: x=2), NamedRef(float32: x=2, y=3), NamedRef(float32: ))
    """
    if is_ref(value):
        raise TypeError(f"cannot make a new ref of {type(value).__name__}: it is one; read it first, ref[...]")
    if isinstance(value, NamedArray):
        array, named = array_of(value.array, "make a ref of"), value.axes
        if axes is not None and _axes(axes, np.shape(array)) != named:
            raise ValueError(f"cannot make a ref with axes {axes}: the value's are {named}; leave them out")
    else:
        array = _as_jax(array_of(value, "make a ref of"))
        if axes is None and array.ndim:
            raise TypeError(f"cannot make a ref of an array of shape {array.shape}: it has no names; pass its axes")
        named = _axes(() if axes is None else axes, array.shape)
    options: dict[str, Any] = {}
    if memory_space is not None:
        options["memory_space"] = memory_space
    if kind is not None:
        if "kind" not in inspect.signature(jax.new_ref).parameters:
            raise NotImplementedError(
                f"cannot make a ref of kind {kind!r}: jax {jax.__version__} has none; they come with jax 0.9"
            )
        options["kind"] = kind
    return _make(made(jax.new_ref(array, **options)), Layout.whole(named), ())


def empty_ref(axes: Any, dtype: Any = jnp.float32, *, memory_space: Any = None) -> NamedRef:
    """A new mutable buffer whose contents are not yet anything in particular.

    Args:
        axes: its axes, with sizes.
        dtype: of its entries.
        memory_space: as `jax.empty_ref` takes it.
    Raises:
        ValueError: an axis has no size.
        TypeError: `axes` are none.

    >>> import haliax as hax, haliax_refs
    >>> hax.ref.empty_ref({"x": 2, "y": 3}).shape
    {'x': 2, 'y': 3}
    """
    named = _axis_tuple(axes)
    for axis in named:
        if not isinstance(axis, Axis):
            raise ValueError(
                f"cannot make a buffer with axis {axis!r}: its size is not known; pass hax.Axis(name, size)"
            )
        if axis.size < 0:
            raise ValueError(f"cannot make a buffer with axis {axis}: its size is negative; pass 0 or more")
    shape = tuple(axis.size for axis in named)
    if is_eager() or not hasattr(jax, "empty_ref"):
        # jax.empty_ref has no eager form, and comes with jax 0.10
        return new_ref(jnp.empty(shape, dtype), named, memory_space=memory_space)
    raw = jax.empty_ref(jax.ShapeDtypeStruct(shape, dtype), memory_space=memory_space)
    return _make(made(raw), Layout.whole(named), ())


def wrap(ref: Any, axes: Any) -> NamedRef:
    """A `NamedRef` of a `jax.Ref` that exists already, as those that a Pallas kernel is given.

    Args:
        ref: a `jax.Ref`, eager, traced, or in a kernel.
        axes: its axes, or names for them, in its order.
    Raises:
        ValueError: the axes do not fit its shape.
        TypeError: it is an array, or has names already.

    >>> import jax, jax.numpy as jnp, haliax as hax, haliax_refs
    >>> raw = jax.new_ref(jnp.arange(6).reshape(2, 3))
    >>> hax.ref.wrap(raw, ("x", "y"))["x", 1].array
    Array([3, 4, 5], dtype=int32)
    """
    if isinstance(ref, NamedRef):
        raise TypeError("cannot wrap a NamedRef: it has names; take .rename({old: new})")
    if not _is_reference(ref):
        raise TypeError(
            f"cannot wrap a {type(ref).__name__}: it is no reference; make one with hax.new_ref(value, axes)"
        )
    return _make(made(ref), Layout.whole(_axes(axes, ref.shape)), ())


def _is_reference(value: Any) -> bool:
    """Whether it is a `jax.Ref`, or what `.at` makes of one in a kernel, which is of a class of jax's own."""
    if isinstance(value, jax.Ref):
        return True
    is_value = isinstance(value, NamedArray | np.ndarray | jax.Array)
    return not is_value and hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__setitem__")


def get(ref: Any, idx: Any = ..., *, mode: str | None = None, fill_value: Any = None) -> NamedArray:
    """What `ref[idx]` reads.

    Args:
        ref: a `NamedRef`, whole or a view.
        idx: what an index may be.
        mode: None or "clip": indices that are not static are clamped into the view. "fill": what is out of bounds
            reads as `fill_value`. "drop" is "fill", as in `jax.numpy`.
        fill_value: one value; by default NaN, or the least (greatest, if unsigned) value of an integer dtype, or True.
            A ref of PRNG keys has no default.
    Returns:
        A `NamedArray`, a copy, of the ref's dtype, with the axes that `idx` shows, as `NamedRef.slice` orders them.
    Raises:
        IndexError: a static index is out of bounds, in a mode that does not allow for it.
        ValueError: an axis is unknown, named twice, or has another size; there is no such mode; or `fill_value` has no
            mode that takes it, or is not one value.
        TypeError: something is no selector, or `ref` is no NamedRef.
        RuntimeError: the ref has ended.

    >>> import haliax as hax, haliax_refs, jax.numpy as jnp
    >>> ref = hax.new_ref(hax.arange({"x": 4}))
    >>> hax.ref.get(ref, {"x": jnp.array([1, 7])}, mode="fill", fill_value=-1).array.tolist()
    [1, -1]
    """
    return read(as_named_ref(ref), idx, mode, fill_value)


def set(ref: Any, idx: Any, value: Any, *, mode: str | None = None) -> None:
    """Write `value` to what `idx` shows: `ref[idx] = value`.

    Args:
        ref: a `NamedRef`, whole or a view.
        idx: what an index may be.
        value: a `NamedArray`, broadcast by name; a scalar; or an array of exactly the shape shown.
            It is cast as NumPy casts in place ("same_kind").
        mode: None or "clip": indices that are not static are clamped into the view. "drop": what is out of bounds
            is not written; "fill" is "drop".
    Raises:
        TypeError: the cast would lose the value's kind (a float into an int ref).
        ValueError: the value has axes, or a shape, that are not shown.
        OverflowError: an int that the ref's integer dtype does not hold.
        And what `get` raises of an index. Nothing is written then.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.zeros({"x": 2, "y": 2}))
    >>> hax.ref.set(ref, {"x": 1}, hax.arange({"y": 2}))
    >>> ref[...].array.tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    write("set", as_named_ref(ref), idx, value, mode)


def swap(ref: Any, idx: Any, value: Any, *, mode: str | None = None, fill_value: Any = None) -> NamedArray:
    """Write `value` to what `idx` shows and return what was there.

    Takes what `set` takes, raises what it raises, and returns what `get` returns.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.arange({"x": 3}))
    >>> hax.swap(ref, {"x": slice(0, 2)}, 9).array.tolist(), ref[...].array.tolist()
    ([0, 1], [9, 9, 2])
    """
    out, axes = write("swap", as_named_ref(ref), idx, value, mode, fill_value)
    return NamedArray(out, axes)


def addupdate(ref: Any, idx: Any, value: Any, *, mode: str | None = None) -> None:
    """Add `value` to what `idx` shows; what an index array mentions twice is added to twice.

    Takes what `set` takes and raises what it raises.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.zeros({"x": 3}))
    >>> hax.ref.addupdate(ref, {"x": [0, 2, 2]}, 1.0)
    >>> ref[...].array.tolist()
    [1.0, 0.0, 2.0]
    """
    write("addupdate", as_named_ref(ref), idx, value, mode)


def freeze(ref: Any) -> NamedArray:
    """What `ref` shows, and the end of the whole buffer: any later use of it, through any view, raises RuntimeError.

    Raises:
        RuntimeError: it has ended already.
        ValueError: within a traced function that did not make it.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.arange({"x": 3}))
    >>> view = ref.slice({"x": slice(1, None)})
    >>> hax.freeze(view).array.tolist()
    [1, 2]
    >>> ref[...]
    Traceback (most recent call last):
    ...
    RuntimeError: cannot use this ref of (x=3): it was frozen, or freed, which ended every view of its buffer; ...
    """
    ref = as_named_ref(ref)
    ref._check_ends_here("freeze")
    raw = ref._ref
    if is_eager():
        value = ref[...]
    elif ref._layout.is_whole:
        value = NamedArray(jax.freeze(raw), ref.axes)
    else:
        value = ref[...]
        jax.freeze(raw)
    _end(raw)
    return value


def free_ref(ref: Any) -> None:
    """End the whole buffer without reading it: any later use of it, through any view, raises RuntimeError.

    It raises what `freeze` raises.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.zeros({"x": 3}))
    >>> hax.ref.free_ref(ref)
    >>> ref
    NamedRef(float32: x=3) (frozen)
    """
    ref = as_named_ref(ref)
    ref._check_ends_here("free")
    if hasattr(jax, "free_ref"):  # from jax 0.10 on
        jax.free_ref(ref._ref)
    _end(ref._ref)


def _as_jax(value: Any) -> Any:
    try:
        return jnp.asarray(value)
    except OverflowError as e:
        raise OverflowError(f"cannot make a ref of {value}: no int of jax's holds it; make it a float") from e


def _is_axis_spec(axes: Any) -> bool:
    if isinstance(axes, Mapping | Sequence) and not isinstance(axes, str):
        return all(isinstance(axis, Axis | str) for axis in axes)
    return isinstance(axes, Axis | str)


def _axis_tuple(axes: Any) -> tuple[Any, ...]:
    """Axes and names from any spec of Haliax's."""
    if not _is_axis_spec(axes):
        raise TypeError(f"cannot take axes from {axes!r}: pass hax.Axis objects or names, one or a sequence of them")
    return tuple(haliax.axis.axis_spec_to_tuple(axes))


def _axes(axes: Any, shape: tuple[int, ...]) -> tuple[Axis, ...]:
    """Axes for an array of that shape; names alone take their sizes from it."""
    given = _axis_tuple(axes)
    sizes = [axis.size if isinstance(axis, Axis) else None for axis in given]
    if len(given) != len(shape) or any(size not in (None, n) for size, n in zip(sizes, shape, strict=True)):
        listed = ", ".join(str(axis) for axis in given)
        raise ValueError(
            f"cannot name an array of shape {tuple(shape)} by axes ({listed}): give one for each dimension"
        )
    return tuple(axis if isinstance(axis, Axis) else Axis(axis, n) for axis, n in zip(given, shape, strict=True))


def is_named_ref(value: Any) -> bool:
    """Whether `value` is one of ours, or upstream's."""
    return isinstance(value, (NamedRef, *UPSTREAM))


def as_named_ref(ref: Any) -> NamedRef:
    """`ref` as one of ours: itself, or upstream's NamedRef with what it has staged."""
    if isinstance(ref, NamedRef):
        return ref
    if type(ref) in UPSTREAM:
        whole = wrap(ref._ref, ref._axes)
        staged = {axis: sel for axis, sel in zip(ref._axes, ref._prefix, strict=True) if sel != slice(None)}
        return whole.slice(staged) if staged else whole
    way_out = (
        "name its axes: hax.ref.wrap(ref, axes)" if isinstance(ref, jax.Ref) else "make one with hax.new_ref(value)"
    )
    raise TypeError(f"cannot use {type(ref).__name__} as a NamedRef: it is none; {way_out}")
