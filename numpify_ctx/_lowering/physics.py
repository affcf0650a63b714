"""Constants, prefixes and coefficients of `sympy.physics`, which is not imported until somebody has done so.

Its classes are known by their names: to import them takes longer than to import all of numpify.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from .._symbolic.refusal import refuse
from .refusals import missing
from .rule import Rule


def _of_quantity(expr: sp.Basic) -> sp.Basic:
    """degree and percent are numbers; a metre is none."""
    # To drop a unit would be to choose one, in silence.
    if expr.dimension.name != 1:
        raise missing(expr)
    return expr.scale_factor


def _done(expr: sp.Basic) -> sp.Basic:
    """A coefficient by SymPy's own formula."""
    result = expr.doit()
    # What doit cannot work out it gives back: lowered, that would come here again, for ever.
    if type(result) is type(expr):
        raise refuse(expr, "SymPy has no formula for it with these arguments")
    return result


_FORMS: dict[tuple[str, str], Callable[[sp.Basic], sp.Basic]] = {
    ("sympy.physics.units.quantities", "Quantity"): _of_quantity,
    ("sympy.physics.units.quantities", "PhysicalConstant"): _of_quantity,
    ("sympy.physics.units.prefixes", "Prefix"): lambda prefix: prefix.scale_factor,
    ("sympy.physics.quantum.spin", "WignerD"): _done,
    **dict.fromkeys((("sympy.physics.quantum.cg", name) for name in ("CG", "Wigner3j", "Wigner6j", "Wigner9j")), _done),
}


def rule_of_physics(kind: type) -> Rule | None:
    """The rule of a class of `sympy.physics` that stands for a number; None for any other class."""
    form = _FORMS.get((kind.__module__, kind.__qualname__))
    if form is None:
        return None
    # It does not fold itself: what it stands for is lowered in its place, and folds there.
    return Rule(lambda b, e, node: node, operands=lambda b, e: [form(e)], folds=False)
