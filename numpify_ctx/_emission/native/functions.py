"""The elementary functions, each as a function of vectors of doubles in the text of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import exponential, remainders, trigonometric
from .composed import COMPOSED, QUOTIENTS
from .vectors import Text, Vector


# By NumPy's names, as `Op.native` has them.
FUNCTIONS: dict[str, Callable[..., Vector]] = {
    **{name: getattr(exponential, name) for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p")},
    **{name: getattr(exponential, name) for name in ("sinh", "cosh", "tanh", "power", "cbrt", "hypot")},
    **{name: getattr(trigonometric, name) for name in ("sin", "cos", "tan")},
    "arcsin": trigonometric.asin, "arccos": trigonometric.acos, "arctan": trigonometric.atan,
    "arctan2": trigonometric.atan2, "arcsinh": exponential.asinh, "arccosh": exponential.acosh,
    "arctanh": exponential.atanh, "mod": remainders.mod,
}  # fmt: skip
OF_TWO = frozenset({"power", "hypot", "arctan2", "mod"})
DEAR = frozenset({*FUNCTIONS, *COMPOSED, *QUOTIENTS})  # what costs many operations

_RARE = {**exponential.RARE, **remainders.RARE}


def definitions(names: Iterable[str], width: int, declared: set[str], inline: bool) -> str:
    """The text of these functions; `inline`: they are to be written out where they are called.

    >>> text = definitions({"exp"}, 8, set(), inline=True)
    >>> "define internal <8 x double> @exp(<8 x double> %x)" in text
    True
    """
    how = f" #{2 if inline else 1}"
    return "\n".join(
        _definition(FUNCTIONS[name], name, width, declared, how, name in OF_TWO).replace("define", "define internal")
        for name in sorted(set(names))
    )


def library_function(name: str, width: int, declared: set[str]) -> str:
    """The text of what a function calls where arguments are rare, compiled once for all kernels of this width."""
    if name in _RARE:
        return _definition(_RARE[name], f"{name}.rare.{width}", width, declared, " #1", name in OF_TWO)
    return trigonometric.large_function(name, width, declared)


def _definition(
    function: Callable[..., Vector], name: str, width: int, declared: set[str], attributes: str, of_two: bool
) -> str:
    text = Text(width, declared)
    operands = [text.argument(n) for n in (("x", "y") if of_two else ("x",))]
    result = function(*operands)
    vector = f"<{width} x double>"
    parameters = ", ".join(f"{o.type} {o.name}" for o in operands)
    lines = "\n".join(text.lines)
    return f"define {vector} @{name}({parameters}){attributes} {{\nentry:\n{lines}\nret {vector} {result.name}\n}}\n"
