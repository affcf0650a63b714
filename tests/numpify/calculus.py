"""Symbols, values and the call that the tests of derivatives, sums and integrals have in common."""

from __future__ import annotations

import numpy as np
import sympy as sp

from numpify_ctx import numpify


x, y, a, b, n, m, t = sp.symbols("x y a b n m t")
k, j = sp.symbols("k j", integer=True)
A = np.array([0.5, 1.5, -0.25])
HALF = sp.Rational(1, 2)
oo = sp.oo


def run(expr, *values, args=None, **options):
    return numpify(expr, args, cache=False, **options)(*values)
