"""The tutorials as notebooks: the text and the code of the pages, to be run cell by cell.

python docs/notebooks.py            # tells which are not what this script makes
python docs/notebooks.py --write    # makes them, in docs/notebooks/
"""

from __future__ import annotations

import doctest
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


DOCS = Path(__file__).resolve().parent
FOLDER = DOCS / "notebooks"
NAMES = ("refs", "numpify")
FENCE = re.compile(r"^```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


def cells(page: str) -> Iterator[dict[str, Any]]:
    """What stands between the fences of a page as text, and what stands in them as code, without its output."""
    for number, part in enumerate(FENCE.split(page)):
        if number % 2:
            source = ""
            for example in doctest.DocTestParser().get_examples(part):
                raises = example.exc_msg is not None
                if raises and source:
                    yield cell("code", source)
                    source = ""
                source += example.source
                if example.want:  # a notebook displays what a cell ends with
                    yield cell("code", source, ["raises-exception"] * raises)  # it runs on behind one that raises
                    source = ""
            if source:
                yield cell("code", source)
        elif part.strip():
            yield cell(
                "markdown", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"\[Download.*\n?", "", part).strip())
            )


def cell(kind: str, text: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "metadata": {"tags": list(tags)} if tags else {}}
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    return made | {"source": text.rstrip("\n").splitlines(keepends=True)}


def notebook(name: str) -> str:
    """One tutorial as the text of a notebook's file."""
    found = list(cells((DOCS / "tutorials" / f"{name}.md").read_text(encoding="utf-8")))
    for number, made in enumerate(found):
        made["id"] = f"{name}-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": found, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    status = 0
    FOLDER.mkdir(exist_ok=True)
    for name in NAMES:
        path = FOLDER / f"{name}.ipynb"
        if "--write" in arguments:
            path.write_text(notebook(name), encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != notebook(name):
            print(f"not what docs/notebooks.py makes: {path.name}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
