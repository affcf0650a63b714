"""Quick ways to several results, and to those that have axes of their own: how these are handed back.

Law: what is handed back is what `Results.of_arrays` hands back: arrays of the right shapes, each of its own memory.
Arguments and arrays that come twice are copied, numbers fill an array; whatever else might not be a new array is looked
at, or there is no quick way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._program.ir import CONST, PARAM, Layout, Program
from .._runtime.numbers import python_number
from .quick import indented
from .results import shortened


_MOST = 32  # results: more take their time anyway


@dataclass(frozen=True, slots=True)
class Back:
    """Statements that return what `_found` holds, with {0}, {1}, ... for the arguments; and what words stand for."""

    lines: tuple[str, ...]
    words: dict[str, Any]


def handed_back_together(
    program: Program,
    results: Sequence[Any],
    values: Sequence[Any],
    arrays: Sequence[int],
    fresh: Sequence[bool],
    precision: Any = None,
    taken: Sequence[str] = (),
    tests: Sequence[str] = (),
) -> Back | None:
    """How results like these are handed back; None if more than a look is needed.

    Args:
        program: what gave them.
        results: what its form gave, in order.
        values: what it was given.
        arrays: which of these are arrays; they have one shape.
        fresh: which results are new arrays of all arrays for any such values, of the same dtypes.
        precision: see `Prepared`.
        taken: statements that take them as `_result0`, `_result1`, ...; by default, out of `_found`.
        tests: what has to hold besides.
    """
    nodes = program.results
    if len(nodes) > _MOST:
        return None
    names = [f"_result{i}" for i in range(len(nodes))]
    first, shape = f"{{{arrays[0]}}}", values[arrays[0]].shape
    words: dict[str, Any] = {}
    tests = [*tests]
    made: list[str] = []  # statements that make the caller's own arrays of some results
    for i, (node, result) in enumerate(zip(nodes, results, strict=True)):
        name = names[i]
        if program.ops[node] is CONST and not program.rank[node]:
            value = _constant(result, precision)
            words |= {f"empty{i}": np.empty, f"dtype{i}": value.dtype, f"value{i}": value[()]}
            made += [f"{name} = {{empty{i}}}({first}.shape, {{dtype{i}}})", f"{name}.fill({{value{i}}})"]
            continue
        if type(result) is not np.ndarray or result.shape[program.rank[node] :] != shape:
            return None
        if program.ops[node] is PARAM or node in nodes[:i]:
            made.append(f"{name} = {name}.copy()")
        elif not fresh[i]:
            if result.base is not None or any(result is value for value in values):
                return None
            words[f"dtype{i}"] = result.dtype
            tests += _looks(name, f"{{dtype{i}}}", program.rank[node], f"{first}.shape")
            tests += [f"{name} is not {{{k}}}" for k in arrays]
            # Two operations may hand back one array.
            tests += [f"{name} is not {names[k]}" for k in range(len(nodes)) if k < i or fresh[k]]
    if not taken:
        taken = [f"{names[0]} = _found" if len(nodes) == 1 else f"[{', '.join(names)}] = _found"]
    whole = [*made, f"return {_text(program.layout, iter(names), words)}"]
    return Back((*taken, *([f"if {' and '.join(tests)}:", *indented(whole)] if tests else whole)), words)


def _constant(value: Any, precision: Any) -> Any:
    """An array of rank 0 of a number, as it is handed back beside arrays of this precision."""
    found = np.asarray(python_number(value))
    return found if precision is None else np.asarray(shortened(found, precision))


def _looks(name: str, dtype: str, rank: int, shape: str) -> list[str]:
    """The tests for an array of this shape behind its own axes, which is no view."""
    its = f"{name}.shape[{rank}:]" if rank else f"{name}.shape"
    return [f"_type({name}) is _array", f"{name}.dtype is {dtype}", f"{its} == {shape}", f"{name}.base is None"]


def _text(layout: Layout, names: Iterator[str], words: dict[str, Any]) -> str:
    """The results, by their names, in the lists, tuples and dicts of the expression; keys become words."""
    if layout.kind == "node":
        return next(names)
    items = [_text(item, names, words) for item in layout.items]
    if layout.kind == "list":
        return f"[{', '.join(items)}]"
    if layout.kind == "tuple":
        return f"({''.join(f'{item}, ' for item in items)})"
    entries = []
    for key, item in zip(layout.keys, items, strict=True):
        word = f"key{len(words)}"  # each is new: words are only added
        words[word] = key
        entries.append(f"{{{word}}}: {item}")
    return f"{{{{{', '.join(entries)}}}}}"
