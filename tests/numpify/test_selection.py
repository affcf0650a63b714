"""Guarded selection at run time: conditions of all elements, and functions of those that are left, in any order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify
from numpify_ctx._runtime.selection import piecewise, piecewise_of_rank


VALUES = np.random.default_rng(4).permutation(np.linspace(0, 1, 24))
LIMITS = {  # conditions `x < limit`, so that some choose none, some all that are left, and some nothing new
    "usual": (0.2, 0.5, 0.7), "none": (0.2, 0.2, 0.7), "all": (0.2, 2.0, 0.7), "first": (2.0, 0.5, 0.7),
    "never": (-1.0, -1.0, -1.0), "late": (-1.0, 0.4, 2.0),
}  # fmt: skip


@pytest.mark.parametrize("shape", [(24,), (4, 6), (0,), (2, 0)])
@pytest.mark.parametrize("limits", [*LIMITS.values()], ids=[*LIMITS])
@pytest.mark.parametrize("given", [*itertools.product([False, True], repeat=2)])
@pytest.mark.parametrize("of_rank", [False, True])
def test_each_element_goes_to_the_first_arm_that_takes_it_and_to_no_other(shape, limits, given, of_rank):
    x = VALUES[: np.prod(shape)].reshape(shape)
    seen = [[] for _ in range(4)]

    def arm(i):
        def computed(v):
            seen[i].append(v.ravel().tolist())
            return v + i

        return computed

    conditions = [x < limits[0]]
    for limit, is_given in zip(limits[1:], given, strict=True):
        conditions.append(x < limit if is_given else lambda v, limit=limit: v < limit)
    arms = [arm(0), *itertools.chain(*((conditions[i], arm(i)) for i in (1, 2))), arm(3)]
    select = (lambda *args: piecewise_of_rank(0, *args)) if of_rank else piecewise
    result = select((x,), (0,), (0.0,), conditions[0], *arms)
    index = np.select([x < limit for limit in limits], [0, 1, 2], 3)
    assert result.shape == shape
    np.testing.assert_array_equal(result, x + index)
    for i, calls in enumerate(seen):
        wanted = sorted(x[index == i].tolist())
        assert [sorted(elements) for elements in calls] == (
            [wanted] if wanted else [[]] if not x.size and calls else []
        )


@pytest.mark.parametrize("flag", [True, False, np.True_, np.array(False)])
def test_a_condition_without_axes(flag):
    x = VALUES
    result = piecewise((x,), (0,), (0.0,), x < 0.3, lambda v: v, flag, lambda v: v + 1, x < 0.6, lambda v: v + 2, -1.0)
    index = np.select([x < 0.3, np.full(x.shape, bool(flag)), x < 0.6], [x, x + 1, x + 2], -1.0)
    np.testing.assert_array_equal(result, index)


def test_only_what_compares_is_computed_of_all_elements():
    x, y = sp.symbols("x y")
    arms = (sp.sin(x), x < y), (sp.cos(x), (y < 2) & ~(x > 1)), (sp.exp(x), sp.log(x) < 1), (sp.tan(x), True)
    function = numpify(sp.Piecewise(*arms), [x, y], native=False)
    lines = [line.strip() for line in function.source.splitlines()]
    assert {"(y < 2) & (x <= 1),", "(x <= 1) & (y < 2),"} & {*lines}
    assert "lambda x, y: np.log(x) < 1," in lines
    a, b = np.array([-1.0, 1.5, 0.5, 4.0, np.nan]), np.array([0.0, 1.0, 1.0, 3.0, 1.0])
    with np.errstate(all="raise"):
        result = function(a[:-1], b[:-1])
    np.testing.assert_allclose(result, [np.sin(-1), np.exp(1.5), np.sin(0.5), np.tan(4)], rtol=1e-15)
    assert np.isnan(function(a, b)[-1])
