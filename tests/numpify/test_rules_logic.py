"""Relations, logic and Piecewise against evalf; and the guards: what is not selected is not run."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st
from sympy.logic.boolalg import Xnor

from numpify_ctx import numpify
from numpify_ctx._compile import compile_expression
from tests.numpify.evalf_oracle import check


x, y, z = sp.symbols("x y z")
A = np.array([-2.5, -1.0, 0.0, 0.25, 3.0])
B = np.array([[0.5], [-1.0], [3.0]])
P = sp.Piecewise


def run(expr, *values, functions=None):
    names = sp.symbols("x y z")[: len(values)]
    return compile_expression(expr, [(s, s.name) for s in names], functions=functions)(*values)


LESS, MORE = x < y, x > 0
LOGIC = [
    x < y, x <= y, x > y, x >= y, sp.Eq(x, y), sp.Ne(x, y), sp.And(LESS, MORE), sp.Or(LESS, MORE),
    sp.Not(sp.And(LESS, MORE)),
    sp.Xor(LESS, MORE), sp.Nand(LESS, MORE), sp.Nor(LESS, MORE), Xnor(LESS, MORE), sp.Implies(LESS, MORE),
    sp.Equivalent(LESS, MORE, y > 1), sp.ITE(MORE, LESS, y > 1), sp.And(MORE, y < 2, LESS),
    sp.Or(x > 2, y < 0, sp.Eq(x, y)),
    sp.Nand(LESS, MORE, evaluate=False), sp.Nor(LESS, MORE, evaluate=False), sp.Implies(LESS, MORE, evaluate=False),
    sp.Contains(x, sp.Interval(0, 1)), sp.Contains(x, sp.Interval.open(-3, 3)), sp.Contains(x, sp.FiniteSet(3, 5)),
    sp.Contains(x, sp.Interval(0, y)), sp.Not(sp.Contains(x, sp.Union(sp.Interval(-5, -2), sp.Interval(2, 5)))),
]  # fmt: skip


@pytest.mark.parametrize("expr", LOGIC)
def test_logic_is_boolean_and_broadcasts(expr):
    check(expr, [x, y], [A, B], kind="b")
    check(expr, [x, y], [A, 0.5], kind="b")
    check(expr, [x, y], [0.25, -1.0], kind="b")
    check(expr, [x, y], [3, 3], kind="b")


@pytest.mark.parametrize(
    ("domain", "want"),
    [
        (sp.S.Integers, [True, False, True, True, True, True]),
        (sp.S.Naturals, [False, False, False, True, True, True]),
        (sp.S.Naturals0, [False, False, True, True, True, True]),
        (sp.S.Reals, [True, True, True, True, True, True]),
        (sp.Range(0, 6, 2), [False, False, True, False, True, False]),
        (sp.Range(6, 0, -2), [False, False, False, False, True, True]),
        (sp.Range(1, sp.oo), [False, False, False, True, True, True]),
        (sp.Intersection(sp.S.Naturals, sp.Interval(1, 5)), [False, False, False, True, True, False]),
    ],
)
def test_membership(domain, want):
    values = [-2, 0.5, 0, 1, 4, 6]
    expr = sp.Contains(x, domain, evaluate=False)
    assert run(expr, np.array(values)).tolist() == want
    assert [run(expr, value) for value in values] == want


@pytest.mark.parametrize(
    "domain",
    [
        sp.S.Reals, sp.S.Integers, sp.S.Naturals, sp.S.Naturals0, sp.Range(0, 6, 2), sp.Interval(0, 2),
        sp.Interval.open(-sp.oo, 3), sp.Union(sp.Interval(0, 1), sp.Interval(2, 3)), sp.Interval(1, y),
    ],
    ids=str,
)  # fmt: skip
def test_no_complex_number_is_in_a_set_of_real_ones(domain):
    at = np.array([2 + 0j, 2 - 1j, 0.5 + 0.25j, 1j])
    compiled = compile_expression(sp.Contains(x, domain), ((x, "x"), (y, "y")))
    assert compiled(at, 5.0).tolist() == [True, False, False, False]
    assert [compiled(z, 5.0) for z in at.tolist()] == [True, False, False, False]
    assert compiled(at.real, 5.0)[0]


def test_a_set_without_a_condition_is_refused():
    with pytest.raises(ValueError, match=r"cannot compile Contains\(x, Rationals\): SymPy has no condition"):
        run(sp.Contains(x, sp.S.Rationals), 1.0)


@pytest.mark.parametrize(
    "expr", [sp.And(x, y), sp.Or(x, ~y), sp.Xor(x, y), sp.Implies(x, y), sp.Equivalent(x, y), sp.ITE(x, y, ~y)]
)
def test_logic_of_boolean_arguments(expr):
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    want = [bool(expr.subs({x: bool(i), y: bool(j)})) for i, j in zip(a, b, strict=True)]
    for values in ((a, b), (a.astype(int), b.astype(float))):
        assert run(expr, *values).tolist() == want
        assert run(expr, *values).dtype == bool
    assert [run(expr, bool(i), bool(j)) for i, j in zip(a, b, strict=True)] == want


def test_relations_chained_through_nan_are_false():
    assert run(x < y, np.array([np.nan, 1.0]), 2.0).tolist() == [False, True]
    assert run(sp.Ne(x, y), np.nan, 2.0)


PIECES = [
    P((x, x > 0), (0, True)), P((x**2, x < 1), (2 * x - 1, True)), P((1, x > 0), (0, True)),
    P((1, x > 0), (x / 2, True)),
    P((sp.log(x), x > 0), (sp.sqrt(-x), x < -1), (7, True)), P((sp.log(x), x > 0), (0, True)) + sp.exp(x),
    P((sp.sin(x) / x, sp.Ne(x, 0)), (1, True)), P((1 / x, sp.Ne(x, 0)), (sp.oo, True)),
    P((sp.log(x), x > y + 1), (sp.log(x) + y, x > 0), (y, True)),
    P((P((sp.log(x), x > 1), (sp.sqrt(x), True)), x > 0), (-x, True)),
    P((sp.exp(x), sp.And(x > 0, y > 0)), (sp.exp(-x), x < 0), (y, True)),
    P((sp.sqrt(y), y > 0), (3, True)) * x, P((1, x > 0)), P((x, x > 100), (y, x > 50)),
    sp.Abs(P((x, x < 0), (sp.log(x), x > 0), (1, True))),
    sp.Max(P((sp.log(x), x > 0), (0, True)), y), P((sp.I, x > 0), (1, True)),
    P((sp.acos(x), sp.Abs(x) <= 1), (sp.acosh(x), x > 1), (0, True)),
]  # fmt: skip


@pytest.mark.parametrize("expr", PIECES)
def test_piecewise_is_guarded(expr):
    """Warnings are errors here: no branch may warn where it is not selected."""
    check(expr, [x, y], [A, B])
    check(expr, [x, y], [A, 0.5])
    check(expr, [x, y], [np.array([[2.0]]), A])
    check(expr, [x, y], [A[:0], 1.0])
    for value in A.tolist():
        check(expr, [x, y], [value, 0.5])


@pytest.mark.parametrize("expr", PIECES)
def test_the_dtype_of_piecewise_does_not_depend_on_what_is_selected(expr):
    kinds = {
        run(expr, np.array(values), 1.0).dtype for values in ([1.5], [-1.5], [0.0], [-0.5], [0.5], [-1.5, 1.5, 0.0])
    }
    assert len(kinds) == 1
    kinds = {type(run(expr, value, 1.0)) for value in (1.5, -1.5, 0.0, -0.5, 0.5)}
    assert kinds in ({float}, {int}) or expr.has(sp.I)


def test_no_branch_runs_whose_condition_is_false_everywhere():
    calls = []

    def note(values):
        calls.append(np.array(values))
        return values * 2

    f = sp.Function("f")
    expr = P((f(x), x > 0), (sp.exp(x), True))
    run(expr, -np.ones(5), functions={f: note})
    run(expr, -1.0, functions={f: note})
    assert calls == []
    got = run(expr, np.array([-1.0, 2.0, -3.0, 4.0]), functions={f: note})
    assert calls[0].tolist() == [2.0, 4.0]  # and it sees the elements that select it, no others
    np.testing.assert_allclose(got, [np.exp(-1), 4.0, np.exp(-3), 8.0])


def test_conditions_run_only_where_no_earlier_one_is_true():
    expr = P((0, x <= 0), (1, sp.log(x) > 1), (2, True))
    assert run(expr, np.array([-1.0, 0.0, 1.0, 5.0])).tolist() == [0, 0, 2, 1]
    assert [run(expr, v) for v in (-1.0, 0.0, 1.0, 5.0)] == [0, 0, 2, 1]


def test_sharing_does_not_hoist_out_of_guards():
    inner = sp.log(x)
    expr = P((inner + 1, x > 2), (inner * 2, x > 0), (x, True))
    check(expr, [x], [A])
    check(expr, [x], [-1.0])
    # What is needed outside as well, or by every branch, is computed once.
    calls = []

    def note(values):
        calls.append(1)
        return values

    f = sp.Function("f")
    run(P((f(x) + 1, x > 2), (f(x) * 2, True)), A, functions={f: note})
    assert len(calls) == 1
    run(P((f(x) + sp.exp(x), x > 2), (sp.exp(2 * x), x > 0), (0, True)) - f(x), A, functions={f: note})
    assert len(calls) == 2


def test_what_is_selected_does_warn():
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        run(P((sp.log(x), x >= 0), (0, True)), A)


def test_piecewise_of_integers_stays_exact():
    """What is not selected may overflow: the others stay integers."""
    assert run(P((x + 1, x > 0), (x * x, True)), np.array([-3, 2**60, 5])).tolist() == [9, 2**60 + 1, 6]
    check(P((x**2, x > 0), (0, True)), [x], [np.array([-3, 2**40, 5])])


def test_a_spline_of_many_pieces():
    pieces = [(sp.sqrt(x - k) * k, x < k + 1) for k in range(200)]
    expr = P(*pieces, (0, True), evaluate=False)
    values = np.array([0.5, 17.25, 199.5, 1000.0])
    got = run(expr, values)
    np.testing.assert_allclose(got, [0.0, np.sqrt(0.25) * 17, np.sqrt(0.5) * 199, 0.0])
    assert run(expr, 17.25) == pytest.approx(np.sqrt(0.25) * 17)


def _both(inner, k, value=None):
    return (
        P((inner + 1, x > k), (inner + 2, True), evaluate=False) if value is None else inner + (1 if value > k else 2)
    )


def _once(inner, k, value=None):
    if value is None:
        return P((sp.cos(inner, evaluate=False), x < k), (sp.Rational(1, 2), True), evaluate=False)
    return np.cos(inner) if value < k else 0.5


def _twice(inner, k, value=None):
    if value is None:
        one, other = sp.cos(inner, evaluate=False), sp.sin(inner, evaluate=False)
        return P((one, x < k), (other, x < 2 * k), (0, True), evaluate=False)
    return np.cos(inner) if value < k else np.sin(inner) if value < 2 * k else 0.0


@pytest.mark.parametrize("step", [_both, _once, _twice])
@pytest.mark.parametrize("levels", [5, 60, 1000])
def test_deep_nests_of_piecewise(step, levels):
    """No nesting overflows the stack, and none blows up, though inner ones stand in several branches."""
    values = np.array([-1.0, 0.25, 1.75, 6.0, 700.0])
    expr, want = x, list(values)
    for k in range(levels):
        expr = step(expr, k)
        want = [step(w, k, v) for w, v in zip(want, values, strict=True)]
    compiled = compile_expression(expr, ((x, "x"),))
    assert len(compiled.source) < 200 * levels + 20_000
    np.testing.assert_allclose(compiled(values), want, rtol=1e-12)
    np.testing.assert_allclose([compiled(v) for v in values.tolist()], want, rtol=1e-12)


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.sampled_from(["lt", "gt", "eq"]), st.integers(-3, 3)), min_size=1, max_size=6
    )
)
def test_piecewise_takes_the_first_true_condition(rules):
    relation = {"lt": sp.Lt, "gt": sp.Gt, "eq": sp.Eq}
    expr = P(*((value + sp.exp(x), relation[r](x, bound)) for value, r, bound in rules), (sp.exp(x), True))
    check(expr, [x], [np.arange(-4, 5)])


# -- guards that are operands of And and Or ---------------------------------------------------------------------------

EVERYWHERE = np.array([-4.0, -1.0, 0.0, 0.25, 3.0])
MANY_TIMES = np.tile(EVERYWHERE, 8000)  # in blocks


@pytest.mark.parametrize("at", [EVERYWHERE, MANY_TIMES, 0.0, 0, -1, np.array([0, 2, -3]), np.float32([0, -1])])
@pytest.mark.parametrize(
    ("expr", "want"),
    [
        (sp.And(sp.Ne(x, 0), 1 / x > 1), lambda v: v != 0 and 1 / v > 1),
        (sp.Or(sp.Eq(x, 0), 1 / x > 1), lambda v: v == 0 or 1 / v > 1),
        (sp.And(x > 0, sp.log(x) > 0, sp.sqrt(x) < 3), lambda v: 1 < v < 9),
        (sp.Not(sp.And(sp.Ne(x, 0), 1 / x > 1)), lambda v: v == 0 or 1 / v <= 1),
        (sp.Implies(x > 0, sp.log(x) > 1), lambda v: v <= 0 or v > np.e),
        (sp.Nand(sp.log(x) > 1, x > 0, evaluate=False), lambda v: v <= np.e),
        (sp.Or(x <= 0, sp.And(sp.log(x) < 1, 1 / sp.log(x) < 3)), lambda v: v < 1 or np.exp(1 / 3) < v < np.e),
        (sp.Piecewise((1, sp.And(sp.Ne(x, 0), 1 / x > 1)), (0, True)), lambda v: int(v != 0 and 1 / v > 1)),
        (
            sp.Piecewise((x, x > 2), (sp.log(x), sp.And(x > 0, sp.log(x) < 3)), (0, True)),
            lambda v: v if v > 2 else np.log(v) if v > 0 else 0,
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, sp.Basic) else "by hand",
)
def test_what_another_operand_decides_warns_of_nothing(expr, want, at):
    got = np.atleast_1d(compile_expression(expr, ((x, "x"),))(at))
    values = np.atleast_1d(at).tolist()
    np.testing.assert_allclose(got, [want(value) for value in values], rtol=1e-6)


def test_the_order_of_the_operands_does_not_matter():
    for order in ((sp.Ne(x, 0), 1 / x > 1, y > 0), (y > 0, 1 / x > 1, sp.Ne(x, 0))):
        expr = sp.And(*order, evaluate=False)
        assert compile_expression(expr, ((x, "x"), (y, "y")))(np.array([0.0, 0.5]), 1.0).tolist() == [False, True]


@pytest.mark.parametrize("values", [np.array([0.0, 0.5, -2.0]), np.tile([0.0, 0.5, -2.0], 1 << 15)], ids=len)
def test_what_an_arm_shares_with_an_operand_of_and_stays_in_the_arm(values):
    ratio = sp.sin(x) / x
    expr = P((ratio + 2, sp.Ne(x, 0)), (P((x, sp.And(sp.Ne(x, 0), ratio > 0, evaluate=False)), (1, True)), True))
    got = compile_expression(expr, ((x, "x"),))(values)
    np.testing.assert_allclose(got[:3], [1, math.sin(0.5) / 0.5 + 2, math.sin(2) / 2 + 2], rtol=1e-15)


@pytest.mark.parametrize("at", [EVERYWHERE, MANY_TIMES])
@pytest.mark.parametrize("results", [lambda guarded: [guarded, 1 / x], lambda guarded: [1 / x, guarded]])
def test_what_is_also_wanted_for_itself_does_warn(results, at):
    compiled = compile_expression(results(sp.And(sp.Ne(x, 0), 1 / x > 1)), ((x, "x"),))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        compiled(at)


def test_a_guard_of_one_argument_silences_what_is_computed_of_another():
    """The scalar side of a large call is computed before the blocks."""
    compiled = compile_expression(sp.And(y > 0, sp.log(y) > x), ((x, "x"), (y, "y")))
    assert not compiled(MANY_TIMES, np.array([[-1.0]])).any()


def test_conditions_that_cannot_warn_stay_plain():
    assert compile_expression(sp.And(x > 0, x < 1), ((x, "x"),)).source.count("\n") == 2


SHAPES = [(7,), (3, 4), (2, 1, 5)]
ARMS = [
    ((x**2, x < -0.5), (sp.sin(x), x < 0.5), (sp.exp(-x), True)),
    ((sp.log(x), x > 0), (sp.sqrt(-x), x < -1), (2, True)),
    ((sp.sin(x) * y, x > y), (sp.log(y), sp.And(y > 0, x < 5)), (x, y > 100), (sp.cos(y), True)),
    ((sp.exp(x), y > 1), (sp.sin(x), x > 0), (sp.nan, True)),
]


@pytest.mark.parametrize("arms", ARMS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_is_selected_is_the_first_true_arm_in_all_layouts(arms, shape):
    expr = sp.Piecewise(*arms, evaluate=False)
    f = numpify(expr, [x, y], cache=False, native=False)
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-2, 2, (2, *shape))
    layouts = [(a, b), (np.asfortranarray(a), b), (a[::-1], b[::-1]), (a, 0.75), (a, b[:1]), (np.abs(a), np.abs(b))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no arm is computed where it is not selected
        for values in layouts:
            for _ in range(3):
                got = f(*values)
                full = np.broadcast_arrays(*values)
                want = [_first(arms, float(p), float(q)) for p, q in zip(*(v.ravel() for v in full), strict=True)]
                np.testing.assert_allclose(got.ravel(), want, rtol=1e-14)
                assert got.shape == full[0].shape
                assert not any(np.shares_memory(got, v) for v in values if np.ndim(v))


def _first(arms, p, q):
    for value, condition in arms:
        if sp.sympify(condition).subs({x: p, y: q}) == sp.true:
            return float(sp.sympify(value).subs({x: p, y: q}))
    return math.nan
