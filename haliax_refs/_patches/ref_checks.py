"""jax's own checks of where a ref may go: that it is passed once, and not returned. Their errors get our advice.

A path in jax's errors is a name, `.cache.ref`, as logs and checkpoints need it; the axes and the way out stand below.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax

from .._compat import REF_CHECKS, referent
from .._lifetime import axes_of
from .code import copy_of


def _explained(original: Callable[..., Any]) -> Callable[..., Any]:
    """One of the checks, each of which takes, last, the arguments or the results that are checked."""

    @functools.wraps(original)
    def check(*args: Any) -> Any:
        try:
            return original(*args)
        except ValueError as error:
            refs = [value for value in args[-1] if isinstance(value, jax.Ref)]
            counts = Counter(map(id, refs))
            twice = [ref for ref in refs if counts[id(ref)] > 1]
            axes = dict.fromkeys(filter(None, (axes_of(ref) or axes_of(referent(ref)) for ref in twice or refs)))
            if not axes:
                raise
            raise ValueError(
                f"{error}\n\nA NamedRef, here one of {' or '.join(axes)}, is passed once and not returned: take views "
                "of it inside, and return what it holds, ref[...]"
            ) from error

    return check


# The code of these is replaced, as jax's modules import them from each other by name.
IN_CODE_OF: tuple[tuple[Any, Callable[..., Any]], ...] = tuple(
    (function, _explained(copy_of(function))) for function in REF_CHECKS
)
