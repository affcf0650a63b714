"""Numbers of Python's, NumPy's and SymPy's: one as another, and what users' functions give, as numbers of ours."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from numbers import Number, Real
from typing import Any

import numpy as np
import sympy as sp

from .._kinds import COMPLEX, MOST_INT, REAL, is_int64
from .._symbolic.exact import quotient
from .._symbolic.nodes import BooleanAtom
from .._symbolic.text import short
from .types import Value


FLOAT64 = np.dtype(np.float64)

INTEGERS = (int, np.integer, sp.Integer)  # what holds an integer, whoever made it

_PYTHON = frozenset({bool, int, float, complex})
_NUMERIC = (np.ndarray, np.generic, bool, int, float, complex)


def numeric(value: Value) -> Any:
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


def as_whole(value: int) -> Any:
    return np.int64(value) if is_int64(value) else np.float64(quotient(value, 1))


def as_int64(value: Value) -> Any:
    """An array or a scalar of integers or booleans as int64; as float64, if one of them is too large for that.

    >>> as_int64(np.uint8(200)), as_int64(np.array([2**63], np.uint64))
    (np.int64(200), array([9.22337204e+18]))
    """
    return of_uint64(value) if value.dtype == np.uint64 else of_integers(value)


def of_integers(value: Value) -> Any:
    value = value.astype(np.int64)
    return value if value.ndim else value[()]


def of_uint64(value: Value) -> Any:
    """Likewise, of integers of NumPy's largest type, or of Python's in an array of objects."""
    if value.dtype == object:
        return np.array([as_whole(n) for n in value.reshape(-1).tolist()]).reshape(value.shape)
    value = value.astype(np.float64 if np.any(value > np.uint64(MOST_INT)) else np.int64)
    return value if value.ndim else value[()]


def as_array(value: Value) -> Any:
    """Anything as an array: of objects, if it holds what is no number.

    >>> as_array([Decimal("0.5"), sp.Rational(1, 4)]), as_array(np.array([1, 2], object))
    (array([0.5 , 0.25]), array([1, 2]))
    """
    array = np.asarray(numeric(value))
    if array.dtype == object:
        entries = array.reshape(-1).tolist()
        if all(isinstance(entry, sp.Expr | BooleanAtom | Number | Decimal) for entry in entries):
            numbers = np.array([_number(entry) for entry in entries])
            if numbers.dtype == object:  # integers beyond int64
                numbers = np.array([as_whole(n) if type(n) is int else n for n in numbers.tolist()])
            return numbers.reshape(array.shape)
    return array


def _number(entry: Value) -> Any:
    """Of SymPy's and mpmath's numbers, fractions and decimals, a Python number."""
    value = numeric(entry)
    if isinstance(value, _NUMERIC):
        return value
    # mpmath's complex numbers have no float, and say so only by what they are registered as.
    return float(value) if isinstance(value, Real | Decimal) else complex(value)


_PYTHONS_OWN = frozenset(np.dtype(kind) for kind in (np.bool_, np.int64, np.float64, np.complex128))


def python_number(value: Value) -> Any:
    """A scalar result: a Python number where Python has its precision, else a NumPy scalar.

    >>> python_number(np.float64(0.5)), python_number(np.array(2)), python_number(np.float32(0.5))
    (0.5, 2, np.float32(0.5))
    """
    if type(value) in _PYTHON:
        return value
    value = np.asarray(value)[()]
    if not isinstance(value, np.generic) or value.dtype.kind in "SUV":
        raise TypeError(
            f"cannot give {short(value)} as a result: it is of type {type(value).__name__}; pass numbers or arrays"
        )
    return value.item() if value.dtype in _PYTHONS_OWN else value


class LeftToNumPy(ValueError):
    """Python's numbers would give something else than arrays: the call is computed by NumPy instead."""


def numpy_alone(*args: Value) -> Any:
    """What is never computed by Python's numbers."""
    raise LeftToNumPy


def math_not(value: Value) -> bool:
    """The negation, as a bool."""
    return not value


def number(value: Value, kind: int) -> Any:
    """A result computed from Python numbers, as arrays would have it: of that kind also where a whole number is chosen.

    >>> number(np.float64(0.5), REAL), number(2, REAL), number(0.5, COMPLEX)
    (0.5, 2.0, (0.5+0j))
    """
    value = python_number(value)
    if kind == REAL and type(value) is int:
        return float(value)
    return complex(value) if kind == COMPLEX and type(value) in (int, float) else value


def python_scalar(value: Value) -> Any:
    """What a function gave for Python numbers, as such a number again; a shorter float, or an array, as it is.

    NumPy's integers would wrap around, and `math` takes the real part alone of its complex numbers.

    >>> python_scalar(np.int64(2)), python_scalar(np.array(1j)), python_scalar(np.float32(0.5))
    (2, 1j, np.float32(0.5))
    """
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    if not isinstance(value, np.generic):
        return value
    return value.item() if value.dtype.kind in "biuc" or value.dtype == FLOAT64 else value


# -- users' functions ------------------------------------------------------------------------------------------------


def foreign(function: Callable[..., Any]) -> Callable[..., Any]:
    """A user's function as one of ours: the integers and booleans that it gives count as its arguments do.

    They are int64 for integers, as arguments are, and float64 for floats: shorter ones would wrap around, and NumPy
    has sin(True) in half precision. A ufunc that gives only floats stays what it is.

    >>> positive = foreign(lambda x: x > 0)
    >>> positive(np.array([1.5, -1.5])), positive(np.int64(2))
    (array([1., 0.]), np.int64(1))
    """
    if isinstance(function, np.ufunc):
        given = {signature[-1] for signature in function.types} - {"O"}
        if given and given <= set("efdgFDG"):
            return function

    @functools.wraps(function, updated=())
    def counted(*args: Value) -> Any:
        result = function(*args)
        if type(result) in (int, bool):
            return result if all(map(_counts, args)) else quotient(result, 1)
        if type(result) in (float, complex):
            return result
        if not isinstance(result, np.ndarray | np.generic) or result.dtype == object:
            result = as_array(result)
        if result.dtype.kind not in "biu":
            return result
        return as_int64(result) if all(map(_counts, args)) else result.astype(np.float64)

    return counted


def _counts(value: Value) -> bool:
    return value.dtype.kind in "biu" if isinstance(value, np.ndarray | np.generic) else type(value) in (int, bool)


def has_nan(array: Any) -> bool:
    """Is an element nan? Of complex numbers it is not asked.

    >>> has_nan(np.array([1.0, np.inf, np.nan])), has_nan(np.array([1e300, -np.inf])), has_nan(np.array([]))
    (True, False, False)
    """
    if not isinstance(array, np.ndarray):
        return bool(array != array)
    if array.dtype.kind != "f" or not array.size:
        return False
    # The cheapest look that warns of nothing: where there are nans, the first one is the largest.
    largest = array.item(array.argmax())
    return largest != largest  # type: ignore[no-any-return]  # a bool


def is_finite(array: Any) -> bool:
    """Are all elements of an array of floats finite?

    >>> is_finite(np.array([1e300, -1e300])), is_finite(np.array([1.0, -np.inf]))
    (True, False)
    """
    if not array.size:
        return True
    largest, smallest = array.item(array.argmax()), array.item(array.argmin())
    return largest - largest == 0 == smallest - smallest  # type: ignore[no-any-return]  # a bool
