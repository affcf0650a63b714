"""Rules of the orthogonal polynomials and of spherical harmonics."""

from __future__ import annotations

import sympy as sp
from sympy.functions import Ynm, Znm, chebyshevt_root, chebyshevu_root, hermite_prob

from ..._kinds import floating
from ..._runtime.special import polynomials as rt
from ..example import k, n, x, y, z
from ..rule import Rule
from .common import call, pointwise, runtime


TITLE = "Orthogonal polynomials"

# The orders are operands like all others, so that one function serves arrays of orders. An order that is a number SymPy
# has written out already, as it does in the `meaning` of an example, which is so an oracle apart from ours.
RULES: dict[type, Rule] = {
    sp.legendre: pointwise(rt.LEGENDRE).with_example(
        lambda: sp.legendre(n, x), "all orders", lambda: sp.legendre(4, x)
    ),
    sp.assoc_legendre: pointwise(rt.ASSOC_LEGENDRE).with_example(
        lambda: sp.assoc_legendre(n, k, x), "Condon and Shortley's phase", lambda: sp.assoc_legendre(4, 2, x)
    ),
    sp.chebyshevt: pointwise(rt.CHEBYSHEVT).with_example(
        lambda: sp.chebyshevt(n, x), "all orders", lambda: sp.chebyshevt(4, x)
    ),
    sp.chebyshevu: pointwise(rt.CHEBYSHEVU).with_example(
        lambda: sp.chebyshevu(n, x), "all orders", lambda: sp.chebyshevu(4, x)
    ),
    # A cosine of real numbers, computed at once: there is no reference by mpmath to fall back on. Unevaluated in the
    # examples, as SymPy asks at once whether k < n, which symbols cannot answer.
    chebyshevt_root: call(runtime(rt.chebyshevt_root, kinds=floating)).with_example(
        lambda: chebyshevt_root(n, k, evaluate=False), "nan unless 0 <= k < n", lambda: chebyshevt_root(4, 2)
    ),
    chebyshevu_root: call(runtime(rt.chebyshevu_root, kinds=floating)).with_example(
        lambda: chebyshevu_root(n, k, evaluate=False), "nan unless 0 <= k < n", lambda: chebyshevu_root(4, 2)
    ),
    sp.hermite: pointwise(rt.HERMITE).with_example(lambda: sp.hermite(n, x), "all orders", lambda: sp.hermite(4, x)),
    hermite_prob: pointwise(rt.HERMITE_PROB).with_example(
        lambda: hermite_prob(n, x), "all orders", lambda: hermite_prob(4, x)
    ),
    sp.laguerre: pointwise(rt.LAGUERRE).with_example(
        lambda: sp.laguerre(n, x), "all orders", lambda: sp.laguerre(4, x)
    ),
    sp.assoc_laguerre: pointwise(rt.ASSOC_LAGUERRE).with_example(
        lambda: sp.assoc_laguerre(n, y, x), "all orders", lambda: sp.assoc_laguerre(4, y, x)
    ),
    sp.gegenbauer: pointwise(rt.GEGENBAUER).with_example(
        lambda: sp.gegenbauer(n, y, x), "all orders", lambda: sp.gegenbauer(4, y, x)
    ),
    sp.jacobi: pointwise(rt.JACOBI).with_example(
        lambda: sp.jacobi(n, y, z, x), "all orders", lambda: sp.jacobi(4, y, z, x)
    ),
    # Complex for real angles, by exp(i*m*phi). Znm is real: of +m and -m it takes a combination without I.
    Ynm: pointwise(rt.YNM).with_example(lambda: Ynm(n, k, x, y), "complex always"),
    Znm: pointwise(rt.ZNM).with_example(
        lambda: Znm(n, k, x, y), "real", lambda: sp.sqrt(2) * sp.re(sp.expand_func(Ynm(4, 2, x, y)))
    ),
}
