"""The one context of mpmath that all references compute in, the one lock around it, and the work that they may do.

It is our own, so that nobody's `mp.prec` matters. mpmath keeps the precision and its caches of constants in the context
without a lock, so that one thread at a time may compute.

Work is counted, not timed, so that a value is the same on every machine: what a reference sums and integrates goes
through the few methods that this context has of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import mpmath
from mpmath.libmp import to_float

from .._locks import new_lock
from . import continuation
from .types import MPNumber, Value


BITS = 120  # of a reference; a double has 53
MOST_WORK = 300_000  # for one value: terms of series, some two seconds of them; all else is worth some terms
_CALL = 40  # terms that take as long as ...
_POINT = 10  # ... a call of a series, and a point of a sum or an integral
_GAMMA = 12_000  # and what a gamma function of 1000 bits computes first, which grows as the cube of the bits
_EVERY = 16  # so often is the length of the terms asked for


class OverBudget(ArithmeticError):
    """A value would take more work than it is allowed."""


class _Counted(dict[int, Any]):
    """What a series of mpmath's asks at each of its terms: whether to note how many bits it has lost.

    So it is told of each term, and now and then how long that is: one may have more bits than the sum is to have.
    """

    def __init__(self, noted: Mapping[int, Any], spend: Callable[[float], None], bits: int, factors: int) -> None:
        super().__init__(noted)
        self.spend, self.bits, self.share = spend, bits, factors / 3
        self.cost = self._cost(bits)

    def _cost(self, bits: int) -> float:
        return float((1 + bits / 1000) ** 1.5 * self.share)  # long numbers take longer to multiply

    def __contains__(self, n: object) -> bool:
        self.spend(self.cost)
        return n % _EVERY == 0 or super().__contains__(n)  # type: ignore[operator]  # it is an int

    def __setitem__(self, n: int, lost: int) -> None:
        self.cost = self._cost(max(self.bits, self.bits - lost))
        if super().__contains__(n):
            super().__setitem__(n, lost)


class _Summators(dict[Any, Any]):
    """mpmath's loops over the terms of series, by the types of their parameters."""

    def __init__(self, spend: Callable[[float], None]) -> None:
        super().__init__()
        self.spend = spend

    def __setitem__(self, key: Any, summator: Callable[..., Any]) -> None:
        def counted(coeffs: Any, z: Any, prec: int, bits: int, shift: int, noted: dict[int, Any], **more: Any) -> Any:
            self.spend(_CALL)
            counting = _Counted(noted, self.spend, bits, key[0] + key[1] + 1)
            found = summator(coeffs, z, prec, bits, shift, counting, **more)
            noted.update(counting)
            return found

        super().__setitem__(key, counted)


class _Context(mpmath.MPContext):  # type: ignore[misc]  # mpmath is not typed
    """A context that counts work, within `budget`."""

    left: float | None = None  # what may still be spent

    def __init__(self) -> None:
        super().__init__()
        self.hyp_summators = _Summators(self.spend)
        self._mp, self._fp, self._iv = self, mpmath.fp, mpmath.iv  # for which some of its functions look
        # at which gamma functions were computed within the budget; of the thread that holds the lock
        self._precisions: set[int] = set()
        for name in ("gamma", "rgamma", "loggamma", "psi", "digamma"):
            setattr(self, name, self._dear(getattr(self, name)))
        # mpmath sets its methods when a context is made.
        self._series: Callable[..., Any] = self.hyper  # type: ignore[has-type]
        self.hyper = self._hyper

    @contextmanager
    def budget(self, work: float = MOST_WORK) -> Iterator[None]:
        """Allow so much work within; an outer budget stands.

        >>> with MP.budget(100):
        ...     MP.hyp2f1(1, 1, 2, MP.mpf("0.75"))
        Traceback (most recent call last):
        ...
        numpify_ctx._runtime.mp.OverBudget: the value takes more than its budget of work
        """
        outer = self.left
        if outer is None:
            self.left = work
            self._precisions.clear()
        try:
            yield
        finally:
            self.left = outer

    def spend(self, work: float) -> None:
        """Count some work, if it is counted."""
        if self.left is not None:
            self.left -= work
            if self.left < 0:
                raise OverBudget("the value takes more than its budget of work")

    def _hyper(self, above: Sequence[Any], below: Sequence[Any], z: MPNumber, **options: Any) -> Any:
        """mpmath's, but where it would take as many terms as z is close to a circle, or would integrate."""
        if len(below) + 1 <= len(above) > 2 and not options.get("force_series"):
            others = [self.convert(a) for a in above], [self.convert(b) for b in below]
            fewer = continuation.reduced(*others, ends=self.isnpint)
            if continuation.is_slow(self, *fewer, self.convert(z)):
                return continuation.hyper(self, *fewer, self.convert(z))
            if continuation.is_formal(self, *fewer, self.convert(z)):
                try:
                    return self._series(above, below, z, force_series=True, maxterms=self.prec, **options)
                except self.NoConvergence:
                    return continuation.by_inverses(self, *fewer, self.convert(z))
        return self._series(above, below, z, **options)

    def _dear(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that computes constants first, anew for each precision."""

        def counted(*args: MPNumber, **options: Any) -> Any:
            if self.left is not None and self.prec not in self._precisions:
                self._precisions.add(self.prec)
                self.spend(_GAMMA * (self.prec / 1000) ** 3)
            return function(*args, **options)

        return counted

    def _at_points(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: MPNumber) -> Any:
            self.spend(_POINT)
            return function(*args)

        return counted

    def quad(self, function: Callable[..., Any], *points: Any, **options: Any) -> Any:
        """An integral, whose nodes are counted."""
        return super().quad(self._at_points(function), *points, **options)

    def nsum(self, function: Callable[..., Any], *intervals: Any, **options: Any) -> Any:
        """A sum, whose terms are counted."""
        return super().nsum(self._at_points(function), *intervals, **options)

    def sumem(self, function: Callable[..., Any], *interval: Any, **options: Any) -> Any:
        """A sum by an integral and derivatives, whose points are counted."""
        return super().sumem(self._at_points(function), *interval, **options)

    def mag(self, x: MPNumber) -> Any:
        """The magnitude of a number, which recurrences ask for at each step."""
        self.spend(1)
        return super().mag(x)


MP = _Context()
MP.prec = BITS
LOCK = new_lock()  # re-entrant: a series asks for values of functions that are references themselves


def _reset() -> None:
    """Another thread may have been computing, with more digits and a budget, when the process forked."""
    MP.prec = BITS
    MP.left = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)

# What mpmath raises at a pole, where a series does not converge, or where it has no formula. All that means: no value.
NO_VALUE = (
    ArithmeticError, mpmath.libmp.NoConvergence, NotImplementedError, RecursionError, TypeError, ValueError,
)  # fmt: skip


def as_mp(value: Value) -> Any:
    """An mpmath number; a real one if it can be: mpmath takes more care of those, and as integers of orders."""
    if isinstance(value, complex):
        return MP.mpf(value.real) if value.imag == 0 else MP.mpc(value.real, value.imag)
    return MP.mpf(value)


def agree(one: Value, other: Value) -> bool:
    """Are the numbers equal to more digits than a double has, or both infinite or nan?"""
    if not (MP.isfinite(one) and MP.isfinite(other)):
        return MP.isfinite(one) == MP.isfinite(other)  # type: ignore[no-any-return]  # a bool
    return bool(abs(one - other) <= MP.ldexp(abs(other), -60))


def as_float(value: Value) -> float:
    if isinstance(value, MP.mpc):
        if abs(value.imag) > abs(value.real) * MP.mpf(2) ** (30 - BITS) and value.imag:
            return float("nan")
        value = value.real
    return float(to_float(value._mpf_, rnd="n"))


def as_complex(value: Value) -> complex:
    if isinstance(value, MP.mpc):
        return complex(to_float(value.real._mpf_, rnd="n"), to_float(value.imag._mpf_, rnd="n"))
    return complex(to_float(value._mpf_, rnd="n"))
