"""What holds of every source file, whichever Python reads it."""

import ast
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


def in_finally(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            yield from (inner for statement in node.finalbody for inner in ast.walk(statement))


def test_no_finally_swallows_what_was_raised() -> None:
    """A `return`, `break` or `continue` there is a SyntaxWarning from Python 3.14 on (PEP 765)."""
    leaves = (ast.Return, ast.Break, ast.Continue)
    found = {s.name: n.lineno for s in SOURCES for n in in_finally(ast.parse(s.read_text())) if isinstance(n, leaves)}
    assert found == {}
