"""Floors and remainders of sums and products of roots of integers: exact, where floats leave a doubt.

`sqrt(n) + sqrt(n + 1)` may be a whole number in floats and none in truth, and `n**(3/2)` has more digits than a float.
Where a float is closer to a whole number than rounding may have moved it, more digits tell; and where they do not, as
the value is whole, SymPy does, which takes roots of powers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from .._kinds import is_int64
from .complexes import floor_of_parts
from .integers import is_integer
from .mp import LOCK, MP
from .types import MPNumber, Value


_ROUNDING = 2.0**-52  # of the size of the terms: what the rounding of one operation may do, twice


@dataclass(frozen=True, slots=True)
class Radical:
    """A sum or product of rational powers, of rational numbers and of symbols that stand for integers.

    Attributes:
        expr: it.
        symbols: what stands for integers.
        up: the ceiling is asked for, not the floor.
        near: so much of the size of its terms rounding may have moved the value, and more.
    """

    expr: sp.Expr
    symbols: tuple[sp.Symbol, ...]
    up: bool
    near: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "near", _ROUNDING * (int(self.expr.count_ops()) + 2))

    def whole(self, integers: Sequence[int]) -> int:
        """The floor or ceiling, of which SymPy's is the definition.

        >>> n = sp.Symbol("n")
        >>> Radical(sp.sqrt(n) + sp.sqrt(n + 1), (n,), False).whole([9223372030926249000])
        6074000997
        """
        if self._is_root():
            root, is_exact = self._root(integers[0])
            return root + (self.up and not is_exact)
        values = dict(zip(self.symbols, map(int, integers), strict=True))
        with LOCK:
            for bits in (100, 400):
                with MP.workprec(bits + 2 * max(abs(v).bit_length() for v in values.values())):
                    value, size = _with_size(self.expr, values)
                    nearest = MP.nint(value)
                    if abs(value - nearest) > MP.ldexp(size, 20 - MP.prec):
                        return int(MP.ceil(value) if self.up else MP.floor(value))
        exact = self._exactly(values)
        return int(sp.ceiling(exact) if self.up else sp.floor(exact))

    def _is_root(self) -> bool:
        return isinstance(self.expr, sp.Pow) and self.expr.base in self.symbols and self.expr.exp > 0

    def _root(self, integer: int) -> tuple[int, bool]:
        """The floor, and whether it is the root itself; of negative integers, a ValueError."""
        root, is_exact = sp.integer_nthroot(integer ** int(self.expr.exp.p), int(self.expr.exp.q))
        return int(root), bool(is_exact)

    def _exactly(self, values: dict[sp.Symbol, int]) -> sp.Expr:
        return self.expr.xreplace({symbol: sp.Integer(v) for symbol, v in values.items()})

    def fraction(self, integers: Sequence[int], times: sp.Rational) -> float:
        """The value less its floor, `times` so much, rounded once.

        >>> n = sp.Symbol("n")
        >>> Radical(sp.sqrt(n), (n,), False).fraction([10**40 - 1], sp.S.One)
        1.0
        >>> Radical(sp.sqrt(n), (n,), False).fraction([10**40 + 1], sp.Integer(2))
        1e-20
        """
        if self._is_root() and self._root(integers[0])[1]:
            return 0.0
        whole = self.whole(integers)
        values = dict(zip(self.symbols, map(int, integers), strict=True))
        with LOCK:
            for bits in (140, 440):
                with MP.workprec(bits + 2 * max(abs(v).bit_length() for v in values.values())):
                    value, size = _with_size(self.expr, values)
                    rest = value - whole
                    # Enough of the digits that the two have not in common for one rounding to be the only one.
                    if rest > MP.ldexp(size, 90 - MP.prec):
                        return float(rest * int(times.p) / int(times.q))
        return float(times * (self._exactly(values) - whole).evalf(17, chop=True))

    def of_float(self, value: Value) -> Any:
        """The floor or ceiling of floats."""
        return np.ceil(value) if self.up else np.floor(value)


def _with_size(expr: sp.Expr, values: dict[sp.Symbol, int]) -> tuple[MPNumber, MPNumber]:
    """The value, and that of the same with all terms positive, of which rounding errors are a fraction."""
    if expr in values:
        value = MP.mpf(values[expr])
        return value, abs(value)
    if isinstance(expr, sp.Rational):
        value = MP.mpf(int(expr.p)) / int(expr.q)
        return value, abs(value)
    if isinstance(expr, sp.NumberSymbol):
        value = MP.mpf(expr._as_mpf_val(MP.prec + 5))
        return value, value
    if isinstance(expr, sp.Pow):
        base, size = _with_size(expr.base, values)
        exponent, _ = _with_size(expr.exp, values)
        value = MP.power(base, exponent)
        return value, abs(value) * (size / abs(base) if base else 1)
    parts = [_with_size(arg, values) for arg in expr.args]
    combined = MP.fsum if isinstance(expr, sp.Add) else MP.fprod
    return combined(v for v, _ in parts), combined(s for _, s in parts)


def floor_radical(radical: Radical, value: Value, size: Value, *numbers: Value) -> Any:
    """The floor or ceiling of `value`, which is `radical` in floats; exact where the numbers are integers.

    >>> n = sp.Symbol("n")
    >>> radical = Radical(n ** sp.Rational(2, 3), (n,), False)
    >>> floor_radical(radical, np.array([8.0, 9.0]) ** (2 / 3), np.array([4.0, 4.3]), np.array([8, 9]))
    array([4, 4])
    """
    if np.iscomplexobj(value):
        return -floor_of_parts(-value) if radical.up else floor_of_parts(value)
    if not all(is_integer(v) for v in numbers):
        return radical.of_float(value)
    value, size, *columns = np.broadcast_arrays(value, size, *numbers)
    found = radical.of_float(value)
    with np.errstate(invalid="ignore"):
        doubtful = np.isfinite(value) & ~(np.abs(value - np.rint(value)) > radical.near * np.maximum(np.abs(size), 1))
    wholes = _of_each(radical.whole, columns, doubtful)
    if not np.all(np.isfinite(value)) or not all(map(is_int64, wholes)):
        found = np.array(found, np.float64)
        found[doubtful] = [float(whole) for whole in wholes]
    else:
        found = np.where(doubtful, 0, found).astype(np.int64)
        found[doubtful] = wholes
    return found[()]


def _of_each(function: Callable[[tuple[int, ...]], Any], columns: Sequence[Any], where: Any) -> list[Any]:
    """What a function of points gives for those that are asked for, computed once for equal ones."""
    points = list(zip(*(c[where].tolist() for c in columns), strict=True))
    known = {point: function(point) for point in set(points)}
    return [known[point] for point in points]


def math_floor_radical(radical: Radical, value: Any, size: Any, *numbers: Any) -> Any:
    """`floor_radical` of Python numbers; integers of any size."""
    if not math.isfinite(value):  # a TypeError for complex numbers
        raise ValueError("the floor of a number that is not finite")
    if all(type(v) is int for v in numbers):
        if abs(value - round(value)) > radical.near * max(abs(size), 1.0):
            return math.ceil(value) if radical.up else math.floor(value)
        return radical.whole(numbers)
    return float(math.ceil(value) if radical.up else math.floor(value))


def fraction_radical(
    radical: Radical, modulus: int, over: int, found: Value, value: Value, size: Value, *numbers: Value
) -> Any:
    """`found`, which is `value` modulo `modulus` over `over` in floats; `radical` is value/modulus, exactly.

    Of integers it is computed with more digits where floats have less than half of those that the remainder should
    have: near multiples of `modulus`, and of large numbers.

    >>> n = sp.Symbol("n")
    >>> numbers = np.array([9007199515875288, 4, 2])
    >>> roots = np.sqrt(numbers)
    >>> fraction_radical(Radical(sp.sqrt(n), (n,), False), 1, 1, roots % 1, roots, roots, numbers)
    array([0.99999999, 0.        , 0.41421356])
    """
    if np.iscomplexobj(value) or not all(is_integer(v) for v in numbers):
        return found
    found, value, size, *columns = np.broadcast_arrays(found, value, size, *numbers)
    with np.errstate(invalid="ignore"):
        doubtful = np.isfinite(value) & _is_near(radical, value / modulus, np.abs(size) / modulus)
    if np.any(doubtful):
        times = sp.Rational(modulus, over)
        found = np.array(found, np.float64)
        found[doubtful] = _of_each(lambda point: radical.fraction(point, times), columns, doubtful)
    return found[()]


def _is_near(radical: Radical, value: Value, size: Value) -> Any:
    """Is what rounding may have moved the value by more than 2**-26 of its distance from the next integer?"""
    return abs(value - np.rint(value)) <= radical.near * _HALF_THE_DIGITS * np.maximum(size, 1)


_HALF_THE_DIGITS = 2.0**26


def math_fraction_radical(
    radical: Radical, modulus: int, over: int, found: Any, value: Any, size: Any, *numbers: Any
) -> Any:
    """`fraction_radical` of Python numbers; integers of any size."""
    if not all(type(v) is int for v in numbers) or type(value) is complex or not math.isfinite(value):
        return found
    value = value / modulus
    if abs(value - round(value)) > radical.near * _HALF_THE_DIGITS * max(abs(size) / modulus, 1.0):
        return found
    return radical.fraction(numbers, sp.Rational(modulus, over))
