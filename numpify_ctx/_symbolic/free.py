"""Which symbols an expression needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp
from sympy.tensor.array.expressions import ArraySymbol

from .flatten import Flat
from .names import own_name
from .nodes import ExprWithLimits


_ATOMIC = (sp.Symbol, sp.MatrixSymbol, sp.Idx, sp.IndexedBase, ArraySymbol)

# What is free in a node is a mask: bit i is the i-th of the symbols found so far. A rule makes the mask of a node that
# binds symbols, or of which some parts count for nothing, from the masks of all nodes before it.
_Masks = list[int]
_Parts = list[tuple[int, ...]]
_Rule = Callable[[tuple[int, ...], _Masks, _Parts], int]


def free_arguments(expr: object, flat: Flat | None = None) -> tuple[sp.Basic, ...]:
    """The parameters that `expr` needs, by name, then by SymPy's sort_key, then by assumptions.

    The order depends on nothing but the expression: no hash and no address takes part. Dummies of one name come in the
    order of their making. An indexed base stands for its elements, a matrix symbol for its.

    Args:
        expr: an expression, or lists, tuples, dicts (their values), matrices and arrays of such.
        flat: where it is flattened, for whoever needs that again.

    >>> x, n, k = sp.symbols("x n k")
    >>> free_arguments([x**n, sp.Sum(k * n, (k, 1, n))])
    (n, x)
    """
    flat = Flat() if flat is None else flat
    by_name: dict[str, list[sp.Basic]] = {}
    for symbol in _free(flat, flat.number(expr)):
        by_name.setdefault(own_name(symbol), []).append(symbol)
    ordered: list[sp.Basic] = []
    for name in sorted(by_name):
        same = by_name[name]
        ordered.extend(same if len(same) == 1 else sorted(same, key=_tie_break))
    return tuple(ordered)


def _tie_break(symbol: sp.Basic) -> tuple[object, ...]:
    # The sort_key of a symbol is its name, which is the same here: assumptions decide.
    return sp.default_sort_key(symbol), sorted(symbol.assumptions0.items()), type(symbol).__name__


def _free(flat: Flat, root: int) -> list[sp.Basic]:
    """The symbols free in a node."""
    held = _bound_beside_symbols(flat)
    bits: dict[sp.Basic, int] = {}
    masks: _Masks = []
    rules: dict[type, _Rule | None] = {}
    # Parts stand before wholes, so that one pass has every mask when it is needed.
    for node, parts in zip(flat.nodes[: root + 1], flat.parts, strict=False):
        if isinstance(node, _ATOMIC) or (held and isinstance(node, sp.Basic) and node in held):
            # Bits in an integer: the union of thousands of symbols is one operation.
            mask = bits.setdefault(node, 1 << len(bits))
        elif not parts:
            mask = 0
        else:
            kind = type(node)
            rule = rules[kind] if kind in rules else rules.setdefault(kind, _rule_of(kind))
            if rule is None:
                mask = 0
                for part in parts:
                    mask |= masks[part]
            else:
                mask = rule(parts, masks, flat.parts)
        masks.append(mask)
    found: dict[sp.Basic, None] = {}
    for symbol, bit in bits.items():
        if masks[root] & bit:
            # What counts as one because it is bound elsewhere is here, where it is free, the symbols in it.
            found.update(dict.fromkeys([symbol] if isinstance(symbol, _ATOMIC) else free_arguments(symbol.args)))
    return list(found)


def _bound_beside_symbols(flat: Flat) -> frozenset[sp.Basic]:
    """What is bound somewhere and is no symbol, such as f(t) in `Integral(f(t)**2, (f(t), 0, 1))`: there one whole."""
    bound: set[sp.Basic] = set()
    for node in flat.nodes:
        if isinstance(node, ExprWithLimits | sp.Subs):
            variables = node.variables if isinstance(node, sp.Subs) else [limit[0] for limit in node.limits]
            bound.update(variable for variable in variables if not isinstance(variable, _ATOMIC))
    return frozenset(bound)


def _of_limits(node: tuple[int, ...], masks: _Masks, parts: _Parts) -> int:
    """A sum, product or integral. An end of one limit may use the variables of the limits after it, and not its own."""
    mask = masks[node[0]]
    for limit in node[1:]:
        variable, *ends = parts[limit]
        if not ends:
            mask |= masks[variable]  # an indefinite integral is a function of its variable
            continue
        mask &= ~masks[variable]
        for end in ends:
            mask |= masks[end]
    return mask


def _of_derivative(node: tuple[int, ...], masks: _Masks, parts: _Parts) -> int:
    """d f(x)/dx depends on x wherever f(x) does, so its variables add nothing; orders may be symbols."""
    mask = masks[node[0]]
    for variable_count in node[1:]:
        mask |= masks[parts[variable_count][1]]
    return mask


def _of_lambda(node: tuple[int, ...], masks: _Masks, parts: _Parts) -> int:
    signature, body = node
    # The signature is a Tuple, whose mask is that of all variables in it.
    return masks[body] & ~masks[signature]


def _of_substitution(node: tuple[int, ...], masks: _Masks, parts: _Parts) -> int:
    body, variables, point = node
    # The point lies outside: the x in f(x) at x = x + 1 is free.
    return (masks[body] & ~masks[variables]) | masks[point]


def _of_limit(node: tuple[int, ...], masks: _Masks, parts: _Parts) -> int:
    body, variable, target, _ = node
    return (masks[body] & ~masks[variable]) | masks[target]


def _of_root_sum(node: tuple[int, ...], masks: _Masks, parts: _Parts) -> int:
    polynomial, function, variable = node
    return (masks[polynomial] & ~masks[variable]) | masks[function]


def _of_dict(node: tuple[int, ...], masks: _Masks, parts: _Parts) -> int:
    """Keys are not computed."""
    mask = 0
    for item in node:
        mask |= masks[parts[item][1]]
    return mask


def _of_number(node: tuple[int, ...], masks: _Masks, parts: _Parts) -> int:
    """A root of a polynomial, whose variable is bound."""
    return 0


_RULES: Mapping[type, _Rule] = {
    ExprWithLimits: _of_limits,
    sp.Derivative: _of_derivative,
    sp.Lambda: _of_lambda,
    sp.Subs: _of_substitution,
    sp.Limit: _of_limit,
    sp.RootSum: _of_root_sum,
    sp.Dict: _of_dict,
    sp.CRootOf: _of_number,
}


def _rule_of(kind: type) -> _Rule | None:
    """The rule of a class, or of the one it is derived from."""
    # By base: sums, products and integrals share one.
    return next((_RULES[base] for base in kind.__mro__ if base in _RULES), None)
