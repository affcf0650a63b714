"""Contexts: the sentinels, what a context may be, and the ambient one."""

import asyncio
import contextvars
import copy
import pickle
import re
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import (
    DYNAMIC_PARAMETER,
    UNFREEZE,
    BindingError,
    Parameter,
    Parameters,
    numpify,
    use_parameter_context,
)


x, k = sp.symbols("x k")
live = numpify(x**2, [x]).freeze(x=DYNAMIC_PARAMETER)


@pytest.mark.parametrize("sentinel", [DYNAMIC_PARAMETER, UNFREEZE])
def test_sentinels_are_one_object(sentinel):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(sentinel, protocol)) is sentinel
    assert copy.copy(sentinel) is sentinel
    assert copy.deepcopy([sentinel])[0] is sentinel


def test_sentinels_read_well():
    assert repr(DYNAMIC_PARAMETER) == str(DYNAMIC_PARAMETER) == f"{DYNAMIC_PARAMETER}" == "DYNAMIC_PARAMETER"
    assert repr(UNFREEZE) == "UNFREEZE"
    assert DYNAMIC_PARAMETER != UNFREEZE
    assert "read from the parameter context" in DYNAMIC_PARAMETER.__doc__
    assert "the call supplies it again" in UNFREEZE.__doc__


# ---------------------------------------------------------------------- the ambient context


def test_bind_none_takes_the_innermost():
    outer, inner = Parameters({x: 2.0}), Parameters({x: 3.0})
    with use_parameter_context(outer) as got:
        assert got is outer
        with use_parameter_context(inner):
            assert live.bind(None).parameter_context is inner
        taken = live.bind(None)
        assert taken.parameter_context is outer
    assert taken() == 4.0
    outer[x] = 5.0
    assert taken() == 25.0


def test_ambient_is_gone_after_the_block_also_by_an_error():
    with pytest.raises(ZeroDivisionError), use_parameter_context({x: 1.0}):
        raise ZeroDivisionError
    with pytest.raises(BindingError, match="cannot bind None: there is no ambient parameter context here"):
        live.bind(None)


def test_ambient_alone_does_not_fill_a_call():
    with use_parameter_context({x: 1.0}), pytest.raises(BindingError, match="there is no parameter context"):
        live()


def test_ambient_is_per_thread():
    failures = []

    def elsewhere():
        try:
            live.bind(None)
        except BindingError as error:
            failures.append(str(error))

    with use_parameter_context({x: 1.0}):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert contextvars.copy_context().run(lambda: live.bind(None)()) == 1.0
    assert len(failures) == 1


def test_ambient_is_per_task():
    async def task(value):
        with use_parameter_context({x: value}):
            await asyncio.sleep(0)
            return live.bind(None)()

    async def main():
        return await asyncio.gather(*(task(float(value)) for value in range(5)))

    assert asyncio.run(main()) == [0.0, 1.0, 4.0, 9.0, 16.0]


# ---------------------------------------------------------------------- what a context may be


class Figure:
    """The blueprint's context: `parameters`, and what it gives has a `value`."""

    def __init__(self, **values):
        self.held = {sp.Symbol(name): SimpleNamespace(value=value) for name, value in values.items()}

    @property
    def parameters(self):
        return self.held


class Proxy:
    """Forwards everything, as weakref.proxy and Mock do."""

    def __init__(self, target):
        self._target = target

    def __getattr__(self, name):
        return getattr(self._target, name)


@pytest.mark.parametrize(
    "context",
    [
        Figure(x=3.0),
        Proxy(Figure(x=3.0)),
        SimpleNamespace(parameters={x: SimpleNamespace(value=3.0)}),
        SimpleNamespace(parameters={x: 3.0}),
        SimpleNamespace(parameters=Parameters({x: 3.0})),
        Parameters({x: 3.0}),
        {x: 3.0},
        {x: SimpleNamespace(value=3.0)},
        {x: Parameter(x, 3.0)},
        {x: np.float64(3.0)},
        contextvars.copy_context().run(lambda: {x: 3.0}),
    ],
    ids=lambda context: f"{type(context).__name__}",
)
def test_shapes_of_context(context):
    assert live.set_parameter_context(context)() == 9.0


def test_values_pass_through():
    array = np.arange(4.0)
    for context in ({x: array}, {x: SimpleNamespace(value=array)}, SimpleNamespace(parameters={x: array})):
        assert live.set_parameter_context(context)().tolist() == [0, 1, 4, 9]


@pytest.mark.parametrize("context", [3, "x", [(x, 1)], object(), Figure, dict])
def test_what_is_no_context(context):
    message = "cannot take .* as a parameter context: it is of type (int|str|list|object|type) and has no 'parameters'"
    with pytest.raises(BindingError, match=message):
        live.set_parameter_context(context)
    with pytest.raises(BindingError, match=message), use_parameter_context(context):
        pass


def test_nothing_of_a_context_is_read_before_the_call():
    class Counting:
        reads = 0

        @property
        def parameters(self):
            self.reads += 1
            return {x: 2.0}

    context = Counting()
    bound = live.set_parameter_context(context)
    assert context.reads == 0
    bound()
    bound()
    assert context.reads == 2


@pytest.mark.parametrize("parameters", [None, 5, "k", [1.0]], ids=repr)
def test_what_is_no_mapping_any_more_is_said_to_be_none(parameters):
    k = sp.Symbol("k")
    figure = SimpleNamespace(parameters={k: 2.0})
    f = numpify(k * 2).freeze(k=DYNAMIC_PARAMETER).set_parameter_context(figure)
    assert f() == 4.0
    figure.parameters = parameters
    fact = f"the context's 'parameters' is {parameters!r}, of type {type(parameters).__name__}; it must be a mapping"
    with pytest.raises(BindingError, match=f"^cannot call: k is a DYNAMIC_PARAMETER and {re.escape(fact)}"):
        f()


@pytest.mark.parametrize("key", ["lambda", "lambda__"])
@pytest.mark.parametrize("wrap", [dict, lambda d: SimpleNamespace(parameters=d)], ids=["dict", "attribute"])
def test_a_context_by_names_is_told_to_use_symbols(key, wrap):
    f = numpify(sp.Symbol("lambda") * 2).freeze(lambda__=DYNAMIC_PARAMETER).set_parameter_context(wrap({key: 1.0}))
    with pytest.raises(BindingError, match=f"its '{key}' is a string: use the symbol itself, as names need not be uni"):
        f()


def test_what_a_context_holds_is_found_anew_when_that_changes():
    a, b = sp.symbols("a b")
    knobs = Parameters({a: 1.0})
    f = numpify(a + 10 * b, [a, b]).freeze(a=DYNAMIC_PARAMETER, b=DYNAMIC_PARAMETER).set_parameter_context(knobs)
    with pytest.raises(BindingError, match="b"):
        f()
    knobs[b] = 2.0
    assert f() == f() == 21.0
    other = Parameter(a, 3.0)
    knobs[a] = other  # another object for the same symbol
    assert f() == 23.0
    other.value = 4.0
    assert f() == 24.0
    other.value = lambda: 5.0
    assert f() == 25.0
    del knobs[b]
    with pytest.raises(BindingError, match="b"):
        f()
    knobs[b] = 0.5
    assert f() == 10.0
    del knobs[a]
    knobs[a] = 1.0
    assert f() == 6.0
