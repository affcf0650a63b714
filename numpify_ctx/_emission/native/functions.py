"""The elementary functions, each as a function of vectors of doubles in the text of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import exponential, trigonometric
from .vectors import Text, Vector


FUNCTIONS: dict[str, Callable[..., Vector]] = {
    name: getattr(room, name)
    for room, names in (
        (exponential, "exp exp2 expm1 log log2 log10 log1p sinh cosh tanh asinh acosh atanh power cbrt hypot"),
        (trigonometric, "sin cos tan asin acos atan atan2"),
    )
    for name in names.split()
}
OF_TWO = frozenset({"power", "hypot", "atan2"})
_WITH_LARGE = frozenset({"sin", "cos", "tan"})


def definitions(names: Iterable[str], width: int, declared: set[str], inline: bool) -> str:
    """The text of these functions, and of what they call; `inline`: they are to be written out where they are called.

    >>> text = definitions({"exp"}, 8, set(), inline=True)
    >>> "define internal <8 x double> @exp(<8 x double> %x)" in text
    True
    """
    wanted = sorted(set(names))
    parts = [_definition(name, width, declared, inline) for name in wanted]
    return trigonometric.large_functions(_WITH_LARGE & set(wanted), width, declared) + "\n".join(["", *parts])


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
