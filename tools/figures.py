"""Figures of the code of both packages, for a reader of a change: what grew, and what has no reason to.

    python tools/figures.py            # a table; exit status 1 if a limit is broken
    python tools/figures.py --places   # every place that counts against a limit, too
    python tools/figures.py --rooms    # comments for 100 lines in each folder, too

Limits: fewer than 10 % of the parameters of a package are typed `Any`; no function has more than 40 lines of code, and
no file more than 400 lines, unless its first lines say why: a line that begins with `Long:` in the docstring of the
function or of the module. Files of tests keep to the last limit, too.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("haliax_refs", "numpify_ctx")

MOST_ANY = 0.10
MOST_LINES_OF_A_FUNCTION = 40
MOST_LINES_OF_A_FILE = 400
REASON = "Long:"


@dataclass
class Figures:
    """What is counted in one package."""

    files: int = 0
    code: int = 0
    comments: int = 0
    parameters: int = 0
    functions: int = 0
    any_parameters: list[str] = field(default_factory=list)
    long_functions: list[str] = field(default_factory=list)
    long_files: list[str] = field(default_factory=list)

    @property
    def share_of_any(self) -> float:
        """The share of the parameters that are typed `Any`."""
        return len(self.any_parameters) / max(self.parameters, 1)

    def broken(self) -> list[str]:
        """The limits that do not hold, in words."""
        limits = []
        if self.share_of_any >= MOST_ANY:
            limits.append(f"{self.share_of_any:.1%} of the parameters are typed Any; the limit is {MOST_ANY:.0%}")
        limits += [f"a function of over {MOST_LINES_OF_A_FUNCTION} lines: {place}" for place in self.long_functions]
        limits += [f"a file of over {MOST_LINES_OF_A_FILE} lines: {place}" for place in self.long_files]
        return limits


def figures_of(package: str) -> Figures:
    """Count one package."""
    return _figures_of_files(sorted((ROOT / package).rglob("*.py")))


def _figures_of_files(paths: list[Path]) -> Figures:
    figures = Figures()
    for path in paths:
        _count_file(path, figures)
    return figures


def _print_rooms(package: str) -> None:
    """The comments of each folder by itself, not of those in it."""
    rooms = sorted({path.parent for path in (ROOT / package).rglob("*.py")})
    for room in rooms:
        figures = _figures_of_files(sorted(room.glob("*.py")))
        print(f"  {room.relative_to(ROOT).as_posix():42}{figures.code:8}{100 * figures.comments / figures.code:8.1f}")


def _count_file(path: Path, figures: Figures) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    name = str(path.relative_to(ROOT))
    lines = _lines_of_code(text, tree)
    figures.files += 1
    figures.code += len(lines)
    figures.comments += _comments(text)
    length = text.count("\n")
    if length > MOST_LINES_OF_A_FILE and not _has_reason(tree):
        figures.long_files.append(f"{name} ({length})")
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        figures.functions += 1
        place = f"{name}:{function.lineno} {function.name}"
        assert function.end_lineno is not None
        size = sum(function.lineno <= line <= function.end_lineno for line in lines)
        if size > MOST_LINES_OF_A_FUNCTION and not _has_reason(function):
            figures.long_functions.append(f"{place} ({size})")
        for parameter in _parameters(function):
            figures.parameters += 1
            if parameter.annotation is not None and ast.unparse(parameter.annotation).strip("'\"") == "Any":
                figures.any_parameters.append(f"{place}({parameter.arg})")


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.arg]:
    """All parameters but `self` and `cls`, which nobody annotates."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for parameter in [*named, *filter(None, (arguments.vararg, arguments.kwarg))]:
        if parameter.annotation is not None or parameter.arg not in ("self", "cls"):
            yield parameter


def _lines_of_code(text: str, tree: ast.Module) -> set[int]:
    """The numbers of the lines that hold code: no blank ones, no comments, no docstrings."""
    skipped: set[int] = set()
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node):
            docstring = node.body[0]
            assert docstring.end_lineno is not None
            skipped.update(range(docstring.lineno, docstring.end_lineno + 1))
    plain = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in plain:
            found.update(range(token.start[0], token.end[0] + 1))
    return found - skipped


def _comments(text: str) -> int:
    """The number of lines with a comment, directives to tools apart."""
    directives = ("noqa", "type:", "pragma", "fmt:")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(
        token.type == tokenize.COMMENT and not token.string.lstrip("# ").startswith(directives) for token in tokens
    )


def _has_reason(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    docstring = ast.get_docstring(node) or ""
    return any(line.strip().startswith(REASON) for line in docstring.splitlines())


def main(arguments: list[str]) -> int:
    """Print the figures of both packages; 1 if a limit does not hold."""
    print(f"{'package':14}{'files':>7}{'code':>8}{'functions':>11}{'Any':>8}{'comments / 100 lines':>22}")
    status = 0
    for package in PACKAGES:
        figures = figures_of(package)
        rate = 100 * figures.comments / figures.code
        print(
            f"{package:14}{figures.files:7}{figures.code:8}{figures.functions:11}{figures.share_of_any:8.1%}{rate:22.1f}"
        )
        if "--places" in arguments:
            print(*figures.any_parameters, sep="\n")
        if "--rooms" in arguments:
            _print_rooms(package)
        for line in figures.broken():
            print(f"  {line}")
            status = 1
    for place in figures_of("tests").long_files:
        print(f"  a file of over {MOST_LINES_OF_A_FILE} lines: {place}")
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
