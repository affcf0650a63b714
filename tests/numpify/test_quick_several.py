"""Law: quick ways to several results, and to matrices, hand back what the whole way does: structure, bits, memory."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify

from .test_quick_laws import ARGUMENTS, NATIVE, not_aligned, outcome, read_only, values, warm


x, y = sp.symbols("x y")
WAVE = sp.sin(x) * y**3

SEVERAL = {
    "a list": [x * y + 1, x - y],
    "a tuple within": (sp.sin(x), [sp.cos(y), x * y]),
    "a dict": {"sum": x + y, "k": [x * y, {0: x / y}]},
    "one result": [x * y - 1],
    "arguments": [x, y, x, x + y],
    "a result twice": [x * y, x + 1, x * y],
    "numbers": [x + y, 2, sp.pi, sp.I, sp.true],
    "a matrix": sp.Matrix(2, 2, [x, 1, x * y, y]),
    "a matrix of arguments": sp.Matrix([[x, y]]),
    "a matrix of one argument": [sp.Matrix([x, 2 * x]), y],
    "a gradient and a Hessian": [sp.Matrix([WAVE.diff(x), WAVE.diff(y)]), sp.hessian(WAVE, [x, y])],
    "a rotation": sp.Matrix([[sp.cos(x), -sp.sin(x), 0], [sp.sin(x), sp.cos(x), 0], [0, 0, 1]]) * y,
    "a matrix beside one value": (sp.Matrix([[x, y]]), WAVE),
    "a matrix in a dict": {"k": sp.Matrix([x * y, sp.pi]), "x": x},
    "an array of 3 axes": sp.Array([[[x, y], [x * y, 1]], [[x - y, 2], [x, x]]]),
    "more entries than a kernel gives": sp.Matrix(5, 6, lambda i, j: x * i + y * j),
    "an array of constants beside a value": [sp.Matrix(5, 6, range(30)), x * y],
    "entries of several types": sp.Matrix([x / 3, x, sp.I, 2, x * y]),
    "a constant that no kernel has": sp.Matrix([x * y, 2**70, x]),
    "no number among entries": sp.Matrix([x * y, sp.oo, sp.nan, -sp.oo]),
    "a matrix and what NumPy computes": [sp.Matrix([sp.besselj(0, x) * y, x * y + 1]), sp.sin(y) * x],
    "values that NumPy computes": [sp.besselj(1, x) + x * y + 1, sp.sin(x) * x],
    "relations": [x < y, sp.Eq(x, 0.5), x * y],
    "choices": [sp.Piecewise((x, x > y), (y, True)), sp.Piecewise((x * y, x > 0), (x, True)), sp.Abs(x), x < y],
    "real where only complex numbers lead": [sp.sqrt(x) * sp.sqrt(x - y), x * y],
    "a choice among numbers": [sp.Piecewise((1, x > 0), (sp.Rational(1, 2), True)), x + y],
    "what hands back an argument": [sp.re(x), sp.conjugate(y), sp.Max(x, y), sp.floor(x)],
}
LEARNED = ("a list", "a tuple within", "a dict", "one result", "arguments", "a result twice", "numbers", "a matrix",
           "a matrix of arguments", "a gradient and a Hessian", "a rotation", "a matrix beside one value",
           "a matrix in a dict", "an array of 3 axes")  # fmt: skip
LEARNED_BY_KERNELS = (*LEARNED, "more entries than a kernel gives", "an array of constants beside a value",
                      "entries of several types", "no number among entries", "relations", "choices",
                      "values that NumPy computes", "a choice among numbers")  # fmt: skip


def leaves(found):
    """The arrays and numbers of a result, and how they are put together."""
    if isinstance(found, list | tuple | dict):
        items = found.values() if isinstance(found, dict) else found
        parts = [leaves(item) for item in items]
        keys = list(found) if isinstance(found, dict) else None
        return [one for part, _ in parts for one in part], (type(found), keys, [kind for _, kind in parts])
    return [found], None


def told(call):
    """What a call gives, and all that it says."""
    kept = []
    said = outcome(lambda: kept.append(call()))
    if not kept:
        return said
    found, structure = leaves(kept[0])
    layouts = [one.strides if type(one) is np.ndarray else None for one in found]
    return said, structure, [outcome(lambda one=one: one) for one in found], layouts


@functools.cache
def function_of(name, native):
    f = warm(numpify(SEVERAL[name], [x, y], native=native, cache=False), 2)
    return f, f._origin.compiled.apply


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("name", SEVERAL)
def test_results_of_all_kinds_of_arguments(name, native):
    f, whole = function_of(name, native)
    for kind, args in ARGUMENTS.items():
        assert told(lambda args=args: f(*args)) == told(lambda args=args: whole(args)), kind
        swapped = args[::-1]
        assert told(lambda swapped=swapped: f(*swapped)) == told(lambda swapped=swapped: whole(swapped)), kind


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("name", SEVERAL)
def test_results_are_the_callers_own(name, native):
    f, _ = function_of(name, native)
    args = values(5) + 5, values(5) + 6
    for _ in range(3):
        with np.errstate(all="ignore"):
            arrays = [a for a in leaves(f(*args))[0] if type(a) is np.ndarray]
        for one, other in itertools.combinations([*args, *arrays], 2):
            assert not np.shares_memory(one, other)
        for a in arrays:
            a[...] = 0


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("bound", [1.5, 2, "dynamic", values(5)], ids=str)
def test_results_of_bound_functions(name, native, bound):
    f, whole = function_of(name, native)
    other = 1.5 if type(bound) is str else bound
    context = Parameters({y: 1.5})
    g = f.freeze({y: DYNAMIC_PARAMETER if type(bound) is str else bound}).set_parameter_context(context)
    for kind, args in ARGUMENTS.items():
        for _ in range(2 * (np.ndim(args[0]) > 0)):
            assert told(lambda args=args: g(args[0])) == told(lambda args=args: whole((args[0], other))), kind


def test_out_is_refused_as_ever():
    f, whole = function_of("a list", False)
    args = values(5), values(5)
    out = np.empty((2, 5))
    assert told(lambda: f(*args, out=out)) == told(lambda: whole(args, out))


CASES = [(name, native) for native in NATIVE for name in (LEARNED_BY_KERNELS if native else LEARNED)]


@pytest.mark.parametrize(("name", "native"), CASES)
def test_calls_like_earlier_ones_ask_nothing_of_the_whole_way(name, native, monkeypatch):
    f, _ = function_of(name, native)
    monkeypatch.setattr(type(f._origin.compiled), "apply", None)
    for kind in ("doubles", "of 100", "of 2 axes", "backwards", "that are read only"):
        args = [np.abs(a) + 0.5 for a in ARGUMENTS[kind]]
        f(*args)


def test_several_results_of_integers_are_exact_and_quick_up_to_the_limit(monkeypatch):
    f = numpify([x * y + 1, x - y, sp.Matrix([x, 3 * y])], [x, y], native=False, cache=False)
    compiled = f._origin.compiled
    small = np.arange(5), np.arange(5)[::-1].copy()
    for _ in range(3):
        f(*small)
    limit = 2 ** compiled.bounds.most_bits(3)
    for number, is_quick in [(limit - 1, True), (-limit, True), (limit, False), (-limit - 1, False), (2**62, False)]:
        args = small[0], np.array([1, number, 0, 2, 3])
        found = [quick.function(args, None) for quick in compiled.quicks]
        assert any(one is not None for one in found) == is_quick
        got = f(*args)
        wanted = [[int(a) * int(b) + 1 for a, b in zip(*args, strict=True)]]
        assert got[0].tolist() == wanted[0] or got[0].dtype.kind == "f"
        assert not is_quick or got[0].dtype == np.int64


@pytest.mark.parametrize("name", SEVERAL)
def test_kernels_on_threads_give_the_same(name, monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.setattr("numpify_ctx._execution.native_calls.PIECE", 40)
    monkeypatch.setattr("numpify_ctx._execution.native_quick.PIECE", 40)
    one, several = (numpify(SEVERAL[name], [x, y], native=True, threads=n, cache=False) for n in (1, 3))
    for shape in (5, 60, 300, (30, 10), (2, 150)):
        args = values(shape), values(shape)[::-1].copy()
        for _ in range(2):
            assert told(lambda args=args: several(*args)) == told(lambda args=args: one(*args)), shape


@pytest.mark.parametrize("name", SEVERAL)
def test_plain_numpy_and_kernels_give_several_results_alike(name):
    """Structure, shapes and types to the letter; values but for rounding."""
    pytest.importorskip("llvmlite")
    (plain, _), (native, _) = (function_of(name, kernels) for kernels in NATIVE)
    for kind in ("doubles", "of 2 axes", "float32", "int64", "bool", "complex", "that broadcast", "a float first"):
        args = ARGUMENTS[kind]
        with np.errstate(all="ignore"):
            (wanted, structure), (found, its) = leaves(plain(*args)), leaves(native(*args))
        assert its == structure, kind
        for one, other in zip(wanted, found, strict=True):
            assert (type(one), one.dtype, one.shape) == (type(other), other.dtype, other.shape), kind
            np.testing.assert_allclose(other, one, rtol=1e-5 if "32" in kind else 1e-13, atol=1e-300)


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("beside", [x * y, sp.Piecewise((x, x > y), (y, True))], ids=str)
def test_constants_that_are_no_numbers_are_no_news(beside, native):
    f = numpify(sp.Matrix([beside, sp.oo, sp.nan]), [x, y], native=native, cache=False)
    args = values(5), values(5)[::-1].copy()
    for _ in range(3):
        *_, said = outcome(lambda: f(*args))
        assert not said
        assert f(*args)[1:, 0].tolist()[0] == [np.inf] * 5


@pytest.mark.parametrize("size", [1, 100, 8192, 50_000])
def test_kernels_write_what_counts_as_an_input(size):
    """NumPy copies inputs that it has to convert or to align, and whatever of more axes does not lie in one order."""
    pytest.importorskip("llvmlite")
    f = numpify([x * y + 1, x < y, x - 2, y / 3], [x, y], native=True, cache=False)
    wide = np.linspace(-3.0, 5.0, 2 * size)
    kinds = [
        wide[:size],
        wide[::2],
        wide[::-2],
        not_aligned(wide[:size]),
        np.broadcast_to(wide[:1], size),
        wide[:size].T,
    ]
    beside = read_only(wide[:size] ** 2)
    f(kinds[0], beside)
    for one, other in itertools.product([*kinds, 1.5], [*kinds, beside]):
        wanted = [one * other + 1, one < other, other * 0 + one - 2, one * 0 + other / 3]
        for found, want in zip(f(one, other), wanted, strict=True):
            assert (found.dtype, found.tolist()) == (want.dtype, want.tolist())
