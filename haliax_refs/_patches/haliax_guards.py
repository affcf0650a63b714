"""Functions of Haliax that fail on a ref in words about something else: here they say that a ref is not an array."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import haliax

from .._refs import as_named_ref, is_named_ref


def _of_arrays(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays, which refuses a ref among its arguments."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        for argument in (*args, *kwargs.values()):
            if is_named_ref(argument):
                as_named_ref(argument)._no_value()
        return original(*args, **kwargs)

    return function


# Made once, so that what is put into haliax is always the same object.
IN_PLACE_OF: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = tuple(
    (function, _of_arrays(function))
    for function in (haliax.where, haliax.ravel, haliax.flatten, haliax.flatten_axes, haliax.dot)
)
