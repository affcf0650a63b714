"""What is called for what is passed, and what comes back."""

from __future__ import annotations

import linecache
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify
from numpify_ctx._compile import compile_expression
from numpify_ctx._execution import forms as form_module
from numpify_ctx._program.bounds import Integers


x, y, a, b = sp.symbols("x y a b")
P = sp.Piecewise


def compiled(expr, *arguments):
    return compile_expression(expr, [(s, s.name) for s in arguments or (x, y)], cache=False)


# -- forms are made when they are needed -----------------------------------------------------------------------------


def test_floats_need_no_array_form_and_arrays_none_for_floats(monkeypatch):
    emitted = []
    for name in ("arrays", "floats", "integers", "scalars"):
        emit = getattr(form_module, f"emit_{name}")

        def noted(*args, _name=name, _emit=emit, **options):
            emitted.append(_name)
            return _emit(*args, **options)

        monkeypatch.setattr(form_module, f"emit_{name}", noted)
    found = numpify(sp.sin(x) + 1, cache=False)
    assert found(0.5) == pytest.approx(np.sin(0.5) + 1)
    assert emitted == ["floats"]
    emitted.clear()
    found = numpify(sp.sin(x) + 1, cache=False)
    found(np.ones(3))
    assert emitted == ["arrays"]
    assert found(0.5) == pytest.approx(np.sin(0.5) + 1)
    assert found(np.ones(3)).shape == (3,)
    assert found(0.5) == pytest.approx(np.sin(0.5) + 1)
    # In the second call, constants become arrays.
    assert emitted == ["arrays", "floats", "arrays"]
    assert found(np.ones(3)).shape == (3,)
    assert len(emitted) == 3


def test_the_source_is_the_plain_form_whatever_was_called():
    found = numpify(sp.exp(-x) / 2, cache=False)
    found(0.5)
    found(np.ones(100_000))
    assert found.source == "def f(x):\n    return 0.5*np.exp(-x)\n"


def test_a_short_form_stands_in_the_wrapper_and_a_long_one_beside_it():
    short, long = numpify(x + y, cache=False), numpify(sum(sp.sin(k * x) for k in range(99)), cache=False)
    short(1.0, 2.0)
    long(1.0)
    # Where it stands in the wrapper, the wrapper multiplies and adds by itself.
    assert "x + y" in "".join(linecache.getlines(short.__call__.__code__.co_filename))
    assert "math.sin" not in "".join(linecache.getlines(long.__call__.__code__.co_filename))
    assert long(1.0) == pytest.approx(np.sin(np.arange(99)).sum())


@pytest.mark.parametrize("name", ["type", "float", "call", "floats", "refusals", "math", "np", "t0", "x_given", "out_"])
def test_parameters_may_be_called_as_our_words(name):
    s = sp.Symbol(name)
    f = numpify(sp.sin(s * x) * sp.Heaviside(s) + sp.Abs(x) + sp.sin(s * x) ** 2, [x, s], cache=False)
    want = np.sin(0.6) + 0.3 + np.sin(0.6) ** 2
    assert f(0.3, 2.0) == pytest.approx(want)
    assert f(np.array([0.3]), 2.0)[0] == pytest.approx(want)
    frozen = f.freeze({s: 2})
    assert frozen(0.3) == pytest.approx(want)
    assert frozen(np.array([0.3]))[0] == pytest.approx(want)
    assert f.freeze({x: 0.3, s: DYNAMIC_PARAMETER}).set_parameter_context({s: 2.0})() == pytest.approx(want)


# -- scalars in, a scalar out ----------------------------------------------------------------------------------------

CASES = [
    x + y, x * y + 1, 1 / (x - y), sp.sqrt(x), sp.log(y), x**y, sp.gamma(x), sp.exp(x * 1000), sp.Max(x, y), x > y,
    sp.floor(x), sp.Heaviside(x), sp.sign(x) * y, sp.Integer(3), sp.pi * x, P((1, x > 0), (0, True)),
    P((x, x > 0), (2, True)), P((x, x > 0), (y, True)), sp.I * x,
    sp.conjugate(x), x % y, [x, y + 1], (x > 0, {"a": x}), sp.Abs(x), sp.Mod(x, 2),
    P((sp.sqrt(x), x > 0), (sp.exp(y), True)) + 1, x**2 / y, sp.atan2(x, y), sp.KroneckerDelta(x, y), sp.zoo + x,
]  # fmt: skip
NUMBERS = [0.0, 1.0, -2.5, 3, -1, 0, True]
KINDS = [float, np.float64, np.array]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("expr", CASES, ids=str)
def test_python_numbers_numpy_scalars_and_arrays_give_the_same(expr):
    found = compiled(expr)

    def flat(value):
        return [v for part in value for v in flat(part)] if isinstance(value, list | tuple) else (
            flat(list(value.values())) if isinstance(value, dict) else [value]
        )  # fmt: skip

    for first in NUMBERS:
        for second in NUMBERS:
            want = flat(found(np.array([first]), np.array([second])))
            for kind in (lambda v: v, lambda v: np.asarray(v)[()], np.asarray):
                for got, reference in zip(flat(found(kind(first), kind(second))), want, strict=True):
                    assert reference.dtype.kind == {bool: "b", int: "i", float: "f", complex: "c"}[type(got)]
                    np.testing.assert_allclose(got, reference[0], rtol=1e-13)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (2.0, float),
        (np.float64(2), float),
        (np.array(2.0), float),
        (2, int),
        (np.int64(2), int),
        (np.uint8(2), int),
        (2j, complex),
        (np.complex128(2j), complex),
        (np.float32(2), np.float32),
        (np.float16(2), np.float16),
        (np.longdouble(2), np.longdouble),
        (np.complex64(2), np.complex64),
    ],
)
def test_a_scalar_result_is_a_python_number_where_python_has_its_precision(value, kind):
    assert type(compiled(x * x, x)(value)) is kind
    assert type(compiled([x * x], x)(value)[0]) is kind
    assert type(numpify(x * x)(value)) is kind


def test_what_math_refuses_numpy_answers():
    with np.errstate(all="ignore"):
        assert numpify(1 / x)(0.0) == np.inf
        assert np.isnan(numpify(sp.sqrt(x))(-1.0))
        assert numpify(sp.exp(x))(1000.0) == np.inf
        assert numpify(sp.log(x))(0.0) == -np.inf
    assert type(numpify(1 / x)(2.0)) is float
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert type(numpify(1 / x)(0.0)) is float


def test_an_error_of_a_users_function_is_not_taken_for_a_refusal():
    f = sp.Function("f")

    def refuse(value):
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        numpify(f(x), functions={f: refuse})(1.0)


# -- other numbers ---------------------------------------------------------------------------------------------------


def test_numbers_of_sympy_and_of_the_standard_library():
    f = numpify(sp.sin(x) * y, [x, y])
    want = pytest.approx(np.sin(0.5) * 3)
    for half in (sp.Rational(1, 2), sp.Float(0.5), sp.S.Half + 0, Fraction(1, 2), Decimal("0.5")):
        assert f(half, 3) == want
        assert f(half, sp.Integer(3)) == want
        assert f([half, 0.5], 3)[0] == want
        assert f.freeze(x=half)(3.0) == want
        assert f.freeze(x=DYNAMIC_PARAMETER).set_parameter_context({x: half})(3.0) == want
        assert f.freeze(x=DYNAMIC_PARAMETER).set_parameter_context(Parameters({x: half}))(3) == want
    assert f(sp.pi, 1.0) == pytest.approx(0, abs=1e-15)
    assert numpify(x + 1)(sp.I) == 1 + 1j
    assert numpify(x + 1)(sp.Matrix([[1, 2]])).tolist() == [[2, 3]]


def test_frozen_numbers_count_as_given():
    f = numpify(x**2 + y, [x, y])
    assert f.freeze(x=3)(1.0) == 10.0
    assert type(f.freeze(x=3)(1.0)) is float
    assert f.freeze(x=3)(1) == 10
    assert type(f.freeze(x=3)(1)) is int
    assert f.freeze(x=2**31)(1) == 2**62 + 1  # exact, as integers are
    assert numpify(sp.Mod(x, 2) + y, [x, y]).freeze(x=2**60 + 1)(0.5) == 1.5  # no float is odd there
    assert f.freeze(x=np.float32(3))(np.ones(2, np.float32)).dtype == np.float32
    assert f.freeze(x=np.ones(3))(1.0).tolist() == [2.0] * 3
    assert f.freeze(x=None).frozen_parameters == {x: None}


@pytest.mark.parametrize("make", [dict, Parameters])
def test_a_live_value_of_any_kind(make):
    context = make({a: 2.0})
    f = numpify(a * x + b, [x, a, b]).freeze({b: 1.0, a: DYNAMIC_PARAMETER}).set_parameter_context(context)
    for value, want in ((3.0, 7.0), (4, 9.0), (np.float32(0.5), 2.0), (np.array([1.0, 2.0]), [3.0, 5.0]), (1j, 1 + 2j)):
        context[a] = value
        np.testing.assert_allclose(f(2.0), want)
    assert f(np.array([1.0, 2.0])).tolist() == [1 + 1j, 1 + 2j]


# -- arrays ----------------------------------------------------------------------------------------------------------


def test_the_fast_way_for_doubles_gives_what_the_careful_way_gives():
    found = compiled(x * y + sp.sin(y) / 3)
    u, v = np.linspace(0, 1, 5), np.linspace(1, 2, 5)
    for args in ((u, v), (u, 2.0), (2.0, v), (u, np.float64(2)), (np.float64(2), v)):
        want = np.multiply(*args) + np.sin(args[1]) / 3
        got = found(*args)
        np.testing.assert_allclose(got, want, rtol=1e-15)
        assert got.dtype == np.float64
        assert got.shape == (5,)
        np.testing.assert_array_equal(found(*(np.asarray(p)[..., None] for p in args))[..., 0], got)


def test_integers_are_looked_at_only_where_they_are():
    found = compiled(x * y + sp.Abs(x) / 3)
    found(np.ones(3), 2)
    assert "exact" not in "".join(found.forms.arrays(Integers(2, checked=False)).__code__.co_names)
    assert "exact" in "".join(found.forms.arrays(Integers(3, checked=True)).__code__.co_names)
    assert found(np.arange(3), 2).tolist() == pytest.approx([0, 2 + 1 / 3, 4 + 2 / 3])
    wide = compiled(sum(sp.symbols("q:6")), *sp.symbols("q:6"))
    for mask in range(64):
        args = [1 if mask >> i & 1 else np.ones(2) for i in range(6)]
        np.testing.assert_array_equal(wide(*args), 6)
    texts = {wide.forms.arrays(Integers(mask, checked=False)) for mask in range(64)}
    assert len(texts) <= 9


def test_results_are_the_callers_own():
    values = np.linspace(0, 1, 40_000)
    for expr in (x, sp.floor(x), P((x, x > -1), (sp.log(x), True)), sp.re(x)):
        for array in (values, values.astype(np.int64), values[:10]):
            before = array.copy()
            got = compiled(expr, x)(array)
            got[...] = -1
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    ("expr", "out", "error", "message"),
    [
        (x, 5, TypeError, "cannot write a result of shape .* and dtype float64 into out=5: "),
        (x, [0.0, 0.0, 0.0], TypeError, r"cannot write .* into out=\[0.0, 0.0, 0.0\]: "),
        (x, np.zeros(4), ValueError, r"cannot write .* into out=<float64 array of shape \(4,\)>: "),
        (x, np.zeros(3, int), TypeError, r"cannot write .* into out=<int64 array of shape \(3,\)>: "),
        (sp.I * x, np.zeros(3), TypeError, "cannot write a result of shape .* and dtype complex128 into out="),
        ({"a": x}, np.zeros(3), TypeError, "cannot write a result of type dict into out="),
    ],
    ids=str,
)
def test_what_a_result_cannot_be_written_into(expr, out, error, message):
    before = np.array(out)
    for size in (3, 1 << 17):
        with pytest.raises(error, match=f"^{message}"):
            numpify(expr, [x])(np.ones(size), out=out)
        np.testing.assert_array_equal(np.array(out), before)
