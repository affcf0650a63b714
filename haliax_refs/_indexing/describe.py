"""Axes, views and indices as text, for errors and for `repr`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from haliax import Axis, NamedArray
from haliax.axis import dslice

from .._compat import PallasSlice, Tracer
from .compose import axes_of
from .views import Gather, Point, Strided, View, Window


def listed(axes: Sequence[Axis]) -> str:
    """Axes as errors list them.

    >>> listed([Axis("x", 4), Axis("y", 3)])
    '(x=4, y=3)'
    """
    return "(" + ", ".join(f"{axis.name}={axis.size}" for axis in axes) + ")"


def unknown_axis(name: str, axes: Sequence[Axis]) -> str:
    """That there is no axis of that name, and which one may have been meant.

    >>> unknown_axis("positon", [Axis("layer", 4), Axis("position", 8)])
    "unknown axis 'positon'; the axes are layer=4, position=8; did you mean 'position'?"
    """
    near = difflib.get_close_matches(name, [axis.name for axis in axes], n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown axis {name!r}; the axes are {listed(axes)[1:-1] or 'none'}{guess}"


def view_text(view: View) -> str:
    """Which positions of its axis a view selects, in a few characters.

    >>> view_text(Strided("x", range(2, 10, 2))), view_text(Strided("x", range(7, -1, -2))), view_text(Point(3))
    ('2:10:2', '7::-2', '3')
    """
    match view:
        case Point(int(position)):
            return str(position)
        case Point():
            return "<traced>"
        case Strided(_, positions):
            stop = positions.stop if positions.stop >= 0 else ""
            step = "" if positions.step == 1 else f":{positions.step}"
            return f"{positions.start}:{stop}{step}"
        case Window(_, _, length, stride):
            return f"<{length} from a traced start{'' if stride == 1 else f', {stride} apart'}>"
        case Gather():
            axes = ", ".join(f"{name}={n}" for name, n in dict(axes_of(view)).items())
            return f"<gathered by ({axes})>"


def text_of(raw: object) -> str:
    """Anything as errors show it: short, and a traced value by its dtype and shape."""
    match raw:
        case Tracer():
            return f"a traced {raw.dtype}{list(raw.shape)}"
        case NamedArray():
            return f"NamedArray({raw.dtype}{dict(raw.shape)})"
        case dslice():
            return f"hax.ds({text_of(raw.start)}, {text_of(raw.size)})"
        case PallasSlice():
            return f"pl.ds({text_of(raw.start)}, {text_of(raw.size)}, {raw.stride})"
        case slice():
            parts = (raw.start, raw.stop) if raw.step is None else (raw.start, raw.stop, raw.step)
            return ":".join("" if part is None else text_of(part) for part in parts)
    text = " ".join(repr(raw).split())  # arrays have lines
    return text if len(text) <= 80 else text[:77] + "..."
