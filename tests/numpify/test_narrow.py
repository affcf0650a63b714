"""Short integers are computed in a type as short as all nodes fit: the integers of Python, and int64 in the end."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from numpify_ctx._execution import pieces
from numpify_ctx._execution.narrow import Narrow

from .forms import compiled


x, y = sp.symbols("x y")
EXPRESSIONS = {
    x + y: lambda a, b: a + b,
    x * y: lambda a, b: a * b,
    x**2 + 3 * x * y - y + 7: lambda a, b: a**2 + 3 * a * b - b + 7,
    -x: lambda a, b: -a,
    sp.Abs(x - y) - x: lambda a, b: abs(a - b) - a,
    sp.Max(x, y) + sp.Min(x, 2 * y): lambda a, b: max(a, b) + min(a, 2 * b),
    x - 32768: lambda a, b: a - 32768,
    (x + 32767) * (y - 1): lambda a, b: (a + 32767) * (b - 1),
    70000 * x + 2**20 * y: lambda a, b: 70000 * a + 2**20 * b,
    x**5 - y: lambda a, b: a**5 - b,
}
# About the roots of 2**15 and 2**31, and half of these.
EDGES = [0, 1, 2, 7, 8, 90, 181, 182, 16383, 16384, 23170, 46340, 46341, 2**15 - 1, 2**15, 2**30, 2**31 - 1, 2**31]
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32"]


def elements(dtype, most, count=40):
    """Edges that the dtype holds, none above `most`, and those of the dtype."""
    if dtype == "bool":
        return np.arange(count) % 3 == 0
    info = np.iinfo(dtype)
    inside = [e for edge in EDGES for e in (edge, -edge) if abs(e) <= most and info.min <= e <= info.max]
    inside += [e for e in (info.min, info.max) if abs(e) <= most]
    return np.random.default_rng(len(inside)).choice(np.array(inside), count).astype(dtype)


@pytest.fixture
def narrowed(monkeypatch):
    """What was computed so."""
    found = []
    computed, at_once = Narrow.computed, Narrow.at_once

    def noted(self, values):
        found.append(computed(self, values))
        return found[-1]

    def noted_at_once(self, values, size):
        result = at_once(self, values, size)
        found.extend([] if result is None else [result.astype(self._dtype(values))])
        return result

    monkeypatch.setattr(Narrow, "computed", noted)
    monkeypatch.setattr(Narrow, "at_once", noted_at_once)
    for name, value in (("PIECE", 8), ("NARROW", 12), ("LEAST", 16)):
        monkeypatch.setattr(pieces, name, value)
    return found


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_they_are_pythons_integers(expr, narrowed):
    entry = compiled(expr, [x, y])
    for one in DTYPES:
        for other in (*DTYPES, None):
            for most in (8, 200, 2**15, 2**32):
                a = elements(one, most)
                b = 5 if other is None else elements(other, most)[::-1]
                exact = [EXPRESSIONS[expr](int(p), int(q)) for p, q in zip(a, np.broadcast_to(b, a.shape), strict=True)]
                result = entry(a, b)
                if max(map(abs, exact)) < 2**62:
                    assert result.dtype == np.int64
                    assert result.tolist() == exact
                else:
                    np.testing.assert_allclose(result, np.array(exact, float), rtol=1e-15)
    taken = {part.dtype.name for part in narrowed if part is not None}
    assert taken <= {"int16", "int32", "int64"}  # of one operation, int64 too
    assert "int32" in taken


def test_values_that_were_too_large_once_are_not_looked_at_again(narrowed):
    entry = compiled(x * y + y, [x, y])
    small, large = np.full(40, 7, np.int32), np.full(40, 2**30, np.int32)
    for values, is_narrow in ((small, True), (large, False), (small, False)):
        narrowed.clear()
        assert entry(values, values).tolist() == [int(v) * int(v) + int(v) for v in values]
        assert (narrowed[0] is not None) == is_narrow


@pytest.mark.parametrize(
    "expr", [x / 3 + y, x < y, sp.Piecewise((x, x < y), (y, True)), sp.sin(x) * y, x * 2.5], ids=str
)
def test_what_is_not_all_integers_is_not_narrowed(expr, narrowed):
    entry = compiled(expr, [x, y])
    a = elements("int8", 8)
    entry(a, a[::-1])
    assert all(part is None for part in narrowed)
    compiled(x * y, [x, y])(a, a.astype(float))
    assert all(part is None for part in narrowed)


LOGIC = {
    sp.Or(sp.And(x, y), sp.Not(x)): lambda a, b: a & b | ~a,
    sp.Xor(x, y): lambda a, b: a ^ b,
    sp.Implies(x, y): lambda a, b: ~a | b,
    sp.Not(x): lambda a, b: ~a,
    sp.ITE(x, y, sp.Not(y)): lambda a, b: np.where(a, b, ~b),
}


@pytest.mark.parametrize("expr", LOGIC, ids=str)
def test_logic_of_booleans_is_computed_in_booleans(expr, narrowed):
    entry = compiled(expr, [x, y])
    a, b = np.random.default_rng(1).random((2, 40)) < 0.5
    result = entry(a, b)
    assert result.dtype == bool
    np.testing.assert_array_equal(result, LOGIC[expr](a, b))
    is_narrow = [part is not None for part in narrowed]
    assert all(is_narrow) or expr.has(sp.ITE)
    # 2 counts as true, too, and is not the integer 1.
    narrowed.clear()
    np.testing.assert_array_equal(entry(a * np.int8(2), b), result)
    np.testing.assert_array_equal(entry(a, b * 3), result)
    assert not any(part is not None for part in narrowed)
