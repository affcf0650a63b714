"""Axes and views as text, for errors and for `repr`."""

from __future__ import annotations

from collections.abc import Sequence

from haliax import Axis


def listed(axes: Sequence[Axis]) -> str:
    """Axes as errors list them.

    >>> listed([Axis("x", 4), Axis("y", 3)])
    '(x=4, y=3)'
    """
    return "(" + ", ".join(f"{axis.name}={axis.size}" for axis in axes) + ")"
