"""Runs -> medians -> a Markdown table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.cases import Row
from benchmarks.measure import Figures

_UNITS = {
    "ms": "{:,.0f} ms",
    "s": "{:.2f} s",
    "mb": "{:.0f} MB",
    "percent": "{:.1f} %",
    "kilobytes": "{:,.0f} kB",
    "token": "{:,.0f} µs",
    "us": "{:,.0f} µs",
    "kib": "{:.0f} KiB",
    "count": "{:,.0f}",
}


def render(rows: Sequence[Row], runs: dict[str, list[Figures]]) -> str:
    """Return the rows whose cases were run."""
    lines = ["| what | here | compared with | ratio | goal |", "|---|---:|---:|---:|---|"]
    lines += [_line(row, runs) for row in rows if runs.get(row.case)]
    return "\n".join(lines)


def _line(row: Row, runs: dict[str, list[Figures]]) -> str:
    here = _values(runs.get(row.case, []), row.figure)
    there = _values(runs.get(row.floor or "", []), row.figure)
    ratio = f"{statistics.median(here) / base:.2f} ×" if here and there and (base := statistics.median(there)) else "–"
    cells = (row.what, _cell(row.figure, here), _cell(row.figure, there), ratio, row.goal)
    return f"| {' | '.join(cells)} |"


def _values(runs: list[Figures], figure: str) -> list[float]:
    return [run[figure] for run in runs if figure in run]


def _cell(figure: str, values: list[float]) -> str:
    if not values:
        return "–"
    unit = "{:.1f} a second" if figure.endswith("per_s") else _UNITS[figure.rpartition("_")[2]]
    median = unit.format(statistics.median(values))
    return f"{median} [{min(values):.4g} to {max(values):.4g}]" if len(values) > 1 else median
