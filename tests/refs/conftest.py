"""What the tests of refs share."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(scope="module")
def unoptimized() -> Iterator[None]:
    """Programs that XLA makes in haste: for tests that compile many, run each once, and look at values alone."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
