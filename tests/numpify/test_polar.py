"""Numbers with an angle (`exp_polar`), and the constants of physics: SymPy's own values, or an error."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import CompileError, numpify


x, a, b, g = sp.symbols("x a b g")
turn = {k: sp.exp_polar(sp.I * sp.pi * sp.Rational(k)) for k in ("1", "-1", "2", "1/2", "3")}
third = sp.Rational(1, 3)

CONTINUED = [
    sp.Ei(x * turn["1"]), sp.Ei(x * turn["-1"]), sp.expint(1, x * turn["1"]), sp.expint(1, x * turn["-1"]),
    sp.expint(2, x * turn["-1"]), sp.expint(3, x * turn["1"]), sp.expint(third, x * turn["1"]),
    sp.uppergamma(third, x * turn["1"]), sp.uppergamma(third, x * turn["2"]), sp.lowergamma(third, x * turn["-1"]),
    sp.lowergamma(third, x * turn["2"]), sp.log(x * turn["1"]), sp.log(2 * x * turn["1/2"]),
    (x * turn["1"]) ** a, sp.hyper([1, 2], [3], x * turn["2"]), sp.hyper([1, third], [3], x * turn["1"]),
    sp.hyper([1], [3], x * turn["3"]), sp.polylog(2, x * turn["2"]), sp.exp(x * turn["1"]), x * turn["1"] + 1,
    sp.erf(x * turn["1"]), sp.meijerg([[], []], [[0], []], x * turn["1"]),
]  # fmt: skip


@pytest.mark.parametrize("expr", CONTINUED, ids=str)
def test_what_lies_beyond_a_cut_is_kept(expr):
    want = complex(expr.subs({x: sp.Rational(2, 5), a: third}).evalf(20))
    for point in (0.4, np.float64(0.4), np.array([0.4]), np.full(7, 0.4)):
        np.testing.assert_allclose(numpify(expr, [x, a])(point, 1 / 3), want, rtol=1e-12)


def test_a_turn_counts_in_a_logarithm():
    assert numpify(sp.log(x * turn["3"], evaluate=False), [x])(0.4) == pytest.approx(np.log(0.4) + 3j * np.pi)


def test_beyond_the_unit_circle_a_turn_leads_where_nothing_is_known():
    for expr in (sp.hyper([1, 2], [3], x * turn["2"]), sp.lerchphi(x * turn["2"], 2, 3), sp.elliptic_k(x * turn["2"])):
        f = numpify(expr, [x])
        plain = numpify(expr.replace(sp.exp_polar, lambda _: sp.S.One), [x])
        assert f(0.4) == plain(0.4)
        assert np.isnan(f(1.5))
    with pytest.raises(CompileError, match=r"angle of 2\*pi"):
        numpify(sp.besselk(0, x * turn["2"]), [x])


def test_integrals_that_come_out_with_polar_numbers():
    found = sp.integrate(sp.log(x) * sp.exp(-a * x), (x, 0, sp.oo))
    assert numpify(found, [a])(1.5) == pytest.approx(complex(found.subs(a, sp.Rational(3, 2)).evalf(20)).real)


def test_constants_prefixes_and_coefficients_of_physics():
    from sympy.physics.quantum.cg import CG, Wigner3j
    from sympy.physics.quantum.constants import hbar
    from sympy.physics.quantum.spin import WignerD
    from sympy.physics.units import degree, kilo, meter, percent

    assert numpify(hbar * x, [x])(2.0) == pytest.approx(2 * float(hbar.evalf()), rel=1e-15)
    assert numpify(sp.sin(x * degree), [x])(90.0) == 1
    assert numpify(x * percent, [x])(50.0) == 0.5
    assert numpify(x * kilo, [x])(2.0) == 2000
    half = sp.Rational(1, 2)
    assert numpify(x * CG(half, half, half, -half, 1, 0), [x])(1.0) == pytest.approx(np.sqrt(0.5))
    assert numpify(x * Wigner3j(1, 0, 1, 0, 0, 0), [x])(1.0) == pytest.approx(-1 / np.sqrt(3))
    matrix = WignerD(1, 1, 0, a, b, g)
    want = complex(matrix.doit().subs({a: 0.1, b: 0.2, g: 0.3}).evalf())
    assert numpify(matrix, [a, b, g])(0.1, 0.2, 0.3) == pytest.approx(want)
    with pytest.raises(CompileError, match="meter: it is a unit"):
        numpify(x * meter, [x])


def test_infinity_is_in_no_set_of_numbers():
    values = np.array([np.inf, -np.inf, np.nan, 2.0, -2.5])
    for domain, want in [
        (sp.S.Integers, [0, 0, 0, 1, 0]), (sp.S.Naturals, [0, 0, 0, 1, 0]), (sp.S.Reals, [0, 0, 0, 1, 1]),
        (sp.S.Complexes, [0, 0, 0, 1, 1]),
    ]:  # fmt: skip
        f = numpify(sp.Contains(x, domain, evaluate=False), [x])
        np.testing.assert_array_equal(f(values), np.array(want, bool))
        assert [bool(f(float(v))) for v in values] == [bool(w) for w in want]


HALF = sp.Rational(1, 2)


@pytest.mark.parametrize("turns", [-1, HALF, 1, 2, 3])
@pytest.mark.parametrize(
    "function",
    [
        lambda t: sp.besselj(HALF, t), lambda t: sp.besselj(sp.Rational(1, 3), t), lambda t: sp.besselj(2, t),
        lambda t: sp.besseli(HALF, t), lambda t: sp.bessely(0, t), lambda t: sp.besselk(0, t), sp.LambertW, sp.loggamma,
        lambda t: sp.meijerg([[1], []], [[HALF], [0]], t), lambda t: sp.meijerg([[], []], [[0, HALF], []], t),
        lambda t: sp.meijerg([[], [1]], [[0, 0], []], t), lambda t: sp.meijerg([[1, 1], []], [[1], [0]], t),
    ],
)  # fmt: skip
def test_a_function_with_branches_keeps_the_angle_or_refuses_it(function, turns) -> None:
    z = sp.Symbol("z", positive=True)
    expr = function(z * sp.exp_polar(turns * sp.I * sp.pi))
    try:
        want = complex(expr.subs(z, HALF / 2).evalf(25))
    except TypeError:  # SymPy knows no branch but the principal one
        with pytest.raises(CompileError, match="branch"):
            numpify(expr, [z])
        return
    f = numpify(expr, [z])
    for got in (f(0.25), f(np.full(3, 0.25))[1], f(0.25 + 0j)):
        assert complex(got) == pytest.approx(want, rel=1e-10)
