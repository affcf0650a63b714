"""Every rule in blocks, in plain NumPy and over `math`: the same numbers; and expressions made of a few rules."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st
from sympy.core.function import Application

from numpify_ctx._errors import CompileError
from numpify_ctx._lowering.rules import RULES
from numpify_ctx._program.bounds import NO_INTEGERS, Integers

from .forms import compiled, kernels, plain


S = x, y, z, w, v = sp.symbols("x y z w v")
P = sp.Piecewise
RNG = np.random.default_rng(7)

NOT_IN_BLOCKS = {
    ("maximum", 1),
    ("minimum", 1),
    ("polar_lift", 1),
}  # they hand back their argument: there is nothing to compute

_OF_NUMBERS = (Application, sp.logic.boolalg.Boolean, sp.Add, sp.Mul, sp.Pow)


def _every_rule():
    for cls in filter(lambda cls: issubclass(cls, _OF_NUMBERS), RULES):
        for number in range(1, 6):
            try:
                expr = cls(*S[:number])
                found = compiled(expr, S[:number]) if type(expr) is cls else None
            except (AttributeError, CompileError, NotImplementedError, TypeError, ValueError):
                continue  # not with so many arguments
            if found is not None and not any(found.program.rank):
                yield pytest.param(expr, number, id=f"{cls.__name__}-{number}")


EVERY_RULE = list(_every_rule())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("expr", "number"), EVERY_RULE)
def test_three_forms_of_every_rule_agree(expr, number):
    args = [np.resize(RNG.uniform(-2, 2, 8), 33) for _ in range(number)]  # few values: some take mpmath long
    found = compiled(expr, S[:number])
    want = plain(found, args)
    results = found.blocks.compute(args, NO_INTEGERS, (33,))
    # Blocks that decline everything would pass all that is compared with the plain form.
    assert (results is None) == ((expr.func.__name__, number) in NOT_IN_BLOCKS)
    if results is not None:
        assert results[0].dtype == want.dtype
        np.testing.assert_allclose(results[0], want, rtol=1e-12, atol=1e-13)
    for i in (0, 17):
        scalar = found(*(float(a[i]) for a in args))
        np.testing.assert_allclose(scalar, want[i], rtol=1e-12, atol=1e-13)


_SLOW_AT_INTEGERS = {"betainc", "betainc_regularized", "lerchphi", "primepi", "stieltjes"}
# Of integers: integers while they fit, so that no dtype is known before all elements are, or integers as they were.
_IN_ONE_PIECE = {
    "andre", "bell", "binomial", "catalan", "ceiling", "divisor_sigma", "factorial", "factorial2",
    "FallingFactorial", "fibonacci", "floor", "frac", "harmonic", "im", "jacobi_symbol", "kronecker_symbol",
    "LeviCivita", "lucas", "mobius", "Mod", "partition", "Pow", "primenu", "primeomega", "re", "reduced_totient",
    "Rem", "RisingFactorial", "subfactorial", "totient", "tribonacci", "udivisor_sigma",
}  # fmt: skip
_RELATIONS = {"Equality", "Unequality", "StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan"}
_ALONE_IN_ONE_PIECE = {
    *NOT_IN_BLOCKS, ("euler", 1), ("genocchi", 1),  # of two arguments, they are polynomials
    *((name, 2) for name in _RELATIONS),  # integers that are only compared are taken as they are
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("expr", "number"), [p for p in EVERY_RULE if p.values[0].func.__name__ not in _SLOW_AT_INTEGERS]
)
def test_integers_in_blocks_are_those_of_every_rule_in_one_piece(expr, number):
    # Some are integers in one block and floats in another, as factorials are: small in the first, large in the last.
    args = [np.sort(RNG.integers(0, 25, 33)), *(RNG.integers(0, 5, 33) for _ in range(number - 1))]
    found = compiled(expr, S[:number])
    want, got = plain(found, args), found(*args)
    name = expr.func.__name__
    assert bool(kernels(found)) == (name not in _IN_ONE_PIECE and (name, number) not in _ALONE_IN_ONE_PIECE)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def test_most_rules_are_computed_in_blocks():
    rules = [param.values for param in EVERY_RULE]
    floats, integers = set(), set()
    for expr, number in rules:
        found = compiled(expr, S[:number])
        for values, mask, names in ((np.full(33, 0.5), 0, floats), (np.ones(33, int), (1 << number) - 1, integers)):
            with np.errstate(all="ignore"):
                results = found.blocks.compute([values] * number, Integers(mask, checked=False), (33,))
            if results is not None:
                names.add((expr.func.__name__, number))
    assert {(expr.func.__name__, number) for expr, number in rules} - floats == NOT_IN_BLOCKS
    assert len(floats) > 200
    assert len(integers) > 150  # of the others, some elements are integers and some are not


LEAVES = st.sampled_from([x, y, z, x * y, sp.Integer(2), sp.Rational(1, 3), sp.pi])


def _grow(inner):
    unary = st.sampled_from([sp.sin, sp.atan, sp.Abs, sp.floor, sp.sinc, sp.acot, lambda a: -a, lambda a: a**3])
    binary = st.sampled_from([
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (2 + b**2), sp.Max,
        lambda a, b: P((a, a > b), (b, True)), lambda a, b: P((sp.sqrt(a), a > 0), (sp.exp(-sp.Abs(b)), True)),
    ])  # fmt: skip
    return st.builds(lambda f, a: f(a), unary, inner) | st.builds(lambda f, a, b: f(a, b), binary, inner, inner)


EXPRESSIONS = st.recursive(LEAVES, _grow, max_leaves=14)
SHAPES = st.sampled_from([(6, 7), (7,), (6, 1), (1, 1), ()])
KINDS = st.sampled_from([np.float64, np.float32, np.int64, np.complex128])


@given(EXPRESSIONS, EXPRESSIONS, st.tuples(SHAPES, SHAPES, SHAPES), st.integers(0, 2**32), st.booleans())
@settings(deadline=None)
def test_blocks_give_what_the_plain_form_gives(one, other, shapes, seed, single):
    rng = np.random.default_rng(seed)
    args = [rng.uniform(-2, 2, shape)[()] for shape in ((6, 7), *shapes[1:])]
    if single:
        args[1] = np.float32(args[1])
    found = compiled([one, other], (x, y, z))
    got, want = found(*args), plain(found, args)
    for mine, reference in zip(got, want, strict=True):
        assert mine.dtype == reference.dtype
        assert mine.shape == reference.shape
        np.testing.assert_allclose(mine, reference, rtol=1e-4 if single else 1e-12, atol=1e-5 if single else 1e-12)
