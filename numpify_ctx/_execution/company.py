"""Arguments that carry more than numbers: a unit, labels, a mask, a promise to compute later.

Law: what an argument carries is kept, or refused by name; it is never dropped in silence.

Arguments are sorted by protocol, not by whether NumPy could make an array of them. Python's numbers, NumPy's scalars,
plain arrays, and what has `__array__` alone, such as lists and the arrays of other libraries, are *bare*. A subclass of
ndarray, and whatever has `__array_ufunc__` or `__array_function__`, *carries*: a Quantity of pint or astropy, a Series,
a DataArray, a masked array, a dask array. Then the program is run node by node with the operators of the arguments
themselves, so that units convert, labels align, masks stay and nothing is computed before it is asked for. Matrices of
NumPy's and sparse ones, whose `*` is another one, and times, which are no numbers, are refused.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NoReturn

import numpy as np

from .._kinds import BOOL, COMPLEX
from .._program.ir import CONST, PARAM, Numpy, Op, Operator, Program
from .._program.ops import SELECT, UNSIGNED
from .._symbolic.text import short
from .arguments import carries, prepare
from .missing import has_missing_dtype, in_series, is_any_missing, refuse_complex, restored


# What most arguments are.
BARE = frozenset({bool, int, float, complex, np.ndarray, np.float64, np.float32, np.int64, list, tuple})


def is_in_company(args: Sequence[Any]) -> bool:
    """Whether an argument carries more than numbers."""
    for a in args:  # noqa: SIM110  `any` would take four times as long, and every call asks
        if type(a) not in BARE and carries(type(a)):
            return True
    return False


def refuse_what_has_other_rules(value: Any, name: str) -> None:
    """Raise for an argument that is no array of numbers, or one whose operators are not those of arrays.

    Raises:
        TypeError: `value` is a matrix of NumPy's, sparse, or of times; the message names the way out.
    """
    if isinstance(value, np.matrix):
        raise TypeError(
            f"cannot take a numpy.matrix for {name!r}: its * multiplies matrices; pass numpy.asarray(value)"
        )
    if hasattr(value, "tocsr"):
        kind = type(value).__name__
        raise TypeError(f"cannot take a sparse {kind} for {name!r}: not every function of 0 is 0; pass value.toarray()")
    for dtype in _dtypes_of(value):
        if dtype.kind in "mM":
            way_out = "value / numpy.timedelta64(1, 's')" if dtype.kind == "m" else "the time since a date, in a unit"
            raise TypeError(f"cannot take {dtype} for {name!r}: times are not numbers; pass {way_out}")
    if getattr(type(value), "__array_ufunc__", value) is None:
        raise TypeError(
            f"cannot take {short(value)} for {name!r}: {type(value).__name__} refuses NumPy's functions "
            "(__array_ufunc__ is None); pass its numbers"
        )


def _dtypes_of(value: Any) -> list[Any]:
    """The dtype of an argument; of a table, those of its columns."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        columns = getattr(value, "dtypes", ())
        return list(columns.values()) if isinstance(columns, Mapping) else list(columns)
    return [dtype] if hasattr(dtype, "kind") else []


class Company:
    """One program, computed with the operators of arguments that carry more than numbers."""

    __slots__ = ("_program",)

    def __init__(self, program: Program) -> None:
        self._program = program

    def refuse_out(self, args: Sequence[Any]) -> NoReturn:
        """Raise: `out=` takes bare numbers, and one of these arguments carries more."""
        for name, value in zip(self._program.parameters, args, strict=True):
            if carries(type(value)):
                kind = type(value).__name__
                raise TypeError(f"cannot write into out= what is computed of {kind} for {name!r}: use what is returned")
        raise AssertionError("no argument carries")

    def compute(self, args: Sequence[Any]) -> list[Any]:
        """The results for these arguments, one of which carries.

        Raises:
            TypeError: an argument or an operation is refused.
        """
        program = self._program
        for name, value in zip(program.parameters, args, strict=True):
            refuse_what_has_other_rules(value, name)
        values = [self._argument(value, rank) for value, rank in zip(args, program.parameter_ranks, strict=True)]
        # Arms are computed where they are not selected, too, and may then warn.
        series = in_series(values)
        with np.errstate(all="ignore") if SELECT in program.ops else nullcontext():
            found = self._nodes(series or values)
        results = [found[node] for node in program.results]
        if series is not None:
            results = [result.array if hasattr(result, "iloc") and result.ndim == 1 else result for result in results]
        spread = [self._spread(node, result, args) for node, result in zip(program.results, results, strict=True)]
        return _owned(spread, args)

    def _nodes(self, values: Sequence[Any]) -> list[Any]:
        """The values of all nodes."""
        program = self._program
        found: list[Any] = []
        for node, op in enumerate(program.ops):
            if op is PARAM:
                found.append(values[program.data[node]])
            elif op is CONST:
                found.append(program.data[node])
            elif op.form == "name" or program.deps[node] >> len(program.parameters):
                found.append(None)  # inside a sum or an integral, which its owner refuses, or computes of bare numbers
            else:
                operands = [found[a] for a in program.args[node]]
                result = self._applied(node, op, operands)
                if program.kinds[node] & COMPLEX and "c" in _kinds_of(result):
                    for operand in filter(is_any_missing, operands):
                        refuse_complex(operand)
                found.append(result)
        return found

    def _argument(self, value: Any, rank: int) -> Any:
        if carries(type(value)):
            return value
        (bare,), *_ = prepare([value], (rank,))
        return bare if bare.ndim else bare.item()  # a Python number adapts to whatever stands beside it

    def _applied(self, node: int, op: Op, operands: list[Any]) -> Any:
        carriers = [a for a in operands if carries(type(a))]
        data = self._program.data[node]
        if op is UNSIGNED:
            return operands[0] if carriers else operands[0] + 0
        if op is SELECT:
            return _selected(operands)
        if self._program.kinds[node] != BOOL:
            # Truth values count as numbers, and that they are once 0 is added to them, in any library.
            operands = [a + 0 if "b" in _kinds_of(a) and carries(type(a)) else a for a in operands]
        if isinstance(op.numpy, Operator):
            return _by_operator(op.numpy, op.form, data, operands)
        function: Any = op.numpy.function if isinstance(op.numpy, Numpy) else op.numpy
        before = data if isinstance(data, tuple) else ()
        if op.name == "real" and not _is_complex(operands[0]):
            return operands[0]  # who has units or labels need not know np.real
        if not carriers or op.ufunc is not None or op.foreign:
            if isinstance(data, tuple | type(None)):
                return function(*before, *operands)
        elif op.elementwise and isinstance(data, tuple | type(None)):
            real = not self._program.kinds[node] & COMPLEX or not any(_is_complex(a) for a in operands)
            return _element_by_element(op, functools.partial(function, *before), operands, real)
        carrier = type(carriers[0]).__name__ if carriers else "such arguments"
        raise TypeError(
            f"cannot compute {_in_sympy(op)} of {carrier}: it takes bare numbers, and what {carrier} carries would be "
            "lost; pass its numbers (.magnitude, .value, .to_numpy(), .values)"
        )

    def _spread(self, node: int, result: Any, args: Sequence[Any]) -> Any:
        """A result in the shape of all the arguments, those that it does not depend on too."""
        program = self._program
        left_out = [
            a
            for i, a in enumerate(args)
            if not program.deps[node] >> i & 1 and not program.parameter_ranks[i] and _shape_of(a) != ()
        ]
        if _is_promise(result) and not program.rank[node]:
            # Not where nothing is to be done, as it is one more task for each chunk.
            is_less = any(_shape_of(a) != _shape_of(result) for a in left_out)
            return _promised(result, left_out) if is_less else result
        if isinstance(result, np.ndarray) and carries(type(result)) and not any(map(_is_promise, left_out)):
            shape = np.broadcast_shapes(result.shape, *map(_shape_of, left_out))
            return result if shape == result.shape else _where(np.ones(shape, bool), result, result)
        if carries(type(result)):
            return result
        promises = [value for value in args if hasattr(type(value), "__dask_graph__")]
        if promises and all(map(_is_promise, promises)):
            return _promised(result, promises + [a for a in left_out if not carries(type(a))])
        shapes = [
            np.shape(value) for value in args if getattr(value, "shape", None) is None or value.shape == np.shape(value)
        ]
        shape = np.broadcast_shapes(np.shape(result), *shapes)
        return np.broadcast_to(result, shape).copy() if shape else result


def _owned(results: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    """The results as the caller's own: neither an argument nor the same twice. What they carry is copied, too."""
    owned: list[Any] = []
    for result in results:
        if carries(type(result)) and any(result is other for other in (*args, *owned)):
            # Not all that can be copied has a method for it; and where it has, a plain copy may be a shallow one.
            result = result.copy() if hasattr(type(result), "copy") else copy.copy(result)
        owned.append(result)
    return owned


_SYMPY = {
    "floor_quotient": "floor", "floor_of_ratio": "floor", "frac_of_ratio": "frac", "remainder": "Mod",
    "floor_radical": "floor", "fraction_radical": "frac",
    "is_multiple": "Contains", "sum_over": "Sum", "product_over": "Product",
}  # fmt: skip


def _in_sympy(op: Op) -> str:
    """The name of what an operation computes, as whoever wrote the formula knows it."""
    return _SYMPY.get(op.name, op.name)


def _is_promise(value: Any) -> bool:
    """Is it an array of dask's, which is yet to be computed?"""
    return hasattr(type(value), "__dask_graph__") and hasattr(type(value), "__array_function__")


def _shape_of(value: Any) -> tuple[Any, ...]:
    return value.shape if hasattr(value, "shape") else np.shape(value)


def _kinds_of(value: Any) -> set[str]:
    """NumPy's letters for the kinds of a value's dtypes, or of those of its columns; "" for one that has no letter."""
    return {getattr(dtype, "kind", "") for dtype in _dtypes_of(value)}


def _arrays(value: Any) -> Any:
    return value if carries(type(value)) else np.asarray(value)


def _promised(result: Any, promises: Sequence[Any]) -> Any:
    """A known result in the shape, and the chunks, of arrays that are yet to be computed.

    Nothing but their own operators knows that shape: a chunk's size may not be known.
    """
    anywhere = functools.reduce(lambda a, b: a | b, [value == value for value in map(_arrays, promises)])
    return np.where(anywhere, result, result)


def _by_operator(operator: Operator, form: str, data: Any, operands: list[Any]) -> Any:
    """Operands combined by Python's operator, as whoever writes the formula by hand would."""
    function = _PYTHONS[operator.symbol]
    if form == "negative":
        return -operands[0]
    if form == "sum":
        subtracted = data or (False,) * len(operands)
        total = -operands[0] if subtracted[0] else operands[0]
        for term, minus in zip(operands[1:], subtracted[1:], strict=True):
            total = total - term if minus else total + term
        return total
    return functools.reduce(function, operands)


_PYTHONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: _divided(a, b),
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
}


def _divided(a: Any, b: Any) -> Any:
    # Python's numbers raise where arrays give inf.
    return np.divide(a, b).item() if isinstance(b, int | float | complex) and not carries(type(a)) else a / b


def _selected(operands: list[Any]) -> Any:
    """Operands: condition, value, condition, value, ..., value. The first true condition chooses."""
    result = operands[-1]
    for condition, value in reversed(list(zip(operands[:-1:2], operands[1:-1:2], strict=True))):
        result = _where(condition, value, result)
    return result


def _where(condition: Any, value: Any, other: Any) -> Any:
    if isinstance(condition, bool | np.bool_):
        return value if condition else other
    three = (condition, value, other)
    if any(isinstance(a, np.ma.MaskedArray) for a in three):
        return np.ma.where(*three)  # type: ignore[no-untyped-call]
    labelled = [a for a in three if carries(type(a)) and not hasattr(type(a), "__array_function__")]
    if not labelled:  # plain arrays, and what answers to np.where itself: dask, pint, astropy
        return _as_subclass(np.where(*three), three)
    # pandas and xarray do not, and have a method instead: keep `value` where the condition holds.
    if not any(hasattr(a, "where") for a in labelled):
        kind = type(labelled[0]).__name__
        raise TypeError(f"cannot compute Piecewise of {kind}: it has no where(); pass its numbers")
    if not hasattr(value, "where"):
        # A number, in the labels of what it is chosen beside.
        value = (condition if hasattr(condition, "where") else other) * 0 + value
    value, other = _of_one_dtype(value, other)
    chosen = value.where(condition, other)
    # Of a condition that is missing, pandas takes `other`; but nothing has been chosen.
    known = condition.notna() if hasattr(condition, "notna") else None
    return chosen if known is None or np.all(known) else chosen.where(known)


def _of_one_dtype(value: Any, other: Any) -> tuple[Any, Any]:
    """Integers as floats beside floats, where pandas has a dtype that takes no other numbers."""
    if has_missing_dtype(value):
        if isinstance(other, float) or "f" in _kinds_of(other):
            return value * 1.0, other
        if "b" in _kinds_of(value) and (type(other) is int or "i" in _kinds_of(other)):
            return value + 0, other
    return value, other


def _as_subclass(result: Any, operands: Sequence[Any]) -> Any:
    """The result as ufuncs would give it: np.where makes bare arrays of subclasses that do not say otherwise."""
    kept = np.ndarray.__array_function__
    arrays = [a for a in operands if isinstance(a, np.ndarray) and type(a) is not np.ndarray]
    subclasses = [a for a in arrays if type(a).__array_function__ is kept]
    highest = max(subclasses, key=lambda a: a.__array_priority__, default=None)
    return result if highest is None else highest.__array_wrap__(np.asarray(result))


def _is_complex(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") == "c" or isinstance(value, complex)


def _element_by_element(op: Op, function: Callable[..., Any], operands: list[Any], real: bool) -> Any:
    """A function that is no ufunc, as one: so the operands themselves say what becomes of what they carry."""
    if any(_unit_of(a) is not None for a in operands):
        return _of_pure_numbers(op, function, operands, real)
    ufunc = np.frompyfunc(function, len(operands), 1)
    carrier = next(type(a).__name__ for a in operands if carries(type(a)))
    try:
        result = ufunc(*operands)
    except (TypeError, NotImplementedError) as error:
        raise TypeError(
            f"cannot compute {_in_sympy(op)} of {carrier}, which does not know it; "
            "pass its numbers (.magnitude, .value)"
        ) from error
    dtype = np.bool_ if op.kinds((BOOL,) * len(operands)) == BOOL else np.float64 if real else np.complex128
    if _is_promise(result) and not result.ndim:  # its one chunk will be a number, which has no astype
        return result.map_blocks(functools.partial(np.asarray, dtype=dtype), dtype=dtype)
    if any(hasattr(a, "isna") for a in operands):
        if (found := restored(result, operands, dtype)) is not None:
            return found
        if any(map(is_any_missing, operands)):
            raise TypeError(
                f"cannot compute {_in_sympy(op)} of {carrier}, which would lose what is missing; pass a Series"
            )
    return result.astype(dtype) if hasattr(result, "astype") else result


def _unit_of(value: Any) -> Any:
    """The unit of a quantity of pint's or astropy's; None for what has none."""
    found = getattr(value, "units", None) if hasattr(value, "magnitude") else getattr(value, "unit", None)
    return found if hasattr(value, "to") else None


def _of_pure_numbers(op: Op, function: Callable[..., Any], operands: list[Any], real: bool) -> Any:
    """A function of quantities that have no dimension, of their pure numbers: of 1.5 km/m, that of 1500.

    Raises:
        TypeError, ValueError: the library's own, that a quantity has a dimension.
    """
    kind, one = next((type(a), unit / unit) for a in operands if (unit := _unit_of(a)) is not None)
    numbers = []
    for a in operands:
        if _unit_of(a) is None:
            numbers.append(a)
            continue
        pure = a.to(one)
        numbers.append(pure.magnitude if hasattr(pure, "magnitude") else pure.value)
    if any(carries(type(a)) for a in numbers):  # such as a mask within pint's unit
        result = _element_by_element(op, function, numbers, real)
    else:
        result = np.asarray(function(*numbers))[()]
    return result if op.kinds((BOOL,) * len(operands)) == BOOL else kind(result, one)
