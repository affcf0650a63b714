"""What jax does not allow and does not say so, or says in words of its own innards: its functions, wrapped.

`_install` puts these into jax with the opt-in and takes them out with it. They act where a `NamedRef` is involved and
are what they wrap where none is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax

from .._indexing.describe import listed
from .._lifetime import as_condition, as_mapping
from .._refs import as_named_ref, is_named_ref


def _while_loop(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.lax.while_loop`, but a condition that reads a `NamedRef` from outside of it raises.

    jax reads such a ref once, before the loop: the condition never sees what the body writes, and may never end.
    """

    @functools.wraps(original)
    def while_loop(cond_fun: Callable[..., Any], body_fun: Callable[..., Any], init_val: Any) -> Any:
        return original(as_condition(cond_fun), body_fun, init_val)

    return while_loop


def _vmap(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.vmap`, but what is traced meanwhile can tell.

    jax refuses a Python int beside an index that vmap maps, also in a function that is jitted inside it.
    """

    @functools.wraps(original)
    def vmap(fun: Callable[..., Any], *options: Any, **more: Any) -> Callable[..., Any]:
        return as_mapping(original(fun, *options, **more))

    return vmap


def _derivative(original: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.grad` or one of its kin, but to differentiate by a `NamedRef` raises before anything runs.

    jax would run the function, with its writes, and fail on the way back.
    """

    @functools.wraps(original)
    def derivative(fun: Callable[..., Any], argnums: Any = 0, *options: Any, **more: Any) -> Callable[..., Any]:
        plain = original(fun, argnums, *options, **more)

        @functools.wraps(plain)
        def differentiated(*args: Any, **kwargs: Any) -> Any:
            for number in argnums if isinstance(argnums, tuple | list) else (argnums,):
                if isinstance(number, int) and -len(args) <= number < len(args):
                    _refuse_ref_in(args[number], original.__name__)
            return plain(*args, **kwargs)

        return differentiated

    return derivative


def _refuse_ref_in(tree: Any, function: str) -> None:
    for leaf in jax.tree.leaves(tree, is_leaf=is_named_ref):
        # What is no `jax.Ref` stands for one, as in the trees of `eqx.partition`.
        if is_named_ref(leaf) and isinstance(leaf._ref, jax.Ref):
            raise TypeError(
                f"cannot differentiate by a ref of {listed(as_named_ref(leaf).axes)}: jax.{function} returns "
                "derivatives by values, and a ref is none; pass its value, ref[...], and make a ref of that inside; "
                "or let jax add to the gradients in another ref: jax.vjp(f, ref)[1].with_refs(gradients)"
            )


_DERIVATIVES = ("grad", "value_and_grad", "jacfwd", "jacrev", "hessian")

# Made once, so that what is put into jax is always the same object.
IN_JAX: tuple[tuple[ModuleType, str, Any], ...] = (
    (jax.lax, "while_loop", _while_loop(jax.lax.while_loop)),
    (jax, "vmap", _vmap(jax.vmap)),
    *((jax, name, _derivative(getattr(jax, name))) for name in _DERIVATIVES),
)
