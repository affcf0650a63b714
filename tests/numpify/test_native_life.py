"""When a kernel is compiled, what becomes of it in threads and processes, and what its text may hold."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import sympy as sp

from numpify_ctx._compile import compile_expression
from numpify_ctx._emission.native.types import CALLS
from numpify_ctx._execution import native as execution, native_compiling
from numpify_ctx._execution.entry import Entry

from .native_forms import both, check_same, is_native


pytest.importorskip("llvmlite")
x, y, z, w = sp.symbols("x y z w")

EXPR = sp.exp(-x) * y + x / (1 + y**2) + z


@pytest.fixture(scope="module")
def three():
    return both(EXPR, [x, y, z])


# -- when ------------------------------------------------------------------------------------------------------------


def entry_of(expr, arguments, native):
    found = compile_expression(expr, [(a, str(a)) for a in arguments], cache=False)
    return Entry(found.program, native=native)


def pay_after(elements, monkeypatch):
    """A kernel pays after so many elements, and is compiled by the thread that calls."""
    monkeypatch.setattr(execution, "PAYS", elements)
    monkeypatch.setattr(execution, "_SECONDS_AN_ELEMENT", 1.0)


def test_a_kernel_is_compiled_when_it_pays(monkeypatch):
    entry = entry_of(sp.sin(x) * x + 1, [x], None)
    values = np.linspace(0, 1, 1000)
    entry(values)
    assert "not native yet" in entry.explain(values)
    assert entry.native.source == ""
    pay_after(10_000, monkeypatch)
    for _ in range(4):
        entry(values)
    assert is_native(entry, values)
    assert "define void @kernel" in entry.native.source


def test_a_kernel_that_would_hold_up_the_call_is_compiled_beside_it(monkeypatch):
    entry = entry_of(sp.sin(x) * x + 2, [x], None)
    values = np.linspace(0, 1, 100)
    monkeypatch.setattr(execution, "PAYS", 100)
    pending = []
    monkeypatch.setattr(execution, "executor", lambda: type("Pool", (), {"submit": lambda _, *a: pending.append(a)})())
    entry(values)
    entry(values)
    assert len(pending) == 1
    assert not is_native(entry, values)
    function, *args = pending[0]
    function(*args)
    assert is_native(entry, values)


def test_what_fails_is_left_to_numpy_and_told(monkeypatch):
    entry = entry_of(sp.sin(x) * x + 3, [x], None)
    values = np.linspace(0, 1, 100)
    pay_after(100, monkeypatch)

    def fail(*args):
        raise AssertionError("no such operation")

    monkeypatch.setattr(native_compiling, "cluster_text", fail)
    entry(values)
    with pytest.warns(RuntimeWarning, match="could not compile machine code: no such operation"):
        found = entry(values)
    np.testing.assert_array_equal(found, np.sin(values) * values + 3)
    assert "no such operation" in entry.explain(values)
    entry(values)  # told once


def test_an_interrupt_leaves_the_next_call_to_compile(monkeypatch):
    entry = entry_of(sp.sin(x) * x + 4, [x], None)
    values = np.linspace(0, 1, 100)
    pay_after(100, monkeypatch)

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(native_compiling, "cluster_text", interrupt)
        entry(values)
        with pytest.raises(KeyboardInterrupt):
            entry(values)
    entry(values)
    assert is_native(entry, values)


def test_native_false_never_compiles():
    entry = entry_of(sp.sin(x) * x, [x], False)
    assert entry.native is None
    assert "native=False" in entry.explain(np.ones(3))


def test_forms_are_bounded(monkeypatch):
    monkeypatch.setattr(execution, "_MOST_FORMS", 2)
    monkeypatch.setattr(native_compiling, "_MOST_KERNELS", 3)
    entry = entry_of(x * y + 1, [x, y], True)
    a = np.ones(4)
    for values in [(a, a), (a, 1.0), (1.0, a), (a.astype(np.float32), a)]:
        entry(*values)
    assert len(entry.native._forms) <= 8
    assert len(entry.native.compiler.kernels) <= 3


def test_a_program_too_large_for_a_kernel_is_left_to_numpy(monkeypatch):
    monkeypatch.setattr(native_compiling, "_LARGEST", 3)
    entry = entry_of(sp.sin(x) * x + sp.cos(x) / 3, [x], True)
    check_same(entry(np.ones(3)), np.sin(np.ones(3)) + np.cos(np.ones(3)) / 3)
    assert "more than a kernel takes" in entry.explain(np.ones(3))


# -- processes and threads -------------------------------------------------------------------------------------------


def test_threads_share_the_work_and_give_the_same(monkeypatch):
    monkeypatch.setattr("numpify_ctx._execution.native_calls.PIECE", 100)
    for expr in (EXPR, [EXPR, x * y], sp.Matrix([x * y, EXPR])):
        native, plain = both(expr, [x, y, z], threads=2)
        rng = np.random.default_rng(9)
        for values in [rng.normal(size=(3, 1001)), (rng.normal(size=(40, 30)), rng.normal(size=30), 2.0)]:
            check_same(native(*values), plain(*values))


def test_many_callers_at_once(three):
    native, plain = three
    rng = np.random.default_rng(10)
    cases = [(v, plain(*v)) for v in rng.normal(size=(4, 3, 2000))]
    failures = []

    def call(values, wanted):
        failures.extend(values for _ in range(20) if not np.allclose(native(*values), wanted))

    callers = [threading.Thread(target=call, args=case) for case in cases]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_calls_and_compiles():
    code = """
import os, sys, numpy as np, sympy as sp
from numpify_ctx._compile import compile_expression
from numpify_ctx._execution.entry import Entry
x = sp.Symbol("x")
def entry(e): return Entry(compile_expression(e, [(x, "x")], cache=False).program, native=True)
f = entry(sp.sin(x)*x); a = np.ones(50); before = f(a)
pid = os.fork()
if pid == 0:
    ok = np.array_equal(f(a), before) and entry(sp.cos(x)*x)(a).shape == (50,)
    os._exit(0 if ok else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_function_that_was_dropped_takes_its_kernel_along():
    import gc
    import weakref

    entry = entry_of(sp.exp(x) * x + 5, [x], True)
    entry(np.ones(9))
    kernel = weakref.ref(entry.native.compiler.kernels[0])
    del entry
    gc.collect()
    assert kernel() is None


# -- safety ----------------------------------------------------------------------------------------------------------


HOSTILE = ['x") ret void ; define', "%v1", "@kernel", "}\ndefine void @main()", "!0", '" #1 asm "']


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_an_expression_is_in_the_text(name):
    """The text has numbers and our own identifiers: it is the same whatever the parameters are called."""
    symbol, other = sp.Symbol(name), sp.Symbol("x")
    texts = []
    for s in (symbol, other):
        found = compile_expression(sp.sin(s) * s + sp.Rational(1, 3), [(s, "x")], cache=False)
        entry = Entry(found.program, native=True)
        entry(np.ones(3))
        texts.append(entry.native.source)
    assert texts[0] == texts[1]


def test_the_text_is_of_our_own_words():
    native, _ = both(sp.Piecewise((sp.sin(x) ** y, x < y), (sp.log(x) + sp.I * y, True)), [x, y])
    with np.errstate(all="ignore"):
        native(np.ones(9), np.ones(9))
    text = native.native.source
    assert text
    names = set(re.findall(r"[%@]([A-Za-z0-9_.$-]+)", text))
    assert all(re.fullmatch(r"[a-z0-9.]+", name) for name in names)
    assert "asm" not in text
    assert "inttoptr" not in text
    called = set(re.findall(r"call [^@]*@([\w.]+)\(", text))
    ours = {"loop", *(f"{p}{s}" for p in ("pack", "unpack") for s in (1, 4, 8, 16)), *CALLS}
    assert all(name in ours or name.startswith("llvm.") or ".rare." in name for name in called)


def test_the_option_of_numpify():
    from numpify_ctx import DYNAMIC_PARAMETER, numpify

    f = numpify(sp.sin(x) * x + y, [x, y], native=True, cache=False)
    a = np.ones(5)
    assert "not native yet" in f.explain(a, 2.0)
    assert f(a, 2.0).shape == (5,)
    assert f.explain(a, y=2.0).startswith("native: a kernel")
    assert "@kernel" in f.native_source
    bound = f.freeze(y=DYNAMIC_PARAMETER).set_parameter_context({y: 3.0})
    assert bound.explain(a).startswith("native")
    with pytest.raises(TypeError, match="native must be True, False or None, got 'yes'"):
        numpify(x, native="yes")


def test_without_llvmlite_everything_works_and_says_so():
    code = """
import sys
sys.modules["llvmlite"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "llvmlite" else found(name, *rest)
del sys.modules["llvmlite"]
import numpy as np, sympy as sp
from numpify_ctx import CompileError, numpify
x = sp.Symbol("x")
f = numpify(sp.sin(x) * x)
for _ in range(3): f(np.ones(4_000_000))
assert "not installed" in f.explain(np.ones(3)), f.explain(np.ones(3))
assert "llvmlite" not in sys.modules
sys.modules["llvmlite"] = None
try: numpify(x, native=True)
except CompileError as error: assert "haliax-refs[fast]" in str(error)
else: raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_pickled_function_compiles_anew():
    from numpify_ctx import numpify

    f = numpify(sp.sin(x) * x, [x])
    a = np.ones(5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))(a), f(a))


@pytest.mark.parametrize(
    "expr", [x * y**2 + sp.cos(y) * sp.erf(x), [x * y, sp.erf(x) * y + x / y], x * y + 1, [x * y, x + y]]
)
def test_a_quick_way_holds_the_machine_code_that_it_calls(expr):
    """Of one program, eight forms are remembered; a way to one that is forgotten stays."""
    pytest.importorskip("scipy")
    entry = entry_of(expr, [x, y], True)
    kinds = ["f8", "f4", "i8", "i4", "i2", "u1", "c16"]
    a = np.linspace(1, 2, 9)
    for one in kinds:
        for other in kinds:
            for _ in range(3):
                entry(a.astype(one), a.astype(other))
    assert entry.native.quicks
    used = 0
    for quick in entry.native.quicks:
        held = {id(ufunc) for one in quick.words["held"] for ufunc in _ufuncs_of(getattr(one, "kernel", one))}
        functions = [word.__globals__ for word in quick.words.values() if hasattr(word, "__globals__")]
        for value in [v for names in (quick.words, *functions) for v in names.values()]:
            if isinstance(value, np.ufunc) and value.__name__ == "numpify":
                assert id(value) in held
                used += 1
    assert used


def _ufuncs_of(kernel):
    return [kernel.ufunc, kernel.writing]
