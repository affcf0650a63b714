"""Large arrays in blocks: the same numbers as in plain NumPy and over `math`, with little memory."""

from __future__ import annotations

import sys
import tracemalloc
import warnings

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify

from . import forms
from .forms import kernels, plain


S = x, y, z, w, v = sp.symbols("x y z w v")
P = sp.Piecewise
RNG = np.random.default_rng(7)


def compiled(expr, *arguments, threads=1, functions=None):
    return forms.compiled(expr, arguments or (x, y), threads=threads, functions=functions)


def check(expr, *args, arguments=None, in_blocks=True, rtol=1e-13, threads=1):
    """Compare all results with the plain form; dtype, shape and order in memory too."""
    found = compiled(expr, *(arguments or S[: len(args)]), threads=threads)
    got, want = found(*args), plain(found, args)
    assert bool(kernels(found)) == in_blocks
    pairs = list(zip(got, want, strict=True)) if isinstance(got, list) else [(got, want)]
    for mine, reference in pairs:
        assert (mine.dtype, mine.shape) == (reference.dtype, reference.shape)
        np.testing.assert_allclose(mine, reference, rtol=rtol, atol=1e-14)
        assert mine.flags.writeable
        assert not any(np.may_share_memory(mine, a) for a in args if isinstance(a, np.ndarray))
    return found


# -- shapes and layouts ----------------------------------------------------------------------------------------------

E = sp.sin(x) * sp.exp(-y) + x**3 / (y**2 + 1) - 2 * x + 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((100,), (100,)),
        ((100,), ()),
        ((), (10, 10)),
        ((10, 10), (10,)),
        ((10, 1), (1, 10)),
        ((10, 1), (10,)),
        ((100, 1), (1, 2)),
        ((2, 1), (1, 100)),
        ((7, 1, 5), (3, 1)),
        ((1, 50, 1), (4, 1, 1)),
        ((40, 1), (1, 1)),
        ((3, 5, 7), (3, 5, 7)),
        ((2, 3, 4, 5), (3, 1, 5)),
    ],
)
def test_broadcasting(first, second):
    check(E, RNG.uniform(size=first), RNG.uniform(size=second))
    check([E, x * y], RNG.uniform(size=first)[()], RNG.uniform(size=second)[()])


def test_an_outer_product_never_spreads_its_arguments_out():
    found = check(sp.sin(x) * sp.cos(y) + x * y, RNG.uniform(size=(40, 1)), RNG.uniform(size=(1, 50)))
    (source,) = kernels(found)
    assert "sin" not in source.text  # computed before, on 40 elements
    assert "cos" not in source.text
    found = check(sp.sin(x) * sp.cos(y) + x * y, RNG.uniform(size=(40, 1)), RNG.uniform(size=(1, 2)))
    (source,) = kernels(found)
    patterns = {pattern for _, pattern in source.buffers}
    assert 0b01 in patterns  # sin(x) in a buffer as long as x, not as the block
    assert "np.sin(x" in source.text


BASE = RNG.uniform(0.1, 1, (24, 36))
VIEWS = {
    "transposed": BASE.T,
    "reversed": BASE[::-1, ::-1],
    "strided": BASE[::2, ::3],
    "rows": BASE[::2],
    "columns": BASE[:, 3:20],
    "Fortran": np.asfortranarray(BASE),
    "spread": np.broadcast_to(BASE[0], (24, 36)),
    "three axes": BASE.reshape(4, 6, 36).transpose(2, 0, 1),
    "one column": BASE[:, 0],
    "read only": np.frombuffer(BASE.tobytes()),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views(name):
    a = VIEWS[name]
    check(E, a, a[..., ::-1])
    check(E, a, 0.5)
    check(E, a, np.ascontiguousarray(a))


def test_results_lie_in_memory_as_those_of_numpy():
    for a in (BASE, BASE.T, np.asfortranarray(BASE)):
        found = compiled(sp.sin(x) * 2, x)
        assert found(a).strides == plain(found, [a]).strides


def test_memory_maps_and_subclasses(tmp_path):
    mapped = np.memmap(tmp_path / "data", dtype=np.float64, mode="w+", shape=(100,))
    mapped[:] = BASE.reshape(-1)[:100]
    found = compiled(x**2 + 1, x)
    np.testing.assert_array_equal(found(mapped), np.asarray(mapped) ** 2 + 1)
    masked = np.ma.masked_array(BASE.reshape(-1)[:100].copy(), mask=np.arange(100) % 2 == 0)
    assert found(masked).mask.sum() == 50


# -- dtypes ----------------------------------------------------------------------------------------------------------

DTYPES = [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128, np.int8, np.uint16, np.int64]


@pytest.mark.parametrize("one", DTYPES)
@pytest.mark.parametrize("other", DTYPES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mixed_dtypes(one, other):
    a, b = (RNG.uniform(1, 9, 40).astype(d) for d in (one, other))
    tolerance = 4e-3 if np.float16 in (one, other) else 1e-5 if {np.float32, np.complex64} & {one, other} else 1e-13
    for expr in (E, sp.sqrt(2) * x + y / 3, x * y / 2, (x + 1) ** 2 * y * sp.pi):
        check(expr, a, b, rtol=tolerance)
    check(E, a, b[0], rtol=tolerance)
    check([x / y, sp.sqrt(x)], a, b, rtol=tolerance)


def test_constants_do_not_upcast():
    a = BASE.astype(np.float32)
    found = check(sp.sqrt(2) * x**2 + sp.Rational(1, 3), a, rtol=1e-6)
    (source,) = kernels(found)
    boxes = [value for value in source.namespace.values() if isinstance(value, np.ndarray)]
    assert {box.dtype for box in boxes} == {np.dtype(np.float32)}


def test_integers_are_exact_and_never_wrap():
    a = np.arange(-20, 20)
    check(x**2 + 3, a)
    check(x**2 * y + 1, a, np.linspace(0, 1, 40))
    check(sp.Mod(x, 7) * x, a, in_blocks=False)
    big = np.full(40, 2**40)
    big[:20] = 1
    check(x**2 + 3, big, in_blocks=False)
    check(P((x + y, x < y), (x * y, True)), big, big[::-1].copy(), in_blocks=False)  # which may be floats in one block
    got = compiled(x**2 * y)(big, np.full(40, 0.5))
    np.testing.assert_array_equal(got, np.where(big == 1, 0.5, 2.0**79))
    check(P((1, x > 0), (0, True)), BASE)
    check((x > 0.5) & (y < 0.5), BASE, BASE[::-1])


@pytest.mark.parametrize("expr", [x ** (-y), sp.sin(x) + 2 ** (-y), (x + y) ** x, (y + 1) ** (-y) * x, x ** (y / 2)])
def test_powers_of_integers_may_be_fractions(expr):
    f = compiled(expr)
    for values in (np.arange(1, 5), np.ones(4, bool)):
        small, large = f(values, values), f(np.tile(values, 32), np.tile(values, 32))
        assert large.dtype == small.dtype
        np.testing.assert_allclose(large, np.tile(small, 32), rtol=1e-14)
        exact = [float(expr.subs({x: int(v), y: int(v)})) for v in values]
        np.testing.assert_allclose(small, exact, rtol=1e-14)


# -- what is not for blocks ------------------------------------------------------------------------------------------


def test_functions_of_users_see_whole_arrays():
    f = sp.Function("f")
    seen = []

    def running(values):
        seen.append(np.shape(values))
        return np.cumsum(values)

    a = BASE.reshape(-1)
    found = compiled(f(x) * sp.exp(y) + x, functions={f: running})
    np.testing.assert_allclose(found(a, a), np.cumsum(a) * np.exp(a) + a)
    assert seen == [a.shape]
    assert "np.exp" in kernels(found)[0].text
    found = compiled(f(x) * sp.exp(x), x, functions={f: np.sin})  # a ufunc is elementwise
    np.testing.assert_allclose(found(a), np.sin(a) * np.exp(a))
    assert "np.sin" in kernels(found)[0].text


def test_sums_and_matrices():
    k = sp.Symbol("k")
    check(sp.Sum(x**k / (k + 1), (k, 0, 5)) * sp.exp(x) + y, BASE, BASE)
    check(sp.Sum(x**k, (k, 0, 5)), BASE, in_blocks=False)
    found = check(sp.Matrix([[sp.sin(x), y], [1, x * y]]), BASE, BASE[::-1])
    assert found(BASE, 2.0).shape == (2, 2, 24, 36)
    check([sp.Matrix([x * y, sp.sin(x)]), sp.sin(x), x, sp.sin(y), sp.Integer(3)], BASE, 0.5)
    check([sp.Matrix([1, sp.sin(x)]), sp.Matrix([sp.I, sp.cos(x)])], BASE)


# -- scalars ---------------------------------------------------------------------------------------------------------


def test_what_is_scalar_is_computed_once():
    f = sp.Function("f")
    calls = []

    def note(value):
        calls.append(np.shape(value))
        return value * 2

    found = compiled(x * f(y) + sp.sqrt(y + sp.exp(y)) * x**2, functions={f: note})
    found(BASE, 0.5)
    assert calls == [()]
    (source,) = kernels(found)
    assert "exp" not in source.text
    assert "sqrt" not in source.text


def test_freezing_makes_a_sweep_cheaper():
    expr = x * sp.sin(y) * sp.exp(z)
    found = compiled(expr, x, y, z)
    found(BASE, BASE, BASE)
    found(BASE, 0.5, 0.25)  # as frozen numbers come
    full, frozen = kernels(found)
    assert "np.sin" in full.text
    assert "np.exp" in full.text
    assert "np.sin" not in frozen.text
    assert "np.exp" not in frozen.text


# -- buffers ---------------------------------------------------------------------------------------------------------


def test_a_sum_does_not_write_into_what_it_has_yet_to_read():
    args = RNG.uniform(0.1, 1, 100), RNG.uniform(0.1, 1, 100)
    check(sp.tanh(sp.sin(x) + sp.cos(x) + sp.exp(x) + sp.sqrt(y)), *args)
    check(sp.tanh(sp.sin(x) * sp.cos(x) * sp.exp(x) * sp.sqrt(y)), *args)
    check(sp.tanh(-sp.sin(x) - sp.cos(x) - sp.exp(x) - sp.sqrt(y)), *args)


def test_a_selection_that_hands_back_a_buffer_keeps_it():
    shared = sp.sin(x)
    chosen = P((shared, x > 0), (shared * sp.log(-x), True))
    check(sp.exp(chosen) * sp.cos(chosen + y), RNG.uniform(0.1, 1, 100), RNG.uniform(0.1, 1, 100))


def test_buffers_are_used_again():
    expr = x
    for _ in range(50):
        expr = sp.sin(expr) + sp.cos(expr) * y
    found = check(expr, RNG.uniform(0.1, 1, 100), RNG.uniform(0.1, 1, 100), rtol=1e-12)
    (source,) = kernels(found)
    assert len(source.buffers) <= 3


# -- selection -------------------------------------------------------------------------------------------------------

SELECTIONS = [
    P((sp.log(x), x > 0), (sp.exp(x), True)),
    P((sp.log(x), x > 0), (y, x > -1), (sp.sqrt(-x) * y, True)),
    P((x, x > y), (sp.exp(y) * sp.sin(x), True)) + sp.exp(y),
    P((x * y, x > 0), (x + y, True)) ** 2,
    P((P((sp.sqrt(x), x < 1), (sp.log(x), True)), x > 0), (P((y, y > 0), (sp.exp(x), True)), True)),
    sp.Max(x, y) * P((1, x > 0), (2, True)),
    sp.sin(P((x, x > 0), (y, True))) + P((x, x > 0), (y, True)),
    P((sp.log(x), x > 0)),
]


@pytest.mark.parametrize("expr", SELECTIONS)
def test_selection(expr):
    a = np.sort(RNG.uniform(-2, 2, 100))  # whole blocks on either side, and a mixed one
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(expr, a, RNG.uniform(-2, 2, 100))
        check(expr, RNG.uniform(-2, 2, 100), 0.5)
        check(expr, a.astype(np.float32), a, rtol=1e-6)


def test_a_branch_is_skipped_in_each_block_where_no_element_selects_it(monkeypatch):
    sizes = []
    log = np.log

    def counted(values, *args, **options):
        sizes.append(np.size(values))
        return log(values, *args, **options)

    a = np.sort(RNG.uniform(-1, 1, 160))
    found = compiled(P((sp.log(x), x > 0), (sp.exp(x), True)), x)
    found(a)
    (source,) = kernels(found)

    class Counting:
        def __getattr__(self, name):
            return counted if name == "log" else getattr(np, name)

    source.namespace["np"] = Counting()
    found(a)
    assert sum(sizes) == (a > 0).sum()
    assert len(sizes) <= 160 // 16 // 2 + 2


# -- out -------------------------------------------------------------------------------------------------------------


def test_out():
    a, b = BASE, BASE[::-1].copy()
    for out in (np.empty(BASE.shape), np.empty(BASE.T.shape).T, np.empty((24, 72))[:, ::2], np.empty(BASE.shape, "f4")):
        found = compiled(E)
        assert found(a, b, out=out) is out
        assert kernels(found)
        np.testing.assert_allclose(out, plain(found, [a, b]), rtol=1e-6 if out.dtype == np.float32 else 1e-13)


def test_out_may_be_an_argument():
    for shift in (0, 1):
        memory = np.linspace(0.1, 1, 101)
        a, out = memory[:100], memory[shift : 100 + shift]
        want = np.sin(a) + a**2
        compiled(sp.sin(x) + x**2, x)(a, out=out)
        np.testing.assert_allclose(out, want)


def test_out_that_cannot_hold_the_result_is_left_alone():
    out = np.full(BASE.shape, 7)
    with pytest.raises(TypeError, match="Cannot cast"):
        compiled(E)(BASE, BASE, out=out)
    assert (out == 7).all()
    with pytest.raises(ValueError, match="broadcast"):
        compiled(E)(BASE, BASE, out=np.empty(3))
    sealed = np.empty(BASE.shape)
    sealed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        compiled(E)(BASE, BASE, out=sealed)


# -- memory ----------------------------------------------------------------------------------------------------------


def _peak(call):
    call()
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1] - getattr(result, "nbytes", 0)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("threads", [1, 2])
def test_temporary_memory_is_a_few_blocks_whatever_the_size(threads):
    t, omega, tau = sp.symbols("t omega tau")
    damped = sp.exp(-t / tau) * sp.cos(omega * t)
    found = numpify(damped, [t, omega, tau], threads=threads, native=False, cache=False)  # compiling takes memory, too
    theirs = sp.lambdify([t, omega, tau], damped)
    for n in (200_000, 800_000):
        values = np.linspace(0, 1, n)
        blocks = _peak(lambda values=values: found(values, 2.0, 3.0))
        whole = _peak(lambda values=values: theirs(values, 2.0, 3.0))
        assert blocks < 3 * threads * 8 * 2**15 + 2**16
        if n == 800_000:
            assert blocks < 0.25 * whole


def test_two_operations_take_no_more_memory_than_one_though_they_are_not_in_blocks():
    """NumPy computes the second in the memory of the first, and the two have no more to do with blocks up to 6 MB."""
    found = numpify(x * y + x, [x, y], native=False, cache=False)
    a, b = np.ones(700_000), np.ones(700_000)
    assert found.explain(a, b).startswith("plain NumPy")
    found(a, b)
    if sys.platform == "linux":  # elsewhere NumPy may not see who else refers to an array
        assert _peak(lambda: found(a, b)) < 2**16
    a, b = np.ones(800_000), np.ones(800_000)
    assert found.explain(a, b).startswith("NumPy in blocks")
    longer = numpify(x * y + sp.sin(x), [x, y], native=False)
    assert longer.explain(a[:70_000], b[:70_000]).startswith("NumPy in blocks")
    threads = numpify(x * y + x, [x, y], native=False, threads=2)
    assert threads.explain(a[:200_000], b[:200_000]).startswith("NumPy in blocks")
