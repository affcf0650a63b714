"""Guarded selection: Piecewise, each arm computed only where it is selected.

These functions take arrays or scalars in any mix and broadcast as NumPy does. None of them keeps state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .numbers import FLOAT64
from .ranked import broadcast_shape, flatten, pad, take
from .types import Value


def piecewise(
    live: tuple[Any, ...], ranks: tuple[int, ...], samples: tuple[Any, ...], condition: Value, *arms: Value
) -> Any:
    """The value of the first true condition, elementwise, and nothing evaluated elsewhere.

    Args:
        live: the values that the arms are functions of.
        ranks: the leading axes of each, which are not selected from.
        samples: values whose common dtype the result must at least have, whichever arms are evaluated.
        condition: the first condition, already evaluated.
        arms: value, condition, value, ..., value: each a function of the selected elements of `live`; a value may
            be a constant, and a condition may be evaluated of all elements, as the first one is.

    >>> x = np.array([-1.0, 4.0])
    >>> piecewise((x,), (0,), (0.0,), x > 0, np.sqrt, 0)
    array([0., 2.])
    """
    if type(condition) is np.ndarray and condition.dtype == bool and condition.ndim and len(arms) > 1:
        flat = _as_columns(live, ranks, condition.shape)
        if flat is not None:
            test = condition if condition.ndim == 1 else condition.reshape(-1)
            return _assembled(_pieces(flat, test, arms), samples, condition.shape)
    return piecewise_of_rank(0, live, ranks, samples, condition, *arms)


def _as_columns(live: tuple[Any, ...], ranks: tuple[int, ...], shape: tuple[int, ...]) -> list[Any] | None:
    """The values with one axis, or none; None if some have other axes."""
    found = []
    for value, rank in zip(live, ranks, strict=True):
        if rank:
            return None
        if type(value) is np.ndarray and value.ndim:
            if value.shape != shape:
                return None
            value = value if value.ndim == 1 else value.reshape(-1)
        found.append(value)
    return found


def _pieces(live: list[Any], test: Value, arms: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Values and their positions, None for all. By positions: to pick by truth values, every second guess is wrong."""
    # The elements not yet decided: their positions; or, as long as conditions are of all elements, a mask, so that no
    # element is picked for one condition after the other. With neither, all of them.
    where: Any = None
    mask: Any = None
    left, last = len(test), arms[-1]
    pieces: list[tuple[Any, Any]] = []
    for condition, value in zip((test, *arms[1:-1:2]), arms[:-1:2], strict=True):
        if mask is not None and callable(condition):
            where, mask = mask.nonzero()[0], None
            live = _taken(live, where)
        test = _truths(condition, live, where)
        if not test.ndim:  # it depends on nothing that varies
            if test:
                last = value
                break
            continue
        if mask is not None:
            test = test & mask
        chosen = test.nonzero()[0]
        if len(chosen) == left:
            last = value
            break
        if not len(chosen):
            continue
        left -= len(chosen)
        pieces.append((chosen if where is None else where.take(chosen), _arm(value, _taken(live, chosen))))
        if where is None:
            mask = ~test if mask is None else mask ^ test
        else:
            rest = (~test).nonzero()[0]
            where, live = where.take(rest), _taken(live, rest)
    if mask is not None:
        where = mask.nonzero()[0]
        live = _taken(live, where)
    return [*pieces, (where, _arm(last, live))]


def _truths(condition: Any, live: list[Any], where: Any) -> Any:
    """A condition, of all elements or a function of those at `where`, for the latter: with one axis, or none."""
    test = condition(*live) if callable(condition) else condition
    if type(test) is not np.ndarray or test.dtype != bool:
        test = np.asarray(test).astype(bool, copy=False)
    if test.ndim > 1:
        test = test.reshape(-1)
    return test if where is None or not test.ndim or callable(condition) else test.take(where)


def _assembled(pieces: list[tuple[Any, Any]], samples: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    values = [value for _, value in pieces]
    dtype = FLOAT64 if _are_doubles(values, samples) else np.result_type(*values, *samples)
    if pieces[0][0] is None:
        [result] = values
        if not np.ndim(result):
            return np.full(shape, result, dtype)
        if len(shape) != 1:
            result = result.reshape(shape)
        same = isinstance(result, np.ndarray | np.generic) and result.dtype == dtype
        return result if same else np.asarray(result, dtype=dtype)
    result = np.empty(shape, dtype)
    flat = result if len(shape) == 1 else result.reshape(-1)
    for positions, value in pieces:
        flat[positions] = value
    return result


def _taken(live: list[Any], positions: Value) -> list[Any]:
    return [v.take(positions) if type(v) is np.ndarray and v.ndim else v for v in live]


def _are_doubles(values: list[Any], samples: tuple[Any, ...]) -> bool:
    """Is their common dtype float64, as can be told at a look?"""
    whole = True
    for value in (*values, *samples):
        kind = type(value)
        if kind is float or kind is np.float64 or (kind is np.ndarray and value.dtype is FLOAT64):
            whole = False
        elif kind is not int:
            return False
    return not whole


def piecewise_of_rank(
    rank: int, live: tuple[Any, ...], ranks: tuple[int, ...], samples: tuple[Any, ...], condition: Value, *arms: Value
) -> Any:
    """`piecewise` of arrays that have `rank` axes of their own, before those along which the condition varies.

    >>> eye, x = np.eye(2), np.array([-1.0, 4.0, 0.5])
    >>> piecewise_of_rank(2, (eye,), (2,), (0.0,), x > 0, lambda eye: 2 * eye, lambda eye: eye)[0, 0]
    array([1., 2., 2.])
    """
    where: Any = None  # flat positions of the elements not yet decided; None: all of them
    shape: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()  # the shape of the conditions; what they all choose alike has it, too
    pieces: list[tuple[Any, Any]] = []
    tests = (condition, *arms[1:-1:2])
    for i, value in enumerate(arms[:-1:2]):
        test = np.asarray(_arm(tests[i], live)).astype(bool, copy=False)
        if where is not None and test.ndim and not callable(tests[i]):
            test = np.broadcast_to(test, shape).reshape(-1)[where]
        if where is None:
            asked = np.broadcast_shapes(asked, test.shape)
        if test.all():
            pieces.append((where, _arm(value, live)))
            break
        if not test.any():
            continue
        if where is None:
            shape = np.broadcast_shapes(test.shape, broadcast_shape(live, ranks))
            live = tuple(flatten(r, v, shape) for v, r in zip(live, ranks, strict=True))
            where = np.arange(math.prod(shape))
            test = np.broadcast_to(test, shape).reshape(-1)
        test = np.broadcast_to(test, where.shape)
        pieces.append((where[test], _arm(value, _pick(live, ranks, test))))
        test = ~test
        where, live = where[test], _pick(live, ranks, test)
    else:
        pieces.append((where, _arm(arms[-1], live)))
    if len(pieces) == 1 and pieces[0][0] is None:
        return _of_all(pieces[0][1], samples, asked)
    dtype = np.result_type(*(value for _, value in pieces), *samples)
    lead: tuple[int, ...] = max((np.shape(v)[:rank] for _, v in pieces), key=len)
    result = np.empty((*lead, math.prod(shape)), dtype)
    for positions, value in pieces:
        # What depends on nothing that varies has its own axes alone.
        result[..., positions] = value if np.ndim(value) > rank or np.ndim(value) == 0 else value[..., None]
    return result.reshape(lead + shape)


def _of_all(result: Any, samples: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """The only value that was chosen, in the common dtype, and of the conditions' shape if it has none of its own."""
    dtype = np.result_type(result, *samples)
    if shape and not np.ndim(result):
        return np.full(shape, result, dtype)
    same = isinstance(result, np.ndarray | np.generic) and result.dtype == dtype
    return result if same else np.asarray(result, dtype=dtype)


def where(rank: int, condition: Value, one: Value, other: Value) -> Any:
    """np.where for arrays that have `rank` axes of their own, before those along which the condition varies.

    >>> where(1, np.array([True, False, True]), np.array([1, 2]), np.array([3, 4]))
    array([[1, 3, 1],
           [2, 4, 2]])
    """
    axes = max(np.ndim(condition), np.ndim(one) - rank, np.ndim(other) - rank)
    return np.where(condition, _spread(rank, one, axes), _spread(rank, other, axes))


def _spread(rank: int, value: Value, axes: int) -> Any:
    return pad(rank, value, axes) if np.ndim(value) else value


def _arm(function: Any, live: Sequence[Any]) -> Any:
    return function(*live) if callable(function) else function


def _pick(live: tuple[Any, ...], ranks: tuple[int, ...], test: Value) -> tuple[Any, ...]:
    return tuple(take(r, v, test) for v, r in zip(live, ranks, strict=True))
