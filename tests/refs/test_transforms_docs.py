"""Every block of the page on transformations runs and prints what it says."""

from __future__ import annotations

import doctest
from pathlib import Path

import jax
import pytest


PAGE = Path(__file__).parents[2] / "docs" / "transforms.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the docs are not beside these tests")
@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="the page is written for jax 0.10")
def test_the_page_runs() -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    filtering = jax.config.jax_traceback_filtering
    jax.config.update("jax_traceback_filtering", "off")  # it adds a note, which doctest takes for the error
    try:
        failed, tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=flags)
    finally:
        jax.config.update("jax_traceback_filtering", filtering)
    assert tried > 40
    assert failed == 0
