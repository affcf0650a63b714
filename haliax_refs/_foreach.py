"""`foreach`: a loop over an axis, written as a function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from haliax import Axis

from ._patches.loops import scan
from ._tracebacks import short_traceback
from ._types import Passed


@short_traceback
def foreach(
    axis: Axis | str, *args: Passed, reverse: bool = False, unroll: int = 1
) -> Callable[[Callable[..., object]], Any]:
    """A decorator that runs a function for each position along an axis, in order: a loop written as a function.

    With arguments, the loop runs at once and the function's name is bound to what it returned, stacked along the axis.
    Without, the decorated function is the loop, to be called with them.

    Args:
        axis: the axis, or its name.
        args: pytrees of refs, views and NamedArrays. Each that has the axis is passed without it: an array's entry, a
            view of a ref, through which writes land in the ref. The others are passed as they are. The first
            dimension of an array without names is the axis.
        reverse: from the last position to the first; results are stacked in the same order all the same.
        unroll: how many steps are compiled into one.
    Returns:
        The decorator.
    Raises:
        ValueError: the axis has different sizes in the arguments, or the function returns a ref.
        TypeError: `axis` is neither an Axis nor a name.

    >>> import haliax as hax, haliax_refs
    >>> total = hax.new_ref(0.0)
    >>> cache = hax.new_ref(hax.zeros({"layer": 3, "head": 2}))
    >>> @hax.ref.foreach("layer", cache, hax.arange({"layer": 3}))
    ... def doubled(layer, i):
    ...     layer["head", 0] = i
    ...     total[...] += i
    ...     return 2 * i
    >>> doubled.array.tolist(), total[...].item(), cache["head", 0].array.tolist()
    ([0, 2, 4], 3.0, [0.0, 1.0, 2.0])
    """

    if not isinstance(axis, Axis | str):
        raise TypeError(f"cannot loop over {axis!r}: an axis is an Axis or its name")

    def decorator(body: Callable[..., object]) -> Any:
        def step(carry: None, /, *args: Passed, **kwargs: Passed) -> tuple[None, Any]:
            return carry, body(*args, **kwargs)

        @functools.wraps(body)
        def loop(*args: Passed, **kwargs: Passed) -> Any:
            return scan(step, axis, reverse=reverse, unroll=unroll)(None, *args, **kwargs)[1]

        return loop(*args) if args else loop

    return decorator
