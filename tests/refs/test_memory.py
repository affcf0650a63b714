"""What is remembered is bounded, however many structures a process meets: no cache of ours grows for ever."""

from __future__ import annotations

import functools
import gc
import inspect
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import pytest

import haliax_refs
from haliax_refs._access import programs
from haliax_refs._indexing import layout as _layout
from haliax_refs._recent import Recent


def test_recent_forgets_the_oldest_and_no_other() -> None:
    recent: Recent[int, str] = Recent(3)
    for i in range(10):
        assert recent.remember(i, str(i)) == str(i)
        assert list(recent) == list(range(max(0, i - 2), i + 1))
    assert recent.remember(9, "another thread's") == "9"


def test_the_finalizer_of_what_is_forgotten_may_remember() -> None:
    recent: Recent[str, Any] = Recent(1)

    class Value:
        def __del__(self) -> None:
            recent.remember("from the finalizer", None)

    def fill() -> None:
        recent.remember("a", Value())
        recent.remember("b", None)

    thread = threading.Thread(target=fill, daemon=True)  # which would wait for itself for ever
    thread.start()
    thread.join(60)
    assert list(recent) == ["from the finalizer"]


@pytest.mark.parametrize("eager", [False, True])
def test_layouts_are_forgotten_at_any_depth(eager: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each layout remembers what is selected from it, which remembers in turn: 40 of 40 of 40 are 64000.
    monkeypatch.setattr(_layout, "_LIMIT", 200)
    for layout in list(_layout._INTERNED.values()):  # what other tests left, so that only this one's count
        layout.memo.clear()
    gc.collect()
    ref = hax.new_ref(hax.zeros({"memory_x": 41, "memory_y": 41, "memory_z": 41}))
    before = len(_layout._INTERNED)

    def look(ref: haliax_refs.NamedRef, most: int) -> int:
        for x in range(1, 14):
            for y in range(1, 14):
                view = ref.slice({"memory_x": slice(0, x)}).slice({"memory_y": slice(y, None)})
                for z in range(0, 40, 8):
                    # neither index has a simple key, so the memo is filled by selections, too
                    view.slice({"memory_z": z}).slice({hax.Axis("memory_x", x): slice(None, None, -1)})
            most = max(most, len(_layout._INTERNED) - before)
        return most

    most = look(ref, 0) if eager else jax.eval_shape(lambda: jnp.zeros(look(ref, 0))).shape[0]
    assert 0 < most < 1000


def test_executables_are_forgotten_and_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: Recent[Any, Any] = Recent(3)
    monkeypatch.setattr(programs, "_COMPILED", compiled)
    ref = hax.new_ref(hax.arange({"x": 9}))
    for _ in range(2):
        for size in range(1, 6):
            assert ref["x", 0:size].array.tolist() == list(range(size))
            assert 0 < len(compiled) <= 3


def test_of_what_is_compiled_only_the_executable_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    jitted: list[weakref.ref[Any]] = []
    original = programs.jitted

    def program(*key: Any) -> Any:
        made = original(*key)
        jitted.append(weakref.ref(made))
        return made

    monkeypatch.setattr(programs, "jitted", program)
    monkeypatch.setattr(programs, "_COMPILED", Recent(8))
    ref = hax.new_ref(hax.arange({"x": 9}))
    ref["x", 0:4] = ref["x", 4:8]
    gc.collect()
    assert len(jitted) == 2
    assert [made() for made in jitted] == [None, None]


def test_functions_that_were_applied_are_let_go() -> None:
    # They may hold arrays of any size.
    ref = hax.new_ref(hax.zeros({"x": 2}))
    functions: list[weakref.ref[Any]] = []
    for i in range(24):
        function: Callable[[Any], Any] = functools.partial(jnp.add, i) if i % 2 else lambda x, i=i: x + i
        ref.at["x", 0].apply(function)
        functions.append(weakref.ref(function))
    del function
    assert ref["x", 0].item() == sum(range(24))
    gc.collect()
    alive = sum(function() is not None for function in functions)
    assert alive <= 16


def test_every_cache_has_a_limit() -> None:
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "haliax_refs"]
    assert len(modules) > 20
    for module in modules:
        for owner in (module, *(value for value in vars(module).values() if inspect.isclass(value))):
            for name, value in vars(owner).items():
                value = inspect.unwrap(value, stop=lambda f: hasattr(f, "cache_parameters"))
                if isinstance(value, staticmethod):
                    value = value.__func__
                if hasattr(value, "cache_parameters"):
                    assert value.cache_parameters()["maxsize"] is not None, name
                if isinstance(value, Recent):
                    assert 0 < value.limit <= 4096, name


def _frozen_twice(ref: Any) -> None:
    hax.freeze(ref)
    hax.freeze(ref)


FAILING: dict[str, Callable[[Any], object]] = {
    "read out of bounds": lambda ref: ref["x", 7],
    "unknown axis": lambda ref: ref["y", 0],
    "no integer": lambda ref: ref["x", jnp.array(1.5)],
    "another axis": lambda ref: ref.__setitem__(("x", 0), hax.ones({"z": 2})),
    "another dtype": lambda ref: ref.__setitem__(..., hax.ones({"x": 4}).astype(jnp.complex64)),
    "slice out of bounds": lambda ref: ref.slice({"x": hax.ds(3, 5)}),
    "a number of a function": lambda ref: ref.at["x", 9].apply(jnp.sin),
    "added": lambda ref: ref.at["x", 0].add(hax.ones({"z": 2})),
    "within jit": lambda ref: jax.jit(lambda r: r["x", 9])(ref),
    "within vmap": lambda ref: hax.vmap(lambda r: r["q", 9], "x")(ref),
    "frozen twice": _frozen_twice,
    "read when frozen": lambda ref: (hax.freeze(ref), ref[...]),
}


@pytest.mark.parametrize("failing", FAILING)
def test_an_error_keeps_no_ref(failing: str) -> None:
    """The buffer of a ref is free when nothing refers to it, also after an error: nobody waits for the collector."""

    def fail() -> weakref.ref[Any]:
        ref = hax.new_ref(hax.arange({"x": 4}).astype(jnp.float32))
        with pytest.raises(Exception):  # noqa: B017, PT011  which one, other tests say
            FAILING[failing](ref)
        return weakref.ref(ref)

    was = gc.isenabled()
    gc.disable()
    try:
        assert fail()() is None
    finally:
        if was:
            gc.enable()
