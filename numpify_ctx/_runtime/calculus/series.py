"""Infinite sums and products that converge too slowly to be added term by term.

Two extrapolations in double precision, each believed only if it gives the same number from two different places: of
signs that alternate, and, where terms are smooth in k, the integral of the tail with Gregory's differences at its
beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..types import Value
from .acceleration import alternating, gregory
from .elements import Array, Body
from .quadrature import whole_tail


_AGREE = 1e-11  # relative
_HEADS = (64, 150)  # so many terms are added before the extrapolation begins
_TERMS = 26  # of the alternating series
_DIFFERENCES = 9

Terms = Callable[[Array], Array]


def extrapolated(body: Body, captured: tuple[Array, ...], begin: Value, step: int, product: bool) -> Any:
    """The infinite sum or product for one element, body(begin) and on by `step`; None if convergence can't be seen."""

    def terms(n: Array) -> Array:
        values = body.along((begin + step * n).reshape(-1), captured).reshape(np.shape(n))
        return np.log(values) if product else values

    with np.errstate(all="ignore"):
        head = terms(np.arange(_HEADS[1] + _TERMS))
        if not np.isfinite(head).all():
            return None
        for way in (_by_alternation, _by_integral):
            one, other = (way(terms, head, start) for start in _HEADS)
            if one is None or other is None:
                continue
            if product:
                one, other = np.exp(one), np.exp(other)
            if abs(one - other) <= _AGREE * abs(other):
                return other
    return None


def _by_alternation(terms: Terms, head: Array, start: int) -> Any:
    tail = head[start : start + _TERMS]
    if np.iscomplexobj(tail) or not np.all(tail[1:] * tail[:-1] < 0) or not np.all(np.diff(np.abs(tail)) <= 0):
        return None
    return head[:start].sum() + alternating(tail)


def _by_integral(terms: Terms, head: Array, start: int) -> Any:
    # Terms that are defined at integers alone, such as factorials, or that oscillate between them, are nan here.
    probe = terms(start + np.array([0.25, 0.5, 1.75, 1000.5]))
    if not np.isfinite(probe).all():
        return None
    area = whole_tail(terms, float(start))
    if area is None:
        return None
    return head[:start].sum() + area + gregory(head[start : start + _DIFFERENCES])
