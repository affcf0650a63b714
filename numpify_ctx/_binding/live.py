"""Objects that have a current value: sliders, widgets, parameters, callables."""

from __future__ import annotations

from inspect import getattr_static
from numbers import Number
from typing import Any

import numpy as np
import sympy as sp


def keeps_value(entry: object) -> bool:
    """Whether an AttributeError of `entry.value` is its own property's, rather than that there is no `value`."""
    return getattr_static(entry, "value", keeps_value) is not keeps_value


def is_live(value: object) -> bool:
    """Whether something has a current value, rather than being one.

    >>> from types import SimpleNamespace
    >>> [is_live(value) for value in (2.0, np.ones(2), None, SimpleNamespace(value=2.0), lambda: 2.0)]
    [False, False, False, True, True]
    """
    if isinstance(value, Number | np.ndarray | np.generic | sp.Basic | str | type):
        return False
    kept = (getattr_static(value, name, None) is not None for name in ("value", "val"))
    return callable(value) or (not hasattr(type(value), "__array__") and any(kept))


def current(entry: Any) -> Any:
    """What an entry of a context stands for that has no `value`: a slider's `val`, what a callable gives, or itself.

    >>> from types import SimpleNamespace
    >>> current(SimpleNamespace(val=2.0)), current(lambda: 3.0), current(4.0)
    (2.0, 3.0, 4.0)
    """
    if getattr_static(entry, "val", None) is not None:
        return entry.val  # matplotlib's sliders
    return entry() if callable(entry) and not isinstance(entry, type) else entry


def read(entry: Any) -> Any:
    """The current value of something that has one."""
    try:
        return entry.value
    except AttributeError:
        if keeps_value(entry):
            raise
    return current(entry)
