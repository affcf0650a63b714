"""How a function shows itself: in a prompt, in a notebook, to `help` and to `inspect`; always what is still free."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from numbers import Number
from typing import Any, assert_never

import sympy as sp

from .._symbolic.text import describe, is_short, short
from .bindings import Bindings
from .context import DYNAMIC_PARAMETER


def signature(bindings: Bindings) -> inspect.Signature:
    """What a call takes.

    >>> from numpify_ctx import numpify
    >>> x, a = sp.symbols("x a")
    >>> inspect.signature(numpify(a * x).freeze(a=2.0))
    <Signature (x, *, out=None)>
    """
    kind = inspect.Parameter
    by_name = [kind(name, kind.POSITIONAL_OR_KEYWORD) for _, name in bindings.free]
    return inspect.Signature([*by_name, kind("out", kind.KEYWORD_ONLY, default=None)])


def one_line(title: str, symbolic: Any, bindings: Bindings) -> str:
    """The repr: free parameters, expression, and what is bound."""
    names = bindings.roster.names
    bound = [f"{names[symbol]}={short(value)}" for symbol, value in bindings.frozen_in_order.items()]
    bound += [f"{names[symbol]}={DYNAMIC_PARAMETER!r}" for symbol in bindings.dynamic_in_order]
    free = ", ".join(name for _, name in bindings.free)
    return f"<{title} ({free}) -> {describe(symbolic)}{'; ' if bound else ''}{', '.join(bound)}>"


def latex(symbolic: Any, bindings: Bindings) -> str | None:
    r"""The function as a formula, or None where it is too long for one.

    >>> from numpify_ctx import numpify
    >>> x, a = sp.symbols("x a")
    >>> print(numpify(a * x).freeze(a=2.0)._repr_latex_())
    $\displaystyle \left(x\right) \mapsto a x \quad \left(a = 2.0\right)$
    """
    if not is_short(symbolic):
        return None
    bound = [f"{sp.latex(symbol)} = {_latex_value(value)}" for symbol, value in bindings.frozen_in_order.items()]
    bound += [rf"{sp.latex(symbol)} = \text{{dynamic}}" for symbol in bindings.dynamic_in_order]
    free = ", ".join(sp.latex(symbol) for symbol, _ in bindings.free)
    where = r" \quad \left(" + r",\ ".join(bound) + r"\right)" if bound else ""
    return rf"$\displaystyle \left({free}\right) \mapsto {sp.latex(symbolic)}{where}$"


def _latex_value(value: Any) -> str:
    return sp.latex(value) if isinstance(value, Number | sp.Basic) else r"\ldots"


def description(title: str, symbolic: Any, bindings: Bindings) -> str:
    """The docstring of one function: its signature, its expression, and where each parameter comes from.

    >>> x, a = sp.symbols("x a")
    >>> from numpify_ctx import numpify
    >>> print(numpify(a * x).freeze(a=2.0).__doc__)
    BoundNumpifiedFunction(x, *, out=None): a*x
    <BLANKLINE>
    a: frozen to 2.0
    x: passed by the call
    """
    lines = [f"{title}{signature(bindings)}: {describe(symbolic)}", ""]
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
    return "\n".join(lines)


_ABSENT = object()


class OfInstance:
    """An attribute that each instance computes, while its class has another value for it, or none.

    `inspect` and `pydoc` ask whatever they are given for `__signature__` and `__doc__`. A property would answer for
    the class too, with itself.
    """

    def __init__(self, compute: Callable[[Any], Any], of_class: Any = _ABSENT) -> None:
        self.compute = compute
        self.of_class = of_class

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None:
            return self.compute(instance)
        if self.of_class is _ABSENT:
            raise AttributeError("only instances have it")
        return self.of_class
