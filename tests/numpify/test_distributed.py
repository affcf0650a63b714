"""Numpified functions on the workers of a cluster: two processes, which get compiled code by its pickle."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, BoundNumpifiedFunction, Parameters, numpify


da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

X, K = sp.symbols("x k")
EXPR = sp.exp(-K * X) * sp.sin(X) ** 2 + sp.Piecewise((X, X > 1), (0, True))
VALUES = np.linspace(0.0, 3.0, 1200)
EXPECTED = np.exp(-2.0 * VALUES) * np.sin(VALUES) ** 2 + np.where(VALUES > 1, VALUES, 0.0)


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0")
    with cluster, distributed.Client(cluster) as client:
        yield client


def bound() -> BoundNumpifiedFunction:
    return numpify(EXPR, [X, K]).freeze({K: 2.0})


def where_and_what(function: BoundNumpifiedFunction, part: np.ndarray) -> tuple[int, np.ndarray]:
    return os.getpid(), function(part)


def test_a_function_travels_to_both_processes(client) -> None:
    addresses = list(client.scheduler_info()["workers"])
    halves = np.split(VALUES, 2)
    done = client.gather(
        [
            client.submit(where_and_what, bound(), half, workers=[address], pure=False)
            for half, address in zip(halves, addresses, strict=True)
        ]
    )
    assert len({pid for pid, _ in done} - {os.getpid()}) == 2
    np.testing.assert_allclose(np.concatenate([part for _, part in done]), EXPECTED, rtol=1e-14)


def test_blocks_of_a_lazy_array_are_computed_there(client) -> None:
    lazy = da.from_array(VALUES, chunks=100)
    result = lazy.map_blocks(bound(), dtype=float)
    assert isinstance(result, da.Array)
    assert result.numblocks == (12,)
    np.testing.assert_allclose(result.compute(), EXPECTED, rtol=1e-14)
    np.testing.assert_allclose(float(result.sum().compute()), EXPECTED.sum(), rtol=1e-12)


def test_a_context_travels_with_its_values(client) -> None:
    """As they are when the function is sent: a knob that is turned later is turned on this side."""
    knobs = Parameters({K: 2.0})
    function = numpify(EXPR, [X, K]).freeze({K: DYNAMIC_PARAMETER}).set_parameter_context(knobs)
    sent = client.submit(function, VALUES, pure=False)
    np.testing.assert_allclose(sent.result(), EXPECTED, rtol=1e-14)
    knobs[K] = 0.0
    assert client.submit(function, np.pi / 2, pure=False).result() == pytest.approx(1 + np.pi / 2)
