"""The table of selectors in the docs is what running it gives."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest


DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside these tests")
def test_the_page_has_the_table_that_its_script_prints() -> None:
    table = runpy.run_path(str(DOCS / "selector_table.py"))["table"]()
    assert table in (DOCS / "refs.md").read_text()
