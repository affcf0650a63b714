"""What an operation costs, counted: equations, instructions, traces, compilations and copies.

The standard is the operation on the bare `jax.Ref` that one would write by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import pallas as pl

from haliax_refs import NamedRef
from haliax_refs._access import programs


SIZES = {"layer": 8, "position": 16, "feature": 32}

Function = Callable[..., Any]


def cache() -> NamedRef:
    return hax.new_ref(hax.zeros(SIZES))


def bare() -> Any:
    return jax.new_ref(jnp.zeros(tuple(SIZES.values())))


def row() -> hax.NamedArray:
    return hax.ones({"feature": SIZES["feature"]})


I = jnp.array([1, 5, 2])  # noqa: E741  (index arrays are I and J, as in the mathematics)
J = jnp.array([4, 0, 9])


def equations(function: Function, *arguments: Any) -> str:
    """The jaxpr as text: its variables are named in order, so equal equations give equal text.

    jax.Ref broadcasts index arrays by a primitive of its own, for which vmap has no rule, so the package does not.
    """
    text = str(jax.make_jaxpr(function)(*arguments))
    return re.sub(r"broadcast_to\[shape=\(\d+,\)\] (\d+:i32\[\])", r"broadcast_in_dim \1", text)


def primitives(function: Function, *arguments: Any) -> list[str]:
    return [equation.primitive.name for equation in jax.make_jaxpr(function)(*arguments).eqns]


def instructions(function: Function, *arguments: Any) -> list[str]:
    """The optimised HLO, without where it comes from, its names numbered in order."""
    text = jax.jit(function).lower(*arguments).compile().as_text()
    text = re.sub(r", (metadata|frontend_attributes)=\{[^{}]*(\{[^{}]*\}[^{}]*)*\}", "", text)
    text = re.sub(r"HloModule \w+", "HloModule", text)
    names: dict[str, str] = {}
    text = re.sub(r"%[\w.\-]+", lambda match: names.setdefault(match[0], f"%{len(names)}"), text)
    # The parameters of a computation are named after how it came to be, and mentioned without "%" in its head.
    text = re.sub(r"[\w.\-]+: (?=[a-z]+\d*\[)", "", text)
    kept = [line for line in text.splitlines() if re.match(r"HloModule|\s*(ROOT )?%|ENTRY|\}", line)]
    assert any(" parameter(0)" in line for line in kept)
    return kept


def write(index: Any) -> tuple[Function, Function]:
    def named(ref: NamedRef, value: Any, *arguments: Any) -> None:
        ref[index[0](*arguments)] = value

    def raw(ref: Any, value: Any, *arguments: Any) -> None:
        ref[index[1](*arguments)] = value.array

    return named, raw


def _three_views_deep(ref: NamedRef) -> Any:
    view = ref.slice({"layer": slice(2, 8)}).slice({"position": slice(4, 16, 2)}).slice({"layer": 1})
    return view["position", 3].array


# name -> (by name, by hand), the arguments besides the ref
PAIRS: dict[str, tuple[Function, Function, tuple[Any, ...]]] = {
    "read a row": (lambda r: r["layer", 3, "position", 5].array, lambda r: r[3, 5], ()),
    "read a row from the end": (lambda r: r["layer", -1, "position", -2].array, lambda r: r[7, 14], ()),
    "read all": (lambda r: r[...].array, lambda r: r[:, :, :], ()),
    "read a slice": (lambda r: r["position", 4:9].array, lambda r: r[:, 4:9], ()),
    "strided view of a view": (
        lambda r: r.slice({"layer": slice(1, 7, 2)}).slice({"layer": slice(1, 3)})[...].array,
        lambda r: r[3:7:2],
        (),
    ),
    "point of a strided view": (lambda r: r.slice({"layer": slice(1, 8, 2)})["layer", 2].array, lambda r: r[5], ()),
    "three views deep": (_three_views_deep, lambda r: r[3, 10], ()),
    "traced row": (lambda r, i: r["layer", i].array, lambda r, i: r[i], (2,)),
    "traced row, named": (lambda r, i: r["layer", i].array, lambda r, i: r[i.array], (hax.named(jnp.int32(2), ()),)),
    "traced row beside an int": (lambda r, i: r["layer", i, "position", 3].array, lambda r, i: r[i, 3], (2,)),
    "traced row of a view of another axis": (
        lambda r, i: r.slice({"position": slice(2, 6)})["layer", i].array,
        lambda r, i: r[i, 2:6],
        (2,),
    ),
    "view at a traced row": (lambda r, i: r.slice({"layer": i})[{"position": 3}].array, lambda r, i: r[i, 3], (2,)),
    "two traced rows": (
        lambda r, i, j: r.slice({"layer": i})[{"position": j}].array,
        lambda r, i, j: r[i, j],
        (2, 3),
    ),
    "traced window": (lambda r, i: r["layer", hax.ds(i, 3)].array, lambda r, i: r[pl.ds(i, 3)], (2,)),
    "gather": (lambda r, i: r["layer", i].array, lambda r, i: r[i], (I,)),
    "gather over a named axis": (
        lambda r, i: r["layer", i].array,
        lambda r, i: r[i.array],
        (hax.named(I, "token"),),
    ),
    "paired gather": (
        lambda r, i, j: r["layer", i, "position", j].array,
        lambda r, i, j: r[i.array, j.array],
        (hax.named(I, "token"), hax.named(J, "token")),
    ),
    "write a row": (*write((lambda: ("layer", 3, "position", 5), lambda: (3, 5))), (row(),)),
    "write a traced row": (
        *write((lambda i, j: ("layer", i, "position", j), lambda i, j: (i, j))),
        (row(), 2, 3),
    ),
    "write a traced window": (
        *write((lambda i: ("layer", 2, "position", hax.ds(i, 3)), lambda i: (2, pl.ds(i, 3)))),
        (hax.ones({"position": 3, "feature": 32}), 5),
    ),
    "scatter": (
        *write((lambda i: ("layer", 2, "position", i), lambda i: (2, i.array))),
        (hax.ones({"token": 3, "feature": 32}), hax.named(J, "token")),
    ),
    "swap": (
        lambda r, i, v: hax.swap(r, {"layer": 1, "position": i}, v).array,
        lambda r, i, v: jax.ref.swap(r, (1, i), v.array),
        (2, row()),
    ),
    "addupdate": (
        lambda r, i, v: hax.ref.addupdate(r, {"layer": 1, "position": i}, v),
        lambda r, i, v: jax.ref.addupdate(r, (1, i), v.array),
        (2, row()),
    ),
}


@pytest.mark.parametrize("case", PAIRS)
def test_an_operation_is_the_one_written_by_hand(case: str) -> None:
    named, raw, arguments = PAIRS[case]
    assert equations(named, cache(), *arguments) == equations(raw, bare(), *arguments)
    assert instructions(named, cache(), *arguments) == instructions(raw, bare(), *arguments)


def test_what_is_compared_tells_operations_apart() -> None:
    assert equations(lambda r: r["layer", 3].array, cache()) != equations(lambda r: r[4], bare())
    assert instructions(lambda r: r["layer", 3].array, cache()) != instructions(lambda r: r[4], bare())


def test_a_view_that_is_an_argument_costs_what_one_made_inside_does() -> None:
    view = cache().slice({"layer": jnp.int32(2)}).slice({"position": slice(4, 8)})
    by_hand = equations(lambda r, i: r[i, 5], bare(), jnp.int32(2))
    assert equations(lambda v: v["position", 1].array, view) == by_hand


# name -> (by name, by hand but for the clamp), the argument
INTO_VIEWS: dict[str, tuple[Function, Function, Any]] = {
    "row": (lambda r, i: r.slice({"layer": slice(2, 6)})["layer", i].array, lambda r, i: r[i + 2], 1),
    "row of a strided view": (
        lambda r, i: r.slice({"layer": slice(1, 8, 3)})["layer", i].array,
        lambda r, i: r[i * 3 + 1],
        1,
    ),
    "window": (
        lambda r, i: r.slice({"position": slice(2, 12)})["position", hax.ds(i, 3)].array,
        lambda r, i: r[:, pl.ds(i + 2, 3)],
        1,
    ),
    "gather": (lambda r, i: r.slice({"layer": slice(2, 8)})["layer", i].array, lambda r, i: r[i + 2], I),
}


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint32])
@pytest.mark.parametrize("case", INTO_VIEWS)
def test_a_traced_index_into_a_part_costs_one_clamp(case: str, dtype: Any) -> None:
    named, raw, argument = INTO_VIEWS[case]
    index = jnp.asarray(argument, dtype)
    clamp, *rest = jax.make_jaxpr(named)(cache(), index).eqns
    assert [equation.primitive.name for equation in rest] == primitives(raw, bare(), index)
    body = [equation.primitive.name for equation in clamp.params["jaxpr"].eqns]
    wrap = ["lt", "add", "select_n"] if dtype == jnp.int32 else []
    assert [name for name in body if name != "broadcast_in_dim"] == [*wrap, "clamp"]


def test_a_traced_index_of_one_byte_is_widened_before_it_is_moved() -> None:
    # By hand it would wrap round: uint8(250) + 10 is 4.
    ref = hax.new_ref(hax.arange({"x": 300}))
    read = jax.jit(lambda ref, i: ref.slice({"x": slice(10, 300)})["x", i].array)
    assert read(ref, jnp.uint8(250)) == 260


@pytest.mark.parametrize(
    ("index", "start", "stop", "step"),
    [
        (slice(None, None, -1), 0, 8, 1),
        (slice(6, 1, -1), 2, 7, 1),
        (slice(7, None, -3), 1, 8, 3),
    ],
)
def test_a_negative_step_is_a_reverse_around_a_slice(index: slice, start: int, stop: int, step: int) -> None:
    def by_hand(ref: Any) -> Any:
        return jax.lax.rev(ref[start:stop:step], (0,))

    assert equations(lambda r: r["layer", index].array, cache()) == equations(by_hand, bare())
    assert equations(lambda r: r.slice({"layer": index})[...].array, cache()) == equations(by_hand, bare())


def test_a_negative_step_back_again_costs_nothing() -> None:
    def twice(ref: NamedRef) -> Any:
        return ref.slice({"layer": slice(None, None, -1)}).slice({"layer": slice(None, None, -1)})[...].array

    assert equations(twice, cache()) == equations(lambda r: r[:, :, :], bare())


def test_planning_dispatches_nothing() -> None:
    def plans(ref: NamedRef) -> None:
        view = ref.slice({"layer": slice(1, 8, 2), "position": [3, 1, 2]}).slice({"layer": slice(None, None, -1)})
        view.rename({"feature": "f"}).slice({"f": hax.ds(2, 3)}).unsliced()

    assert primitives(plans, cache()) == []


# Traces


def counted() -> tuple[Function, list[None]]:
    """A jitted function of a ref that is read and written, and a list that has an entry for each of its traces."""
    traces: list[None] = []

    @jax.jit
    def use(ref: NamedRef) -> Any:
        traces.append(None)
        ref[...] = ref[...] + 1
        return ref[...].array

    return use, traces


VALUES: dict[str, Callable[[int], Any]] = {
    "jax int": jnp.int32,
    "NumPy 0-d": lambda i: hax.named(jnp.asarray(np.asarray(i)), ()),
    "window": lambda i: hax.ds(jnp.int32(i), 3),
    "strided window": lambda i: pl.ds(jnp.int32(i), 3, 2),
    "jax array": lambda i: jnp.array([i, i + 1]),
    "NumPy array": lambda i: np.array([i, i + 1]),
    "list": lambda i: [i + 1, i],
    "NamedArray": lambda i: hax.named(jnp.array([i, i + 1]), "token"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_view_at_another_traced_position_does_not_retrace(kind: str) -> None:
    use, traces = counted()
    ref = cache()
    for position in (1, 2, 3, 0):
        use(ref.slice({"position": VALUES[kind](position)}))
    for layer in (jnp.int32(1), jnp.int32(2)):
        use(ref.slice({"layer": layer}).slice({"position": VALUES[kind](3)}))
    assert len(traces) == 2  # one for each structure


def test_static_positions_are_structure() -> None:
    use, traces = counted()
    ref = cache()
    for position in (1, 2, 1, 2):
        use(ref.slice({"position": position}))
    assert len(traces) == 2


# Compilations

_COMPILED: list[str] = []


def _listen(event: str, duration: float, **_: Any) -> None:
    if event.endswith("backend_compile_duration"):
        _COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_listen)


def test_compilations_are_counted() -> None:
    before = len(_COMPILED)
    jax.jit(lambda x: x * 17 + 3)(np.ones(7)).block_until_ready()
    assert len(_COMPILED) == before + 1


def _write(ref: NamedRef, index: Any) -> None:
    ref[index] = 2.0


OPERATIONS: dict[str, Callable[[NamedRef, Any], Any]] = {
    "read": lambda ref, index: ref[index],
    "write": _write,
    "swap": lambda ref, index: hax.swap(ref, index, 3.0),
    "addupdate": lambda ref, index: hax.ref.addupdate(ref, index, 1.0),
    "multiply": lambda ref, index: ref.at[index].multiply(2.0),
    "drop": lambda ref, index: ref.at[index].set(1.0, mode="drop"),
}

# what stands at a position, for each kind of selector; jax and NumPy arrays are made beforehand: that may compile too
POSITIONS: dict[str, list[Any]] = {
    "int": [0, 3, -1, 15],
    "slice": [slice(0, 3), slice(4, 7), slice(-3, None)],
    "strided slice": [slice(1, 6, 2), slice(9, 14, 2), slice(0, 5, 2)],
    "negative slice": [slice(4, 1, -1), slice(9, 6, -1)],
    "hax.ds": [hax.ds(0, 3), hax.ds(13, 3)],
    "jax int": [jnp.int32(0), jnp.int32(7)],
    "jax window": [hax.ds(jnp.int32(0), 3), hax.ds(jnp.int32(7), 3)],
    "list": [[0, 1], [3, 2]],
    "NumPy array": [np.array([0, 1]), np.array([3, 2])],
    "jax array": [jnp.array([0, 1]), jnp.array([3, 2])],
    "NamedArray": [hax.named(jnp.array([0, 1]), "token"), hax.named(jnp.array([3, 2]), "token")],
}


@pytest.mark.parametrize("kind", POSITIONS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_eager_operation_at_another_position_compiles_nothing(operation: str, kind: str) -> None:
    ref = cache()
    first, *others = POSITIONS[kind]
    OPERATIONS[operation](ref, {"position": first})
    OPERATIONS[operation](ref.slice({"layer": slice(1, 4)}).slice({"layer": 1}), {"position": first})
    before = len(_COMPILED)
    for position in others:
        OPERATIONS[operation](ref, {"position": position})
    for layers, layer in ((slice(2, 5), 0), (slice(5, 8), 2)):
        OPERATIONS[operation](ref.slice({"layer": layers}).slice({"layer": layer}), {"position": first})
    assert len(_COMPILED) == before


def test_a_warm_operation_goes_straight_to_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    # Asking jax to compile what it has compiled is no compilation, but it takes longer than the operation.
    ref = cache()
    for operation in OPERATIONS.values():
        operation(ref, {"position": 3, "layer": 1})
    monkeypatch.setattr(programs, "make", lambda *_: pytest.fail("it asks for the program again"))
    for operation in OPERATIONS.values():
        operation(ref, {"position": 5, "layer": 2})


def test_another_buffer_of_the_same_axes_compiles_nothing() -> None:
    _write(cache(), {"layer": 1})
    another = cache()
    before = len(_COMPILED)
    _write(another, {"layer": 2})
    assert len(_COMPILED) == before
