"""Which quick way to plain NumPy there is for arguments like those of a call that it has just computed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._program.bounds import NO_INTEGERS, is_bounded
from .._program.ir import Program
from .._runtime.special.pointwise import Pointwise
from . import pieces
from .along import Along
from .blocks import Blocks
from .parts import of_doubles_with
from .quick import FLOATS, Quick, passed_as
from .quick_plain import Late, Plain
from .quick_several import handed_back_together
from .ways import Call


if TYPE_CHECKING:
    from .entry import Entry
    from .native import Native


def plain_quick(entry: Entry, call: Call, result: Any, native: Native | None) -> Quick | None:
    """The quick way for arguments like these, if there is one.

    Args:
        entry: what was called.
        call: its arguments; what of them is integers, was not checked.
        result: what the form gave: one result or several.
        native: where what is computed adds up, if it does.
    """
    results: Sequence[Any] = (result,) if len(entry.program.results) == 1 else result
    if call.precision is not None and any(np.result_type(r) in (np.float64, np.complex128) for r in results):
        return None  # it is shortened afterwards
    if not entry.results.is_ordinary:
        return _of_several(entry, call, results, native)
    return _of_one(entry, call, result.dtype, native) if type(result) is np.ndarray else None


def _of_several(entry: Entry, call: Call, results: Sequence[Any], native: Native | None) -> Quick | None:
    args, values, integers, _, precision = call
    looks = entry.bounds.looks(integers.mask, args)
    if looks is None or (entry.completion is not None and entry.completion.may_fill):
        return None
    arrays = [i for i, a in enumerate(args) if type(a) is np.ndarray and a.ndim]
    fresh = entry.results.fresh(arrays, integers.are_none)
    back = handed_back_together(entry.program, results, values, arrays, fresh) if arrays else None
    if back is None:
        return None
    least = entry.blocks.least(precision)
    way = Plain(entry.forms.arrays(integers), None, least, None, native, looks=looks, back=back)
    return way.quick(passed_as(args), values)


def _of_one(entry: Entry, call: Call, dtype: Any, native: Native | None) -> Quick | None:
    args, values, integers, _, precision = call
    completion = entry.completion
    complete = completion.of_passed if completion is not None and completion.may_fill else None
    looks = entry.bounds.looks(integers.mask, args)
    if looks is None or (complete is not None and (looks or integers.complex)):
        return None
    form, late = entry.forms.arrays(integers), None
    are_doubles = integers.are_none and all(value.dtype == np.float64 for value in values)
    if are_doubles:
        form, late = of_doubles_with(entry.program, entry.forms, [type(a) in FLOATS for a in args])
    is_raw = entry.bounds.are_raw(integers.mask, args)
    [fresh] = entry.results.fresh([i for i, a in enumerate(args) if type(a) is np.ndarray], integers.are_none)
    is_like_its_ufunc = integers.are_none or is_bounded(entry.program, entry.program.results[0])
    is_all = complete is None and late is None and (is_raw or (is_like_its_ufunc and not integers.complex))
    ufunc = entry.forms.ufunc(are_doubles) if is_all else None
    is_one_thread = entry.blocks.threads == 1
    direct = entry.forms.direct() if is_all and are_doubles and is_one_thread else None
    if direct or (ufunc and isinstance(entry.program.ops[entry.program.results[0]].numpy, Pointwise)):
        native = None  # no kernel computes it
    least = sys.maxsize if is_raw or (ufunc and is_one_thread and integers.are_none) else entry.blocks.least(precision)
    if not is_raw and any(type(a) is np.ndarray and a.dtype != v.dtype for a, v in zip(args, values, strict=True)):
        least = min(least, pieces.LEAST)  # the pieces of more come here, too
    is_along = are_doubles and ufunc is None and direct is None
    along = along_of(entry.blocks, entry.program, values, late) if is_along else None
    way = Plain(form, dtype, least, complete, native, fresh, late, ufunc, direct, looks, along=along)
    return way.quick(passed_as(args), args if is_raw else values)


def along_of(blocks: Blocks, program: Program, values: Sequence[Any], late: Late | None) -> Along | None:
    """What computes large arrays of doubles in blocks, and the numbers beside them.

    Args:
        blocks: of the whole program.
        program: of which these are the arguments, that program or the rest of it.
        values: the arguments.
        late: what numbers among them decide alone.
    """
    if late is not None:
        program, values = late.program, [*values, *[np.float64(1.0)] * late.count]
    if program is not blocks.program:
        blocks = Blocks(program, blocks.threads, blocks.sizes)
    return blocks.along(values, NO_INTEGERS)
