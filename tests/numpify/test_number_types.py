"""Numbers of every type: the forms that stand in a call give what the compiled function gives, and what arrays give."""

from __future__ import annotations

import functools
import itertools
import math
import warnings

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify
from numpify_ctx._lowering.rules import RULES


x, y, n = sp.symbols("x y n")
WHOLE = (int, bool, np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
REAL = (float, np.float64)
EXPRESSIONS = [
    x + y,
    x - y,
    x * y,
    x / y,
    x**2 * y,
    x**y,
    x**-y,
    x**20,
    sp.sqrt(x) + y,
    sp.exp(-x * y),
    sp.Mod(x, y),
    sp.floor(x / y),
    sp.Piecewise((1, x > y), (sp.Rational(1, 2), True)),
    sp.Piecewise((x, x > y), (2 * y, True)),
    sp.Max(x, y, 3),
    x > y,
    sp.And(x > 0, y > 0),
    sp.factorial(x) + y,
    sp.binomial(x, y),
    10**30 * x + y,
    sp.Piecewise((x + 10**30, x > y), (y, True)),
    [x, y, x / y],
    {"sum": x + y, "more": (x > y, sp.sin(x))},
    sp.Sum(n * x, (n, 1, y)),
    sp.Integer(2) + 0 * x,
    sp.Add(*(k * x**k for k in range(30)), y),
    sp.Matrix([x, y]),
]


def same(one, other):
    """Equal in type, value and sign; nan is nan."""
    if isinstance(one, list | tuple):
        return type(one) is type(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and same(list(one.values()), list(other.values()))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return repr(one) == repr(other)


def given(function, args):
    """The result, or the type of what was raised."""
    with np.errstate(all="ignore"):
        try:
            return function(args)
        except Exception as error:
            return type(error)


PAIRS = [(3, 2), (1, 1), (0, 2), (7, 0), (100, 7)]


def cases(kinds, is_kept):
    """An expression beside a kind each; those that are not kept, which others stand for, in a long run only."""
    return [
        pytest.param(expr, kind, id=f"{str(expr)[:40]}-{kind}", marks=[] if is_kept(i, j) else pytest.mark.slow)
        for (i, expr), (j, kind) in itertools.product(enumerate(EXPRESSIONS), enumerate(kinds))
    ]


# Every expression with Python's own types, and every type with a third of the expressions.
ALIKE = [int, float, "mixed", *WHOLE[1:], np.float64]


@pytest.mark.parametrize(("expr", "kind"), cases(ALIKE, lambda i, j: j < 3 or (i + j) % 3 == 0))
@pytest.mark.filterwarnings("ignore")
def test_a_call_gives_what_the_compiled_function_gives(expr, kind):
    f = numpify(expr, [x, y])
    compiled = f._origin.compiled
    kinds = (int, float) if kind == "mixed" else (kind, kind)
    for pair in PAIRS:
        args = tuple(make(value) for make, value in zip(kinds, pair, strict=True))
        wanted = given(compiled.apply, args)
        for _ in range(2):  # the first call makes the form that the second one finds
            assert same(given(lambda args: f(*args), args), wanted), args
        plain = tuple(float(a) if isinstance(a, float) else int(a) for a in args)
        assert same(given(lambda args: f(*args), plain), wanted), "as Python's numbers of the same value"


SHORT = (np.float16, np.float32, np.complex64)
COMPLEX = (complex, np.complex128)


OTHER = (*SHORT, *COMPLEX, float, int)
OTHER_PAIRS = [k for k in itertools.product(OTHER, repeat=2) if {*SHORT, *COMPLEX} & {*k}]


def is_covering(i, j):
    """A Latin square: of all pairs, those with each type once in each place, turned by one for each expression."""
    first, second = map(OTHER.index, OTHER_PAIRS[j])
    return second == (first + i) % len(OTHER)


@pytest.mark.parametrize(("expr", "kinds"), cases(OTHER_PAIRS, is_covering))
@pytest.mark.filterwarnings("ignore")
def test_other_numbers_give_what_arrays_give(expr, kinds):
    f = numpify(expr, [x, y])
    for pair in PAIRS[:3]:
        args = tuple(kind(value) for kind, value in zip(kinds, pair, strict=True))
        wanted = given(f._origin.compiled._call_arrays, args)
        got = given(lambda args: f(*args), args)
        assert isinstance(wanted, type) or same(got, wanted), args
        assert not isinstance(wanted, type) or isinstance(got, type), args


def test_integers_have_no_limit():
    f = numpify(10**400 * x + y, [x, y])
    for kind in (int, np.int64, np.uint8):
        assert f(kind(3), kind(2)) == 3 * 10**400 + 2
    assert numpify(x**20, [x])(10**400) == 10**8000


@pytest.mark.parametrize("kind", [k for k, rule in RULES.items() if rule.example and not rule.example.refused])
@pytest.mark.filterwarnings("ignore")
def test_integers_give_what_every_rule_gives(kind):
    f = numpify(RULES[kind].example.expr())
    compiled = f._origin.compiled
    for start in (-2, 1, 5):
        args = tuple(range(start, start + len(f.parameters)))
        assert same(given(lambda args: f(*args), args), given(compiled.apply, args)), args


def test_zero_dimensional_arrays_are_numbers():
    f = numpify(x * y + 1, [x, y])
    for value in (3, 3.0, True):
        of_arrays = f(np.array(value), np.array(value))
        assert same(of_arrays, f(value, value))
        assert same(f(np.array(value), 2), f(value, 2))
    assert type(f(np.array(3.0, np.float32), np.array(3.0, np.float32))) is np.float32
    np.testing.assert_array_equal(f(np.array(3), np.ones(2)), [4.0, 4.0])


@pytest.mark.parametrize("order", [(float, int, np.float64), (int, float, np.float64), (np.float64, bool, int, float)])
def test_the_order_of_first_calls_does_not_matter(order):
    for expr in EXPRESSIONS[:6]:
        f = numpify(expr, [x, y], cache=False)
        for kind in (*order, *order):
            assert same(f(kind(3), kind(1)), f._origin.compiled.apply((kind(3), kind(1))))


def test_frozen_and_dynamic_numbers_of_every_type():
    f = numpify(x * y + n, [x, y, n])
    knobs = Parameters({n: 1})
    for kind in (*WHOLE, *REAL):
        frozen = f.freeze({y: kind(1)}).freeze({n: DYNAMIC_PARAMETER}).set_parameter_context(knobs)
        for made in (int, float, np.float64, np.int32):
            for dynamic in (2, 2.0, np.float64(2.0), True):
                knobs[n] = dynamic
                assert same(frozen(made(3)), f._origin.compiled.apply((made(3), kind(1), dynamic)))


OF_INTEGERS = [y, y**40, sp.floor(y), sp.factorial(y), sp.Mod(y, 4), [x + y, y], {"a": x, "b": [y]}, sp.Matrix([y, y])]


@pytest.mark.parametrize("expr", [*OF_INTEGERS, sp.Piecewise((y, x > 0), (2 * y, True)), x * y], ids=str)
def test_what_frozen_integers_alone_decide_is_an_integer_beside_floats(expr):
    f = numpify(expr, [x, y])
    for value in (9, True, np.int32(9)):
        frozen, dynamic = f.freeze(y=value), f.freeze(y=DYNAMIC_PARAMETER).set_parameter_context({y: value})
        for made in (float, np.float64, int, float):
            wanted = f._origin.compiled.apply((made(1.5), value))
            assert same(frozen(made(1.5)), wanted)
            assert same(dynamic(made(1.5)), wanted)


def test_what_the_forms_refuse_goes_on_once():
    """A form that refuses is not asked again with the same numbers."""
    asked = []

    def careful(value):
        asked.append(type(value))
        raise ValueError("no")

    F = sp.Function("F")
    f = numpify(F(x), [x], functions={F: careful})
    for value in (1, True, np.int32(1), 1.0, np.float64(1.0)):
        asked.clear()
        with pytest.raises(ValueError, match="no"):
            f(value)
        assert len(asked) <= 4


def test_the_quick_way_asks_nothing_of_the_compiled_function(monkeypatch):
    f = numpify(x * y + 1, [x, y], cache=False)
    numbers = [(1.0, 2.0), (1, 2), (np.float64(1), 2.0), (True, 1), (np.int32(1), np.int64(2))]
    for args in numbers:
        f(*args)
    monkeypatch.setattr(type(f._origin.compiled), "_call_scalars", functools.partial(pytest.fail, "asked"))
    for args in numbers:
        assert f(*args) == args[0] * args[1] + 1


VALUES = {
    float: (0.75, -0.0, math.inf, math.nan, 1e300, -2.0),
    int: (2, 0, -3, 2**53 + 1, 2**70, 1, -(10**60)),
    bool: (True, False),
    complex: (0.5 - 2j, 0j, complex(-1.0, -0.0), complex(math.inf, 1.0), 1e300 + 1e300j, complex(-0.0, math.nan)),
}
ALL = (*VALUES, np.float64, np.int32, np.bool_, np.complex128, np.float32)
PLAIN = (float, int, bool, np.float64, np.int32, np.bool_)


def numbers_of(kind):
    """Numbers of a type, among them those that compute otherwise than most."""
    if kind in VALUES:
        return VALUES[kind]
    python = type(kind(1).item())
    return [kind(value) for value in VALUES[python] if python is bool or not 2**31 < abs(value) < math.inf]


def told(function, args):
    """The result, or the type of what was raised; and what was warned of."""
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        try:
            result = function(*args)
        except Exception as error:
            result = type(error)
    # Whether a number of NumPy's or a ufunc warns is no matter.
    return result, {str(w.message).replace("scalar ", "") for w in caught}


def is_rounded(got, wanted):
    """Complex numbers that are the same but for rounding; the signs of zeros are the same."""
    if type(got) is not complex or type(wanted) is not complex or not np.isfinite(wanted):
        return False
    zeros = [
        [(i, math.copysign(1, part)) for i, part in enumerate((z.real, z.imag)) if not part] for z in (got, wanted)
    ]
    return zeros[0] == zeros[1] and abs(got - wanted) <= 2e-15 * abs(wanted)


def check_the_way_of_a_call(f, whole, args):
    """A call gives what the whole way gives, in type, and in what it warns of: the first time and later.

    It does to the bit, but for complex quotients and functions of complex numbers.
    """
    wanted, warned = told(whole, args)
    for _ in range(2):
        got, noted = told(f, args)
        assert same(got, wanted) or got is wanted or is_rounded(got, wanted), (args, got, wanted)
        assert noted == warned, args


def whole(compiled, *kinds):
    """The way that looks at all that it gets, of numbers of these types."""
    if {*kinds} <= {*PLAIN}:
        return lambda *args: compiled.apply(args)
    return lambda *args: compiled._call_arrays(args)


@pytest.mark.parametrize("expr", [*EXPRESSIONS[:8], *EXPRESSIONS[9:20], sp.sin(x) * y + 3 * x - 1], ids=str)
def test_every_two_types_take_the_way_of_arrays(expr):
    f = numpify(expr, [x, y], cache=False)
    compiled = f._origin.compiled
    for i, (first, second) in enumerate(itertools.product(ALL, repeat=2)):
        pairs = list(itertools.product(numbers_of(first), numbers_of(second)))
        for args in [*pairs[:: 1 + len(pairs) // 6], pairs[i % len(pairs)]]:
            check_the_way_of_a_call(f, whole(compiled, first, second), args)


@pytest.mark.parametrize("expr", [EXPRESSIONS[0], EXPRESSIONS[4], EXPRESSIONS[12], sp.exp(x * y) + 2 * x], ids=str)
def test_every_type_beside_a_frozen_one_takes_the_way_of_arrays(expr):
    f = numpify(expr, [x, y], cache=False)
    compiled = f._origin.compiled
    for first, second in itertools.product(ALL, repeat=2):
        fixed = numbers_of(second)[0]
        bound, way = f.freeze({y: fixed}), whole(compiled, first, second)
        for value in numbers_of(first):
            check_the_way_of_a_call(lambda a, _: bound(a), way, (value, fixed))  # noqa: B023  it is called at once


PARTS = [0.0, -0.0, 0.3, -1.5, 2.0, 20.0, -700.0, 1e-310, 3e200, -1e308, math.inf, -math.inf, math.nan]
OVER_CMATH = [
    x * y - 2 * x, x**3 * y + 1, -x / y, (2 * x + 1) / (y - 3), 1 / (x * x), x / 3 + y / 7, sp.I * x + y,
    *(function(x) for function in (sp.exp, sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh)),
    1 / sp.exp(x * y), sp.exp(-x * x) + y, sp.tanh(sp.exp(x)), sp.exp(sp.I * x * y), sp.sin(x) / (1 + sp.cos(y)),
]  # fmt: skip


@pytest.mark.parametrize("expr", OVER_CMATH, ids=str)
def test_complex_numbers_over_cmath_are_what_numpy_gives(expr):
    f = numpify(expr, [x, y], cache=False)
    way = whole(f._origin.compiled, complex)
    quick = f._origin.compiled.way((complex, complex)).form()
    assert "cmath" in quick.__globals__
    assert "cmath" in f.explain(1j, 0.5)
    taken = 0
    for a, b in itertools.product(PARTS, repeat=2):
        for args in (
            (complex(a, b), 0.5 - 0.25j),
            (1.5 + 1j, complex(a, b)),
            (complex(a, b), complex(b, a)),
            (a, b * 1j),
        ):
            check_the_way_of_a_call(f, way, args)
            taken += not isinstance(given(lambda args: quick(*args), args), type)
    assert taken > 100  # the law is not of what is refused alone


@pytest.mark.parametrize("expr", [sp.sqrt(x), sp.log(x), sp.Abs(x), x**y, sp.Piecewise((x, sp.Eq(x, y)), (y, True))])
def test_what_has_cuts_or_other_results_is_left_to_numpy(expr):
    way = numpify(expr, [x, y], cache=False)._origin.compiled.way((complex, complex))
    assert way is None or not way.is_over_cmath
