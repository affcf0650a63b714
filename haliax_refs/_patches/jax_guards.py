"""Wrappers around jax functions that turn silent or cryptic failures into clear errors.

The opt-in puts these into jax and takes them out again. Where no `NamedRef` is involved, each is what it wraps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import jax

from .._compat import gradients, is_unmapped_output_error
from .._indexing.describe import listed
from .._lifetime import as_condition, as_mapping
from .._refs import as_named_ref, is_named_ref
from .._types import Passed, PyTree
from .tracing import without_own_refs
from .walk import refs_in


def _while_loop(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.lax.while_loop`, but a condition that reads a `NamedRef` from outside of it raises.

    jax reads such a ref once, before the loop: the condition never sees what the body writes, and may never end.
    """

    @functools.wraps(original)
    def while_loop(cond_fun: Callable[..., Any], body_fun: Callable[..., Any], init_val: PyTree) -> Any:
        return original(as_condition(cond_fun), body_fun, init_val)

    return while_loop


def _vmap(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.vmap`, but what is traced meanwhile can tell.

    jax refuses a Python int beside an index that vmap maps, also in a function that is jitted inside it.
    """

    @functools.wraps(original)
    def vmap(fun: Callable[..., Any], *options: Passed, **more: Passed) -> Callable[..., Any]:
        return as_mapping(original(fun, *options, **more))

    return vmap


def _derivative(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.grad`, `value_and_grad`, `jacfwd`, `jacrev` or `hessian`, but one with respect to a ref raises at once.

    Of a function that makes refs, jax cannot map the derivatives in forward mode; then it is differentiated as one of
    arrays.

    jax would run the function, with its writes, and fail on the way back.
    """

    @functools.wraps(original)
    def derivative(
        fun: Callable[..., Any], argnums: int | Sequence[int] = 0, *options: Passed, **more: Passed
    ) -> Callable[..., Any]:
        plain = original(fun, argnums, *options, **more)

        @functools.wraps(plain)
        def differentiated(*args: Passed, **kwargs: Passed) -> Any:
            for number in argnums if isinstance(argnums, tuple | list) else (argnums,):
                if isinstance(number, int) and -len(args) <= number < len(args):
                    _refuse_ref_in(args[number], original.__name__)
            try:
                return plain(*args, **kwargs)
            except ValueError as error:
                if not is_unmapped_output_error(error):
                    raise
            return original(without_own_refs(fun), argnums, *options, **more)(*args, **kwargs)

        return differentiated

    return derivative


def _typeof(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.typeof`, but of a `NamedRef` it says that there is none, where jax speaks of `__jax_array__`."""

    @functools.wraps(original)
    def typeof(x: Any) -> Any:
        try:
            return original(x)
        except (TypeError, ValueError):
            if not is_named_ref(x):
                raise
        raise TypeError(
            f"a NamedRef with axes {listed(as_named_ref(x).axes)} is not an array, and jax.typeof has no type of it; "
            "read it first, jax.typeof(ref[...].array), or take ref.axes and ref.dtype"
        )

    return typeof


_OR_ACCUMULATE = (
    "; or accumulate the gradient in another ref: jax.vjp(f, ref)[1].with_refs(gradients)" if gradients else ""
)


def _refuse_ref_in(tree: PyTree, function: str) -> None:
    for ref in refs_in(tree):
        raise TypeError(
            f"cannot differentiate with respect to a NamedRef {listed(ref.axes)}: jax.{function} takes array "
            f"arguments; pass its contents, ref[...], and make a ref of them inside{_OR_ACCUMULATE}"
        )


_DERIVATIVES = ("grad", "value_and_grad", "jacfwd", "jacrev", "hessian")

# Made once, so that what is put into jax is always the same object.
IN_JAX: tuple[tuple[ModuleType, str, Any], ...] = (
    (jax.lax, "while_loop", _while_loop(jax.lax.while_loop)),
    (jax, "vmap", _vmap(jax.vmap)),
    (jax, "typeof", _typeof(jax.typeof)),
    *((jax, name, _derivative(getattr(jax, name))) for name in _DERIVATIVES),
)
