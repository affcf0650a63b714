"""An expression in machine code and in plain NumPy, and what is the same of the two."""

from __future__ import annotations

import numpy as np
import pytest

from numpify_ctx._compile import compile_expression
from numpify_ctx._emission.native import costs
from numpify_ctx._execution.entry import Entry

from .forms import NO_BLOCKS, SMALL


ULPS = 8  # of a few operations and functions, each of which is right to 2


def both(expr, arguments, *, threads=1, functions=None, sizes=SMALL):
    """`expr` in machine code, at once, and in plain NumPy."""
    found = compile_expression(expr, [(a, str(a)) for a in arguments], functions=functions, cache=False)
    return Entry(found.program, threads, sizes, native=True), Entry(found.program, sizes=NO_BLOCKS)


def check_same(found, wanted, ulps=ULPS):
    """The same structure, dtype, shape, nan; values to some units in the last place, and integers exactly."""
    if isinstance(wanted, list | tuple):
        assert type(found) is type(wanted)
        for one, other in zip(found, wanted, strict=True):
            check_same(one, other, ulps)
        return
    one, other = np.asarray(found), np.asarray(wanted)
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    if other.dtype.kind not in "fc":
        np.testing.assert_array_equal(one, other)
        return
    eps = np.finfo(other.dtype).eps
    # Terms that cancel leave an error of their own size.
    size = np.max(np.abs(other), where=np.isfinite(other), initial=0)
    np.testing.assert_allclose(one, other, rtol=ulps * eps, atol=ulps * eps * float(size), equal_nan=True)


@pytest.fixture
def all_in_kernels(monkeypatch):
    """Kernels compute all that they can, also what NumPy computes faster on this processor."""
    monkeypatch.setattr(costs, "numpy_has_vectors", lambda: False)


def is_native(entry, *args):
    return entry.explain(*args).startswith("native:")
