"""Names of temporaries used again, so that an array is gone when it was read for the last time.

A function keeps what its variables hold until it ends: in thousands of statements, thousands of arrays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


FEW = 16  # so many temporaries keep names of their own, which are easier to read

_NAME = re.compile(r"\bt\d+\b")
_ASSIGNED = re.compile(r" *(t\d+) = ")


def recycled(lines: Sequence[str], result: str = "", few: int = FEW) -> tuple[list[str], str]:
    """Statements in a straight run, and the expression after them, with few names for temporaries.

    Law: they compute the same, and each name that is assigned holds a value that is still to be read.

    Args:
        lines: the statements; `t1 = ...` assigns the temporary t1, and what is not assigned here keeps its name.
        result: what is evaluated behind them.
        few: so many temporaries are left as they are.

    >>> lines = [f"t{i} = np.sin(t{i - 1})" for i in range(1, 20)]
    >>> recycled(["t0 = np.sin(x)", *lines], "t19 + 1")[0][-1]
    't0 = np.sin(t0)'
    """
    heads = [begin[0] if (begin := _ASSIGNED.match(line)) else "" for line in lines]
    own = {head.split()[0] for head in heads if head}
    if len(own) <= few:
        return list(lines), result
    heads.append("")
    whole = [*lines, result]
    mentioned = [own.intersection(_NAME.findall(line)) for line in whole]
    last = {name: i for i, names in enumerate(mentioned) for name in names}
    now: dict[str, str] = {}  # what each temporary is called, from its assignment to where it is read last
    free: list[str] = []
    found: list[str] = []
    for i, (head, line) in enumerate(zip(heads, whole, strict=True)):
        text = _NAME.sub(lambda name: now.get(name[0], name[0]), line[len(head) :]) if mentioned[i] else line
        target = head.split()[0] if head else ""
        # What is read is read before the assignment, which may take the name of what ends here.
        free += [now.pop(name) for name in sorted(mentioned[i]) if last[name] == i and name in now and name != target]
        if target:
            if target not in now:
                now[target] = free.pop() if free else target
            text = head.replace(target, now[target]) + text
            if last[target] == i:
                free.append(now.pop(target))
        found.append(text)
    return found[:-1], found[-1]
