"""What every test shares: how hard Hypothesis looks, the `--long` flag, and JAX on the CPU.

Nothing here imports jax: the tests of `numpify_ctx` run without it.
"""

import os

import pytest
from hypothesis import HealthCheck, settings


# Before anything imports jax. A developer who sets it means it.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

# One example of a ref test compiles several XLA programs: no deadline, and slowness is no finding.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=50, **_PATIENT)
settings.register_profile("ci", max_examples=100, derandomize=True, print_blob=True, **_PATIENT)
settings.register_profile("smoke", max_examples=5, derandomize=True, print_blob=True, **_PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long sweeps (marked slow) too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="a long sweep; run with --long")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
