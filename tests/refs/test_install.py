"""Opting in and out: what `import haliax_refs` changes, and that `uninstall` puts back exactly what was there.

Each test runs in a process of its own, since the suite itself has opted in.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import haliax as hax
import jax
import jax.numpy as jnp
import pytest

import haliax_refs


ROOT = Path(__file__).parents[2]
HAS_OWN = """
import importlib.util
assert importlib.util.find_spec("haliax.ref") is not None
"""
# haliax before 1.4.dev447 has no refs: take away what later ones have
WITHOUT_OWN = """
import sys, haliax
from importlib.abc import MetaPathFinder
class NoRef(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "haliax.ref":
            raise ModuleNotFoundError("No module named 'haliax.ref'", name=name)
sys.meta_path.insert(0, NoRef())
sys.modules.pop("haliax.ref", None)
for name in ("ref", "NamedRef", "new_ref", "freeze", "swap"):
    vars(haliax).pop(name, None)
haliax.__all__ = [name for name in haliax.__all__ if name not in ("ref", "NamedRef", "new_ref", "freeze", "swap")]
"""
SNAPSHOT = """
import sys, jax
def snapshot():
    modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "haliax"}
    seen = {(name, key): id(value) for name, module in modules.items() for key, value in vars(module).items()}
    seen |= {(m.__name__, key): id(value) for m in (jax, jax.lax) for key, value in vars(m).items()}
    return seen | {("sys.modules", name): id(module) for name, module in modules.items()}
"""
owns = pytest.mark.parametrize("before", [HAS_OWN, WITHOUT_OWN], ids=["own refs", "no refs"])


def run(*parts: str) -> str:
    """Run a script in a fresh process; it fails with what the script raised."""
    script = "import warnings\nwarnings.simplefilter('ignore')\n" + "\n".join(textwrap.dedent(part) for part in parts)
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def skip_without_own_refs(before: str) -> None:
    if before == HAS_OWN and not any(path.name == "ref.py" for path in Path(hax.__file__).parent.iterdir()):
        pytest.skip("this haliax has no refs of its own")


@owns
def test_uninstall_puts_back_every_object(before: str) -> None:
    skip_without_own_refs(before)
    out = run(
        before,
        SNAPSHOT,
        """
        import haliax
        import haliax.quantization
        first = snapshot()
        import haliax_refs
        changed = {key for key, value in snapshot().items() if first.get(key) != value}
        assert ("haliax", "new_ref") in changed and ("haliax.hof", "vmap") in changed
        assert ("haliax.quantization", "vmap") in changed and ("jax.lax", "while_loop") in changed
        assert {name for module, name in changed if module == "jax"} == set(
            "checkpoint grad value_and_grad jacfwd jacrev hessian remat shard_map typeof vmap".split())
        haliax_refs.uninstall()
        assert snapshot() == first
        haliax_refs.uninstall()
        assert snapshot() == first
        haliax_refs.install()
        again = snapshot()
        haliax_refs.install()
        assert snapshot() == again
        assert {key for key, value in again.items() if first.get(key) != value} == changed
        haliax_refs.uninstall()
        assert snapshot() == first
        print("done")
        """,
    )
    assert out == "done\n"


@pytest.mark.parametrize(
    ("before", "order"),
    [
        (HAS_OWN, "import haliax_refs; import haliax.ref; import haliax as hax"),
        (WITHOUT_OWN, "import haliax as hax; import haliax_refs; import haliax.ref"),
        (WITHOUT_OWN, "from haliax_refs import NamedRef; from haliax import ref; import haliax as hax, haliax.ref"),
        (HAS_OWN, "import haliax as hax, haliax_refs as h; h.uninstall(); h.install(); import haliax.ref"),
    ],
)
def test_any_order_of_imports(before: str, order: str) -> None:
    skip_without_own_refs(before)
    run(
        before,
        order,
        """
        import haliax_refs
        from haliax.ref import foreach, get, wrap
        assert haliax.ref is hax.ref and haliax.ref.get is get is haliax_refs.get
        assert hax.new_ref is hax.ref.new_ref is haliax_refs.new_ref
        assert hax.NamedRef is haliax_refs.NamedRef and hax.freeze is haliax_refs.freeze
        assert {"NamedRef", "new_ref", "freeze", "swap", "ref"} <= set(hax.__all__)
        ref = hax.new_ref(hax.zeros({"x": 3}))
        ref["x", 1] = 2.0
        assert get(ref).array.tolist() == [0, 2, 0]
        assert hax.vmap(lambda cell: cell[...], "x")(ref).array.tolist() == [0, 2, 0]
        """
        if jax.__version_info__ >= (0, 10)
        else "",
    )


def test_haliax_imported_further_while_installed() -> None:
    """A module of haliax that is imported later takes what is patched; uninstall finds it there."""
    run("""
        import haliax as hax, sys
        original = hax.hof.vmap
        sys.modules.pop("haliax.quantization", None)
        import haliax_refs
        import importlib
        importlib.reload(importlib.import_module("haliax.quantization"))
        assert hax.quantization.vmap is hax.vmap is not original
        haliax_refs.uninstall()
        assert hax.quantization.vmap is hax.vmap is original
    """)


def test_importing_while_tracing() -> None:
    out = run("""
        import jax
        import jax.numpy as jnp
        @jax.jit
        def f(x):
            import haliax as hax, haliax_refs
            ref = hax.new_ref(x, "x")
            ref["x", 0] = 5.0
            return ref[...].array
        print(f(jnp.zeros(2)))
        import haliax_refs
        print(haliax_refs.new_ref(jnp.zeros(2), "x")["x", 1].item())
    """)
    assert out.split() == ["[5.", "0.]", "0.0"]


def test_refs_go_on_working_without_the_opt_in() -> None:
    run("""
        import haliax as hax, haliax_refs, jax
        ref = hax.new_ref(hax.zeros({"x": 3, "y": 2}))
        view = ref.slice("x", 1)
        haliax_refs.uninstall()
        assert not haliax_refs.is_installed()
        jax.jit(lambda view: view.at["y", 0].set(4.0))(view)
        assert haliax_refs.get(ref, {"x": 1}).array.tolist() == [4, 0]
        out = haliax_refs.foreach("x", ref)(lambda row: row["y", 0])
        assert out.array.tolist() == [0, 4, 0]
        assert haliax_refs.freeze(ref).axes == view.unsliced().axes
    """)


def test_refs_that_haliax_made_are_accepted() -> None:
    skip_without_own_refs(HAS_OWN)
    run("""
        import haliax as hax, jax, jax.numpy as jnp
        theirs = hax.new_ref(hax.zeros({"x": 3, "y": 2}))
        view = theirs.slice({"x": slice(1, 3)})
        import haliax_refs
        assert not isinstance(theirs, haliax_refs.NamedRef)
        hax.ref.set(view, {"x": 0}, 7.0)
        assert hax.ref.get(theirs, {"x": 1}).array.tolist() == [7, 7]
        assert hax.swap(view, {"x": 1, "y": 0}, 3.0).item() == 0
        hax.ref.addupdate(theirs, {"x": jnp.array([0, 0])}, 1.0)
        other = hax.new_ref(hax.zeros({"x": 3}))
        hax.ref.foreach("x", theirs, other)(lambda row, cell: cell.at[...].set(row["y", 0]))
        assert other[...].array.tolist() == [2, 7, 3]
        leaves = hax.tree_util.tree_leaves({"a": theirs})
        assert leaves == [theirs]
        assert hax.freeze(theirs).array.tolist() == [[2, 2], [7, 7], [3, 0]]
    """)


def test_patched_functions_look_as_before() -> None:
    in_jax = ((jax, name) for name in ("checkpoint", "grad", "value_and_grad", "jacfwd", "jacrev", "hessian", "vmap"))
    for owner, name in ((hax, "vmap"), (hax, "scan"), *in_jax):
        patched = getattr(owner, name)
        original = patched.__wrapped__
        assert original is not patched
        assert inspect.signature(patched) == inspect.signature(original)
        assert patched.__doc__ == original.__doc__
        assert patched.__name__ == name
    assert inspect.signature(jax.lax.while_loop) == inspect.signature(jax.lax.while_loop.__wrapped__)


@pytest.mark.parametrize("name", ["map", "fold", "scan"])
def test_what_has_no_refs_goes_straight_to_haliax(name: str) -> None:
    """Without refs among the arguments, nothing of ours but the entry is between the call and the function."""
    X = hax.Axis("x", 3)
    ours = Path(haliax_refs.__file__).parent
    seen: set[str] = set()

    def body(*args: Any) -> Any:
        seen.update(frame.function for frame in inspect.stack(0) if ours in Path(frame.filename).parents)
        out = (args[0][...] if isinstance(args[0], hax.NamedRef) else args[0]) * 2.0
        return (out, out) if name == "scan" else out

    loop = getattr(hax, name)(body, X)
    first = () if name == "map" else (hax.ones(()),)
    loop(*first, hax.arange(X, dtype=jnp.float32))
    assert seen == {"scanned"}
    loop(*first, hax.new_ref(hax.zeros(X)))
    assert seen > {"scanned"}


def test_vmap_without_refs_fails_as_before() -> None:
    with pytest.raises(ValueError, match="infer axis size"):
        hax.vmap(lambda x: None, "x")(jnp.zeros(3))
