"""Arguments of a call, as what the generated code computes with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._kinds import is_int64
from .._runtime.numbers import FLOAT64, INTEGERS, as_array, as_whole, of_integers, of_uint64
from .._symbolic.exact import quotient


INT64 = np.dtype(np.int64)
UINT64 = np.dtype(np.uint64)

_PYTHON = frozenset({bool, int, float, complex})

# What Python scalars compute with, by the type of the argument: the numbers that are Python's in all but type.
PLAIN: dict[type, type] = {
    float: float, np.float64: float, **dict.fromkeys((int, bool, np.bool_), int),
    **dict.fromkeys((np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64), int),
}  # fmt: skip

Shape = tuple[int, ...]


class Prepared(NamedTuple):
    """Arguments of a call, as `prepare` gives them.

    Attributes:
        values: one per argument, arrays and NumPy scalars.
        integers: a bit mask of which of them are integers.
        shape: the broadcast shape.
        complex: a bit mask of which of them are complex.
        precision: the real dtype that results are to have if all arrays beside the Python scalars are shorter than
            double; else None.
        beyond: a bit mask of which of them were integers, and are floats, as one of them is too large for int64.
    """

    values: list[Any]
    integers: int
    complex: int
    shape: Shape
    precision: Any
    beyond: int


def _carries(kind: type[Any]) -> bool:
    """Whether values of this type carry more than numbers.

    >>> carries(float), carries(np.ndarray), carries(list), carries(np.ma.MaskedArray)
    (False, False, False, True)
    """
    if kind is np.ndarray or kind is np.memmap or issubclass(kind, np.generic):
        return False
    return issubclass(kind, np.ndarray) or any(
        hasattr(kind, name) for name in ("__array_ufunc__", "__array_function__", "tocsr")
    )


# By type; mypy does not take classes for hashable.
carries: Callable[[type[Any]], bool] = functools.lru_cache(maxsize=256)(_carries)  # type: ignore[assignment]


def prepare(args: Sequence[Any], ranks: Sequence[int], refuse_none: bool = False) -> Prepared:
    """Arguments as arrays and NumPy scalars that compute as mathematics does.

    Small integers and booleans become int64, Python scalars take the precision of the arrays beside them. None is for
    users' functions alone: where there are none, `refuse_none` says so before SciPy takes it for nan.

    >>> prepare([np.array([250], np.uint8), 2.5], (0, 0))
    Prepared(values=[array([250]), np.float64(2.5)], integers=1, complex=0, shape=(1,), precision=None, beyond=0)
    >>> prepare([np.zeros(2, np.float32), 0.5], (0, 0)).precision
    <class 'numpy.float32'>
    """
    values, kinds = list(args), []
    for i, a in enumerate(args):
        kind: Any = type(a)
        if kind is np.ndarray and a.dtype.kind != "O":
            kind = a.dtype
        elif kind not in _PYTHON:
            try:
                values[i], kind = _admitted(a, refuse_none)
            except Guests as guests:
                guests.index = i
                raise
        kinds.append(kind)
    plan = _plan(tuple(kinds))
    shape: Shape = ()
    for i, (value, convert, rank) in enumerate(zip(values, plan.conversions, ranks, strict=True)):
        if convert is not None:
            value = values[i] = convert(value)
        elif not value.ndim:
            value = values[i] = value[()]
        rest = np.shape(value)[rank:]
        if rest and rest != shape:
            shape = np.broadcast_shapes(shape, rest) if shape else rest
    beyond = sum([1 << i for i in plan.beyond if values[i].dtype.kind == "f"])
    return Prepared(values, plan.integers & ~beyond, plan.complex, shape, plan.precision, beyond)


def _admitted(value: Any, refuse_none: bool) -> tuple[Any, Any]:
    """A value that is neither a Python number nor a plain array of numbers, as one that is; and its kind."""
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind != "O":
        return value, value.dtype
    for kind in (int, float, complex):
        if isinstance(value, kind):
            return value, kind
    if isinstance(value, list | tuple):
        _refuse_guests(value)
    array = as_array(value)
    if refuse_none and array.dtype == object and any(entry is None for entry in array.reshape(-1).tolist()):
        raise TypeError("None is no number")
    # What NumPy made floats may have been integers; a look at the floats spares most lists one at their elements.
    is_large = array.dtype == FLOAT64 and array.ndim and np.any(np.abs(array) >= 2.0**63)
    if is_large and (whole := large_integers(value)) is not None:
        return whole, UINT64  # not all of them fit that, but all count as its elements do
    return array, array.dtype


def large_integers(value: Any) -> Any:
    """An array of Python's integers, if these are all that the value holds and one is beyond int64; else None.

    >>> large_integers([2**70, -1]), large_integers([2.0**70, -1]), large_integers([1, 2])
    (array([1180591620717411303424, -1], dtype=object), None, None)
    """
    try:
        array = np.asarray(value, dtype=object)
    except ValueError:
        return None  # lists of several lengths, of which NumPy says so itself
    entries = array.reshape(-1).tolist()
    whole = [int(e) for e in entries if isinstance(e, INTEGERS)]
    if len(whole) < len(entries) or all(map(is_int64, whole)):
        return None
    found = np.empty(len(whole), object)
    found[:] = whole
    return found.reshape(array.shape)


class Guests(TypeError):
    """A list holds what carries more than numbers: an array of it would have lost that.

    Attributes:
        index: which argument it is.
    """

    index: int = 0

    def __init__(self, holder: type, kind: type) -> None:
        super().__init__(
            f"a {holder.__name__} of {kind.__name__}, and an array of it would lose what each carries; pass one "
            f"{kind.__name__}, or an array of their numbers"
        )


def _refuse_guests(values: Sequence[Any]) -> None:
    """Raise for a list of what carries more than numbers, at any depth."""
    for kind in dict.fromkeys(map(type, values)):
        if issubclass(kind, list | tuple):
            for value in values:
                if type(value) is kind:
                    _refuse_guests(value)
        elif carries(kind):
            raise Guests(type(values), kind)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How arguments of certain kinds are prepared together.

    Attributes:
        conversions: a function for each; None for an array or a NumPy scalar that stays what it is.
        integers: which of them become integers, as in `Prepared`.
        complex: which of them are complex.
        beyond: those of the integers that become floats instead if they do not fit into int64.
        precision: as in `Prepared`.
    """

    conversions: tuple[Callable[[Any], Any] | None, ...]
    integers: int
    complex: int
    beyond: tuple[int, ...]
    precision: Any


@functools.lru_cache(maxsize=512)
def _plan(kinds: tuple[Any, ...]) -> _Plan:
    """The plan for arguments of these kinds: dtypes of NumPy's, types of Python's."""
    dtype = np.result_type(*(k if isinstance(k, np.dtype) else _weak(k) for k in kinds), np.int8)
    conversions, dtypes = [], []
    for kind in kinds:
        convert, becomes = _of_dtype(kind) if isinstance(kind, np.dtype) else _of_python(kind, dtype)
        conversions.append(convert)
        dtypes.append(becomes)
    return _Plan(
        tuple(conversions),
        sum([1 << i for i, d in enumerate(dtypes) if d.kind in "iub"]),
        sum([1 << i for i, d in enumerate(dtypes) if d.kind == "c"]),
        tuple([i for i, convert in enumerate(conversions) if convert in (as_whole, of_uint64)]),
        _short_precision([d for d in dtypes if d.kind != "O"]),
    )


def _weak(kind: type) -> Any:
    return 0 if kind is bool else kind(0)


def _of_dtype(dtype: Any) -> tuple[Callable[[Any], Any] | None, Any]:
    """The conversion of arrays and scalars of a dtype, and what dtype they then have."""
    if dtype.kind in "SUV":
        raise TypeError(f"an argument is of dtype {dtype}, which are no numbers")
    if dtype.kind in "mM":
        raise TypeError(f"an argument is of dtype {dtype}: times are not numbers; divide by numpy.timedelta64(1, 's')")
    if dtype.kind not in "iub" or dtype == INT64:
        return None, dtype
    return (of_uint64 if dtype == UINT64 else of_integers), INT64


def _of_python(kind: type, dtype: Any) -> tuple[Callable[[Any], Any], Any]:
    """The conversion of Python's numbers beside arrays of result type `dtype`, whose precision they take."""
    if kind is not complex and kind is not float and (dtype.kind not in "fc" or dtype in (np.float64, np.complex128)):
        return as_whole, INT64
    if kind is complex:
        to = np.result_type(dtype, np.complex64) if dtype.kind in "fc" else np.dtype(np.complex128)
    else:
        to = np.zeros((), dtype).real.dtype if dtype.kind in "fc" else FLOAT64
        if kind is int:
            return lambda value: to.type(quotient(value, 1)), to
    return to.type, to


_SHORT = {np.dtype(np.float16): np.float16, np.dtype(np.float32): np.float32, np.dtype(np.complex64): np.float32}


def _short_precision(dtypes: Sequence[Any]) -> Any:
    return None if _SHORT.keys().isdisjoint(dtypes) else _SHORT.get(np.result_type(*dtypes))


def of_doubles(args: Sequence[Any], ranks: Sequence[int]) -> tuple[list[Any], Shape] | None:
    """As `prepare`, for what most calls pass: float64 arrays of one shape, and floats. None: something else is there.

    The floats become arrays of rank 0, which NumPy combines with arrays in half the time that it needs for a float.

    Returns:
        The values; the shape that the arrays have behind the axes that `ranks` counts.

    >>> of_doubles((0.5, np.array([1.0, 2.0])), (0, 0))
    ([array(0.5), array([1., 2.])], (2,))
    """
    values = []
    shape: Shape | None = None
    for a, rank in zip(args, ranks, strict=True):
        kind = type(a)
        if kind is np.ndarray:
            if a.dtype is not FLOAT64:
                return None
            rest: Shape = a.shape
            if rank:
                rest = rest[rank:]
            elif not rest:
                return None
            if shape is None:
                shape = rest
            elif rest != shape:
                return None
            values.append(a)
        elif kind is float or kind is np.float64:
            values.append(np.array(a))
        else:
            return None
    # A call without arrays has rules of its own.
    return None if shape is None else (values, shape)
