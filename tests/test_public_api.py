"""What each package shows: its names, their documentation, and what importing it brings along."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest


PUBLIC = {
    "haliax_refs": [
        "NamedRef",
        "addupdate",
        "empty_ref",
        "foreach",
        "free_ref",
        "freeze",
        "get",
        "install",
        "is_installed",
        "new_ref",
        "refs_of",
        "set",
        "step",
        "swap",
        "uninstall",
        "update",
        "values_of",
        "wrap",
    ],
    "numpify_ctx": [
        "DYNAMIC_PARAMETER",
        "UNFREEZE",
        "BindingError",
        "BoundNumpifiedFunction",
        "CompileError",
        "NumpifiedFunction",
        "Parameter",
        "ParameterContext",
        "Parameters",
        "cache_clear",
        "cache_info",
        "numpify",
        "use_parameter_context",
    ],
}
NAMES = [(package, name) for package, names in PUBLIC.items() for name in names]


@pytest.fixture(params=PUBLIC)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after `statement`."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_all_is_exact(package: ModuleType) -> None:
    assert sorted(package.__all__) == sorted(PUBLIC[package.__name__])


def test_nothing_public_is_left_out_of_all(package: ModuleType) -> None:
    shown = {name for name, value in vars(package).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert shown == set(package.__all__)


def test_every_module_of_a_package_is_private(package: ModuleType) -> None:
    assert [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")] == []


@pytest.mark.parametrize(("package_name", "name"), NAMES)
def test_every_public_name_has_a_docstring_with_a_doctest(package_name: str, name: str) -> None:
    documentation = inspect.getdoc(getattr(importlib.import_module(package_name), name)) or ""
    assert documentation.strip()
    assert "\n>>> " in documentation, f"{package_name}.{name}: no doctest in its docstring"


def test_every_package_is_documented_and_typed(package: ModuleType) -> None:
    assert ">>> " in (package.__doc__ or "")
    assert files(package).joinpath("py.typed").is_file()


def test_every_package_tells_the_version_of_the_distribution(package: ModuleType) -> None:
    project = Path(__file__).parents[1] / "pyproject.toml"
    in_checkout = (project.parent / package.__name__).is_dir()
    told = tomllib.loads(project.read_text())["project"]["version"] if in_checkout else version("haliax-refs")
    assert package.__version__ == told


def test_numpify_ctx_imports_neither_jax_nor_haliax() -> None:
    loaded = modules_after("import numpify_ctx")
    assert "numpify_ctx" in loaded
    assert loaded.isdisjoint({"jax", "jaxlib", "haliax", "haliax_refs"})


def test_numpify_ctx_calls_without_jax() -> None:
    call = "import sympy, numpify_ctx; x = sympy.Symbol('x'); assert numpify_ctx.numpify(sympy.sin(x))(0.0) == 0.0"
    assert modules_after(call).isdisjoint({"jax", "jaxlib", "haliax", "haliax_refs"})


def test_haliax_refs_imports_neither_its_sibling_nor_what_that_needs() -> None:
    loaded = modules_after("import haliax_refs")
    assert {"haliax_refs", "haliax", "jax"} <= loaded
    assert loaded.isdisjoint({"numpify_ctx", "sympy"})
