"""Quick ways to kernels that compute a whole program, one result or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._program.bounds import bits_of_dtype
from .._program.ir import CONST, PARAM
from .native_calls import PIECE, SMALL, Pure, rows_of
from .quick import Quick, are_alike, are_any, handed_back, indented, places_of_arrays, tests_of
from .quick_several import handed_back_together


def kernel_quick(
    form: Pure, passed: Sequence[Any], values: Sequence[Any], precision: Any, given: Sequence[Any], complete: Any = None
) -> Quick | None:
    """What takes arguments like some to the kernels with nothing between; None if they need more.

    Args:
        form: what calls the kernels.
        passed: of each argument as it was passed, its dtype if it was an array, else its type.
        values: what they became.
        precision: see `Prepared`.
        given: the results of the form for them, of which those that it computed are handed back as they are.
        complete: as for `Native.learn`.
    """
    dtypes = tuple([value.dtype for value in values])
    found = tests_of(passed, dtypes)
    if found is None:
        return None
    tests, words = found
    checks = form.bits is not None and any(
        not isinstance(kind, np.dtype) or (room := bits_of_dtype(kind)) is None or room > form.bits
        for kind, dtype in zip(passed, dtypes, strict=True)
        if dtype == np.int64
    )
    words |= {"held": form.calls, "complete": complete}
    writes = None
    if not form.single:
        way = _Several(form, passed, values, precision, given, checks)
        lines = way.lines()
        words |= way.words
    elif sorted(form.parameters) != list(range(len(passed))):
        return None
    else:
        one = form.calls[0].kernel
        words |= {"kernel": one.ufunc if form.threads == 1 else form.in_threads}
        words |= {"counter": one.counter, "nans": one.nans}
        is_direct = not checks and complete is None
        # On several threads a result is written piece by piece, which must not be over what is still to be read.
        writes = form.dtype if form.threads == 1 or not is_direct else None
        if is_direct:
            lines = _direct(form, passed, writes is not None)
        else:
            lines = _looked_at(form, passed, checks, complete is not None)
    return Quick(tuple(passed), tests, tuple(lines), words, writes, dtypes) if lines else None


def _direct(form: Pure, passed: Sequence[Any], writes: bool) -> list[str]:
    """Statements of a quick way, for a kernel that gives the result."""
    call, arrays, small = _words_of(form, passed)
    is_one = sum(map(bool, form.program.args)) == 1 and form.threads == 1
    alike = are_any(arrays) if is_one else are_alike(arrays)
    lines = [f"if {alike}:", "    if out is None:", f"        return {call}"]
    if writes:
        lines.append(f"    return {call[:-1]}, out)")
    if len(arrays) > 1 and not is_one:
        taken = ["    _found = " + call, "    if _type(_found) is _array:", "        return _found"]
        lines += [f"elif out is None and {small}:", *taken]
    return lines


def _looked_at(form: Pure, passed: Sequence[Any], checks: bool, completes: bool) -> list[str]:
    """Likewise, for one that may give up on integers, or gives nan where only complex numbers lead to the result.

    It has written then, so that it is not given `out`, which may be an argument.
    """
    call, arrays, small = _words_of(form, passed)
    test = "_type(_found) is _array" + " and {counter}.value == _before" * checks
    back = handed_back()
    if completes:
        given = "".join(f"{{{i}}}, " for i in range(len(passed)))
        back = ["if {nans}.value != _nans:", f"    _found = {{complete}}(_found, ({given}))", *back]
    return [
        f"if {are_alike(arrays)}{f' or {small}' * (len(arrays) > 1)}:",
        *["    _before = {counter}.value"] * checks,
        *["    _nans = {nans}.value"] * completes,
        f"    _found = {call}",
        f"    if {test}:",
        *indented(indented(back)),
    ]


def _words_of(form: Pure, passed: Sequence[Any]) -> tuple[str, list[str], str]:
    """The call of the kernel, the arrays, and the test whether what they broadcast to is small.

    The product of their sizes is no less than the result's.
    """
    arrays = [f"{{{place}}}" for place in places_of_arrays(passed)]
    small = f"{' * '.join(f'{name}.size' for name in arrays)} < {SMALL}"
    return f"{{kernel}}({', '.join(f'{{{i}}}' for i in form.parameters)})", arrays, small


class _Several:
    """The statements of a quick way to several results, or to arrays of their own, and what their words stand for.

    Arrays have one shape there. Where it has one axis, which is the rule, less is to be asked of it.
    """

    def __init__(
        self, form: Pure, passed: Sequence[Any], values: Sequence[Any], precision: Any, given: Sequence[Any],
        checks: bool,
    ) -> None:  # fmt: skip
        self._form, self._program = form, form.program
        self._values, self._precision, self._given, self._checks = values, precision, given, checks
        self._places = places_of_arrays(passed)
        self._arrays = [f"{{{place}}}" for place in self._places]
        # What NumPy would make longer first is not for arrays that are handed back as they are.
        self._is_for = all(passed[i] == values[i].dtype for i in self._places) and all(
            not set(self._places).isdisjoint(call.parameters) for call in form.calls
        )
        results = [*enumerate(self._program.results)]
        self._names = {node: f"_result{i}" for i, node in reversed(results)}  # of each, where it comes first
        self.words: dict[str, Any] = {"empty": np.empty, "rows_of": rows_of}
        for i, call in enumerate(form.calls):
            one = call.kernel
            self.words |= {f"kernel{i}": one.ufunc, f"writing{i}": one.writing, f"counter{i}": one.counter}
        self._writes = [call.kernel.writing is not None for call in form.calls]
        self.words |= {f"dtype_of{node}": dtype for node, dtype in form.dtypes.items()}

    def lines(self) -> list[str]:
        """The statements; none if there is more to do than they do."""
        lines: list[str] = []
        few = f" and {self._arrays[0]}.size < {2 * PIECE}" if self._form.threads != 1 else ""  # in one piece
        tests = [f"{{counter{i}}}.value == _before{i}" for i in range(len(self._form.calls))] if self._checks else []
        for is_flat in (True, False) if self._form.stacks or any(self._writes) else (False,):
            back = handed_back_together(
                self._program, self._given, self._values, self._places, [True] * len(self._given), self._precision,
                [*self._taking(is_flat)], tests,
            )  # fmt: skip
            if not self._is_for or back is None:
                return []
            alike = _are_flat(self._arrays) if is_flat else are_alike(self._arrays, broadcast=False)
            lines += [f"{'elif' if lines else 'if'} {alike}{few}:", *indented(back.lines)]
            self.words |= back.words
        return lines

    def _taking(self, is_flat: bool) -> Iterator[str]:
        """Statements that take the results as `_result0`, `_result1`, ..."""
        program, form = self._program, self._form
        shape = "_size" if is_flat else "*_shape"
        if form.stacks or (is_flat and any(self._writes)):
            yield f"{shape.strip('*')} = {self._arrays[0]}.{shape.strip('*_')}"
        for node in form.stacks:
            name, own = self._names[node], program.data[node][0]
            whole = "".join(f"{length}, " for length in own) + shape
            yield f"{name} = {self._empty(node, f'({whole})')}"
            rows = name if len(own) == 1 else f"{name}.reshape({len(program.args[node])}, {shape})"
            yield f"_rows{node} = {rows}.T" if is_flat else f"_rows{node} = {{rows_of}}({rows})"
        if self._checks:
            yield from (f"_before{i} = {{counter{i}}}.value" for i in range(len(form.calls)))
        for i, call in enumerate(form.calls):
            names = ["_" if piece.count else self._names[piece.node] for piece in call.pieces]
            given = [f"{{{k}}}" for k in call.parameters]
            if is_flat and self._writes[i]:
                for piece in call.pieces[:-1]:
                    yield f"{self._names[piece.node]} = {self._empty(piece.node, '_size')}"
                yield f"{names[-1]} = {{writing{i}}}({', '.join([*given, *names[:-1]])})"
                continue
            given += [self._place(piece, is_flat) for piece in call.pieces] if form.stacks else []
            goal = f"[{', '.join(names)}]" if len(names) > 1 else names[0]
            yield f"{goal} = {{kernel{i}}}({', '.join(given)})"
        for i, node in enumerate(program.results):
            if program.ops[node] is PARAM:
                yield f"_result{i} = {{{program.data[node]}}}"
            elif program.ops[node] is not CONST and self._names[node] != f"_result{i}":
                yield f"_result{i} = {self._names[node]}"

    def _place(self, piece: Any, is_flat: bool) -> str:
        """Where a kernel is to write; of more than one axis, NumPy's own array would have the arguments' order."""
        if not piece.count:
            return "None" if is_flat else self._empty(piece.node, "_shape")
        rows = f"_rows{piece.node}"
        if piece.count == len(self._program.args[piece.node]):
            return rows
        return f"{rows}[..., {piece.first}:{piece.first + piece.count}]"

    def _empty(self, node: int, shape: str) -> str:
        is_double = self._form.dtypes[node] == np.float64
        return f"{{empty}}({shape})" if is_double else f"{{empty}}({shape}, {{dtype_of{node}}})"


def _are_flat(arrays: Sequence[str]) -> str:
    """The test whether arrays have one axis, of one length."""
    sizes = " == ".join(f"{name}.size" for name in arrays)
    flat = " == ".join([*(f"{name}.ndim" for name in arrays), "1"])
    return f"({sizes} and {flat})" if len(arrays) > 1 else flat
