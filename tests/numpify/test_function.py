"""Functions compiled and bound: what they say of themselves, calls, live values, how they show themselves."""

import gc
import inspect
import linecache
import pydoc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import (
    DYNAMIC_PARAMETER,
    UNFREEZE,
    BindingError,
    BoundNumpifiedFunction,
    NumpifiedFunction,
    Parameters,
    numpify,
)


x, a, b, omega = sp.symbols("x a b omega")
lam = sp.Symbol("lambda")
f = numpify(a * x + 10 * b + 100 * omega, [x, a, b, omega])
g = numpify(x - 2 * lam, [x, lam])


def test_what_a_function_says_of_itself():
    assert isinstance(f, NumpifiedFunction)
    assert callable(f)
    assert f.symbolic == a * x + 10 * b + 100 * omega
    assert f.parameters == f.free_parameters == (x, a, b, omega)
    assert f.parameter_names == ("x", "a", "b", "omega")
    assert g.call_signature == g.free_call_signature == ((x, "x"), (lam, "lambda__"))
    assert g.name_for_symbol == {x: "x", lam: "lambda__"}
    assert g.symbol_for_name == {"x": x, "lambda__": lam}
    assert f.frozen_parameters == {}
    assert f.dynamic_parameters == ()
    assert f.parameter_context is None
    assert "lambda__" in g.source


def test_what_a_bound_function_says_of_itself():
    context = Parameters({omega: 1.0})
    bound = f.freeze({b: 2.0, omega: DYNAMIC_PARAMETER}).set_parameter_context(context)
    assert isinstance(bound, BoundNumpifiedFunction)
    assert bound.parent is f
    assert bound.symbolic is f.symbolic
    assert bound.source == f.source
    assert bound.parameters == f.parameters
    assert bound.call_signature == f.call_signature
    assert bound.free_parameters == (x, a)
    assert bound.free_call_signature == ((x, "x"), (a, "a"))
    assert bound.frozen_parameters == {b: 2.0}
    assert bound.dynamic_parameters == (omega,)
    assert bound.parameter_context is context


def test_symbolic_is_the_very_object():
    expr = sp.Add(x, x, evaluate=False)
    assert numpify(expr).symbolic is expr
    both = [x, {"y": x**2}]
    assert numpify(both).symbolic is both


@pytest.mark.parametrize("function", [f, f.freeze(b=1.0)])
def test_functions_never_change(function):
    for name in ("symbolic", "parameters", "anything", "__call__", "_bindings"):
        with pytest.raises(AttributeError, match=f"cannot set '{name}': a \\w+ never changes; freeze"):
            setattr(function, name, 1)
    with pytest.raises(AttributeError, match="cannot delete '_bindings'"):
        del function._bindings
    with pytest.raises(TypeError):
        function.frozen_parameters[x] = 1
    with pytest.raises(TypeError):
        function.name_for_symbol[x] = "y"


def test_equality_is_identity():
    twin = numpify(f.symbolic, f.parameters)
    assert f == f
    assert f != twin
    assert f.freeze(a=1) != f.freeze(a=1)
    assert {f: 1, twin: 2}[f] == 1


# ---------------------------------------------------------------------- calls


@pytest.mark.parametrize("first_call", [True, False])
def test_positions_and_keywords(first_call):
    function = numpify(f.symbolic, f.parameters)
    if not first_call:
        function(0.0, 0.0, 0.0, 0.0)
    for args, named in [
        ((1.0, 2.0, 3.0, 4.0), {}),
        ((1.0, 2.0), {"omega": 4.0, "b": 3.0}),
        ((), {"omega": 4.0, "b": 3.0, "a": 2.0, "x": 1.0}),
    ]:
        assert function(*args, **named) == 432.0


def test_bound_positions_and_keywords():
    bound = f.freeze(a=2.0, omega=4.0)
    assert bound(1.0, 3.0) == bound(1.0, b=3.0) == bound(b=3.0, x=1.0) == 432.0
    assert g.freeze(x=1.0)(lambda__=3.0) == -5.0


def test_none_is_a_value_and_no_absence():
    probe = numpify(sp.Function("same")(x), [x], functions={sp.Function("same"): lambda value: value})
    assert probe(np.array([None], dtype=object)).tolist() == [None]
    assert f.freeze(a=None).frozen_parameters == {a: None}
    assert f.freeze(a=None).free_parameters == (x, b, omega)


def test_out():
    bound, result = f.freeze(a=2.0, b=3.0, omega=4.0), np.empty(3)
    assert bound(np.arange(3.0), out=result) is result
    assert result.tolist() == [430.0, 432.0, 434.0]
    assert bound(x=np.ones(3), out=result) is result
    assert result.tolist() == [432.0] * 3


def test_no_parameters_at_all():
    constant = numpify(sp.pi)
    assert constant() == np.pi
    assert constant.freeze()() == np.pi
    with pytest.raises(BindingError, match=r"cannot call with 1 argument: it takes no arguments$"):
        constant(1.0)
    with pytest.raises(BindingError, match="unknown parameter 'x'; there are no parameters"):
        constant(x=1.0)
    assert f.freeze(x=1.0, a=2.0, b=3.0, omega=4.0)() == 432.0


def test_parameters_may_have_the_names_of_our_own_words():
    words = sp.symbols("call context missing misfit absent parameters kind wrapper extra keywords dict plain KeyError")
    words += sp.symbols("call_symbol AttributeError keeps_value proxy self args named bindings omega omega_symbol")
    function = numpify(sum(3**k * word for k, word in enumerate(words)), words)
    assert function.parameter_names == tuple(word.name for word in words)
    context = Parameters({word: float(k) for k, word in enumerate(words)})
    dynamic = dict.fromkeys(words[::2], DYNAMIC_PARAMETER)
    bound = function.freeze({**dynamic, words[1]: 1.0}).set_parameter_context(context)
    expected = sum(3.0**k * k for k in range(len(words)))
    assert bound(*[float(k) for k in range(3, len(words), 2)]) == expected
    assert bound(**{words[k].name: float(k) for k in range(3, len(words), 2)}) == expected
    assert function(**{word.name: float(k) for k, word in enumerate(words)}) == expected


def test_more_parameters_than_a_line_holds():
    many = sp.symbols("x:600")
    function = numpify(sum(many), many)
    assert function(*range(600)) == sum(range(600))
    with pytest.raises(BindingError, match=r"no value for x1, x2, .* x12 and 587 more; it takes 600 arguments: x0"):
        function(1.0)


# ---------------------------------------------------------------------- live values


def test_live_values_compile_nothing_again(monkeypatch):
    knobs = Parameters({omega: 1.0})
    bound = f.freeze({a: 1.0, b: 0.0, omega: DYNAMIC_PARAMETER}).set_parameter_context(knobs)
    assert bound(0.0) == 100.0
    for name in ("builtins.compile", "numpify_ctx._function.compile_expression", "numpify_ctx._binding.making.wrapper"):
        monkeypatch.setattr(name, lambda *args, **named: pytest.fail("compiled again"))
    for value in (2.0, 3.0, 2.0):
        knobs[omega] = value
        assert bound(0.0) == 100.0 * value


def test_a_symbol_may_come_and_go():
    held = {omega: 1.0}
    bound = f.freeze({a: 1.0, b: 0.0, omega: DYNAMIC_PARAMETER}).set_parameter_context(held)
    assert bound(0.0) == 100.0
    del held[omega]
    with pytest.raises(BindingError, match="does not hold"):
        bound(0.0)
    held[omega] = SimpleNamespace(value=2.0)
    assert bound(0.0) == 200.0


def test_many_threads_one_function():
    """A race of first calls, and a context written meanwhile: every result belongs to one value that was there."""
    for _ in range(10):
        knobs = Parameters({omega: 0.0})
        bound = f.freeze({a: 1.0, b: 0.0, omega: DYNAMIC_PARAMETER}).set_parameter_context(knobs)
        barrier = threading.Barrier(4)

        def work(worker, bound=bound, knobs=knobs, barrier=barrier):
            barrier.wait()
            results = set()
            for step in range(50):
                knobs[omega] = float(step)
                results.add(bound(float(worker) / 8) - worker / 8)
            return results

        with ThreadPoolExecutor(4) as pool:
            for results in pool.map(work, range(4)):
                assert results <= {100.0 * step for step in range(50)}


# ---------------------------------------------------------------------- how it shows itself


bound = f.freeze({a: 2.0, b: np.zeros((2, 3)), omega: DYNAMIC_PARAMETER})


def test_repr():
    assert repr(g) == "<NumpifiedFunction (x, lambda__) -> -2*lambda + x>"
    assert repr(bound) == (
        "<BoundNumpifiedFunction (x) -> a*x + 10*b + 100*omega; "
        "a=2.0, b=<float64 array of shape (2, 3)>, omega=DYNAMIC_PARAMETER>"
    )
    assert repr(numpify(sp.Add(*sp.symbols("x:99"))).freeze({f"x{k}": 1.0 for k in range(98)})).startswith(
        "<BoundNumpifiedFunction (x98) -> Add(...); x0=1.0, x1=1.0"
    )
    assert repr(numpify([x, x**2])) == "<NumpifiedFunction (x) -> [x, x**2]>"


def test_latex():
    assert g._repr_latex_() == r"$\displaystyle \left(x, \lambda\right) \mapsto - 2 \lambda + x$"
    assert bound._repr_latex_().endswith(r"\quad \left(a = 2.0,\ b = \ldots,\ \omega = \text{dynamic}\right)$")
    long = sp.Add(*sp.symbols("x:99"))
    assert r"\mapsto x_{0} + x_{1} + x_{10} + x_{11} + \ldots\text{ (95 more)}$" in numpify(long)._repr_latex_()
    assert r"\mapsto \operatorname{sin}\left(\ldots\right)$" in numpify(sp.sin(long))._repr_latex_()
    assert r" x \cdot \ldots\text{ (1 more)}$" in numpify(2 * x * sp.cos(long))._repr_latex_()
    assert r"\begin{matrix}" in numpify(sp.Matrix([x, 1]))._repr_latex_()


def test_html_tells_of_every_parameter_where_its_value_comes_from():
    knobs = Parameters({omega: 3.0})
    shown = bound.set_parameter_context(knobs)._repr_html_()
    assert "<td>x</td><td>free</td><td></td>" in shown
    assert "<td>a</td><td>frozen</td><td>2.0</td>" in shown
    assert "<td>b</td><td>frozen</td><td>&lt;float64 array of shape (2, 3)&gt;</td>" in shown
    assert "<td>omega</td><td>dynamic</td><td>3.0</td>" in shown
    assert r"\mapsto a x" in shown
    knobs[omega] = 4.0
    live = bound.set_parameter_context({omega: lambda: 4.0})
    assert "<td>dynamic</td><td>4.0</td>" in live._repr_html_()
    assert "not in the parameter context" in bound.set_parameter_context({})._repr_html_()
    assert "no parameter context" in bound._repr_html_()


def test_html_takes_no_name_for_code():
    evil = sp.Symbol("<script>alert(1)</script>")
    assert "<script>" not in numpify(evil + 1)._repr_html_()


def test_signature():
    assert str(inspect.signature(f)) == "(x, a, b, omega)"
    assert str(inspect.signature(bound)) == "(x)"
    assert str(inspect.signature(bound.unfreeze(b))) == "(x, b)"
    inspect.signature(g).bind(1.0, lambda__=2.0)
    with pytest.raises(TypeError):
        inspect.signature(bound).bind(1.0, 2.0)


def test_help():
    text = pydoc.render_doc(bound, renderer=pydoc.plaintext)
    assert "BoundNumpifiedFunction(x): a*x + 10*b + 100*omega" in text
    assert "a: frozen to 2.0" in text
    assert "omega: read from the parameter context at every call" in text
    assert "lambda__ (symbol lambda): passed by the call" in pydoc.render_doc(g, renderer=pydoc.plaintext)
    about = pydoc.render_doc(NumpifiedFunction, renderer=pydoc.plaintext)
    assert "A compiled expression: a function of all its parameters" in about
    assert "The same function with some parameters bound" in about


def test_tracebacks_show_a_generated_call_while_it_can_run():
    from numpify_ctx._binding import call as _wrapper

    names = sp.symbols("only_here_1 only_here_2")
    function = numpify(names[0] * names[1])
    function(1.0, 2.0)

    def filenames():
        generated = {name for name in linecache.cache if name.startswith("<numpify")}
        return {name for name in generated if "only_here_2=_missing" in "".join(linecache.getlines(name))}

    [mine] = filenames()
    _wrapper._compiled.cache_clear()
    gc.collect()
    assert filenames() == {mine}
    del function
    gc.collect()
    assert filenames() == set()


def test_importing_pulls_in_nothing_else():
    import subprocess

    script = (
        "import sys, numpify_ctx; "
        "bad = {'jax', 'haliax', 'scipy', 'matplotlib', 'haliax_refs'} & set(sys.modules); "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_is_no_number_reaches_users_functions_and_nothing_else():
    x, mode = sp.symbols("x mode")
    F = sp.Function("F")
    f = numpify(F(x, mode) + 1, [x, mode], functions={F: lambda v, how: -v if how is None else v})
    assert f(2.0, None) == -1.0
    np.testing.assert_array_equal(f.freeze(mode=None)(np.array([1.0, 2.0])), [0.0, -1.0])
    for value in (None, UNFREEZE, object()):
        for expr in (x, x + 1, sp.sin(x), sp.Piecewise((x, x > 0), (1, True))):
            with pytest.raises(TypeError):
                numpify(expr)(value)
