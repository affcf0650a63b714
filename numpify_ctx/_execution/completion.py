"""Results that are real though what leads to them is not: a root of a cubic by square roots of negative numbers.

The form for real numbers gives nan there. Elements that are nan though no argument is are computed once more, in
complex; a value with no imaginary part but rounding is the result, and what has one stays nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._program.bounds import NO_INTEGERS, Integers
from .._program.ir import Program
from .._program.promotion import may_cancel, promoted
from .._runtime.numbers import has_nan
from .._runtime.ranked import broadcast, flatten, take
from .arguments import Shape, prepare
from .forms import Forms


_ROUNDING = 2.0**-32  # of an imaginary part, relative to the whole: 20 bits may cancel on the way


class Completion:
    """The second look at the results of one program."""

    __slots__ = ("_forms", "_program", "_results")

    def __init__(self, program: Program) -> None:
        self._program = program
        self._results: list[int] | None = None  # those that may be real though what leads to them is not
        self._forms: Forms | None = None

    @property
    def may_fill(self) -> bool:
        """Is there a result that may need a second look?"""
        return bool(self._open())

    def may_fill_beside(self, complex_parameters: int) -> bool:
        """The same, where those parameters in the bit mask are complex: what is complex anyway needs no second look."""
        of_each = may_cancel(self._program, complex_parameters)
        return any(of_each[node] for node in self._program.results)

    def _open(self) -> list[int]:
        if self._results is None:
            of_each = may_cancel(self._program)
            self._results = [i for i, node in enumerate(self._program.results) if of_each[node]]
        return self._results

    def of_passed(self, result: Any, args: Sequence[Any]) -> Any:
        """The only result of arguments as they were passed, with what only complex numbers lead to."""
        if not has_nan(result):
            return result
        values, mask, complex_mask, shape, *_ = prepare(args, self._program.parameter_ranks)
        integers = Integers(mask, True, complex_mask) if mask or complex_mask else NO_INTEGERS
        return self.all_completed([result], values, integers, shape)[0]

    def completed(self, results: Any, values: Sequence[Any], integers: Integers, shape: Shape) -> Any:
        """The results, one or several as a form gave them, with those values that only complex numbers lead to."""
        if len(self._program.results) == 1:
            if not self._open() or not has_nan(results):  # most calls
                return results
            return self.all_completed([results], values, integers, shape)[0]
        return self.all_completed(results, values, integers, shape)

    def all_completed(
        self, results: Sequence[Any], values: Sequence[Any], integers: Integers, shape: Shape
    ) -> Sequence[Any]:
        """The same, of a list."""
        missing = [i for i in self._open() if has_nan(results[i])]
        if not missing:
            return results
        ranks = [self._program.rank[node] for node in self._program.results]
        where = np.zeros(shape, bool)
        for i in missing:
            where |= np.isnan(results[i]).any(axis=tuple(range(ranks[i])))
        for value, rank in zip(values, self._program.parameter_ranks, strict=True):
            where &= ~np.isnan(value).any(axis=tuple(range(rank)))
        which = np.flatnonzero(where)
        if not len(which):
            return results
        if self._forms is None:
            self._forms = Forms(promoted(self._program, everywhere=True))
        picked = [
            take(rank, flatten(rank, value, shape), which) if shape else value
            for value, rank in zip(values, self._program.parameter_ranks, strict=True)
        ]
        with np.errstate(all="ignore"):  # the first look has warned
            found = self._forms.arrays(integers)(*picked)
        found = [found] if len(ranks) == 1 else found
        results = list(results)
        for i in missing:
            results[i] = _filled(results[i], ranks[i], shape, which, found[i])
        return results


def _filled(result: Any, rank: int, shape: Shape, which: Any, found: Any) -> Any:
    """`result` with the real ones among the values that were `found` for the elements `which`."""
    full = np.array(broadcast(rank, result, shape))
    lead = full.shape[:rank]
    flat = full.reshape(*lead, -1)
    found = broadcast(rank, np.asarray(found), (len(which),))
    before = flat[..., which]
    is_real = np.isnan(before) & (np.abs(found.imag) <= _ROUNDING * np.abs(found.real))
    flat[..., which] = np.where(is_real, found.real, before)
    return flat.reshape(full.shape)[()]
