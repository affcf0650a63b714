"""The example that stands beside each rule, and the symbols and values that examples are made of.

The page of functions and the tests of every rule make themselves from these; nothing is computed before they ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy.tensor.array.expressions import ArraySymbol


x, y, z, t = sp.symbols("x y z t")
n, k, m, i, j = sp.symbols("n k m i j", integer=True)
A, B = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("B", 2, 2)
v, w = sp.MatrixSymbol("v", 2, 1), sp.MatrixSymbol("w", 2, 1)
u = sp.IndexedBase("u", shape=(3,))
C, D = ArraySymbol("C", (2, 2)), ArraySymbol("D", (2, 2))

# What examples are computed at: x < 1 < y, so that each of two functions inverse to each other has its domain.
VALUES: dict[Any, Any] = {
    x: 0.7, y: 1.6, z: 0.35, n: 4, k: 2, m: 1,
    A: np.array([[2.0, 0.5], [0.25, 1.5]]), B: np.array([[1.0, -0.5], [0.75, 2.0]]),
    v: np.array([[0.5], [2.0]]), w: np.array([[1.5], [-1.0]]),
    u: np.array([1.5, -0.5, 2.0]), C: np.array([[2.0, 0.5], [0.25, 1.5]]), D: np.array([[1.0, -0.5], [0.75, 2.0]]),
}  # fmt: skip

# Notes that many functions share.
NAN = "real: nan where it is not real"
POLE = "inf or nan at poles"


@dataclass(frozen=True, slots=True)
class Example:
    """An expression that shows a rule.

    Attributes:
        expr: makes the expression.
        note: on the domain, for the page.
        meaning: makes what it is worth where SymPy has no value for it: an expression that means the same, a number,
            or an array.
        refused: it has no value, and does not compile.
    """

    expr: Callable[[], Any]
    note: str = ""
    meaning: Callable[[], Any] | None = None
    refused: bool = False
