"""Every block of the README and of the docs runs and prints what it says; their links and commands lead somewhere."""

import doctest
import json
import re
import runpy
import tomllib
from pathlib import Path

import jax
import pytest


ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

# The pages that are made of examples, and how many lines of code each has at the least.
EXAMPLES = {
    "README.md": 12,
    "refs.md": 20,
    "haliax-ref.md": 25,
    "errors.md": 40,
    "numpify.md": 15,
    "transforms.md": 40,
    "state.md": 30,
}

# Written for what newer versions of jax do.
NEEDS_JAX = {"transforms.md": (0, 10), "state.md": (0, 10), "devices.md": (0, 10), "errors.md": (0, 10)}

if not DOCS.exists():
    pytest.skip("the docs are not beside these tests", allow_module_level=True)


@pytest.fixture
def plain_tracebacks():
    """Without the note that jax adds to its errors, which doctest takes for the error."""
    filtering = jax.config.jax_traceback_filtering
    jax.config.update("jax_traceback_filtering", "off")
    yield
    jax.config.update("jax_traceback_filtering", filtering)


@pytest.mark.usefixtures("plain_tracebacks")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_print_what_it_says(page: Path) -> None:
    if jax.__version_info__ < NEEDS_JAX.get(page.name, (0,)):
        pytest.skip("the page is written for a later jax")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert failed == 0
    assert tried >= EXAMPLES.get(page.name, 0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_hatch_command_of_a_page_exists(page: Path) -> None:
    environments = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["envs"]
    for command in re.findall(r"hatch run ([\w:]+)", page.read_text()):
        environment, _, script = command.rpartition(":")
        scripts = environments[environment or "default"]["scripts"]
        assert script in scripts or script == "python", command


def test_the_readme_names_the_two_commands() -> None:
    commands = re.findall(r"hatch run ([\w:]+)", (ROOT / "README.md").read_text())
    assert {"demo", "test"} <= set(commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_page_on_refs_has_the_table_of_selectors_that_its_script_prints() -> None:
    table = runpy.run_path(str(DOCS / "selector_table.py"))["table"]()
    assert table in (DOCS / "refs.md").read_text(), "run python docs/selector_table.py --write"


@pytest.mark.usefixtures("plain_tracebacks")
def test_the_page_on_errors_has_the_messages_that_are_raised() -> None:
    written = (DOCS / "errors.md").read_text()
    assert runpy.run_path(str(DOCS / "error_page.py"))["page"]() == written, "python docs/error_page.py --write"


def test_the_page_on_architecture_has_the_trees_on_disk() -> None:
    script = runpy.run_path(str(DOCS / "architecture_tree.py"))
    if not (ROOT / "haliax_refs").exists():
        pytest.skip("the packages are not beside these tests")
    assert script["page"]() == (DOCS / "architecture.md").read_text(), "python docs/architecture_tree.py --write"


def test_every_law_has_tests_and_they_exist() -> None:
    page = (DOCS / "laws.md").read_text()
    laws = re.split(r"^### ", page, flags=re.MULTILINE)[1:]
    assert len(laws) > 30
    assert [law for law in laws if "](../tests/" not in law] == []
    script = runpy.run_path(str(DOCS / "law_tests.py"))
    held = list(script["linked"](page))
    assert len(held) == len(set(re.findall(r"\[([^\]]+)\]\((../tests/[^)]+)\)", page)))
    assert len({test.anchor for test in held}) == len(held)
    with pytest.raises(LookupError, match="has no test_gone"):
        list(script["linked"]("[test_gone](../tests/test_docs.py)"))


def test_fragments_of_the_changelog_are_bullets_of_a_type() -> None:
    script = runpy.run_path(str(DOCS / "unreleased.py"))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
    assert tuple(kind["directory"] for kind in settings["type"]) == script["TYPES"]
    for path in (ROOT / "changelog.d").glob("*"):
        if path.name not in settings["ignore"]:
            assert script["NAME"].fullmatch(path.name), path.name
            assert re.match(r"- .*[.]\n\Z", path.read_text(), flags=re.DOTALL), (
                f"{path.name}: bullets that end in a stop"
            )
    assert settings["start_string"] in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("picture", ["refs", "numpify", "read", "call"])
def test_the_pictures_are_those_that_their_script_draws(picture: str) -> None:
    script = runpy.run_path(str(DOCS / "pictures.py"))
    assert set(script["PICTURES"]) == {path.stem for path in (DOCS / "pictures").glob("*.svg")}
    drawn = (DOCS / "pictures" / f"{picture}.svg").read_text()
    assert script["PICTURES"][picture]() == drawn, "python docs/pictures.py --write"


def test_the_figures_of_the_examples_are_drawn_by_the_code_that_is_there() -> None:
    script = runpy.run_path(str(DOCS / "gallery.py"))
    assert script["stale"]() == [], "python docs/gallery.py --write"
    shown = set(re.findall(r"\]\((pictures/gallery/[^)]+)\)", (DOCS / "examples.md").read_text()))
    assert shown == {f"pictures/gallery/{path.name}" for path in (DOCS / "pictures" / "gallery").glob("*.png")}


def test_the_plots_and_tables_of_benchmarks_are_of_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    script = runpy.run_path(str(DOCS / "benchmark_page.py"))
    drawn = {path.stem: path.read_text() for path in (DOCS / "pictures" / "benchmarks").glob("*.svg")}
    assert script["pictures"]() == drawn, "python docs/benchmark_page.py --write"
    assert script["page"]() == (DOCS / "benchmarks.md").read_text(), "python docs/benchmark_page.py --write"


NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


def test_the_notebooks_are_the_tutorials() -> None:
    script = runpy.run_path(str(DOCS / "notebooks.py"))
    assert {path.stem for path in NOTEBOOKS} == set(script["NAMES"])
    made = {path.stem: script["notebook"](path.stem) for path in NOTEBOOKS}
    assert made == {path.stem: path.read_text() for path in NOTEBOOKS}, "python docs/notebooks.py --write"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_of_a_notebook_runs(path: Path) -> None:
    """In IPython, as in Jupyter: what a cell ends with is displayed, and a cell that is to raise does."""
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            done = shell.run_cell("".join(cell["source"]))
            assert done.success == ("raises-exception" not in cell["metadata"].get("tags", [])), cell["source"]
            if hasattr(done.result, "_repr_html_"):
                assert shell.display_formatter.format(done.result)[0]["text/html"]


def test_the_page_of_examples_has_every_script() -> None:
    """By mkdocs' own snippets, which a formatter of Python would take apart."""
    shown = re.findall(r'^    --8<-- "(.+)"$', (DOCS / "examples.md").read_text(), flags=re.MULTILINE)
    scripts = {path.name for path in (ROOT / "examples").glob("*.py") if not path.name.startswith("_")}
    assert {Path(path).name for path in shown} == scripts
    assert [path for path in shown if not (ROOT / path).exists()] == []
