"""Hypergeometric functions with one parameter more above than below, on and about the circle where their series ends.

There the series takes as many terms as z is close to the circle, and is none beyond. But the function solves a linear
differential equation whose only singular points are 0, 1 and infinity (DLMF 16.8.3), so that it is known from its
Taylor series about any other point, and those reach as far as the nearest of the three. A path of such points, each
half as far from the nearest as the one before, comes as close to 1 as there are bits (van der Hoeven, "Fast evaluation
of holonomic functions", 1999, of which this is the simplest form). At 1 the sum is extrapolated (Levin, 1973).

Numbers are integers in units of 2**-bits, a pair of them for a complex one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .types import MPContext, MPNumber


INNER, OUTER = 0.95, 1.1  # between these radii the series are slow, in z or in 1/z
_START = 0.5  # from the center, where the path begins
_GUARD = 60  # bits that are lost along the path
_MOST_TERMS = 20_000  # of one series

Pair = tuple[int, int]


def is_slow(mp: MPContext, above: Sequence[MPNumber], below: Sequence[MPNumber], z: MPNumber) -> bool:
    """Is it a series of three parameters or more above, with no end, about its circle of convergence?"""
    if not (len(above) == len(below) + 1 > 2 and INNER < abs(z) < OUTER):
        return False
    if any(mp.isnpint(a) for a in (*above, *below)):
        return False
    return bool(z != 1 or mp.re(mp.fsum(below) - mp.fsum(above)) > 0)  # at 1 the sum may diverge


def hyper(mp: MPContext, above: Sequence[MPNumber], below: Sequence[MPNumber], z: MPNumber) -> MPNumber:
    """The function at z; on its cut, right of 1, the limit from below. At 1 the sum has to converge.

    >>> import mpmath
    >>> below_one = hyper(mpmath.mp, [1, 1, 1], [2, 2], mpmath.mpf(1) - mpmath.mpf(10) ** -9)  # Li2(z)/z
    >>> mpmath.almosteq(below_one, mpmath.polylog(2, 1 - 1e-9) / (1 - 1e-9), 1e-14)
    True
    """
    if z == 1:
        return _at_one(mp, above, below)
    is_real = not any(isinstance(v, mp.mpc) for v in (*above, *below, z)) and z < 1
    bits = mp.prec + _GUARD
    with mp.workprec(bits + 20):
        center, step = _start(mp, z)
        state = _of_series(mp, above, below, center, step, bits)
        alpha, beta = _in_derivatives(above), _in_derivatives([0, *(b - 1 for b in below)])
        arrived = False
        while not arrived:
            arrived = center + step == z or abs(z - center) <= abs(step)
            after = mp.zero if arrived else _step(mp, center + step, z)
            state = _of_equation(mp, alpha, beta, center, step, after, state, bits)
            center, step = center + step, after
        real, imaginary = (mp.ldexp(part, -bits) for part in state[0])
    return +real if is_real else mp.mpc(real, imaginary)


def _start(mp: MPContext, z: MPNumber) -> tuple[MPNumber, MPNumber]:
    """Where the path begins and its first step: beyond 1 on the side on which it ends, so as not to pass by 1."""
    side = mp.mpf(1 if mp.im(z) > 0 else -1)
    center = _START * (mp.expjpi(side / 3) if mp.re(z) > 1 else z / abs(z))
    return center, _step(mp, center, z)


def _step(mp: MPContext, center: MPNumber, z: MPNumber) -> MPNumber:
    """At most half as far as the nearest singular point is."""
    way, most = z - center, min(abs(center), abs(1 - center)) / 2
    return way if abs(way) <= most else way / abs(way) * most


def _in_derivatives(shifts: Sequence[MPNumber]) -> list[MPNumber]:
    """Coefficients c of the product of all (t + shift) = sum(c[m] * z**m * D**m), where t is z*D."""
    found = [1]
    for shift in shifts:
        raised = [(m + shift) * c for m, c in enumerate(found)] + [0]
        for m, c in enumerate(found):  # t * z**m * D**m = z**(m + 1) * D**(m + 1) + m * z**m * D**m
            raised[m + 1] = raised[m + 1] + c
        found = raised
    return found


class _Sums:
    """Of terms d[n] = c[n] * step**n, the value of the series and its derivatives, as terms of the next series."""

    def __init__(self, mp: MPContext, order: int, bits: int) -> None:
        self.mp, self.bits, self.n, self.quiet = mp, bits, 0, 0
        self.sums = [[0, 0] for _ in range(order)]
        self.cost = (1 + bits / 1000) * order * order / 8

    def add(self, term: Pair) -> None:
        """The next term."""
        weight = 1
        for m, total in enumerate(self.sums):
            total[0] += weight * term[0]
            total[1] += weight * term[1]
            weight = weight * (self.n - m) // (m + 1)  # n over m + 1
        self.n += 1
        self.quiet = self.quiet + 1 if abs(term[0]) + abs(term[1]) <= 4 else 0
        if hasattr(self.mp, "spend"):  # a context that counts
            self.mp.spend(self.cost)
        if self.n > _MOST_TERMS:
            raise self.mp.NoConvergence("the series about a point of the path is too long")

    @property
    def are_complete(self) -> bool:
        """Does nothing follow? The next term is made of as many as there are derivatives, and two."""
        return self.quiet > len(self.sums) + 2

    def scaled(self, ratio: MPNumber) -> list[Pair]:
        """The sums times the powers of `ratio`."""
        found, power = [], self.mp.one
        for real, imaginary in self.sums:
            found.append(_product((real, imaginary), _fixed(self.mp, power, self.bits), self.bits))
            power = power * ratio
        return found


def _of_series(
    mp: MPContext, above: Sequence[MPNumber], below: Sequence[MPNumber], z: MPNumber, step: MPNumber, bits: int
) -> list[Pair]:
    """The first terms of the series about z, from that about 0."""
    sums, term = _Sums(mp, len(above), bits), mp.one
    k = 0
    while not sums.are_complete:
        sums.add(_fixed(mp, term, bits))
        term = term * z * mp.fprod(a + k for a in above) / (mp.fprod(b + k for b in below) * (k + 1))
        k += 1
    return sums.scaled(step / z)


def _of_equation(
    mp: MPContext, alpha: Sequence[MPNumber], beta: Sequence[MPNumber], center: MPNumber, step: MPNumber,
    after: MPNumber, state: list[Pair], bits: int,
) -> list[Pair]:  # fmt: skip
    """The first terms of the series about center + step, for the step after, from those about `center`.

    The equation is sum(z**m * (beta[m] - alpha[m]*z) * D**m f) = 0. With z = center + h, and f the series of c[n]*h**n,
    the coefficient of each power of h is 0, which gives c[n + order] from the terms before.
    """
    order = len(state)
    lead = center**order * (1 - center)
    # By how far a term is from the n-th: which factor n*(n - 1)*... of m numbers goes with which coefficient.
    weights: list[list[tuple[int, Pair]]] = [[] for _ in range(order + 1)]
    for m in range(order + 1):
        for s in range(m + 2):
            shift = m - s
            if shift == order:
                continue
            factor = beta[m] * math.comb(m, s) * center**shift if shift >= 0 else 0
            factor = factor - alpha[m] * math.comb(m + 1, s) * center ** (shift + 1)
            weights[shift + 1].append((m, _fixed(mp, factor * step ** (order - shift) / lead, bits)))
    sums, terms = _Sums(mp, order, bits), list(state)
    for term in terms:
        sums.add(term)
    n = 0
    while not sums.are_complete:
        real = imaginary = 0
        for shift in range(-1, order):
            if n + shift < 0:
                continue
            x, y = _weight(weights[shift + 1], n + shift)
            a, b = terms[n + shift]
            real += x * a - y * b
            imaginary += x * b + y * a
        divisor = -math.perm(n + order, order) << bits
        terms.append((real // divisor, imaginary // divisor))
        sums.add(terms[-1])
        n += 1
    return sums.scaled(after / step)


def _weight(parts: list[tuple[int, Pair]], j: int) -> Pair:
    real = imaginary = 0
    for m, (x, y) in parts:
        factor = math.perm(j, m)
        real += factor * x
        imaginary += factor * y
    return real, imaginary


def _fixed(mp: MPContext, value: MPNumber, bits: int) -> Pair:
    value = mp.convert(value)
    return int(mp.nint(mp.ldexp(mp.re(value), bits))), int(mp.nint(mp.ldexp(mp.im(value), bits)))


def _product(one: Pair, other: Pair, bits: int) -> Pair:
    (a, b), (x, y) = one, other
    return (a * x - b * y) >> bits, (a * y + b * x) >> bits


def _at_one(mp: MPContext, above: Sequence[MPNumber], below: Sequence[MPNumber]) -> MPNumber:
    """By the u transformation, for which the terms are powers of their index, and series in its inverse."""
    count = mp.prec // 2
    with mp.workprec(4 * mp.prec):
        top = bottom = total = mp.zero
        term = mp.one
        for k in range(count):
            total += term
            weight = mp.mpf(-1) ** k * mp.binomial(count - 1, k) * mp.mpf(k + 1) ** (count - 3) / term
            top, bottom = top + weight * total, bottom + weight
            term = term * mp.fprod(a + k for a in above) / (mp.fprod(b + k for b in below) * (k + 1))
        value = top / bottom
    return +value


def is_formal(mp: MPContext, above: Sequence[MPNumber], below: Sequence[MPNumber], z: MPNumber) -> bool:
    """Does the series converge nowhere, but is summed in a sector by Borel's integral, once or twice?"""
    return len(above) > 2 and len(below) + 1 < len(above) <= len(below) + 3 and bool(z)


def by_inverses(mp: MPContext, above: Sequence[MPNumber], below: Sequence[MPNumber], z: MPNumber) -> MPNumber:
    """What a series that converges nowhere is asymptotic to, by series in 1/z that converge everywhere.

    They are the residues of the integral of Mellin and Barnes (DLMF 16.5.1 and 16.11.6); right of 0 the limit is from
    above, as mpmath has it of 2F0.
    """
    p, q = len(above), len(below)
    sign = mp.mpf(-1) ** (p + q + 1)

    def terms(*parameters: MPNumber) -> list[tuple[list[MPNumber], ...]]:
        a, b = parameters[:p], parameters[p:]
        found: list[tuple[list[MPNumber], ...]] = []
        for k, first in enumerate(a):
            others = [v for j, v in enumerate(a) if j != k]
            gammas = [*b, *(v - first for v in others)], [*others, *(v - first for v in b)]
            series = [first, *(1 + first - v for v in b)], [1 + first - v for v in others]
            found.append(([-1 / z], [first], *gammas, *series, sign / z))
        return found

    return mp.hypercomb(terms, [*above, *below])


def reduced(
    above: Sequence[MPNumber], below: Sequence[MPNumber], ends: Callable[[MPNumber], bool]
) -> tuple[list[MPNumber], list[MPNumber]]:
    """Without the parameters that both have, except those of poles."""
    left, kept = list(above), []
    for b in below:
        if b in left and not ends(b):
            left.remove(b)
        else:
            kept.append(b)
    return left, kept
