"""The elementary functions, each as a function of vectors of doubles in the text of a module; a few of floats, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import exponential, remainders, trigonometric
from .composed import COMPOSED, QUOTIENTS
from .hypot import hypot
from .single import SINGLE
from .vectors import DOUBLE, FLOAT, Text, Vector


# By NumPy's names, as `Op.native` has them.
FUNCTIONS: dict[str, Callable[..., Vector]] = {
    **{name: getattr(exponential, name) for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p")},
    **{name: getattr(exponential, name) for name in ("sinh", "cosh", "tanh", "power", "cbrt")},
    "hypot": hypot,
    **{name: getattr(trigonometric, name) for name in ("sin", "cos", "tan")},
    "arcsin": trigonometric.asin, "arccos": trigonometric.acos, "arctan": trigonometric.atan,
    "arctan2": trigonometric.atan2, "arcsinh": exponential.asinh, "arccosh": exponential.acosh,
    "arctanh": exponential.atanh, "mod": remainders.mod,
}  # fmt: skip
OF_TWO = frozenset({"power", "hypot", "arctan2", "mod"})
DEAR = frozenset({*FUNCTIONS, *COMPOSED, *QUOTIENTS})  # what costs many operations

SHORT = ".short"  # how the names of functions of floats end

_RARE = {**exponential.RARE, **remainders.RARE}


def definitions(names: Iterable[str], width: int, declared: set[str], inline: bool) -> str:
    """The text of these functions; `inline`: they are to be written out where they are called.

    >>> text = definitions({"exp"}, 8, set(), inline=True)
    >>> "define internal <8 x double> @exp(<8 x double> %x)" in text
    True
    """
    how = f" #{2 if inline else 1}"
    return "\n".join(
        _definition(_function(name), name, width, declared, how).replace("define", "define internal")
        for name in sorted(set(names))
    )


def library_function(name: str, width: int, declared: set[str]) -> str:
    """The text of what a function calls where arguments are rare, compiled once for all kernels of this width."""
    if name.endswith(SHORT):
        of_doubles = FUNCTIONS[name.removesuffix(SHORT)]
        function: Callable[..., Vector] = lambda x: of_doubles(x.converted(DOUBLE)).converted(FLOAT)  # noqa: E731
    elif name in _RARE:
        function = _RARE[name]
    else:
        return trigonometric.large_function(name, width, declared)
    return _definition(function, f"{name}.rare.{width}", width, declared, " #1", name)


def _function(name: str) -> Callable[..., Vector]:
    return SINGLE[name.removesuffix(SHORT)] if name.endswith(SHORT) else FUNCTIONS[name]


def _definition(
    function: Callable[..., Vector], name: str, width: int, declared: set[str], attributes: str, base: str = ""
) -> str:
    """The text of one function; `base`: the name of the elementary one, which tells its operands."""
    text, base = Text(width, declared), base or name
    kind = FLOAT if base.endswith(SHORT) else DOUBLE
    operands = [text.argument(n, kind) for n in (("x", "y") if base in OF_TWO else ("x",))]
    result = function(*operands)
    parameters = ", ".join(f"{o.type} {o.name}" for o in operands)
    lines = "\n".join(text.lines)
    head = f"define {result.type} @{name}({parameters}){attributes}"
    return f"{head} {{\nentry:\n{lines}\nret {result.type} {result.name}\n}}\n"
