"""Where the links of the page of laws lead: to a page with the source of each test, which mkdocs makes as it builds.

In a checkout the links lead to the files of the tests, which are no part of the site. If `repo_url` is set in
`mkdocs.yml`, the page leads on to the repository.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple


if TYPE_CHECKING:  # the tests read this file, too, without mkdocs
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page


ROOT = Path(__file__).resolve().parents[1]
LAWS, TESTS = "laws.md", "law-tests.md"
LINK = re.compile(r"\[([\w.]+)\]\(\.\./(tests/[\w/]+\.py)\)")


class Test(NamedTuple):
    """A test that holds a law: a function, or a file as a whole, which has no source to show."""

    name: str
    path: str
    line: int
    source: str

    @property
    def anchor(self) -> str:
        return f"{self.path.removeprefix('tests/').removesuffix('.py').replace('/', '-')}-{self.name}"


def linked(page: str) -> Iterator[Test]:
    """The tests to which a page links.

    Raises:
        LookupError: a file has no function of that name.
    """
    for name, path in sorted(set(LINK.findall(page)), key=lambda link: link[::-1]):
        text = (ROOT / path).read_text(encoding="utf-8")
        if path.endswith(f"/{name}"):
            yield Test(name, path, 1, (ast.get_docstring(ast.parse(text)) or "").strip())
            continue
        # Classes of tests may have tests of one name, for one law.
        found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == name]
        if not found:
            raise LookupError(f"docs/{LAWS}: {path} has no {name}")
        firsts = [min(node.lineno for node in (function, *function.decorator_list)) for function in found]
        spans = zip(firsts, (function.end_lineno for function in found), strict=True)
        sources = [textwrap.dedent("\n".join(text.splitlines()[first - 1 : last])) for first, last in spans]
        yield Test(name, path, firsts[0], "\n\n\n".join(sources))


def listing(tests: Iterator[Test], repository: str | None) -> str:
    """The page of the tests, those of a file together."""
    parts = ["---\nsearch: { exclude: true }\n---\n\n# The tests of the laws\n", f"See [the laws]({LAWS})."]
    path = ""
    for test in tests:
        if test.path != path:
            path = test.path
            parts.append(f"## `{path}`")
        where = f"[`{path}`]({repository.rstrip('/')}/blob/main/{path}#L{test.line})\n\n" if repository else ""
        shown = test.source if test.name.endswith(".py") else f"```python\n{test.source}\n```"
        parts.append(f"### {test.name} {{ #{test.anchor} }}\n\n{where}{shown}")
    return "\n\n".join(parts) + "\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    from mkdocs.structure.files import File, InclusionLevel

    page = (Path(config.docs_dir) / LAWS).read_text(encoding="utf-8")
    made = File.generated(config, TESTS, content=listing(linked(page), config.repo_url))
    made.inclusion = InclusionLevel.NOT_IN_NAV
    files.append(made)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri != LAWS:
        return markdown
    return LINK.sub(lambda link: f"[{link[1]}]({TESTS}#{Test(link[1], link[2], 1, '').anchor})", markdown)
