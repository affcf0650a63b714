"""Functions made of elementary ones by the formulas that the plain form has, so that their edges are its edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from .vectors import Vector, absolute, where, with_sign_of


class Functions(Protocol):
    """Where elementary functions are called: the body of a kernel."""

    def function(self, name: str, *operands: Vector) -> Vector:
        """A call of an elementary function, on doubles."""

    def excuse(self, lanes: Vector) -> None:
        """Lanes of whose results nothing is to be told."""


_COSH_LARGEST = 710.4758600739439  # beyond it, cosh and sinh of doubles are infinite
_LEAST_WITH_RECIPROCAL = 2.0**-1024 * (1 + 2.0**-50)  # below it, 1/x is infinite


def _sinc(body: Functions, x: Vector) -> Vector:
    zero, infinite = x.equals(0.0), absolute(x).equals(math.inf)
    safe = where(zero | infinite, 1.0, x)
    return where(zero, 1.0, where(infinite, 0.0, body.function("sin", safe) / safe))


def _acot(body: Functions, x: Vector) -> Vector:
    return body.function("arctan2", where(x < 0.0, -1.0, x.like(1.0)), absolute(x))


def _acoth(body: Functions, x: Vector) -> Vector:
    # Not arctanh(1/x): next to 1 the rounded reciprocal has lost what the distance from 1 still has.
    return with_sign_of(0.5 * body.function("log1p", 2.0 / (absolute(x) - 1.0)), x)


def _reciprocal(name: str) -> Callable[[Functions, Vector], Vector]:
    def function(body: Functions, x: Vector) -> Vector:
        # Nothing is told of the overflow, whose reciprocal is 0.
        beyond = absolute(x) > _COSH_LARGEST
        if name == "sinh":  # nor of that of a reciprocal
            body.excuse((absolute(x) < _LEAST_WITH_RECIPROCAL) & (absolute(x) > 0.0))
        value = 1.0 / body.function(name, where(beyond, 1.0, x))
        return where(beyond, with_sign_of(x.like(0.0), x) if name == "sinh" else x.like(0.0), value)

    return function


def _angle(body: Functions, x: Vector) -> Vector:
    return body.function("arctan2", x.like(0.0), x)


def _logaddexp(body: Functions, x: Vector, y: Vector) -> Vector:
    # Of equal infinities, there is no difference.
    same, larger = x.equals(y), where(x > y, x, y)
    apart = where(same, 0.0, absolute(x - y))
    return larger + body.function("log1p", body.function("exp", -apart))


def _floor_quotient(body: Functions, x: Vector, y: Vector) -> Vector:
    """As NumPy divides floats downwards, by a positive y: from the remainder, then to the nearest integer."""
    infinite = absolute(x).equals(math.inf)
    safe = where(infinite, 0.0, x)
    quotient = (safe - body.function("mod", safe, y)) / y
    whole = x.text.intrinsic("floor", quotient)
    whole = where(quotient - whole > 0.5, whole + 1.0, whole)
    return where(infinite, x, where(quotient.equals(0.0), with_sign_of(quotient, safe), whole))


COMPOSED: dict[str, Callable[..., Vector]] = {
    "sinc": _sinc, "acot": _acot, "acoth": _acoth, "sech": _reciprocal("cosh"), "csch": _reciprocal("sinh"),
    "angle": _angle, "logaddexp": _logaddexp,
}  # fmt: skip
# Of a sum with whole coefficients, which are the data of the node, and a denominator.
QUOTIENTS: dict[str, Callable[..., Vector]] = {
    "floor_quotient": _floor_quotient,
    "remainder": lambda body, x, y: body.function("mod", x, y),
}
# In these, LLVM may compute for all lanes what is only for some.
GUARDED = frozenset({"mod", "sinc", "sech", "csch", "logaddexp", *QUOTIENTS})
