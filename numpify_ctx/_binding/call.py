"""The function behind a call: generated, so that a bound call costs little more than the compiled function itself.

Its text holds parameter names (checked by `_names`) and our own words, nothing else of the expression; its namespace
has no builtins. What is frozen is a global of it, what is dynamic is looked up anew in every call, and whatever does
not fit (a keyword, too few or too many arguments) goes to the slow path, which has the words for it.

Where all values are floats, the form for floats runs at once, and if it is short it stands in the wrapper itself; what
it refuses, and all else, goes to the compiled function, which looks at what it gets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, MappingProxyType
from typing import Any, Literal

import numpy as np

from .._emission.listing import new_filename, show
from .._emission.namespace import bare_namespace
from .._execution.entry import REFUSALS
from .._symbolic.names import fresh_name
from .context import Parameters, holds_parameters, is_keyed, keeps_value


Role = Literal["free", "frozen", "dynamic"]
Lookup = Literal["attribute", "mapping", "dict", "cells"]


@dataclass(frozen=True, slots=True)
class Shape:
    """All that determines the text of a wrapper.

    Attributes:
        names: every parameter name, in call order.
        roles: for each of them, where its value comes from.
        lookup: how the context is read: it has the mapping as `parameters`; it is itself the mapping; it is a dict;
            it is one of our own, with `Parameter` objects in `_cells`.
        floats: whether there is a form for floats, and what is frozen are numbers that it takes.
        body: the statements of that form, if they are to stand in the wrapper.
        reserved: the names in them, beside the parameters'.
    """

    names: tuple[str, ...]
    roles: tuple[Role, ...]
    lookup: Lookup = "attribute"
    floats: bool = False
    body: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()

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
    "float": float,
    "type": type,
    "refusals": REFUSALS,
    "proxy": MappingProxyType,
    "missing": MISSING,
    "plain": _PLAIN,
    "is_keyed": is_keyed,
    "keeps_value": keeps_value,
}
_WORDS = (
    *_BUILTIN_WORDS,
    "absent",
    "call",
    "context",
    "extra",
    "floats",
    "keywords",
    "kind",
    "misfit",
    "parameters",
    "wrapper",
)


class _Words(dict[str, str]):
    """Our own words as the text spells them: as they are, unless a parameter has the name."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        taken = {*shape.names, *shape.reserved}
        for word in _WORDS:
            self[word] = fresh_name(word, taken)
            taken.add(self[word])
        self.taken = taken

    def symbol(self, name: str) -> str:
        """The word for the symbol of parameter `name`."""
        return self._of(name, "symbol")

    def given(self, name: str) -> str:
        """The word for the value of the frozen parameter `name`, as it was given: as a float, it has the name."""
        return self._of(name, "given")

    def _of(self, name: str, what: str) -> str:
        key = f"{name}_{what}"
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
        if kind is not dict and kind is not proxy and not (is_keyed(parameters) and omega_symbol in parameters):
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
            return call((t, k, omega))
        return call((t, k, omega), out)
    """
    return _text(shape, _Words(shape))


def _text(shape: Shape, w: _Words) -> str:
    free, dynamic = shape.having("free"), shape.having("dynamic")
    header = [f"{name}={w['missing']}" for name in free] + ["/"] * bool(free)
    # Arguments fill from the left, so that the last one tells of all. None goes by keyword, which finds duplicates.
    unfit = [f"{name} is {w['missing']}" for name in free[-1:]] + [w["extra"], w["keywords"]]
    given = "".join(f"{name}, " for name in free)
    roles = zip(shape.names, shape.roles, strict=True)
    passed = [w.given(n) if shape.floats and role == "frozen" else n for n, role in roles]
    values = f"({', '.join(passed)}{',' if len(passed) == 1 else ''})"
    lines = [
        f"def {w['wrapper']}({', '.join([*header, '*' + w['extra'], 'out=None', '**' + w['keywords']])}):",
        f"    if {' or '.join(unfit)}:",
        f"        return {w['misfit']}(({given}*{w['extra']}), {w['keywords']}, out)"
        if free
        else f"        return {w['misfit']}({w['extra']}, {w['keywords']}, out)",
    ]
    if dynamic:
        source = {"attribute": ".parameters", "mapping": "", "dict": "", "cells": "._cells"}[shape.lookup]
        lines.append(f"    {w['parameters']} = {w['context']}{source}")
        if shape.lookup in ("attribute", "mapping"):
            lines.append(f"    {w['kind']} = {w['parameters']}.__class__")
    for name in dynamic:
        lines += _reading(name, w, shape.lookup)
    if shape.floats:
        lines += _calling_floats(shape, w)
    return "\n".join(
        [
            *lines,
            "    if out is None:",
            f"        return {w['call']}({values})",
            f"    return {w['call']}({values}, out)",
        ]
    )


def _calling_floats(shape: Shape, w: _Words) -> list[str]:
    """Statements that return what the form for floats gives, if it can be asked."""
    unknown = [name for name, role in zip(shape.names, shape.roles, strict=True) if role != "frozen"]
    tests = [f"{w['type']}({name}) is {w['float']}" for name in unknown]
    body = shape.body or (f"    return {w['floats']}({', '.join(shape.names)})",)
    return [
        f"    if {' and '.join([*tests, 'out is None'])}:",
        "        try:",
        *("        " + line for line in body),
        f"        except {w['refusals']}:",
        "            pass",
    ]


def _reading(name: str, w: _Words, lookup: Lookup) -> list[str]:
    """Statements that set `name` to the current value, where only a symbol that is not there is our own error.

    A dict (or a proxy of one) raises KeyError for that, so it is asked once. Any other mapping is asked first: it may
    make up what it lacks (defaultdict), and a KeyError out of its look-up is its own affair.
    """
    symbol, parameters, kind = w.symbol(name), w["parameters"], w["kind"]
    found = f"{parameters}[{symbol}]{'.value' if lookup == 'cells' else ''}"
    looking = [
        "    try:",
        f"        {name} = {found}",
        f"    except {w['KeyError']}:",
        f"        if {symbol} in {parameters}:",
        "            raise",
        f"        raise {w['absent']}({parameters}) from None",
    ]
    if lookup == "cells":
        return looking
    if lookup != "dict":
        looking = [
            f"    if {kind} is not {w['dict']} and {kind} is not {w['proxy']} "
            f"and not ({w['is_keyed']}({parameters}) and {symbol} in {parameters}):",
            f"        raise {w['absent']}({parameters})",
            *looking,
        ]
    taking = [
        "    try:",
        f"        {name} = {name}.value",
        f"    except {w['AttributeError']}:",
        f"        if {w['keeps_value']}({name}):",
        "            raise",
    ]
    if lookup != "attribute":
        taking = [f"    if {name}.__class__ not in {w['plain']}:", *(f"    {line}" for line in taking)]
    return looking + taking


@lru_cache(maxsize=512)
def _compiled(shape: Shape) -> tuple[CodeType, _Words]:
    words = _Words(shape)
    source = _text(shape, words)
    filename = new_filename()
    code = compile(source, filename, "exec", dont_inherit=True)
    # What runs is the code of the function, which may live longer than the code that defines it.
    [function] = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    show(filename, source, function)
    return code, words


def lookup_of(context: Any) -> Lookup:
    """How the values in a context are found."""
    if type(context) is Parameters:
        return "cells"
    if type(context) is dict:
        return "dict"
    return "attribute" if context is None or holds_parameters(context) else "mapping"


def is_like_a_float(value: Any) -> bool:
    """Is a frozen value a number that is the same as a float?

    >>> is_like_a_float(2.5), is_like_a_float(3), is_like_a_float(2**60), is_like_a_float(np.float32(2))
    (True, True, False, False)
    """
    return type(value) in (float, np.float64) or (type(value) is int and abs(value) <= 2**53)


def wrapper(
    shape: Shape,
    *,
    call: Callable[..., Any],
    floats: Callable[..., Any] | None,
    misfit: Callable[..., Any],
    absent: Callable[[Any], Exception],
    frozen: Mapping[str, Any],
    symbols: Mapping[str, Any],
    context: Any,
    body_names: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[..., Any]:
    """The function of the free parameters, of `out=`, and of nothing else.

    Args:
        shape: which parameter comes from where.
        call: the compiled function, which takes the tuple of all values, in order, and `out`.
        floats: the form for floats, where it does not stand in the wrapper.
        misfit: called with (positional arguments, keywords, out) when they are not just the free parameters in order.
        absent: makes the error for dynamic symbols that the given mapping does not hold.
        frozen: value by parameter name.
        symbols: symbol by parameter name, of the dynamic parameters.
        context: where they are read from.
        body_names: the global names in `shape.body`.
    """
    code, words = _compiled(shape)
    namespace = bare_namespace(__name__=__name__)
    namespace |= frozen
    namespace |= {words[word]: value for word, value in _BUILTIN_WORDS.items()}
    namespace |= {words[word]: value for word, value in (("call", call), ("misfit", misfit), ("absent", absent))}
    namespace |= {words.symbol(name): symbol for name, symbol in symbols.items()}
    if shape.floats:
        namespace |= {words.given(name): value for name, value in frozen.items()}
        namespace |= {name: float(value) for name, value in frozen.items()}
        namespace |= body_names
        namespace[words["floats"]] = floats
    namespace[words["context"]] = context
    exec(code, namespace)
    made: Callable[..., Any] = namespace[words["wrapper"]]
    return made
