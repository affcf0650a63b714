"""Functions whose code is replaced, so that whoever has imported one by its name calls the new one, too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from .._types import Function, Passed


def copy_of(function: Function) -> FunctionType:
    """The function as it is now, under another identity: what its replacement calls."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    functools.update_wrapper(copy, function)
    return copy


def replacing_code(function: Function, new: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """The attributes of `function`, and what to set them to, so that it calls `new`."""

    def call(*args: Passed, _new: Callable[..., Any], **kwargs: Passed) -> Any:
        return _new(*args, **kwargs)

    yield "__signature__", inspect.signature(function)
    yield "__code__", call.__code__
    yield "__defaults__", None
    yield "__kwdefaults__", {"_new": new}
