"""A program of complex numbers over `cmath` and Python's operators, where these come to what NumPy comes to.

They add, multiply and divide by the same formulas, and have the same signs of zeros; `cmath` differs from the C
library in the last place. But they are silent where NumPy warns. So a result that is not finite is refused, and goes to
NumPy: sums, products and most functions of what is not finite are not finite. A quotient is, by such a divisor, and so
are `exp`, `tan` and `tanh`: these look at what they get. Division by 0, and what overflows in a function, raises.
"""

from __future__ import annotations

import cmath
import sys
from collections.abc import Sequence

from .._kinds import COMPLEX, INT, REAL
from .._program.ir import CONST, PARAM, Math, Program
from .._runtime.numbers import numpy_alone
from .common import ATOM
from .scalars import ScalarEmitter, is_exact
from .suites import Source, Suite, Text


_FUNCTIONS = frozenset({"exp", "sin", "cos", "tan", "sinh", "cosh", "tanh"})
_BOUNDED = frozenset({"exp", "tan", "tanh"})  # of infinity, some number
_LARGE = "1e300"  # by what is larger, or smaller than its inverse, NumPy's division overflows on the way
_SMALL = "1e-300"
_ARITHMETIC = frozenset({"sum", "product", "quotient", "negative"})


def emit_complex(program: Program, kinds: Sequence[int]) -> Source | None:
    """Source for numbers that are `complex`, `float` or `int`, by the kinds; None if Python's operators do not serve.

    It gives a complex number, or raises `LeftToNumPy` or what `math` raises.
    """
    # From 3.14 on, a float times a complex number is two products in Python, which has other signs of zeros.
    if sys.version_info >= (3, 14) or len(program.results) != 1 or program.large:
        return None
    emitter = ComplexEmitter(program, kinds)
    is_known = all(map(emitter.is_known, range(len(program.ops))))
    return emitter.source() if is_known and emitter.kinds[program.results[0]] == COMPLEX else None


class ComplexEmitter(ScalarEmitter):
    """Knows of each argument whether it is complex."""

    def __init__(self, program: Program, parameter_kinds: Sequence[int]) -> None:
        super().__init__(program, parameter_kinds)
        self.namespace["cmath"] = cmath
        self.looked_at: set[tuple[int, str]] = set()
        self.among_complex = self._meeting_complex()

    def is_known(self, node: int) -> bool:
        """Do Python's operators and `cmath` come to what NumPy comes to?"""
        op = self.ops[node]
        if op is CONST:
            value = self.data[node]
            return (isinstance(value, float | complex) and abs(value) < float(_LARGE)) or is_exact(value)
        if op is PARAM:
            return True
        is_function = op.form == "call" and isinstance(op.math, Math) and op.math.name in _FUNCTIONS
        return (is_function or op.form in _ARITHMETIC) and self.kinds[node] in (INT, REAL, COMPLEX)

    def _meeting_complex(self) -> set[int]:
        """Real constants that meet complex numbers alone: Python is twice as fast with two of one type."""
        found = {n for n, op in enumerate(self.ops) if op is CONST and type(self.data[n]) in (int, float)}
        others = set(self.program.results)
        for node, args in enumerate(self.args):
            if not found.isdisjoint(args):
                rest = [a for a in args if a not in found]
                if not rest or self.ops[node].form == "call" or any(self.kinds[a] != COMPLEX for a in rest):
                    others.update(args)
        return {n for n in found - others if self.data[n]}

    def const(self, node: int) -> Text:
        return self.constant(complex(self.data[node])) if node in self.among_complex else super().const(node)

    def call(self, node: int, operands: list[str]) -> Text:
        op = self.ops[node]
        assert isinstance(op.math, Math)
        module = "cmath" if self.kinds[node] == COMPLEX else "math"
        return f"{module}.{op.math.name}({', '.join(operands)})", ATOM

    def write(self, suite: Suite, node: int) -> Text:
        op, args = self.ops[node], self.args[node]
        if op.form == "quotient" and self.ops[args[1]] is CONST:
            if self.kinds[args[0]] == COMPLEX and type(self.data[args[1]]) is not complex:
                # As arrays are divided: each part, rounded once.
                number, divisor = self._named(suite, args[0]), self.constant(float(self.data[args[1]]))[0]
                made = self.inject("complex", complex)
                return f"{made}({number}.real/{divisor}, {number}.imag/{divisor})", ATOM
        elif op.form == "quotient":
            self._look_at(suite, args[1], f"{_SMALL} < ")
        elif isinstance(op.math, Math) and op.math.name in _BOUNDED:
            self._look_at(suite, args[0])
        return super().write(suite, node)

    def _named(self, suite: Suite, node: int) -> str:
        if not suite.text[node][0].isidentifier():
            suite.text[node] = self.assign(suite, suite.text[node][0])
        return suite.text[node][0]

    def _look_at(self, suite: Suite, node: int, least: str = "") -> None:
        """Refuse what is not finite, or nearly so."""
        if self.ops[node] is not CONST and (node, least) not in self.looked_at:
            self.looked_at.add((node, least))
            size, rest = self.inject("size", abs), self.inject("rest", numpy_alone)
            suite.add(f"if not {least}{size}({self._named(suite, node)}) < {_LARGE}: {rest}()")

    def returned(self, suite: Suite) -> str:
        result = self._named(suite, self.program.results[0])
        return f"{result} if cmath.isfinite({result}) else {self.inject('rest', numpy_alone)}()"
