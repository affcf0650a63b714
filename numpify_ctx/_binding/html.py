"""How a function shows itself in a notebook: its formula, and a table of where each parameter comes from."""

from __future__ import annotations

from html import escape
from typing import Any, assert_never

import sympy as sp

from .._symbolic.text import short
from .ambient import holds_parameters
from .bindings import Bindings
from .display import latex
from .live import read


def html(title: str, symbolic: object, bindings: Bindings, form: str) -> str:
    """The function as HTML: what it computes, and for each parameter whether it is free, frozen or dynamic, with its
    value now.

    >>> from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify
    >>> x, a = sp.symbols("x a")
    >>> f = numpify(a * x, [x, a]).freeze(a=DYNAMIC_PARAMETER).set_parameter_context(Parameters({a: 2.0}))
    >>> "<td>a</td><td>dynamic</td><td>2.0</td>" in f._repr_html_()
    True
    """
    rows = [
        f"<tr><td>{escape(bindings.roster.label(symbol))}</td><td>{bindings.role(symbol)}</td>"
        f"<td>{escape(_value(symbol, bindings))}</td></tr>"
        for symbol in bindings.roster.names
    ]
    head = "<tr><th>parameter</th><th></th><th>value</th></tr>"
    formula = escape(latex(symbolic, bindings))  # a name is text, whatever it is: MathJax sees it as it was
    table = f"<table>{head}{''.join(rows)}</table>" if rows else ""
    return f"<div><strong>{escape(title)}</strong> {formula}{table}<small>{escape(form)}</small></div>"


def _value(symbol: sp.Basic, bindings: Bindings) -> str:
    """What a call computes with for this parameter, as far as it is known before the call."""
    match bindings.role(symbol):
        case "free":
            return ""
        case "frozen":
            return short(bindings.frozen[symbol])
        case "dynamic":
            return "no parameter context" if bindings.context is None else _current(symbol, bindings.context)
        case role:
            assert_never(role)


def _current(symbol: sp.Basic, context: Any) -> str:
    holder = context.parameters if holds_parameters(context) else context
    try:
        entry = holder[symbol]
    except KeyError:
        return "not in the parameter context"
    return short(read(entry))
