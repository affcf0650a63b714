"""Every name of SymPy is one that a package of SymPy exports, or has a fallback: the package imports without it."""

import ast
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import sympy as sp
from sympy.tensor.array.expressions import ArraySymbol

import numpify_ctx
from numpify_ctx._lowering.rules import RULES
from numpify_ctx._symbolic import nodes


SOURCES = sorted(Path(numpify_ctx.__file__).parent.rglob("*.py"))
# `nodes` is where the others are looked up, by the text of a module's name.
LOOKED_UP = sorted(
    node.value
    for node in ast.walk(ast.parse(Path(nodes.__file__).read_text()))
    if isinstance(node, ast.Constant) and str(node.value).startswith("sympy.")
)


def is_package(module: str) -> bool:
    return hasattr(import_module(module), "__path__")


def exported(package: str, name: str) -> bool:
    return is_package(package) and name in import_module(package).__all__


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: "/".join(s.parts[-2:]))
def test_what_is_imported_from_sympy_is_exported_by_a_package_of_it(source: Path) -> None:
    tree = ast.parse(source.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    taken = [(node.module, alias.name) for node in imports for alias in node.names if "sympy" in str(node.module)]
    assert [(module, name) for module, name in taken if not exported(str(module), name)] == []
    plain = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names if "sympy" in a.name]
    assert set(plain) <= {"sympy"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: "/".join(s.parts[-2:]))
def test_what_is_taken_of_the_module_sympy_is_exported_by_it(source: Path) -> None:
    dotted = {ast.unparse(n) for n in ast.walk(ast.parse(source.read_text())) if isinstance(n, ast.Attribute)}
    paths = [name.split(".")[1:] for name in dotted if re.fullmatch(r"sp(\.\w+)+", name)]
    taken = {path[0] for path in paths}
    packages = {m.name for m in pkgutil.iter_modules(sp.__path__) if m.ispkg}
    assert taken - set(sp.__all__) - packages == set()
    # sp.logic.boolalg.Boolean: a module's name, which no package exports
    assert [p for p in paths if p[0] in packages and p[1:] and not exported(f"sympy.{p[0]}", p[1])] == []


WITHOUT = """
import sys, types
import sympy as sp, sympy.codegen, sympy.tensor.array.expressions  # which export what they take of the modules
for module in {modules}:
    sys.modules[module] = {instead}
import numpify_ctx
x, k = sp.symbols("x k")
f = numpify_ctx.numpify(sp.exp(-k * x) + sp.Sum(x**k, (k, 0, 3)) + sp.Piecewise((x, x > k), (0, True)))
assert f(k=2.0, x=0.0) == 2.0, f(k=2.0, x=0.0)
A = sp.tensor.array.expressions.ArraySymbol("A", (2, 2))
trace = numpify_ctx.numpify(sp.tensor.array.expressions.ArrayContraction(A, (0, 1)))
assert trace([[1.0, 5.0], [7.0, 2.0]]) == 3.0
"""


@pytest.mark.parametrize("instead", ["None", "types.ModuleType(module)"], ids=["no module", "no name in it"])
def test_the_package_works_without_every_name_that_is_looked_up(instead: str) -> None:
    """As on a SymPy that has moved all of them at once. (`None` is what makes an import fail.)"""
    assert len(LOOKED_UP) > 5
    program = WITHOUT.format(modules=LOOKED_UP, instead=instead)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_class_found_by_an_instance_is_the_one_that_was_meant() -> None:
    where = {
        "AppliedUndef": "sympy.core.function",
        "UndefinedFunction": "sympy.core.function",
        "MatrixElement": "sympy.matrices.expressions.matexpr",
        "BooleanAtom": "sympy.logic.boolalg",
        "Boolean": "sympy.logic.boolalg",
        "ExprWithLimits": "sympy.concrete.expr_with_limits",
    }
    for name, module in where.items():
        assert getattr(nodes, name) is getattr(import_module(module), name), name


def test_what_sympy_lacks_is_an_instance_of_nothing_and_has_no_rule() -> None:
    lacking = nodes.Names("sympy.codegen.cfunctions").expm9
    assert nodes.is_absent(lacking)
    assert not nodes.is_absent(sp.Symbol)
    assert nodes.Names("sympy.nowhere.at_all").exp is not nodes.Names("sympy.nowhere.at_all").exp
    assert not [kind for kind in RULES if nodes.is_absent(kind)]


def test_the_number_of_axes_by_any_name_that_sympy_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`get_rank` to 1.14, `get_ndim` from 1.15 on, and neither, some day."""
    module = import_module("sympy.tensor.array.expressions.array_expressions")
    arrays = [ArraySymbol("A", (2, 3, 4)), sp.MatrixSymbol("M", 2, 3), sp.Symbol("x")]
    counted = [3, 2, 0]
    assert [nodes.rank_of(a) for a in arrays] == counted
    for name in ("get_ndim", "get_rank", None):
        lookup = nodes.Names(module.__name__)
        fake = type("fake", (), {} if name is None else {name: staticmethod(lambda a: len(getattr(a, "shape", ())))})
        lookup._module = fake
        monkeypatch.setattr(nodes, "_array_expressions", lookup)
        assert [nodes.rank_of(a) for a in arrays] == counted
