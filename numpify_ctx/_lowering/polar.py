"""Numbers with an angle that is not taken modulo a full turn: `x*exp_polar(2*I*pi)`.

SymPy's integrals have them in the arguments of functions with branches, where a turn leads to another branch. Here such
a function is written by others of the argument without its angle; where nothing is known of the branch, it is refused.
Everywhere else a full turn is none, and `exp_polar` is `exp`.

The formulas are those of DLMF (https://dlmf.nist.gov): 4.2.6, 4.2.28, 6.2.4, 6.4.4, 8.2.8 to 8.2.10, 8.19.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sympy as sp

from .._program.builder import Builder
from .._program.promotion import data_of, in_complex
from .._symbolic.refusal import refuse
from .rule import Rule


Continued = Callable[[sp.Basic, sp.Basic, sp.Basic], sp.Basic]
"""`(expr, z, angle) -> expression`: what `expr` is, whose argument has the modulus and angle of z, and `angle` more."""


def angle_of(z: sp.Basic) -> tuple[sp.Basic, sp.Basic] | None:
    """`z` without the factors that are `exp_polar`, and their angle; None if there are none.

    >>> x = sp.Symbol("x")
    >>> angle_of(2 * x * sp.exp_polar(3 * sp.I * sp.pi)), angle_of(x)
    ((2*x, 3*pi), None)
    """
    # Only factors count: within a sum, an angle is that of one term.
    if type(z) is not sp.Mul and type(z) is not sp.exp_polar:
        return None
    factors = z.args if type(z) is sp.Mul else (z,)
    polar = [f for f in factors if type(f) is sp.exp_polar]
    if not polar:
        return None
    # exp_polar(i*a) * exp_polar(i*b) = exp_polar(i*(a + b)): angles add up, with no full turn taken off.
    angle = sp.Add(*(f.args[0] for f in polar)) / sp.I
    return sp.Mul(*(f for f in factors if type(f) is not sp.exp_polar)), sp.simplify(angle)


def continued(rule: Rule, how: Continued, position: int = -1) -> Rule:
    """`rule`, for arguments whose angle counts: of those, `how(expr, z, angle)` is lowered instead."""

    def operands(b: Builder, expr: sp.Basic) -> Sequence[sp.Basic]:
        found = angle_of(expr.args[position])
        if found is not None:
            # In place of the operands: the whole is lowered as another expression.
            return [how(expr, *found)]
        return expr.args if rule.operands is None else rule.operands(b, expr)

    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        return nodes[0] if angle_of(expr.args[position]) is not None else rule.lower(b, expr, *nodes)

    return replace(rule, operands=operands, lower=lower)


def refusing(rule: Rule) -> Rule:
    """`rule`, for arguments of which only the principal branch is known: an angle in (-pi, pi]."""

    def operands(b: Builder, expr: sp.Basic) -> Sequence[sp.Basic]:
        for arg in expr.args:
            found = angle_of(arg)
            if found is not None and not is_principal(found[1]):
                raise refuse(expr, f"its value at an angle of {found[1]} is on a branch that is not known")
        return expr.args if rule.operands is None else rule.operands(b, expr)

    def lower(b: Builder, expr: sp.Basic, *nodes: int) -> int:
        node = rule.lower(b, expr, *nodes)
        # Of -z, which is real, as a real function it would be nan: the number is a complex one.
        if b.ops[node].leaves and _leaves_the_reals(expr):
            return b.apply(in_complex(b.ops[node], data_of(b.data[node])), *b.args[node], data=b.data[node])
        return node

    return replace(rule, operands=operands, lower=lower)


def _leaves_the_reals(expr: sp.Basic) -> bool:
    """Is there an angle in `expr`, at which it need not be real? J and I of integer orders have no branches."""
    if isinstance(expr, sp.besselj | sp.besseli) and expr.order.is_integer:
        return False
    return any(found is not None and found[1] != 0 for found in map(angle_of, expr.args))


def is_principal(angle: sp.Basic) -> bool:
    """Is it an angle in (-pi, pi]?"""
    return bool(angle.is_number and -sp.pi < angle <= sp.pi)


def turned(z: sp.Basic, angle: sp.Basic) -> sp.Basic:
    """z, turned by an angle, as an ordinary number."""
    return z * sp.exp(sp.I * angle)


def log(expr: sp.Basic, z: sp.Basic, angle: sp.Basic) -> sp.Basic:
    """The logarithm counts turns."""
    return sp.log(z) + sp.I * angle


def power(expr: sp.Basic, z: sp.Basic, angle: sp.Basic) -> sp.Basic:
    """z**s by the logarithm."""
    return sp.Pow(z, expr.exp) * sp.exp(sp.I * angle * expr.exp)


def _half_turns(expr: sp.Basic, angle: sp.Basic) -> int:
    count = angle / sp.pi
    if not count.is_Integer:
        raise refuse(expr, f"its value at an angle of {angle} is on a branch that is not known")
    return int(count)


def ei(expr: sp.Basic, z: sp.Basic, angle: sp.Basic) -> sp.Basic:
    """Ei(z exp(i pi)) = -E1(z) + i pi; its own value on the real axis is between two branches, and real."""
    if _half_turns(expr, angle) % 2:
        return -sp.expint(1, z) + sp.I * angle
    return sp.Ei(z) + sp.I * angle


def expint(expr: sp.Basic, z: sp.Basic, angle: sp.Basic) -> sp.Basic:
    """By E1(z exp(i pi)) = -Ei(z) - i pi and its recurrence; for orders that are no integers, by the gamma function."""
    order = expr.args[0]
    if not order.is_integer:
        return (
            z ** (order - 1)
            * sp.exp(sp.I * angle * (order - 1))
            * uppergamma(sp.uppergamma(1 - order, z, evaluate=False), z, angle)
        )
    if not (order.is_Integer and order >= 1):
        raise refuse(expr, f"its value at an angle of {angle} is on a branch that is not known")
    # An odd number of half turns leads to -z, where E1 is given by Ei; each half turn adds -i*pi.
    odd = _half_turns(expr, angle) % 2
    value = (-sp.Ei(z) if odd else sp.expint(1, z)) - sp.I * angle
    w = -z if odd else z
    # DLMF 8.19.12: n*E_(n+1)(w) = exp(-w) - w*E_n(w).
    for n in range(1, int(order)):
        value = (sp.exp(-w) - w * value) / n
    return value


def lowergamma(expr: sp.Basic, z: sp.Basic, angle: sp.Basic) -> sp.Basic:
    """z**s/s times an entire function."""
    s = expr.args[0]
    # DLMF 8.5.1: gamma(s, z) = z**s/s * M(s, s + 1, -z), of which only z**s has branches.
    entire = sp.hyper([s], [s + 1], -turned(z, angle))
    return z**s * sp.exp(sp.I * angle * s) / s * entire


def uppergamma(expr: sp.Basic, z: sp.Basic, angle: sp.Basic) -> sp.Basic:
    """Gamma(s) less the lower one."""
    return sp.gamma(expr.args[0]) - lowergamma(expr, z, angle)


def within_the_unit_circle(position: int = -1) -> Continued:
    """A function that is a power series there, with a cut from 1: beyond the circle the branch is not known."""

    def how(expr: sp.Basic, z: sp.Basic, angle: sp.Basic) -> sp.Basic:
        args = list(expr.args)
        args[position] = turned(z, angle)
        value = expr.func(*args)
        # Within the circle all branches agree, as the series has none.
        return value if is_principal(angle) else sp.Piecewise((value, sp.Abs(z) < 1), (sp.nan, True))

    return how


def hyper(expr: sp.Basic, z: sp.Basic, angle: sp.Basic) -> sp.Basic:
    """Entire for as many parameters below as above, or more."""
    if len(expr.ap) <= len(expr.bq):
        return sp.hyper(expr.ap, expr.bq, turned(z, angle))
    return within_the_unit_circle()(expr, z, angle)
