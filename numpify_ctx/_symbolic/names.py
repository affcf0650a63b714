"""Symbols to parameter names, for any string that a symbol may be called; and which symbols an expression needs."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Set as AbstractSet
from itertools import count
from typing import Any, NoReturn

import numpy as np
import sympy as sp
from sympy.tensor.array.expressions import ArraySymbol

from .._errors import CompileError
from .nodes import AppliedUndef, ExprWithLimits, MatrixElement
from .text import describe


RESERVED: frozenset[str] = frozenset({*keyword.kwlist, "np", "math", "out", "__debug__", "__builtins__"})
"""Names that no parameter gets: what Python refuses, and the few that generated code spells out itself.

Soft keywords (`match`, `type`), builtins (`sum`, `abs`) and NumPy's functions (`sin`, `beta`) are not here. Generated
code runs without builtins and reaches NumPy as `np.sin`, so `beta` stays `beta` and can be passed by keyword.
"""

Signature = tuple[tuple[Any, str], ...]
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

    >>> [identifier(name) for name in ("omega", "lambda", "x-y", "x_{1}", "x'", "2x", "out", "")]
    ['omega', 'lambda__', 'x_y__', 'x_1__', 'x__', '_2x__', 'out__', '__']
    """
    name = normalized(name)
    if name.isidentifier() and name not in RESERVED:
        return name
    # Joining characters that may each continue an identifier gives one; NFKC survives, as `_` combines with nothing.
    kept = "".join(char if f"_{char}".isidentifier() else " " for char in name)
    stem = re.sub("_? +_?", "_", kept.strip())
    if stem and not stem.isidentifier():
        stem = f"_{stem}"
    return f"{stem}__"


def fresh_name(base: str, taken: Container[str]) -> str:
    """A parameter name made from `base` that is neither reserved nor in `taken`, numbered if it has to be.

    >>> fresh_name("x", {"y"}), fresh_name("x", {"x", "x__0"}), fresh_name("lambda", {"x"})
    ('x', 'x__1', 'lambda__')
    """
    name = identifier(base)
    return name if name not in taken else next(_numbered(name, taken))


def _numbered(name: str, taken: Container[str]) -> Iterator[str]:
    """`name__0`, `name__1`, ... without those taken (looked up as they come); every number is tried once."""
    return (candidate for number in count() if (candidate := f"{name}__{number}") not in taken)


def call_signature(args: Iterable[Any]) -> Signature:
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
    if len(set(own)) == len(own) and all(name.isidentifier() and name not in RESERVED for name in own):
        return tuple(zip(args, own, strict=True))
    shared = Counter(own)
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


def own_name(arg: Any) -> str:
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


def _coordinate_name(arg: Any) -> Any:
    """What a coordinate of `sympy.vector` or a unit of `sympy.physics` is called; None for a number."""
    name = getattr(arg, "name", getattr(arg, "_name", None))
    return getattr(name, "name", name)


def _refuse_argument(arg: Any) -> NoReturn:
    if isinstance(arg, str):
        raise CompileError(f"cannot take {arg!r} as a parameter: strings are never read as code; pass Symbol({arg!r})")
    if isinstance(arg, list | tuple | sp.Tuple | sp.MatrixBase | sp.NDimArray):
        raise CompileError(
            f"cannot take {describe(arg)} as a parameter: it is a {type(arg).__name__} of several; list them one by "
            "one, [x, y, z] for [(x, y), z], and call f(*xy, z); or make them elements of an IndexedBase or MatrixSymbol"
        )
    raise CompileError(
        f"cannot take {describe(arg)} as a parameter: it is of type {type(arg).__name__}; parameters are symbols, "
        "matrix and array symbols, indexed bases and their elements, applied undefined functions and derivatives"
    )


def _derivative_name(arg: sp.Derivative) -> str:
    orders = [_order(times) for _, times in arg.variable_count]
    total = orders[0] if len(orders) == 1 else str(sum(map(int, orders))) if all(map(str.isdigit, orders)) else "n"
    below = "".join(f"d{_piece(v)}{_power(n)}" for (v, _), n in zip(arg.variable_count, orders, strict=True))
    return f"d{_power(total)}{_piece(arg.expr)}_{below}"


def _order(times: sp.Basic) -> str:
    return str(int(times)) if times.is_Integer else _piece(times)


def _power(order: str) -> str:
    return "" if order == "1" else order


def _piece(arg: sp.Basic) -> str:
    """A short name for what stands in a longer name; words for what has none, since only names are ever shown."""
    if isinstance(arg, sp.Integer):
        return str(int(arg)).replace("-", "m")
    try:
        return own_name(arg)
    except CompileError:
        return type(arg).__name__


def _listed(args: Iterable[Any]) -> str:
    return ", ".join(map(describe, args))


def ordered_arguments(args: Any) -> tuple[Any, ...]:
    """What the caller listed as parameters: one symbol, or an ordered collection of them.

    Raises:
        CompileError: a string (never read as names), a set or mapping (no order), or no collection at all.

    >>> ordered_arguments(sp.Symbol("x"))
    (x,)
    """
    match args:
        case sp.Tuple():
            return tuple(args.args)
        case sp.MatrixBase():
            return tuple(args.flat())
        case sp.NDimArray():
            return tuple(sp.flatten(args.tolist()))
        case sp.Basic() if not isinstance(args, sp.FiniteSet):
            return (args,)
        case str():
            raise CompileError(
                f"cannot take args={args!r}: strings are never read as names; pass the symbols themselves"
            )
        case AbstractSet() | Mapping() | sp.FiniteSet():
            raise CompileError(
                f"cannot take args of type {type(args).__name__}: it has no order; pass a list, or no args at all"
            )
        case Iterable():
            return tuple(args)
        case _:
            raise CompileError(
                f"cannot take args={describe(args)}: it is of type {type(args).__name__}; pass a list of symbols"
            )


def free_arguments(expr: Any) -> tuple[Any, ...]:
    """The parameters that `expr` needs, by name, then by SymPy's sort_key, then by assumptions.

    The order depends on nothing but the expression: no hash and no address takes part. Dummies of one name come in the
    order of their making. An indexed base stands for its elements, a matrix symbol for its.

    Args:
        expr: an expression, or lists, tuples, dicts (their values), matrices and arrays of such.

    >>> x, n, k = sp.symbols("x n k")
    >>> free_arguments([x**n, sp.Sum(k * n, (k, 1, n))])
    (n, x)
    """
    found = _find_free(expr)
    by_name: dict[str, list[Any]] = {}
    for symbol in found:
        by_name.setdefault(own_name(symbol), []).append(symbol)
    ordered: list[Any] = []
    for name in sorted(by_name):
        same = by_name[name]
        ordered.extend(same if len(same) == 1 else sorted(same, key=_tie_break))
    return tuple(ordered)


def _tie_break(symbol: sp.Basic) -> tuple[Any, ...]:
    return sp.default_sort_key(symbol), sorted(symbol.assumptions0.items()), type(symbol).__name__


_ATOMIC = (sp.Symbol, sp.MatrixSymbol, sp.Idx, sp.IndexedBase, ArraySymbol)
_Binding = frozenset[Any]


def _find_free(expr: Any) -> dict[Any, None]:
    """Free symbols in the order met. One visit for each node and set of variables bound around it, no recursion:
    an expression may be 10,000 deep, or share its parts so that its tree has 2^60 nodes."""
    found: dict[Any, None] = {}
    # Nodes are kept, not only their ids, or a temporary's id could come back as another's.
    visited: dict[tuple[int, _Binding], Any] = {}
    stack: list[tuple[Any, _Binding]] = [(expr, frozenset())]
    while stack:
        node, bound = stack.pop()
        key = (id(node), bound)
        if key in visited or (bound and isinstance(node, sp.Basic) and node in bound):
            continue
        visited[key] = node
        if isinstance(node, _ATOMIC):
            found[node] = None
        else:
            stack.extend(_children(node, bound))
    return found


def _children(node: Any, bound: _Binding) -> Iterable[tuple[Any, _Binding]]:
    """What `node` is made of, each with the variables bound where it stands."""
    match node:
        case ExprWithLimits():
            return _under_limits(node, bound)
        case sp.Lambda():
            return [(node.expr, bound.union(node.variables))]
        case sp.Subs():
            return [(node.expr, bound.union(node.variables)), *((value, bound) for value in node.point)]
        case sp.RootSum():
            return [(node.fun, bound), (node.poly.as_expr(), bound | set(node.poly.gens))]
        case sp.Limit():
            body, variable, target, _ = node.args
            return [(body, bound | {variable}), (target, bound)]
        case sp.CRootOf():
            return ()  # a number: the variable of its polynomial is bound
        case sp.Derivative():
            # d f(x)/dx depends on x wherever f(x) does, so its variables add nothing; orders may be symbols.
            return [(node.expr, bound), *((order, bound) for _, order in node.variable_count)]
        case sp.Dict() | Mapping():
            return [(value, bound) for value in node.values()]
        case sp.SparseMatrix() | sp.ImmutableSparseMatrix():
            return [(entry, bound) for entry in node.todok().values()]
        case sp.MatrixBase() | sp.NDimArray():
            return [(entry, bound) for entry in sp.flatten(node.tolist())]
        case sp.Basic():
            return [(arg, bound) for arg in node.args]
        case list() | tuple():
            return [(item, bound) for item in node]
        case np.ndarray():
            return [(item, bound) for item in node.flat]
        case _:
            return ()


def _under_limits(node: ExprWithLimits, bound: _Binding) -> list[tuple[Any, _Binding]]:
    """The body, and each bound: a bound of one limit may use the variables of the limits after it, and not its own."""
    parts: list[tuple[Any, _Binding]] = []
    for variable, *ends in reversed(node.limits):
        parts.extend((end, bound) for end in ends)
        if ends:
            bound = bound | {variable}
        else:
            parts.append((variable, bound))  # an indefinite integral is a function of its variable
    return [(node.function, bound), *parts]
