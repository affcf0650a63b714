"""What emissions write into: source text, names, suites of statements, and sums that have not come to their end."""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple


Text = tuple[str, int]  # how a node is written, and the precedence of its outermost operator


@dataclass(frozen=True, slots=True)
class Source:
    """Source text, the name of its function, and what its global names stand for."""

    text: str
    name: str
    namespace: dict[str, Any]


class Chain(NamedTuple):
    """What is written of a sum or product: its text, how many parts are in it, the temporary of those cut off, and
    how many there are in all."""

    text: str
    pending: int
    temporary: str
    taken: int


NOTHING = Chain("", 0, "", 0)


_RESERVED = {"np", "math", "out", *keyword.kwlist}


class Names:
    """Names that are neither a parameter's nor used before."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = _RESERVED | set(taken)
        self.next: dict[str, int] = {}

    def numbered(self, stem: str) -> str:
        """stem0, stem1, ..."""
        number = self.next.get(stem, 0)
        while f"{stem}{number}" in self._taken:
            number += 1
        self.next[stem] = number + 1
        return f"{stem}{number}"

    def plain(self, stem: str) -> str:
        """stem itself, if it is free."""
        name = self.numbered(f"{stem}_") if stem in self._taken else stem
        self._taken.add(name)
        return name


@dataclass(slots=True)
class Suite:
    """Statements under construction: `text[node]` is how to write a node that is at hand."""

    lines: list[str]
    indent: str
    text: dict[int, Text]
    silent: bool = False

    def add(self, line: str) -> None:
        """One more statement."""
        self.lines.append(self.indent + line)

    def inside(self) -> Suite:
        """A suite one level further in, with lines of its own; it sees what this one has, but not the reverse."""
        return Suite([], self.indent + "    ", dict(self.text), self.silent)


@dataclass(slots=True)
class Trial:
    """An emission that is taken back at the end, unless it is kept."""

    kept: bool = False

    def keep(self) -> None:
        """Let it stand."""
        self.kept = True
