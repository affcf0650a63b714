"""The source: readable, safe, and the same whichever way it is emitted."""

from __future__ import annotations

import ast
import keyword
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given, settings, strategies as st

from numpify_ctx import numpify
from numpify_ctx._compile import compile_expression
from numpify_ctx._emission import emit_arrays, emit_scalars
from numpify_ctx._kinds import ANY, COMPLEX, REAL

from .evalf_oracle import check


x, y, z = sp.symbols("x y z")
P = sp.Piecewise


def source(expr, *arguments):
    return compile_expression(expr, [(a, a.name) for a in arguments or (x, y)]).source


GOLDEN = [
    (sp.exp(-y * x), "def f(x, y):\n    return np.exp(-x*y)\n"),
    (x**2 / 3 - 2 * y + 1, "def f(x, y):\n    return x*x/3 - 2*y + 1\n"),
    (1 / x + y / x**3, "def f(x, y):\n    return 1/x + y/(x*x*x)\n"),
    (sp.asec(-x * y), "def f(x, y):\n    return np.arccos(1/(-x*y + 0))\n"),
    (-(x + y) * (x - y), "def f(x, y):\n    return (x - y)*(-x - y)\n"),
    ((x > 0) & ((y > 1) | (x < y)), "def f(x, y):\n    return (x > 0) & ((y > 1) | (x < y))\n"),
    (sp.sqrt(2) * sp.sqrt(x), "def f(x, y):\n    return 1.4142135623730951*np.sqrt(x)\n"),
    (sp.sin(x + y) ** 2 + sp.sin(x + y), "def f(x, y):\n    t0 = np.sin(x + y)\n    return t0*t0 + t0\n"),
    (P((x, x > 0), (0, True)), "def f(x, y):\n    return np.where(x > 0, x, 0)\n"),
    (
        P((x * y, x > 0), (0, True)),
        'def f(x, y):\n    with np.errstate(all="ignore"):\n        t0 = np.where(x > 0, x*y, 0)\n    return t0\n',
    ),
    (
        P((sp.log(x), x > 0), (y, True)),
        """def f(x, y):
    return piecewise(
        (x, y),
        (0, 0),
        (x, 0.0, y),
        x > 0,
        lambda x, y: np.log(x),
        lambda x, y: y,
    )
""",
    ),
]


@pytest.mark.parametrize(("expr", "text"), GOLDEN)
def test_the_source_is_readable(expr, text):
    assert source(expr) == text


def held(inside):
    """What SymPy leaves as it is: it would take a sign or a factor out of a reciprocal."""
    return sp.UnevaluatedExpr(inside)


arithmetic = st.recursive(
    st.sampled_from([x, y, z, sp.Integer(2), sp.Integer(-3)]),
    lambda e: st.one_of(
        st.builds(lambda a, b: held(a + b), e, e),
        st.builds(lambda a, b: held(a - b), e, e),
        st.builds(lambda a, b: held(a * b), e, e),
        st.builds(lambda a: held(-a), e),
        st.builds(lambda a: held(1 / a), e),
        st.builds(lambda a, b: held(a / b), e, e),
    ),
    max_leaves=8,
)


def exactly(expr, point):
    """The value by fractions, and the largest magnitude on the way to it."""
    if not expr.args:
        value = point[expr] if expr in point else Fraction(int(expr.p), int(expr.q))
        return value, abs(value)
    values, sizes = zip(*(exactly(a, point) for a in expr.args), strict=True)
    match expr:
        case sp.Add():
            value = sum(values)
        case sp.Mul():
            value = math.prod(values)
        case sp.Pow():
            value = values[0] ** int(values[1])
        case _:
            [value] = values
    return value, max(abs(value), *sizes)


@given(arithmetic, st.tuples(*[st.sampled_from([Fraction(n, 4) for n in (-9, -5, -1, 2, 7, 11)])] * 3))
@example(held(1 / held(-x * y)), (Fraction(1, 2), Fraction(7, 4), Fraction(1)))
@example(held(z / held(-2 * y)), (Fraction(1, 2), Fraction(7, 4), Fraction(1)))
def test_operators_bind_as_the_expression_does(expr, values):
    point = dict(zip((x, y, z), values, strict=True))
    try:
        want, size = exactly(expr, point)
    except ZeroDivisionError:
        assume(False)
    assume(size < 1e6 and not expr.has(sp.zoo, sp.nan))
    f = numpify(expr, [x, y, z])
    one, other, last = map(float, values)
    for got in (f(one, other, last), f(*np.array([[one], [other], [last]]))[0], f(np.array([one]), other, last)[0]):
        assert abs(got - float(want)) <= 1e-9 * float(size)


@pytest.mark.parametrize("function", [sp.asec, sp.acsc, sp.asech, sp.acsch, sp.acoth])
@pytest.mark.parametrize("inside", [-2 * x, -x * y, -x / y, 2 - x, -x * (y - 3)])
def test_a_function_of_a_reciprocal(function, inside):
    with np.errstate(invalid="ignore"):
        check(function(inside), [x, y], [np.array([-1.75, -0.25, 0.6, 2.5]), 1.5])
        check(function(inside), [x, y], [-1.75, 1.5])
        check(function(inside), [x, y], [np.array([-1.75 + 0.5j, 0.5 - 0.25j]), 1.5])


def test_scalars_run_over_math():
    program = compile_expression(P((sp.log(x) + sp.sqrt(y), x > 0), (sp.exp(x), True)), ((x, "x"), (y, "y"))).program
    text = emit_scalars(program).text
    assert text == "def f(x, y):\n    return math.sqrt(y) + math.log(x) if x > 0 else math.exp(x)\n"


def test_names_of_parameters_are_never_taken():
    names = ["t0", "t1", "arm0", "k0", "piecewise", "constant", "f", "f_0", "stack", "choose0", "body0", "exact_add"]
    symbols = sp.symbols(names)
    shared = sp.exp(sum(symbols))
    expr = (
        P((sp.log(symbols[0]) * shared, symbols[0] > 0), (shared + shared**2, symbols[0] < 9), (sp.zoo, True))
        + sp.sin(shared) * sp.I
    )
    compiled = compile_expression(expr, list(zip(symbols, names, strict=True)))
    values = np.linspace(-0.5, 0.25, len(names))
    want = complex(expr.subs(dict(zip(symbols, values, strict=True))))
    for found in (compiled(*values.tolist()), compiled(*values[:, None])[0]):
        assert found == pytest.approx(want)


EXPRESSIONS = [
    sp.sin(x) * y + sp.pi, P((sp.log(x), x > 0), (y**2, y > x), (sp.exp(x + y), True)),
    sp.Max(x, y, 1) / sp.Mod(x, 3), x**y + y**x,
    sp.Xor(x > 0, y > 1, x < y), sp.LeviCivita(x, y, 1) + sp.I, sp.Matrix([[x, y], [sp.atan2(x, y), 1]]),
]  # fmt: skip


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_nothing_but_our_names_reaches_the_source(expr):
    program = compile_expression(expr, ((x, "x"), (y, "y"))).program
    for emission in (
        emit_arrays(program, [REAL | COMPLEX] * 2),
        emit_arrays(program, [ANY] * 2),
        emit_arrays(program, [ANY] * 2, checked=False),
        emit_scalars(program),
    ):
        tree = ast.parse(emission.text)
        assert [type(node) for node in tree.body] == [ast.FunctionDef]
        bound = {"x", "y"}
        used = set()
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.FunctionDef(name=name):
                    bound.add(name)
                case ast.Name(id=name):
                    used.add(name)
                case ast.Attribute(value=base):
                    assert isinstance(base, ast.Name)
                    assert base.id in ("np", "math")
        assert used - bound <= emission.namespace.keys() - {"__builtins__"}
        assert emission.namespace["__builtins__"] == {}
        assert not any(keyword.iskeyword(name) for name in bound)


def test_symbols_whose_names_are_code_are_only_symbols():
    evil = sp.Symbol("__import__('os').system('x')")
    function = sp.Function("print(1) or f")
    compiled = compile_expression(function(evil) + evil, ((evil, "a"),), functions={function: np.negative})
    assert compiled(2.0) == 0
    assert "import" not in compiled.source
    assert "print" not in compiled.source


def test_printing_hooks_are_ignored():
    class Hooked(sp.Function):
        def _numpycode(self, printer):
            return "(lambda: 1/0)()"

    class Sine(sp.sin):
        def _numpycode(self, printer):
            return "0"

    for cls in (Hooked, Sine):
        with pytest.raises(ValueError, match=f"there is no NumPy form of '{cls.__name__}'"):
            compile_expression(cls(x), ((x, "x"),))


# Random expressions: scalars, arrays of floats and arrays of integers give the same numbers.

LEAVES = st.sampled_from([x, y, z]) | st.integers(-4, 4).map(sp.Integer) | st.sampled_from(
    [sp.pi, sp.Rational(1, 3), sp.sqrt(2), sp.Float(0.1), sp.E]
)  # fmt: skip


def _grow(inner):
    unary = st.sampled_from(
        [sp.sin, sp.cos, sp.atan, sp.tanh, sp.Abs, sp.sign, sp.floor, sp.ceiling, sp.sinc, lambda a: -a]
    )
    binary = st.sampled_from([
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (2 + b**2), sp.Max, sp.Min,
        lambda a, b: P((a, a > b), (b, True)), lambda a, b: P((sp.sqrt(a), a > 0), (sp.exp(-sp.Abs(b)), True)),
        lambda a, b: a * b**2,
    ])  # fmt: skip
    return st.builds(lambda f, a: f(a), unary, inner) | st.builds(lambda f, a, b: f(a, b), binary, inner, inner)


def at(expr, point):
    """`expr` at a point, exactly, and of a Piecewise the arm that is chosen alone.

    SymPy's `subs` and `xreplace` put numbers into all arms and conditions before they choose, and a comparison of the
    square root of a negative number, in an arm that no one chooses, is an error.
    """
    match expr:
        case P():
            return next((at(value, point) for value, test in expr.args if at(test, point) == sp.true), sp.nan)
        case sp.ITE():
            test, one, other = expr.args
            return at(one if at(test, point) == sp.true else other, point)
        case sp.And() | sp.Or():
            return decided(expr, point)
    return expr.func(*(at(a, point) for a in expr.args)) if expr.args else point.get(expr, expr)


def decided(expr, point):
    """And and Or: one operand may decide alone, and SymPy orders them as it likes."""
    deciding = sp.true if isinstance(expr, sp.Or) else sp.false
    left = []
    for operand in expr.args:
        try:
            value = at(operand, point)
        except TypeError:  # "Invalid comparison of non-real I"
            left.append(operand)
            continue
        if value == deciding:
            return value
    assert not left, f"undecided at {point}: {left}"
    return sp.Not(deciding)


CHOSEN = P((sp.sqrt(y), y > 0), (sp.exp(-sp.Abs(x)), True))


@given(st.recursive(LEAVES, _grow, max_leaves=12), st.tuples(*[st.integers(-3, 3)] * 3))
@example(P((x, x > CHOSEN), (CHOSEN, True)), (0, -1, 0))
@settings(deadline=None)
def test_all_emissions_agree(expr, values):
    compiled = compile_expression(expr, ((x, "x"), (y, "y"), (z, "z")))
    scalar = compiled(*map(float, values))
    forms = {
        "arrays": compiled(*(np.array([float(v)]) for v in values))[0],
        "integers": compiled(*(np.array([v]) for v in values))[0],
        "integer": compiled(*values),
        "NumPy scalars": compiled(*(np.float32(v) for v in values)),
        "mixed": compiled(np.array([float(values[0])]), *values[1:])[0],
    }
    for name, value in forms.items():
        tolerance = 2e-5 if name == "NumPy scalars" else 1e-12
        if name == "NumPy scalars" and expr.has(sp.floor, sp.ceiling, sp.sign, P):
            continue  # a rounding may choose another branch
        assert value == pytest.approx(scalar, rel=tolerance, abs=tolerance), name
    want = complex(at(expr, dict(zip((x, y, z), map(sp.Integer, values), strict=True))).evalf(30))
    assert complex(scalar) == pytest.approx(want, rel=1e-11, abs=1e-11)


def test_a_nested_guard_finds_what_its_arms_share_beneath_what_is_at_hand():
    # Both inner arms need y*z, but only within sqrt(y*z), which the outer selection has computed already.
    root = sp.sqrt(y * z)
    inner = P((1 / (root + 2), y > 0), (1 / (root + 3), True), evaluate=False)
    f = numpify(P((inner, x > 0), (root + 1, True), evaluate=False), [x, y, z])
    xs, ys, zs = np.array([-1.0, 1.0, 1.0]), np.array([4.0, 4.0, -4.0]), np.array([1.0, 4.0, -1.0])
    expected = [3.0, 1 / 6, 1 / 5]
    np.testing.assert_allclose(f(xs, ys, zs), expected)
    assert [f(*point) for point in zip(xs.tolist(), ys.tolist(), zs.tolist(), strict=True)] == pytest.approx(expected)
    large = [np.tile(values, 30_000) for values in (xs, ys, zs)]
    np.testing.assert_allclose(f(*large), np.tile(expected, 30_000))
