"""How numbers are computed, by their types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


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
