"""The words that messages borrow: an expression or a value in a few characters, and how many there are of something."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping

import numpy as np
import sympy as sp


def is_short(value: object, most: int = 60) -> bool:
    """Whether an expression, or collection of them, has at most `most` nodes, counted as they would be printed.

    >>> x = sp.Symbol("x")
    >>> is_short([x + 1, x]), is_short(sp.Add(*sp.symbols("x:99")))
    (True, False)
    """
    stack, nodes = [value], 0
    # Ends at the limit: printed, what is shared may be longer than there is time to count.
    while stack and nodes <= most:
        nodes += 1
        match stack.pop():
            # Its zeros are printed as well, but need no visit.
            case sp.SparseMatrix() | sp.ImmutableSparseMatrix() as matrix:
                stack.extend(matrix.todok().values())
                nodes += max(matrix.rows * matrix.cols - matrix.nnz(), 0)
            case sp.MatrixBase() as matrix:
                stack.extend(matrix.flat())
            case sp.Basic() as node:
                stack.extend(node.args)
            case Mapping() as mapping:
                stack.extend(mapping.values())
            case list() | tuple() as items:
                stack.extend(items)
    return nodes <= most


def describe(value: object) -> str:
    """`repr(value)`, or of an expression too long to read only its class: printing one may take for ever.

    >>> x = sp.Symbol("x")
    >>> describe(x + 1), describe(sp.Add(*sp.symbols("x:99"))), describe("x")
    ('x + 1', 'Add(...)', "'x'")
    """
    if not is_short(value):
        return f"{type(value).__name__}(...)"
    try:
        return without_address(repr(value))
    except Exception:  # SymPy's printers evaluate, and raise whatever that does; a message must come out all the same
        if not isinstance(value, sp.Basic):
            raise
        return f"{type(value).__name__}(...)"


def without_address(text: str) -> str:
    """The repr of an object without where it lies in memory: that tells nothing, and differs from run to run.

    >>> without_address("<function f at 0x7fe683caa570>")
    '<function f>'
    """
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", text)


class _Short(reprlib.Repr):
    def repr_instance(self, value: object, level: int) -> str:
        """Without the address before it is cut, so that no part of one is left."""
        text = without_address(repr(value))
        half = (self.maxother - 3) // 2
        return text if len(text) <= self.maxother else f"{text[:half]}...{text[-half:]}"


_SHORT = _Short()
_SHORT.maxother = _SHORT.maxstring = 60


def short(value: object) -> str:
    """A value on part of a line: of an array its dtype and shape, not its elements.

    >>> short(0.5), short(np.zeros((2, 3)))
    ('0.5', '<float64 array of shape (2, 3)>')
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return f"<{value.dtype} array of shape {value.shape}>"
    return describe(value) if isinstance(value, sp.Basic) else _SHORT.repr(value)


def plural(number: int, noun: str) -> str:
    """How many there are of something.

    >>> plural(1, "argument"), plural(0, "argument"), plural(2, "axis")
    ('1 argument', 'no arguments', '2 axes')
    """
    many = f"{noun[:-2]}es" if noun.endswith("is") else f"{noun}s"
    return f"1 {noun}" if number == 1 else f"{number or 'no'} {many}"


def some(words: Iterable[str], most: int = 12) -> str:
    """The first of many words, and how many more there are.

    >>> some("abc"), some("abcd", most=2)
    ('a, b, c', 'a, b and 2 more')
    """
    words = list(words)
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
