"""What frozen numbers decide alone is computed once, and is what it would be in each call."""

from __future__ import annotations

import gc
import itertools
import warnings
import weakref

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify
from numpify_ctx._execution.parts import Parts, arithmetic
from numpify_ctx._kinds import REAL
from numpify_ctx._program.decided import decided
from numpify_ctx._program.ir import infer_kinds
from numpify_ctx._program.ops import NEG
from numpify_ctx._program.walk import reach


x, y, a, b, c = S = sp.symbols("x y a b c")
F = sp.Function("F")

EXPRESSIONS = [
    x * sp.sin(a) ** 2 + sp.exp(a * b) * x**2 + sp.erf(c) * x,
    a * sp.exp(-((x - b) ** 2) / (2 * c**2)) + y,
    sp.Piecewise((sp.log(a * b) * x, x > sp.exp(a)), (sp.sqrt(c) + y, a > b), (x / c**2, True)),
    sp.floor(a * 3) * x + sp.Max(a * b, x) + sp.Mod(b, a) * y,
    sp.Sum(sp.exp(a * b) * x**b, (sp.Symbol("k"), 1, 3)) + y,
    (a * b + c) ** 3,
    [x * sp.exp(a), sp.exp(a), a],
    sp.Matrix([[x * sp.exp(a * b), sp.cos(c)], [a, y]]),
    x**a + y ** (a * b),
    sp.sqrt(a - b) * x + sp.I * sp.sqrt(-c) * y,
]
VALUES = [(0.3, 0.4, 0.5), (2, 3, 5), (2, 0.5, np.float64(1.5)), (-0.3, 0.4, -0.5), (np.float64(0.25), 0.75, 2)]
ARRAYS = [
    (0.7, 1.25),
    (2, 3),
    (np.linspace(0.1, 2, 7), 0.5),
    (np.linspace(0.1, 2, 7), np.linspace(1, 3, 7)),
    (np.linspace(0.1, 2, 7, dtype=np.float32), 0.5),
    (np.arange(1, 5), np.arange(2, 6)),
    (np.linspace(0.1, 2, 3)[:, None], np.linspace(0.1, 2, 4)),
]


def same(one, other):
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    one, other = np.asarray(one), np.asarray(other)
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("values", VALUES, ids=str)
def test_frozen_numbers_give_what_passed_numbers_give(expr, values):
    f = numpify(expr, S, cache=False, native=False)
    frozen = f.freeze(dict(zip((a, b, c), values, strict=True)))
    half = f.freeze({a: values[0], c: values[2], b: DYNAMIC_PARAMETER})
    half = half.set_parameter_context(Parameters({b: values[1]}))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for args in ARRAYS:
            try:
                want = f(*args, *values)
            except TypeError:
                continue
            # A frozen integer beside floats is a float in a call with numbers.
            exact = all(isinstance(v, float) for v in values) or any(np.ndim(v) for v in args)
            for bound in (frozen, half):
                for _ in range(3):  # the first makes the way that later ones take
                    got = bound(*args)
                    if exact:
                        assert same(got, want), (args, got, want)
                    else:
                        np.testing.assert_allclose(np.asarray(got, complex), np.asarray(want, complex), rtol=1e-13)


def counting():
    calls = []

    def function(value):
        calls.append(value)
        return np.exp(value)

    return function, calls


@pytest.mark.parametrize("arg", [0.5, np.linspace(0, 1, 5)], ids=["number", "array"])
def test_what_is_frozen_is_in_neither_form(arg):
    expr = sp.exp(a * b) * x + sp.gamma(c) * sp.sin(x)
    f = numpify(expr, S, cache=False, native=False).freeze(a=0.3, b=0.4, c=0.5)
    for _ in range(3):
        f(arg, 0.0)
    wrapper = object.__getattribute__(f, "__call__")
    code = [wrapper.__code__]
    if np.ndim(arg):
        code = [value.__code__ for word, value in wrapper.__globals__.items() if word.endswith("_form")]
    assert code
    for each in code:
        assert "exp" not in each.co_names
        assert "gamma" not in each.co_names


def test_users_functions_are_called_each_time():
    function, calls = counting()
    f = numpify(F(a) * x, [x, a], functions={F: function}, cache=False).freeze(a=0.5)
    for _ in range(3):
        f(np.ones(3))
    assert len(calls) == 3


def test_frozen_arrays_may_be_written_to():
    held = np.array([1.0, 2.0])
    f = numpify(sp.exp(a) * x, [x, a], cache=False, native=False).freeze(a=held)
    for _ in range(3):
        f(np.ones(2))
    held[:] = 0.0
    assert f(np.ones(2)).tolist() == [1.0, 1.0]


def test_warnings_are_given_at_each_call():
    f = numpify(sp.log(a) * x, [x, a], cache=False, native=False).freeze(a=-1.0)
    for _ in range(3):
        with pytest.warns(RuntimeWarning, match="invalid"):
            f(np.ones(2))
    g = numpify(a**2 * b * x, [x, a, b], cache=False, native=False).freeze(b=1.0)
    for _ in range(3):
        with pytest.warns(RuntimeWarning, match="overflow"):
            g(np.ones(2), 1e200)


def test_a_function_that_is_dropped_is_gone_with_what_it_computed():
    gc.disable()
    try:
        f = numpify(sp.sqrt(x) ** 3 * sp.exp(a) - sp.cbrt(a * x), [x, a], cache=False, native=False).freeze(a=0.5)
        for _ in range(3):
            f(np.ones(2))
        gone = weakref.ref(object.__getattribute__(f, "__call__"))
        del f
        assert gone() is None
    finally:
        gc.enable()


QUOTIENTS = [
    -x / a, -x * y / a**2, sp.exp(-x / a), sp.exp(-((x - b) ** 2) / a**2), -x * a * b, -(x + y) / sp.exp(a),
    1 / x - x / a,
]  # fmt: skip


@pytest.mark.parametrize("expr", QUOTIENTS, ids=str)
def test_a_negative_sign_goes_to_what_frozen_numbers_decide(expr):
    f = numpify(expr, S[:4], cache=False, native=False)
    edges = np.array([0.0, -0.0, 1.5, -2.5, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1e308])
    args = np.repeat(edges, 10), np.tile(edges, 10)
    live = f.freeze({a: DYNAMIC_PARAMETER, b: DYNAMIC_PARAMETER})
    with np.errstate(all="ignore"):
        for numbers in ((2.0, 0.5), (-3.0, 0.25), (0.0, 1.0), (-0.0, 1.0), (np.inf, 2.0), (5e-324, -1.0)):
            of_all = dict(zip((a, b), numbers, strict=True))
            want = f(*args, *numbers)
            for bound in (f.freeze(of_all), live.set_parameter_context(of_all)):
                for _ in range(3):
                    got = bound(*args)
                    np.testing.assert_array_equal(got, want)
                    assert (np.signbit(got) == np.signbit(want))[~np.isnan(want)].all()
                for *point, value in list(zip(*args, want, strict=True))[::7]:
                    np.testing.assert_allclose(bound(*point), value, rtol=4e-16)  # over `math`


@pytest.mark.parametrize("expr", QUOTIENTS[:-1], ids=str)
def test_nothing_is_negative_in_the_rest(expr):
    program = numpify(expr, S[:4], cache=False).freeze()._origin.compiled.program
    parts = decided(program, infer_kinds(program, [REAL] * 4), 0b1100)
    assert NEG in [program.ops[node] for node in reach(program.results, program.args.__getitem__)]
    rest = parts.rest
    assert NEG not in [rest.ops[node] for node in reach(rest.results, rest.args.__getitem__)]


PLAIN = [
    (a + 2 * b - 3) * x, x / (a * b - c), x + a**4 / b**3, x / 7 * a / (b + c) - a * b / 3, x * ((1 - a) * (b - 1) + c),
]  # fmt: skip


@pytest.mark.parametrize("expr", PLAIN, ids=str)
def test_plain_arithmetic_of_frozen_numbers_is_that_of_the_form(expr):
    program = numpify(expr, S, cache=False).freeze()._origin.compiled.program
    parts = Parts(decided(program, infer_kinds(program, [REAL] * 5), 0b11100))
    numbers = [0.0, -0.0, 0.1, 1.0, -2.5, 3.0, 1e200, 5e-324, np.inf, np.nan]
    known = 0
    for three in itertools.product(numbers, repeat=3):
        found = arithmetic(parts.decided, [None, None, *three])
        if found is not None:
            known += 1
            assert list(map(float.hex, found)) == list(map(float.hex, parts.first.floats()(None, None, *three)))
    assert known > 200
