"""Arguments of a call, as what the generated code computes with; and results, as what the caller gets."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from numbers import Number
from typing import Any

import numpy as np
import sympy as sp
from sympy.logic.boolalg import BooleanAtom


FLOAT64 = np.dtype(np.float64)

# What Python scalars compute with, by the type of the argument: the numbers that are Python's in all but type.
PLAIN: dict[type, type] = {float: float, int: int, bool: int, np.float64: float, np.int64: int, np.bool_: int}

_NUMERIC = (np.ndarray, np.generic, bool, int, float, complex)

Shape = tuple[int, ...]


def numeric(value: Any) -> Any:
    """A value as what NumPy computes with: of SymPy's numbers and matrices, Python numbers and arrays.

    >>> numeric(sp.Integer(2)), numeric(sp.pi), numeric(1 + sp.I), numeric(sp.true), numeric("as it is")
    (2, 3.141592653589793, (1+1j), True, 'as it is')
    >>> numeric(sp.Matrix([[1, sp.Rational(1, 2)]]))
    array([[1. , 0.5]])
    """
    match value:
        case sp.MatrixBase() | sp.NDimArray():
            return np.array([numeric(entry) for entry in sp.flatten(value.tolist())]).reshape(value.shape)
        case sp.Integer():
            return int(value)
        case BooleanAtom():
            return bool(value)
        case sp.Expr():
            number = complex(value)  # to double precision, whatever it cancels
            return number if number.imag else number.real
        case _:
            return value


def prepare(args: Sequence[Any], ranks: Sequence[int]) -> tuple[list[Any], int, Shape]:
    """Arguments as arrays and NumPy scalars that compute as mathematics does.

    Small integers and booleans become int64, Python scalars take the precision of the arrays beside them.

    Returns:
        The values; a bit mask of which of them are integers; the broadcast shape.

    >>> prepare([np.array([250], np.uint8), 2.5], (0, 0))
    ([array([250]), np.float64(2.5)], 1, (1,))
    """
    values: list[Any] = [a if isinstance(a, _NUMERIC) and not _holds_objects(a) else _as_array(a) for a in args]
    dtypes = [v.dtype if isinstance(v, np.ndarray | np.generic) else _weak(v) for v in values]
    dtype = np.result_type(*dtypes, np.int8)
    values = [_strong(v) if isinstance(v, np.ndarray | np.generic) else _python(v, dtype) for v in values]
    shape = np.broadcast_shapes(*(np.shape(v)[r:] for v, r in zip(values, ranks, strict=True)))
    # What is no number, None say, has no dtype: a user's function may want it, arithmetic refuses it.
    integers = sum([1 << i for i, v in enumerate(values) if hasattr(v, "dtype") and v.dtype.kind in "iub"])
    return values, integers, shape


def of_doubles(args: Sequence[Any]) -> tuple[list[Any], Any] | None:
    """As `prepare`, for what most calls pass: float64 arrays of one shape, and floats. None: something else is there.

    The floats become arrays of rank 0, which NumPy combines with arrays in half the time that it needs for a float.

    Returns:
        The values, and one of the arrays.

    >>> of_doubles((0.5, np.array([1.0, 2.0])))
    ([array(0.5), array([1., 2.])], array([1., 2.]))
    """
    values = []
    leader: Any = None
    for a in args:
        kind = type(a)
        if kind is np.ndarray:
            if a.dtype is not FLOAT64:
                return None
            if leader is None:
                leader = a
            elif a.shape != leader.shape:
                return None
            values.append(a)
        elif kind is float or kind is np.float64:
            values.append(np.array(a))
        else:
            return None
    # A call without arrays has rules of its own.
    return None if leader is None or not leader.ndim else (values, leader)


def _holds_objects(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "O"


def _as_array(value: Any) -> Any:
    array = np.asarray(numeric(value))
    if array.dtype == object:
        entries = array.reshape(-1).tolist()
        if all(isinstance(entry, sp.Expr | BooleanAtom | Number | Decimal) for entry in entries):
            return np.array([_number(entry) for entry in entries]).reshape(array.shape)
    return array


def _number(entry: Any) -> Any:
    """Of SymPy's numbers, fractions and decimals, a Python number."""
    value = numeric(entry)
    return value if isinstance(value, _NUMERIC) else float(value)


def _weak(value: Any) -> Any:
    return 0 if isinstance(value, int) else type(value)(0)


def _strong(value: Any) -> Any:
    """A NumPy argument: integers and booleans as int64 (floats where they do not fit), rank 0 as a scalar."""
    match value.dtype.kind:
        case "u" if value.dtype.itemsize == 8 and np.any(value > np.uint64(2**63 - 1)):
            value = value.astype(np.float64)
        case "i" | "u" | "b":
            value = value.astype(np.int64, copy=False)
    return value[()] if np.ndim(value) == 0 else value


def _python(value: Any, dtype: Any) -> Any:
    """A Python argument beside arrays of result type `dtype`, whose precision it takes."""
    if isinstance(value, int) and (dtype.kind not in "fc" or dtype in (np.float64, np.complex128)):
        return np.int64(value) if -(2**63) <= value < 2**63 else np.float64(value)
    if dtype.kind not in "fc":
        return np.complex128(value) if isinstance(value, complex) else np.float64(value)
    if isinstance(value, complex):
        return np.result_type(dtype, np.complex64).type(value)
    return np.zeros((), dtype).real.dtype.type(value)


_SHORT = {np.dtype(np.float16): np.float16, np.dtype(np.float32): np.float32, np.dtype(np.complex64): np.float32}


def short_precision(values: Sequence[Any]) -> Any:
    """The real dtype that results are to have if all arrays beside the Python scalars are shorter than double.

    >>> short_precision([np.zeros(2, np.float32), 0.5]), short_precision([np.zeros(2, np.float32), np.arange(2)])
    (<class 'numpy.float32'>, None)
    """
    dtypes = {value.dtype for value in values if isinstance(value, np.ndarray | np.generic)}
    return _SHORT.get(np.result_type(*dtypes)) if not dtypes.isdisjoint(_SHORT) else None


def shortened(result: Any, precision: Any) -> Any:
    """`result` in that precision: a constant, or a selection among constants, is in double until it meets an array.

    >>> shortened(0.5, np.float32), shortened(np.array([1, 2]), np.float32)
    (np.float32(0.5), array([1, 2]))
    """
    dtype = np.result_type(result)
    if dtype == np.float64:
        return np.asarray(result).astype(precision)[()]
    if dtype == np.complex128:
        return np.asarray(result).astype(np.complex64)[()]
    return result


def spread(result: Any, rank: int, shape: Shape) -> Any:
    """A result in the broadcast shape `shape`, behind `rank` axes of its own; without any axes, a scalar."""
    found = np.shape(result)
    if not found and not shape:
        return python_number(result)
    if found[rank:] == shape:
        return result
    result = np.asarray(result)
    lead = found[:rank]
    pad = (1,) * (len(shape) - len(found[rank:]))
    return np.broadcast_to(result.reshape(lead + pad + found[rank:]), lead + shape).copy()


_PYTHON = (bool, int, float, complex)
_PYTHONS_OWN = frozenset(np.dtype(kind) for kind in (np.bool_, np.int64, np.float64, np.complex128))


def python_number(value: Any) -> Any:
    """A scalar result: a Python number where Python has its precision, else a NumPy scalar.

    >>> python_number(np.float64(0.5)), python_number(np.array(2)), python_number(np.float32(0.5))
    (0.5, 2, np.float32(0.5))
    """
    if type(value) in _PYTHON:
        return value
    value = np.asarray(value)[()]
    if not isinstance(value, np.generic):
        raise TypeError(
            f"cannot give {value!r} as a result: it is of type {type(value).__name__}; pass numbers or arrays"
        )
    return value.item() if value.dtype in _PYTHONS_OWN else value
