"""One program in one form at a time: in blocks of a few elements, or in plain NumPy whatever the size."""

from __future__ import annotations

import sys
from dataclasses import replace

from numpify_ctx._compile import Compiled, compile_expression
from numpify_ctx._execution.blocks import Sizes
from numpify_ctx._execution.entry import Entry


SMALL = Sizes(block=16, large=2)  # so that small tests see many blocks
NO_BLOCKS = Sizes(large=sys.maxsize)


def compiled(expr, arguments, *, threads=1, functions=None, sizes=SMALL) -> Compiled:
    """`expr` compiled for blocks of these sizes."""
    found = compile_expression(expr, [(a, a.name) for a in arguments], functions=functions, cache=False)
    return replace(found, call=Entry(found.program, threads, sizes))


def plain(found: Compiled, args):
    """What the plain form gives, whatever the size."""
    return Entry(found.program, sizes=NO_BLOCKS)(*args)
