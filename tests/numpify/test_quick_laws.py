"""Law: what a quick way gives is what the whole way gives, to the bit: values, dtype, shape, warnings and errors."""

from __future__ import annotations

import functools
import importlib.util
import tracemalloc
import warnings

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify


x, y = sp.symbols("x y")
NATIVE = [False, *[True] * (importlib.util.find_spec("llvmlite") is not None)]

EXPRESSIONS = [
    x + y,
    x * y + 1,
    sp.sqrt(x) * sp.sqrt(x - y),  # real where only complex numbers lead
    sp.gamma(x) * y,
    sp.erf(x),
    sp.erf(y) + 2,
    x < y,
    sp.log(x) / y,
    sp.Piecewise((x, x > y), (y, True)),
    sp.Abs(x),
    x**y,
    sp.erf(x) * sp.cos(y) + x * y * y,  # NumPy runs it, with a kernel in it
    sp.erf(x) * y + x * sp.sqrt(x) * sp.sqrt(x - y) * y,
]


def values(shape, dtype="f8", low=-2):
    numbers = np.resize(np.array([2.5, -1.5, 0.0, 3.0, 1.0, 0.5, 4.0]), shape) + low + 2
    return np.abs(numbers).astype(dtype) if np.dtype(dtype).kind in ("b", "u") else numbers.astype(dtype)


def read_only(array):
    array.flags.writeable = False
    return array


def not_aligned(array):
    """The same elements where no processor would put them."""
    room = np.zeros(array.nbytes + 1, "u1")[1:].view(array.dtype)
    room[...] = array
    return room


# What calls may pass. Most come as pairs of one kind; the first ones are those that get quick ways.
ARGUMENTS = {
    "doubles": (values(5), values(5)[::-1].copy()),
    "of 20": (values(20), values(20)[::-1].copy()),
    "of 100": (values(100), values(100)[::-1].copy()),
    "of one": (values(1), values(1)),
    "of none": (values(0), values(0)),
    "of 2 axes": (values((3, 4)), values((3, 4))[::-1].copy()),
    "in the order of Fortran": (np.asfortranarray(values((3, 4))), values((3, 4))),
    "backwards": (values(9)[::-2], values(9)[::2]),
    "that are not aligned": (not_aligned(values(5)), values(5)),
    "of one number": (np.broadcast_to(np.array(1.5), (5,)), values(5)),
    "that are read only": (read_only(values(5)), read_only(values(5))),
    "a float": (values(5), 1.5),
    "a float first": (1.5, values(5)),
    "a double": (np.float64(1.5), values(5)),
    "a nan": (values(5), np.nan),
    "an int": (values(5), 2),
    "float32": (values(5, "f4"), values(5, "f4")),
    "float32 and a double": (values(5, "f4"), np.float64(0.1)),
    "float32 and a float": (values(5, "f4"), 0.1),
    "float32 and an int": (values(5, "f4"), 3),
    "int64": (values(5, "i8"), values(5, "i8")),
    "int64 and an int": (values(5, "i8"), 3),
    "int32 and a large int": (values(5, "i4"), 2**40),
    "uint32": (values(5, "u4"), values(5, "u4")),
    "int8": (values(5, "i1"), values(5, "i1")),
    "bool": (values(5, "?"), values(5, "?")),
    "complex": (values(5, "c16"), values(5, "c16") * 1j),
    "complex64 and a double": (values(5, "c8"), np.float64(0.5)),
    "complex64 and a float": (values(5, "c8"), 0.5),
    "nans": (np.array([1.0, np.nan, -1.0, np.inf]), np.array([np.nan, 2.0, 3.0, -np.inf])),
    "swapped bytes": (values(5, ">f8"), values(5, ">f8")),
    "of different dtypes": (values(5), values(5, "f4")),
    "that broadcast": (values((3, 1)), values((1, 4))),
    "that broadcast and have one size": (values((3, 1)), values((1, 3))),
    "that broadcast to many": (values((70, 1)), values((1, 70))),
    "of one and of more": (values(1), values(5)),
    "that do not broadcast": (values(3), values(4)),
    "of rank 0": (np.array(1.5), np.array(0.5)),
    "of rank 0 and 1": (np.array(1.5), values(5)),
    "numbers": (1.5, 0.5),
    "lists": ([1.5, 0.5], [2.0, 3.0]),
    "masked": (np.ma.masked_less(values(5), 0.0), values(5)),
    "of a subclass": (values(5).view(np.recarray), values(5)),
    "a matrix": (values((2, 3)).view(np.matrix), values((2, 3))),
    "large integers": (np.array([2**62, 3]), np.array([2**62, 5])),
}


def outcome(call):
    """What a call gives, and all that it says."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = call()
        except Exception as error:
            return type(error), str(error)
    told = sorted({(w.category.__name__, str(w.message).replace(" numpify", "")) for w in said})
    if isinstance(found, np.ma.MaskedArray):
        return type(found), found.dtype, found.mask.tolist(), found.filled(0).tobytes(), told
    if isinstance(found, np.ndarray | np.generic):
        is_whole = found.dtype.kind in "iub"
        bits = found if is_whole else np.where(np.isnan(found), np.nan, found).astype(found.dtype)  # of any sign
        return type(found), found.dtype, found.shape, bits.tobytes(), told
    return type(found), repr(found), told


def warm(f, count):
    """Call with all kinds: each that may have a quick way has one."""
    for args in ARGUMENTS.values():
        args = args[:count]
        positive = [
            np.abs(a) + 5 - i if type(a) is np.ndarray and a.dtype.kind == "f" else a for i, a in enumerate(args)
        ]
        for _ in range(2):
            outcome(lambda args=args: f(*args))
            outcome(lambda positive=positive: f(*positive))
    return f


@functools.cache
def function_of(expr, native):
    """The function, with quick ways; and the whole way."""
    arguments = sorted(sp.Tuple(expr).free_symbols, key=str)
    f = warm(numpify(expr, arguments, native=native, cache=False), len(arguments))
    assert f._origin.compiled.quicks
    return f, f._origin.compiled.apply


OF_TWO = [e for e in EXPRESSIONS if len(e.free_symbols) == 2]


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_values_of_all_kinds_of_arguments(expr, native):
    f, whole = function_of(expr, native)
    count = len(f.parameters)
    for name, args in ARGUMENTS.items():
        args = args[:count]
        assert outcome(lambda args=args: f(*args)) == outcome(lambda args=args: whole(args)), name
        if count == 2:
            assert outcome(lambda args=args: f(args[0], y=args[1])) == outcome(lambda args=args: whole(args)), name


@pytest.mark.parametrize("learnt", ARGUMENTS)
def test_what_was_learnt_of_one_kind_is_for_no_other(learnt):
    """What differs in no more than a type, such as a double of NumPy's and a float, differs in what it gives, too."""
    f = numpify(x * y + 1, [x, y], native=False, cache=False)
    _, whole = function_of(x * y + 1, False)
    for _ in range(4):
        outcome(lambda: f(*ARGUMENTS[learnt]))
    for name, args in ARGUMENTS.items():  # each once, of which nothing is learnt
        assert outcome(lambda args=args: f(*args)) == outcome(lambda args=args: whole(args)), name


@pytest.mark.parametrize("native", NATIVE)
def test_values_that_leave_an_argument_out(native):
    f = warm(numpify(sp.sin(x) + 1, [x, y], native=native, cache=False), 2)
    for name, args in ARGUMENTS.items():
        assert outcome(lambda args=args: f(*args)) == outcome(lambda args=args: f._origin.compiled.apply(args)), name


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("expr", OF_TWO, ids=str)
@pytest.mark.parametrize("bound", [1.5, 2, "dynamic", np.array([0.5, -1.0, 2.0, 0.0, 4.0])], ids=str)
def test_values_of_bound_functions(expr, native, bound):
    unbound = numpify(expr, [x, y], native=native, cache=False)
    context = Parameters({y: 1.5})
    f = unbound.freeze({y: DYNAMIC_PARAMETER if type(bound) is str else bound}).set_parameter_context(context)
    warm(f, 1)
    other = 1.5 if type(bound) is str else bound
    _, whole = function_of(expr, native)
    for name, args in ARGUMENTS.items():
        first = (args[0], other)
        found, wanted = outcome(lambda args=args: f(args[0])), outcome(lambda first=first: whole(first))
        assert found == wanted, name
    context[y] = 0.25
    if type(bound) is str:
        assert outcome(lambda: f(values(5))) == outcome(lambda: whole((values(5), 0.25)))


def outs(like):
    """Kinds of `out`, each made anew."""
    return {
        "that fits": lambda: np.zeros(like.shape, like.dtype),
        "of float32": lambda: np.zeros(like.shape, "f4"),
        "of complex": lambda: np.zeros(like.shape, "c16"),
        "of more": lambda: np.zeros((2, *like.shape), like.dtype),
        "of less": lambda: np.zeros(like.size - 1, like.dtype),
        "of rank 0": lambda: np.zeros((), like.dtype),
        "with steps": lambda: np.zeros((2 * len(like),), like.dtype)[::2],
        "backwards": lambda: np.zeros(like.shape, like.dtype)[::-1],
        "that is read only": lambda: read_only(np.zeros(like.shape, like.dtype)),
        "of a subclass": lambda: np.zeros(like.shape, like.dtype).view(np.recarray),
        "that is no array": lambda: [0.0] * like.size,
    }


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("expr", OF_TWO, ids=str)
def test_out(expr, native):
    f, whole = function_of(expr, native)
    for name in ("doubles", "of 100", "float32", "int64", "a float", "nans"):
        args = ARGUMENTS[name]
        with np.errstate(all="ignore"):
            like = np.asarray(whole(args))
        for kind, made in outs(like).items():
            results = []
            for call in (lambda out, args=args: f(*args, out=out), lambda out, args=args: whole(args, out)):
                out = made()
                found = outcome(lambda call=call, out=out: call(out) is out)
                results.append((found, np.asarray(out).tobytes()))
            assert results[0] == results[1], (name, kind)


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("expr", OF_TWO, ids=str)
def test_out_over_the_arguments(expr, native):
    f, whole = function_of(expr, native)
    for place in (slice(0, 10), slice(1, 11), slice(10, 0, -1), slice(0, 20, 2)):
        over, beside = values(30), values(10)[::-1].copy()
        out = over[place]
        with np.errstate(all="ignore"):
            wanted = whole((over[:10].copy(), beside)).astype(float)
            assert f(over[:10], beside, out=out) is out
        np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("expr", [x * y + x, (x + y) / x, sp.sin(x * y), x * y < x, -x * y], ids=str)
@pytest.mark.parametrize("kind", ["f8", "f4", "c16", "i8"])
def test_plain_numpy_writes_out_at_once(expr, kind):
    """The last operation makes no array beside `out`."""
    if expr.is_Relational and kind == "c16":
        pytest.skip("complex numbers have no order")
    f = numpify(expr, [x, y], native=False, cache=False)
    args = np.arange(1, 10_001).astype(kind), np.arange(10_000, 0, -1).astype(kind)
    for _ in range(2):
        wanted = f(*args)
    out = np.empty_like(wanted)
    peaks = []
    for given in (None, out):
        f(*args, out=given)
        tracemalloc.start()
        found = f(*args, out=given)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.tobytes() == wanted.tobytes()
    assert peaks[1] < peaks[0] - 0.9 * out.nbytes


@pytest.mark.parametrize("native", NATIVE)
def test_out_is_a_keyword_like_any_other(native):
    f = numpify(x * y + 1, [x, y], native=native, cache=False)
    args, out = (values(5), values(5)), np.empty(5)
    wanted = f(*args)
    for _ in range(3):  # the first call with `out` makes it a parameter
        assert f(*args, out=out) is f(out=out, y=args[1], x=args[0]) is f(args[0], out=out, y=args[1]) is out
        assert out.tolist() == f(*args, out=None).tolist() == f(x=args[0], y=args[1]).tolist() == wanted.tolist()
        assert f(2.0, 3.0) == f(2.0, 3.0, out=None) == f(2.0, y=3.0) == 7.0
        with pytest.raises(TypeError, match="z"):
            f(*args, out=out, z=1)
        with pytest.raises(TypeError):
            f(*args, args[0], out=out)
        with pytest.raises(TypeError, match="y"):
            f(args[0], out=out)


# -- which calls take quick ways -------------------------------------------------------------------------------------

TAKEN = ["doubles", "of 20", "of 100", "of one", "of 2 axes", "backwards", "that are read only", "a float", "float32"]


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_calls_like_earlier_ones_ask_nothing_of_the_whole_way(expr, native, monkeypatch):
    f, _ = function_of(expr, native)
    count = len(f.parameters)
    bound = numpify(expr, f.parameters, native=native, cache=False).freeze({f.parameters[-1]: 1.5})
    for _ in range(3):
        outcome(lambda: bound(values(5) + 5))

    def arguments(name):
        return [float(a) if np.ndim(a) == 0 else a for a in (np.abs(a) + 0.5 for a in ARGUMENTS[name][:count])]

    def asked(*args):
        raise AssertionError("the whole way")

    outcome(lambda: f(*arguments("float32")))  # as many others came since, its form may be forgotten, which tells this
    is_shortened = "that NumPy runs" in f.explain(*arguments("float32"))  # computed in double
    monkeypatch.setattr(type(f._origin.compiled), "apply", asked)
    with np.errstate(all="ignore"):
        for name in TAKEN:
            if name == "float32" and is_shortened:
                continue
            args = arguments(name)
            found = f(*args)
            assert f(*args, out=np.empty_like(found)) is not None
        if count == 2:
            bound(values(5) + 5)


@pytest.mark.parametrize("native", NATIVE)
def test_a_function_that_shares_compiled_code_gets_its_quick_ways(native, monkeypatch):
    first, second = numpify(x * y - 7, native=native), numpify(x * y - 7, native=native)
    assert first._origin.compiled is second._origin.compiled
    for _ in range(3):
        first(values(5), values(5))
    second(values(5), values(5))
    monkeypatch.setattr(type(first._origin.compiled), "apply", None)
    for f in (first, second):
        assert f(values(5), values(5)).shape == (5,)


ALONE = {
    x + y: np.add, x - y: np.subtract, x * y: np.multiply, x / y: np.divide, x**y: np.power, sp.exp(x): np.exp,
    x < y: np.less, sp.Eq(x, y): np.equal,
}  # fmt: skip


@pytest.mark.parametrize("expr", ALONE, ids=str)
def test_what_is_one_ufunc_is_called_at_once(expr):
    check_is_ufunc(expr, ALONE[expr])


@pytest.mark.parametrize("name", ["erf", "erfinv", "erfcinv"])
def test_functions_of_scipy_whose_nans_stand_are_called_at_once(name):
    special = pytest.importorskip("scipy.special")
    check_is_ufunc(getattr(sp, name)(x), getattr(special, name))
    f, whole = function_of(getattr(sp, name)(x), False)
    edges = (np.array([0.0, -0.0, -1.0, -2.0, -0.5, 1e-310, 1e308, -1e308, np.inf, -np.inf, np.nan, 1.0]),)
    assert outcome(lambda: f(*edges)) == outcome(lambda: whole(edges))


def check_is_ufunc(expr, ufunc):
    f = numpify(expr, sorted(expr.free_symbols, key=str), native=False, cache=False)
    args = [values(6) + 5, values(6)[::-1] + 6][: len(f.parameters)]
    for _ in range(3):
        f(*args)
    assert [value for word, value in f.__call__.__globals__.items() if word.endswith("_form")] == [ufunc]
    assert outcome(lambda: f(*args)) == outcome(lambda: f._origin.compiled.apply(tuple(args)))
    # Of other orders it is not the whole.
    if len(f.parameters) == 2:
        other = numpify(expr, f.parameters[::-1], native=False, cache=False)
        for _ in range(3):
            np.testing.assert_array_equal(other(args[1], args[0]), f(*args))


@pytest.mark.parametrize("native", NATIVE)
@pytest.mark.parametrize("expr", [sp.erfc(x), sp.erfi(x), sp.gamma(x), sp.digamma(x)], ids=str)
def test_ufuncs_that_are_right_between_two_numbers(expr, native):
    f = warm(numpify(expr, [x], native=native, cache=False), 1)
    assert any(word.endswith("_direct") for word in f.__call__.__globals__)
    edges = [0.0, -0.0, -1.0, -2.0, -0.5, -170.5, -171.5, 26.4, 26.6, 27.0, 1e308, np.inf, -np.inf, np.nan, 1e-310]
    for chosen in ([1.0, 2.0], edges, *([1.5, edge] for edge in edges), []):
        given = (np.array(chosen, float),)
        assert outcome(lambda given=given: f(*given)) == outcome(lambda given=given: f._origin.compiled.apply(given))
        results = [np.zeros(len(chosen)) for _ in range(2)]
        assert f(*given, out=results[0]) is results[0]
        f._origin.compiled.apply(given, results[1])
        np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("function", [sp.Max, sp.Min])
@pytest.mark.parametrize("dtypes", [("f8", "f8"), ("c16", "f8"), ("f8", "i4"), ("f4", "f8")])
def test_extrema_are_written_into_out_without_a_warning(function, dtypes):
    for expr in (function(x, y), function(x, 2 * y)):
        f = numpify(expr, [x, y], native=False, cache=False)
        args = [values(5, dtype) for dtype in dtypes]
        for _ in range(4):
            out = np.zeros(5, np.result_type(*args))
            assert outcome(functools.partial(f, *args, out=out)) == outcome(functools.partial(f, *args))
