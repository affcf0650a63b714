"""The pictures of the site, drawn by the packages that they show.

python docs/pictures.py            # tells which are not what this script draws
python docs/pictures.py --write    # draws them, into docs/pictures/

Each is an SVG of a few kilobytes, with nothing in it that is loaded from elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape


FOLDER = Path(__file__).resolve().parent / "pictures"

INK, PAPER, LINE, FAINT, STRONG = "#1f2430", "#ffffff", "#8b93a7", "#e8ebf4", "#3f51b5"
CURVES = ("#c5cae9", "#9fa8da", "#7986cb", "#5c6bc0", "#3f51b5", "#283593")


def svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    """A picture on a sheet of its own colour, as a page may be light or dark."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" '
        f'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" fill="{INK}">'
    )
    sheet = f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{PAPER}"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", sheet, *parts, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, *, anchor: str = "start", fill: str = INK) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, *, fill: str = PAPER, stroke: str = LINE) -> str:
    shape = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {shape} rx="3" fill="{fill}" stroke="{stroke}"/>'


# -- the two packages ------------------------------------------------------------------------------------------------


def refs() -> str:
    """A buffer, a view of it, and what writing through the view changes."""
    import haliax as hax

    import haliax_refs

    cache = haliax_refs.new_ref(hax.zeros({"layer": 4, "position": 8}))
    view = cache.slice({"layer": 2}).slice({"position": slice(7, None, -2)})
    view[...] = hax.arange({"position": 4}) + 1.0
    side, left, top = 38, 78, 62
    parts = [text(left, 26, 'view = cache.slice({"layer": 2}).slice({"position": slice(7, None, -2)})')]
    parts.append(text(left, 48, "view[...] = 1, 2, 3, 4", fill=STRONG))
    for layer, row in enumerate(cache[...].array.tolist()):
        y = top + layer * side
        parts.append(text(left - 10, y + 24, f"layer {layer}", anchor="end"))
        for position, value in enumerate(row):
            x = left + position * side
            parts.append(box(x, y, side - 3, side - 3, fill=STRONG if value else FAINT, stroke="none"))
            parts.append(text(x + 17.5, y + 22, f"{value:g}", anchor="middle", fill=PAPER if value else LINE))
    below = top + 4 * side + 16
    parts += [text(left + p * side + 17.5, below, str(p), anchor="middle") for p in range(8)]
    parts.append(text(left + 8 * side + 8, below, "position"))
    words = f"the buffer is shared: cache shows what was written to the view, {view.shape['position']} of 32 cells"
    parts.append(text(left, below + 30, words))
    return svg(700, below + 48, "A view of a buffer with named axes, and what was written through it", parts)


def numpify() -> str:
    """One compiled function, drawn for several values of a live parameter."""
    import numpy as np
    import sympy as sp

    from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify

    omega, damping = sp.symbols("omega c", positive=True)
    amplitude = 1 / sp.sqrt((1 - omega**2) ** 2 + (damping * omega) ** 2)
    knob = Parameters({damping: 1.0})
    curve = numpify(amplitude, [omega, damping]).freeze({damping: DYNAMIC_PARAMETER}).set_parameter_context(knob)
    left, right, bottom, high = 78.0, 500.0, 250.0, 190.0
    at = np.linspace(0.0, 2.0, 101)
    parts = [text(left, 26, f"curve = numpify({amplitude}, [omega, c])")]
    parts.append(text(left, 48, "knob[c] = ...    # and the same compiled function draws another curve", fill=STRONG))
    parts.append(f'<path d="M {left:g} {bottom - high:g} V {bottom:g} H {right:g}" fill="none" stroke="{LINE}"/>')
    for value, colour in zip((1.5, 1.0, 0.7, 0.5, 0.35, 0.25), CURVES, strict=True):
        knob[damping] = value
        heights = curve(at)
        points = zip(left + at / 2.0 * (right - left), bottom - heights / 4.2 * high, strict=True)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for i, (value, colour) in enumerate(zip((0.25, 0.35, 0.5, 0.7, 1.0, 1.5), CURVES[::-1], strict=True)):
        y = 76 + 22 * i
        parts += [f'<path d="M 540 {y:g} h 24" stroke="{colour}" stroke-width="3"/>']
        parts.append(text(574, y + 4, f"c = {value:g}"))
    parts += [text(left + n * (right - left) / 4, bottom + 18, f"{n / 2:g}", anchor="middle") for n in range(5)]
    parts.append(text(right + 14, bottom + 18, "omega"))
    return svg(700, bottom + 34, "Resonance curves of one compiled function with a live parameter", parts)


# -- the two paths of the architecture page --------------------------------------------------------------------------


class Step(NamedTuple):
    """A box of a flow: what it does, in which file, and where it stands, in columns and rows."""

    words: str
    place: str
    column: float
    row: int


class Arrow(NamedTuple):
    """What passes from one step to another."""

    of: str
    to: str
    words: str = ""


WIDE, TALL, GAP_X, GAP_Y = 300.0, 46.0, 24.0, 44.0


def flow(title: str, steps: dict[str, Step], arrows: Sequence[Arrow]) -> str:
    """Boxes and arrows, downwards."""
    middle = {name: 20 + step.column * (WIDE + GAP_X) + WIDE / 2 for name, step in steps.items()}
    above = {name: 20 + step.row * (TALL + GAP_Y) for name, step in steps.items()}
    parts = []
    for arrow in arrows:
        x, y, u, v = middle[arrow.of], above[arrow.of] + TALL, middle[arrow.to], above[arrow.to]
        bend = v - GAP_Y / 2 if u != x else v - 7
        parts.append(f'<path d="M {x:g} {y:g} V {bend:g} H {u:g} V {v - 7:g}" stroke="{LINE}" fill="none"/>')
        parts.append(f'<path d="M {u - 4:g} {v - 8:g} h 8 l -4 8 Z" fill="{LINE}"/>')
        parts.append(text(u + 10, v - 6, arrow.words, fill="#5a6275"))
    for name, step in steps.items():
        x, y = middle[name], above[name]
        parts.append(box(x - WIDE / 2, y, WIDE, TALL, fill=FAINT))
        parts.append(text(x, y + 19, step.words, anchor="middle"))
        parts.append(text(x, y + 36, step.place, anchor="middle", fill=STRONG))
    columns = 1 + max(step.column for step in steps.values())
    rows = 1 + max(step.row for step in steps.values())
    width = 40 + columns * WIDE + (columns - 1) * GAP_X
    return svg(max(width, 620), 40 + rows * TALL + (rows - 1) * GAP_Y, title, parts)


def chain(names: Sequence[str], words: Sequence[str]) -> list[Arrow]:
    """From each step to the next one."""
    return [Arrow(*ends, said) for *ends, said in zip(names, names[1:], words, strict=False)]


READ = {
    "slice": Step("NamedRef.slice", "_refs", 0, 0),
    "plan": Step("plan", "_indexing/plan", 0, 1),
    "parse": Step("parse", "_indexing/selectors", 0, 2),
    "compose": Step("Layout.select, compose", "_indexing/layout, compose", 0, 3),
    "view": Step("the view, a NamedRef", "_refs", 0, 4),
    "read": Step("read: planned in the same way", "_access/operations", 0, 5),
    "run": Step("run", "_access/run", 0, 6),
    "index": Step("index tuple, flips, transposition", "_access/index", 0, 7),
    "ref": Step("jax.Ref", "what it gives: a NamedArray", 0, 8),
}
READ_ARROWS = chain(
    list(READ),
    [
        "raw index",
        "spelling",
        "a view for each axis",
        "layout and operands",
        "[...]",
        "layout, operands, checks",
        "eager: one kept program; traced: jax.Ref's operations",
        "",
    ],
)

CALL = {
    "numpify": Step("numpify(expr, args)", "_function", 0, 0),
    "flatten": Step("flatten: nodes as integers", "_symbolic/flatten", 0, 1),
    "names": Step("names, free symbols, cache key", "_symbolic", 0, 2),
    "compile": Step("compile_expression", "_compile", 0, 3),
    "lower": Step("lower", "_lowering/walk, rules/", 0, 4),
    "program": Step("Program", "_program", 0, 5),
    "call": Step("f(1.0, array)", "", 1, 3),
    "bound": Step("the generated function behind a call", "_binding/call", 1, 4),
    "entry": Step("Entry: which form is it?", "_execution/entry", 1, 6),
    "scalars": Step("scalars: over math", "_emission/scalars", 0, 7),
    "arrays": Step("arrays: plain NumPy", "_emission/arrays", 1, 7),
    "blocks": Step("blocks: ufuncs in place", "_emission/, _execution/blocks", 2, 7),
    "runtime": Step("what generated code calls", "_runtime", 1, 8),
}
CALL_ARROWS = [
    *chain(list(CALL)[:4], ["", "", ""]),
    *(Arrow("compile", "lower", "a rule for each class"), Arrow("lower", "program", "operations")),
    *(Arrow("program", "entry"), Arrow("call", "bound"), Arrow("bound", "entry", "values, in order")),
    *(Arrow("entry", "scalars", "numbers"), Arrow("entry", "arrays", "small arrays")),
    Arrow("entry", "blocks", "large arrays"),
    *(Arrow(form, "runtime") for form in ("scalars", "arrays", "blocks")),
]


PICTURES: dict[str, Callable[[], str]] = {
    "refs": refs,
    "numpify": numpify,
    "read": partial(flow, "The path of a read", READ, READ_ARROWS),
    "call": partial(flow, "The path of an expression, and of a call", CALL, CALL_ARROWS),
}


def main(arguments: list[str]) -> int:
    status = 0
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        path, drawn = FOLDER / f"{name}.svg", draw()
        if "--write" in arguments:
            path.write_text(drawn, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != drawn:
            print(f"not what docs/pictures.py draws: {path.name}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
