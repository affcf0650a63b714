"""What is left to NumPy, since its own loops are faster there than ours.

On Linux, where the processor has AVX-512, NumPy computes most elementary functions in vectors of their own. A kernel
then gains on the arithmetic around, which it does not carry through memory, and may lose on the function. Where it
loses more than it gains, NumPy computes what it is faster at, and kernels what is between.

The numbers are measured, by `python -m benchmarks.native_costs`; they depend on the processor, the order hardly does.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence

from ..._program.ir import Program
from ..._program.walk import reach
from .machine import core_of_numpy
from .types import Types


# Of a kernel and of NumPy, for float64 and float32: tenths of nanoseconds an element. What is not here is faster in
# kernels: sin and cos, of doubles, and what NumPy has no vector form of.
_COSTS = {
    "exp": ((9, 8), (3, 5)), "exp2": ((10, 7), (11, 3)), "expm1": ((10, 12), (11, 4)), "log": ((9, 8), (4, 4)),
    "log2": ((9, 10), (12, 3)), "log10": ((10, 9), (11, 3)), "log1p": ((12, 10), (11, 5)), "sinh": ((16, 12), (17, 4)),
    "cosh": ((12, 10), (13, 4)), "tanh": ((16, 17), (17, 4)), "power": ((32, 24), (33, 7)), "cbrt": ((24, 10), (17, 4)),
    "hypot": ((11, 68), (12, 40)), "sin": ((18, 84), (4, 6)), "cos": ((17, 82), (4, 6)), "tan": ((21, 14), (23, 4)),
    "arcsin": ((18, 13), (19, 4)), "arccos": ((20, 14), (20, 5)), "arctan": ((17, 13), (17, 4)),
    "arctan2": ((25, 22), (26, 6)), "arcsinh": ((27, 21), (27, 7)), "arccosh": ((25, 22), (24, 7)),
    "arctanh": ((18, 16), (19, 5)), "angle": ((26, 45), (28, 17)),
}  # fmt: skip
_SIZE = ((11, 9), (6, 4))  # abs of complex numbers, by the type of the result
_DTYPES = {"d": 0, "f": 1}
_AN_OPERATION = (2, 1)  # what a kernel gains on one of arithmetic
_A_SELECTION = 30  # and on one of a Piecewise
_A_LOGARITHM = 20  # of a power, which others of the same base share
_MOST_LOST = 1  # of a function: so much less is not worth a result that goes through memory


@functools.cache
def numpy_has_vectors() -> bool:
    """Has NumPy vector forms of the elementary functions here?"""
    return sys.platform == "linux" and bool(core_of_numpy().__cpu_features__.get("AVX512_SKX"))


def left_to_numpy(program: Program, types: Types, wanted: Sequence[int]) -> list[int]:
    """The nodes that NumPy had better compute: none, unless a kernel of them all would lose."""
    if not numpy_has_vectors():
        return []
    gains: dict[int, int] = {}
    bases: set[int] = set()
    for node in sorted(reach(wanted, program.args.__getitem__, ())):
        if types.native[node]:
            gains[node] = _gain(program, types, node)
            if program.ops[node].native == "power":
                base = program.args[node][0]
                if base in bases:  # its logarithm, which is most of the work, is there
                    gains[node] += _A_LOGARITHM
                bases.add(base)
    if sum(gains.values()) >= 0:
        return []
    # Alone, whatever is lost is lost.
    bearable = -_MOST_LOST if len(gains) > 1 else 0
    return [n for n, gain in gains.items() if gain < bearable]


def _gain(program: Program, types: Types, node: int) -> int:
    """How much faster a kernel is at a node than NumPy."""
    op = program.ops[node]
    column = _DTYPES.get(types.of[node])
    if column is None:
        return 0
    if op.form == "select":
        return _A_SELECTION
    if op.form != "call":
        return _AN_OPERATION[column] * max(len(program.args[node]) - 1, 1)
    of_complex = op.native == "abs" and types.of[program.args[node][0]] in ("D", "F")
    costs = _SIZE if of_complex else _COSTS.get(op.native or "")
    if costs is None:
        return _AN_OPERATION[column]
    ours, numpys = costs[column]
    return numpys - ours
