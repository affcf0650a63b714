"""What generated code calls besides NumPy: guarded selection, exact integer arithmetic, stacking.

These functions take arrays or scalars in any mix and broadcast as NumPy does. None of them keeps state.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._execution.arguments import FLOAT64, as_array, as_int64, python_number
from .._kinds import COMPLEX, REAL
from .._symbolic.exact import quotient


_LIMIT = float(2**63)


# -- integers: exact while they fit in int64, else floats ------------------------------------------------------------


def is_integer(value: Any) -> bool:
    return value.dtype.kind in "iu" if isinstance(value, np.ndarray | np.generic) else type(value) is int


def _plain(value: Any) -> Any:
    """Booleans count as numbers."""
    kind = getattr(value, "dtype", None)
    if kind is not None and kind.kind == "b":
        return value.astype(np.int64)
    return int(value) if type(value) is bool else value


def _fits(bound: Any) -> bool:
    """Is every element of the float `bound` safely inside int64?"""
    return bool(np.all(np.abs(bound) < _LIMIT * (1 - 2.0**-50)))


def _float(value: Any) -> Any:
    return np.asarray(value, dtype=np.float64)[()]


def exact_add(negative: tuple[bool, ...], *terms: Any) -> Any:
    """The sum of `terms`, each subtracted where `negative` says so; integers that would overflow are added as floats.

    >>> exact_add((False, False), np.int64(2**62), np.int64(2**62))
    np.float64(9.223372036854776e+18)
    >>> exact_add((False, True), np.uint8(3), np.int64(5))
    np.int64(-2)
    """
    plain = [_plain(t) for t in terms]
    whole = [t for t in plain if is_integer(t)]
    if len(whole) > 1 or len(plain) == 1:
        with np.errstate(all="ignore"):
            size = sum(np.abs(_float(t)) for t in whole)
        if not _fits(size):
            plain = [_float(t) if is_integer(t) else t for t in plain]
    total = -plain[0] if negative[0] else plain[0]
    for term, minus in zip(plain[1:], negative[1:], strict=True):
        total = total - term if minus else total + term
    return total


def exact_multiply(*factors: Any) -> Any:
    """The product of `factors`; integers that would overflow are multiplied as floats.

    >>> exact_multiply(np.int64(3), np.array([5, 7])), exact_multiply(np.int64(2**40), np.int64(2**40))
    (array([15, 21]), np.float64(1.2089258196146292e+24))
    """
    result = _plain(factors[0])
    for factor in factors[1:]:
        other = _plain(factor)
        if is_integer(result) and is_integer(other):
            with np.errstate(all="ignore"):
                size = _float(result) * _float(other)
            result = result * other if _fits(size) else size
        else:
            result = result * other
    return result


def exact_negate(value: Any) -> Any:
    """-value; a boolean counts as an integer, and -(-2**63) is a float."""
    return exact_add((True,), value)


def exact_power(base: Any, exponent: Any) -> Any:
    """base**exponent; integers stay integers where no exponent is negative and the result fits in int64.

    >>> exact_power(np.array([2, 3]), np.int64(3)), exact_power(np.int64(2), np.array([-1, 1]))
    (array([ 8, 27]), array([0.5, 2. ]))
    """
    base, exponent = _plain(base), _plain(exponent)
    if is_integer(base) and is_integer(exponent):
        if np.all(np.asarray(exponent) >= 0):
            with np.errstate(all="ignore"):
                size = np.power(_float(base), exponent)
            if _fits(size):
                return np.power(base, exponent)
        base = _float(base)
    return np.power(base, exponent)


# -- scalars ---------------------------------------------------------------------------------------------------------


def math_power(base: Any, exponent: Any) -> Any:
    """base**exponent of Python numbers, exact for integers; raises where NumPy would give nan or inf."""
    if type(base) is int and type(exponent) is int:
        if exponent >= 0:
            if base.bit_length() * exponent > 1 << 14:
                return math.pow(base, exponent)
            return base**exponent
        return math.pow(base, exponent)
    return math.pow(base, exponent)


def math_not(value: Any) -> bool:
    """The negation, as a bool."""
    return not value


def number(value: Any, kind: int) -> Any:
    """A result computed from Python numbers, as arrays would have it: of that kind also where a whole number is chosen.

    >>> number(np.float64(0.5), REAL), number(2, REAL), number(0.5, COMPLEX)
    (0.5, 2.0, (0.5+0j))
    """
    value = python_number(value)
    if kind == REAL and type(value) is int:
        return float(value)
    return complex(value) if kind == COMPLEX and type(value) in (int, float) else value


def python_scalar(value: Any) -> Any:
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
    def counted(*args: Any) -> Any:
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


def _counts(value: Any) -> bool:
    return value.dtype.kind in "biu" if isinstance(value, np.ndarray | np.generic) else type(value) in (int, bool)


# -- guards ----------------------------------------------------------------------------------------------------------


def piecewise(
    live: tuple[Any, ...], ranks: tuple[int, ...], samples: tuple[Any, ...], condition: Any, *arms: Any
) -> Any:
    """The value of the first true condition, elementwise, and nothing evaluated elsewhere.

    Args:
        live: the values that the arms are functions of.
        ranks: the leading axes of each, which are not selected from.
        samples: values whose common dtype the result must at least have, whichever arms are evaluated.
        condition: the first condition, already evaluated.
        arms: value, condition, value, ..., value: each a function of the selected elements of `live`; a value may
            be a constant.

    >>> x = np.array([-1.0, 4.0])
    >>> piecewise((x,), (0,), (0.0,), x > 0, np.sqrt, 0)
    array([0., 2.])
    """
    return piecewise_of_rank(0, live, ranks, samples, condition, *arms)


def piecewise_of_rank(
    rank: int, live: tuple[Any, ...], ranks: tuple[int, ...], samples: tuple[Any, ...], condition: Any, *arms: Any
) -> Any:
    """`piecewise` of arrays that have `rank` axes of their own, before those along which the condition varies.

    >>> eye, x = np.eye(2), np.array([-1.0, 4.0, 0.5])
    >>> piecewise_of_rank(2, (eye,), (2,), (0.0,), x > 0, lambda eye: 2 * eye, lambda eye: eye)[0, 0]
    array([1., 2., 2.])
    """
    where: Any = None  # flat positions of the elements not yet decided; None: all of them
    shape: tuple[int, ...] = ()
    pieces: list[tuple[Any, Any]] = []
    tests = (condition, *arms[1:-1:2])
    for i, value in enumerate(arms[:-1:2]):
        test = np.asarray(tests[i] if i == 0 else _arm(tests[i], live)).astype(bool, copy=False)
        if test.all():
            pieces.append((where, _arm(value, live)))
            break
        if not test.any():
            continue
        if where is None:
            shapes = (np.shape(v)[r:] for v, r in zip(live, ranks, strict=True))
            shape = np.broadcast_shapes(test.shape, *shapes)
            live = tuple(_flat(v, r, shape) for v, r in zip(live, ranks, strict=True))
            where = np.arange(math.prod(shape))
            test = np.broadcast_to(test, shape).reshape(-1)
        test = np.broadcast_to(test, where.shape)
        pieces.append((where[test], _arm(value, _pick(live, ranks, test))))
        test = ~test
        where, live = where[test], _pick(live, ranks, test)
    else:
        pieces.append((where, _arm(arms[-1], live)))
    if len(pieces) == 1 and pieces[0][0] is None:
        result = pieces[0][1]
        dtype = np.result_type(result, *samples)
        same = isinstance(result, np.ndarray | np.generic) and result.dtype == dtype
        return result if same else np.asarray(result, dtype=dtype)
    dtype = np.result_type(*(value for _, value in pieces), *samples)
    lead: tuple[int, ...] = max((np.shape(v)[:rank] for _, v in pieces), key=len)
    result = np.empty((*lead, math.prod(shape)), dtype)
    for positions, value in pieces:
        # What depends on nothing that varies has its own axes alone.
        result[..., positions] = value if np.ndim(value) > rank or np.ndim(value) == 0 else value[..., None]
    return result.reshape(lead + shape)


def where(rank: int, condition: Any, one: Any, other: Any) -> Any:
    """np.where for arrays that have `rank` axes of their own, before those along which the condition varies.

    >>> where(1, np.array([True, False, True]), np.array([1, 2]), np.array([3, 4]))
    array([[1, 3, 1],
           [2, 4, 2]])
    """
    axes = max(np.ndim(condition), np.ndim(one) - rank, np.ndim(other) - rank)
    return np.where(condition, _spread(rank, one, axes), _spread(rank, other, axes))


def _spread(rank: int, value: Any, axes: int) -> Any:
    shape = np.shape(value)
    return np.reshape(value, shape[:rank] + (1,) * (rank + axes - len(shape)) + shape[rank:]) if shape else value


def _arm(function: Any, live: tuple[Any, ...]) -> Any:
    return function(*live) if callable(function) else function


def _flat(value: Any, rank: int, shape: tuple[int, ...]) -> Any:
    """`value` with its broadcasting axes made one, of full size; scalars stay scalars."""
    lead, rest = np.shape(value)[:rank], np.shape(value)[rank:]
    if not rest:
        return value
    padded = np.reshape(value, lead + (1,) * (len(shape) - len(rest)) + rest)
    return np.broadcast_to(padded, lead + shape).reshape(*lead, -1)


def _pick(live: tuple[Any, ...], ranks: tuple[int, ...], test: Any) -> tuple[Any, ...]:
    return tuple(v[..., test] if np.ndim(v) > r else v for v, r in zip(live, ranks, strict=True))


# -- arrays ----------------------------------------------------------------------------------------------------------


_PYTHON = {float, int}


def stack(shape: tuple[int, ...], *entries: Any) -> Any:
    """An array of `entries`, its leading axes of the given shape, the others those to which the entries broadcast
    together.

    >>> stack((2,), 1, np.array([2.0, 3.0]))
    array([[1., 1.],
           [2., 3.]])
    """
    if float in (kinds := set(map(type, entries))) and kinds <= _PYTHON:
        return np.array(entries, np.float64).reshape(shape)
    common = np.broadcast_shapes(*(np.shape(e) for e in entries))
    result = np.empty((len(entries), *common), np.result_type(*entries) if entries else np.float64)
    for i, entry in enumerate(entries):
        result[i] = entry
    return result.reshape(shape + common)
