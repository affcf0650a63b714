"""What is bound to what: the pure part of `freeze` and of a call, and the words for all that can go wrong there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NoReturn

import sympy as sp

from .._errors import BindingError
from .._symbolic.names import Signature, normalized, own_name
from .._symbolic.text import describe, plural, short, some
from .call import MISSING, Role
from .context import DYNAMIC_PARAMETER, UNFREEZE, is_keyed


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """The parameters of a function, found by symbol and by name.

    >>> x, k = sp.symbols("x lambda")
    >>> roster = Roster.of(((x, "x"), (k, "lambda__")))
    >>> roster.resolve("lambda__", "bind"), roster.labels((x, k))
    (lambda, 'x, lambda__ (symbol lambda)')
    """

    signature: Signature
    names: Mapping[Any, str]
    symbols: Mapping[str, Any]

    @classmethod
    def of(cls, signature: Signature) -> Roster:
        """The roster of a call signature."""
        by_name = {name: symbol for symbol, name in signature}
        return cls(signature, MappingProxyType(dict(signature)), MappingProxyType(by_name))

    def resolve(self, key: Any, doing: str) -> Any:
        """The parameter that a caller's key means: a symbol itself, a string by parameter name."""
        if isinstance(key, str):
            symbol = self.symbols.get(normalized(key), MISSING)
            return symbol if symbol is not MISSING else self._refuse_name(key, doing)
        try:
            return key if key in self.names else self._refuse_symbol(key, doing)
        except TypeError as error:
            if isinstance(error, BindingError):
                raise
            raise _not_a_key(key, doing) from error  # it has no hash

    def _refuse_name(self, key: str, doing: str) -> NoReturn:
        wanted = normalized(key)
        called = [name for symbol, name in self.signature if normalized(own_name(symbol)) == wanted]
        near = called or get_close_matches(wanted, self.symbols, n=1)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise BindingError(f"cannot {doing} {key!r}: it names no parameter; {self._known()}{hint}")

    def _refuse_symbol(self, key: Any, doing: str) -> NoReturn:
        if not isinstance(key, sp.Basic):
            raise _not_a_key(key, doing)
        twins = [symbol for symbol in self.names if describe(symbol) == describe(key)]
        hint = f"; {self.labels(twins)} is another symbol, though it prints alike: pass that one" if twins else ""
        raise BindingError(f"cannot {doing} {describe(key)}: it is not a parameter; {self._known()}{hint}")

    def _known(self) -> str:
        return f"the parameters are {self.labels(self.names)}" if self.names else "there are no parameters"

    def label(self, symbol: Any) -> str:
        """Parameter name and symbol; once, where they read the same."""
        name, its_repr = self.names[symbol], describe(symbol)
        return name if name == its_repr else f"{name} (symbol {its_repr})"

    def labels(self, symbols: Iterable[Any]) -> str:
        """Labels of several parameters, of very many the first ones."""
        return some(map(self.label, symbols))


@dataclass(frozen=True, slots=True, eq=False)
class Bindings:
    """Where each parameter's value comes from: frozen here, read from the context, or (the rest) from the call.

    >>> x, a = sp.symbols("x a")
    >>> bindings = Bindings(Roster.of(((x, "x"), (a, "a")))).having({"a": 2.0})
    >>> bindings.role(a), bindings.free, bindings.arguments((), {"x": 3.0})
    ('frozen', ((x, 'x'),), (3.0,))
    """

    roster: Roster
    frozen: Mapping[Any, Any] = field(default_factory=dict)
    dynamic: frozenset[Any] = frozenset()
    context: Any = None

    def role(self, symbol: Any) -> Role:
        """Where the value of a parameter comes from."""
        return "frozen" if symbol in self.frozen else "dynamic" if symbol in self.dynamic else "free"

    @property
    def free(self) -> Signature:
        """What a call supplies, in order."""
        return tuple(entry for entry in self.roster.signature if self.role(entry[0]) == "free")

    @property
    def frozen_in_order(self) -> dict[Any, Any]:
        """Frozen values by symbol, in call order."""
        return {symbol: self.frozen[symbol] for symbol in self.roster.names if symbol in self.frozen}

    @property
    def dynamic_in_order(self) -> tuple[Any, ...]:
        """Dynamic symbols in call order."""
        return tuple(symbol for symbol in self.roster.names if symbol in self.dynamic)

    def having(self, bindings: Any, named: Mapping[str, Any] = MappingProxyType({})) -> Bindings:
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

    def _checked(self, symbol: Any, value: Any) -> Any:
        if isinstance(value, sp.Basic | sp.MatrixBase) and value.free_symbols:
            raise BindingError(
                f"cannot bind {self.roster.label(symbol)} to {describe(value)}: it holds symbols, and a value is a "
                "number or an array; use expr.subs before numpify"
            )
        return value

    def _requested(self, bindings: Any, named: Mapping[str, Any]) -> dict[Any, Any]:
        """What is asked for, by symbol, checked as a whole before anything is made of it."""
        requested: dict[Any, Any] = {}
        keys: dict[Any, Any] = {}
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

    def arguments(self, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> tuple[Any, ...]:
        """One value for each free parameter, in order, from a call's positions and keywords.

        Raises:
            BindingError: too many, too few, twice, unknown, or bound already.
        """
        free, label = self.free, self.roster.label
        if len(args) > len(free):
            raise BindingError(f"cannot call with {plural(len(args), 'argument')}: {self._takes()}{self._bound()}")
        values = dict(zip((symbol for symbol, _ in free), args, strict=False))
        for key, value in keywords.items():
            symbol = self.roster.resolve(key, "pass")
            if symbol in self.frozen:
                fact = f"it is frozen to {short(self.frozen[symbol])}; unfreeze it first"
                raise BindingError(f"cannot pass {label(symbol)}: {fact}")
            if symbol in self.dynamic:
                fact = "it is a DYNAMIC_PARAMETER, read from the parameter context; unfreeze it first"
                raise BindingError(f"cannot pass {label(symbol)}: {fact}")
            if symbol in values:
                raise BindingError(f"cannot pass {label(symbol)} twice: it is given before {key}=...; give it once")
            values[symbol] = value
        if missing := [symbol for symbol, _ in free if symbol not in values]:
            raise BindingError(
                f"cannot call with {plural(len(values), 'argument')}: no value for {self.roster.labels(missing)}; "
                f"{self._takes()}{self._bound()}"
            )
        return tuple(values[symbol] for symbol, _ in free)

    def _takes(self) -> str:
        free = [symbol for symbol, _ in self.free]
        return f"it takes {plural(len(free), 'argument')}{': ' if free else ''}{self.roster.labels(free)}"

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

    def absent(self, parameters: Mapping[Any, Any]) -> BindingError:
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
            hint = f"its {describe(twins[0])} is another symbol, though it prints alike: use the one of the expression"
        elif named:
            hint = f"its {named[0]!r} is a string: use the symbol itself, as names need not be unique"
        else:
            hint = f"add {_it(absent)} to the context, or unfreeze {_it(absent)}"
        return BindingError(
            f"cannot call: {self._dynamic(absent)} and the parameter context does not hold {_it(absent)}; "
            f"it holds {some(held) or 'nothing'}; {hint}"
        )

    def _dynamic(self, symbols: Iterable[Any]) -> str:
        symbols = list(symbols)
        return f"{self.roster.labels(symbols)} {'is a' if len(symbols) == 1 else 'are each a'} DYNAMIC_PARAMETER"


def _pairs(bindings: Any, named: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
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


def _not_a_key(key: Any, doing: str) -> BindingError:
    kind = type(key).__name__
    return BindingError(
        f"cannot {doing} {short(key)}: a key is a symbol or a parameter name, and this is of type {kind}"
    )


def _it(symbols: Iterable[Any]) -> str:
    return "it" if len(list(symbols)) == 1 else "them"
