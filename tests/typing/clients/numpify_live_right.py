"""Live parameters: freeze, partials, dynamic parameters, contexts, observers, custom contexts."""

from __future__ import annotations

import copy
import functools
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any, TypeVar, assert_type, overload

import numpy as np
import sympy as sp

from numpify_ctx import (
    DYNAMIC_PARAMETER,
    UNFREEZE,
    BoundNumpifiedFunction,
    NumpifiedFunction,
    Parameter,
    ParameterContext,
    Parameters,
    cache_clear,
    cache_info,
    numpify,
    use_parameter_context,
)


t, omega, tau = sp.symbols("t omega tau", positive=True)
EXPR = sp.exp(-t / tau) * sp.cos(omega * t)
Any_ = TypeVar("Any_", NumpifiedFunction, BoundNumpifiedFunction)


@dataclass
class Knob:
    value: float


@dataclass
class Lab:
    """A context of one's own."""

    knobs: dict[sp.Symbol, Knob]

    @property
    def parameters(self) -> Mapping[sp.Symbol, Knob]:
        return self.knobs


@dataclass
class Plain:
    """One with an attribute in place of a property."""

    parameters: dict[sp.Symbol, Knob]


def bound(
    f: NumpifiedFunction | BoundNumpifiedFunction, ctx: ParameterContext | Mapping[sp.Symbol, float] | None
) -> BoundNumpifiedFunction:
    return f.bind(ctx)


def same(f: Any_) -> Any_:
    return copy.deepcopy(f)


@overload
def name_of(f: NumpifiedFunction) -> str: ...
@overload
def name_of(f: Callable[..., float]) -> str | None: ...
def name_of(f: Any) -> str | None:
    return getattr(f, "__name__", None)


f = numpify(EXPR, [t, omega, tau])
assert_type(same(f), NumpifiedFunction)
wave = f.freeze({tau: 2.0}).freeze(omega=DYNAMIC_PARAMETER)
assert_type(same(wave), BoundNumpifiedFunction)
assert_type(f.freeze(tau=np.ones(3)), BoundNumpifiedFunction)
assert_type(f.freeze({tau: 2, omega: np.float32(1)}), BoundNumpifiedFunction)
assert_type(wave.freeze({tau: UNFREEZE}), BoundNumpifiedFunction)
assert_type(wave.unfreeze(tau), BoundNumpifiedFunction)
assert_type(wave.unfreeze("tau"), BoundNumpifiedFunction)
assert_type(wave.unfreeze(), BoundNumpifiedFunction)
assert_type(functools.partial(f, tau=2.0)(1.0, 2.0), Any)
lab = Lab({omega: Knob(1.0)})
bound(wave, lab)(1.0)
bound(wave, Plain({omega: Knob(1.0)}))(1.0)
bound(wave, {omega: 2.0})(np.linspace(0, 1))
bound(wave, MappingProxyType({omega: 2.0}))(1.0)
with use_parameter_context(lab):
    bound(wave, None)(1.0)
with use_parameter_context({omega: 1.0}) as inside:
    wave.bind(None)
with use_parameter_context(lab) as the_same:
    assert_type(the_same, Lab)


class LookUp:
    """No mapping, but it can be asked."""

    def __getitem__(self, symbol: sp.Symbol) -> float:
        return 2.0

    def __contains__(self, symbol: object) -> bool:
        return symbol in {omega}


class Rack:
    def __init__(self) -> None:
        self.parameters = LookUp()


class Proxy:
    def __init__(self, of: object) -> None:
        self._of = of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)


class Slider(Parameter):
    """A parameter with bounds."""

    def __init__(self, symbol: sp.Symbol, value: float, low: float, high: float) -> None:
        super().__init__(symbol, value)
        self.low, self.high = low, high


rack = Rack()
wave.bind(rack)(1.0)
wave.set_parameter_context(Proxy(rack))(1.0)
wave.set_parameter_context(weakref.proxy(rack))(1.0)
wave.set_parameter_context(SimpleNamespace(parameters={omega: 2.0}))(1.0)
wave.set_parameter_context(Parameters({omega: Slider(omega, 2.0, 0.0, 3.0)}))(1.0)
wave.set_parameter_context(None)
params = Parameters({omega: 1.0, tau: 2.0})
params2 = Parameters([(omega, 1.0)])
with ExitStack() as stack:
    stack.enter_context(use_parameter_context(params))
    stack.callback(params.observe(print))
assert_type(params.parameters[omega], Parameter)
stop: Callable[[], None] = params.parameters[omega].observe(print)
stop()
params[omega] = 3.0
params[tau] += 1
for symbol, value in params.items():
    print(symbol, value)
assert_type(len(params), int)
del params[tau]
ctx: ParameterContext = params
ctx2: ParameterContext = lab
live = wave.set_parameter_context(params)
y: np.ndarray = live(np.linspace(0.0, 1.0))
worker = threading.Thread(target=live, args=(1.0,))
worker.start()
worker.join()
g: BoundNumpifiedFunction = pickle.loads(pickle.dumps(live))
cache_clear()
assert_type(cache_info().hits, int)
if live == wave or hash(live) == hash(f):
    print(live.parent is f)
knob = Parameter(omega, 1.0)
knob.value = 2.0
knob.value += 1.0


def sweep(f: Callable[[float], Any], at: Iterator[float]) -> list[float]:
    return [float(f(value)) for value in at]


sweep(live, iter([0.0, 1.0]))
sweep(f.freeze(omega=1.0, tau=1.0), iter([0.0]))
fmt = f"{f!r} {live}"
