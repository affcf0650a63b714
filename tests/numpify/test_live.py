"""Things that have a current value, which is read at every call: sliders, widgets, callables."""

import copy
import pickle
from collections import ChainMap
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp

from numpify_ctx import DYNAMIC_PARAMETER, Parameter, Parameters, numpify


x, k = sp.symbols("x k")
live = numpify(x**2, [x]).freeze(x=DYNAMIC_PARAMETER)


def sliders():
    """Pairs of something that has a current value, and what sets it."""
    plain = SimpleNamespace(value=0.0)
    yield "a namespace", plain, lambda new: setattr(plain, "value", new)
    cell = [0.0]
    yield "a callable", lambda: cell[0], lambda new: cell.__setitem__(0, new)
    array = [np.zeros(2)]
    yield "a callable that gives an array", lambda: array[0], lambda new: array.__setitem__(0, np.full(2, new))


def library_sliders():
    widgets = pytest.importorskip("ipywidgets")
    widget = widgets.FloatSlider()
    yield "ipywidgets", widget, lambda new: setattr(widget, "value", new)
    traitlets = pytest.importorskip("traitlets")
    traited = type("Knob", (traitlets.HasTraits,), {"value": traitlets.Float(0.0)})()
    yield "traitlets", traited, lambda new: setattr(traited, "value", new)
    figure = pytest.importorskip("matplotlib.figure").Figure()
    drawn = pytest.importorskip("matplotlib.widgets").Slider(figure.add_subplot(), "k", 0.0, 10.0, valinit=0.0)
    yield "matplotlib", drawn, drawn.set_val


@pytest.mark.parametrize("make", [sliders, library_sliders])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda entries: entries,
        lambda entries: ChainMap(entries),
        lambda entries: SimpleNamespace(parameters=entries),
        Parameters,
        lambda entries: SimpleNamespace(parameters=Parameters(entries)),
    ],
    ids=["dict", "mapping", "attribute", "Parameters", "parameters"],
)
def test_what_has_a_current_value_is_read_at_every_call(make, wrap):
    for name, knob, turn in make():
        live = numpify(k + 1).freeze(k=DYNAMIC_PARAMETER).set_parameter_context(wrap({k: knob}))
        for value in (2.0, 5.0):
            turn(value)
            np.testing.assert_array_equal(live(), value + 1, err_msg=name)


def test_a_parameter_may_be_given_a_slider_and_a_number_again():
    knobs, slider = Parameters({k: 1.0}), SimpleNamespace(value=2.0)
    live = numpify(k + 1).freeze(k=DYNAMIC_PARAMETER).set_parameter_context(knobs)
    knobs[k] = slider
    assert (live(), knobs[k]) == (3.0, 2.0)
    slider.value = 7.0
    assert (live(), knobs[k]) == (8.0, 7.0)
    knobs[k] = 4.0
    assert (live(), knobs[k]) == (5.0, 4.0)
    assert type(knobs.parameters[k]) is Parameter


def test_what_a_callable_raises_passes_through():
    def broken():
        raise AttributeError("no such slider")

    live = numpify(k + 1).freeze(k=DYNAMIC_PARAMETER).set_parameter_context({k: broken})
    with pytest.raises(AttributeError, match="no such slider"):
        live()


class Clamped(Parameter):
    """A user's: another signature, a value of its own, an attribute besides."""

    def __init__(self, symbol, value, high):
        super().__init__(symbol, value)
        self.high = high

    @property
    def value(self):
        return min(self.high, super().value)

    @value.setter
    def value(self, new):
        Parameter.value.fset(self, new)


class Tagged(Parameter):
    __slots__ = ("tag",)


class Panel(Parameters):
    def __init__(self, values, title):
        self.title = title
        super().__init__(values)

    def __setitem__(self, symbol, value):
        self.title += "!"
        super().__setitem__(symbol, value)


@pytest.mark.parametrize("again", [lambda it: it, copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
@pytest.mark.parametrize("held", [4.0, SimpleNamespace(value=4.0)], ids=["number", "slider"])
def test_what_is_derived_from_a_parameter_reads_sliders_and_stays_what_it_is(held, again):
    clamped, tagged = Clamped(k, held, 3.0), Tagged(k, held)
    tagged.tag = "t"
    clamped, tagged = again(clamped), again(tagged)
    assert (type(clamped), clamped.high, clamped.value) == (Clamped, 3.0, 3.0)
    assert (type(tagged), tagged.tag, tagged.value) == (Tagged, "t", 4.0)
    assert (repr(clamped)[:9], repr(tagged)[:9]) == ("Clamped(k", "Tagged(k,")
    live = numpify(k + 1).freeze(k=DYNAMIC_PARAMETER)
    panel = again(Panel({k: tagged}, "p"))
    assert (type(panel), panel.title, repr(panel)) == (Panel, "p!", "Panel({k: 4.0})")
    assert live.set_parameter_context(panel)() == 5.0
    panel[k] = clamped
    assert live.set_parameter_context(panel)() == 4.0
    told = []
    panel.observe(lambda *change: told.append(change[2]))
    panel[k] = 2.0
    assert (told, live.set_parameter_context(panel)()) == ([2.0], 3.0)
