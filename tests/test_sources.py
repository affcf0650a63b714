"""What holds of every source file, whichever Python reads it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
FOLDERS = ("haliax_refs", "numpify_ctx", "tests", "examples", "benchmarks", "docs")
SOURCES = sorted(source for folder in FOLDERS for source in (ROOT / folder).rglob("*.py"))
INLINED = (ast.ListComp, ast.SetComp, ast.DictComp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.GeneratorExp)


def names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def within(node: ast.AST, *apart: type[ast.AST]) -> Iterator[ast.AST]:
    """What a node contains, but for what is in functions, which have frames of their own, and in nodes `apart`."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*FUNCTIONS, *apart)):
            yield from within(child, *apart)


def bound_and_global(source: str) -> list[tuple[str, str]]:
    """Functions in which one comprehension binds a name that another takes from outside of the function."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            body = list(within(function, *INLINED))
            inner = [node for node in body if isinstance(node, INLINED)]
            binds = [names(comprehension, ast.Store) for comprehension in inner]
            takes = [names(comprehension, ast.Load) - own for comprehension, own in zip(inner, binds, strict=True)]
            local = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
            local |= {node.id for node in body if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            found += [(function.name, name) for name in sorted(set().union(*binds) & set().union(*takes) - local)]
    return found


BAD = """
def number(): ...
def f(plain):
    rows = {n: number for n, number in plain.items()}
    return rows, [number() for _ in plain]
"""


def test_the_scan_finds_what_cpython_3_12_1_gets_wrong() -> None:
    assert bound_and_global(BAD) == [("f", "number")]
    assert bound_and_global(BAD.replace("n, number in", "n, other in")) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_comprehension_binds_what_another_takes_for_a_global(folder: str) -> None:
    """CPython 3.12.1 inlines both into the function, and raises UnboundLocalError at the second."""
    sources = [source for source in SOURCES if source.relative_to(ROOT).parts[0] == folder]
    found = {source.relative_to(ROOT).as_posix(): bound_and_global(source.read_text()) for source in sources}
    assert {name: places for name, places in found.items() if places} == {}


def leaving(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """What leaves a block: each `return`, and each `break` and `continue` of a loop around it."""
    for statement in statements:
        loops = (ast.For, ast.While, ast.AsyncFor)
        inside = [statement, *within(statement)] if not isinstance(statement, FUNCTIONS) else []
        yield from (node for node in inside if isinstance(node, ast.Return))
        inside = [statement, *within(statement, *loops)] if not isinstance(statement, (*FUNCTIONS, *loops)) else []
        yield from (node for node in inside if isinstance(node, ast.Break | ast.Continue))


def test_no_finally_swallows_what_was_raised() -> None:
    """Leaving one by `return`, `break` or `continue` is a SyntaxWarning from Python 3.14 on (PEP 765)."""
    tries = [
        (s.name, node) for s in SOURCES for node in ast.walk(ast.parse(s.read_text())) if isinstance(node, ast.Try)
    ]
    assert {name: node.lineno for name, found in tries for node in leaving(found.finalbody)} == {}
    (bad,) = ast.parse("try: ...\nfinally:\n  while x:\n    break\n  if y: return").body
    assert isinstance(bad, ast.Try)
    assert [type(node) for node in leaving(bad.finalbody)] == [ast.Return]


# -- what threads share ----------------------------------------------------------------------------------------------

CONTAINERS = {"dict", "list", "set", "deque", "OrderedDict", "defaultdict", "WeakKeyDictionary", "WeakValueDictionary"}
CHANGES = frozenset("add append clear discard extend insert pop popitem popleft remove setdefault update".split())  # noqa: SIM905  # short
DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)

# Rooms whose objects are made for one compilation, in the thread that compiles, and dropped after it.
OF_ONE_COMPILATION = ("numpify_ctx/_lowering", "numpify_ctx/_emission", "numpify_ctx/_program", "numpify_ctx/_symbolic")
OF_A_FUNCTION = ("numpify_ctx/_program/bounds.py",)  # but these are kept by the function that was compiled


def is_container(value: ast.expr | None) -> bool:
    called = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
    return isinstance(value, DISPLAYS) or called in CONTAINERS


def changed_in_functions(tree: ast.Module) -> set[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)]
    inner = [node for function in functions for node in ast.walk(function)]
    by_method = {ast.unparse(n.value) for n in inner if isinstance(n, ast.Attribute) and n.attr in CHANGES}
    by_item = {ast.unparse(n.value) for n in inner if isinstance(n, ast.Subscript) and not isinstance(n.ctx, ast.Load)}
    return by_method | by_item


def without_a_reason(source: str, attributes: bool) -> list[str]:
    """Containers that functions change, of the module and of `self`, beside which no word is of threads or locks."""
    tree, lines, found = ast.parse(source), source.splitlines(), []
    changed = changed_in_functions(tree)
    reasons = {
        node: any("thread" in docstring for docstring in [ast.get_docstring(node) or ""])
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    said_of_class = {inner for node, said in reasons.items() if said for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_container(node.value) and node not in said_of_class:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            shared = node in tree.body or (attributes and any(ast.unparse(t).startswith("self.") for t in targets))
            beside = "\n".join(lines[max(0, node.lineno - 6) : node.lineno + 1])
            if shared and not re.search(r"thread|lock", beside):
                found += [name for name in map(ast.unparse, targets) if name in changed]
    return found


SHARED = """
_SEEN: dict[int, str] = {}
TABLE = {1: "one"}
class Kept:
    def __init__(self):
        self._entries = []
    def keep(self, entry):
        self._entries.append(entry)
        _SEEN[entry] = TABLE[1]
"""


def test_the_scan_finds_what_threads_share() -> None:
    assert without_a_reason(SHARED, attributes=True) == ["_SEEN", "self._entries"]
    assert without_a_reason(SHARED, attributes=False) == ["_SEEN"]
    assert without_a_reason(SHARED.replace("_SEEN: d", "# each thread its own\n_SEEN: d"), attributes=False) == []


@pytest.mark.parametrize("package", ["haliax_refs", "numpify_ctx"])
def test_no_container_is_shared_by_threads_without_a_reason_beside_it(package: str) -> None:
    """Python may run without its lock: what is safe then, and why, is written where the container is made."""
    found = {}
    for source in SOURCES:
        name = source.relative_to(ROOT).as_posix()
        if name.startswith(package):
            attributes = not name.startswith(OF_ONE_COMPILATION) or name in OF_A_FUNCTION
            found[name] = without_a_reason(source.read_text(), attributes)
    assert {name: places for name, places in found.items() if places} == {}


# -- what is private ---------------------------------------------------------------------------------------------------

PACKAGES = ("haliax_refs", "numpify_ctx")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def underscored_imports(source: str) -> list[str]:
    """Names with an underscore that come from another file of the package: imported, or taken of an imported module."""
    tree, found, modules = ast.parse(source), [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith(PACKAGES)):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name.islower()}
            if (
                node.module and node.module.rpartition(".")[2] not in PACKAGES
            ):  # else a folder, of whose files it is one
                found += [alias.name for alias in node.names if is_private(alias.name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            found += [f"{node.value.id}.{node.attr}"] * is_private(node.attr)
    return found


def test_the_scan_finds_underscored_imports() -> None:
    source = "from ._one import _a, b\nfrom . import two, _three\nfrom jax import _src\ntwo._c + two.d + two.__doc__"
    assert underscored_imports(source) == ["_a", "two._c"]


@pytest.mark.parametrize("package", PACKAGES)
def test_underscores_are_of_a_file_and_of_a_package(package: str) -> None:
    """A file inside of a private folder needs none, and a name with one is used in its own file only."""
    files = sorted((ROOT / package).rglob("*.py"))
    inside = [path.relative_to(ROOT).as_posix() for path in files if path.parent != ROOT / package]
    assert [name for name in inside if any(map(is_private, name.split("/")[2:]))] == []
    found = {path.relative_to(ROOT).as_posix(): underscored_imports(path.read_text()) for path in files}
    assert {name: names for name, names in found.items() if names} == {}
