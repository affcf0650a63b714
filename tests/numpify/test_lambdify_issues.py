"""SymPy's open issues about lambdify that users care about, one test each; the numbers are SymPy's.

Each shows what the issue asks for, on the issue's own example where it has one.
"""

from __future__ import annotations

import inspect
import pickle
import pydoc
import warnings

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import CompileError, numpify


x, y, z, a, b = sp.symbols("x y z a b")


def test_5642_the_result_has_the_shape_of_the_arguments():
    u = np.linspace(-2, 2, 10)
    second = sp.diff(x**2, x, 2)
    assert numpify(second, x)(u).tolist() == [2] * 10
    assert numpify(sp.Integer(5), [x, y])(u, u[:, None]).shape == (10, 10)
    assert numpify(sp.Integer(0), x)(u).shape == (10,)
    assert numpify([x, sp.Integer(1)], x)(u)[1].tolist() == [1] * 10


def test_18347_constants_are_arrays_where_arguments_are():
    derivatives = [sp.diff(3 * x + 1, x, n) for n in range(3)]
    for f, want in zip([numpify(d, x) for d in derivatives], ([1, 4, 7], [3, 3, 3], [0, 0, 0]), strict=True):
        assert f(np.arange(3)).tolist() == want


def test_24036_an_expression_that_cancels():
    assert numpify(x / x, x)(np.array([1, 2, 3])).tolist() == [1, 1, 1]


def test_27632_arrays_and_numbers_mix_in_a_matrix():
    f = numpify(sp.Matrix([[a, b], [a + b, b**2]]), (a, b))
    got = f(np.ones(5), 10.0)
    assert got.shape == (2, 2, 5)
    np.testing.assert_array_equal(got, f(np.ones(5), np.full(5, 10.0)))
    assert got[:, :, 0].tolist() == [[1, 10], [11, 100]]


def test_24673_a_hundred_thousand_operations():
    """It failed with a RecursionError; the sum here is as wide, and written as a SymPy expression at once."""
    terms = [sp.Mul(sp.Integer(i + 1), x**i, y ** (i % 7), evaluate=False) for i in range(20_000)]
    expr = sp.Add(*terms, evaluate=False)
    f = numpify(expr, [x, y], cache=False)
    assert f.source.count("\n") < 20_000 * 3  # powers are shared, and no term takes many statements
    got = f(0.5, 1.0)
    assert got == pytest.approx(4.0)  # the sum of n x**(n - 1) at 1/2


def test_24673_deep_and_shared():
    deep = x
    for _ in range(10_000):
        deep = sp.sin(deep, evaluate=False)
    assert 0 < numpify(deep, x, cache=False)(0.5) < 0.5
    shared = x
    for _ in range(60):
        shared = sp.Add(shared, sp.Mul(shared, shared, evaluate=False), evaluate=False) / 2
    want = 0.5
    for _ in range(60):
        want = (want + want * want) / 2
    assert numpify(shared, x, cache=False)(0.5) == pytest.approx(want)


def test_24990_names_that_are_code():
    evil = sp.Symbol('__import__("os").system("false")')
    with pytest.raises(CompileError, match="is not an argument"):
        numpify(evil, [x])
    assert numpify(evil, [x, evil])(1.0, 42.0) == 42.0
    with pytest.raises(CompileError, match="strings are never"):
        numpify('__import__("os").system("false")', [x])


def test_12463_odd_names_leave_the_names_of_other_arguments_alone():
    """There one Dummy, or one odd name, among the arguments took all the others' names away from help(f)."""
    symbols = [x, y, sp.Dummy("d"), sp.Symbol("lambda"), sp.Symbol("x-y")]
    f = numpify(sum(symbols), symbols)
    assert f.parameter_names == ("x", "y", "d", "lambda__", "x_y__")
    assert tuple(inspect.signature(f).parameters) == f.parameter_names
    assert "def f(x, y, d, lambda__, x_y__):" in f.source
    assert "x + y" in pydoc.plain(pydoc.render_doc(numpify(x + y**2)))
    assert f(1, 2, lambda__=4, d=3, x_y__=5) == 15


@pytest.mark.parametrize("name", ["C5", "R2.3(0)", r"\alpha", "x_{1}", "lambda", "2x", "x'", "E", "S", "beta", ""])
def test_12463_any_name_will_do(name):
    symbol = sp.Symbol(name)
    f = numpify(symbol**2 + sp.beta(symbol, 2), [symbol])
    assert f(3.0) == pytest.approx(9 + 1 / 12)
    assert pickle.loads(pickle.dumps(f))(3.0) == f(3.0)


def test_12463_names_do_not_shadow_functions():
    sin, pi = sp.symbols("sin pi")
    assert numpify(sp.sin(sin) + sp.pi * pi, [sin, pi])(0.0, 2.0) == pytest.approx(2 * np.pi)


def test_11306_piecewise_does_not_divide_by_zero():
    p = sp.Piecewise((1 / x, y < -1), (x, y <= 1), (1 / x, True))
    f = numpify(p, [x, y])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(0, 1) == 0
        assert f(np.array([0.0, 2.0, 4.0]), np.array([1.0, -2.0, 3.0])).tolist() == [0, 0.5, 0.25]


def test_14789_piecewise_takes_no_log_of_what_it_does_not_select():
    f = numpify(sp.Piecewise((sp.log(-x), x < 0), (sp.log(x), True)), x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(10) == pytest.approx(np.log(10))
        np.testing.assert_allclose(f(np.array([-10.0, 10.0])), np.log(10))


# -- found while reading these: reported as well, and as common ------------------------------------------------------


def test_19259_a_matrix_of_an_array_and_numbers():
    matrix = sp.Matrix(2, 2, sp.symbols("a:d"))
    got = numpify(matrix, sp.symbols("a:d"))(np.arange(4), 1, 2, 3)
    assert got.shape == (2, 2, 4)
    assert got[0, 0].tolist() == [0, 1, 2, 3]
    assert got[1, 1].tolist() == [3] * 4


def test_27174_an_empty_matrix_keeps_its_shape():
    assert numpify(sp.Matrix(0, 1, []), x)(1).shape == (0, 1)
    assert numpify(sp.Matrix(1, 0, []), x)(1).shape == (1, 0)


def test_27932_infinite_sums():
    f = numpify(sp.Sum(1 / x**y, (x, 1, sp.oo)), y)
    assert f(4) == pytest.approx(float(sp.zeta(4)), rel=1e-12)
    np.testing.assert_allclose(f(np.array([2.0, 3.5])), [float(sp.zeta(2)), float(sp.zeta(3.5))], rtol=1e-12)


def test_10934_sums_over_indexed():
    base = sp.IndexedBase("a")
    i, j = sp.symbols("i j", integer=True)
    f = numpify(sp.Sum(base[i, j], (i, 0, 1), (j, 0, 1)), base)
    assert f(np.array([[1, 2], [3, 4]])) == 10


def test_21611_min_within_piecewise_takes_arrays():
    expr = sp.Piecewise((0, z < 0), (18.2 * z + 4.2 * sp.Min(60.3, z) ** 2 - 18.2 * sp.Min(45.3, z), True))
    at = np.linspace(-5, 120, 11)
    want = np.where(at < 0, 0, 18.2 * at + 4.2 * np.minimum(60.3, at) ** 2 - 18.2 * np.minimum(45.3, at))
    np.testing.assert_allclose(numpify(expr, z)(at), want, rtol=1e-14)


def test_25307_a_matrix_of_piecewise_is_of_floats():
    piece = sp.Piecewise((x, x > 0), (0, True)) * sp.Piecewise((y, y > 1), (x, True))
    got = numpify(sp.Matrix([piece, piece + 1]), [x, y])(1.5, 2.0)
    assert got.dtype == np.float64
    assert got.tolist() == [[3.0], [4.0]]


def test_14863_arrays_come_out_as_arrays():
    entries = [[1, a], [0, 2 * a]]
    kinds = (
        sp.ImmutableDenseMatrix, sp.MutableDenseMatrix, sp.ImmutableDenseNDimArray, sp.MutableDenseNDimArray,
        sp.ImmutableSparseMatrix, sp.ImmutableSparseNDimArray, sp.MutableSparseNDimArray,
    )  # fmt: skip
    for kind in kinds:
        got = numpify(kind(entries), a)(1)
        assert isinstance(got, np.ndarray)
        assert got.tolist() == [[1, 1], [0, 2]]
