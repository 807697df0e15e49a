"""`python -m benchmarks.team [CASE …]`: measures the server and prints a table with goals.

Ratios are of runs that took turns within one call. What starts real servers and a real `mongod` here needs the extra
`dev` and Linux; leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import processes, table
from benchmarks.cases import Row
from benchmarks.team import ask, crowd, history, idle, load, stream_cpu
from benchmarks.team.report import Runs, say


class Case(NamedTuple):
    """What can be asked for by name."""

    rows: Sequence[Row]
    measure: Callable[[argparse.Namespace], Coroutine[Any, Any, Runs]]


CASES = {
    "load": Case(load.ROWS, lambda given: load.measure(load.Load(duration_s=given.seconds))),
    "idle": Case(idle.ROWS, lambda given: idle.measure(idle.Crowd(rounds=given.rounds))),
    "ask": Case(ask.ROWS, lambda given: ask.measure(ask.Asking())),
    "crowd": Case(crowd.ROWS, lambda given: crowd.measure(crowd.Crowding(rounds=given.rounds))),
    "history": Case(history.ROWS, lambda given: history.measure(history.Lengths())),
    "stream": Case(stream_cpu.ROWS, lambda given: stream_cpu.measure(stream_cpu.Streaming(rounds=given.rounds))),
}


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--seconds", type=float, default=130.0, help="how long `load` runs; one kill each 60 s")
    parser.add_argument("--rounds", type=int, default=3, help="of `idle`, `crowd` and `stream`")
    parser.add_argument("--json", type=Path, help="write every run there")
    given = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("The benchmarks read CPU and memory from /proc and so run on Linux only.")
    if unknown := set(given.cases) - set(CASES):
        parser.error(f"no case is called {', '.join(sorted(unknown))}")
    found: dict[str, Runs] = {}
    for name in given.cases or CASES:
        machine = processes.machine_line()
        say(f"== {name}")
        found[name] = asyncio.run(CASES[name].measure(given))
        print(f"\n{name}: {machine}\n\n{table.render(CASES[name].rows, found[name])}", flush=True)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
