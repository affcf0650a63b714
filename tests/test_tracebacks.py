"""What a user sees of a traceback: his own frames, and the one that raised; ours between them are hidden."""

import re
import sys
import traceback
from collections.abc import Callable
from types import FrameType, ModuleType

import haliax as hax
import jax
import jax.numpy as jnp
import pytest
import sympy as sp

import haliax_refs
import numpify_ctx
from numpify_ctx import numpify


x, k = sp.symbols("x k")
OURS = tuple(package.__path__[0] for package in (haliax_refs, numpify_ctx))


def ref() -> haliax_refs.NamedRef:
    return hax.new_ref(hax.zeros({"x": 3}))


WRONG: dict[str, Callable[[], object]] = {
    "read": lambda: ref()["y", 0],
    "write": lambda: ref().__setitem__(("x", 0), hax.ones({"z": 3})),
    "slice": lambda: ref().slice({"x": 9}),
    "rename": lambda: ref().rename({"q": "z"}),
    "at": lambda: ref().at["y", 0].set(1),
    "get": lambda: haliax_refs.get(ref(), {"y": 1}),
    "new_ref": lambda: hax.new_ref(jnp.zeros(3), ("a", "b")),
    "freeze": lambda: hax.freeze(1),
    "update": lambda: haliax_refs.update(ref(), hax.zeros({"y": 3})),
    "numpify": lambda: numpify(x + k, [x]),
    "bound": lambda: numpify(x * k, [x, k]).freeze(kk=1),
    "bind": lambda: numpify(x * k, [x, k]).bind(3),
}


def frames(error: BaseException) -> list[FrameType]:
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(OURS)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_frames_of_ours_are_hidden_and_no_others(wrong: Callable[[], object]) -> None:
    with pytest.raises((TypeError, ValueError, IndexError)) as caught:
        wrong()
    seen = frames(caught.value)
    assert sum(map(is_ours, seen)) > 1
    assert [bool(frame.f_locals.get("__tracebackhide__")) for frame in seen] == [is_ours(frame) for frame in seen]


def test_functions_of_the_user_are_seen() -> None:
    def wrong(value: jax.Array) -> jax.Array:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as caught:
        ref().at["x", 0].apply(wrong)
    (mine,) = (frame for frame in frames(caught.value) if frame.f_code is wrong.__code__)
    assert "__tracebackhide__" not in mine.f_locals


def test_a_notebook_shows_one_frame_of_ours() -> None:
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    shell.user_ns["ref"] = ref()
    error = shell.run_cell("ref['y', 0]", silent=True).error_in_exec
    lines = "\n".join(shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__))
    assert re.search(r"skipping hidden \d+ frame", lines)
    assert sum(lines.count(package) for package in OURS) <= 1


def test_jax_leaves_our_frames_out_of_what_it_traces() -> None:
    before = jax.config.jax_traceback_filtering
    jax.config.update("jax_traceback_filtering", "remove_frames")
    try:
        with pytest.raises(ValueError, match="unknown axis 'y'") as caught:
            jax.jit(lambda ref: ref["y", 0])(ref())
    finally:
        jax.config.update("jax_traceback_filtering", before)
    assert [frame for frame in frames(caught.value) if is_ours(frame)] == []


def test_jax_names_the_line_that_made_a_ref() -> None:
    def made(value: hax.NamedArray) -> hax.NamedRef:
        return hax.new_ref(value)

    line = made.__code__.co_firstlineno + 1
    with pytest.raises(ValueError, match="cannot be returned") as caught:
        jax.jit(made)(hax.zeros({"x": 2}))
    assert f"{__file__}:{line}" in str(caught.value)


@pytest.mark.parametrize("package", [haliax_refs, numpify_ctx])
def test_a_folder_beside_a_package_that_begins_with_its_name_is_not_hidden(package: ModuleType) -> None:
    code = compile("def called(): raise ZeroDivisionError", f"{package.__path__[0]}_of_mine/file.py", "exec")
    scope: dict[str, Callable[[], object]] = {}
    exec(code, scope)
    with pytest.raises(ZeroDivisionError) as caught:
        sys.modules[f"{package.__name__}._tracebacks"].short_traceback(scope["called"])()
    theirs = frames(caught.value)[-1]
    assert theirs.f_code.co_name == "called"
    assert "__tracebackhide__" not in theirs.f_locals
