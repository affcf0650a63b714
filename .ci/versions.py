"""Print which Python this is and which versions it has of what the project stands on.

python versions.py                 one line: what is installed here
python versions.py --newer FILE    what is installed here and newer than FILE says, a line each: name==version
python versions.py --write FILE    make FILE say what is installed here
"""

import platform
import sys
from importlib.metadata import distributions
from pathlib import Path

from packaging.version import Version  # which pytest brings


FOUNDATIONS = ("equinox", "haliax", "jax", "jaxlib", "marin-haliax", "numpy", "scipy", "sympy")
TOOLS = ("dask", "haliax-refs", "hypothesis", "import-linter", "mypy", "orbax-checkpoint", "pyright", "pytest", "ruff")


def installed(names: tuple[str, ...]) -> dict[str, str]:
    found = {distribution.name.lower().replace("_", "-"): distribution.version for distribution in distributions()}
    return {name: found[name] for name in names if name in found}


def main(arguments: list[str]) -> None:
    match arguments:
        case []:
            free = "" if getattr(sys, "_is_gil_enabled", lambda: True)() else " without the lock"
            shown = installed(FOUNDATIONS) | installed(TOOLS)
            words = [f"{name} {version}" for name, version in shown.items()]
            print(f"versions: Python {platform.python_version()}{free}", *words, sep=", ")
        case ["--newer", file]:
            seen = dict(line.split("==") for line in Path(file).read_text().split())
            now = installed(FOUNDATIONS)
            newer = [n for n in now if n not in seen or Version(now[n]) > Version(seen[n])]
            print(*(f"{name}=={now[name]}" for name in newer), sep="\n", end="")
        case ["--write", file]:
            Path(file).write_text("".join(f"{n}=={version}\n" for n, version in installed(FOUNDATIONS).items()))
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
