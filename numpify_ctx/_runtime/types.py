"""Words for what the functions of this folder take, where no type that a checker knows says it.

To a checker they are `Any`: NumPy's arrays and scalars and Python's numbers have their arithmetic in common, but no
type; mpmath is not typed.
"""

from __future__ import annotations

from typing import Any, TypeAlias


Array: TypeAlias = Any  # a NumPy array, or a NumPy scalar of rank 0
Value: TypeAlias = Any  # an array, or a scalar of NumPy's or Python's
MPContext: TypeAlias = Any  # a context of mpmath
MPNumber: TypeAlias = Any  # an mpf or mpc of that context
