"""What a notebook shows of a ref: the axes of its buffer, and which of their positions it has."""

from __future__ import annotations

import re

import haliax as hax
import jax
import jax.numpy as jnp
import pytest

import haliax_refs
from haliax_refs._indexing.drawing import CELLS, strip
from haliax_refs._indexing.views import Point, Strided


def cells(positions: range, size: int) -> str:
    """The oracle: every position marks its cell."""
    count = min(size, CELLS)
    marked = {position * count // size for position in positions}
    return "".join("█" if cell in marked else "░" for cell in range(count))


@pytest.mark.parametrize("size", [1, 2, 5, 32, 33, 50, 64, 100])
def test_a_strip_marks_the_positions_of_a_view(size: int) -> None:
    for step in (-7, -3, -2, -1, 1, 2, 3, 7, 40):
        for start in range(0, size, 3):
            for stop in range(0, size + 1, 4):
                positions = range(size)[start:stop:step]
                assert strip(Strided("x", positions), size) == cells(positions, size), (positions, size)
    for position in range(size):
        assert strip(Point(position), size) == cells(range(position, position + 1), size)


def test_html_shows_the_axes_and_what_a_view_has_of_them() -> None:
    ref = haliax_refs.new_ref(hax.zeros({"layer": 4, "position": 8, "head": 0}))
    view = ref.slice({"layer": 2}).slice({"position": slice(7, None, -2)})
    shown = view._repr_html_()
    assert "<td></td><td></td><td>2 of layer=4</td>" in shown
    assert "<td>position</td><td>4</td><td>7::-2 of position=8</td>" in shown
    assert re.findall("[█░]+", shown) == ["░░█░", "░█░█░█░█", "░"]
    assert "float32" in shown
    assert str(ref.sharding) in shown


def test_html_reads_nothing_and_shows_what_can_no_longer_be_read() -> None:
    ref = haliax_refs.new_ref(hax.zeros({"x": 3}))
    mapped = jax.tree.map(lambda _: None, ref, is_leaf=lambda leaf: isinstance(leaf, jax.Ref))
    traced = ref.slice({"x": jnp.array(1)})
    hax.freeze(ref)
    assert "(frozen)" in ref._repr_html_()
    assert "&lt;traced&gt; of x=3" in traced._repr_html_()
    assert "holds None" in mapped._repr_html_()


# treescope looks at every name of NumPy's modules, the deprecated ones included.
@pytest.mark.filterwarnings("ignore:The chararray class is deprecated:DeprecationWarning")
def test_treescope_shows_the_contents() -> None:
    treescope = pytest.importorskip("treescope")
    ref = haliax_refs.new_ref(hax.arange({"x": 3}) + 5)
    shown = treescope.render_to_text(ref.slice({"x": slice(1, 3)}))
    assert "NamedRef(" in shown
    assert "[6, 7]" in shown
    hax.freeze(ref)
    assert treescope.render_to_text(ref).startswith(repr(ref))
