"""Tell an index where the project lives: `[project.urls]`, and links of the README that work outside of a checkout.

    python tools/addresses.py https://github.com/OWNER/NAME [--site ADDRESS]

A release runs it on its own checkout, before it builds, with the address of the repository that it runs in. So a fork's
release points to the fork, and no address stands in the sources. The README's links to pages go to the site, those to
other files to the repository at the tag.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit


ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)\s#]+)(#[^)\s]*)?\)")


def urls(repository: str, site: str) -> str:
    """The table for `pyproject.toml`.

    >>> print(urls("https://github.com/a/b", "https://a.github.io/b"))
    [project.urls]
    Documentation = "https://a.github.io/b"
    Source = "https://github.com/a/b"
    Issues = "https://github.com/a/b/issues"
    Changelog = "https://a.github.io/b/changelog.html"
    """
    table = {
        "Documentation": site,
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{site}/changelog.html",
    }
    return "\n".join(["[project.urls]", *(f'{name} = "{address}"' for name, address in table.items())])


def absolute(text: str, repository: str, site: str, tag: str) -> str:
    """A page of Markdown with links that work from anywhere.

    >>> where = ("https://github.com/a/b", "https://a.github.io/b", "v1.0")
    >>> absolute("[refs](docs/refs.md#views), ![drawn](docs/pictures/refs.svg), [law](LICENSE)", *where)
    '[refs](https://a.github.io/b/refs.html#views), ![drawn](https://a.github.io/b/pictures/refs.svg), [law](https://github.com/a/b/blob/v1.0/LICENSE)'
    """

    def link(found: re.Match[str]) -> str:
        picture, words, path, place = found[1], found[2], found[3], found[4] or ""
        if path.startswith("docs/"):
            address = f"{site}/{re.sub(r'[.]md$', '.html', path.removeprefix('docs/'))}"
        else:
            address = f"{repository}/blob/{tag}/{path}"
        return f"{picture}[{words}]({address}{place})"

    return LINK.sub(link, text)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", help="its address, https://HOST/OWNER/NAME")
    parser.add_argument("--site", help="the site's address; default: GitHub Pages of the repository")
    given = parser.parse_args(arguments)
    repository = given.repository.rstrip("/")
    owner, _, name = urlsplit(repository).path.strip("/").partition("/")
    site = (given.site or f"https://{owner.lower()}.github.io/{name}").rstrip("/")

    project, readme = ROOT / "pyproject.toml", ROOT / "README.md"
    text = project.read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.+)"$', text, flags=re.MULTILINE)
    before = "[project.optional-dependencies]"
    project.write_text(text.replace(before, f"{urls(repository, site)}\n\n{before}"), encoding="utf-8")
    page = absolute(readme.read_text(encoding="utf-8"), repository, site, f"v{version}")
    readme.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
