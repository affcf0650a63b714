"""What an expression is worth, by SymPy alone: element by element, at 30 digits.

The oracle substitutes exact values for the arguments and calls `evalf`. It shares nothing with the compiler.
"""

from __future__ import annotations

import cmath
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from numpify_ctx._compile import compile_expression


def exact(value: Any) -> Any:
    """The SymPy number that a NumPy or Python number is, to the last bit."""
    value = value.item() if isinstance(value, np.generic) else value
    match value:
        case bool():
            return sp.Integer(int(value))
        case int():
            return sp.Integer(value)
        case complex():
            return exact(value.real) + sp.I * exact(value.imag)
        case float() if math.isnan(value):
            return sp.nan
        case float() if math.isinf(value):
            return sp.oo if value > 0 else -sp.oo
    return sp.Float(value, 40) if value else sp.Integer(0)


def worth(expr: Any, values: Mapping[Any, Any]) -> Any:
    """The value of `expr`: a bool, an int, a float or a complex."""
    result = sp.sympify(expr).xreplace({symbol: exact(value) for symbol, value in values.items()})
    if hasattr(result, "doit"):
        result = result.doit()
    if result in (sp.true, sp.false):
        return bool(result)
    result = result.evalf(30, maxn=400)
    if result in (sp.true, sp.false):
        return bool(result)
    if result is sp.nan:
        return math.nan
    if result is sp.zoo:
        return complex(math.inf, math.nan)
    real, imaginary = result.as_real_imag()
    numbers = real.is_number and imaginary.is_number
    assert numbers, f"the oracle has no value for {expr} at {values}: {result}"
    if abs(imaginary) <= abs(real) * sp.Float("1e-25") or (imaginary != 0 and imaginary._prec == 1):
        return float(real)
    return complex(float(real), float(imaginary))


def expected(expr: Any, arguments: Sequence[Any], values: Sequence[Any], complex_numbers: bool) -> Any:
    """What `expr` is worth at each element of the broadcast `values`; in real arithmetic, nan for a complex number."""
    arrays = np.broadcast_arrays(*(np.asarray(v) for v in values)) if values else [np.zeros(())]
    shape = arrays[0].shape
    result = np.empty(shape, object)
    for index in itertools.product(*map(range, shape)):
        found = worth(expr, {a: array[index] for a, array in zip(arguments, arrays, strict=False)})
        if isinstance(found, complex) and not complex_numbers and not math.isnan(found.imag):
            found = math.nan
        result[index] = found
    return result


def check(
    expr: Any,
    arguments: Sequence[Any],
    values: Sequence[Any],
    *,
    kind: str | None = None,
    rtol: float = 2e-13,
    atol: float = 0.0,
    complex_numbers: bool | None = None,
    functions: Any = None,
    meaning: Any = None,
) -> Any:
    """Compile `expr`, call it, and compare value, kind of dtype and shape with the oracle's; returns what the call
    gave.

    `kind` is the expected `dtype.kind`; without it, a boolean must be a boolean, and a number not.
    `meaning` is an expression that SymPy can evaluate, for one that it cannot.
    """
    compiled = compile_expression(expr, [(a, f"p{i}") for i, a in enumerate(arguments)], functions=functions)
    got = compiled(*values)
    if complex_numbers is None:
        complex_numbers = sp.sympify(expr).has(sp.I) or any(np.iscomplexobj(v) for v in values)
    want = expected(expr if meaning is None else meaning, arguments, values, complex_numbers)
    assert np.shape(got) == want.shape, f"{expr}: shape {np.shape(got)}, not {want.shape}"
    if not want.shape:
        assert not isinstance(got, np.ndarray), f"{expr}: a 0-d array, not a scalar"
    found = np.asarray(got).dtype.kind
    if kind is not None:
        assert found == kind, f"{expr}: kind {found}, not {kind}"
    elif want.size:
        assert (found == "b") == isinstance(want.reshape(-1)[0], bool), f"{expr}: kind {found}"
    for one, other in zip(np.asarray(got).reshape(-1).tolist(), want.reshape(-1).tolist(), strict=True):
        assert agree(one, other, rtol, atol), f"{expr} at {values}: {one}, not {other}\n{compiled.source}"
    return got


def agree(one: Any, other: Any, rtol: float, atol: float) -> bool:
    """Are the numbers equal up to rounding, nan equal to nan, any infinity without direction equal to another?"""
    if isinstance(one, bool) or isinstance(other, bool):
        return bool(one == other)
    if cmath.isnan(one) or cmath.isnan(other):
        return cmath.isnan(one) and cmath.isnan(other)
    if cmath.isinf(one) or cmath.isinf(other):
        return bool(one == other)
    return abs(one - other) <= max(rtol * abs(other), atol)
