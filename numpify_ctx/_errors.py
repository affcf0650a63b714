"""The two errors of the package: what cannot be compiled, and what cannot be bound."""


class CompileError(ValueError):
    """The expression has no NumPy form, or names something that is not an argument.

    Raised by `numpify`, never by a call. The message names the node and the way out.

    >>> import sympy as sp
    >>> from numpify_ctx import numpify
    >>> x, y = sp.symbols("x y")
    >>> numpify(x + y, [x])
    Traceback (most recent call last):
        ...
    numpify_ctx.CompileError: cannot compile y: it is not an argument (the arguments are x); add it to args
    """

    __module__ = "numpify_ctx"  # where users find it, and what tracebacks and pickles say


class BindingError(TypeError):
    """A parameter cannot be bound, or a call does not fit what is bound.

    Raised by `freeze`, `unfreeze`, `bind` and `set_parameter_context`, and by calls. The message names the symbol, the
    parameter, and the way out.

    >>> import sympy as sp
    >>> from numpify_ctx import numpify
    >>> omega, k = sp.symbols("omega k")
    >>> numpify(omega * k, [omega, k]).freeze(omga=1.0)
    Traceback (most recent call last):
        ...
    numpify_ctx.BindingError: unknown parameter 'omga'; the parameters are omega, k; did you mean 'omega'?
    """

    __module__ = "numpify_ctx"


class OptionError(CompileError, TypeError):
    """`numpify` was called with an option that it does not have: as with any function, a TypeError too.

    Shown, and pickled, as the CompileError that it is: no user imports the class from here.
    """

    __module__ = "numpify_ctx"
    __qualname__ = "CompileError"

    def __reduce__(self) -> tuple[type[CompileError], tuple[object, ...]]:
        return CompileError, self.args
