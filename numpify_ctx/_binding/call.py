"""The function behind a call: generated, so that a bound call costs little more than the compiled function itself.

Its text holds parameter names, which are checked and never begin as our own words do (`names.can_stand`), and those
words, nothing else of the expression; its namespace has no builtins. What is frozen is a global of it, or of what it
calls, what is dynamic is looked up anew in every call, and whatever does not fit (a keyword, too few or too many
arguments) is sorted out by `Bindings.arguments`, which has the words for what is wrong.

Where all values are floats, the form for floats runs at once, and if it is short it stands in the wrapper itself.
Other numbers have a way of their own by their types, see `ways`; arrays like earlier ones have statements here, see
`quick`. What these refuse, and all else, goes to the compiled function, which looks at what it gets.

A call passes no `out=` as a rule, and Python finds a default for a parameter by keyword in longer than it takes to see
that there are no keywords at all: so `out` is one of those.

Nothing here refers to the function that is called, or it would only go when the garbage collector comes by, and with
it whatever it froze.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from types import CodeType, MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np

from .._emission.listing import new_filename, show
from .._emission.namespace import bare_namespace
from .._execution.entry import REFUSALS
from .._execution.quick import WORDS
from .._execution.ways import TYPES, Ways
from .ambient import is_keyed
from .context import Parameters
from .live import current, keeps_value


Role = Literal["free", "frozen", "dynamic"]
Lookup = Literal["attribute", "mapping", "dict", "cells"]

Place: TypeAlias = "str | tuple[Place, ...]"
"""What one argument is: a parameter, by name, or several that are passed as one."""


@dataclass(frozen=True, slots=True)
class Shape:
    """All that determines the text of a wrapper.

    Attributes:
        names: every parameter name, in call order.
        roles: for each of them, where its value comes from.
        lookup: how the context is read: it has the mapping as `parameters`; it is itself the mapping; it is a dict;
            it is one of our own, with `Parameter` objects in `_cells`.
        value: the attribute by which those objects are read: `value`, or the slot behind it.
        floats: whether there is a form for floats, and what is frozen are numbers that it takes.
        body: the statements of that form, if they are to stand in the wrapper.
        bodies: names of types that came, and the statements of their way.
        numbers: whether there are ways for numbers of other types.
        places: what is passed, if parameters nest; else the free ones are.
        decided: names of what frozen numbers decide alone, which the form for floats takes behind the others.
        quick: the statements of quick ways.
        takes_out: did `out` come before? A parameter for it takes half the time of a look into keywords, but some time
            also of calls without.
    """

    names: tuple[str, ...]
    roles: tuple[Role, ...]
    lookup: Lookup = "attribute"
    value: Literal["value", "_value"] = "value"
    floats: bool = False
    body: tuple[str, ...] = ()
    bodies: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    numbers: bool = False
    places: tuple[Place, ...] | None = None
    decided: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    takes_out: bool = False

    def having(self, role: Role) -> list[str]:
        """Names of the parameters that have this role, in call order."""
        return [name for name, its in zip(self.names, self.roles, strict=True) if its == role]

    def numbered(self) -> dict[str, int]:
        """The place of each parameter in call order."""
        return {name: number for number, name in enumerate(self.names)}

    def passed(self) -> tuple[Place, ...]:
        """What a call takes, in order."""
        return tuple(self.having("free")) if self.places is None else self.places


MISSING = object()  # the default of every argument: no caller has it, while None is a value like any other

# The types that a plain mapping mostly holds, so that reading a number makes no exception first.
_PLAIN = frozenset({bool, int, float, complex, np.ndarray, np.bool_, np.int64, np.float32, np.float64, np.complex128})


def items_of(value: object) -> Iterable[Any]:
    """The values of several parameters that are passed as one.

    Raises:
        TypeError: it has no order, or is text.
    """
    if isinstance(value, Mapping | set | frozenset | str | bytes):
        raise TypeError(f"a {type(value).__name__} is no sequence of values")
    return value  # type: ignore[return-value]  # what cannot be iterated says so where it is


_WORDS: Mapping[str, Any] = {
    **WORDS,
    **{word: kind for kind, word in TYPES.items()},
    "_AttributeError": AttributeError,
    "_KeyError": KeyError,
    "_current": current,
    "_dict": dict,
    "_double": np.dtype(np.float64),
    "_is_keyed": is_keyed,
    "_isinstance": isinstance,
    "_items_of": items_of,
    "_keeps_value": keeps_value,
    "_missing": MISSING,
    "_out": "out",
    "_plain": _PLAIN,
    "_pop": dict.pop,
    "_proxy": MappingProxyType,
    "_refusals": REFUSALS,
}
"""What our words stand for, but for those that `wrapper` is given."""


def text(shape: Shape) -> str:
    """The source of the wrapper.

    >>> print(text(Shape(("t", "k", "omega"), ("free", "frozen", "dynamic"), takes_out=True)))
    def _wrapper(t=_missing, /, *_extra, out=None, **_keywords):
        if t is _missing or _extra or _keywords:
            [t] = _fit((t, *_extra), _keywords)
        _parameters = _context.parameters
        _kind = _parameters.__class__
        if _kind is not _dict and _kind is not _proxy and not (_is_keyed(_parameters) and _symbol2 in _parameters):
            raise _absent(_parameters)
        try:
            omega = _parameters[_symbol2]
        except _KeyError:
            if _symbol2 in _parameters:
                raise
            raise _absent(_parameters) from None
        if omega.__class__ not in _plain and not _isinstance(omega, _array):
            try:
                omega = omega.value
            except _AttributeError:
                if _keeps_value(omega):
                    raise
                omega = _current(omega)
        return _call((t, omega), out)
    """
    taken, unpacking = _taking(shape.passed(), count())
    values = [name for name, role in zip(shape.names, shape.roles, strict=True) if role != "frozen"]
    passed = f"({', '.join(values)}{',' if len(values) == 1 else ''})"
    lines = [_header(shape, taken)]
    # Where arguments are what the form takes, their types are asked for before all else: a call has no keywords then.
    is_first = bool(values) and taken == values and not shape.quick
    if is_first:
        others = ["not _extra", "not _keywords", *["out is None"] * shape.takes_out]
        lines += _calling_floats(shape, values, others, f"return _call({passed}, None)")
    lines += _fitting(shape, taken, unpacking)
    if dynamic := shape.having("dynamic"):
        numbers = shape.numbered()
        looking = _looking(shape.lookup)
        for name in dynamic:
            looking += _reading(name, f"_symbol{numbers[name]}", shape.lookup)
        if shape.lookup == "cells":
            # A symbol's hash is a method of SymPy's, which takes longer than all else that is done for a parameter.
            lines.append("    if _context._stamp is _stamp:")
            lines += [f"        {name} = _cell{numbers[name]}.{shape.value}" for name in dynamic]
            looking = ["    else:", *("    " + line for line in looking)]
        lines += looking
    lines += shape.quick
    if not is_first:
        lines += _calling_floats(shape, values, ["out is None"], "pass")
    lines += _calling_numbers(shape, values, "if" if is_first or not shape.floats else "elif")
    return "\n".join([*lines, f"    return _call({passed}, out)"])


def _header(shape: Shape, taken: Sequence[str]) -> str:
    passed = [f"{word}=_missing" for word in taken]
    behind = ["*_extra", *["out=None"] * shape.takes_out, "**_keywords"]
    return f"def _wrapper({', '.join([*passed, *['/'] * bool(passed), *behind])}):"


def _fitting(shape: Shape, taken: Sequence[str], unpacking: Sequence[str]) -> list[str]:
    """Statements after which every free parameter has a value."""
    given = "".join(f"{word}, " for word in taken)
    fitted = f"[{', '.join(shape.having('free'))}] = _fit"
    # Arguments fill from the left, so that the last one tells of all. None goes by keyword, which finds duplicates.
    unfit = " or ".join([*(f"{word} is _missing" for word in taken[-1:]), "_extra", "_keywords"])
    taking_out = [
        "    out = None",
        "    if _keywords:",
        "        out = _pop(_keywords, _out, None)",
        "        if out is not None:",
        "            _note_out()",
    ]
    lines = [
        *([] if shape.takes_out else taking_out),
        f"    if {unfit}:",
        f"        {fitted}({f'({given}*_extra)' if taken else '_extra'}, _keywords)",
    ]
    if unpacking:
        lines += [
            "    else:",
            "        try:",
            *("            " + line for line in unpacking),
            "        except (_TypeError, _ValueError):",  # too many, too few, or no sequence
            f"            {fitted}(({given}), _keywords)",
        ]
    return lines


def _taking(places: Sequence[Place], groups: Iterator[int]) -> tuple[list[str], list[str]]:
    """Words for arguments, and statements that take the values out of those that hold several."""
    words: list[str] = []
    unpacking: list[str] = []
    for place in places:
        if isinstance(place, str):
            words.append(place)
            continue
        word = f"_group{next(groups)}"
        words.append(word)
        inner, below = _taking(place, groups)
        # Out of a vector of doubles come floats, for which there is a faster form.
        unpacking.append(
            f"[{', '.join(inner)}] = {word}.tolist() if _type({word}) is _array and {word}.ndim == 1 "
            f"and {word}.dtype is _double else _items_of({word})"
        )
        unpacking += below
    return words, unpacking


def _calling_floats(shape: Shape, unknown: Sequence[str], others: Sequence[str], refused: str) -> list[str]:
    """Statements that return what the form for floats gives, if it is to be asked."""
    if not shape.floats:
        return []
    body = shape.body or (f"    return _floats({', '.join([*shape.names, *shape.decided])})",)
    tests = " and ".join([*(f"_type({name}) is _float" for name in unknown), *others])
    return [f"    if {tests}:", *_trying(body, refused)]


def _calling_numbers(shape: Shape, unknown: Sequence[str], begin: str) -> list[str]:
    """Statements that return what the way for numbers of these types gives, if there is one."""
    lines: list[str] = []
    if not unknown:
        return lines
    first, *rest = unknown
    kind = f"(_kind := _type({first}))"
    for (first_type, *types_of_rest), body in shape.bodies:
        alike = [f"_type({name}) is {its}" for name, its in zip(rest, types_of_rest, strict=True)]
        tests = " and ".join([f"{kind} is {first_type}", *alike, "out is None"])
        lines += [f"    {begin} {tests}:", *_trying(body)]
        begin, kind = "elif", "_kind"
    if shape.numbers:
        types = ", ".join(["_kind", *(f"_type({name})" for name in rest)])
        lines += [
            f"    {begin} {kind} is not _array and out is None:",
            "        try:",
            f"            _way = _ways[{types}]",
            "        except _KeyError:",
            f"            _way = _find(({types}))",
            "        if _way is not None:",
            *("    " + line for line in _trying([f"    return _way({', '.join(unknown)})"])),
        ]
    return lines


def _trying(body: Sequence[str], refused: str = "pass") -> list[str]:
    return [
        "        try:",
        *("        " + line for line in body),
        "        except _refusals:",
        f"            {refused}",
    ]


def _looking(lookup: Lookup) -> list[str]:
    """Statements that find the mapping in which values are looked up."""
    source = {"attribute": ".parameters", "mapping": "", "dict": "", "cells": "._cells"}[lookup]
    lines = [f"    _parameters = _context{source}"]
    if lookup in ("attribute", "mapping"):
        lines.append("    _kind = _parameters.__class__")
    return lines


def _reading(name: str, symbol: str, lookup: Lookup) -> list[str]:
    """Statements that set `name` to the current value, where only a symbol that is not there is our own error.

    A dict (or a proxy of one) raises KeyError for that, so it is asked once. Any other mapping is asked first: it may
    make up what it lacks (defaultdict), and a KeyError out of its look-up is its own affair.
    """
    looking = [
        "    try:",
        f"        {name} = _parameters[{symbol}]{'.value' if lookup == 'cells' else ''}",
        "    except _KeyError:",
        f"        if {symbol} in _parameters:",
        "            raise",
        "        raise _absent(_parameters) from None",
    ]
    if lookup == "cells":
        return looking
    if lookup != "dict":
        looking = [
            "    if _kind is not _dict and _kind is not _proxy "
            f"and not (_is_keyed(_parameters) and {symbol} in _parameters):",
            "        raise _absent(_parameters)",
            *looking,
        ]
    taking = [
        f"    if {name}.__class__ not in _plain and not _isinstance({name}, _array):",
        "        try:",
        f"            {name} = {name}.value",
        "        except _AttributeError:",
        f"            if _keeps_value({name}):",
        "                raise",
        f"            {name} = _current({name})",
    ]
    return looking + taking


@lru_cache(maxsize=512)
def _compiled(shape: Shape) -> CodeType:
    source = text(shape)
    filename = new_filename()
    code = compile(source, filename, "exec", dont_inherit=True)
    # What runs is the code of the function, which may live longer than the code that defines it.
    [function] = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    show(filename, source, function)
    return code


def wrapper(
    shape: Shape,
    *,
    call: Callable[..., Any],
    floats: Callable[..., Any] | None,
    ways: Ways | None = None,
    fit: Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Any, ...]],
    absent: Callable[[Any], Exception],
    note_out: Callable[[], None] | None,
    frozen: Mapping[str, Any],
    symbols: Mapping[str, Any],
    context: object,
    body_names: Mapping[str, Any] = MappingProxyType({}),
    decided: Mapping[str, float] = MappingProxyType({}),
    quick_names: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[..., Any]:
    """The function of the free parameters, of `out=`, and of nothing else.

    Args:
        shape: which parameter comes from where.
        call: the compiled function, which takes the tuple of the values that are not frozen, in order, and `out`.
        floats: the form for floats, where it does not stand in the wrapper.
        ways: what computes numbers, by their types.
        fit: the values of the free parameters, in order, from positional arguments and keywords that are not just
            that.
        note_out: called when `out` comes first; None if it is a parameter.
        absent: makes the error for dynamic symbols that the given mapping does not hold.
        frozen: value by parameter name; asked for by the form for floats only.
        symbols: symbol by parameter name, of the dynamic parameters.
        context: where they are read from.
        body_names: the global names in `shape.body` and `shape.bodies`.
        decided: what the frozen ones decide alone, by the names in `shape.decided`.
        quick_names: the global names in `shape.quick`.
    """
    namespace = bare_namespace(__name__=__name__)
    namespace |= _WORDS
    numbers = shape.numbered()
    namespace |= {f"_symbol{numbers[name]}": symbol for name, symbol in symbols.items()}
    if isinstance(context, Parameters) and shape.lookup == "cells" and symbols:
        held = context._found(symbols.values())
        namespace["_stamp"] = None if held is None else held[0]
        cells = [None] * len(symbols) if held is None else held[1]
        namespace |= {f"_cell{numbers[name]}": cell for name, cell in zip(symbols, cells, strict=True)}
    namespace |= quick_names
    namespace |= {"_call": call, "_fit": fit, "_absent": absent, "_note_out": note_out, "_context": context}
    if shape.floats:
        namespace |= {name: float(value) for name, value in frozen.items()}
        namespace |= decided
        namespace["_floats"] = floats
    namespace |= body_names
    if ways is not None:
        namespace |= {"_ways": ways.known, "_find": ways.find}
    exec(_compiled(shape), namespace)
    made: Callable[..., Any] = namespace.pop("_wrapper")  # what has itself among its globals is a cycle
    return made
