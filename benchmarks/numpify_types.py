"""Arrays of other types than float64, and elementary functions alone: numpify beside lambdify.

The allocator is warm, as in `numpify_native`; without the extra `fast` there are only the rows of NumPy. Of the peers,
numexpr, numba and jax take other types. They choose their own: numexpr computes short integers in int32, jax in the
type that it is given, both without a word of overflow, and numba in int64, as we do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from ._report import Finding, beside_fastest, rows
from ._timing import in_turn
from .numpify_native import EXTREMA, GENERAL_POWER, LOGARITHMS, PRODUCT
from .numpify_peers import INTEGERS, PEERS, Work, lambdified, numpified, x, y


SUITE = "numpify.types"
OURS = "numpify, native"
SIZES = (10**3, 10**5, 10**6)

SUM = Work("x + y", x + y, (x, y))
COMPARED = Work("x < y", x < y, (x, y))
LOGIC = Work("x and y, or not x", sp.Or(sp.And(x, y), sp.Not(x)), (x, y))
SINE = Work("sin(x)*y", sp.sin(x) * y, (x, y))
POWERS = Work("x**7 + x**-3", x**7 + x**-3, (x,))
RATIO = Work("quotient", (x + sp.I * y) / (x - sp.I * y + 1), (x, y))
THIRD = Work("x/3", x / 3, (x,))
PHASE = Work("exp(I*x*y)", sp.exp(sp.I * x * y), (x, y))
COMPLEX = Work("sin, cos and sqrt", sp.sin(x) * sp.cos(y) + sp.sqrt(x), (x, y))
ROUND = Work("Mod, sinc, acot, sech", sp.Mod(x, y) * x + sp.sinc(y) + sp.acot(x) + sp.sech(x), (x, y))
OF_DTYPES = [
    (SUM, ("int8", "uint8", "int16", "int32", "int64", "float32")),
    (COMPARED, ("int8", "int32", "int64", "float32")), (LOGIC, ("bool",)), (INTEGERS, ("int8", "int32", "int64")),
    (EXTREMA, ("int8", "int32", "float32")), (SINE, ("int32", "float32")),
    (PRODUCT, ("float32",)), (POWERS, ("float32",)), (LOGARITHMS, ("float32",)),
    (GENERAL_POWER, ("float32", "float64")),
    (RATIO, ("complex128", "complex64")), (THIRD, ("complex128",)), (PHASE, ("complex128", "complex64")),
    (COMPLEX, ("complex128", "complex64")),
    (ROUND, ("float64",)),
]  # fmt: skip
# Of the peers, those that take other types than float64, and what they have no form of.
TYPED = ("numexpr", "numba", "jax.jit")
_WITHOUT = {(EXTREMA, "numexpr"), (ROUND, "numexpr"), (LOGIC, "numba")}

ELEMENTARY = (
    sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh, sp.asin, sp.acos, sp.atan, sp.asinh, sp.atanh,
    sp.sqrt, sp.cbrt,
)  # fmt: skip


def measure(scale: float) -> list[Finding]:
    warm = np.ones(4 * 10**6)
    del warm
    found: list[Finding] = []
    for work, dtypes in OF_DTYPES:
        for dtype in dtypes:
            for size in SIZES:
                found += _of_dtype(work, dtype, size, scale, [p for p in TYPED if (work, p) not in _WITHOUT])
    for function in ELEMENTARY:
        for dtype in ("float32", "float64"):
            found += _of_dtype(Work(f"{function.__name__}(x)", function(x), (x,)), dtype, 10**5, scale)
    return found


def _of_dtype(work: Work, dtype: str, size: int, scale: float, peers: Sequence[str] = ()) -> list[Finding]:
    from numpify_ctx._emission.native.machine import why_unavailable

    numbers = np.random.default_rng(0).integers(1, 50, (2, size))
    values = [(row if "int" in dtype else row / 51).astype(dtype) for row in numbers[: len(work.arguments)]]
    theirs, plainly = lambdified(work, cse=True), numpified(work, native=False)
    calls: dict[str, Any] = {"lambdify, cse": lambda: theirs(*values), "numpify, NumPy": lambda: plainly(*values)}
    if why_unavailable() is None:
        ours = numpified(work, native=True)
        calls[OURS] = lambda: ours(*values)
    compiled = {name: PEERS[name](work, values) for name in peers}
    calls |= {name: call for name, call in compiled.items() if call is not None}
    with np.errstate(all="ignore"):
        times = in_turn(calls, rounds=max(5, round(scale * 20)), warm=3)
    name = f"{work.name}, {dtype}"
    # To be exact costs integers something: the result is int64, whatever the arguments.
    most = 2.0 if dtype in ("int8", "uint8", "int16", "int32") else 1.1
    task = f"{name}, {size:.0e} elements"
    found = rows(SUITE, task, times, "lambdify, cse", {OURS: most}, name, size)
    others = [peer for peer in peers if peer in calls]
    return [*found, *(beside_fastest(SUITE, task, times, OURS, others, 1.3, name, size) if OURS in calls else [])]
