"""What must not grow: the time to compile very many operations, and the memory beside the result."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from ._report import Fact, Finding
from .numpify_peers import Work, many, numpified, x, y


SUITE = "numpify.limits"
SIZE = 10**7
MOST_MEMORY = 2 * 2**20  # bytes, a thread
MOST_SECONDS, MOST_OF_KERNEL = 2.0, 0.1  # of 100,000 operations with the first call, and of a kernel of 2,000

PLAIN = Work("sin(x)*y + x", sp.sin(x) * y + x, (x, y))
WHOLE = Work("x**2 + 3*x*y - y", x**2 + 3 * x * y - y, (x, y))
LOGIC = Work("x and y, or not x", sp.Or(sp.And(x, y), sp.Not(x)), (x, y))
OF_DTYPES = [
    (PLAIN, ("float64", "float32", "float16", "complex128", "complex64")),
    (WHOLE, ("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64")),
    (LOGIC, ("bool",)),
]


def measure(scale: float) -> list[Finding]:
    return [*_compiling(), *_memory(SIZE if scale >= 1 else SIZE // 10)]


def _compiling() -> list[Finding]:
    wide = hundred_thousand()
    found: list[Finding] = []
    for name, value in (("numbers", 0.5), ("10 elements", np.ones(10))):
        begun = time.process_time()
        numpified(wide, native=False)(value)
        seconds = time.process_time() - begun
        task = f"100,000 operations: compiling and the first call, {name}"
        found.append(Fact(SUITE, task, f"{seconds:.2f} s", seconds <= MOST_SECONDS))
    work = many()
    numpified(PLAIN, native=True)(*PLAIN.sweep(10))  # LLVM is imported, and what kernels share is there
    seconds = min(_first_call(work) for _ in range(3))
    text = f"{1000 * seconds:.0f} ms"
    found.append(Fact(SUITE, "a kernel of 2,000 operations: the first call", text, seconds <= MOST_OF_KERNEL))
    return found


def hundred_thousand() -> Work:
    """25,000 terms of three operations, and their sum; SymPy itself would take a minute to simplify it."""
    terms = [
        sp.Mul(k, sp.sin(sp.Mul(sp.Rational(1, k), x, evaluate=False), evaluate=False), evaluate=False)
        for k in range(2, 25_002)
    ]
    return Work("100,000 operations", sp.Add(*terms, evaluate=False), (x,))


def _first_call(work: Work) -> float:
    function, values = numpified(work, native=True), work.sweep(10)
    begun = time.process_time()
    function(*values)
    return time.process_time() - begun


def _memory(size: int) -> list[Finding]:
    """Memory beside the arguments and the result, at its peak, in NumPy and in kernels."""
    found: list[Finding] = []
    for work, dtypes in OF_DTYPES:
        for dtype in dtypes:
            values = [(np.arange(size) % 50).astype(dtype) for _ in work.arguments]
            for threads in (1, 2):
                for name, native in (("NumPy", False), ("native", True)):
                    peak = _peak(numpified(work, threads=threads, native=native), values)
                    task = f"{work.name}, {dtype}, {size:.0e} elements, {name}, threads={threads}: memory beside"
                    found.append(Fact(SUITE, task, f"{peak / 2**20:.1f} MiB", peak <= MOST_MEMORY * threads))
            del values
    return found


def _peak(function: Callable[..., Any], values: Any) -> int:
    with np.errstate(all="ignore"):
        function(*[value[:100] for value in values])  # compiles; the buffers of a large call are still to be made
        return peak_memory(lambda: function(*values))


def peak_memory(call: Callable[[], Any]) -> int:
    """Bytes beside the result, at their peak."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1] - int(result.nbytes)
    finally:
        tracemalloc.stop()
