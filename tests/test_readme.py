"""The README's Python blocks run and print what they say; its links and commands exist."""

import doctest
import re
import tomllib
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readme_runs() -> None:
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert tried > 20
    assert failed == 0


def test_every_hatch_command_of_the_readme_exists() -> None:
    environments = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["envs"]
    commands = re.findall(r"hatch run ([\w:]+)", README.read_text())
    assert {"demo", "test"} <= set(commands)
    for command in commands:
        environment, _, script = command.rpartition(":")
        assert script in environments[environment or "default"]["scripts"], command


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
