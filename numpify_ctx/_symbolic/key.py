"""What determines compiled code, as one flat key.

A key is a list of all distinct nodes, each as its class and the numbers of its parts, so that neither making nor
hashing nor comparing it ever recurses, however deep an expression is. It tells apart what SymPy's `==` does not
(1 and 1.0, two undefined functions of one name), and holds functions by identity: a changed `F.f_numpy` is another key.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from types import MethodType

import sympy as sp

from .flatten import Flat
from .names import Signature


@dataclass(frozen=True, slots=True)
class Key:
    """What determines compiled code. `alive` holds what `content` knows by its id, so that no id comes again."""

    content: Hashable
    alive: tuple[object, ...] = field(compare=False, repr=False)


class _CannotKey(Exception):
    """Something that has no key: it is compiled anew each time."""


def key_of(
    expr: object,
    call_signature: Signature,
    functions: Mapping[object, Callable[..., object]],
    *options: Hashable,
    flat: Flat | None = None,
) -> Key | None:
    """The key of what is asked for; None if there is something in it that we cannot tell apart from its like.

    Args:
        expr: what is compiled.
        call_signature: its parameters, with their names.
        functions: what the user's functions mean.
        *options: what else the code depends on.
        flat: where `expr` was flattened already.

    >>> x = sp.Symbol("x")
    >>> key_of(x + 1, [(x, "x")], {}) == key_of(1 + x, [(x, "x")], {})
    True
    >>> key_of(x + 1, [(x, "x")], {}) == key_of(x + 1.0, [(x, "x")], {})
    False
    """
    flat = Flat() if flat is None else flat
    root = flat.number(expr)
    symbols = [flat.number(symbol) for symbol, _ in call_signature]
    heads = _Heads()
    try:
        # The symbols of the signature are in it, too: an unused parameter belongs to the function all the same.
        lines, numbers = _table(flat, heads)
        arguments = tuple([(numbers[symbol], name) for symbol, (_, name) in zip(symbols, call_signature, strict=True)])
        # A set: in which order the user's functions were passed changes nothing.
        given = frozenset([(heads.identity(_class(key)), heads.function(f)) for key, f in functions.items()])
        content = lines, numbers[root], arguments, given, options
        hash(content)
    except _CannotKey:
        return None
    return Key(content, tuple(heads.alive.values()))


def _table(flat: Flat, heads: _Heads) -> tuple[tuple[Hashable, ...], list[int]]:
    """The distinct lines that tell the nodes, and which of them each node is."""
    table: dict[Hashable, int] = {}
    numbers: list[int] = []
    number_of = numbers.__getitem__
    known = heads.of_classes
    for node, parts in zip(flat.nodes, flat.parts, strict=True):
        line: Hashable
        if isinstance(node, sp.Basic):
            kind = type(node)
            head = known[id(kind)] if id(kind) in known else heads.of_class(kind)
            line = (head, *map(number_of, parts)) if parts else (head, *_value_of(node))
        else:
            line = (heads.of(node), *map(number_of, parts))
        # Equal lines are one: whether a part was shared or written twice makes no other code.
        numbers.append(table.setdefault(line, len(table)))
    return tuple(table), numbers


def _class(key: object) -> object:
    return key if isinstance(key, type) else type(key)


class _Heads:
    """What tells nodes apart from others with the same parts."""

    def __init__(self) -> None:
        self.alive: dict[int, object] = {}
        self.of_classes: dict[int, Hashable] = {}  # by id: to SymPy, two undefined functions of one name are equal

    def identity(self, thing: object) -> int:
        """A name for a thing that nothing else has, as long as the key is there."""
        self.alive[id(thing)] = thing
        return id(thing)

    def function(self, function: object) -> Hashable:
        """A name for a function; a bound method is made anew each time that it is asked for."""
        if isinstance(function, MethodType):
            return self.identity(function.__func__), self.identity(function.__self__)
        return self.identity(function)

    def of(self, node: object) -> Hashable:
        """The head of a number of Python's, or of a collection."""
        kind = type(node)
        if kind in (int, float, complex, bool):
            return kind, repr(node)  # 1, 1.0 and True are equal
        # The type counts, as results come back in what was asked for.
        if isinstance(node, list | tuple):
            return kind, ()
        if type(node) is dict:
            # So do the keys, which are handed back as they are.
            return kind, tuple([_key_of_dict(key) for key in node])
        if isinstance(node, sp.SparseMatrix):
            return kind, node.shape, tuple(sorted(node.todok()))
        if isinstance(node, sp.MatrixBase | sp.NDimArray):
            return kind, node.shape
        raise _CannotKey

    def of_class(self, kind: type) -> Hashable:
        """A class by identity, and the function that it brings along."""
        known = self.of_classes.get(id(kind))
        if known is None:
            own = getattr(kind, "f_numpy", None), getattr(kind, "_imp_", None)
            known = self.identity(kind) if own == (None, None) else (self.identity(kind), *map(self.function, own))
            self.of_classes[id(kind)] = known
        return known


def _value_of(leaf: sp.Basic) -> tuple[Hashable, ...]:
    """What tells a leaf from others of its class: of a number its value, as `==` takes 1 and 1.0 for one."""
    if isinstance(leaf, sp.Number):
        if isinstance(leaf, sp.Rational):
            return leaf.p, leaf.q
        if isinstance(leaf, sp.Float):
            # With its precision: 0.1 to 15 digits and to 30 are two numbers.
            return leaf._mpf_, leaf._prec
    # SymPy's equality does for all others: that of symbols sees their assumptions.
    return (leaf,)


def _key_of_dict(key: object) -> Hashable:
    if isinstance(key, sp.Symbol) or type(key) in (str, int, float, bool):
        # With the type, as 1, 1.0 and True are equal.
        return type(key), key
    raise _CannotKey
