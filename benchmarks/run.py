"""Run the benchmarks, each suite in a process of its own: print the table of ratios, write it as JSON and as pictures.

python -m benchmarks                      # all of it
python -m benchmarks numpify              # the suites whose name begins so
python -m benchmarks --quick              # a tenth of the rounds, to see that it runs
python -m benchmarks --keep 0.2.0         # keeps what is found as that of a release, in benchmarks/results/
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from ._report import Finding, keep, machine, plot, plot_sizes, table, write_json
from ._timing import CLOCKS, use_clock


# name -> module with `measure(rounds: float) -> list[Finding]`, where `rounds` scales how long it looks
SUITES = {
    "refs.eager": "benchmarks.refs_eager",
    "refs.calls": "benchmarks.refs_calls",
    "refs.decode": "benchmarks.refs_decode",
    "numpify.calls": "benchmarks.numpify_calls",
    "numpify.arrays": "benchmarks.numpify_arrays",
    "numpify.native": "benchmarks.numpify_native",
    "numpify.several": "benchmarks.numpify_several",
    "numpify.types": "benchmarks.numpify_types",
    "numpify.use": "benchmarks.numpify_use",
    "numpify.limits": "benchmarks.numpify_limits",
    "numpify.threads": "benchmarks.numpify_threads",
}


RESULTS = Path("benchmarks/results")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="*", help=f"how the names of the suites begin, of {', '.join(SUITES)}; or all")
    parser.add_argument("--only", action="append", metavar="PREFIX", help="the same, as an option; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"), help="folder of the JSON and the picture")
    keep_help = f"the release to keep the findings of, in {RESULTS}; `unreleased` for what is to be the next one"
    parser.add_argument("--keep", metavar="VERSION", help=keep_help)
    clock_help = "wall time, or the processor time of all threads, for a machine that is not idle"
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help=clock_help)
    options = parser.parse_args(arguments)
    prefixes = (*options.prefix, *(options.only or ()))
    chosen = [name for name in SUITES if not prefixes or name.startswith(prefixes)]
    if not chosen:
        parser.error(f"no suite begins with {' or '.join(prefixes)}: there are {', '.join(SUITES)}")
    findings: list[Finding] = []
    # What one suite leaves in memory would change how long the allocator takes in the next one.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
        bar = tqdm(chosen, unit="suite", disable=None)  # on a terminal; else a line for each suite
        for name in bar:
            bar.set_description(name)
            if bar.disable:
                print(f"{name} ...", file=sys.stderr, flush=True)
            findings += fresh.submit(_measured, name, 0.1 if options.quick else 1.0, options.clock).result()
    print(table(findings))
    where = machine() | {"clock": options.clock}
    print("\n" + json.dumps(where))
    write_json(options.out / "benchmarks.json", where, findings)
    plot(options.out / "benchmarks.png", findings)
    plot_sizes(options.out / "sizes.png", findings)
    if options.keep:
        keep(RESULTS / f"{options.keep}.json", where, findings)
    missed = [finding.task for finding in findings if not finding.met]
    if missed:
        print("missed: " + "; ".join(missed), file=sys.stderr)
    return 0


def _measured(name: str, rounds: float, clock: str) -> list[Finding]:
    """What one suite finds."""
    use_clock(clock)
    warnings.filterwarnings("ignore", "jax.experimental.shard_map", DeprecationWarning)
    found: list[Finding] = importlib.import_module(SUITES[name]).measure(rounds)
    return found


if __name__ == "__main__":
    sys.exit(main())
