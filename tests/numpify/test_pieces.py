"""Large arrays of short integers are computed piece by piece: the same values and dtypes, and no copies of them all."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
import sympy as sp

from numpify_ctx._execution import pieces

from .forms import compiled


x, y = sp.symbols("x y")
EXPRESSIONS = [
    x**2 + 3 * x * y - y + 7, sp.sin(x) * y, x / 3 + y, sp.Max(x, y) * 2, sp.Piecewise((x * y, x < y), (x, True)),
    sp.sqrt(x - 3) + y, x**y, sp.And(x > y, y < 2), sp.floor(x / 7) + sp.Mod(y, 3),
]  # fmt: skip


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def both_ways(request, monkeypatch):
    """An expression computed in pieces of 8 elements, and as a whole."""

    def made(expr, *args):
        results = []
        for least in (16, 10**9):
            monkeypatch.setattr(pieces, "PIECE", 8)
            monkeypatch.setattr(pieces, "LEAST", least)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results.append(compiled(expr, [x, y], threads=request.param)(*args))
        return results

    return made


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32", "uint64", "bool"])
def test_pieces_together_are_the_whole(expr, dtype, both_ways):
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 5, (2, 3, 27)).astype(dtype)
    for args in ((a, b), (a[0], b[0][::-1]), (a, 2.5), (3, b), (a[0], b[0].astype(float)), (a.T, b.T)):
        found, wanted = both_ways(expr, *args)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("place", [0, 30, 79])
@pytest.mark.parametrize("expr", [x**3, x * y, x**2 - y], ids=str)
def test_what_leaves_the_integers_somewhere_does_so_as_a_whole(expr, place, both_ways):
    """One element of one piece that overflows makes the result floats, whichever piece it is in."""
    a = np.arange(80, dtype=np.uint64)
    a[place] = 2**63 + 5
    found, wanted = both_ways(expr, a, a[::-1].copy())
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint64", "bool"])
def test_there_are_no_copies_of_all_of_it(dtype):
    entry = compiled(sp.Or(sp.And(x, y), sp.Not(x)) if dtype == "bool" else x * y - x, [x, y])
    a = (np.arange(500_000) % 2).astype(dtype)
    entry(a, a)
    tracemalloc.start()
    try:
        result = entry(a, a)
        beside = tracemalloc.get_traced_memory()[1] - result.nbytes
    finally:
        tracemalloc.stop()
    assert beside < 2 * 2**20
