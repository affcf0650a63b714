"""In which order the nodes of a straight run are computed: that of the program, but that a sum takes each term at once.

In the order of the program all terms of a sum stand before it, and thousands of terms would be thousands of arrays.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple


class Turn(NamedTuple):
    """A node, and which of its steps have their turn; `end` is `begin` of a node that has no steps."""

    node: int
    begin: int
    end: int


def turns(
    order: Iterable[int],
    reads: Mapping[int, Sequence[int]],
    steps: Mapping[int, Sequence[Sequence[int]]],
    at_hand: Iterable[int],
    kept: Container[int],
) -> list[Turn]:
    """The turns of all nodes; the last one of a node is where it stands in the order of the program.

    Law: at no time are more values needed than in that order: steps come early only where they take a value that
    nothing else reads, so that what they give stands in its place.

    Args:
        order: the nodes, operands before their users.
        reads: what each node reads.
        steps: what each step of a node reads besides what the step before it gave; nodes without steps are left out.
        at_hand: what is there from the start.
        kept: the nodes that are needed to the end.

    >>> steps = {5: [(1, 2), (3,), (4,)]}  # ((1 + 2) + 3) + 4
    >>> turns([1, 2, 3, 4, 5], {5: [1, 2, 3, 4]}, steps, [0], [5])[2:5]
    [Turn(node=5, begin=0, end=1), Turn(node=3, begin=0, end=0), Turn(node=5, begin=1, end=2)]
    """
    users: dict[int, list[int]] = {}
    for node, operands in reads.items():
        for operand in operands:
            users.setdefault(operand, []).append(node)
    known = set(at_hand)
    found: list[Turn] = []
    taken: dict[int, int] = {}  # of each node, how many steps have had their turn
    ready: dict[int, int] = {}  # and how many of them could have had it
    for node in order:
        known.add(node)
        found.append(Turn(node, taken.get(node, 0), len(steps.get(node, ()))))
        if node in kept or len(users.get(node, ())) != 1:
            continue
        [user] = users[node]
        begin = end = ready.get(user, 0)
        # The last step is that of the node itself, whose place is where its own users expect it.
        its_steps = steps.get(user, ())[:-1]
        while end < len(its_steps) and known.issuperset(its_steps[end]):
            end += 1
        ready[user] = end
        if any(node in operands for operands in its_steps[begin:end]):
            found.append(Turn(user, taken.get(user, 0), end))
            taken[user] = end
    return found
