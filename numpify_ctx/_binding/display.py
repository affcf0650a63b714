"""How a function shows itself: in a prompt, in a notebook, to `help` and to `inspect`; always what is still free."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from numbers import Number
from typing import Any, assert_never

import sympy as sp

from .._symbolic.arguments import Nest
from .._symbolic.text import describe, is_short, short
from .bindings import Bindings
from .context import DYNAMIC_PARAMETER


def signature(bindings: Bindings) -> inspect.Signature:
    """What a call takes.

    `out=` is left out: those who take a function by its signature count its parameters (pint's `wraps`), or have each
    be a variable (lmfit's `Model`), and it is not one of the expression.

    >>> from numpify_ctx import numpify
    >>> x, v, a = sp.symbols("x v a")
    >>> inspect.signature(numpify(a * x + v, [(x, v), a]).freeze(a=2.0))
    <Signature (x_v)>
    """
    kind = inspect.Parameter
    return inspect.Signature([kind(name, kind.POSITIONAL_OR_KEYWORD) for name, _ in bindings.passed])


def one_line(title: str, symbolic: object, bindings: Bindings, *, ordered: bool = True) -> str:
    """The repr: free parameters, expression, and what is bound; and in which order parameters come that were not
    listed."""
    names = bindings.roster.names
    bound = [f"{names[symbol]}={short(value)}" for symbol, value in bindings.frozen_in_order.items()]
    bound += [f"{names[symbol]}={DYNAMIC_PARAMETER!r}" for symbol in bindings.dynamic_in_order]
    free = _bracketed([item for _, item in bindings.passed], names.__getitem__)
    notes = [", ".join(bound)] * bool(bound) + [_UNORDERED] * (not ordered)
    return f"<{'; '.join([f'{title} ({free}) -> {describe(symbolic)}', *notes])}>"


_UNORDERED = "args not given, order by name"


def _bracketed(nest: Iterable[sp.Basic | Nest], write: Callable[[sp.Basic], str]) -> str:
    """What is passed, with brackets around what is passed as one."""
    return ", ".join(f"({_bracketed(item, write)})" if isinstance(item, tuple) else write(item) for item in nest)


def latex(symbolic: object, bindings: Bindings) -> str:
    r"""The function as a formula; of one too long to read, what it begins with.

    >>> from numpify_ctx import numpify
    >>> x, a = sp.symbols("x a")
    >>> print(numpify(a * x).freeze(a=2.0)._repr_latex_())
    $\displaystyle \left(x\right) \mapsto a x \quad \left(a = 2.0\right)$
    """
    bound = [f"{sp.latex(symbol)} = {_latex_value(value)}" for symbol, value in bindings.frozen_in_order.items()]
    bound += [rf"{sp.latex(symbol)} = \text{{dynamic}}" for symbol in bindings.dynamic_in_order]
    free = _bracketed([item for _, item in bindings.passed], sp.latex)
    where = r" \quad \left(" + r",\ ".join(bound) + r"\right)" if bound else ""
    return rf"$\displaystyle \left({free}\right) \mapsto {_shortened(symbolic)}{where}$"


def _shortened(symbolic: object) -> str:
    r"""The LaTeX of an expression; of a long sum or product the first short parts of it, and how many more there are.

    >>> print(_shortened(sp.Add(*sp.symbols("x:99"))))
    x_{0} + x_{1} + x_{10} + x_{11} + \ldots\text{ (95 more)}
    >>> print(_shortened(sp.cos(sp.Add(*sp.symbols("x:99")))))
    \operatorname{cos}\left(\ldots\right)
    """
    if is_short(symbolic):
        return str(sp.latex(symbolic))
    if isinstance(symbolic, sp.Add | sp.Mul):
        shown = [part for part in symbolic.args if is_short(part, 15)][:4]
        if shown:
            more = rf"\ldots\text{{ ({len(symbolic.args) - len(shown)} more)}}"
            between = " + " if isinstance(symbolic, sp.Add) else r" \cdot "
            return f"{sp.latex(symbolic.func(*shown, evaluate=False))}{between}{more}"
    return rf"\operatorname{{{type(symbolic).__name__}}}\left(\ldots\right)"


def _latex_value(value: object) -> str:
    return sp.latex(value) if isinstance(value, Number | sp.Basic) else r"\ldots"


def description(title: str, symbolic: object, bindings: Bindings, *, ordered: bool = True) -> str:
    """The docstring of one function: its signature, its expression, and where each parameter comes from.

    >>> x, a = sp.symbols("x a")
    >>> from numpify_ctx import numpify
    >>> print(numpify(a * x, [x, a]).freeze(a=2.0).__doc__)
    BoundNumpifiedFunction(x): a*x
    <BLANKLINE>
    x: passed by the call
    a: frozen to 2.0
    out: an array for the result, by keyword
    """
    lines = [f"{title}{signature(bindings)}: {describe(symbolic)}", *[f"({_UNORDERED})"] * (not ordered), ""]
    for symbol in bindings.roster.names:
        match bindings.role(symbol):
            case "free":
                how = "passed by the call"
            case "frozen":
                how = f"frozen to {short(bindings.frozen[symbol])}"
            case "dynamic":
                how = "read from the parameter context at every call"
            case role:
                assert_never(role)
        lines.append(f"{bindings.roster.label(symbol)}: {how}")
    return "\n".join([*lines, "out: an array for the result, by keyword"])


_ABSENT = object()


class OfInstance:
    """An attribute that each instance computes, while its class has another value for it, or none.

    `inspect` and `pydoc` ask whatever they are given for `__signature__` and `__doc__`. A property would answer for
    the class too, with itself.
    """

    def __init__(self, compute: Callable[[Any], Any], of_class: object = _ABSENT) -> None:
        self.compute = compute
        self.of_class = of_class

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is not None:
            return self.compute(instance)
        if self.of_class is _ABSENT:
            raise AttributeError("only instances have it")
        return self.of_class
