"""What the next release brings, at the top of the site's page of changes, from the fragments in `changelog.d/`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING


if TYPE_CHECKING:  # the tests read this file, too, without mkdocs
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
FRAGMENTS, CHANGELOG = ROOT / "changelog.d", ROOT / "CHANGELOG.md"
TYPES = ("added", "changed", "deprecated", "removed", "fixed")
NAME = re.compile(rf"(\d+|\+[\w-]+)(?:\.\d+)?\.({'|'.join(TYPES)})(?:\.\d+)?\.md")
TITLE = "## Unreleased"


def unreleased() -> str:
    """The bullets of all fragments, by type, as towncrier puts them together."""
    found: dict[str, list[str]] = {kind: [] for kind in TYPES}
    for path in sorted(FRAGMENTS.glob("*.md")):
        if fits := NAME.fullmatch(path.name):
            found[fits[2]].append(path.read_text(encoding="utf-8").rstrip())
    parts = [f"### {kind.capitalize()}\n\n" + "\n".join(texts) for kind, texts in found.items() if texts]
    return "\n\n".join([TITLE, *parts]) + "\n" if parts else ""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri != "changelog.md":
        return markdown
    before, heading, releases = CHANGELOG.read_text(encoding="utf-8").partition("## [")
    return f"{before}{unreleased()}\n{heading}{releases}"
