"""What the built distributions hold: both packages, typed, and nothing else."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from importlib.metadata import metadata, version
from pathlib import Path, PurePosixPath

import jax
import pytest

import haliax_refs


ROOT = Path(__file__).parents[1]
PACKAGES = {"haliax_refs", "numpify_ctx"}
STUBS = "haliax-stubs"  # for type checkers; it cannot be imported

# Beside the built wheel the tests run outside the checkout, where there is nothing to build.
in_checkout = pytest.mark.skipif(not (ROOT / "haliax_refs").is_dir(), reason="not a checkout: nothing to build")


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def described(request: pytest.FixtureRequest) -> Message:
    """The metadata of the wheel: built of this checkout, or, beside an installed one, as installed."""
    if not (ROOT / "haliax_refs").is_dir():
        return metadata("haliax-refs")
    (wheel,) = request.getfixturevalue("distributions").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


@in_checkout
def test_the_wheel_holds_exactly_the_two_packages_and_the_stubs(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    names = [PurePosixPath(n) for n in zipfile.ZipFile(wheel).namelist()]
    (info,) = {n.parts[0] for n in names} - PACKAGES - {STUBS}
    assert re.fullmatch(r"haliax_refs-[\d.]+\.dist-info", info)
    assert {str(n) for n in names if n.parts[0] == info} == {
        f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")
    }
    packaged = {str(n) for n in names if n.parts[0] in PACKAGES}
    assert packaged == {
        f.relative_to(ROOT).as_posix() for p in PACKAGES for f in (ROOT / p).rglob("*") if f.suffix in {".py", ".typed"}
    }
    assert {f"{p}/py.typed" for p in PACKAGES} <= packaged
    assert {str(n) for n in names if n.parts[0] == STUBS} == {f"{STUBS}/py.typed", f"{STUBS}/ref.pyi"}


@in_checkout
def test_an_editable_install_has_the_stubs_beside_haliax(tmp_path: Path) -> None:
    """mypy looks for the rest of a package with partial stubs in the folder of the stubs only."""
    build = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {n for n in names if n.startswith(STUBS)} == {f"{STUBS}/py.typed", f"{STUBS}/ref.pyi"}
    assert not [n for n in names if n.startswith("haliax_refs/")]


@in_checkout
def test_the_sdist_builds_on_its_own_and_brings_the_tests(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    needed = {
        "stubs/haliax-stubs/py.typed",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "tests/conftest.py",
        "examples/decode.py",
    }
    assert needed <= names
    assert {"examples/data/genesis.txt", "stubs/haliax-stubs/py.typed"} <= names
    assert not {n for n in names if "__pycache__" in n or n.startswith((".hypothesis", ".ci", "dist"))}


@in_checkout
def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == haliax_refs.__version__
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()
    assert f"\nversion: {project['version']}\n" in (ROOT / "CITATION.cff").read_text()


@in_checkout
def test_a_release_says_where_the_project_lives(tmp_path: Path) -> None:
    """As the release workflow does it: on its own checkout, with the address that it runs at."""
    (tmp_path / "tools").mkdir()
    for name in ("pyproject.toml", "README.md", "tools/addresses.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    command = [sys.executable, tmp_path / "tools/addresses.py", "https://github.com/Some/where"]
    subprocess.run(command, check=True)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Source"] == "https://github.com/Some/where"
    assert project["urls"]["Documentation"] == "https://some.github.io/where"
    assert project["optional-dependencies"]
    readme = (tmp_path / "README.md").read_text()
    assert [link for link in re.findall(r"\]\(([^)]+)\)", readme) if not link.startswith(("https://", "#"))] == []
    sources = [f"docs/{page}.md" for page in re.findall(r"some\.github\.io/where/([\w/-]+)\.html", readme)]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert "tools/addresses.py" in (ROOT / ".github/workflows/release.yml").read_text()


def test_what_is_installed_is_what_is_imported() -> None:
    assert version("haliax-refs") == haliax_refs.__version__
    assert metadata("haliax-refs")["Requires-Python"] is not None


def test_the_haliax_requirement_admits_pre_releases(described: Message) -> None:
    """A specifier without a pre-release in it makes pip choose haliax 1.3, which does not import under jax 0.10."""
    requirements = described.get_all("Requires-Dist") or []
    (haliax,) = [r for r in requirements if re.match(r"haliax\b(?!-)", r)]
    assert re.fullmatch(r"haliax>=1\.4\.dev\d+", haliax)


def test_no_requirement_has_an_upper_bound(described: Message) -> None:
    """Whoever caps locks out: a release that does not work is left out by `!=`, the next one is let in."""
    requirements = described.get_all("Requires-Dist") or []
    assert [r for r in requirements if re.search(r"[<~]|===?", r.partition(";")[0])] == []
    assert described["Requires-Python"] == ">=3.11"


@in_checkout
def test_the_classifiers_name_the_pythons_that_ci_runs() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = {m[1] for c in classifiers if (m := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", c))}
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert named == set(re.findall(r"\b3\.\d\d\b", workflow)) - {"3.14"}
    assert "3.11" in named


@pytest.mark.skipif(jax.__version_info__ < (0, 12), reason="the guide has moved with jax 0.12")
@pytest.mark.parametrize("page", ["README.md", "docs/transforms.md"])
def test_the_link_to_the_guide_to_refs_is_that_of_jax_itself(page: str) -> None:
    (guide,) = re.findall(r"_Ref guide: (\S+)", jax.new_ref.__doc__ or "")
    assert guide in (ROOT / page).read_text()
