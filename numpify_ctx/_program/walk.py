"""The traversals of a program."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator


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


def in_turn(roots: Iterable[int], operands: Callable[[int], Iterable[int]]) -> list[int]:
    """The nodes that `roots` lead to, each behind its operands, which come one after the other as they are named.

    >>> args = [(), (), (0,), (1,), (3, 2)]
    >>> in_turn([4], args.__getitem__)
    [1, 3, 0, 2, 4]
    """
    found: dict[int, None] = {}
    begun: list[tuple[int, Iterator[int]]] = [(-1, iter(roots))]
    while begun:
        node, left = begun[-1]
        for operand in left:
            if operand not in found:
                begun.append((operand, iter(operands(operand))))
                break
        else:
            begun.pop()
            if begun:  # the first entry stands for no node
                found[node] = None
    return list(found)
