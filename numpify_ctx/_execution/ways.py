"""How numbers are computed, by their types; and of a call with arrays, what others like it may be known by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._program.bounds import Integers
from .arguments import Shape


# Numbers of which the types alone say how they are computed.
FLOATING = frozenset({float, complex, np.float16, np.float32, np.float64, np.complex64, np.complex128})
MOST = 64  # combinations of types for which that is remembered


@dataclass(frozen=True, slots=True)
class Way:
    """How numbers of certain types are computed.

    Attributes:
        form: what computes them; None for the form for Python's numbers.
        conversions: what makes each of them what `form` takes.
        final: types of results that need nothing but to be made Python's, if `precision` is None.
        precision: as in `prepare`.
    """

    form: Callable[..., Any] | None
    conversions: tuple[Callable[[Any], Any], ...] = ()
    final: tuple[type, ...] = ()
    precision: Any = None


class Call(NamedTuple):
    """A call with arrays.

    Attributes:
        args: the arguments as they were passed.
        values: the same, prepared, see `Prepared`.
        integers: what is known of those that are integers.
        shape: see `Prepared`.
        precision: likewise.
    """

    args: Sequence[Any]
    values: Sequence[Any]
    integers: Integers
    shape: Shape
    precision: Any
