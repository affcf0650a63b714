"""Makes the table of selectors in docs/refs.md: every cell is the result of running it.

`python docs/selector_table.py` prints the table, with `--write` into the page; `tests/test_docs.py` checks that it is
there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas as pl

import haliax_refs


PAGE = Path(__file__).parent / "refs.md"

AXES = {"x": 4, "y": 3}

NAMES = {"hax": hax, "jnp": jnp, "np": np, "pl": pl}

# what it is; how it is written for axis "x"; whether what it holds may be an argument of a jitted function
SELECTORS = [
    ("int", "-1", True),
    ("NumPy int of any width", "np.uint8(3)", True),
    ("0-d array", "jnp.int32(2)", True),
    ("slice", "slice(1, 3)", False),
    ("slice backwards", "slice(None, None, -2)", False),
    ("slice beyond the ends", "slice(-99, 99)", False),
    ("empty slice", "slice(3, 1)", False),
    ("range", "range(3, 0, -1)", False),
    ("`hax.ds`, static start", "hax.ds(1, 2)", False),
    ("`hax.ds`, traced start", "hax.ds(jnp.int32(1), 2)", True),
    ("`pl.ds` with a stride", "pl.ds(jnp.int32(0), 2, 2)", True),
    ("list", "[2, 0, 2]", False),
    ("1-D array", "jnp.array([2, 0])", True),
    ("mask, concrete", "np.array([True, False, False, True])", False),
    ("`NamedArray`, a new axis", 'hax.named(jnp.array([2, 0]), "z")', True),
    ("`NamedArray` of two axes", 'hax.named(jnp.array([[2, 0], [1, 1]]), ("z", "w"))', True),
    ("`NamedArray` of an axis the ref has", 'hax.named(jnp.array([3, 0, 1]), "y")', True),
    ("`NamedArray` of the indexed axis", 'hax.named(jnp.array([2, 0]), "x")', True),
    ("`NamedArray` of no axis", "hax.named(jnp.int32(2), ())", True),
]


def rows() -> list[tuple[str, ...]]:
    """The table: kind, as written, the shape it gives, what it shows, and where it may be used."""
    found = []
    values = np.arange(12).reshape(4, 3)
    ref = hax.new_ref(jnp.asarray(values), hax.make_axes(**AXES))
    for kind, written, dynamic in SELECTORS:
        selector = eval(written, dict(NAMES))  # our own text, above
        got = ref[{"x": selector}]
        view = ref.slice({"x": selector})
        assert view.axes == got.axes
        assert (view[...].array == got.array).all()
        traced = "yes" if dynamic and (under_jit(ref, selector).array == got.array).all() else "static"
        shape = ", ".join(f"{axis.name}={axis.size}" for axis in got.axes)
        found.append((kind, f"`{written}`", f"`{shape}`", f"`{got.array.tolist()}`", traced))
    return found


def under_jit(ref: haliax_refs.NamedRef, selector: Any) -> hax.NamedArray:
    """What `selector` reads where all that is an array in it is an argument of a jitted function."""
    if isinstance(selector, hax.dslice):
        return jax.jit(lambda r, start: r[{"x": hax.ds(start, selector.size)}])(ref, selector.start)
    if isinstance(selector, type(pl.ds(0, 1))):
        read = jax.jit(lambda r, start: r[{"x": pl.ds(start, selector.size, selector.stride)}])
        return read(ref, selector.start)
    return jax.jit(lambda r, given: r[{"x": given}])(ref, selector)


def table() -> str:
    head = ("selector", 'for axis `"x"`', "shape", "reads", "traced")
    lines = [head, ("---",) * len(head), *rows()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page() -> str:
    """The page on refs, with the table as it is now."""
    text = PAGE.read_text(encoding="utf-8")
    begin = text.index("| selector | for axis")
    return text[:begin] + table() + text[text.index("\n\n", begin) :]


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(table())
