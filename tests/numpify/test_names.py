"""Names: any string may be a symbol's name, and none may become code, clash, or change what a function computes."""

import ast
import inspect
import itertools
import keyword
import unicodedata

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, strategies as st

from numpify_ctx import numpify
from numpify_ctx._symbolic.names import (
    RESERVED,
    call_signature,
    group_name,
    identifier,
)


t, n = sp.symbols("t n")
f = sp.Function("f")

NASTY = [
    "",
    " ",
    "_",
    "__",
    "x",
    "x__0",
    "x__1",
    "x²",
    "x2",
    "ﬁ",
    "fi",
    "ſ",
    "s",
    "lambda",
    "lambda__",
    "lambda_",
    "𝐢𝐟",
    "if",
    "None",
    "match",
    "case",
    "type",
    "np",
    "math",
    "out",
    "self",
    "args",
    "sum",
    "sin",
    "array",
    "range",
    "beta",
    "pi",
    "nan",
    "e",
    "__debug__",
    "__builtins__",
    "__import__",
    "x\u200b",
    "\u200b",
    "\u0301x",
    "e\u0301",
    "é",
    "\ud800",
    "\x00",
    "2x",
    "x-y",
    "x+y",
    r"\omega_{0}",
    "x'",
    "K",  # KELVIN SIGN, K after NFKC
    "K",
    "call",
    "context",
    "missing",
    "wrapper",
    "parameters",
    "KeyError",
    "_call",
    "_missing",
    "_x",
    "_x__",
    "_symbol1",
    "_given0",
    "_group0",
    "_KeyError",
    "x\n    import os",
    '"""',
    "#",
    "x=1",
    "*x",
    "__import__('os').abort()",
    "x): raise SystemExit #",
    "한글",
    "\u3164",
    "ª",
    "ͺ",
    "ﷺ",
]

names = st.one_of(st.sampled_from(NASTY), st.text(max_size=6), st.text(alphabet="x_01²ﬁ\u200b-", max_size=5))


def is_ours(name: str) -> bool:
    """Whether a name is for the words of generated code."""
    return name.startswith("_") and "__" not in name


def compiles_as_parameter(name: str) -> bool:
    """Python's own parser is the oracle: one parameter, of exactly this name, and nothing else in the tree."""
    tree = ast.parse(f"def f({name}): return {name}")
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    return [a.arg for a in function.args.args] == [name] and len(list(ast.walk(tree))) == 7


def test_the_parser_oracle_can_fail():
    assert compiles_as_parameter("x")
    assert not compiles_as_parameter("x, y")
    assert not compiles_as_parameter("ﬁ"), "the parser reads another name than is written"


@given(names)
def test_any_string_gives_a_parameter_name(name):
    made = identifier(name)
    assert compiles_as_parameter(made)
    assert not keyword.iskeyword(made)
    assert made not in RESERVED
    assert not is_ours(made)
    assert unicodedata.is_normalized("NFKC", made)
    assert identifier(made) == made


@given(names)
def test_a_name_that_can_stand_stands(name):
    as_read = unicodedata.normalize("NFKC", name)
    standing = as_read.isidentifier() and as_read not in RESERVED and not is_ours(as_read)
    assert (identifier(name) == as_read) == standing
    assert standing or identifier(name).endswith("__")


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("lambda", "lambda__"),
        ("x-y", "x_y__"),
        ("x_{1}", "x_1__"),
        ("np", "np__"),
        ("out", "out__"),
        ("𝐢𝐟", "if__"),
        ("_x", "_x__"),
        ("_", "___"),
        ("__x", "__x"),
        ("x²", "x2"),
        ("ﬁ", "fi"),
        ("", "__"),
        ("match", "match"),
        ("sum", "sum"),
        ("beta", "beta"),
        ("__debug__", "__debug____"),
    ],
)
def test_names_one_by_one(name, made):
    assert identifier(name) == made


@given(st.lists(names, max_size=8), st.lists(st.booleans(), min_size=8, max_size=8))
@example(["x", "x", "x__0"], [False, True] * 4)
@example(["x", "x", "x__0", "x__1", "x__2"], [False, True] * 4)
@example(["lambda", "lambda__", "lambda_"], [False] * 8)
@example(["ﬁ", "fi", "fi__0"], [False] * 8)
@example(["x-y", "x+y", "x_y__", "x_y____0"], [False] * 8)
def test_names_are_unique_and_shared_ones_are_all_numbered(strings, dummies):
    args = [
        sp.Dummy(name) if dummy else sp.Symbol(name, positive=bool(place % 2))
        for place, (name, dummy) in enumerate(zip(strings, dummies, strict=False))
    ]
    args = list(dict.fromkeys(args))
    signature = call_signature(args)
    made = [name for _, name in signature]
    assert [arg for arg, _ in signature] == args
    assert len(set(made)) == len(made)
    assert all(map(compiles_as_parameter, made))
    assert not RESERVED.intersection(made)

    as_read = [unicodedata.normalize("NFKC", arg.name) for arg in args]
    for own, name in zip(as_read, made, strict=True):
        if as_read.count(own) > 1:
            base, _, number = name.rpartition("__")
            assert base == identifier(own)
            assert number.isdigit()
        elif own.isidentifier() and own not in RESERVED and not is_ours(own):
            assert name == own
    for own in set(as_read):
        same = [made[place] for place, other in enumerate(as_read) if other == own]
        if len(same) > 1:
            numbers = [int(name.rpartition("__")[2]) for name in same]
            assert numbers == sorted(numbers), "numbered in argument order"
    assert call_signature(args) == signature


def test_symbols_that_share_a_name_are_numbered_past_names_that_are_taken():
    x, positive = sp.Symbol("x"), sp.Symbol("x", positive=True)
    assert call_signature([x, positive]) == ((x, "x__0"), (positive, "x__1"))
    assert call_signature([positive, x]) == ((positive, "x__0"), (x, "x__1"))
    taken = sp.Symbol("x__0")
    assert call_signature([x, taken, positive]) == ((x, "x__1"), (taken, "x__0"), (positive, "x__2"))


def test_many_of_a_name_do_not_take_for_ever(monkeypatch):
    tried = 0

    def counted():
        nonlocal tried
        for number in itertools.count():
            tried += 1
            yield number

    monkeypatch.setattr("numpify_ctx._symbolic.names.count", counted)
    made = [name for _, name in call_signature([sp.Dummy("x") for _ in range(1000)])]
    assert made == [f"x__{number}" for number in range(1000)]
    assert tried == 1000


@given(names, st.lists(names, max_size=6))
@example("x", ["x", "x__0", "x__1"])
@example("x²", ["x2"])
def test_the_name_of_a_group_is_free(base, others):
    taken = {identifier(name) for name in others} | {f"{identifier(base)}__0"}
    made = group_name([identifier(base)], taken)
    assert made not in taken
    assert compiles_as_parameter(made)
    assert made not in RESERVED


class Shouting(str):
    """A string whose methods must not matter."""

    def isidentifier(self):
        return True

    def __str__(self):
        return "__import__('os').abort()"

    __format__ = __repr__ = __str__


def test_methods_of_a_subclass_of_str_are_never_run():
    assert identifier(Shouting("x y")) == "x_y__"
    assert type(identifier(Shouting("x"))) is str


@given(st.lists(names, min_size=1, max_size=5, unique=True))
def test_whatever_the_names_the_function_computes_the_sum(strings):
    """Signature and body agree: a weighted sum tells every argument apart, by position and by keyword."""
    symbols = [sp.Symbol(name) for name in strings]
    weights = [3**place for place in range(len(symbols))]
    function = numpify(sum(w * s for w, s in zip(weights, symbols, strict=True)), symbols)
    values = [float(place + 1) for place in range(len(symbols))]
    expected = sum(w * v for w, v in zip(weights, values, strict=True))
    assert function(*values) == expected
    assert function(**dict(zip(function.parameter_names, values, strict=True))) == expected
    arrays = [np.full(2, value) for value in values]
    assert function(*arrays).tolist() == [expected] * 2

    parsed = ast.parse(function.source)
    defined = parsed.body[0]
    assert isinstance(defined, ast.FunctionDef)
    assert tuple(a.arg for a in defined.args.args) == function.parameter_names
    assert list(inspect.signature(function).parameters) == list(function.parameter_names)


@given(st.lists(names, min_size=2, max_size=4, unique=True))
def test_whatever_the_names_binding_reaches_its_own_symbol(strings):
    symbols = [sp.Symbol(name) for name in strings]
    function = numpify(sum(3**place * s for place, s in enumerate(symbols)), symbols)
    first, *rest = symbols
    bound = function.freeze({first: 100.0, function.parameter_names[1]: 10.0})
    assert bound(*[1.0] * (len(rest) - 1)) == 100.0 + 3 * 10.0 + sum(3.0**place for place in range(2, len(symbols)))


def test_symbols_of_one_name_are_told_apart():
    x, positive = sp.Symbol("x"), sp.Symbol("x", positive=True)
    assert numpify(10 * positive + x, [x, positive])(1.0, 2.0) == 21.0
    assert numpify(10 * positive + x, [positive, x])(1.0, 2.0) == 12.0


def test_a_keyword_is_compared_as_python_reads_it():
    function = numpify(2 * sp.Symbol("ﬁ"))
    assert function.parameter_names == ("fi",)
    ligature = {"ﬁ": 2.0}
    assert function(fi=2.0) == function(**ligature) == function.freeze(ligature)() == 4.0
