"""`step` of every optimizer of optax, against optax on arrays; and what it needs of memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs
from haliax_refs import _step, refs_of, step, values_of
from haliax_refs._compat import JAX_VERSION


optax = pytest.importorskip("optax")
X, Y = hax.make_axes(x=2, y=3)

# fmt: off
NAMES = [
    "adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamaxw", "adamw", "adan", "amsgrad", "fromage",
    "lamb", "lars", "lion", "nadam", "nadamw", "noisy_sgd", "novograd", "radam", "rmsprop", "rprop", "sgd", "sign_sgd",
    "sm3", "yogi",
]
# fmt: on
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    **{name: lambda name=name: getattr(optax, name)(0.1) for name in NAMES if hasattr(optax, name)},
    "momentum": lambda: optax.sgd(0.1, momentum=0.9, nesterov=True),
    "optimistic": lambda: optax.optimistic_gradient_descent(0.1),
    "chain": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(optax.linear_schedule(0.1, 0.01, 5))),
    "hyperparameters": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=optax.linear_schedule(0.1, 0.0, 9)),
    "several steps": lambda: optax.MultiSteps(optax.adam(0.1), every_k_schedule=2),
    "if finite": lambda: optax.apply_if_finite(optax.adam(0.1), 3),
    "masked": lambda: optax.masked(optax.adam(0.1), {"w": True, "b": False, "s": True}),
    "partitioned": lambda: optax.multi_transform(
        {"a": optax.adam(0.1), "b": optax.set_to_zero()}, {"w": "a", "b": "b", "s": "a"}
    ),
    "accumulating ema": lambda: optax.chain(optax.adam(0.1), optax.ema(0.9)),
    "bfloat16 moments": lambda: optax.adam(0.1, mu_dtype=jnp.bfloat16),
    "lookahead of sgd": lambda: optax.chain(optax.trace(0.9), optax.add_noise(0.1, 0.5, 3), optax.scale(-0.1)),
}
# What optax itself does not take there, or makes another dtype of.
LEFT_OUT = {"sm3": "s", "hyperparameters": "b"}


def values() -> dict[str, Any]:
    return {
        "w": hax.named(jnp.arange(1.0, 7.0).reshape(2, 3) / 7, (X, Y)),
        "b": jnp.array([0.5, -0.25], jnp.bfloat16),
        "s": hax.named(jnp.float32(0.3), ()),
    }


def gradients(number: int) -> Any:
    return jax.tree.map(lambda x: jnp.sin(x * (number + 3)).astype(x.dtype), values())


def assert_close(ours: Any, theirs: Any) -> None:
    for a, b in zip(jax.tree.leaves(values_of(ours)), jax.tree.leaves(theirs), strict=True):
        assert a.dtype == b.dtype
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        tolerance = 1e-2 if a.dtype == jnp.bfloat16 else 2e-6
        np.testing.assert_allclose(np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.usefixtures("unoptimized_here")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_as_optax_does(name: str) -> None:
    optimizer = OPTIMIZERS[name]()
    left_out = LEFT_OUT.get(name, ())
    expected = {key: value for key, value in values().items() if key not in left_out}
    wanted = optimizer.init(expected)
    params, state = refs_of(expected), refs_of(optimizer.init(expected))

    @jax.jit
    def plain(params: Any, state: Any, gradients: Any) -> Any:
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    for number in range(2):
        grads = {key: grad for key, grad in gradients(number).items() if key in expected}
        expected, wanted = plain(expected, wanted, grads)
        step(optimizer, params, state, grads)
    assert_close(params, expected)
    assert_close(state, wanted)
    assert (expected["w"].array != values()["w"].array).any()


def test_with_what_an_optimizer_takes_besides() -> None:
    def loss(p: Any) -> Any:
        return (hax.sum((p["w"] - 1.5) ** 2) + p["s"] ** 2).scalar()

    for optimizer in (optax.lbfgs(), optax.polyak_sgd(0.5)):
        expected: Any = {key: value for key, value in values().items() if key != "b"}
        wanted = optimizer.init(expected)
        params, state = refs_of(expected), refs_of(wanted)
        for _ in range(2):
            value, grad = jax.value_and_grad(loss)(expected)
            extra: dict[str, Any] = {"value": value}
            if optimizer.update.__qualname__.startswith("chain"):
                extra |= {"grad": grad, "value_fn": loss}
            updates, wanted = optimizer.update(grad, wanted, expected, **extra)
            expected = optax.apply_updates(expected, updates)
            step(optimizer, params, state, grad, **extra)
        np.testing.assert_allclose(params["w"][...].array, expected["w"].array, rtol=1e-4, atol=1e-5)


class Model(eqx.Module):
    weight: Any
    count: Any
    function: Callable[..., Any] = jax.nn.relu

    def loss(self) -> Any:
        return hax.sum(self.weight**2).scalar()


@pytest.mark.parametrize("where", ["eager", "jax.jit", "eqx.filter_jit"])
def test_a_module_of_which_a_part_is_trained(where: str) -> None:
    model = Model(hax.ones((X, Y)), jnp.int32(3))
    optimizer = optax.adam(0.1)
    params = refs_of(model, filter=eqx.is_inexact_array)
    state = refs_of(optimizer.init(eqx.filter(values_of(params), eqx.is_inexact_array)))
    assert params.count is model.count

    def train(params: Any, state: Any) -> None:
        grads = eqx.filter_grad(Model.loss)(values_of(params))
        step(optimizer, params, state, grads)

    if where == "jax.jit":
        dynamic, static = params.weight, params
        jax.jit(lambda weight, state: train(eqx.tree_at(lambda m: m.weight, static, weight), state))(dynamic, state)
    elif where == "eqx.filter_jit":
        eqx.filter_jit(train)(params, state)
    else:
        train(params, state)
    np.testing.assert_allclose(params.weight[...].array, np.full((2, 3), 0.9), rtol=1e-5)
    assert values_of(state[0].count) == 1


class Counted(eqx.Module):
    weight: Any
    count: Any


@pytest.mark.parametrize("counts_in_a_ref", [False, True])
@pytest.mark.parametrize("optimizer", [optax.lion(0.1), optax.adamw(0.1)], ids=["lion", "adamw"])
def test_named_integers_beside_what_is_trained(optimizer: Any, counts_in_a_ref: bool) -> None:
    """A filter leaves a NamedArray of None of them, in the gradients as in the optimizer's state."""
    model = Counted(hax.ones((X, Y)), hax.named(jnp.int32(3), ()))
    params = refs_of(model, filter=None if counts_in_a_ref else eqx.is_inexact_array)
    state = refs_of(optimizer.init(eqx.filter(values_of(params), eqx.is_inexact_array)))
    grads = eqx.filter_grad(lambda model: hax.sum(model.weight**2).scalar())(values_of(params))
    step(optimizer, params, state, grads)
    trained, moments = eqx.filter(model, eqx.is_inexact_array), eqx.filter(model, eqx.is_inexact_array)
    updates, _ = optimizer.update(grads, optimizer.init(moments), trained)
    expected = eqx.apply_updates(model, updates)
    np.testing.assert_allclose(params.weight[...].array, expected.weight.array, rtol=1e-6)
    assert values_of(params).count.item() == 3


def test_gradients_in_refs() -> None:
    params, grads = refs_of(values()), refs_of(gradients(0))
    state = refs_of(optax.sgd(0.1).init(values()))
    step(optax.sgd(0.1), params, state, grads)
    np.testing.assert_allclose(params["w"][...].array, values()["w"].array - 0.1 * gradients(0)["w"].array, rtol=1e-6)


# how many leaves' worth of temporary memory a step outside of jit needs on a CPU; what is left out needs none
LEAVES = {"chain": 1, "fromage": 1, "lars": 1, "lamb": 2, "noisy_sgd": 3}
# all at once: as much as the parameters, or twice that
ALL = {"if finite": 6, "sm3": 6, "adadelta": 12}


@pytest.mark.skipif(JAX_VERSION < (0, 9), reason="XLA cannot be asked to save memory there")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    "name", ["adan", "lion", "bfloat16 moments", "several steps", "adabelief", "amsgrad", *LEAVES, *ALL]
)
def test_memory_beside_the_buffers_of_six_leaves(name: str) -> None:
    if not hasattr(optax, name) and name not in OPTIMIZERS:
        pytest.skip("this optax has no such optimizer")
    tree = {key: hax.zeros({"a": 128, "b": 64}) for key in "pqrstu"}
    optimizer = OPTIMIZERS[name]()
    step(optimizer, refs_of(tree), refs_of(optimizer.init(tree)), tree)
    program = list(_step._PROGRAMS.values())[-1].compiled
    leaves = program.memory_analysis().temp_size_in_bytes / (128 * 64 * 4)
    assert leaves <= LEAVES.get(name, ALL.get(name, 0)) + 0.1


@pytest.mark.parametrize("name", ["adam", "adamw", "momentum", "rmsprop", "chain", "lion"])
def test_there_is_no_second_state(name: str) -> None:
    """Parameters and moments are arguments that are overwritten where they are.

    What is temporary is what a functional step of donated arrays needs: nothing, unless it clips or takes signs.
    """
    size = 1 << 18
    tree = {"w": hax.zeros({"a": size}), "b": hax.zeros({"a": 64, "c": size // 64}), "s": hax.zeros({"a": 4})}
    optimizer = OPTIMIZERS[name]()
    state = optimizer.init(tree)
    memory = sum(leaf.nbytes for leaf in jax.tree.leaves((tree, state)))

    def plain(params: Any, state: Any, grads: Any) -> Any:
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    in_place = jax.jit(lambda *trees: step(optimizer, *trees))
    found = in_place.lower(refs_of(tree), refs_of(state), tree).compile().memory_analysis()
    donated = jax.jit(plain, donate_argnums=(0, 1)).lower(tree, state, tree).compile().memory_analysis()
    assert found.alias_size_in_bytes >= memory
    assert found.output_size_in_bytes - found.alias_size_in_bytes < 1024
    assert found.temp_size_in_bytes <= donated.temp_size_in_bytes
    if name not in ("chain", "lion"):
        assert found.temp_size_in_bytes < 1024


def test_outside_of_jit_one_program_runs_and_buffers_stay() -> None:
    adam, traced = optax.adam(0.1), 0

    def counting(*trees: Any) -> Any:
        nonlocal traced
        traced += 1
        return adam.update(*trees)

    optimizer = optax.GradientTransformation(adam.init, counting)
    params, state = refs_of(values()), refs_of(optimizer.init(values()))
    step(optimizer, params, state, gradients(0))
    pointer = params["w"].unsafe_buffer_pointer()
    for number in range(3):
        step(optimizer, params, state, gradients(number))
    assert params["w"].unsafe_buffer_pointer() == pointer
    assert traced == 1


def test_an_optimizer_that_calls_python_may_read_refs() -> None:
    seen: list[float] = []

    def update(grads: Any, state: Any, params: Any = None) -> Any:
        jax.debug.callback(lambda: seen.append(other["x", 0].item()))
        return grads, state

    other = hax.new_ref(hax.ones({"x": 2}))
    optimizer = optax.chain(optax.GradientTransformation(lambda _: (), update), optax.sgd(1.0))
    params = refs_of(values())
    state = refs_of(optimizer.init(values()))
    for _ in range(2):
        step(optimizer, params, state, gradients(0))
    jax.effects_barrier()
    assert seen == [1.0, 1.0]
    np.testing.assert_allclose(params["w"][...].array, values()["w"].array - 2 * gradients(0)["w"].array, rtol=1e-5)


def test_one_step_after_the_other() -> None:
    optimizer = optax.sgd(1.0)
    params, state = refs_of({"w": hax.zeros(X)}), refs_of(optimizer.init({"w": hax.zeros(X)}))
    grads = {"w": hax.ones(X)}

    def work() -> None:
        for _ in range(20):
            step(optimizer, params, state, grads)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert params["w"][...].array.tolist() == [-80, -80]


def test_nothing_is_written_where_something_is_wrong() -> None:
    optimizer = optax.adam(0.1)
    params, state = refs_of(values()), refs_of(optimizer.init(values()))
    with pytest.raises(TypeError, match=r"state of refs.*state\[0\]\.count.*refs_of"):
        step(optimizer, params, optimizer.init(values()), gradients(0))
    with pytest.raises(TypeError, match=r"state of refs.*refs_of"):
        step(optimizer, params, jax.tree.map(jnp.zeros_like, state), gradients(0))
    with pytest.raises(ValueError, match="another tree structure"):
        step(optimizer, params, state, {"w": gradients(0)["w"]})
    with pytest.raises((ValueError, TypeError)):
        step(optimizer, params, state, gradients(0) | {"w": hax.ones({"x": 2, "y": 4})})
    tied = {"a": params["w"], "b": params["w"]}
    with pytest.raises(ValueError, match=r"params\['b'\].*also at params\['a'\]"):
        step(optimizer, tied, state, gradients(0))
    haliax_refs.freeze(params["s"])
    with pytest.raises(RuntimeError, match="frozen"):
        step(optimizer, params, state, gradients(0))
    assert (params["w"][...].array == values()["w"].array).all()
    assert not any(leaf.any() for leaf in jax.tree.leaves(values_of(state)))
