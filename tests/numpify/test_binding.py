"""Freezing, unfreezing, contexts, and every error of a binding or a call."""

import traceback
from collections import OrderedDict, UserDict, defaultdict
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, UNFREEZE, BindingError, BoundNumpifiedFunction, Parameters, numpify


x, a, b, omega = sp.symbols("x a b omega")
lam = sp.Symbol("lambda")
f = numpify(a * x + 10 * b + 100 * omega, [x, a, b, omega])
g = numpify(x - 2 * lam, [x, lam])


# ---------------------------------------------------------------------- freeze and unfreeze


@pytest.mark.parametrize(
    "bindings",
    [
        {a: 2.0, b: 3.0},
        {"a": 2.0, b: 3.0},
        [(a, 2.0), ("b", 3.0)],
        ((a, 2.0), ["b", 3.0]),
        sp.Dict({a: 2, b: 3}),
        OrderedDict(a=2.0, b=3.0),
        MappingProxyType({a: 2.0, b: 3.0}),
        Parameters({a: 2.0, b: 3.0}),
        {a: 2.0, b: 3.0}.items(),
        zip([a, b], [2.0, 3.0], strict=True),
        [sp.Tuple(a, 2), sp.Tuple(b, 3)],
    ],
    ids=lambda bindings: type(bindings).__name__,
)
def test_ways_to_freeze(bindings):
    bound = f.freeze(bindings)
    assert bound.free_parameters == (x, omega)
    assert float(bound(1.0, 4.0)) == 432.0


def test_freezing_nothing():
    for bound in (f.freeze(), f.freeze({}), f.freeze([]), f.freeze(())):
        assert isinstance(bound, BoundNumpifiedFunction)
        assert bound.free_parameters == f.parameters


def test_freezing_overrides():
    bound = f.freeze(a=1.0, b=1.0)
    assert bound.freeze(a=2.0).frozen_parameters == {a: 2.0, b: 1.0}
    assert bound.freeze(a=DYNAMIC_PARAMETER).frozen_parameters == {b: 1.0}
    assert bound.freeze(a=DYNAMIC_PARAMETER).dynamic_parameters == (a,)
    assert bound.freeze(a=DYNAMIC_PARAMETER).freeze(a=3.0).dynamic_parameters == ()
    assert bound.freeze(a=UNFREEZE).free_parameters == (x, a, omega)
    assert bound.freeze(a=DYNAMIC_PARAMETER).freeze(a=UNFREEZE).free_parameters == (x, a, omega)
    assert bound.frozen_parameters == {a: 1.0, b: 1.0}, "what was there has not changed"


def test_unfreezing():
    bound = f.freeze(a=1.0, b=DYNAMIC_PARAMETER, omega=2.0)
    assert bound.unfreeze(a).free_parameters == (x, a)
    assert bound.unfreeze("b", omega).free_parameters == (x, b, omega)
    assert bound.unfreeze().free_parameters == f.parameters
    assert bound.unfreeze(x).free_parameters == (x,), "what is not bound stays free"
    assert f.unfreeze(a).free_parameters == f.parameters
    assert f.unfreeze().free_parameters == f.parameters


def test_frozen_arrays_are_kept_not_copied():
    array = np.arange(3.0)
    bound = f.freeze(x=array, a=1.0, b=0.0, omega=0.0)
    assert bound().tolist() == [0, 1, 2]
    array[:] = 5.0
    assert bound().tolist() == [5, 5, 5]


@pytest.mark.parametrize(
    "value",
    [sp.Integer(3), sp.Rational(1, 3), sp.pi, sp.sqrt(2) + sp.E, sp.Float("0.1", 40), sp.exp(20) - sp.exp(20), sp.true],
    ids=str,
)
def test_numbers_of_sympy_are_numbers(value):
    result = f.freeze({a: value, b: 0.0, omega: 0.0})(1.0)
    assert result == float(sp.Integer(1) if value is sp.true else value)
    assert isinstance(result, float)
    assert f.freeze({a: value}).frozen_parameters[a] is value


def test_complex_numbers_and_matrices_of_sympy():
    assert f.freeze({a: 1 + 2 * sp.I, b: 0.0, omega: 0.0})(1.0) == 1 + 2j
    frozen = f.freeze({a: sp.Matrix([[1, 2], [3, sp.I]]), b: 0.0, omega: 0.0})
    assert frozen(2.0).tolist() == [[2, 4], [6, 2j]]


@pytest.mark.parametrize("value", [x, a + 1, sp.Matrix([x, 1]), x > 0], ids=str)
def test_expressions_are_no_values(value):
    with pytest.raises(BindingError, match=r"(?s)cannot bind a to .*: it holds symbols, and a value is a number or"):
        f.freeze(a=value)


def test_bind_is_the_short_spelling():
    context = Parameters({omega: 4.0})
    assert f.bind({a: 1.0}).frozen_parameters == {a: 1.0}
    assert f.bind(UserDict({a: 1.0})).frozen_parameters == {a: 1.0}
    assert f.bind(context).parameter_context is context
    assert f.bind({a: 2.0}).bind(context).bind({b: 3.0, omega: DYNAMIC_PARAMETER})(1.0) == 432.0
    with pytest.raises(BindingError, match="cannot bind None: there is no ambient parameter context here"):
        f.bind()
    with pytest.raises(BindingError, match="cannot take 3 as a parameter context"):
        f.bind(3)


# ---------------------------------------------------------------------- errors of binding


@pytest.mark.parametrize("function", [f, f.freeze(x=1.0)], ids=["plain", "bound"])
@pytest.mark.parametrize(
    ("bind", "message"),
    [
        (
            lambda h: h.freeze(omga=1.0),
            r"unknown parameter 'omga'; the parameters are x, a, b, omega; did you mean 'omega'\?$",
        ),
        (lambda h: h.freeze({"q": 1.0}), "unknown parameter 'q'; the parameters are x, a, b, omega$"),
        (lambda h: h.unfreeze("omga"), r"unknown parameter 'omga'; .* did you mean 'omega'\?$"),
        (
            lambda h: h.freeze({sp.Symbol("q"): 1.0}),
            "unknown parameter q; the parameters are x, a, b, omega$",
        ),
        (
            lambda h: h.unfreeze(sp.Symbol("x", real=True)),
            r"unknown parameter x; .* the function's own x\? It prints the same but has different assumptions$",
        ),
        (
            lambda h: h.freeze({3: 1.0}),
            "cannot bind 3: expected a symbol or a parameter name, got int$",
        ),
        (lambda h: h.freeze({None: 1.0}), "cannot bind None: expected a symbol or a parameter name, got NoneType"),
        (lambda h: h.freeze([([], 1.0)]), r"cannot bind \[\]: expected .*, got list$"),
        (lambda h: h.freeze({a: 1.0, "a": 2.0}), "cannot bind a twice at once: as a and as 'a'; give it once$"),
        (lambda h: h.freeze([(a, 1.0), (a, 1.0)]), "cannot bind a twice at once: as a and as a; give it once$"),
        (lambda h: h.freeze([(a, 1.0), (a, UNFREEZE)]), "cannot bind a twice at once"),
        (lambda h: h.unfreeze(a, "a"), "cannot unfreeze a twice at once: as a and as 'a'"),
        (
            lambda h: h.freeze({a: 1.0}, b=2.0),
            r"cannot freeze a dict and keywords \(b\) at once: pass one mapping, or pairs, or keywords$",
        ),
        (lambda h: h.freeze([], b=2.0), r"cannot freeze a list and keywords \(b\) at once"),
        (lambda h: h.freeze((a, 1.0)), r"cannot freeze a: it is not a pair; pass pairs \(key, value\)$"),
        (lambda h: h.freeze(["ab"]), "cannot freeze 'ab': it is not a pair"),
        (lambda h: h.freeze([(a, 1.0, 2.0)]), r"cannot freeze \(a, 1.0, 2.0\): it is not a pair"),
        (lambda h: h.freeze("a"), "cannot freeze 'a': it is of type str; pass a mapping, pairs"),
        (lambda h: h.freeze(3), "cannot freeze 3: it is of type int"),
        (lambda h: h.freeze(x), "cannot freeze x: it is of type Symbol"),
    ],
)
def test_bindings_refused(function, bind, message):
    before = function.free_parameters
    with pytest.raises(BindingError, match=message):
        bind(function)
    assert function.free_parameters == before


def test_errors_name_symbol_and_parameter():
    with pytest.raises(BindingError, match=r"parameters are x, lambda__ \(symbol lambda\); did you mean 'lambda__'"):
        g.freeze({"lambda": 1.0})
    with pytest.raises(BindingError, match=r"cannot bind lambda__ \(symbol lambda\) twice at once"):
        g.freeze({lam: 1.0, "lambda__": 1.0})
    with pytest.raises(BindingError, match=r"no value for lambda__ \(symbol lambda\); it takes 2 arguments: x, lam"):
        g(1.0)


def test_a_shared_name_is_answered_with_all_who_share_it():
    twins = numpify(sp.Symbol("x", real=True) + x)
    with pytest.raises(BindingError, match=r"did you mean 'x__0' or 'x__1'\?"):
        twins.freeze(x=1.0)


def test_binding_errors_are_type_errors():
    assert issubclass(BindingError, TypeError)


# ---------------------------------------------------------------------- errors of calls


@pytest.mark.parametrize("first_call", [True, False])
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h: h(), "cannot call with no arguments: no value for x, b; it takes 2 arguments: x, b; frozen: a; "),
        (lambda h: h(1.0), "cannot call with 1 argument: no value for b; it takes 2 arguments: x, b"),
        (lambda h: h(b=1.0), "cannot call with 1 argument: no value for x; it takes 2 arguments: x, b"),
        (
            lambda h: h(1.0, 2.0, 3.0),
            "cannot call with 3 arguments: it takes 2 arguments: x, b; frozen: a; read from the context: omega$",
        ),
        (lambda h: h(1.0, 2.0, b=3.0), "cannot pass b twice: it is given before b=...; give it once$"),
        (lambda h: h(1.0, 2.0, a=3.0), "cannot pass a: it is frozen to 2.0; unfreeze it first$"),
        (
            lambda h: h(1.0, 2.0, omega=3.0),
            "cannot pass omega: it is a DYNAMIC_PARAMETER, read from the parameter context; unfreeze it first$",
        ),
        (lambda h: h(1.0, bb=2.0), r"unknown parameter 'bb'; .*; did you mean 'b'\?$"),
        (lambda h: h(1.0, 2.0, q=2.0), "unknown parameter 'q'; the parameters are x, a, b, omega$"),
    ],
)
def test_calls_refused(call, message, first_call):
    bound = f.freeze(a=2.0, omega=DYNAMIC_PARAMETER).set_parameter_context({omega: 1.0})
    if not first_call:
        bound(1.0, 2.0)
    with pytest.raises(BindingError, match=message):
        call(bound)


def test_a_dynamic_parameter_is_never_filled_from_the_call():
    bound = f.freeze(omega=DYNAMIC_PARAMETER)
    for function in (bound, bound.set_parameter_context({})):
        with pytest.raises(BindingError):
            function(1.0, 2.0, 3.0, 4.0)
        with pytest.raises(BindingError):
            function(1.0, 2.0, 3.0, omega=4.0)


def test_no_context():
    with pytest.raises(
        BindingError,
        match=r"^cannot call: omega is a DYNAMIC_PARAMETER and there is no parameter context; "
        r"use set_parameter_context\(ctx\), or unfreeze it$",
    ):
        f.freeze(omega=DYNAMIC_PARAMETER)(1.0, 2.0, 3.0)
    with pytest.raises(BindingError, match=r"lambda__ \(symbol lambda\) are each a DYNAMIC_PARAMETER .* unfreeze them"):
        g.freeze(x=DYNAMIC_PARAMETER, lambda__=DYNAMIC_PARAMETER)()


@pytest.mark.parametrize("wrap", [lambda held: held, lambda held: SimpleNamespace(parameters=held)])
@pytest.mark.parametrize("kind", [dict, UserDict, MappingProxyType, lambda held: defaultdict(float, held)])
def test_a_symbol_that_the_context_lacks(wrap, kind):
    bound = g.freeze(lambda__=DYNAMIC_PARAMETER)
    held = kind({x: 1.0})
    with pytest.raises(
        BindingError,
        match=r"^cannot call: lambda__ \(symbol lambda\) is a DYNAMIC_PARAMETER and the parameter context "
        r"does not hold it; it holds x; add it to the context, or unfreeze it$",
    ):
        bound.set_parameter_context(wrap(held))(1.0)
    assert dict(held) == {x: 1.0}, "a look-up adds nothing"


def test_a_symbol_that_only_looks_like_the_one():
    bound = f.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context({sp.Symbol("omega", real=True): 1.0})
    with pytest.raises(BindingError, match="its omega prints the same but has different assumptions"):
        bound(1.0, 2.0, 3.0)


def test_absence_chains_no_internal_error():
    with pytest.raises(BindingError) as caught:
        f.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context({})(1.0, 2.0, 3.0)
    assert caught.value.__suppress_context__
    assert "it holds nothing" in str(caught.value)


def test_the_signature_stands_whatever_the_context_holds():
    held = {omega: 1.0}
    bound = f.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context(held)
    for change in (lambda: held.update({x: 5.0, a: 6.0}), held.clear, lambda: held.update({omega: 2.0})):
        before = bound.free_parameters
        change()
        assert bound.free_parameters == before == (x, a, b)
    assert bound(1.0, 1.0, 0.0) == 201.0


def test_removing_the_context_takes_no_snapshot():
    bound = f.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context({omega: 1.0})
    removed = bound.remove_parameter_context()
    with pytest.raises(BindingError, match="there is no parameter context"):
        removed(1.0, 2.0, 3.0)
    assert removed.dynamic_parameters == (omega,)
    assert bound(1.0, 2.0, 3.0) == 132.0
    assert removed.unfreeze(omega)(1.0, 2.0, 3.0, 1.0) == 132.0
    assert bound.set_parameter_context(None).parameter_context is None
    assert f.remove_parameter_context().free_parameters == f.parameters


# ---------------------------------------------------------------------- what a context raises is its own


class Broken(Mapping):
    """A context that is its own mapping, and raises where it is told to."""

    def __init__(self, where, error):
        self.where, self.error = where, error

    def fail(self, where):
        if where == self.where:
            raise self.error

    @property
    def parameters(self):
        self.fail("parameters")
        return self

    def __contains__(self, key):
        self.fail("contains")
        return True

    def __getitem__(self, key):
        self.fail("getitem")
        return self

    @property
    def value(self):
        self.fail("value")
        return 1.0

    def __iter__(self):
        return iter([omega])

    def __len__(self):
        return 1


@pytest.mark.parametrize(
    "kind", [ValueError, KeyError, AttributeError, TypeError, BindingError, LookupError, StopIteration]
)
@pytest.mark.parametrize("where", ["parameters", "contains", "getitem", "value"])
def test_errors_of_the_context_pass_through(kind, where):
    error = kind("mine")
    bound = f.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context(Broken(where, error))
    with pytest.raises(kind) as caught:
        bound(1.0, 2.0, 3.0)
    assert caught.value is error


@pytest.mark.parametrize("kind", [ValueError, KeyError, AttributeError])
@pytest.mark.parametrize("wrap", [lambda held: held, lambda held: SimpleNamespace(parameters=held)])
def test_errors_of_an_entry_pass_through(kind, wrap):
    error = kind("mine")
    bound = f.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context(wrap({omega: Broken("value", error)}))
    with pytest.raises(kind) as caught:
        bound(1.0, 2.0, 3.0)
    assert caught.value is error


def test_a_context_that_breaks_none_of_it():
    assert f.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context(Broken("", None))(1.0, 2.0, 3.0) == 132.0


def test_errors_of_the_function_pass_through():
    def refuse(value):
        raise KeyError(omega)

    function = numpify(sp.Function("h")(omega), [omega], functions={sp.Function("h"): refuse})
    for held in ({omega: 1.0}, SimpleNamespace(parameters={omega: 1.0})):
        with pytest.raises(KeyError, match="omega"):
            function.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context(held)()


def test_a_traceback_shows_the_generated_call():
    error = ZeroDivisionError("mine")
    try:
        f.freeze(omega=DYNAMIC_PARAMETER).set_parameter_context(Broken("value", error))(1.0, 2.0, 3.0)
    except ZeroDivisionError:
        text = traceback.format_exc()
    assert "omega = omega.value" in text
