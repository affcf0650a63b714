"""The one context of mpmath that all references compute in, and the one lock around it.

It is our own, so that nobody's `mp.prec` matters. mpmath keeps the precision and its caches of constants in the context
without a lock, so that one thread at a time may compute.
"""

from __future__ import annotations

import os

import mpmath

from .._locks import new_lock


BITS = 120  # of a reference; a double has 53
MP = mpmath.mp.clone()
MP.prec = BITS
LOCK = new_lock()  # re-entrant: a series asks for values of functions that are references themselves


def _reset_precision() -> None:
    """Another thread may have been computing with more digits when the process forked."""
    MP.prec = BITS


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_precision)

# What mpmath raises at a pole, where a series does not converge, or where it has no formula. All that means: no value.
NO_VALUE = (
    ArithmeticError, mpmath.libmp.NoConvergence, NotImplementedError, RecursionError, TypeError, ValueError,
)  # fmt: skip
