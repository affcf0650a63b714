"""What no call can compute with is refused in the words of its parameters."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameter, Parameters, numpify


x, k = sp.symbols("x lambda")
PRODUCT = numpify(x * k, [x, k])


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("2", "'2' for 'lambda__': it is of type str"),
        (b"2", "b'2' for 'lambda__': it is of type bytes"),
        (None, "None for 'lambda__': it is of type NoneType"),
        ({}, "{} for 'lambda__': it is of type dict"),
        (np.datetime64("2020-01-01"), "it is of type datetime64"),
        (np.array(["2020-01-01"], "M8[D]"), "<datetime64[D] array of shape (1,)> for 'lambda__'"),
        (np.array(["a", "b"]), "<<U1 array of shape (2,)> for 'lambda__': it is of dtype <U1"),
        (np.array([None, 1.0]), "<object array of shape (2,)> for 'lambda__': it is of dtype object"),
        (np.array([x, 1]), "it is of dtype object"),
        ([[1.0], [1.0, 2.0]], "it is a list that makes no array of numbers"),
    ],
    ids=["str", "bytes", "None", "dict", "date", "dates", "strs", "objects", "symbols", "ragged"],
)
@pytest.mark.parametrize("other", [1.0, np.ones(2), np.ones(40_000)], ids=["scalar", "array", "large"])
def test_what_is_no_number(value, what, other):
    for call in (
        lambda: PRODUCT(other, value),
        lambda: PRODUCT.freeze(lambda__=value)(other),
        lambda: PRODUCT.freeze({k: DYNAMIC_PARAMETER}).set_parameter_context({k: value})(other),
    ):
        with pytest.raises(TypeError, match=r"^cannot take .* array of numbers$") as caught:
            call()
        assert what in str(caught.value)
        assert str(caught.value).endswith("; pass a number or an array of numbers")


def test_shapes_that_do_not_fit_together():
    with pytest.raises(ValueError, match=re.escape("of their shapes, 'x' has (2,), 'lambda__' has (3,)")):
        PRODUCT(np.ones(2), np.ones(3))
    matrix = sp.MatrixSymbol("A", 2, 2)
    with pytest.raises(ValueError, match=re.escape("of their shapes, 'A' has (5,), 'x' has (4,)")):
        numpify(matrix * x, [matrix, x])(np.ones((2, 2, 5)), np.ones(4))
    with pytest.raises(ValueError, match="cannot take a value of shape"):
        numpify(matrix * x, [matrix, x])(np.ones((3, 2)), 1.0)


@pytest.mark.parametrize("expr", [sp.Mod(x, 2), sp.atan2(x, 1), sp.Heaviside(x)], ids=str)
@pytest.mark.parametrize("value", [1j, np.array([1j, 2.0]), np.full(40_000, 1j)], ids=["scalar", "array", "large"])
def test_complex_numbers_where_the_function_is_of_real_ones(expr, value):
    with pytest.raises(TypeError, match=r"complex numbers for 'x': .* is a function of real numbers"):
        numpify(expr, [x])(value)


def test_what_a_users_function_raises_is_its_own():
    def picky(value):
        raise TypeError(f"not {value}")

    picky_one = sp.Function("picky_one")
    with pytest.raises(TypeError, match=r"^not None$"):
        numpify(picky_one(x), [x], functions={picky_one: picky})(None)


def test_a_symbol_is_no_number():
    with pytest.raises(TypeError, match="cannot take x for 'lambda__': it is of type Symbol; pass a number"):
        PRODUCT(1.0, x)


class Thing:
    """What has no repr of its own, so that Python shows where it lies in memory."""


@pytest.mark.parametrize(
    "attempt",
    [
        lambda thing: PRODUCT(thing, 1.0),
        lambda thing: PRODUCT(1.0, 2.0, out=thing),
        lambda thing: PRODUCT.freeze({thing: 1.0}),
        lambda thing: PRODUCT.freeze(thing),
        lambda thing: PRODUCT.freeze({k: DYNAMIC_PARAMETER}).set_parameter_context(thing),
        lambda thing: Parameters({thing: 1.0}),
        lambda thing: Parameters({x: 1.0}).observe(thing),
        lambda thing: Parameters({x: thing}).observe(None),
        lambda thing: Parameter(x, 1.0).observe(thing),
        lambda thing: numpify(thing),
        lambda thing: numpify(x, thing),
        lambda thing: numpify(x, [thing]),
        lambda thing: numpify(x, threads=thing),
        lambda thing: numpify(sp.Function("h")(x), functions={sp.Function("h"): thing}),
        lambda thing: numpify(sp.Function("h")(x), functions={sp.Function("h"): lambda a, b=thing, *, c: a}),
        lambda thing: numpify(x, functions={thing: abs}),
        lambda thing: numpify(sp.Function("h")(x), [x], functions={sp.Function("h"): lambda a: thing})(1.0),
    ],
)
def test_no_message_shows_an_address_in_memory(attempt):
    thing = Thing()
    assert re.search(r" at 0x", repr(thing))
    with pytest.raises((TypeError, ValueError)) as caught:
        attempt(thing)
    assert "0x" not in str(caught.value)
    assert re.search(r"Thing|'parameters'|lambda", str(caught.value))
