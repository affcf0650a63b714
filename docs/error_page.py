"""The page of errors: each is provoked here, and its message taken from what is raised.

python docs/error_page.py            # prints the page
python docs/error_page.py --write    # puts it into docs/errors.md

Long: a table, one entry for each error.
"""

from __future__ import annotations

import io
import sys
import traceback
from pathlib import Path
from typing import Any, NamedTuple


PAGE = Path(__file__).resolve().parent / "errors.md"


class Case(NamedTuple):
    """One kind of error."""

    means: str
    code: str
    way_out: str
    ours: str = ""  # where the rest of the message is another library's, and may change with it: the end of our part


HEAD = """\
# What an error means

Look for the words that an error begins with. Above each stands what it means, below it the way out.
In IPython and Jupyter, and under pytest, the frames of these packages are hidden; `%xmode show` shows them.

`python docs/error_page.py --write` makes this page: it provokes each error and takes down its message, and the tests
run the page.
"""

SETUP_REFS = """\
import haliax as hax
import jax
import jax.numpy as jnp
import haliax_refs
def cache():
    return hax.new_ref(hax.zeros({"layer": 4, "position": 8}))
ref = cache()
"""

REFS = {
    "An index": [
        Case(
            "The axis has no such name.",
            'ref["positon", 0]',
            "The message lists the axes, and the one that was probably meant.",
        ),
        Case(
            "An earlier `slice` took this axis away: the view is at one position of it.",
            'ref.slice({"layer": 2})["layer", 0]',
            "Index the axes that are left, or `view.unsliced()`, which is the whole buffer.",
        ),
        Case(
            "The position is past the end *of this view*. A view never reaches out of itself.",
            'ref.slice({"position": slice(2, 5)})["position", 3]',
            'Positions count from the view\'s start. `ref.at[...]` with `mode="drop"` or `mode="fill"` takes any.',
        ),
        Case(
            "A window has a static size, and here it does not fit.",
            'ref["position", hax.ds(6, 4)]',
            "Start at most at `size - 4`. A traced start is clamped so.",
        ),
        Case(
            "A selector is a position, a slice, a window, an index array or a mask. A float is none of these.",
            'ref["position", 1.0]',
            "Convert it: `int(...)`, `.astype(int)`.",
        ),
        Case(
            "Selectors are given by name: without a name it is not known which axis is meant.",
            "ref[0]",
            'Write `ref["layer", 0]` or `ref[{"layer": 0}]`.',
        ),
        Case(
            "Two index arrays share an axis name, so they are paired; their sizes must be the same.",
            'ref["layer", hax.arange({"k": 3}), "position", hax.arange({"k": 2})]',
            "Make them equally long, or rename the axis of one, `.rename({...})`, to have all combinations.",
        ),
    ],
    "A value": [
        Case(
            "The value has an axis that the part which is written lacks.",
            'ref["layer", 0] = hax.zeros({"head": 2})',
            "Index fewer axes, or reduce or slice the value; a value may lack axes, and is then broadcast.",
        ),
        Case(
            "An axis has the same name and another size.",
            'ref["layer", 0] = hax.zeros({"position": 5})',
            "Write to a part of that size: `hax.ds(start, 5)`.",
        ),
        Case(
            "An array without names must have exactly the shape of the part.",
            'ref["layer", 0] = jnp.zeros(5)',
            "Name its axes: `hax.named(array, ...)`; then it is broadcast by name.",
        ),
        Case(
            "The cast would lose the value's kind, here fractions.",
            'hax.new_ref(hax.zeros({"x": 3}, dtype=jnp.int32))[...] = 0.5',
            "Convert it yourself: `.astype(...)`, `round(...)`; or make the ref of floats.",
        ),
    ],
    "A ref is not an array": [
        Case(
            "A ref is a place; to compute with what it holds, read it.",
            "ref + 1",
            "`ref[...] + 1` gives an array; `ref[...] += 1` writes.",
        ),
        Case(
            "Likewise with functions of Haliax and jax.",
            'hax.sum(ref, "layer")',
            'Read first: `hax.sum(ref[...], "layer")`.',
        ),
        Case(
            "`jax.tree.map` put an array where the ref was.",
            "jax.tree.map(jnp.zeros_like, ref)[...]",
            "Map over values: `hax.ref.values_of(tree)`, and `hax.ref.refs_of(...)` of the outcome.",
        ),
        Case(
            "The function wants a NamedRef, and this is a bare `jax.Ref`.",
            "hax.ref.get(jax.new_ref(jnp.zeros(3)), ...)",
            "`hax.ref.wrap(ref, axes)` names its axes.",
        ),
        Case("Refs are made by functions.", "hax.NamedRef()", "`hax.new_ref(value)`, `hax.ref.wrap(raw_ref, axes)`."),
    ],
    "Refs that are no longer valid": [
        Case(
            "`freeze` took the contents out. Every view of the ref is invalid.",
            "gone = cache()\nfinal = hax.freeze(gone)\ngone[...]",
            "Use what `freeze` returned; to read and go on, write `ref[...]` instead of `freeze`.",
        ),
        Case(
            "A ref that comes from outside must outlive the function that is traced.",
            "jax.jit(lambda ref: hax.freeze(ref).array)(ref)",
            "Return `ref[...]`, and freeze where the ref was made.",
        ),
    ],
    "Transformations": [
        Case(
            "jax traces a function of values; which gradient a ref has is not one of them.",
            "jax.grad(lambda ref: ref[...].sum().scalar())(ref)",
            "Differentiate with respect to the contents, `ref[...]`; or use `jax.vjp(...).with_refs`.",
        ),
        Case(
            "All instances of the mapped function would write the same cell.",
            'jax.vmap(lambda value: ref.at["layer", 0].set(value))(jnp.arange(3.0))',
            "Pass the ref to `hax.vmap` as an argument with the mapped axis; or write outside what is returned.",
        ),
        Case(
            "A ref in the carry of a loop would be passed and returned at each step.",
            'hax.fold(lambda ref, x: ref, "layer")(ref, hax.zeros({"layer": 4}))',
            "Pass it as an argument, or close over it, and write to it; the carry needs not have it.",
        ),
        Case(
            "jax reads what a condition closes over once, before the loop.",
            'jax.lax.while_loop(lambda i: ref["layer", 0, "position", 0].array > 0, lambda i: i + 1, 0)',
            "Carry the value, and read the ref in the body.",
        ),
        Case(
            "jax does not return refs: the caller has it already.",
            "jax.jit(lambda ref: ref)(ref)",
            "Return nothing, or `ref[...]`.",
            ours="ValueError: ",
        ),
    ],
}

SETUP_NUMPIFY = """\
import numpy as np
import sympy as sp
from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify
x, y, omega = sp.symbols("x y omega")
f = numpify(sp.sin(omega * x), [x, omega])
"""

NUMPIFY = {
    "Compiling": [
        Case(
            "A symbol of the expression is not listed.",
            "numpify(x + y, [x])",
            "Add it to `args`; give it a value later by `freeze`.",
        ),
        Case(
            "`lambdify` takes the parameters first; numpify takes the expression first.",
            "numpify([x, y], x + y)",
            "`numpify(x + y, [x, y])`.",
        ),
        Case(
            "An option of `lambdify` that numpify does not have.",
            'numpify(x, [x], modules="numpy")',
            "Leave it out: see [what stands in for each](migrate/lambdify.md#the-call).",
        ),
        Case(
            "An applied function without a formula.",
            'numpify(sp.Function("h")(x), [x])',
            "Say how it is computed, `functions={h: callable}`, or list `h(x)` in `args`.",
        ),
        Case(
            "A parameter with the same name, but other assumptions: SymPy takes them for two.",
            'numpify(sp.Symbol("x", positive=True), [x])',
            "Use one symbol in both places.",
        ),
        Case(
            "An equation is not a value.",
            "numpify(sp.Eq(y, x + 1), [x])",
            "Pass the side that is to be computed: `equation.rhs`, or what `sp.solve` gives.",
        ),
        Case(
            "The order of a series is not a number.",
            "numpify(sp.sin(x).series(x), [x])",
            "`.removeO()` leaves the polynomial.",
        ),
        Case(
            "A unit is not a number.",
            "from sympy.physics.units import meter\nnumpify(x * meter, [x])",
            "Divide by the unit, or list it in `args`.",
        ),
        Case(
            "Only symbols and their like can be parameters.",
            "numpify(x + y, [x + y])",
            "List symbols. To have a value for `x + y`, substitute a symbol for it: `expr.subs(x + y, z)`.",
        ),
    ],
    "Binding and calling": [
        Case(
            "No parameter has that name.", "f.freeze(omgea=3.0)", "The message lists the parameters, and the near ones."
        ),
        Case("A parameter got no value.", "f(1.0)", "Pass it, or `freeze` it."),
        Case(
            "There are fewer parameters than values.", "f(1.0, 2.0, 3.0)", "Frozen parameters are not passed any more."
        ),
        Case("A parameter is given by position and by name.", "f(1.0, 2.0, x=3.0)", "Give it once."),
        Case(
            "The parameter was frozen.",
            "f.freeze(omega=2.0)(1.0, omega=3.0)",
            "`unfreeze` it first, or `freeze` another value.",
        ),
        Case(
            "A dynamic parameter is read from a parameter context, and there is none.",
            "f.freeze({omega: DYNAMIC_PARAMETER})(1.0)",
            "`.set_parameter_context(Parameters({omega: 1.0}))`, or `with use_parameter_context(...)`.",
        ),
        Case(
            "The parameter context lacks the parameter.",
            "f.freeze({omega: DYNAMIC_PARAMETER}).set_parameter_context(Parameters({y: 1.0}))(1.0)",
            "Give it to the context.",
        ),
        Case(
            "A value is not a number.",
            'f("1", 2.0)',
            "Convert it: `float(...)`.",
        ),
        Case(
            "Shapes do not broadcast, in NumPy's own words.",
            "f(np.zeros(3), np.zeros(2))",
            "Add axes: `array[:, None]` against the other gives all combinations.",
        ),
        Case(
            "`out` cannot hold the result.",
            "f(np.zeros(3), 1.0, out=np.zeros(3, dtype=int))",
            "Make it of floats, or complex numbers, as the result is.",
            ours="out=<int64 array of shape (3,)>: ",
        ),
        Case(
            "Functions never change.",
            "f.symbolic = x",
            "`freeze`, `unfreeze` and `set_parameter_context` return new ones.",
        ),
    ],
}


def prompted(code: str) -> str:
    """Code as a session shows it."""
    lines = code.strip().splitlines()
    return "\n".join(("... " if line.startswith(" ") else ">>> ") + line for line in lines)


def raised_by(code: str, scope: dict[str, Any]) -> str:
    """The last lines of the traceback that running the code leaves: the type of the error, and its message."""
    try:
        exec(compile(code, "<error_page>", "exec"), scope)  # a statement of the tables above
    except Exception as error:
        text = "".join(traceback.TracebackException.from_exception(error).format_exception_only())
        first, _, rest = text.rstrip().partition("\n")
        return first + " ..." * bool(rest)
    raise AssertionError(f"raises nothing: {code}")


def sections(setup: str, tables: dict[str, list[Case]]) -> str:
    """The part of one package."""
    scope: dict[str, Any] = {}
    exec(setup, scope)
    out = io.StringIO()
    print(f"```python\n{prompted(setup)}\n\n```", file=out)
    for title, cases in tables.items():
        print(f"\n### {title}", file=out)
        for case in cases:
            message = raised_by(case.code, scope)
            if case.ours:
                message = message[: message.index(case.ours) + len(case.ours)] + "..."
            print(f"\n{case.means}\n\n```python\n{prompted(case.code)}", file=out)
            print(f"Traceback (most recent call last):\n...\n{message}\n\n```\n\n→ {case.way_out}", file=out)
    return out.getvalue()


def page() -> str:
    """The whole page."""
    import jax

    filtering = jax.config.jax_traceback_filtering
    jax.config.update("jax_traceback_filtering", "off")  # or jax adds a note to every error that passes through it
    try:
        refs, numpify = sections(SETUP_REFS, REFS), sections(SETUP_NUMPIFY, NUMPIFY)
    finally:
        jax.config.update("jax_traceback_filtering", filtering)
    return f"{HEAD}\n## `haliax_refs`\n\n{refs}\n## `numpify_ctx`\n\n{numpify}"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page())
