"""Expression to compiled function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ._cache import CACHE
from ._emission.native.machine import why_unavailable
from ._errors import CompileError
from ._execution.entry import Entry
from ._execution.threads import Threads, checked_threads
from ._lowering.rules import RULES
from ._lowering.walk import lower
from ._program.promotion import promoted
from ._program.shared import shortened
from ._program.signs import without_signs
from ._symbolic.flatten import Flat
from ._symbolic.key import key_of
from ._symbolic.names import Signature
from ._symbolic.text import short


def compile_expression(
    expr: object,
    call_signature: Signature,
    *,
    functions: Mapping[Any, Callable[..., Any]] | None = None,
    cache: bool = True,
    threads: Threads = 1,
    native: bool | None = None,
    flat: Flat | None = None,
) -> Entry:
    """Compile `expr`, with an argument for each `(symbol, parameter name)`; `flat` is where it was flattened, if so.

    The function takes a value for each parameter, by position, and `out=` for an array result. The result has the
    broadcast shape of all the arguments, behind the axes of a matrix result; from scalars it is a scalar: a Python
    number where Python has its precision (bool, int64, float64, complex128), else a NumPy scalar.

    >>> import numpy as np
    >>> import sympy as sp
    >>> x, k = sp.symbols("x k")
    >>> f = compile_expression(sp.exp(-k * x), ((x, "x"), (k, "k")))
    >>> print(f.source, end="")
    def f(x, k):
        return np.exp(-k*x)
    >>> f(np.array([0.0, 1.0]), 2)
    array([1.        , 0.13533528])
    """
    threads = checked_threads(threads)
    _check_native(native)
    functions = {} if functions is None else functions
    if not isinstance(functions, Mapping):
        raise TypeError(
            f"cannot take functions={short(functions)}: it is of type {type(functions).__name__}; "
            "pass a mapping from function classes to callables"
        )
    key = key_of(expr, call_signature, functions, threads, native, flat=flat) if cache else None
    known: Entry | None = None if key is None else CACHE.get(key)
    if known is not None:
        return known
    program = promoted(shortened(lower(expr, call_signature, RULES, functions)))
    compiled = Entry(without_signs(program), threads, native=native)
    return compiled if key is None else CACHE.put(key, compiled)


def _check_native(native: object) -> None:
    if native is not None and not isinstance(native, bool):
        raise TypeError(
            f"native must be True, False or None, got {short(native)}; None compiles to machine code where it pays"
        )
    if native and (why := why_unavailable()) is not None:
        raise CompileError(f"cannot compile to machine code, as native=True asks for: {why}")
