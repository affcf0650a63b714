"""Where dynamic parameters get their values: the sentinels, what a context is, a ready-made one, the ambient one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from enum import Enum
from numbers import Number
from operator import attrgetter
from reprlib import recursive_repr
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

import sympy as sp

from .._errors import BindingError
from .._symbolic.text import describe
from .live import is_live, read
from .observers import Callback, Observers, changing, tell


class Binding(Enum):
    """What a parameter may be bound to instead of a value. Each is one object, also after a copy or a pickle."""

    DYNAMIC_PARAMETER = "DYNAMIC_PARAMETER"
    UNFREEZE = "UNFREEZE"

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


DYNAMIC_PARAMETER: Final[Literal[Binding.DYNAMIC_PARAMETER]] = Binding.DYNAMIC_PARAMETER
DYNAMIC_PARAMETER.__doc__ = """Bound to this, a parameter is read from the parameter context at every call.

It is never filled from the call's arguments; without a context that holds it, the call is an error.

>>> import sympy as sp
>>> from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify
>>> t, omega = sp.symbols("t omega")
>>> knobs = Parameters({omega: 2.0})
>>> f = numpify(omega * t, [t, omega]).freeze({omega: DYNAMIC_PARAMETER}).set_parameter_context(knobs)
>>> f(10.0)
20.0
>>> knobs[omega] = 3.0
>>> f(10.0)
30.0
"""

UNFREEZE: Final[Literal[Binding.UNFREEZE]] = Binding.UNFREEZE
UNFREEZE.__doc__ = """Bound to this, a parameter is neither frozen nor dynamic any more: the call supplies it again.

>>> import sympy as sp
>>> from numpify_ctx import UNFREEZE, numpify
>>> t, omega = sp.symbols("t omega")
>>> f = numpify(omega * t, [t, omega]).freeze(omega=2.0)
>>> f.freeze(omega=UNFREEZE)(10.0, 3.0)
30.0
"""


@runtime_checkable
class ParameterContext(Protocol):
    """What can hold live parameters: `context.parameters[symbol].value` is the current value of `symbol`.

    Any object of this shape will do, and nothing is remembered of it between calls: `parameters`, the look-up and
    `value` are evaluated at every call, and what they raise reaches the caller unchanged. An entry without a `value`
    may have a `val`, as matplotlib's sliders do, or be a callable without arguments; else it is the value itself.

    >>> import sympy as sp
    >>> from types import SimpleNamespace
    >>> from numpify_ctx import DYNAMIC_PARAMETER, ParameterContext, numpify
    >>> x = sp.Symbol("x")
    >>> slider = SimpleNamespace(value=3.0)
    >>> figure = SimpleNamespace(parameters={x: slider})
    >>> isinstance(figure, ParameterContext)
    True
    >>> f = numpify(x**2).freeze(x=DYNAMIC_PARAMETER).set_parameter_context(figure)
    >>> f()
    9.0
    >>> slider.value = 4.0
    >>> f()
    16.0
    """

    @property
    def parameters(self) -> Mapping[Any, Any]:
        """The live parameters by symbol: each has a `value`, or is one. Read at every call."""
        ...


class Parameter:
    """A live value that belongs to a symbol and tells of its changes.

    Args:
        symbol: whose value it is; handed to the callbacks.
        value: anything that the compiled function takes: a number, an array. It is kept as it is, with no unit and no
            conversion, and checked by the call that reads it. Of what has a current value, a slider, a widget or a
            callable without arguments, that is read each time.
    Raises:
        BindingError: `symbol` is none of SymPy's, or `value` is `DYNAMIC_PARAMETER` or `UNFREEZE`.

    >>> import sympy as sp
    >>> from numpify_ctx import Parameter
    >>> omega = Parameter(sp.Symbol("omega"), 2.0)
    >>> stop = omega.observe(lambda symbol, old, new: print(f"{symbol}: {old} -> {new}"))
    >>> omega.value = 3.0
    omega: 2.0 -> 3.0
    >>> omega.value = 3.0  # no change
    >>> stop()
    >>> omega.value = 4.0
    >>> omega
    Parameter(omega, 4.0)
    """

    __slots__ = ("__weakref__", "_heard_by", "_symbol", "_value")

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        # What may hold a slider reads it each time, also where a subclass has its own `value` and asks for this one.
        value = property(lambda self: read(_held(self)), lambda self, new: _hold(self, new))
        type.__setattr__(cls, "_value", value)  # which a type checker holds for the instance's own

    def __init__(self, symbol: sp.Basic, value: object) -> None:
        self._symbol = _checked_symbol(symbol, "make a Parameter of")
        self._value = _checked_value(symbol, value)
        self._note_whether_live(value)
        # Its own, and those of the contexts that hold it.
        self._heard_by: tuple[Observers, ...] = (Observers(),)

    @property
    def symbol(self) -> sp.Basic:
        """Whose value this is.

        >>> Parameter(sp.Symbol("k"), 1).symbol
        k
        """
        return self._symbol

    def _set(self, new: object) -> None:
        _checked_value(self._symbol, new)
        with changing:
            old = _held(self)
            self._value = new
            self._note_whether_live(new)
            if _same_number(old, new):
                return
            noted = [observers for observers in self._heard_by if observers.note(self._symbol, old, new)]
        tell(noted)

    def _note_whether_live(self, value: object) -> None:
        """A parameter of a slider or a callable reads it each time; its class says so, to cost the others nothing."""
        if type(self) is (Parameter if is_live(value) else _LiveParameter):
            self.__class__ = _LiveParameter if type(self) is Parameter else Parameter

    if TYPE_CHECKING:

        @property
        def value(self) -> Any: ...
        @value.setter
        def value(self, new: object) -> None: ...

    else:
        # Read in every call of a bound function, so through C: 26 ns, where a method of ours takes 64.
        value = property(
            attrgetter("_value"),
            _set,
            doc="""The current value. Setting it calls the callbacks, unless it is the same number again.

            >>> k = Parameter(sp.Symbol("k"), 1)
            >>> k.value = 2
            >>> k.value
            2
            """,
        )

    def observe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback(symbol, old, new)` after every change. Returns a function that unsubscribes it.

        Each callback is told of every change, in the order in which they happened, also of those that callbacks make;
        callbacks that are told of the same one run in the order they came, in the thread that sets the value, or in
        one that is just calling them. What one raises reaches whoever set the value, once all were told, the value
        being set; of several, as an ExceptionGroup. An array always counts as changed, as it may have been written to
        in place.

        Raises:
            BindingError: `callback` cannot be called.

        >>> seen = []
        >>> k = Parameter(sp.Symbol("k"), 1)
        >>> stop = k.observe(lambda *change: seen.append(change))
        >>> k.value = 2
        >>> stop()
        >>> k.value = 3
        >>> seen
        [(k, 1, 2)]
        """
        return self._heard_by[0].add(callback, of=self._symbol)

    def _let_hear(self, observers: Observers) -> None:
        with changing:
            self._heard_by = (*self._heard_by, observers)

    def _stop_hearing(self, observers: Observers) -> None:
        with changing:
            self._heard_by = tuple(other for other in self._heard_by if other is not observers)

    def __repr__(self) -> str:
        return f"{_class_of(self).__name__}({self._symbol!r}, {_held(self)!r})"

    # Callbacks are the business of this process: a copy starts without any.
    def __reduce__(self) -> tuple[Any, ...]:
        return _parameter, (_class_of(self), self._symbol, _held(self)), _others(self, Parameter.__slots__)


_slot: Any = Parameter.__dict__["_value"]
_held, _hold = _slot.__get__, _slot.__set__  # what is held, a slider itself


class _LiveParameter(Parameter):
    """One that was given something with a current value: a slider, a widget, a callable."""

    __slots__ = ()


def is_ours(cell: Parameter) -> bool:
    """Is `_value` all that its `value` reads? That of a subclass may be another."""
    return _class_of(cell) is Parameter


def _class_of(cell: Parameter) -> type[Parameter]:
    return Parameter if type(cell) is _LiveParameter else type(cell)


def _parameter(kind: type[Parameter], symbol: sp.Basic, value: object) -> Parameter:
    """A copy, before a subclass's own attributes are set; its `__init__` may take something else."""
    new = object.__new__(kind)
    Parameter.__init__(new, symbol, value)
    return new


def _others(held: object, ours: Iterable[str]) -> Any:
    """What the instance of a subclass holds besides, as pickle and copy take it."""
    state: Any = held.__getstate__()
    if type(held).__getstate__ is not object.__getstate__ or not isinstance(state, tuple):
        return state  # it says itself what it holds, or has no slots but ours
    attributes, slots = state
    return attributes, {name: value for name, value in slots.items() if name not in ours}


class Parameters(MutableMapping[Any, Any]):
    """A ready-made parameter context: a dict of symbols and their current values, with callbacks on change.

    `knobs[symbol]` reads and `knobs[symbol] = value` sets; `knobs.parameters[symbol]` is the `Parameter` behind it.
    Given a `Parameter`, it takes that very object, so that several contexts can share it.

    Args:
        values: values by symbol, as a mapping or as pairs.
    Raises:
        BindingError: a key is no symbol of SymPy's, or a `Parameter` belongs to another symbol than its key.
        KeyError: what is read or deleted is not held.

    >>> import sympy as sp
    >>> from numpify_ctx import Parameters
    >>> omega, k = sp.symbols("omega k")
    >>> knobs = Parameters({omega: 2.0, k: 0.5})
    >>> stop = knobs.observe(lambda symbol, old, new: print(f"{symbol}: {old} -> {new}"))
    >>> knobs[omega] = 3.0
    omega: 2.0 -> 3.0
    >>> knobs
    Parameters({omega: 3.0, k: 0.5})
    >>> knobs.parameters[omega].value
    3.0
    """

    __slots__ = ("__weakref__", "_cells", "_observers", "_stamp", "parameters")

    parameters: Mapping[Any, Parameter]
    """The live `Parameter` of every symbol; a read-only view that follows what is added and deleted."""

    def __init__(self, values: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = ()) -> None:
        # A thread replaces an entry while it holds `changing`; to look one up takes no lock.
        self._cells: dict[Any, Parameter] = {}
        # Another one whenever `_cells` changes: who has seen this one knows which `Parameter` each symbol has.
        self._stamp = object()
        self._observers = Observers()
        self.parameters = MappingProxyType(self._cells)
        self.update(values)

    def _found(self, symbols: Iterable[sp.Basic]) -> tuple[object, list[Parameter]] | None:
        """The `Parameter` of each symbol, and the stamp under which they are that; None if one is not held."""
        stamp = self._stamp  # taken before: if they change meanwhile, it is out of date already
        cells = [self._cells.get(symbol) for symbol in symbols]
        return None if None in cells else (stamp, [cell for cell in cells if cell is not None])

    def __getitem__(self, symbol: sp.Basic) -> Any:
        return self._cells[symbol].value

    def __setitem__(self, symbol: sp.Basic, value: object) -> None:
        if isinstance(value, Parameter):
            self._adopt(symbol, value)
        elif (cell := self._cells.get(_checked_symbol(symbol, "hold"))) is not None:
            cell.value = value
        else:
            self._adopt(symbol, Parameter(symbol, value))

    def _adopt(self, symbol: sp.Basic, cell: Parameter) -> None:
        if cell.symbol != symbol:
            raise BindingError(
                f"cannot hold {describe(cell)} as {describe(symbol)}: it is the parameter of {cell.symbol!r}"
            )
        with changing:
            if symbol in self._cells:
                del self[symbol]
            self._cells[symbol] = cell
            self._stamp = object()
            cell._let_hear(self._observers)

    def __delitem__(self, symbol: sp.Basic) -> None:
        cell = self._cells.pop(symbol)
        self._stamp = object()
        cell._stop_hearing(self._observers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def observe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback(symbol, old, new)` after any value changes. Returns a function that unsubscribes it.

        Adding and deleting a symbol is no change of a value. The rest is as in `Parameter.observe`.

        >>> x, y = sp.symbols("x y")
        >>> knobs = Parameters({x: 1, y: 2})
        >>> stop = knobs.observe(lambda symbol, old, new: print(symbol, old, new))
        >>> knobs.update({x: 5, y: 2})
        x 1 5
        >>> stop()
        >>> knobs[y] = 7
        """
        return self._observers.add(callback, of=self)

    @recursive_repr("Parameters({...})")
    def __repr__(self) -> str:
        entries = ", ".join(f"{symbol!r}: {self[symbol]!r}" for symbol in self)
        return f"{type(self).__name__}({{{entries}}})"

    # Two contexts are the same only if they are one object, as what is written to one is not read from the other.
    if TYPE_CHECKING:

        def __eq__(self, other: object) -> bool: ...
        def __hash__(self) -> int: ...

    else:
        __eq__ = object.__eq__
        __hash__ = object.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return _parameters, (type(self), dict(self._cells)), _others(self, Parameters.__slots__)


def _parameters(kind: type[Parameters], cells: dict[Any, Parameter]) -> Parameters:
    """A copy, before a subclass's own attributes are set."""
    new = object.__new__(kind)
    Parameters.__init__(new)
    for symbol, cell in cells.items():
        new._adopt(symbol, cell)
    return new


def _checked_symbol(symbol: object, doing: str) -> sp.Basic:
    if isinstance(symbol, sp.Basic):
        return symbol
    raise BindingError(
        f"cannot {doing} {describe(symbol)}: it is of type {type(symbol).__name__}; parameters are known by their "
        "symbols, as names need not be unique"
    )


def _checked_value(symbol: sp.Basic, value: object) -> Any:
    if isinstance(value, Binding):
        raise BindingError(f"cannot set parameter {symbol!r} to {value!r}: that is a way to bind, not a value")
    return value


def _same_number(old: object, new: object) -> bool:
    """Whether nothing at all changed: not 0.0 for -0.0, nor 1 for 1.0, which compute differently."""
    return isinstance(new, Number | str) and repr(old) == repr(new)
