"""A client of `numpify_ctx`: no error, and the types that it says."""

from collections.abc import Callable
from typing import assert_type

import numpy as np
import sympy as sp

from numpify_ctx import (
    DYNAMIC_PARAMETER,
    UNFREEZE,
    BindingError,
    BoundNumpifiedFunction,
    CompileError,
    NumpifiedFunction,
    Parameter,
    Parameters,
    numpify,
    use_parameter_context,
)


t, omega, tau = sp.symbols("t omega tau", positive=True)

f = numpify(sp.exp(-t / tau) * sp.cos(omega * t), [t, omega, tau])
assert_type(f, NumpifiedFunction)
assert_type(numpify(sp.sin(t)), NumpifiedFunction)
assert_type(numpify(sp.sin(t), [t], cache=False, threads=2), NumpifiedFunction)
assert_type(numpify([t, sp.sin(t)], [t], functions={sp.Function("g"): np.sin}), NumpifiedFunction)

# calls: by position, by name, with what NumPy takes
f(1.0, 2.0, 3.0)
f(np.linspace(0.0, 1.0), omega=2.0, tau=3.0)
f(1, np.array([2, 3]), tau=np.float32(1.0))
total: float = f(1.0, 2.0, 3.0) + 1.0

# as a function among functions
plain: Callable[..., object] = f
calls: list[Callable[[float, float, float], float]] = [f]

# binding
wave = f.freeze({tau: 2.0, omega: DYNAMIC_PARAMETER})
assert_type(wave, BoundNumpifiedFunction)
assert_type(f.freeze(tau=2.0), BoundNumpifiedFunction)
assert_type(wave.freeze({tau: UNFREEZE}), BoundNumpifiedFunction)
assert_type(wave.unfreeze(), BoundNumpifiedFunction)
assert_type(wave.parent, NumpifiedFunction)

knobs = Parameters({omega: 0.0})
assert_type(wave.set_parameter_context(knobs), BoundNumpifiedFunction)
assert_type(wave.bind(knobs), BoundNumpifiedFunction)
wave.bind(knobs)(1.0)
knobs[omega] = np.pi
knobs.update({omega: 1.0})
knob = knobs.parameters[omega]
assert_type(knob, Parameter)
knob.value = 3.0
with use_parameter_context(knobs):
    wave.bind(None)(2.0)

# what a function says of itself
assert_type(f.source, str)
assert_type(f.parameter_names, tuple[str, ...])
assert_type(len(f.free_parameters), int)

try:
    numpify(sp.Function("g")(t))
except CompileError as error:
    problem: ValueError = error
try:
    f.freeze(omgea=1.0)
except BindingError as error:
    misfit: TypeError = error
