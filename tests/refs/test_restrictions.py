"""What jax does not allow with a ref raises, in words that name its axes and the way out, and changes nothing.

Where the package is on the way, the words are its own. Where only jax is (what `jax.jit` returns or is given), they are
jax's; the axes and the way out stand below them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs
from haliax_refs import NamedRef, _compat
from haliax_refs._patches import vmap as _vmap


pytestmark = pytest.mark.usefixtures("unoptimized")
X, Y = hax.make_axes(x=4, y=3)
PASSED_AND_RETURNED = (
    r"(?s)\.ref\b.*A NamedRef, here one of \(x=4, y=3\), is passed once and not returned.*ref\[\.\.\.\]"
)
needs_vmap = pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="this jax does not vmap refs rightly")


def grid() -> NamedRef:
    return hax.new_ref(hax.named(jnp.arange(12.0).reshape(4, 3), (X, Y)))


@contextmanager
def refused(ref: NamedRef, kind: type[Exception], match: str) -> Iterator[None]:
    """The error is of this kind; the ref holds what it held, and can be used."""
    before = np.asarray(ref[...].array)
    with pytest.raises(kind, match=match):
        yield
    np.testing.assert_array_equal(ref[...].array, before)
    ref["x", 0, "y", 0] += 1.0
    assert ref["x", 0, "y", 0].item() == before[0, 0] + 1


# --- Returned -------------------------------------------------------------------------------------------------------

RETURNING: dict[str, Callable[[NamedRef], Any]] = {
    "jit": lambda ref: jax.jit(lambda ref: {"state": ref})(ref),
    "scan": lambda ref: jax.lax.scan(lambda c, _: (c, ref), 0, jnp.arange(2)),
    "scan carry": lambda ref: jax.lax.scan(lambda ref, _: (ref, 0), ref, jnp.arange(2)),
    "while carry": lambda ref: jax.lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1]), (0, ref)),
    "cond": lambda ref: jax.lax.cond(True, lambda ref: ref, lambda ref: ref, ref),
    "named_jit": lambda ref: hax.named_jit(lambda ref: ref)(ref),
}


@pytest.mark.parametrize("how", RETURNING)
def test_returned_from_jax(how: str) -> None:
    ref = grid()
    with refused(ref, ValueError, PASSED_AND_RETURNED):
        RETURNING[how](ref)


def test_a_new_ref_returned() -> None:
    with pytest.raises(ValueError, match=PASSED_AND_RETURNED):
        jax.jit(lambda: grid())()


@pytest.mark.parametrize("how", [pytest.param("vmap", marks=needs_vmap), "scan", "map", "foreach"])
def test_returned_from_haliax(how: str) -> None:
    ref = grid()
    transform: Any = {
        "vmap": lambda ref: hax.vmap(lambda row: {"state": row}, X)(ref),
        "scan": lambda ref: hax.scan(lambda c, row: (c, row), X)(0, ref),
        "map": lambda ref: hax.map(lambda row: row, X)(ref),
        "foreach": lambda ref: hax.ref.foreach(X, ref)(lambda row: row),
    }[how]
    with refused(
        ref,
        ValueError,
        r"cannot return a NamedRef with axes \(y=3\).*'x'.*return nothing, or what it reads, ref\[\.\.\.\]",
    ):
        transform(ref)


@pytest.mark.parametrize("loop", [hax.scan, hax.fold])
def test_carried(loop: Any) -> None:
    ref = grid()
    with refused(ref, ValueError, r"cannot carry a NamedRef with axes \(x=4, y=3\).*'x'.*close over it"):
        loop(lambda c, x: (c, x), X)({"state": ref}, hax.arange(X))


# --- Passed twice, or passed and closed over ------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [jax.jit, hax.named_jit])
def test_passed_twice(jit: Any) -> None:
    ref = grid()

    def copy(a: Any, b: Any) -> None:
        a["y", 0] = b["y", 1]

    with refused(ref, ValueError, PASSED_AND_RETURNED.replace(r"\.ref\b", r"\.ref\b.*\.ref\b")):
        jit(copy)(ref, ref.slice("x", 2))


def test_passed_and_closed_over() -> None:
    ref = grid()
    with refused(ref, ValueError, PASSED_AND_RETURNED):
        jax.jit(lambda other: other.at[...].set(ref["x", 0]))(ref)


def test_passed_twice_to_vmap() -> None:
    ref = grid()
    with refused(
        ref, ValueError, r"cannot pass a ref twice.*'x'.*\(x=4, y=3\) and \(x=2, y=3\).*take views of it inside"
    ):
        hax.vmap(lambda a, b: None, "x")(ref, {"other": ref.slice("x", [3, 1])})
    for part in (ref, ref.slice("x", slice(None, None, -1))):  # of two copies of the latter, one's writes would be lost
        with refused(ref, ValueError, "cannot pass a ref twice"):
            hax.vmap(lambda a, b: None, "x")(part, part)
    if jax.__version_info__ >= (0, 10):
        row = grid().slice("x", 0)  # that is not mapped, so nothing is copied and nothing can be lost
        both = hax.vmap(lambda a, b, i: a["y", 1] + b["y", i], "i")(row, row, hax.arange({"i": 2}))
        assert both.array.tolist() == [1, 2]
        with refused(ref, ValueError, "only one reference"):
            jax.vmap(lambda a, b: None)(ref, ref)


# --- vmap -----------------------------------------------------------------------------------------------------------

UNMAPPED = (
    r"cannot write to a float32 NamedRef with axes \(x=4, y=3\) under vmap.*pass the ref to hax\.vmap.*return the value"
)
WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda ref, v: haliax_refs.set(ref, {"x": 1, "y": 2}, v),
    "swap": lambda ref, v: haliax_refs.swap(ref, {"x": 1, "y": 2}, v),
    "addupdate": lambda ref, v: haliax_refs.addupdate(ref, {"x": 1, "y": 2}, v),
    "multiply": lambda ref, v: ref.at["x", 1].multiply(v),
    "index": lambda ref, v: haliax_refs.set(ref, {"x": v.astype(jnp.int32)}, 0.0),
    "window": lambda ref, v: haliax_refs.set(ref, {"x": hax.ds(v.astype(jnp.int32), 2)}, v),
    "nothing mapped": lambda ref, v: haliax_refs.set(ref, {"x": 1}, 5.0),
}


@pytest.mark.parametrize("write", WRITES)
def test_an_unmapped_ref_is_not_written(write: str) -> None:
    ref = grid()
    with refused(ref, ValueError, UNMAPPED):
        jax.vmap(lambda v: WRITES[write](ref, v))(jnp.arange(3.0))
    with refused(ref, ValueError, UNMAPPED):
        hax.vmap(lambda v: WRITES[write](ref, v.array), "i")(hax.arange({"i": 3}).astype(float))


def test_an_unmapped_argument_is_not_written() -> None:
    ref = grid()
    if _compat.CAN_VMAP:
        with refused(ref, ValueError, UNMAPPED):
            jax.jit(hax.vmap(lambda ref, v: ref.at["x", 0].set(v), "i"))(ref, hax.arange({"i": 3}).astype(float))


def test_an_unmapped_ref_is_read() -> None:
    ref = grid()
    got = jax.vmap(lambda i: ref["x", i, "y", 1].array)(jnp.array([3, 0]))
    assert got.tolist() == [10, 1]


def test_vmap_is_refused_where_jax_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_vmap, "CAN_VMAP", False)
    ref = grid()
    with refused(ref, NotImplementedError, rf"'x'.*jax {jax.__version__}.*hax\.map"):
        hax.vmap(lambda row: None, "x")(ref)


# --- Freezing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [haliax_refs.freeze, haliax_refs.free_ref])
def test_frozen_outside_of_its_scope(end: Any) -> None:
    match = r"cannot (freeze|free) a NamedRef with axes \(x=4, y=3\) here.*where it was made.*return ref\[\.\.\.\]"
    ref = grid()
    with refused(ref, ValueError, match):
        jax.jit(lambda ref: (end(ref), 0)[1])(ref)
    with refused(ref, ValueError, match):
        jax.jit(lambda: (end(ref), 0)[1])()
    with refused(ref, ValueError, match):
        jax.jit(lambda ref: (end(ref.slice("x", 1)), 0)[1])(ref)
    with refused(ref, ValueError, match):
        jax.lax.scan(lambda c, _: (end(ref), (c, 0))[1], 0, None, length=2)
    with refused(ref, ValueError, match):
        jax.grad(lambda v: (end(ref), v)[1])(1.0)

    def inner(x: jax.Array) -> jax.Array:
        made = hax.new_ref(x, (X, Y))
        jax.lax.cond(True, lambda: (end(made), 0)[1], lambda: 0)
        return made[...].array

    with pytest.raises(ValueError, match=match):
        jax.jit(inner)(jnp.zeros((4, 3)))


def test_frozen_where_it_was_made() -> None:
    def f(x: jax.Array) -> jax.Array:
        ref = jax.tree.map(lambda leaf: leaf, hax.new_ref(x, "x"))
        other = hax.ref.wrap(jax.new_ref(x), "x")
        ref["x", 0] = hax.freeze(other)["x", 1]
        return hax.freeze(ref.slice("x", slice(0, 2))).array

    x = jnp.arange(3.0)
    assert f(x).tolist() == jax.jit(f)(x).tolist() == [1, 1]
    if jax.__version_info__ >= (0, 10):
        assert jax.vmap(f)(jnp.stack([x, x + 5])).tolist() == [[1, 1], [6, 6]]
    if not (0, 9) <= jax.__version_info__ < (0, 10):  # it fails on the gradient of reading a part of a ref
        assert jax.grad(lambda x: f(x).sum())(x).tolist() == [0, 2, 0]
    assert jax.lax.scan(lambda c, x: (c, f(x)), 0, x[None])[1].tolist() == [[1, 1]]


def test_used_after_it_was_frozen() -> None:
    def f(x: jax.Array, use: Any) -> Any:
        ref = hax.new_ref(x, "x")
        view = ref.slice("x", slice(2))
        hax.freeze(ref)
        return use(view)

    for use in (
        lambda view: view[...].array,
        lambda view: view.at[...].set(0.0),
        lambda view: jax.jit(lambda v: 0)(view),
    ):
        with pytest.raises(RuntimeError, match=r"\(x=3\) is no longer valid.*frozen"):
            jax.jit(lambda x, use=use: f(x, use))(jnp.zeros(3))


# --- while_loop -----------------------------------------------------------------------------------------------------


def countdown(ref: Any, condition: Callable[[Any], Any]) -> Any:
    """A loop that would never end if its condition did not see what its body writes; 50 steps stop the test."""

    def body(i: Any) -> Any:
        ref["x", 0, "y", 0] -= 1.0
        return i + 1

    return jax.lax.while_loop(lambda i: (i < 50) & condition(ref), body, 0)


CONDITIONS: dict[str, Callable[[Any], Any]] = {
    "read": lambda ref: ref["x", 0, "y", 0].array > 0,
    "view": lambda ref: ref.slice("x", 0)["y", 0].array > 0,
    "function": lambda ref: haliax_refs.get(ref, {"x": 0, "y": 0}).array > 0,
    "write": lambda ref: (ref.at["x", 1].set(0.0), True)[1],
    "within jit": lambda ref: jax.jit(lambda ref: ref["x", 0, "y", 0].array)(ref) > 0,
    "within scan": lambda ref: jax.lax.scan(lambda c, _: (c, ref["x", 0, "y", 0].array), 0, None, 1)[1][0] > 0,
}


@pytest.mark.parametrize("how", CONDITIONS)
def test_a_condition_that_reads_a_ref(how: str) -> None:
    match = r"NamedRef with axes \(x=4, y=3\) in the condition of a while_loop.*carry the value"
    ref = grid()
    ref["x", 0, "y", 0] = 3.0
    with refused(ref, ValueError, match):
        jax.jit(lambda ref: countdown(ref, CONDITIONS[how]))(ref)
    with refused(ref, ValueError, match):
        countdown(ref, CONDITIONS[how])
    with refused(ref, ValueError, match):
        jax.jit(lambda: countdown(ref, CONDITIONS[how]))()


def test_the_way_out_of_a_condition() -> None:
    @jax.jit
    def run(ref: Any) -> Any:
        def body(carry: Any) -> Any:
            ref["x", 0, "y", 0] -= 1.0
            return carry[0] + 1, ref["x", 0, "y", 0].array

        return jax.lax.while_loop(lambda carry: carry[1] > 0, body, (0, ref["x", 0, "y", 0].array))

    ref = grid()
    ref["x", 0, "y", 0] = 3.0
    assert run(ref)[0] == 3
    assert ref["x", 0, "y", 0].item() == 0


def test_a_condition_may_use_refs_of_its_own() -> None:
    @jax.jit
    def summed(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(x, "x")
        ref["x", 0] += 1.0
        return hax.sum(ref[...]).array

    def condition(x: jax.Array) -> jax.Array:
        ref = hax.new_ref(summed(x))
        jax.lax.scan(lambda c, _: (c, ref.at[...].add(1.0)), 0, None, length=2)
        inner = jax.jit(lambda ref: ref[...].array)(ref)
        return inner < 20.0

    want = np.zeros(3)
    while want.sum() + 1 + 2 < 20:
        want += 2
    assert jax.lax.while_loop(condition, lambda x: x + 2, jnp.zeros(3)).tolist() == want.tolist()


def test_loops_of_loops_and_fori_loops_are_left_alone() -> None:
    ref = grid()

    def outer(i: Any) -> Any:
        jax.lax.fori_loop(0, i, lambda j, _: ref.at["x", j].add(1.0), None)
        return jax.lax.while_loop(lambda j: j < i + 1, lambda j: (ref.at["y", 0].add(1.0), j + 1)[1], i)

    assert jax.jit(lambda: jax.lax.while_loop(lambda i: i < 3, outer, 0))() == 3
    want = np.arange(12.0).reshape(4, 3)
    want[:, 0] += 3
    want[0] += 2
    want[1] += 1
    np.testing.assert_array_equal(ref[...].array, want)


# --- Rematerialization, and differentiation by a ref ----------------------------------------------------------------


def test_grad_with_respect_to_a_ref() -> None:
    ref = grid()
    before = np.asarray(ref[...].array)
    with pytest.raises(Exception):  # noqa: B017, PT011 - jax has no words of its own for it: vjp(...).with_refs is the way
        jax.grad(lambda ref: ref["x", 1, "y", 1].array)(ref)
    np.testing.assert_array_equal(ref[...].array, before)


@pytest.mark.parametrize("kind", ["set", "swap"])
def test_a_differentiated_value_is_not_written_to_a_plumbing_ref(kind: str) -> None:
    ref = grid()
    write = getattr(haliax_refs, kind)
    with pytest.raises(
        ValueError, match=r"differentiated value to a float32 NamedRef with axes \(x=4, y=3\).*stop_gradient\(value\)"
    ):
        jax.grad(lambda v: (write(ref, {"x": 1, "y": 1}, v * v), v)[1])(2.0)


# --- Differentiating by a ref -----------------------------------------------------------------------------------------


def total(*trees: Any) -> jax.Array:
    """The sum over the refs and arrays of any arguments."""
    leaves = jax.tree.leaves(trees, is_leaf=lambda x: isinstance(x, NamedRef))
    return sum((jnp.sum(x[...].array if isinstance(x, NamedRef) else x) for x in leaves), start=jnp.zeros(()))


BY_A_REF: dict[str, Callable[[NamedRef], Any]] = {
    "grad": lambda ref: jax.grad(total)(ref),
    "value_and_grad": lambda ref: jax.value_and_grad(total, argnums=1)(1.0, ref),
    "in a tree": lambda ref: jax.grad(total, (0, 2))(1.0, 1.0, {"state": [ref]}),
    "argnums from the end": lambda ref: jax.grad(total, -1)(1.0, ref),
    "jacrev": lambda ref: jax.jacrev(total)(ref),
    "jacfwd": lambda ref: jax.jacfwd(total)(ref),
    "hessian": lambda ref: jax.hessian(total)(ref),
    "under jit": lambda ref: jax.jit(jax.grad(total))(ref),
    "an index of a view": lambda ref: jax.grad(total)(ref.slice("x", hax.ds(jnp.int32(0), 4))),
}


@pytest.mark.parametrize("how", BY_A_REF)
def test_differentiating_by_a_ref(how: str) -> None:
    ref = grid()
    match = r"cannot differentiate .* NamedRef \(x=4, y=3\).*ref\[\.\.\.\]"
    if jax.__version_info__ >= (0, 10):
        match += r".*jax\.vjp\(f, ref\)\[1\]\.with_refs"
    with refused(ref, TypeError, match):
        BY_A_REF[how](ref)


def test_differentiating_beside_a_ref() -> None:
    def loss(x: Any, ref: NamedRef, *, scale: NamedRef) -> Any:
        return jnp.sum((x * ref[...] * scale[...]).array)

    ref, scale = grid(), hax.new_ref(hax.full(Y, 2.0))
    value, gradient = jax.value_and_grad(loss)(hax.ones((X, Y)), ref, scale=scale)
    assert value == 132
    np.testing.assert_array_equal(gradient.array, 2 * ref[...].array)
    assert jax.hessian(lambda x: x**3)(2.0) == 12
    with pytest.raises(TypeError, match=r"grad requires real- or complex-valued inputs"):
        jax.grad(lambda x: x)(1)


def test_the_way_out_of_differentiating_by_a_ref() -> None:
    ref = grid()
    gradient = jax.grad(lambda x: total(hax.new_ref(x)))(ref[...])
    np.testing.assert_array_equal(gradient.array, 1.0)
    if jax.__version_info__ >= (0, 10):
        gradients = hax.new_ref(hax.zeros((X, Y)))
        jax.vjp(total, ref)[1].with_refs(gradients)(1.0)
        np.testing.assert_array_equal(gradients[...].array, 1.0)
