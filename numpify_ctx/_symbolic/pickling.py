"""Expressions as flat data, so that a function's expression comes back as it was, however deep or shared.

SymPy's own pickles recurse, and evaluate when loaded: `x + x` unevaluated comes back as `2*x`, `sin(0)` as 0. Here each
node is stored once, as its class and the numbers of its parts, and is rebuilt by its class, which is told in the call
not to evaluate. SymPy's global switch for that is never touched: an interrupt would leave it off, and while it is off
other threads find in SymPy's cache what was not evaluated. What does not come back the same that way is left to SymPy,
node by node.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from .flatten import Flat
from .nodes import UndefinedFunction, implemented_function


Build = Callable[..., object]
Packed = list[tuple[Build | None, object]]
"""`(None, leaf)`, or `(how to build it, numbers of its parts)`; parts before wholes, the whole last."""


def pack(symbolic: object) -> Packed:
    """An expression, or lists, tuples, dicts and matrices of them, as flat data: the same for what is equal.

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
    found: dict[Hashable, int] = {}  # what an entry is told apart by -> its place
    for number in sorted(needed):
        build = builds[number]
        node = flat.nodes[number]
        parts = tuple([places[part] for part in flat.parts[number]]) if build is not None else ()
        place = places[number] = found.setdefault(_identity(build, node, parts), len(packed))
        if place == len(packed):
            packed.append((None, node) if build is None else (build, parts))
    return packed


def _identity(build: Build | None, node: object, parts: tuple[int, ...]) -> Hashable:
    """What is equal for two nodes that a pickle need not tell apart.

    Whether equal nodes are one object is chance: SymPy has a cache of bounded size. A pickle is to be the same for
    the same expression, since joblib and dask tell functions apart by it.
    """
    match build, node:
        # What can be changed in place stays two, if it is two.
        case (_, list() | dict() | sp.MutableDenseMatrix()) | (_Implemented(), _):
            return id(node)
        # SymPy calls Floats equal whose precisions differ.
        case None, sp.Float():
            return sp.Float, node._mpf_, node._prec
        case None, sp.Basic(args=()):
            return type(node), node
        case None, _:
            return id(node)
    return build, type(node), parts


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
    """Whether the same node is made of its parts: the same classes and leaves, all the way down."""
    try:
        twin = build(*node.args)
    except Exception:  # whatever a constructor may raise: then another way is taken, at last SymPy's own
        return False
    return isinstance(twin, sp.Basic) and _of_one_class(twin, node) and _same(twin.args, node.args)


def _same(ones: Sequence[object], others: Sequence[object]) -> bool:
    # Most parts are one object, and need no look. Some are not: constructors make parts anew, the limits of a sum for
    # one, and SymPy's cache has whole nodes, made of symbols that are equal to these.
    todo = [(ones, others)]
    seen: dict[tuple[int, int], object] = {}  # with what they are the ids of, which would come again if it were gone
    while todo:
        ones, others = todo.pop()
        if len(ones) != len(others):
            return False
        for one, other in zip(ones, others, strict=True):
            if one is other or (id(one), id(other)) in seen:
                continue
            if not (isinstance(one, sp.Basic) and isinstance(other, sp.Basic) and _of_one_class(one, other)):
                return False
            if not one.args and _identity(None, one, ()) != _identity(None, other, ()):
                return False
            seen[id(one), id(other)] = one, other
            todo.append((one.args, other.args))
    return True


def _of_one_class(one: sp.Basic, other: sp.Basic) -> bool:
    # `==`, since two classes may be one undefined function: they are equal where their names and assumptions are.
    return type(one) == type(other)  # noqa: E721


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
