"""The one traversal of a program."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable


def reach(roots: Iterable[int], operands: Callable[[int], Iterable[int]], stop: Container[int] = ()) -> set[int]:
    """The nodes that `roots` lead to by way of `operands`, with the roots, and without what is in `stop`.

    Args:
        roots: where to begin.
        operands: what each node leads to: `program.args.__getitem__`, or a part of that.
        stop: nodes that neither count nor lead on.

    >>> args = [(), (), (0, 1), (2, 0)]
    >>> sorted(reach([3], args.__getitem__, stop={1}))
    [0, 2, 3]
    """
    found: set[int] = set()
    todo = list(roots)  # a list of our own, for programs are deeper than Python's stack
    while todo:
        node = todo.pop()
        if node not in found and node not in stop:
            found.add(node)
            todo.extend(operands(node))
    return found
