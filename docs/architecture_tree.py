"""The tree of both packages on the architecture page: each file with the first sentence of its docstring.

python docs/architecture_tree.py            # prints it
python docs/architecture_tree.py --write    # puts it into the page
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path


ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("haliax_refs", "numpify_ctx")
BEGIN = "<!-- tree of {package}: python docs/architecture_tree.py --write -->"


def tree(package: str) -> str:
    """The tree of one package, as a block of Markdown."""
    lines = list(_lines(ROOT / package, ""))
    width = max(len(name) for name, _ in lines)
    text = "\n".join(f"{name:{width}}  {sentence}".rstrip() for name, sentence in lines)
    return f"```text\n{package}/\n{text}\n```"


def _lines(folder: Path, indent: str) -> Iterator[tuple[str, str]]:
    """Files first, then folders, as a reader meets them; `__init__.py` speaks for its folder."""
    indent += "  "
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield indent + path.name, _sentence(path)
    for path in sorted(path.parent for path in folder.glob("*/__init__.py")):
        yield f"{indent}{path.name}/", _sentence(path / "__init__.py")
        yield from _lines(path, indent)


def _sentence(path: Path) -> str:
    """The first sentence of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n", maxsplit=1)[0].split())
    return re.split(r"(?<=\.)\s", paragraph, maxsplit=1)[0].rstrip(".:")


def page() -> str:
    """The page, with the trees as they are now."""
    text = PAGE.read_text(encoding="utf-8")
    for package in PACKAGES:
        begin = re.escape(BEGIN.format(package=package))
        text = re.sub(
            rf"({begin}\n\n)```text\n.*?\n```", lambda found, p=package: found[1] + tree(p), text, flags=re.DOTALL
        )
    return text


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(*(tree(package) for package in PACKAGES), sep="\n\n")
