"""One value, whatever the form and the size: the whole table of functions, element by element.

Each function is computed of the same points by each form: Python's numbers, alone and beside an array, NumPy's
scalars, arrays of rank 0, and of 1, 7 and 35 elements in one piece and in blocks, among other neighbours, and into
`out=`. Values agree to rounding, and exactly in what rounding does not touch: which are nan, which are infinite and on
which side, the sign of a zero, the branch, the kind of number.
"""

from __future__ import annotations

import cmath
import math
import warnings

import numpy as np
import pytest
import sympy as sp

from numpify_ctx._execution.blocks import SIZES
from numpify_ctx._execution.entry import Entry
from numpify_ctx._lowering.rules import FAMILIES

from . import forms
from .test_blocks_rules import EVERY_RULE, NOT_IN_BLOCKS


S = sp.symbols("x y z w v")
POINTS = {
    "float64": [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 3.7, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan],
    "int64": [0, 1, 2, 3, -1, -3, 10],
    "complex128": [2.5 + 0j, complex(-2.5, -0.0), -0.6 + 0j, complex(-0.0, 0.4), -2.5j, 1 + 1j, -1.5 + 0.5j, 0j],
    "float32": [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 3.5, 1e30, math.inf, math.nan],
}
# mpmath computes what SciPy does not, some of it in seconds: fewer points, and of the dearest none but in a long run.
DEAR = {
    cls.__name__
    for family in FAMILIES
    if family.__name__.rpartition(".")[2] in ("combinatorial", "polynomials", "special")
    for cls in family.RULES
}
FEW = {"float64": [0.5, 2.0, 0.0, 1.0], "int64": [1, 2, 3], "complex128": [1.5 + 1j, 0.5 - 0.5j], "float32": [0.5, 2.0]}
DEAREST = {
    "polylog", "lerchphi", "marcumq", "andre", "stieltjes", "riemann_xi", "dirichlet_eta", "betainc", "elliptic_pi",
    "betainc_regularized", "zeta", "jacobi", "Ynm", "Znm", "mathieus", "mathieuc", "mathieusprime", "mathieucprime",
    "gegenbauer", "assoc_laguerre", "uppergamma", "lowergamma", "expint", "erf2inv",
}  # fmt: skip
DEAR_IF_COMPLEX = {"euler", "genocchi", "bernoulli", "harmonic", "polygamma", "elliptic_e", "elliptic_f"}
EITHER_ZERO = {"Max", "Min", "maximum", "minimum"}  # of 0.0 and -0.0 NumPy gives either, by the length of the array


def cases():
    for param in EVERY_RULE:
        expr, number = param.values
        name = expr.func.__name__
        for dtype in POINTS:
            dear = name in DEAREST or (name in DEAR_IF_COMPLEX and dtype == "complex128")
            marks = [pytest.mark.slow] if dear else []
            yield pytest.param(expr, number, dtype, id=f"{param.id}-{dtype}", marks=marks)


def rows(dtype, number, name):
    """Points of the plane, or of space: each point of the line meets some others."""
    points = (FEW if name in DEAR else POINTS)[dtype]
    shifted = [points[i % len(points) :] + points[: i % len(points)] for i in (0, 1, 3, 4, 6)[:number]]
    return list(zip(*shifted, strict=True))


def tell(value):
    """What rounding does not touch."""
    value = np.asarray(value)[()]
    kind = value.dtype.kind
    number = complex(value)
    if cmath.isnan(number):
        return kind, "nan"
    if kind == "f" and (number == 0 or math.isinf(number.real)):
        return kind, float(value), math.copysign(1, float(value))
    return kind, "inf" if cmath.isinf(number) else ""


def agree(one, other, rtol):
    if {np.asarray(one).dtype.kind, np.asarray(other).dtype.kind} == {"i", "f"}:
        # An array has one dtype: of integers it is float64 where one of the values is no integer. See below for alone.
        return float(one) == float(other)
    if tell(one) != tell(other):
        return False
    one, other = complex(np.asarray(one)[()]), complex(np.asarray(other)[()])
    if cmath.isnan(one) or cmath.isinf(one):
        return True
    return abs(one - other) <= rtol * max(abs(one), abs(other)) + 1e-290


def arrays_of(points, dtype, size):
    return [np.resize(np.array(column, dtype), size) for column in zip(*points, strict=True)]


def by_each_form(found, points, dtype, sizes):
    """(form, the value at each point); `sizes` are those of short arrays, and of arrays of some blocks."""
    some, many = sizes
    with_blocks, no_blocks = found, Entry(found.program, sizes=forms.NO_BLOCKS)
    count = len(points)
    scalar = np.dtype(dtype).type
    if dtype != "float32":
        yield "Python's numbers", [with_blocks(*point) for point in points]
    yield "NumPy's scalars", [with_blocks(*map(scalar, point)) for point in points]
    yield "rank 0", [with_blocks(*(np.array(v, dtype) for v in point)) for point in points]
    yield "1 element", [no_blocks(*arrays_of([point], dtype, 1))[0] for point in points]
    yield f"{some} elements", [no_blocks(*arrays_of([point], dtype, some))[some // 2] for point in points]
    whole = no_blocks(*arrays_of(points, dtype, count))
    yield "all in one piece", list(whole)
    yield "blocks", list(with_blocks(*arrays_of(points, dtype, many))[count : 2 * count])
    # The other way round, so that each has other neighbours.
    out = np.empty(many, whole.dtype)
    assert with_blocks(*arrays_of(points[::-1], dtype, many), out=out) is out
    yield "backwards, into out", list(out[:count][::-1])


@pytest.mark.parametrize(("expr", "number", "dtype"), list(cases()))
def test_every_function_has_one_value(expr, number, dtype):
    found = forms.compiled(expr, S[:number])
    name = expr.func.__name__
    points = rows(dtype, number, name)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            values = dict(by_each_form(found, points, dtype, (2, 20) if name in DEAR else (7, 35)))
            if dtype == "float64":
                # An array that the expression does not use: of it and doubles, these become arrays of rank 0.
                beside = forms.compiled(expr, [*S[:number], sp.Symbol("u")])
                values["beside an array"] = [beside(*point, np.zeros(2))[1] for point in points]
        except TypeError:
            if dtype != "complex128":  # there are functions of real numbers
                raise
            return
    for alone in ("NumPy's scalars", "rank 0", "1 element") if dtype == "int64" else ():
        kinds = [[np.asarray(v).dtype.kind for v in values[form]] for form in ("Python's numbers", alone)]
        assert kinds[0] == kinds[1], alone
    want = values.pop("all in one piece")
    rtol = 1e-5 if dtype == "float32" else 1e-12
    for form, got in values.items():
        wrong = [
            (point, mine, reference)
            for point, mine, reference in zip(points, got, want, strict=True)
            if not agree(mine, reference, rtol)
            and not (name in EITHER_ZERO and mine == reference == 0 and not isinstance(mine, bool))
        ]
        assert not wrong, (form, wrong[:4])
    if dtype == "float64" and any(found.program.args):
        # Where no blocks were computed, they were not compared.
        assert bool(found.blocks.sources) == ((name, number) not in NOT_IN_BLOCKS)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1000, 200_000])
@pytest.mark.parametrize(("expr", "number"), [p for p in EVERY_RULE if p.values[0].func.__name__ not in DEAR])
def test_every_function_has_one_value_in_long_arrays(expr, number, size):
    found = forms.compiled(expr, S[:number], sizes=SIZES)
    points = rows("float64", number, expr.func.__name__)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        want = Entry(found.program, sizes=forms.NO_BLOCKS)(*arrays_of(points, "float64", len(points)))
        got = found(*arrays_of(points, "float64", size))
    assert got.shape == (size,)
    for i in (0, size // 2 // len(points) * len(points), (size // len(points) - 1) * len(points)):
        assert all(agree(mine, reference, 1e-12) for mine, reference in zip(got[i:], want, strict=False))
