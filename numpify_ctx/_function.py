"""Compiled functions of live parameters: `numpify`, `NumpifiedFunction`, `BoundNumpifiedFunction`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Never, NoReturn, Self, cast

from numpy.typing import NDArray

from ._binding import display as _display, html as _html
from ._binding.bindable import Bindable
from ._binding.bindings import Bindings
from ._binding.context import DYNAMIC_PARAMETER
from ._binding.making import Making, explaining
from ._binding.roster import Roster
from ._compile import compile_expression
from ._execution.entry import Entry
from ._options import check_name, unknown_option
from ._symbolic.arguments import leaves, listed_arguments
from ._symbolic.flatten import Flat
from ._symbolic.free import free_arguments
from ._symbolic.names import call_signature
from ._symbolic.pickling import Packed, pack, unpack
from ._tracebacks import short_traceback


Functions = Mapping[Any, Callable[..., Any]]


@short_traceback
def numpify(
    expr: object,
    args: object = None,
    *,
    functions: Functions | None = None,
    name: str | None = None,
    cache: bool = True,
    threads: int | Literal["auto"] = 1,
    native: bool | None = None,
    **unknown: Never,
) -> NumpifiedFunction:
    """Compile a SymPy expression to one NumPy function whose parameters can be frozen, or read live.

    Arrays in, an array of their broadcast shape out, also if the expression does not use them all; scalars in, a
    scalar out. A matrix comes out with its own axes first. A list, tuple or dict of expressions comes out as such.

    The dtype is NumPy's promotion of the arguments' dtypes, except that constants widen nothing, small integers and
    booleans count as int64, and integers that would overflow as float64. Real in, real out: nan where the value is
    not real. What carries a unit, labels or a mask keeps it, or is refused by name.

    Args:
        expr: a SymPy expression, matrix or array, or a list, tuple or dict of them. Strings are refused.
        args: the parameters in call order, as symbols, matrix or array symbols, indexed bases, applied undefined
            functions or derivatives. They may nest: `[t, (x, v)]` is called `f(t, y)` with a list, tuple or array of
            the two values for y. Left out: the free symbols, by name and then by SymPy's sort_key, whatever the order
            in which they were written; give them to SciPy's fits and solvers, which go by position.
        functions: what undefined functions mean, `{F: callable}`.
        name: the `__name__` of the function; "f" if left out.
        cache: whether to use, and add to, the cache of compiled code: see `cache_info()` and `cache_clear()`. Its key
            is all that the code depends on, functions by identity.
        threads: how many threads share the work on large arrays; or "auto", for as many as there are processors.
        native: whether arrays are computed by machine code, for which the extra `haliax-refs[fast]` is needed: None to
            compile it when a function has been called for so long that it pays, True at once, False never. Results
            are the same but for rounding. See `explain`.
    Returns:
        A `NumpifiedFunction`, to be called with positions or with parameter names, and bound with `freeze`.
    Raises:
        CompileError: a free symbol is no parameter, a parameter is listed twice, a node has no NumPy form, or
            native=True and there can be no machine code here.
        TypeError, ValueError: `name` is no string, or no identifier; `threads` is less than 1.

    >>> from numpify_ctx import numpify
    >>> import numpy as np
    >>> import sympy as sp
    >>> t, omega, tau = sp.symbols("t omega tau")
    >>> f = numpify(sp.exp(-t / tau) * sp.cos(omega * t), [t, omega, tau])
    >>> f
    <NumpifiedFunction (t, omega, tau) -> exp(-t/tau)*cos(omega*t)>
    >>> f(0.0, 1.0, 2.0)
    1.0
    >>> decay = f.freeze(omega=0.0, tau=2.0)
    >>> decay(np.array([0.0, 2.0])).round(4)
    array([1.    , 0.3679])
    """
    if unknown:
        raise unknown_option(next(iter(unknown)))
    check_name(name)
    flat = Flat() if cache or args is None else None
    nest = free_arguments(expr, flat) if args is None else listed_arguments(expr, args)
    signature = call_signature(leaves(nest))
    compiled = compile_expression(
        expr, signature, functions=functions, cache=cache, threads=threads, native=native, flat=flat
    )
    return NumpifiedFunction._made(
        Origin(
            expr,
            compiled,
            {
                "functions": None if functions is None else dict(functions),
                "cache": cache,
                "threads": threads,
                "native": native,
            },
            name="f" if name is None else name,
            ordered=args is not None or len(signature) < 2,
        ),
        Bindings(Roster(signature, nest)),
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """What a function was made of, which it shares with all that are bound from it.

    Attributes:
        symbolic: the expression, as it was given.
        compiled: its code.
        options: those of `numpify` that compiling it again needs.
        name: the name of the function.
        ordered: its parameters are in an order that was asked for.
    """

    symbolic: Any
    compiled: Entry
    options: dict[str, Any]
    name: str
    ordered: bool


class _Function(Bindable["BoundNumpifiedFunction"]):
    """What both classes share: what they were made of, bindings, and the call.

    Instances never change, but for one slot. `__call__` is a slot rather than a method, so that calling an instance
    runs the function in it with no Python frame between; it is generated at the first call.
    """

    if TYPE_CHECKING:  # to a type checker, what is in `__slots__` is a variable, which does not get `self`
        __slots__ = ("_origin",)

        def __call__(self, *args: Any, out: NDArray[Any] | None = None, **named: Any) -> Any: ...
    else:
        __slots__ = ("__call__", "__name__", "__qualname__", "__weakref__", "_origin")

    _origin: Origin
    __name__: str

    def __new__(cls, *args: object, **named: object) -> Self:
        raise TypeError(f"{cls.__name__} cannot be instantiated directly; use numpify(expr, args) and its freeze(...)")

    @classmethod
    def _made(cls, origin: Origin, bindings: Bindings) -> Self:
        made = object.__new__(cls)
        put = object.__setattr__
        put(made, "_origin", origin)
        put(made, "_bindings", bindings)
        put(made, "__name__", origin.name)
        put(made, "__qualname__", origin.name)
        put(made, "__call__", Making(origin.compiled, bindings, made))
        return made

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"cannot set {name!r}: a {type(self).__name__} never changes; freeze(...), unfreeze(...) and "
            "set_parameter_context(...) return a new one"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name!r}: a {type(self).__name__} never changes")

    # ------------------------------------------------------------------ what it is

    @property
    def symbolic(self) -> Any:
        """The expression that was compiled, as it was given.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x = sp.Symbol("x")
        >>> numpify((x + 1) ** 2).symbolic
        (x + 1)**2
        """
        return self._origin.symbolic

    @property
    def source(self) -> str:
        """The generated Python source of the compiled function: the form for small arrays, over NumPy.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> print(numpify(sp.sqrt(sp.Symbol("lambda")) + 1).source)
        def f(lambda__):
            return np.sqrt(lambda__) + 1
        <BLANKLINE>
        """
        return self._origin.compiled.source

    @property
    def native_source(self) -> str:
        """The machine code that was compiled by now, as LLVM's assembly: numbers, and identifiers of our own.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> numpify(sp.Symbol("x") + 1, native=False).native_source
        ''
        """
        native = self._origin.compiled.native
        return "" if native is None else native.source

    @short_traceback
    def explain(self, *args: Any, **named: Any) -> str:
        """Which form a call with these arguments takes, and why.

        There are four: numbers over Python's `math`; plain NumPy; NumPy in blocks, for large arrays; and native, for
        arrays of a function that has been called so much that machine code pays (see `numpify`).

        >>> import numpy as np
        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, a = sp.symbols("x a")
        >>> f = numpify(sp.sin(a * x), [x, a], native=False).freeze(a=2.0)
        >>> f.explain(1.0)
        "scalars over Python's math; NumPy where it refuses them"
        >>> f.explain(np.ones(3)), f.explain(np.ones(1_000_000))
        ('plain NumPy; not native: native=False', 'NumPy in blocks; not native: native=False')
        """
        explained: str = explaining(self._origin.compiled, self._bindings)(*args, **named)
        return explained

    def _as_parent(self) -> NumpifiedFunction:
        """The function with nothing bound."""
        raise NotImplementedError

    def _bound(self, bindings: Bindings) -> BoundNumpifiedFunction:
        made = BoundNumpifiedFunction._made(self._origin, bindings)
        object.__setattr__(made, "_parent", self._as_parent())
        return made

    __wrapped__: _display.OfInstance = _display.OfInstance(lambda self: self._origin.compiled.plain)

    # ------------------------------------------------------------------ how it is displayed

    __signature__: _display.OfInstance = _display.OfInstance(lambda self: _display.signature(self._bindings))

    def _title(self) -> str:
        """The class, and the name, if one was given."""
        kind = type(self).__name__
        return kind if self._origin.name == "f" else f"{kind} {self._origin.name}"

    def _described(self) -> str:
        return _display.description(self._title(), self.symbolic, self._bindings, ordered=self._origin.ordered)

    def __repr__(self) -> str:
        return _display.one_line(self._title(), self.symbolic, self._bindings, ordered=self._origin.ordered)

    def _repr_latex_(self) -> str:
        return _display.latex(self.symbolic, self._bindings)

    def _repr_html_(self) -> str:
        native = self._origin.compiled.native
        form = "NumPy" if native is None or not native.source else "NumPy, and machine code for arrays"
        return _html.html(self._title(), self.symbolic, self._bindings, form)

    def __copy__(self) -> Any:
        return self


class NumpifiedFunction(_Function):
    """A compiled expression: a function of all its parameters, by position or by name. Made by `numpify`.

    `f(*values, out=None, **named)` takes one value for each parameter, numbers or arrays that broadcast, and an array
    for the result, as NumPy's functions do. `freeze`, `unfreeze`, `set_parameter_context` and `bind` give a
    `BoundNumpifiedFunction` and leave this one as it is. Two functions are equal only if they are one object, as with
    any Python function.

    A call raises BindingError for a parameter that is missing, unknown or given twice; TypeError for what is no number
    nor an array of numbers, or cannot be cast to `out`; and ValueError for shapes that do not broadcast.

    >>> import sympy as sp
    >>> from numpify_ctx import numpify
    >>> x, k = sp.symbols("x k")
    >>> f = numpify(k * x**2, [x, k])
    >>> f(3.0, 2.0), f(3.0, k=2.0), f(k=2.0, x=3.0)
    (18.0, 18.0, 18.0)
    >>> f.parameter_names
    ('x', 'k')
    >>> import inspect
    >>> inspect.signature(f)
    <Signature (x, k)>
    """

    __slots__ = ()

    __doc__ = _display.OfInstance(_Function._described, __doc__)  # for the instance; and for the class

    def _as_parent(self) -> NumpifiedFunction:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> NumpifiedFunction:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # The code is compiled again where it is loaded: what it may use there, SciPy and the processor, may differ.
        origin = self._origin
        # Packed together, so that a symbol is stored once: whether the two hold one object is chance.
        packed = pack((origin.symbolic, self._bindings.roster.nest))
        return _revived, (packed, {**origin.options, "name": origin.name}, origin.ordered)


class BoundNumpifiedFunction(_Function):
    """A compiled function of which some parameters are frozen, or read live from a parameter context.

    Made by `freeze`, `unfreeze`, `set_parameter_context` and `bind`. A call supplies what is left, `free_parameters`,
    in order or by name. A frozen or dynamic parameter is never taken from a call; a dynamic one is looked up in the
    context at every call, so that the signature stands whatever the context holds.

    >>> import sympy as sp
    >>> from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify
    >>> x, a, b = sp.symbols("x a b")
    >>> knobs = Parameters({b: 1.0})
    >>> f = numpify(a * x + b, [x, a, b]).freeze({a: 2.0, b: DYNAMIC_PARAMETER}).set_parameter_context(knobs)
    >>> f
    <BoundNumpifiedFunction (x) -> a*x + b; a=2.0, b=DYNAMIC_PARAMETER>
    >>> f(10.0)
    21.0
    >>> knobs[b] = 5.0
    >>> f(10.0)
    25.0
    """

    __slots__ = ("_parent",)

    _parent: NumpifiedFunction

    __doc__ = _display.OfInstance(_Function._described, __doc__)  # for the instance; and for the class

    def _as_parent(self) -> NumpifiedFunction:
        return self._parent

    @property
    def parent(self) -> NumpifiedFunction:
        """The compiled function with nothing bound.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, a = sp.symbols("x a")
        >>> f = numpify(a * x)
        >>> f.freeze(a=1.0).parent is f
        True
        """
        return self._parent

    def __deepcopy__(self, memo: dict[int, Any]) -> BoundNumpifiedFunction:
        frozen = {symbol: deepcopy(value, memo) for symbol, value in self._bindings.frozen.items()}
        context = deepcopy(self._bindings.context, memo)
        return self._bound(replace(self._bindings, frozen=frozen, context=context))

    def __reduce__(self) -> tuple[Any, ...]:
        bound = {**self._bindings.frozen, **dict.fromkeys(self._bindings.dynamic, DYNAMIC_PARAMETER)}
        # By position, in order: neither the order of freezing nor which strings are one object is part of the function.
        places = [(place, bound[symbol]) for place, symbol in enumerate(self.parameters) if symbol in bound]
        return _rebound, (self._parent, places, self._bindings.context)


def _revived(packed: Packed, options: dict[str, Any], ordered: bool) -> NumpifiedFunction:
    symbolic, args = cast("tuple[Any, Any]", unpack(packed))
    function = numpify(symbolic, args, **options)
    object.__setattr__(function, "_origin", replace(function._origin, ordered=ordered))
    return function


def _rebound(parent: NumpifiedFunction, places: list[tuple[int, Any]], context: Any) -> BoundNumpifiedFunction:
    bound = {parent.parameters[place]: value for place, value in places}
    return parent.freeze(bound).set_parameter_context(context)
