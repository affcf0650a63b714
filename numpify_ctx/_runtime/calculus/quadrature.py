"""Definite integrals of arrays of elements: double exponential quadrature, then bisection where that is not enough.

0. `Direct`: a finite range by Gauss and Kronrod's 21 points on three pieces; a smooth integrand needs no more.
1. `Transformed`: the variable is replaced by t, so that the integrand dies double exponentially at both ends, and the
   trapezoidal rule is refined until it stands still: smooth integrands, singular at the ends or not, finite or infinite
   limits.
2. `Bisected`: elements for which it does not (kinks, jumps, waves), by Gauss and Kronrod's 21 points, in t.
3. `single`: what still does not converge, one by one, by extrapolation or mpmath. Where that finds no value, for the
   integral diverges, the result is nan.

Each of the first three gives values, and which elements are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..types import Value
from .bisection import bisected
from .elements import BLOCK, Array, Body, Elements, settled_dtype
from .integrand import END, LOOK, TINY, Integrand
from .kronrod import W10, W21, X21
from .single import single
from .slow import Slow


_FIRST, _LEVELS = 0.5, 7  # the first step, and how often it is halved
_ENOUGH = 4e-15  # relative to the integral of the absolute value

# Pieces of unequal length: what repeats in the integrand does not repeat in the nodes.
_EDGES = np.array([0.0, 0.36, 0.73, 1.0])
_PIECES = len(_EDGES) - 1
_HALVES = 0.5 * np.diff(_EDGES)
_MOST = 4 * BLOCK // (_PIECES * 21)  # elements at once
_DIRECT = (0.5 * (_EDGES[1:] + _EDGES[:-1])[:, None] + _HALVES[:, None] * X21).reshape(-1)


def integral(
    function: Any, captured: Value, ranks: Value, rank: int, slow: Slow | None, low: Value, high: Value, *symbols: Value
) -> Any:
    """The integral of function(x) from low to high, for each element; nan where none is found.

    >>> integral(lambda x, a: np.exp(-a * x), (np.array([1.0, 2.0]),), (0,), 0, None, 0, np.inf)
    array([1. , 0.5])
    """
    body = Body(function, captured, ranks, rank, slow, symbols)
    elements, a, b, slowly = body.elements(low, high)
    with np.errstate(all="ignore"):
        value, missing = quadrature(body, elements, a, b)
    for i in np.flatnonzero(missing):
        one = body._replace(captured=elements.take(slice(i, i + 1)), symbols=slowly.take(i))
        found = single(one, a[i].item(), b[i].item())
        if np.iscomplexobj(found) and value.dtype.kind == "f":
            value = value.astype(np.complex128)
        value[..., i] = found
    value = value.astype(settled_dtype(value.dtype, [*captured, low, high]), copy=False)
    return value.reshape(value.shape[:-1] + elements.shape)[()]


def whole_tail(function: Any, low: float) -> Any:
    """The integral of `function` from `low` to infinity, or None."""
    value, missing = quadrature(Body(function, (), ()), Elements((), (), (1,)), np.array([low]), np.array([np.inf]))
    return None if missing[0] else value[0]


def quadrature(body: Body, elements: Elements, low: Array, high: Array) -> tuple[Array, Array]:
    """Values, and which elements are missing, by the first three ways."""
    kind = np.complex128 if np.iscomplexobj(low) or np.iscomplexobj(high) else np.float64
    low, high = low.astype(kind), high.astype(kind)
    sign: Any = 1.0
    if kind is np.float64:
        back = low > high
        sign, low, high = np.where(back, -1.0, 1.0), np.where(back, high, low), np.where(back, low, high)
    whole = Integrand(body, elements, low, high)
    parts = [_computed(whole.only(slice(i, i + _MOST))) for i in range(0, whole.count, _MOST)] or [_computed(whole)]
    value, missing = (np.concatenate(p, axis=-1) for p in zip(*parts, strict=True))
    return value * sign, missing


def _computed(integrand: Integrand) -> tuple[Array, Array]:
    if not np.any(np.isfinite(integrand.low) & np.isfinite(integrand.high)):
        return transformed(integrand)
    value, missing = direct(integrand)
    rest = np.flatnonzero(missing)
    if len(rest):
        part, missing[rest] = transformed(integrand.only(rest))
        value = _placed(value, rest, part)
    return value, missing


def _placed(value: Array, where: Array, part: Array) -> Array:
    value = value.astype(np.result_type(value, part), copy=False)
    value[..., where] = part
    return value


def direct(integrand: Integrand) -> tuple[Array, Array]:
    """Kronrod's rule on a few pieces of a finite range; missing is what this does not settle to the last digit."""
    finite = np.isfinite(integrand.low) & np.isfinite(integrand.high)
    a, b = np.where(finite, integrand.low, 0), np.where(finite, integrand.high, 0)
    values = integrand.at(a + (b - a) * _DIRECT[:, None], np.arange(integrand.count))
    values = values.reshape(*values.shape[:-2], _PIECES, 21, integrand.count)
    fine = np.einsum("...pkn,k,p->...pn", values, W21, _HALVES)
    coarse = np.einsum("...pkn,k,p->...pn", values, W10, _HALVES)
    size = np.einsum("pkn,k,p->n", integrand.size(values), W21, _HALVES)
    error = integrand.size(fine - coarse).sum(axis=0)
    # The error is that of Gauss's rule: Kronrod's is far below where this is small.
    # Zero at all points may be a peak between them.
    settled = finite & np.isfinite(size) & (error <= 1e-11 * size) & (size > TINY)
    return (b - a) * fine.sum(axis=-2), ~settled


def transformed(integrand: Integrand) -> tuple[Array, Array]:
    """The trapezoidal rule in t, refined until it stands still; what does not is bisected."""
    low, high = integrand.low, integrand.high
    empty = low == high
    never = np.isnan(low) | np.isnan(high) | (np.isinf(low) & empty)
    rule = Trapezoidal.started(integrand)
    done = empty.copy()
    active = np.flatnonzero(~empty & ~never)
    for _ in range(_LEVELS):
        if not len(active):
            break
        still = rule.refine(active)
        done[active[still]] = True
        active = active[~still]
    value = rule.total
    value[..., never] = np.nan
    # Zero at all points may be a peak between them.
    done[_peaked(integrand, np.flatnonzero(done & (rule.scale <= TINY) & ~empty))] = False
    missing = done & ~rule.vanishes & ~empty
    rest = np.flatnonzero(~done & ~never)
    if len(rest):
        part, missing[rest] = bisected(integrand.only(rest))
        value = _placed(value, rest, part)
    return value, missing


@dataclass(slots=True)
class Trapezoidal:
    """The trapezoidal rule in t, for all elements of an integrand.

    Attributes:
        integrand: what is integrated.
        step: the distance of the points.
        total: the integral so far.
        scale: the integral of the absolute value.
        vanishes: whether the integrand does at both ends.
        before: the relative change of the last refinement.
    """

    integrand: Integrand
    step: float
    total: Array
    scale: Array
    vanishes: Array
    before: Array

    @classmethod
    def started(cls, integrand: Integrand) -> Trapezoidal:
        """The rule with its first step."""
        t = -END + _FIRST * np.arange(1, int(2 * END / _FIRST))
        values, outside = integrand.weighted(t[:, None], np.arange(integrand.count))
        scale = _FIRST * integrand.size(values).sum(axis=0)
        vanishes = integrand.vanishes(values, outside)
        return cls(integrand, _FIRST, _FIRST * values.sum(axis=-2), scale, vanishes, np.full(integrand.count, np.inf))

    def refine(self, active: Array) -> Array:
        """Halve the step for the elements `active`; which of these stand still."""
        h = self.step = self.step / 2
        t = -END + h * np.arange(1, round(2 * END / h), 2)
        values, outside = self.integrand.weighted(t[:, None], active)
        old = self.total[..., active]
        new = 0.5 * old + h * values.sum(axis=-2)
        self.total = _placed(self.total, active, new)
        scale = 0.5 * self.scale[active] + h * self.integrand.size(values).sum(axis=0)
        self.scale[active] = scale
        self.vanishes[active] = self.integrand.vanishes(values, outside)
        change, before = self.integrand.size(new - old), self.before[active]
        self.before[active] = np.where(scale > 0, change / np.where(scale > 0, scale, 1), 0)
        # Digits double with each halving: where they have just done so, the next change is below rounding.
        converges = (change <= 1e-9 * scale) & (before <= 1e-3 * scale) & (change <= before**1.5)
        return ((change <= _ENOUGH * scale + TINY) | converges) & np.isfinite(scale)


def _peaked(integrand: Integrand, which: Array) -> Array:
    """Of elements whose integrand was zero at all points so far, those where it is not."""
    step = max(1, BLOCK // len(LOOK))
    parts = [which[i : i + step] for i in range(0, len(which), step)]
    found = [p[integrand.size(integrand.weighted(LOOK[:, None], p)[0]).max(axis=0) > 0] for p in parts]
    return np.concatenate(found) if found else which
