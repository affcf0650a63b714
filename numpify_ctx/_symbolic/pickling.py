"""Expressions as flat data, so that a function's expression comes back as it was, however deep or shared.

SymPy's own pickles recurse, and evaluate when loaded: `x + x` unevaluated comes back as `2*x`, `sin(0)` as 0. Here each
node is stored once, as its class and the numbers of its parts, and is rebuilt with evaluation off. What does not come
back the same that way is left to SymPy, node by node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from .nodes import UndefinedFunction, implemented_function


Build = Callable[..., Any]
Packed = list[tuple[Build | None, Any]]
"""`(None, leaf)`, or `(how to build it, numbers of its parts)`; parts before wholes, the whole last."""


def pack(symbolic: Any) -> Packed:
    """An expression, or lists, tuples, dicts and matrices of them, as flat data.

    >>> x = sp.Symbol("x")
    >>> pack(sp.Add(x, x, evaluate=False))
    [(None, x), (<class 'sympy.core.add.Add'>, (0, 0))]
    """
    packed: Packed = []
    plans: dict[int, tuple[Build | None, Sequence[Any]]] = {}
    numbers: dict[int, int] = {}
    # By id, as nodes that compare equal may still print and compute differently; and kept, as an id may come again.
    kept, stack = [symbolic], [symbolic]
    with sp.evaluate(False):
        while stack:
            node = stack[-1]
            key = id(node)
            if key not in plans:
                plans[key] = _plan(node)
            build, parts = plans[key]
            missing = [part for part in parts if id(part) not in numbers]
            if missing:
                kept.extend(missing)
                stack.extend(missing)
                continue
            stack.pop()
            if key not in numbers:
                numbers[key] = len(packed)
                packed.append((None, node) if build is None else (build, tuple(numbers[id(part)] for part in parts)))
    return packed


def unpack(packed: Packed) -> Any:
    """What was packed; law: `unpack(pack(expr))` has the same classes and the same parts, all the way down.

    >>> x = sp.Symbol("x")
    >>> unpack(pack([sp.Add(x, x, evaluate=False), {"k": x + 1}]))
    [x + x, {'k': x + 1}]
    """
    made: list[Any] = []
    with sp.evaluate(False):
        for build, content in packed:
            made.append(content if build is None else build(*(made[number] for number in content)))
    return made[-1]


def _plan(node: Any) -> tuple[Build | None, Sequence[Any]]:
    """How to build a node, and of what; None for one that is stored as it is."""
    match node:
        case list():
            return _list, node
        case tuple():
            return _tuple, node
        case dict():
            return _Keyed(tuple(node)), list(node.values())
        case sp.MutableDenseMatrix():
            return _Shaped(node.rows, node.cols), node.flat()
        case sp.Basic(args=(_, *_)) if _comes_back(node):
            kind = type(node)
            implemented = isinstance(kind, UndefinedFunction) and hasattr(kind, "_imp_")
            return _Implemented.of(kind) if implemented else kind, node.args
        case _:
            return None, ()


def _comes_back(node: sp.Basic) -> bool:
    """Whether the class makes the same node of its parts: of these very parts, or of copies one level down."""
    try:
        twin = type(node)(*node.args)
    except Exception:  # whatever a constructor may raise: then SymPy's own way is taken, and its errors are seen
        return False
    return type(twin) is type(node) and _same(twin.args, node.args, depth=1)


def _same(ones: Sequence[Any], others: Sequence[Any], *, depth: int) -> bool:
    return len(ones) == len(others) and all(
        one is other
        or (depth > 0 and type(one) is type(other) and bool(one.args) and _same(one.args, other.args, depth=depth - 1))
        for one, other in zip(ones, others, strict=True)
    )


def _list(*parts: Any) -> list[Any]:
    return list(parts)


def _tuple(*parts: Any) -> tuple[Any, ...]:
    return parts


@dataclass(frozen=True, slots=True)
class _Keyed:
    """Makes a dict of its values."""

    keys: tuple[Any, ...]

    def __call__(self, *values: Any) -> dict[Any, Any]:
        return dict(zip(self.keys, values, strict=True))


@dataclass(frozen=True, slots=True)
class _Shaped:
    """Makes a mutable matrix of its entries."""

    rows: int
    columns: int

    def __call__(self, *entries: Any) -> sp.Matrix:
        return sp.Matrix(self.rows, self.columns, entries)


@dataclass(frozen=True, slots=True)
class _Implemented:
    """Applies a function that SymPy's `implemented_function` made, and whose class SymPy cannot pickle."""

    name: str
    assumptions: Mapping[str, Any]
    implementation: Callable[..., Any]

    @classmethod
    def of(cls, kind: Any) -> _Implemented:
        assumptions = {fact: value for fact, value in kind._kwargs.items() if fact != "_imp_"}
        return cls(kind.__name__, assumptions, kind._imp_)

    def __call__(self, *args: Any) -> Any:
        return implemented_function(self.name, self.implementation, **self.assumptions)(*args)
