"""Programs as they were written, and as they are after rewriting; and how many operations they have."""

from __future__ import annotations

import sympy as sp
from hypothesis import strategies as st

from numpify_ctx._compile import compile_expression
from numpify_ctx._execution.entry import Entry
from numpify_ctx._lowering.rules import RULES
from numpify_ctx._lowering.walk import lower
from numpify_ctx._program.promotion import promoted


x, y, z, w = SYMBOLS = sp.symbols("x y z w")
EPS = 2.0**-53


def lowered(expr, symbols=SYMBOLS):
    return lower(expr, [(a, a.name) for a in symbols], RULES, {})


def as_it_was(expr, symbols=SYMBOLS) -> Entry:
    """The expression as it was written: nothing shared but equal subexpressions."""
    return Entry(promoted(lowered(expr, symbols)))


def as_it_is(expr, symbols=SYMBOLS) -> Entry:
    return compile_expression(expr, [(a, a.name) for a in symbols], cache=False)


def operations(program):
    """How many operations the results take; a division counts twice, as it takes twice the time."""
    needed, todo, count = set(), list(program.results), 0
    while todo:
        node = todo.pop()
        if node in needed:
            continue
        needed.add(node)
        args, form = program.args[node], program.ops[node].form
        todo += args
        if form == "sum":
            count += len(args) - 1 + program.data[node][0]
        elif args:
            count += {"product": len(args) - 1, "quotient": 2}.get(form, 1)
    return count


BASES = [x, y, z, sp.sin(x), sp.exp(-x * y), 1 + x**2]
COEFFICIENTS = st.sampled_from([1, -1, 2, -3, 5, sp.Rational(1, 3), sp.Rational(-5, 7), 0.3, w])


@st.composite
def sums(draw, bases=BASES, coefficients=COEFFICIENTS, most=6, least=1):
    """A sum of products of powers, as SymPy keeps it."""
    terms = []
    for _ in range(draw(st.integers(2, most))):
        factors = draw(st.lists(st.tuples(st.sampled_from(bases), st.integers(least, 4)), max_size=3))
        terms.append(draw(coefficients) * sp.prod([base**power for base, power in factors]))
    return sp.Add(*terms)
