"""What a rule is: how one SymPy class becomes nodes of a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._kinds import INT
from .._program.builder import Builder
from .example import Example


# Not typed further: how many operand nodes there are differs from rule to rule, and bodies come as `Body`.
Lower = Callable[..., int]


@dataclass(frozen=True, slots=True)
class Under:
    """An operand that is a function of `symbols`: the body of a sum. The rule's `lower` gets it as a `Body`.

    `kinds` are the kinds of number that the symbols may stand for.
    """

    expr: Any
    symbols: tuple[Any, ...]
    # Most bound variables count: those of sums, and the indices of entries.
    kinds: int = INT


@dataclass(frozen=True, slots=True)
class Body:
    """A lowered `Under`: a node, and the nodes of the bound variables in it."""

    node: int
    bound: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one SymPy class becomes program nodes.

    Attributes:
        lower: `(builder, expr, *operand nodes) -> node`.
        operands: `(builder, expr) -> what to lower first`: SymPy expressions, or `Under` to bind symbols. None:
            `expr.args`.
        ranked: operands may be matrices and arrays; else they must be numbers.
        real: operands must be real numbers. What is complex whatever the arguments are is refused when compiling.
        folds: an `expr` all of whose operands are constant is a constant, and `expr.evalf()` gives its value.
        example: an expression that shows it. None: the class applied to one number.
    """

    # A rule holds nothing of an expression: one serves all of its class, in all threads, and is asked for each anew.
    lower: Lower
    operands: Callable[[Builder, Any], Sequence[Any]] | None = None
    # The usual case is a function of numbers; what gives a matrix or binds symbols says False.
    folds: bool = True
    # Matrices must be asked for: a rule that knows of none would broadcast their own axes like all others.
    ranked: bool = False
    real: bool = False
    example: Example | None = None

    def with_example(
        self,
        expr: Callable[[], Any],
        note: str = "",
        meaning: Callable[[], Any] | None = None,
        refused: bool = False,
    ) -> Rule:
        """The same rule, with an example; see `Example`."""
        return replace(self, example=Example(expr, note, meaning, refused))
