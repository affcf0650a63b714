"""Binding: every function returns a new one, and none changes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import sympy as sp

from .._errors import BindingError
from .._tracebacks import short_traceback
from .ambient import Context, ambient_context, checked_context, holds_parameters
from .bindings import Bindings
from .context import UNFREEZE
from .parametrized import Parametrized


Bound = TypeVar("Bound", covariant=True)


class Bindable(Parametrized, Generic[Bound]):
    """Something whose parameters can be bound; what is bound of it is a `Bound`."""

    __slots__ = ()

    @abstractmethod
    def _bound(self, bindings: Bindings) -> Bound:
        """The same function with these bindings."""

    @short_traceback
    def freeze(
        self, bindings: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None = None, /, **named: object
    ) -> Bound:
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
        numpify_ctx.BindingError: unknown parameter 'c'; the parameters are x, a, b
        """
        return self._bound(self._bindings.having(bindings, named))

    @short_traceback
    def unfreeze(self, *keys: sp.Basic | str) -> Bound:
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

    @short_traceback
    def set_parameter_context(self, ctx: Context | None) -> Bound:
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
        return self._bound(replace(self._bindings, context=context))

    @short_traceback
    def remove_parameter_context(self) -> Bound:
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

    @short_traceback
    def bind(self, target: Context | None = None, /) -> Bound:
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
