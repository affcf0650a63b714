"""The elementary functions, each as a function of vectors of doubles in the text of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import exponential, trigonometric
from .vectors import Text, Vector


# By NumPy's names, as `Op.native` has them.
FUNCTIONS: dict[str, Callable[..., Vector]] = {
    **{name: getattr(exponential, name) for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p")},
    **{name: getattr(exponential, name) for name in ("sinh", "cosh", "tanh", "power", "cbrt", "hypot")},
    **{name: getattr(trigonometric, name) for name in ("sin", "cos", "tan")},
    "arcsin": trigonometric.asin, "arccos": trigonometric.acos, "arctan": trigonometric.atan,
    "arctan2": trigonometric.atan2, "arcsinh": exponential.asinh, "arccosh": exponential.acosh,
    "arctanh": exponential.atanh,
}  # fmt: skip
OF_TWO = frozenset({"power", "hypot", "arctan2"})


def definitions(names: Iterable[str], width: int, declared: set[str], inline: bool) -> str:
    """The text of these functions; `inline`: they are to be written out where they are called.

    >>> text = definitions({"exp"}, 8, set(), inline=True)
    >>> "define internal <8 x double> @exp(<8 x double> %x)" in text
    True
    """
    parts = [_definition(name, width, declared, inline) for name in sorted(set(names))]
    return "\n".join(parts)


def _definition(name: str, width: int, declared: set[str], inline: bool) -> str:
    text = Text(width, declared)
    operands: list[Any] = [text.argument(n) for n in (("x", "y") if name in OF_TWO else ("x",))]
    result = FUNCTIONS[name](*operands)
    vector = f"<{width} x double>"
    parameters = ", ".join(f"{o.type} {o.name}" for o in operands)
    lines = "\n".join(text.lines)
    return (
        f"define internal {vector} @{name}({parameters}) #{2 if inline else 1} {{\nentry:\n{lines}\n"
        f"ret {vector} {result.name}\n}}\n"
    )
