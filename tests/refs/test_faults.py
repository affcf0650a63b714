"""After an exception, a failed conversion or another thread, a ref has its old or its new contents, whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs
from haliax_refs import NamedRef
from haliax_refs._access.signals import uninterrupted
from tests.refs.faults import Interrupted, raising_handler


X = hax.Axis("x", 64)


def test_signals_that_are_held_back_are_handled_afterwards() -> None:
    order: list[str] = []

    def handler(*_: Any) -> None:
        order.append("handled")

    def function() -> None:
        signal.raise_signal(signal.SIGUSR1)
        order.append("done")

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        uninterrupted(function)
        assert order == ["done", "handled"]
        assert signal.getsignal(signal.SIGUSR1) is handler
        with raising_handler(), pytest.raises(Interrupted):
            uninterrupted(function)
    finally:
        signal.signal(signal.SIGUSR1, before)


# --- Not a number ----------------------------------------------------------------------------------------------------

NANS: dict[str, Callable[[NamedRef], Any]] = {
    "read": lambda ref: ref["x", 0],
    "read all": lambda ref: ref[...],
    "write": lambda ref: haliax_refs.set(ref, {"x": 1}, np.nan),
    "swap": lambda ref: haliax_refs.swap(ref, {"x": 0}, 1.0),
    "add": lambda ref: haliax_refs.addupdate(ref, {"x": 1}, np.nan),
    "multiply": lambda ref: ref.at["x", 1].multiply(np.nan),
    "apply": lambda ref: ref.at["x", 1].apply(lambda x: x / 0 * 0),
    "fill": lambda ref: ref.at["x", [1, 99]].get(mode="fill"),
}


@pytest.mark.parametrize("what", NANS)
@pytest.mark.parametrize("warm", [False, True])
def test_debug_nans_leaves_the_old_contents(what: str, warm: bool) -> None:
    values = np.array([np.nan, 1, 2, 3], np.float32)
    ref = hax.new_ref(jnp.asarray(values), "x")
    if warm:
        NANS[what](hax.new_ref(jnp.asarray(values), "x"))
    with jax.debug_nans(True):
        with pytest.raises(FloatingPointError, match="nan"):
            NANS[what](ref)
        assert ref["x", 2].item() == 2
    np.testing.assert_array_equal(ref[...].array, values)
    with jax.debug_infs(True):
        ref["x", 0] = 0.0
        with pytest.raises(FloatingPointError, match="inf"):
            ref["x", 1] = np.inf
        assert ref[...].array.tolist() == [0, 1, 2, 3]


# --- Conversions -----------------------------------------------------------------------------------------------------


class FreezesWhenConverted:
    def __init__(self, ref: NamedRef) -> None:
        self.ref = ref

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        self.contents = haliax_refs.freeze(self.ref)
        return np.asarray(7.0, dtype)


@pytest.mark.parametrize("what", ["set", "swap", "addupdate"])
def test_a_value_whose_conversion_freezes_the_ref_is_not_written(what: str) -> None:
    ref = hax.new_ref(hax.zeros({"x": 3}))
    value = FreezesWhenConverted(ref)
    with pytest.raises(RuntimeError, match=r"\(x=3\) is no longer valid.*frozen"):
        getattr(haliax_refs, what)(ref, {"x": 0}, value)
    assert value.contents.array.tolist() == [0, 0, 0]


def test_a_value_that_cannot_be_converted_leaves_the_ref() -> None:
    class Fails:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise ZeroDivisionError

    ref = hax.new_ref(hax.zeros({"x": 3}))
    with pytest.raises(ZeroDivisionError):
        ref["x", 0] = Fails()
    assert ref[...].array.tolist() == [0, 0, 0]


# --- Threads ---------------------------------------------------------------------------------------------------------


def in_threads(function: Callable[[int], None], count: int) -> list[BaseException]:
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            function(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_a_freeze_has_every_update_that_returned() -> None:
    for _ in range(20):
        ref = hax.new_ref(hax.zeros({"x": 1}))
        haliax_refs.addupdate(ref, {"x": 0}, 0.0)
        done = [0, 0]
        frozen: list[float] = []

        def run(number: int, ref: NamedRef = ref, done: list[int] = done, frozen: list[float] = frozen) -> None:
            if number == 2:
                while sum(done) < 40:
                    time.sleep(0)
                frozen.append(haliax_refs.freeze(ref).array.item())
                return
            while True:
                haliax_refs.addupdate(ref, {"x": 0}, 1.0)
                done[number] += 1

        errors = in_threads(run, 3)
        assert [type(error) for error in errors] == [RuntimeError, RuntimeError]
        assert frozen == [sum(done)]


@pytest.mark.parametrize("end", [haliax_refs.freeze, haliax_refs.free_ref])
def test_of_several_that_freeze_or_free_one_succeeds(end: Callable[[NamedRef], Any]) -> None:
    for _ in range(50):
        ref = hax.new_ref(hax.zeros({"x": 1}))
        assert len(in_threads(lambda _, ref=ref: end(ref), 4)) == 3


def test_functions_are_applied_one_after_the_other() -> None:
    ref = hax.new_ref(hax.zeros({"x": 4}))

    def add_one(x: Any) -> Any:
        return x + 1

    def run(_: int) -> None:
        for _ in range(100):
            ref.at["x", 0].apply(add_one)

    assert in_threads(run, 4) == []
    assert ref[...].array.tolist() == [400, 0, 0, 0]


def test_a_function_that_calls_back_may_use_refs_and_loses_no_update() -> None:
    ref, calls = hax.new_ref(hax.zeros({"x": 4})), hax.new_ref(jnp.int32(0))
    haliax_refs.addupdate(calls, ..., 0)

    def on_host(x: Any) -> Any:
        haliax_refs.addupdate(calls, ..., 1)  # from a thread of jax's
        ref["x", 3]
        return np.asarray(x) + 1

    def add_one(x: Any) -> Any:
        return jax.pure_callback(on_host, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    def run(number: int) -> None:
        for _ in range(20):
            if number == 0:
                ref.at["x", 0].apply(add_one)
            else:
                haliax_refs.addupdate(ref, {"x": number}, 1.0)

    assert in_threads(run, 3) == []
    assert ref[...].array.tolist() == [20, 20, 20, 0]
    assert calls[...].item() >= 20


@pytest.mark.parametrize("index", [{"x": 0}, {"x": [0, 1]}, {"x": slice(0, 2)}])
@pytest.mark.parametrize("how", ["eager", "jit", "vmap", "hax.vmap"])
def test_a_function_is_called_once(index: Any, how: str) -> None:
    calls: list[None] = []

    def function(x: Any) -> Any:
        calls.append(None)
        raise NotImplementedError("of the user's own")

    ref = hax.new_ref(hax.zeros({"x": 4}))

    def call(i: Any) -> None:
        at = {"x": hax.ds(i, 2)} if how == "vmap" else index
        hax.new_ref(hax.zeros({"x": 4})).at[at].apply(function) if how == "vmap" else ref.at[at].apply(function)

    by_name = jax.jit(hax.vmap(lambda ref: ref.at[index].apply(function), "y"))
    run = {"eager": call, "jit": jax.jit(call), "vmap": jax.vmap(call), "hax.vmap": by_name}[how]
    argument = {"vmap": jnp.arange(2), "hax.vmap": hax.new_ref(hax.zeros({"y": 2, "x": 4}))}.get(how, 0)
    with pytest.raises(NotImplementedError, match="of the user's own"):
        run(argument)
    assert len(calls) == 1


# --- Processes -------------------------------------------------------------------------------------------------------

FORK = """
import os, threading, warnings
warnings.simplefilter("ignore")
import haliax as hax, haliax_refs, jax.numpy as jnp
from haliax_refs import _locks
ref = hax.new_ref(hax.zeros({"x": 2}))
ref["x", 0]
held, done = threading.Event(), threading.Event()
def hold():
    for lock in _locks._ALL:
        lock.acquire()
    held.set()
    done.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    view = ref.slice({"x": slice(1, None)})  # which interns a layout
    _locks.lock_of(ref._ref).acquire()
    os._exit(0)
_, status = os.waitpid(child, 0)
done.set()
thread.join()
raise SystemExit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_of_a_fork_finds_no_lock_held() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=120)
