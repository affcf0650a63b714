"""Nothing of an expression reaches the generated source: every known way to make a compiler of expressions run code.

Each case has been seen to run code through `sympy.lambdify`. Here it is refused, or harmless: the source is read back
with `ast` and holds nothing but parameters, names of our own and `np` or `math`.
"""

from __future__ import annotations

import ast
import builtins
import ctypes
import keyword
import linecache
import subprocess
import sys
import warnings

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st
from sympy.codegen.ast import Assignment, CodeBlock, FunctionCall, Print, String
from sympy.physics.units import Quantity
from sympy.tensor.array.expressions import ArraySymbol

from numpify_ctx import CompileError, numpify
from numpify_ctx._compile import compile_expression
from numpify_ctx._emission.arrays import emit_arrays
from numpify_ctx._emission.complexes import emit_complex
from numpify_ctx._emission.namespace import bare_namespace
from numpify_ctx._emission.scalars import emit_floats, emit_scalars
from numpify_ctx._kinds import ANY, COMPLEX, NUMBER
from numpify_ctx._program.bounds import Integers

from .forms import in_blocks


x, y, k = sp.symbols("x y k")

ran: list[str] = []
builtins.numpify_test_ran = ran.append  # what the payloads call

PAYLOADS = [
    "numpify_test_ran('name')",
    "__import__('builtins').numpify_test_ran('import')",
    "x, numpify_test_ran('tuple')",
    "x): return numpify_test_ran('head')\ndef g(y",
    "x=numpify_test_ran('default')",
    "x\n    numpify_test_ran('line')\n    y",
    "x;numpify_test_ran('semicolon')",
    "x#",
    '"""',
    "\\",
    "{numpify_test_ran('format')}",
    " numpify_test_ran('space')",
    "lambda: numpify_test_ran('lambda')",
    "x if numpify_test_ran('if') else x",
    *("__builtins__", "__class__", "np.load", "math", "np", "out"),
]


@pytest.fixture(autouse=True)
def nothing_runs():
    ran.clear()
    yield
    assert ran == []


READ = "parameters value _value _cells _stamp __class__ argmax argmin base dtype item ndim shape size"
WRAPPERS_ATTRIBUTES = set(READ.split())


def check_source(  # noqa: C901  two flat matches
    text: str, names: set[str], namespace: dict[str, object], attributes: set[str] = frozenset()
) -> None:
    """The source defines one function, and uses only its own names, parameters, `np`, `math` and what is injected.

    `attributes` are those that it may read of anything.
    """
    tree = ast.parse(text)
    assert len(tree.body) == 1
    assert isinstance(tree.body[0], ast.FunctionDef)
    assert namespace["__builtins__"] == {}
    own: set[str] = {*names, *namespace} - {"__builtins__"}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef():
                own |= {node.name}
                assert not node.decorator_list
                assert all(ast.unparse(default) in own for default in node.args.defaults)
                assert all(default.value is None for default in node.args.kw_defaults)  # out=None
                assert node.returns is None
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                own |= {a.arg for a in [*arguments, node.args.vararg, node.args.kwarg] if a is not None}
            case ast.Lambda():
                assert not node.args.defaults
                own |= {a.arg for a in node.args.args}
            case ast.Name(ctx=ast.Store()):
                own.add(node.id)
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Load()):
                assert node.id in own, f"{node.id} in\n{text}"
            case ast.Attribute(attr=attribute) if attribute in attributes:
                pass
            case ast.Attribute():
                assert isinstance(node.value, ast.Name)
                assert node.value.id in ("np", "math", "cmath")
                assert not node.attr.startswith("_")
            case ast.Constant(value=value):
                assert type(value) in (bool, int, float, complex) or value in ("all", None), f"{value!r} in\n{text}"
            case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal() | ast.Await() | ast.JoinedStr():
                raise AssertionError(f"{type(node).__name__} in\n{text}")


def check(expr, args, *values, functions=None):
    """Compile, read every emission back, call; the result of the call."""
    function = numpify(expr, args, functions=functions, cache=False)
    names = set(function.parameter_names)
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
    program = compile_expression(expr, function.call_signature, functions=functions, cache=False).program
    assert str(function.source)
    for source in (
        emit_arrays(program, [ANY] * len(names)),
        emit_arrays(program, [ANY] * len(names), checked=False),
        emit_arrays(program, [NUMBER] * len(names)),
        emit_scalars(program),
        emit_floats(program),
        *([found] if (found := emit_complex(program, [COMPLEX] * len(names))) else []),
    ):
        check_source(source.text, names, source.namespace)
    if not any(program.parameter_ranks):
        for source in block_sources(program):
            check_source(source.text, names, source.namespace)
    result = function(*values)
    wrapper = function.__call__  # what runs, short forms within it
    text = "".join(linecache.getlines(wrapper.__code__.co_filename))
    check_source(text, names, wrapper.__globals__, WRAPPERS_ATTRIBUTES)
    repr(function)
    return result


def block_sources(program):
    """What is emitted for blocks of floats and of integers, and of one that is a number."""
    count = len(program.parameters)
    if any(op.foreign for op in program.ops):
        return []  # a payload must not be called but by `check`
    floats, whole = [np.full(40, 0.5)] * count, [np.ones(40, int)] * count
    entry = in_blocks(program)
    with np.errstate(all="ignore"):
        for values in (floats, whole, [*floats[:1], *[2.0] * (count - 1)]):
            entry.blocks.compute([np.asarray(v)[()] for v in values], Integers(0, checked=False), (40,))
    return entry.blocks.sources


def test_blocks_are_among_what_is_read_back():
    program = compile_expression(sp.sin(x) * y + x, ((x, "x"), (y, "y"))).program
    assert len(block_sources(program)) == 3


# -- names that are code ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAYLOADS)
def test_symbols(name):
    for symbol in (sp.Symbol(name), sp.Dummy(name), sp.Symbol(name, real=True)):
        assert check(symbol + 1, [symbol], 2.0) == 3.0
        assert check(sp.sin(symbol) * y, [y, symbol], 1.0, np.zeros(3)).tolist() == [0, 0, 0]
        with pytest.raises(CompileError, match="is not an argument"):
            numpify(symbol + y, [y])


@pytest.mark.parametrize("name", PAYLOADS)
def test_functions(name):
    f = sp.Function(name)
    assert check(f(x) + 1, [f(x)], 2.0) == 3.0
    assert check(f(x) + 1, [x], 2.0, functions={f: np.square}) == 5.0
    assert check(f(x).diff(x) + 1, [f(x).diff(x)], 2.0) == 3.0
    with pytest.raises(CompileError):
        numpify(f(x), [x])
    with pytest.raises(CompileError):
        numpify(f(x).diff(x), [x], functions={f: np.square})
    with pytest.raises(CompileError):
        numpify(f(1), [])


@pytest.mark.parametrize("name", PAYLOADS)
def test_matrices_and_arrays(name):
    matrix, base, array = sp.MatrixSymbol(name, 2, 2), sp.IndexedBase(name), ArraySymbol(name, (2, 2))
    value = np.arange(4.0).reshape(2, 2)
    np.testing.assert_array_equal(check(matrix.T, [matrix], value), value.T)
    assert check(matrix[0, 1], [matrix], value) == 1.0
    assert check(matrix[0, 1] + 1, [matrix[0, 1]], 1.0) == 2.0
    assert check(base[0, 1], [base], value) == 1.0
    assert check(base[k, 1] + 1, [base[k, 1]], 1.0) == 2.0
    assert check(array[0, 1], [array], value) == 1.0
    with pytest.raises(ValueError, match="cannot take a value of shape"):
        check(matrix.T, [matrix], np.zeros((3, 3)))
    for expr in (matrix[0, 1], base[0], array[0, 1]):
        with pytest.raises(CompileError):
            numpify(expr + x, [x])


@pytest.mark.parametrize("name", PAYLOADS)
def test_bound_variables(name):
    bound = sp.Symbol(name)
    assert check(sp.Sum(bound * x, (bound, 1, 3)), [x], 2.0) == 12.0
    assert check(sp.Product(bound * x, (bound, 1, 3)), [x], 1.0) == 6.0
    assert check(sp.Integral(bound * x, (bound, 0, 1)), [x], 2.0) == pytest.approx(1.0)
    matrix = sp.MatrixSymbol("A", 2, 2)
    assert check(matrix.applyfunc(sp.Lambda(bound, bound + x)), [matrix, x], np.zeros((2, 2)), 1.0).tolist() == [
        [1, 1],
        [1, 1],
    ]
    made = sp.FunctionMatrix(2, 2, sp.Lambda((bound, y), bound * x + y))
    assert check(made, [x], 1.0).tolist() == [[0, 1], [1, 2]]
    i = sp.Idx(sp.Symbol(name, integer=True), (0, 2))
    assert check(sp.Sum(i * x, (i, 0, 2)), [x], 1.0) == 3.0
    slow = sp.Sum(sp.cos(bound * x) / bound**2, (bound, 1, sp.oo))
    numpify(slow, [x])


@pytest.mark.parametrize("name", PAYLOADS)
def test_quantities(name):
    quantity = Quantity(name)
    with pytest.raises(CompileError):
        numpify(quantity * x, [x])


@pytest.mark.parametrize("name", PAYLOADS)
def test_strings(name):
    with pytest.raises(CompileError, match="strings are never"):
        numpify(np.array([name]), [x])
    with pytest.raises(CompileError, match="strings are never"):
        numpify(name, [x])
    with pytest.raises(CompileError, match="strings are never"):
        numpify(x, name)
    with pytest.raises(CompileError, match="strings are never"):
        numpify(x, [x, name])
    with pytest.raises(CompileError):
        numpify([x, name], [x])
    with pytest.raises(CompileError):
        numpify(x, [x], functions={name: np.sin})
    with pytest.raises(CompileError):
        numpify(sp.Tuple(x, sp.core.symbol.Str(name)), [x])


# A class cannot be called by a name with a null in it.
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from([sp.Symbol, sp.Dummy, sp.Function]))
def test_any_name_is_harmless(names, kind):
    symbols = [kind(name)(x) if kind is sp.Function else kind(name) for name in names]
    symbols = list(dict.fromkeys(symbols))
    total = sp.Add(*((i + 1) * s for i, s in enumerate(symbols)))
    assert check(total, symbols, *[1.0] * len(symbols)) == sum(range(1, len(symbols) + 1))


@given(st.text(max_size=20))
def test_any_name_of_a_matrix_a_base_or_a_bound_variable_is_harmless(name):
    matrix, bound = sp.MatrixSymbol(name, 1, 1), sp.Symbol(name)
    base = sp.IndexedBase(sp.Symbol(name))
    assert check(sp.Trace(matrix), [matrix], np.ones((1, 1))) == 1.0
    assert check(sp.Sum(base[bound], (bound, 0, 1)), [base], np.ones(2)) == 2.0


# -- one name, two things --------------------------------------------------------------------------------------------


def test_two_symbols_of_one_name_of_which_the_second_is_unchecked():
    good, evil = sp.Symbol("x"), sp.Symbol("x", positive=True)
    with pytest.raises(CompileError, match="is not an argument"):
        numpify(good + evil, [good])
    assert check(good - evil, [good, evil], 3.0, 1.0) == 2.0
    f, g = sp.Function("f"), sp.Function("f", real=True)
    with pytest.raises(CompileError):
        numpify(f(x) + g(x), [x], functions={f: np.sin})


# -- nodes that are code ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "node",
    [
        FunctionCall("numpify_test_ran", [String("call")]),
        FunctionCall("exec", [String("numpify_test_ran('exec')")]),
        Print([x]),
        Assignment(x, y),
        CodeBlock(Assignment(x, y)),
        String("numpify_test_ran('string')"),
        sp.core.symbol.Str("numpify_test_ran('str')"),
    ],
)
def test_nodes_of_code_generation(node):
    with pytest.raises(CompileError):
        numpify(node, [x, y])
    with pytest.raises(CompileError):
        numpify([x, node], [x, y])


def _hook(self, printer, *args, **kwargs):
    ran.append("hook")
    return "numpify_test_ran('hook')"


HOOKS = {f"_{name}": _hook for name in ("numpycode", "pythoncode", "scipycode", "lambdacode", "mpmathcode")}


def test_printing_hooks_are_ignored():
    hooked_symbol = type("hooked", (sp.Symbol,), HOOKS)("x")
    assert check(hooked_symbol + 1, [hooked_symbol], 2.0) == 3.0
    for base in (sp.Expr, sp.Function, sp.sin, sp.Add, sp.Mul, sp.Pow):
        node = type("hooked", (base,), HOOKS)(x, y) if base is not sp.sin else type("hooked", (base,), HOOKS)(x)
        if not node.atoms(sp.Symbol) or type(node).__name__ != "hooked":
            continue
        with pytest.raises(CompileError, match="no NumPy form"):
            numpify(node, [x, y])
    with pytest.raises(CompileError):
        numpify(type("hooked", (sp.MatrixExpr,), {**HOOKS, "shape": (2, 2)})(x), [x])


def test_a_subclass_is_not_what_it_is_derived_from():
    class Sin(sp.sin):
        @classmethod
        def eval(cls, argument):
            return None

    class Sum(sp.Sum):
        pass

    for expr in (Sin(x), Sum(k * x, (k, 0, 2))):
        with pytest.raises(CompileError, match="no NumPy form"):
            numpify(expr, [x])


def test_a_name_that_is_no_plain_string():
    class Text(str):
        def isidentifier(self):
            return True

        def __str__(self):
            return "numpify_test_ran('text')"

        def __format__(self, spec):
            return "numpify_test_ran('text')"

    class Evil(sp.Symbol):
        @property
        def name(self):
            return Text("numpify_test_ran('property')")

        @name.setter
        def name(self, value):
            pass

    evil = Evil("x")
    assert check(evil + 1, [evil], 2.0) == 3.0
    symbol = sp.Symbol(Text("numpify_test_ran('text')"))
    assert check(symbol + 1, [symbol], 2.0) == 3.0


def test_a_name_of_a_user_function_is_not_looked_up():
    for name in ("load", "fromfile", "exec", "eval", "open", "__import__", "sin"):
        with pytest.raises(CompileError):
            numpify(sp.Function(name)(x), [x])


def test_what_is_injected_is_only_what_was_passed():
    f = sp.Function("f")
    program = compile_expression(f(x) + sp.sin(x), [(x, "x")], functions={f: np.cbrt}, cache=False).program
    source = emit_arrays(program, [NUMBER])
    strange = {n: v for n, v in source.namespace.items() if n not in ("np", "math", "__builtins__")}
    assert list(strange.values()) == [np.cbrt]


def test_c_code_below_imports_what_numpy_needs_and_nothing_else():
    """CPython 3.13 imports `warnings` to show one, and NumPy imports its own modules late, by these builtins."""
    imported = ctypes.PyDLL(None).PyImport_ImportModule
    imported.restype, imported.argtypes = ctypes.py_object, [ctypes.c_char_p]
    namespace = bare_namespace(imported=imported)
    exec("def f(name): return imported(name)", namespace)
    assert namespace["f"](b"warnings") is warnings
    assert namespace["f"](b"numpy.linalg") is np.linalg
    for name in (b"os", b"builtins", b"numpyro", b"subprocess"):
        with pytest.raises(ImportError, match=name.decode()):
            namespace["f"](name)


def test_a_warning_is_shown_from_generated_code():
    """Shown, not raised: only then does the interpreter look for `warnings`."""
    code = "import sympy as sp, numpy as np; from numpify_ctx import numpify; x = sp.Symbol('x')\n"
    code += "print(numpify(1/x)(0.0), numpify(1/x)(np.zeros(2)), numpify(1/x).freeze({x: 0.0})())"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["inf", "[inf", "inf]", "inf"]
    assert done.stderr.count("divide by zero") >= 3
