"""Compiled functions of live parameters: `numpify`, `NumpifiedFunction`, `BoundNumpifiedFunction`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from ._binding import display as _display
from ._binding.bindings import Bindings, Roster
from ._binding.call import MISSING, Shape, is_like_a_float, lookup_of, wrapper
from ._binding.context import DYNAMIC_PARAMETER, UNFREEZE, ambient_context, checked_context, holds_parameters
from ._cache import shows_cache
from ._compile import Compiled, compile_expression
from ._errors import BindingError
from ._runtime.numbers import numeric
from ._symbolic.names import Signature, call_signature, free_arguments, ordered_arguments
from ._symbolic.pickling import Packed, pack, unpack


Functions = Mapping[Any, Callable[..., Any]]


@shows_cache
def numpify(
    expr: Any,
    args: Any = None,
    *,
    functions: Functions | None = None,
    cache: bool = True,
    threads: int | Literal["auto"] = 1,
) -> NumpifiedFunction:
    """Compile a SymPy expression to one NumPy function whose parameters can be frozen, or read live.

    Arrays in, an array of their broadcast shape out, also if the expression does not use them all; scalars in, a
    scalar out. A matrix comes out with its own axes first. A list, tuple or dict of expressions comes out as such.

    The dtype is NumPy's promotion of the arguments' dtypes, except that constants widen nothing, small integers and
    booleans count as int64, and integers that would overflow as float64. Real in, real out: nan where the value is
    not real. Units are the caller's; nothing is converted.

    Args:
        expr: a SymPy expression, matrix or array, or a list, tuple or dict of them. Strings are refused.
        args: the parameters in call order, as symbols, matrix or array symbols, indexed bases, applied undefined
            functions or derivatives. Left out: the free symbols, by name and then by SymPy's sort_key.
        functions: what undefined functions mean, `{F: callable}`.
        cache: whether to use, and add to, the cache of compiled code: see `numpify.cache_info()` and
            `numpify.cache_clear()`. Its key is all that the code depends on, functions by identity.
        threads: how many threads share the work on large arrays; or "auto", for as many as there are processors.
    Returns:
        A `NumpifiedFunction`, to be called with positions or with parameter names, and bound with `freeze`.
    Raises:
        CompileError: a free symbol is no parameter, a parameter is listed twice, or a node has no NumPy form.
        ValueError: `threads` is less than 1.

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
    parameters = free_arguments(expr) if args is None else ordered_arguments(args)
    signature = call_signature(parameters)
    compiled = compile_expression(expr, signature, functions=functions, cache=cache, threads=threads)
    return NumpifiedFunction(
        expr,
        signature,
        compiled,
        functions=None if functions is None else dict(functions),
        cache=cache,
        threads=threads,
    )


class _Function:
    """What both classes share: parameters with their names, bindings, and the call.

    Instances never change, but for one slot. `__call__` is a slot rather than a method, so that calling an instance
    runs the function in it with no Python frame between; it is generated at the first call.
    """

    if TYPE_CHECKING:  # a slot called __call__ would be a variable to them, and every call of a function an error
        __slots__ = ("__weakref__", "_bindings", "_root")
    else:
        __slots__ = ("__call__", "__weakref__", "_bindings", "_root")

    _root: NumpifiedFunction
    _bindings: Bindings

    if TYPE_CHECKING:

        def __call__(self, *args: Any, out: Any = None, **named: Any) -> Any: ...

    def _bind(self, root: NumpifiedFunction, bindings: Bindings) -> None:
        put = object.__setattr__
        put(self, "_root", root)
        put(self, "_bindings", bindings)
        put(self, "__call__", self._first_call)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(
            f"cannot set {name!r}: a {type(self).__name__} never changes; freeze(...) and its kin return a new one"
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
        return self._root._symbolic

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
        return self._root._compiled.source

    @property
    def call_signature(self) -> Signature:
        """Every parameter with its name, `((symbol, name), ...)`, in call order, bound or not.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, k = sp.symbols("x lambda")
        >>> numpify(x + k, [x, k]).freeze({k: 1}).call_signature
        ((x, 'x'), (lambda, 'lambda__'))
        """
        return self._bindings.roster.signature

    @property
    def parameters(self) -> tuple[Any, ...]:
        """Every parameter's symbol, in call order, bound or not.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, k = sp.symbols("x k")
        >>> numpify(x + k).parameters
        (k, x)
        """
        return tuple(symbol for symbol, _ in self.call_signature)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Every parameter's name, in call order, bound or not.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> numpify(sp.Symbol("x", real=True) * sp.Symbol("x")).parameter_names
        ('x__0', 'x__1')
        """
        return tuple(name for _, name in self.call_signature)

    @property
    def name_for_symbol(self) -> Mapping[Any, str]:
        """Parameter names by symbol.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x = sp.Symbol("x-y")
        >>> numpify(x + 1).name_for_symbol[x]
        'x_y__'
        """
        return self._bindings.roster.names

    @property
    def symbol_for_name(self) -> Mapping[str, Any]:
        """Symbols by parameter name.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> numpify(sp.Symbol("x-y") + 1).symbol_for_name["x_y__"]
        x-y
        """
        return self._bindings.roster.symbols

    @property
    def free_parameters(self) -> tuple[Any, ...]:
        """The symbols that a call must supply, in order: neither frozen nor dynamic.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, k = sp.symbols("x k")
        >>> numpify(x + k).freeze(k=1).free_parameters
        (x,)
        """
        return tuple(symbol for symbol, _ in self.free_call_signature)

    @property
    def free_call_signature(self) -> Signature:
        """What a call must supply, `((symbol, name), ...)`, in order.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, k = sp.symbols("x k")
        >>> numpify(x + k).freeze(k=1).free_call_signature
        ((x, 'x'),)
        """
        return self._bindings.free

    @property
    def frozen_parameters(self) -> Mapping[Any, Any]:
        """Value by symbol of what is frozen, in call order.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, k = sp.symbols("x k")
        >>> dict(numpify(x + k).freeze(k=1).frozen_parameters)
        {k: 1}
        """
        return MappingProxyType(self._bindings.frozen_in_order)

    @property
    def dynamic_parameters(self) -> tuple[Any, ...]:
        """The symbols read from the parameter context, in call order.

        >>> import sympy as sp
        >>> from numpify_ctx import DYNAMIC_PARAMETER, numpify
        >>> x, k = sp.symbols("x k")
        >>> numpify(x + k).freeze(k=DYNAMIC_PARAMETER).dynamic_parameters
        (k,)
        """
        return self._bindings.dynamic_in_order

    @property
    def parameter_context(self) -> Any:
        """Where dynamic parameters are read from, or None.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x = sp.Symbol("x")
        >>> numpify(x + 1).set_parameter_context({x: 2.0}).parameter_context
        {x: 2.0}
        """
        return self._bindings.context

    # ------------------------------------------------------------------ binding

    def freeze(
        self, bindings: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None = None, /, **named: Any
    ) -> BoundNumpifiedFunction:
        """The same function with some parameters bound; what was bound before stays, unless it is bound anew.

        Values are kept as they are, arrays without a copy; None is a value, and so is a number of SymPy's, computed
        once. `DYNAMIC_PARAMETER` in place of a value has the parameter read from the context at every call,
        `UNFREEZE` has the call supply it again.

        Args:
            bindings: values by symbol or by parameter name, as a mapping or as pairs.
            **named: values by parameter name; instead of `bindings`, not beside them.
        Raises:
            BindingError: a key is no parameter, one parameter is given twice, a value is an expression with symbols
                in it, or both ways are used at once.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, a, b = sp.symbols("x a b")
        >>> f = numpify(a * x + b, [x, a, b])
        >>> f.freeze({a: 2.0, "b": 1.0})(3.0)
        7.0
        >>> f.freeze(a=2.0).freeze([(b, 1.0), (a, 5.0)])(3.0)
        16.0
        >>> f.freeze(c=1.0)
        Traceback (most recent call last):
            ...
        numpify_ctx.BindingError: cannot bind 'c': it names no parameter; the parameters are x, a, b
        """
        return BoundNumpifiedFunction(self._root, self._bindings.having(bindings, named))

    def unfreeze(self, *keys: Any) -> BoundNumpifiedFunction:
        """The same function with these parameters supplied by the call again; with no keys, all of them.

        Args:
            *keys: symbols or parameter names. One that is not bound stays as it is.
        Raises:
            BindingError: a key is no parameter, or one parameter is given twice.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, a = sp.symbols("x a")
        >>> f = numpify(a * x, [x, a]).freeze({x: 1.0, a: 2.0})
        >>> f.unfreeze("x").free_parameters, f.unfreeze().free_parameters
        ((x,), (x, a))
        """
        return self.freeze([(key, UNFREEZE) for key in keys or self.parameters])

    def set_parameter_context(self, ctx: Any) -> BoundNumpifiedFunction:
        """The same function, reading its dynamic parameters from `ctx`; None takes the context away.

        Setting a context makes no parameter dynamic: only `freeze({symbol: DYNAMIC_PARAMETER})` does.

        Args:
            ctx: what has `ctx.parameters[symbol].value`, or a mapping from symbols to numbers or to objects with a
                `value`. Nothing of it is read before a call, and everything anew in each.
        Raises:
            BindingError: `ctx` is no context.

        >>> import sympy as sp
        >>> from numpify_ctx import DYNAMIC_PARAMETER, numpify
        >>> x = sp.Symbol("x")
        >>> knobs = {x: 2.0}
        >>> f = numpify(x**2).freeze(x=DYNAMIC_PARAMETER).set_parameter_context(knobs)
        >>> f()
        4.0
        >>> knobs[x] = 3.0
        >>> f()
        9.0
        """
        context = None if ctx is None else checked_context(ctx)
        return BoundNumpifiedFunction(self._root, replace(self._bindings, context=context))

    def remove_parameter_context(self) -> BoundNumpifiedFunction:
        """The same function without a context. Dynamic parameters stay dynamic: calls fail until one is set again.

        >>> import sympy as sp
        >>> from numpify_ctx import DYNAMIC_PARAMETER, numpify
        >>> x = sp.Symbol("x")
        >>> f = numpify(x**2).freeze(x=DYNAMIC_PARAMETER).set_parameter_context({x: 2.0})
        >>> f.remove_parameter_context()()
        Traceback (most recent call last):
            ...
        numpify_ctx.BindingError: cannot call: x is a DYNAMIC_PARAMETER and there is no parameter context; \
use set_parameter_context(ctx), or unfreeze it
        """
        return self.set_parameter_context(None)

    def bind(self, target: Any = None, /) -> BoundNumpifiedFunction:
        """`freeze(target)` for a mapping, `set_parameter_context(target)` for a context, the ambient one for None.

        The short spelling of both. A mapping without `parameters` freezes what it holds now; to read a plain mapping
        live, use `set_parameter_context`. For None the context of the innermost `use_parameter_context` block is
        taken here and now, and kept.

        Args:
            target: a mapping, a context, or None.
        Raises:
            BindingError: None, outside any `use_parameter_context` block; or as `freeze` and `set_parameter_context`.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, a = sp.symbols("x a")
        >>> f = numpify(a * x, [x, a])
        >>> f.bind({a: 2.0})(3.0)
        6.0
        >>> f.bind(None)
        Traceback (most recent call last):
            ...
        numpify_ctx.BindingError: cannot bind None: there is no ambient parameter context here; \
call inside `with use_parameter_context(ctx):`
        """
        if target is None:
            if (ambient := ambient_context()) is None:
                raise BindingError(
                    "cannot bind None: there is no ambient parameter context here; "
                    "call inside `with use_parameter_context(ctx):`"
                )
            return self.set_parameter_context(ambient)
        if isinstance(target, Mapping) and not holds_parameters(target):
            return self.freeze(target)
        return self.set_parameter_context(target)

    # ------------------------------------------------------------------ the call

    def _first_call(self, /, *args: Any, **keywords: Any) -> Any:
        call = self._wrapped(all(type(arg) is float for arg in args))
        # Two threads may both come here; they put equal functions.
        object.__setattr__(self, "__call__", call)
        return call(*args, **keywords)

    def _first_floats(self, *values: float) -> Any:
        """The first call with floats, after others."""
        object.__setattr__(self, "__call__", self._wrapped(True))
        return self._root._compiled.call(*values)

    def _wrapped(self, floats: bool) -> Callable[..., Any]:
        """The function behind the call; if `floats`, with the form for floats, else with what makes it when asked."""
        bindings = self._bindings
        if bindings.dynamic and bindings.context is None:
            return self._call_without_context
        names = bindings.roster.names
        frozen = {names[symbol]: numeric(value) for symbol, value in bindings.frozen.items()}
        entry = self._root._compiled.call
        takes_floats = entry.gives_numbers and all(map(is_like_a_float, frozen.values()))
        inline = entry.forms.short_floats() if floats and takes_floats else None
        made = entry.forms.floats() if floats and takes_floats and inline is None else None
        shape = Shape(
            tuple(names.values()),
            tuple(map(bindings.role, names)),
            lookup_of(bindings.context),
            takes_floats,
            () if inline is None else inline.body,
            frozenset() if inline is None else inline.reserved,
        )
        return wrapper(
            shape,
            call=entry.apply,
            floats=made if floats else self._first_floats,
            misfit=self._misfit,
            absent=bindings.absent,
            frozen=frozen,
            symbols={names[symbol]: symbol for symbol in bindings.dynamic},
            context=bindings.context,
            body_names={} if inline is None else inline.namespace,
        )

    def _call_without_context(self, /, *args: Any, **keywords: Any) -> NoReturn:
        raise self._bindings.no_context()

    def _misfit(self, args: tuple[Any, ...], keywords: dict[str, Any], out: Any) -> Any:
        """A call that is not just one value for each free parameter in order: sort it out, or say what is wrong."""
        given = tuple(arg for arg in args if arg is not MISSING)
        return self(*self._bindings.arguments(given, keywords), out=out)

    # ------------------------------------------------------------------ how it shows itself

    __signature__ = _display.OfInstance(lambda self: _display.signature(self._bindings))

    def _described(self) -> str:
        return _display.description(type(self).__name__, self.symbolic, self._bindings)

    def __repr__(self) -> str:
        return _display.one_line(type(self).__name__, self.symbolic, self._bindings)

    def _repr_latex_(self) -> str | None:
        return _display.latex(self.symbolic, self._bindings)

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
    <Signature (x, k, *, out=None)>
    """

    __slots__ = ("_compiled", "_options", "_symbolic")

    _compiled: Compiled
    _options: dict[str, Any]
    _symbolic: Any

    __doc__ = _display.OfInstance(_Function._described, __doc__)  # for the instance; and for the class

    def __init__(self, symbolic: Any, call_signature: Signature, compiled: Compiled, **options: Any) -> None:
        put = object.__setattr__
        put(self, "_symbolic", symbolic)
        put(self, "_compiled", compiled)
        put(self, "_options", options)
        self._bind(self, Bindings(Roster.of(call_signature)))

    def __deepcopy__(self, memo: dict[int, Any]) -> NumpifiedFunction:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # The code is compiled again where it is loaded: what it may use there, SciPy and the processor, may differ.
        return _revived, (pack(self._symbolic), pack(self.parameters), self._options)


class BoundNumpifiedFunction(_Function):
    """A compiled function of which some parameters are frozen, or read live from a parameter context.

    Made by `freeze` and its kin. A call supplies what is left, `free_parameters`, in order or by name. A frozen or
    dynamic parameter is never taken from a call; a dynamic one is looked up in the context at every call, so that the
    signature stands whatever the context holds.

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

    __slots__ = ()

    __doc__ = _display.OfInstance(_Function._described, __doc__)  # for the instance; and for the class

    def __init__(self, parent: NumpifiedFunction, bindings: Bindings) -> None:
        self._bind(parent, bindings)

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
        return self._root

    def __deepcopy__(self, memo: dict[int, Any]) -> BoundNumpifiedFunction:
        frozen = {symbol: deepcopy(value, memo) for symbol, value in self._bindings.frozen.items()}
        context = deepcopy(self._bindings.context, memo)
        return BoundNumpifiedFunction(self._root, replace(self._bindings, frozen=frozen, context=context))

    def __reduce__(self) -> tuple[Any, ...]:
        bound = {**self._bindings.frozen, **dict.fromkeys(self._bindings.dynamic, DYNAMIC_PARAMETER)}
        by_name = {self.name_for_symbol[symbol]: value for symbol, value in bound.items()}
        return _rebound, (self._root, by_name, self._bindings.context)


def _revived(symbolic: Packed, parameters: Packed, options: dict[str, Any]) -> NumpifiedFunction:
    return numpify(unpack(symbolic), unpack(parameters), **options)


def _rebound(parent: NumpifiedFunction, by_name: dict[str, Any], context: Any) -> BoundNumpifiedFunction:
    return parent.freeze(by_name).set_parameter_context(context)
