"""The width of a sum takes no memory: each term is taken as soon as it is there."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy as sp

from .forms import compiled, kernels, plain


x, y = sp.symbols("x y")
P = sp.Piecewise
RNG = np.random.default_rng(7)


def of_terms(term, count, last=None):
    """A sum as it is written here; SymPy would sort it."""
    return sp.Add(*map(term, range(2, count + 2)), *([] if last is None else [last]), evaluate=False)


WIDE = {
    "added": lambda count: of_terms(lambda k: k * sp.sin(k * x), count),
    "in turn": lambda count: of_terms(lambda k: (-1) ** k * k * sp.sin(k * x), count),
    "subtracted": lambda count: of_terms(lambda k: -k * sp.sin(k * x), count),
    "subtracted from the last": lambda count: of_terms(lambda k: -k * sp.sin(k * x), count, sp.exp(y)),
    "long": lambda count: of_terms(lambda k: sp.exp(sp.sin(k * x) + sp.cos(k * y)) / (k + sp.tanh(x + k) ** 2), count),
    "multiplied": lambda count: sp.Mul(*[1 + sp.sin(k * x) / k for k in range(2, count + 2)], evaluate=False),
    "of sums": lambda count: of_terms(lambda k: of_terms(lambda i: sp.sin((k + sp.exp(i)) * x), 4) ** 2, count),
    "selected": lambda count: of_terms(lambda k: P((sp.log(x + k), x > k), (sp.sin(k * x) * y, True)), count),
    "beside a shared term": lambda count: of_terms(lambda k: sp.exp(sp.sin(x) * k) * sp.sin(k * y), count, sp.sin(x)),
}


@pytest.mark.parametrize("name", WIDE)
def test_the_width_of_a_sum_takes_no_buffers(name):
    args = RNG.uniform(0.1, 1, 100), RNG.uniform(0.1, 1, 100)
    counts = []
    for count in (9, 40):
        found = compiled(WIDE[name](count), (x, y))
        np.testing.assert_array_equal(found(*args), plain(found, args))  # the additions are in the same order
        (source,) = kernels(found)
        counts.append(len(source.buffers) + len(set(re.findall(r"\bt\d+\b", source.text))))
    assert counts[0] == counts[1] <= 5


@pytest.mark.parametrize("name", sorted(WIDE.keys() - {"multiplied"}))
def test_the_width_of_a_sum_takes_no_temporaries_in_plain_numpy(name):
    counts = []
    for count in (80, 160):
        found = compiled(WIDE[name](count), (x, y))
        counts.append(len(set(re.findall(r"\bt\d+\b", found.source))))
    assert counts[0] == counts[1] <= 40  # a few terms are taken at a time
