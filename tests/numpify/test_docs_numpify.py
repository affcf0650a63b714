"""Every block of the numpify page runs and prints what it says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest


PAGE = Path(__file__).parents[2] / "docs" / "numpify.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the docs are not beside these tests")
def test_the_page_runs() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried > 15
    assert failed == 0
