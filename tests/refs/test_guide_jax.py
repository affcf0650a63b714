"""What JAX's guide to refs shows by position, done by name: a test for each capability.

The oracles are plain arrays: NumPy, or the same computation by a pure function.
"""

from __future__ import annotations

from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import Axis, NamedArray

from tests.refs.grids import X, Y, contents, grid


pytestmark = pytest.mark.usefixtures("unoptimized")
Layer = Axis("layer", 3)
In, Out = Axis("in", 4), Axis("out", 4)

# jax 0.9 has with_refs, but fails on refs that are read or written whole
needs_with_refs = pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="this jax has no with_refs that works")
needs_ad = pytest.mark.skipif(not hasattr(jax, "ad"), reason="this jax has no jax.ad")


needs_vmap = pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="this jax does not vmap refs rightly")


# --- Reading and writing, pure and impure ---------------------------------------------------------------------------


def test_a_closed_over_ref_is_updated_by_each_call() -> None:
    ref = hax.new_ref(hax.zeros(X))

    @jax.jit
    def step() -> None:
        ref["x", 1] += 1.0

    assert contents(ref).tolist() == [0, 0, 0, 0]
    step()
    step()
    assert contents(ref).tolist() == [0, 2, 0, 0]


def test_a_ref_argument_is_updated_by_each_call() -> None:
    traces = []

    @jax.jit
    def copy_rows(to: Any, source: Any, rows: Any) -> None:
        traces.append(rows)
        to["x", 0:2] = source["x", rows]

    to, source = hax.new_ref(hax.zeros((X, Y))), grid()
    copy_rows(to, source, jnp.array([3, 1]))
    np.testing.assert_array_equal(contents(to), [[9, 10, 11], [3, 4, 5], [0, 0, 0], [0, 0, 0]])
    copy_rows(to, source, jnp.array([0, 0]))
    np.testing.assert_array_equal(contents(to)[:2], [[0, 1, 2], [0, 1, 2]])
    assert len(traces) == 1
    np.testing.assert_array_equal(contents(source), np.arange(12.0).reshape(4, 3))


def test_a_pure_function_may_use_refs_inside() -> None:
    @jax.jit
    def double(x: NamedArray) -> NamedArray:
        ref = hax.new_ref(x)
        ref[...] = ref[...] + ref[...]
        return ref[...]

    x = hax.arange(X).astype(float)
    assert double(x).axes == (X,)
    assert double(x).array.tolist() == [0, 2, 4, 6]
    both = hax.vmap(double, Y)(hax.named(jnp.arange(12.0).reshape(3, 4), (Y, X)))
    assert both.axes == (Y, X)
    np.testing.assert_array_equal(both.array, 2 * np.arange(12.0).reshape(3, 4))


def test_math_needs_a_read() -> None:
    ref = hax.new_ref(1.0)
    with pytest.raises(TypeError):
        jnp.sin(ref)
    assert jnp.sin(ref[...].array) == jnp.sin(1.0)


def test_impure_calls_run_in_program_order() -> None:
    ref = hax.new_ref(1.0)
    for factor, term in ((2.0, 3.0), (5.0, 7.0)):
        jax.jit(lambda ref, factor: ref.at[...].multiply(factor))(ref, factor)
        ref[...] += term
    assert ref[...].item() == (1 * 2 + 3) * 5 + 7


# --- Transformations ------------------------------------------------------------------------------------------------


@needs_vmap
def test_vmap_over_ref_arguments() -> None:
    """The guide's distances: each pair of instances writes its own cell of the ref."""
    vectors = jnp.arange(12.0).reshape(3, 4)
    a, b = hax.named(vectors, ("a", X)), hax.named(vectors, ("b", X))
    out = hax.new_ref(hax.zeros({"a": 3, "b": 3}))

    def distance(a: NamedArray, b: NamedArray, out: Any) -> None:
        assert a.axes == b.axes == (X,)
        assert out.axes == ()
        out[...] = hax.sum((a - b) ** 2)

    hax.vmap(hax.vmap(distance, "b"), "a")(a, b, out)
    want = ((np.asarray(vectors)[:, None] - np.asarray(vectors)[None]) ** 2).sum(-1)
    np.testing.assert_array_equal(contents(out), want)

    positional = hax.new_ref(hax.zeros({"a": 3, "b": 3}))
    raw = lambda a, b, out: distance(hax.named(a, X), hax.named(b, X), out)  # noqa: E731
    jax.vmap(jax.vmap(raw, (0, None, 0)), (None, 0, 0))(vectors, vectors, positional)
    np.testing.assert_array_equal(contents(positional), want)


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_scan_and_fori_loop_over_refs(jitted: bool) -> None:
    def run(ref: Any) -> jax.Array:
        def row(total: jax.Array, i: jax.Array) -> tuple[jax.Array, jax.Array]:
            ref["x", i] *= 2.0
            return total + ref["x", i, "y", 0].array, i

        total, _ = jax.lax.scan(row, 0.0, jnp.arange(4))
        jax.lax.fori_loop(0, 3, lambda i, _: ref.at["x", 0, "y", i].add(100.0), None)
        return total

    ref = grid()
    total = (jax.jit(run) if jitted else run)(ref)
    want = 2 * np.arange(12.0).reshape(4, 3)
    want[0] += 100
    assert total == 2 * (0 + 3 + 6 + 9)
    np.testing.assert_array_equal(contents(ref), want)


def test_refs_as_scan_inputs() -> None:
    ref, other = grid(), hax.new_ref(hax.zeros(X))

    def row(total: jax.Array, refs: Any) -> tuple[jax.Array, NamedArray]:
        row, cell = refs
        assert row.axes == (Y,)
        assert cell.axes == ()
        cell[...] = total
        row["y", 0] = -1.0
        return total + 1, row["y", 1]

    total, ys = jax.lax.scan(row, jnp.float32(5), (ref, other))
    assert total == 9
    np.testing.assert_array_equal(ys.array, [1, 4, 7, 10])
    np.testing.assert_array_equal(contents(other), [5, 6, 7, 8])
    np.testing.assert_array_equal(contents(ref)[:, 0], -1)


def test_cond_and_switch() -> None:
    @jax.jit
    def run(ref: Any, which: jax.Array) -> None:
        def write() -> None:
            ref["x", which] = 50.0

        jax.lax.cond(which > 0, write, lambda: None)
        branches = [lambda ref, i=i: ref.at["y", i].add(10.0 * i) for i in range(3)]
        jax.lax.switch(which, branches, ref)

    ref, want = grid(), np.arange(12.0).reshape(4, 3)
    for which in (0, 2, 1):
        run(ref, which)
        if which:
            want[which] = 50
        want[:, which] += 10 * which
        np.testing.assert_array_equal(contents(ref), want)


def test_foreach_runs_at_once() -> None:
    """The guide's `foreach`, over a named axis."""
    total = hax.new_ref(0)

    @hax.ref.foreach("i", hax.arange({"i": 10}))
    def doubled(x: NamedArray) -> NamedArray:
        total[...] += x
        return x * 2

    assert total[...].item() == 45
    assert doubled.axes == (Axis("i", 10),)
    assert doubled.array.tolist() == list(range(0, 20, 2))


# --- Automatic differentiation --------------------------------------------------------------------------------------


def test_grad_through_internal_refs() -> None:
    def f(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(x)
        ref[...] = hax.sin(ref[...])
        return ref[...].array

    assert jax.grad(f)(1.0) == jnp.cos(1.0)
    assert jax.grad(jax.jit(f))(1.0) == pytest.approx(np.cos(1.0))
    value, pull = jax.vjp(f, 1.0)
    assert value == jnp.sin(1.0)
    assert pull(2.0)[0] == 2 * jnp.cos(1.0)
    assert jax.jvp(f, (1.0,), (3.0,))[1] == pytest.approx(3 * np.cos(1.0))


def test_plumbing_with_stop_gradient() -> None:
    def f(x: NamedArray, seen: Any) -> jax.Array:
        y = x * x
        seen[...] += jax.lax.stop_gradient(y)
        return hax.sum(y).array

    seen, x = hax.new_ref(hax.zeros(X)), hax.arange(X).astype(float)
    gradient = jax.grad(f)(x, seen)
    assert gradient.axes == (X,)
    assert gradient.array.tolist() == [0, 2, 4, 6]
    assert contents(seen).tolist() == [0, 1, 4, 9]
    with pytest.raises(ValueError, match=r"x=4.*stop_gradient"):
        jax.grad(lambda x: (seen.at[...].set(x), hax.sum(x).array)[1])(x)


def test_custom_vjp_stashes_gradients() -> None:
    @jax.custom_vjp
    def stash(grads: Any, x: NamedArray) -> NamedArray:
        return x

    def forward(grads: Any, x: NamedArray) -> tuple[NamedArray, Any]:
        return x, grads

    def backward(grads: Any, gradient: NamedArray) -> tuple[None, NamedArray]:
        grads[...] = gradient
        return None, gradient

    stash.defvjp(forward, backward)

    def f(x: NamedArray, grads: Any) -> jax.Array:
        return hax.sum(hax.sin(stash(grads, x * 2.0))).array

    x, grads = hax.arange(X) * 0.5, hax.new_ref(hax.zeros(X))
    for transform in (jax.grad(f), jax.jit(jax.grad(f))):
        grads[...] = 0.0
        gradient = transform(x, grads)
        np.testing.assert_allclose(gradient.array, 2 * np.cos(np.arange(4)), rtol=1e-6)
        np.testing.assert_allclose(contents(grads), np.cos(np.arange(4)), rtol=1e-6)


@needs_with_refs
def test_with_refs_for_a_named_ref_argument() -> None:
    """The gradient of a ref is accumulated into a ref of the same axes."""
    x = grid()
    y, pull = jax.vjp(lambda ref: hax.sum(ref[...] ** 2).array, x)
    assert y == (np.arange(12.0) ** 2).sum()
    gradient = hax.new_ref(hax.full((X, Y), 100.0))
    pull.with_refs(gradient)(1.0)
    np.testing.assert_array_equal(contents(gradient), 100 + 2 * np.arange(12.0).reshape(4, 3))

    row = hax.new_ref(hax.zeros((X, Y)))
    _, pull = jax.vjp(lambda ref: hax.sum(ref.slice("x", 2)["y", ::2]).array, x)
    pull.with_refs(row)(1.0)
    want = np.zeros((4, 3))
    want[2, ::2] = 1
    np.testing.assert_array_equal(contents(row), want)


@needs_with_refs
def test_updates_of_a_ref_argument_are_differentiated() -> None:
    x, gradient = hax.new_ref(hax.arange(X) * 1.0), hax.new_ref(hax.zeros(X))

    def f(ref: Any) -> jax.Array:
        ref[...] = hax.sin(ref[...])
        return hax.sum(ref[...] ** 2).array

    _, pull = jax.vjp(f, x)
    np.testing.assert_allclose(contents(x), np.sin(np.arange(4)), rtol=1e-6)
    pull.with_refs(gradient)(1.0)
    np.testing.assert_allclose(contents(gradient), np.sin(2.0 * np.arange(4)), atol=1e-6)


@needs_ad
def test_with_refs_for_a_named_array_argument() -> None:
    """`with_refs` takes the argument's own tree: a NamedArray, here of a buffer that a NamedRef names, too."""

    @jax.jit
    def take(x: NamedArray, i: jax.Array) -> NamedArray:
        return x["x", i]

    buffer = jax.new_ref(jnp.zeros(4))
    gradient = hax.ref.wrap(buffer, X)
    for i in (3, 1, 3):
        _, pull = jax.vjp(take, hax.arange(X).astype(float), i)
        pull.with_refs(NamedArray(buffer, (X,)), jax.ad.GradValue())(hax.named(1.0, ()))
    assert contents(gradient).tolist() == [0, 1, 0, 2]


@needs_ad
def test_grad_value_and_dont_want() -> None:
    def predict(weight: NamedArray, x: NamedArray) -> NamedArray:
        return hax.dot(weight, x, axis=In)

    weight, x = hax.ones((In, Out)), hax.arange(In).astype(float)
    _, pull = jax.vjp(predict, weight, x)
    value, skip = NamedArray(jax.ad.GradValue(), weight.axes), NamedArray(jax.ad.DontWant(), x.axes)
    weight_bar, x_bar = pull.with_refs(value, skip)(hax.ones(Out))
    np.testing.assert_array_equal(weight_bar.rearrange((In, Out)).array, np.arange(4.0)[:, None] * np.ones(4))
    assert isinstance(x_bar.array, jax.ad.DidntWant)

    def dots(*wanted: Any) -> int:
        return str(jax.make_jaxpr(lambda: pull.with_refs(*wanted)(hax.ones(Out)))()).count("dot_general")

    assert dots(value, NamedArray(jax.ad.GradValue(), x.axes)) == 2
    assert dots(value, skip) == 1


def mubatch_loss(weights: NamedArray, x: NamedArray) -> jax.Array:
    def layer(x: NamedArray, weight: NamedArray) -> NamedArray:
        return hax.tanh(hax.dot(x, weight, axis=In)).rename({"out": "in"})

    return hax.mean(hax.fold(layer, Layer)(x, weights)).array


@needs_with_refs
def test_gradient_accumulation_over_microbatches() -> None:
    """One gradient buffer, added to in place by each step of a scan, and frozen at the end."""
    weights = hax.named(jnp.sin(jnp.arange(48.0)).reshape(3, 4, 4), (Layer, In, Out))
    batches = hax.named(jnp.cos(jnp.arange(40.0)).reshape(2, 5, 4), ("microbatch", "batch", In))

    @jax.jit
    def process(weights: NamedArray, batches: NamedArray) -> tuple[NamedArray, NamedArray]:
        gradients = hax.new_ref(hax.zeros_like(weights))

        def microbatch(x: NamedArray) -> jax.Array:
            loss, pull = jax.vjp(lambda ref: mubatch_loss(ref[...], x), hax.new_ref(weights))
            pull.with_refs(gradients)(jnp.ones_like(loss))
            return loss

        losses = hax.ref.foreach("microbatch", batches)(microbatch)
        return hax.freeze(gradients), losses

    gradients, losses = process(weights, batches)

    def total(weights: NamedArray) -> jax.Array:
        return sum(mubatch_loss(weights, batches["microbatch", i]) for i in range(2))  # type: ignore[return-value]

    want, want_gradients = jax.value_and_grad(total)(weights)
    assert gradients.axes == weights.axes
    np.testing.assert_allclose(jnp.sum(losses), want, rtol=1e-5)
    np.testing.assert_allclose(gradients.array, want_gradients.array, atol=1e-6)


# --- Performance ----------------------------------------------------------------------------------------------------


def test_training_steps_in_place_without_donation() -> None:
    """The buffers of parameters and momenta stay where they are."""
    params = {"w": hax.new_ref(hax.ones((In, Out))), "b": hax.new_ref(hax.zeros(Out))}
    momenta = {"w": hax.new_ref(hax.zeros((In, Out))), "b": hax.new_ref(hax.zeros(Out))}
    x = hax.named(jnp.sin(jnp.arange(20.0)).reshape(5, 4), ("batch", In))

    def loss(params: Any) -> jax.Array:
        return hax.mean((hax.dot(x, params["w"], axis=In) + params["b"]) ** 2).array

    @jax.jit
    def step(params: Any, momenta: Any) -> None:
        gradients = jax.grad(loss)(hax.tree_util.tree_map(lambda ref: ref[...], params))
        for name, gradient in gradients.items():
            momenta[name][...] = 0.9 * momenta[name][...] + gradient
            hax.ref.addupdate(params[name], ..., -0.1 * momenta[name][...])

    pointers = [ref.unsafe_buffer_pointer() for ref in (*params.values(), *momenta.values())]
    for _ in range(3):
        step(params, momenta)
    assert [ref.unsafe_buffer_pointer() for ref in (*params.values(), *momenta.values())] == pointers

    plain = {"w": hax.ones((In, Out)), "b": hax.zeros(Out)}
    moving = {"w": hax.zeros((In, Out)), "b": hax.zeros(Out)}
    for _ in range(3):
        gradients = jax.grad(loss)(plain)
        moving = {name: 0.9 * moving[name] + gradients[name] for name in plain}
        plain = {name: plain[name] - 0.1 * moving[name] for name in plain}
    for name, want in plain.items():
        np.testing.assert_allclose(contents(params[name]), want.rearrange(params[name].axes).array, rtol=1e-5)


def test_ahead_of_time_compilation() -> None:
    def step(ref: Any, view: Any) -> None:
        ref["x", 0] = 7.0
        view["y", 0] += 1.0

    ref, other = grid(), grid()
    compiled = jax.jit(step).lower(ref, other.slice("x", jnp.int32(2))).compile()
    np.testing.assert_array_equal(contents(ref), np.arange(12.0).reshape(4, 3))  # nothing has run
    compiled(ref, other.slice("x", jnp.int32(2)))
    compiled(ref, other.slice("x", jnp.int32(3)))
    want = np.arange(12.0).reshape(4, 3)
    want[0] = 7
    np.testing.assert_array_equal(contents(ref), want)
    want = np.arange(12.0).reshape(4, 3)
    want[2:, 0] += 1
    np.testing.assert_array_equal(contents(other), want)
