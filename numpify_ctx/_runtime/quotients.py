"""Floor and remainder of (c*x + d*y + ... + constant)/denominator, all of whose numbers are integers.

Integers are divided in integers, so that the results are exact for any int64 and any Python integer. Of floats the
numerator is rounded as a sum of floats is, and its quotient is floored exactly.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._kinds import LEAST_INT
from .complexes import floor_of_parts, of_parts
from .integers import by_modulus, exact_add, exact_multiply, is_integer


Value = Any


def floor(coefficients: tuple[int, ...], constant: int, denominator: int, *terms: Value) -> Any:
    """The floor of the quotient; of a complex number, that of both parts.

    >>> floor((7,), 0, 100, np.array([100, 2**62])), floor((1,), 1, 3, 5.0)
    (array([                 7, 322818021289917153]), np.float64(2.0))
    """
    if _are_whole(terms):
        return _floor_of_integers(coefficients, constant, denominator, terms)
    top = _numerator(coefficients, constant, terms)
    if np.iscomplexobj(top):
        return of_parts(_floor_of_floats(np.real(top), denominator), _floor_of_floats(np.imag(top), denominator))
    return _floor_of_floats(top, denominator)


def remainder(coefficients: tuple[int, ...], constant: int, denominator: int, *terms: Value) -> Any:
    """The numerator modulo the denominator.

    >>> remainder((1, -2), 0, 7, np.array([9, -1]), 4)
    array([1, 5])
    """
    if not _are_whole(terms):
        top = _numerator(coefficients, constant, terms)
        if np.iscomplexobj(top):
            whole = floor(coefficients, constant, denominator, *terms)
            return top - denominator * whole
        return np.mod(top, denominator)
    # Each remainder is below 2**31 and each coefficient is, so that neither products nor a few sums of them overflow.
    parts = [np.mod(c * np.mod(_int64(t), denominator), denominator) for c, t in zip(coefficients, terms, strict=True)]
    return np.mod(sum(parts) + constant, denominator)


def floor_of_ratio(top: Value, bottom: Value) -> Any:
    """The floor of top/bottom: integers are divided in integers; by the integer 0, as floats.

    >>> floor_of_ratio(np.array([2**62 + 1, 7]), np.array([-7, 2]))
    array([-658812288346769701,                   3])
    >>> floor_of_ratio(7.5, 2)
    np.float64(3.0)
    """
    if not _are_whole((top, bottom)):
        found = np.true_divide(top, bottom)
        return np.floor(found) if np.isrealobj(found) else floor_of_parts(found)
    top, bottom = _int64(top), _int64(bottom)
    zero = np.equal(bottom, 0)
    beyond = np.equal(top, LEAST_INT) & np.equal(bottom, -1)  # 2**63, which int64 has not
    if np.any(zero):
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            found = np.floor_divide(top, np.where(zero | beyond, 1, bottom)).astype(float)
        return np.where(zero, np.true_divide(top, bottom), np.where(beyond, -found, found))[()]
    if np.any(beyond):
        return np.where(beyond, 2.0**63, np.floor_divide(top, np.where(beyond, 1, bottom)))[()]
    return np.floor_divide(top, bottom)


def frac_of_ratio(top: Value, bottom: Value) -> Any:
    """top/bottom less its floor, by the remainder, which is exact; by 0, nan.

    >>> frac_of_ratio(np.array([2**62 + 1, 7]), np.array([2, 0])), frac_of_ratio(-7.5, 2)
    (array([0.5, nan]), np.float64(0.25))
    """
    if _are_whole((top, bottom)):
        bottom = _int64(bottom)
        return np.true_divide(by_modulus(np.mod, _int64(top), bottom), bottom)
    if np.iscomplexobj(top) or np.iscomplexobj(bottom):
        return np.true_divide(top, bottom) - floor_of_ratio(top, bottom)
    # The remainder is exact, where the quotient is rounded before its floor is taken; modulo inf it has no quotient.
    rest = np.mod(top, bottom) / bottom
    if not np.any(infinite := np.isinf(bottom)):
        return rest
    small = np.true_divide(top, bottom)
    return np.where(infinite, small - np.floor(small), rest)[()]


def is_multiple(top: Value, bottom: Value) -> Any:
    """Is top/bottom an integer? Integers are divided in integers; nothing is a multiple of 0.

    >>> is_multiple(np.array([2**62, 2**62 + 1]), 2), is_multiple(3 + 3j, 1 + 1j), is_multiple(1, 0)
    (array([ True, False]), np.True_, np.False_)
    """
    with np.errstate(all="ignore"):
        if not any(np.iscomplexobj(v) for v in (top, bottom)):
            return np.equal(np.mod(top, bottom), 0) & np.not_equal(bottom, 0)
        quotient = np.true_divide(top, bottom)
        return np.isfinite(quotient) & (np.imag(quotient) == 0) & (np.floor(np.real(quotient)) == np.real(quotient))


def _floor_of_integers(coefficients: tuple[int, ...], constant: int, denominator: int, terms: tuple[Value, ...]) -> Any:
    wholes, rest = [], constant
    for c, term in zip(coefficients, terms, strict=True):
        whole, left = np.divmod(_int64(term), denominator)
        product = c * left
        wholes += [exact_multiply(np.int64(c), whole), product // denominator]
        rest = rest + product % denominator
    wholes.append(rest // denominator)
    return exact_add((False,) * len(wholes), *wholes)


def _floor_of_floats(top: Value, denominator: int) -> Any:
    with np.errstate(invalid="ignore"):  # of infinities, whose floor they are themselves
        found = np.floor_divide(top, denominator)
    return np.where(np.isinf(top), top, found)[()]  # type: ignore[call-overload]  # numpy's stubs


def _numerator(coefficients: tuple[int, ...], constant: int, terms: tuple[Value, ...]) -> Any:
    total: Any = None
    for c, term in zip(coefficients, terms, strict=True):
        product = term if c == 1 else c * term
        total = product if total is None else total + product
    return total + constant if constant else total


def _are_whole(terms: tuple[Value, ...]) -> bool:
    return all(is_integer(t) or getattr(t, "dtype", None) == np.bool_ or type(t) is bool for t in terms)


def _int64(term: Value) -> Any:
    found: Any = np.asarray(term, dtype=np.int64)
    return found[()]


def math_floor(coefficients: tuple[int, ...], constant: int, denominator: int, *terms: Any) -> Any:
    """`floor` of Python numbers; integers of any size."""
    top = _numerator(coefficients, constant, terms)
    if type(top) is int:
        return top // denominator
    if not math.isfinite(top):  # a TypeError for complex numbers, which NumPy then floors
        raise ValueError("the floor of a number that is not finite")
    return top // denominator


def math_floor_of_ratio(top: Any, bottom: Any) -> Any:
    """`floor_of_ratio` of Python numbers; integers of any size."""
    if type(top) is int and type(bottom) is int:
        return top // bottom
    found = top / bottom
    return found if found == 0 else float(math.floor(found))  # -0.0 stays -0.0


def math_frac_of_ratio(top: Any, bottom: Any) -> Any:
    """`frac_of_ratio` of Python numbers; integers of any size."""
    if type(top) is int and type(bottom) is int:
        return top % bottom / bottom
    if not math.isfinite(bottom):  # a TypeError for complex numbers
        raise ValueError("the remainder by a number that is not finite")
    return top % bottom / bottom


def math_is_multiple(top: Any, bottom: Any) -> bool:
    """`is_multiple` of Python numbers; integers of any size."""
    return bool(top % bottom == 0)


def math_remainder(coefficients: tuple[int, ...], constant: int, denominator: int, *terms: Any) -> Any:
    """`remainder` of Python numbers."""
    return _numerator(coefficients, constant, terms) % denominator
