"""Libraries that take callables take a numpified function as they take any function."""

from __future__ import annotations

import ctypes
import functools
import inspect
import pickle

import numpy as np
import pytest
import sympy as sp
from sympy.core.cache import clear_cache

from numpify_ctx import numpify


x, a, k = sp.symbols("x a k")
expr = a * sp.exp(-k * x)
f = numpify(expr, [x, a, k], name="decay")
bound = f.freeze(k=0.5)
both = pytest.mark.parametrize(
    "function", [f.freeze(a=3.0, k=0.5), numpify(3 * sp.exp(-x / 2))], ids=["bound", "plain"]
)


def test_a_function_has_the_names_of_one():
    assert (f.__name__, f.__qualname__) == (bound.__name__, bound.__qualname__) == ("decay", "decay")
    assert numpify(expr).__name__ == "f"
    assert repr(f) == "<NumpifiedFunction decay (x, a, k) -> a*exp(-k*x)>"
    assert pickle.loads(pickle.dumps(bound)).__name__ == "decay"
    with pytest.raises(AttributeError, match="never changes"):
        f.__name__ = "growth"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (3, TypeError, "name must be a string, got 3, of type int"),
        ("2f", ValueError, "name='2f' is not a valid identifier"),
        ("lambda", ValueError, "name='lambda' is not a valid identifier"),
        ("", ValueError, "name='' is not a valid identifier"),
    ],
)
def test_names_that_no_function_has_are_refused(name, error, message):
    with pytest.raises(error, match=message):
        numpify(expr, name=name)


@pytest.mark.parametrize("function", [f, bound])
def test_the_source_is_that_of_the_generated_function(function):
    assert inspect.isfunction(function.__wrapped__)
    assert inspect.unwrap(function) is function.__wrapped__
    assert inspect.getsource(function) == function.source
    assert function.__wrapped__(0.0, 2.0, 1.0) == 2.0
    assert not hasattr(type(function), "__wrapped__")


def test_the_signature_is_what_a_call_takes_beside_out():
    assert str(inspect.signature(f)) == "(x, a, k)"
    assert str(inspect.signature(bound)) == "(x, a)"
    result = np.empty(2)
    assert f(np.zeros(2), 1.0, 1.0, out=result) is result


def test_functools():
    @functools.wraps(f)
    def wrapped(*args):
        return f(*args)

    assert wrapped.__name__ == "decay"
    assert wrapped.__wrapped__ is f
    assert str(inspect.signature(wrapped)) == "(x, a, k)"
    assert functools.partial(f, 0.0, k=1.0)(a=2.0) == 2.0
    assert functools.lru_cache(f)(0.0, 2.0, 1.0) == 2.0
    assert functools.reduce(numpify(x + a, [x, a]), [1.0, 2.0, 3.0]) == 6.0


@both
def test_numpy(function):
    xs = np.array([0.0, 2.0])
    expected = 3 * np.exp(-xs / 2)
    np.testing.assert_allclose(np.vectorize(function)(xs), expected)
    np.testing.assert_allclose(np.frompyfunc(function, 1, 1)(xs).astype(float), expected)
    np.testing.assert_allclose(np.apply_along_axis(function, 0, xs), expected)
    np.testing.assert_allclose(np.fromfunction(function, (2,)), 3 * np.exp(-np.arange(2) / 2))
    np.testing.assert_allclose(np.piecewise(xs, [xs > 1], [function, 0.0]), [0.0, expected[1]])


@both
def test_scipy(function):
    scipy = pytest.importorskip("scipy")
    from scipy import integrate, optimize

    expected = 6 * (1 - np.exp(-0.5))
    assert integrate.quad(function, 0.0, 1.0)[0] == pytest.approx(expected)
    as_c = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(function)
    assert integrate.quad(scipy.LowLevelCallable(as_c), 0.0, 1.0)[0] == pytest.approx(expected)
    assert optimize.brentq(numpify(sp.cos(x)), 0.0, 3.0) == pytest.approx(np.pi / 2)


def test_scipy_counts_the_parameters_of_a_fit():
    optimize = pytest.importorskip("scipy.optimize")
    xs = np.linspace(0.0, 4.0, 20)
    found, _ = optimize.curve_fit(f, xs, f(xs, 3.0, 0.5))
    assert found == pytest.approx([3.0, 0.5])
    found, _ = optimize.curve_fit(f.freeze(k=0.5), xs, f(xs, 3.0, 0.5))
    assert found == pytest.approx([3.0])


def test_lmfit():
    lmfit = pytest.importorskip("lmfit")
    xs = np.linspace(0.0, 4.0, 20)
    model = lmfit.Model(f)
    assert (model.independent_vars, model.param_names) == (["x"], ["a", "k"])
    found = model.fit(f(xs, 3.0, 0.5), x=xs, a=1.0, k=1.0)
    assert list(found.best_values.values()) == pytest.approx([3.0, 0.5])
    assert "decay" in found.fit_report()
    assert lmfit.Model(bound).param_names == ["a"]


def test_pint():
    pint = pytest.importorskip("pint")
    units = pint.UnitRegistry()
    wrapped = units.wraps("m", ("s", "m", "1/s"))(f)
    assert wrapped.__name__ == "decay"
    length = wrapped(units.Quantity(2.0, "s"), units.Quantity(3.0, "km"), units.Quantity(500.0, "1/ks"))
    assert length.to("km").magnitude == pytest.approx(3 * np.exp(-1.0))
    assert units.check("[time]", None, None)(f)(units.Quantity(0.0, "s").magnitude * units.s, 1.0, 0.0 / units.s) == 1.0


def test_ipywidgets():
    widgets = pytest.importorskip("ipywidgets")
    panel = widgets.interactive(f, x=(0.0, 1.0), a=(0.0, 4.0), k=widgets.fixed(0.5))
    assert [child.description for child in panel.children[:-1]] == ["x", "a"]
    panel.children[0].value, panel.children[1].value = 0.0, 3.0
    panel.update()
    assert panel.result == 3.0


def test_joblib(tmp_path):
    joblib = pytest.importorskip("joblib")
    assert joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(f)(0.0, float(n), 1.0) for n in range(3)) == [
        0.0,
        1.0,
        2.0,
    ]
    cached = joblib.Memory(tmp_path, verbose=0).cache(f)
    assert cached(0.0, 2.0, 1.0) == cached(0.0, 2.0, 1.0) == 2.0


@pytest.mark.parametrize("function", [f, bound, f.freeze(x=np.arange(3.0), a=2)])
def test_joblib_and_dask_tell_functions_apart_by_what_they_are(function):
    """Not by what SymPy's cache happens to hold."""
    joblib = pytest.importorskip("joblib")
    dask_base = pytest.importorskip("dask.base")
    names = [joblib.hash(function), dask_base.tokenize(function)]
    for forget in (False, True):
        if forget:
            clear_cache()
        assert [joblib.hash(function), dask_base.tokenize(function)] == names
        twin = pickle.loads(pickle.dumps(function))
        assert [joblib.hash(twin), dask_base.tokenize(twin)] == names
    for other in (f.freeze(k=0.25), f.freeze(a=0.5), numpify(expr, [x, a, k]), numpify(expr, [x, k, a], name="decay")):
        assert joblib.hash(other) != names[0]


def test_dask():
    dask = pytest.importorskip("dask")
    assert dask.delayed(f)(0.0, 2.0, 1.0).compute(scheduler="synchronous") == 2.0
    named = dask.delayed(bound)(0.0, 2.0)
    assert named.key.startswith("decay-")


def test_ipython_shows_the_source_and_the_signature():
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    config = pytest.importorskip("traitlets.config").Config({"HistoryManager": {"enabled": False}})
    shell = interactive.InteractiveShell(config=config, user_ns={"bound": bound})
    info = shell.object_inspect("bound", detail_level=1)
    assert info["found"]
    assert info["source"].strip() == bound.source.strip()
    assert "(x, a)" in str(info["init_definition"] or info["definition"] or info["call_def"] or info["docstring"])
    assert "k: frozen to 0.5" in info["docstring"]


def test_jedi_completes_methods():
    jedi = pytest.importorskip("jedi")
    names = {found.name for found in jedi.Interpreter("bound.", [{"bound": bound}]).complete()}
    assert {"freeze", "unfreeze", "free_parameters", "source"} <= names
