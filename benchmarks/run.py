"""`make bench`: measures Argus beside bare Textual programs on this machine and prints a table.

Every round runs each case once, so that what else the machine does hits all alike. Compare within one run only.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import cases, processes, table
from benchmarks.measure import Figures
from benchmarks.probe import TimedOut


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _one(name: str, case: Callable[[], Figures], runs: dict[str, list[Figures]]) -> None:
    busy_s, began = processes.machine_busy_s(), time.monotonic()
    try:
        figures = case()
    except TimedOut as error:
        _say(f"   {name}: did not get there; the screen was\n{error}")
        return
    busy = (processes.machine_busy_s() - busy_s) / (time.monotonic() - began)
    runs.setdefault(name, []).append(figures)
    _say(
        f"   {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()) + f", busy cores {busy:.1f}"
    )


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(cases.GROUPS), help="groups, separated by commas")
    parser.add_argument("--json", type=Path, help="write every run there")
    given = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("The benchmarks read CPU and memory from /proc and so run on Linux only.")
    groups = given.only.split(",")
    machine = processes.machine_line()
    chosen = {name: case for group in groups for name, case in cases.GROUPS[group]().items()}
    runs: dict[str, list[Figures]] = {}
    for number in range(given.rounds):
        _say(f"== round {number + 1} of {given.rounds}")
        for name, case in chosen.items():
            _one(name, case, runs)
    print(f"\n{machine}; medians of {given.rounds}, 120×40\n")
    print(table.render([row for group in groups for row in cases.ROWS[group]], runs))
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"machine": machine, "runs": runs}, indent=1))


if __name__ == "__main__":
    main()
