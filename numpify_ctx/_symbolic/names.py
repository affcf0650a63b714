"""Symbols to parameter names, for any string that a symbol may be called."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import count
from typing import NoReturn

import sympy as sp
from sympy.tensor.array.expressions import ArraySymbol

from .._errors import CompileError
from .nodes import AppliedUndef, MatrixElement
from .text import describe


RESERVED: frozenset[str] = frozenset({*keyword.kwlist, "np", "math", "out", "__debug__", "__builtins__"})
"""Names that no parameter gets: what Python refuses, and the few that generated code spells out itself.

Soft keywords (`match`, `type`), builtins (`sum`, `abs`) and NumPy's functions (`sin`, `beta`) are not here. Generated
code runs without builtins and reaches NumPy as `np.sin`, so `beta` stays `beta` and can be passed by keyword.
"""


def can_stand(name: str) -> bool:
    """Whether a parameter can have this name as it is.

    Names that begin with `_` and have no `__` are for the words of generated code, which so never meets a parameter's.

    >>> [can_stand(name) for name in ("x", "lambda", "x y", "_x", "_x__")]
    [True, False, False, False, True]
    """
    return name.isidentifier() and name not in RESERVED and (name[0] != "_" or "__" in name)


Signature = tuple[tuple[sp.Basic, str], ...]
"""What is passed and under which name: `((symbol, parameter name), ...)` in call order."""


def normalized(name: str) -> str:
    """The name as Python reads it: its parser applies NFKC to every identifier, so that ﬁ and fi are one.

    >>> normalized("ﬁ"), normalized("x²")
    ('fi', 'x2')
    """
    # str.__str__ makes a true str of a subclass, whose own methods are then never run.
    return unicodedata.normalize("NFKC", str.__str__(name))


def identifier(name: str) -> str:
    """A valid parameter name made from any string: itself where it can stand, else one that ends in `__`.

    Each run of characters that no identifier has becomes one `_`, and none at the ends. The result is never reserved
    and is unchanged by NFKC, so the name in the source, in a signature and in a call are the same string.

    >>> [identifier(name) for name in ("omega", "lambda", "x-y", "x_{1}", "x'", "2x", "out", "_x", "")]
    ['omega', 'lambda__', 'x_y__', 'x_1__', 'x__', '_2x__', 'out__', '_x__', '__']
    """
    name = normalized(name)
    if can_stand(name):
        return name
    # Joining characters that may each continue an identifier gives one; NFKC survives, as `_` combines with nothing.
    kept = "".join(char if f"_{char}".isidentifier() else " " for char in name)
    stem = re.sub("_? +_?", "_", kept.strip())
    # All characters may continue an identifier; the first, a digit say, need not begin one.
    if stem and not stem.isidentifier():
        stem = f"_{stem}"
    return f"{stem}__"


def group_name(names: Sequence[str], taken: Container[str]) -> str:
    """A name for several parameters that are passed as one, made of theirs.

    >>> group_name(["x", "v"], ()), group_name(["x"], {"x"}), group_name(["a", "b", "c", "d", "e"], ())
    ('x_v', 'x__0', 'a_to_e')
    """
    joined = "_".join(names) if len(names) < 5 else f"{names[0]}_to_{names[-1]}"
    name = identifier(joined or "nothing")
    return name if name not in taken else next(_numbered(name, taken))


def _numbered(name: str, taken: Container[str]) -> Iterator[str]:
    """`name__0`, `name__1`, ... without those taken (looked up as they come); every number is tried once."""
    return (candidate for number in count() if (candidate := f"{name}__{number}") not in taken)


def call_signature(args: Iterable[sp.Basic]) -> Signature:
    """Every argument with its parameter name: `((arg, name), ...)`, in the given order.

    Names are unique. A name that can stand and that one argument has is kept, whatever else is there. A name that
    several share, compared after NFKC, is kept by none of them: all are numbered in argument order, past any number
    that is itself the name of another argument. A name that cannot stand is mangled as `identifier` does.

    Args:
        args: symbols and what else can be a parameter (see `own_name`), each once.
    Raises:
        CompileError: an argument is listed twice, or cannot be a parameter.

    >>> x, k = sp.symbols("x lambda")
    >>> call_signature([x, k])
    ((x, 'x'), (lambda, 'lambda__'))
    >>> [name for _, name in call_signature([x, sp.Symbol("x", positive=True), sp.Symbol("x__0")])]
    ['x__1', 'x__2', 'x__0']
    """
    args = tuple(args)
    own = [normalized(own_name(arg)) for arg in args]
    if len(set(args)) < len(args):
        twice = next(arg for arg, times in Counter(args).items() if times > 1)
        raise CompileError(f"cannot take parameter {twice!r} twice: args are {_listed(args)}; list it once")
    if len(set(own)) == len(own) and all(map(can_stand, own)):
        return tuple(zip(args, own, strict=True))
    shared = Counter(own)
    # Settled first: a name that is made must not take one that can stand.
    kept = {name for name in own if shared[name] == 1 and identifier(name) == name}
    taken = set(kept)
    numbers: dict[str, Iterator[str]] = {}
    names = []
    for raw in own:
        name = identifier(raw)
        if raw not in kept:
            if shared[raw] > 1 or name in taken:
                # One generator for each stem, or a thousand symbols of one name would try a million numbers.
                name = next(numbers.setdefault(name, _numbered(name, taken)))
            taken.add(name)
        names.append(name)
    return tuple(zip(args, names, strict=True))


def own_name(arg: object) -> str:
    """What an argument calls itself, as any string: the base of its parameter name.

    A symbol, dummy, index, matrix or array symbol, indexed base, coordinate or unit has a name; `f(t)` is called f,
    its second derivative d2f_dt2, and the element `A[0, 1]` A_0_1.

    Raises:
        CompileError: `arg` is none of these.

    >>> t = sp.Symbol("t")
    >>> f = sp.Function("f")(t)
    >>> [own_name(arg) for arg in (t, f, f.diff(t), f.diff(t, 2), sp.MatrixSymbol("A", 2, 2)[0, 1])]
    ['t', 'f', 'df_dt', 'd2f_dt2', 'A_0_1']
    """
    match arg:
        case sp.Symbol() | sp.MatrixSymbol():
            return str(arg.name)
        case sp.Idx() | sp.IndexedBase():
            return _piece(arg.label)
        case ArraySymbol():
            return str(arg.args[0])
        case AppliedUndef():
            return str(type(arg).__name__)
        case sp.Derivative():
            return _derivative_name(arg)
        case sp.Indexed():
            return "_".join([own_name(arg.base), *map(_piece, arg.indices)])
        case MatrixElement():
            return "_".join(map(_piece, arg.args))
        case sp.AtomicExpr() if isinstance(name := _coordinate_name(arg), str):
            return name
        case _:
            _refuse_argument(arg)


def _coordinate_name(arg: object) -> object:
    """What a coordinate of `sympy.vector` or a unit of `sympy.physics` is called; None for a number."""
    name = getattr(arg, "name", getattr(arg, "_name", None))
    # The name of a unit is itself a symbol.
    return getattr(name, "name", name)


def _refuse_argument(arg: object) -> NoReturn:
    if isinstance(arg, str):
        raise CompileError(f"cannot take {arg!r} as a parameter: strings are never read as code; pass Symbol({arg!r})")
    raise CompileError(
        f"cannot take {describe(arg)} as a parameter: it is of type {type(arg).__name__}; parameters are symbols, "
        "matrix and array symbols, indexed bases and their elements, applied undefined functions and derivatives"
    )


def _derivative_name(arg: sp.Derivative) -> str:
    orders = [_order(times) for _, times in arg.variable_count]
    # Orders that are symbols have no sum that fits into a name.
    total = orders[0] if len(orders) == 1 else str(sum(map(int, orders))) if all(map(str.isdigit, orders)) else "n"
    below = "".join(f"d{_piece(v)}{_power(n)}" for (v, _), n in zip(arg.variable_count, orders, strict=True))
    return f"d{_power(total)}{_piece(arg.expr)}_{below}"


def _order(times: object) -> str:
    return str(int(times)) if isinstance(times, sp.Integer) else _piece(times)


def _power(order: str) -> str:
    return "" if order == "1" else order


def _piece(arg: object) -> str:
    """A short name for what stands in a longer name; words for what has none, since only names are ever shown."""
    if isinstance(arg, sp.Integer):
        # No identifier has a minus sign in it.
        return str(int(arg)).replace("-", "m")
    try:
        return own_name(arg)
    except CompileError:
        return type(arg).__name__


def _listed(args: Iterable[object]) -> str:
    return ", ".join(map(describe, args))
