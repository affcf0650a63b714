"""float32 in, float32 out: also where the result is made of constants alone, which are in double until they meet it."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify


x, y = sp.symbols("x y")
h = sp.Function("h")

REAL = [
    sp.pi,
    sp.Rational(1, 3),
    sp.Piecewise((sp.pi, x > 1), (sp.E, True)),
    x * sp.Piecewise((sp.pi, x > 1), (sp.E, True)),
    sp.sqrt(2) * x + sp.Piecewise((0, x > 1), (sp.sqrt(2), True)),
]


@pytest.mark.parametrize("size", [None, 3, 100_000])
@pytest.mark.parametrize(
    ("given", "complexes"), [("float16", "complex64"), ("float32", "complex64"), ("float64", "complex128")]
)
@pytest.mark.parametrize("expr", REAL, ids=str)
def test_a_result_has_the_precision_of_its_argument(
    expr: sp.Expr, given: str, complexes: str, size: int | None
) -> None:
    at = np.dtype(given).type(1.5) if size is None else np.linspace(0.5, 1.5, size).astype(given)
    f = numpify(expr, [x])
    got = f(at)
    assert np.result_type(got) == given
    np.testing.assert_allclose(np.asarray(got, float), f(np.asarray(at, float)), rtol=4 * float(np.finfo(given).eps))
    assert np.result_type(numpify(sp.I * expr, [x])(at)) == complexes


def test_a_double_or_an_integer_beside_it_makes_doubles() -> None:
    y = sp.Symbol("y")
    f = numpify(sp.pi, [x, y])
    for other in (np.arange(2), np.zeros(2)):
        assert f(np.zeros(2, np.float32), other).dtype == np.float64
    assert f(np.zeros(2, np.float32), 1.0).dtype == np.float32


def test_a_users_function_has_its_own_dtype() -> None:
    f = numpify(h(x), [x], functions={h: lambda v: np.asarray(v, np.float64)})
    assert f(np.zeros(2, np.float32)).dtype == np.float64


@pytest.mark.parametrize("size", [4, 100_000])
@pytest.mark.parametrize("others", ["float32", "float64", "int64", "complex64", "complex128"])
@pytest.mark.parametrize(
    "arms",
    [
        (sp.sqrt(y), sp.exp(-sp.Abs(x))),
        (sp.sin(y), sp.floor(sp.Abs(x)) * y),
        (sp.exp(y), sp.re(x) * sp.sin(y)),
        (sp.cos(y), sp.Piecewise((sp.exp(y), sp.Abs(x) > 2), (sp.sin(y), True))),
        (sp.cos(y) + 1, 3),
        (sp.gamma(y), sp.sin(x) * y),
        (sp.gamma(y), sp.Piecewise((1, sp.Abs(x) > 1.5), (0, True))),
        (sp.cosh(y), sp.sin(y) * sp.Piecewise((0.5, sp.Abs(x) > 1.5), (1.5, True))),
        (3, sp.Mod(sp.gamma(y), sp.Piecewise((1, sp.Abs(x) > 1.5), (2, True)))),
    ],
    ids=str,
)
def test_the_dtype_of_a_selection_does_not_depend_on_what_is_selected(
    arms: tuple[sp.Expr, sp.Expr], others: str, size: int
) -> None:
    """It is that of both arms together, as of np.where."""
    f = numpify(sp.Piecewise((arms[0], y > 0), (arms[1], True)), [x, y])
    at = np.linspace(1, 2, size).astype(others)
    positive = np.linspace(0.5, 1.5, size, dtype=np.float32)
    mixed = np.where(np.arange(size) % 2, positive, -positive)
    dtypes = {f(at, selecting).dtype for selecting in (positive, -positive, mixed)}
    assert len(dtypes) == 1
