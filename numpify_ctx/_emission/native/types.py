"""The type of each node of a program, as NumPy's promotion has it, as far as a kernel computes it.

Types are NumPy's characters: `?` bool, `q` int64, `f` and `d` floats, `F` and `D` complex numbers. A node without a
type (None) is left to NumPy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..._kinds import BOOL, COMPLEX, INT, REAL
from ..._program.bounds import may_overflow
from ..._program.ir import BOUND, CONST, PARAM, Operator, Program, Region, infer_kinds
from . import complexes
from .composed import COMPOSED, QUOTIENTS
from .functions import FUNCTIONS


KIND_OF_TYPE = {"?": BOOL, "q": INT, "f": REAL, "d": REAL, "F": COMPLEX, "D": COMPLEX}
_OF_KIND = {BOOL: "?", REAL: "d", COMPLEX: "D"}
_SHORT = frozenset("fF")
_EQUALITIES = frozenset({"==", "!="})
_KEEP = frozenset({"minimum", "maximum", "sign", "conjugate", "floor"})  # the result is as the operands are
_REAL = {"F": "f", "D": "d"}


class Types:
    """Types for one program and arguments of certain types.

    Attributes:
        of: for each node, its type; None if it is not known to be one of these. Of a constant, the Python value.
        native: for each node, whether a kernel can compute it from its operands.
    """

    def __init__(self, program: Program, parameters: Sequence[str], kinds: Sequence[int], checked: bool) -> None:
        self._program = program
        self._kinds = infer_kinds(program, kinds)
        self._checked = checked
        self._is_long = _SHORT.isdisjoint(parameters)
        self.of: list[Any] = []
        self.native: list[bool] = []
        # The bits above the parameters' are those of bound variables: within a loop, no kernel is called.
        bound = ~((1 << len(program.parameters)) - 1)
        for node, op in enumerate(program.ops):
            found: Any = None
            if op is PARAM:
                found = None if program.rank[node] else parameters[program.data[node]]
            elif op is CONST:
                found = program.data[node]
            elif op is not BOUND and not program.deps[node] & bound and not program.rank[node]:
                found = self._computed(node)
            self.native.append(found is not None and bool(program.args[node]))
            if found is None:
                found = self._assumed(node)
            self.of.append(found)

    def _assumed(self, node: int) -> str | None:
        """The type of what NumPy computes; known where nothing is shorter than double."""
        op = self._program.ops[node]
        if not self._is_long or op.foreign or op is PARAM or self._program.rank[node] or op is BOUND:
            return None
        # Nothing among the arguments is shorter, and promotion makes nothing so: a real number is a double.
        return _OF_KIND.get(self._kinds[node])

    def _computed(self, node: int) -> str | None:
        program = self._program
        op, data = program.ops[node], program.data[node]
        types = [self.of[a] for a in program.args[node]]
        if type(data) is Region or any(t is None for t in types) or any(program.rank[a] for a in program.args[node]):
            return None
        rule = _FORMS.get(op.form)
        if op.form == "call":
            if op.native is None or (data is not None and op.native not in QUOTIENTS):
                return None
            rule = CALLS.get(op.native)
        found = None if rule is None else rule(op, types)
        if found == "q" and may_overflow(program, self._kinds, node, self._checked):
            return None
        return found


def strong(types: Sequence[Any]) -> str | None:
    """The common type of operands; of constants, the Python values, which are weak."""
    return _common(tuple([t if type(t) is str else _Weak(type(t)) for t in types]))


def common_type(types: Sequence[Any]) -> str | None:
    """The type of an array with entries of these types, constants among them; None if kernels have none such."""
    if any(type(t) is int and not -(2**63) <= t < 2**63 for t in types):
        return None
    return strong(types) if types else "d"


class _Weak:
    """A Python number of some type, whichever it is."""

    __slots__ = ("type",)

    def __init__(self, kind: type) -> None:
        self.type = kind

    def __eq__(self, other: object) -> bool:
        return type(other) is _Weak and other.type is self.type

    def __hash__(self) -> int:
        return hash(self.type)


@functools.lru_cache(maxsize=1024)
def _common(types: tuple[str | _Weak, ...]) -> str | None:
    # NumPy itself decides; a Python number is weak, so that any of its type stands for all.
    found = np.result_type(*(np.dtype(t) if isinstance(t, str) else t.type(0) for t in types))
    return found.char if found.char in "?qfdFD" else ("q" if found == np.int64 else None)


def _chain(op: Any, types: Sequence[Any]) -> str | None:
    # From the left, as NumPy promotes: int + int + float is not the common type of all three at each step.
    total = types[0]
    for t in types[1:]:
        total = strong([total, t])
    found = strong([total])
    # Sums of booleans are logic to NumPy.
    return None if found == "?" or (found == "q" and "?" in types) else found


def _floating(op: Any, types: Sequence[Any]) -> str | None:
    found = strong(types)
    # Of int64, NumPy's functions give doubles; of bool, half precision, which is left to it.
    return "d" if found == "q" else None if found == "?" else found


def _compare(op: Any, types: Sequence[Any]) -> str | None:
    found = strong(types)
    assert isinstance(op.numpy, Operator)
    if found is None or (found in "FD?" and op.numpy.symbol not in _EQUALITIES):
        return None
    return "?" if found != "?" or all(t == "?" for t in types) else None


def _logic(op: Any, types: Sequence[Any]) -> str | None:
    return "?" if all(t == "?" or type(t) is bool for t in types) else None


def _select(op: Any, types: Sequence[Any]) -> str | None:
    if any(t != "?" for t in types[:-1:2]):
        return None
    return strong([*types[1::2], types[-1]])


def _function(op: Any, types: Sequence[Any]) -> str | None:
    found = _floating(op, types)
    return None if found in ("F", "D") and op.native not in complexes.FUNCTIONS else found


def _angle(op: Any, types: Sequence[Any]) -> str | None:
    found = _floating(op, types)
    return found if found is None else _REAL.get(found, found)


def _of_floats(op: Any, types: Sequence[Any]) -> str | None:
    # Integers have remainders of their own, which are exact; beside a float they count as floats.
    found = strong(types)
    return found if found in ("f", "d") else None


def _keep(op: Any, types: Sequence[Any]) -> str | None:
    found = strong(types)
    return None if found == "?" or (found in ("F", "D") and op.native != "conjugate") else found


def _real_part(op: Any, types: Sequence[Any]) -> str | None:
    found = _keep(op, types) if types[0] not in ("F", "D") else types[0]
    return found if found is None else _REAL.get(found, found)


def _imaginary_part(op: Any, types: Sequence[Any]) -> str | None:
    return _REAL.get(types[0]) if type(types[0]) is str else None


def _test(op: Any, types: Sequence[Any]) -> str | None:
    return "?" if types[0] in ("f", "d") else None


_FORMS: dict[str, Callable[[Any, Sequence[Any]], str | None]] = {
    "sum": _chain, "product": _chain, "negative": _chain, "quotient": _floating, "compare": _compare,
    "logic": _logic, "select": _select,
}  # fmt: skip
CALLS: dict[str, Callable[[Any, Sequence[Any]], str | None]] = {
    **dict.fromkeys([*FUNCTIONS, *COMPOSED], _function),
    **dict.fromkeys(["mod", *QUOTIENTS], _of_floats),
    **dict.fromkeys(_KEEP, _keep),
    "sqrt": _function, "angle": _angle, "abs": _real_part, "real": _real_part, "imag": _imaginary_part,
    "logical_not": _logic, "isnan": _test, "isinf": _test, "heaviside": _function,
}  # fmt: skip
