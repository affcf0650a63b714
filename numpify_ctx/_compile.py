"""Source to function: the text compiled and shown to linecache, and the entry that chooses between emissions.

A call with nothing but Python or NumPy scalars runs over `math`, and again over NumPy scalars if `math` refuses. A
call with arrays runs over NumPy; if there are integers among them, in the form that checks integer arithmetic for
overflow.
"""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ._emit import Source, emit_arrays, emit_scalars
from ._lower import lower
from ._program import ANY, COMPLEX, REAL, Layout, Program
from ._rules import RULES


_serial = itertools.count()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled expression.

    Attributes:
        call: the function: positional, a value per parameter; `out=` for an array result. The result has the
            broadcast shape of all the arguments, behind the axes of a matrix result; from scalars it is a scalar.
        source: the plain NumPy source, one `def`.
        program: what it was emitted from.
    """

    call: Callable[..., Any]
    source: str
    program: Program


def compile_expression(
    expr: Any,
    call_signature: Sequence[tuple[Any, str]],
    *,
    functions: Mapping[Any, Callable[..., Any]] | None = None,
    cache: bool = True,
    threads: int | Literal["auto"] = 1,
) -> Compiled:
    """Compile `expr`, with an argument for each `(symbol, parameter name)`.

    >>> import sympy as sp
    >>> x, k = sp.symbols("x k")
    >>> f = compile_expression(sp.exp(-k * x), ((x, "x"), (k, "k")))
    >>> print(f.source, end="")
    def f(x, k):
        return np.exp(-k*x)
    >>> f.call(np.array([0.0, 1.0]), 2)
    array([1.        , 0.13533528])
    """
    program = lower(expr, call_signature, RULES, functions or {})
    source = emit_arrays(program, [REAL | COMPLEX] * len(program.parameters))
    return Compiled(_Entry(program, source), source.text, program)


def load(source: Source) -> Callable[..., Any]:
    """The function of a source; tracebacks and debuggers see the text, as long as the function lives."""
    filename = f"<numpify {next(_serial)}>"
    exec(compile(source.text, filename, "exec"), source.namespace)
    function: Callable[..., Any] = source.namespace[source.name]
    linecache.cache[filename] = (len(source.text), None, source.text.splitlines(keepends=True), filename)
    weakref.finalize(function, linecache.cache.pop, filename, None)
    return function


class _Entry:
    """The function that users call: arguments prepared, an emission chosen, the result given its shape."""

    __slots__ = ("_arrays", "_exact", "_missing", "_scalars", "program", "source")

    def __init__(self, program: Program, source: Source) -> None:
        self.program = program
        self.source = source
        self._arrays: Callable[..., Any] | None = None
        self._exact: Callable[..., Any] | None = None
        self._scalars: Callable[..., Any] | None = None

    def __call__(self, *args: Any, out: Any = None) -> Any:
        if len(args) != len(self.program.parameters):
            raise TypeError(f"{len(self.program.parameters)} arguments expected, {len(args)} given")
        if out is None and all(type(a) in _SCALARS for a in args):
            return self._call_scalars(args)
        result = self._call_arrays(args)
        if out is not None:
            np.copyto(out, result, casting="same_kind")
            return out
        return result

    def _call_arrays(self, args: tuple[Any, ...]) -> Any:
        values, integers, shape = prepare(args, self.program.parameter_ranks)
        result = self._function(integers)(*values)

        def finish(value: Any, node: int, seen: set[int]) -> Any:
            value = _spread(value, self.program.rank[node], shape)
            # What the caller gets is the caller's: neither an argument nor the same array twice.
            if isinstance(value, np.ndarray):
                if id(value) in seen or (
                    self.program.ops[node].view and any(np.may_share_memory(value, a) for a in values)
                ):
                    value = value.copy()
                seen.add(id(value))
            return value

        return self._arranged(result, finish)

    def _call_scalars(self, args: tuple[Any, ...]) -> Any:
        function = self._scalars
        if function is None:
            function = self._scalars = load(emit_scalars(self.program))
        plain = [_SCALARS[type(a)](a) for a in args]
        try:
            result = function(*plain)
        except (ArithmeticError, ValueError, TypeError):
            # where math raises, NumPy gives nan or inf, or takes complex numbers
            return self._call_arrays(args)
        floats = any(type(a) is float for a in plain)

        def finish(value: Any, node: int, seen: set[int]) -> Any:
            value = _spread(value, self.program.rank[node], ())
            # Piecewise may choose the integer 0 where an array would hold 0.0.
            return float(value) if type(value) is int and floats and self.program.kinds[node] & REAL else value

        return self._arranged(result, finish)

    def _function(self, integers: bool) -> Callable[..., Any]:
        if integers:
            if self._exact is None:
                self._exact = load(emit_arrays(self.program, [ANY] * len(self.program.parameters)))
            return self._exact
        if self._arrays is None:
            self._arrays = load(self.source)
        return self._arrays

    def _arranged(self, result: Any, finish: Callable[[Any, int, set[int]], Any]) -> Any:
        layout = self.program.layout
        if layout.kind == "node":
            return finish(result, layout.node, set())
        nodes = self.program.results
        seen: set[int] = set()
        return _arrange(layout, iter([finish(v, n, seen) for n, v in zip(nodes, self._several(result), strict=True)]))

    def _several(self, result: Any) -> Sequence[Any]:
        return (result,) if len(self.program.results) == 1 else result


_SCALARS: dict[type, Callable[[Any], Any]] = {
    float: float, int: int, bool: int, np.float64: float, np.int64: int, np.bool_: int,
}  # fmt: skip


def prepare(args: Sequence[Any], ranks: Sequence[int]) -> tuple[list[Any], bool, tuple[int, ...]]:
    """Arguments as arrays and NumPy scalars that compute as mathematics does; are there integers; the broadcast shape.

    Small integers and booleans become int64, Python scalars take the precision of the arrays beside them.

    >>> prepare([np.array([250], np.uint8), 2.5], (0, 0))
    ([array([250]), np.float64(2.5)], True, (1,))
    """
    values: list[Any] = [a if isinstance(a, _NUMERIC) else np.asarray(a) for a in args]
    dtypes = [v.dtype if isinstance(v, np.ndarray | np.generic) else _weak(v) for v in values]
    dtype = np.result_type(*dtypes, np.int8)
    values = [_strong(v) if isinstance(v, np.ndarray | np.generic) else _python(v, dtype) for v in values]
    shape = np.broadcast_shapes(*(np.shape(v)[r:] for v, r in zip(values, ranks, strict=True)))
    return values, any(v.dtype.kind in "iub" for v in values), shape


_NUMERIC = (np.ndarray, np.generic, bool, int, float, complex)


def _weak(value: Any) -> Any:
    return 0 if isinstance(value, int) else type(value)(0)


def _strong(value: Any) -> Any:
    """A NumPy argument: integers and booleans as int64 (floats where they do not fit), rank 0 as a scalar."""
    match value.dtype.kind:
        case "u" if value.dtype.itemsize == 8 and np.any(value > np.uint64(2**63 - 1)):
            value = value.astype(np.float64)
        case "i" | "u" | "b":
            value = value.astype(np.int64, copy=False)
    return value[()] if np.ndim(value) == 0 else value


def _python(value: Any, dtype: Any) -> Any:
    """A Python argument beside arrays of result type `dtype`, whose precision it takes."""
    if isinstance(value, int) and (dtype.kind not in "fc" or dtype in (np.float64, np.complex128)):
        return np.int64(value) if -(2**63) <= value < 2**63 else np.float64(value)
    if dtype.kind not in "fc":
        return np.complex128(value) if isinstance(value, complex) else np.float64(value)
    if isinstance(value, complex):
        return np.result_type(dtype, np.complex64).type(value)
    return np.zeros((), dtype).real.dtype.type(value)


def _spread(result: Any, rank: int, shape: tuple[int, ...]) -> Any:
    found = np.shape(result)
    if not found and not shape:
        return result[()] if isinstance(result, np.ndarray) else result
    if found[rank:] == shape:
        return result
    result = np.asarray(result)
    lead = found[:rank]
    pad = (1,) * (len(shape) - len(found[rank:]))
    return np.broadcast_to(result.reshape(lead + pad + found[rank:]), lead + shape).copy()


def _arrange(layout: Layout, values: Any) -> Any:
    match layout.kind:
        case "node":
            return next(values)
        case "list":
            return [_arrange(item, values) for item in layout.items]
        case "tuple":
            return tuple(_arrange(item, values) for item in layout.items)
    return {key: _arrange(item, values) for key, item in zip(layout.keys, layout.items, strict=True)}
