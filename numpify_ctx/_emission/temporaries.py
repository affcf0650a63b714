"""Names of temporaries used again, so that an array is gone when it was read for the last time.

A function keeps what its variables hold until it ends: in thousands of statements, thousands of arrays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


FEW = 64  # so many temporaries keep names of their own, which are easier to read

_NAME = re.compile(r"\b(t\d+)\b")


def recycled(lines: Sequence[str], result: str = "", few: int = FEW) -> tuple[list[str], str]:
    """Statements in a straight run, and the expression after them, with few names for temporaries.

    Law: they compute the same, and each name that is assigned holds a value that is still to be read.

    Args:
        lines: the statements; `t1 = ...` assigns the temporary t1, and what is not assigned here keeps its name.
        result: what is evaluated behind them.
        few: so many temporaries are left as they are.

    >>> lines = [f"t{i} = np.sin(t{i - 1})" for i in range(1, 20)]
    >>> recycled(["t0 = np.sin(x)", *lines], "t19 + 1", few=8)[0][-1]
    't0 = np.sin(t0)'
    """
    if len(lines) <= few:
        return list(lines), result
    # Text and names in turn, beginning with text.
    pieces = [_NAME.split(line) for line in [*lines, result]]
    targets = [found[1] if _is_assigned(found) else "" for found in pieces]
    if len(set(targets)) <= few + 1:
        return list(lines), result
    last = {name: i for i, found in enumerate(pieces) for name in found[1::2]}
    now: dict[str, str] = {}  # what each temporary is called, from its assignment to where it is read last
    free: list[str] = []
    for i, (found, target) in enumerate(zip(pieces, targets, strict=True)):
        names = found[1::2]
        renamed = [now.get(name, name) for name in names]
        # What is read is read before the assignment, which may take the name of what ends here.
        free += [now.pop(name) for name in names if last[name] == i and name in now and name != target]
        if target:
            if target not in now:
                now[target] = free.pop() if free else target
            renamed[0] = now[target]
            if last[target] == i:
                free.append(now.pop(target))
        found[1::2] = renamed
    written = ["".join(found) for found in pieces]
    return written[:-1], written[-1]


def _is_assigned(pieces: Sequence[str]) -> bool:
    """Does a line begin with a name to which a value is given?"""
    return len(pieces) > 2 and pieces[2].startswith(" = ") and not pieces[0].strip()
