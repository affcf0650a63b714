"""One program in one form at a time: in blocks of a few elements, or in plain NumPy whatever the size."""

from __future__ import annotations

import sys

from numpify_ctx._compile import compile_expression
from numpify_ctx._execution.blocks import Blocks, Sizes
from numpify_ctx._execution.entry import Entry


SMALL = Sizes(block=16, large=2, few=4, single=8)  # so that small tests see many blocks
NO_BLOCKS = Sizes(large=sys.maxsize, few=sys.maxsize)


class WatchedBlocks(Blocks):
    """Blocks that keep every source that was made for them, one for each way in which arguments came."""

    def __init__(self, *args):
        super().__init__(*args)
        self.sources = []

    def source(self, *args):
        source = super().source(*args)
        if source is not None:
            self.sources.append(source)
        return source


def in_blocks(program, threads=1, sizes=SMALL) -> Entry:
    """The entry of a program, for blocks of these sizes; `.blocks.sources` are what was emitted for them."""
    entry = Entry(program, threads, sizes)
    entry.blocks = WatchedBlocks(program, threads, sizes)
    return entry


def compiled(expr, arguments, *, threads=1, functions=None, sizes=SMALL) -> Entry:
    """`expr` compiled for blocks of these sizes."""
    found = compile_expression(expr, [(a, a.name) for a in arguments], functions=functions, cache=False)
    return in_blocks(found.program, threads, sizes)


def plain(found: Entry, args):
    """What the plain form gives, whatever the size."""
    return Entry(found.program, sizes=NO_BLOCKS)(*args)


def kernels(found: Entry):
    """The sources that were made for blocks."""
    return found.blocks.sources
