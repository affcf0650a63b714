"""Guarded selection: Piecewise, each arm computed only where it is selected.

These functions take arrays or scalars in any mix and broadcast as NumPy does. None of them keeps state.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

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
            be a constant.

    >>> x = np.array([-1.0, 4.0])
    >>> piecewise((x,), (0,), (0.0,), x > 0, np.sqrt, 0)
    array([0., 2.])
    """
    return piecewise_of_rank(0, live, ranks, samples, condition, *arms)


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


def _arm(function: Any, live: tuple[Any, ...]) -> Any:
    return function(*live) if callable(function) else function


def _pick(live: tuple[Any, ...], ranks: tuple[int, ...], test: Value) -> tuple[Any, ...]:
    return tuple(take(r, v, test) for v, r in zip(live, ranks, strict=True))
