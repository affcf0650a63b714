"""An integrand with its limits, for many elements, and the change of variable that makes it die at both ends.

The change of variable is the double exponential one of Takahasi and Mori (Publ. RIMS 9, 1974): x = tanh(s) scaled to a
finite range, exp(s) from one finite limit, sinh(s) between two infinite ones, with s = pi/2 sinh(t).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .elements import Array, Body, Elements


END = 6.0  # where t ends: x is within 1e-270 of the limit
TINY = 1e-280

# Where a peak is looked for that the rules' own points miss: evenly in t, and evenly in x between two finite limits.
LOOK = np.union1d(
    np.linspace(-END, END, 501)[1:-1],
    np.arcsinh(np.log(np.arange(0.5, 500) / np.arange(499.5, 0, -1)) / np.pi),
)


@dataclass(frozen=True, slots=True)
class Integrand:
    """A body between limits; real limits in ascending order.

    Attributes:
        body: what is integrated.
        elements: the values that it captures.
        low: the lower limit of each element, float64 or complex128.
        high: the upper one.
    """

    body: Body
    elements: Elements
    low: Array
    high: Array

    @property
    def count(self) -> int:
        """How many elements there are."""
        return len(self.low)

    def only(self, which: Array | slice) -> Integrand:
        """The elements `which`."""
        low = self.low[which]
        elements = replace(self.elements, values=self.elements.take(which), shape=low.shape)
        return replace(self, elements=elements, low=low, high=self.high[which])

    def size(self, values: Array) -> Array:
        """The largest absolute value over the axes that the values have of their own."""
        return np.abs(values).max(axis=tuple(range(self.body.rank))) if self.body.rank else np.abs(values)

    def at(self, x: Array, which: Array) -> Array:
        """The body at `x`, of shape (points, elements), for the elements `which`: (leading axes, points, elements)."""
        of_each = np.broadcast_to(which, x.shape).reshape(-1)
        values = self.body.along(x.reshape(-1), self.elements.take(of_each))
        return values.reshape(*values.shape[:-1], *x.shape)

    def weighted(self, t: Array, which: Array) -> tuple[Array, Array]:
        """body(x(t)) dx/dt for the elements `which`, and where x is not strictly between the limits, so that it is 0.

        `t` has the shape (points, 1) or (points, elements).
        """
        x, weight, outside = self._changed(t, self.low[which], self.high[which])
        values = self.at(x, which)
        return np.where(outside | (weight == 0), 0.0, values * weight), outside

    @staticmethod
    def _changed(t: Array, low: Array, high: Array) -> tuple[Array, Array, Array]:
        """x(t), dx/dt, and where x cannot be told from a limit; there, x is a point between the limits."""
        to_left, to_right = np.isinf(low), np.isinf(high)
        a, b = np.where(to_left, 0, low), np.where(to_right, 0, high)
        s, slope = 0.5 * np.pi * np.sinh(t), 0.5 * np.pi * np.cosh(t)
        # The distance from the nearer end, as a part of the range: small where t is large, and exact there.
        small = np.exp(-2 * np.abs(s)) / (1 + np.exp(-2 * np.abs(s)))
        width = b - a
        x: Any = np.where(t < 0, a + width * small, b - width * small)
        weight: Any = width * 2 * slope * small * (1 - small)
        outside = (x == a) | (x == b)
        inside = 0.5 * (a + b)
        if to_left.any() or to_right.any():
            far = np.exp(s)
            kinds = [to_left & to_right, to_right, to_left]
            x = np.select(kinds, [np.sinh(s), a + far, b - far], x)
            weight = np.select(kinds, [np.cosh(s) * slope, far * slope, far * slope], weight)
            at_limit = ((x == a) & ~to_left) | ((x == b) & ~to_right) | np.isinf(x)
            outside = np.where(to_left | to_right, at_limit, outside)
            inside = np.select(kinds, [np.zeros_like(a), a + 1.0, b - 1.0], inside)
        return np.where(outside, inside, x), weight, outside

    def vanishes(self, values: Array, outside: Array) -> Array:
        """Has the integrand decayed by the points where x rounds to the limits? If not, the rest is not negligible."""
        size = self.size(values)
        inside = ~np.broadcast_to(outside, size.shape)
        first = np.argmax(inside, axis=0)
        last = inside.shape[0] - 1 - np.argmax(inside[::-1], axis=0)
        columns = np.arange(size.shape[1])
        edge = np.maximum(size[first, columns], size[last, columns])
        return edge <= 1e-11 * size.max(axis=0) + TINY
