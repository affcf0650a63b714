"""A function that is dropped is gone at once, with all that it held; and nothing outlives an interrupt."""

from __future__ import annotations

import contextlib
import functools
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest
import sympy as sp
from sympy.core.parameters import global_parameters

from numpify_ctx import DYNAMIC_PARAMETER, Parameters, numpify
from numpify_ctx._execution.threads import share


x, v, k = sp.symbols("x v k")
f = numpify(x * k + v, [x, v, k])


class Held(np.ndarray):
    """An array that can be referred to weakly."""


class Number(float):
    """A number that can be referred to weakly."""


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def refused(g):
    with pytest.raises(TypeError):
        g(1.0)


def explained(g):
    with pytest.raises(TypeError, match=r"'one'|no numbers"):
        g("one", 1.0)
    with pytest.raises(ValueError, match="broadcast"):
        g(np.ones(3), np.ones(4))


CALLS = {
    "nothing": lambda g: None,
    "floats": lambda g: g(1.0, 2.0),
    "integers, then floats": lambda g: (g(1, 2), g(1.0, 2.0)),
    "arrays": lambda g: g(np.ones(3), 1.0),
    "large arrays": lambda g: g(np.ones((100_000, 1)), 1.0),
    "keywords": lambda g: g(x=1.0, v=2.0),
    "a wrong call": refused,
    "wrong arguments": explained,
    "being looked at": lambda g: (repr(g), g.__doc__, g.__wrapped__, g.__signature__, g.source),
    "a pickle": lambda g: pickle.dumps(g),
    "being bound": lambda g: g.freeze(x=1.0)(2.0),
}
"""What may have happened to a function before it is dropped."""


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("value", [np.ones(3), np.float64(2.0)])
@pytest.mark.parametrize("happens", CALLS.values(), ids=CALLS)
def test_a_dropped_function_is_gone_at_once(happens, value):
    held = value.view(Held) if value.shape else Number(value)
    bound = f.freeze({k: held})
    happens(bound)
    gone, held = (weakref.ref(bound), weakref.ref(held)), None
    bound = None
    assert [left() for left in gone] == [None, None]


@pytest.mark.usefixtures("_no_collector")
def test_so_is_one_with_nested_parameters():
    bound = numpify(x * k + v, [(x, v), k]).freeze(k=2.0)
    assert bound([1.0, 2.0]) == bound(x=1.0, v=2.0) == bound(np.array([1.0, 2.0])) == 4.0
    gone, bound = weakref.ref(bound), None
    assert gone() is None


@pytest.mark.usefixtures("_no_collector")
def test_so_are_numbers_contexts_and_what_was_not_bound():
    knobs = Parameters({k: 1.0})
    knobs.observe(lambda *change: None)
    bound = f.freeze(k=DYNAMIC_PARAMETER, v=2.0).set_parameter_context(knobs)
    assert bound(3.0) == 5.0
    plain = numpify(x + 1, [x], cache=False)
    assert plain(1.0) == 2.0
    gone = [weakref.ref(bound), weakref.ref(knobs), weakref.ref(plain)]
    bound = knobs = plain = None
    assert [left() for left in gone] == [None] * 3


@pytest.mark.usefixtures("_no_collector")
def test_so_is_what_threads_that_fail_hold():
    held, begun = np.ones(3).view(Held), threading.Barrier(2)

    def failing(value):
        begun.wait()
        if threading.current_thread() is not threading.main_thread():
            raise ValueError(f"failed at {value[0]}")

    with contextlib.suppress(ValueError):
        share(functools.partial(failing, held), 2)
    gone, held = weakref.ref(held), None
    assert gone() is None


@pytest.mark.usefixtures("_no_collector")
def test_a_shared_parameter_keeps_no_context():
    owner = Parameters({k: 1.0})
    cell = owner.parameters[k]
    sharing = Parameters({k: cell})
    gone = weakref.ref(sharing)
    sharing = None
    assert gone() is None
    cell.value = 2.0
    assert owner[k] == 2.0


def test_a_call_outlives_its_function():
    call = f.freeze(k=2.0).__call__
    assert call(1.0, 3.0) == call(1, 3) == call(1.0, v=3.0) == 5.0


class Interrupting(sp.Function):
    """Raises, as Ctrl-C may anywhere, when it is made while `armed`."""

    armed = False

    def __new__(cls, *args, **options):
        if cls.armed:
            raise KeyboardInterrupt
        return super().__new__(cls, *args, **options)


def test_an_interrupted_pickle_leaves_evaluation_on(monkeypatch):
    switched = []
    monkeypatch.setattr(
        type(global_parameters), "__setattr__", lambda self, name, value: switched.append((name, value))
    )
    expr = sp.Add(x, x, Interrupting(v), sp.sin(0, evaluate=False), evaluate=False)
    function = numpify([expr], [x, v], functions={Interrupting: np.sin})
    packed = pickle.dumps(function)
    monkeypatch.setattr(Interrupting, "armed", True)
    with pytest.raises(KeyboardInterrupt):
        pickle.dumps(function)
    with pytest.raises(KeyboardInterrupt):
        pickle.loads(packed)
    assert switched == [], "SymPy's switch is never touched, so that no interrupt can leave it off"
    assert x + x == 2 * x
