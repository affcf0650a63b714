"""What names cost around a trace: calling a jitted function with a ref, and tracing operations on one."""

from __future__ import annotations

from typing import Any

import haliax as hax
import jax

from ._report import Finding, rows
from ._timing import in_turn
from .refs_peers import AXES, FEATURE, small, with_upstream


SUITE = "refs.calls"
CALL, TRACE = 1.1, 1.5  # of a bare jax.Ref
OPERATIONS = 50


def measure(scale: float) -> list[Finding]:
    return [*_call(round(100 * scale)), *_trace(round(40 * scale))]


def _call(rounds: int) -> list[Finding]:
    raw, ours, theirs = small()
    x = hax.ones(FEATURE).array
    view, their_view = ours.slice({"layer": 2}), None if theirs is None else theirs.slice({"layer": 2})
    traced = ours.slice({"layer": jax.numpy.int32(2)})
    bare = jax.jit(lambda ref, x: ref[2, 0] + x)
    bare_at = jax.jit(lambda ref, i, x: ref[i, 0] + x)
    named = jax.jit(lambda ref, x: ref["layer", 2, "position", 0].array + x)
    of_view = jax.jit(lambda ref, x: ref["position", 0].array + x)
    their_named = jax.jit(lambda ref, x: ref[{"layer": 2, "position": 0}].array + x)
    their_of_view = jax.jit(lambda ref, x: ref[{"position": 0}].array + x)
    i = jax.numpy.int32(2)
    targets = {"NamedRef": CALL, "view": CALL}
    calls = {"jax.Ref": lambda: bare(raw, x), "NamedRef": lambda: named(ours, x), "view": lambda: of_view(view, x)}
    times = in_turn(with_upstream(calls, theirs, lambda: their_named(theirs, x)), rounds=rounds)
    found: list[Finding] = [*rows(SUITE, "call a jitted function", times, "jax.Ref", targets)]
    if theirs is not None:
        times = in_turn(
            {"jax.Ref": calls["jax.Ref"], "haliax.ref": lambda: their_of_view(their_view, x)}, rounds=rounds
        )
        found += rows(SUITE, "call a jitted function with a view", times, "jax.Ref")
    calls = {"jax.Ref": lambda: bare_at(raw, i, x), "view": lambda: of_view(traced, x)}
    times = in_turn(calls, rounds=rounds)
    found += rows(SUITE, "call a jitted function with a view at a jax int", times, "jax.Ref", {"view": CALL})
    return found


SPOTS = [(i % AXES[0].size, 3 * i % AXES[1].size) for i in range(OPERATIONS // 2)]


def _bare(ref: Any) -> None:
    for i, j in SPOTS:
        ref[i, j] = ref[j % AXES[0].size, i]


def _named(ref: Any) -> None:
    for i, j in SPOTS:
        ref["layer", i, "position", j] = ref["layer", j % AXES[0].size, "position", i]


def _their_named(ref: Any) -> None:
    for i, j in SPOTS:
        ref[{"layer": i, "position": j}] = ref[{"layer": j % AXES[0].size, "position": i}]


def _bare_at(ref: Any, t: Any) -> None:
    for i, _ in SPOTS:
        ref[i, t] = ref[t, i]


def _named_at(ref: Any, t: Any) -> None:
    for i, _ in SPOTS:
        ref["layer", i, "position", t] = ref["layer", t, "position", i]


def _their_named_at(ref: Any, t: Any) -> None:
    t = hax.named(t, ())
    for i, _ in SPOTS:
        ref[{"layer": i, "position": t}] = ref[{"layer": t, "position": i}]


def _trace(rounds: int) -> list[Finding]:
    raw, ours, theirs = small()
    found: list[Finding] = []
    for task, peers, arguments in (
        ("static", (_bare, _named, _their_named), ()),
        ("traced", (_bare_at, _named_at, _their_named_at), (1,)),
    ):
        calls = {
            "jax.Ref": lambda f=peers[0], a=arguments: _make_jaxpr(f, raw, *a),
            "NamedRef": lambda f=peers[1], a=arguments: _make_jaxpr(f, ours, *a),
        }
        calls = with_upstream(calls, theirs, lambda f=peers[2], a=arguments: _make_jaxpr(f, theirs, *a))
        times = in_turn(calls, rounds=rounds)
        found += rows(
            SUITE, f"trace {OPERATIONS} operations at {task} positions", times, "jax.Ref", {"NamedRef": TRACE}
        )
    return found


def _make_jaxpr(function: Any, *arguments: Any) -> Any:
    # A new function each time: a trace of the same one is remembered.
    return jax.make_jaxpr(lambda *a: function(*a))(*arguments)
