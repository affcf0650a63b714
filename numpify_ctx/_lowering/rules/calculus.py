"""Rules of sums, products, integrals, derivatives, substitutions and limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.tensor.array.expressions import ArrayElement

from ..._kinds import COMPLEX, INT, REAL, arithmetic, floating
from ..._program.builder import Builder
from ..._program.ir import Op
from ..._runtime.calculus import quadrature as quad, sums as rt
from ..._runtime.calculus.slow import Slow
from ..._runtime.numbers import numpy_alone
from ..._symbolic.exact import DIGITS
from ..._symbolic.nodes import AppliedUndef, ExprWithLimits, MatrixElement, log1p
from ..._symbolic.refusal import refuse
from ..example import i, n, t, x, y
from ..rule import Body, Rule, Under


def _kinds_of_body(kinds: Sequence[int]) -> int:
    kind = arithmetic(kinds[-1:])
    return kind | REAL if kind & INT else kind  # an infinite sum, a reversed product, an overflow


SUM = Op("sum_over", rt.sum_over, rt.math_sum_over, kinds=_kinds_of_body, elementwise=False)
PRODUCT = Op("product_over", rt.product_over, rt.math_product_over, kinds=_kinds_of_body, elementwise=False)
INTEGRAL = Op(
    "integral",
    quad.integral,
    numpy_alone,
    kinds=lambda kinds: floating(kinds[-1:]) | (COMPLEX if any(k & COMPLEX for k in kinds) else 0),
    elementwise=False,
)


def _body(expr: sp.Basic) -> tuple[Any, Any, Any, Any]:
    """The outermost limit of a sum or integral, and what is inside it."""
    *inner, limit = expr.limits
    if len(limit) != 3:
        raise refuse(
            expr, f"{limit[0]} has no two limits, so that its value is not settled; give both, or call .doit() first"
        )
    variable, low, high = limit
    # The last limit is the outermost in SymPy. What is within is lowered as the body, by the same rule.
    return (type(expr)(expr.function, *inner) if inner else expr.function), variable, low, high


# The slow way puts numbers for symbols and asks mpmath: that knows no arrays, no unknown functions, and no more limits.
_NOT_SLOWLY = (
    AppliedUndef, ExprWithLimits, sp.Indexed, sp.IndexedBase, sp.MatrixExpr, sp.MatrixBase, sp.Derivative, sp.Subs,
    sp.Lambda, MatrixElement, ArrayElement,
)  # fmt: skip


def _free(body: Any, variable: sp.Basic) -> tuple[Any, ...] | None:
    """The symbols that the slow way needs values of; None if it cannot evaluate the body. Each node is seen once."""
    symbols: dict[Any, None] = {}
    seen: dict[int, Any] = {}
    todo = [body]
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        if isinstance(node, _NOT_SLOWLY):
            return None
        if isinstance(node, sp.Symbol | sp.Idx):
            symbols[node] = None
        elif isinstance(node, sp.Basic):
            todo.extend(node.args)
    symbols.pop(variable, None)
    return tuple(symbols)


def _over(op: Op, kinds: Callable[[Any], int]) -> Rule:
    def operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
        body, variable, low, high = _body(expr)
        # The symbols, too: the slow way evaluates the body by mpmath, and wants their values.
        return [low, high, *(_free(body, variable) or ()), Under(body, (variable,), kinds(low))]

    def lower(b: Builder, expr: sp.Basic, low: int, high: int, *rest: Any) -> int:
        *values, under = rest
        assert type(under) is Body
        body, variable, _, _ = _body(expr)
        symbols = _free(body, variable)
        slow = None if symbols is None else Slow(body, variable, symbols)
        for limit in (low, high):
            if b.rank[limit]:
                raise refuse(expr, "one of its limits is a matrix or array")
        return b.region(op, low, high, *values, body=under.node, bound=under.bound, extra=(b.rank[under.node], slow))

    return Rule(lower, operands, folds=False, ranked=True)


# So many factors are multiplied as they are: near the start one may be 0 or negative, and has no real logarithm.
_HEAD = 200


def _product_operands(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    """An infinite product: its first factors, and the others by the sum of their logarithms, without cancellation."""
    body, k, low, high = _body(expr)
    if high is sp.oo and low.is_finite is not False:
        # The sum of log(1 + (a_k - 1)): expanded, so that the small a_k - 1 is not what is left of a cancellation.
        tail = sp.Sum(log1p(sp.expand(body - 1)), (k, low + _HEAD, sp.oo))
        return [sp.Mul(sp.Product(body, (k, low, low + _HEAD - 1)), sp.exp(tail, evaluate=False), evaluate=False)]
    if low is -sp.oo:
        # Only a product towards +oo has a rule: k is counted the other way.
        mirrored = sp.Product(body.subs(k, -k), (k, -high, sp.oo))
        if high is sp.oo:
            # Both ways: two halves, of which the second begins at 1 so that 0 comes once.
            mirrored = sp.Product(body, (k, 0, sp.oo)) * sp.Product(body.subs(k, -k), (k, 1, sp.oo))
        return [mirrored]
    operands = _finite_product.operands
    assert operands is not None
    return operands(b, expr)


def _product(b: Builder, expr: sp.Basic, *nodes: Any) -> int:
    return nodes[0] if len(nodes) == 1 else _finite_product.lower(b, expr, *nodes)


def _counting(low: sp.Basic) -> int:
    # From 1/2 it runs over 1/2, 3/2, ...: the variable is as whole as its first value.
    return INT if low.is_integer or low.is_infinite else INT | REAL


_finite_product = _over(PRODUCT, _counting)


def _derivative(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    """What the derivative is, as SymPy finds it; a derivative that is an argument never comes here."""
    # Not deep: what is inside is lowered anyway, and SymPy may take long over it.
    result = expr.doit(deep=False)
    if result == expr:
        along = _along_the_real_axis(expr)
        if along is not None:
            return [along]
        functions = sorted({type(f).__name__ for f in expr.atoms(AppliedUndef)})
        if functions:
            raise refuse(expr, f"the derivative of {functions[0]!r} is not known; add the Derivative itself to args")
        raise refuse(expr, "SymPy does not find this derivative")
    return [result]


def _along_the_real_axis(expr: sp.Basic) -> Any:
    """The derivative of what has none in the complex plane, where the variable is real: SymPy has it if it knows so.

    It is nan where the variable is not real, and at a jump.
    """
    slope = _SLOPES.get(type(expr.expr))
    (variable, _), *_ = expr.variable_count
    if slope is None or not isinstance(variable, sp.Symbol) or not all(n.is_Integer for _, n in expr.variable_count):
        return None
    # The table has the first derivative, in which SymPy finds the others.
    first, *others = expr.variables
    value, condition = slope(expr.expr, expr.expr.args[0], first)
    if others:
        value = sp.diff(value, *others)
    # Sorted, so that the source is the same from run to run.
    real = (sp.Eq(sp.im(v), 0) for v in sorted(set(expr.variables), key=sp.default_sort_key))
    return sp.Piecewise((value, sp.And(condition, *real)), (sp.nan, True))


def _part(part: sp.Basic, of: sp.Basic, variable: sp.Basic) -> tuple[Any, Any]:
    # With respect to a real variable, re, im and conjugate commute with the derivative.
    return part.func(sp.diff(of, variable)), sp.true


def _step(step: sp.Basic, of: sp.Basic, variable: sp.Basic) -> tuple[Any, Any]:
    # Constant between its jumps; at a jump it equals its argument.
    return sp.S.Zero, sp.Ne(step, of)


# The derivative, and where it holds.
_SLOPES: dict[type, Callable[[Any, Any, Any], tuple[Any, Any]]] = {
    **dict.fromkeys((sp.re, sp.im, sp.conjugate), _part),
    **dict.fromkeys((sp.floor, sp.ceiling), _step),
    sp.frac: lambda part, of, v: (sp.diff(of, v), sp.Ne(part, 0)),
    sp.sign: lambda sign, of, v: (2 * sp.DiracDelta(of) * sp.diff(of, v), sp.Eq(sp.im(of), 0)),
}


def _substituted(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    result = expr.doit()
    if isinstance(result, sp.Subs):
        along = _along_the_real_axis(result.expr) if isinstance(result.expr, sp.Derivative) else None
        if along is not None:
            return [along.xreplace(dict(zip(result.variables, result.point, strict=True)))]
        functions = sorted({type(f).__name__ for f in result.atoms(AppliedUndef)})
        named = f"the derivative of {functions[0]!r} is not known" if functions else "SymPy cannot substitute here"
        raise refuse(expr, f"{named}")
    return [result]


def _limit(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    try:
        result = expr.doit()
    except (NotImplementedError, ValueError) as error:
        raise refuse(expr, "SymPy finds no such limit") from error
    # AccumBounds: it stays within a range, and comes to rest nowhere.
    if result.has(sp.Limit, sp.AccumBounds):
        raise refuse(expr, "SymPy finds no such limit")
    return [result]


def _root_sum(b: Builder, expr: sp.Basic) -> Sequence[Any]:
    """The sum of a function of the roots of a polynomial, whose coefficients are numbers."""
    if not expr.poly.domain.is_Numerical:
        raise refuse(expr, "its roots depend on other symbols")
    # All digits of the constants: what is computed with them is rounded once.
    roots = expr.poly.nroots(n=DIGITS, maxsteps=500)
    return [sp.Add(*(expr.fun(root) for root in roots))]


def _same(b: Builder, expr: sp.Basic, node: int) -> int:
    return node


TITLE = "Sums, integrals, derivatives"

RULES: dict[type, Rule] = {
    sp.Sum: _over(SUM, _counting).with_example(
        lambda: sp.Sum(x**i / (i + 1), (i, 0, n)), "bounds that are arrays or infinite too"
    ),
    sp.Product: Rule(_product, _product_operands, folds=False, ranked=True).with_example(
        lambda: sp.Product(x + i, (i, 0, n)), "bounds that are arrays too"
    ),
    sp.Integral: _over(INTEGRAL, lambda low: REAL | COMPLEX).with_example(
        lambda: sp.Integral(sp.exp(-(t**2)), (t, x, y)), "definite, by quadrature"
    ),
    sp.Derivative: Rule(_same, _derivative, folds=False, ranked=True).with_example(
        lambda: sp.Derivative(sp.sin(x) * x, x), "of known functions: done symbolically"
    ),
    sp.Subs: Rule(_same, _substituted, folds=False, ranked=True).with_example(
        lambda: sp.Subs(sp.Derivative(sp.sin(t) * t, t), t, x)
    ),
    sp.RootSum: Rule(_same, _root_sum, folds=False).with_example(
        lambda: sp.RootSum(t**3 + t + 1, sp.Lambda(t, sp.exp(t * x))),
        "complex; the coefficients are numbers",
        lambda: sp.Add(*(sp.exp(root * x) for root in sp.Poly(t**3 + t + 1, t).nroots(n=30))),
    ),
    sp.Poly: Rule(_same, lambda b, e: [e.as_expr()], folds=False).with_example(
        lambda: sp.Poly(x**2 + y * x, x), "its expression"
    ),
    sp.Limit: Rule(_same, _limit, folds=False, ranked=True).with_example(
        lambda: sp.Limit(sp.sin(x * t) / t, t, 0), "where SymPy finds it"
    ),
}
