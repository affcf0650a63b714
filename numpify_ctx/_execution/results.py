"""What generated code gave, as the caller is to have it: shape, precision, and memory of his own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._kinds import COMPLEX, INT, REAL
from .._memo import Memo
from .._program.ir import CONST, PARAM, Layout, Program, infer_kinds
from .._program.ops import STACK
from .._program.walk import reach
from .._runtime.numbers import FLOAT64, number, python_number
from .._runtime.special.pointwise import Pointwise
from .arguments import Shape


_MOST = 64  # combinations of Python's types for which the kinds of the results are remembered


class Results:
    """How the results of one program are handed back."""

    __slots__ = ("_is_single", "_kinds", "_program", "_rank", "final", "is_ordinary")

    def __init__(self, program: Program) -> None:
        self._program = program
        self._is_single = program.layout.kind == "node"  # one result, of that rank
        self._rank = program.rank[program.results[0]] if self._is_single else 0
        self.is_ordinary = self._is_single and not self._rank
        # What the form for scalars gives of these types is the result as it is.
        is_complex = any(program.kinds[node] == COMPLEX for node in program.results)
        self.final: tuple[type, ...] = (complex,) if is_complex else (float, bool, complex)
        self._kinds: Memo[tuple[int, ...], list[int]] = Memo(_MOST)

    def fresh(self, arrays: Sequence[int], are_real: bool = True) -> list[bool]:
        """Which results are new arrays, of the shape to which arrays among the arguments broadcast?

        Of real arguments their dtypes are settled by theirs, too: nothing chooses by values without integers.

        Args:
            are_real: are all arguments real, and none an integer?
            arrays: which arguments are arrays, of one shape if a result has axes of its own.
        """
        program = self._program
        kinds = infer_kinds(program, [REAL] * len(program.parameters))

        def is_of_all(node: int) -> bool:
            return all(program.deps[node] >> i & 1 for i in arrays)

        # What is chosen by a number has the shape of what is chosen.
        chosen = {n for n, op in enumerate(program.ops) if op.lazy and not is_of_all(program.args[n][0])}

        def is_fresh(node: int) -> bool:
            op = program.ops[node]
            if chosen and not chosen.isdisjoint(reach([node], program.args.__getitem__)):
                return False
            if op is STACK and is_of_scalars(program, node):
                return any(program.deps[node] >> i & 1 for i in arrays)
            is_new = are_real and not program.rank[node] and (op.ufunc is not None or isinstance(op.numpy, Pointwise))
            return is_new and kinds[node] == REAL and is_of_all(node)

        return [is_fresh(node) for node in program.results]

    def takes(self, out: Any, values: Sequence[Any], shape: Shape) -> bool:
        """May the result, of that shape, be written there at once?"""
        return (
            self.is_ordinary
            and type(out) is np.ndarray
            and out.shape == shape
            and out.flags.writeable
            and not any(np.may_share_memory(out, value) for value in values)
        )

    def of_scalars(self, result: Any, plain: Sequence[Any]) -> Any:
        """The results of the Python numbers `plain`, from what the form for scalars gave."""
        if self.is_ordinary:
            if type(result) in self.final:
                return result
            if type(result) is int and self.kinds_of(plain)[0] not in (REAL, COMPLEX):
                return result
        elif self._is_single and type(result) is np.ndarray and result.ndim == self._rank:
            return result
        finished = []
        kinds = self.kinds_of(plain)
        for value, node, kind in zip(self._several(result), self._program.results, kinds, strict=True):
            rank = self._program.rank[node]
            value = spread(value, rank, ())
            finished.append(value if rank else number(value, kind))
        return self.arranged(finished)

    def of_arrays(self, result: Any, values: Sequence[Any], shape: Shape, precision: Any) -> Any:
        """The results of the arguments `values`, which broadcast to `shape`, from what the plain form gave."""
        if (
            self._is_single
            and type(result) is np.ndarray
            and (precision is None or result.dtype == precision)
            and result.base is None
            and (found := result.shape)
            and (found[self._rank :] if self._rank else found) == shape
            and not _is_one_of(result, values)
        ):
            return result  # most calls
        return self.arranged(self.owned(self._several(result), values, shape, precision))

    def owned(self, results: Sequence[Any], values: Sequence[Any], shape: Shape, precision: Any = None) -> list[Any]:
        """The results in their shapes and precision, and the caller's: neither an argument nor an array twice."""
        owned: list[Any] = []
        seen: set[int] = set()
        for result, node in zip(results, self._program.results, strict=True):
            if precision is not None:
                result = shortened(result, precision)
            value = spread(result, self._program.rank[node], shape)
            if isinstance(value, np.ndarray):
                if id(value) in seen or _is_one_of(value, values) or _shares(value, values):
                    value = value.copy()
                seen.add(id(value))
            owned.append(value)
        return owned

    def are_handed_back(self, given: Sequence[Any], found: Any) -> bool:
        """Are results handed back as they were given, but for constants, arguments, and what comes twice?"""
        nodes = self._program.results
        leaves = (CONST, PARAM)
        handed = (found,) if self._is_single else _taken_apart(self._program.layout, found)
        return all(
            one is other or node in nodes[:i] or self._program.ops[node] in leaves
            for i, (node, one, other) in enumerate(zip(nodes, given, handed, strict=True))
        )

    def arranged(self, results: Sequence[Any]) -> Any:
        """The results in the lists, tuples and dicts of the expression."""
        return results[0] if self._is_single else _arrange(self._program.layout, iter(results))

    def _several(self, result: Any) -> Sequence[Any]:
        return (result,) if len(self._program.results) == 1 else result

    def kinds_of(self, plain: Sequence[Any]) -> list[int]:
        """The kinds of the results for Python numbers, floats or integers."""
        given = tuple([REAL if type(value) is float else INT for value in plain])
        kinds = self._kinds.get(given)
        if kinds is None:
            inferred = infer_kinds(self._program, given)
            kinds = [inferred[node] for node in self._program.results]
            if self._program.large and REAL not in given:
                # Integers too large for arrays count as floats there; among Python's integers they are exact.
                kinds = [kind | INT if kind == REAL else kind for kind in kinds]
            kinds = self._kinds.put(given, kinds)
        return kinds


def is_of_scalars(program: Program, node: int) -> bool:
    """Is this a scalar, or an array that is made of scalars, each entry by itself?"""
    if not program.rank[node]:
        return True
    return program.ops[node] is STACK and not any(program.rank[a] for a in program.args[node])


def described(result: Any) -> str:
    """A result, for messages."""
    if isinstance(result, np.ndarray | np.generic):
        return f"a result of shape {result.shape} and dtype {result.dtype}"
    return f"a result of type {type(result).__name__}"


def _is_one_of(result: Any, values: Sequence[Any]) -> bool:
    # `any` would take twice as long.
    for value in values:  # noqa: SIM110
        if value is result:
            return True
    return False


def _shares(result: Any, values: Sequence[Any]) -> bool:
    return result.base is not None and any(np.may_share_memory(result, value) for value in values)


def _arrange(layout: Layout, values: Iterator[Any]) -> Any:
    match layout.kind:
        case "node":
            return next(values)
        case "list":
            return [_arrange(item, values) for item in layout.items]
        case "tuple":
            return tuple([_arrange(item, values) for item in layout.items])
    return {key: _arrange(item, values) for key, item in zip(layout.keys, layout.items, strict=True)}


def _taken_apart(layout: Layout, found: Any) -> Iterator[Any]:
    """The results that `_arrange` has put together, in order."""
    if layout.kind == "node":
        yield found
        return
    items = found.values() if layout.kind == "dict" else found
    for item, part in zip(layout.items, items, strict=True):
        yield from _taken_apart(item, part)


def shortened(result: Any, precision: Any) -> Any:
    """`result` in that precision: a constant, or a selection among constants, is in double until it meets an array.

    >>> shortened(0.5, np.float32), shortened(np.array([1, 2]), np.float32)
    (np.float32(0.5), array([1, 2]))
    """
    dtype = getattr(result, "dtype", None) or np.result_type(result)
    if dtype == FLOAT64:
        return np.asarray(result).astype(precision)[()]
    if dtype == np.complex128:
        return np.asarray(result).astype(np.complex64)[()]
    return result


def spread(result: Any, rank: int, shape: Shape) -> Any:
    """A result in the broadcast shape `shape`, behind `rank` axes of its own; without any axes, a scalar."""
    found = np.shape(result)
    if not found and not shape:
        return python_number(result)
    if found[rank:] == shape:
        return result
    if not found:
        result = python_number(result)
    result = np.asarray(result)
    lead, rest = found[:rank], found[rank:]
    pad = (1,) * (len(shape) - len(rest))
    if any(n not in (1, m) for n, m in zip(pad + rest, shape, strict=False)) or len(rest) > len(shape):
        raise ValueError(f"cannot give a result of shape {rest}: the arguments broadcast to shape {shape}")
    return np.broadcast_to(result.reshape(lead + pad + rest), lead + shape).copy()
