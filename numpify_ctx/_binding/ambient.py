"""What a context is, and the ambient one."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import getattr_static
from types import SimpleNamespace
from typing import Any, Protocol, TypeAlias, TypeVar

from .._errors import BindingError
from .._symbolic.text import describe


class _Keyed(Protocol):
    def __getitem__(self, symbol: Any, /) -> Any: ...


class _Holder(Protocol):
    """As `ParameterContext`, which need not be a mapping to be asked for a symbol."""

    @property
    def parameters(self) -> _Keyed: ...


class _Proxy(Protocol):
    """What may have any attribute, as far as a type checker sees."""

    def __getattr__(self, name: str, /) -> Any: ...


# What a type checker takes for a context.
Context: TypeAlias = "_Holder | _Proxy | SimpleNamespace | Mapping[Any, Any]"
C = TypeVar("C", bound=Context)

_ambient: ContextVar[Any] = ContextVar("numpify_ctx parameter context")


@contextmanager
def use_parameter_context(ctx: C) -> Generator[C]:
    """Make `ctx` the ambient context inside the `with` block: the one that `bind(None)` takes.

    It is kept in a `ContextVar`, so every thread and every asyncio task has its own, and blocks nest. A function that
    took it keeps it after the block.

    Args:
        ctx: a parameter context, or a mapping from symbols to numbers or to objects with a `value`.
    Raises:
        BindingError: `ctx` is no context.

    >>> import sympy as sp
    >>> from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify, use_parameter_context
    >>> x = sp.Symbol("x")
    >>> f = numpify(x + 1).freeze(x=DYNAMIC_PARAMETER)
    >>> with use_parameter_context(Parameters({x: 2.0})):
    ...     g = f.bind(None)
    >>> g()
    3.0
    """
    token = _ambient.set(checked_context(ctx))
    try:
        yield ctx
    finally:
        _ambient.reset(token)


def ambient_context() -> Any:
    """The context of the innermost `use_parameter_context` around here, or None."""
    return _ambient.get(None)


def holds_parameters(ctx: object) -> bool:
    """Whether `ctx` keeps its values in `ctx.parameters`, found without running a property of it where possible.

    A property's own errors belong to the call that reads it, not to the line that sets the context.
    """
    if getattr_static(ctx, "parameters", None) is not None:
        return True
    # A proxy, or a class with __getattr__: what it raises beyond a plain no is its caller's to see.
    return not isinstance(ctx, Mapping) and hasattr(ctx, "parameters")


def checked_context(ctx: object) -> Any:
    """`ctx`, if it is a context: has `parameters`, or is a mapping.

    Raises:
        BindingError: it is neither.
    """
    if isinstance(ctx, type) or not (isinstance(ctx, Mapping) or holds_parameters(ctx)):
        raise BindingError(
            f"cannot take {describe(ctx)} as a parameter context: it is of type {type(ctx).__name__} and has no "
            "'parameters'; pass an object whose .parameters[symbol].value is the value, or a mapping from symbols to "
            "values"
        )
    return ctx


def is_keyed(parameters: object) -> bool:
    """Whether a context's `parameters` can be asked for a symbol: a mapping, or what has its look-up."""
    return hasattr(parameters, "__getitem__") and not isinstance(parameters, str | bytes | list | tuple)
