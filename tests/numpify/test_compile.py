"""The compiled function: shapes, dtypes, layouts, users' functions; what is the caller's stays the caller's."""

from __future__ import annotations

import gc
import linecache
import os
import re
import threading
import traceback

import numpy as np
import pytest
import sympy as sp
from sympy.utilities.lambdify import implemented_function

from numpify_ctx._compile import compile_expression
from numpify_ctx._errors import CompileError
from numpify_ctx._program.bounds import NO_INTEGERS
from tests.numpify.evalf_oracle import check


x, y = sp.symbols("x y")
f, g = sp.symbols("f g", cls=sp.Function)
A = np.array([0.5, 1.0, 2.0])


def compiled(expr, *arguments, functions=None):
    return compile_expression(expr, [(a, a.name) for a in arguments or (x, y)], functions=functions)


def run(expr, *values, functions=None):
    return compiled(expr, *sp.symbols("x y")[: len(values)], functions=functions)(*values)


# -- shape -----------------------------------------------------------------------------------------------------------

SHAPES = [
    ((), ()),
    ((3,), ()),
    ((), (3,)),
    ((3,), (2, 1)),
    ((4, 1, 3), (2, 1)),
    ((0,), ()),
    ((1,), (1, 1)),
    ((0, 3), (1, 3)),
]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize(
    "expr", [x + y, x, y**2, sp.Integer(5), sp.pi, x > 0, sp.true, sp.Piecewise((x, x > 0), (0, True))]
)
def test_the_result_has_the_broadcast_shape_of_all_arguments(expr, shapes):
    got = compiled(expr)(*(np.ones(s) for s in shapes))
    assert np.shape(got) == np.broadcast_shapes(*shapes)
    assert isinstance(got, np.ndarray) == (np.broadcast_shapes(*shapes) != ())


@pytest.mark.parametrize(
    "scalar", [2.0, 2, True, np.float64(2), np.float32(2), np.int64(2), np.uint8(2), np.array(2.0), 2 + 0j]
)
def test_scalars_in_scalar_out(scalar):
    for expr in (
        x + 1,
        x,
        sp.sin(x),
        1 / x,
        sp.Integer(3),
        x > 1,
        sp.Piecewise((sp.log(x), x > 1), (0, True)) if scalar != 2 + 0j else x,
    ):
        got = run(expr, scalar)
        assert not isinstance(got, np.ndarray)
        assert np.shape(got) == ()


def test_shapes_that_do_not_broadcast_raise_what_numpy_raises():
    for expr in (x + y, x, sp.Integer(1)):
        with pytest.raises(ValueError, match="broadcast"):
            compiled(expr)(np.ones(2), np.ones(3))


def test_lists_are_arrays():
    assert run(x + 1, [1, 2]).tolist() == [2, 3]
    assert run(x + y, [[1.0], [2.0]], (1, 2)).tolist() == [[2.0, 3.0], [3.0, 4.0]]


# -- what is the caller's --------------------------------------------------------------------------------------------


def test_results_are_not_arguments():
    a = A.copy()
    for expr in (x, sp.re(x), sp.Piecewise((x, sp.true)), sp.conjugate(x)):
        got = run(expr, a)
        got[:] = -1
        assert a.tolist() == A.tolist()
    one, other = run([x, x], a)
    one[:] = -1
    assert other.tolist() == A.tolist()
    one, other = run([x + 1, x + 1], a)
    one[:] = -1
    assert other.tolist() == (A + 1).tolist()
    spread = compiled(sp.Integer(2))(np.ones((2, 1)), np.ones(3))
    spread[0, 0] = 7
    assert spread.tolist() == [[7, 2, 2], [2, 2, 2]]


def test_arguments_are_not_written():
    a = A.copy()
    a.flags.writeable = False
    check(sp.Piecewise((sp.exp(x), x > 1), (x**2, True)) + x**3, [x], [a])


def test_out():
    out = np.empty(3)
    assert compiled(x + y)(A, 1.0, out=out) is out
    assert out.tolist() == (A + 1).tolist()
    assert compiled(sp.Integer(2))(A, 1.0, out=out).tolist() == [2, 2, 2]
    with pytest.raises(TypeError, match="Cannot cast"):
        compiled(x / y)(A, 1.0, out=np.empty(3, int))


# -- layouts ---------------------------------------------------------------------------------------------------------


def test_lists_tuples_and_dicts():
    shared = sp.exp(x * y)
    found = compiled([shared, (shared + 1, x), {"a": y, sp.Symbol("b"): [2 * shared]}, sp.Tuple(x, 3)])
    assert found.source.count("np.exp") == 1
    got = found(A, 2.0)
    e = np.exp(A * 2.0)
    assert type(got) is list
    assert type(got[1]) is tuple
    assert type(got[2]) is dict
    assert type(got[3]) is tuple
    np.testing.assert_allclose(got[0], e)
    np.testing.assert_allclose(got[1][0], e + 1)
    np.testing.assert_allclose(got[2]["a"], [2.0, 2.0, 2.0])
    np.testing.assert_allclose(got[2][sp.Symbol("b")][0], 2 * e)
    assert got[3][1].tolist() == [3, 3, 3]
    assert compiled([])(1.0, 2.0) == []
    assert compiled([x])(1.0, 2.0) == [1.0]
    assert compiled([[x]])(1.0, 2.0) == [[1.0]]


@pytest.mark.parametrize("cls", [sp.Matrix, sp.ImmutableMatrix, sp.SparseMatrix, sp.ImmutableSparseMatrix])
def test_matrices_have_their_axes_first(cls):
    found = compiled(cls([[x, 0, 1], [sp.exp(y), x * y, 0]]))
    got = found(A, np.ones((2, 1)))
    assert got.shape == (2, 3, 2, 3)
    np.testing.assert_allclose(got[1, 1], np.broadcast_to(A, (2, 3)))
    np.testing.assert_allclose(got[1, 0], np.full((2, 3), np.e))
    assert (got[0, 2] == 1).all()
    small = found(2.0, 0.0)
    np.testing.assert_allclose(small, [[2, 0, 1], [1, 0, 0]])
    assert small.shape == (2, 3)
    assert compiled(cls([[1, 2]]))(A, 1.0).shape == (1, 2, 3)


@pytest.mark.parametrize(
    "cls", [sp.Array, sp.MutableDenseNDimArray, sp.ImmutableSparseNDimArray, sp.MutableSparseNDimArray]
)
def test_arrays(cls):
    got = compiled(cls([[[x, 1], [0, y]], [[x * y, 2], [3, 4]]]))(A, 2.0)
    assert got.shape == (2, 2, 2, 3)
    np.testing.assert_allclose(got[1, 0, 0], A * 2)
    np.testing.assert_allclose(got[0, 1, 1], np.full(3, 2.0))


# -- users' functions ------------------------------------------------------------------------------------------------


def test_functions_nested_and_shared():
    calls = []

    def note(values):
        calls.append(1)
        return values * 3

    found = compiled(f(g(x) + 1) * f(g(x) + 1) + g(x), x, functions={f: np.sin, g: note})
    np.testing.assert_allclose(found(A), np.sin(A * 3 + 1) ** 2 + A * 3)
    assert calls == [1]
    assert found(2.0) == pytest.approx(np.sin(7) ** 2 + 6)


def test_functions_may_be_given_for_an_application_or_a_known_class():
    assert run(f(x), A, functions={f(y): np.negative}).tolist() == (-A).tolist()
    assert run(sp.gamma(x) + sp.sin(x), A, functions={sp.gamma: np.zeros_like, sp.sin: np.ones_like}).tolist() == [
        1,
        1,
        1,
    ]


def test_functions_of_the_class_are_found():
    h = implemented_function("h", lambda v: v + 100)
    assert run(h(x), A).tolist() == (A + 100).tolist()

    class Known(sp.Function):
        @staticmethod
        def f_numpy(value, other):
            return value * other

    assert run(Known(x, 2), A).tolist() == (A * 2).tolist()


def test_constant_arguments_do_not_fold_a_users_function():
    assert run(f(2) * x, A, functions={f: lambda v: v + 1}).tolist() == (A * 3).tolist()


@pytest.mark.parametrize(
    ("function", "takes"),
    [(lambda: 1, "<lambda>> takes ()"), (lambda v, w: v, "<lambda>> takes (v, w)"), (np.add, "takes 2 arguments")],
    ids=["none", "two", "ufunc"],
)
def test_a_wrong_arity_is_refused(function, takes):
    with pytest.raises(
        CompileError, match=rf"^cannot compile f\(x\): its function .*{re.escape(takes)}, not 1 argument$"
    ):
        run(f(x), 1.0, functions={f: function})


def test_a_ufunc_is_given_nothing_to_write_to():
    with pytest.raises(
        CompileError, match=r"cannot compile h\(x, y\): its function <ufunc 'sin'> takes 1 argument, not 2 arguments"
    ):
        compile_expression(sp.Function("h")(x, y), [(x, "x"), (y, "y")], functions={sp.Function("h"): np.sin})


def test_functions_are_a_mapping():
    with pytest.raises(TypeError, match=r"^cannot take functions=\[1\]: it is of type list; pass a mapping from func"):
        compile_expression(x, [(x, "x")], functions=[1])


def test_functions_are_not_given_by_name():
    with pytest.raises(
        CompileError, match=r"cannot use 'f' as a key .* by class, not by name; pass sp.Function\('f'\)"
    ):
        run(f(x), 1.0, functions={"f": np.sin})
    with pytest.raises(CompileError, match=r"its function 'np.sin' is not callable"):
        run(f(x), 1.0, functions={f: "np.sin"})


def test_an_error_of_a_users_function_comes_through():
    def refuse(value):
        raise LookupError("no such value")

    for value in (1.0, A):
        with pytest.raises(LookupError, match="no such value"):
            run(f(x), value, functions={f: refuse})


# -- the rest --------------------------------------------------------------------------------------------------------


def test_tracebacks_show_the_source_while_the_function_lives():
    def refuse(value):
        raise LookupError

    found = compile_expression(f(x) + 1, [(x, "x")], functions={f: refuse}, cache=False)
    mine = found.forms.arrays(NO_INTEGERS).__code__.co_filename  # emitted once, at the first call
    with pytest.raises(LookupError) as caught:
        found(A)
    text = "".join(traceback.format_tb(caught.value.__traceback__))
    assert "return f_0(x) + 1" in text
    assert "return f_0(x) + 1" in "".join(linecache.getlines(mine))
    del found, caught
    gc.collect()
    assert linecache.getlines(mine) == []


def test_code_may_end_while_linecache_is_checked(monkeypatch):
    """Whoever checks it (pdb, doctest, IPython) goes through all the names that it had at the beginning."""
    monkeypatch.setattr(linecache, "cache", {})  # else it looks, and collects, for every file of the tests before
    linecache.getlines(__file__)
    found = compile_expression(sp.sin(x) + 271, [(x, "x")], cache=False)
    found(A)
    cycle = [found]
    cycle.append(cycle)
    mine = found.forms.arrays(NO_INTEGERS).__code__.co_filename
    assert linecache.getlines(mine)
    del found, cycle
    looked = []

    def stat(path, real=os.stat):
        looked.append(path)
        gc.collect()
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        linecache.checkcache()
    assert __file__ in looked
    assert linecache.getlines(mine) == []


def test_file_names_are_used_again():
    def filename(number):
        found = compile_expression(sp.cos(x) + number, [(x, "x")], cache=False)
        found(A)
        mine = found.forms.arrays(NO_INTEGERS).__code__.co_filename
        assert f"+ {number}" in "".join(linecache.getlines(mine))
        del found
        gc.collect()
        return mine

    assert len({filename(number) for number in range(1, 11)}) < 10


def test_calls_from_several_threads():
    found = compiled(sp.Piecewise((sp.sin(x) * y, x > 0), (sp.exp(x), True)) + x**2)
    values = np.linspace(-1, 1, 1000)
    want = np.where(values > 0, np.sin(values) * 2, np.exp(values)) + values**2
    failures = []

    def work():
        for _ in range(20):
            arrays = np.allclose(found(values, 2.0), want)
            failures.append(not (arrays and np.isclose(found(-1.0, 2.0), np.exp(-1) + 1)))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == [False] * 80


def test_wrong_numbers_of_arguments():
    with pytest.raises(TypeError, match="2 arguments expected, 1 given"):
        compiled(x + y)(1.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128])
def test_precision_is_kept(dtype):
    a = A.astype(dtype)
    for expr in (x + 1, sp.sqrt(2) * x, sp.sin(x) / 3, x**3 - x / 7, sp.exp(x) ** sp.Rational(5, 2)):
        got = run(expr, a)
        assert got.dtype == dtype
        want = [complex(expr.subs(x, value)) for value in A]
        np.testing.assert_allclose(got, want, rtol=max(8 * np.finfo(dtype).eps, 1e-14))
        python = {np.float64: float, np.complex128: complex}
        assert type(run(expr, a[0])) is python.get(dtype, dtype)
        assert compiled(expr + 0 * y)(a, 2.0).dtype == dtype


def test_noncontiguous_and_reversed_inputs():
    base = np.linspace(-3, 3, 24).reshape(4, 6)
    for view in (base[::2, ::-3], base.T, base[:, 1], np.broadcast_to(base[0], (3, 6))):
        np.testing.assert_allclose(run(sp.sin(x) ** 2 + x, view), np.sin(view) ** 2 + view)
        np.testing.assert_allclose(
            run(sp.Piecewise((sp.exp(x), x > 0), (x, True)), view), np.where(view > 0, np.exp(view), view)
        )
