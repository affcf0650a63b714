"""The nodes of a program that is being made."""

from __future__ import annotations

from typing import Any

from .ir import Op, Program


class Nodes:
    """What `Program` holds of each node, in lists that grow; those of a program to begin with, if there is one."""

    def __init__(self, program: Program | None = None) -> None:
        self.ops: list[Op] = [] if program is None else list(program.ops)
        self.args: list[tuple[int, ...]] = [] if program is None else list(program.args)
        self.data: list[Any] = [] if program is None else list(program.data)
        self.deps: list[int] = [] if program is None else list(program.deps)
        self.kinds: list[int] = [] if program is None else list(program.kinds)
        self.rank: list[int] = [] if program is None else list(program.rank)
        self._answers: dict[Any, int] = {}  # of `op.kinds`: few distinct questions are asked, many times over

    def _new(self, op: Op, args: tuple[int, ...], data: Any, deps: int, kinds: int, rank: int) -> int:
        number = len(self.ops)
        self.ops.append(op)
        self.args.append(args)
        self.data.append(data)
        self.deps.append(deps)
        self.kinds.append(kinds)
        self.rank.append(rank)
        return number
