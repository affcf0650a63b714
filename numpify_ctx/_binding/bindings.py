"""Parameter bindings: the logic behind `freeze` and calls, and their error messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import sympy as sp

from .._errors import BindingError
from .._symbolic.arguments import Nest, leaves
from .._symbolic.names import Signature, normalized, own_name
from .._symbolic.text import describe, plural, short, some
from .ambient import is_keyed
from .call import MISSING, Place, Role, items_of
from .context import DYNAMIC_PARAMETER, UNFREEZE
from .roster import Roster


@dataclass(frozen=True, slots=True, eq=False)
class Bindings:
    """Where each parameter's value comes from: frozen here, read from the context, or (the rest) from the call.

    >>> x, a = sp.symbols("x a")
    >>> bindings = Bindings(Roster(((x, "x"), (a, "a")), (x, a))).having({"a": 2.0})
    >>> bindings.role(a), bindings.free, bindings.arguments((), {"x": 3.0})
    ('frozen', ((x, 'x'),), (3.0,))
    """

    roster: Roster
    frozen: Mapping[sp.Basic, Any] = field(default_factory=dict)
    dynamic: frozenset[sp.Basic] = frozenset()
    context: Any = None

    def role(self, symbol: sp.Basic) -> Role:
        """Where the value of a parameter comes from."""
        return "frozen" if symbol in self.frozen else "dynamic" if symbol in self.dynamic else "free"

    @property
    def free(self) -> Signature:
        """What a call supplies, in order."""
        return tuple(entry for entry in self.roster.signature if self.role(entry[0]) == "free")

    @property
    def passed(self) -> list[tuple[str, sp.Basic | Nest]]:
        """What a call takes, in order, each with the name of the argument. Of several passed as one, those bound are
        left out, and with all of them the argument."""
        return [(name, free) for name, item in self.roster.places() for free in self._free_in((item,))]

    def _free_in(self, nest: Nest) -> Nest:
        kept: list[sp.Basic | Nest] = []
        for item in nest:
            if not isinstance(item, tuple):
                kept += [item] * (self.role(item) == "free")
            elif not item or any(self.role(symbol) == "free" for symbol in leaves(item)):
                kept.append(self._free_in(item))
        return tuple(kept)

    def places(self) -> tuple[Place, ...] | None:
        """What a call takes, by parameter names; None if that is just what is free."""
        return _named(self._free_in(self.roster.nest), self.roster.names) if self.roster.groups else None

    @property
    def frozen_in_order(self) -> dict[sp.Basic, Any]:
        """Frozen values by symbol, in call order."""
        return {symbol: self.frozen[symbol] for symbol in self.roster.names if symbol in self.frozen}

    @property
    def dynamic_in_order(self) -> tuple[sp.Basic, ...]:
        """Dynamic symbols in call order."""
        return tuple(symbol for symbol in self.roster.names if symbol in self.dynamic)

    def having(self, bindings: object, named: Mapping[str, Any] = MappingProxyType({})) -> Bindings:
        """These bindings overridden by those that one `freeze` asks for."""
        frozen, dynamic = dict(self.frozen), set(self.dynamic)
        for symbol, value in self._requested(bindings, named).items():
            frozen.pop(symbol, None)
            dynamic.discard(symbol)
            if value is DYNAMIC_PARAMETER:
                dynamic.add(symbol)
            elif value is not UNFREEZE:
                frozen[symbol] = self._checked(symbol, value)
        return replace(self, frozen=frozen, dynamic=frozenset(dynamic))

    def _checked(self, symbol: sp.Basic, value: object) -> object:
        if isinstance(value, sp.Basic | sp.MatrixBase) and value.free_symbols:
            raise BindingError(
                f"cannot bind {self.roster.label(symbol)} to {describe(value)}: it holds symbols, and a value is a "
                "number or an array; use expr.subs before numpify"
            )
        return value

    def _requested(self, bindings: object, named: Mapping[str, Any]) -> dict[sp.Basic, Any]:
        """What is asked for, by symbol, checked as a whole before anything is made of it."""
        requested: dict[sp.Basic, Any] = {}
        keys: dict[sp.Basic, object] = {}
        for key, value in _pairs(bindings, named):
            doing = "unfreeze" if value is UNFREEZE else "bind"
            symbol = self.roster.resolve(key, doing)
            if symbol in requested:
                both = doing if requested[symbol] is UNFREEZE else "bind"
                raise BindingError(
                    f"cannot {both} {self.roster.label(symbol)} twice at once: "
                    f"as {keys[symbol]!r} and as {key!r}; give it once"
                )
            requested[symbol], keys[symbol] = value, key
        return requested

    def arguments(self, args: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[Any, ...]:
        """One value for each free parameter, in order, from a call's positions and keywords.

        Raises:
            BindingError: too many, too few, twice, unknown, or bound already.
        """
        passed = self.passed
        args = [arg for arg in args if arg is not MISSING]
        if len(args) > len(passed):
            raise BindingError(f"cannot call with {plural(len(args), 'argument')}: {self._takes()}{self._bound()}")
        values: dict[sp.Basic, Any] = {}
        for (name, item), value in zip(passed, args, strict=False):
            values |= self._spread(name, item, value)
        groups = {name: item for name, item in passed if isinstance(item, tuple)}
        for key, value in keywords.items():
            group = groups.get(normalized(key))
            given = {self._passable(key): value} if group is None else self._spread(key, group, value)
            if twice := given.keys() & values.keys():
                label = self.roster.labels(sorted(twice, key=list(self.roster.names).index))
                raise BindingError(f"cannot pass {label} twice: it is given before {key}=...; give it once")
            values |= given
        free = [symbol for symbol, _ in self.free]
        if missing := [symbol for symbol in free if symbol not in values]:
            raise BindingError(
                f"cannot call with {plural(len(args) + len(keywords), 'argument')}: no value for "
                f"{self.roster.labels(missing)}; {self._takes()}{self._bound()}"
            )
        return tuple([values[symbol] for symbol in free])

    def _passable(self, key: str) -> sp.Basic:
        """The parameter of a keyword, if the call may pass it."""
        symbol = self.roster.resolve(key, "pass")
        label = self.roster.label(symbol)
        if symbol in self.frozen:
            raise BindingError(f"cannot pass {label}: it is frozen to {short(self.frozen[symbol])}; unfreeze it first")
        if symbol in self.dynamic:
            raise BindingError(
                f"cannot pass {label}: it is a DYNAMIC_PARAMETER, read from the parameter context; unfreeze it first"
            )
        return symbol

    def _spread(self, name: str, item: sp.Basic | Nest, value: object) -> dict[sp.Basic, Any]:
        """Values by symbol of one argument."""
        if not isinstance(item, tuple):
            return {item: value}
        expected = f"cannot pass {name}: expected {plural(len(item), 'value')} ({self.roster.nested_labels(item)})"
        try:
            found = list(items_of(value))
        except TypeError as error:
            raise BindingError(f"{expected}, got {short(value)}, of type {type(value).__name__}") from error
        if len(found) != len(item):
            raise BindingError(f"{expected}, got {len(found)}; {self._takes()}{self._bound()}")
        values: dict[sp.Basic, Any] = {}
        for inner, its_value in zip(item, found, strict=True):
            values |= self._spread(name, inner, its_value)
        return values

    def _takes(self) -> str:
        passed = [item for _, item in self.passed]
        return f"it takes {plural(len(passed), 'argument')}{': ' if passed else ''}{self.roster.nested_labels(passed)}"

    def _bound(self) -> str:
        frozen, dynamic = self.roster.labels(self.frozen_in_order), self.roster.labels(self.dynamic_in_order)
        return (f"; frozen: {frozen}" if frozen else "") + (f"; read from the context: {dynamic}" if dynamic else "")

    def no_context(self) -> BindingError:
        """The error of a call that needs a context."""
        symbols = self.dynamic_in_order
        return BindingError(
            f"cannot call: {self._dynamic(symbols)} and there is no parameter context; "
            f"use set_parameter_context(ctx), or unfreeze {_it(symbols)}"
        )

    def absent(self, parameters: Any) -> BindingError:
        """The error of a call for dynamic symbols that the context's mapping does not hold."""
        if not is_keyed(parameters):
            return BindingError(
                f"cannot call: {self._dynamic(self.dynamic_in_order)} and the context's 'parameters' is "
                f"{short(parameters)}, of type {type(parameters).__name__}; it must be a mapping from symbols to values"
            )
        absent = [symbol for symbol in self.dynamic_in_order if symbol not in parameters]
        held = list(map(describe, parameters))
        twins = [symbol for symbol in absent if describe(symbol) in held]
        named = [
            name for symbol in absent for name in (own_name(symbol), self.roster.names[symbol]) if name in parameters
        ]
        if twins:
            hint = (
                f"its {describe(twins[0])} prints the same but has different assumptions: use the function's own symbol"
            )
        elif named:
            hint = f"its {named[0]!r} is a string: use the symbol itself, as names need not be unique"
        else:
            hint = f"add {_it(absent)} to the context, or unfreeze {_it(absent)}"
        return BindingError(
            f"cannot call: {self._dynamic(absent)} and the parameter context does not hold {_it(absent)}; "
            f"it holds {some(held) or 'nothing'}; {hint}"
        )

    def _dynamic(self, symbols: Iterable[sp.Basic]) -> str:
        symbols = list(symbols)
        return f"{self.roster.labels(symbols)} {'is a' if len(symbols) == 1 else 'are each a'} DYNAMIC_PARAMETER"


def _pairs(bindings: object, named: Mapping[str, Any]) -> Iterator[tuple[object, Any]]:
    match bindings:
        case None:
            yield from named.items()
        case _ if named:
            raise BindingError(
                f"cannot freeze a {type(bindings).__name__} and keywords ({some(named)}) at once: "
                "pass one mapping, or pairs, or keywords"
            )
        case Mapping() | sp.Dict():
            yield from bindings.items()
        case Iterable() if not isinstance(bindings, str | sp.Basic):
            for pair in bindings:
                if not (isinstance(pair, tuple | list | sp.Tuple) and len(pair) == 2):
                    raise BindingError(f"cannot freeze {short(pair)}: it is not a pair; pass pairs (key, value)")
                yield pair[0], pair[1]
        case _:
            raise BindingError(
                f"cannot freeze {short(bindings)}: it is of type {type(bindings).__name__}; "
                "pass a mapping, pairs (key, value), or keywords"
            )


def _it(symbols: Iterable[sp.Basic]) -> str:
    return "it" if len(list(symbols)) == 1 else "them"


def _named(nest: Nest, names: Mapping[sp.Basic, str]) -> tuple[Place, ...]:
    return tuple([_named(item, names) if isinstance(item, tuple) else names[item] for item in nest])
