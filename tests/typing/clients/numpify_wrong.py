"""What a numpified function does not take: an error at each line that is marked, by either type checker."""

import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify, use_parameter_context


x, k = sp.symbols("x k")
f = numpify(x * k, [x, k])

numpify()  # error: an expression is needed
numpify(x, thread=2)  # error: misspelt
numpify(x, threads="two")  # error
f.frieze(k=1.0)  # error: misspelt
f.source = "def f(): ..."  # error: cannot be set
print(f.freeze(k=1.0).parrent)  # error: misspelt
knobs = Parameters({k: 1.0})
knobs.observ(print)  # error: misspelt
number: int = f.source  # error: a string

live = f.freeze(k=DYNAMIC_PARAMETER)
live.bind(3)  # error: no context
live.set_parameter_context([k])  # error
with use_parameter_context(None):  # error
    pass


class NoContext:
    parameters = 3


live.bind(NoContext())  # error
