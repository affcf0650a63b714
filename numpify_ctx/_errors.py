"""The two errors of the package: what cannot be compiled, and what cannot be bound."""


class CompileError(ValueError):
    """The expression has no NumPy form, or names something that is not an argument.

    Raised while compiling, never by a call. The message names the node and the way out.

    >>> import sympy as sp
    >>> from numpify_ctx._compile import compile_expression
    >>> x, y = sp.symbols("x y")
    >>> compile_expression(x + y, ((x, "x"),))
    Traceback (most recent call last):
        ...
    numpify_ctx._errors.CompileError: cannot compile y: it is not an argument (the arguments are x); add it to args
    """


class BindingError(TypeError):
    """A parameter cannot be bound, or a call does not fit what is bound.

    >>> raise BindingError("cannot bind 'omga': the parameters are omega, k; did you mean 'omega'?")
    Traceback (most recent call last):
        ...
    numpify_ctx._errors.BindingError: cannot bind 'omga': the parameters are omega, k; did you mean 'omega'?
    """
