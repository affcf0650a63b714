"""A griffe extension for the site: the examples in docstrings are shown as code.

Docstrings end with a bare doctest, which Markdown takes for a quotation. Here each is put into a fence of its own.
"""

from __future__ import annotations

import re
from typing import Any

import griffe


def fenced(text: str) -> str:
    """The text of a docstring with a fence around each doctest: from a line that begins with `>>>` to a blank line.

    >>> print(fenced("Adds.\\n\\n>>> 1 + 1\\n2"))
    Adds.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    """
    lines: list[str] = []
    indent: str | None = None  # that of the doctest that is open
    for line in [*text.splitlines(), ""]:
        start = re.match(r"( *)>>> ", line)
        if indent is None and start:
            indent = start[1]
            lines.append(f"{indent}```pycon")
        elif indent is not None and not line.strip():
            lines.append(f"{indent}```")
            indent = None
        lines.append(line)
    return "\n".join(lines[:-1])


class Fences(griffe.Extension):
    """Fence the doctests of every docstring."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
