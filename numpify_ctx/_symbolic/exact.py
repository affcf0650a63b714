"""Exact constants to the nearest Python number, and constant expressions to exact values.

SymPy knows constants exactly; a double is chosen once, at the end, and it is the nearest one.
"""

from __future__ import annotations

import math
from typing import Any

import sympy as sp
from mpmath.libmp import NoConvergence

from .budget import is_affordable
from .nodes import Boolean


DIGITS = 40


_SPECIAL: tuple[tuple[sp.Basic, bool | float | complex], ...] = (
    (sp.nan, math.nan),
    (sp.oo, math.inf),
    (-sp.oo, -math.inf),
    (sp.zoo, complex(math.inf, math.nan)),  # infinite, in no direction
    (sp.true, True),
    (sp.false, False),
)


def nearest(number: sp.Basic) -> bool | int | float | complex | None:
    """The Python number nearest to a SymPy number; None if `number` is not one.

    >>> nearest(sp.Rational(1, 3)) == 1 / 3, nearest(sp.Integer(10) ** 30), nearest(sp.I), nearest(sp.oo)
    (True, 1000000000000000000000000000000, 1j, inf)
    """
    match number:
        case sp.Integer():
            return int(number)
        case sp.Rational():
            return quotient(number.p, number.q)
        case sp.Float():
            return _from_mpf(number._mpf_)
    for special, value in _SPECIAL:
        if number is special:
            return value
    if isinstance(number, sp.Add | sp.Mul) or number is sp.I:
        real, imaginary = number.as_real_imag()
        if real.is_number and imaginary.is_number:
            parts = nearest(real), nearest(imaginary)
            if all(isinstance(part, int | float) for part in parts):
                return complex(*parts)  # type: ignore[arg-type]  # checked above
    return None


def quotient(p: int, q: int) -> float:
    """The float nearest to p / q; infinite, beyond all floats.

    >>> quotient(1, 3) == 1 / 3, quotient(-(10**400), 1)
    (True, -inf)
    """
    try:
        return p / q  # Python rounds this correctly, whatever the size
    except OverflowError:
        return math.inf if p > 0 else -math.inf


def _from_mpf(mpf: tuple[int, int, int, int]) -> float:
    # mpmath's own conversion rounds towards zero.
    sign, mantissa, exponent, bits = mpf
    mantissa = int(mantissa)
    if not mantissa:
        # How mpmath writes nan and the infinities: no mantissa, and one of these exponents.
        return math.nan if exponent == -123 else {0: 0.0, -456: math.inf, -789: -math.inf}[exponent]
    if sign:
        mantissa = -mantissa
    # Floats end at 2**1024 and at 2**-1074: far beyond, nothing needs a shift by as many bits as the exponent says.
    if exponent + bits > 1100:
        return math.inf if mantissa > 0 else -math.inf
    if exponent + bits < -1200:
        return -0.0 if sign else 0.0
    return quotient(mantissa << exponent, 1) if exponent >= 0 else quotient(mantissa, 1 << -exponent)


def evaluate(expr: sp.Basic) -> Any | None:
    """`expr`, which has no free symbols, as one SymPy number exact to `DIGITS` digits; None if SymPy cannot tell.

    >>> evaluate(sp.sqrt(2) - 1) == sp.Float("0.4142135623730950488016887242096980785696718753769", 40)
    True
    """
    if expr.is_Rational or isinstance(expr, sp.Float) or expr in (sp.true, sp.false):
        return expr
    if isinstance(expr, Boolean) or not is_affordable(expr):
        return None
    try:
        value = _evaluated(expr)
        if value.is_Number or value in (sp.nan, sp.zoo):
            return _whole(value) if isinstance(value, sp.Float) and expr.is_integer else value
        real, imaginary = value.as_real_imag()
    except (
        ArithmeticError, AttributeError, NoConvergence, NotImplementedError, RecursionError, TypeError, ValueError,
    ):  # fmt: skip
        return None  # SymPy or mpmath has no value for it; the caller computes it another way, or says so
    if not (real.is_Number and imaginary.is_Number):
        return None
    # evalf leaves noise of one bit of precision where a part cancels: it is zero.
    if _is_noise(imaginary) or expr.is_real:
        return real
    return imaginary * sp.I if _is_noise(real) else real + imaginary * sp.I


def _whole(value: sp.Basic) -> Any:
    """The integer that a value of `DIGITS` digits tells; a longer one stays what it is."""
    return sp.Integer(round(value)) if abs(value) < _TOLD else value


# The last two digits are what evaluation may have lost.
_TOLD = sp.Integer(10) ** (DIGITS - 2)


def _evaluated(expr: sp.Basic) -> Any:
    """`expr.evalf` to `DIGITS` digits, in which it can be trusted.

    SymPy keeps account of the digits that sums and elementary functions lose. Of others it takes what mpmath gives at
    one precision, and that may lose all its digits far out: a value stands when one with twice the digits agrees.
    """
    value = expr.evalf(DIGITS, maxn=400)
    if all(isinstance(function, _ACCOUNTED) for function in expr.atoms(sp.Function)):
        return value
    for digits in (2 * DIGITS, 4 * DIGITS, 8 * DIGITS):
        better = expr.evalf(digits, maxn=10 * digits)
        if not (value.is_finite and better.is_finite) or abs(value - better) <= abs(better) * _AGREEMENT:
            return better.n(DIGITS) if better.is_finite else value
        value = better
    raise ArithmeticError(f"no two precisions agree on {type(expr).__name__}")


# More digits than a double has, fewer than `DIGITS`: two precisions need not round the last ones alike.
_AGREEMENT = sp.Float("1e-25", DIGITS)
_ACCOUNTED = (
    sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh,
    sp.atanh, sp.Abs, sp.re, sp.im, sp.floor, sp.ceiling, sp.sign, sp.gamma, sp.factorial, sp.erf,
)  # fmt: skip


def _is_noise(part: sp.Basic) -> bool:
    return part == 0 or (isinstance(part, sp.Float) and part._prec == 1)
