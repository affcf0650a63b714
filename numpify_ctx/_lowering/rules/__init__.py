"""The table: SymPy class to rule. Each file of this folder has a dict `RULES`; they are found and merged here.

Only the exact class of a node counts: a subclass, or a printing hook on it, is never asked.

How to add

A function is one entry in the file of its family, with an example beside it, of which the page of functions
(`python docs/coverage_table.py --write`) and the tests of every rule make themselves. A function of one number needs
no example. Where there is no family for it, a new file here with a `TITLE` and a dict `RULES` is one: nothing else
names the files.

*A function that NumPy has*: one line::

    sp.acosh: call(ufunc("arccosh", "acosh")).with_example(lambda: sp.acosh(y), NAN),

`common` has the usual shapes of rules: `call`, `pointwise` (SciPy, else mpmath), `whole` (of integers), `reciprocal`,
`of_reciprocal`, `rewritten`, `by_count`; and `ufunc` and `runtime` make an `Op`, which `_program.ir` documents. An `Op`
is compared by identity: make it once, at module level, and give it to every rule that uses it.

*One that has to be written*: put it into `_runtime`: a function of arrays that broadcasts as a ufunc does and gives
scalars for scalars; then as above, with `runtime(function)`. `_runtime.special.pointwise.Pointwise` makes one of a
reference by mpmath.

*One that is made of others*: a rule is `Rule(lower, operands, folds)`, and `lower(b, expr, *nodes)` gets a `Builder`,
the SymPy node and the numbers of its lowered operands, and gives back a number. Use the builder's arithmetic (`b.add`,
`b.sub`, `b.mul`, `b.div`, `b.neg`, `b.pow`, `b.sqrt`, `b.const`, `b.compare(LT, ...)`, `b.logic(AND, ...)`,
`b.select(c, v, ..., default)`) and `b.apply(op, *nodes)`: it folds constants and shares what is equal. `b.select`
guards: no arm runs where it is not selected. Static data of a node (an order, a shape) goes into
`b.apply(op, ..., data=(...))`, a tuple of numbers or hashable objects, which are passed to the function before the
operands.

*Operands that are not `expr.args`*: `operands(b, expr)` gives the SymPy expressions to lower first. To lower something
else instead, give that (`rewritten(lambda e: e.doit())`). Never call the walk from a rule: that recurses.

*A bound variable*: give `Under(body, (k,))` among the operands; `lower` then gets a `Body(node, bound)` in its place,
and makes the node with `b.region(SUM, lower, upper, body=body.node, bound=body.bound)`. The function of that Op is
called with `(body, captured, ranks, lower, upper)` and calls `body(k, *captured)`; `ranks` are those of the captured
values. Nested sums over one symbol, names that clash with parameters, invariants taken out of the loop, guards inside
it: all that is done.

*A matrix or array operation*: the value of a node of rank r is an array whose first r axes are its own, and whose
others broadcast. Its rule says `ranked=True`, or a matrix among its operands is an error. Give `rank=` to `b.apply`, or
the Op a `rank` function of its operands' ranks, and `elementwise=False`, as its elements depend on others. Piecewise,
broadcasting and the final shape know about ranks.

A constant expression never reaches a rule: it is evaluated by SymPy, to 40 digits, unless the rule says `folds=False`
(everything that is not a number), or SymPy has no value for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from ..._symbolic.nodes import is_absent
from ..rule import Rule


class Family(Protocol):
    """A file of this folder: its title on the page of functions, and its rules."""

    TITLE: str
    RULES: dict[type, Rule]


def _families() -> list[Family]:
    """Every file here that has rules, by its name."""
    # Sorted, so that the table does not depend on how the files are stored. Those without rules hold what rules share.
    names = sorted(module.name for module in iter_modules(__path__))
    return [file for name in names if hasattr(file := import_module(f"{__name__}.{name}"), "RULES")]


def merged(families: Iterable[Family]) -> dict[type, Rule]:
    """All rules; of a class that this SymPy lacks, none.

    Raises:
        ValueError: two files have a rule for one class.
    """
    found: dict[type, Rule] = {}
    for family in families:
        for kind, rule in family.RULES.items():
            # Else the alphabet would decide which of the two counts.
            if kind in found:
                raise ValueError(f"two rules for {kind.__name__}: the second is in {family.TITLE!r}")
            # A private class of SymPy's may go with any release: that rule is left out, and all others work as before.
            if not is_absent(kind):
                found[kind] = rule
    return found


FAMILIES = _families()
RULES = merged(FAMILIES)
