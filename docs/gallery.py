"""The pictures of the page of examples: what the examples draw, each run in its short form.

python docs/gallery.py            # tells whose code is another than the one that drew its picture
python docs/gallery.py --write    # runs these, and keeps their pictures in docs/pictures/gallery/

An example checks what it computes, and exits with 1 where that is wrong; then there is no picture. What was trained
differs from machine to machine in the last digits, so the code that drew a picture is compared, not the picture.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
FOLDER = ROOT / "docs" / "pictures" / "gallery"
MADE = FOLDER / "made.json"

# The arguments that make an example run for seconds, before the path of its figure.
COMMANDS = {
    "decode": ["--seconds", "40", "--tokens", "64", "--batch", "1", "--figure"],
    "serve": ["--steps", "20", "--requests", "16", "--positions", "96", "--pages", "28", "--figure"],
    "train_inplace": ["--steps", "40", "--figure"],
    "paged_attention": ["--figure"],
    "resonance": [],
}


def fingerprint(name: str) -> str:
    """What an example's code is, with its parts and its command; without comments and docstrings."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    parts = [path for path in sorted(EXAMPLES.glob("_*.py")) if f"from {path.stem} import" in text]
    texts = [path.read_text(encoding="utf-8") for path in (EXAMPLES / f"{name}.py", *parts)]
    code = "\n".join([*(line for text in texts for line in statements(text)), *COMMANDS[name]])
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def statements(text: str) -> Iterator[str]:
    """The lines of a source, in the same form for every version of Python: without what says nothing to it."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, documented) and ast.get_docstring(node)]
    docstrings = {n for node in nodes for n in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and number not in docstrings and not line.lstrip().startswith("#"):
            yield line.strip()


def stale() -> list[str]:
    """The examples whose pictures were drawn by other code, or are not there."""
    made = json.loads(MADE.read_text(encoding="utf-8")) if MADE.exists() else {}
    return [name for name in COMMANDS if made.get(name) != fingerprint(name) or not (FOLDER / f"{name}.png").exists()]


def draw(name: str) -> None:
    """Run an example in its short form.

    Raises:
        subprocess.CalledProcessError: its check failed.
    """
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *COMMANDS[name], str(FOLDER / f"{name}.png")]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": paths})


def main(arguments: list[str]) -> int:
    names = stale()
    if "--write" not in arguments:
        for name in names:
            print(f"not drawn by the code that is there: docs/pictures/gallery/{name}.png")
        return 1 if names else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = json.loads(MADE.read_text(encoding="utf-8")) if MADE.exists() else {}
    for name in names:
        made[name] = fingerprint(name)  # of the code that is about to run
        draw(name)
        MADE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
