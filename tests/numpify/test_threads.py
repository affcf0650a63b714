"""Blocks on several threads: the same numbers, the caller's context, errors that come through."""

from __future__ import annotations

import contextvars
import itertools
import multiprocessing
import os
import threading
import time
import warnings

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import numpify
from numpify_ctx._execution import threads as _threads
from numpify_ctx._execution.blocks import Sizes
from numpify_ctx._execution.grid import Tiling, Work, cut
from numpify_ctx._execution.threads import share

from . import forms


x, y = sp.symbols("x y")
A = np.linspace(0.1, 2, 4000)


def function(expr, threads):
    """What computes `expr` in blocks of 50 elements, for arrays of 100 or more."""
    arguments = sorted(set().union(*(e.free_symbols for e in sp.flatten([expr]))), key=str)
    return forms.compiled(expr, arguments, threads=threads, sizes=Sizes(block=50, large=100))


@pytest.mark.parametrize("threads", [1, 2, 3, 7, "auto"])
@pytest.mark.parametrize(
    "expr",
    [
        sp.sin(x) * y + x**3,
        sp.Piecewise((sp.log(x), x > 1), (sp.exp(x) * y, True)),
        sp.Matrix([sp.sin(x), x * y]),
        [x * y, sp.Max(x, y)],
    ],
)
def test_the_numbers_are_those_of_one_thread(expr, threads):
    one, many = function(expr, 1), function(expr, threads)
    for args in ((A, A[::-1]), (A.reshape(40, 100), 2.0), (A.reshape(100, 40).T, A[:100])):
        first, second = one(*args), many(*args)
        for mine, reference in zip(second, first, strict=True) if isinstance(expr, list) else [(second, first)]:
            np.testing.assert_array_equal(mine, reference)


def test_out_is_filled_by_all_threads():
    out = np.empty(A.shape)
    assert function(sp.sin(x), 3)(A, out=out) is out
    np.testing.assert_array_equal(out, np.sin(A))


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads):
    with pytest.raises(ValueError, match=f"cannot compile for {threads} threads: at least one is needed"):
        numpify(x, threads=threads)


@pytest.mark.parametrize("threads", [1.5, "two", None, True])
def test_what_is_no_number_of_threads_is_refused(threads):
    with pytest.raises(TypeError, match=r"cannot compile for .* threads: that is no whole number"):
        numpify(x, threads=threads)


# -- the caller's context --------------------------------------------------------------------------------------------


def test_workers_see_the_callers_context_variables():
    variable = contextvars.ContextVar("variable", default=0)
    seen = []

    def work():
        seen.append((threading.get_ident(), variable.get()))
        barrier.wait(timeout=30)

    barrier = threading.Barrier(3)
    variable.set(5)
    share(work, 3)
    assert [value for _, value in seen] == [5, 5, 5]
    assert len({thread for thread, _ in seen}) == 3


def test_errstate_holds_in_all_threads():
    many = function(1 / (x - 1), 3)
    values = np.ones(4000)
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(many(values)).all()
    for _ in range(5):
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
            many(values)
    values = np.full(4000, 2.0)
    values[-1] = 1.0  # in the last block only
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        many(values)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(many(np.full(4000, 2.0)), 1.0)


# -- sharing ---------------------------------------------------------------------------------------------------------


def test_every_block_is_computed_once():
    tiling = Tiling([(True,)], [], [None], *cut(A.shape, 7))
    out = np.zeros(A.shape)
    work = Work(lambda source, out: np.add(source, out, out=out), tiling, [A], [out])
    share(work, 8)
    np.testing.assert_array_equal(out, A)


def test_an_error_stops_all_and_comes_through():
    begun, turn = [], itertools.count(1)

    def fail_in_the_third(source, out):
        begun.append(1)
        time.sleep(0.001)
        if next(turn) == 3:
            raise LookupError("in a block")

    tiling = Tiling([(True,)], [], [None], *cut(A.shape, 10))
    work = Work(fail_in_the_third, tiling, [A], [np.empty(A.shape)])
    with pytest.raises(LookupError, match="in a block"):
        share(work, 4)
    assert len(begun) < len(tiling.grid) // 2


def test_a_call_within_a_call_does_not_wait_for_itself():
    inner = function(sp.sin(x), 4)

    def nested():
        for _ in range(3):
            np.testing.assert_array_equal(inner(A), np.sin(A))

    def outer():
        share(nested, 8)

    share(outer, 70)


def test_many_callers_share_the_pool():
    many = function(sp.sin(x) * sp.exp(-x), 3)
    want = np.sin(A) * np.exp(-A)
    wrong = []

    def work():
        wrong.extend([float(np.abs(many(A) - want).max()) for _ in range(20)])

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(wrong) == 120
    assert max(wrong) < 1e-15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_forked_process_has_a_pool_of_its_own():
    many = function(sp.sin(x) * 2, 3)
    many(A)
    process = multiprocessing.get_context("fork").Process(target=_check_in_child, args=(many,))
    process.start()
    process.join(60)
    assert process.exitcode == 0


def _check_in_child(many):
    np.testing.assert_array_equal(many(A), np.sin(A) * 2)


def test_small_arrays_start_no_thread(monkeypatch):
    def refuse():
        raise AssertionError("a pool was asked for")

    monkeypatch.setattr(_threads, "executor", refuse)
    many = function(sp.sin(x), 8)
    many(np.ones(50))
    many(0.5)
    function(sp.sin(x), 1)(A)
