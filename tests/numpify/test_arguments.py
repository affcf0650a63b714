"""What may be an argument, and in which order what is not listed comes."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from sympy.tensor.array.expressions import ArraySymbol

from numpify_ctx import CompileError, numpify
from numpify_ctx._symbolic.arguments import ordered_arguments
from numpify_ctx._symbolic.free import free_arguments
from numpify_ctx._symbolic.names import call_signature, own_name
from numpify_ctx._symbolic.text import describe, is_short
from tests.numpify.test_names import compiles_as_parameter


t, n = sp.symbols("t n")
f = sp.Function("f")


# ---------------------------------------------------------------------- other arguments than symbols


@pytest.mark.parametrize(
    ("arg", "name"),
    [
        (f(t), "f"),
        (sp.Function("2 f")(t), "_2_f__"),
        (f(t).diff(t), "df_dt"),
        (f(t).diff(t, 3), "d3f_dt3"),
        (f(t, n).diff(t, n), "d2f_dndt"),
        (sp.Derivative(f(t), (t, n)), "dnf_dtn"),
        (sp.MatrixSymbol("A b", 2, 2), "A_b__"),
        (sp.MatrixSymbol("A", 2, 2)[0, 1], "A_0_1"),
        (sp.IndexedBase("A")[n, 2], "A_n_2"),
        (sp.IndexedBase("A")[-1], "A_m1"),
        (sp.IndexedBase("A")[n + 1], "A_Add"),
        (sp.IndexedBase("np"), "np__"),
        (sp.Idx("i"), "i"),
        (ArraySymbol("B", (2, 3)), "B"),
        (sp.Dummy("x"), "x"),
        (sp.Wild("w"), "w"),
    ],
)
def test_what_has_a_name_can_be_an_argument(arg, name):
    assert call_signature([arg]) == ((arg, name),)
    assert compiles_as_parameter(name)


def test_applications_of_one_function_share_its_name():
    assert [name for _, name in call_signature([f(t), f(0), sp.Symbol("f")])] == ["f__0", "f__1", "f__2"]


@pytest.mark.parametrize(
    ("arg", "message"),
    [
        (t + 1, r"cannot take t \+ 1 as a parameter: it is of type Add"),
        (sp.Integer(2), "cannot take 2 as a parameter: it is of type Integer"),
        (sp.pi, "cannot take pi as a parameter: it is of type Pi"),
        ("x=1", r"cannot take 'x=1' as a parameter: strings are never read as code; pass Symbol\('x=1'\)"),
        (1.5, "cannot take 1.5 as a parameter: it is of type float"),
        (sp.sin(t), r"cannot take sin\(t\) as a parameter: it is of type sin"),
    ],
)
def test_what_cannot_be_an_argument(arg, message):
    with pytest.raises(CompileError, match=message):
        own_name(arg)
    with pytest.raises(CompileError, match=message):
        numpify(t, [t, arg])


def test_an_argument_listed_twice():
    with pytest.raises(CompileError, match="cannot take parameter t twice: args are t, n, t; list it once"):
        numpify(t + n, [t, n, t])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("x y", "cannot take args='x y': strings are never read as names"),
        ({t, n}, "cannot take args of type set: it has no order"),
        ({t: 1}, "cannot take args of type dict: it has no order"),
        (frozenset([t]), "cannot take args of type frozenset: it has no order"),
        (5, "cannot take args=5: it is of type int"),
    ],
)
def test_args_that_are_no_ordered_collection(args, message):
    with pytest.raises(CompileError, match=message):
        numpify(t, args)


def test_args_may_be_any_ordered_collection():
    for args in ([t, n], (t, n), sp.Tuple(t, n), iter([t, n]), sp.Matrix([t, n]), np.array([t, n], dtype=object)):
        assert ordered_arguments(args) == (t, n)
    assert ordered_arguments(sp.MatrixSymbol("A", 2, 2)) == (sp.MatrixSymbol("A", 2, 2),)
    assert ordered_arguments(f(t)) == (f(t),)
    assert ordered_arguments([]) == ()


# ---------------------------------------------------------------------- the order of what is left out


x, y, z = sp.symbols("x y z")
i, k = sp.symbols("i k")
A = sp.IndexedBase("A")
M = sp.MatrixSymbol("M", n, n)
F = sp.Function("F")


@pytest.mark.parametrize(
    "expr",
    [
        x + y * z,
        sp.Integer(3),
        F(x) + F(y).diff(y),
        sp.Sum(k * x, (k, 1, n)),
        sp.Sum(k * i, (k, 1, i), (i, 1, n)),
        sp.Sum(k * i, (i, 1, n), (k, 1, i)),
        sp.Sum(k, (k, k, n)),
        k + sp.Sum(k, (k, 1, n)),
        sp.Integral(x * y, x),
        sp.Integral(x * y, (x, 0, y), (y, 0, z)),
        sp.Product(k + x, (k, 1, sp.Sum(k, (k, 1, n)))),
        sp.Lambda(x, x + y),
        sp.Subs(sp.Derivative(F(x), x) * y, x, z),
        sp.Limit(sp.sin(x) / x, x, y),
        sp.Derivative(F(x), (x, n)),
        sp.Piecewise((x, y > 0), (z, True)),
        M * M.T + M,
        M[0, 1] + x,
        sp.Matrix([[x, y], [1, 2]]),
        sp.ImmutableMatrix([[x, sp.Sum(k, (k, 1, n))]]),
        sp.Array([x, [y][0]]),
        sp.ITE(x > 0, y > 0, z > 0),
    ],
    ids=str,
)
def test_what_is_free_is_what_sympy_calls_free(expr):
    assert set(free_arguments(expr)) == set(expr.free_symbols)


def test_indexed_bases_stand_for_their_elements():
    j = sp.Idx("j")
    assert set(free_arguments(A[k] + x)) == {A, k, x}
    assert set(free_arguments(sp.Sum(A[j], (j, 0, 3)))) == {A}
    assert set(free_arguments(A[j])) == {A, j}


def test_an_array_symbol_stands_for_itself():
    array = ArraySymbol("B", (2, 3))
    assert free_arguments(array) == (array,)


def test_collections():
    assert free_arguments([x, (y, {"a": z}), sp.Tuple(k), 3, sp.Dict({i: n})]) == (k, n, x, y, z)


def test_order_is_by_name():
    assert numpify(z + y * x**2 + sp.Symbol("a")).parameters == (sp.Symbol("a"), x, y, z)
    assert numpify(sp.Symbol("x10") + sp.Symbol("x2") + sp.Symbol("X")).parameter_names == ("X", "x10", "x2")


def test_order_among_one_name():
    twins = [sp.Symbol("x", **given) for given in ({}, {"positive": True}, {"real": True}, {"integer": True})]
    first, second = sp.Dummy("x"), sp.Dummy("x")
    orders = {
        free_arguments([sp.Add(*some, evaluate=False), sp.Mul(*some[::-1], evaluate=False)])
        for some in itertools.permutations([*twins, second, first])
    }
    assert len(orders) == 1
    (order,) = orders
    assert order.index(first) < order.index(second)


def test_order_does_not_hang_on_hashes():
    """SymPy hashes by string, so another hash seed makes every set of symbols come out otherwise."""
    script = (
        "import sympy as sp; from numpify_ctx import numpify\n"
        "x = [sp.Symbol('x', **{fact: True}) for fact in ('real', 'integer', 'positive', 'complex', 'odd', 'prime')]\n"
        "f = numpify(sum(k * s for k, s in enumerate([*x, *sp.symbols('b a c')], 1)))\n"
        "print([(sorted(s.assumptions0.items()), n) for s, n in f.call_signature])"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1
    assert "x__5" in seen.pop()


def test_a_root_of_a_polynomial_needs_no_variable():
    root = sp.CRootOf(y**5 - y - 1, 0)
    assert free_arguments(root + x) == (x,)
    assert numpify(root + x)(1.0) == pytest.approx(float(root.evalf(20)) + 1, rel=1e-15)


def test_depth_and_sharing_cost_nothing():
    deep = x
    for _ in range(10_000):
        deep = sp.Add(sp.Mul(y, deep, evaluate=False), 1, evaluate=False)
    assert free_arguments(deep) == (x, y)
    shared = x
    for _ in range(60):
        shared = sp.Mul(sp.Add(shared, y, evaluate=False), sp.Add(shared, z, evaluate=False), evaluate=False)
    assert free_arguments(shared) == (x, y, z)
    assert describe(shared) == "Mul(...)"
    assert describe(deep) == "Add(...)"


def test_messages_print_short_expressions_and_only_name_the_class_of_long_ones():
    assert describe(x + 1) == "x + 1"
    assert describe([x, 1]) == "[x, 1]"
    assert describe(list(range(100))) == "list(...)"
    assert is_short(sp.Matrix([[x, y]]))
    assert not is_short(sp.ones(10, 10))
