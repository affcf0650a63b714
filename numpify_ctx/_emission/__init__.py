"""A program as Python source, three ways: scalars over `math`, plain NumPy, and in-place NumPy over blocks.

A fourth way, machine code, is in `native`.
"""

from .arrays import emit_arrays as emit_arrays
from .blocks import (
    BlockSource as BlockSource,
    NotInBlocks as NotInBlocks,
    emit_blocks as emit_blocks,
)
from .complexes import emit_complex as emit_complex
from .scalars import emit_floats as emit_floats, emit_integers as emit_integers, emit_scalars as emit_scalars
from .suites import Source as Source
