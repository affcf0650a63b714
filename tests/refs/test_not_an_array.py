"""A ref is no array: who takes it for one is told to read it, whichever side the operation starts from."""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Callable
from typing import Any

import haliax as hax
import jax.numpy as jnp
import numpy as np
import pytest

import haliax_refs
from haliax_refs import NamedRef


X, Y = hax.make_axes(x=4, y=3)


def grid() -> NamedRef:
    return haliax_refs.new_ref(hax.named(jnp.arange(12.0).reshape(4, 3), (X, Y)))


BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "divmod": divmod,
}
OTHERS: dict[str, Any] = {
    "int": 1,
    "float": 1.0,
    "NumPy scalar": np.float32(1),
    "NumPy array": np.ones(3, np.float32),
    "jax array": jnp.ones(3),
    "NamedArray": hax.ones((X, Y)),
    "NamedArray of no axes": hax.named(jnp.float32(1), ()),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("symbol", BINARY)
def test_no_arithmetic_from_either_side(symbol: str, other: str) -> None:
    ref, function = grid(), BINARY[symbol]
    for operands in ((ref, OTHERS[other]), (OTHERS[other], ref)):
        if symbol == "divmod" and "NamedArray" in other and operands[1] is ref:
            continue  # haliax has none
        with pytest.raises(TypeError, match=r"NamedRef.*ref\[\.\.\.\]"):
            function(*operands)


UNARY: dict[str, Callable[[NamedRef], Any]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "abs": abs,
    "round": round,
    "float": float,
    "int": int,
    "complex": complex,
    "bool": bool,
    "len": len,
    "iter": list,
    "reversed": lambda ref: list(reversed(ref)),  # type: ignore[call-overload]
    "in": lambda ref: 1.0 in ref,
    "math.sqrt": math.sqrt,
    "sum": lambda ref: sum([ref, ref]),
    "np.asarray": np.asarray,
    "np.sum": np.sum,
    "np.exp": np.exp,
    "jnp.asarray": jnp.asarray,
    "jnp.sum": jnp.sum,
    "jnp.exp": jnp.exp,
    "jnp.where": lambda ref: jnp.where(ref, 1, 0),
    "hax.exp": hax.exp,
    "hax.sum": hax.sum,
    "hax.sum over an axis": lambda ref: hax.sum(ref, X),
    "hax.mean over a name": lambda ref: hax.mean(ref, "x"),
    "hax.max of a tree": lambda ref: hax.max({"a": ref}),
    "hax.argmax": lambda ref: hax.argmax(ref, X),
    "hax.softmax": lambda ref: hax.nn.softmax(ref, X),
    "hax.cumsum": lambda ref: hax.cumsum(ref, X),
    "hax.where": lambda ref: hax.where(hax.ones(X) > 0, ref, 0.0),
    "hax.dot": lambda ref: hax.dot(ref, ref, axis=X),
    "hax.add": lambda ref: hax.add(hax.ones(X), ref),
    "hax.named": lambda ref: hax.named(ref, (X, Y)),
    "written to a NamedArray": lambda ref: hax.ones((X, Y)).at["x", 0].set(ref),
}


@pytest.mark.parametrize("what", UNARY)
def test_no_value(what: str) -> None:
    with pytest.raises(TypeError, match=r"NamedRef.*ref\[\.\.\.\]"):
        UNARY[what](grid())


@pytest.mark.parametrize("name", ["array", "sum", "mean", "astype", "rearrange", "item", "axis_indices", "scalar"])
def test_no_attributes_of_an_array(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"NamedRef.* no \.{name}.*ref\[\.\.\.\]\.{name}"):
        getattr(grid(), name)
    assert not hasattr(grid(), name)


def test_a_function_that_asks_for_an_attribute() -> None:
    with pytest.raises(AttributeError, match=r"NamedRef.*ref\[\.\.\.\]\."):
        hax.rearrange(grid(), ("y", "x"))


def test_other_attributes() -> None:
    with pytest.raises(AttributeError, match=r"'NamedRef' object has no attribute 'axs'.*") as caught:
        operator.attrgetter("axs")(grid())
    assert (caught.value.name, type(caught.value.obj)) == ("axs", NamedRef)
    assert not hasattr(NamedRef, "array")


def test_a_ref_is_equal_to_itself_only() -> None:
    ref = grid()
    same = ref
    assert ref == same
    assert (ref != same) is False
    assert ref != grid()
    assert ref != ref.slice({})
    assert ref != copy.copy(ref)
    assert ref != ref._ref
    assert ref != None  # noqa: E711
    assert ref != "ref"
    assert (ref in [grid(), ref], ref in (grid(), None)) == (True, False)
    assert {ref: 1, None: 2}[ref] == 1
    assert len({ref, ref, grid()}) == 2


def test_haliax_still_reduces_arrays_and_trees() -> None:
    assert hax.sum(hax.ones((X, Y)), X).array.tolist() == [4.0, 4.0, 4.0]
    assert hax.sum({"a": hax.ones(X), "b": hax.ones(Y)})["b"].item() == 3
