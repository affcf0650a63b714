"""The plots and the tables of the benchmarks' page, from what is kept of each release in `benchmarks/results/`.

python docs/benchmark_page.py            # tells what is not as this script makes it
python docs/benchmark_page.py --write    # draws docs/pictures/benchmarks/, and puts the tables into docs/benchmarks.md

`python -m benchmarks --keep unreleased` measures; a release renames `unreleased.json` to `VERSION.json`.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pictures import CURVES, FAINT, LINE, STRONG, svg, text


ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "benchmarks" / "results", ROOT / "docs" / "benchmarks.md"
FOLDER = ROOT / "docs" / "pictures" / "benchmarks"
NEXT = "unreleased"
MARK = "<!-- {name}: python docs/benchmark_page.py --write -->"

Finding = dict[str, Any]


class Release(NamedTuple):
    """What was measured of one version: suites by name, each with its machine and its findings."""

    version: str
    suites: dict[str, dict[str, Any]]

    def findings(self, prefix: str, kind: str = "row") -> list[Finding]:
        """Of all suites whose name begins so."""
        found = (f for name, suite in self.suites.items() if name.startswith(prefix) for f in suite["findings"])
        return [finding for finding in found if finding["kind"] == kind]


def releases() -> list[Release]:
    """From the first one to what is to be the next."""

    def order(path: Path) -> tuple[float, ...]:
        return (math.inf,) if path.stem == NEXT else tuple(float(part) for part in path.stem.split("."))

    paths = sorted(RESULTS.glob("*.json"), key=order)
    return [Release(path.stem, json.loads(path.read_text(encoding="utf-8"))["suites"]) for path in paths]


# -- the plots -------------------------------------------------------------------------------------------------------

LABELS, HIGH, STEP = 470.0, 20.0, 300.0
SHADES = (STRONG, *CURVES[1::-1])  # of the newest release, and of those before it
OVER_RELEASES = ("numpify.calls", "numpify.arrays")  # the others of numpify came later, and are tables
FUNCTIONS = (
    "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh",
    "sqrt", "cbrt",
)  # fmt: skip
COMPILERS = ("numba", "jax.jit")
OTHERS = ("haliax.ref", "donated arrays")  # in grey: not ours


def over_releases(title: str, shown: Sequence[Release], of: Callable[[Finding], bool], prefix: str) -> str:
    """The ratio of each task, on a logarithmic axis: the newest with its quartiles, those before it as fainter dots."""
    newest, *older = [release for release in reversed(shown) if release.findings(prefix)][: len(SHADES)]
    rows = [row for row in newest.findings(prefix) if of(row)]
    least = math.floor(math.log10(min(row["ratio"]["low"] for row in rows)))
    across = STEP / (1 - least)  # of a factor of ten; the right end is 10

    def at(ratio: float) -> float:
        return LABELS + (math.log10(ratio) - least) * across

    bottom = 58 + HIGH * len(rows)
    parts = [text(16, 24, title)]
    for power in range(least, 2):
        x = at(10.0**power)
        parts.append(f'<path d="M {x:g} 44 V {bottom:g}" stroke="{LINE if power == 0 else FAINT}"/>')
        parts.append(text(x, bottom + 16, f"{10.0**power:g}", anchor="middle"))
    for number, row in enumerate(rows):
        parts += dots(row, older, 62 + HIGH * number, at)
    for number, release in enumerate((newest, *older)):
        x, y = 16 + 130 * number, bottom + 40
        parts.append(f'<circle cx="{x + 5:g}" cy="{y - 4:g}" r="5" fill="{SHADES[number]}"/>')
        parts.append(text(x + 16, y, "next release" if release.version == NEXT else release.version))
    parts.append(text(LABELS + STEP + 10, bottom + 40, "time, in times of the peer's", anchor="end"))
    return svg(LABELS + STEP + 30, bottom + 54, title, parts)


def dots(row: Finding, older: Sequence[Release], y: float, at: Callable[[float], float]) -> Iterator[str]:
    """One task: its name, what it was, and what it is."""
    yield text(LABELS - 12, y + 4, f"{row['task']}: {row['who']}", anchor="end")
    same = ("suite", "task", "who", "peer")
    before = [f for release in older for f in release.findings(row["suite"]) if all(f[k] == row[k] for k in same)]
    shades = [LINE] * len(SHADES) if row["who"] in OTHERS else SHADES
    for number, finding in reversed(list(enumerate(before, start=1))):
        yield f'<circle cx="{at(finding["ratio"]["median"]):.1f}" cy="{y:g}" r="5" fill="{shades[number]}"/>'
    low, median, high = (at(row["ratio"][name]) for name in ("low", "median", "high"))
    yield f'<path d="M {low:.1f} {y:g} H {high:.1f}" stroke="{shades[0]}" stroke-width="5" stroke-opacity="0.35"/>'
    yield f'<circle cx="{median:.1f}" cy="{y:g}" r="5" fill="{shades[0]}"/>'


def pictures() -> dict[str, str]:
    """Each by its name."""
    shown = releases()
    by_name = over_releases(
        "Named references, beside a bare jax.Ref", shown, lambda row: row["peer"] == "jax.Ref", prefix="refs."
    )
    by_formula = over_releases(
        "numpify, beside lambdify",
        shown,
        lambda row: row["suite"] in OVER_RELEASES and row["peer"] == "lambdify" and row["who"].startswith("numpify"),
        prefix="numpify.",
    )
    return {"refs": by_name, "numpify": by_formula}


# -- the tables ------------------------------------------------------------------------------------------------------


def table(findings: Sequence[Finding]) -> str:
    """Markdown, a row for each comparison."""
    lines = ["| task | who | time | peer | its time | median ratio | quartiles | at most |", "| --- " * 8 + "|"]
    for row in findings:
        ratio, target = row["ratio"], row["target"]
        cells = [row["task"], row["who"], duration(row["seconds"]), row["peer"], duration(row["peer_seconds"])]
        cells += [f"{ratio['median']:.3g}", f"{ratio['low']:.3g} to {ratio['high']:.3g}"]
        lines.append("| " + " | ".join([*cells, "" if target is None else f"{target:g}"]) + " |")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """With three digits, in the unit that it is read in."""
    unit, scale = next((u, s) for u, s in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)) if seconds >= s)
    return f"{seconds / scale:.3g} {unit}"


def counts(facts: Sequence[Finding]) -> str:
    """What is counted of each way to keep a cache."""
    found = {tuple(fact["task"].rpartition(", ")[::2]): fact["value"] for fact in facts}
    columns = list(dict.fromkeys(what for what, _ in found if what))
    lines = ["| cache in | " + " | ".join(columns) + " |", "| --- " * (1 + len(columns)) + "|"]
    ways = dict.fromkeys(who for what, who in found if what)
    lines += [f"| {who} | " + " | ".join(found[what, who] for what in columns) + " |" for who in ways]
    return "\n".join(lines)


# Of a table over the number of elements, its columns: who, as what, and of how many elements.
Columns = Sequence[tuple[str, str, Sequence[str]]]
KERNELS: Columns = (
    ("numpify, native", "native", ("10", "1e3", "1e5", "1e6", "1e7")), ("numpify, NumPy", "NumPy", ("1e3", "1e5")),
    ("numba", "numba", ("10", "1e3", "1e5", "1e6", "1e7")), ("heyoka", "heyoka", ("1e3", "1e5", "1e6")),
)  # fmt: skip
PEERS: Columns = (
    ("jax.jit", "jax.jit", ("1e3", "1e5", "1e6")), ("symengine", "symengine", ("1e3", "1e5", "1e6")),
    ("numexpr", "numexpr", ("1e3", "1e5", "1e6")), ("casadi", "casadi", ("1e3",)),
)  # fmt: skip
SEVERAL: Columns = (
    ("numpify, native", "native", ("10", "1e3", "1e5")), ("numpify, NumPy", "NumPy alone", ("10", "1e3", "1e5")),
    ("numba", "numba", ("10", "1e3", "1e5")),
)  # fmt: skip
DTYPES: Columns = (
    ("numpify, native", "native", ("1e3", "1e5", "1e6")), ("numpify, NumPy", "NumPy alone", ("1e3", "1e5", "1e6")),
    ("numba", "numba", ("1e3", "1e5", "1e6")), ("jax.jit", "jax.jit", ("1e3", "1e5", "1e6")),
    ("numexpr", "numexpr", ("1e3", "1e5", "1e6")),
)  # fmt: skip


def over_sizes(labels: str, found: Sequence[Finding], columns: Columns, firsts: dict[str, str] | None = None) -> str:
    """Medians of the ratios to lambdify(cse=True), a row for each work.

    Args:
        labels: what the parts of a task are that stand before the number of elements.
        found: rows of several tasks, sizes and peers.
        columns: which of them are shown.
        firsts: by work, what a column in front of the others has.
    """
    ratios: dict[str, dict[tuple[str, str], float]] = {}
    for row in found:
        if row["peer"] == "lambdify, cse":
            work, _, size = row["task"].removesuffix(" elements").rpartition(", ")
            ratios.setdefault(work, {})[row["who"], _short(size)] = row["ratio"]["median"]
    heads = [size if i else f"{shown}: {size}" for _, shown, sizes in columns for i, size in enumerate(sizes)]
    heads = [labels, *(["first call"] if firsts else []), *heads]
    lines = ["| " + " | ".join(heads) + " |", "| --- " * (len(heads) + labels.count("|")) + "|"]
    for work, of in ratios.items():
        cells = [of.get((who, size)) for who, _, sizes in columns for size in sizes]
        shown = ["" if cell is None else f"{cell:.2g}" for cell in cells]
        name = " | ".join(work.rsplit(", ", labels.count("|")))
        lines.append("| " + " | ".join([name, *([firsts[work]] if firsts else []), *shown]) + " |")
    return "\n".join(lines)


def _short(size: str) -> str:
    return {"1e+01": "10"}.get(size, size.replace("e+0", "e"))


def alone(found: Sequence[Finding]) -> str:
    """Of elementary functions by themselves, for each dtype what a kernel takes, and NumPy."""
    ratios = {(*row["task"].split(", ")[:2], row["who"]): row["ratio"]["median"] for row in found}
    columns = [(dtype, who) for dtype in ("float32", "float64") for who in ("numpify, native", "numpify, NumPy")]
    lines = ["| function alone, 1e5 elements | float32: native | NumPy | float64: native | NumPy |", "| --- " * 5 + "|"]
    for name in dict.fromkeys(name for name, _, _ in ratios):
        cells = [f"{ratios[name, dtype, who]:.2g}" for dtype, who in columns]
        lines.append("| " + " | ".join([f"`{name}`", *cells]) + " |")
    return "\n".join(lines)


def machine_code(newest: Release) -> dict[str, str]:
    """The tables of kernels, beside NumPy and compilers."""
    rows, kernels = newest.findings("numpify.native"), newest.findings("numpify.native", "fact")
    firsts = {
        work: fact["value"] for fact in kernels for work, sep, _ in [fact["task"].partition(": the first")] if sep
    }
    typed = newest.findings("numpify.types")
    by_itself = [row for row in typed if row["task"].split("(x), ")[0] in FUNCTIONS]
    return {
        "kernels of numpify.native": over_sizes("work", rows, KERNELS, firsts),
        "peers of numpify.native": over_sizes("work", rows, PEERS),
        "table of numpify.several": over_sizes("results", newest.findings("numpify.several"), SEVERAL),
        "table of numpify.types": over_sizes("work | dtype", [r for r in typed if r not in by_itself], DTYPES),
        "functions of numpify.types": alone(by_itself),
    }


def limits(found: Sequence[Finding]) -> str:
    """What it takes to compile, and the most memory beside the result, over all dtypes, by form and threads."""
    lines = ["| what | figure | within the limit |", "| --- " * 3 + "|"]
    most: dict[str, list[Finding]] = {}
    for fact in found:
        work, sep, form = fact["task"].partition(" elements, ")
        if sep:
            most.setdefault(f"{work.rpartition(', ')[2]} elements, {form}", []).append(fact)
        else:
            lines.append(_fact(fact["task"], [fact]))
    lines += [_fact(f"{task} the result, of {len(of)} dtypes the most", of) for task, of in most.items()]
    return "\n".join(lines)


def _fact(task: str, of: Sequence[Finding]) -> str:
    largest = max(of, key=lambda fact: float(fact["value"].split()[0]))
    return f"| {task} | {largest['value']} | {'yes' if all(fact['met'] for fact in of) else 'no'} |"


def measured(suite: dict[str, Any]) -> str:
    """Where, and with what."""
    machine = suite["machine"]
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in ("jax", "haliax", "numpy"))
    return f"Measured on {machine['cores']} cores of an {machine['processor']}: Python {machine['python']}, {versions}."


def parts() -> dict[str, str]:
    """What stands behind each mark of the page."""
    newest = releases()[-1]
    made = {f"table of {name}": table(newest.findings(name)) for name in newest.suites if name.startswith("refs.")}
    made |= {
        f"table of {name}": table(newest.findings(name)) for name in ("numpify.calls", "numpify.use", "numpify.threads")
    }
    arrays = newest.findings("numpify.arrays")
    compiled = [row for row in arrays if row["who"] in COMPILERS]
    return (
        made
        | machine_code(newest)
        | {
            "machine of refs": measured(newest.suites["refs.eager"]),
            "counts of refs.decode": counts(newest.findings("refs.decode", "fact")),
            "table of numpify.arrays": table([row for row in arrays if row not in compiled]),
            "compilers of numpify.arrays": table(compiled),
            "figures of numpify.limits": limits(newest.findings("numpify.limits", "fact")),
        }
    )


def page() -> str:
    """The page, with the tables as they are now."""
    written = PAGE.read_text(encoding="utf-8")
    for name, made in parts().items():
        mark = MARK.format(name=name)
        if mark not in written:
            raise LookupError(f"docs/benchmarks.md has no {mark}")
        written = re.sub(
            rf"({re.escape(mark)}\n\n).*?(\n\n)", lambda m, new=made: m[1] + new + m[2], written, flags=re.S
        )
    return written


def main(arguments: list[str]) -> int:
    files = {FOLDER / f"{name}.svg": drawn for name, drawn in pictures().items()} | {PAGE: page()}
    if "--write" in arguments:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path, made in files.items():
            path.write_text(made, encoding="utf-8")
        return 0
    wrong = [path for path, made in files.items() if not path.exists() or path.read_text(encoding="utf-8") != made]
    for path in wrong:
        print(f"not as docs/benchmark_page.py makes it: {path.relative_to(ROOT)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
