"""In which order the nodes of a straight run are computed: that of the program, but that a sum takes each term at once.

In the order of the program all terms of a sum stand before it, and thousands of terms would be thousands of arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence


Turn = tuple[int, int, int]  # a node, and from which to which of its steps are computed: 0, 0 if it has none


def turns(
    order: Iterable[int],
    steps: Mapping[int, Sequence[Sequence[int]]],
    users: Mapping[int, int],
    at_hand: Iterable[int],
) -> Iterator[Turn]:
    """The turns of all nodes; the last one of a node is where it stands in the order that is given.

    Law: at no time are more values needed than in that order: steps come early only where they take a value that
    nothing else reads, so that what they give stands in its place.

    Args:
        order: the nodes, operands before their users.
        steps: what each step of a node reads besides what the step before it gave; nodes without steps are left out.
        users: of each node that is read once, and by a node with steps, that node.
        at_hand: what is there from the start.

    >>> steps = {5: [(1, 2), (3,), (4,)]}  # ((1 + 2) + 3) + 4
    >>> list(turns([1, 2, 3, 4, 5], steps, {1: 5, 2: 5, 3: 5, 4: 5}, [0]))[2:5]
    [(5, 0, 1), (3, 0, 0), (5, 1, 2)]
    """
    known = set(at_hand)
    taken: dict[int, int] = {}  # of each node, how many steps have had their turn
    ready: dict[int, int] = {}  # and how many of them could have had it
    for node in order:
        known.add(node)
        yield node, taken.get(node, 0), len(steps.get(node, ()))
        user = users.get(node)
        if user is None:
            continue
        begin = end = ready.get(user, 0)
        its_steps = steps[user]
        # The last step is that of the node itself, whose place is where its own users expect it.
        while end < len(its_steps) - 1 and known.issuperset(its_steps[end]):
            end += 1
        ready[user] = end
        if any([node in its_steps[i] for i in range(begin, end)]):  # noqa: C419  a list is quicker
            yield user, taken.get(user, 0), end
            taken[user] = end
