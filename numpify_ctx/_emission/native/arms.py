"""Which nodes of a kernel are only for one arm of a selection, and dear: they are computed if a lane selects it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from ..._program.ir import Program
from .functions import DEAR


Arm = tuple[int, int]  # a selection, and which of its operands
_DEEPEST = 8  # arms within arms; further in, all is computed


def dear_arms(
    program: Program, order: Sequence[int], outputs: Collection[int]
) -> tuple[list[int], dict[Arm, list[int]]]:
    """The nodes to compute whatever is selected, and those for one arm, if there is an elementary function in it.

    Law: a node is for an arm if every use of it is below that arm; each is in one of the lists, after its operands.
    """
    parent: dict[Arm, Arm | None] = {}
    owner: dict[int, Arm | None] = {}
    uses: dict[int, list[Arm | None]] = defaultdict(list)
    for node in outputs:
        uses[node].append(None)
    # Users come before their operands, so that all uses of a node are known when its turn comes.
    for node in reversed(order):
        own = owner[node] = _common(uses[node], parent)
        for arm, operand in _operands(program, node, own, parent):
            uses[operand].append(arm)
    # A branch costs more than a few operations: only elementary functions are worth one.
    dear = {arm for node, arm in owner.items() if arm is not None and program.ops[node].native in DEAR}
    found: dict[Arm, list[int]] = {arm: [] for arm in dear}
    always: list[int] = []
    for node in order:
        arm = owner[node]
        # Nodes of an arm without a branch of its own belong to the branch around it.
        while arm is not None and arm not in dear:
            arm = parent[arm]
        (always if arm is None else found[arm]).append(node)
    return always, found


def _operands(
    program: Program, node: int, own: Arm | None, parent: dict[Arm, Arm | None]
) -> Iterator[tuple[Arm | None, int]]:
    """The operands of a node, each with the arm that it is used in."""
    args = program.args[node]
    selects = program.ops[node].form == "select" and len(list(_above(own, parent))) < _DEEPEST
    for i, operand in enumerate(args):
        # Odd operands and the last are values, the others conditions, which are needed whatever is selected.
        if selects and (i % 2 or i == len(args) - 1):
            parent[node, i] = own
            yield (node, i), operand
        else:
            yield own, operand


def _above(arm: Arm | None, parent: dict[Arm, Arm | None]) -> Iterator[Arm]:
    """An arm and those that it is in."""
    while arm is not None:
        yield arm
        arm = parent[arm]


def _common(arms: Sequence[Arm | None], parent: dict[Arm, Arm | None]) -> Arm | None:
    """The innermost arm that all of these are in."""
    first, *others = dict.fromkeys(arms) or (None,)
    for other in others:
        around = set(_above(other, parent))
        first = next((arm for arm in _above(first, parent) if arm in around), None)
    return first
