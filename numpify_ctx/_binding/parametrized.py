"""What both classes of functions tell of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sympy as sp

from .._symbolic.names import Signature
from .bindings import Bindings


class Parametrized:
    """Something with parameters, each with a name, of which some are bound."""

    __slots__ = ("_bindings",)

    _bindings: Bindings

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
    def parameters(self) -> tuple[sp.Basic, ...]:
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
    def name_for_symbol(self) -> Mapping[sp.Basic, str]:
        """Parameter names by symbol.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x = sp.Symbol("x-y")
        >>> numpify(x + 1).name_for_symbol[x]
        'x_y__'
        """
        return self._bindings.roster.names

    @property
    def symbol_for_name(self) -> Mapping[str, sp.Basic]:
        """Symbols by parameter name.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> numpify(sp.Symbol("x-y") + 1).symbol_for_name["x_y__"]
        x-y
        """
        return self._bindings.roster.symbols

    @property
    def free_parameters(self) -> tuple[sp.Basic, ...]:
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
    def frozen_parameters(self) -> Mapping[sp.Basic, Any]:
        """Value by symbol of what is frozen, in call order.

        >>> import sympy as sp
        >>> from numpify_ctx import numpify
        >>> x, k = sp.symbols("x k")
        >>> dict(numpify(x + k).freeze(k=1).frozen_parameters)
        {k: 1}
        """
        return MappingProxyType(self._bindings.frozen_in_order)

    @property
    def dynamic_parameters(self) -> tuple[sp.Basic, ...]:
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
