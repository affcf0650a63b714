"""Definite integrals of arrays of elements: double exponential quadrature, then bisection where that is not enough.

0. A finite range is tried by Gauss and Kronrod's 21 points on three pieces; a smooth integrand needs no more.
1. Else the variable is replaced by t, so that the integrand dies double exponentially at both ends, and the trapezoidal
   rule is refined until it stands still: smooth integrands, singular at the ends or not, finite or infinite limits.
2. Elements for which it does not (kinks, jumps, waves) are bisected with Gauss and Kronrod's 21 points, in t.
3. What still does not converge (waves over an infinite range, a singular end that is not 0) is left to mpmath, one by
   one. Where that finds no value, for the integral diverges, the result is nan.

Sources: the change of variable is that of Takahasi and Mori (Publ. RIMS 9, 1974); the 21 points are those of QUADPACK's
qk21 (Piessens et al., 1983); sums are extrapolated by Wynn's epsilon algorithm (MTAC 10, 1956)
and by `alternating`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .series import alternating
from .slow import Slow
from .sums import BLOCK, Body, Elements, settled_dtype


_END = 6.0  # where t ends: x is within 1e-270 of the limit
_FIRST, _LEVELS = 0.5, 7  # the first step, and how often it is halved
_ENOUGH = 4e-15  # relative to the integral of the absolute value
_TINY = 1e-280
_ROUNDS, _MOST = 60, 4000  # of bisection; intervals an element may ask for

# Where a peak is looked for that the rules' own points miss: evenly in t, and evenly in x between two finite limits.
_LOOK = np.union1d(
    np.linspace(-_END, _END, 501)[1:-1],
    np.arcsinh(np.log(np.arange(0.5, 500) / np.arange(499.5, 0, -1)) / np.pi),
)
_CLOSELY = np.union1d(np.linspace(-_END, _END, 4001)[1:-1], _LOOK)
_AROUND = np.array([-64, -16, -4, -1, 0, 1, 4, 16, 64])  # points of these, from the highest: where pieces end

# Kronrod's extension of Gauss's rule of 10 points: nodes, weights, Gauss's weights at every second node.
_NODES = np.array([
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452, 0.930157491355708226001207180059508,
    0.865063366688984510732096688423493, 0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784, 0.294392862701460198131126603103866,
    0.148874338981631210884826001129720, 0.0,
])  # fmt: skip
_KRONROD = np.array([
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
    0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068, 0.149445554002916905664936468389821,
])  # fmt: skip
_GAUSS = np.array([
    0.066671344308688137593568809893332, 0.149451349150580593145863396957658, 0.219086362515982043995534934228163,
    0.269266719309996355091226921569469, 0.295524224714752870173815619188769,
])  # fmt: skip
_X21 = np.concatenate([-_NODES, _NODES[-2::-1]])
_W21 = np.concatenate([_KRONROD, _KRONROD[-2::-1]])
_W10 = np.zeros(21)
_W10[1:10:2] = _GAUSS
_W10[11:20:2] = _GAUSS[::-1]

# Pieces of unequal length: what repeats in the integrand does not repeat in the nodes.
_EDGES = np.array([0.0, 0.36, 0.73, 1.0])
_PIECES = len(_EDGES) - 1
_HALVES = 0.5 * np.diff(_EDGES)
_DIRECT = (0.5 * (_EDGES[1:] + _EDGES[:-1])[:, None] + _HALVES[:, None] * _X21).reshape(-1)


def integral(body: Body, captured: Any, ranks: Any, low: Any, high: Any, *free: Any) -> Any:
    """The integral of body(x) from low to high, for each element; nan where none is found.

    `free` ends with the rank of the body and the slow way; before are the values that this needs.

    >>> integral(lambda x, a: np.exp(-a * x), (np.array([1.0, 2.0]),), (0,), 0, np.inf, 0, None)
    array([1. , 0.5])
    """
    *values, rank, slow = free
    inputs = [*captured, low, high]
    all_ = Elements.of([*captured, low, high, *values], [*ranks, 0, 0, *([0] * len(values))])
    low, high = (np.broadcast_to(v, (all_.size,)) for v in all_.values[len(captured) : len(captured) + 2])
    elements = Elements(all_.values[: len(captured)], all_.ranks[: len(captured)], all_.shape)
    with np.errstate(all="ignore"):
        value, missing = _Quadrature(body, elements, low, high, rank).run()
    for i in np.flatnonzero(missing):
        here = tuple(v if np.ndim(v) == 0 else v[i] for v in all_.values[len(captured) + 2 :])
        found = _hard(body, elements.take(slice(i, i + 1)), low[i].item(), high[i].item(), rank, slow, here)
        if np.iscomplexobj(found) and value.dtype.kind == "f":
            value = value.astype(np.complex128)
        value[..., i] = found
    value = value.astype(settled_dtype(value.dtype, inputs), copy=False)
    return value.reshape(value.shape[:-1] + all_.shape)[()]


def math_integral(*args: Any) -> Any:
    """No integral is computed by Python numbers."""
    raise ValueError("left to NumPy")


def whole_tail(function: Any, low: float) -> Any:
    """The integral of `function` from `low` to infinity, or None."""
    value, missing = _Quadrature(
        lambda x: function(x), Elements((), (), (1,)), np.array([low]), np.array([np.inf]), 0
    ).run()
    return None if missing[0] else value[0]


# -- one element that does not converge ------------------------------------------------------------------------------


def _hard(body: Body, captured: Any, low: Any, high: Any, rank: int, slow: Slow | None, values: Any) -> Any:
    """The integral for one element by extrapolation, else by mpmath; nan if there is none."""
    if rank or low != low or high != high:
        return np.nan
    if isinstance(low, float | int) and isinstance(high, float | int):
        if low > high:
            return -_hard(body, captured, high, low, rank, slow, values)

        def f(x: Any) -> Any:
            return np.broadcast_to(np.asarray(body(x.reshape(-1), *captured)).reshape(-1), (x.size,)).reshape(x.shape)

        with np.errstate(all="ignore"):
            if math.isinf(low) and math.isinf(high):
                left = _hard(body, captured, low, 0.0, rank, slow, values)
                return left + _hard(body, captured, 0.0, high, rank, slow, values)
            if math.isinf(high) or math.isinf(low):
                omega = None if slow is None else slow.frequency(values)
                begin, sign = (low, 1.0) if math.isinf(high) else (high, -1.0)
                found = None if omega is None else _of_waves(lambda u: f(begin + sign * u), math.pi / omega)
                if omega is not None:
                    return np.nan if found is None else found
            else:
                middle = 0.5 * (low + high)
                halves = [_to_end(lambda u: f(low + u), middle - low), _to_end(lambda u: f(high - u), high - middle)]
                if halves[0] is not None and halves[1] is not None:
                    return halves[0] + halves[1]
    return np.nan if slow is None else slow("integral", values, low, high)


def _kronrod_sums(f: Any, edges: Any) -> Any:
    """The integral over each interval between neighbouring edges, and how far Gauss's rule is from that."""
    half, near = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    values = f(near + half * _X21[:, None])
    return half * (_W21 @ values), np.abs(half * ((_W21 - _W10) @ values))


def _of_waves(f: Any, period: float) -> Any:
    """From 0 to infinity: the half waves alternate, and their sum is extrapolated; None if that does not settle."""
    parts = _kronrod_sums(f, period * np.arange(0, 72.25, 0.25))[0].reshape(-1, 4).sum(axis=1)
    found = [parts[:start].sum() + alternating(parts[start : start + 26]) for start in (24, 41)]
    # The first piece may be singular at 0.
    begin = _to_end(f, period)
    if begin is None or not np.all(np.isfinite(found)):
        return None
    one, other = (v - parts[0] + begin for v in found)
    return other if abs(one - other) <= 1e-10 * abs(other) + 1e-14 else None


def _to_end(f: Any, width: float) -> Any:
    """From 0, where `f` may be singular, to `width`: in halves of halves, extrapolated; None if it does not settle."""
    edges = width * np.concatenate([2.0 ** -np.arange(0.0, 34.0)])[::-1]
    parts, errors = _kronrod_sums(f, np.sort(np.concatenate([edges, np.sqrt(edges[1:] * edges[:-1])])))
    parts = parts.reshape(-1, 2).sum(axis=1)[::-1]
    if not np.isfinite(parts).all() or errors.sum() > 1e-7 * np.abs(parts).sum():
        return None  # there is a singularity within
    sums = np.cumsum(parts)
    one, other = _epsilon(sums[5:24]), _epsilon(sums[5:28])
    return other if abs(one - other) <= 1e-9 * np.abs(parts).sum() else None


def _epsilon(sums: Any) -> Any:
    """Wynn's extrapolation of partial sums: of all even columns, the entry that moves least."""
    before, here = np.zeros(len(sums) + 1, sums.dtype), sums
    best, moved = here[-1], abs(here[-1] - here[-2])
    column = 0
    while len(here) > 1:
        step = np.diff(here)
        if np.any(np.abs(step) <= 1e-18 * np.abs(here[1:])):
            break
        before, here = here, before[1 : len(here)] + 1 / step
        column += 1
        if column % 2 == 0 and len(here) > 1 and abs(here[-1] - here[-2]) < moved:
            best, moved = here[-1], abs(here[-1] - here[-2])
    return best


class _Quadrature:
    def __init__(self, body: Body, elements: Elements, low: Any, high: Any, rank: int) -> None:
        self.body, self.elements, self.rank = body, elements, rank
        kind = np.complex128 if np.iscomplexobj(low) or np.iscomplexobj(high) else np.float64
        low, high = low.astype(kind), high.astype(kind)
        if kind is np.float64:
            back = low > high
            self.sign = np.where(back, -1.0, 1.0)
            self.low, self.high = np.where(back, high, low), np.where(back, low, high)
        else:
            self.sign, self.low, self.high = np.ones(len(low)), low, high

    # -- the integrand -----------------------------------------------------------------------------------------------

    def weighted(self, t: Any, which: Any) -> tuple[Any, Any]:
        """body(x(t)) dx/dt at points t (points, or points by elements) of the elements `which`, and where x is not
        strictly between the limits."""
        a, b = self.low[which], self.high[which]
        left, right = np.isinf(a), np.isinf(b)
        s = 0.5 * np.pi * np.sinh(t)
        slope = 0.5 * np.pi * np.cosh(t)
        # a finite range: the distance from the nearer end, small where t is large
        small = np.exp(-2 * np.abs(s)) / (1 + np.exp(-2 * np.abs(s)))
        finite_a, finite_b = np.where(left, 0, a), np.where(right, 0, b)
        width = finite_b - finite_a
        x: Any = np.where(t < 0, finite_a + width * small, finite_b - width * small)
        w: Any = width * 2 * slope * small * (1 - small)
        outside = (x == finite_a) | (x == finite_b)
        if left.any() or right.any():
            far = np.exp(s)
            x = np.where(right & ~left, finite_a + far, x)
            x = np.where(left & ~right, finite_b - far, x)
            x = np.where(left & right, np.sinh(s), x)
            w = np.where(right & ~left, far * slope, w)
            w = np.where(left & ~right, far * slope, w)
            w = np.where(left & right, np.cosh(s) * slope, w)
            outside = np.where(
                left | right, ((x == finite_a) & ~left) | ((x == finite_b) & ~right) | np.isinf(x), outside
            )
        x = np.where(
            outside,
            np.where(
                left | right,
                np.where(left & right, 0.0, np.where(left, finite_b - 1.0, finite_a + 1.0)),
                0.5 * (finite_a + finite_b),
            ),
            x,
        )
        values = np.asarray(self.body(x.reshape(-1), *self.elements.take(np.broadcast_to(which, x.shape).reshape(-1))))
        lead = values.shape[: self.rank]
        values = np.broadcast_to(values.reshape(lead + (values.shape[self.rank :] or (1,))), (*lead, x.size))
        values = values.reshape(*lead, *x.shape)
        return np.where(outside | (w == 0), 0.0, values * w), outside

    def _size(self, values: Any) -> Any:
        """The largest absolute value over the leading axes."""
        return np.abs(values).max(axis=tuple(range(self.rank))) if self.rank else np.abs(values)

    # -- the trapezoidal rule ----------------------------------------------------------------------------------------

    def run(self) -> tuple[Any, Any]:
        """Values, and which elements have none."""
        n = self.elements.size
        finite = np.isfinite(self.low) & np.isfinite(self.high)
        if n * _PIECES * 21 > 4 * BLOCK or not finite.any():
            return self._transformed()
        value, settled = self._directly()
        settled &= finite
        if settled.all():
            return value * self.sign, ~settled
        rest = np.flatnonzero(~settled)
        part, missing = self._only(rest)._transformed()
        value = (value * self.sign).astype(np.result_type(value, part), copy=False)
        value[..., rest] = part
        settled[:] = False
        settled[rest] = missing
        return value, settled

    def _only(self, which: Any) -> _Quadrature:
        elements = Elements(self.elements.take(which), self.elements.ranks, np.shape(self.low[which]))
        part = _Quadrature(self.body, elements, self.low[which], self.high[which], self.rank)
        part.sign = self.sign[which]
        return part

    def _directly(self) -> tuple[Any, Any]:
        """Kronrod's rule on a few pieces of a finite range, and where it leaves nothing to be desired."""
        a = np.where(np.isfinite(self.low), self.low, 0)
        b = np.where(np.isfinite(self.high), self.high, 0)
        x = a + (b - a) * _DIRECT[:, None]
        which = np.broadcast_to(np.arange(len(a)), x.shape).reshape(-1)
        values = np.asarray(self.body(x.reshape(-1), *self.elements.take(which)))
        lead = values.shape[: self.rank]
        values = np.broadcast_to(values.reshape(lead + (values.shape[self.rank :] or (1,))), (*lead, x.size))
        values = values.reshape(*lead, _PIECES, 21, len(a))
        fine = np.einsum("...pkn,k,p->...pn", values, _W21, _HALVES)
        coarse = np.einsum("...pkn,k,p->...pn", values, _W10, _HALVES)
        size = np.einsum("pkn,k,p->n", self._size(values), _W21, _HALVES)
        error = self._size(fine - coarse).sum(axis=0)
        # The error is that of Gauss's rule: Kronrod's is far below where this is small.
        # Zero at all points may be a peak between them.
        return (b - a) * fine.sum(axis=-2), np.isfinite(size) & (error <= 1e-11 * size) & (size > _TINY)

    def _ends(self, values: Any, outside: Any) -> Any:
        """Has the integrand died where x cannot be told from the limit any more? If not, the rest is not negligible."""
        size = self._size(values)
        largest = size.max(axis=0)
        inside = ~np.broadcast_to(outside, size.shape)
        first = np.argmax(inside, axis=0)
        last = inside.shape[0] - 1 - np.argmax(inside[::-1], axis=0)
        columns = np.arange(size.shape[1])
        edge = np.maximum(size[first, columns], size[last, columns])
        return edge <= 1e-11 * largest + _TINY

    def _transformed(self) -> tuple[Any, Any]:
        n = self.elements.size
        if n * 2 * _END / _FIRST > 4 * BLOCK:
            return self._in_parts()
        everything = np.arange(n)
        steps = int(2 * _END / _FIRST)
        t = -_END + _FIRST * np.arange(1, steps)
        values, outside = self.weighted(t[:, None], everything)
        h = _FIRST
        ends_right = self._ends(values, outside)
        total = h * values.sum(axis=-2)
        scale = h * self._size(values).sum(axis=0)
        done = self.low == self.high
        never = np.isnan(self.low) | np.isnan(self.high) | (np.isinf(self.low) & (self.low == self.high))
        active = everything[~done & ~never]
        before = np.full(n, np.inf)
        for _ in range(_LEVELS):
            if not len(active):
                break
            h /= 2
            t = -_END + h * np.arange(1, round(2 * _END / h), 2)
            new, outside = self.weighted(t[:, None], active)
            old = total[..., active]
            total[..., active] = 0.5 * old + h * new.sum(axis=-2)
            scale[active] = 0.5 * scale[active] + h * self._size(new).sum(axis=0)
            change = self._size(total[..., active] - old)
            ends_right[active] = self._ends(new, outside)
            still = (change <= _ENOUGH * scale[active] + _TINY) | (
                (change <= 1e-9 * scale[active])
                & (before[active] <= 1e-3 * scale[active])
                & (change <= before[active] ** 1.5)
            )
            before[active] = np.where(scale[active] > 0, change / np.where(scale[active] > 0, scale[active], 1), 0)
            still = still & np.isfinite(scale[active])
            done[active[still]] = True
            active = active[~still]
        total[..., never] = np.nan
        done[self._peaked(np.flatnonzero(done & (scale <= _TINY) & (self.low != self.high)))] = False
        rest = everything[~done & ~never]
        missing = done & ~ends_right & (self.low != self.high)
        if len(rest):
            value, failed = self._bisected(rest, scale)
            if np.iscomplexobj(value) and not np.iscomplexobj(total):
                total = total.astype(np.complex128)
            total[..., rest] = value
            missing[rest] = failed
        return total * self.sign, missing

    def _peaked(self, which: Any) -> Any:
        """Of elements whose integrand was zero at all points so far, those where it is not."""
        step = max(1, BLOCK // len(_LOOK))
        parts = (which[i : i + step] for i in range(0, len(which), step))
        found = [part[self._size(self.weighted(_LOOK[:, None], part)[0]).max(axis=0) > 0] for part in parts]
        return np.concatenate(found) if found else which

    def _in_parts(self) -> tuple[Any, Any]:
        step = max(1, int(BLOCK * _FIRST / _END / 2))
        parts = [self._only(slice(i, i + step)).run() for i in range(0, self.elements.size, step)]
        return np.concatenate([p[0] for p in parts], axis=-1), np.concatenate([p[1] for p in parts])

    # -- bisection ---------------------------------------------------------------------------------------------------

    def _bisected(self, which: Any, scale: Any) -> tuple[Any, Any]:
        """Values of the elements `which`, and for which of these there is none."""
        peaks, ends_right = self._looked_at_closely(which)
        edges = np.concatenate([np.tile(np.linspace(-_END, _END, 17), (len(which), 1)), peaks], axis=1)
        edges.sort(axis=1)
        pieces = edges.shape[1] - 1
        owner = np.repeat(np.arange(len(which)), pieces)
        left, right = edges[:, :-1].ravel(), edges[:, 1:].ravel()
        total: Any = None
        rounding, settled = np.zeros(len(which)), np.zeros(len(which))
        asked = np.full(len(which), pieces)
        failed = np.zeros(len(which), bool)
        for _ in range(_ROUNDS):
            value, error, size = self._kronrod(left, right, which[owner])
            if total is None:
                total = np.zeros((*value.shape[:-1], len(which)), value.dtype)
            # Anew in each round: the first pieces may have missed a peak, or have taken it for all of a piece.
            whole = settled + np.bincount(owner, size, len(which))
            near = 0.5 * (left + right)
            fine = (error <= 1e-14 * whole[owner] + _TINY) | (right - left <= 1e-13 * (1 + np.abs(near)))
            unsettled = ~np.isfinite(error)
            failed[owner[unsettled & (right - left <= 1e-10)]] = True
            fine = fine | failed[owner]
            for lead in np.ndindex(value.shape[:-1]):
                good = value[lead][fine]
                np.add.at(total[lead], owner[fine], np.where(np.isfinite(good), good, 0))
            settled += np.bincount(owner[fine], size[fine], len(which))
            rounding += np.bincount(owner[fine], np.where(np.isfinite(error[fine]), error[fine], 0), len(which))
            if fine.all():
                break
            owner, left, right, near = (v[~fine] for v in (owner, left, right, near))
            asked += 2 * np.bincount(owner, minlength=len(which))
            over = asked > _MOST
            failed |= over
            keep = ~over[owner]
            owner, left, right, near = (v[keep] for v in (owner, left, right, near))
            if not len(owner):
                break
            owner, left, right = (
                np.repeat(owner, 2),
                np.stack([left, near], 1).ravel(),
                np.stack([near, right], 1).ravel(),
            )
        else:
            failed[owner] = True
        failed |= ~(rounding <= 1e-10 * whole + _TINY)
        return total, failed | ~ends_right

    def _looked_at_closely(self, which: Any) -> tuple[Any, Any]:
        """Points around where the integrand is largest, for each element, and whether its ends are right."""
        highest, ends_right = np.empty(len(which), np.intp), np.empty(len(which), bool)
        step = max(1, BLOCK // len(_CLOSELY))
        for i in range(0, len(which), step):
            values, outside = self.weighted(_CLOSELY[:, None], which[i : i + step])
            highest[i : i + step] = np.argmax(self._size(values), axis=0)
            ends_right[i : i + step] = self._ends(values, outside)
        around = highest[:, None] + _AROUND
        return _CLOSELY[np.clip(around, 0, len(_CLOSELY) - 1)], ends_right

    def _kronrod(self, left: Any, right: Any, which: Any) -> tuple[Any, Any, Any]:
        half, middle = 0.5 * (right - left), 0.5 * (left + right)
        step = max(1, BLOCK // 21)
        parts = []
        for i in range(0, len(left), step):
            s = slice(i, i + step)
            values, _ = self.weighted(middle[s] + half[s] * _X21[:, None], which[s])
            value = half[s] * np.tensordot(values, _W21, ([-2], [0]))
            coarse = half[s] * np.tensordot(values, _W10, ([-2], [0]))
            size = half[s] * np.tensordot(self._size(values), _W21, ([0], [0]))
            # The difference is the error of Gauss's rule; Kronrod's is much smaller where both are small.
            difference = self._size(value - coarse)
            error = np.where(size > 0, size * np.minimum(1, (200 * difference / np.where(size > 0, size, 1)) ** 1.5), 0)
            error = np.where(np.isfinite(difference), np.minimum(error, difference), np.inf)
            parts.append((value, error, size))
        value, error, size = (np.concatenate(p, axis=-1) for p in zip(*parts, strict=True))
        return value, error, np.where(np.isfinite(size), size, 0)
