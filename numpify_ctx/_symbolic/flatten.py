"""One flattening of an expression: its nodes in a list, parts before wholes, each with the numbers of its parts.

Which symbols are free (`free`), what determines the code (`key`) and what a pickle holds (`pickling`) are loops over
these numbers, so that none of them recurses, however deep an expression is, or sees a shared part twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import sympy as sp


Node = object
"""A SymPy node, or a list, tuple, mapping, matrix or array of such: whatever `numpify` takes."""


class Flat:
    """Expressions as nodes that are numbered in the order of `nodes`; `parts[i]` are the numbers of the parts of i.

    Nodes are told apart by identity, since nodes that compare equal may print and compute differently (1 and 1.0). All
    are kept, as the id of a dropped one may come again.

    >>> x = sp.Symbol("x")
    >>> flat = Flat()
    >>> flat.number(x + 1), flat.nodes, flat.parts
    (2, [x, 1, x + 1], [(), (), (1, 0)])
    """

    __slots__ = ("_numbers", "nodes", "parts")

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.parts: list[tuple[int, ...]] = []
        self._numbers: dict[int, int] = {}  # id of a node -> its number

    def number(self, root: Node) -> int:
        """The number of a node, which is added behind its parts if it is new."""
        numbers, nodes, parts = self._numbers, self.nodes, self.parts
        number_of = numbers.__getitem__
        begun: dict[int, Sequence[Node]] = {}
        todo = [root]
        while todo:
            node = todo[-1]
            key = id(node)
            if key in numbers:
                todo.pop()
                continue
            # A node is met twice: before its parts and after them. What was asked of it first must be kept, as `args`
            # may make new objects each time.
            below = begun.pop(key, None)
            if below is None:
                below = node.args if isinstance(node, sp.Basic) else parts_of(node)
                if below:
                    waiting = [part for part in below if id(part) not in numbers]
                    if waiting:
                        begun[key] = below
                        todo += waiting
                        continue
            todo.pop()
            numbers[key] = len(nodes)
            nodes.append(node)
            parts.append(tuple(map(number_of, map(id, below))) if below else ())
        return numbers[id(root)]


def parts_of(node: Node) -> Sequence[Node]:
    """What a collection of expressions holds, in its order; nothing, for what is no collection.

    >>> parts_of([1, sp.pi]), parts_of({"a": 2}), parts_of(sp.Matrix([[1, 2]])), parts_of("ab")
    ([1, pi], [2], [1, 2], ())
    """
    match node:
        case sp.Basic():
            return node.args  # type: ignore[no-any-return]
        case list() | tuple():
            return node
        case Mapping():
            return list(node.values())
        case sp.SparseMatrix():
            # Sorted: two equal matrices may have been filled in another order.
            return [entry for _, entry in sorted(node.todok().items())]
        case sp.MatrixBase():
            return node.flat()  # type: ignore[no-any-return]
        case sp.NDimArray():
            return list(node.reshape(len(node)))
        # Of another dtype, its elements are no expressions.
        case np.ndarray() if node.dtype == object:
            return list(node.flat)
    return ()
