"""The functions on named refs, of `haliax_refs` and of `hax.ref`: to make, read, write, freeze and free them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import haliax
import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray

from ._access.operations import add, read, swap as swapped, write
from ._access.signals import uninterrupted
from ._access.values import array_of
from ._compat import HAS_KIND, HAS_PIN, empty_ref as jax_empty_ref, free_ref as jax_free_ref
from ._explicit import is_ref
from ._indexing.describe import listed
from ._indexing.layout import Layout
from ._lifetime import Invalidation, invalidate, invalidation, is_eager, new_raw, note_made, undo_invalidation
from ._locks import holding, lock_of
from ._refs import NamedRef, as_named_ref, make
from ._tracebacks import short_traceback
from ._types import Array, Axes, DType, Index, Value


R = TypeVar("R")


@short_traceback
def new_ref(
    value: Value, axes: Axes | None = None, *, memory_space: object = None, kind: str | None = None, pin: bool = False
) -> NamedRef:
    """A new mutable buffer that holds a copy of `value`.

    Args:
        value: a `NamedArray`, an array, or a scalar.
        axes: the axes of an array that is not named: axes, names, or a mapping from name to size, in its order.
        memory_space: as `jax.new_ref` takes it.
        kind: as `jax.new_ref` takes it, from jax 0.9 on.
        pin: as `jax.new_ref` takes it, from jax 0.11 on, within `jax.jit`.
    Returns:
        A `NamedRef` of the value's axes, dtype and sharding. A Python number has the dtype that jax gives it. What is
        read of it is not weakly typed, also where `value` is (unless that is traced).
    Raises:
        ValueError: the axes do not fit the shape of `value`.
        TypeError: `value` is an array without axes, does not consist of numbers, or is a ref itself.
        OverflowError: `value` is an int that jax's default integer dtype does not hold.
        NotImplementedError: a `kind`, or `pin=True`, where this jax has no such option.

    >>> import haliax as hax, haliax_refs, jax.numpy as jnp
    >>> hax.new_ref(hax.ones({"x": 2})), hax.new_ref(jnp.zeros((2, 3)), ("x", "y")), hax.new_ref(0.0)
    (NamedRef(float32: x=2), NamedRef(float32: x=2, y=3), NamedRef(float32: ))
    """
    if is_ref(value):
        raise TypeError(f"expected an array, got a {type(value).__name__}; read it first, ref[...]")
    if isinstance(value, NamedArray):
        array, named = array_of(value.array, "make a ref of"), value.axes
        if axes is not None and _axes(axes, np.shape(array)) != named:
            raise ValueError(f"got axes {axes} with a NamedArray that has axes {listed(named)}; leave them out")
    else:
        array = _as_jax(array_of(value, "make a ref of"))
        if axes is None and array.ndim:
            raise TypeError(f"cannot make a NamedRef of an array of shape {array.shape} without names; pass its axes")
        named = _axes(() if axes is None else axes, array.shape)
    if not isinstance(array, jax.Array):  # of an array of jax's, this would still cost as much as the copy
        array = jnp.asarray(array)
    return make(new_raw(array, **_options(memory_space, kind, pin)), Layout.whole(named), ())


def _options(memory_space: object, kind: str | None, pin: bool) -> dict[str, Any]:
    """The options of `jax.new_ref` that were given, if this jax has them."""
    options: dict[str, Any] = {}
    if memory_space is not None:
        options["memory_space"] = memory_space
    if kind is not None:
        if not HAS_KIND:
            raise NotImplementedError(f"kind={kind!r} requires jax 0.9 or later; this is jax {jax.__version__}")
        options["kind"] = kind
    if pin:
        if not HAS_PIN:
            raise NotImplementedError(f"pin=True requires jax 0.11 or later; this is jax {jax.__version__}")
        options["pin"] = True
    return options


@short_traceback
def empty_ref(
    axes: Axes | None, dtype: DType = jnp.float32, *, memory_space: object = None, pin: bool = False
) -> NamedRef:
    """A new mutable buffer of undefined contents.

    Args:
        axes: its axes, with sizes.
        dtype: of its entries.
        memory_space: as `jax.empty_ref` takes it.
        pin: as `jax.empty_ref` takes it, from jax 0.11 on, within `jax.jit`.
    Raises:
        NotImplementedError: `pin=True`, where this jax has no such option.
        ValueError: an axis has no size.
        TypeError: `axes` are not axes.

    >>> import haliax as hax, haliax_refs
    >>> hax.ref.empty_ref({"x": 2, "y": 3}).shape
    {'x': 2, 'y': 3}
    """
    named = _axis_tuple(axes)
    for axis in named:
        if not isinstance(axis, Axis):
            raise ValueError(f"cannot make a buffer with axis {axis!r} of unknown size; pass hax.Axis(name, size)")
        if axis.size < 0:
            raise ValueError(f"cannot make a buffer with axis {axis}: negative dimensions are not allowed")
    shape = tuple(axis.size for axis in named)
    if is_eager() or jax_empty_ref is None:  # it has no eager form
        return new_ref(jnp.empty(shape, dtype), named, memory_space=memory_space, pin=pin)
    raw = jax_empty_ref(jax.ShapeDtypeStruct(shape, dtype), **_options(memory_space, None, pin))
    return make(note_made(raw), Layout.whole(named), ())


@short_traceback
def wrap(ref: jax.Ref, axes: Axes | None) -> NamedRef:
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
        raise TypeError("cannot wrap a NamedRef, which has names; use .rename({old: new})")
    if not _is_reference(ref):
        raise TypeError(f"expected a jax.Ref, got {type(ref).__name__}; make a ref with hax.new_ref(value, axes)")
    return make(note_made(ref), Layout.whole(_axes(axes, ref.shape)), ())


def _is_reference(value: object) -> bool:
    """Whether it is a `jax.Ref`, or what `.at` makes of one in a kernel, which is of a class of jax's own."""
    if isinstance(value, jax.Ref):
        return True
    is_value = isinstance(value, NamedArray | np.ndarray | jax.Array)
    return not is_value and hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__setitem__")


@short_traceback
def get(
    ref: NamedRef | NamedArray, idx: Index = ..., *, mode: str | None = None, fill_value: Array | None = None
) -> NamedArray:
    """What `ref[idx]` reads.

    Args:
        ref: a `NamedRef`, whole or a view.
        idx: what an index may be.
        mode: None or "clip": indices that are not static are clamped into the view. "fill": what is out of bounds
            reads as `fill_value`. "drop" is "fill", as in `jax.numpy`.
        fill_value: one value; by default NaN, or the least (greatest, if unsigned) value of an integer dtype, or True.
            A ref of PRNG keys has no default.
    Returns:
        A `NamedArray`, a copy, of the ref's dtype, with the axes that `idx` selects, as `NamedRef.slice` orders them.
    Raises:
        IndexError: a static index is out of bounds, in a mode that does not allow for it.
        ValueError: an axis is unknown, named twice, or has another size; there is no such mode; or `fill_value` has no
            mode that takes it, or is not one value.
        TypeError: something is not a selector, or `ref` is not a NamedRef.
        RuntimeError: the ref is no longer valid.

    >>> import haliax as hax, haliax_refs, jax.numpy as jnp
    >>> ref = hax.new_ref(hax.arange({"x": 4}))
    >>> hax.ref.get(ref, {"x": jnp.array([1, 7])}, mode="fill", fill_value=-1).array.tolist()
    [1, -1]
    """
    return read(as_named_ref(ref), idx, mode, fill_value)


@short_traceback
def set(ref: NamedRef | NamedArray, idx: Index, value: Value, *, mode: str | None = None) -> None:
    """Write `value` to what `idx` selects: `ref[idx] = value`.

    Args:
        ref: a `NamedRef`, whole or a view.
        idx: what an index may be.
        value: a `NamedArray`, broadcast by name; a scalar; or an array of exactly the view's shape.
            It is cast as NumPy casts in place ("same_kind").
        mode: None or "clip": indices that are not static are clamped into the view. "drop": what is out of bounds
            is not written; "fill" is "drop".
    Raises:
        TypeError: the cast would lose the value's kind (a float into an int ref).
        ValueError: the value has axes, or a shape, that the view has not.
        OverflowError: an int that the ref's integer dtype does not hold.
        And what `get` raises of an index. Nothing is written then.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.zeros({"x": 2, "y": 2}))
    >>> hax.ref.set(ref, {"x": 1}, hax.arange({"y": 2}))
    >>> ref[...].array.tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    write(as_named_ref(ref), idx, value, mode)


@short_traceback
def swap(
    ref: NamedRef | NamedArray, idx: Index, value: Value, *, mode: str | None = None, fill_value: Array | None = None
) -> NamedArray:
    """Write `value` to what `idx` selects and return what was there.

    Takes what `set` takes, raises what it raises, and returns what `get` returns.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.arange({"x": 3}))
    >>> hax.swap(ref, {"x": slice(0, 2)}, 9).array.tolist(), ref[...].array.tolist()
    ([0, 1], [9, 9, 2])
    """
    return swapped(as_named_ref(ref), idx, value, mode, fill_value)


@short_traceback
def addupdate(ref: NamedRef | NamedArray, idx: Index, value: Value, *, mode: str | None = None) -> None:
    """Add `value` to what `idx` selects; what an index array mentions twice is added to twice.

    Takes what `set` takes and raises what it raises.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.zeros({"x": 3}))
    >>> hax.ref.addupdate(ref, {"x": [0, 2, 2]}, 1.0)
    >>> ref[...].array.tolist()
    [1.0, 0.0, 2.0]
    """
    add(as_named_ref(ref), idx, value, mode)


def freeze(ref: NamedRef | NamedArray) -> NamedArray:
    """`hax.freeze` of one ref."""
    named = as_named_ref(ref)

    def contents() -> NamedArray:
        if named._layout.is_whole and not is_eager():
            return NamedArray(jax.freeze(named._ref), named.axes)
        value = named[...]
        if not is_eager():
            jax.freeze(named._ref)
        return value

    return freezing((named,), contents)


def freezing(refs: Sequence[NamedRef], contents: Callable[[], R]) -> R:
    """What `contents` gives of refs, which are then frozen: all of them, or none where anything is raised.

    A signal, too: the refs are then as they were, as long as this has not returned what they hold.
    """
    raws = list({id(ref._ref): ref._ref for ref in refs}.values())
    noted: list[Invalidation] = []
    got: list[R] = []

    def freeze_all() -> None:
        for ref in refs:
            ref._check_made_here("freeze")
        # all locked, so that no update is lost between the read and the freeze
        got.append(contents())
        noted.extend([invalidation(raw, "frozen") for raw in raws])
        for each in noted:
            invalidate(each)

    def undo() -> None:
        for each in noted:
            undo_invalidation(each)

    try:
        holding(raws, freeze_all)
        return got[0]
    except BaseException:
        if noted:
            uninterrupted(lambda: holding(raws, undo))
        raise


@short_traceback
def free_ref(ref: NamedRef | NamedArray) -> None:
    """Free the whole buffer without reading it: any later use of it, through any view, raises RuntimeError.

    It raises what `freeze` raises.

    >>> import haliax as hax, haliax_refs
    >>> ref = hax.new_ref(hax.zeros({"x": 3}))
    >>> hax.ref.free_ref(ref)
    >>> ref
    NamedRef(float32: x=3) (freed)
    """
    ref = as_named_ref(ref)
    with lock_of(ref._ref):
        ref._check_made_here("free")
        # noted first: whatever interrupts this, no ref that has lost its buffer is taken for valid
        invalidate(invalidation(ref._ref, "freed"))
        if jax_free_ref is not None:
            jax_free_ref(ref._ref)


def _as_jax(value: Value) -> Any:
    if isinstance(value, jax.Array):
        return value
    try:
        return jnp.asarray(value)
    except OverflowError as e:
        raise OverflowError(
            f"cannot make a NamedRef of {value}: it does not fit any jax integer dtype; pass a float"
        ) from e


def _is_axis_spec(axes: Axes | None) -> bool:
    if isinstance(axes, Mapping | Sequence) and not isinstance(axes, str):
        return all(isinstance(axis, Axis | str) for axis in axes)
    return isinstance(axes, Axis | str)


def _axis_tuple(axes: Any) -> tuple[Any, ...]:
    """Axes and names from any spec of Haliax's."""
    if not _is_axis_spec(axes):
        raise TypeError(f"expected axes or names, one or a sequence of them, got {axes!r}")
    return tuple(haliax.axis.axis_spec_to_tuple(axes))


def _axes(axes: Axes | None, shape: tuple[int, ...]) -> tuple[Axis, ...]:
    """Axes for an array of that shape; names alone take their sizes from it."""
    given = _axis_tuple(axes)
    sizes = [axis.size if isinstance(axis, Axis) else None for axis in given]
    if len(given) != len(shape) or any(size not in (None, n) for size, n in zip(sizes, shape, strict=True)):
        names = ", ".join(str(axis) for axis in given)
        raise ValueError(f"axes ({names}) do not fit an array of shape {tuple(shape)}; give one for each dimension")
    return tuple(axis if isinstance(axis, Axis) else Axis(axis, n) for axis, n in zip(given, shape, strict=True))
