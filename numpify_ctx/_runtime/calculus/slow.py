"""The slow way: series and integrals that do not yield to double precision, one element at a time by mpmath.

The terms come from SymPy's `evalf`, number by number. (Its `evalf` of a whole Sum or Integral is not used: for
coefficients that are floats it gives wrong numbers.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from ..._symbolic.budget import is_affordable
from ..mp import LOCK, MP, NO_VALUE
from ..types import Value


DIGITS = 30
_MOST_TERMS = 400  # added one by one


@dataclass(frozen=True, slots=True, eq=False)
class Slow:
    """An expression as a function of one variable, given values for its other symbols.

    Attributes:
        expr: what is summed, multiplied or integrated.
        variable: over what.
        symbols: the other symbols.
    """

    expr: Any
    variable: Any
    symbols: tuple[Any, ...]
    known: dict[Any, Any] = field(default_factory=dict)

    def __call__(self, what: str, values: tuple[Any, ...], *data: Value) -> Any:
        """The sum, product or integral, as a float or complex; nan if there is none."""
        key = (what, *(complex(v) for v in values), *data)
        found = self.known.get(key)
        if found is None:
            with LOCK, MP.workdps(DIGITS):
                try:
                    found = _as_number(_WAYS[what](self._function(values), *data))
                except NO_VALUE:
                    found = float("nan")
            if len(self.known) < 4096:
                self.known[key] = found
        return found

    def frequency(self, values: tuple[Any, ...]) -> float | None:
        """The frequency of the sines and cosines of a multiple of the variable; None if there are none."""
        expr, variable = self._inner(values)
        for wave in expr.atoms(sp.sin, sp.cos, sp.exp):
            slope = wave.args[0].diff(variable) / (sp.I if isinstance(wave, sp.exp) else 1)
            if slope.is_number and slope.is_real and slope != 0:
                return abs(float(slope))
        return None

    def _inner(self, values: tuple[Any, ...]) -> Any:
        exact = {symbol: _exact(value) for symbol, value in zip(self.symbols, values, strict=True)}
        return self.expr.xreplace(exact), self.variable

    def _function(self, values: tuple[Any, ...]) -> Callable[[Any], Any]:
        expr, variable = self._inner(values)

        def function(at: Value) -> Any:
            digits = max(MP.dps, DIGITS)  # the extrapolations ask for more
            point = sp.Integer(int(at)) if MP.isint(at) else sp.Float(at, digits)
            if not is_affordable(expr, {variable: point}):
                raise ArithmeticError(f"{expr} at {at} is beyond the budget of exact evaluation")
            value = expr.xreplace({variable: point})
            if not value.is_Number:
                value = value.evalf(digits)
            if value.has(sp.oo, -sp.oo, sp.zoo, sp.nan):
                raise ZeroDivisionError(f"{expr} at {at}")
            real, imaginary = value.as_real_imag()
            if imaginary == 0:
                return MP.mpf(sp.Float(real, digits)._mpf_)
            return MP.mpc(sp.Float(real, digits)._mpf_, sp.Float(imaginary, digits)._mpf_)

        return function


def _exact(value: Value) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, complex):
        return sp.Float(value.real, 4 * DIGITS) + sp.I * sp.Float(value.imag, 4 * DIGITS)
    return sp.Integer(value) if isinstance(value, int) else sp.Float(value, 4 * DIGITS)


def _as_number(value: Value) -> Any:
    value = MP.convert(value)
    if isinstance(value, MP.mpc):
        return complex(value) if abs(value.imag) > 1e-25 * abs(value.real) else float(value.real)
    return float(value)


def _nsum(function: Callable[[Any], Any], begin: Value, step: int) -> Any:
    """An infinite sum by extrapolation, believed if it comes out the same without the first terms."""

    def term(n: Value) -> Any:
        return function(begin + step * n)

    direct = _added(term)
    if direct is not None:
        return direct
    value = MP.nsum(term, [0, MP.inf])
    other = MP.fsum(term(MP.mpf(n)) for n in range(7)) + MP.nsum(term, [7, MP.inf])
    return value if abs(value - other) <= 1e-10 * abs(value) else MP.nan


def _added(term: Callable[[Any], Any]) -> Any:
    """The sum term by term, with digits to lose by cancellation; None if the terms do not vanish fast."""
    with MP.workdps(3 * DIGITS):
        total, size, small = MP.mpf(0), MP.mpf(0), 0
        for n in range(_MOST_TERMS):
            value = term(n)
            total += value
            size = max(size, abs(value))
            small = small + 1 if abs(value) <= abs(total) * MP.mpf(10) ** -DIGITS else 0
            if small == 8:
                return total
            if n == _MOST_TERMS // 4 and abs(value) > size / 100:
                return None
    return None


def _nprod(function: Callable[[Any], Any], begin: Value, step: int) -> Any:
    def factor(n: Value) -> Any:
        return function(begin + step * n)

    value = MP.nprod(factor, [0, MP.inf])
    other = MP.fprod(factor(MP.mpf(n)) for n in range(7)) * MP.nprod(factor, [7, MP.inf])
    return value if abs(value - other) <= 1e-10 * abs(value) else MP.nan


def _integral(function: Callable[[Any], Any], low: Value, high: Value) -> Any:
    """By tanh-sinh quadrature, believed if it comes out the same in two parts.

    What diverges does not, nor what has a peak within.
    """
    value, error = MP.quad(function, [low, high], error=True)
    parts = [low, _between(low, high), high]
    with MP.workdps(DIGITS * 2 // 3):
        size = abs(value)
        agree = abs(value - MP.quad(function, parts)) <= 1e-8 * size
        if not agree:  # of what cancels, the error is to be small beside the parts
            size = MP.quad(lambda x: abs(function(x)), parts)
            agree = abs(value - MP.quad(function, parts)) <= 1e-14 * size
    return value if agree and error <= 1e-8 * max(size, 1e-3) else MP.nan


def _between(low: Value, high: Value) -> Any:
    """A point within a range, at no fraction of it that the nodes favour."""
    if MP.isinf(low):
        return high - MP.mpf("1.7") if MP.isfinite(high) else MP.mpf("0.7")
    return low + (MP.mpf("1.7") if MP.isinf(high) else MP.mpf("0.38") * (high - low))


_WAYS: dict[str, Callable[..., Any]] = {
    "sum": _nsum,
    "product": _nprod,
    "integral": _integral,
}
