"""What is refused says what to write instead."""

from __future__ import annotations

import pickle
import traceback
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from sympy.physics import units
from sympy.physics.vector import ReferenceFrame
from sympy.stats import Normal
from sympy.vector import CoordSys3D

from numpify_ctx import CompileError, numpify


x, y, z, n = sp.symbols("x y z n")
f = sp.Function("f")
i = sp.Symbol("i", integer=True)
N = CoordSys3D("N")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: numpify([x, y], x + y),
            r"take x \+ y as args: the expression comes first, numpify\(expr, args\)",
        ),
        (lambda: numpify((x, y), [x + y, x]), "the expression comes first"),
        (lambda: numpify(x, x**2), "the expression comes first"),
        (lambda: numpify([x, y], sp.Matrix([x + y])), "the expression comes first"),
        (lambda: numpify(sp.Eq(f(x), sp.exp(x)), [x]), r"f\(x\): .* pass the right-hand side, .rhs"),
        (lambda: numpify([sp.Eq(f(x), x), sp.Eq(y, x)], [x]), ".rhs"),
        (lambda: numpify(sp.Eq(y, x + 1), [x]), "cannot compile y: .* pass the right-hand side, .rhs"),
        (lambda: numpify(x * units.meter, [x]), "cannot compile meter: it is a unit, .* divide .* list it in args"),
        (lambda: numpify(x * units.speed_of_light, [x]), "it is a physical constant with a unit"),
        (lambda: numpify(x * units.joule / units.kelvin), "it is a unit"),
        (lambda: numpify(sp.Interval(0, x), [x]), r"it is a set; .* write Contains\(x, Interval\(0, x\)\)"),
        (lambda: numpify(sp.Union(sp.Interval(0, x), sp.Interval(3, 4)), [x]), "Contains"),
        (lambda: numpify(sp.FiniteSet(x, 1), [x]), "a set has no order; pass a list"),
        (lambda: numpify(x * N.i + N.j, [x]), r"it is a vector; pass its components, .to_matrix\(system\)"),
        (lambda: numpify(x * ReferenceFrame("A").x, [x]), r"pass its components, .to_matrix\(frame\)"),
        (lambda: numpify(sp.Point(x, 1), [x]), r"it is a point; pass its coordinates, list\(point\)"),
        (lambda: numpify(sp.Circle(sp.Point(0, 0), x), [x]), "it is a figure, not a value"),
        (lambda: numpify(Normal("X", 0, 1) + x, [x]), "it is a random variable"),
        (lambda: numpify(sp.Lambda(x, x), [x]), "it is a function, not a value; pass its expr"),
        (lambda: numpify(sp.sin, [x]), r"it is a function, not a value; apply it to its arguments, sin\(x\)"),
        (lambda: numpify(sp.sin(x).series(x), [x]), r"call .removeO\(\) first"),
        (lambda: numpify(sp.Sum(sp.Indexed("x", i), (i, 0, 3)), [x]), r"Symbol; pass sp.IndexedBase\('x'\) in args"),
        (
            lambda: numpify(sp.MatrixSymbol("x", 2, 2), [x]),
            "of type MatrixSymbol, .* x is of type Symbol; pass the Ma",
        ),
        (
            lambda: numpify(sp.Symbol("x", real=True), [x]),
            "argument x prints the same but has different assumptions",
        ),
        (lambda: numpify(f(x), [x], functions={int: np.sin}), "cannot use <class 'int'> as a key of functions"),
        (lambda: numpify(f(x), [x], functions={np.sin: np.sin}), "cannot use <ufunc 'sin'> as a key of functions"),
        (lambda: numpify(f(x), [x], functions={"f": np.sin}), r"pass sp.Function\('f'\)"),
    ],
)
def test_what_cannot_be_compiled_says_what_to_write(make, message):
    with pytest.raises(CompileError, match=message):
        make()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"modules": "numpy"}, "unexpected keyword argument 'modules': .* pass functions="),
        ({"cse": True}, "unexpected keyword argument 'cse': common subexpressions are always computed once"),
        ({"printer": None}, "'printer'"),
        ({"thread": 2}, "'thread': the options are functions, name, cache"),
    ],
)
def test_an_option_of_lambdify_says_what_to_do_instead(option, message):
    for kind in (TypeError, CompileError):
        with pytest.raises(kind, match=message):
            numpify(x, [x], **option)


@pytest.mark.parametrize("shape", [(), (3,), (40_000,)])
@pytest.mark.parametrize(
    ("expr", "named"),
    [
        (sp.Mod(y, 3), "complex numbers for 'y': Mod is"),
        (sp.Mod(x * z, y), "complex numbers for 'y': Mod is"),
        (sp.Mod(x, z + y) + z, "complex numbers for 'y': Mod is"),
        (sp.Heaviside(y), "complex numbers for 'y': Heaviside is"),
        (sp.atan2(x, y) + sp.atan2(n, x), "complex numbers for 'y', 'n': atan2 is"),
    ],
)
def test_a_complex_argument_is_named_with_the_function_that_refuses_it(expr, named, shape):
    function = numpify(expr, [x, y, z, n])
    real, complex_ = np.ones(shape)[()], np.full(shape, 1 + 2j)[()]
    with pytest.raises(TypeError, match=f"cannot take {named} a function of real numbers$"):
        function(real, complex_, real, complex_)


def test_a_function_whose_args_were_left_out_says_their_order():
    for function in (numpify(z + x), numpify(z + x).freeze(x=1.0)):
        assert repr(function).endswith("args not given, order by name>")
        assert "(args not given, order by name)" in function.__doc__
    for function in (numpify(x + 1), numpify(z + x, [x, z]), numpify(sp.Integer(1))):
        assert "order" not in repr(function)


def test_a_class_cannot_be_called():
    for kind in (type(numpify(x)), type(numpify(x).freeze(x=1.0))):
        with pytest.raises(TypeError, match=rf"{kind.__name__} cannot be instantiated directly; use numpify"):
            kind()


def test_a_slider_among_frozen_values_says_what_is_meant():
    for slider in (lambda: 2.0, SimpleNamespace(val=2.0), SimpleNamespace(value=2.0)):
        with pytest.raises(TypeError, match=r"cannot take .* for 'x': .* bind it to DYNAMIC_PARAMETER"):
            numpify(x + 1).freeze(x=slider)()


def test_an_unknown_option_is_shown_and_pickled_as_a_public_error() -> None:
    with pytest.raises(TypeError, match="'modules'") as caught:
        numpify(x, [x], modules="numpy")
    (shown,) = traceback.format_exception_only(caught.value)
    assert shown.startswith("numpify_ctx.CompileError: ")
    revived = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(revived, CompileError)
    assert revived.args == caught.value.args
