"""Refs within `jax.checkpoint`: what a function writes is written once, and its gradient is that without a checkpoint.

The oracle is the same function without `jax.checkpoint`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import NamedArray, ScanCheckpointPolicy
from haliax.nn.scan import Stacked

from haliax_refs import NamedRef, _compat


pytestmark = pytest.mark.usefixtures("unoptimized")
LAYER, E = hax.make_axes(layer=4, e=2)


def state() -> dict[str, NamedRef]:
    return {"count": hax.new_ref(1.0), "log": hax.new_ref(hax.zeros((E, LAYER))), "step": hax.new_ref(0)}


def contents(refs: Any) -> list[np.ndarray]:
    return [np.asarray(ref[...].array) for ref in jax.tree.leaves(refs, is_leaf=lambda x: isinstance(x, NamedRef))]


def plain(x: jax.Array, refs: dict[str, NamedRef]) -> jax.Array:
    y = jnp.sin(x * refs["count"][...].array)
    refs["count"][...] += 1.0
    return y * refs["count"][...].array


def in_loop(x: jax.Array, refs: dict[str, NamedRef]) -> jax.Array:
    def step(i: Any, x: jax.Array) -> jax.Array:
        before = refs["log"]["layer", i, "e", 0]
        refs["log"]["layer", i, "e", 0] = before + jax.lax.stop_gradient(x)
        return jnp.sin(x + refs["log"]["layer", i, "e", 0].array)

    return jax.lax.fori_loop(0, 4, step, x)


def in_cond(x: jax.Array, refs: dict[str, NamedRef]) -> jax.Array:
    def write(x: jax.Array) -> jax.Array:
        refs["step"][...] += 1
        return x * x * refs["step"][...].array

    return jax.lax.cond(x > 0, write, lambda x: x, x)


def jitted(x: jax.Array, refs: dict[str, NamedRef]) -> jax.Array:
    inner = jax.jit(lambda x, view: (view.at["e", 1].set(jax.lax.stop_gradient(x)), x * view["e", 1].array)[1])
    return inner(x, refs["log"].slice("layer", 2)) + plain(x, refs)


def with_a_ref_of_its_own(x: jax.Array, refs: dict[str, NamedRef]) -> jax.Array:
    own = hax.new_ref(hax.named(jnp.stack([x, x * x]), "e"))
    own["e", 0] = own["e", 1] * refs["count"][...]
    refs["log"]["layer", 0] = jax.lax.stop_gradient(own[...].array)
    return jnp.sum(hax.freeze(own).array)


def only_read(x: jax.Array, refs: dict[str, NamedRef]) -> jax.Array:
    return jnp.cos(x * refs["count"][...].array)


BODIES = {f.__name__: f for f in (plain, in_loop, in_cond, jitted, with_a_ref_of_its_own, only_read)}
CHECKPOINTS: dict[str, Callable[[Any], Any]] = {
    "checkpoint": jax.checkpoint,
    "filter_checkpoint": eqx.filter_checkpoint,
    "policy": lambda f: jax.remat(f, policy=jax.checkpoint_policies.everything_saveable, prevent_cse=False),
    "nested": lambda f: jax.checkpoint(lambda *args: jax.checkpoint(f)(*args)),
    "static": lambda f: lambda *args: jax.checkpoint(lambda _, *args: f(*args), static_argnums=(0,))("static", *args),
    "twice": lambda f: lambda x, *refs: jax.checkpoint(f)(jax.checkpoint(f)(x, *refs), *refs),
}


def loss_of(body: Any, checkpoint: Any, refs: Any, closed_over: bool) -> Callable[[jax.Array], jax.Array]:
    """`body`, checkpointed, and what reads and writes the refs around it."""

    def loss(x: jax.Array) -> jax.Array:
        refs["count"][...] += 1.0
        y = checkpoint(lambda x: body(x, refs))(x) if closed_over else checkpoint(body)(x, refs)
        refs["count"][...] *= 2.0  # the backward pass sees what the function saw, not this
        return y * 2

    return loss


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize(
    ("name", "how"),
    [(name, "checkpoint") for name in BODIES]
    + [("plain", how) for how in CHECKPOINTS if how != "checkpoint"]
    + [("in_loop", "nested")],
)
def test_written_once_and_differentiated_as_without(name: str, how: str, jit: bool) -> None:
    wrap: Any = jax.jit if jit else lambda f: f
    double: Any = (lambda f: lambda x, *refs: f(f(x, *refs), *refs)) if how == "twice" else (lambda f: f)
    want_refs = state()
    want = jax.jit(jax.value_and_grad(loss_of(BODIES[name], double, want_refs, True)))(0.5)
    for closed_over in (True, False):
        refs = state()
        got = wrap(jax.value_and_grad(loss_of(BODIES[name], CHECKPOINTS[how], refs, closed_over)))(0.5)
        np.testing.assert_allclose(got, want, rtol=1e-6)
        for after, expected in zip(contents(refs), contents(want_refs), strict=True):
            np.testing.assert_allclose(after, expected, rtol=1e-6)


def test_what_is_not_differentiated() -> None:
    refs = state()
    f = jax.jit(lambda x, refs: jax.checkpoint(plain)(x, refs))
    assert f(0.5, refs) == pytest.approx(np.sin(0.5) * 2)
    assert refs["count"][...].item() == 2


def test_a_function_that_was_traced_before() -> None:
    """A jitted function that closes over a ref is traced once; the checkpoint finds the ref in its program."""
    count = hax.new_ref(1.0)

    @jax.jit
    def bump(x: jax.Array) -> jax.Array:
        count[...] += 1.0
        return x * count[...].array

    bump(1.0)
    gradient = jax.grad(jax.checkpoint(lambda x: jnp.sin(bump(x))))(0.5)
    assert gradient == pytest.approx(3 * np.cos(1.5))
    assert count[...].item() == 3
    assert bump(1.0) == 4


def test_one_checkpointed_function_called_again() -> None:
    """jax keeps the trace of a checkpointed function; another ref, and other contents, are seen all the same."""
    f = jax.checkpoint(plain)
    for start in (1.0, 2.0):
        refs = state()
        refs["count"][...] = start
        assert jax.grad(f)(0.5, refs) == pytest.approx((start + 1) * start * np.cos(0.5 * start))
        assert refs["count"][...].item() == start + 1


def test_under_vmap_and_jvp() -> None:
    rows = hax.new_ref(hax.named(jnp.arange(3.0), "b"))
    factor = hax.new_ref(2.0)  # read, not written, so that it need not be mapped

    def step(x: NamedArray, row: NamedRef) -> NamedArray:
        y = hax.sin(x * row[...] * factor[...])
        row[...] += 1.0
        return y

    def loss(x: NamedArray) -> Any:
        return hax.sum(hax.vmap(jax.checkpoint(step), "b")(x, rows)).array

    if jax.__version_info__ >= (0, 10):
        x = hax.named(jnp.array([0.1, 0.2, 0.3]), "b")
        got = jax.jit(jax.grad(loss))(x).array
        k = np.arange(3.0) * 2
        np.testing.assert_allclose(got, k * np.cos(x.array * k), rtol=1e-6)
        assert rows[...].array.tolist() == [1, 2, 3]
    refs = state()
    primal, tangent = jax.jvp(lambda x: jax.checkpoint(plain)(x, refs), (0.5,), (1.0,))
    assert (primal, tangent) == (pytest.approx(2 * np.sin(0.5)), pytest.approx(2 * np.cos(0.5)))
    assert refs["count"][...].item() == 2


def test_a_ref_that_is_differentiated() -> None:
    def f(x: jax.Array, checkpoint: Any) -> jax.Array:
        ref = hax.new_ref(x)
        checkpoint(lambda y: ref.at[...].multiply(y))(x)
        return ref[...].array

    assert jax.grad(lambda x: f(x, jax.checkpoint))(3.0) == 6


@pytest.mark.parametrize("jit", [False, True])
def test_a_differentiated_value_is_refused_before_anything_is_written(jit: bool) -> None:
    refs = state()

    def f(x: jax.Array) -> jax.Array:
        refs["log"]["layer", 0, "e", 0] = x
        return x

    gradient = jax.grad(jax.checkpoint(f))
    with pytest.raises(ValueError, match=r"differentiated value.*stop_gradient"):
        (jax.jit(gradient) if jit else gradient)(1.0)
    if jit:  # else jax has run the write by the time it refuses, without `jax.checkpoint` as well
        assert not refs["log"][...].array.any()


def test_refs_of_constants() -> None:
    """jax itself fails to differentiate these: what is written to them is differentiated, what they hold is not."""

    def cumulate(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(hax.zeros({"x": 4}))
        count = hax.new_ref(0)
        ref["x", 0] = x[0]
        for i in range(1, 4):
            ref["x", i] = ref["x", i - 1] * x[i]
            count[...] += 1
        return hax.sum(hax.freeze(ref)).array * count[...].array

    x = jnp.arange(4.0) + 1
    want = 3 * np.array([33.0, 16.0, 10.0, 6.0])
    np.testing.assert_allclose(jax.grad(jax.checkpoint(cumulate))(x), want)
    np.testing.assert_allclose(jax.jit(jax.grad(jax.jit(jax.checkpoint(cumulate))))(x), want)


def test_a_ref_of_constants_from_around_the_checkpoint() -> None:
    def f(x: jax.Array, checkpoint: Any) -> jax.Array:
        ref = hax.new_ref(hax.zeros({"x": 2}))
        checkpoint(lambda y: ref.at["x", 0].set(jnp.sin(y)))(x)
        return (ref["x", 0] * ref["x", 0]).array

    assert jax.grad(lambda x: f(x, jax.checkpoint))(0.5) == pytest.approx(2 * np.sin(0.5) * np.cos(0.5))


def test_without_the_lowering_of_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where jax has no `discharge_state` to import, refs of the contents take its place."""
    monkeypatch.setattr(_compat, "_discharge_state", None)
    refs = state()
    assert jax.grad(jax.checkpoint(plain))(0.5, refs) == pytest.approx(2 * np.cos(0.5))
    assert refs["count"][...].item() == 2


def test_what_raises_writes_nothing() -> None:
    refs = state()

    def f(x: jax.Array) -> jax.Array:
        refs["count"][...] += 1.0
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        jax.grad(jax.checkpoint(f))(1.0)
    assert refs["count"][...].item() == 1


# --- Haliax's loops ---------------------------------------------------------------------------------------------------

POLICIES: dict[str, Any] = {
    "simple": True,
    "nested": "nested",
    "recompute": "recompute",
    "save_all": "save_all",
    "nested by 4": ScanCheckpointPolicy(nested=4),
    "inputs": ScanCheckpointPolicy(save_inputs=True, save_block_internals=["load"]),
}
WEIGHTS = hax.named(jnp.array([2.0, 3.0, 4.0, 5.0]), LAYER)


class Block(eqx.Module):
    weight: NamedArray
    total: Any

    @staticmethod
    def init(weight: NamedArray, total: Any) -> Block:
        return Block(weight, total)

    def __call__(self, x: NamedArray, log: NamedRef, captured: NamedRef | None) -> NamedArray:
        y = hax.sin(x * self.weight * (log["e", 0] + 1.0))
        log["e", 0] += jax.lax.stop_gradient(hax.sum(y))
        self.total[...] += 1.0
        if captured is not None:
            captured["layer", 0, "e", 1] += 1.0
        return y


def folded(policy: Any, *, captured: bool, jit: bool) -> tuple[np.ndarray, ...]:
    """The gradient by the weights of a fold whose steps write to their own part of a log, and to a total."""
    log, total = hax.new_ref(hax.zeros((E, LAYER))), hax.new_ref(0.0)

    def loss(weights: NamedArray) -> Any:
        def step(x: NamedArray, weight: NamedArray, log: NamedRef) -> NamedArray:
            return Block(weight, total)(x, log, whole if captured else None)

        whole = log
        return hax.sum(hax.fold(step, LAYER, remat=policy)(hax.ones({"b": 2}), weights, log)).array

    gradient = jax.grad(loss)
    gradient = jax.jit(gradient) if jit else gradient
    return np.asarray(gradient(WEIGHTS).array), *contents([log, total])


@pytest.fixture(scope="module")
def expected() -> dict[bool, tuple[np.ndarray, ...]]:
    return {captured: folded(False, captured=captured, jit=True) for captured in (False, True)}


@pytest.mark.parametrize(
    ("policy", "captured", "jit"),
    [(policy, False, True) for policy in POLICIES] + [("simple", False, False), ("simple", True, True)]
    + [("nested", True, True), ("nested", False, False)],
)  # fmt: skip
def test_every_policy(policy: str, captured: bool, jit: bool, expected: dict[bool, tuple[np.ndarray, ...]]) -> None:
    got = folded(POLICIES[policy], captured=captured, jit=jit)
    for value, want in zip(got, expected[captured], strict=True):
        np.testing.assert_allclose(value, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", [True, "nested"])
def test_stacked(policy: Any, expected: dict[bool, tuple[np.ndarray, ...]]) -> None:
    log, total = hax.new_ref(hax.zeros((E, LAYER))), hax.new_ref(0.0)

    @jax.jit
    @jax.grad
    def gradient(weights: NamedArray) -> Any:
        stacked = Stacked(Block(weights, total), LAYER, ScanCheckpointPolicy.from_bool_or_str(policy))
        return hax.sum(stacked.fold(hax.ones({"b": 2}), log, None)).array

    got = gradient(WEIGHTS).array, *contents([log, total])
    for value, want in zip(got, expected[False], strict=True):
        np.testing.assert_allclose(value, want, rtol=1e-5, atol=1e-6)


def test_a_step_keeps_its_own_part_only() -> None:
    """For the backward pass a step keeps what it shows of a ref: all steps together, the ref once."""
    log = hax.new_ref(hax.zeros({"layer": 4, "e": 1000}))

    def loss(weights: NamedArray, log: NamedRef) -> Any:
        def step(x: NamedArray, weight: NamedArray, part: NamedRef) -> NamedArray:
            part["e", 0] += 1.0
            return hax.sin(x * weight * part["e", 0])

        return hax.fold(step, LAYER, remat=True)(hax.named(1.0, ()), weights, log).array

    jaxpr = str(jax.make_jaxpr(jax.grad(loss))(WEIGHTS, log))
    assert "[4,1000]" in jaxpr
    assert "[4,4,1000]" not in jaxpr
