"""Arguments of which a function of SciPy's is the value, as it is: how that is told, and who gives the value then.

The tests are statements, so that they can stand in the wrapper of a call as well as in functions made here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from types import ModuleType
from typing import Any

import numpy as np

from ..types import Value


try:
    # `np.count_nonzero` is a function in Python around this one, which takes a third of the time.
    from numpy._core.multiarray import count_nonzero as count_nonzero
except ImportError:
    from numpy import count_nonzero as count_nonzero

ANY = (-inf, inf)
FROM_0 = (-5e-324, inf)  # -0.0 is 0
POSITIVE = (0.0, inf)

_NUMBERS = frozenset({float, int, np.float64})
_WORDS = {
    "_count": count_nonzero,
    "_float": float,
    "_float64": np.float64,
    "_numbers": _NUMBERS,
    "_type": type,
    "_ValueError": ValueError,
}


@dataclass(frozen=True, slots=True, eq=False)
class Direct:
    """A function of doubles that is right, and never warns, where a few looks say so; they cost little beside it.

    Attributes:
        of: `(scipy.special) -> function` of arrays and numbers.
        within: for each argument two numbers, between which all elements are to lie; none are: they may be any.
        no_nan: no value may be nan.
        no_zero: no value may be 0.
        no_zeros: no argument may be 0.
        rest: `(scipy.special, *arrays)`: what gives the values of all other doubles, without a warning; None: nothing.
    """

    of: Callable[[ModuleType], Callable[..., Any]]
    within: tuple[tuple[float, float], ...] = ()
    no_nan: bool = False
    no_zero: bool = False
    no_zeros: bool = False
    rest: Callable[..., Any] | None = None

    @property
    def always(self) -> bool:
        """Is it right for all doubles?"""
        return not (self.tests(*self._names) or self.no_nan or self.no_zero)

    @property
    def _names(self) -> list[str]:
        return [f"x{i}" for i in range(max(1, len(self.within)))]

    def tests(self, *names: str) -> list[str]:
        """What arrays of these names have to be. nan passes none; of no elements the extremes are a ValueError."""
        found = [f"{{count}}({name}) == {name}.size" for name in names if self.no_zeros]
        for name, (low, high) in zip(names, self.within, strict=bool(self.within)):
            # To look for the place of an extreme takes a third of the time of a reduction.
            found += [f"{low!r} < {name}.item({name}.argmin())"] * (low > -inf)
            found += [f"{name}.item({name}.argmax()) < {high!r}"] * (high < inf)
        return found

    def tests_of_value(self, name: str, count: str) -> list[str]:
        """What an array of values has to be."""
        found = [f"{count}({name}) == {name}.size"] * self.no_zero
        # Where there are nans, the first one is the largest.
        return [*found, *[f"(_largest := {name}.item({name}.argmax())) == _largest"] * self.no_nan]

    def of_arrays(self, special: ModuleType, other: Callable[..., Any]) -> Callable[..., Any]:
        """The function of arrays of doubles, of any rank, which leaves what it is not for to `other`."""
        function = self.of(special)
        if self.always:
            return function
        if self.rest is not None:
            return partial(self.rest, special)  # it looks itself, so that nothing is computed twice
        names = self._names
        tests = [test.format(count="_count") for test in self.tests(*names)]
        after = self.tests_of_value("_found", "_count")
        return _made(names, tests, after, "_found", function, other)

    def of_numbers(self, special: ModuleType, other: Callable[..., Any]) -> Callable[..., Any]:
        """The function of Python numbers, which leaves what it is not for, and what is nan, to `other`."""
        names = self._names
        tests = [f"_type({name}) in _numbers" for name in names]
        tests += [name for name in names if self.no_zeros]
        for name, (low, high) in zip(names, self.within, strict=bool(self.within)):
            tests += [f"{low!r} < {name}"] * (low > -inf) + [f"{name} < {high!r}"] * (high < inf)
        after = ["_found == _found", *["_found"] * self.no_zero]
        function = self.of(special)
        if self.rest is not None:
            rest = partial(self.rest, special)
            other = _made(
                names,
                [f"_type({name}) in _numbers" for name in names],
                after,
                "_float(_found)",
                rest,
                other,
                "_float64({})",
            )
        return _made(names, tests, after, "_float(_found)", function, other, "_float({})")


def part_of(name: str, i: int, within: tuple[float, float] = ANY, no_nan: bool = False) -> Direct:
    """The result number `i` of the ufunc of this name, which gives several."""
    return Direct(lambda s: lambda x: getattr(s, name)(x)[i], (within,), no_nan)


def _made(
    names: Sequence[str],
    tests: Sequence[str],
    after: Sequence[str],
    result: str,
    function: Callable[..., Value],
    other: Callable[..., Value],
    given: str = "{}",
) -> Callable[..., Value]:
    """A function that gives the result of `function` where the tests hold, and of it, else that of `other`."""
    listed = ", ".join(names)
    text = f"""def direct({listed}):
    try:
        if {" and ".join(tests) or "True"}:
            _found = _function({", ".join(map(given.format, names))})
            if {" and ".join(after) or "True"}:
                return {result}
    except (_ValueError, _OverflowError):
        pass
    return _other({listed})
"""
    namespace = {**_WORDS, "_OverflowError": OverflowError, "_function": function, "_other": other}
    exec(text, namespace)  # nothing but the words above, and numbers
    return namespace["direct"]  # type: ignore[return-value]
