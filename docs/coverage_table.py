"""Makes the table of functions in docs/functions.md: a row for every class that has a rule, each one compiled and run.

`python docs/coverage_table.py` prints the table, `python docs/coverage_table.py --write` puts it into the page;
`tests/numpify/test_coverage_table.py` checks that the page has it. The examples stand beside the rules, in
`numpify_ctx/_lowering/rules/`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from sympy.tensor.array.expressions import ArraySymbol

from numpify_ctx import CompileError, numpify
from numpify_ctx._lowering.example import VALUES, Example, u, x
from numpify_ctx._lowering.rules import FAMILIES, RULES
from numpify_ctx._program.ir import BOUND, CONST, PARAM, Numpy, Operator
from numpify_ctx._runtime.special.pointwise import Fast, Pointwise
from numpify_ctx._runtime.special.whole import Whole


PAGE = Path(__file__).parent / "functions.md"
BEGIN, END = "<!-- coverage: python docs/coverage_table.py --write -->", "<!-- end of coverage -->"

CLOSE = 1e-12


# Classes go by their qualified names: sympy.physics.quantum, once imported, calls adjoint Dagger.


def example(cls: type) -> Example:
    """The example of a class; a function of one number needs none beside its rule."""
    found = RULES[cls].example
    if found is None and issubclass(cls, sp.Function | sp.logic.boolalg.BooleanFunction):
        found = Example(lambda: cls(x))
    assert found is not None, f"{cls.__qualname__} has no example beside its rule"
    expr = found.expr()
    nodes = sp.flatten(expr.tolist()) if isinstance(expr, sp.MatrixBase | sp.NDimArray) else [expr]
    held = any(type(node) is cls for node in [expr, *(n for e in nodes for n in sp.preorder_traversal(e))])
    assert held, f"the example {expr} of {cls.__qualname__} has no {cls.__qualname__} in it"
    return found


def arguments(expr: Any) -> list[Any]:
    """What of `VALUES` the expression depends on, in the order of `VALUES`."""
    free = set(expr.free_symbols)
    bases = expr.atoms(sp.Symbol, sp.IndexedBase, ArraySymbol) if isinstance(expr, sp.Basic) else set()
    return [
        key
        for key in VALUES
        if key in free | bases or (isinstance(key, sp.MatrixSymbol) and isinstance(expr, sp.Basic) and expr.has(key))
    ]


def worth(meaning: Any) -> Any:
    """The value by SymPy, at 30 digits, as a NumPy array or number."""
    if isinstance(meaning, np.ndarray | float):
        return meaning
    exact = {
        key: sp.ImmutableMatrix(value.tolist()) if isinstance(key, sp.MatrixSymbol) else sp.Float(value, 40)
        if isinstance(value, float) else value
        for key, value in VALUES.items()
        if not isinstance(key, sp.IndexedBase | ArraySymbol)
    }  # fmt: skip
    exact |= {u[index]: sp.Float(entry, 40) for index, entry in enumerate(VALUES[u].tolist())}
    if isinstance(meaning, sp.MutableDenseNDimArray | sp.MutableSparseNDimArray):
        meaning = meaning.as_immutable()
    result = meaning.subs(exact)
    result = result.doit() if hasattr(result, "doit") else result
    if hasattr(result, "as_explicit") and not isinstance(result, sp.MatrixBase):
        result = result.as_explicit()
    if isinstance(result, sp.MatrixBase | sp.NDimArray):
        return np.array([number(entry) for entry in np.array(result.tolist(), object).ravel()]).reshape(result.shape)
    return number(result)


def number(value: Any) -> Any:
    """A SymPy number as a Python number."""
    value = sp.sympify(value)
    if value in (sp.true, sp.false):
        return bool(value)
    value = value.evalf(30)
    if value in (sp.true, sp.false):
        return bool(value)
    return float(value) if value.is_real else complex(value)


def source_of(function: Any) -> str:
    """Where the values of an operation's function come from."""
    if isinstance(function, Whole):
        beyond = [] if function.continued is None else [source_of(function.continued)]
        return ", ".join(["own, exact", *beyond])
    if isinstance(function, Pointwise):
        forms = [form for form in (function.real, function.complex) if isinstance(form, Fast)]
        named = "SciPy" if any(form.scipy for form in forms) else "own recurrence"
        fast = ["SciPy or own recurrence" if any(form.optional for form in forms) else named] if forms else []
        return ", ".join([*fast, "mpmath"])
    if isinstance(function, Numpy | Operator):
        return "NumPy"
    module = getattr(function, "__module__", "")
    return "own" if module.startswith("numpify_ctx") else "NumPy"


def sources(compiled: Any) -> str:
    """Where the values of a program come from, the least common source last."""
    ops = [op for op in compiled.program.ops if op not in (CONST, PARAM, BOUND)]
    found = dict.fromkeys(part for op in ops for part in source_of(op.numpy).split(", "))
    if len(found) > 1:
        found.pop("NumPy", None)  # the arithmetic around it
    return ", ".join(found) or "none needed"


def row(cls: type) -> tuple[str, ...]:
    """One class: its example compiled, called, and compared with SymPy."""
    found = example(cls)
    expr = found.expr()
    if found.refused:
        try:
            numpify(expr)
        except CompileError:
            return f"`{cls.__qualname__}`", "", f"`{expr}`", "`CompileError`", found.note
        raise AssertionError(f"{expr} compiles")
    given = arguments(expr)
    function = numpify(expr, given)
    got = function(*(VALUES[key] for key in given))
    want = worth(expr if found.meaning is None else found.meaning())
    assert np.shape(got) == np.shape(want), (expr, got, want)
    np.testing.assert_allclose(got, want, rtol=CLOSE, atol=1e-15, err_msg=str(expr))
    return (
        f"`{cls.__qualname__}`",
        sources(function._origin.compiled),
        f"`{describe(expr)}`",
        f"`{value_of(got)}`",
        found.note,
    )


def describe(expr: Any) -> str:
    """The text of an expression, for a cell of the table."""
    text = " ".join(str(expr).split()).replace("|", "\\|")
    return text if len(text) <= 60 else text[:57] + "..."


def value_of(value: Any) -> str:
    """A value to 8 digits, of an array its shape."""
    if np.shape(value):
        return "array of shape " + " x ".join(map(str, np.shape(value)))
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(value)
    if isinstance(value, complex):
        return f"{value.real:.8g}{value.imag:+.8g}j"
    return f"{value:.8g}"


def table() -> str:
    """A table for each family, by their files' names."""
    parts = []
    for family in FAMILIES:
        head = ("class", "from", "example", "value", "note")
        classes = sorted(filter(RULES.__contains__, family.RULES), key=lambda cls: cls.__qualname__.lower())
        lines = [head, ("---",) * len(head), *map(row, classes)]
        parts.append(f"### {family.TITLE}\n\n" + "\n".join("| " + " | ".join(r) + " |" for r in lines))
    return "\n\n".join(parts)


def page() -> str:
    """The page with the table of today."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    else:
        print(table())
