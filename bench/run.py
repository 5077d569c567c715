"""Measures the server against what it is built on; prints ratios of one run and writes them as JSON.

`make bench` builds what is needed and runs this. bench/README.md says what each figure means.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.context import BenchError, Context, Progress
from harness.facts import Neighbours, machine
from harness.figures import Row, Work, table
from works import SLOW, WORKS

ROOT = Path(__file__).resolve().parent.parent
QUIET_PERCENT = 3  # of the processors, used by others: above that the report warns


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("works", nargs="*", metavar="WORK",
                        help="what to measure (default: all but the slow ones; --list says which there are)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default 5)")
    parser.add_argument("--seconds", type=float, default=4, help="for each side of a round (default 4)")
    parser.add_argument("--weir", type=Path, default=ROOT / "build/release/weir", help="the server to measure")
    parser.add_argument("--tools", type=Path, default=ROOT / "build/test", help="where bench/'s programs were built")
    parser.add_argument("--cells", default="*", metavar="PATTERN",
                        help="grid: only the cells whose name fits, as 'mixed/c*' or '64/open80'")
    parser.add_argument("--cell-rounds", type=int, default=2, help="grid: rounds of each cell (default 2)")
    parser.add_argument("--cell-seconds", type=float, default=3, help="grid: for each side of a round (default 3)")
    parser.add_argument("--peer", action="append", default=[], metavar="PATTERN",
                        help="peers: only those whose name fits, as 'FastAPI*' (may be repeated)")
    parser.add_argument("--list", action="store_true", help="say what is measured, and measure nothing")
    arguments = parser.parse_args()
    if min(arguments.rounds, arguments.cell_rounds) < 1 or min(arguments.seconds, arguments.cell_seconds) <= 0:
        parser.error("rounds are 1 or more, seconds more than 0")
    unknown = [name for name in arguments.works if name not in WORKS]
    if unknown:
        parser.error(f"there is no work {unknown[0]!r}; there are {', '.join(WORKS)}")
    return arguments


def write_results(folder: Path, results: dict[str, Any]) -> Path:
    """One file for each run."""
    folder.mkdir(exist_ok=True)
    file = folder / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime())
    file.write_text(json.dumps(results, indent=1) + "\n")
    return file


def measure_all(context: Context, names: list[str]) -> tuple[list[Work], list[str]]:
    """Every work, and what went wrong with those that are missing."""
    works: list[Work] = []
    failures: list[str] = []
    for name in names:
        scratch = context.scratch / name
        scratch.mkdir()
        try:
            works.append(WORKS[name].measure(dataclasses.replace(context, scratch=scratch)))
        except BenchError as error:
            failures.append(f"{name}: {error}")
        context.progress.clear()
    return works, failures


def main() -> int:
    """Returns 0 when everything could be measured, whether or not the goals are met."""
    arguments = parse_arguments()
    if arguments.list:
        for name, module in WORKS.items():
            print(f"{name:<13}{module.ABOUT}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that no program is left behind
    names = [name for name in WORKS if (name in arguments.works if arguments.works else name not in SLOW)]
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as scratch:
        context = Context(ROOT, Path(scratch), arguments.rounds, arguments.seconds, Progress(),
                          arguments.weir.absolute(), arguments.tools.absolute(), arguments.cells,
                          arguments.cell_rounds, arguments.cell_seconds, tuple(arguments.peer))
        facts = machine(context)
        print(f"{facts['processor']}, {facts['cores']} cores, Linux {facts['kernel']}; "
              f"load {facts['load_average_before']:.2f} before the start", flush=True)
        neighbours = Neighbours()
        works, failures = measure_all(context, names)
        facts["neighbours_percent"] = neighbours.share()
    rows: list[Row] = [row for work in works for row in work.rows]
    if rows:
        print(f"\n{table(rows)}\n")
    others = sum(facts["neighbours_percent"].values())
    print(f"Other programs used {others:.1f} % of the processors meanwhile"
          + (": these figures are noisy, measure again in a quiet moment." if others > QUIET_PERCENT else "."))
    results = {
        "machine": facts,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "failures": failures,
        "works": {work.name: {"rows": [row.as_json() for row in work.rows], "notes": work.notes} for work in works},
    }
    print(f"All figures: {write_results(ROOT / 'bench/results', results).relative_to(ROOT)}")
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as problem:
        sys.exit(f"bench: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
