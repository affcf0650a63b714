"""The parameters of a function, found by symbol and by name, and how they nest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import NoReturn

import sympy as sp

from .._errors import BindingError
from .._symbolic.arguments import Nest, leaves
from .._symbolic.names import Signature, group_name, normalized, own_name
from .._symbolic.text import describe, short, some


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """The parameters of a function.

    Attributes:
        signature: every parameter with its name, in call order.
        nest: what the caller listed; a tuple in it is passed as one argument.
        names: names by symbol.
        symbols: symbols by name.
        groups: the tuples of `nest`, by a name for each.

    >>> x, v, k = sp.symbols("x v lambda")
    >>> roster = Roster(((x, "x"), (v, "v"), (k, "lambda__")), ((x, v), k))
    >>> roster.resolve("lambda__", "bind"), roster.labels((x, k)), dict(roster.groups)
    (lambda, 'x, lambda__ (symbol lambda)', {'x_v': (x, v)})
    """

    signature: Signature
    nest: Nest
    names: Mapping[sp.Basic, str] = field(init=False)
    symbols: Mapping[str, sp.Basic] = field(init=False)
    groups: Mapping[str, Nest] = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "names", MappingProxyType(dict(self.signature)))
        put(self, "symbols", MappingProxyType({name: symbol for symbol, name in self.signature}))
        groups: dict[str, Nest] = {}
        for item in self.nest:
            if isinstance(item, tuple):
                own = [self.names[symbol] for symbol in leaves(item)]
                groups[group_name(own, {*self.symbols, *groups})] = item
        put(self, "groups", MappingProxyType(groups))

    def places(self) -> Iterator[tuple[str, sp.Basic | Nest]]:
        """What a call takes if nothing is bound, each with the name of the argument."""
        group_names = iter(self.groups)
        for item in self.nest:
            yield (next(group_names) if isinstance(item, tuple) else self.names[item]), item

    def resolve(self, key: object, doing: str) -> sp.Basic:
        """The parameter that a caller's key means: a symbol itself, a string by parameter name."""
        if isinstance(key, str):
            symbol = self.symbols.get(normalized(key))
            return self._refuse_name(key, doing) if symbol is None else symbol
        try:
            if isinstance(key, sp.Basic) and key in self.names:
                return key
        except TypeError as error:
            raise _not_a_key(key, doing) from error  # it has no hash
        self._refuse_symbol(key, doing)

    def _refuse_name(self, key: str, doing: str) -> NoReturn:
        wanted = normalized(key)
        if wanted in self.groups:
            inner = self.labels(leaves(self.groups[wanted]))
            raise BindingError(f"cannot {doing} {key!r}: it stands for several parameters; use {inner}")
        called = [name for symbol, name in self.signature if normalized(own_name(symbol)) == wanted]
        near = called or get_close_matches(wanted, self.symbols, n=1)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise BindingError(f"unknown parameter {key!r}; {self._known()}{hint}")

    def _refuse_symbol(self, key: object, doing: str) -> NoReturn:
        if not isinstance(key, sp.Basic):
            raise _not_a_key(key, doing)
        twins = [symbol for symbol in self.names if describe(symbol) == describe(key)]
        hint = (
            f"; did you mean the function's own {self.labels(twins)}? It prints the same but has different assumptions"
            if twins
            else ""
        )
        raise BindingError(f"unknown parameter {describe(key)}; {self._known()}{hint}")

    def _known(self) -> str:
        return f"the parameters are {self.labels(self.names)}" if self.names else "there are no parameters"

    def label(self, symbol: sp.Basic) -> str:
        """Parameter name and symbol; once, where they read the same."""
        name, its_repr = self.names[symbol], describe(symbol)
        return name if name == its_repr else f"{name} (symbol {its_repr})"

    def labels(self, symbols: Iterable[sp.Basic]) -> str:
        """Labels of several parameters, of very many the first ones."""
        return some(map(self.label, symbols))

    def nested_labels(self, nest: Iterable[sp.Basic | Nest]) -> str:
        """Labels of what is passed, with brackets around what is passed as one."""
        return some(f"({self.nested_labels(item)})" if isinstance(item, tuple) else self.label(item) for item in nest)


def _not_a_key(key: object, doing: str) -> BindingError:
    return BindingError(f"cannot {doing} {short(key)}: expected a symbol or a parameter name, got {type(key).__name__}")
