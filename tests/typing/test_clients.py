"""mypy and pyright on clients, as they are written: the types inferred are those asserted, and the errors those marked.

A client says what it expects: `assert_type(...)`, which both checkers know, and a comment that begins with `error` on
each line where both are to see one. Nothing else may be an error.
"""

import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import haliax as hax
import pytest

import haliax_refs  # noqa: F401  # opts in


CLIENTS = Path(__file__).parent / "clients"
ROOT = Path(__file__).parents[2]
STUBS = "haliax-stubs"

# As strict as it gets. In its own eyes haliax, which says `import haliax.ref as ref`, then exports no `hax.ref`.
MYPY = """
[mypy]
strict = true
[mypy-haliax]
implicit_reexport = true
[mypy-scipy.*,sympy.*,optax.*]
ignore_missing_imports = true
"""

Errors = dict[str, set[int]]


def package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the packages and the stubs beside haliax, as the site-packages of a client does."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("haliax", "haliax_refs", "numpify_ctx"):
        (folder / name).symlink_to(package(name))
    installed = package("haliax").with_name(STUBS)
    (folder / STUBS).symlink_to(ROOT / "stubs" / STUBS if (ROOT / "stubs").is_dir() else installed)
    return folder


def run(*command: object, cwd: Path, path: Path) -> str:
    # pyright asks the first Python on PATH where packages are, whatever it was told: it shall be the one that has them.
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PYTHONPATH": str(path), "PATH": programs}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert not done.stderr.strip(), done.stderr
    return done.stdout


def by_mypy(site: Path, cache: Path) -> Errors:
    pytest.importorskip("mypy", reason="mypy is not installed: `hatch run types` has it")
    (cache / "mypy.ini").write_text(MYPY)
    program = run(
        *(sys.executable, "-m", "mypy", "--config-file", cache / "mypy.ini", "--cache-dir", cache / "mypy"),
        *("--no-error-summary", "--hide-error-context", *sorted(CLIENTS.glob("*.py"))),
        cwd=cache,
        path=site,
    )
    found: Errors = {}
    for line in program.splitlines():
        if place := re.match(r"(?:.*/)?(\w+\.py):(\d+): error:", line):
            if (CLIENTS / place[1]).exists():  # in site-packages, mypy is silent on errors of packages
                found.setdefault(place[1], set()).add(int(place[2]))
        else:
            assert ": note:" in line, line
    return found


def pyright(site: Path, folder: Path, *options: object) -> dict[str, object]:
    pytest.importorskip("pyright", reason="pyright is not installed: `hatch run types` has it")
    settings = {"include": ["clients"], "extraPaths": [str(site)], "reportUnusedExpression": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *options]
    output = run(*command, cwd=folder, path=site)
    result: dict[str, object] = json.loads(output[output.index("{") :])
    return result


def by_pyright(site: Path, folder: Path) -> Errors:
    shutil.copytree(CLIENTS, folder / "clients")
    found: Errors = {}
    diagnostics = pyright(site, folder, "--project", folder / "pyrightconfig.json")["generalDiagnostics"]
    assert isinstance(diagnostics, list)
    for diagnostic in diagnostics:
        if diagnostic["severity"] == "error":
            name = Path(diagnostic["file"]).name
            found.setdefault(name, set()).add(diagnostic["range"]["start"]["line"] + 1)
    return found


def marked() -> Errors:
    lines = {client.name: client.read_text().splitlines() for client in CLIENTS.glob("*.py")}
    found = {name: {n for n, line in enumerate(text, 1) if "  # error" in line} for name, text in lines.items()}
    return {name: numbers for name, numbers in found.items() if numbers}


@pytest.mark.parametrize("checker", [by_mypy, by_pyright])
def test_clients_have_the_errors_that_they_mark_and_no_others(checker, site, tmp_path) -> None:
    assert {name.partition("_")[2] for name in marked()} == {"wrong.py"}
    found = checker(site, tmp_path)
    assert found == marked()
    everything = "".join(client.read_text() for client in CLIENTS.glob("*_right.py"))
    assert everything.count("assert_type(") > 40


@pytest.mark.parametrize("name", ["haliax_refs", "numpify_ctx"])
def test_everything_public_has_a_type(name: str, site: Path, tmp_path: Path) -> None:
    """As `pyright --verifytypes` counts: what is public, and what its types are made of, but for other packages."""
    result = pyright(site, tmp_path, "--verifytypes", name, "--ignoreexternal")["typeCompleteness"]
    assert isinstance(result, dict)
    incomplete = [symbol["name"] for symbol in result["symbols"] if not symbol["isTypeKnown"]]
    assert incomplete == []
    assert result["completenessScore"] == 1


@pytest.mark.parametrize("client", sorted(CLIENTS.glob("*_right.py")), ids=lambda c: c.stem)
def test_a_client_without_errors_runs(client: Path) -> None:
    runpy.run_path(str(client))


def test_the_stubs_have_every_name_of_the_module_that_the_opt_in_makes() -> None:
    stubs = ROOT / "stubs" / STUBS if (ROOT / "stubs").is_dir() else package("haliax").with_name(STUBS)
    assert (stubs / "py.typed").read_text() == "partial\n"
    text = (stubs / "ref.pyi").read_text()
    assert re.findall(r"^    (\w+) as \1,$", text, flags=re.MULTILINE) == sorted(hax.ref.__all__)
