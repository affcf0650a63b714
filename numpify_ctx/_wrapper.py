"""The function behind a call: generated, so that a bound call costs little more than the compiled function itself.

Its text holds parameter names (checked by `_names`) and our own words, nothing else of the expression; its namespace
has no builtins. What is frozen is a global of it, what is dynamic is looked up anew in every call, and whatever does
not fit (a keyword, too few or too many arguments) goes to the slow path, which has the words for it.
"""

from __future__ import annotations

import linecache
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from types import CodeType, MappingProxyType
from typing import Any, Literal

import numpy as np

from ._context import keeps_value
from ._names import fresh_name


Role = Literal["free", "frozen", "dynamic"]


@dataclass(frozen=True, slots=True)
class Shape:
    """All that determines the text of a wrapper.

    Attributes:
        names: every parameter name, in call order.
        roles: for each of them, where its value comes from.
        mapping: whether the context is itself the mapping, rather than what has it as `parameters`.
    """

    names: tuple[str, ...]
    roles: tuple[Role, ...]
    mapping: bool = False

    def having(self, role: Role) -> list[str]:
        """Names of the parameters that have this role, in call order."""
        return [name for name, its in zip(self.names, self.roles, strict=True) if its == role]


MISSING = object()  # the default of every argument: no caller has it, while None is a value like any other

# The types that a plain mapping mostly holds, so that reading a number makes no exception first.
_PLAIN = frozenset({bool, int, float, complex, np.ndarray, np.bool_, np.int64, np.float32, np.float64, np.complex128})

_BUILTIN_WORDS: Mapping[str, Any] = {
    "AttributeError": AttributeError,
    "KeyError": KeyError,
    "dict": dict,
    "proxy": MappingProxyType,
    "missing": MISSING,
    "plain": _PLAIN,
    "keeps_value": keeps_value,
}
_WORDS = (*_BUILTIN_WORDS, "absent", "call", "context", "extra", "keywords", "kind", "misfit", "parameters", "wrapper")


class _Words(dict[str, str]):
    """Our own words as the text spells them: as they are, unless a parameter has the name."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        taken = set(names)
        for word in _WORDS:
            self[word] = fresh_name(word, taken)
            taken.add(self[word])
        self.taken = taken

    def symbol(self, name: str) -> str:
        """The word for the symbol of parameter `name`."""
        key = f"{name}_symbol"
        if key not in self:
            self[key] = fresh_name(key, self.taken)
            self.taken.add(self[key])
        return self[key]


def text(shape: Shape) -> str:
    """The source of the wrapper.

    >>> print(text(Shape(("t", "k", "omega"), ("free", "frozen", "dynamic"))))
    def wrapper(t=missing, /, *extra, out=None, **keywords):
        if t is missing or extra or keywords:
            return misfit((t, *extra), keywords, out)
        parameters = context.parameters
        kind = parameters.__class__
        if kind is not dict and kind is not proxy and omega_symbol not in parameters:
            raise absent(parameters)
        try:
            omega = parameters[omega_symbol]
        except KeyError:
            if omega_symbol in parameters:
                raise
            raise absent(parameters) from None
        try:
            omega = omega.value
        except AttributeError:
            if keeps_value(omega):
                raise
        if out is None:
            return call(t, k, omega)
        return call(t, k, omega, out=out)
    """
    return _text(shape, _Words(shape.names))


def _text(shape: Shape, w: _Words) -> str:
    free, dynamic = shape.having("free"), shape.having("dynamic")
    header = [f"{name}={w['missing']}" for name in free] + ["/"] * bool(free)
    # Arguments fill from the left, so that the last one tells of all. None goes by keyword, which finds duplicates.
    unfit = [f"{name} is {w['missing']}" for name in free[-1:]] + [w["extra"], w["keywords"]]
    given = "".join(f"{name}, " for name in free)
    values = "".join(f"{name}, " for name in shape.names)
    lines = [
        f"def {w['wrapper']}({', '.join([*header, '*' + w['extra'], 'out=None', '**' + w['keywords']])}):",
        f"    if {' or '.join(unfit)}:",
        f"        return {w['misfit']}(({given}*{w['extra']}), {w['keywords']}, out)"
        if free
        else f"        return {w['misfit']}({w['extra']}, {w['keywords']}, out)",
    ]
    if dynamic:
        source = w["context"] if shape.mapping else f"{w['context']}.parameters"
        lines += [f"    {w['parameters']} = {source}", f"    {w['kind']} = {w['parameters']}.__class__"]
    for name in dynamic:
        lines += _reading(name, w, plain=shape.mapping)
    return "\n".join(
        [
            *lines,
            "    if out is None:",
            f"        return {w['call']}({values[:-2]})",
            f"    return {w['call']}({values}out=out)",
        ]
    )


def _reading(name: str, w: _Words, *, plain: bool) -> list[str]:
    """Statements that set `name` to the current value, where only a symbol that is not there is our own error.

    A dict (or a proxy of one) raises KeyError for that, so it is asked once. Any other mapping is asked first: it may
    make up what it lacks (defaultdict), and a KeyError out of its look-up is its own affair.
    """
    symbol, parameters, kind = w.symbol(name), w["parameters"], w["kind"]
    looking = [
        f"    if {kind} is not {w['dict']} and {kind} is not {w['proxy']} and {symbol} not in {parameters}:",
        f"        raise {w['absent']}({parameters})",
        "    try:",
        f"        {name} = {parameters}[{symbol}]",
        f"    except {w['KeyError']}:",
        f"        if {symbol} in {parameters}:",
        "            raise",
        f"        raise {w['absent']}({parameters}) from None",
    ]
    taking = [
        "    try:",
        f"        {name} = {name}.value",
        f"    except {w['AttributeError']}:",
        f"        if {w['keeps_value']}({name}):",
        "            raise",
    ]
    if plain:
        taking = [f"    if {name}.__class__ not in {w['plain']}:", *(f"    {line}" for line in taking)]
    return looking + taking


_serial = count()


@lru_cache(maxsize=512)
def _compiled(shape: Shape) -> tuple[CodeType, _Words]:
    words = _Words(shape.names)
    source = _text(shape, words)
    filename = f"<numpify_ctx call {next(_serial)}>"
    code = compile(source, filename, "exec", dont_inherit=True)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    # Tracebacks show the text for as long as anything can run it, and no longer.
    weakref.finalize(code, linecache.cache.pop, filename, None).atexit = False
    return code, words


def wrapper(
    shape: Shape,
    *,
    call: Callable[..., Any],
    misfit: Callable[..., Any],
    absent: Callable[[Any], Exception],
    frozen: Mapping[str, Any],
    symbols: Mapping[str, Any],
    context: Any,
) -> Callable[..., Any]:
    """The function of the free parameters, of `out=`, and of nothing else.

    Args:
        shape: which parameter comes from where.
        call: the compiled function of all parameters, in order.
        misfit: called with (positional arguments, keywords, out) when they are not just the free parameters in order.
        absent: makes the error for dynamic symbols that the given mapping does not hold.
        frozen: value by parameter name.
        symbols: symbol by parameter name, of the dynamic parameters.
        context: where they are read from.
    """
    code, words = _compiled(shape)
    namespace: dict[str, Any] = {"__builtins__": {}, "__name__": __name__, **frozen}
    namespace |= {words[word]: value for word, value in _BUILTIN_WORDS.items()}
    namespace |= {words[word]: value for word, value in (("call", call), ("misfit", misfit), ("absent", absent))}
    namespace |= {words.symbol(name): symbol for name, symbol in symbols.items()}
    namespace[words["context"]] = context
    exec(code, namespace)
    made: Callable[..., Any] = namespace[words["wrapper"]]
    return made
