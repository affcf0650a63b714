"""Every class with a rule has an example that SymPy agrees with, and the page has the table of them."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import sympy as sp

from numpify_ctx._lowering import rules
from numpify_ctx._lowering.rule import Rule
from numpify_ctx._lowering.rules import FAMILIES, RULES, merged


pytest.importorskip("scipy")
SCRIPT = Path(__file__).parents[2] / "docs" / "coverage_table.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the docs are not beside these tests")


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize("cls", RULES, ids=lambda cls: cls.__qualname__)
def test_the_example_of_a_class_is_worth_what_sympy_says(script, cls):
    name, _, _, value, _ = script["row"](cls)
    assert name == f"`{cls.__qualname__}`"
    assert value


def test_the_page_has_every_class():
    page = (SCRIPT.parent / "functions.md").read_text()
    missing = [cls.__qualname__ for cls in RULES if f"\n| `{cls.__qualname__}` | " not in page]
    assert not missing, "run python docs/coverage_table.py --write"


@pytest.mark.skipif(
    not sp.__version__.startswith("1.14"), reason="other versions of SymPy write some examples otherwise"
)
def test_the_page_has_the_table_that_its_script_prints(script):
    sp.adjoint.__name__ = sp.adjoint.__qualname__  # importing sympy.physics.quantum makes it print as Dagger
    assert script["table"]() in (SCRIPT.parent / "functions.md").read_text()


def test_a_class_without_an_example_is_an_error(script, monkeypatch):
    class Unknown:
        pass

    monkeypatch.setitem(RULES, Unknown, Rule(lambda b, e: 0))
    with pytest.raises(AssertionError, match=r"Unknown has no example"):
        script["example"](Unknown)


def test_two_rules_for_one_class_are_an_error():
    family = SimpleNamespace(TITLE="Again", RULES={sp.sin: RULES[sp.sin]})
    with pytest.raises(ValueError, match=r"two rules for sin: .*'Again'"):
        merged([*FAMILIES, family])


def test_every_file_of_rules_is_found():
    folder = Path(rules.__file__).parent
    found = {Path(family.__file__).name for family in FAMILIES}
    with_rules = {path.name for path in folder.glob("*.py") if "\nRULES: dict" in path.read_text()}
    assert len(found) > 10
    assert found == with_rules - {"__init__.py"}
