"""The program: sharing, depth, constants, bound variables; no text."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify
from numpify_ctx._compile import compile_expression
from numpify_ctx._errors import CompileError
from numpify_ctx._kinds import BOOL, COMPLEX, INT, NUMBER, REAL, arithmetic, floating, promote
from numpify_ctx._lowering.rule import Rule, Under
from numpify_ctx._lowering.rules import RULES
from numpify_ctx._lowering.walk import lower
from numpify_ctx._program.builder import Builder
from numpify_ctx._program.ir import CONST, PARAM, Math, Numpy, Op, Operator, infer_kinds
from numpify_ctx._program.ops import DIV, MUL, NEG, POW, SELECT


x, y = sp.symbols("x y")


def program(expr, *arguments):
    return lower(expr, [(a, f"p{i}") for i, a in enumerate(arguments or (x, y))], RULES, {})


def live(found):
    """The operations that the results need."""
    seen, todo = set(), list(found.results)
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(found.args[node])
    return [found.ops[n].name for n in sorted(seen) if found.ops[n] not in (PARAM, CONST)]


def test_equal_subexpressions_are_one_node_also_as_different_objects():
    one, two = sp.Add._from_args((x, y)), sp.Add._from_args((x, y))
    assert one is not two
    assert live(program([sp.Mul._from_args((one, x)), sp.Mul._from_args((two, x)), two])) == ["add", "mul"]


def test_powers_share_their_squares():
    found = live(program([x**2, x**4, x**5]))
    assert found == ["mul"] * 3


def test_operands_come_before_their_users():
    found = program(sp.sin(x * y) ** 3 + sp.cos(x * y) / y)
    assert all(a < node for node, args in enumerate(found.args) for a in args)


@pytest.mark.parametrize("depth", [10_000])
def test_depth_is_no_limit(depth):
    chain = shared = x
    for _ in range(depth):
        chain = sp.sin(chain, evaluate=False)
        shared = sp.Add(shared, sp.Mul(shared, sp.Rational(1, 2), evaluate=False), evaluate=False)
    compiled = compile_expression(chain, ((x, "x"),))
    assert len(compiled.program.ops) == depth + 1
    found = compiled(0.5)
    want = 0.5
    for _ in range(depth):
        want = np.sin(want)
    assert found == pytest.approx(want, rel=1e-9)
    assert len(compile_expression(shared, ((x, "x"),)).program.ops) <= 3 * depth


def test_a_tree_of_2_to_the_60_nodes_is_a_program_of_60():
    expr = x
    for _ in range(60):
        expr = sp.cos(sp.Add(expr, sp.Mul(2, expr, evaluate=False), evaluate=False), evaluate=False)
    assert len(live(program(expr))) == 180
    want = 0.3
    for _ in range(60):
        want = np.cos(3 * want)
    assert compile_expression(expr, ((x, "x"),))(0.3) == pytest.approx(want)


def test_wide_sums_and_products():
    terms = [sp.sin(k * x) for k in range(1, 3001)]
    f = compile_expression(sp.Add(*terms, evaluate=False), ((x, "x"),))
    assert f(0.25) == pytest.approx(np.sin(0.25 * np.arange(1, 3001)).sum(), rel=1e-10)
    assert f(np.array([0.25])) == pytest.approx(np.sin(0.25 * np.arange(1, 3001)).sum(), rel=1e-10)
    g = compile_expression(sp.Mul(*(sp.cosh(x / k) for k in range(1, 501)), evaluate=False), ((x, "x"),))
    assert g(0.25) == pytest.approx(np.prod(np.cosh(0.25 / np.arange(1, 501))), rel=1e-10)


def test_symbols_are_told_apart_by_identity():
    positive = sp.Symbol("x", positive=True)
    dummies = sp.Dummy("x"), sp.Dummy("x")
    f = compile_expression(x + 10 * positive + 100 * dummies[0] + 1000 * dummies[1], [
        (x, "a"), (positive, "b"), (dummies[0], "c"), (dummies[1], "d"),
    ])  # fmt: skip
    assert f(1, 2, 3, 4) == 4321
    with pytest.raises(CompileError, match=r"cannot compile x: .* different assumptions"):
        program(x + positive, x)


def test_applied_functions_and_derivatives_are_arguments():
    t = sp.Symbol("t")
    f = sp.Function("f")
    arguments = [(t, "t"), (f(t), "f"), (f(t).diff(t), "df"), (f(2 * t), "f2")]
    expr = t + 10 * f(t) + 100 * f(t).diff(t) + 1000 * f(2 * t)
    assert compile_expression(expr, arguments)(1, 2, 3, 4) == 4321


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (x + sp.Symbol("q"), r"cannot compile q: it is not an argument \(the arguments are x, y\); add it to args"),
        (sp.Function("f")(x), r"cannot compile f\(x\): it is not an argument .* functions=\{f: a NumPy function\}"),
        ("x + 1", r"cannot compile the string 'x \+ 1': strings are never evaluated"),
        (object(), r"cannot compile object .*: it is not a SymPy expression"),
        (sp.Order(x), r"cannot compile O\(x\): it stands for the terms that a series leaves out; call .removeO\(\) f"),
    ],
)
def test_what_cannot_be_compiled_is_refused_while_compiling(expr, message):
    with pytest.raises(CompileError, match=message):
        program(expr)


def test_the_builder_simplifies_what_costs_nothing():
    b = Builder(["x", "y"])
    p, q = b.param(0), b.param(1)
    zero, one, two = b.const(0), b.const(1), b.const(2)
    assert b.add(p, zero) == p
    assert b.mul(p, one) == p
    assert b.neg(b.neg(p)) == p
    assert b.add(one, one) == two
    assert b.ops[b.mul(b.const(-1), p)] is NEG
    assert b.ops[b.mul(p, b.div(one, q))] is DIV
    assert b.pow(p, one) == p
    assert b.ops[b.pow(p, two)] is MUL
    assert b.ops[b.pow(p, q)] is POW
    assert b.data[b.sub(p, q)] == (False, True)
    assert b.select(b.const(True), p, q) == p
    assert b.select(b.const(False), p, q) == q
    condition = b.truth(p)
    assert b.select(condition, q, q) == q
    assert b.ops[b.select(condition, p, q)] is SELECT
    assert len({b.const(v) for v in (1, 1.0, True, 0.0, -0.0, 1 + 0j)}) == 6


def test_kinds():
    assert promote([BOOL, REAL]) == REAL
    assert arithmetic([BOOL, BOOL]) == INT
    assert floating([INT]) == REAL
    assert arithmetic([INT, NUMBER]) == NUMBER
    found = program(sp.KroneckerDelta(x, y))
    assert found.kinds[found.results[0]] == INT


def test_dependencies():
    found = program([x, y, x * y, sp.Integer(3), sp.sin(y)])
    assert [found.deps[n] for n in found.results] == [1, 2, 3, 0, 2]


# A rule with a bound variable, as the rules of sums have it.


def total(body, captured, ranks, low, high):
    return sum(body(k, *captured) for k in range(int(low), int(high) + 1))


def sum_rules():
    from numpify_ctx._program.ir import Op

    op = Op("total", total, kinds=arithmetic)

    def lower_sum(b, e, low, high, body):
        return b.region(op, low, high, body=body.node, bound=body.bound)

    def operands(b, e):
        *inner, (k, low, high) = e.limits
        return [low, high, Under(sp.Sum(e.function, *inner) if inner else e.function, (k,))]

    return RULES | {sp.Sum: Rule(lower_sum, operands)}


@pytest.mark.parametrize(
    "expr",
    [
        sp.Sum(x ** sp.Symbol("k"), (sp.Symbol("k"), 0, 4)),
        sp.Sum(x * y, (x, 0, 3)) + x,  # bound here, an argument there
        sp.Sum(
            sp.Sum(x ** sp.Symbol("k"), (sp.Symbol("k"), 1, sp.Symbol("k"))), (sp.Symbol("k"), 1, 4)
        ),  # one name, two variables
        sp.Sum(sp.Symbol("t0") * sp.sin(x + y) * sp.exp(x), (sp.Symbol("t0"), 1, 3)) + sp.sin(x + y),
        sp.Sum(sp.Piecewise((sp.log(x - 1), x > 1), (y, True)) + sp.Symbol("k"), (sp.Symbol("k"), 1, 3)),
        sp.Sum(sp.Piecewise((sp.log(x) * sp.Symbol("k"), sp.Symbol("k") > 1), (y, True)), (sp.Symbol("k"), 1, 3)),
        sp.Piecewise((sp.Sum(sp.log(x) / sp.Symbol("k"), (sp.Symbol("k"), 1, 3)), x > 0), (0, True)),
    ],
)
def test_bound_variables(expr):
    from numpify_ctx._emission import emit_arrays, emit_scalars

    found = lower(expr, [(x, "x"), (y, "y")], sum_rules(), {})
    for emission, point in ((emit_arrays(found, [NUMBER, NUMBER]), np.float64), (emit_scalars(found), float)):
        exec(compile(emission.text, "test", "exec"), emission.namespace)
        for values in ((0.75, 2.0), (1.5, -1.0)):
            want = float(expr.subs({x: values[0], y: values[1]}).doit())
            assert float(emission.namespace[emission.name](*map(point, values))) == pytest.approx(want, rel=1e-13), (
                emission.text
            )


def test_what_does_not_depend_on_the_variable_is_computed_before_the_loop():
    from numpify_ctx._emission import emit_arrays

    k = sp.Symbol("k")
    found = lower(sp.Sum(sp.sin(x) * sp.exp(k * x), (k, 1, 9)), [(x, "x")], sum_rules(), {})
    text = emit_arrays(found, [NUMBER]).text
    assert text.index("np.sin(x)") < text.index("total(")
    assert "lambda k0, x, t0:" in text


# -- operations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forms",
    [
        {"numpy": None},
        {"numpy": Operator("+", np.add)},
        {"numpy": Numpy("sin"), "form": "sum"},
        {"numpy": Operator("&", np.bitwise_and), "form": "logic"},
        {"numpy": Numpy("sin"), "form": "select"},
    ],
)
def test_an_operation_that_lacks_a_form_is_refused_when_it_is_made(forms):
    with pytest.raises(TypeError, match="operation odd"):
        Op("odd", **forms)
    with pytest.raises(AttributeError, match="nonesuch"):
        Op("odd", Numpy("nonesuch"))
    with pytest.raises(AttributeError, match="nonesuch"):
        Op("odd", Numpy("sin"), Math("nonesuch"))


class Look(sp.Function):
    """Looks at what is alive while it is lowered."""

    nargs = 1


def test_a_wide_expression_gives_the_garbage_collector_little_to_look_through():
    """Each object with references that lives until the end is looked at in every full collection meanwhile."""
    alive = []

    def look(b, expr, node):
        gc.collect()
        alive.append(len(gc.get_objects()))
        return node

    rules = RULES | {Look: Rule(look)}
    exprs = [
        Look(sp.Add(*[k * sp.sin(x / k, evaluate=False) for k in range(3, 3 + terms)], evaluate=False), evaluate=False)
        for terms in (10, 10, 1010)
    ]
    for expr in exprs:  # the first one meets its rules and caches
        lower(expr, [(x, "x")], rules, {})
    assert alive[2] - alive[1] < 1100  # of 3000 operations and 2000 numbers; the denominators are made anew


_DEAR = ("appellf1", "lerchphi")  # mpmath takes seconds
OF_NUMBERS = [
    pytest.param(kind, marks=[pytest.mark.slow] * (kind.__name__ in _DEAR))
    for kind, rule in RULES.items()
    if rule.example and not rule.example.refused and issubclass(kind, sp.Function) and kind is not sp.Integral
]


@pytest.mark.parametrize("kind", OF_NUMBERS, ids=lambda kind: kind.__name__)
@pytest.mark.filterwarnings("ignore")
def test_the_kind_that_is_inferred_is_that_of_the_values(kind):
    """Of complex numbers, too: kernels, and the forms, take a real kind for a double."""
    try:
        f = numpify(RULES[kind].example.expr(), native=False)
    except CompileError:
        pytest.skip("it needs SciPy")
    entry = f._origin.compiled
    if any(entry.program.parameter_ranks) or len(entry.program.results) > 1:
        pytest.skip("it is not of numbers")
    count = len(f.parameters)
    for of_kind, start in ((COMPLEX, 0.5 + 0.25j), (REAL, 0.5)):
        try:
            found = entry.apply(tuple([np.array([start + i]) for i in range(count)]))
        except TypeError:  # it is of real numbers
            continue
        program = entry.in_complex((1 << count) - 1).program if of_kind == COMPLEX else entry.program
        inferred = infer_kinds(program, [of_kind] * count)[program.results[0]]
        assert inferred & {"b": BOOL, "i": INT, "f": REAL, "c": COMPLEX}[found.dtype.kind]
