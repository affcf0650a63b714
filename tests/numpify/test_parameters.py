"""`Parameter` and `Parameters`: what they hold and refuse, and whom they tell of changes, in which order."""

import copy
import itertools
import pickle
import threading

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, UNFREEZE, BindingError, Parameter, ParameterContext, Parameters


x, y, k = sp.symbols("x y k")


def recorder():
    seen = []
    return seen, lambda *change: seen.append(change)


def test_a_parameter_tells_of_changes_only():
    seen, callback = recorder()
    parameter = Parameter(x, 1.0)
    stop = parameter.observe(callback)
    for value in (1.0, 2.0, 2.0, 2, True, 1, 0.0, -0.0, float("nan"), float("nan"), None):
        parameter.value = value
    assert [repr(new) for _, _, new in seen] == ["2.0", "2", "True", "1", "0.0", "-0.0", "nan", "None"]
    assert [repr(old) for _, old, _ in seen] == ["1.0", "2.0", "2", "True", "1", "0.0", "-0.0", "nan"]
    assert {symbol for symbol, _, _ in seen} == {x}
    stop()
    stop()
    parameter.value = 3.0
    assert len(seen) == 8


def test_arrays_always_count_as_changed():
    seen, callback = recorder()
    knobs = Parameters({x: np.zeros(2)})
    knobs.observe(callback)
    knobs[x] += 1
    assert len(seen) == 1
    assert knobs[x].tolist() == [1, 1]


def test_the_new_value_is_there_when_the_callback_runs():
    knobs = Parameters({x: 1, y: 0})
    knobs.observe(lambda symbol, old, new: symbol is x and knobs.update({y: knobs[x] * 10}))
    knobs[x] = 7
    assert knobs[y] == 70


def test_a_callback_that_raises_reaches_the_setter():
    parameter = Parameter(x, 1)

    def refuse(symbol, old, new):
        raise RuntimeError(f"{symbol} may not be {new}")

    parameter.observe(refuse)
    with pytest.raises(RuntimeError, match="x may not be 2"):
        parameter.value = 2
    assert parameter.value == 2


def test_observing_twice_and_stopping_once():
    seen, callback = recorder()
    parameter = Parameter(x, 1)
    stop, _ = parameter.observe(callback), parameter.observe(callback)
    parameter.value = 2
    stop()
    parameter.value = 3
    assert len(seen) == 3


def test_callbacks_may_stop_themselves():
    parameter, calls = Parameter(x, 1), []

    def once(*change):
        calls.append(change)
        stop()

    stop = parameter.observe(once)
    parameter.value = 2
    parameter.value = 3
    assert len(calls) == 1


def test_parameters_is_a_mapping_of_values():
    knobs = Parameters([(x, 1.0)])
    knobs[y] = 2.0
    assert dict(knobs) == {x: 1.0, y: 2.0}
    assert list(knobs) == [x, y]
    assert len(knobs) == 2
    assert x in knobs
    assert knobs.parameters[x].value == 1.0
    del knobs[x]
    assert x not in knobs
    assert x not in knobs.parameters
    assert knobs.pop(y) == 2.0
    assert not knobs
    with pytest.raises(KeyError):
        knobs[x]
    with pytest.raises(TypeError):
        knobs.parameters[x] = Parameter(x, 1)
    assert isinstance(knobs, ParameterContext)


def test_one_parameter_in_two_contexts():
    shared = Parameter(x, 1.0)
    here, there = Parameters({x: shared}), Parameters({x: shared})
    seen, callback = recorder()
    there.observe(callback)
    here[x] = 2.0
    assert there[x] == 2.0
    assert seen == [(x, 1.0, 2.0)]
    del there[x]
    here[x] = 3.0
    assert len(seen) == 1


def test_replacing_a_parameter_by_another():
    knobs, seen = Parameters({x: 1.0}), []
    knobs.observe(lambda *change: seen.append(change))
    old = knobs.parameters[x]
    knobs[x] = Parameter(x, 5.0)
    old.value = 9.0
    assert knobs[x] == 5.0
    assert seen == []
    knobs[x] = 6.0
    assert seen == [(x, 5.0, 6.0)]


def test_parameters_are_equal_only_to_themselves():
    knobs = Parameters({x: 1.0})
    assert knobs == knobs
    assert knobs != Parameters({x: 1.0})
    assert len({knobs, Parameters({x: 1.0})}) == 2


def test_parameters_copy_without_callbacks_and_apart():
    knobs = Parameters({x: 1.0})
    knobs.observe(lambda *change: pytest.fail("told of a copy's change"))
    for twin in (copy.deepcopy(knobs), pickle.loads(pickle.dumps(knobs))):
        twin[x] = 2.0
        assert (knobs[x], twin[x]) == (1.0, 2.0)
    parameter = pickle.loads(pickle.dumps(Parameter(x, 3.0)))
    assert (parameter.symbol, parameter.value) == (x, 3.0)


def test_repr_of_parameters():
    knobs = Parameters({x: 1.0})
    assert repr(knobs) == "Parameters({x: 1.0})"
    knobs[y] = [knobs]
    assert repr(knobs) == "Parameters({x: 1.0, y: [Parameters({...})]})"


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Parameters({"x": 1}), "cannot hold 'x': it is of type str; parameters are known by their symbols"),
        (lambda: Parameter("x", 1), "cannot make a Parameter of 'x': it is of type str"),
        (lambda: Parameters({x: Parameter(y, 1)}), r"cannot hold Parameter\(y, 1\) as x: it is the parameter of y"),
        (lambda: Parameters({x: DYNAMIC_PARAMETER}), "cannot set parameter x to DYNAMIC_PARAMETER: that is a way to"),
        (lambda: setattr(Parameter(x, 1), "value", UNFREEZE), "cannot set parameter x to UNFREEZE"),
        (lambda: Parameter(x, 1).observe(3), "cannot observe x with 3: it is not callable"),
        (lambda: Parameters().observe(None), r"cannot observe Parameters\({}\) with None: it is not callable"),
    ],
)
def test_what_parameters_refuse(act, message):
    with pytest.raises(BindingError, match=message):
        act()


def test_a_refused_value_changes_nothing():
    knobs = Parameters({x: 1.0})
    with pytest.raises(BindingError):
        knobs[x] = UNFREEZE
    with pytest.raises(BindingError):
        knobs[x] = Parameter(y, 2.0)
    assert dict(knobs) == {x: 1.0}


def test_observing_from_many_threads():
    parameter, counts = Parameter(x, 0), []
    barrier = threading.Barrier(8)

    def observe():
        barrier.wait()
        for _ in range(50):
            parameter.observe(lambda *change: counts.append(1))

    threads = [threading.Thread(target=observe) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parameter.value = 1
    assert len(counts) == 400


# ---------------------------------------------------------------------- the order of what is told


def test_a_change_that_a_callback_makes_is_told_after_the_one_that_led_to_it():
    j = sp.Symbol("j")
    knobs, told = Parameters({k: 1.0, j: 1.0}), []

    def clamp(symbol, old, new):
        if symbol == k and new > 2:
            knobs[k] = 2.0
            knobs[j] = new

    knobs.observe(clamp)
    knobs.observe(lambda *change: told.append(change))
    knobs.parameters[j].observe(lambda *change: told.append(("own", *change)))
    knobs[k] = 9.0
    assert told == [(k, 1.0, 9.0), (k, 9.0, 2.0), ("own", j, 1.0, 9.0), (j, 1.0, 9.0)]


@pytest.mark.parametrize("places", list(itertools.permutations(range(3))))
def test_one_who_observes_several_hears_in_order_whoever_was_there_first(places):
    j = sp.Symbol("j")
    one, other = Parameter(k, 0), Parameter(j, 0)
    knobs, told = Parameters(), []

    def log(*change):
        told.append(change)

    def lead(symbol, old, new):
        if new < 3:
            other.value = new

    steps = [
        lambda: one.observe(lead),
        lambda: (one.observe(log), other.observe(log)),
        lambda: knobs.update({k: one, j: other}),
    ]
    for place in places:
        steps[place]()
    heard = []
    knobs.observe(lambda *change: heard.append(change))
    one.value = 1
    one.value = 2
    assert told == heard == [(k, 0, 1), (j, 0, 1), (k, 1, 2), (j, 1, 2)]


def test_all_are_told_when_one_raises():
    parameter, told = Parameter(k, 0), []

    def refuse(symbol, old, new):
        raise ValueError(f"not {new}")

    stop = parameter.observe(refuse)
    parameter.observe(lambda *change: told.append(change))
    with pytest.raises(ValueError, match="not 1"):
        parameter.value = 1
    parameter.observe(refuse)
    with pytest.raises(ExceptionGroup, match="2 callbacks raised") as caught:
        parameter.value = 2
    assert [str(error) for error in caught.value.exceptions] == ["not 2", "not 2"]
    assert told == [(k, 0, 1), (k, 1, 2)]
    stop()
    assert parameter.value == 2


def test_all_are_told_before_an_interrupt_goes_on():
    parameter, told = Parameter(k, 0), []

    def interrupt(symbol, old, new):
        if new == 1:
            raise KeyboardInterrupt

    parameter.observe(interrupt)
    parameter.observe(lambda *change: told.append(change))
    with pytest.raises(KeyboardInterrupt):
        parameter.value = 1
    parameter.value = 2
    assert told == [(k, 0, 1), (k, 1, 2)]


def test_callbacks_that_set_without_end_are_stopped(monkeypatch):
    monkeypatch.setattr("numpify_ctx._binding.observers._MOST", 100)
    parameter = Parameter(k, 0)
    stop = parameter.observe(lambda symbol, old, new: setattr(parameter, "value", new + 1))
    with pytest.raises(RuntimeError, match="one change led to 100 others"):
        parameter.value = 1
    stop()
    told = []
    parameter.observe(lambda *change: told.append(change[2]))
    parameter.value = -1
    assert told == [-1]


def test_changes_of_many_threads_are_told_in_their_order():
    """Each change is told once, and begins where the one before it ended."""
    parameter, told = Parameter(k, -1), []
    parameter.observe(lambda symbol, old, new: told.append((old, new)))
    barrier = threading.Barrier(4)

    def work(worker):
        barrier.wait()
        for step in range(200):
            parameter.value = 1000 * worker + step

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(told) == 800
    assert [old for old, _ in told] == [-1, *(new for _, new in told[:-1])]
    assert told[-1][1] == parameter.value
