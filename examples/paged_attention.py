"""Attention over a paged key-value cache as one Pallas kernel, its loads and stores all by name.

Each program of the grid serves one sequence: it goes through the sequence's pages, in the order that its row of the
table gives, and keeps a running softmax, so that neither the scores nor the gathered keys and values exist as a whole.
`hax.ref.wrap(raw_ref, axes)` names the axes of what Pallas hands to a kernel; `keys["page", page]` is then one page, of
axes (slot, head, head_size), whatever the layout of the cache. The kernel is the same as with positions written by
hand, load by load.

The printed check compares it with plain attention over the gathered pages. The figure shows which page each part of a
sequence is on.

    python examples/paged_attention.py    # interpreted, so that it runs on any machine; writes out/paged_attention.png
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import haliax as hax
import jax
import jax.numpy as jnp
import numpy as np
from haliax import Axis, NamedArray
from jax.experimental import pallas as pl

import haliax_refs  # noqa: F401 - puts hax.ref into haliax


TOLERANCE = 1e-5


class RunningSoftmax(eqx.Module):
    """A weighted mean of values, of which not all have been seen."""

    top: NamedArray  # (head): the largest score so far
    total: NamedArray  # (head): the sum of exp(score - top)
    mixed: NamedArray  # (head, head_size): the sum of exp(score - top) * value

    @staticmethod
    def empty(head: Axis, head_size: Axis) -> RunningSoftmax:
        # The lowest number and not -inf: the difference of two infinities is not a number.
        lowest = float(np.finfo(np.float32).min)
        return RunningSoftmax(hax.full(head, lowest), hax.zeros(head), hax.zeros((head, head_size)))

    def add(self, scores: NamedArray, value: NamedArray) -> RunningSoftmax:
        """With the values of one more page: `scores` (head, slot), `value` (slot, head, head_size)."""
        top = hax.maximum(self.top, hax.max(scores, "slot"))
        fade, weights = hax.exp(self.top - top), hax.exp(scores - top)
        return RunningSoftmax(
            top,
            self.total * fade + hax.sum(weights, "slot"),
            self.mixed * fade + hax.dot(weights, value, axis="slot"),
        )


def scores_of(query: NamedArray, key: NamedArray, first: NamedArray, length: NamedArray) -> NamedArray:
    """How well `query` matches the keys of a page whose first position is `first`; nothing counts from `length` on."""
    scores = hax.dot(query, key, axis="head_size") * query.axis_size("head_size") ** -0.5
    position = first + hax.arange(key.resolve_axis("slot"))
    return hax.where(position < length, scores, -jnp.inf)


def kernel(axes: dict[str, tuple[Axis, ...]], *refs: Any) -> None:
    """One sequence. Pallas passes `refs` by position, in the order of `axes`: this is the only place it matters."""
    named = {name: hax.ref.wrap(ref, axes[name]) for name, ref in zip(axes, refs, strict=True)}
    query, length = named["query"][...], named["length"][...]
    keys, values, table = named["keys"], named["values"], named["table"]
    slot = keys.resolve_axis("slot")

    def add_page(block: jax.Array, softmax: RunningSoftmax) -> RunningSoftmax:
        page = table["block", block]
        scores = scores_of(query, keys["page", page], hax.named(block * slot.size, ()), length)
        return softmax.add(scores, values["page", page])

    pages = pl.cdiv(length.scalar(), slot.size)
    softmax = jax.lax.fori_loop(0, pages, add_page, RunningSoftmax.empty(*query.axes))
    named["out"][...] = softmax.mixed / softmax.total


@partial(jax.jit, static_argnames=("seq", "interpret"))
def paged_attention(
    query: NamedArray,
    keys: NamedArray,
    values: NamedArray,
    table: NamedArray,
    length: NamedArray,
    seq: Axis,
    interpret: bool = True,
) -> NamedArray:
    """What each sequence's query sees: the first `length` positions of the pages in its row of `table`.

    Args:
        query: (seq, head, head_size).
        keys, values: (page, slot, head, head_size).
        table: (seq, block), the pages of each sequence in order. What is beyond its length is not read.
        length: (seq), at least 1.
        interpret: run the kernel by JAX, on any device; otherwise by the device's own compiler of kernels.
    """
    arguments = {"query": query, "keys": keys, "values": values, "table": table, "length": length, "out": query}
    of_one = {name: tuple(axis for axis in array.axes if axis != seq) for name, array in arguments.items()}
    out = pl.pallas_call(
        partial(kernel, of_one),
        grid=(seq.size,),
        in_specs=[block_of(arguments[name], seq) for name in arguments if name != "out"],
        out_specs=block_of(query, seq),
        out_shape=jax.ShapeDtypeStruct(query.array.shape, query.dtype),
        interpret=interpret,
    )(*(arguments[name].array for name in arguments if name != "out"))
    return hax.named(out, query.axes)


def block_of(array: NamedArray, seq: Axis) -> pl.BlockSpec:
    """What one program sees of an array: its own entry along `seq`, which is then no axis any more; all of the rest."""
    shape = tuple(None if axis == seq else axis.size for axis in array.axes)
    return pl.BlockSpec(shape, lambda program: tuple(program if size is None else 0 for size in shape))


def plain_attention(
    query: NamedArray, keys: NamedArray, values: NamedArray, table: NamedArray, length: NamedArray
) -> NamedArray:
    """The same, with all pages gathered and all scores at once."""
    key, value = keys["page", table], values["page", table]  # (seq, block, slot, head, head_size)
    block, slot = table.resolve_axis("block"), keys.resolve_axis("slot")
    first = hax.arange(block) * slot.size
    position = first.broadcast_axis(slot) + hax.arange(slot)
    scores = hax.dot(query, key, axis="head_size") * query.axis_size("head_size") ** -0.5
    seen = position.broadcast_axis(length.axes) < length
    weights = hax.nn.softmax(hax.where(seen, scores, -jnp.inf), axis=("block", "slot"))
    return hax.dot(weights, value, axis=("block", "slot"))


def example(seed: int, seq: Axis, block: Axis, page: Axis, slot: Axis, head: Axis, head_size: Axis) -> list[NamedArray]:
    """Arguments of `paged_attention`: sequences of random lengths whose pages lie anywhere, and some are shared."""
    keys = jax.random.split(jax.random.key(seed), 3)
    cache = (page, slot, head, head_size)
    rng = np.random.default_rng(seed)
    return [
        hax.random.normal(keys[0], (seq, head, head_size)),
        hax.random.normal(keys[1], cache),
        hax.random.normal(keys[2], cache),
        hax.named(rng.integers(0, page.size, (seq.size, block.size)).astype(np.int32), (seq, block)),
        hax.named(rng.integers(1, block.size * slot.size + 1, seq.size).astype(np.int32), seq),
    ]


def draw(table: NamedArray, length: NamedArray, page: Axis, slot: Axis, path: Path) -> None:
    """The table of pages: a row for each sequence, coloured by page; what lies beyond its length is left out."""
    import matplotlib

    matplotlib.use("Agg")  # draws to a file: no display is needed
    from matplotlib import pyplot as plt

    pages = table.rearrange(("seq", "block")).array
    lengths = length.array.tolist()
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for seq, row in enumerate(pages.tolist()):
        for block, number in enumerate(row):
            width = min(lengths[seq] - block * slot.size, slot.size)
            if width > 0:
                colour = plt.colormaps["viridis"](number / page.size)
                axes.barh(seq, width, left=block * slot.size, color=colour, edgecolor="white")
                ink = "black" if number > 0.6 * page.size else "white"
                axes.text(block * slot.size + width / 2, seq, str(number), ha="center", va="center", color=ink)
    axes.set(xlabel="position", ylabel="sequence", title=f"Which of {page.size} pages holds which positions")
    axes.invert_yaxis()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="of the queries, the cache and the table")
    parser.add_argument("--figure", type=Path, default=Path("out/paged_attention.png"), help="where the figure goes")
    options = parser.parse_args(arguments)
    seq = Axis("seq", 6)
    axes = (Axis("block", 5), Axis("page", 24), Axis("slot", 8), Axis("head", 4), Axis("head_size", 32))
    given = example(options.seed, seq, *axes)
    worst = float(hax.max(hax.abs(paged_attention(*given, seq=seq) - plain_attention(*given))).array)
    agree = worst <= TOLERANCE
    *_, table, length = given
    draw(table, length, page=axes[1], slot=axes[2], path=options.figure)
    print(f"drawn to {options.figure}")
    print(f"{seq.size} sequences of {given[-1].array.tolist()} positions on pages of {axes[2].size}")
    print(f"kernel and plain attention: {'agree' if agree else 'DIFFER'}, ", end="")
    print(f"largest difference {worst:.1e} (tolerance {TOLERANCE:.0e})")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
