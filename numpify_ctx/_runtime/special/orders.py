"""Functions of an order, or another first argument, that is known: functions of the others alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..types import MPContext, MPNumber, Value
from .direct import Direct
from .pointwise import Fast, Pointwise


def at_order(function: Pointwise, order: float, direct: Direct | None = None) -> Pointwise:
    """The function of the arguments behind the first one, which is `order`; `direct`: see `Fast`."""
    number = np.float64(order)

    def form(fast: Fast | None) -> Fast | None:
        if fast is None:
            return None
        where, outside = _of_others(fast.where, number), _of_others(fast.outside, number)
        return replace(
            fast, function=lambda s, *rest: fast.function(s, number, *rest), where=where, outside=outside, direct=None
        )

    def reference(mp: MPContext, *rest: MPNumber) -> Any:
        return function.reference(mp, mp.mpf(order), *rest)

    real = form(function.real)
    return Pointwise(
        f"{function.name}{order:.0f}" if order >= 0 and order == np.floor(order) else function.name,
        reference,
        real and replace(real, direct=direct),
        form(function.complex),
        tuple([i - 1 for i in function.orders if i]),
        function.complex_valued,
        function.reach[1:],
    )


def _of_others(condition: Callable[..., Value] | None, number: Value) -> Callable[..., Value] | None:
    return None if condition is None else lambda *rest: condition(number, *rest)


def is_order(order: float) -> bool:
    """Is it 0, 1, 2, ..., and not so large that it is none of these?"""
    return 0 <= order < 2**31 and order == int(order)
