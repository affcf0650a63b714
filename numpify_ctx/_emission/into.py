"""A form that writes its result into an array of the caller's, where a ufunc computes that result last."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from .load import load
from .suites import Source


_LONGEST = 1200  # characters: of more operations, what is saved is little
# What operators call. A power is not among them: some exponents have functions of their own.
_BINARY: Mapping[type, np.ufunc] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide,
}  # fmt: skip
_COMPARE: Mapping[type, np.ufunc] = {
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal, ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}  # fmt: skip


def writing(form: Callable[..., Any]) -> Callable[..., Any] | None:
    """A generated function with one more parameter, an array that it writes its result into and hands back.

    Law: what it gives is what `np.copyto(out, form(...), casting="same_kind")` leaves, wherever that is no error; what
    it reads of arguments, it reads before it writes to `out`, which may be one of them.

    None if it is long, or no ufunc is called last.

    >>> form = load(Source("def f(x, y):\\n    t0 = x*y\\n    return t0 + 1\\n", "f", {"np": np}))
    >>> x = np.array([1.0, 2.0])
    >>> writing(form)(x, x, x), x
    (array([2., 5.]), array([2., 5.]))
    """
    assert isinstance(form, FunctionType)
    text = "".join(linecache.getlines(form.__code__.co_filename))
    if not text or len(text) > _LONGEST:
        return None
    [function] = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    last = function.body[-1]
    found = _last_call(last.value, form.__globals__) if isinstance(last, ast.Return) else None
    if found is None:
        return None
    ufunc, operands = found
    given = ", ".join(str(ast.get_source_segment(text, operand)) for operand in operands)
    head, *lines = text.splitlines()[: last.lineno - 1]
    # By its keyword, as NumPy warns of a third operand of np.maximum.
    lines = [head.replace("):", ", out):"), *lines, f"    return _last({given}, out=out)"]
    return load(Source("\n".join(lines) + "\n", form.__name__, {**form.__globals__, "_last": ufunc}))


def _last_call(value: ast.expr | None, namespace: dict[str, Any]) -> tuple[np.ufunc, list[ast.expr]] | None:
    """The ufunc that an expression calls last, and what it is given."""
    found: Any = None
    operands: list[ast.expr] = []
    match value:
        case ast.BinOp(left, operator, right) if type(operator) in _BINARY:
            found, operands = _BINARY[type(operator)], [left, right]
        case ast.Compare(left, [operator], [right]) if type(operator) in _COMPARE:
            found, operands = _COMPARE[type(operator)], [left, right]
        case ast.UnaryOp(ast.USub(), operand):
            found, operands = np.negative, [operand]
        case ast.Call(ast.Attribute(ast.Name("np"), name), operands, []):
            found = getattr(np, name)
        case ast.Call(ast.Name(name), operands, []):
            found = namespace[name]
    is_one = isinstance(found, np.ufunc) and (found.nin, found.nout) == (len(operands), 1)
    return (found, operands) if is_one else None
