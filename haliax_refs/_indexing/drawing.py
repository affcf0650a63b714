"""A view as a notebook shows it: a table of the buffer's axes, each with a strip of the positions that the view has."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape

from haliax import Axis

from .compose import axes_of
from .describe import view_text
from .views import Point, Strided, View


CELLS = 32  # of a strip at the most; a cell of a longer axis stands for several positions


def table(base: Sequence[Axis], views: Sequence[View]) -> str:
    """The axes of a buffer, and what a view shows of each, as an HTML table.

    >>> shown = table([Axis("x", 4)], [Strided("x", range(3, -1, -2))])
    >>> "<td>x</td><td>2</td><td>3::-2 of x=4</td>" in shown and "░█░█" in shown
    True
    """
    head = '<tr><th>axis</th><th>size</th><th colspan="2">of the buffer\'s</th></tr>'
    return f"<table>{head}{''.join(_row(axis, view) for axis, view in zip(base, views, strict=True))}</table>"


def _row(axis: Axis, view: View) -> str:
    sizes = dict(axes_of(view))
    whole = view == Strided(axis.name, range(axis.size))
    text = f"{'' if whole else f'{view_text(view)} of '}{axis.name}={axis.size}"
    cells = [", ".join(sizes), ", ".join(map(str, sizes.values())), text]
    style = '<td style="font-family:monospace;white-space:nowrap">'
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}{style}{strip(view, axis.size)}</td></tr>"


def strip(view: View, size: int) -> str:
    """The positions of an axis in a line: dark where the view has one, light where not; nothing if only a run knows.

    >>> strip(Point(1), 4), strip(Strided("x", range(0, 64, 32)), 64)
    ('░█░░', '█░░░░░░░░░░░░░░░█░░░░░░░░░░░░░░░')
    """
    match view:
        case Strided(_, positions):
            positions = positions if positions.step > 0 else positions[::-1]
        case Point(int(position)):
            positions = range(position, position + 1)
        case _:
            return ""
    count = min(max(size, 1), CELLS)
    # A cell is dark if a position lies between its ends: if the first one that is not before it is not behind it.
    ends = [-(-size * cell // count) for cell in range(count + 1)]
    return "".join("█" if _from(positions, low) < high else "░" for low, high in itertools.pairwise(ends))


def _from(positions: range, low: int) -> float:
    """The first position that is at least `low`, of a range that increases; infinity if there is none."""
    steps = max(0, -(-(low - positions.start) // positions.step))
    return positions[steps] if steps < len(positions) else float("inf")
