"""The table: SymPy class to rule. Each file of this folder has a dict `RULES`; they are merged here.

Only the exact class of a node counts: a subclass, or a printing hook on it, is never asked.

How to add

*A function that NumPy or SciPy has*: one line in the file of its family::

    sp.erf: call(Op("erf", special.erf, Math("erf"))),

`Op(name, numpy, math, exact, kinds, ...)` is documented in `_program.ir`: what arrays call (`Numpy("sin")`, or a
callable, which is injected under a name of ours), what Python scalars call (None: the same; it must raise where NumPy
would give something else), what checks integers for overflow, and the kinds of number that come out. `_common` has the
usual shapes: `call`,
`reciprocal`, `of_reciprocal`, `rewritten`, and `ufunc` and `runtime` to make the Op. An `Op` is compared by identity:
make it once, at module level, and give it to every rule that uses it.

*One that has to be written*: put it beside, in a file named `_..._runtime.py`: a function of arrays that broadcasts
as a ufunc does and gives scalars for scalars; then as above, with `runtime(function)`.

*One that is made of others*: a rule is `Rule(lower, operands, folds)`, and `lower(b, expr, *nodes)` gets a
`Builder`, the SymPy node and the numbers of its lowered operands, and gives back a number. Use the builder's
arithmetic (`b.add`, `b.sub`,
`b.mul`, `b.div`, `b.neg`, `b.pow`, `b.sqrt`, `b.const`, `b.compare(LT, ...)`, `b.logic(AND, ...)`, `b.select(c, v,
..., default)`) and `b.apply(op, *nodes)`: it folds constants and shares what is equal.  `b.select` guards: no arm
runs where it is not selected. Static data of a node (an order, a shape) goes into `b.apply(op, ..., data=(...))`, a
tuple of numbers or hashable objects, which are passed to the function before the operands.

*Operands that are not `expr.args`*: `operands(b, expr)` gives the SymPy expressions to lower first. To lower
something else instead, give that (`rewritten(lambda e: e.doit())`). Never call the walk from a rule: that recurses.

*A bound variable*: give `Under(body, (k,))` among the operands; `lower` then gets a `Body(node, bound)` in its
place, and makes the node with `b.region(SUM, lower, upper, body=body.node, bound=body.bound)`. The function of that
Op is called with `(body, captured, ranks, lower, upper)` and calls `body(k, *captured)`; `ranks` are those of the
captured values. Nested sums over one symbol, names that clash with parameters, invariants taken out of the loop,
guards inside it: all that is done.

*A matrix or array operation*: the value of a node of rank r is an array whose first r axes are its own, and whose
others broadcast. Its rule says `ranked=True`, or a matrix among its operands is an error.
Give `rank=` to `b.apply`, or the Op a `rank` function of its operands' ranks;
`elementwise=False`, as its elements depend on others. A parameter's rank is
settled in `_lower._rank_of`. Piecewise, broadcasting and the final shape know about ranks.

A constant expression never reaches a rule: it is evaluated by SymPy, to 40 digits, unless the rule says `folds=False`
(everything that is not a number), or SymPy has no value for it.
"""

from __future__ import annotations

from ..._symbolic.nodes import is_absent
from ..rule import Rule
from . import (
    arithmetic as _arithmetic,
    arrays as _arrays,
    calculus as _calculus,
    codegen as _codegen,
    combinatorial as _combinatorial,
    elementary as _elementary,
    explicit as _containers,
    logic as _logic,
    matrices as _matrices,
    polynomials as _polynomials,
    special as _special,
)


_FILES = (
    _arithmetic,
    _elementary,
    _logic,
    _combinatorial,
    _special,
    _polynomials,
    _containers,
    _codegen,
    _calculus,
    _matrices,
    _arrays,
)


def _merge() -> dict[type, Rule]:
    merged: dict[type, Rule] = {}
    for file in _FILES:
        twice = merged.keys() & file.RULES.keys()
        assert not twice, f"two rules for {twice}"
        merged |= {kind: rule for kind, rule in file.RULES.items() if not is_absent(kind)}
    return merged


RULES = _merge()
