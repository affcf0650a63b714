"""How numbers of certain types are computed: the way is found by what the entry of a program has for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from .._kinds import KIND_OF
from .._program.bounds import Bounds
from .._program.ir import Program
from .arguments import PLAIN, Prepared
from .completion import Completion
from .forms import Forms
from .results import Results
from .ways import DOUBLE, Way


class Computing(Protocol):
    """An `Entry`, as far as numbers are concerned."""

    program: Program
    forms: Forms
    results: Results
    bounds: Bounds
    completion: Completion | None
    foreign: bool
    leaves: bool
    gives_numbers: bool
    takes_floats: bool

    def prepared(self, args: Sequence[Any]) -> Prepared: ...
    def in_complex(self, mask: int) -> Computing: ...


def way_of(entry: Computing, types: tuple[type, ...]) -> Way | None:
    """How numbers of these types are computed; None if more than the types decides that."""
    if PLAIN.keys() >= set(types):
        return _of_plain(entry, tuple([PLAIN[kind] for kind in types]))
    if entry.foreign or not (entry.gives_numbers and entry.results.is_ordinary):
        return None
    return _of_others(entry, types)


def _of_plain(entry: Computing, plain: tuple[type, ...]) -> Way | None:
    """The way of numbers that are Python's in all but type."""
    forms = entry.forms
    if entry.takes_floats and int not in plain:
        return Way(forms.floats, plain, None, short=forms.short_floats())
    if entry.takes_floats and entry.gives_numbers and float not in plain:
        return Way(forms.integers, plain, None, short=forms.short_integers())
    if not entry.results.is_ordinary:
        return None
    return Way(forms.scalars, plain, entry.results.final, short=forms.short_scalars())


def _of_others(entry: Computing, types: tuple[type, ...]) -> Way | None:
    """The way of numbers of which some are complex, or shorter than a double."""
    values, mask, complex_mask, _, precision, _ = entry.prepared([kind(0) for kind in types])
    if entry.leaves and complex_mask:
        entry = entry.in_complex(complex_mask)
    if entry.completion is not None and entry.completion.may_fill_beside(complex_mask):
        return None
    numpy = None
    # What does not look at integers however large they are.
    integers = entry.bounds.integers([_LARGEST if v.dtype == np.int64 else v for v in values], mask, complex_mask)
    if not mask or not (integers.checked or entry.program.large or np.uint64 in types):
        final: tuple[type, ...] = (np.float64, np.complex128)
        if precision is not None:
            final = (precision, np.complex64) if precision is np.float32 else (precision,)
        conversions: tuple[Callable[[Any], Any], ...] = tuple(map(type, values))
        short = entry.forms.short_arrays(integers)
        numpy = Way(partial(entry.forms.arrays, integers), conversions, final, precision, short=short)
    if not _OF_DOUBLES.issuperset(types):
        return numpy
    plain = [DOUBLE.get(kind, int) for kind in types]
    form = entry.forms.complexes([KIND_OF[kind] for kind in plain])
    return numpy if form is None else Way(lambda: form, tuple(plain), None, whole=numpy, is_over_cmath=True)


_LARGEST = np.int64(2**62)
_OF_DOUBLES = DOUBLE.keys() | PLAIN.keys()
