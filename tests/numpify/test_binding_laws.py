"""Laws of binding: any sequence of freezes, unfreezes and contexts against a model that is a dict and a loop."""

import math
from itertools import pairwise
from types import SimpleNamespace

import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from numpify_ctx import DYNAMIC_PARAMETER, UNFREEZE, BindingError, BoundNumpifiedFunction, Parameters, numpify


# Two share a name, one is a keyword, one is no identifier, one is not even a symbol.
SYMBOLS = (
    sp.Symbol("x"),
    sp.Symbol("x", positive=True),
    sp.Symbol("lambda"),
    sp.Symbol("a-b"),
    sp.Function("g")(sp.Symbol("t")),
)
NAMES = ("x__0", "x__1", "lambda__", "a_b__", "g")
WEIGHTS = (1.0, 7.0, 49.0, 343.0, 2401.0)  # values are 0 to 6, so that the sum tells each of them
FUNCTION = numpify(sum(int(w) * s for w, s in zip(WEIGHTS, SYMBOLS, strict=True)), SYMBOLS)

values = st.integers(0, 6).map(float)
places = st.integers(0, len(SYMBOLS) - 1)
bindings = st.one_of(values, st.just(DYNAMIC_PARAMETER), st.just(UNFREEZE))
requests = st.dictionaries(places, bindings, max_size=len(SYMBOLS))


def test_names_are_what_the_model_says():
    assert FUNCTION.call_signature == tuple(zip(SYMBOLS, NAMES, strict=True))


def asked(request, style):
    """One request to `freeze`, in each of the ways to write it."""
    pairs = [(SYMBOLS[place] if style == "symbols" else NAMES[place], value) for place, value in request.items()]
    match style:
        case "keywords":
            return (), dict(pairs)
        case "pairs":
            return (pairs,), {}
        case _:
            return (dict(pairs),), {}


styles = st.sampled_from(["symbols", "names", "keywords", "pairs"])


class Model:
    """The blueprint's call, step by step: a slot for every parameter, frozen, else dynamic, else from the call."""

    def __init__(self, bound=None, context=None):
        self.bound = dict(bound or {})
        self.context = context

    def freeze(self, request):
        bound = {**self.bound, **request}
        return Model({place: value for place, value in bound.items() if value is not UNFREEZE}, self.context)

    def free(self):
        return [place for place in range(len(SYMBOLS)) if place not in self.bound]

    def call(self, args):
        rest = list(args)
        full = []
        for place, symbol in enumerate(SYMBOLS):
            value = self.bound.get(place, UNFREEZE)
            if value is DYNAMIC_PARAMETER:
                if self.context is None or symbol not in self.context:
                    return None
                full.append(self.context[symbol])
            elif value is UNFREEZE:
                if not rest:
                    return None
                full.append(rest.pop(0))
            else:
                full.append(value)
        return None if rest else sum(w * v for w, v in zip(WEIGHTS, full, strict=True))


class Binding(RuleBasedStateMachine):
    """Every function ever made stays what it was, beside its model."""

    @initialize()
    def start(self):
        self.held = {SYMBOLS[0]: 2.0, SYMBOLS[2]: 3.0}
        self.pairs = [(FUNCTION, Model())]

    def picked(self, data):
        return data.draw(st.sampled_from(self.pairs), label="function")

    def made(self, function, model):
        assert isinstance(function, BoundNumpifiedFunction)
        self.pairs = [*self.pairs[-7:], (function, model)]

    @rule(data=st.data(), request=requests, style=styles)
    def freeze(self, data, request, style):
        function, model = self.picked(data)
        positions, keywords = asked(request, style)
        self.made(function.freeze(*positions, **keywords), model.freeze(request))

    @rule(data=st.data(), chosen=st.sets(places))
    def unfreeze(self, data, chosen):
        function, model = self.picked(data)
        keys = [SYMBOLS[place] if place % 2 else NAMES[place] for place in chosen]
        released = chosen or range(len(SYMBOLS))  # no keys: all
        self.made(function.unfreeze(*keys), model.freeze(dict.fromkeys(released, UNFREEZE)))

    @rule(data=st.data(), shape=st.sampled_from(["mapping", "attribute", "values"]))
    def set_context(self, data, shape):
        function, model = self.picked(data)
        held = self.held
        if shape == "attribute":
            context = SimpleNamespace(parameters=held)
        elif shape == "values":
            context = SimpleNamespace(parameters=Boxed(held))
        else:
            context = held
        self.made(function.set_parameter_context(context), Model(model.bound, held))

    @rule(data=st.data())
    def remove_context(self, data):
        function, model = self.picked(data)
        self.made(function.remove_parameter_context(), Model(model.bound, None))

    @rule(place=places, value=values)
    def turn(self, place, value):
        self.held[SYMBOLS[place]] = value

    @rule(place=places)
    def drop(self, place):
        self.held.pop(SYMBOLS[place], None)

    @rule(data=st.data(), args=st.lists(values, max_size=6))
    def call_with_any_number(self, data, args):
        function, model = self.picked(data)
        self.check_call(function, model, args)

    @rule(data=st.data(), args=st.lists(values, min_size=5, max_size=5), cut=st.integers(0, 5))
    def call_with_keywords(self, data, args, cut):
        function, model = self.picked(data)
        free = model.free()
        args = args[: len(free)]
        expected = model.call(args)
        named = {NAMES[place]: value for place, value in zip(free[cut:], args[cut:], strict=True)}
        if expected is None:
            with pytest.raises(BindingError):
                function(*args[:cut], **named)
        else:
            assert function(*args[:cut], **named) == expected

    def check_call(self, function, model, args):
        expected = model.call(args)
        if expected is None:
            with pytest.raises(BindingError):
                function(*args)
        else:
            assert function(*args) == expected

    @invariant()
    def everything_is_what_it_says(self):
        for function, model in self.pairs:
            free = model.free()
            assert function.free_call_signature == tuple((SYMBOLS[p], NAMES[p]) for p in free)
            assert function.free_parameters == tuple(SYMBOLS[p] for p in free)
            frozen = {SYMBOLS[p]: v for p, v in model.bound.items() if v is not DYNAMIC_PARAMETER}
            assert function.frozen_parameters == frozen
            assert set(function.dynamic_parameters) == {
                SYMBOLS[p] for p, v in model.bound.items() if v is DYNAMIC_PARAMETER
            }
            self.check_call(function, model, [float(k) for k in range(len(free))])


class Boxed(dict):
    """The same live mapping, every value behind `.value`."""

    def __init__(self, held):
        super().__init__()
        self.held = held

    def __contains__(self, key):
        return key in self.held

    def __getitem__(self, key):
        return SimpleNamespace(value=self.held[key])

    def __iter__(self):
        return iter(self.held)


TestBinding = Binding.TestCase
TestBinding.settings = settings(stateful_step_count=30, deadline=None)


@given(requests, requests)
def test_the_later_freeze_wins(first, second):
    by_name = [{NAMES[place]: value for place, value in request.items()} for request in (first, second)]
    one, two = FUNCTION.freeze(by_name[0]).freeze(by_name[1]), FUNCTION.freeze(by_name[0] | by_name[1])
    assert one.free_parameters == two.free_parameters
    assert one.frozen_parameters == two.frozen_parameters
    assert one.dynamic_parameters == two.dynamic_parameters


@given(requests)
def test_unfreezing_all_undoes_any_freeze(request):
    bound = FUNCTION.freeze({SYMBOLS[place]: value for place, value in request.items()}).unfreeze()
    assert bound.free_call_signature == FUNCTION.call_signature
    assert bound(1.0, 2.0, 3.0, 4.0, 5.0) == FUNCTION(1.0, 2.0, 3.0, 4.0, 5.0)


@given(st.permutations(range(5)), st.lists(values, min_size=5, max_size=5))
def test_the_order_of_binding_does_not_matter(order, args):
    bound = FUNCTION
    for place in order:
        bound = bound.freeze({SYMBOLS[place]: args[place]})
    assert bound() == FUNCTION(*args)


@given(st.lists(values, min_size=5, max_size=5), st.sets(places))
def test_frozen_and_dynamic_and_passed_are_the_same_numbers(args, chosen):
    knobs = Parameters({SYMBOLS[place]: args[place] for place in chosen})
    dynamic = FUNCTION.freeze(dict.fromkeys((SYMBOLS[place] for place in chosen), DYNAMIC_PARAMETER)).bind(knobs)
    frozen = FUNCTION.freeze({SYMBOLS[place]: args[place] for place in chosen})
    rest = [args[place] for place in range(5) if place not in chosen]
    assert dynamic(*rest) == frozen(*rest) == FUNCTION(*args)


def test_the_weights_tell_every_parameter_apart():
    """The oracle's own premise: no two different lists of values have one sum."""
    assert all(later == 7 * earlier for earlier, later in pairwise(WEIGHTS))
    assert math.log(WEIGHTS[-1], 7) == pytest.approx(len(WEIGHTS) - 1)
