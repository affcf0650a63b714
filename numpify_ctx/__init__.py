"""Compile SymPy expressions to NumPy functions whose parameters can be frozen, or read live.

`numpify` makes one fast function of an expression. `freeze` binds some of its parameters: to values, or to
`DYNAMIC_PARAMETER`, which has them read from a parameter context at every call, with nothing compiled again.

>>> import numpy as np
>>> import sympy as sp
>>> from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify

A function of all its parameters, by position or by name, on numbers and on arrays that broadcast:

>>> t, omega, tau = sp.symbols("t omega tau", positive=True)
>>> f = numpify(sp.exp(-t / tau) * sp.cos(omega * t), [t, omega, tau])
>>> f(0.0, omega=3.0, tau=2.0)
1.0

Some of them bound, one to a value and one to a knob that is turned between calls:

>>> knobs = Parameters({omega: 0.0})
>>> wave = f.freeze({tau: 2.0, omega: DYNAMIC_PARAMETER}).set_parameter_context(knobs)
>>> wave
<BoundNumpifiedFunction (t) -> exp(-t/tau)*cos(omega*t); tau=2.0, omega=DYNAMIC_PARAMETER>
>>> wave(np.array([0.0, 2.0])).round(4)
array([1.    , 0.3679])
>>> knobs[omega] = np.pi / 2
>>> wave(np.array([0.0, 2.0])).round(4)
array([ 1.    , -0.3679])

Overview:

- Symbols are told apart by what they are, never by name. Each has a parameter name, in `parameter_names`: its own
  where that is a Python name and unique, `lambda__` for lambda, `x__0` and `x__1` for two symbols called x.
- What cannot be compiled is a `CompileError` from `numpify`; what cannot be bound, or a call that does not fit, is a
  `BindingError`. Both say what would be right.
- `source`, `symbolic`, `inspect.signature(f)` and `help(f)` show what a function is; functions pickle and copy.
"""

from ._binding.ambient import use_parameter_context as use_parameter_context
from ._binding.context import (
    DYNAMIC_PARAMETER as DYNAMIC_PARAMETER,
    UNFREEZE as UNFREEZE,
    Parameter as Parameter,
    ParameterContext as ParameterContext,
    Parameters as Parameters,
)
from ._cache import cache_clear as cache_clear, cache_info as cache_info
from ._errors import BindingError as BindingError, CompileError as CompileError
from ._function import (
    BoundNumpifiedFunction as BoundNumpifiedFunction,
    NumpifiedFunction as NumpifiedFunction,
    numpify as numpify,
)


__version__ = "0.1.0"

__all__ = [
    "DYNAMIC_PARAMETER",
    "UNFREEZE",
    "BindingError",
    "BoundNumpifiedFunction",
    "CompileError",
    "NumpifiedFunction",
    "Parameter",
    "ParameterContext",
    "Parameters",
    "cache_clear",
    "cache_info",
    "numpify",
    "use_parameter_context",
]
