"""Functions pickle and copy: across processes, with their bindings, and with the expression exactly as it was."""

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from sympy.core.cache import clear_cache
from sympy.core.function import AppliedUndef
from sympy.tensor.array.expressions import ArraySymbol
from sympy.utilities.lambdify import implemented_function

from numpify_ctx import DYNAMIC_PARAMETER, BindingError, CompileError, Parameters, numpify
from numpify_ctx._symbolic.pickling import pack, unpack


x, y, lam = sp.symbols("x y lambda")
n, k = sp.symbols("n k", integer=True)
F = sp.Function("F")


def triple(value):
    return 3 * value


def again(thing):
    return pickle.loads(pickle.dumps(thing))


def identical(one, other):
    """Same classes and parts all the way down, by a walk of its own; `==` alone does not see what is unevaluated."""
    stack, seen = [(one, other)], set()
    while stack:
        a, b = stack.pop()
        if (id(a), id(b)) in seen:
            continue
        seen.add((id(a), id(b)))
        if type(a) is not type(b) and not (isinstance(a, AppliedUndef) and type(a).__name__ == type(b).__name__):
            return False
        if isinstance(a, dict):
            if list(a) != list(b):
                return False
            stack.extend(zip(a.values(), b.values(), strict=True))
        elif isinstance(a, list | tuple) or (isinstance(a, sp.Basic) and a.args):
            ones, others = (a.args, b.args) if isinstance(a, sp.Basic) else (a, b)
            if len(ones) != len(others):
                return False
            stack.extend(zip(ones, others, strict=True))
        elif a != b:
            return False
    return True


def test_the_walk_sees_what_is_unevaluated():
    assert not identical(sp.Add(x, x, evaluate=False), 2 * x)
    assert not identical([x], (x,))
    assert not identical(x, sp.Symbol("x", real=True))
    assert identical(x + 1, 1 + x)


unevaluated = [
    sp.Add(x, x, evaluate=False),
    sp.Mul(2, sp.Add(x, 1, evaluate=False), 3, evaluate=False),
    sp.sin(0, evaluate=False),
    sp.Pow(sp.Pow(x, 2, evaluate=False), sp.Rational(1, 2), evaluate=False),
    sp.exp(sp.log(x), evaluate=False),
    sp.Max(x, x + 1, evaluate=False),
    sp.Add(1, 2, sp.Mul(x, 0, evaluate=False), evaluate=False),
]
expressions = [
    *unevaluated,
    sp.Integer(3),
    x,
    x**2 * sp.exp(-y) / sp.sqrt(2),
    sp.Float("0.1", 40) * x,
    sp.Piecewise((x, x > 0), (sp.Piecewise((y, y < 1), (0, True)), True)),
    sp.Sum(k * x, (k, 1, n)),
    sp.Integral(sp.exp(-x * y), (y, 0, 1)),
    sp.ITE(x > 0, y > 0, y < 0),
    sp.And(x > 0, sp.Or(y > 0, sp.Not(sp.Eq(x, y)))),
    sp.Matrix([[x, 1], [y, x + y]]),
    sp.ImmutableMatrix([[x, 1], [y, x + y]]),
    sp.Array([[x, 1], [y, 2]]),
    sp.MatrixSymbol("A", 2, 2) * sp.MatrixSymbol("A", 2, 2).T,
    sp.IndexedBase("A")[k] + k,
    sp.Derivative(F(x), x) + F(x) + F(0),
    sp.Lambda(x, x + 1),
    ArraySymbol("B", (2, 2)),
    sp.Symbol("x", positive=True) + x,
    sp.Dummy("x") + x,
    sp.KroneckerDelta(k, n),
    sp.Mod(x, 3, evaluate=False),
    [x, (y, {"a": x + y, 3: sp.Add(x, x, evaluate=False)})],
]


@pytest.mark.parametrize("expr", expressions, ids=str)
def test_expressions_come_back_as_they_were(expr):
    back = unpack(again(pack(expr)))
    assert identical(back, expr)
    assert isinstance(expr, list) or back == expr


@pytest.mark.parametrize("expr", expressions, ids=str)
def test_equal_expressions_are_packed_alike(expr):
    """Whatever SymPy's cache holds: which of their equal parts are one object is chance."""
    first = pack(expr)
    clear_cache()
    back = unpack(again(first))
    for twin in (pack(expr), pack(back), pack(unpack(again(pack(back))))):
        assert described(twin) == described(first)
    together = pack((expr, back))
    assert len(together) - len(first) <= (1 if isinstance(expr, sp.Basic) else len(first) + 1)


def described(packed):
    return [(repr(build), type(content), content) for build, content in packed]


def test_sympy_alone_would_not_do():
    """The reason for all this; if it ever fails, SymPy has become better."""
    assert all(again(expr) != expr for expr in unevaluated[:3])


def deep(levels):
    expr = x
    for _ in range(levels):
        expr = sp.Add(sp.Mul(y, expr, evaluate=False), 1, evaluate=False)
    return expr


def test_depth_does_not_matter():
    expr = deep(10_000)
    function = numpify(expr, [x, y])
    back = again(function)
    assert identical(back.symbolic, expr)
    assert back(1.0, 0.5) == function(1.0, 0.5) == pytest.approx(2.0)


def test_sharing_is_kept():
    expr = x
    for _ in range(60):
        expr = sp.Mul(sp.Add(expr, 1, evaluate=False), sp.Add(expr, -1, evaluate=False), evaluate=False)
    back = again(numpify(expr))
    assert len(pickle.dumps(back)) < 20_000
    assert back(0.5) == numpify(expr)(0.5)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_functions(protocol):
    function = numpify(x - 2 * lam, [x, lam])
    back = pickle.loads(pickle.dumps(function, protocol))
    assert back.call_signature == function.call_signature
    assert back.symbolic == function.symbolic
    assert back.source == function.source
    assert back(5.0, 1.0) == 3.0


def test_bound_functions():
    knobs = Parameters({lam: 1.0})
    bound = numpify(x - 2 * lam + y, [x, lam, y]).freeze({y: 100.0, lam: DYNAMIC_PARAMETER}).bind(knobs)
    back = again(bound)
    assert back.free_call_signature == bound.free_call_signature
    assert back.frozen_parameters == {y: 100.0}
    assert back.dynamic_parameters == (lam,)
    assert back(5.0) == 103.0
    knobs[lam] = 2.0
    assert (bound(5.0), back(5.0)) == (101.0, 103.0), "the copy has its own context"
    back.parameter_context[lam] = 3.0
    assert back(5.0) == 99.0


def test_a_function_and_its_bound_ones_stay_one_family():
    function = numpify(x + y)
    back, bound = again([function, function.freeze(x=1.0)])
    assert bound.parent is back


def test_arguments_of_every_kind():
    f = sp.Function("f")(x)
    function = numpify(f + f.diff(x) + sp.Symbol("f"), [f, f.diff(x), sp.Symbol("f")])
    back = again(function)
    assert back.parameter_names == ("f__0", "df_dx", "f__1")
    assert back(1.0, 2.0, 3.0) == 6.0
    assert again(function.freeze({f: 1.0, f.diff(x): 2.0}))(3.0) == 6.0


def test_custom_functions():
    assert again(numpify(F(x) + 1, functions={F: triple}))(2.0) == 7.0
    assert again(numpify(F(x) + 1, functions={F: np.cbrt}))(8.0) == 3.0
    named = implemented_function("named", triple)
    assert again(numpify(named(x) + 1))(2.0) == 7.0


@pytest.mark.parametrize("make", [lambda: {F: lambda v: v}, lambda: None], ids=["functions", "implemented"])
def test_a_lambda_does_not_pickle_and_says_so(make):
    expr = F(x) if make() else implemented_function("g", lambda v: v)(x)
    function = numpify(expr, functions=make())
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(function)
    assert function(2.0) == 2.0


def test_across_processes(tmp_path):
    bound = numpify(x * sp.exp(-lam) + sp.pi, [x, lam]).freeze({lam: DYNAMIC_PARAMETER}).bind(Parameters({lam: 1.5}))
    path = tmp_path / "bound.pickle"
    path.write_bytes(pickle.dumps(bound))
    script = (
        "import pickle, sys; f = pickle.load(open(sys.argv[1], 'rb')); "
        "print(f(2.0)); print(f); f.parameter_context[f.parameters[1]] = 0.0; print(f(2.0))"
    )
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, path], capture_output=True, text=True, check=True
    )
    value, shown, zero = out.stdout.splitlines()
    assert float(value) == bound(2.0)
    assert shown == repr(bound)
    assert float(zero) == 2.0 + math.pi


def test_copies():
    function = numpify(x + y)
    assert copy.copy(function) is copy.deepcopy(function) is function
    array, knobs = np.zeros(2), Parameters({y: 1.0})
    bound = function.freeze({x: array, y: DYNAMIC_PARAMETER}).bind(knobs)
    assert copy.copy(bound) is bound
    twin = copy.deepcopy(bound)
    array += 10.0
    knobs[y] = 2.0
    assert bound().tolist() == [12.0, 12.0]
    assert twin().tolist() == [1.0, 1.0]
    assert twin.parent is function
    together = copy.deepcopy({"knobs": knobs, "bound": bound})
    assert together["bound"].parameter_context is together["knobs"]


def test_errors_pickle():
    for kind in (CompileError, BindingError):
        error = again(kind("what was asked: the fact"))
        assert type(error) is kind
        assert str(error) == "what was asked: the fact"
