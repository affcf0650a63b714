"""Modules that hold refs among equinox's transformations: the table in docs/state.md, each cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from haliax import NamedArray

import haliax_refs
from haliax_refs import NamedRef, refs_of, values_of


X, Y = hax.make_axes(x=2, y=3)


class Model(eqx.Module):
    weight: Any
    count: Any
    function: Callable[..., Any] = jax.nn.tanh

    def __call__(self, x: Any) -> Any:
        self.count[...] += 1.0
        return hax.sum(self.weight * x).scalar()

    @staticmethod
    def init(start: Any) -> Model:
        return Model(hax.ones(X) * start, hax.new_ref(0.0))


def model(start: float = 2.0) -> Model:
    return Model.init(start)


def counting(function: Callable[..., Any]) -> tuple[Callable[..., Any], list[int]]:
    """The function, and a list that grows by one whenever it is traced."""
    traced: list[int] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        traced.append(1)
        return function(*args, **kwargs)

    return counted, traced


# --- filter_jit -----------------------------------------------------------------------------------------------------


def test_another_ref_is_no_new_trace() -> None:
    counted, traced = counting(lambda model, x: model(x))
    step = eqx.filter_jit(counted)
    for start in (1.0, 2.0, 3.0):
        one = model(start)
        assert step(one, hax.ones(X)) == 2 * start
        assert step(one, hax.ones(X)) == 2 * start
        assert one.count[...].item() == 2.0
    assert len(traced) == 1
    step(Model(hax.ones(X), hax.new_ref(jnp.float16(0), ())), hax.ones(X))  # another dtype
    assert len(traced) == 2


def test_a_step_that_returns_the_model() -> None:
    @eqx.filter_jit
    def step(model: Model, x: Any) -> Any:
        loss = model(x)
        return loss, eqx.tree_at(lambda m: m.weight, model, model.weight * 2)

    one = model()
    for number in range(3):
        loss, new = step(one, hax.ones(X))
        assert loss == 4.0 * 2**number
        assert new.count._ref is one.count._ref
        one = new
    assert one.count[...].item() == 3.0
    one.count[...] = 7.0


def test_views_of_one_buffer_in_several_places() -> None:
    cache = hax.new_ref(hax.zeros((X, Y)))

    @eqx.filter_jit
    def write(cache: Any, row: Any, raw: Any, *, other: Any) -> Any:
        row[...] = 1.0
        other["y", 0] = 5.0
        return {"row": row, "read": cache["x", 1], "raw": raw}

    out = write(cache, cache.slice({"x": jnp.int32(1)}), cache._ref, other=cache.slice({"x": 0}))
    assert cache[...].array.tolist() == [[5.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    assert out["read"].array.tolist() == [1.0, 1.0, 1.0]
    assert out["row"]._ref is out["raw"] is cache._ref
    assert out["row"][...].array.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.filterwarnings("ignore:Some donated buffers")
@pytest.mark.parametrize("donate", ["none", "all", "all-except-first", "warn", "warn-except-first"])
def test_donation_leaves_refs(donate: Any) -> None:
    counted, traced = counting(lambda model, x, y: (model(x), y * 2))
    step = eqx.filter_jit(counted, donate=donate)
    for _ in range(2):
        one = model()
        loss, double = step(one, hax.ones(X), hax.ones(X))
        assert (loss, double.array.tolist()) == (4.0, [2.0, 2.0])
        assert one.count[...].item() == 1.0
    assert len(traced) == 1


def test_a_function_that_holds_refs() -> None:
    one = model()
    jitted = eqx.filter_jit(one)
    assert jitted(hax.ones(X)) == 4.0 == jitted(hax.ones(X))
    assert one.count[...].item() == 2.0

    class Counter(eqx.Module):
        count: NamedRef

        @eqx.filter_jit
        def add(self, number: Any = 1.0) -> None:
            self.count[...] += number

    counters = [Counter(hax.new_ref(0.0)) for _ in range(2)]
    for counter in counters:
        counter.add()
        counter.add(number=2.0)
        assert counter.count[...].item() == 3.0


def test_within_other_transformations() -> None:
    one = model()
    inner = eqx.filter_jit(lambda model, x: model(x))
    jax.jit(lambda count: inner(Model(hax.ones(X), count), hax.ones(X)))(one.count)
    assert one.count[...].item() == 1.0
    outer = eqx.filter_jit(lambda model, x: inner(model, x) + inner(model, x))
    assert outer(one, hax.ones(X)) == 8.0
    assert one.count[...].item() == 3.0


def test_lowered_and_compiled() -> None:
    one, other = model(), model(5.0)
    compiled = eqx.filter_jit(lambda model, x: (model(x), model)).lower(one, hax.ones(X)).compile()
    loss, back = compiled(other, hax.ones(X))
    assert loss == 10.0
    assert back.count._ref is other.count._ref
    assert (one.count[...].item(), other.count[...].item()) == (0.0, 1.0)


@pytest.mark.parametrize("made", ["named", "raw", "view", "in a module"])
def test_a_ref_made_inside_is_not_returned(made: str) -> None:
    def make(x: Any) -> Any:
        ref = hax.new_ref(x)
        return {"named": ref, "raw": ref._ref, "view": [ref.slice({"x": 0})], "in a module": Model(x, ref)}[made]

    with pytest.raises(ValueError, match=r"cannot return a ref .*made inside of eqx.filter_jit"):
        eqx.filter_jit(make)(hax.ones(X))
    with pytest.raises(ValueError, match=r"cannot return a ref .*made inside of eqx.filter_jit"):
        eqx.filter_jit(lambda model, x: (model, make(x)))(model(), hax.ones(X))
    made_inside = eqx.filter_jit(lambda x: values_of(make(x)))(hax.ones(X))
    assert isinstance(made_inside, list | NamedArray | jax.Array | Model)


def test_what_jax_refuses_it_refuses() -> None:
    one = model()
    haliax_refs.freeze(one.count)
    with pytest.raises(RuntimeError, match="frozen"):
        eqx.filter_jit(lambda model: None)(one)


def test_without_refs_nothing_changes() -> None:
    counted, traced = counting(lambda a, b, *, c=None: (a * 2, b))
    jitted = eqx.filter_jit(counted)
    assert jitted(jnp.ones(2), "text", c=3)[1] == "text"
    assert jitted(jnp.ones(2), "text", c=3)[0].tolist() == [2.0, 2.0]
    assert len(traced) == 1


# --- the others -----------------------------------------------------------------------------------------------------


def test_filter_eval_shape_of_what_makes_refs() -> None:
    """Shapes in place of refs; what is loaded in their place becomes refs by `refs_of`."""
    like = eqx.filter_eval_shape(Model.init, jnp.float32(1.0))
    assert "not a ref" in repr(like.count)
    assert values_of(like).count.axes == ()
    filled = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape) if hasattr(leaf, "shape") else leaf, like)
    made = refs_of(filled, filter=Model(False, True, False))  # type: ignore[arg-type]
    made.count[...] += 1.0
    assert made.count[...].item() == 1.0


def test_filter_grad() -> None:
    one = model()
    loss, grads = eqx.filter_value_and_grad(lambda model, x: model(x))(one, hax.ones(X))
    assert loss == 4.0
    assert grads.weight.array.tolist() == [1.0, 1.0]
    assert values_of(grads).count is None
    assert one.count[...].item() == 1.0
    both = eqx.filter_jit(eqx.filter_grad(lambda model, x: model(x)))(one, hax.ones(X))
    assert both.weight.array.tolist() == [1.0, 1.0]
    assert one.count[...].item() == 2.0
    of_values = eqx.filter_grad(lambda m: hax.sum(m.weight**2).scalar())(values_of(refs_of(one, filter=eqx.is_array)))
    assert of_values.weight.array.tolist() == [4.0, 4.0]


def test_filter_checkpoint() -> None:
    one = model()
    grads = eqx.filter_grad(lambda w: eqx.filter_checkpoint(lambda m, x: m(x))(Model(w, one.count), hax.ones(X)))(
        one.weight
    )
    assert grads.array.tolist() == [1.0, 1.0]
    assert one.count[...].item() == 1.0


def test_filter_vmap() -> None:
    ref = hax.new_ref(hax.zeros((X, Y)))

    def write(row: Any, value: Any) -> Any:
        row["y", 0] = value
        return row["y", 1].array

    assert eqx.filter_vmap(write)(ref, jnp.arange(1.0, 3.0)).tolist() == [0.0, 0.0]
    assert ref[...].array.tolist() == [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]
    made = eqx.filter_vmap(lambda start: hax.new_ref(hax.ones(Y) * start))(jnp.arange(2.0))
    assert made.shape == {"vmap": 2, "y": 3}
    assert made["vmap", 1].array.tolist() == [1.0, 1.0, 1.0]


def test_partition_and_combine() -> None:
    one = model()
    arrays, rest = eqx.partition(one, eqx.is_array)
    assert rest.count._ref is one.count._ref
    assert eqx.combine(arrays, rest).count._ref is one.count._ref
    refs, others = eqx.partition(one, lambda leaf: isinstance(leaf, jax.Ref))
    assert refs.count._ref is one.count._ref
    assert values_of(refs).weight.array is None
    assert eqx.combine(refs, others).count._ref is one.count._ref
    assert values_of(eqx.filter(one, eqx.is_array)).count is None

    @jax.jit
    def run(refs: Any, x: Any) -> Any:
        return eqx.combine(refs, others)(x)

    assert run(refs, hax.ones(X)) == 4.0
    assert one.count[...].item() == 1.0


def test_tree_at() -> None:
    one = model()
    other = eqx.tree_at(lambda m: m.count, one, hax.new_ref(5.0))
    assert (one.count[...].item(), other.count[...].item()) == (0.0, 5.0)
    value = eqx.tree_at(lambda m: m.count, one, replace_fn=lambda ref: ref[...])
    assert value.count.item() == 0.0
    back = eqx.tree_at(lambda m: m.count, value, replace_fn=hax.new_ref)
    assert type(back.count) is NamedRef


def test_filters() -> None:
    one = model()
    for is_array in (eqx.is_array, eqx.is_inexact_array):
        assert not is_array(one.count)
    assert eqx.tree_equal(one, one)
    assert not eqx.tree_equal(one, model())
    assert eqx.tree_inference(one, True).count._ref is one.count._ref
    np.testing.assert_equal(eqx.tree_pformat(one).count("NamedRef"), 1)
