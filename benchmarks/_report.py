"""What a benchmark finds, as a table, as JSON and as a picture."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ._timing import Ratio, Times


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: how much `who` takes of what `peer` takes.

    Attributes:
        suite, task: what was measured.
        seconds: for one call of `who`, in the fastest rounds.
        peer_seconds: likewise of `peer`.
        target: the greatest median ratio that we accept; None where the row is there to be seen.
        work, size: what was computed, and of how many elements, in a sweep over sizes.
    """

    suite: str
    task: str
    who: str
    peer: str
    ratio: Ratio
    seconds: float
    peer_seconds: float
    target: float | None = None
    work: str = ""
    size: int = 0

    @property
    def met(self) -> bool:
        return self.target is None or self.ratio.median <= self.target


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was counted rather than timed."""

    suite: str
    task: str
    value: str
    met: bool = True


Finding = Row | Fact


def rows(
    suite: str,
    task: str,
    times: Times,
    peer: str,
    targets: dict[str, float] | None = None,
    work: str = "",
    size: int = 0,
) -> list[Row]:
    """A row for each of what was timed but the peer."""
    targets, theirs = targets or {}, times.best(peer)
    return [
        Row(suite, task, who, peer, times.ratio(who, peer), times.best(who), theirs, targets.get(who), work, size)
        for who in times.seconds
        if who != peer
    ]


def beside_fastest(
    suite: str, task: str, times: Times, who: str, peers: Sequence[str], target: float, work: str = "", size: int = 0
) -> list[Row]:
    """A row for `who` beside the fastest of these peers; none if there are none."""
    if not peers:
        return []
    peer = min(peers, key=times.best)
    return [Row(suite, task, who, peer, times.ratio(who, peer), times.best(who), times.best(peer), target, work, size)]


def table(findings: Sequence[Finding]) -> str:
    """Markdown."""
    timed = [finding for finding in findings if isinstance(finding, Row)]
    counted = [finding for finding in findings if isinstance(finding, Fact)]
    cells = [["task", "who", "time", "peer", "its time", "fastest", "median", "quartiles", "at most"]]
    for row in timed:
        target = "" if row.target is None else f"{row.target:g}{'' if row.met else ' MISSED'}"
        cells.append(
            [
                f"{row.suite}: {row.task}",
                row.who,
                _duration(row.seconds),
                row.peer,
                _duration(row.peer_seconds),
                f"{row.ratio.best:.3g}",
                f"{row.ratio.median:.3g}",
                f"{row.ratio.low:.3g} to {row.ratio.high:.3g}",
                target,
            ]
        )
    text = _markdown(cells) if timed else ""
    if counted:
        facts = [[f"{fact.suite}: {fact.task}", fact.value + ("" if fact.met else " MISSED")] for fact in counted]
        text += ("\n\n" if text else "") + _markdown([["task", "count"], *facts])
    return text


def _markdown(cells: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def machine() -> dict[str, Any]:
    """Where and with what this runs."""
    versions = {}
    for name in (
        "jax", "jaxlib", "haliax", "numpy", "sympy", "scipy", "llvmlite", "numexpr", "numba", "symengine", "heyoka",
        "casadi",
    ):  # fmt: skip
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def write_json(path: Path, where: dict[str, Any], findings: Sequence[Finding]) -> None:
    content = {
        "machine": where,
        "findings": [{"kind": type(finding).__name__.lower()} | dataclasses.asdict(finding) for finding in findings],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def keep(path: Path, where: dict[str, Any], findings: Sequence[Finding]) -> None:
    """Put findings into the file of a release, in the place of what it has of their suites.

    A suite is kept with its machine, since one may be measured again, elsewhere, without the others.
    """
    suites = json.loads(path.read_text())["suites"] if path.exists() else {}
    for name in dict.fromkeys(finding.suite for finding in findings):
        found = [
            _rounded({"kind": type(f).__name__.lower()} | dataclasses.asdict(f)) for f in findings if f.suite == name
        ]
        suites[name] = {"machine": where, "findings": found}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"suites": suites}, indent=1) + "\n")


def _rounded(value: Any) -> Any:
    """With four digits, which is more than a measurement has."""
    if isinstance(value, dict):
        return {key: _rounded(of) for key, of in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def plot(path: Path, findings: Sequence[Finding]) -> None:
    """The ratios on a logarithmic scale, each with its quartiles and the most that we accept."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    timed = [finding for finding in findings if isinstance(finding, Row)]
    figure, axes = plt.subplots(figsize=(9, 0.32 * len(timed) + 1.2), layout="constrained")
    for y, row in enumerate(timed):
        colour = "0.6" if row.target is None else ("tab:green" if row.met else "tab:red")
        axes.plot([row.ratio.low, row.ratio.high], [y, y], color=colour, linewidth=5, alpha=0.35)
        axes.plot([row.ratio.median], [y], "o", color=colour, markersize=5)
        if row.target is not None:
            axes.plot([row.target, row.target], [y - 0.4, y + 0.4], color="black", linewidth=1.2)
    axes.axvline(1, color="0.8", linewidth=1, zorder=0)
    axes.set_yticks(range(len(timed)), [f"{row.task}: {row.who} / {row.peer}" for row in timed], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("time in units of the peer's (dot: median; bar: quartiles; line: the most we accept)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_sizes(path: Path, findings: Sequence[Finding]) -> None:
    """Of each sweep over sizes, nanoseconds an element by the number of elements, a line for each way to compute it."""
    swept = [finding for finding in findings if isinstance(finding, Row) and finding.size]
    works = list(dict.fromkeys((row.suite, row.work) for row in swept))
    if not works:
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = min(3, len(works))
    lines = -(-len(works) // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(4.6 * columns, 3 * lines), layout="constrained", squeeze=False)
    for axes in grid.flat[len(works) :]:
        axes.set_axis_off()
    for axes, (suite, work) in zip(grid.flat, works, strict=False):
        of_who: dict[str, dict[int, float]] = {}
        for row in swept:
            if (row.suite, row.work) == (suite, work):
                of_who.setdefault(row.peer, {})[row.size] = row.peer_seconds
                of_who.setdefault(row.who, {})[row.size] = row.seconds
        for who, seconds in of_who.items():
            sizes = sorted(seconds)
            axes.plot(sizes, [1e9 * seconds[n] / n for n in sizes], "o-", markersize=3, linewidth=1, label=who)
        axes.set(xscale="log", yscale="log", title=work)
        axes.title.set_fontsize(9)
    grid[0, 0].legend(fontsize=7)
    figure.supxlabel("elements")
    figure.supylabel("ns an element")
    figure.savefig(path, dpi=90)
    plt.close(figure)
