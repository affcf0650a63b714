"""The cache: what shares code, and above all what does not."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
import sympy as sp
from sympy.core.cache import clear_cache

import numpify_ctx
from numpify_ctx import cache_clear, cache_info, numpify
from numpify_ctx._cache import CACHE, Cache
from numpify_ctx._symbolic.key import key_of


x, y = sp.symbols("x y")
F = sp.Function("F")


@pytest.fixture(autouse=True)
def _empty():
    cache_clear()
    yield
    cache_clear()


def code(*args, **options):
    return numpify(*args, **options)._origin.compiled


def test_the_same_expression_is_compiled_once():
    first = code(sp.sin(x) + y)
    assert code(y + sp.sin(x)) is first
    assert code(sp.sin(x) + y, [x, y]) is first
    assert cache_info() == (2, 1, 256, 1)
    cache_clear()
    assert cache_info() == (0, 0, 256, 0)
    assert code(sp.sin(x) + y) is not first


def test_functions_of_one_code_stay_apart():
    one, other = numpify(x * y), numpify(x * y)
    assert one is not other
    assert one.freeze(y=2.0)(3.0) == 6.0
    assert other.free_parameters == (x, y)


def test_cache_false_neither_reads_nor_adds():
    first = code(x + 1)
    assert code(x + 1, cache=False) is not first
    assert cache_info() == (0, 1, 256, 1)


APART = [
    (x + 1, x + 1.0),
    (x * sp.Float(0.1, 15), x * sp.Float(0.1, 30)),
    (x**2, x ** sp.Float(2)),
    (sp.Integer(1), sp.true),
    (x, sp.Symbol("x", real=True)),
    ([x], (x,)),
    ([x, y], [y, x]),
    ({"a": x}, {"b": x}),
    ({1: x}, {1.0: x}),
    ({1: x}, {True: x}),
    (sp.Matrix([[x, y]]), sp.Matrix([[x], [y]])),
    (sp.Matrix([x]), sp.Array([x])),
    ([x, 1], [x, 1.0]),
    (sp.Add(x, x, evaluate=False), 2 * x),
    (sp.Piecewise((1, x > 0), (0, True)), sp.Piecewise((1.0, x > 0), (0, True))),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_only_looks_alike_is_apart(one, other):
    first, second = numpify(one), numpify(other)
    assert first._origin.compiled is not second._origin.compiled
    assert numpify(one)._origin.compiled is first._origin.compiled
    for f, expr in ((first, one), (second, other)):
        assert repr(f(*[2.0] * len(f.parameters))) == repr(numpify(expr, cache=False)(*[2.0] * len(f.parameters)))


def test_arguments_and_their_order_count():
    assert code(x - y, [x, y]) is not code(x - y, [y, x])
    assert numpify(x - y, [y, x])(1.0, 3.0) == 2.0
    positive = sp.Symbol("x", positive=True)
    assert numpify(x + 10 * positive, [x, positive])(1.0, 2.0) == 21.0
    assert numpify(x + 10 * positive, [positive, x])(1.0, 2.0) == 12.0
    one, other = sp.Dummy("x"), sp.Dummy("x")
    assert code(one + 1) is not code(other + 1)


def test_threads_count():
    assert code(x + 1, threads=2) is not code(x + 1)
    assert code(x + 1, threads=2) is code(x + 1, threads=2)


def test_functions_are_known_by_identity():
    assert numpify(F(x), functions={F: np.sin})(0.0) == 0.0
    assert numpify(F(x), functions={F: np.cos})(0.0) == 1.0
    assert code(F(x), functions={F: np.cos}) is code(F(x), functions={F: np.cos})

    class Scale:
        def __init__(self, factor):
            self.factor = factor

        def times(self, value):
            return self.factor * value

    two, three = Scale(2), Scale(3)
    assert numpify(F(x), functions={F: two.times})(1.0) == 2.0
    assert numpify(F(x), functions={F: three.times})(1.0) == 3.0
    assert code(F(x), functions={F: two.times}) is code(F(x), functions={F: two.times})


def test_a_changed_f_numpy_recompiles():
    class G(sp.Function):
        f_numpy = staticmethod(np.sin)

    assert numpify(G(x))(0.0) == 0.0
    G.f_numpy = staticmethod(np.cos)
    assert numpify(G(x))(0.0) == 1.0
    assert numpify(sp.exp(G(x)))(0.0) == pytest.approx(np.e)
    del G.f_numpy
    with pytest.raises(numpify_ctx.CompileError):
        numpify(G(x))


def test_undefined_functions_of_one_name_are_apart():
    one = sp.Function("H")
    clear_cache()  # SymPy's, which takes them for one
    other = sp.Function("H")
    assert one == other
    assert one is not other
    one.f_numpy, other.f_numpy = staticmethod(np.sin), staticmethod(np.cos)
    first = one(x)
    clear_cache()
    second = other(x)
    assert numpify(first)(0.0) == 0.0
    assert numpify(second)(0.0) == 1.0


def test_ids_never_come_again_while_a_key_is_there():
    function = type("Probe", (), {"__call__": lambda self, value: value})()
    gone = weakref.ref(function)
    numpify(x + 1, functions={F: function})  # not used, and part of the key all the same
    del function
    gc.collect()
    assert gone() is not None
    cache_clear()
    gc.collect()
    assert gone() is None


def test_deep_and_wide_expressions_have_keys():
    deep = other = x
    for _ in range(10_000):
        deep = sp.sin(deep, evaluate=False)
    clear_cache()
    for _ in range(10_000):
        other = sp.sin(other, evaluate=False)
    assert id(deep) != id(other)
    assert key_of(deep, [(x, "x")], {}) == key_of(other, [(x, "x")], {})
    assert code(deep) is code(other)
    shared = x
    for _ in range(60):
        shared = sp.cos(sp.Add(shared, sp.Mul(2, shared, evaluate=False), evaluate=False), evaluate=False)
    assert code(shared) is code(shared)


def test_what_has_no_key_is_compiled_each_time():
    keyed_by_tuple = {(1, 2): x}
    assert numpify(keyed_by_tuple)(2.0) == {(1, 2): 2.0}
    assert cache_info() == (0, 0, 256, 0)


def test_a_list_changed_later_is_another_expression():
    exprs = [x, y]
    first = code(exprs)
    exprs[1] = x * y
    assert code(exprs) is not first
    matrix = sp.Matrix([[x, y]])
    first = code(matrix)
    matrix[0, 0] = y
    assert code(matrix, [x, y]) is not first
    assert numpify(matrix, [x, y])(2.0, 3.0).tolist() == [[3.0, 3.0]]


def test_a_failure_is_not_kept():
    for _ in range(2):
        with pytest.raises(numpify_ctx.CompileError):
            numpify(x + 1, [y])
    assert cache_info().currsize == 0


def test_the_least_recently_used_goes_first():
    cache = Cache(2)
    keys = [key_of(x + k, [(x, "x")], {}) for k in range(3)]
    cache.put(keys[0], "a")
    cache.put(keys[1], "b")
    assert cache.get(keys[0]) == "a"
    cache.put(keys[2], "c")
    assert [cache.get(key) for key in keys] == ["a", None, "c"]
    assert cache.info() == (3, 1, 2, 2)


def test_it_is_bounded():
    for k in range(CACHE.maxsize + 10):
        numpify(x + k)
    assert cache_info().currsize == CACHE.maxsize


def test_the_finalizer_of_what_is_dropped_may_use_it():
    cache, seen = Cache(1), []

    class Value:
        def __del__(self):
            seen.append(cache.info().currsize)

    def fill():
        for key in "ab":
            cache.put(key, Value())

    thread = threading.Thread(target=fill, daemon=True)  # which would wait for itself for ever
    thread.start()
    thread.join(60)
    assert seen == [1]


def test_many_threads_share_one_code():
    made, barrier = [], threading.Barrier(8)

    def work():
        barrier.wait()
        made.extend([(k, code(sp.sin(x) + k), numpify(sp.sin(x) + k)(0.0)) for k in range(20)])

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(made) == 160
    assert len({(k, id(compiled)) for k, compiled, _ in made}) == 20
    assert all(value == k for k, _, value in made)
