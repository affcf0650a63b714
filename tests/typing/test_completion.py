"""What editors and IPython offer after a dot, and what `help` shows: all that there is, and nothing of what does it."""

import inspect
import pydoc
from collections.abc import Callable

import haliax as hax
import pytest
import sympy as sp

import haliax_refs
from numpify_ctx import Parameters, numpify


jedi = pytest.importorskip("jedi")

x, k = sp.symbols("x k")
NAMESPACE = {
    "part": hax.new_ref(hax.zeros({"layer": 2})).at["layer", 0],
    "hax": hax,
    "ref": hax.new_ref(hax.zeros({"layer": 2, "head": 3})),
    "f": numpify(x * k, [x, k]),
    "wave": numpify(x * k, [x, k]).freeze(k=2.0),
    "knobs": Parameters({k: 1.0}),
}
OF_REFS = {"at", "axes", "dtype", "named_shape", "ndim", "rename", "resolve_axis", "shape", "sharding", "size", "slice"}
OF_REFS |= {"unsafe_buffer_pointer", "unsliced", "value"}


def by_jedi(line: str) -> set[str]:
    """As a language server completes in a running session."""
    return {completion.name for completion in jedi.Interpreter(line, [NAMESPACE]).complete()}


def by_ipython(line: str) -> set[str]:
    """As IPython does without jedi: by `dir`."""
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
    shell.user_ns.update(NAMESPACE)
    shell.Completer.use_jedi = False
    return {name.rpartition(".")[2] for name in shell.complete(line)[1]}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # IPython's own, of completing without jedi
@pytest.mark.parametrize("complete", [by_jedi, by_ipython])
def test_names_are_completed(complete: Callable[[str], set[str]]) -> None:
    assert complete("ref.") >= OF_REFS
    assert complete("part.") >= {"add", "apply", "divide", "get", "max", "min", "multiply", "power", "set"}
    assert complete("hax.ref.") >= set(hax.ref.__all__)
    assert complete("hax.new_") >= {"new_ref"}
    assert complete("f.") >= {"freeze", "bind", "set_parameter_context", "source", "symbolic", "parameter_names"}
    assert complete("wave.") >= {"unfreeze", "parent", "free_parameters"}
    assert complete("knobs.") >= {"observe", "parameters", "update"}


SCRIPT = """
import haliax as hax
import haliax_refs
from numpify_ctx import numpify

def use(ref: haliax_refs.NamedRef):
    ref.slice({{"x": 1}}).{}

f = numpify(1)
f.freeze().{}
"""


@pytest.mark.parametrize(("line", "offered"), [(7, OF_REFS), (10, {"unfreeze", "parent", "bind"})])
def test_names_are_completed_where_nothing_runs(line: int, offered: set[str]) -> None:
    """In an editor, from the sources and their annotations alone."""
    script = jedi.Script(SCRIPT.format("", ""))
    assert {completion.name for completion in script.complete(line)} >= offered


@pytest.mark.parametrize("name", ["ref", "f", "wave"])
def test_help_is_about_what_is_asked(name: str) -> None:
    shown = pydoc.plain(pydoc.render_doc(NAMESPACE[name]))
    assert {"ref": ">>> ", "f": "k: passed by the call", "wave": "k: frozen to 2.0"}[name] in shown


@pytest.mark.parametrize("name", sorted(hax.ref.__all__))
def test_a_signature_is_shown_as_one_calls(name: str) -> None:
    found = jedi.Interpreter(f"hax.ref.{name}(", [NAMESPACE]).get_signatures()
    assert found
    if name not in {"NamedRef", "foreach"}:
        parameters = list(inspect.signature(getattr(haliax_refs, name)).parameters)
        assert [parameter.name for parameter in found[0].params] == parameters
