"""Elementary functions that NumPy lacks, or whose edges it draws elsewhere than SymPy does.

Those called `math_...` are for Python scalars; they raise where NumPy gives another answer, which is then asked.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..complexes import floor_of_parts
from ..cuts import arctan, arctanh
from ..integers import by_modulus, exact_add, exact_multiply, is_integer
from ..numbers import is_finite
from ..types import Value
from .direct import count_nonzero


def sinc(x: Value) -> Any:
    """sin(x)/x, which is 1 at 0 and 0 at infinity.

    >>> sinc(np.array([0.0, np.pi / 2, np.inf]))
    array([1.        , 0.63661977, 0.        ])
    """
    if type(x) is np.ndarray and x.dtype.kind == "f" and count_nonzero(x) == x.size and is_finite(x):
        return np.sin(x) / x
    special = (x == 0) | np.isinf(x)
    safe = np.where(special, np.ones_like(x), x)
    return np.where(special, np.where(x == 0, np.ones_like(safe), np.zeros_like(safe)), np.sin(safe) / safe)[()]


def math_sinc(x: Any) -> Any:
    """`sinc` of a Python number."""
    return math.sin(x) / x if x - x == 0 != x else sinc(np.float64(x)).item()


def acot(x: Value) -> Any:
    """The inverse cotangent in (-pi/2, pi/2], pi/2 at 0, as SymPy has it.

    >>> acot(np.array([-1.0, 0.0, 1.0])) / np.pi
    array([-0.25,  0.5 ,  0.25])
    """
    if np.iscomplexobj(x):
        return arctan(1 / np.where(x == 0, 1, x)) + np.where(x == 0, np.pi / 4, 0)
    return np.arctan2(np.where(x < 0, -np.ones_like(x), np.ones_like(x)), np.abs(x))


def acoth(x: Value) -> Any:
    """The inverse hyperbolic cotangent, atanh(1/x); at a complex 0 i*pi/2, as SymPy has it.

    >>> acoth(2.0).round(4), acoth(0j)
    (np.float64(0.5493), np.complex128(1.5707963267948966j))
    """
    if not np.iscomplexobj(x):
        # Not atanh(1/x): next to 1 the rounded reciprocal has lost what the distance from 1 still has.
        half = 0.5 * np.log1p(np.true_divide(2, np.abs(x) - 1))
        return np.copysign(half, x)
    is_zero = np.equal(x, 0)
    return np.where(is_zero, 0.5j * np.pi, arctanh(1 / np.where(is_zero, 2, x)))[()]


def math_acoth(x: Any) -> Any:
    """`acoth` of a Python number; a ValueError between -1 and 1, where its value is complex."""
    size = abs(x)
    if size < 1:
        raise ValueError("the inverse hyperbolic cotangent of a number between -1 and 1")
    return math.copysign(0.5 * math.log1p(2 / (size - 1)), x)


def sech(x: Value) -> Any:
    """1/cosh(x); 0 where a complex cosh is infinite, of which NumPy has no reciprocal.

    >>> sech(800 + 1j), sech(np.array([0.0, 800.0]))
    (np.complex128(0j), array([1., 0.]))
    """
    return _reciprocal(np.cosh, x)


def csch(x: Value) -> Any:
    """1/sinh(x); 0 where a complex sinh is infinite."""
    return _reciprocal(np.sinh, x)


def _reciprocal(function: np.ufunc, x: Value) -> Any:
    if not np.iscomplexobj(x):
        with np.errstate(over="ignore"):
            return np.true_divide(1, function(x))
    with np.errstate(over="ignore", invalid="ignore"):
        value = function(x)
        infinite = np.isinf(value) | (np.isinf(np.exp(np.abs(np.real(x)))) & np.isfinite(np.imag(x)))
        return np.where(infinite, 0, np.true_divide(1, np.where(infinite, 1, value)))[()]


def imag(x: Value) -> Any:
    """The imaginary part: of a real number 0, but nan of nan, which may stand for a complex number.

    >>> imag(np.array([2, 1j])), imag(np.array([2.0, np.nan])), imag(np.array([2]))
    (array([0., 1.]), array([ 0., nan]), array([0]))
    """
    if np.iscomplexobj(x):
        return np.imag(x)
    zeros = np.zeros_like(x)
    return zeros[()] if is_integer(x) else np.where(np.isnan(x), x, zeros)[()]


def floor(x: Value) -> Any:
    """The floor; of a complex number, that of both parts. Integers stay integers."""
    if np.iscomplexobj(x):
        return floor_of_parts(x)
    return x if is_integer(x) else np.floor(x)


def exact_abs(x: Value) -> Any:
    """abs(x), as a float if -2**63 is among integers."""
    result = np.abs(x)
    return np.abs(np.asarray(x, dtype=np.float64)[()]) if is_integer(x) and np.any(result < 0) else result


def exact_mod(x: Value, y: Value) -> Any:
    """x modulo y, with the sign of y; nan, not 0, modulo the integer 0."""
    return by_modulus(np.mod, x, y)


def dirac_delta(x: Value, order: Value = 0) -> Any:
    """The density as a function: infinite at 0 and 0 elsewhere; its derivatives have no value at 0.

    >>> dirac_delta(np.array([-1.0, 0.0])), dirac_delta(0.0, 1)
    (array([ 0., inf]), np.float64(nan))
    """
    return np.where(np.isnan(x), np.nan, np.where(np.equal(x, 0), np.where(np.equal(order, 0), np.inf, np.nan), 0.0))[
        ()
    ]


def levi_civita(*indices: Value) -> Any:
    """The product of all differences, over that of 0, 1, ..., n - 1: 1, -1 or 0 for indices of n values.

    >>> levi_civita(1, 3, 2), levi_civita(np.array([0, 1, 2]), 1, np.array([2, 2, 0]))
    (np.int64(-1), array([ 1,  0, -1]))
    """
    product: Any = np.ones_like(indices[0])[()]
    scale = 1
    for j, later in enumerate(indices):
        for i, earlier in enumerate(indices[:j]):
            product = exact_multiply(product, exact_add((False, True), later, earlier))
            scale *= j - i
    return product // scale if is_integer(product) else product / scale


def math_sech(x: Value) -> Any:
    """1/cosh(x) of a Python number."""
    return 1 / math.cosh(x)


def math_csch(x: Value) -> Any:
    """1/sinh(x) of a Python number."""
    return 1 / math.sinh(x)


def math_floor(x: Value) -> Any:
    """The floor of a Python number, of the same type."""
    return x if type(x) is int or x == 0 else float(math.floor(x))  # -0.0 stays -0.0


def math_sign(x: Value) -> Any:
    """The sign of a Python number, of the same type."""
    if x != x:
        raise ValueError("the sign of nan")
    return type(x)((x > 0) - (x < 0))


def math_imag(x: Value) -> Any:
    """The imaginary part of a Python number."""
    if x != x:
        raise ValueError("the imaginary part of nan")
    return x.imag


def math_conjugate(x: Value) -> Any:
    """The conjugate of a Python number."""
    return x.conjugate()


def math_mod(x: Value, y: Value) -> Any:
    """x modulo y."""
    return x % y


def _beside(chosen: Value, other: Value) -> Any:
    return float(chosen) if type(other) is float else chosen


def math_minimum(x: Value, y: Value) -> Any:
    """The smaller one; of 0.0 and -0.0 the second, as NumPy has it. Beside a float, an integer is one."""
    if x < y:
        return x if type(x) is type(y) else _beside(x, y)
    if y <= x:
        return y if type(x) is type(y) else _beside(y, x)
    raise ValueError("the minimum of nan")


def math_maximum(x: Value, y: Value) -> Any:
    """The larger one; of 0.0 and -0.0 the second, as NumPy has it. Beside a float, an integer is one."""
    if x > y:
        return x if type(x) is type(y) else _beside(x, y)
    if y >= x:
        return y if type(x) is type(y) else _beside(y, x)
    raise ValueError("the maximum of nan")
