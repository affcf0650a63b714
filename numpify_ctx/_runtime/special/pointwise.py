"""Functions that NumPy lacks, element by element: SciPy where it is right, mpmath where it is not.

A `Pointwise` has a *reference*, a function of mpmath numbers that follows SymPy's definition and is computed with
twice the digits of a double, and perhaps *fast* forms over arrays, each with the condition under which it is trusted
to about `1e-12` relative (to its own conditioning). What is not trusted is computed by the reference.

Conventions, for every function of this kind:

- Real numbers in, real numbers out: nan where the value is not real, as `np.sqrt(-1.0)`. A function that is complex
  for all real arguments (Hankel functions, spherical harmonics) is complex always. Complex numbers in, complex out.
- Integers are real numbers. float32 in, float32 out; everything is computed in double precision.
- nan in, nan out. Where mpmath finds no value (a pole, no convergence), nan.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np

from ..cuts import above
from ..mp import BITS, LOCK, MP, NO_VALUE, OverBudget, agree, as_complex, as_float, as_mp
from ..numbers import FLOAT64, LeftToNumPy, has_nan
from ..types import Value
from .direct import ANY, Direct


Array = Any  # a float64 or complex128 array or scalar
Condition = Callable[..., Any]

_REAL = (bool, int, float)
_PLAIN = (*_REAL, complex)
_REAL_NUMBERS = frozenset({*_REAL, np.float64, np.int64})
_LOW_ORDERS = frozenset(range(64))  # of which functions are kept, however many others are asked for
_MOST_KNOWN = 4096  # points beyond the budget


@cache
def scipy_special() -> Any:
    """The module `scipy.special`, or None."""
    try:
        from scipy import special
    except ImportError:
        return None
    return special


@dataclass(frozen=True, slots=True, eq=False)
class Fast:
    """A form over arrays, and where it is right.

    Attributes:
        function: `(scipy.special, *arrays) -> array`.
        where: `(*arrays) -> bool array`: where the result stands. None: wherever it is not nan.
        outside: `(*arrays) -> bool array`: where the value is nan, without a look at the reference.
        keep_nan: nan stands where the other conditions hold.
        scipy: `function` needs its first argument; else it does without where that is None.
        optional: `function` uses its first argument, and does without where it is None.
        direct: what gives the values of doubles at once, where a few looks say so.
    """

    function: Callable[..., Any]
    where: Condition | None = None
    outside: Condition | None = None
    keep_nan: bool = False
    scipy: bool = True
    optional: bool = False
    direct: Direct | None = None

    def stands_everywhere(self, args: Sequence[Array]) -> bool:
        """Do the conditions hold for all elements, as far as they are known before there is a value?"""
        if self.where is not None and not np.all(self.where(*args)):
            return False
        return self.outside is None or not np.any(self.outside(*args))


@dataclass(frozen=True, slots=True)
class of_scipy:
    """For a `Fast`: the ufunc of scipy.special called `name`, as it is. It never warns, and of nan it gives nan."""

    name: str

    def __call__(self, special: Any, *args: Any) -> Any:
        return getattr(special, self.name)(*args)


def _no_value(*args: Value) -> None:
    """Of arguments of which nothing has the values at once."""


def replaced(value: Value, where: Value, function: Callable[..., Any], *args: Value) -> Any:
    """`value`, with that of the function for the elements `where`."""
    if not np.any(where):
        return value
    value = np.array(value)
    where = np.broadcast_to(where, value.shape)
    value[where] = function(*[np.broadcast_to(a, value.shape)[where] for a in args])
    return value[()]


# exp(-x) below the normal numbers is exp(SHIFT - x)*exp(-SHIFT), of which only the last product is rounded.
SHIFT = 36.0


def all_below(bound: float, x: Value) -> bool:
    """Are all elements below this? No nan is."""
    return not x.size or bool(x.item(x.argmax()) < bound)


def is_whole(n: Value) -> Any:
    """Which elements are integers, whatever the dtype."""
    return np.equal(np.floor(n), n)


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise:
    """A function of numbers that broadcasts as a ufunc does, and gives scalars for scalars.

    Attributes:
        name: for people.
        reference: `(mp, *numbers) -> number`, by mpmath.
        real: a fast form for real arguments.
        complex: a fast form for complex arguments. It gets real arrays for the arguments that are real.
        orders: which arguments the fast complex form takes only if they are real.
        complex_valued: the result is complex also where all arguments are real.
        given: `(number) -> Pointwise`: the function of the other arguments where the first is that number, perhaps by
            shorter ways; it is the same object for the same number. None: there is no other way.
        reach: bounds of the absolute values of the first arguments, beyond which the reference would take too long:
            the result is nan there, as it is where the reference takes more work than its budget.

    >>> doubled = Pointwise("doubled", lambda mp, x: x + x)
    >>> doubled(1.5), doubled(np.array([1, 2])), doubled(np.float32(0.25)), doubled(1j)
    (3.0, array([2., 4.]), np.float32(0.5), 2j)
    """

    name: str
    reference: Callable[..., Any]
    real: Fast | None = None
    complex: Fast | None = None
    orders: tuple[int, ...] = ()
    complex_valued: bool = False
    reach: tuple[float, ...] = ()
    given: Callable[[float], Pointwise | None] | None = None
    beyond: set[Any] = field(default_factory=set)  # points that are known to take more than the budget
    known: dict[Any, Callable[..., Any]] = field(default_factory=dict)  # what has the values at once

    @property
    def direct(self) -> tuple[Direct, ModuleType] | None:
        """What gives the values of some doubles at once, and the `scipy.special` that it is from; None: nothing."""
        form, special = self.real, scipy_special()
        if form is None or special is None or self.complex_valued:
            return None
        found = form.direct
        is_all = form.keep_nan and form.where is None and form.outside is None
        if found is None and is_all and type(form.function) is of_scipy:
            name = form.function.name
            found = Direct(attrgetter(name), (ANY,) * getattr(getattr(special, name), "nin", 1))
        return None if found is None else (found, special)

    @property
    def of_doubles(self) -> Callable[..., Any] | None:
        """What gives the values of arrays of doubles, to the last nan, without a warning; None if nothing does."""
        found = self.direct
        return None if found is None else found[0].of_arrays(found[1], self)

    @property
    def ufunc_of_doubles(self) -> np.ufunc | None:
        """The ufunc of SciPy that gives the values of all doubles, to the last nan; None if there is none."""
        found = self.of_doubles
        return found if isinstance(found, np.ufunc) else None

    @property
    def of_floats(self) -> Callable[..., Any]:
        """`of_numbers`, which asks no more than it must of those whose value SciPy has at once."""
        found = self.direct
        return self.of_numbers if found is None else found[0].of_numbers(found[1], self.of_numbers)

    def known_of_floats(self, *args: Value) -> Any:
        """The same."""
        found = self.known.get("floats")
        if found is None:
            found = self.known["floats"] = self.of_floats
        return found(*args)

    def _at_once(self, special: ModuleType, given: Sequence[Any]) -> Any:
        """The value of arrays of doubles and numbers, if a few looks say that SciPy has it; else None."""
        found = self.known.get(special)
        if found is None:
            direct = self.direct
            found = self.known[special] = _no_value if direct is None else direct[0].of_arrays(special, _no_value)
        return found(*given)

    def __call__(self, *args: Value) -> Any:
        for a in args:
            if type(a) is np.ndarray:  # most calls
                found = self._of_doubles(args)
                if found is not None:
                    return found
                break
        if all(type(a) in _REAL for a in args):
            return self._scalar([np.float64(a) for a in args])
        plain = all(type(a) in _PLAIN for a in args)
        dtype = result_dtype(args, self.complex_valued)
        arrays = [above(_double(a)) for a in args]  # a zero part says nothing about the side of a cut
        with np.errstate(all="ignore"):
            return delivered(self.compute(arrays), dtype, plain)

    def _of_doubles(self, args: Sequence[Value]) -> Any:
        """The value of arrays of doubles, and real numbers, if the fast form stands everywhere; else None.

        As `compute` has it, at a fraction of the time that a few elements would take there.
        """
        form, special = self.real, scipy_special()
        if form is None or self.complex_valued or (special is None and form.scipy):
            return None
        given = _as_doubles(args)
        if given is None:
            return None
        if special is not None:
            if self.given is not None and type(args[0]) in _REAL_NUMBERS and args[0] in _LOW_ORDERS:
                other = self.given(float(args[0]))
                return None if other is None else other._of_doubles(args[1:])
            value = self._at_once(special, given)
            if value is not None:
                return value
        is_plain = type(form.function) is of_scipy
        if is_plain and form.where is None and form.outside is None:
            value = form.function(special, *given)
        else:
            with np.errstate(all="ignore"):
                value = form.function(special, *given) if form.stands_everywhere(given) else None
        if type(value) is not np.ndarray or value.dtype != FLOAT64 or has_nan(value):
            return None
        # A form may not look at all that it is given: a polynomial of degree 0 is 1 wherever it is asked for.
        return value if is_plain or not any([has_nan(a) for a in given]) else None  # noqa: C419  a list is quicker

    def of_numbers(self, *args: Value) -> Any:
        """The value for Python numbers; left to NumPy where it is nan though no number is, as NumPy's form looks again.

        See `_execution.completion`: what leads to a real result may be complex.
        """
        if self.given is not None and type(args[0]) in _REAL and args[0] in _LOW_ORDERS:
            other = self.given(float(args[0]))
            if other is not None:
                return other.known_of_floats(*args[1:])
        value = self(*args)
        if value != value and not any(a != a for a in args):
            raise LeftToNumPy
        return value

    def _scalar(self, numbers: Sequence[Any]) -> Any:
        """The value for real numbers, as `compute` has it, without arrays."""
        if any([a != a for a in numbers]):  # noqa: C419  a list is quicker here
            return complex(np.nan) if self.complex_valued else np.nan
        form, special = self.real, scipy_special()
        stands = False
        value: Any = np.nan
        if form is not None and (special is not None or not form.scipy):
            with np.errstate(all="ignore"):
                value = form.function(special, *numbers)
                stands = form.where is None or form.where(*numbers)
                if form.outside is not None and form.outside(*numbers):
                    stands, value = True, np.nan
                elif not form.keep_nan and np.isnan(value):
                    stands = False
        if stands:
            return complex(value) if self.complex_valued else float(value)
        return self.at([a.item() for a in numbers], real=not self.complex_valued)

    def compute(self, arrays: Sequence[Array]) -> Any:
        """The values for float64 and complex128 arrays, as an array that may be written to."""
        complex_numbers = any(np.iscomplexobj(a) for a in arrays)
        form = self.complex if complex_numbers else self.real
        missing: Any = True
        special = scipy_special()
        kind = np.complex128 if complex_numbers or self.complex_valued else np.float64
        shape = np.broadcast_shapes(*(np.shape(a) for a in arrays))
        result = np.full(shape, np.nan, kind)
        if form is not None and (special is not None or not form.scipy):
            given = list(arrays)
            stands: Any = True
            if complex_numbers:
                for i in self.orders:
                    stands = stands & (np.imag(given[i]) == 0)
                    given[i] = np.real(given[i])
            value = form.function(special, *given)
            if form.where is not None:
                stands = stands & form.where(*given)
            if not form.keep_nan:
                stands = stands & ~np.isnan(value)
            if form.outside is not None:
                outside = form.outside(*given)
                value = np.where(outside, np.nan, value)
                stands = stands | outside
            np.copyto(result, value)
            missing = ~np.asarray(stands)
        # A form may not look at all that it is given: a polynomial of degree 0 is 1 wherever it is asked for.
        unknown = functools.reduce(np.logical_or, map(np.isnan, arrays))
        np.copyto(result, np.nan, where=unknown)
        missing = missing & ~unknown
        if np.any(missing):
            self._fill(result, np.broadcast_to(missing, shape), arrays)
        return result

    def _fill(self, result: Value, where: Value, arrays: Sequence[Array]) -> None:
        """Put the reference's values into `result`; equal arguments are computed once."""
        columns = [np.broadcast_to(a, result.shape)[where].tolist() for a in arrays]
        known: dict[Any, Any] = {}
        real = result.dtype.kind == "f"
        values = []
        for point in zip(*columns, strict=True):
            value = known.get(point)
            if value is None:
                value = known[point] = self.at(point, real)
            values.append(value)
        result[where] = values

    def at(self, point: Sequence[Any], real: bool) -> Any:
        """The reference's value as a float, nan if it is not real; or as a complex.

        mpmath may lose more digits than it expects: a value stands when another one with twice the digits agrees. A
        zero may be all digits lost, and stands only if it still is one with many more.
        """
        known = tuple(point)
        if known in self.beyond or any(abs(v) > bound for v, bound in zip(point, self.reach, strict=False)):
            return np.nan if real else complex(np.nan, np.nan)
        numbers = [as_mp(value) for value in point]
        with LOCK, MP.budget():
            try:
                before = self._with_bits(BITS, numbers)
                for bits in (2 * BITS, 4 * BITS, 8 * BITS, 16 * BITS):
                    value = self._with_bits(bits, numbers)
                    if agree(before, value) and (value or bits == 8 * BITS):
                        return as_float(value) if real else as_complex(value)
                    before = value
            except OverBudget:  # several forms may ask for the same value
                if len(self.beyond) < _MOST_KNOWN:
                    self.beyond.add(known)
            except NO_VALUE:
                pass
        return np.nan if real else complex(np.nan, np.nan)

    def _with_bits(self, bits: int, numbers: Sequence[Any]) -> Any:
        with MP.workprec(bits):
            return MP.convert(self.reference(MP, *numbers))


def result_dtype(args: Sequence[Any], complex_valued: bool = False) -> Any:
    """The dtype of a floating function of `args`: Python numbers are weak, integers count as float64."""
    dtype = np.result_type(*(a.dtype if hasattr(a, "dtype") else a for a in args))
    if dtype.kind not in "fc":
        dtype = np.dtype(np.float64)
    return np.result_type(dtype, np.complex64) if complex_valued else dtype


def delivered(result: Value, dtype: Any, plain: bool) -> Any:
    """The result as what a call gives: an array of `dtype`, for rank 0 a scalar, for Python numbers a Python number."""
    if result.ndim == 0:
        return result.item() if plain else dtype.type(result[()])
    return result.astype(dtype, copy=False)


def _as_doubles(args: Sequence[Value]) -> list[Any] | None:
    """Arrays of doubles, and real numbers as doubles; None if there is anything else."""
    given: list[Any] = []
    for a in args:
        if type(a) is np.ndarray:
            if a.dtype is not FLOAT64:
                return None
            given.append(a)
        elif type(a) in _REAL_NUMBERS:
            given.append(np.float64(a))
        else:
            return None
    return given


def _double(value: Value) -> Any:
    if type(value) in _PLAIN:
        return np.complex128(value) if type(value) is complex else np.float64(value)
    return value.astype(np.complex128 if value.dtype.kind == "c" else np.float64, copy=False)
