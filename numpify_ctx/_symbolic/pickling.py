"""Expressions as flat data, so that a function's expression comes back as it was, however deep or shared.

SymPy's own pickles recurse, and evaluate when loaded: `x + x` unevaluated comes back as `2*x`, `sin(0)` as 0. Here each
node is stored once, as its class and the numbers of its parts, and is rebuilt by its class, which is told in the call
not to evaluate. SymPy's global switch for that is never touched: an interrupt would leave it off, and while it is off
other threads find in SymPy's cache what was not evaluated. What does not come back the same that way is left to SymPy,
node by node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from .flatten import Flat
from .nodes import UndefinedFunction, implemented_function


Build = Callable[..., object]
Packed = list[tuple[Build | None, object]]
"""`(None, leaf)`, or `(how to build it, numbers of its parts)`; parts before wholes, the whole last."""


def pack(symbolic: object) -> Packed:
    """An expression, or lists, tuples, dicts and matrices of them, as flat data.

    >>> x = sp.Symbol("x")
    >>> pack(sp.Add(x, x, evaluate=False))
    [(None, x), (_Unevaluated(kind=<class 'sympy.core.add.Add'>), (0, 0))]
    """
    flat = Flat()
    root = flat.number(symbolic)
    builds: dict[int, Build | None] = {}
    needed = {root}
    # From the whole to its parts: of what is stored as it is, the parts need not be stored.
    for number in range(root, -1, -1):
        if number in needed:
            build = builds[number] = _build(flat.nodes[number])
            if build is not None:
                needed.update(flat.parts[number])
    packed: Packed = []
    places: dict[int, int] = {}
    for number in sorted(needed):
        places[number] = len(packed)
        build = builds[number]
        parts = flat.parts[number]
        packed.append((None, flat.nodes[number]) if build is None else (build, tuple([places[part] for part in parts])))
    return packed


def unpack(packed: Packed) -> object:
    """What was packed; law: `unpack(pack(expr))` has the same classes and the same parts, all the way down.

    >>> x = sp.Symbol("x")
    >>> unpack(pack([sp.Add(x, x, evaluate=False), {"k": x + 1}]))
    [x + x, {'k': x + 1}]
    """
    made: list[object] = []
    for build, content in packed:
        if build is None:
            made.append(content)
        else:
            assert isinstance(content, tuple)
            made.append(build(*[made[number] for number in content]))
    return made[-1]


def _build(node: object) -> Build | None:
    """How to build a node of its parts; None for one that is stored as it is."""
    match node:
        case list():
            return _list
        case tuple():
            return _tuple
        case dict():
            return _Keyed(tuple(node))
        # No Basic: it is made anew of its shape and its entries.
        case sp.MutableDenseMatrix():
            return _Shaped(node.rows, node.cols)
        # Leaves have no parts, so that SymPy's pickle of one neither recurses nor evaluates.
        case sp.Basic(args=(_, *_)):
            return _of_class(node)
    return None


def _of_class(node: sp.Basic) -> Build | None:
    """A way in which the class of a node makes it of its parts; None if there is none."""
    kind = type(node)
    unevaluated = _Unevaluated(kind)
    if kind in _PLAIN and len(node.args) > 1:
        return unevaluated
    implemented = isinstance(kind, UndefinedFunction) and hasattr(kind, "_imp_")
    # Not every class can be told not to evaluate; those that cannot may have nothing to evaluate.
    for build in (unevaluated, kind):
        if _comes_back(build, node):
            return _Implemented.of(kind) if implemented else build
    return None


_PLAIN = frozenset({sp.Add, sp.Mul, sp.Pow})  # of two parts and more, these take any as they come


def _comes_back(build: Build, node: sp.Basic) -> bool:
    """Whether the same node is made of its parts: of these very parts, or of copies one level down."""
    try:
        twin = build(*node.args)
    except Exception:  # whatever a constructor may raise: then another way is taken, at last SymPy's own
        return False
    return isinstance(twin, sp.Basic) and type(twin) is type(node) and _same(twin.args, node.args, depth=1)


def _same(ones: Sequence[object], others: Sequence[object], *, depth: int) -> bool:
    # Copies one level down, as some constructors make parts anew: the limits of a sum, for one.
    return len(ones) == len(others) and all(
        one is other
        or (
            depth > 0
            and isinstance(one, sp.Basic)
            and isinstance(other, sp.Basic)
            and type(one) is type(other)
            and bool(one.args)
            and _same(one.args, other.args, depth=depth - 1)
        )
        for one, other in zip(ones, others, strict=True)
    )


def _list(*parts: object) -> list[object]:
    return list(parts)


def _tuple(*parts: object) -> tuple[object, ...]:
    return parts


@dataclass(frozen=True, slots=True)
class _Unevaluated:
    """Makes a node of a class that can be told not to evaluate."""

    kind: Callable[..., object]

    def __call__(self, *parts: object) -> object:
        return self.kind(*parts, evaluate=False)


@dataclass(frozen=True, slots=True)
class _Keyed:
    """Makes a dict of its values."""

    keys: tuple[object, ...]

    def __call__(self, *values: object) -> dict[object, object]:
        return dict(zip(self.keys, values, strict=True))


@dataclass(frozen=True, slots=True)
class _Shaped:
    """Makes a mutable matrix of its entries."""

    rows: int
    columns: int

    def __call__(self, *entries: object) -> sp.Matrix:
        return sp.Matrix(self.rows, self.columns, entries)


@dataclass(frozen=True, slots=True)
class _Implemented:
    """Applies a function that SymPy's `implemented_function` made, and whose class SymPy cannot pickle."""

    name: str
    assumptions: Mapping[str, object]
    implementation: Callable[..., object]

    @classmethod
    def of(cls, kind: Any) -> _Implemented:
        """What makes applications of this function."""
        # SymPy keeps the implementation among the keywords of the class: here it is passed by itself.
        assumptions = {fact: value for fact, value in kind._kwargs.items() if fact != "_imp_"}
        return cls(kind.__name__, assumptions, kind._imp_)

    def __call__(self, *args: object) -> object:
        return implemented_function(self.name, self.implementation, **self.assumptions)(*args, evaluate=False)
