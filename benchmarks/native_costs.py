"""What elementary functions cost, in kernels and in NumPy's own loops: `python -m benchmarks.native_costs`.

Prints the table of `numpify_ctx/_emission/native/costs.py`: tenths of nanoseconds an element, of 10,000 that stay in
the cache, processor time. Where NumPy has vector loops of its own (Linux, AVX-512), some are faster than ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from numpify_ctx._emission.native.frame import Operand, kernel_text
from numpify_ctx._emission.native.functions import FUNCTIONS, OF_TWO
from numpify_ctx._emission.native.machine import Kernel, compiled, machine
from numpify_ctx._emission.native.single import SINGLE
from numpify_ctx._emission.native.vectors import DOUBLE, FLOAT, Vector

from ._timing import in_turn, use_clock


COUNT = 10_000


def kernel(name: str, dtype: str) -> Kernel:
    """The kernel of one function, as a program has it."""

    def write(body: Any, values: Any) -> Any:
        operands = [v[0] for v in values]
        if dtype == "f" and name not in SINGLE:
            result: Vector = body.function(name, *(o.converted(DOUBLE) for o in operands))
            return [(result.converted(FLOAT),)]
        return [(body.function(name, *operands),)]

    kinds = dtype * (2 if name in OF_TWO else 1)
    return compiled(kernel_text([Operand(dtype)] * len(kinds), [dtype], write, machine().target), kinds, dtype)


def cost(name: str, dtype: str) -> tuple[int, int]:
    """Tenths of nanoseconds an element: of the kernel, and of NumPy's function."""
    low = 1.05 if name == "arccosh" else 0.1
    rng = np.random.default_rng(0)
    operands = [rng.uniform(low, low + 0.85, COUNT).astype(dtype) for _ in range(2 if name in OF_TWO else 1)]
    out = np.empty_like(operands[0])
    ours, theirs = kernel(name, dtype), getattr(np, name)
    times = in_turn({"ours": lambda: ours.ufunc(*operands, out=out), "theirs": lambda: theirs(*operands, out=out)})
    return round(1e10 * times.best("ours") / COUNT), round(1e10 * times.best("theirs") / COUNT)


def main() -> None:
    """Print the table."""
    use_clock("cpu")
    print("# Of a kernel and of NumPy, for float64 and float32: tenths of nanoseconds an element.")
    for name in FUNCTIONS:
        print(f'    "{name}": ({cost(name, "d")}, {cost(name, "f")}),', flush=True)


if __name__ == "__main__":
    main()
